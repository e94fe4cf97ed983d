"""Default LSTMRegressor one row ahead, beside Ridge and boosted trees: R².

The series are those that statsmodels ships; a JSON file ``{name: {"values": [...]}}``
adds others::

    python benchmarks/regression.py                     # on the fourth fifth of each
    python benchmarks/regression.py --part test         # on the last fifth
    python benchmarks/regression.py --json FILE hidden_size=128

All models read the same windows of 24 rows, or of a quarter of the series if that is
less, and train on what comes before. Arguments without a name are parameters of the
LSTM.
"""

import argparse
import ast
import json
import warnings
from pathlib import Path

import numpy as np
import torch
from joblib import Parallel, delayed
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import RidgeCV
from sklearn.metrics import r2_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklstm import LSTMRegressor, SequenceWindower, make_supervised

LAST = 3000  # rows of a longer series


def shipped():
    """Return the series that statsmodels ships."""
    from statsmodels import datasets

    macro = datasets.macrodata.load_pandas().data
    months = datasets.elnino.load_pandas().data.iloc[:, 1:]
    weeks = datasets.co2.load_pandas().data["co2"].interpolate()
    return {
        "sunspots": datasets.sunspots.load_pandas().data["SUNACTIVITY"],
        "co2": weeks,
        "nile": datasets.nile.load_pandas().data["volume"],
        "elnino": months.to_numpy().ravel(),
        "realgdp": macro["realgdp"],
        "unemp": macro["unemp"],
        "infl": macro["infl"],
    }


def measure(values, part, params, seeds):
    """Return R² of Ridge, of trees, and of the LSTM by seed."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    X, y = make_supervised(np.asarray(values, dtype=float)[-LAST:, np.newaxis])
    n, length = len(X), min(24, len(X) // 4)
    begin, end = (0.6, 0.8) if part == "train" else (0.8, 1.0)
    train = slice(length // 2, int(begin * n))
    held_out = slice(int(begin * n), int(end * n))
    windows = SequenceWindower(length).fit_transform(X)
    flat = SequenceWindower(length, flatten=True).fit_transform(X)
    flat = np.where(np.isnan(flat), np.nanmean(flat[train]), flat)
    ridge = make_pipeline(StandardScaler(), RidgeCV(np.logspace(-2, 4, 13)))
    models = [(ridge, flat), (HistGradientBoostingRegressor(random_state=0), flat)]
    for seed in range(seeds):
        models += [(LSTMRegressor(random_state=seed).set_params(**params), windows)]
    return [
        r2_score(y[held_out], model.fit(Z[train], y[train]).predict(Z[held_out]))
        for model, Z in models
    ]


def value_of(text):
    """Read a number or a word."""
    try:
        return ast.literal_eval(text)
    except ValueError:
        return text


def main():
    """Print a line for each series, and how often the LSTM is near the better."""
    parser = argparse.ArgumentParser()
    parser.add_argument("params", nargs="*")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--part", choices=["train", "test"], default="train")
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args()
    params = {k: value_of(v) for k, v in (p.split("=") for p in args.params)}
    series = shipped()
    if args.json:
        given = json.loads(args.json.read_text())
        series |= {name: one["values"] for name, one in given.items()}
    results = Parallel(n_jobs=2)(
        delayed(measure)(values, args.part, params, args.seeds)
        for values in series.values()
    )
    print(f"{'':20}  Ridge  trees   LSTM")
    near = 0
    for name, (ridge, trees, *lstm) in zip(series, results, strict=True):
        mean = np.mean(lstm)
        near += mean > max(ridge, trees) - 0.05
        print(
            f"{name:20}{ridge:7.2f}{trees:7.2f}{mean:7.2f}"
            f" ({min(lstm):.2f} to {max(lstm):.2f})"
        )
    print(f"within 0.05 of the better of the two: {near} of {len(series)}")


if __name__ == "__main__":
    main()
