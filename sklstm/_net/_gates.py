"""The inside of a net: its gates, what its head reads, and gradients by its input."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

import numpy as np
import torch
from torch import Tensor, nn

from ._batches import BatchDataset
from ._module import LSTMModule, turned_round
from ._runtime import COMPUTING

# What `unroll_cell` returns side by side, in its order.
PARTS = (
    "input_gate",
    "forget_gate",
    "candidate",
    "output_gate",
    "cell_state",
    "hidden_state",
)


def unroll_cell(x: Tensor, weights: list[nn.Parameter]) -> Tensor:
    """Map (time, batch, inputs) to all that a cell computes, (time, batch, parts)."""
    W_i, W_h, b_i, b_h = weights  # of input, forget, candidate, output below another
    h = c = x.new_zeros(x.shape[1], W_h.shape[1])
    trace = []
    for x_t in x:
        i, f, g, o = (x_t @ W_i.T + b_i + h @ W_h.T + b_h).chunk(4, dim=1)
        i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
        c = f * c + i * g
        h = o * c.tanh()
        trace.append(torch.cat([i, f, g, o, c, h], dim=1))
    return torch.stack(trace)


@torch.inference_mode()
def read_gates(
    module: LSTMModule, data: BatchDataset, layer: int, *, backward: bool
) -> np.ndarray:
    """Unroll one layer in one direction; the steps of all sequences are the rows."""
    with COMPUTING:
        x, lengths = _inputs(data), data.lengths
        steps = module._read_by_layer(module.embed(x), lengths, n_layers=layer)
        directions = 1 + module.lstm.bidirectional
        weights = module.lstm.all_weights[directions * layer + backward]
        back = turned_round(steps, lengths)
        trace = unroll_cell(steps[back] if backward else steps, weights)
        trace = trace[back] if backward else trace  # (time, batch, parts)
    is_step = data.time < lengths  # (time, batch)
    return trace.transpose(0, 1)[is_step.T].cpu().numpy()


def without_head(module: LSTMModule) -> LSTMModule:
    """Return a copy whose output is what the head of the module reads."""
    copy, n = deepcopy(module), module.head.in_features
    like = module.head.weight
    head = nn.Linear(n, n, dtype=like.dtype, device="meta").to_empty(device=like.device)
    copy.head, copy.n_linear = head, 0
    with torch.no_grad():
        nn.init.eye_(head.weight)
        nn.init.zeros_(head.bias)
    return copy


def on_cpu(module: LSTMModule) -> LSTMModule:
    """Return a copy to differentiate: cuDNN does so in training alone."""
    return deepcopy(module).cpu().eval()


def input_gradients(
    module: LSTMModule,
    data: BatchDataset,
    linearize: Callable[[np.ndarray], np.ndarray],
) -> np.ndarray:
    """Differentiate predictions, (n_steps_total, n_features, n_predictions).

    `linearize` takes the outputs of the net, and returns the derivatives of each
    prediction by them, (n_predictions, batch, n_outputs).
    """
    steps = data.steps.requires_grad_()
    with COMPUTING:
        output = module(_inputs(data), data.lengths)
        gradients = [
            torch.autograd.grad(
                *(output, steps, torch.tensor(by_output, dtype=output.dtype)),
                retain_graph=True,
                allow_unused=True,  # where all features are ids
                materialize_grads=True,
            )[0]
            for by_output in linearize(output.detach().numpy())
        ]
    return torch.stack(gradients, dim=-1).numpy()


def _inputs(data: BatchDataset) -> Tensor:
    """Gather all sequences, (time, batch, ...)."""
    return data.inputs(torch.arange(len(data), device=data.device))["x"]
