"""Our own estimator checks: scikit-learn's own know 2-D input only."""

import copy
import pickle
import re

import joblib
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit
from sklearn.base import clone
from sklearn.exceptions import DataConversionWarning, NotFittedError
from sklearn.metrics import r2_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import _safe_indexing
from sklearn.utils._param_validation import InvalidParameterError
from sklearn.utils.class_weight import compute_class_weight

from sklstm import (
    LSTMClassifier,
    LSTMRegressor,
    Sequences,
    SequenceWindower,
    make_histories,
)

N = 12
RNG = np.random.RandomState(0)
COLUMNS = ["a", "b", "c"]
EQUAL = RNG.normal(size=(N, 4, 3))
RAGGED = [RNG.normal(size=(n, 3)) for n in (2, 5, 3, 3, 1, 4, 5, 2, 4, 1, 3, 2)]
SERIES = RNG.normal(size=(N, 3))
VALUES = RNG.normal(size=N) + np.arange(N)
LABELS = np.array(["no", "yes", "maybe"])[np.arange(N) % 3]


def pad(arrays, front):
    padded = np.full((len(arrays), 5, 3), np.nan)
    for row, array in zip(padded, arrays, strict=True):
        row[slice(5 - len(array), 5) if front else slice(len(array))] = array
    return padded


def as_objects(arrays):
    objects = np.empty(len(arrays), dtype=object)
    objects[:] = arrays
    return objects


def frame(array):
    return pd.DataFrame(array, columns=COLUMNS)


FORMS = {
    "flat": EQUAL.reshape(N, 12),
    "univariate": EQUAL.reshape(N, 12),
    "frame": pd.DataFrame(EQUAL.reshape(N, 12)).rename(columns="s{}".format),
    "array": EQUAL,
    "ragged": RAGGED,
    "tuple": tuple(RAGGED),
    "object": as_objects(RAGGED),
    "nan_front": pad(RAGGED, front=True),
    "nan_back": pad(RAGGED, front=False),
    "frames": [frame(array) for array in RAGGED],
    "sequences": Sequences.from_arrays(RAGGED),
    "windows": SequenceWindower(4).fit_transform(SERIES),
}
MODES = {
    "last": {},
    "mean": {"pooling": "mean"},
    "max": {"pooling": "max"},
    "two_layers": {"num_layers": 2, "dropout": 0.5},
    "float64": {"dtype": "float64"},
    "raw": {"standardize": False},
    "bidirectional": {"bidirectional": True},
    "bidirectional_mean": {"bidirectional": True, "pooling": "mean"},
}


@pytest.fixture(scope="module", params=[LSTMRegressor, LSTMClassifier])
def Estimator(request):
    return request.param


@pytest.fixture(scope="module", params=FORMS)
def form(request):
    return request.param


@pytest.fixture(scope="module")
def fitted(Estimator, form):
    return make(Estimator, form).fit(FORMS[form], target(Estimator))


def make(Estimator, form="array", **params):
    if form in ("flat", "frame"):
        params["n_timesteps"] = 4
    small = {"hidden_size": 4, "max_epochs": 2, "random_state": 0}
    return Estimator(**{**small, **params})


def target(Estimator):
    return LABELS if Estimator is LSTMClassifier else VALUES


def outputs(estimator, X):
    return getattr(estimator, "predict_proba", estimator.predict)(X)


def message_of(call, *args, kind=ValueError, **kwargs):
    """The message of the error: our own are one line each."""
    with pytest.raises(kind) as caught:
        call(*args, **kwargs)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# The forms of input


@pytest.mark.parametrize(
    ("plain", "others"),
    [
        ("array", ["flat", "frame"]),
        (
            "ragged",
            ["tuple", "object", "nan_front", "nan_back", "frames", "sequences"],
        ),
    ],
)
def test_the_same_sequences_in_any_form_give_the_same_bits(Estimator, plain, others):
    y = target(Estimator)
    expected = outputs(make(Estimator).fit(FORMS[plain], y), FORMS[plain])
    for other in others:
        estimator = make(Estimator, other).fit(FORMS[other], y)
        assert_array_equal(outputs(estimator, FORMS[other]), expected)


def test_a_list_of_equal_sequences_is_their_array(Estimator):
    estimator = make(Estimator).fit(EQUAL, target(Estimator))
    expected = outputs(estimator, EQUAL)
    for X in (list(EQUAL), EQUAL.tolist(), as_objects(list(EQUAL))):
        assert_array_equal(outputs(estimator, X), expected)
        assert_array_equal(
            outputs(clone(estimator).fit(X, target(Estimator)), X), expected
        )


def test_a_window_is_its_rows(Estimator):
    windows = FORMS["windows"]
    estimator = make(Estimator).fit(windows, target(Estimator))
    rows = [SERIES[max(t - 3, 0) : t + 1] for t in range(N)]
    assert_array_equal(outputs(estimator, windows), outputs(estimator, rows))


def test_fit_and_predict_leave_their_input_alone(Estimator, form):
    X, y, weight = FORMS[form], target(Estimator), np.arange(N) + 0.5
    before = pickle.dumps((X, y, weight))
    for standardize in (True, False):
        estimator = make(Estimator, form, standardize=standardize)
        outputs(estimator.fit(X, y, sample_weight=weight), X)
    assert pickle.dumps((X, y, weight)) == before


def test_fit_twice_is_fit_once(fitted, Estimator, form):
    X = FORMS[form]
    once = outputs(fitted, X)
    again = copy.deepcopy(fitted).fit(X, target(Estimator))
    assert_array_equal(outputs(again, X), once)
    assert again.n_iter_ == 2
    assert again.loss_curve_ == fitted.loss_curve_


def test_refitting_forgets_other_input(fitted, Estimator, form):
    other = make(Estimator, form).set_params(n_timesteps=None)
    other.fit(pd.DataFrame(RNG.normal(size=(20, 7))), np.arange(20) % 2)
    other.set_params(n_timesteps=fitted.n_timesteps)
    other.fit(FORMS[form], target(Estimator))
    assert_array_equal(outputs(other, FORMS[form]), outputs(fitted, FORMS[form]))
    assert vars(other).keys() == vars(fitted).keys()


def test_fitted_attributes(fitted, form):
    two_d = form in ("flat", "univariate", "frame")
    assert fitted.n_features_in_ == (12 if two_d else 3)
    assert hasattr(fitted, "feature_names_in_") == (form in ("frame", "frames"))
    assert fitted.n_iter_ == len(fitted.loss_curve_) == 2
    assert fitted.validation_scores_ is fitted.validation_loss_curve_ is None
    assert isinstance(fitted.module_, torch.nn.Module)


