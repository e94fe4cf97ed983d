"""The linear path of the net, which begins as a ridge regression."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from sklearn.linear_model import RidgeCV

from ._batches import BatchDataset

# Sequences that the regression is fitted to, at most; more hardly change it.
MAX_SEQUENCES = 1 << 13
# Penalties to choose from, for each sequence.
PENALTIES = np.logspace(-6, 1, 15)
# Sequences that are looked at together.
SIZE = 1024


@torch.no_grad()
def fit_line(module: Any, data: BatchDataset, n_parts: int, n_located: int) -> None:
    """Set the linear path to a ridge regression, and let the net begin from there."""
    # Its penalty is chosen by leaving each sequence out in turn, in closed form.
    every = -(-len(data) // MAX_SEQUENCES)
    parts, chosen = [], []
    for inputs, targets in data.thinned(SIZE, every):
        x, at = inputs["x"], inputs.get("at")
        at = module.ends(x, inputs.get("lengths")) if at is None else at
        parts.append(module.linear_inputs(module.numbers(x), module.last(x, at), *at))
        chosen.append(targets)
    rows = torch.cat(chosen)
    y = data.y[rows].numpy(force=True)  # (n_sequences, n_targets)
    weight = np.ones(len(y))
    if data.weight is not None:
        weight = data.weight[rows].numpy(force=True)
    X = torch.cat(parts).numpy(force=True)
    # A sequence that is there twice must be left out twice at once.
    X, y, weight = merge(X, y, weight)
    line = RidgeCV(weight.sum() * PENALTIES, alpha_per_target=y.shape[1] > 1)
    with np.errstate(divide="ignore", invalid="ignore"):  # one sequence left out of one
        line.fit(X, y, weight)
    coef, intercept = (
        torch.as_tensor(values).to(module.skip.weight)
        for values in (np.atleast_2d(line.coef_), np.atleast_1d(line.intercept_))
    )
    # Of the outputs for a target some are located where it is, others are scales.
    located = torch.zeros(len(coef), n_parts, 1).to(coef)
    located[:, :n_located] = 1
    module.skip.weight.copy_((located * coef[:, None]).flatten(end_dim=1))
    module.head.bias.copy_((located[..., 0] * intercept[:, None]).flatten())
    module.head.weight.zero_()


def merge(X: np.ndarray, y: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, ...]:
    """Add up the weights of equal rows."""
    table = np.column_stack([X, y]).astype(np.float64)
    as_bytes = table.view(f"V{table.shape[1] * table.itemsize}").ravel()
    _, first, inverse = np.unique(as_bytes, return_index=True, return_inverse=True)
    merged = table[first]
    return (
        merged[:, : X.shape[1]],
        merged[:, X.shape[1] :],
        np.bincount(inverse, weight),
    )
