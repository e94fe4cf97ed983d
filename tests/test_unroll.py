"""Chunks of series against the windows that they stand for."""

import pickle

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline

from sklstm import LSTMClassifier, LSTMRegressor, Sequences, SequenceWindower
from sklstm._unroll import SeriesDataset, cut, make_dataset, predict

CPU = {"dtype": torch.float64, "device": torch.device("cpu")}
RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 2))
MEANS = np.convolve(X[:, 0], np.ones(5) / 5)[:200]
WINDOWS = SequenceWindower(8).fit_transform(X)
SMALL = {"hidden_size": 6, "max_epochs": 2, "random_state": 0}


@given(
    st.lists(st.integers(1, 30), min_size=1, max_size=4),
    st.integers(1, 9),
    st.integers(1, 9),
    st.floats(0.1, 1),
    st.data(),
)
def test_each_target_is_read_once_with_its_window(sizes, length, size, share, data):
    offset = data.draw(st.integers(0, size - 1))
    begins = np.repeat(np.cumsum(sizes) - sizes, sizes)
    rows = np.arange(len(begins))
    kept = np.random.default_rng(0).random(len(rows)) < share
    kept[-1] = True
    ends, begins = torch.tensor(rows[kept]), torch.tensor(begins[kept])
    chunks = cut(ends, begins, length, size, offset)
    assert chunks.first[0] == 0
    assert chunks.first[-1] == len(ends)
    for c, (start, n) in enumerate(zip(chunks.starts, chunks.lengths, strict=True)):
        targets = range(int(chunks.first[c]), int(chunks.first[c + 1]))
        assert len(targets) > 0
        assert n <= length - 1 + size
        for i in targets:
            assert start + chunks.step[i] == ends[i]  # where it stands
            assert start <= max(ends[i] - length + 1, begins[i])  # has its window
            assert start >= begins[i]  # and nothing of another series
        assert ends[targets[-1]] == start + n - 1  # nothing is read in vain
        assert start in (ends[targets[0]] - length + 1, begins[targets[0]])


