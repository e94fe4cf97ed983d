"""`forecast`: from a fitted model and the rows up to now to dated values."""

from __future__ import annotations

import warnings
from collections.abc import Hashable
from dataclasses import dataclass
from datetime import timedelta
from numbers import Real
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
from sklearn.base import BaseEstimator
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from .._arrays import reading
from .._compat import HasMethods, _safe_indexing, validate_params
from .._constraints import Interval, at_least
from .._rows._columns import column_names, find_column, get_index, list_keys
from .._rows._histories import cut_histories, warn_of_disorder
from .._rows._order import Keys, RowOrder
from .._rows._series import GAP, join_ranges
from .._rows._tables import TABLE, is_frame, read_table, set_columns, to_container
from .._rows._windows import SequenceWindower
from .._sequences import Sequences
from ._anchor import AnchoredRegressor
from ._future import extend
from ._spread import predict_ends

INTERVAL = [Interval(Real, 0, 1, closed="neither"), "boolean", None]


@validate_params(
    {
        "model": [HasMethods("predict")],
        "history": [*TABLE, Sequences],
        "n_steps": [at_least(1), None],
        "future": [*TABLE, None],
        "target": [Hashable, "array-like", None],
        "interval": INTERVAL,
    },
    prefer_skip_nested_validation=True,
)
def forecast(
    model: Any,
    history: Any,
    n_steps: int | None = None,
    *,
    future: Any = None,
    target: Any = None,
    interval: Any = None,
) -> Any:
    """Forecast the rows that follow a table, with dates and intervals.

    A model that was fitted to the histories of `make_supervised` knows how histories
    are made from rows, which columns it forecasts and how many rows ahead. So
    `history` is the table of rows itself. Beyond its horizon, the model reads its own
    forecasts as if they were rows of the table.

    Parameters
    ----------
    model : estimator
        A fitted regressor, or a pipeline or search with one.

    history : array-like of shape (n_rows,) or (n_rows, n_columns)
        The rows up to now, with the columns passed to `make_supervised`: an array, a
        series or a dataframe of pandas or polars.

    n_steps : int, default=None
        Number of rows to forecast for each series. None means the horizon of the model.

    future : array-like of shape (n_series * n_rows_ahead, n_columns), default=None
        Known values of the rows to forecast: the columns of `known` in
        `make_supervised` and, beyond the horizon, every column that is not forecast.
        It may have the time stamps as well; columns of targets are not read. An array
        has just these columns, in the order of `history`. If there are columns of
        `known`, `future` has rows for whole horizons. Time stamps, or dates or numbers
        in an index, must continue those of `history` without a gap.

    target : str, int or list of these, default=None
        The column or columns to forecast. Only for a model that does not know them,
        because it was not fitted to the histories of `make_supervised`. None then
        means the only column that `future` does not have.

    interval : float, bool or None, default=None
        Coverage of the intervals to return with the forecast. An LSTM with
        ``loss="gaussian"`` has intervals of any coverage; other models must have
        intervals of this coverage, or its quantiles. True returns the interval or the
        quantiles that the model has, if any, up to its horizon; False returns none.
        None means True for dataframes and series, and False for arrays.

    Returns
    -------
    forecast : ndarray, series or dataframe
        The forecast, in the form of `history`. A dataframe has n_series * n_steps rows,
        ordered by series and time. Its columns are those of group and time, the targets
        and, for a target "load", the ends "load_lower" and "load_upper" of the interval
        or quantiles such as "load_0.1". In pandas, its index is that of `future`, or
        continues that of `history` if this holds dates, periods or row numbers. For a
        series it is a series, or a dataframe if there is an interval. For an array it
        is an array of shape (n_steps, n_columns), or (n_steps,) for one column; with
        groups, it has one more axis in front, for the series in order of appearance.

    Raises
    ------
    ValueError
        If `future` lacks columns or rows or does not continue `history`; if time has no
        regular step and `future` no time stamps; if the targets are not known; or if
        the model has no such interval.

    See Also
    --------
    make_supervised : Histories with the values that follow them, to fit to.
    ConformalRegressor : Intervals for any regressor.

    Notes
    -----
    Beyond the horizon, errors accumulate. To avoid this, fit the model with a horizon
    of `n_steps`. All series are forecast together: `predict` is called once for each
    horizon.

    The model reads the last rows of each series: as many as the windows of its
    `SequenceWindower` hold, and one more, from which `AnchoredRegressor` takes the
    first change. Other steps of a pipeline should map each row on its own. A model
    without a `SequenceWindower` reads the whole history.

    A model that was fitted to a table of rows knows group and time if its
    `SequenceWindower` names them.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklstm import SequenceWindower, make_supervised
    >>> from sklstm.forecasting import forecast
    >>> wave = np.sin(np.arange(100.0))
    >>> model = make_pipeline(SequenceWindower(2, flatten=True), LinearRegression())
    >>> X, y = make_supervised(wave)
    >>> model = model.fit(X[1:], y[1:])  # the first row has half a window
    >>> values = forecast(model, wave, 3)
    >>> np.allclose(values, np.sin([100, 101, 102]), atol=0.02)
    True
    """
    roll = roll_out(model, history, n_steps, future, target, _share(interval, history))
    columns, index = roll.columns(), roll.index()
    if is_frame(history):
        return roll.frame(columns, history, index)
    if is_frame(roll.table):  # of a series
        if len(columns) > 1:
            return roll.frame(columns, roll.table, index)
        made = to_container(next(iter(columns.values())), roll.table, [None], index)
        name = getattr(history, "name", None)  # which those of pyarrow do not have
        return made if name is None else made.rename(name)
    values = np.column_stack(list(columns.values()))
    shape = (roll.n_steps, len(columns)) if len(columns) > 1 else (roll.n_steps,)
    return values.reshape((-1, *shape) if roll.keys.group else shape)


