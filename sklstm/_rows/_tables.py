"""Tables with other columns or more rows, arrays and dataframes alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from .._arrays import reading
from .._compat import HasMethods, Hidden, _safe_indexing
from ._columns import (
    as_table,
    column_names,
    count_axes,
    is_frame,
    refuse_lazy,
)

# A lazy frame of polars is no array-like, but `read_table` says what to do with it.
TABLE: list[Any] = ["array-like", Hidden(HasMethods("collect"))]


def read_table(data: Any, input_name: str, **keys: Any) -> Any:
    """Read a table, or a series of one feature, of which `keys` name columns."""
    refuse_lazy(data, input_name)
    if not is_frame(data) and count_axes(data, input_name) == 1:
        named = [f"{name}={key!r}" for name, key in keys.items() if key is not None]
        series = nw.from_native(data, series_only=True, pass_through=True)
        if isinstance(series, nw.Series):
            data = series.alias(str(series.name or "")).to_frame().to_native()
        elif not named:
            with reading(input_name, "a table"):
                data = np.reshape(np.asarray(data), (-1, 1))
        else:
            raise ValueError(
                f"{input_name} has one dimension and no room for {' or '.join(named)}:"
                " give a table that has these columns."
            )
    return as_table(data, input_name)


def set_columns(table: Any, columns: Mapping[int, Any]) -> Any:
    """Return a table with other values in some of its columns, (n_rows, n_columns)."""
    if hasattr(table, "isetitem"):  # pandas, whose columns may have any names
        table = table.copy(deep=False)
        for i, column in columns.items():
            table.isetitem(i, getattr(column, "array", column))
        return table
    if is_frame(table):
        names = column_names(table)
        return _with_columns(table, {names[i]: column for i, column in columns.items()})
    table = table.astype(np.result_type(table, *columns.values()))  # a copy
    for i, column in columns.items():
        table[:, i] = column
    return table


def _with_columns(table: Any, columns: Mapping[Any, Any]) -> Any:
    frame = nw.from_native(table)
    made = [
        nw.new_series(name, column, backend=frame.implementation)
        if isinstance(column, np.ndarray)
        else nw.from_native(column, series_only=True).alias(name)
        for name, column in columns.items()
    ]
    return frame.with_columns(*made).to_native()


def stack_rows(top: Any, bottom: Any) -> Any:
    """Return the rows of two tables with the same columns, one below the other."""
    if not is_frame(top):
        return np.concatenate([top, bottom])
    parts: tuple[list[Any], list[Any]] = ([], [])
    for i in range(len(column_names(top))):
        here, there = (
            nw.from_native(_safe_indexing(table, i, axis=1), series_only=True)
            for table in (top, bottom)
        )
        if here.dtype != there.dtype:
            both = here.dtype.is_numeric() and there.dtype.is_numeric()
            kind = nw.Float64() if both else here.dtype
            with reading(f"Column {i} of the later rows", f"{kind}"):
                here, there = here.cast(kind), there.cast(kind)
        above, below = here.to_native(), there.to_native()
        if hasattr(getattr(above, "cat", None), "set_categories"):
            # pandas forgets categories where those of two tables differ.
            labels = above.cat.categories.union(below.cat.categories, sort=False)
            above = above.cat.set_categories(labels)
            below = below.cat.set_categories(labels)
        parts[0].append(above)
        parts[1].append(below)
    top, bottom = (
        set_columns(table, dict(enumerate(columns)))
        for table, columns in zip((top, bottom), parts, strict=True)
    )
    return nw.concat([nw.from_native(top), nw.from_native(bottom)]).to_native()


def append_leads(X: Any, table: Any, columns: list[int], ahead: np.ndarray) -> Any:
    """Append what columns hold in later rows, (n_rows, n_columns + n_leads)."""
    leads = [
        _safe_indexing(column, rows)
        for column in (_safe_indexing(table, i, axis=1) for i in columns)
        for rows in ahead.T
    ]
    if not is_frame(X):
        return np.column_stack([X, *leads])
    names = name_leads(column_names(table), columns, ahead.shape[1])
    if hasattr(X, "isetitem"):
        X = X.copy(deep=False)
        if X.columns.dtype.kind in "if":  # to which pandas 2 appends a tuple in pieces
            X.columns = X.columns.astype(object)
        for name, lead in zip(names, leads, strict=True):
            X.insert(X.shape[1], name, getattr(lead, "array", lead))
        return X
    return _with_columns(X, dict(zip(names, leads, strict=True)))


def name_leads(names: list[Any], columns: list[int], horizon: int) -> list[Any]:
    """Name the values of columns 1 to `horizon` rows later; the names must be new.

    Those of columns that are no strings are none: scikit-learn takes no mixture.
    """
    leads = [_lead(names[i], k) for i in columns for k in range(1, horizon + 1)]
    if taken := [name for name in names if name in leads]:
        raise ValueError(
            f"The table has columns named {taken} already, which are made of known=:"
            " rename or remove them."
        )
    return leads


def _lead(name: Any, k: int) -> Any:
    """Name the value of a column k rows later, by the last level of its name."""
    if isinstance(name, tuple):
        return (*name[:-1], f"{name[-1]}+{k}")
    return f"{name}+{k}" if isinstance(name, str) else (name, k)


def to_container(values: np.ndarray, like: Any, names: list[Any], index: Any) -> Any:
    """Put values into a series, or a dataframe, of the library of a dataframe."""
    backend = nw.from_native(like).implementation
    if values.ndim == 1:
        made = nw.new_series("", values, backend=backend).to_native()
        is_named = backend.is_pandas_like() or names[0] is not None
        if is_named and hasattr(made, "rename"):  # not so in pyarrow
            made = made.rename(names[0])
    else:  # polars has no names but strings
        columns = zip(map(str, names), values.T, strict=True)
        made = nw.from_dict(dict(columns), backend=backend).to_native()
        if backend.is_pandas_like():
            known = list(like.columns)
            every = all(name in known for name in names)  # which keeps levels
            at = [known.index(name) for name in names] if every else []
            made.columns = like.columns[at] if every else list(names)
    if index is not None:
        made.index = index
    return made
