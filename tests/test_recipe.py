"""The recipe: what it is made of, what it finds by itself, and what it says."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklstm import LSTMRegressor, StepTransformer, make_histories, make_supervised
from sklstm.forecasting import AutoForecaster, forecast


class Bars:
    """Writes down what a progress bar would show."""

    def __init__(self, log):
        self.log = log

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def write(self, text):
        with self.log.open("a") as file:
            file.write(f"{text}\n")

    def on_fit_task_begin(self, estimator, context):
        self.write(f"begin {context.task_name}")

    def on_fit_task_end(self, estimator, context):
        self.write(f"end {context.task_name}")


def recipe(**params):
    return AutoForecaster(**{"max_epochs": 2, "random_state": 0} | params)


def trend(n, horizon=3, seed=0):
    series = np.arange(n) / 4 + np.random.default_rng(seed).normal(size=n)
    return make_supervised(series, horizon=horizon)


pytestmark = pytest.mark.filterwarnings("ignore:AutoForecaster uses")


def test_the_recipe_has_windows_for_its_rows():
    def windows(n, period):
        X, y = trend(n, horizon=1)
        lstm = LSTMRegressor(1, unroll="series")
        return recipe(period=period, lstm=lstm, max_epochs=1).fit(X, y)

    pairs = [(2001, 24), (1001, 24), (101, 24), (101, 1), (1501, 672)]
    found = [windows(*pair).sequence_length_ for pair in pairs]
    assert found == [336, 200, 48, 20, 672]
    model = windows(101, 7)
    names = ["last value", "value 7 rows ago", "line through changes"]
    names += ["line through deviations", "drift"]
    found = {name for name in model.estimators_ if "logarithms" not in name}
    found -= {"line through values"}
    assert found == {*names, "LSTM of what is left"}
    assert model.estimators_["value 7 rows ago"][0].period == 7


@pytest.mark.parametrize(("n", "period"), [(60, 80), (45, 40), (20, 1)])
def test_the_recipe_takes_short_series(n, period):
    X, y = trend(n)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = recipe(period=period).fit(X, y)
    told = [
        w for w in caught if f"fewer than two of period={period}:" in str(w.message)
    ]
    assert len(told) == (period > 1)
    assert np.isfinite(model.predict(X)).all()
    assert not any("rows ago" in name for name in model.estimators_)
    assert model.periods_ == []
    assert len(model.estimators_) >= 4


@pytest.mark.parametrize("n", range(4, 31, 2))
def test_a_dozen_rows_are_forecast_and_what_is_left_out_told(n):
    X, y = trend(n)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = recipe(max_epochs=1).fit(X, y)
    assert np.isfinite(model.predict(X)).all()
    few = ["too few rows to compare others" in str(w.message) for w in caught]
    assert any(few) == (list(model.estimators_) == ["last value"])
    assert any(few) == (n < 9)


def test_lines_read_logarithms_of_what_is_positive_only():
    X, y = make_supervised(np.exp(np.arange(60) / 20), horizon=3)
    model = recipe(max_epochs=1).fit(X, y)
    names = {
        "line through changes of logarithms",
        "line through deviations of logarithms",
    }
    assert names <= set(model.estimators_)
    assert_allclose(model.predict(X)[-1] / y[-1], 1, atol=0.02)
    X, y = make_supervised(np.exp(np.arange(60) / 20) - 1.2, horizon=3)
    assert not names & set(recipe(max_epochs=1).fit(X, y).estimators_)


def test_the_recipe_forecasts_a_season_better_than_its_baselines():
    t = np.arange(400)
    noise = np.random.default_rng(0).normal(size=400)
    series = 3 * np.sin(2 * np.pi * t / 12) + t / 50 + noise / 2
    X, y = make_supervised(series, horizon=6)
    train, test = slice(0, 300), slice(306, None)
    model = recipe(period=12, max_epochs=30).fit(X[train], y[train])
    error = np.mean((model.predict(X) - y)[test] ** 2)
    seasonal = model.estimators_["value 12 rows ago"][0]
    naive = np.mean((seasonal.predict(X.tail(24)) - y)[test] ** 2)
    assert error < 0.8 * naive
    assert ": better than the best naive forecast in " in model.summary_
    assert model.share_ > 0.9
    assert model.gain_ > 0.3


def test_what_is_used_is_told():
    walk = np.cumsum(np.random.default_rng(3).normal(size=80))
    X, y = make_supervised(walk, horizon=2)
    message = "uses the last value alone: a blend was better in . of 5 blocks"
    with pytest.warns(UserWarning, match=message):
        model = recipe().fit(X, y)
    assert model.summary_.startswith("the last value alone")
    assert_allclose(model.predict(X)[:, 0], walk[:78])
    assert set(model.errors_) == set(model.weights_) == set(model.estimators_)


@pytest.mark.parametrize("series", [np.ones(60), np.arange(60) % 7])
def test_what_is_perfect_leaves_nothing_to_gain(series):
    X, y = make_supervised(series, horizon=2)
    with pytest.warns(UserWarning, match="a blend was better in 0 of 5 blocks"):
        model = recipe(max_epochs=1).fit(X, y)
    assert model.gain_ == model.share_ == 0


def test_copies_start_from_different_weights():
    """And none of their state is that of the estimator given, or the global one."""
    lstm = LSTMRegressor(2, random_state=7, batch_size=64)
    X, y = trend(60)
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    model = recipe(lstm=lstm, max_epochs=1).fit(X, y)
    seeds = [copy.random_state for copy in model.estimators_["LSTM of what is left"]]
    assert len(set(seeds)) == 5
    assert lstm.random_state == 7
    assert not hasattr(lstm, "net_")
    again = recipe(lstm=lstm, max_epochs=1).fit(X, y)
    assert_array_equal(again.predict(X), model.predict(X))
    recipe(lstm=lstm, max_epochs=1, random_state=None).fit(X, y)
    assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002


def test_parameters_pickles_and_searches():
    X, y = trend(80)
    model = recipe(lstm=LSTMRegressor(2))
    assert clone(model).get_params()["lstm__hidden_size"] == 2
    search = GridSearchCV(model, {"lstm__hidden_size": [1, 2]}, cv=TimeSeriesSplit(2))
    search.fit(X, y, sample_weight=np.linspace(1, 2, len(y)))
    again = pickle.loads(pickle.dumps(search))
    assert_array_equal(again.predict(X), search.predict(X))
    assert search.best_estimator_.n_features_in_ == 1
    two = clone(model).set_params(n_jobs=2).fit(X, y)
    assert_array_equal(two.predict(X), clone(model).fit(X, y).predict(X))
    with pytest.raises(TypeError, match="unexpected keyword argument 'periods'"):
        AutoForecaster(periods=3)
    with pytest.raises(ValueError, match="Invalid parameter 'periods' for"):
        model.set_params(periods=3)
    with pytest.raises(ValueError, match="must be an int in the range"):
        recipe(period=0).fit(X, y)


def test_samples_without_weight_are_as_good_as_gone():
    X, y = trend(120)
    weight = np.arange(len(y)) >= 50
    whole = recipe().fit(X, y, sample_weight=weight.astype(float))
    part = recipe().fit(X[50:], y[50:])
    assert_allclose(whole.gain_, part.gain_)
    assert whole.weights_ == pytest.approx(part.weights_)
    with pytest.raises(ValueError, match="sample_weight is 0 throughout"):
        recipe().fit(X, y, sample_weight=np.zeros(len(y)))


def test_a_sample_without_weight_does_not_forbid_logarithms():
    series = np.exp(np.arange(60) / 20)
    series[3] = -1
    X, y = make_supervised(series, horizon=1)
    weight = (np.arange(len(y)) > 3).astype(float)
    model = recipe(max_epochs=1).fit(X, y, sample_weight=weight)
    assert "line through changes of logarithms" in model.estimators_


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (np.r_[np.nan, np.ones(55)], "sample_weight contains NaN"),
        (np.r_[np.inf, np.ones(55)], "sample_weight contains infinity"),
        (np.r_[-1, np.ones(55)], "Negative values in data passed to `sample_weight`"),
        (np.ones(54), r"sample_weight.shape == \(54,\), expected \(56,\)"),
        (np.ones((56, 1)), "must be 1D array or scalar, got 2D"),
    ],
)
def test_weights_that_are_none_say_so(weight, message):
    X, y = trend(59)
    with pytest.raises(ValueError, match=message):
        recipe().fit(X, y, sample_weight=weight)


def test_weights_are_routed_to_the_epochs_of_the_lstm():
    X, y = trend(60)
    weight = np.linspace(0.1, 2, len(y))
    plain = recipe(lstm=LSTMRegressor(2)).fit(X, y, sample_weight=weight)
    with sklearn.config_context(enable_metadata_routing=True):
        lstm = LSTMRegressor(2).set_partial_fit_request(sample_weight=True)
        routed = recipe(lstm=lstm).fit(X, y, sample_weight=weight)
    assert_array_equal(routed.predict(X), plain.predict(X))


def test_tables_of_series_are_read_by_their_keys():
    table = pd.DataFrame(
        {
            "shop": np.tile(["a", "b"], 40),
            "day": np.repeat(pd.date_range("2024", periods=40), 2),
            "sold": np.random.default_rng(0).normal(size=80).cumsum(),
        }
    ).sample(frac=1, random_state=0)
    keys = {"group": "shop", "time": "day"}
    X, y = make_supervised(table, horizon=2, **keys)
    histories = recipe().fit(X, y)
    rows, y = make_supervised(table, horizon=2, as_rows=True, **keys)
    named = recipe(**keys).fit(rows, y)
    assert_allclose(named.predict(rows), histories.predict(X))
    frame = forecast(histories, table)
    pd.testing.assert_frame_equal(forecast(named, table), frame)
    last = make_histories(table, **keys)
    last = last[[i for i, day in enumerate(table["day"]) if day == table["day"].max()]]
    named_last = last.series_names[last.series]
    by_shop = dict(zip(named_last, histories.predict(last), strict=True))
    for shop, values in frame.groupby("shop"):
        assert_allclose(values["sold"], by_shop[shop])
    with pytest.warns(UserWarning, match="sequences of one step, which have no"):
        recipe().fit(rows[["sold"]].to_numpy(), y)


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_callbacks_see_each_epoch_of_each_forecast(n_jobs, tmp_path):
    log = tmp_path / "log"
    X, y = trend(60)
    recipe(max_epochs=3, n_jobs=n_jobs).set_callbacks(Bars(log)).fit(X, y)
    lines = log.read_text().splitlines()
    model = recipe(max_epochs=1).fit(X, y)
    n_others = lines.count("end drift") + sum(
        line.startswith(("end l", "end v")) for line in lines
    )
    assert n_others >= len(model.estimators_) - 1
    assert lines.count("end epoch") == 3 + n_others  # three of the LSTM
    assert lines.count("end LSTM of what is left") == 1
    assert lines[0] == "begin fit"
    assert lines[-1] == "end fit"


# What it finds by itself.


def hours(n, seed=0):
    """Hours with a day and a week in them."""
    t = np.arange(n)
    week = np.where(t % 168 < 120, 2.0, 0.0)
    noise = np.random.default_rng(seed).normal(size=n)
    return 3 * np.sin(2 * np.pi * t / 24) + week + 0.3 * noise


def test_seasons_are_found_and_those_that_do_not_help_left():
    X, y = make_supervised(hours(1200), horizon=24)
    model = recipe(max_epochs=1).fit(X, y)
    assert model.periods_ == [24, 168]
    assert {"value 24 rows ago", "value 168 rows ago"} <= set(model.estimators_)
    assert model.sequence_length_ == 336
    given = recipe(period=[168, 24], max_epochs=1).fit(X, y)
    assert_allclose(given.predict(X[-3:]), model.predict(X[-3:]))
    walk = np.cumsum(np.random.default_rng(0).normal(size=300))
    X, y = make_supervised(walk, horizon=4)
    assert recipe(max_epochs=1).fit(X, y).periods_ == []
    asked = recipe(period=12, max_epochs=1).fit(X, y)  # and is not doubted
    assert asked.periods_ == [12]
    assert "value 12 rows ago" in asked.estimators_


def test_a_season_that_was_is_doubted_by_later_blocks():
    """It is found in all rows together, and worse in most blocks of time."""
    t, noise = np.arange(500), np.random.default_rng(0).normal(size=500)
    early = 30 * np.sin(2 * np.pi * t / 20) * (t < 150)
    late = np.cumsum(noise) * (t >= 150)
    X, y = make_supervised(early + late, horizon=5)
    assert recipe(max_epochs=1).fit(X, y).periods_ == []


def test_a_large_series_without_season_does_not_decide_for_others():
    rng, t = np.random.default_rng(0), np.arange(200)
    weeks = 5 * np.sin(2 * np.pi * t / 7) + rng.normal(size=(5, 200))
    walk = 1000 * np.cumsum(rng.normal(size=200))
    table = pd.DataFrame(
        {"shop": np.repeat(np.arange(6), 200), "sold": np.r_[walk, weeks.ravel()]}
    )
    X, y = make_supervised(table, horizon=7, target="sold", group="shop")
    assert recipe(max_epochs=1).fit(X, y).periods_ == [7]


def test_short_series_beside_a_long_one_are_learnt_from():
    rng, t = np.random.default_rng(0), np.arange(200)
    long = np.cumsum(rng.normal(size=1100))
    short = 50 + 10 * (-1.0) ** t + rng.normal(size=(3, 200))
    table = pd.DataFrame(
        {
            "shop": np.repeat(np.arange(4), [1100, 200, 200, 200]),
            "sold": np.r_[long, short.ravel()],
        }
    )
    X, y = make_supervised(table, horizon=2, target="sold", group="shop")
    model = recipe(period=1, max_epochs=1).fit(X, y)
    assert model.sequence_length_ == 219
    # In windows of one row nothing changes.
    assert model._n_scores == 1098 - 218 + 3 * 197
    known = (X.series != X.series[0]) & (X.lengths > 20)
    error = (model.predict(X) - y.to_numpy())[known]
    assert np.sqrt((error**2).mean()) < 3  # 14 of the last value


@pytest.mark.parametrize("period", [[12, 0], "daily", 0, [], [2.5]])
def test_a_period_that_is_none_says_so(period):
    X, y = trend(60)
    if period == []:  # no season
        assert recipe(period=period, max_epochs=1).fit(X, y).periods_ == []
        return
    with pytest.raises(ValueError, match="period"):
        recipe(period=period).fit(X, y)


@pytest.mark.parametrize(
    "period", [["a", 12], [None], [7.0, 12], [float("nan")], [-5], [1000, 2.5]]
)
def test_periods_that_are_no_numbers_of_rows_say_so(period):
    X, y = trend(60)
    with pytest.raises(ValueError, match=r"^period=.*; expected whole numbers of rows"):
        recipe(period=period).fit(X, y)


def test_a_feature_without_values_is_no_reason_to_warn():
    """The LSTM warns of it; lines have nothing to read."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"load": np.cumsum(rng.normal(size=80)), "heat": np.nan})
    X, y = make_supervised(table, horizon=1, target="load")
    with pytest.warns(UserWarning, match="no values at all") as caught:
        model = recipe(period=1, max_epochs=1).fit(X, y)
    assert not [w for w in caught if w.category is RuntimeWarning]
    assert np.isfinite(model.predict(X)).all()


