"""A row is its whole past: alone, in any fold, in any order and after a pickle."""

import pickle
import sys
import tracemalloc

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import StackingRegressor, VotingRegressor
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import Ridge
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    KFold,
    TimeSeriesSplit,
    cross_val_predict,
    cross_val_score,
    learning_curve,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklstm import (
    LSTMRegressor,
    Sequences,
    SequenceWindower,
    make_histories,
    make_supervised,
)
from sklstm.forecasting import AnchoredRegressor, PanelTimeSeriesSplit
from tests._data import ALL_SHORT


@st.composite
def panels(draw):
    """Labels, times with gaps, and values, in any order."""
    labels, times = [], []
    for name in range(draw(st.integers(1, 4))):
        steps = draw(st.lists(st.sampled_from([1, 1, 1, 5]), min_size=1, max_size=12))
        labels += [name] * len(steps)
        times += np.cumsum(steps).tolist()
    rows = np.column_stack([labels, times, np.arange(len(labels)) * 10])
    return rows[draw(st.permutations(range(len(rows))))]


def slow_histories(rows, max_gap):
    """For each row the values of its series up to it and since the last gap."""
    histories = []
    for name, time, value in rows.tolist():
        before = sorted([t, v] for n, t, v in rows.tolist() if n == name and t < time)
        history = [value]
        for t, v in reversed(before):
            if time - t > max_gap:
                break
            history.insert(0, v)
            time = t
        histories.append(history)
    return histories


def as_lists(sequences):
    return [sequence[:, 0].tolist() for sequence in sequences]


@ALL_SHORT
@given(panels(), st.integers(1, 5), st.data())
def test_the_window_of_a_sample_is_the_same_wherever_it_goes(rows, length, data):
    expected = slow_histories(rows, max_gap=1)
    X = make_histories(rows, group=0, time=1, max_gap=1)
    assert as_lists(X) == expected
    positions = st.integers(0, len(rows) - 1)
    fold = data.draw(st.lists(positions, min_size=1, max_size=15))
    windower = SequenceWindower(length).fit(X)
    for part in (X[fold], pickle.loads(pickle.dumps(X[fold]))):
        windows = windower.transform(part)
        assert as_lists(windows) == [expected[i][-length:] for i in fold]
        some = data.draw(st.lists(st.integers(0, len(fold) - 1), min_size=1))
        again = pickle.loads(pickle.dumps(windows[some]))
        assert as_lists(again) == [expected[fold[i]][-length:] for i in some]
        # Where the history goes on before a window, the step before it is there, too.
        begins, starts = again.begins_within(), again.starts
        for i, j in enumerate(some):
            history = expected[fold[j]]
            assert begins[i] == (len(history) > length)
            if begins[i]:
                assert again.steps[starts[i] - 1, 0] == history[-length - 1]


@pytest.mark.filterwarnings("ignore:.*(samples are lost|have no sample)")
@given(panels(), st.integers(1, 3))
def test_targets_are_those_of_lists(rows, horizon):
    labels, times, column = rows.T
    expected = {}
    for i, (name, time) in enumerate(zip(labels, times, strict=True)):
        later = [
            column[(labels == name) & (times == time + k)].tolist()
            for k in range(1, horizon + 1)
        ]
        if all(later):
            expected[i] = [value for values in later for value in values]
    arguments = {"horizon": horizon, "group": 0, "time": 1, "max_gap": 1}
    if not expected:
        with pytest.raises(ValueError, match="No row of data is followed"):
            make_supervised(rows, **arguments)
        return
    X, y = make_supervised(rows, **arguments)
    histories = slow_histories(rows, max_gap=1)
    assert as_lists(X) == [histories[i] for i in expected]
    assert y.reshape(len(X), -1).tolist() == list(expected.values())
    assert (X.horizon, X.targets) == (horizon, [0])
    assert_array_equal(X.series_names[X.series], labels[list(expected)])
    assert_array_equal(X.times, times[list(expected)])


def lagged(n, seed=0):
    """A series that depends on what it was 1 and 30 rows before."""
    noise = np.random.default_rng(seed).normal(size=n)
    series = np.zeros(n)
    for t in range(n):
        series[t] = noise[t]
        if t >= 30:
            series[t] += 0.5 * series[t - 1] + 0.45 * series[t - 30]
    return series


X, Y = make_supervised(lagged(600))
LENGTHS = [2, 8, 31]
LAGS = make_pipeline(SequenceWindower(flatten=True), Ridge())
GRID = {"sequencewindower__sequence_length": LENGTHS}
SPLITTERS = [
    TimeSeriesSplit(8, test_size=30),
    TimeSeriesSplit(8, test_size=30, gap=7),
    KFold(5),
    KFold(5, shuffle=True, random_state=0),
]


