"""
Prepare a time series for an LSTM: windows, shapes and targets
==============================================================

An LSTM reads arrays of shape (samples, time steps, features), while a time series is
one long table. This example cuts small tables into samples and targets, and prints
them.
"""

# %%
# A series of ten numbers
# -----------------------
# Three consecutive values are the input, and the next value is the target. Ten values
# give seven such pairs, because the last input must have a value after it.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from sklstm import SequenceWindower, make_supervised, make_windows

series = np.arange(10, 101, 10)
X, y = make_windows(series, sequence_length=3)

print("X has the shape", X.shape, "and y", y.shape)
for window, target in zip(X, y, strict=True):
    print(window.ravel(), "->", target)

# %%
# The last axis is that of the features; here its length is 1. The same array can be
# made by stacking slices:

stack = np.array([series[i : i + 3] for i in range(7)]).reshape(7, 3, 1)
print("the same by hand:", np.array_equal(X, stack))

# %%
# A table with two columns
# ------------------------
# For a dataframe, the target is chosen by name; both columns are input. With
# `horizon=2`, the target is the next *two* values.

hours = pd.date_range("2026-01-01", periods=6, freq="h")
table = pd.DataFrame(
    {"load": [10, 20, 30, 40, 50, 60], "temp": [1, 2, 3, 4, 5, 6]}, index=hours
)
X, y = make_windows(table, sequence_length=3, horizon=2, target="load")

print(table)
print("X has the shape", X.shape, "and y", y.shape)
print(X[0], "->", y[0])
print(X[1], "->", y[1])

# %%
# The history of each row
# -----------------------
# These arrays have a fixed window length, which a search cannot change.
# `make_supervised` returns for each row its whole *history*, which is all rows up to
# it, and the values that follow it. Targets keep their names and their index.

X, y = make_supervised(table, horizon=2, target="load")

print(X)
for (time, targets), history in zip(y.iterrows(), X, strict=True):
    print(f"{time:%H:%M}", history.tolist(), "->", targets.tolist())

# %%
# The same windows inside a pipeline
# ----------------------------------
# `SequenceWindower` keeps the last time steps of each history. It removes no samples,
# so that it can be a step of a pipeline, with `sequence_length` as a parameter. The
# first rows have a shorter history, and so a shorter window; the last two of these four
# windows are those from above.

windows = SequenceWindower(sequence_length=3).fit_transform(X)
for time, window in zip(windows.index, windows, strict=True):
    print(f"{time:%H:%M}", window.tolist())

# %%
# Histories and windows are ranges of one table, and their steps are not copied, however
# long they are. (For tables larger than memory, see :func:`~sklstm.to_memmap`.) The
# window of a single sample is the same as that among the other samples:

alone = SequenceWindower(sequence_length=3).fit_transform(X[3:])
print("copied:", not np.shares_memory(X.steps, windows.steps))
print("the last one, alone:", alone[0].tolist())

# %%
# A linear model needs a table. With `flatten=True`, the windower returns a column for
# each lag of each feature; lags before the first row of a history repeat that row.

lags = SequenceWindower(sequence_length=3, flatten=True).set_output(transform="pandas")
print(lags.fit_transform(X).to_string())

# %%
# Plot the windows
# ----------------
# Each plot shows the same table, with a row of cells for each column, and time from
# left to right. The input is blue, and the target is orange.

fig, axes = plt.subplots(len(X), figsize=(6.4, 5), layout="constrained")
for i, (ax, start, length) in enumerate(
    zip(axes, windows.starts, windows.lengths, strict=True)
):
    cells = np.zeros(table.shape)  # 0 unused, 1 seen, 2 asked for
    cells[start : start + length] = 1
    cells[i + 1 : i + 3, 0] = 2
    colors = plt.matplotlib.colors.ListedColormap(["white", "tab:blue", "tab:orange"])
    ax.pcolormesh(cells.T, cmap=colors, vmin=0, vmax=2, edgecolors="0.6", alpha=0.6)
    for (t, feature), value in np.ndenumerate(table.to_numpy()):
        ax.text(t + 0.5, feature + 0.5, value, ha="center", va="center")
    ax.set_yticks([0.5, 1.5], table.columns)
    ax.set_xticks(np.arange(6) + 0.5, [])
    ax.set_title(f"row {i}: window of length {length}", loc="left", fontsize=10)
    ax.invert_yaxis()
    ax.tick_params(length=0)
axes[-1].set_xticks(np.arange(6) + 0.5, table.index.strftime("%H:%M"))
plt.show()
