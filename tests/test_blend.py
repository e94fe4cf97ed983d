"""Blends: weights, blocks that nothing leaks from, and what is fallen back on."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import ttest_rel
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.ensemble import RandomForestRegressor
from sklearn.exceptions import DataConversionWarning
from sklearn.linear_model import LinearRegression, Ridge

from sklstm import (
    Sequences,
    SequenceWindower,
    make_supervised,
    make_windows,
)
from sklstm._rows._splits import Timeline
from sklstm.forecasting import NaiveRegressor
from sklstm.forecasting._blend import (
    Blend,
    Blocks,
    find_products,
    find_share,
    find_weights,
)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(100, 3))
Y = X @ [0.0, 1.0, 2.0]


class Constant(RegressorMixin, BaseEstimator):
    """Predicts a number, and remembers what it was fitted to."""

    def __init__(self, value=0.0):
        self.value = value

    def fit(self, X, y, sample_weight=None):
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


def blended(estimators, baselines, X, y, params=None, **settings):
    """A blend whose net reads what the others read."""
    return Blend(estimators, baselines, **settings).fit(X, X, y, params)


@pytest.mark.parametrize("shift", [0.0, 0.2, 1.0, 3.0])
def test_the_share_is_as_sure_as_the_gain(shift):
    """Against scipy's test, and with errors instead of their products."""
    block = np.repeat(np.arange(5), 40)
    errors = np.random.default_rng(1).normal(size=(2, 200, 3))
    errors[0] += shift
    share = find_share(find_products(errors, block), np.eye(2)[0], np.eye(2)[1])
    squares = [[(e[block == i] ** 2).mean() for i in range(5)] for e in errors]
    found = ttest_rel(squares[0], squares[1], alternative="greater")
    if found.pvalue >= 0.1:
        assert share == 0
    else:  # t is 1.53 with a p value of 0.1 and four degrees of freedom
        assert share == pytest.approx(1 - (1.533206 / found.statistic) ** 2, abs=1e-6)
    assert (share > 0) == (shift > 0.5)


def test_two_constants_meet_in_the_middle():
    y, X = np.tile([1.0, 3.0], 20), np.zeros((40, 1))
    model = blended({"low": Constant(0.0), "high": Constant(4.0)}, [], X, y)
    assert_allclose(list(model.weights.values()), [0.5, 0.5], atol=1e-6)
    assert_allclose(model.predict(X[:3], X[:3]), 2)
    assert model.errors == {"low": 5.0, "high": 5.0}


