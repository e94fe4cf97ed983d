"""`AnchoredRegressor`: changes in, changes out, levels back."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.utils import InputTags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from .._compat import HasMethods, _fit_context, _set_random_states
from .._constraints import RANDOM_STATE, at_least
from .._docs import fill
from .._input import (
    all_or_nothing,
    find_categorical,
    has_validation,
    naming_validation,
)
from .._regressor import LSTMRegressor
from .._sequences import Sequences
from .._tasks import hand_down
from ._levels import OnLevels, take_changes
from ._wrapper import RegressorWrapper


def _inner_has(name: str) -> Any:
    def check(self: Any) -> bool:
        return hasattr(getattr(self, "regressor_", self._inner()), name)

    return check


@fill
class AnchoredRegressor(OnLevels, RegressorWrapper):
    """Forecast the change of a series from its last level.

    An LSTM has a bounded output and learns levels slowly. In this meta-estimator it
    reads the changes of the series from step to step, and learns the difference of the
    target from the last value, or from the value one season before. Predictions are in
    the units of the target again. Any other regressor can be used as well.

    Parameters
    ----------
    regressor : estimator, default=None
        The regressor that forecasts the changes. It is cloned. None means
        `LSTMRegressor`. If X is `Sequences`, the regressor gets `Sequences`: put a
        `SequenceWindower` with ``flatten=True`` before a regressor that takes tables.

    {feature}

    period : int, default=1
        Number of rows in a season. The level is the value one period before each
        target, or as many periods before as are needed to reach a row of the sequence.
        1 means the last value, which is also used for sequences that are too short.

    {lag}

    random_state : int, RandomState instance or None, default=None
        Sets `random_state` of the regressor and of its parts. None does not change
        them.

    Attributes
    ----------
    regressor_ : estimator
        The fitted regressor of changes.

    {units}

    n_outputs_ : int
        Number of targets.

    {seen}

    See Also
    --------
    NaiveRegressor : Forecast the level itself.
    make_supervised : Histories that know which features y continues.

    Notes
    -----
    Levels are in the units of the table of the sequences. If the table has the rows
    that y is taken from, `fit` verifies that y has the values of these rows. After a
    scaler, y is a linear function of these values, from which `fit` finds scale and
    offset exactly. Anything else is an error.

    For plain arrays, and for features that y is not known to continue, the units of y
    are unknown. The level is then the least squares line of y on the value.

    Put this estimator before windows are flattened. In flat windows of several
    features it is not known which column is the last value of which feature.

    The first time step of a history has no change, which is read as 0. The first time
    step of a window has one if the window is part of a longer history.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import Ridge
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklstm import SequenceWindower, make_supervised
    >>> from sklstm.forecasting import AnchoredRegressor
    >>> rising = np.arange(300) / 10 + np.sin(np.arange(300))
    >>> X, y = make_supervised(rising)
    >>> model = make_pipeline(
    ...     SequenceWindower(sequence_length=8),
    ...     AnchoredRegressor(
    ...         make_pipeline(SequenceWindower(8, flatten=True), Ridge())
    ...     ),
    ... )
    >>> model.fit(X[:200], y[:200]).score(X[200:], y[200:]) > 0.99
    True
    """

    _wrapped = "regressor"
    _routed = {"fit": "fit", "partial_fit": "partial_fit"}
    _parameter_constraints: dict[str, list[Any]] = {
        "regressor": [HasMethods(["fit", "predict"]), None],
        "feature": [at_least(0), str, list, None],
        "period": [at_least(1)],
        "lag": [at_least(1), "array-like", None],
        "random_state": RANDOM_STATE,
    }

    def __init__(
        self,
        regressor: Any = None,
        *,
        feature: Any = None,
        period: int = 1,
        lag: Any = None,
        random_state: Any = None,
    ) -> None:
        self.regressor = regressor
        self.feature = feature
        self.period = period
        self.lag = lag
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any, **fit_params: Any) -> AnchoredRegressor:
        """Find the levels, and fit the regressor to the changes from them.

        Parameters
        ----------
        X : Sequences, array-like or list of array-like
            As in `LSTMRegressor.fit`.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Target values.

        **fit_params : dict
            Parameters for `fit` of the regressor, such as `sample_weight`. `X_val` and
            `y_val`, also those for a step of a pipeline, are anchored like X and y.

        Returns
        -------
        self : AnchoredRegressor
            The fitted regressor.

        Raises
        ------
        ValueError
            If a value is infinite, if a value of the feature is NaN, if y does not
            continue the feature, or if the feature is not in X or holds ids.
        """
        return self._fit("fit", X, y, fit_params, resume=False)

    @available_if(_inner_has("partial_fit"))
    @_fit_context(prefer_skip_nested_validation=False)
    def partial_fit(self, X: Any, y: Any, **fit_params: Any) -> AnchoredRegressor:
        """Train the regressor for one more epoch; the first call finds the levels.

        Parameters
        ----------
        X : Sequences, array-like or list of array-like
            As in `fit`.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            As in `fit`.

        **fit_params : dict
            Parameters for `partial_fit` of the regressor.

        Returns
        -------
        self : AnchoredRegressor
            The fitted regressor.
        """
        resume = hasattr(self, "regressor_")
        return self._fit("partial_fit", X, y, fit_params, resume=resume)

    @all_or_nothing
    def _fit(
        self, method: str, X: Any, y: Any, fit_params: Any, *, resume: bool
    ) -> AnchoredRegressor:
        sequences, y, is_known = self._find_levels(X, y, resume=resume)
        self._refuse_ids(sequences)
        self._fit_units(sequences, y, is_known)
        fit_params = self._anchor_validation(self._route(method, fit_params))
        regressor = vars(self)["regressor_"] if resume else self._make_regressor()
        changes, change = self._anchor(X, sequences, y)
        with hand_down(self, regressor, X, y):
            getattr(regressor, method)(changes, change, **fit_params)
        self.regressor_ = regressor
        return self

    def _anchor(self, X: Any, sequences: Sequences, y: np.ndarray) -> tuple[Any, Any]:
        """Samples and targets as the regressor gets them."""
        levels = self._levels_of(sequences)
        return self._change(sequences), y.reshape(levels.shape) - levels

    def _anchor_validation(self, params: dict[str, Any]) -> dict[str, Any]:
        """Anchor data to validate on, for the regressor or a step of it."""
        ends = {"X_val", "y_val"}
        for owner in {name[:-5] for name in params if name.split("__")[-1] in ends}:
            names = owner + "X_val", owner + "y_val"
            X, y = (params.get(name) for name in names)
            if has_validation(X, y):
                with naming_validation():
                    sequences, y, _ = self._find_levels(X, y, resume=True)
                anchored = self._anchor(X, sequences, y)
                params = params | dict(zip(names, anchored, strict=True))
        return params

    def _make_regressor(self) -> Any:
        regressor = clone(self._inner())
        if self.random_state is not None:
            _set_random_states(regressor, self.random_state)
        return regressor

    def _refuse_ids(self, sequences: Sequences) -> None:
        inner = self._inner()
        if not hasattr(inner, "categorical_features"):
            return
        ids = find_categorical(
            inner.categorical_features,
            inner.embedding_size,
            sequences.shape[2],
            getattr(self, "feature_names_in_", None),
            list(sequences.labels()),
        )
        if clash := set(ids) & set(self._levels.positions.tolist()):
            raise ValueError(
                f"Feature {clash.pop()}, from whose level y is to be forecast, holds"
                " ids, which have none: take it out of categorical_features, or name"
                " another feature."
            )

    def predict(self, X: Any, return_std: bool = False) -> Any:
        """Predict the targets.

        Parameters
        ----------
        X : Sequences, array-like or list of array-like
            As in `fit`.

        return_std : bool, default=False
            Whether to return the standard deviation too, if the regressor predicts it.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Predictions in the units of the targets in `fit`.

        y_std : ndarray of the shape of y
            Standard deviation of each prediction. Only returned if `return_std` is
            True.
        """
        changes, levels = self._prepare(X)
        if not return_std:
            change = self.regressor_.predict(changes)
            return np.reshape(change, levels.shape) + levels
        change, std = self.regressor_.predict(changes, return_std=True)
        return np.reshape(change, levels.shape) + levels, std

    @available_if(_inner_has("predict_quantiles"))
    def predict_quantiles(self, X: Any) -> np.ndarray:
        """Predict quantiles. Only available if the regressor predicts them.

        Parameters
        ----------
        X : Sequences, array-like or list of array-like
            As in `fit`.

        Returns
        -------
        quantiles : ndarray, shape (n_samples, n_quantiles) or \
                (n_samples, n_outputs, n_quantiles)
            Quantiles in the units of the targets in `fit`.
        """
        changes, levels = self._prepare(X)
        return self.regressor_.predict_quantiles(changes) + levels[..., None]

    @available_if(_inner_has("predict_interval"))
    def predict_interval(self, X: Any) -> np.ndarray:
        """Predict intervals. Only available if the regressor predicts them.

        Parameters
        ----------
        X : Sequences, array-like or list of array-like
            As in `fit`.

        Returns
        -------
        interval : ndarray of shape (n_samples, 2) or (n_samples, n_outputs, 2)
            Lower and upper end, in the units of the targets in `fit`.
        """
        changes, levels = self._prepare(X)
        return self.regressor_.predict_interval(changes) + levels[..., None]

    @property
    def n_timesteps(self) -> int | str | None:
        """How the regressor reads 2-D input."""
        return getattr(self._inner(), "n_timesteps", None)

    def _inner(self) -> Any:
        return LSTMRegressor() if self.regressor is None else self.regressor

    def _change(self, sequences: Sequences) -> Any:
        """The samples with changes in place of levels; a table stays one."""
        features = np.unique(self._levels.positions).tolist()
        changes = take_changes(sequences, features)
        if vars(self)["_made_with"] is not None:
            return changes
        static = getattr(self._inner(), "static_features", None)
        if static is not None and len(static):
            raise ValueError(
                "X is a table, of whose columns some are static_features of the"
                " regressor: give sequences, in which each feature is known."
            )
        return changes.steps.reshape(len(sequences), -1)

    def _prepare(self, X: Any) -> tuple[Any, np.ndarray]:
        """Changes, and levels in the shape of y."""
        check_is_fitted(self)
        sequences = self._read(X, reset=False)
        return self._change(sequences), self._levels_of(sequences)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags = InputTags(three_d_array=True)
        return tags
