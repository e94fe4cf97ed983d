"""
Forecast next week's CO2
========================

The weekly concentration of CO2 at Mauna Loa rises from year to year and swings with the
seasons. An LSTM predicts the value of the next week, and has to show that it does
better than two cheaper methods: repeating the last value, and a linear model of the
same history. All but the LSTM and its windows is plain scikit-learn.
"""

# %%
# What to predict
# ---------------
# The last ten years, kept for the test, lie above all that came before. An LSTM has a
# bounded output and cannot follow a trend to levels it has never seen. So
# `AnchoredRegressor` lets it read by how much the series *changes* from week to week,
# and predict by how much the next week differs from this one: changes look alike in all
# years. What it returns is a level again, in ppm.

import matplotlib.pyplot as plt
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.metrics import root_mean_squared_error
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline

from sklstm import LSTMRegressor, SequenceWindower, make_supervised
from sklstm.datasets import load_co2
from sklstm.forecasting import AnchoredRegressor, NaiveRegressor

co2 = load_co2()  # 59 unmeasured weeks, all before 1986, are interpolated
X, y = make_supervised(co2.data)  # X[t]: all weeks up to t; y[t]: the week after
train, test = slice(None, -520), slice(-520, None)

# %%
# Search on the training years
# ----------------------------
# `SequenceWindower` keeps the last weeks of each history, so the number of weeks to
# look back on is a parameter of the pipeline and can be searched like any other. Each
# split of `TimeSeriesSplit` trains on the past and validates on what comes after, and
# the first weeks validated have their history, as they would in use. No scaler is
# needed: the LSTM standardises by itself.

net = LSTMRegressor(
    batch_size=64,
    learning_rate=1e-2,
    lr_scheduler="cosine",
    max_epochs=20,
    random_state=0,
)
lstm = make_pipeline(SequenceWindower(), AnchoredRegressor(net))
weeks = {"sequencewindower__sequence_length": [13, 26, 52]}
how = {"cv": TimeSeriesSplit(4), "scoring": "neg_root_mean_squared_error"}
how |= {"refit": False, "n_jobs": 2, "verbose": 1}
sizes = {"anchoredregressor__regressor__hidden_size": [8, 32]}
search = GridSearchCV(lstm, weeks | sizes, **how)
search.fit(X[train], y[train])
print(f"{search.best_params_}: {-search.best_score_:.3f} ppm")

# %%
# The linear model sees the same windows, flattened: a column for each week. What is
# linear in levels is linear in changes too: it needs no anchor.

ridge = make_pipeline(SequenceWindower(flatten=True), Ridge())
penalties = {"ridge__alpha": [0.1, 1, 10, 100]}
ridge_search = GridSearchCV(ridge, weeks | penalties, **how)
ridge_search.fit(X[train], y[train])
print(f"{ridge_search.best_params_}: {-ridge_search.best_score_:.3f} ppm")

# %%
# Fit once more, to all training years
# ------------------------------------
# With `verbose=1` the LSTM reports each epoch. A copy of it is fitted to the levels as
# they are, to see what the anchor is good for.

ridge.set_params(**ridge_search.best_params_).fit(X[train], y[train])
lstm.set_params(**search.best_params_)
windower, anchored = lstm
on_levels = make_pipeline(clone(windower), clone(anchored.regressor))
on_levels.fit(X[train], y[train])
lstm.set_params(anchoredregressor__regressor__verbose=1).fit(X[train], y[train])

# %%
# The test years
# --------------
# Each sample has its history, so the models get the last ten years alone.

last_value = NaiveRegressor().fit(X[train], y[train])
models = {"last value": last_value, "Ridge": ridge, "LSTM": lstm}
models["LSTM on levels"] = on_levels
forecasts = {name: model.predict(X[test]) for name, model in models.items()}
print("root mean squared error in the test years, in ppm")
for name, forecast in forecasts.items():
    print(f"{name:16}{root_mean_squared_error(y[test], forecast):6.3f}")

# %%
# The middle panel shows the errors, the last one the changes of the last three years.

dates, recent = co2.dates[1:], slice(-156, None)
before = forecasts["last value"][recent]
fig, (top, middle, bottom) = plt.subplots(3, figsize=(8, 9), layout="constrained")
top.plot(dates, y, color="0.7", lw=3, label="measured")
top.plot(dates[test], forecasts["LSTM"], label="LSTM")
for name, color in [("LSTM on levels", "tab:orange"), ("LSTM", "tab:blue")]:
    middle.plot(dates[test], forecasts[name] - y[test], color, label=name)
bottom.plot(dates[recent], y[recent] - before, color="0.7", lw=2, label="measured")
for name, color in [("Ridge", "tab:green"), ("LSTM", "tab:blue")]:
    bottom.plot(dates[recent], forecasts[name][recent] - before, color, label=name)
titles = ["CO2 at Mauna Loa", "error of the forecast", "change to the next week"]
for ax, title in zip([top, middle, bottom], titles, strict=True):
    ax.set(title=title, ylabel="ppm")
    ax.legend(frameon=False, ncols=3)
fig.savefig("co2_forecast.png", dpi=120)
plt.show()
