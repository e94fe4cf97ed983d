"""Windows against np.stack and numbers that can be checked by hand."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from sklstm import (
    Sequences,
    SequenceWindower,
    make_histories,
    make_supervised,
    make_windows,
)
from tests._data import ALL_SHORT

TENS = np.arange(10, 110, 10)
TABLE = pd.DataFrame({"load": [1.0, 2, 3, 4], "temp": [10.0, 20, 30, 40]})

sizes = st.integers(1, 12)


@ALL_SHORT
@given(n=sizes, length=sizes, n_features=st.integers(1, 3), data=st.data())
def test_each_row_gets_the_rows_up_to_it(n, length, n_features, data):
    X = np.arange(n * n_features, dtype=float).reshape(n, n_features)
    holes = st.tuples(st.integers(0, n - 1), st.integers(0, n_features - 1))
    for hole in data.draw(st.lists(holes)):  # missing values stay where they are
        X[hole] = np.nan
    windows = SequenceWindower(length).fit_transform(X)
    assert len(windows) == n
    for t in range(n):
        assert_array_equal(windows[t], X[max(0, t + 1 - length) : t + 1])


@ALL_SHORT
@given(n=sizes, length=sizes)
def test_flat_columns_are_the_lags(n, length):
    X = np.arange(2.0 * n).reshape(n, 2)
    flat = SequenceWindower(length, flatten=True, fill_value=np.nan).fit_transform(X)
    lags = [pd.DataFrame(X).shift(k) for k in range(length - 1, -1, -1)]
    assert_array_equal(flat, pd.concat(lags, axis=1).to_numpy())
    edge = SequenceWindower(length, flatten=True).fit_transform(X)
    lags = [lag.fillna(pd.Series(X[0])) for lag in lags]
    assert_array_equal(edge, pd.concat(lags, axis=1).to_numpy())


@given(st.lists(sizes, min_size=1), sizes)
def test_any_sequences_are_shortened(n_steps, length):
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=(n, 2)) for n in n_steps]
    windows = SequenceWindower(length).fit_transform(Sequences.from_arrays(arrays))
    for window, array in zip(windows, arrays, strict=True):
        assert_array_equal(window, array[-length:])


@ALL_SHORT
@given(n=sizes, length=sizes)
def test_flat_histories_are_flat_rows(n, length):
    X = np.arange(2.0 * n).reshape(n, 2)
    windower = SequenceWindower(length, flatten=True)
    expected = windower.fit_transform(X)
    assert_array_equal(windower.fit_transform(make_histories(X)), expected)
    assert_array_equal(windower.transform(make_histories(X)[::-1]), expected[::-1])


def test_flat_columns_have_names():
    windower = SequenceWindower(2, flatten=True).set_output(transform="pandas")
    flat = windower.fit_transform(TABLE)
    assert list(flat) == ["load_lag1", "temp_lag1", "load_lag0", "temp_lag0"]
    assert_array_equal(flat["temp_lag1"], [10, 10, 20, 30])
    assert_array_equal(flat.index, TABLE.index)


def test_flat_columns_of_histories_have_names_and_the_index():
    table = TABLE.set_axis(list("wxyz"))
    windower = SequenceWindower(2, flatten=True).set_output(transform="pandas")
    expected = windower.fit_transform(table)
    flat = windower.fit_transform(make_histories(table))
    pd.testing.assert_frame_equal(flat, expected)


def test_set_output_leaves_sequences_alone():
    windower = SequenceWindower(2).set_output(transform="pandas")
    assert windower.fit_transform(TABLE).shape == (4, 2, 2)
    assert not hasattr(windower, "get_feature_names_out")


@ALL_SHORT
def test_memory_is_that_of_the_table_and_not_of_the_windows():
    X = np.zeros((1_000_000, 8), dtype=np.float32)
    windower = SequenceWindower(sequence_length=128).fit(X[:1])
    tracemalloc.start()
    windows = windower.transform(X)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert windows.shape == (1_000_000, 128, 8)
    assert np.shares_memory(windows.steps, X)
    assert peak < 2 * X.nbytes


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_infinity_is_refused_and_located(value):
    X = np.zeros((4, 2))
    X[2, 1] = value
    frame = pd.DataFrame({"load": X[:, 0], "temp": X[:, 1]})
    for table, feature in [(X, "1"), (frame, "'temp'")]:
        message = f"contains infinity: row 2, feature {feature}. Impute"
        with pytest.raises(ValueError, match=message) as error:
            SequenceWindower().fit(table)
        assert "\n" not in str(error.value)
        windower = SequenceWindower(2).fit(table[:2])
        with pytest.raises(ValueError, match=message):
            windower.transform(table)


def test_make_windows_by_hand():
    X, y = make_windows(TENS, sequence_length=3)
    assert X.shape == (7, 3, 1)
    assert_array_equal(X[0], [[10], [20], [30]])
    assert_array_equal(X[-1], [[70], [80], [90]])
    assert_array_equal(y, [40, 50, 60, 70, 80, 90, 100])


def test_make_windows_from_a_dataframe():
    X, y = make_windows(TABLE, 2, target="temp")
    assert_array_equal(X[1], [[2, 20], [3, 30]])
    assert_array_equal(y, [30, 40])
    assert_array_equal(make_windows(TABLE, 2, target=1)[1], y)
    assert_array_equal(make_windows(TABLE["temp"], 2)[1], y)
    assert_array_equal(make_windows(TABLE, 2)[1], [[3, 30], [4, 40]])


@given(
    n=st.integers(2, 25),
    length=st.integers(1, 6),
    horizon=st.integers(1, 4),
    stride=st.integers(1, 5),
)
def test_make_windows_is_a_stack_of_slices(n, length, horizon, stride):
    data = np.arange(n * 2).reshape(n, 2)
    if n < length + horizon:
        with pytest.raises(ValueError, match=f"at least {length + horizon} are needed"):
            make_windows(data, length, horizon=horizon)
        return
    X, y = make_windows(data, length, horizon=horizon, stride=stride, target=1)
    begins = range(0, n - length - horizon + 1, stride)
    assert_array_equal(X, np.stack([data[i : i + length] for i in begins]))
    ahead = [data[i + length : i + length + horizon, 1] for i in begins]
    assert_array_equal(y, np.stack(ahead).squeeze(1) if horizon == 1 else ahead)


@given(n=st.integers(2, 20), horizon=st.integers(1, 5))
def test_make_supervised_agrees_with_make_windows(n, horizon):
    if n <= horizon:
        return
    data = np.random.default_rng(0).normal(size=(n, 2))
    X, y = make_supervised(data, horizon, target=0)
    rows, y_of_rows = make_supervised(data, horizon, target=0, as_rows=True)
    windows, ahead = make_windows(data, 1, horizon=horizon, target=0)
    assert_array_equal(rows, windows[:, 0])
    assert_array_equal(X.tail(1), windows)
    for i, history in enumerate(X):
        assert_array_equal(history, data[: i + 1])
    assert_array_equal(y, ahead)
    assert_array_equal(y_of_rows, ahead)


@given(
    n=st.integers(2, 25),
    length=st.integers(1, 6),
    horizon=st.integers(1, 4),
    stride=st.integers(1, 5),
)
def test_shortened_histories_are_those_of_make_windows(n, length, horizon, stride):
    if n < length + horizon:
        return
    data = np.arange(n * 2).reshape(n, 2)
    X, y = make_supervised(data, horizon)
    windows = SequenceWindower(length).fit_transform(X)[length - 1 :: stride]
    stacked, ahead = make_windows(data, length, horizon=horizon, stride=stride)
    assert_array_equal(windows, stacked)
    assert_array_equal(y[length - 1 :: stride], ahead)


def test_make_supervised_keeps_a_dataframe():
    dates = pd.date_range("2020-01-01", periods=4)
    table = TABLE.set_index(dates)
    X, y = make_supervised(table, horizon=2, target="load", as_rows=True)
    pd.testing.assert_frame_equal(X, table.iloc[:2])
    expected = pd.DataFrame({"load+1": [2.0, 3.0], "load+2": [3.0, 4.0]}, dates[:2])
    pd.testing.assert_frame_equal(y, expected, check_freq=False)


def test_make_supervised_takes_every_column_or_several():
    y = make_supervised(TABLE, horizon=2)[1]
    assert_array_equal(y, [[2, 20, 3, 30], [3, 30, 4, 40]])
    assert list(y) == ["load+1", "temp+1", "load+2", "temp+2"]
    several = make_supervised(TABLE, 2, target=["load", "temp"])[1]
    pd.testing.assert_frame_equal(several, y)


@pytest.mark.parametrize("target", ["wind", 2, -1, ["load", "wind"]])
def test_unknown_target_is_named(target):
    with pytest.raises(ValueError, match="is not in the table, which has columns"):
        make_windows(TABLE, 2, target=target)


def test_an_index_level_is_no_target():
    table = TABLE.rename_axis("hour")
    for options in ({}, {"known": ["temp"]}, {"time": "hour"}):
        with pytest.raises(ValueError, match="target='hour' is not in the table"):
            make_supervised(table, target="hour", **options)


SHOPS = TABLE.assign(shop=list("abab"), day=[1, 0, 0, 1])
KEYS = {"group": "shop", "time": "day"}


def test_histories_that_were_made_without_the_keys_are_refused():
    X = make_histories(TABLE)
    for parameter, key in KEYS.items():
        message = (
            f"{parameter}='{key}' names a column, but X is Sequences that were made"
            f" without it: give {parameter}= to make_supervised or make_histories."
        )
        with pytest.raises(ValueError, match="made without it") as error:
            SequenceWindower(2, **{parameter: key}).fit(X)
        assert str(error.value) == message


def test_histories_and_tables_with_keys_are_not_mixed():
    X = make_histories(SHOPS, **KEYS)
    expected = [window.tolist() for window in SequenceWindower(2).fit_transform(X)]
    windower = SequenceWindower(2, **KEYS)
    for windows in (windower.fit_transform(X), windower.transform(SHOPS)):
        assert [window.tolist() for window in windows] == expected
    assert [window.tolist() for window in windower.fit_transform(SHOPS)] == expected
    with pytest.raises(
        ValueError, match="fitted to a table with group='shop' and time"
    ):
        windower.transform(X)


def test_features_are_those_of_fit():
    X = make_histories(TABLE)
    windower = SequenceWindower(2).fit(X)
    assert list(windower.feature_names_in_) == ["load", "temp"]
    assert windower.n_features_in_ == 2
    with pytest.raises(ValueError, match=r"X has the features \['temp', 'load'\], but"):
        windower.transform(make_histories(TABLE[["temp", "load"]]))
    windower.fit(make_histories(TABLE.to_numpy()))
    assert not hasattr(windower, "feature_names_in_")
    with pytest.raises(ValueError, match="1 features in each step, but SequenceWindow"):
        windower.transform(make_histories(TENS))
