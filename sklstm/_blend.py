"""Forecasts weighted by how well they do where they were not trained."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.base import MetaEstimatorMixin, RegressorMixin, _fit_context, clone
from sklearn.linear_model import LinearRegression
from sklearn.utils import Bunch, _safe_indexing, check_array, check_consistent_length
from sklearn.utils._param_validation import Interval
from sklearn.utils.metaestimators import _BaseComposition
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import check_is_fitted

# How much more than an error it counts that the weights do not sum to 1.
HEAVY = 1e3
# Relative fall of an error that is progress.
PROGRESS = 1e-4
# Keeps a least squares problem solvable in which two forecasts are the same.
RIDGE = 1e-9


class BlendedRegressor(MetaEstimatorMixin, RegressorMixin, _BaseComposition):
    """Weighted mean of regressors, each of which is fitted to all blocks but one.

    The samples, in order of time, are cut into consecutive blocks. A copy of each
    estimator is fitted without each block and predicts it. These predictions, which
    no copy was trained on, tell the weights: not negative, with a sum of 1, and of
    least squared error. The forecast of an estimator is the mean of its copies.

    Estimators that have `partial_fit` can be trained epoch by epoch, all copies in
    step, until their error in the blocks left out no longer falls. No data have to
    be set aside for that.

    Complex estimators can do well by chance where there are few data. If some of
    them are named as baselines, the blend is used only if it is better than these
    in blocks that agree about it; else the baselines are blended alone.

    Parameters
    ----------
    estimators : list of tuple
        Names and regressors, as in :class:`sklearn.pipeline.Pipeline`.

    baselines : list of str or None, default=None
        Names of those that are safe. None means that there are none.

    cv : int, default=5
        Number of blocks; at least 2.

    gap : int or None, default=None
        Samples that are left out of training on either side of a block, so that no
        target of training lies in it. None means one for each column of y: what a
        forecast of so many steps needs.

    margin : float, default=2.0
        How many standard errors the gain over the baselines must exceed. Ignored
        without baselines.

    max_epochs : int or None, default=None
        Largest number of calls of `partial_fit`. None means that `fit` is called, as
        it always is of estimators that have no `partial_fit`.

    n_iter_no_change : int, default=10
        Number of epochs without progress after which training stops. Ignored if
        `max_epochs` is None.

    n_jobs : int or None, default=None
        Number of estimators that are fitted at the same time; None means 1, unless in
        a :obj:`joblib.parallel_backend`.

    Attributes
    ----------
    estimators_ : list of list of estimator
        The copies of each estimator, in order of the blocks.

    named_estimators_ : :class:`~sklearn.utils.Bunch`
        The same by name.

    weights_ : ndarray of shape (n_estimators,)
        Weight of each estimator.

    errors_ : dict of str to float
        Mean squared error of each estimator in the blocks.

    gain_ : float or None
        Gain of the blend over the baselines in standard errors; None without
        baselines.

    n_features_in_ : int
        As in the estimators, if they have it.

    See Also
    --------
    make_forecaster : A blend of LSTMs and naive forecasts, ready to fit.
    sklearn.ensemble.StackingRegressor : Any way to combine the predictions for one
        target.

    Notes
    -----
    Columns of y count alike: errors are in units of each one's standard deviation.

    References
    ----------
    L. Breiman (1996). "Stacked Regressions". Machine Learning 24, 49-64.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from sklstm import BlendedRegressor, NaiveRegressor
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> y = 2 * X[:, 1] + X[:, 2]
    >>> forecasts = [("naive", NaiveRegressor()), ("linear", LinearRegression())]
    >>> model = BlendedRegressor(forecasts, baselines=["naive"]).fit(X, y)
    >>> model.weights_.round(3)
    array([0., 1.])
    """

    _parameter_constraints: dict[str, list[Any]] = {
        "estimators": [list],
        "baselines": [list, None],
        "cv": [Interval(Integral, 2, None, closed="left")],
        "gap": [Interval(Integral, 0, None, closed="left"), None],
        "margin": [Interval(Real, None, None, closed="neither")],
        "max_epochs": [Interval(Integral, 1, None, closed="left"), None],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        estimators: list[tuple[str, Any]],
        *,
        baselines: list[str] | None = None,
        cv: int = 5,
        gap: int | None = None,
        margin: float = 2.0,
        max_epochs: int | None = None,
        n_iter_no_change: int = 10,
        n_jobs: int | None = None,
    ) -> None:
        self.estimators = estimators
        self.baselines = baselines
        self.cv = cv
        self.gap = gap
        self.margin = margin
        self.max_epochs = max_epochs
        self.n_iter_no_change = n_iter_no_change
        self.n_jobs = n_jobs

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters, those of the estimators by name included."""
        return self._get_params("estimators", deep=deep)

    def set_params(self, **params: Any) -> BlendedRegressor:
        """Set parameters, or those of the estimators as ``name__parameter``."""
        self._set_params("estimators", **params)
        return self

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any) -> BlendedRegressor:
        """Fit copies of the estimators, and weigh them.

        Parameters
        ----------
        X : array-like or Sequences of length n_samples
            Samples in order of time, as the estimators take them.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets.

        Returns
        -------
        self : BlendedRegressor
            The fitted regressor.

        Raises
        ------
        ValueError
            If there are too few samples for the blocks and the gap, a name is
            unknown, or an estimator raises it.
        """
        names = self._check_estimators()
        check_consistent_length(X, y)
        y = check_array(
            y, ensure_2d=False, dtype=np.float64, input_name="y", estimator=self
        )
        blocks = self._cut(y)
        fitted = Parallel(n_jobs=self.n_jobs)(
            delayed(_fit_copies)(
                estimator, X, y, blocks, self.max_epochs, self.n_iter_no_change
            )
            for _, estimator in self.estimators
        )
        self.estimators_ = [copies for copies, _ in fitted]
        self.named_estimators_ = Bunch(
            **dict(zip(names, self.estimators_, strict=True))
        )
        forecasts = [forecast for _, forecast in fitted]
        # (n_estimators, n_samples, n_outputs)
        errors = (np.array(forecasts) - y).reshape(len(names), len(y), -1)
        mean_squares = (errors**2).mean(axis=(1, 2)).tolist()
        self.errors_ = dict(zip(names, mean_squares, strict=True))
        spread = y.reshape(len(y), -1).std(axis=0)
        self._weigh(
            errors / np.where(spread > 0, spread, 1), [len(b) for _, b in blocks]
        )
        for attribute in ("n_features_in_", "feature_names_in_"):
            if hasattr(self.estimators_[0][0], attribute):
                setattr(self, attribute, getattr(self.estimators_[0][0], attribute))
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Predict the targets.

        Parameters
        ----------
        X : array-like or Sequences of length n_samples
            Samples.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Weighted mean of the predictions.
        """
        check_is_fitted(self)
        return sum(
            weight * np.mean([model.predict(X) for model in models], axis=0)
            for weight, models in zip(self.weights_, self.estimators_, strict=True)
            if weight > 0
        )

    def _check_estimators(self) -> list[str]:
        if not self.estimators:
            raise ValueError("estimators is empty; give a list of (name, regressor).")
        names = [name for name, _ in self.estimators]
        self._validate_names(names)
        for name in self.baselines or []:
            if name not in names:
                raise ValueError(
                    f"baselines has {name!r}, which is no estimator; these are {names}."
                )
        return names

    def _cut(self, y: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        gap = y.size // len(y) if self.gap is None else self.gap
        blocks = list(leave_blocks_out(len(y), self.cv, gap))
        if len(y) < self.cv or any(len(train) == 0 for train, _ in blocks):
            raise ValueError(
                f"{len(y)} samples in cv={self.cv} blocks with a gap of {gap} leave"
                " none to train on: give more samples, fewer blocks, or a smaller gap."
            )
        return blocks

    def _weigh(self, errors: np.ndarray, sizes: list[int]) -> None:
        """Set the weights from errors of shape (n_estimators, n_samples, n_outputs)."""
        self.weights_, self.gain_ = find_weights(errors), None
        if not self.baselines:
            return
        names = [name for name, _ in self.estimators]
        at = [names.index(name) for name in self.baselines]
        safe = np.zeros(len(names))
        safe[at] = find_weights(errors[at])
        squares = [
            (np.tensordot(w, errors, axes=1) ** 2).mean(axis=1)
            for w in (safe, self.weights_)
        ]
        block = np.repeat(np.arange(len(sizes)), sizes)
        gains = np.bincount(block, squares[0] - squares[1])
        error = gains.std(ddof=1) * np.sqrt(len(gains))
        self.gain_ = float(gains.sum() / error) if error > 0 else 0.0
        if self.gain_ <= self.margin:
            self.weights_ = safe


def leave_blocks_out(
    n: int, n_blocks: int, gap: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the samples outside each of some consecutive blocks, and the block.

    Parameters
    ----------
    n : int
        Number of samples.

    n_blocks : int
        Number of blocks.

    gap : int
        Samples on either side of a block that are in neither.

    Yields
    ------
    train, block : ndarray of int
        Positions of samples.
    """
    rows = np.arange(n)
    for block in np.array_split(rows, n_blocks):
        if len(block):
            yield rows[(rows < block[0] - gap) | (rows > block[-1] + gap)], block


