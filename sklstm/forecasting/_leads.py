"""What is known of the future, beside the rows that come before it."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
from sklearn.utils import _safe_indexing
from sklearn.utils._param_validation import Interval, validate_params

from .._rows._columns import get_index
from .._rows._histories import KEY_CONSTRAINTS, check_gap, cut_histories
from .._rows._order import Keys, RowOrder
from .._rows._tables import append_leads, read_table, stack_rows
from ._future import Future, coming_rows


@validate_params(
    {
        "data": ["array-like"],
        "future": ["array-like"],
        "known": [list],
        "horizon": [Interval(Integral, 1, None, closed="left")],
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
    """Make histories with the features that `make_supervised` makes of what is known.

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

    as_rows : bool, default=False
        As in `make_supervised`.

    Returns
    -------
    X : Sequences of length n_samples
        The histories of the rows in the order of `data`, their future in more
        features. They know their series, time, index and `horizon`. Rows that are
        fewer than `horizon` before a gap are left out, since it is not known. If
        `as_rows`, the rows in the form they came.

    Raises
    ------
    ValueError
        If `future` has another number of rows, lacks a column, or does not begin
        where a series of `data` ends, by its time stamps or its index.

    See Also
    --------
    make_supervised : The same features, and targets, to fit to.

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
    keys = Keys.find(data, group, time, "data")
    leads = keys.find_known(data, known)
    order = RowOrder(data, keys, max_gap)
    later = Future(future, data, keys, order, leads, horizon)
    positions = np.arange(len(order.series)) if order.order is None else order.order
    history = _safe_indexing(data, positions)
    coming = coming_rows(history, get_index(data), keys, order, later, horizon)
    joined = stack_rows(data, coming)
    joined_order = RowOrder(joined, keys, max_gap)
    places = joined_order.followed(horizon)
    here = joined_order.positions(places)
    last = positions[np.flatnonzero(np.diff(order.series, append=-1))]
    if not np.isin(last, here).all():
        raise ValueError(
            f"Between row {last[~np.isin(last, here)][0]} of data, the last of its"
            " series, and the rows of future is a gap: give those that follow it, or"
            " a larger max_gap."
        )
    if as_rows:
        ahead = joined_order.positions(places[:, None] + np.arange(1, horizon + 1))
        return append_leads(_safe_indexing(data, here), joined, leads, ahead)
    X = cut_histories(joined, keys, joined_order, leads=(leads, horizon))[here]
    X.horizon = horizon
    return X
