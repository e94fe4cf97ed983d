"""Which sequences train and which validate, so that the two share no step."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.model_selection import train_test_split

from ._sequences import Sequences


def split_validation(
    sequences: Sequences,
    fraction: float,
    *,
    stratify: np.ndarray | None = None,
    random_state: Any = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Choose training and validation sequences that have no step in common.

    Independent sequences are shuffled. Of overlapping windows the last
    `fraction` of each series validates, and those windows are left out that
    hold steps from both sides of the border.

    Parameters
    ----------
    sequences : Sequences
        All the sequences.

    fraction : float
        Share of the sequences that validate, between 0 and 1.

    stratify : ndarray of shape (n_sequences,), default=None
        Class labels whose shares are kept; ignored for overlapping windows.

    random_state : int, RandomState or None, default=None
        For the shuffle; ignored for overlapping windows.

    Returns
    -------
    train, valid : ndarray of int
        Positions in `sequences`, each in ascending order if overlapping.

    Raises
    ------
    ValueError
        If too few sequences are left on either side.
    """
    series = overlap_runs(sequences)
    if len(np.unique(series)) == len(series):
        everything = np.arange(len(sequences))
        return tuple(
            train_test_split(
                everything,
                test_size=fraction,
                stratify=stratify,
                random_state=random_state,
            )
        )
    return _split_in_time(sequences, series, fraction)


def overlap_runs(sequences: Sequences) -> np.ndarray:
    """Number the series: sequences that are linked by common steps are of one.

    Parameters
    ----------
    sequences : Sequences
        All the sequences.

    Returns
    -------
    series : ndarray of shape (n_sequences,)
        From 0, in order of position on the table.
    """
    order = np.argsort(sequences.starts, kind="stable")
    starts = sequences.starts[order]
    reached = np.maximum.accumulate(starts + sequences.lengths[order])
    begins = np.r_[False, starts[1:] >= reached[:-1]]
    series = np.empty(len(sequences), dtype=np.int64)
    series[order] = np.cumsum(begins)
    return series


def _split_in_time(
    sequences: Sequences, series: np.ndarray, fraction: float
) -> tuple[np.ndarray, np.ndarray]:
    ends = sequences.starts + sequences.lengths
    order = np.lexsort((ends, series))  # by series, then in time
    counts = np.bincount(series)
    rank = np.empty(len(series), dtype=np.int64)
    rank[order] = np.arange(len(series)) - np.repeat(np.cumsum(counts) - counts, counts)
    n_valid = np.ceil(fraction * counts).astype(np.int64)
    valid = rank >= (counts - n_valid)[series]
    border = np.full(len(counts), np.iinfo(np.int64).max)  # first row to validate
    np.minimum.at(border, series[valid], sequences.starts[valid])
    train = ~valid & (ends <= border[series])
    if not train.any():
        raise ValueError(
            f"validation_fraction={fraction} of {len(sequences)} overlapping windows"
            f" of up to {sequences.shape[1]} steps leaves none for training: give more"
            " rows, a shorter sequence_length or early_stopping=False."
        )
    return np.flatnonzero(train), np.flatnonzero(valid)