@pytest.mark.parametrize("cv", SPLITTERS)
def test_a_search_scores_windows_as_if_made_before_it(cv):
    search = GridSearchCV(LAGS, GRID, cv=cv).fit(X, Y)
    scores = [search.cv_results_[f"split{i}_test_score"] for i in range(cv.n_splits)]
    for length, column in zip(LENGTHS, np.transpose(scores), strict=True):
        windows = SequenceWindower(length, flatten=True).fit_transform(X)
        before = cross_val_score(Ridge(), windows, Y, cv=cv)
        assert_allclose(column, before, rtol=1e-9)
    assert search.best_params_ == {"sequencewindower__sequence_length": 31}


def test_a_search_finds_the_same_in_two_processes(two_processes):
    search = GridSearchCV(LAGS, GRID, cv=SPLITTERS[-1]).fit(X, Y)
    alone = clone(search).set_params(n_jobs=1).fit(X, Y)
    scores = [found.cv_results_["mean_test_score"] for found in (search, alone)]
    assert_array_equal(*scores)
    assert_array_equal(search.predict(X), alone.predict(X))


def test_halving_over_samples_finds_the_lag():
    search = HalvingGridSearchCV(
        LAGS, GRID, cv=KFold(4), min_resources=200, factor=2, random_state=0
    )
    search.fit(X, Y)
    assert search.n_resources_[-1] > search.n_resources_[0]
    assert search.best_params_ == {"sequencewindower__sequence_length": 31}


@pytest.mark.parametrize("shuffled", [False, True])
def test_a_search_over_a_panel_finds_the_lag(shuffled):
    table = pd.concat(
        pd.DataFrame({"shop": name, "day": np.arange(150), "y": lagged(150, seed)})
        for seed, name in enumerate("abcd")
    )
    table = table.sample(frac=1, random_state=0) if shuffled else table
    X, y = make_supervised(table, group="shop", time="day")
    cv = PanelTimeSeriesSplit(4, test_size=20, gap=1)
    search = GridSearchCV(LAGS, GRID, cv=cv, error_score="raise").fit(X, y)
    assert search.best_params_ == {"sequencewindower__sequence_length": 31}
    windows = SequenceWindower(31, flatten=True).fit_transform(X)
    folds = list(cv.split(X))
    assert all(X.times[train].max() < X.times[test].min() for train, test in folds)
    before = cross_val_score(Ridge(), windows, y, cv=folds)
    assert_allclose(search.best_score_, before.mean(), rtol=1e-9)


def test_nothing_of_scikit_learn_makes_an_array_of_histories():
    """An array of these would raise: see below."""
    how = {"cv": TimeSeriesSplit(3), "error_score": "raise"}
    expected = cross_val_score(LAGS, X, Y, **how)
    for same in (
        VotingRegressor([("a", LAGS), ("b", LAGS)]),
        TransformedTargetRegressor(LAGS, transformer=StandardScaler()),
    ):
        assert_allclose(cross_val_score(same, X, Y, **how), expected)
    stacked = StackingRegressor([("a", LAGS)], Ridge(), cv=3)
    assert np.isfinite(cross_val_score(stacked, X, Y, **how)).all()


def test_predictions_and_curves_take_histories():
    assert cross_val_predict(LAGS, X, Y, cv=KFold(3)).shape == Y.shape
    sizes, *_ = learning_curve(LAGS, X, Y, cv=KFold(3), train_sizes=[100, 300])
    assert_array_equal(sizes, [100, 300])


def test_histories_are_not_converted_to_an_array():
    message = (
        "599 whole histories of up to 599 steps are not converted to an array of"
        " 599 × 599 × 1 values: shorten them with SequenceWindower first. To scale or"
        " transform their steps use StepTransformer; the LSTM estimators need no"
        " scaler."
    )
    with pytest.raises(ValueError, match="599 whole histories") as error:
        np.asarray(X)
    assert str(error.value) == message
    with pytest.raises(ValueError, match="599 whole histories") as error:
        make_pipeline(StandardScaler(), LAGS).fit(X, Y)
    assert str(error.value) == message


def test_an_lstm_names_the_windower_that_was_forgotten():
    model = LSTMRegressor(4, linear_skip=False, max_epochs=1)
    message = "599 whole histories of up to 599 steps, 179700 steps in all: shorten"
    with pytest.raises(ValueError, match=message):
        model.fit(X, Y)
    model.set_params(unroll="series").fit(X, Y)  # reads 599 steps once
    with pytest.raises(ValueError, match="SequenceWindower"):
        model.set_params(unroll="window").predict(X)
    with pytest.raises(ValueError, match=r"and linear_skip=False\.$"):
        model.set_params(unroll="series", linear_skip=True).fit(X, Y)


