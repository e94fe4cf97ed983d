"""
Tune the window length of a time series model without leakage
=============================================================

`GridSearchCV` finds the number of rows that a model should look back, if each sample
keeps its whole history. The same search gives wrong results on a table of rows, which
lose their history at the border of a fold, and on shuffled windows, which share rows
with the training set.
"""

# %%
# Two series
# ----------
# Both are generated. In the first, a value depends on the value before it and on the
# value 30 rows before, so that a good window has 31 rows.
# (:func:`~sklstm.datasets.make_lagged` makes simpler series.) The second is a random
# walk, whose best forecast is the last value.

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import Ridge
from sklearn.metrics import mean_squared_error
from sklearn.model_selection import GridSearchCV, KFold, TimeSeriesSplit
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline

from sklstm import LSTMRegressor, SequenceWindower, make_supervised
from sklstm.inspection import MemoryDisplay, TimestepImportanceDisplay

rng = np.random.default_rng(0)
series = rng.normal(size=900)
for t in range(30, len(series)):
    series[t] += 0.2 * series[t - 1] + 0.7 * series[t - 30]
walk = rng.normal(size=900).cumsum()

# %%
# Search the window length
# ------------------------
# The window length is a parameter of the pipeline. `TimeSeriesSplit` trains on the past
# and validates on the next 20 rows, ten times. The last 300 rows are the test set.

lengths = [2, 8, 16, 24, 31, 40]
train, test = slice(None, 600), slice(600, None)


def search_length(X, y, estimator, cv):
    model = make_pipeline(SequenceWindower(flatten=True), estimator)
    grid = {"sequencewindower__sequence_length": lengths}
    search = GridSearchCV(model, grid, cv=cv, scoring="neg_mean_squared_error")
    return search.fit(X, y)


# %%
# In the right search, `X` holds histories. In the wrong one, it holds rows: the
# windower gets only the 20 rows of a fold, and windows of 31 rows are cut short, with a
# warning.

in_time = TimeSeriesSplit(n_splits=10, test_size=20)
X, y = make_supervised(series)
right = search_length(X[train], y[train], Ridge(), in_time)

rows, _ = make_supervised(series, as_rows=True)
with warnings.catch_warnings(record=True, action="always") as caught:
    wrong = search_length(rows[train], y[train], Ridge(), in_time)
print(f"warning: {caught[-1].message}\n")

# %%
# For comparison, each length is fitted to the whole training set and evaluated on the
# test set. The search on histories chooses the length that is best there.

in_use = []
for length in lengths:
    model = make_pipeline(SequenceWindower(length, flatten=True), Ridge())
    model.fit(X[train], y[train])
    in_use.append(mean_squared_error(y[test], model.predict(X[test])))
curves = {
    "in use (test part)": np.array(in_use),
    "search on histories": -right.cv_results_["mean_test_score"],
    "search on bare rows": -wrong.cv_results_["mean_test_score"],
}
print(f"{'mean squared error by length':30}" + "".join(f"{k:6}" for k in lengths))
for name, errors in curves.items():
    print(f"{name:30}" + "".join(f"{error:6.2f}" for error in errors))

fig, ax = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
styles = ["k:", "tab:blue", "tab:orange"]
for (name, errors), style in zip(curves.items(), styles, strict=True):
    star = {"marker": "*", "ms": 16, "markevery": [np.argmin(errors)]}
    ax.plot(lengths, errors, style, lw=2, label=name, **star)
ax.set(xlabel="window length (rows)", ylabel="mean squared error", xticks=lengths)
ax.legend(frameon=False, loc="lower left", title="star: the least error")

# %%
# An LSTM with the length that was found:

length = right.best_params_["sequencewindower__sequence_length"]
lstm = make_pipeline(SequenceWindower(length), LSTMRegressor(16, random_state=0))
lstm.fit(X[train], y[train])
error = mean_squared_error(y[test], lstm.predict(X[test]))
print(f"LSTM on {length} rows, test part: {error:.2f}")

# %%
# Which rows the net reads
# ------------------------
# The next value depends on the last one and on that of 29 rows before it, lag 29.
# `MemoryDisplay` shows how far back the net looks, and `TimestepImportanceDisplay` how
# much R² falls without a row. :func:`~sklstm.inspection.memory_length` and
# :func:`~sklstm.inspection.timestep_importance` return the numbers.

fig, axes = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
memory = MemoryDisplay.from_estimator(lstm, X[test], random_state=0, ax=axes[0])
importance = TimestepImportanceDisplay.from_estimator(
    lstm, X[test], y[test], by="lag", random_state=0, ax=axes[1]
)
print("memory length:", memory.memory_length)

# %%
# Shuffled windows
# ----------------
# With a shuffled `KFold`, a model trains on the rows around each validation row.
# Nearest neighbours on the random walk then seem to be much better than the last value.

X, y = make_supervised(walk)
shuffled = KFold(10, shuffle=True, random_state=0)
for name, cv in {"shuffled": shuffled, "in time": in_time}.items():
    search = search_length(X[train], y[train], KNeighborsRegressor(2), cv)
    error = mean_squared_error(y[test], search.predict(X[test]))
    print(f"{name:9} search says {-search.best_score_:6.2f}, test part {error:6.2f}")
error = mean_squared_error(y[test], walk[test][:-1])  # the last value as forecast
print(f"{'last value':29} test part {error:6.2f}")
plt.show()
