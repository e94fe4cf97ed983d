"""MAPIE's intervals around our regressor, over each form of sequences."""

import numpy as np
import pytest
from mapie.regression import (
    ConformalizedQuantileRegressor,
    CrossConformalRegressor,
    SplitConformalRegressor,
    TimeSeriesRegressor,
)
from mapie.subsample import BlockBootstrap
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.frozen import FrozenEstimator

from sklstm import LSTMRegressor, SequenceWindower
from sklstm.datasets import make_lagged
from sklstm.forecasting import ConformalRegressor

# The target is what the feature was a row ago, and noise of known size.
SIGMA = 0.3
X, y = make_lagged(604, lag=1, random_state=0)
y = y[4:] + SIGMA * np.random.default_rng(0).normal(size=600)
WINDOWS = SequenceWindower(4).fit_transform(X)[4:]
FORMS = {
    "sequences": WINDOWS,
    "array": np.asarray(WINDOWS),
    "list": list(WINDOWS),
}
FIT, CALIBRATE, TEST = slice(0, 300), slice(300, 450), slice(450, None)
COVERAGE = 0.9
every_form = pytest.mark.parametrize("X", FORMS.values(), ids=FORMS.keys())


def regressor(**params):
    quick = {"learning_rate": 0.05, "batch_size": 64, "max_epochs": 12}
    return LSTMRegressor(8, **{**quick, "random_state": 0, **params})


def check(interval, low=0.83, high=0.98):
    """Intervals of about the right width hold about the right share."""
    interval = interval[:, :, 0]  # (n_samples, 2)
    held = (interval[:, 0] <= y[TEST]) & (y[TEST] <= interval[:, 1])
    assert low < held.mean() < high
    assert 2 * SIGMA < np.ptp(interval, axis=1).mean() < 6 * SIGMA


@every_form
def test_split_conformal_of_a_fitted_regressor_is_ours(X):
    fitted = regressor().fit(X[FIT], y[FIT])
    theirs = SplitConformalRegressor(fitted, confidence_level=COVERAGE, prefit=True)
    theirs.conformalize(X[CALIBRATE], y[CALIBRATE])
    y_pred, interval = theirs.predict_interval(X[TEST])
    assert_array_equal(y_pred, fitted.predict(X[TEST]))
    check(interval)
    ours = ConformalRegressor(FrozenEstimator(fitted), coverage=COVERAGE)
    ours.fit(X[CALIBRATE], y[CALIBRATE])
    assert_allclose(interval[:, :, 0], ours.predict_interval(X[TEST]))


@every_form
def test_split_conformal_fits_the_regressor(X):
    model = SplitConformalRegressor(
        regressor(), confidence_level=COVERAGE, prefit=False
    )
    model.fit(X[FIT], y[FIT]).conformalize(X[CALIBRATE], y[CALIBRATE])
    check(model.predict_interval(X[TEST])[1])


@every_form
def test_conformalized_quantiles_of_fitted_regressors(X):
    fitted = [  # in the order in which MAPIE wants them
        regressor(loss="quantile", quantile=q, max_epochs=40).fit(X[FIT], y[FIT])
        for q in (0.05, 0.95, 0.5)
    ]
    model = ConformalizedQuantileRegressor(
        fitted, confidence_level=COVERAGE, prefit=True
    )
    model.conformalize(X[CALIBRATE], y[CALIBRATE])
    check(model.predict_interval(X[TEST])[1])


@every_form
def test_cross_conformal(X):
    model = CrossConformalRegressor(
        regressor(), confidence_level=COVERAGE, cv=3, random_state=0
    )
    model.fit_conformalize(X[:450], y[:450])
    check(model.predict_interval(X[TEST])[1])


# MAPIE's update always warns, of two arguments that it still takes.
@pytest.mark.filterwarnings("ignore:\\s*This function behavior:UserWarning")
@every_form
@pytest.mark.parametrize("method", ["enbpi", "aci"])
def test_time_series_regressor_with_updates(X, method):
    blocks = BlockBootstrap(
        n_resamplings=6, n_blocks=4, overlapping=False, random_state=0
    )
    model = TimeSeriesRegressor(
        regressor(), method=method, cv=blocks, agg_function="mean"
    )
    model.fit(X[:450], y[:450])
    how = {"ensemble": True, "confidence_level": COVERAGE}
    check(model.predict(X[TEST], **how)[1], low=0.75)  # no promise for one series
    before = model.conformity_scores_.copy()
    if method == "enbpi":
        model.update(X[450:480], y[450:480], **how)
        assert not np.array_equal(model.conformity_scores_, before)
    else:
        model.adapt_conformal_inference(
            X[450:480], y[450:480], gamma=0.01, ensemble=True, confidence_level=COVERAGE
        )
    check(model.predict(X[TEST], **how)[1], low=0.75)
