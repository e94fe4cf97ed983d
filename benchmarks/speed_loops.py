"""Workloads of `speed.py`, and the hand-written loop that all else is held against.

The peers' environments import this too: it needs numpy and torch alone.
"""

import itertools
import time
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import nn

N_TRAIN = 12 * 30 * 24  # hours: twelve months of ETTh1, as usual; then four and four
N_VALID = N_TEST = 4 * 30 * 24
HORIZON = 24
LEARNING_RATE = 1e-3
HAND_RATE = 5e-3  # for time to an error; better than 1e-3 in validation
HAND_EPOCHS = 4
MAX_GRAD_NORM = 1.0
MIN_SECONDS = 0.3  # of a fit that is timed, beside which its fixed cost is small


@dataclass
class Problem:
    """Sequences on one table, and the net to train on them."""

    name: str
    table: np.ndarray  # (n_steps, n_features) float32
    starts: np.ndarray
    lengths: np.ndarray
    y: np.ndarray  # (n_sequences, n_outputs) float32
    hidden: int
    batch: int
    layers: int = 1

    def __len__(self):
        return len(self.starts)

    @property
    def length(self):
        """Steps of the longest."""
        return int(self.lengths.max())

    @property
    def is_ragged(self):
        """Whether lengths differ."""
        return bool((self.lengths != self.length).any())

    def flops(self, n_steps):
        """Operations of training on so many steps; a product is two, as is usual."""
        n_features, size = self.table.shape[1], self.hidden
        below = n_features + (self.layers - 1) * size
        forward = 2 * 4 * size * (below + self.layers * size)
        return 3 * forward * n_steps

    def padded(self):
        """Return all sequences as one array, (n_sequences, n_timesteps, n_features)."""
        rows = self.starts[:, None] + np.arange(self.length)
        return self.table[np.minimum(rows, len(self.table) - 1)]


def windows_of(name, n, length, n_features, **net):
    rng = np.random.default_rng(0)
    table = rng.normal(size=(n + length - 1, n_features)).astype(np.float32)
    y = table[length - 1 :, :1] * table[:n, :1]
    return Problem(name, table, np.arange(n), np.full(n, length), y, **net)


def series_of(data):
    """ETTh1 in units of its training part, or what looks like it, without --data."""
    n = N_TRAIN + N_VALID + N_TEST
    if data is not None:
        table = np.loadtxt(data, delimiter=",", skiprows=1, usecols=range(1, 8))[:n]
    else:
        rng = np.random.default_rng(0)
        hour = np.arange(n)[:, None]
        waves = [np.sin(2 * np.pi * hour / period) for period in (24, 168, 24 * 365)]
        noise = np.zeros((n, 7))
        for t in range(1, n):
            noise[t] = 0.98 * noise[t - 1] + 0.2 * rng.normal(size=7)
        table = np.hstack(waves) @ rng.normal(size=(3, 7)) + noise
    start = table[:N_TRAIN]
    return ((table - start.mean(axis=0)) / start.std(axis=0)).astype(np.float32)


def forecasting(name, data, length=96, **net):
    """Forecast the last column; return the training, validation and test problems."""
    table = series_of(data)
    ends = np.cumsum([0, N_TRAIN, N_VALID, N_TEST])
    parts = []
    for begin, end in itertools.pairwise(ends):
        # The history of the first rows to forecast lies in the part before.
        first = max(begin - HORIZON, length - 1)
        last = np.arange(first, end - HORIZON)
        y = table[last[:, None] + 1 + np.arange(HORIZON), -1]
        lengths = np.full(len(last), length)
        parts.append(Problem(name, table, last - length + 1, lengths, y, **net))
    parts[0].table = table[:N_TRAIN]  # nothing after it is read
    return parts


def images(name, n, **net):
    """Return random 28x28 images, read row by row."""
    rng = np.random.default_rng(0)
    table = rng.normal(size=(28 * n, 28)).astype(np.float32)
    y = rng.normal(size=(n, 1)).astype(np.float32)
    return Problem(name, table, 28 * np.arange(n), np.full(n, 28), y, **net)


