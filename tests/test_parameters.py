"""Hyperparameters: which are refused, and that each makes a difference."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.utils._param_validation import InvalidParameterError

from sklstm import LSTMClassifier, LSTMRegressor
from tests._data import EQUAL, LABELS, VALUES, make, message_of, target


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("hidden_size", 0),
        ("hidden_size", 4.0),
        ("num_layers", 0),
        ("bidirectional", "yes"),
        ("dropout", 1.0),
        ("dropout", -0.1),
        ("pooling", "first"),
        ("embedding_size", 0),
        ("embedding_size", 2.0),
        ("embedding_size", "auto"),
        ("categorical_features", "state"),
        ("categorical_features", 1),
        ("optimizer", "newton"),
        ("learning_rate", 0),
        ("weight_decay", -1),
        ("max_grad_norm", 0),
        ("lr_scheduler", "step"),
        ("batch_size", 0),
        ("batch_size", None),
        ("max_epochs", 0),
        ("early_stopping", "auto"),
        ("validation_fraction", 0.0),
        ("validation_fraction", 1.0),
        ("n_iter_no_change", 0),
        ("tol", -1e-3),
        ("warm_start", None),
        ("standardize", "yes"),
        ("n_timesteps", 0),
        ("device", None),
        ("dtype", "float16"),
        ("callbacks", "early"),
        ("random_state", "zero"),
        ("verbose", "loud"),
    ],
)
def test_invalid_hyperparameters(Estimator, name, value):
    with pytest.raises(InvalidParameterError, match=f"The '{name}' parameter of"):
        make(Estimator, **{name: value}).fit(EQUAL, target(Estimator))


def test_invalid_hyperparameters_of_one_kind():
    with pytest.raises(InvalidParameterError, match="'loss'"):
        make(LSTMRegressor, loss="poisson").fit(EQUAL, VALUES)
    with pytest.raises(InvalidParameterError, match="'class_weight'"):
        make(LSTMClassifier, class_weight="even").fit(EQUAL, LABELS)


def test_every_hyperparameter_is_checked(Estimator):
    assert Estimator._parameter_constraints.keys() == Estimator().get_params().keys()


@pytest.mark.parametrize("device", ["nonsense", "meta:9:9", "cuda:99"])
def test_devices_that_are_not_there(Estimator, device):
    message = message_of(make(Estimator, device=device).fit, EQUAL, target(Estimator))
    assert f"device={device!r} cannot be used" in message


@pytest.mark.parametrize("name", ["optimizer", "lr_scheduler", "loss", "max_grad_norm"])
def test_each_choice_trains_differently(name):
    choices = {
        "optimizer": ["adam", "adamw", "rmsprop", "sgd", torch.optim.Adagrad],
        "lr_scheduler": [None, "cosine"],
        "loss": ["squared_error", "absolute_error", "huber"],
        "max_grad_norm": [None, 1e-2],
    }[name]
    params = {"weight_decay": 0.1, "max_epochs": 4}
    predicted = [
        make(LSTMRegressor, **params, **{name: choice})
        .fit(EQUAL, VALUES)
        .predict(EQUAL)
        for choice in choices
    ]
    assert len({values.tobytes() for values in predicted}) == len(choices)


def test_arithmetic_in_float64_is_more_exact():
    double = make(LSTMRegressor, dtype="float64", standardize=False).fit(EQUAL, VALUES)
    single = make(LSTMRegressor, dtype="float32", standardize=False).fit(EQUAL, VALUES)
    weights = {k: v.double() for k, v in single.module_.state_dict().items()}
    double.module_.load_state_dict(weights)
    exact, rounded = double.predict(EQUAL), single.predict(EQUAL)
    assert not np.array_equal(exact, exact.astype(np.float32))
    assert_allclose(rounded, exact, atol=1e-6)
