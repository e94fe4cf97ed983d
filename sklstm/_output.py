"""Predictions as a series or dataframe, with the index of what was predicted."""

from __future__ import annotations

from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from ._rows._columns import get_index
from ._sequences import Sequences

LIBRARIES = ("pandas", "polars")


def to_output(values: np.ndarray, X: Any, output: str | None, names: Any) -> Any:
    """Put predictions into the container that was asked for."""
    if output is None:
        return values
    if output not in LIBRARIES:
        raise ValueError(
            f"output={output!r} is not known; give 'pandas', 'polars' or None."
        )
    try:
        made = _make(values, output, names, output == "pandas")
    except ImportError as error:
        raise ImportError(
            f"output={output!r} needs {output}: pip install 'sklstm[{output}]'."
        ) from error
    index = X.index if isinstance(X, Sequences) else get_index(X)
    if output == "pandas" and index is not None:
        made.index = index
    return made


def to_container(values: np.ndarray, like: Any, names: list[Any], index: Any) -> Any:
    """Put values into a series or dataframe of the library of another."""
    backend = nw.from_native(like).implementation
    made = _make(values, backend, names, backend.is_pandas_like())
    if index is not None:
        made.index = index
    return made


def _make(values: np.ndarray, backend: Any, names: Any, is_pandas: bool) -> Any:
    if values.ndim == 1:
        made = nw.new_series("", values, backend=backend).to_native()
        name = None if names is None else names[0]
        return made.rename(name) if is_pandas or name is not None else made
    if names is None or len(set(map(str, names))) < len(names):
        names = range(values.shape[1])
    # polars has no names but strings
    columns = {str(name): column for name, column in zip(names, values.T, strict=True)}
    frame = nw.from_dict(columns, backend=backend).to_native()
    if is_pandas:
        frame.columns = list(names)
    return frame
