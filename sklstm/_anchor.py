"""Levels that forecasts start from: which feature, in which units, and its changes."""

from __future__ import annotations

import warnings
from numbers import Integral
from typing import Any

import numpy as np

from ._sequences import Sequences

# Lags at which y is looked for among later values of its feature.
MAX_LAG = 10_000
# Sequences that are compared, and the share of these that must agree: at the ends of
# the series of a panel they do not.
N_COMPARED = 200
SHARE = 0.8
MIN_COMPARED = 5
# That so many are the very values is no chance.
SHARE_OF_SAME = 0.5
# Relative error of numbers that have been float32, with scaling in between.
TOLERANCE = 1e-3
EXACT = 1e-5
# Scale and offset of the same units.
SAME = (1.0, 0.0)


class Anchor:
    """The last observed value of a feature, for each target.

    Parameters
    ----------
    positions : ndarray of int, shape (n_targets,)
        The feature of each target.

    scale : ndarray of shape (n_targets,)
        Units of y in a unit of the feature.

    ages : ndarray of int, shape (n_targets,)
        Steps from the end of a sequence back to the level.
    """

    def __init__(
        self, positions: np.ndarray, scale: np.ndarray, ages: np.ndarray
    ) -> None:
        self.positions = positions
        self.scale = scale
        self.ages = ages
        self.features = np.unique(positions).tolist()

    def levels(self, sequences: Sequences) -> np.ndarray:
        """Return the levels, in units of y, (n_sequences, n_targets)."""
        return self.scale * past_values(sequences, self.positions, self.ages)


def past_values(
    sequences: Sequences, positions: np.ndarray, ages: np.ndarray
) -> np.ndarray:
    """Return values at some steps before the end of each sequence.

    Parameters
    ----------
    sequences : Sequences
        The sequences.

    positions, ages : ndarray of int, shape (n_targets,)
        The feature of each target, and the number of steps to go back from the last.

    Returns
    -------
    values : ndarray of float64, shape (n_sequences, n_targets)
        The last value of a sequence that does not reach back so far.
    """
    ends = (sequences.starts + sequences.lengths - 1)[:, None]
    reaches = ages < sequences.lengths[:, None]  # (n_sequences, n_targets)
    return sequences.steps[ends - ages * reaches, positions].astype(np.float64)


