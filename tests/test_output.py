"""Dataframes in, and predictions that keep their index and names."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_array_equal
from sklearn.pipeline import make_pipeline

from sklstm import (
    LSTMClassifier,
    LSTMRegressor,
    SequenceEncoder,
    SequenceWindower,
    make_histories,
    make_supervised,
)

DATES = pd.date_range("2024-01-01", periods=12, name="day")
X = pd.DataFrame({"a": np.arange(12.0), "b": np.arange(12.0) ** 2}, index=DATES)
VALUES = pd.DataFrame({"up": np.arange(12.0), "down": -np.arange(12.0)})
LABELS = pd.Series(["no", "yes"] * 6, name="answer")
SMALL = {"hidden_size": 4, "max_epochs": 2, "random_state": 0}


def windowed(model):
    return make_pipeline(SequenceWindower(3, time="index"), model)


def test_the_index_comes_back_through_the_windower():
    model = windowed(LSTMRegressor(**SMALL)).fit(X, VALUES["up"])
    series = model.predict(X[4:], output="pandas")
    expected = pd.Series(model.predict(X[4:]), index=DATES[4:], name="up")
    pd.testing.assert_series_equal(series, expected)


@pytest.mark.parametrize(
    ("horizon", "target", "names"),
    [
        (1, "a", "a"),
        (2, "a", ["a+1", "a+2"]),
        (1, None, ["a", "b"]),
        (2, None, ["a+1", "b+1", "a+2", "b+2"]),
    ],
)
def test_forecasts_have_the_names_of_targets_and_the_index_of_histories(
    horizon, target, names
):
    histories, y = make_supervised(X, horizon, target)
    model = make_pipeline(SequenceWindower(3), LSTMRegressor(**SMALL))
    model.fit(histories, y)
    forecast = model.predict(make_histories(X)[-horizon:], output="pandas")
    assert forecast.index.equals(DATES[-horizon:])
    assert (forecast.name if target and horizon == 1 else list(forecast)) == names
    assert_array_equal(forecast, model.predict(make_histories(X)[-horizon:]))
    rows = pl.from_pandas(X)
    model.fit(*make_supervised(rows, horizon, target))
    forecast = model.predict(make_histories(rows)[-horizon:], output="polars")
    assert (forecast.name if target and horizon == 1 else forecast.columns) == names


def test_several_targets_keep_their_names():
    model = windowed(LSTMRegressor(**SMALL)).fit(X, VALUES)
    frame = model.predict(X[::-1], output="pandas")
    expected = pd.DataFrame(model.predict(X[::-1]), DATES[::-1], ["up", "down"])
    pd.testing.assert_frame_equal(frame, expected, check_freq=False)


def test_probabilities_have_a_column_for_each_class():
    model = windowed(LSTMClassifier(**SMALL)).fit(X, LABELS)
    frame = model.predict_proba(X, output="pandas")
    assert list(frame) == ["no", "yes"]
    assert frame.index.equals(DATES)
    assert_array_equal(frame, model.predict_proba(X))
    labels = model.predict(X, output="pandas")
    assert labels.name == "answer"
    assert_array_equal(labels, frame.idxmax(axis=1))


def test_rows_that_are_sequences_keep_their_index():
    model = LSTMRegressor(**SMALL).fit(X, np.arange(12.0))
    assert model.predict(X, output="pandas").index.equals(DATES)
    selected = SequenceWindower(3).fit_transform(X)[[3, 1]]
    model.fit(selected, [0.0, 1.0])
    assert model.predict(selected, output="pandas").index.equals(DATES[[3, 1]])


def test_what_has_no_index_is_numbered():
    model = LSTMRegressor(**SMALL).fit(X.to_numpy(), np.ones((12, 2)))
    frame = model.predict(X.to_numpy(), output="pandas")
    assert list(frame.index) == list(range(12))
    assert list(frame) == [0, 1]


def test_polars_in_polars_out():
    rows = pl.from_pandas(X.reset_index())
    model = make_pipeline(SequenceWindower(3, time="day"), LSTMRegressor(**SMALL))
    model.fit(rows, pl.from_pandas(VALUES))
    frame = model.predict(rows, output="polars")
    assert frame.columns == ["up", "down"]
    assert_array_equal(frame, model.predict(rows))
    model.fit(rows, pl.Series("y", np.arange(12.0)))
    series = model.predict(rows, output="polars")
    assert isinstance(series, pl.Series)
    assert series.name == "y"


def test_an_unknown_container_is_named():
    model = LSTMRegressor(**SMALL).fit(X, VALUES)
    with pytest.raises(ValueError, match="output='arrow' is not known; give 'pandas'"):
        model.predict(X, output="arrow")


@pytest.mark.parametrize("library", [pd, pl], ids=["pandas", "polars"])
def test_a_list_of_dataframes_is_a_list_of_arrays(library):
    arrays = [X.to_numpy()[:k] for k in (3, 5, 2, 4)]
    frames = [library.DataFrame({"a": x[:, 0], "b": x[:, 1]}) for x in arrays]
    objects = np.empty(4, dtype=object)
    objects[:] = frames
    y = [0.0, 1.0, 0.5, 2.0]
    expected = LSTMRegressor(**SMALL).fit(arrays, y).predict(arrays)
    for many in (frames, tuple(frames), objects):
        model = LSTMRegressor(**SMALL).fit(many, y)
        assert_array_equal(model.predict(many), expected)
        assert list(model.feature_names_in_) == ["a", "b"]
    with pytest.raises(ValueError, match=r"features \['b', 'a'\], but LSTMRegressor"):
        model.predict([frame[["b", "a"]] for frame in frames])
    with pytest.warns(UserWarning, match="X has no feature names, but LSTMRegressor"):
        model.predict(arrays)
    model.fit(arrays, y)
    with pytest.warns(UserWarning, match="X has feature names, but .* without them"):
        model.predict(frames)


def test_a_lazy_frame_is_to_be_collected():
    lazy = pl.LazyFrame({"a": [1.0, 2.0]})
    with pytest.raises(TypeError, match=r"pass X.collect\(\)"):
        LSTMRegressor(**SMALL).fit(lazy, [1.0, 2.0])


def test_y_without_a_name_or_with_names_that_read_alike():
    model = LSTMRegressor(**SMALL).fit(X, pd.Series(np.arange(12.0)))
    assert model.predict(X, output="pandas").name is None
    model.fit(X, VALUES.set_axis([1, "1"], axis=1))
    assert list(model.predict(X, output="pandas")) == [0, 1]


def test_texts_keep_their_index():
    texts = pd.Series(["a b", "b", "a a a", "b b"], index=list("wxyz"))
    words = SequenceEncoder(token_pattern=r"\w")
    model = make_pipeline(words, LSTMClassifier(embedding_size=2, **SMALL))
    predicted = model.fit(texts, [0, 1, 0, 1]).predict(texts, output="pandas")
    assert list(predicted.index) == list("wxyz")
