"""skforecast's forecasters around our regressor are loops over lags."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from skforecast.direct import ForecasterDirect
from skforecast.model_selection import TimeSeriesFold, backtesting_forecaster
from skforecast.recursive import ForecasterRecursive, ForecasterRecursiveMultiSeries
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklstm import LSTMRegressor

N, LAGS = 200, 12
T = np.arange(N)
Y = pd.Series(
    np.sin(2 * np.pi * T / 12) + np.random.default_rng(0).normal(0, 0.1, N),
    index=pd.date_range("2024-01-01", periods=N, freq="h"),
    name="load",
)
LSTM = LSTMRegressor(4, n_timesteps="columns", max_epochs=3, random_state=0)
# skforecast puts the newest lag first, and an LSTM reads from left to right.
IN_TIME = make_pipeline(FunctionTransformer(np.fliplr), LSTM)
each = pytest.mark.parametrize("model", [LSTM, IN_TIME], ids=["bare", "in time"])


def table(y, ahead=1):
    """Each row holds LAGS values, the newest first, and what comes `ahead` later."""
    y = np.asarray(y)
    rows = np.arange(LAGS, len(y) - ahead + 1)
    return np.stack([y[t - LAGS : t][::-1] for t in rows]), y[rows + ahead - 1]


def recursion(model, y, steps):
    y = list(y)
    for _ in range(steps):
        y.append(model.predict(np.array([y[: -LAGS - 1 : -1]]))[0])
    return y[-steps:]


@each
def test_recursive(model):
    forecaster = ForecasterRecursive(model, lags=LAGS)
    forecaster.fit(Y)
    y_pred = forecaster.predict(6)
    by_hand = clone(model).fit(*table(Y))
    assert_allclose(y_pred, recursion(by_hand, Y, 6), rtol=1e-5)
    assert y_pred.index[0] == Y.index[-1] + Y.index.freq


@each
def test_direct(model):
    forecaster = ForecasterDirect(model, steps=3, lags=LAGS)
    forecaster.fit(Y)
    now = np.asarray(Y)[: -LAGS - 1 : -1][None]
    n = N - LAGS - 2  # all steps have the rows of the last one
    for step, y_pred in enumerate(forecaster.predict(), start=1):
        X, y = table(Y, ahead=step)
        assert_allclose(y_pred, clone(model).fit(X[:n], y[:n]).predict(now)[0], 1e-5)


def test_columns_of_the_calendar_are_no_steps():
    """What is known of the hour that is forecast stands beside the lags."""
    is_open = pd.Series((T // 5 % 2 == 0).astype(float), Y.index, name="open")
    y = Y + 3 * is_open  # which the lags do not tell
    forecaster = ForecasterRecursive(
        LSTMRegressor(4, max_epochs=3, random_state=0, static_features=[LAGS]),
        lags=LAGS,
    )
    forecaster.fit(y[:180], exog=is_open[:180])
    y_pred = forecaster.predict(20, exog=is_open[180:])
    X, then = table(y[:180])
    X = np.column_stack([X, is_open[LAGS:180]])
    model = clone(forecaster.estimator).fit(X, then)
    values = list(y[:180])
    for known in is_open[180:]:
        row = [*values[: -LAGS - 1 : -1], known]
        values.append(model.predict(np.array([row]))[0])
    assert_allclose(y_pred, values[180:], rtol=1e-5)
    errors = (y_pred - y[180:]) ** 2
    assert errors.mean() < 0.1 * y[180:].var()
    assert model.module_.lstm.input_size == 1


@pytest.mark.parametrize("refit", [False, True])
def test_backtest(refit):
    error, _ = backtesting_forecaster(
        ForecasterRecursive(LSTM, lags=LAGS),
        Y,
        cv=TimeSeriesFold(20, 140, refit=refit, fixed_train_size=False),
        metric="mean_absolute_error",
        show_progress=False,
    )
    y_pred = []
    model = LSTM.fit(*table(Y[:140]))
    for end in (140, 160, 180):
        if refit:
            model = clone(LSTM).fit(*table(Y[:end]))
        y_pred += recursion(model, Y[:end], 20)
    expected = np.abs(y_pred - np.asarray(Y)[140:]).mean()
    assert_allclose(error["mean_absolute_error"], [expected], rtol=1e-5)


def test_series_share_a_model():
    both = {"a": Y, "b": Y[::-1].set_axis(Y.index)}
    forecaster = ForecasterRecursiveMultiSeries(LSTM, lags=LAGS, encoding=None)
    forecaster.fit(both)
    y_pred = forecaster.predict(4)
    tables = [table(y) for y in both.values()]
    X, y = (np.concatenate(parts) for parts in zip(*tables, strict=True))
    model = clone(LSTM).fit(X, y)
    for name, values in both.items():
        of_series = y_pred.loc[y_pred["level"] == name, "pred"]
        assert_allclose(of_series, recursion(model, values, 4), rtol=1e-5)
