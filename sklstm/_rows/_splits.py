"""Which samples train, and which later ones validate or calibrate."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.model_selection import train_test_split

from .._compat import _num_samples
from .._sequences import Sequences

# A share of 0.1 of 30 is 3, though 0.1 * 30 is a little more.
ROUNDING = 1e-9


def find_horizon(X: Any, y: Any) -> int:
    """Return how many rows after each sample its target reaches."""
    n_columns, n_targets, known = 1 if np.ndim(y) == 1 else np.shape(y)[1], 1, 1
    if isinstance(X, Sequences):
        n_targets, known = len(X.targets or [0]), X.horizon or 1
    return max(known, -(-n_columns // n_targets))


@dataclass
class Timeline:
    """Where samples stand in time: the one place that knows what may not be split."""

    series: np.ndarray  # (n_samples,) numbers of series, from 0
    rows: np.ndarray  # (n_samples,) the row at which each ends
    sizes: np.ndarray  # (n_series,) numbers of samples
    rank: np.ndarray  # (n_samples,) place among those of the series, in order of time
    runs: np.ndarray  # (n_samples,) alike where no gap lies between two of a series
    firsts: np.ndarray  # (n_samples,) first row of each; of whole histories the last

    @classmethod
    def of(cls, X: Any) -> Timeline:
        """Take samples where they know to be, and else one after the other."""
        n = _num_samples(X)
        series = runs = np.zeros(n, dtype=np.int64)
        rows = firsts = np.arange(n)
        if isinstance(X, Sequences):
            of = overlap_runs(X) if X.series is None else X.series
            series = runs = np.unique(of, return_inverse=True)[1]
            rows = firsts = X.starts + X.lengths - 1 if X.rows is None else X.rows
            if X.history_lengths is not None:
                runs = rows - X.history_lengths  # the row before the first
            if not X.whole:
                firsts = rows - X.lengths + 1
        order = np.lexsort((rows, series))
        sizes = np.bincount(series)
        rank = np.empty(n, dtype=np.int64)
        rank[order] = np.arange(n) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        return cls(series, rows, sizes, rank, runs, firsts)

    def __getitem__(self, key: Any) -> Timeline:
        of_each = ("series", "rows", "rank", "runs", "firsts")
        return replace(self, **{name: getattr(self, name)[key] for name in of_each})

    def last(self, fraction: float, n_most: np.ndarray | None = None) -> np.ndarray:
        """Mark the last share of all samples, each series having its part of it."""
        total = np.ceil(fraction * np.cumsum(self.sizes) - ROUNDING).astype(np.int64)
        n_last = np.diff(total, prepend=0)
        if n_most is not None:
            n_last = np.minimum(n_last, n_most)
            if not n_last.any():
                n_last[self.sizes.argmax()] = 1
        return self.rank >= (self.sizes - n_last)[self.series]

    def apart(self, chosen: np.ndarray, gap: int) -> np.ndarray:
        """Mark the samples with more than `gap` rows between them and those chosen."""
        first = self.least(self.rows, chosen)
        last = -self.least(-self.rows, chosen)
        return (self.rows < first - gap) | (self.rows > last + gap)

    def before(
        self, chosen: np.ndarray, gap: int, n_least: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Mark what may train where the last samples of each series are chosen."""
        allowed = ~chosen & self.apart(chosen, gap)
        trains = allowed & (self.rows < self.least(self.firsts, chosen))
        n_left = np.bincount(self.series[trains], minlength=len(self.sizes))
        is_short = n_left < n_least
        return np.where(is_short[self.series], allowed, trains), is_short

    def least(self, values: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        """The least of the values chosen in the series of each sample, or infinity."""
        least = np.full(len(self.sizes), np.inf)
        np.minimum.at(least, self.series[chosen], values[chosen])
        return least[self.series]


def split_validation(
    sequences: Sequences,
    fraction: float,
    *,
    horizon: int = 1,
    stratify: np.ndarray | None = None,
    random_state: Any = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Choose sequences to validate on, later than those to train on."""
    time, known = Timeline.of(sequences), sequences.series is not None
    series, sizes = time.series, time.sizes
    first = np.unique(series, return_index=True)[1]
    # A repeated sequence is linked to itself, but that makes it no window.
    if all((v == v[first][series]).all() for v in (sequences.starts, time.rows)):
        labels = None if stratify is None else stratify[first]
        held_out = _choose(len(first), fraction, labels, random_state)
        valid = np.isin(series, held_out)
        return np.flatnonzero(~valid), np.flatnonzero(valid)
    if known:
        valid = time.last(fraction, n_most=sizes - 1)
    else:
        valid = time.rank >= (sizes - np.ceil(fraction * sizes).astype(int))[series]
    n_least = (1 - fraction) * sizes / 2
    train, short = time.before(valid, horizon - 1, n_least)
    if not known and short.sum() > 1:
        chosen = _choose(short.sum(), fraction, None, random_state)
        held_out = np.isin(series, np.flatnonzero(short)[chosen])
        valid = np.where(short[series], held_out, valid)
        train = np.where(short[series], ~held_out, train)
    elif not known:
        train &= ~short[series] | (time.rows < time.least(time.firsts, valid))
    if not train.any():
        raise ValueError(
            f"validation_fraction={fraction} of {len(sequences)} overlapping windows"
            f" of up to {sequences.shape[1]} steps, whose targets reach {horizon}"
            " row(s) ahead, leaves none for training: give more rows, a shorter"
            " sequence_length or early_stopping=False."
        )
    if known:
        warn_of_shared(time, valid, train, short, "validation")
    return np.flatnonzero(train), np.flatnonzero(valid)


def warn_of_shared(
    time: Timeline, chosen: np.ndarray, train: np.ndarray, short: np.ndarray, what: str
) -> None:
    """Warn if chosen samples have steps in common with those that train."""
    reached = -time.least(-time.rows, train)  # the last row that trains
    if n_shared := int((chosen & (time.firsts <= reached)).sum()):
        warnings.warn(
            f"{n_shared} of {chosen.sum()} {what} windows hold steps that training"
            " windows hold, too: leaving these out would cost more than half of the"
            f" training data of {short.sum()} series. What is measured on them is"
            " optimistic: give more rows or a shorter sequence_length.",
            stacklevel=3,
        )
    n_series = len(time.sizes)
    has_some = np.bincount(time.series[~chosen], minlength=n_series) > 0
    n_left = np.bincount(time.series[train], minlength=n_series)
    n_lost = int((has_some & (n_left == 0)).sum())
    if 2 * n_lost > n_series:
        warnings.warn(
            f"{n_lost} of {n_series} series have no training samples left: their"
            f" targets reach into the {what} part: give longer series, a shorter"
            " horizon or a smaller fraction.",
            stacklevel=3,
        )


def split_last(
    X: Any, fraction: float, gap: int | None, horizon: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Cut off the last samples, of each series if X knows these, oldest first."""
    time = Timeline.of(X)
    last = time.last(fraction)
    if gap is not None or fraction == 1:
        first = ~last & time.apart(last, gap or 0)
    else:
        n_least = (1 - fraction) * time.sizes / 2
        first, short = time.before(last, horizon - 1, n_least)
        warn_of_shared(time, last, first, short, "calibration")
    at = np.flatnonzero(last)
    n_later = (time.sizes[time.series] - time.rank)[at]
    return np.flatnonzero(first), at[np.argsort(-n_later, kind="stable")]


def sorting(values: np.ndarray) -> np.ndarray | slice:
    """Return what puts values in order; no copy is made where they are."""
    if (values[1:] >= values[:-1]).all():
        return slice(None)
    return np.argsort(values, kind="stable")


def overlap_runs(sequences: Sequences) -> np.ndarray:
    """Number the series: sequences that are linked by common steps are of one."""
    order = sorting(sequences.starts)
    starts = sequences.starts[order]
    reached = np.maximum.accumulate(starts + sequences.lengths[order])
    begins = np.zeros(len(starts), dtype=bool)
    np.greater_equal(starts[1:], reached[:-1], out=begins[1:])
    series = np.cumsum(begins, dtype=np.int32)
    if isinstance(order, slice):
        return series
    ordered, series = series, np.empty_like(series)
    series[order] = ordered
    return series


def _choose(
    n: int, fraction: float, labels: np.ndarray | None, random_state: Any
) -> np.ndarray:
    """Choose a random fraction of n, at least one."""
    try:
        return train_test_split(
            np.arange(n), test_size=fraction, stratify=labels, random_state=random_state
        )[1]
    except ValueError as error:
        raise ValueError(
            f"validation_fraction={fraction} of {n} sequences cannot be held out; give"
            f" more sequences, another fraction or early_stopping=False. {error}"
        ) from error
