"""Time with all threads over time with one, for nets of many sizes.

    python benchmarks/threads.py [--threads 2]

A forward and a backward pass of `torch.nn.LSTM`, medians of alternating runs. "work" is
the multiplications in the largest product of matrices of a step of time, by which
`fit` and `predict` choose: below `WORK_FOR_THREADS` in sklstm/_runtime.py they take one
thread. Run it on a machine that does nothing else, with OMP_NUM_THREADS unset: threads
that wait for a core that is busy make any ratio look bad.
"""

import argparse
import time

import numpy as np
import torch

N_STEPS, N_FEATURES = 48, 8
SHAPES = [(16, 32), (32, 32), (64, 4), (64, 16), (32, 256), (64, 32), (128, 4)]
SHAPES += [(128, 16), (64, 128), (128, 32), (256, 8), (128, 128), (256, 32), (512, 32)]


def seconds(net, x, n_threads, repeats):
    torch.set_num_threads(n_threads)
    begin = time.perf_counter()
    for _ in range(repeats):
        net.zero_grad()
        net(x)[0].sum().backward()
    return (time.perf_counter() - begin) / repeats


def compare(hidden_size, batch_size, n_threads, rounds=9):
    net = torch.nn.LSTM(N_FEATURES, hidden_size)
    x = torch.randn(N_STEPS, batch_size, N_FEATURES)
    repeats = max(1, int(0.05 / seconds(net, x, 1, 3)))
    taken = [
        [seconds(net, x, n, repeats) for n in (1, n_threads)] for _ in range(rounds)
    ]
    return np.median(taken, axis=0)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    n_threads = parser.parse_args().threads
    print(
        f"{'hidden':>6}{'batch':>6}{'work':>12}{'ms, one':>9}{f'{n_threads} / one':>9}"
    )
    for hidden_size, batch_size in sorted(SHAPES, key=lambda s: s[0] ** 2 * s[1]):
        one, several = compare(hidden_size, batch_size, n_threads)
        work = batch_size * 4 * hidden_size * (hidden_size + N_FEATURES)
        print(
            f"{hidden_size:6}{batch_size:6}{work:12,}{one * 1e3:9.2f}"
            f"{several / one:9.2f}"
        )


if __name__ == "__main__":
    main()