def test_order_does_not_matter_to_predict(fitted, form):
    X = FORMS[form]
    order = np.random.RandomState(1).permutation(N)
    permuted = outputs(fitted, _safe_indexing(X, order))
    assert_array_equal(permuted, outputs(fitted, X)[order])


@pytest.mark.parametrize("chosen", [[3], [7, 2], [0, 0, 5], list(range(0, N, 2))])
def test_a_subset_is_predicted_as_in_the_whole(fitted, form, chosen):
    X = FORMS[form]
    part = outputs(fitted, _safe_indexing(X, chosen))
    assert_array_equal(part, outputs(fitted, X)[chosen])


def test_input_may_be_pickled(fitted, form):
    some = _safe_indexing(FORMS[form], [7, 2, 9])
    back = pickle.loads(pickle.dumps(some))
    assert_array_equal(outputs(fitted, back), outputs(fitted, some))


@pytest.mark.parametrize("mode", MODES)
def test_neighbours_do_not_matter_to_a_sequence(Estimator, mode):
    bitwise = not MODES[mode].get("bidirectional")
    check = assert_array_equal if bitwise else assert_allclose
    estimator = make(Estimator, **MODES[mode]).fit(RAGGED, target(Estimator))
    together = outputs(estimator, RAGGED)
    long = RNG.normal(size=(3000, 3))
    tolerance = {} if bitwise else {"rtol": 1e-4, "atol": 1e-6}
    for i, sequence in enumerate(RAGGED):
        check(outputs(estimator, [sequence]), together[[i]], **tolerance)
        check(outputs(estimator, [long, sequence])[1:], together[[i]], **tolerance)
    many = outputs(estimator, RAGGED * 20)
    check(many, np.tile(together.T, 20).T, **tolerance)


def test_predict_does_not_depend_on_the_size_of_its_batches(Estimator, monkeypatch):
    estimator = make(Estimator).fit(RAGGED, target(Estimator))
    X = RAGGED * 20
    at_once = outputs(estimator, X)
    monkeypatch.setattr("sklstm._net._batches.PREDICTION_STEPS", 1)
    assert_array_equal(outputs(estimator, X), at_once)


def test_dropout_is_off_in_predict(Estimator):
    estimator = make(Estimator, dropout=0.9).fit(RAGGED, target(Estimator))
    assert_array_equal(outputs(estimator, RAGGED), outputs(estimator, RAGGED))


def test_lengths_may_differ_between_fit_and_predict(Estimator):
    estimator = make(Estimator).fit(EQUAL, target(Estimator))
    for n_timesteps in (1, 3, 9):
        X = RNG.normal(size=(5, n_timesteps, 3))
        assert_array_equal(outputs(estimator, X), outputs(estimator, list(X)))
        padded = np.concatenate([np.full((5, 2, 3), np.nan), X], axis=1)
        assert_array_equal(outputs(estimator, X), outputs(estimator, padded))


@pytest.mark.parametrize("shape", [(N, 1, 3), (N, 4, 1), (N, 1, 1), (N, 1)])
def test_one_step_and_one_feature(Estimator, shape):
    X = RNG.normal(size=shape)
    estimator = make(Estimator).fit(X, target(Estimator))
    assert np.isfinite(outputs(estimator, X)).all()
    assert estimator.predict(X).shape == (N,)
    assert len(np.unique(outputs(estimator, X))) > 1


def test_one_sample():
    regressor = make(LSTMRegressor).fit(EQUAL[:1], [5.0])
    assert_allclose(regressor.predict(EQUAL[:1]), [5.0], atol=0.5)
    classifier = make(LSTMClassifier).fit(EQUAL, LABELS)
    assert classifier.predict(EQUAL[:1]).shape == (1,)


def test_a_constant_feature_and_a_constant_target(Estimator):
    X = EQUAL.copy()
    X[..., 1] = 7.0
    estimator = make(Estimator).fit(X, target(Estimator))
    assert np.isfinite(outputs(estimator, X)).all()
    constant = make(LSTMRegressor).fit(X, np.full(N, 3.0)).predict(X)
    assert_allclose(constant, 3.0, atol=0.5)


# Pickles and copies


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


def test_a_pickle_holds_neither_torch_nor_the_data(Estimator):
    X = np.repeat(EQUAL, 200, axis=1)
    dumped = pickle.dumps(make(Estimator, max_epochs=1).fit(X, target(Estimator)))
    assert b"torch" not in dumped
    assert b"skorch" not in dumped
    assert len(dumped) < X.nbytes / 4


def test_clone_is_unfitted_and_fits_to_the_same_bits(fitted, Estimator, form):
    cloned = clone(fitted)
    assert cloned.get_params() == fitted.get_params()
    with pytest.raises(NotFittedError):
        cloned.predict(FORMS[form])
    cloned.fit(FORMS[form], target(Estimator))
    assert_array_equal(outputs(cloned, FORMS[form]), outputs(fitted, FORMS[form]))


# Memory and types


def memory_mapped(X, tmp_path):
    joblib.dump(X, tmp_path / "X.joblib")
    return joblib.load(tmp_path / "X.joblib", mmap_mode="r")


def raw_memory_map(X, tmp_path):
    X.tofile(tmp_path / "X.raw")
    return np.memmap(tmp_path / "X.raw", dtype=X.dtype, mode="r", shape=X.shape)


def read_only(X, _):
    X = X.copy()
    X.setflags(write=False)
    return X


def strided(X, _):
    return np.repeat(X, 2, axis=0)[::2]


def reversed_twice(X, _):
    return X[..., ::-1].copy()[..., ::-1]


def fortran(X, _):
    return np.asfortranarray(X)


LAYOUTS = [memory_mapped, raw_memory_map, read_only, strided, reversed_twice, fortran]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", ["flat", "univariate", "array", "nan_front"])
@pytest.mark.parametrize("params", [{}, {"standardize": False, "dtype": "float64"}])
def test_memory_layout_does_not_matter(Estimator, layout, name, params, tmp_path):
    X, y = FORMS[name], target(Estimator)
    expected = outputs(make(Estimator, name, **params).fit(X, y), X)
    laid_out = layout(X, tmp_path)
    assert_array_equal(laid_out, X)
    estimator = make(Estimator, name, **params).fit(laid_out, y)
    assert_array_equal(outputs(estimator, laid_out), expected)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("standardize", [True, False])
