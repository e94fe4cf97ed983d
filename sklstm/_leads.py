"""What is known of the future, beside the rows that come before it."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils import _safe_indexing
from sklearn.utils._param_validation import Interval, validate_params

from ._columns import GAP_TYPES, get_index
from ._future import Future, coming_rows
from ._order import Keys, RowOrder
from ._tables import append_leads, read_table, stack_rows


@validate_params(
    {
        "data": ["array-like"],
        "future": ["array-like"],
        "known": [list],
        "horizon": [Interval(Integral, 1, None, closed="left")],
        "group": [str, Integral, list, None],
        "time": [str, Integral, None],
        "max_gap": [*GAP_TYPES, Interval(Real, 0, None, closed="right"), None],
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
) -> Any:
    """Append the columns that `make_supervised` makes of what is known.

    Where `make_supervised` ends `horizon` rows before the last, this goes on to the
    last: what is known of the rows after it stands in `future`.

    Parameters
    ----------
    data : array-like of shape (n_rows, n_features)
        The rows, as they went into `make_supervised`.

    future : array-like of shape (n_series * horizon, n_columns)
        The `horizon` rows that follow each series of `data`: the columns of
        `known` and `group`, and of `time` unless these rows follow by the regular
        step of their series. A dataframe may have others of `data`, which
        are not read; an array has just these, in the order of `data`.

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

    Returns
    -------
    X : array-like of shape (n_rows, n_features + len(known) * horizon)
        The rows in the order of `data`, their future beside them. Rows that are
        fewer than `horizon` before a gap are left out, since it is not known.

    Raises
    ------
    ValueError
        If `future` has another number of rows, lacks a column, or does not begin
        where a series of `data` ends, by its time stamps or its index.

    See Also
    --------
    make_supervised : The same columns, and targets, to fit to.

    Examples
    --------
    >>> from sklstm import add_future, make_supervised
    >>> data = [[10, 1], [20, 2], [30, 3]]
    >>> X, y = make_supervised(data, horizon=1, known=[1])
    >>> X
    array([[10,  1,  2],
           [20,  2,  3]])
    >>> add_future(data, [[4]], known=[1], horizon=1)
    array([[10,  1,  2],
           [20,  2,  3],
           [30,  3,  4]])
    """
    if max_gap is not None and time is None:
        raise ValueError(
            f"max_gap={max_gap!r} needs time stamps: name their column or index level"
            " with time=."
        )
    data = read_table(data, "data", group=group, time=time, known=known)
    keys = Keys.find(data, group, time, "data")
    leads = keys.find_known(data, known)
    order = RowOrder(data, keys, max_gap)
    later = Future(future, data, keys, order, leads, horizon)
    positions = np.arange(len(order.series)) if order.order is None else order.order
    history = _safe_indexing(data, positions)
    coming = coming_rows(history, get_index(data), keys, order, later, horizon)
    joined = stack_rows(data, coming)
    here, ahead = RowOrder(joined, keys, max_gap).followed(horizon)
    last = positions[np.flatnonzero(np.diff(order.series, append=-1))]
    if not np.isin(last, here).all():
        raise ValueError(
            f"Between row {last[~np.isin(last, here)][0]} of data, the last of its"
            " series, and the rows of future is a gap: give those that follow it, or"
            " a larger max_gap."
        )
    return append_leads(_safe_indexing(data, here), joined, leads, ahead)
