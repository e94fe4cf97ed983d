"""Accuracy and time beside ROCKET and 1-NN DTW on two small sets of sequences.

JapaneseVowels (270 sequences to train on and 370 to test, of 7 to 29 steps and 12
features, 9 classes) and BasicMotions (40 and 40, of 100 steps and 6 features, 4
classes), as published and as they lie in aeon's wheel. Run

    python benchmarks/ragged.py --output ragged.json

(six to eight minutes on one thread). The peers are aeon 1.6.0 with numba 0.63.1, numpy
2.3.5, scikit-learn 1.9.1 and scipy 1.17.1, which the script installs from PyPI into an
environment of their own (``--env``, 0.6 GB); the LSTMs run in the calling one.

* *LSTM*: the default estimator.
* *LSTM, tuned*: chosen from `GRID` by cross-validation on the training part alone.
* *ROCKET*, *MultiRocket*: aeon's defaults. They take equal lengths only, so that
  JapaneseVowels is resampled to the longest training sequence by aeon's ``Resizer``,
  or padded with zeros by its ``Padder``: both are shown, and neither was chosen.
  Unlike MultiRocket, ROCKET by default scales each series to mean 0 and variance 1,
  and so loses the levels that tell speakers apart; zeros in the padding keep a trace.
* *1-NN DTW*: aeon's, multivariate, full window, on the sequences as they are.

The test part is read once for each row and seed. Seconds are those of one fit, and of
predicting the test part, on one thread, after a first fit that loads and compiles code.
"""

import argparse
import json
import os
import pickle
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from sklearn.model_selection import GridSearchCV, StratifiedKFold

PINS = "aeon==1.6.0 numba==0.63.1 numpy==2.3.5 scikit-learn==1.9.1 scipy==1.17.1"
ENV = Path.home() / ".cache/sklstm-benchmarks/aeon-1.6.0"
PADDED = 30  # steps; the test part has longer sequences than the training part
TUNED = {
    "hidden_size": 64,
    "frame_size": 1,
    "dropout": 0.2,
    "learning_rate": 0.005,
    "batch_size": 16,
    "lr_scheduler": "cosine",
    "n_iter_no_change": None,
}
GRID = {
    "bidirectional": [False, True],
    "pooling": ["last", "mean", "max"],
    "standardize": [True, False],
}
EPOCHS = {"JapaneseVowels": 30, "BasicMotions": 150}  # some 500 batches each


def measure(problem, name, make, data, seeds):
    """Return a row of the table: one fit and one look at the test part per seed."""
    X, y, X_test, y_test = data
    make(0).fit(X[::9], y[::9]).predict(X_test[:2])  # loads and compiles
    accuracy, seconds = [], []
    for seed in seeds:
        start = time.perf_counter()
        model = make(seed).fit(X, y)
        fitted = time.perf_counter()
        accuracy.append(float(np.mean(model.predict(X_test) == y_test)))
        seconds.append([fitted - start, time.perf_counter() - fitted])
    fit, predict = np.mean(seconds, axis=0)
    return {
        "problem": problem,
        "model": name,
        "accuracy": accuracy,
        "fit_seconds": fit,
        "predict_seconds": predict,
    }


def load_problems():
    from aeon.datasets import load_basic_motions, load_japanese_vowels

    load = {"JapaneseVowels": load_japanese_vowels, "BasicMotions": load_basic_motions}
    return {name: (*load[name]("train"), *load[name]("test")) for name in load}


def rockets(is_ragged):
    """Return functions from a seed to a classifier, by name."""
    from aeon.classification.convolution_based import (
        MultiRocketClassifier,
        RocketClassifier,
    )
    from aeon.pipeline import make_pipeline
    from aeon.transformations.collection.unequal_length import Padder, Resizer

    plain = {
        "ROCKET": lambda seed: RocketClassifier(random_state=seed),
        "MultiRocket": lambda seed: MultiRocketClassifier(random_state=seed),
    }
    if not is_ragged:
        return plain
    return {
        f"{name}, {how}": lambda seed, m=make, e=equaliser: make_pipeline(e, m(seed))
        for name, make in plain.items()
        for how, equaliser in [("resampled", Resizer()), ("padded", Padder(PADDED))]
    }


