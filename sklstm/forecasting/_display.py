"""`ForecastDisplay`: history, forecast, interval and what came, in one picture."""

from __future__ import annotations

from numbers import Real

import numpy as np
from sklearn.utils import check_consistent_length

from .._arrays import reading
from .._compat import _safe_indexing, _validate_style_kwargs, validate_params
from .._constraints import at_least
from .._extras import naming_extra
from .._rows._columns import (
    column_names,
    find_column,
    get_index,
    is_frame,
    on_wall_times,
    read_place,
)
from .._rows._order import Keys, RowOrder
from .._rows._series import match_series
from .._rows._tables import read_table
from ._calendar import continue_index
from ._forecast import INTERVAL, find_made_with, roll_out
from ._future import is_date
from ._spread import find_share


class ForecastDisplay:
    """Plot of a forecast: history, forecast, interval and true values.

    Use :meth:`from_estimator` or :meth:`from_predictions` to make one. All
    parameters are stored as attributes.

    Parameters
    ----------
    history : ndarray of shape (n_history,)
        Values before the forecast, in time order; may be empty.

    y_pred : ndarray of shape (n_steps,)
        The forecast.

    y_true : ndarray of shape (n_steps,), default=None
        The true values.

    interval : ndarray of shape (n_steps, 2), default=None
        Lower and upper end for each step.

    dates : ndarray of shape (n_history + n_steps,), default=None
        Times of the values, dates or numbers. None counts steps from the last value of
        `history`, which is 0. Dates with a time zone are drawn in local time, in which
        one hour in autumn occurs twice.

    name : str, default=None
        Name of the target, with its unit, for the label of the vertical axis.

    interval_name : str, default=None
        Name of the interval in the legend. None means "interval".

    Attributes
    ----------
    line_history_ : matplotlib Line2D or None
        The history.

    line_true_ : matplotlib Line2D or None
        The true values, from the last value of the history on.

    line_pred_ : matplotlib Line2D
        The forecast.

    band_ : matplotlib PolyCollection or LineCollection or None
        The interval, drawn as lines if there is only one step.

    ax_ : matplotlib Axes
        The axes.

    figure_ : matplotlib Figure
        The figure of the axes.

    See Also
    --------
    forecast : The values that this display shows.

    Examples
    --------
    >>> import numpy as np
    >>> from sklstm.forecasting import ForecastDisplay
    >>> wave = np.sin(np.arange(60) / 5)
    >>> display = ForecastDisplay.from_predictions(
    ...     wave[:48], 0.9 * wave[48:], y_true=wave[48:], name="level (m)"
    ... )
    >>> display.ax_.get_ylabel()
    'level (m)'
    """

    def __init__(
        self,
        *,
        history,
        y_pred,
        y_true=None,
        interval=None,
        dates=None,
        name=None,
        interval_name=None,
    ):
        self.history = history
        self.y_pred = y_pred
        self.y_true = y_true
        self.interval = interval
        self.dates = dates
        self.name = name
        self.interval_name = interval_name

    def plot(
        self,
        ax=None,
        *,
        history_kwargs=None,
        true_kwargs=None,
        pred_kwargs=None,
        interval_kwargs=None,
    ):
        """Draw the forecast.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on. None means a new figure.

        history_kwargs : dict, default=None
            Style of the line of the history, for `matplotlib.axes.Axes.plot`.

        true_kwargs : dict, default=None
            Style of the line of the true values.

        pred_kwargs : dict, default=None
            Style of the line of the forecast.

        interval_kwargs : dict, default=None
            Style of the band, for `matplotlib.axes.Axes.fill_between`.

        Returns
        -------
        display : ForecastDisplay
            The display itself, with what it has drawn.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        with naming_extra("ForecastDisplay", "matplotlib", "plot"):
            import matplotlib.pyplot as plt
        if ax is None:
            _, ax = plt.subplots(figsize=(8, 4), layout="constrained")
        self.ax_, self.figure_ = ax, ax.figure
        n, x = len(self.history), self._positions()
        marker = {"marker": ".", "markersize": 4} if len(self.y_pred) <= 16 else {}
        if len(self.y_pred) == 1:
            marker = {"marker": "o", "linestyle": ""}
        grey = {"color": "0.45"}
        self.line_history_ = self.line_true_ = self.band_ = None
        if n:
            style = grey | {"label": "history"}
            self.line_history_ = self._line(x[:n], self.history, style, history_kwargs)
        if self.y_true is not None:
            style = {"color": "C0", "label": "actual"} | marker
            style |= {"markevery": (1, 1)} if n else {}
            joined = np.r_[self.history[-1:], self.y_true]  # no hole between the lines
            x_true = x[len(x) - len(joined) :]
            self.line_true_ = self._line(x_true, joined, style, true_kwargs)
        style = {"color": "C1", "label": "forecast"} | marker
        self.line_pred_ = self._line(x[n:], self.y_pred, style, pred_kwargs)
        if self.interval is not None:
            self.band_ = self._fill(x[n:], interval_kwargs)
        self._label(x)
        return self

    def _positions(self):
        n = len(self.history)
        steps = np.arange(1 - n, len(self.y_pred) + 1)
        return steps if self.dates is None else self.dates

    def _line(self, x, y, style, given):
        style = _validate_style_kwargs(style, given or {})
        return self.ax_.plot(x, y, **style)[0]

    def _fill(self, x, given):
        is_one = len(x) == 1  # a band of one step would have no width
        style = {"color": self.line_pred_.get_color(), "alpha": 0.25}
        style |= {"linewidth": 8 if is_one else 0}
        style |= {"label": self.interval_name or "interval"}
        style = _validate_style_kwargs(style, given or {})
        draw = self.ax_.vlines if is_one else self.ax_.fill_between
        return draw(x, *self.interval.T, **style)

    def _label(self, x):
        import matplotlib.dates as mdates

        ax = self.ax_
        if x.dtype.kind == "M":
            locator = mdates.AutoDateLocator()
            ax.xaxis.set_major_locator(locator)
            ax.xaxis.set_major_formatter(mdates.ConciseDateFormatter(locator))
        elif self.dates is None:
            ax.set_xlabel("steps ahead")
        if self.name is not None:
            ax.set_ylabel(self.name)
        ax.margins(x=0.02, y=0.15)  # room for the legend, which covers no line
        ax.legend(loc="upper left", ncols=4, frameon=False)

    @classmethod
    def from_predictions(
        cls,
        history,
        y_pred,
        *,
        y_true=None,
        interval=None,
        dates=None,
        name=None,
        interval_name=None,
        ax=None,
        **kwargs,
    ):
        """Draw a forecast from its values.

        Parameters
        ----------
        history : array-like of shape (n_history,)
            Values before the forecast, in time order; may be empty.

        y_pred : array-like of shape (n_steps,)
            The forecast.

        y_true : array-like of shape (n_steps,), default=None
            The true values. If both have an index of dates, it must have those of
            `y_pred`.

        interval : array-like of shape (n_steps, 2), default=None
            Lower and upper end for each step.

        dates : array-like of shape (n_history + n_steps,), default=None
            Dates or numbers of history and forecast. None means those in the index of
            pandas objects; if `y_pred` has none, the index of `history` is continued by
            its regular step. Without such an index, steps are counted.

        name : str, default=None
            Name of the target, with its unit. None means the name of `history`, if it
            has one.

        interval_name : str, default=None
            Name of the interval in the legend. None means "interval".

        ax : matplotlib Axes, default=None
            Axes to draw on. None means a new figure.

        **kwargs : dict
            Styles for :meth:`plot`.

        Returns
        -------
        display : ForecastDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If lengths or dates differ, or an interval has its ends in the wrong
            order.
        """
        name = getattr(history, "name", None) if name is None else name
        came, forecast = _index_dates(y_true), _index_dates(y_pred)
        is_dated = came is not None and forecast is not None
        if is_dated and len(came) == len(forecast) and (came != forecast).any():
            step = (came != forecast).argmax()
            raise ValueError(
                f"Step {step} of y_true is of {came[step]} and that of y_pred of"
                f" {forecast[step]}, by their index: give y_true at those of y_pred."
            )
        before = _index_dates(history) if len(history) else np.empty(0, "M8[ns]")
        if forecast is None and is_date(get_index(history)):
            forecast = on_wall_times(continue_index(get_index(history), len(y_pred)))
        if dates is None and before is not None and forecast is not None:
            dates = np.r_[before, forecast]
        history = _read_values(history, "history")
        y_pred = _read_values(y_pred, "y_pred")
        n = len(history) + len(y_pred)
        if dates is not None:
            dates = on_wall_times(dates)
            if len(dates) != n:
                raise ValueError(
                    f"dates has {len(dates)} value(s); expected {n}, one for each of"
                    " history and of y_pred."
                )
        if y_true is not None:
            y_true = _read_values(y_true, "y_true")
            check_consistent_length(y_pred, y_true)
        if interval is not None:
            interval = _read_interval(interval, len(y_pred))
        display = cls(
            history=history,
            y_pred=y_pred,
            y_true=y_true,
            interval=interval,
            dates=dates,
            name=None if name is None else str(name),
            interval_name=interval_name,
        )
        return display.plot(ax, **kwargs)

    @classmethod
    @validate_params(
        {
            "n_steps": [at_least(1), None],
            "n_history": [at_least(0), None],
            "interval": INTERVAL,
        },
        prefer_skip_nested_validation=True,
    )
    def from_estimator(
        cls,
        estimator,
        history,
        n_steps=None,
        *,
        actual=None,
        future=None,
        interval=None,
        target=None,
        series=None,
        n_history=None,
        name=None,
        ax=None,
        **kwargs,
    ):
        """Forecast the rows that follow `history`, as `forecast` does, and draw them.

        Parameters
        ----------
        estimator : estimator
            A fitted regressor, or a pipeline or search with one.

        history : array-like of shape (n_rows,) or (n_rows, n_columns)
            The rows up to now, with the columns passed to `make_supervised`.

        n_steps : int, default=None
            Number of rows to forecast. None means the horizon of the estimator.

        actual : array-like of shape (n_later_rows,) or (n_later_rows, n_columns), \
                default=None
            The rows after `history`, in the same form: at least `n_steps` rows of the
            series. Only the column of the target is drawn.

        future : array-like, default=None
            Known values of the rows to forecast, as in `forecast`.

        interval : float, bool or None, default=None
            As in `forecast`. None draws the interval that the estimator has, or its
            outermost quantiles.

        target : str, int or list of these, default=None
            The column to draw, by name or position; needed if several are forecast. If
            the estimator does not know its targets, all of them, as in `forecast`; the
            first one is drawn.

        series : label or tuple of labels, default=None
            The series to draw, by its value in the columns of group; needed if there
            are several.

        n_history : int, default=None
            Number of values to draw before the forecast. None means four times
            `n_steps`.

        name : str, default=None
            Name of the target, with its unit. None means the name of the column.

        ax : matplotlib Axes, default=None
            Axes to draw on. None means a new figure.

        **kwargs : dict
            Styles for :meth:`plot`.

        Returns
        -------
        display : ForecastDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            As in `forecast`, or if there are several series or targets and none is
            named.
        """
        share = True if interval is None else interval
        made = find_made_with(estimator) or {}
        asked = None if made.get("targets") is not None else target
        roll = roll_out(estimator, history, n_steps, future, asked, share)
        j = 0 if asked is not None else _find_target(roll, target)
        number = _find_series(roll, series)
        before = np.flatnonzero(roll.order.series == number)
        n_history = 4 * roll.n_steps if n_history is None else n_history
        before = roll.order.positions(before[max(len(before) - n_history, 0) :])
        ends = [end[number, :, j] for end in roll.ends.values()]
        values = _column(roll.longer.table, roll.targets[j])
        dates = _dates(roll.longer.table, roll.keys)
        y_true = None
        if actual is not None:
            y_true = _find_actual(roll, actual, number, roll.targets[j], dates)
        names = list(column_names(roll.table))
        return cls.from_predictions(
            values[before],
            roll.values[number, :, j],
            y_true=y_true,
            interval=np.column_stack(ends)[:, [0, -1]] if len(ends) > 1 else None,
            dates=None if dates is None else dates[np.r_[before, roll.new[number]]],
            name=names[roll.targets[j]] if name is None else name,
            interval_name=_name_interval(estimator, interval, roll.ends),
            ax=ax,
            **kwargs,
        )


def _find_target(roll, target):
    """Which of the targets to draw."""
    names = [column_names(roll.table)[i] for i in roll.targets]
    if target is None and len(names) > 1:
        raise ValueError(
            f"Several columns are forecast: name one of {names} in target."
        )
    if target is None:
        return 0
    position = find_column(roll.table, target, "target")
    if position not in roll.targets:
        raise ValueError(f"target={target!r} is not forecast: name one of {names}.")
    return roll.targets.index(position)


def _find_series(roll, series):
    """Which series to draw."""
    names = roll.order.found.names()
    names = [None] if names is None else names.tolist()
    if series is None and len(names) == 1:
        return 0
    with reading("series", "the name of one"):
        is_known = series in names
    if not is_known:
        more = ", ..." if len(names) > 9 else ""
        raise ValueError(
            f"series={series!r} is not one of history, which has"
            f" {', '.join(map(repr, names[:9]))}{more}: name one of these."
        )
    return names.index(series)


def _column(table, position):
    return np.asarray(_safe_indexing(table, position, axis=1), dtype=np.float64)


def _dates(table, keys):
    """Times of all rows, or what an index of dates says."""
    if keys.time is not None:
        return on_wall_times(read_place(table, keys.time))
    index = get_index(table)
    return on_wall_times(index) if is_date(index) else None


def _find_actual(roll, actual, number, position, dates):
    """The values that came in the steps of a series, which must be of their dates."""
    table = read_table(actual, "actual")
    name = column_names(roll.table)[position]
    if is_frame(table) != is_frame(roll.table):
        raise TypeError("actual and history are of different kinds: give both alike.")
    keys = Keys.find(
        table,
        [place.name for place in roll.keys.group],
        None if roll.keys.time is None else roll.keys.time.name or "index",
        "actual",
    )
    order = RowOrder(table, keys, np.inf if keys.time else None)
    labels, known = order.found.labels, roll.order.found.labels
    matches = match_series(labels, known) if known else np.zeros(1, int)
    rows = order.positions(np.flatnonzero(matches[order.series] == number))
    if len(rows) < roll.n_steps:
        raise ValueError(
            f"actual has {len(rows)} row(s) of the series; expected {roll.n_steps}, one"
            " for each step ahead."
        )
    rows = rows[: roll.n_steps]
    came = _dates(table, keys)
    if dates is not None and came is not None:
        differ = came[rows] != dates[roll.new[number]]
        if differ.any():
            raise ValueError(
                f"actual begins with {came[rows][0]} and the forecast with"
                f" {dates[roll.new[number]][0]}: give the rows that follow history."
            )
    return _column(table, find_column(table, name, "target"))[rows]


def _name_interval(estimator, interval, ends):
    """Name an interval by the share that it is to hold, where that is known."""
    share = find_share(estimator) if interval in (None, True) else interval
    if not ends or not isinstance(share, Real):
        return None
    return f"{100 * float(share):.6g} % interval"


def _index_dates(values):
    """Dates in the index of a pandas object, if it has them."""
    index = get_index(values)
    return on_wall_times(index) if is_date(index) else None


def _read_values(values, name):
    """Read numbers of shape (n_steps,), of which some may be missing."""
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 1:
        raise ValueError(
            f"{name} has the shape {values.shape}; expected (n_steps,): choose one"
            " series and one target."
        )
    return values


def _read_interval(interval, n_steps):
    """Read lower and upper ends, shape (n_steps, 2)."""
    interval = np.asarray(interval, dtype=np.float64)
    if interval.shape != (n_steps, 2):
        raise ValueError(
            f"interval has the shape {interval.shape}; expected ({n_steps}, 2), a lower"
            " and an upper end for each step."
        )
    if (wrong := interval[:, 0] > interval[:, 1]).any():
        step = wrong.argmax()
        raise ValueError(
            f"interval of step {step} reaches from {interval[step, 0]} to"
            f" {interval[step, 1]}: give the lower end first."
        )
    return interval
