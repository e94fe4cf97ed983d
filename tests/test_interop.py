"""Everything scikit-learn can do with an estimator, it can do with ours."""

import copy
import os
import pickle
import random
import warnings

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import randint
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    BaggingClassifier,
    BaggingRegressor,
    HistGradientBoostingRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.feature_selection import SequentialFeatureSelector
from sklearn.frozen import FrozenEstimator
from sklearn.inspection import partial_dependence, permutation_importance
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import (
    balanced_accuracy_score,
    get_scorer,
    log_loss,
    make_scorer,
    mean_absolute_error,
    r2_score,
)
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    HalvingGridSearchCV,
    KFold,
    RandomizedSearchCV,
    StratifiedKFold,
    TimeSeriesSplit,
    TunedThresholdClassifierCV,
    cross_val_predict,
    cross_val_score,
    cross_validate,
    learning_curve,
    permutation_test_score,
    train_test_split,
    validation_curve,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    OneHotEncoder,
    StandardScaler,
)

from sklstm import (
    LSTMClassifier,
    LSTMRegressor,
    Sequences,
    SequenceWindower,
    StepTransformer,
    make_histories,
    make_supervised,
)
from sklstm.datasets import make_lagged
from sklstm.forecasting import AnchoredRegressor

# The target is what the feature was a row ago: two rows show it, one does not.
ROWS, y = make_lagged(160, lag=1, random_state=0)
X = make_histories(ROWS)
UP = np.where(y > 0, "up", "down")
LEVEL = np.digitize(y, [-0.5, 0.5]) - 1
WINDOWS = SequenceWindower(2).fit_transform(X)
TABLE = np.hstack([ROWS[:-1], ROWS[1:]])  # the same windows as rows, but for the first
WEIGHT = np.random.RandomState(0).randint(0, 3, size=160).astype(float)
IN_TIME = TimeSeriesSplit(2)
THREE = KFold(3)


def regressor(**params):
    quick = {"learning_rate": 0.06, "batch_size": 32, "max_epochs": 10}
    return LSTMRegressor(8, **{**quick, "random_state": 0, **params})


def classifier(**params):
    quick = {"learning_rate": 0.06, "batch_size": 32, "max_epochs": 10}
    return LSTMClassifier(8, **{**quick, "random_state": 0, **params})


def pipeline(estimator=None, length=2):
    return make_pipeline(SequenceWindower(length), estimator or regressor())


def lags(estimator):
    return make_pipeline(SequenceWindower(2, flatten=True), estimator)


def by_hand(estimator, X, y, cv, method="predict", **fit_params):
    """Predictions for the test rows of each fold, from a loop without helpers."""
    parts = []
    for train, test in cv.split(X, y):
        params = {name: value[train] for name, value in fit_params.items()}
        fitted = clone(estimator).fit(X[train], y[train], **params)
        parts.append(getattr(fitted, method)(X[test]))
    return parts


# Cross-validation


@pytest.mark.parametrize("cv", [THREE, KFold(3, shuffle=True, random_state=0)])
def test_windows_made_before_the_folds_or_within_them_are_the_same(cv):
    predicted = cross_val_predict(pipeline(), X, y, cv=cv)
    assert r2_score(y, predicted) > 0.8
    tests = np.concatenate([test for _, test in cv.split(X)])
    in_order = np.argsort(tests)
    by_loop = np.concatenate(by_hand(pipeline(), X, y, cv))[in_order]
    assert_array_equal(predicted, by_loop)
    rows = [ROWS[max(t - 1, 0) : t + 1] for t in range(160)]
    for windows in (WINDOWS, rows):
        before = cross_val_predict(regressor(), windows, y, cv=cv)
        assert_array_equal(before, predicted)


@pytest.mark.parametrize("method", ["predict", "predict_proba", "decision_function"])
def test_cross_val_predict_of_a_classifier(method):
    model = pipeline(classifier(max_epochs=2))
    predicted = cross_val_predict(model, X, UP, cv=THREE, method=method)
    parts = by_hand(model, X, UP, THREE, method)
    assert_array_equal(predicted, np.concatenate(parts))


def test_what_stands_around_the_windower_is_the_loop_over_folds():
    X, y = make_supervised(np.cumsum(ROWS))
    model = make_pipeline(
        StepTransformer(StandardScaler()),
        SequenceWindower(3),
        AnchoredRegressor(regressor(max_epochs=2)),
    )
    predicted = cross_val_predict(model, X, y, cv=THREE)
    assert_array_equal(predicted, np.concatenate(by_hand(model, X, y, THREE)))
    vote = VotingRegressor([("a", model), ("b", model)])
    assert_allclose(cross_val_predict(vote, X, y, cv=THREE), predicted)


def test_cross_validate_with_several_named_scorers():
    names = ("r2", "neg_mean_absolute_error", "neg_root_mean_squared_error")
    results = cross_validate(
        pipeline(), X, y, cv=IN_TIME, scoring=names, return_estimator=True
    )
    parts = by_hand(pipeline(), X, y, IN_TIME)
    for i, (_, test) in enumerate(IN_TIME.split(X)):
        assert results["test_r2"][i] == r2_score(y[test], parts[i]) > 0.8
        error = -mean_absolute_error(y[test], parts[i])
        assert results["test_neg_mean_absolute_error"][i] == error
        assert_array_equal(results["estimator"][i].predict(X[test]), parts[i])


