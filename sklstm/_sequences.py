"""What a sequence is: a table of steps, and where each sequence lies on it."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from mmap import mmap
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils import gen_batches

from ._arrays import reading, refuse_masked
from ._compat import get_namespace
from ._notebook import draw_lengths

# Sums of squares of these are finite in double precision.
LARGEST = np.float64(1e150)
# Rows and values of a table that are looked at together: masks and copies of all of it
# would take several tables.
BLOCK_ROWS, BLOCK_VALUES = 1 << 16, 1 << 21
# Steps of a table on disk that are simply read where they are all that is in use.
FEW_BYTES = 1 << 27
# Names of features that a notebook shows, at most.
N_NAMES = 20
# What is known of each sequence on its own.
OF_EACH = ("series", "times", "index", "rows", "history_lengths")


class Sequences:
    """Many sequences of unequal length, stored on one table of steps.

    `Sequences` are similar to a CSR matrix: they hold one table of time steps, and the
    start and length of each sequence. Sequences may overlap: all windows over a series
    need no more memory for their steps than the series itself.

    They behave like a read-only array of shape ``(n_sequences, max_length,
    n_features)`` wherever scikit-learn needs one, as in `train_test_split`,
    `GridSearchCV` or a `Pipeline`. An index, slice or boolean mask selects sequences
    without copying steps.

    Parameters
    ----------
    steps : ndarray of shape (n_steps_total, n_features)
        The table of steps. It is not copied.

    starts : array-like of int, shape (n_sequences,)
        The row of `steps` at which each sequence starts.

    lengths : array-like of int, shape (n_sequences,)
        The number of steps of each sequence, at least 1.

    feature_names : array-like of str, shape (n_features,), default=None
        The names of the features. None if they have no names.

    series : array-like of int, shape (n_sequences,), default=None
        Number of the series that each sequence belongs to.

    series_names : array-like of shape (n_series,), default=None
        Name of each series; a tuple if several columns identify the series.

    times : array-like of shape (n_sequences,), default=None
        Time of the last step of each sequence, as dates or numbers.

    index : pandas.Index or array-like of shape (n_sequences,), default=None
        A label for each sequence, such as the index of a dataframe.

    rows : array-like of int, shape (n_sequences,), default=None
        Row of the last step of each sequence in the table that the sequences were first
        made from. From it the distance of two sequences is known after other rows have
        been left out. None means its row in `steps`.

    history_lengths : array-like of int, shape (n_sequences,), default=None
        Number of rows of the series up to the end of each sequence, since the last
        gap. If it is larger than the length of a sequence, the row of `steps` before
        the sequence is the time step before it.

    horizon : int, default=None
        Number of rows ahead that the target of each sequence reaches.

    targets : array-like of int, default=None
        Positions of the features whose later values are the target. The columns of the
        target are ordered by step ahead, then by feature.

    categories : list of (list or None), default=None
        For each feature that holds ids, the list of labels: id i stands for the label
        at position i, and a negative id for no label. For a feature of numbers, None.
        None instead of the list means that no feature holds ids.

    units_changed : bool, default=False
        Whether the features of `targets` have other units than the target, as after a
        scaler.

    whole : bool, default=False
        Whether the sequences are whole histories, which a `SequenceWindower` should
        shorten.

    Attributes
    ----------
    steps, starts, lengths : ndarray
        As given. All other parameters are attributes as well, as arrays, or None if
        not known.

    See Also
    --------
    make_supervised : The history of each row, with the values that follow it.
    make_histories : The history of each row.
    SequenceWindower : Keep the last time steps of each history.

    Notes
    -----
    Selected, shortened and pickled sequences keep all these attributes. A pickle holds
    only the rows of the table that some sequence uses.

    Examples
    --------
    >>> import numpy as np
    >>> from sklstm import Sequences
    >>> series = np.array([[1.0], [2.0], [3.0], [4.0]])
    >>> windows = Sequences(series, starts=[0, 0, 1, 2], lengths=[1, 2, 2, 2])
    >>> windows.shape
    (4, 2, 1)
    >>> windows[2]
    array([[2.],
           [3.]])
    >>> np.asarray(windows[[0, 3]])[:, :, 0]
    array([[nan,  1.],
           [ 3.,  4.]])
    """

    ndim = 3
    device = "cpu"
    # Of a stream that goes on the state of the cells before the first step of each
    # series: hidden and cell, each (n_series, num_layers, hidden_size).
    _carried: Any = None

    def __init__(
        self,
        steps: Any,
        starts: Any,
        lengths: Any,
        *,
        feature_names: Any = None,
        series: Any = None,
        series_names: Any = None,
        times: Any = None,
        index: Any = None,
        rows: Any = None,
        history_lengths: Any = None,
        horizon: int | None = None,
        targets: Any = None,
        categories: Any = None,
        units_changed: bool = False,
        whole: bool = False,
    ) -> None:
        if starts is None or lengths is None:
            raise TypeError("starts and lengths must be whole numbers; got None.")
        refuse_masked(steps, "steps")
        with reading("steps", "a table"):
            self.steps = np.asarray(steps)
        self.starts: Any = _as_integers(starts, "starts")
        self.lengths: Any = _as_integers(lengths, "lengths")
        self.feature_names = _as_list(feature_names, "feature_names", dtype=object)
        self.series: Any = _as_integers(series, "series")
        self.series_names = _as_list(series_names, "series_names")
        self.times = _as_list(times, "times")
        # A pandas index stays one: an array would forget its levels and time zone.
        is_index = hasattr(index, "get_level_values")
        self.index = index if is_index else _as_list(index, "index")
        self.rows: Any = _as_integers(rows, "rows")
        self.history_lengths: Any = _as_integers(history_lengths, "history_lengths")
        if horizon is not None and (not isinstance(horizon, Integral) or horizon < 1):
            raise ValueError("horizon must be None or a whole number of at least 1.")
        self.horizon = None if horizon is None else int(horizon)
        targets = _as_integers(targets, "targets")
        self.targets = None if targets is None else targets.tolist()
        self.categories = _as_categories(categories)
        self.units_changed = bool(units_changed)
        self.whole = bool(whole)
        # Arguments of `make_supervised`, which models hand on to `forecast`.
        self._made_with: dict[str, Any] = {}
        self._check()

    def _check(self) -> None:
        if self.steps.ndim != 2:
            raise ValueError(
                f"steps has {self.steps.ndim} dimension(s); expected 2:"
                " (n_steps_total, n_features)."
            )
        if self.starts.shape != self.lengths.shape:
            raise ValueError(
                f"starts has shape {self.starts.shape} and lengths"
                f" {self.lengths.shape}; expected one of each per sequence."
            )
        for name in OF_EACH:
            values = getattr(self, name)
            if values is not None and len(values) != len(self):
                raise ValueError(
                    f"{name} has {len(values)} values for {len(self)} sequences;"
                    " expected one per sequence."
                )
        n_features = self.steps.shape[1]
        if self.feature_names is not None and len(self.feature_names) != n_features:
            raise ValueError(
                f"feature_names has {len(self.feature_names)} names for {n_features}"
                " features; expected one for each."
            )
        if self.categories is not None and len(self.categories) != n_features:
            raise ValueError(
                f"categories has {len(self.categories)} entries for {n_features}"
                " features; expected one for each, None if it holds numbers."
            )
        if bad := [i for i in self.targets or [] if not 0 <= i < n_features]:
            raise ValueError(
                f"targets has the position {bad[0]}, but a step has {n_features}"
                f" features; give positions from 0 to {n_features - 1}."
            )
        if len(self) == 0:
            return
        if self.lengths.min() < 1:
            raise ValueError(
                f"Sequence {self.lengths.argmin()} has length {self.lengths.min()};"
                " a sequence needs at least one step."
            )
        # Each before their sum, which may overflow.
        n_rows, last = len(self.steps), max(self.starts.max(), self.lengths.max())
        if last <= n_rows:
            last = (self.starts + self.lengths).max()
        if self.starts.min() < 0 or last > n_rows:
            raise ValueError(
                f"Sequences reach from row {self.starts.min()} to row {last} of a table"
                f" of {n_rows} rows; they must lie inside it."
            )
        known = self.history_lengths
        if known is not None and (
            (known < self.lengths).any()
            or (self.begins_within() & (self.starts < 1)).any()
        ):
            raise ValueError(
                "history_lengths must be at least lengths, and larger only if the row"
                " before a sequence is on the table."
            )

    @classmethod
    def from_arrays(cls, arrays: Any) -> Sequences:
        """Join sequences of shape (length, n_features) into one table.

        Parameters
        ----------
        arrays : iterable of array-like, each of shape (length, n_features)
            The sequences. Dataframes must all have the same columns.

        Returns
        -------
        sequences : Sequences
            A sequence for each array, in the same order.
        """
        with reading("arrays", "a list of tables"):
            arrays = list(arrays) if getattr(arrays, "size", 1) else []
        if not len(arrays):
            raise ValueError("Found no sequence; expected at least one.")
        name = "column_names" if hasattr(type(arrays[0]), "column_names") else "columns"
        with reading("arrays", "a list of tables"):
            columns = [list(getattr(array, name, [])) for array in arrays]
            tables = [np.asarray(array) for array in arrays]
        n_features = tables[0].shape[-1:]
        for i, table in enumerate(tables):
            if table.ndim != 2:
                problem = (
                    f"has {table.ndim} dimension(s); expected 2: (n_timesteps,"
                    " n_features). Reshape a univariate sequence with .reshape(-1, 1)."
                )
            elif len(table) == 0:
                problem = "is empty; a sequence needs at least one step."
            elif table.shape[1:] != n_features:
                expected = n_features[0]
                problem = f"has {table.shape[1]} features and sequence 0 {expected}."
            elif columns[i] != columns[0]:
                problem = f"has columns {columns[i]} and sequence 0 {columns[0]}."
            else:
                continue
            raise ValueError(f"Sequence {i} {problem}")
        lengths = np.array([len(table) for table in tables])
        # As in scikit-learn, columns are names if all are strings.
        named = columns[0] and all(isinstance(name, str) for name in columns[0])
        with reading("arrays", "a list of tables of one type"):
            steps = np.concatenate(tables)
        return cls(
            steps,
            starts=np.cumsum(lengths) - lengths,
            lengths=lengths,
            feature_names=columns[0] if named else None,
        )

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of the padded array: (n_sequences, max_length, n_features)."""
        return len(self), int(self.lengths.max(initial=0)), self.steps.shape[1]

    @property
    def dtype(self) -> np.dtype:
        """Data type of the table of steps."""
        return self.steps.dtype

    def __len__(self) -> int:
        return len(self.starts)

    def __iter__(self) -> Iterator[np.ndarray]:
        return (self[i] for i in range(len(self)))

    def _describe(self) -> dict[str, Any]:
        """What `repr` shows."""
        n_sequences, longest, n_features = self.shape
        facts: dict[str, Any] = {
            "n_sequences": n_sequences,
            "lengths": f"{self.lengths.min(initial=longest)}..{longest}",
            "n_features": n_features,
            "dtype": self.dtype,
        }
        if self.series is not None:
            facts["n_series"] = len(np.unique(self.series))
        if self.times is not None and len(self):
            ends = np.array([self.times.min(), self.times.max()])
            if ends.dtype.kind == "M":
                ends = np.datetime_as_string(ends, unit="auto")
            facts["times"] = f"{ends[0]}..{ends[1]}"
        if self.horizon is not None:
            facts["horizon"] = self.horizon
        if self.targets is not None:
            names = self.feature_names
            named = self.targets if names is None else [names[i] for i in self.targets]
            facts["targets"] = f"[{', '.join(map(str, named))}]"
        if self.categories is not None:
            names = self.feature_names
            facts["n_categories"] = {
                i if names is None else str(names[i]): len(labels)
                for i, labels in self.labels().items()
            }
        if self.whole:
            facts["whole"] = True
        return facts

    def __repr__(self) -> str:
        facts = [f"{name}={value}" for name, value in self._describe().items()]
        return f"Sequences({', '.join(facts)})"

    def _repr_html_(self) -> str:
        lengths = "none"
        if len(self):
            ends = self.lengths.min(), np.median(self.lengths), self.lengths.max()
            lengths = "min {:,}, median {:,.10g}, max {:,}".format(*ends)
        shown = {
            "n_sequences": f"{len(self):,}",
            "lengths": lengths,
            "n_steps": f"{self.lengths.sum():,} on a table of {len(self.steps):,}",
        }
        facts = shown | self._describe() | shown
        if self.feature_names is not None:
            names = [str(name) for name in self.feature_names[:N_NAMES]]
            more = ["…"] * (len(self.feature_names) > N_NAMES)
            facts["feature_names"] = ", ".join(names + more)
        facts = {name: escape(str(value)) for name, value in facts.items()}
        facts["lengths"] += draw_lengths(self.lengths)
        left = 'style="text-align: left"'  # notebooks have them on the right
        lines = [
            f"<tr><th {left}>{name}</th><td {left}>{value}</td></tr>"
            for name, value in facts.items()
        ]
        return f"<table><caption>Sequences</caption>{''.join(lines)}</table>"

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, tuple):  # scikit-learn indexes rows as X[rows, ...]
            key, *rest = key or (slice(None),)
            if any(not _is_everything(part) for part in rest):
                raise IndexError(
                    "Sequences are indexed along their first axis only; use"
                    " np.asarray(sequences) for an array to be indexed further."
                )
        if isinstance(key, list):  # an empty one has no type of its own
            key = np.arange(len(self))[key]
        starts, lengths = self.starts[key], self.lengths[key]
        if np.ndim(starts) == 0:
            return self.steps[starts : starts + lengths]
        if np.ndim(starts) > 1:
            raise IndexError(
                f"Sequences are indexed by one number for each; got {np.ndim(starts)}"
                " dimensions."
            )
        return self._like(self.steps, starts, lengths, key)

    def _like(self, steps: Any, starts: Any, lengths: Any, key: Any = ...) -> Sequences:
        """Other sequences, which know what these know of those at `key`."""
        made = object.__new__(Sequences)
        made.__dict__ |= vars(self)
        made.steps, made.starts, made.lengths = steps, starts, lengths
        for name in OF_EACH if key is not ... else ():
            values = getattr(self, name)
            setattr(made, name, None if values is None else values[key])
        return made

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ValueError("Sequences cannot be converted to an array uncopied.")
        if self.whole:
            n, length, n_features = self.shape
            raise ValueError(
                f"{n} whole histories of up to {length} steps are not converted to an"
                f" array of {n} × {length} × {n_features} values: shorten them with"
                " SequenceWindower first. To scale or transform their steps use"
                " StepTransformer; the LSTM estimators need no scaler."
            )
        return self.padded(dtype)

    def padded(self, dtype: Any = None) -> np.ndarray:
        """Return a 3-D array, with NaN before shorter sequences.

        Parameters
        ----------
        dtype : data-type, default=None
            Type of the array. None means the type of `steps`, or a floating-point type
            that holds it.

        Returns
        -------
        array : ndarray of shape (n_sequences, max_length, n_features)
            All sequences, each at the end of its row.
        """
        n_sequences, max_length, n_features = self.shape
        padded = max_length - self.lengths  # (n_sequences,) steps without a value
        rows = (self.starts - padded)[:, None] + np.arange(max_length)
        missing = np.arange(max_length) < padded[:, None]  # (n_sequences, max_length)
        if not missing.any():
            return self.steps[rows].astype(dtype or self.dtype, copy=False)
        array = self.steps[np.where(missing, 0, rows)]
        with reading("steps", "numbers, of which some may be NaN"):
            array = array.astype(dtype or np.result_type(self.dtype, np.float32))
        array[missing] = np.nan
        return array

    def __array_namespace__(self, *, api_version: str | None = None) -> Any:
        # Asked for by scikit-learn under array_api_dispatch, which then uses `take`.
        return get_namespace(self.steps)[0]

    def take(
        self, indices: Any, axis: int = 0, out: None = None, mode: str = "raise"
    ) -> Sequences:
        """Select sequences, as `numpy.take` does.

        Parameters
        ----------
        indices : array-like of int
            Positions of the sequences.

        axis : {0}, default=0
            Present for the API.

        out : None, default=None
            Present for the API.

        mode : {"raise"}, default="raise"
            Present for the API.

        Returns
        -------
        sequences : Sequences
            The sequences at `indices`, on the same table.
        """
        if axis != 0 or out is not None or mode != "raise":
            raise ValueError("Sequences.take takes indices along axis 0 only.")
        with reading("indices", "whole numbers"):
            indices = np.asarray(indices)
        return self[indices]

    def tail(self, n_steps: int) -> Sequences:
        """Keep the last steps of each sequence.

        Parameters
        ----------
        n_steps : int
            Number of steps to keep. Shorter sequences are not changed.

        Returns
        -------
        sequences : Sequences
            The shortened sequences, on the same table.
        """
        if not isinstance(n_steps, Integral) or n_steps < 1:
            shown = n_steps if isinstance(n_steps, Integral) else type(n_steps).__name__
            raise ValueError(f"n_steps must be a number of at least 1; got {shown}.")
        lengths = np.minimum(self.lengths, min(n_steps, self.shape[1]))
        starts = self.starts + (self.lengths - lengths)
        shortened = self._like(self.steps, starts, lengths)
        shortened.whole = False
        return shortened

    def on_table(self, steps: Any) -> Sequences:
        """Put the same sequences on another table.

        Parameters
        ----------
        steps : ndarray of shape (n_steps_total, n_features)
            The new table, with a row for each row of the old one.

        Returns
        -------
        sequences : Sequences
            The same sequences on the new table. If the number of features differs,
            they have no `feature_names`, `categories` and `targets`. If the values of
            targets differ, `units_changed` is True.
        """
        steps = np.asarray(steps)
        keeps = steps.shape[1:] == self.steps.shape[1:]
        return self._on_table(steps, self.targets if keeps else None)

    def _on_table(self, steps: np.ndarray, targets: list[int] | None) -> Sequences:
        """Put them on a table where the features at `targets` are those of y."""
        made = self._like(steps, self.starts, self.lengths)
        made.targets = targets
        if steps.shape[1:] != self.steps.shape[1:]:
            made.feature_names = made.categories = None
        if targets is not None and steps is not self.steps:
            here, there = self.steps[:, self.targets], steps[:, targets]
            is_same = np.array_equal(here, there, equal_nan=here.dtype.kind == "f")
            made.units_changed = self.units_changed or not is_same
        made._check()
        return made

    def labels(self) -> dict[int, list[Any]]:
        """Find the features that hold ids of labels.

        Returns
        -------
        labels : dict of int to list
            The labels of each of these features, by position.
        """
        every = enumerate(self.categories or [])
        return {i: labels for i, labels in every if labels is not None}

    def begins_within(self) -> np.ndarray:
        """Mark the sequences whose history begins before their first step.

        Returns
        -------
        within : ndarray of bool, shape (n_sequences,)
            Whether the row of the table before the first step of a sequence is the time
            step before it.
        """
        if self.history_lengths is None:
            return np.zeros(len(self), dtype=bool)
        return self.history_lengths > self.lengths

    def compact(self) -> Sequences:
        """Remove the rows of the table that no sequence uses.

        The time step before each sequence is kept, if there is one.

        Returns
        -------
        sequences : Sequences
            The same sequences, on the same table if all of its rows are used.
        """
        return self._compact(np.inf)

    def _compact(self, n_bytes: float) -> Sequences:
        """Leave out all rows that are not in use, if no more than this is copied."""
        if not len(self):
            return self.crop()
        starts = self.starts - self.begins_within()
        order: Any = slice(None)
        if (starts[1:] < starts[:-1]).any():
            order = np.argsort(starts, kind="stable")
        starts = starts[order]
        reached = np.maximum.accumulate((self.starts + self.lengths)[order])
        begins = np.ones(len(starts), dtype=bool)  # those with unused rows before them
        np.greater(starts[1:], reached[:-1], out=begins[1:])
        firsts, ends = starts[begins], reached[np.r_[begins[1:], True]]
        lengths = (ends - firsts).astype(np.int64)
        row = self.steps.shape[1] * self.steps.itemsize
        if len(firsts) == 1 or lengths.sum() * row > n_bytes:
            return self.crop()
        # The rows of a sequence stay next to each other.
        shift = firsts - (np.cumsum(lengths) - lengths)  # of each block of rows
        moved = np.empty_like(self.starts)
        moved[order] = self.starts[order] - shift[np.cumsum(begins) - 1]
        rows = np.arange(lengths.sum()) + np.repeat(shift, lengths)
        return self._keep(rows, moved)

    def crop(self) -> Sequences:
        """Remove the rows before the first and after the last sequence, without a copy.

        Returns
        -------
        sequences : Sequences
            The same sequences, on the same table if it has no such rows.
        """
        if len(self) == 0:
            return self._keep(slice(0), self.starts)
        first = int((self.starts - self.begins_within()).min())
        end = int((self.starts + self.lengths).max())
        if end - first == len(self.steps):
            return self
        if first == 0:  # every row keeps its place
            return self._like(self.steps[:end], self.starts, self.lengths)
        return self._keep(slice(first, end), self.starts - first)

    def _keep(self, rows: Any, starts: np.ndarray) -> Sequences:
        """Put them on some rows of the table, which does not tell which these are."""
        made = self._like(self.steps[rows], starts, self.lengths)
        if self.rows is None:
            made.rows = self.starts + self.lengths - 1
        return made

    def _lean(self) -> Sequences:
        """Leave out rows, but do not read many from a table on disk."""
        return self._compact(FEW_BYTES if on_disk(self.steps) else np.inf)

    def __getstate__(self) -> dict[str, Any]:
        return vars(self.compact())

    def coverage(self, weights: Any = None) -> np.ndarray:
        """Count how often each row of the table is used.

        Parameters
        ----------
        weights : array-like of shape (n_sequences,), default=None
            Weight of each sequence; 1 if None.

        Returns
        -------
        coverage : ndarray of shape (n_steps_total,)
            For each row of `steps`, the sum of the weights of the sequences that
            contain it.
        """
        return _cover(self.starts, self.lengths, len(self.steps), weights)


