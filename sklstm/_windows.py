"""From a table of rows in time order to windows: a transformer and two helpers."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from sklearn.base import BaseEstimator, TransformerMixin, _fit_context
from sklearn.callback import CallbackSupportMixin
from sklearn.utils import _safe_indexing, check_array
from sklearn.utils._param_validation import Interval, StrOptions, validate_params
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import (
    _check_feature_names_in,
    check_is_fitted,
    validate_data,
)

from ._sequences import Sequences, find_non_finite


class SequenceWindower(CallbackSupportMixin, TransformerMixin, BaseEstimator):
    """Turn each row of a table in time order into the window that ends at it.

    Row t becomes the sequence of the rows t - `sequence_length` + 1 to t. There
    is one sequence per row, so that y stays as it is and any scikit-learn
    pipeline, search or splitter can be used. The first rows have a shorter
    history; nothing is made up for what came before them.

    Parameters
    ----------
    sequence_length : int, default=24
        Number of rows in a window, its last row included.

    flatten : bool, default=False
        If True, return a 2-D array with a column for each lag of each feature,
        for estimators that take tables. If False, return `Sequences`.

    fill_value : {"edge"} or float, default="edge"
        What stands in the lag columns that reach back before the first row:
        ``"edge"`` repeats the first row, a number (or NaN) stands for itself.
        Ignored if `flatten` is False.

    Attributes
    ----------
    n_features_in_ : int
        Number of columns seen during `fit`.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns seen during `fit`, if they were all strings.

    See Also
    --------
    make_windows : The windows of a series with their targets, as plain arrays.
    make_supervised : Rows with the values that follow them, for a pipeline.

    Notes
    -----
    The rows given to `transform` are taken to be consecutive: windows never
    reach into rows that an earlier call has seen.

    A window depends on the rows before it, so the result of `transform` does
    depend on the order of the rows and on which rows are given.

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
    """

    _parameter_constraints: dict[str, list[Any]] = {
        "sequence_length": [Interval(Integral, 1, None, closed="left")],
        "flatten": ["boolean"],
        "fill_value": [StrOptions({"edge"}), Real],
    }

    def __init__(
        self,
        sequence_length: int = 24,
        *,
        flatten: bool = False,
        fill_value: str | float = "edge",
    ) -> None:
        self.sequence_length = sequence_length
        self.flatten = flatten
        self.fill_value = fill_value

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> SequenceWindower:
        """Check the parameters and remember the columns.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Consecutive rows in time order.

        y : Ignored
            Present for the API.

        Returns
        -------
        self : SequenceWindower
            The fitted windower.
        """
        context = self._init_callback_context()
        context.call_on_fit_task_begin(estimator=self, X=X, y=y)
        self._check_rows(X, reset=True)
        context.call_on_fit_task_end(estimator=self, X=X, y=y)
        return self

    def transform(self, X: Any) -> Sequences | np.ndarray:
        """Return for each row the window that ends at it.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Consecutive rows in time order.

        Returns
        -------
        windows : Sequences of shape (n_samples, sequence_length, n_features)
            Windows into `X`, which is not copied; or, if `flatten`, an ndarray
            of shape (n_samples, sequence_length * n_features), oldest lag first.

        Raises
        ------
        ValueError
            If `X` has other columns than in `fit`, or a value is NaN or infinite.
        """
        check_is_fitted(self)
        rows = self._check_rows(X, reset=False)
        if self.flatten:
            return self._flatten(rows)
        ends = np.arange(1, len(rows) + 1)
        starts = np.maximum(ends - self.sequence_length, 0)
        names = getattr(self, "feature_names_in_", None)
        return Sequences(rows, starts, ends - starts, feature_names=names)

    def _check_rows(self, X: Any, *, reset: bool) -> np.ndarray:
        rows = validate_data(
            self, X, reset=reset, dtype="numeric", ensure_all_finite=False
        )
        if place := find_non_finite(Sequences(rows, [0], [len(rows)])):
            row, column, what = place
            names = getattr(self, "feature_names_in_", range(rows.shape[1]))
            raise ValueError(
                f"Input X contains {what}: row {row}, column {names[column]!r}. Impute"
                " or remove such values; a window cannot leave out a row."
            )
        return rows

    def _flatten(self, rows: np.ndarray) -> np.ndarray:
        n_before = self.sequence_length - 1
        if self.fill_value == "edge":
            padded = np.pad(rows, ((n_before, 0), (0, 0)), mode="edge")
        else:
            rows = rows.astype(np.result_type(rows.dtype, np.float32), copy=False)
            padded = np.pad(
                rows, ((n_before, 0), (0, 0)), constant_values=self.fill_value
            )
        windows = sliding_window_view(padded, self.sequence_length, axis=0)
        # (n_samples, n_features, sequence_length) -> a column per lag and feature
        return np.array(windows.transpose(0, 2, 1)).reshape(len(rows), -1)

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
        names : ndarray of shape (`sequence_length` * `n_features_in_`,)
            Names of the columns that `transform` returns.
        """
        check_is_fitted(self)
        names = _check_feature_names_in(self, input_features)
        lags = range(self.sequence_length - 1, -1, -1)
        return np.array(
            [f"{name}_lag{k}" for k in lags for name in names], dtype=object
        )

    def set_output(self, *, transform: str | None = None) -> SequenceWindower:
        """Set the container of the lag columns; `Sequences` are always themselves.

        Parameters
        ----------
        transform : {"default", "pandas", "polars"}, default=None
            As in scikit-learn. Has no effect unless `flatten` is True.

        Returns
        -------
        self : SequenceWindower
            The windower.
        """
        if self.flatten:
            super().set_output(transform=transform)
        return self

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


