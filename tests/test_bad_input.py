"""What X may not be is told in one line, by fit, partial_fit and predict."""

import copy

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline

from sklstm import LSTMClassifier, Sequences, SequenceWindower
from tests._data import (
    EQUAL,
    FORMS,
    RAGGED,
    SERIES,
    VALUES,
    N,
    frame,
    make,
    message_of,
    outputs,
    spoilt,
    target,
)

TEXT = "X holds text; "


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
        object: np.full((N, 3), "x", dtype=object),
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
    as_floats = X.on_table(X.steps.astype(float))
    estimator = make(Estimator).fit(as_floats, target(Estimator))
    assert_array_equal(outputs(estimator, X), outputs(estimator, as_floats))


@pytest.mark.parametrize(
    ("X", "text"),
    [
        (np.zeros((N, 2, 2, 2)), "Found array with 4 dimensions"),
        (np.empty((N, 0, 3)), "none of them empty"),
        (np.empty((N, 4, 0)), "none of them empty"),
        ([*RAGGED[1:], np.empty((0, 3))], "Sequence 11 is empty"),
        ([*RAGGED[1:], np.empty((2, 2))], "Sequence 11 has 2 features"),
        ([*RAGGED[1:], np.zeros(3)], "Sequence 11 has 1 dimension"),
        ([np.zeros(3), *RAGGED[1:]], "Sequence 0 has 1 dimension"),
        ([[], *([1.0, 2.0] for _ in range(N - 1))], "Sequence 0 is empty"),
        (["some text", "more text"] * 6, TEXT),
        ([["a", "b"], ["c"]] * 6, TEXT),
        (pd.Series(["some text", "more"] * 6), TEXT),
        ([*FORMS["frames"][1:], frame(SERIES)[["b", "a", "c"]]], "columns"),
        (np.zeros((N, 10)), "which n_timesteps=4 does not divide"),
    ],
)
def test_input_that_we_refuse(Estimator, X, text):
    message = message_of(make(Estimator, "flat").fit, X, target(Estimator))
    assert text in message
    assert ("SequenceEncoder" in message) == (text is TEXT)


def test_counts_of_words_are_no_sequences(Estimator):
    counts = sp.csr_array(EQUAL.reshape(N, 12))
    with pytest.raises(TypeError, match=r"sparse .* \(12, 12\); .* SequenceEncoder"):
        make(Estimator).fit(counts, target(Estimator))


@pytest.mark.parametrize(
    ("X", "got"),
    [
        (SERIES[:, 0], "1 dimension(s) and 12 value(s)"),
        (SERIES[:, 0].tolist(), "1 dimension(s) and 12 value(s)"),
        (pd.Series(SERIES[:, 0]), "1 dimension(s) and 12 value(s)"),
        (pl.Series(SERIES[:, 0]), "1 dimension(s) and 12 value(s)"),
        (3.0, "0 dimension(s) and 1 value(s)"),
    ],
)
def test_a_bare_series_is_no_sequences(Estimator, X, got):
    y, fitted = target(Estimator), make(Estimator).fit(EQUAL.reshape(N, 12), VALUES > 5)
    for call in (lambda X: make(Estimator).fit(X, y), fitted.predict):
        message = message_of(call, X)
        assert message.startswith(f"X has {got}; expected a 2-D or 3-D array, ")
        assert "X.reshape(1, -1)" in message
        assert "make_histories to predict" in message
    fitted.predict(np.reshape(X, (1, -1)).repeat(12 // np.size(X), axis=1))


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_the_place_of_a_bad_value_is_named(fitted, Estimator, form, value):
    place = "sequence 2, step 1, feature 1"
    if form == "windows":  # the first window that holds the row
        place = "sequence 1, step 1, feature 1"
    elif form == "univariate":
        place = "sequence 2, step 4, feature 0"
    elif form == "frames":
        place = "sequence 2, step 1, feature 'b'"
    X = spoilt(form, value)
    for call in (clone(fitted).fit, copy.deepcopy(fitted).partial_fit):
        message = message_of(call, X, target(Estimator))
        assert f"Input X contains infinity: {place}" in message
    assert f"Input X contains infinity: {place}" in message_of(fitted.predict, X)


def test_a_sequence_of_nothing_but_nan(Estimator):
    estimator = make(Estimator).fit(EQUAL, target(Estimator))
    X = FORMS["nan_front"].copy()
    X[3] = np.nan
    for call in (clone(estimator).fit, estimator.partial_fit):
        assert "sequence 3 has no step" in message_of(call, X, target(Estimator))
    assert "sequence 3 has no step" in message_of(estimator.predict, X)


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
    params = {"standardize": standardize, "n_timesteps": "columns"}
    estimator = make(Estimator, **params).fit(fit_on, y)
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


@pytest.mark.parametrize("standardize", [True, False])
def test_values_beyond_float32_do_not_become_nan_in_silence(Estimator, standardize):
    estimator = make(Estimator, standardize=standardize).fit(EQUAL, target(Estimator))
    X = EQUAL.copy()
    X[2, 1] = 1e300
    with pytest.raises(ValueError, match=r"too large|sequence 2"):
        estimator.predict(X)


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


@pytest.mark.parametrize("dtype", [np.int64, np.uint64])
@pytest.mark.parametrize("shape", [(12, 4), (12, 4, 1)])
def test_whole_numbers_that_float64_does_not_tell_apart(Estimator, shape, dtype):
    X = np.arange(12 * 4).reshape(shape).astype(dtype)
    y = np.arange(12) % 2
    X[3, 1] = 2**53
    make(Estimator).fit(X, y)
    X[3, 1] += 1
    message = message_of(make(Estimator).fit, X, y)
    assert "9007199254740993: sequence 3, step 1" in message
    assert "subtract an offset" in message
