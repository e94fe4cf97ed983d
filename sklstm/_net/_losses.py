"""What training minimises, and what the outputs of its net mean then."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .._arrays import reading

POINT_LOSSES = {
    "cross_entropy": nn.CrossEntropyLoss,
    "squared_error": nn.MSELoss,
    "absolute_error": nn.L1Loss,
    "huber": nn.HuberLoss,
}
LOSSES = ("squared_error", "absolute_error", "huber", "quantile", "gaussian")
# Keeps a standard deviation from 0, where the density of a point would be infinite.
MIN_STD = 1e-6


class Pinball(nn.Module):
    """Pinball loss of several quantiles, averaged over these."""

    quantiles: Tensor  # (n_parts,)

    def __init__(self, quantiles: list[float]) -> None:
        super().__init__()
        self.register_buffer("quantiles", torch.tensor(quantiles, dtype=torch.float64))

    def forward(self, output: Tensor, y: Tensor) -> Tensor:
        """Return the loss of each target, (batch, n_targets)."""
        quantiles = self.quantiles.to(output.dtype)
        error = y[..., None] - output.view(*y.shape, -1)  # (batch, n_targets, n_parts)
        return torch.maximum(quantiles * error, (quantiles - 1) * error).mean(dim=-1)


class GaussianCRPS(nn.Module):
    """Continuous ranked probability score of normal distributions."""

    # E|Y - y| - E|Y - Y'| / 2 for independent Y and Y' of the distribution; a closed
    # form is in T. Gneiting and A. E. Raftery (2007). "Strictly Proper Scoring Rules,
    # Prediction, and Estimation". J. of the American Statistical Association 102.

    def forward(self, output: Tensor, y: Tensor) -> Tensor:
        """Return the score of each target, (batch, n_targets)."""
        mean, raw = output.view(*y.shape, 2).unbind(dim=-1)
        std = nn.functional.softplus(raw) + MIN_STD
        z = (y - mean) / std
        density = torch.exp(-0.5 * z**2) / math.sqrt(2 * math.pi)
        inside = torch.erf(z / math.sqrt(2))  # 2 * distribution - 1
        return std * (z * inside + 2 * density - 1 / math.sqrt(math.pi))


class Loss:
    """A loss whose net has one output for a target, or for a class."""

    n_parts = 1  # outputs of the net for a target
    n_located = 1  # how many of these, the first, are values of it
    meaning = "point forecasts"  # what they are

    def __init__(self, name: str) -> None:
        self.name = name

    def criterion(self) -> nn.Module:
        """Return the torch module of the loss."""
        return POINT_LOSSES[self.name](reduction="none")

    def center(self, parts: np.ndarray) -> np.ndarray:
        """Return the forecast of each target, (n_samples, n_targets)."""
        return parts[..., 0]

    def of_constant(self, y: np.ndarray, weight: np.ndarray) -> float:
        """Return the mean loss of the best outputs that are the same for all."""
        if self.name == "cross_entropy":
            share = np.bincount(y, weight) / weight.sum()
            outputs = np.log(np.maximum(share, np.finfo(np.float64).tiny))
        else:
            outputs = self._constant(y, weight).ravel()  # (n_targets * n_parts,)
        repeated = torch.as_tensor(outputs).expand(len(y), -1)
        losses = self.criterion()(repeated, torch.as_tensor(y)).reshape(len(y), -1)
        return float(np.average(losses.mean(dim=1).numpy(), weights=weight))

    def _constant(self, y: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """Return the best constant for each target."""
        if self.name == "absolute_error":
            return find_quantiles(y, 0.5, weight)
        return np.average(y, axis=0, weights=weight)

    def std(self, parts: np.ndarray) -> np.ndarray:
        """Return the standard deviation of each target, (n_samples, n_targets)."""
        raise ValueError(
            "return_std=True needs a net that was fitted with loss='gaussian'; this one"
            f" was fitted with loss={self.name!r}."
        )


class QuantileLoss(Loss):
    """The pinball loss, whose net has an output for each quantile."""

    def __init__(self, quantile: Any) -> None:
        super().__init__("quantile")
        with reading("quantile", "numbers between 0 and 1"):
            quantiles = np.atleast_1d(np.asarray(quantile, dtype=np.float64))
        if quantiles.ndim != 1 or not quantiles.size:
            raise ValueError(
                f"quantile is of shape {quantiles.shape}; expected a number between 0"
                " and 1, or a list of such numbers."
            )
        inside = (quantiles > 0) & (quantiles < 1)
        if not (inside.all() and (quantiles[1:] > quantiles[:-1]).all()):
            raise ValueError(
                f"quantile={quantiles.tolist()} is not understood; give a number"
                " between 0 and 1, or a list of such numbers in increasing order."
            )
        self.quantiles = quantiles.tolist()
        self.n_parts = self.n_located = len(self.quantiles)
        self.meaning = f"quantiles {self.quantiles}"

    def criterion(self) -> nn.Module:
        return Pinball(self.quantiles)

    def center(self, parts: np.ndarray) -> np.ndarray:
        """Return the median, between the two quantiles next to it."""
        parts = self.sort(parts)
        place = np.interp(0.5, self.quantiles, np.arange(self.n_parts))
        low = int(place)
        high = min(low + 1, self.n_parts - 1)
        return parts[..., low] + (place - low) * (parts[..., high] - parts[..., low])

    def _constant(self, y: np.ndarray, weight: np.ndarray) -> np.ndarray:
        return np.moveaxis(find_quantiles(y, self.quantiles, weight), 0, -1)

    def sort(self, parts: np.ndarray) -> np.ndarray:
        """Put crossing quantiles in order."""
        # Never makes their loss larger: V. Chernozhukov, I. Fernandez-Val and A.
        # Galichon (2010). "Quantile and Probability Curves Without Crossing".
        # Econometrica 78(3), 1093-1125.
        return np.sort(parts, axis=-1)


class GaussianLoss(Loss):
    """The score of a normal distribution, of which the net has mean and scale."""

    n_parts = 2
    meaning = "means and standard deviations"

    def criterion(self) -> nn.Module:
        return GaussianCRPS()

    def _constant(self, y: np.ndarray, weight: np.ndarray) -> np.ndarray:
        mean = np.average(y, axis=0, weights=weight)
        std = np.sqrt(np.average((y - mean) ** 2, axis=0, weights=weight)) + MIN_STD
        return np.stack([mean, std + np.log(-np.expm1(-std))], axis=-1)

    def std(self, parts: np.ndarray) -> np.ndarray:
        return np.logaddexp(0, parts[..., 1]) + MIN_STD


def find_quantiles(y: np.ndarray, q: Any, weight: np.ndarray) -> np.ndarray:
    """Return weighted quantiles of each target."""
    return np.quantile(y, q, axis=0, weights=weight, method="inverted_cdf")


def make_loss(name: str, quantile: Any = None) -> Loss:
    """Return the loss of a name."""
    if name == "quantile":
        return QuantileLoss(quantile)
    return GaussianLoss(name) if name == "gaussian" else Loss(name)
