"""Gathered batches against torch's DataLoader over plain tensors."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from torch.utils.data import DataLoader, TensorDataset

from sklstm import Sequences
from sklstm._net._batches import BatchDataset, BatchLoader, Samples

CPU = {"dtype": torch.float32, "device": torch.device("cpu")}


def dataset(sequences, n_outputs=1):
    n = len(sequences)
    y = np.arange(n * n_outputs, dtype=float).reshape(n, n_outputs)
    return BatchDataset(sequences, y, np.arange(1.0, n + 1), **CPU)


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("batch_size", [1, 4, 7, 100])
def test_batches_are_those_of_a_dataloader(batch_size, shuffle):
    steps = np.arange(60.0).reshape(20, 3)
    data = dataset(Sequences(steps, np.arange(10), np.full(10, 5)))
    X = torch.stack([data.steps[i : i + 5] for i in range(10)])
    plain = TensorDataset(X, data.y, data.weight)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        ours = list(BatchLoader(data, batch_size, shuffle))
        torch.manual_seed(0)
        order = torch.arange(10)
        if shuffle and batch_size < 10:
            order = torch.randperm(10)
    theirs = list(DataLoader(plain, batch_size, sampler=order))
    assert len(ours) == len(theirs)
    for (inputs, y), (X_i, y_i, weight_i) in zip(ours, theirs, strict=True):
        assert set(inputs) == {"x", "weight"}
        assert_array_equal(inputs["x"], X_i.transpose(0, 1))
        assert_array_equal(y, y_i)
        assert_array_equal(inputs["weight"], weight_i)


@given(st.lists(st.integers(1, 6), min_size=1, max_size=9), st.data())
def test_ragged_batch_is_left_aligned(lengths, data):
    arrays = [np.full((k, 2), i + 1.0) for i, k in enumerate(lengths)]
    tensors = dataset(Sequences.from_arrays(arrays))
    positions = st.integers(0, len(lengths) - 1)
    chosen = data.draw(st.lists(positions, min_size=1, max_size=12))
    inputs = tensors.inputs(torch.tensor(chosen))
    T = inputs["x"].shape[0]
    longest = max(lengths[i] for i in chosen)
    assert longest == T
    for b, i in enumerate(chosen):
        padded = np.zeros((T, 2))
        padded[: lengths[i]] = arrays[i]
        assert_array_equal(inputs["x"][:, b], padded)
    if len(set(lengths)) > 1:
        assert_array_equal(inputs["lengths"], [lengths[i] for i in chosen])


def test_every_epoch_holds_each_sample_once_in_a_new_order():
    data = dataset(Sequences(np.zeros((50, 1)), np.arange(50), np.ones(50)))
    loader = BatchLoader(data, 7, shuffle=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        orders = [torch.cat([y for _, y in loader]).ravel().tolist() for _ in range(2)]
    assert orders[0] != orders[1]
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(50))


def test_weights_are_scaled_to_a_mean_of_one():
    data = dataset(Sequences(np.zeros((4, 1)), np.arange(4), np.ones(4)))
    assert_array_equal(data.weight, np.float32([0.4, 0.8, 1.2, 1.6]))


@pytest.mark.parametrize("n", [1, 15, 16, 17, 3000])
def test_prediction_keeps_the_order_whatever_the_batches(n):
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 60, size=n)
    arrays = [np.full((k, 1), float(i)) for i, k in enumerate(lengths)]
    last = dataset(Sequences.from_arrays(arrays)).predict(LastStep())
    assert_array_equal(last, np.column_stack([np.arange(n), lengths]))


class LastStep(torch.nn.Module):
    """Return for each sequence its last value and its length."""

    def forward(self, x, lengths=None):
        assert x.shape[1] % 16 == 0
        if lengths is None:
            lengths = torch.full((x.shape[1],), x.shape[0])
        last = x[lengths - 1, torch.arange(len(lengths)), 0]
        return torch.stack([last, lengths.to(last.dtype)], dim=1)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=10), st.randoms())
def test_merged_samples_do_not_depend_on_order_or_repetition(repeats, random):
    kinds = [np.full((1 + i % 3, 2), float(i // 2)) for i in range(len(repeats))]
    repeats = np.maximum(repeats, np.arange(len(repeats)) == 0)  # one at least
    once = [i for i, k in enumerate(repeats) if k]
    often = [i for i, k in enumerate(repeats) for _ in range(k)]
    random.shuffle(often)

    def samples(indices, weight):
        sequences = Sequences.from_arrays([kinds[i] for i in indices])
        y, weight = np.array(indices) % 2, np.asarray(weight, float)
        return Samples(sequences, y, weight, np.arange(len(y)))

    a = samples(once, repeats[once]).merged()
    b = samples(often, np.ones(len(often))).merged()
    assert_array_equal(np.asarray(a.sequences), np.asarray(b.sequences))
    assert_array_equal(a.y, b.y)
    assert_array_equal(a.weight, b.weight)
    assert a.weight.sum() == repeats.sum()


def ragged(lengths):
    lengths = np.asarray(lengths)
    table = np.zeros((lengths.sum(), 1))
    return dataset(Sequences(table, np.cumsum(lengths) - lengths, lengths))


def orders(data, batch_size, n_epochs):
    """Samples of each batch of each epoch; y is the number of a sample."""
    loader = BatchLoader(data, batch_size, shuffle=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return [[y.long().ravel().tolist() for _, y in loader] for _ in range(n_epochs)]


@pytest.mark.parametrize(("n", "batch_size"), [(300, 8), (1000, 32), (5000, 32)])
def test_little_of_a_batch_is_padding(n, batch_size):
    lengths = np.random.default_rng(0).integers(10, 501, size=n)
    for epoch in orders(ragged(lengths), batch_size, 3):
        read = sum(lengths[batch].max() * len(batch) for batch in epoch)
        assert 1 - lengths.sum() / read < 0.2


@given(
    st.lists(st.integers(1, 50), min_size=2, max_size=60),
    st.integers(1, 9),
)
def test_each_epoch_has_every_sample_once(lengths, batch_size):
    for epoch in orders(ragged(lengths), batch_size, 2):
        assert sorted(np.concatenate(epoch)) == list(range(len(lengths)))
        sizes = sorted(len(batch) for batch in epoch)
        assert sizes[1:] == [batch_size] * (len(sizes) - 1) or len(epoch) == 1


def test_chance_decides_the_batches_of_unequal_lengths():
    lengths = np.random.default_rng(0).integers(10, 501, size=403)
    epochs = orders(ragged(lengths), 8, 200)
    partners = [next(set(b) for b in epoch if 0 in b) - {0} for epoch in epochs]
    assert len(set.union(*partners)) > 100  # of which 7 at a time
    place = [next(i for i, b in enumerate(epoch) if 0 in b) for epoch in epochs]
    assert 20 < np.mean(place) < 30  # of batches 0 to 50
    # A smaller batch lends its samples more weight: it must favour no length.
    small = [np.mean(lengths[b]) for epoch in epochs for b in epoch if len(b) == 3]
    assert abs(np.mean(small) - lengths.mean()) < 30  # its deviation is 6


def test_windows_of_a_series_are_shuffled_plainly():
    lengths = np.minimum(np.arange(1, 301), 24)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        plain = torch.randperm(300).tolist()
    assert_array_equal(np.concatenate(orders(ragged(lengths), 32, 1)[0]), plain)
