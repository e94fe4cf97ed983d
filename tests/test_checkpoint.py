"""A fit that is killed goes on, and ends in the same bits."""

import hashlib
import io
import os
import pickle
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import Callback

from sklstm import FitCheckpoint, LSTMClassifier, LSTMRegressor
from tests._data import message_of

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 12, 2))
Y = X[:, :, 0].sum(axis=1)


class Watch(Callback):
    """Counts epochs, and ends a fit as a signal would, in an epoch or at its end."""

    n_epochs = 0
    kill = None  # an epoch, and where in it

    def look(self, net, at):
        if Watch.kill == (len(net.history), at):
            raise SystemExit

    def on_epoch_begin(self, net, **kwargs):
        self.look(net, "begin")

    def on_epoch_end(self, net, **kwargs):
        Watch.n_epochs += 1
        self.look(net, "end")


@pytest.fixture(autouse=True)
def fresh():
    Watch.n_epochs, Watch.kill = 0, None


def make(directory, estimator=LSTMRegressor, keep=False, **params):
    callbacks = [FitCheckpoint(directory, keep=keep), Watch()]
    params = {"max_epochs": 8, "random_state": 0} | params
    return estimator(6, callbacks=callbacks, **params)


def plain(estimator=LSTMRegressor, **params):
    """The same without a checkpoint."""
    model = make("unused", estimator, **params)
    return model.set_params(callbacks=[Watch()])


def kill(model, epoch, at, X=X, y=Y):
    Watch.kill = epoch, at
    with pytest.raises(SystemExit):
        model.fit(X, y)
    Watch.kill = None


def assert_same(first, second):
    states = (model.module_.state_dict() for model in (first, second))
    for one, other in zip(*(state.values() for state in states), strict=True):
        assert_array_equal(one.numpy(), other.numpy())
    for name in ("loss_curve_", "validation_scores_", "best_epoch_", "n_iter_"):
        assert getattr(first, name) == getattr(second, name)


FORMS = {
    "plain": {},
    "stopping": {
        "early_stopping": True,
        "learning_rate": 0.02,
        "n_iter_no_change": 4,
        "max_epochs": 30,
    },
    "plateau": {
        "lr_scheduler": ("reduce_on_plateau", {"patience": 1}),
        "early_stopping": True,
        "learning_rate": 0.1,
    },
    "sgd": {"optimizer": ("sgd", {"momentum": 0.9}), "lr_scheduler": None},
    "dropout": {"dropout": 0.5, "num_layers": 2, "bidirectional": True},
    "quantiles": {"loss": "quantile", "quantile": [0.1, 0.9]},
    "classes": {"estimator": LSTMClassifier, "max_epochs": 6},
}


@pytest.mark.parametrize("at", ["begin", "end"])
@pytest.mark.parametrize("form", FORMS)
def test_a_fit_that_was_killed_twice_ends_in_the_same_bits(form, at, tmp_path):
    params = FORMS[form]
    y = (Y > 0).astype(int) if form == "classes" else Y
    whole = plain(**params).fit(X, y)
    n_whole, Watch.n_epochs = Watch.n_epochs, 0
    assert n_whole > 4
    kill(make(tmp_path, **params), 3, at, y=y)
    kill(make(tmp_path, **params), 4, at, y=y)
    (path,) = tmp_path.iterdir()
    torn = path.with_name(f"{path.stem}torn.tmp")  # killed as it wrote
    torn.write_bytes(b"")
    os.utime(torn, (0, 0))
    resumed = make(tmp_path, **params).fit(X, y)
    assert_same(whole, resumed)
    # An epoch is seen again if it was killed before all had seen its end.
    assert Watch.n_epochs == n_whole + 2 * (at == "end")
    assert list(tmp_path.iterdir()) == []
    assert pickle.loads(pickle.dumps(resumed)).callbacks[0].directory == tmp_path
    assert not hasattr(resumed.callbacks[0], "path_")


