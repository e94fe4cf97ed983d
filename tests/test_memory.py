"""Where memory runs out: an ordinary error that says what was tried."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn.exceptions import FitFailedWarning
from sklearn.model_selection import GridSearchCV

from sklstm import LSTMRegressor
from sklstm._net._runtime import naming_memory
from tests._data import EQUAL, make, outputs, target

# The weights of 200,000 features take 105 gigabytes, which are refused at once.
TOO_LARGE = 1 << 15
WIDE = np.ones((12, 2, 200_000), dtype=np.float16)


def test_weights_that_fit_nowhere_leave_the_fitted_net(Estimator):
    y = target(Estimator)
    model = make(Estimator).fit(EQUAL, y)
    before = outputs(model, EQUAL)
    name = Estimator.__name__
    with pytest.raises(MemoryError) as caught:
        model.set_params(hidden_size=TOO_LARGE, batch_size=5).fit(WIDE, y)
    assert str(caught.value) == (
        f"{name} ran out of memory in training with batch_size=5, n_timesteps=2 and"
        f" hidden_size={TOO_LARGE}: lower batch_size, hidden_size or the"
        " sequence_length of windows."
    )
    assert isinstance(caught.value.__cause__, RuntimeError)
    assert_array_equal(outputs(model, EQUAL), before)


def test_a_search_goes_on_with_what_fits(Estimator):
    search = GridSearchCV(make(Estimator), {"hidden_size": [2, TOO_LARGE]}, cv=2)
    told = pytest.warns(FitFailedWarning, match="MemoryError: LSTM.* ran out of memory")
    with told, pytest.warns(UserWarning, match="scores are non-finite"):
        search.fit(WIDE, target(Estimator))
    assert search.best_params_ == {"hidden_size": 2}


LIMITED = """
import resource
from pathlib import Path
import numpy as np
from sklstm import LSTMRegressor

X = np.random.default_rng(0).normal(size=(2000, 50, 2))
y = X[:, 0, 0]
params = {"frame_size": 1, "max_epochs": 1, "linear_skip": False, "random_state": 0}
large = LSTMRegressor(256, **params).fit(X[:32], y[:32])
expected = large.predict(X[:16])
pages = int(Path("/proc/self/statm").read_text().split()[0])
most = pages * resource.getpagesize() + (60 << 20)
resource.setrlimit(resource.RLIMIT_AS, (most, most))
for call in (
    lambda: LSTMRegressor(64, batch_size=2000, **params).fit(X, y),
    lambda: large.predict(X),
):
    try:
        call()
    except MemoryError as error:
        print(error)
print(np.array_equal(large.predict(X[:16]), expected))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="may not hold to the limit")
def test_a_limit_of_the_system_is_told():
    command = [sys.executable, "-W", "ignore", "-c", LIMITED]
    done = subprocess.run(
        command, capture_output=True, check=True, text=True, timeout=60
    )
    assert done.stdout.splitlines() == [
        "LSTMRegressor ran out of memory in training with batch_size=2000,"
        " n_timesteps=50 and hidden_size=64: lower batch_size, hidden_size or the"
        " sequence_length of windows.",
        "LSTMRegressor ran out of memory in predicting 2000 sequence(s) with"
        " n_timesteps=50 and hidden_size=256: predict fewer, or fit with a lower"
        " hidden_size or sequence_length.",
        "True",
    ]


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9.00 GiB."),
        RuntimeError("CUDA error: out of memory"),
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
        RuntimeError("std::bad_alloc"),
    ],
)
def test_all_say_the_same(error):
    with pytest.raises(MemoryError) as caught, naming_memory("what was tried"):
        raise error
    assert str(caught.value) == "what was tried"
    assert caught.value.__cause__ is error


def test_other_errors_are_left_alone():
    model = LSTMRegressor(2, max_epochs=1).fit(EQUAL, np.arange(12.0))
    model.module_.register_forward_hook(lambda *_: torch.zeros(2) + torch.zeros(3))
    with pytest.raises(RuntimeError, match="size of tensor"):
        model.predict(EQUAL)
