"""A series on disk under a limit of memory, beside the same series in memory.

    python benchmarks/larger_than_memory.py [--gigabytes 4] [--limit 1]

Writes a random walk of float32 with `to_memmap`, and then in one process fits to it and
predicts from it where it lies, and in another reads it into memory first. The first may
allocate no more than the limit (RLIMIT_DATA, which counts all but the mapped file; the
system takes pages of that back when it needs them). Windows of 24 steps, one epoch:
over every `--every`-th window, and over all of them with ``unroll="series"``. Each line
is the time of one call, once the file has been read through and so is in the cache, if
that is large enough. "speed" is that on disk over that in memory, "of CPU" by the time
of the processor, on which others have less influence; "anonymous" is the most memory
that was not of the file.
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

LENGTH = 24
GIGABYTE = 1 << 30


def write(path, gigabytes, n_features):
    from sklstm import to_memmap

    rng = np.random.default_rng(0)
    size = 1 << 16
    n_parts = max(int(gigabytes * GIGABYTE / (4 * n_features * size)), 1)
    noise = rng.normal(size=(2 * size, n_features)).astype(np.float32)

    def parts():
        last = np.zeros(n_features, np.float32)
        for _ in range(n_parts):
            first = rng.integers(size)
            steps = noise[first : first + size] - last / size
            part = last + np.cumsum(steps, axis=0, dtype=np.float32)
            last = part[-1]
            yield part

    return to_memmap(parts(), path)


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


def measure(path, every, in_memory):
    import torch

    from sklstm import LSTMRegressor, SequenceWindower, make_supervised

    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    params = {"hidden_size": 32, "max_epochs": 1, "random_state": 0}
    most = [0]
    threading.Thread(target=watch, args=(most,), daemon=True).start()
    table = np.load(path, mmap_mode=None if in_memory else "r")
    taken, found = {}, {}

    def timed(name, call):
        begin = time.perf_counter(), time.process_time()
        found[name] = call()
        end = time.perf_counter(), time.process_time()
        taken[name] = [after - before for before, after in zip(begin, end, strict=True)]
        return found[name]

    table.sum(dtype=np.float64)  # fills the cache

    def make():
        X, y = make_supervised(table, target=0)
        return SequenceWindower(LENGTH).fit_transform(X), y

    windows, y = timed("windows", make)
    some = windows[::every], y[::every]
    model = LSTMRegressor(**params)
    timed("fit", lambda: model.fit(*some))
    timed("predict", lambda: model.predict(some[0]))
    model = LSTMRegressor(unroll="series", batch_size=256, **params)
    timed("fit, series", lambda: model.fit(windows, y))
    timed("predict, series", lambda: model.predict(windows))
    names = ("predict", "predict, series")
    print(
        json.dumps(
            {
                "seconds": taken,
                "anonymous": most[0],
                "resident": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
                "n_windows": [len(some[0]), len(windows)],
                "sums": [float(found[name].sum()) for name in names],
            }
        )
    )


def run(path, every, limit=None):
    """Measure in a process of its own."""

    def keep_to_limit():
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))

    command = [sys.executable, __file__, "--measure", str(path), "--every", str(every)]
    done = subprocess.run(
        command + ["--in-memory"] * (limit is None),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        preexec_fn=None if limit is None else keep_to_limit,
    )
    return json.loads(done.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gigabytes", type=float, default=4)
    parser.add_argument("--limit", type=float, default=1)
    parser.add_argument("--features", type=int, default=256)
    parser.add_argument("--every", type=int, default=200)
    parser.add_argument("--folder", default=None)
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    parser.add_argument("--in-memory", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        measure(args.measure, args.every, args.in_memory)
        return
    with TemporaryDirectory(dir=args.folder) as folder:
        path = Path(folder) / "series.npy"
        begin = time.perf_counter()
        table = write(path, args.gigabytes, args.features)
        print(f"{table.shape} written in {time.perf_counter() - begin:.1f} s")
        del table
        disk = run(path, args.every, int(args.limit * GIGABYTE))
        memory = run(path, args.every)
    print(f"{'':16}{'on disk':>10}{'in memory':>10}{'speed':>7}{'of CPU':>8}")
    for name, (seconds, cpu) in disk["seconds"].items():
        there, cpu_there = memory["seconds"][name]
        print(
            f"{name:16}{seconds:8.2f} s{there:8.2f} s{there / seconds:7.2f}"
            f"{cpu_there / cpu:8.2f}"
        )
    for name in ("anonymous", "resident"):
        print(f"{name:16}{disk[name]:7.0f} MB{memory[name]:7.0f} MB")
    n_some, n_all = disk["n_windows"]
    print(f"{n_some} windows, or with unroll='series' {n_all}")
    print(f"sums of predictions: {disk['sums']} and {memory['sums']}")


if __name__ == "__main__":
    main()
