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
    list_keys,
    read_gap,
    read_labels,
    read_place,
    read_times,
    read_zone_offset,
)
from ._series import (
    GAP,
    Runs,
    Tails,
    find_working,
    match_series,
    number_series,
    regular_steps,
    sort_rows,
    working_time,
)


@dataclass
class Keys:
    """Where a table says to which series a row belongs, and when it was taken."""

    group: list[Place]  # columns or index levels
    time: Place | None

    def __getstate__(self) -> dict[str, Any]:
        time = None if self.time is None else tuple(self.time)
        return {"group": [tuple(place) for place in self.group], "time": time}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.group = [Place(*place) for place in state["group"]]
        self.time = None if state["time"] is None else Place(*state["time"])

    @classmethod
    def find(cls, X: Any, group: Any, time: Any, input_name: str = "X") -> Keys:
        """Find them by name or position; `group` may be one, a list or None."""
        groups = [] if group is None else list_keys(group, X)
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
    """What is remembered of series: their labels and their regular steps."""

    labels: list[np.ndarray]  # of each column in group (n_series,)
    steps: Any  # (n_series,) usual step of time; NaN where it is not known
    working: np.ndarray  # (n_series,) whether it has no rows at weekends
    is_date: bool  # whether times are dates and steps nanoseconds

    def names(self) -> np.ndarray | None:
        """Return the label of each series, a tuple if there are several columns."""
        if len(self.labels) < 2:
            return self.labels[0] if self.labels else None
        names = np.empty(len(self.labels[0]), dtype=object)
        names[:] = list(zip(*self.labels, strict=True))
        return names


class RowOrder:
    """Rows in order of series and time, and where their history breaks."""

    def __init__(
        self, X: Any, keys: Keys, max_gap: Any, known: KnownSeries | None = None
    ) -> None:
        series, labels = _read_series(X, keys.group)
        times, is_date, zone_offset = None, False, None
        if keys.time is not None:
            column = read_place(X, keys.time)
            times, is_date = read_times(column)
            zone_offset = read_zone_offset(column, times) if max_gap is None else None
        self.order = sort_rows(series, times)
        self.series = series = self._sort(series)
        self.times: Any = self._sort(times)
        self.clock: Any = self.times
        n_series = int(series.max()) + 1
        self.found = KnownSeries(labels, None, np.zeros(n_series, bool), is_date)
        self.matches = self._match(known)
        self.limits: Any = None
        self._is_asked = max_gap is not None
        if self.times is not None:
            self._check_distinct(in_fit=known is None, in_index=not keys.columns())
            if is_date and max_gap is None:
                self._leave_out_weekends(self._sort(zone_offset), known)
            self.found.steps = self._find_steps(known)
            self.limits = GAP * self.found.steps
            if max_gap is not None:
                self.limits = np.full(n_series, read_gap(max_gap, is_date))
        self.runs = Runs.of(series, self.clock, self.limits)

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

    def _check_distinct(self, *, in_fit: bool, in_index: bool) -> None:
        series, times = self.series, self.times
        repeated = (series[1:] == series[:-1]) & (times[1:] == times[:-1])
        if repeated.any():
            k = int(repeated.argmax())
            hint = (
                " For what shuffles columns, such as permutation_importance, put group"
                " and time in the index."
            )
            rows, time = self.positions(np.array([k, k + 1])), times[k]
            raise ValueError(
                f"Rows {rows[0]} and {rows[1]} of X have the same time stamp,"
                f" {np.datetime64(int(time), 'ns') if self.found.is_date else time},"
                " in one series: remove one, or name with group= the column that tells"
                f" series apart.{'' if in_fit or in_index else hint}"
            )

    def _leave_out_weekends(self, zone_offset: Any, known: KnownSeries | None) -> None:
        """Stop the clock at weekends for the series that have no rows there."""
        wall = self.times if zone_offset is None else self.times + zone_offset
        working = find_working(self.series, wall)
        if known is not None:
            working = np.where(self.matches < 0, working, known.working[self.matches])
        self.found.working = working
        if working.any():
            # By the time in UTC, in which no hour is skipped or repeated.
            clock = working_time(wall) - (wall - self.times)
            self.clock = np.where(working[self.series], clock, self.times)

    def _find_steps(self, known: KnownSeries | None) -> np.ndarray:
        """Regular steps, as remembered or else as found."""
        steps = regular_steps(self.series, self.clock)
        if known is None:
            return steps
        remembered = np.where(self.matches < 0, np.nan, known.steps[self.matches])
        return np.where(np.isnan(remembered), steps, remembered)

    def _sort(self, values: Any) -> Any:
        return values if self.order is None or values is None else values[self.order]

    def histories(self, n_before: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Find the history of each row of `X`: the rows of its run up to it."""
        # A narrow table takes less than the positions on it, unless these are short.
        n_table = len(self.series) + int(n_before.sum())
        kind: Any = np.int32 if n_table < 1 << 31 else np.int64
        shift = np.cumsum(n_before)
        lengths: Any = np.arange(1, len(self.series) + 1, dtype=kind)
        lengths += np.repeat(shift.astype(kind), self.runs.lengths)
        starts = (self.runs.starts + shift - n_before).astype(kind)
        starts = np.repeat(starts, self.runs.lengths)
        lengths -= starts
        return self.restore(starts), self.restore(lengths)

    def followed(self, horizon: int) -> np.ndarray:
        """Find the rows that `horizon` others follow without a gap."""
        number = np.arange(len(self.runs.starts), dtype=np.int32)
        run = np.repeat(number, self.runs.lengths)
        here = np.flatnonzero(run[horizon:] == run[:-horizon])
        return here if self.order is None else here[np.argsort(self.order[here])]

    def positions(self, places: np.ndarray) -> np.ndarray:
        """Positions in `X` of rows that stand in these places in order."""
        return places if self.order is None else self.order[places]

    def restore(self, values: np.ndarray) -> np.ndarray:
        """Put values of the rows in order back into the order of `X`."""
        if self.order is None:
            return values
        restored = np.empty_like(values)
        restored[self.order] = values
        return restored

    def find_tails(self, tails: Tails | None) -> tuple[np.ndarray, np.ndarray]:
        """Find the rows of fit that each run continues, (n_runs,)."""
        if tails is None:
            none = np.zeros_like(self.runs.starts)
            return none, none
        series, firsts = self.runs.series, self.runs.starts
        times = self.times if self._is_asked else self.clock
        known = tails.times if self._is_asked else tails.clock
        return tails.find(
            known, self.matches[series], times[firsts], self.limits[series]
        )


def _read_series(X: Any, group: list[Place]) -> tuple[np.ndarray, list[np.ndarray]]:
    """Number of the series of each row, and the labels of each series."""
    if len(X) == 0:
        raise ValueError("The table has no rows; expected at least 1.")
    if not group:
        return np.broadcast_to(np.int32(0), len(X)), []
    columns = [read_labels(read_place(X, place), "group") for place in group]
    series, first = number_series(columns)
    return series, [column[first] for column in columns]
