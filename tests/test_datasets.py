"""The data sets hold what their docstrings say, figure by figure."""

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import cross_val_score

from sklstm.datasets import (
    load_co2,
    make_adding_problem,
    make_lagged,
    make_ragged_sequences,
    make_regime_sines,
)

GENERATORS = [
    make_adding_problem,
    make_lagged,
    make_ragged_sequences,
    make_regime_sines,
]

sizes = st.integers(1, 40)
seeds = st.integers(0, 2**32 - 1)


def gaps_of(mask):
    """Return the first row and the length of each run of True."""
    edges = np.flatnonzero(np.diff(np.r_[0, mask.astype(int), 0]))
    return edges[::2], edges[1::2] - edges[::2]


# The CO2 series


def test_co2_is_weekly_without_exception():
    dates = load_co2().dates
    assert dates.shape == (2284,)
    assert dates.dtype == "datetime64[D]"
    assert dates[0] == np.datetime64("1958-03-29")
    assert dates[-1] == np.datetime64("2001-12-29")
    assert_array_equal(np.diff(dates), np.timedelta64(7, "D"))
    assert_array_equal(np.is_busday(dates, weekmask="Sat"), True)


def test_co2_figures():
    co2 = load_co2(missing="keep")
    ppm = co2.data[:, 0]
    assert co2.data.shape == (2284, 1)
    assert co2.data.dtype == np.float64
    assert co2.feature_names == ["co2"]
    assert (ppm[0], ppm[-1]) == (316.1, 371.5)
    assert ppm[co2.dates == np.datetime64("1984-03-24")] == 345.6
    assert (np.nanmin(ppm), np.nanmax(ppm)) == (313.0, 373.9)


def test_co2_missing_weeks_are_those_documented():
    co2 = load_co2(missing="keep")
    assert_array_equal(co2.missing_mask, np.isnan(co2.data[:, 0]))
    assert co2.missing_mask.sum() == 59

    first, length = gaps_of(co2.missing_mask)
    assert len(first) == 22
    assert sorted(length)[-2:] == [8, 18]
    longest = first[length.argmax()]
    assert co2.dates[longest] == np.datetime64("1964-01-25")
    assert co2.dates[longest + 17] == np.datetime64("1964-05-23")
    assert co2.dates[first[-1]] == np.datetime64("1985-08-03")
    assert gaps_of(~co2.missing_mask)[1].max() == 856


def test_co2_interpolation_touches_missing_weeks_only_and_is_a_straight_line():
    filled, kept = load_co2(), load_co2(missing="keep")
    assert_array_equal(filled.missing_mask, kept.missing_mask)
    assert np.isfinite(filled.data).all()
    measured = ~kept.missing_mask
    assert_array_equal(filled.data[measured], kept.data[measured])

    for start, length in zip(*gaps_of(kept.missing_mask), strict=True):
        across = filled.data[start - 1 : start + length + 1, 0]
        line = np.linspace(across[0], across[-1], length + 2)
        assert_allclose(across, line, rtol=1e-12)
    # 10 May 1958 lies between the measured 316.9 and 317.5.
    assert filled.data[6, 0] == pytest.approx(317.2)


@pytest.mark.parametrize("missing", ["interpolate", "keep"])
def test_co2_frame_equals_array(missing):
    pd = pytest.importorskip("pandas")
    array, frame = load_co2(missing=missing), load_co2(missing=missing, as_frame=True)
    assert array.frame is None
    assert frame.frame is frame.data
    assert isinstance(frame.data.index, pd.DatetimeIndex)
    assert frame.data.index.name == "date"
    assert frame.data.index.freqstr == "W-SAT"
    assert list(frame.data.columns) == frame.feature_names
    assert_array_equal(frame.data.index.to_numpy(), array.dates)
    assert_array_equal(frame.data.to_numpy(), array.data)


def test_co2_frame_without_pandas_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    assert load_co2().data.shape == (2284, 1)
    with pytest.raises(ImportError, match=r'pip install "sklstm\[pandas\]"'):
        load_co2(as_frame=True)


def test_co2_calls_do_not_share_memory():
    load_co2().data[:] = 0
    assert load_co2().data.min() == 313.0


# What the generators have in common


