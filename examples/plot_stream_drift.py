"""
Online learning with an LSTM on a stream that drifts
====================================================

The forecasts of a fitted model get worse when the process behind the data changes. Here
a sensor measures the load of a pump each hour, and the power of the pump follows the
load with some inertia. Over the months the pump wears out: it needs more power for the
same load, and reacts more slowly. One LSTM is fitted once. Another learns each night
from the day before.
"""

# %%
# Thirty days without wear and seventy with wear
# ----------------------------------------------

import numpy as np

rng = np.random.default_rng(0)
n_days, n_fitted, day = 100, 30, 24
hours = np.arange(n_days * day)
wear = np.clip((hours - n_fitted * day) / (70 * day), 0, 1)
load = 5 + 2 * np.sin(2 * np.pi * hours / day) + rng.normal(0, 1.5, len(hours))
power, drawn = np.empty(len(hours)), 0.0
for t in hours:
    inertia = 0.3 + 0.5 * wear[t]
    wanted = load[t] * (1 + 0.8 * wear[t]) + 0.1 * load[t] ** 2
    drawn = inertia * drawn + (1 - inertia) * wanted
    power[t] = drawn + rng.normal(0, 0.2)

# %%
# Fit a model to the first thirty days
# ------------------------------------
# The history of each hour is all loads up to it. With ``unroll="series"`` and no
# window, the LSTM reads each row once, and its cells carry their state from row to row.

import copy

from sklstm import LSTMRegressor, make_histories
from sklstm.streaming import Stream

first = slice(0, n_fitted * day)
frozen = LSTMRegressor(
    16,
    unroll="series",
    linear_skip=False,
    learning_rate=0.02,
    max_epochs=80,
    random_state=0,
).fit(make_histories(load[first]), power[first])

# %%
# Train the model each night
# --------------------------
# By day, each stream predicts hour by hour. At night the measured powers are known, and
# a third stream, which is still in the state of the morning, learns from them:
# `partial_fit` trains from this state, and then takes the rows of the day. For three
# passes over the day, the stream is set back to its state of the morning each time.

learning = copy.deepcopy(frozen).set_params(learning_rate=0.003)
by_day, by_day_frozen, at_night = Stream(learning), Stream(frozen), Stream(learning)
forecasts = {"frozen": [], "learning each night": []}
for today in np.split(np.arange(len(hours)), n_days):
    rows = load[today].reshape(-1, 1)
    forecasts["frozen"] += [by_day_frozen.step(row) for row in rows]
    forecasts["learning each night"] += [by_day.step(row) for row in rows]
    morning = at_night.get_state()
    for _ in range(3):
        at_night.set_state(morning)
        at_night.partial_fit(rows, power[today])
    by_day.update()  # takes over the weights
    by_day.set_state(at_night.get_state())  # and the state that they lead to

# %%
# Compare the error of each day
# -----------------------------
# Both models are equally good before the wear begins. Then the error of the frozen
# model grows with the wear, while that of the model that learns does not.

import matplotlib.pyplot as plt

fig, axes = plt.subplots(2, figsize=(7, 5), layout="constrained")
for name, color in ("frozen", "tab:orange"), ("learning each night", "tab:blue"):
    error = np.square(forecasts[name] - power).reshape(n_days, day).mean(axis=1) ** 0.5
    print(f"{name}: {error[n_fitted:].mean():.2f} kW over the days after the fit")
    axes[0].plot(error, color=color, label=name)
    last = slice(-2 * day, None)
    axes[1].plot(hours[last] / day, forecasts[name][last], color=color)
axes[0].axvline(n_fitted, color="0.6", linestyle=":")
axes[0].set(xlabel="day", ylabel="error of a day, kW (RMSE)", ylim=(0, None))
axes[0].legend(frameon=False)
axes[1].plot(hours[last] / day, power[last], ".", color="0.3", label="measured")
axes[1].set(xlabel="day", ylabel="power, kW")
axes[1].legend(frameon=False)
plt.show()
