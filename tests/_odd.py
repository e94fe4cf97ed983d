"""Odd values for any argument, and odd forms of data."""

import array
import datetime as dt
import decimal
import fractions
import types

import numpy as np
import pandas as pd
import polars as pl
import scipy.sparse as sp
import torch
from sklearn.linear_model import Ridge


def objects(values):
    made = np.empty(len(values), dtype=object)
    made[:] = values
    return made


# Odd values for any argument.


class Hostile:
    """An array of nothing but errors."""

    def __array__(self, *args, **kwargs):
        raise RuntimeError("not an array after all")

    def __repr__(self):
        return "Hostile()"


def circle():
    made = []
    made.append(made)
    return made


ODD = {
    "None": lambda: None,
    "True": lambda: True,
    "zero": lambda: 0,
    "minus one": lambda: -1,
    "two": lambda: 2,
    "a million": lambda: 10**6,
    "2**31": lambda: 2**31,
    "2**63": lambda: 2**63,
    "-2**70": lambda: -(2**70),
    "half": lambda: 0.5,
    "-0.5": lambda: -0.5,
    "1e300": lambda: 1e300,
    "1e-300": lambda: 1e-300,
    "nan": lambda: float("nan"),
    "inf": lambda: float("inf"),
    "-inf": lambda: -float("inf"),
    "complex": lambda: 1j,
    "int8": lambda: np.int8(3),
    "uint64": lambda: np.uint64(2**63),
    "float16": lambda: np.float16(0.5),
    "longdouble": lambda: np.longdouble("1e4000"),
    "bool_": lambda: np.bool_(True),
    "0-d array": lambda: np.array(2),
    "empty text": lambda: "",
    "text": lambda: "x",
    "auto": lambda: "auto",
    "bracket": lambda: "(",
    "line break": lambda: "a\nb",
    "surrogate": lambda: "\ud800",
    "bytes": lambda: b"x",
    "empty list": list,
    "list": lambda: [0],
    "list of None": lambda: [None],
    "list of names": lambda: ["a", "nothing"],
    "nested": lambda: [[1, [2]], 3],
    "circle": circle,
    "tuple": lambda: ("sgd", {"momentum": "much"}),
    "triple": lambda: (1, 2, 3),
    "dict": lambda: {"a": 1},
    "dict of all": lambda: {0: np.nan, "x": None},
    "set": lambda: {1, 2},
    "range": lambda: range(3),
    "generator": lambda: (i for i in range(3)),
    "iterator": lambda: iter([1.0, 2.0]),
    "object": object,
    "function": lambda: len,
    "class": lambda: int,
    "module": lambda: types,
    "slice": lambda: slice(None),
    "ellipsis": lambda: ...,
    "decimal": lambda: decimal.Decimal("0.5"),
    "fraction": lambda: fractions.Fraction(1, 3),
    "timestamp": lambda: pd.Timestamp("2024-01-01"),
    "NaT": lambda: pd.NaT,
    "NA": lambda: pd.NA,
    "date": lambda: dt.date(2024, 1, 1),
    "timedelta": lambda: dt.timedelta(days=-1),
    "a long time": lambda: np.timedelta64(2**62, "s"),
    "month": lambda: np.timedelta64(1, "M"),
    "tensor": lambda: torch.tensor(1.0, requires_grad=True),
    "meta tensor": lambda: torch.empty(3, device="meta"),
    "masked": lambda: np.ma.masked,
    "empty array": lambda: np.array([]),
    "array": lambda: np.array([1, 2]),
    "table": lambda: np.ones((3, 2)),
    "names": lambda: np.array(["a", "b"]),
    "frame": lambda: pd.DataFrame({"a": [1, 2]}),
    "dates": lambda: pd.date_range("2024", periods=3),
    "estimator": Ridge,
    "estimator class": lambda: Ridge,
    "hostile": Hostile,
}


# Odd forms of data.


