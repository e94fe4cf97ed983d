"""Changes in, changes out, levels back: whatever the level, the units and the form."""

import pickle

import numpy as np
import pandas as pd
import pytest
import sklearn
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)

from sklstm import (
    LSTMRegressor,
    Sequences,
    SequenceWindower,
    StepTransformer,
    make_histories,
    make_supervised,
    make_windows,
)
from sklstm._rows._splits import Timeline
from sklstm.forecasting import AnchoredRegressor, ConformalRegressor, NaiveRegressor
from sklstm.forecasting._levels import take_changes

RNG = np.random.default_rng(0)
WALK = np.cumsum(RNG.normal(size=(200, 2)), axis=0)
LIFT = np.array([1000, 0])
X, Y = make_supervised(WALK, horizon=3, target=0)
WINDOWS = SequenceWindower(6).fit_transform(X)
# The changes of the first feature, that of the first row being unknown.
CHANGES = np.c_[np.diff(WALK[:, 0], prepend=WALK[0, 0]), WALK[:, 1]]


def lstm(**params):
    fixed = {"hidden_size": 6, "max_epochs": 2, "random_state": 0, "dtype": "float64"}
    return LSTMRegressor(**fixed | params)


def small(feature=None, period=1, lag=None, **params):
    return AnchoredRegressor(lstm(**params), feature=feature, period=period, lag=lag)


def windows_of(table, length=6, **how):
    """Windows with their targets."""
    histories, y = make_supervised(table, **how)
    return SequenceWindower(length).fit_transform(histories), y


def scaled(sequences, scaler):
    """Sequences behind a scaler, and the true scale and offset of feature 0."""
    step = StepTransformer(scaler).fit(sequences)
    n_features = sequences.shape[2]
    ends = np.repeat([[0.0], [1.0]], n_features, axis=1)
    low, high = step.transformer_.inverse_transform(ends)[:, 0]
    return step.transform(sequences), high - low, low


# Changes


@given(st.data())
def test_changes_are_those_within_sequences(data):
    n = data.draw(st.integers(1, 15))
    bounds = st.tuples(st.integers(0, n - 1), st.integers(1, n))
    drawn = data.draw(st.lists(bounds, min_size=1, max_size=5))
    starts = [start for start, _ in drawn]
    lengths = [min(length, n - start) for start, length in drawn]
    sequences = Sequences(RNG.normal(size=(n, 2)), starts, lengths)
    before = sequences.steps.copy()
    changed = take_changes(sequences, [1])
    assert_array_equal(changed.lengths, lengths)
    for old, new in zip(sequences, changed, strict=True):
        assert_array_equal(new[:, 0], old[:, 0])
        assert_array_equal(new[:, 1], np.diff(old[:, 1], prepend=old[0, 1]))
    assert_array_equal(sequences.steps, before)


@given(st.integers(1, 7), st.lists(st.integers(0, 9), min_size=1, max_size=8))
def test_the_first_change_of_a_window_is_known_if_its_history_is_longer(length, rows):
    histories = make_histories(WALK[:10])
    changed = take_changes(histories.tail(length)[rows], [0])
    for row, new in zip(rows, changed, strict=True):
        assert_array_equal(new, CHANGES[max(row - length + 1, 0) : row + 1])


def test_no_change_comes_from_another_series_or_from_before_a_gap():
    names, days = np.repeat([0, 1], 6), np.tile([0, 1, 2, 9, 10, 11], 2)
    table = np.c_[names, days, WALK[:12, 0]]
    windows = make_histories(table, group=0, time=1, max_gap=1).tail(2)
    changed = take_changes(windows, [0])
    for i, new in enumerate(changed):
        expected = np.diff(WALK[:12, 0], prepend=0)
        expected[::3] = 0
        assert_array_equal(new[:, 0], expected[i + 1 - len(new) : i + 1])


def test_overlapping_windows_are_still_known_to_be_of_one_series():
    """Or an LSTM behind would validate on steps that it trains on."""
    starts = RNG.permutation(30)
    windows = Sequences(WALK[:40], starts, np.full(30, 5))
    expected = Timeline.of(windows)
    found = Timeline.of(take_changes(windows, [0]))
    assert_array_equal(found.series, expected.series)
    assert_array_equal(found.rank, expected.rank)
    assert_array_equal(np.diff(found.rows), np.diff(expected.rows))


