"""Linear forecasts, for many penalties at once, of which blocks choose one."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.linalg import eigh
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from .._sequences import Sequences
from ._levels import OnLevels, take_changes

# Penalties, in mean eigenvalues of the covariance of the lags.
PENALTIES = np.logspace(-5, 4, 10)
# Lags that are read, at most, over all features: the time goes with their cube.
MAX_LAGS = 1024
# Sequences that a line is fitted to, at most; more hardly change it.
MAX_SEQUENCES = 20_000


class LinearForecaster(OnLevels, RegressorMixin, BaseEstimator):
    """Ridge regression of the next values on the last steps of a sequence.

    With ``on="changes"`` it reads by how much the features that y continues change from
    step to step, and predicts by how much y differs from the last value; with `log`
    both are of logarithms. With ``on="levels"`` it reads and predicts the values.
    Features of labels are left out, and a missing value is the mean.

    `predict_path` predicts with each of the penalties, and `predict` with the one at
    `penalty_`.
    """

    n_timesteps = None
    period = 1
    lag = None

    def __init__(
        self, *, feature: Any = None, on: str = "changes", log: bool = False
    ) -> None:
        self.feature = feature
        self.on = on
        self.log = log

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> LinearForecaster:
        """Decompose the covariance of the lags, which serves all penalties."""
        sequences, y, is_known = self._find_levels(X, y)
        self._fit_units(sequences, y, is_known)
        numeric = set(range(sequences.shape[2])) - set(sequences.labels())
        self._columns = sorted(numeric)
        n_most = max(MAX_LAGS // max(len(numeric), 1), 1)
        self._n_lags = min(sequences.shape[1], n_most)
        y_2d = y.reshape(len(y), -1)
        self._least = y_2d.min() / 10 if self.log else -np.inf
        every = -(-len(sequences) // MAX_SEQUENCES)
        sequences, y_2d = sequences[::every], y_2d[::every]
        weight = np.ones(len(y_2d))
        if sample_weight is not None:
            weight = np.asarray(sample_weight, dtype=np.float64)[::every]
        weight = weight / weight.sum()
        lags = self._lags(sequences)  # (n_sequences, n_lags, n_numeric)
        with np.errstate(invalid="ignore"):
            # A feature has one unit at all lags, and others may have another.
            mean = np.nanmean(lags, axis=(0, 1)) if lags.size else np.zeros(0)
            spread = np.nanstd(lags, axis=(0, 1)) if lags.size else np.zeros(0)
        self._unit = np.where(spread > 0, spread, 1.0)
        self._mean = np.nan_to_num(mean)
        A = self._scaled(lags)
        T = self._to(y_2d) - self._start(sequences)
        self._center = weight @ A, weight @ T
        A, T = A - self._center[0], T - self._center[1]
        gram = (A * weight[:, None]).T @ A
        values, self._axes = eigh(gram)
        self._values = np.maximum(values, 0.0)
        self._loads = self._axes.T @ ((A * weight[:, None]).T @ T)
        return self

    def predict_path(self, X: Any) -> np.ndarray:
        """Predict with each penalty, (n_penalties, n_sequences, n_outputs)."""
        check_is_fitted(self)
        sequences = self._read(X, reset=False)
        return np.array([self._predict(sequences, k) for k in range(len(PENALTIES))])

    def predict(self, X: Any) -> np.ndarray:
        """Predict with the penalty that has been chosen."""
        check_is_fitted(self)
        y = self._predict(self._read(X, reset=False), self.penalty_)
        return y.ravel() if self._y_ndim == 1 else y

    def _predict(self, sequences: Sequences, k: int) -> np.ndarray:
        A = (self._scaled(self._lags(sequences)) - self._center[0]) @ self._axes
        scale = self._values.mean() if len(self._values) else 1.0
        penalty = PENALTIES[k] * (scale if scale > 0 else 1.0)
        T = A / (self._values + penalty) @ self._loads + self._center[1]
        T = T + self._start(sequences)
        with np.errstate(over="ignore"):  # blocks choose another penalty then
            return np.exp(T) if self.log else T

    def _to(self, values: np.ndarray) -> np.ndarray:
        """Values of y as the line has them."""
        return np.log(np.maximum(values, self._least)) if self.log else values

    def _start(self, sequences: Sequences) -> Any:
        """What the line adds to: last values, (n_sequences, n_outputs), or nothing."""
        return self._to(self._levels.of(sequences)) if self.on == "changes" else 0.0

    def _lags(self, sequences: Sequences) -> np.ndarray:
        """The last steps, newest first; the first is repeated before a sequence."""
        sequences = sequences.tail(self._n_lags + 1)  # the last change has one before
        levels, features = self._levels, np.unique(self._levels.positions)
        if self.log:
            steps = sequences.steps.astype(np.float64)
            for i in features:
                j = int((levels.positions == i).argmax())
                steps[:, i] = self._to(levels.offset[j] + levels.scale[j] * steps[:, i])
            sequences = sequences.on_table(steps)
        if self.on == "changes":
            sequences = take_changes(sequences, features.tolist())
        ends = sequences.starts + sequences.lengths - 1
        rows = ends[:, None] - np.arange(self._n_lags)
        steps = sequences.steps[:, self._columns].astype(np.float64)
        return steps[np.maximum(rows, sequences.starts[:, None])]

    def _scaled(self, lags: np.ndarray) -> np.ndarray:
        scaled = np.nan_to_num((lags - self._mean) / self._unit)
        return scaled.reshape(len(lags), -1)
