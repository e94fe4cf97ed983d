"""Chunks of series against the windows that they stand for."""

import pickle
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline

from sklstm import (
    LSTMClassifier,
    LSTMRegressor,
    Sequences,
    SequenceWindower,
    make_histories,
    make_supervised,
)
from sklstm._net._batches import BatchLoader
from sklstm._net._unroll import SeriesDataset, overlap
from sklstm.forecasting import AnchoredRegressor

CPU = {"dtype": torch.float64, "device": torch.device("cpu")}
RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 2))
MEANS = np.convolve(X[:, 0], np.ones(5) / 5)[:200]
HISTORIES = make_histories(X)
WINDOWS = SequenceWindower(8).fit_transform(HISTORIES)
SMALL = {"hidden_size": 6, "max_epochs": 2, "random_state": 0}


@pytest.fixture(autouse=True)
def short_chunks(monkeypatch):
    """Chunks as long as the windows here, so that a series has several."""
    monkeypatch.setattr("sklstm._net._unroll.MIN_SIZE", 1)


def cut(ends, begins, length, size, offset):
    data = SimpleNamespace(ends=ends, begins=begins, max_length=length, size=size)
    return SeriesDataset.cut(data, offset)


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
    monkeypatch.setattr("sklstm._net._batches.PREDICTION_STEPS", 40)
    assert_allclose(model.predict(WINDOWS), expected, rtol=1e-5)


def without_lstm(model):
    """The model with nothing left but its skip."""
    with torch.no_grad():
        for parameter in model.module_.head.parameters():
            parameter.zero_()
        model.module_.skip.weight.copy_(torch.linspace(-1, 1, 16).view(1, 16))
    return model


@pytest.mark.parametrize("batch_size", [16, 1600])
@pytest.mark.parametrize("standardize", [False, True])
def test_the_skip_reads_the_window_and_nothing_before_it(standardize, batch_size):
    """In both unrolls, in training and in prediction, at the start of a series too."""
    params = SMALL | {"dtype": "float64", "linear_skip": True, "max_epochs": 1}
    params |= {"standardize": standardize, "batch_size": batch_size}
    weight = np.linspace(-1, 1, 16)
    for unroll in ("window", "series"):
        model = LSTMRegressor(unroll=unroll, **params).fit(WINDOWS, MEANS)
        scaler, target = model.scaler_, model.target_scaler_
        found = without_lstm(model).predict(WINDOWS)
        for i, window in enumerate(WINDOWS):
            steps = scaler.transform(window) if standardize else window
            lags = np.zeros((8, 2))  # from the last step back
            lags[: len(window)] = steps[::-1]
            expected = lags.ravel() @ weight
            if standardize:
                expected = expected * target.scale_ + target.mean_
            assert_allclose(found[i], expected, rtol=1e-5, atol=1e-6)
        # Training reads no other steps: the loss is that of these predictions.
        model.set_params(learning_rate=1e-12).partial_fit(WINDOWS, MEANS)
        errors = (found - MEANS) / (target.scale_ if standardize else 1)
        assert_allclose(model.loss_curve_[-1], np.mean(errors**2), rtol=1e-6)


@pytest.mark.parametrize("linear_skip", [False, True])
@pytest.mark.parametrize("anchored", [False, True])
def test_both_unrolls_agree_where_a_window_is_the_whole_history(linear_skip, anchored):
    rows, y = make_supervised(X, target=0)
    windows = SequenceWindower(8).fit_transform(rows)
    model = LSTMRegressor(linear_skip=linear_skip, dtype="float64", **SMALL)
    model = AnchoredRegressor(model) if anchored else model
    model.fit(windows, y)
    inner = model.regressor_ if anchored else model
    expected = model.predict(windows)
    inner.set_params(unroll="series")
    found = model.predict(windows)
    assert_allclose(found[:8], expected[:8], rtol=1e-9)
    assert not np.allclose(found[8:], expected[8:], rtol=1e-9)  # more is read there