def roll_out(
    model: Any, history: Any, n_steps: Any, future: Any, target: Any, share: Any
) -> Rollout:
    """Forecast as `forecast` does, and keep all that says where values stand."""
    if isinstance(history, Sequences):
        raise ValueError(
            "history is Sequences, which are not the rows themselves: give the table"
            " that they were made of."
        )
    check_is_fitted(model)
    found = find_made_with(model)
    windower = find_windower(model)
    made: dict[str, Any] = {
        name: getattr(windower, name, None) for name in ("group", "time", "max_gap")
    }
    made |= found or {}
    table = read_table(history, "history", group=made["group"], time=made["time"])
    if np.shape(table)[0] == 0:
        raise ValueError("history has no rows; expected at least 1 for each series.")
    keys = Keys.find(table, made["group"], made["time"], "history")
    warn_of_disorder(table, keys)
    features = keys.features(table)
    roll = Rollout(
        model,
        table,
        keys,
        made["max_gap"],
        _find_targets(table, keys, made, future, target),
        [features[i] for i in made.get("known", [])],
        is_series=not is_frame(history) and is_frame(table),
        on_sequences=found is not None,
    )
    _warn_of_step(roll.order, made.get("steps"))
    horizon = made.get("horizon") or roll.find_horizon()
    roll.run(horizon, n_steps or horizon, future, share)
    return roll


def _warn_of_step(order: RowOrder, steps: Any) -> None:
    """Say so if rows come at another rate than those that a model was fitted to."""
    now = order.found.steps
    if steps is None or now is None or np.isnan(now).all():
        return
    least, most = steps
    if (now < least / GAP).any() or (now > most * GAP).any():
        here, *there = (
            str(timedelta(seconds=step / 1e9)) if order.found.is_date else f"{step:g}"
            for step in (float(np.nanmedian(now)), least, most)
        )
        warnings.warn(
            f"Rows of history are {here} apart, and those that the model was fitted to"
            f" {' to '.join(dict.fromkeys(there))}: resample them to the same step.",
            stacklevel=5,
        )


def _share(interval: Any, history: Any) -> float | bool:
    """The share that intervals shall hold; True for whatever there is."""
    if interval is None:
        return not isinstance(history, (np.ndarray, list, tuple))
    is_bool = isinstance(interval, (bool, np.bool_))
    return bool(interval) if is_bool else float(interval)


