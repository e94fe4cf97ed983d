"""Forecasts weighted by how well they do where they were not trained."""

from __future__ import annotations

import copy
from numbers import Integral, Real
from typing import Any

import numpy as np
from scipy.optimize import nnls
from sklearn.base import MetaEstimatorMixin, RegressorMixin, _fit_context, clone
from sklearn.utils import Bunch, _safe_indexing, check_array, get_tags, indexable
from sklearn.utils._param_validation import Interval
from sklearn.utils.metaestimators import _BaseComposition
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import check_is_fitted

from .._rows._splits import Timeline, find_horizon

# How much more than an error it counts that the weights do not sum to 1.
HEAVY = 1e3
# Keeps a least squares problem solvable in which two forecasts are the same.
RIDGE = 1e-9
# Relative fall of an error that is progress.
PROGRESS = 1e-4


class BlendedRegressor(MetaEstimatorMixin, RegressorMixin, _BaseComposition):
    """Weighted mean of regressors, each of which is fitted to all blocks but one."""

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
        """Return the parameters, and those of the estimators by name."""
        return self._get_params("estimators", deep=deep)

    def set_params(self, **params: Any) -> BlendedRegressor:
        """Set parameters, or those of the estimators as ``name__parameter``."""
        self._set_params("estimators", **params)
        return self

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any) -> BlendedRegressor:
        """Fit copies of the estimators, and weigh them."""
        names = self._check_estimators()
        if y is None:
            raise ValueError(
                "BlendedRegressor requires y to be passed, but the target y is None."
            )
        X, y = indexable(X, y)
        time = Timeline.of(X)
        order = np.lexsort((time.rank, time.series))
        X, y = _safe_indexing(X, order), _safe_indexing(y, order)
        y = check_array(
            y, ensure_2d=False, dtype=np.float64, input_name="y", estimator=self
        )
        block = self._cut(X, y)
        spread = y.reshape(len(y), -1).std(axis=0)
        scale = np.where(spread > 0, spread, 1)
        fitted = Parallel(n_jobs=self.n_jobs)(
            delayed(_fit_copies)(
                *named, X, y, block, scale, self.max_epochs, self.n_iter_no_change
            )
            for named in self.estimators
        )
        self.estimators_ = [copies for copies, _ in fitted]
        self.named_estimators_ = Bunch(
            **dict(zip(names, self.estimators_, strict=True))
        )
        # (n_estimators, n_samples, n_outputs)
        errors = np.array([forecast - y for _, forecast in fitted])
        errors = errors.reshape(len(names), len(y), -1)
        mean_squares = (errors**2).mean(axis=(1, 2)).tolist()
        self.errors_ = dict(zip(names, mean_squares, strict=True))
        self._weigh(find_products(errors / scale, block.number))
        for attribute in ("n_features_in_", "feature_names_in_"):
            self.__dict__.pop(attribute, None)
            if hasattr(self.estimators_[0][0], attribute):
                setattr(self, attribute, getattr(self.estimators_[0][0], attribute))
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Predict the targets, (n_samples,)."""
        check_is_fitted(self)
        return sum(
            weight * np.mean([model.predict(X) for model in models], axis=0)
            for weight, models in zip(self.weights_, self.estimators_, strict=True)
            if weight > 0
        )

    def _check_estimators(self) -> list[str]:
        pairs = all(isinstance(e, tuple) and len(e) == 2 for e in self.estimators)
        if not self.estimators or not pairs:
            raise ValueError(
                f"estimators is {self.estimators!r}; give a list of (name, regressor)."
            )
        names = [name for name, _ in self.estimators]
        self._validate_names(names)
        baselines = list(self.baselines or [])
        for name in baselines:
            if name not in names or baselines.count(name) > 1:
                raise ValueError(
                    f"baselines has {name!r}, which is no estimator or there twice;"
                    f" these are {names}."
                )
        return names

    def _cut(self, X: Any, y: np.ndarray) -> Blocks:
        gap = find_horizon(X, y) - 1 if self.gap is None else self.gap
        blocks = Blocks(Timeline.of(X), self.cv, gap)
        if any(len(blocks.inside(i)) == 0 for i in range(self.cv)) or any(
            len(blocks.outside(i)) == 0 for i in range(self.cv)
        ):
            raise ValueError(
                f"{len(y)} samples in cv={self.cv} blocks with a gap of {gap} leave"
                " none to train on: give more samples, fewer blocks, or a smaller gap."
            )
        return blocks

    def _weigh(self, products: np.ndarray) -> None:
        """Set the weights from the products of errors in the blocks."""
        total = products.sum(axis=0)
        self.weights_, self.gain_ = find_weights(total), None
        if not self.baselines:
            return
        names = [name for name, _ in self.estimators]
        at = [names.index(name) for name in self.baselines]
        # The best baseline alone, unless several together are surely better.
        safe = [min(at, key=lambda i: total[i, i])]
        if find_gain(products, at, safe) > self.margin:
            safe = at
        self.gain_ = find_gain(products, list(range(len(names))), safe)
        if self.gain_ <= self.margin:
            self.weights_ = np.zeros(len(names))
            self.weights_[safe] = find_weights(total[np.ix_(safe, safe)])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        inputs = [get_tags(pair[-1]).input_tags for pair in self.estimators]
        tags.input_tags.sparse = bool(inputs) and all(part.sparse for part in inputs)
        tags.input_tags.three_d_array = any(part.three_d_array for part in inputs)
        tags.target_tags.multi_output = True
        return tags


def _fit_copies(
    name: str,
    estimator: Any,
    X: Any,
    y: np.ndarray,
    blocks: Blocks,
    scale: np.ndarray,
    max_epochs: int | None,
    patience: int,
) -> tuple[list[Any], np.ndarray]:
    """Return a copy fitted without each block, and the forecasts of the blocks."""
    outside = [blocks.outside(i) for i in range(blocks.n_blocks)]
    inside = [blocks.inside(i) for i in range(blocks.n_blocks)]
    copies = [clone(estimator) for _ in outside]
    parts = [(_safe_indexing(X, rows), y[rows]) for rows in outside]
    left_out = [_safe_indexing(X, rows) for rows in inside]

    def call(method: str) -> None:
        for copy_, part in zip(copies, parts, strict=True):
            getattr(copy_, method)(*part)

    def forecast() -> np.ndarray:
        values = np.empty_like(y)
        for copy_, rows, block in zip(copies, inside, left_out, strict=True):
            values[rows] = np.reshape(copy_.predict(block), y[rows].shape)
        return values

    least, best, waited = np.inf, None, 0
    by_epoch = max_epochs is not None and hasattr(estimator, "partial_fit")
    for _ in range(max_epochs if by_epoch and max_epochs else 1):
        call("partial_fit" if by_epoch else "fit")
        now = forecast()
        loss = np.mean(((now - y).reshape(len(y), -1) / scale) ** 2)
        waited += 1
        if loss < least * (1 - PROGRESS):
            least, waited = loss, 0
            best = (copy.deepcopy(copies) if by_epoch else copies), now
        if waited >= patience:
            break
    if best is None:
        raise ValueError(
            f"The forecasts of {name!r} were never finite: scale the data, or make its"
            " learning rate smaller."
        )
    return best


class Blocks:
    """Samples next to each other in time, as many blocks of each series."""

    def __init__(self, time: Timeline, n_blocks: int, gap: int) -> None:
        self.time, self.n_blocks, self.gap = time, n_blocks, gap
        self.number = time.rank * n_blocks // time.sizes[time.series]

    def inside(self, i: int) -> np.ndarray:
        """Return the positions of the samples of a block."""
        return np.flatnonzero(self.number == i)

    def outside(self, i: int) -> np.ndarray:
        """Return the positions of the samples to train on without it."""
        return np.flatnonzero(self.time.apart(self.number == i, self.gap))


def find_products(errors: np.ndarray, block: np.ndarray) -> np.ndarray:
    """Sum the products of the errors of forecasts in each block."""
    parts = [errors[:, block == number] for number in np.unique(block)]
    return np.array([np.tensordot(e, e, axes=([1, 2], [1, 2])) for e in parts])


def find_gain(products: np.ndarray, candidates: list[int], safe: list[int]) -> float:
    """Return the gain of blending more forecasts, in standard errors."""

    def loss(chosen: list[int], i: int) -> float:
        parts = products[:, chosen][:, :, chosen]
        weights = find_weights(parts.sum(axis=0) - parts[i])
        return float(weights @ parts[i] @ weights)

    gains = [loss(safe, i) - loss(candidates, i) for i in range(len(products))]
    total, error = np.sum(gains), np.std(gains, ddof=1) * np.sqrt(len(gains))
    if error == 0:
        return float(np.sign(total)) * np.inf if total else 0.0
    return float(total / error)


def find_weights(products: np.ndarray) -> np.ndarray:
    """Find the weights of a mean of forecasts with the least squared error."""
    size = np.sqrt(products.diagonal())
    if size.min() == 0:
        return (size == 0) / np.sum(size == 0)
    # Each error in its own units, or one bad forecast would hide what others are.
    correlation = products / np.outer(size, size)
    # |root @ (weights * size)|^2 is the squared error of the blend.
    root = np.linalg.cholesky(correlation + RIDGE * np.eye(len(size))).T
    system = np.vstack([root, HEAVY * size.min() / size])
    aim = np.r_[np.zeros(len(size)), HEAVY]
    weights = nnls(system, aim)[0] / size
    return weights / weights.sum()
