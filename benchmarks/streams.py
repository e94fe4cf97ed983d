"""How long a step of a stream takes, beside `predict` on the window.

    python benchmarks/streams.py --steps 1000000

A fitted pipeline with a scaler, windows and levels takes rows of three features, one
stream at a time and a thousand at once. It prints the median and the 99th percentile of
a step, those of `predict` on the same window in turn with it, and what a million steps
add to the memory of the process.
"""

import argparse
import resource
import time
import warnings

import numpy as np
import torch
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
    parser.add_argument("--steps", type=int, default=100_000, help="to count memory")
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    rng = np.random.default_rng(0)
    table = np.cumsum(rng.normal(size=(500, 3)), axis=0)
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
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for i in range(options.steps):
        one.step(table[i % 500])
    added = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(f"{options.steps:,} more steps add {added / 1024:.1f} MB")


if __name__ == "__main__":
    main()