def test_unsigned_integers_have_negative_changes():
    steps = np.array([[5], [3], [4]], dtype=np.uint8)
    changed = take_changes(Sequences(steps, [0], [3]), [0])
    assert_array_equal(changed.steps.ravel(), [0, -2, 1])


@pytest.mark.parametrize("unroll", ["window", "series"])
def test_it_is_what_one_does_by_hand(unroll):
    inner = lstm(unroll=unroll, standardize=False)
    model = AnchoredRegressor(inner).fit(WINDOWS, Y)
    changes = WINDOWS.on_table(CHANGES[: len(WINDOWS.steps)])
    last = WALK[:197, :1]
    by_hand = clone(inner).fit(changes, Y - last)
    assert_array_equal(model.predict(WINDOWS), by_hand.predict(changes) + last)


@pytest.mark.parametrize("unroll", ["window", "series"])
def test_the_row_before_a_window_tells_its_first_change_and_no_more(unroll):
    model = small(unroll=unroll).fit(WINDOWS, Y)
    expected = model.predict(WINDOWS[9:10])  # reads rows 4 to 9
    for row, is_read in [(2, False), (3, True)]:
        other = WALK.copy()
        other[row] += 50
        windows, _ = windows_of(other, horizon=3, target=0)
        same = model.predict(windows[9:10]) == expected
        assert same.all() != is_read


@pytest.mark.parametrize(
    "inner",
    [lstm(), lstm(unroll="series"), lstm(unroll="series", early_stopping=True)],
    ids=["window", "series", "early"],
)
@pytest.mark.parametrize("period", [1, 4])
def test_anchored_before_the_windower_is_the_same_as_behind_it(inner, period):
    windower = SequenceWindower(6)
    behind = make_pipeline(windower, AnchoredRegressor(inner, period=period))
    before = AnchoredRegressor(make_pipeline(windower, inner), period=period)
    assert_array_equal(before.fit(X, Y).predict(X), behind.fit(X, Y).predict(X))


@pytest.mark.parametrize("unroll", ["window", "series"])
@pytest.mark.parametrize("loss", ["squared_error", "quantile", "gaussian"])
def test_a_higher_level_gives_forecasts_as_much_higher(unroll, loss):
    here = small(unroll=unroll, loss=loss).fit(WINDOWS, Y)
    above, y = windows_of(WALK + LIFT, horizon=3, target=0)
    moved = windows_of(WALK + LIFT / 100, horizon=3, target=0)[0]
    expected = here.predict(WINDOWS)
    assert_allclose(here.predict(moved), expected + 10, rtol=1e-6)
    model = small(unroll=unroll, loss=loss).fit(above, y)
    assert_allclose(model.predict(above), expected + 1000, rtol=1e-7)


# Units


SCALERS = [StandardScaler(), MinMaxScaler((-3, 5)), RobustScaler()]


@pytest.mark.parametrize("scaler", SCALERS)
@pytest.mark.parametrize("anchor", ["lstm", "naive"])
def test_a_scaler_before_it_changes_nothing(scaler, anchor):
    model = small() if anchor == "lstm" else NaiveRegressor()
    plain = make_pipeline(SequenceWindower(6), model)
    expected = clone(plain).fit(X, Y).predict(X)
    behind = make_pipeline(SequenceWindower(6), StepTransformer(scaler), model)
    assert_allclose(behind.fit(X, Y).predict(X), expected, rtol=1e-6)
    before = make_pipeline(StepTransformer(scaler), plain)
    assert_allclose(before.fit(X, Y).predict(X), expected, rtol=1e-6)
    target = TransformedTargetRegressor(plain, transformer=scaler)
    assert_allclose(target.fit(X, Y).predict(X), expected, rtol=1e-4)