def put(value):
    def change(values):
        changed = np.array(values)
        if changed.size == 0:
            return changed
        if changed.dtype.kind not in "fO":
            changed = changed.astype(object if changed.dtype.kind in "USM" else float)
        changed.flat[changed.size // 2] = value
        return changed

    return change


def cast(dtype):
    return lambda values: np.asarray(values).astype(dtype)


def scaled(factor):
    return lambda values: np.asarray(values, dtype=np.float64) * factor


def column(make):
    """Change the first column of a frame."""

    def change(values):
        made = as_frame(values)
        made.isetitem(0, make(len(made)))
        return made

    return change


def as_frame(values):
    if isinstance(values, pd.DataFrame):
        return values.copy()
    if isinstance(values, list):
        return pd.DataFrame({"x0": objects(values)})
    values = np.asarray(values)
    values = values.reshape(len(values), -1) if values.ndim else values.reshape(1, 1)
    return pd.DataFrame(values, columns=[f"x{i}" for i in range(values.shape[1])])


def indexed(make):
    def change(values):
        made = as_frame(values)
        made.index = make(len(made))
        return made

    return change


def with_columns(make):
    def change(values):
        made = as_frame(values)
        made.columns = make(made.shape[1])
        return made

    return change


def records(values):
    values = np.asarray(values, dtype=float)
    return np.rec.fromarrays(np.atleast_2d(values.reshape(len(values), -1).T))


FORMS = {
    # dtypes
    "float16": cast(np.float16),
    "float32": cast(np.float32),
    "longdouble": cast(np.longdouble),
    "big longdouble": lambda v: (
        np.asarray(v).astype(np.longdouble) * np.longdouble("1e4000")
    ),
    "complex": cast(np.complex64),
    "bool": cast(bool),
    "int8": cast(np.int8),
    "uint64": lambda v: (
        np.abs(np.asarray(v, float)).astype(np.uint64) + np.uint64(2**63)
    ),
    "int64 extreme": lambda v: np.full(np.shape(v), np.iinfo(np.int64).min),
    "objects": cast(object),
    "objects of text": lambda v: np.asarray(v).astype(str).astype(object),
    "str": cast(str),
    "bytes": cast("S8"),
    "big endian": cast(">f8"),
    "datetimes": lambda v: np.asarray(v, float).astype("M8[s]"),
    "timedeltas": lambda v: np.asarray(v, float).astype("m8[s]"),
    "records": records,
    "decimals": lambda v: put(decimal.Decimal(1))(np.asarray(v, object)),
    "fractions": lambda v: put(fractions.Fraction(1, 3))(np.asarray(v, object)),
    "an integer of 2**70": lambda v: put(2**70)(np.asarray(v, object)),
    "a dict inside": lambda v: put({})(np.asarray(v, object)),
    "a list inside": lambda v: (
        put([1, 2])(np.asarray(v, object))
        if np.ndim(v) == 0
        else objects([*np.asarray(v, object).ravel()[:-1], [1, 2]])
    ),
    "None inside": lambda v: put(None)(np.asarray(v, object)),
    "NA inside": lambda v: put(pd.NA)(np.asarray(v, object)),
    "NaT inside": lambda v: put(pd.NaT)(np.asarray(v, object)),
    "text inside": lambda v: put("x")(np.asarray(v, object)),
    "complex inside": lambda v: put(1j)(np.asarray(v, object)),
    # values
    "nan": put(np.nan),
    "all nan": lambda v: np.full(np.shape(v), np.nan),
    "inf": put(np.inf),
    "-inf": put(-np.inf),
    "1e300": put(1e300),
    "-1.7e308": put(-1.7e308),
    "times 1e300": scaled(1e300),
    "times 1e-300": scaled(1e-300),
    "times -1": scaled(-1),
    "subnormal": lambda v: np.full(np.shape(v), 5e-324),
    "constant": lambda v: np.full(np.shape(v), 3.0),
    "zeros": lambda v: np.zeros(np.shape(v)),
    "minus zero": lambda v: np.full(np.shape(v), -0.0),
    # shapes
    "no rows": lambda v: np.asarray(v)[:0],
    "no columns": lambda v: (
        np.asarray(v)[..., :0] if np.ndim(v) > 1 else np.empty((len(v), 0))
    ),
    "nothing of much": lambda v: np.empty((0, 1 << 40)),
    "much of nothing": lambda v: np.empty((1 << 40, 0)),
    "0-d": lambda v: np.asarray(v).ravel()[0] if np.size(v) else np.array(0.0),
    "one row": lambda v: v[:1],
    "one short": lambda v: v[:-1],
    "twice": lambda v: np.concatenate([np.asarray(v)] * 2),
    "one column": lambda v: (
        np.asarray(v)[..., :1] if np.ndim(v) > 1 else np.asarray(v)[:, None]
    ),
    "deeper": lambda v: np.asarray(v)[None],
    "deeper behind": lambda v: np.asarray(v)[..., None],
    "five axes": lambda v: np.asarray(v)[None, None, :, None],
    "flat": lambda v: np.asarray(v).ravel(),
    "turned": lambda v: np.asarray(v).T,
    "backwards": lambda v: np.asarray(v)[::-1],
    "strided": lambda v: np.repeat(np.asarray(v), 2, axis=0)[::2],
    "broadcast": lambda v: np.broadcast_to(np.asarray(v)[:1], np.shape(v)),
    "read-only": lambda v: (a := np.array(v), a.setflags(write=False))[0],
    "Fortran": lambda v: np.asfortranarray(v),
    # containers
    "list": lambda v: np.asarray(v).tolist(),
    "tuple": lambda v: tuple(np.asarray(v)),
    "list of arrays": lambda v: list(np.asarray(v)),
    "ragged": lambda v: [
        np.asarray(x)[: 1 + i % 3] if np.ndim(x) else x for i, x in enumerate(v)
    ],
    "ragged objects": lambda v: objects(
        [np.asarray(x)[: 1 + i % 3] if np.ndim(x) else x for i, x in enumerate(v)]
    ),
    "masked": lambda v: np.ma.masked_array(
        v, np.arange(np.size(v)).reshape(np.shape(v)) % 2
    ),
    "matrix": lambda v: np.asmatrix(v) if np.ndim(v) < 3 else np.asmatrix(v[0]),
    "sparse": lambda v: sp.csr_array(np.asarray(v, float).reshape(len(v), -1)),
    "sparse matrix": lambda v: sp.coo_matrix(np.asarray(v, float).reshape(len(v), -1)),
    "tensor": lambda v: torch.as_tensor(np.array(v, float)),
    "tensor with gradient": lambda v: torch.tensor(
        np.array(v, float), requires_grad=True
    ),
    "bfloat16": lambda v: torch.as_tensor(np.array(v, float)).bfloat16(),
    "sparse tensor": lambda v: torch.as_tensor(np.array(v, float)).to_sparse(),
    "meta tensor": lambda v: torch.empty(np.shape(v), device="meta"),
    "memory view": lambda v: memoryview(np.ascontiguousarray(v)),
    "array.array": lambda v: array.array("d", np.asarray(v, float).ravel()),
    "bytes of it": lambda v: np.asarray(v).tobytes()[:64],
    "generator": lambda v: (x for x in v),
    "iterator": lambda v: iter(v),
    "dict": lambda v: dict(enumerate(np.asarray(v).tolist())),
    "dict of columns": lambda v: as_frame(v).to_dict("list"),
    "frame": as_frame,
    "transposed frame": lambda v: as_frame(v).T,
    "series": lambda v: as_frame(v).iloc[:, 0],
    "index": lambda v: pd.Index(as_frame(v).iloc[:, 0]),
    "frame of no columns": lambda v: as_frame(v).iloc[:, :0],
    "frame of objects": lambda v: as_frame(v).astype(object),
    "frame of text": lambda v: as_frame(v).astype(str),
    "frame of categories": lambda v: as_frame(v).astype("category"),
    "Int64 with NA": column(
        lambda n: pd.array([None, *range(n - 1)][:n], dtype="Int64")
    ),
    "Float64 with NA": column(
        lambda n: pd.array([None, *np.arange(n - 1.0)][:n], "Float64")
    ),
    "boolean with NA": column(
        lambda n: pd.array([None] + [True] * (n - 1), "boolean")[:n]
    ),
    "string": column(lambda n: pd.array(["x"] * n, dtype="string")),
    "UInt64": column(lambda n: pd.array([2**63] * n, dtype="UInt64")),
    "dates": column(lambda n: pd.date_range("2024", periods=n)),
    "dates with zone": column(
        lambda n: pd.date_range("2024", periods=n, tz="Asia/Tokyo")
    ),
    "periods": column(lambda n: pd.period_range("2024", periods=n, freq="M")),
    "intervals": column(lambda n: pd.interval_range(0, n)),
    "durations": column(lambda n: pd.timedelta_range("1D", periods=n)),
    "sparse column": column(lambda n: pd.arrays.SparseArray(np.arange(n) % 2)),
    "lists in a column": column(lambda n: objects([[1.0, 2.0]] * n)),
    "arrays in a column": column(
        lambda n: objects([np.arange(1 + i % 3.0) for i in range(n)])
    ),
    "mixed column": column(lambda n: objects([1, "a", None, 2.5][:n] + [0] * (n - 4))),
    "tuples in a column": column(lambda n: objects([(1, 2)] * n)),
    "twice the same name": with_columns(lambda n: ["x"] * n),
    "names of numbers": with_columns(lambda n: list(range(n))),
    "names of two kinds": with_columns(lambda n: ["x", *range(1, n)][:n]),
    "names of None": with_columns(lambda n: [None] * n),
    "names in levels": with_columns(
        lambda n: pd.MultiIndex.from_product([["a"], range(n)])
    ),
    "names of dates": with_columns(lambda n: pd.date_range("2024", periods=n)),
    "index of one": indexed(lambda n: [0] * n),
    "index of NaN": indexed(lambda n: [np.nan] * n),
    "index in levels": indexed(lambda n: pd.MultiIndex.from_product([["a"], range(n)])),
    "index of intervals": indexed(lambda n: pd.interval_range(0, n)),
    "index of NaT": indexed(lambda n: pd.DatetimeIndex([pd.NaT] * n)),
    "index backwards": indexed(lambda n: pd.date_range("2024", periods=n)[::-1]),
    "index of categories": indexed(lambda n: pd.CategoricalIndex(["a"] * n)),
    "index of objects": indexed(lambda n: pd.Index([object() for _ in range(n)])),
    "index with a zone": indexed(
        lambda n: pd.date_range("2024-10-26", periods=n, freq="h", tz="Europe/Berlin")
    ),
    "polars": lambda v: pl.from_pandas(as_frame(v)),
    "polars with null": lambda v: pl.from_pandas(as_frame(v)).with_columns(
        pl.lit(None).alias("n")
    ),
    "polars decimal": lambda v: pl.from_pandas(as_frame(v)).with_columns(
        pl.lit(1).cast(pl.Decimal(9, 2)).alias("d")
    ),
    "polars lists": lambda v: pl.from_pandas(as_frame(v)).with_columns(
        l=pl.lit([1.0, 2.0])
    ),
    "polars enum": lambda v: pl.from_pandas(as_frame(v)).with_columns(
        pl.lit("a").cast(pl.Enum(["a", "b"])).alias("e")
    ),
    "polars series": lambda v: pl.from_pandas(as_frame(v))[:, 0],
    "lazy": lambda v: pl.from_pandas(as_frame(v)).lazy(),
    "arrow": lambda v: pl.from_pandas(as_frame(v)).to_arrow(),
    "arrow in pandas": lambda v: as_frame(v).convert_dtypes(dtype_backend="pyarrow"),
}
# What pyarrow is needed for.
if not pd.compat._optional.import_optional_dependency("pyarrow", errors="ignore"):
    for _name in ("arrow", "arrow in pandas"):
        del FORMS[_name]
