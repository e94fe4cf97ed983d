"""Optuna's trials score our estimators as scikit-learn does, and prune their fits."""

import numpy as np
import optuna
import pytest
from numpy.testing import assert_allclose
from optuna.distributions import CategoricalDistribution
from optuna_integration import OptunaSearchCV, SkorchPruningCallback
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit, cross_val_score
from sklearn.pipeline import make_pipeline

from sklstm import LSTMRegressor, SequenceWindower, make_supervised

optuna.logging.set_verbosity(optuna.logging.WARNING)

RNG = np.random.default_rng(0)
SERIES = np.sin(np.arange(161) / 2) + RNG.normal(0, 0.1, 161)
X, y = make_supervised(SERIES)
WINDOWS = SequenceWindower(6).fit_transform(X)
LSTM = LSTMRegressor(4, max_epochs=3, learning_rate=0.03, random_state=0)
MODEL = make_pipeline(SequenceWindower(6), LSTM)
IN_TIME = TimeSeriesSplit(3)
GRID = {
    "sequencewindower__sequence_length": [1, 4],
    "lstmregressor__pooling": ["last", "mean"],
}


def as_key(params):
    return tuple(params[name] for name in GRID)


@pytest.fixture(scope="module")
def scores():
    """What scikit-learn's search finds for each point of the grid."""
    found = GridSearchCV(MODEL, GRID, cv=IN_TIME).fit(X, y).cv_results_
    points = map(as_key, found["params"])
    return dict(zip(points, found["mean_test_score"], strict=True))


def test_study(scores):
    def objective(trial):
        params = {n: trial.suggest_categorical(n, GRID[n]) for n in GRID}
        return cross_val_score(MODEL.set_params(**params), X, y, cv=IN_TIME).mean()

    sampler = optuna.samplers.GridSampler(GRID, seed=0)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.optimize(objective)
    found = {as_key(trial.params): trial.value for trial in study.trials}
    assert found.keys() == scores.keys()
    assert_allclose([found[point] for point in scores], list(scores.values()))
    assert as_key(study.best_params) == max(scores, key=scores.get)


# OptunaSearchCV says that it is experimental.
@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_search(scores):
    search = OptunaSearchCV(
        MODEL,
        {name: CategoricalDistribution(values) for name, values in GRID.items()},
        cv=IN_TIME,
        n_trials=6,
        random_state=0,
    ).fit(X, y)
    points = [as_key(trial.params) for trial in search.trials_]
    assert len(set(points)) > 1
    found = [trial.value for trial in search.trials_]
    assert_allclose(found, [scores[point] for point in points])
    best = MODEL.set_params(**search.best_params_).fit(X, y)
    assert_allclose(search.predict(X), best.predict(X))


@pytest.mark.parametrize(
    ("early_stopping", "loss", "curve"),
    [
        (False, "train_loss", "loss_curve_"),
        (True, "valid_loss", "validation_loss_curve_"),
    ],
)
def test_pruned_while_it_trains(early_stopping, loss, curve):
    plain = {"dropout": 0.0, "linear_skip": False, "lr_scheduler": None}
    lstm = LSTMRegressor(4, max_epochs=5, random_state=0, **plain)
    lstm.set_params(early_stopping=early_stopping)
    expected = getattr(lstm.fit(WINDOWS, y), curve)

    def objective(trial):
        lstm.set_params(callbacks=[SkorchPruningCallback(trial, loss)])
        return lstm.fit(WINDOWS, y).score(WINDOWS, y)

    def run(pruner):
        study = optuna.create_study(direction="maximize", pruner=pruner)
        study.optimize(objective, n_trials=1)
        return study.trials[0]

    whole = run(optuna.pruners.NopPruner())
    assert whole.state.name == "COMPLETE"
    assert_allclose(list(whole.intermediate_values.values()), expected)
    # The loss falls below the limit in the third epoch.
    limit = (expected[1] + expected[2]) / 2
    pruned = run(optuna.pruners.ThresholdPruner(lower=limit))
    assert pruned.state.name == "PRUNED"
    assert_allclose(list(pruned.intermediate_values.values()), expected[:3])


class Prune:
    """Tell a trial the score after each epoch, and end it where Optuna says so."""

    def __init__(self, trial, X, y):
        self.trial, self.X, self.y = trial, X, y

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        if context.task_name == "epoch":
            self.trial.report(fitted_estimator.score(self.X, self.y), context.task_id)
            if self.trial.should_prune():
                raise optuna.TrialPruned


def test_pruned_by_a_score_after_each_epoch():
    """Of data that are held out, through the callbacks of scikit-learn."""
    train, valid = slice(0, 120), slice(120, None)
    params = {"linear_skip": False, "lr_scheduler": None, "random_state": 0}
    rates = {"rate": [1e-5, 0.03]}

    def fit(rate, n_epochs, *callbacks):
        lstm = LSTMRegressor(4, learning_rate=rate, max_epochs=n_epochs, **params)
        lstm.set_callbacks(*callbacks).fit(WINDOWS[train], y[train])
        return lstm.score(WINDOWS[valid], y[valid])

    def objective(trial):
        rate = trial.suggest_categorical("rate", rates["rate"])
        return fit(rate, 10, Prune(trial, WINDOWS[valid], y[valid]))

    sampler = optuna.samplers.GridSampler(rates, seed=0)
    pruner = optuna.pruners.ThresholdPruner(lower=0.2, n_warmup_steps=4)
    study = optuna.create_study(direction="maximize", sampler=sampler, pruner=pruner)
    study.optimize(objective)
    slow, fast = sorted(study.trials, key=lambda trial: trial.params["rate"])
    assert (slow.state.name, fast.state.name) == ("PRUNED", "COMPLETE")
    for trial in (slow, fast):
        seen = list(trial.intermediate_values.values())
        rate = trial.params["rate"]
        assert_allclose(seen[:5], [fit(rate, n) for n in range(1, 6)])
    assert len(slow.intermediate_values) == 5
    assert fast.intermediate_values[9] == fast.value == study.best_value
