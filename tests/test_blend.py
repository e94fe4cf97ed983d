"""Blends: weights, blocks that nothing leaks from, and what is fallen back on."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import Pipeline

from sklstm import (
    BlendedRegressor,
    LSTMRegressor,
    NaiveRegressor,
    make_forecaster,
    make_supervised,
)
from sklstm._blend import find_weights, leave_blocks_out

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
        return np.full(np.shape(X)[:1] + self.y_.shape[1:], self.value)


@given(st.integers(2, 40), st.integers(2, 6), st.integers(0, 10))
def test_blocks_cover_all_and_keep_their_distance(n, n_blocks, gap):
    blocks = list(leave_blocks_out(n, n_blocks, gap))
    assert_array_equal(np.concatenate([block for _, block in blocks]), np.arange(n))
    for train, block in blocks:
        distance = np.abs(train[:, None] - block).min(axis=1, initial=n)
        assert_array_equal(
            train, [i for i in range(n) if np.abs(block - i).min() > gap]
        )
        assert (distance > gap).all()


@given(st.integers(1, 4), st.integers(0, 10_000))
def test_weights_are_the_best_on_the_simplex(n_forecasts, seed):
    rng = np.random.default_rng(seed)
    errors = rng.normal(size=(n_forecasts, 30, 2)) * rng.uniform(
        0.1, 3, (n_forecasts, 1, 1)
    )
    weights = find_weights(errors)
    assert weights.min() >= 0
    assert weights.sum() == pytest.approx(1)
    least = np.mean(np.tensordot(weights, errors, axes=1) ** 2)
    for other in rng.dirichlet(np.ones(n_forecasts), 200):
        assert least <= np.mean(np.tensordot(other, errors, axes=1) ** 2) + 1e-4


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


def test_targets_of_training_do_not_reach_into_a_block():
    rows, y = make_supervised(np.arange(50.0), horizon=4)
    model = BlendedRegressor([("c", Constant())], cv=3).fit(rows, y)
    for copy, (_, block) in zip(
        model.estimators_[0], leave_blocks_out(len(y), 3, 4), strict=True
    ):
        assert not np.isin(copy.y_, y[block]).any()


def test_what_is_no_better_by_more_than_chance_is_left():
    walk = np.cumsum(np.random.default_rng(1).normal(size=60))
    rows, y = make_supervised(walk)
    windows = np.lib.stride_tricks.sliding_window_view(rows.ravel(), 10)
    y = y[9:]
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
        ({"estimators": []}, 100, r"^estimators is empty; give a list of \(name, regr"),
        ({"baselines": ["none"]}, 100, r"^baselines has 'none', which is no estimator"),
        ({"gap": 60}, 100, r"^100 samples in cv=5 blocks with a gap of 60 leave none"),
        ({}, 3, r"^3 samples in cv=5 blocks with a gap of 1 leave none to train on"),
    ],
)
def test_what_cannot_be_blended_says_so(params, n, message):
    model = BlendedRegressor([("ridge", Ridge())]).set_params(**params)
    with pytest.raises(ValueError, match=message):
        model.fit(X[:n], Y[:n])


def test_the_recipe_has_windows_for_its_rows():
    assert isinstance(make_forecaster(10_000), Pipeline)
    lengths = {
        (n, period): make_forecaster(n, period=period)[0].sequence_length
        for n, period in [(10_000, 24), (1000, 24), (100, 24), (100, 1), (1, 1)]
    }
    assert list(lengths.values()) == [336, 200, 48, 20, 2]
    names = [name for name, _ in make_forecaster(100, period=7)[1].estimators]
    assert names == ["last_value", "lstm_on_last", "season_value", "lstm_on_season"]
    blend = make_forecaster(100, anchor=2, hidden_size=5)[1]
    assert len(blend.estimators) == 2
    lstm = dict(blend.estimators)["lstm_on_last"]
    assert isinstance(lstm, LSTMRegressor)
    assert (lstm.anchor, lstm.hidden_size) == (2, 5)


def test_the_recipe_forecasts_a_season_better_than_its_baselines():
    t = np.arange(400)
    series = 3 * np.sin(2 * np.pi * t / 12) + t / 50 + RNG.normal(size=400) / 2
    rows, y = make_supervised(series, horizon=6)
    train, test = slice(0, 300), slice(306, None)
    model = make_forecaster(300, period=12, max_epochs=30, random_state=0)
    model.fit(rows[train], y[train])
    error = np.mean((model.predict(rows) - y)[test] ** 2)
    seasonal = [dict(model[1].named_estimators_)["season_value"][0]]
    naive = np.mean((seasonal[0].predict(model[0].transform(rows)) - y)[test] ** 2)
    assert error < 0.8 * naive
