"""The nodes of each estimator."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np

# Not public, but what converters of meta-estimators call, as that of a Pipeline does.
from skl2onnx._parse import _parse_sklearn
from skl2onnx.common.data_types import (
    DoubleTensorType,
    FloatTensorType,
    guess_proto_type,
    guess_tensor_type,
)
from sklearn.compose import ColumnTransformer

from .._net._losses import MIN_STD
from .._rows._windows import SequenceWindower
from ._graph import (
    BOOL,
    DOUBLE,
    FLOAT,
    INT64,
    Graph,
    GraphSequences,
    read_padded,
    read_rows,
    read_series,
)
from ._network import add_network
from ._parsers import are_sequences, list_sequences, read_classes, refuse_labels


def read(graph: Graph, operator: Any) -> GraphSequences:
    """Read the inputs of an operator as sequences, as `read_sequences` does."""
    model, inputs = operator.raw_operator, operator.inputs
    names = [variable.full_name for variable in inputs]
    if are_sequences(inputs):
        return GraphSequences(*names)
    kind = inputs[0].type
    if len(kind.shape) == 3:
        may_miss = isinstance(kind, (FloatTensorType, DoubleTensorType))
        return read_padded(graph, names[0], kind.shape[2], may_miss)
    if isinstance(model, SequenceWindower):
        return read_series(graph, names[0])
    if model._made_with is not None:
        raise ValueError(
            f"{type(model).__name__} was fitted to sequences: export it for 3-D input,"
            " or rows with a SequenceWindower before it."
        )
    n_steps, static = model.n_timesteps, model._static_columns
    if not isinstance(n_steps, Integral):
        n_steps = model.n_features_in_ - len(static)
    return read_rows(graph, names[0], int(n_steps), static, model.n_features_in_)


def write(graph: Graph, values: Any, outputs: Any) -> None:
    """Make values the outputs of an operator."""
    for value, variable in zip(values, outputs, strict=True):
        graph.write(value, variable, guess_proto_type(variable.type))


def convert_windower(scope: Any, operator: Any, container: Any) -> None:
    """Keep the last steps."""
    graph, model = Graph(scope, container), operator.raw_operator
    length = int(model.sequence_length)
    windows = read(graph, operator).tail(graph, length)
    if not model.flatten:
        write(graph, windows, operator.outputs)
        return
    back = np.arange(length - 1, -1, -1)
    rows = graph.Sub(graph.column(windows.ends(graph)), back)  # (n_sequences, length)
    starts = graph.column(windows.starts)
    kind = guess_proto_type(operator.outputs[0].type)
    steps = graph.Cast(windows.steps, to=kind)
    flat = graph.Gather(steps, graph.Max(rows, starts))
    if model.fill_value != "edge":
        is_before = graph.column(graph.Less(rows, starts))
        fill = graph.Cast(np.float64(model.fill_value), to=kind)
        flat = graph.Where(is_before, fill, flat)
    graph.write(graph.Flatten(flat, axis=1), operator.outputs[0], kind)


def convert_steps(scope: Any, operator: Any, container: Any) -> None:
    """Apply the converter of the inner transformer to the table of steps."""
    graph, model = Graph(scope, container), operator.raw_operator
    inner, outputs = model.transformer_, operator.outputs
    is_table = len(outputs) == 1
    given = [operator.inputs[0].full_name] if is_table else read(graph, operator)
    steps, *places = given
    n, kind = model.n_features_in_, type(operator.inputs[0].type)
    kinds, values = [("steps", kind([None, n]))], [steps]
    first = inner.steps[0][1] if hasattr(inner, "steps") else inner
    names = getattr(first, "feature_names_in_", None)
    if isinstance(first, ColumnTransformer) and names is not None:
        kinds = [(str(name), kind([None, 1])) for name in names]
        values = [graph.Gather(steps, [i], axis=1) for i in range(n)]
    (made,) = _parse_sklearn(scope, inner, hand_on(scope, graph, kinds, values))
    write(graph, [made.full_name, *places], outputs)


def hand_on(scope: Any, graph: Graph, kinds: Any, values: Any) -> list[Any]:
    """Make values the inputs of an inner estimator."""
    variables = [scope.declare_local_variable(*each) for each in kinds]
    write(graph, values, variables)
    return variables


def run_net(graph: Graph, operator: Any) -> str:
    """Return the outputs of the net of an estimator, (n_sequences, n_outputs)."""
    model = operator.raw_operator
    refuse_labels(model)
    if model.unroll == "series" and are_sequences(operator.inputs):
        raise ValueError(
            f"{type(model).__name__} cannot be exported with unroll='series', which"
            " reads more of a series than a window holds: set_params(unroll='window')"
            " on the fitted estimator, which then reads each window alone."
        )
    return add_network(graph, model, read(graph, operator))


def convert_regressor(scope: Any, operator: Any, container: Any) -> None:
    """Decode the outputs of the net as `LSTMRegressor` does."""
    graph, model = Graph(scope, container), operator.raw_operator
    loss, outputs = model._loss, list(operator.outputs)
    kind = guess_proto_type(outputs[0].type)
    parts = graph.Cast(run_net(graph, operator), to=DOUBLE)
    parts = graph.Reshape(parts, [-1, model.n_outputs_, loss.n_parts])
    if loss.name == "quantile":  # which may cross
        k = np.array([loss.n_parts])
        parts, _ = graph.TopK(parts, k, largest=0, n_outputs=2)
    scaler = model.target_scaler_
    scale, mean = (1.0, 0.0) if scaler is None else (scaler.scale_, scaler.mean_)
    # The median lies between the quantiles next to it, other forecasts come first.
    quantiles = getattr(loss, "quantiles", [0.5])
    place = np.interp(0.5, quantiles, np.arange(len(quantiles)))
    share = np.maximum(1 - np.abs(np.arange(loss.n_parts) - place), 0)
    center = graph.Squeeze(graph.MatMul(parts, share[:, None]), [2])
    graph.write(graph.Add(graph.Mul(center, scale), mean), outputs[0], kind)
    if loss.name == "quantile" and len(outputs) > 1:
        scale, mean = (np.reshape(value, (-1, 1)) for value in (scale, mean))
        levels = graph.Add(graph.Mul(parts, scale), mean)
        if model._y_ndim == 1:
            levels = graph.Squeeze(levels, [1])
        graph.write(levels, outputs[1], kind)
    elif loss.name == "gaussian" and len(outputs) > 1:
        raw = graph.Cast(graph.Gather(parts, 1, axis=2), to=FLOAT)
        spread = graph.Add(graph.Cast(graph.Softplus(raw), to=DOUBLE), MIN_STD)
        graph.write(graph.Mul(spread, scale), outputs[1], kind)


def convert_classifier(scope: Any, operator: Any, container: Any) -> None:
    """Make labels and probabilities of the outputs of the net."""
    graph, model = Graph(scope, container), operator.raw_operator
    scores = run_net(graph, operator)
    labels, probabilities = operator.outputs
    classes = read_classes(scope, model)
    best = graph.Gather(classes, graph.ArgMax(scores, axis=1, keepdims=0))
    container.add_node("Identity", [best], [labels.full_name])
    kind = guess_proto_type(probabilities.type)
    graph.write(graph.Softmax(scores, axis=1), probabilities, kind)


def add_levels(graph: Graph, model: Any, sequences: GraphSequences) -> str:
    """Return the level of each target, (n_sequences, n_targets), as `Levels.of`."""
    levels, n_features = model._levels, model._n_step_features
    reaches = graph.Less(levels.ages, graph.column(sequences.lengths))
    ages = graph.Mul(graph.Cast(reaches, to=INT64), levels.ages)
    rows = graph.Sub(graph.column(sequences.ends(graph)), ages)
    at = graph.Add(graph.Mul(rows, n_features), levels.positions)
    flat = graph.Reshape(graph.Cast(sequences.steps, to=DOUBLE), [-1])
    values = graph.Gather(flat, at)
    return graph.Add(graph.Mul(values, levels.scale), levels.offset)


def take_changes(graph: Graph, model: Any, sequences: GraphSequences) -> str:
    """Return the table with changes in place of levels, as `take_changes` does."""
    values = graph.Cast(sequences.steps, to=DOUBLE)
    rows = graph.arange(graph.count(values))
    before = graph.Gather(values, graph.Max(graph.Sub(rows, 1), 0))
    changes = graph.Sub(values, before)
    begins = graph.Equal(sequences.history_lengths, sequences.lengths)
    starts = graph.Compress(sequences.starts, begins, axis=0)
    has_none = graph.ScatterElements(
        graph.Mul(rows, 0), starts, graph.Add(graph.Mul(starts, 0), 1), axis=0
    )
    has_none = graph.column(graph.Cast(has_none, to=BOOL))
    changes = graph.Where(has_none, np.float64(0), changes)
    is_level = np.isin(np.arange(model._n_step_features), model._levels.positions)
    return graph.Where(is_level, changes, values)


def convert_anchored(scope: Any, operator: Any, container: Any) -> None:
    """Hand changes to the inner regressor, and add levels to what it returns."""
    graph, model = Graph(scope, container), operator.raw_operator
    sequences = read(graph, operator)
    changes = sequences._replace(steps=take_changes(graph, model, sequences))
    kind = guess_tensor_type(operator.inputs[0].type)
    if model._made_with is None:  # as rows, which came in
        shape = [None, model.n_features_in_]
        table = graph.Reshape(changes.steps, [-1, model.n_features_in_])
        inner = hand_on(scope, graph, [("changes", type(kind)(shape))], [table])
    else:
        kinds = list_sequences(kind, model.n_features_in_)
        inner = hand_on(scope, graph, kinds, changes)
    level = add_levels(graph, model, sequences)
    made = _parse_sklearn(scope, model.regressor_, inner)
    for i, (value, variable) in enumerate(zip(made, operator.outputs, strict=False)):
        output = graph.Cast(value.full_name, to=DOUBLE)
        if i == 0:
            output = graph.Add(graph.Reshape(output, graph.Shape(level)), level)
        elif value.raw_name == "quantiles":
            each = graph.column(level) if model._y_ndim == 2 else level
            output = graph.Add(output, each)
        graph.write(output, variable, guess_proto_type(variable.type))


def convert_naive(scope: Any, operator: Any, container: Any) -> None:
    """Return the levels."""
    graph = Graph(scope, container)
    level = add_levels(graph, operator.raw_operator, read(graph, operator))
    (output,) = operator.outputs
    graph.write(level, output, guess_proto_type(output.type))