def test_parameters_set_after_fit_change_nothing_until_the_next():
    walk = np.cumsum(np.random.default_rng(0).normal(size=80))
    table = pd.DataFrame({"shop": np.repeat([0, 1], 40), "sold": walk})
    table["day"] = np.tile(np.arange(40), 2)
    keys = {"group": "shop", "time": "day"}
    rows, y = make_supervised(table, target="sold", as_rows=True, **keys)
    model = recipe(**keys, max_epochs=1).fit(rows, y)
    before = model.predict(rows)
    model.set_params(group=None, time=None)
    assert_array_equal(model.predict(rows), before)
    X, y = trend(60)
    model = recipe(max_epochs=1).fit(X, y)
    before = model.predict(X)
    assert_array_equal(model.set_params(group="shop").predict(X), before)


def test_other_features_are_read_where_they_help_and_left_where_not():
    rng = np.random.default_rng(0)
    heat = np.cumsum(rng.normal(size=401))
    table = pd.DataFrame({"load": heat[:-1] * 2, "heat": heat[1:]})
    table["load"] += rng.normal(size=400) / 10
    name = "line through changes and other features"
    X, y = make_supervised(table, horizon=1, target="load")
    model = recipe(max_epochs=1).fit(X, y)
    assert model.gain_ > 0.9
    assert sum(w for n, w in model.weights_.items() if "other features" in n) > 0.5
    table["heat"] = np.cumsum(rng.normal(size=400))
    X, y = make_supervised(table, horizon=1, target="load")
    alone, z = make_supervised(table[["load"]], horizon=1)
    model = recipe(max_epochs=1).fit(X, y)
    assert name not in model.estimators_
    bare = recipe(max_epochs=1).fit(alone, z)
    lines = [n for n in bare.weights_ if "LSTM" not in n]
    assert [model.weights_[n] for n in lines] == pytest.approx(
        [bare.weights_[n] for n in lines]
    )


