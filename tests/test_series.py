"""Windows over groups, gaps and disorder, against a loop over lists."""

import pickle
from collections import defaultdict
from datetime import timedelta
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

from sklstm import SequenceWindower, make_supervised
from sklstm._series import number_series, sort_rows

# Random panels of a few rows are full of gaps, and say so.
pytestmark = pytest.mark.filterwarnings("ignore:.*steps of time are gaps")

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


@given(panels(), lengths, gaps)
def test_windows_are_those_of_the_slow_twin(panel, length, max_gap):
    windower = SequenceWindower(length, group="who", time="when", max_gap=max_gap)
    windows = windower.fit_transform(table(*panel))
    assert rows_of(windows) == windows_by_hand(*panel, length, max_gap)
    assert list(windows.feature_names) == ["value"]
    numbers = {}
    named = [numbers.setdefault(group, len(numbers)) for group in panel[0]]
    assert len(set(zip(named, windows.groups, strict=True))) == len(numbers)


@given(panels(), lengths)
def test_group_alone_takes_rows_as_they_come(panel, length):
    groups, _ = panel
    windows = SequenceWindower(length, group=0).fit_transform(
        table(*panel)[["who", "value"]]
    )
    assert rows_of(windows) == windows_by_hand(
        groups, range(len(groups)), length, np.inf
    )


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
            assert_array_equal(some.groups, windows.groups[key])
            assert_array_equal(some.index, windows.index[key])


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


@given(panels(), panels(), lengths, gaps)
def test_context_continues_what_fit_saw(seen, new, length, max_gap):
    """The rows before a run are those that fit has seen last, if nothing is missing."""
    seen_groups, seen_times = seen
    groups, times = new
    X = table(groups, times)
    X["value"] += 1000
    windower = SequenceWindower(
        length, group="who", time="when", max_gap=max_gap, context="fit"
    )
    windows = rows_of(windower.fit(table(*seen)).transform(X))
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
            if len(rest) < length:  # few enough rows of its run follow
                kept.append((row, [j for j in run if is_kept(j, run, rest, length)]))
        for i, row in enumerate(series):
            run = history(series, times, i, limit)
            start = times[run[0]]
            before = [tail for last, tail in kept if seen_times[last] < start]
            tail = before[-1] if before else []
            if tail and not start - seen_times[tail[-1]] <= limit:
                tail = []
            assert windows[row] == (tail + [1000 + i for i in run])[-length:]


def is_kept(row, run, rest, length):
    """Whether a row is among the last of a run, of which `rest` follows."""
    whole = run + rest[1:]
    return row in whole[len(whole) - min(len(whole), length - 1) :]


@given(panels(), lengths)
def test_context_changes_nothing_for_the_training_rows(panel, length):
    X = table(*panel)
    plain = SequenceWindower(length, group="who", time="when")
    with_context = clone(plain).set_params(context="fit")
    expected = rows_of(plain.fit_transform(X))
    assert rows_of(with_context.fit_transform(X)) == expected
    assert rows_of(with_context.fit(X).transform(X)) == expected


# By hand.


def dated(n=10):
    return pd.DataFrame({"x": np.arange(float(n))}, index=DATES[:n])


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


def test_context_gives_a_fold_its_history():
    X = dated()
    windower = SequenceWindower(4, time="index", context="fit")
    for train, test in KFold(5).split(X):
        windows = windower.fit(X.iloc[train]).transform(X.iloc[test])
        for window, row in zip(windows, test, strict=True):
            assert_array_equal(window.ravel(), np.arange(max(row - 3, 0), row + 1))


def test_context_is_not_used_by_rows_that_do_not_continue():
    X = dated()
    windower = SequenceWindower(4, time="index", context="fit").fit(X[:5])
    assert windower.transform(X[6:7]).lengths == [1]  # row 5 is missing
    assert windower.transform(X[5:6]).lengths == [4]
    windower.set_params(max_gap="2h").fit(X[:5])
    assert windower.transform(X[6:7])[0].ravel().tolist() == [2, 3, 4, 6]


def test_context_serves_rows_that_repeat_the_last_known_ones():
    X = dated()
    windower = SequenceWindower(4, time="index", context="fit").fit(X[:5])
    windows = windower.transform(X[4:7])
    assert rows_of(windows) == [[2, 3, 4], [2, 3, 4, 5], [3, 4, 5, 6]]
    assert windower.transform(X[1:3]).lengths.tolist() == [1, 2]  # long ago


def test_context_is_as_long_as_the_windows_of_fit():
    windower = SequenceWindower(4, time="index", context="fit").fit(dated()[:5])
    assert windower.set_params(sequence_length=3).transform(dated()[5:]).shape[1] == 3
    with pytest.raises(ValueError, match=r"than the 3 rows .* fit again"):
        windower.set_params(sequence_length=5).transform(dated()[5:])


def test_a_series_of_one_row_has_the_step_of_the_others():
    rows = [[0, 0, 0], [0, 1, 1], [0, 2, 2], [1, 2, 7]]
    windower = SequenceWindower(3, group=0, time=1, context="fit").fit(rows)
    assert rows_of(windower.transform([[1, 3, 8]])) == [[7, 8]]


