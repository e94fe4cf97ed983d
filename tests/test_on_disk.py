"""Sequences on a table that is a mapped file: read as they are needed, with one result.

The oracle is the twin in memory. Where a pass over a large table is shuffled in another
way than in memory, the order itself is looked at.
"""

import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal

from sklstm import (
    LSTMClassifier,
    LSTMRegressor,
    Sequences,
    SequenceWindower,
    _sequences,
    make_supervised,
)
from sklstm._net import _batches
from sklstm._net._batches import BatchDataset
from sklstm._sequences import on_disk

RNG = np.random.default_rng(0)
SERIES = 10 * RNG.normal(size=(300, 3)).cumsum(axis=0)
SMALL = {"hidden_size": 3, "max_epochs": 2, "random_state": 0}
# Two epochs are not meant to learn.
pytestmark = pytest.mark.filterwarnings("ignore:.* learned nothing|.* stopped learning")


@pytest.fixture
def mapped(tmp_path):
    def write(table):
        np.save(tmp_path / "table.npy", table)
        return np.load(tmp_path / "table.npy", mmap_mode="r")

    return write


def windows_of(table, length=8):
    X, y = make_supervised(table, target=0)
    return SequenceWindower(length).fit_transform(X), y


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "int16"])
@pytest.mark.parametrize(
    "params",
    [
        {},
        {"unroll": "series"},
        {"standardize": False},
        {"early_stopping": True},
        {"frame_size": 3},
        {"bidirectional": True, "dtype": "float64"},
    ],
    ids=lambda params: " ".join(params),
)
def test_fit_and_predict_as_in_memory(dtype, params, mapped):
    table = SERIES.astype(dtype)
    if table.dtype.kind == "f" and params.get("standardize", True):
        table[5:9, 1] = np.nan
    predicted = []
    for steps in (table, mapped(table)):
        windows, y = windows_of(steps)
        assert on_disk(windows.steps) is isinstance(steps, np.memmap)
        model = LSTMRegressor(**SMALL, **params).fit(windows, y)
        predicted.append(model.predict(windows))
    assert_array_equal(*predicted)


@pytest.mark.parametrize("params", [{"time_warp": 0.1}, {"embedding_size": 2}])
def test_classifiers(params, mapped, monkeypatch):
    monkeypatch.setattr(_sequences, "FEW_BYTES", 0)
    table = RNG.integers(4, size=(240, 1)).astype(np.int16)
    proba = []
    for steps in (table, mapped(table)):
        X = Sequences(steps, np.arange(0, 240, 24), np.tile([20, 24], 5))
        labels = table[X.starts + 2, 0] > 1
        model = LSTMClassifier(**SMALL, **params).fit(X, labels)
        proba.append(model.predict_proba(X))
    assert_array_equal(*proba)


def test_whole_arrays(mapped):
    X, y = RNG.normal(size=(40, 6, 2)), RNG.normal(size=40)
    model = LSTMRegressor(**SMALL).fit(X, y)
    on = LSTMRegressor(**SMALL).fit(mapped(X), y)
    assert_array_equal(on.predict(mapped(X)), model.predict(X))
    flat = LSTMRegressor(**SMALL).fit(X[:, :, 0], y)
    on = LSTMRegressor(**SMALL).fit(mapped(X[:, :, 0]), y)
    assert_array_equal(on.predict(mapped(X[:, :, 0])), flat.predict(X[:, :, 0]))


def test_a_part_is_predicted_as_in_all(mapped, tmp_path):
    windows, y = windows_of(mapped(SERIES))
    model = LSTMRegressor(**SMALL).fit(windows, y)
    out = np.lib.format.open_memmap(tmp_path / "y.npy", "w+", np.float32, (len(y),))
    for start in range(0, len(y), 70):
        out[start : start + 70] = model.predict(windows[start : start + 70])
    assert_array_equal(out, model.predict(windows).astype(np.float32))


def test_rows_that_are_in_no_sequence_are_not_looked_at(mapped, monkeypatch):
    table = SERIES.copy()
    table[::10] = np.inf
    monkeypatch.setattr(_sequences, "FEW_BYTES", 0)
    X = Sequences(mapped(table), np.arange(1, 300, 10), np.full(30, 9))
    dense = np.asarray(X)
    y = dense[:, -1, 0] + dense[:, -2, 1]
    model = LSTMRegressor(**SMALL).fit(X, y)
    expected = LSTMRegressor(**SMALL).fit(dense, y)
    assert_array_equal(model.predict(X), expected.predict(dense))


