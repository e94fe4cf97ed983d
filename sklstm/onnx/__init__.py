"""Export to ONNX: importing this module teaches skl2onnx the estimators of sklstm.

There is nothing to call here. After ``import sklstm.onnx``, `skl2onnx.to_onnx` and
`skl2onnx.convert_sklearn` take what sklstm has fitted, alone or in a pipeline.
"""

from collections.abc import Callable
from typing import Any

try:
    from skl2onnx import update_registered_converter
except ImportError as error:
    raise ImportError(
        "sklstm.onnx needs skl2onnx: pip install 'sklstm[onnx]'."
    ) from error

from .._classifier import LSTMClassifier
from .._encoder import SequenceEncoder
from .._regressor import LSTMRegressor
from .._rows._windows import SequenceWindower
from .._steps import StepTransformer
from ..forecasting import (
    AnchoredRegressor,
    AutoForecaster,
    ConformalRegressor,
    NaiveRegressor,
)
from ._converters import (
    convert_anchored,
    convert_classifier,
    convert_naive,
    convert_regressor,
    convert_steps,
    convert_windower,
)
from ._parsers import (
    find_label_types,
    make_parser,
    make_refusal,
    outputs_of_regressor,
    outputs_of_steps,
    outputs_of_windower,
    parse_classifier,
)

__all__: list[str] = []


def _register() -> None:
    """Make the estimators known to skl2onnx."""
    converters: list[tuple[Any, Callable, Callable]] = [
        (SequenceWindower, outputs_of_windower, convert_windower),
        (StepTransformer, outputs_of_steps, convert_steps),
        (LSTMRegressor, outputs_of_regressor, convert_regressor),
        (AnchoredRegressor, outputs_of_regressor, convert_anchored),
        (NaiveRegressor, outputs_of_regressor, convert_naive),
    ]
    for kind, outputs_of, convert in converters:
        update_registered_converter(
            kind,
            f"Sklstm{kind.__name__}",
            lambda operator: None,  # the outputs have their shapes
            convert,
            parser=make_parser(outputs_of),
        )
    update_registered_converter(
        LSTMClassifier,
        "SklstmLSTMClassifier",
        find_label_types,
        convert_classifier,
        parser=parse_classifier,
        options={
            "zipmap": [True, False, "columns"],
            "nocl": [True, False],
            "output_class_labels": [False, True],
        },
    )
    refused = {
        SequenceEncoder: "reads texts and tokens, and a graph numbers: export what"
        " comes after it, and encode before",
        ConformalRegressor: "has intervals, which have no graph yet: export its"
        " estimator_, which gives the same forecasts",
        AutoForecaster: "blends models that are chosen by the data, which has no graph",
    }
    for kind, why in refused.items():
        update_registered_converter(
            kind,
            f"Sklstm{kind.__name__}",
            lambda operator: None,
            lambda scope, operator, container: None,
            parser=make_refusal(f"{kind.__name__} cannot be exported: it {why}."),
        )


_register()
