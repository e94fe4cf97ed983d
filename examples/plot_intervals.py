"""
Prediction intervals for time series: conformal and adaptive
============================================================

An LSTM forecasts quantiles, and its intervals should hold 90 % of the values. Intervals
that are calibrated once hold too few values after the noise has grown. Intervals that
are updated each day return to 90 %.
"""

# %%
# A series whose noise grows
# --------------------------
# The generated series has hourly values with a daily cycle, for 160 days. The noise is
# larger where the cycle is high, and from day 100 on it is twice as large.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.pipeline import make_pipeline

from sklstm import LSTMRegressor, SequenceWindower, make_supervised
from sklstm.forecasting import ConformalRegressor, NaiveRegressor

hours = np.arange(160 * 24)
cycle = np.sin(2 * np.pi * hours / 24)
std = (1 + 0.7 * cycle) * np.where(hours < 100 * 24, 1, 2)
series = 20 + 8 * cycle + np.random.default_rng(0).normal(0, std)
X, y = make_supervised(series)

# %%
# Fit and calibrate
# -----------------
# `ConformalRegressor` fits the LSTM to the first 80 % of the training set, and measures
# on the last 20 % how far targets are outside the quantiles. It moves the quantiles by
# this distance. The intervals of a baseline, the value of the day before, are
# calibrated in the same way, and have the same width at all hours.

train, test = slice(None, 80 * 24), slice(80 * 24, None)
asked = {"loss": "quantile", "quantile": [0.05, 0.5, 0.95]}
net = LSTMRegressor(16, unroll="series", **asked, max_epochs=30, random_state=0)
lstm = make_pipeline(SequenceWindower(48), ConformalRegressor(net, coverage=0.9))
day_ago = ConformalRegressor(NaiveRegressor(period=24), coverage=0.9)
for model in (lstm, day_ago):
    model.fit(X[train], y[train])

# %%
# Update the intervals daily
# --------------------------
# At midnight, the targets of the last day are known. `update` adds their errors,
# removes as many old ones, and raises the level of the quantile after misses. The net
# itself does not change.

windows, adaptive = lstm[:-1].transform(X), lstm[-1]
raw = adaptive.estimator_.predict_quantiles(windows[test])
quantiles = adaptive.estimator_.predict_quantiles(windows[test])  # (n_samples, 3)
intervals = {
    "a day ago, calibrated once": day_ago.predict_interval(X[test]),
    "LSTM, not calibrated": quantiles[:, [0, 2]],
    "LSTM, calibrated once": adaptive.predict_interval(windows[test]),
}
daily = []
for midnight in range(test.start, len(y), 24):
    daily.append(adaptive.predict_interval(windows[midnight : midnight + 24]))
    adaptive.update(windows[midnight : midnight + 24], y[midnight : midnight + 24])
intervals["LSTM, updated daily"] = np.concatenate(daily)

calm = slice(0, 20 * 24)  # of the test part
loud = slice(30 * 24, None)
print("share of values inside, and mean width; the noise doubles on day 100")
print(f"{'':28}{'days 80-100':>14}{'days 110-160':>16}")
inside = {}
for name, interval in intervals.items():
    low, high = interval.T
    inside[name] = (low <= y[test]) & (y[test] <= high)
    print(f"{name:28}", end="")
    for part in (calm, loud):
        share, width = inside[name][part].mean(), (high - low)[part].mean()
        print(f"{share:8.2f}{width:7.1f}", end="")
    print()

# %%
# Of two intervals with the same coverage, the narrower one is better. The intervals of
# the LSTM are narrower than those of the baseline, because the LSTM knows at which
# hours there is little noise.
#
# Coverage over time
# ------------------
# The plot shows the coverage over the last ten days. Both lines fall after the change;
# the one with updates recovers.

fig, ax = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
day = hours[1:][test] / 24
kernel = np.ones(240) / 240
styles = {"LSTM, calibrated once": "tab:orange", "LSTM, updated daily": "tab:blue"}
for name, color in styles.items():
    share = np.convolve(inside[name], kernel, mode="valid")
    ax.plot(day[239:], 100 * share, color, lw=2, label=name)
ax.axhline(90, color="k", ls=":", label="stated coverage")
ax.axvline(100, color="0.5", ls="--", label="noise doubles")
ax.set(xlabel="day", ylabel="values inside, last ten days (%)", ylim=(40, 100))
ax.legend(frameon=False, loc="lower right")

# %%
# The intervals themselves, before and after the change:

fig, axes = plt.subplots(1, 2, figsize=(8, 3.6), sharey=True, layout="constrained")
for ax, first in zip(axes, (96, 150), strict=True):
    shown = slice((first - 80) * 24, (first - 76) * 24)
    low, high = intervals["LSTM, updated daily"][shown].T
    ax.fill_between(day[shown], low, high, alpha=0.3, label="LSTM, updated daily")
    once = ax.plot(day[shown], intervals["LSTM, calibrated once"][shown], "tab:orange")
    once[0].set_label("LSTM, calibrated once")
    ax.plot(day[shown], y[test][shown], "k.", ms=3, label="measured")
    ax.set(xlabel="day", title=f"days {first} to {first + 4}")
axes[0].set_ylabel("value")
fig.legend(*ax.get_legend_handles_labels(), loc="outside upper center", ncols=3)
plt.show()
