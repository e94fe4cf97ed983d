"""Ctrl-C: a real SIGINT to a real process."""

import signal
import subprocess
import sys
import textwrap

import pytest

START = """
import signal, sys, warnings
import numpy as np
from skorch.callbacks import Callback
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklstm import LSTMRegressor, make_supervised
from sklstm.forecasting import AutoForecaster

signal.signal(signal.SIGINT, signal.default_int_handler)  # also in the background

class Ready(Callback):
    def on_epoch_end(self, net, **kwargs):
        if len(net.history) == 2:
            print("ready", flush=True)

X, y = make_supervised(np.sin(np.arange(400.0)))
X = X.tail(9)
params = {"max_epochs": 10**6, "n_iter_no_change": None, "random_state": 0}
lstm = LSTMRegressor(4, callbacks=[Ready()], **params)
"""
WORK = {
    "fit": "lstm.fit(X, y)",
    "search": """
        cv = TimeSeriesSplit(2)
        lstm = GridSearchCV(lstm, {"hidden_size": [3, 4]}, cv=cv, error_score=0.0)
        lstm.fit(X, y)
    """,
    "parallel search": """
        cv = TimeSeriesSplit(2)
        lstm = GridSearchCV(lstm, {"hidden_size": [3, 4]}, cv=cv, n_jobs=2)
        print("ready", flush=True)
        lstm.fit(X, y)
    """,
    "recipe": """
        class Slow(LSTMRegressor):
            def partial_fit(self, X, y):
                super().partial_fit(X, y)
                print("ready", flush=True)
                return self
        lstm = AutoForecaster(lstm=Slow(4), max_epochs=10**6)
        while True:
            lstm.fit(X, y)
    """,
    "partial_fit": """
        while True:
            lstm.partial_fit(X, y)
    """,
}
END = """
except KeyboardInterrupt as error:
    kept = hasattr(lstm, "net_") and np.isfinite(lstm.predict(X)).all()
    epochs = kept and lstm.n_iter_ == len(lstm.loss_curve_) > 1
    print("interrupted", kept and epochs)
else:
    print("finished")
"""


@pytest.mark.parametrize("work", WORK)
def test_an_interruption_ends_the_work_around_a_fit(work):
    """And leaves a net that was fitted by a person with what it has learnt."""
    body = textwrap.indent(textwrap.dedent(WORK[work]), "    ")
    code = f"{START}\ntry:\n{body}\n{END}"
    command = [sys.executable, "-W", "ignore", "-c", code]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as child:
        assert child.stdout.readline() == "ready\n"
        child.send_signal(signal.SIGINT)
        lines = child.stdout.read().split("\n")
    lines = [line for line in lines if line not in ("", "ready")]
    assert lines == [f"interrupted {work in ('fit', 'partial_fit')}"]


def test_a_warning_that_is_an_error_does_not_hide_an_interruption():
    code = f"{START}\nwarnings.simplefilter('error')\nlstm.fit(X, y)"
    command = [sys.executable, "-c", code]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout.readline() == "ready\n"
        child.send_signal(signal.SIGINT)
        _, errors = child.communicate()
    assert "KeyboardInterrupt: fit was interrupted; the estimator keeps the" in errors


def test_a_handler_of_ones_own_interrupts_too():
    """It has to use `raise`, as callbacks do that only stop training."""
    handler = """
def handler(number, frame):
    raise KeyboardInterrupt
signal.signal(signal.SIGINT, handler)
"""
    code = f"{START}\n{handler}\ntry:\n    lstm.fit(X, y)\n{END}"
    command = [sys.executable, "-W", "ignore", "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout.readline() == "ready\n"
        child.send_signal(signal.SIGINT)
        assert child.stdout.read() == "interrupted True\n"
