"""Time that is displaced in training, each time otherwise, and never in prediction."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

from sklstm import LSTMClassifier, Sequences, SequenceWindower
from sklstm._net._batches import BatchDataset
from tests._data import outputs

RNG = np.random.default_rng(0)
N = 12
EQUAL = RNG.normal(size=(N, 60, 2)).cumsum(axis=1)
RAGGED = [RNG.normal(size=(n, 2)).cumsum(axis=0) for n in RNG.integers(30, 90, size=N)]
LABELS = np.arange(N) % 2
DATA = pytest.mark.parametrize("X", [EQUAL, RAGGED], ids=["equal", "ragged"])


def small(**params):
    params = {"max_epochs": 3, "random_state": 0, "lr_scheduler": None} | params
    return LSTMClassifier(4, **params)


def dataset(lengths, frame_size, time_warp):
    """The value of a step is its place in its sequence."""
    data = BatchDataset(
        Sequences.from_arrays([np.arange(1.0, n + 1)[:, None] for n in lengths]),
        dtype=torch.float64,
        device=torch.device("cpu"),
        frame_size=frame_size,
        time_warp=time_warp,
    )
    data.generator = torch.Generator().manual_seed(0)
    return data


@given(
    lengths=st.lists(st.integers(1, 200), min_size=1, max_size=6),
    size=st.integers(1, 20),
    strength=st.floats(0.001, 0.1),
)
def test_no_step_overtakes_another(lengths, size, strength):
    data = dataset(lengths, size, strength)
    chosen = torch.arange(len(lengths))
    plain = data.inputs(chosen)["x"].flatten(start_dim=2)
    moved = data.inputs(chosen, warps=True)["x"].flatten(start_dim=2)
    assert plain.shape == moved.shape
    for i, n in enumerate(lengths):
        n_frames = -(-n // size)
        before, after = (x[:n_frames, i].ravel().numpy() for x in (plain, moved))
        assert (np.diff(after) >= 0).all()
        assert set(after) <= set(range(1, n + 1))
        farthest = (1 + 1 + 1 / 2 + 1 / 3) * strength * n
        assert np.abs(after - before).max() <= farthest + 0.5
        assert not moved[n_frames:, i].any()


def test_displacement_is_a_share_of_the_length():
    for n in (100, 1000):
        data, chosen = dataset([n] * 300, 10, 0.02), torch.arange(300)
        plain, moved = (data.inputs(chosen, warps=w)["x"] for w in (False, True))
        spread = (moved - plain).square().mean().sqrt() / n
        assert 0.013 < spread < 0.017


def test_each_reading_is_another():
    data = dataset([100, 100], 5, 0.05)
    readings = [inputs["x"] for _ in range(3) for inputs, _ in data.batches(2, True)]
    values = [*torch.stack(readings).permute(0, 2, 1, 3, 4).flatten(end_dim=1)]
    assert len({value.numpy().tobytes() for value in values}) == 6
    for inputs, _ in [*data.batches(2, False), *data.prediction_batches()]:
        assert_array_equal(inputs["x"][:, :2], data.inputs(torch.arange(2))["x"])


@DATA
def test_training_differs_and_prediction_does_not(X):
    state = torch.get_rng_state()
    models = [small(time_warp=w).fit(X, LABELS) for w in (0.05, 0.05, 0.0)]
    assert_array_equal(torch.get_rng_state(), state)
    assert_array_equal(outputs(models[0], X), outputs(models[1], X))
    assert not np.allclose(outputs(models[0], X), outputs(models[2], X))
    assert_array_equal(outputs(models[0], X), outputs(models[0], X))
    assert_array_equal(outputs(models[0], X)[3:4], outputs(models[0], X[3:4]))


@pytest.mark.parametrize("frame_size", [1, 7])
@DATA
def test_a_displacement_of_less_than_a_step_is_none(X, frame_size):
    params = {"frame_size": frame_size, "dropout": 0.0}
    still, moved = (small(time_warp=w, **params) for w in (0.0, 1e-3))
    assert_array_equal(
        outputs(still.fit(X, LABELS), X), outputs(moved.fit(X, LABELS), X)
    )


@DATA
def test_a_weight_is_a_repetition_in_displaced_time(X):
    weight = np.array([1, 2, 3, 1, 2, 1, 0, 1, 2, 1, 1, 2])
    rows = np.repeat(np.arange(N), weight)
    weighted = small(time_warp=0.05).fit(X, LABELS, sample_weight=weight)
    repeated = clone(weighted).fit([X[i] for i in rows], LABELS[rows])
    assert_array_equal(outputs(weighted, X), outputs(repeated, X))


@pytest.mark.parametrize("batch_size", [5, 32])
@DATA
def test_epochs_one_by_one_are_those_of_a_fit(X, batch_size):
    whole = small(time_warp=0.05, batch_size=batch_size).fit(X, LABELS)
    parts = clone(whole)
    for _ in range(3):
        parts.partial_fit(X, LABELS, classes=[0, 1])
    assert_array_equal(outputs(whole, X), outputs(parts, X))


@DATA
def test_validation_data_are_read_as_they_are(X):
    still = {"learning_rate": 1e-30, "dropout": 0.0, "validation_fraction": 0.4}
    model = small(time_warp=0.1, early_stopping=True, **still).fit(X, LABELS)
    assert len(set(model.validation_loss_curve_)) == 1
    assert len(set(model.loss_curve_)) == 3


@pytest.mark.parametrize("frame_size", ["auto", 5])
def test_ids_stay_where_they_are(frame_size):
    X = RNG.integers(0, 5, size=(N, 60, 1))
    params = {"categorical_features": [0], "frame_size": frame_size}
    models = [small(time_warp=w, **params).fit(X, LABELS) for w in (0.0, 0.1)]
    assert_array_equal(*(outputs(model, X) for model in models))


@pytest.mark.parametrize("unroll", ["window", "series"])
def test_windows_that_overlap_stay_as_they_are(unroll):
    X = SequenceWindower(20).fit_transform(RNG.normal(size=(400, 2)))
    labels = np.arange(400) % 2
    params = {"unroll": unroll, "bidirectional": False, "pooling": "last"}
    models = [small(time_warp=w, **params).fit(X, labels) for w in (0.0, 0.1)]
    assert_array_equal(*(outputs(model, X) for model in models))


def test_what_comes_a_little_sooner_or_later_is_known_again():
    """A bump early or late, of a width of 4 in 200 steps."""

    def bumps(shift):
        centre = np.where(np.arange(20) % 2, 60, 120)[:, None] + shift
        return np.exp(-0.5 * ((np.arange(200) - centre) / 2) ** 2)[..., None]

    labels = np.arange(20) % 2
    accuracy = [
        np.mean(
            [
                LSTMClassifier(16, random_state=0, time_warp=w, max_epochs=200)
                .fit(bumps(0), labels)
                .score(bumps(shift), labels)
                for shift in (-9, -6, 6, 9)
            ]
        )
        for w in (0.0, 0.02)
    ]
    assert accuracy[1] > accuracy[0] + 0.1
    assert_allclose(accuracy[1], 1.0, atol=0.15)
