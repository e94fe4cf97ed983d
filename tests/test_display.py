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

from sklstm import (
    LSTMRegressor,
    SequenceWindower,
    StepTransformer,
    make_histories,
    make_supervised,
    make_windows,
)
from sklstm.forecasting import ForecastDisplay

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


FORMS = pytest.mark.parametrize("as_rows", [False, True], ids=["histories", "rows"])


def pairs(table, as_rows, horizon=1, target=None, **keys):
    """X, y, and what a windower is to be told."""
    X, y = make_supervised(table, horizon, target, as_rows=as_rows, **keys)
    return X, y, keys if as_rows else {}


def hours(dates):
    return np.asarray(dates, dtype="M8[h]")


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
    for given in (dates, dates[:36], dates.to_series()):
        picture = ForecastDisplay.from_predictions(
            history.to_numpy(), np.zeros(4), dates=given
        )
        assert_array_equal(picture.dates, wall)
    picture = ForecastDisplay.from_predictions(history, np.zeros(4))
    assert_array_equal(picture.dates, wall)
    assert picture.name == "load"


def test_a_forecast_has_its_own_dates():
    later = HOURS[[10, 13]]
    forecast = pd.Series([0.0, 1.0], index=later)
    picture = ForecastDisplay.from_predictions(WAVE["load"][:5], forecast)
    assert_array_equal(picture.dates, HOURS[[0, 1, 2, 3, 4, 10, 13]])
    picture = ForecastDisplay.from_predictions([], forecast)
    assert_array_equal(picture.dates, later)
    picture = ForecastDisplay.from_predictions([1.0, 2.0], forecast)
    assert picture.dates is None  # those of the history are not known


@pytest.mark.parametrize("first", ["2024-10-26 06:00", "2024-03-30 05:00"])
def test_hours_go_on_over_a_change_of_clocks(first):
    dates = pd.date_range(first, periods=30, freq="h", tz="Europe/Berlin")
    wall = dates.tz_localize(None).to_numpy()
    history = pd.Series(np.arange(19.0), index=dates[:19])
    picture = ForecastDisplay.from_predictions(history, np.zeros(11))
    assert_array_equal(picture.dates, wall)
    utc = pl.Series(dates[:19].tz_convert(None).to_numpy()).dt.replace_time_zone("UTC")
    for given in (dates[:19], utc.dt.convert_time_zone("Europe/Berlin")):
        picture = ForecastDisplay.from_predictions(
            np.arange(19.0), np.zeros(11), dates=given
        )
        assert_array_equal(picture.dates, wall)
    X = pd.DataFrame({"load": np.arange(19.0)}, index=dates[:19])
    model = lags(2).fit(X, np.zeros((19, 11)))
    picture = ForecastDisplay.from_estimator(model, X)
    assert_array_equal(picture.dates, wall)


def test_what_came_has_the_dates_of_the_forecast():
    load = WAVE["load"]
    forecast = load[100:104]
    ForecastDisplay.from_predictions(load[:100], forecast, y_true=load[100:104])
    ForecastDisplay.from_predictions(load[:100], forecast, y_true=load[90:94].array)
    with pytest.raises(
        ValueError, match=r"Step 0 of y_true is of 2024-03-04T18.*:"
    ) as e:
        ForecastDisplay.from_predictions(load[:100], forecast, y_true=load[90:94])
    assert len(str(e.value).splitlines()) == 1


def test_dates_of_periods_and_of_polars():
    months = pd.period_range("2024-01", periods=6, freq="M")
    history = pd.Series(np.arange(4.0), index=months[:4])
    picture = ForecastDisplay.from_predictions(history, [0, 0])
    assert_array_equal(picture.dates, months.to_timestamp())
    dates = pl.Series(HOURS[:4].to_numpy())
    picture = ForecastDisplay.from_predictions(
        pl.Series("load", [1.0, 2, 3, 4]), pl.Series([1.0, 2]), dates=dates
    )
    assert_array_equal(picture.dates, HOURS[:6])
    assert picture.name == "load"


@FORMS
def test_a_model_of_many_steps_is_drawn_from_its_last_row(as_rows):
    X, y, _ = pairs(WAVE, as_rows, 5)
    model = lags().fit(X[:60], y[:60])
    display = ForecastDisplay.from_estimator(model, X[60:], y[60:], n_history=8)
    assert_allclose(display.y_pred, model.predict(X[60:])[-1])
    assert_allclose(display.y_true, WAVE["load"].iloc[-5:])
    assert_allclose(display.history, WAVE["load"].iloc[-13:-5])
    assert_array_equal(hours(display.dates), hours(HOURS[-13:]))
    assert display.name == "load"
    assert display.interval is None


