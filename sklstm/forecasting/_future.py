"""The rows that follow a table: their times, and what is known of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from .._arrays import reading
from .._compat import _num_samples, _safe_indexing, validate_params
from .._constraints import at_least
from .._rows._columns import (
    Place,
    as_table,
    column_names,
    find_zone,
    get_index,
    read_labels,
    read_place,
    read_times,
    refuse_lazy,
)
from .._rows._histories import KEY_CONSTRAINTS, check_gap, cut_histories
from .._rows._order import Keys, RowOrder
from .._rows._series import match_series, number_series
from .._rows._tables import (
    TABLE,
    append_leads,
    is_frame,
    read_table,
    set_columns,
    stack_rows,
)
from ._calendar import continue_column, continue_index


@validate_params(
    {
        "data": TABLE,
        "future": TABLE,
        "known": [list],
        "horizon": [at_least(1)],
        **KEY_CONSTRAINTS,
        "as_rows": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)
def add_future(
    data: Any,
    future: Any,
    known: list[Any],
    horizon: int,
    *,
    group: Any = None,
    time: Any = None,
    max_gap: Any = None,
    as_rows: bool = False,
) -> Any:
    """Make the histories of all rows, with known values of the rows that follow.

    The features are those of `make_supervised` with `known`. While the samples of
    `make_supervised` end `horizon` rows before the last row, these go on to the last
    row: `future` has the known values of the rows after it.

    Parameters
    ----------
    data : array-like of shape (n_rows, n_features)
        The rows, with the columns passed to `make_supervised`.

    future : array-like of shape (n_series * horizon, n_columns)
        The `horizon` rows that follow each series of `data`, with the columns of
        `known` and `group`, and that of `time` unless the rows follow by the regular
        step of their series. A dataframe may have other columns of `data`, which are
        not read; an array has just these columns, in the order of `data`.

    known : list of int or str
        As in `make_supervised`.

    horizon : int
        As in `make_supervised`.

    group : str, int or list of these, default=None
        As in `make_supervised`.

    time : str or int, default=None
        As in `make_supervised`.

    max_gap : timedelta, str or float, default=None
        As in `make_supervised`.

    as_rows : bool, default=False
        As in `make_supervised`.

    Returns
    -------
    X : Sequences of length n_samples
        The histories of the rows in the order of `data`, with the known values as more
        features. Rows with a gap among the next `horizon` rows are left out, since
        their known values are missing. If `as_rows` is True, the rows in the form of
        `data`.

    Raises
    ------
    ValueError
        If `future` has another number of rows, lacks a column, or does not continue the
        series of `data`, by its time stamps or its index.

    See Also
    --------
    make_supervised : Histories with the values that follow them, to fit to.
    forecast : Forecast the rows that follow a table, with dates and intervals.

    Examples
    --------
    >>> from sklstm import make_supervised
    >>> from sklstm.forecasting import add_future
    >>> data = [[10, 1], [20, 2], [30, 3]]
    >>> X, y = make_supervised(data, horizon=1, known=[1])
    >>> X[-1]
    array([[10,  1,  2],
           [20,  2,  3]])
    >>> add_future(data, [[4]], known=[1], horizon=1)[-1]
    array([[10,  1,  2],
           [20,  2,  3],
           [30,  3,  4]])
    """
    check_gap(max_gap, time)
    data = read_table(data, "data", group=group, time=time, known=known)
    horizon = int(horizon)
    keys = Keys.find(data, group, time, "data")
    refuse_lazy(future, "future")
    with reading("future", "a table"):
        n_rows = _num_samples(future)
    if n_rows < horizon:
        raise ValueError(
            f"future has {n_rows} row(s); expected horizon={horizon} of each series."
        )
    leads = keys.find_known(data, known)
    order = RowOrder(data, keys, max_gap)
    longer = extend(data, keys, order, max_gap, horizon, future, leads)
    places = longer.order.followed(horizon)
    here = longer.order.positions(places)
    if as_rows:
        ahead = longer.order.positions(places[:, None] + np.arange(1, horizon + 1))
        return append_leads(_safe_indexing(data, here), longer.table, leads, ahead)
    X = cut_histories(longer.table, keys, longer.order, leads=(leads, horizon))[here]
    X.horizon = horizon
    return X


@dataclass
class Longer:
    """A table with the rows that follow each of its series."""

    table: Any  # (n_rows + n_series * n_steps, n_columns) the rows to come at the end
    order: RowOrder  # of all of them


def extend(
    table: Any,
    keys: Keys,
    order: RowOrder,
    max_gap: Any,
    n_steps: int,
    future: Any = None,
    needed: list[int] | None = None,
) -> Longer:
    """Append the next rows of each series; what is not known stands as in its last."""
    ends = np.flatnonzero(np.diff(order.series, append=-1))
    last = order.positions(ends)
    coming = _safe_indexing(table, np.repeat(last, n_steps))
    columns, times, index = {}, None, None
    if future is not None:
        known = Future(future, table, keys, order, needed or [], n_steps)
        columns = {i: known.column(i) for i in needed or []}
        times, index = known.times(), get_index(known.table)
        if times is not None:
            _check_later(order, order.times[ends], read_times(times)[0], n_steps)
        elif keys.time is None:
            _check_index(order, get_index(table), index, n_steps)
    if keys.time is not None and times is None:
        in_order = read_place(table, keys.time)
        if order.order is not None:
            in_order = _safe_indexing(in_order, order.order)
        times = continue_column(in_order, order.series, n_steps)
    if keys.time is not None and not keys.time.in_index:
        columns[keys.time.position] = times
    coming = set_columns(coming, columns) if columns else coming
    if get_index(table) is not None:
        coming.index = _coming_index(table, coming.index, keys, order, times, index)
    joined = stack_rows(table, coming)
    both = RowOrder(joined, keys, max_gap, order.found)
    new = len(order.series) + np.arange(len(last) * n_steps).reshape(-1, n_steps)
    _check_gaps(order, both, last, new)
    return Longer(joined, both)


class Future:
    """What is known of the next `n_steps` rows of each series, in order of series."""

    def __init__(
        self,
        future: Any,
        table: Any,
        keys: Keys,
        order: RowOrder,
        needed: list[int],
        n_steps: int,
    ) -> None:
        self.table, self.at = _read(future, table, keys, needed)
        self.names, self.keys = column_names(table), keys
        group = [self._find(place) for place in keys.group]
        missing = [
            place.name
            for place, found in zip(keys.group, group, strict=True)
            if found is None
        ]
        missing += [self.names[i] for i in needed if i not in self.at]
        if missing:
            raise ValueError(
                f"future lacks {missing}; it needs the columns that are not forecast:"
                f" it has {list(column_names(self.table))}."
            )
        if len(self.table) == 0:
            raise ValueError(f"future has no rows; expected {n_steps} for each series.")
        series = self._match([place for place in group if place], order, n_steps)
        if (np.diff(series) < 0).any():  # pandas 2 makes a RangeIndex a plain one
            self.table = _safe_indexing(self.table, np.argsort(series, kind="stable"))
        times = self.times()
        if times is not None and keys.time is not None and order.found.is_date:
            before = _zone(read_place(table, keys.time))
            if (before is None) != (_zone(times) is None):
                has, had = ("no", "a") if before is not None else ("a", "no")
                raise ValueError(
                    f"Time stamps of future have {has} time zone and those before"
                    f" {had}: convert them to the same kind."
                )
        if times is not None and read_times(times)[1] != order.found.is_date:
            kinds = ["numbers", "dates"][:: -1 if order.found.is_date else 1]
            raise ValueError(
                f"Time stamps of future are {kinds[1]} and those before are"
                f" {kinds[0]}; convert them to the same kind."
            )

    def _find(self, place: Place) -> Place | None:
        """Find in the later rows what stands at a place of the table before."""
        if not place.in_index:
            position = self.at.get(place.position)
            return None if position is None else Place(False, position, place.name)
        index, names = get_index(self.table), column_names(self.table)
        if is_frame(self.table) and place.name is not None and place.name in names:
            return Place(False, names.index(place.name), place.name)
        if index is None or is_default(index):
            return None  # rows that nobody has numbered say nothing
        if place.name in index.names:
            return place
        is_time = place is self.keys.time and is_date(index)
        return Place(True, 0, index.name) if is_time else None

    def _match(self, group: list[Place], order: RowOrder, n_steps: int) -> np.ndarray:
        """Number the series of each row as those of the table before."""
        series, matches = np.zeros(len(self.table), dtype=np.int64), np.zeros(1, int)
        known = order.found.labels
        if group:
            columns = [read_labels(read_place(self.table, p), "group") for p in group]
            series, first = number_series(columns)
            labels = [column[first] for column in columns]
            matches = match_series(labels, known)
            if (matches < 0).any():
                raise ValueError(
                    f"future has rows of {_name(labels, int(matches.argmin()))}, which"
                    " the table before it does not have: remove them."
                )
        series = matches[series]
        counts = np.bincount(series, minlength=int(order.series.max()) + 1)
        if (counts != n_steps).any():
            odd = int((counts != n_steps).argmax())
            of = f" for {_name(known, odd)}" if known else ""
            raise ValueError(
                f"future has {counts[odd]} row(s){of}; expected {n_steps}, one for each"
                " step ahead (in whole horizons, if columns are known)."
            )
        return series

    def column(self, position: int) -> Any:
        """Return the column that the table before has at `position`."""
        return _safe_indexing(self.table, self.at[position], axis=1)

    def times(self) -> Any:
        """Return the time stamps, if it has them."""
        place = None if self.keys.time is None else self._find(self.keys.time)
        return None if place is None else read_place(self.table, place)


def _read(
    future: Any, table: Any, keys: Keys, needed: list[int]
) -> tuple[Any, dict[int, int]]:
    """The later rows, and where they have the columns of the table before."""
    refuse_lazy(future, "future")
    names = column_names(table)
    if not is_frame(future):
        with reading("future", "a table"):
            future = np.asarray(future) if not isinstance(future, list) else future
            if np.ndim(future) == 1:
                future = np.reshape(future, (-1, 1))
        future = as_table(future, "future")
        expected = sorted([*keys.columns(), *needed])
        if keys.time is not None and np.shape(future)[1] == len(expected) - 1:
            expected = [i for i in expected if i != keys.time.position]
        if np.shape(future)[1] != len(expected):
            raise ValueError(
                f"future has {np.shape(future)[1]} column(s); expected"
                f" {[names[i] for i in expected]}, which are not forecast."
            )
        return future, {i: j for j, i in enumerate(expected)}
    if type(future) is not type(table):
        kind = type(table).__module__ if is_frame(table) else "numpy"
        raise TypeError(
            f"future is a dataframe of {type(future).__module__} and what it continues"
            f" of {kind}: give both alike."
        )
    levels = [] if get_index(table) is None else list(get_index(table).names)
    has = list(column_names(future))
    if unknown := [name for name in has if name not in [*names, *levels]]:
        raise ValueError(
            f"future has the columns {unknown}, which the table before it does not"
            " have: remove them."
        )
    return future, {
        list(names).index(name): j for j, name in enumerate(has) if name in names
    }


def _zone(column: Any) -> Any:
    native = nw.from_native(column, series_only=True, pass_through=True)
    return find_zone(native) if isinstance(native, nw.Series) else None


def _name(labels: list[np.ndarray], series: int) -> str:
    values = [column[series] for column in labels]
    values = [value.item() if hasattr(value, "item") else value for value in values]
    return f"series {values[0] if len(values) == 1 else tuple(values)!r}"


def _of(order: RowOrder, is_odd: np.ndarray) -> str:
    """Name the first odd series, if they have names."""
    labels = order.found.labels
    return f" of {_name(labels, int(is_odd.argmax()))}" if labels else ""


def _check_later(
    order: RowOrder, last: np.ndarray, times: np.ndarray, n_steps: int
) -> None:
    """Check that the times to come are after the last one of each series."""
    if (early := times.reshape(-1, n_steps).min(axis=1) <= last).any():
        raise ValueError(
            f"The first row{_of(order, early)} in future is not later than the last one"
            " before it: future holds only what comes after."
        )


def _check_gaps(
    order: RowOrder, both: RowOrder, last: np.ndarray, new: np.ndarray
) -> None:
    """Check that no gap lies before the new rows of a series, nor between them."""
    run = np.empty(len(both.series), dtype=np.int64)
    run[both.positions(np.arange(len(run)))] = np.repeat(
        np.arange(len(both.runs.starts)), both.runs.lengths
    )
    new = np.sort(run[new], axis=1)  # runs are numbered in order of series and time
    if (late := new[:, 0] != run[last]).any():
        raise ValueError(
            f"Between the last row{_of(order, late)} before future and its first row"
            " there is a gap: give those that follow, or a larger max_gap."
        )
    if (holes := new[:, -1] != new[:, 0]).any():
        raise ValueError(
            f"Between the rows{_of(order, holes)} in future is a gap: give those that"
            " are missing, or a larger max_gap."
        )


def _check_index(order: RowOrder, before: Any, after: Any, n_steps: int) -> None:
    """Check that dates or numbers go on, in an index that is not named as time."""
    if before is None or after is None or is_default(after):
        return
    same = is_date(before) == is_date(after) and not (before.hasnans or after.hasnans)
    numbers = all(i.inferred_type in ("integer", "floating") for i in (before, after))
    if not same or not (is_date(before) or numbers):
        return
    times, later = _index_times(before), _index_times(after).reshape(-1, n_steps)
    times = times if order.order is None else times[order.order]
    if (np.diff(times)[np.diff(order.series) == 0] < 0).any():
        return  # it said nothing of time before
    last = times[np.diff(order.series, append=-1) != 0]
    hint = "If its index says nothing of time, drop it: reset_index(drop=True)."
    if (later[:, 0] <= last).any():
        raise ValueError(
            "The first row in future is not later than the last one before it, by its"
            f" index: future holds only what comes after. {hint}"
        )
    if (np.diff(later, axis=1) < 0).any():
        raise ValueError(
            f"The rows in future are not in order of their index: sort them. {hint}"
        )


def _index_times(index: Any) -> np.ndarray:
    is_period = hasattr(index, "to_timestamp")
    return read_times((index.to_timestamp() if is_period else index).to_series())[0]


def is_date(index: Any) -> bool:
    """Whether an index of pandas holds dates."""
    kind = getattr(index, "inferred_type", None)
    return kind in ("datetime64", "date", "period")


def is_default(index: Any) -> bool:
    """Whether an index is that of rows that nobody has numbered."""
    return getattr(index, "start", None) == 0


def _coming_index(
    table: Any, repeated: Any, keys: Keys, order: RowOrder, times: Any, given: Any
) -> Any:
    """Make the index of rows to come; `repeated` is that of the rows before them."""
    if keys.time is not None and keys.time.in_index:
        if repeated.nlevels == 1:
            return type(repeated)(times, name=repeated.name)
        levels = [repeated.get_level_values(i) for i in range(repeated.nlevels)]
        levels[keys.time.position] = times
        return type(repeated).from_arrays(levels, names=repeated.names)
    if any(place.in_index for place in keys.group):
        return repeated
    if given is not None:
        return given
    index = get_index(table)
    if order.order is not None and getattr(index, "start", None) is None:
        index = index[order.order]
    return continue_index(index, len(repeated), one_series=not keys.group)
