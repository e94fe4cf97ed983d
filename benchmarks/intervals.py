"""How many targets lie in intervals that shall hold 90 % of them.

Oil temperature of a transformer by the hour, 24 hours ahead, in the split of the
Informer paper: 12 months to train on, 4 to calibrate on, 4 to test on (Zhou et al.
2021, https://github.com/zhouhaoyi/ETDataset). Widths are in standard deviations of the
training part.

    python benchmarks/intervals.py --data ETTh1.csv
"""

import argparse
from copy import deepcopy

import numpy as np

from sklstm import LSTMRegressor, SequenceWindower, make_supervised
from sklstm.forecasting import AnchoredRegressor, ConformalRegressor

MONTH = 30 * 24
TRAIN, CALIBRATE, TEST = 12 * MONTH, 4 * MONTH, 4 * MONTH
HORIZON = DAY = 24
COVERAGE = 0.9
LOSSES = {
    "squared_error": {},
    "quantile": {"quantile": [0.05, 0.5, 0.95]},
    "gaussian": {},
}
# How far a normal distribution reaches to either side.
Z = 1.645


def main():
    arguments = read_arguments()
    X, y = read_windows(arguments.data, arguments.column)
    print(
        f"{'loss':15}{'scheme':19}{'held':>6}  {'by seed':13}{'by step':13}{'width':>5}"
    )
    for loss in LOSSES:
        runs = [measure(X, y, loss, seed) for seed in range(arguments.seeds)]
        for scheme in runs[0]:
            report(loss, scheme, [run[scheme] for run in runs], y)


def read_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", required=True, help="ETTh1.csv")
    parser.add_argument("--column", default="OT")
    parser.add_argument("--seeds", type=int, default=3)
    return parser.parse_args()


def read_windows(path, column):
    """Read windows over the standardised series, and the day after each."""
    table = np.genfromtxt(path, delimiter=",", names=True, dtype=None, encoding="utf-8")
    series = table[column][: TRAIN + CALIBRATE + TEST].astype(float)
    series = (series - series[:TRAIN].mean()) / series[:TRAIN].std()
    X, y = make_supervised(series, horizon=HORIZON)
    return SequenceWindower(sequence_length=96).fit_transform(X), y


def measure(X, y, loss, seed):
    """Return the intervals of the test part by each scheme."""
    # A sample is of the part in which its targets lie.
    n = TRAIN + CALIBRATE - HORIZON
    n_calibration = CALIBRATE - HORIZON + 1
    lstm = LSTMRegressor(
        hidden_size=32,
        unroll="series",
        loss=loss,
        **LOSSES[loss],
        max_epochs=40,
        lr_scheduler="cosine",
        random_state=seed,
    )
    model = ConformalRegressor(
        AnchoredRegressor(lstm),
        coverage=COVERAGE,
        calibration_fraction=n_calibration / n,
    ).fit(X[:n], y[:n])
    start = TRAIN + CALIBRATE - 1
    windows_only = deepcopy(model).set_params(adaptation_rate=0)
    return {
        **uncalibrated(model.estimator_, X[start:], loss),
        "calibrated once": model.predict_interval(X[start:]),
        "last 4 months": forecast_daily(windows_only, X, y, n, start),
        "and adapted": forecast_daily(model, X, y, n, start),
    }


def uncalibrated(lstm, X, loss):
    """Return the intervals that the net itself states, if any."""
    if loss == "quantile":
        return {"as the net says": lstm.predict_quantiles(X)[..., [0, -1]]}
    if loss == "gaussian":
        mean, std = lstm.predict(X, return_std=True)
        return {"as the net says": np.stack([mean - Z * std, mean + Z * std], axis=-1)}
    return {}


def forecast_daily(model, X, y, known, start):
    """Each day take in all targets that have come in, and predict from each hour."""
    intervals = []
    for day in range(start, len(X), DAY):
        come_in = slice(known, day - HORIZON + 1)  # a target ends at its row + HORIZON
        if day > start:
            model.update(X[come_in], y[come_in])
        known = come_in.stop
        intervals.append(model.predict_interval(X[day : day + DAY]))
    return np.concatenate(intervals)


def report(loss, scheme, runs, y):
    y = y[-len(runs[0]) :, :, None]
    held = np.stack([(run[..., :1] <= y) & (y <= run[..., 1:]) for run in runs])
    by_seed, by_step = held.mean(axis=(1, 2, 3)), held.mean(axis=(0, 1, 3))
    width = np.mean([np.ptp(run, axis=-1).mean() for run in runs])
    print(
        f"{loss:15}{scheme:19}{held.mean():6.1%}"
        f"  {by_seed.min():5.1%}–{by_seed.max():<7.1%}"
        f"{by_step.min():5.1%}–{by_step.max():<7.1%}{width:5.2f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
