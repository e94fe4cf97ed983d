"""How the defaults were chosen: vary one parameter at a time on small problems.

Run ``python benchmarks/defaults.py`` (about half an hour on two idle cores), or name
the parameters to vary: ``python benchmarks/defaults.py learning_rate batch_size``.
Each cell is the median over the seeds of an error on held-out data, with the
seconds that a fit took on one thread.
"""

import sys
import time

import numpy as np
import torch
from joblib import Parallel, delayed
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from skorch.callbacks import Initializer

from sklstm import LSTMClassifier, LSTMRegressor, SequenceWindower, make_supervised
from sklstm.datasets import make_adding_problem, make_ragged_sequences

SEEDS = range(3)


def forget_bias(value):
    """Set the forget gate's quarter of one of the two biases."""

    def fill(bias):
        size = len(bias) // 4
        with torch.no_grad():
            bias[size : 2 * size] = value

    return [Initializer("lstm.bias_ih_*", fn=fill)]


def orthogonal():
    """Start from orthogonal recurrent weights."""
    return [Initializer("lstm.weight_hh_*", fn=torch.nn.init.orthogonal_)]


GRID = {
    "learning_rate": [1e-3, 5e-3, 1e-2],
    "batch_size": [16, 32, 64],
    "hidden_size": [32, 64, 128],
    "num_layers": [1, 2],
    "max_grad_norm": [None, 0.25, 1.0, 5.0],
    "pooling": ["last", "mean", "max"],
    "dropout": [0.0, 0.2],
    "optimizer": ["adam", "adamw", "rmsprop", "sgd"],
    "lr_scheduler": [None, "cosine", "reduce_on_plateau"],
    "max_epochs": [25, 50, 100, 200],
    "n_iter_no_change": [5, 10, 20, None],
    "early_stopping": [False, True],
    "standardize": [False, True],
    "callbacks": [None, forget_bias(0.0), orthogonal()],
}


def digits(params, seed):
    """Error rate on the 8x8 digits, by rows."""
    X, y = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X, y, stratify=y, random_state=seed)
    model = LSTMClassifier(**params, n_timesteps=8)
    model.set_params(random_state=seed).fit(X, y)
    return 1 - model.score(X_test, y_test)


def ragged(params, seed):
    """Error rate on ragged sequences whose classes differ in order alone."""
    X, y = make_ragged_sequences(400, n_classes=3, random_state=seed)
    model = LSTMClassifier(**params, random_state=seed).fit(X[:300], y[:300])
    return 1 - model.score(X[300:], y[300:])


def series_error(series, params, seed, length):
    X, y = make_supervised(series)
    n = len(X) * 3 // 4
    model = LSTMRegressor(**params, random_state=seed)
    model = make_pipeline(SequenceWindower(length), model).fit(X[:n], y[:n])
    return np.mean((model.predict(X[n:]) - y[n:]) ** 2) / np.var(y)


def sine(params, seed):
    """Share of variance not explained, a sine with noise of 0.1 (floor 0.02)."""
    rng = np.random.default_rng(seed)
    t = np.arange(1000)
    return series_error(
        np.sin(2 * np.pi * t / 25) + rng.normal(0, 0.1, 1000), params, seed, 24
    )


def linear(params, seed):
    """Share of variance not explained, a linear function of ten noisy columns."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(400, 10))
    y = X @ rng.normal(size=10)
    model = LSTMRegressor(**params, random_state=seed).fit(X[:200], y[:200])
    return 1 - model.score(X[200:], y[200:])


def adding(params, seed):
    """Mean squared error on the adding problem of 50 steps in 6 epochs."""
    X, y = make_adding_problem(5000, n_timesteps=50, random_state=seed)
    model = LSTMRegressor(**{"max_epochs": 6, **params}, random_state=seed)
    model.fit(X[:4000], y[:4000])
    return np.mean((model.predict(X[4000:]) - y[4000:]) ** 2)


PROBLEMS = [digits, ragged, sine, linear, adding]


def run(problem, params, seed):
    """Return the error and the seconds of one fit on one thread."""
    torch.set_num_threads(1)
    start = time.perf_counter()
    error = problem(params, seed)
    return error, time.perf_counter() - start


def main(names):
    """Print a table for each parameter."""
    print(f"{'':32}" + "".join(f"{p.__name__:>16}" for p in PROBLEMS))
    for name in names:
        for value in GRID[name]:
            params = {name: value}
            jobs = [(p, params, seed) for p in PROBLEMS for seed in SEEDS]
            results = Parallel(n_jobs=2)(delayed(run)(*job) for job in jobs)
            table = np.array(results).reshape(len(PROBLEMS), len(SEEDS), 2)
            cells = "".join(f"{e:9.4f} {s:4.1f} s" for e, s in np.median(table, axis=1))
            label = f"{name}={value}"
            print(f"{label[:31]:32}{cells}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:] or GRID)
