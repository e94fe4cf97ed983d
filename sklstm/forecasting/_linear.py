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
# Sequences whose lags are held at a time.
SIZE = 10_000


class LinearForecaster(OnLevels, RegressorMixin, BaseEstimator):
    """Ridge regression of the next values on the last steps of a sequence.

    It predicts by how much y differs from the last value of the features that y
    continues, and with ``on="values"`` y itself. It reads with ``on="changes"`` by how
    much these change from step to step, with ``on="deviations"`` by how much they
    differ from the last value, and with ``on="drift"`` nothing. With `log` all are
    logarithms. With `others` it reads the other features, too, as they are and without
    those of labels; a missing value is the mean.

    Values and drift have an intercept. Others have none: where a block is left out, the
    mean change in the rest errs to the other side, the more so the farther ahead y is.

    `predict_path` predicts with each of the penalties, until `choose` has settled on
    one of them.
    """

    n_timesteps = None
    period = 1
    lag = None

    def __init__(
        self,
        *,
        feature: Any = None,
        on: str = "changes",
        log: bool = False,
        others: bool = False,
    ) -> None:
        self.feature = feature
        self.on = on
        self.log = log
        self.others = others

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> LinearForecaster:
        """Decompose the covariance of the lags, which serves all penalties."""
        sequences, y, is_known = self._find_levels(X, y)
        self._fit_units(sequences, y, is_known)
        self._columns = np.unique(self._levels.positions).tolist()
        if self.others:
            numeric = set(range(sequences.shape[2])) - set(sequences.labels())
            self._columns = sorted(numeric | set(self._columns))
        n_most = max(MAX_LAGS // max(len(self._columns), 1), 1)
        if self.on == "drift":
            self._columns = []
        self._n_lags = min(sequences.shape[1], n_most)
        y_2d = y.reshape(len(y), -1)
        self._least = y_2d.min() / 10 if self.log else -np.inf
        weight = np.ones(len(y_2d))
        if sample_weight is not None:
            weight = np.asarray(sample_weight, dtype=np.float64)
        weight = weight / weight.sum()
        lags = self._lags(sequences)  # (n_sequences, n_lags, n_numeric)
        # A feature has one unit at all lags, and others may have another. Some may have
        # no values at all.
        count = np.maximum((~np.isnan(lags)).sum(axis=(0, 1)), 1)
        mean = np.nansum(lags, axis=(0, 1)) / count
        spread = np.sqrt(np.nansum((lags - mean) ** 2, axis=(0, 1)) / count)
        is_level = np.isin(self._columns, self._levels.positions) & (
            self.on != "values"
        )
        self._mean = np.where(is_level, 0.0, mean)
        spread = np.hypot(spread, np.where(is_level, mean, 0.0))
        self._unit = np.where(spread > 0, spread, 1.0)
        A = self._scaled(lags)
        T = self._to(y_2d) - self._start(sequences)
        self._center: Any = 0.0, 0.0
        if self.on in ("values", "drift"):
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
        coefs = [self._coef(k) for k in range(len(PENALTIES))]
        return self._predict(self._read(X, reset=False), coefs)

    def choose(self, penalty: int) -> LinearForecaster:
        """Take one of the penalties, and let go of what the others need."""
        self.penalty_, self._coefs = penalty, [self._coef(penalty)]
        del self._axes, self._values, self._loads
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Predict with the penalty that has been chosen."""
        check_is_fitted(self, "penalty_")
        sequences = self._read(X, reset=False)
        starts = range(0, len(sequences), SIZE)
        parts = [self._predict(sequences[i : i + SIZE], self._coefs) for i in starts]
        y = np.concatenate(parts, axis=1)[0]
        return y.ravel() if self._y_ndim == 1 else y

    def _coef(self, k: int) -> np.ndarray:
        """Coefficients with a penalty, (n_lags * n_columns, n_outputs)."""
        scale = self._values.mean() if len(self._values) else 1.0
        penalty = PENALTIES[k] * (scale if scale > 0 else 1.0)
        coef: np.ndarray = self._axes / (self._values + penalty) @ self._loads
        return coef

    def _predict(self, sequences: Sequences, coefs: list[np.ndarray]) -> np.ndarray:
        """Forecasts with some coefficients, (n_coefs, n_sequences, n_outputs)."""
        A = self._scaled(self._lags(sequences)) - self._center[0]
        start = self._start(sequences) + self._center[1]
        T = np.array([A @ coef + start for coef in coefs])
        with np.errstate(over="ignore"):  # blocks choose another penalty then
            return np.exp(T) if self.log else T

    def _to(self, values: np.ndarray) -> np.ndarray:
        """Values of y as the line has them."""
        return np.log(np.maximum(values, self._least)) if self.log else values

    def _start(self, sequences: Sequences) -> Any:
        """What the line adds to: last values, (n_sequences, n_outputs), or nothing."""
        if self.on == "values":
            return 0.0
        return self._to(self._levels.of(sequences))

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
        lags = steps[np.maximum(rows, sequences.starts[:, None])]
        if self.on == "deviations":
            read = np.isin(self._columns, features)
            lags[:, :, read] -= lags[:, :1, read]
        return lags

    def _scaled(self, lags: np.ndarray) -> np.ndarray:
        scaled = np.nan_to_num((lags - self._mean) / self._unit)
        return scaled.reshape(len(lags), -1)