def test_memory_layout_of_the_table_does_not_matter(layout, standardize, tmp_path):
    windows = FORMS["windows"]
    table = layout(windows.steps, tmp_path)
    same = Sequences(table, windows.starts, windows.lengths)
    estimator = make(LSTMRegressor, standardize=standardize)
    expected = estimator.fit(windows, VALUES).predict(windows)
    assert_allclose(estimator.fit(same, VALUES).predict(same), expected, rtol=1e-4)
    assert_allclose(LSTMRegressor.predict(estimator, same[:5]), expected[:5], rtol=1e-4)


@pytest.mark.parametrize("kind", ["f4", "f2", "i8", "i4", "u1", "?", ">f8"])
@pytest.mark.parametrize("name", ["flat", "array", "list", "sequences"])
@pytest.mark.parametrize("standardize", [True, False])
def test_type_of_the_input_does_not_matter(kind, name, standardize):
    X = np.random.RandomState(0).randint(0, 2 if kind == "?" else 9, size=(N, 4, 3))
    typed = X.astype(kind)
    typed = {
        "flat": typed.reshape(N, 12),
        "array": typed,
        "list": list(typed),
        "sequences": Sequences.from_arrays(typed),
    }[name]
    estimator = make(LSTMRegressor, name, standardize=standardize)
    expected = clone(estimator).set_params(n_timesteps=None)
    expected = expected.fit(X.astype(float), VALUES).predict(X.astype(float))
    predicted = estimator.fit(typed, VALUES).predict(typed)
    assert_allclose(predicted, expected, rtol=1e-3, atol=1e-3)
    assert predicted.dtype == np.float64


@pytest.mark.parametrize("name", ["flat", "array", "ragged"])
def test_objects_that_are_numbers_are_read(Estimator, name):
    X, y = FORMS[name], target(Estimator)
    expected = outputs(make(Estimator, name).fit(X, y), X)
    objects = [x.astype(object) for x in X]
    objects = objects if name == "ragged" else np.array(objects)
    estimator = make(Estimator, name).fit(objects, y)
    assert_array_equal(outputs(estimator, objects), expected)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_probabilities_are_of_the_dtype_of_the_net(dtype):
    classifier = make(LSTMClassifier, dtype=dtype).fit(EQUAL, LABELS)
    assert classifier.predict_proba(EQUAL).dtype == dtype
    assert classifier.decision_function(EQUAL).dtype == dtype
    assert next(classifier.module_.parameters()).dtype == getattr(torch, dtype)


def test_arithmetic_in_float64_is_more_exact():
    double = make(LSTMRegressor, dtype="float64", standardize=False).fit(EQUAL, VALUES)
    single = make(LSTMRegressor, dtype="float32", standardize=False).fit(EQUAL, VALUES)
    weights = {k: v.double() for k, v in single.module_.state_dict().items()}
    double.module_.load_state_dict(weights)
    exact, rounded = double.predict(EQUAL), single.predict(EQUAL)
    assert not np.array_equal(exact, exact.astype(np.float32))
    assert_allclose(rounded, exact, atol=1e-6)


# What cannot be read


@pytest.mark.parametrize(
    ("X", "kind"),
    [
        (np.full((N, 4, 3), "x"), ValueError),
        ([np.full((2, 3), "x")] * N, ValueError),
        (np.full((N, 4), "x", dtype=object), ValueError),
        (np.full((N, 4, 3), {}, dtype=object), TypeError),
        (EQUAL + 1j, ValueError),
        (EQUAL.reshape(N, 12) + 1j, ValueError),
        ([x + 1j for x in EQUAL], ValueError),
        (sp.csr_array(EQUAL.reshape(N, 12)), TypeError),
        (SERIES[:, 0], ValueError),
        (3.0, ValueError),
        ([], ValueError),
        (np.empty((0, 4, 3)), ValueError),
        (np.empty((0, 12)), ValueError),
        (FORMS["windows"][:0], ValueError),
    ],
)
def test_input_that_scikit_learn_refuses(Estimator, X, kind):
    with pytest.raises(kind):
        make(Estimator).fit(X, target(Estimator))
    estimator = make(Estimator).fit(EQUAL, target(Estimator))
    with pytest.raises(kind):
        estimator.predict(X)


@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("kind", [str, complex, object, "datetime64[D]"])
def test_sequences_on_a_table_that_is_not_of_numbers(Estimator, standardize, kind):
    table = {
        str: np.full((N, 3), "x"),
        complex: SERIES + 1j,
        object: np.full((N, 3), None),
        "datetime64[D]": np.full((N, 3), "2020-01-01", dtype="datetime64[D]"),
    }[kind]
    X = Sequences(table, np.arange(N), np.ones(N))
    estimator = make(Estimator, standardize=standardize)
    with pytest.raises((ValueError, TypeError)):
        estimator.fit(X, target(Estimator))
    estimator.fit(EQUAL, target(Estimator))
    with pytest.raises((ValueError, TypeError)):
        estimator.predict(X)


def test_nan_in_a_table_of_objects(Estimator):
    X = Sequences(SERIES.astype(object), np.arange(N), np.ones(N))
    X.steps[2, 1] = np.nan
    estimator = make(Estimator).fit(EQUAL, target(Estimator))
    with pytest.raises((ValueError, TypeError)):
        estimator.predict(X)


@pytest.mark.parametrize(
    ("X", "text"),
    [
        (np.zeros((N, 2, 2, 2)), "Found array with 4 dimensions"),
        (np.empty((N, 0, 3)), "none of them empty"),
        (np.empty((N, 4, 0)), "none of them empty"),
        ([*RAGGED[1:], np.empty((0, 3))], "Sequence 11 is empty"),
        ([*RAGGED[1:], np.empty((2, 2))], "Sequence 11 has 2 features"),
        ([*RAGGED[1:], np.zeros(3)], "Sequence 11 has 1 dimension"),
        ([np.zeros(n) for n in range(1, N + 1)], "1-D sequences of 1 to 12 values"),
        ([*FORMS["frames"][1:], frame(SERIES)[["b", "a", "c"]]], "columns"),
        (np.zeros((N, 10)), "which n_timesteps=4 does not divide"),
    ],
)
def test_input_that_we_refuse(Estimator, X, text):
    assert text in message_of(make(Estimator, "flat").fit, X, target(Estimator))