SERIES = {
    "growth": np.exp(np.arange(400) / 40),
    "decay": np.exp(-np.arange(400) / 40),
    "ramp": np.arange(400.0) + RNG.normal(size=400),
    "wave": np.sin(np.arange(400) / 9) + RNG.normal(size=400) / 9,
    "sparse": (RNG.random(400) < 0.06) * RNG.integers(1, 6, 400).astype(float),
    "high": (1e5 + np.cumsum(RNG.normal(size=400))).astype(np.float32),
    "short": np.array([0.0, 1.0, 3.0, 30.0, 400.0, 7.0, 9.0]),
}


@pytest.mark.parametrize("horizon", [1, 3, 50])
@pytest.mark.parametrize("scaler", [*SCALERS, FunctionTransformer()])
@pytest.mark.parametrize("name", SERIES)
def test_the_units_are_those_of_the_scaler(name, scaler, horizon):
    """Not those of a line through values that are not the later ones."""
    if name == "short" and horizon > 1:
        return
    windows, y = windows_of(SERIES[name], horizon=horizon)
    if isinstance(scaler, FunctionTransformer):
        scale, offset = 1.0, 0.0  # the very values
    else:
        windows, scale, offset = scaled(windows, scaler)
    # In float32 a scaler rounds values of 1e5 to 1e-2, with a spread of some 10.
    rtol = 1e-4 if windows.dtype == np.float32 else 1e-9
    model = NaiveRegressor().fit(windows, y)
    assert_allclose(model.scale_, scale, rtol=rtol)
    assert_allclose(model.offset_, offset, rtol=rtol, atol=rtol * scale)
    # ... and if only the last of the steps ahead is forecast
    y = y if y.ndim == 1 else y[:, -1]
    model = NaiveRegressor(lag=horizon).fit(windows, y)
    assert_allclose(model.scale_, scale, rtol=rtol)
    assert_allclose(model.offset_, offset, rtol=rtol, atol=rtol * scale)


def test_growth_50_ahead_behind_a_standard_scaler():
    windows, y = windows_of(SERIES["growth"], horizon=50)
    step = StepTransformer(StandardScaler()).fit(windows)
    model = small().fit(step.transform(windows), y)
    assert_allclose(model.scale_, step.transformer_.scale_[0])
    assert_allclose(model.offset_, step.transformer_.mean_[0])


def test_float32_at_a_high_level_behind_a_standard_scaler():
    windows, y = windows_of(SERIES["high"])
    step = StepTransformer(StandardScaler()).fit(windows)
    model = small(dtype="float32").fit(step.transform(windows), y)
    assert_allclose(model.scale_, step.transformer_.scale_, rtol=1e-6)
    assert_allclose(model.offset_, step.transformer_.mean_, rtol=1e-6)


@pytest.mark.parametrize("standardize", [False, True])
def test_the_offset_is_kept_whether_or_not_the_net_standardises(standardize):
    windows, y = windows_of(WALK[:, :1] + 1000)
    changes, scale, offset = scaled(windows, StandardScaler())
    changes.steps[1:] = np.diff(changes.steps, axis=0)
    changes.steps[0] = 0
    model = small(standardize=standardize)
    step = StepTransformer(StandardScaler())
    inputs = step.fit_transform(windows)
    predicted = model.fit(inputs, y).predict(inputs)
    by_hand = lstm(standardize=standardize).fit(changes, y - WALK[:199, 0] - 1000)
    expected = by_hand.predict(changes) + WALK[:199, 0] + 1000
    assert_allclose(predicted, expected, rtol=1e-6)
    assert np.abs(predicted - y).mean() < 2  # where a step is 0.8


FORMS = {
    "array": lambda A: A,
    "list": list,
    "sequences": Sequences.from_arrays,
    "padded": lambda A: np.concatenate([np.full_like(A[:, :2], np.nan), A], axis=1),
    "flat": lambda A: A[:, :, 0],
}


@pytest.mark.parametrize("lag", [None, 1])
@pytest.mark.parametrize(("unit", "shift"), [(1.6, 0), (1, 300), (0.01, -7)])
@pytest.mark.parametrize("form", FORMS)
def test_arrays_may_be_in_other_units(form, unit, shift, lag):
    """Nothing says in which: the level is the least squares line of y on the value."""
    A, y = make_windows(WALK[:, 0] + 20, 6)
    here, there = FORMS[form](A), FORMS[form](A / unit + shift)
    expected = small(lag=lag).fit(here, y).predict(here)
    model = small(lag=lag).fit(there, y)
    assert_allclose(model.predict(there), expected, rtol=1e-6)
    line = LinearRegression().fit(A[:, -1] / unit + shift, y)
    assert_allclose(model.scale_, line.coef_)
    assert_allclose(model.offset_, line.intercept_)
    assert np.abs(model.predict(there) - y).mean() < 1


