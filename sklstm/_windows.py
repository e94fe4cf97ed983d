"""`SequenceWindower`: from rows of a table to one window of history per row."""

from __future__ import annotations

import warnings
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, _fit_context
from sklearn.callback import CallbackSupportMixin
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import (
    _check_feature_names_in,
    check_is_fitted,
    validate_data,
)

from ._columns import GAP_TYPES, as_table, get_index, read_features, refuse_lazy
from ._order import Keys, RowOrder
from ._sequences import Sequences, find_non_finite
from ._series import Tails, join_ranges

# Of fewer steps it cannot be said that they have no regular length.
MIN_STEPS = 20


class SequenceWindower(CallbackSupportMixin, TransformerMixin, BaseEstimator):
    """Turn each row of a table into the window of history that ends at it.

    Row t becomes the sequence of the rows t - `sequence_length` + 1 to t. There
    is one sequence per row, so that y stays as it is and any scikit-learn
    pipeline, search or splitter can be used. The first rows have a shorter
    history; nothing is made up for what came before them.

    A table may hold many series, and time stamps that say which row follows
    which: with `group` no window reaches into another series, and with `time`
    none reaches across a gap.

    Parameters
    ----------
    sequence_length : int, default=24
        Number of rows in a window, its last row included.

    group : str, int or list of these, default=None
        What says to which series a row belongs: a column by name or position,
        or a level of the index by name. Rows that agree in all of several are
        of one series. Such columns are no part of the windows. None means that
        all rows are of one series.

    time : str or int, default=None
        What says when a row was taken: a column by name or position, or a level
        of the index by name; ``"index"`` is an index without levels, whatever
        its name. Dates or numbers. The column is no part of the windows. The
        rows of a series may come in any order, and history starts afresh after
        a gap. None means that rows are consecutive as they come.

    max_gap : timedelta, str or float, default=None
        The longest step of time from a row to the next that is no gap: a
        duration for dates (``"3h"`` is read by pandas), a number for
        numbers, infinity for no gaps at all. None means one and a half times the
        regular step of each series in `fit`. Needs `time`.

    context : {"fit"} or None, default=None
        If ``"fit"``, rows that continue a series where those of `fit` end, or
        end before a gap, have these as history; so have rows that begin among
        the last of these. Needs `time`. If None, windows hold only rows that are
        given to `transform`.

    flatten : bool, default=False
        If True, return a 2-D array with a column for each lag of each feature,
        for estimators that take tables. If False, return `Sequences`.

    fill_value : {"edge"} or float, default="edge"
        What stands in the lag columns that reach back before the first row of a
        history: ``"edge"`` repeats that row, a number (or NaN) stands for itself.
        Ignored if `flatten` is False.

    Attributes
    ----------
    n_features_in_ : int
        Number of columns seen during `fit`, those of `group` and `time`
        included.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns seen during `fit`, if they were all strings.

    See Also
    --------
    make_windows : The windows of a series with their targets, as plain arrays.
    make_supervised : Rows with the values that follow them, for a pipeline.

    Notes
    -----
    Without `time` the rows given to `transform` are taken to be consecutive, and
    the result depends on their order. With it, windows follow time whatever
    the order of the rows, and end at the holes that rows left out of a fold leave.

    The regular step of a series is the one that only a twentieth of its steps fall
    short of. Unless most of its steps are just that long, it is that of all series
    together, if shorter. It is remembered from `fit`; that of a series seen only in
    `transform` is found there. Where `fit` is given so few of the rows of a series
    that hardly two of them follow each other, no rule can tell holes from steps:
    then set `max_gap`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklstm import SequenceWindower
    >>> X = np.array([[10.0], [20.0], [30.0], [40.0]])
    >>> windows = SequenceWindower(sequence_length=3).fit_transform(X)
    >>> windows.lengths
    array([1, 2, 3, 3])
    >>> windows[3].ravel()
    array([20., 30., 40.])
    >>> SequenceWindower(sequence_length=3, flatten=True).fit_transform(X)
    array([[10., 10., 10.],
           [10., 10., 20.],
           [10., 20., 30.],
           [20., 30., 40.]])

    Two series, told apart by column 0, with the hour in column 1. The second
    misses an hour:

    >>> X = np.array([[0, 1, 10], [1, 1, 5], [0, 2, 20], [1, 2, 6], [1, 4, 8]])
    >>> windower = SequenceWindower(sequence_length=3, group=0, time=1)
    >>> [window.ravel().tolist() for window in windower.fit_transform(X)]
    [[10], [5], [10, 20], [5, 6], [8]]
    """

    _parameter_constraints: dict[str, list[Any]] = {
        "sequence_length": [Interval(Integral, 1, None, closed="left")],
        "group": [str, Integral, list, None],
        "time": [str, Integral, None],
        "max_gap": [*GAP_TYPES, Interval(Real, 0, None, closed="right"), None],
        "context": [StrOptions({"fit"}), None],
        "flatten": ["boolean"],
        "fill_value": [StrOptions({"edge"}), Real],
    }

    def __init__(
        self,
        sequence_length: int = 24,
        *,
        group: Any = None,
        time: Any = None,
        max_gap: Any = None,
        context: str | None = None,
        flatten: bool = False,
        fill_value: str | float = "edge",
    ) -> None:
        self.sequence_length = sequence_length
        self.group = group
        self.time = time
        self.max_gap = max_gap
        self.context = context
        self.flatten = flatten
        self.fill_value = fill_value

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> SequenceWindower:
        """Remember the columns, the regular steps and, as context, the last rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows.

        y : Ignored
            Present for the API.

        Returns
        -------
        self : SequenceWindower
            The fitted windower.

        Raises
        ------
        ValueError
            If `group` or `time` is not in `X`, a label or time is missing, two
            rows of a series have the same time, or a value is NaN or infinite.
        """
        for name in ("max_gap", "context"):
            if self.time is None and getattr(self, name) is not None:
                raise ValueError(
                    f"{name}={getattr(self, name)!r} needs time stamps: name their"
                    " column or index level with time=."
                )
        context = self._init_callback_context()
        context.call_on_fit_task_begin(estimator=self, X=X, y=y)
        self._remember(X)
        context.call_on_fit_task_end(estimator=self, X=X, y=y)
        return self

    def _remember(self, X: Any) -> None:
        X = self._check_columns(X, reset=True)
        self._keys = Keys.find(X, self.group, self.time)
        order = RowOrder(X, self._keys, self.max_gap)
        rows = self._read_rows(X, order.order)
        self._known, self._tails = order.found, None
        if self.time is not None and self.max_gap is None:
            self._warn_of_gaps(order)
        if self.context == "fit":
            self._n_tail = self.sequence_length - 1
            self._tails = Tails.of(rows, order.times, order.runs, self._n_tail)

    def _warn_of_gaps(self, order: RowOrder) -> None:
        n_series = len(order.matches)
        n_gaps = len(order.runs.starts) - n_series
        n_steps = len(order.series) - n_series
        if n_steps >= MIN_STEPS and n_gaps > n_steps / 2:
            warnings.warn(
                f"{n_gaps} of {n_steps} steps of time are gaps, at which history starts"
                " afresh: set max_gap to the longest step that is none, or to infinity"
                " if time has no regular step.",
                stacklevel=4,
            )

    def transform(self, X: Any) -> Sequences | np.ndarray:
        """Return for each row the window that ends at it.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows, with the columns they had in `fit`.

        Returns
        -------
        windows : Sequences of shape (n_samples, sequence_length, n_features)
            In the order of the rows of `X`. The table is `X` itself if that
            holds the features alone in order of time. If `flatten`, an ndarray
            of shape (n_samples, sequence_length * n_features), oldest lag first.

        Raises
        ------
        ValueError
            As in `fit`, and if `X` has other columns.
        """
        check_is_fitted(self)
        if self._tails is not None and self.sequence_length > self._n_tail + 1:
            raise ValueError(
                f"sequence_length={self.sequence_length} needs more context than the"
                f" {self._n_tail} rows that fit has kept: fit again."
            )
        windows = self._cut(self._check_columns(X, reset=False), get_index(X))
        return self._flatten(windows) if self.flatten else windows

    def _check_columns(self, X: Any, *, reset: bool) -> Any:
        """Return X with columns to choose from."""
        refuse_lazy(X)
        if self.group is None and self.time is None:
            return validate_data(
                self, X, reset=reset, dtype="numeric", ensure_all_finite=False
            )
        X = as_table(X, "X")
        validate_data(self, X, reset=reset, skip_check_array=True)
        return X

    def _read_rows(self, X: Any, order: np.ndarray | None) -> np.ndarray:
        """Return the features of the rows in order."""
        rows = read_features(X, self._keys.features(X), order)
        if place := find_non_finite(Sequences(rows, [0], [len(rows)])):
            row, column, what = place
            raise ValueError(
                f"Input X contains {what}: row {row if order is None else order[row]},"
                f" column {self._feature_names()[column]!r}. Impute or remove such"
                " values; a window cannot leave out a row."
            )
        return rows

    def _feature_names(self) -> list[Any]:
        """Names, or else positions, of the columns that are in the windows."""
        names = getattr(self, "feature_names_in_", range(self.n_features_in_))
        taken = self._keys.columns()
        return [name for i, name in enumerate(names) if i not in taken]

    def _cut(self, X: Any, index: Any) -> Sequences:
        order = RowOrder(X, self._keys, self.max_gap, self._known)
        from_tails, n_before = order.find_tails(self._tails)
        starts, lengths = order.windows(self.sequence_length, n_before)
        groups, positions = order.restore(order.series), order.order
        insert_at = np.repeat(order.runs.starts, n_before)
        del order  # as large as a narrow table, which is made next
        rows = self._read_rows(X, positions)
        del positions
        if self._tails is not None and len(insert_at):
            tails = self._tails.rows[join_ranges(from_tails, n_before)]
            rows = rows.astype(np.result_type(rows, tails), copy=False)
            rows = np.insert(rows, insert_at, tails, axis=0)
        named = hasattr(self, "feature_names_in_")
        names = self._feature_names() if named else None
        return Sequences(
            rows, starts, lengths, feature_names=names, groups=groups, index=index
        )

    def _flatten(self, windows: Sequences) -> np.ndarray:
        """A column for each lag and feature, the oldest lag first."""
        table, ends = windows.steps, windows.starts + windows.lengths
        dtype = np.result_type(table.dtype, np.float32)
        dtype = table.dtype if self.fill_value == "edge" else dtype
        n, n_features = len(windows), table.shape[1]
        flat = np.empty((n, self.sequence_length, n_features), dtype)
        for i in range(self.sequence_length):
            row = ends - self.sequence_length + i
            flat[:, i] = table[np.maximum(row, windows.starts)]
            if self.fill_value != "edge":
                flat[row < windows.starts, i] = self.fill_value
        return flat.reshape(n, -1)

    @available_if(lambda self: self.flatten)
    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Name the lag columns, such as ``load_lag3`` for the row three before.

        Available only if `flatten` is True.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the columns; those seen in `fit` if None.

        Returns
        -------
        names : ndarray of shape (`sequence_length` * n_features,)
            Names of the columns that `transform` returns.
        """
        check_is_fitted(self)
        names = _check_feature_names_in(self, input_features)
        names = np.delete(names, self._keys.columns())
        lags = range(self.sequence_length - 1, -1, -1)
        return np.array(
            [f"{name}_lag{k}" for k in lags for name in names], dtype=object
        )

    def set_output(self, *, transform: str | None = None) -> SequenceWindower:
        """Set the container of the lag columns; `Sequences` are always themselves.

        Parameters
        ----------
        transform : {"default", "pandas", "polars"}, default=None
            As in scikit-learn. Has no effect while `flatten` is False.

        Returns
        -------
        self : SequenceWindower
            The windower.
        """
        if self.flatten:
            super().set_output(transform=transform)
        elif transform is not None:  # remembered for when flatten is turned on
            self._sklearn_output_config = {"transform": transform}
        return self

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
