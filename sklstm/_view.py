"""What a picture of a forecast shows: which rows, which dates, which interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing

from ._calendar import continue_times
from ._columns import (
    as_table,
    column_names,
    find_place,
    get_index,
    read_place,
    read_times,
)
from ._forecast import find_windowers
from ._order import Keys, RowOrder
from ._sequences import Sequences
from ._tables import is_frame

# Standard deviations on either side of the mean, for 90 % of a normal distribution.
N_STD = 1.645


def axis_times(column: Any) -> np.ndarray:
    """Read time stamps into what an axis of matplotlib takes.

    Parameters
    ----------
    column : series, pandas.Index or array-like of shape (n_rows,)
        Dates, durations or numbers.

    Returns
    -------
    times : ndarray of shape (n_rows,)
        Dates as the clock on the wall showed them; else numbers.
    """
    if hasattr(column, "to_series"):  # an index of pandas
        is_period = hasattr(column, "to_timestamp")
        column = (column.to_timestamp() if is_period else column).to_series()
    native = nw.from_native(column, series_only=True, pass_through=True)
    if isinstance(native, nw.Series):
        if isinstance(native.dtype, nw.Datetime) and native.dtype.time_zone:
            native = native.dt.replace_time_zone(None)
        column = native.to_native()
    times, is_date = read_times(column)
    is_duration = isinstance(native, nw.Series) and native.dtype == nw.Duration
    is_duration |= getattr(getattr(column, "dtype", None), "kind", "") == "m"
    if is_duration:
        return times / 1e9  # seconds
    return times.astype("M8[ns]") if is_date else times


def index_dates(table: Any) -> Any:
    """Return the index of a pandas object, or of its windows, if it holds dates."""
    index = table.index if isinstance(table, Sequences) else get_index(table)
    is_date = getattr(index, "inferred_type", None) in ("datetime64", "period")
    return index if is_date else None


def extend_times(times: np.ndarray, n_steps: int) -> np.ndarray | None:
    """Append the times that come next; None if there is no regular step."""
    is_date = times.dtype.kind == "M"
    values = times.astype(np.int64) if is_date else times
    try:
        series = np.zeros(len(values), dtype=np.int64)
        new = continue_times(series, values, n_steps, is_date=is_date)[0]
    except ValueError:
        return None
    return np.r_[times, new.astype(times.dtype)]


def index_times(history: Any, y_pred: Any) -> np.ndarray | None:
    """Times of history and forecast by their own index; None if it has no dates."""
    before, after = index_dates(history), index_dates(y_pred)
    if before is None:
        return axis_times(after) if after is not None and len(history) == 0 else None
    if after is None:
        return extend_times(axis_times(before), len(y_pred))
    return np.r_[axis_times(before), axis_times(after)]


def read_dates(dates: Any, n_history: int, n_steps: int) -> np.ndarray:
    """Read the dates of history and forecast.

    Parameters
    ----------
    dates : series or array-like of shape (n_history,) or (n_history + n_steps,)
        Dates or numbers.

    n_history, n_steps : int
        How many values there are.

    Returns
    -------
    times : ndarray of shape (n_history + n_steps,)
        Continued by their regular step if need be.
    """
    times = axis_times(dates)
    extended = extend_times(times, n_steps) if len(times) == n_history else times
    if extended is None:
        raise ValueError(
            "dates are those of history only and have no regular step: give those of"
            " y_pred too."
        )
    if len(extended) != n_history + n_steps:
        raise ValueError(
            f"dates has {len(times)} value(s); expected {n_history}, one for each of"
            f" history, or {n_history + n_steps}, those of y_pred too."
        )
    return extended


def find_name(X: Any, keys: Keys, target: Any) -> str | None:
    """Name of the column that is forecast, if it has one."""
    if not is_frame(X):
        return None
    if target is not None:
        return str(find_place(X, target, "target").name)
    features = keys.features(X)
    return str(column_names(X)[features[0]]) if len(features) == 1 else None


@dataclass
class Stretch:
    """The rows of one series, without a gap, among which one was chosen.

    Attributes
    ----------
    rows : ndarray of int, shape (n_rows,)
        Their positions in X, in time order.

    times : ndarray of shape (n_rows,) or None
        When they were taken.

    place : int
        Which of them was chosen.

    keys : Keys
        Where labels and times stand in X.
    """

    rows: np.ndarray
    times: np.ndarray | None
    place: int
    keys: Keys

    @classmethod
    def around(cls, estimator: Any, X: Any, row: int) -> Stretch:
        """Find the rows around one, as the windows of an estimator follow them."""
        n_rows = np.shape(X)[0] if hasattr(X, "shape") else len(X)
        if not -n_rows <= row < n_rows:
            raise ValueError(f"row={row} is not in X, which has {n_rows} row(s).")
        windower = next(iter(find_windowers(estimator)), None)
        if windower is None or (windower.group is None and windower.time is None):
            keys, rows = Keys([], None), np.arange(n_rows)
            column = index_dates(X)
        else:
            X = as_table(X, "X")
            keys = Keys.find(X, windower.group, windower.time)
            rows = _run_of(RowOrder(X, keys, windower.max_gap), row % n_rows)
            column = None if keys.time is None else read_place(X, keys.time)
        times = None if column is None else axis_times(column)[rows]
        place = int(np.flatnonzero(rows == row % n_rows)[0])
        return cls(rows, times, place, keys)

    def history(self, X: Any, y: np.ndarray | None, target: Any) -> np.ndarray:
        """Read the values up to the row that was chosen.

        Parameters
        ----------
        X : dataframe or array-like of shape (n_samples, n_features)
            The rows.

        y : ndarray of shape (n_samples, n_steps) or None
            What came after each.

        target : str, int or None
            The column to read; None for what `y` tells of it, or the only one.

        Returns
        -------
        values : ndarray of shape (n_history,)
            The last of them is that of the row.
        """
        here = self.rows[: self.place + 1]
        if target is None and y is not None:
            return y[here[:-1], 0]
        X = as_table(X, "X") if np.ndim(X) != 1 else np.reshape(X, (-1, 1))
        columns = self.keys.features(X)
        if target is not None:
            columns = [find_place(X, target, "target").position]
        if len(columns) != 1:
            raise ValueError(
                f"X has {len(columns)} columns that may be the history of the forecast:"
                " name one in target, or give y."
            )
        column = np.asarray(_safe_indexing(X, columns[0], axis=1), dtype=np.float64)
        return column[here]

    def dates(self, first: int, last: int, n_steps: int) -> np.ndarray | None:
        """Times of the rows from `first` up to `last`, and of the next ones."""
        if self.times is None:
            return None
        extended = extend_times(self.times[: last + 1], n_steps)
        return None if extended is None else extended[first:]


def _run_of(order: RowOrder, row: int) -> np.ndarray:
    """Positions of the rows of the run that holds a row."""
    starts, lengths = order.runs.starts, order.runs.lengths
    positions = np.arange(len(order.series)) if order.order is None else order.order
    place = np.flatnonzero(positions == row)[0]
    run = np.searchsorted(starts, place, side="right") - 1
    return positions[starts[run] : starts[run] + lengths[run]]


def find_interval(estimator: Any, X: Any) -> tuple[np.ndarray | None, str | None]:
    """Find the intervals that an estimator gives, if it gives any.

    Parameters
    ----------
    estimator : estimator
        A fitted regressor, or a pipeline or search of one.

    X : array-like of shape (n_samples, n_features)
        What it is to predict.

    Returns
    -------
    interval : ndarray of shape (n_samples, n_outputs, 2) or None
        Lower and upper ends.

    name : str or None
        What to call it.
    """
    if hasattr(estimator, "predict_interval"):
        ends = np.asarray(estimator.predict_interval(X))
        return _outermost(ends), _share(getattr(estimator, "coverage", None))
    if hasattr(estimator, "predict_quantiles"):
        ends = np.sort(np.asarray(estimator.predict_quantiles(X)), axis=-1)
        levels = np.ravel(getattr(estimator, "quantile", np.nan)).astype(float)
        if ends.shape[-1] < 2:
            return None, None
        return _outermost(ends), _share(levels.max() - levels.min())
    if hasattr(estimator, "best_estimator_"):
        return find_interval(estimator.best_estimator_, X)
    if isinstance(estimator, Pipeline):
        inputs = estimator[:-1].transform(X) if len(estimator) > 1 else X
        return find_interval(estimator[-1], inputs)
    if getattr(estimator, "loss", None) == "gaussian":
        mean, std = estimator.predict(X, return_std=True)
        ends = np.stack([mean - N_STD * std, mean + N_STD * std], axis=-1)
        return _outermost(ends), _share(0.9)
    return None, None


def _outermost(ends: np.ndarray) -> np.ndarray:
    """First and last of the last axis, shape (n_samples, n_outputs, 2)."""
    return ends[..., [0, -1]].reshape(len(ends), -1, 2)


def _share(share: Any) -> str | None:
    """Name an interval by the share that it is to hold, where that is known."""
    known = isinstance(share, float) and np.isfinite(share)
    return f"{100 * share:.3g} % interval" if known else None
