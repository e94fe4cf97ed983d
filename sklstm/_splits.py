"""Which samples train, and which later ones validate or calibrate."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.utils.validation import _num_samples

from ._sequences import Sequences

# A share of 0.1 of 30 is 3, though 0.1 * 30 is a little more.
ROUNDING = 1e-9


def split_validation(
    sequences: Sequences,
    fraction: float,
    *,
    stratify: np.ndarray | None = None,
    random_state: Any = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Choose sequences to validate on, later than those to train on.

    Independent sequences are shuffled. Of windows over series the last
    `fraction` of each series validates, and those windows are left out that
    hold steps from both sides of the border. Where that would cost more than
    half of what was to train, as in series hardly longer than their windows,
    only what holds the last step of a validation window is left out; or, if
    nothing says which windows are of one series, a random `fraction` of such
    series validates, each as a whole.

    Parameters
    ----------
    sequences : Sequences
        All the sequences. Those of one group are a series; without groups,
        those that are linked by common steps.

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
    groups = sequences.groups
    known = groups is not None
    series = overlap_runs(sequences) if groups is None else groups
    _, first, series, counts = np.unique(
        series, return_index=True, return_inverse=True, return_counts=True
    )
    ends = sequences.starts + sequences.lengths
    # A repeated sequence is linked to itself, but that makes it no window.
    if _is_constant(sequences.starts, series, first) and _is_constant(
        ends, series, first
    ):
        labels = None if stratify is None else stratify[first]
        held_out = _choose(len(first), fraction, labels, random_state)
        valid = np.isin(series, held_out)
        return np.flatnonzero(~valid), np.flatnonzero(valid)
    n_valid = np.ceil(fraction * counts).astype(np.int64)
    if known:  # of many short series not one each, but the fraction of them all
        total = np.ceil(fraction * np.cumsum(counts) - ROUNDING).astype(np.int64)
        n_valid = np.minimum(np.diff(total, prepend=0), counts - 1)
        if not n_valid.any():
            n_valid[counts.argmax()] = 1
    valid = _last(ends, series, counts, n_valid)
    train = ~valid & (ends <= _earliest(sequences.starts, valid, series))
    n_left = np.bincount(series[train], minlength=len(counts))
    short = n_left < (1 - fraction) * counts / 2
    if known:
        before = ~valid & (ends < _earliest(ends, valid, series))
        train = np.where(short[series], before, train)
    elif short.sum() > 1:
        chosen = _choose(short.sum(), fraction, None, random_state)
        held_out = np.isin(series, np.flatnonzero(short)[chosen])
        valid = np.where(short[series], held_out, valid)
        train = np.where(short[series], ~held_out, train)
    if not train.any():
        raise ValueError(
            f"validation_fraction={fraction} of {len(sequences)} overlapping windows"
            f" of up to {sequences.shape[1]} steps leaves none for training: give"
            " more rows, a shorter sequence_length or"
            " early_stopping=False."
        )
    return np.flatnonzero(train), np.flatnonzero(valid)


def split_last(X: Any, fraction: float, gap: int) -> tuple[np.ndarray, np.ndarray]:
    """Cut off the last samples, of each series if X says which these are.

    Parameters
    ----------
    X : Sequences, array-like or list of array-like
        Samples in order of time.

    fraction : float
        Share that is cut off, up to 1; of many series it is the share of them all.

    gap : int
        Number of samples of a series before the cut that are left out.

    Returns
    -------
    first : ndarray of int
        Positions of the samples before, in ascending order.

    last : ndarray of int
        Positions of those cut off, from the oldest to the newest: the more of its
        series follow, the older is a sample.
    """
    n = _num_samples(X)
    series, time = np.zeros(n, dtype=np.int64), np.arange(n)
    if isinstance(X, Sequences) and X.groups is not None:
        series = np.unique(X.groups, return_inverse=True)[1]
        time = X.starts + X.lengths
    counts = np.bincount(series)
    total = np.ceil(fraction * np.cumsum(counts) - ROUNDING).astype(np.int64)
    n_last = np.diff(total, prepend=0)
    order = np.lexsort((time, series))
    age = np.empty(n, dtype=np.int64)  # how many of its series follow
    age[order] = np.repeat(np.cumsum(counts), counts) - 1 - np.arange(n)
    n_kept_off = np.where(n_last > 0, n_last + gap, 0)
    last = np.flatnonzero(age < n_last[series])
    last = last[np.argsort(-age[last], kind="stable")]
    return np.flatnonzero(age >= n_kept_off[series]), last


def sorting(values: np.ndarray) -> np.ndarray | slice:
    """Return what puts values in order; no copy is made where they are."""
    if (values[1:] >= values[:-1]).all():
        return slice(None)
    return np.argsort(values, kind="stable")


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
    order = sorting(sequences.starts)
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


def _last(
    ends: np.ndarray, series: np.ndarray, counts: np.ndarray, n_last: np.ndarray
) -> np.ndarray:
    """Mark the last `n_last` sequences of each series."""
    order = np.lexsort((ends, series))  # by series, then in time
    rank = np.empty(len(series), dtype=np.int64)
    rank[order] = np.arange(len(series)) - np.repeat(np.cumsum(counts) - counts, counts)
    return rank >= (counts - n_last)[series]


def _earliest(values: np.ndarray, chosen: np.ndarray, series: np.ndarray) -> np.ndarray:
    """The least of those values that are chosen in the series of each sequence."""
    least = np.full(series.max() + 1, np.iinfo(np.int64).max)
    np.minimum.at(least, series[chosen], values[chosen])
    return least[series]
