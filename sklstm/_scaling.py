"""The scale of features and targets."""

from __future__ import annotations

from sklearn.preprocessing import StandardScaler
from sklearn.utils import gen_batches

from ._batches import Samples

# Rows that are looked at together: in all at once the scaler takes several tables.
BLOCK = 1 << 16


def make_scaler() -> StandardScaler:
    """Return a scaler of arrays, whatever container is configured globally."""
    return StandardScaler().set_output(transform="default")


def fit_scaler(samples: Samples, untouched: list[int]) -> StandardScaler:
    """Fit to the steps of the samples, each with the weights of its sequences.

    Parameters
    ----------
    samples : Samples
        The training data.

    untouched : list of int
        Positions of features that scaling must leave as they are.

    Returns
    -------
    scaler : StandardScaler
        Fitted to the features of a step.
    """
    sequences = samples.sequences.compact()
    table, weights = sequences.steps, sequences.coverage(samples.weight)
    scaler = make_scaler()
    for block in gen_batches(len(weights), BLOCK):
        if weights[block].any():
            scaler.partial_fit(table[block], sample_weight=weights[block])
    scaler.mean_[untouched] = 0.0
    scaler.var_[untouched] = scaler.scale_[untouched] = 1.0
    return scaler
