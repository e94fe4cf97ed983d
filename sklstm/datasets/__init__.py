"""Small real series and generated sequence problems."""

from ._co2 import load_co2
from ._generators import (
    make_adding_problem,
    make_lagged,
    make_ragged_sequences,
    make_regime_sines,
)

__all__ = [
    "load_co2",
    "make_adding_problem",
    "make_lagged",
    "make_ragged_sequences",
    "make_regime_sines",
]
