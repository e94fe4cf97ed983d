"""Blocks of time to leave out of training, and what they tell of blends."""

from __future__ import annotations

import numpy as np
from scipy.optimize import nnls

from ._splits import Timeline

# How much more than an error it counts that the weights do not sum to 1.
HEAVY = 1e3
# Keeps a least squares problem solvable in which two forecasts are the same.
RIDGE = 1e-9


class Blocks:
    """Samples next to each other in time, as many blocks of each series.

    Parameters
    ----------
    time : Timeline
        Of the samples.

    n_blocks : int
        Number of blocks.

    gap : int
        Rows of a series on either side of a block that are in neither.

    Attributes
    ----------
    number : ndarray of int, shape (n_samples,)
        The block of each sample.
    """

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
    """Sum the products of the errors of forecasts in each block.

    Parameters
    ----------
    errors : ndarray of shape (n_forecasts, n_samples, n_outputs)
        Errors of each forecast.

    block : ndarray of int, shape (n_samples,)
        The block of each sample.

    Returns
    -------
    products : ndarray of shape (n_blocks, n_forecasts, n_forecasts)
        The squared error of a blend is ``weights @ products[i] @ weights``.
    """
    parts = [errors[:, block == number] for number in np.unique(block)]
    return np.array([np.tensordot(e, e, axes=([1, 2], [1, 2])) for e in parts])


def find_gain(products: np.ndarray, candidates: list[int], safe: list[int]) -> float:
    """Return the gain of blending more forecasts, in standard errors.

    Weights of a block come from the others. Over few blocks the gain has Student's
    distribution, with one degree of freedom less than there are blocks.

    Parameters
    ----------
    products : ndarray of shape (n_blocks, n_forecasts, n_forecasts)
        From `find_products`.

    candidates, safe : list of int
        The forecasts of the one blend and of the other.

    Returns
    -------
    gain : float
        Positive if the candidates are better.
    """

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
    """Find the weights of a mean of forecasts with the least squared error.

    Parameters
    ----------
    products : ndarray of shape (n_forecasts, n_forecasts)
        Sums of the products of their errors.

    Returns
    -------
    weights : ndarray of shape (n_forecasts,)
        At least 0, with a sum of 1.
    """
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
