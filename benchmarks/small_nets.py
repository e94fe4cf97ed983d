"""Many small LSTMs of one shape: one after another, by two processes, in one batch.

    python benchmarks/small_nets.py [--device cuda] [--processes 1]

Each net is a layer of `nn.LSTM` and a line, trained by Adam on data of its own, as the
folds, candidates and copies of a search are. "Batched" are all of them as one: their
weights are stacked, a step of time is one batched product, and the backward pass is
written by hand, as `torch.func.vmap` has no rule for `nn.LSTM`. That this leads to
the weights of nets trained alone is checked first, in float64.

It prints seconds of an epoch of 8 batches of all nets, medians of runs in turn: of
the processor, which other processes change little, with their ratio, and of the
clock. "By 2" are halves of the nets in two processes that have started before.
"""

import argparse
import copy
import itertools
import time

import numpy as np
import torch
from joblib import Parallel, delayed
from torch import nn

GRID = {
    "copies": [5, 20],
    "hidden": [8, 16, 32, 64],
    "batch": [4, 32, 128],
    "window": [12, 24, 96],
}
WAYS = ["each", "batched", "each by 2", "batched by 2"]
N_FEATURES, N_BATCHES, RATE = 4, 8, 1e-3
MIN_SECONDS = 0.3  # of one net after another, beside which a call of joblib is small


class Net(nn.Module):
    """A layer and a line, (time, batch, feature) to (batch,)."""

    def __init__(self, size):
        super().__init__()
        self.lstm, self.head = nn.LSTM(N_FEATURES, size), nn.Linear(size, 1)
        # As in sklstm; else gradients of long windows are subnormal, which is slow.
        self.lstm.bias_ih_l0.data[size : 2 * size] = 1

    def forward(self, x):
        """Read the last output."""
        return self.head(self.lstm(x)[0][-1])[:, 0]


class StackedLSTM(torch.autograd.Function):
    """The last output of K LSTMs; their gates are in the order o, i, f, g."""

    @staticmethod
    def forward(ctx, x, weight):
        """Return h of x (time, net, batch, feature); weight (net, width, 4 * hidden).

        A step reads rows (h, 1, 1, x) of this width, as `nn.LSTM` has two biases.
        """
        n_steps, n_nets, batch, _ = x.shape
        width, size = weight.shape[1], weight.shape[2] // 4
        rows = x.new_empty(n_steps + 1, n_nets, batch, width)
        rows[0, ..., :size], rows[..., size : size + 2] = 0, 1
        rows[:-1, ..., size + 2 :] = x
        gates = x.new_empty(n_steps, n_nets, batch, 4, size)
        c = x.new_zeros(n_steps + 1, n_nets, batch, size)
        tanh_c = x.new_empty(n_steps, n_nets, batch, size)
        # Views of all steps at once: each takes as long as a small product.
        steps = [rows[:-1], gates.flatten(3), gates[..., :3, :], *gates.unbind(3)]
        steps += [c[:-1], c[1:], tanh_c, rows[1:, ..., :size]]
        for row, entered, sigmoids, o, i, f, g, before, after, tanh, h in zip(
            *(part.unbind() for part in steps), strict=True
        ):
            torch.bmm(row, weight, out=entered)
            sigmoids.sigmoid_()
            g.tanh_()
            torch.mul(f, before, out=after).addcmul_(i, g)
            torch.tanh(after, out=tanh)
            torch.mul(o, tanh, out=h)
        ctx.save_for_backward(weight, rows, gates, c, tanh_c)
        return rows[-1, ..., :size].clone()

    @staticmethod
    def backward(ctx, dh):
        """Return the gradient of the weight."""
        weight, rows, gates, c, tanh_c = ctx.saved_tensors
        o, i, f, g = gates.unbind(3)
        # Derivatives of h by what enters o, and of c by what enters the other gates.
        d = torch.addcmul(gates, gates, gates, value=-1)  # s' = s - s**2 of a sigmoid
        for k, factor in enumerate((tanh_c, g, c[:-1])):
            d[..., k, :].mul_(factor)
        torch.addcmul(i, i * g, g, value=-1, out=d[..., 3, :])
        by_c = torch.addcmul(o, o * tanh_c, tanh_c, value=-1)
        # Copied, as a product with it takes half the time.
        recurrent = weight[:, : dh.shape[2]].transpose(1, 2).contiguous()
        dc, dw = torch.zeros_like(dh), torch.zeros_like(weight)
        steps = [by_c, d[..., 0, :], d[..., 1:, :], f]
        steps += [d.flatten(3), rows[:-1].transpose(2, 3)]
        for by_c, d_o, others, f, entered, row in zip(
            *(reversed(part.unbind()) for part in steps), strict=True
        ):
            dc.addcmul_(dh, by_c)
            d_o.mul_(dh)
            others.mul_(dc[:, :, None])
            dc.mul_(f)
            dw.baddbmm_(row, entered)
            dh = torch.bmm(entered, recurrent)
        return None, dw


