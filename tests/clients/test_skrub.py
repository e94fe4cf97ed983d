"""skrub's plans over tables fit our estimators to what they would be given by hand."""

import numpy as np
import pandas as pd
import skrub
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from sklstm import LSTMRegressor, SequenceWindower

RNG = np.random.default_rng(0)
N = 160
TABLE = pd.DataFrame(
    {
        "hour": pd.date_range("2024-01-01", periods=N, freq="h"),
        "load": np.sin(np.arange(N) / 2) + RNG.normal(0, 0.1, N),
        "shop": np.array(["north", "south"])[RNG.integers(2, size=N)],
    }
)
y = TABLE["load"].shift(-1).ffill().rename("next")
IS_NORTH = (TABLE["shop"] == "north").astype(float)
NUMBERS = TABLE[["hour", "load"]].assign(north=IS_NORTH, south=1 - IS_NORTH)
LSTM = LSTMRegressor(4, max_epochs=3, learning_rate=0.03, random_state=0)
BY_HAND = make_pipeline(SequenceWindower(6, time="hour"), LSTM)
IN_TIME = TimeSeriesSplit(3)


def plan(length):
    one_hot = OneHotEncoder(sparse_output=False)
    numbers = skrub.X(TABLE).skb.apply(one_hot, cols="shop")
    # Out of a table come sequences: skrub would ask for a table.
    windower = SequenceWindower(length, time="hour")
    windows = numbers.skb.apply(windower, no_wrap=True)
    return windows.skb.apply(LSTM, y=skrub.y(y))


def test_plan_is_fitted():
    learner = plan(6).skb.make_learner().fit({"X": TABLE, "y": y})
    expected = clone(BY_HAND).fit(NUMBERS, y).predict(NUMBERS)
    assert_allclose(learner.predict({"X": TABLE}), expected)


def test_plan_is_cross_validated():
    found = plan(6).skb.cross_validate(cv=IN_TIME)["test_score"]
    assert_allclose(found, cross_val_score(BY_HAND, NUMBERS, y, cv=IN_TIME))


def test_plan_is_searched():
    lengths = skrub.choose_from([2, 6], name="length")
    search = plan(lengths).skb.make_grid_search(fitted=True, cv=IN_TIME)
    grid = {"sequencewindower__sequence_length": [2, 6]}
    by_hand = GridSearchCV(BY_HAND, grid, cv=IN_TIME).fit(NUMBERS, y)
    found = search.results_.set_index("length")["mean_test_score"].sort_index()
    assert found[2] != found[6]
    assert_allclose(found, by_hand.cv_results_["mean_test_score"])


def test_vectorized_table():
    model = make_pipeline(skrub.TableVectorizer(), SequenceWindower(6), LSTM)
    features = skrub.TableVectorizer().fit_transform(TABLE)
    assert features.shape[1] > 3
    by_hand = clone(LSTM).fit(SequenceWindower(6).fit_transform(features), y)
    expected = by_hand.predict(SequenceWindower(6).fit_transform(features))
    assert_allclose(model.fit(TABLE, y).predict(TABLE), expected)