def _cover(
    starts: np.ndarray, lengths: np.ndarray, n_rows: int, weights: Any = None
) -> np.ndarray:
    """Sum the weights of the ranges that hold each row."""
    # Each range adds its weight at its start and takes it away at its end.
    change = np.bincount(starts, weights, n_rows + 1)
    change -= np.bincount(starts + lengths, weights, n_rows + 1)
    return np.cumsum(change, out=change)[:-1]


def _as_integers(values: Any, name: str) -> np.ndarray | None:
    if values is None:
        return None
    values = _as_list(values, name)
    if values.dtype in (np.int32, np.int64):  # a million short ones take half as much
        return values
    with reading(name, "whole numbers"):
        integers = values.astype(np.int64) if values.dtype.kind in "biufO" else None
    if integers is None or not np.array_equal(values, integers):
        first = next((v for v in values.tolist() if not _is_whole(v)), values.dtype)
        raise ValueError(f"{name} must be whole numbers; got {first!r}.")
    return integers


def _is_whole(value: Any) -> bool:
    return isinstance(value, Real) and value % 1 == 0


def _as_list(values: Any, name: str, dtype: Any = None) -> Any:
    """Return values as an array of one dimension, and None as it is."""
    if values is None:
        return None
    with reading(name, "a list"):
        values = np.asarray(values, dtype=dtype)
    if values.ndim != 1:
        raise ValueError(f"{name} has {values.ndim} dimension(s); expected a list.")
    return values