def stack(nets):
    """Return the weights of all LSTMs as one tensor, and those of the lines."""
    weights = []
    for net in nets:
        ih, hh, b_ih, b_hh = (part.detach() for part in net.lstm.parameters())
        weight = torch.cat([hh, b_hh[:, None], b_ih[:, None], ih], dim=1)
        weights.append(weight.roll(len(hh) // 4, 0).T)  # from i, f, g, o
    slopes = [net.head.weight.detach().T for net in nets]
    intercepts = [net.head.bias.detach()[:, None] for net in nets]
    return [torch.stack(part).contiguous() for part in (weights, slopes, intercepts)]


def train_each(nets, X, y, orders):
    """Train one after another; X (time, net, sample, feature), y (net, sample)."""
    for k, net in enumerate(nets):
        optimizer = torch.optim.Adam(net.parameters(), RATE, fused=True)
        for rows in orders[:, k]:  # (epoch * batch, net, sample of the batch)
            optimizer.zero_grad()
            (net(X[:, k, rows]) - y[k, rows]).square().mean().backward()
            optimizer.step()
    return stack(nets)


def train_batched(nets, X, y, orders):
    """Train all at once, to the same weights."""
    parameters = [part.requires_grad_() for part in stack(nets)]
    weight, slope, intercept = parameters
    optimizer = torch.optim.Adam(parameters, RATE, fused=True)
    k = torch.arange(len(nets), device=X.device)[:, None]
    for rows in orders:
        optimizer.zero_grad()
        h = StackedLSTM.apply(X[:, k, rows], weight)  # (net, batch, hidden)
        errors = torch.baddbmm(intercept, h, slope)[..., 0] - y[k, rows]
        errors.square().mean(dim=1).sum().backward()
        optimizer.step()
    return [part.detach() for part in parameters]


def make(copies, hidden, batch, window, epochs, device, dtype=torch.float32):
    """Return nets, X, y and the samples of each batch."""
    torch.manual_seed(0)
    n = N_BATCHES * batch
    X = torch.randn(window, copies, n, N_FEATURES, dtype=dtype)
    batches = torch.rand(copies, n).argsort().split(batch, dim=1)
    orders = torch.stack(batches * epochs)
    nets = [Net(hidden).to(device, dtype) for _ in range(copies)]
    return nets, X.to(device), X[-4:, ..., 0].sum(dim=0).to(device), orders.to(device)


def check(device):
    """Raise unless both ways lead to the same weights."""
    nets, *data = make(3, 6, 5, 7, 4, device, torch.float64)
    pairs = zip(train_batched(nets, *data), train_each(nets, *data), strict=True)
    for batched, each in pairs:
        torch.testing.assert_close(batched, each, rtol=1e-9, atol=1e-9)


def run(train, arrays):
    """Train copies of the nets; return seconds, and those of the processor."""
    torch.set_num_threads(1)
    # Processes get arrays, which joblib lets them share but not write to.
    nets, *data = (
        torch.tensor(part) if isinstance(part, np.ndarray) else copy.deepcopy(part)
        for part in arrays
    )
    for net in nets:
        net.lstm.flatten_parameters()  # which a GPU wants side by side
    wait = torch.cuda.synchronize if data[0].is_cuda else lambda: None
    wait()
    begin = time.perf_counter(), time.process_time()
    train(nets, *data)
    wait()
    return time.perf_counter() - begin[0], time.process_time() - begin[1]


def run_two(train, halves, parallel):
    """Train half of the nets in each of two processes."""
    begin = time.perf_counter()
    parts = parallel(delayed(run)(train, half) for half in halves)
    return time.perf_counter() - begin, sum(cpu for _, cpu in parts)


def measure(arrays, n_processes, parallel, repeats):
    """Return medians of seconds and of those of the processor, each (n_ways,)."""
    ways = [(run, train, arrays) for train in (train_each, train_batched)]
    if n_processes == 2:
        nets, X, y, orders = arrays
        halves = [
            [nets[i::2], X[:, i::2].numpy(), y[i::2].numpy(), orders[:, i::2].numpy()]
            for i in range(2)
        ]
        ways += [(run_two, way[1], halves, parallel) for way in ways]
    turns = [[way(*given) for way, *given in ways] for _ in range(repeats)]
    return np.median(turns, axis=0).T


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--processes", type=int, choices=[1, 2], default=2)
    for name, values in GRID.items():
        parser.add_argument("--" + name, type=int, nargs="+", default=values)
    options = vars(parser.parse_args())
    device = options["device"]
    check(device)
    n_processes = options["processes"] if device == "cpu" else 1
    names = WAYS[: 2 * n_processes]
    print("nets hidden batch steps  CPU:", *names, "ratio  clock:", *names, sep="  ")
    with Parallel(n_jobs=2) as parallel:
        for shape in itertools.product(*(options[name] for name in GRID)):
            arrays = make(*shape, 1, device)
            measure(arrays, n_processes, parallel, 1)  # what is done once
            once = measure(arrays, 1, parallel, 1)[1, 0]
            epochs = int(MIN_SECONDS / once) + 1
            arrays = make(*shape, epochs, device)
            medians = measure(arrays, n_processes, parallel, options["repeats"])
            wall, cpu = medians / epochs
            print("{:4}{:7}{:6}{:6}      ".format(*shape), end="")
            for times, end in (cpu, f"{cpu[1] / cpu[0]:7.2f}        "), (wall, "\n"):
                for name, each in zip(names, times, strict=True):
                    print(f"  {each:{len(name)}.4f}", end="")
                print(end, end="", flush=True)


if __name__ == "__main__":
    main()
