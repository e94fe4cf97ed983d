"""The validation split: nothing that trains is seen by what validates."""

import warnings

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

from sklstm import (
    LSTMRegressor,
    Sequences,
    SequenceWindower,
    make_histories,
    make_supervised,
)
from sklstm._rows._splits import (
    Timeline,
    find_horizon,
    overlap_runs,
    split_validation,
)
from sklstm.forecasting import ConformalRegressor, NaiveRegressor
from sklstm.forecasting._blend import Blend


def windows(n_rows, length):
    """Windows over several series that lie one after the other in one table."""
    starts, ends, begin = [], [], 0
    for n in n_rows:
        for t in range(n):
            starts.append(begin + max(0, t + 1 - length))
            ends.append(begin + t + 1)
        begin += n
    lengths = np.subtract(ends, starts)
    return Sequences(np.arange(float(begin))[:, None], starts, lengths)


def rows_of(sequences):
    return {float(v) for sequence in sequences for v in sequence.ravel()}


@given(
    n_rows=st.lists(st.integers(5, 40), min_size=1, max_size=4),
    length=st.integers(2, 5),
    fraction=st.floats(0.05, 0.5),
    seed=st.integers(0, 9),
)
def test_overlapping_windows_are_split_in_time(n_rows, length, fraction, seed):
    ordered = windows(n_rows, length)
    shuffled = np.random.default_rng(seed).permutation(len(ordered))
    sequences = ordered[shuffled]
    # Every series leaves half of its windows, or some would be held out whole.
    last = [np.ceil(fraction * n) for n in n_rows]
    lost = length - 1
    assume(
        all(
            n - k - lost >= (1 - fraction) * n / 2
            for n, k in zip(n_rows, last, strict=True)
        )
    )
    train, valid = split_validation(sequences, fraction)
    assert not rows_of(sequences[train]) & rows_of(sequences[valid])
    assert len(np.intersect1d(train, valid)) == 0
    series = np.repeat(np.arange(len(n_rows)), n_rows)[shuffled]
    for k, n in enumerate(n_rows):
        ends = (sequences.starts + sequences.lengths)[valid][series[valid] == k]
        last = np.ceil(fraction * n).astype(int)
        assert_array_equal(np.sort(ends), sum(n_rows[: k + 1]) - np.arange(last)[::-1])


@given(n=st.integers(10, 60), length=st.integers(1, 4), fraction=st.floats(0.1, 0.5))
def test_only_what_straddles_the_border_is_left_out(n, length, fraction):
    sequences = windows([n], length)
    if length == 1:
        return
    train, valid = split_validation(sequences, fraction)
    border = sequences.starts[valid].min()
    ends = sequences.starts + sequences.lengths
    assert_array_equal(train, np.flatnonzero(ends <= border))


@given(
    st.integers(2, 12), st.floats(0.1, 0.9), st.floats(0.05, 0.3), st.integers(0, 99)
)
def test_any_part_of_the_windows_is_split_in_fair_shares(length, share, fraction, seed):
    rng = np.random.default_rng(seed)
    chosen = np.flatnonzero(rng.random(1000) < share)
    sequences = windows([1000], length)[chosen]
    train, valid = split_validation(sequences, fraction, random_state=0)
    assert not rows_of(sequences[train]) & rows_of(sequences[valid])
    assert fraction / 2 < len(valid) / len(chosen) < 2 * fraction + 0.1
    assert len(train) / len(chosen) > (1 - fraction) / 2


