"""Intervals hold what they promise, on data where that can be known."""

import pickle
from math import ceil

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.dummy import DummyRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.linear_model import BayesianRidge, LinearRegression
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklstm import (
    LSTMRegressor,
    Sequences,
    SequenceWindower,
    make_histories,
    make_supervised,
)
from sklstm._rows._splits import split_last
from sklstm.datasets import make_lagged
from sklstm.forecasting import AutoForecaster, ConformalRegressor


class Zero(RegressorMixin, BaseEstimator):
    """Predicts 0 for each target."""

    def __init__(self, n_outputs=1, n_quantiles=3):
        self.n_outputs = n_outputs
        self.n_quantiles = n_quantiles

    def fit(self, X, y):
        self.fitted_ = True
        return self

    def predict(self, X):
        return np.zeros((len(X), self.n_outputs))


class ZeroWithStd(Zero):
    """Says that the features are the standard deviations."""

    def predict(self, X, return_std=False):
        mean = super().predict(X)
        return (mean, mean + np.asarray(X)[:, : self.n_outputs]) if return_std else mean


class ZeroWithQuantiles(Zero):
    """Says that so many quantiles lie around 0, as far as the features say."""

    def predict_quantiles(self, X):
        places = np.linspace(-1, 1, self.n_quantiles)
        width = super().predict(X) + np.asarray(X)[:, : self.n_outputs]
        return width[:, :, None] * places


ALL = [Zero, ZeroWithStd, ZeroWithQuantiles]


