"""mlxtend's ensembles and searches of features around our estimators."""

import numpy as np
from mlxtend.classifier import EnsembleVoteClassifier
from mlxtend.feature_selection import SequentialFeatureSelector
from mlxtend.regressor import StackingCVRegressor
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import KFold, cross_val_predict, cross_val_score

from sklstm import LSTMClassifier, LSTMRegressor

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 4))
y = X[:, 1] - 2 * X[:, 3]
UP = (y > 0).astype(int)
QUICK = {"max_epochs": 3, "learning_rate": 0.03, "random_state": 0}
LSTM = LSTMRegressor(4, **QUICK)
CLASSIFIER = LSTMClassifier(4, **QUICK)
FOLDS = KFold(3)


def test_stacking():
    model = StackingCVRegressor(
        [LSTM, LinearRegression()],
        LinearRegression(),
        cv=FOLDS,
        shuffle=False,
        random_state=0,
    ).fit(X, y)
    members = (LSTM, LinearRegression())
    parts = [cross_val_predict(member, X, y, cv=FOLDS) for member in members]
    final = LinearRegression().fit(np.transpose(parts), y)
    fitted = [clone(member).fit(X, y).predict(X) for member in members]
    assert_allclose(model.predict(X), final.predict(np.transpose(fitted)), rtol=1e-4)


def test_vote():
    members = [CLASSIFIER, LogisticRegression()]
    model = EnsembleVoteClassifier(members, voting="soft").fit(X, UP)
    expected = [clone(member).fit(X, UP).predict_proba(X) for member in members]
    assert_allclose(model.predict_proba(X), np.mean(expected, axis=0))


def test_feature_selection():
    search = SequentialFeatureSelector(LSTM, k_features=2, cv=FOLDS, verbose=0)
    search.fit(X, y)
    chosen = []
    for subset in search.subsets_.values():
        scores = {}
        for column in set(range(4)).difference(chosen):
            columns = sorted([*chosen, column])
            scores[column] = cross_val_score(LSTM, X[:, columns], y, cv=FOLDS)
        best = max(scores, key=lambda column: scores[column].mean())
        chosen.append(best)
        assert subset["feature_idx"] == tuple(sorted(chosen))
        assert_allclose(subset["cv_scores"], scores[best])
    assert len(chosen) == 2
