"""The linear path against scikit-learn's ridge regression of the same windows."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import RidgeCV
from sklearn.preprocessing import StandardScaler

from sklstm import LSTMRegressor, SequenceWindower
from sklstm._net import _line
from sklstm._net._line import PENALTIES

RNG = np.random.default_rng(0)
SERIES = np.cumsum(RNG.normal(size=(200, 2)), axis=0)
WINDOWS = SequenceWindower(5).fit_transform(SERIES)
LAGS = np.stack([SERIES[np.maximum(np.arange(200) - lag, 0)] for lag in range(5)], 1)
STARTED = np.arange(200)[:, None] >= np.arange(5)  # and not before the first row
Y = LAGS[:, 1, 0] - 0.5 * LAGS[:, 4, 1] + RNG.normal(size=200)
Y2 = np.c_[Y, RNG.normal(size=200)]


def line(**params):
    """A net that stays where it begins."""
    still = {"max_epochs": 1, "learning_rate": 1e-12, "dtype": "float64"}
    return LSTMRegressor(4, **still | params, random_state=0)


def ridge(model, X, y, weight=None):
    """Predictions of y by a ridge regression in the units of the net."""
    X = X.reshape(len(X), -1)
    scaler = StandardScaler().fit(y.reshape(len(y), -1), sample_weight=weight)
    best = RidgeCV(len(X) * PENALTIES, alpha_per_target=y.ndim > 1)
    best.fit(X, scaler.transform(y.reshape(len(y), -1)), weight)
    predictions = best.predict(X).reshape(len(y), -1)
    return scaler.inverse_transform(predictions).reshape(y.shape)


def lags_of(model):
    scaled = model.scaler_.transform(LAGS.reshape(-1, 2)).reshape(LAGS.shape)
    return scaled * STARTED[..., None]


@pytest.mark.parametrize("unroll", ["window", "series"])
@pytest.mark.parametrize("y", [Y, Y2], ids=["one", "two"])
def test_the_net_begins_as_a_ridge_regression(y, unroll):
    model = line(unroll=unroll).fit(WINDOWS, y)
    assert_allclose(model.predict(WINDOWS), ridge(model, lags_of(model), y), rtol=1e-6)


@pytest.mark.parametrize("size", [2, 3, 5])
def test_frames_are_read_by_the_same_line(size):
    X = np.flip(LAGS, axis=1)[5:]
    plain = line(frame_size=1).fit(X, Y[5:])
    n_missing = -5 % size
    first = np.repeat(X[:, :1], n_missing, axis=1)
    scaled = plain.scaler_.transform(np.concatenate([first, X], 1).reshape(-1, 2))
    expected = ridge(plain, scaled.reshape(len(X), -1), Y[5:])
    framed = line(frame_size=size).fit(X, Y[5:])
    assert_allclose(framed.predict(X), expected, rtol=1e-6)


def test_the_line_is_weighted():
    weight = RNG.integers(1, 4, size=200).astype(float)
    model = line().fit(WINDOWS, Y, sample_weight=weight)
    normed = weight / weight.mean()
    expected = ridge(model, lags_of(model), Y, normed)
    assert_allclose(model.predict(WINDOWS), expected, rtol=1e-6)


def test_each_quantile_and_the_mean_of_a_distribution_begin_at_the_line():
    model = line(loss="quantile", quantile=[0.1, 0.5, 0.9]).fit(WINDOWS, Y)
    expected = ridge(model, lags_of(model), Y)
    for quantile in model.predict_quantiles(WINDOWS).T:
        assert_allclose(quantile, expected, rtol=1e-6)
    model = line(loss="gaussian").fit(WINDOWS, Y)
    assert_allclose(model.predict(WINDOWS), expected, rtol=1e-6)
    std = model.predict(WINDOWS, return_std=True)[1]
    assert_allclose(std, np.log(2) * model.target_scaler_.scale_[0], rtol=1e-5)


def test_the_net_leaves_the_line_where_it_is():
    still = line().fit(WINDOWS, Y)
    learnt = line(max_epochs=5, learning_rate=0.01).fit(WINDOWS, Y)
    weight = still.module_.skip.weight.detach()
    assert_array_equal(learnt.module_.skip.weight.detach(), weight)
    assert learnt.module_.head.weight.abs().min() > 0
    assert np.ptp(learnt.predict(WINDOWS) - still.predict(WINDOWS)) > 0.01


def test_partial_fit_learns_the_line_from_zero():
    model = line().partial_fit(WINDOWS, Y)
    assert_allclose(model.module_.skip.weight.detach(), 0, atol=1e-9)
    model = line(learning_rate=0.01).partial_fit(WINDOWS, Y)
    once = model.module_.skip.weight.detach().clone()
    assert once.abs().min() > 0
    assert (model.partial_fit(WINDOWS, Y).module_.skip.weight != once).all()


def test_more_sequences_than_the_regression_takes(monkeypatch):
    monkeypatch.setattr(_line, "MAX_SEQUENCES", 100)
    model = line().fit(WINDOWS, Y)
    some = ridge(model, lags_of(model), Y)
    correlation = np.corrcoef(some, model.predict(WINDOWS))[0, 1]
    assert 0.98 < correlation < 1 - 1e-9


def test_no_more_values_than_the_line_takes():
    X = RNG.normal(size=(12, 100, 30))
    model = line(frame_size=1).fit(X, X[:, -1, 0])
    assert model.module_.skip.in_features == 512 // 30 * 30
    model = line(frame_size=50).fit(X, X[:, -1, 0])
    assert model.module_.skip.in_features == 50 * 30  # a frame at least


def test_what_a_regression_cannot_tell_apart():
    """One sequence, as good as one, and sequences that are all alike."""
    X = RNG.normal(size=(6, 5, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        for y in (RNG.normal(size=6), RNG.normal(size=(6, 2))):
            model = line().fit(X[:1], y[:1])
            assert_allclose(model.predict(X[:1]), y[:1], rtol=1e-6)
            weight = [1e12, 1, 1, 1, 1, 1]
            assert np.isfinite(line().fit(X, y, sample_weight=weight).predict(X)).all()
            model = line().fit(np.ones((6, 5, 2)), y)
            expected = np.broadcast_to(y.mean(axis=0), y.shape)
            assert_allclose(model.predict(np.ones((6, 5, 2))), expected, rtol=1e-6)