@validate_params(
    {
        "data": ["array-like"],
        "sequence_length": [Interval(Integral, 1, None, closed="left")],
        "horizon": [Interval(Integral, 1, None, closed="left")],
        "stride": [Interval(Integral, 1, None, closed="left")],
        "target": [str, Integral, "array-like", None],
    },
    prefer_skip_nested_validation=True,
)
def make_windows(
    data: Any,
    sequence_length: int,
    *,
    horizon: int = 1,
    stride: int = 1,
    target: Any = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Cut a series into windows and the values that follow each.

    Parameters
    ----------
    data : array-like of shape (n_rows,) or (n_rows, n_features)
        A series in time order.

    sequence_length : int
        Number of rows in a window.

    horizon : int, default=1
        Number of rows after a window whose values are its target.

    stride : int, default=1
        Number of rows from the start of a window to that of the next.

    target : str, int or list of these, default=None
        The column or columns to predict, by name or position; all if None.

    Returns
    -------
    X : ndarray of shape (n_windows, sequence_length, n_features)
        The windows.

    y : ndarray of shape (n_windows,) or (n_windows, horizon * n_targets)
        What follows each, one row after the other; 1-D for one value.

    Raises
    ------
    ValueError
        If the series is too short for one window and its target.

    See Also
    --------
    SequenceWindower : Windows inside a pipeline, one per row, without copying.

    Examples
    --------
    >>> from sklstm import make_windows
    >>> X, y = make_windows([10, 20, 30, 40, 50], sequence_length=3)
    >>> X.shape
    (2, 3, 1)
    >>> X[0].ravel(), y[0]
    (array([10, 20, 30]), np.int64(40))
    """
    table, columns = _read_series(data, target, sequence_length + horizon)
    windows = sliding_window_view(table, sequence_length, axis=0)[:-horizon:stride]
    y = _following(table[sequence_length:, columns], horizon)[::stride]
    X = windows.transpose(0, 2, 1)  # (n_windows, sequence_length, n_features)
    return np.array(X), y


@validate_params(
    {
        "data": ["array-like"],
        "horizon": [Interval(Integral, 1, None, closed="left")],
        "target": [str, Integral, "array-like", None],
    },
    prefer_skip_nested_validation=True,
)
def make_supervised(
    data: Any, horizon: int = 1, target: Any = None
) -> tuple[Any, np.ndarray]:
    """Pair each row of a series with the values that follow it.

    The result goes into a pipeline whose `SequenceWindower` gives each row its
    history.

    Parameters
    ----------
    data : array-like of shape (n_rows,) or (n_rows, n_features)
        A series in time order.

    horizon : int, default=1
        Number of rows after each whose values are its target.

    target : str, int or list of these, default=None
        The column or columns to predict, by name or position; all if None.

    Returns
    -------
    X : array-like of shape (n_rows - horizon, n_features)
        The rows that have a future: a dataframe if `data` is one, with its
        index, and else an array.

    y : ndarray of shape (n_rows - horizon,) or (n_rows - horizon, \
            horizon * n_targets)
        What follows each, one row after the other; 1-D for one value.

    Raises
    ------
    ValueError
        If the series is too short for one row and its target.

    See Also
    --------
    make_windows : The windows themselves, as one array.

    Examples
    --------
    >>> from sklstm import make_supervised
    >>> X, y = make_supervised([10, 20, 30, 40], horizon=2)
    >>> X.ravel()
    array([10, 20])
    >>> y
    array([[20, 30],
           [30, 40]])
    """
    table, columns = _read_series(data, target, 1 + horizon)
    y = _following(table[1:, columns], horizon)
    with_future = np.arange(len(table) - horizon)
    is_frame = getattr(data, "columns", None) is not None
    return _safe_indexing(data if is_frame else table, with_future), y


def _read_series(data: Any, target: Any, n_needed: int) -> tuple[np.ndarray, list[int]]:
    """The series as a 2-D array, and the positions of its target columns."""
    table = check_array(
        data,
        ensure_2d=False,
        dtype="numeric",
        ensure_all_finite=False,
        input_name="data",
    )
    table = table[:, None] if table.ndim == 1 else table
    if len(table) < n_needed:
        raise ValueError(
            f"data has {len(table)} row(s); at least {n_needed} are needed for one"
            " window and what follows it: give a longer series, or a shorter"
            " sequence_length or horizon."
        )
    if target is None:
        return table, list(range(table.shape[1]))
    names = list(getattr(data, "columns", range(table.shape[1])))
    targets = [target] if isinstance(target, (str, Integral)) else list(target)
    columns = []
    for item in targets:
        if item in names:
            columns.append(names.index(item))
        elif isinstance(item, Integral) and int(item) in range(table.shape[1]):
            columns.append(int(item))
        else:
            raise ValueError(f"target={item!r} is not a column; columns are {names}.")
    return table, columns


def _following(values: np.ndarray, horizon: int) -> np.ndarray:
    """Row i holds rows i to i + horizon - 1 of values, side by side."""
    y = sliding_window_view(values, horizon, axis=0).transpose(0, 2, 1)
    y = np.array(y).reshape(len(y), -1)  # (n_rows, horizon * n_targets)
    return y.ravel() if y.shape[1] == 1 else y
