"""imbalanced-learn samples rows for our classifier as it does for any other."""

import numpy as np
import pytest
from imblearn.ensemble import BalancedBaggingClassifier
from imblearn.over_sampling import RandomOverSampler
from imblearn.pipeline import make_pipeline
from imblearn.under_sampling import RandomUnderSampler
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import StratifiedKFold, cross_val_score

from sklstm import LSTMClassifier, SequenceWindower, make_supervised

RNG = np.random.default_rng(0)
LABELS = np.repeat(["often", "rare"], [100, 20])
SLOPE = np.where(LABELS == "rare", 0.3, -0.3)[:, None]
X = SLOPE * np.arange(8) + RNG.normal(size=(120, 8))  # a row is a sequence
LSTM = LSTMClassifier(4, max_epochs=3, learning_rate=0.03, random_state=0)
FOLDS = StratifiedKFold(3, shuffle=True, random_state=0)


@pytest.mark.parametrize("Sampler", [RandomUnderSampler, RandomOverSampler])
def test_sampler_in_a_pipeline(Sampler):
    sampler = Sampler(random_state=0)
    model = make_pipeline(sampler, LSTM).fit(X, LABELS)
    by_hand = clone(LSTM).fit(*clone(sampler).fit_resample(X, LABELS))
    assert_array_equal(model.predict_proba(X), by_hand.predict_proba(X))
    # All rows are tested, whatever has been left out of training.
    expected = []
    for train, test in FOLDS.split(X, LABELS):
        sampled = clone(sampler).fit_resample(X[train], LABELS[train])
        expected.append(clone(LSTM).fit(*sampled).score(X[test], LABELS[test]))
    found = cross_val_score(make_pipeline(sampler, LSTM), X, LABELS, cv=FOLDS)
    assert_allclose(found, expected)


def test_balanced_bagging():
    model = BalancedBaggingClassifier(LSTM, n_estimators=3, random_state=0)
    model.fit(X, LABELS)
    probas = []
    for (sampler, fitted), rows in zip(
        model.estimators_, model.estimators_samples_, strict=True
    ):
        sampled = clone(sampler).fit_resample(X[rows], LABELS[rows])
        assert np.ptp(np.unique(sampled[1], return_counts=True)[1]) == 0
        probas.append(clone(fitted).fit(*sampled).predict_proba(X))
    assert len(probas) == 3
    assert_allclose(model.predict_proba(X), np.mean(probas, axis=0), rtol=1e-5)


def test_sampler_behind_flat_windows():
    histories, following = make_supervised(RNG.normal(size=(121, 2)), target=0)
    labels = np.where(following > 1, "rare", "often")
    windower = SequenceWindower(4, flatten=True)
    sampler, lstm = RandomUnderSampler(random_state=0), clone(LSTM)
    lstm.set_params(n_timesteps=4)
    model = make_pipeline(windower, sampler, lstm).fit(histories, labels)
    tables = windower.fit_transform(histories)
    by_hand = clone(lstm).fit(*clone(sampler).fit_resample(tables, labels))
    found = model.predict_proba(histories)
    assert len(found) == len(labels)
    assert_array_equal(found, by_hand.predict_proba(tables))