def ragged_of(name, n, *, equal, **net):
    """Return sequences of 10 to 500 steps, or as many steps in equal lengths."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(10, 501, n)
    table = rng.normal(size=(lengths.sum(), 4)).astype(np.float32)
    if equal:
        lengths = np.full(len(table) // 255, 255)
    starts = np.cumsum(lengths) - lengths
    y = table[starts + lengths - 1, :1]
    return Problem(name, table, starts, lengths, y, **net)


def training_problems(data):
    """Return those that are measured against the hand-written loop."""
    return [
        windows_of("L48 H32 B32", 4000, 48, 1, hidden=32, batch=32),
        windows_of("L48 H32 B256", 4000, 48, 1, hidden=32, batch=256),
        forecasting("ETTh1 L96 H64", data, hidden=64, batch=32)[0],
        images("28x28 3xH128", 640, hidden=128, layers=3, batch=32),
    ]


def ragged_problems(*, equal=False):
    return [
        ragged_of(f"10..500 steps, H{hidden}", n, equal=equal, hidden=hidden, batch=32)
        for hidden, n in [(32, 1024), (128, 256)]
    ]


class Net(nn.Module):
    """LSTM and linear head, steps first unless told otherwise."""

    def __init__(self, n_features, hidden, layers, n_outputs, batch_first=False):
        super().__init__()
        self.lstm = nn.LSTM(n_features, hidden, layers, batch_first=batch_first)
        self.head = nn.Linear(hidden, n_outputs)
        self.last = (slice(None), -1) if batch_first else -1

    def forward(self, x, lengths=None):
        """Return the output after the last step, or after so many."""
        if lengths is not None:
            hidden = self.lstm(x)[0]
            return self.head(hidden[lengths - 1, torch.arange(len(lengths))])
        return self.head(self.lstm(x)[0][self.last])


def net_of(problem, **kwargs):
    n_features, n_outputs = problem.table.shape[1], problem.y.shape[1]
    return Net(n_features, problem.hidden, problem.layers, n_outputs, **kwargs)


class HandLoop:
    """A plain training loop as one writes it who knows torch.

    Batches are gathered from the table by index, steps first, which no LSTM kernel has
    to turn round; one fused Adam step; gradients clipped as sklstm does by default;
    losses summed where they are. Batches of unequal length are padded: packed, they go
    past oneDNN and take 20 times as long.
    """

    def __init__(self, problem, rate=LEARNING_RATE, seed=0):
        torch.manual_seed(seed)
        self.batch = problem.batch
        self.table = torch.as_tensor(problem.table)
        self.y = torch.as_tensor(problem.y)
        self.starts = torch.as_tensor(problem.starts)
        self.lengths = torch.as_tensor(problem.lengths)
        self.time = torch.arange(problem.length)[:, None]
        self.is_ragged = problem.is_ragged
        self.net = net_of(problem)
        self.optimizer = torch.optim.Adam(self.net.parameters(), lr=rate, fused=True)

    def inputs(self, chosen):
        """Gather a batch."""
        if not self.is_ragged:
            return (self.table[self.starts[chosen] + self.time],)
        lengths = self.lengths[chosen]
        time = torch.minimum(self.time[: lengths.max()], lengths - 1)
        return self.table[self.starts[chosen] + time], lengths

    def epoch(self):
        """Pass over all once."""
        self.net.train()
        total = torch.zeros(())
        for chosen in torch.randperm(len(self.starts)).split(self.batch):
            self.optimizer.zero_grad()
            output = self.net(*self.inputs(chosen))
            loss = nn.functional.mse_loss(output, self.y[chosen])
            loss.backward()
            nn.utils.clip_grad_norm_(self.net.parameters(), MAX_GRAD_NORM)
            self.optimizer.step()
            total += loss.detach() * len(chosen)
        return float(total) / len(self.starts)

    def epochs(self, n):
        """Pass over all so many times."""
        for _ in range(n):
            self.epoch()

    def error(self, problem, batch=1024):
        """Mean squared error on another problem of the same kind."""
        table, starts = torch.as_tensor(problem.table), torch.as_tensor(problem.starts)
        self.net.eval()
        with torch.inference_mode():
            output = torch.cat(
                [self.net(table[s + self.time]) for s in starts.split(batch)]
            )
        return float(np.mean((output.numpy() - problem.y) ** 2))


def hand_curve(parts, seed):
    """Return seconds so far, validation and test error after each epoch."""
    loop = HandLoop(parts[0], rate=HAND_RATE, seed=seed)
    rows, taken = [], 0.0
    for _ in range(HAND_EPOCHS):
        taken += seconds(loop.epoch)
        rows.append([taken, *(loop.error(part) for part in parts[1:])])
    return rows


def reach(rows, target, first=0, worst=float("inf")):
    """Return seconds, epochs, validation and test error when the target is reached.

    That is a validation error, and if `worst` is given a test error too.
    """
    for i, (taken, valid, test) in enumerate(rows):
        if i >= first and valid <= target and test <= worst:
            return [taken, i + 1, valid, test]
    return [float("inf"), len(rows), min(row[1] for row in rows), float("nan")]


def seconds(function, clock=time.process_time):
    """Seconds of the processor, which neighbours on the machine change little."""
    start = clock()
    function()
    return clock() - start


def alternate(functions, repeats, clock=time.process_time):
    """Call each in turn, in each round from another one on; return seconds by name.

    The first round warms up and does not count. Whatever slows the machine for a while
    slows neighbours alike, so that ratios within a round mean more than seconds.
    """
    names = list(functions)
    times = {name: [] for name in names}
    for i in range(repeats + 1):
        for name in names[i % len(names) :] + names[: i % len(names)]:
            taken = seconds(functions[name], clock)
            if i:
                times[name].append(taken)
    return times


def epochs_of(fit):
    """Return how many epochs a fit takes MIN_SECONDS for; the first call warms up."""
    fit(1)
    n = 1
    while seconds(partial(fit, n)) < MIN_SECONDS:
        n *= 2
    return n


def alternate_epochs(fits, repeats):
    """Time functions of a number of epochs in turn; return seconds an epoch by name."""
    numbers = {name: epochs_of(fit) for name, fit in fits.items()}
    calls = {name: partial(fit, numbers[name]) for name, fit in fits.items()}
    times = alternate(calls, repeats)
    return {name: [t / numbers[name] for t in taken] for name, taken in times.items()}


def compare(times, reference):
    """Return rows of medians, and of ratios to the reference in the same round."""
    base = np.array(times[reference])
    rows = []
    for name, taken in times.items():
        ratio = np.array(taken) / base
        rows.append(
            {
                "row": name,
                "seconds": float(np.median(taken)),
                "ratio": float(np.median(ratio)),
                "low": float(ratio.min()),
                "high": float(ratio.max()),
            }
        )
    return rows
