"""Arithmetic of rows: to which series each belongs, in what order, and where it breaks.

All functions take and return arrays, and none loops over rows or series.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

# A step longer than so many regular ones is a gap: a row is missing. In between lie
# months of 28 to 31 days, a change to summer time and clocks that are not exact.
GAP = 1.5
# Share of the steps that may be shorter than the regular one: clocks are not exact.
SHORT = 0.05
DAY = 86_400 * 10**9  # nanoseconds


def number_series(labels: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Number the series in the order in which they appear."""
    ids = _encode(labels[0])
    for column in labels[1:]:  # one at a time: the product of all may be too large
        codes = _encode(column)
        pairs = ids.astype(np.int64) * (int(codes.max()) + 1) + codes
        ids = np.unique(pairs, return_inverse=True)[1]
    first = np.empty(int(ids.max()) + 1, dtype=np.int64)
    first[ids[::-1]] = np.arange(len(ids))[::-1]  # the first row is written last
    rank = np.empty(len(first), dtype=np.int32)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[ids], np.sort(first)


def _encode(column: np.ndarray) -> np.ndarray:
    """Number the values of a column, without gaps."""
    if column.dtype.kind in "iufMm":
        return np.unique(column, return_inverse=True)[1]
    numbers: dict[Any, int] = {}
    try:
        found = [numbers.setdefault(label, len(numbers)) for label in column.tolist()]
    except TypeError as error:
        raise TypeError(
            f"Labels of series must be hashable, such as strings or numbers: {error}."
        ) from error
    return np.array(found)


def match_series(labels: list[np.ndarray], known: list[np.ndarray]) -> np.ndarray:
    """Find series among those known, (n_series,)."""
    # Objects, since numpy would turn a number among strings into a string.
    both = [
        np.concatenate([old, new])
        if old.dtype.kind == new.dtype.kind
        else np.concatenate([old.astype(object), new.astype(object)])
        for old, new in zip(known, labels, strict=True)
    ]
    series, first = number_series(both)
    n_known = len(known[0])
    # Those known come first, so that they are numbered as they stand.
    return np.where(first[series] < n_known, series, -1)[n_known:]


def sort_rows(series: np.ndarray, times: np.ndarray | None) -> np.ndarray | None:
    """Order rows by series and then by time, (n_rows,)."""
    step = np.diff(series)
    in_order = step >= 0
    if times is not None:
        in_order &= (step > 0) | (times[1:] >= times[:-1])
    if in_order.all():
        return None
    order = np.lexsort((series,) if times is None else (times, series))
    return order if len(order) > np.iinfo(np.int32).max else order.astype(np.int32)


def regular_steps(series: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Find the step of time from row to row that is usual in each series."""
    n_series = int(series.max()) + 1
    within = np.flatnonzero(series[1:] == series[:-1])
    if len(within) == 0:
        return np.full(n_series, np.nan)
    owner, step = series[within], times[within + 1] - times[within]
    step = step.astype(np.float64)
    of_all = np.quantile(step, SHORT, method="lower")
    order = np.lexsort((step, owner))
    owner, step = owner[order], step[order]
    counts = np.bincount(owner, minlength=n_series)
    begins = np.cumsum(counts) - counts
    several = np.flatnonzero(counts)
    least = begins[several] + ((counts[several] - 1) * SHORT).astype(np.int64)
    steps = np.full(n_series, of_all)
    steps[several] = step[least]
    is_new = np.ones(len(step), dtype=bool)
    is_new[1:] = (owner[1:] != owner[:-1]) | (step[1:] != step[:-1])
    same = np.cumsum(is_new)  # equal steps of a series
    equal = np.bincount(same)[same[least]]
    clear = (equal > 1) & (2 * equal > counts[several])
    steps[several] = np.where(clear, step[least], np.minimum(step[least], of_all))
    return steps


def working_time(times: np.ndarray) -> np.ndarray:
    """Tell time by a clock that stands still on Saturdays and Sundays, (n_rows,)."""
    day, clock = np.divmod(times, DAY)
    week, weekday = np.divmod(day + 3, 7)  # 1970 began on a Thursday
    return (5 * week + np.minimum(weekday, 5)) * DAY + np.where(weekday < 5, clock, 0)


def find_working(series: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Find the series that have no row on a Saturday or Sunday, (n_series,)."""
    at_weekend = (times // DAY + 3) % 7 >= 5
    return np.bincount(series, weights=at_weekend) == 0


def join_ranges(starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Ranges of integers one after the other: starts[0], starts[0] + 1, ..."""
    offsets = np.cumsum(lengths) - lengths
    return np.arange(lengths.sum()) + np.repeat(starts - offsets, lengths)


@dataclass
class Runs:
    """Unbroken runs of sorted rows, which are the histories."""

    starts: np.ndarray  # (n_runs,) first rows
    lengths: np.ndarray  # (n_runs,) numbers of rows
    series: np.ndarray  # (n_runs,)

    @classmethod
    def of(cls, series: np.ndarray, times: np.ndarray | None, limits: Any) -> Runs:
        """Break sorted rows at the border of series and at steps above their limit."""
        begins = np.ones(len(series), dtype=bool)
        begins[1:] = series[1:] != series[:-1]
        if times is not None:
            begins[1:] |= np.diff(times) > limits[series[1:]]
        starts = np.flatnonzero(begins)
        lengths = np.diff(np.r_[starts, len(series)])
        return cls(starts, lengths, series[starts])


@dataclass
class Tails:
    """The last rows of each run, to which later rows may connect."""

    rows: np.ndarray  # (n_tail_rows, n_features) one tail after the other
    series: np.ndarray  # (n_tail_rows,)
    times: np.ndarray  # (n_tail_rows,)
    clock: np.ndarray  # (n_tail_rows,) times without weekends
    starts: np.ndarray  # (n_tail_rows,) where in `rows` the tail of each begins

    @classmethod
    def of(
        cls,
        rows: np.ndarray,
        times: np.ndarray,
        clock: np.ndarray,
        runs: Runs,
        n_rows: int,
    ) -> Tails:
        """Keep up to `n_rows` at the end of each run."""
        lengths = np.minimum(runs.lengths, n_rows)
        kept = join_ranges(runs.starts + runs.lengths - lengths, lengths)
        starts = np.repeat(np.cumsum(lengths) - lengths, lengths)
        series = np.repeat(runs.series, lengths)
        return cls(rows[kept], series, times[kept], clock[kept], starts)

    def find(
        self, known: np.ndarray, series: np.ndarray, times: np.ndarray, limits: Any
    ) -> tuple[np.ndarray, np.ndarray]:
        """Find the rows that others continue: those before them, without a gap."""
        n = len(self.rows)
        owner, time = np.r_[self.series, series], np.r_[known, times]
        is_new = np.arange(len(owner)) >= n
        # A known row of the same time stands after a new one: it does not precede it.
        order = np.lexsort((~is_new, time, owner))
        latest = np.maximum.accumulate(np.where(is_new[order], -1, order))
        found = np.empty(len(owner), dtype=np.int64)
        found[order] = latest  # known rows are in order: the largest is the latest
        found = found[n:]
        continues = (found >= 0) & (self.series[found] == series)
        continues &= times - known[found] <= limits
        starts = self.starts[found]
        return starts, np.where(continues, found + 1 - starts, 0)
