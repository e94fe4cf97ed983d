"""Pictures of learning curves hold the curves of the fit."""

import builtins

import matplotlib.pyplot as plt
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from sklstm import (
    LSTMClassifier,
    LSTMRegressor,
    SequenceWindower,
    drop_training_state,
    make_supervised,
)
from sklstm.forecasting import AnchoredRegressor, ConformalRegressor
from sklstm.inspection import LossCurveDisplay

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 5))
Y = X.sum(axis=1)
QUICK = {"hidden_size": 4, "max_epochs": 6, "random_state": 0}


@pytest.fixture(autouse=True)
def agg():
    backend = plt.get_backend()
    plt.switch_backend("agg")
    yield
    plt.close("all")
    plt.switch_backend(backend)


@pytest.fixture(scope="module")
def validated():
    return LSTMRegressor(**QUICK, early_stopping=True).fit(X, Y)


def labels(display):
    return [text.get_text() for text in display.ax_.get_legend().get_texts()]


def test_lines_hold_the_curves(validated):
    display = LossCurveDisplay.from_estimator(validated)
    epochs = np.arange(1, validated.n_iter_ + 1)
    x, y = display.line_train_.get_data()
    assert_array_equal(x, epochs)
    assert_array_equal(y, validated.loss_curve_)
    x, y = display.line_validation_.get_data()
    assert_array_equal(x, epochs)
    assert_array_equal(y, validated.validation_loss_curve_)
    best = display.point_best_.get_xydata()
    assert_array_equal(best, [[validated.best_epoch_, validated.best_loss_]])
    assert display.ax_.get_xlabel() == "epoch"
    assert display.ax_.get_ylabel() == "squared error (y standardised)"
    assert labels(display) == [
        "training",
        "validation",
        f"best epoch: {validated.best_epoch_}",
    ]


def test_scores_are_drawn_alone(validated):
    display = LossCurveDisplay.from_estimator(validated, metric="score")
    assert display.line_train_ is None
    scores = display.line_validation_.get_ydata()
    assert_array_equal(scores, validated.validation_scores_)
    best = display.point_best_.get_ydata()
    assert_array_equal(best, [validated.best_validation_score_])
    assert display.ax_.get_ylabel() == "R²"


def test_the_table_has_the_curves(validated):
    display = LossCurveDisplay.from_estimator(validated)
    table = display.to_frame()
    assert list(table) == ["loss", "validation_loss", "validation_score"]
    assert table.index.tolist() == list(range(1, validated.n_iter_ + 1))
    assert_array_equal(table["loss"], validated.loss_curve_)
    assert_array_equal(table["validation_loss"], validated.validation_loss_curve_)
    assert_array_equal(table["validation_score"], validated.validation_scores_)


def test_without_validation_there_is_one_line():
    display = LossCurveDisplay.from_estimator(LSTMRegressor(**QUICK).fit(X, Y))
    assert display.line_validation_ is display.point_best_ is None
    assert labels(display) == ["training"]
    assert list(display.to_frame()) == ["loss"]
    with pytest.raises(ValueError, match="fit with early_stopping=True, or draw"):
        display.plot(metric="score")


def test_an_epoch_that_was_not_validated_is_a_hole():
    model = LSTMRegressor(**QUICK | {"max_epochs": 2}, warm_start=True).fit(X, Y)
    model.set_params(early_stopping=True).fit(X, Y)
    display = LossCurveDisplay.from_estimator(model)
    holes = [np.nan, np.nan]
    values = [*holes, *model.validation_loss_curve_]
    assert_array_equal(display.line_validation_.get_ydata(), values)
    assert display.point_best_.get_xdata() == [model.best_epoch_]
    assert display.point_best_.get_ydata() == [model.best_loss_]


def test_it_draws_on_given_axes_and_leaves_the_current_ones(validated):
    _, current = plt.subplots()
    figure, ax = plt.subplots()
    plt.sca(current)
    display = LossCurveDisplay.from_estimator(
        validated, ax=ax, train_kwargs={"c": "C3"}, best_kwargs={"ms": 9}
    )
    assert (display.ax_, display.figure_) == (ax, figure)
    assert plt.gca() is current
    assert plt.get_fignums() == [current.figure.number, figure.number]
    assert not current.has_data()
    assert display.line_train_.get_color() == "C3"
    assert display.point_best_.get_markersize() == 9
    before = display.ax_
    assert display.plot() is display
    assert display.ax_ is not before


def history():
    return make_supervised(np.sin(np.arange(60) / 3))


@pytest.mark.parametrize(
    "model",
    [
        make_pipeline(SequenceWindower(4), LSTMRegressor(**QUICK)),
        make_pipeline(SequenceWindower(4), AnchoredRegressor(LSTMRegressor(**QUICK))),
        ConformalRegressor(make_pipeline(SequenceWindower(4), LSTMRegressor(**QUICK))),
        GridSearchCV(
            make_pipeline(SequenceWindower(4), LSTMRegressor(**QUICK)),
            {"lstmregressor__hidden_size": [3]},
            cv=2,
        ),
    ],
    ids=["pipeline", "anchored", "conformal", "search"],
)
def test_it_finds_the_lstm(model):
    with pytest.raises(NotFittedError):
        LossCurveDisplay.from_estimator(model)
    model.fit(*history())
    display = LossCurveDisplay.from_estimator(model)
    assert len(display.loss) == 6
    frozen = LossCurveDisplay.from_estimator(FrozenEstimator(model))
    assert_array_equal(frozen.loss, display.loss)


def test_what_holds_no_lstm_is_refused():
    for model in (LinearRegression(), make_pipeline(LinearRegression())):
        with pytest.raises(ValueError, match="does not end in an LSTM: expected"):
            LossCurveDisplay.from_estimator(model.fit(X, Y))


def test_dropped_curves_are_told(validated):
    with pytest.raises(ValueError, match="has no curves: it is a copy of"):
        LossCurveDisplay.from_estimator(drop_training_state(validated))


@pytest.mark.parametrize(
    ("params", "loss", "score"),
    [
        ({"loss": "absolute_error"}, "absolute error (y standardised)", "R²"),
        ({"loss": "gaussian", "standardize": False}, "CRPS", "R²"),
        (
            {"scoring": "neg_mean_absolute_error"},
            "squared error (y standardised)",
            "negative mean absolute error",
        ),
    ],
)
def test_axes_are_named_with_units(params, loss, score):
    model = LSTMRegressor(**QUICK, early_stopping=True, **params).fit(X, Y)
    display = LossCurveDisplay.from_estimator(model)
    assert (display.loss_name, display.score_name) == (loss, score)


def test_losses_of_a_classifier_are_in_nats():
    model = LSTMClassifier(**QUICK, early_stopping=True).fit(X, Y > 0)
    display = LossCurveDisplay.from_estimator(model)
    assert display.ax_.get_ylabel() == "cross entropy (nats)"
    assert display.score_name == "accuracy"


@pytest.mark.parametrize("missing", ["matplotlib", "pandas"])
def test_what_is_not_installed_is_named(missing, validated, monkeypatch):
    real = builtins.__import__

    def fake(name, *args, **kwargs):
        if name.split(".")[0] == missing:
            raise ImportError(name)
        return real(name, *args, **kwargs)

    display = LossCurveDisplay.from_estimator(validated)
    monkeypatch.setattr(builtins, "__import__", fake)
    extra = {"matplotlib": "plot", "pandas": "pandas"}[missing]
    with pytest.raises(ImportError, match=rf"pip install 'sklstm\[{extra}\]'"):
        display.plot() if missing == "matplotlib" else display.to_frame()
