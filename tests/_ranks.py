"""Fits for `test_ranks.py`, alone or by the processes of `torch.distributed`.

torchrun --nproc-per-node 2 -m tests._ranks FOLDER
"""

import sys
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch.distributed as dist
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import Callback
from torch.optim import Adagrad

from sklstm import FitCheckpoint, LSTMClassifier, LSTMRegressor, make_supervised
from sklstm.streaming import Stream

RNG = np.random.default_rng(0)
N = 97  # the last of the batches of 16 is a single sequence, the share of one process
X = RNG.normal(size=(N, 12, 2))
RAGGED = [x[:n] for x, n in zip(X, RNG.integers(3, 13, N), strict=True)]
Y = np.tanh(X[:, -3:, 0].sum(axis=1)) * X[:, -1, 1]
WEIGHT = RNG.uniform(0.1, 3, N)
HISTORIES, AHEAD = make_supervised(np.sin(np.arange(200) ** 1.2))
WINDOWS = HISTORIES.tail(12)
QUICK = {"max_epochs": 4, "batch_size": 16, "random_state": 0}


def regress(X, y, weight=None, **params):
    model = LSTMRegressor(8, **QUICK | params).fit(X, y, weight)
    return model.predict(X)


def classify():
    params = {"early_stopping": True, "n_iter_no_change": 3, "max_epochs": 30}
    model = LSTMClassifier(8, **QUICK | params).fit(RAGGED, Y > 0, WEIGHT)
    assert model.n_iter_ < 30
    return np.append(model.predict_proba(RAGGED), model.validation_scores_)


def go_on():
    """One epoch after another, from a net that another fit has left."""
    model = LSTMRegressor(8, **QUICK, warm_start=True).fit(X, Y).partial_fit(X, Y)
    return model.set_params(max_epochs=2).fit(X, Y).predict(X)


def read_file(x=X):
    """Fit to an array that is mapped."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "X.npy"
        np.save(path, x)
        return regress(np.load(path, mmap_mode="r"), Y, standardize=False)


def carry_on():
    """From the state of seven streams, of which one is a batch alone."""
    model = LSTMRegressor(8, **QUICK, unroll="series", linear_skip=False)
    stream = Stream(model.fit(HISTORIES, AHEAD))
    rows = np.sin(np.arange(21 * 7)).reshape(21, 7, 1)
    for _ in range(2):
        stream.partial_fit(rows[:-1], rows[1:, :, 0], keys=range(7))
    return stream.step(rows[-1], keys=range(7))


def search():
    grid = {"hidden_size": [3, 8], "dropout": [0.0, 0.5]}
    found = GridSearchCV(LSTMRegressor(**QUICK), grid, cv=2).fit(X, Y)
    return found.cv_results_["mean_test_score"]


CASES = {
    "regressor": lambda: regress(X, Y),
    "loss curve": lambda: LSTMRegressor(8, **QUICK).fit(X, Y).loss_curve_,
    "ragged, weighted": lambda: regress(RAGGED, Y, WEIGHT),
    "layers, both ways": lambda: regress(RAGGED, Y, num_layers=2, bidirectional=True),
    "one batch": lambda: regress(X, Y, optimizer="sgd", batch_size=200),
    "quantiles": lambda: regress(X, Y, loss="quantile", quantile=[0.1, 0.9]),
    "closures": lambda: regress(X, Y, optimizer=Adagrad),
    "series": lambda: regress(
        WINDOWS, AHEAD, unroll="series", linear_skip=False, num_layers=2
    ),
    "mapped": read_file,
    "classifier": classify,
    "warm start": go_on,
    "stream": carry_on,
    "search": search,
}


class Fail(Callback):
    fails = True

    def on_epoch_end(self, net, **kwargs):
        if Fail.fails and len(net.history) == 3:
            raise OSError


class Stop(Callback):
    def on_epoch_end(self, net, **kwargs):
        if len(net.history) == 2 and dist.get_rank() == 1:
            raise KeyboardInterrupt


def resume(folder):
    """Fail, and go on from what the first process alone has written."""
    checkpoint = FitCheckpoint(folder / f"of {dist.get_rank()}", keep=True)
    model = LSTMRegressor(8, **QUICK, callbacks=[checkpoint, Fail()])
    try:
        model.fit(X, Y)
    except OSError:
        Fail.fails = False
        return model.fit(X, Y).predict(X)


def differ():
    """What the processes are told if they are not given the same."""
    rank, told = dist.get_rank(), []
    try:
        read_file(X[:: 1 - 2 * rank])
    except ValueError as error:
        told.append(str(error))
    for x, y, params in (
        (X[:: 1 - 2 * rank], Y, {}),
        (X, Y + rank, {}),  # the net reads what is scaled
        (X, Y, {"random_state": np.random.RandomState(rank)}),
        (X, Y, {"learning_rate": 0.1 * (1 + rank)}),
        (X, Y, {"max_epochs": 3 + rank}),
    ):
        try:
            regress(x, y, **params)
        except ValueError as error:
            told.append(str(error))
    return told


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    dist.init_process_group("gloo", timeout=timedelta(seconds=60))
    results = {name: case() for name, case in CASES.items()}
    results["resumed"] = resume(folder)
    stopped = LSTMRegressor(8, **QUICK, callbacks=[Stop()]).fit(X, Y)
    results["stopped"] = [stopped.n_iter_, *stopped.predict(X)]
    results["seedless"] = regress(X, Y, random_state=None)
    results["told"] = differ()
    LSTMRegressor(8, **QUICK, verbose=1).fit(X, Y)
    np.savez(folder / f"{dist.get_rank()}.npz", **results)
