"""Forecasting: levels, baselines, intervals, backtests, known futures, a recipe."""

from ._anchor import AnchoredRegressor
from ._conformal import ConformalRegressor
from ._display import ForecastDisplay
from ._folds import PanelTimeSeriesSplit
from ._forecast import forecast
from ._future import add_future
from ._horizon_error import HorizonErrorDisplay
from ._naive import NaiveRegressor
from ._recipe import AutoForecaster

__all__ = [
    "AnchoredRegressor",
    "AutoForecaster",
    "ConformalRegressor",
    "ForecastDisplay",
    "HorizonErrorDisplay",
    "NaiveRegressor",
    "PanelTimeSeriesSplit",
    "add_future",
    "forecast",
]