def test_named_scorers_of_a_classifier():
    bounds = {
        "accuracy": 0.6,
        "balanced_accuracy": 0.6,
        "f1_macro": 0.6,
        "roc_auc_ovr": 0.8,
        "neg_log_loss": -0.9,
        "top_k_accuracy": 0.9,
    }
    model = pipeline(classifier())
    results = cross_validate(model, X, LEVEL, cv=IN_TIME, scoring=list(bounds))
    for i, (train, test) in enumerate(IN_TIME.split(X)):
        fitted = clone(model).fit(X[train], LEVEL[train])
        for name, bound in bounds.items():
            score = get_scorer(name)(fitted, X[test], LEVEL[test])
            assert results[f"test_{name}"][i] == score > bound


def test_make_scorer():
    def worst(y_true, y_pred):
        return np.abs(y_true - y_pred).max()

    scorer = make_scorer(worst, greater_is_better=False)
    scores = cross_val_score(pipeline(), X, y, cv=IN_TIME, scoring=scorer)
    parts = by_hand(pipeline(), X, y, IN_TIME)
    tests = [test for _, test in IN_TIME.split(X)]
    expected = [-worst(y[t], p) for t, p in zip(tests, parts, strict=True)]
    assert_array_equal(scores, expected)

    by_proba = make_scorer(log_loss, response_method="predict_proba")
    model = pipeline(classifier()).fit(X, UP)
    expected = log_loss(UP, model.predict_proba(X))
    assert_allclose(by_proba(model, X, UP), expected, rtol=1e-5)
    assert expected < 0.3


def test_groups_are_kept_together():
    groups = np.repeat(np.arange(4), 40)
    scores = cross_val_score(pipeline(), X, y, groups=groups, cv=GroupKFold(4))
    assert len(scores) == 4
    assert scores.min() > 0.7


def test_learning_curve_trains_on_the_first_rows():
    fold = [(np.arange(120), np.arange(120, 160))]
    model = pipeline(regressor().set_params(linear_skip=False))
    sizes, _, scores = learning_curve(model, X, y, train_sizes=[30, 120], cv=fold)
    assert sizes.tolist() == [30, 120]
    by_loop = [clone(model).fit(X[:n], y[:n]).score(X[120:], y[120:]) for n in sizes]
    assert_array_equal(scores[:, 0], by_loop)
    assert scores[1, 0] > max(scores[0, 0], 0.8)


def test_validation_curve_over_the_window_length():
    name, lengths = "sequencewindower__sequence_length", [1, 2]
    curve = {"param_name": name, "param_range": lengths}
    _, scores = validation_curve(pipeline(), X, y, cv=IN_TIME, **curve)
    by_length = [cross_val_score(pipeline(length=n), X, y, cv=IN_TIME) for n in lengths]
    assert_array_equal(scores, by_length)
    assert scores[0].max() < 0.2 < 0.8 < scores[1].min()


def test_permutation_test_score_finds_that_there_is_something_to_learn():
    score, by_chance, p_value = permutation_test_score(
        regressor(), WINDOWS, y, cv=IN_TIME, n_permutations=5, random_state=0
    )
    assert score > 0.8
    assert by_chance.max() < 0.3
    assert_allclose(p_value, 1 / 6)


# Searches


GRID = {
    "sequencewindower__sequence_length": [1, 2],
    "lstmregressor__hidden_size": [2, 8],
}


def test_grid_search_is_the_same_in_two_processes(two_processes):
    search = GridSearchCV(
        pipeline(), GRID, scoring="neg_mean_squared_error", cv=IN_TIME
    )
    alone = clone(search).set_params(n_jobs=1).fit(X, y)
    together = search.fit(X, y)
    for name, values in alone.cv_results_.items():
        if "time" not in name:
            assert_array_equal(together.cv_results_[name], values)
    assert_array_equal(together.predict(X), alone.predict(X))
    assert together.best_params_["sequencewindower__sequence_length"] == 2
    assert together.best_params_["lstmregressor__hidden_size"] == 8
    assert together.best_estimator_[-1].hidden_size == 8
    assert r2_score(y, together.predict(X)) > 0.8


def test_all_around_a_net_is_the_same_in_two_processes(two_processes):
    X, y = make_supervised(np.cumsum(ROWS))
    model = make_pipeline(
        StepTransformer(StandardScaler()),
        SequenceWindower(3),
        AnchoredRegressor(regressor(max_epochs=2)),
    )
    together = cross_val_predict(model, X, y, cv=THREE)
    assert_array_equal(cross_val_predict(model, X, y, cv=THREE, n_jobs=1), together)