def spoilt(name, value):
    """The form with `value` in sequence 2 at step 1, feature 0."""
    X = copy.deepcopy(FORMS[name])
    if name in ("flat", "univariate"):
        X[2, 3] = value
    elif name == "frame":
        X.iloc[2, 3] = value
    elif name == "array":
        X[2, 1, 0] = value
    elif name == "frames":
        X[2].iloc[1, 0] = value
    elif name in ("nan_front", "nan_back"):
        X[2, 3 if name == "nan_front" else 1, 0] = value
    elif name in ("sequences", "windows"):
        X.steps[X.starts[2] + 1, 0] = value
    else:
        X[2][1, 0] = value
    return X


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_the_place_of_a_bad_value_is_named(fitted, Estimator, form, value):
    place = "sequence 2, step 1, feature 0"
    if form == "windows":  # the first window that holds the row
        place = "sequence 1, step 1, feature 0"
    elif form == "univariate":
        place = "sequence 2, step 3, feature 0"
    what = "NaN" if np.isnan(value) else "infinity"
    X = spoilt(form, value)
    for call in (clone(fitted).fit, copy.deepcopy(fitted).partial_fit):
        message = message_of(call, X, target(Estimator))
        assert f"Input X contains {what}: {place}" in message
    assert f"Input X contains {what}: {place}" in message_of(fitted.predict, X)


def test_a_sequence_of_nothing_but_nan(Estimator):
    estimator = make(Estimator).fit(EQUAL, target(Estimator))
    X = FORMS["nan_front"].copy()
    X[3] = np.nan
    for call in (clone(estimator).fit, estimator.partial_fit):
        assert "sequence 3 has no step" in message_of(call, X, target(Estimator))
    assert "sequence 3 has no step" in message_of(estimator.predict, X)


def test_a_step_of_nan_in_the_middle_is_not_padding(Estimator):
    X = EQUAL.copy()
    X[5, 2] = np.nan
    assert "sequence 5, step 2" in message_of(make(Estimator).fit, X, target(Estimator))


@pytest.mark.parametrize("value", [1e9, np.nan, np.inf])
def test_rows_that_no_sequence_holds_may_be_anything(Estimator, value):
    windows, y = FORMS["windows"], target(Estimator)
    table = np.vstack([np.full((3, 3), value), windows.steps, [[value] * 3]])
    X = Sequences(table, windows.starts + 3, windows.lengths)
    expected = outputs(make(Estimator).fit(windows, y), windows)
    assert_array_equal(outputs(make(Estimator).fit(X, y), X), expected)


@pytest.mark.parametrize("name", ["flat", "univariate", "array", "ragged", "windows"])
def test_another_number_of_features(Estimator, name):
    estimator = make(Estimator, name).fit(FORMS[name], target(Estimator))
    X = FORMS[name]
    if name == "windows":
        X = SequenceWindower(4).fit_transform(SERIES[:, :2])
    else:
        X = [x[..., :2] for x in X] if name == "ragged" else X[..., :2]
    n_expected = 12 if name in ("flat", "univariate") else 3
    for call in (estimator.predict, lambda X: estimator.partial_fit(X, VALUES)):
        message = message_of(call, X)
        assert "X has 2 features" in message
        assert f"is expecting {n_expected}" in message


@pytest.mark.parametrize(
    ("fit_on", "then"),
    [
        (EQUAL, EQUAL.reshape(N, 12)),
        (EQUAL, SERIES),  # three columns are three steps, not one of three features
        (EQUAL.reshape(N, 12), EQUAL),
        (EQUAL.reshape(N, 12), EQUAL.reshape(N, 1, 12)),
        (FORMS["frame"], EQUAL.reshape(N, 1, 12)),
    ],
)
@pytest.mark.filterwarnings("ignore:X has no feature names")
@pytest.mark.parametrize("standardize", [True, False])
def test_another_number_of_dimensions(Estimator, fit_on, then, standardize):
    y = target(Estimator)
    estimator = make(Estimator, standardize=standardize).fit(fit_on, y)
    assert "features" in message_of(estimator.predict, then)
    assert "features" in message_of(estimator.partial_fit, then, y)


@pytest.mark.parametrize("standardize", [True, False])
def test_another_n_timesteps_after_fit(Estimator, standardize):
    y = target(Estimator)
    estimator = make(Estimator, "flat", standardize=standardize).fit(FORMS["flat"], y)
    estimator.set_params(n_timesteps=6)
    assert "n_timesteps" in message_of(estimator.predict, FORMS["flat"])
    assert "n_timesteps" in message_of(estimator.partial_fit, FORMS["flat"], y)


@pytest.mark.parametrize("method", ["predict", "predict_proba", "decision_function"])
def test_unfitted(method):
    with pytest.raises(NotFittedError):
        getattr(make(LSTMClassifier), method)(EQUAL)


@pytest.mark.parametrize(
    "y", [VALUES[:-1], np.r_[VALUES, 1], None, np.zeros((N, 2, 2)), []]
)
def test_y_of_the_wrong_shape(Estimator, form, y):
    y = y if y is None or Estimator is LSTMRegressor else np.round(y)
    with pytest.raises(ValueError, match=r"inconsistent|requires y|dim 3|0 sample"):
        make(Estimator, form).fit(FORMS[form], y)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_y_must_be_finite(Estimator, value):
    y = np.arange(N) % 2.0
    y[3] = value
    assert (
        "Input y contains" in message_of(make(Estimator).fit, EQUAL, y).split("\n")[0]
    )


def test_y_of_the_wrong_kind():
    with pytest.raises(ValueError, match="could not convert string to float"):
        make(LSTMRegressor).fit(EQUAL, LABELS)
    with pytest.raises(ValueError, match="Unknown label type"):
        make(LSTMClassifier).fit(EQUAL, VALUES)
    with pytest.raises(ValueError, match="y should be a 1d array"):
        make(LSTMClassifier).fit(EQUAL, np.column_stack([LABELS, LABELS]))


@pytest.mark.parametrize(
    "weight",
    [np.ones(N - 1), np.ones((N, 1)), -np.ones(N), np.full(N, np.nan), ["x"] * N],
)
def test_weights_of_the_wrong_kind(Estimator, weight):
    with pytest.raises(ValueError):  # noqa: PT011
        make(Estimator).fit(EQUAL, target(Estimator), sample_weight=weight)


def test_no_weight_at_all(Estimator):
    y = target(Estimator)
    for call in (make(Estimator).fit, make(Estimator).fit(EQUAL, y).partial_fit):
        message = message_of(call, EQUAL, y, sample_weight=np.zeros(N))
        assert "weight" in message


