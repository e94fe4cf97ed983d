"""Time of a fit with several threads over that with one, for nets of many sizes.

    python benchmarks/threads.py [--threads 2]

Medians of alternating fits of one epoch of 20 batches of 48 steps. "work" is the
multiplications in the largest product of matrices of a step of time, by which `fit` and
`predict` choose: below `WORK_FOR_THREADS` in sklstm/_runtime.py they take one thread.
Run it on a machine that does nothing else: threads that wait for a core that is busy
are many times slower than one.
"""

import argparse
import os
import time

import numpy as np

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--threads", type=int, default=2)
N_THREADS = parser.parse_args().threads
# What the environment says stays, so that fit does not choose.
os.environ["OMP_NUM_THREADS"] = str(N_THREADS)

import torch  # noqa: E402

from sklstm import LSTMRegressor  # noqa: E402

N_STEPS, N_FEATURES, N_BATCHES = 48, 8, 20
SHAPES = [(16, 32), (32, 32), (64, 16), (32, 256), (64, 32), (128, 4), (128, 16)]
SHAPES += [(64, 128), (128, 32), (256, 8), (128, 128), (256, 32)]


def seconds(model, X, y, n_threads):
    torch.set_num_threads(n_threads)
    begin = time.perf_counter()
    model.fit(X, y)
    return time.perf_counter() - begin


def main():
    ratio = f"{N_THREADS} / one"
    print(f"{'hidden':>6}{'batch':>6}{'work':>12}{'s, one':>9}{ratio:>9}")
    for hidden_size, batch_size in sorted(SHAPES, key=lambda s: s[0] ** 2 * s[1]):
        model = LSTMRegressor(
            hidden_size,
            batch_size=batch_size,
            max_epochs=1,
            frame_size=1,
            linear_skip=False,
        )
        n = N_BATCHES * batch_size
        X = np.random.default_rng(0).normal(size=(n, N_STEPS, N_FEATURES))
        counts = (1, N_THREADS)
        taken = [[seconds(model, X, X[:, 0, 0], k) for k in counts] for _ in range(6)]
        one, several = np.median(taken[1:], axis=0)
        work = batch_size * 4 * hidden_size * (hidden_size + N_FEATURES)
        print(f"{hidden_size:6}{batch_size:6}{work:12,}{one:9.3f}{several / one:9.2f}")


if __name__ == "__main__":
    main()
