"""What is known of the rows that follow a table: covariates and time stamps."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import _safe_indexing

from .._rows._columns import (
    Place,
    as_table,
    column_names,
    get_index,
    read_place,
    read_times,
)
from .._rows._order import Keys, RowOrder
from .._rows._series import match_series
from .._rows._tables import is_frame, set_columns
from ._calendar import continue_column, continue_index


class Future:
    """A table of later rows, matched with the table that it continues."""

    def __init__(
        self,
        future: Any,
        table: Any,
        keys: Keys,
        order: RowOrder,
        covariates: list[int],
        n_steps: int,
    ) -> None:
        self.covariates = covariates
        self.table, self.columns = _read(future, table, keys, covariates)
        group = [self._place(place) for place in keys.group]
        names = column_names(table)
        pairs = zip(keys.group, group, strict=True)
        missing = [before.name for before, here in pairs if here is None]
        missing += [names[i] for i in covariates if i not in self.columns]
        if missing:
            raise ValueError(
                f"future lacks {missing}; it needs the columns that are not forecast:"
                f" it has {list(column_names(self.table))}."
            )
        time = None if keys.time is None else self._place(keys.time)
        index = get_index(self.table)
        is_asked = time is None and keys.time is not None and keys.time.in_index
        if is_asked and index is not None and _is_date(index):
            time = Place(True, 0, index.name)  # dates are meant, whatever their name
        self.keys = Keys([place for place in group if place is not None], time)
        self.has_time = self.keys.time is not None
        rows = self._sort(order, n_steps)
        if not self.has_time:
            _check_index(get_index(table), index, order, rows)
        self.table = _safe_indexing(self.table, rows)

    def _place(self, place: Place) -> Place | None:
        """Find in the later rows what stands at a place of the table before."""
        if not place.in_index:
            position = self.columns.get(place.position)
            return None if position is None else Place(False, position, place.name)
        index = get_index(self.table)
        names = column_names(self.table)
        if is_frame(self.table) and place.name is not None and place.name in names:
            return Place(False, names.index(place.name), place.name)
        if index is None or place.name not in index.names:
            return None
        # Rows that nobody has numbered say nothing of time.
        return None if _is_default(index) else place

    def _sort(self, order: RowOrder, n_steps: int) -> np.ndarray:
        """Positions of the rows by series and time, after the checks."""
        if len(self.table) == 0:
            raise ValueError(f"future has no rows; expected {n_steps} for each series.")
        mine = RowOrder(self.table, self.keys, np.inf if self.has_time else None)
        labels, known = mine.found.labels, order.found.labels
        matches = match_series(labels, known) if known else np.zeros(1, int)
        if (matches < 0).any():
            raise ValueError(
                f"future has rows of {_name(labels, int(matches.argmin()))}, which the"
                " table before it does not have: remove them."
            )
        series = matches[mine.series]
        counts = np.bincount(series, minlength=len(order.matches))
        if (counts != n_steps).any():
            odd = int((counts != n_steps).argmax())
            of = f" for {_name(known, odd)}" if known else ""
            raise ValueError(
                f"future has {counts[odd]} row(s){of}; expected {n_steps}, one for each"
                " step ahead."
            )
        rows = np.argsort(series, kind="stable")
        if self.has_time:
            if mine.found.is_date != order.found.is_date:
                kinds = ["numbers", "dates"][:: -1 if order.found.is_date else 1]
                raise ValueError(
                    f"Time stamps of future are {kinds[1]} and those before are"
                    f" {kinds[0]}; convert them to the same kind."
                )
            if order.found.working.any():  # then limits are in working days
                mine = RowOrder(self.table, self.keys, None, order.found)
            _check_follows(order, order.clock, mine.clock[rows], order.limits)
        return rows if mine.order is None else mine.order[rows]

    def column(self, position: int) -> Any:
        """Return a column that the table before has at `position`."""
        return _safe_indexing(self.table, self.columns[position], axis=1)

    def times(self) -> Any:
        """Return the time stamps."""
        assert self.keys.time is not None
        return read_place(self.table, self.keys.time)


def _read(
    future: Any, table: Any, keys: Keys, covariates: list[int]
) -> tuple[Any, dict[int, int]]:
    """The later rows, and where they have the columns of the table before."""
    if not is_frame(future):
        future = np.asarray(future) if not isinstance(future, list) else future
        if np.ndim(future) == 1:
            future = np.reshape(future, (-1, 1))
        future = as_table(future, "future")
        needed = sorted([*keys.columns(), *covariates])
        if keys.time is not None and np.shape(future)[1] == len(needed) - 1:
            needed = [i for i in needed if i != keys.time.position]
        if np.shape(future)[1] != len(needed):
            names = column_names(table)
            raise ValueError(
                f"future has {np.shape(future)[1]} column(s); expected"
                f" {[names[i] for i in needed]}, which are not forecast."
            )
        return future, {i: j for j, i in enumerate(needed)}
    names = column_names(table)
    if not is_frame(table):
        raise TypeError(
            "future is a dataframe and what it continues an array: give both alike."
        )
    if type(future) is not type(table):
        raise TypeError(
            f"future is a {type(future).__module__} dataframe and what it continues"
            f" one of {type(table).__module__}: give both alike."
        )
    unknown = [name for name in column_names(future) if name not in names]
    levels = [] if get_index(table) is None else list(get_index(table).names)
    if unknown := [name for name in unknown if name not in levels]:
        raise ValueError(
            f"future has the columns {unknown}, which the table before it does not"
            " have: remove them."
        )
    return future, {
        names.index(name): j for j, name in enumerate(future.columns) if name in names
    }


def _name(labels: list[np.ndarray], series: int) -> str:
    values = [column[series] for column in labels]
    values = [value.item() if hasattr(value, "item") else value for value in values]
    return f"series {values[0] if len(values) == 1 else tuple(values)!r}"


def _check_follows(
    order: RowOrder, before: np.ndarray, after: np.ndarray, limits: np.ndarray | None
) -> None:
    """Check that the rows of each series go on from the last of those before."""
    hint = " If its index says nothing of time, drop it: reset_index(drop=True)."
    hint = hint if limits is None else ""
    last = before[np.diff(order.series, append=-1) != 0]
    steps = np.diff(np.c_[last, after.reshape(len(last), -1)])

    def of(is_odd: np.ndarray) -> str:
        known = order.found.labels
        return f" of {_name(known, int(is_odd.argmax()))}" if known else ""

    if (early := steps[:, 0] <= 0).any():
        raise ValueError(
            f"The first row{of(early)} in future is not later than the last one before"
            f" it: future holds only what comes after.{hint}"
        )
    if (falls := (steps < 0).any(axis=1)).any():
        raise ValueError(
            f"The rows{of(falls)} in future are not in order of their index: sort"
            f" them.{hint}"
        )
    if limits is None:
        return
    if (late := steps[:, 0] > limits).any():
        raise ValueError(
            f"Between the last row{of(late)} before future and its first row there is a"
            " gap: give those that follow, or a larger max_gap."
        )
    if (holes := (steps > limits[:, None]).any(axis=1)).any():
        raise ValueError(
            f"Between the rows{of(holes)} in future is a gap: give those that are"
            " missing, or a larger max_gap."
        )


def _check_index(before: Any, after: Any, order: RowOrder, rows: np.ndarray) -> None:
    """Check that dates or numbers go on, in an index that is not named as time."""
    if before is None or after is None or _is_default(after):
        return
    if _is_date(before) != _is_date(after) or before.hasnans or after.hasnans:
        return
    if not _is_date(before) and not (_is_number(before) and _is_number(after)):
        return
    times, later = _index_times(before), _index_times(after)
    times = times if order.order is None else times[order.order]
    if (np.diff(times)[np.diff(order.series) == 0] >= 0).all():
        _check_follows(order, times, later[rows], None)


def _index_times(index: Any) -> np.ndarray:
    is_period = hasattr(index, "to_timestamp")
    return read_times((index.to_timestamp() if is_period else index).to_series())[0]


def _is_date(index: Any) -> bool:
    return index.inferred_type in ("datetime64", "date", "period")


def _is_number(index: Any) -> bool:
    return index.inferred_type in ("integer", "floating")


def _is_default(index: Any) -> bool:
    """Whether an index is that of rows that nobody has numbered."""
    return getattr(index, "start", None) == 0


def coming_rows(
    history: Any,
    index: Any,
    keys: Keys,
    order: RowOrder,
    future: Future | None,
    n_steps: int,
) -> Any:
    """Make the rows to come, with all that is known of them filled in."""
    last = np.flatnonzero(np.diff(order.series, append=-1))
    coming = _safe_indexing(history, np.repeat(last, n_steps))
    columns = {}
    if future is not None:
        columns = {i: future.column(i) for i in future.covariates}
    times = None
    if keys.time is not None:
        if future is not None and future.has_time:
            times = future.times()
        else:
            column = read_place(history, keys.time)
            times = continue_column(column, order.series, n_steps)
        if not keys.time.in_index:
            columns[keys.time.position] = times
    coming = set_columns(coming, columns) if columns else coming
    if index is not None:
        coming.index = _coming_index(coming.index, index, keys, times, future)
    return coming


def _coming_index(
    repeated: Any, index: Any, keys: Keys, times: Any, future: Any
) -> Any:
    """Make the index of rows to come; `repeated` is that of the rows before them."""
    if keys.time is not None and keys.time.in_index:
        if repeated.nlevels == 1:
            return type(repeated)(times, name=repeated.name)
        levels = [repeated.get_level_values(i) for i in range(repeated.nlevels)]
        levels[keys.time.position] = times
        return type(repeated).from_arrays(levels, names=repeated.names)
    labels = None if future is None else get_index(future.table)
    if labels is not None and not any(place.in_index for place in keys.group):
        return labels
    if any(place.in_index for place in keys.group):
        return repeated
    return continue_index(index, len(repeated), one_series=not keys.group)
