"""Threads, copies, forks and joblib's backends: the bits of one alone, and no hang."""

import copy
import inspect
import os
import pickle
import subprocess
import sys
import threading
import time
from itertools import chain

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from skorch.callbacks import Callback

from sklstm import LSTMClassifier, LSTMRegressor, drop_training_state
from sklstm._net import _runtime
from sklstm._net._runtime import Gate

X = np.random.default_rng(0).normal(size=(80, 6, 2))
Y = X[:, :, 0].sum(axis=1)


def make(Estimator=LSTMRegressor, **params):
    params = {"max_epochs": 3, "dropout": 0.3, "random_state": 0} | params
    return Estimator(4, **params)


def together(*calls):
    """Begin calls in threads at once; return what each returns, if all of them end."""
    results, start = [None] * len(calls), threading.Barrier(len(calls))

    def work(i):
        start.wait()
        try:
            results[i] = calls[i]()
        except Exception as error:
            results[i] = error

    threads = [
        threading.Thread(target=work, args=(i,), daemon=True) for i in range(len(calls))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
        assert not thread.is_alive()
    for result in results:
        if isinstance(result, Exception):
            raise result
    return results


@pytest.mark.parametrize("Estimator", [LSTMRegressor, LSTMClassifier])
def test_eight_threads_predict_while_two_fit(Estimator):
    y = Y if Estimator is LSTMRegressor else Y > 0
    served = make(Estimator).fit(X, y)
    expected = served.predict(X)
    other = make(Estimator, num_layers=2, early_stopping=True)
    alone = clone(other).fit(X, y).predict(X)
    predicts = [lambda: [served.predict(X) for _ in range(20)]] * 8
    fits = [lambda: [clone(other).fit(X, y).predict(X) for _ in range(3)]] * 2
    *predicted, first, second = together(*predicts, *fits)
    for each in chain(*predicted):
        assert_array_equal(each, expected)
    for each in first + second:
        assert_array_equal(each, alone)


def test_a_model_that_goes_on_training_can_be_asked_meanwhile():
    """It answers as it was before some call of `partial_fit`, or after it."""
    alone, known = make(linear_skip=False), set()
    served = copy.deepcopy(alone).partial_fit(X, Y)
    for _ in range(21):
        known.add(alone.partial_fit(X, Y).predict(X).tobytes())
    assert len(known) == 21

    def train():
        for _ in range(20):
            served.partial_fit(X, Y)

    def ask():
        return [served.predict(X).tobytes() for _ in range(40)]

    _, *answers = together(train, ask, ask, ask)
    assert {*chain(*answers)} <= known
    assert_array_equal(served.predict(X), alone.predict(X))


class Copies(Callback):
    """Copy an estimator, and its net, after each epoch of its own training."""

    def on_epoch_end(self, net, **kwargs):
        if Copies.model is not None:
            model, Copies.model = Copies.model, None  # for copies train, too
            whole = [copy.deepcopy(model), pickle.loads(pickle.dumps(model))]
            small = drop_training_state(model)
            Copies.made.append((clone(model), whole, small))
            for one in (net, net.module_):
                copy.deepcopy(one)
                pickle.loads(pickle.dumps(one))
            Copies.model = model


def test_a_model_can_be_copied_in_its_own_fit():
    params = {"lr_scheduler": None, "warm_start": True, "num_layers": 2}
    alone = make(**params).fit(X, Y)
    first = alone.predict(X)
    second = alone.fit(X, Y).predict(X)
    model = make(**params, callbacks=[Copies()])
    Copies.model, Copies.made = model, []
    assert_array_equal(model.fit(X, Y).predict(X), first)
    assert_array_equal(model.fit(X, Y).predict(X), second)
    Copies.model = None
    assert len(Copies.made) == 6
    for i, (unfitted, whole, small) in enumerate(Copies.made):
        assert_array_equal(unfitted.fit(X, Y).predict(X), first)
        # What is fitted is so before the training of the second fit, or not at all.
        for each in whole:
            if i >= 3:
                assert_array_equal(each.predict(X), first)
            assert_array_equal(each.fit(X, Y).predict(X), [first, second][i >= 3])
        assert hasattr(small, "net_") == (i >= 3)


def run(code, *args):
    """Run a script, which fails if it hangs, and return what it prints."""
    command = [sys.executable, "-W", "ignore", "-c", code, *args]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_fork_waits_for_those_who_compute_and_lets_nobody_in():
    gate, said = Gate(), []
    inside, closing = threading.Event(), threading.Event()

    def compute():
        with gate:
            inside.set()
            closing.wait()
            time.sleep(0.1)
            with gate:  # of the same thread
                said.append("computed")

    def fork():
        inside.wait()
        closing.set()
        gate.close()
        said.append("forked")
        gate.changed.release()

    def come_later():
        closing.wait()
        time.sleep(0.05)
        with gate:
            said.append("came later")

    together(compute, fork, come_later)
    assert said == ["computed", "forked", "came later"]
    with gate:  # what one does oneself is no reason to wait
        gate.close()
        gate.changed.release()


def test_ctrl_c_cannot_leave_the_gate_closed():
    """Python handles a signal that came during a fork where its next line begins."""
    assert inspect.isbuiltin(_runtime.COMPUTING.changed.release)


def test_a_fork_does_not_wait_for_ever(monkeypatch):
    monkeypatch.setattr(_runtime, "PATIENCE", 0.1)
    gate = Gate()
    gate.inside.append(-1)
    gate.close()
    gate.begin_child()
    assert gate.inside == []
    with gate:
        pass


DATA = """
import numpy as np
X = np.random.default_rng(0).normal(size=(64, 6, 4))
y = X[:, :, 0].sum(axis=1)
"""
FORKS = f"""{DATA}
import multiprocessing, os, pickle, threading, time
import torch

torch.set_num_threads(2)
from sklstm import LSTMRegressor

model = LSTMRegressor(256, max_epochs=1, batch_size=64, random_state=0)
context = multiprocessing.get_context("fork")

def call_in_child(function, *args):
    results = context.Queue()
    work = lambda: results.put(function(*args))
    context.Process(target=work, daemon=True).start()
    return results.get(timeout=30)

def fit():
    return pickle.dumps(model.fit(X, y)), model.predict(X)

def ask():
    same = np.array_equal(loaded.predict(X), expected)
    return same and np.array_equal(fit()[1], expected)

saved, expected = call_in_child(fit)
loaded = pickle.loads(saved)
print(call_in_child(ask))
assert np.allclose(model.fit(X, y).predict(X), expected, atol=1e-5)
print(call_in_child(ask))
long = LSTMRegressor(8, max_epochs=10**6, n_iter_no_change=None)
threading.Thread(target=long.fit, args=(X, y), daemon=True).start()
for _ in range(5):
    time.sleep(0.1)
    print(call_in_child(ask), flush=True)
os._exit(0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
def test_a_child_does_not_wait_for_threads_of_its_parent():
    """Whether that has only loaded a model, as servers do, or fits one just now."""
    assert run(FORKS) == ["True"] * 7


BACKENDS = f"""{DATA}
import joblib
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklstm import LSTMRegressor

model = LSTMRegressor(4, max_epochs=2, dropout=0.3, random_state=0)
search = GridSearchCV(model, {{"hidden_size": [3, 4]}}, cv=2)
alone = search.fit(X, y).predict(X)
scores = search.cv_results_["mean_test_score"]
for backend in ("sequential", "threading", "multiprocessing", "loky"):
    with joblib.parallel_config(backend, n_jobs=2):
        search.fit(X, y)
        parts = [joblib.delayed(search.predict)(X[i : i + 16]) for i in (0, 16, 32, 48)]
        parts = joblib.Parallel()(parts)
    print(
        backend,
        np.array_equal(search.cv_results_["mean_test_score"], scores),
        np.array_equal(np.concatenate(parts), alone),
    )
"""


def test_all_backends_of_joblib_give_the_same_bits():
    assert run(BACKENDS) == [
        f"{backend} True True"
        for backend in ("sequential", "threading", "multiprocessing", "loky")
    ]
