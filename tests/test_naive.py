"""NaiveRegressor repeats the right value, in the units of y."""

import pickle
from math import ceil

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from sklstm import (
    Sequences,
    SequenceWindower,
    StepTransformer,
    make_supervised,
    make_windows,
)
from sklstm.forecasting import NaiveRegressor


def repeat(sequence, period, horizon):
    """Return the forecasts for one sequence (n_steps, n_targets), value by value."""
    forecast = []
    t = len(sequence) - 1
    for k in range(1, horizon + 1):
        source = t + k - period * ceil(k / period)
        forecast.extend(sequence[source if source >= 0 else t])
    return forecast


def walk(n=60, n_features=1, seed=0):
    return np.random.default_rng(seed).normal(size=(n, n_features)).cumsum(axis=0)


@pytest.mark.filterwarnings("ignore:Values that are")  # y has nothing to do with X
@given(
    lengths=st.lists(st.integers(1, 9), min_size=1, max_size=6),
    period=st.integers(1, 9),
    horizon=st.integers(1, 12),
    n_targets=st.integers(1, 3),
)
def test_each_value_is_the_one_whole_periods_before(
    lengths, period, horizon, n_targets
):
    lengths = [*lengths, period]  # one that reaches back
    rng = np.random.default_rng(len(lengths))
    X = [rng.normal(size=(length, 3)) for length in lengths]
    y = rng.normal(size=(len(X), horizon * n_targets))
    features = [2, 0, 1][:n_targets]
    model = NaiveRegressor(period, feature=features).fit(X, y)
    expected = [repeat(x[:, features], period, horizon) for x in X]
    assert_array_equal(model.predict(X), expected)


def test_a_period_of_one_repeats_the_last_value():
    X, y = make_supervised(walk(), horizon=5)
    forecast = NaiveRegressor().fit(X, y).predict(X)
    assert_array_equal(forecast, np.repeat(walk()[:-5], 5, axis=1))


def test_it_is_exact_on_a_series_that_repeats():
    X, y = make_supervised(np.tile([3.0, 1.0, 4.0, 1.5], 10), horizon=10)
    windows = SequenceWindower(sequence_length=4).fit_transform(X)
    model = NaiveRegressor(period=4).fit(windows, y)
    assert_array_equal(model.predict(windows)[3:], y[3:])
    # The first windows do not reach back a period.
    assert_array_equal(model.predict(windows[:1])[0, 3:7], [3.0, 3.0, 3.0, 3.0])


def test_all_forms_of_input_give_the_same():
    X, y = make_windows(walk(n_features=2), 6, horizon=3, target=1)
    model = NaiveRegressor(3, feature=1).fit(X, y)
    expected = model.predict(X)
    assert_array_equal(model.predict(list(X)), expected)
    assert_array_equal(model.predict(Sequences.from_arrays(X)), expected)
    padded = np.concatenate([np.full_like(X[:, :2], np.nan), X], axis=1)
    assert_array_equal(model.predict(padded), expected)
    flat = X.reshape(len(X), -1)
    in_rows = NaiveRegressor(3, feature=1, n_timesteps=6).fit(flat, y)
    assert_array_equal(in_rows.predict(flat), expected)


@pytest.mark.parametrize("scaler", [StandardScaler(), MinMaxScaler((-3, 5))])
@pytest.mark.parametrize("period", [1, 7])
def test_a_scaler_before_it_changes_nothing(scaler, period):
    X, y = make_supervised(340 + [1, 20] * walk(200, 2), horizon=9)
    steps = [SequenceWindower(7), NaiveRegressor(period)]
    plain = make_pipeline(*steps).fit(X, y).predict(X)
    scaled = make_pipeline(StepTransformer(scaler), *steps).fit(X, y).predict(X)
    assert_allclose(scaled, plain, rtol=1e-9)


@pytest.mark.parametrize("spread", [0.01, 1.5, 100])
def test_steps_further_ahead_than_rows_have_the_units_of_the_others(spread):
    series = 20 + spread * walk(200)
    X, y = make_supervised(series, horizon=120)
    model = make_pipeline(StepTransformer(StandardScaler()), NaiveRegressor())
    expected = np.repeat(series[:80], 120, axis=1)
    assert_allclose(model.fit(X, y).predict(X), expected, rtol=1e-9)


def test_it_takes_names_and_targets_of_a_panel():
    rng = np.random.default_rng(0)
    panel = pd.DataFrame(
        {
            "shop": np.repeat(["a", "b"], 30),
            "day": np.tile(np.arange(30), 2),
            "sold": rng.normal(size=60).cumsum(),
            "price": rng.normal(size=60).cumsum(),
        }
    ).sample(frac=1, random_state=0)
    target = ["price", "sold"]
    how = {"horizon": 3, "target": target, "group": "shop", "time": "day"}
    X, y = make_supervised(panel, **how)
    expected = np.tile(panel[panel["day"] < 27][target].to_numpy(), 3)
    for feature in (None, target):
        model = make_pipeline(SequenceWindower(2), NaiveRegressor(feature=feature))
        assert_array_equal(model.fit(X, y).predict(X), expected)
    rows, y = make_supervised(panel, **how, as_rows=True)
    windower = SequenceWindower(2, group="shop", time="day")
    model = make_pipeline(windower, NaiveRegressor(feature=target))
    assert_array_equal(model.fit(rows, y).predict(rows), expected)


