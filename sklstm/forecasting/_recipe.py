"""A forecast that needs no tuning: lines and an LSTM, beside what they have to beat."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from math import ceil
from numbers import Integral, Real
from time import monotonic
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.utils import InputTags, check_random_state
from sklearn.utils.validation import check_is_fitted

from .._compat import (
    HasMethods,
    StrOptions,
    _check_method_params,
    _check_sample_weight,
    _fit_context,
)
from .._constraints import RANDOM_STATE, Interval, at_least
from .._docs import fill
from .._input import all_or_nothing, check_y, read_sequences
from .._regressor import LSTMRegressor
from .._rows._histories import KEY_CONSTRAINTS, make_histories
from .._rows._splits import ROUNDING, Timeline, find_horizon, overlap_runs
from .._rows._windows import SequenceWindower
from .._sequences import Sequences, check_finite
from ._blend import Blend, Blocks
from ._levels import find_features, take_changes
from ._linear import LinearForecaster
from ._naive import NaiveRegressor
from ._periods import find_periods
from ._wrapper import RegressorWrapper

N_BLOCKS = 5
NET = "LSTM of what is left"
# Samples that are learnt from, at most.
MAX_SAMPLES = 30_000
# Quantiles of errors that are kept for intervals, at most.
N_SCORES = 1_000
MAX_LENGTH = 336  # two weeks of hours; longer ones gained nothing


@fill
class AutoForecaster(RegressorWrapper):
    """Forecast without tuning, by a blend of simple forecasts and an LSTM.

    The forecast is a weighted mean of

    - naive forecasts: the last value, and the value one period before;
    - the mean drift;
    - ridge regressions of the change from the last value, on the changes from row to
      row and on the differences of earlier values from the last value; if all targets
      are positive, also of their logarithms;
    - a ridge regression of the values themselves.

    The weights depend on how well each forecasts blocks of time that it was not fitted
    to. The less certain the gain over the best naive forecast, the larger the weight of
    that naive forecast. An LSTM learns the residuals of the blend, and is added with a
    weight that is found in the same way.

    Parameters
    ----------
    period : "auto", int or list of int, default="auto"
        Number of rows in a season, such as 24 for hourly rows with a daily pattern, or
        a list for several seasons, such as ``[24, 168]``; 1 means no season. The
        longest history must hold at least two seasons. ``"auto"`` finds up to two
        periods by how similar the series are to themselves some rows before, and keeps
        one if the value one season before is a better forecast in the blocks than the
        last value.

    group : str, int or list of these, default=None
        Columns of a table that identify its series, as in `SequenceWindower`. Not
        needed for histories of `make_supervised`, which know their series.

    time : str or int, default=None
        Column of a table with the times of its rows, as in `SequenceWindower`. Not
        needed for histories of `make_supervised`.

    max_gap : timedelta, str or float, default=None
        Longest time step of a table that is not a gap, as in `SequenceWindower`.
        Ignored for histories of `make_supervised`.

    {feature}

    lstm : LSTMRegressor, default=None
        The LSTM, or any other regressor of sequences with `partial_fit`. It is cloned,
        and its `random_state` is set. Of the features that y continues, it reads the
        changes. None means ``LSTMRegressor(hidden_size=32, unroll="series",
        dropout=0.0, linear_skip=False)``.

    max_epochs : int, default=100
        Largest number of epochs. All copies of the LSTM are trained together, until
        their error in the blocks left out no longer falls. The `max_epochs` of `lstm`
        is ignored.

    time_limit : float, default=None
        Number of seconds after which no further epoch begins. The result then depends
        on the speed of the machine. None means no limit.

    n_jobs : int or None, default=None
        Number of forecasts, other than the LSTM, to fit in parallel. None means 1,
        unless in a :obj:`joblib.parallel_backend`.

    random_state : int, RandomState instance or None, default=None
        Controls the initial weights and the batches; copies of the LSTM start from
        different weights. Pass an int for identical results, bit for bit.

    Attributes
    ----------
    summary_ : str
        The forecasts in use with their weights, and the number of blocks in which the
        blend was better than the best naive forecast, in one line.

    periods_ : list of int
        Periods of the seasonal naive forecasts in the blend.

    weights_ : dict of str to float
        Weight of each forecast. The weights have a sum of 1, except for that of the
        LSTM, which is added to the others with its weight.

    errors_ : dict of str to float
        Mean squared error of each forecast in the blocks that it was not fitted to. For
        the LSTM, that of the blend with the LSTM added in full.

    gain_ : float
        Relative reduction of the squared error compared with the best naive forecast,
        mean over the blocks.

    share_ : float
        Share of the blend compared with that of the best naive forecast:
        1 - (t_90 / t)**2, and at least 0. Here t is the gain in standard errors over
        the blocks, and t_90 the 90 % quantile of Student's t. It is included in
        `weights_`. The share of the LSTM is found in the same way.

    estimators_ : dict of str to list of estimator
        The fitted copies of each forecast, in order of the blocks left out.

    sequence_length_ : int
        Length of the windows: two periods or a fifth of the longest history,
        whichever is more, but at most half of that history, and at most 336 or one
        period. Sequences that are not whole histories are not shortened.

    {seen}

    See Also
    --------
    make_supervised : Histories with the values that follow them, to fit to.
    forecast : Forecast the rows that follow a table, with dates and intervals.
    ConformalRegressor : Intervals for any other regressor.

    Notes
    -----
    The samples are cut into five blocks of time, or fewer if no samples would be left
    to train on. A copy of each forecast is fitted without each of the blocks, and
    predicts the block left out. From these predictions come the weights: not negative,
    with a sum of 1 and of least squared error [1]_, in units of the error of the best
    naive forecast in the same block and series, so that neither growth nor the large
    series of a panel decide alone. The penalty of the ridge regressions is chosen in
    the same way. If there are too few samples for two blocks, only the naive forecasts
    are used, with a warning.

    A copy knows the level of a series on both sides of its block. So the regression of
    values is only used if it is better than the naive forecasts also when fitted to
    earlier blocks alone. Regressions on features that y does not continue are only
    used if they are better, in the same test, than those without these features. For
    the same reason, intervals of distant steps may have a lower coverage than asked
    for.

    The first samples of a series, whose history is shorter than the windows, are left
    out of `fit` if the series has at least as many other samples. If there are more
    than 30,000 samples, 30,000 are drawn at random.

    The LSTM has one scale for all series of a panel, and learns little from series that
    are much smaller than others.

    References
    ----------
    .. [1] L. Breiman (1996). "Stacked Regressions". Machine Learning 24, 49-64.

    Examples
    --------
    >>> import numpy as np
    >>> from sklstm import make_supervised
    >>> from sklstm.forecasting import AutoForecaster, forecast
    >>> series = np.sin(np.arange(240) * 2 * np.pi / 12) * np.linspace(1, 3, 240)
    >>> X, y = make_supervised(series[:200], horizon=3)
    >>> model = AutoForecaster(max_epochs=20, random_state=0).fit(X, y)
    >>> model.periods_
    [12]
    >>> model.summary_
    '... line through ...: better than the best naive forecast in 5 of 5 blocks of time'
    >>> bool(np.abs(forecast(model, series[:200]) - series[200:203]).max() < 0.1)
    True
    """

    _wrapped = "lstm"
    _routed = {"fit": "partial_fit"}  # epoch by epoch
    sequence_length_: int
    periods_: list[int]
    _records = {"_blend": Blend}
    n_timesteps = None  # rows of a table without keys are sequences of one feature
    _parameter_constraints: dict[str, list[Any]] = {
        "period": [
            at_least(1),
            list,
            StrOptions({"auto"}),
        ],
        **KEY_CONSTRAINTS,
        "feature": [at_least(0), str, list, None],
        "lstm": [HasMethods(["partial_fit", "predict"]), None],
        "max_epochs": [at_least(1)],
        "time_limit": [Interval(Real, 0, None, closed="neither"), None],
        "n_jobs": [at_least(-(1 << 15), most=1 << 15), None],
        "random_state": RANDOM_STATE,
    }

    def __init__(
        self,
        period: Any = "auto",
        *,
        group: Any = None,
        time: Any = None,
        max_gap: Any = None,
        feature: Any = None,
        lstm: Any = None,
        max_epochs: int = 100,
        time_limit: float | None = None,
        n_jobs: int | None = None,
        random_state: Any = None,
    ) -> None:
        self.period = period
        self.group = group
        self.time = time
        self.max_gap = max_gap
        self.feature = feature
        self.lstm = lstm
        self.max_epochs = max_epochs
        self.time_limit = time_limit
        self.n_jobs = n_jobs
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=False)
    @all_or_nothing
    def fit(self, X: Any, y: Any, **fit_params: Any) -> AutoForecaster:
        """Fit all forecasts, and find their weights.

        Parameters
        ----------
        X : Sequences, array-like or list of array-like
            Histories of `make_supervised`, or any other input of `LSTMRegressor`; with
            `group` or `time`, a table of rows.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Target values.

        **fit_params : dict
            Parameters for the LSTMs. A `sample_weight` is also used for the weights of
            the blend.

        Returns
        -------
        self : AutoForecaster
            The fitted forecaster.

        Raises
        ------
        ValueError
            If a value is infinite, a value of a feature that y continues is NaN, or a
            weight is negative or NaN.

        Warns
        -----
        UserWarning
            If only a naive forecast is used, or if the season is ignored.
        """
        deadline = monotonic() + (self.time_limit or np.inf)
        if names := [name for name in fit_params if name.endswith("_val")]:
            raise ValueError(
                f"AutoForecaster got {', '.join(names)}, but stops and weighs by blocks"
                " of X that forecasts have not seen: put these samples into X and y."
            )
        sequences, y = self._read_first(X, y)
        fit_params = _check_method_params(X, self._route("fit", fit_params))
        counts = np.ones(len(y))
        if fit_params.get("sample_weight") is not None:
            counts = _check_sample_weight(
                fit_params["sample_weight"],
                y,
                dtype=np.float64,
                ensure_non_negative=True,
                allow_all_zero_weights=True,
            )
            fit_params["sample_weight"] = counts
        seed = self.random_state
        rng = np.random.RandomState() if seed is None else check_random_state(seed)
        if not counts.any():
            raise ValueError("sample_weight is 0 throughout: give some samples 1.")
        is_positive = y[counts > 0].min() > 0
        # Samples that do not know their series are in order of time.
        knows = isinstance(X, Sequences) or self._by_keys
        # The first rows of a series have not the history that all later ones have.
        is_full = (sequences.lengths >= self.sequence_length_) & (counts > 0)
        series = Timeline.of(sequences if knows else y).series
        is_short = 2 * np.bincount(series, is_full) < np.bincount(series, counts > 0)
        is_full |= is_short[series] & (counts > 0)
        kept = np.flatnonzero(is_full)
        if len(kept) > MAX_SAMPLES:  # evenly spaced ones might all be of one season
            kept = np.sort(rng.choice(kept, MAX_SAMPLES, replace=False))
        if len(kept) < len(y):
            sequences, y = sequences[kept], y[kept]
            fit_params = _check_method_params(X, fit_params, indices=kept)
        time = Timeline.of(sequences if knows else y)
        baselines = self._make_baselines()
        lines, doubted = self._make_lines(sequences, is_positive)
        if self.period == "auto":
            doubted |= {name: [] for name in list(baselines)[1:]}
        n_blocks = self._count_blocks(sequences, y, time)
        if n_blocks < 2:  # what learns nothing needs none
            lines = {}
        blend = Blend(
            baselines | lines,
            list(baselines),
            doubted=doubted,
            net=(NET, clone(self._inner())) if lines else None,
            n_blocks=n_blocks,
            max_epochs=self.max_epochs,
            deadline=deadline,
            n_jobs=self.n_jobs,
        )
        epochs = dict.fromkeys(blend.estimators, 1)
        if blend.net is not None:
            epochs[NET] = self.max_epochs
        root = self._init_callback_context(
            max_subtasks=len(epochs), sequential_subtasks=False
        )
        root.call_on_fit_task_begin(estimator=self, X=X, y=y, metadata=fit_params)
        tasks = {
            name: Task(self, root.subcontext(name, i, max_subtasks=n_epochs))
            for i, (name, n_epochs) in enumerate(epochs.items())
        }
        windows, changes = self._read_twice(sequences)
        blend.fit(windows, changes, y, fit_params, rng, tasks, time)
        self._keep_scores(blend, changes)
        self._blend = blend
        self.periods_ = [p for p in self.periods_ if _ago(p) in blend.copies]
        self.estimators_, self.weights_ = blend.copies, blend.weights
        self.errors_, self.share_ = blend.errors, blend.share
        self.gain_ = float(blend.gains.mean())
        self.summary_ = self._summarise(blend)
        root.call_on_fit_task_end(
            estimator=self, X=X, y=y, metadata=fit_params, reconstruction_attributes={}
        )
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Predict the targets.

        Parameters
        ----------
        X : Sequences, array-like or list of array-like
            As in `fit`.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Weighted mean of the forecasts.
        """
        check_is_fitted(self)
        return self._blend.predict(*self._read_twice(self._read(X)))

    def predict_interval(self, X: Any, coverage: float = 0.9) -> np.ndarray:
        """Predict intervals that hold the targets with a given coverage.

        The width at each step ahead comes from the errors in the blocks left out, in
        units of the mean change from row to row in the window.

        Parameters
        ----------
        X : Sequences, array-like or list of array-like
            As in `fit`.

        coverage : float, default=0.9
            Fraction of the targets that the intervals should hold, between 0 and 1.

        Returns
        -------
        interval : ndarray of shape (n_samples, 2) or (n_samples, n_outputs, 2)
            Lower and upper end.

        Raises
        ------
        ValueError
            If `fit` had fewer samples than coverage / (1 - coverage).
        """
        check_is_fitted(self)
        if not isinstance(coverage, Real) or not 0 < coverage < 1:
            shown = coverage if isinstance(coverage, Real) else type(coverage).__name__
            raise ValueError(f"coverage must be a number between 0 and 1; got {shown}.")
        needed = ceil(coverage / (1 - coverage) - ROUNDING)
        if self._n_scores < needed:
            raise ValueError(
                f"coverage={coverage} needs {needed} samples in fit, which had"
                f" {self._n_scores}: give more, or a lower coverage."
            )
        windows, changes = self._read_twice(self._read(X))
        y = self._blend.predict(windows, changes)
        rank = ceil((self._n_scores + 1) * coverage - ROUNDING)
        at = ceil(rank / self._n_scores * len(self._scores) - ROUNDING) - 1
        radius = np.reshape(self._sizes(changes) * self._scores[at], y.shape)
        return np.stack([y - radius, y + radius], axis=-1)

    def _keep_scores(self, blend: Blend, changes: Sequences) -> None:
        """Keep quantiles of the errors in blocks, (n_quantiles, n_outputs)."""
        errors = np.abs(blend.residuals.reshape(len(changes), -1))
        self._least_size: Any = 0.0
        sizes = self._sizes(changes)[blend.order]
        least = np.where(sizes > 0, sizes, np.inf).min(axis=0)
        self._least_size = np.where(np.isfinite(least), least, 1.0)
        # A window in which nothing changes tells nothing of the others.
        moves = (sizes > 0).all(axis=1)
        if not moves.any():
            moves = ~moves
        scores = errors[moves] / np.maximum(sizes, self._least_size)[moves]
        scores = np.sort(scores, axis=0)
        self._n_scores = len(scores)
        n_kept = min(len(scores), N_SCORES)
        self._scores = scores[-(-np.arange(1, n_kept + 1) * len(scores) // n_kept) - 1]
        del blend.residuals, blend.forecast, blend.order

    def _sizes(self, changes: Sequences) -> np.ndarray:
        """Mean size of the changes in a window, (n_samples, n_outputs)."""
        sizes = np.abs(changes.steps[:, self._targets].astype(np.float64))
        # Each window by itself: differences of one running sum lose what is small
        # beside what came before.
        ends = np.column_stack([changes.starts, changes.starts + changes.lengths])
        padded = np.vstack([sizes, np.zeros(len(self._targets))])
        totals = np.add.reduceat(padded, ends.ravel(), axis=0)[::2]
        sizes = totals / changes.lengths[:, None]
        sizes = sizes[:, np.resize(np.arange(len(self._targets)), self._n_outputs)]
        return np.maximum(sizes, self._least_size)

    def _read(self, X: Any) -> Sequences:
        if hasattr(self, "windower_"):  # parameters may have been set since
            windows: Any = self.windower_.transform(X)
            return windows
        sequences = read_sequences(self, X, reset=False)
        check_finite(sequences)  # its members look for what is missing
        return sequences

    def _read_twice(self, sequences: Sequences) -> tuple[Sequences, Sequences]:
        """Samples as lines read them, and as the net does: as changes."""
        windows = sequences.tail(self.sequence_length_)
        return windows, take_changes(windows, self._targets)

    @property
    def _by_keys(self) -> bool:
        return self.group is not None or self.time is not None

    def _read_first(self, X: Any, y: Any) -> tuple[Sequences, np.ndarray]:
        """Read the samples of fit, and choose the length of windows."""
        self.__dict__.pop("windower_", None)  # of another fit
        if not self._by_keys:
            histories = read_sequences(self, X, reset=True)
            y = check_y(self, histories, y)
            self._choose_length(histories, y)
            return histories, y
        keys = {"group": self.group, "time": self.time, "max_gap": self.max_gap}
        histories = X if isinstance(X, Sequences) else make_histories(X, **keys)
        y = check_y(self, histories, y)
        self._choose_length(histories, y)
        self.windower_ = SequenceWindower(self.sequence_length_, **keys)
        windows: Any = self.windower_.fit_transform(X)
        self._made_with = self.windower_._made_with
        for name in ("n_features_in_", "feature_names_in_"):
            self.__dict__.pop(name, None)
            if hasattr(self.windower_, name):
                setattr(self, name, getattr(self.windower_, name))
        return windows, y

    def _choose_length(self, histories: Sequences, y: np.ndarray) -> None:
        """Find the features that y continues, seasons, and the length of windows."""
        self._targets = find_features(self.feature, histories, histories.feature_names)
        self._labels = histories.labels()
        check_finite(histories, present=self._targets)
        self._n_outputs = 1 if y.ndim == 1 else y.shape[1]
        n_rows = histories.shape[1]
        if n_rows == 1 and len(histories) > 1:
            warnings.warn(
                "X has sequences of one step, which have no history: give the histories"
                " of make_supervised, or name the columns of series or time in group"
                " or time.",
                stacklevel=6,
            )
        if self.period == "auto":
            runs = _take_runs(histories, self._targets)
            asked = find_periods(runs, find_horizon(histories, y))
        else:
            items = self.period if isinstance(self.period, list) else [self.period]
            if not all(isinstance(p, Integral) and int(p) >= 1 for p in items):
                raise ValueError(
                    f"period={self.period!r}; expected whole numbers of rows, at least"
                    ' 1, or "auto".'
                )
            asked = sorted({int(p) for p in items} - {1})
        self.periods_ = [period for period in asked if period <= n_rows // 2]
        if len(self.periods_) < len(asked):
            warnings.warn(
                f"The longest sequence has {n_rows} row(s), fewer than two of"
                f" period={self.period}: the season is ignored; give more rows, longer"
                " windows or a shorter period.",
                stacklevel=6,
            )
        length = max(min(MAX_LENGTH, n_rows // 5), 1)
        if self.periods_:
            period = self.periods_[-1]
            length = max(min(MAX_LENGTH, max(2 * period, length), n_rows // 2), period)
        self.sequence_length_ = length if histories.whole else n_rows

    def _make_baselines(self) -> dict[str, Any]:
        seasons = {"last value": 1} | {_ago(period): period for period in self.periods_}
        return {
            name: NaiveRegressor(period, feature=self.feature)
            for name, period in seasons.items()
        }

    def _make_lines(
        self, sequences: Sequences, is_positive: bool
    ) -> tuple[dict[str, Any], dict[str, list[str]]]:
        """Lines by name, and which of them have to be better than which."""

        def line(on: str, **params: Any) -> LinearForecaster:
            return LinearForecaster(feature=self.feature, on=on, **params)

        n_others = sequences.shape[2] - len(sequences.labels()) - len(self._targets)
        lines: dict[str, Any] = {}
        doubted: dict[str, list[str]] = {"line through values": []}
        for on in ("changes", "deviations"):
            name = f"line through {on}"
            lines[name] = line(on)
            if is_positive:
                lines[f"{name} of logarithms"] = line(on, log=True)
            if n_others > 0:
                lines[f"{name} and other features"] = line(on, others=True)
                doubted[f"{name} and other features"] = [name]
        lines |= {"drift": line("drift"), "line through values": line("values")}
        return lines, doubted

    def _count_blocks(self, sequences: Sequences, y: np.ndarray, time: Timeline) -> int:
        """Return into how many blocks of time samples can be cut; 1 for none."""
        gap = find_horizon(sequences, y) - 1
        counts = range(N_BLOCKS, 1, -1)
        return next((n for n in counts if Blocks(time, n, gap).leave_some()), 1)

    def _summarise(self, blend: Blend) -> str:
        """Say in one line what won; warn if the LSTMs did not."""
        used = {name: w for name, w in self.weights_.items() if w >= 0.005}
        shares = [f"{weight:.2f} {name}" for name, weight in used.items()]
        what = " + ".join(shares) if len(used) > 1 else f"the {next(iter(used))} alone"
        n_better = int((blend.gains > 0).sum())
        blocks = f"{n_better} of {len(blend.gains)} blocks of time"
        if blend.share > 0 or blend.weights.get(NET):
            return f"{what}: better than the best naive forecast in {blocks}"
        why = f"a blend was better in {blocks}, no more than by chance"
        if blend.n_blocks == 1:
            why = "too few rows to compare others with it"
        warnings.warn(
            f"AutoForecaster uses {what}: {why}. More rows or a shorter horizon may"
            " help.",
            stacklevel=6,
        )
        return f"{what}: {why}"

    def _inner(self) -> Any:
        if self.lstm is not None:
            return self.lstm
        return LSTMRegressor(
            hidden_size=32, unroll="series", dropout=0.0, linear_skip=False
        )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags = InputTags(three_d_array=True)
        return tags


def _ago(period: int) -> str:
    return f"value {period} rows ago"


def _take_runs(sequences: Sequences, features: list[int]) -> list[np.ndarray]:
    """The stretches of rows that sequences lie on, for each feature."""
    sequences = sequences.compact()
    number = overlap_runs(sequences)
    ends = np.zeros(number.max() + 1, dtype=np.int64)
    np.maximum.at(ends, number, sequences.starts + sequences.lengths)
    starts = ends.copy()
    np.minimum.at(starts, number, sequences.starts)
    return [
        sequences.steps[start:end, i].astype(np.float64)
        for start, end in zip(starts, ends, strict=True)
        for i in features
    ]


@dataclass
class Task:
    """Tells scikit-learn's callbacks how far one forecast is, from any process."""

    owner: AutoForecaster
    context: Any

    def begin(self) -> None:
        """Say that its copies begin to be fitted."""
        self.context.call_on_fit_task_begin(estimator=self.owner)

    def epoch(self) -> bool:
        """Say that all copies have had an epoch; whether to stop."""
        task = self.context.subcontext("epoch")
        task.call_on_fit_task_begin(estimator=self.owner)
        return bool(task.call_on_fit_task_end(estimator=self.owner))

    def end(self) -> None:
        """Say that they are done."""
        self.context.call_on_fit_task_end(estimator=self.owner)