def slow_split(names, ends, lengths, fraction, horizon):
    """Rows, sequence by sequence: what trains, what validates, how many share steps."""
    train, valid = [], []
    sizes = {name: int((names == name).sum()) for name in np.unique(names)}
    n_before, n_valids = 0, {}
    for name, n in sizes.items():
        upto = [int(np.ceil(fraction * k - 1e-9)) for k in (n_before, n_before + n)]
        n_valids[name] = min(n - 1, upto[1] - upto[0])
        n_before += n
    if not any(n_valids.values()):
        n_valids[max(sizes, key=sizes.get)] = 1
    for name, n in sizes.items():
        in_time = sorted(np.flatnonzero(names == name), key=ends.__getitem__)
        first = in_time[: n - n_valids[name]]
        last = in_time[n - n_valids[name] :]
        targets = {ends[i] + k for i in last for k in range(1, horizon + 1)}
        held = {ends[i] - k for i in last for k in range(lengths[i])}
        allowed = [
            i
            for i in first
            if not targets & {ends[i] + k for k in range(1, horizon + 1)}
        ]
        apart = [
            i for i in allowed if not held & {ends[i] - k for k in range(lengths[i])}
        ]
        train += apart if len(apart) >= (1 - fraction) * n / 2 else allowed
        valid += last
    seen = {(names[i], ends[i] - k) for i in train for k in range(lengths[i])}
    n_shared = sum(
        any((names[i], ends[i] - k) in seen for k in range(lengths[i])) for i in valid
    )
    return sorted(train), sorted(valid), n_shared


