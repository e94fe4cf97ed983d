"""Devices and seeds."""

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback

from sklstm import LSTMRegressor
from sklstm._net import _runtime
from sklstm._net._runtime import resolve_device, suit_threads


@pytest.mark.parametrize("device", ["nonsense", "cuda:99"])
def test_missing_device_is_named(device):
    with pytest.raises(ValueError, match=f"device='{device}' cannot be used") as caught:
        resolve_device(device)
    assert "\n" not in str(caught.value)


def test_auto_finds_a_device():
    expected = "cuda" if torch.cuda.is_available() else "cpu"
    assert resolve_device("auto").type == expected


def test_a_net_from_a_missing_device_is_loaded_on_the_cpu():
    X = np.arange(10.0).reshape(5, 2)
    model = LSTMRegressor(4, max_epochs=1).fit(X, X[:, 0])
    expected = model.predict(X)
    model.device = "cuda:99"
    with pytest.warns(UserWarning, match="on the CPU: device='cuda:99'"):
        model = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(model.predict(X), expected)


@pytest.fixture
def three_threads(monkeypatch):
    """As if torch had taken three threads of its own accord."""
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    monkeypatch.setattr(_runtime, "_UNSET_THREADS", 3)
    yield
    torch.set_num_threads(before)


class ThreadsSeen(Callback):
    def on_train_begin(self, net, **kwargs):
        self.seen = torch.get_num_threads()


@pytest.mark.usefixtures("three_threads")
@pytest.mark.parametrize(("hidden_size", "expected"), [(8, 1), (256, 3)])
def test_small_nets_take_one_thread(hidden_size, expected):
    spy = ThreadsSeen()
    X = np.random.default_rng(0).normal(size=(32, 2, 3))
    LSTMRegressor(hidden_size, max_epochs=1, callbacks=[spy]).fit(X, X[:, 0, 0])
    assert spy.seen == expected
    assert torch.get_num_threads() == 3


@pytest.mark.usefixtures("three_threads")
def test_small_predictions_take_one_thread():
    X = np.random.default_rng(0).normal(size=(20, 2, 3))
    model = LSTMRegressor(8, max_epochs=1).fit(X, X[:, 0, 0])
    seen = []
    model.module_.register_forward_hook(lambda *_: seen.append(torch.get_num_threads()))
    model.predict(X)
    assert seen == [1]


@pytest.mark.usefixtures("three_threads")
def test_a_number_of_threads_that_somebody_set_stays():
    torch.set_num_threads(2)
    with suit_threads(1):
        assert torch.get_num_threads() == 2
    torch.set_num_threads(3)
    with pytest.raises(ZeroDivisionError), suit_threads(1):
        1 / 0  # noqa: B018
    assert torch.get_num_threads() == 3


@pytest.mark.usefixtures("three_threads")
def test_other_threads_keep_their_number():
    with suit_threads(1), ThreadPoolExecutor(1) as pool:
        assert torch.get_num_threads() == 1
        assert pool.submit(torch.get_num_threads).result() == 3