def test_the_changes_that_a_skip_reads_are_the_same_in_both_unrolls():
    """Also that into the first step of a window."""
    rows, y = make_supervised(X, target=0)
    windows = SequenceWindower(8).fit_transform(rows)
    found = {}
    for unroll in ("window", "series"):
        params = SMALL | {"dtype": "float64", "standardize": False}
        lstm = LSTMRegressor(linear_skip=True, unroll=unroll, **params)
        model = AnchoredRegressor(lstm).fit(windows, y)
        without_lstm(model.regressor_)
        found[unroll] = model.predict(windows)
    assert_allclose(found["series"], found["window"], rtol=1e-9)
    table = np.c_[np.diff(X[:, 0], prepend=X[0, 0]), X[:, 1]]
    changes = SequenceWindower(8, flatten=True, fill_value=0.0).fit_transform(table)
    lags = changes.reshape(-1, 8, 2)[:199, ::-1].reshape(199, -1)
    expected = X[:199, 0] + lags @ np.linspace(-1, 1, 16)
    assert_allclose(found["window"], expected, rtol=1e-5, atol=1e-6)


def test_whole_histories_are_read_once():
    """What they would be read as one by one, by a net that is fitted to windows."""
    params = {**SMALL, "dtype": "float64", "linear_skip": False}
    model = LSTMRegressor(**params).fit(WINDOWS, MEANS)
    expected = [model.predict([history])[0] for history in HISTORIES]
    model.set_params(unroll="series")
    assert_allclose(model.predict(HISTORIES), expected, rtol=1e-9)
    model.fit(HISTORIES, MEANS)
    assert model.predict(HISTORIES).shape == (200,)
    model.set_params(linear_skip=True)
    with pytest.raises(ValueError, match="shorten them with SequenceWindower before"):
        model.fit(HISTORIES, MEANS)


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


def test_a_batch_holds_the_targets_and_weights_of_its_chunks():
    weight = RNG.integers(1, 4, size=200).astype(float)
    data = SeriesDataset(WINDOWS, MEANS, weight, **CPU)
    chunks = data.cut(torch.tensor([3]))
    n_chunks = len(chunks.starts)
    ((_, targets),) = data.read(chunks, torch.arange(n_chunks), n_chunks)
    assert_array_equal(targets, np.arange(200))
    ((inputs, targets),) = data.read(chunks, torch.tensor([4, 2]), 2)
    step, column, length = inputs["at"]
    assert_array_equal(length, WINDOWS.lengths[targets])
    assert column.tolist() == [0] * 8 + [1] * 8
    assert_array_equal(inputs["x"][step, column], X[targets])
    assert_allclose(data.y[targets], MEANS[targets])
    assert_allclose(data.weight[targets] * weight.mean(), weight[targets])


@pytest.mark.parametrize("batch_size", [16, 1600])
def test_the_loss_of_an_epoch_is_the_weighted_mean(batch_size):
    """With a step of size 0 the first outputs stay, and the loss is known."""
    weight = np.tile([1.0, 2.0, 0.5, 4.0], 50)
    order = RNG.permutation(200)
    model = LSTMRegressor(
        unroll="series", optimizer="sgd", learning_rate=1e-12, batch_size=batch_size
    ).set_params(**SMALL, dtype="float64", standardize=False, linear_skip=False)
    model.fit(WINDOWS[order], MEANS[order], sample_weight=weight[order])
    assert model.n_iter_ == 2
    # Each epoch cuts elsewhere: the losses agree nearly, but not quite.
    errors = (model.predict(WINDOWS) - MEANS) ** 2
    expected = np.average(errors, weights=weight)
    assert_allclose(model.loss_curve_, expected, rtol=0.02)
    assert model.loss_curve_[0] != model.loss_curve_[1]


def test_weight_two_is_repetition_and_zero_is_removal():
    weight = np.tile([1, 2, 0, 1], 50)
    repeated = np.repeat(np.arange(200), weight)
    params = {**SMALL, "unroll": "series", "batch_size": 10_000, "dtype": "float64"}
    params["dropout"] = 0.0  # a repeated sample has a mask of its own
    weighted = LSTMRegressor(**params).fit(WINDOWS, MEANS, sample_weight=weight)
    plain = LSTMRegressor(**params).fit(WINDOWS[repeated], MEANS[repeated])
    assert_allclose(weighted.predict(WINDOWS), plain.predict(WINDOWS), rtol=1e-6)


def test_the_order_of_the_samples_does_not_matter_to_a_fit():
    order = RNG.permutation(200)
    params = {**SMALL, "unroll": "series", "dtype": "float64"}
    weight = RNG.random(200)
    ordered = LSTMRegressor(**params).fit(WINDOWS, MEANS, weight)
    shuffled = LSTMRegressor(**params).fit(WINDOWS[order], MEANS[order], weight[order])
    expected = ordered.predict(WINDOWS)
    assert_allclose(shuffled.predict(WINDOWS), expected, rtol=1e-9)


