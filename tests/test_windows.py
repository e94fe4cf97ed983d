"""Windows against np.stack and numbers that can be checked by hand."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from sklstm import SequenceWindower, make_supervised, make_windows

TENS = np.arange(10, 110, 10)
TABLE = pd.DataFrame({"load": [1.0, 2, 3, 4], "temp": [10.0, 20, 30, 40]})

sizes = st.integers(1, 12)


@given(n=sizes, length=sizes, n_features=st.integers(1, 3))
def test_each_row_gets_the_rows_up_to_it(n, length, n_features):
    X = np.arange(n * n_features, dtype=float).reshape(n, n_features)
    windows = SequenceWindower(length).fit_transform(X)
    assert len(windows) == n
    for t in range(n):
        assert_array_equal(windows[t], X[max(0, t + 1 - length) : t + 1])


@given(n=sizes, length=sizes)
def test_flat_columns_are_the_lags(n, length):
    X = np.arange(2.0 * n).reshape(n, 2)
    flat = SequenceWindower(length, flatten=True, fill_value=np.nan).fit_transform(X)
    lags = [pd.DataFrame(X).shift(k) for k in range(length - 1, -1, -1)]
    assert_array_equal(flat, pd.concat(lags, axis=1).to_numpy())
    edge = SequenceWindower(length, flatten=True).fit_transform(X)
    lags = [lag.fillna(pd.Series(X[0])) for lag in lags]
    assert_array_equal(edge, pd.concat(lags, axis=1).to_numpy())


def test_flat_columns_have_names():
    windower = SequenceWindower(2, flatten=True).set_output(transform="pandas")
    flat = windower.fit_transform(TABLE)
    assert list(flat) == ["load_lag1", "temp_lag1", "load_lag0", "temp_lag0"]
    assert_array_equal(flat["temp_lag1"], [10, 10, 20, 30])
    assert_array_equal(flat.index, TABLE.index)


def test_names_come_along():
    windows = SequenceWindower(2).fit_transform(TABLE)
    assert list(windows.feature_names) == ["load", "temp"]
    assert list(windows[:2].feature_names) == ["load", "temp"]


def test_set_output_leaves_sequences_alone():
    windower = SequenceWindower(2).set_output(transform="pandas")
    assert windower.fit_transform(TABLE).shape == (4, 2, 2)
    assert not hasattr(windower, "get_feature_names_out")


def test_windows_are_views_of_the_rows():
    X = np.zeros((100, 2))
    assert np.shares_memory(SequenceWindower(10).fit_transform(X).steps, X)


def test_memory_is_that_of_the_table_and_not_of_the_windows():
    X = np.zeros((1_000_000, 8), dtype=np.float32)
    windower = SequenceWindower(sequence_length=128).fit(X[:1])
    tracemalloc.start()
    windows = windower.transform(X)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert windows.shape == (1_000_000, 128, 8)
    assert peak < 2 * X.nbytes


def test_rows_with_holes_are_refused():
    X = np.zeros((4, 2))
    X[2, 1] = np.nan
    with pytest.raises(ValueError, match="contains NaN: row 2, column 1"):
        SequenceWindower().fit(X)


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
    windows, ahead = make_windows(data, 1, horizon=horizon, target=0)
    assert_array_equal(X, windows[:, 0])
    assert_array_equal(y, ahead)


def test_make_supervised_keeps_a_dataframe():
    dates = pd.date_range("2020-01-01", periods=4)
    X, y = make_supervised(TABLE.set_index(dates), horizon=2, target="load")
    pd.testing.assert_frame_equal(X, TABLE.set_index(dates).iloc[:2])
    assert_array_equal(y, [[2, 3], [3, 4]])


def test_make_supervised_takes_every_column_or_several():
    y = make_supervised(TABLE, horizon=2)[1]
    assert_array_equal(y, [[2, 20, 3, 30], [3, 30, 4, 40]])
    assert_array_equal(make_supervised(TABLE, 2, target=["load", "temp"])[1], y)


@pytest.mark.parametrize("target", ["wind", 2, -1, ["load", "wind"]])
def test_unknown_target_is_named(target):
    with pytest.raises(ValueError, match="is not a column; columns are"):
        make_windows(TABLE, 2, target=target)


def test_an_index_level_is_no_target():
    table = TABLE.rename_axis("hour")
    for options in ({}, {"known": ["temp"]}, {"time": "hour"}):
        with pytest.raises(ValueError, match="target='hour' is not a column; columns"):
            make_supervised(table, target="hour", **options)
