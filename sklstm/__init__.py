"""LSTMs as ordinary scikit-learn estimators."""

from . import datasets
from ._anchor import AnchoredRegressor
from ._blend import BlendedRegressor
from ._classifier import LSTMClassifier
from ._conformal import ConformalRegressor
from ._display import ForecastDisplay
from ._encoder import SequenceEncoder
from ._folds import PanelTimeSeriesSplit
from ._forecast import recursive_forecast
from ._forecaster import make_forecaster
from ._histories import make_histories
from ._leads import add_future
from ._naive import NaiveRegressor
from ._regressor import LSTMRegressor
from ._sequences import Sequences
from ._steps import StepTransformer
from ._supervised import make_supervised, make_windows
from ._windows import SequenceWindower

__version__ = "0.1.0.dev0"

__all__ = [
    "AnchoredRegressor",
    "BlendedRegressor",
    "ConformalRegressor",
    "ForecastDisplay",
    "LSTMClassifier",
    "LSTMRegressor",
    "NaiveRegressor",
    "PanelTimeSeriesSplit",
    "SequenceEncoder",
    "SequenceWindower",
    "Sequences",
    "StepTransformer",
    "add_future",
    "datasets",
    "make_forecaster",
    "make_histories",
    "make_supervised",
    "make_windows",
    "recursive_forecast",
]
