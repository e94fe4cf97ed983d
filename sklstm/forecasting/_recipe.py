"""A forecast that needs no tuning: LSTMs, blended with what they have to beat."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.callback import CallbackSupportMixin
from sklearn.utils import InputTags, check_random_state
from sklearn.utils.validation import check_is_fitted

from .._compat import HasMethods, Interval, _check_method_params, _fit_context
from .._docs import fill
from .._input import all_or_nothing, check_y, read_sequences
from .._regressor import LSTMRegressor
from .._rows._histories import KEY_CONSTRAINTS, make_histories
from .._rows._splits import Timeline, find_horizon
from .._rows._windows import SequenceWindower
from .._sequences import Sequences, check_finite
from ._anchor import AnchoredRegressor
from ._blend import Blend, Blocks
from ._levels import find_features
from ._linear import LinearForecaster
from ._naive import NaiveRegressor
from ._wrapper import RegressorWrapper

N_BLOCKS = 5
# Linear forecasts: name, what they read, and whether of its logarithms.
LINES = [
    ("line through changes", "changes", False),
    ("line through changes of logarithms", "changes", True),
    ("line through values", "levels", False),
]
MAX_LENGTH = 336  # two weeks of hours; longer ones gained nothing


@fill
class AutoForecaster(CallbackSupportMixin, RegressorWrapper):
    """Forecast without tuning: lines and LSTMs beside naive forecasts.

    Up to seven forecasts are blended: the last value and the value one period before;
    ridge regressions of values, of changes from the last value and, where all values
    are positive, of changes of logarithms; and an LSTM anchored at each of the naive
    ones. Their weights come from how well they forecast blocks of time that they have
    not seen. The less sure the gain over the best naive forecast is, the larger the
    share that this keeps.

    Parameters
    ----------
    period : int, default=1
        Rows of a season, such as 24 for hours with a daily rhythm; 1 for none. There
        must be two of them.

    group : str, int or list of these, default=None
        What says to which series a row of a table belongs, as in `SequenceWindower`.
        Not needed for histories of `make_supervised`, which know it.

    time : str or int, default=None
        What says when a row of a table was taken, as in `SequenceWindower`. Not
        needed for histories.

    max_gap : timedelta, str or float, default=None
        The longest step of time that is no gap, as in `SequenceWindower`. Ignored for
        histories.

    {feature}

    lstm : LSTMRegressor, default=None
        The LSTM, which is cloned; also any other regressor of sequences that has
        `partial_fit`. None means ``LSTMRegressor(hidden_size=32, unroll="series",
        dropout=0.0)``. Its `random_state` is set.

    max_epochs : int, default=100
        Largest number of epochs, in which all copies of an LSTM are trained in step
        until their error in the blocks left out no longer falls. That of `lstm` is
        ignored.

    n_jobs : int or None, default=None
        Number of forecasts that are fitted at the same time; None means 1, unless in
        a :obj:`joblib.parallel_backend`.

    random_state : int, RandomState instance or None, default=None
        Decides the first weights and batches; copies of an LSTM start from different
        weights. The same int gives the same bits.

    Attributes
    ----------
    summary_ : str
        One line that says what is used, and by how much it was better.

    weights_ : dict of str to float
        Weight of each forecast.

    errors_ : dict of str to float
        Mean squared error of each forecast in the blocks that it had not seen.

    gain_ : float
        By how many standard errors over the blocks all forecasts together are better
        than the best naive one.

    share_ : float
        Share of the blend, 1 - 1 / gain_**2 and at least 0; the rest is for the best
        naive forecast. `weights_` has it in it.

    estimators_ : dict of str to list of estimator
        The copies of each forecast, in order of the blocks that they have not seen.

    sequence_length_ : int
        Length of the windows: two periods or a fifth of the longest history,
        whichever is more, but at most half of that history, and 336 or a period.
        Other sequences than whole histories stay as they are.

    {seen}

    See Also
    --------
    make_supervised : Histories with the values that follow them, to fit to.
    forecast : What follows the rows up to now, with dates.
    ConformalRegressor : Intervals around it.

    Notes
    -----
    The samples are cut into five blocks of time, or fewer if these leave no samples
    to train on, and a copy of each forecast is fitted without each of them. What the
    copies predict of the blocks left out tells the weights: not negative, of sum 1 and
    of least squared error [1]_, in units of the error that the best naive forecast has
    in the same block. It tells the penalty of the ridge regressions, too. Of too few
    samples for two blocks only the naive forecasts are left, with a warning.

    The first samples of a series, whose history is shorter than the windows, have no
    part in `fit` if the others are at least as many. The ridge regressions read
    numeric features, and are fitted to 20,000 samples at most.

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
    >>> model = AutoForecaster(period=12, max_epochs=20, random_state=0).fit(X, y)
    >>> model.summary_
    '... line through values ...: better than the best naive forecast in ...'
    >>> bool(np.abs(forecast(model, series[:200]) - series[200:203]).max() < 0.1)
    True
    """

    _wrapped = "lstm"
    _routed = {"fit": "partial_fit"}  # epoch by epoch
    n_timesteps = None  # rows of a table without keys are sequences of one feature
    _parameter_constraints: dict[str, list[Any]] = {
        "period": [Interval(Integral, 1, None, closed="left")],
        **KEY_CONSTRAINTS,
        "feature": [Interval(Integral, 0, None, closed="left"), str, list, None],
        "lstm": [HasMethods(["partial_fit", "predict"]), None],
        "max_epochs": [Interval(Integral, 1, None, closed="left")],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        period: int = 1,
        *,
        group: Any = None,
        time: Any = None,
        max_gap: Any = None,
        feature: Any = None,
        lstm: Any = None,
        max_epochs: int = 100,
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
        self.n_jobs = n_jobs
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=False)
    @all_or_nothing
    def fit(self, X: Any, y: Any, **fit_params: Any) -> AutoForecaster:
        """Fit all forecasts, and weigh them.

        Parameters
        ----------
        X : Sequences, array-like or list of array-like
            Histories of `make_supervised`, or what else `LSTMRegressor` takes; with
            `group` or `time` a table of rows.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Target values.

        **fit_params : dict
            For the LSTMs. A `sample_weight` counts for the weights of the blend, too.

        Returns
        -------
        self : AutoForecaster
            The fitted forecaster.

        Raises
        ------
        ValueError
            If a value is infinite, or one of the features that y continues NaN.

        Warns
        -----
        UserWarning
            If a naive forecast stands alone, or the season is ignored.
        """
        if names := [name for name in fit_params if name.endswith("_val")]:
            raise ValueError(
                f"AutoForecaster got {', '.join(names)}, but stops and weighs by blocks"
                " of X that forecasts have not seen: put these samples into X and y."
            )
        sequences = self._read_first(X)
        targets = find_features(self.feature, sequences, sequences.feature_names)
        check_finite(sequences, present=targets)
        y = check_y(self, sequences, y)
        fit_params = _check_method_params(X, self._route("fit", fit_params))
        weight = fit_params.get("sample_weight")
        counts = np.ones(len(y)) if weight is None else np.asarray(weight)
        if not counts.any():
            raise ValueError("sample_weight is 0 throughout: give some samples 1.")
        # The first rows of a series have not the history that all later ones have.
        is_full = (sequences.lengths >= self.sequence_length_) & (counts > 0)
        if 2 * is_full.sum() < (counts > 0).sum():
            is_full = counts > 0
        if not is_full.all():
            kept = np.flatnonzero(is_full)
            sequences, y = sequences[kept], y[kept]
            fit_params = _check_method_params(X, fit_params, indices=kept)
        # Samples that do not know their series are in order of time.
        knows = isinstance(X, Sequences) or self._by_keys
        time = Timeline.of(sequences if knows else y)
        members, baselines = self._make_members(sequences, y, targets)
        n_blocks = self._count_blocks(sequences, y, time)
        if n_blocks < 2:  # what learns nothing needs none
            members = [member for member in members if member[0] in baselines]
        root = self._init_callback_context(
            max_subtasks=len(members), sequential_subtasks=False
        )
        root.call_on_fit_task_begin(estimator=self, X=X, y=y, metadata=fit_params)
        tasks = [
            Task(self, root.subcontext(name, i, max_subtasks=n_epochs))
            for i, (name, _, n_epochs) in enumerate(members)
        ]
        seed = self.random_state
        rng = np.random.RandomState() if seed is None else check_random_state(seed)
        estimators = [(name, estimator) for name, estimator, _ in members]
        blend = Blend(
            estimators,
            baselines,
            n_blocks=n_blocks,
            max_epochs=self.max_epochs,
            n_jobs=self.n_jobs,
        )
        windows = sequences.tail(self.sequence_length_)
        blend.fit(windows, y, fit_params, rng, tasks, time)
        self._blend = blend
        self.estimators_, self.weights_ = blend.copies, blend.weights
        self.errors_, self.gain_, self.share_ = blend.errors, blend.gain, blend.share
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
        if self._by_keys:
            return self._blend.predict(self.windower_.transform(X))
        sequences = read_sequences(self, X, reset=False)
        check_finite(sequences)  # its members look for what is missing
        return self._blend.predict(sequences.tail(self.sequence_length_))

    @property
    def _by_keys(self) -> bool:
        return self.group is not None or self.time is not None

    def _read_first(self, X: Any) -> Sequences:
        """Read the samples of fit, and choose the length of windows."""
        self.__dict__.pop("windower_", None)  # of another fit
        if not self._by_keys:
            histories = read_sequences(self, X, reset=True)
            self.sequence_length_ = self._choose_length(histories)
            return histories
        keys = {"group": self.group, "time": self.time, "max_gap": self.max_gap}
        histories = X if isinstance(X, Sequences) else make_histories(X, **keys)
        self.sequence_length_ = self._choose_length(histories)
        self.windower_ = SequenceWindower(self.sequence_length_, **keys)
        windows: Any = self.windower_.fit_transform(X)
        self._made_with = self.windower_._made_with
        for name in ("n_features_in_", "feature_names_in_"):
            self.__dict__.pop(name, None)
            if hasattr(self.windower_, name):
                setattr(self, name, getattr(self.windower_, name))
        return windows

    def _choose_length(self, histories: Sequences) -> int:
        n_rows = histories.shape[1]
        if n_rows == 1 and len(histories) > 1:
            warnings.warn(
                "X has sequences of one step, which have no history: give the histories"
                " of make_supervised, or name the columns of series or time in group"
                " or time.",
                stacklevel=6,
            )
        self._has_season = 1 < self.period <= n_rows // 2
        if self.period > 1 and not self._has_season:
            warnings.warn(
                f"The longest sequence has {n_rows} row(s), fewer than two of"
                f" period={self.period}: the season is ignored; give more rows, longer"
                " windows or a shorter period.",
                stacklevel=6,
            )
        if not histories.whole:
            return n_rows
        length = max(min(MAX_LENGTH, n_rows // 5), 1)
        if self._has_season:
            longest = min(MAX_LENGTH, max(2 * self.period, length), n_rows // 2)
            length = max(longest, self.period)
        return length

    def _make_members(
        self, sequences: Sequences, y: np.ndarray, targets: list[int]
    ) -> tuple[list[tuple[str, Any, int]], list[str]]:
        """Names, forecasts and numbers of epochs; and names of the naive ones."""
        naive: list[tuple[str, Any, int]] = []
        lines: list[tuple[str, Any, int]] = []
        lstms: list[tuple[str, Any, int]] = []
        seasons = [("last value", 1), ("value a season ago", self.period)]
        for name, steps in seasons[: 1 + self._has_season]:
            lstm = clone(self._inner())
            naive += [(name, NaiveRegressor(steps, feature=self.feature), 1)]
            anchored = AnchoredRegressor(lstm, feature=self.feature, period=steps)
            lstms += [(f"LSTM from the {name}", anchored, self.max_epochs)]
        for name, on, log in LINES:
            if not log or (y.min() > 0 and _are_positive(sequences, targets)):
                line = LinearForecaster(feature=self.feature, on=on, log=log)
                lines += [(name, line, 1)]
        return naive + lines + lstms, [name for name, _, _ in naive]

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
        if blend.share > 0:
            return f"{what}: better than the best naive forecast in {blocks}"
        why = f"others made it better in {blocks}, no more than by chance"
        if blend.n_blocks == 1:
            why = "too few rows to hold others against it"
        warnings.warn(
            f"AutoForecaster uses {what}: {why}. More rows or a shorter horizon may"
            " help.",
            stacklevel=6,
        )
        return f"{what}: {why}"

    def _inner(self) -> Any:
        if self.lstm is not None:
            return self.lstm
        return LSTMRegressor(hidden_size=32, unroll="series", dropout=0.0)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags = InputTags(three_d_array=True)
        return tags


def _are_positive(sequences: Sequences, features: list[int]) -> bool:
    steps = sequences.compact().steps[:, features]
    return bool(steps.min() > 0)


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
