"""The container against a plain twin: a list of arrays."""

import pickle
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from sklearn import config_context
from sklearn.model_selection import train_test_split

from sklstm import Sequences
from sklstm._input import check_sequences, rows_to_sequences


@st.composite
def sequences(draw, min_size=1):
    """Sequences, overlapping or not, whose steps are all different."""
    n_steps = draw(st.integers(1, 30))
    n_features = draw(st.integers(1, 3))
    n = draw(st.integers(min_size, 8))
    starts = draw(st.lists(st.integers(0, n_steps - 1), min_size=n, max_size=n))
    lengths = [draw(st.integers(1, n_steps - start)) for start in starts]
    steps = np.arange(n_steps * n_features, dtype=float).reshape(n_steps, n_features)
    return Sequences(steps, starts, lengths)


@st.composite
def knowing_sequences(draw):
    """The same, which know all there is to know, with a history before some."""
    seqs = draw(sequences())
    n, n_features = len(seqs), seqs.shape[2]
    before = [draw(st.integers(0, start)) for start in seqs.starts.tolist()]
    return Sequences(
        seqs.steps,
        seqs.starts,
        seqs.lengths,
        feature_names=[f"f{i}" for i in range(n_features)],
        series=draw(st.lists(st.integers(0, 2), min_size=n, max_size=n)),
        series_names=["a", "b", "c"],
        times=draw(st.lists(st.integers(), min_size=n, max_size=n)),
        index=[f"row {i}" for i in range(n)],
        rows=draw(st.lists(st.integers(0, 99), min_size=n, max_size=n)),
        history_lengths=seqs.lengths + before,
        horizon=draw(st.integers(1, 5)),
        targets=draw(st.lists(st.integers(0, n_features - 1), max_size=3)),
        whole=draw(st.booleans()),
    )


def assert_same_knowledge(ours, theirs, key=slice(None)):
    """Whether sequences know what others know of those at `key`."""
    for name in ("series", "times", "index", "rows", "history_lengths"):
        assert_array_equal(getattr(ours, name), getattr(theirs, name)[key])
    for name in ("feature_names", "series_names"):
        assert_array_equal(getattr(ours, name), getattr(theirs, name))
    assert (ours.horizon, ours.targets) == (theirs.horizon, theirs.targets)


def twin(seqs):
    return [
        seqs.steps[a : a + k].copy()
        for a, k in zip(seqs.starts.tolist(), seqs.lengths.tolist(), strict=True)
    ]


def assert_same(seqs, arrays):
    assert len(seqs) == len(arrays)
    for ours, theirs in zip(seqs, arrays, strict=True):
        assert_array_equal(ours, theirs)


@given(sequences(), st.data())
def test_indexing_is_that_of_a_list(seqs, data):
    n, arrays = len(seqs), twin(seqs)
    index = data.draw(st.lists(st.integers(-n, n - 1)))
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    cut = data.draw(st.slices(n))
    assert_same(seqs[np.array(index, dtype=int)], [arrays[i] for i in index])
    assert_same(seqs[mask], [a for a, keep in zip(arrays, mask, strict=True) if keep])
    assert_same(seqs[cut], arrays[cut])
    assert_same(seqs[cut, ...], arrays[cut])
    assert_same(seqs, arrays)


@given(knowing_sequences(), st.data())
def test_knowledge_goes_where_sequences_go(seqs, data):
    n = len(seqs)
    chosen = data.draw(st.lists(st.integers(-n, n - 1), min_size=1))
    mask = np.isin(np.arange(n), chosen)
    for key in (chosen, mask, data.draw(st.slices(n))):
        some = seqs[key]
        assert_same_knowledge(some, seqs, key)
        assert some.whole == seqs.whole
    some = seqs.take(chosen)
    assert_same_knowledge(some, seqs, chosen)
    again = pickle.loads(pickle.dumps(some))
    assert_same(again, twin(some))
    for same in (again, some.compact(), some.on_table(some.steps + 1)):
        assert_same_knowledge(same, some)
        assert same.whole == some.whole


@given(knowing_sequences(), st.integers(1, 9))
def test_a_tail_is_the_last_steps(seqs, n_steps):
    tail = seqs.tail(n_steps)
    assert_same(tail, [array[-n_steps:] for array in twin(seqs)])
    assert_same_knowledge(tail, seqs)
    assert tail.steps is seqs.steps
    assert not tail.whole
    assert_array_equal(tail.begins_within(), seqs.history_lengths > tail.lengths)


