"""Blends: weights, blocks that nothing leaks from, and what is fallen back on."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.ensemble import RandomForestRegressor
from sklearn.exceptions import DataConversionWarning
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import Pipeline

from sklstm import Sequences, SequenceWindower, make_supervised, make_windows
from sklstm._rows._splits import Timeline
from sklstm.forecasting import AnchoredRegressor, NaiveRegressor, make_forecaster
from sklstm.forecasting._blend import (
    BlendedRegressor,
    Blocks,
    find_gain,
    find_products,
    find_weights,
)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(100, 3))
Y = X @ [0.0, 1.0, 2.0]


class Constant(RegressorMixin, BaseEstimator):
    """Predicts a number, and remembers what it was fitted to."""

    def __init__(self, value=0.0):
        self.value = value

    def fit(self, X, y):
        self.X_, self.y_ = X, y
        return self

    def predict(self, X):
        return np.full((len(X), *self.y_.shape[1:]), self.value)


@given(
    st.lists(st.integers(1, 20), min_size=1, max_size=3),
    st.integers(2, 6),
    st.integers(0, 10),
    st.integers(0, 99),
)
def test_blocks_cover_all_and_keep_their_distance(sizes, n_blocks, gap, seed):
    rng = np.random.default_rng(seed)
    series = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    n = len(series)
    rows = rng.choice(2 * n, n, replace=False)  # by turns, in any order, with holes
    one = Sequences(np.zeros((1, 1)), rows * 0, rows * 0 + 1, series=series, rows=rows)
    blocks = Blocks(Timeline.of(one), n_blocks, gap)
    parts = [blocks.inside(i) for i in range(n_blocks)]
    assert_array_equal(np.sort(np.concatenate(parts)), np.arange(n))
    for i, block in enumerate(parts):
        expected = []
        for number, size in enumerate(sizes):
            in_time = sorted(np.flatnonzero(series == number), key=rows.__getitem__)
            inside = [in_time[k] for k in range(size) if k * n_blocks // size == i]
            assert set(block) & set(in_time) == set(inside)
            expected += [
                k for k in in_time if all(abs(rows[k] - rows[j]) > gap for j in inside)
            ]
        assert_array_equal(blocks.outside(i), np.sort(expected))


@given(st.integers(1, 4), st.integers(0, 10_000), st.floats(0, 5))
def test_weights_are_the_best_on_the_simplex(n_forecasts, seed, width):
    rng = np.random.default_rng(seed)
    scale = 10 ** rng.uniform(-width, width, (n_forecasts, 1))
    errors = rng.normal(size=(n_forecasts, 30)) * scale
    weights = find_weights(errors @ errors.T)
    assert weights.min() >= 0
    assert weights.sum() == pytest.approx(1)
    least = np.mean((weights @ errors) ** 2)
    best_alone = (errors**2).mean(axis=1).min()
    assert least <= best_alone * (1 + 1e-4)
    for other in rng.dirichlet(np.ones(n_forecasts), 200):
        assert least <= np.mean((other @ errors) ** 2) * (1 + 1e-4)


def test_gain_is_that_of_weights_from_the_other_blocks():
    errors = RNG.normal(size=(2, 12, 3))
    block = np.repeat([0, 1, 2], 4)
    gains = []
    for i in range(3):
        others = errors[:, block != i].reshape(2, -1)
        w = find_weights(others @ others.T)
        here = errors[:, block == i].reshape(2, -1)
        gains.append(np.sum(here[0] ** 2) - np.sum((w @ here) ** 2))
    expected = np.sum(gains) / (np.std(gains, ddof=1) * np.sqrt(3))
    products = find_products(errors, block)
    assert find_gain(products, [0, 1], [0]) == pytest.approx(expected)


def test_two_constants_meet_in_the_middle():
    y = np.tile([1.0, 3.0], 20)
    model = BlendedRegressor([("low", Constant(0.0)), ("high", Constant(4.0))])
    model.fit(np.zeros((40, 1)), y)
    assert_allclose(model.weights_, [0.5, 0.5], atol=1e-6)
    assert_allclose(model.predict(np.zeros((3, 1))), 2)
    assert model.errors_ == {"low": 5.0, "high": 5.0}
    assert model.gain_ is None


def test_copies_do_not_see_their_block_nor_its_neighbours():
    rows = np.arange(20.0)[:, None]
    model = BlendedRegressor([("c", Constant())], cv=4, gap=2).fit(rows, rows.ravel())
    for i, copy in enumerate(model.named_estimators_["c"]):
        block = np.arange(5 * i, 5 * i + 5)
        expected = [x for x in range(20) if np.abs(block - x).min() > 2]
        assert_array_equal(copy.X_.ravel(), expected)
        assert_array_equal(copy.y_, expected)


@pytest.mark.parametrize("form", ["histories", "windows", "array"])
def test_targets_of_training_do_not_reach_into_a_block(form):
    """And nothing is left out that need not be: the gap is the horizon less 1."""
    rows, y = make_supervised(np.arange(50.0), horizon=4)
    windows = {
        "histories": rows,
        "windows": rows.tail(3),
        "array": np.arange(47.0)[:46, None],
    }[form]
    model = BlendedRegressor([("c", Constant())], cv=3).fit(windows, y)
    for i, copy in enumerate(model.estimators_[0]):
        tested = y[np.arange(46) * 3 // 46 == i]
        assert not np.isin(copy.y_, tested).any()
        left_out = [t for t in y if t[0] not in copy.y_[:, 0]]
        assert all(np.isin(t, tested).any() for t in left_out)


def test_the_horizon_that_is_known_counts_and_not_the_columns():
    rows, y = make_supervised(np.arange(50.0), horizon=4)
    model = BlendedRegressor([("c", Constant())], cv=2)
    late = model.fit(rows, y[:, 3]).estimators_[0]
    assert_array_equal(late[1].y_, np.arange(4.0, 24)[:20])  # t + 4 up to row 19
    assert_array_equal(late[0].y_, np.arange(26.0, 46) + 4)
    bare = model.fit(np.arange(46.0)[:, None], y[:, 3]).estimators_[0]
    assert len(bare[1].y_) == 23  # of an array it is not known
    model.set_params(gap=3).fit(np.arange(46.0)[:, None], y[:, 3])
    assert_array_equal(model.estimators_[0][1].y_, late[1].y_)


def test_blocks_of_a_panel_are_cut_in_each_series():
    table = np.c_[np.tile([0, 1], 30), np.repeat(np.arange(30), 2), RNG.normal(size=60)]
    rows, y = make_supervised(table, horizon=2, target=2, group=0, time=1)
    windows = SequenceWindower(3).fit_transform(rows)
    model = BlendedRegressor([("c", Constant())], cv=4).fit(windows, y)
    for i, copy in enumerate(model.estimators_[0]):
        # Day 2 of a series is a target of days 0 and 1.
        tested = {day + k for day in range(7 * i, 7 * i + 7) for k in (1, 2)}
        trained = {
            day + k
            for day in np.flatnonzero(
                np.isin(y[::2, 0], copy.y_[:, 0]) & np.isin(y[1::2, 0], copy.y_[:, 0])
            )
            for k in (1, 2)
        }
        assert trained
        assert not tested & trained
        assert set(copy.X_.series) == {0, 1}


def test_a_column_of_that_name_is_no_group():
    frame = pd.DataFrame({"groups": np.arange(100) % 2, "x": X[:, 1]})
    model = BlendedRegressor([("c", Constant())], cv=4).fit(frame, Y)
    assert model.estimators_[0][0].X_.index.min() == 25  # a block later


def lags(series, length, horizon=1):
    """Lag columns, and what follows them."""
    windows, y = make_windows(series, length, horizon=horizon)
    return windows[:, :, 0], y


def test_what_is_no_better_by_more_than_chance_is_left():
    walk = np.cumsum(np.random.default_rng(1).normal(size=60))
    windows, y = lags(walk, 10)
    estimators = [("naive", NaiveRegressor()), ("linear", LinearRegression())]
    model = BlendedRegressor(estimators, baselines=["naive"]).fit(windows, y)
    assert_array_equal(model.weights_, [1, 0])
    assert_allclose(model.predict(windows), windows[:, -1])
    # An AR(1) process is known by its last value, but better by a line through it.
    noise = np.random.default_rng(1).normal(size=(300, 10))
    better = BlendedRegressor(estimators, baselines=["naive"])
    better.fit(noise, 0.7 * noise[:, -1])
    assert better.gain_ > 2
    assert better.weights_[1] > 0.99


def test_walks_are_rarely_taken_for_more():
    estimators = [("naive", NaiveRegressor()), ("linear", LinearRegression())]
    opened = 0
    for seed in range(40):
        walk = np.cumsum(np.random.default_rng(seed).normal(size=150))
        model = BlendedRegressor(estimators, baselines=["naive"])
        opened += model.fit(*lags(walk, 8, horizon=4)).gain_ > 2
    assert opened <= 5


def test_what_is_perfect_is_surely_better():
    windows, y = lags(np.arange(100.0), 5)
    estimators = [("naive", NaiveRegressor()), ("linear", LinearRegression())]
    model = BlendedRegressor(estimators, baselines=["naive"]).fit(windows, y)
    assert model.gain_ > 100
    assert model.weights_[1] > 0.999


def test_the_best_baseline_stands_alone_unless_both_are_surely_better():
    y = np.tile([1.0, -1.0], 50)
    both = [("low", Constant(-0.5)), ("high", Constant(0.5))]
    near = BlendedRegressor(both, baselines=["low", "high"]).fit(np.zeros((100, 1)), y)
    assert_allclose(near.weights_, [0.5, 0.5], atol=1e-6)
    worse = [("zero", Constant(0.0)), ("high", Constant(0.5))]
    alone = BlendedRegressor(worse, baselines=["zero", "high"])
    assert_allclose(alone.fit(np.zeros((100, 1)), y).weights_, [1, 0], atol=1e-6)


class Epochs(Constant):
    """Whose prediction is the number of its epochs, or what comes of too many."""

    def __init__(self, value=0.0, broken=None):
        super().__init__(value)
        self.broken = broken

    def partial_fit(self, X, y):
        self.value_ = getattr(self, "value_", 0) + 1
        return self.fit(X, y)

    def predict(self, X):
        self.value = self.broken or self.value_
        return super().predict(X)


def test_copies_stop_where_their_blocks_say():
    y = np.full((50, 1), 7.0)
    model = BlendedRegressor([("e", Epochs())], max_epochs=30, n_iter_no_change=4)
    model.fit(np.zeros((50, 1)), y)
    assert [copy.value_ for copy in model.estimators_[0]] == [7] * 5
    assert model.errors_ == {"e": 0.0}
    assert model.predict(np.zeros((2, 1))).shape == (2, 1)


@pytest.mark.parametrize("broken", [np.nan, np.inf])
@pytest.mark.parametrize("max_epochs", [None, 3])
def test_forecasts_that_are_not_finite_are_named(broken, max_epochs):
    model = BlendedRegressor([("e", Epochs(broken=broken))], max_epochs=max_epochs)
    with pytest.raises(ValueError, match=r"^The forecasts of 'e' were never finite"):
        model.fit(np.zeros((50, 1)), np.ones(50))


def test_a_column_of_one_stays_one():
    forest = RandomForestRegressor(3, random_state=0)
    model = BlendedRegressor([("forest", forest), ("ridge", Ridge())])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataConversionWarning)  # the forest's own
        column = model.fit(X, Y[:, None]).errors_
    assert column == pytest.approx(model.fit(X, Y).errors_)


def test_no_margin_is_no_gate():
    estimators = [("naive", NaiveRegressor()), ("ridge", Ridge(1e4))]
    always = BlendedRegressor(estimators, baselines=["naive"], margin=-1e9).fit(X, Y)
    bare = BlendedRegressor(estimators).fit(X, Y)
    assert_array_equal(always.weights_, bare.weights_)


def test_columns_count_alike_whatever_their_units():
    estimators = [("one", Ridge(1.0)), ("two", Ridge(1e3))]
    y = np.c_[Y, X[:, 0] + RNG.normal(size=100)]
    here = BlendedRegressor(estimators).fit(X, y)
    there = BlendedRegressor(estimators).fit(X, y * [1, 1000])
    assert_allclose(here.weights_, there.weights_, atol=1e-6)
    assert here.predict(X).shape == (100, 2)


def test_parameters_pickles_and_searches():
    model = BlendedRegressor([("ridge", Ridge()), ("naive", NaiveRegressor())])
    assert clone(model).get_params()["ridge__alpha"] == 1.0
    search = GridSearchCV(model, {"ridge__alpha": [1e-3, 1e3]}, cv=TimeSeriesSplit(2))
    search.fit(X, Y)
    assert search.best_params_ == {"ridge__alpha": 1e-3}
    again = pickle.loads(pickle.dumps(search))
    assert_array_equal(again.predict(X), search.predict(X))
    assert search.best_estimator_.n_features_in_ == 3
    two = clone(model).set_params(n_jobs=2).fit(X, Y)
    assert_array_equal(two.predict(X), clone(model).fit(X, Y).predict(X))


@pytest.mark.parametrize(
    ("params", "n", "message"),
    [
        (
            {"estimators": []},
            100,
            r"^estimators is \[\]; give a list of \(name, regressor",
        ),
        ({"estimators": [Ridge()]}, 100, r"^estimators is \[Ridge\(\)\]; give a list"),
        ({"baselines": ["ridge"] * 2}, 100, r"^baselines has 'ridge', which is no"),
        ({"baselines": ["none"]}, 100, r"^baselines has 'none', which is no estimator"),
        ({"gap": 60}, 100, r"^100 samples in cv=5 blocks with a gap of 60 leave none"),
        ({}, 3, r"^3 samples in cv=5 blocks with a gap of 0 leave none to train on"),
    ],
)
def test_what_cannot_be_blended_says_so(params, n, message):
    model = BlendedRegressor(**{"estimators": [("ridge", Ridge())]} | params)
    with pytest.raises(ValueError, match=message):
        model.fit(X[:n], Y[:n])


def test_the_recipe_has_windows_for_its_rows():
    assert isinstance(make_forecaster(10_000), Pipeline)
    lengths = {
        (n, period): make_forecaster(n, period=period)[0].sequence_length
        for n, period in [(10_000, 24), (1000, 24), (100, 24), (100, 1), (5000, 672)]
    }
    assert list(lengths.values()) == [336, 200, 48, 20, 672]
    assert len(make_forecaster(60, period=40)[1].estimators) == 2  # no two seasons
    names = [name for name, _ in make_forecaster(100, period=7)[1].estimators]
    assert names == ["last_value", "lstm_on_last", "season_value", "lstm_on_season"]
    blend = make_forecaster(100, feature=2, hidden_size=5)[1]
    assert len(blend.estimators) == 2
    anchored = dict(blend.estimators)["lstm_on_last"]
    assert isinstance(anchored, AnchoredRegressor)
    assert (anchored.feature, anchored.regressor.hidden_size) == (2, 5)
    assert dict(blend.estimators)["last_value"].feature == 2
    seasonal = dict(make_forecaster(100, period=7)[1].estimators)
    assert seasonal["lstm_on_season"].period == seasonal["season_value"].period == 7


@pytest.mark.parametrize(("n", "period"), [(60, 80), (45, 20), (20, 1)])
def test_the_recipe_takes_short_series(n, period):
    trend = np.arange(n) + RNG.normal(size=n)
    rows, y = make_supervised(trend, horizon=3)
    model = make_forecaster(n, period=period, max_epochs=2, random_state=0)
    assert np.isfinite(model.fit(rows, y).predict(rows)).all()


def test_the_recipe_forecasts_a_season_better_than_its_baselines():
    t = np.arange(400)
    noise = np.random.default_rng(0).normal(size=400)
    series = 3 * np.sin(2 * np.pi * t / 12) + t / 50 + noise / 2
    rows, y = make_supervised(series, horizon=6)
    train, test = slice(0, 300), slice(306, None)
    model = make_forecaster(300, period=12, max_epochs=30, random_state=0)
    model.fit(rows[train], y[train])
    error = np.mean((model.predict(rows) - y)[test] ** 2)
    seasonal = [dict(model[1].named_estimators_)["season_value"][0]]
    naive = np.mean((seasonal[0].predict(model[0].transform(rows)) - y)[test] ** 2)
    assert error < 0.8 * naive
