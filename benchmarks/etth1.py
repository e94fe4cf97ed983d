"""Forecasts of ETTh1's oil temperature beside naive ones, Ridge and published figures.

    python benchmarks/etth1.py --data ETTh1.csv --output etth1.json

takes about ten minutes on two cores; `--horizons`, `--seeds` and `--part` take less.
ETTh1.csv is the hourly file of the ETDataset. The split is the usual one, 12, 4 and 4
months of 30 days, in units of the training part; the history of the first forecasts of
a part lies in the part before. Errors are mean squared errors over all hours ahead.

* *sklstm*: `AutoForecaster(period=24)` as it comes, fitted to the training part
  alone, of which it leaves blocks out by itself. Mean and spread over the seeds.
* *LSTM*: one of its nets, `AnchoredRegressor(LSTMRegressor(...))`.
* *Ridge*: on the same windows, as changes from the last value, with the penalty that
  has the least error in the validation part.

The validation part chooses; `--part test` is for the table at the end.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
from sklearn.linear_model import Ridge

from sklstm import LSTMRegressor, SequenceWindower, make_supervised
from sklstm.forecasting import AnchoredRegressor, AutoForecaster, NaiveRegressor

ENDS = np.cumsum([12, 4, 4]) * 30 * 24
HORIZONS = [24, 48, 96, 168, 336, 720]
LENGTH = 336
PENALTIES = 10.0 ** np.arange(-1, 6)
LSTM = {
    "hidden_size": 32,
    "unroll": "series",
    "dropout": 0.0,
    "lr_scheduler": None,
    "max_epochs": 100,
    "n_iter_no_change": 10,
    "early_stopping": True,
}
# As their authors give them; LSTM and Informer in Zhou et al. (2021), "Informer", table
# 1; DLinear in Zeng et al. (2023), "Are Transformers Effective for Time Series
# Forecasting?", appendix; PatchTST/42 in Nie et al. (2023), "A Time Series is Worth 64
# Words", appendix.
PUBLISHED = {
    "LSTM, Informer paper": {24: 0.114},
    "Informer": {24: 0.098},
    "DLinear": {96: 0.056},
    "PatchTST/42": {96: 0.055},
}


def read(path, multivariate):
    """Return the series in units of the training part, its target the first column."""
    columns = [7, *range(1, 7)] if multivariate else [7]
    table = np.loadtxt(path, delimiter=",", skiprows=1, usecols=columns, ndmin=2)
    start = table[: ENDS[0]]
    return ((table - start.mean(axis=0)) / start.std(axis=0))[: ENDS[-1]]


def parts_of(series, horizon):
    """Return windows, targets, and the samples of each part."""
    X, y = make_supervised(series, horizon=horizon, target=0)
    windows = SequenceWindower(LENGTH).fit_transform(X)
    train = slice(0, ENDS[0] - horizon)
    # The first forecast of a part is made at the last row before it.
    valid = slice(ENDS[0] - 1, ENDS[1] - horizon)
    test = slice(ENDS[1] - 1, ENDS[2] - horizon)
    return windows, y, {"train": train, "valid": valid, "test": test}


def error(forecast, y):
    return float(np.mean((forecast - y) ** 2))


def fit_ridge(windows, y, parts):
    """Return forecasts of changes by the penalty that is best in validation."""
    changes = np.diff(np.array(windows)[LENGTH - 1 :], axis=1).reshape(
        -1, (LENGTH - 1) * windows.shape[2]
    )  # (n, (LENGTH - 1) * n_features)
    last = windows.steps[windows.starts + windows.lengths - 1, :1]
    whole = slice(0, parts["train"].stop - LENGTH + 1)
    models = [
        Ridge(penalty).fit(changes[whole], (y - last)[parts["train"]][LENGTH - 1 :])
        for penalty in PENALTIES
    ]

    def forecast(model, rows):
        shifted = slice(rows.start - LENGTH + 1, rows.stop - LENGTH + 1)
        return last[rows] + model.predict(changes[shifted])

    valid = parts["valid"]
    best = min(models, key=lambda model: error(forecast(model, valid), y[valid]))
    return lambda rows: forecast(best, rows)


def measure(series, horizon, part, seeds, n_jobs):
    """Return the errors and seconds of each forecast."""
    windows, y, parts = parts_of(series, horizon)
    train, rows = parts["train"], parts[part]
    lines = {}
    for name, period in [("naive", 1), ("seasonal naive", 24)]:
        model = NaiveRegressor(period).fit(windows[train], y[train])
        lines[name] = [(error(model.predict(windows[rows]), y[rows]), 0.0)]
    start = time.perf_counter()
    ridge = fit_ridge(windows, y, parts)
    lines["Ridge"] = [(error(ridge(rows), y[rows]), time.perf_counter() - start)]
    makers = {
        "LSTM": lambda seed: AnchoredRegressor(
            LSTMRegressor(random_state=seed, **LSTM)
        ),
        "sklstm": lambda seed: AutoForecaster(
            period=24, n_jobs=n_jobs, random_state=seed
        ),
    }
    for name, make in makers.items():
        lines[name] = []
        for seed in range(seeds):
            start = time.perf_counter()
            model = make(seed).fit(windows[train], y[train])
            taken = time.perf_counter() - start
            lines[name].append((error(model.predict(windows[rows]), y[rows]), taken))
    low, high = np.moveaxis(model.predict_interval(windows[rows]), -1, 0)
    held = ((low <= y[rows]) & (y[rows] <= high)).mean(axis=0)
    print(
        f"{horizon:4} intervals of 90 % hold {held.mean():.3f}; step by step"
        f" {held.min():.3f} to {held.max():.3f}"
    )
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="ETTh1.csv")
    parser.add_argument("--horizons", nargs="+", type=int, default=HORIZONS)
    parser.add_argument("--part", choices=["valid", "test"], default="valid")
    parser.add_argument("--multivariate", action="store_true")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--output", type=Path, help="JSON file for the figures")
    options = parser.parse_args()
    multivariate = options.multivariate
    series = read(options.data, multivariate)
    result = {}
    print(f"mean squared error, {options.part} part; seconds of a fit")
    for horizon in options.horizons:
        lines = measure(series, horizon, options.part, options.seeds, options.jobs)
        result[horizon] = lines
        for name, runs in lines.items():
            errors, taken = np.array(runs).T
            print(
                f"{horizon:4} {name:15} {errors.mean():.4f} ± {errors.std():.4f}"
                f" {taken.mean():6.1f} s",
                flush=True,
            )
        for name, figures in PUBLISHED.items():
            if horizon in figures and options.part == "test" and not multivariate:
                print(f"{horizon:4} {name}: {figures[horizon]:.3f}, as published")
        if options.output:
            options.output.write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
