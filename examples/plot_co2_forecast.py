"""
Forecast a time series from a CSV file
======================================

This example reads a CSV file with a column of dates, and forecasts the next half year,
with dates and an interval. Before that, a backtest compares such forecasts with the
last value, the value of a year before, and a linear model.
"""

# %%
# Read the file
# -------------
# The file has two columns: the date of each week since 1974, and the CO2 in the air at
# Mauna Loa in ppm. For your own file, use ``pd.read_csv("my.csv",
# parse_dates=["date"])``.

from io import StringIO

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import TimeSeriesSplit, cross_validate
from sklearn.pipeline import make_pipeline

from sklstm import LSTMRegressor, SequenceWindower, make_supervised
from sklstm.datasets import load_co2
from sklstm.forecasting import (
    AnchoredRegressor,
    AutoForecaster,
    ForecastDisplay,
    HorizonErrorDisplay,
    NaiveRegressor,
    forecast,
)

file = StringIO(load_co2(as_frame=True).data["1974":].to_csv())
co2 = pd.read_csv(file, parse_dates=["date"])
print(co2.tail(3).to_string(index=False))

# %%
# Histories and targets
# ---------------------
# For each week, `X` holds the history of all weeks up to it, and `y` the next 26 weeks,
# with a column for each. ``time="date"`` gives the order and the gaps of the rows.

horizon = 26
X, y = make_supervised(co2, horizon=horizon, time="date")
print(X)

# %%
# Backtest
# --------
# `TimeSeriesSplit` trains on the past and tests on the next two years, three times. The
# targets of the last 26 rows before a test set are values in the test set, which are
# not known yet: ``gap=horizon`` leaves these rows out.
#
# An LSTM has a bounded output, and this series rises to levels that are not in the
# training set. With `AnchoredRegressor`, the LSTM reads changes and forecasts the
# change from the last value. `AutoForecaster` blends naive forecasts, linear models and
# an LSTM, and needs no tuning.

lstm = LSTMRegressor(32, unroll="series", max_epochs=30, random_state=0)
ridge = RidgeCV(np.logspace(-2, 4, 7))
length = 104
models = {
    "last value": NaiveRegressor(),
    "a year ago": NaiveRegressor(period=52),
    "Ridge": make_pipeline(SequenceWindower(length, flatten=True), ridge),
    "LSTM": make_pipeline(SequenceWindower(length), AnchoredRegressor(lstm)),
    "AutoForecaster": AutoForecaster(random_state=0),
}
folds = TimeSeriesSplit(n_splits=3, test_size=104, gap=horizon)
how = {"cv": folds, "scoring": "neg_root_mean_squared_error"}
how |= {"return_estimator": True, "return_indices": True}
results = {name: cross_validate(m, X, y, **how) for name, m in models.items()}

print("root mean squared error in ppm: each fold, and the mean of all")
for name, result in results.items():
    errors = -result["test_score"]
    by_fold = " ".join(f"{error:5.2f}" for error in errors)
    print(f"{name:15}{by_fold} | {errors.mean():.2f}")

# %%
# Neither LSTM nor Ridge is better in all folds. `cross_validate` has returned the
# fitted models, and :class:`~sklstm.forecasting.HorizonErrorDisplay` shows how their
# error grows with the number of weeks ahead.

fig, ax = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
colors = ["0.7", "0.4", "k", "tab:blue", "tab:orange"]
y_true = y.iloc[np.concatenate(results["LSTM"]["indices"]["test"])]
for (name, result), color in zip(results.items(), colors, strict=True):
    fold = zip(result["estimator"], result["indices"]["test"], strict=True)
    y_pred = np.concatenate([model.predict(X[test]) for model, test in fold])
    style = {"metric": "root_mean_squared_error", "name": "CO2 (ppm)", "ax": ax}
    style["line_kwargs"] = {"color": color, "label": name}
    HorizonErrorDisplay.from_predictions(y_true, y_pred, **style)
ax.set_xlabel("weeks ahead")

# %%
# Forecast the next half year
# ---------------------------
# The model is fitted again, to all weeks. :func:`~sklstm.forecasting.forecast` takes
# the rows of the file, and returns the next rows, with dates.
# :class:`~sklstm.forecasting.ForecastDisplay` draws them. `summary_` lists the
# forecasts in the blend; the LSTM is only one of them if it makes the forecast better.

model = AutoForecaster(random_state=0).fit(X, y)
print(model.summary_)
values = forecast(model, co2, interval=0.9)
print(values.iloc[::5].to_string(index=False, float_format="%.1f"))

fig, ax = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
ForecastDisplay.from_estimator(model, co2, interval=0.9, name="CO2 (ppm)", ax=ax)
ax.set_title("CO2 at Mauna Loa: the next 26 weeks")
fig.savefig("co2_forecast.png", dpi=120)
plt.show()
# sphinx_gallery_thumbnail_number = 2
