"""Forecasts: levels, baselines, intervals, known futures, backtests and pictures."""

from ._anchor import AnchoredRegressor
from ._conformal import ConformalRegressor
from ._display import ForecastDisplay
from ._folds import PanelTimeSeriesSplit
from ._forecast import recursive_forecast
from ._forecaster import make_forecaster
from ._leads import add_future
from ._naive import NaiveRegressor

__all__ = [
    "AnchoredRegressor",
    "ConformalRegressor",
    "ForecastDisplay",
    "NaiveRegressor",
    "PanelTimeSeriesSplit",
    "add_future",
    "make_forecaster",
    "recursive_forecast",
]
