"""scikit-learn's progress bar counts the epochs of a fit, wherever it is."""

import re

import numpy as np
import pytest
from sklearn.callback import ProgressBar
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklstm import (
    LSTMClassifier,
    LSTMRegressor,
    SequenceEncoder,
    SequenceWindower,
    StepTransformer,
    make_supervised,
)
from sklstm.forecasting import (
    AnchoredRegressor,
    AutoForecaster,
    ConformalRegressor,
    NaiveRegressor,
)

X, Y = make_supervised(np.sin(np.arange(80) / 3))
QUICK = {"hidden_size": 4, "max_epochs": 3, "random_state": 0}


def windowed(last):
    return make_pipeline(SequenceWindower(4), last)


@pytest.fixture
def bars(capfd, monkeypatch):
    """Fit with a bar, and return the names of all bars with their depths."""
    monkeypatch.setenv("COLUMNS", "200")  # so that no line is cut

    def fit(model, X=X, y=Y, depth=None):
        model.set_callbacks(ProgressBar(max_propagation_depth=depth)).fit(X, y)
        lines = capfd.readouterr().out.splitlines()
        found = [re.fullmatch(r"( *)(.+?) +━+ +100% [\d:]+ *", line) for line in lines]
        assert all(found), lines
        return [(len(each[1]) // 2, each[2]) for each in found]

    return fit


def test_epochs_are_counted(bars):
    windows = SequenceWindower(4).fit_transform(X)
    assert bars(LSTMRegressor(**QUICK), windows) == [(0, LSTM)]


LSTM = "LSTMRegressor - fit"
LAST = "Pipeline - fit-final-estimator | "


def test_a_pipeline_has_one_bar_with_its_steps_in_it(bars):
    assert bars(windowed(LSTMRegressor(**QUICK)), depth=1) == [
        (0, "Pipeline - fit"),
        (
            1,
            "Pipeline - fit-transform-sequencewindower | SequenceWindower - fit #0",
        ),
        (1, f"{LAST}{LSTM} #1"),
    ]


def test_all_steps_of_ours_take_part(bars):
    """Others would warn, which is an error here."""
    scaled = StepTransformer(StandardScaler())
    steps = scaled, SequenceWindower(4), LSTMRegressor(**QUICK)
    assert len(bars(make_pipeline(*steps))) == 4
    assert len(bars(windowed(NaiveRegressor()))) == 3
    texts = make_pipeline(SequenceEncoder(), LSTMClassifier(**QUICK))
    assert len(bars(texts, ["aa bb", "bb aa", "aa", "bb"] * 4, [0, 1, 0, 1] * 4)) == 3


def test_a_search_shows_each_fit(bars):
    grid = {"lstmregressor__hidden_size": [3, 4]}
    search = GridSearchCV(windowed(LSTMRegressor(**QUICK)), grid, cv=2)
    shown = bars(search)
    assert shown[0] == (0, "GridSearchCV - fit")
    assert sum(LSTM in name for _, name in shown) == 2 * 2 + 1


@pytest.mark.filterwarnings("ignore:AutoForecaster uses")
def test_a_blend_shows_each_forecast(bars):
    model = AutoForecaster(lstm=LSTMRegressor(**QUICK), max_epochs=2, random_state=0)
    (root, *others) = bars(model)
    assert root == (0, "AutoForecaster - fit")
    assert {depth for depth, _ in others} == {1}
    assert "AutoForecaster - LSTM of what is left" in others[-1][1]
    outer = make_pipeline(SequenceWindower(40), model.set_callbacks())
    within = bars(outer)
    assert [name for depth, name in within if depth == 2] == [n for _, n in others]


@pytest.mark.parametrize(
    ("kind", "name"),
    [(ConformalRegressor, "Conformal"), (AnchoredRegressor, "Anchored")],
)
def test_wrappers_hand_bars_down(kind, name, bars):
    name = f"{name}Regressor - fit"
    assert bars(windowed(kind(LSTMRegressor(**QUICK)))) == [
        (0, "Pipeline - fit"),
        (
            1,
            "Pipeline - fit-transform-sequencewindower | SequenceWindower - fit #0",
        ),
        (1, f"{LAST}{name} #1"),
        (2, f"{name}-estimator | {LSTM} #0"),
    ]


def test_intervals_around_a_fitted_model_have_a_bar(bars):
    model = windowed(LSTMRegressor(**QUICK)).fit(X, Y)
    shown = bars(ConformalRegressor(FrozenEstimator(model)))
    assert shown == [(0, "ConformalRegressor - fit")]


def test_partial_fit_of_a_wrapper_takes_callbacks_down_again(bars):
    model = AnchoredRegressor(LSTMRegressor(**QUICK))
    windows = SequenceWindower(4).fit_transform(X)
    for _ in range(2):
        model.set_callbacks(ProgressBar()).partial_fit(windows, Y)
        model.set_callbacks()
        left = [*vars(model), *vars(model.regressor_)]
        assert not [name for name in left if "_callback" in name]


def test_a_bar_changes_no_bit(bars):
    model = windowed(AnchoredRegressor(LSTMRegressor(**QUICK)))
    expected = model.fit(X, Y).predict(X)
    bars(model)
    np.testing.assert_array_equal(model.predict(X), expected)
