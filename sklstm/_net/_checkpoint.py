"""A fit that goes on where a killed one had come to."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from skorch import NeuralNet
from skorch.callbacks import Callback, LRScheduler
from torch.utils.data import Dataset

from .._state import FAULTS
from ._callbacks import BestEpoch, EpochLog, Stopping
from ._hash import hash_of
from ._ranks import from_first, is_first

FORMAT = 1
OLD = 60.0  # seconds after which nobody is still writing a file


class FitCheckpoint(Callback):
    """Save the state of a fit after each epoch, to resume it if it is killed.

    The same fit of the same estimator to the same data resumes from the saved state,
    and has the same result, bit for bit, as one that was never interrupted. Each fit
    has a file of its own, named by a hash of the data, the parameters and the initial
    weights. So folds, candidates of a search and processes can share a directory, and
    a fit that differs in any way starts from scratch.

    Parameters
    ----------
    directory : str or path-like
        Directory of the files. It is created if it does not exist.

    seconds : float, default=0.0
        Smallest number of seconds between two writes. With 0, every epoch is saved.

    keep : bool, default=False
        Whether to keep the file of a completed fit. The same fit is then loaded instead
        of repeated, so that a search that was killed repeats only unfinished fits. If
        False, the file is deleted.

    See Also
    --------
    LSTMRegressor : An estimator that takes it in `callbacks`.

    Notes
    -----
    `random_state` must be an int; otherwise each fit has other initial weights. The
    state of your own `callbacks` is not saved. A file is written beside the old one,
    flushed to the disk and renamed, so that there is always a complete file. Reading a
    file executes no code from it.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> from sklstm import FitCheckpoint, LSTMRegressor
    >>> from sklstm.datasets import make_adding_problem
    >>> X, y = make_adding_problem(200, n_timesteps=10, random_state=0)
    >>> checkpoint = FitCheckpoint(mkdtemp(), keep=True)
    >>> model = LSTMRegressor(
    ...     8, max_epochs=5, callbacks=[checkpoint], random_state=0
    ... )
    >>> first = model.fit(X, y).predict(X)
    >>> again = model.fit(X, y).predict(X)  # takes no time
    >>> bool((first == again).all())
    True
    """

    def __init__(
        self, directory: Any, *, seconds: float = 0.0, keep: bool = False
    ) -> None:
        self.directory = directory
        self.seconds = seconds
        self.keep = keep

    def _resume(self, net: NeuralNet, data: Dataset, n_epochs: int) -> int:
        """Take over what there is of this fit; return how many epochs are left."""
        key = _find_key(net, data, n_epochs)
        directory = Path(self.directory)
        self.path_, self.key_ = directory / f"{key}.pt", key
        self.n_before_, self.written_ = len(net.history), time.monotonic()
        state = None
        if is_first():
            directory.mkdir(parents=True, exist_ok=True)
            state = _read(self.path_, key) if self.path_.exists() else None
        state = from_first(state)
        if state is None:
            return n_epochs
        try:
            _take_over(net, state)
            is_ended = state["ended"]
        except FAULTS as error:
            raise ValueError(
                f"{self.path_} does not fit the net that is trained: delete it to begin"
                f" anew. {' '.join(str(error).split())}"
            ) from error
        return 0 if is_ended else n_epochs - len(net.history) + self.n_before_

    def on_epoch_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        """Save the state after the epoch before, when all callbacks have seen its end.

        Parameters
        ----------
        net : NeuralNet
            The net that is trained.

        **kwargs : dict
            Ignored.
        """
        n_done = len(net.history) - 1 - self.n_before_
        if n_done and is_first() and time.monotonic() - self.written_ >= self.seconds:
            self._write(net, list(net.history)[:-1], ended=False)

    def _finish(self, net: NeuralNet, *, interrupted: bool) -> None:
        """Clean up; a fit that Ctrl-C has stopped can go on."""
        if is_first():
            self._clean_up(net, interrupted)
        del self.path_, self.key_  # a model is saved without them

    def _clean_up(self, net: NeuralNet, interrupted: bool) -> None:
        if self.keep and not interrupted:
            self._write(net, list(net.history), ended=True)
        elif not interrupted:
            self.path_.unlink(missing_ok=True)
        # One may have been killed as it wrote; another may be writing now.
        for left in self.path_.parent.glob(f"{self.key_}*.tmp"):
            if time.time() - left.stat().st_mtime > OLD:
                left.unlink(missing_ok=True)

    def _write(self, net: NeuralNet, history: list[Any], *, ended: bool) -> None:
        parts = [
            part.lr_scheduler_.state_dict()
            if isinstance(part, LRScheduler)
            else {name: value for name, value in vars(part).items() if name[-1] == "_"}
            for part in _parts(net)
        ]
        state = {
            "format": FORMAT,
            "key": self.key_,
            "ended": ended,
            "module": net.module_.state_dict(),
            "optimizer": net.optimizer_.state_dict(),
            "history": history,
            "random": [generator.get_state() for generator in net.generators],
            "parts": parts,
        }
        content = io.BytesIO()
        torch.save(state, content)
        handle, name = tempfile.mkstemp(".tmp", self.key_, self.path_.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(hashlib.sha256(content.getbuffer()).digest())
                file.write(content.getbuffer())
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(self.path_)
        except BaseException as error:
            Path(name).unlink(missing_ok=True)
            if isinstance(error, OSError):
                raise OSError(
                    f"The checkpoint {self.path_} cannot be written; what was written"
                    f" before is still there: make room, or leave it out. {error}"
                ) from error
            raise
        _sync_directory(self.path_.parent)
        self.written_ = time.monotonic()


def _take_over(net: Any, state: dict[str, Any]) -> None:
    """Put a net and its callbacks where another one had come to."""
    net.module_.load_state_dict(state["module"])
    net.check_optimizer(state["optimizer"]["state"])
    net.optimizer_.load_state_dict(state["optimizer"])
    net.history[:] = state["history"]
    for generator, numbers in zip(net.generators, state["random"], strict=True):
        generator.set_state(numbers)
    for part, values in zip(_parts(net), state["parts"], strict=True):
        if isinstance(part, LRScheduler):
            part.lr_scheduler_.load_state_dict(values)
        else:
            vars(part).update(values)


def _parts(net: NeuralNet) -> list[Any]:
    """The callbacks of ours that know more than the history tells."""
    kinds = (LRScheduler, BestEpoch, Stopping)
    return [part for _, part in net.callbacks_ if isinstance(part, kinds)]


def _read(path: Path, key: str) -> dict[str, Any]:
    content = path.read_bytes()
    size = hashlib.sha256().digest_size
    if hashlib.sha256(content[size:]).digest() != content[:size]:
        raise ValueError(
            f"{path} is no checkpoint, or was damaged: delete it to begin anew."
        )
    try:
        state = torch.load(io.BytesIO(content[size:]), weights_only=True)
    except (*FAULTS, pickle.UnpicklingError):  # with more in it than plain values
        state = None
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise ValueError(
            f"{path} is no checkpoint of this version: delete it to begin anew."
        )
    if state.get("key") != key:
        raise ValueError(
            f"{path} is the checkpoint of another fit, under the name of this one:"
            " delete it to begin anew."
        )
    return state


def _find_key(net: NeuralNet, data: Any, n_epochs: int) -> str:
    """A hash of all that decides what becomes of a fit."""
    callbacks = [
        [type(part).__qualname__, vars(part)]
        for _, part in net.callbacks_
        if not isinstance(part, (EpochLog, FitCheckpoint))
    ]
    parts = net.describe(data, n_epochs)
    return hash_of(net.module_.state_dict(), callbacks, *parts.values())


def _sync_directory(directory: Path) -> None:
    """Let the new name of a file survive a loss of power, where that can be had."""
    if os.name != "posix":
        return
    number = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