@pytest.mark.parametrize("row", [30, -25])
@FORMS
def test_another_row_may_be_chosen(row, as_rows):
    X, y, keys = pairs(WAVE, as_rows, 5, time="index")
    model = lags(**keys).fit(X, y)
    with_y = ForecastDisplay.from_estimator(model, X, y, row=row)
    without = ForecastDisplay.from_estimator(model, X, row=row)
    here = row % len(X)
    for display in (with_y, without):
        assert len(display.history) == 20  # four times the steps
        assert_allclose(display.history, WAVE["load"].iloc[here - 19 : here + 1])
        assert_array_equal(hours(display.dates), hours(HOURS[here - 19 : here + 6]))
        assert_allclose(display.y_pred, model.predict(X)[row])
    assert_allclose(with_y.y_true, y.iloc[row])
    assert without.y_true is None


@FORMS
def test_the_first_rows_have_the_history_there_is(as_rows):
    X, y, _ = pairs(WAVE, as_rows, 5)
    model = lags().fit(X, y)
    for target in (None, "load"):
        display = ForecastDisplay.from_estimator(model, X, y, row=0, target=target)
        assert_allclose(display.history, WAVE["load"].iloc[:1])
        assert_array_equal(hours(display.dates), hours(HOURS[:6]))
    # which y does not continue
    other = X + 20 if as_rows else X.on_table(X.steps + 20)
    display = ForecastDisplay.from_estimator(model, other, y, row=0)
    assert len(display.history) == 0
    display = ForecastDisplay.from_estimator(model, other, y, row=4)
    assert_allclose(display.history, WAVE["load"].iloc[1:5])


@pytest.mark.parametrize("horizon", [1, 4])
def test_histories_of_a_panel_know_their_dates_and_values(horizon):
    other = WAVE.assign(load=-WAVE["load"], shop="b")
    table = pd.concat([WAVE.assign(shop="a"), other]).sample(frac=1, random_state=0)
    keys = {"group": "shop", "time": "index"}
    X, y = make_supervised(table, horizon=horizon, **keys)
    model = lags().fit(X, y)
    row = int(
        np.flatnonzero((X.series_names[X.series] == "b") & (X.times == HOURS[80]))[0]
    )
    display = ForecastDisplay.from_estimator(model, X, y, row=row, n_history=10)
    assert display.name == "load"
    if horizon == 1:  # the last forecasts of the series
        assert_allclose(display.y_true, other["load"].iloc[-10:])
        assert_array_equal(hours(display.dates), hours(HOURS[-10:]))
    else:
        assert_allclose(display.history, other["load"].iloc[71:81])
        assert_allclose(display.y_true, other["load"].iloc[81:85])
        assert_array_equal(hours(display.dates), hours(HOURS[71:85]))
        assert_allclose(display.y_pred, model.predict(X)[row])


@FORMS
def test_a_model_of_one_step_is_drawn_at_each_row(as_rows):
    X, y, _ = pairs(WAVE, as_rows)
    model = lags().fit(X, y)
    display = ForecastDisplay.from_estimator(model, X, y)
    assert_allclose(display.y_pred, model.predict(X))
    assert_allclose(display.y_true, y)
    assert_array_equal(hours(display.dates), hours(HOURS[1:]))
    display = ForecastDisplay.from_estimator(model, X, y, n_history=10)
    assert_allclose(display.y_pred, model.predict(X)[-10:])
    assert_array_equal(hours(display.dates), hours(HOURS[-10:]))


@FORMS
def test_each_row_without_dates_is_numbered(as_rows):
    X, y, _ = pairs(WAVE["load"].to_numpy(), as_rows)
    display = ForecastDisplay.from_estimator(lags().fit(X, y), X, y, n_history=10)
    assert_array_equal(display.line_pred_.get_xdata(), range(110, 120))
    assert display.ax_.get_xlabel() == ""


