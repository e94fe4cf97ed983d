"""
Forecast a time series from a CSV file
======================================

A CSV file with a column of dates becomes a forecast of the next half year, with dates
and an interval. A backtest shows first how good such forecasts would have been, beside
those of the last value, of a year before, and of a linear model.
"""

# %%
# Read the file
# -------------
# The file has two columns: the date of each week since 1974, and the CO2 in the air at
# Mauna Loa in ppm. It stands for your own: ``pd.read_csv("my.csv",
# parse_dates=["date"])``.

from io import StringIO

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.linear_model import RidgeCV
from sklearn.metrics import root_mean_squared_error
from sklearn.model_selection import TimeSeriesSplit, cross_validate
from sklearn.pipeline import make_pipeline

from sklstm import LSTMRegressor, SequenceWindower, make_supervised
from sklstm.datasets import load_co2
from sklstm.forecasting import (
    AnchoredRegressor,
    AutoForecaster,
    ForecastDisplay,
    NaiveRegressor,
    forecast,
)

file = StringIO(load_co2(as_frame=True).data["1974":].to_csv())
co2 = pd.read_csv(file, parse_dates=["date"])
print(co2.tail(3).to_string(index=False))

# %%
# Histories and targets
# ---------------------
# `X` holds for each week the history of all weeks up to it, and `y` the next 26 weeks,
# a column for each. With ``time="date"`` the order and the gaps of the rows are known.

horizon = 26
X, y = make_supervised(co2, horizon=horizon, time="date")
print(X)

# %%
# Backtest
# --------
# `TimeSeriesSplit` trains on the past and tests on the two years that follow, three
# times. The targets of the last 26 rows before a fold are measured in the weeks that
# are tested, and nobody knows them yet: ``gap=horizon`` leaves these rows out.
#
# An LSTM has a bounded output, and this series rises to levels that it has never seen.
# `AnchoredRegressor` lets it read changes, and forecast the change from the last value.
# `AutoForecaster` blends naive forecasts, linear models and an LSTM; nothing has to be
# chosen for it.

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
# The error grows with the distance. The fitted models of all folds come with the
# result, so that their errors can be shown by the number of weeks ahead.

fig, ax = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
styles = {"last value": "k:", "a year ago": "k--", "Ridge": "tab:gray"}
styles |= {"LSTM": "tab:blue", "AutoForecaster": "tab:orange"}
tested = np.concatenate(results["LSTM"]["indices"]["test"])
for name, result in results.items():
    fold = zip(result["estimator"], result["indices"]["test"], strict=True)
    y_pred = np.concatenate([model.predict(X[test]) for model, test in fold])
    errors = root_mean_squared_error(y.iloc[tested], y_pred, multioutput="raw_values")
    ax.plot(range(1, horizon + 1), errors, styles[name], label=name)
ax.set(xlabel="weeks ahead", ylabel="root mean squared error (ppm)", ylim=0)
ax.legend(frameon=False)

# %%
# The next half year
# ------------------
# The model is fitted once more, to all weeks. :func:`~sklstm.forecasting.forecast` takes
# the rows as they were read, and returns the rows to come, with dates.
# :class:`~sklstm.forecasting.ForecastDisplay` draws them.

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