@pytest.mark.parametrize(
    ("standardize", "value", "message"),
    [
        (True, np.inf, "^Input X contains infinity: sequence 9, step 7, feature 1"),
        (True, 1e200, r"contains 1e\+200, too large .*: sequence 9, step 7, feature 1"),
        (False, 1e39, "^Input X contains 1e.39, too large for float32"),
    ],
)
def test_what_is_too_large_has_its_place(standardize, value, message, mapped):
    table = SERIES.copy()
    windows, y = windows_of(mapped(table))
    model = LSTMRegressor(**SMALL, standardize=standardize).fit(windows, y)
    table[9, 1] = value
    bad = Sequences(mapped(table), windows.starts, windows.lengths)
    with pytest.raises(ValueError, match=message):
        model.predict(bad)


def test_what_is_too_large_once_scaled_has_its_place(mapped):
    messages = []
    for read in (np.asarray, mapped):
        table = 1e-30 * RNG.normal(size=(60, 2))
        X, y = np.arange(50), RNG.normal(size=50)
        X = Sequences(read(table), X, np.full(50, 6))
        model = LSTMRegressor(**SMALL).fit(X, y)
        table[20, 1] = 1e20
        with pytest.raises(ValueError, match=r"^X, divided by scaler_") as caught:
            model.predict(Sequences(read(table), X.starts, X.lengths))
        messages.append(str(caught.value))
    assert messages[0] == messages[1]
    assert "infinity: sequence 15, step 5, feature 1" in messages[0]


def test_few_steps_from_all_over_are_read(mapped, monkeypatch):
    """Nothing is then counted for each row of the table."""
    X = Sequences(mapped(SERIES), [200, 3, 100, 104], [5, 5, 7, 9])
    few = X._lean()
    assert not on_disk(few.steps)
    assert len(few.steps) == 5 + 5 + 13
    assert_array_equal(few.rows, X.starts + X.lengths - 1)
    assert all(np.array_equal(*pair) for pair in zip(few, X, strict=True))
    monkeypatch.setattr(_sequences, "FEW_BYTES", 0)
    assert on_disk(X._lean().steps)


def test_a_pickle_holds_the_steps(mapped):
    windows = windows_of(mapped(SERIES))[0][10:20]
    made = pickle.loads(pickle.dumps(windows))
    assert not on_disk(made.steps)
    assert len(made.steps) < 20
    assert_array_equal(made, windows)


# The order of a pass over a table of which 10 pools are made.

N = 38_400