@FORMS
@pytest.mark.parametrize("time", [None, "index"])
def test_irregular_dates_are_kept(time, as_rows):
    minutes = np.random.default_rng(0).uniform(1, 60, size=40).cumsum()
    dates = HOURS[0] + pd.to_timedelta(minutes.round(), unit="min")
    table = pd.DataFrame({"load": np.arange(40.0)}, index=dates)
    keys = {} if time is None else {"time": time, "max_gap": "2h"}
    X, y, told = pairs(table, as_rows, **keys)
    model = lags(3, **told).fit(X, y)
    X = table if as_rows else make_histories(table, **keys)
    display = ForecastDisplay.from_estimator(model, X)
    assert_array_equal(display.dates, dates[1:])  # that of the last is not known
    assert_allclose(display.y_pred, np.arange(1, 40))
    display = ForecastDisplay.from_estimator(model, X, n_history=5)
    assert_array_equal(display.dates, dates[-5:])
    model.fit(*pairs(table, as_rows, 4, **keys)[:2])
    display = ForecastDisplay.from_estimator(model, X, row=20)
    assert_array_equal(display.dates, dates[5:25])
    display = ForecastDisplay.from_estimator(model, X)
    assert display.dates is None


@pytest.mark.parametrize("horizon", [1, 3])
@pytest.mark.parametrize("library", [pd, pl], ids=["pandas", "polars"])
@FORMS
def test_only_the_series_of_the_row_is_drawn(horizon, library, as_rows):
    table = library.DataFrame(
        {
            "day": np.repeat(HOURS[:40].to_numpy(), 2),
            "shop": ["a", "b"] * 40,
            "sold": np.arange(80.0),
        }
    )
    keys = {"group": "shop", "time": "day"}
    X, y, told = pairs(table, as_rows, horizon, "sold", **keys)
    model = lags(2, **told).fit(X, y)
    display = ForecastDisplay.from_estimator(model, X, y, row=-2, n_history=4)
    if horizon == 3:
        assert_allclose(display.history, np.arange(66, 74, 2))
        assert_allclose(display.y_true, [74, 76, 78])
    else:
        assert_allclose(display.y_true, np.arange(72, 80, 2))
    assert_allclose(display.y_pred, display.y_true)
    assert_array_equal(hours(display.dates)[-3:], hours(HOURS[37:40]))
    assert display.name == "sold"


@FORMS
def test_history_ends_at_a_gap(as_rows):
    holed = WAVE.drop(HOURS[50:60])
    X, y, keys = pairs(holed, as_rows, 3, time="index")
    model = lags(**keys).fit(X, y)
    display = ForecastDisplay.from_estimator(model, X, row=50, n_history=20)
    assert_array_equal(hours(display.dates), hours(HOURS[60:67]))
    assert_allclose(display.history, WAVE["load"].iloc[60:64])


@pytest.mark.parametrize("dated", [False, True])
def test_samples_left_out_are_not_taken_for_the_rows_between(dated):
    X, y = make_supervised(WAVE if dated else WAVE.to_numpy(), horizon=4)
    model = lags().fit(X, y)
    few = X[[*range(0, 100, 10), 101, 102, 103]]
    for row, n_known in ((5, 16), (-1, 3 if dated else 16)):
        display = ForecastDisplay.from_estimator(model, few, row=row)
        last = int(few.lengths[row]) - 1
        first = last + 1 - n_known
        assert_allclose(display.history, WAVE["load"].iloc[first : last + 1])
        if dated and row == -1:  # the dates of three rows show the step of time
            assert_array_equal(hours(display.dates), hours(HOURS[first : last + 5]))
        else:  # one date has no step
            assert_array_equal(display.line_pred_.get_xdata(), [1, 2, 3, 4])


def test_forecasts_of_one_step_are_numbered_where_samples_are_left_out():
    X, y = make_supervised(WAVE, time="index")
    model = lags().fit(X, y)
    display = ForecastDisplay.from_estimator(model, X[10:60:10], y[10:60:10])
    assert_array_equal(display.line_pred_.get_xdata(), [1, 11, 21, 31, 41])
    assert_allclose(display.y_true, WAVE["load"].iloc[11:61:10])


@pytest.mark.parametrize("horizon", [1, 4])
def test_the_order_of_samples_does_not_matter(horizon):
    X, y = make_supervised(WAVE, horizon=horizon, time="index")
    model = lags().fit(X, y)
    straight = ForecastDisplay.from_estimator(model, X, y, row=70)
    order = np.random.default_rng(0).permutation(len(X))
    order = np.r_[order, 3, 70]  # and some are there twice
    mixed = ForecastDisplay.from_estimator(model, X[order], y.iloc[order])
    for name in ("history", "y_pred", "y_true", "dates"):
        assert_array_equal(getattr(mixed, name), getattr(straight, name))


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin"])
def test_histories_show_the_clock_on_the_wall(zone):
    X, y = make_supervised(WAVE.tz_localize(zone), horizon=4, time="index")
    display = ForecastDisplay.from_estimator(lags().fit(X, y), X, y)
    assert_array_equal(hours(display.dates), hours(HOURS[-20:]))


