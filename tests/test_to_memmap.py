"""A table written part by part into a file is the table."""

import sys

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_array_equal

from sklstm import to_memmap
from sklstm._rows import _disk

TABLE = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
FRAME = pl.DataFrame(TABLE, schema=["a", "b", "c"])


@pytest.fixture
def path(tmp_path):
    return tmp_path / "table.npy"


@pytest.mark.parametrize(
    "data",
    [
        TABLE,
        [TABLE[:20], TABLE[20:]],
        (TABLE[i : i + 7] for i in range(0, 50, 7)),
        FRAME,
        pd.DataFrame(TABLE),
        FRAME.lazy(),
    ],
    ids=["array", "arrays", "generator", "polars", "pandas", "lazy"],
)
def test_parts_are_joined(data, path, monkeypatch):
    monkeypatch.setattr(_disk, "N_ROWS", 8)
    table = to_memmap(data, path)
    assert isinstance(table, np.memmap)
    assert_array_equal(table, TABLE)
    assert not table.flags.writeable
    assert_array_equal(np.load(path, mmap_mode="r"), TABLE)


@pytest.mark.parametrize(
    ("suffix", "write"),
    [
        ("parquet", pl.DataFrame.write_parquet),
        ("arrow", pl.DataFrame.write_ipc),
        ("feather", pl.DataFrame.write_ipc),
    ],
)
def test_files_are_read(suffix, write, tmp_path, path, monkeypatch):
    monkeypatch.setattr(_disk, "N_ROWS", 8)
    source = tmp_path / f"table.{suffix}"
    write(FRAME, source)
    assert_array_equal(to_memmap(source, path), TABLE)
    assert_array_equal(to_memmap(str(source), path, columns=["c", 0]), TABLE[:, [2, 0]])


def test_a_series_is_a_table_of_one_column(path):
    parts = [pd.Series([1.0, 2.0]), pd.Series([3.0])]
    assert_array_equal(to_memmap(parts, path), [[1], [2], [3]])
    assert_array_equal(to_memmap(np.arange(3.0), path), [[0], [1], [2]])
    assert_array_equal(to_memmap(FRAME, path, columns="b"), TABLE[:, [1]])


@pytest.mark.parametrize("dtype", ["float16", "float64", "int8", "int64"])
def test_dtypes(dtype, path):
    values = np.arange(12.0).reshape(4, 3)
    table = to_memmap(values, path, dtype=dtype)
    assert table.dtype == dtype
    assert_array_equal(table, values)


def test_integers_stay_what_they_are_beside_floats(path):
    frame = pd.DataFrame({"id": [2**53 + 1, 2**62 + 1], "x": [0.0, 1.0]})
    table = to_memmap(frame, path, dtype="int64")
    assert table[:, 0].tolist() == frame["id"].tolist()


def test_missing_and_infinite_values_stay(path):
    values = np.array([[np.nan], [np.inf], [1]])
    assert_array_equal(to_memmap(values, path, dtype="float16"), values)


@pytest.mark.parametrize(
    ("data", "arguments", "message"),
    [
        ([[[1], [2]], [[1.5]]], {"dtype": "int16"}, "1.5, in row 2 and column 0"),
        ([[[300.0]]], {"dtype": "int8"}, "dtype=int8 does not hold 300"),
        ([[[np.nan]]], {"dtype": "int8"}, "dtype=int8 does not hold nan"),
        ([[[1e30]]], {"dtype": "float16"}, r"dtype=float16 does not hold 1e\+30"),
        ([TABLE, TABLE[:, :2]], {}, "from row 50 on has the columns"),
        ([[1.0, 2.0]], {}, "A part of data has 1 dimension"),
        ([[[2**24 + 1]]], {}, "dtype=float32 does not hold 16777217, in row 0"),
        ([[[2**53 + 1]]], {"dtype": "float64"}, "does not hold 9007199254740993"),
        ([np.array([[2**63]], "u8")], {"dtype": "int64"}, "does not hold 92233720"),
        ((row for row in TABLE), {}, "A part of data has 1 dimension.s.; expected"),
        ([1.0, 2.0], {}, "A part of data has 0 dimension"),
        ([], {}, "has no rows"),
        (TABLE, {"columns": []}, "columns is empty"),
        ("table.csv", {}, "is no file of .parquet"),
        (FRAME, {"columns": ["z"]}, "columns='z' is not in the table"),
        (pl.DataFrame({"a": ["x"]}), {}, "Column 'a' is of type String"),
        (TABLE, {"dtype": "U3"}, "is no type of integers or floats"),
    ],
)
def test_what_cannot_be_written_leaves_what_was_there(data, arguments, message, path):
    path.write_text("before")
    with pytest.raises(ValueError, match=message):
        to_memmap(data, path, **arguments)
    assert path.read_text() == "before"
    assert list(path.parent.iterdir()) == [path]


def test_what_is_no_table(path):
    with pytest.raises(TypeError, match="The 'data' parameter of to_memmap must be"):
        to_memmap(3, path)


def test_polars_is_named_where_it_is_needed(path, monkeypatch):
    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(ImportError, match=r"pip install 'sklstm\[polars\]'"):
        to_memmap("table.parquet", path)
