"""Training that goes on, by warm_start or partial_fit, or that fails."""

import pickle
import re

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sklstm import LSTMClassifier, LSTMRegressor
from tests._data import EQUAL, VALUES, make, message_of, outputs, spoilt, target


def plain(Estimator, **params):
    """An estimator without what only a whole `fit` has: a schedule, and a line."""
    params |= {"linear_skip": False} if Estimator is LSTMRegressor else {}
    return make(Estimator, lr_scheduler=None, **params)


def test_the_first_partial_fits_are_fit(Estimator):
    y = target(Estimator)
    classes = {"classes": np.unique(y)} if Estimator is LSTMClassifier else {}
    step_by_step = plain(Estimator).partial_fit(EQUAL, y, **classes)
    for _ in range(2):
        step_by_step.partial_fit(EQUAL, y)
    at_once = plain(Estimator, max_epochs=3).fit(EQUAL, y)
    assert_array_equal(outputs(step_by_step, EQUAL), outputs(at_once, EQUAL))
    assert step_by_step.n_iter_ == 3


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("hidden_size", 5),
        ("num_layers", 2),
        ("dropout", 0.25),
        ("frame_size", 2),
        ("pooling", "max"),
        ("dtype", "float64"),
    ],
)
@pytest.mark.parametrize("how", ["warm_start", "partial_fit"])
def test_another_architecture_cannot_go_on(Estimator, name, value, how):
    y = target(Estimator)
    estimator = make(Estimator, warm_start=True, frame_size=1).fit(EQUAL, y)
    before = outputs(estimator, EQUAL)
    was = getattr(estimator, name)
    estimator.set_params(**{name: value})
    call = estimator.fit if how == "warm_start" else estimator.partial_fit
    message = message_of(call, EQUAL, y)
    assert f"{name} was {was!r}" in message
    assert f"is now {value!r}" in message
    assert_array_equal(outputs(estimator, EQUAL), before)  # as it was built
    back = pickle.loads(pickle.dumps(estimator))
    assert_array_equal(outputs(back, EQUAL), before)


@pytest.mark.parametrize("after", ["adam", "adamw", "rmsprop", "sgd"])
@pytest.mark.parametrize("before", ["adam", "adamw", "rmsprop", "sgd"])
def test_warm_start_may_change_the_optimizer(before, after):
    regressor = make(LSTMRegressor, warm_start=True, optimizer=before)
    regressor.fit(EQUAL, VALUES)
    regressor.set_params(optimizer=after).fit(EQUAL, VALUES)
    assert regressor.n_iter_ == 4


def test_warm_start_goes_on_where_fit_stopped(Estimator):
    y = target(Estimator)
    in_one = plain(Estimator, max_epochs=6).fit(EQUAL, y)
    in_three = plain(Estimator, warm_start=True)
    for _ in range(3):
        in_three.fit(EQUAL, y)
    assert in_three.n_iter_ == 6
    assert_array_equal(outputs(in_three, EQUAL), outputs(in_one, EQUAL))
    assert in_three.loss_curve_ == in_one.loss_curve_


def test_without_warm_start_fit_starts_anew(Estimator):
    y = target(Estimator)
    estimator = make(Estimator).fit(EQUAL, y)
    expected = outputs(estimator, EQUAL)
    estimator.partial_fit(EQUAL, y)
    assert not np.array_equal(outputs(estimator, EQUAL), expected)
    assert_array_equal(outputs(estimator.fit(EQUAL, y), EQUAL), expected)


@pytest.mark.parametrize("warm_start", [False, True])
def test_a_failed_fit_leaves_the_fitted_net(Estimator, warm_start):
    y = target(Estimator)
    estimator = make(Estimator, warm_start=warm_start).fit(EQUAL, y)
    before = outputs(estimator, EQUAL)
    bad = [spoilt("array", np.inf), EQUAL[:5]]
    for X in [*bad, EQUAL[..., :2]] if warm_start else bad:
        message_of(estimator.fit, X, y)
    assert_array_equal(outputs(estimator, EQUAL), before)


@pytest.mark.parametrize("warm_start", [False, True])
def test_a_loss_that_explodes_says_so_and_leaves_the_fitted_net(warm_start):
    params = {"optimizer": "sgd", "standardize": False, "warm_start": warm_start}
    regressor = make(LSTMRegressor, **params).fit(EQUAL, VALUES)
    before = regressor.predict(EQUAL)
    message = message_of(regressor.fit, EQUAL, VALUES * 1e30)
    assert "train loss became inf in epoch" in message
    regressor.set_params(learning_rate=1e30, max_grad_norm=None)
    message = message_of(regressor.fit, EQUAL, VALUES)
    assert re.search("loss became .* lower learning_rate", message)
    assert_array_equal(regressor.predict(EQUAL), before)


@pytest.mark.parametrize("how", ["fit", "partial_fit"])
def test_weights_that_the_last_update_spoils_are_told(Estimator, how):
    """No loss has seen them."""
    y = target(Estimator)
    model = plain(Estimator, max_epochs=1).fit(EQUAL, y)
    before = outputs(model, EQUAL)
    steps = {"optimizer": "adam", "learning_rate": 3e38, "max_grad_norm": None}
    model.set_params(**steps)
    message = message_of(getattr(model, how), EQUAL, y)
    n_epochs = 1 if how == "fit" else 2
    assert message == (
        f"The weights became NaN or infinite in the last of {n_epochs} epoch(s): lower"
        " learning_rate, set max_grad_norm, or scale the data."
    )
    assert_array_equal(outputs(model, EQUAL), before)


def test_warm_start_takes_the_new_learning_rate():
    model = make(LSTMRegressor, warm_start=True).fit(EQUAL, VALUES)
    before = model.predict(EQUAL)
    model.set_params(learning_rate=1e-12).fit(EQUAL, VALUES)
    assert_allclose(model.predict(EQUAL), before, atol=1e-5)
    model.set_params(learning_rate=1e-2).fit(EQUAL, VALUES)
    assert abs(model.predict(EQUAL) - before).max() > 1e-3
