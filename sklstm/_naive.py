"""The forecast that others have to beat: what was last seen, or seen a season ago."""

from __future__ import annotations

import warnings
from contextlib import suppress
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin, _fit_context
from sklearn.utils import check_array, check_consistent_length
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted

from ._anchor import (
    ages_of_season,
    find_anchor,
    find_units,
    past_values,
    warn_of_short,
)
from ._input import read_sequences
from ._sequences import Sequences, check_finite

# Further than this from y, in standard deviations, or of a spread that differs by more
# than this factor, values look as if they were in other units.
MAX_DISTANCE = 3
MAX_RATIO = 3


class NaiveRegressor(RegressorMixin, BaseEstimator):
    """Forecast by repeating what was last seen, or seen a season ago.

    The forecast for k steps ahead is the value one `period` before it, or as
    many periods before as it takes to be in the past: the value at ``t + k -
    period * ceil(k / period)`` for a sequence that ends at t. With ``period=1``
    that is the last value (the naive forecast), with ``period=24`` and rows an
    hour apart the value of the same hour a day before (the seasonal naive
    forecast). What forecasts worse than this is of no use.

    It takes all that :class:`LSTMRegressor` takes; see :ref:`input_forms`.

    Parameters
    ----------
    period : int, default=1
        Number of steps after which values are repeated.

    feature : int, str or list of these, default=0
        The feature that y holds later values of, by position or name; a list
        with one for each target, if y has several targets at each step.

    n_timesteps : int or None, default=None
        How 2-D input is read: a row is `n_timesteps` steps, all features of the
        first step coming first; None means one feature and a step per column.
        Ignored for all other input.

    Attributes
    ----------
    n_features_in_ : int
        Number of features of a step, or of columns for 2-D input.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if X came with names that are all strings.

    n_outputs_ : int
        Number of columns of y.

    scale_, offset_ : ndarray of shape (`n_outputs_`,)
        The units of y: ``offset_ + scale_ * value`` is the forecast.

    See Also
    --------
    LSTMRegressor : A forecast that learns.
    make_supervised : Pair each row of a series with the values that follow it.
    sklearn.dummy.DummyRegressor : The forecast that does not look at X at all.

    Notes
    -----
    Column j of y is read as `make_supervised` orders it: all targets of the first
    step ahead, then all of the second, ...

    Where a sequence does not reach back to the value in question, as the first
    windows of a series do not, its last value is repeated instead.

    If a scaler stands before this in a pipeline, y is still in its own units.
    `fit` finds these where y holds later values of the feature in the same
    series, as windows of a `SequenceWindower` do. Of sequences that do not
    overlap, or that y does not continue, the values are taken as they are, with a
    warning if they seem to be in other units.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklstm import NaiveRegressor, SequenceWindower, make_supervised
    >>> X, y = make_supervised([1, 2, 3, 1, 2, 3, 1, 2, 4], horizon=2)
    >>> model = make_pipeline(SequenceWindower(sequence_length=3), NaiveRegressor(3))
    >>> model.fit(X, y).predict(X)[-1]
    array([2., 3.])
    >>> y[-1]
    array([2, 4])
    """

    _parameter_constraints: dict[str, list[Any]] = {
        "period": [Interval(Integral, 1, None, closed="left")],
        "feature": [Interval(Integral, 0, None, closed="left"), str, list],
        "n_timesteps": [Interval(Integral, 1, None, closed="left"), None],
    }

    def __init__(
        self, period: int = 1, *, feature: Any = 0, n_timesteps: int | None = None
    ) -> None:
        self.period = period
        self.feature = feature
        self.n_timesteps = n_timesteps

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any) -> NaiveRegressor:
        """Find the units of y, and how far ahead it reaches.

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
            If a value is NaN or infinite, or the feature is not in X.
        """
        if y is None:
            raise ValueError(
                f"This {type(self).__name__} estimator requires y to be passed, but"
                " the target y is None."
            )
        sequences = self._read(X, reset=True)
        y = check_array(
            y, ensure_2d=False, dtype=np.float64, input_name="y", estimator=self
        )
        check_consistent_length(sequences, y)
        self._y_ndim, y = y.ndim, y.reshape(len(y), -1)
        self.n_outputs_, self._n_step_features = y.shape[1], sequences.shape[2]
        names = getattr(self, "feature_names_in_", None)
        self._positions, n_targets = find_anchor(
            self.feature, sequences.shape[2], self.n_outputs_, names, "feature"
        )
        self._ages = ages_of_season(self.n_outputs_, n_targets, self.period)
        warn_of_short(sequences, self.period)
        self._find_units(sequences, y, n_targets)
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
        forecast = self._forecast(self._read(X, reset=False))
        return forecast.ravel() if self._y_ndim == 1 else forecast

    def _read(self, X: Any, *, reset: bool) -> Sequences:
        sequences = read_sequences(self, X, reset=reset)
        if not reset and sequences.shape[2] != self._n_step_features:
            raise ValueError(
                f"X has {sequences.shape[2]} features in each step, but"
                f" {type(self).__name__} was fitted to {self._n_step_features}: pass X"
                " in the same form, and n_timesteps as it was in fit."
            )
        check_finite(sequences)
        return sequences

    def _forecast(self, sequences: Sequences) -> np.ndarray:
        """Return the values to repeat in units of y, (n_sequences, n_outputs)."""
        values = past_values(sequences, self._positions, self._ages)
        return self.offset_ + self.scale_ * values

    def _find_units(self, sequences: Sequences, y: np.ndarray, n_targets: int) -> None:
        """Set the units of y; warn if it is in others and these cannot be found."""
        self.scale_, self.offset_ = np.ones(self.n_outputs_), np.zeros(self.n_outputs_)
        found = np.zeros(self.n_outputs_, dtype=bool)
        with suppress(ValueError):  # that spreads differ, which is looked at below
            self.scale_, self.offset_, found = find_units(sequences, self._positions, y)
        first = slice(n_targets)  # a step ahead, little can have changed
        last = past_values(sequences, self._positions[first], np.zeros(n_targets, int))
        last, y = self.offset_[first] + self.scale_[first] * last, y[:, first]
        spreads = np.array([last.std(axis=0), y.std(axis=0)])  # (2, n_targets)
        least, most = spreads.min(axis=0), spreads.max(axis=0)
        apart = np.abs(last.mean(axis=0) - y.mean(axis=0)) > MAX_DISTANCE * most
        apart = ~found[first] & (least > 0) & (apart | (most > MAX_RATIO * least))
        if apart.any():
            i = apart.argmax()
            warnings.warn(
                f"Feature {self._positions[i]} is {last[:, i].mean():.3g} ±"
                f" {spreads[0, i]:.2g} and column {i} of y {y[:, i].mean():.3g} ±"
                f" {spreads[1, i]:.2g}, as if in other units, and y holds no later"
                " values of it that would tell them: values are repeated as they are;"
                " give X and y in the same units.",
                stacklevel=4,
            )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.target_tags.multi_output = True
        tags.regressor_tags.poor_score = True  # there is nothing that it learns
        return tags
