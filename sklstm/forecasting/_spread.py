"""What a regressor says of the spread of the targets around its predictions."""

from __future__ import annotations

from inspect import signature
from typing import Any

import numpy as np


def find_method(estimator: Any, method: str, X: Any) -> str:
    """Find out what a fitted regressor offers."""
    if method != "auto":
        return method
    if hasattr(estimator, "predict_quantiles"):
        quantiles = np.asarray(estimator.predict_quantiles(X))
        if quantiles.shape[-1] > 1:
            return "quantiles"
    return "std" if _offers_std(estimator, X) else "residual"


def predict_spread(estimator: Any, method: str, X: Any, n_outputs: int) -> tuple:
    """Predict what intervals are made of: center ± (base + unit * threshold)."""
    if method == "quantiles":
        quantiles = _predict_quantiles(estimator, X, n_outputs)
        low, high = quantiles[..., 0], quantiles[..., -1]
        return (low + high) / 2, (high - low) / 2, np.ones_like(low)
    if method == "residual":
        center = _per_output(estimator.predict(X), n_outputs)
        return center, np.zeros_like(center), np.ones_like(center)
    try:
        predicted = estimator.predict(X, return_std=True)
    except TypeError as error:
        raise ValueError(
            "method='std' needs an estimator that takes predict(X, return_std=True);"
            f" {type(estimator).__name__} does not: give another method. {error}"
        ) from error
    center, unit = (_per_output(values, n_outputs) for values in predicted)
    return center, np.zeros_like(center), unit


def _offers_std(estimator: Any, X: Any) -> bool:
    if "return_std" not in signature(estimator.predict).parameters:
        return False
    try:
        std = estimator.predict(X, return_std=True)[1]
    except (TypeError, ValueError):  # an LSTMRegressor has it with one loss only
        return False
    return bool((np.asarray(std) > 0).all())  # a DummyRegressor says 0


def _predict_quantiles(estimator: Any, X: Any, n_outputs: int) -> np.ndarray:
    """Quantiles of shape (n_samples, n_outputs, n_quantiles)."""
    if not hasattr(estimator, "predict_quantiles"):
        raise ValueError(
            "method='quantiles' needs an estimator with predict_quantiles;"
            f" {type(estimator).__name__} has none: give another method."
        )
    quantiles = np.asarray(estimator.predict_quantiles(X), dtype=np.float64)
    quantiles = quantiles[:, None] if quantiles.ndim == 2 else quantiles
    if quantiles.ndim != 3 or quantiles.shape[1] != n_outputs:
        raise ValueError(
            f"The estimator predicts quantiles of shape {quantiles.shape} for"
            f" {n_outputs} output(s); expected (n_samples, n_outputs, n_quantiles)."
        )
    if quantiles.shape[2] < 2:
        raise ValueError(
            "The estimator predicts 1 quantile; expected at least 2, such as 0.05 and"
            " 0.95."
        )
    return quantiles


def _per_output(values: Any, n_outputs: int) -> np.ndarray:
    """Predictions of shape (n_samples, n_outputs)."""
    values = np.asarray(values, dtype=np.float64)
    flat = values.reshape(len(values), -1)
    if flat.shape[1] != n_outputs:
        raise ValueError(
            f"The estimator predicts an array of shape {values.shape} for"
            f" {n_outputs} output(s); expected one value for each."
        )
    return flat
