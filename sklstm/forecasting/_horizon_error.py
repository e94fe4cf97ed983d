"""`HorizonErrorDisplay`: how errors grow with the steps ahead."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.metrics import mean_absolute_error, root_mean_squared_error

from .._arrays import reading
from .._compat import StrOptions, _validate_style_kwargs, validate_params
from .._constraints import at_least
from .._extras import naming_extra
from .._rows._columns import find_position
from .._sequences import Sequences
from ._forecast import find_windower
from ._naive import NaiveRegressor

METRICS = {
    "mean_absolute_error": mean_absolute_error,
    "root_mean_squared_error": root_mean_squared_error,
}


class HorizonErrorDisplay:
    """Plot of the error at each step ahead, compared with the naive forecast.

    Use :meth:`from_estimator` or :meth:`from_predictions` to make one. All
    parameters are stored as attributes.

    Parameters
    ----------
    error : ndarray of shape (n_steps,)
        Error of the forecast at each step ahead, in the units of y.

    naive_error : ndarray of shape (n_steps,), default=None
        Error of a naive forecast at each step ahead.

    metric : str, default="mean_absolute_error"
        Name of the metric.

    name : str, default=None
        Name of the target, with its unit.

    naive_name : str, default="naive"
        Name of the naive forecast in the legend.

    Attributes
    ----------
    line_ : matplotlib Line2D
        The error of the forecast.

    line_naive_ : matplotlib Line2D or None
        The error of the naive forecast.

    ax_ : matplotlib Axes
        The axes.

    figure_ : matplotlib Figure
        The figure of the axes.

    See Also
    --------
    ForecastDisplay : Plot of one forecast with the true values.
    NaiveRegressor : The naive forecast.
    sklearn.metrics.PredictionErrorDisplay : Errors by predicted value.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklstm import SequenceWindower, make_supervised
    >>> from sklstm.forecasting import HorizonErrorDisplay
    >>> noise = np.random.default_rng(0).normal(0, 0.1, size=300)
    >>> X, y = make_supervised(np.sin(np.arange(300) / 5) + noise, horizon=6)
    >>> model = make_pipeline(SequenceWindower(12, flatten=True), LinearRegression())
    >>> model = model.fit(X[:200], y[:200])
    >>> display = HorizonErrorDisplay.from_estimator(model, X[205:], y[205:])
    >>> bool((display.error < display.naive_error).all())
    True
    """

    def __init__(
        self,
        *,
        error: Any,
        naive_error: Any = None,
        metric: str = "mean_absolute_error",
        name: str | None = None,
        naive_name: str = "naive",
    ) -> None:
        self.error = error
        self.naive_error = naive_error
        self.metric = metric
        self.name = name
        self.naive_name = naive_name

    def plot(
        self,
        ax: Any = None,
        *,
        line_kwargs: dict[str, Any] | None = None,
        naive_kwargs: dict[str, Any] | None = None,
    ) -> HorizonErrorDisplay:
        """Draw the errors.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on. None means a new figure.

        line_kwargs : dict, default=None
            Style of the line of the forecast, for `matplotlib.axes.Axes.plot`.

        naive_kwargs : dict, default=None
            Style of the line of the naive forecast.

        Returns
        -------
        display : HorizonErrorDisplay
            The display itself, with what it has drawn.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        with naming_extra("HorizonErrorDisplay", "matplotlib", "plot"):
            import matplotlib.pyplot as plt
        if ax is None:
            _, ax = plt.subplots(layout="constrained")
        self.ax_, self.figure_, self.line_naive_ = ax, ax.figure, None
        marker = {"marker": "."} if len(self.error) <= 16 else {}
        if self.naive_error is not None:
            style = {"color": "0.45", "linestyle": "--", "label": self.naive_name}
            self.line_naive_ = self._line(
                self.naive_error, style | marker, naive_kwargs
            )
        style = {"color": "C1", "label": "forecast"}
        self.line_ = self._line(self.error, style | marker, line_kwargs)
        what = self.metric.replace("_", " ")
        ax.set_ylabel(what if self.name is None else f"{what}, {self.name}")
        ax.set_xlabel("steps ahead")
        ax.set_ylim(bottom=0, auto=None)  # what is added later may be larger
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.legend(frameon=False)
        return self

    def _line(self, errors: Any, style: dict[str, Any], given: Any) -> Any:
        style = _validate_style_kwargs(style, given or {})
        return self.ax_.plot(np.arange(1, len(errors) + 1), errors, **style)[0]

    def to_frame(self) -> Any:
        """Return the errors as a table.

        Returns
        -------
        table : pandas.DataFrame
            The columns ``"error"`` and, if there is a naive forecast,
            ``"naive_error"``, with the step ahead as the index.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        with naming_extra("HorizonErrorDisplay.to_frame", "pandas", "pandas"):
            import pandas as pd
        columns = {"error": self.error, "naive_error": self.naive_error}
        steps = pd.RangeIndex(1, len(self.error) + 1, name="steps_ahead")
        columns = {k: values for k, values in columns.items() if values is not None}
        return pd.DataFrame(columns, index=steps)

    @classmethod
    @validate_params(
        {"metric": [StrOptions(set(METRICS))]}, prefer_skip_nested_validation=True
    )
    def from_predictions(
        cls,
        y_true: Any,
        y_pred: Any,
        *,
        y_naive: Any = None,
        metric: str = "mean_absolute_error",
        name: str | None = None,
        naive_name: str = "naive",
        ax: Any = None,
        **kwargs: Any,
    ) -> HorizonErrorDisplay:
        """Draw the errors of given forecasts.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,) or (n_samples, n_steps)
            The true values, with a column for each step ahead.

        y_pred : array-like of the shape of y_true
            The forecasts.

        y_naive : array-like of the shape of y_true, default=None
            The naive forecasts.

        metric : {"mean_absolute_error", "root_mean_squared_error"}, \
                default="mean_absolute_error"
            The error of a step over all samples, in the units of y.

        name : str, default=None
            Name of the target, with its unit.

        naive_name : str, default="naive"
            Name of the naive forecast in the legend.

        ax : matplotlib Axes, default=None
            Axes to draw on. None means a new figure.

        **kwargs : dict
            Styles for :meth:`plot`.

        Returns
        -------
        display : HorizonErrorDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If shapes differ, or a value is missing or infinite.
        """
        tables = {"y_true": y_true, "y_pred": y_pred, "y_naive": y_naive}
        given = {k: _read(v, k) for k, v in tables.items() if v is not None}
        came = given.pop("y_true")
        for key, values in given.items():
            if values.shape != came.shape:
                raise ValueError(
                    f"{key} has the shape {np.shape(tables[key])} and y_true"
                    f" {np.shape(y_true)}: give a value of each for each sample and"
                    " step."
                )
        measure = METRICS[metric]
        errors = [
            measure(came, values, multioutput="raw_values") for values in given.values()
        ]
        display = cls(
            error=errors[0],
            naive_error=errors[1] if len(errors) > 1 else None,
            metric=metric,
            name=name,
            naive_name=naive_name,
        )
        return display.plot(ax, **kwargs)

    @classmethod
    @validate_params(
        {"naive": [at_least(1), None]}, prefer_skip_nested_validation=False
    )
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        naive: int | None = 1,
        target: Any = None,
        metric: str = "mean_absolute_error",
        name: str | None = None,
        ax: Any = None,
        **kwargs: Any,
    ) -> HorizonErrorDisplay:
        """Predict with an estimator, and draw the errors.

        Parameters
        ----------
        estimator : estimator
            A fitted regressor, or a pipeline or search with one.

        X : Sequences, array-like or list of array-like
            Test set.

        y : array-like of shape (n_samples,) or (n_samples, n_steps * n_targets)
            True values, ordered as by `make_supervised`: all targets of the first step
            ahead, then of the second, ... If X does not know its targets, each column
            is a step ahead.

        naive : int or None, default=1
            Period of the :class:`NaiveRegressor` to compare with: 1 repeats the last
            value, 24 the value 24 rows before. None draws no naive forecast. The naive
            forecast reads X itself, which must hold the feature that y continues.

        target : str or int, default=None
            The target to draw, by the name or the position of its feature in X; needed
            if there are several.

        metric : {"mean_absolute_error", "root_mean_squared_error"}, \
                default="mean_absolute_error"
            The error of a step over all samples, in the units of y.

        name : str, default=None
            Name of the target, with its unit. None means the name of the feature that y
            continues, if it is known.

        ax : matplotlib Axes, default=None
            Axes to draw on. None means a new figure.

        **kwargs : dict
            Styles for :meth:`plot`.

        Returns
        -------
        display : HorizonErrorDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If there are several targets and `target` is None, if y has another shape
            than the predictions, or if the naive forecast cannot be made.
        """
        j, n_targets, named = _find_target(X, target)
        tables = {"y_true": y, "y_pred": estimator.predict(X)}
        naive_name = "naive"
        if naive is not None:
            if not isinstance(X, Sequences) and find_windower(estimator) is not None:
                raise ValueError(
                    "X is a table of rows, in which the naive forecast has no history:"
                    " give the histories of make_supervised, or naive=None."
                )
            tables["y_naive"] = NaiveRegressor(naive).fit(X, y).predict(X)
            before = "last value" if naive == 1 else f"{naive} rows before"
            naive_name = f"naive, {before}"
        tables = {key: _read(values, key) for key, values in tables.items()}
        n_columns, horizon = tables["y_true"].shape[1], getattr(X, "horizon", None)
        if horizon is not None and n_columns != horizon * n_targets:
            raise ValueError(
                f"y has {n_columns} column(s); expected {horizon * n_targets}, as X was"
                f" made with horizon={horizon} of {n_targets} target(s): give y as"
                " make_supervised makes it."
            )
        return cls.from_predictions(
            **{key: values[:, j::n_targets] for key, values in tables.items()},
            metric=metric,
            name=named if name is None else name,
            naive_name=naive_name,
            ax=ax,
            **kwargs,
        )


def _read(values: Any, name: str) -> np.ndarray:
    """Read values of shape (n_samples, n_steps)."""
    with reading(name, "numbers"):
        values = np.asarray(values, dtype=np.float64)
    if values.ndim not in (1, 2):
        raise ValueError(
            f"{name} has the shape {values.shape}; expected (n_samples, n_steps)."
        )
    return values.reshape(len(values), -1)


def _find_target(X: Any, target: Any) -> tuple[int, int, str | None]:
    """Which target to draw, of how many, and its name."""
    if not isinstance(X, Sequences) or X.targets is None:
        if target is not None:
            raise ValueError(
                f"target={target!r} is given, but X does not know its targets: give"
                " Sequences of make_supervised, or the columns to from_predictions."
            )
        return 0, 1, None
    names = list(range(X.shape[2]) if X.feature_names is None else X.feature_names)
    known = [names[i] for i in X.targets]
    if target is None and len(known) > 1:
        raise ValueError(
            f"Several features are forecast: name one of {known} in target."
        )
    j = 0
    if target is not None:
        position = find_position(target, names, "target", what="features")
        if position not in X.targets:
            raise ValueError(f"target={target!r} is not forecast: name one of {known}.")
        j = X.targets.index(position)
    return j, len(known), None if X.feature_names is None else str(known[j])
