"""Displays by lag: importance of lags and features, and the memory of a net."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._compat import _validate_style_kwargs
from .._extras import naming_extra
from ._fitted import name_score
from ._importance import timestep_importance
from ._memory import memory_length

# Without edges, light shines through between the cells of a heat map in SVG and PDF.
SEAMLESS = {"edgecolors": "face", "linewidth": 0.6}


class TimestepImportanceDisplay:
    """Plot of the permutation importance by lag, by feature or by both.

    Use :meth:`from_estimator` or :meth:`from_result` to make one. All parameters are
    stored as attributes.

    Parameters
    ----------
    importances_mean : ndarray of shape (n_lags, n_features)
        Mean over the repeats, of shape (n_lags,) if ``by="lag"`` and (n_features,) if
        ``by="feature"``. NaN is left blank.

    importances_std : ndarray of shape (n_lags, n_features)
        Standard deviation over the repeats, in the shape of the mean.

    lags : ndarray of shape (n_lags,)
        The lags, from 0 on.

    feature_names : list of str
        Names of the features.

    by : {"both", "lag", "feature"}
        Which values were permuted together.

    score_name : str, default="score"
        Name of the score whose decrease is drawn. A name that begins with ``"neg_"``,
        as those of scikit-learn's scorers, is an error, whose increase is drawn.

    Attributes
    ----------
    bars_ : matplotlib BarContainer or None
        A bar for each lag or feature; None for ``by="both"``.

    image_ : matplotlib QuadMesh or None
        The heat map, with a row for each feature; None unless ``by="both"``.

    ax_ : matplotlib Axes
        The axes.

    figure_ : matplotlib Figure
        The figure of the axes.

    See Also
    --------
    timestep_importance : The values that this display shows.
    MemoryDisplay : Plot of how far back a net looks, found without y.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklstm import LSTMRegressor, SequenceWindower, make_histories
    >>> from sklstm.datasets import make_lagged
    >>> from sklstm.inspection import TimestepImportanceDisplay
    >>> series, y = make_lagged(500, lag=3, random_state=0)
    >>> X = make_histories(series)
    >>> model = make_pipeline(
    ...     SequenceWindower(6), LSTMRegressor(16, random_state=0)
    ... ).fit(X[:400], y[:400])
    >>> display = TimestepImportanceDisplay.from_estimator(
    ...     model, X[400:], y[400:], by="lag", random_state=0
    ... )
    >>> display.ax_.get_ylabel()
    'fall of R² (mean ± std)'
    >>> int(display.to_frame()["importances_mean"].idxmax())
    3
    """

    def __init__(
        self,
        *,
        importances_mean: Any,
        importances_std: Any,
        lags: Any,
        feature_names: list[str],
        by: str,
        score_name: str = "score",
    ) -> None:
        self.importances_mean = importances_mean
        self.importances_std = importances_std
        self.lags = lags
        self.feature_names = feature_names
        self.by = by
        self.score_name = score_name

    def plot(
        self, ax: Any = None, *, plot_kwargs: dict[str, Any] | None = None
    ) -> TimestepImportanceDisplay:
        """Draw bars with their standard deviations, or a heat map of means.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on. None means a new figure.

        plot_kwargs : dict, default=None
            Style for `matplotlib.axes.Axes.bar` if ``by="lag"``, `barh` if
            ``by="feature"`` and `pcolormesh` if ``by="both"``.

        Returns
        -------
        display : TimestepImportanceDisplay
            The display itself, with what it has drawn.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        with naming_extra("TimestepImportanceDisplay", "matplotlib", "plot"):
            import matplotlib.pyplot as plt
        names = self.feature_names
        if ax is None:
            size = (6.4, 4.0) if self.by == "lag" else (6.4, 1.5 + 0.35 * len(names))
            _, ax = plt.subplots(figsize=size, layout="constrained")
        self.ax_, self.figure_ = ax, ax.figure
        self.bars_ = self.image_ = None
        if self.by == "both":
            style = _validate_style_kwargs(
                {"cmap": "viridis"} | SEAMLESS, plot_kwargs or {}
            )
            borders = np.append(self.lags - 0.5, self.lags[-1] + 0.5)
            rows = np.arange(len(names) + 1) - 0.5
            self.image_ = ax.pcolormesh(borders, rows, self.importances_mean.T, **style)
            self.figure_.colorbar(self.image_, ax=ax, label=self._name_axis())
        else:
            style = {"color": "C0", "capsize": 2}
            style = _validate_style_kwargs(style, plot_kwargs or {})
            is_lag = self.by == "lag"
            draw, error = (ax.bar, "yerr") if is_lag else (ax.barh, "xerr")
            places = self.lags if is_lag else np.arange(len(names))
            self.bars_ = draw(
                places, self.importances_mean, **{error: self.importances_std}, **style
            )
            label = f"{self._name_axis()} (mean ± std)"
            ax.set(**{"ylabel" if is_lag else "xlabel": label})
        if self.by != "feature":
            label_lags(ax, len(self.lags))
        if self.by != "lag":
            ax.set_yticks(np.arange(len(names)), names)
            ax.set_ylim(len(names) - 0.5, -0.5)
        return self

    def _name_axis(self) -> str:
        name = self.score_name.removeprefix("neg_")
        change = "fall" if name == self.score_name else "rise"
        return f"{change} of {name.replace('_', ' ')}"

    def to_frame(self) -> Any:
        """Return the importances as a table.

        Returns
        -------
        table : pandas.DataFrame
            The columns ``"importances_mean"`` and ``"importances_std"``. The index is
            ``"lag"``, ``"feature"``, or both, ordered by lag, then by feature.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        with naming_extra("TimestepImportanceDisplay.to_frame", "pandas", "pandas"):
            import pandas as pd
        levels = {"lag": self.lags, "feature": self.feature_names}
        levels = levels if self.by == "both" else {self.by: levels[self.by]}
        names = ("importances_mean", "importances_std")
        if self.by == "both":
            index = pd.MultiIndex.from_product(levels.values(), names=levels)
        else:
            index = pd.Index(levels[self.by], name=self.by)
        return pd.DataFrame({k: np.ravel(getattr(self, k)) for k in names}, index)

    @classmethod
    def from_result(
        cls,
        result: Any,
        *,
        score_name: str = "score",
        ax: Any = None,
        plot_kwargs: dict[str, Any] | None = None,
    ) -> TimestepImportanceDisplay:
        """Draw importances from their values.

        Parameters
        ----------
        result : :class:`~sklearn.utils.Bunch`
            Result of `timestep_importance`.

        score_name : str, default="score"
            Name of the score, such as ``"R²"`` or ``"neg_mean_absolute_error"``.

        ax : matplotlib Axes, default=None
            Axes to draw on. None means a new figure.

        plot_kwargs : dict, default=None
            Style, as in :meth:`plot`.

        Returns
        -------
        display : TimestepImportanceDisplay
            The display, drawn.
        """
        names = ("importances_mean", "importances_std", "lags", "feature_names", "by")
        display = cls(**{k: result[k] for k in names}, score_name=score_name)
        return display.plot(ax, plot_kwargs=plot_kwargs)

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        ax: Any = None,
        plot_kwargs: dict[str, Any] | None = None,
        **params: Any,
    ) -> TimestepImportanceDisplay:
        """Compute the importances of a fitted model, and draw them.

        Parameters
        ----------
        estimator : estimator
            As in `timestep_importance`.

        X : Sequences, array-like or list of array-like
            As in `predict` of the estimator.

        y : array-like of shape (n_sequences,) or (n_sequences, n_outputs)
            Targets of X.

        ax : matplotlib Axes, default=None
            Axes to draw on. None means a new figure.

        plot_kwargs : dict, default=None
            Style, as in :meth:`plot`.

        **params : dict
            Parameters of `timestep_importance`: `by`, `scoring` and others.

        Returns
        -------
        display : TimestepImportanceDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            As in `timestep_importance`.
        """
        result = timestep_importance(estimator, X, y, **params)
        name = name_score(estimator, params.get("scoring"))
        return cls.from_result(result, score_name=name, ax=ax, plot_kwargs=plot_kwargs)


class MemoryDisplay:
    """Plot of the effects of lags on predictions, and of the memory of a net.

    Use :meth:`from_estimator` or :meth:`from_result` to make one. All parameters are
    stored as attributes.

    Parameters
    ----------
    effects : ndarray of shape (n_lags,)
        The effect of each lag on the predictions.

    share_beyond : ndarray of shape (n_lags,)
        The effect of all larger lags together, over that of all steps.

    lags : ndarray of shape (n_lags,)
        The lags, from 0 on.

    memory_length : int
        Number of last time steps that the net uses.

    Attributes
    ----------
    bars_ : matplotlib BarContainer
        The effects.

    line_beyond_ : matplotlib Line2D
        The fraction of effects beyond each lag.

    line_memory_ : matplotlib Line2D
        The end of the memory, between the last lag within the memory and the next.

    ax_ : matplotlib Axes
        The axes.

    figure_ : matplotlib Figure
        The figure of the axes.

    See Also
    --------
    memory_length : The values that this display shows.
    TimestepImportanceDisplay : Plot of the permutation importance.

    Examples
    --------
    >>> import numpy as np
    >>> from sklstm import LSTMRegressor
    >>> from sklstm.inspection import MemoryDisplay
    >>> X = np.random.default_rng(0).normal(size=(400, 8))
    >>> model = LSTMRegressor(8, random_state=0).fit(X, X[:, -2])
    >>> display = MemoryDisplay.from_estimator(model, X, random_state=0)
    >>> display.memory_length
    2
    >>> display.to_frame()["effect"].round(1).tolist()
    [0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    """

    def __init__(
        self, *, effects: Any, share_beyond: Any, lags: Any, memory_length: int
    ) -> None:
        self.effects = effects
        self.share_beyond = share_beyond
        self.lags = lags
        self.memory_length = memory_length

    def plot(
        self,
        ax: Any = None,
        *,
        bar_kwargs: dict[str, Any] | None = None,
        beyond_kwargs: dict[str, Any] | None = None,
        memory_kwargs: dict[str, Any] | None = None,
    ) -> MemoryDisplay:
        """Draw the effects as bars, and the shares beyond and the memory as lines.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on. None means a new figure.

        bar_kwargs : dict, default=None
            Style of the effects, for `matplotlib.axes.Axes.bar`.

        beyond_kwargs : dict, default=None
            Style of the line of the shares, for `matplotlib.axes.Axes.plot`.

        memory_kwargs : dict, default=None
            Style of the line at the end of the memory, for
            `matplotlib.axes.Axes.axvline`.

        Returns
        -------
        display : MemoryDisplay
            The display itself, with what it has drawn.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        with naming_extra("MemoryDisplay", "matplotlib", "plot"):
            import matplotlib.pyplot as plt
        if ax is None:
            _, ax = plt.subplots(figsize=(6.4, 4.0), layout="constrained")
        self.ax_, self.figure_ = ax, ax.figure
        style = {"color": "C0", "label": "effect (share of variance)"}
        style = _validate_style_kwargs(style, bar_kwargs or {})
        self.bars_ = ax.bar(self.lags, self.effects, **style)
        style = {"color": "C1", "marker": ".", "label": "effect of all beyond (share)"}
        style = _validate_style_kwargs(style, beyond_kwargs or {})
        (self.line_beyond_,) = ax.plot(self.lags, self.share_beyond, **style)
        name = f"memory length: {self.memory_length}"
        style = {"color": "0.3", "linestyle": "--", "label": name}
        style = _validate_style_kwargs(style, memory_kwargs or {})
        self.line_memory_ = ax.axvline(self.memory_length - 0.5, **style)
        label_lags(ax, len(self.lags))
        ax.set_ylabel("share")
        ax.legend()
        return self

    def to_frame(self) -> Any:
        """Return effects and shares as a table.

        Returns
        -------
        table : pandas.DataFrame
            The columns ``"effect"`` and ``"share_beyond"``, with the lag as the index.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        with naming_extra("MemoryDisplay.to_frame", "pandas", "pandas"):
            import pandas as pd
        columns = {"effect": self.effects, "share_beyond": self.share_beyond}
        return pd.DataFrame(columns, pd.Index(self.lags, name="lag"))

    @classmethod
    def from_result(
        cls, result: Any, *, ax: Any = None, **kwargs: Any
    ) -> MemoryDisplay:
        """Draw the memory of a net from its values.

        Parameters
        ----------
        result : :class:`~sklearn.utils.Bunch`
            Result of `memory_length`.

        ax : matplotlib Axes, default=None
            Axes to draw on. None means a new figure.

        **kwargs : dict
            Styles for :meth:`plot`.

        Returns
        -------
        display : MemoryDisplay
            The display, drawn.
        """
        return cls(**result).plot(ax, **kwargs)

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        *,
        level: float = 0.05,
        n_repeats: int = 5,
        random_state: Any = None,
        ax: Any = None,
        **kwargs: Any,
    ) -> MemoryDisplay:
        """Find the memory of a fitted model, and draw it.

        Parameters
        ----------
        estimator : estimator
            As in `memory_length`.

        X : Sequences, array-like or list of array-like
            As in `predict` of the estimator.

        level : float, default=0.05
            The share of the effect of all steps that those beyond the memory may
            have together.

        n_repeats : int, default=5
            How often steps are exchanged.

        random_state : int, RandomState instance or None, default=None
            As in `memory_length`.

        ax : matplotlib Axes, default=None
            Axes to draw on. None means a new figure.

        **kwargs : dict
            Styles for :meth:`plot`.

        Returns
        -------
        display : MemoryDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            As in `memory_length`.
        """
        params = {"level": level, "n_repeats": n_repeats, "random_state": random_state}
        return cls.from_result(memory_length(estimator, X, **params), ax=ax, **kwargs)


def label_lags(ax: Any, n_lags: int) -> None:
    """Let time run to the right, towards lag 0."""
    ax.set_xlim(n_lags - 0.5, -0.5)
    ax.set_xlabel("lag (steps before the last)")
    ax.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
