"""Features that hold ids: which they are, and whether their values can be ids."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._sequences import Sequences

# Up to here every whole number is a float32 of its own.
MAX_IDS = 1 << 24


def find_categorical(
    categorical_features: Any,
    embedding_size: int | None,
    n_features: int,
    names: Any = None,
) -> list[int]:
    """Find the features of a step that hold ids.

    Parameters
    ----------
    categorical_features : array-like of int, str or bool, or None
        Positions, names or a mask; None means all if `embedding_size` is given
        and X has one feature, and else none.

    embedding_size : int or None
        As given to the estimator.

    n_features : int
        Number of features of a step.

    names : array-like of str, default=None
        Names of the columns of X, if it has any.

    Returns
    -------
    positions : list of int
        In increasing order.
    """
    if categorical_features is None:
        if embedding_size is not None and n_features > 1:
            raise ValueError(
                f"embedding_size={embedding_size} makes ids of the only feature of a"
                f" step, but X has {n_features} features; name those that hold ids in"
                " categorical_features."
            )
        return [] if embedding_size is None else [0]
    chosen = np.asarray(categorical_features)
    kind = chosen.dtype.kind
    if chosen.ndim == 1 and all(isinstance(item, str) for item in chosen):
        kind = "U"  # pandas holds strings as objects
    if chosen.ndim != 1 or kind not in "iubU":
        raise ValueError(
            f"categorical_features is of shape {chosen.shape} and {chosen.dtype};"
            " expected a list of positions, a list of names, or a mask of booleans."
        )
    if not chosen.size:
        return []
    if kind == "U":
        return _positions_of(chosen, n_features, names)
    if kind == "b":
        if len(chosen) != n_features:
            raise ValueError(
                f"categorical_features is a mask of {len(chosen)} values, but a step"
                f" has {n_features} features; give one value for each."
            )
        return np.flatnonzero(chosen).tolist()
    positions = np.unique(chosen).tolist()
    for position in positions:
        if not 0 <= position < n_features:
            raise ValueError(
                f"categorical_features has the position {position}, but a step has"
                f" {n_features} features; give positions from 0 to {n_features - 1}."
            )
    return positions


def _positions_of(chosen: np.ndarray, n_features: int, names: Any) -> list[int]:
    if names is None:
        raise ValueError(
            f"categorical_features={chosen.tolist()} are names, but the features of X"
            " had none in fit; give positions or a mask."
        )
    names = list(names)
    if len(names) != n_features:
        raise ValueError(
            f"categorical_features={chosen.tolist()} are names, but the {len(names)}"
            f" columns of X are steps of {n_features} feature(s) each; give positions"
            " within a step, or a mask."
        )
    for name in chosen:
        if name not in names:
            raise ValueError(
                f"categorical_features has the name {str(name)!r}, which is not a"
                f" feature of X; the features are {names}."
            )
    return [position for position, name in enumerate(names) if name in chosen]


def check_ids(
    sequences: Sequences, positions: list[int], n_ids: list[int] | None = None
) -> None:
    """Raise if a feature that should hold ids has a step that does not.

    Parameters
    ----------
    sequences : Sequences
        Of finite values; rows of the table that no sequence holds may be anything.

    positions : list of int
        The features that hold ids.

    n_ids : list of int, default=None
        Number of ids that fit has seen of each, the largest plus 1; None in fit.
    """
    if not positions:
        return
    values = sequences.steps[:, positions]  # (n_steps_total, n_positions)
    # An array, for the limit as a number would have to fit into a float16.
    bad = values >= np.array([MAX_IDS] if n_ids is None else n_ids)
    if values.dtype.kind == "f":
        bad |= values != np.floor(values)
    bad[sequences.coverage() == 0] = False
    if not bad.any():
        return
    row, k = np.argwhere(bad)[0]
    value, feature = float(values[row, k]), positions[k]
    if value % 1:
        advice = "Ids are whole numbers, negative ones for unknown: encode categories"
    elif n_ids is None:
        advice = f"Ids must be below {MAX_IDS}: number the categories from 0 on"
    else:
        advice = f"The largest in fit was {n_ids[k] - 1}: encode unknown ones as -1"
    ends = sequences.starts + sequences.lengths
    i = ((sequences.starts <= row) & (row < ends)).argmax()
    names = sequences.feature_names
    raise ValueError(
        f"Input X contains the id {value:.15g}: sequence {i}, step"
        f" {row - sequences.starts[i]}, feature"
        f" {feature if names is None else repr(names[feature])}. {advice}, as"
        " SequenceEncoder does, or"
        " OrdinalEncoder(handle_unknown='use_encoded_value', unknown_value=-1)."
    )


def count_ids(sequences: Sequences, positions: list[int]) -> list[int]:
    """Count the ids from 0 to the largest.

    Parameters
    ----------
    sequences : Sequences
        Checked by `check_ids`.

    positions : list of int
        The features that hold ids.

    Returns
    -------
    n_ids : list of int
        Of each of these features; at least 1, for padding reads as id 0.
    """
    if not positions:
        return []
    largest = sequences.compact().steps[:, positions].max(axis=0)
    return [max(int(value), 0) + 1 for value in largest]
