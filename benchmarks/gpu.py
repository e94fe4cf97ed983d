"""How long fits take on a GPU beside the CPU of the same machine.

    python benchmarks/gpu.py

prints seconds of an epoch and of a prediction for nets of several sizes, the median of
several, CPU and GPU in turn, and how often an epoch waits for the GPU.
"""

import argparse
import time
import warnings

import numpy as np
import torch

from sklstm import LSTMClassifier, LSTMRegressor, SequenceWindower, make_supervised

WORK = {
    # name: (estimator, sequences, steps, features, hidden_size, batch_size)
    "digits by rows": (LSTMClassifier, 10_000, 28, 28, 128, 128),
    "sensors": (LSTMClassifier, 20_000, 100, 9, 64, 256),
    "large": (LSTMRegressor, 10_000, 100, 32, 512, 256),
}


def seconds(call, *args):
    torch.cuda.synchronize()
    began = time.perf_counter()
    call(*args)
    torch.cuda.synchronize()
    return time.perf_counter() - began


def waits(model, X, y):
    """Count how often an epoch waits for the GPU."""
    torch.cuda.set_sync_debug_mode("warn")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.partial_fit(X, y)
    torch.cuda.set_sync_debug_mode("default")
    return sum("synchroniz" in str(each.message) for each in caught)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    warnings.simplefilter("ignore")
    print(torch.cuda.get_device_name(), "beside", options.threads, "threads")
    rng = np.random.default_rng(0)
    print("work             seconds of an epoch    of a prediction        waits")
    print("                 CPU     GPU   times    CPU     GPU   times")
    for name, (kind, n, length, n_features, size, batch) in WORK.items():
        X = rng.normal(size=(n, length, n_features)).astype(np.float32)
        y = X[:, :, 0].sum(axis=1)
        y = y > 0 if kind is LSTMClassifier else y
        params = {"batch_size": batch, "max_epochs": 1, "random_state": 0}
        models = [
            kind(size, device=device, frame_size=1, bidirectional=False, **params)
            for device in ("cpu", "cuda")
        ]
        epochs, predictions = [], []
        for model in models:
            model.fit(X[:batch], y[:batch])  # what is done once
        for _ in range(options.repeats):
            epochs.append([seconds(model.partial_fit, X, y) for model in models])
            predictions.append([seconds(model.predict, X) for model in models])
        shown = ""
        for times in (epochs, predictions):
            cpu, gpu = np.median(times, axis=0)
            shown += f"{cpu:7.2f} {gpu:7.3f} {cpu / gpu:7.1f}"
        print(f"{name:15}{shown}  {waits(models[1], X, y):5}")
    series = np.cumsum(rng.normal(size=(100_000, 7)), axis=0)
    X, y = make_supervised(series, target=0)
    windows = SequenceWindower(96).fit_transform(X)
    params = {"batch_size": 256, "max_epochs": 1, "random_state": 0}
    for unroll in ("window", "series"):
        models = [
            LSTMRegressor(64, device=device, unroll=unroll, **params)
            for device in ("cpu", "cuda")
        ]
        times = [
            [seconds(model.fit, windows, y) for model in models]
            for _ in range(options.repeats)
        ]
        cpu, gpu = np.median(times, axis=0)
        print(f"100,000 rows, unroll={unroll!r}: {cpu:.2f} and {gpu:.2f} s a fit")


if __name__ == "__main__":
    main()