def test_a_list_may_be_ragged():
    arrays = [WALK[i : i + 2 + i % 5] for i in range(0, 180, 6)]
    y = np.array([array[-1, 0] for array in arrays]) + RNG.normal(size=30) / 9
    model = small(feature=0).fit(arrays, y)
    sequences = Sequences.from_arrays(arrays)
    assert_array_equal(model.predict(arrays), model.predict(sequences))
    assert np.abs(model.predict(arrays) - y).mean() < 1


SUBSETS = {
    "strided": np.arange(0, 197, 3),
    "far": np.arange(0, 197, 20),
    "shuffled": RNG.permutation(197)[:120],
    "holes": np.r_[5:60, 80:81, 90:197],
}


@pytest.mark.parametrize("scaler", [None, StandardScaler()])
@pytest.mark.parametrize("subset", ["strided", "shuffled", "holes"])
def test_a_subset_has_the_same_units(subset, scaler):
    windows, scale, offset = WINDOWS, 1.0, 0.0
    if scaler is not None:
        windows, scale, offset = scaled(WINDOWS, scaler)
    part, y = windows[SUBSETS[subset]], Y[SUBSETS[subset]]
    model = small().fit(part, y)
    assert_allclose(model.scale_, scale)
    assert_allclose(model.offset_, offset, atol=1e-9)


@pytest.mark.parametrize("scaler", [None, StandardScaler()])
def test_windows_too_far_apart_to_hold_a_target_are_not_taken_to_have_its_units(scaler):
    """Unless they are on the table that y is of, which no scaler has changed."""
    part, y = WINDOWS[SUBSETS["far"]], Y[SUBSETS["far"]]
    last = part.steps[part.starts + part.lengths - 1, :1]
    if scaler is not None:
        part = scaled(part, scaler)[0]
    model = small(learning_rate=1e-12).fit(part, y)
    predicted = model.predict(part)
    if scaler is None:
        assert_array_equal(model.scale_, 1)
    assert np.abs(predicted - y).mean() < 1.5 * np.abs(last - y).mean()


@pytest.mark.parametrize("unroll", ["window", "series"])
@pytest.mark.parametrize("subset", SUBSETS)
def test_a_subset_gives_the_same_bits_after_a_pickle(subset, unroll):
    part, y = X[SUBSETS[subset]], Y[SUBSETS[subset]]
    model = make_pipeline(SequenceWindower(6), small(unroll=unroll))
    expected = model.fit(part, y).predict(X)
    copied = clone(model).fit(pickle.loads(pickle.dumps(part)), y)
    assert_array_equal(copied.predict(X), expected)
    windows = model[0].transform(part)
    windows = pickle.loads(pickle.dumps(windows))
    assert_array_equal(clone(model[1]).fit(windows, y).predict(WINDOWS), expected)


def test_each_series_of_a_panel_has_its_targets_verified():
    table = np.c_[np.repeat([0, 1, 2], 60), np.tile(np.arange(60), 3), WALK[:180]]
    how = {"horizon": 2, "target": 2, "group": 0, "time": 1}
    windows, y = windows_of(table, 5, **how)
    windows, scale, offset = scaled(windows, StandardScaler())
    order = RNG.permutation(len(y))
    model = small().fit(windows[order], y[order])
    assert_allclose(model.scale_, scale)
    assert_allclose(model.offset_, offset)
    wrong = y.copy()
    wrong[windows.series == 2] += 5
    with pytest.raises(ValueError, match=r"^Column 0 of y is not what feature 0"):
        small().fit(windows, wrong)


# What cannot be


BENDS = [
    PowerTransformer(),
    QuantileTransformer(n_quantiles=50),
    FunctionTransformer(np.arctan),
]


