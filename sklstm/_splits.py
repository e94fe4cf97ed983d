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
    hold steps from both sides of the border. Where that would cost more than
    half of what was to train, as in series hardly longer than their windows, a
    random `fraction` of such series validates, each as a whole.

    Parameters
    ----------
    sequences : Sequences
        All the sequences. Those that are linked by common steps are a series.

    fraction : float
        Share of the sequences that validate, between 0 and 1.

    stratify : ndarray of shape (n_sequences,), default=None
        Class labels whose shares are kept; ignored for overlapping windows.

    random_state : int, RandomState or None, default=None
        For the shuffle; ignored for series that are split in time.

    Returns
    -------
    train, valid : ndarray of int
        Positions in `sequences`, in ascending order.

    Raises
    ------
    ValueError
        If too few sequences are left on either side.
    """
    series = overlap_runs(sequences)
    _, first, counts = np.unique(series, return_index=True, return_counts=True)
    ends = sequences.starts + sequences.lengths
    # A repeated sequence is linked to itself, but that makes it no window.
    if _is_constant(sequences.starts, series, first) and _is_constant(
        ends, series, first
    ):
        labels = None if stratify is None else stratify[first]
        held_out = _choose(len(first), fraction, labels, random_state)
        valid = np.isin(series, held_out)
        return np.flatnonzero(~valid), np.flatnonzero(valid)
    train, valid = _split_in_time(sequences.starts, ends, series, counts, fraction)
    n_left = np.bincount(series[train], minlength=len(counts))
    short = np.flatnonzero(n_left < (1 - fraction) * counts / 2)
    if len(short) > 1:
        held_out = short[_choose(len(short), fraction, None, random_state)]
        whole = np.isin(series, short)
        valid = np.where(whole, np.isin(series, held_out), valid)
        train = np.where(whole, ~valid, train)
    if not train.any():
        raise ValueError(
            f"validation_fraction={fraction} of {len(sequences)} overlapping windows"
            f" of up to {sequences.shape[1]} steps leaves none for training: give"
            " more rows, a shorter sequence_length or"
            " early_stopping=False."
        )
    return np.flatnonzero(train), np.flatnonzero(valid)


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


def _is_constant(values: np.ndarray, series: np.ndarray, first: np.ndarray) -> bool:
    """Whether the values are the same throughout each series."""
    return bool((values == values[first][series]).all())


def _choose(
    n: int, fraction: float, labels: np.ndarray | None, random_state: Any
) -> np.ndarray:
    """Choose a random fraction of n, at least one."""
    try:
        return train_test_split(
            np.arange(n),
            test_size=fraction,
            stratify=labels,
            random_state=random_state,
        )[1]
    except ValueError as error:
        raise ValueError(
            f"validation_fraction={fraction} of {n} sequences cannot be held out; give"
            f" more sequences, another fraction or early_stopping=False. {error}"
        ) from error


def _split_in_time(
    starts: np.ndarray,
    ends: np.ndarray,
    series: np.ndarray,
    counts: np.ndarray,
    fraction: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Masks of what ends before the border of its series, and of what lies after."""
    order = np.lexsort((ends, series))  # by series, then in time
    rank = np.empty(len(series), dtype=np.int64)
    rank[order] = np.arange(len(series)) - np.repeat(np.cumsum(counts) - counts, counts)
    n_valid = np.ceil(fraction * counts).astype(np.int64)
    valid = rank >= (counts - n_valid)[series]
    border = np.full(len(counts), np.iinfo(np.int64).max)  # first row to validate
    np.minimum.at(border, series[valid], starts[valid])
    return ~valid & (ends <= border[series]), valid
