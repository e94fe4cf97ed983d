"""The forecast that needs no tuning, on series that are hard to beat a naive one on.

    python benchmarks/recipe.py

takes some six minutes on one core. `AutoForecaster(period=...)` is fitted as
it comes to the first 80 % of made-up series and forecasts the rest from each row:
random walks with and without a drift, noise around a mean, seasons that repeat, drift,
grow or wander, and counts. Figures are mean squared errors over those of the better of
the naive forecasts, the last value and that of a season ago: what is above 1 would
better not have been tried.
"""

import argparse
import time

import numpy as np

from sklstm import make_supervised
from sklstm.forecasting import AutoForecaster, NaiveRegressor


def ar(noise, coefficient, lag=1):
    series = noise.copy()
    for t in range(lag, len(series)):
        series[t] += coefficient * series[t - lag]
    return series


def series_of(n, rng):
    """Return the series, period and horizon by name."""
    noise, t = rng.normal(size=n), np.arange(n)
    season = 3 * np.sin(2 * np.pi * t / 12)
    pattern = rng.normal(size=12)[t % 12]
    rate = np.exp(1 + 0.8 * np.sin(2 * np.pi * t / 7))
    return {
        "random walk": (np.cumsum(noise), 1, 12),
        "walk with drift": (np.cumsum(noise + 0.2), 1, 12),
        "integrated AR": (np.cumsum(ar(noise, 0.6)), 1, 12),
        "AR around a mean": (ar(noise, 0.8), 1, 12),
        "noise": (5 + noise, 1, 12),
        "seasonal walk": (ar(noise, 1.0, lag=12), 12, 12),
        "walk and season": (np.cumsum(noise) + season, 12, 12),
        "pattern and noise": (3 * pattern + 0.3 * noise, 12, 12),
        "trend and season": (0.05 * t + season + 0.5 * noise, 12, 12),
        "growing season": (np.exp(3 * t / n + season / 6 + 0.08 * noise), 12, 12),
        "counts": (rng.poisson(rate).astype(float), 7, 14),
    }


def compare(series, period, horizon, seed):
    """Return the error over that of the better naive one, the gain, and seconds."""
    n_train = int(0.8 * len(series))
    X, y = make_supervised(series, horizon=horizon)
    # The targets of the last training rows must lie in the training part.
    train, test = slice(0, n_train - horizon), slice(n_train - 1, None)
    start = time.perf_counter()
    model = AutoForecaster(period=period, random_state=seed)
    model.fit(X[train], y[train])
    taken = time.perf_counter() - start

    def error(forecaster):
        return np.mean((forecaster.predict(X[test]) - y[test]) ** 2)

    naive = [NaiveRegressor(p).fit(X[train], y[train]) for p in {1, period}]
    return error(model) / min(map(error, naive)), model.gain_, taken


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--lengths", nargs="+", type=int, default=[150, 400])
    options = parser.parse_args()
    ratios = {}
    for n in options.lengths:
        for seed in range(options.seeds):
            rng = np.random.default_rng([n, seed])
            for name, (series, period, horizon) in series_of(n, rng).items():
                ratio, gain, taken = compare(series, period, horizon, seed)
                ratios.setdefault(name, []).append(ratio)
                print(
                    f"{n:5} {name:18} {ratio:.3f}  gain {gain:5.1f} {taken:5.1f} s",
                    flush=True,
                )
    print("ratios: geometric mean, highest, and how many of them above 1.02")
    ratios["all"] = [value for values in ratios.values() for value in values]
    for name, values in ratios.items():
        mean = np.exp(np.mean(np.log(values)))
        above = np.sum(np.array(values) > 1.02)
        print(f"{name:18} {mean:.2f} {max(values):.2f} {above}/{len(values)}")


if __name__ == "__main__":
    main()