# Intervals.


@pytest.mark.parametrize("grows", [False, True])
@pytest.mark.parametrize("coverage", [0.5, 0.9])
def test_intervals_hold_what_they_say(coverage, grows):
    n = 2500
    noise = np.random.default_rng(0).normal(size=n)
    series = np.cumsum(noise * (np.exp(np.arange(n) / 500) if grows else 1))
    X, y = make_supervised(series, horizon=3)
    model = recipe(max_epochs=1).fit(X[:1500], y[:1500])
    low, high = np.moveaxis(model.predict_interval(X[1503:], coverage), -1, 0)
    held = ((low <= y[1503:]) & (y[1503:] <= high)).mean(axis=0)
    assert_allclose(held, coverage, atol=0.05)
    assert_allclose((low + high) / 2, model.predict(X[1503:]))


def test_each_series_and_target_has_its_own_width():
    rng = np.random.default_rng(0)
    size = np.repeat([1.0, 1000.0], 300)
    table = pd.DataFrame(
        {
            "shop": np.repeat(["a", "b"], 300),
            "day": np.tile(np.arange(300), 2),
            "sold": np.cumsum(rng.normal(size=600)) * size,
            "sent": np.cumsum(rng.normal(size=600)) * size / 10,
        }
    )
    X, y = make_supervised(
        table, horizon=2, target=["sold", "sent"], group="shop", time="day"
    )
    model = recipe(max_epochs=1).fit(X, y)
    width = np.diff(model.predict_interval(X), axis=-1)[..., 0]  # (n, 4)
    width = width.reshape(2, -1, 4).mean(axis=1)
    assert_allclose(width[1] / width[0], 1000, rtol=0.3)
    assert_allclose(width[:, :2] / width[:, 2:], [[10, 10]] * 2, rtol=5)
    assert (width[:, 0] > 3 * width[:, 1]).all()


