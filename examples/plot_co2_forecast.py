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
# bounded output and cannot follow a trend to levels it has never seen. So it reads,
# with ``anchor=0``, by how much feature 0 *changes* from week to week, and predicts by
# how much the next week differs from this one: changes look alike in all years. What it
# returns is a level again, in ppm.

import matplotlib.pyplot as plt
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.metrics import root_mean_squared_error
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklstm import LSTMRegressor, SequenceWindower, make_supervised
from sklstm.datasets import load_co2

co2 = load_co2()  # 59 unmeasured weeks, all before 1986, are interpolated
X, y = make_supervised(co2.data)  # y[t] is the week after X[t]
train, test = slice(None, -520), slice(-520, None)

# %%
# Search on the training years
# ----------------------------
# `SequenceWindower` gives each row the rows before it, so the number of weeks to look
# back on is a parameter of the pipeline and can be searched like any other. Each split
# of `TimeSeriesSplit` trains on the past and validates on what comes after. (The first
# rows of each validation part lack the history they would have in use, which makes the
# search a little hard on long windows.)

lstm = make_pipeline(
    StandardScaler(),
    SequenceWindower(),
    LSTMRegressor(
        anchor=0,
        batch_size=64,
        learning_rate=1e-2,
        lr_scheduler="cosine",
        max_epochs=20,
        random_state=0,
    ),
)
weeks = {"sequencewindower__sequence_length": [13, 26, 52]}
how = {"cv": TimeSeriesSplit(4), "scoring": "neg_root_mean_squared_error"}
how |= {"refit": False, "n_jobs": 2, "verbose": 1}
search = GridSearchCV(lstm, weeks | {"lstmregressor__hidden_size": [8, 32]}, **how)
search.fit(X[train], y[train])
print(f"{search.best_params_}: {-search.best_score_:.3f} ppm")

# %%
# The linear model sees the same windows, flattened: a column for each week. What is
# linear in levels is linear in changes too: it needs no anchor.

ridge = make_pipeline(StandardScaler(), SequenceWindower(flatten=True), Ridge())
penalties = {"ridge__alpha": [1e-5, 1e-4, 1e-3, 1e-2]}
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
on_levels = clone(lstm).set_params(lstmregressor__anchor=None)
on_levels.fit(X[train], y[train])
lstm.set_params(lstmregressor__verbose=1).fit(X[train], y[train])

# %%
# The test years
# --------------
# A window reaches back over the rows that it is given, so the models get all rows, and
# the last ten years are cut out of the result.

forecasts = {
    "last value": X[:, 0],
    "Ridge": ridge.predict(X),
    "LSTM": lstm.predict(X),
    "LSTM on levels": on_levels.predict(X),
}
print("root mean squared error in the test years, in ppm")
for name, forecast in forecasts.items():
    print(f"{name:16}{root_mean_squared_error(y[test], forecast[test]):6.3f}")

# %%
# The middle panel shows the errors, the last one the changes of the last three years.

dates, change = co2.dates[1:], y - X[:, 0]
recent = slice(-156, None)
fig, (top, middle, bottom) = plt.subplots(3, figsize=(8, 9), layout="constrained")
top.plot(dates, y, color="0.7", lw=3, label="measured")
top.plot(dates[test], forecasts["LSTM"][test], label="LSTM")
for name, color in [("LSTM on levels", "tab:orange"), ("LSTM", "tab:blue")]:
    middle.plot(dates[test], (forecasts[name] - y)[test], color, label=name)
bottom.plot(dates[recent], change[recent], color="0.7", lw=2, label="measured")
for name, color in [("Ridge", "tab:green"), ("LSTM", "tab:blue")]:
    bottom.plot(dates[recent], (forecasts[name] - X[:, 0])[recent], color, label=name)
titles = ["CO2 at Mauna Loa", "error of the forecast", "change to the next week"]
for ax, title in zip([top, middle, bottom], titles, strict=True):
    ax.set(title=title, ylabel="ppm")
    ax.legend(frameon=False, ncols=3)
fig.savefig("co2_forecast.png", dpi=120)
plt.show()
