"""A forecast that needs no tuning: LSTMs, blended with what they have to beat."""

from __future__ import annotations

from numbers import Integral
from typing import Any

from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.utils._param_validation import Interval, validate_params

from .._regressor import LSTMRegressor
from .._rows._windows import SequenceWindower
from ._anchor import AnchoredRegressor
from ._blend import BlendedRegressor
from ._naive import NaiveRegressor

MAX_LENGTH = 336  # two weeks of hours; longer ones gained nothing
SETTINGS = {"hidden_size": 32, "unroll": "series", "linear_skip": True}
MAX_EPOCHS = 100


@validate_params(
    {
        "n_rows": [Interval(Integral, 1, None, closed="left")],
        "period": [Interval(Integral, 1, None, closed="left")],
        "feature": [Integral, str, "array-like", None],
        "max_epochs": [Interval(Integral, 1, None, closed="left")],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def make_forecaster(
    n_rows: int,
    *,
    period: int = 1,
    feature: Any = None,
    max_epochs: int = MAX_EPOCHS,
    n_jobs: int | None = None,
    random_state: Any = None,
    **params: Any,
) -> Pipeline:
    """Make a pipeline that forecasts a series without tuning.

    It windows the rows and blends up to four forecasts: the last value, the value one
    period before, and an `LSTMRegressor` anchored at each of these. Where the LSTMs do
    not do clearly better in blocks of time that they have not seen, the naive
    forecasts are used alone.

    Parameters
    ----------
    n_rows : int
        Number of rows of the series to train on. Windows have two periods or a fifth
        of these, whichever is more, but at most 336 or a period.

    period : int, default=1
        Rows of a season, such as 24 for hours with a daily rhythm; 1 for none.
        Ignored if there are fewer than two of them.

    feature : int, str or list of these, default=None
        The feature that is forecast, as in `AnchoredRegressor`.

    max_epochs : int, default=100
        Largest number of epochs, in which all copies of an LSTM are trained in step
        until their error in the blocks left out no longer falls.

    n_jobs : int or None, default=None
        Number of forecasts that are fitted at the same time; None means 1, unless in
        a :obj:`joblib.parallel_backend`.

    random_state : int, RandomState instance or None, default=None
        As in `LSTMRegressor`.

    **params : dict
        Other parameters for the `LSTMRegressor`.

    Returns
    -------
    forecaster : Pipeline
        Of a `SequenceWindower` and a blend, to be fitted to what
        `make_supervised` returns.

    See Also
    --------
    make_supervised : Pair each row of a series with the values that follow it.

    Examples
    --------
    >>> import numpy as np
    >>> from sklstm import make_histories, make_supervised
    >>> from sklstm.forecasting import make_forecaster
    >>> series = np.sin(np.arange(240) * 2 * np.pi / 12)
    >>> X, y = make_supervised(series[:200], horizon=3)
    >>> model = make_forecaster(200, period=12, max_epochs=20, random_state=0)
    >>> forecast = model.fit(X, y).predict(make_histories(series[:200]))[-1]
    >>> bool(np.abs(forecast - series[200:203]).max() < 0.05)
    True
    """
    has_season = 1 < period <= n_rows // 2  # else no two of them are seen
    length = max(min(MAX_LENGTH, n_rows // 5), 1)
    if has_season:
        length = max(min(MAX_LENGTH, max(2 * period, length), n_rows // 2), period)
    estimators: list[tuple[str, Any]] = []
    for name, steps in [("last", 1), ("season", period)][: 1 + has_season]:
        lstm = LSTMRegressor(random_state=random_state, **SETTINGS | params)
        anchored = AnchoredRegressor(lstm, feature=feature, period=steps)
        naive = NaiveRegressor(steps, feature=feature)
        estimators += [(f"{name}_value", naive), (f"lstm_on_{name}", anchored)]
    baselines = [name for name, _ in estimators[::2]]
    blend = BlendedRegressor(
        estimators, baselines=baselines, max_epochs=max_epochs, n_jobs=n_jobs
    )
    return make_pipeline(SequenceWindower(length), blend)
