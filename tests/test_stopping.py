"""Early stopping, and the data that it validates on."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklstm import LSTMClassifier, LSTMRegressor, SequenceWindower
from tests._data import (
    ALL_SHORT,
    EQUAL,
    LABELS,
    SERIES,
    VALUES,
    make,
    message_of,
    outputs,
    target,
)


@pytest.fixture(scope="module")
def problem():
    rng = np.random.RandomState(0)
    X = rng.normal(size=(60, 4, 2))
    return X, X[:, -1, 0] + 0.5 * rng.normal(size=60)


@pytest.fixture(scope="module")
def task(Estimator, problem):
    X, y = problem
    return X, y if Estimator is LSTMRegressor else y > 0


def stopping(Estimator, **params):
    long = {"max_epochs": 60, "learning_rate": 0.05, "early_stopping": True, "tol": 0.0}
    long |= {"lr_scheduler": None, "dropout": 0.0}
    if Estimator is LSTMRegressor:
        long["linear_skip"] = False
    return make(Estimator, **{**long, **params})


@pytest.mark.parametrize("n_iter_no_change", [3, None])
def test_early_stopping_keeps_the_best_epoch(Estimator, task, n_iter_no_change):
    X, y = task
    y = np.random.RandomState(1).permutation(y)  # nothing to learn: it gets worse
    stopped = stopping(Estimator, n_iter_no_change=n_iter_no_change).fit(X, y)
    losses = stopped.validation_loss_curve_
    best = int(np.argmin(losses))
    assert stopped.n_iter_ == len(losses) == len(stopped.validation_scores_)
    assert stopped.n_iter_ == (best + 4 if n_iter_no_change else 60)
    assert best + 4 < 60
    same = stopping(Estimator, n_iter_no_change=None, max_epochs=best + 1).fit(X, y)
    assert_array_equal(outputs(stopped, X), outputs(same, X))


@pytest.mark.parametrize("windows", [False, True])
def test_weight_zero_is_removal_before_validation(Estimator, task, windows):
    X, y = task
    X = SequenceWindower(3).fit_transform(X[:, 0]) if windows else X
    weight = np.arange(60) % 5 > 0
    weighted = stopping(Estimator, max_epochs=3).fit(X, y, sample_weight=weight)
    removed = clone(weighted).fit(X[weight], y[weight])
    assert_array_equal(outputs(weighted, X), outputs(removed, X))
    assert weighted.validation_scores_ == removed.validation_scores_


def test_early_stopping_validates_on_what_it_does_not_train_on(Estimator, task):
    X, y = task
    on_noise = stopping(Estimator, n_iter_no_change=None, hidden_size=16)
    on_noise.fit(X, np.random.RandomState(1).permutation(y))
    assert on_noise.loss_curve_[-1] < on_noise.loss_curve_[0] / 2
    assert on_noise.validation_loss_curve_[-1] > 2 * on_noise.loss_curve_[-1]


def test_losses_and_scores_are_those_of_what_is_set_aside(Estimator, task):
    X, y = task
    estimator = stopping(Estimator, max_epochs=3, validation_fraction=0.3).fit(X, y)
    train, valid = train_test_split(
        np.arange(60),
        test_size=0.3,
        stratify=y if Estimator is LSTMClassifier else None,
        random_state=estimator._split_seed,
    )
    if Estimator is LSTMRegressor:
        scaler = estimator.target_scaler_
        assert_allclose(scaler.mean_, y[train].mean())
        loss = np.mean((estimator.predict(X[valid]) - y[valid]) ** 2) / scaler.var_[0]
    else:
        loss = log_loss(y[valid], estimator.predict_proba(X[valid]))
    best = np.argmin(estimator.validation_loss_curve_)
    assert_allclose(loss, estimator.validation_loss_curve_[best], rtol=1e-5)
    score = estimator.score(X[valid], y[valid])
    assert_allclose(score, estimator.validation_scores_[best], rtol=1e-5)


def test_the_validation_of_a_classifier_is_stratified():
    X, y = np.zeros((60, 2, 1)), np.arange(60) % 10 == 0
    for seed in range(8):  # one class is predicted for all: 1 or 9 of 10 are right
        params = {"validation_fraction": 1 / 6, "max_epochs": 1, "random_state": seed}
        classifier = stopping(LSTMClassifier, **params).fit(X, y)
        assert round(10 * classifier.validation_scores_[0]) in (1, 9)


def test_n_iter_no_change_none_runs_to_the_end(Estimator, task):
    X, y = task
    fixed = stopping(Estimator, n_iter_no_change=None, max_epochs=9, tol=1e9)
    assert fixed.fit(X, y).n_iter_ == 9


@pytest.mark.parametrize("early_stopping", [True, False])
def test_tol_stops(Estimator, task, early_stopping):
    X, y = task
    params = {"early_stopping": early_stopping, "n_iter_no_change": 2, "tol": 1e6}
    assert stopping(Estimator, **params).fit(X, y).n_iter_ == 3


def test_early_stopping_and_partial_fit_exclude_each_other(Estimator):
    estimator = make(Estimator, early_stopping=True)
    args = (EQUAL, LABELS, ["a"]) if Estimator is LSTMClassifier else (EQUAL, VALUES)
    assert "early_stopping=False" in message_of(estimator.partial_fit, *args)


@ALL_SHORT
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


def test_a_single_validation_sequence_has_a_loss_but_no_score():
    model = make(LSTMRegressor, early_stopping=True).fit(EQUAL[:5], VALUES[:5])
    assert np.isnan(model.validation_scores_).all()
    assert np.isfinite(model.validation_loss_curve_).all()


def test_early_stopping_can_be_turned_on_and_off_in_a_warm_start():
    model = make(LSTMRegressor, warm_start=True).fit(EQUAL, VALUES)
    model.set_params(early_stopping=True).fit(EQUAL, VALUES)
    assert (model.n_iter_, len(model.validation_scores_)) == (4, 2)
    model.set_params(early_stopping=False).fit(EQUAL, VALUES)
    assert (model.n_iter_, model.validation_scores_) == (6, None)


def test_validation_sequences_stay_the_same_in_a_warm_start():
    model = make(LSTMRegressor, early_stopping=True, warm_start=True)
    model.set_params(random_state=None)
    seen = []
    model._validation_score = lambda y, output, weight: seen.append(y) or 0.0
    model.fit(EQUAL, VALUES).fit(EQUAL, VALUES)
    for y in seen:
        assert_array_equal(y, seen[0])
    assert len(seen) == model.n_iter_ == 4


@pytest.mark.parametrize("tol", [0.0, 9.0])
def test_the_best_epoch_is_that_of_the_lowest_loss(Estimator, tol):
    """Whatever counts as progress; its weights are kept, and attributes say which."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 4))
    y = (X.sum(axis=1) + rng.normal(size=60) > 0).astype(int)
    params = {"hidden_size": 4, "early_stopping": True, "max_epochs": 25}
    params |= {"n_iter_no_change": None, "random_state": 0, "learning_rate": 0.05}
    params |= {"lr_scheduler": None, "dropout": 0.0}
    model = Estimator(**params, tol=tol, warm_start=True).fit(X, y)
    losses = model.validation_loss_curve_
    best = int(np.argmin(losses))
    assert 0 < best < 24
    assert model.best_epoch_ == best + 1
    assert model.best_loss_ == losses[best]
    assert model.best_validation_score_ == model.validation_scores_[best]
    short = Estimator(**params | {"max_epochs": best + 1}).fit(X, y)
    assert_array_equal(model.predict(X), short.predict(X))
    model.fit(X, y)  # and of this fit: the weights before it are gone
    assert model.best_epoch_ == 26 + int(np.argmin(model.validation_loss_curve_[25:]))
    model.set_params(early_stopping=False).fit(X, y)
    assert model.best_epoch_ is model.best_loss_ is model.best_validation_score_ is None
