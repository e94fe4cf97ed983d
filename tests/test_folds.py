"""PanelTimeSeriesSplit cuts every series at the same point in time."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from sklearn.dummy import DummyRegressor
from sklearn.model_selection import (
    GridSearchCV,
    TimeSeriesSplit,
    cross_val_score,
    cross_validate,
)
from sklearn.pipeline import make_pipeline

from sklstm import SequenceWindower, make_histories, make_supervised
from sklstm.forecasting import NaiveRegressor, PanelTimeSeriesSplit


def folds_of(splitter, *args, **kwargs):
    """Return folds as lists of positions."""
    folds = splitter.split(*args, **kwargs)
    return [(train.tolist(), test.tolist()) for train, test in folds]


def plain_folds(times, n_splits, max_train_size, test_size, gap):
    """Return the same, a row and a set of time stamps at a time."""
    stamps = sorted(set(times))
    test_size = test_size or len(stamps) // (n_splits + 1)
    folds = []
    for i in range(n_splits, 0, -1):
        start = len(stamps) - i * test_size
        tested = set(stamps[start : start + test_size])
        trained = stamps[: start - gap]
        trained = set(trained[-max_train_size:] if max_train_size else trained)
        rows = range(len(times))
        folds.append(
            (
                [row for row in rows if times[row] in trained],
                [row for row in rows if times[row] in tested],
            )
        )
    return folds


@pytest.fixture
def panel():
    """Three shops in mixed order, of which one opens late and one closes early."""
    rng = np.random.default_rng(0)
    parts = [
        pd.DataFrame({"shop": shop, "day": np.arange(start, stop)})
        for shop, start, stop in [("a", 0, 40), ("b", 25, 40), ("c", 0, 30)]
    ]
    panel = pd.concat(parts, ignore_index=True).sample(frac=1, random_state=0)
    panel["day"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(panel["day"], unit="D")
    panel["sold"] = rng.normal(size=len(panel))
    return panel


@given(
    times=st.lists(st.integers(-5, 20), min_size=1, max_size=60),
    n_splits=st.integers(2, 4),
    max_train_size=st.none() | st.integers(1, 8),
    test_size=st.none() | st.integers(1, 4),
    gap=st.integers(0, 4),
)
def test_folds_are_those_of_the_slow_way(
    times, n_splits, max_train_size, test_size, gap
):
    sizes = {"max_train_size": max_train_size, "test_size": test_size, "gap": gap}
    X = np.c_[np.zeros(len(times)), times]
    splitter = PanelTimeSeriesSplit(n_splits, time=1, **sizes)
    try:
        list(TimeSeriesSplit(n_splits, **sizes).split(sorted(set(times))))
    except ValueError:  # we refuse what it refuses
        with pytest.raises(ValueError, match="distinct time stamps; n_splits="):
            folds_of(splitter, X)
        return
    folds = folds_of(splitter, X)
    assert folds == plain_folds(times, n_splits, **sizes)
    assert folds == folds_of(splitter, X * 0.5)


@given(
    times=st.lists(st.integers(0, 30), min_size=30, max_size=60),
    gap=st.integers(0, 4),
)
def test_training_ends_before_the_gap(times, gap):
    times = np.array([*times, *range(20)])
    stamps = np.unique(times)
    splitter = PanelTimeSeriesSplit(3, time=0, test_size=4, gap=gap)
    tested = []
    for train, test in splitter.split(times[:, np.newaxis]):
        first = np.searchsorted(stamps, times[test].min())
        assert np.searchsorted(stamps, times[train].max()) == first - gap - 1
        assert_array_equal(train, np.flatnonzero(times <= times[train].max()))
        assert len(np.unique(times[test])) == 4
        tested.extend(test)
    assert sorted(tested) == np.flatnonzero(times >= stamps[-12]).tolist()


def test_one_series_is_split_as_by_scikit_learn():
    X = np.arange(50.0)[:, None]
    sizes = {"test_size": 7, "gap": 3, "max_train_size": 12}
    ours = folds_of(PanelTimeSeriesSplit(4, time=0, **sizes), X)
    assert ours == folds_of(TimeSeriesSplit(4, **sizes), X)


def test_time_is_found_wherever_it_stands(panel):
    number = (panel["day"] - panel["day"].min()).dt.days.to_numpy()
    expected = plain_folds(number.tolist(), 3, None, None, 2)
    by_level = panel.set_index(["shop", "day"])
    by_index = panel.set_index("day")
    abroad = panel.assign(day=panel["day"].dt.tz_localize("Europe/Berlin"))
    for X, time in [
        (panel, "day"),
        (panel, 1),
        (panel.to_numpy(), 1),
        (pl.DataFrame(panel.to_dict("list")), "day"),
        (by_level, "day"),
        (by_index, "day"),
        (by_index, "index"),
        (by_index.rename_axis(None), "index"),
        (by_index[[]], "day"),
        (abroad, "day"),
        (panel.assign(day=panel["day"].dt.date), "day"),
        (panel.assign(day=panel["day"].dt.date).to_numpy(), 1),
        (panel.assign(day=panel["day"].dt.to_period("D")), "day"),
        (panel.assign(day=number), "day"),
    ]:
        assert folds_of(PanelTimeSeriesSplit(3, time=time, gap=2), X) == expected


def test_windows_are_split_by_their_index(panel):
    expected = folds_of(PanelTimeSeriesSplit(3, time="day"), panel)
    by_level = panel.set_index(["shop", "day"])
    windower = SequenceWindower(sequence_length=3, group="shop", time="day")
    windows = windower.fit_transform(by_level)
    assert folds_of(PanelTimeSeriesSplit(3, time="day"), windows) == expected
    windower = SequenceWindower(sequence_length=3, group="shop", time="index")
    windows = windower.fit_transform(panel.set_index("day"))
    assert folds_of(PanelTimeSeriesSplit(3, time="index"), windows) == expected


KEYS = {"group": "shop", "time": "day"}


@pytest.mark.parametrize("where", ["columns", "index"])
@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
def test_histories_are_split_by_the_times_that_they_know(panel, where, zone):
    expected = folds_of(PanelTimeSeriesSplit(3, gap=2, time="day"), panel)
    panel["day"] = panel["day"].dt.tz_localize(zone)
    table = panel if where == "columns" else panel.set_index(["shop", "day"])
    X = make_histories(table, **KEYS)
    windows = SequenceWindower(sequence_length=3).fit_transform(X)
    for samples in (X, windows, X[::-1][::-1]):
        assert folds_of(PanelTimeSeriesSplit(3, gap=2), samples) == expected
        other = PanelTimeSeriesSplit(3, gap=2, time="week")  # is not looked for
        assert folds_of(other, samples) == expected


def test_no_target_trained_on_is_of_the_time_tested(panel):
    horizon = 4
    panel["date"] = panel["day"].astype(np.int64)  # a target that says its own time
    splitter = PanelTimeSeriesSplit(3, time="day", gap=horizon)
    X, y = make_supervised(panel, horizon, "date", **KEYS)
    rows, _ = make_supervised(panel, horizon, "date", **KEYS, as_rows=True)
    assert folds_of(splitter, X) == folds_of(splitter, rows)
    for train, test in splitter.split(X):
        assert y.iloc[train].to_numpy().max() < rows["date"].iloc[test].min()


def test_it_serves_in_cross_validation(panel):
    X, y = make_supervised(panel, target="sold", **KEYS)
    model = make_pipeline(SequenceWindower(sequence_length=8), NaiveRegressor())
    cv = PanelTimeSeriesSplit(3, test_size=8, gap=1)
    scores = cross_val_score(model, X, y, cv=cv)
    windows = SequenceWindower(sequence_length=8).fit_transform(X)
    assert_array_equal(cross_val_score(NaiveRegressor(), windows, y, cv=cv), scores)
    search = GridSearchCV(model, {"naiveregressor__period": [1, 7]}, cv=cv).fit(X, y)
    assert search.cv_results_["mean_test_score"][0] == scores.mean()


def test_it_serves_rows_in_cross_validation(panel):
    """The last value is known of bare rows, too; one of a week ago by its time."""
    X, y = make_supervised(panel, target="sold", **KEYS, as_rows=True)
    histories, _ = make_supervised(panel, target="sold", **KEYS)
    cv = PanelTimeSeriesSplit(3, time="day", test_size=8)
    for period in (1, 7):
        naive = NaiveRegressor(period, feature="sold", lag=1)
        expected = cross_val_score(
            make_pipeline(SequenceWindower(sequence_length=8), naive),
            histories,
            y,
            cv=cv,
        )
        model = make_pipeline(SequenceWindower(sequence_length=8, **KEYS), naive)
        assert_array_equal(cross_val_score(model, X, y, cv=cv), expected)
        by_folds = cross_val_score(model, X, y, cv=list(cv.split(X)))
        assert_array_equal(by_folds, expected)


@pytest.mark.parametrize("what", ["shop", "number", "day"])
def test_groups_are_not_taken_for_times(panel, what):
    """They could be shops as well, which nothing but their name would tell."""
    panel["number"] = panel["shop"].map({"a": 7, "b": 8, "c": 9})
    X = make_histories(panel.drop(columns="number"), **KEYS)
    for samples, cv in [
        (X, PanelTimeSeriesSplit(3)),
        (panel, PanelTimeSeriesSplit(3, time="day")),
        (panel[["sold"]], PanelTimeSeriesSplit(3)),
    ]:
        with pytest.raises(ValueError, match=r"Got groups, .* in time=, or") as e:
            folds_of(cv, samples, groups=panel[what])
        assert "\n" not in str(e.value)
    with pytest.raises(ValueError, match="Got groups"):
        cross_val_score(
            DummyRegressor(), panel, panel["sold"], groups=panel[what], cv=cv
        )


def test_a_form_without_times_is_cut_by_the_folds_of_a_table(panel):
    cv = PanelTimeSeriesSplit(3, time="day")
    found = cross_validate(
        DummyRegressor(),
        panel[["sold"]].to_numpy(),
        panel["sold"],
        cv=list(cv.split(panel)),
        return_indices=True,
    )["indices"]["test"]
    assert [test.tolist() for test in found] == [t for _, t in folds_of(cv, panel)]


def test_it_shows_its_parameters():
    splitter = PanelTimeSeriesSplit(3, time="day", gap=2)
    assert splitter.get_n_splits() == 3
    shown = " ".join(repr(splitter).split())
    assert shown == (
        "PanelTimeSeriesSplit(gap=2, max_train_size=None, n_splits=3, test_size=None,"
        " time='day')"
    )


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"n_splits": 1}, "'n_splits' parameter .* range"),
        ({"gap": -1}, "'gap' parameter .* range"),
        ({"test_size": 0}, "'test_size' parameter .* range"),
        ({"max_train_size": 0}, "'max_train_size' parameter .* range"),
        ({}, "type DataFrame and no time=, so .* name their column"),
        ({"time": "week"}, "time='week' is not in X"),
        ({"time": "day", "test_size": 20}, "40 distinct .* need 101: give more"),
        ({"time": "shop"}, "expected dates or numbers"),
    ],
)
def test_errors_say_what_to_do_in_a_line(panel, params, message):
    with pytest.raises(ValueError, match=message) as raised:
        folds_of(PanelTimeSeriesSplit(**params), panel)
    assert len(str(raised.value).splitlines()) == 1


def test_times_are_complete(panel):
    panel.loc[panel.index[3], "day"] = pd.NaT
    with pytest.raises(ValueError, match="time stamp of row 3 is missing"):
        folds_of(PanelTimeSeriesSplit(time="day"), panel)


def test_windows_without_times_are_refused():
    windows = SequenceWindower(sequence_length=2).fit_transform(np.zeros((9, 1)))
    with pytest.raises(ValueError, match=r"in its index, or with time=\.$"):
        folds_of(PanelTimeSeriesSplit(time="index"), windows)
    with pytest.raises(ValueError, match="X of type Sequences and no time="):
        folds_of(PanelTimeSeriesSplit(), windows)


@pytest.mark.parametrize("library", [pd, pl])
def test_a_table_without_rows(library):
    rows = library.DataFrame({"day": [1.0], "sold": [2.0]})[:0]
    with pytest.raises(ValueError, match=r"^The table has no rows; expected at least"):
        next(PanelTimeSeriesSplit(2, time="day").split(rows))