def test_a_fit_that_goes_on_may_print(tmp_path, capsys):
    kill(make(tmp_path), 3, "begin")
    resumed = make(tmp_path, verbose=1).fit(X, Y)
    epochs = [line.split("  ")[0] for line in capsys.readouterr().out.splitlines()]
    assert epochs == [f"epoch {i}/8" for i in range(3, 9)]
    assert_same(plain().fit(X, Y), resumed)


@pytest.mark.parametrize(
    "other",
    [
        {"X": X**2},
        {"X": X[::-1], "y": Y[::-1]},
        {"y": Y**2},
        {"random_state": 1},
        {"learning_rate": 0.01},
        {"max_epochs": 9},
        {"batch_size": 16},
        {"dropout": 0.1},
        {"loss": "huber"},
        {"lr_scheduler": None},
        {"max_grad_norm": 2.0},
        {"optimizer": "adamw"},
        {"early_stopping": True},
        {"sample_weight": np.linspace(1, 2, 60)},
    ],
    ids="-".join,
)
def test_what_differs_in_anything_begins_anew(other, tmp_path):
    kill(make(tmp_path), 4, "end")
    (left,) = tmp_path.iterdir()
    Watch.n_epochs = 0
    fit = {name: other[name] for name in ("X", "y", "sample_weight") if name in other}
    params = {name: other[name] for name in other if name not in fit}
    given = {"X": X, "y": Y} | fit
    found = make(tmp_path, **params).fit(**given)
    assert_same(found, plain(**params).fit(**given))
    assert list(tmp_path.iterdir()) == [left]


def test_mapped_files_are_told_apart_by_what_is_in_them(tmp_path):
    checkpoint = FitCheckpoint(tmp_path / "checkpoints", keep=True)
    params = {"linear_skip": False, "batch_size": 8, "random_state": 0}
    model = LSTMRegressor(4, max_epochs=2, callbacks=[checkpoint], **params)
    table = np.random.default_rng(0).normal(size=(30, 6, 2))
    for name, rows in ("first", table), ("second", table[::-1]):
        np.save(tmp_path / name, rows)
        model.fit(np.load(tmp_path / f"{name}.npy", mmap_mode="r"), np.arange(30.0))
    assert len(list(checkpoint.directory.iterdir())) == 2


def test_quantiles_are_told_apart(tmp_path):
    for levels in ([0.1, 0.9], [0.2, 0.8]):
        kill(make(tmp_path, loss="quantile", quantile=levels), 4, "end")
    assert len(list(tmp_path.iterdir())) == 2


def test_a_search_repeats_only_what_it_was_at(tmp_path):
    grid = {"learning_rate": [1e-3, 1e-2]}
    search = GridSearchCV(make(tmp_path, keep=True, max_epochs=4), grid, cv=3)
    whole = clone(search).set_params(estimator__callbacks=[Watch()]).fit(X, Y)
    n_whole, Watch.n_epochs = Watch.n_epochs, 0
    assert n_whole == 4 * 7
    clone(search).fit(X, Y)
    files = sorted(tmp_path.iterdir())
    assert len(files) == 7
    for file in files[:2]:
        file.unlink()
    Watch.n_epochs = 0
    again = clone(search).fit(X, Y)
    assert Watch.n_epochs == 2 * 4
    names = ["mean_test_score", "split0_test_score", "rank_test_score"]
    for name in names:
        assert_array_equal(again.cv_results_[name], whole.cv_results_[name])
    assert_array_equal(again.predict(X), whole.predict(X))


