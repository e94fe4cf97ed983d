"""The LSTM for numeric targets."""

from __future__ import annotations

from numbers import Real

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils.metaestimators import available_if

from ._base import BaseLSTM, fit_scaler
from ._compat import StrOptions
from ._docs import fill
from ._input import check_y
from ._net._losses import LOSSES, make_loss


def _has_quantiles(estimator):
    loss = getattr(estimator, "_loss", None)
    name = estimator.loss if loss is None else loss.name
    if name != "quantile":
        raise AttributeError(
            f"predict_quantiles needs loss='quantile', and not {name!r}: set it, with"
            " the quantiles in quantile, and fit."
        )
    return True


@fill
class LSTMRegressor(RegressorMixin, BaseLSTM):
    """LSTM for regression on sequences.

    A stacked LSTM reads each sequence. Its outputs at all time steps are pooled into
    one vector, from which a linear layer predicts the targets.

    {reads}

    Parameters
    ----------
    {network}

    linear_skip : bool, default=True
        Whether to add a linear layer that reads the time steps directly to the output
        of the LSTM. `fit` sets this layer to a ridge regression, whose penalty is
        chosen by leave-one-out, and the LSTM learns the residuals. In `partial_fit`
        the layer starts at zero and is trained. It reads up to 512 numbers and no
        ids; of sequences longer than those in `fit` it reads the end.

    loss : {"squared_error", "absolute_error", "huber", "quantile", "gaussian"}, \
            default="squared_error"
        The loss that training minimises. ``"huber"`` is quadratic for errors below
        one standard deviation of the target, or below 1 if `standardize` is False,
        and linear above. ``"quantile"`` is the pinball loss. ``"gaussian"`` is the
        continuous ranked probability score of a normal distribution, whose standard
        deviation is predicted too.

    quantile : float or list of float, default=0.5
        The quantiles to predict, in increasing order and between 0 and 1. Ignored
        unless `loss` is "quantile".

    {training}

    {data}

    Attributes
    ----------
    {attributes}

    target_scaler_ : StandardScaler or None
        Scaler of the targets. None if `standardize` is False.

    n_outputs_ : int
        Number of targets.

    {net}

    See Also
    --------
    LSTMClassifier : LSTM for classification of sequences.
    SequenceWindower : Windows over the history of each row of a series.

    {notes}

    Examples
    --------
    >>> from sklearn.model_selection import train_test_split
    >>> from sklstm import LSTMRegressor
    >>> from sklstm.datasets import make_adding_problem
    >>> X, y = make_adding_problem(2000, n_timesteps=10, random_state=0)
    >>> X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    >>> model = LSTMRegressor(hidden_size=32, max_epochs=10, random_state=0)
    >>> model.fit(X_train, y_train).score(X_test, y_test) > 0.9
    True
    """

    _parameter_constraints: dict = {
        **BaseLSTM._parameter_constraints,
        "linear_skip": ["boolean"],
        "loss": [StrOptions(set(LOSSES))],
        "quantile": [Real, "array-like"],
    }

    def __init__(
        self,
        hidden_size=64,
        *,
        num_layers=1,
        bidirectional=False,
        dropout=0.2,
        pooling="last",
        frame_size="auto",
        unroll="window",
        linear_skip=True,
        loss="squared_error",
        quantile=0.5,
        optimizer="adam",
        learning_rate=5e-3,
        max_grad_norm=1.0,
        lr_scheduler="cosine",
        batch_size=32,
        max_epochs="auto",
        early_stopping=False,
        scoring="loss",
        validation_fraction=0.1,
        n_iter_no_change="auto",
        tol=1e-4,
        warm_start=False,
        standardize=True,
        n_timesteps=None,
        categorical_features="from_dtype",
        embedding_size=None,
        static_features=None,
        device="cpu",
        dtype="float32",
        callbacks=None,
        random_state=None,
        verbose=0,
    ):
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bidirectional = bidirectional
        self.dropout = dropout
        self.pooling = pooling
        self.frame_size = frame_size
        self.unroll = unroll
        self.linear_skip = linear_skip
        self.loss = loss
        self.quantile = quantile
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.max_grad_norm = max_grad_norm
        self.lr_scheduler = lr_scheduler
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.early_stopping = early_stopping
        self.scoring = scoring
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.warm_start = warm_start
        self.standardize = standardize
        self.n_timesteps = n_timesteps
        self.categorical_features = categorical_features
        self.embedding_size = embedding_size
        self.static_features = static_features
        self.device = device
        self.dtype = dtype
        self.callbacks = callbacks
        self.random_state = random_state
        self.verbose = verbose

    def predict(self, X, return_std=False):
        """Predict the targets of sequences.

        Parameters
        ----------
        X : Sequences, array-like or list of array-like
            As in `fit`; the number of steps of 3-D input may differ.

        return_std : bool, default=False
            Whether to return the standard deviation too. Needs ``loss="gaussian"``.

        Returns
        -------
        y : ndarray of float64, shape (n_samples,) or (n_samples, n_outputs)
            Predictions in the units of the targets in `fit`. With
            ``loss="quantile"`` the median, interpolated between the quantiles next to
            it, or the nearest quantile if all are on one side of it.

        y_std : ndarray of the shape of y
            Standard deviation of each prediction. Only returned if `return_std` is
            True.

        Raises
        ------
        ValueError
            If `return_std` is True and the estimator was not fitted with
            ``loss="gaussian"``; or as in `fit`.
        """
        parts = self._predict_parts(X)
        y = self._decode(self._loss.center(parts))
        if not return_std:
            return y
        std = self._loss.std(parts)
        if self.target_scaler_ is not None:
            std = std * self.target_scaler_.scale_
        return y, self._in_shape(std)

    @available_if(_has_quantiles)
    def predict_quantiles(self, X):
        """Predict the quantiles given by `quantile`.

        Only available with ``loss="quantile"``.

        Parameters
        ----------
        X : Sequences, array-like or list of array-like
            As in `predict`.

        Returns
        -------
        quantiles : ndarray, shape (n_samples, n_quantiles) or \
                (n_samples, n_outputs, n_quantiles)
            The predicted quantiles, in increasing order.
        """
        parts = self._loss.sort(self._predict_parts(X))
        parts = np.moveaxis(parts, -1, 0)
        return np.stack([self._decode(part) for part in parts], axis=-1)

    def _predict_parts(self, X):
        """Outputs of the net as float64, (n_samples, n_outputs, n_parts)."""
        output = self._predict_outputs(X).astype(np.float64)
        return output.reshape(len(output), self.n_outputs_, -1)

    def _decode(self, values):
        """Turn values of the net, (n_samples, n_outputs), into y."""
        if self.target_scaler_ is not None:
            values = values * self.target_scaler_.scale_ + self.target_scaler_.mean_
        return self._in_shape(values)

    def _in_shape(self, values):
        """Return values as y was: of one dimension, or of two."""
        return values.ravel() if self._y_ndim == 1 else values

    # The line is the larger part, and what is left to learn the noisier one.
    _fewest_updates = 500
    _effort = 0.2

    @property
    def _n_net_outputs(self):
        return self.n_outputs_ * self._make_loss().n_parts

    def _make_loss(self):
        return make_loss(self.loss, self.quantile)

    def _check_y(self, X, y):
        return check_y(self, X, y)

    def _encode_y(self, y, weight, *, reset, trains, classes):
        y_2d = y.reshape(len(y), -1)
        if reset:
            self._y_ndim, self.n_outputs_ = y.ndim, y_2d.shape[1]
        elif y_2d.shape[1] != self.n_outputs_:
            raise ValueError(
                f"y has {y_2d.shape[1]} output(s), but LSTMRegressor was fitted to"
                f" {self.n_outputs_}; give as many."
            )
        return y_2d, weight

    def _fit_target_scaler(self, train):
        if not self.standardize:
            return None
        return fit_scaler(train.y, train.weight)

    def _validation_score(self, y, output, weight):
        if len(y) < 2:  # undefined, of which r2_score would warn in each epoch
            return np.nan
        center = self._loss.center(output.reshape(*y.shape, -1))
        return r2_score(y, center, sample_weight=weight)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