@pytest.fixture
def drawn(monkeypatch):
    """Orders of several passes, and the size of a batch."""
    table = np.arange(float(N))[:, np.newaxis]
    monkeypatch.setattr(_batches, "POOL_BYTES", 4 * N // 10)
    place = {"dtype": torch.float32, "device": torch.device("cpu")}
    X = Sequences(table, np.arange(N)[::-1], np.ones(N, dtype=int))
    data = BatchDataset(X, prepare=lambda steps: steps, **place)
    data.generator = torch.Generator().manual_seed(0)
    return [
        data._draw_order(data.starts, data.n_steps, 16).numpy() for _ in range(20)
    ], 16


def test_each_sequence_is_there_once(drawn):
    for order in drawn[0]:
        assert_array_equal(np.sort(order), np.arange(N))


def test_a_pool_is_blocks_of_neighbours(drawn):
    orders, size = drawn
    for order in orders:
        rows = np.sort(order[: N // 10])
        n_blocks = 1 + np.count_nonzero(np.diff(rows) > 1)
        assert n_blocks <= _batches.N_BLOCKS * size + 1


def test_bias_is_bounded(drawn):
    """In the worst case, where the steps of a block are all alike, as of a trend."""
    orders, size = drawn
    values = (np.arange(N) - (N - 1) / 2) / np.arange(N).std()
    means = np.array([values[order].reshape(-1, size).mean(axis=1) for order in orders])
    assert 1.1 < size * (means**2).mean() < 1 + 1 / _batches.N_BLOCKS + 0.05
    pools = means.reshape(20, 10, -1).mean(axis=2)
    assert pools.std() < 0.5 / np.sqrt(size) * 1.1
    # Batches of one block each would have the spread of all.
    assert (values.reshape(-1, size).mean(axis=1) ** 2).mean() > 0.9
    assert abs(means.mean()) < 1e-9


@pytest.mark.parametrize("unroll", ["window", "series"])
def test_training_in_pools_learns(unroll, mapped, monkeypatch):
    series = np.sin(np.arange(2000) / 3)
    windows, y = windows_of(mapped(series[:, np.newaxis]))
    params = {"hidden_size": 8, "linear_skip": False, "unroll": unroll}
    params |= {"max_epochs": 20 if unroll == "series" else 3, "random_state": 0}
    params["learning_rate"] = 0.01
    whole = LSTMRegressor(**params).fit(windows, y)
    monkeypatch.setattr(_batches, "POOL_BYTES", 4000)
    pooled = LSTMRegressor(**params).fit(windows, y)
    again = LSTMRegressor(**params).fit(windows, y)
    assert pooled.loss_curve_ != whole.loss_curve_
    assert pooled.loss_curve_ == again.loss_curve_
    assert min(whole.score(windows, y), pooled.score(windows, y)) > 0.95


@pytest.mark.parametrize("unroll", ["window", "series"])
def test_the_order_is_the_same_in_memory(unroll, mapped, monkeypatch):
    """joblib's workers see large tables as files: their fits have the same bits."""
    monkeypatch.setattr(_batches, "POOL_BYTES", 4000)
    series = np.sin(np.arange(4000.0) / 3)[:, np.newaxis]
    series[7] = np.nan  # a mark of it stands beside the values in memory
    params = {"hidden_size": 4, "unroll": unroll, "max_epochs": 2, "random_state": 0}
    curves = []
    for table in (series, mapped(series)):
        X, y = make_supervised(table, target=0)
        X, y = SequenceWindower(6).fit_transform(X)[:-1000], y[:-1000]
        known = ~np.isnan(y)
        curves.append(LSTMRegressor(**params).fit(X[known], y[known]).loss_curve_)
    assert curves[0] == curves[1]


def test_rows_that_sequences_cover():
    rng = np.random.default_rng(0)
    starts, lengths = np.sort(rng.integers(0, 90, 12)), rng.integers(1, 9, 12)
    rows = {
        row for s, n in zip(starts, lengths, strict=True) for row in range(s, s + n)
    }
    starts, lengths = map(torch.from_numpy, (starts, lengths))
    assert _batches._count_rows(starts, lengths) == len(rows)


LIMITED = """
import resource
import sys
import numpy as np
from sklstm import LSTMRegressor, SequenceWindower, _sequences, make_supervised

_sequences.FEW_BYTES = 0

def read(path):
    X, y = make_supervised(np.load(path, mmap_mode="r"), target=0)
    return SequenceWindower(4).fit_transform(X)[::100], y[::100]

def fit(X, y):
    params = {"hidden_size": 2, "max_epochs": 1, "random_state": 0, "batch_size": 8}
    return LSTMRegressor(**params, linear_skip=False).fit(X, y).predict(X)

fit(*read(sys.argv[1]))
with open("/proc/self/status") as status:
    data = next(int(line.split()[1]) for line in status if line.startswith("VmData"))
most = (data << 10) + (120 << 20)
resource.setrlimit(resource.RLIMIT_DATA, (most, most))
print(np.isfinite(fit(*read(sys.argv[2]))).all())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="counts the file, too")
@pytest.mark.filterwarnings("ignore")
def test_a_table_is_not_loaded(tmp_path):
    """A table of 256 megabytes, with some 120 to spare."""
    part = RNG.normal(size=(1 << 12, 256)).astype(np.float32)
    paths = [tmp_path / "small.npy", tmp_path / "large.npy"]
    for path, n_parts in zip(paths, (1, 64), strict=True):
        shape = (n_parts << 12, 256)
        table = np.lib.format.open_memmap(path, "w+", part.dtype, shape)
        table.reshape(n_parts, *part.shape)[:] = part
        del table
    command = [sys.executable, "-W", "ignore", "-c", LIMITED, *map(str, paths)]
    done = subprocess.run(
        command, capture_output=True, check=True, text=True, timeout=120
    )
    assert done.stdout == "True\n"
