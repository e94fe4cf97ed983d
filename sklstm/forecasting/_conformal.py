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
    """Intervals of stated coverage, calibrated on the latest part of the data.

    A clone of the regressor is fitted to the first part of the samples, in order
    of time. On the last part, which it has not seen, its errors are measured: as
    they are, or in units of what the regressor itself says of its uncertainty.
    Their `coverage` quantile says how wide the intervals have to be, for each
    output on its own.

    Errors change with the seasons. `update` takes in the targets that have become
    known since, forgets as many of the oldest, and widens the intervals of an output
    where they have missed too often, or narrows them.

    Parameters
    ----------
    estimator : estimator
        A regressor. It is cloned and fitted to the first part of the data; a
        :class:`~sklearn.frozen.FrozenEstimator` stays as it is, and all samples
        calibrate. A `SequenceWindower` with `group` or `time` goes before, not in it.

    coverage : float, default=0.9
        Share of the targets that the intervals shall hold, between 0 and 1.

    calibration_fraction : float, default=0.2
        Share of the samples that calibrate. These are the last rows or, of the
        windows of a `SequenceWindower`, the last of each series. At least
        coverage / (1 - coverage) are needed.

    gap : int or None, default=None
        Number of rows between the two parts that are left out, in each series. None
        leaves out what has targets or steps in common with the second part, by the
        horizon that `Sequences` know or else the number of columns of y.

    method : {"auto", "residual", "std", "quantiles"}, default="auto"
        What the width of an interval is proportional or added to.

        - ``"residual"``: intervals of an output all have the same width.
        - ``"std"``: the width is proportional to the standard deviation from
          ``estimator.predict(X, return_std=True)``.
        - ``"quantiles"``: the outermost quantiles from
          ``estimator.predict_quantiles(X)`` are moved out or in.
        - ``"auto"``: the last of these that the estimator offers.

    adaptation_rate : float, default=0.005
        By how much the level of the quantile rises with each miss in `update`; with
        each hit it falls, by so much less that the two balance at the stated
        coverage. With 0 only the errors are replaced. Where samples are few, as with
        one a day, a rate of some 0.05 answers in time.

    Attributes
    ----------
    estimator_ : estimator
        The fitted regressor.

    method_ : {"residual", "std", "quantiles"}
        The method in use.

    coverage_ : float
        The `coverage` of `fit`, which intervals and `update` keep to.

    scores_ : ndarray of shape (n_calibration, n_outputs)
        Errors in the calibration part as the method measures them, oldest first.

    level_ : ndarray of shape (n_outputs,)
        Level of the quantile of the errors that is taken; `coverage_`, until
        `update` finds that more or less is needed.

    threshold_ : ndarray of shape (n_outputs,)
        That quantile.

    n_outputs_ : int
        Number of targets.

    {seen}

    See Also
    --------
    LSTMRegressor : Offers standard deviations or quantiles, depending on `loss`.

    Notes
    -----
    Of n calibration samples the error of rank ceil((n + 1) * `coverage`) is taken.
    If samples are exchangeable, a new target lies inside with at least the stated
    probability [1]_, [2]_. Those of a time series are not; there, `update` brings
    the share of hits to the stated one in the long run, because it corrects the
    level by what was missed [3]_. But no interval is wider than the largest error
    held requires, so errors that keep outgrowing all before are missed.

    All series of a panel share one quantile, so that the coverage is that of all
    of them together: less for the noisier series and more for the calmer. Only
    `Sequences` say which series a sample is of. Other samples must be in order of
    time, and `gap` counts those of all series.

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
        """Fit the regressor to the first part, and calibrate on the last.

        Parameters
        ----------
        X : Sequences, array-like or list of array-like
            What the regressor takes, in order of time unless `Sequences` know it.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Target values.

        **fit_params : dict
            For the `fit` of the regressor. Those with a value per sample, such
            as `sample_weight`, have no part in the calibration. `X_val` and `y_val`
            are handed on as they are.

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
        """Take in targets that have become known, and forget as many old ones.

        The regressor stays as it is. Samples may come one by one or together.

        Parameters
        ----------
        X : Sequences, array-like or list of array-like
            New samples in order as in `fit`, each of them once.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their targets, all of them known.

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
        """Predict the targets, if asked for with their intervals.

        Parameters
        ----------
        X : Sequences, array-like or list of array-like
            As in `fit`.

        return_interval : bool, default=False
            Whether to return the intervals as well. A `Pipeline` hands this on.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Predictions of the regressor.

        interval : ndarray of shape (n_samples, 2) or (n_samples, n_outputs, 2)
            As from `predict_interval`; only if `return_interval` is True.
        """
        check_is_fitted(self)
        y = self.estimator_.predict(X)
        return (y, self.predict_interval(X)) if return_interval else y

    def predict_interval(self, X):
        """Predict intervals that hold the targets with the stated coverage.

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
                " can be told from these."
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
