"""Columns and index levels, of arrays as of dataframes, and what they hold."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterable
from datetime import timedelta
from numbers import Integral
from typing import Any, NamedTuple

import narwhals.stable.v2 as nw
import numpy as np
from sklearn.utils import check_array

from .._arrays import reading, refuse_masked, shorten
from .._compat import _safe_indexing, is_pandas_na

# What max_gap may be given as where times are dates.
GAP_TYPES = (timedelta, np.timedelta64, str)


class Place(NamedTuple):
    """Where labels or times stand."""

    in_index: bool
    position: int
    name: Any


def column_names(X: Any) -> list[Any]:
    """Names of the columns of a dataframe, or positions of those of an array."""
    if not is_frame(X):
        return list(range(np.shape(X)[1]))
    is_arrow = hasattr(type(X), "column_names")  # a column may have that name, too
    return list(X.column_names if is_arrow else X.columns)


def is_frame(table: Any) -> bool:
    """Whether a table is a dataframe and not an array."""
    return getattr(table, "columns", None) is not None


def as_table(X: Any, input_name: str, dtype: str | None = None) -> Any:
    """Return a dataframe as it is, and all else as an array of two dimensions."""
    if is_frame(X):
        check_columns(X, input_name)
        return X
    refuse_masked(X, input_name)
    check_axes(X, input_name)
    with reading(input_name, "a table"):
        if dtype is None and isinstance(X, (list, tuple)):
            table = np.asarray(X)  # which turns numbers among strings into strings
            # float64, which stands for ids beside numbers, holds not each above that.
            large = table.dtype.kind == "f" and (np.abs(table) >= 1 << 53).any()
            large |= table.dtype.kind in "US"
            X = np.asarray(X, dtype=object) if large else table
        table = check_array(
            X, dtype=dtype, ensure_all_finite=False, input_name=input_name
        )
        if table.dtype.kind == "V":
            raise TypeError(f"its rows are records of {table.dtype.names}")
        return shorten(table)


def check_axes(X: Any, input_name: str) -> None:
    """Raise if an array is no table."""
    n_axes = count_axes(X, input_name)
    if n_axes == 0:
        raise ValueError(
            f"{input_name} is of type {type(X).__name__}; expected a table, (n_rows,"
            " n_columns). Reshape your data if they are of another form."
        )
    if n_axes > 2:
        raise ValueError(
            f"{input_name} has {n_axes} dimensions; expected a table of 2, (n_rows,"
            " n_columns). Sequences that are cut already go to the estimator itself,"
            " without a windower before it."
        )
    if n_axes != 2:
        raise ValueError(
            f"{input_name} has {n_axes} dimension(s); expected a table of 2 dimensions,"
            " (n_rows, n_columns). Reshape your data with"
            f" {input_name}.reshape(-1, 1) if they are a series of one feature."
        )


def count_axes(X: Any, input_name: str) -> int:
    """Return the number of dimensions of an array, or of what one is made of."""
    with reading(input_name, "an array"):
        return int(X.ndim if hasattr(X, "ndim") else np.asarray(X).ndim)


def get_names(y: Any) -> list[Any] | None:
    """Names of the columns of a dataframe, or of a series; None if it has none."""
    if is_frame(y):
        return column_names(y)
    return None if getattr(y, "name", None) is None else [y.name]


def refuse_lazy(X: Any, input_name: str = "X") -> None:
    """Raise if X is a lazy frame, whose rows are not known yet."""
    library = type(X).__module__.partition(".")[0]
    # Of pandas it would refuse columns of the same name, before they can be named.
    native = None if library == "pandas" else nw.from_native(X, pass_through=True)
    if isinstance(native, nw.LazyFrame) or (
        library == "dask" and is_frame(X)
    ):  # which has series, too
        calls = {"polars": ".collect()", "dask": ".compute()"}
        call = calls.get(library, " as a dataframe of pandas or polars")
        raise TypeError(
            f"{input_name} is a lazy frame of {library}, whose rows are not known yet;"
            f" pass {input_name}{call}."
        )


def check_columns(X: Any, input_name: str = "X") -> None:
    """Raise unless a dataframe has columns, that can be told apart and read."""
    names = column_names(X)
    if not names:
        raise ValueError(f"{input_name} has no columns; expected at least 1.")
    kinds = getattr(X, "dtypes", [])
    if any(isinstance(kind, np.dtype) and not kind.isnative for kind in kinds):
        raise TypeError(
            f"{input_name} has columns in the byte order of another machine, which"
            f" pandas cannot select from: give {input_name}.astype(float)."
        )
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(
            f"{input_name} has several columns named {twice!r}: rename or remove them."
        )


def refuse_dates(X: Any) -> None:
    """Raise if a column of a dataframe holds dates, which arrays read as numbers."""
    for i in range(len(column_names(X))) if is_frame(X) else []:
        column = nw.from_native(_safe_indexing(X, i, axis=1), series_only=True)
        if column.dtype.is_temporal():
            _refuse(X, i, column.dtype)


def get_index(X: Any) -> Any:
    """Return the index of a dataframe or series, or None if it has none."""
    native = nw.from_native(X, pass_through=True, allow_series=True)
    has_rows = isinstance(native, (nw.DataFrame, nw.Series))
    return nw.maybe_get_index(native) if has_rows else None


def list_keys(key: Any, X: Any) -> list[Any]:
    """Names or positions as a list; a tuple may be the name of one column."""
    is_one = isinstance(key, str) or not isinstance(key, Iterable)
    is_one |= isinstance(key, tuple) and key in list(column_names(X))
    with reading("What names columns", "a list of names or positions"):
        return [key] if is_one else list(key)


def find_position(
    key: Any,
    names: list[Any],
    parameter: str,
    input_name: str = "X",
    what: str = "columns",
    levels: list[Any] | None = None,
) -> int:
    """Find one of several columns or features by name or position, or a level after."""
    with reading(parameter, "a name or position"):
        is_name = key in names
    if is_name:
        return names.index(key)
    if isinstance(key, Integral) and 0 <= int(key) < len(names):
        return int(key)
    if levels and key in levels:
        return len(names) + levels.index(key)
    also = hint = ""
    if levels is not None:
        also = f" and index levels {levels}" if levels else " and no index"
    if levels is not None and input_name == "X":
        hint = (
            " A step that returns arrays drops names and index; give it"
            " .set_output(transform='pandas')."
        )
    raise ValueError(
        f"{parameter}={key!r} is not in {input_name}, which has {what} {names}{also}:"
        f" name one of these or give its position.{hint}"
    )


def find_column(X: Any, key: Any, parameter: str) -> int:
    """Find a column by its name or position; no index level will do."""
    return find_position(key, column_names(X), parameter, "the table")


def find_place(X: Any, key: Any, parameter: str, input_name: str = "X") -> Place:
    """Find a column by name or position, or an index level by name."""
    names, index = column_names(X), get_index(X)
    levels = [] if index is None else list(index.names)
    is_index = isinstance(key, str) and key == "index"
    known = ["index"] if is_index and len(levels) == 1 else levels
    position = find_position(key, names, parameter, input_name, levels=known)
    level = position - len(names)
    if level < 0:
        return Place(False, position, names[position])
    return Place(True, level, levels[level])


def read_place(X: Any, place: Place) -> Any:
    """Return a column or index level as a native series or 1-D array."""
    if not place.in_index:
        name = column_names(X)[place.position]
        if is_frame(X) and name != place.name != place.position:
            raise ValueError(
                f"Column {place.position} of X is {name!r} and was {place.name!r} in"
                " fit; give the same columns in the same order."
            )
        return _safe_indexing(X, place.position, axis=1)
    index = get_index(X)
    levels = [] if index is None else list(index.names)
    if place.name not in levels:
        raise ValueError(
            f"X is of type {type(X).__name__} with index levels {levels}; it needs the"
            f" level {place.name!r}, by which fit told series or times."
        )
    return index.get_level_values(levels.index(place.name)).to_series()


def read_features(X: Any, columns: list[int], order: np.ndarray | None) -> np.ndarray:
    """Read columns of numbers into one table, without a copy in between."""
    if not columns:
        raise ValueError(
            f"X has the columns {column_names(X)} only, all of them named by group or"
            " time; at least one must be left to make windows of."
        )
    for i in columns if is_frame(X) else []:
        column = _column(X, i)
        if _is_text(column) or column.dtype.is_temporal():
            _refuse(X, i, column.dtype)
    if order is None and len(columns) == len(column_names(X)):
        with reading("X", "a table"):
            table = check_array(X, dtype=None, ensure_all_finite=False, input_name="X")
            table = shorten(table)
        if table.dtype.kind in "biuf":
            return table
    parts = [_read_numbers(X, i) for i in columns]
    table = np.empty((len(parts[0]), len(parts)), np.result_type(*parts))
    for i, part in enumerate(parts):
        table[:, i] = part if order is None else part[order]
    return table


def read_steps(
    X: Any,
    columns: list[int],
    order: np.ndarray | None,
    known: dict[int, list[Any]] | None = None,
) -> tuple[np.ndarray, list[list[Any] | None] | None]:
    """Read columns of numbers, and of strings or categories as ids with labels.

    Labels that are known keep their ids, and others follow. Where these are None, and
    not of an earlier table, strings must be no numbers or dates.
    """
    texts = find_texts(X, columns, known or ())
    if not texts:
        return read_features(X, columns, order), None
    parts: list[np.ndarray] = []
    categories: list[list[Any] | None] = []
    for k, i in enumerate(columns):
        if i not in texts:
            parts.append(read_features(X, [i], order)[:, 0])
            categories.append(None)
            continue
        ids, labels = _encode(_column(X, i), (known or {}).get(k, []))
        if known is None:
            check_words([X], {i: labels})
        parts.append(ids if order is None else ids[order])
        categories.append(labels)
    return np.column_stack(parts), categories


def find_texts(X: Any, columns: list[int], known: Collection[int] = ()) -> list[int]:
    """Find the columns of a dataframe that hold strings or categories.

    Those at the places `known` hold some elsewhere, and here may hold nothing.
    """
    if not is_frame(X):
        return []
    kinds = {i: _column(X, i) for i in columns}
    empty = [columns[k] for k in known if kinds[columns[k]].is_null().all()]
    return [i for i in columns if i in empty or _is_text(kinds[i])]


def _column(X: Any, position: int) -> nw.Series:
    return nw.from_native(_safe_indexing(X, position, axis=1), series_only=True)


def _is_text(column: nw.Series) -> bool:
    return column.dtype in (nw.String, nw.Categorical, nw.Enum)


def check_words(tables: list[Any], labels: dict[int, list[Any]]) -> None:
    """Refuse numbers and dates as strings, which are the labels of some columns."""
    for i, words in labels.items():
        words = list(filter(None, words))
        if not words or any(_column(X, i).dtype != nw.String for X in tables):
            continue
        for read, what, cure in (
            (float, "numbers", "convert it, to categories if they are codes"),
            (np.datetime64, "dates", "convert it, and name it in time="),
        ):
            try:
                [read(word) for word in words]
            except ValueError:
                continue
            raise ValueError(
                f"Column {column_names(tables[0])[i]!r} holds {what} as strings, such"
                f" as {words[0]!r}: {cure}."
            )


def _encode(column: nw.Series, known: list[Any]) -> tuple[np.ndarray, list[Any]]:
    """Number the labels of a column, -1 for those that are missing."""
    values = [None if is_missing(value) else value for value in column.to_list()]
    new = set(values) - {*known, None}
    labels = [*known, *sorted(new, key=str)]
    numbers = {label: i for i, label in enumerate(labels)}
    return np.array([numbers.get(value, -1) for value in values], np.int32), labels


def _read_numbers(X: Any, position: int) -> np.ndarray:
    """Return a column as an array of numbers."""
    column = _safe_indexing(X, position, axis=1)
    with reading(f"Column {position} of X", "numbers"):
        values = np.asarray(column)
        if values.dtype.kind not in "biufc":
            values = check_array(
                column, dtype=None, ensure_2d=False, ensure_all_finite=False
            )
        values = shorten(values)
    if values.dtype.kind == "O" and not any(
        isinstance(value, (np.datetime64, np.timedelta64)) for value in values
    ):  # of which numpy would make numbers
        try:
            return values.astype(np.float64)
        except (TypeError, ValueError):
            pass
    if values.dtype.kind not in "biuf":
        _refuse(X, position, values.dtype)
    return values


def _refuse(X: Any, position: int, dtype: Any) -> None:
    raise ValueError(
        f"Column {column_names(X)[position]!r} is of type {dtype}, and a feature must"
        " be numbers: drop or encode it (in a pipeline behind as_rows=True), or name it"
        " in group= or, if it holds dates or times, in time= of make_supervised or"
        " SequenceWindower."
    )


def read_labels(column: Any, parameter: str) -> np.ndarray:
    """Read a column of labels, none of them missing, (n_samples,)."""
    column = nw.from_native(column, series_only=True, pass_through=True)
    missing = None
    if isinstance(column, nw.Series):
        missing, column = column.is_null().to_numpy(), column.to_numpy()
    labels = np.asarray(column)
    if labels.dtype.kind == "f":
        missing = np.isnan(labels)
    elif labels.dtype == object and missing is None:
        missing = np.array([is_missing(label) for label in labels.tolist()])
    if missing is not None and missing.any():
        raise ValueError(
            f"{parameter} is missing in row {missing.argmax()}; every row must belong"
            " to a series: fill in or remove such rows."
        )
    return labels


def is_missing(value: Any) -> bool:
    """Whether a label or token is None, NA, NaN or NaT; the last two equal nothing."""
    if value is None or is_pandas_na(value):
        return True
    differs = value != value
    return isinstance(differs, (bool, np.bool_)) and bool(differs)


def holds_periods(column: Any) -> bool:
    """Whether a column is one of pandas' periods, each of which has a start."""
    return hasattr(getattr(column, "dtype", None), "freq")


