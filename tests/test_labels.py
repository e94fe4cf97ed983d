"""Labels of a classifier, and the four ways to predict them."""

import re

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit
from sklearn.exceptions import DataConversionWarning

from sklstm import LSTMClassifier
from tests._data import EQUAL, LABELS, N, make, message_of, outputs


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_probabilities_are_of_the_dtype_of_the_net(dtype):
    classifier = make(LSTMClassifier, dtype=dtype).fit(EQUAL, LABELS)
    assert classifier.predict_proba(EQUAL).dtype == dtype
    assert classifier.decision_function(EQUAL).dtype == dtype
    assert next(classifier.module_.parameters()).dtype == getattr(torch, dtype)


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


def test_one_class_is_too_few():
    for y in (np.zeros(N), ["one"] * N):
        assert "y has 1 class" in message_of(make(LSTMClassifier).fit, EQUAL, y)
    weight = LABELS == "no"  # one class is left
    fit = make(LSTMClassifier).fit
    message = message_of(fit, EQUAL, LABELS, sample_weight=weight)
    assert re.search("1 class.*no", message)


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
    message = message_of(classifier.fit, EQUAL[two], LABELS[two])
    assert message.startswith("y lacks ['maybe'], which the last fit has seen")
    classifier.fit(EQUAL, LABELS).partial_fit(EQUAL[two], LABELS[two])
    assert classifier.predict_proba(EQUAL).shape == (N, 3)
    assert "'x'" in message_of(classifier.fit, EQUAL, np.where(two[0], LABELS, "x"))


@pytest.mark.parametrize("weights", [{0: -1, 1: 2}, {0: -0.5}])
def test_a_class_that_is_trained_away_from_is_refused(weights):
    X, y = np.zeros((6, 3)), np.arange(6) % 2
    with pytest.raises(ValueError, match=r"^class_weight has the weights"):
        LSTMClassifier(2, max_epochs=1, class_weight=weights).fit(X, y)


def test_no_class_is_named():
    with pytest.raises(ValueError, match=r"^y has 0 class\(es\), \[\]; LSTMClassifier"):
        LSTMClassifier(2).partial_fit(np.zeros((6, 3)), np.arange(6) % 2, classes=[])


@pytest.mark.parametrize("wrong", [[], [0], ["a", "b"]])
def test_a_first_call_that_fails_names_no_classes(wrong):
    X, y = np.zeros((6, 3)), np.arange(6) % 2
    model = LSTMClassifier(2)
    with pytest.raises(ValueError, match="class"):
        model.partial_fit(X, y, classes=wrong)
    assert not hasattr(model, "classes_")
    assert_array_equal(model.partial_fit(X, y, classes=[0, 1]).classes_, [0, 1])
