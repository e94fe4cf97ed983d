"""Quantiles and normal distributions: proper, in order, in units of y."""

import pickle

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import integrate, stats
from sklearn.base import clone
from sklearn.metrics import mean_pinball_loss
from sklearn.model_selection import GridSearchCV

from sklstm import LSTMRegressor
from sklstm._net._losses import GaussianCRPS, Pinball, QuantileLoss, make_loss

RNG = np.random.default_rng(0)
X = RNG.normal(size=(400, 3, 1))
Y = 10 + 2 * X[:, -1, 0] + np.exp(X[:, 0, 0] / 2) * RNG.normal(size=400)
Y2 = np.c_[Y, -3 * Y]
QUANTILES = [0.1, 0.5, 0.9]


def small(**params):
    fixed = {"hidden_size": 8, "max_epochs": 3, "random_state": 0, "dtype": "float64"}
    return LSTMRegressor(**fixed | params)


def test_pinball_is_that_of_scikit_learn():
    output, y = RNG.normal(size=(7, 2, 3)), RNG.normal(size=(7, 2))
    loss = Pinball(QUANTILES)(torch.tensor(output.reshape(7, 6)), torch.tensor(y))
    expected = [
        [
            np.mean(
                [
                    mean_pinball_loss([y[i, j]], [output[i, j, k]], alpha=q)
                    for k, q in enumerate(QUANTILES)
                ]
            )
            for j in range(2)
        ]
        for i in range(7)
    ]
    assert_allclose(loss, expected)


@given(st.floats(-3, 3), st.floats(-3, 3), st.floats(-2, 2))
def test_crps_is_the_integral_that_defines_it(y, mean, raw):
    std = np.logaddexp(0, raw) + 1e-6
    distribution = stats.norm(mean, std)
    below, _ = integrate.quad(lambda x: distribution.cdf(x) ** 2, -40, y)
    above, _ = integrate.quad(lambda x: distribution.sf(x) ** 2, y, 40)
    output = torch.tensor([[mean, raw]], dtype=torch.float64)
    score = GaussianCRPS()(output, torch.tensor([[y]], dtype=torch.float64))
    assert_allclose(score, [[below + above]], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.9])
def test_one_quantile_is_what_predict_returns(quantile):
    model = small(loss="quantile", quantile=quantile, max_epochs=40).fit(X, Y)
    assert abs(np.mean(model.predict(X) >= Y) - quantile) < 0.06
    assert_array_equal(model.predict_quantiles(X)[:, 0], model.predict(X))


def test_quantiles_of_another_loss_are_told_how_to_be_had():
    with pytest.raises(AttributeError, match="predict_quantiles") as caught:
        small().predict_quantiles(X)
    assert "needs loss='quantile', and not 'squared_error'" in str(
        caught.value.__cause__
    )


def test_quantiles_cover_their_shares_and_never_cross():
    model = small(loss="quantile", quantile=QUANTILES, max_epochs=40).fit(X, Y2)
    quantiles = model.predict_quantiles(X)
    assert quantiles.shape == (400, 2, 3)
    assert_allclose(
        (Y2[..., None] <= quantiles).mean(axis=0), [QUANTILES] * 2, atol=0.06
    )
    assert (np.diff(quantiles, axis=-1) >= 0).all()
    assert_array_equal(model.predict(X), quantiles[..., 1])
    wide = small(loss="quantile", quantile=QUANTILES, max_epochs=1).fit(X, Y)
    crossing = RNG.normal(size=X.shape) * 100
    assert (np.diff(wide.predict_quantiles(crossing), axis=-1) >= 0).all()


@pytest.mark.parametrize(
    ("quantile", "expected"),
    [
        ([0.1, 0.9], 15.0),  # half way
        ([0.25, 0.75, 0.9], 15.0),
        ([0.4, 0.8], 12.5),  # a quarter of the way
        ([0.1, 0.2], 20.0),  # the outermost
        ([0.7], 10.0),
    ],
)
def test_the_centre_lies_between_quantiles(quantile, expected):
    parts = np.array([[[10.0, 20.0, 30.0][: len(quantile)]]])
    assert QuantileLoss(quantile).center(parts) == pytest.approx(expected)


def test_standard_deviations_follow_the_noise():
    model = small(loss="gaussian", max_epochs=60).fit(X, Y)
    mean, std = model.predict(X, return_std=True)
    assert_array_equal(model.predict(X), mean)
    z = (Y - mean) / std
    assert 0.85 < z.std() < 1.15
    noise = np.exp(X[:, 0, 0] / 2)
    assert np.corrcoef(std, noise)[0, 1] > 0.8
    assert abs(np.median(std / noise) - 1) < 0.2


def test_standard_deviations_are_in_the_units_of_y():
    model = small(loss="gaussian").fit(X, Y)
    larger = small(loss="gaussian").fit(X, 100 * Y + 7)
    assert_allclose(
        larger.predict(X, return_std=True)[1],
        100 * model.predict(X, return_std=True)[1],
        rtol=1e-6,
    )
    several = small(loss="gaussian").fit(X, Y2)
    assert several.predict(X, return_std=True)[1].shape == Y2.shape


@pytest.mark.parametrize("loss", ["quantile", "gaussian"])
def test_pickles_searches_and_continued_fits(loss):
    model = small(loss=loss, quantile=QUANTILES, warm_start=True).fit(X, Y)
    again = pickle.loads(pickle.dumps(model))
    assert_array_equal(again.predict(X), model.predict(X))
    assert model.fit(X, Y).n_iter_ == 6
    stops = clone(model).set_params(early_stopping=True).fit(X, Y)
    assert len(stops.validation_scores_) == 3
    search = GridSearchCV(small(loss=loss), {"hidden_size": [4]}, cv=2).fit(X, Y)
    assert search.predict(X).shape == Y.shape
    with pytest.raises(
        ValueError, match=r"^The net returns .* and the loss now needs point"
    ):
        model.set_params(loss="huber").fit(X, Y)
    # What is set after fit is for the next fit.
    assert_array_equal(again.set_params(loss="huber").predict(X), again.predict(X))


@pytest.mark.parametrize(
    "quantile", [0, 1.0, -0.5, [0.5, 1.5], [0.9, 0.1], [0.5, 0.5], [], [[0.1, 0.2]]]
)
def test_quantiles_outside_their_range_are_refused(quantile):
    with pytest.raises(
        ValueError,
        match=r"^quantile(=.*not understood; give| is of shape .*; expected) a num",
    ):
        small(loss="quantile", quantile=quantile).fit(X, Y)


def test_what_the_loss_does_not_give_is_refused():
    model = small().fit(X, Y)
    with pytest.raises(ValueError, match=r"^return_std=True needs a net that was fit"):
        model.predict(X, return_std=True)
    assert not hasattr(model, "predict_quantiles")
    assert hasattr(small(loss="quantile"), "predict_quantiles")


def test_the_loss_is_no_part_of_an_epoch_more_than_once():
    one = small(loss="quantile", quantile=0.5, batch_size=1000).fit(X, Y)
    half = small(loss="absolute_error", batch_size=1000).fit(X, Y)
    assert_allclose(2 * np.array(one.loss_curve_), half.loss_curve_, rtol=1e-2)
    assert make_loss("squared_error", None).n_parts == 1
