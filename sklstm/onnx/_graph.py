"""What the graphs are built with: operators as methods, and sequences as names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from onnx import TensorProto, numpy_helper

BOOL, FLOAT, DOUBLE = TensorProto.BOOL, TensorProto.FLOAT, TensorProto.DOUBLE
INT32, INT64 = TensorProto.INT32, TensorProto.INT64
# From here on an operator of each name takes what it is given here.
MIN_OPSET = 18


class Graph:
    """Adds nodes: each ONNX operator is a method from names and values to a name."""

    def __init__(self, scope: Any, container: Any) -> None:
        if container.target_opset < MIN_OPSET:
            raise ValueError(
                f"target_opset={container.target_opset} is too old for the operators of"
                f" sklstm: give {MIN_OPSET} or more."
            )
        self.scope, self.container = scope, container

    def __getattr__(self, operator: str) -> Callable[..., Any]:
        def add(*inputs: Any, n_outputs: int = 1, **attributes: Any) -> Any:
            name = self.scope.get_unique_operator_name(operator)
            outputs = [
                self.scope.get_unique_variable_name(operator.lower())
                for _ in range(n_outputs)
            ]
            names = [self.name(value) for value in inputs]
            self.container.add_node(operator, names, outputs, name=name, **attributes)
            return outputs[0] if n_outputs == 1 else outputs

        return add

    def name(self, value: Any) -> str:
        """Return the name of an array or a number; a name is one already."""
        if isinstance(value, str):
            return value
        value = np.asarray(value)
        name = self.scope.get_unique_variable_name("constant")
        tensor = numpy_helper.from_array(value, name)
        if value.dtype.kind in "OU":  # which are no raw data
            shape, texts = value.shape, [text.encode() for text in value.ravel()]
            self.container.add_initializer(name, tensor.data_type, shape, texts)
        else:
            self.container.add_initializer(name, tensor.data_type, None, tensor)
        return name

    def count(self, tensor: str, axis: int = 0) -> str:
        """Return the length of an axis."""
        return self.Gather(self.Shape(tensor), axis)

    def arange(self, n: Any) -> str:
        """Return 0 to n - 1."""
        return self.Range(0, n, 1)

    def column(self, vector: str) -> str:
        """Return a vector as a column."""
        return self.Unsqueeze(vector, [-1])

    def write(self, value: str, variable: Any, to: int) -> None:
        """Make a value an output of the operator that is converted."""
        name = self.scope.get_unique_operator_name("Cast")
        outputs = [variable.full_name]
        self.container.add_node("Cast", [value], outputs, name=name, to=to)


class GraphSequences(NamedTuple):
    """`Sequences` as names in a graph: a table, and what lies where on it."""

    steps: str  # (n_steps_total, n_features)
    starts: str  # (n_sequences,)
    lengths: str  # (n_sequences,)
    # What all rows of each history up to the end of its sequence count.
    history_lengths: str  # (n_sequences,)

    def ends(self, graph: Graph) -> str:
        """Return the row of the last step of each."""
        return graph.Sub(graph.Add(self.starts, self.lengths), 1)

    def tail(self, graph: Graph, n_steps: int) -> GraphSequences:
        """Keep the last steps of each, as `Sequences.tail` does."""
        lengths = graph.Min(self.lengths, n_steps)
        starts = graph.Add(self.starts, graph.Sub(self.lengths, lengths))
        return self._replace(starts=starts, lengths=lengths)


def read_padded(
    graph: Graph, x: str, n_features: int, may_miss: bool
) -> GraphSequences:
    """Read a 3-D array, in which steps of NaN at either end are padding."""
    n, n_steps = graph.count(x), graph.count(x, 1)
    starts = graph.Mul(graph.arange(n), n_steps)  # (n_sequences,)
    steps = graph.Reshape(x, [-1, n_features])
    if not may_miss:
        lengths = graph.Expand(n_steps, graph.Unsqueeze(n, [0]))
        return GraphSequences(steps, starts, lengths, lengths)
    there = graph.Cast(graph.Not(graph.IsNaN(x)), to=FLOAT)
    there = graph.ReduceMax(there, [2], keepdims=0)  # (n_sequences, n_steps)
    first = graph.ArgMax(there, axis=1, keepdims=0)
    last = graph.ArgMax(there, axis=1, keepdims=0, select_last_index=1)
    lengths = graph.Add(graph.Sub(last, first), 1)
    return GraphSequences(steps, graph.Add(starts, first), lengths, lengths)


def read_rows(
    graph: Graph, x: str, n_timesteps: int, static: list[int], n: int
) -> GraphSequences:
    """Read each row of n columns as steps; `static` ones belong to each of these."""
    rest = [i for i in range(n) if i not in static]
    n_rows = graph.count(x)
    steps = graph.Gather(x, rest, axis=1) if static else x
    steps = graph.Reshape(steps, [-1, len(rest) // n_timesteps])
    if static:
        rows = graph.Div(graph.arange(graph.count(steps)), n_timesteps)
        repeated = graph.Gather(graph.Gather(x, static, axis=1), rows)
        steps = graph.Concat(steps, repeated, axis=1)
    starts = graph.Mul(graph.arange(n_rows), n_timesteps)
    lengths = graph.Expand(n_timesteps, graph.Unsqueeze(n_rows, [0]))
    return GraphSequences(steps, starts, lengths, lengths)


def read_series(graph: Graph, x: str) -> GraphSequences:
    """Read the rows of a series: the history of each is all rows up to it."""
    rows = graph.arange(graph.count(x))
    lengths = graph.Add(rows, 1)
    return GraphSequences(x, graph.Mul(rows, 0), lengths, lengths)
