"""Intervals of stated coverage around the predictions of any regressor."""

from __future__ import annotations

from math import ceil
from numbers import Real

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils import indexable
from sklearn.utils.validation import check_is_fitted

from .._arrays import reading
from .._compat import (
    HasMethods,
    StrOptions,
    _check_method_params,
    _fit_context,
    _num_samples,
    _safe_indexing,
)
from .._constraints import Interval, at_least
from .._docs import fill
from .._input import all_or_nothing, check_y
from .._rows._splits import ROUNDING, find_horizon, split_last
from .._sequences import Sequences
from .._tasks import hand_down
from ._spread import find_method, predict_spread
from ._wrapper import RegressorWrapper


@fill
class ConformalRegressor(RegressorWrapper):
    """Intervals of given coverage, calibrated on the latest part of the data.

    A clone of the regressor is fitted to the first part of the samples, in time order.
    Its errors are measured on the last part, as they are or in units of the uncertainty
    that the regressor predicts. The width of the intervals is the `coverage` quantile
    of these errors, for each output on its own.

    Errors may change over time. `update` adds the errors of targets that have become
    known since, removes as many of the oldest, and makes the intervals of an output
    wider if they have missed too many targets, or else narrower.

    Parameters
    ----------
    estimator : estimator
        A regressor. It is cloned and fitted to the first part of the samples. A
        :class:`~sklearn.frozen.FrozenEstimator` is not fitted again, and all samples
        are used for calibration. Put a `SequenceWindower` with `group` or `time` before
        this estimator, not into it.

    coverage : float, default=0.9
        Fraction of the targets that the intervals should hold, between 0 and 1.

    calibration_fraction : float, default=0.2
        Fraction of the samples to calibrate on: the last rows or, for the windows of a
        `SequenceWindower`, the last windows of each series. At least
        coverage / (1 - coverage) samples are needed. Ignored if `estimator` is frozen.

    gap : int or None, default=None
        Number of rows between the two parts to leave out, in each series. None leaves
        out the samples whose targets or time steps overlap those of the second part,
        by the horizon that `Sequences` know or else the number of columns of y.

    method : {"auto", "residual", "std", "quantiles"}, default="auto"
        How the width of an interval is found.

        - ``"residual"``: all intervals of an output have the same width.
        - ``"std"``: the width is proportional to the standard deviation from
          ``estimator.predict(X, return_std=True)``.
        - ``"quantiles"``: the outermost quantiles from
          ``estimator.predict_quantiles(X)`` are moved outward or inward.
        - ``"auto"``: the last of these that the estimator supports.

    adaptation_rate : float, default=0.005
        Step size of `update`. With each target outside its interval the level of the
        quantile rises, and with each target inside it falls by less, so that the two
        balance at the given coverage. With 0, only the errors are replaced. If samples
        are few, such as one a day, a rate of about 0.05 adapts in time.

    Attributes
    ----------
    estimator_ : estimator
        The fitted regressor.

    method_ : {"residual", "std", "quantiles"}
        The method in use.

    coverage_ : float
        The value of `coverage` in `fit`, which intervals and `update` use.

    scores_ : ndarray of shape (n_calibration, n_outputs)
        Errors on the calibration samples as measured by `method_`, oldest first.

    level_ : ndarray of shape (n_outputs,)
        Level of the quantile of the errors: `coverage_`, until `update` changes it.

    threshold_ : ndarray of shape (n_outputs,)
        The quantile of `scores_` at `level_`.

    n_outputs_ : int
        Number of targets.

    {seen}

    See Also
    --------
    LSTMRegressor : Predicts standard deviations or quantiles, depending on `loss`.

    Notes
    -----
    Of n calibration samples, the error of rank ceil((n + 1) * `coverage`) is used. If
    samples are exchangeable, an interval holds a new target with at least the given
    probability [1]_, [2]_. Samples of a time series are not exchangeable. For these,
    `update` corrects the level after each target, so that in the long run the
    intervals hold the given fraction of the targets [3]_. But no interval is wider
    than the largest of the errors kept requires. So targets are missed if errors keep
    growing beyond all earlier ones.

    All series of a panel share one quantile, so that the coverage is that of all series
    together: lower for noisier series and higher for calmer ones. Only `Sequences` know
    the series of a sample. Other samples must be in time order, and `gap` counts
    samples of all series.

    References
    ----------
    .. [1] J. Lei, M. G'Sell, A. Rinaldo, R. J. Tibshirani and L. Wasserman (2018).
       "Distribution-Free Predictive Inference for Regression". Journal of the
       American Statistical Association 113, 1094-1111.

    .. [2] Y. Romano, E. Patterson and E. J. Candès (2019). "Conformalized Quantile
       Regression". Advances in Neural Information Processing Systems 32.

    .. [3] I. Gibbs and E. J. Candès (2021). "Adaptive Conformal Inference Under
       Distribution Shift". Advances in Neural Information Processing Systems 34.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from sklstm.forecasting import ConformalRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(9000, 1))
    >>> y = X[:, 0] + rng.normal(size=9000)
    >>> model = ConformalRegressor(LinearRegression()).fit(X[:5000], y[:5000])
    >>> low, high = model.predict_interval(X[5000:]).T
    >>> round(float(np.mean((low <= y[5000:]) & (y[5000:] <= high))), 2)
    0.9
    """

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit", "predict"])],
        "coverage": [Interval(Real, 0, 1, closed="neither")],
        "calibration_fraction": [Interval(Real, 0, 1, closed="neither")],
        "gap": [at_least(0), None],
        "method": [StrOptions({"auto", "residual", "std", "quantiles"})],
        "adaptation_rate": [Interval(Real, 0, 1, closed="left")],
    }

    def __init__(
        self,
        estimator,
        *,
        coverage=0.9,
        calibration_fraction=0.2,
        gap=None,
        method="auto",
        adaptation_rate=0.005,
    ):
        self.estimator = estimator
        self.coverage = coverage
        self.calibration_fraction = calibration_fraction
        self.gap = gap
        self.method = method
        self.adaptation_rate = adaptation_rate

    @_fit_context(prefer_skip_nested_validation=False)
    @all_or_nothing
    def fit(self, X, y, **fit_params):
        """Fit the regressor to the first part of the samples, calibrate on the last.

        Parameters
        ----------
        X : Sequences, array-like or list of array-like
            Input of the regressor. It must be in time order, unless `Sequences` know
            their times.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Target values.

        **fit_params : dict
            Parameters for `fit` of the regressor. Values per sample, such as
            `sample_weight`, are not used in the calibration. `X_val` and `y_val` are
            passed on unchanged.

        Returns
        -------
        self : ConformalRegressor
            The fitted regressor.

        Raises
        ------
        ValueError
            If too few samples are left to train on or to calibrate with, or if the
            estimator lacks what `method` needs or holds a `SequenceWindower` with
            `group` or `time`.
        """
        if not isinstance(X, Sequences):
            _refuse_keys(self.estimator)
        values = check_y(self, X, y)
        X, y = indexable(X, y)
        self._y_ndim = values.ndim
        self.n_outputs_ = 1 if values.ndim == 1 else values.shape[1]
        train, calibration = self._split(X, values)
        fit_params = self._route("fit", fit_params)
        params = _check_method_params(X, fit_params, indices=train)
        # Of other samples, even if they are as many.
        params |= {k: v for k, v in fit_params.items() if k.endswith("_val")}
        with reading("y", "targets, of which some can be taken"):
            targets = _safe_indexing(y, train)
        self.estimator_ = clone(self.estimator)
        with hand_down(self, self.estimator_, X, y):
            self.estimator_.fit(_safe_indexing(X, train), targets, **params)
        self.method_ = find_method(
            self.estimator_, self.method, _safe_indexing(X, calibration[:1])
        )
        # Predicting all rows leaves a windower in the estimator its history.
        self.scores_ = self._score(X, values, calibration)
        self.coverage_ = float(self.coverage)
        self.level_ = np.full(self.n_outputs_, self.coverage_)
        return self

    def update(self, X, y):
        """Add the errors of targets that have become known, and remove the oldest.

        The regressor is not changed. Samples may be passed one by one or together.

        Parameters
        ----------
        X : Sequences, array-like or list of array-like
            New samples, in order as in `fit`. Pass each sample once.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets of these samples.

        Returns
        -------
        self : ConformalRegressor
            The updated regressor.

        Raises
        ------
        ValueError
            If y has another number of outputs than in `fit`, or if a value is
            NaN or infinite.

        Examples
        --------
        The errors grow, and the intervals follow:

        >>> import numpy as np
        >>> from sklearn.dummy import DummyRegressor
        >>> from sklstm.forecasting import ConformalRegressor
        >>> y = np.random.default_rng(0).normal(size=400) * np.repeat([1, 3], 200)
        >>> X = np.zeros((400, 1))
        >>> model = ConformalRegressor(DummyRegressor()).fit(X[:200], y[:200])
        >>> model.threshold_.round(1)
        array([1.6])
        >>> model.update(X[200:], y[200:]).threshold_.round(1)
        array([4.1])
        """
        check_is_fitted(self)
        y = check_y(self, X, y)
        n_outputs = 1 if y.ndim == 1 else y.shape[1]
        if (y.ndim, n_outputs) != (self._y_ndim, self.n_outputs_):
            raise ValueError(
                f"y has {y.ndim} dimension(s) and {n_outputs} output(s), but"
                f" {type(self).__name__} was fitted to {self._y_ndim} and"
                f" {self.n_outputs_}; give y in the same form."
            )
        n_held = len(self.scores_)
        by_age = split_last(X, 1, 0)[1]
        scores = np.concatenate([self.scores_, self._score(X, y, by_age)])
        for i in range(n_held, len(scores)):
            held = scores[i - n_held : i]
            missed = (held < scores[i]).sum(axis=0) >= _rank(self.level_, n_held)
            change = self.adaptation_rate * (missed - (1 - self.coverage_))
            self.level_ = np.clip(self.level_ + change, 0, 1)
        self.scores_ = scores[-n_held:]
        return self

    def predict(self, X, return_interval=False):
        """Predict the targets, and optionally their intervals.

        Parameters
        ----------
        X : Sequences, array-like or list of array-like
            As in `fit`.

        return_interval : bool, default=False
            Whether to return the intervals as well. A `Pipeline` passes this on.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Predictions of the regressor.

        interval : ndarray of shape (n_samples, 2) or (n_samples, n_outputs, 2)
            As from `predict_interval`. Only returned if `return_interval` is True.
        """
        check_is_fitted(self)
        y = self.estimator_.predict(X)
        return (y, self.predict_interval(X)) if return_interval else y

    def predict_interval(self, X):
        """Predict intervals that hold the targets with the given coverage.

        Parameters
        ----------
        X : Sequences, array-like or list of array-like
            As in `fit`.

        Returns
        -------
        interval : ndarray of shape (n_samples, 2) or (n_samples, n_outputs, 2)
            Lower and upper end.
        """
        check_is_fitted(self)
        center, base, unit = self._predict(X)
        # Less than nothing would turn an interval inside out.
        radius = np.maximum(base + unit * self.threshold_, 0)
        interval = np.stack([center - radius, center + radius], axis=-1)
        return interval[:, 0] if self._y_ndim == 1 else interval

    @property
    def threshold_(self):
        """Quantile of the errors at the level of each output."""
        rank = _rank(self.level_, len(self.scores_))
        return np.sort(self.scores_, axis=0)[rank - 1, np.arange(self.n_outputs_)]

    def _split(self, X, y):
        """Positions of the samples to train on, and to calibrate on by age."""
        n = _num_samples(X)
        horizon = find_horizon(X, y)
        if isinstance(self.estimator, FrozenEstimator):
            train, calibration = np.arange(n), split_last(X, 1, 0)[1]
        else:
            train, calibration = split_last(
                X, self.calibration_fraction, self.gap, horizon
            )
        share = f"calibration_fraction={self.calibration_fraction} of {n} sample(s)"
        needed = ceil(self.coverage / (1 - self.coverage) - ROUNDING)
        if len(calibration) < needed:
            raise ValueError(
                f"{share} leaves {len(calibration)} to calibrate with, and coverage="
                f"{self.coverage} needs {needed}: give more samples, a larger fraction"
                " or a lower coverage."
            )
        if len(train) == 0:
            raise ValueError(
                f"{share} and gap={self.gap} leave none to train on: give more samples,"
                " a smaller fraction or a smaller gap."
            )
        return train, calibration

    def _predict(self, X):
        """Center, base and unit: an interval is center ± (base + unit * threshold)."""
        return predict_spread(self.estimator_, self.method_, X, self.n_outputs_)

    def _score(self, X, y, rows):
        """Errors of some rows; an interval holds those up to the threshold."""
        y = y.reshape(len(y), self.n_outputs_)[rows]
        center, base, unit = (part[rows] for part in self._predict(X))
        if not np.isfinite(center).all():
            raise ValueError(
                f"The estimator predicts {np.sum(~np.isfinite(center))} values of"
                f" {center.size} to calibrate on that are NaN or infinite: no interval"
                " can be computed from these."
            )
        if not (unit > 0).all():
            raise ValueError(
                f"The estimator predicts a standard deviation of {unit.min()}; expected"
                " positive ones: give method='residual'."
            )
        return (np.abs(y - center) - base) / unit

    @property
    def n_features_in_(self):
        """Number of features seen in `fit`."""
        return self.estimator_.n_features_in_

    @property
    def feature_names_in_(self):
        """Names of the features seen in `fit`."""
        return self.estimator_.feature_names_in_


def _refuse_keys(estimator):
    """Refuse an estimator that alone would know the series and times of rows."""
    params = estimator.get_params(deep=False)
    if params.get("group") is not None or params.get("time") is not None:
        raise ValueError(
            f"The estimator holds {type(estimator).__name__} with group="
            f"{params.get('group')!r} and time={params.get('time')!r}, but rows do not"
            " say which is the last: give the histories of make_supervised, which do,"
            " or put the ConformalRegressor last in the pipeline, behind a windower."
        )
    for part in params.values():
        for inner in part if isinstance(part, list) else [part]:
            inner = inner[-1] if isinstance(inner, tuple) else inner
            if isinstance(inner, BaseEstimator):  # a frozen one does not list its own
                _refuse_keys(inner)


def _rank(level, n):
    """Rank, from 1 to n, of the error among n whose quantile has that level."""
    return np.clip(np.ceil((n + 1) * level - ROUNDING), 1, n).astype(np.int64)
