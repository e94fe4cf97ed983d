"""The validation split: nothing that trains is seen by what validates."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from sklstm import Sequences, SequenceWindower
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
    # Every series leaves half of its windows, or some would be held out whole.
    last = [np.ceil(fraction * n) for n in n_rows]
    lost = length - 1
    assume(
        all(
            n - k - lost >= (1 - fraction) * n / 2
            for n, k in zip(n_rows, last, strict=True)
        )
    )
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


@given(
    st.integers(2, 12), st.floats(0.1, 0.9), st.floats(0.05, 0.3), st.integers(0, 99)
)
def test_any_part_of_the_windows_is_split_in_fair_shares(length, share, fraction, seed):
    rng = np.random.default_rng(seed)
    chosen = np.flatnonzero(rng.random(1000) < share)
    sequences = windows([1000], length)[chosen]
    train, valid = split_validation(sequences, fraction, random_state=0)
    assert not rows_of(sequences[train]) & rows_of(sequences[valid])
    assert fraction / 2 < len(valid) / len(chosen) < 2 * fraction + 0.1
    assert len(train) / len(chosen) > (1 - fraction) / 2


@given(
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=4),
    length=st.integers(1, 15),
    fraction=st.floats(0.05, 0.5),
    share=st.floats(0.3, 1),
    seed=st.integers(0, 99),
)
def test_the_last_of_each_known_series_validates(sizes, length, fraction, share, seed):
    rng = np.random.default_rng(seed)
    names = np.repeat(np.arange(len(sizes)), sizes)
    times = np.concatenate([rng.choice(3 * n, n, replace=False) for n in sizes])
    table = np.column_stack([names, times, np.arange(len(names))])
    some = rng.permutation(len(names))[: max(2, int(share * len(names)))]
    sequences = SequenceWindower(length, group=0, time=1, max_gap=np.inf)
    sequences = sequences.fit_transform(table)[some]
    names, times = names[some], times[some]
    assume(np.bincount(names).max() > 1)
    train, valid = split_validation(sequences, fraction, random_state=0)
    rows = [set(window[:, 0]) for window in sequences]
    n_before, sizes, n_valids = 0, np.bincount(names), []
    for n in sizes[sizes > 0]:
        upto = [int(np.ceil(fraction * k - 1e-9)) for k in (n_before, n_before + n)]
        n_valids.append(min(n - 1, upto[1] - upto[0]))
        n_before += n
    if not any(n_valids):
        n_valids[sizes[sizes > 0].argmax()] = 1
    for name, n_valid in zip(np.unique(names), n_valids, strict=True):
        in_time = sorted(np.flatnonzero(names == name), key=times.__getitem__)
        n = len(in_time)
        first, last = in_time[: n - n_valid], in_time[n - n_valid :]
        held = set().union(*[rows[i] for i in last])
        apart = [i for i in first if not rows[i] & held]
        targets = set(some[last])
        assert not any(rows[i] & targets for i in first)
        expected = apart if len(apart) >= (1 - fraction) * n / 2 else first
        assert set(train) & set(in_time) == set(expected)
        assert set(valid) & set(in_time) == set(last)


def test_the_fraction_is_that_of_all_series_together():
    table = np.column_stack([np.repeat(np.arange(100), 3), np.arange(300)])
    windows = SequenceWindower(2, group=0).fit_transform(table)
    train, valid = split_validation(windows, 0.1)
    assert len(valid) == 30
    assert (valid % 3 == 2).all()
    assert len(train) > 200


def test_series_hardly_longer_than_their_windows_validate_whole():
    sequences = windows([12] * 50, 10)
    train, valid = split_validation(sequences, 0.1, random_state=0)
    series = np.repeat(np.arange(50), 12)
    assert len(np.unique(series[valid])) == 5
    assert_array_equal(np.sort(np.r_[train, valid]), np.arange(600))


def test_a_repeated_sequence_is_no_window():
    once = Sequences(np.arange(300.0)[:, None], np.arange(0, 300, 3), np.full(100, 3))
    drawn = np.random.default_rng(0).integers(0, 100, size=100)
    train, valid = split_validation(once[drawn], 0.2, random_state=0)
    assert len(train) + len(valid) == 100
    assert not set(drawn[train]) & set(drawn[valid])


def test_too_few_sequences_say_so():
    with pytest.raises(ValueError, match=r"validation_fraction=0.1 of 1 sequences"):
        split_validation(windows([1], 1), 0.1)


def test_independent_sequences_are_shuffled_and_stratified():
    sequences = windows([1] * 100, 1)
    labels = np.repeat([0, 1], [80, 20])
    train, valid = split_validation(sequences, 0.2, stratify=labels, random_state=0)
    assert_array_equal(np.sort(np.r_[train, valid]), np.arange(100))
    assert_array_equal(np.bincount(labels[valid]), [16, 4])
    other = split_validation(sequences, 0.2, stratify=labels, random_state=1)[1]
    assert not np.array_equal(valid, other)


def test_too_short_a_series_says_so():
    with pytest.raises(ValueError, match="leaves none for training"):
        split_validation(windows([10], 10), 0.1)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.integers(2, 4))
def test_series_are_found_from_what_overlaps(n_rows, length):
    sequences = windows(n_rows, length)
    assert_array_equal(overlap_runs(sequences), np.repeat(range(len(n_rows)), n_rows))
