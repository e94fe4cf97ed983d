"""Several steps of time as one step of the net, against a slow plain twin."""

import pickle

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from sklstm import LSTMClassifier, LSTMRegressor, Sequences
from sklstm._net._batches import BatchDataset
from tests._data import FORMS, make, message_of, outputs, target

RNG = np.random.default_rng(0)
N = 70
EQUAL = list(RNG.normal(size=(N, 10, 2)))
RAGGED = [RNG.normal(size=(n, 2)) for n in RNG.integers(1, 12, size=N)]
Y = RNG.normal(size=N) + [x.mean() for x in EQUAL] + [x[0, 0] for x in RAGGED]
LABELS = np.where(Y > 0, "up", "down")


def cut(sequence, size):
    """Frames from the end back; the first begins with the first step, repeated."""
    frames = []
    for end in range(len(sequence), 0, -size):
        frames.insert(0, [sequence[max(t, 0)] for t in range(end - size, end)])
    return np.array(frames).reshape(len(frames), -1)


def test_frames_of_an_example():
    steps = np.arange(7.0)[:, None]
    assert cut(steps, 3).tolist() == [[0, 0, 0], [1, 2, 3], [4, 5, 6]]
    assert cut(steps[:2], 3).tolist() == [[0, 0, 1]]


@given(
    lengths=st.lists(st.integers(1, 9), min_size=1, max_size=6),
    size=st.integers(1, 10),
    n_features=st.integers(1, 3),
)
def test_frames_are_cut_from_the_end(lengths, size, n_features):
    arrays = [RNG.normal(size=(n, n_features)) for n in lengths]
    data = BatchDataset(
        Sequences.from_arrays(arrays),
        dtype=torch.float64,
        device=torch.device("cpu"),
        frame_size=size,
    )
    inputs = data.inputs(torch.arange(len(arrays)))
    x = inputs["x"].flatten(start_dim=2).numpy()
    for i, array in enumerate(arrays):
        expected = cut(array, size)
        assert_array_equal(x[: len(expected), i], expected)
        assert not x[len(expected) :, i].any()
        if "lengths" in inputs:
            assert inputs["lengths"][i] == len(expected)
    assert len(x) == -(-max(lengths) // size)


def cut_all(arrays, size):
    return Sequences.from_arrays([cut(array, size) for array in arrays])


def fit_twins(Estimator, X, size, **params):
    """Fit to steps, and to frames of them that are made by hand."""
    y = LABELS if Estimator is LSTMClassifier else Y
    same = {"dtype": "float64", "standardize": False, "batch_size": 16} | params
    if Estimator is LSTMClassifier:
        same |= {"time_warp": 0.0}
    framed = make(Estimator, frame_size=size, **same).fit(X, y)
    by_hand = make(Estimator, frame_size=1, **same)
    return framed, by_hand.fit(cut_all(X, size), y)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 40])
@pytest.mark.parametrize("X", [EQUAL, RAGGED], ids=["equal", "ragged"])
def test_frames_are_steps_of_more_features(Estimator, X, size):
    framed, by_hand = fit_twins(Estimator, X, size)
    assert_allclose(framed.loss_curve_, by_hand.loss_curve_, rtol=1e-9)
    others = [RNG.normal(size=(n, 2)) for n in (1, 4, 9, 10, 30)]
    expected = outputs(by_hand, cut_all(others, size))
    assert_allclose(outputs(framed, others), expected, rtol=1e-9)


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("pooling", ["last", "mean", "max", "last_mean"])
def test_frames_are_pooled_like_steps(pooling, bidirectional):
    params = {"pooling": pooling, "bidirectional": bidirectional, "num_layers": 2}
    framed, by_hand = fit_twins(LSTMRegressor, RAGGED, 3, **params)
    expected = by_hand.predict(cut_all(RAGGED, 3))
    assert_allclose(framed.predict(RAGGED), expected, rtol=1e-9)


def test_features_are_scaled_before_they_are_framed(Estimator):
    """Each by its steps, not by its place in a frame."""
    y = target(Estimator)
    framed = make(Estimator, frame_size=3).fit(FORMS["ragged"], y)
    plain = make(Estimator, frame_size=1).fit(FORMS["ragged"], y)
    assert_array_equal(framed.scaler_.mean_, plain.scaler_.mean_)
    assert framed.module_.lstm.input_size == 3 * plain.module_.lstm.input_size


def test_form_does_not_matter_to_frames(Estimator):
    model = make(Estimator, frame_size=2).fit(FORMS["ragged"], target(Estimator))
    expected = outputs(model, FORMS["ragged"])
    for form in ("nan_front", "nan_back", "object", "sequences"):
        assert_array_equal(outputs(model, FORMS[form]), expected)


def test_bits_do_not_depend_on_company_in_frames(Estimator):
    y = LABELS if Estimator is LSTMClassifier else Y
    model = make(Estimator, frame_size=3, hidden_size=33).fit(RAGGED, y)
    together = outputs(model, RAGGED)
    for i in range(0, N, 5):
        assert_array_equal(outputs(model, RAGGED[i : i + 1])[0], together[i])


@pytest.mark.parametrize(
    ("n_steps", "expected"), [(2, 1), (12, 1), (23, 1), (24, 2), (60, 5), (130, 10)]
)
def test_a_twelfth_is_a_frame(Estimator, n_steps, expected):
    X = RNG.normal(size=(12, n_steps, 2))
    model = make(Estimator).fit(X, target(Estimator))
    assert model.module_.lstm.input_size == 2 * expected
    # It stays what it was, whatever is read later.
    assert len(outputs(model, RNG.normal(size=(3, 200, 2)))) == 3
    again = pickle.loads(pickle.dumps(model))
    assert_array_equal(outputs(again, X), outputs(model, X))
    model.partial_fit(X[:, -1:], target(Estimator))
    assert model.module_.lstm.input_size == 2 * expected


def test_another_frame_size_cannot_go_on(Estimator):
    y = target(Estimator)
    model = make(Estimator, frame_size=2).fit(FORMS["array"], y)
    message = message_of(model.set_params(frame_size=3).partial_fit, FORMS["array"], y)
    assert "frame_size" in message


def test_ids_are_read_step_by_step_unless_told(Estimator):
    X = np.concatenate(
        [RNG.normal(size=(12, 36, 1)), RNG.integers(0, 4, size=(12, 36, 1))], axis=2
    )
    model = make(Estimator, categorical_features=[1], embedding_size=3)
    model.fit(X, target(Estimator))
    assert model.module_.lstm.input_size == 1 + 3
    model.set_params(frame_size=5).fit(X, target(Estimator))
    assert model.module_.lstm.input_size == 5 * (1 + 3)
    assert np.isfinite(outputs(model, X[:, :7])).all()


def test_series_have_no_frames(Estimator):
    plain = {"bidirectional": False, "pooling": "last", "unroll": "series"}
    model = make(Estimator, "windows", frame_size=4, **plain)
    message = message_of(model.fit, FORMS["windows"], target(Estimator))
    assert "set frame_size=1, or unroll='window'." in message
    for size in (1, "auto"):
        model.set_params(frame_size=size).fit(FORMS["windows"], target(Estimator))
