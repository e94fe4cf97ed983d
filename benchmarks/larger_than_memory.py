"""A series on disk under a limit of memory, beside the same series in memory.

    python benchmarks/larger_than_memory.py [--gigabytes 4] [--limit 1]

Writes random walks of float32 with `to_memmap`, and then in one process fits to them
and predicts from them where they lie, and in another reads them into memory first. The
first may allocate no more than the limit (RLIMIT_DATA, which counts all but the mapped
file; the system takes pages of that back when it needs them). One epoch of windows of
24 steps: of every `--every`-th, or of all with ``unroll="series"``. Times are those of
one call, once the file has been read through and so is in the cache, if that is large
enough. "speed" is that on disk over that in memory, "of CPU" by the time of the
processor, on which others have less influence; "anonymous" is the most memory that was
not of the file.
"""

import argparse
import json
import resource
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

LENGTH, PART = 24, 1 << 16
GIGABYTE = 1 << 30


def write(path, gigabytes, n_features):
    from sklstm import to_memmap

    rng = np.random.default_rng(0)
    n_parts = max(int(gigabytes * GIGABYTE / (4 * n_features * PART)), 1)
    walk = rng.normal(size=(PART, n_features)).astype(np.float32).cumsum(axis=0)
    return to_memmap((walk * rng.uniform(0.5, 2) for _ in range(n_parts)), path)


def resident(kind):
    """Megabytes of this process, `RssAnon` or `RssFile`."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{kind}:"):
            return int(line.split()[1]) / 1024
    raise ValueError(f"{kind} is not told by this system")


def watch(most):
    """Keep the largest size of what is not of a file."""
    while True:
        most[0] = max(most[0], resident("RssAnon"))
        time.sleep(0.02)


def measure(path, unroll, every, in_memory):
    import torch

    from sklstm import LSTMRegressor, SequenceWindower, make_supervised

    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    most = [0]
    threading.Thread(target=watch, args=(most,), daemon=True).start()
    table = np.load(path, mmap_mode=None if in_memory else "r")
    table.sum(dtype=np.float64)  # fills the cache
    seconds = {}

    def timed(name, call):
        begin = time.perf_counter(), time.process_time()
        result = call()
        end = time.perf_counter(), time.process_time()
        seconds[name] = [b - a for a, b in zip(begin, end, strict=True)]
        return result

    def make():
        X, y = make_supervised(table, target=0)
        return SequenceWindower(LENGTH).fit_transform(X)[::every], y[::every]

    X, y = timed("windows", make)
    size = 32 if unroll == "window" else 256  # of a batch: a chunk has many windows
    model = LSTMRegressor(
        32, unroll=unroll, batch_size=size, max_epochs=1, random_state=0
    )
    timed("fit", lambda: model.fit(X, y))
    y_pred = timed("predict", lambda: model.predict(X))
    found = {
        "seconds": seconds,
        "anonymous": most[0],
        "resident": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "error": float(((y_pred - y) ** 2).mean()),
        "n": len(X),
    }
    print(json.dumps(found))


def run(path, unroll, every, limit=None):
    """Measure in a process of its own."""

    def keep_to_limit():
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))

    done = subprocess.run(
        [sys.executable, __file__]
        + ["--measure", str(path), "--unroll", unroll, "--every", str(every)]
        + ["--in-memory"] * (limit is None),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        preexec_fn=None if limit is None else keep_to_limit,
    )
    return json.loads(done.stdout)


def compare(path, unroll, every, limit):
    disk, memory = run(path, unroll, every, limit), run(path, unroll, every)
    print(f"\nunroll={unroll!r}: {disk['n']} windows", flush=True)
    print(f"{'':12}{'on disk':>10}{'in memory':>10}{'speed':>7}{'of CPU':>8}")
    for name, (here, cpu) in disk["seconds"].items():
        there, cpu_there = memory["seconds"][name]
        speeds = f"{there / here:7.2f}{cpu_there / cpu:8.2f}"
        print(f"{name:12}{here:8.2f} s{there:8.2f} s{speeds}")
    for name in ("anonymous", "resident"):
        print(f"{name:12}{disk[name]:7.0f} MB{memory[name]:7.0f} MB")
    print(f"{'error':12}{disk['error']:10.4f}{memory['error']:10.4f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gigabytes", type=float, default=4)
    parser.add_argument("--limit", type=float, default=1)
    parser.add_argument("--features", type=int, default=256)
    parser.add_argument("--every", type=int, default=200)
    parser.add_argument("--folder", default=None)
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    parser.add_argument("--unroll", help=argparse.SUPPRESS)
    parser.add_argument("--in-memory", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        measure(args.measure, args.unroll, args.every, args.in_memory)
        return
    with TemporaryDirectory(dir=args.folder) as folder:
        path = Path(folder) / "series.npy"
        begin = time.perf_counter()
        shape = write(path, args.gigabytes, args.features).shape
        print(f"{shape} written in {time.perf_counter() - begin:.1f} s", flush=True)
        limit = int(args.limit * GIGABYTE)
        compare(path, "window", args.every, limit)
        compare(path, "series", 1, limit)


if __name__ == "__main__":
    main()