def _as_categories(categories: Any) -> list[list[Any] | None] | None:
    with reading("categories", "a list of labels, or None, for each feature"):
        if categories is None or all(labels is None for labels in categories):
            return None
        return [None if labels is None else list(labels) for labels in categories]


def _is_everything(part: Any) -> bool:
    return part is Ellipsis or (isinstance(part, slice) and part == slice(None))


def on_disk(table: Any) -> bool:
    """Whether an array is a part of a file that is mapped into memory."""
    while isinstance(table, np.ndarray):
        table = table.base
    return isinstance(table, mmap)


def blocks(table: np.ndarray) -> Iterator[slice]:
    """Yield slices of rows that are looked at together."""
    n_rows = min(BLOCK_ROWS, BLOCK_VALUES // table.shape[1])
    return gen_batches(len(table), max(n_rows, 1))


def check_finite(
    sequences: Sequences,
    dtype: str = "float64",
    name: str = "Input X",
    present: Any = (),
    change: Any = None,
) -> None:
    """Raise if a step of some sequence is infinite or too large.

    NaN is a value that is missing, which those of the features `present` may not be.
    What is looked at is what steps become by `change`, which keeps their order.
    """
    steps = sequences.steps
    is_float = change is not None or steps.dtype.kind == "f"
    # Of larger whole numbers not each is a float64.
    limit = np.minimum(LARGEST, np.finfo(dtype).max) if is_float else 1 << 53
    # NaN is in no order; and no mask of the table's size is made in the usual case.
    if change is not None:
        ends = [extreme.reduce(steps, axis=0) for extreme in (np.fmin, np.fmax)]
        if not (np.abs(change(np.stack(ends))) > limit).any():
            return
    elif steps.dtype.kind == "b" or (-limit <= steps.min() and steps.max() <= limit):
        return
    may_miss = np.ones(steps.shape[1], dtype=bool)
    may_miss[list(present)] = False
    unused = sequences.coverage() == 0
    for block in blocks(steps):
        part = steps[block] if change is None else change(steps[block])
        bad = ~((-limit <= part) & (part <= limit))
        if is_float:
            bad[:, may_miss] &= ~np.isnan(part[:, may_miss])
        bad[unused[block]] = False
        if bad.any():
            break
    else:
        return
    row, feature = np.argwhere(bad)[0]
    value = part[row, feature]
    row += block.start
    if not is_float:
        raise ValueError(
            f"{name} contains {value}: {name_step(sequences, row, feature)}. Above"
            " 2**53 float64 does not tell whole numbers apart: subtract an offset."
        )
    what = f"{value:g}, too large for {dtype} or, squared, for float64"
    if np.isinf(value):
        what = "infinity"
    raise ValueError(
        f"{name} contains {'NaN' if np.isnan(value) else what}:"
        f" {name_step(sequences, row, feature)}. Impute or remove such values."
    )


def find_missing(sequences: Sequences) -> list[int]:
    """Find the features that are missing (NaN) in a step of some sequence."""
    steps = sequences.steps
    # The least of several is NaN if one is.
    if steps.dtype.kind != "f" or not np.isnan(steps.min(axis=0)).any():
        return []
    used = sequences.coverage() > 0
    missing = np.zeros(steps.shape[1], dtype=bool)
    for block in blocks(steps):
        missing |= np.isnan(steps[block][used[block]]).any(axis=0)
    return np.flatnonzero(missing).tolist()


def name_features(sequences: Sequences, positions: list[int]) -> list[Any]:
    """Names of some features, or their positions."""
    names = sequences.feature_names
    return positions if names is None else [str(names[i]) for i in positions]


def name_step(sequences: Sequences, row: int, feature: int) -> str:
    """Say where a value stands: in which sequence, step and feature."""
    ends = sequences.starts + sequences.lengths
    i = ((sequences.starts <= row) & (row < ends)).argmax()
    names = sequences.feature_names
    named = feature if names is None else repr(names[feature])
    return f"sequence {i}, step {row - sequences.starts[i]}, feature {named}"
