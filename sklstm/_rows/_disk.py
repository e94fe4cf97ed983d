"""Tables larger than memory: written once into a file that is read as it is needed."""

from __future__ import annotations

import os
from collections.abc import Hashable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from .._arrays import reading
from .._compat import HasMethods, validate_params
from ._columns import (
    column_names,
    count_axes,
    find_column,
    is_frame,
    list_keys,
    read_features,
    refuse_lazy,
)
from ._tables import read_table

# Rows of a file that are read together.
N_ROWS = 1 << 17
SUFFIXES = {".parquet": "scan_parquet", ".arrow": "scan_ipc", ".feather": "scan_ipc"}


@validate_params(
    {
        "data": [str, os.PathLike, Iterable, HasMethods("collect")],
        "path": [str, os.PathLike],
        "columns": [Hashable, "array-like", None],
        "dtype": "no_validation",
    },
    prefer_skip_nested_validation=True,
)
def to_memmap(
    data: Any, path: Any, *, columns: Any = None, dtype: Any = "float32"
) -> np.ndarray:
    """Write a table part by part into a file, and map the file into memory.

    `make_supervised` and the estimators then read parts of the file when they need
    them. See :ref:`larger_than_memory`.

    Parameters
    ----------
    data : str, path, polars.LazyFrame or iterable of array-like
        A Parquet or Arrow file (``.parquet``, ``.arrow`` or ``.feather``), which polars
        reads; a lazy frame; or the parts of a table, in the order of their rows, such
        as ``pandas.read_csv(..., chunksize=100_000)`` or pyarrow's
        ``ParquetFile(...).iter_batches()``. The rows should be in time order.

    path : str or path
        The file to write, in NumPy's format. To open it again, use
        ``numpy.load(path, mmap_mode="r")``.

    columns : list of str or int, default=None
        The columns to write, by name or position. None means all. They must hold
        numbers.

    dtype : {"float16", "float32", "float64", "int8", "int16", "int32", "int64"}, \
            default="float32"
        Type of the values in the file. Estimators scale and cast each batch that they
        read. Floats are rounded, and integers are not: above 2**24 they need another
        type than float32.

    Returns
    -------
    table : ndarray of shape (n_rows, n_columns)
        The table in the file, read-only.

    Raises
    ------
    ValueError
        If the parts differ in their columns, if there are no rows, or if a column holds
        values that are not numbers or do not fit into `dtype`. No file is left behind.

    ImportError
        If polars is needed but not installed.

    See Also
    --------
    make_supervised : The history of each row, with the values that follow it.

    Examples
    --------
    >>> import numpy as np
    >>> from tempfile import TemporaryDirectory
    >>> from sklstm import make_supervised, to_memmap
    >>> parts = ([[10 * i], [10 * i + 5]] for i in range(3))
    >>> with TemporaryDirectory() as folder:
    ...     table = to_memmap(parts, f"{folder}/table.npy", dtype="int16")
    ...     X, y = make_supervised(table)
    ...     print(X[3].ravel(), y)
    [ 0  5 10 15] [ 5 10 15 20 25]
    """
    with reading("dtype", "a type of numbers"):
        kind = np.dtype(dtype)
    if kind.kind not in "iuf" or kind.char in "gG":
        raise ValueError(f"dtype={dtype!r} is no type of integers or floats: give one.")
    path = Path(path)
    partial = path.with_name(f"{path.name}.partial")
    try:
        with partial.open("wb") as file:
            # NumPy leaves room in it for a larger number of rows.
            _write_header(file, kind, (0, 1))
            n_rows, names = 0, None
            for part in _read_parts(data):
                table = read_table(part, "data")
                if names is None:
                    names = column_names(table)
                elif column_names(table) != names:
                    raise ValueError(
                        f"The part of data from row {n_rows} on has the columns"
                        f" {column_names(table)}, and the first {names}: give parts of"
                        " one table."
                    )
                keys = names if columns is None else list_keys(columns, table)
                chosen = [find_column(table, key, "columns") for key in keys]
                if not chosen:
                    raise ValueError("columns is empty; expected at least 1.")
                values = np.empty((len(table), len(chosen)), kind)
                # Beside floats integers would become floats.
                for k, i in enumerate(chosen):
                    column = read_features(table, [i], None)[:, 0]
                    values[:, k] = _cast(column, kind, n_rows, i)
                values.tofile(file)
                n_rows += len(table)
            if not n_rows:
                raise ValueError("data has no rows; expected at least 1.")
            file.seek(0)
            _write_header(file, kind, (n_rows, len(chosen)))
        partial.replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            partial.unlink()
        raise
    return np.load(path, mmap_mode="r")


def _write_header(file: Any, dtype: np.dtype, shape: tuple[int, int]) -> None:
    described = np.lib.format.dtype_to_descr(dtype)
    header = {"descr": described, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)


def _read_parts(data: Any) -> Iterator[Any]:
    if isinstance(data, (str, os.PathLike)):
        data = _scan(Path(data))
    lazy = nw.from_native(data, pass_through=True)
    if isinstance(lazy, nw.LazyFrame):
        frame = lazy.to_native()
        n_rows = lazy.select(nw.len()).collect().item()
        for start in range(0, n_rows, N_ROWS):
            yield frame.slice(start, N_ROWS).collect()
        return
    parts = [data] if is_frame(data) or hasattr(data, "shape") else data
    for part in parts:
        refuse_lazy(part, "A part of data")
        # A batch of pyarrow, which has no tables of its own that narwhals knows.
        if hasattr(part, "to_struct_array") and not hasattr(part, "to_batches"):
            columns = dict(zip(part.column_names, part.columns, strict=True))
            part = nw.from_dict(columns, backend="pyarrow").to_native()
        n_axes = 2 if is_frame(part) else count_axes(part, "A part of data")
        series = nw.from_native(part, series_only=True, pass_through=True)
        if n_axes != 2 and part is not data and not isinstance(series, nw.Series):
            raise ValueError(
                f"A part of data has {n_axes} dimension(s); expected (n_rows,"
                " n_columns): give several rows at a time, and one column as"
                " values.reshape(-1, 1)."
            )
        if len(part):
            yield part


def _scan(path: Path) -> Any:
    if path.suffix not in SUFFIXES:
        raise ValueError(
            f"data={str(path)!r} is no file of {', '.join(SUFFIXES)}: give its parts,"
            " such as pandas.read_csv(..., chunksize=100_000)."
        )
    try:
        import polars as pl
    except ImportError as error:
        raise ImportError(
            f"data={str(path)!r} needs polars to be read: pip install 'sklstm[polars]',"
            " or give the parts of the table."
        ) from error
    return getattr(pl, SUFFIXES[path.suffix])(path)


def _cast(
    values: np.ndarray, dtype: np.dtype, n_before: int, column: int
) -> np.ndarray:
    """Cast the rows of a column; only digits of a float may be lost."""
    with np.errstate(over="ignore", invalid="ignore"):
        cast = values.astype(dtype)
        if values.dtype.kind == dtype.kind == "f":
            lost = np.isfinite(values) & ~np.isfinite(cast)
        else:  # integers are compared as floats, and so as integers, too
            lost = (cast != values) | (cast.astype(values.dtype) != values)
    if lost.any():
        row = int(lost.argmax())
        raise ValueError(
            f"dtype={dtype} does not hold {values[row]}, in row {n_before + row} and"
            f" column {column}: give another dtype."
        )
    return cast
