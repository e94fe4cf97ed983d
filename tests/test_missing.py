"""NaN in X is a value that is missing: the mean, and a mark behind the features."""

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklstm import (
    LSTMClassifier,
    LSTMRegressor,
    Sequences,
    SequenceWindower,
    StepTransformer,
    make_supervised,
)
from sklstm.forecasting import (
    AnchoredRegressor,
    AutoForecaster,
    NaiveRegressor,
    forecast,
)
from tests._data import EQUAL, FORMS, N, make, message_of, outputs, spoilt, target

RNG = np.random.RandomState(1)
# Feature 0 and 2 lack some values, feature 1 none.
TABLE = RNG.normal(size=(60, 3)) * [1.0, 5.0, 0.1] + [0.0, 100.0, 3.0]
TABLE[RNG.random_sample(60) < 0.3, 0] = np.nan
TABLE[[7, 20], 2] = np.nan
STARTS = np.arange(50)
LENGTHS = RNG.randint(1, 11, 50)
SEQUENCES = Sequences(TABLE, STARTS, LENGTHS)
Y = RNG.normal(size=50)


def by_hand(sequences):
    """Standardise by mean and spread of what is there, fill in 0, append marks."""
    used = np.concatenate(list(sequences))
    assert not np.isnan(used[:, 1]).any()
    counts = sequences.coverage()
    steps = sequences.steps.copy()
    for i in range(3):
        there = ~np.isnan(steps[:, i])
        mean = np.average(steps[there, i], weights=counts[there])
        square = np.average((steps[there, i] - mean) ** 2, weights=counts[there])
        steps[:, i] = (steps[:, i] - mean) / np.sqrt(square)
    marks = np.isnan(sequences.steps)[:, [0, 2]]
    return sequences.on_table(np.column_stack([np.nan_to_num(steps), marks]))


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"frame_size": 3},
        {"linear_skip": False, "bidirectional": True, "pooling": "last_mean"},
        {"unroll": "series", "linear_skip": False},
        {"num_layers": 2, "dropout": 0.5, "pooling": "max"},
    ],
    ids=str,
)
def test_as_standardised_filled_in_and_marked_by_hand(params):
    y = (Y - Y.mean()) / Y.std()  # which the one by hand must not scale
    params = {"hidden_size": 5, "max_epochs": 3, "random_state": 0, **params}
    model = LSTMRegressor(**params).fit(SEQUENCES, y)
    plain = LSTMRegressor(standardize=False, **params).fit(by_hand(SEQUENCES), y)
    expected = plain.predict(by_hand(SEQUENCES))
    assert expected.std() > 0.01
    assert_allclose(model.predict(SEQUENCES), expected, rtol=1e-4, atol=1e-5)


def test_every_form_of_input(Estimator, form):
    X, y = spoilt(form, np.nan), target(Estimator)
    model = make(Estimator, form).fit(X, y)
    before = outputs(model, X)
    assert np.isfinite(before).all()
    here = np.zeros(N, dtype=bool)
    here[2] = True
    if form == "windows":  # several of them hold the row
        here = np.array([np.isnan(window).any() for window in X])
    after = outputs(model, FORMS[form])
    changed = (before != after).reshape(N, -1).any(axis=1)
    assert_array_equal(changed, here)
    assert_array_equal(outputs(pickle.loads(pickle.dumps(model)), X), before)


def test_a_net_learns_from_what_is_missing(Estimator):
    X = RNG.normal(size=(200, 6, 2))
    lacks = np.arange(200) % 2 == 0
    X[lacks, 3, 0] = np.nan
    y = lacks.astype(float)
    model = Estimator(hidden_size=8, random_state=0, n_timesteps=None)
    assert model.fit(X[:100], y[:100]).score(X[100:], y[100:]) > 0.95


@pytest.mark.parametrize("standardize", [True, False])
def test_what_was_never_missing_is_read_as_the_mean_and_told(Estimator, standardize):
    model = make(Estimator, standardize=standardize).fit(EQUAL, target(Estimator))
    mean = EQUAL[:, :, 1].mean() if standardize else 0.0
    filled = spoilt("array", mean)
    what = "the mean of the feature" if standardize else "0"
    with pytest.warns(UserWarning, match=rf"features \[1\].* read as {what}\."):
        got = outputs(model, spoilt("array", np.nan))
    assert_allclose(got, outputs(model, filled), rtol=1e-5)
    with pytest.warns(UserWarning, match=r"features \[1\]"):
        model.partial_fit(spoilt("array", np.nan), target(Estimator))
    frames = FORMS["frames"]
    named = make(Estimator).fit(frames, target(Estimator))
    with pytest.warns(UserWarning, match=r"features \['b'\]"):
        named.predict(spoilt("frames", np.nan))


def test_a_missing_value_is_no_padding(Estimator):
    X = EQUAL.copy()
    X[5, 2] = np.nan  # in the middle
    X[6, 3, :2] = np.nan  # at the end, but not in each feature
    X[7, 3] = np.nan  # padding
    as_list = [*X[:7], X[7, :3], *X[8:]]
    y = target(Estimator)
    got = outputs(make(Estimator).fit(X, y), X)
    assert_allclose(got, outputs(make(Estimator).fit(as_list, y), as_list), rtol=1e-5)
    kept = [*X[:7], X[7], *X[8:]]  # in a list nothing is padding
    other = outputs(make(Estimator).fit(kept, y), kept)
    assert not np.allclose(got[7], other[7], rtol=1e-3)


