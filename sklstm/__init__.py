"""LSTMs as ordinary scikit-learn estimators."""

from . import datasets, forecasting, inspection, streaming
from ._classifier import LSTMClassifier
from ._encoder import SequenceEncoder
from ._keywords import add_hints
from ._net._checkpoint import FitCheckpoint
from ._regressor import LSTMRegressor
from ._rows._disk import to_memmap
from ._rows._histories import make_histories
from ._rows._supervised import make_supervised, make_windows
from ._rows._windows import SequenceWindower
from ._sequences import Sequences
from ._state import drop_training_state
from ._steps import StepTransformer
from ._version import __version__ as __version__

# What `skops.io.load` may be told to trust: all that is saved of fitted estimators,
# beside what it trusts by itself.
TRUSTED_TYPES = (
    "sklstm._classifier.LSTMClassifier",
    "sklstm._encoder.SequenceEncoder",
    "sklstm._regressor.LSTMRegressor",
    "sklstm._rows._windows.SequenceWindower",
    "sklstm._steps.StepTransformer",
    "sklstm.forecasting._anchor.AnchoredRegressor",
    "sklstm.forecasting._conformal.ConformalRegressor",
    "sklstm.forecasting._folds.PanelTimeSeriesSplit",
    "sklstm.forecasting._linear.LinearForecaster",
    "sklstm.forecasting._naive.NaiveRegressor",
    "sklstm.forecasting._recipe.AutoForecaster",
)

__all__ = [
    "TRUSTED_TYPES",
    "FitCheckpoint",
    "LSTMClassifier",
    "LSTMRegressor",
    "SequenceEncoder",
    "SequenceWindower",
    "Sequences",
    "StepTransformer",
    "datasets",
    "drop_training_state",
    "forecasting",
    "inspection",
    "make_histories",
    "make_supervised",
    "make_windows",
    "streaming",
    "to_memmap",
]

_MODULES = (datasets, forecasting, inspection, streaming)
for _names in (globals(), *map(vars, _MODULES)):
    add_hints(_names[_name] for _name in _names["__all__"])