def test_intervals_of_a_small_series_beside_a_large_one():
    """And alone they are the same, whatever table the samples are on."""
    walks = np.cumsum(np.random.default_rng(0).normal(size=(2, 150)), axis=1)
    table = pd.DataFrame(
        {
            "shop": np.repeat(["a", "b"], 150),
            "day": np.tile(np.arange(150), 2),
            "sold": np.concatenate([walks[0] * 1e9, walks[1] * 1e-9]),
        }
    )
    X, y = make_supervised(table, horizon=2, target="sold", group="shop", time="day")
    model = recipe(period=1, max_epochs=1).fit(X, y)
    width = np.diff(model.predict_interval(X), axis=-1)[..., 0].mean(axis=1)
    small = X.series == X.series[-1]
    assert_allclose(width[small].mean() / width[~small].mean(), 1e-18, rtol=0.5)
    alone = np.diff(model.predict_interval(X[-1:]), axis=-1)[..., 0].mean(axis=1)
    assert_allclose(alone, width[-1:], rtol=1e-12)


def test_intervals_come_with_dates_if_they_are_asked_for():
    frame = pd.DataFrame(
        {"v": np.cumsum(np.random.default_rng(0).normal(size=80))},
        pd.date_range("2024", periods=80, freq="D"),
    )
    X, y = make_supervised(frame, horizon=3)
    model = recipe(max_epochs=1).fit(X, y)
    assert list(forecast(model, frame)) == ["v"]
    narrow, wide = (forecast(model, frame, interval=share) for share in (0.5, 0.9))
    assert (
        wide["v_upper"] - wide["v_lower"] > narrow["v_upper"] - narrow["v_lower"]
    ).all()
    assert_allclose(wide[["v_lower", "v_upper"]].mean(axis=1), wide["v"])
    message = r"^coverage=0.99 needs 99 samples in fit, which had 6\d: give more, or"
    with pytest.raises(ValueError, match=message):
        forecast(model, frame, interval=0.99)
    for wrong in (90, "0.9", None, np.nan):
        with pytest.raises(ValueError, match=r"^coverage must be a number betw"):
            model.predict_interval(X, coverage=wrong)


