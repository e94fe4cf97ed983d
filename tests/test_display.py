"""Pictures of forecasts hold what the forecasts are."""

import builtins

import matplotlib as mpl
import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.linear_model import BayesianRidge, LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklstm import SequenceWindower, make_histories, make_supervised
from sklstm.forecasting import ForecastDisplay, forecast

HOURS = pd.date_range("2024-03-01", periods=120, freq="h")
WAVE = pd.DataFrame(
    {"load": np.sin(np.arange(120) / 4) + np.arange(120) / 50}, index=HOURS
)


@pytest.fixture(autouse=True)
def agg():
    import matplotlib.pyplot as plt

    backend = mpl.get_backend()
    plt.switch_backend("agg")
    yield
    plt.close("all")
    plt.switch_backend(backend)


def lags(length=6, model=None, **keys):
    model = LinearRegression() if model is None else model
    return make_pipeline(SequenceWindower(length, flatten=True, **keys), model)


class Gaussian(LinearRegression):
    """Says how sure it is."""

    def predict(self, X, return_std=False):
        y = super().predict(X)
        return (y, np.full_like(y, 2.0)) if return_std else y


class Quantiles(RegressorMixin, BaseEstimator):
    quantile = (0.0005, 0.5, 0.999)

    def fit(self, X, y):
        self.n_outputs_ = np.shape(y)[1:]
        return self

    def predict(self, X):
        return np.zeros((len(X), *self.n_outputs_))

    def predict_quantiles(self, X):
        return np.stack([self.predict(X) + k for k in (-1, 0, 2)], axis=-1)


class Interval(Quantiles):
    coverage = 0.5  # set after fit

    def fit(self, X, y):
        self.coverage_ = np.float32(0.9)
        return super().fit(X, y)

    def predict_interval(self, X):
        return np.stack([self.predict(X) - 5, self.predict(X) + 5], axis=-1)


def test_a_picture_of_predictions():
    display = ForecastDisplay.from_predictions(
        [1, 2, 3], [4, 5], y_true=[4, 6], interval=[[3, 5], [3, 7]], name="load (MW)"
    )
    assert_array_equal(display.line_history_.get_xydata(), [[-2, 1], [-1, 2], [0, 3]])
    assert_array_equal(display.line_pred_.get_xydata(), [[1, 4], [2, 5]])
    assert_array_equal(display.line_true_.get_xydata(), [[0, 3], [1, 4], [2, 6]])
    (path,) = display.band_.get_paths()
    assert {(1, 3), (1, 5), (2, 3), (2, 7)} <= set(map(tuple, path.vertices))
    assert display.ax_.get_ylabel() == "load (MW)"
    assert display.ax_.get_xlabel() == "steps ahead"
    labels = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert labels == ["history", "actual", "forecast", "interval"]


def test_only_what_is_given_is_drawn():
    display = ForecastDisplay.from_predictions([1, 2], [3])
    assert display.line_true_ is None
    assert display.band_ is None
    display = ForecastDisplay.from_predictions([], [3, 4], y_true=[3, 5])
    assert display.line_history_ is None
    assert_array_equal(display.line_true_.get_xydata(), [[1, 3], [2, 5]])


def test_a_display_draws_again_on_other_axes_in_other_styles():
    import matplotlib.pyplot as plt

    display = ForecastDisplay.from_predictions([1, 2], [3, 4], interval=[[2, 4]] * 2)
    figure, ax = plt.subplots()
    same = display.plot(
        ax,
        pred_kwargs={"color": "C3", "lw": 3},
        interval_kwargs={"alpha": 0.5, "label": "90 %"},
    )
    assert same is display
    assert (display.ax_, display.figure_) == (ax, figure)
    assert display.line_pred_.get_color() == "C3"
    assert display.line_pred_.get_linewidth() == 3
    assert display.band_.get_alpha() == 0.5
    assert display.band_.get_label() == "90 %"


@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
@pytest.mark.parametrize("freq", ["h", "MS"])
def test_dates_go_on(zone, freq):
    dates = pd.date_range("2024-03-30", periods=40, freq=freq, tz=zone)
    history = pd.Series(np.arange(36.0), index=dates[:36], name="load")
    wall = dates.tz_localize(None).to_numpy()
    for given in (dates, dates.to_series()):
        picture = ForecastDisplay.from_predictions(
            history.to_numpy(), np.zeros(4), dates=given
        )
        assert_array_equal(picture.dates, wall)
    picture = ForecastDisplay.from_predictions(history, np.zeros(4))
    assert_array_equal(picture.dates, wall)
    assert picture.name == "load"