def test_files_that_are_broken_or_anothers_are_refused(tmp_path):
    kill(make(tmp_path), 4, "end")
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    for content in (b"", whole[:1000], whole[:-100], b"no file of torch", flipped):
        path.write_bytes(content)
        with pytest.raises(
            ValueError, match="is no checkpoint, or was damaged: delete"
        ):
            make(tmp_path).fit(X, Y)
    path.write_bytes(whole)
    kill(make(tmp_path, learning_rate=0.01), 4, "end")
    (other,) = set(tmp_path.iterdir()) - {path}
    other.replace(path)
    with pytest.raises(ValueError, match="is the checkpoint of another fit, under"):
        make(tmp_path).fit(X, Y)
    for state in {"format": 99}, {"format": 1, "key": Watch}:
        saved = io.BytesIO()
        torch.save(state, saved)
        path.write_bytes(hashlib.sha256(saved.getvalue()).digest() + saved.getvalue())
        with pytest.raises(ValueError, match="no checkpoint of this version: delete"):
            make(tmp_path).fit(X, Y)


HUGE = torch.zeros(()).expand(10**12)  # takes 4 bytes, until somebody copies it
FORGERIES = {
    "head": lambda state: state["module"].update({"head.weight": HUGE}),
    "exp_avg": lambda state: state["optimizer"]["state"][0].update(exp_avg=HUGE),
    "parameter groups": lambda state: state["optimizer"].update(param_groups=[]),
    "random": lambda state: state.pop("random"),
    "zip": lambda state: state.update(parts=[]),
    "RNG": lambda state: state["random"].__setitem__(0, torch.ones(3).byte()),
    "ended": lambda state: state.pop("ended"),
}


@pytest.mark.parametrize("word", FORGERIES)
def test_what_does_not_fit_the_net_is_refused(word, tmp_path):
    """The kernels of torch would write behind the end of a short array."""
    kill(make(tmp_path), 4, "end")
    (path,) = tmp_path.iterdir()
    state = torch.load(io.BytesIO(path.read_bytes()[32:]), weights_only=True)
    FORGERIES[word](state)
    saved = io.BytesIO()
    torch.save(state, saved)
    path.write_bytes(hashlib.sha256(saved.getvalue()).digest() + saved.getvalue())
    message = message_of(make(tmp_path).fit, X, Y)
    assert "does not fit the net that is trained: delete it" in message
    assert word in message


def test_a_full_disk_is_told_and_loses_nothing(tmp_path, monkeypatch):
    kill(make(tmp_path), 4, "end")
    (path,) = tmp_path.iterdir()
    before = path.read_bytes()

    def fail(number):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", fail)
        with pytest.raises(OSError, match=r"cannot be written; .* No space left on"):
            make(tmp_path).fit(X, Y)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
    assert_same(make(tmp_path).fit(X, Y), plain().fit(X, Y))


SCRIPT = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # also in the background
import numpy as np
from sklstm import FitCheckpoint, LSTMRegressor
rng = np.random.default_rng(0)
X = rng.normal(size=(200, 12, 2))
y = X[:, :, 0].sum(axis=1)
model = LSTMRegressor(
    16, max_epochs=40, random_state=0, callbacks=[FitCheckpoint(sys.argv[1])]
)
print("ready", flush=True)
model.fit(X, y)
np.save(sys.argv[2], model.predict(X))
"""


@pytest.mark.skipif(os.name != "posix", reason="has no SIGKILL")
@pytest.mark.parametrize("how", ["SIGKILL", "SIGINT"])
def test_a_process_that_is_killed_at_any_moment_goes_on(how, tmp_path):
    def start(name, result):
        return subprocess.Popen(
            [sys.executable, "-c", SCRIPT, str(tmp_path / name), str(result)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def run(name, result):
        with start(name, result) as process:
            assert process.wait() == 0
        return np.load(result)

    whole = run("whole", tmp_path / "whole.npy")
    for delay in RNG.uniform(0.1, 0.8, size=3):
        with start("killed", tmp_path / "killed.npy") as process:
            process.stdout.readline()
            time.sleep(delay)
            process.send_signal(getattr(signal, how))
    assert_array_equal(run("killed", tmp_path / "killed.npy"), whole)
    assert list((tmp_path / "killed").glob("*.pt")) == []
