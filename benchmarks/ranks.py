"""Time of a fit by two processes, and bytes they send, beside that by one.

    python benchmarks/ranks.py [--processes 2]

Seconds of an epoch of 16 batches of 256 sequences of 48 steps, the least of five, by
processes that `torch.distributed.run` starts, each with one thread. Data and random
numbers are the same, so that the losses agree to rounding. Bytes are those of the
weights, as each process sends them in a step, and what has passed through the loopback
interface in a step, where Linux counts that. Run it on a machine that does nothing
else.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch.distributed as dist

from sklstm import LSTMRegressor

N_STEPS, N_FEATURES, N_BATCHES, BATCH_SIZE = 48, 8, 16, 256
COUNTER = Path("/proc/net/dev")


def bytes_sent():
    """Return what the loopback interface has sent by now, or None."""
    lines = COUNTER.read_text().splitlines() if COUNTER.exists() else []
    return next((int(line.split()[9]) for line in lines if "lo:" in line), None)


def fit(hidden_size):
    """Fit in each of the processes, and print the result from the first one."""
    dist.init_process_group("gloo")
    n = N_BATCHES * BATCH_SIZE
    X = np.random.default_rng(0).normal(size=(n, N_STEPS, N_FEATURES))
    model = LSTMRegressor(
        hidden_size,
        batch_size=BATCH_SIZE,
        max_epochs=6,
        frame_size=1,
        linear_skip=False,
        random_state=0,
    )
    before = bytes_sent()
    model.fit(X, np.tanh(X[:, -1, 0] * X[:, -2, 1]))
    sent = None if before is None else (bytes_sent() - before) / (6 * N_BATCHES)
    if dist.get_rank() == 0:
        weights = sum(each.nbytes for each in model.module_.parameters())
        epoch = min(model.net_.history[1:, "dur"])
        loss = model.loss_curve_[-1]
        print(json.dumps([epoch, loss, weights, sent]))
    dist.destroy_process_group()


def run(n_processes, hidden_size):
    launch = f"torch.distributed.run --standalone --nproc-per-node {n_processes}"
    command = [sys.executable, "-m", *launch.split(), __file__]
    command += ["--as-process-with", str(hidden_size)]
    quiet = os.environ | {"PYTHONWARNINGS": "ignore", "OMP_NUM_THREADS": "1"}
    return json.loads(subprocess.check_output(command, text=True, env=quiet))


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--as-process-with", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.as_process_with:
        return fit(options.as_process_with)
    head = (
        f"{'hidden':>6}{'s, one':>9}{'s, more':>9}{'speed-up':>9}{'losses differ':>15}"
    )
    print(f"{head}{'weights':>10}{'sent a step':>13}  (bytes)")
    for hidden_size in (32, 64, 128):
        one, loss, *_ = run(1, hidden_size)
        more, other, weights, sent = run(options.processes, hidden_size)
        print(
            f"{hidden_size:6}{one:9.3f}{more:9.3f}{one / more:9.2f}"
            f"{abs(other / loss - 1):15.1e}{weights:10,}{sent or 0:13,.0f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
