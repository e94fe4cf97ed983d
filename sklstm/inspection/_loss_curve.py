"""`LossCurveDisplay`: losses and scores of a fit, epoch by epoch."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from .._base import BaseLSTM
from .._compat import StrOptions, _validate_style_kwargs, validate_params
from .._extras import naming_extra
from ._fitted import name_score, step_into

LOSS_NAMES = {
    "cross_entropy": "cross entropy (nats)",
    "huber": "Huber loss",
    "quantile": "pinball loss",
    "gaussian": "CRPS",
}


class LossCurveDisplay:
    """Plot of the learning curves of a fit: loss or score by epoch.

    Use :meth:`from_estimator` to make one. All parameters are stored as attributes.

    Parameters
    ----------
    loss : ndarray of shape (n_epochs,)
        Mean training loss in each epoch.

    validation_loss : ndarray of shape (n_epochs,), default=None
        Mean validation loss after each epoch; NaN for epochs without validation.

    validation_score : ndarray of shape (n_epochs,), default=None
        Validation score after each epoch; NaN for epochs without validation.

    best_epoch : int, default=None
        Epoch whose weights are kept, counted from 1.

    loss_name : str, default="loss"
        Name of the loss, with its unit.

    score_name : str, default="score"
        Name of the score.

    Attributes
    ----------
    line_train_ : matplotlib Line2D or None
        The training loss; None if the score is drawn.

    line_validation_ : matplotlib Line2D or None
        The validation loss or score; None if there is none.

    point_best_ : matplotlib Line2D or None
        The best epoch, on the line of the validation loss or score.

    ax_ : matplotlib Axes
        The axes.

    figure_ : matplotlib Figure
        The figure of the axes.

    See Also
    --------
    sklearn.model_selection.LearningCurveDisplay : The score by the number of samples.

    Notes
    -----
    The training loss is the mean over an epoch, while the weights change and with
    dropout. The validation loss is computed after the epoch, without dropout, and may
    therefore be lower.

    Examples
    --------
    >>> import numpy as np
    >>> from sklstm import LSTMRegressor
    >>> from sklstm.inspection import LossCurveDisplay
    >>> X = np.random.default_rng(0).normal(size=(60, 8))
    >>> model = LSTMRegressor(8, max_epochs=20, early_stopping=True, random_state=0)
    >>> display = LossCurveDisplay.from_estimator(model.fit(X, X.sum(axis=1)))
    >>> display.ax_.get_ylabel()
    'squared error (y standardised)'
    >>> len(display.loss) == model.n_iter_
    True
    """

    def __init__(
        self,
        *,
        loss: Any,
        validation_loss: Any = None,
        validation_score: Any = None,
        best_epoch: int | None = None,
        loss_name: str = "loss",
        score_name: str = "score",
    ) -> None:
        self.loss = loss
        self.validation_loss = validation_loss
        self.validation_score = validation_score
        self.best_epoch = best_epoch
        self.loss_name = loss_name
        self.score_name = score_name

    @validate_params(
        {"metric": [StrOptions({"loss", "score"})]}, prefer_skip_nested_validation=True
    )
    def plot(
        self,
        ax: Any = None,
        *,
        metric: str = "loss",
        train_kwargs: dict[str, Any] | None = None,
        validation_kwargs: dict[str, Any] | None = None,
        best_kwargs: dict[str, Any] | None = None,
    ) -> LossCurveDisplay:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on. None means a new figure.

        metric : {"loss", "score"}, default="loss"
            Whether to draw the losses or the validation score.

        train_kwargs : dict, default=None
            Style of the training loss, for `matplotlib.axes.Axes.plot`.

        validation_kwargs : dict, default=None
            Style of the validation loss or score.

        best_kwargs : dict, default=None
            Style of the point at the best epoch.

        Returns
        -------
        display : LossCurveDisplay
            The display itself, with what it has drawn.

        Raises
        ------
        ImportError
            If matplotlib is not installed.

        ValueError
            If there is no score to draw.
        """
        with naming_extra("LossCurveDisplay", "matplotlib", "plot"):
            import matplotlib.pyplot as plt
        is_loss = metric == "loss"
        validation = self.validation_loss if is_loss else self.validation_score
        if not is_loss and validation is None:
            raise ValueError(
                "metric='score' needs scores of validation sequences, of which there"
                " are none: fit with early_stopping=True, or draw metric='loss'."
            )
        if ax is None:
            _, ax = plt.subplots(layout="constrained")
        self.ax_, self.figure_ = ax, ax.figure
        self.line_train_ = self.line_validation_ = self.point_best_ = None
        if is_loss:
            style = {"color": "C0", "linestyle": "--", "label": "training"}
            self.line_train_ = self._line(self.loss, style, train_kwargs)
        if validation is not None:
            style = {"color": "C1", "label": "validation"}
            self.line_validation_ = self._line(validation, style, validation_kwargs)
            if self.best_epoch is not None:
                style = {"color": self.line_validation_.get_color(), "marker": "o"}
                style |= {"linestyle": "", "label": f"best epoch: {self.best_epoch}"}
                style = _validate_style_kwargs(style, best_kwargs or {})
                best = [self.best_epoch], [validation[self.best_epoch - 1]]
                (self.point_best_,) = ax.plot(*best, **style)
        ax.set(xlabel="epoch", ylabel=self.loss_name if is_loss else self.score_name)
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.legend(frameon=False)
        return self

    def _line(self, values: Any, style: dict[str, Any], given: Any) -> Any:
        style = _validate_style_kwargs(style, given or {})
        if len(values) == 1:  # of one point there is no line
            style = {"marker": "."} | style
        return self.ax_.plot(np.arange(1, len(values) + 1), values, **style)[0]

    def to_frame(self) -> Any:
        """Return the curves as a table.

        Returns
        -------
        table : pandas.DataFrame
            The columns ``"loss"`` and, if there are any, ``"validation_loss"`` and
            ``"validation_score"``, with the epoch as the index.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        with naming_extra("LossCurveDisplay.to_frame", "pandas", "pandas"):
            import pandas as pd
        names = ("loss", "validation_loss", "validation_score")
        columns = {name: getattr(self, name) for name in names}
        epochs = pd.RangeIndex(1, len(self.loss) + 1, name="epoch")
        columns = {k: values for k, values in columns.items() if values is not None}
        return pd.DataFrame(columns, index=epochs)

    @classmethod
    def from_estimator(
        cls, estimator: Any, *, metric: str = "loss", ax: Any = None, **kwargs: Any
    ) -> LossCurveDisplay:
        """Draw the curves of a fitted estimator, over all continued fits.

        Parameters
        ----------
        estimator : estimator
            A fitted `LSTMRegressor` or `LSTMClassifier`, or a model that ends in one,
            as for `gate_activations`.

        metric : {"loss", "score"}, default="loss"
            Whether to draw the losses or the validation score, which needs
            `early_stopping`.

        ax : matplotlib Axes, default=None
            Axes to draw on. None means a new figure.

        **kwargs : dict
            Styles for :meth:`plot`.

        Returns
        -------
        display : LossCurveDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If the estimator holds no LSTM, or several, as `AutoForecaster` does, if
            there is no score to draw, or the curves were dropped by
            `drop_training_state`.
        """
        lstm = estimator
        while not isinstance(lstm, BaseLSTM):
            lstm = step_into(lstm)
        check_is_fitted(lstm)
        if lstm.loss_curve_ is None:
            raise ValueError(
                f"{type(lstm).__name__} has no curves: it is a copy of"
                " drop_training_state. Give the original."
            )
        history = lstm.net_.history
        columns = {
            "loss": "train_loss",
            "validation_loss": "valid_loss",
            "validation_score": "valid_score",
        }
        # Epochs of another fit, or of partial_fit, may not have been validated.
        curves = {
            name: np.array([row.get(key, np.nan) for row in history])
            for name, key in columns.items()
            if any(key in row for row in history)
        }
        curves.setdefault("loss", np.empty(0))
        scoring = None if lstm.scoring == "loss" else lstm.scoring
        score = name_score(lstm, scoring).replace("neg_", "negative ")
        display = cls(
            **curves,
            best_epoch=lstm.best_epoch_,
            loss_name=_name_loss(lstm),
            score_name=score.replace("_", " "),
        )
        return display.plot(ax, metric=metric, **kwargs)


def _name_loss(lstm: Any) -> str:
    """Name what was minimised, and its unit."""
    loss = lstm._loss.name
    name = LOSS_NAMES.get(loss, loss.replace("_", " "))
    return name if lstm.target_scaler_ is None else f"{name} (y standardised)"