def read_times(column: Any) -> tuple[np.ndarray, bool]:
    """Read time stamps as numbers, nanoseconds in UTC if they are dates or spans."""
    if holds_periods(column):
        column = column.dt.to_timestamp()
    column = nw.from_native(column, series_only=True, pass_through=True)
    missing = np.zeros(0, dtype=bool)
    if isinstance(column, nw.Series):
        missing = column.is_null().to_numpy()
        if column.implementation.is_pandas() and find_zone(column) is not None:
            column = column.to_native().dt.tz_convert("UTC").dt.tz_localize(None)
        column = column.to_numpy()
    values = np.asarray(column)
    if len(values) == 0:
        raise ValueError("The table has no rows; expected at least 1.")
    if not missing.any():
        values = _parse_times(values)
        missing = ~np.isfinite(values)
    if missing.any():
        raise ValueError(
            f"The time stamp of row {missing.argmax()} is missing or infinite; every"
            " row needs one: fill in or remove such rows."
        )
    if values.dtype.kind == "f":
        return values.astype(np.float64), False
    return _to_integers(values), values.dtype.kind in "Mm"


def read_zone_offset(column: Any, times: np.ndarray) -> np.ndarray | None:
    """Nanoseconds by which the clock on the wall is ahead of UTC; None without zone."""
    column = nw.from_native(column, series_only=True, pass_through=True)
    if not isinstance(column, nw.Series) or find_zone(column) is None:
        return None
    return read_times(on_wall(column).to_native())[0] - times


