"""Time and memory by rows, from a table to predictions.

    python benchmarks/scale.py [--rows 100000 1000000 10000000] [--folder /tmp]

A table of 8 columns of float32 goes through `make_supervised`, a `SequenceWindower`,
one epoch of `fit` and `predict`: with ``unroll="series"`` all of it, and by windows of
24 steps one in a hundred samples. "panel" is a dataframe of series of 100 rows each,
with a column of names and one of times, and "file" one series in a mapped file. Each
number of rows is a process of its own, which has done the same with a few rows before.
"s" are seconds of one processor, "kept" the bytes of the arrays of X and "peak" the
most that was allocated beside what was there before, both for each row or, in the last
four, for each sample; a mapped file is not counted. Needs Linux.
"""

import argparse
import gc
import subprocess
import sys
import threading
import time
import warnings
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from larger_than_memory import resident, watch
from windowing import make

from sklstm import LSTMRegressor, Sequences, SequenceWindower, make_supervised
from sklstm._sequences import on_disk

LENGTH = 24


def read(form, n_rows, folder):
    """Return a table, and the arguments for `make_supervised`."""
    if form == "panel":
        keys = {"target": "x0", "group": "series", "time": "hour"}
        return make("panel", n_rows), keys
    path = Path(folder) / f"{n_rows}.npy"
    np.save(path, make("array", n_rows))
    return np.load(path, mmap_mode="r"), {"target": 0}


def size_of(result):
    """Return the bytes of the arrays of `Sequences`; a file and an index are none."""
    X = result[0] if isinstance(result, tuple) else result
    if not isinstance(X, Sequences):
        return 0
    parts = [part for name, part in vars(X).items() if name != "index"]
    arrays = [part for part in parts if isinstance(part, np.ndarray)]
    return sum(part.nbytes for part in arrays if not on_disk(part))


def run(form, n_rows, folder, most, shows):
    table, keys = read(form, n_rows, folder)

    def measured(name, call, n=n_rows):
        gc.collect()
        most[0] = before = resident("RssAnon")
        began = time.process_time()
        result = call()
        taken = time.process_time() - began
        peak = most[0] - before
        kept = size_of(result)
        if shows:
            print(
                f"{form:6}{n_rows:11,}{name:>18}{n:11,}{taken:9.2f}"
                f"{1e6 * taken / n:10.2f}{kept / n:9.0f}"
                f"{peak / n * 2**20:9.0f}",
                flush=True,
            )
        return result

    X, y = measured("make_supervised", partial(make_supervised, table, **keys))
    del table
    X = measured("SequenceWindower", partial(SequenceWindower(LENGTH).fit_transform, X))
    for unroll, size, every in ("series", 256, 1), ("window", 32, 100):
        some = X[::every], y[::every]
        model = LSTMRegressor(
            16, unroll=unroll, batch_size=size, max_epochs=1, random_state=0
        )
        n = len(some[1])
        measured(f"fit, {unroll}", partial(model.fit, *some), n)
        measured(f"predict, {unroll}", partial(model.predict, some[0]), n)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[10**5, 10**6, 10**7])
    parser.add_argument("--forms", nargs="+", default=["panel", "file"])
    parser.add_argument("--folder", default=None)
    parser.add_argument("--as-process", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.as_process:
        torch.set_num_threads(1)
        warnings.simplefilter("ignore")
        most = [0]
        threading.Thread(target=watch, args=(most,), daemon=True).start()
        with TemporaryDirectory(dir=args.folder) as folder:
            run(*args.forms, 10_000, folder, most, shows=False)
            run(*args.forms, *args.rows, folder, most, shows=True)
        return
    print(
        f"{'form':6}{'rows':>11}{'':18}{'items':>11}{'s':>9}{'µs/item':>10}"
        f"{'kept, B':>9}{'peak, B':>9}",
        flush=True,
    )
    folder = [] if args.folder is None else ["--folder", args.folder]
    for form in args.forms:
        for n_rows in args.rows:
            command = [sys.executable, __file__, "--as-process", "--forms", form]
            subprocess.run([*command, "--rows", str(n_rows), *folder], check=True)


if __name__ == "__main__":
    main()
