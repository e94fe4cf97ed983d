"""feature-engine's tables of lags around our regressor."""

import numpy as np
import pandas as pd
from feature_engine.pipeline import make_pipeline
from feature_engine.timeseries.forecasting import LagFeatures
from numpy.testing import assert_allclose
from sklearn.base import clone

from sklstm import LSTMRegressor, SequenceWindower, make_supervised

N = 160
RNG = np.random.default_rng(0)
TABLE = pd.DataFrame({"load": np.sin(np.arange(N) / 2) + RNG.normal(0, 0.1, N)})
LSTM = LSTMRegressor(
    4, n_timesteps="columns", max_epochs=3, learning_rate=0.03, random_state=0
)


def test_lags_without_the_rows_that_lack_them():
    lags = LagFeatures(
        variables=["load"], periods=[5, 4, 3, 2, 1], drop_original=True, drop_na=True
    )
    model = make_pipeline(lags, LSTM).fit(TABLE, TABLE["load"])
    X, y = make_supervised(TABLE["load"])
    windows = SequenceWindower(5).fit_transform(X)[4:].padded()[:, :, 0]
    by_hand = clone(LSTM).fit(windows, y[4:])
    assert_allclose(model.predict(TABLE), by_hand.predict(windows), rtol=1e-5)