def test_windows_and_steps_that_were_transformed_know_their_dates():
    X, y = make_supervised(WAVE, horizon=4, time="index")
    model = make_pipeline(StepTransformer(StandardScaler()), lags())
    expected = ForecastDisplay.from_estimator(model.fit(X, y), X, y)
    windows = SequenceWindower(30).fit_transform(X)
    scaled = model[:-1].fit_transform(X)
    for given, shown in ((windows, model), (scaled, lags().fit(scaled, y))):
        display = ForecastDisplay.from_estimator(shown, given, y)
        assert_array_equal(display.dates, expected.dates)
        assert_allclose(display.history, expected.history)
        assert_allclose(display.y_pred, expected.y_pred)


@FORMS
def test_one_of_several_targets(as_rows):
    table = WAVE.assign(wind=np.arange(120.0))
    X, y, _ = pairs(table, as_rows, 4)
    model = lags().fit(X, y)
    chosen = [slice(1, None, 2)] if as_rows else [None, slice(1, None, 2)]
    for outputs in chosen:
        display = ForecastDisplay.from_estimator(
            model, X, y, outputs=outputs, target="wind"
        )
        assert_allclose(display.y_true, [116, 117, 118, 119])
        assert_allclose(display.y_pred, [116, 117, 118, 119])
        assert_allclose(display.history, np.arange(100, 116))
        assert display.name == "wind"


@FORMS
@pytest.mark.parametrize("horizon", [1, 4])
def test_targets_are_not_taken_for_steps(horizon, as_rows):
    table = WAVE.assign(wind=np.arange(120.0))
    X, y, _ = pairs(table, as_rows, horizon)
    model = lags().fit(X, y)
    message = r"y\[0, 1\] is 1 and y\[1, 0\] is .* choose ou"
    if not as_rows:
        message = r"y continues the features \['load', 'wind'\] of X: name one"
    with pytest.raises(ValueError, match=message):
        ForecastDisplay.from_estimator(model, X, y)
    for outputs in (slice(0, None, 2), slice(1, None, 2)):
        ForecastDisplay.from_estimator(model, X, y, outputs=outputs)
    if not as_rows:
        with pytest.raises(ValueError, match="of X: name one"):
            ForecastDisplay.from_estimator(model, X)


def test_steps_that_are_missing_or_rounded_are_steps():
    holed = WAVE.assign(load=WAVE["load"].where(HOURS.hour != 5))
    y = np.array(make_supervised(holed, horizon=3)[1])
    X, complete = make_supervised(WAVE, horizon=3)
    y[::2] *= 1 + 1e-7
    ForecastDisplay.from_estimator(lags().fit(X, complete), X, y)


@pytest.mark.parametrize("horizon", [1, 4])
@pytest.mark.parametrize(
    ("model", "below", "above", "name"),
    [
        (Gaussian(), 1.645 * 2, 1.645 * 2, "90 % interval"),
        (Quantiles(), 1, 2, "99.85 % interval"),
        (Interval(), 5, 5, "90 % interval"),
        (LinearRegression(), None, None, None),
    ],
    ids=["std", "quantiles", "interval", "none"],
)
def test_the_interval_is_the_best_there_is(horizon, model, below, above, name):
    X, y = make_supervised(WAVE, horizon=horizon)
    plain = lags(model=make_pipeline(StandardScaler(), model))
    search = GridSearchCV(plain, {"sequencewindower__sequence_length": [6]}, cv=2)
    for estimator in (plain, search):
        display = ForecastDisplay.from_estimator(estimator.fit(X, y), X, y)
        if name is None:
            assert display.interval is None
            continue
        ends = np.column_stack([display.y_pred - below, display.y_pred + above])
        assert_allclose(display.interval, ends)
        assert display.band_.get_label() == name


@pytest.mark.parametrize("model", [BayesianRidge(), GaussianProcessRegressor()])
def test_any_standard_deviation_is_drawn(model):
    X, y = make_supervised(WAVE)
    model = lags(model=model).fit(X, y)
    display = ForecastDisplay.from_estimator(model, X, y)
    windows = model[:-1].transform(X)
    mean, std = model[-1].predict(windows, return_std=True)
    ends = np.column_stack([mean - 1.645 * std, mean + 1.645 * std])
    assert_allclose(display.interval, ends)