@given(knowing_sequences(), st.integers(1, 9))
def test_the_step_before_a_sequence_is_kept(seqs, n_steps):
    """Without the rows that neither a sequence nor the step before one needs."""
    tail = seqs.tail(n_steps)
    compact = tail.compact()
    within = tail.begins_within()
    assert_array_equal(compact.begins_within(), within)
    assert_array_equal(
        compact.steps[compact.starts[within] - 1], seqs.steps[tail.starts[within] - 1]
    )
    needed = set()
    for start, length, before in zip(tail.starts, tail.lengths, within, strict=True):
        needed |= set(range(start - before, start + length))
    assert_array_equal(compact.steps, seqs.steps[sorted(needed)])


@given(sequences())
def test_compact_sequences_know_how_far_they_were_apart(seqs):
    """But for the number of the first row, which says nothing."""
    compact = seqs.compact()
    rows = seqs.starts + seqs.lengths - 1
    ends = compact.starts + compact.lengths - 1
    rows_of_compact = ends if compact.rows is None else compact.rows
    assert_array_equal(np.diff(rows_of_compact), np.diff(rows))


@given(sequences(), st.integers(1, 3))
def test_sequences_are_put_on_another_table(seqs, n_features):
    steps = np.random.default_rng(0).normal(size=(len(seqs.steps), n_features))
    names = [f"x{i}" for i in range(seqs.shape[2])]
    known = Sequences(
        seqs.steps, seqs.starts, seqs.lengths, feature_names=names, targets=[0]
    )
    other = known.on_table(steps)
    expected = [
        steps[start : start + length]
        for start, length in zip(seqs.starts, seqs.lengths, strict=True)
    ]
    assert_same(other, expected)
    is_like = n_features == seqs.shape[2]
    assert other.targets == ([0] if is_like else None)
    assert (other.feature_names is not None) == is_like


@given(sequences())
def test_padded_array_has_nan_in_front(seqs):
    array = np.asarray(seqs)
    assert array.shape == seqs.shape
    assert_array_equal(seqs.padded(), array)
    for row, sequence in zip(array, twin(seqs), strict=True):
        n_missing = len(row) - len(sequence)
        assert np.isnan(row[:n_missing]).all()
        assert_array_equal(row[n_missing:], sequence)


@given(sequences())
def test_lists_and_padded_arrays_are_read_back(seqs):
    arrays = twin(seqs)
    padded_behind = np.full(seqs.shape, np.nan)
    for row, sequence in zip(padded_behind, arrays, strict=True):
        row[: len(sequence)] = sequence
    for form in (arrays, tuple(arrays), np.asarray(seqs), padded_behind):
        assert_same(check_sequences(form), arrays)


@given(sequences())
def test_a_pickle_and_compact_keep_the_used_rows_only(seqs):
    for same in (pickle.loads(pickle.dumps(seqs)), seqs.compact()):
        assert_same(same, twin(seqs))
        assert len(same.steps) == (seqs.coverage() > 0).sum()
        assert (same.coverage() > 0).all()


@given(sequences(), st.data())
def test_coverage_counts_uses(seqs, data):
    n = len(seqs)
    weights = data.draw(st.lists(st.integers(0, 9), min_size=n, max_size=n))
    expected = np.zeros(len(seqs.steps))
    for start, length, weight in zip(seqs.starts, seqs.lengths, weights, strict=True):
        expected[start : start + length] += weight
    assert_array_equal(seqs.coverage(weights), expected)


def test_3d_array_is_its_own_table():
    X = np.arange(24.0).reshape(2, 4, 3)
    seqs = check_sequences(X)
    assert np.shares_memory(seqs.steps, X)
    assert_array_equal(np.asarray(seqs), X)
    assert seqs.shape == X.shape


def test_rows_are_read_row_major():
    X = np.array([[1, 2, 3, 4, 5, 6], [7, 8, 9, 10, 11, 12]])
    seqs = rows_to_sequences(X, n_timesteps=3)
    assert np.shares_memory(seqs.steps, X)
    assert_array_equal(seqs[1], [[7, 8], [9, 10], [11, 12]])


