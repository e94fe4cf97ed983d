"""Forecasts from the last level: whatever the level, the units and the reading."""

import pickle

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    MinMaxScaler,
    PowerTransformer,
    RobustScaler,
    StandardScaler,
)

from sklstm import LSTMRegressor, Sequences, SequenceWindower, make_supervised
from sklstm._anchor import Anchor, change_coverage, find_units, put_changes

RNG = np.random.default_rng(0)
WALK = np.cumsum(RNG.normal(size=(200, 2)), axis=0)
X, Y = make_supervised(WALK, horizon=3, target=0)
LIFT = np.array([1000, 0])
WINDOWS = SequenceWindower(6).fit_transform(X)


def small(**params):
    fixed = {"hidden_size": 6, "max_epochs": 2, "random_state": 0, "dtype": "float64"}
    return LSTMRegressor(**fixed | {"anchor": 0} | params)


@given(st.data())
def test_changes_are_those_within_sequences(data):
    n = data.draw(st.integers(1, 15))
    bounds = st.tuples(st.integers(0, n - 1), st.integers(1, n))
    drawn = data.draw(st.lists(bounds, min_size=1, max_size=5))
    starts = np.array([start for start, _ in drawn])
    lengths = np.array([min(length, n - start) for start, length in drawn])
    steps = RNG.normal(size=(n, 2))
    sequences = Sequences(steps, starts, lengths)
    weights = RNG.integers(0, 4, len(drawn))
    expected, count = np.zeros(n), np.zeros(n)
    for start, length, weight in zip(starts, lengths, weights, strict=True):
        for row in range(start + 1, start + length):
            expected[row] = steps[row, 1] - steps[row - 1, 1]
            count[row] += weight
    changed = put_changes(steps, [1], sequences)
    assert_array_equal(changed[:, 1], expected)
    assert_array_equal(changed[:, 0], steps[:, 0])
    assert_array_equal(change_coverage(sequences, weights), count)


def test_unsigned_integers_have_negative_changes():
    steps = np.array([[5], [3], [4]], dtype=np.uint8)
    changed = put_changes(steps, [0], Sequences(steps, [0], [3]))
    assert_array_equal(changed.ravel(), [0, -2, 1])


@pytest.mark.parametrize("unroll", ["window", "series"])
@pytest.mark.parametrize("loss", ["squared_error", "quantile", "gaussian"])
def test_a_higher_level_gives_forecasts_as_much_higher(unroll, loss):
    here = small(unroll=unroll, loss=loss).fit(WINDOWS, Y)
    above = small(unroll=unroll, loss=loss)
    above.fit(SequenceWindower(6).fit_transform(X + LIFT), Y + 1000)
    moved = SequenceWindower(6).fit_transform(X + LIFT / 100)
    assert_allclose(here.predict(moved), here.predict(WINDOWS) + 10, rtol=1e-6)
    assert_allclose(
        above.predict(SequenceWindower(6).fit_transform(X + LIFT)),
        here.predict(WINDOWS) + 1000,
        rtol=1e-7,
    )


def test_it_is_what_one_does_by_hand():
    changes = np.array(WINDOWS[5:])  # (n, 6, 2), all complete
    changes[:, 1:, 0] = np.diff(changes[..., 0], axis=1)
    changes[:, 0, 0] = 0.0
    last = X[5:, :1]
    plain = {"standardize": False, "anchor": None}
    by_hand = small(**plain).fit(changes, Y[5:] - last)
    model = small(standardize=False).fit(WINDOWS[5:], Y[5:])
    assert_allclose(
        model.predict(WINDOWS[5:]), by_hand.predict(changes) + last, rtol=1e-6
    )


def test_windows_and_arrays_are_the_same():
    whole = np.array(WINDOWS[5:])
    model = small().fit(WINDOWS[5:], Y[5:])
    other = small().fit(whole, Y[5:])
    assert_allclose(other.predict(whole), model.predict(WINDOWS[5:]), rtol=1e-6)
    assert_allclose(model.predict(whole), model.predict(WINDOWS[5:]), rtol=1e-6)
    assert_allclose(other.scaler_.scale_, model.scaler_.scale_)


