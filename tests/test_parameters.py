"""Hyperparameters: which are refused, and that each makes a difference."""

import pickle

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.model_selection import GridSearchCV
from sklearn.utils._param_validation import InvalidParameterError

from sklstm import (
    LSTMClassifier,
    LSTMRegressor,
    SequenceWindower,
    make_supervised,
    make_windows,
)
from sklstm.forecasting import add_future
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
        ("max_grad_norm", 0),
        ("lr_scheduler", "step"),
        ("lr_scheduler", 0.5),
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
        ("n_timesteps", "rows"),
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
    for time_warp in (-0.01, 0.11, "auto", None):
        with pytest.raises(InvalidParameterError, match="'time_warp'"):
            make(LSTMClassifier, time_warp=time_warp).fit(EQUAL, LABELS)


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
        "lr_scheduler": [None, "cosine", ("cosine", {"eta_min": 1e-3})],
        "loss": ["squared_error", "absolute_error", "huber"],
        "max_grad_norm": [None, 1e-2],
    }[name]
    params = {"max_epochs": 4}
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


NUMPY = {
    "hidden_size": np.int64(4),
    "num_layers": np.int32(2),
    "bidirectional": np.bool_(False),
    "dropout": np.float32(0.125),
    "learning_rate": np.float64(0.01),
    "max_grad_norm": np.float32(0.5),
    "batch_size": np.int16(5),
    "max_epochs": np.int64(2),
    "early_stopping": np.bool_(True),
    "validation_fraction": np.float32(0.25),
    "n_iter_no_change": np.int64(2),
    "tol": np.float32(0.5),
    "standardize": np.bool_(False),
    "verbose": np.int64(0),
    "random_state": np.int64(0),
}


@pytest.mark.parametrize("name", NUMPY)
@pytest.mark.parametrize("unroll", ["window", "series"])
def test_numbers_of_numpy_are_numbers_of_python(Estimator, name, unroll):
    params = {"hidden_size": 4, "max_epochs": 2, "random_state": 0, "unroll": unroll}
    params |= {"bidirectional": False, "pooling": "last"}
    windows = SequenceWindower(3).fit_transform(np.arange(40.0)[:, None] % 7)
    y = np.arange(40) % 2
    theirs = Estimator(**params | {name: NUMPY[name]}).fit(windows, y)
    ours = Estimator(**params | {name: NUMPY[name].item()}).fit(windows, y)
    assert_array_equal(theirs.predict(windows), ours.predict(windows))
    again = pickle.loads(pickle.dumps(theirs))
    assert_array_equal(again.predict(windows), ours.predict(windows))


def test_searches_over_ranges_of_numpy():
    X, y = np.random.default_rng(0).normal(size=(40, 6)), np.arange(40) % 2
    grid = {"hidden_size": np.arange(2, 4), "batch_size": np.array([16, 32])}
    model = LSTMRegressor(max_epochs=1, random_state=0)
    search = GridSearchCV(model, grid, cv=2, error_score="raise").fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


@pytest.mark.parametrize(
    ("name", "value"), [("linear_skip", np.bool_(True)), ("batch_size", np.uint8(5))]
)
def test_short_numbers_and_booleans_of_numpy(name, value):
    X, y = np.random.default_rng(0).normal(size=(40, 6)), np.arange(40.0)
    params = {"hidden_size": 64, "max_epochs": 2, "random_state": 0}
    theirs = LSTMRegressor(**params | {name: value}).fit(X, y)
    ours = LSTMRegressor(**params | {name: value.item()}).fit(X, y)
    assert_array_equal(theirs.predict(X), ours.predict(X))


def test_numbers_of_numpy_in_arguments_are_numbers_of_python():
    theirs, ours = (
        make(
            LSTMRegressor,
            optimizer=("adamw", {"weight_decay": decay}),
            lr_scheduler=("reduce_on_plateau", {"factor": decay}),
        ).fit(EQUAL, VALUES)
        for decay in (np.float32(0.5), 0.5)
    )
    assert_array_equal(theirs.predict(EQUAL), ours.predict(EQUAL))
    assert type(theirs.net_.optimizer_.param_groups[0]["weight_decay"]) is float


@pytest.mark.parametrize("kind", [np.uint8, np.int8, np.int64])
def test_short_numbers_of_rows(kind):
    rows = np.column_stack([np.arange(300.0), np.sin(np.arange(300.0))])
    for make_ in (
        lambda n: make_supervised(rows, n)[1],
        lambda n: make_windows(rows, n, horizon=n, stride=n)[1],
        lambda n: add_future(rows[:180], rows[180:, 1:], [1], n)[-1],
    ):
        assert_array_equal(make_(kind(120)), make_(120))
    longest = np.iinfo(kind).max if kind is not np.int64 else 255
    windower = SequenceWindower(kind(longest), time=0).fit(rows)
    later = rows[-1:] + np.array([[1, 0]])
    assert windower.transform(later).lengths == [longest]
