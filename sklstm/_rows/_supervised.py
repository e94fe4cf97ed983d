"""From a series to what goes into a fit: windows or rows, and what follows them."""

from __future__ import annotations

import warnings
from collections.abc import Hashable
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from .._compat import _safe_indexing, validate_params
from .._constraints import at_least
from ._columns import (
    column_names,
    find_column,
    find_texts,
    get_index,
    list_keys,
    read_features,
)
from ._histories import KEY_CONSTRAINTS, check_gap, cut_histories, warn_of_disorder
from ._order import Keys, RowOrder
from ._tables import TABLE, append_leads, is_frame, read_table, to_container

# Share of the samples, and of the series, that may be lost without a word.
MOST = 0.9
# Of fewer samples each one lost is a large share.
FEW = 20


@validate_params(
    {
        "data": TABLE,
        "sequence_length": [at_least(1)],
        "horizon": [at_least(1)],
        "stride": [at_least(1)],
        "target": [Hashable, "array-like", None],
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
        Number of rows after each window to predict.

    stride : int, default=1
        Number of rows between the starts of consecutive windows.

    target : str, int or list of these, default=None
        The column or columns to predict, by name or position. None means all.

    Returns
    -------
    X : ndarray of shape (n_windows, sequence_length, n_features)
        The windows.

    y : ndarray of shape (n_windows,) or (n_windows, horizon * n_targets)
        The values that follow each window, ordered by row, then by target; 1-D if
        there is one value per window.

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
    table = read_table(data, "data")
    sequence_length, horizon, stride = map(int, (sequence_length, horizon, stride))
    n_rows, n_needed = len(table), sequence_length + horizon
    if n_rows < n_needed:
        raise ValueError(
            f"data has {n_rows} row(s); at least {n_needed} are needed for one window"
            " and what follows it: give a longer series, or a shorter sequence_length"
            " or horizon."
        )
    keys = Keys([], None)
    targets = _find_targets(table, keys, [], target, None)
    values = read_features(table, keys.features(table), None)
    windows = sliding_window_view(values, sequence_length, axis=0)[:-horizon:stride]
    X = windows.transpose(0, 2, 1)  # (n_windows, sequence_length, n_features)
    places = np.arange(sequence_length - 1, n_rows - horizon, stride)
    return np.array(X), _following(values[:, targets], places, horizon)


@validate_params(
    {
        "data": TABLE,
        "horizon": [at_least(1)],
        "target": [Hashable, "array-like", None],
        **KEY_CONSTRAINTS,
        "known": [list, None],
        "as_rows": ["boolean"],
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
    as_rows: bool = False,
) -> tuple[Any, Any]:
    """Pair the history of each row with the values that follow it.

    Sample t is the history of row t of `data`: all rows of its series up to row t. When
    a splitter removes samples, the histories of the others do not change, so that the
    score of a model is the score that it would have in use.

    Parameters
    ----------
    data : array-like of shape (n_rows,) or (n_rows, n_columns)
        A series in time order; with `group` and `time`, rows in any order.

    horizon : int, default=1
        Number of rows after each row to predict.

    target : str, int or list of these, default=None
        The column or columns to predict, by name or position. None means all except
        those of `group`, `time` and `known`.

    group : str, int or list of these, default=None
        As in `make_histories`. Targets are taken from the same series.

    time : str or int, default=None
        As in `make_histories`. A row with a gap among the next `horizon` rows has no
        target, and is left out.

    max_gap : timedelta, str or float, default=None
        As in `make_histories`.

    known : list of int or str, default=None
        Columns whose future values are known, such as prices or the calendar, by name
        or position. For each of them, `X` has `horizon` more features with its values
        in the next rows of the series: ``"price+1"``, ``"price+2"`` and so on. For
        rows up to the last, see `add_future`.

    as_rows : bool, default=False
        Whether `X` is a table of rows in the form of `data`, for column-wise steps
        before a `SequenceWindower`. Such rows do not know their history: pass `group`
        and `time` to the windower.

    Returns
    -------
    X : Sequences of length n_samples
        The histories of the rows that are followed by `horizon` others, in the order
        of `data`, on one table. A slice such as ``X[::10]`` has fewer samples. If
        `as_rows` is True, the rows with all columns: a dataframe if `data` is one,
        else an array.

    y : array-like of shape (n_samples,) or (n_samples, horizon * n_targets)
        The values that follow each row, ordered by row, then by target; 1-D if there is
        one value per sample. If `data` is a series or dataframe, so is `y`, with names
        such as ``"load+1"`` and, in pandas, the index of `X`; else an array.

    Raises
    ------
    ValueError
        As in `make_histories`; also if no row has a target, or if a column of `known`
        is named in `target`, `group` or `time`.

    See Also
    --------
    make_histories : The histories of all rows, to predict from.
    add_future : The histories of all rows, with the future values of `known`.
    make_windows : The windows of a series with their targets, as plain arrays.

    Examples
    --------
    >>> from sklstm import make_supervised
    >>> X, y = make_supervised([10, 20, 30, 40], horizon=2)
    >>> [history.ravel().tolist() for history in X]
    [[10], [10, 20]]
    >>> y
    array([[20, 30],
           [30, 40]])

    Column 1 is the price of each day, which is known one day ahead:

    >>> X, y = make_supervised([[10, 1], [20, 2], [30, 3]], known=[1])
    >>> X[1]
    array([[10,  1,  2],
           [20,  2,  3]])
    >>> y
    array([20, 30])
    """
    check_gap(max_gap, time)
    table = read_table(data, "data", group=group, time=time, known=known)
    horizon = int(horizon)  # numpy's short ones overflow
    keys = Keys.find(table, group, time, "data")
    warn_of_disorder(table, keys)
    leads = keys.find_known(table, known)
    targets = _find_targets(table, keys, leads, target, known)
    order = RowOrder(table, keys, max_gap)
    places = order.followed(horizon)
    if len(places) == 0:
        longest = int(order.runs.lengths.max())
        raise ValueError(
            f"No row of data is followed by {horizon} others of its series without a"
            f" gap, of which the longest has {longest} row(s): give longer series, a"
            " shorter horizon or a larger max_gap."
        )
    _warn_of_lost(order, places, horizon)
    y = _following(read_features(table, targets, order.order), places, horizon)
    here = _as_slice(order.positions(places))
    if as_rows:
        ahead = order.positions(places[:, None] + np.arange(1, horizon + 1))
        X = append_leads(_safe_indexing(table, here), table, leads, ahead)
    else:
        X = cut_histories(table, keys, order, leads=(leads, horizon))[here]
        X.horizon = horizon
        features = keys.features(table)
        X.targets = [features.index(i) for i in targets]
        X._made_with = {
            "group": group,
            "time": time,
            "max_gap": max_gap,
            "targets": X.targets,
            "known": [features.index(i) for i in leads],
            "horizon": horizon,
            "steps": _range_of(order.found.steps),
        }
    if is_frame(table):
        names = [column_names(table)[i] for i in targets]
        index = get_index(table)
        index = None if index is None else index[here]
        y = to_container(y, table, name_targets(names, horizon), index)
    return X, y


def _warn_of_lost(order: RowOrder, places: np.ndarray, horizon: int) -> None:
    """Say so if gaps leave many rows, or many series, without a future."""
    sizes = np.bincount(order.series)
    n_most = int(np.maximum(sizes - horizon, 0).sum())
    if n_most >= FEW and len(places) < MOST * n_most:
        warnings.warn(
            f"{n_most - len(places)} of {n_most} samples are lost, because gaps of time"
            f" break {len(sizes)} series into {len(order.runs.starts)} histories and"
            f" each loses {horizon} row(s): give a larger max_gap if history starts"
            " afresh where it should not, or dates in place of numbers such as"
            " 20240131.",
            stacklevel=4,
        )
    n_gone = len(sizes) - len(np.unique(order.series[places]))
    if len(order.series) >= FEW and n_gone > (1 - MOST) * len(sizes):
        warnings.warn(
            f"{n_gone} of {len(sizes)} series have no sample, because they have no more"
            f" than horizon={horizon} rows without a gap: give longer series or a"
            " shorter horizon.",
            stacklevel=4,
        )


def _find_targets(
    table: Any, keys: Keys, leads: list[int], target: Any, known: Any
) -> list[int]:
    """Positions of the columns to predict."""
    if target is None:
        columns = [i for i in keys.features(table) if i not in leads]
        if texts := find_texts(table, columns):
            names = column_names(table)
            raise ValueError(
                f"The columns {[names[i] for i in texts]} hold labels, which are not"
                " predicted: name the columns to predict in target, or one of these in"
                " group if it tells series apart."
            )
    else:
        columns = [
            find_column(table, key, "target") for key in list_keys(target, table)
        ]
    if taken := set(columns) & set(keys.columns()):
        raise ValueError(
            f"target={target!r} is column {column_names(table)[taken.pop()]!r}, which"
            " group or time names: predict another."
        )
    if not columns or set(columns) & set(leads):
        raise ValueError(
            f"known={known!r} and target={target!r} leave no column to predict whose"
            " future is not known: name others."
        )
    return columns


def _as_slice(rows: np.ndarray) -> np.ndarray | slice:
    """Return rows in order as a slice if they follow each other: it copies nothing."""
    first, last = int(rows[0]), int(rows[-1])
    return slice(first, last + 1) if last - first < len(rows) else rows


def _range_of(steps: Any) -> tuple[float, float] | None:
    """The shortest and the longest regular step of a series, if times are known."""
    if steps is None or np.isnan(steps).all():
        return None
    return float(np.nanmin(steps)), float(np.nanmax(steps))


def _following(values: np.ndarray, places: np.ndarray, horizon: int) -> np.ndarray:
    """What follows the rows in these places, (n_rows, horizon * n_targets) or 1-D."""
    later = sliding_window_view(values[1:], horizon, axis=0)[places]
    y = later.transpose(0, 2, 1).reshape(len(places), -1)
    return y.ravel() if y.shape[1] == 1 else y


def name_targets(names: list[Any], horizon: int) -> list[Any]:
    """Names of the columns of y, by step and then by target."""
    if names == [""]:  # of a series without a name
        return [None] if horizon == 1 else list(range(1, horizon + 1))
    if horizon == 1:
        return names
    return [f"{name}+{k}" for k in range(1, horizon + 1) for name in names]