def test_equal_windows_at_different_rows_are_different_samples():
    wave = np.tile([0.0, 1.0, 0.0, -1.0], 10)[:, None]
    windows = SequenceWindower(3).fit_transform(wave)
    sizes = {}
    for batch_size in (39, 40):  # fewer windows than that are one batch
        model = LSTMRegressor(unroll="series", batch_size=batch_size, **SMALL)
        sizes[batch_size] = model.fit(windows, 2 * wave.ravel()).loss_curve_
    assert_allclose(sizes[39], sizes[40])


def test_a_repeated_sequence_does_not_overlap_itself():
    sequences = Sequences.from_arrays(list(RNG.normal(size=(10, 4, 2))))[[0, 3, 3, 7]]
    model = LSTMRegressor(**SMALL).fit(sequences, [0, 1, 1, 2])
    series = LSTMRegressor(unroll="series", **SMALL).fit(sequences, [0, 1, 1, 2])
    assert_array_equal(series.predict(sequences), model.predict(sequences))


@pytest.mark.parametrize(("length", "stride"), [(2, 1), (4, 1), (48, 1), (48, 24)])
def test_there_are_no_more_steps_than_with_windows(monkeypatch, length, stride):
    monkeypatch.setattr("sklstm._net._unroll.MIN_SIZE", 32)
    windows = SequenceWindower(length).fit_transform(RNG.normal(size=(2000, 1)))
    windows = windows[::stride]
    y, weight = np.ones((2, len(windows)))
    assert overlap(windows)
    data = SeriesDataset(windows, y, weight, **CPU)
    assert len(list(BatchLoader(data, 32))) <= -(-len(windows) // 32) + 1


def test_all_else_goes_with_it():
    states = np.where(MEANS > 0, "up", "down")
    model = LSTMClassifier(
        16,
        unroll="series",
        bidirectional=False,
        pooling="last",
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
    several.fit(WINDOWS, np.column_stack([MEANS, 2 * X[:, 1]])).fit(WINDOWS, 2 * X)
    several.partial_fit(WINDOWS, 2 * X)
    assert several.predict(WINDOWS).shape == (200, 2)
    assert several.n_iter_ == 5


def test_a_search_may_choose_it():
    pipeline = make_pipeline(SequenceWindower(8), LSTMRegressor(**SMALL))
    grid = {"lstmregressor__unroll": ["window", "series"]}
    search = GridSearchCV(pipeline, grid, cv=TimeSeriesSplit(2), error_score="raise")
    search.fit(HISTORIES, MEANS)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


@pytest.mark.parametrize("params", [{"bidirectional": True}, {"pooling": "max"}])
def test_what_needs_whole_windows_says_so(params):
    model = LSTMRegressor(unroll="series", **SMALL, **params)
    with pytest.raises(ValueError, match="or unroll='window'"):
        model.fit(WINDOWS, MEANS)


def test_each_epoch_cuts_elsewhere_and_in_another_order():
    table = np.column_stack([np.repeat([0, 1], 100), X])
    windows = SequenceWindower(8, group=0).fit_transform(table)
    data = SeriesDataset(windows, MEANS, np.ones(200), **CPU)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        epochs = [list(BatchLoader(data, 7, shuffle=True)) for _ in range(20)]
    first = {tuple(y.tolist()) for (_, y), *_ in epochs}
    assert len(first) > 15
    firsts = {len(y) for epoch in epochs for _, y in epoch}
    assert firsts == set(range(1, 9))  # cut at every phase
    for epoch in epochs:
        assert_array_equal(np.sort(torch.cat([y for _, y in epoch])), np.sort(MEANS))


def test_prediction_is_in_place_for_any_module():
    data = SeriesDataset(WINDOWS[::-1], **CPU)
    module = torch.nn.Identity()
    module.forward = lambda x, at: x[at[:2]]
    assert_array_equal(data.predict(module), X[::-1])


@pytest.mark.parametrize("params", [{"bidirectional": True}, {"pooling": "mean"}])
def test_what_needs_whole_windows_is_told_before_predict_too(params):
    model = LSTMRegressor(**SMALL, **params).fit(WINDOWS, MEANS)
    with pytest.raises(ValueError, match="or unroll='window'"):
        model.set_params(unroll="series").predict(WINDOWS)
