"""Forecasts without tuning on real series, beside naive ones, Ridge and classics.

The series are in a JSON file, by name, each with ``values`` in order of time,
``period`` (1 for none) and ``horizon``::

    python benchmarks/forecasts.py --json series.json              # choices
    python benchmarks/forecasts.py --json series.json --part test  # the final table

The first 80 % train, and every later row is an origin. By default the last 20 % of all
are left away before, so that choices do not see them. Figures are mean squared errors
over that of the better of the last value and the value a season ago, and seconds of a
fit. Intervals of `AutoForecaster` shall hold 90 % of the targets. With ``--peers``
AutoETS and AutoTheta of statsforecast stand beside them, in an environment of its own;
their parameters are those of the training part, as are ours::

    pip install statsforecast . && python benchmarks/forecasts.py --json FILE --peers
"""

import argparse
import json
import time
import warnings
from pathlib import Path

import numpy as np
import torch
from joblib import Parallel, delayed
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import TimeSeriesSplit

from sklstm import SequenceWindower, make_supervised
from sklstm.forecasting import AutoForecaster, NaiveRegressor

PENALTIES = 10.0 ** np.arange(-4, 7)


def naive(X, y, values, period, at):
    """Forecast by the last value, or that of a season ago, whichever is better."""
    models = [NaiveRegressor(p).fit(X[: at.start], y[: at.start]) for p in {1, period}]
    forecasts = [model.predict(X[at]) for model in models]
    return min(forecasts, key=lambda forecast: np.mean((forecast - y[at]) ** 2))


def recipe(X, y, values, period, at):
    """Forecast without tuning."""
    train = slice(0, at.start + 1 - horizon_of(y))
    model = AutoForecaster(period=period, random_state=0).fit(X[train], y[train])
    forecast = model.predict(X[at])
    try:
        low, high = np.moveaxis(model.predict_interval(X[at], 0.9), -1, 0)
        held = np.mean((low <= y[at]) & (y[at] <= high))
    except ValueError:  # too few samples
        held = np.nan
    return f"holds {held:.2f}; {model.summary_}", forecast, held


def ridge(X, y, values, period, at):
    """Forecast changes by a ridge regression whose penalty is chosen in time order."""
    n = at.start + 1
    length = min(max(2 * period, n // 5), max(n // 2, 1), 336)
    lags = SequenceWindower(length, flatten=True).fit_transform(X)
    last = lags[:, -1:]
    train = slice(length - 1, n - horizon_of(y))
    folds = TimeSeriesSplit(3, gap=horizon_of(y) - 1)
    model = RidgeCV(PENALTIES, cv=folds, scoring="neg_mean_squared_error")
    model.fit((lags - last)[train], y[train] - last[train])
    return model.predict((lags - last)[at]) + last[at]


def classic(name):
    """Return a model of statsforecast, its parameters found in the training part."""

    def forecast(X, y, values, period, at):
        from statsforecast import models

        model = getattr(models, name)(season_length=period).fit(values[: at.start + 1])
        horizon = horizon_of(y)
        return np.array(
            [
                model.forward(y=values[: t + 1], h=horizon)["mean"]
                for t in range(at.start, at.stop)
            ]
        )

    return forecast


def horizon_of(y):
    return y.shape[1]


METHODS = {"naive": naive, "Ridge": ridge, "AutoForecaster": recipe}
PEERS = {name: classic(name) for name in ("AutoETS", "AutoTheta")}


def measure(name, series, part, methods):
    """Return the errors of all methods, their seconds, and what the recipe says."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    values = np.array(series["values"], dtype=float)
    if part == "inner":
        values = values[: int(0.8 * len(values))]
    X, y = make_supervised(values, horizon=series["horizon"])
    y = y.reshape(len(y), -1)
    at = slice(int(0.8 * len(values)) - 1, len(y))
    found, said, held = {}, "", np.nan
    for method in methods:
        start = time.perf_counter()
        try:
            forecast = (METHODS | PEERS)[method](X, y, values, series["period"], at)
            if method == "AutoForecaster":
                said, forecast, held = forecast
            error = np.mean((forecast - y[at]) ** 2)
        except (ValueError, RuntimeError, ZeroDivisionError) as failed:
            error, said = np.nan, f"{said} {method}: {failed}"
        found[method] = error, time.perf_counter() - start
    return name, len(values), found, said, held


def main():
    """Print a line for each series, and geometric means."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--part", choices=["inner", "test"], default="inner")
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--peers", action="store_true")
    args = parser.parse_args()
    methods = [*METHODS, *(PEERS if args.peers else [])]
    every = json.loads(args.json.read_text())
    chosen = [name for name in every if not args.only or name in args.only]
    results = Parallel(n_jobs=args.jobs, return_as="generator")(
        delayed(measure)(name, every[name], args.part, methods) for name in chosen
    )
    ratios = {method: [] for method in methods[1:]}
    print(f"{'series':18}{'rows':>6}" + "".join(f"{m:>18}" for m in methods[1:]))
    shares = []
    for name, n, found, said, held in results:
        shares.append(held)
        line = f"{name:18}{n:6}"
        for method in methods[1:]:
            ratio, seconds = found[method][0] / found["naive"][0], found[method][1]
            ratios[method].append(ratio)
            line += f"{ratio:10.3f}{seconds:6.1f} s"
        print(f"{line}  {said}", flush=True)
    table = np.array(list(ratios.values()))
    # All methods are compared on the series that all of them forecast.
    table = table[:, np.isfinite(table).all(axis=0)]
    line = table[methods.index("Ridge") - 1]
    for method, known in zip(ratios, table, strict=True):
        level = np.mean(known <= 1.02 * line)
        print(
            f"{method:16}{len(known):4} series, geometric mean"
            f" {np.exp(np.mean(np.log(known))):.3f}, worst {known.max():.2f},"
            f" {np.sum(known > 1.02)} above 1.02, level with Ridge on {level:.0%}"
        )
    print(f"intervals of 90 %: hold {np.nanmean(shares):.3f}, mean over series")


if __name__ == "__main__":
    main()