@pytest.mark.parametrize("make", GENERATORS)
def test_random_state_decides(make):
    def flat(random_state):
        X, y = make(n_samples=30, random_state=random_state)
        return np.concatenate([*map(np.ravel, X), y])

    same = flat(np.random.RandomState(3))
    assert_array_equal(flat(3), same)
    assert not np.array_equal(flat(4), same)


@pytest.mark.parametrize("make", GENERATORS)
def test_global_random_state_is_left_alone(make):
    before = np.random.get_state()[1:]  # noqa: NPY002
    make(n_samples=5, random_state=0)
    after = np.random.get_state()[1:]  # noqa: NPY002
    for old, new in zip(before, after, strict=True):
        assert_array_equal(old, new)


@pytest.mark.parametrize(
    ("make", "bad"),
    [
        (load_co2, {"missing": "drop"}),
        (load_co2, {"as_frame": "yes"}),
        (make_adding_problem, {"n_samples": 0}),
        (make_adding_problem, {"n_timesteps": 1}),
        (make_lagged, {"lag": -1}),
        (make_lagged, {"noise": np.nan}),
        (make_ragged_sequences, {"n_classes": 1}),
        (make_ragged_sequences, {"n_features": 2.0}),
        (make_ragged_sequences, {"max_length": 19}),
        (make_regime_sines, {"n_regimes": 1}),
        (make_regime_sines, {"noise": -0.1}),
        (make_regime_sines, {"min_period": 2}),
        (make_regime_sines, {"max_period": 8}),
        (make_regime_sines, {"max_duration": 63}),
    ],
)
def test_bad_parameters_are_named_on_one_line(make, bad):
    ((name, value),) = bad.items()
    with pytest.raises(ValueError, match=name) as error:
        make(**bad)
    assert str(value) in str(error.value)
    assert "\n" not in str(error.value)


# The adding problem


@given(sizes, st.integers(2, 30), seeds)
def test_adding_problem_marks_one_step_in_each_half(n_samples, n_timesteps, seed):
    X, y = make_adding_problem(n_samples, n_timesteps=n_timesteps, random_state=seed)
    values, markers = X[..., 0], X[..., 1]
    assert X.shape == (n_samples, n_timesteps, 2)
    assert set(np.unique(markers)) <= {0, 1}
    half = n_timesteps // 2
    assert_array_equal(markers[:, :half].sum(axis=1), 1)
    assert_array_equal(markers[:, half:].sum(axis=1), 1)
    assert ((values >= 0) & (values < 1)).all()
    assert_allclose(y, (values * markers).sum(axis=1))


def test_adding_problem_mean_has_error_one_sixth_and_every_step_is_marked():
    X, y = make_adding_problem(20_000, n_timesteps=7, random_state=0)
    assert y.mean() == pytest.approx(1, abs=0.01)
    assert ((y - 1) ** 2).mean() == pytest.approx(1 / 6, abs=0.005)
    frequency = X[..., 1].mean(axis=0)
    assert_allclose(frequency, [1 / 3] * 3 + [1 / 4] * 4, atol=0.015)


# The lagged target


@given(sizes, st.integers(0, 50), seeds)
def test_lagged_target_is_the_feature_lag_rows_ago(n_samples, lag, seed):
    X, y = make_lagged(n_samples, lag=lag, noise=0, random_state=seed)
    assert X.shape == (n_samples, 1)
    assert y.shape == (n_samples,)
    assert_array_equal(y[lag:], X[: max(n_samples - lag, 0), 0])


def test_lagged_window_needs_lag_plus_one_rows():
    X, y = make_lagged(4000, lag=7, noise=0.5, random_state=0)

    def score(n_rows):
        windows = np.lib.stride_tricks.sliding_window_view(X[:, 0], n_rows)
        target = y[n_rows - 1 :]
        return (
            LinearRegression()
            .fit(windows[:2000], target[:2000])
            .score(windows[2000:], target[2000:])
        )

    assert score(7) < 0.01
    assert score(8) == pytest.approx(1 / (1 + 0.5**2), abs=0.03)


def test_lagged_first_targets_have_the_distribution_of_the_others():
    _, y = make_lagged(2000, lag=2000, noise=1, random_state=0)
    assert y.mean() == pytest.approx(0, abs=0.1)
    assert y.var() == pytest.approx(2, abs=0.2)


# Regimes of sines


