"""What is known of the future stands beside the rows, and nothing else does."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline

from sklstm import LSTMRegressor, SequenceWindower, make_histories, make_supervised
from sklstm.forecasting import add_future

KEYS = {"group": "shop", "time": "day"}
DAYS = pd.date_range("2024-01-01", periods=8)
SALES = pd.DataFrame(
    {
        "shop": ["a"] * 8 + ["b"] * 8,
        "day": [*DAYS, *DAYS],
        "price": np.arange(16.0),
        "sold": 100 + np.arange(16.0),
    }
)


def panel(rng, n_series, n_rows, *, gap):
    """Series one below the other, mixed, some with a day missing."""
    parts = []
    for shop in range(n_series):
        days = np.arange(n_rows + 1)
        days = np.delete(days, rng.integers(3, n_rows) if gap else n_rows)
        parts.append(np.column_stack([np.full(n_rows, shop), days]))
    keys = np.concatenate(parts)
    table = np.column_stack([keys, rng.normal(size=(len(keys), 3))])
    return table[rng.permutation(len(table))]


def by_time(X):
    """The history of each series and time, as lists."""
    keys = zip(X.series_names[X.series], X.times, strict=True)
    return {key: steps.tolist() for key, steps in zip(keys, X, strict=True)}


def by_hand(table, horizon, known):
    """For each row that the next days follow, those of `known`."""
    found = {(row[0], row[1]): row for row in table}
    for i, (shop, day) in enumerate(table[:, :2]):
        rows = [found.get((shop, day + k)) for k in range(1, horizon + 1)]
        if all(row is not None for row in rows):
            yield i, [row[j] for j in known for row in rows], [row[2] for row in rows]


@pytest.mark.filterwarnings("ignore:.*samples are lost")
@settings(max_examples=30)
@given(
    seed=st.integers(0, 999),
    n_series=st.integers(1, 3),
    horizon=st.integers(1, 3),
    gap=st.booleans(),
)
def test_each_row_has_what_the_slow_twin_finds(seed, n_series, horizon, gap):
    table = panel(np.random.default_rng(seed), n_series, 9, gap=gap)
    options = {"target": 2, "group": 0, "time": 1, "max_gap": 1.2, "known": [4, 3]}
    X, y = make_supervised(table, horizon, **options, as_rows=True)
    histories, y_again = make_supervised(table, horizon, **options)
    assert_array_equal(y_again, y)
    rows = {(row[0], row[1]): row[2:].tolist() for row in X}
    assert list(by_time(histories)) == list(rows)
    for (shop, day), steps in by_time(histories).items():
        first = day
        while (shop, first - 1) in rows:
            first -= 1
        assert steps == [rows[shop, k] for k in np.arange(first, day + 1)]
    rows, leads, targets = zip(*by_hand(table, horizon, [4, 3]), strict=True)
    assert_array_equal(X, np.column_stack([table[list(rows)], leads]))
    assert_array_equal(y.reshape(len(y), -1), targets)


@settings(max_examples=30)
@given(seed=st.integers(0, 999), horizon=st.integers(1, 3), row=st.integers(0, 17))
def test_the_future_of_the_target_is_in_no_row(seed, horizon, row):
    rng = np.random.default_rng(seed)
    table = panel(rng, 2, 9, gap=False)
    keys = {"target": 2, "group": 0, "time": 1, "known": [3]}
    options = keys | {"as_rows": True}
    X, y = make_supervised(table, horizon, **options)
    histories = by_time(make_supervised(table, horizon, **keys)[0])
    shop, day = table[row, :2]
    # All that is not known of later days
    later = (table[:, 0] == shop) & (table[:, 1] > day)
    changed = table.copy()
    changed[later, 2] += rng.normal(size=later.sum())
    changed[later, 4] += rng.normal(size=later.sum())
    here = (X[:, 0] == shop) & (X[:, 1] <= day)
    X_changed, _ = make_supervised(changed, horizon, **options)
    assert_array_equal(X_changed[here], X[here])
    for key, steps in by_time(make_supervised(changed, horizon, **keys)[0]).items():
        assert (steps == histories[key]) or (key[0] == shop and key[1] > day)
    # What is known of the next days is in these columns, and nowhere else
    soon = later & (table[:, 1] <= day + horizon)
    changed = table.copy()
    changed[soon, 3] += 1
    X_changed, y_changed = make_supervised(changed, horizon, **options)
    here = (X[:, 0] == shop) & (X[:, 1] == day)
    assert_array_equal(X_changed[here, :5], X[here, :5])
    assert_allclose(X_changed[here, 5:], X[here, 5:] + 1)
    assert_array_equal(y_changed, y)
    changed = by_time(make_supervised(changed, horizon, **keys)[0])
    if (shop, day) in changed:
        steps, before = np.array(changed[shop, day]), np.array(histories[shop, day])
        assert_array_equal(steps[:, :3], before[:, :3])
        assert_allclose(steps[-1, 3:], before[-1, 3:] + 1)


@settings(max_examples=30)
@given(
    seed=st.integers(0, 999),
    n_series=st.integers(1, 3),
    horizon=st.integers(1, 4),
    with_time=st.booleans(),
)
def test_a_future_makes_the_rows_that_the_whole_table_has(
    seed, n_series, horizon, with_time
):
    rng = np.random.default_rng(seed)
    table = panel(rng, n_series, 12, gap=False)
    options = {"group": 0, "time": 1, "known": [4, 3], "as_rows": True}
    whole, _ = make_supervised(table, horizon, target=2, **options)
    late = table[:, 1] >= 12 - horizon
    data, future = table[~late], table[late]
    if not with_time:  # then rows are to be in order
        future = future[np.argsort(future[:, 1])]
    future = future[:, [0, 1, 3, 4] if with_time else [0, 3, 4]]
    X = add_future(data, future, horizon=horizon, **options)
    assert_array_equal(X[:, :5], data)
    assert_array_equal(np.sort(X, axis=0), np.sort(whole, axis=0))
    for row in X:
        assert (row == whole).all(axis=1).any()
    options["as_rows"] = False
    histories = add_future(data, future, horizon=horizon, **options)
    assert_array_equal([steps[-1] for steps in histories], X[:, 2:])
    whole = by_time(make_supervised(table, horizon, target=2, **options)[0])
    assert by_time(histories) == whole
    assert histories.horizon == horizon


@pytest.mark.parametrize("library", [pd, pl], ids=["pandas", "polars"])
def test_dataframes_stay_dataframes(library):
    mixed = SALES.sample(frac=1, random_state=0)
    table = mixed if library is pd else pl.DataFrame(mixed.to_dict("list"))
    options = {"horizon": 2, "known": ["price"], "as_rows": True, **KEYS}
    X, y = make_supervised(table, target="sold", **options)
    assert list(y.columns) == ["sold+1", "sold+2"]
    assert list(X.columns) == [*SALES, "price+1", "price+2"]
    assert_array_equal(X["price+2"].to_numpy(), X["price"].to_numpy() + 2)
    assert_array_equal(y["sold+2"], X["sold"].to_numpy() + 2)
    price = [8, 9, 16, 17]  # whole numbers after broken ones
    future = library.DataFrame({"shop": list("aabb"), "price": price})
    full = add_future(table, future, **options)
    assert list(full.columns) == list(X.columns)
    assert_array_equal(full["sold"].to_numpy(), mixed["sold"])
    assert_array_equal(full["price+2"].to_numpy(), full["price"].to_numpy() + 2)
    if library is pd:
        assert full.index.equals(mixed.index)
    options["as_rows"] = False
    X, _ = make_supervised(table, target="sold", **options)
    for histories in (X, add_future(table, future, **options)):
        names = list(histories.feature_names)
        assert names == ["price", "sold", "price+1", "price+2"]
        assert_array_equal(histories[-1][:, 3], histories[-1][:, 0] + 2)


def test_dates_may_be_in_the_index():
    table = SALES[:8].set_index("day")[["price", "sold"]]
    options = {"time": "index", "known": ["price"], "as_rows": True}
    X, y = make_supervised(table, target="sold", **options)
    assert_array_equal(X["price+1"], table["price"][1:])
    next_day = pd.DataFrame({"price": [9.0]}, index=[pd.Timestamp("2024-01-09")])
    next_day.index.name = "day"
    for future in (next_day, next_day.reset_index(drop=True)):
        full = add_future(table, future, horizon=1, **options)
        assert full.index.equals(table.index)
        assert_array_equal(full["price+1"], [*table["price"][1:], 9.0])
        X = add_future(table, future, horizon=1, **(options | {"as_rows": False}))
        assert X.index.equals(table.index)
        assert_array_equal(X.times, DAYS)


def test_without_a_target_all_that_is_not_known_is_predicted():
    X, y = make_supervised([[1, 10, 5], [2, 20, 6], [3, 30, 7]], known=[1])
    assert_array_equal(X[1], [[1, 10, 5, 20], [2, 20, 6, 30]])
    assert X.targets == [0, 2]
    assert_array_equal(y, [[2, 6], [3, 7]])


def test_a_direct_forecast_uses_what_is_known():
    rng = np.random.default_rng(0)
    price = rng.normal(size=300)
    sold = 3 - 2 * price + 0.1 * rng.normal(size=300)
    table = pd.DataFrame({"price": price, "sold": sold})
    past, future = table[:280], table[280:284]
    errors = {}
    for known in ([], ["price"]):
        X, y = make_supervised(past, 4, "sold", known=known)
        model = make_pipeline(
            SequenceWindower(4, flatten=True),
            LinearRegression(),
        ).fit(X, y)
        X = add_future(past, future, known, 4) if known else make_histories(past)
        forecast = model.predict(X)[-1]
        errors[len(known)] = np.abs(forecast - future["sold"]).max()
    assert errors[1] < 0.5 < errors[0]


@pytest.mark.parametrize("as_rows", [False, True], ids=["histories", "rows"])
def test_an_lstm_reads_what_is_known(as_rows):
    options = {"horizon": 2, "known": ["price"], "as_rows": as_rows, **KEYS}
    X, y = make_supervised(SALES, target="sold", **options)
    model = make_pipeline(
        SequenceWindower(3, **KEYS if as_rows else {}),
        LSTMRegressor(hidden_size=4, max_epochs=2, random_state=0),
    ).fit(X, y)
    future = pd.DataFrame({"shop": list("aabb"), "price": [8.0, 9.0, 16.0, 17.0]})
    assert model.predict(add_future(SALES, future, **options)).shape == (16, 2)


FUTURE = pd.DataFrame({"shop": list("aabb"), "price": [8.0, 9.0, 16.0, 17.0]})


@pytest.mark.parametrize("as_rows", [False, True], ids=["histories", "rows"])
@pytest.mark.parametrize(
    ("future", "message"),
    [
        (FUTURE[:3], r"future has 1 row\(s\) for series 'b'; expected 2"),
        (FUTURE[["shop"]], r"future lacks \['price'\]"),
        (FUTURE.replace("b", "c"), "future has rows of series 'c'"),
        (FUTURE.assign(day=[*DAYS[:2]] * 2), "is not later than the last one"),
        (
            FUTURE.assign(day=[*(DAYS[-2:] + pd.Timedelta("5D"))] * 2),
            "last row of series 'a' before future and its first row there is a gap",
        ),
    ],
)
def test_a_future_that_does_not_fit_is_named(future, message, as_rows):
    with pytest.raises(ValueError, match=message) as raised:
        add_future(SALES, future, ["price"], 2, as_rows=as_rows, **KEYS)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"known": ["wind"]}, r"known='wind' is not in the table, which has columns"),
        ({"known": ["day"]}, r"known=\['day'\] names a column twice, or one of group"),
        ({"known": ["price", "price"]}, "names a column twice"),
        ({"known": ["sold"]}, r"known=\['sold'\] and target='sold' leave no column"),
        ({"known": ["price", "sold"], "target": None}, "leave no column to predict"),
    ],
)
def test_known_columns_that_do_not_fit_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        make_supervised(SALES, **({"target": "sold", **KEYS} | options))


def test_a_column_is_not_replaced():
    table = SALES.assign(**{"price+1": 0.0})
    options = {"target": "sold", "known": ["price"], **KEYS}
    for as_rows in (True, False):
        with pytest.raises(ValueError, match=r"columns named \['price\+1'\] already"):
            make_supervised(table, **options, as_rows=as_rows)


def test_a_step_that_is_a_gap_by_the_calendar_is_named():
    days = pd.date_range("2024-01-01", periods=10, freq="B")
    table = pd.DataFrame({"day": days, "price": np.arange(10.0)})
    options = {"known": ["price"], "horizon": 1, "time": "day", "as_rows": True}
    with pytest.raises(ValueError, match="Between the last row before future"):
        add_future(table, pd.DataFrame({"price": [10.0]}), max_gap="2D", **options)
    for max_gap in (None, "3D"):  # a weekend is no gap of working days
        X = add_future(table, [[10.0]], max_gap=max_gap, **options)
        assert_array_equal(X["price+1"], np.arange(1, 11))


@pytest.mark.parametrize("library", [pd, pl], ids=["pandas", "polars"])
def test_whole_numbers_may_be_followed_by_broken_ones(library):
    table = library.DataFrame({"price": [3, 2], "sold": [1, 2]})
    future = library.DataFrame({"price": [1.5]})
    X = add_future(table, future, ["price"], 1, as_rows=True)
    assert_array_equal(X["price+1"].to_numpy(), [2.0, 1.5])


def test_a_dataframe_goes_on_with_an_array():
    table = SALES[:8].set_index("day")[["price", "sold"]]
    options = {"known": ["price"], "horizon": 2, "as_rows": True}
    expected = add_future(table, pd.DataFrame({"price": [8.0, 9.0]}), **options)
    for future in ([8.0, 9.0], np.array([[8.0], [9.0]])):
        full = add_future(table, future, **options)
        pd.testing.assert_frame_equal(full, expected)


def test_what_is_known_is_a_column():
    table = SALES[:8].set_index("day")[["price", "sold"]]
    with pytest.raises(ValueError, match="known='day' is not in the table"):
        make_supervised(table, target="sold", known=["day"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"known": [0]}, r"data has one dimension and no room for known=\[0\]: give a"),
        (
            {"group": "who", "time": 1},
            "no room for group='who' or time=1: give a table",
        ),
    ],
)
def test_a_series_has_no_room_for_keys(options, message):
    with pytest.raises(ValueError, match=message) as raised:
        make_supervised([1.0, 2.0, 3.0], **options)
    assert "\n" not in str(raised.value)


def test_keys_are_looked_for_in_data():
    with pytest.raises(ValueError, match="group='who' is not in data, which") as raised:
        make_supervised(SALES, group="who")
    assert "set_output" not in str(raised.value)


@pytest.mark.parametrize(
    ("names", "lead"),
    [
        ([1, 0], (0, 1)),
        ([1.5, 2.5], (2.5, 1)),
        ([True, False], (False, 1)),
        ([("a",), ("b",)], ("b+1",)),
        (pd.MultiIndex.from_product([["a"], ["x", "y"]]), ("a", "y+1")),
        (pd.to_datetime(["2024", "2025"]), (pd.Timestamp("2025"), 1)),
        (["x", "y"], "y+1"),
    ],
)
def test_rows_with_leads_of_columns_of_any_name(names, lead):
    """scikit-learn refuses names of which only some are strings."""
    values = np.random.default_rng(0).normal(size=(30, 2))
    table = pd.DataFrame(values, columns=names)
    first, second = table.columns
    options = {"target": [first], "known": [second]}
    rows, y = make_supervised(table, **options, as_rows=True)
    assert rows.columns[-1] == lead
    model = make_pipeline(SequenceWindower(3, flatten=True), LinearRegression())
    ours = model.fit(*make_supervised(values, target=[0], known=[1]))
    expected = ours.predict(make_supervised(values, target=[0], known=[1])[0])
    theirs = model.fit(rows, np.ravel(y)).predict(rows)
    assert_allclose(theirs, np.ravel(expected))


@pytest.mark.parametrize("later", [pd.Categorical([2, 2] * 2), [2, 2] * 2])
def test_codes_to_come_are_read_by_their_labels(later):
    codes = np.arange(16) % 3
    days = pd.date_range("2024-01-09", periods=2)
    coming = pd.DataFrame({"shop": list("aabb"), "day": [*days, *days]})
    read = []
    for now, then in [
        (pd.Categorical(codes), later),
        (codes.astype(str).astype(object) + "_", ["2_", "2_"] * 2),
    ]:
        table, future = SALES.assign(price=now), coming.assign(price=then)
        X = add_future(table, future, ["price"], 2, **KEYS)
        labels = [list(X.categories[i]) for i in (0, 2, 3)]
        ids = X.steps[:, [0, 2, 3]].astype(int)
        read.append([[str(labels[k][i])[0] for k, i in enumerate(row)] for row in ids])
    assert read[0] == read[1]
