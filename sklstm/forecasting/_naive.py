"""The forecast that others have to beat: what was last seen, or seen a season ago."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.callback import CallbackSupportMixin
from sklearn.utils.validation import check_is_fitted

from .._base import CONSTRAINTS
from .._compat import _fit_context
from .._constraints import at_least
from .._docs import fill
from .._input import all_or_nothing
from .._tasks import one_task
from ._levels import OnLevels, are_apart


@fill
class NaiveRegressor(CallbackSupportMixin, OnLevels, RegressorMixin, BaseEstimator):
    """Forecast by repeating the last value, or the value one season before.

    The forecast for k steps ahead is the value one `period` before, or as many periods
    before as are needed to be in the past: the value at ``t + k - period * ceil(k /
    period)`` for a sequence that ends at t. With ``period=1`` this is the last value
    (the naive forecast); with ``period=24`` and hourly rows it is the value at the same
    hour of the day before (the seasonal naive forecast). It is the baseline for other
    forecasts.

    X may have all forms that :class:`LSTMRegressor` takes; see :ref:`input_forms`.

    Parameters
    ----------
    period : int, default=1
        Number of rows after which values are repeated.

    {feature}

    {lag}

    n_timesteps : int, "columns" or None, default=None
        As in `LSTMRegressor`.

    Attributes
    ----------
    {seen}

    n_outputs_ : int
        Number of columns of y.

    {units}

    See Also
    --------
    LSTMRegressor : LSTM for regression on sequences.
    make_supervised : The history of each row, with the values that follow it.
    sklearn.dummy.DummyRegressor : A baseline that ignores X.

    Notes
    -----
    If a sequence does not reach back to that value, such as the first windows of a
    series, its last value is repeated instead.

    The units of y are found and verified as in `AnchoredRegressor`. Plain arrays, and
    features that y is not known to continue, are assumed to be in the units of y. If
    they cannot be, there is a warning.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklstm import SequenceWindower, make_supervised
    >>> from sklstm.forecasting import NaiveRegressor
    >>> X, y = make_supervised([1, 2, 3, 1, 2, 3, 1, 2, 4], horizon=2)
    >>> model = make_pipeline(SequenceWindower(sequence_length=3), NaiveRegressor(3))
    >>> model.fit(X, y).predict(X)[-1]
    array([2., 3.])
    >>> y[-1]
    array([2, 4])
    """

    _parameter_constraints: dict[str, list[Any]] = {
        "period": [at_least(1)],
        "feature": [at_least(0), str, list, None],
        "lag": [at_least(1), "array-like", None],
        "n_timesteps": CONSTRAINTS["n_timesteps"],
    }

    def __init__(
        self,
        period: int = 1,
        *,
        feature: Any = None,
        lag: Any = None,
        n_timesteps: int | str | None = None,
    ) -> None:
        self.period = period
        self.feature = feature
        self.lag = lag
        self.n_timesteps = n_timesteps

    @_fit_context(prefer_skip_nested_validation=True)
    @all_or_nothing
    def fit(self, X: Any, y: Any) -> NaiveRegressor:
        """Find the units and the horizon of y.

        Parameters
        ----------
        X : Sequences, array-like or list of array-like
            2-D of shape (n_samples, n_columns), a row being a sequence; 3-D of
            shape (n_samples, n_timesteps, n_features); a list of arrays of
            shape (n_timesteps_i, n_features); or the windows of a
            `SequenceWindower`.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Later values of the feature.

        Returns
        -------
        self : NaiveRegressor
            The fitted regressor.

        Raises
        ------
        ValueError
            If a value is infinite, if a value of the feature is NaN, or if the feature
            is not in X.
        """
        with one_task(self, X, y):
            sequences, y, is_known = self._find_levels(X, y)
        if not is_known:
            self._warn_of_units(self._levels.values(sequences), y.reshape(len(y), -1))
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Repeat the values of the last period.

        Parameters
        ----------
        X : Sequences, array-like or list of array-like
            As in `fit`; the number of steps of 3-D input may differ.

        Returns
        -------
        y : ndarray of float64, shape (n_samples,) or (n_samples, n_outputs)
            Forecasts in the units of y in `fit`.
        """
        check_is_fitted(self)
        return self._levels_of(self._read(X, reset=False))

    def _warn_of_units(self, values: np.ndarray, y: np.ndarray) -> None:
        """Warn where values cannot be earlier ones of y, (n_samples, n_targets)."""
        if (far := are_apart(values, y)).any():
            i = far.argmax()
            warnings.warn(
                f"Values that are repeated for column {i} of y have a mean of"
                f" {values[:, i].mean():.3g}, and it one of {y[:, i].mean():.3g}, with"
                f" standard deviations of {values[:, i].std():.3g} and"
                f" {y[:, i].std():.3g}: as if in other units, which nothing in X tells;"
                " give X and y in the same.",
                stacklevel=4,
            )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.target_tags.multi_output = True
        tags.regressor_tags.poor_score = True  # there is nothing that it learns
        return tags