def test_the_first_step_of_a_sequence_has_no_change():
    model = small().fit(WINDOWS, Y)
    assert_allclose(
        model.predict(np.array(WINDOWS[9:10])), model.predict(WINDOWS[9:10]), rtol=1e-6
    )
    # The row before a window does not matter to it.
    other = WALK.copy()
    other[3] += 50
    windows = SequenceWindower(6).fit_transform(other)
    assert_allclose(model.predict(windows[9:10]), model.predict(WINDOWS[9:10]))


@pytest.mark.parametrize("scaler", [StandardScaler(), MinMaxScaler(), RobustScaler()])
def test_units_of_y_are_found_behind_any_scaler(scaler):
    bare = make_pipeline(SequenceWindower(6), small())
    plain = bare.fit(X, Y).predict(X)
    scaled = make_pipeline(scaler, SequenceWindower(6), small()).fit(X, Y)
    assert_allclose(scaled.predict(X), plain, rtol=1e-6)
    # ... or before y, or on half of the rows, or in other numbers
    target = TransformedTargetRegressor(clone(bare), transformer=StandardScaler())
    assert_allclose(target.fit(X, Y).predict(X), plain, rtol=1e-4)
    windows = SequenceWindower(6).fit_transform(scaler.fit_transform(X).astype("f4"))
    chosen = RNG.permutation(len(Y))[:100]
    scale, offset, _ = find_units(windows[chosen], np.array([0]), Y[chosen, :1])
    assert_allclose(offset + scale * windows.steps[:, 0], X[:, 0], rtol=1e-3, atol=1e-3)


def test_the_very_values_come_before_any_line():
    ramp = np.arange(3000) + RNG.normal(size=3000) * 0.3
    windows = SequenceWindower(5).fit_transform(ramp[:-50, None])
    zero = np.zeros(1, dtype=int)
    assert_array_equal(find_units(windows, zero, ramp[50:, None])[:2], [[1], [0]])
    few = np.array([0, 1, 3, 30, 400.0])
    windows = SequenceWindower(2).fit_transform(few[:-1, None])
    assert_array_equal(find_units(windows, zero, few[1:, None])[:2], [[1], [0]])
    scaled = SequenceWindower(5).fit_transform(ramp[:-50, None] / 7)
    scale, offset, _ = find_units(scaled, zero, ramp[50:, None])
    assert_allclose([scale[0], offset[0]], [7, 0], atol=1e-6)


def test_units_of_a_series_that_is_mostly_zero_are_found():
    rng = np.random.default_rng(0)
    demand = (rng.random(400) < 0.06) * rng.integers(1, 6, 400).astype(float)
    rows, y = make_supervised(demand, horizon=3)
    windows = SequenceWindower(5).fit_transform(rows / 4 + 1)
    units = find_units(windows, np.zeros(3, dtype=int), y)
    assert_allclose(units[:2], [[4] * 3, [-4] * 3])
    assert units[2].all()


def test_units_are_found_in_a_panel_and_in_arrays():
    table = np.c_[np.repeat([0, 1, 2], 60), np.tile(np.arange(60), 3), WALK[:180]]
    rows, y = make_supervised(table, horizon=2, target=2, group=0, time=1)
    windower = SequenceWindower(5, group=0, time=1)
    windows = windower.fit_transform(rows / [1, 1, 3, 1])
    zero = np.zeros(1, dtype=int)
    assert_allclose(find_units(windows, zero, y[:, :1])[:2], [[3], [0]], atol=1e-9)
    arrays = Sequences.from_arrays(list(np.array(WINDOWS[5:]) / 4 + 1))
    assert_allclose(find_units(arrays, zero, Y[5:, :1])[:2], [[4], [-4]])


def test_levels_in_the_same_units_need_not_be_a_forecast():
    y = X[:, 0] + RNG.normal(size=len(X))
    model = small(max_epochs=30).fit(WINDOWS, y)
    assert model.score(WINDOWS, y) > 0.9


