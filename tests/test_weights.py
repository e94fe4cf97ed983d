"""Weights of samples and of classes."""

import copy

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.utils import _safe_indexing
from sklearn.utils.class_weight import compute_class_weight

from sklstm import LSTMClassifier, LSTMRegressor
from tests._data import (
    EQUAL,
    FORMS,
    LABELS,
    VALUES,
    N,
    make,
    message_of,
    outputs,
    target,
)


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


def test_weights_count_as_samples_do_in_the_length_of_training(Estimator):
    X, y = FORMS["ragged"], target(Estimator)
    weight = np.array([1, 2, 3, 1, 2, 1, 0, 1, 2, 1, 1, 2])
    auto = {"max_epochs": "auto", "frame_size": 2, "hidden_size": 2}
    weighted = make(Estimator, **auto).fit(X, y, sample_weight=weight)
    rows = np.repeat(np.arange(N), weight)
    repeated = make(Estimator, **auto).fit(_safe_indexing(X, rows), y[rows])
    assert weighted.n_iter_ == repeated.n_iter_ >= 55
    assert_array_equal(outputs(weighted, X), outputs(repeated, X))


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
    # Dropout draws numbers for each sequence that is there.
    weighted = make(LSTMClassifier, class_weight=weights, dropout=0.0)
    weighted.fit(EQUAL, LABELS)
    assert weighted.classes_.tolist() == ["maybe", "no", "yes"]
    assert weighted.scaler_.n_samples_seen_ == kept.sum() * 4
    removed = make(LSTMClassifier, dropout=0.0)
    removed.fit(EQUAL, LABELS, sample_weight=np.where(kept, 1.0, 1e-30))
    assert_allclose(outputs(weighted, EQUAL), outputs(removed, EQUAL), rtol=1e-5)
    nothing = make(LSTMClassifier, class_weight=dict.fromkeys(weights, 0))
    assert "weight" in message_of(nothing.fit, EQUAL, LABELS)