def test_a_window_in_which_nothing_changes_has_an_interval():
    rng = np.random.default_rng(0)
    series = np.where(np.arange(200) % 50 < 25, 0.0, rng.poisson(3, size=200))
    X, y = make_supervised(series, horizon=1)
    model = recipe(period=1, max_epochs=1).fit(X, y)
    low, high = np.moveaxis(model.predict_interval(X), -1, 0)
    assert (high > low).all()
    constant, z = make_supervised(np.ones(50), horizon=1)
    model = recipe(period=1, max_epochs=1).fit(constant, z)
    assert_allclose(model.predict_interval(constant), 1)


def test_dead_series_do_not_narrow_the_intervals_of_others():
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "shop": np.repeat(np.arange(8), 200),
            "day": np.tile(np.arange(200), 8),
            "sold": np.cumsum(rng.normal(size=(8, 200)), axis=1).ravel(),
        }
    )
    table.loc[table["shop"] > 1, "sold"] = 3.0
    X, y = make_supervised(table, horizon=2, target="sold", group="shop", time="day")
    early = X.times < 150
    model = recipe(max_epochs=1).fit(X[early], y[early])
    alive = ~early & (X.series < 2)
    low, high = np.moveaxis(model.predict_interval(X[alive]), -1, 0)
    assert 0.8 < np.mean((low <= y[alive]) & (y[alive] <= high)) <= 1