def test_integers_become_float_only_where_a_step_is_missing():
    steps = np.array([[1], [2]])
    assert np.asarray(Sequences(steps, [0, 1], [1, 1])).dtype == steps.dtype
    ragged = np.asarray(Sequences(steps, [0, 0], [1, 2]))
    assert_array_equal(ragged[:, :, 0], [[np.nan, 1], [1, 2]])


def test_whole_sequences_are_padded_when_asked_for_only():
    whole = Sequences([[1], [2], [3]], [0, 0], [1, 3], whole=True)
    for function in (np.asarray, np.mean, lambda X: np.array(X, dtype=float)):
        with pytest.raises(ValueError, match="2 whole histories of up to 3 steps are"):
            function(whole)
    assert_array_equal(whole.padded()[:, :, 0], [[np.nan, np.nan, 1], [1, 2, 3]])
    assert whole.padded(np.float32).dtype == np.float32
    assert_array_equal(np.asarray(whole.tail(1))[:, 0, 0], [1, 3])


def test_repr_says_what_there_is():
    text = repr(Sequences(np.zeros((5, 2)), [0, 1], [1, 4]))
    assert text == (
        "Sequences(n_sequences=2, lengths=1..4, n_features=2, dtype=float64)"
    )
    known = Sequences(
        np.zeros((5, 2), dtype=np.float32),
        [0, 1, 0],
        [1, 4, 2],
        feature_names=["load", "temp"],
        series=[4, 7, 4],
        times=[3, 1, 2],
        horizon=2,
        targets=[1],
        whole=True,
    )
    assert repr(known) == (
        "Sequences(n_sequences=3, lengths=1..4, n_features=2, dtype=float32,"
        " n_series=2, times=1..3, horizon=2, targets=[temp], whole=True)"
    )
    html = known._repr_html_()
    for name, value in [
        ("n_series", "2"),
        ("feature_names", "load, temp"),
        ("times", "1..3"),
    ]:
        assert re.search(f"<th[^>]*>{name}</th><td[^>]*>{value}</td>", html)
    assert repr(known[:0]).startswith("Sequences(n_sequences=0, lengths=0..0")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1, 2], [0], [1]), "1 dimension"),
        (([[1], [2]], [0, 1], [1]), "one of each per sequence"),
        (([[1], [2]], [0, 1], [1, 0]), "Sequence 1 has length 0"),
        (([[1], [2]], [0, 1], [1, 2]), "reach from row 0 to row 3"),
        (([[1], [2]], [-1], [1]), "reach from row -1"),
    ],
)
def test_what_cannot_be_a_sequence_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Sequences(*arguments)


@pytest.mark.parametrize(
    ("known", "message"),
    [
        ({"series": [0]}, "series has 1 values for 2 sequences; expected one per"),
        ({"series": [0, 0.5]}, "series must be whole numbers"),
        ({"times": [0, 1, 2]}, "times has 3 values for 2 sequences"),
        ({"index": list("a")}, "index has 1 values for 2 sequences"),
        ({"rows": [1]}, "rows has 1 values"),
        ({"history_lengths": [1]}, "history_lengths has 1 values"),
        ({"targets": [0, 1]}, "targets has the position 1, but a step has 1 features;"),
        ({"targets": [-1]}, "targets has the position -1"),
    ],
)
def test_what_cannot_be_known_is_refused(known, message):
    with pytest.raises(ValueError, match=message) as error:
        Sequences([[1], [2]], [0, 1], [1, 1], **known)
    assert "\n" not in str(error.value)


def test_a_table_that_is_too_short_is_refused():
    with pytest.raises(ValueError, match="reach from row 0 to row 2 of a table of 1"):
        Sequences([[1], [2]], [0, 1], [1, 1]).on_table([[1]])


def test_only_the_first_axis_is_indexed():
    with pytest.raises(IndexError, match="first axis only"):
        Sequences(np.zeros((3, 1)), [0], [3])[0, 1]


def test_array_api_dispatch_selects_sequences_as_well():
    seqs = Sequences(np.arange(10.0)[:, None], np.arange(9), np.full(9, 2))
    plain = train_test_split(seqs, random_state=0)
    with config_context(array_api_dispatch=True):
        dispatched = train_test_split(seqs, random_state=0)
    for ours, theirs in zip(dispatched, plain, strict=True):
        assert_same(ours, twin(theirs))
    with pytest.raises(ValueError, match="axis 0 only"):
        np.take(seqs, [0], axis=1)
