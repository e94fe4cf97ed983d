"""LSTMs as ordinary scikit-learn estimators."""

from . import datasets
from ._classifier import LSTMClassifier
from ._regressor import LSTMRegressor
from ._sequences import Sequences
from ._windows import SequenceWindower, make_supervised, make_windows

__version__ = "0.1.0.dev0"

__all__ = [
    "LSTMClassifier",
    "LSTMRegressor",
    "SequenceWindower",
    "Sequences",
    "datasets",
    "make_supervised",
    "make_windows",
]