@given(st.integers(1, 40), st.integers(1, 9))
def test_a_row_costs_a_window_and_a_chunk_over_the_chunk(n, length):
    ends = torch.arange(n)
    chunks = cut(ends, torch.zeros_like(ends), length, length, 0)
    n_chunks = -(-n // length)
    assert len(chunks.starts) == n_chunks
    assert chunks.lengths.sum() == n + (n_chunks - 1) * (length - 1)


@pytest.mark.parametrize("num_layers", [1, 2])
def test_a_prediction_is_that_of_the_rows_read_for_it(num_layers):
    model = LSTMRegressor(num_layers=num_layers, dtype="float64", **SMALL)
    model.set_params(unroll="series").fit(WINDOWS, MEANS)
    plain = LSTMRegressor(**model.get_params()).set_params(unroll="window")
    plain.__dict__ |= {k: v for k, v in vars(model).items() if k.endswith("_")}
    plain.__dict__ |= {k: v for k, v in vars(model).items() if k.startswith("_")}
    # Chunks of 8 rows from row 0 on, that begin 7 rows before their first target.
    start = np.maximum(np.arange(200) // 8 * 8 - 7, 0)
    read = Sequences(X, start, np.arange(1, 201) - start)
    assert_allclose(model.predict(WINDOWS), plain.predict(read), rtol=1e-12)
    # Where a row has no history beyond its window, both readings agree.
    early = model.predict(WINDOWS)[:8]
    assert_allclose(early, plain.predict(WINDOWS)[:8], rtol=1e-12)


@pytest.mark.parametrize("sequences", [WINDOWS[::8], list(RNG.normal(size=(20, 5, 2)))])
def test_sequences_that_do_not_overlap_are_read_alone(sequences):
    y = np.arange(len(sequences))
    window = LSTMRegressor(**SMALL).fit(sequences, y)
    series = LSTMRegressor(unroll="series", **SMALL).fit(sequences, y)
    assert_array_equal(series.predict(sequences), window.predict(sequences))


def test_predictions_come_in_the_order_of_the_windows():
    model = LSTMRegressor(unroll="series", **SMALL).fit(WINDOWS, MEANS)
    order = RNG.permutation(200)
    assert_array_equal(model.predict(WINDOWS[order]), model.predict(WINDOWS)[order])
    twice = np.repeat(order, 2)
    assert_allclose(model.predict(WINDOWS[twice]), model.predict(WINDOWS)[twice])


def test_predictions_do_not_depend_on_the_size_of_batches(monkeypatch):
    model = LSTMRegressor(unroll="series", **SMALL).fit(WINDOWS, MEANS)
    expected = model.predict(WINDOWS)
    monkeypatch.setattr("sklstm._unroll.PREDICTION_STEPS", 40)
    assert_allclose(model.predict(WINDOWS), expected, rtol=1e-5)


def test_series_do_not_see_each_other():
    """A panel is predicted as its series are one by one."""
    table = np.column_stack([np.repeat([0, 1, 2], [50, 90, 60]), X])
    panel = SequenceWindower(8, group=0).fit_transform(table)
    model = LSTMRegressor(unroll="series", **SMALL).fit(panel, MEANS)
    alone = [
        model.predict(SequenceWindower(8).fit_transform(part))
        for part in np.split(X, [50, 140])
    ]
    assert_allclose(model.predict(panel), np.concatenate(alone), rtol=1e-5, atol=1e-6)


def test_training_learns_what_windows_learn():
    scores = [
        LSTMRegressor(16, unroll=unroll, max_epochs=80, random_state=0)
        .fit(WINDOWS[:150], MEANS[:150])
        .score(WINDOWS[150:], MEANS[150:])
        for unroll in ("window", "series")
    ]
    assert min(scores) > 0.85


def test_a_step_of_one_chunk_is_the_loss_of_its_targets():
    """The gradient is that of the mean over targets, each with its weight."""
    weight = RNG.integers(1, 4, size=200).astype(float)
    data = SeriesDataset(WINDOWS, MEANS, weight, **CPU)
    chunks = data.cut(3)
    _, targets = data.read(chunks, torch.arange(len(chunks.starts)))
    assert_array_equal(targets, np.arange(200))
    inputs, targets = data.read(chunks, torch.tensor([4, 2]))
    step, column = inputs["at"]
    assert column.tolist() == [0] * 8 + [1] * 8
    assert_array_equal(inputs["x"][step, column], X[targets])
    assert_allclose(data.y[targets], MEANS[targets])
    assert_allclose(data.weight[targets] * weight.mean(), weight[targets])


def test_weight_two_is_repetition_and_zero_is_removal():
    weight = np.tile([1, 2, 0, 1], 50)
    repeated = np.repeat(np.arange(200), weight)
    params = {**SMALL, "unroll": "series", "batch_size": 8 * 200, "dtype": "float64"}
    weighted = LSTMRegressor(**params).fit(WINDOWS, MEANS, sample_weight=weight)
    plain = LSTMRegressor(**params).fit(WINDOWS[repeated], MEANS[repeated])
    assert_allclose(weighted.predict(WINDOWS), plain.predict(WINDOWS), rtol=1e-6)


def test_all_else_goes_with_it():
    states = np.where(MEANS > 0, "up", "down")
    model = LSTMClassifier(
        16,
        unroll="series",
        early_stopping=True,
        class_weight="balanced",
        max_epochs=60,
        random_state=0,
    ).fit(WINDOWS, states)
    assert len(model.validation_scores_) == model.n_iter_
    assert model.score(WINDOWS, states) > 0.8
    loaded = pickle.loads(pickle.dumps(model))
    assert_array_equal(loaded.predict_proba(WINDOWS), model.predict_proba(WINDOWS))
    several = LSTMRegressor(unroll="series", warm_start=True, **SMALL)
    several.fit(WINDOWS, np.column_stack([MEANS, X[:, 1]])).fit(WINDOWS, X)
    several.partial_fit(WINDOWS, X)
    assert several.predict(WINDOWS).shape == (200, 2)
    assert several.n_iter_ == 5


def test_a_search_may_choose_it():
    pipeline = make_pipeline(SequenceWindower(8), LSTMRegressor(**SMALL))
    grid = {"lstmregressor__unroll": ["window", "series"]}
    search = GridSearchCV(pipeline, grid, cv=TimeSeriesSplit(2), error_score="raise")
    assert np.isfinite(search.fit(X, MEANS).cv_results_["mean_test_score"]).all()


@pytest.mark.parametrize("params", [{"bidirectional": True}, {"pooling": "max"}])
def test_what_needs_whole_windows_says_so(params):
    model = LSTMRegressor(unroll="series", **SMALL, **params)
    with pytest.raises(ValueError, match="set unroll='window'"):
        model.fit(WINDOWS, MEANS)


def test_each_epoch_cuts_elsewhere():
    data = make_dataset(WINDOWS, MEANS, np.ones(200), unroll="series", **CPU)
    starts = {tuple(data.cut(offset).starts.tolist()) for offset in range(8)}
    assert len(starts) == 8
    with torch.random.fork_rng(devices=[]):
        module = torch.nn.Identity()
        module.forward = lambda x, at: x[at]
        assert_array_equal(predict(module, data), X)