# Long series, and little time.


def test_a_time_limit_leaves_the_net_out_and_lines_in():
    X, y = trend(200)
    model = recipe(max_epochs=50, time_limit=1e-9).fit(X, y)
    assert not any("LSTM" in name for name in model.estimators_)
    assert "drift" in model.estimators_
    assert np.isfinite(model.predict(X)).all()
    with pytest.raises(ValueError, match="time_limit"):
        recipe(time_limit=0).fit(X, y)


def test_of_very_many_samples_some_are_drawn(monkeypatch):
    X, y = make_supervised(hours(1500), horizon=2)
    whole = recipe(period=24, max_epochs=1).fit(X, y)
    monkeypatch.setattr("sklstm.forecasting._recipe.MAX_SAMPLES", 400)
    some = recipe(period=24, max_epochs=1).fit(X, y)
    assert some._n_scores == 400
    again = recipe(period=24, max_epochs=1).fit(X, y)
    assert_array_equal(some.predict(X), again.predict(X))
    assert some.errors_["value 24 rows ago"] == pytest.approx(
        whole.errors_["value 24 rows ago"], rel=0.2
    )
    assert np.corrcoef(some.predict(X)[:, 0], whole.predict(X)[:, 0])[0, 1] > 0.99


# Behind other steps.


def test_a_scaler_before_it_changes_nothing():
    X, y = trend(150)
    plain = recipe(max_epochs=1).fit(X, y)
    scaled = make_pipeline(StepTransformer(StandardScaler()), recipe(max_epochs=1))
    scaled.fit(X, y)
    assert scaled[-1].weights_ == pytest.approx(plain.weights_, abs=0.01)
    assert_allclose(scaled.predict(X), plain.predict(X), rtol=1e-3)
