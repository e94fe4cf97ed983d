"""Forecasts weighted by how well they do where they were not trained."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import nnls
from sklearn.base import clone
from sklearn.utils.parallel import Parallel, delayed

from .._compat import _check_method_params, _safe_indexing, _set_random_states
from .._rows._splits import Timeline, find_horizon

# How much more than an error it counts that the weights do not sum to 1.
HEAVY = 1e3
# Keeps a least squares problem solvable in which two forecasts are the same.
RIDGE = 1e-9
# Relative fall of an error that is progress.
PROGRESS = 1e-4


@dataclass
class Blend:
    """Weighted mean of regressors, each of which is fitted to all blocks but one.

    The samples, in order of time, are cut into blocks. A copy of each regressor is
    fitted without each block and predicts it; the weights are those with which these
    predictions have the least squared error. Regressors that have `partial_fit` are
    trained epoch by epoch, all copies in step, until that error no longer falls.

    Errors count in units of those of the best baseline in the same block, so that a
    block in which all err more does not decide alone. The best baseline stands beside
    the blend: that gets the share 1 - 1/t**2, where t is the gain over the baseline in
    standard errors over the blocks, and nothing if there is none.

    L. Breiman (1996). "Stacked Regressions". Machine Learning 24, 49-64.
    """

    estimators: list[tuple[str, Any]]
    baselines: list[str]
    n_blocks: int = 5
    gap: int | None = None  # rows left out around a block; None for horizon - 1
    gated: bool = True
    max_epochs: int | None = None  # None calls `fit`, as it always is without an epoch
    patience: int = 10
    n_jobs: int | None = None

    def fit(
        self,
        X: Any,
        y: np.ndarray,
        params: dict[str, Any] | None = None,
        rng: Any = None,
        tasks: list[Any] | None = None,
        time: Timeline | None = None,
    ) -> Blend:
        """Fit copies and weigh them; a task tells callbacks of an estimator."""
        names = [name for name, _ in self.estimators]
        params = _check_method_params(X, params or {})
        time = Timeline.of(X) if time is None else time
        order = np.lexsort((time.rank, time.series))
        X, y = _safe_indexing(X, order), y[order]
        params = _check_method_params(X, params, indices=order)
        block = self._cut(time[order], find_horizon(X, y))
        spread = y.reshape(len(y), -1).std(axis=0)
        unit = np.where(spread > 0, spread, 1) * np.ones((len(y), 1))
        seeds: Any = np.full((len(names), self.n_blocks), None)
        if rng is not None:
            seeds = rng.randint(2**31 - 1, size=seeds.shape)
        tasks = tasks or [None] * len(names)

        def fit(some: list[str], unit: np.ndarray) -> dict[str, Any]:
            fitted = Parallel(n_jobs=self.n_jobs)(
                delayed(_fit_copies)(
                    name,
                    estimator,
                    X,
                    y,
                    {} if name in self.baselines else params,  # these take none
                    block,
                    unit,
                    seed,
                    task,
                    self.max_epochs,
                    self.patience,
                )
                for (name, estimator), seed, task in zip(
                    self.estimators, seeds, tasks, strict=True
                )
                if name in some
            )
            return dict(zip([n for n in names if n in some], fitted, strict=True))

        weight = params.get("sample_weight")
        weight = np.ones(len(y)) if weight is None else np.asarray(weight, float)
        fitted = fit(self.baselines, unit)
        if fitted:
            unit = unit * _errors_of_best(
                [forecast for _, forecast in fitted.values()], y, unit, weight, block
            )
        fitted |= fit([name for name in names if name not in fitted], unit)
        self.copies = {name: fitted[name][0] for name in names}
        # (n_estimators, n_samples, n_outputs)
        errors = np.array([fitted[name][1] - y for name in names])
        errors = errors.reshape(len(names), len(y), -1)
        squares = np.average(errors**2, axis=1, weights=weight).mean(axis=1)
        self.errors = dict(zip(names, squares.tolist(), strict=True))
        root = np.sqrt(weight / weight.mean())[:, None]
        self._weigh(find_products(errors / unit * root, block.number))
        return self

    @property
    def gain(self) -> float:
        """Standard errors by which all are better than baselines; NaN for none."""
        return in_errors(self.gains) if self.baselines else np.nan

    def predict(self, X: Any) -> np.ndarray:
        """Return the weighted mean of the predictions."""
        return sum(
            weight * np.mean([model.predict(X) for model in self.copies[name]], axis=0)
            for name, weight in self.weights.items()
            if weight > 0
        )

    def _cut(self, time: Timeline, horizon: int) -> Blocks:
        gap = horizon - 1 if self.gap is None else self.gap
        blocks = Blocks(time, self.n_blocks, gap)
        if not blocks.leave_some():
            raise ValueError(
                f"{len(time.rank)} sample(s) in {self.n_blocks} blocks of time with a"
                f" gap of {gap} leave none to train on: give more rows, or a shorter"
                " horizon."
            )
        return blocks

    def _weigh(self, products: np.ndarray) -> None:
        """Set the weights from the products of errors in the blocks."""
        total, names = products.sum(axis=0), [name for name, _ in self.estimators]
        weights = find_weights(total)
        self.gains, self.share = np.zeros(0), 1.0
        if self.baselines:
            best = min(map(names.index, self.baselines), key=lambda i: total[i, i])
            self.gains = find_gains(products, list(range(len(names))), [best])
            if self.gated:
                t = in_errors(self.gains)
                self.share = max(0.0, 1 - 1 / t**2) if t > 0 else 0.0
            weights = self.share * weights
            weights[best] += 1 - self.share
        self.weights = dict(zip(names, weights.tolist(), strict=True))


def _fit_copies(
    name: str,
    estimator: Any,
    X: Any,
    y: np.ndarray,
    params: dict[str, Any],
    blocks: Blocks,
    unit: np.ndarray,
    seeds: list[int | None],
    task: Any,
    max_epochs: int | None,
    patience: int,
) -> tuple[list[Any], np.ndarray]:
    """Return a copy fitted without each block, and the forecasts of the blocks."""
    outside = [blocks.outside(i) for i in range(blocks.n_blocks)]
    inside = [blocks.inside(i) for i in range(blocks.n_blocks)]
    copies = [clone(estimator) for _ in outside]
    for copy_, seed in zip(copies, seeds, strict=True):
        if seed is not None:
            _set_random_states(copy_, int(seed))
    parts = [
        (_safe_indexing(X, rows), y[rows], _check_method_params(X, params, rows))
        for rows in outside
    ]
    left_out = [_safe_indexing(X, rows) for rows in inside]
    by_epoch = max_epochs is not None and hasattr(estimator, "partial_fit")
    method = "partial_fit" if by_epoch else "fit"
    weight = params.get("sample_weight")
    least, best, waited = np.inf, None, 0
    if task is not None:
        task.begin()
    has_path = hasattr(estimator, "predict_path")
    for _ in range(max_epochs if by_epoch and max_epochs else 1):
        now = np.empty_like(y)
        for copy_, rows, block, part in zip(
            copies, inside, left_out, parts, strict=True
        ):
            getattr(copy_, method)(*part[:2], **part[2])
            if not has_path:
                now[rows] = np.reshape(copy_.predict(block), y[rows].shape)
        if has_path:
            now = _choose_penalty(copies, inside, left_out, y, unit, weight)
        loss = _loss(now, y, unit, weight)
        waited += 1
        if loss < least * (1 - PROGRESS):
            least, waited = loss, 0
            # To load a net takes longer than to write it down.
            best = (pickle.dumps(copies) if by_epoch else copies), now
        stop = task is not None and task.epoch()
        if waited >= patience or stop:
            break
    if task is not None:
        task.end()
    if best is None:
        raise ValueError(
            f"The forecasts of {name!r} were never finite: scale the data, or make its"
            " learning rate smaller."
        )
    fitted: Any = best[0]
    return (pickle.loads(fitted) if by_epoch else fitted), best[1]


def _loss(forecast: np.ndarray, y: np.ndarray, unit: np.ndarray, weight: Any) -> float:
    """Mean squared error in units of each sample and output."""
    squares = ((forecast - y).reshape(len(y), -1) / unit) ** 2
    return float(np.average(squares.mean(axis=1), weights=weight))


def _choose_penalty(
    copies: list[Any],
    inside: list[np.ndarray],
    left_out: list[Any],
    y: np.ndarray,
    unit: np.ndarray,
    weight: Any,
) -> np.ndarray:
    """Give all copies the penalty that is best over the blocks; return forecasts."""
    best, now = np.inf, np.empty_like(y)
    paths = [
        model.predict_path(block) for model, block in zip(copies, left_out, strict=True)
    ]
    for k in range(len(paths[0])):
        forecast = np.empty_like(y)
        for rows, path in zip(inside, paths, strict=True):
            forecast[rows] = path[k].reshape(y[rows].shape)
        loss = _loss(forecast, y, unit, weight)
        if loss < best:
            best, now = loss, forecast
            for model in copies:
                model.penalty_ = k
    return now if np.isfinite(best) else np.full_like(y, np.nan)


def _errors_of_best(
    forecasts: list[np.ndarray],
    y: np.ndarray,
    unit: np.ndarray,
    weight: np.ndarray,
    block: Blocks,
) -> np.ndarray:
    """Root mean squared error of the best forecast in each block, (n_samples, 1)."""
    squares = np.array(
        [(((f - y).reshape(len(y), -1) / unit) ** 2).mean(axis=1) for f in forecasts]
    )
    total = np.array(
        [np.bincount(block.number, weight * s, block.n_blocks) for s in squares]
    )
    least = total.min(axis=0) / np.bincount(block.number, weight, block.n_blocks)
    # Where a baseline is perfect, others are not asked to be.
    least = np.maximum(least, 1e-9 * least.max())
    return np.sqrt(np.where(least > 0, least, 1.0))[block.number, None]


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
        if self.n_blocks == 1:  # for forecasts that learn nothing
            return self.inside(0)
        return np.flatnonzero(self.time.apart(self.number == i, self.gap))

    def leave_some(self) -> bool:
        """Whether each block has samples, and leaves some to train on."""
        rows = range(self.n_blocks)
        return all(len(self.inside(i)) and len(self.outside(i)) for i in rows)


def find_products(errors: np.ndarray, block: np.ndarray) -> np.ndarray:
    """Sum the products of the errors of forecasts in each block.

    Of errors of shape (n_forecasts, n_samples, n_outputs) products are of shape
    (n_blocks, n_forecasts, n_forecasts): the squared error of a blend is
    ``weights @ products[i] @ weights``.
    """
    parts = [errors[:, block == number] for number in np.unique(block)]
    return np.array([np.tensordot(e, e, axes=([1, 2], [1, 2])) for e in parts])


def find_gains(
    products: np.ndarray, candidates: list[int], safe: list[int]
) -> np.ndarray:
    """Return the gain of candidates over safe forecasts in each block, (n_blocks,).

    Weights of a block come from the others.
    """

    def loss(chosen: list[int], i: int) -> float:
        parts = products[:, chosen][:, :, chosen]
        weights = find_weights(parts.sum(axis=0) - parts[i])
        return float(weights @ parts[i] @ weights)

    blocks = range(len(products))
    return np.array([loss(safe, i) - loss(candidates, i) for i in blocks])


def in_errors(gains: np.ndarray) -> float:
    """Return the sum of gains in standard errors.

    Over few blocks it has Student's distribution, with one degree of freedom less than
    there are blocks.
    """
    total, error = gains.sum(), gains.std(ddof=1) * np.sqrt(len(gains))
    if error == 0:
        return float(np.sign(total)) * np.inf if total else 0.0
    return float(total / error)


def find_weights(products: np.ndarray) -> np.ndarray:
    """Find weights >= 0 of sum 1 with the least squared error, (n_forecasts,)."""
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