def test_randomized_search_scores_what_it_draws():
    space = {
        "sequencewindower__sequence_length": randint(1, 4),
        "lstmregressor__hidden_size": randint(4, 9),
    }
    search = RandomizedSearchCV(
        pipeline(), space, n_iter=3, scoring="r2", cv=IN_TIME, random_state=0
    ).fit(X, y)
    scores = search.cv_results_["mean_test_score"]
    for params, score in zip(search.cv_results_["params"], scores, strict=True):
        by_loop = clone(pipeline()).set_params(**params)
        assert cross_val_score(by_loop, X, y, cv=IN_TIME).mean() == score
        assert (score > 0.5) == (params["sequencewindower__sequence_length"] > 1)


def test_grid_search_over_the_window_length_finds_the_lag():
    rows, y = make_lagged(300, lag=4, random_state=0)
    X = make_histories(rows)
    net = LSTMRegressor(16, learning_rate=0.03, max_epochs=15, random_state=0)
    model = make_pipeline(SequenceWindower(), net.set_params(lr_scheduler="cosine"))
    search = GridSearchCV(
        model,
        {"sequencewindower__sequence_length": [2, 4, 5]},
        scoring="r2",
        cv=TimeSeriesSplit(2, test_size=60),
    ).fit(X, y)
    scores = search.cv_results_["mean_test_score"]
    assert (scores[:2] < 0.1).all()  # row t - 4 is out of sight
    assert search.best_score_ == scores[2] > 0.8


def test_nets_and_tables_compete_in_one_search():
    model = Pipeline([("window", SequenceWindower(2)), ("model", None)])
    trees = HistGradientBoostingRegressor(max_iter=30, min_samples_leaf=5)
    grid = [
        {"model": [regressor()], "window__sequence_length": [1, 2]},
        {"model": [Ridge(), trees], "window__flatten": [True]},
    ]
    search = GridSearchCV(model, grid, cv=IN_TIME, scoring="r2").fit(X, y)
    net_1, net_2, ridge, boosted = search.cv_results_["mean_test_score"]
    assert net_1 < 0.2
    assert min(net_2, ridge) > 0.9
    assert boosted > 0.5
    assert ridge == cross_val_score(lags(Ridge()), X, y, cv=IN_TIME).mean()
    assert boosted == cross_val_score(lags(trees), X, y, cv=IN_TIME).mean()
    assert net_2 == cross_val_score(pipeline(), X, y, cv=IN_TIME).mean()


def test_halving_search_over_the_number_of_sequences():
    # Halving draws samples at random, and each has its history.
    search = HalvingGridSearchCV(
        pipeline(),
        {"lstmregressor__learning_rate": [1e-6, 0.01, 0.03]},
        resource="n_samples",
        min_resources=80,
        factor=2,
        cv=IN_TIME,
        random_state=0,
    ).fit(X, y)
    assert search.n_resources_ == [80, 160]
    assert search.n_candidates_ == [3, 2]
    best = search.best_params_["lstmregressor__learning_rate"]
    assert best > 1e-6
    assert search.best_score_ > 0.8
    before = regressor(learning_rate=best).fit(WINDOWS, y)
    assert_array_equal(search.predict(X), before.predict(WINDOWS))


def test_halving_search_over_the_epochs():
    search = HalvingGridSearchCV(
        pipeline(),
        {"sequencewindower__sequence_length": [1, 2]},
        resource="lstmregressor__max_epochs",
        min_resources=6,
        max_resources=12,
        factor=2,
        cv=IN_TIME,
    ).fit(X, y)
    assert search.n_resources_ == [6, 12]
    assert search.best_params_["sequencewindower__sequence_length"] == 2
    assert search.best_estimator_[-1].n_iter_ == 12
    assert search.best_score_ > 0.8


def test_feature_selection_through_the_windower():
    noise = np.random.RandomState(1).normal(size=(160, 2))
    rows = np.column_stack([noise[:, 0], ROWS[:, 0], noise[:, 1]])
    selector = SequentialFeatureSelector(
        pipeline(), n_features_to_select=1, cv=IN_TIME, scoring="r2"
    ).fit(rows, y)
    assert selector.get_support().tolist() == [False, True, False]


# Estimators around ours


def test_transformed_target():
    positive = np.exp(y)
    model = TransformedTargetRegressor(pipeline(), func=np.log, inverse_func=np.exp)
    predicted = model.fit(X, positive).predict(X)
    plain = pipeline().fit(X, np.log(positive)).predict(X)
    assert_array_equal(predicted, np.exp(plain))
    assert r2_score(y, np.log(predicted)) > 0.8


def test_transformed_target_by_a_transformer():
    model = TransformedTargetRegressor(regressor(), transformer=MinMaxScaler())
    assert model.fit(WINDOWS, 1e6 * y).score(WINDOWS, 1e6 * y) > 0.8


def test_stacking_regressor():
    models = [("net", pipeline()), ("ridge", lags(Ridge()))]
    stack = StackingRegressor(models, final_estimator=Ridge(), cv=THREE).fit(X, y)
    out_of_fold = np.column_stack(
        [cross_val_predict(model, X, y, cv=THREE) for _, model in models]
    )
    final = Ridge().fit(out_of_fold, y)
    assert_array_equal(stack.final_estimator_.coef_, final.coef_)
    fitted = np.column_stack([clone(m).fit(X, y).predict(X) for _, m in models])
    assert_array_equal(stack.predict(X), final.predict(fitted))
    assert stack.score(X, y) > 0.9


