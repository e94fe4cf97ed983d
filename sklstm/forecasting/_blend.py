"""Forecasts weighted by how well they do where they were not trained."""

from __future__ import annotations

import copy
import pickle
import time
import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.optimize import nnls
from scipy.stats import t as student
from sklearn.base import clone
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import has_fit_parameter

from .._compat import _check_method_params, _safe_indexing, _set_random_states
from .._rows._splits import Timeline, find_horizon

# How much more than an error it counts that the weights do not sum to 1.
HEAVY = 1e3
# Keeps a least squares problem solvable in which two forecasts are the same.
RIDGE = 1e-9
# Relative fall of an error that is progress.
PROGRESS = 1e-4
# Confidence in a gain below which it counts for nothing.
CONFIDENCE = 0.9
# Samples of a block, at most, that choose a penalty.
N_CHOOSING = 2000


@dataclass
class Blend:
    """Weighted mean of regressors, each of which is fitted to all blocks but one.

    The samples, in order of time, are cut into blocks. A copy of each regressor is
    fitted without each block and predicts it; the weights are those with which these
    predictions have the least squared error. Errors count in units of those of the
    best baseline in the same block and series, so that none of these decides alone.
    The best baseline stands beside the blend, which gets the larger a share the surer
    its gain is (`find_share`).

    The net, if there is one, learns what all these leave over, epoch by epoch, until
    the error in the blocks no longer falls. It gets the share that it has earned in
    the same way.

    L. Breiman (1996). "Stacked Regressions". Machine Learning 24, 49-64.
    """

    estimators: dict[str, Any]
    baselines: list[str]
    # Left out are of these a baseline that is no better than the first one, and others
    # that from earlier blocks alone are no better than those named, or the baselines.
    doubted: dict[str, list[str]] = field(default_factory=dict)
    net: tuple[str, Any] | None = None
    n_blocks: int = 5
    gap: int | None = None  # rows left out around a block; None for horizon - 1
    max_epochs: int = 100
    patience: int = 10
    deadline: float = np.inf  # of time.monotonic(), after which no epoch begins
    n_jobs: int | None = None
    copies: dict[str, list[Any]] = field(default_factory=dict, init=False)
    weights: dict[str, float] = field(default_factory=dict, init=False)
    # Mean squared errors in the blocks that have not been seen.
    errors: dict[str, float] = field(default_factory=dict, init=False)
    share: float = field(default=1.0, init=False)

    def fit(
        self,
        X: Any,
        X_net: Any,
        y: np.ndarray,
        params: dict[str, Any] | None = None,
        rng: Any = None,
        tasks: dict[str, Any] | None = None,
        timeline: Timeline | None = None,
    ) -> Blend:
        """Fit copies and weigh them; a task tells callbacks of an estimator."""
        params = _check_method_params(X, params or {})
        line = Timeline.of(X) if timeline is None else timeline
        order = np.lexsort((line.rank, line.series))
        X, X_net, y = (_safe_indexing(part, order) for part in (X, X_net, y))
        params = _check_method_params(X, params, indices=order)
        weight = params.get("sample_weight")
        blocks = self._cut(line[order], find_horizon(X, y))
        judge, tasks = Judge(blocks, y, weight), tasks or {}

        fitted, baselines = self._fit_lines(X, judge, tasks)
        names = [name for name in self.estimators if name in fitted]
        self.copies = {name: fitted[name][0] for name in names}
        forecasts = np.array([fitted[name][1] for name in names])
        losses = map(judge.mean_square, forecasts)
        self.errors = dict(zip(names, losses, strict=True))
        best = self._weigh(judge.products(forecasts), names, baselines)
        self.forecast = np.tensordot(
            np.array(list(self.weights.values())), forecasts, axes=1
        )
        if self.net is not None and self.n_blocks > 1:
            # Series of any size count alike, if the net takes weights.
            if has_fit_parameter(self.net[1], "sample_weight"):
                params = params | judge.fit_params()
            self._add_net(X, X_net, judge, params, rng, tasks.get(self.net[0]))
        # How much less than that of the best baseline the squared error is, by block.
        loss, beside = (judge.losses(f) for f in (self.forecast, forecasts[best]))
        self.gains = (beside - loss) / np.where(beside > 0, beside, 1)
        self.residuals, self.order = self.forecast - y, order
        return self

    def predict(self, X: Any, X_net: Any) -> np.ndarray:
        """Return the weighted mean of the predictions, and what the net adds."""
        copies = range(self.n_blocks)
        parts = [self._predict_lines(i, X) for i in copies]
        forecast: np.ndarray = np.mean(parts, axis=0)
        if self.net is None or not self.weights.get(self.net[0]):
            return forecast
        name = self.net[0]
        parts = [copy_.predict(X_net) for copy_ in self.copies[name]]
        added = np.reshape(np.mean(parts, axis=0), forecast.shape)
        return forecast + self.weights[name] * added

    def _fit_lines(
        self, X: Any, judge: Judge, tasks: dict[str, Any]
    ) -> tuple[dict[str, Any], list[str]]:
        """Copies and forecasts of all but the net; and names of baselines."""

        def fit(names: list[str], params: dict[str, Any]) -> dict[str, Any]:
            fitted = Parallel(n_jobs=self.n_jobs)(
                delayed(_fit_copies)(
                    name, self.estimators[name], X, judge, params, tasks.get(name)
                )
                for name in names
            )
            return dict(zip(names, fitted, strict=True))

        fitted = fit(self.baselines, {})
        doubted = set(fitted) & set(self.doubted)
        if doubted:
            # In units of the first one no series or block decides alone.
            first = fitted[self.baselines[0]][1]
            own = copy.copy(judge)
            own.measure_beside([first])
            for name in doubted:
                if own.losses(fitted[name][1]).mean() >= own.losses(first).mean():
                    del fitted[name]
        baselines = list(fitted)
        beside = [forecast for _, forecast in fitted.values()]
        if fitted:
            judge.measure_beside(beside)
        params = judge.fit_params()
        others = [name for name in self.estimators if name not in self.baselines]
        fitted |= fit(others, params)
        for name in [name for name in others if name in self.doubted]:
            rivals = [fitted[rival][1] for rival in self.doubted[name] or baselines]
            if not _foresees(fitted[name][0], rivals, X, judge, params):
                del fitted[name]
        return fitted, baselines

    def _predict_lines(self, i: int, X: Any) -> Any:
        """What is predicted by all but the net, fitted without a block."""
        return sum(
            weight * self.copies[name][i].predict(X)
            for name, weight in self.weights.items()
            if weight > 0 and name in self.estimators
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

    def _weigh(
        self, products: np.ndarray, names: list[str], baselines: list[str]
    ) -> int:
        """Set the weights; return the place of the best baseline, or the best."""
        total = products.sum(axis=0)
        weights = find_weights(total)
        chosen = [names.index(name) for name in baselines or names]
        best = min(chosen, key=lambda i: total[i, i])
        if baselines:
            alone = np.eye(len(names))[best]
            self.share = find_share(products, alone, weights)
            weights = alone + self.share * (weights - alone)
        self.weights = dict(zip(names, weights.tolist(), strict=True))
        return best

    def _add_net(
        self, X: Any, X_net: Any, judge: Judge, params: Any, rng: Any, task: Any
    ) -> None:
        """Train copies of the net on what is left, and give them their share."""
        assert self.net is not None
        (name, net), y, blocks = self.net, judge.y, judge.blocks
        parts = []
        for i in range(self.n_blocks):
            rows = blocks.outside(i)
            lines = self._predict_lines(i, _safe_indexing(X, rows))
            left = y[rows] - np.reshape(lines, y[rows].shape)
            left = left - left.mean(axis=0)
            own = _check_method_params(X, params, rows)
            parts.append((_safe_indexing(X_net, rows), left, own))
        seeds = [None] * len(parts)
        if rng is not None:
            seeds = rng.randint(2**31 - 1, size=len(parts)).tolist()
        copies = []
        for seed in seeds:
            copies.append(clone(net))
            if seed is not None:
                _set_random_states(copies[-1], seed)
        left_out = [_safe_indexing(X_net, blocks.inside(i)) for i in range(len(parts))]
        best: Any = None
        least, waited = np.inf, 0
        if task is not None:
            task.begin()
        for _ in range(self.max_epochs):
            if time.monotonic() > self.deadline:
                break
            for copy_, part in zip(copies, parts, strict=True):
                copy_.partial_fit(*part[:2], **part[2])
            with warnings.catch_warnings():
                # The other copies have seen them.
                warnings.filterwarnings("ignore", "X has labels in the features")
                added = blocks.join(
                    [c.predict(b) for c, b in zip(copies, left_out, strict=True)], y
                )
            loss = float(judge.losses(self.forecast + added).mean())
            waited += 1
            if loss < least * (1 - PROGRESS):
                # To load a net takes longer than to write it down.
                least, waited, best = loss, 0, (pickle.dumps(copies), added)
            stop = task is not None and task.epoch()
            if waited >= self.patience or stop:
                break
        if task is not None:
            task.end()
        if best is None:
            if time.monotonic() > self.deadline:
                return
            raise _not_finite(name)
        self.copies[name], added = pickle.loads(best[0]), best[1]
        both = np.array([self.forecast, self.forecast + added])
        share = find_share(judge.products(both), np.eye(2)[0], np.eye(2)[1])
        self.weights[name], self.errors[name] = share, judge.mean_square(both[1])
        self.forecast = self.forecast + share * added


class Judge:
    """Errors of forecasts in blocks that they have not seen, and in which units."""

    def __init__(self, blocks: Blocks, y: np.ndarray, weight: Any = None) -> None:
        self.blocks, self.y, self.series = blocks, y, blocks.time.series
        self.is_weighted = weight is not None
        weight = np.ones(len(y)) if weight is None else np.asarray(weight, float)
        self.weight = weight / weight.mean()
        self.size = np.ones(len(y))  # of the errors in the series of each sample
        self.y_2d = y.reshape(len(y), -1)
        spread = self.y_2d.std(axis=0)
        self.unit = np.where(spread > 0, spread, 1) * np.ones((len(y), 1))

    def measure_beside(self, forecasts: list[np.ndarray]) -> None:
        """Take errors in units of those of the best forecast in a block and series.

        These are root mean squared errors, those of a series times those of a block.
        """
        squares = np.array([(self.errors(f) ** 2).mean(axis=1) for f in forecasts])
        y = self.y_2d / self.unit
        for number in (self.series, self.blocks.number):
            least = _means(squares, number, self.weight).min(axis=0)
            # Where a baseline is perfect, others are not asked to be.
            around = y - _means(y.T, number, self.weight)[:, number].T
            own = _means((around**2).mean(axis=1)[None], number, self.weight)[0]
            least = np.maximum(least, 1e-6 * own)
            least = np.where(least > 0, least, least.max() or 1.0)[number]
            squares, y = squares / least, y / np.sqrt(least)[:, None]
            self.unit = self.unit * np.sqrt(least)[:, None]
            if number is self.series:
                self.size = np.sqrt(least)

    def fit_params(self) -> dict[str, Any]:
        """Weights with which series of any size count alike, if they are needed."""
        if not self.is_weighted and len(np.unique(self.series)) == 1:
            return {}
        return {"sample_weight": self.weight / self.size**2}

    def errors(self, forecast: np.ndarray) -> np.ndarray:
        """Errors in units of each sample and output, (n_samples, n_outputs)."""
        return (forecast - self.y).reshape(len(self.y), -1) / self.unit

    def losses(self, forecast: np.ndarray) -> np.ndarray:
        """Mean squared error in each block."""
        squares = self.weight * (self.errors(forecast) ** 2).mean(axis=1)
        return np.bincount(self.blocks.number, squares) / self.blocks.sizes

    def products(self, forecasts: np.ndarray) -> np.ndarray:
        """Mean products of errors in each block, (n_blocks, n, n) of n forecasts."""
        root = np.sqrt(self.weight)[:, None]
        errors = np.array([self.errors(forecast) * root for forecast in forecasts])
        return find_products(errors, self.blocks.number)

    def mean_square(self, forecast: np.ndarray) -> float:
        """Mean squared error in the units of y."""
        squares = ((forecast - self.y).reshape(len(self.y), -1) ** 2).mean(axis=1)
        return float(np.average(squares, weights=self.weight))


def _means(values: np.ndarray, number: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Weighted means over the samples of each number, (n_rows, n_numbers)."""
    count = np.maximum(np.bincount(number, weight), np.finfo(float).tiny)
    return np.array([np.bincount(number, weight * row) / count for row in values])


def _fit_copies(
    name: str, estimator: Any, X: Any, judge: Judge, params: dict[str, Any], task: Any
) -> tuple[list[Any], np.ndarray]:
    """Return a copy fitted without each block, and the forecasts of the blocks."""
    if task is not None:
        task.begin()
    blocks, y = judge.blocks, judge.y
    copies = [clone(estimator) for _ in range(blocks.n_blocks)]
    for i, copy_ in enumerate(copies):
        rows = blocks.outside(i)
        own = _check_method_params(X, params, rows)
        copy_.fit(_safe_indexing(X, rows), y[rows], **own)
    if hasattr(estimator, "predict_path"):
        _choose_penalty(copies, X, judge)
    forecast = blocks.join(
        [c.predict(_safe_indexing(X, blocks.inside(i))) for i, c in enumerate(copies)],
        y,
    )
    if task is not None:
        task.epoch()
        task.end()
    if not np.isfinite(forecast).all():
        raise _not_finite(name)
    return copies, forecast


def _choose_penalty(copies: list[Any], X: Any, judge: Judge) -> None:
    """Give all copies the penalty that is best over the blocks."""
    losses: Any = 0.0
    for i, copy_ in enumerate(copies):
        rows = judge.blocks.inside(i)
        rows = rows[
            np.linspace(0, len(rows) - 1, min(len(rows), N_CHOOSING)).astype(int)
        ]
        path = copy_.predict_path(_safe_indexing(X, rows))
        errors = path.reshape(len(path), len(rows), -1) - judge.y_2d[rows]
        errors = errors / judge.unit[rows]
        with np.errstate(over="ignore"):
            squares = (errors**2).mean(axis=2) @ judge.weight[rows]
        losses = losses + squares / judge.weight[rows].sum()
    best = int(np.argmin(np.where(np.isfinite(losses), losses, np.inf)))
    for copy_ in copies:
        copy_.choose(best)


def _foresees(
    copies: list[Any],
    rivals: list[np.ndarray],
    X: Any,
    judge: Judge,
    params: dict[str, Any],
) -> bool:
    """Whether forecasts from earlier blocks alone are better than the best rival.

    The level is known on both sides of a block that is left out, and only on one side
    of what is to be forecast. The first two blocks are too few to learn from. The
    penalty is the one that all blocks have chosen.
    """
    blocks, y = judge.blocks, judge.y
    forecast = np.full(y.shape, np.nan)
    if blocks.n_blocks < 3:
        return False
    for i in range(2, blocks.n_blocks):
        rows = blocks.outside(i)
        rows = rows[blocks.number[rows] < i]
        if not len(rows):
            return False
        earlier = clone(copies[i]).fit(
            _safe_indexing(X, rows), y[rows], **_check_method_params(X, params, rows)
        )
        if hasattr(earlier, "choose"):
            earlier.choose(copies[i].penalty_)
        inside = blocks.inside(i)
        part = earlier.predict(_safe_indexing(X, inside))
        forecast[inside] = np.reshape(part, y[inside].shape)
    loss = judge.losses(forecast)[2:].mean()
    return bool(loss < min(judge.losses(rival)[2:].mean() for rival in rivals))


def _not_finite(name: str) -> ValueError:
    return ValueError(
        f"The forecasts of {name!r} were never finite: scale the data, or make its"
        " learning rate smaller."
    )


class Blocks:
    """Samples next to each other in time, as many blocks of each series."""

    def __init__(self, time: Timeline, n_blocks: int, gap: int) -> None:
        self.time, self.n_blocks, self.gap = time, n_blocks, gap
        self.number = time.rank * n_blocks // time.sizes[time.series]
        self.sizes = np.bincount(self.number, minlength=n_blocks)

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

    def join(self, parts: list[np.ndarray], like: np.ndarray) -> np.ndarray:
        """Put together what belongs to the blocks, in the shape of y."""
        joined = np.empty(like.shape)
        for i, part in enumerate(parts):
            joined[self.inside(i)] = np.reshape(part, joined[self.inside(i)].shape)
        return joined


def find_products(errors: np.ndarray, block: np.ndarray) -> np.ndarray:
    """Average the products of the errors of forecasts in each block.

    Of errors of shape (n_forecasts, n_samples, n_outputs) products are of shape
    (n_blocks, n_forecasts, n_forecasts): the mean squared error of a blend is
    ``weights @ products[i] @ weights``.
    """
    parts = [errors[:, block == number] for number in np.unique(block)]
    return np.array(
        [np.tensordot(e, e, axes=([1, 2], [1, 2])) / e[0].size for e in parts]
    )


def find_share(products: np.ndarray, safe: np.ndarray, better: np.ndarray) -> float:
    """Share of other weights than the safe ones: 1 - (t_90 / t)², and at least 0.

    Here t is the gain, mean over blocks, in standard errors, and t_90 what Student's t
    exceeds once in ten times where there is no gain.
    """
    n_blocks = len(products)
    losses = [np.einsum("i,bij,j->b", w, products, w) for w in (safe, better)]
    gains = losses[0] - losses[1]
    if n_blocks < 2 or gains.mean() <= 0:
        return 0.0
    error = gains.std(ddof=1) / np.sqrt(n_blocks)
    t_90 = student.ppf(CONFIDENCE, n_blocks - 1)
    return float(max(0.0, 1 - (t_90 * error / gains.mean()) ** 2))


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