def find_zone(column: nw.Series) -> Any:
    """Time zone of a series of dates, or None."""
    zone = getattr(column.dtype, "time_zone", None)
    # narwhals does not know some of the zones of pandas, such as America/New_York.
    return zone or getattr(getattr(column.to_native(), "dtype", None), "tz", None)


def on_wall(column: nw.Series) -> nw.Series:
    """Dates without their zone, as the clock on the wall shows them."""
    return column if find_zone(column) is None else column.dt.replace_time_zone(None)


def on_wall_times(column: Any) -> np.ndarray:
    """Read dates as the clock on the wall showed them, or numbers; seconds of spans."""
    if hasattr(column, "to_series"):  # an index
        stamps = column.to_timestamp() if hasattr(column, "to_timestamp") else column
        column = stamps.to_series()
    native = nw.from_native(column, series_only=True, pass_through=True)
    if isinstance(native, nw.Series):
        column = on_wall(native).to_native()
    times, is_date = read_times(column)
    if np.asarray(column).dtype.kind == "m":
        return times / 1e9
    return times.astype("M8[ns]") if is_date else times


def _to_integers(values: np.ndarray) -> np.ndarray:
    integers = _as_int64(values)
    if integers is None or int(integers.max()) - int(integers.min()) >= 2**63:
        raise ValueError(
            f"Time stamps reach from {values.min()} to {values.max()}, too far for 64"
            " bits (of nanoseconds, for dates): give them as floats, such as years."
        )
    return integers