def test_stacking_classifier():
    models = [("net", pipeline(classifier())), ("line", lags(LogisticRegression()))]
    stack = StackingClassifier(models, cv=THREE).fit(X, UP)
    out_of_fold = np.column_stack(
        [
            cross_val_predict(m, X, UP, cv=THREE, method="predict_proba")[:, 1]
            for _, m in models
        ]
    )
    final = LogisticRegression().fit(out_of_fold, UP)
    assert_allclose(stack.final_estimator_.coef_, final.coef_, rtol=1e-6)
    assert set(stack.predict(X)) == {"up", "down"}
    assert stack.score(X, UP) > 0.9


def test_voting_regressor():
    vote = VotingRegressor([("a", regressor()), ("b", regressor(pooling="max"))])
    weighted = vote.set_params(weights=[3, 1]).fit(WINDOWS, y)
    a, b = (clone(m).fit(WINDOWS, y).predict(WINDOWS) for _, m in vote.estimators)
    assert_allclose(weighted.predict(WINDOWS), 0.75 * a + 0.25 * b)
    assert weighted.score(WINDOWS, y) > 0.8


@pytest.mark.parametrize("voting", ["soft", "hard"])
def test_voting_classifier(voting):
    models = [(str(seed), classifier(random_state=seed)) for seed in range(3)]
    vote = VotingClassifier(models, voting=voting).fit(WINDOWS, UP)
    fitted = [clone(model).fit(WINDOWS, UP) for _, model in models]
    proba = np.array([model.predict_proba(WINDOWS) for model in fitted])
    votes = proba if voting == "soft" else proba > 0.5
    expected = np.array(["down", "up"])[votes.mean(axis=0).argmax(axis=1)]
    assert_array_equal(vote.predict(WINDOWS), expected)
    assert vote.score(WINDOWS, UP) > 0.9


@pytest.mark.parametrize("Bagging", [BaggingRegressor, BaggingClassifier])
def test_bagging_trains_on_its_draws(Bagging):
    # With all rows in one batch, a weight of two is a row that comes twice.
    regression = Bagging is BaggingRegressor
    model = (regressor if regression else classifier)(batch_size=512, max_epochs=40)
    target = y[1:] if regression else LEVEL[1:]
    bag = Bagging(model, n_estimators=3, random_state=0)
    bag.fit(TABLE, target)
    method = "predict" if regression else "predict_proba"
    members = []
    for rows, fitted in zip(bag.estimators_samples_, bag.estimators_, strict=True):
        again = clone(fitted).fit(TABLE[rows], target[rows])
        members.append(getattr(again, method)(TABLE))
    assert not np.array_equal(members[0], members[1])
    assert_allclose(getattr(bag, method)(TABLE), np.mean(members, axis=0), rtol=1e-6)
    assert bag.score(TABLE, target) > 0.6


def test_bagging_refuses_what_it_cannot_draw_from():
    with pytest.raises(ValueError, match="dim 3"):
        BaggingRegressor(regressor()).fit(WINDOWS, y)


def test_adaboost_regressor():
    sequences = TABLE[:, :, None]
    boost = AdaBoostRegressor(regressor(), n_estimators=3, random_state=0)
    boost.fit(sequences, y[1:])
    members = np.array([member.predict(sequences) for member in boost.estimators_])
    assert len(members) == 3
    weights = boost.estimator_weights_
    for i, of_sample in enumerate(members.T):  # the weighted median
        order = np.argsort(of_sample)
        middle = np.searchsorted(np.cumsum(weights[order]), weights.sum() / 2)
        assert boost.predict(sequences)[i] == of_sample[order[middle]]
    assert boost.score(sequences, y[1:]) > 0.8


def test_adaboost_classifier():
    sequences, target = TABLE[:, :, None], LEVEL[1:]
    boost = AdaBoostClassifier(classifier(max_epochs=5), n_estimators=3, random_state=0)
    boost.fit(sequences, target)
    first = clone(boost.estimators_[0])
    first.fit(sequences, target, np.full(159, 1 / 159))
    wrong = first.predict(sequences) != target
    weight = np.where(wrong, np.exp(boost.estimator_weights_[0]), 1) / 159
    second = clone(boost.estimators_[1]).fit(sequences, target, weight / weight.sum())
    proba = boost.estimators_[1].predict_proba(sequences)
    assert_allclose(second.predict_proba(sequences), proba, rtol=1e-3, atol=1e-4)
    assert boost.score(sequences, target) > 0.7


def test_calibration_by_folds():
    model = CalibratedClassifierCV(pipeline(classifier()), cv=THREE).fit(X, UP)
    members = [member.predict_proba(X) for member in model.calibrated_classifiers_]
    assert len(members) == 3
    assert_allclose(model.predict_proba(X), np.mean(members, axis=0))
    assert model.score(X, UP) > 0.85


def test_calibration_of_a_frozen_net():
    net = classifier().fit(WINDOWS[:80], UP[:80])
    later = WINDOWS[80:]
    model = CalibratedClassifierCV(FrozenEstimator(net), method="isotonic")
    proba = model.fit(later, UP[80:]).predict_proba(later)[:, 1]
    scores = net.decision_function(later)
    isotonic = IsotonicRegression(out_of_bounds="clip").fit(scores, UP[80:] == "up")
    assert_allclose(proba, isotonic.predict(scores), atol=1e-6)


