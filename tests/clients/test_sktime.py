"""sktime's reductions and pipelines around our estimators are loops over windows."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sktime.classification.compose import SklearnClassifierPipeline
from sktime.forecasting.compose import make_reduction
from sktime.forecasting.model_evaluation import evaluate
from sktime.performance_metrics.forecasting import MeanAbsoluteError
from sktime.split import ExpandingWindowSplitter
from sktime.transformations.panel.slope import SlopeTransformer

from sklstm import LSTMClassifier, LSTMRegressor

N, LENGTH = 150, 12
T = np.arange(N)
RNG = np.random.default_rng(0)
Y = pd.Series(
    np.sin(2 * np.pi * T / 12) + RNG.normal(0, 0.1, N),
    index=pd.period_range("2024-01-01", periods=N, freq="h"),
)
STEPS = [1, 2, 3]
LSTM = LSTMRegressor(4, max_epochs=3, random_state=0)


def windows(y, horizon=1):
    """Each row holds LENGTH values in time, and the `horizon` values after it."""
    y = np.asarray(y)
    view = np.lib.stride_tricks.sliding_window_view(y, LENGTH + horizon)
    return view[:, :LENGTH], view[:, LENGTH:]


def one_step(y):
    X, y = windows(y)
    return clone(LSTM).fit(X, y[:, 0])


def recursion(model, y, steps):
    y = list(y)
    for _ in range(steps):
        y.append(model.predict(np.array([y[-LENGTH:]]))[0])
    return y[-steps:]


def direct(y):
    X, later = windows(y, horizon=3)
    models = [clone(LSTM).fit(X, later[:, i]) for i in range(3)]
    return [model.predict(np.asarray(y)[None, -LENGTH:])[0] for model in models]


def at_once(y):
    model = clone(LSTM).fit(*windows(y, horizon=3))
    return model.predict(np.asarray(y)[None, -LENGTH:])[0]


def reduction(strategy, model=LSTM, **params):
    return make_reduction(model, strategy=strategy, window_length=LENGTH, **params)


@pytest.mark.parametrize(
    ("strategy", "by_hand"),
    [
        ("recursive", lambda y: recursion(one_step(y), y, 3)),
        ("direct", direct),
        ("multioutput", at_once),
    ],
)
def test_reduction(strategy, by_hand):
    y_pred = reduction(strategy).fit(Y, fh=STEPS).predict()
    assert_allclose(y_pred, by_hand(Y), rtol=1e-5)


def test_windows_of_time_series_regressors_have_steps_last():
    turn = FunctionTransformer(np.swapaxes, kw_args={"axis1": 1, "axis2": 2})
    model = make_pipeline(turn, LSTM)
    forecaster = reduction("recursive", model, scitype="time-series-regressor")
    y_pred = forecaster.fit(Y, fh=STEPS).predict()
    assert_allclose(y_pred, recursion(one_step(Y), Y, 3), rtol=1e-5)


def test_evaluate():
    folds = ExpandingWindowSplitter(fh=STEPS, initial_window=120, step_length=10)
    error = MeanAbsoluteError()
    table = evaluate(reduction("recursive"), folds, Y, scoring=error)
    expected = []
    for train, test in folds.split(Y):
        y_pred = recursion(one_step(Y.iloc[train]), Y.iloc[train], 3)
        expected.append(np.abs(y_pred - Y.iloc[test]).mean())
    assert len(expected) == 3
    assert_allclose(table["test_MeanAbsoluteError"], expected, rtol=1e-5)


def test_classifier_behind_a_transformer_of_panels():
    labels = np.array(["up", "down"])[np.arange(60) % 2]
    slope = np.where(labels == "up", 0.3, -0.3)[:, None, None]
    X = slope * np.arange(16) + RNG.normal(size=(60, 1, 16))
    lstm = LSTMClassifier(8, max_epochs=20, dropout=0.0, random_state=0)
    transformer = SlopeTransformer(num_intervals=4)
    model = SklearnClassifierPipeline(lstm, [transformer]).fit(X, labels)
    slopes = transformer.fit_transform(X)[:, 0]  # (n_samples, n_intervals)
    by_hand = clone(lstm).fit(slopes, labels)
    assert by_hand.score(slopes, labels) > 0.9
    assert_array_equal(model.predict(X), by_hand.predict(slopes))
    assert_allclose(model.predict_proba(X), by_hand.predict_proba(slopes), rtol=1e-5)