@given(
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=4),
    length=st.integers(1, 15),
    horizon=st.integers(1, 12),
    fraction=st.floats(0.05, 0.5),
    share=st.floats(0.1, 1),
    seed=st.integers(0, 99),
)
def test_the_last_of_each_known_series_validates(
    sizes, length, horizon, fraction, share, seed
):
    rng = np.random.default_rng(seed)
    names = np.repeat(np.arange(len(sizes)), sizes)
    times = np.concatenate([rng.choice(3 * n, n, replace=False) for n in sizes])
    ends = np.concatenate(
        [np.argsort(np.argsort(t)) for t in np.split(times, np.cumsum(sizes)[:-1])]
    )
    table = np.column_stack([names, times, np.arange(len(names))])
    some = rng.permutation(len(names))[: max(2, int(share * len(names)))]
    assume(np.bincount(names[some]).max() > 1)
    sequences = make_histories(table, group=0, time=1, max_gap=np.inf)
    sequences = sequences.tail(length)[some]
    expected_train, expected_valid, n_shared = slow_split(
        names[some], ends[some], sequences.lengths, fraction, horizon
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if not expected_train:
            with pytest.raises(ValueError, match="leaves none for training"):
                split_validation(sequences, fraction, horizon=horizon)
            return
        train, valid = split_validation(sequences, fraction, horizon=horizon)
    assert train.tolist() == expected_train
    assert valid.tolist() == expected_valid
    messages = [str(warning.message) for warning in caught]
    messages = [m for m in messages if "no training samples left" not in m]
    assert len(messages) == (n_shared > 0)
    if n_shared:
        assert messages[0].startswith(f"{n_shared} of {len(valid)} validation windows")
        assert len(messages[0].splitlines()) == 1


def test_a_target_that_reaches_over_the_border_does_not_train():
    """400 rows, 48 ahead: windows of 4 rows apart have targets in common."""
    X, y = make_supervised(np.arange(400.0), horizon=48)
    windows = X.tail(4)
    train, valid = split_validation(windows, 0.25, horizon=48)
    assert len(valid) == 88
    assert not np.isin(y[train], y[valid]).any()
    assert len(train) == 352 - 88 - 47  # and no more is left out
    train, _ = split_validation(windows, 0.25, horizon=1)
    assert np.isin(y[train], y[valid]).any()  # what this test can see


def test_early_stopping_purges_by_the_horizon_that_sequences_know():
    """Targets that fall into the validation part do not matter to a fit."""
    X, y = make_supervised(np.sin(np.arange(400.0)), horizon=48)
    windows = X.tail(4)
    model = LSTMRegressor(4, early_stopping=True, max_epochs=1, random_state=0)
    model.set_params(standardize=False)
    border = np.arange(352)[-36] + 1  # the first row that a held out target has
    is_held_out = np.arange(352)[:, None] + np.arange(1, 49) >= border
    spoilt = np.where(is_held_out, 50.0, y)
    expected = clone(model).fit(windows, y).predict(windows)
    assert_array_equal(clone(model).fit(windows, spoilt).predict(windows), expected)
    # A single column says nothing of how far ahead it lies; sequences do.
    expected = clone(model).fit(windows, y[:, -1]).predict(windows)
    late = clone(model).fit(windows, spoilt[:, -1]).predict(windows)
    assert_array_equal(late, expected)


def test_steps_in_common_that_cannot_be_left_out_are_told_in_numbers():
    """200 rows, windows of 96, 24 ahead."""
    X, y = make_supervised(np.arange(200.0), horizon=24)
    windows = X.tail(96)
    message = (
        "18 of 18 validation windows hold steps that training windows hold, too:"
        " leaving these out would cost more than half of the training data of 1"
        " series. What is measured on them is optimistic: give more rows or a shorter"
        " sequence_length."
    )
    with pytest.warns(UserWarning, match="18 of 18") as caught:
        train, valid = split_validation(windows, 0.1, horizon=24)
    assert [str(warning.message) for warning in caught] == [message]
    assert not np.isin(y[train], y[valid]).any()
    model = LSTMRegressor(2, early_stopping=True, max_epochs=1)
    with pytest.warns(UserWarning, match="18 of 18 validation windows hold steps"):
        model.fit(windows, y)
    with pytest.raises(
        ValueError, match=r"whose targets reach 160 row\(s\) ahead, lea"
    ):
        split_validation(windows, 0.1, horizon=160)


def test_a_stride_is_counted_in_rows():
    X, y = make_supervised(np.arange(1000.0), horizon=48)
    some, targets = X.tail(4)[::10], y[::10]
    train, valid = split_validation(some, 0.1, horizon=48)
    assert not np.isin(targets[train], targets[valid]).any()
    # Of every tenth row four are within 48 of the border, and not 47.
    assert_array_equal(train, np.arange(valid[0] - 4))


# One place for all that sets samples aside


class Watch(RegressorMixin, BaseEstimator):
    """Remembers the targets that it was fitted to."""

    def fit(self, X, y, sample_weight=None):
        self.y_ = y
        return self

    def predict(self, X):
        return np.zeros((len(X), *self.y_.shape[1:]))


def early(X, y):
    train, valid = split_validation(X, 0.25, horizon=find_horizon(X, y))
    return [(y[train], y[valid])]


def conformal(X, y):
    model = ConformalRegressor(Watch(), calibration_fraction=0.25).fit(X, y)
    return [(model.estimator_.y_, model.scores_)]  # of a forecast of 0


def blend(X, y):
    model = Blend({"w": Watch()}, [], n_blocks=4).fit(X, X, y)
    time = Timeline.of(X)
    block = time.rank * 4 // time.sizes[time.series]
    copies = model.copies["w"]
    return [(copy.y_, y[block == i]) for i, copy in enumerate(copies)]


def panel(horizon, stride=1):
    """Windows of two series, every target value of which is there once."""
    table = np.c_[np.repeat([0, 1], 200), np.tile(np.arange(200), 2), np.arange(400.0)]
    X, y = make_supervised(table, horizon=horizon, target=2, group=0, time=1)
    return X.tail(3)[::stride], y.reshape(len(y), -1)[::stride]


SETS_ASIDE = [early, conformal, blend]


@pytest.mark.parametrize("set_aside", SETS_ASIDE)
@pytest.mark.parametrize("stride", [1, 7])
@pytest.mark.parametrize("horizon", [1, 5, 20])
@pytest.mark.parametrize("shuffled", [False, True])
def test_no_target_is_on_both_sides(set_aside, horizon, stride, shuffled):
    X, y = panel(horizon, stride)
    order = np.arange(len(y))
    if shuffled:
        order = np.random.default_rng(0).permutation(order)
    for train, held_out in set_aside(X[order], y[order]):
        assert len(train) > 0.4 * len(y)
        assert not np.isin(train, held_out).any()
        # Nothing is left out that has no target, nor a step, of what is held out.
        reach = max(horizon, 3)
        distance = np.abs(held_out[:, :1] - y[:, 0]).min(axis=0)
        assert np.isin(y[distance >= reach][:, 0], train[:, 0]).all()


@pytest.mark.parametrize("set_aside", SETS_ASIDE)
def test_all_ask_one_timeline(set_aside, monkeypatch):
    """If that runs backwards, the first is held out and not the last."""
    X, y = panel(5)

    def backwards(X, of=Timeline.of):
        turned = X.on_table(X.steps)
        turned.rows = -of(X).rows
        return of(turned)

    before = set_aside(X, y)[0][1]
    monkeypatch.setattr(Timeline, "of", staticmethod(backwards))
    train, after = set_aside(X, y)[0]
    assert not np.isin(before, after).any()
    assert not np.isin(train, after).any()


@pytest.mark.parametrize("as_rows", [False, True])
def test_shuffled_rows_change_nothing_in_a_blend(as_rows):
    """If their times are known: the same weights and the same predictions."""
    noise = np.random.default_rng(0).normal(size=301)
    table = np.c_[np.arange(300), noise[1:] + noise[:-1]]
    ridge = make_pipeline(SequenceWindower(8, flatten=True), Ridge())
    lstm = LSTMRegressor(
        4, linear_skip=False, max_epochs=1, random_state=0, dtype="float64"
    )
    models = {"naive": NaiveRegressor(), "ridge": ridge}
    blend = Blend(models, [], net=("lstm", lstm), max_epochs=2)
    windower = SequenceWindower(8, time=0 if as_rows else None)
    found = []
    for order in (np.arange(300), np.random.default_rng(1).permutation(300)):
        how = {"horizon": 4, "target": 1, "time": 0, "as_rows": as_rows}
        X, y = make_supervised(table[order], **how)
        in_time = np.argsort(X[:, 0] if as_rows else X.times)
        windows = windower.fit_transform(X)
        blend.fit(windows, windows, y)
        weights = list(blend.weights.values())
        found.append((weights, blend.gains, blend.predict(windows, windows)[in_time]))
    assert max(found[0][0]) < 1  # a blend of several
    for first, second in zip(*found, strict=True):
        assert_array_equal(first, second)


def test_the_fraction_is_that_of_all_series_together():
    table = np.column_stack([np.repeat(np.arange(100), 5), np.arange(500)])
    windows = make_histories(table, group=0).tail(2)
    train, valid = split_validation(windows, 0.1)
    assert len(valid) == 50
    assert (valid % 5 == 4).all()
    assert len(train) == 500 - 50 - 50  # those before them share a step


def test_series_hardly_longer_than_their_windows_validate_whole():
    sequences = windows([12] * 50, 10)
    train, valid = split_validation(sequences, 0.1, random_state=0)
    series = np.repeat(np.arange(50), 12)
    assert len(np.unique(series[valid])) == 5
    assert_array_equal(np.sort(np.r_[train, valid]), np.arange(600))


def test_a_repeated_sequence_is_no_window():
    once = Sequences(np.arange(300.0)[:, None], np.arange(0, 300, 3), np.full(100, 3))
    drawn = np.random.default_rng(0).integers(0, 100, size=100)
    train, valid = split_validation(once[drawn], 0.2, random_state=0)
    assert len(train) + len(valid) == 100
    assert not set(drawn[train]) & set(drawn[valid])


def test_too_few_sequences_say_so():
    with pytest.raises(ValueError, match=r"validation_fraction=0.1 of 1 sequences"):
        split_validation(windows([1], 1), 0.1)


def test_independent_sequences_are_shuffled_and_stratified():
    sequences = windows([1] * 100, 1)
    labels = np.repeat([0, 1], [80, 20])
    train, valid = split_validation(sequences, 0.2, stratify=labels, random_state=0)
    assert_array_equal(np.sort(np.r_[train, valid]), np.arange(100))
    assert_array_equal(np.bincount(labels[valid]), [16, 4])
    other = split_validation(sequences, 0.2, stratify=labels, random_state=1)[1]
    assert not np.array_equal(valid, other)


def test_too_short_a_series_says_so():
    with pytest.raises(ValueError, match="leaves none for training"):
        split_validation(windows([10], 10), 0.1)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.integers(2, 4))
def test_series_are_found_from_what_overlaps(n_rows, length):
    sequences = windows(n_rows, length)
    assert_array_equal(overlap_runs(sequences), np.repeat(range(len(n_rows)), n_rows))