def test_copies_do_not_see_their_block_nor_its_neighbours():
    rows = np.arange(20.0)[:, None]
    model = blended({"c": Constant()}, [], rows, rows.ravel(), n_blocks=4, gap=2)
    for i, copy in enumerate(model.copies["c"]):
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
    model = blended({"c": Constant()}, [], windows, y, n_blocks=3)
    for i, copy in enumerate(model.copies["c"]):
        tested = y[np.arange(46) * 3 // 46 == i]
        assert not np.isin(copy.y_, tested).any()
        left_out = [t for t in y if t[0] not in copy.y_[:, 0]]
        assert all(np.isin(t, tested).any() for t in left_out)


def test_the_horizon_that_is_known_counts_and_not_the_columns():
    rows, y = make_supervised(np.arange(50.0), horizon=4)

    def copies(X, gap=None):
        return blended({"c": Constant()}, [], X, y[:, 3], n_blocks=2, gap=gap).copies[
            "c"
        ]

    late = copies(rows)
    assert_array_equal(late[1].y_, np.arange(4.0, 24)[:20])  # t + 4 up to row 19
    assert_array_equal(late[0].y_, np.arange(26.0, 46) + 4)
    bare = copies(np.arange(46.0)[:, None])
    assert len(bare[1].y_) == 23  # of an array it is not known
    with_gap = copies(np.arange(46.0)[:, None], gap=3)
    assert_array_equal(with_gap[1].y_, late[1].y_)


def test_blocks_of_a_panel_are_cut_in_each_series():
    table = np.c_[np.tile([0, 1], 30), np.repeat(np.arange(30), 2), RNG.normal(size=60)]
    rows, y = make_supervised(table, horizon=2, target=2, group=0, time=1)
    windows = SequenceWindower(3).fit_transform(rows)
    model = blended({"c": Constant()}, [], windows, y, n_blocks=4)
    for i, copy in enumerate(model.copies["c"]):
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
    model = blended({"c": Constant()}, [], frame, Y, n_blocks=4)
    assert model.copies["c"][0].X_.index.min() == 25  # a block later


def lags(series, length, horizon=1):
    """Lag columns, and what follows them."""
    windows, y = make_windows(series, length, horizon=horizon)
    return windows[:, :, 0], y


def test_what_is_no_better_by_more_than_chance_is_left():
    walk = np.cumsum(np.random.default_rng(1).normal(size=60))
    windows, y = lags(walk, 10)
    estimators = {"naive": NaiveRegressor(), "linear": LinearRegression()}
    model = blended(estimators, ["naive"], windows, y)
    assert_array_equal(list(model.weights.values()), [1, 0])
    assert_allclose(model.predict(windows, windows), windows[:, -1])
    assert_array_equal(model.gains, np.zeros(5))
    # An AR(1) process is known by its last value, but better by a line through it.
    noise = np.random.default_rng(1).normal(size=(300, 10))
    better = blended(estimators, ["naive"], noise, 0.7 * noise[:, -1])
    assert better.gains.min() > 0.9
    assert better.weights["linear"] > 0.95


def test_walks_are_rarely_taken_for_more():
    estimators = {"naive": NaiveRegressor(), "linear": LinearRegression()}
    shares = []
    for seed in range(40):
        walk = np.cumsum(np.random.default_rng(seed).normal(size=150))
        shares.append(blended(estimators, ["naive"], *lags(walk, 8, horizon=4)).share)
    assert np.count_nonzero(shares) <= 8
    assert np.mean(shares) < 0.1


def test_what_is_perfect_is_surely_better():
    windows, y = lags(np.arange(100.0), 5)
    estimators = {"naive": NaiveRegressor(), "linear": LinearRegression()}
    model = blended(estimators, ["naive"], windows, y)
    assert_allclose(model.gains, 1)
    assert model.weights["linear"] > 0.999


def test_baselines_are_weighed_like_others():
    y = np.tile([1.0, -1.0], 50)
    zeros = np.zeros((100, 1))
    both = {"low": Constant(-0.5), "high": Constant(0.5)}
    near = blended(both, ["low", "high"], zeros, y)
    assert_allclose(list(near.weights.values()), [0.5, 0.5], atol=1e-6)
    worse = {"zero": Constant(0.0), "high": Constant(0.5)}
    alone = blended(worse, ["zero", "high"], zeros, y)
    assert_allclose(list(alone.weights.values()), [1, 0], atol=1e-6)


def test_what_is_doubted_has_to_be_better_than_the_first_baseline():
    y, X = np.tile([1.0, -1.0], 50), np.zeros((100, 1))
    both = {"zero": Constant(), "far": Constant(2.0), "near": Constant(0.0)}
    baselines = list(both)
    assert set(blended(both, baselines, X, y).copies) == set(both)
    kept = blended(both, baselines, X, y, doubted={"far": [], "near": []}).copies
    assert set(kept) == {"zero"}
    doubted = {"far": []}
    kept = blended(both, baselines, X, y - 1.5, doubted=doubted).copies
    assert "far" not in kept
    assert "far" in blended(both, baselines, X, y + 1.5, doubted=doubted).copies


class Mean(Constant):
    """Predicts the mean of what it was fitted to."""

    def predict(self, X):
        return np.full(len(X), self.y_.mean())


def test_what_is_doubted_has_to_foresee_and_not_to_fill_in():
    """The mean of a trend is right in its middle, and not at its end."""
    rows = np.arange(100.0)[:, None]
    y = np.abs(np.arange(100.0) - 50)
    both = {"level": Constant(15.0), "mean": Mean()}
    assert "mean" in blended(both, ["level"], rows, y).copies
    assert "mean" not in blended(both, ["level"], rows, y, doubted={"mean": []}).copies
    noise = np.random.default_rng(0).normal(size=100)
    kept = blended(both, ["level"], rows, noise, doubted={"mean": []}).copies
    assert "mean" in kept
    both["same"] = Mean()
    kept = blended(both, ["level"], rows, noise, doubted={"mean": ["same"]}).copies
    assert "mean" not in kept  # from fewer rows
    few = blended(both, ["level"], rows, noise, doubted={"mean": []}, n_blocks=2)
    assert "mean" not in few.copies


class Column(Constant):
    """Predicts a column of X, whose number is its value."""

    def predict(self, X):
        return X[:, self.value]


class Path(Constant):
    """Predicts 0, 1, 2, ... as if these were of different penalties."""

    def choose(self, penalty):
        self.penalty_ = penalty

    def predict_path(self, X):
        shape = (len(X), *self.y_.shape[1:])
        return np.array([np.full(shape, float(k)) for k in range(5)])

    def predict(self, X):
        return self.predict_path(X)[self.penalty_]


@pytest.mark.parametrize("n_columns", [0, 1, 3])
def test_the_penalty_is_the_one_that_blocks_choose(n_columns):
    y = 3 + RNG.normal(size=(50, n_columns) if n_columns else 50) / 10
    model = blended({"path": Path()}, [], np.zeros((50, 1)), y)
    assert [copy.penalty_ for copy in model.copies["path"]] == [3] * 5
    two = np.zeros((2, 1))
    assert_array_equal(model.predict(two, two), np.full_like(y[:2], 3))
    assert model.errors["path"] == pytest.approx(((y - 3) ** 2).mean())


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


def test_the_net_learns_what_is_left_until_blocks_say_stop():
    """Of what is 7 more than the baseline it says one more in each epoch."""
    y, X = np.arange(50.0)[:, None], np.arange(50.0)[:, None]
    naive = {"naive": Column(0)}
    net = ("net", Epochs())
    model = blended(naive, ["naive"], X, y + 7, net=net, max_epochs=30, patience=4)
    assert [copy.value_ for copy in model.copies["net"]] == [7] * 5
    assert model.weights == {"naive": 1, "net": 1}
    assert model.errors == {"naive": 49, "net": 0}
    assert_array_equal(model.predict(X[:2], X[:2]), y[:2, 0] + 7)
    assert_array_equal(model.gains, np.ones(5))
    late = blended(naive, ["naive"], X, y + 7, net=net, deadline=-np.inf)
    assert set(late.copies) == {"naive"}
    assert_array_equal(late.predict(X[:2], X[:2]), y[:2, 0])


def test_the_net_gets_what_lines_leave_over_without_its_mean():
    y = Y + 3
    lines = {"zero": Constant(), "ridge": Ridge(100.0)}
    model = blended(lines, ["zero"], X, y, net=("net", Epochs()), max_epochs=1)
    for i in range(5):
        rows = np.flatnonzero(np.arange(100) // 20 != i)
        expected = y[rows] - model.weights["ridge"] * Ridge(100.0).fit(
            X[rows], y[rows]
        ).predict(X[rows])
        assert_allclose(model.copies["net"][i].y_, expected - expected.mean())


@pytest.mark.parametrize("broken", [np.nan, np.inf])
@pytest.mark.parametrize("of_net", [False, True])
def test_forecasts_that_are_not_finite_are_named(broken, of_net):
    line = Constant(0.0 if of_net else broken)
    net = ("e", Epochs(broken=broken)) if of_net else None
    name = "e" if of_net else "line"
    with pytest.raises(ValueError, match=f"^The forecasts of '{name}' were never fin"):
        blended({"line": line}, [], np.zeros((50, 1)), np.ones(50), net=net)


def test_a_column_of_one_stays_one():
    forest = RandomForestRegressor(3, random_state=0)
    both = {"forest": forest, "ridge": Ridge()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataConversionWarning)  # the forest's own
        column = blended(both, [], X, Y[:, None]).errors
    assert column == pytest.approx(blended(both, [], X, Y).errors)


def test_the_best_baseline_gets_the_rest_of_the_share():
    estimators = {"zero": Constant(), "one": Constant(1.0), "ridge": Ridge(30.0)}
    y = Y + 5 * np.random.default_rng(1).normal(size=100)
    gated = blended(estimators, ["zero", "one"], X, y)
    free = blended(estimators, [], X, y)
    assert 0.1 < gated.share < 0.9
    assert free.share == 1
    # Its weights are in units of the baseline's errors, which free ones are not.
    assert gated.weights["zero"] >= 1 - gated.share
    assert sum(gated.weights.values()) == pytest.approx(1)
    worse = {"zero": Constant(), "far": Constant(9.0)}
    model = blended(worse, ["zero"], X, y)
    assert (model.share, model.weights) == (0, {"zero": 1, "far": 0})


def test_series_count_alike_whatever_their_size():
    """And a line through both is as if they were of one size."""
    rng = np.random.default_rng(0)
    series = np.repeat([0, 1], 60)
    rows = np.tile(np.arange(60), 2)
    X = rng.normal(size=(120, 2))
    y = X @ [1.0, 2.0] + rng.normal(size=120)
    size = np.where(series == 0, 1.0, 1e6)
    models = {}
    for name, scale in [("even", np.ones(120)), ("uneven", size)]:
        table = X * scale[:, None]
        sequences = Sequences(
            table, np.arange(120), np.ones(120, int), series=series, rows=rows
        )
        last = LinearOfSequences(1.0)
        models[name] = blended(
            {"zero": Constant(), "line": last}, ["zero"], sequences, y * scale
        )
    for copies in zip(
        *(model.copies["line"] for model in models.values()), strict=True
    ):
        assert_allclose(copies[0].coef_, copies[1].coef_, rtol=1e-3)
    weights = [model.weights["line"] for model in models.values()]
    assert weights[0] == pytest.approx(weights[1])
    assert_allclose(models["even"].gains, models["uneven"].gains, rtol=1e-4)


class LinearOfSequences(Constant):
    """A line without intercept through the last step of sequences."""

    def fit(self, X, y, sample_weight=None):
        line = LinearRegression(fit_intercept=False)
        self.coef_ = line.fit(np.array(X)[:, -1], y, sample_weight).coef_
        return self

    def predict(self, X):
        return np.array(X)[:, -1] @ self.coef_


def test_blocks_count_alike_however_large_their_errors_are():
    """Growth does not let the last block decide alone."""
    rng = np.random.default_rng(0)
    block = np.arange(100) // 20
    z, noise, other = rng.normal(size=(3, 100))
    size = 10.0**block
    columns = np.c_[size * (z + noise), size * (z + 0.7 * other), size * 0]
    estimators = {"zero": Column(2), "first": Column(0), "second": Column(1)}
    grown = blended(estimators, ["zero"], columns, size * z)
    even = blended(estimators, ["zero"], columns / size[:, None], z)
    assert list(grown.weights.values()) == pytest.approx(list(even.weights.values()))
    assert_allclose(grown.gains, even.gains)
    assert even.weights["second"] > even.weights["first"] > 0.1


def test_columns_count_alike_whatever_their_units():
    estimators = {"one": Ridge(1.0), "two": Ridge(1e3)}
    y = np.c_[Y, X[:, 0] + RNG.normal(size=100)]
    here = blended(estimators, [], X, y)
    there = blended(estimators, [], X, y * [1, 1000])
    assert_allclose(
        list(here.weights.values()), list(there.weights.values()), atol=1e-6
    )
    assert here.predict(X, X).shape == (100, 2)


def test_weights_of_samples_count_in_fits_and_in_the_blend():
    """Twice is weight two, where the blocks are the same."""
    y = np.tile([1.0, 1.0, 3.0, 3.0], 10)
    weight = np.tile([1.0, 1.0, 2.0, 2.0], 10)
    constants, zeros = {"low": Constant(0.0), "high": Constant(4.0)}, np.zeros((60, 1))
    plain = blended(constants, [], zeros[:40], y)
    both = blended(constants, list(constants), zeros[:40], y, {"sample_weight": weight})
    repeated = blended(
        constants, list(constants), zeros, np.tile([1.0, 1.0, 3, 3, 3, 3], 10)
    )
    assert both.errors == pytest.approx(repeated.errors)
    assert both.weights == pytest.approx(repeated.weights)
    assert both.weights["high"] > plain.weights["high"] + 0.05
    weight = X[:, 0] ** 2 / np.mean(X[:, 0] ** 2)
    ridge = blended({"ridge": Ridge()}, [], X, Y, {"sample_weight": weight})
    alone = Ridge().fit(X[20:], Y[20:], sample_weight=weight[20:])
    assert_allclose(ridge.copies["ridge"][0].coef_, alone.coef_)


@pytest.mark.parametrize(
    ("params", "n", "message"),
    [
        (
            {"gap": 60},
            100,
            r"^100 sample\(s\) in 5 blocks of time with a gap of 60",
        ),
        ({}, 3, r"^3 sample\(s\) in 5 blocks of time with a gap of 0 leave none to"),
    ],
)
def test_what_cannot_be_blended_says_so(params, n, message):
    with pytest.raises(ValueError, match=message):
        blended({"ridge": Ridge()}, [], X[:n], Y[:n], **params)