def test_context_survives_a_pickle():
    X = dated()
    windower = SequenceWindower(4, time="index", context="fit").fit(X[:5])
    windows = pickle.loads(pickle.dumps(windower)).transform(X[5:])
    assert windows[0].ravel().tolist() == [2, 3, 4, 5]


def test_context_of_integers_is_not_rounded():
    X = np.array([[0, 0.5], [1, 1.5]])
    windower = SequenceWindower(3, time=0, context="fit").fit(X)
    windows = windower.transform(np.array([[2, 7]]))
    assert windows[0].ravel().tolist() == [0.5, 1.5, 7]


def test_a_pipeline_keeps_time_through_a_scaler_of_dataframes():
    X, y = dated(), np.arange(10.0)
    scaler = StandardScaler().set_output(transform="pandas")
    lags = SequenceWindower(3, time="index", flatten=True, context="fit")
    model = make_pipeline(scaler, lags, LinearRegression())
    predictions = cross_val_predict(model, X, y, cv=KFold(5))
    assert np.abs(predictions - y).max() < 1e-9


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
    with pytest.warns(UserWarning, match="of 199 steps of time are gaps"):
        SequenceWindower(9, time=0).fit(X)
    SequenceWindower(9, time=0, max_gap=np.inf).fit(X)


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
        DATES.astype("datetime64[s]"),
        DATES - DATES[0],
        np.arange(10),
        np.arange(10) / 10,
        np.arange(10, dtype=np.uint8),
        DATES.strftime("%Y-%m-%dT%H:%M"),
        pd.array(range(10), dtype="Int64"),
        DATES.to_pydatetime().astype(object),
    ],
    ids=lambda when: str(when.dtype),
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


def test_months_and_a_change_to_summer_time_are_no_gaps():
    for freq, zone in [("MS", None), ("D", "Europe/Berlin")]:
        dates = pd.date_range("2024-01-01", periods=100, freq=freq, tz=zone)
        X = pd.DataFrame({"x": np.arange(100)}, index=dates)
        lengths = SequenceWindower(9, time="index").fit_transform(X).lengths
        assert (lengths[8:] == 9).all()


def test_the_regular_step_is_remembered_from_fit():
    X = dated()
    windower = SequenceWindower(3, time="index").fit(X)
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
    windower = SequenceWindower(2, group=0, time=1, context="fit").fit(X)
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
    assert X["value"].tolist() == sorted(expected)
    assert y.reshape(len(X), -1).tolist() == [expected[row] for row in sorted(expected)]


def test_targets_of_a_panel_keep_all_columns():
    frame = table(list("abab"), [0, 0, 1, 1])
    X, y = make_supervised(frame, target="value", group="who", time="when")
    assert list(X) == ["who", "value", "when"]
    assert y.tolist() == [2, 3]


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
        ({"context": "fit"}, {}, "context='fit' needs time stamps"),
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
        ({"time": 1, "group": 0}, {"x": [1.0, np.inf]}, "infinity: row 1, column 'x'"),
        ({"time": 1, "group": 0}, {"x": ["1", "b"]}, "could not convert string"),
    ],
)
def test_wrong_rows_are_answered_in_one_line(params, changes, message):
    X = pd.DataFrame(TWO | changes)
    with pytest.raises(ValueError, match=message) as error:
        SequenceWindower(**params).fit(X)
    assert "\n" not in str(error.value)


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


def test_dates_cannot_follow_numbers():
    windower = SequenceWindower(time="when").fit(pd.DataFrame(TWO).drop(columns="who"))
    later = pd.DataFrame({"when": DATES[:2], "x": [1.0, 2.0]})
    with pytest.raises(ValueError, match="are dates and were numbers in fit"):
        windower.transform(later)


def test_a_lazy_frame_is_to_be_collected():
    with pytest.raises(TypeError, match=r"lazy frame.*pass X.collect\(\)"):
        SequenceWindower().fit(pl.LazyFrame({"x": [1.0]}))


def test_a_repeated_row_is_named_as_it_came():
    X = np.array([[3, 0], [1, 0], [2, 0], [1, 0]])
    with pytest.raises(ValueError, match="Rows 1 and 3 of X have the same"):
        SequenceWindower(time=0).fit(X)


# Fast paths against numpy's own.


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
    assert_array_equal(words, series)
    assert_array_equal(pairs, series)


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


def test_labels_of_another_kind_are_other_series():
    windower = SequenceWindower(3, group=0, time=1, context="fit")
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
    with pytest.raises(ValueError, match=r"2D array|dim 3|Expected a 2"):
        SequenceWindower(group=0).fit(X)


def test_a_column_of_words_is_named():
    X = pd.DataFrame({"who": [1, 1], "x": pd.Categorical(["a", "b"])})
    with pytest.raises(ValueError, match="Column 'x' of X is of type object"):
        SequenceWindower(group="who").fit(X)
    with pytest.raises(ValueError, match="max_gap=2 needs time stamps"):
        make_supervised(X, group="who", max_gap=2)