def test_a_forecast_has_its_own_dates():
    later = HOURS[[10, 13]]
    values = pd.Series([0.0, 1.0], index=later)
    picture = ForecastDisplay.from_predictions(WAVE["load"][:5], values)
    assert_array_equal(picture.dates, HOURS[[0, 1, 2, 3, 4, 10, 13]])
    picture = ForecastDisplay.from_predictions([], values)
    assert_array_equal(picture.dates, later)
    picture = ForecastDisplay.from_predictions([1.0, 2.0], values)
    assert picture.dates is None  # those of the history are not known


@pytest.mark.parametrize("first", ["2024-10-26 06:00", "2024-03-30 05:00"])
def test_hours_go_on_over_a_change_of_clocks(first):
    dates = pd.date_range(first, periods=30, freq="h", tz="Europe/Berlin")
    wall = dates.tz_localize(None).to_numpy()
    history = pd.Series(np.arange(19.0), index=dates[:19])
    picture = ForecastDisplay.from_predictions(history, np.zeros(11))
    assert_array_equal(picture.dates, wall)
    utc = pl.Series(dates.tz_convert(None).to_numpy()).dt.replace_time_zone("UTC")
    for given in (dates, utc.dt.convert_time_zone("Europe/Berlin")):
        picture = ForecastDisplay.from_predictions(
            np.arange(19.0), np.zeros(11), dates=given
        )
        assert_array_equal(picture.dates, wall)
    X, y = make_supervised(history, horizon=11)
    picture = ForecastDisplay.from_estimator(lags(2).fit(X, y), history)
    assert_array_equal(picture.dates, wall)


def test_what_came_has_the_dates_of_the_forecast():
    load = WAVE["load"]
    values = load[100:104]
    ForecastDisplay.from_predictions(load[:100], values, y_true=load[100:104])
    ForecastDisplay.from_predictions(load[:100], values, y_true=load[90:94].array)
    with pytest.raises(
        ValueError, match=r"Step 0 of y_true is of 2024-03-04T18.*:"
    ) as e:
        ForecastDisplay.from_predictions(load[:100], values, y_true=load[90:94])
    assert len(str(e.value).splitlines()) == 1


def test_dates_of_periods_and_of_polars():
    months = pd.period_range("2024-01", periods=6, freq="M")
    history = pd.Series(np.arange(4.0), index=months[:4])
    picture = ForecastDisplay.from_predictions(history, [0, 0])
    assert_array_equal(picture.dates, months.to_timestamp())
    dates = pl.Series(HOURS[:6].to_numpy())
    picture = ForecastDisplay.from_predictions(
        pl.Series("load", [1.0, 2, 3, 4]), pl.Series([1.0, 2]), dates=dates
    )
    assert_array_equal(picture.dates, HOURS[:6])
    assert picture.name == "load"


def fitted(table, horizon, model=None, target=None, **keys):
    X, y = make_supervised(table, horizon, target, **keys)
    return lags(model=model).fit(X, y)


@pytest.mark.parametrize("horizon", [1, 4])
@pytest.mark.parametrize("form", ["frame", "series", "column", "array", "polars"])
def test_a_picture_is_of_what_forecast_returns(horizon, form):
    """Of one horizon, or of as many steps as are asked for."""
    table = {
        "frame": WAVE,
        "series": WAVE["load"],
        "column": WAVE.rename_axis("at").reset_index(),
        "array": WAVE["load"].to_numpy(),
        "polars": pl.DataFrame(WAVE.rename_axis("at").reset_index().to_dict("list")),
    }[form]
    keys = {"time": "at"} if form in ("column", "polars") else {}
    past, later = table[:100], table[100:]
    model = fitted(past, horizon, **keys)
    display = ForecastDisplay.from_estimator(model, past, 4, actual=later)
    values = forecast(model, past, 4)
    values = values["load"] if hasattr(values, "columns") else values
    assert_allclose(display.y_pred, values)
    assert_allclose(display.history, WAVE["load"][84:100])
    assert_allclose(display.y_true, WAVE["load"][100:104])
    assert display.name == ("0" if form == "array" else "load")
    if form == "array":
        assert display.dates is None
    else:
        assert_array_equal(display.dates, HOURS[84:104])
    few = ForecastDisplay.from_estimator(model, past, n_history=3, name="MW")
    assert_allclose(few.history, WAVE["load"][97:100])
    assert few.ax_.get_ylabel() == "MW"
    none = ForecastDisplay.from_estimator(model, past, n_history=0)
    assert none.line_history_ is None