def test_tuned_threshold():
    rare = np.where(y > 1.0, "rare", "usual")
    model = TunedThresholdClassifierCV(
        classifier(max_epochs=4),
        scoring="balanced_accuracy",
        cv=StratifiedKFold(3),
    ).fit(WINDOWS, rare)
    plain = classifier(max_epochs=4).fit(WINDOWS, rare)
    proba = plain.predict_proba(WINDOWS)[:, 1]
    expected = np.where(proba >= model.best_threshold_, "usual", "rare")
    assert_array_equal(model.predict(WINDOWS), expected)
    folds = {"cv": StratifiedKFold(3), "scoring": "balanced_accuracy"}
    at_half = cross_val_score(classifier(max_epochs=4), WINDOWS, rare, **folds)
    assert model.best_score_ >= at_half.mean()
    assert balanced_accuracy_score(rare, model.predict(WINDOWS)) > 0.8


def test_multi_output_regressor():
    Y = np.column_stack([y, 100 - 3 * y])
    model = MultiOutputRegressor(regressor()).fit(WINDOWS, Y)
    columns = [regressor().fit(WINDOWS, column).predict(WINDOWS) for column in Y.T]
    assert_array_equal(model.predict(WINDOWS), np.column_stack(columns))
    assert model.score(WINDOWS, Y) > 0.8


def test_one_vs_rest_classifier():
    labels = np.array(["low", "mid", "top"])[LEVEL + 1]
    model = OneVsRestClassifier(classifier()).fit(WINDOWS, labels)
    proba = np.column_stack(
        [
            classifier()
            .fit(WINDOWS, (labels == label).astype(int))
            .predict_proba(WINDOWS)[:, 1]
            for label in model.classes_
        ]
    )
    proba /= proba.sum(axis=1, keepdims=True)
    assert_allclose(model.predict_proba(WINDOWS), proba, rtol=1e-5)
    assert model.score(WINDOWS, labels) > 0.8


def test_frozen_estimator():
    model = pipeline().fit(X, y)
    expected = model.predict(X)
    frozen = clone(FrozenEstimator(model)).fit(X[::-1], -y)
    assert_array_equal(frozen.predict(X), expected)
    last = make_pipeline(SequenceWindower(2), FrozenEstimator(model[-1])).fit(X, y)
    assert_array_equal(last.predict(X), expected)


# Inspection


def test_permutation_importance_finds_the_feature():
    noise = np.random.RandomState(1).normal(size=(160, 2))
    rows = np.column_stack([noise[:, 0], ROWS[:, 0], noise[:, 1]])
    model = pipeline(regressor(max_epochs=20)).fit(rows, y)
    found = permutation_importance(model, rows, y, n_repeats=3, random_state=0)
    assert found.importances_mean.argmax() == 1
    assert found.importances_mean[1] > 1
    assert found.importances_mean[[0, 2]].max() < 0.2


def test_permutation_importance_of_a_panel_with_its_keys_in_the_index():
    rng = np.random.RandomState(0)
    keys = {"group": "who", "time": "when"}
    table = pd.DataFrame(
        {
            "who": np.repeat(["a", "b"], 60),
            "when": np.tile(np.arange(60), 2),
            "noise": rng.normal(size=120),
            "cause": rng.normal(size=120),
        }
    )
    table["effect"] = table["cause"].shift(2, fill_value=0.0)
    model = make_pipeline(SequenceWindower(3, **keys), regressor(max_epochs=40))
    options = {"n_repeats": 3, "random_state": 0}
    for data in (table, pl.DataFrame(table.to_dict("list"))):
        X, y = make_supervised(data, target="effect", **keys, as_rows=True)
        with (
            warnings.catch_warnings(action="ignore"),  # names of polars are lost
            pytest.raises(ValueError, match=r"importance, put .* in the index\.$") as e,
        ):
            permutation_importance(model.fit(X, y), X, y, **options)
        assert "\n" not in str(e.value)
    data = table.set_index(["who", "when"])
    X, y = make_supervised(data, target="effect", **keys, as_rows=True)
    found = permutation_importance(model.fit(X, y), X, y, **options).importances_mean
    assert X.columns[found.argmax()] == "cause"
    assert found[1] > 1
    assert found[[0, 2]].max() < 0.2


def test_partial_dependence_on_a_step():
    model = regressor().fit(TABLE, y[1:])
    found = {}
    for step in (0, 1):
        result = partial_dependence(model, TABLE, [step], grid_resolution=5)
        (values,), (averages,) = result["grid_values"], result["average"]
        for value, average in zip(values, averages, strict=True):
            changed = TABLE.copy()
            changed[:, step] = value
            assert_allclose(average, model.predict(changed).mean(), rtol=1e-6)
        found[step] = np.ptp(result["average"])
    assert found[0] > 5 * found[1]


