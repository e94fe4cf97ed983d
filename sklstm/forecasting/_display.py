"""`ForecastDisplay`: history, forecast, interval and what came, in one picture."""

from __future__ import annotations

import numpy as np
from sklearn.utils import check_array, check_consistent_length
from sklearn.utils._plotting import _validate_style_kwargs

from ._view import (
    Stretch,
    check_same_dates,
    find_interval,
    find_name,
    find_outputs,
    index_times,
    read_dates,
    read_interval,
    read_values,
)


class ForecastDisplay:
    """Picture of a forecast: history, forecast, interval and what came.

    Use :meth:`from_estimator` or :meth:`from_predictions` to make one. All
    parameters are stored as attributes.

    Parameters
    ----------
    history : ndarray of shape (n_history,)
        Values before the forecast, in time order; may be empty.

    y_pred : ndarray of shape (n_steps,)
        The forecast.

    y_true : ndarray of shape (n_steps,), default=None
        What came.

    interval : ndarray of shape (n_steps, 2), default=None
        Lower and upper end for each step.

    dates : ndarray of shape (n_history + n_steps,), default=None
        Where the values stand on the axis of time, dates or numbers. None counts
        steps from the last of `history`, which is 0. In a time zone they are those
        of the clock on the wall, which in autumn shows one hour twice.

    name : str, default=None
        What is forecast, with its unit: the label of the vertical axis.

    interval_name : str, default=None
        What the legend calls the interval; None for "interval".

    Attributes
    ----------
    line_history_ : matplotlib Line2D or None
        The history.

    line_true_ : matplotlib Line2D or None
        What came, from the last value of the history on.

    line_pred_ : matplotlib Line2D
        The forecast.

    band_ : matplotlib PolyCollection or LineCollection or None
        The interval; lines if there is one step only.

    ax_ : matplotlib Axes
        The axes.

    figure_ : matplotlib Figure
        The figure of the axes.

    See Also
    --------
    recursive_forecast : Forecasts of many steps by a model of one.

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
        """Draw the picture.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to; None for a new figure.

        history_kwargs : dict, default=None
            Style of the line of the history, for `matplotlib.axes.Axes.plot`.

        true_kwargs : dict, default=None
            Style of the line of what came.

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
        try:
            import matplotlib.pyplot as plt
        except ImportError as error:
            raise ImportError(
                "ForecastDisplay needs matplotlib: pip install 'sklstm[plot]'."
            ) from error
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
        """Draw a forecast that is there already.

        Parameters
        ----------
        history : array-like of shape (n_history,)
            Values before the forecast, in time order; may be empty. The index of
            a pandas series is taken for `dates` if it holds dates, and so is that
            of `y_pred`.

        y_pred : array-like of shape (n_steps,)
            The forecast.

        y_true : array-like of shape (n_steps,), default=None
            What came; if both have an index of dates, at those of `y_pred`.

        interval : array-like of shape (n_steps, 2), default=None
            Lower and upper end for each step.

        dates : array-like of shape (n_history,) or (n_history + n_steps,), \
                default=None
            Dates, or numbers, of the history, which their regular step
            continues, or of history and forecast. None counts steps.

        name : str, default=None
            What is forecast, with its unit. None for the name of `history`, if it
            has one.

        interval_name : str, default=None
            What the legend calls the interval; None for "interval".

        ax : matplotlib Axes, default=None
            Where to; None for a new figure.

        **kwargs : dict
            Styles, for :meth:`plot`.

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
        check_same_dates(y_true, y_pred)
        indexed = index_times(history, y_pred)
        history = read_values(history, "history", least=0)
        y_pred = read_values(y_pred, "y_pred")
        if dates is not None:
            dates = read_dates(dates, len(history), len(y_pred))
        else:
            dates = indexed
        if y_true is not None:
            y_true = read_values(y_true, "y_true")
            check_consistent_length(y_pred, y_true)
        if interval is not None:
            interval = read_interval(interval, len(y_pred))
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
    def from_estimator(
        cls,
        estimator,
        X,
        y=None,
        *,
        row=-1,
        n_history=None,
        target=None,
        outputs=None,
        name=None,
        ax=None,
        **kwargs,
    ):
        """Forecast with a fitted model, and draw it.

        A model of many steps, whose y has 2 dimensions, is drawn as it forecasts
        from one row; a model of one step as it forecasts from each row what
        the next one holds, but for the last row if dates are irregular. Without
        dates, or where rows of a series are left out, the rows are numbered.

        The interval is that of the first of these methods that the estimator, or
        the last step of a pipeline, has: `predict_interval`; `predict_quantiles`,
        of which the outermost are taken; `predict` with ``return_std=True``, for
        90 %. Else there is none.

        Parameters
        ----------
        estimator : estimator
            A fitted regressor, or a pipeline or search of one.

        X : Sequences or array-like of shape (n_samples, n_features)
            Histories as from `make_supervised` or `make_histories`, which know their
            series and dates; or rows as in `fit`, with the history that the windows
            need. If a `SequenceWindower` in the estimator has `group` or `time`,
            they tell series and dates of rows; else the index of a dataframe of
            pandas, if it holds dates.

        y : array-like of shape (n_samples,) or (n_samples, n_steps), default=None
            What came, as from `make_supervised`.

        row : int, default=-1
            The row to forecast from, or for a model of one step a row of the
            series to draw.

        n_history : int, default=None
            How many values to draw before the forecast, or for a model of one
            step how many forecasts. None for four times `n_steps`, or all.

        target : str or int, default=None
            The column or feature of `X` that is forecast, by name or position. None
            takes the one that `X` knows `y` to continue, and else the history from
            `y`, or from the only column.

        outputs : slice or array-like of int, default=None
            Which outputs of the estimator are the forecast, one for each step. None
            for all, or for those of `target` if `X` knows that `y` continues several
            features. Of two targets the first has ``slice(0, None, 2)``. Only `y` can
            tell of rows that several targets are no steps.

        name : str, default=None
            What is forecast, with its unit. None for the name of the column.

        ax : matplotlib Axes, default=None
            Where to; None for a new figure.

        **kwargs : dict
            Styles, for :meth:`plot`.

        Returns
        -------
        display : ForecastDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If there is no such row, or no history without `y`; if `y` does not fit
            the forecasts, or its columns are not the steps of one target.
        """
        stretch = Stretch.around(estimator, X, row)
        y_pred = _pick(estimator.predict(X), None)
        if outputs is None:
            outputs = find_outputs(X, target, y_pred.shape[1])
        y_pred = _pick(y_pred, outputs)
        n_steps = y_pred.shape[1]
        if n_steps > 1:  # these are as far apart as the rows
            stretch = stretch.unbroken()
        interval, interval_name = find_interval(estimator, X)
        interval = None if interval is None else _pick(interval, outputs)
        if y is not None:
            y = _pick(_to_array(y), outputs)
            if y.shape != y_pred.shape:
                raise ValueError(
                    f"y has the shape {y.shape} and the forecasts {y_pred.shape}; give"
                    " y as in fit."
                )
            stretch.check_steps(y)
        if n_steps == 1:
            rows, dates = stretch.one_step(n_history)
            history, chosen = [], (rows, 0)
        else:
            history = stretch.history(X, y, target)
            n_history = 4 * n_steps if n_history is None else n_history
            history = history[len(history) - min(n_history, len(history)) :]
            chosen = stretch.rows[stretch.place]
            first = stretch.place + 1 - len(history)
            dates = stretch.dates(first, stretch.place, n_steps)
        return cls.from_predictions(
            history,
            y_pred[chosen],
            y_true=None if y is None else y[chosen],
            interval=None if interval is None else interval[chosen],
            dates=dates,
            name=find_name(X, stretch.keys, target) if name is None else name,
            interval_name=interval_name,
            ax=ax,
            **kwargs,
        )


def _pick(values, outputs):
    """Choose outputs, shape (n_samples, n_steps) or (n_samples, n_steps, 2)."""
    values = np.asarray(values)
    values = values[:, None] if values.ndim == 1 else values
    return values if outputs is None else values[:, outputs]


def _to_array(y):
    return check_array(y, ensure_2d=False, ensure_all_finite=False, input_name="y")
