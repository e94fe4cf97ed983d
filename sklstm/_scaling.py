"""The scale of features and targets."""

from __future__ import annotations

import numpy as np
from sklearn.preprocessing import StandardScaler
from sklearn.utils import gen_batches

from ._anchor import change_coverage
from ._batches import Samples

# Rows that are looked at together: in all at once the scaler takes several tables.
BLOCK = 1 << 16


def make_scaler() -> StandardScaler:
    """Return a scaler of arrays, whatever container is configured globally."""
    return StandardScaler().set_output(transform="default")


def fit_scaler(
    samples: Samples, untouched: list[int], changing: list[int]
) -> StandardScaler:
    """Fit to the steps of the samples, each with the weights of its sequences.

    Parameters
    ----------
    samples : Samples
        The training data.

    untouched : list of int
        Positions of features that scaling must leave as they are.

    changing : list of int
        Positions of features that get the scale of their changes.

    Returns
    -------
    scaler : StandardScaler
        Fitted to the features of a step.
    """
    sequences = samples.sequences.compact()
    scaler = _fit_blocks(sequences.steps, sequences.coverage(samples.weight))
    if changing:
        weights = change_coverage(sequences, samples.weight)
        changes = np.diff(sequences.steps[:, changing], axis=0, prepend=0.0)
        if weights.any():
            of_changes = _fit_blocks(changes, weights)
            scaler.var_[changing] = of_changes.var_
            scaler.scale_[changing] = of_changes.scale_
    scaler.mean_[untouched] = 0.0
    scaler.var_[untouched] = scaler.scale_[untouched] = 1.0
    return scaler


def _fit_blocks(table: np.ndarray, weights: np.ndarray) -> StandardScaler:
    scaler = make_scaler()
    for block in gen_batches(len(weights), BLOCK):
        if weights[block].any():
            scaler.partial_fit(table[block], sample_weight=weights[block])
    return scaler
