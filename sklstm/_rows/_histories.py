"""From rows of a table to the history of each: all rows of its series up to it."""

from __future__ import annotations

import warnings
from collections.abc import Hashable
from numbers import Real
from typing import Any

import numpy as np

from .._compat import validate_params
from .._constraints import Interval
from .._sequences import Sequences
from ._columns import GAP_TYPES, column_names, get_index, read_steps
from ._order import Keys, RowOrder
from ._series import Tails, join_ranges
from ._tables import TABLE, append_leads, is_frame, name_leads, read_table

# Of fewer rows each may have a label of its own.
FEW_LABELS = 20

# Share of the steps of an index that may be holes without a word, and their number, of
# which fewer have no pattern that could be seen.
HOLES = 0.05
FEW_HOLES = 10

KEY_CONSTRAINTS: dict[str, list[Any]] = {
    "group": [Hashable, list, None],
    "time": [Hashable, None],
    "max_gap": [*GAP_TYPES, Interval(Real, 0, None, closed="right"), None],
}


@validate_params({"data": TABLE, **KEY_CONSTRAINTS}, prefer_skip_nested_validation=True)
def make_histories(
    data: Any, *, group: Any = None, time: Any = None, max_gap: Any = None
) -> Sequences:
    """Make the history of each row of one or many series.

    The history of a row is all rows of its series up to it. This is the `X` of
    `make_supervised` for all rows, including the last ones: a fitted model predicts
    from it what comes next.

    Parameters
    ----------
    data : array-like of shape (n_rows,) or (n_rows, n_columns)
        A series in time order; with `group` and `time`, rows in any order.

    group : str, int or list of these, default=None
        The column that identifies the series of a row, by name or position, or a level
        of the index by name. With a list, rows that agree in all of these belong to
        the same series. None means that all rows belong to one series.

    time : str or int, default=None
        The column with the times of the rows, as dates or numbers, by name or
        position, or a level of the index by name. ``"index"`` is an index without
        levels, whatever its name. None means that the rows of a series are
        consecutive in the order given.

    max_gap : timedelta, str or float, default=None
        The longest time step that is not a gap. After a gap, a new history begins. A
        duration for dates (``"3h"`` is read by pandas), a number for numbers, infinity
        for no gaps. None means 1.5 times the regular step of each series (see
        `SequenceWindower`); weekends are not gaps in a series without rows on
        weekends. Needs `time`.

    Returns
    -------
    X : Sequences of length n_rows
        The history of each row, in the order of the rows and on one table, without the
        columns of `group` and `time`. Columns of strings or categories become ids,
        whose labels are in `X.categories`.

    Raises
    ------
    ValueError
        If `group` or `time` is not in `data`, a label or time is missing, two rows of
        a series have the same time, or another column holds neither numbers nor
        labels.

    See Also
    --------
    make_supervised : Histories with the values that follow them, to fit to.
    SequenceWindower : Keep the last time steps of each history.

    Examples
    --------
    >>> from sklstm import make_histories
    >>> X = make_histories([10, 20, 30])
    >>> [history.ravel().tolist() for history in X]
    [[10], [10, 20], [10, 20, 30]]
    """
    data = read_table(data, "data", group=group, time=time)
    keys = Keys.find(data, group, time, "data")
    check_gap(max_gap, time)
    warn_of_disorder(data, keys)
    return cut_histories(data, keys, RowOrder(data, keys, max_gap))


def _warn_of_names(X: Any, features: list[int], table: Any, categories: Any) -> None:
    """Say so if a column has a label of its own in each row."""
    for i, column, labels in zip(features, table.T, categories or [], strict=False):
        if labels is not None and len(np.unique(column)) == len(table) >= FEW_LABELS:
            warnings.warn(
                f"Column {column_names(X)[i]!r} has another label in each of"
                f" {len(table)} rows, such as {labels[0]!r}, of which a model learns"
                " nothing: drop it, or convert it if it holds numbers or dates.",
                stacklevel=5,
            )


def check_gap(max_gap: Any, time: Any) -> None:
    """Raise if there is a longest step of time, but no time."""
    if max_gap is not None and time is None:
        raise ValueError(
            f"max_gap={max_gap!r} needs time stamps: name their column or index level"
            " with time=."
        )


