"""The validation split: nothing that trains is seen by what validates."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from sklstm import Sequences
from sklstm._splits import overlap_runs, split_validation


def windows(n_rows, length):
    """Windows over several series that lie one after the other in one table."""
    starts, ends, begin = [], [], 0
    for n in n_rows:
        for t in range(n):
            starts.append(begin + max(0, t + 1 - length))
            ends.append(begin + t + 1)
        begin += n
    lengths = np.subtract(ends, starts)
    return Sequences(np.arange(float(begin))[:, None], starts, lengths)


def rows_of(sequences):
    return {float(v) for sequence in sequences for v in sequence.ravel()}


@given(
    n_rows=st.lists(st.integers(5, 40), min_size=1, max_size=4),
    length=st.integers(2, 5),
    fraction=st.floats(0.05, 0.5),
    seed=st.integers(0, 9),
)
def test_overlapping_windows_are_split_in_time(n_rows, length, fraction, seed):
    ordered = windows(n_rows, length)
    shuffled = np.random.default_rng(seed).permutation(len(ordered))
    sequences = ordered[shuffled]
    # The first of the windows that validate must leave a window before it.
    assume(any(n - np.ceil(fraction * n) >= length for n in n_rows))
    train, valid = split_validation(sequences, fraction)
    assert not rows_of(sequences[train]) & rows_of(sequences[valid])
    assert len(np.intersect1d(train, valid)) == 0
    series = np.repeat(np.arange(len(n_rows)), n_rows)[shuffled]
    for k, n in enumerate(n_rows):
        ends = (sequences.starts + sequences.lengths)[valid][series[valid] == k]
        last = np.ceil(fraction * n).astype(int)
        assert_array_equal(np.sort(ends), sum(n_rows[: k + 1]) - np.arange(last)[::-1])


@given(n=st.integers(10, 60), length=st.integers(1, 4), fraction=st.floats(0.1, 0.5))
def test_only_what_straddles_the_border_is_left_out(n, length, fraction):
    sequences = windows([n], length)
    if length == 1:
        return
    train, valid = split_validation(sequences, fraction)
    border = sequences.starts[valid].min()
    ends = sequences.starts + sequences.lengths
    assert_array_equal(train, np.flatnonzero(ends <= border))


def test_independent_sequences_are_shuffled_and_stratified():
    sequences = windows([1] * 100, 1)
    labels = np.repeat([0, 1], [80, 20])
    train, valid = split_validation(sequences, 0.2, stratify=labels, random_state=0)
    assert_array_equal(np.sort(np.r_[train, valid]), np.arange(100))
    assert_array_equal(np.bincount(labels[valid]), [16, 4])
    assert (np.diff(train) < 0).any()


def test_too_short_a_series_says_so():
    with pytest.raises(ValueError, match="leaves none for training"):
        split_validation(windows([10], 10), 0.1)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.integers(2, 4))
def test_series_are_found_from_what_overlaps(n_rows, length):
    sequences = windows(n_rows, length)
    assert_array_equal(overlap_runs(sequences), np.repeat(range(len(n_rows)), n_rows))
