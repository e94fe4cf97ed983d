"""The LSTM that a fitted model ends in, and the sequences that it is given."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.compose import TransformedTargetRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import gen_batches
from sklearn.utils.validation import check_is_fitted

from .._base import BaseLSTM
from .._sequences import Sequences
from ..forecasting import AnchoredRegressor, ConformalRegressor

# Steps that are looked into together.
BATCH_STEPS = 1 << 14
# What hands X on as it is, and to which of its attributes.
_HANDS_ON = {
    ConformalRegressor: "estimator_",
    FrozenEstimator: "estimator",
    TransformedTargetRegressor: "regressor_",
}


def find_lstm(estimator: Any, X: Any) -> tuple[BaseLSTM, Sequences]:
    """Return the LSTM of a fitted model, and what it is given if that is given X."""
    check_is_fitted(estimator)
    if isinstance(estimator, BaseLSTM):
        return estimator, estimator._read_X(X)
    if hasattr(estimator, "best_estimator_"):
        return find_lstm(estimator.best_estimator_, X)
    if isinstance(estimator, Pipeline):
        X = estimator[:-1].transform(X) if len(estimator) > 1 else X
        return find_lstm(estimator[-1], X)
    if isinstance(estimator, AnchoredRegressor):
        return find_lstm(estimator.regressor_, estimator._prepare(X)[0])
    for kind, name in _HANDS_ON.items():
        if isinstance(estimator, kind):
            return find_lstm(getattr(estimator, name), X)
    raise ValueError(
        f"{type(estimator).__name__} does not end in an LSTM: expected an"
        " LSTMRegressor or LSTMClassifier, alone, at the end of a Pipeline, in an"
        " AnchoredRegressor, ConformalRegressor, TransformedTargetRegressor or"
        " FrozenEstimator, or in a search with refit=True."
    )


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
