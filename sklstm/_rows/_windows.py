"""`SequenceWindower`: the last steps of the history of each sample."""

from __future__ import annotations

import warnings
from numbers import Real
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.callback import CallbackSupportMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, validate_data

from .._compat import (
    StrOptions,
    _check_feature_names_in,
    _fit_context,
    _get_output_config,
)
from .._constraints import at_least
from .._input import all_or_nothing, check_features, check_labels
from .._notebook import Captioned, plural
from .._sequences import Sequences
from .._state import PlainState
from .._tasks import one_task
from ._columns import as_table, check_axes, is_frame, refuse_dates, refuse_lazy
from ._histories import (
    KEY_CONSTRAINTS,
    check_gap,
    cut_histories,
    warn_of_disorder,
    warn_of_holes,
)
from ._order import Keys, KnownSeries, RowOrder
from ._series import Tails

# Share of short windows that is told of. The first rows of a series have short ones in
# any case; bare rows may have them because what came before was taken away.
SHORT_OF_KNOWN = 0.5
SHORT_OF_ROWS = 0.1
MIN_WINDOWS = 20


class SequenceWindower(
    CallbackSupportMixin, Captioned, PlainState, TransformerMixin, BaseEstimator
):
    """Keep the last time steps of the history of each sample.

    Histories come from `make_supervised` or `make_histories`: sample t is all rows
    of its series up to row t. Its window is the rows t - `sequence_length` + 1 to t.
    The window of a sample does not depend on the other samples: it is the same in any
    fold of any splitter and in any order. The first samples of a series have shorter
    windows, which are not padded.

    If X is a table of rows, its histories are made first: row t becomes the window
    that ends at row t, and y is not changed. Rows that a splitter has removed from a
    table are unknown, unless `time` is given.

    Parameters
    ----------
    sequence_length : int, default=24
        Number of rows (time steps) in a window, including its last row.

    group : str, int or list of these, default=None
        Columns of a table that identify its series, as in `make_histories`. If set,
        `Sequences` must have been made with `group`, too.

    time : str or int, default=None
        Column of a table with the times of its rows, as in `make_histories`. If set,
        `Sequences` must have been made with `time`, too.

    max_gap : timedelta, str or float, default=None
        Longest time step of a table that is not a gap, as in `make_histories`. The
        regular steps are those of `fit`.

    context : bool, default=True
        Whether `transform` uses rows of `fit` as history: the last rows of each series,
        and the last ones before each gap, are the history of rows that continue them
        or begin among them. If False, windows hold only rows passed to `transform`.
        Ignored if `time` is None, since it is then unknown which rows continue others.

    flatten : bool, default=False
        If True, return a 2-D array with a column for each lag of each feature,
        for estimators that take tables. If False, return `Sequences`.

    fill_value : {"edge"} or float, default="edge"
        Value of lag columns that reach back before the first row of a history.
        ``"edge"`` repeats that row; a number (or NaN) is used as it is. Ignored if
        `flatten` is False.

    Attributes
    ----------
    n_features_in_ : int
        Number of features, or of columns of a table (including those of `group` and
        `time`), seen during `fit`.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of these seen during `fit`. Defined only if they are all strings.

    Warns
    -----
    UserWarning
        If many windows are shorter than `sequence_length` (in `fit` also if there are
        few windows and all are shorter), or if the index of a table says that its rows
        are not consecutive.

    See Also
    --------
    make_supervised : The history of each row, with the values that follow it.
    make_histories : The history of each row.
    make_windows : The windows of a series with their targets, as plain arrays.

    Notes
    -----
    The regular step of a series is the length that only a twentieth of its time steps
    are shorter than. If most of its steps have another length, the regular step of all
    series together is used instead, if that is shorter. Regular steps are kept from
    `fit`; that of a series seen only in `transform` is found there. If `fit` gets so
    few rows of a series that hardly two of them are consecutive, gaps cannot be told
    from regular steps: set `max_gap`.

    Missing values (NaN) are allowed.

    Examples
    --------
    >>> import numpy as np
    >>> from sklstm import SequenceWindower, make_supervised
    >>> X, y = make_supervised([10.0, 20.0, 30.0, 40.0, 50.0])
    >>> windows = SequenceWindower(sequence_length=3).fit_transform(X)
    >>> windows.lengths
    array([1, 2, 3, 3], dtype=int32)
    >>> windows[3].ravel()
    array([20., 30., 40.])

    A table is read as the rows of a series in order:

    >>> table = np.array([[10.0], [20.0], [30.0], [40.0]])
    >>> SequenceWindower(sequence_length=3, flatten=True).fit_transform(table)
    array([[10., 10., 10.],
           [10., 10., 20.],
           [10., 20., 30.],
           [20., 30., 40.]])

    Two series, identified by column 0, with the hour in column 1. The second series
    has no row for hour 3:

    >>> table = np.array([[0, 1, 10], [1, 1, 5], [0, 2, 20], [1, 2, 6], [1, 4, 8]])
    >>> windower = SequenceWindower(sequence_length=2, group=0, time=1)
    >>> [window.ravel().tolist() for window in windower.fit_transform(table)]
    [[10], [5], [10, 20], [5, 6], [8]]
    """

    _parameter_constraints: dict[str, list[Any]] = {
        "sequence_length": [at_least(1)],
        **KEY_CONSTRAINTS,
        "context": ["boolean"],
        "flatten": ["boolean"],
        "fill_value": [StrOptions({"edge"}), Real],
    }
    _records = {"_keys": Keys, "_known": KnownSeries, "_tails": Tails}

    def __init__(
        self,
        sequence_length: int = 24,
        *,
        group: Any = None,
        time: Any = None,
        max_gap: Any = None,
        context: bool = True,
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

    def fit(self, X: Any, y: Any = None) -> SequenceWindower:
        """Learn the features and, for a table, its series and regular time steps.

        Parameters
        ----------
        X : Sequences or array-like of shape (n_samples, n_columns)
            Histories, or a table of rows.

        y : Ignored
            Present for the API.

        Returns
        -------
        self : SequenceWindower
            The fitted windower.
        """
        histories = self._fit(X, y)
        self._warn_of_order(X, stacklevel=2)
        if histories.shape[1] < self.sequence_length:
            self._warn_of_short(histories, is_known=True, in_fit=True, stacklevel=2)
        return self

    def fit_transform(self, X: Any, y: Any = None) -> Sequences | np.ndarray:
        """Fit to X, and return the window of each sample.

        Parameters
        ----------
        X : Sequences or array-like of shape (n_samples, n_columns)
            As in `fit`.

        y : Ignored
            Present for the API.

        Returns
        -------
        windows : Sequences of shape (n_samples, sequence_length, n_features)
            As from `transform`.
        """
        histories = self._fit(X, y)
        self._warn_of_order(X, stacklevel=3)
        return self._shorten(histories, is_known=True, in_fit=True)

    @_fit_context(prefer_skip_nested_validation=True)
    @all_or_nothing
    def _fit(self, X: Any, y: Any) -> Sequences:
        check_gap(self.max_gap, self.time)
        with one_task(self, X, y):
            histories = self._remember(X)
            self._longest, self._labels = histories.shape[1], histories.labels()
        return histories

    def _remember(self, X: Any) -> Sequences:
        self._keys: Keys | None = None
        self._lost_keys: str | None = None
        self._known = self._tails = self._made_with = None
        if isinstance(X, Sequences):
            return self._check_sequences(X, reset=True)
        table = self._check_columns(X, reset=True)
        self._keys = Keys.find(table, self.group, self.time)
        order = RowOrder(table, self._keys, self.max_gap)
        histories = cut_histories(table, self._keys, order, source=X)
        self._check_values(histories)
        self._known = order.found
        if self.time is not None and self.context:
            # The last row may come again, and the step before a window is looked at.
            self._n_tail = int(self.sequence_length) + 1
            self._tails = Tails.of(
                histories.steps, order.times, order.clock, order.runs, self._n_tail
            )
        return histories

    def transform(self, X: Any) -> Sequences | np.ndarray:
        """Return the window of each sample.

        Parameters
        ----------
        X : Sequences or array-like of shape (n_samples, n_columns)
            Histories, or a table of rows with the columns of `fit`.

        Returns
        -------
        windows : Sequences of shape (n_samples, sequence_length, n_features)
            The windows, in the order of `X`. They share the memory of `X` if that
            holds the features alone, in time order. If `flatten` is True, an ndarray
            of shape (n_samples, sequence_length * n_features), oldest lag first.
        """
        check_is_fitted(self)
        if self._tails is not None and self.sequence_length >= self._n_tail:
            raise ValueError(
                f"sequence_length={self.sequence_length} needs more context than the"
                f" {self._n_tail} rows that fit has kept: fit again."
            )
        if isinstance(X, Sequences):
            windows = self._check_sequences(X, reset=False)
            check_labels(self, windows, self._labels)
            return self._shorten(windows, is_known=True)
        refuse_lazy(X)
        if not is_frame(X):
            check_axes(X, "X")
        if self._keys is not None:
            table, keys = self._check_columns(X, reset=False), self._keys
        elif self._lost_keys is not None:
            raise ValueError(
                "X is a table, but SequenceWindower was fitted to histories that were"
                f" made with {self._lost_keys}=: give make_histories(X,"
                f" {self._lost_keys}=...), or name {self._lost_keys} in the windower,"
                " too."
            )
        else:  # fitted to Sequences
            table = as_table(X, "X")
            keys = Keys.find(table, self.group, self.time)
        histories = cut_histories(
            table,
            keys,
            RowOrder(table, keys, self.max_gap, self._known),
            self._tails,
            source=X,
            labels=self._labels,
        )
        if self._keys is None:
            check_features(self, histories, reset=False)
        check_labels(self, histories, self._labels)
        self._check_values(histories)
        self._warn_of_order(X, stacklevel=3)
        is_known = self.time is not None
        # Rows that continue nothing, where those of fit had a history.
        is_known &= histories.shape[1] >= min(self._longest, self.sequence_length)
        return self._shorten(histories, is_known=is_known)

    def _check_sequences(self, X: Sequences, *, reset: bool) -> Sequences:
        if X.steps.dtype.kind not in "biufO":
            raise ValueError(
                f"The steps of X are of type {X.steps.dtype}; expected numbers."
            )
        for name, known in [("group", X.series_names), ("time", X.times)]:
            if getattr(self, name) is not None and known is None:
                raise ValueError(
                    f"{name}={getattr(self, name)!r} names a column, but X is Sequences"
                    f" that were made without it: give {name}= to make_supervised or"
                    " make_histories."
                )
            if reset and known is not None and getattr(self, name) is None:
                self._lost_keys = name
        if not reset and self._keys is not None and self._keys.columns():
            raise ValueError(
                "X is Sequences, but SequenceWindower was fitted to a table with"
                f" group={self.group!r} and time={self.time!r}: pass such a table."
            )
        return check_features(self, X, reset=reset)

    def _check_columns(self, X: Any, *, reset: bool) -> Any:
        """Return X with columns to choose from."""
        refuse_lazy(X)
        is_bare = self.group is None and self.time is None
        if is_bare:
            refuse_dates(X)
        X = as_table(X, "X", dtype="numeric" if is_bare else None)
        validate_data(self, X, reset=reset, skip_check_array=True)
        return X

    def _check_values(self, histories: Sequences) -> None:
        """Refuse infinity, which only here is known by its row and column."""
        steps = histories.steps
        if steps.dtype.kind != "f":
            return
        # A mask of the table would take as much as all that says where windows lie.
        if max(np.fmax.reduce(steps, None), -np.fmin.reduce(steps, None)) == np.inf:
            row, i = np.argwhere(np.isinf(steps))[0]
            at = int((histories.starts + histories.lengths - 1 == row).argmax())
            names = histories.feature_names
            raise ValueError(
                f"Input X contains infinity: row {at}, feature"
                f" {i if names is None else repr(names[i])}. Impute or remove such"
                " values; a window cannot leave out a row."
            )

    def _shorten(
        self, histories: Sequences, *, is_known: bool, in_fit: bool = False
    ) -> Any:
        windows = histories.tail(self.sequence_length)
        self._warn_of_short(windows, is_known, in_fit, stacklevel=4)
        if not self.flatten:
            return windows
        flat = self._flatten(windows)
        labels = windows.labels()
        if _get_output_config("transform", self)["dense"] != "pandas":
            if labels:
                names = windows.feature_names
                named = [i if names is None else names[i] for i in labels]
                raise ValueError(
                    f"The features {named} hold labels, and lag columns of an array"
                    " numbers only: encode them before, with StepTransformer and a"
                    " OneHotEncoder, or ask for columns of categories with"
                    " set_output(transform='pandas')."
                )
            return flat
        import pandas as pd  # which has been asked for

        table = pd.DataFrame(flat, index=windows.index)
        n_features = windows.shape[2]
        for i in [k for k in table.columns if k % n_features in labels]:
            kind = pd.CategoricalDtype(labels[i % n_features])
            codes = table[i].fillna(-1).astype(int)
            table[i] = pd.Categorical.from_codes(codes, dtype=kind)
        return table

    def _warn_of_order(self, X: Any, stacklevel: int) -> None:
        """Say so if the index of rows tells that they do not follow each other."""
        if isinstance(X, Sequences) or not is_frame(X):
            return
        keys = Keys.find(X, self.group, self.time)
        warn_of_disorder(X, keys, stacklevel + 2)
        warn_of_holes(X, keys, stacklevel + 2)

    def _warn_of_short(
        self, windows: Sequences, is_known: bool, in_fit: bool, stacklevel: int
    ) -> None:
        """Say so if many windows are cut short, in fit any number if all are."""
        if windows.series is None:  # separate sequences are as long as they are
            return
        n, length = len(windows), self.sequence_length
        # Those that have been cut before are not short of history.
        n_short = int(((windows.lengths < length) & ~windows.begins_within()).sum())
        if n_short <= (SHORT_OF_KNOWN if is_known else SHORT_OF_ROWS) * n:
            return
        are_all = in_fit and n_short == n
        if is_known and n < MIN_WINDOWS and not are_all:
            return
        n_series, n_runs = len(np.unique(windows.series)), _count_histories(windows)
        longest = windows.shape[1]
        if not is_known:
            also = ", or name the time stamps with time=" if self.time is None else ""
            advice = (
                "rows do not say what came before them. Make histories of all rows"
                f" with make_supervised or make_histories{also}"
            )
        elif n_runs > n_series:
            advice = (
                f"gaps of time break {n_series} series into {n_runs} histories."
                " Give a larger max_gap if history starts afresh where it should"
                " not, dates in place of numbers such as 20240131, or a shorter"
                " sequence_length"
            )
        else:
            advice = "give a shorter sequence_length or more rows"
        warnings.warn(
            f"{n_short} of {n} windows have fewer than sequence_length={length} steps"
            f"{f', the longest history {longest}' if are_all else ''}: {advice}.",
            stacklevel=stacklevel + 1,
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
        """Name the lag columns of flat windows, such as ``load_lag3``.

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
        if self._keys is not None:
            names = np.delete(names, self._keys.columns())
        lags = range(self.sequence_length - 1, -1, -1)
        return np.array(
            [f"{name}_lag{k}" for k in lags for name in names], dtype=object
        )

    def set_output(self, *, transform: str | None = None) -> SequenceWindower:
        """Set the container of the lag columns; it does not change `Sequences`.

        Parameters
        ----------
        transform : {"default", "pandas", "polars"}, default=None
            As in scikit-learn.

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

    def _caption(self) -> str | None:
        if not hasattr(self, "n_features_in_"):
            return None
        n_keys = 0 if self._keys is None else len(self._keys.columns())
        n_features = plural(self.n_features_in_ - n_keys, "feature")
        steps = plural(int(self.sequence_length), "step")
        return f"windows of up to {steps} × {n_features}"

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _count_histories(windows: Sequences) -> int:
    """Count the unbroken histories that windows are of, as far as they know."""
    if windows.history_lengths is None:
        return len(np.unique(np.asarray(windows.series)))
    ends = windows.starts + windows.lengths if windows.rows is None else windows.rows
    return len(np.unique(ends - windows.history_lengths))
