"""The LSTM that a fitted model ends in, and the sequences that it is given."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.compose import TransformedTargetRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV
from sklearn.pipeline import Pipeline
from sklearn.utils import gen_batches
from sklearn.utils.validation import check_is_fitted

from .._base import BaseLSTM
from .._sequences import Sequences
from ..forecasting import AnchoredRegressor, ConformalRegressor

# Steps that are looked into together.
BATCH_STEPS = 1 << 14
# What holds one model, and in which attribute.
_INNER = {
    AnchoredRegressor: "regressor_",
    ConformalRegressor: "estimator_",
    FixedThresholdClassifier: "estimator_",
    FrozenEstimator: "estimator",
    TransformedTargetRegressor: "regressor_",
    TunedThresholdClassifierCV: "estimator_",
}


def step_into(estimator: Any) -> Any:
    """Return the model that a fitted one ends in."""
    check_is_fitted(estimator)
    if hasattr(estimator, "best_estimator_"):
        return estimator.best_estimator_
    if isinstance(estimator, Pipeline):
        return estimator[-1]
    for kind, name in _INNER.items():
        if isinstance(estimator, kind):
            return getattr(estimator, name)
    raise ValueError(
        f"{type(estimator).__name__} does not end in an LSTM: expected an"
        " LSTMRegressor or LSTMClassifier, alone, at the end of a Pipeline, in a"
        f" search with refit=True, or in one of {[kind.__name__ for kind in _INNER]}."
    )


def find_lstm(estimator: Any, X: Any) -> tuple[BaseLSTM, Sequences]:
    """Return the LSTM of a fitted model, and what it is given if that is given X."""
    if isinstance(estimator, BaseLSTM):
        return estimator, estimator._read_X(X)
    inner = step_into(estimator)
    if isinstance(estimator, Pipeline) and len(estimator) > 1:
        X = estimator[:-1].transform(X)
    elif isinstance(estimator, AnchoredRegressor):
        X = estimator._prepare(X)[0]
    return find_lstm(inner, X)


def separate(sequences: Sequences) -> Sequences:
    """Put sequences on a table on which each has rows of its own, in their order."""
    if sequences.whole:
        n, length, _ = sequences.shape
        raise ValueError(
            f"X is {n} whole histories of up to {length} steps, too many to look at"
            " each: keep the last steps of each, X.tail(n_steps)."
        )
    lengths = sequences.lengths.astype(np.int64)
    starts = np.cumsum(lengths) - lengths
    rows = np.arange(lengths.sum()) + np.repeat(sequences.starts - starts, lengths)
    return Sequences(
        sequences.steps[rows],
        *(starts, lengths),
        feature_names=sequences.feature_names,
        categories=sequences.categories,
    )


def in_batches(sequences: Sequences) -> Iterator[Sequences]:
    """Yield some sequences at a time, each with rows of its own."""
    size = max(BATCH_STEPS // sequences.shape[1], 1)
    return (separate(sequences[part]) for part in gen_batches(len(sequences), size))


def feature_names(sequences: Sequences) -> list[str]:
    """Return the names of features, or those that scikit-learn gives them."""
    names = sequences.feature_names
    return [f"x{i}" for i in range(sequences.shape[2])] if names is None else [*names]


def name_score(estimator: Any, scoring: Any) -> str:
    """Name what scores an estimator; None is its `score`."""
    if isinstance(estimator, FrozenEstimator):
        return name_score(estimator.estimator, scoring)
    if scoring is None and hasattr(estimator, "best_estimator_"):
        scoring = estimator.scoring  # a search scores by its own
        if getattr(estimator, "multimetric_", False):
            refit = estimator.refit
            scoring = scoring[refit] if isinstance(scoring, dict) else refit
    if scoring is None:
        return "accuracy" if is_classifier(estimator) else "R²"
    name = "R²" if scoring == "r2" else getattr(scoring, "__name__", scoring)
    return name if isinstance(name, str) else "score"


def padded(rows: list[np.ndarray], lengths: np.ndarray) -> np.ndarray:
    """Return rows of sequences, (n_rows, ...), as (n_sequences, n_timesteps, ...)."""
    table = np.concatenate(rows)
    steps = table.reshape(len(table), -1)
    sequences = Sequences(steps, np.cumsum(lengths) - lengths, lengths)
    n_sequences, n_timesteps, _ = sequences.shape
    return sequences.padded().reshape(n_sequences, n_timesteps, *table.shape[1:])