def test_missing_is_not_zero_where_equal_samples_are_merged(Estimator):
    X = np.concatenate([np.zeros((2, 3, 1)), EQUAL[:8, :3, :1]])
    X[1, 1] = np.nan
    y = target(Estimator)[:10]
    twice = make(Estimator).fit(np.r_[X, X[1:2]], np.r_[y, y[1:2]])
    weight = np.ones(10)
    weight[1] = 2
    weighted = make(Estimator).fit(X, y, sample_weight=weight)
    assert_array_equal(outputs(twice, X), outputs(weighted, X))
    weight[:2] = 2, 1
    other = make(Estimator).fit(X, y, sample_weight=weight)
    assert not np.array_equal(outputs(other, X), outputs(weighted, X))


def test_missing_ids_are_unknown_ones(Estimator):
    X = EQUAL.copy()
    X[:, :, 0] = RNG.randint(0, 4, X.shape[:2])
    X[3, 1, 0] = -1
    lacks = X.copy()
    lacks[3, 1, 0] = np.nan
    y = target(Estimator)
    expected = make(Estimator, categorical_features=[0]).fit(X, y)
    model = make(Estimator, categorical_features=[0]).fit(lacks, y)
    assert_array_equal(outputs(model, lacks), outputs(expected, X))
    assert_array_equal(outputs(expected, lacks), outputs(expected, X))  # not told


def test_a_feature_without_values_tells_nothing(Estimator):
    X = EQUAL.copy()
    X[..., 1] = np.nan
    y = target(Estimator)
    with pytest.warns(
        UserWarning, match=r"at all \(NaN\) in the features \[1\]"
    ) as caught:
        model = make(Estimator).fit(X, y)
    assert [w.filename for w in caught if "at all" in str(w.message)] == [__file__]
    assert (model.scaler_.mean_[1], model.scaler_.scale_[1]) == (0, 1)
    assert np.isfinite(outputs(model, X)).all()
    two = Sequences(np.full((N, 3), np.nan), np.arange(N), np.ones(N))
    assert "X has no values" in message_of(make(Estimator).fit, two, y)


def test_behind_step_transformer_and_windower():
    X, y = make_supervised(TABLE, target=1)
    inner = LSTMRegressor(hidden_size=4, max_epochs=3, random_state=0)
    scaled = StepTransformer(StandardScaler()).fit_transform(X)
    assert_array_equal(np.isnan(scaled[58]), np.isnan(X[58]))
    model = plain_fit(inner, scaled, y)
    assert np.isfinite(model.predict(scaled)).all()
    trees = make_pipeline(
        SequenceWindower(5, flatten=True), HistGradientBoostingRegressor()
    )
    assert trees.fit(X, y).score(X, y) > 0
    table = pd.DataFrame(TABLE, columns=["a", "b", "c"])
    X, y = make_supervised(table, target="b")
    assert np.isfinite(forecast(plain_fit(inner, X, y), table)).all().all()


def plain_fit(inner, X, y):
    return make_pipeline(SequenceWindower(5), inner).fit(X, y)


def test_levels_are_there():
    """What forecasts start from may not be missing, and other features may."""
    X, y = make_supervised(TABLE, target=1)
    inner = make(LSTMRegressor)
    model = make_pipeline(SequenceWindower(5), AnchoredRegressor(inner)).fit(X, y)
    assert np.isfinite(model.predict(X)).all()
    X, y = make_supervised(np.where(np.arange(60) == 30, np.nan, TABLE[:, 1]))
    kept = ~np.isnan(y)
    for model in (AnchoredRegressor(inner), NaiveRegressor(), AutoForecaster()):
        windows = X.tail(5)[kept]
        message = message_of(model.fit, windows, y[kept])
        assert "contains NaN: sequence 29, step 4, feature 0. Impute" in message
    assert "y contains NaN" in message_of(inner.fit, X.tail(5), y)
    assert np.isfinite(inner.fit(X.tail(5)[kept], y[kept]).predict(X.tail(5))).all()


def test_a_search_over_rows_that_lack_values():
    from sklearn.model_selection import GridSearchCV, TimeSeriesSplit

    X, y = make_supervised(TABLE, target=1)
    pipe = make_pipeline(SequenceWindower(), make(LSTMRegressor))
    grid = {"sequencewindower__sequence_length": [2, 5]}
    search = GridSearchCV(pipe, grid, cv=TimeSeriesSplit(3), error_score="raise")
    assert np.isfinite(search.fit(X, y).best_score_)


def test_classes_of_missing_values_alone():
    X = np.full((40, 6), np.nan)
    X[::2] = 1.0
    y = np.arange(40) % 2
    model = LSTMClassifier(hidden_size=4, random_state=0).fit(X, y)
    assert model.score(X, y) == 1