def find_weights(errors: np.ndarray) -> np.ndarray:
    """Find the weights of a mean of forecasts with the least squared error.

    Parameters
    ----------
    errors : ndarray of shape (n_forecasts, ...)
        Errors of each forecast.

    Returns
    -------
    weights : ndarray of shape (n_forecasts,)
        At least 0, with a sum of 1.
    """
    flat = errors.reshape(len(errors), -1)
    products = flat @ flat.T / flat.shape[1]  # (n_forecasts, n_forecasts)
    size = np.trace(products)
    if size == 0:
        return np.full(len(errors), 1 / len(errors))
    # |root @ w|^2 = w' products w, the mean squared error of the blend
    root = np.linalg.cholesky(products / size + RIDGE * np.eye(len(errors))).T
    system = np.vstack([root, np.full(len(errors), HEAVY)])
    aim = np.r_[np.zeros(len(errors)), HEAVY]
    fitted = LinearRegression(fit_intercept=False, positive=True).fit(system, aim)
    return fitted.coef_ / fitted.coef_.sum()


def _fit_copies(
    estimator: Any,
    X: Any,
    y: np.ndarray,
    blocks: list[tuple[np.ndarray, np.ndarray]],
    max_epochs: int | None,
    patience: int,
) -> tuple[list[Any], np.ndarray]:
    """Return a copy fitted without each block, and the forecasts of the blocks."""
    copies = [clone(estimator) for _ in blocks]
    parts = [(_safe_indexing(X, train), y[train]) for train, _ in blocks]
    left_out = [_safe_indexing(X, block) for _, block in blocks]

    def call(method: str) -> None:
        for copy_, part in zip(copies, parts, strict=True):
            getattr(copy_, method)(*part)

    def forecast() -> np.ndarray:
        pairs = zip(copies, left_out, strict=True)
        return np.concatenate([copy_.predict(block) for copy_, block in pairs])

    if max_epochs is None or not hasattr(estimator, "partial_fit"):
        call("fit")
        return copies, forecast()
    least, best, waited = np.inf, (copies, y), 0
    for _ in range(max_epochs):
        call("partial_fit")
        now = forecast()
        loss, waited = np.mean((now - y) ** 2), waited + 1
        if loss < least * (1 - PROGRESS):
            least, best, waited = loss, (copy.deepcopy(copies), now), 0
        if waited >= patience:
            break
    return best
