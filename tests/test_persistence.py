"""Pickles, copies and clones."""

import copy
import io
import pickle

import joblib
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from sklstm import LSTMRegressor
from tests._data import EQUAL, FORMS, RAGGED, VALUES, make, outputs, target


def by_joblib(estimator, tmp_path):
    joblib.dump(estimator, tmp_path / "estimator.joblib")
    return joblib.load(tmp_path / "estimator.joblib")


ROUND_TRIPS = {
    "pickle": lambda estimator, _: pickle.loads(pickle.dumps(estimator)),
    "joblib": by_joblib,
    "deepcopy": lambda estimator, _: copy.deepcopy(estimator),
    "copy": lambda estimator, _: copy.copy(estimator),
}


@pytest.mark.parametrize("trip", ["pickle", "joblib", "deepcopy"])
def test_a_round_trip_keeps_the_predictions(fitted, form, trip, tmp_path):
    back = ROUND_TRIPS[trip](fitted, tmp_path)
    assert_array_equal(outputs(back, FORMS[form]), outputs(fitted, FORMS[form]))
    assert back.loss_curve_ == fitted.loss_curve_


def go_on(estimator, how):
    X, y = RAGGED[::-1], target(type(estimator))
    if how == "partial_fit":
        return estimator.partial_fit(X, y)
    return estimator.set_params(warm_start=True).fit(X, y)


@pytest.mark.parametrize("how", ["warm_start", "partial_fit"])
@pytest.mark.parametrize("optimizer", ["adam", "adamw", "rmsprop", "sgd"])
def test_training_goes_on_after_a_round_trip(Estimator, how, optimizer, tmp_path):
    params = {"optimizer": optimizer, "dropout": 0.3, "batch_size": 5}
    first = make(Estimator, **params).fit(RAGGED, target(Estimator))
    before = outputs(first, RAGGED)
    backs = [trip(first, tmp_path) for trip in list(ROUND_TRIPS.values())[:3]]
    expected = outputs(go_on(first, how), RAGGED)
    assert not np.array_equal(expected, before)
    for back in backs:
        assert_array_equal(outputs(go_on(back, how), RAGGED), expected)
        assert back.n_iter_ == (3 if how == "partial_fit" else 4)


@pytest.mark.parametrize("scheduler", ["cosine", "reduce_on_plateau"])
def test_schedules_go_on_after_a_round_trip(Estimator, scheduler):
    first = make(Estimator, lr_scheduler=scheduler).fit(RAGGED, target(Estimator))
    back = pickle.loads(pickle.dumps(first))
    expected = outputs(go_on(first, "warm_start"), RAGGED)
    assert_array_equal(outputs(go_on(back, "warm_start"), RAGGED), expected)


def test_training_a_copy_leaves_the_original(Estimator, tmp_path):
    original = make(Estimator).fit(RAGGED, target(Estimator))
    before = outputs(original, RAGGED)
    for trip in ROUND_TRIPS.values():
        go_on(trip(original, tmp_path), "partial_fit")
        assert_array_equal(outputs(original, RAGGED), before)


def imported(dumped):
    """Modules that loading a pickle imports from."""
    names = set()

    class Unpickler(pickle.Unpickler):
        def find_class(self, module, name):
            names.add(module)
            return super().find_class(module, name)

    Unpickler(io.BytesIO(dumped)).load()
    return names


@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_pickle_holds_neither_torch_nor_the_data(Estimator, early_stopping):
    X = np.repeat(EQUAL, 200, axis=1)
    estimator = make(Estimator, max_epochs=1, early_stopping=early_stopping)
    estimator.set_params(validation_fraction=0.25, frame_size=1, bidirectional=False)
    dumped = pickle.dumps(estimator.fit(X, target(Estimator)))
    modules = {name.split(".")[0] for name in imported(dumped)}
    assert modules == {"numpy", "sklearn", "sklstm"}
    assert len(dumped) < X.nbytes / 4


def test_clone_is_unfitted_and_fits_to_the_same_bits(fitted, Estimator, form):
    cloned = clone(fitted)
    assert cloned.get_params() == fitted.get_params()
    with pytest.raises(NotFittedError):
        cloned.predict(FORMS[form])
    cloned.fit(FORMS[form], target(Estimator))
    assert_array_equal(outputs(cloned, FORMS[form]), outputs(fitted, FORMS[form]))


@pytest.mark.parametrize("after", ["adam", "rmsprop", "sgd"])
def test_a_pickle_may_hold_another_optimizer(after):
    regressor = make(LSTMRegressor).fit(EQUAL, VALUES)
    expected = regressor.predict(EQUAL)
    regressor.set_params(optimizer=after)
    back = pickle.loads(pickle.dumps(regressor))
    assert_array_equal(back.predict(EQUAL), expected)
    assert back.partial_fit(EQUAL, VALUES).n_iter_ == 3