@pytest.mark.parametrize("scaler", BENDS)
@pytest.mark.parametrize("model", [small(), NaiveRegressor()])
def test_a_scaler_that_bends_is_refused_in_a_line(scaler, model):
    bent = make_pipeline(SequenceWindower(6), StepTransformer(scaler), model)
    with pytest.raises(ValueError, match="no scaler before") as error:
        bent.fit(X, Y)
    assert str(error.value) == (
        "Column 0 of y is not what feature 0 of X holds 1 row(s) later, nor a straight"
        " line of it: give y as make_supervised makes it and no scaler before (the LSTM"
        " estimators standardise by themselves), or name another feature or lag."
    )


WRONG = {
    "noise": (Y + RNG.normal(size=Y.shape) / 9, {}),
    "earlier": (Y - 3 * WALK[:197, :1], {}),
    "other lags": (Y, {"lag": [2, 1, 3]}),
    "other feature": (Y, {"feature": 1, "lag": [1, 2, 3]}),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_targets_that_are_no_later_values_are_refused(wrong):
    y, params = WRONG[wrong]
    with pytest.raises(
        ValueError, match=r"^Column 0 of y is not what feature"
    ) as error:
        small(**params).fit(WINDOWS, y)
    assert len(str(error.value).splitlines()) == 1


def test_the_feature_is_called_by_its_name():
    frame = pd.DataFrame(WALK, columns=["OT", "load"])
    windows, y = windows_of(frame, target="OT")
    with pytest.raises(ValueError, match=r"^Column 0 of y is not what feature 'OT' of"):
        small().fit(windows, y.to_numpy() ** 2)
    assert_allclose(small(feature="OT").fit(windows, y).scale_, 1)


def test_other_targets_have_levels_too_but_by_least_squares():
    y = WALK[:197, 1] + RNG.normal(size=197)  # of a feature that y is not known to be
    model = small(feature=1, max_epochs=30).fit(WINDOWS, y)
    line = LinearRegression().fit(WALK[:197, 1:], y)
    assert_allclose(model.scale_, line.coef_)
    assert model.score(WINDOWS, y) > 0.8


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (
            {"feature": "OT"},
            r"^feature='OT' is not in X, which has features \[0, 1\]: name one of",
        ),
        ({"feature": 2}, r"^feature=2 is not in X, which has features \[0, 1\]"),
        ({"feature": -1}, r"^The 'feature' parameter of AnchoredRegressor must be"),
        ({"feature": [0, 1]}, r"^y has 3 column\(s\), but 2 feature\(s\) make another"),
        ({"feature": []}, r"^feature is empty; name at least one"),
        ({"lag": [1, 2]}, r"^lag has 2 value\(s\) and y 3 column\(s\) of 1 feature"),
        ({"lag": 0}, r"^The 'lag' parameter of AnchoredRegressor must be"),
        ({"period": 0}, r"^The 'period' parameter of AnchoredRegressor must be"),
    ],
)
def test_what_cannot_be_read_is_named(params, message):
    with pytest.raises(ValueError, match=message):
        small(**params).fit(WINDOWS, Y)


def test_the_horizon_must_be_that_of_y():
    with pytest.raises(ValueError, match=r"^y has 2 column\(s\), but 1 feature\(s\) a"):
        small().fit(WINDOWS, Y[:, :2])
    assert small(lag=[1, 2]).fit(WINDOWS, Y[:, :2]).n_outputs_ == 2


def test_arrays_of_several_features_do_not_say_which():
    with pytest.raises(
        ValueError, match=r"^X does not say which of its 2 features y c"
    ):
        small().fit(np.array(WINDOWS[6:]), Y[6:])


def test_ids_are_no_levels():
    ids, y = windows_of(RNG.integers(0, 5, (60, 2)), target=0)
    with pytest.raises(ValueError, match="holds ids"):
        small(categorical_features=[0]).fit(ids, y)
    small(categorical_features=[1]).fit(ids, y)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_no_numbers_are_refused(bad):
    table = WALK.copy()
    table[50, 0] = bad
    windows = make_supervised(table, horizon=3, target=0)[0].tail(6)
    with pytest.raises(ValueError, match=r"^Input X contains (NaN|infinity): sequence"):
        small().fit(windows, Y)
    with pytest.raises(ValueError, match="y contains"):
        small().fit(WINDOWS, Y + np.where(np.eye(197, 3), bad, 0))


