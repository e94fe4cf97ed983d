"""The LSTM for numeric targets."""

from __future__ import annotations

import numpy as np
from sklearn.base import RegressorMixin, _fit_context
from sklearn.metrics import r2_score
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_array
from sklearn.utils._param_validation import StrOptions
from torch import nn

from ._base import BaseLSTM

LOSSES = {
    "squared_error": nn.MSELoss,
    "absolute_error": nn.L1Loss,
    "huber": nn.HuberLoss,
}


class LSTMRegressor(RegressorMixin, BaseLSTM):
    """LSTM regressor."""

    _parameter_constraints: dict = {
        **BaseLSTM._parameter_constraints,
        "loss": [StrOptions(set(LOSSES))],
    }

    def __init__(
        self,
        hidden_size=64,
        *,
        num_layers=1,
        bidirectional=False,
        dropout=0.0,
        pooling="last",
        loss="squared_error",
        optimizer="adam",
        learning_rate=5e-3,
        weight_decay=0.0,
        max_grad_norm=1.0,
        lr_scheduler=None,
        batch_size=32,
        max_epochs=100,
        early_stopping=False,
        validation_fraction=0.1,
        n_iter_no_change=10,
        tol=1e-4,
        warm_start=False,
        standardize=True,
        n_timesteps=None,
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
        self.loss = loss
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.max_grad_norm = max_grad_norm
        self.lr_scheduler = lr_scheduler
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.warm_start = warm_start
        self.standardize = standardize
        self.n_timesteps = n_timesteps
        self.device = device
        self.dtype = dtype
        self.callbacks = callbacks
        self.random_state = random_state
        self.verbose = verbose

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, sample_weight=None):
        """Train for one epoch more, on these data.

        The first call fixes the scale of features and targets.

        Parameters
        ----------
        X : Sequences, array-like or list of array-like
            As in `fit`.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Target values.

        sample_weight : array-like of shape (n_samples,), default=None
            As in `fit`.

        Returns
        -------
        self : LSTMRegressor
            The fitted regressor.

        Raises
        ------
        ValueError
            As in `fit`; or if `early_stopping` is set.
        """
        return self._partial_fit(X, y, sample_weight)

    def predict(self, X):
        """Predict the targets of sequences.

        Parameters
        ----------
        X : Sequences, array-like or list of array-like
            As in `fit`; the number of steps of 3-D input may differ.

        Returns
        -------
        y : ndarray of float64, shape (n_samples,) or (n_samples, n_outputs)
            Predictions in the units of the targets in `fit`.
        """
        y = self._predict_outputs(X).astype(np.float64)
        if self.target_scaler_ is not None:
            y = self.target_scaler_.inverse_transform(y)
        return y.ravel() if self._y_ndim == 1 else y

    @property
    def _n_net_outputs(self):
        return self.n_outputs_

    def _criterion(self):
        return LOSSES[self.loss], {"reduction": "none"}

    def _check_y(self, y):
        return check_array(
            y, ensure_2d=False, dtype=np.float64, input_name="y", estimator=self
        )

    def _encode_y(self, y, weight, *, reset, classes=None):
        y_2d = y.reshape(len(y), -1)
        if reset:
            self._y_ndim, self.n_outputs_ = y.ndim, y_2d.shape[1]
        elif y_2d.shape[1] != self.n_outputs_:
            raise ValueError(
                f"y has {y_2d.shape[1]} output(s), but {type(self).__name__} was"
                f" fitted to {self.n_outputs_}; give as many."
            )
        return y_2d, weight

    def _fit_target_scaler(self, train):
        if not self.standardize:
            return None
        return StandardScaler().fit(train.y, sample_weight=train.weight)

    def _validation_score(self, y, output, weight):
        return r2_score(y, output, sample_weight=weight)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
