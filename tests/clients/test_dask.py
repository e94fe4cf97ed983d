"""A search whose fits run on Dask's workers finds what it finds in one process."""

import os

import joblib
import numpy as np
import pytest
from dask.distributed import Client, LocalCluster
from numpy.testing import assert_array_equal
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline

from sklstm import LSTMClassifier, LSTMRegressor, SequenceWindower, make_supervised

RNG = np.random.default_rng(0)
SERIES = np.sin(np.arange(161) / 2) + RNG.normal(0, 0.1, 161)
HISTORIES, AHEAD = make_supervised(SERIES)
RAGGED = [RNG.normal(size=(n, 2)) for n in RNG.integers(3, 9, size=60)]
LABELS = np.array(["down", "up"])[[int(x[:, 0].sum() > 0) for x in RAGGED]]
QUICK = {"max_epochs": 3, "learning_rate": 0.03, "random_state": 0}


@pytest.fixture(scope="module")
def client():
    processes = {"n_workers": 2, "threads_per_worker": 1, "processes": True}
    with (
        LocalCluster(**processes, dashboard_address=None) as cluster,
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
    model = make_pipeline(SequenceWindower(6), LSTMRegressor(4, **QUICK))
    grid = {
        "sequencewindower__sequence_length": [2, 6],
        "lstmregressor__hidden_size": [2, 4],
    }
    check(client, GridSearchCV(model, grid, cv=TimeSeriesSplit(3)), HISTORIES, AHEAD)


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
