"""Pictures of errors by step ahead hold the errors, beside those of naive forecasts."""

import builtins

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline

from sklstm import SequenceWindower, make_supervised
from sklstm.forecasting import HorizonErrorDisplay

RNG = np.random.default_rng(0)
TABLE = pd.DataFrame(
    {
        "load": np.sin(np.arange(120) / 4) + RNG.normal(0, 0.1, 120),
        "price": 100 * np.cos(np.arange(120) / 9),
    }
)
MODEL = make_pipeline(SequenceWindower(8, flatten=True), LinearRegression())


@pytest.fixture(autouse=True)
def agg():
    backend = plt.get_backend()
    plt.switch_backend("agg")
    yield
    plt.close("all")
    plt.switch_backend(backend)


def labels(display):
    return [text.get_text() for text in display.ax_.get_legend().get_texts()]


def test_errors_of_each_step_worked_by_hand():
    came = [[1, 2], [3, 4]]
    display = HorizonErrorDisplay.from_predictions(
        came, [[1, 3], [3, 7]], y_naive=[[2, 2], [4, 0]], name="load (MW)"
    )
    assert_array_equal(display.line_.get_xydata(), [[1, 0], [2, 2]])
    assert_array_equal(display.line_naive_.get_xydata(), [[1, 1], [2, 2]])
    assert display.ax_.get_xlabel() == "steps ahead"
    assert display.ax_.get_ylabel() == "mean absolute error, load (MW)"
    assert display.ax_.get_ylim()[0] == 0
    assert labels(display) == ["naive", "forecast"]
    squared = HorizonErrorDisplay.from_predictions(
        came, [[1, 3], [3, 7]], metric="root_mean_squared_error"
    )
    assert_allclose(squared.error, [0, 5**0.5])
    assert squared.ax_.get_ylabel() == "root mean squared error"
    assert squared.line_naive_ is None


def test_one_step_is_a_point():
    display = HorizonErrorDisplay.from_predictions([1, 2, 3], [1, 2, 6])
    assert_array_equal(display.line_.get_xydata(), [[1, 1]])
    assert display.line_.get_marker() == "."


@pytest.mark.parametrize(("naive", "label"), [(1, "last value"), (5, "5 rows before")])
def test_the_naive_forecast_repeats_what_was_seen(naive, label):
    X, y = make_supervised(TABLE["load"], horizon=4)
    display = HorizonErrorDisplay.from_estimator(
        MODEL.fit(X[:80], y[:80]), X[84:], y[84:], naive=naive
    )
    load, rows = TABLE["load"].to_numpy(), np.arange(84, 116)
    for k in range(1, 5):
        seen = load[rows] if naive == 1 else load[rows + k - naive]
        error = np.abs(load[rows + k] - seen).mean()
        assert_allclose(display.naive_error[k - 1], error)
        predicted = MODEL.predict(X[84:])[:, k - 1]
        assert_allclose(display.error[k - 1], np.abs(load[rows + k] - predicted).mean())
    assert labels(display) == [f"naive, {label}", "forecast"]
    assert display.name == "load"


@pytest.mark.parametrize("target", ["price", 1])
def test_of_several_targets_one_is_drawn(target):
    X, y = make_supervised(TABLE, horizon=3)
    model = MODEL.fit(X, y)
    display = HorizonErrorDisplay.from_estimator(model, X, y, target=target)
    errors = np.abs(model.predict(X) - y.to_numpy()).mean(axis=0)
    assert_allclose(display.error, errors[1::2])
    assert display.naive_error.shape == (3,)
    assert display.name == "price"
    with pytest.raises(ValueError, match=r"name one of \['load', 'price'\] in target"):
        HorizonErrorDisplay.from_estimator(model, X, y)


def test_a_target_that_is_not_forecast_is_refused():
    X, y = make_supervised(TABLE, horizon=3, target="load")
    model = MODEL.fit(X, y)
    with pytest.raises(ValueError, match="'price' is not forecast: name one of"):
        HorizonErrorDisplay.from_estimator(model, X, y, target="price")
    with pytest.raises(ValueError, match="X does not know its targets"):
        HorizonErrorDisplay.from_estimator(
            model, TABLE.to_numpy(), y, target=0, naive=None
        )


