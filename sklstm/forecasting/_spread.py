"""What a regressor says of the spread of the targets around its predictions."""

from __future__ import annotations

from inspect import signature
from statistics import NormalDist
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from .._compat import _safe_indexing


def predict_ends(model: Any, X: Any, share: float | bool) -> dict[str, np.ndarray]:
    """Predict ends of intervals, or quantiles, by name, each (n_samples, n_outputs).

    A share asks for intervals that hold it, and True for those that the model has.
    """
    if hasattr(model, "best_estimator_"):
        return predict_ends(model.best_estimator_, X, share)
    if isinstance(model, Pipeline):
        inputs = model[:-1].transform(X) if len(model) > 1 else X
        return predict_ends(model[-1], inputs, share)
    asked = None if isinstance(share, bool) else share
    if hasattr(model, "predict_interval"):
        has, chosen = _find(model, "coverage_"), {}
        takes_any = "coverage" in signature(model.predict_interval).parameters
        if takes_any and asked is None:
            return {}
        if takes_any:
            has, chosen = asked, {"coverage": asked}
        if asked is None or (has is not None and np.isclose(has, asked)):
            ends = np.asarray(model.predict_interval(X, **chosen))
            lower, upper = np.moveaxis(ends.reshape(len(ends), -1, 2), -1, 0)
            return {"lower": lower, "upper": upper}
        raise ValueError(
            f"interval={asked} is asked for, but the model has intervals of {has}: fit"
            " it with that coverage, or leave interval out."
        )
    method = find_method(model, "auto", _safe_indexing(X, [0]))
    if method == "quantiles":
        quantiles = np.asarray(model.predict_quantiles(X))
        quantiles = quantiles.reshape(len(quantiles), -1, quantiles.shape[-1])
        levels = np.ravel(_find(model, "quantile")).tolist()
        if len(levels) != quantiles.shape[-1]:  # it does not say which they are
            levels = [None] * quantiles.shape[-1]
        if asked is None:
            names = [f"q{i}" if q is None else f"{q:g}" for i, q in enumerate(levels)]
            return dict(zip(names, np.moveaxis(quantiles, -1, 0), strict=True))
        at = [
            [i for i, q in enumerate(levels) if q is not None and np.isclose(q, end)]
            for end in ((1 - asked) / 2, (1 + asked) / 2)
        ]
        if at[0] and at[1]:
            lower, upper = quantiles[..., at[0][0]], quantiles[..., at[1][0]]
            return {"lower": lower, "upper": upper}
        raise ValueError(
            f"interval={asked} needs the quantiles {(1 - asked) / 2:g} and"
            f" {(1 + asked) / 2:g}, but the model has {levels}: fit it with these in"
            " quantile, or leave interval out."
        )
    if asked is None:
        return {}
    if method == "residual":
        raise ValueError(
            f"interval={asked} is asked for, but {type(model).__name__} has none: put"
            " it into a ConformalRegressor, or leave interval out."
        )
    y, std = (np.asarray(part) for part in model.predict(X, return_std=True))
    y, radius = y.reshape(len(y), -1), NormalDist().inv_cdf((1 + asked) / 2) * std
    radius = radius.reshape(y.shape)
    return {"lower": y - radius, "upper": y + radius}


def find_share(model: Any) -> float | None:
    """Find the share that the intervals, or the outermost quantiles, shall hold."""
    if (coverage := _find(model, "coverage_")) is not None:
        return coverage
    levels = np.ravel(_find(model, "quantile"))
    return levels.max() - levels.min() if levels.dtype.kind == "f" else None


def _find(model: Any, name: str) -> Any:
    """Find an attribute of a regressor, or of the one inside it."""
    while model is not None and not hasattr(model, name):
        inner = model[-1] if isinstance(model, Pipeline) else None
        for kind in ("best_estimator_", "regressor_", "estimator_"):
            inner = getattr(model, kind, inner)
        model = inner
    return getattr(model, name, None)


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
