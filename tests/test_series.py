"""Windows over groups, gaps and disorder, against a loop over lists."""

import pickle
import warnings
from collections import defaultdict
from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklstm import (
    LSTMRegressor,
    Sequences,
    SequenceWindower,
    StepTransformer,
    make_histories,
    make_supervised,
    make_windows,
)
from sklstm._rows._series import number_series, sort_rows
from sklstm.forecasting import PanelTimeSeriesSplit, add_future, forecast
from tests._data import ALL_SHORT

# Random panels are full of gaps, and many a window over them is short.
many_are_short = pytest.mark.filterwarnings("ignore:.* windows have fewer than")

DATES = pd.date_range("2024-01-01", periods=10, freq="h")


# The slow twin: one row at a time, in lists.


def steps_by_hand(groups, times):
    """The regular step of each series; None if no series has two rows."""
    steps = {
        group: sorted(times[j] - times[i] for i, j in pairwise(series))
        for group, series in members(groups, times).items()
    }
    together = sorted(step for own in steps.values() for step in own)
    found = {}
    for group, own in steps.items():
        found[group] = together[(len(together) - 1) // 20] if together else None
        if own:
            step = own[(len(own) - 1) // 20]
            is_clear = own.count(step) > max(1, len(own) / 2)
            found[group] = step if is_clear else min(step, found[group])
    return found


def members(groups, times):
    """Rows of each series, sorted by time."""
    rows = defaultdict(list)
    for i, group in enumerate(groups):
        rows[group].append(i)
    return {group: sorted(rows[group], key=lambda i: times[i]) for group in rows}


def history(series, times, i, limit):
    """Rows of an unbroken run that ends at position i of its series."""
    run = [series[i]]
    while i > 0 and not times[series[i]] - times[series[i - 1]] > limit:
        i -= 1
        run.insert(0, series[i])
    return run


def windows_by_hand(groups, times, length, max_gap=None):
    """The rows of each window, in the order of the rows."""
    windows = [None] * len(groups)
    steps = steps_by_hand(groups, times)
    for group, series in members(groups, times).items():
        limit = max_gap or (steps[group] or np.inf) * 1.5
        for i, row in enumerate(series):
            windows[row] = history(series, times, i, limit)[-length:]
    return windows


@st.composite
def panels(draw, max_rows=30):
    """Rows of up to three series in any order, with distinct times in each."""
    taken = draw(
        st.lists(
            st.tuples(st.sampled_from("abc"), st.integers(0, 25)),
            min_size=1,
            max_size=max_rows,
            unique=True,
        )
    )
    groups, times = zip(*taken, strict=True)
    return list(groups), list(times)


lengths = st.integers(1, 8)
gaps = st.sampled_from([None, 1, 2.5, 7, np.inf])


def table(groups, times):
    return pd.DataFrame({"who": groups, "value": np.arange(len(times)), "when": times})


def rows_of(windows):
    """The values of each window, which are the numbers of its rows."""
    return [window.ravel().tolist() for window in windows]


@many_are_short
@given(panels(), lengths, gaps)
def test_windows_are_those_of_the_slow_twin(panel, length, max_gap):
    windower = SequenceWindower(length, group="who", time="when", max_gap=max_gap)
    windows = windower.fit_transform(table(*panel))
    assert rows_of(windows) == windows_by_hand(*panel, length, max_gap)
    assert list(windows.feature_names) == ["value"]
    assert windows.series_names[windows.series].tolist() == panel[0]
    assert windows.times.tolist() == panel[1]


@many_are_short
@given(panels(), lengths)
def test_group_alone_takes_rows_as_they_come(panel, length):
    groups, _ = panel
    windows = SequenceWindower(length, group=0).fit_transform(
        table(*panel)[["who", "value"]]
    )
    assert rows_of(windows) == windows_by_hand(
        groups, range(len(groups)), length, np.inf
    )


@many_are_short
@given(panels(), lengths, st.data())
def test_selections_and_pickles_keep_the_windows(panel, length, data):
    windower = SequenceWindower(length, group="who", time="when")
    windows = windower.fit_transform(table(*panel))
    every = windows_by_hand(*panel, length)
    n = len(every)
    chosen = data.draw(st.lists(st.integers(0, n - 1), max_size=n))
    mask = np.isin(np.arange(n), chosen)
    part = slice(*sorted(data.draw(st.tuples(st.integers(0, n), st.integers(0, n)))))
    for key in (chosen, mask, part):
        some = pickle.loads(pickle.dumps(windows[key])) if len(windows[key]) else []
        expected = [every[i] for i in np.arange(n)[key]]
        assert rows_of(some) == expected
        if len(some):
            for known in ("series", "times", "index", "history_lengths"):
                of_all = getattr(windows, known)
                assert_array_equal(getattr(some, known), of_all[key])


@many_are_short
@given(panels(), lengths, gaps)
def test_flat_lags_are_the_windows(panel, length, max_gap):
    windower = SequenceWindower(
        length, group="who", time="when", max_gap=max_gap, flatten=True, fill_value=-1
    )
    flat = windower.fit_transform(table(*panel))
    by_hand = windows_by_hand(*panel, length, max_gap)
    filled = [[-1] * (length - len(window)) + window for window in by_hand]
    assert_array_equal(flat, filled)
    edge = clone(windower).set_params(fill_value="edge").fit_transform(table(*panel))
    filled = [window[:1] * (length - len(window)) + window for window in by_hand]
    assert_array_equal(edge, filled)


@many_are_short
@given(panels(), panels(), lengths, gaps)
def test_context_continues_what_fit_saw(seen, new, length, max_gap):
    """The rows before a run are those that fit has seen last, if nothing is missing."""
    seen_groups, seen_times = seen
    groups, times = new
    X = table(groups, times)
    X["value"] += 1000
    windower = SequenceWindower(length, group="who", time="when", max_gap=max_gap)
    windows = rows_of(windower.fit(table(*seen)).transform(X))
    n_kept = windower._n_tail
    known = {k: step for k, step in steps_by_hand(*seen).items() if step}
    steps = steps_by_hand(groups, times) | known
    old = members(*seen)
    for group, series in members(groups, times).items():
        limit = max_gap or (steps[group] or np.nan) * 1.5
        kept = []  # the last rows of each run of this series
        for i, row in enumerate(old.get(group, [])):
            following = old[group][i + 1 :]
            run = history(old[group], seen_times, i, limit)
            rest = [row]
            for later in following:
                if seen_times[later] - seen_times[rest[-1]] > limit:
                    break
                rest.append(later)
            if len(rest) <= n_kept:  # few enough rows of its run follow
                kept.append((row, [j for j in run if is_kept(j, run, rest, n_kept)]))
        for i, row in enumerate(series):
            run = history(series, times, i, limit)
            start = times[run[0]]
            before = [tail for last, tail in kept if seen_times[last] < start]
            tail = before[-1] if before else []
            if tail and not start - seen_times[tail[-1]] <= limit:
                tail = []
            assert windows[row] == (tail + [1000 + i for i in run])[-length:]


def is_kept(row, run, rest, n_kept):
    """Whether a row is among the last of a run, of which `rest` follows."""
    whole = run + rest[1:]
    return row in whole[len(whole) - min(len(whole), n_kept) :]


@many_are_short
@given(panels(), lengths)
def test_context_changes_nothing_for_the_training_rows(panel, length):
    X = table(*panel)
    with_context = SequenceWindower(length, group="who", time="when")
    plain = clone(with_context).set_params(context=False)
    expected = rows_of(plain.fit_transform(X))
    assert rows_of(plain.transform(X)) == expected
    assert rows_of(with_context.fit_transform(X)) == expected
    assert rows_of(with_context.fit(X).transform(X)) == expected


# By hand.


def dated(n=10):
    hours = pd.date_range(DATES[0], periods=n, freq="h")
    return pd.DataFrame({"x": np.arange(float(n))}, index=hours)


def test_no_window_spans_the_hole_that_a_fold_leaves():
    X = dated()
    for train, test in KFold(5).split(X):
        windows = SequenceWindower(4, time="index").fit_transform(X.iloc[train])
        for window, row in zip(windows, train, strict=True):
            values = window.ravel()
            assert values[-1] == row
            assert_array_equal(np.diff(values), 1)
            assert not set(values) & set(test)


def test_with_bare_arrays_a_hole_cannot_be_known():
    train = np.r_[0:4, 6:10]
    windows = SequenceWindower(3).fit_transform(np.arange(10.0)[train, None])
    assert windows[4].ravel().tolist() == [2, 3, 6]


@pytest.mark.filterwarnings("ignore:.*windows have fewer than")
def test_context_gives_a_fold_its_history():
    X = dated()
    windower = SequenceWindower(4, time="index")
    for train, test in KFold(5).split(X):
        windows = windower.fit(X.iloc[train]).transform(X.iloc[test])
        for window, row in zip(windows, test, strict=True):
            assert_array_equal(window.ravel(), np.arange(max(row - 3, 0), row + 1))


@pytest.mark.filterwarnings("ignore:.*windows have fewer than")
def test_context_is_not_used_by_rows_that_do_not_continue():
    X = dated()
    windower = SequenceWindower(4, time="index").fit(X[:5])
    assert windower.transform(X[6:7]).lengths == [1]  # row 5 is missing
    assert windower.transform(X[5:6]).lengths == [4]
    windower.set_params(max_gap="2h").fit(X[:5])
    assert windower.transform(X[6:7])[0].ravel().tolist() == [2, 3, 4, 6]


@pytest.mark.filterwarnings("ignore:.*windows have fewer than")
def test_context_serves_rows_that_repeat_the_last_known_ones():
    X, windower = dated(20), SequenceWindower(4, time="index")
    windows = windower.fit(X[:12]).transform(X[11:14])
    assert rows_of(windows) == [[8, 9, 10, 11], [9, 10, 11, 12], [10, 11, 12, 13]]
    assert windower.transform(X[1:3]).lengths.tolist() == [1, 2]  # long ago


@pytest.mark.parametrize("first", [11, 12])
def test_with_context_a_row_is_what_it_is_among_all(first):
    """The last row that fit saw and the one after it, each by itself."""
    X, windower = dated(20), SequenceWindower(4, time="index")
    alone = windower.fit(X[:12]).transform(X[first : first + 1])
    among_all = windower.fit_transform(X)[[first]]
    assert rows_of(alone) == rows_of(among_all)
    # The history goes on before it, and so do the changes from step to step.
    assert_array_equal(alone.begins_within(), among_all.begins_within())
    for windows in (alone, among_all):
        assert windows.steps[windows.starts[0] - 1, 0] == first - 4


@pytest.mark.filterwarnings("ignore:.*windows have fewer than")
def test_without_context_rows_begin_their_history():
    windower = SequenceWindower(4, time="index", context=False).fit(dated()[:5])
    assert rows_of(windower.transform(dated()[5:7])) == [[5], [5, 6]]


def test_without_time_there_is_no_context():
    X = np.arange(12.0)[:, None]
    windower = SequenceWindower(4).fit(X[:5])
    with pytest.warns(UserWarning, match="rows do not say what came before"):
        windows = windower.transform(X[5:7])
    assert rows_of(windows) == [[5], [5, 6]]


def test_context_is_as_long_as_the_windows_of_fit():
    windower = SequenceWindower(4, time="index").fit(dated()[:5])
    assert windower.set_params(sequence_length=3).transform(dated()[5:]).shape[1] == 3
    with pytest.raises(ValueError, match=r"more context than the \d rows .* fit again"):
        windower.set_params(sequence_length=9).transform(dated()[5:])


@pytest.mark.filterwarnings("ignore:.*windows have fewer than")
def test_a_series_of_one_row_has_the_step_of_the_others():
    rows = [[0, 0, 0], [0, 1, 1], [0, 2, 2], [1, 2, 7]]
    windower = SequenceWindower(3, group=0, time=1).fit(rows)
    assert rows_of(windower.transform([[1, 3, 8]])) == [[7, 8]]


def test_context_survives_a_pickle():
    X = dated()
    windower = SequenceWindower(4, time="index").fit(X[:5])
    windows = pickle.loads(pickle.dumps(windower)).transform(X[5:])
    assert windows[0].ravel().tolist() == [2, 3, 4, 5]


@ALL_SHORT
def test_context_of_integers_is_not_rounded():
    X = np.array([[0, 0.5], [1, 1.5]])
    windower = SequenceWindower(3, time=0).fit(X)
    windows = windower.transform(np.array([[2, 7]]))
    assert windows[0].ravel().tolist() == [0.5, 1.5, 7]


@pytest.mark.filterwarnings("ignore:.*windows have fewer than")
def test_a_pipeline_keeps_time_through_a_scaler_of_dataframes():
    X, y = dated(), np.arange(10.0)
    scaler = StandardScaler().set_output(transform="pandas")
    lags = SequenceWindower(3, time="index", flatten=True)
    model = make_pipeline(scaler, lags, LinearRegression())
    predictions = cross_val_predict(model, X, y, cv=KFold(5))
    assert np.abs(predictions - y).max() < 1e-9


@many_are_short
@pytest.mark.parametrize("share", [0.1, 0.3, 0.6, 0.9])
@pytest.mark.parametrize("panel", [1, 50])
def test_rows_taken_at_random_make_no_window_over_a_hole(share, panel):
    """With few rows left of each series, a lucky few may look regular."""
    n = 1000 // panel
    table = np.column_stack([np.repeat(range(panel), n), np.tile(range(n), panel)])
    table = np.column_stack([table, table[:, 1]])
    spanning, total = 0, 0
    for seed in range(20):
        rows = np.random.default_rng(seed).permutation(1000)[: int(share * 1000)]
        for window in SequenceWindower(4, group=0, time=1).fit_transform(table[rows]):
            spanning += (np.diff(window.ravel()) > 1).any()
            total += 1
    assert spanning <= (0.04 if share < 0.5 else 0.01) * total


@pytest.mark.parametrize("deviation", [0.05, 0.1])
def test_clocks_that_are_not_exact_make_few_gaps(deviation):
    noise = np.random.default_rng(0).normal(scale=deviation, size=1000)
    table = np.column_stack([np.cumsum(1 + noise), np.arange(1000)])
    lengths = SequenceWindower(4, time=0).fit_transform(table).lengths
    assert np.mean(lengths == 4) > 0.95


def test_events_without_a_regular_step_are_told_of():
    times = np.cumsum(np.random.default_rng(0).exponential(size=200))
    X = np.column_stack([times, times])
    with pytest.warns(
        UserWarning, match="200 of 200 .* longest history 3: gaps of time"
    ):
        SequenceWindower(9, time=0).fit_transform(X)
    windows = SequenceWindower(9, time=0, max_gap=np.inf).fit_transform(X)
    assert (windows.lengths[8:] == 9).all()


@pytest.mark.parametrize("library", [pd, pl], ids=["pandas", "polars"])
def test_both_libraries_give_the_same(library):
    columns = {
        "shop": ["b", "a", "b", "a", "b"],
        "day": DATES[[0, 0, 1, 2, 2]].to_numpy(),
        "sold": [1, 2, 3, 4, 5],
        "price": [0.5, 0.25, 0.5, 0.25, 0.75],
    }
    windower = SequenceWindower(2, group="shop", time="day")
    windows = windower.fit_transform(library.DataFrame(columns))
    sold = [window[:, 0].tolist() for window in windows]
    assert sold == [[1], [2], [1, 3], [4], [3, 5]]
    assert list(windows.feature_names) == ["sold", "price"]
    assert list(windower.feature_names_in_) == list(columns)


@pytest.mark.parametrize(
    "when",
    [
        DATES,
        DATES.tz_localize("Europe/Berlin"),
        DATES.tz_localize("America/New_York"),
        DATES.astype("datetime64[s]"),
        DATES - DATES[0],
        np.arange(10),
        np.arange(10) / 10,
        np.arange(10, dtype=np.uint8),
        DATES.strftime("%Y-%m-%dT%H:%M"),
        pd.array(range(10), dtype="Int64"),
        DATES.to_pydatetime().astype(object),
    ],
    ids=lambda when: f"{type(when).__name__}-{when.dtype}",
)
def test_any_kind_of_time_stamp(when):
    X = pd.DataFrame({"when": when, "x": np.arange(10)}).drop(index=5)
    lengths = SequenceWindower(3, time="when").fit_transform(X).lengths
    assert lengths.tolist() == [1, 2, 3, 3, 3, 1, 2, 3, 3]


@pytest.mark.parametrize(
    "max_gap", ["2h", timedelta(hours=2), np.timedelta64(120, "m"), np.inf]
)
def test_any_kind_of_gap(max_gap):
    X = dated().drop(index=DATES[5])
    windows = SequenceWindower(3, time="index", max_gap=max_gap).fit_transform(X)
    assert windows.lengths.tolist() == [1, 2, 3, 3, 3, 3, 3, 3, 3]


# Calendars: days that are not there are no gaps.


def values_at(dates, **options):
    """A series of numbers at these times, and the lengths of its histories."""
    X = pd.DataFrame({"x": np.arange(len(dates))}, index=dates)
    return X, make_histories(X, time="index", **options).lengths.tolist()


def with_a_hole(n, hole):
    """Lengths of histories of n rows without one of them, that it breaks off."""
    return [*range(1, hole + 1), *range(1, n - hole)]


@pytest.mark.parametrize(
    "freq", ["D", "W-MON", "W-SUN", "SMS", "MS", "ME", "BMS", "BME", "QS", "BQE", "YS"]
)
@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
def test_a_calendar_has_gaps_only_where_rows_are_missing(freq, zone):
    dates = pd.date_range("2024-01-01", periods=100, freq=freq, tz=zone)
    assert values_at(dates)[1] == list(range(1, 101))
    assert values_at(dates.delete(42))[1] == with_a_hole(100, 42)


# At 20 o'clock it is another day in UTC, and at 0 o'clock yet another.
@pytest.mark.parametrize("hour", [0, 20])
@pytest.mark.parametrize(
    "zone", [None, "UTC", "Europe/Berlin", "America/New_York", "Asia/Tokyo"]
)
def test_weekends_are_no_gaps_of_working_days(zone, hour):
    days = pd.bdate_range("2024-01-01", periods=90, tz=zone) + timedelta(hours=hour)
    assert values_at(days)[1] == list(range(1, 91))
    for missing in range(40, 45):  # from Monday to Friday
        assert values_at(days.delete(missing))[1] == with_a_hole(90, missing)


@pytest.mark.parametrize("zone", [None, "Europe/Berlin", "Asia/Jerusalem"])
@pytest.mark.parametrize("freq", ["h", "12h"])
def test_weekends_are_no_gaps_of_the_hours_of_working_days(freq, zone):
    """In Jerusalem summer time begins on a Friday."""
    hours = pd.date_range("2024-03-04", "2024-04-13", freq=freq, tz=zone)
    hours = hours[hours.day_of_week < 5]
    assert values_at(hours)[1] == list(range(1, len(hours) + 1))
    assert values_at(hours.delete(27))[1] == with_a_hole(len(hours), 27)


@given(
    start=st.integers(0, 9),
    holes=st.lists(st.integers(1, 58), max_size=2),
    seed=st.integers(0, 99),
)
def test_working_days_are_counted_as_by_numpy(start, holes, seed):
    days = pd.bdate_range("2024-01-01", periods=70)[start : start + 60].delete(holes)
    expected = [1]
    for before, day in pairwise(days.to_numpy().astype("M8[D]")):
        follows = np.busday_count(before, day) == 1
        expected.append(expected[-1] + 1 if follows else 1)
    order = np.random.default_rng(seed).permutation(len(days))
    assert values_at(days[order])[1] == [expected[i] for i in order]


@pytest.mark.parametrize("dtype", [pl.Date, pl.Datetime("ms"), pl.Datetime("us")])
def test_weekends_are_no_gaps_in_polars(dtype):
    days = pl.Series(pd.bdate_range("2024-01-01", periods=30).to_list()).cast(dtype)
    frame = pl.DataFrame({"day": days, "x": range(30)})
    assert_array_equal(make_histories(frame, time="day").lengths, range(1, 31))


def bank_and_shop(start, end):
    """A bank that opens on working days and a shop that opens every day."""
    parts = [
        pd.DataFrame({"who": who, "day": dates(start, end)})
        for who, dates in [("bank", pd.bdate_range), ("shop", pd.date_range)]
    ]
    X = pd.concat(parts, ignore_index=True)
    return X.assign(x=X["day"].dt.day.astype(float))


def test_each_series_has_its_own_working_days():
    X = bank_and_shop("2024-01-01", "2024-01-26")
    X = X.drop(index=X.index[(X["who"] == "shop") & X["x"].between(13, 14)])
    windows = SequenceWindower(99, group="who", time="day")
    with pytest.warns(UserWarning, match="44 of 44 .* break 2 series into 3 histories"):
        lengths = windows.fit_transform(X).lengths
    bank, shop = lengths[X["who"] == "bank"], lengths[X["who"] == "shop"]
    assert bank.tolist() == list(range(1, 21))
    assert shop.tolist() == [*range(1, 13), *range(1, 13)]


@pytest.mark.filterwarnings("ignore:.*windows have fewer than")
def test_working_days_are_remembered_from_fit():
    windower = SequenceWindower(3, group="who", time="day")
    windower.fit(bank_and_shop("2024-01-01", "2024-01-19"))  # a Friday
    later = bank_and_shop("2024-01-20", "2024-01-23")
    monday = later[later["x"] >= 22]
    windows = rows_of(windower.transform(monday.sort_values(["who", "day"])))
    # Of the shop a Saturday and a Sunday are missing.
    assert windows == [[18, 19, 22], [19, 22, 23], [22], [22, 23]]
    # A few rows of the shop do not make it a bank.
    friday_and_monday = bank_and_shop("2024-01-26", "2024-01-29").query("x in (26, 29)")
    windows = rows_of(windower.transform(friday_and_monday))
    assert windows == [[26], [26, 29], [26], [29]]


def test_max_gap_overrides_the_working_days():
    days = pd.bdate_range("2024-01-01", periods=10)
    a_week = [1, 2, 3, 4, 5]
    assert values_at(days, max_gap="30h")[1] == a_week * 2
    assert values_at(days, max_gap="3D")[1] == list(range(1, 11))
    X, _ = values_at(days.delete(4))  # no Friday
    assert values_at(days.delete(4), max_gap="4D")[1] == list(range(1, 10))
    windower = SequenceWindower(3, time="index", max_gap="30h").fit(X[:4])
    assert windower.transform(X[4:]).lengths.tolist() == [1, 2, 3, 3, 3]


def test_max_gap_may_be_given_after_fit():
    X, _ = values_at(pd.bdate_range("2024-01-01", periods=10))
    windower = SequenceWindower(3, time="index").fit(X[:5])
    windower.set_params(max_gap="3D")
    assert rows_of(windower.transform(X[5:6])) == [[3, 4, 5]]


# Windows that are cut short.


def warnings_of(function, *args):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        function(*args)
    return [str(warning.message) for warning in caught]


@given(panels(max_rows=60), lengths, gaps)
def test_short_windows_are_told_of_where_they_are_many(panel, length, max_gap):
    groups, times = panel
    windows = windows_by_hand(groups, times, length, max_gap)
    n, n_short = len(windows), sum(len(window) < length for window in windows)
    text = f"{n_short} of {n} windows have fewer than sequence_length={length} steps"
    is_due = n >= 20 and n_short > n / 2
    is_due_in_fit = is_due or n_short == n
    n_runs = sum(len(w) == 1 for w in windows_by_hand(groups, times, 99, max_gap))
    options = {"group": "who", "time": "when", "max_gap": max_gap}
    windower = SequenceWindower(length, **options, context=False)
    X = table(*panel)
    histories = make_histories(X, **options)
    of_histories = SequenceWindower(length)
    for messages, expected in (
        (warnings_of(windower.fit, X), n_short == n),
        (warnings_of(windower.fit_transform, X), is_due_in_fit),
        (warnings_of(windower.transform, X), is_due),
        (warnings_of(of_histories.fit_transform, histories), is_due_in_fit),
        (warnings_of(of_histories.transform, histories), is_due),
    ):
        assert len(messages) == expected
        assert all(message.startswith(text) for message in messages)
        has_gaps = n_runs > len(set(groups))
        assert all(("max_gap" in message) == has_gaps for message in messages)


@ALL_SHORT
@given(panels(max_rows=60), lengths)
def test_bare_rows_that_may_have_lost_their_past_are_told_of(panel, length):
    groups, times = panel
    X = table(*panel)[["who", "value"]]
    windows = windows_by_hand(groups, range(len(groups)), length, np.inf)
    n, n_short = len(windows), sum(len(window) < length for window in windows)
    windower = SequenceWindower(length, group="who").fit(X)
    messages = warnings_of(windower.transform, X)
    assert len(messages) == (n_short > n / 10)
    for message in messages:
        assert message == (
            f"{n_short} of {n} windows have fewer than sequence_length={length} steps:"
            " rows do not say what came before them. Make histories of all rows with"
            " make_supervised or make_histories, or name the time stamps with time=."
        )


BARE = np.arange(400.0)[:, None]


@pytest.mark.parametrize(
    ("n", "length", "is_due"), [(20, 11, 0), (20, 12, 1), (19, 12, 0), (19, 20, 1)]
)
def test_more_than_half_of_twenty_windows_are_many(n, length, is_due):
    windower = SequenceWindower(length)
    for X in (BARE[:n], make_histories(BARE[:n])):
        assert len(warnings_of(windower.fit_transform, X)) == is_due


@pytest.mark.parametrize(
    ("n", "length", "is_due"), [(10, 2, 0), (9, 2, 1), (1, 2, 1), (1, 1, 0)]
)
def test_more_than_a_tenth_of_bare_rows_are_many(n, length, is_due):
    windower = SequenceWindower(length).fit(BARE)
    assert len(warnings_of(windower.transform, BARE[:n])) == is_due


MONTHS = pd.date_range("2024-01-01", periods=60)
NUMBERS = MONTHS.strftime("%Y%m%d").astype(int).to_numpy()  # 20240101, 20240102, ...


@pytest.mark.parametrize(
    ("windower", "X", "message"),
    [
        (SequenceWindower(24).fit(BARE[:200]), BARE[200:260], "23 of 60 .*: rows do n"),
        (SequenceWindower(24).fit(BARE), BARE[-1:], "1 of 1 .*: rows do not say what"),
        (
            SequenceWindower(40),
            BARE[:30],
            "30 of 30 .*: give a shorter sequence_length",
        ),
        (
            SequenceWindower(40),
            make_histories(BARE[:30]),
            "30 of 30 .*: give a shorter",
        ),
        (
            SequenceWindower(24, time=0),
            np.column_stack([NUMBERS, np.arange(60)]),
            "46 of 60 .* break 1 series into 2 histories.* such as 20240131",
        ),
        (
            SequenceWindower(8, group=0),
            np.column_stack([np.arange(60) // 6, np.arange(60)]),
            "60 of 60 .*: give a shorter sequence_length or more rows.$",
        ),
        (
            SequenceWindower(6, group=0),
            np.column_stack([np.arange(60) // 8, np.arange(60)]),
            "39 of 60 .*: give a shorter sequence_length",
        ),
    ],
    ids=["fold", "last row", "short", "short histories", "numbers", "few", "several"],
)
def test_short_windows_are_told_of_in_one_line(windower, X, message):
    is_fitted = hasattr(windower, "n_features_in_")
    function = windower.transform if is_fitted else windower.fit_transform
    with pytest.warns(UserWarning, match=message) as caught:
        function(X)
    assert len(caught) == 1
    assert "\n" not in str(caught[0].message)
    assert f"sequence_length={windower.sequence_length} steps" in str(caught[0].message)


def test_what_the_warning_advises_helps():
    """Warnings are errors in these tests."""
    histories = make_histories(BARE)
    windower = SequenceWindower(24).fit(histories[:200])
    assert (windower.transform(histories[200:260]).lengths == 24).all()
    assert windower.transform(histories[-1:]).lengths == [24]
    rows = np.column_stack([BARE, BARE])
    windower = SequenceWindower(24, time=0).fit(rows[:200])
    assert (windower.transform(rows[200:260]).lengths == 24).all()
    assert SequenceWindower(15).fit_transform(BARE[:30]).shape == (30, 15, 1)
    X = pd.DataFrame({"x": range(60)}, index=pd.to_datetime(NUMBERS.astype(str)))
    assert SequenceWindower(24, time="index").fit_transform(X).shape == (60, 24, 1)


@pytest.mark.filterwarnings("ignore:.*windows have fewer than")
def test_the_regular_step_is_remembered_from_fit():
    X = dated()
    windower = SequenceWindower(3, time="index", context=False).fit(X)
    assert windower.transform(X[::2]).lengths.tolist() == [1] * 5
    assert windower.fit_transform(X[::2]).lengths.tolist() == [1, 2, 3, 3, 3]


def test_levels_of_an_index_name_series_and_time():
    index = pd.MultiIndex.from_product([["b", "a"], DATES[:2]], names=["shop", "day"])
    X = pd.DataFrame({"x": [1, 2, 3, 4]}, index=index)
    windower = SequenceWindower(2, group="shop", time="day")
    windows = windower.fit_transform(X)
    assert rows_of(windows) == [[1], [1, 2], [3], [3, 4]]
    assert windows.index.equals(index)


def test_several_columns_name_a_series():
    X = [["a", 1, 10], ["a", 2, 20], ["b", 1, 30], ["a", 1, 40], ["b", 1, 50]]
    windows = SequenceWindower(2, group=[0, 1]).fit_transform(X)
    assert rows_of(windows) == [[10], [20], [30], [10, 40], [30, 50]]


def test_series_seen_only_later_have_windows_of_their_own():
    X = np.array([[1, 0, 5], [1, 1, 6]])
    windower = SequenceWindower(2, group=0, time=1).fit(X)
    new = np.array([[2, 0, 7], [1, 2, 8], [2, 1, 9]])
    assert rows_of(windower.transform(new)) == [[7], [6, 8], [7, 9]]


def test_in_order_and_alone_the_rows_are_not_copied():
    X = dated()
    values = X.to_numpy()
    windows = SequenceWindower(3, time="index").fit_transform(X)
    assert np.shares_memory(windows.steps, values)


def test_names_of_flat_lags_leave_out_what_is_consumed():
    windower = SequenceWindower(2, group="who", time="when", flatten=True)
    flat = windower.set_output(transform="pandas").fit_transform(
        table(list("aab"), [0, 1, 0])
    )
    assert list(flat) == ["value_lag1", "value_lag0"]
    assert list(flat.index) == [0, 1, 2]


def test_set_output_is_remembered_until_flatten_is_on():
    windower = SequenceWindower(2).set_output(transform="pandas")
    flat = windower.set_params(flatten=True).fit_transform(dated())
    assert list(flat) == ["x_lag1", "x_lag0"]


# make_supervised over panels.


@pytest.mark.filterwarnings("ignore:.*(samples are lost|have no sample)")
@given(panels(), st.integers(1, 4), gaps)
def test_targets_are_those_of_the_slow_twin(panel, horizon, max_gap):
    groups, times = panel
    expected = {}
    steps = steps_by_hand(*panel)
    for group, series in members(*panel).items():
        limit = max_gap or (steps[group] or np.inf) * 1.5
        for i, row in enumerate(series[:-horizon]):
            if len(history(series, times, i + horizon, limit)) > horizon:
                expected[row] = series[i + 1 : i + 1 + horizon]
    options = {"group": "who", "time": "when", "max_gap": max_gap}
    if not expected:
        with pytest.raises(ValueError, match=f"No row .* followed by {horizon}"):
            make_supervised(table(*panel), horizon, **options)
        return
    X, y = make_supervised(table(*panel), horizon, **options)
    histories = windows_by_hand(*panel, len(groups), max_gap)
    assert rows_of(X) == [histories[row] for row in sorted(expected)]
    targets = [expected[row] for row in sorted(expected)]
    assert y.to_numpy().reshape(len(X), -1).tolist() == targets
    rows, y_of_rows = make_supervised(table(*panel), horizon, as_rows=True, **options)
    pd.testing.assert_frame_equal(rows, table(*panel).iloc[sorted(expected)])
    assert_array_equal(y_of_rows, y)


def test_rows_of_a_panel_keep_all_columns_and_histories_the_features():
    frame = table(list("abab"), [0, 0, 1, 1])
    keys = {"group": "who", "time": "when"}
    rows, y = make_supervised(frame, target="value", **keys, as_rows=True)
    assert list(rows) == ["who", "value", "when"]
    assert y.tolist() == [2, 3]
    X, y = make_supervised(frame, target="value", **keys)
    assert X.feature_names.tolist() == ["value"]
    assert y.tolist() == [2, 3]


LOADS = pd.Series([1, 2, 3, 4, 5], index=DATES[:5].rename("hour"), name="load")


def test_targets_of_a_series_have_its_name_and_the_index_of_x():
    hours = LOADS.index
    X, y = make_supervised(LOADS)
    expected = pd.Series([2, 3, 4, 5], hours[:4], name="load")
    pd.testing.assert_series_equal(y, expected, check_freq=False)
    assert X.index.equals(y.index)
    assert X.feature_names.tolist() == ["load"]
    X, y = make_supervised(LOADS, horizon=3)
    later = {"load+1": [2, 3], "load+2": [3, 4], "load+3": [4, 5]}
    expected = pd.DataFrame(later, hours[:2])
    pd.testing.assert_frame_equal(y, expected, check_freq=False)
    assert X.index.equals(y.index)
    X, _ = make_supervised(LOADS, time="index")
    assert_array_equal(X.times, hours[:4])


def test_targets_of_a_series_without_a_name_are_numbered():
    X, y = make_supervised(LOADS.rename(None))
    assert y.name is None
    assert X.feature_names is None
    _, y = make_supervised(LOADS.rename(None), horizon=2)
    assert list(y) == [1, 2]


def test_index_levels_of_a_series_name_series_and_time():
    index = pd.MultiIndex.from_product([["b", "a"], DATES[:3]], names=["shop", "hour"])
    sold = pd.Series(range(6), index, name="sold")
    X, y = make_supervised(sold, group="shop", time="hour")
    assert rows_of(X) == [[0], [0, 1], [3], [3, 4]]
    assert y.tolist() == [1, 2, 4, 5]


def test_targets_of_several_columns_are_named_by_step_and_then_by_column():
    frame = pd.DataFrame({"who": list("abaabb"), "x": range(6), "y": range(10, 16)})
    frame.index = list("uvwxyz")
    X, y = make_supervised(frame, horizon=2, group="who")
    expected = {"x+1": [2, 4], "y+1": [12, 14], "x+2": [3, 5], "y+2": [13, 15]}
    pd.testing.assert_frame_equal(y, pd.DataFrame(expected, index=list("uv")))
    assert (X.horizon, X.targets, list(X.index)) == (2, [0, 1], ["u", "v"])
    X, y = make_supervised(frame, target="y", group="who")
    pd.testing.assert_series_equal(
        y, pd.Series([12, 14, 13, 15], index=list("uvwy"), name="y")
    )
    assert X.targets == [1]
    _, y = make_supervised(frame.set_axis([7, 8, 9], axis=1), group=7)
    assert list(y) == [8, 9]


def test_targets_of_polars_are_of_polars():
    frame = pl.DataFrame({"who": list("abab"), "x": [1, 2, 3, 4], "y": [5, 6, 7, 8]})
    X, y = make_supervised(frame, target="x", group="who")
    assert y.equals(pl.Series("x", [3, 4]), check_names=True)
    assert X.feature_names.tolist() == ["x", "y"]
    assert X.index is None
    rows, _ = make_supervised(frame, target="x", group="who", as_rows=True)
    assert rows.equals(frame[:2])
    _, y = make_supervised(frame[["x", "y"]], horizon=2)
    expected = {"x+1": [2, 3], "y+1": [6, 7], "x+2": [3, 4], "y+2": [7, 8]}
    assert y.equals(pl.DataFrame(expected))
    _, y = make_supervised(frame["x"], horizon=2)
    assert y.columns == ["x+1", "x+2"]


@pytest.mark.parametrize("data", [[1, 2, 3, 4], np.array([[1], [2], [3], [4]])])
def test_targets_of_arrays_are_arrays(data):
    X, y = make_supervised(data)
    assert_array_equal(y, np.array([2, 3, 4]), strict=True)
    assert_array_equal(make_supervised(data, 2)[1], np.array([[2, 3], [3, 4]]))
    assert (X.index, X.feature_names) == (None, None)
    rows, _ = make_supervised(data, as_rows=True)
    assert_array_equal(rows, np.array([[1], [2], [3]]), strict=True)


# Errors.

TWO = {"who": ["a", "a"], "when": [0, 1], "x": [1.0, 2.0]}


@pytest.mark.parametrize(
    ("params", "changes", "message"),
    [
        ({"group": "shop"}, {}, r"group='shop' is not in X, which has columns \['who'"),
        ({"time": 3}, {}, "time=3 is not in X"),
        ({"group": [0, "y"]}, {}, "group='y' is not in X"),
        ({"time": "when"}, {"when": [1, 1]}, "Rows 0 and 1 of X have the same time st"),
        ({"time": "when"}, {"when": [0, np.nan]}, "time stamp of row 1 is missing"),
        ({"time": "when"}, {"when": [0, np.inf]}, "time stamp of row 1 is missing"),
        (
            {"time": "when"},
            {"when": ["noon", "one"]},
            "expected dates or numbers",
        ),
        ({"time": "when"}, {"when": [None, None]}, "time stamp of row 0 is missing"),
        ({"group": "who"}, {"who": ["a", None]}, "group is missing in row 1"),
        ({"group": ["who", "x"], "time": 1}, {}, "at least one must be left"),
        ({"max_gap": 2}, {}, "max_gap=2 needs time stamps: name their column"),
        ({"context": "fit"}, {}, "'context' parameter of SequenceWindower must be an"),
        ({"time": 1, "max_gap": "2h"}, {}, "max_gap='2h' does not fit time stamps tha"),
        (
            {"time": 1, "max_gap": 1},
            {"when": DATES[:2]},
            "give a duration, such as",
        ),
        (
            {"time": 1, "max_gap": "x"},
            {"when": DATES[:2]},
            "'x' is no duration",
        ),
        ({"time": 1, "max_gap": "-1h"}, {"when": DATES[:2]}, "larger than 0"),
        ({"time": 1, "group": 0}, {"x": [1.0, np.inf]}, "infinity: row 1, feature 'x'"),
        ({"time": 1, "group": 0}, {"x": ["1", "2"]}, "Column 'x' holds numbers as str"),
    ],
)
def test_wrong_rows_are_answered_in_one_line(params, changes, message):
    X = pd.DataFrame(TWO | changes)
    with pytest.raises(ValueError, match=message) as error:
        SequenceWindower(**params).fit(X)
    assert "\n" not in str(error.value)


@ALL_SHORT
def test_arrays_have_no_index():
    windower = SequenceWindower(time="index")
    with pytest.raises(ValueError, match=r"and no index: .*\.set_output"):
        windower.fit(np.ones((3, 2)))
    windower.fit(dated())
    with (
        pytest.warns(UserWarning, match="valid feature names"),
        pytest.raises(ValueError, match="type ndarray with index levels"),
    ):
        windower.transform(np.ones((3, 1)))


@ALL_SHORT
def test_dates_cannot_follow_numbers():
    windower = SequenceWindower(time="when").fit(pd.DataFrame(TWO).drop(columns="who"))
    later = pd.DataFrame({"when": DATES[:2], "x": [1.0, 2.0]})
    with pytest.raises(ValueError, match="are dates and were numbers in fit"):
        windower.transform(later)


def lazy_frame(library):
    if library == "polars":
        return pl.LazyFrame({"x": [1.0, 2.0]})
    kind = type("DataFrame", (), {"columns": ["x"], "__len__": lambda self: 2})
    kind.__module__ = f"{library}.dataframe"
    return kind()


@ALL_SHORT
@pytest.mark.parametrize(
    ("library", "call"), [("polars", "collect"), ("dask", "compute")]
)
def test_a_lazy_frame_is_to_be_collected(library, call):
    X, model = lazy_frame(library), make_pipeline(SequenceWindower(1), LSTMRegressor())
    model[-1].set_params(hidden_size=2, max_epochs=1)
    table = pl.DataFrame({"x": np.arange(9.0)})
    model.fit(*make_supervised(table))
    message = r"(X|data|history|future) is a lazy frame of {}, .*; pass \1\.{}\(\)\.$"
    for read in [
        SequenceWindower().fit,
        SequenceWindower().fit(table).transform,
        StepTransformer(StandardScaler()).fit,
        lambda X: LSTMRegressor().fit(X, [1.0, 2.0]),
        make_histories,
        make_supervised,
        lambda X: make_windows(X, 1),
        lambda X: list(PanelTimeSeriesSplit(time="x").split(X)),
        lambda X: add_future(X, table, ["x"], 1),
        lambda X: add_future(table, X, ["x"], 1),
        lambda X: forecast(model, X),
    ]:
        with pytest.raises(TypeError, match=message.format(library, call)):
            read(X)


def test_a_column_may_be_called_as_an_attribute_of_tables():
    for name in ("column_names", "columns", "dtypes", "compute", "collect"):
        X = pd.DataFrame({name: [1.0, 2.0], "when": [1, 2]})
        assert make_histories(X, time="when").feature_names.tolist() == [name]


def test_tables_of_pyarrow_are_read_as_those_of_pandas():
    pa = pytest.importorskip("pyarrow")
    rows = {"who": ["a", "b"] * 5, "when": DATES, "x": np.arange(10.0), "p": range(10)}
    table = pd.DataFrame(rows)
    arrow = pa.table({name: pa.array(column) for name, column in rows.items()})
    keys = {"group": "who", "time": "when"}
    for read in [
        lambda X: make_histories(X, **keys),
        lambda X: SequenceWindower(2, **keys).fit_transform(X),
        lambda X: make_supervised(X, **keys, known=["p"], target="x")[0],
    ]:
        assert_array_equal(read(arrow).steps, read(table).steps)
        assert read(arrow).feature_names.tolist() == read(table).feature_names.tolist()
    one, numbers = {"target": "x", "time": "when"}, ["when", "x", "p"]
    model = make_pipeline(SequenceWindower(2, flatten=True), LinearRegression())
    model.fit(*make_supervised(arrow.select(numbers), **one | {"known": ["p"]}))
    (X, y), (_, expected) = (
        make_supervised(T, **one) for T in (arrow.select(numbers), table[numbers])
    )
    assert_array_equal(y, expected)
    ragged = Sequences.from_arrays(
        [arrow.select(["x", "p"])[:3], arrow.select(["x", "p"])]
    )
    assert ragged.feature_names.tolist() == ["x", "p"]
    assert make_supervised(arrow, **keys, as_rows=True)[0].column_names == [*table]
    with pytest.raises(ValueError, match="'what' is not in X, which has columns") as e:
        SequenceWindower(group="what").fit(arrow)
    assert "\n" not in str(e.value)


def test_a_repeated_row_is_named_as_it_came():
    X = np.array([[3, 0], [1, 0], [2, 0], [1, 0]])
    with pytest.raises(ValueError, match="Rows 1 and 3 of X have the same"):
        SequenceWindower(time=0).fit(X)


# Against numpy's own, and dictionaries.


@given(
    st.lists(st.integers(0, 3), min_size=1, max_size=40),
    st.sampled_from([5, 70_000, 2**40, 0.5]),
    st.integers(0, 99),
)
def test_rows_are_sorted_as_by_lexsort(series, scale, seed):
    series = np.array(series, dtype=np.int32)
    draws = np.random.default_rng(seed).integers(-5, 6, size=len(series))
    times = draws * scale  # equal times keep their order
    for keys, given_times in [((times, series), times), ((series,), None)]:
        order = sort_rows(series, given_times)
        order = np.arange(len(series)) if order is None else order
        assert_array_equal(order, np.lexsort(keys))


@pytest.mark.parametrize("scale", [1, 1000, 2**62 // 10])
@given(st.lists(st.integers(-9, 9), min_size=1, max_size=30))
def test_series_are_numbered_as_they_appear(scale, labels):
    column = np.array(labels) * scale
    numbers = {label: i for i, label in enumerate(dict.fromkeys(column.tolist()))}
    series, first = number_series([column])
    assert series.tolist() == [numbers[label] for label in column.tolist()]
    assert first.tolist() == [column.tolist().index(label) for label in numbers]
    words, _ = number_series([column.astype(str).astype(object)])
    pairs, _ = number_series([column, column % 2])
    many, _ = number_series([column] * 40)  # more combinations than 64 bits count
    assert_array_equal(words, series)
    assert_array_equal(pairs, series)
    assert_array_equal(many, series)


def test_levels_are_found_by_name_and_not_by_place():
    index = pd.MultiIndex.from_product([[1, 2], [0, 1]], names=["shop", "day"])
    X = pd.DataFrame({"x": [1, 2, 3, 4]}, index=index)
    windower = SequenceWindower(2, group="shop", time="day").fit(X)
    swapped = X.swaplevel().sort_index()
    assert rows_of(windower.transform(swapped)) == [[1], [3], [1, 2], [3, 4]]
    with pytest.raises(ValueError, match="needs the level 'shop', by which fit told"):
        windower.transform(X.rename_axis(["store", "day"]))


def test_columns_without_names_are_checked_where_they_are_consumed():
    X = pd.DataFrame({7: [1, 1], 8: [3, 4]})
    windower = SequenceWindower(2, group=7).fit(X)
    with pytest.raises(ValueError, match="Column 0 of X is 8 and was 7 in fit"):
        windower.transform(X[[8, 7]])


@pytest.mark.parametrize(
    "when",
    [
        np.array(["2024-01-01", "9999-12-31"], dtype="M8[s]"),
        np.array([0, 2**63], dtype=np.uint64),
        np.array([-(2**62) - 1, 2**62]),
    ],
    ids=["dates", "unsigned", "span"],
)
def test_times_that_do_not_fit_are_refused(when):
    X = pd.DataFrame({"when": when, "x": [1.0, 2.0]})
    with pytest.raises(ValueError, match="too far for 64 bits"):
        SequenceWindower(time="when").fit(X)


def test_complex_times_are_refused():
    with pytest.raises(ValueError, match="Complex data not supported"):
        SequenceWindower(time=0).fit(np.ones((2, 2)) * 1j)


@pytest.mark.parametrize(
    "labels",
    [["a", 1, "a"], [(1, 2), (1, 3), (1, 2)], [1.5, 2.5, 1.5], [True, False, True]],
)
def test_labels_of_any_kind(labels):
    X = pd.DataFrame({"who": pd.Series(labels, dtype=object), "x": [1, 2, 3]})
    windower = SequenceWindower(2, group="who")
    assert rows_of(windower.fit_transform(X)) == [[1], [2], [1, 3]]


@pytest.mark.filterwarnings("ignore:.*windows have fewer than")
def test_labels_of_another_kind_are_other_series():
    windower = SequenceWindower(3, group=0, time=1)
    windower.fit(pd.DataFrame({"who": [1, 1], "when": [0, 1], "x": [1, 2]}))
    later = pd.DataFrame({"who": ["1"], "when": [2], "x": [3]})
    assert rows_of(windower.transform(later)) == [[3]]


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
def test_a_missing_label_among_objects_is_found(missing):
    X = np.array([["a", 1], [missing, 2]], dtype=object)
    with pytest.raises(ValueError, match="group is missing in row 1"):
        SequenceWindower(group=0).fit(X)


def test_labels_that_cannot_be_hashed_are_refused():
    X = pd.DataFrame({"who": [[1], [2]], "x": [1, 2]})
    with pytest.raises(TypeError, match="Labels of series must be hashable"):
        SequenceWindower(group="who").fit(X)


@pytest.mark.parametrize(
    "X", [[1, 2, 3], None, {"a": 1}, np.ones((2, 2, 2)), pd.Series([1, 2])]
)
def test_what_is_no_table_is_refused(X):
    with pytest.raises(ValueError, match=r"X .*; expected a table"):
        SequenceWindower(group=0).fit(X)


def test_a_column_of_digits_is_named():
    X = pd.DataFrame({"who": [1, 1], "x": ["1", "2"]})
    with pytest.raises(ValueError, match="Column 'x' holds numbers as strings, such"):
        SequenceWindower(group="who").fit(X)
    with pytest.raises(ValueError, match="max_gap=2 needs time stamps"):
        make_supervised(X, group="who", max_gap=2)


@pytest.mark.parametrize("kind", ["text", "objects", "offsets"])
def test_times_with_a_zone_as_objects_or_text(kind):
    """Without a word of numpy's, which knows no zones."""
    dates = pd.date_range("2024-03-31", periods=4, freq="h", tz="Europe/Berlin")
    times = {
        "text": [f"{d:%Y-%m-%dT%H:%M}Z" for d in dates.tz_convert("UTC")],
        "objects": pd.Series(list(dates), dtype=object),
        "offsets": [d.isoformat() for d in dates],
    }[kind]
    table = pd.DataFrame({"t": times, "x": np.arange(4.0)})
    windows = SequenceWindower(3, time="t").fit_transform(table)
    assert windows.lengths.tolist() == [1, 2, 3, 3]
    assert_array_equal(windows.times, dates.tz_convert(None))


@pytest.mark.parametrize(
    "names",
    [
        [("id", ""), ("at", ""), ("BTC", "close"), ("ETH", "close")],
        [0, 1, 2, 3],
        [pd.Timestamp("2024-01-01") + pd.Timedelta(days=k) for k in range(4)],
    ],
    ids=["levels", "numbers", "dates"],
)
def test_keys_and_targets_may_have_any_names(names):
    values = np.c_[
        np.repeat([1, 2], 10), np.tile(np.arange(10), 2), np.arange(40).reshape(2, 20).T
    ]
    table = pd.DataFrame(values)
    table.columns = (
        pd.MultiIndex.from_tuples(names) if isinstance(names[0], tuple) else names
    )
    group, time, target, _ = names
    X, y = make_supervised(table, target=target, group=group, time=time)
    expected, z = make_supervised(values, target=2, group=0, time=1)
    assert_array_equal(y, z)
    assert_array_equal(X.steps, expected.steps)
    _, both = make_supervised(table, target=names[2:], group=[group], time=time)
    assert both.shape == (18, 2)
    windows = SequenceWindower(3, group=group, time=time).fit_transform(table)
    assert_array_equal(windows.lengths, np.tile([1, 2, *[3] * 8], 2))


@pytest.mark.parametrize("library", [pd, pl], ids=["pandas", "polars"])
@pytest.mark.parametrize("kind", ["dates", "durations"])
def test_dates_that_nobody_has_named_are_no_features(library, kind):
    """In no reader of tables: some libraries would make numbers of them."""
    dates = pd.date_range("2024-01-01", periods=6)
    column = (dates if kind == "dates" else dates - dates[0]).to_numpy()
    table = library.DataFrame({"when": column, "x": np.arange(6.0)})
    readers = [
        SequenceWindower(3).fit,
        SequenceWindower(3).fit(table[["x"]]).transform,
        lambda X: LSTMRegressor(2, max_epochs=1).fit(X, np.arange(6.0)),
        make_histories,
        make_supervised,
        lambda X: make_windows(X, 2),
    ]
    for read in readers:
        with pytest.raises(ValueError, match=r"'when' is of type D.* name it in") as e:
            read(table)
        assert "\n" not in str(e.value)


OTHERS = {
    "objects": pd.Series(["a", 1] * 3, dtype=object),
    "dates": pd.Series([date(2024, 1, d) for d in range(1, 7)], dtype=object),
    "numpy": pd.Series([np.datetime64("2024-01")] * 6, dtype=object),
    "periods": pd.period_range("2024", periods=6, freq="D"),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_columns_that_are_no_numbers_are_named_by_every_reader(kind):
    table = pd.DataFrame({"x": np.arange(6.0), "what": OTHERS[kind], "g": 1})
    for read in [
        SequenceWindower(3).fit,
        SequenceWindower(3, group="g").fit,
        SequenceWindower(3).fit(np.ones((6, 3))).transform,
        make_histories,
        make_supervised,
        lambda X: make_windows(X, 2),
    ]:
        with (
            warnings.catch_warnings(action="ignore"),  # of names that fit had not
            pytest.raises(ValueError, match=r"'what' is of type .* drop or e") as e,
        ):
            read(table)
        assert "\n" not in str(e.value)


@pytest.mark.parametrize("keys", [{"group": "g"}, {"time": "t"}, {}])
def test_a_table_without_rows_is_told(keys):
    table = pd.DataFrame({"g": [1], "t": [1], "x": [1.0]})[:0]
    for read in (SequenceWindower(3, **keys).fit,):
        with pytest.raises(ValueError, match=r"no rows; expected at|with 0 sample"):
            read(table)
    for make in (make_histories, make_supervised):
        with pytest.raises(ValueError, match=r"no rows; expected at|with 0 sample"):
            make(table, **keys)


@ALL_SHORT
@pytest.mark.parametrize("rows", [list, tuple])
def test_large_ids_beside_numbers_in_a_list(rows):
    table = [[2**53, 0.5], [2**53 + 1, 1.5], [2**53, 2.5]]
    windower = SequenceWindower(3, group=0)
    windows = windower.fit_transform([rows(row) for row in table])
    assert_array_equal(windows.lengths, [1, 1, 2])
    assert_array_equal(windows[2].ravel(), [0.5, 2.5])