def test_a_loss_that_explodes():
    regressor = make(LSTMRegressor, standardize=False)
    message = message_of(regressor.fit, EQUAL, VALUES * 1e30)
    assert "train loss became inf in epoch 1" in message


@pytest.mark.parametrize("standardize", [True, False])
def test_values_beyond_float32_do_not_become_nan_in_silence(Estimator, standardize):
    estimator = make(Estimator, standardize=standardize).fit(EQUAL, target(Estimator))
    X = EQUAL.copy()
    X[2, 1] = 1e300
    with pytest.raises(ValueError, match=r"too large|sequence 2"):
        estimator.predict(X)


# Weights


@pytest.mark.parametrize("batch_size", [32, 5])
def test_weight_zero_is_removal(Estimator, form, batch_size):
    X, y = FORMS[form], target(Estimator)
    weight = np.array([1, 1, 0, 1, 1, 0, 1, 1, 1, 1, 0, 1])
    weighted = make(Estimator, form, batch_size=batch_size)
    weighted.fit(X, y, sample_weight=weight)
    kept = np.flatnonzero(weight)
    removed = clone(weighted).fit(_safe_indexing(X, kept), y[kept])
    assert_array_equal(outputs(weighted, X), outputs(removed, X))
    assert weighted.loss_curve_ == removed.loss_curve_


def test_weight_two_is_repetition(Estimator, form):
    X, y = FORMS[form], target(Estimator)
    weight = np.array([1, 2, 3, 1, 2, 1, 0, 1, 2, 1, 1, 2])
    weighted = make(Estimator, form).fit(X, y, sample_weight=weight)
    rows = np.repeat(np.arange(N), weight)
    repeated = make(Estimator, form).fit(_safe_indexing(X, rows), y[rows])
    assert_array_equal(outputs(weighted, X), outputs(repeated, X))


@pytest.mark.parametrize("batch_size", [32, 5])
def test_weight_one_is_no_weight(Estimator, form, batch_size):
    X, y = FORMS[form], target(Estimator)
    plain = make(Estimator, form, batch_size=batch_size).fit(X, y)
    ones = clone(plain).fit(X, y, sample_weight=np.ones(N))
    assert_array_equal(outputs(ones, X), outputs(plain, X))
    sevens = clone(plain).fit(X, y, sample_weight=np.full(N, 7.0))
    assert_allclose(outputs(sevens, X), outputs(plain, X), rtol=1e-4)


def test_weights_of_several_batches_are_relative_to_the_whole(Estimator):
    X, y = FORMS["ragged"], target(Estimator)
    weight = np.arange(N) + 1.0
    estimator = make(Estimator, batch_size=5, optimizer="sgd", max_grad_norm=None)
    one = outputs(clone(estimator).fit(X, y, sample_weight=weight), X)
    ten = outputs(clone(estimator).fit(X, y, sample_weight=weight * 10), X)
    assert_allclose(one, ten, rtol=1e-4)
    assert not np.allclose(one, outputs(estimator.fit(X, y), X), rtol=1e-4)


@pytest.mark.parametrize("batch_size", [32, 5])
@pytest.mark.parametrize("name", ["ragged", "windows"])
def test_the_scale_is_that_of_the_weighted_steps(name, batch_size):
    X, weight = FORMS[name], np.array([1, 2, 3, 1, 2, 1, 0, 1, 2, 1, 1, 2])
    regressor = make(LSTMRegressor, batch_size=batch_size)
    regressor.fit(X, VALUES, sample_weight=weight)
    steps = np.concatenate([X[i] for i in np.repeat(np.arange(N), weight)])
    assert_allclose(regressor.scaler_.mean_, steps.mean(axis=0))
    assert_allclose(regressor.scaler_.scale_, steps.std(axis=0))
    values = np.repeat(VALUES, weight)
    assert_allclose(regressor.target_scaler_.mean_, [values.mean()])
    assert_allclose(regressor.target_scaler_.scale_, [values.std()])


def test_weights_move_the_prediction_where_they_say():
    X = np.zeros((N, 3, 1))
    y = np.r_[np.zeros(9), np.full(3, 10.0)]
    params = {"lr_scheduler": "cosine", "n_iter_no_change": None}
    regressor = make(LSTMRegressor, max_epochs=100, learning_rate=0.05, **params)
    assert_allclose(regressor.fit(X, y).predict(X), 2.5, atol=0.2)
    weight = np.r_[np.ones(9), np.full(3, 9.0)]
    assert_allclose(regressor.fit(X, y, sample_weight=weight).predict(X), 7.5, atol=0.2)


def test_weights_count_in_partial_fit(Estimator):
    y, weight = target(Estimator), np.array([1, 2, 0] * 4)
    rows = np.repeat(np.arange(N), weight)
    start = make(Estimator).fit(EQUAL, y)
    again = copy.deepcopy(start)
    start.partial_fit(EQUAL, y, sample_weight=weight)
    again.partial_fit(EQUAL[rows], y[rows])
    assert_array_equal(outputs(start, EQUAL), outputs(again, EQUAL))


# Classes


@pytest.mark.parametrize(
    "y",
    [
        LABELS,
        LABELS.astype(object),
        LABELS.tolist(),
        pd.Series(LABELS),
        pd.Series(LABELS, dtype="category"),
        pd.Series(LABELS, dtype=object, index=np.arange(N)[::-1]),
        np.arange(N) % 2 == 0,
        np.arange(N) % 2,
        np.arange(N) % 3 - 5,
        (np.arange(N) % 2).astype(float),
        (np.arange(N) % 3).astype(np.uint8) + 250,
    ],
)
def test_labels_of_any_kind(y):
    classifier = make(LSTMClassifier).fit(EQUAL, y)
    labels = np.asarray(y)
    assert_array_equal(classifier.classes_, np.unique(labels))
    predicted = classifier.predict(EQUAL)
    assert predicted.dtype == classifier.classes_.dtype
    assert predicted.dtype.kind == labels.dtype.kind
    codes = np.searchsorted(np.unique(labels), labels)
    plain = make(LSTMClassifier).fit(EQUAL, codes)
    assert_array_equal(outputs(classifier, EQUAL), outputs(plain, EQUAL))
    assert_array_equal(predicted, np.unique(labels)[plain.predict(EQUAL)])