def warn_of_disorder(table: Any, keys: Keys, stacklevel: int = 4) -> None:
    """Say so if rows are taken as they come, and their index says otherwise."""
    index = get_index(table)
    kind = getattr(index, "inferred_type", None)
    if keys.time is not None or kind not in ("datetime64", "date", "period", "integer"):
        return
    if index.is_monotonic_increasing and index.is_unique:
        return
    rows = RowOrder(table, keys, None)
    index = index if rows.order is None else index[rows.order]
    if not (index[1:] > index[:-1])[np.diff(rows.series) == 0].all():
        warnings.warn(
            "Rows are taken in the order in which they come, but their index is not in"
            " order: name it with time='index' and series with group=, or sort the"
            " rows; reset_index(drop=True) if it says nothing of time.",
            stacklevel=stacklevel,
        )


def warn_of_holes(table: Any, keys: Keys, stacklevel: int) -> None:
    """Say so if the row numbers in an index tell of rows that were taken out.

    Those that a splitter has drawn leave holes of all sizes at all distances. Every
    tenth row, an interleaved panel and numbers such as 202412 have regular ones, and
    blocks have few.
    """
    index = get_index(table)
    if keys.time is not None or keys.group:
        return
    if getattr(index, "inferred_type", None) != "integer":
        return
    steps = np.diff(np.asarray(index, dtype=np.int64))
    holes = np.flatnonzero(steps != 1)
    if len(holes) < max(FEW_HOLES, HOLES * len(steps)) or steps.min() != 1:
        return
    kinds = np.column_stack([np.diff(holes), steps[holes[1:]]])
    if np.unique(kinds, axis=0, return_counts=True)[1].max() > len(kinds) / 2:
        return
    warnings.warn(
        f"Rows are taken as consecutive, but their index has holes at {len(holes)} of"
        f" {len(steps)} steps, as if rows had been drawn at random: make histories of"
        " all rows before they are split, with make_supervised, or name the index with"
        " time='index'; reset_index(drop=True) if it says nothing of time.",
        stacklevel=stacklevel,
    )


def cut_histories(
    X: Any,
    keys: Keys,
    order: RowOrder,
    tails: Tails | None = None,
    leads: tuple[list[int], int] = ([], 0),
    source: Any = None,
    labels: dict[int, list[Any]] | None = None,
) -> Sequences:
    """Return the history of each row of a table."""
    from_tails, n_before = order.find_tails(tails)
    starts, lengths = order.histories(n_before)
    series, series_names = order.restore(order.series), order.found.names()
    times = None
    if order.times is not None:
        kind = "M8[ns]" if order.found.is_date else order.times.dtype
        times = order.restore(order.times).view(kind)
    positions, insert_at = order.order, np.repeat(order.runs.starts, n_before)
    del order  # as large as a narrow table, which is made next
    features = keys.features(X)
    table, categories = read_steps(X, features, positions, labels)
    del positions
    _warn_of_names(X, features, table, categories)
    if tails is not None and len(insert_at):
        before = tails.rows[join_ranges(from_tails, n_before)]
        table = table.astype(np.result_type(table, before), copy=False)
        table = np.insert(table, insert_at, before, axis=0)
    source = X if source is None else source
    columns = column_names(source if is_frame(source) else X)
    names: list[Any] = [columns[i] for i in features]
    known, horizon = leads
    if known and categories is not None:
        led = [categories[features.index(i)] for i in known]
        categories += [labels for labels in led for _ in range(horizon)]
    if known:
        names += name_leads(columns, known, horizon)
        ahead = np.arange(len(table))[:, None] + np.arange(1, horizon + 1)
        np.minimum(ahead, len(table) - 1, out=ahead)
        table = append_leads(table, table, [features.index(i) for i in known], ahead)
    return Sequences(
        table,
        starts,
        lengths,
        feature_names=names if all(isinstance(n, str) and n for n in names) else None,
        series=series,
        series_names=series_names,
        times=times,
        index=get_index(source),
        history_lengths=lengths,
        categories=categories,
        whole=True,
    )
