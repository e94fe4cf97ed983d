"""Which inputs each estimator takes, and which outputs it has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

# Not public, but what a classifier of another package has to call.
from skl2onnx._parse import _parse_sklearn_classifier
from skl2onnx.common.data_types import (
    DoubleTensorType,
    Int64TensorType,
    StringTensorType,
    guess_tensor_type,
)
from skl2onnx.common.utils_classifier import get_label_classes
from sklearn.utils.validation import check_is_fitted

from .._regressor import LSTMRegressor
from ..forecasting import AnchoredRegressor
from ._graph import GraphSequences

# What the variables are called by which a step hands sequences to the next one.
PARTS = [f"sequence_{name}" for name in GraphSequences._fields]


def make_refusal(message: str) -> Callable[..., Any]:
    """Return a parser that says why there is no converter."""

    def parse(scope: Any, model: Any, inputs: Any, custom_parsers: Any = None) -> Any:
        raise ValueError(message)

    return parse


def make_parser(outputs_of: Callable[..., Any]) -> Callable[..., Any]:
    """Return a parser from the function that lists the outputs."""

    def parse(scope: Any, model: Any, inputs: Any, custom_parsers: Any = None) -> Any:
        inputs = prepare(scope, model, inputs)
        operator = scope.declare_local_operator(f"Sklstm{type(model).__name__}", model)
        operator.inputs = inputs
        for name, kind in outputs_of(model, inputs):
            operator.outputs.append(scope.declare_local_variable(name, kind))
        return operator.outputs

    return parse


def parse_classifier(
    scope: Any, model: Any, inputs: Any, custom_parsers: Any = None
) -> Any:
    """Leave labels and probabilities to skl2onnx."""
    inputs = prepare(scope, model, inputs)
    return _parse_sklearn_classifier(scope, model, inputs, custom_parsers)


def prepare(scope: Any, model: Any, inputs: Any) -> Any:
    """Check the inputs, join columns, and let the number of steps vary."""
    check_is_fitted(model)
    if are_sequences(inputs):
        return inputs
    name = type(model).__name__
    if any(isinstance(variable.type, StringTensorType) for variable in inputs):
        raise ValueError(f"{name} cannot be exported for strings: encode them before.")
    if len(inputs) > 1:
        is_double = any(isinstance(v.type, DoubleTensorType) for v in inputs)
        kind = DoubleTensorType() if is_double else guess_tensor_type(inputs[0].type)
        kind.shape = [None, len(inputs)]
        joined = scope.declare_local_variable("columns", kind)
        operator = scope.declare_local_operator("SklearnConcat")
        operator.inputs = inputs
        operator.outputs.append(joined)
        inputs = [joined]
    # Not known yet, it is that of what a transformer of scikit-learn returns.
    given = list(inputs[0].type.shape) or [None, None]
    if len(given) not in (2, 3):
        raise ValueError(
            f"{name} cannot be exported for input of shape {given}: give initial"
            " types of 2 or 3 dimensions."
        )
    n_features = model.n_features_in_
    if given[-1] not in (None, n_features):
        raise ValueError(
            f"The input has {given[-1]} features, but {name} was fitted to"
            f" {n_features}: give an X as in fit."
        )
    shape = [None] * (len(given) - 1) + [n_features]
    inputs[0].set_type(type(inputs[0].type)(shape))
    return inputs


def are_sequences(inputs: Any) -> bool:
    """Whether they are the output of a windower or StepTransformer."""
    return [variable.raw_name for variable in inputs] == PARTS


def float_type(inputs: Any, shape: list[int | None]) -> Any:
    """Return the type of outputs: double precision for such input."""
    return type(guess_tensor_type(inputs[0].type))(shape)


def list_sequences(kind: Any, n_features: int | None) -> list[tuple[str, Any]]:
    """Return names and types of the parts of sequences."""
    kinds = [type(kind)([None, n_features]), *(Int64TensorType([None]),) * 3]
    return list(zip(PARTS, kinds, strict=True))


def outputs_of_windower(model: Any, inputs: Any) -> list[tuple[str, Any]]:
    """Return windows, or their lags."""
    if model._keys is not None and model._keys.columns():
        raise ValueError(
            "SequenceWindower cannot be exported with the columns of group and time:"
            " fit it to histories of make_supervised, and export it for 3-D input."
        )
    known = model.group is not None or model.time is not None
    known |= model._lost_keys is not None
    if known and not are_sequences(inputs) and len(inputs[0].type.shape) == 2:
        raise ValueError(
            "SequenceWindower cannot be exported for rows whose series and times it has"
            " to know: export it for 3-D input, the history of each sample."
        )
    refuse_labels(model)
    n_features = model.n_features_in_
    if not model.flatten:
        return list_sequences(inputs[0].type, n_features)
    shape = [None, n_features * int(model.sequence_length)]
    return [("variable", float_type(inputs, shape))]


def outputs_of_steps(model: Any, inputs: Any) -> list[tuple[str, Any]]:
    """Return sequences of the new features, or a table."""
    kind = guess_tensor_type(inputs[0].type)
    if are_sequences(inputs) or len(inputs[0].type.shape) == 3:
        return list_sequences(kind, None)
    return [("variable", float_type(inputs, [None, None]))]


def outputs_of_regressor(model: Any, inputs: Any) -> list[tuple[str, Any]]:
    """Return the forecast, and quantiles or the standard deviation if there are any."""
    n = model.n_outputs_
    outputs = [("variable", float_type(inputs, [None, n]))]
    loss = find_loss(model)
    if loss is not None and loss.name == "quantile":
        shape = [None, n, loss.n_parts] if model._y_ndim == 2 else [None, loss.n_parts]
        outputs.append(("quantiles", float_type(inputs, shape)))
    if loss is not None and loss.name == "gaussian":
        outputs.append(("std", float_type(inputs, [None, n])))
    return outputs


def find_loss(model: Any) -> Any:
    """Return the loss of an LSTM, or of that at the end of what wraps it."""
    while not isinstance(model, LSTMRegressor):
        if isinstance(model, AnchoredRegressor):
            model = model.regressor_
        elif hasattr(model, "steps"):
            model = model.steps[-1][1]
        else:
            return None
    return model._loss


def find_label_types(operator: Any) -> None:
    """Set the types of labels and probabilities, as those of other classifiers."""
    labels, probabilities = operator.outputs
    classes = read_classes(operator.scope_inst, operator.raw_operator)
    is_whole = classes.dtype == np.int64
    labels.set_type((Int64TensorType if is_whole else StringTensorType)([None]))
    probabilities.set_type(float_type(operator.inputs, [None, len(classes)]))


def read_classes(scope: Any, model: Any) -> np.ndarray:
    """Return the classes as strings or whole numbers, which is what a graph knows."""
    classes = get_label_classes(scope, model)
    is_text = all(isinstance(label, str) for label in classes.tolist())
    return classes if is_text else classes.astype(np.int64)


def refuse_labels(model: Any) -> None:
    """Raise if features are strings or categories, for which there is no input."""
    if model._labels:
        raise ValueError(
            f"{type(model).__name__} cannot be exported: it was fitted to labels, in"
            f" the features {list(model._labels)}. Encode them before as numbers, and"
            " name these in categorical_features."
        )
