"""Default LSTMClassifier on problems of the UCR archive: accuracy and seconds.

Each problem is a file ``<name>.npz`` in a folder, with the arrays X_train, y_train,
X_test and y_test; ragged ones are arrays of objects (n_timesteps, n_features)::

    python benchmarks/classification.py FOLDER               # 3 folds of training parts
    python benchmarks/classification.py FOLDER --part test
    python benchmarks/classification.py FOLDER hidden_size=128 pooling=max

A line has mean, least and largest accuracy over the seeds, and the seconds of a fit on
one thread. Arguments without a name are parameters of the estimator. With ``--peers``
MiniRocket and one nearest neighbour with dynamic time warping stand beside it, with the
seconds of fit and prediction for all three. They are those of aeon, in an environment
of its own::

    pip install aeon . && python benchmarks/classification.py FOLDER --peers
"""

import argparse
import ast
import time
from pathlib import Path

import numpy as np
import torch
from joblib import Parallel, delayed
from sklearn.model_selection import StratifiedKFold

from sklstm import LSTMClassifier


def split(data, part, seed):
    """Yield the training and the held-out data of each fit."""
    X, y = data["X_train"], data["y_train"]
    if part == "test":
        yield X, y, data["X_test"], data["y_test"]
        return
    folds = StratifiedKFold(3, shuffle=True, random_state=seed)
    for train, valid in folds.split(np.zeros(len(y)), y):
        yield X[train], y[train], X[valid], y[valid]


def channels_first(X):
    """Put the axis of time last, as aeon has it."""
    if X.dtype == object:
        return [np.asarray(x, dtype=np.float64).T for x in X]
    X = X.astype(np.float64)
    return X[:, None] if X.ndim == 2 else X.transpose(0, 2, 1)


def lstm(seed, params):
    """Return the estimator that is measured."""
    return LSTMClassifier(random_state=seed).set_params(**params)


def minirocket(seed, params):
    """Return a linear classifier on random convolutions."""
    from aeon.classification.convolution_based import MiniRocketClassifier

    return MiniRocketClassifier(random_state=seed)


def nearest(seed, params):
    """Return one nearest neighbour by dynamic time warping within a tenth."""
    from aeon.classification.distance_based import KNeighborsTimeSeriesClassifier

    return KNeighborsTimeSeriesClassifier(
        distance="dtw", n_neighbors=1, distance_params={"window": 0.1}
    )


PEERS = {"MiniRocket": minirocket, "1-NN DTW": nearest}


def run(make, path, part, seed, params):
    """Return accuracy, and seconds of fit and of prediction, of one seed."""
    torch.set_num_threads(1)
    results = []
    data = np.load(path, allow_pickle=True)
    is_ragged = data["X_train"].dtype == object
    # aeon's take no NaN, and MiniRocket no unequal lengths.
    is_refused = make is minirocket if is_ragged else np.isnan(data["X_train"]).any()
    if make is not lstm and is_refused:
        return np.nan, np.nan, np.nan
    for X, y, X_out, y_out in split(data, part, seed):
        model = make(seed, params)
        if make is not lstm:
            X, X_out = channels_first(X), channels_first(X_out)
        start = time.perf_counter()
        model.fit(X, y)
        fitted = time.perf_counter()
        score = np.mean(np.asarray(model.predict(X_out)) == y_out)
        results.append((score, fitted - start, time.perf_counter() - fitted))
    return np.mean(results, axis=0)


def value_of(text):
    """Read a number or a word."""
    try:
        return ast.literal_eval(text)
    except ValueError:
        return text


def main():
    """Print a line for each problem, and their mean."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("params", nargs="*")
    parser.add_argument("--part", choices=["train", "test"], default="train")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--peers", action="store_true")
    args = parser.parse_args()
    params = {k: value_of(v) for k, v in (p.split("=") for p in args.params)}
    paths = sorted(args.folder.glob("*.npz"))
    methods = {"LSTM": lstm} | (PEERS if args.peers else {})
    means = []
    for path in paths:
        if args.only and path.stem not in args.only:
            continue
        means.append([])
        for name, make in methods.items():
            n_seeds = args.seeds if make is not nearest else 1  # draws no numbers
            results = Parallel(n_jobs=2)(
                delayed(run)(make, path, args.part, seed, params)
                for seed in range(n_seeds)
            )
            scores, fit, predict = np.transpose(results)
            means[-1].append(scores.mean())
            print(
                f"{path.stem:32}{name:11}{means[-1][-1]:6.3f}"
                f" ({scores.min():.3f} to {scores.max():.3f})"
                f"{np.median(fit):7.1f} s +{np.median(predict):6.1f} s",
                flush=True,
            )
    for name, values in zip(methods, np.transpose(means), strict=True):
        known = values[~np.isnan(values)]
        if len(known):
            print(f"{f'mean of {len(known)}':32}{name:11}{known.mean():6.3f}")


if __name__ == "__main__":
    main()
