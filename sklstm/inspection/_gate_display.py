"""`GateDisplay`: what the cells do at each step of a sequence, beside its features."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np

from .._compat import StrOptions, _validate_style_kwargs, validate_params
from .._constraints import Interval
from .._extras import naming_extra
from .._net._gates import PARTS
from ._fitted import feature_names, find_lstm, separate
from ._gates import CELLS, compute_gates
from ._lag_display import SEAMLESS, label_lags

SHOWN = ("input_gate", "forget_gate", "output_gate", "cell_state")
# A legend of more lines would be as high as its panel.
MAX_NAMED = 12


class GateDisplay:
    """Plot of the gates and cell states of one sequence, with its features.

    Use :meth:`from_estimator` to make one. All parameters are stored as attributes.

    Parameters
    ----------
    inputs : ndarray of shape (n_timesteps, n_features)
        The sequence, in time order.

    activations : dict of {str: ndarray of shape (n_net_steps, n_units)}
        Gates and states by name, as `gate_activations` names them, in time order.

    lags : ndarray of shape (n_net_steps,)
        Lag of each of these, counted in time steps from the end of the sequence. With
        ``frame_size=1`` there is one for each time step.

    feature_names : list of str
        Names of the features.

    units : ndarray of shape (n_units,)
        Numbers of the units of the layer.

    input_name : str, default="input"
        Name of the features, with their unit.

    Attributes
    ----------
    artists_ : dict of {str: list of matplotlib Line2D or QuadMesh}
        The artists of each panel: under ``"input"`` a line for each feature, and under
        the name of a gate or state a heat map, or a line for each unit.

    axes_ : ndarray of matplotlib Axes
        The panels, from top to bottom.

    figure_ : matplotlib Figure
        The figure of the panels.

    See Also
    --------
    gate_activations : The same values, for all sequences.

    Examples
    --------
    >>> from sklstm import LSTMRegressor
    >>> from sklstm.datasets import make_adding_problem
    >>> from sklstm.inspection import GateDisplay
    >>> X, y = make_adding_problem(100, n_timesteps=10, random_state=0)
    >>> model = LSTMRegressor(8, max_epochs=5, random_state=0).fit(X, y)
    >>> display = GateDisplay.from_estimator(model, X, index=3)
    >>> list(display.artists_)
    ['input', 'input_gate', 'forget_gate', 'output_gate', 'cell_state']
    >>> display.to_frame()["forget_gate"].shape  # lags, units
    (10, 8)
    """

    def __init__(
        self,
        *,
        inputs: Any,
        activations: dict[str, Any],
        lags: Any,
        feature_names: list[str],
        units: Any,
        input_name: str = "input",
    ) -> None:
        self.inputs = inputs
        self.activations = activations
        self.lags = lags
        self.feature_names = feature_names
        self.units = units
        self.input_name = input_name

    @validate_params(
        {"kind": [StrOptions({"heatmap", "line"})], "parts": ["array-like"]},
        prefer_skip_nested_validation=True,
    )
    def plot(
        self,
        ax: Any = None,
        *,
        kind: str = "heatmap",
        parts: Any = SHOWN,
        line_kwargs: dict[str, Any] | None = None,
        image_kwargs: dict[str, Any] | None = None,
    ) -> GateDisplay:
        """Draw a panel for the features and one for each gate or state.

        Parameters
        ----------
        ax : array-like of matplotlib Axes, default=None
            Axes for each panel. None means a new figure. There is no panel of features
            if all are ids.

        kind : {"heatmap", "line"}, default="heatmap"
            Whether a gate or state is drawn as a heat map, with a row for each unit,
            or as a line for each unit. Features are always lines.

        parts : sequence of str, default=("input_gate", "forget_gate", "output_gate", \
                "cell_state")
            Gates and states to draw, from top to bottom.

        line_kwargs : dict, default=None
            Style of all lines, for `matplotlib.axes.Axes.plot`.

        image_kwargs : dict, default=None
            Style of heat maps, for `matplotlib.axes.Axes.pcolormesh`.

        Returns
        -------
        display : GateDisplay
            The display itself, with what it has drawn.

        Raises
        ------
        ImportError
            If matplotlib is not installed.

        ValueError
            If a name in `parts` is unknown, or if there are too many or too few `Axes`.

        Notes
        -----
        The colours of gates range from 0 to 1; those of states are symmetric about 0. A
        legend is drawn for up to 12 lines.
        """
        with naming_extra("GateDisplay", "matplotlib", "plot"):
            import matplotlib.pyplot as plt
        if not len(parts) or not set(parts) <= set(self.activations):
            raise ValueError(
                f"parts={parts!r}; expected one or more of {list(self.activations)}."
            )
        panels = [*(["input"] if self.feature_names else []), *parts]
        if ax is None:
            _, ax = plt.subplots(
                len(panels),
                figsize=(8, 0.5 + 1.5 * len(panels)),
                layout="constrained",
            )
        axes = np.ravel(np.asarray(ax, dtype=object))
        if len(axes) != len(panels):
            raise ValueError(
                f"ax has {len(axes)} Axes; expected {len(panels)}, one for each of"
                f" {panels}."
            )
        self.axes_, self.figure_, self.artists_ = axes, axes[0].figure, {}
        for name, panel in zip(panels, axes, strict=True):
            if name == "input" or kind == "line":
                drawn = self._lines(panel, name, line_kwargs)
                if name in ("input", parts[0]) and len(drawn) <= MAX_NAMED:
                    # Above the panel, where it hides nothing.
                    place = {"loc": "lower left", "bbox_to_anchor": (0, 1)}
                    panel.legend(**place, frameon=False, fontsize="small", ncols=4)
            else:
                drawn = [self._image(panel, name, image_kwargs)]
            self.artists_[name] = drawn
            label_lags(panel, len(self.inputs))
            panel.label_outer()
        return self

    def _lines(self, ax: Any, name: str, given: Any) -> Any:
        import matplotlib as mpl

        if name == "input":
            lags, values = np.arange(len(self.inputs))[::-1], self.inputs
            labels = self.feature_names
        else:
            lags, values = self.lags, self.activations[name]
            labels = [f"unit {unit}" for unit in self.units]
        # The lightest colours of viridis are hard to see on white.
        colours = mpl.colormaps["viridis"](np.linspace(0, 0.8, len(labels)))
        lines = []
        for label, column, colour in zip(labels, values.T, colours, strict=True):
            style = {"color": colour, "marker": ".", "markersize": 3, "label": label}
            style = _validate_style_kwargs(style, given or {})
            lines += ax.plot(lags, column, **style)
        ax.set_ylabel(self.input_name if name == "input" else name.replace("_", " "))
        if name.endswith("gate"):
            ax.set_ylim(-0.05, 1.05)
        return lines

    def _image(self, ax: Any, name: str, given: Any) -> Any:
        values = self.activations[name]  # (n_net_steps, n_units)
        style = {"cmap": "viridis", "vmin": 0, "vmax": 1}
        if not name.endswith("gate"):
            limit = float(np.abs(values).max()) or 1.0
            style = {"cmap": "PuOr", "vmin": -limit, "vmax": limit}
        style = _validate_style_kwargs(style | SEAMLESS, given or {})
        # A frame ends at its lag, and begins where the one before has ended.
        borders = np.append(len(self.inputs), self.lags) - 0.5
        rows = np.arange(len(self.units) + 1) - 0.5
        image = ax.pcolormesh(borders, rows, values.T, **style)
        ax.figure.colorbar(image, ax=ax, label=name.replace("_", " "))
        ax.set_ylabel("unit")
        ax.yaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
        ax.yaxis.set_major_formatter(self._name_unit)
        return image

    def _name_unit(self, row: float, _: Any = None) -> str:
        is_row = row in range(len(self.units))
        return str(self.units[int(row)]) if is_row else ""

    def to_frame(self) -> Any:
        """Return features, gates and states as a table.

        Returns
        -------
        table : pandas.DataFrame
            A row for each time step, in time order, with its lag as the index. The
            columns have two levels: ``"input"`` and the names of features, or the name
            of a gate or state and the number of the unit. Gates and states are NaN at
            time steps at which no frame ends.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        with naming_extra("GateDisplay.to_frame", "pandas", "pandas"):
            import pandas as pd
        lags = np.arange(len(self.inputs))[::-1]
        tables = {"input": pd.DataFrame(self.inputs, lags, self.feature_names)}
        for name, values in self.activations.items():
            table = pd.DataFrame(values, self.lags, self.units)
            tables[name] = table.reindex(lags)
        table = pd.concat(tables, axis=1, names=["part", "unit"])
        return table.rename_axis(index="lag")

    @classmethod
    @validate_params(
        {
            "index": [Interval(Integral, None, None, closed="neither")],
            "units": ["array-like", None],
        }
        | CELLS,
        prefer_skip_nested_validation=False,  # `plot` looks at what is its own
    )
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        *,
        index: int = 0,
        layer: int = -1,
        direction: str = "forward",
        units: Any = None,
        ax: Any = None,
        **kwargs: Any,
    ) -> GateDisplay:
        """Draw the gates of a fitted LSTM for one sequence.

        Parameters
        ----------
        estimator : estimator
            A fitted `LSTMRegressor` or `LSTMClassifier`, or a model that ends in one,
            as in `gate_activations`.

        X : Sequences, array-like or list of array-like
            As in `predict` of the estimator.

        index : int, default=0
            Position of the sequence in X, counted from the end if negative.

        layer : int, default=-1
            The layer: 0 is the first one, and -1 the last.

        direction : {"forward", "backward"}, default="forward"
            Direction in which the cells read. ``"backward"`` needs a bidirectional net.

        units : array-like of int, default=None
            The units of the layer. None means all.

        ax : array-like of matplotlib Axes, default=None
            Axes for each panel. None means a new figure.

        **kwargs : dict
            Kind, parts and styles for :meth:`plot`.

        Returns
        -------
        display : GateDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If X has no such sequence or the layer no such unit, or as in
            `gate_activations`.

        Notes
        -----
        Features are drawn as the net reads them: with ``standardize=True``, in standard
        deviations from their means. Ids are not drawn.
        """
        model, sequences = find_lstm(estimator, X)
        n = len(sequences)
        if not -n <= index < n:
            raise ValueError(
                f"index={index} is out of range: X has {n} sequence(s); give one from 0"
                f" to {n - 1}."
            )
        # One whole history can be looked at, though not all of them.
        sequences = separate(sequences[[index]].tail(sequences.shape[1]))
        activations = compute_gates(model, sequences, layer, direction)
        n_units = activations.cell_state.shape[2]
        chosen = np.arange(n_units) if units is None else np.asarray(units)
        is_list = chosen.ndim == 1 and chosen.dtype.kind in "iu" and chosen.size
        if not is_list or not np.isin(chosen, np.arange(n_units)).all():
            raise ValueError(
                f"units={units!r} are not units of the layer: give a list of numbers"
                f" from 0 to {n_units - 1}."
            )
        steps = np.asarray(sequences.steps, dtype=np.float64)
        ids = model._architecture["categorical_features"]
        numbers = np.setdiff1d(np.arange(steps.shape[1]), ids)
        if model.scaler_ is not None:
            steps = (steps - model.scaler_.mean_) / model.scaler_.scale_
        names = feature_names(sequences)
        unit = "" if model.scaler_ is None else " (z-score)"
        display = cls(
            inputs=steps[:, numbers],
            activations={part: activations[part][0][:, chosen] for part in PARTS},
            lags=activations.lags,
            feature_names=[names[i] for i in numbers],
            units=chosen,
            input_name=f"input{unit}",
        )
        return display.plot(ax, **kwargs)