def test_only_the_series_and_target_that_are_named_are_drawn():
    hour = np.repeat(np.arange(120), 2)
    table = pd.DataFrame(
        {
            "at": HOURS[hour],
            "town": np.tile(["x", "y"], 120),
            "load": np.sin(hour / 4) + 9 * np.tile([0, 1], 120),
            "wind": np.cos(hour / 4) + 90 * np.tile([0, 1], 120),
        }
    ).sample(frac=1, random_state=0)
    past, later = table[table["at"] < HOURS[100]], table[table["at"] >= HOURS[100]]
    model = fitted(past, 3, group="town", time="at")
    values = forecast(model, past)
    for town, first in (("x", 0), ("y", 9)):
        display = ForecastDisplay.from_estimator(
            model, past, series=town, target="load", actual=later
        )
        mine = values[values["town"] == town]
        assert_allclose(display.y_pred, mine["load"])
        assert_allclose(display.history, np.sin(np.arange(88, 100) / 4) + first)
        assert_allclose(display.y_true, np.sin(np.arange(100, 103) / 4) + first)
        assert_array_equal(display.dates, HOURS[88:103])
    for options, message in [
        (
            {"target": "load"},
            r"series=None is not one of history, which has '.', '.': n",
        ),
        ({"series": "z", "target": "load"}, "series='z' is not one of history"),
        (
            {"series": "x"},
            r"Several columns are forecast: name one of \['load', 'wind'",
        ),
        ({"series": "x", "target": "at"}, "target='at' is not forecast: name one of"),
        ({"series": "x", "target": "sun"}, "target='sun' is not in"),
    ]:
        with pytest.raises(ValueError, match=message):
            ForecastDisplay.from_estimator(model, past, **options)


def test_what_came_is_of_the_dates_of_the_forecast():
    model = fitted(WAVE[:100], 3)
    for late, message in [
        (
            WAVE[103:],
            r"actual begins with 2024-03-05T07.* and the forecast with 2024-03",
        ),
        (WAVE[100:102], r"actual has 2 row\(s\) of the series; expected 3"),
    ]:
        with pytest.raises(ValueError, match=message):
            ForecastDisplay.from_estimator(model, WAVE[:100], actual=late)
    dated = WAVE.rename_axis("at").reset_index()
    model = fitted(dated[:100], 3, time="at")
    with pytest.raises(ValueError, match="actual begins with"):
        ForecastDisplay.from_estimator(model, dated[:100], actual=dated[101:])


def test_what_came_is_found_by_name():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"a": rng.normal(size=60), "b": 9.0}, HOURS[:60])
    model = fitted(table[:50], 3, target="a")
    for later in (table[50:], table[["b", "a"]][50:], table[["a"]][50:]):
        display = ForecastDisplay.from_estimator(model, table[:50], actual=later)
        assert_array_equal(display.y_true, table["a"][50:53])
    with pytest.raises(ValueError, match="target='a' is not in"):
        ForecastDisplay.from_estimator(model, table[:50], actual=table[["b"]][50:])
    with pytest.raises(TypeError, match="are of different kinds: give both alike"):
        ForecastDisplay.from_estimator(model, table[:50], actual=table[50:].to_numpy())


def test_all_that_an_unknowing_model_forecasts_is_named():
    table = WAVE.assign(wind=np.arange(120.0))
    X, y = make_supervised(table, 3, ["wind", "load"], as_rows=True)
    model = lags().fit(X, y)
    display = ForecastDisplay.from_estimator(model, table, target=["wind", "load"])
    assert display.name == "wind"
    values = forecast(model, table, target=["wind", "load"])
    assert_allclose(display.y_pred, values["wind"])


