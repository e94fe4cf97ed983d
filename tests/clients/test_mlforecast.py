"""mlforecast with our regressor is a loop over lags that series share."""

import numpy as np
import pandas as pd
import pytest
from mlforecast import MLForecast
from numpy.testing import assert_allclose
from sklearn.base import clone

from sklstm import LSTMRegressor

N, LAGS = 150, 12
T = np.arange(N)
NOISE = np.random.default_rng(0).normal(0, 0.1, (2, N))
SERIES = {
    "a": np.sin(2 * np.pi * T / 12) + NOISE[0],
    "b": np.cos(2 * np.pi * T / 6) + NOISE[1],
}
HOURS = pd.date_range("2024-01-01", periods=N, freq="h")
LONG = pd.concat(
    pd.DataFrame({"unique_id": name, "ds": HOURS, "y": y}) for name, y in SERIES.items()
)
LSTM = LSTMRegressor(4, n_timesteps="columns", max_epochs=3, random_state=0)


def forecaster():
    # An LSTM reads columns from left to right: the oldest lag goes first.
    return MLForecast({"lstm": LSTM}, freq="h", lags=range(LAGS, 0, -1))


def fitted(series, ahead=1):
    X, y = [], []
    for values in series:
        for t in range(LAGS, len(values) - ahead + 1):
            X.append(values[t - LAGS : t])
            y.append(values[t + ahead - 1])
    return clone(LSTM).fit(np.array(X), np.array(y))


def recursion(model, series, steps):
    series = [list(values) for values in series]
    for _ in range(steps):
        y_pred = model.predict(np.array([values[-LAGS:] for values in series]))
        for values, new in zip(series, y_pred, strict=True):
            values.append(new)
    return np.concatenate([values[-steps:] for values in series])


def test_recursive():
    model = forecaster()
    model.fit(LONG)
    expected = recursion(fitted(SERIES.values()), SERIES.values(), 5)
    assert_allclose(model.predict(5)["lstm"], expected, rtol=1e-5)


def test_a_model_for_each_step():
    model = forecaster()
    model.fit(LONG, max_horizon=3)
    last = np.array([y[-LAGS:] for y in SERIES.values()])
    steps = [fitted(SERIES.values(), ahead).predict(last) for ahead in (1, 2, 3)]
    assert_allclose(model.predict(3)["lstm"], np.transpose(steps).ravel(), rtol=1e-5)


@pytest.mark.parametrize("refit", [False, True])
def test_cross_validation(refit):
    found = forecaster().cross_validation(LONG, n_windows=2, h=4, refit=refit)
    expected = []
    model = fitted([y[: N - 8] for y in SERIES.values()])
    for end in (N - 8, N - 4):
        known = [y[:end] for y in SERIES.values()]
        expected.append(recursion(fitted(known) if refit else model, known, 4))
    # windows in turn, series within
    found = found.sort_values(["cutoff", "unique_id", "ds"])
    assert_allclose(found["lstm"], np.concatenate(expected), rtol=1e-5)
