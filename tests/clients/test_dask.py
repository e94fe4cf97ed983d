"""A search whose fits run on Dask's workers finds what it finds in one process."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from runpy import run_path

import dask.dataframe as dd
import joblib
import numpy as np
import pandas as pd
import pytest
from dask.distributed import Client, LocalCluster, get_worker
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    TimeSeriesSplit,
)
from sklearn.pipeline import make_pipeline

from sklstm import (
    LSTMClassifier,
    LSTMRegressor,
    SequenceWindower,
    make_histories,
    make_supervised,
)
from sklstm.forecasting import AutoForecaster

ROOT = Path(__file__).parents[2]
RNG = np.random.default_rng(0)
SERIES = np.sin(np.arange(161) / 2) + RNG.normal(0, 0.1, 161)
HISTORIES, AHEAD = make_supervised(SERIES)
RAGGED = [RNG.normal(size=(n, 2)) for n in RNG.integers(3, 9, size=60)]
LABELS = np.array(["down", "up"])[[int(x[:, 0].sum() > 0) for x in RAGGED]]
QUICK = {"max_epochs": 3, "learning_rate": 0.03, "random_state": 0}


MODEL = make_pipeline(SequenceWindower(6), LSTMRegressor(4, **QUICK))
GRID = {
    "sequencewindower__sequence_length": [2, 6],
    "lstmregressor__hidden_size": [2, 4],
}


@pytest.fixture(scope="module")
def client():
    processes = {"n_workers": 2, "threads_per_worker": 1, "processes": True}
    with (
        LocalCluster(**processes, dashboard_address=":0") as cluster,
        Client(cluster) as client,
    ):
        assert os.getpid() not in client.run(os.getpid).values()
        yield client


def check(client, search, X, y):
    def n_tasks_done(dask_worker):
        return dask_worker.state.transition_counter

    with joblib.parallel_config("dask"):
        scores = search.set_params(n_jobs=2).fit(X, y).cv_results_["mean_test_score"]
        y_pred = search.predict(X)
    assert min(client.run(n_tasks_done).values()) > 0  # both have had their share
    serial = search.set_params(n_jobs=None).fit(X, y)
    assert len(set(scores)) > 1
    assert_array_equal(scores, serial.cv_results_["mean_test_score"])
    assert_array_equal(y_pred, serial.predict(X))


def test_search_over_histories(client):
    check(client, GridSearchCV(MODEL, GRID, cv=TimeSeriesSplit(3)), HISTORIES, AHEAD)


def test_halving(client):
    search = HalvingGridSearchCV(
        MODEL,
        GRID,
        cv=TimeSeriesSplit(2),
        resource="lstmregressor__max_epochs",
        min_resources=1,
        max_resources=4,
        factor=2,
    )
    check(client, search, HISTORIES, AHEAD)
    assert search.n_iterations_ == 3


def test_search_over_ragged_sequences(client):
    grid = {"pooling": ["last", "mean"], "batch_size": [8, 32]}
    search = GridSearchCV(LSTMClassifier(4, **QUICK), grid, scoring="neg_log_loss")
    check(client, search, RAGGED, LABELS)


def test_a_fitted_model_travels(client):
    model = LSTMClassifier(4, **QUICK).fit(RAGGED, LABELS)
    parts = client.map(model.predict_proba, [RAGGED[:30], RAGGED[30:]])
    proba = np.concatenate(client.gather(parts))
    expected = [model.predict_proba(part) for part in (RAGGED[:30], RAGGED[30:])]
    assert_array_equal(proba, np.concatenate(expected))


def test_each_worker_gets_the_series_once(client):
    """Folds are selections from it, which are made there."""

    def score(model, X, y):
        """Keep on the worker every table of steps that is not there yet."""
        tables = vars(get_worker()).setdefault("tables", [])
        if not any(X.steps is table for table in tables):
            tables.append(X.steps)
        return model.score(X, y)

    search = GridSearchCV(MODEL, GRID, scoring=score, refit=False, n_jobs=2)
    with joblib.parallel_config("dask", scatter=[HISTORIES, AHEAD]):
        search.fit(HISTORIES, AHEAD)
    tables = client.run(lambda dask_worker: len(dask_worker.tables))
    assert list(tables.values()) == [1, 1]


def test_the_copies_of_the_recipe(client):
    model = AutoForecaster(max_epochs=3, random_state=0, n_jobs=2)
    with joblib.parallel_config("dask"):
        y_pred = model.fit(HISTORIES, AHEAD).predict(HISTORIES)
    serial = model.set_params(n_jobs=None).fit(HISTORIES, AHEAD)
    assert_array_equal(y_pred, serial.predict(HISTORIES))


def test_a_killed_worker_costs_the_fits_it_is_at(tmp_path):
    """And the others are not done again."""

    def score_or_die(model, X, y):
        path = tmp_path / "pids"
        with path.open("a") as file:
            file.write(f"{os.getpid()}\n")
        if len(path.read_text().split()) == 4:
            os.kill(os.getpid(), signal.SIGKILL)
        return model.score(X, y)

    search = GridSearchCV(MODEL, GRID, cv=TimeSeriesSplit(3), refit=False, n_jobs=2)
    expected = search.fit(HISTORIES, AHEAD).cv_results_["mean_test_score"]
    search.set_params(scoring=score_or_die)
    with (
        LocalCluster(2, threads_per_worker=1, dashboard_address=":0") as cluster,
        Client(cluster),
        joblib.parallel_config("dask", scatter=[HISTORIES, AHEAD]),
    ):
        search.fit(HISTORIES, AHEAD)
    assert_array_equal(search.cv_results_["mean_test_score"], expected)
    pids = (tmp_path / "pids").read_text().split()
    assert len(set(pids)) > 1
    # 12 fits, and again those that a worker was at: joblib may send a few at once.
    assert 12 < len(pids) <= 16


def test_the_example_shows_how_far_it_is():
    command = [sys.executable, "examples/search_on_dask.py"]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True
    )
    assert "Done  18 out of  18" in done.stdout + done.stderr
    assert "learning_rate" in done.stdout.splitlines()[-1]


KEYS = {"group": "series", "time": "day"}
PANEL = pd.DataFrame(
    {
        "series": np.repeat(np.arange(12), 20),
        "day": np.tile(np.arange(20), 12),
        "value": RNG.normal(size=240).cumsum(),
    }
)


def test_partitions_of_whole_series_are_predicted_apart(client):
    example = run_path(str(ROOT / "examples/predict_on_dask.py"))
    model = clone(MODEL).fit(*make_supervised(PANEL, target="value", **KEYS))
    expected = PANEL.assign(next_value=model.predict(make_histories(PANEL, **KEYS)))
    shuffled = dd.from_pandas(PANEL.sample(frac=1, random_state=0), npartitions=5)
    parts = shuffled.set_index("series")
    assert parts.npartitions > 1
    predicted = example["predict_partitions"](model, parts).compute().reset_index()
    predicted = predicted.sort_values(["series", "day"], ignore_index=True)
    pd.testing.assert_frame_equal(predicted, expected)

    # A series that is cut begins anew, which is not seen inside a partition.
    cut = dd.from_pandas(PANEL.sort_values("day", ignore_index=True), npartitions=2)
    cut = cut.map_partitions(lambda part: part.set_index("series")).clear_divisions()
    with pytest.raises(ValueError, match="12 series lie in 24 pieces"):
        example["predict_partitions"](model, cut)
    whole = example["predict_partitions"](model, cut.reset_index().set_index("series"))
    whole = whole.compute().reset_index().sort_values(["series", "day"])
    pd.testing.assert_frame_equal(whole.reset_index(drop=True), expected)


def test_the_example_predicts_partitions():
    command = [sys.executable, "examples/predict_on_dask.py"]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True
    )
    assert "next_value" in done.stdout
