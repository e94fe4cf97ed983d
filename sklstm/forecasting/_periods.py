"""The seasonal periods of series, read off their structure function."""

from bisect import bisect_left

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

# A week of minutes.
LONGEST = 10_080
# Differences of less than this part of a series' variance are those of rounding.
ROUNDING = 1e-9


def find_periods(runs: list[np.ndarray], horizon: int) -> list[int]:
    """Find the rows after which series repeat themselves: none, one or two periods.

    Parameters
    ----------
    runs : list of arrays, each of shape (n_rows,)
        The stretches without gaps of one or more series, finite. Each is measured in
        units of its own spread.
    horizon : int
        Steps that are forecast.

    Returns
    -------
    list of int
        The period, after the part of it that is a season too (a day in a week), if
        there is one. Empty if the last value forecasts as well as a season ago.

    Notes
    -----
    A period p is judged by E(p), the mean squared error over the horizon of the
    seasonal naive forecast, in all of `runs`; p = 1 is the last value. The first guess
    has the least ``log E(p) + 2 p / n``, Akaike's criterion, of 1 and the lags at which
    the series are more like themselves than at the lags beside. Multiples of a period
    forecast nearly as well as it does, and one of them may do better by chance. So the
    period is the shortest part of the guess that is behind by no more than chance may
    give: ``sqrt(2 log(L) / n)``, about the highest of L autocorrelations of n rows of
    noise. If 1 is that part, there is no season.

    A pattern of p values is somewhat like itself p / 2 or p / 3 rows later by the same
    chance, so the season inside is the best part of p whose share of what p gains on
    the last value is above ``sqrt(2 log(p) / p)``.
    """
    runs = [np.asarray(run, dtype=float) for run in runs if len(run)]
    runs = [run for run in runs if np.ptp(run) > 0]
    lengths = np.array([len(run) for run in runs], dtype=int)
    n_rows = int(lengths.sum())

    def is_rare(n_lags: int) -> bool:
        """Say whether few rows have the value of the longest lag before them."""
        ages = lengths - n_lags - min(horizon, n_lags)
        return 3 * ages[ages > 0].sum() < n_rows

    # Three periods must fit, and of the longest lag a third of the rows must tell.
    n_lags = min(max(lengths, default=0) // 3, LONGEST)
    n_lags = bisect_left(range(1, n_lags + 1), True, key=is_rare)
    if n_lags < 2:
        return []
    horizon = min(horizon, n_lags)
    # The spread of few rows is too small by chance: all lags are told by the same runs.
    runs = [run for run in runs if len(run) > n_lags + horizon]
    n_rows = sum(map(len, runs))
    structure = _structure(runs, n_lags + horizon)
    inner, beside = structure[1:n_lags], structure[: n_lags + 1]
    is_least = (inner < beside[:-2]) & (inner <= beside[2:])
    periods = np.concatenate([[1], 2 + np.flatnonzero(is_least)])
    steps = np.arange(1, horizon + 1)
    lags = -(-steps // periods[:, None]) * periods[:, None]
    errors = structure[lags - 1].mean(axis=1)
    scores = np.log(errors) + 2 * periods / n_rows

    guess = np.argmin(scores)
    is_part = periods[guess] % periods == 0
    periods, errors, scores = periods[is_part], errors[is_part], scores[is_part]
    last = np.argmax(scores <= scores[-1] + _chance(n_lags, n_rows))
    if last == 0:
        return []
    period = int(periods[last])
    is_part = period % periods[:last] == 0
    shares = (errors[0] - errors[:last]) / (errors[0] - errors[last]) * is_part
    best = np.argmax(shares)
    is_season = shares[best] > _chance(period, period)
    return [int(periods[best]), period] if is_season else [period]


def _chance(n_lags: int, n_rows: int) -> float:
    """Return about the highest of the autocorrelations of noise."""
    return float(np.sqrt(2 * np.log(n_lags) / n_rows))


def _structure(runs: list[np.ndarray], n_lags: int) -> np.ndarray:
    """Return the mean squared difference of values 1 to `n_lags` rows apart."""
    lags = np.arange(1, n_lags + 1)
    squares, count = np.zeros(n_lags), np.zeros(n_lags)
    for run in runs:
        # In this order, as the squares of very small values are 0.
        run = (run - run.min()) / np.ptp(run)
        run = (run - run.mean()) / run.std()
        size = next_fast_len(len(run) + n_lags, real=True)
        products = irfft(np.abs(rfft(run, size)) ** 2, size)[lags]
        sums = np.concatenate([[0], np.cumsum(run**2)])
        squares += sums[-1 - lags] + sums[-1] - sums[lags] - 2 * products
        count += len(run) - lags
    return np.maximum(squares / count, ROUNDING)
