"""Default LSTMClassifier on problems of the UCR archive: accuracy and seconds.

Each problem is a file ``<name>.npz`` in a folder, with the arrays X_train, y_train,
X_test and y_test; ragged ones are arrays of objects (n_timesteps, n_features)::

    python benchmarks/classification.py FOLDER               # 3 folds of training parts
    python benchmarks/classification.py FOLDER --part test
    python benchmarks/classification.py FOLDER hidden_size=128 pooling=max

A line has mean, least and largest accuracy over the seeds, and the seconds of a fit on
one thread. Arguments without a name are parameters of the estimator.
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


def run(path, part, seed, params):
    """Return accuracy and seconds of the fits of one seed."""
    torch.set_num_threads(1)
    scores, seconds = [], []
    for X, y, X_out, y_out in split(np.load(path, allow_pickle=True), part, seed):
        model = LSTMClassifier(random_state=seed).set_params(**params)
        start = time.perf_counter()
        model.fit(X, y)
        seconds.append(time.perf_counter() - start)
        scores.append(model.score(X_out, y_out))
    return np.mean(scores), np.mean(seconds)


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
    args = parser.parse_args()
    params = {k: value_of(v) for k, v in (p.split("=") for p in args.params)}
    paths = sorted(args.folder.glob("*.npz"))
    means = []
    for path in paths:
        if args.only and path.stem not in args.only:
            continue
        results = Parallel(n_jobs=2)(
            delayed(run)(path, args.part, seed, params) for seed in range(args.seeds)
        )
        scores, seconds = np.transpose(results)
        means.append(scores.mean())
        print(
            f"{path.stem:32}{means[-1]:7.3f} ({scores.min():.3f} to {scores.max():.3f})"
            f"{np.median(seconds):7.1f} s",
            flush=True,
        )
    print(f"{'mean of ' + str(len(means)):32}{np.mean(means):7.3f}")


if __name__ == "__main__":
    main()
