"""Cost of windows: seconds and peak memory against rows and `sequence_length`.

    python benchmarks/windowing.py [--rows 100000 1000000 10000000]

Tables of 8 float32 columns, whose histories the windower makes itself. "array" is a
bare array in order of time; "panel" a dataframe of series of 100 rows each with a
column of names and one of times, in order; "shuffled" the same with its rows in random
order. `fit` and `transform` are timed together (median of three, after one run to warm
up), without context from `fit`. Memory is the peak of what is allocated in `transform`,
as tracemalloc sees it in a run of its own, over the size of the 8 columns.
"""

import argparse
import time
import tracemalloc
import warnings

import numpy as np
import pandas as pd

from sklstm import SequenceWindower

N_FEATURES, N_PER_SERIES = 8, 100
KEYS = {"group": "series", "time": "hour", "context": False}
# That series of 100 rows make no window of 256 is meant.
warnings.filterwarnings("ignore", ".* windows have fewer than")


def make(form, n_rows):
    rng = np.random.default_rng(0)
    values = rng.normal(size=(n_rows, N_FEATURES)).astype(np.float32)
    if form == "array":
        return values
    row = np.arange(n_rows, dtype=np.int32)
    frame = pd.DataFrame(values, columns=[f"x{i}" for i in range(N_FEATURES)])
    frame["series"], frame["hour"] = row // N_PER_SERIES, row % N_PER_SERIES
    return frame if form == "panel" else frame.iloc[rng.permutation(n_rows)]


def seconds(windower, X, repeats=3):
    taken = []
    for _ in range(repeats + 1):
        begin = time.perf_counter()
        windower.fit_transform(X)
        taken.append(time.perf_counter() - begin)
    return float(np.median(taken[1:]))


def peak_in_tables(windower, X):
    tracemalloc.start()
    windower.transform(X)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / (len(X) * N_FEATURES * 4)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[10**5, 10**6, 10**7])
    parser.add_argument("--lengths", type=int, nargs="+", default=[16, 256])
    args = parser.parse_args()
    print(f"{'form':10}{'rows':>10}{'length':>8}{'seconds':>9}{'ns/row':>8}{'peak':>7}")
    for form in ("array", "panel", "shuffled"):
        for n_rows in args.rows:
            X = make(form, n_rows)
            for length in args.lengths:
                keys = {} if form == "array" else KEYS
                windower = SequenceWindower(length, **keys)
                taken = seconds(windower, X)
                peak = peak_in_tables(windower, X)
                print(
                    f"{form:10}{n_rows:10}{length:8}{taken:9.3f}"
                    f"{taken / n_rows * 1e9:8.0f}{peak:7.2f}"
                )


if __name__ == "__main__":
    main()