def test_what_cannot_work_is_refused():
    pipe = make_pipeline(PowerTransformer(), SequenceWindower(6), small())
    with pytest.raises(ValueError, match=r"^The anchor, feature 0, has a standard dev"):
        pipe.fit(X, Y * 9)


@pytest.mark.parametrize(
    ("anchor", "message"),
    [
        ("OT", r"^anchor has 'OT', which is not a feature of X: give a position from"),
        (
            2,
            r"^anchor has 2, which is not a feature of X: give a position from 0 to 1;",
        ),
        (-1, r"^anchor has -1, which"),
        ([0, 1], r"^anchor has 2 feature\(s\) for 3 target\(s\); give one for all"),
        ([], r"^anchor has 0 feature\(s\)"),
    ],
)
def test_unknown_anchors_are_named(anchor, message):
    with pytest.raises(ValueError, match=message):
        small(anchor=anchor).fit(WINDOWS, Y)


def test_a_list_has_one_for_each_target():
    rows, y = make_supervised(WALK, horizon=2)  # step 1 of both, step 2 of both
    windows = SequenceWindower(6).fit_transform(rows)
    model = small(anchor=[0, 1]).fit(windows, y)
    assert_array_equal(model._targets.anchor.positions, [0, 1, 0, 1])
    moved = SequenceWindower(6).fit_transform(rows + np.array([0, 5]))
    difference = model.predict(moved) - model.predict(windows)
    assert_allclose(difference, np.tile([0, 5], (len(y), 2)), atol=1e-6)


def test_names_are_those_of_the_dataframe():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=["OT", "load"])
    windows = SequenceWindower(6).set_output(transform="default").fit_transform(frame)
    model = small(anchor="OT").fit(windows, Y)
    assert model._targets.anchor.features == [0]


def test_levels_are_taken_from_the_last_real_step():
    padded = np.array([[[1.0], [2.0], [np.nan]], [[3.0], [4.0], [5.0]]])
    sequences = Sequences.from_arrays([[[1.0], [2.0]], [[3.0], [4.0], [5.0]]])
    anchor = Anchor(np.array([0, 0]), np.array([1.0, 10.0]), np.array([0, 0]))
    assert_array_equal(anchor.levels(sequences), [[2, 20], [5, 50]])
    model = small().fit(padded, [2.5, 5.5])
    assert_allclose(model.predict(padded), model.predict(sequences))


def test_all_else_goes_with_it():
    weight = RNG.integers(0, 3, len(Y))
    chosen = np.repeat(np.arange(len(Y)), weight)
    params = {"batch_size": 1000, "n_iter_no_change": None}
    weighted = small(**params).fit(WINDOWS, Y, sample_weight=weight)
    repeated = small(**params).fit(WINDOWS[chosen], Y[chosen])
    assert_allclose(weighted.predict(WINDOWS), repeated.predict(WINDOWS), rtol=1e-6)
    again = pickle.loads(pickle.dumps(weighted))
    assert_array_equal(again.predict(WINDOWS), weighted.predict(WINDOWS))
    pipe = make_pipeline(StandardScaler(), SequenceWindower(), small())
    grid = {"sequencewindower__sequence_length": [2, 6]}
    search = GridSearchCV(pipe, grid, cv=TimeSeriesSplit(2, gap=3)).fit(X, Y)
    assert search.predict(X).shape == Y.shape
    model = small(warm_start=True, early_stopping=True).fit(WINDOWS, Y).fit(WINDOWS, Y)
    assert model.n_iter_ == 4
    for unroll in ("window", "series"):
        whole = small(unroll=unroll).fit(WINDOWS, Y[:, 0])
        assert whole.predict(WINDOWS).shape == (len(Y),)


