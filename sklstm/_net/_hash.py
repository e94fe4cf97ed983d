"""A hash of tensors, arrays and plain values."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import torch
from sklearn.utils import gen_batches

PLAIN = (str, int, float, bool, tuple, type(None))

# Rows of an array that are read together.
BLOCK = 1 << 16


def hash_of(*values: Any) -> str:
    """Hash what tensors, arrays and plain values are, and of what else its type."""
    hashed = hashlib.sha256()

    def add(value: Any) -> None:
        if isinstance(value, torch.Tensor):
            value = value.detach().cpu().contiguous()
            hashed.update(f"{value.dtype}{tuple(value.shape)}".encode())
            hashed.update(value.view(-1).view(torch.uint8).numpy())
        elif isinstance(value, np.ndarray) and value.ndim and value.dtype != object:
            hashed.update(f"{value.dtype}{value.shape}".encode())
            for block in gen_batches(len(value), BLOCK):  # it may be a file
                hashed.update(value[block].tobytes())
        elif isinstance(value, dict):
            for name in sorted(value, key=str):
                hashed.update(f"{name}:".encode())
                add(value[name])
        elif isinstance(value, (list, tuple)):
            hashed.update(f"{len(value)}[".encode())
            for part in value:
                add(part)
        elif isinstance(value, PLAIN):
            hashed.update(f"{value!r};".encode())
        else:
            hashed.update(
                f"{type(value).__module__}.{type(value).__qualname__}".encode()
            )

    add(values)
    return hashed.hexdigest()[:32]
