"""The graph of the net: what `BaseLSTM` and `LSTMModule` compute in prediction."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._net._module import POOLINGS
from ._graph import DOUBLE, FLOAT, INT32, INT64, Graph, GraphSequences


def add_network(graph: Graph, model: Any, sequences: GraphSequences) -> str:
    """Return the outputs of the net of an estimator, (n_sequences, n_outputs)."""
    module = model.module_
    table = _scale(graph, model, sequences.steps)
    last = graph.Gather(table, sequences.ends(graph))  # (n_sequences, n_features)
    inputs = [_choose(graph, table, module.of_step)]
    inputs += _vectors(graph, module, table, of_static=False)
    frames = Frames(graph, sequences, model._architecture["frame_size"])
    hidden, ends = _read(graph, module, frames, _join(graph, inputs))
    pooled = _pool(graph, module, frames, hidden, ends)
    static = _choose(graph, last, module.of_sequence)
    beside = [static, *_vectors(graph, module, last, of_static=True)]
    pooled = _join(graph, [pooled, *beside])
    bias = _array(module.head.bias)
    output = graph.Gemm(pooled, _array(module.head.weight), bias, transB=1)
    if module.n_linear:
        lagged = _choose(graph, table, module.of_step)
        lagged = lagged and frames.lags(lagged, module.n_skipped)
        values = _join(graph, [lagged, static])
        line = graph.MatMul(values, _array(module.skip.weight).T)
        output = graph.Add(output, line)
    return output


def _array(tensor: Any) -> np.ndarray:
    """Return weights; ONNX Runtime has no LSTM in double precision."""
    return tensor.numpy(force=True).astype(np.float32)


def _scale(graph: Graph, model: Any, steps: str) -> str:
    """Scale in double precision, put values for missing ones, and mark these."""
    steps = graph.Cast(steps, to=DOUBLE)
    if (scaler := model.scaler_) is not None:
        steps = graph.Div(graph.Sub(steps, scaler.mean_), scaler.scale_)
    missing = graph.IsNaN(steps)  # (n_steps_total, n_features)
    fill = np.zeros(model._n_step_features)
    fill[model._architecture["categorical_features"]] = -1
    steps = graph.Where(missing, fill, steps)
    if model._missing:
        marks = graph.Gather(missing, np.array(model._missing), axis=1)
        steps = graph.Concat(steps, graph.Cast(marks, to=DOUBLE), axis=1)
    return graph.Cast(steps, to=FLOAT)


def _choose(graph: Graph, table: str, positions: Any) -> str | None:
    """Return some columns, if there are any."""
    positions = positions.numpy(force=True)
    return graph.Gather(table, positions, axis=1) if len(positions) else None


def _join(graph: Graph, parts: list[str | None]) -> str:
    """Put side by side what is there."""
    there = [part for part in parts if part is not None]
    return graph.Concat(*there, axis=-1) if len(there) > 1 else there[0]


def _vectors(graph: Graph, module: Any, table: str, *, of_static: bool) -> list[str]:
    """Look up the vectors of ids, those of static features or the others."""
    every = zip(
        module.categorical_features, module.embeddings, module.is_static, strict=True
    )
    vectors = []
    for i, embedding, is_static in every:
        if is_static == of_static:
            ids = graph.Max(graph.Gather(table, i, axis=1), np.float32(-1))
            rows = graph.Add(graph.Cast(ids, to=INT64), 1)
            vectors.append(graph.Gather(_array(embedding.weight), rows))
    return vectors


class Frames:
    """Where the steps that the net reads together lie on the table."""

    def __init__(self, graph: Graph, sequences: GraphSequences, size: int) -> None:
        self.graph, self.size, self.sequences = graph, size, sequences
        up = graph.Add(sequences.lengths, size - 1)
        self.lengths = graph.Div(up, size)  # (n_sequences,) in frames

    def gather(self, table: str) -> str:
        """Return (n_frames, n_sequences, size * n_features), the first one first."""
        graph = self.graph
        time = graph.arange(graph.ReduceMax(self.lengths, keepdims=0))
        self.is_there = graph.Less(graph.column(time), self.lengths)
        # Frames end with their sequence; after it the last step is repeated.
        behind = graph.Sub(self.lengths, graph.column(time))
        return self._take(table, graph.column(behind), graph.column)

    def lags(self, table: str, n: int) -> str:
        """Return the last n frames side by side, zeros for those that are not there."""
        graph = self.graph
        lag = np.arange(n)
        taken = self._take(
            table, lag[:, None] + 1, lambda x: graph.Unsqueeze(x, [1, 2])
        )
        there = graph.Less(lag, graph.column(self.lengths))  # (n_sequences, n)
        taken = graph.Where(graph.column(there), taken, np.float32(0))
        return graph.Flatten(taken, axis=1)

    def _take(self, table: str, behind: Any, align: Any) -> str:
        """Take frames so many before the ends of their sequences, 1 for the last."""
        graph, (_, starts, lengths, _) = self.graph, self.sequences
        starts, lengths = align(starts), align(lengths)
        step = graph.Sub(lengths, graph.Mul(behind, self.size))
        step = graph.Add(step, np.arange(self.size))  # (..., size)
        # What would come before the first step repeats it.
        step = graph.Min(graph.Max(step, 0), graph.Sub(lengths, 1))
        steps = graph.Gather(table, graph.Add(starts, step))
        return graph.Reshape(steps, [0, 0, -1])


def _read(graph: Graph, module: Any, frames: Frames, table: str) -> tuple[str, str]:
    """Run the layers; return all outputs, (time, batch, features), and the last."""
    lstm = module.lstm
    n_directions, size = 1 + lstm.bidirectional, lstm.hidden_size
    lengths = graph.Cast(frames.lengths, to=INT32)
    x = frames.gather(table)
    for layer in range(lstm.num_layers):
        both = lstm.all_weights[n_directions * layer :][:n_directions]
        w, r, *biases = (
            np.stack([_in_order(_array(weights[k]), size) for weights in both])
            for k in range(4)
        )
        y, ends, _ = graph.LSTM(
            *(x, w, r, np.concatenate(biases, axis=1), lengths),
            n_outputs=3,
            hidden_size=size,
            direction="bidirectional" if lstm.bidirectional else "forward",
        )
        # from (time, directions, batch, hidden)
        turned = graph.Transpose(y, perm=[0, 2, 1, 3])
        x = graph.Reshape(turned, [0, 0, n_directions * size])
    ends = graph.Transpose(ends, perm=[1, 0, 2])  # (batch, directions, hidden)
    return x, graph.Reshape(ends, [0, n_directions * size])


def _in_order(weights: np.ndarray, size: int) -> np.ndarray:
    """Order gates as ONNX does: input, output, forget, cell; torch has output last."""
    i, f, c, o = weights.reshape(4, size, *weights.shape[1:])
    return np.concatenate([i, o, f, c])


def _pool(graph: Graph, module: Any, frames: Frames, hidden: str, ends: str) -> str:
    """Reduce (time, batch, features) to (batch, features) over the real steps."""
    is_there = graph.column(frames.is_there)
    pooled: dict[str, str] = {"last": ends}
    if "mean" in module.pooling:
        only = graph.Where(is_there, hidden, np.float32(0))
        n_frames = graph.column(graph.Cast(frames.lengths, to=FLOAT))
        pooled["mean"] = graph.Div(graph.ReduceSum(only, [0], keepdims=0), n_frames)
    if module.pooling == "max":
        only = graph.Where(is_there, hidden, np.float32(-np.inf))
        pooled["max"] = graph.ReduceMax(only, [0], keepdims=0)
    return _join(graph, [pooled[how] for how in POOLINGS[module.pooling]])
