"""Constraints of parameters, where those of scikit-learn let too much through."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np

from ._compat import Interval as _Interval

# Beyond it no number of steps, rows or features is meant, and sums overflow.
MOST = 1 << 31


class Interval(_Interval):
    """Numbers of a range, which no boolean, duration or fraction is in.

    To `numbers` these are numbers, too, but nobody means them as such, and numpy does
    not take them.
    """

    def is_satisfied_by(self, val: Any) -> bool:
        """Whether the value is in the range."""
        if isinstance(val, (bool, np.timedelta64)):
            return False
        try:
            return bool(super().is_satisfied_by(val))
        except TypeError:
            return False


def at_least(least: int, most: int = MOST) -> Interval:
    """Whole numbers that count something."""
    return Interval(Integral, least, most, closed="both")


RANDOM_STATE = [at_least(0, most=(1 << 32) - 1), np.random.RandomState, None]
