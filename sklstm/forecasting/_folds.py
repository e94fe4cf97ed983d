"""Folds of a panel: every series is cut at the same point in time."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any

import numpy as np
from sklearn.model_selection import TimeSeriesSplit

from .._compat import validate_params
from .._constraints import at_least
from .._rows._columns import (
    as_table,
    column_names,
    find_place,
    is_frame,
    read_place,
    read_times,
    refuse_lazy,
)
from .._sequences import Sequences

_ADVICE = (
    "name their column or index level in time=, or give histories that were made with"
    " time=; for other forms of the same rows, give folds of a table with its times,"
    " cv=list(splitter.split(table))"
)
_COUNT = [at_least(1), None]


class PanelTimeSeriesSplit(TimeSeriesSplit):
    """Cross-validator that splits all series of a panel at the same times.

    This is :class:`~sklearn.model_selection.TimeSeriesSplit` over the distinct time
    stamps of the rows instead of over the rows. Rows with the same time stamp stay
    together, and the test set is later than the whole training set, in all series. Rows
    may be in any order.

    Parameters
    ----------
    n_splits : int, default=5
        Number of splits, at least 2.

    time : str or int, default=None
        The column with the times of the rows, as in `SequenceWindower`: by name or
        position, a level of the index by name, or ``"index"``. Ignored for `Sequences`
        that know their times; for other `Sequences` it refers to their index.

    max_train_size : int, default=None
        Largest number of time stamps in a training set, which keeps the latest. None
        means all.

    test_size : int, default=None
        Number of time stamps in each test set. None means the number of all time stamps
        divided by `n_splits` + 1.

    gap : int, default=0
        Number of time stamps to leave out before each test set. With targets that reach
        `horizon` rows ahead, ``gap=horizon`` keeps the targets of the training set out
        of the time of the test set.

    See Also
    --------
    SequenceWindower : Keep the last time steps of each history.
    make_supervised : The history of each row, with the values that follow it.

    Notes
    -----
    A series that begins late may be in a test set without being in its training set.

    Time stamps are counted over all series together. If the series are not sampled at
    the same times, `horizon` rows of a series may span more than `horizon` time stamps,
    and the gap must be larger.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklstm.forecasting import PanelTimeSeriesSplit
    >>> sales = pd.DataFrame({
    ...     "shop": ["a", "a", "a", "a", "b", "b", "b"],
    ...     "day": [1, 2, 3, 4, 2, 3, 4],
    ... })
    >>> for train, test in PanelTimeSeriesSplit(n_splits=2, time="day").split(sales):
    ...     print(train, test)
    [0 1 4] [2 5]
    [0 1 2 4 5] [3 6]
    """

    @validate_params(
        {
            "n_splits": [at_least(2)],
            "time": [Hashable, None],
            "max_train_size": _COUNT,
            "test_size": _COUNT,
            "gap": [at_least(0)],
        },
        prefer_skip_nested_validation=True,
    )
    def __init__(
        self,
        n_splits: int = 5,
        *,
        time: Any = None,
        max_train_size: int | None = None,
        test_size: int | None = None,
        gap: int = 0,
    ) -> None:
        super().__init__(
            n_splits, max_train_size=max_train_size, test_size=test_size, gap=gap
        )
        self.time = time

    def split(
        self, X: Any, y: Any = None, groups: Any = None
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Generate indices to split data into training and test set.

        Parameters
        ----------
        X : Sequences or array-like of shape (n_samples, n_features)
            The rows.

        y : Ignored
            Present for the API.

        groups : None, default=None
            Present for the API. Anything else is an error, since groups could be series
            as well as times.

        Yields
        ------
        train : ndarray of int
            Positions of the training set, in the order of `X`.

        test : ndarray of int
            Positions of the test set, in the order of `X`.

        Raises
        ------
        ValueError
            If `groups` are given, if X has no time stamps or lacks one, or if there are
            too few time stamps for the splits.
        """
        if groups is not None:
            raise ValueError(
                "Got groups, which may be series as well as times; expected none:"
                f" {_ADVICE}."
            )
        times, _ = read_times(self._find_times(X))
        stamps, number = np.unique(times, return_inverse=True)
        self._check_enough(len(stamps))
        for train, test in super().split(stamps):
            yield (
                np.flatnonzero((number >= train[0]) & (number <= train[-1])),
                np.flatnonzero((number >= test[0]) & (number <= test[-1])),
            )

    def _find_times(self, X: Any) -> Any:
        """Return the column of time stamps."""
        if isinstance(X, Sequences) and X.times is not None:
            return X.times
        if self.time is None:
            raise ValueError(
                f"Got X of type {type(X).__name__} and no time=, so that nothing says"
                f" when rows were taken: {_ADVICE}."
            )
        refuse_lazy(X)
        if isinstance(X, Sequences):
            table = self._as_frame(X)
        elif is_frame(X) and not column_names(X):
            table = X  # the index of one may be all there is to know
        else:
            table = as_table(X, "X")
        return read_place(table, find_place(table, self.time, "time"))

    def _as_frame(self, sequences: Sequences) -> Any:
        """Return a dataframe that has nothing but the index of the sequences."""
        if not hasattr(sequences.index, "to_frame"):
            kind = type(sequences.index).__name__
            raise ValueError(
                f"time={self.time!r} is looked for in the index of Sequences, which is"
                f" of type {kind} and not of pandas: make them of a dataframe with"
                " the time in its index, or with time=."
            )
        return sequences.index.to_frame()[[]]

    def _check_enough(self, n_stamps: int) -> None:
        """Raise where `TimeSeriesSplit` would, but in words of time stamps."""
        test_size = self.test_size or max(n_stamps // (self.n_splits + 1), 1)
        n_needed = self.n_splits * test_size + self.gap + 1
        if n_stamps < n_needed:
            raise ValueError(
                f"X has {n_stamps} distinct time stamps; n_splits={self.n_splits} tests"
                f" on {test_size} each, gap={self.gap} and one to train on need"
                f" {n_needed}: give more, or lower one of these."
            )
