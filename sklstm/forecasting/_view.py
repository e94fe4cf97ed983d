"""What a picture of a forecast shows: which rows, which dates, which interval."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing, check_array

from .._rows._columns import (
    as_table,
    column_names,
    find_column,
    get_index,
    read_place,
    read_times,
)
from .._rows._order import Keys, RowOrder
from .._rows._splits import Timeline
from .._rows._tables import is_frame
from .._sequences import Sequences
from ._calendar import continue_column
from ._forecast import find_windowers
from ._spread import find_method, predict_spread

# Standard deviations on either side of the mean, for 90 % of a normal distribution.
N_STD = 1.645


def axis_times(column: Any) -> np.ndarray:
    """Read time stamps into what an axis of matplotlib takes, (n_rows,)."""
    column = _as_series(column)
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


def _as_series(column: Any) -> Any:
    if not hasattr(column, "to_series"):  # no index of pandas
        return column
    is_period = hasattr(column, "to_timestamp")
    return (column.to_timestamp() if is_period else column).to_series()


def index_dates(table: Any) -> Any:
    """Return the index of a pandas object, or of its windows, if it holds dates."""
    index = table.index if isinstance(table, Sequences) else get_index(table)
    is_date = getattr(index, "inferred_type", None) in ("datetime64", "period")
    return _as_series(index) if is_date else None


def extend_times(column: Any, n_steps: int) -> np.ndarray | None:
    """Read times and append those that come next; None if there is no regular step."""
    column = _as_series(column)
    times = axis_times(column)
    native = nw.from_native(column, series_only=True, pass_through=True)
    zone = getattr(getattr(native, "dtype", None), "time_zone", None)
    # Where clocks are changed, the next hour is not that of the clock on the wall.
    known = column if zone else times
    try:
        new = continue_column(known, np.zeros(len(times), dtype=np.int64), n_steps)
    except ValueError:
        return None
    return np.r_[times, axis_times(new)]


def index_times(history: Any, y_pred: Any) -> np.ndarray | None:
    """Times of history and forecast by their own index; None if it has no dates."""
    before, after = index_dates(history), index_dates(y_pred)
    if before is None:
        return axis_times(after) if after is not None and len(history) == 0 else None
    if after is None:
        return extend_times(before, len(y_pred))
    return np.r_[axis_times(before), axis_times(after)]


def read_dates(dates: Any, n_history: int, n_steps: int) -> np.ndarray:
    """Read the dates of history and forecast, (n_history + n_steps,)."""
    times = axis_times(dates)
    extended = extend_times(dates, n_steps) if len(times) == n_history else times
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


def read_values(values: Any, name: str, least: int = 1) -> np.ndarray:
    """Read numbers of shape (n_steps,), of which some may be missing."""
    values = check_array(
        np.asarray(values, dtype=np.float64),
        ensure_2d=False,
        ensure_min_samples=least,
        ensure_all_finite="allow-nan",
        input_name=name,
    )
    if values.ndim != 1:
        raise ValueError(
            f"{name} has the shape {values.shape}; expected (n_steps,): choose one"
            " series and one target."
        )
    return values


def read_interval(interval: Any, n_steps: int) -> np.ndarray:
    """Read lower and upper ends, shape (n_steps, 2)."""
    interval = np.asarray(interval, dtype=np.float64)
    if interval.shape != (n_steps, 2):
        raise ValueError(
            f"interval has the shape {interval.shape}; expected ({n_steps}, 2), a lower"
            " and an upper end for each step."
        )
    if (interval[:, 0] > interval[:, 1]).any():
        step = (interval[:, 0] > interval[:, 1]).argmax()
        raise ValueError(
            f"interval of step {step} reaches from {interval[step, 0]} to"
            f" {interval[step, 1]}: give the lower end first."
        )
    return interval


def check_same_dates(y_true: Any, y_pred: Any) -> None:
    """Raise if both have an index of dates, and not the same dates."""
    came, forecast = index_dates(y_true), index_dates(y_pred)
    if came is None or forecast is None:
        return
    came, forecast = axis_times(came), axis_times(forecast)
    if len(came) == len(forecast) and (came != forecast).any():
        step = (came != forecast).argmax()
        raise ValueError(
            f"Step {step} of y_true is of {came[step]} and that of y_pred of"
            f" {forecast[step]}, by their index: give y_true at the dates of y_pred."
        )


def find_outputs(X: Any, target: Any, n_outputs: int) -> slice | None:
    """Find the outputs that forecast a target, where X knows that y has several."""
    known = X.targets if isinstance(X, Sequences) else None
    if known is None or len(known) < 2 or len(known) * (X.horizon or 0) != n_outputs:
        return None
    columns = [] if target is None else _targets_of(X, target)
    if not set(columns) & set(known):
        raise ValueError(
            f"y continues the features {[_features_of(X)[i] for i in known]} of X: name"
            " one of these in target=, or choose outputs=."
        )
    return slice(known.index(columns[0]), None, len(known))


def find_name(X: Any, keys: Keys, target: Any) -> str | None:
    """Name of the column that is forecast, if it has one."""
    if isinstance(X, Sequences) and X.feature_names is not None:
        columns = _targets_of(X, target)
        return str(X.feature_names[columns[0]]) if len(columns) == 1 else None
    if not is_frame(X):
        return None
    if target is not None:
        return str(column_names(X)[find_column(X, target, "target")])
    features = keys.features(X)
    return str(column_names(X)[features[0]]) if len(features) == 1 else None


@dataclass
class Stretch:
    """The rows of one series, in one history, among which one was chosen."""

    rows: np.ndarray  # (n_rows,) their positions in X, in time order
    times: Any  # (n_rows,) when they were taken, as in X
    place: int  # which of them was chosen
    keys: Keys  # where labels and times stand in X
    # (n_rows,) which row of the series each is: some may have been left out of X
    counts: np.ndarray

    @classmethod
    def around(cls, estimator: Any, X: Any, row: int) -> Stretch:
        """Find the rows around one, as the windows of an estimator follow them."""
        n_rows = np.shape(X)[0] if hasattr(X, "shape") else len(X)
        if not -n_rows <= row < n_rows:
            raise ValueError(f"row={row} is not in X, which has {n_rows} row(s).")
        if isinstance(X, Sequences):
            time = Timeline.of(X)
            run = np.flatnonzero(time.runs == time.runs[row])
            counts, first = np.unique(time.rows[run], return_index=True)
            place = int(np.searchsorted(counts, time.rows[row]))
            rows = run[first]
            rows[place] = row % n_rows  # and no other sample of the same row
            dates = _times_of(X)
            times = None if dates is None else _safe_indexing(dates, rows)
            return cls(rows, times, place, Keys([], None), counts)
        windower = next(iter(find_windowers(estimator)), None)
        if windower is None or (windower.group is None and windower.time is None):
            keys, rows = Keys([], None), np.arange(n_rows)
            column = index_dates(X)
        else:
            X = as_table(X, "X")
            keys = Keys.find(X, windower.group, windower.time)
            rows = _run_of(RowOrder(X, keys, windower.max_gap), row % n_rows)
            column = None if keys.time is None else read_place(X, keys.time)
        times = None if column is None else _safe_indexing(column, rows)
        place = int(np.flatnonzero(rows == row % n_rows)[0])
        return cls(rows, times, place, keys, np.arange(len(rows)))

    def unbroken(self) -> Stretch:
        """Keep the rows between which and the chosen one none is left out."""
        parts = np.cumsum(np.diff(self.counts, prepend=self.counts[0]) > 1)
        kept = np.flatnonzero(parts == parts[self.place])
        times = None if self.times is None else _safe_indexing(self.times, kept)
        place = self.place - int(kept[0])
        return Stretch(self.rows[kept], times, place, self.keys, self.counts[kept])

    def check_steps(self, y: np.ndarray) -> None:
        """Raise if what came after a row is not what came after the next one, too."""
        if y.shape[1] == 1:
            return
        here, following = self.rows[:-1], self.rows[1:]
        second, first = y[here, 1], y[following, 0]
        differ = ~np.isclose(second, first, equal_nan=True)
        if differ.any():
            i = differ.argmax()
            raise ValueError(
                f"y[{here[i]}, 1] is {second[i]:.6g} and y[{following[i]}, 0] is"
                f" {first[i]:.6g}, which would be the same value if the columns of y"
                " were steps of one target, and no row left out: choose outputs=."
            )

    def history(self, X: Any, y: np.ndarray | None, target: Any) -> np.ndarray:
        """Read the values up to the row that was chosen, (n_history,)."""
        here = self.rows[: self.place + 1]
        told = None if y is None or target is not None else y[here[:-1], 0]
        columns = self._find_columns(X, target)
        if isinstance(X, Sequences):
            if len(columns) == 1:
                column = X.steps[X.starts + X.lengths - 1, columns[0]]
                if y is None or told is None or self._continues(y, column):
                    values = column[here]
                    if self.times is None or len(self.rows) == 1:  # no dates to keep to
                        values = max(values, X[here[-1]][:, columns[0]], key=len)
                    return values.astype(np.float64)
        elif told is not None and len(told):
            return told
        elif _holds_windows(X):
            if told is None:
                raise ValueError(
                    "X holds windows and no column that may be read as the history of"
                    " the forecast: give y, and no target."
                )
        elif len(columns) == 1:
            X = as_table(X, "X") if np.ndim(X) != 1 else np.reshape(X, (-1, 1))
            column = np.asarray(_safe_indexing(X, columns[0], axis=1))
            if y is None or told is None or self._continues(y, column):
                return column[here].astype(np.float64)
        if told is None:
            raise ValueError(
                f"X has {len(columns)} columns that may be the history of the forecast:"
                " name one in target, or give y."
            )
        return told

    def _continues(self, y: np.ndarray, column: np.ndarray) -> bool:
        """Whether a column holds what y says comes after each row."""
        came, found = y[self.rows[:-1], 0], column[self.rows[1:]]
        is_number = found.dtype.kind in "biuf"
        return is_number and np.allclose(came, found, equal_nan=True)

    def _find_columns(self, X: Any, target: Any) -> list[int]:
        """Columns that may be the history of the forecast."""
        if isinstance(X, Sequences):
            return _targets_of(X, target) or list(range(X.shape[2]))
        if _holds_windows(X):
            return []
        if target is not None:
            return [find_column(X, target, "target")]
        return [0] if np.ndim(X) == 1 else self.keys.features(X)

    def dates(self, first: int, last: int, n_steps: int) -> np.ndarray | None:
        """Times of the rows from `first` up to `last`, and of the next ones."""
        if self.times is None:
            return None
        end = last + 1 + n_steps
        n_new = end - len(self.rows)
        is_known = n_new <= 0
        times = axis_times(self.times) if is_known else extend_times(self.times, n_new)
        return None if times is None else times[first:end]

    def one_step(self, n_history: int | None) -> tuple[np.ndarray, np.ndarray]:
        """Find what a model of one step is drawn at."""
        if (np.diff(self.counts) > 1).any():
            first = 0 if n_history is None else max(0, len(self.rows) - n_history)
            return self.rows[first:], (self.counts - self.counts[0] + 1)[first:]
        rows, n_rows = self.rows, len(self.rows)
        dates = self.dates(1, n_rows - 1, 1)
        if dates is None and self.times is not None and n_rows > 1:
            # Only the last forecast is for a time that nothing tells.
            rows, dates = rows[:-1], axis_times(self.times)[1:]
        if dates is None:
            dates = np.arange(1, n_rows + 1)
        first = 0 if n_history is None else max(0, len(rows) - n_history)
        return rows[first:], dates[first:]


def _targets_of(X: Sequences, target: Any) -> list[int]:
    """Positions of the features that are forecast, as far as they are known."""
    if target is None:
        return X.targets or ([0] if X.shape[2] == 1 else [])
    features = _features_of(X)
    if target in features:
        return [features.index(target)]
    if isinstance(target, Integral) and int(target) in range(len(features)):
        return [int(target)]
    raise ValueError(
        f"target={target!r} is not a feature of X; features are {features}."
    )


def _features_of(X: Sequences) -> list[Any]:
    """Names of the features, or their positions."""
    return list(range(X.shape[2]) if X.feature_names is None else X.feature_names)


def _times_of(X: Sequences) -> Any:
    """When the sequences end, as the index shows it if it is of the same times."""
    dates = index_dates(X)
    if X.times is None or (
        dates is not None
        and X.times.dtype.kind == "M"
        and np.array_equal(read_times(dates)[0], read_times(X.times)[0])
    ):
        return dates  # in their time zone
    return X.times


def _holds_windows(X: Any) -> bool:
    if hasattr(X, "shape"):
        return len(X.shape) > 2
    return np.ndim(X[0]) > 1


def _run_of(order: RowOrder, row: int) -> np.ndarray:
    """Positions of the rows of the run that holds a row."""
    starts, lengths = order.runs.starts, order.runs.lengths
    positions = np.arange(len(order.series)) if order.order is None else order.order
    place = np.flatnonzero(positions == row)[0]
    run = np.searchsorted(starts, place, side="right") - 1
    return positions[starts[run] : starts[run] + lengths[run]]


def find_interval(estimator: Any, X: Any) -> tuple[np.ndarray | None, str | None]:
    """Find the intervals that an estimator gives, if it gives any."""
    if hasattr(estimator, "predict_interval"):
        ends = np.asarray(estimator.predict_interval(X))
        share = getattr(estimator, "coverage_", None)
        return ends.reshape(len(ends), -1, 2), _share(share)
    if hasattr(estimator, "best_estimator_"):
        return find_interval(estimator.best_estimator_, X)
    if isinstance(estimator, Pipeline):
        inputs = estimator[:-1].transform(X) if len(estimator) > 1 else X
        return find_interval(estimator[-1], inputs)
    first = _safe_indexing(X, [0])
    method = find_method(estimator, "auto", first)
    if method == "residual":
        return None, None
    n_outputs = np.size(estimator.predict(first))
    center, base, unit = predict_spread(estimator, method, X, n_outputs)
    radius, share = N_STD * unit, 0.9
    if method == "quantiles":
        levels = np.ravel(getattr(estimator, "quantile", np.nan)).astype(float)
        radius, share = base, levels.max() - levels.min()
    return np.stack([center - radius, center + radius], axis=-1), _share(share)


def _share(share: Any) -> str | None:
    """Name an interval by the share that it is to hold, where that is known."""
    known = isinstance(share, Real) and np.isfinite(float(share))
    return f"{100 * float(share):.6g} % interval" if known else None