@pytest.mark.parametrize("n_classes", [2, 3])
def test_the_four_ways_to_predict_agree(n_classes):
    y = LABELS[np.arange(N) % n_classes]
    classifier = make(LSTMClassifier).fit(EQUAL, y)
    proba = classifier.predict_proba(EQUAL)
    scores = classifier.decision_function(EQUAL)
    assert proba.shape == (N, n_classes)
    assert_allclose(proba.sum(axis=1), 1, rtol=1e-6)
    assert_allclose(classifier.predict_log_proba(EQUAL), np.log(proba), rtol=1e-5)
    predicted = classifier.predict(EQUAL)
    assert_array_equal(predicted, classifier.classes_[proba.argmax(axis=1)])
    if n_classes == 2:
        assert scores.shape == (N,)
        assert_allclose(expit(scores), proba[:, 1], rtol=1e-5)
        assert_array_equal(predicted, classifier.classes_[(scores > 0).astype(int)])
    else:
        assert scores.shape == (N, 3)
        assert_array_equal(scores.argmax(axis=1), proba.argmax(axis=1))


def test_log_probabilities_do_not_underflow():
    classifier = make(LSTMClassifier).fit(EQUAL, LABELS)
    with torch.no_grad():
        classifier.module_.head.bias += torch.tensor([0.0, 500.0, 0.0])
    log_proba = classifier.predict_log_proba(EQUAL)
    assert np.isfinite(log_proba).all()
    assert_allclose(log_proba[:, 0], -500, rtol=0.02)


@pytest.mark.parametrize("y", [LABELS, np.arange(N) % 2 == 0, np.arange(N) % 3 - 1])
def test_balanced_is_the_dictionary_of_its_weights(y):
    keep = np.r_[0:7]
    X, y = EQUAL[keep], np.asarray(y)[keep]
    classes = np.unique(y)
    by_class = compute_class_weight("balanced", classes=classes, y=y)
    explicit = dict(zip(classes.tolist(), by_class, strict=True))
    assert len(set(by_class)) > 1
    balanced = make(LSTMClassifier, class_weight="balanced").fit(X, y)
    by_dict = make(LSTMClassifier, class_weight=explicit).fit(X, y)
    weight = by_class[np.searchsorted(classes, y)]
    by_sample = make(LSTMClassifier).fit(X, y, sample_weight=weight)
    assert_array_equal(outputs(balanced, EQUAL), outputs(by_dict, EQUAL))
    assert_array_equal(outputs(balanced, EQUAL), outputs(by_sample, EQUAL))
    plain = make(LSTMClassifier).fit(X, y)
    assert not np.array_equal(outputs(balanced, EQUAL), outputs(plain, EQUAL))


def test_balanced_counts_the_sample_weights():
    weight = np.array([1, 2, 3] * 4)
    rows = np.repeat(np.arange(N), weight)
    balanced = make(LSTMClassifier, class_weight="balanced", dtype="float64")
    weighted = clone(balanced).fit(EQUAL, LABELS, sample_weight=weight)
    repeated = clone(balanced).fit(EQUAL[rows], LABELS[rows])
    assert_allclose(outputs(weighted, EQUAL), outputs(repeated, EQUAL), rtol=1e-9)


def test_class_weight_of_an_unknown_class():
    with pytest.raises(ValueError, match="class_weight"):
        make(LSTMClassifier, class_weight={"perhaps": 2}).fit(EQUAL, LABELS)


def test_class_weight_zero_is_removal():
    kept = LABELS != "no"
    weights = {"no": 0, "yes": 1, "maybe": 1}
    weighted = make(LSTMClassifier, class_weight=weights).fit(EQUAL, LABELS)
    assert weighted.classes_.tolist() == ["maybe", "no", "yes"]
    removed = make(LSTMClassifier)
    removed.fit(EQUAL, LABELS, sample_weight=np.where(kept, 1.0, 1e-30))
    assert_allclose(outputs(weighted, EQUAL), outputs(removed, EQUAL), rtol=1e-5)
    nothing = make(LSTMClassifier, class_weight=dict.fromkeys(weights, 0))
    assert "weight" in message_of(nothing.fit, EQUAL, LABELS)


def test_one_class_is_too_few():
    for y in (np.zeros(N), ["one"] * N):
        assert "y has 1 class" in message_of(make(LSTMClassifier).fit, EQUAL, y)
    weight = LABELS == "no"  # one class is left
    fit = make(LSTMClassifier).fit
    message = message_of(fit, EQUAL, LABELS, sample_weight=weight)
    assert re.search("1 class, '?no", message)


def test_y_as_a_column_warns():
    with pytest.warns(DataConversionWarning):
        column = make(LSTMClassifier).fit(EQUAL, LABELS[:, None])
    plain = make(LSTMClassifier).fit(EQUAL, LABELS)
    assert_array_equal(outputs(column, EQUAL), outputs(plain, EQUAL))


def test_partial_fit_knows_its_classes_from_the_start():
    classifier = make(LSTMClassifier)
    assert "classes" in message_of(classifier.partial_fit, EQUAL, LABELS)
    two = np.flatnonzero(LABELS != "maybe")
    classifier.partial_fit(EQUAL[two], LABELS[two], classes=["yes", "no", "maybe"])
    assert classifier.classes_.tolist() == ["maybe", "no", "yes"]
    assert classifier.predict_proba(EQUAL).shape == (N, 3)
    classifier.partial_fit(EQUAL[:1], LABELS[:1])
    assert classifier.n_iter_ == 2
    message = message_of(
        classifier.partial_fit, EQUAL, np.where(LABELS == "no", "x", LABELS)
    )
    assert "'x'" in message


@pytest.mark.parametrize(
    ("classes", "label"),
    [
        (["no", "yes"], "yesterday"),
        (np.array([False, True]), 5),
        (np.array([0, 1], dtype=np.uint8), 256),
    ],
)
def test_an_unknown_label_is_named(classes, label):
    classifier = make(LSTMClassifier)
    y = np.array([*classes] * 6)
    classifier.partial_fit(EQUAL, y, classes=classes)
    y = np.array([label, *classes] * 4)
    assert str(label) in message_of(classifier.partial_fit, EQUAL, y)


def test_warm_start_keeps_its_classes():
    classifier = make(LSTMClassifier, warm_start=True).fit(EQUAL, LABELS)
    two = np.flatnonzero(LABELS != "maybe")
    classifier.fit(EQUAL[two], LABELS[two])
    assert classifier.predict_proba(EQUAL).shape == (N, 3)
    assert "'x'" in message_of(classifier.fit, EQUAL, np.where(two[0], LABELS, "x"))


