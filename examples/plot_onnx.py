"""
Export an LSTM to ONNX and predict without PyTorch
==================================================

This example exports a fitted pipeline (scaler, windows, levels and LSTM) to one ONNX
file. A process that imports neither PyTorch nor scikit-learn makes the same predictions
from it.

This example also needs ``pip install "sklstm[onnx]"``.
"""

# %%
# Fit a pipeline
# --------------
# The pipeline forecasts the CO2 at Mauna Loa, four weeks ahead, from the last year. The
# last 520 weeks are the test set.

import pickle
import subprocess
import sys
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from timeit import timeit

import matplotlib.pyplot as plt
import numpy as np
from onnxruntime import InferenceSession
from skl2onnx import to_onnx
from sklearn.metrics import root_mean_squared_error
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sklstm.onnx  # noqa: F401, teaches skl2onnx the estimators of sklstm
from sklstm import (
    LSTMRegressor,
    SequenceWindower,
    StepTransformer,
    drop_training_state,
    make_histories,
    make_supervised,
)
from sklstm.datasets import load_co2
from sklstm.forecasting import AnchoredRegressor, NaiveRegressor

series = load_co2().data
X, y = make_supervised(series, horizon=4)
model = make_pipeline(
    StepTransformer(StandardScaler()),
    SequenceWindower(sequence_length=52),
    AnchoredRegressor(LSTMRegressor(hidden_size=32, max_epochs=10, random_state=0)),
)
model.fit(X[:-520], y[:-520])
naive = NaiveRegressor().fit(X[:-520], y[:-520])
print("root mean squared error in the test weeks, in ppm")
for name, regressor in {"last value": naive, "LSTM": model}.items():
    error = root_mean_squared_error(y[-520:], regressor.predict(X[-520:]))
    print(f"{name:12}{error:.2f}")

# %%
# Export
# ------
# `to_onnx` needs an example of the input: windows with one row more than
# `sequence_length`, which gives the change at the first row. The file is about as large
# as a pickle of `drop_training_state`.

histories = make_histories(series)
windows = histories.tail(53).padded().astype(np.float32)  # (n_samples, 53, 1)
graph = to_onnx(model, windows).SerializeToString()
small = pickle.dumps(drop_training_state(model))
files = {"pickle": pickle.dumps(model), "small pickle": small, "ONNX": graph}
for name, content in files.items():
    print(f"{name:13}{len(content) / 1000:4.0f} kB")

# %%
# Predict without PyTorch
# -----------------------
# Another process loads the file. It imports only NumPy and ONNX Runtime.

script = """
import sys, numpy, onnxruntime
session = onnxruntime.InferenceSession("model.onnx")
numpy.save("y.npy", session.run(None, {"X": numpy.load("X.npy")})[0])
print("imported there:", {"onnxruntime", "torch", "sklearn"} & set(sys.modules))
"""
with TemporaryDirectory() as folder:
    Path(folder, "model.onnx").write_bytes(graph)
    np.save(Path(folder, "X.npy"), windows[-520:])
    command = [sys.executable, "-c", script]
    print(subprocess.check_output(command, cwd=folder, text=True).strip())
    y_onnx = np.load(Path(folder, "y.npy"))
y_torch = model.predict(histories[-520:])
print(f"largest difference: {np.abs(y_onnx - y_torch).max():.5f} ppm")

# %%
# Compare the time of predictions
# -------------------------------
# The times are those of one call, on the machine that built this page. For one window,
# ONNX is much faster, since it does not check its input. For many windows, most of the
# time is computation.

session = InferenceSession(graph)
seconds = {"predict": [], "ONNX Runtime": []}
for n in (1, 520):
    last, rows = histories[-n:], windows[-n:]
    calls = [partial(model.predict, last), partial(session.run, None, {"X": rows})]
    for name, call in zip(seconds, calls, strict=True):
        call()  # the first call is slower
        seconds[name].append(timeit(call, number=20) / 20)

fig, ax = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
for k, (name, values) in enumerate(seconds.items()):
    bars = ax.bar(np.arange(2) + 0.4 * k, 1000 * np.array(values), 0.36, label=name)
    ax.bar_label(bars, fmt="%.2g ms")
ax.set(ylabel="time of a call (ms)", xticks=[0.2, 1.2], yscale="log", ylim=(0.01, 1000))
ax.set_xticklabels(["one window", "520 windows"])
ax.legend(frameon=False)
plt.show()
