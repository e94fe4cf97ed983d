"""Plausible mistakes are told in a line, and leave what was fitted as it was."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_digits, load_wine
from sklearn.linear_model import Ridge
from sklearn.model_selection import (
    KFold,
    ShuffleSplit,
    StratifiedKFold,
    TimeSeriesSplit,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklstm import (
    LSTMClassifier,
    LSTMRegressor,
    Sequences,
    SequenceWindower,
    StepTransformer,
    make_histories,
    make_supervised,
)
from sklstm._rows._splits import find_horizon, split_validation
from sklstm.forecasting import AnchoredRegressor, ConformalRegressor, NaiveRegressor
from tests._data import FORMS, make, outputs, target

RNG = np.random.default_rng(0)
WALK = np.cumsum(RNG.normal(size=600)) + 100
DAYS = pd.date_range("2020-01-01", periods=600)
LAGS = make_pipeline(SequenceWindower(8, flatten=True), Ridge())


@pytest.mark.parametrize(
    "table",
    [
        pd.Series(WALK, index=DAYS[::-1]),  # newest first
        pd.Series(WALK).sample(frac=1, random_state=0),
        pd.DataFrame({"v": WALK}, index=DAYS[:300].append(DAYS[:300])),  # no group
        pd.DataFrame({"v": WALK}, index=pd.period_range("1980", periods=600)[::-1]),
    ],
    ids=["newest first", "shuffled", "group forgotten", "periods"],
)
def test_an_index_out_of_order_is_told_of(table):
    for function in (make_supervised, make_histories):
        with pytest.warns(UserWarning, match="index is not in order") as caught:
            function(table)
        assert len(caught) == 1


def test_an_index_in_order_within_series_is_fine():
    """Warnings are errors in these tests."""
    table = pd.DataFrame({"v": WALK, "s": np.repeat([0, 1], 300)})
    table.index = DAYS[:300].append(DAYS[:300])
    make_supervised(table, group="s")
    make_supervised(table.sort_index(), group="s")
    make_supervised(table[::-1], group="s", time="index")
    make_supervised(table.set_index(pd.Index(list("ab") * 300)))
    make_supervised(pd.Series(WALK, index=DAYS)[::3])


def test_samples_lost_at_gaps_are_counted():
    numbers = DAYS.strftime("%Y%m%d").astype(int)
    table = pd.DataFrame({"v": WALK, "t": numbers})
    with pytest.warns(UserWarning, match="133 of 593 samples are lost, .* 1 series in"):
        X, _ = make_supervised(table, horizon=7, time="t")
    assert len(X) == 593 - 133
    short = pd.DataFrame(
        {"v": WALK[:150], "s": np.r_[np.repeat(range(10), 5), [10] * 100]}
    )
    with pytest.warns(UserWarning, match="10 of 11 series have no sample"):
        make_supervised(short, horizon=6, group="s")


def test_a_bare_table_is_no_panel():
    table = pd.DataFrame({"v": WALK, "s": np.repeat(range(6), 100), "t": DAYS})
    X, _ = make_supervised(table, group="s", time="t")
    windower = SequenceWindower(8).fit(X)
    with pytest.raises(ValueError, match="were made with time=: give make_histories"):
        windower.transform(table[["v"]])
    for cut in (WALK.reshape(1, -1, 1), [WALK[:8].reshape(-1, 1)]):
        with pytest.raises(ValueError, match=r"3 dimensions; .* without a windower"):
            windower.transform(cut)
    windower = SequenceWindower(8, group="s", time="t").fit(X)
    expected = make_histories(table, group="s", time="t").tail(8)
    assert_array_equal(windower.transform(table).lengths, expected.lengths)


def test_new_rows_that_continue_nothing_are_told_of():
    table = pd.DataFrame({"v": WALK, "t": DAYS})
    windower = SequenceWindower(24, time="t").fit(table[:500])
    assert windower.transform(table[500:501]).lengths == [24]
    with pytest.warns(
        UserWarning, match="1 of 1 windows have fewer .* rows do not say"
    ):
        windower.transform(table[501:502])


class Bad(RegressorMixin, BaseEstimator):
    def fit(self, X, y):
        if len(X) < 50:
            raise RuntimeError("too few")
        return self

    def predict(self, X):
        return np.zeros(len(X))


def test_a_fit_that_fails_changes_nothing():
    X, y = make_supervised(WALK)
    scaled = StepTransformer(StandardScaler()).fit_transform(X)
    windows, few = X.tail(4), scaled.tail(4)[:40]
    anchored = AnchoredRegressor(
        make_pipeline(SequenceWindower(4, flatten=True), Bad())
    )
    conformal = ConformalRegressor(Bad())
    windower = SequenceWindower(3, time="t")
    table = pd.DataFrame({"v": WALK, "t": DAYS})
    for estimator, good, bad, error in [
        (anchored, (windows, y), (few, y[:40]), RuntimeError),
        (
            conformal,
            (np.ones((600, 2)), WALK),
            (np.ones((60, 2)), WALK[:60]),
            RuntimeError,
        ),
        (
            NaiveRegressor(),
            (windows, y),
            (few, y[:40] + 5e9 * np.arange(40)),
            ValueError,
        ),
        (windower, (table,), (table.assign(v=np.inf),), ValueError),
        (StepTransformer(StandardScaler()), (X,), (np.array([["a"]]),), ValueError),
    ]:
        estimator.fit(*good)
        before = dict(vars(estimator))
        with pytest.raises(error):
            estimator.fit(*bad)
        assert vars(estimator) == before


def test_columns_of_y_in_another_order_are_refused():
    table = pd.DataFrame({"a": WALK, "b": WALK[::-1] + 50})
    X, y = make_supervised(table, horizon=3)
    for model in (NaiveRegressor(), AnchoredRegressor(LAGS)):
        model.fit(X.tail(8)[::20], y[::20])
        with pytest.raises(ValueError, match=r"y has the columns .* expected"):
            model.fit(X.tail(8)[::20], y[sorted(y.columns)][::20])


def test_units_that_cannot_be_those_of_the_table_are_not_taken_for_them():
    X, y = make_supervised(WALK)
    model = make_pipeline(SequenceWindower(8), AnchoredRegressor(LAGS))
    scaled = TransformedTargetRegressor(model, transformer=StandardScaler())
    every = X[:500:20], y[:500:20]  # no window holds the target of another
    naive = np.abs(np.diff(WALK)).mean()
    assert np.abs(scaled.fit(*every).predict(X) - y).mean() < 2 * naive
    windows = X.tail(8).on_table(StandardScaler().fit_transform(X.steps))[::20]
    with pytest.warns(UserWarning, match="as if in other units"):
        NaiveRegressor().fit(windows, y[::20])


def test_a_wider_y_reaches_further_than_histories_know():
    X, _ = make_supervised(WALK)
    assert find_horizon(X, np.zeros((599, 24))) == 24
    two, _ = make_supervised(np.column_stack([WALK, WALK]), horizon=3)
    assert find_horizon(two, np.zeros((597, 6))) == 3


def test_series_that_lose_all_they_train_on_are_counted():
    series = np.r_[np.repeat(range(50), 8), np.repeat(50, 200)]
    X, _ = make_supervised(
        np.column_stack([series, np.arange(600.0)]), horizon=4, group=0
    )
    with pytest.warns(UserWarning, match="of 51 series have no training samples left"):
        split_validation(X.tail(2), 0.25, horizon=4)


def test_a_season_longer_than_the_windows_given_to_predict_is_told_of():
    wave = np.tile(np.arange(24.0), 20)
    X, y = make_supervised(wave)
    model = NaiveRegressor(24).fit(X.tail(24), y)
    assert_array_equal(model.predict(X.tail(24))[30:], y[30:])
    model.predict(X[:3].tail(24))  # there is no more of these
    with pytest.warns(UserWarning, match="8 steps, too few for period=24"):
        model.predict(X[30:].tail(8))


def test_intervals_around_what_has_no_standard_deviation():
    X, y = make_supervised(WALK)
    model = ConformalRegressor(AnchoredRegressor(LAGS)).fit(X.tail(9), y)
    assert model.method_ == "residual"


@pytest.mark.parametrize("lag", [[1.5], [[1]], [0], [-3]])
def test_a_lag_is_a_whole_number_of_rows(lag):
    X, y = make_supervised(WALK)
    with pytest.raises(ValueError, match=r"lag=.* is not one whole number"):
        NaiveRegressor(lag=lag).fit(X.tail(4), y)


def test_columns_that_cannot_be_told_apart_or_predicted():
    table = pd.DataFrame(np.ones((5, 2)), columns=["v", "v"])
    with pytest.raises(ValueError, match="data has several columns named 'v'"):
        make_supervised(table)
    table = pd.DataFrame({"v": range(5), "g": 1})
    with pytest.raises(ValueError, match="column 'g', which group or time names"):
        make_supervised(table, target="g", group="g")


NAMED = {f"s{i}": column for i, column in enumerate(FORMS["flat"].T)}


@pytest.mark.parametrize("library", [pd, pl], ids=["pandas", "polars"])
def test_a_table_whose_columns_would_be_steps_is_told_of(Estimator, library):
    table, y = library.DataFrame(NAMED), target(Estimator)
    message = (
        "its 12 named columns as the steps: .* make_supervised or put a"
        " SequenceWindower before; .* n_timesteps='columns'"
    )
    with pytest.warns(UserWarning, match=message) as caught:
        unsaid = make(Estimator).fit(table, y)
    assert [w.filename for w in caught if message[:9] in str(w.message)] == [__file__]
    unsaid.predict(table)
    said = make(Estimator, n_timesteps="columns").fit(table, y)
    of_array = make(Estimator).fit(FORMS["flat"], y)
    for model in (unsaid, said):
        assert_array_equal(outputs(model, table), outputs(of_array, FORMS["flat"]))


def test_a_table_that_is_read_as_meant_is_not_told_of(Estimator):
    table, y = pd.DataFrame(NAMED), target(Estimator)
    make(Estimator, n_timesteps=4).fit(table, y)
    make(Estimator).fit(table.set_axis(range(12), axis=1), y)
    make(Estimator).fit(table[["s0"]], y)
    make(Estimator, static_features=["s1"]).fit(table[["s0", "s1"]], y)
    make_pipeline(SequenceWindower(4), make(Estimator)).fit(table, y)


def lag_table(n_lags=24):
    return np.lib.stride_tricks.sliding_window_view(WALK, n_lags)


def test_a_table_of_unlike_columns_is_told_of():
    X, y = load_wine(return_X_y=True)
    message = "standard deviations from 0.12 to {}, .* put a StandardScaler before"
    for params, largest in [
        ({}, "3.1e.02"),
        ({"n_timesteps": "columns"}, "3.1e.02"),
        ({"static_features": [12]}, "14"),  # which is the widest
    ]:
        with pytest.warns(UserWarning, match=message.format(largest)):
            make(LSTMClassifier, **params).fit(X, y)
    frame = load_wine(as_frame=True).data
    with pytest.warns(UserWarning, match="13 named columns") as caught:
        make(LSTMClassifier).fit(frame, y)
    assert len([w for w in caught if w.category is UserWarning]) == 1
    scaled = make_pipeline(StandardScaler(), make(LSTMClassifier))
    scaled.fit(X, y).predict(X)
    make(LSTMClassifier, standardize=False).fit(X, y)
    make(LSTMClassifier, n_timesteps=1).fit(X, y)
    make(LSTMClassifier).fit(X[:, np.newaxis].transpose(0, 2, 1), y)


@pytest.mark.parametrize(
    "X",
    [
        load_digits().data,
        lag_table(),
        np.exp(lag_table() / 5),
        lag_table() * np.hanning(24),  # rises from nothing and falls back
        np.random.default_rng(0).lognormal(size=(30, 3)),
        np.random.default_rng(1).standard_cauchy(size=(60, 4)),
        (np.random.default_rng(0).random((40, 8)) < 0.1) * np.arange(1.0, 9) ** 3,
        load_wine().data[:10],
        np.where(RNG.random((40, 6)) < 0.5, np.nan, [1, 2, 3, 4, 5, np.nan]),
    ],
    ids=[
        "images",
        "lags",
        "growth",
        "a hill",
        "heavy tails",
        "no mean",
        "mostly 0",
        "few",
        "missing",
    ],
)
def test_steps_of_one_feature_are_not_told_of(X):
    make(LSTMClassifier).fit(X, np.arange(len(X)) % 2)


TWO = np.column_stack([np.sin(np.arange(600.0)), WALK])


def sequences_of(form):
    windows = SequenceWindower(4).fit_transform(pd.DataFrame(TWO, columns=["s", "v"]))
    every = np.asarray(windows)
    return {
        "windows": windows,
        "array": every[3:],
        "float32": every[3:].astype(np.float32),
        "ragged": list(windows),
        "lags": every[3:, :, 1],
        "flat": every[3:].reshape(-1, 8),
    }[form]


@pytest.mark.parametrize(
    "form", ["windows", "array", "float32", "ragged", "lags", "flat"]
)
def test_a_target_that_is_no_later_than_the_sequence_is_told_of(form):
    X = sequences_of(form)
    now = TWO[-len(X) :, 1]
    params = {"n_timesteps": 4} if form == "flat" else {}
    name = {"windows": "'v'", "lags": "0"}.get(form, "1")
    message = f"y is feature {name} at the last step .* from make_supervised"
    for y in (now, np.column_stack([now + 1, now])):
        with pytest.warns(UserWarning, match=message) as caught:
            make(LSTMRegressor, **params).fit(X, y)
        assert __file__ in {w.filename for w in caught if "make_sup" in str(w.message)}
    for quiet in (np.roll(now, -1), now + np.eye(len(now))[-1], np.full(len(X), 7.0)):
        make(LSTMRegressor, **params).fit(X, quiet)
    make(LSTMRegressor, **params).fit(X[:19], now[:19])


def test_a_target_of_make_supervised_is_later_whatever_its_values():
    series = np.repeat(np.arange(30.0), 4)  # each of which stays where it is
    table = np.column_stack([np.repeat(np.arange(30), 4), series])
    X, y = make_supervised(table, group=0)
    make(LSTMRegressor).fit(X.tail(2), y)
    slopes = np.column_stack([table[:, 0], series * np.tile(np.arange(4), 30)])
    X, y = make_supervised(slopes, group=0)
    AnchoredRegressor(make(LSTMRegressor)).fit(X.tail(2), y)


def test_windows_longer_than_any_history_are_told_of_once():
    X, y = make_supervised(WALK[:16])
    message = "sequence_length=24 steps, the longest history 15: give a shorter"
    for fit in (SequenceWindower().fit, SequenceWindower().fit_transform):
        for given in (X, WALK[:15, None], X[np.arange(15).repeat(3)]):
            with pytest.warns(UserWarning, match=message) as caught:
                fit(given)
            assert [w.filename for w in caught] == [__file__]
    SequenceWindower(15).fit(X).transform(X[:1])
    SequenceWindower(15).fit_transform(X)
    SequenceWindower().fit(X.tail(4))  # which somebody has cut
    SequenceWindower().fit_transform(Sequences.from_arrays([X[3], X[9]]))
    table = pd.DataFrame(
        {"v": WALK[:40], "t": np.arange(40) + 5 * (np.arange(40) > 19)}
    )
    message = "40 of 40 .*, the longest history 20: gaps .* Give a larger max_gap"
    with pytest.warns(UserWarning, match=message) as caught:
        SequenceWindower(time="t").fit_transform(table)
    assert len(caught) == 1


NUMBERED = pd.DataFrame({"v": WALK})
SHUFFLES = {
    "folds": KFold(5, shuffle=True, random_state=0),
    "labels": StratifiedKFold(5, shuffle=True, random_state=0),
    "draws": ShuffleSplit(2, random_state=0),
    "halves": KFold(2, shuffle=True, random_state=0),
}


@pytest.mark.parametrize("splitter", SHUFFLES)
def test_rows_that_a_splitter_has_drawn_are_told_of(splitter):
    message = "index (has holes at .* as if rows had been drawn|is not in order)"
    X, y = make_supervised(NUMBERED)
    for train, test in SHUFFLES[splitter].split(NUMBERED, WALK > 100):
        windower = SequenceWindower(2)
        for call, rows in [
            (windower.fit, train),
            (windower.fit_transform, train),
            (windower.transform, test),
        ]:
            with pytest.warns(UserWarning, match=message) as caught:
                call(NUMBERED.iloc[rows])
            told = [w for w in caught if "index" in str(w.message)]
            assert [w.filename for w in told] == [__file__]
            dated = SequenceWindower(2, time="index", max_gap=1)
            dated.fit(NUMBERED.iloc[rows])
        windower.fit(X[np.sort(train[train < 599])])


MONTHS = np.add.outer(np.arange(1980, 2030) * 100, np.arange(1, 13)).ravel()
BUSINESS = pd.bdate_range("2000-01-03", periods=600)


@pytest.mark.parametrize(
    "table",
    [
        *[NUMBERED.iloc[rows] for rows in [*TimeSeriesSplit(3, gap=2).split(WALK)][1]],
        *[NUMBERED.iloc[rows] for rows in [*KFold(5).split(WALK)][1]],
        NUMBERED.iloc[100:],
        NUMBERED[3::10],
        NUMBERED.drop(index=[5, 70, 71, 300]),
        NUMBERED[NUMBERED.index % 24 < 9],
        NUMBERED.set_axis(MONTHS),
        NUMBERED.set_axis(BUSINESS),
        NUMBERED.set_axis([day.toordinal() for day in BUSINESS]),
        NUMBERED.set_axis(BUSINESS.strftime("%Y%m%d").astype(int)),
        NUMBERED.sample(frac=0.5, random_state=0).to_numpy(),  # which cannot be known
    ],
)
def test_rows_that_follow_each_other_are_not_told_of(table):
    SequenceWindower(2).fit(table).transform(table)


def test_rows_of_interleaved_series_may_have_any_numbers():
    table = NUMBERED.assign(s=RNG.integers(3, size=600))
    rows = table[table["s"] > 0]
    SequenceWindower(2, group="s").fit(rows).transform(rows)