def test_y_keeps_its_dimensions():
    X, y = make_supervised(walk())
    assert NaiveRegressor().fit(X, y).predict(X).shape == y.shape
    assert NaiveRegressor().fit(X, y[:, None]).predict(X).shape == (len(y), 1)


def test_the_period_can_be_searched_for():
    t = np.arange(400)
    noise = np.random.default_rng(0).normal(size=400)
    X, y = make_supervised(10 * np.sin(2 * np.pi * t / 12) + noise, horizon=6)
    model = make_pipeline(SequenceWindower(sequence_length=24), NaiveRegressor())
    periods = {"naiveregressor__period": [1, 6, 11, 12, 13]}
    search = GridSearchCV(model, periods, cv=TimeSeriesSplit(3, gap=6)).fit(X, y)
    assert search.best_params_ == {"naiveregressor__period": 12}
    copy = pickle.loads(pickle.dumps(search))
    assert_array_equal(copy.predict(X), search.predict(X))


@pytest.mark.parametrize("lag", [None, 1])
def test_units_that_cannot_be_found_are_warned_of(lag):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 4, 1))
    model = NaiveRegressor(lag=lag)
    with pytest.warns(UserWarning, match=r"column 0 of y have .* it one of 340, with"):
        model.fit(X, rng.normal(340, size=50))
    with pytest.warns(UserWarning, match="as if in other units"):
        model.fit(10 * X, rng.normal(size=50))


def test_windows_too_far_apart_to_hold_a_target_are_warned_of_behind_a_scaler():
    X, y = make_supervised(340 + walk(200))
    windows = SequenceWindower(2).fit_transform(X)[::4]
    assert_array_equal(NaiveRegressor().fit(windows, y[::4]).scale_, [1])
    scaled = StepTransformer(StandardScaler()).fit_transform(windows)
    with pytest.warns(UserWarning, match="as if in other units"):
        NaiveRegressor().fit(scaled, y[::4])


def test_each_column_may_have_a_lag_of_its_own():
    X, y = make_supervised(walk(), horizon=8)
    windows = SequenceWindower(5).fit_transform(X)
    model = NaiveRegressor(3, lag=[2, 8]).fit(windows, y[:, [1, 7]])
    expected = NaiveRegressor(3).fit(windows, y).predict(windows)
    assert_array_equal(model.predict(windows), expected[:, [1, 7]])
    with pytest.raises(
        ValueError, match=r"^Column 1 of y is not what .* 7 row\(s\) lat"
    ):
        NaiveRegressor(3, lag=[2, 7]).fit(windows, y[:, [1, 7]])


@pytest.mark.parametrize("series", [np.arange(20.0), 2.0 ** np.arange(20), np.ones(20)])
def test_a_series_that_grows_has_the_units_that_it_has(series):
    X, y = make_supervised(series, horizon=8)
    model = NaiveRegressor().fit(X, y)
    assert_array_equal(model.predict(X), np.repeat(series[:-8, None], 8, axis=1))


@pytest.mark.parametrize(
    ("params", "y", "message"),
    [
        ({"feature": 2}, np.zeros(3), "feature=2 is not in X, which has features"),
        ({"feature": "a"}, np.zeros(3), "feature='a' is not in X, which has features"),
        ({"feature": [0, 1]}, np.zeros((3, 3)), r"y has 3 column\(s\), but 2 feature"),
        ({}, np.zeros(3), "X does not say which of its 2 features y continues"),
        ({"period": 0}, np.zeros(3), "The 'period' parameter of NaiveRegressor must"),
        ({"feature": 0}, np.zeros(2), "inconsistent numbers of samples"),
    ],
)
def test_errors_say_what_to_do_in_a_line(params, y, message):
    with pytest.raises(ValueError, match=message) as raised:
        NaiveRegressor(**params).fit(np.zeros((3, 4, 2)), y)
    assert len(str(raised.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("X", "y"), [(np.nan, 0), (0, np.nan), (np.inf, 0), (0, -np.inf)]
)
def test_values_that_are_no_numbers_are_refused(X, y):
    X, y = np.array([[0, X], [1, 2]]), np.array([0, y])
    with pytest.raises(ValueError, match=r"contains (NaN|inf)"):
        NaiveRegressor().fit(X, y)


def test_other_features_than_in_fit_are_refused():
    X, y = make_supervised(walk(n_features=2), target=0, as_rows=True)
    model = NaiveRegressor(feature=0, n_timesteps=1).fit(X, y)
    with pytest.raises(ValueError, match="expecting 2 features"):
        model.predict(np.zeros((3, 5, 3)))
    with pytest.raises(ValueError, match="fitted to 2: pass X in the same form"):
        model.set_params(n_timesteps=2).predict(X)
