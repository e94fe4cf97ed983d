"""The periods of series are found where there are some, and none where not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from sklstm.forecasting._periods import _structure, find_periods


def random(seed=0):
    return np.random.default_rng(seed)


def day_and_week(n=1500, seed=0):
    rng, hour = random(seed), np.arange(n)
    day, weekend = np.sin(hour * np.pi / 12), hour // 24 % 7 >= 5
    return 2 * day + 1.5 * weekend * (1 + day) + 0.3 * rng.normal(size=n)


def smallest_period(pattern):
    """Return the rows after which a pattern that goes round is itself again."""
    return next(k for k in range(1, len(pattern) + 1) if pattern == roll(pattern, k))


def roll(pattern, k):
    return pattern[k:] + pattern[:k]


@given(
    lengths=st.lists(st.integers(8, 40), min_size=1, max_size=4),
    n_lags=st.integers(1, 7),
    seed=st.integers(0, 99),
)
def test_structure_is_that_of_a_loop(lengths, n_lags, seed):
    rng = random(seed)
    runs = [10.0**i * (5 + rng.normal(size=n)) for i, n in enumerate(lengths)]
    expected = [
        np.mean(
            [
                ((run[t] - run[t - lag]) / run.std()) ** 2
                for run in runs
                for t in range(lag, len(run))
            ]
        )
        for lag in range(1, n_lags + 1)
    ]
    assert_allclose(_structure(runs, n_lags), expected, rtol=1e-9)


def test_pattern_by_hand():
    # One row ahead the last value errs by 1, 2 and 3, that of three rows ago never.
    assert find_periods([np.tile([0.0, 1.0, 3.0], 4)], 1) == [3]
    assert find_periods([np.tile([0, 1, 3], 4).astype(np.int8)], 5) == [3]
    # Three periods fit, and not one row less.
    assert find_periods([np.tile([0.0, 1.0, 3.0], 3)], 1) == [3]
    assert find_periods([np.tile([0.0, 1.0, 3.0], 3)[:-1]], 1) == []


@given(
    pattern=st.lists(st.integers(0, 9), min_size=2, max_size=30),
    n_times=st.integers(4, 9),
    horizon=st.integers(1, 40),
    seed=st.integers(0, 99),
)
def test_repeated_pattern_is_found(pattern, n_times, horizon, seed):
    period = smallest_period(pattern)
    noise = random(seed).normal(size=len(pattern) * n_times)
    found = find_periods([np.tile(pattern, n_times) + 1e-6 * noise], horizon)
    if period > 1:
        assert found[-1] == period
        assert all(period % inner == 0 for inner in found)
        assert len(found) <= 2
        assert found == sorted(set(found))


@pytest.mark.parametrize("horizon", [12, 24, 200])
def test_day_and_week(horizon):
    assert find_periods([day_and_week()], horizon) == [24, 168]
    assert find_periods([day_and_week()[:400]], horizon)[-1] == 24


@pytest.mark.parametrize("season", ["added", "multiplied"])
def test_year_of_a_growing_series(season):
    rng, month = random(), np.arange(96)
    year = np.sin(np.pi * month / 6) + 0.1 * rng.normal(size=96)
    trend = month / 48
    series = trend + year if season == "added" else np.exp(trend + 0.3 * year)
    assert find_periods([series], 12) == [12]


@pytest.mark.parametrize("n", [30, 100, 400, 3000])
@pytest.mark.parametrize("horizon", [1, 6, 24])
def test_no_season_in_walks(n, horizon):
    walks = random(n).normal(size=(20, n)).cumsum(axis=1)
    drifts = walks + 0.2 * np.arange(n)
    assert [find_periods([walk], horizon) for walk in [*walks, *drifts]] == [[]] * 40


@pytest.mark.parametrize("kind", ["normal", "poisson"])
def test_no_season_in_noise(kind):
    noise = getattr(random(), kind)(size=(20, 300))
    found = [find_periods([row], 12) for row in noise]
    assert found == [[]] * 20


def test_horizon_decides():
    # A slow wave: the last value is best for the next row, not for half a wave.
    wave = 10 * np.sin(np.arange(300) * np.pi / 12) + random().normal(size=300).cumsum()
    assert find_periods([wave], 1) == []
    assert find_periods([wave], 12) == [24]


def test_series_count_alike_whatever_their_units():
    rng = random()
    patterns = rng.normal(size=(5, 7))
    series = [np.tile(p, 8) + 0.2 * rng.normal(size=56) for p in patterns]
    walk = 1e6 * rng.normal(size=56).cumsum()
    for runs in (series, [*series, walk]):
        assert find_periods(runs, 7) == [7]
        for scale in (1e-200, 1e-9, 1e9, 1e100):
            scaled = [scale * 10.0**i * run for i, run in enumerate(runs)]
            assert find_periods(scaled, 7) == [7]
        assert find_periods([run - 100 for run in runs], 7) == [7]


def test_period_across_gaps():
    rng = random()
    series = np.tile(rng.normal(size=7), 60) + 0.3 * rng.normal(size=420)
    runs = np.split(series, [1, 3, 60, 61, 200, 290])
    assert find_periods(runs, 7) == [7]
    # Runs of a few rows tell nothing of a week, nor much of their own spread.
    assert find_periods(np.split(series, range(5, 420, 5)), 7) == []
    noise = np.split(rng.normal(size=2000), np.sort(rng.choice(2000, 200)))
    assert find_periods(noise, 12) == []


def test_too_little_to_tell():
    empty, one, constant = np.empty(0), np.ones(1), np.full(100, 0.1)
    for runs in ([], [empty], [one], [constant], [np.arange(5.0)], [one, constant]):
        assert find_periods(runs, 12) == []
    # The longest run is the constant: it has no lags of its own.
    series = np.tile([0.0, 1.0, 3.0], 10)
    assert find_periods([empty, constant, series, one], 3) == [3]