def run_peers(path, seeds):
    """Leave the data and the rows of the peers in a file; runs in their environment."""
    from aeon.classification.distance_based import KNeighborsTimeSeriesClassifier

    problems, rows = load_problems(), []
    for problem, data in problems.items():
        for name, make in rockets(is_ragged=isinstance(data[0], list)).items():
            rows.append(measure(problem, name, make, data, seeds))
        knn = KNeighborsTimeSeriesClassifier(distance="dtw", n_neighbors=1)
        rows.append(measure(problem, "1-NN DTW", lambda seed, k=knn: k, data, [0]))
    path.write_bytes(pickle.dumps((problems, rows)))


def call_peers(env, n_seeds):
    """Make the peers' environment, if it is not there, and run this file in it."""
    python = env / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", env], check=True)
    pip = [python, "-m", "pip", "install", "--quiet", *PINS.split()]
    subprocess.run(pip, check=True)
    threads = {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "peers.pickle"
        command = [python, "-I", __file__, "--peers", path, "--seeds", str(n_seeds)]
        subprocess.run(command, check=True, env={**os.environ, **threads})
        return pickle.loads(path.read_bytes())


def tune(problem, X, y):
    """Return the parameters that cross-validation on the training part prefers."""
    from sklstm import LSTMClassifier

    model = LSTMClassifier(**TUNED, max_epochs=EPOCHS[problem], random_state=0)
    search = GridSearchCV(
        model,
        GRID,
        scoring="neg_log_loss",  # accuracy ties where there are 40 sequences
        cv=StratifiedKFold(3, shuffle=True, random_state=0),
        refit=False,
        error_score="raise",
    )
    start = time.perf_counter()
    search.fit(X, y)
    seconds = time.perf_counter() - start
    print(f"{problem}: {search.best_params_}, chosen in {seconds:.0f} s", flush=True)
    return {**TUNED, "max_epochs": EPOCHS[problem], **search.best_params_}


def run_lstm(problem, data, seeds):
    import torch

    from sklstm import LSTMClassifier

    torch.set_num_threads(1)
    X, y, X_test, y_test = data
    X, X_test = ([x.T for x in part] for part in (X, X_test))  # steps first
    rows = []
    for name, params in [("LSTM", {}), ("LSTM, tuned", tune(problem, X, y))]:

        def make(seed, params=params):
            return LSTMClassifier(**params, random_state=seed)

        row = measure(problem, name, make, (X, y, X_test, y_test), seeds)
        rows.append({**row, "params": params})
    return rows


def print_table(rows):
    print(f"\n{'':40}{'accuracy':>8}{'range':>17}{'fit s':>9}{'predict s':>11}")
    for row in sorted(rows, key=lambda row: row["problem"], reverse=True):
        accuracy = row["accuracy"]
        spread = f"{min(accuracy):.3f} to {max(accuracy):.3f}"
        print(
            f"{row['problem']:16}{row['model']:24}{np.mean(accuracy):8.3f}"
            f"{spread if len(accuracy) > 1 else '':>17}"
            f"{row['fit_seconds']:9.2f}{row['predict_seconds']:11.2f}"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--env", type=Path, default=ENV, help="the peers' environment")
    parser.add_argument("--seeds", type=int, default=5, help="how many seeds")
    parser.add_argument("--output", type=Path, help="JSON file for the table")
    parser.add_argument("--peers", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    seeds = range(options.seeds)
    if options.peers:
        run_peers(options.peers, seeds)
        return
    problems, rows = call_peers(options.env, options.seeds)
    for name, data in problems.items():
        rows += run_lstm(name, data, seeds)
    print_table(rows)
    if options.output:
        options.output.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