def fitted_parts(model: Any) -> list[Any]:
    """What a fitted model is made of; what it was made from is left out."""
    if isinstance(model, dict):
        return list(model.values())
    if isinstance(model, (list, tuple)):
        return list(model)
    if isinstance(model, Pipeline):
        return [step for _, step in model.steps]
    if isinstance(model, FrozenEstimator):
        return [model.estimator]
    if hasattr(model, "best_estimator_"):
        return [model.best_estimator_]
    if not isinstance(model, BaseEstimator):
        return []
    return [value for name, value in vars(model).items() if name.endswith("_")]


def find_made_with(model: Any) -> dict[str, Any] | None:
    """How the sequences were made that a model was fitted to; None for a table.

    That is what the first part of it remembers that reads the input.
    """
    if hasattr(model, "_made_with"):
        return model._made_with
    parts = fitted_parts(model)
    if isinstance(model, Pipeline):
        parts = [part for part in parts if hasattr(part, "fit")][:1]
    found = (find_made_with(part) for part in parts)
    return next((made for made in found if made is not None), None)


def find_windower(model: Any) -> SequenceWindower | None:
    """Find the first fitted `SequenceWindower` in a model."""
    if isinstance(model, SequenceWindower):
        return model
    found = (find_windower(part) for part in fitted_parts(model))
    return next((windower for windower in found if windower is not None), None)


def _reach(model: Any) -> int:
    """How many rows before the last the windows of a model hold."""
    if isinstance(model, SequenceWindower):
        return int(model.sequence_length) - 1
    reaches = [_reach(part) for part in fitted_parts(model)]
    return sum(reaches) if isinstance(model, Pipeline) else max(reaches, default=0)


def _find_length(model: Any, on_sequences: bool) -> int | None:
    """How many rows of a series the windows of a model hold; None for all of them."""
    inner = getattr(model, "best_estimator_", model)
    if on_sequences and not (
        # What stands before all windows may read any step of a history.
        isinstance(inner, Pipeline)
        and any(isinstance(step, SequenceWindower) for _, step in inner.steps)
    ):
        return None
    return _reach(model) + 1 if find_windower(model) is not None else None


def _is_anchored(model: Any) -> bool:
    """Whether the model reads changes, the first of them from before its window."""
    return isinstance(model, AnchoredRegressor) or any(
        map(_is_anchored, fitted_parts(model))
    )


def _find_targets(
    table: Any, keys: Keys, made: dict[str, Any], future: Any, target: Any
) -> list[int]:
    """Positions of the columns that are forecast."""
    names, features = column_names(table), keys.features(table)
    targets = features
    if target is not None:
        targets = [
            find_column(table, key, "target") for key in list_keys(target, table)
        ]
        if not targets or set(targets) & set(keys.columns()):
            raise ValueError(
                f"target={target!r} is no column to forecast: history has {names};"
                " name columns that are not in group or time."
            )
    if made.get("targets") is not None:
        known = [features[i] for i in made["targets"] if i < len(features)]
        if target is not None and targets != known:
            raise ValueError(
                f"target={target!r}, but the model was fitted to forecast"
                f" {[names[i] for i in known]}: leave target out."
            )
        return known
    if target is None and is_frame(future):
        targets = [i for i in features if names[i] not in column_names(future)]
    if target is None and len(targets) != 1:
        raise ValueError(
            "The model does not know which columns it forecasts, and"
            f" {[names[i] for i in targets]} are left of history: name them in target,"
            " or fit it to the histories of make_supervised."
        )
    return targets


