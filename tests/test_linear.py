"""Linear forecasts against scikit-learn's Ridge on lags made by hand."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.linear_model import Ridge

from sklstm import SequenceWindower, make_supervised
from sklstm.forecasting._linear import PENALTIES, LinearForecaster

RNG = np.random.default_rng(0)
LENGTH, HORIZON = 5, 2
SERIES = np.exp(np.cumsum(RNG.normal(0.01, 0.1, size=80)))


def windows_of(table, target=None):
    X, y = make_supervised(table, horizon=HORIZON, target=target)
    return SequenceWindower(LENGTH).fit_transform(X), y


X, Y = windows_of(SERIES)
# Newest first; before the first row of the series that row is repeated.
LAGS = np.stack([SERIES[np.maximum(np.arange(78) - k, 0)] for k in range(6)], axis=1)


def by_hand(lags, y, weight, intercept):
    """Predictions with each penalty."""
    weight = np.full(len(y), 1 / len(y)) if weight is None else weight / weight.sum()
    lags = lags / (lags.std() if intercept else np.sqrt((lags**2).mean()))
    centered = lags - weight @ lags if intercept else lags
    scale = np.trace(centered.T * weight @ centered) / lags.shape[1]
    lines = [Ridge(scale * p, fit_intercept=intercept) for p in PENALTIES]
    return np.array([line.fit(lags, y, weight).predict(lags) for line in lines])


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("on", ["values", "changes", "deviations"])
def test_each_penalty_is_that_of_a_ridge_regression(on, log, weighted):
    weight = RNG.integers(1, 4, len(Y)).astype(float) if weighted else None
    to = np.log if log else np.asarray
    model = LinearForecaster(on=on, log=log).fit(X, Y, weight)
    lags, start, y = to(LAGS)[:, :LENGTH], to(SERIES[:78, None]), to(Y)
    if on == "values":
        start = 0.0
    elif on == "changes":
        lags = lags - to(LAGS)[:, 1:]
    else:
        lags = lags - lags[:, :1]
    expected = by_hand(lags, y - start, weight, on == "values") + start
    expected = np.exp(expected) if log else expected
    assert_allclose(model.predict_path(X), expected, rtol=1e-6)
    for k in (0, 7):
        model.fit(X, Y, weight).choose(k)
        assert_allclose(model.predict(X[::-1])[::-1], expected[k], rtol=1e-6)


@pytest.mark.parametrize("log", [False, True])
def test_drift_is_the_mean_change(log):
    to = np.log if log else np.asarray
    model = LinearForecaster(on="drift", log=log).fit(X, Y)
    model.choose(0)
    last = to(SERIES[:78, None])
    expected = last + (to(Y) - last).mean(axis=0)
    assert_allclose(model.predict(X), np.exp(expected) if log else expected)


def test_other_features_in_other_units_and_labels():
    table = pd.DataFrame({"x": SERIES[:60], "heat": 1e3 * RNG.normal(size=60)})
    alone = LinearForecaster(feature="x").fit(*windows_of(table, "x"))
    bare = LinearForecaster().fit(*windows_of(SERIES[:60]))
    assert_allclose(
        alone.predict_path(windows_of(table, "x")[0]),
        bare.predict_path(windows_of(SERIES[:60])[0]),
    )
    plain = LinearForecaster(feature="x", others=True).fit(*windows_of(table, "x"))
    table["kind"] = RNG.choice(["a", "b"], 60)
    table["heat"] *= 1e-6
    windows, y = windows_of(table, "x")
    model = LinearForecaster(feature="x", others=True).fit(windows, y)
    expected = plain.predict_path(
        windows_of(table[["x", "heat"]].mul([1, 1e6]), "x")[0]
    )
    assert_allclose(model.predict_path(windows), expected, rtol=1e-6)
    windows.steps[::7, 1] = np.nan
    lacks = LinearForecaster(feature="x", others=True).fit(windows, y)
    assert np.isfinite(lacks.predict_path(windows)).all()


def test_levels_behind_a_scaler_are_in_the_units_of_y():
    scaled = X.on_table((X.steps - 3) / 7)
    for params in ({}, {"log": True}, {"on": "values"}, {"on": "drift"}):
        here = LinearForecaster(**params).fit(X, Y).predict_path(X)
        there = LinearForecaster(**params).fit(scaled, Y).predict_path(scaled)
        assert_allclose(there, here, rtol=1e-5)


def test_lags_are_bounded(monkeypatch):
    monkeypatch.setattr("sklstm.forecasting._linear.MAX_LAGS", 7)
    table = RNG.normal(size=(60, 3))
    windows, y = windows_of(table, 0)
    model = LinearForecaster(feature=0, others=True).fit(windows, y)
    assert model._axes.shape == (6, 6)  # two lags of three features
    model.choose(3)
    whole = model.predict(windows)
    monkeypatch.setattr("sklstm.forecasting._linear.SIZE", 7)
    assert_allclose(model.predict(windows), whole)