def test_the_first_partial_fits_are_fit(Estimator):
    y = target(Estimator)
    classes = {"classes": np.unique(y)} if Estimator is LSTMClassifier else {}
    step_by_step = make(Estimator).partial_fit(EQUAL, y, **classes)
    one = make(Estimator, max_epochs=1).fit(EQUAL, y)
    assert_array_equal(outputs(step_by_step, EQUAL), outputs(one, EQUAL))
    assert step_by_step.partial_fit(EQUAL, y).n_iter_ == 2


# Targets of a regressor


@pytest.mark.parametrize("standardize", [True, False])
def test_predictions_have_the_shape_of_y(standardize):
    regressor = make(LSTMRegressor, standardize=standardize)
    flat = clone(regressor).fit(EQUAL, VALUES).predict(EQUAL)
    column = clone(regressor).fit(EQUAL, VALUES[:, None]).predict(EQUAL)
    two = clone(regressor).fit(EQUAL, np.column_stack([VALUES, -VALUES]))
    assert flat.shape == (N,)
    assert_array_equal(column, flat[:, None])
    assert two.predict(EQUAL).shape == (N, 2)
    assert two.n_outputs_ == 2
    assert np.isscalar(two.score(EQUAL, np.column_stack([VALUES, -VALUES])))


@pytest.mark.parametrize(
    "y",
    [VALUES.tolist(), pd.Series(VALUES, index=range(N)[::-1]), VALUES.astype(">f8")],
)
def test_values_of_any_kind(y):
    expected = make(LSTMRegressor).fit(EQUAL, VALUES).predict(EQUAL)
    assert_array_equal(make(LSTMRegressor).fit(EQUAL, y).predict(EQUAL), expected)


def test_integers_are_values():
    y = np.arange(N)
    expected = make(LSTMRegressor).fit(EQUAL, y.astype(float)).predict(EQUAL)
    assert_array_equal(make(LSTMRegressor).fit(EQUAL, y).predict(EQUAL), expected)


def test_raw_units_work_out_of_the_box():
    y = EQUAL[:, -1, 0]
    regressor = make(LSTMRegressor, hidden_size=8, max_epochs=100, learning_rate=0.03)
    plain = regressor.fit(EQUAL, y).predict(EQUAL)
    assert r2_score(y, plain) > 0.9
    scaled = regressor.fit(EQUAL * 1e4 - 3e5, y * 1e-3 + 50).predict(EQUAL * 1e4 - 3e5)
    assert r2_score(y * 1e-3 + 50, scaled) > 0.9


def test_each_output_is_learnt():
    Y = np.column_stack([EQUAL[:, -1, 0], 1000 + 50 * EQUAL[:, 0, 1]])
    regressor = make(LSTMRegressor, hidden_size=8, max_epochs=150, learning_rate=0.03)
    predicted = regressor.fit(EQUAL, Y).predict(EQUAL)
    assert (r2_score(Y, predicted, multioutput="raw_values") > 0.9).all()


@pytest.mark.parametrize("how", ["warm_start", "partial_fit"])
def test_another_number_of_outputs(how):
    regressor = make(LSTMRegressor, warm_start=True).fit(EQUAL, VALUES)
    call = regressor.fit if how == "warm_start" else regressor.partial_fit
    message = message_of(call, EQUAL, np.column_stack([VALUES, VALUES]))
    assert "y has 2 output(s)" in message
    assert "fitted to 1" in message


# Names


def test_names_come_along_through_the_windower(Estimator):
    X = make_histories(frame(SERIES))
    windows = SequenceWindower(3).fit_transform(X)
    assert windows.feature_names.tolist() == COLUMNS
    assert windows[2:5].feature_names.tolist() == COLUMNS
    assert pickle.loads(pickle.dumps(windows)).feature_names.tolist() == COLUMNS
    pipeline = make_pipeline(SequenceWindower(3), make(Estimator))
    pipeline.fit(X, target(Estimator))
    assert pipeline.feature_names_in_.tolist() == COLUMNS
    assert pipeline[-1].feature_names_in_.tolist() == COLUMNS
    plain = make(Estimator).fit(windows, target(Estimator))
    assert_array_equal(outputs(pipeline, X), outputs(plain, windows))


def test_names_of_a_frame(Estimator):
    estimator = make(Estimator, "frame").fit(FORMS["frame"], target(Estimator))
    assert estimator.feature_names_in_.tolist() == [f"s{i}" for i in range(12)]
    estimator.fit(FORMS["flat"], target(Estimator))
    assert not hasattr(estimator, "feature_names_in_")


def test_names_that_are_numbers_are_none(Estimator):
    frames = [pd.DataFrame(array) for array in RAGGED]
    estimator = make(Estimator).fit(frames, target(Estimator))
    assert not hasattr(estimator, "feature_names_in_")


def test_names_in_another_order(Estimator):
    y, turned = target(Estimator), ["b", "a", "c"]
    estimator = make(Estimator).fit(FORMS["frames"], y)
    frames = [x[turned] for x in FORMS["frames"]]
    windows = SequenceWindower(3).fit_transform(frame(SERIES)[turned])
    for X in (frames, windows):
        assert "same order" in message_of(estimator.predict, X)
        assert "same order" in message_of(estimator.partial_fit, X, y)
    pipeline = make_pipeline(SequenceWindower(3), make(Estimator)).fit(frame(SERIES), y)
    with pytest.raises(ValueError, match="same order"):
        pipeline.predict(frame(SERIES)[turned])
    two_d = make(Estimator, "frame").fit(FORMS["frame"], y)
    with pytest.raises(ValueError, match="same order"):
        two_d.predict(FORMS["frame"].iloc[:, ::-1])


# Hyperparameters


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


# Going on


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("hidden_size", 5),
        ("num_layers", 2),
        ("bidirectional", True),
        ("dropout", 0.5),
        ("pooling", "max"),
        ("dtype", "float64"),
    ],
)
@pytest.mark.parametrize("how", ["warm_start", "partial_fit"])
def test_another_architecture_cannot_go_on(Estimator, name, value, how):
    y = target(Estimator)
    estimator = make(Estimator, warm_start=True).fit(EQUAL, y)
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


@pytest.mark.parametrize("after", ["adam", "rmsprop", "sgd"])
def test_a_pickle_may_hold_another_optimizer(after):
    regressor = make(LSTMRegressor).fit(EQUAL, VALUES)
    expected = regressor.predict(EQUAL)
    regressor.set_params(optimizer=after)
    back = pickle.loads(pickle.dumps(regressor))
    assert_array_equal(back.predict(EQUAL), expected)
    assert back.partial_fit(EQUAL, VALUES).n_iter_ == 3


