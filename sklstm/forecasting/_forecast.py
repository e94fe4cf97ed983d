"""Forecasts of many steps by a model of one step, which reads its own forecasts."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing, get_tags
from sklearn.utils._param_validation import HasMethods, Interval, validate_params

from .._rows._columns import column_names, find_column, get_index
from .._rows._histories import KEY_CONSTRAINTS, check_gap, cut_histories
from .._rows._order import Keys, RowOrder
from .._rows._series import join_ranges
from .._rows._tables import is_frame, read_table, set_columns, stack_rows
from .._rows._windows import SequenceWindower
from ._calendar import continue_index
from ._future import Future, coming_rows


@validate_params(
    {
        "estimator": [HasMethods("predict")],
        "history": ["array-like"],
        "n_steps": [Interval(Integral, 1, None, closed="left")],
        "future": ["array-like", None],
        "target": [str, Integral, "array-like", None],
        **KEY_CONSTRAINTS,
    },
    prefer_skip_nested_validation=True,
)
def recursive_forecast(
    estimator: Any,
    history: Any,
    n_steps: int,
    *,
    future: Any = None,
    target: Any = None,
    group: Any = None,
    time: Any = None,
    max_gap: Any = None,
) -> Any:
    """Forecast many steps with a model of one, feeding its forecasts back.

    The estimator maps a row, or its history, to what the row after it holds, as one
    does that was fitted to ``make_supervised(data)``. Its forecast becomes the next
    row, and so on. Errors add up on the way; a model that is fitted to several steps at
    once (`horizon` in `make_supervised`) has none to add up.

    Parameters
    ----------
    estimator : estimator
        A fitted regressor, or a pipeline or search of one.

    history : array-like of shape (n_rows,) or (n_rows, n_features)
        Rows as they went into `make_supervised`, in time order: an array, a series
        or a dataframe of pandas or polars. With `group` and `time` rows of any order.
        It may be shorter than the window of the estimator.

    n_steps : int
        Number of rows to forecast for each series.

    future : array-like of shape (n_series * n_steps, n_columns), default=None
        What is known of these rows: every column of `history` that is not
        forecast, such as prices or the calendar. It may have the time stamps
        too; columns of `target` are not read. An array has its columns in
        the order of `history`, with or without that of `time`. Time stamps, or
        dates or numbers in an index, must come after those of `history`, and
        time stamps without a gap: no step longer than `max_gap`.

    target : str, int or list of these, default=None
        The column or columns that are forecast, by name or position, in the order
        of the outputs of the estimator. If None, all that `future` does not have,
        but those of `group` and `time`. Needed if `future` is an array.

    group : str, int or list of these, default=None
        What says to which series a row belongs, as in `make_supervised`. If
        None and `time` is None, both are those of the `SequenceWindower` in
        `estimator`, if that was fitted to a table.

    time : str or int, default=None
        What says when a row was taken, as in `make_supervised`. If `future` does not
        have it, each series is continued by its own regular step, months and working
        days by the calendar.

    max_gap : timedelta, str or float, default=None
        The longest step of time that is no gap, as in `make_histories`. If the
        `SequenceWindower` in `estimator` was fitted to a table, it is that one's.

    Returns
    -------
    forecast : ndarray, series or dataframe
        Of shape (n_steps,), or (n_steps, n_targets) for several targets. With
        `group` an array has the shape (n_series, n_steps) or
        (n_series, n_steps, n_targets), with series in order of appearance.
        A dataframe has n_series * n_steps rows, in order of series and time,
        with the columns of `group` and `time` beside the targets. In pandas
        its index is that of `future`, or else continues that of `history` if it
        holds dates, periods or row numbers.

    Raises
    ------
    ValueError
        If `future` lacks columns or rows or does not follow `history`, the estimator
        has another number of outputs than there are targets, `time` has no
        regular step and `future` no time stamps, or `max_gap` is given without `time`.

    See Also
    --------
    make_supervised : Histories with the values that follow them, to fit to.

    Notes
    -----
    All series are stepped together: `predict` is called once for each step.

    Each step is given the last rows of each series, as many as a
    `SequenceWindower` in the estimator has in its windows, and one more, from which
    `AnchoredRegressor` takes the first change; the other steps of a pipeline should
    map each row on its own. Without a `SequenceWindower` the estimator is given the
    whole history, since some part of it might look back.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklstm import SequenceWindower, make_supervised
    >>> from sklstm.forecasting import recursive_forecast
    >>> wave = np.sin(np.arange(100.0))
    >>> model = make_pipeline(SequenceWindower(2, flatten=True), LinearRegression())
    >>> X, y = make_supervised(wave)
    >>> model = model.fit(X[1:], y[1:])  # the first row has half a window
    >>> forecast = recursive_forecast(model, wave, 3)
    >>> np.allclose(forecast, np.sin([100, 101, 102]), atol=0.02)
    True
    """
    windowers = find_windowers(estimator)
    reads_sequences = takes_sequences(estimator)
    n_rows = _count_rows(estimator) if windowers else None
    if windowers and group is None and time is None:
        group, time = windowers[0].group, windowers[0].time
        max_gap = windowers[0].max_gap if max_gap is None else max_gap
    check_gap(max_gap, time)
    is_named = any(hasattr(e, "feature_names_in_") for e in [estimator, *windowers])
    table, series = _read_history(history, group, time, is_named)
    keys = Keys.find(table, group, time, "history")
    covered = _columns_of(table, future, target)
    targets = _find_targets(table, keys, covered, target)
    order = _order_rows(table, keys, windowers, max_gap, strict=reads_sequences)
    rollout = Rollout.of(table, keys, order, targets, future, n_steps, n_rows)
    rollout.run(estimator, (max_gap, order.found) if reads_sequences else None)
    if is_frame(history):
        return rollout.frame()
    forecast = rollout.forecast()
    forecast = forecast if group is not None else forecast[0]
    forecast = forecast[..., 0] if len(targets) == 1 else forecast
    if series is None:
        return forecast
    frame = rollout.frame() if is_frame(table) else None
    return _like_series(forecast, series, frame)


def find_windowers(estimator: Any) -> list[SequenceWindower]:
    """Find every `SequenceWindower` in an estimator, the fitted ones first."""
    if isinstance(estimator, SequenceWindower):
        return [estimator]
    return [w for part in _parts(estimator) for w in find_windowers(part)]


def _parts(estimator: Any) -> list[Any]:
    """What an estimator is made of; of one that was fitted the fitted parts first."""
    if isinstance(estimator, (list, tuple)):
        return list(estimator)
    if isinstance(estimator, Pipeline):
        return [step for _, step in estimator.steps]
    if hasattr(estimator, "best_estimator_"):
        return [estimator.best_estimator_]
    if not isinstance(estimator, BaseEstimator):
        return []
    fitted = [value for name, value in vars(estimator).items() if name.endswith("_")]
    return [*fitted, *estimator.get_params(deep=False).values()]


def _count_rows(estimator: Any) -> int | None:
    """How many rows of a series the estimator looks at; None for all of them."""
    if takes_sequences(estimator):
        # What stands before all windowers may read any step of a history.
        estimator = getattr(estimator, "best_estimator_", estimator)
        steps = _parts(estimator) if isinstance(estimator, Pipeline) else []
        if not any(isinstance(step, SequenceWindower) for step in steps):
            return None
    return _reach(estimator) + 2  # an anchor reads the row before a window, too


def _reach(estimator: Any) -> int:
    """How many rows before the last the windows of an estimator hold."""
    if isinstance(estimator, SequenceWindower):
        return estimator.sequence_length - 1
    reaches = [_reach(part) for part in _parts(estimator)]
    return sum(reaches) if isinstance(estimator, Pipeline) else max(reaches, default=0)


def takes_sequences(estimator: Any) -> bool:
    """Whether an estimator was fitted to `Sequences` and not to a table."""
    for windower in find_windowers(estimator):
        if hasattr(windower, "_keys"):  # the first that was fitted
            return windower._keys is None
    if isinstance(estimator, Pipeline):
        steps = [step for _, step in estimator.steps if hasattr(step, "fit")]
        return takes_sequences(steps[0])
    for name in ("best_estimator_", "estimator_", "regressor_", "estimator"):
        if hasattr(estimator, name):
            return takes_sequences(getattr(estimator, name))
    return isinstance(estimator, BaseEstimator) and bool(
        get_tags(estimator).input_tags.three_d_array
    )


def _read_history(
    history: Any, group: Any, time: Any, is_named: bool
) -> tuple[Any, Any]:
    """The history as a table, and as a series if it is one."""
    series = None
    if not is_frame(history) and np.ndim(history) == 1:
        native = nw.from_native(history, series_only=True, pass_through=True)
        series = native if isinstance(native, nw.Series) else None
        if not is_named and group is None and time is None:
            history = np.asarray(history)[:, None]
    table = read_table(history, "history", group=group, time=time)
    if np.shape(table)[0] == 0:
        raise ValueError("history has no rows; expected at least 1 for each series.")
    return table, series


def _order_rows(
    table: Any,
    keys: Keys,
    windowers: list[SequenceWindower],
    max_gap: Any,
    *,
    strict: bool,
) -> RowOrder:
    """Put the rows of the history in order, with the gaps that the estimator sees."""
    gaps = [windower.max_gap for windower in windowers if windower.time is not None]
    gaps += [] if max_gap is None else [max_gap]
    order = RowOrder(table, keys, gaps[0] if gaps else None)
    if order.times is not None and not gaps and not strict:
        # No history is cut: a step that the history has too is no gap.
        longest = np.zeros(len(order.limits))
        within = np.diff(order.series) == 0
        np.maximum.at(longest, order.series[1:][within], np.diff(order.clock)[within])
        order.limits = np.fmax(order.limits, longest)
    return order


def _columns_of(table: Any, future: Any, target: Any) -> list[Any]:
    """Names of the columns that the future has, if that says what the targets are."""
    if target is not None or future is None:
        return []
    if not is_frame(future):
        raise ValueError(
            "future is an array, which does not say which columns of history it holds:"
            " name those that are forecast in target."
        )
    return list(future.columns)


def _find_targets(table: Any, keys: Keys, covered: list[Any], target: Any) -> list[int]:
    names = column_names(table)
    if target is None:
        targets = [i for i in keys.features(table) if names[i] not in covered]
    else:
        several = [target] if isinstance(target, (str, Integral)) else target
        targets = [find_column(table, key, "target") for key in several]
    if not targets or set(targets) & set(keys.columns()):
        raise ValueError(
            f"target={target!r} leaves no column to forecast: history has {names},"
            f" future {covered}; name columns that are not in group or time."
        )
    return targets


def _like_series(forecast: np.ndarray, series: Any, frame: Any) -> Any:
    """Put a forecast into a series like that of the history; a frame has its index."""
    backend = series.implementation
    made = nw.new_series(series.name, forecast, backend=backend).to_native()
    index = get_index(series.to_native())
    if index is not None:
        is_known = frame is not None
        made.index = frame.index if is_known else continue_index(index, len(forecast))
    return made


@dataclass
class Rollout:
    """Last rows and rows to come of all series, as far as they are known."""

    table: Any  # (n_rows, n_columns) all of them, in order of series and time
    # (n_rows, n_targets) the targets in these rows; NaN where not forecast yet
    values: np.ndarray
    new: np.ndarray  # (n_series, n_steps) where the rows to come are
    starts: np.ndarray  # (n_series,) the first row of each series
    n_rows: int | None  # how many rows the estimator looks at; None for all
    keys: Keys  # where labels and times stand in the table
    targets: list[int]  # positions of the target columns

    @classmethod
    def of(
        cls,
        history: Any,
        keys: Keys,
        order: RowOrder,
        targets: list[int],
        future: Any,
        n_steps: int,
        n_rows: int | None,
    ) -> Rollout:
        """Join the last rows of a history with what is known of the future."""
        taken = [*targets, *keys.columns()]
        covariates = [i for i in range(np.shape(history)[1]) if i not in taken]
        if future is not None:
            future = Future(future, history, keys, order, covariates, n_steps)
        elif covariates:
            names = column_names(history)
            raise ValueError(
                f"The columns {[names[i] for i in covariates]} of history are not"
                " forecast: give their next values in future, or name them in target."
            )
        index = get_index(history)
        if order.order is not None:
            history = _safe_indexing(history, order.order)
            is_range = getattr(index, "start", None) is not None
            index = index if is_range else get_index(history)
        coming = coming_rows(history, index, keys, order, future, n_steps)
        ends = np.cumsum(np.bincount(order.series))
        counts = np.diff(ends, prepend=0)
        kept = counts if n_rows is None else np.minimum(counts, n_rows)
        tails = join_ranges(ends - kept, kept)
        table = stack_rows(_safe_indexing(history, tails), coming)
        series = np.repeat(np.arange(len(ends)), kept)
        series = np.r_[series, np.repeat(np.arange(len(ends)), n_steps)]
        table = _safe_indexing(table, np.argsort(series, kind="stable"))
        values = np.array(_safe_indexing(table, targets, axis=1), dtype=np.float64)
        starts = np.cumsum(kept + n_steps) - kept - n_steps
        new = (starts + kept)[:, None] + np.arange(n_steps)
        values[new] = np.nan
        return cls(table, values, new, starts, n_rows, keys, targets)

    def run(self, estimator: Any, histories: Any) -> None:
        """Forecast the rows to come, one step of all series after the other."""
        for rows in self.new.T:  # (n_series,)
            n = rows - self.starts
            n = n if self.n_rows is None else np.minimum(n, self.n_rows)
            inputs = self._fill(join_ranges(rows - n, n))
            last = np.cumsum(n) - 1
            if histories is None:
                y = _predict_some(estimator, inputs, last)
            else:
                order = RowOrder(inputs, self.keys, *histories)
                X = cut_histories(inputs, self.keys, order)[last]
                y = np.reshape(estimator.predict(X), (len(last), -1))
            if y.shape[1] != len(self.targets):
                names = column_names(self.table)
                raise ValueError(
                    f"The estimator has {y.shape[1]} output(s), and"
                    f" {len(self.targets)} column(s) are to be forecast,"
                    f" {[names[i] for i in self.targets]}: fit it to what the next row"
                    " holds (horizon=1), or name its targets and give the others in"
                    " future."
                )
            self.values[rows] = y

    def _fill(self, rows: np.ndarray) -> Any:
        """Rows of the table, with what has been forecast of them."""
        values = self.values[rows].T
        table = _safe_indexing(self.table, rows)
        return set_columns(table, dict(zip(self.targets, values, strict=True)))

    def forecast(self) -> np.ndarray:
        """Return the forecasts, shape (n_series, n_steps, n_targets)."""
        return self.values[self.new]

    def frame(self) -> Any:
        """Return the forecasts as a dataframe with labels and times."""
        kept = sorted([*self.keys.columns(), *self.targets])
        return _safe_indexing(self._fill(self.new.ravel()), kept, axis=1)


def _predict_some(estimator: Any, inputs: Any, rows: np.ndarray) -> np.ndarray:
    """Predict some rows only, shape (n_rows, n_outputs)."""
    estimator = getattr(estimator, "best_estimator_", estimator)
    is_pipeline = isinstance(estimator, Pipeline)
    with warnings.catch_warnings():
        # Windows of the rows before these are short, and nobody looks at them.
        warnings.filterwarnings("ignore", ".* windows have fewer than")
        if is_pipeline and find_windowers(estimator[:-1]):
            # The windows hold the history: those of other rows need not be read.
            windows = _safe_indexing(estimator[:-1].transform(inputs), rows)
            y = np.asarray(estimator[-1].predict(windows))
        else:
            y = np.asarray(estimator.predict(inputs))[rows]
    return y.reshape(len(rows), -1)