def test_a_walk_is_forecast_about_as_well_as_by_its_last_value():
    walk = np.cumsum(np.random.default_rng(1).normal(size=1000))
    rows, y = make_supervised(walk)
    windows = SequenceWindower(10).fit_transform(rows)
    model = LSTMRegressor(8, anchor=0, max_epochs=5, random_state=0)
    model.fit(windows[:700], y[:700])
    naive = np.mean((rows[700:, 0] - y[700:]) ** 2)
    assert np.mean((model.predict(windows[700:]) - y[700:]) ** 2) < 1.1 * naive


@pytest.mark.parametrize("unroll", ["window", "series"])
def test_the_skip_is_a_line_through_the_window(unroll):
    params = {"linear_skip": True, "unroll": unroll, "standardize": False}
    model = small(**params).fit(WINDOWS, Y)
    weight = model.module_.skip.weight
    assert weight.shape == (3, 12)
    without = model.predict(WINDOWS)
    with torch.no_grad():
        line = torch.linspace(-1, 1, 36, dtype=torch.float64).view(3, 12)
        weight.add_(line)
    changes = np.zeros((len(WINDOWS), 6, 2))  # from the last step back
    for i, window in enumerate(WINDOWS):
        changes[i, : len(window)] = window[::-1]
        changes[i, : len(window), 0] = -np.diff(window[::-1, 0], append=window[0, 0])
        if unroll == "series" and i >= 6:
            changes[i, 5, 0] = X[i - 5, 0] - X[i - 6, 0]  # the row before is known
    expected = without + changes.reshape(-1, 12) @ line.numpy().T
    assert_allclose(model.predict(WINDOWS), expected, rtol=1e-6, atol=1e-9)


def test_the_skip_reads_many_windows_in_parts(monkeypatch):
    model = small(linear_skip=True).fit(WINDOWS, Y)
    expected = model.predict(WINDOWS)
    monkeypatch.setattr("sklstm._module.SKIPPED_VALUES", 1)
    assert_array_equal(model.predict(WINDOWS), expected)


@pytest.mark.parametrize("length", [5, 37])
def test_bits_do_not_depend_on_company_whatever_the_widths(length):
    windows = SequenceWindower(length).fit_transform(X)
    params = {"linear_skip": True, "dtype": "float32", "hidden_size": 33}
    model = small(**params).fit(windows, Y)
    together = model.predict(windows)
    for i in range(0, len(Y), 7):
        assert_array_equal(model.predict(windows[[i]])[0], together[i])


def test_longer_sequences_than_in_fit_are_read_from_their_end():
    model = small(linear_skip=True).fit(WINDOWS, Y)
    longer = SequenceWindower(9).fit_transform(X)
    assert model.predict(longer).shape == Y.shape


@pytest.mark.parametrize("unroll", ["window", "series"])
def test_the_level_may_be_that_of_a_season_ago(unroll):
    # Nothing is learnt at a rate of almost 0: what remains is the level and a mean.
    season = np.tile([0.0, 10.0, 20.0, 30.0], 50)
    rows, y = make_supervised(season, horizon=6)
    windows = SequenceWindower(5).fit_transform(rows)
    model = small(period=4, learning_rate=1e-12, unroll=unroll).fit(windows, y)
    assert_allclose(model.predict(windows)[5:], y[5:], atol=3)
    assert_array_equal(model._targets.anchor.ages, [3, 2, 1, 0, 3, 2])
    with pytest.warns(UserWarning, match=r"^The longest sequence has 5 steps, too few"):
        small(period=6).fit(windows, y)


def test_what_has_no_level_is_no_anchor():
    ids = SequenceWindower(4).fit_transform(RNG.integers(0, 5, (60, 2)))
    with pytest.raises(ValueError, match=r"^anchor is feature 0, which holds ids"):
        small(categorical_features=[0]).fit(ids, RNG.normal(size=60))


@pytest.mark.parametrize("changed", [{"anchor": 1}, {"anchor": None}, {"period": 2}])
def test_a_continued_fit_keeps_its_levels(changed):
    model = small(warm_start=True).fit(WINDOWS, Y).set_params(**changed)
    with pytest.raises(
        ValueError, match=r"^(anchor|period) was .* in the first fit and"
    ):
        model.fit(WINDOWS, Y)