def test_warm_start_goes_on_where_fit_stopped(Estimator):
    y = target(Estimator)
    in_one = make(Estimator, max_epochs=6).fit(EQUAL, y)
    in_three = make(Estimator, warm_start=True)
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


def test_a_failed_fit_leaves_the_fitted_net(Estimator):
    y = target(Estimator)
    estimator = make(Estimator, warm_start=True).fit(EQUAL, y)
    before = outputs(estimator, EQUAL)
    for X in (spoilt("array", np.nan), EQUAL[..., :2], EQUAL[:5]):
        message_of(estimator.fit, X, y)
    assert_array_equal(outputs(estimator, EQUAL), before)


# Stopping


@pytest.fixture(scope="module")
def problem():
    rng = np.random.RandomState(0)
    X = rng.normal(size=(60, 4, 2))
    return X, X[:, -1, 0] + 0.5 * rng.normal(size=60)


def stopping(Estimator, **params):
    long = {"max_epochs": 60, "learning_rate": 0.05, "early_stopping": True, "tol": 0.0}
    return make(Estimator, **{**long, **params})


def test_early_stopping_keeps_the_best_epoch(Estimator, problem):
    X, y = problem
    y = np.random.RandomState(1).permutation(y)  # nothing to learn: it gets worse
    y = y if Estimator is LSTMRegressor else y > 0
    stopped = stopping(Estimator, n_iter_no_change=3).fit(X, y)
    losses = stopped.validation_loss_curve_
    best = int(np.argmin(losses))
    assert stopped.n_iter_ == len(losses) == len(stopped.validation_scores_)
    assert stopped.n_iter_ == best + 4 < 60
    same = stopping(Estimator, n_iter_no_change=None, max_epochs=best + 1).fit(X, y)
    assert_array_equal(outputs(stopped, X), outputs(same, X))


@pytest.mark.parametrize("windows", [False, True])
def test_weight_zero_is_removal_before_validation(Estimator, problem, windows):
    X, y = problem
    X = SequenceWindower(3).fit_transform(X[:, 0]) if windows else X
    y = y if Estimator is LSTMRegressor else y > 0
    weight = np.arange(60) % 5 > 0
    weighted = stopping(Estimator, max_epochs=3).fit(X, y, sample_weight=weight)
    removed = clone(weighted).fit(X[weight], y[weight])
    assert_array_equal(outputs(weighted, X), outputs(removed, X))
    assert weighted.validation_scores_ == removed.validation_scores_


def test_early_stopping_validates_on_what_it_does_not_train_on(Estimator, problem):
    X, y = problem
    y = y if Estimator is LSTMRegressor else y > 0
    on_noise = stopping(Estimator, n_iter_no_change=None, hidden_size=16)
    on_noise.fit(X, np.random.RandomState(1).permutation(y))
    assert on_noise.loss_curve_[-1] < on_noise.loss_curve_[0] / 2
    assert on_noise.validation_loss_curve_[-1] > 2 * on_noise.loss_curve_[-1]


def test_the_score_of_the_validation_is_r2_or_accuracy(problem):
    X, y = problem
    regressor = stopping(LSTMRegressor, n_iter_no_change=None, max_epochs=15).fit(X, y)
    assert 0.3 < max(regressor.validation_scores_) <= 1
    classifier = stopping(LSTMClassifier, n_iter_no_change=None).fit(X, y > 0)
    n_valid = 6
    hits = np.array(classifier.validation_scores_) * n_valid
    assert_allclose(hits, np.round(hits), atol=1e-6)
    assert max(hits) > 3


def test_the_validation_of_a_classifier_is_stratified():
    X, y = np.zeros((60, 2, 1)), np.arange(60) % 10 == 0
    for seed in range(8):  # one class is predicted for all: 1 or 9 of 10 are right
        params = {"validation_fraction": 1 / 6, "max_epochs": 1, "random_state": seed}
        classifier = stopping(LSTMClassifier, **params).fit(X, y)
        assert round(10 * classifier.validation_scores_[0]) in (1, 9)


def test_n_iter_no_change_none_runs_to_the_end(Estimator, problem):
    X, y = problem
    y = y if Estimator is LSTMRegressor else y > 0
    fixed = stopping(Estimator, n_iter_no_change=None, max_epochs=9, tol=1e9)
    assert fixed.fit(X, y).n_iter_ == 9


@pytest.mark.parametrize("early_stopping", [True, False])
def test_tol_stops(Estimator, problem, early_stopping):
    X, y = problem
    y = y if Estimator is LSTMRegressor else y > 0
    params = {"early_stopping": early_stopping, "n_iter_no_change": 2, "tol": 1e6}
    assert stopping(Estimator, **params).fit(X, y).n_iter_ == 3


def test_early_stopping_and_partial_fit_exclude_each_other(Estimator):
    estimator = make(Estimator, early_stopping=True)
    args = (EQUAL, LABELS, ["a"]) if Estimator is LSTMClassifier else (EQUAL, VALUES)
    assert "early_stopping=False" in message_of(estimator.partial_fit, *args)


def test_a_series_shorter_than_its_windows_is_validated_on_its_end(Estimator):
    estimator = make(Estimator, early_stopping=True, validation_fraction=0.2)
    windows = SequenceWindower(20).fit_transform(SERIES)
    with pytest.warns(UserWarning, match="3 of 3 validation windows hold steps that"):
        estimator.fit(windows, target(Estimator))
    assert len(estimator.validation_scores_) == estimator.n_iter_


def test_windows_are_validated_on_the_end_of_the_series(problem):
    X, y = problem
    rows = X[:, 0]
    late = np.arange(60) >= 54
    # Noise in the last tenth must not be trained on.
    spoilt_y = np.where(late, 1e3, y)
    params = {"n_iter_no_change": None, "max_epochs": 3, "standardize": False}
    pipeline = make_pipeline(
        StandardScaler(), SequenceWindower(3), stopping(LSTMRegressor, **params)
    )
    clean = clone(pipeline).fit(rows, y)
    dirty = clone(pipeline).fit(rows, spoilt_y)
    assert clean[-1].loss_curve_ == dirty[-1].loss_curve_
    assert max(dirty[-1].validation_loss_curve_) > 1e5
    assert max(clean[-1].validation_loss_curve_) < 1e2
