"""LSTMs as ordinary scikit-learn estimators."""

from . import datasets
from ._classifier import LSTMClassifier
from ._encoder import SequenceEncoder
from ._regressor import LSTMRegressor
from ._sequences import Sequences
from ._supervised import make_supervised, make_windows
from ._windows import SequenceWindower

__version__ = "0.1.0.dev0"

__all__ = [
    "LSTMClassifier",
    "LSTMRegressor",
    "SequenceEncoder",
    "SequenceWindower",
    "Sequences",
    "datasets",
    "make_supervised",
    "make_windows",
]