def test_a_model_of_rows_is_told_its_target():
    table = WAVE.assign(wind=1.0)
    X, y = make_supervised(table, 3, "load", as_rows=True)
    model = lags().fit(X, y)
    with pytest.raises(ValueError, match="does not know which columns it forecasts"):
        ForecastDisplay.from_estimator(model, table)
    display = ForecastDisplay.from_estimator(model, table, target="load")
    assert_allclose(display.y_pred, forecast(model, table, target="load")["load"])


@pytest.mark.parametrize(
    ("model", "interval", "below", "above", "name"),
    [
        (Gaussian(), 0.9, 1.645 * 2, 1.645 * 2, "90 % interval"),
        (Quantiles(), None, 1, 2, "99.85 % interval"),
        (Interval(), None, 5, 5, "90 % interval"),
        (Interval(), 0.9, 5, 5, "90 % interval"),
        (Interval(), False, None, None, None),
        (LinearRegression(), None, None, None, None),
    ],
)
@pytest.mark.parametrize("horizon", [1, 4])
def test_the_interval_is_that_of_the_model(
    horizon, model, interval, below, above, name
):
    X, y = make_supervised(WAVE, horizon=horizon)
    plain = lags(model=make_pipeline(StandardScaler(), model))
    search = GridSearchCV(plain, {"sequencewindower__sequence_length": [6]}, cv=2)
    for estimator in (plain, search):
        display = ForecastDisplay.from_estimator(
            estimator.fit(X, y), WAVE, interval=interval
        )
        if name is None:
            assert display.interval is None
            continue
        ends = np.column_stack([display.y_pred - below, display.y_pred + above])
        assert_allclose(display.interval, ends, rtol=1e-3)
        assert display.band_.get_label() == name


@pytest.mark.parametrize("model", [BayesianRidge(), GaussianProcessRegressor()])
def test_any_standard_deviation_is_drawn(model):
    X, y = make_supervised(WAVE)
    model = lags(model=model).fit(X, y)
    display = ForecastDisplay.from_estimator(model, WAVE, interval=0.9)
    windows = model[:-1].transform(make_histories(WAVE)[-1:])
    mean, std = model[-1].predict(windows, return_std=True)
    ends = np.column_stack([mean - 1.645 * std, mean + 1.645 * std])
    assert_allclose(display.interval, ends, rtol=1e-3)


def test_an_interval_of_one_step_is_a_line():
    display = ForecastDisplay.from_predictions([1, 2], [3], interval=[[2, 4]])
    assert_array_equal(display.band_.get_segments()[0], [[1, 2], [1, 4]])


@pytest.mark.parametrize("n_steps", [1, 5])
def test_only_what_came_is_marked_as_such(n_steps):
    display = ForecastDisplay.from_predictions(
        [1, 2], np.ones(n_steps), y_true=np.ones(n_steps)
    )
    line = display.line_true_
    start, every = line.get_markevery()
    assert_array_equal(line.get_xdata()[start::every], np.arange(1, n_steps + 1))
    alone = ForecastDisplay.from_predictions([], [3], y_true=[4]).line_true_
    assert alone.get_markevery() is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"y_true": [1]}, "inconsistent numbers of samples"),
        ({"y_pred": [[1, 2]]}, r"y_pred has the shape \(1, 2\); expected \(n_steps,\)"),
        ({"interval": [1, 2]}, r"interval has the shape \(2,\); expected \(2, 2\)"),
        ({"interval": [[1, 2], [2, 1]]}, "interval of step 1 reaches from 2.0 to 1.0"),
        ({"dates": [1, 2]}, r"dates has 2 value\(s\); expected 5, one for each"),
    ],
)
def test_what_does_not_fit_is_named(options, message):
    options = {"history": [1, 2, 3], "y_pred": [4, 5]} | options
    with pytest.raises(ValueError, match=message):
        ForecastDisplay.from_predictions(**options)


def test_matplotlib_is_asked_for_by_name(monkeypatch):
    def no_matplotlib(name, *args, **kwargs):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return find(name, *args, **kwargs)

    find = builtins.__import__
    monkeypatch.setattr(builtins, "__import__", no_matplotlib)
    with pytest.raises(ImportError, match=r"pip install 'sklstm\[plot\]'"):
        ForecastDisplay.from_predictions([1, 2], [3])
