"""Arithmetic of rows: to which series each belongs, in what order, and where it breaks.

All functions take and return arrays, and none loops over rows or series.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.preprocessing import OrdinalEncoder

# A step longer than so many regular ones is a gap: a row is missing. In between lie
# months of 28 to 31 days, a change to summer time and clocks that are not exact.
GAP = 1.5


def number_series(labels: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Number the series in the order in which they appear.

    Parameters
    ----------
    labels : list of ndarray of shape (n_rows,)
        One or more columns of labels. Rows that agree in all are of one series.

    Returns
    -------
    series : ndarray of int32, shape (n_rows,)
        Number of the series of each row.

    first : ndarray of int, shape (n_series,)
        The row in which each appears first.
    """
    codes = [_encode(column) for column in labels]
    ids = codes[0]
    if len(codes) > 1:
        ids = np.ravel_multi_index(codes, [int(code.max()) + 1 for code in codes])
        ids = np.unique(ids, return_inverse=True)[1]
    first = np.empty(int(ids.max()) + 1, dtype=np.int64)
    first[ids[::-1]] = np.arange(len(ids))[::-1]  # the first row is written last
    rank = np.empty(len(first), dtype=np.int32)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[ids], np.sort(first)


def _encode(column: np.ndarray) -> np.ndarray:
    """Number the values of a column, without gaps."""
    if column.dtype.kind in "iu":
        lowest, highest = int(column.min()), int(column.max())
        if highest - lowest < 2 * len(column):  # counting is faster than sorting
            codes = (column - lowest).astype(np.int64, copy=False)
            present = np.bincount(codes) > 0
            return codes if present.all() else (np.cumsum(present) - 1)[codes]
    encoder = OrdinalEncoder(dtype=np.int64).set_output(transform="default")
    return encoder.fit_transform(column[:, None]).ravel()


def match_series(labels: list[np.ndarray], known: list[np.ndarray]) -> np.ndarray:
    """Find series among those known.

    Parameters
    ----------
    labels, known : list of ndarray
        Columns of labels, one row per series.

    Returns
    -------
    matches : ndarray of int, shape (n_series,)
        Position in `known`, or -1.
    """
    both = [np.concatenate(pair) for pair in zip(known, labels, strict=True)]
    series, first = number_series(both)
    n_known = len(known[0])
    # Those known come first, so that they are numbered as they stand.
    return np.where(first[series] < n_known, series, -1)[n_known:]


def sort_rows(series: np.ndarray, times: np.ndarray | None) -> np.ndarray | None:
    """Order rows by series and then by time.

    Parameters
    ----------
    series : ndarray of int, shape (n_rows,)
        Number of the series of each row.

    times : ndarray of shape (n_rows,) or None
        None leaves the rows of a series in the order in which they come.

    Returns
    -------
    order : ndarray of int, shape (n_rows,), or None
        Positions of the rows; None if they are in order.
    """
    step = np.diff(series)
    in_order = step >= 0
    if times is not None:
        in_order &= (step > 0) | (times[1:] >= times[:-1])
    if in_order.all():
        return None
    order = _sort_further(None if times is None else _sort_further(None, times), series)
    return order if len(order) > np.iinfo(np.int32).max else order.astype(np.int32)


def _sort_further(order: np.ndarray | None, key: np.ndarray) -> np.ndarray:
    """Sort by a key what is sorted by lesser ones, as `numpy.lexsort` does.

    Numpy sorts integers of 16 bits in linear time, about ten times as fast as longer
    ones, so that two passes over such digits pay.
    """
    key = key if order is None else key[order]
    digits = [key]
    if key.dtype.kind == "i" and (span := int(key.max()) - int(key.min())) < 1 << 32:
        key = key - key.min()
        digits = [(key >> shift).astype(np.uint16) for shift in (0, 16)]
        digits = digits[: 1 + (span >= 1 << 16)]
    moved = np.argsort(digits[0], kind="stable")
    for digit in digits[1:]:
        moved = moved[np.argsort(digit[moved], kind="stable")]
    return moved if order is None else order[moved]


def find_repeated(series: np.ndarray, times: np.ndarray) -> int | None:
    """Find the first sorted row that has the series and time of the one before."""
    repeated = (series[1:] == series[:-1]) & (times[1:] == times[:-1])
    return int(repeated.argmax()) + 1 if repeated.any() else None


