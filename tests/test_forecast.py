"""Forecasts of many steps by models of one step."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import VotingRegressor
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklstm import (
    LSTMRegressor,
    SequenceWindower,
    StepTransformer,
    make_histories,
    make_supervised,
)
from sklstm.forecasting import (
    AnchoredRegressor,
    AutoForecaster,
    ConformalRegressor,
    NaiveRegressor,
    add_future,
    forecast,
)
from sklstm.forecasting._calendar import continue_column
from tests._data import ALL_SHORT


def ar2(n, seed=0):
    noise = np.random.default_rng(seed).normal(size=n)
    series = np.zeros(n)
    for t in range(2, n):
        series[t] = 1.5 * series[t - 1] - 0.8 * series[t - 2] + noise[t]
    return series


def lags(length, **keys):
    return make_pipeline(
        SequenceWindower(length, flatten=True, **keys), LinearRegression()
    )


FORMS = pytest.mark.parametrize("as_rows", [False, True], ids=["histories", "rows"])


def fit_lags(table, length, as_rows, target=None, **keys):
    """Fit to histories; or to rows, whose windower is told of series and time."""
    X, y = make_supervised(table, target=target, as_rows=as_rows, **keys)
    return lags(length, **keys if as_rows else {}).fit(X, y)


class Recorder(RegressorMixin, BaseEstimator):
    """Adds up the columns of a row, and keeps what it was given."""

    def __init__(self, n_outputs=1):
        self.n_outputs = n_outputs
        self.seen_ = []

    def fit(self, X, y=None):
        return self

    def predict(self, X):
        self.seen_.append(X)
        y = np.asarray(X, dtype=float).sum(axis=1)
        return y if self.n_outputs == 1 else np.column_stack([y] * self.n_outputs)


SHOPS = pd.DataFrame(
    {
        "shop": list("ab") * 6,
        "day": np.repeat(pd.date_range("2024-03-28", periods=6), 2),
        "price": np.arange(12.0) ** 0.5,
        "sold": np.r_[ar2(6), ar2(6, seed=1)].reshape(2, 6).T.ravel(),
    }
)
NEXT = pd.DataFrame(
    {
        "shop": list("ab") * 3,
        "day": np.repeat(pd.date_range("2024-04-03", periods=3), 2),
        "price": [1.0, -2.0, 3.0, -4.0, 5.0, -6.0],
    }
)
KEYS = {"group": "shop", "time": "day"}


def sold_model(as_rows=False, table=SHOPS, **options):
    return fit_lags(table, 3, as_rows, "sold", **KEYS, **options)


def forecast_sold(as_rows=False, history=SHOPS, future=NEXT, n_steps=3, **options):
    return forecast(sold_model(as_rows), history, n_steps, future=future, **options)


def by_hand(model, rows, future, as_rows):
    """One series, one step at a time, all the history in each."""
    rows = rows.reset_index(drop=True)
    for _, new in future.iterrows():
        X = rows if as_rows else make_histories(rows, **KEYS)
        sold = model.predict(X)[-1]
        rows.loc[len(rows)] = {**new.to_dict(), "sold": sold}
    return rows["sold"].to_numpy()[-len(future) :]


def test_a_linear_model_gives_the_closed_form():
    series = ar2(200)
    X, y = make_supervised(series)
    model = lags(2).fit(X[1:], y[1:])
    linear = model[-1]
    values = forecast(model, series, 30)
    matrix = np.array([[*linear.coef_[::-1], linear.intercept_], [1, 0, 0], [0, 0, 1]])
    state = np.array([series[-1], series[-2], 1.0])
    expected = [
        (np.linalg.matrix_power(matrix, k) @ state)[0] for k in np.arange(1, 31)
    ]
    assert_allclose(values, expected)


def test_errors_of_an_lstm_stay_bounded_on_a_sine():
    wave = np.sin(np.arange(400) * 0.3)
    past, ahead = wave[:300], wave[300:]
    X, y = make_supervised(past)
    model = make_pipeline(
        SequenceWindower(20),
        LSTMRegressor(16, learning_rate=0.01, max_epochs=25, random_state=1),
    ).fit(X, y)
    error = np.abs(forecast(model, past, 100) - ahead)
    naive = np.abs(past[-1] - ahead)
    assert error.mean() < 0.2 * naive.mean()
    assert error[50:].max() < 0.3 < naive[50:].max()


@FORMS
def test_several_targets_come_in_the_order_asked_for(as_rows):
    table = np.column_stack([ar2(50), ar2(50, seed=1), np.arange(50.0)])
    model = fit_lags(table, 2, as_rows, [1, 0])
    future = np.arange(50.0, 54)
    both = forecast(model, table, 4, future=future, target=[1, 0])
    assert both.shape == (4, 2)
    named = pd.DataFrame(table, columns=list("abt"))
    frame = forecast(
        fit_lags(named, 2, as_rows, ["b", "a"]),
        named,
        4,
        future=pd.DataFrame({"t": future}),
        target=["b", "a"],
    )
    assert list(frame) == ["b", "a"]
    assert_allclose(frame[["b", "a"]], both)


@FORMS
def test_a_panel_is_each_series_on_its_own(as_rows):
    model = sold_model(as_rows)
    values = forecast_sold(as_rows)
    assert list(values) == ["shop", "day", "sold"]
    assert list(values["shop"]) == list("aaabbb")
    for shop, rows in SHOPS.groupby("shop"):
        mine = values.loc[values["shop"] == shop, "sold"]
        coming = NEXT[NEXT["shop"] == shop]
        assert_allclose(mine, by_hand(model, rows, coming, as_rows))
        assert_allclose(mine, forecast_sold(as_rows, rows, coming)["sold"])


@FORMS
@settings(max_examples=8)
@given(seed=st.integers(0, 1000))
def test_the_order_of_rows_does_not_matter(as_rows, seed):
    rng = np.random.default_rng(seed)
    straight = forecast_sold(as_rows)
    mixed = SHOPS.iloc[rng.permutation(12)], NEXT.iloc[rng.permutation(6)]
    merged = straight.merge(forecast_sold(as_rows, *mixed), on=["shop", "day"])
    assert len(merged) == 6
    assert_allclose(merged["sold_x"], merged["sold_y"])


@FORMS
def test_polars_gives_what_pandas_gives(as_rows):
    ours = forecast_sold(as_rows)
    history = pl.DataFrame({name: SHOPS[name].to_numpy() for name in SHOPS})
    future = pl.DataFrame({name: NEXT[name].to_numpy() for name in NEXT})
    model = sold_model(as_rows, history)
    for known in (future, future.with_columns(pl.col("price").cast(pl.Int32))):
        theirs = forecast(model, history, 3, future=known)
        assert isinstance(theirs, pl.DataFrame)
        assert theirs.columns == list(ours)
        assert list(theirs["shop"]) == list(ours["shop"])
        assert_array_equal(theirs["day"].to_numpy(), ours["day"].to_numpy())
        assert_allclose(theirs["sold"], ours["sold"])


@FORMS
def test_arrays_give_what_dataframes_give(as_rows):
    table = SHOPS.assign(shop=SHOPS["shop"].map(ord), day=np.arange(12) // 2)
    future = NEXT.assign(shop=NEXT["shop"].map(ord), day=np.arange(6) // 2 + 6)
    keys = {"group": 0, "time": 1}
    model = fit_lags(table.to_numpy(), 3, as_rows, 3, **keys)
    expected = forecast_sold(as_rows)["sold"].to_numpy().reshape(2, 3)
    for columns in (["shop", "day", "price"], ["shop", "price"]):
        known = future[columns].to_numpy()
        values = forecast(model, table.to_numpy(), 3, future=known, target=3)
        assert_allclose(values, expected)


@FORMS
def test_keys_may_be_in_the_index(as_rows):
    history = SHOPS.set_index(["shop", "day"])
    future = NEXT.set_index(["shop", "day"])
    model = sold_model(as_rows, history)
    values = forecast(model, history, 3, future=future)
    expected = forecast_sold(as_rows).set_index(["shop", "day"])
    pd.testing.assert_frame_equal(values, expected)


@FORMS
@pytest.mark.parametrize("time", [None, "index"])
def test_times_and_index_go_on_without_a_future(time, as_rows):
    dates = pd.date_range("2024-03-01", periods=60, freq="h", tz="UTC", name="at")
    history = pd.DataFrame({"load": ar2(60)}, index=dates)
    expected = pd.date_range(dates[-1], periods=6, freq="h", name="at")[1:]
    model = fit_lags(history, 3, as_rows, time=time)
    frame = forecast(model, history, 5)
    assert frame.index.equals(expected)
    assert frame.index.name == "at"
    # A series has no names for a model that was fitted to an array.
    models = [model, fit_lags(history["load"], 3, as_rows, time=time)]
    for other in [*models, fit_lags(history.to_numpy(), 3, as_rows)]:
        values = forecast(other, history["load"], 5)
        assert values.name == "load"
        assert values.index.equals(expected)
        assert_allclose(values, frame["load"])


def test_a_series_without_a_name_stays_one():
    for series in (pd.Series(ar2(30)), pl.Series(ar2(30))):
        for as_rows in (False, True):
            values = forecast(fit_lags(series, 3, as_rows), series, 2)
            assert type(values) is type(series)
            assert values.name == series.name


@pytest.mark.parametrize(
    ("index", "expected"),
    [
        (pd.RangeIndex(10, 70), pd.RangeIndex(70, 73)),
        (
            pd.period_range("2024-01", periods=60, freq="M"),
            pd.period_range("2029-01", periods=3, freq="M"),
        ),
        (
            pd.DatetimeIndex(pd.date_range("2024", periods=60, freq="MS"), freq=None),
            pd.date_range("2029-01-01", periods=3, freq="MS"),
        ),
        (pd.Index([f"r{i}" for i in range(60)]), pd.RangeIndex(3)),
    ],
    ids=["range", "periods", "months", "words"],
)
def test_an_index_goes_on(index, expected):
    history = pd.DataFrame({"load": ar2(60)}, index=index)
    for as_rows in (False, True):
        model = fit_lags(history, 3, as_rows)
        assert forecast(model, history, 3).index.equals(expected)


def test_the_index_of_the_future_is_kept():
    history = pd.DataFrame({"load": ar2(30), "price": ar2(30, seed=1)})
    X, y = make_supervised(history, target="load")
    future = pd.DataFrame({"price": [1.0, 2.0]}, index=["monday", "tuesday"])
    values = forecast(lags(3).fit(X, y), history, 2, future=future)
    assert list(values.index) == ["monday", "tuesday"]
    assert list(values) == ["load"]


@pytest.mark.parametrize(
    "freq", ["15min", "h", "D", "B", "W", "28D", "MS", "ME", "QS", "YE", "2MS"]
)
@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
def test_dates_go_on_by_the_calendar(freq, zone):
    dates = pd.date_range("2024-01-31", periods=40, freq=freq, tz=zone)
    new = continue_column(dates[:15].to_series(), np.zeros(15, int), 25)
    assert_array_equal(pd.DatetimeIndex(new), dates[15:])
    # with a row missing
    kept = np.delete(np.arange(15), 4)
    new = continue_column(dates[kept].to_series(), np.zeros(14, int), 25)
    assert_array_equal(pd.DatetimeIndex(new), dates[15:])


def test_each_series_goes_on_by_its_own_step():
    series = np.array([0, 0, 0, 1, 1, 1])
    new = continue_column(np.array([1, 2, 3, 10, 20, 30]), series, 2)
    assert_array_equal(new, [4, 5, 40, 50])
    days = pl.Series([0, 1, 2, 10, 12, 14]).cast(pl.Date)
    new = continue_column(days, series, 2)
    assert new.cast(pl.Int32).to_list() == [3, 4, 16, 18]


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (np.array([1.0, 2.0, 3.5]), "no regular step"),
        (np.array([1.0]), "No series of history has two rows"),
        (
            np.array(["2024-01-01", "2024-01-02"], dtype=object),
            "continued: .*pandas.to_d",
        ),
    ],
)
def test_times_that_cannot_go_on_are_asked_for(column, message):
    with pytest.raises(ValueError, match=message):
        continue_column(column, np.zeros(len(column), int), 2)


def test_a_history_shorter_than_the_window_works():
    X, y = make_supervised(ar2(100))
    model = make_pipeline(
        SequenceWindower(24), LSTMRegressor(hidden_size=4, max_epochs=2, random_state=0)
    ).fit(X, y)
    with pytest.warns(UserWarning, match="history has 2 row.* reads 24: its window"):
        values = forecast(model, [1.0, 2.0], 3)
    rows = [1.0, 2.0]
    for _ in range(3):
        rows.append(model.predict(make_histories(rows)[-1:])[0])
    assert_allclose(values, rows[2:], rtol=1e-6)


@FORMS
def test_only_the_rows_of_a_window_and_the_one_before_are_read(as_rows):
    seen = []

    class Spy(StandardScaler):
        def transform(self, X, copy=None):
            seen.append(len(X))
            return super().transform(X, copy)

    spy = Spy() if as_rows else StepTransformer(Spy())
    model = make_pipeline(spy, *[step for _, step in lags(5).steps])
    model.fit(*make_supervised(ar2(50), as_rows=as_rows))
    seen.clear()
    values = forecast(model, ar2(50), 4)
    # Of bare rows, a model is asked once how far it sees.
    assert seen == [6] * (4 + as_rows)
    assert_allclose(values, forecast(fit_lags(ar2(50), 5, False), ar2(50), 4))


@FORMS
@pytest.mark.parametrize("period", [1, 12])
def test_an_anchor_has_the_change_into_its_window(period, as_rows):
    series = ar2(60)
    X, y = make_supervised(series, as_rows=as_rows)
    lstm = LSTMRegressor(hidden_size=4, max_epochs=2, random_state=0)
    model = make_pipeline(SequenceWindower(14), AnchoredRegressor(lstm, period=period))
    values = forecast(model.fit(X, y), series, 3)
    rows = list(series)
    for _ in range(3):
        rows.append(model.predict(make_histories(rows)[-1:])[0])
    assert_allclose(values, rows[-3:], rtol=1e-6)


def test_an_anchor_needs_one_row_more_than_its_window():
    series, lstm = ar2(60), LSTMRegressor(hidden_size=4, max_epochs=2, random_state=0)
    model = make_pipeline(SequenceWindower(14), AnchoredRegressor(lstm))
    model.fit(*make_supervised(series))
    with pytest.warns(UserWarning, match="history has 14 row.* reads 15: its window"):
        cut = forecast(model, series[-14:])
    expected = forecast(model, series)
    assert not np.allclose(cut, expected)
    assert_allclose(forecast(model, series[-15:]), expected)


def test_a_season_in_front_of_the_windower_is_read():
    series = ar2(60) + 9 * np.sin(np.arange(60) * np.pi / 6)
    model = AnchoredRegressor(lags(2), period=12).fit(*make_supervised(series))
    values = forecast(model, series, 3)
    rows = list(series)
    for _ in range(3):
        rows.append(model.predict(make_histories(rows))[-1])
    assert_allclose(values, rows[-3:])


def test_without_a_windower_all_the_history_is_given():
    model = Recorder()
    values = forecast(model, [[1.0], [2.0]], 3)
    assert [len(X) for X in model.seen_] == [2, 2, 3, 4]
    assert_array_equal(values, [2, 2, 2])


def test_models_of_histories_forecast_what_models_of_rows_do():
    """Also of a panel, with the step before a window, and anchored before it."""
    table = SHOPS.drop(columns="price")
    rows, y = make_supervised(table, as_rows=True, **KEYS)
    expected = forecast(lags(3, **KEYS).fit(rows, y), table, 4, target="sold")
    X, y = make_supervised(table, **KEYS)
    plain = lags(3).fit(X, y)
    pd.testing.assert_frame_equal(forecast(plain, table, 4), expected)
    inside = AnchoredRegressor(lags(3))
    for model in (make_pipeline(SequenceWindower(3), inside), inside):
        model.fit(X, y)
        values = forecast(model, table, 4)
        longer = table
        for step in range(4):  # as one would by hand
            histories = make_histories(longer, **KEYS)
            last = [len(longer) - 2, len(longer) - 1] if step else [10, 11]
            sold = model.predict(histories[last])
            day = longer["day"].max() + pd.Timedelta("1D")
            new = pd.DataFrame({"shop": ["a", "b"], "day": day, "sold": sold})
            longer = pd.concat([longer, new], ignore_index=True)
        by_hand = longer[12:].sort_values(["shop", "day"])
        assert_allclose(values["sold"], by_hand["sold"])


@ALL_SHORT
@FORMS
def test_wrapped_models_are_seen_through(as_rows):
    keys = KEYS if as_rows else {}
    X, y = make_supervised(SHOPS, target="sold", as_rows=as_rows, **KEYS)
    plain = forecast_sold(as_rows)
    search = GridSearchCV(
        lags(1, **keys),
        {"sequencewindower__sequence_length": [3]},
        cv=TimeSeriesSplit(2),
    )
    for model in (
        search,
        TransformedTargetRegressor(lags(3, **keys)),
        TransformedTargetRegressor(search),
        VotingRegressor([("a", lags(3, **keys)), ("b", lags(3, **keys))]),
        make_pipeline("passthrough", lags(3, **keys)),
    ):
        values = forecast(model.fit(X, y), SHOPS, 3, future=NEXT)
        pd.testing.assert_frame_equal(values, plain)


@FORMS
def test_a_search_inside_another_model_has_its_best_window(as_rows):
    X, y = make_supervised(ar2(100), as_rows=as_rows)
    search = GridSearchCV(
        lags(1), {"sequencewindower__sequence_length": [3]}, cv=TimeSeriesSplit(2)
    )
    model = TransformedTargetRegressor(search).fit(X, y)
    plain = lags(3).fit(X, y)
    assert_allclose(forecast(model, ar2(100), 5), forecast(plain, ar2(100), 5))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target": "sold"}, r"The columns \['price'\] of history are not forecast"),
        (
            {"future": NEXT.drop(columns="price"), "target": "sold"},
            r"future lacks \['price'\]",
        ),
        ({"future": NEXT.drop(columns="shop")}, r"future lacks \['shop'\]"),
        ({"future": NEXT[:5]}, r"future has 2 row\(s\) for series 'b'; expected 3"),
        ({"future": NEXT[:0]}, "future has no rows; expected 3"),
        ({"future": NEXT.replace("b", "c")}, "future has rows of series 'c'"),
        ({"future": NEXT.assign(wind=1)}, r"future has the columns \['wind'\]"),
        (
            {"future": NEXT.assign(day=NEXT["day"] - pd.Timedelta("1D"))},
            "series 'a' in future is not later than the last",
        ),
        (
            {"future": NEXT.assign(day=NEXT["day"] + pd.Timedelta("50D"))},
            "last row of series 'a' before future and its first row there is a gap",
        ),
        (
            {"future": NEXT.assign(day=NEXT["day"] + pd.Timedelta("2D"))},
            "last row of series 'a' before future and its first row there is a gap",
        ),
        (
            {"future": NEXT.replace(NEXT["day"].iloc[-1], pd.Timestamp("2024-04-09"))},
            "Between the rows of series 'a' in future is a gap",
        ),
        ({"future": NEXT.assign(day=range(6))}, "Time stamps of future are numbers"),
        ({"future": NEXT, "history": SHOPS[["day", "sold"]]}, "group='shop' is not in"),
        ({"future": NEXT, "target": "cost"}, "target='cost' is not in"),
        ({"future": NEXT, "target": "shop"}, "target='shop' is no column to forecast"),
        (
            {"future": NEXT[["price"]].to_numpy(), "target": "sold"},
            r"future has 1 column\(s\); expected \['shop', 'day', 'price'\]",
        ),
        ({"future": NEXT, "interval": 0.9, "n_steps": 1}, "future has 3 row"),
        (
            {"future": NEXT, "interval": 0.9},
            r"interval=0.9 is asked for 3 steps, but .* are for 1: fit it with that",
        ),
        ({"history": SHOPS[:0], "future": NEXT}, "history has no rows; expected at le"),
    ],
)
@FORMS
def test_what_does_not_fit_is_named(as_rows, options, message):
    with pytest.raises(ValueError, match=message) as raised:
        forecast_sold(as_rows, **({"future": None} | options))
    assert "\n" not in str(raised.value)


def test_what_a_model_forecasts_is_known_or_asked_for():
    known, unknown = sold_model(), sold_model(as_rows=True)
    with pytest.raises(ValueError, match=r"was fitted to forecast \['sold'\]: leave t"):
        forecast(known, SHOPS, 3, future=NEXT, target="price")
    with pytest.raises(ValueError, match=r"does not know which .* \['price', 'sold'\]"):
        forecast(unknown, SHOPS)
    with pytest.raises(ValueError, match=r"1 output\(s\), and 2 column\(s\) are to be"):
        forecast(unknown, SHOPS, target=["price", "sold"])
    # Two steps of one target are not one step of two.
    X, y = make_supervised(SHOPS, 2, "sold", as_rows=True, **KEYS)
    two = lags(3, **KEYS).fit(X, y)
    with pytest.raises(ValueError, match="does not know which columns"):
        forecast(two, SHOPS)
    assert len(forecast(two, SHOPS, target="sold")) == 4
    X, y = make_supervised(SHOPS, target="sold", **KEYS)
    with pytest.raises(ValueError, match="give the table that they were made of"):
        forecast(known, X)
    with pytest.raises(NotFittedError):
        forecast(lags(3), SHOPS)
    wide = lags(3).fit(X, np.column_stack([y, y]))
    with pytest.raises(
        ValueError, match=r"2 output\(s\), and its histories said horiz"
    ):
        forecast(wide, SHOPS)


def test_both_tables_are_of_one_library():
    with pytest.raises(TypeError, match="give both alike"):
        forecast_sold(future=pl.DataFrame({"price": [1]}))


@FORMS
@pytest.mark.parametrize("n_steps", [None, 2, 3, 4, 8])
def test_a_model_of_many_steps_gives_its_own_and_then_goes_on(n_steps, as_rows):
    series = pd.Series(ar2(50), pd.date_range("2024", periods=50, freq="h"), name="v")
    X, y = make_supervised(series, horizon=3, as_rows=as_rows)
    model = lags(2).fit(X, y)
    values = forecast(model, series, n_steps)
    rows = series
    while len(rows) < 50 + (n_steps or 3):
        new = model.predict(
            make_histories(rows)[-1:] if not as_rows else rows.to_frame()
        )
        dates = pd.date_range(rows.index[-1], periods=4, freq="h")[1:]
        rows = pd.concat([rows, pd.Series(new[-1], dates, name="v")])
    pd.testing.assert_series_equal(values, rows[50:][: n_steps or 3], check_freq=False)


def test_known_futures_are_read_as_in_fit():
    """By a direct model, and beyond its horizon in whole horizons."""
    rng = np.random.default_rng(0)
    days = pd.date_range("2024", periods=86, name="day")
    price = rng.normal(size=86)
    sold = 3 - 2 * price + 0.01 * rng.normal(size=86)
    table = pd.DataFrame({"price": price, "sold": sold}, days).reset_index()
    past, future = table[:80], table[["day", "price"]][80:]
    X, y = make_supervised(past, 2, "sold", time="day", known=["price"])
    model = lags(4).fit(X, y)
    direct = forecast(model, past, future=future[:2])
    added = add_future(past, future[:2], ["price"], 2, time="day")
    assert_allclose(direct["sold"], model.predict(added)[-1])
    assert_allclose(direct["sold"], table["sold"][80:82], atol=0.1)
    longer = forecast(model, past, 5, future=future)
    assert_allclose(longer["sold"], table["sold"][80:85], atol=0.1)
    assert list(longer["day"]) == list(days[80:85])
    options = (
        (None, r"The columns \['price'\] of history are not forecast: give"),
        (future[:1], r"future has 1 row\(s\); expected 2"),
    )
    for rows, message in options:
        with pytest.raises(ValueError, match=message):
            forecast(model, past, future=rows)


def test_intervals_stand_beside_the_forecast():
    table = pd.DataFrame({"at": pd.date_range("2024", periods=300, freq="h")})
    table["a"], table["b"] = ar2(300), 10 * ar2(300, seed=1)
    X, y = make_supervised(table, horizon=2, time="at")
    model = ConformalRegressor(lags(3), coverage=0.8).fit(X, y)
    frame = forecast(model, table)
    assert list(frame) == ["at", "a", "a_lower", "a_upper", "b", "b_lower", "b_upper"]
    last = make_histories(table, time="at")[-1:]
    ends = model.predict_interval(last)[0].reshape(2, 2, 2)  # step, target, end
    assert_allclose(frame[["a_lower", "a_upper"]], ends[:, 0])
    assert_allclose(frame[["b_lower", "b_upper"]], ends[:, 1])
    assert_allclose(frame[["a", "b"]], model.predict(last).reshape(2, 2))
    assert list(forecast(model, table, interval=False)) == ["at", "a", "b"]
    pd.testing.assert_frame_equal(forecast(model, table, interval=0.8), frame)
    assert list(forecast(model, table, 3)) == ["at", "a", "b"]  # of which it knows none
    with pytest.raises(ValueError, match=r"interval=0.9 is asked for, but .* of 0.8"):
        forecast(model, table, interval=0.9)
    with pytest.raises(
        ValueError, match="LinearRegression has none: put it into a Conf"
    ):
        forecast(lags(3).fit(X, y), table, interval=0.9)


@pytest.mark.parametrize("library", [pd, pl], ids=["pandas", "polars"])
def test_quantiles_and_normal_distributions_are_intervals(library):
    series = library.Series(ar2(80))
    X, y = make_supervised(series)
    lstm = LSTMRegressor(4, max_epochs=2, loss="quantile", quantile=[0.05, 0.5, 0.95])
    model = make_pipeline(SequenceWindower(3), lstm).fit(X, y)
    frame = forecast(model, series)
    names = ["value", "value_0.05", "value_0.5", "value_0.95"]
    assert list(frame.columns) == names
    windows = model[0].transform(make_histories(series)[-1:])
    assert_allclose(np.ravel(frame)[1:], model[1].predict_quantiles(windows)[0])
    ends = forecast(model, series, interval=0.9)
    assert list(ends.columns) == ["value", "value_lower", "value_upper"]
    assert_allclose(np.ravel(ends)[1:], np.ravel(frame)[[1, 3]])
    with pytest.raises(
        ValueError, match=r"needs the quantiles 0.1 and 0.9, but .* has"
    ):
        forecast(model, series, interval=0.8)
    model.set_params(lstmregressor__loss="gaussian").fit(X, y)
    assert isinstance(forecast(model, series), library.Series)
    mean, std = model.predict(make_histories(series)[-1:], return_std=True)
    ends = forecast(model, series.to_numpy(), interval=0.9)
    assert_allclose(ends[0], mean[0] + 1.645 * std[0] * np.array([0, -1, 1]), 1e-3)


def test_panels_of_arrays_have_an_axis_for_series():
    table = np.c_[np.tile([7, 3], 40), np.repeat(np.arange(40), 2), ar2(80)]
    X, y = make_supervised(table, horizon=2, group=0, time=1)
    model = ConformalRegressor(lags(3)).fit(X, y)
    assert forecast(model, table).shape == (2, 2)
    assert forecast(model, table, interval=0.9).shape == (2, 2, 3)
    last = make_histories(table, group=0, time=1)[-2:]
    assert_allclose(forecast(model, table), model.predict(last))
    recipe = AutoForecaster(max_epochs=1, random_state=0).fit(X, y)
    assert_allclose(forecast(recipe, table), recipe.predict(last))


@FORMS
def test_targets_in_the_future_are_not_read(as_rows):
    known = NEXT.assign(sold=np.nan)
    values = forecast_sold(as_rows, future=known, target="sold")
    pd.testing.assert_frame_equal(values, forecast_sold(as_rows))


@FORMS
def test_nothing_given_is_changed(as_rows):
    history, future = SHOPS.copy(), NEXT.copy()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        forecast_sold(as_rows, history, future)
    pd.testing.assert_frame_equal(history, SHOPS)
    pd.testing.assert_frame_equal(future, NEXT)


@FORMS
def test_a_longer_max_gap_bridges_the_gap_before_the_future(as_rows):
    late = NEXT.assign(day=NEXT["day"] + pd.Timedelta("2D"))
    model = sold_model(as_rows, max_gap="3D")
    values = forecast(model, SHOPS, 3, future=late)
    assert_allclose(values["sold"], forecast_sold(as_rows)["sold"])
    assert list(values["day"]) == [*late["day"][::2]] * 2


@FORMS
def test_a_hole_in_the_history_excuses_none_before_the_future(as_rows):
    earlier = pd.to_timedelta(2 * (np.arange(12) < 4), unit="D")
    table = SHOPS.assign(day=SHOPS["day"] - earlier)
    late = NEXT.assign(day=NEXT["day"] + pd.Timedelta("2D"))
    model = sold_model(as_rows, table)
    forecast(model, table, 3, future=NEXT)
    with pytest.raises(ValueError, match="before future and its first row there is a"):
        forecast(model, table, 3, future=late)


def test_a_weekend_that_the_history_has_too_is_no_gap():
    days = pd.date_range("2024-01-01", periods=23, freq="B", name="day")
    table = pd.DataFrame({"price": np.ones(23), "sold": ar2(23)}, days).reset_index()
    past, future = table[:20], table[["day", "price"]][20:]
    model = fit_lags(past, 3, False, "sold", time="day")
    dated = past.set_index("day")
    values = forecast(model, dated, 3, future=future)
    assert list(values.index) == list(days[20:])
    late = future.assign(day=future["day"] + pd.Timedelta("7D"))
    with pytest.raises(ValueError, match="before future and its first row there is a"):
        forecast(model, past, 3, future=late)


DAYS = pd.date_range("2024-01-01", periods=34)
MEASURED = pd.DataFrame({"load": ar2(34), "price": ar2(34, seed=1)}, DAYS)


@pytest.mark.parametrize(
    "index",
    [
        DAYS,
        DAYS.tz_localize("Europe/Berlin"),
        DAYS.to_period("D"),
        pd.Index(np.arange(1, 35)),
        pd.Index(np.arange(34) / 4),
    ],
    ids=["dates", "zone", "periods", "integers", "floats"],
)
def test_a_future_whose_index_goes_back_is_refused(index):
    table = MEASURED.set_axis(index)
    past, future = table.iloc[:30], table[["price"]].iloc[30:]
    model = fit_lags(past, 3, False, "load")
    values = forecast(model, past, 4, future=future)
    assert values.index.equals(index[30:])
    for wrong, message in (
        (table[["price"]].iloc[10:14], "is not later than the last one before it"),
        (future.iloc[::-1], "are not in order of their index: sort them"),
    ):
        with pytest.raises(ValueError, match=message):
            forecast(model, past, 4, future=wrong)
        with pytest.raises(ValueError, match=message):
            add_future(past, wrong, ["price"], 4)


def test_an_index_that_is_no_time_may_be_anything():
    past = MEASURED[:30]
    model = lags(3).fit(*make_supervised(past, target="load"))
    future = MEASURED[["price"]][30:]
    expected = forecast(model, past, 4, future=future)["load"]
    for before, after in (
        (past, future.reset_index(drop=True)),
        (past.reset_index(drop=True), future.reset_index(drop=True)),
        (past.set_axis(list("xy" * 15)), future.set_axis([7, 3, 5, 1])),
        (past, future.set_axis(list("zyxw"))),
    ):
        values = forecast(model, before, 4, future=after)
        assert_allclose(values["load"], expected)
        assert values.index.equals(after.index)


@FORMS
def test_dates_of_the_future_count_whatever_they_are_called(as_rows):
    past = MEASURED[:30].rename_axis("at")
    model = fit_lags(past, 3, as_rows, "load", time="at")
    known = MEASURED[["price"]][30:]
    values = forecast(model, past, 4, future=known)
    assert values.index.equals(DAYS[30:])
    assert values.index.name == "at"
    late = MEASURED[["price"]][30:].shift(50, freq="D")
    with pytest.raises(ValueError, match="is a gap"):
        forecast(model, past, 4, future=late)


@pytest.mark.parametrize("library", [pd, pl], ids=["pandas", "polars"])
def test_a_dataframe_goes_on_with_an_array(library):
    past = MEASURED[:30] if library is pd else pl.DataFrame(MEASURED[:30])
    model = lags(3).fit(*make_supervised(past, target="load"))
    future = MEASURED["price"][30:].to_numpy()
    values = forecast(model, past, 4, future=future, target="load")
    expected = forecast(model, past, 4, future=library.DataFrame({"price": future}))
    assert_array_equal(values, expected)
    assert isinstance(values, library.DataFrame)
    if library is pd:
        assert values.index.equals(DAYS[30:])


@FORMS
def test_a_panel_goes_on_with_an_array(as_rows):
    expected = forecast_sold(as_rows)
    for columns in (["shop", "day", "price"], ["shop", "price"]):
        known = NEXT[columns].to_numpy()
        values = forecast_sold(as_rows, future=known, target="sold")
        pd.testing.assert_frame_equal(
            values.reset_index(drop=True), expected.reset_index(drop=True)
        )


def test_an_index_level_is_no_target():
    past = MEASURED[:30].rename_axis("at")
    model = lags(3).fit(*make_supervised(past, target="load"))
    for target in ("at", "index", ["load", "at"]):
        with pytest.raises(ValueError, match="is not in the table, which has columns"):
            forecast(model, past, 4, target=target)


@pytest.mark.parametrize("start", ["2024-03-01 02:30", "2024-10-01 02:30"])
def test_a_change_of_clocks_is_named_or_only_loses_labels(start):
    dates = pd.date_range(start, periods=26, tz="Europe/Berlin", name="at")
    for index in (dates, pd.DatetimeIndex(dates, freq=None)):
        history = pd.DataFrame({"load": ar2(26)}, index)
        model = lags(3).fit(*make_supervised(history))
        assert forecast(model, history, 5).index.equals(pd.RangeIndex(5))
        model = lags(3).fit(*make_supervised(history, time="at", max_gap="2D"))
        with pytest.raises(ValueError, match="a change of clocks in") as raised:
            forecast(model, history, 5)
        assert "\n" not in str(raised.value)
    stamps = pl.Series(dates.tz_convert("UTC").tz_localize(None).to_numpy())
    stamps = stamps.dt.replace_time_zone("UTC").dt.convert_time_zone("Europe/Berlin")
    with pytest.raises(ValueError, match="a change of clocks in"):
        continue_column(stamps, np.zeros(26, int), 5)


def test_a_series_has_no_room_for_keys():
    with pytest.raises(ValueError, match="history has one dimension and no room for g"):
        forecast(sold_model(), ar2(30), 2)


def test_meta_estimators_read_what_their_parts_were_fitted_to():
    series = ar2(60)
    X, y = make_supervised(series)
    lstm = LSTMRegressor(
        4, unroll="series", linear_skip=False, max_epochs=2, random_state=0
    )
    naive = NaiveRegressor(period=12)
    for parts in ([lstm, naive], [naive, NaiveRegressor()], [naive, lstm]):
        model = VotingRegressor([(str(i), part) for i, part in enumerate(parts)])
        model.fit(X, y)
        expected = model.predict(make_histories(series)[-1:])
        assert_allclose(forecast(model, series), expected, rtol=1e-6)
        assert_allclose(forecast(FrozenEstimator(model), series), expected, rtol=1e-6)


def test_what_a_model_was_fitted_to_before_is_forgotten():
    """As is what the estimators were fitted to that it was made from."""
    table = pd.DataFrame({"a": ar2(60) + 100, "b": ar2(60, seed=1) - 100})
    base = fit_lags(table, 5, False, "b")
    model = TransformedTargetRegressor(base).fit(table[:-1], table["a"][1:])
    values = forecast(model, table, 1, target="a")
    assert_allclose(values["a"], model.predict(table)[-1:])
    with pytest.raises(ValueError, match="does not know which columns it forecasts"):
        forecast(model, table)
    panel = SHOPS.drop(columns="price")
    rows, y = make_supervised(panel, as_rows=True, **KEYS)
    X, z = make_supervised(ar2(60), horizon=2)
    recipe = AutoForecaster(lstm=LSTMRegressor(2), max_epochs=1, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fresh = forecast(clone(recipe).fit(X, z), ar2(60))
        recipe.set_params(**KEYS).fit(rows, y)
        recipe.set_params(group=None, time=None).fit(X, z)
        assert_array_equal(forecast(recipe, ar2(60)), fresh)
        recipe.set_params(**KEYS).fit(rows, y)
    assert list(forecast(recipe, panel)) == ["shop", "day", "sold"]


def test_rows_out_of_order_or_at_another_rate_are_told():
    table = pd.DataFrame({"v": ar2(60)}, pd.date_range("2024", periods=60, freq="h"))
    model = fit_lags(table, 3, False)
    with pytest.warns(UserWarning, match="their index is not in order"):
        forecast(model, table[::-1].reset_index().set_index("index"), 2)
    timed = fit_lags(table, 3, False, time="index")
    forecast(timed, table.drop(index=table.index[20:25]))
    with pytest.warns(
        UserWarning,
        match=r"Rows of history are 2:00:00 apart, and those .* to 1:00:00: resample",
    ):
        forecast(timed, table[::2])


def test_targets_with_the_names_of_ends_are_refused():
    table = pd.DataFrame({"v": ar2(80), "v_lower": ar2(80, seed=1)})
    X, y = make_supervised(table)
    model = ConformalRegressor(lags(3)).fit(X, y)
    with pytest.raises(ValueError, match=r"'v_lower'.* are targets and ends of interv"):
        forecast(model, table)
    assert list(forecast(model, table, interval=False)) == ["v", "v_lower"]


@pytest.mark.parametrize(
    ("index", "expected"),
    [
        ([f"2022-{m:02d}-30" for m in range(3, 13)], ["2023-01-30", "2023-02-28"]),
        (["2020-12-30", "2021-01-30", "2021-02-28"], ["2021-03-30", "2021-04-30"]),
        (["2022-03-31", "2022-05-31", "2022-07-31"], ["2022-09-30", "2022-11-30"]),
        (["2022-07-31", "2022-08-31"], ["2022-09-30", "2022-10-31"]),
        (["2022-06-30", "2022-09-30"], ["2022-12-31", "2023-03-31"]),
        (["2021-02-28", "2022-02-28", "2023-02-28"], ["2024-02-29", "2025-02-28"]),
        (
            ["2022-01-05 10:00", "2022-02-05 10:00"],
            ["2022-03-05 10", "2022-04-05 10"],
        ),
    ],
)
def test_months_of_any_day_go_on(index, expected):
    new = continue_column(
        pd.to_datetime(index).to_series(), np.zeros(len(index), int), 2
    )
    assert_array_equal(pd.DatetimeIndex(new), pd.to_datetime(expected, format="mixed"))


def test_each_series_goes_on_by_its_own_calendar():
    bank = pd.bdate_range("2024-01-01", periods=9)
    shop, rent = (
        pd.date_range("2024-01-01", periods=9),
        pd.date_range("2024", None, 9, "MS"),
    )
    column = pd.concat([dates.to_series() for dates in (bank, shop, rent)])
    new = continue_column(column, np.repeat([0, 1, 2], 9), 3)
    expected = [d.shift(3)[-3:] for d in (bank, shop, rent)]
    assert_array_equal(pd.DatetimeIndex(new), np.concatenate(expected))


@pytest.mark.parametrize("freq", ["M", "Q", "W", "D", "h"])
def test_periods_go_on(freq):
    periods = pd.period_range("2024-01-01", periods=43, freq=freq, name="at")
    table = pd.DataFrame({"v": ar2(40)}, periods[:40])
    for time in (None, "index", "at"):
        values = forecast(fit_lags(table, 3, False, time=time), table, 3)
        assert values.index.equals(periods[40:])
    column = table.reset_index()
    values = forecast(fit_lags(column, 3, False, time="at"), column, 3)
    assert list(values["at"]) == list(periods[40:])


@pytest.mark.parametrize("zone", ["America/New_York", "Etc/GMT+5", "Europe/Berlin"])
def test_zones_of_any_name_go_on(zone):
    dates = pd.date_range("2024-03-01", periods=63, freq="h", tz=zone, name="at")
    table = pd.DataFrame({"v": ar2(60)}, dates[:60])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        values = forecast(fit_lags(table, 3, False, time="at"), table, 3)
        assert values.index.equals(dates[60:])
        column = table.reset_index()
        values = forecast(fit_lags(column, 3, False, time="at"), column, 3)
    assert values["at"].dtype == column["at"].dtype
    assert list(values["at"]) == list(dates[60:])
    naive = pd.DataFrame({"at": dates[60:].tz_localize(None)})
    with pytest.raises(ValueError, match="Time stamps of future have no time zone"):
        forecast(fit_lags(column, 3, False, time="at"), column, 3, future=naive)


@pytest.mark.parametrize(
    "names",
    [
        [0, 1],
        [pd.Timestamp("2024-01-01"), pd.Timestamp("2024-01-02")],
        pd.MultiIndex.from_tuples([("a", "open"), ("a", "close")]),
    ],
    ids=["numbers", "dates", "levels"],
)
def test_columns_may_have_any_names(names):
    table = pd.DataFrame(np.column_stack([ar2(40), ar2(40, seed=1)]), columns=names)
    model = fit_lags(table, 3, False)
    values = forecast(model, table, 3)
    assert values.columns.equals(table.columns)
    plain = forecast(fit_lags(table.to_numpy(), 3, False), table.to_numpy(), 3)
    assert_allclose(values, plain)
    position = 1
    X, y = make_supervised(table, 2, target=0, known=[position])
    added = add_future(table, table.iloc[:2, [position]], [position], 2)
    assert_array_equal(added[-1][-1, -2:], table.iloc[:2, position])
