"""From a series to what goes into a fit: windows or rows, and what follows them."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from sklearn.utils import _safe_indexing, check_array
from sklearn.utils._param_validation import Interval, validate_params

from ._columns import GAP_TYPES, find_column
from ._order import Keys, RowOrder
from ._tables import append_leads, is_frame, read_table


@validate_params(
    {
        "data": ["array-like"],
        "sequence_length": [Interval(Integral, 1, None, closed="left")],
        "horizon": [Interval(Integral, 1, None, closed="left")],
        "stride": [Interval(Integral, 1, None, closed="left")],
        "target": [str, Integral, "array-like", None],
    },
    prefer_skip_nested_validation=True,
)
def make_windows(
    data: Any,
    sequence_length: int,
    *,
    horizon: int = 1,
    stride: int = 1,
    target: Any = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Cut a series into windows and the values that follow each.

    Parameters
    ----------
    data : array-like of shape (n_rows,) or (n_rows, n_features)
        A series in time order.

    sequence_length : int
        Number of rows in a window.

    horizon : int, default=1
        Number of rows after a window whose values are its target.

    stride : int, default=1
        Number of rows from the start of a window to that of the next.

    target : str, int or list of these, default=None
        The column or columns to predict, by name or position; all if None.

    Returns
    -------
    X : ndarray of shape (n_windows, sequence_length, n_features)
        The windows.

    y : ndarray of shape (n_windows,) or (n_windows, horizon * n_targets)
        What follows each, one row after the other; 1-D for one value.

    Raises
    ------
    ValueError
        If the series is too short for one window and its target.

    See Also
    --------
    SequenceWindower : Windows inside a pipeline, one per row, without copying.

    Examples
    --------
    >>> from sklstm import make_windows
    >>> X, y = make_windows([10, 20, 30, 40, 50], sequence_length=3)
    >>> X.shape
    (2, 3, 1)
    >>> X[0].ravel(), y[0]
    (array([10, 20, 30]), np.int64(40))
    """
    table, columns = _read_series(data, target, sequence_length + horizon)
    windows = sliding_window_view(table, sequence_length, axis=0)[:-horizon:stride]
    y = _following(table[sequence_length:, columns], horizon)[::stride]
    X = windows.transpose(0, 2, 1)  # (n_windows, sequence_length, n_features)
    return np.array(X), y


@validate_params(
    {
        "data": ["array-like"],
        "horizon": [Interval(Integral, 1, None, closed="left")],
        "target": [str, Integral, "array-like", None],
        "group": [str, Integral, list, None],
        "time": [str, Integral, None],
        "max_gap": [*GAP_TYPES, Interval(Real, 0, None, closed="right"), None],
        "known": [list, None],
    },
    prefer_skip_nested_validation=True,
)
def make_supervised(
    data: Any,
    horizon: int = 1,
    target: Any = None,
    *,
    group: Any = None,
    time: Any = None,
    max_gap: Any = None,
    known: Any = None,
) -> tuple[Any, np.ndarray]:
    """Pair each row of one or many series with the values that follow it.

    The result goes into a pipeline whose `SequenceWindower` gives each row its
    history.

    Parameters
    ----------
    data : array-like of shape (n_rows,) or (n_rows, n_features)
        A series in time order, or rows of any order with `group` and `time`.

    horizon : int, default=1
        Number of rows after each whose values are its target.

    target : str, int or list of these, default=None
        The column or columns to predict, by name or position; if None all but
        those of `group`, `time` and `known`.

    group : str, int or list of these, default=None
        What says to which series a row belongs, as in `SequenceWindower`.
        Targets are taken from the same series.

    time : str or int, default=None
        What says when a row was taken, as in `SequenceWindower`. A row before
        a gap has no future.

    max_gap : timedelta, str or float, default=None
        The longest step of time that is no gap, as in `SequenceWindower`.
        Needs `time`.

    known : list of int or str, default=None
        Columns whose future is known, such as prices or the calendar, by name or
        position. For each, `X` has what it holds in the next 1 to `horizon` rows
        of the series, as more columns: ``"price+1"``, ``"price+2"`` and so on.
        For rows that have no next ones yet, see `add_future`.

    Returns
    -------
    X : array-like of shape (n_rows_with_future, n_features)
        The rows that are followed by `horizon` others, in the order of `data`
        and with all its columns, those of `known` after them: a dataframe if
        `data` is one, with its index, and else an array.

    y : ndarray of shape (n_rows_with_future,) or (n_rows_with_future, \
            horizon * n_targets)
        What follows each, one row after the other; 1-D for one value.

    Raises
    ------
    ValueError
        If no row has a future, or a column of `known` is a target or a key.

    See Also
    --------
    add_future : The columns of `known` for rows up to the last.
    make_windows : The windows themselves, as one array.

    Examples
    --------
    >>> from sklstm import make_supervised
    >>> X, y = make_supervised([10, 20, 30, 40], horizon=2)
    >>> X.ravel()
    array([10, 20])
    >>> y
    array([[20, 30],
           [30, 40]])

    Column 0 tells two series apart:

    >>> X, y = make_supervised([[0, 10], [1, 5], [0, 20], [1, 6]], group=0)
    >>> X
    array([[ 0, 10],
           [ 1,  5]])
    >>> y
    array([20,  6])

    The price of the next day is known, in column 1:

    >>> X, y = make_supervised([[10, 1], [20, 2], [30, 3]], known=[1])
    >>> X
    array([[10,  1,  2],
           [20,  2,  3]])
    >>> y
    array([20, 30])
    """
    if max_gap is not None and time is None:
        raise ValueError(
            f"max_gap={max_gap!r} needs time stamps: name their column or index level"
            " with time=."
        )
    if group is not None or time is not None or known is not None:
        return _supervise_panel(data, horizon, target, group, time, max_gap, known)
    table, columns = _read_series(data, target, 1 + horizon)
    y = _following(table[1:, columns], horizon)
    with_future = np.arange(len(table) - horizon)
    return _safe_indexing(data if is_frame(data) else table, with_future), y


