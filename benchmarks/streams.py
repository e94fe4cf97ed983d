"""How long a step of a stream takes, beside `predict` on the window.

    python benchmarks/streams.py [--repeats 1000]
    python benchmarks/streams.py --memory [--steps 200000]

A fitted pipeline with a scaler, windows and levels takes rows of three features, one
stream at a time and a thousand at once. It prints the median and the 99th percentile of
a step, and those of `predict` on the same window in turn with it. With ``--memory`` it
prints instead what steps add to the process, once the first 500 are done: to its memory
(RssAnon, on Linux) and to the objects that Python's collector knows, and, of a
twentieth as many steps more, to what tracemalloc counts. Those are `--steps` steps of
one stream of an LSTM that reads its whole series, and of that and of each pipeline a
thousand steps of a thousand streams, a million rows.
"""

import argparse
import gc
import time
import tracemalloc
import warnings
from functools import partial

import numpy as np
import torch
from larger_than_memory import resident
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklstm import (
    LSTMRegressor,
    SequenceWindower,
    StepTransformer,
    make_histories,
    make_supervised,
)
from sklstm.forecasting import AnchoredRegressor
from sklstm.streaming import Stream


def fit(table, unroll, length):
    X, y = make_supervised(table, target=0)
    lstm = LSTMRegressor(32, unroll=unroll, max_epochs=1, random_state=0)
    return make_pipeline(
        StepTransformer(StandardScaler()),
        SequenceWindower(length),
        AnchoredRegressor(lstm),
    ).fit(X, y)


def fit_whole(table):
    """An LSTM alone, which reads the whole series: the cheapest step."""
    X, y = make_supervised(table, target=0)
    lstm = LSTMRegressor(32, unroll="series", linear_skip=False, max_epochs=1)
    return lstm.fit(X, y)


def count_memory(name, step, n_steps, n_rows):
    """Print what some steps add to the memory."""
    for i in range(500):
        step(i)
    gc.collect()
    n_objects, size, began = len(gc.get_objects()), resident("RssAnon"), time.time()
    for i in range(n_steps):
        step(i)
    taken = time.time() - began
    gc.collect()
    added = resident("RssAnon") - size
    n_objects = len(gc.get_objects()) - n_objects
    tracemalloc.start()
    for i in range(10):
        step(i)
    gc.collect()
    size = tracemalloc.get_traced_memory()[0]
    for i in range(n_steps // 20):
        step(i)
    gc.collect()
    traced = tracemalloc.get_traced_memory()[0] - size
    tracemalloc.stop()
    print(
        f"{name:10}{n_steps:10,}{n_steps * n_rows:11,}{taken:7.0f}{added:8.2f}"
        f"{n_objects:9}{traced:12,}",
        flush=True,
    )


def measure_memory(table, n_steps):
    """Print what steps of one stream, and of a thousand, add to the memory."""
    many, keys = np.repeat(table[:, np.newaxis], 1000, axis=1), np.arange(1000)
    print("model          steps       rows      s      MB  objects  traced, bytes")
    models = {
        "whole": fit_whole(table),
        "series": fit(table, "series", 24),
        "window": fit(table, "window", 24),
    }
    one = Stream(models["whole"])
    count_memory("whole", lambda i: one.step(table[i % 500]), n_steps, 1)
    for name, model in models.items():
        step = partial(Stream(model).step, keys=keys)
        count_memory(name, lambda i, step=step: step(many[i % 500]), 1000, 1000)


def seconds(call, *args):
    began = time.perf_counter()
    call(*args)
    return time.perf_counter() - began


def show(times):
    middle, last = np.quantile(times, [0.5, 0.99]) * 1e3
    return f"{middle:8.2f} {last:8.2f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repeats", type=int, default=1000)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--steps", type=int, default=200_000)
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    rng = np.random.default_rng(0)
    table = np.cumsum(rng.normal(size=(500, 3)), axis=0)
    if options.memory:
        return measure_memory(table, options.steps)
    window = make_histories(table)[-1:]
    many, keys = np.repeat(table[:, np.newaxis], 1000, axis=1), np.arange(1000)
    print("                    milliseconds, median and 99 %")
    print("unroll  length      step              predict           step of 1,000")
    for unroll in ("window", "series"):
        for length in (24, 96):
            model = fit(table, unroll, length)
            one, several = Stream(model), Stream(model)
            for row, rows in zip(table[:200], many[:200], strict=True):
                one.step(row)
                several.step(rows, keys)
            steps, predictions, batches = [], [], []
            for i in range(options.repeats):
                steps.append(seconds(one.step, table[i % 500]))
                if i % 10 == 0:
                    predictions.append(seconds(model.predict, window))
                    batches.append(seconds(several.step, many[i % 500], keys))
            shown = "  ".join(map(show, (steps, predictions, batches)))
            print(f"{unroll}  {length:6}  {shown}")


if __name__ == "__main__":
    main()