@given(st.integers(1, 400), st.integers(2, 5), st.integers(1, 30), seeds)
def test_regimes_last_as_long_as_asked(n_samples, n_regimes, min_duration, seed):
    series, regimes = make_regime_sines(
        n_samples,
        n_regimes=n_regimes,
        min_duration=min_duration,
        max_duration=min_duration + 5,
        random_state=seed,
    )
    assert series.shape == regimes.shape == (n_samples,)
    assert set(regimes) <= set(range(n_regimes))
    borders = np.flatnonzero(np.diff(regimes)) + 1
    durations = np.diff(np.r_[0, borders, n_samples])
    assert (durations <= min_duration + 5).all()
    assert (durations[:-1] >= min_duration).all()


def test_regimes_have_their_period_and_the_phase_runs_on():
    series, regimes = make_regime_sines(
        3000, n_regimes=3, min_period=5, max_period=20, noise=0, random_state=0
    )
    assert set(regimes) == {0, 1, 2}
    # A sine of angular frequency w obeys s[t-1] + s[t+1] = 2 cos(w) s[t].
    inside = (regimes[:-2] == regimes[1:-1]) & (regimes[1:-1] == regimes[2:])
    w = 2 * np.pi / np.array([20, 10, 5])[regimes[1:-1]]
    residual = series[:-2] + series[2:] - 2 * np.cos(w) * series[1:-1]
    assert_allclose(residual[inside], 0, atol=1e-9)
    # No step, at a border or not, exceeds the chord of the fastest turn.
    assert np.abs(np.diff(series)).max() <= 2 * np.sin(np.pi / 5) + 1e-9


def test_regimes_noise_is_in_units_of_the_amplitude():
    clean, regimes = make_regime_sines(5000, noise=0, random_state=0)
    noisy, same = make_regime_sines(5000, noise=0.3, random_state=0)
    assert_array_equal(regimes, same)
    assert np.std(noisy - clean) == pytest.approx(0.3, abs=0.01)
    assert np.abs(clean).max() == pytest.approx(1, abs=0.01)


# Ragged sequences


@given(sizes, st.integers(2, 6), st.integers(1, 20), st.integers(1, 3), seeds)
def test_ragged_shapes_and_balance(n_samples, n_classes, min_length, n_features, seed):
    X, y = make_ragged_sequences(
        n_samples,
        n_classes=n_classes,
        min_length=min_length,
        max_length=min_length + 4,
        n_features=n_features,
        random_state=seed,
    )
    assert len(X) == len(y) == n_samples
    assert {x.shape[1] for x in X} == {n_features}
    assert {len(x) for x in X} <= set(range(min_length, min_length + 5))
    counts = np.bincount(y, minlength=n_classes)
    assert len(counts) == n_classes
    assert np.ptp(counts) <= 1


@given(st.integers(2, 6), st.floats(0, 2), seeds)
def test_ragged_class_only_arranges_the_steps(n_classes, noise, seed):
    """Other classes, same seed: the same steps in each sequence, in another order."""
    one, _ = make_ragged_sequences(8, noise=noise, random_state=seed)
    other, _ = make_ragged_sequences(
        8, n_classes=n_classes, noise=noise, random_state=seed
    )
    for x, z in zip(one, other, strict=True):
        assert_array_equal(x[np.lexsort(x.T)], z[np.lexsort(z.T)])


@pytest.mark.parametrize("n_classes", [2, 3])
def test_ragged_unordered_steps_are_chance_and_order_tells(n_classes):
    X, y = make_ragged_sequences(1200, n_classes=n_classes, random_state=0)
    unordered = [np.r_[len(x), x.mean(0), x.std(0), x.min(0), x.max(0)] for x in X]
    ordered = [np.abs(np.diff(x, axis=0)).mean(axis=0) for x in X]
    model = LogisticRegression(max_iter=1000)
    chance = 1 / n_classes
    assert cross_val_score(model, unordered, y).mean() == pytest.approx(
        chance, abs=0.05
    )
    assert cross_val_score(model, ordered, y).mean() > 0.95


def test_ragged_class_is_the_dominant_period():
    X, y = make_ragged_sequences(300, n_classes=3, random_state=0)

    def power(x, period):
        wave = np.exp(2j * np.pi * np.arange(len(x)) / period)
        return abs(wave @ x[:, 0])

    found = [np.argmax([power(x, period) for period in (16, 8, 4)]) for x in X]
    assert np.mean(found == y) > 0.95