def _supervise_panel(
    data: Any,
    horizon: int,
    target: Any,
    group: Any,
    time: Any,
    max_gap: Any,
    known: list[Any] | None,
) -> tuple[Any, np.ndarray]:
    data = read_table(data, "data", group=group, time=time, known=known)
    keys = Keys.find(data, group, time, "data")
    order = RowOrder(data, keys, max_gap)
    leads = keys.find_known(data, known)
    columns = [i for i in keys.features(data) if i not in leads]
    if target is not None:
        targets = [target] if isinstance(target, (str, Integral)) else target
        columns = [find_column(data, key, "target") for key in targets]
    if not columns or set(columns) & set(leads):
        raise ValueError(
            f"known={known!r} and target={target!r} leave no column to predict whose"
            " future is not known: name others."
        )
    table = check_array(
        _safe_indexing(data, columns, axis=1),
        ensure_all_finite=False,
        input_name="data",
    )
    here, ahead = order.followed(horizon)
    if len(here) == 0:
        raise ValueError(
            f"No row of data is followed by {horizon} others of its series without a"
            " gap: give longer series, a shorter horizon or a larger max_gap."
        )
    y = table[ahead].reshape(len(here), -1)
    X = append_leads(_safe_indexing(data, here), data, leads, ahead)
    return X, y.ravel() if y.shape[1] == 1 else y


def _read_series(data: Any, target: Any, n_needed: int) -> tuple[np.ndarray, list[int]]:
    """The series as a 2-D array, and the positions of its target columns."""
    table = check_array(
        data,
        ensure_2d=False,
        dtype="numeric",
        ensure_all_finite=False,
        input_name="data",
    )
    table = table[:, None] if table.ndim == 1 else table
    if len(table) < n_needed:
        raise ValueError(
            f"data has {len(table)} row(s); at least {n_needed} are needed for one"
            " window and what follows it: give a longer series, or a shorter"
            " sequence_length or horizon."
        )
    if target is None:
        return table, list(range(table.shape[1]))
    named = data if is_frame(data) else table
    targets = [target] if isinstance(target, (str, Integral)) else list(target)
    return table, [find_column(named, key, "target") for key in targets]


def _following(values: np.ndarray, horizon: int) -> np.ndarray:
    """Row i holds rows i to i + horizon - 1 of values, side by side."""
    y = sliding_window_view(values, horizon, axis=0).transpose(0, 2, 1)
    y = np.array(y).reshape(len(y), -1)  # (n_rows, horizon * n_targets)
    return y.ravel() if y.shape[1] == 1 else y