def test_partial_dependence_on_a_column_before_the_windower():
    rows = pd.DataFrame({"x": ROWS[:, 0], "z": np.random.RandomState(1).rand(160)})
    model = pipeline(regressor(max_epochs=20)).fit(rows, y)
    found = {
        name: partial_dependence(model, rows, [name], grid_resolution=5)["average"]
        for name in rows
    }
    assert found["x"].shape == (1, 5)
    assert np.ptp(found["x"]) > 3 * np.ptp(found["z"])


# Dataframes and names


@pytest.fixture
def frame():
    dates = pd.date_range("2024-01-01", periods=160, freq="h")
    day = np.array(["sun", "mon", "tue"])[np.arange(160) // 24 % 3]
    load = np.random.RandomState(1).normal(size=160)
    columns = {"day": day, "x": 1e3 * ROWS[:, 0], "load": load}
    return pd.DataFrame(columns, index=dates)


def columns_by_kind():
    return ColumnTransformer(
        [
            ("day", OneHotEncoder(sparse_output=False), ["day"]),
            ("number", StandardScaler(), ["x", "load"]),
        ],
        verbose_feature_names_out=False,
    )


def test_column_transformer_before_the_windower(frame):
    model = make_pipeline(
        columns_by_kind(), SequenceWindower(2), regressor(max_epochs=20)
    )
    scaled = StandardScaler().fit_transform(frame[["x", "load"]])
    days = np.column_stack([frame["day"] == day for day in ("mon", "sun", "tue")])
    windows = SequenceWindower(2).fit_transform(np.hstack([days, scaled]))
    expected = regressor(max_epochs=20).fit(windows, y).predict(windows)
    assert_array_equal(model.fit(frame, y).predict(frame), expected)
    assert model.score(frame, y) > 0.8
    assert not hasattr(model[-1], "feature_names_in_")


def test_feature_union_before_the_windower(frame):
    def differences(rows):
        return np.diff(rows, axis=0, prepend=rows[:1])

    union = FeatureUnion(
        [
            ("level", FunctionTransformer(feature_names_out="one-to-one")),
            ("change", FunctionTransformer(differences)),
        ]
    )
    numbers = frame[["x", "load"]]
    model = make_pipeline(union, SequenceWindower(2), regressor(max_epochs=2))
    both = np.hstack([numbers, differences(numbers.to_numpy())])
    expected = pipeline(regressor(max_epochs=2)).fit(both, y).predict(both)
    assert_array_equal(model.fit(numbers, y).predict(numbers), expected)


NAMES = ["day_mon", "day_sun", "day_tue", "x", "load"]


def test_set_output_of_the_steps_before_the_windower(frame):
    columns = columns_by_kind().set_output(transform="pandas")
    model = make_pipeline(columns, SequenceWindower(2), regressor(max_epochs=2))
    plain = make_pipeline(
        columns_by_kind(), SequenceWindower(2), regressor(max_epochs=2)
    )
    model.fit(frame, y)
    assert model[-1].feature_names_in_.tolist() == NAMES
    assert_array_equal(model.predict(frame), plain.fit(frame, y).predict(frame))


def test_set_output_of_the_whole_pipeline(frame):
    model = make_pipeline(
        columns_by_kind(), SequenceWindower(2), regressor(max_epochs=2)
    ).set_output(transform="pandas")
    model.fit(frame, y)
    assert model[-1].feature_names_in_.tolist() == NAMES
    assert isinstance(model[:-1].transform(frame), Sequences)

    table = make_pipeline(
        columns_by_kind(), SequenceWindower(2, flatten=True), Ridge()
    ).set_output(transform="pandas")
    table.fit(frame, y)
    lagged = [f"{name}_lag{k}" for k in (1, 0) for name in NAMES]
    assert table[-1].feature_names_in_.tolist() == lagged
    assert table[:-1].transform(frame).index.equals(frame.index)
    assert table[:-1].get_feature_names_out().tolist() == lagged


@pytest.mark.parametrize("make", [regressor, classifier])
def test_pandas_output_for_everything(frame, make):
    target = y if make is regressor else UP
    model = make_pipeline(columns_by_kind(), SequenceWindower(2), make(max_epochs=2))
    expected = cross_val_predict(model, frame, target, cv=THREE)
    with sklearn.config_context(transform_output="pandas"):
        predicted = cross_val_predict(model, frame, target, cv=THREE)
    assert_array_equal(predicted, expected)


def test_polars(frame):
    polars = pytest.importorskip("polars")
    rows = polars.DataFrame({name: frame[name].to_numpy() for name in ("x", "load")})
    model = make_pipeline(StandardScaler(), SequenceWindower(2), regressor())
    model.set_output(transform="polars").fit(rows, y)
    assert model[-1].feature_names_in_.tolist() == ["x", "load"]
    plain = make_pipeline(StandardScaler(), SequenceWindower(2), regressor())
    expected = plain.fit(rows.to_numpy(), y).predict(rows.to_numpy())
    assert_array_equal(model.predict(rows), expected)
    scores = cross_val_score(model, rows, y, cv=IN_TIME)
    assert_array_equal(scores, cross_val_score(plain, rows.to_numpy(), y, cv=IN_TIME))
    flat = SequenceWindower(2, flatten=True).set_output(transform="polars")
    assert flat.fit_transform(rows).columns == [
        "x_lag1",
        "load_lag1",
        "x_lag0",
        "load_lag0",
    ]
    sequences = [rows[:5], rows[5:7]]
    alone = regressor(max_epochs=2).fit(sequences, [1.0, 2.0])
    assert alone.feature_names_in_.tolist() == ["x", "load"]


# Splitting and weights


@pytest.mark.parametrize("options", [{"shuffle": False}, {"stratify": UP}, {}])
def test_train_test_split_of_sequences(options):
    split = train_test_split(WINDOWS, np.arange(160), UP, random_state=0, **options)
    W_train, W_test, rows_train, rows_test, up_train, up_test = split
    assert isinstance(W_train, Sequences)
    assert W_train.shape == (120, 2, 1)
    assert len(W_test) == 40
    assert sorted([*rows_train, *rows_test]) == list(range(160))
    for windows, rows in ((W_train, rows_train), (W_test, rows_test)):
        for window, row in zip(windows, rows, strict=True):
            assert_array_equal(window, ROWS[max(row - 1, 0) : row + 1])
    fitted = classifier().fit(W_train, up_train)
    by_list = classifier().fit(list(W_train), up_train)
    assert_allclose(
        fitted.predict_proba(W_test), by_list.predict_proba(W_test), rtol=1e-3
    )
    assert fitted.score(W_test, up_test) > 0.85


def test_sample_weight_through_a_pipeline():
    model = pipeline().fit(X, y, lstmregressor__sample_weight=WEIGHT)
    plain = regressor().fit(WINDOWS, y, sample_weight=WEIGHT)
    assert_array_equal(model.predict(X), plain.predict(WINDOWS))
    assert not np.allclose(model.predict(X), pipeline().fit(X, y).predict(X))


def test_sample_weight_in_cross_validation():
    params = {"lstmregressor__sample_weight": WEIGHT}
    predicted = cross_val_predict(pipeline(), X, y, cv=THREE, params=params)
    parts = by_hand(pipeline(), X, y, THREE, **params)
    assert_array_equal(predicted, np.concatenate(parts))


def test_sample_weight_by_metadata_routing():
    parts = by_hand(pipeline(), X, y, IN_TIME, lstmregressor__sample_weight=WEIGHT)
    by_loop = [
        r2_score(y[test], part, sample_weight=WEIGHT[test])
        for part, (_, test) in zip(parts, IN_TIME.split(X), strict=True)
    ]
    with sklearn.config_context(enable_metadata_routing=True):
        model = pipeline(regressor().set_fit_request(sample_weight=True))
        weighted = get_scorer("r2").set_score_request(sample_weight=True)
        scores = cross_validate(
            model,
            X,
            y,
            cv=IN_TIME,
            scoring=weighted,
            params={"sample_weight": WEIGHT},
        )["test_score"]
        assert_array_equal(scores, by_loop)

        grid = {"sequencewindower__sequence_length": [1, 2]}
        search = GridSearchCV(model, grid, cv=IN_TIME, scoring=weighted)
        search.fit(X, y, sample_weight=WEIGHT)
    assert search.cv_results_["mean_test_score"][1] == np.mean(by_loop)
    refitted = pipeline().fit(X, y, lstmregressor__sample_weight=WEIGHT)
    assert_array_equal(search.predict(X), refitted.predict(X))


def test_weights_nobody_asked_for_are_an_error():
    with sklearn.config_context(enable_metadata_routing=True):
        with pytest.raises(ValueError, match="sample_weight"):
            pipeline().fit(X, y, sample_weight=WEIGHT)
        quiet = pipeline(regressor().set_fit_request(sample_weight=False))
        with pytest.raises(TypeError, match="sample_weight"):
            quiet.fit(X, y, sample_weight=WEIGHT)


# Copies


@pytest.mark.parametrize("target", [y, UP])
def test_a_fitted_pipeline_survives_the_disk(target, tmp_path):
    estimator = regressor() if target is y else classifier()
    steps = StepTransformer(StandardScaler()), SequenceWindower(2), estimator
    model = make_pipeline(*steps)
    expected = model.fit(X, target).predict(X)
    assert_array_equal(pickle.loads(pickle.dumps(model)).predict(X), expected)
    joblib.dump(model, tmp_path / "model.joblib", compress=3)
    loaded = joblib.load(tmp_path / "model.joblib")
    assert_array_equal(loaded.predict(X), expected)
    assert_array_equal(clone(loaded).fit(X, target).predict(X), expected)
    assert_array_equal(copy.deepcopy(model).predict(X), expected)


def test_a_fitted_search_survives_a_pickle():
    search = GridSearchCV(pipeline(), {"lstmregressor__hidden_size": [4]}, cv=IN_TIME)
    expected = search.fit(X, y).predict(X)
    assert_array_equal(pickle.loads(pickle.dumps(search)).predict(X), expected)


def test_clone_of_a_pipeline_is_unfitted():
    model = pipeline().fit(X, y)
    cloned = clone(model)
    assert not hasattr(cloned[-1], "net_")
    assert repr(cloned) == repr(model)
    assert "LSTMRegressor" in model._repr_html_()


def test_a_pipeline_with_a_memory(tmp_path):
    expected = pipeline().fit(X, y).predict(X)
    for _ in range(2):  # the windows are computed, then read
        model = pipeline().set_params(memory=str(tmp_path))
        assert_array_equal(model.fit(X, y).predict(X), expected)
    assert list(tmp_path.rglob("output.pkl"))


# The state of the process


def states():
    numpy_state = np.random.get_state()  # noqa: NPY002
    return {
        "torch": torch.get_rng_state().tolist(),
        "numpy": [numpy_state[0], numpy_state[1].tolist(), *numpy_state[2:]],
        "python": random.getstate(),
        "threads": (torch.get_num_threads(), torch.get_num_interop_threads()),
        "dtype": torch.get_default_dtype(),
        "device": torch.get_default_device(),
        "grad": (torch.is_grad_enabled(), torch.is_inference_mode_enabled()),
        "deterministic": (
            torch.are_deterministic_algorithms_enabled(),
            torch.is_deterministic_algorithms_warn_only_enabled(),
            torch.backends.cudnn.deterministic,
            torch.backends.cudnn.benchmark,
        ),
        "precision": torch.get_float32_matmul_precision(),
        "errors": np.geterr(),
        "sklearn": sklearn.get_config(),
        "environment": dict(os.environ),
    }


def fit(random_state):
    return regressor(random_state=random_state, max_epochs=2).fit(WINDOWS, y)


def fit_with_dropout(random_state):
    params = {"random_state": random_state, "dropout": 0.5, "max_epochs": 2}
    return classifier(**params, early_stopping=True).fit(TABLE, UP[1:])


def fit_and_predict(random_state):
    model = fit(random_state)
    model.partial_fit(WINDOWS, y)
    return pickle.loads(pickle.dumps(model)).predict(WINDOWS)


def fit_in_vain(random_state):
    diverging = regressor(random_state=random_state, standardize=False)
    with pytest.raises(ValueError, match="loss"):
        diverging.fit(WINDOWS, 1e30 * y)


def search(random_state):
    model = pipeline(regressor(random_state=random_state, max_epochs=2))
    grid = {"sequencewindower__sequence_length": [1, 2]}
    return GridSearchCV(model, grid, cv=IN_TIME).fit(X, y).predict(X)


WORK = [fit, fit_with_dropout, fit_and_predict, fit_in_vain, search]


@pytest.mark.parametrize("random_state", [None, 0])
@pytest.mark.parametrize("work", WORK)
def test_the_state_of_the_process_stays(work, random_state):
    before = states()
    work(random_state)
    assert states() == before


@pytest.fixture(params=["float64", "no_grad", "deterministic", "two_threads"])
def unusual(request):
    """A state of torch that is not its default, set back afterwards."""
    dtype, threads = torch.get_default_dtype(), torch.get_num_threads()
    with torch.set_grad_enabled(request.param != "no_grad"):
        if request.param == "float64":
            torch.set_default_dtype(torch.float64)
        if request.param == "two_threads":
            torch.set_num_threads(2)
        torch.use_deterministic_algorithms(request.param == "deterministic")
        yield
    torch.set_default_dtype(dtype)
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(False)


def test_an_unusual_state_stays_and_does_not_matter(unusual):
    few = WINDOWS[:32], y[:32]
    net = regressor(max_epochs=1)
    before = states()
    predicted = net.fit(*few).predict(few[0])
    assert states() == before
    assert next(net.module_.parameters()).dtype == torch.float32
    torch.set_default_dtype(torch.float32)
    torch.use_deterministic_algorithms(False)
    with torch.enable_grad():
        expected = net.fit(*few).predict(few[0])
    assert_allclose(predicted, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dropout", [0.0, 0.5])
@pytest.mark.parametrize("make", [regressor, classifier])
def test_the_same_random_state_gives_the_same_bits(make, dropout):
    target = y if make is regressor else UP
    method = "predict" if make is regressor else "predict_proba"
    models = [make(dropout=dropout, max_epochs=3) for _ in range(2)]
    models[0].fit(WINDOWS, target)
    torch.manual_seed(1)  # what the user draws in between is his own affair
    np.random.seed(1)  # noqa: NPY002
    random.seed(1)
    models[1].fit(WINDOWS, target)
    first, second = (getattr(model, method)(WINDOWS) for model in models)
    assert_array_equal(first, second)
    other = make(dropout=dropout, max_epochs=3, random_state=99).fit(WINDOWS, target)
    assert not np.array_equal(getattr(other, method)(WINDOWS), first)


def test_no_random_state_is_another_each_time():
    torch.manual_seed(0)
    np.random.seed(0)  # noqa: NPY002
    first = fit(None).predict(WINDOWS)
    torch.manual_seed(0)
    np.random.seed(0)  # noqa: NPY002
    assert not np.array_equal(fit(None).predict(WINDOWS), first)


def test_a_generator_is_drawn_from():
    generator = np.random.RandomState(0)
    first, second = fit(generator).predict(WINDOWS), fit(generator).predict(WINDOWS)
    assert not np.array_equal(first, second)
    again = fit(np.random.RandomState(0)).predict(WINDOWS)
    assert_array_equal(again, first)