def n_calls(function):
    """How many functions are called on the way."""
    n = 0

    def count(frame, event, argument):
        nonlocal n
        n += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        function()
    finally:
        sys.setprofile(None)
    return n


def test_there_is_no_loop_over_series_or_samples():
    def walk(n_series):
        names, days = np.repeat(np.arange(n_series), 20), np.tile(range(20), n_series)
        table = np.column_stack([names, days, np.arange(20.0 * n_series)])
        X, y = make_supervised(table, horizon=2, group=0, time=1)
        windows = SequenceWindower(5).fit_transform(X)
        for train, test in TimeSeriesSplit(3).split(X):
            pickle.dumps(windows[train]), X[test], y[test]

    walk(10)  # imports and caches
    assert n_calls(lambda: walk(2000)) <= n_calls(lambda: walk(20)) + 10


def test_a_million_histories_are_an_index():
    table = np.random.default_rng(0).normal(size=(1_000_000, 8))
    tracemalloc.start()
    X, y = make_supervised(table, target=0)
    windows = SequenceWindower(128).fit_transform(X)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert np.shares_memory(X.steps, table)
    assert np.shares_memory(windows.steps, table)
    assert peak < 2 * table.nbytes
    assert windows.lengths.max() == 128


def test_a_pickled_fold_has_the_rows_that_it_uses():
    table = np.random.default_rng(0).normal(size=(10_000, 8))
    X, y = make_supervised(table, target=0)
    windows = SequenceWindower(24).fit_transform(X)[5000:5100]
    row = table[0].nbytes
    assert len(pickle.dumps(windows)) < (100 + 24) * row + 100 * 64 + 2000
    assert len(pickle.dumps(X[:100])) < 100 * row + 100 * 64 + 2000


SMALL = {"hidden_size": 4, "max_epochs": 3, "random_state": 0}


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("unroll", ["window", "series"])
def test_a_pickle_changes_nothing(unroll, early_stopping):
    """Subsets with holes, whose pickle leaves rows of the table out."""
    lstm = LSTMRegressor(**SMALL, unroll=unroll, early_stopping=early_stopping)
    model = make_pipeline(SequenceWindower(6), AnchoredRegressor(lstm))
    some = np.r_[20:120, 200:320, 400:440]
    part, y = X[some], Y[some]
    expected = model.fit(part, y).predict(X)
    copied = model.fit(pickle.loads(pickle.dumps(part)), y)
    assert_array_equal(copied.predict(X), expected)


def test_sequences_keep_what_they_know():
    days = pd.date_range("2024-01-01", periods=6, freq="D", tz="Europe/Berlin")
    table = pd.DataFrame(
        {"shop": list("aababb"), "load": np.arange(6.0), "price": 1.0}, index=days
    )
    X, y = make_supervised(
        table, target="load", group="shop", time="index", max_gap="9D", horizon=1
    )
    windows = SequenceWindower(2).fit_transform(X)
    for sequences in (X, windows, pickle.loads(pickle.dumps(windows[::-1]))[::-1]):
        assert sequences.feature_names.tolist() == ["load", "price"]
        assert sequences.series_names[sequences.series].tolist() == list("aabb")
        assert sequences.index.equals(days[[0, 1, 2, 4]])
        utc = days[[0, 1, 2, 4]].tz_convert(None).to_numpy()
        assert_array_equal(sequences.times, utc)
        assert (sequences.horizon, sequences.targets) == (1, [0])
    assert (X.whole, windows.whole) == (True, False)
    text = repr(windows)
    for fact in ("n_series=2", "horizon=1", "targets=[load]", "2023-12-31"):
        assert fact in text
    html = X._repr_html_()
    assert ">load, price</td>" in html
    assert ">whole</th>" in html


def test_names_in_html_are_escaped():
    table = pd.DataFrame({"<b>": [1.0, 2.0]})
    assert "&lt;b&gt;" in make_histories(table)._repr_html_()


def test_slicing_takes_fewer_samples():
    some = X[::10]
    assert as_lists(some) == as_lists(X)[::10]
    assert some.steps is X.steps


def test_histories_of_all_rows_go_on_where_those_with_targets_end():
    series = lagged(50)
    X, y = make_supervised(series, horizon=4)
    histories = make_histories(series)
    assert len(histories) == len(X) + 4
    assert as_lists(histories[: len(X)]) == as_lists(X)
    assert_array_equal(histories[-1][:, 0], series)
    assert isinstance(histories, Sequences)