def line(n=200, n_outputs=None, seed=0):
    """Points with noise around a line."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2))
    shape = (n,) if n_outputs is None else (n, n_outputs)
    return X, X[:, 0].reshape(-1, *[1] * (len(shape) - 1)) + rng.normal(size=shape)


def held(interval, y):
    return (interval[..., 0] <= y) & (y <= interval[..., 1])


# What is promised


@pytest.mark.parametrize("estimator", ALL)
@pytest.mark.parametrize(("n", "coverage"), [(19, 0.9), (10, 0.75), (3, 0.5)])
def test_exchangeable_samples_are_held_as_often_as_the_rank_says(
    estimator, n, coverage
):
    # Each output is an experiment of its own: the chance is rank / (n + 1).
    rng, n_outputs = np.random.default_rng(0), 4000
    X = rng.uniform(1, 4, size=(n + 1, n_outputs))
    y = rng.normal(size=(n + 1, n_outputs)) * X
    frozen = FrozenEstimator(estimator(n_outputs).fit(X, y))
    model = ConformalRegressor(frozen, coverage=coverage).fit(X[:n], y[:n])
    expected = ceil((n + 1) * coverage) / (n + 1)
    share = held(model.predict_interval(X[n:]), y[n:]).mean()
    assert abs(share - expected) < 4 * np.sqrt(expected * (1 - expected) / n_outputs)


def test_intervals_by_hand():
    # Ten samples train, the errors of the other nine are 1, ..., 9: eight of ten.
    X, y = np.zeros((19, 1)), np.r_[np.zeros(10), 5, -1, 3, 9, -4, 2, 8, -7, 6]
    model = ConformalRegressor(Zero(), coverage=0.8, calibration_fraction=9 / 19)
    model.fit(X, y)
    assert_array_equal(model.scores_.ravel(), np.abs(y[10:]))
    assert_array_equal(model.threshold_, [8])
    assert_array_equal(model.predict_interval(X[:2]), [[-8, 8], [-8, 8]])


def test_intervals_in_units_of_the_standard_deviation_by_hand():
    X, y = np.array([[1.0], [1], [2], [4]]), np.array([0.0, 3, 4, 4])
    model = ConformalRegressor(ZeroWithStd(), coverage=0.6, calibration_fraction=0.75)
    model.fit(X, y)
    assert_array_equal(model.scores_.ravel(), [3, 2, 1])
    assert_array_equal(model.predict_interval([[0.0], [10]]), [[0, 0], [-30, 30]])


def test_quantiles_move_in_as_well_as_out_by_hand():
    X, y = np.array([[9.0], [5], [5], [5]]), np.array([0.0, 1, -2, 4])
    model = ConformalRegressor(
        ZeroWithQuantiles(), coverage=0.6, calibration_fraction=0.75
    )
    model.fit(X, y)
    assert_array_equal(model.scores_.ravel(), [-4, -3, -1])
    assert_array_equal(model.threshold_, [-1])
    # By more than they are apart they cannot move.
    assert_array_equal(model.predict_interval([[5.0], [0.5]]), [[-4, 4], [0, 0]])


def test_each_output_has_its_own_quantile():
    X, y = line(n_outputs=3)
    y = y * [1, 10, 100]
    model = ConformalRegressor(LinearRegression(), gap=0).fit(X, y)
    interval = model.predict_interval(X)
    assert interval.shape == (200, 3, 2)
    for i in range(3):
        alone = ConformalRegressor(LinearRegression(), gap=0).fit(X, y[:, i])
        assert_allclose(interval[:, i], alone.predict_interval(X))
        assert alone.predict_interval(X).shape == (200, 2)
    column = ConformalRegressor(LinearRegression()).fit(X, y[:, :1])
    assert_allclose(column.predict_interval(X), interval[:, :1])


@given(st.floats(1e-3, 1e3), st.floats(-1e3, 1e3))
def test_intervals_scale_and_shift_with_y(scale, shift):
    X, y = line()
    model = ConformalRegressor(LinearRegression()).fit(X, y)
    moved = ConformalRegressor(LinearRegression()).fit(X, y * scale + shift)
    expected = model.predict_interval(X) * scale + shift
    assert_allclose(moved.predict_interval(X), expected, rtol=1e-6, atol=1e-6)


@given(st.floats(0.05, 0.95), st.floats(0.05, 0.95))
def test_more_coverage_is_never_narrower(one, other):
    X, y = line()
    low, high = (
        ConformalRegressor(LinearRegression(), coverage=c).fit(X, y).threshold_
        for c in sorted([one, other])
    )
    assert low <= high


# Which samples calibrate


def test_one_series_is_split_as_scikit_learn_does():
    train, test = next(
        iter(
            TimeSeriesSplit(2, test_size=5, gap=3, max_train_size=None).split(range(30))
        )
    )
    first, last = split_last(range(25), 0.2, 3)
    assert_array_equal(first, train)
    assert_array_equal(last, test)


@given(
    st.lists(st.integers(0, 3), min_size=1, max_size=40),
    st.floats(0.01, 0.99),
    st.integers(0, 4),
    st.integers(1, 3),
)
def test_split_of_a_panel(series, fraction, gap, stride):
    rows = stride * np.random.default_rng(0).permutation(len(series))
    X = Sequences(np.zeros((1, 1)), rows * 0, rows * 0 + 1, series=series, rows=rows)
    first, last = split_last(X, fraction, gap)
    assert len(last) == ceil(fraction * len(series) - 1e-9)
    expected = []
    for number in np.unique(series):
        in_time = sorted(np.flatnonzero(X.series == number), key=rows.__getitem__)
        n_last = int(np.isin(in_time, last).sum())
        cut = len(in_time) - n_last
        assert_array_equal(in_time[cut:], last[np.isin(last, in_time)])
        border = rows[in_time[cut]] if n_last else np.inf
        expected += [i for i in in_time[:cut] if border - rows[i] > gap]
    assert_array_equal(first, np.sort(expected))


def test_the_gap_is_between_the_parts():
    X, y = line(100)
    model = ConformalRegressor(LinearRegression(), gap=7).fit(X, y)
    assert_array_equal(
        model.estimator_.coef_, LinearRegression().fit(X[:73], y[:73]).coef_
    )
    assert_array_equal(
        model.scores_[:, 0], np.abs(y[80:] - model.estimator_.predict(X[80:]))
    )


def test_parts_have_neither_targets_nor_steps_in_common():
    X, y = make_supervised(np.arange(200.0), horizon=3)
    for length, n_apart in [(1, 2), (2, 2), (9, 8)]:  # 3 targets, or 9 steps
        train, last = split_last(X.tail(length), 0.25, None, horizon=3)
        assert last[0] - train[-1] - 1 == n_apart
        held, calibrate = (
            np.unique(np.concatenate(list(X.tail(length)[rows])))
            for rows in (train, last)
        )
        assert not np.isin(held, calibrate).any()
        assert not np.isin(y[train], y[last]).any()
    with pytest.warns(UserWarning, match="50 of 50 calibration windows hold steps"):
        split_last(X.tail(120), 0.25, None, horizon=3)


def watch(X, y, **params):
    """What the regressor was fitted to, and how many calibrate."""
    seen = []

    class Watch(Zero):
        def fit(self, X, y):
            seen.append(y)
            return super().fit(X, y)

    n_outputs = 1 if y.ndim == 1 else y.shape[1]
    model = ConformalRegressor(Watch(n_outputs), **params).fit(X, y)
    return seen[0], len(model.scores_)


def test_the_two_parts_have_no_target_in_common():
    """A target of horizon 5 reaches 5 rows on, and so four samples are left out."""
    X, y = make_supervised(np.arange(105.0), horizon=5)
    for known in (X, X.tail(3)):
        assert_array_equal(watch(known, y)[0], y[:76])
        assert_array_equal(watch(known, y[:, 4])[0], y[:76, 4])
    table = np.arange(100.0)[:, None]
    assert_array_equal(watch(table, y)[0], y[:76])
    assert_array_equal(watch(table, y[:, 4])[0], y[:80, 4])  # who could know it
    assert_array_equal(watch(table, y[:, 4], gap=4)[0], y[:76, 4])
    assert_array_equal(watch(X, y, gap=0)[0], y[:80])
    # A gap is of rows, whatever share of them are samples.
    train, n_calibration = watch(X[::2], y[::2])
    assert n_calibration == 10
    assert_array_equal(train, y[:76:2])


def test_each_series_calibrates_with_its_end():
    table = pd.DataFrame({"shop": np.repeat([1, 2], 50), "x": np.arange(100.0)})
    windows = SequenceWindower(2, group="shop").fit_transform(table)
    seen, _ = watch(windows, table["x"].to_numpy(), gap=3)
    assert seen.tolist() == [*range(37), *range(50, 87)]


@pytest.mark.parametrize("form", [np.asarray, make_histories])
def test_a_windower_inside_keeps_its_history(form):
    X, y = make_lagged(100, lag=3, random_state=0)
    X = form(X)
    windower = SequenceWindower(4, flatten=True, fill_value=0.0)
    inside = ConformalRegressor(make_pipeline(windower, LinearRegression())).fit(X, y)
    outside = ConformalRegressor(LinearRegression()).fit(windower.fit_transform(X), y)
    assert_allclose(inside.scores_, outside.scores_)


def test_a_frozen_estimator_calibrates_with_all_samples():
    X, y = line()
    fitted = LinearRegression().fit(X[:100], y[:100])
    model = ConformalRegressor(FrozenEstimator(fitted)).fit(X[100:], y[100:])
    assert_allclose(model.scores_[:, 0], np.abs(y[100:] - fitted.predict(X[100:])))


def panel(n, scales, seed=0):
    """Noise of several scales around 0: a table, shop by shop, and the targets."""
    rng = np.random.default_rng(seed)
    y = np.concatenate([scale * rng.normal(size=n) for scale in scales])
    shop, day = np.repeat(np.arange(len(scales)), n), np.tile(np.arange(n), len(scales))
    return pd.DataFrame({"shop": shop, "day": day, "x": y}), y


@pytest.mark.filterwarnings("ignore:.*windows have fewer than")
def test_all_samples_of_a_frozen_panel_and_of_updates_go_by_age():
    table, y = panel(30, [1, 10])
    windower = SequenceWindower(2, group="shop", time="day").fit(table)
    y = np.arange(1.0, 61)  # the error of a sample says which it is
    model = ConformalRegressor(FrozenEstimator(Zero().fit(0, 0)), adaptation_rate=0.1)
    shuffled = np.random.default_rng(0).permutation(60)
    for rows in (np.arange(60), shuffled):
        model.fit(windower.transform(table.iloc[rows]), y[rows])
        days = (model.scores_[:, 0].astype(int) - 1) % 30
        assert_array_equal(days, np.repeat(np.arange(30), 2))
    assert set(model.scores_[-2:, 0]) == {30, 60}
    together = pickle.loads(pickle.dumps(model))
    new = table.assign(day=table["day"] + 30)
    together.update(windower.transform(new[new["day"] < 35]), y[new["day"] < 35] + 60)
    for day in range(30, 35):
        now = new["day"] == day
        model.update(windower.transform(new[now]), y[now] + 60)
    assert_array_equal(model.scores_, together.scores_)
    assert_array_equal(model.level_, together.level_)


def test_series_share_the_coverage_as_the_notes_say():
    table, y = panel(20_000, [10, 1])
    windows = SequenceWindower(1, group="shop").fit_transform(table)
    interval = ConformalRegressor(Zero()).fit(windows, y).predict_interval(windows)
    shares = held(interval, y).reshape(2, -1).mean(axis=1)
    assert_allclose(shares, [0.8, 1], atol=0.02)
    assert_allclose(np.mean(shares), 0.9, atol=0.02)


# What the estimator offers


@pytest.mark.parametrize(
    ("estimator", "method"),
    [
        (LinearRegression(), "residual"),
        (BayesianRidge(), "std"),
        (GaussianProcessRegressor(alpha=1, optimizer=None), "std"),
        (DummyRegressor(), "residual"),  # whose standard deviation is 0
        (ZeroWithStd(), "residual"),  # whose standard deviation is negative here
        (ZeroWithQuantiles(), "quantiles"),
        (ZeroWithQuantiles(n_quantiles=1), "residual"),
        (FrozenEstimator(BayesianRidge().fit(*line())), "std"),
        (LSTMRegressor(2, max_epochs=1), "residual"),
        (LSTMRegressor(2, max_epochs=1, loss="gaussian"), "std"),
        (LSTMRegressor(2, max_epochs=1, loss="quantile"), "residual"),
        (
            LSTMRegressor(2, max_epochs=1, loss="quantile", quantile=[0.1, 0.9]),
            "quantiles",
        ),
    ],
)
def test_the_method_is_what_the_estimator_offers(estimator, method):
    X, y = line()
    X[:, 0] = -np.abs(X[:, 0])
    model = ConformalRegressor(estimator).fit(X, y)
    assert model.method_ == method
    assert held(model.predict_interval(X[160:]), y[160:]).mean() >= 0.9


def test_the_method_can_be_chosen():
    X, y = line()
    model = ConformalRegressor(BayesianRidge(), method="residual").fit(X, y)
    assert np.ptp(np.ptp(model.predict_interval(X), axis=1)) < 1e-12


@pytest.mark.parametrize("loss", ["squared_error", "quantile", "gaussian"])
def test_an_lstm_over_windows_of_a_panel(loss):
    X, y = make_lagged(600, lag=1, random_state=0)
    y = y + 0.3 * np.random.default_rng(0).normal(size=600)
    table = pd.DataFrame({"x": X[:, 0], "shop": np.repeat([0, 1, 2], 200)})
    y = np.stack([y, 10 * y], axis=1)
    lstm = LSTMRegressor(
        8, loss=loss, quantile=[0.1, 0.9], learning_rate=0.03, max_epochs=5
    )
    lstm.set_params(unroll="series", random_state=0)
    model = make_pipeline(
        SequenceWindower(3, group="shop"), ConformalRegressor(lstm, gap=1)
    )
    center, interval = model.fit(table, y).predict(table, return_interval=True)
    assert_array_equal(center, model.predict(table))
    assert interval.shape == (600, 2, 2)
    assert 0.8 < held(interval, y).mean() < 1
    assert np.ptp(interval, axis=2).mean() < 2 * 3.29 * y.std(axis=0).mean()


# As time goes on


@pytest.mark.parametrize("rate", [0, 0.05])
@pytest.mark.parametrize("estimator", ALL)
def test_update_is_the_loop_over_days(estimator, rate):
    rng = np.random.default_rng(0)
    X = rng.uniform(1, 2, size=(120, 1))
    y = (rng.normal(size=(120, 2)) * np.linspace(1, 4, 120)[:, None]).round()  # ties
    model = ConformalRegressor(
        estimator(2), coverage=0.75, calibration_fraction=0.5, adaptation_rate=rate
    )
    model.fit(X[:60], y[:60])
    at_once = pickle.loads(pickle.dumps(model)).update(X[60:], y[60:])
    level = np.full(2, 0.75)
    for i in range(60, 120):
        rank = np.clip(np.ceil(31 * level - 1e-9), 1, 30).astype(int)
        errors = [np.sort(model.scores_[:, j])[rank[j] - 1] for j in range(2)]
        assert_array_equal(model.threshold_, errors)
        inside = held(model.predict_interval(X[i : i + 1]), y[i : i + 1])[0]
        level = np.clip(level + rate * (~inside - 0.25), 0, 1)
        model.update(X[i : i + 1], y[i : i + 1])
        assert_allclose(model.level_, level)
    assert_array_equal(model.scores_, at_once.scores_)
    assert_array_equal(model.level_, at_once.level_)
    fresh = clone(model).set_params(estimator=FrozenEstimator(model.estimator_))
    assert_array_equal(model.scores_, fresh.fit(X[90:], y[90:]).scores_)


def test_updates_hold_the_coverage_where_errors_grow_and_shrink():
    rng = np.random.default_rng(0)
    season = np.exp(np.sin(np.arange(6000) / 500))
    X, y = np.zeros((6000, 1)), rng.normal(size=6000) * season
    never = ConformalRegressor(Zero()).fit(X[:2000], y[:2000])
    share = {"never": held(never.predict_interval(X[2000:]), y[2000:])}
    for rate in (0, 0.005):
        model = clone(never).set_params(adaptation_rate=rate).fit(X[:2000], y[:2000])
        parts = []
        for day in range(2000, 6000, 20):
            now = slice(day, day + 20)
            parts.append(held(model.predict_interval(X[now]), y[now]))
            model.update(X[now], y[now])
        share[rate] = np.concatenate(parts)
    worst = {
        key: max(abs(part.mean() - 0.9) for part in np.split(values, 8))
        for key, values in share.items()
    }
    assert abs(share[0.005].mean() - 0.9) < 0.01
    assert worst[0.005] < worst[0] / 2 < worst["never"] / 4


def test_update_keeps_to_the_coverage_of_fit():
    X, y = line()
    model = ConformalRegressor(LinearRegression(), adaptation_rate=0.1).fit(X, y)
    changed = pickle.loads(pickle.dumps(model)).set_params(coverage=0.5)
    assert changed.update(X, y).coverage_ == 0.9
    assert_array_equal(changed.level_, model.update(X, y).level_)
    assert changed.fit(X, y).coverage_ == 0.5


def test_an_endless_row_of_misses_neither_overflows_nor_sticks():
    X, y = np.zeros((50, 1)), np.linspace(-1, 1, 50)
    model = ConformalRegressor(Zero(), adaptation_rate=0.2).fit(X, y)
    growing = 2.0 ** np.arange(50)
    assert_array_equal(model.update(X, growing).level_, [1])
    assert_array_equal(model.threshold_, growing[-1:])
    assert model.update(X[:25], y[:25]).level_ < 1  # ever smaller ones


# As scikit-learn has it


@pytest.mark.filterwarnings("default")
@parametrize_with_checks(
    [
        ConformalRegressor(LinearRegression(), coverage=0.5, calibration_fraction=0.3),
        ConformalRegressor(
            GaussianProcessRegressor(alpha=1, optimizer=None),
            coverage=0.5,
            calibration_fraction=0.3,
        ),
    ]
)
def test_sklearn_checks(estimator, check):
    check(estimator)


def test_clone_and_pickle():
    X, y = line()
    model = ConformalRegressor(LinearRegression(), coverage=0.8, gap=2).fit(X, y)
    twin = clone(model)
    assert twin.get_params()["coverage"] == 0.8
    assert not hasattr(twin, "estimator_")
    assert not hasattr(twin, "n_features_in_")
    copy = pickle.loads(pickle.dumps(model))
    assert_array_equal(copy.predict_interval(X), model.predict_interval(X))


def test_search_and_pipeline():
    X, y = line()
    model = make_pipeline(StandardScaler(), ConformalRegressor(LinearRegression()))
    grid = {"conformalregressor__estimator__fit_intercept": [True, False]}
    grid |= {"conformalregressor__coverage": [0.5, 0.9]}
    search = GridSearchCV(model, grid, cv=TimeSeriesSplit(2)).fit(X, y + 5)
    assert search.best_params_["conformalregressor__estimator__fit_intercept"]
    y_pred, interval = search.best_estimator_.predict(X, return_interval=True)
    assert held(interval, y_pred).all()


def test_names_of_features():
    X, y = line()
    frame = pd.DataFrame(X, columns=["a", "b"])
    model = ConformalRegressor(LinearRegression()).fit(frame, pd.Series(y))
    assert_array_equal(model.feature_names_in_, ["a", "b"])
    assert model.n_features_in_ == 2
    plain = ConformalRegressor(LinearRegression()).fit(X, y)
    assert not hasattr(plain, "feature_names_in_")
    assert_allclose(model.predict_interval(frame), plain.predict_interval(X))


@pytest.mark.parametrize("routing", [False, True])
def test_weights_go_to_the_fit_of_the_estimator(routing):
    X, y = line()
    weight = np.random.default_rng(0).uniform(size=200)
    with config_context(enable_metadata_routing=routing):
        estimator = LinearRegression()
        if routing:
            estimator.set_fit_request(sample_weight=True)
        model = ConformalRegressor(estimator).fit(X, y, sample_weight=weight)
    expected = LinearRegression().fit(X[:160], y[:160], sample_weight=weight[:160])
    assert_array_equal(model.estimator_.coef_, expected.coef_)


# What is refused


@pytest.mark.parametrize("coverage", [0, 1, -0.1, 90])
def test_coverage_out_of_range(coverage):
    with pytest.raises(ValueError, match="'coverage' parameter"):
        ConformalRegressor(LinearRegression(), coverage=coverage).fit(*line())


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"coverage": 0.99}, r"leaves 40 to calibrate with, and .* needs 99"),
        ({"gap": 160}, "gap=160 leave none to train on"),
        ({"method": "std"}, r"return_std=True\); LinearRegression does not"),
        ({"method": "quantiles"}, "LinearRegression has none"),
        ({"estimator": Zero(2)}, r"shape \(200, 2\) for 1 output"),
        ({"estimator": ZeroWithQuantiles(2)}, r"quantiles of shape \(200, 2, 3\)"),
        (
            {"estimator": ZeroWithQuantiles(n_quantiles=1), "method": "quantiles"},
            "predicts 1 quantile",
        ),
        ({"estimator": ZeroWithStd(), "method": "std"}, "standard deviation of -"),
        ({"estimator": object()}, "'estimator' parameter"),
    ],
)
def test_what_cannot_work_says_so(params, message):
    model = ConformalRegressor(LinearRegression()).set_params(**params)
    with pytest.raises(ValueError, match=message):
        model.fit(*line())


@pytest.mark.parametrize("keys", [{"group": "shop"}, {"time": "day"}])
@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("deeper", [False, True])
def test_rows_of_a_panel_whose_windower_is_inside(keys, frozen, deeper):
    table, y = panel(50, [1])
    windower = SequenceWindower(2, **keys, flatten=True)
    inside = make_pipeline(windower, LinearRegression())
    inside = make_pipeline("passthrough", inside) if deeper else inside
    if frozen:
        inside = FrozenEstimator(inside.fit(table, y))
        inside = make_pipeline("passthrough", inside) if deeper else inside
    message = "SequenceWindower with group=.* put the ConformalRegressor last in the"
    with pytest.raises(ValueError, match=message):
        ConformalRegressor(inside).fit(table, y)
    with pytest.raises(ValueError, match=r"AutoForecaster with group=.* give the"):
        ConformalRegressor(AutoForecaster(**keys)).fit(table, y)


def test_nine_samples_calibrate_nine_of_ten_and_eight_do_not():
    X, y = line(45)
    model = ConformalRegressor(LinearRegression())
    assert model.fit(X, y).threshold_ == model.scores_.max()
    with pytest.raises(ValueError, match="leaves 8 to calibrate with"):
        model.fit(X[:40], y[:40])


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.zeros((3, 2)), r"2 output\(s\), but"),
        (np.zeros((3, 1)), r"2 dimension\(s\)"),
        (np.array([0, np.nan, 0]), "y contains NaN"),
        (np.zeros(2), "inconsistent numbers of samples"),
    ],
)
def test_updates_in_another_form(y, message):
    X, target = line()
    model = ConformalRegressor(LinearRegression()).fit(X, target)
    with pytest.raises(ValueError, match=message):
        model.update(X[:3], y)


def test_predictions_that_are_missing_calibrate_nothing():
    class Gaps(LinearRegression):
        def predict(self, X):
            y = super().predict(X)
            y[::7] = np.nan
            return y

    X, y = line()
    with pytest.raises(ValueError, match=r"predicts \d+ values of \d+ to calibrate on"):
        ConformalRegressor(Gaps()).fit(X, y)