def ages_of_season(n_targets: int, n_features: int, period: int) -> np.ndarray:
    """Return how far back the season before each target lies.

    Parameters
    ----------
    n_targets : int
        Number of targets, ordered by step and then by feature.

    n_features : int
        Number of features that are forecast.

    period : int
        Steps of a season; 1 for none.

    Returns
    -------
    ages : ndarray of int, shape (n_targets,)
        Steps back from the last step of a sequence: a whole number of periods before
        the target, and as few as are needed.
    """
    ahead = np.arange(n_targets) // n_features + 1
    return -(-ahead // period) * period - ahead


def warn_of_short(sequences: Sequences, period: int) -> None:
    """Warn if no sequence reaches back a period."""
    if sequences.shape[1] < period:
        warnings.warn(
            f"The longest sequence has {sequences.shape[1]} steps, too few for"
            f" period={period}: last values are taken instead; give a sequence_length"
            f" of at least {period}, or a shorter period.",
            stacklevel=2,
        )


def change_coverage(sequences: Sequences, weights: Any = None) -> np.ndarray:
    """Count how often the change to each row of the table is used.

    Parameters
    ----------
    sequences : Sequences
        The sequences, of which the first step has no change.

    weights : array-like of shape (n_sequences,), default=None
        What each sequence counts for; 1 if None.

    Returns
    -------
    coverage : ndarray of shape (n_steps_total,)
        For each row of the table the sum of the weights of the sequences that hold it
        and the row before.
    """
    n = len(sequences.steps)
    used = sequences.coverage() > np.bincount(sequences.starts, minlength=n)
    firsts = np.bincount(sequences.starts, weights, n)
    return np.where(used, sequences.coverage(weights) - firsts, 0)


def put_changes(
    steps: np.ndarray, features: list[int], sequences: Sequences
) -> np.ndarray:
    """Replace features by their changes from row to row.

    Parameters
    ----------
    steps : ndarray of shape (n_steps_total, n_features)
        A table for the sequences, which is not changed.

    features : list of int
        Positions of the features.

    sequences : Sequences
        Where each sequence lies. A row that only ever is the first of a sequence
        gets a change of 0.

    Returns
    -------
    steps : ndarray of shape (n_steps_total, n_features)
        In floats.
    """
    changes = np.diff(steps[:, features], axis=0, prepend=0.0)
    changes[change_coverage(sequences) == 0] = 0.0
    steps = steps.astype(np.result_type(steps, np.float32))
    steps[:, features] = changes
    return steps


def find_anchor(
    anchor: Any,
    n_features: int,
    n_targets: int,
    names: Any,
    parameter: str = "anchor",
) -> tuple[np.ndarray, int]:
    """Return the position of the feature of each target, and how many are named.

    Parameters
    ----------
    anchor : int, str or list of these
        One feature for all targets, or one for each. A list that is shorter by a
        whole factor stands for targets ordered by step, then by feature, as
        `make_supervised` orders them.

    n_features : int
        Number of features of a step.

    n_targets : int
        Number of columns of y.

    names : array-like of str or None
        Names of the features, if they have any.

    parameter : str, default="anchor"
        Whose value `anchor` is, for the message.

    Returns
    -------
    positions : ndarray of int, shape (n_targets,)
        Feature of each.

    n_named : int
        Number of features in `anchor`.

    Raises
    ------
    ValueError
        If a feature is unknown, or if the number of them does not go with y.
    """
    items = list(anchor) if isinstance(anchor, (list, tuple, np.ndarray)) else [anchor]
    names = [] if names is None or len(names) != n_features else list(names)
    positions = []
    for item in items:
        if isinstance(item, str) and item in names:
            positions.append(names.index(item))
        elif isinstance(item, Integral) and int(item) in range(n_features):
            positions.append(int(item))
        else:
            known = f" or one of {names}" if names else "; the features have no names"
            raise ValueError(
                f"{parameter} has {item!r}, which is not a feature of X: give a"
                f" position from 0 to {n_features - 1}{known}."
            )
    if not positions or n_targets % len(positions):
        raise ValueError(
            f"{parameter} has {len(positions)} feature(s) for {n_targets} target(s);"
            " give one for all, or one for each."
        )
    return np.tile(positions, n_targets // len(positions)), len(positions)


def find_units(
    sequences: Sequences, positions: np.ndarray, y: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find the units of the features of the targets, in units of y.

    If y holds later values of a feature, as a forecast does, then y is a straight
    line of the values some rows later, whatever scaler the feature went through: that
    line is found. Steps so far ahead that few of them are among the values have the
    line of the steps before. Else both must have about the same spread, and are taken
    to have the same units.

    Parameters
    ----------
    sequences : Sequences
        The samples; at best in order of time on one table.

    positions : ndarray of int, shape (n_targets,)
        The feature of each target.

    y : ndarray of shape (n_sequences, n_targets)
        The targets.

    Returns
    -------
    scale, offset : ndarray of shape (n_targets,)
        Such that y is ``offset + scale * feature`` at the time of y.

    found : ndarray of bool, shape (n_targets,)
        Whether that was seen, and not only assumed.

    Raises
    ------
    ValueError
        If there is no such line, and the spreads differ by more than a factor of 2.
    """
    ends = sequences.starts + sequences.lengths - 1
    chosen = np.unique(np.linspace(0, len(y) - 1, N_COMPARED).astype(int))
    # Often one feature has hundreds of targets.
    table = {
        p: sequences.steps[:, p].astype(np.float64) for p in set(positions.tolist())
    }
    lags: dict[int, int | None] = {}
    known: dict[int, tuple[float, float]] = {}
    lines, found = [], []
    for position, column in zip(positions.tolist(), y.T, strict=True):
        values, line = table[position], None
        if (lag := lags.get(position, 0)) is not None:
            # A later step of a forecast lies further on; if one is not there, none is.
            lags[position], line = _find_lag(
                values, ends[chosen], column[chosen], lag + 1, known.get(position)
            )
        if line is None:
            line = known.get(position)
        else:
            known[position] = line
        found.append(line is not None)
        lines.append(line or _take_as_same(sequences, position, values[ends], column))
    scale, offset = np.array(lines).T
    return scale, offset, np.array(found)


def _take_as_same(
    sequences: Sequences, position: int, x: np.ndarray, y: np.ndarray
) -> tuple[float, float]:
    """Take the units to be the same, if the spreads are about that."""
    spread, spread_of_y = float(x.std()), float(y.std())
    if spread and spread_of_y and not 0.5 <= spread / spread_of_y <= 2:
        name = str(position)
        if sequences.feature_names is not None:
            name = repr(sequences.feature_names[position])
        raise ValueError(
            f"The anchor, feature {name}, has a standard deviation of {spread:.3g} and"
            f" y one of {spread_of_y:.3g}, and y is no straight line of its later"
            " values: the change from one to the other means nothing. Give both in the"
            " same units, without a nonlinear transformer between."
        )
    return SAME


def _find_lag(
    values: np.ndarray,
    ends: np.ndarray,
    y: np.ndarray,
    least: int,
    known: tuple[float, float] | None,
) -> tuple[int | None, tuple[float, float] | None]:
    """Find the lag, from `least` on, at which y is a straight line of the values.

    It is y itself, if that is there, else the line that is nearest. If a line of the
    feature is known, only lines of its kind count.
    """
    spread = float(y.std())
    # Of a series that is mostly zero, what is not tells more than that zeros agree.
    distinct, counts = np.unique(y, return_counts=True)
    if counts.max() > 1:
        rare = y != distinct[counts.argmax()]
        ends, y = ends[rare], y[rare]
    lags = range(least, min(MAX_LAG, len(values)))
    if known in (None, SAME):
        for lag in lags:
            near = np.abs(_later(values, ends, lag) - y) <= TOLERANCE * spread
            if near.sum() > max(1, SHARE_OF_SAME * len(y)):
                return lag, SAME
    if known == SAME or len(y) < MIN_COMPARED:
        return None, None
    found: tuple[int | None, tuple[float, float] | None] = (None, None)
    nearest = np.inf
    _, order = np.unique(y, return_index=True)
    # Lines through two samples; one at the end of its series would mislead.
    pairs = [order[[len(order) // n, -1 - len(order) // n]] for n in (12, 6, 4)]
    for lag in lags:
        distance, line = _nearest_line(_later(values, ends, lag), y, pairs)
        if distance <= TOLERANCE * spread and distance < nearest:
            found, nearest = (lag, line), distance
        if nearest <= EXACT * spread:
            break
    return found


def _later(values: np.ndarray, ends: np.ndarray, lag: int) -> np.ndarray:
    """Return the values some rows after the ends; NaN after the end of the table."""
    rows = ends + lag
    inside = rows < len(values)
    return np.where(inside, values[np.where(inside, rows, 0)], np.nan)


def _nearest_line(
    x: np.ndarray, y: np.ndarray, pairs: list[np.ndarray]
) -> tuple[float, tuple[float, float]]:
    """Return how far most samples are from a line through a pair at most, and it."""
    found = np.inf, SAME
    for low, high in pairs:
        if not (x[low] < x[high] and y[low] < y[high]):
            continue
        scale = (y[high] - y[low]) / (x[high] - x[low])
        offset = y[low] - scale * x[low]
        distances = np.sort(np.abs(offset + scale * x - y))  # NaN comes last
        distance = distances[int(SHARE * (len(y) - 1))]
        if distance < found[0]:
            found = float(distance), (float(scale), float(offset))
    return found
