"""On a GPU: what a CPU computes, to rounding, and no waiting in between."""

import pickle

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from sklstm import (
    LSTMClassifier,
    LSTMRegressor,
    SequenceWindower,
    make_histories,
    make_supervised,
)
from sklstm.forecasting import AnchoredRegressor
from sklstm.inspection import (
    gate_activations,
    gradient_attribution,
    hidden_states,
)
from sklstm.streaming import Stream

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")

RNG = np.random.default_rng(0)
TABLE = np.cumsum(RNG.normal(size=(300, 2)), axis=0)
RAGGED = [RNG.normal(size=(n, 2)) for n in RNG.integers(1, 30, size=60)]
LABELS = np.array([x[:, 0].sum() > 0 for x in RAGGED])
SMALL = {"hidden_size": 8, "max_epochs": 3, "random_state": 0, "dropout": 0.0}


def both(model, *data):
    """The same fit on each device."""
    on_gpu = clone(model).set_params(
        **{name: "cuda" for name in model.get_params() if name.endswith("device")}
    )
    return clone(model).fit(*data), on_gpu.fit(*data)


@pytest.mark.parametrize("unroll", ["window", "series"])
@pytest.mark.parametrize("loss", ["squared_error", "gaussian", "quantile"])
def test_forecasts(unroll, loss):
    X, y = make_supervised(TABLE, horizon=2, target=0)
    lstm = LSTMRegressor(unroll=unroll, loss=loss, **SMALL)
    here, there = both(
        make_pipeline(SequenceWindower(12), AnchoredRegressor(lstm)), X, y
    )
    assert there[-1].regressor_.module_.head.weight.is_cuda
    assert_allclose(there.predict(X), here.predict(X), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("pooling", ["last", "mean", "max", "last_mean"])
@pytest.mark.parametrize("bidirectional", [True, False])
def test_classes(pooling, bidirectional):
    params = {"pooling": pooling, "bidirectional": bidirectional, "time_warp": 0.0}
    model = LSTMClassifier(num_layers=2, frame_size=2, **params, **SMALL)
    here, there = both(model, RAGGED, LABELS)
    expected = here.predict_proba(RAGGED)
    assert_allclose(there.predict_proba(RAGGED), expected, atol=1e-3)


def test_ids_missing_values_and_weights():
    X = np.stack([np.arange(600) % 5, RNG.normal(size=600)], axis=1).reshape(60, 10, 2)
    X[3, 2, 1] = np.nan
    y = X[:, :, 0].sum(axis=1)
    model = LSTMRegressor(categorical_features=[0], early_stopping=True, **SMALL)
    here, there = both(model, X, y, RNG.uniform(0.5, 2, size=60))
    assert_allclose(there.predict(X), here.predict(X), rtol=1e-3, atol=1e-2)


def test_a_fit_repeats():
    model = LSTMClassifier(device="cuda", hidden_size=8, max_epochs=3, random_state=0)
    first, second = (clone(model).fit(RAGGED, LABELS) for _ in range(2))
    assert_array_equal(first.predict_proba(RAGGED), second.predict_proba(RAGGED))


def test_models_go_from_device_to_device():
    model = LSTMRegressor(device="cuda", **SMALL).fit(RAGGED, LABELS * 1.0)
    expected = model.predict(RAGGED)
    loaded = pickle.loads(pickle.dumps(model))
    assert loaded.module_.head.weight.is_cuda
    assert_allclose(loaded.predict(RAGGED), expected, rtol=1e-5)
    on_cpu = pickle.loads(pickle.dumps(model.set_params(device="cpu")))
    assert not on_cpu.module_.head.weight.is_cuda
    assert_allclose(on_cpu.predict(RAGGED), expected, rtol=1e-3, atol=1e-4)
    loaded.partial_fit(RAGGED, LABELS * 1.0)


def test_streams():
    X, y = make_supervised(TABLE, target=0)
    for unroll in ("window", "series"):
        lstm = LSTMRegressor(device="cuda", unroll=unroll, **SMALL)
        model = make_pipeline(SequenceWindower(12), lstm).fit(X, y)
        stream = Stream(model)
        answers = [stream.step(row) for row in TABLE[:80]]
        expected = model.predict(make_histories(TABLE[:80]))
        assert_allclose(answers, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("unroll", ["window", "series"])
def test_an_epoch_does_not_wait_for_the_gpu(unroll, recwarn):
    """One wait for the loss of an epoch, and those for its lengths."""
    X, y = make_supervised(TABLE, target=0)
    windows = SequenceWindower(12).fit_transform(X)
    counts = []
    for n_rows in (150, 299):
        model = LSTMRegressor(
            device="cuda", unroll=unroll, batch_size=16, max_epochs=4, random_state=0
        )
        model.fit(windows[:n_rows], y[:n_rows])  # what is done once
        torch.cuda.set_sync_debug_mode("warn")
        try:
            with pytest.warns(UserWarning, match="synchroniz") as caught:
                model.fit(windows[:n_rows], y[:n_rows])
        finally:
            torch.cuda.set_sync_debug_mode("default")
        counts.append(sum("synchroniz" in str(each.message) for each in caught))
    # Twice the batches do not wait twice as often.
    assert counts[1] <= counts[0] + 4, counts


def test_memory_that_runs_out():
    X = np.zeros((4, 2, 200_000), dtype=np.float16)
    X[:, :, 0] = np.arange(8).reshape(4, 2)
    model = LSTMRegressor(1 << 15, device="cuda", max_epochs=1)
    with pytest.raises(MemoryError, match="ran out of memory in training with batch_s"):
        model.fit(X, np.arange(4.0))


@pytest.mark.parametrize("bidirectional", [True, False])
def test_what_is_inside(bidirectional):
    params = {"pooling": "last_mean", "bidirectional": bidirectional}
    here, there = both(LSTMClassifier(**params, **SMALL), RAGGED, LABELS)
    there.module_.load_state_dict(here.module_.state_dict())
    for inspect in (gate_activations, gradient_attribution):
        expected, found = (inspect(model, RAGGED) for model in (here, there))
        for name in {*expected} - {"lags", "feature_names"}:
            assert_allclose(found[name], expected[name], atol=1e-4)
    expected, found = (hidden_states(model, RAGGED) for model in (here, there))
    assert_allclose(found, expected, atol=1e-4)
