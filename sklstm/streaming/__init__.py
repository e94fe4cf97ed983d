"""Predictions row by row, as the rows come."""

from ._stream import Stream

__all__ = ["Stream"]