def test_windows_made_beforehand_have_no_dates():
    X, y = make_windows(WAVE["load"], 6, horizon=4)
    model = LSTMRegressor(hidden_size=4, max_epochs=1, random_state=0).fit(X, y)
    display = ForecastDisplay.from_estimator(model, X, y)
    assert_allclose(display.history, WAVE["load"].iloc[-20:-4])
    assert_array_equal(display.line_pred_.get_xdata(), [1, 2, 3, 4])
    windows = SequenceWindower(6).fit_transform(WAVE[:-4])[5:]
    same = ForecastDisplay.from_estimator(model.fit(windows, y), windows, y)
    assert_allclose(same.y_pred, display.y_pred, rtol=1e-5)
    assert_allclose(same.history, display.history)
    assert_array_equal(hours(same.dates), hours(HOURS[-20:]))


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
        ({"dates": [1, 2]}, r"dates has 2 value\(s\); expected 3, .* or 5"),
        ({"dates": [1.0, 2.0, 9.5]}, "have no regular step"),
    ],
)
def test_what_does_not_fit_is_named(options, message):
    options = {"history": [1, 2, 3], "y_pred": [4, 5]} | options
    with pytest.raises(ValueError, match=message):
        ForecastDisplay.from_predictions(**options)


def test_what_an_estimator_cannot_draw_is_named():
    table = WAVE.assign(wind=1.0)
    X, y = make_supervised(table, horizon=3, target="load", as_rows=True)
    model = lags().fit(X, y)
    with pytest.raises(ValueError, match="name one in target, or give y"):
        ForecastDisplay.from_estimator(model, X)
    with pytest.raises(ValueError, match=r"row=500 is not in X, which has 117 row"):
        ForecastDisplay.from_estimator(model, X, y, row=500)
    with pytest.raises(ValueError, match=r"y has the shape \(117, 1\) and the forec"):
        ForecastDisplay.from_estimator(model, X, y.iloc[:, 0])
    dated = X.rename_axis("load_at")
    with pytest.raises(ValueError, match="target='load_at' is not a column"):
        ForecastDisplay.from_estimator(model, dated, y, target="load_at")
    windows = SequenceWindower(6).fit_transform(X.to_numpy())
    model = LSTMRegressor(hidden_size=2, max_epochs=1, random_state=0).fit(windows, y)
    no_target = "X holds windows .* give y, and no t"
    for given, by_none, by_name in (
        (np.asarray(windows), no_target, no_target),
        (windows, "X has 2 columns .* name one", "target='load' is not a feature of X"),
    ):
        with pytest.raises(ValueError, match=by_none):
            ForecastDisplay.from_estimator(model, given)
        with pytest.raises(ValueError, match=by_name):
            ForecastDisplay.from_estimator(model, given, y, target="load")


def test_what_cannot_be_drawn_of_histories_is_named():
    table = WAVE.assign(wind=1.0)
    X, y = make_supervised(table, horizon=3, target="load")
    model = lags().fit(X, y)
    assert ForecastDisplay.from_estimator(model, X).name == "load"
    with pytest.raises(ValueError, match=r"row=500 is not in X, which has 117 row"):
        ForecastDisplay.from_estimator(model, X, y, row=500)
    with pytest.raises(ValueError, match=r"y has the shape \(117, 1\) and the forec"):
        ForecastDisplay.from_estimator(model, X, y.iloc[:, 0])
    with pytest.raises(ValueError, match=r"is not a feature of X; features are \['lo"):
        ForecastDisplay.from_estimator(model, X, y, target="load_at")
    later = make_histories(table)  # which do not know what y continues
    with pytest.raises(ValueError, match=r"X has 2 columns .* name one in target"):
        ForecastDisplay.from_estimator(model, later)
    display = ForecastDisplay.from_estimator(model, later, target="load")
    assert_allclose(display.history, WAVE["load"].iloc[-12:])
    assert_array_equal(hours(display.dates[:12]), hours(HOURS[-12:]))


def test_matplotlib_is_asked_for_by_name(monkeypatch):
    def no_matplotlib(name, *args, **kwargs):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return find(name, *args, **kwargs)

    find = builtins.__import__
    monkeypatch.setattr(builtins, "__import__", no_matplotlib)
    with pytest.raises(ImportError, match=r"pip install 'sklstm\[plot\]'"):
        ForecastDisplay.from_predictions([1, 2], [3])