def _as_int64(values: np.ndarray) -> np.ndarray | None:
    """Integers, or nanoseconds of dates; None where they do not fit."""
    is_date = values.dtype.kind in "Mm"
    try:
        times = values.astype(f"{values.dtype.kind}8[ns]") if is_date else values
        integers = times.astype(np.int64)
        # numpy wraps around without a word, dates before 2.5
        fits = (times.astype(values.dtype) == values).all()
    except OverflowError:
        return None
    fits &= is_date or int(values.max()) == int(integers.max())
    return integers if fits else None


def _parse_times(values: np.ndarray) -> np.ndarray:
    """Read numbers or dates, or else objects and strings that are some."""
    if values.dtype.kind in "Mmiuf":
        return values
    for dtype in ("float64", "datetime64[ns]") if values.dtype.kind in "OUT" else ():
        try:
            with warnings.catch_warnings():
                # numpy reads them in UTC, as all times are here.
                warnings.filterwarnings("ignore", "no explicit representation of timez")
                return values.astype(dtype)
        except (TypeError, ValueError, OverflowError):
            continue
    raise ValueError(
        f"Time stamps are of type {type(values[0]).__name__}, such as {values[0]!r};"
        " expected dates or numbers: convert them first, as with pandas.to_datetime."
    )


def read_gap(max_gap: Any, is_date: bool) -> float:
    """Read a largest step of time, in the units of `read_times`."""
    if isinstance(max_gap, GAP_TYPES) == is_date or max_gap == np.inf:
        gap = _parse_duration(max_gap) if isinstance(max_gap, str) else max_gap
        if isinstance(gap, GAP_TYPES):
            with reading("max_gap", "a duration of days or shorter units"):
                gap = np.timedelta64(gap) / np.timedelta64(1, "ns")
        if gap > 0:
            return float(gap)
    advice = "numbers: give a number in their units"
    if is_date:
        advice = "dates: give a duration, such as '3h' or datetime.timedelta(hours=3)"
    raise ValueError(
        f"max_gap={max_gap!r} does not fit time stamps that are {advice}, larger than"
        " 0."
    )


def _parse_duration(text: str) -> Any:
    try:
        import pandas as pd

        if not pd.isna(duration := pd.Timedelta(text)):
            return duration.to_timedelta64()
        raise ValueError
    except ImportError as error:
        raise ImportError(
            f"max_gap={text!r} needs pandas to be read: pip install 'sklstm[pandas]',"
            " or give a datetime.timedelta."
        ) from error
    except ValueError as error:
        raise ValueError(
            f"max_gap={text!r} is no duration: give one such as '3h' or '2 days'."
        ) from error
