"""Where and how torch runs: device, dtype, seeds. Nothing else touches its state."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import torch
from threadpoolctl import ThreadpoolController

# Threads share torch's generator: of two fits at once neither could be repeated.
_ONE_AT_A_TIME = threading.RLock()
_SET_BY = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
# Threads that torch takes if nobody says how many; None if somebody has.
_UNSET_THREADS = None if set(_SET_BY) & set(os.environ) else torch.get_num_threads()
# Its limits hold in the calling thread alone, unlike those of torch.set_num_threads.
_POOLS = ThreadpoolController().select(user_api="openmp")
# Multiplications in a step of time from which on a second thread pays. Below, threads
# wait for each other longer than they work.
WORK_FOR_THREADS = 500_000
DTYPES = {"float32": torch.float32, "float64": torch.float64}


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
    except ValueError as error:
        warnings.warn(f"The net is put on the CPU: {error}", stacklevel=2)
        return torch.device("cpu")


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Run torch's random numbers from `seed`, and restore its state afterwards."""
    devices = [] if device.type == "cpu" else [device.index or 0]
    with _ONE_AT_A_TIME, torch.random.fork_rng(devices, device_type=device.type):
        # torch.manual_seed would seed every device, and not restore the others.
        torch.default_generator.manual_seed(seed)
        if device.type == "cuda":
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        elif devices:
            torch.get_device_module(device).manual_seed(seed)
        yield


@contextmanager
def suit_threads(work: int) -> Iterator[None]:
    """Let torch use one thread where the work is too little for more."""
    is_little = work < WORK_FOR_THREADS
    is_little &= 1 < torch.get_num_threads() == _UNSET_THREADS
    with _POOLS.limit(limits=1) if is_little else nullcontext():
        yield
