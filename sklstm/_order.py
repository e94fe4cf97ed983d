"""Rows of a table in order of series and time, and where their history breaks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ._columns import (
    Place,
    column_names,
    find_column,
    find_place,
    read_gap,
    read_labels,
    read_place,
    read_times,
)
from ._series import (
    GAP,
    Runs,
    Tails,
    find_repeated,
    match_series,
    number_series,
    regular_steps,
    sort_rows,
)


@dataclass
class Keys:
    """Where a table says to which series a row belongs, and when it was taken.

    Attributes
    ----------
    group : list of Place
        The columns or index levels that tell the series apart.

    time : Place or None
        That of the time stamps.
    """

    group: list[Place]
    time: Place | None

    @classmethod
    def find(cls, X: Any, group: Any, time: Any, input_name: str = "X") -> Keys:
        """Find them by name or position; `group` may be one, a list or None."""
        several = group if isinstance(group, (list, tuple)) else [group]
        groups = [] if group is None else several
        return cls(
            [find_place(X, key, "group", input_name) for key in groups],
            None if time is None else find_place(X, time, "time", input_name),
        )

    def columns(self) -> list[int]:
        """Positions of the columns that they take up."""
        places = self.group if self.time is None else [*self.group, self.time]
        return [place.position for place in places if not place.in_index]

    def features(self, X: Any) -> list[int]:
        """Positions of the columns that are left."""
        taken = self.columns()
        return [i for i in range(len(column_names(X))) if i not in taken]

    def find_known(self, X: Any, known: list[Any] | None) -> list[int]:
        """Positions of the columns whose future is known; those of keys may not be."""
        columns = [find_column(X, key, "known") for key in known or []]
        if len({*columns, *self.columns()}) < len(columns) + len(self.columns()):
            raise ValueError(
                f"known={known!r} names a column twice, or one of group or time; name"
                " others, each once."
            )
        return columns


@dataclass
class KnownSeries:
    """What is remembered of series: their labels and their regular steps.

    Attributes
    ----------
    labels : list of ndarray of shape (n_series,)
        One array for each column of labels.

    steps : ndarray of shape (n_series,) or None
        Usual step of time; NaN where it is not known.

    is_date : bool
        Whether times are dates and steps nanoseconds.
    """

    labels: list[np.ndarray]
    steps: Any
    is_date: bool


class RowOrder:
    """Rows in order of series and time, and where their history breaks.

    Parameters
    ----------
    X : dataframe or ndarray of shape (n_rows, n_columns)
        The table.

    keys : Keys
        Where labels and times stand in it.

    max_gap : timedelta, str, float or None
        The longest step of time that is no gap; None for half as long again as
        the regular step.

    known : KnownSeries, default=None
        Series whose regular step is known already.

    Attributes
    ----------
    order : ndarray of int, shape (n_rows,), or None
        Positions of the rows in `X`; None if they are in order.

    series : ndarray of int, shape (n_rows,)
        Number of the series of the rows in order.

    times : ndarray of shape (n_rows,) or None
        Their times, if there are any and `known` is None.

    runs : Runs
        The unbroken runs that they make.

    limits : ndarray of shape (n_series,) or None
        Longest step of each series that is no gap.

    found : KnownSeries
        The series of these rows.

    matches : ndarray of int, shape (n_series,)
        Their positions in `known`, or -1.
    """

    def __init__(
        self, X: Any, keys: Keys, max_gap: Any, known: KnownSeries | None = None
    ) -> None:
        series, labels = _read_series(X, keys.group)
        times, is_date = None, False
        if keys.time is not None:
            times, is_date = read_times(read_place(X, keys.time))
        self.order = sort_rows(series, times)
        if self.order is not None:
            series = series[self.order]
            times = None if times is None else times[self.order]
        self.series = series
        self.found = KnownSeries(labels, None, is_date)
        self.matches = self._match(known)
        if times is not None:
            self._check_distinct(times)
            self.found.steps = self._find_steps(times, known)
        self.limits: Any = self._find_limits(max_gap)
        self.runs = Runs.of(series, times, self.limits)
        self.times: Any = None if known else times  # large, and not needed again

    def _match(self, known: KnownSeries | None) -> np.ndarray:
        if known is None:
            return np.full(int(self.series.max()) + 1, -1)
        if self.found.is_date != known.is_date:
            kinds = ["numbers", "dates"][:: -1 if known.is_date else 1]
            raise ValueError(
                f"Time stamps of X are {kinds[1]} and were {kinds[0]} in fit; convert"
                " them to the same kind."
            )
        labels = self.found.labels
        return match_series(labels, known.labels) if labels else np.zeros(1, int)

    def _check_distinct(self, times: np.ndarray) -> None:
        repeated = find_repeated(self.series, times)
        if repeated is None:
            return
        rows = np.array([repeated - 1, repeated])
        rows = rows if self.order is None else self.order[rows]
        time = times[repeated]
        raise ValueError(
            f"Rows {rows[0]} and {rows[1]} of X have the same time stamp,"
            f" {np.datetime64(int(time), 'ns') if self.found.is_date else time}, in one"
            " series: remove one, or name with group= the column that tells series"
            " apart."
        )

    def _find_steps(self, times: np.ndarray, known: KnownSeries | None) -> np.ndarray:
        """Regular steps, as remembered or else as found."""
        steps = regular_steps(self.series, times)
        if known is None:
            return steps
        remembered = np.where(self.matches < 0, np.nan, known.steps[self.matches])
        return np.where(np.isnan(remembered), steps, remembered)

    def _find_limits(self, max_gap: Any) -> np.ndarray | None:
        steps = self.found.steps
        if steps is None or max_gap is None:
            return None if steps is None else GAP * steps
        return np.full(len(steps), read_gap(max_gap, self.found.is_date))

    def windows(
        self, length: int, n_before: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Find the window that ends at each row of `X`.

        Parameters
        ----------
        length : int
            Rows of a window.

        n_before : ndarray of int, shape (n_runs,)
            Rows that the table has before each run, which belong to it.

        Returns
        -------
        starts, lengths : ndarray of int, shape (n_rows,)
            Where each lies on a table of the rows in order.
        """
        shift = np.cumsum(n_before)
        ends = np.arange(1, len(self.series) + 1)
        ends += np.repeat(shift, self.runs.lengths)
        starts = np.repeat(self.runs.starts + shift - n_before, self.runs.lengths)
        np.maximum(starts, ends - length, out=starts)
        ends -= starts
        starts = self.restore(starts)
        return starts, self.restore(ends)

    def followed(self, horizon: int) -> tuple[np.ndarray, np.ndarray]:
        """Find the rows of `X` that `horizon` others follow without a gap.

        Parameters
        ----------
        horizon : int
            How many.

        Returns
        -------
        here : ndarray of int, shape (n_rows_followed,)
            Their positions in `X`, ascending.

        ahead : ndarray of int, shape (n_rows_followed, horizon)
            Positions of those that follow each.
        """
        run = np.repeat(np.arange(len(self.runs.starts)), self.runs.lengths)
        here = np.flatnonzero(run[horizon:] == run[:-horizon])
        position = np.arange(len(run)) if self.order is None else self.order
        here = here[np.argsort(position[here])]  # in the order of X
        ahead = position[here[:, None] + np.arange(1, horizon + 1)]
        return position[here], ahead

    def restore(self, values: np.ndarray) -> np.ndarray:
        """Put values of the rows in order back into the order of `X`."""
        if self.order is None:
            return values
        restored = np.empty_like(values)
        restored[self.order] = values
        return restored

    def find_tails(self, tails: Tails | None) -> tuple[np.ndarray, np.ndarray]:
        """Find the rows of fit that each run continues.

        Parameters
        ----------
        tails : Tails or None
            Those rows.

        Returns
        -------
        starts, lengths : ndarray of int, shape (n_runs,)
            Where they stand in ``tails.rows``; of length 0 for no such rows.
        """
        if tails is None:
            none = np.zeros_like(self.runs.starts)
            return none, none
        series = self.runs.series
        return tails.find(self.matches[series], self.runs.first, self.limits[series])


def _read_series(X: Any, group: list[Place]) -> tuple[np.ndarray, list[np.ndarray]]:
    """Number of the series of each row, and the labels of each series."""
    if not group:
        n_rows = np.shape(X)[0] if hasattr(X, "shape") else len(X)
        return np.broadcast_to(np.int32(0), n_rows), []
    columns = [read_labels(read_place(X, place), "group") for place in group]
    series, first = number_series(columns)
    return series, [column[first] for column in columns]
