"""What a sequence is: a table of steps, and where each sequence lies on it."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils._array_api import get_namespace


class Sequences:
    """Many sequences of unequal length, stored on one table of steps.

    `Sequences` is to sequences what a CSR matrix is to sparse rows: one flat
    table, and for each sequence where it starts and how long it is. Sequences
    may overlap, so that all the windows over a series take no more memory than
    the series itself.

    It behaves like a read-only array of shape ``(n_sequences, max_length,
    n_features)`` as far as scikit-learn needs one: it has a length, a shape and
    a dtype, and an index, slice or boolean mask selects sequences without
    copying steps. That is enough for `train_test_split`, `cross_val_score`,
    `GridSearchCV` and `Pipeline`.

    Parameters
    ----------
    steps : ndarray of shape (n_steps_total, n_features)
        The table of steps. It is not copied.

    starts : array-like of int, shape (n_sequences,)
        The row of `steps` at which each sequence starts.

    lengths : array-like of int, shape (n_sequences,)
        The number of steps of each sequence, at least 1.

    feature_names : array-like of str, shape (n_features,), default=None
        The names of the features, if they have any.

    groups : array-like of int, shape (n_sequences,), default=None
        The series that each sequence is taken from, if that is known. Those of
        one series stand on the table in order of time.

    index : pandas.Index or array-like of shape (n_sequences,), default=None
        A label for each sequence, such as the index of a dataframe.

    Attributes
    ----------
    steps, starts, lengths, feature_names, groups, index : ndarray
        As given.

    See Also
    --------
    SequenceWindower : Turn the rows of a table into one sequence per row.

    Notes
    -----
    A pickle holds only those rows of the table that some sequence uses.

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

    def __init__(
        self,
        steps: Any,
        starts: Any,
        lengths: Any,
        *,
        feature_names: Any = None,
        groups: Any = None,
        index: Any = None,
    ) -> None:
        self.steps = np.asarray(steps)
        self.starts = _as_integers(starts)
        self.lengths = _as_integers(lengths)
        self.feature_names = (
            None if feature_names is None else np.asarray(feature_names, dtype=object)
        )
        self.groups = None if groups is None else np.asarray(groups)
        # A pandas index stays one: an array would forget its levels and time zone.
        is_index = hasattr(index, "get_level_values")
        self.index = index if is_index or index is None else np.asarray(index)
        self._check()

    def _check(self) -> None:
        if self.steps.ndim != 2:
            raise ValueError(
                f"steps has {self.steps.ndim} dimension(s); expected 2:"
                " (n_steps_total, n_features)."
            )
        if self.starts.ndim != 1 or self.starts.shape != self.lengths.shape:
            raise ValueError(
                f"starts has shape {self.starts.shape} and lengths"
                f" {self.lengths.shape}; expected one of each per sequence."
            )
        for name, labels in [("groups", self.groups), ("index", self.index)]:
            if labels is not None and len(labels) != len(self):
                raise ValueError(
                    f"{name} has {len(labels)} labels for {len(self)} sequences;"
                    " expected one per sequence."
                )
        if len(self) == 0:
            return
        if self.lengths.min() < 1:
            raise ValueError(
                f"Sequence {self.lengths.argmin()} has length {self.lengths.min()};"
                " a sequence needs at least one step."
            )
        ends = self.starts + self.lengths
        if self.starts.min() < 0 or ends.max() > len(self.steps):
            raise ValueError(
                f"Sequences reach from row {self.starts.min()} to row {ends.max()} of"
                f" a table of {len(self.steps)} rows; they must lie inside it."
            )

    @classmethod
    def from_arrays(cls, arrays: Any) -> Sequences:
        """Join sequences of shape (length, n_features) into one table.

        Parameters
        ----------
        arrays : iterable of array-like, each of shape (length, n_features)
            The sequences. Dataframes must have the same columns throughout.

        Returns
        -------
        sequences : Sequences
            One sequence per array, in the same order.

        Raises
        ------
        ValueError
            If an array is not 2-D, is empty, or differs in its number of
            features or in its columns.

        Examples
        --------
        >>> from sklstm import Sequences
        >>> Sequences.from_arrays([[[1, 2]], [[3, 4], [5, 6]]]).lengths
        array([1, 2])
        """
        arrays = list(arrays)
        if not arrays:
            raise ValueError("Found no sequence; expected at least one.")
        columns = [list(getattr(array, "columns", [])) for array in arrays]
        tables = [np.asarray(array) for array in arrays]
        for i, table in enumerate(tables):
            if problem := _find_problem(table, tables[0], columns[i], columns[0]):
                raise ValueError(f"Sequence {i} {problem}")
        lengths = np.array([len(table) for table in tables])
        # As in scikit-learn, columns are names if all are strings.
        named = columns[0] and all(isinstance(name, str) for name in columns[0])
        return cls(
            np.concatenate(tables),
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

    def __repr__(self) -> str:
        shortest = self.lengths.min() if len(self) else 0
        return (
            f"Sequences(n_sequences={len(self)}, lengths={shortest}..{self.shape[1]},"
            f" n_features={self.shape[2]}, dtype={self.dtype})"
        )

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
        return self._like(self.steps, starts, lengths, key)

    def _like(self, steps: Any, starts: Any, lengths: Any, key: Any = ...) -> Sequences:
        """Other sequences, with the names of these and the labels at `key`."""
        return Sequences(
            steps,
            starts,
            lengths,
            feature_names=self.feature_names,
            groups=None if self.groups is None else self.groups[key],
            index=self.index if self.index is None or key is ... else self.index[key],
        )

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ValueError("Sequences cannot be converted to an array uncopied.")
        n_sequences, max_length, n_features = self.shape
        padded = max_length - self.lengths  # (n_sequences,) steps without a value
        rows = (self.starts - padded)[:, None] + np.arange(max_length)
        missing = np.arange(max_length) < padded[:, None]  # (n_sequences, max_length)
        if not missing.any():
            return self.steps[rows].astype(dtype or self.dtype, copy=False)
        array = self.steps[np.where(missing, 0, rows)]
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
            Sequences can be taken along their first axis only.

        out : None, default=None
            Present for the API.

        mode : {"raise"}, default="raise"
            Present for the API.

        Returns
        -------
        sequences : Sequences
            Those at `indices`, on the same table.

        Examples
        --------
        >>> from sklstm import Sequences
        >>> Sequences.from_arrays([[[1]], [[2], [3]]]).take([1]).lengths
        array([2])
        """
        if axis != 0 or out is not None or mode != "raise":
            raise ValueError("Sequences.take takes indices along axis 0 only.")
        return self[np.asarray(indices)]

    def on_table(self, steps: Any) -> Sequences:
        """Put the same sequences on another table.

        Parameters
        ----------
        steps : ndarray of shape (n_steps_total, n_features)
            What stands in place of each row of the table.

        Returns
        -------
        sequences : Sequences
            With the same starts, lengths and names.

        Examples
        --------
        >>> import numpy as np
        >>> from sklstm import Sequences
        >>> windows = Sequences(np.array([[1], [2], [3]]), [0, 1], [2, 2])
        >>> windows.on_table(windows.steps * 10)[1].ravel()
        array([20, 30])
        """
        return self._like(steps, self.starts, self.lengths)

    def compact(self) -> Sequences:
        """Leave out the rows of the table that no sequence holds.

        Returns
        -------
        sequences : Sequences
            The same sequences; on the same table if all of it is in use.

        Examples
        --------
        >>> from sklstm import Sequences
        >>> Sequences([[1], [2], [3]], starts=[1], lengths=[2]).compact().steps.ravel()
        array([2, 3])
        """
        used = self.coverage() > 0
        if used.all():
            return self
        # The rows of a sequence stay next to each other.
        starts = (np.cumsum(used) - 1)[self.starts]
        return self._like(self.steps[used], starts, self.lengths)

    def __getstate__(self) -> dict[str, Any]:
        return vars(self.compact())

    def coverage(self, weights: Any = None) -> np.ndarray:
        """Count how often each row of the table is used.

        Parameters
        ----------
        weights : array-like of shape (n_sequences,), default=None
            What each sequence counts for; 1 if None.

        Returns
        -------
        coverage : ndarray of shape (n_steps_total,)
            For each row of `steps` the sum of the weights of the sequences that
            hold it.

        Examples
        --------
        >>> from sklstm import Sequences
        >>> Sequences([[0], [1], [2]], starts=[0, 1], lengths=[2, 2]).coverage()
        array([1, 2, 1])
        """
        n = len(self.steps) + 1
        # Each sequence adds its weight at its start and takes it away at its end.
        change = np.bincount(self.starts, weights, n) - np.bincount(
            self.starts + self.lengths, weights, n
        )
        return np.cumsum(change)[:-1]


def _as_integers(values: Any) -> np.ndarray:
    values = np.asarray(values)
    integers = values.astype(np.int64, copy=False)
    if integers is not values and not np.array_equal(values, integers):
        raise ValueError(f"starts and lengths must be whole numbers; got {values}.")
    return integers


def _is_everything(part: Any) -> bool:
    return part is Ellipsis or (isinstance(part, slice) and part == slice(None))


def _find_problem(
    table: np.ndarray, first: np.ndarray, columns: list[Any], first_columns: list[Any]
) -> str | None:
    """Say why a table cannot be joined to the first, if so."""
    if table.ndim != 2:
        return (
            f"has {table.ndim} dimension(s); expected 2: (n_timesteps, n_features)."
            " Reshape a univariate sequence with .reshape(-1, 1)."
        )
    if len(table) == 0:
        return "is empty; a sequence needs at least one step."
    if table.shape[1] != first.shape[1]:
        return (
            f"has {table.shape[1]} features and sequence 0 has {first.shape[1]};"
            " all must have the same features."
        )
    if columns != first_columns:
        return (
            f"has columns {columns} and sequence 0 has {first_columns}; all must"
            " have the same columns."
        )
    return None


def find_non_finite(
    sequences: Sequences, dtype: str = "float64"
) -> tuple[int, int, str] | None:
    """Find the first value that is NaN, infinite or too large for a type.

    Parameters
    ----------
    sequences : Sequences
        What to search; rows of the table that no sequence holds may be anything.

    dtype : str, default="float64"
        The type in which the values must be finite.

    Returns
    -------
    place : tuple of (row, feature, what) or None
        Its place on the table and its name for a message; None if all are finite.
    """
    steps, limit = sequences.steps, np.finfo(dtype).max
    # NaN is in no order; and no mask of the table's size is made in the usual case.
    if steps.dtype.kind != "f" or (-limit <= steps.min() and steps.max() <= limit):
        return None
    bad = ~(np.abs(steps) <= limit)
    bad[sequences.coverage() == 0] = False
    if not bad.any():
        return None
    row, feature = np.argwhere(bad)[0]
    value = steps[row, feature]
    what = "NaN" if np.isnan(value) else f"{value:g}, too large for {dtype}"
    return row, feature, "infinity" if np.isinf(value) else what


def check_finite(
    sequences: Sequences, dtype: str = "float64", name: str = "Input X"
) -> None:
    """Raise if a step of some sequence is NaN, infinite or too large.

    Parameters
    ----------
    sequences : Sequences
        What to check.

    dtype : str, default="float64"
        The type in which the values must be finite.

    name : str, default="Input X"
        What the message calls them.
    """
    place = find_non_finite(sequences, dtype)
    if place is None:
        return
    row, feature, what = place
    ends = sequences.starts + sequences.lengths
    i = ((sequences.starts <= row) & (row < ends)).argmax()
    raise ValueError(
        f"{name} contains {what}: sequence {i}, step {row - sequences.starts[i]},"
        f" feature {feature}. Impute or remove such values; only steps of a 3-D array"
        " that are NaN in every feature, before or after a sequence, are padding."
    )