def test_a_search_is_taken():
    X, y = make_supervised(TABLE["load"], horizon=4)
    grid = {"sequencewindower__sequence_length": [2, 8]}
    search = GridSearchCV(MODEL, grid, cv=TimeSeriesSplit(2, gap=3)).fit(X, y)
    display = HorizonErrorDisplay.from_estimator(search, X, y)
    best = HorizonErrorDisplay.from_estimator(search.best_estimator_, X, y)
    assert_array_equal(display.error, best.error)


def test_the_table_has_the_errors():
    display = HorizonErrorDisplay.from_predictions([[1, 2]], [[2, 4]], y_naive=[[0, 0]])
    table = display.to_frame()
    assert table.index.tolist() == [1, 2]
    assert table.to_dict("list") == {"error": [1, 2], "naive_error": [1, 2]}


def test_it_draws_on_given_axes_and_leaves_the_current_ones():
    _, current = plt.subplots()
    figure, ax = plt.subplots()
    plt.sca(current)
    display = HorizonErrorDisplay.from_predictions(
        [[1, 2]], [[2, 4]], ax=ax, line_kwargs={"c": "C3", "label": "mine"}
    )
    assert (display.ax_, display.figure_) == (ax, figure)
    assert plt.gca() is current
    assert not current.has_data()
    assert display.line_.get_color() == "C3"
    assert labels(display) == ["mine"]
    assert display.plot() is display
    assert display.ax_ is not ax


def test_a_second_model_is_drawn_beside_the_first():
    first = HorizonErrorDisplay.from_predictions([[1, 2]], [[2, 4]])
    second = HorizonErrorDisplay.from_predictions([[1, 2]], [[9, 12]], ax=first.ax_)
    bottom, top = second.ax_.get_ylim()
    assert bottom == 0
    assert top > 10
    assert len(second.ax_.lines) == 2


def test_what_does_not_match_is_told():
    draw = HorizonErrorDisplay.from_predictions
    with pytest.raises(ValueError, match=r"y_pred has the shape \(1, 3\) and y_true"):
        draw([[1, 2]], [[1, 2, 3]])
    with pytest.raises(ValueError, match=r"expected \(n_samples, n_steps\)"):
        draw([[[1.0]]], [[[1.0]]])
    with pytest.raises(ValueError, match="NaN"):
        draw([[1, np.nan]], [[1, 2]])
    X, y = make_supervised(TABLE["load"], horizon=4)
    some = y.to_numpy()[:, [0, 3]]  # which steps these are nobody could tell
    with pytest.raises(ValueError, match=r"y has 2 column\(s\); expected 4, as X was"):
        HorizonErrorDisplay.from_estimator(MODEL.fit(X, some), X, some, naive=None)


def test_a_table_of_rows_has_no_naive_forecast():
    rows = TABLE[["load"]].to_numpy()
    model = MODEL.fit(rows[:-1], rows[1:, 0])
    with pytest.raises(ValueError, match="give the histories of make_supervised"):
        HorizonErrorDisplay.from_estimator(model, rows[:-1], rows[1:, 0])
    display = HorizonErrorDisplay.from_estimator(
        model, rows[:-1], rows[1:, 0], naive=None
    )
    assert display.naive_error is None


@pytest.mark.parametrize("missing", ["matplotlib", "pandas"])
def test_what_is_not_installed_is_named(missing, monkeypatch):
    real = builtins.__import__

    def fake(name, *args, **kwargs):
        if name.split(".")[0] == missing:
            raise ImportError(name)
        return real(name, *args, **kwargs)

    display = HorizonErrorDisplay(error=np.ones(2))
    monkeypatch.setattr(builtins, "__import__", fake)
    extra = {"matplotlib": "plot", "pandas": "pandas"}[missing]
    with pytest.raises(ImportError, match=rf"pip install\s+'sklstm\[{extra}\]'"):
        display.plot() if missing == "matplotlib" else display.to_frame()
