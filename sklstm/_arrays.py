"""Say in one line of ours what could not be read as an array."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

# What numpy, pandas, polars and torch raise where they make an array of something.
_RAISED = (TypeError, ValueError, ArithmeticError, RuntimeError, AttributeError)


def refuse_masked(values: Any, name: str) -> None:
    """Raise if an array has values that are masked, which others would not see."""
    if np.ma.isMaskedArray(values) and np.ma.is_masked(values):
        raise TypeError(
            f"{name} has {np.ma.count_masked(values)} masked value(s): give"
            f" {name}.filled(np.nan) if they are missing, or leave their rows out."
        )


def shorten(values: np.ndarray) -> np.ndarray:
    """Return floats of more than 64 bits as float64; what is beyond is infinite."""
    return values.astype(np.float64) if values.dtype.char == "g" else values


@contextmanager
def reading(name: str, expected: str = "an array of numbers") -> Iterator[None]:
    """Name what is read in the errors of the libraries that read it.

    What is too large becomes infinite without a warning: it is refused by its place.
    """
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            yield
    except _RAISED as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        said = str(error).strip().partition("\n")[0].rstrip(":")[:300]
        raise kind(
            f"{name} cannot be read as {expected}: {said or type(error).__name__}"
        ) from error