# What passes through


def test_several_targets_have_a_level_each():
    windows, y = windows_of(WALK, horizon=2)  # step 1 of both, step 2 of both
    for feature in (None, [0, 1]):
        model = small(feature=feature).fit(windows, y)
        moved = windows_of(WALK + LIFT[::-1] / 200, horizon=2)[0]
        difference = model.predict(moved) - model.predict(windows)
        assert_allclose(difference, np.tile([0, 5, 0, 5], (len(y), 1)), atol=1e-6)
    assert_allclose(
        small().fit(scaled(windows, StandardScaler())[0], y).scale_,
        np.tile(WALK[:198].std(axis=0), 2),
    )


@pytest.mark.parametrize("column", [0, slice(0, 1), slice(None)])
def test_y_keeps_its_dimensions(column):
    lag = [1, 2, 3] if column == slice(None) else 1
    y = Y[:, column]
    assert small(lag=lag).fit(WINDOWS, y).predict(WINDOWS).shape == y.shape


def test_quantiles_pass_through():
    quantiles = {"loss": "quantile", "quantile": [0.1, 0.5, 0.9]}
    for y in (Y, Y[:, 0]):
        model = small(lag=None if y.ndim == 2 else 1, **quantiles).fit(WINDOWS, y)
        level = WALK[:197, 0].reshape(-1, *[1] * y.ndim)
        changes = WINDOWS.on_table(CHANGES[: len(WINDOWS.steps)])
        expected = model.regressor_.predict_quantiles(changes) + level
        found = model.predict_quantiles(WINDOWS)
        assert found.shape == (*y.shape, 3)
        assert_allclose(found, expected, rtol=1e-9)
    assert not hasattr(small(), "predict_quantiles")


def test_standard_deviations_pass_through():
    for y in (Y, Y[:, 0]):
        model = small(lag=None if y.ndim == 2 else 1, loss="gaussian")
        mean, std = model.fit(WINDOWS, y).predict(WINDOWS, return_std=True)
        assert_array_equal(mean, model.predict(WINDOWS))
        changes = WINDOWS.on_table(CHANGES[: len(WINDOWS.steps)])
        expected = model.regressor_.predict(changes, return_std=True)[1]
        assert_allclose(std, expected, rtol=1e-9)
        assert std.shape == y.shape


def test_intervals_pass_through():
    model = AnchoredRegressor(ConformalRegressor(lstm())).fit(WINDOWS, Y)
    interval = model.predict_interval(WINDOWS)
    assert_allclose(interval.mean(axis=-1), model.predict(WINDOWS), rtol=1e-9)
    inside = np.abs(interval - Y[..., None]).max(axis=-1) <= np.ptp(interval, axis=-1)
    assert 0.8 < inside.mean() < 1
    assert not hasattr(small(), "predict_interval")
    outside = ConformalRegressor(small(loss="gaussian")).fit(WINDOWS, Y)
    assert outside.method_ == "std"


def test_any_regressor_can_be_anchored():
    ridge = make_pipeline(SequenceWindower(6, flatten=True), Ridge())
    model = AnchoredRegressor(ridge).fit(WINDOWS, Y)
    changes = SequenceWindower(6, flatten=True).fit_transform(
        WINDOWS.on_table(CHANGES[: len(WINDOWS.steps)])
    )
    by_hand = Ridge().fit(changes, Y - WALK[:197, :1])
    expected = by_hand.predict(changes) + WALK[:197, :1]
    assert_allclose(model.predict(WINDOWS), expected)
    assert not hasattr(model, "partial_fit")


def test_a_table_stays_a_table():
    A, y = make_windows(WALK[:, 0], 6)
    table = A[:, :, 0]
    model = AnchoredRegressor(Ridge()).fit(table, y)
    line = LinearRegression().fit(table[:, -1:], y)
    changes = np.diff(table, axis=1, prepend=table[:, :1])
    level = line.predict(table[:, -1:])
    expected = Ridge().fit(changes, y - level).predict(changes) + level
    assert_allclose(model.predict(table), expected)
    assert model.n_features_in_ == 6