def regular_steps(series: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Find the step of time from row to row that is usual in each series.

    It is the most frequent step, the shortest of several; and if each occurs
    once only, their (lower) median.

    Parameters
    ----------
    series, times : ndarray of shape (n_rows,)
        In order of series and time.

    Returns
    -------
    steps : ndarray of float, shape (n_series,)
        NaN for a series of one row.
    """
    within = np.flatnonzero(series[1:] == series[:-1])
    owner, step = series[within], times[within + 1] - times[within]
    order = np.lexsort((step, owner))
    owner, step = owner[order], step[order]
    is_new = np.ones(len(step), dtype=bool)
    is_new[1:] = (owner[1:] != owner[:-1]) | (step[1:] != step[:-1])
    new = np.flatnonzero(is_new)
    count = np.diff(np.r_[new, len(step)])  # how often each step occurs
    by_count = np.lexsort((step[new], -count, owner[new]))
    several, first = np.unique(owner[new][by_count], return_index=True)
    best = by_count[first]  # one for each series of several rows
    n_steps = np.bincount(owner)[several]
    median = step[np.cumsum(n_steps) - n_steps + (n_steps - 1) // 2]
    steps = np.full(int(series.max()) + 1, np.nan)
    steps[several] = np.where(count[best] > 1, step[new][best], median)
    return steps


def join_ranges(starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Ranges of integers one after the other: starts[0], starts[0] + 1, ...

    Parameters
    ----------
    starts, lengths : ndarray of int, shape (n_ranges,)
        First of each range and how many there are.

    Returns
    -------
    joined : ndarray of int, shape (sum of lengths,)
        All of them.
    """
    offsets = np.cumsum(lengths) - lengths
    return np.arange(lengths.sum()) + np.repeat(starts - offsets, lengths)


@dataclass
class Runs:
    """Unbroken runs of sorted rows, which are the histories.

    Attributes
    ----------
    starts, lengths : ndarray of int, shape (n_runs,)
        Where each lies among the rows.

    series : ndarray of int, shape (n_runs,)
        Its series.

    first, last : ndarray of shape (n_runs,) or None
        Times of its first row and its last; None without times.
    """

    starts: np.ndarray
    lengths: np.ndarray
    series: np.ndarray
    first: Any
    last: Any

    @classmethod
    def of(cls, series: np.ndarray, times: np.ndarray | None, limits: Any) -> Runs:
        """Break sorted rows at the border of series and at gaps.

        Parameters
        ----------
        series, times : ndarray of shape (n_rows,)
            In order of series and time.

        limits : ndarray of float, shape (n_series,)
            The longest step of time that is no gap; ignored if `times` is None.

        Returns
        -------
        runs : Runs
            In the order of the rows.
        """
        begins = np.ones(len(series), dtype=bool)
        begins[1:] = series[1:] != series[:-1]
        if times is not None:
            begins[1:] |= np.diff(times) > limits[series[1:]]
        starts = np.flatnonzero(begins)
        lengths = np.diff(np.r_[starts, len(series)])
        first = last = None
        if times is not None:
            first, last = times[starts], times[starts + lengths - 1]
        return cls(starts, lengths, series[starts], first, last)


@dataclass
class Tails:
    """The last rows of each run, to which later rows may connect.

    Attributes
    ----------
    rows : ndarray of shape (n_tail_rows, n_features)
        The rows of all tails, one tail after the other.

    starts, lengths : ndarray of int, shape (n_tails,)
        Where each tail lies in `rows`.

    series, ends : ndarray of shape (n_tails,)
        Series of each and the time of its last row, in that order.
    """

    rows: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray
    series: np.ndarray
    ends: np.ndarray

    @classmethod
    def of(cls, rows: np.ndarray, runs: Runs, n_rows: int) -> Tails:
        """Keep up to `n_rows` at the end of each run."""
        lengths = np.minimum(runs.lengths, n_rows)
        kept = join_ranges(runs.starts + runs.lengths - lengths, lengths)
        starts = np.cumsum(lengths) - lengths
        return cls(rows[kept], starts, lengths, runs.series, runs.last)

    def find(
        self, series: np.ndarray, times: np.ndarray, limits: np.ndarray
    ) -> np.ndarray:
        """Find the tail that each of several rows continues.

        Parameters
        ----------
        series, times : ndarray of shape (n_rows,)
            First rows of runs; the series are numbered as those of the tails,
            or -1.

        limits : ndarray of float, shape (n_rows,)
            How much later than the end of a tail the row may be.

        Returns
        -------
        tails : ndarray of int, shape (n_rows,)
            Number of the tail, or -1.
        """
        n = len(self.series)
        owner, time = np.r_[self.series, series], np.r_[self.ends, times]
        is_row = np.arange(len(owner)) >= n
        # Tails that end at the time of a row stand after it: they do not precede it.
        order = np.lexsort((~is_row, time, owner))
        latest = np.maximum.accumulate(np.where(is_row[order], -1, order))
        found = np.empty(len(owner), dtype=np.int64)
        found[order] = latest  # tails are in order, so the largest is the latest
        found = found[n:]
        continues = (found >= 0) & (self.series[found] == series)
        continues &= times - self.ends[found] <= limits
        return np.where(continues, found, -1)
