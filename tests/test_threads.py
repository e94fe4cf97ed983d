"""Fits beside each other, beside foreign draws, and in children that are forked."""

import copy
import os
import pickle
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from skorch.callbacks import Callback

from sklstm import LSTMClassifier, LSTMRegressor, make_supervised

X = np.random.default_rng(0).normal(size=(80, 6, 2))
Y = X[:, 0, 0]
HISTORIES, LATER = make_supervised(np.sin(np.arange(200.0)))
SHAPES = [
    {},
    {"num_layers": 2, "dropout": 0.3},
    {"num_layers": 2, "dropout": 0.3, "bidirectional": True, "pooling": "mean"},
    {"unroll": "series", "dropout": 0.3},
]


def make(**params):
    params = {"hidden_size": 4, "max_epochs": 4, "random_state": 0} | params
    plain = {"n_iter_no_change": None, "lr_scheduler": None, "linear_skip": False}
    return LSTMRegressor(**plain, **params)


def data_of(params):
    return (HISTORIES.tail(9), LATER) if "unroll" in params else (X, Y)


def fit(params):
    data = data_of(params)
    return make(**params).fit(*data).predict(data[0])


@pytest.mark.parametrize("params", SHAPES)
def test_fits_and_foreign_draws_do_not_disturb_each_other(params):
    alone = fit(params)
    torch.manual_seed(5)
    expected = [torch.rand(3) for _ in range(200)]
    torch.manual_seed(5)
    with ThreadPoolExecutor(10) as pool:
        fits = [pool.submit(fit, params) for _ in range(10)]
        drawn = [torch.rand(3) for _ in range(200)]
    assert torch.equal(torch.stack(drawn), torch.stack(expected))
    for done in fits:
        assert_array_equal(done.result(), alone)


@pytest.mark.parametrize("params", SHAPES)
def test_several_short_fits_are_one_long_one(params):
    """Also with a pickle in between."""
    data = data_of(params)
    expected = fit(params)
    steps = make(**params)
    for _ in range(4):
        steps = pickle.loads(pickle.dumps(steps.partial_fit(*data)))
    assert_array_equal(steps.predict(data[0]), expected)
    warm = make(**params | {"max_epochs": 2}, warm_start=True)
    warm.fit(*data).fit(*data)
    assert_array_equal(warm.predict(data[0]), expected)


def test_a_copy_and_a_load_inside_a_fit():
    class Copies(Callback):
        def on_epoch_end(self, net, **kwargs):
            done = ThreadPoolExecutor(1).submit(
                lambda: (copy.deepcopy(other), pickle.loads(pickle.dumps(other)))
            )
            seen.extend(done.result(timeout=30))

    other, seen = make().fit(X, Y), []
    expected = other.predict(X)
    watched = make(callbacks=[Copies()]).fit(X, Y)
    assert_array_equal(watched.predict(X), expected)
    assert len(seen) == 8
    for model in seen:
        assert_array_equal(model.predict(X), expected)


def test_loading_draws_nothing():
    written = pickle.dumps(make().fit(X, Y))
    state = torch.get_rng_state()
    pickle.loads(written)
    assert torch.equal(torch.get_rng_state(), state)


FORK = """
import os, sys, threading, time
import numpy as np
from sklstm import LSTMRegressor
X = np.random.default_rng(0).normal(size=(200, 10, 2)); y = X[:, 0, 0]
params = {"n_iter_no_change": None, "random_state": 0}
long = LSTMRegressor(16, max_epochs=10**6, **params)
threading.Thread(target=long.fit, args=(X, y), daemon=True).start()
time.sleep(float(sys.argv[1]))
child = os.fork()
if child == 0:
    LSTMRegressor(4, max_epochs=1, **params).fit(X, y)
    os._exit(7)
_, status = os.waitpid(child, 0)
os._exit(os.waitstatus_to_exitcode(status))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
@pytest.mark.parametrize("seconds", [0.05, 0.5, 4])
def test_a_child_that_is_forked_during_a_fit_can_fit(seconds):
    """Also while torch is still importing what the first fit needs."""
    command = [sys.executable, "-c", FORK, str(seconds)]
    done = subprocess.run(command, timeout=90, check=False)
    assert done.returncode == 7


def test_a_number_of_threads_set_before_the_import_stays():
    code = (
        "import torch; torch.set_num_threads(3)\n"
        "from sklstm._net._runtime import suit_threads\n"
        "with suit_threads(1): print(torch.get_num_threads())"
    )
    environ = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environ, capture_output=True, check=True)
    assert done.stdout == b"3\n"


def test_labels_are_drawn_alike_in_threads():
    y = Y > 0
    model = LSTMClassifier(4, max_epochs=2, early_stopping=True, random_state=0)
    expected = copy.deepcopy(model).fit(X, y).predict_proba(X)
    found = []

    def work():
        found.append(copy.deepcopy(model).fit(X, y).predict_proba(X))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for probabilities in found:
        assert_array_equal(probabilities, expected)
