"""Folds of a panel: every series is cut at the same point in time."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from datetime import UTC
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.model_selection import TimeSeriesSplit
from sklearn.utils import check_consistent_length

from .._compat import Interval, validate_params
from .._rows._columns import as_table, find_place, read_place, read_times, refuse_lazy
from .._sequences import Sequences

_COUNT = [Interval(Integral, 1, None, closed="left"), None]


class PanelTimeSeriesSplit(TimeSeriesSplit):
    """Cut all series of a panel at the same points in time.

    This is :class:`~sklearn.model_selection.TimeSeriesSplit` over the distinct
    time stamps of the rows instead of over the rows: those that share a time
    stamp stay together, and what a model is tested on is later than all that it
    was trained on, in whichever series. Rows may come in any order.

    Parameters
    ----------
    n_splits : int, default=5
        Number of splits, at least 2.

    time : str or int, default=None
        What says when a row was taken, as in `SequenceWindower`: a column by
        name or position, a level of the index by name, or ``"index"``. Ignored for
        `Sequences` that know their times; of others it is that of their index. Else
        None means that the times are passed to `split` as `groups`.

    max_train_size : int, default=None
        The most time stamps to train on, the latest ones; None for all.

    test_size : int, default=None
        Number of time stamps to test on in each split; if None, that of all
        divided by `n_splits` + 1.

    gap : int, default=0
        Number of time stamps left out before those to test on. With targets
        that reach `horizon` rows ahead, ``gap=horizon`` keeps the time tested
        out of the targets trained on.

    See Also
    --------
    SequenceWindower : Give each row of a series its history.
    make_supervised : Pair each row of a panel with the values that follow it.

    Notes
    -----
    A series that begins late may be tested on without having been trained on.

    Time stamps are counted over all series together. If these are not sampled at
    the same times, `horizon` rows of one may reach further than `horizon` time
    stamps, and the gap must be as much larger.

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

    # Like GroupKFold, it gets `groups` without being asked about it.
    __metadata_request__split = {"groups": True}

    @validate_params(
        {
            "n_splits": [Interval(Integral, 2, None, closed="left")],
            "time": [Hashable, None],
            "max_train_size": _COUNT,
            "test_size": _COUNT,
            "gap": [Interval(Integral, 0, None, closed="left")],
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
        """Yield the rows to train and to test on.

        Parameters
        ----------
        X : Sequences or array-like of shape (n_samples, n_features)
            The rows. Of those passed along with `groups`, only the number
            matters.

        y : Ignored
            Present for the API.

        groups : array-like of shape (n_samples,), default=None
            When each row was taken, as dates or numbers; if and only if `time`
            is None.

        Yields
        ------
        train : ndarray of int
            Positions of the rows to train on, in the order of `X`.

        test : ndarray of int
            Positions of the rows to test on.

        Raises
        ------
        ValueError
            If no time stamps are given, or two sorts of them, one is missing, or
            they are too few for the splits.
        """
        times, _ = read_times(self._find_times(X, groups))
        stamps, number = np.unique(times, return_inverse=True)
        self._check_enough(len(stamps))
        for train, test in super().split(stamps):
            yield (
                np.flatnonzero((number >= train[0]) & (number <= train[-1])),
                np.flatnonzero((number >= test[0]) & (number <= test[-1])),
            )

    def _find_times(self, X: Any, groups: Any) -> Any:
        """Return the column of time stamps."""
        if isinstance(X, Sequences) and X.times is not None and groups is None:
            return X.times
        if (groups is None) == (self.time is None):
            what = "neither time nor" if groups is None else f"time={self.time!r} and"
            raise ValueError(
                f"Got {what} groups; expected one of them to say when each row was"
                " taken: give time=, or pass the times as groups=."
            )
        if groups is not None:
            return _read_groups(X, groups)
        refuse_lazy(X)
        table = self._as_frame(X) if isinstance(X, Sequences) else as_table(X, "X")
        return read_place(table, find_place(table, self.time, "time"))

    def _as_frame(self, sequences: Sequences) -> Any:
        """Return a dataframe that has nothing but the index of the sequences."""
        if not hasattr(sequences.index, "to_frame"):
            kind = type(sequences.index).__name__
            raise ValueError(
                f"time={self.time!r} is looked for in the index of Sequences, which is"
                f" of type {kind} and not of pandas: make them of a dataframe with"
                " the time in its index, or pass the times as groups=."
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


def _read_groups(X: Any, groups: Any) -> Any:
    """Return the times passed as `groups`, a series or an array."""
    if np.ndim(groups) != 1:
        raise ValueError(
            f"groups has the shape {np.shape(groups)}; expected (n_samples,): pass one"
            " column, the time of each row."
        )
    check_consistent_length(X, groups)
    if hasattr(groups, "to_series"):
        return groups.to_series()
    if getattr(groups, "dtype", "object") == "object":  # a list has none
        return [_in_utc(time) for time in groups]
    return groups


def _in_utc(time: Any) -> Any:
    """Return a time without its zone, of which numpy knows nothing."""
    if getattr(time, "tzinfo", None) is None:
        return time
    return time.astimezone(UTC).replace(tzinfo=None)