@dataclass
class Rollout:
    """A model, the rows of all series up to now, and what is forecast of the next."""

    model: Any
    table: Any  # (n_rows, n_columns)
    keys: Keys
    max_gap: Any
    targets: list[int]  # positions of the columns that are forecast
    known: list[int]  # positions of those whose next values are features
    is_series: bool = False  # whether the table was made of a series
    on_sequences: bool = True  # whether the model was fitted to sequences

    def __post_init__(self) -> None:
        self.order = RowOrder(self.table, self.keys, self.max_gap)
        length = _find_length(self.model, self.on_sequences)
        # An anchor reads the row before a window, too.
        self.n_rows = None if length is None else length + 1
        longest = int(np.bincount(self.order.series).max())
        needed = 0 if length is None else length + _is_anchored(self.model)
        if longest < needed:
            warnings.warn(
                f"history has {longest} row(s) of a series at most, and a forecast of"
                f" the model reads {needed}: its window is cut short. Give more rows.",
                stacklevel=6,
            )
        parts = [self.model, find_windower(self.model)]
        # A series has a name, but a model that was fitted to an array knows none.
        self.has_names = not self.is_series or any(
            hasattr(part, "feature_names_in_") for part in parts
        )

    def find_horizon(self) -> int:
        """Count how many steps a model forecasts that does not say so."""
        last = np.flatnonzero(np.diff(self.order.series, append=-1))
        X = self._samples(self.table, self.order, last, 0)
        return self._count_steps(np.shape(self._predict(*X)))

    def _count_steps(self, shape: tuple[int, ...]) -> int:
        n_outputs, n_targets = 1 if len(shape) == 1 else shape[1], len(self.targets)
        if n_outputs % n_targets:
            names = column_names(self.table)
            raise ValueError(
                f"The model has {n_outputs} output(s), and {n_targets} column(s) are to"
                f" be forecast, {[names[i] for i in self.targets]}: name its targets,"
                " and give the others in future."
            )
        return n_outputs // n_targets

    def run(self, horizon: int, n_steps: int, future: Any, share: float | bool) -> None:
        """Forecast, one horizon of all series after the other."""
        needed = set(self.known)
        if n_steps > horizon:
            needed |= {*self.keys.features(self.table)} - {*self.targets}
        names = column_names(self.table)
        if needed and future is None:
            raise ValueError(
                f"The columns {[names[i] for i in sorted(needed)]} of history are not"
                " forecast: give their next values in future."
            )
        if n_steps > horizon and isinstance(share, float):
            raise ValueError(
                f"interval={share} is asked for {n_steps} steps, but intervals of the"
                f" model are for {horizon}: fit it with that horizon in"
                " make_supervised, or give no interval."
            )
        n_ahead = -(-n_steps // horizon) * horizon if self.known else n_steps
        self.longer = extend(
            self.table,
            self.keys,
            self.order,
            self.max_gap,
            n_ahead,
            future,
            sorted(needed),
        )
        # Rows in order of series and time, those of a series next to each other.
        in_order = self.longer.order.positions(np.arange(len(self.longer.order.series)))
        table = _safe_indexing(self.longer.table, in_order)
        order = RowOrder(table, self.keys, self.max_gap, self.order.found)
        ends = np.cumsum(np.bincount(order.series))
        new = ends[:, None] - n_ahead + np.arange(n_ahead)  # (n_series, n_ahead)
        self.new = in_order[new[:, :n_steps]]  # positions in the longer table
        with reading("history", "numbers to continue"):
            values = np.array(_safe_indexing(table, self.targets, axis=1))
            if np.iscomplexobj(values):
                raise TypeError("complex numbers")
            values = values.astype(np.float64)
        values[new] = np.nan
        self.n_steps, self.ends = n_steps, {}
        for k in range(0, n_steps, horizon):
            X, rows = self._samples(table, order, new[:, 0] - 1 + k, horizon, values)
            y = self._predict(X, rows)
            if self._count_steps(np.shape(y)) != horizon:
                raise ValueError(
                    f"The model has {np.size(y[0])} output(s), and its histories said"
                    f" horizon={horizon}: fit it to y as make_supervised makes it."
                )
            y = np.reshape(y, (len(y), horizon, -1))
            at = new[:, k : k + horizon]
            values[at] = y[:, : at.shape[1]]
            if share and n_steps <= horizon:
                self.ends = self._find_ends(X, rows, share)
        self.values = values[new[:, :n_steps]]  # (n_series, n_steps, n_targets)

    def _samples(
        self,
        table: Any,
        order: RowOrder,
        at: np.ndarray,
        horizon: int,
        values: np.ndarray | None = None,
    ) -> tuple[Any, np.ndarray]:
        """What the model is given for rows in these places, and where they stand.

        Values of the targets, (n_rows, n_targets), stand in place of those of a table.
        """
        begins = np.flatnonzero(np.diff(order.series, prepend=-1))  # (n_series,)
        n = at - begins + 1
        n = n if self.n_rows is None else np.minimum(n, self.n_rows)
        ahead = horizon if self.known else 0
        inside = join_ranges(at - n + 1, n + ahead)
        positions = order.positions(inside)
        inputs = _safe_indexing(table, positions)
        if values is not None:
            columns = zip(self.targets, values[positions].T, strict=True)
            inputs = set_columns(inputs, dict(columns))
        rows = np.cumsum(n + ahead) - ahead - 1
        if not self.on_sequences:
            return inputs if self.has_names else np.asarray(inputs), rows
        taken = RowOrder(inputs, self.keys, self.max_gap, self.order.found)
        leads = (self.known, horizon)
        X = cut_histories(inputs, self.keys, taken, leads=leads)[rows]
        X.feature_names = X.feature_names if self.has_names else None
        return X, rows

    def _predict(self, X: Any, rows: np.ndarray, method: Any = None) -> np.ndarray:
        """Predict some rows only; all of the samples if they are sequences."""
        model, call = self.model, method or (lambda model, X: model.predict(X))
        if self.on_sequences:
            return np.asarray(call(model, X))
        model = getattr(model, "best_estimator_", model)
        with warnings.catch_warnings():
            # Windows of the rows before these are short, and nobody looks at them.
            warnings.filterwarnings("ignore", ".* windows have fewer than")
            # Rows are in order here, whatever index those to come were given.
            warnings.filterwarnings("ignore", "Rows are taken ")
            if isinstance(model, Pipeline) and find_windower(model[:-1]):
                # The windows hold the history: those of other rows need not be read.
                windows = _safe_indexing(model[:-1].transform(X), rows)
                return np.asarray(call(model[-1], windows))
            return np.asarray(call(model, X))[rows]

    def _find_ends(
        self, X: Any, rows: np.ndarray, share: float | bool
    ) -> dict[str, np.ndarray]:
        """Ends of intervals by name, each (n_series, horizon, n_targets)."""
        names: list[str] = []

        def call(model: Any, X: Any) -> np.ndarray:
            ends = predict_ends(model, X, share)
            names.extend(ends)
            return np.stack([*ends.values()] or [np.empty((len(X), 0))], axis=-1)

        values = self._predict(X, rows, call)  # (n_series, n_outputs, n_ends)
        shape = (len(rows), -1, len(self.targets))
        return {
            name: values[..., i].reshape(shape)[:, : self.n_steps]
            for i, name in enumerate(names)
        }

    def columns(self) -> dict[Any, np.ndarray]:
        """The forecasts, and the ends of intervals, each (n_series * n_steps,)."""
        columns = {}
        for j, position in enumerate(self.targets):
            name = column_names(self.table)[position]
            name = "value" if name == "" else name  # of a series without a name
            columns[name] = self.values[..., j].ravel()
            for suffix, end in self.ends.items():
                columns[f"{name}_{suffix}"] = end[..., j].ravel()
        if len(columns) < len(self.targets) * (1 + len(self.ends)):
            raise ValueError(
                f"Of the columns {list(columns)} some are targets and ends of intervals"
                " at once: rename the targets, or give interval=False."
            )
        return columns

    def index(self) -> Any:
        """The index of the rows to come, if there is one."""
        index = get_index(self.longer.table)
        return None if index is None else index[self.new.ravel()]

    def frame(self, columns: dict[Any, np.ndarray], like: Any, index: Any) -> Any:
        """Return columns as a dataframe, with labels and times before them."""
        values = np.column_stack(list(columns.values()))
        made = to_container(values, like, list(columns), index)
        kept = sorted(self.keys.columns())
        if not kept:
            return made
        rows = _safe_indexing(self.longer.table, self.new.ravel())
        parts = nw.from_native(_safe_indexing(rows, kept, axis=1)), nw.from_native(made)
        return nw.concat(parts, how="horizontal").to_native()
