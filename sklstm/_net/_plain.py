"""Weights, state of the optimizer and history as plain values, and their checks."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from skorch.history import History

from ._module import LSTMModule

# Up to here a size may be larger than all axes of the weights together: of steps that
# a line reads of which nothing is left but what is static, for example.
SMALL = 1000
# Types of figures of epochs that are kept as an array, which gives them back exactly.
FIGURES = (bool, float, int)


def swap(state: Any) -> Any:
    """Make arrays of tensors and tensors of arrays, wherever they are inside."""
    if isinstance(state, dict):
        return {key: swap(value) for key, value in state.items()}
    if isinstance(state, (list, tuple)):
        return type(state)(map(swap, state))
    if isinstance(state, np.ndarray):
        return torch.tensor(state)
    is_tensor = isinstance(state, torch.Tensor)
    return state.numpy(force=True) if is_tensor else state


def check_weights(params: dict[str, Any], weights: dict[str, np.ndarray]) -> None:
    """Raise unless these are finite weights of a module with these parameters."""
    n_axes = sum(sum(array.shape) for array in weights.values())
    names = ("hidden_size", "num_layers", "frame_size", "n_features", "n_outputs")
    sizes = {name: params[name] for name in names}
    sizes |= {f"n_ids[{i}]": n for i, n in enumerate(params["n_ids"])}
    sizes["n_skipped"] = params["n_skipped"] + 1
    sizes["embedding_size"] = params["embedding_size"] or 1
    for name, size in sizes.items():
        # What is made on the way to the shapes takes memory, too.
        most = len(weights) if name == "num_layers" else max(n_axes, SMALL)
        if not isinstance(size, int) or not 1 <= size <= most:
            raise ValueError(f"{name} is {size!r} and the weights have room for {most}")
    for name in ("categorical_features", "static_features"):
        positions = params[name]
        check_positions(name, positions, params["n_features"])
    if len(params["n_ids"]) != len(params["categorical_features"]):
        raise ValueError(
            f"n_ids are {len(params['n_ids'])} and categorical_features"
            f" {len(params['categorical_features'])}"
        )
    expected = LSTMModule(**params, place="meta").state_dict()
    check_arrays(
        weights,
        {name: tuple(tensor.shape) for name, tensor in expected.items()},
        str(params["dtype"]).removeprefix("torch."),
    )


def check_positions(name: str, positions: Any, n: int) -> None:
    """Raise unless these are different positions below n."""
    are_inside = all(isinstance(i, int) and 0 <= i < n for i in positions)
    is_list = isinstance(positions, list)
    if not (is_list and are_inside and len({*positions}) == len(positions)):
        raise ValueError(f"{name} are {positions}, of {n} features")


def check_arrays(
    arrays: dict[str, np.ndarray], shapes: dict[str, tuple[int, ...]], dtype: str
) -> None:
    """Raise unless there is a finite array for each shape, and no other."""
    if differ := sorted({*shapes} ^ {*arrays}):
        has = "lacks" if differ[0] in shapes else "has an unknown"
        raise ValueError(f"it {has} {differ[0]}")
    for name, array in arrays.items():
        is_array = isinstance(array, np.ndarray)
        got = (array.shape, str(array.dtype)) if is_array else type(array).__name__
        if got != (shapes[name], dtype):
            raise ValueError(f"{name} is {got}, expected {(shapes[name], dtype)}")
        if not np.isfinite(array).all():
            raise ValueError(f"{name} has values that are NaN or infinite")


def check_optimizer(state: dict[int, Any], weights: list[np.ndarray]) -> None:
    """Raise unless the arrays of one of our optimizers are of the sizes of weights.

    torch updates them in place, and looks at no size.
    """
    names = {key for values in state.values() for key in values}
    for place, values in state.items():
        if not isinstance(place, int) or not 0 <= place < len(weights):
            raise ValueError(f"the optimizer has parameter {place!r} of {len(weights)}")
        arrays = {name: values[name] for name in names}
        if arrays.get("momentum_buffer", ()) is None:  # without momentum
            del arrays["momentum_buffer"]
        for name, array in arrays.items():
            like = weights[place]
            if name == "step":  # of the type that torch makes numbers of by default
                is_double = getattr(array, "dtype", None) == np.float64
                like = np.zeros((), np.float64 if is_double else np.float32)
            check_arrays({name: array}, {name: like.shape}, str(like.dtype))


def pack(history: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a history as an array for each figure that all epochs have."""
    history = [
        {key: row[key] for key in row if key != "batches" or any(row[key])}
        for row in history
    ]
    figures = {}
    for key in history[0] if history else ():
        values = [row.get(key) for row in history]
        if type(values[0]) in FIGURES and len({*map(type, values)}) == 1:
            figures[key] = np.array(values)
    others = [
        {key: value for key, value in row.items() if key not in figures}
        for row in history
    ]
    return {
        "n_epochs": len(others),
        "figures": figures,
        "others": others if any(others) else [],
    }


def unpack(packed: dict[str, Any]) -> History:
    """Return the history of what `pack` has returned."""
    n_epochs, others = packed["n_epochs"], packed["others"]
    columns = {key: array.tolist() for key, array in packed["figures"].items()}
    lengths = {*map(len, columns.values()), len(others) or n_epochs, n_epochs}
    if len(lengths) > 1 or (n_epochs and not (columns or others)):
        raise ValueError(f"the history has {sorted(lengths)} epochs")
    rows = (
        {key: values[i] for key, values in columns.items()} for i in range(n_epochs)
    )
    extra = others or [{}] * n_epochs
    return History(
        {"batches": []} | row | other for row, other in zip(rows, extra, strict=True)
    )
