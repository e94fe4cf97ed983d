"""Where and how torch runs: device, dtype, threads. All that touches its state."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import cache

import joblib
import torch
from threadpoolctl import ThreadpoolController

_SET_BY = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
# Threads that torch takes if nobody says how many: of cores, or of physical ones.
_CHOICES = {joblib.cpu_count(), joblib.cpu_count(only_physical_cores=True)}
_IS_SET = set(_SET_BY) & set(os.environ) or torch.get_num_threads() not in _CHOICES
# None if somebody has said how many.
_UNSET_THREADS = None if _IS_SET else torch.get_num_threads()
# Its limits hold in the calling thread alone, unlike those of torch.set_num_threads.
_POOLS = ThreadpoolController().select(user_api="openmp")
# Multiplications in a step of time from which on a second thread pays. Below, threads
# wait for each other longer than they work.
WORK_FOR_THREADS = 500_000
DTYPES = {"float32": torch.float32, "float64": torch.float64}
# How errors of torch that are neither `MemoryError` nor its own speak of memory.
_NO_MEMORY = (
    "can't allocate memory",
    "not enough memory",
    "out of memory",
    "bad_alloc",
    "STATUS_ALLOC_FAILED",
    "Storage size calculation overflowed",
)


# Seconds that a fork waits for threads that compute, at most.
PATIENCE = 30.0


class Gate:
    """Lets threads compute side by side, but none while the process is forked.

    A lock that a thread of the parent holds in oneDNN, or in an import, is held in the
    child for ever.
    """

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.inside: list[int] = []  # threads that compute
        self.n_closing = 0  # threads that wait to fork

    def __enter__(self) -> None:
        me = threading.get_ident()
        with self.changed:
            self.changed.wait_for(lambda: not self.n_closing or me in self.inside)
            self.inside.append(me)

    def __exit__(self, *error: object) -> None:
        with self.changed:
            self.inside.remove(threading.get_ident())
            self.changed.notify_all()

    def close(self) -> None:
        """Let no thread in, and wait until no other is left.

        From then on the lock keeps them out, until it is released.
        """
        me = {threading.get_ident()}
        self.changed.acquire()
        self.n_closing += 1
        try:
            self.changed.wait_for(lambda: {*self.inside} <= me, PATIENCE)
        finally:
            self.n_closing -= 1
            self.changed.notify_all()

    def begin_child(self) -> None:
        """Forget the threads of the parent, and compute on this one alone.

        OpenMP would wait for ever for others, which the child does not have.
        """
        me = threading.get_ident()
        self.inside, self.n_closing = [i for i in self.inside if i == me], 0
        if torch.get_num_threads() > 1:
            torch.set_num_threads(1)
        self.changed.release()


COMPUTING = Gate()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=COMPUTING.close,
        # A function of C, before which Ctrl-C interrupts nothing.
        after_in_parent=COMPUTING.changed.release,
        after_in_child=COMPUTING.begin_child,
    )


@cache
def warm_up() -> None:
    """Let torch import its compiler, as it does with the first optimizer."""
    with COMPUTING:
        torch.optim.SGD([torch.zeros(1, requires_grad=True)])


def resolve_device(device: str) -> torch.device:
    """Find the device of that name, or say why it cannot be had."""
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        found = torch.device(device)
        torch.empty(0, device=found)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        usable = ["cpu"]
        if torch.accelerator.is_available():
            usable.insert(0, str(torch.accelerator.current_accelerator()))
        raise ValueError(
            f"device={device!r} cannot be used here; torch can use"
            f" {' and '.join(usable)}: pass one of them, or device='auto'."
        ) from error
    return found


def restore_device(device: str) -> torch.device:
    """Find the device of that name for a net that is loaded, or else the CPU."""
    try:
        return resolve_device(device)
    except (TypeError, ValueError) as error:
        warnings.warn(f"The net is put on the CPU: {error}", stacklevel=2)
        return torch.device("cpu")


@contextmanager
def suit_threads(work: int) -> Iterator[None]:
    """Let torch use one thread where the work is too little for more."""
    is_little = work < WORK_FOR_THREADS
    is_little &= 1 < torch.get_num_threads() == _UNSET_THREADS
    with _POOLS.limit(limits=1) if is_little else nullcontext():
        yield


@contextmanager
def naming_memory(message: str) -> Iterator[None]:
    """Raise a `MemoryError` with a message where memory runs out, on any device."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        is_named = isinstance(error, (MemoryError, torch.OutOfMemoryError))
        if not (is_named or any(words in str(error) for words in _NO_MEMORY)):
            raise
        raise MemoryError(message) from error