def test_levels_are_taken_from_the_last_real_step():
    padded = np.array([[[1.0], [2.0], [np.nan]], [[3.0], [4.0], [5.0]]])
    sequences = Sequences.from_arrays([[[1.0], [2.0]], [[3.0], [4.0], [5.0]]])
    model = small().fit(padded, [2.5, 5.5])
    assert_allclose([model.scale_[0], model.offset_[0]], [1, 0.5])
    assert_allclose(model.predict(padded), model.predict(sequences))


@pytest.mark.parametrize("unroll", ["window", "series"])
def test_the_level_may_be_that_of_a_season_ago(unroll):
    # Nothing is learnt at a rate of almost 0: what remains is the level and a mean.
    season = np.tile([0.0, 10.0, 20.0, 30.0], 50)
    windows, y = windows_of(season, 5, horizon=6)
    model = small(period=4, learning_rate=1e-12, unroll=unroll).fit(windows, y)
    assert_allclose(model.predict(windows)[5:], y[5:], atol=3)
    naive = NaiveRegressor(4).fit(windows, y).predict(windows)
    assert_array_equal(naive[3:], y[3:])
    with pytest.warns(UserWarning, match=r"^The longest sequence has 5 steps, too few"):
        small(period=6).fit(windows, y)


def test_weights_pass_through_with_and_without_routing():
    weight = RNG.integers(0, 3, len(Y))
    chosen = np.repeat(np.arange(len(Y)), weight)
    params = {"batch_size": 1000, "n_iter_no_change": None}
    weighted = small(**params).fit(WINDOWS, Y, sample_weight=weight)
    repeated = small(**params).fit(WINDOWS[chosen], Y[chosen])
    assert_allclose(weighted.predict(WINDOWS), repeated.predict(WINDOWS), rtol=1e-6)
    with sklearn.config_context(enable_metadata_routing=True):
        routed = small(**params)
        with pytest.raises(ValueError, match="not explicitly set as requested"):
            routed.fit(WINDOWS, Y, sample_weight=weight)
        routed.regressor.set_fit_request(sample_weight=True)
        routed.fit(WINDOWS, Y, sample_weight=weight)
    assert_array_equal(routed.predict(WINDOWS), weighted.predict(WINDOWS))


def test_it_is_cloned_pickled_and_searched_through():
    model = small().fit(WINDOWS, Y)
    again = pickle.loads(pickle.dumps(model))
    assert_array_equal(again.predict(WINDOWS), model.predict(WINDOWS))
    assert not hasattr(clone(model), "regressor_")
    pipe = make_pipeline(SequenceWindower(), small())
    grid = {
        "sequencewindower__sequence_length": [2, 6],
        "anchoredregressor__regressor__hidden_size": [3],
        "anchoredregressor__period": [1, 2],
    }
    search = GridSearchCV(pipe, grid, cv=TimeSeriesSplit(2, gap=3)).fit(X, Y)
    assert search.predict(X).shape == Y.shape
    assert search.best_estimator_[-1].regressor_.hidden_size == 3


def test_partial_fit_goes_on_from_the_same_levels():
    windows, scale, offset = scaled(WINDOWS, StandardScaler())
    model = small().partial_fit(windows, Y)
    first = model.regressor_
    model.partial_fit(windows[:2], Y[:2])  # too few to see units by
    assert model.regressor_ is first
    assert first.n_iter_ == 2
    assert_allclose(model.scale_, scale)
    assert_allclose(model.offset_, offset)
    with pytest.raises(
        ValueError, match=r"^y has 2 output\(s\), but AnchoredRegressor"
    ):
        model.partial_fit(windows, Y[:, :2])


def test_a_walk_is_forecast_about_as_well_as_by_its_last_value():
    walk = np.cumsum(np.random.default_rng(1).normal(size=1000))
    windows, y = windows_of(walk, 10)
    model = AnchoredRegressor(LSTMRegressor(8, max_epochs=5, random_state=0))
    model.fit(windows[:700], y[:700])
    naive = np.mean((walk[700:-1] - y[700:]) ** 2)
    assert np.mean((model.predict(windows[700:]) - y[700:]) ** 2) < 1.1 * naive
