"""Pictures of what is inside a net hold the numbers of the functions."""

import sys

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import make_scorer, mean_absolute_error
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from sklstm import LSTMClassifier, LSTMRegressor, SequenceWindower, make_supervised
from sklstm.inspection import (
    GateDisplay,
    MemoryDisplay,
    TimestepImportanceDisplay,
    gate_activations,
    memory_length,
    timestep_importance,
)
from tests._data import LABELS, RAGGED, VALUES, frame, message_of

PARTS = ("input_gate", "forget_gate", "output_gate", "cell_state")
SMALL = {"hidden_size": 4, "max_epochs": 2, "frame_size": 1, "random_state": 0}
FRAMES = [frame(x) for x in RAGGED]
LONGER = [*FRAMES, frame(np.ones((9, 3)))]  # alone at four lags
FEW = {"n_repeats": 2, "random_state": 0}


@pytest.fixture(autouse=True)
def agg():
    backend = plt.get_backend()
    plt.switch_backend("agg")
    yield
    plt.close("all")
    plt.switch_backend(backend)


@pytest.fixture(scope="module")
def model():
    return LSTMRegressor(**SMALL).fit(FRAMES, VALUES)


@pytest.fixture(scope="module")
def gates(model):
    return GateDisplay.from_estimator(model, FRAMES)


@pytest.fixture(scope="module")
def importance(model):
    return timestep_importance(model, LONGER, np.r_[VALUES, 0], **FEW)


# Gates.


@pytest.mark.parametrize("layer", [0, 1])
@pytest.mark.parametrize("direction", ["forward", "backward"])
@pytest.mark.parametrize("index", [1, 4, -2])
def test_heat_maps_hold_the_gates_of_one_sequence(layer, direction, index):
    deep = LSTMRegressor(**SMALL, num_layers=2, bidirectional=True)
    deep.fit(RAGGED, VALUES)
    cells = {"layer": layer, "direction": direction}
    everything = gate_activations(deep, RAGGED, **cells)
    display = GateDisplay.from_estimator(deep, RAGGED, index=index, **cells)
    n = len(RAGGED[index])
    assert list(display.artists_) == ["input", *PARTS]
    for part, ax in zip(PARTS, display.axes_[1:], strict=True):
        (image,) = display.artists_[part]
        expected = everything[part][index, -n:].T
        assert_allclose(image.get_array().reshape(4, n), expected, atol=1e-6)
        assert_array_equal(image.get_coordinates()[0, :, 0], np.arange(n, -1, -1) - 0.5)
        assert ax.get_xlim() == (n - 0.5, -0.5)
        assert image.colorbar.ax.get_ylabel() == part.replace("_", " ")
    assert display.axes_[-1].get_xlabel() == "lag (steps before the last)"


def test_lines_hold_the_gates_of_chosen_units(model):
    parts = ["hidden_state", "forget_gate"]
    display = GateDisplay.from_estimator(
        model, FRAMES, index=6, units=[3, 1], kind="line", parts=parts
    )
    everything = gate_activations(model, FRAMES)
    for part in parts:
        for unit, line in zip([3, 1], display.artists_[part], strict=True):
            assert line.get_label() == f"unit {unit}"
            x, y = line.get_data()
            assert_array_equal(x, [4, 3, 2, 1, 0])
            assert_allclose(y, everything[part][6, :, unit], atol=1e-6)
    legends = [ax.get_legend() is not None for ax in display.axes_]
    assert legends == [True, True, False]
    labels = [ax.get_ylabel() for ax in display.axes_]
    assert labels == ["input (z-score)", "hidden state", "forget gate"]


def test_rows_of_heat_maps_are_named_by_their_units(model):
    display = GateDisplay.from_estimator(model, FRAMES, units=[3, 1])
    name = display.axes_[1].yaxis.get_major_formatter()
    assert [name(row) for row in (-1, 0, 0.5, 1, 2)] == ["", "3", "", "1", ""]


@pytest.mark.parametrize("standardize", [True, False])
def test_features_are_drawn_as_the_net_reads_them(standardize):
    X = [x.copy() for x in FRAMES]
    X[1].iloc[2, 0] = np.nan
    model = LSTMRegressor(**SMALL, standardize=standardize).fit(X, VALUES)
    display = GateDisplay.from_estimator(model, X, index=1)
    steps = X[1].to_numpy()
    if standardize:
        table = pd.concat(X).to_numpy()
        steps = (steps - np.nanmean(table, axis=0)) / np.nanstd(table, axis=0)
    for k, line in enumerate(display.artists_["input"]):
        assert line.get_label() == "abc"[k]
        assert_array_equal(line.get_xdata(), [4, 3, 2, 1, 0])
        assert_allclose(line.get_ydata(), steps[:, k], atol=1e-6)
    unit = " (z-score)" if standardize else ""
    assert display.axes_[0].get_ylabel() == f"input{unit}"


def test_frames_fill_the_steps_that_they_hold():
    X = np.random.RandomState(0).normal(size=(12, 7, 2))
    model = LSTMRegressor(**SMALL | {"frame_size": 3}).fit(X, VALUES)
    display = GateDisplay.from_estimator(model, X)
    (image,) = display.artists_["forget_gate"]
    assert_array_equal(image.get_coordinates()[0, :, 0], [6.5, 5.5, 2.5, -0.5])
    lines = GateDisplay.from_estimator(model, X, kind="line").artists_["forget_gate"]
    assert_array_equal(lines[0].get_xdata(), [6, 3, 0])
    table = display.to_frame()
    assert table.index.tolist() == [6, 5, 4, 3, 2, 1, 0]
    assert table["input"].notna().all(axis=None)
    known = table["cell_state"].notna()
    assert_array_equal(known.all(axis=1), [1, 0, 0, 1, 0, 0, 1])
    assert_array_equal(known.any(axis=1), known.all(axis=1))


def test_ids_have_no_line():
    X = [np.column_stack([x, np.arange(len(x)) % 3]) for x in RAGGED]
    model = LSTMRegressor(**SMALL, categorical_features=[3]).fit(X, VALUES)
    display = GateDisplay.from_estimator(model, X)
    assert display.feature_names == ["x0", "x1", "x2"]
    ids = [x[:, 3:] for x in X]
    model = LSTMRegressor(**SMALL, categorical_features=[0]).fit(ids, VALUES)
    display = GateDisplay.from_estimator(model, ids, parts=["cell_state"])
    assert list(display.artists_) == ["cell_state"]
    assert "input" not in display.to_frame()


def test_the_table_has_features_gates_and_states(gates):
    table = gates.to_frame()
    assert table.index.name == "lag"
    assert table.columns.names == ["part", "unit"]
    assert_array_equal(table["input"], gates.inputs)
    assert list(table["input"]) == ["a", "b", "c"]
    for part, values in gates.activations.items():
        assert_array_equal(table[part], values)
        assert list(table[part]) == [0, 1, 2, 3]


def test_models_that_end_in_an_lstm_are_drawn():
    X, y = make_supervised(np.sin(np.arange(40) / 3))
    model = make_pipeline(SequenceWindower(6), LSTMRegressor(**SMALL)).fit(X, y)
    display = GateDisplay.from_estimator(model, X, index=-1)
    expected = gate_activations(model, X).cell_state[-1]
    assert_allclose(display.activations["cell_state"], expected, atol=1e-6)


def test_one_of_whole_histories_is_drawn():
    X, y = make_supervised(np.sin(np.arange(40) / 3))
    params = {"unroll": "series", "linear_skip": False}
    model = LSTMRegressor(**SMALL | params).fit(X, y)
    display = GateDisplay.from_estimator(model, X, index=20)
    expected = gate_activations(model, [X[20]])
    assert_array_equal(display.lags, np.arange(20, -1, -1))
    assert_array_equal(display.activations["cell_state"], expected.cell_state[0])


def test_mistakes_of_gates(model, gates):
    def message(**params):
        return message_of(GateDisplay.from_estimator, model, FRAMES, **params)

    text = "index=12 is out of range: X has 12 sequence(s); give one from 0 to 11"
    assert text in message(index=12)
    assert "index=-13 is out of range" in message(index=-13)
    assert "'index' parameter" in message(index=0.5)
    for units in ([4], [-1], [], [[0]], [0.5], [True]):
        assert "give a list of numbers from 0 to 3" in message(units=units)
    assert "layer=1 is out of range" in message(layer=1)
    assert "'direction' parameter" in message(direction="up")
    assert "'kind' parameter" in message(kind="lines")
    assert "parts=['gate']; expected one or more of" in message(parts=["gate"])
    assert "parts=[]; expected one or more of" in message(parts=[])
    _, ax = plt.subplots()
    text = "ax has 1 Axes; expected 5, one for each of ['input', 'input_gate'"
    assert text in message_of(gates.plot, ax)


# Importance.


def test_a_heat_map_holds_importances_and_leaves_unknown_ones_blank(importance):
    display = TimestepImportanceDisplay.from_result(importance)
    drawn = np.ma.masked_invalid(display.image_.get_array().reshape(3, 9))
    mean = importance.importances_mean.T  # (n_features, n_lags)
    assert_array_equal(drawn.mask, np.isnan(mean))
    assert drawn.mask[:, 5:].all()
    assert not drawn.mask[:, :5].any()
    assert_array_equal(drawn.compressed(), mean[:, :5].ravel())
    assert_array_equal(display.image_.get_coordinates()[0, :, 0], np.arange(10) - 0.5)
    labels = [tick.get_text() for tick in display.ax_.get_yticklabels()]
    assert labels == ["a", "b", "c"]
    assert display.ax_.get_ylim() == (2.5, -0.5)
    assert display.ax_.get_xlim() == (8.5, -0.5)
    assert display.image_.colorbar.ax.get_ylabel() == "fall of score"
    display.figure_.canvas.draw()
    colours = display.image_.get_facecolors().reshape(3, 9, 4)
    assert_array_equal(colours[..., 3] == 0, drawn.mask)


@pytest.mark.parametrize("by", ["lag", "feature"])
def test_bars_hold_importances_and_their_spread(by, model):
    y = np.r_[VALUES, 0]
    display = TimestepImportanceDisplay.from_estimator(model, LONGER, y, by=by, **FEW)
    result = timestep_importance(model, LONGER, y, by=by, **FEW)
    is_lag = by == "lag"
    sizes = [b.get_height() if is_lag else b.get_width() for b in display.bars_]
    assert_array_equal(sizes, result.importances_mean)
    if is_lag:  # the middles of the bars
        places = [bar.get_x() + bar.get_width() / 2 for bar in display.bars_]
    else:
        places = [bar.get_y() + bar.get_height() / 2 for bar in display.bars_]
    assert_allclose(places, np.arange(9 if is_lag else 3))
    (segments,) = display.bars_.errorbar.lines[2]
    known = ~np.isnan(result.importances_std)
    drawn = [ends for ends in segments.get_segments() if len(ends)]
    ends = np.array(drawn)[..., 1 if is_lag else 0]
    spread = np.diff(ends, axis=1)[:, 0] / 2
    assert_allclose(spread, result.importances_std[known])
    table = display.to_frame()
    assert table.index.name == by
    assert table.index.tolist() == (list(range(9)) if is_lag else ["a", "b", "c"])
    assert_array_equal(table["importances_mean"], result.importances_mean)
    assert_array_equal(table["importances_std"], result.importances_std)
    axis = display.ax_.yaxis if is_lag else display.ax_.xaxis
    assert axis.get_label_text() == "fall of R² (mean ± std)"


def test_the_table_of_lags_and_features(importance):
    table = TimestepImportanceDisplay.from_result(importance).to_frame()
    assert table.index.names == ["lag", "feature"]
    for kind in ("importances_mean", "importances_std"):
        assert_array_equal(table[kind].unstack(), importance[kind])


def test_scores_are_named(model):
    def name(estimator, X, y, **params):
        display = TimestepImportanceDisplay.from_estimator(
            estimator, X, y, by="feature", n_repeats=1, **params
        )
        return display.ax_.get_xlabel().removesuffix(" (mean ± std)")

    data = FRAMES, VALUES
    text = "rise of mean absolute error"
    assert name(model, *data, scoring="neg_mean_absolute_error") == text
    scorer = make_scorer(mean_absolute_error, greater_is_better=False)
    assert name(model, *data, scoring=scorer) == "fall of score"
    classifier = LSTMClassifier(**SMALL).fit(FRAMES, LABELS)
    assert name(classifier, FRAMES, LABELS) == "fall of accuracy"
    search = GridSearchCV(
        LSTMRegressor(**SMALL),
        {"hidden_size": [3]},
        scoring="neg_mean_absolute_error",
        cv=2,
    ).fit(*data)
    assert name(search, *data) == text
    assert name(FrozenEstimator(search), *data) == text
    scorers = {"r": "r2", "e": "neg_mean_absolute_error"}
    search.set_params(scoring=scorers, refit="e").fit(*data)
    assert name(search, *data) == text
    search.set_params(scoring=[*scorers.values()], refit="r2").fit(*data)
    assert name(search, *data) == "fall of R²"


def test_mistakes_of_importance(model):
    draw = TimestepImportanceDisplay.from_estimator
    assert "'by' parameter" in message_of(draw, model, FRAMES, VALUES, by="lags")
    with pytest.raises(TypeError, match="n_repeat'"):
        draw(model, FRAMES, VALUES, n_repeat=3)


# Memory.


def test_bars_and_lines_hold_the_memory(model):
    result = memory_length(model, LONGER, level=0.3, **FEW)
    display = MemoryDisplay.from_estimator(model, LONGER, level=0.3, **FEW)
    assert 0 < display.memory_length < 5
    assert_array_equal([bar.get_height() for bar in display.bars_], result.effects)
    x, y = display.line_beyond_.get_data()
    assert_array_equal(x, np.arange(5))
    assert_array_equal(y, result.share_beyond)
    assert_array_equal(display.line_memory_.get_xdata(), result.memory_length - 0.5)
    table = display.to_frame()
    assert table.index.name == "lag"
    assert table.index.tolist() == [0, 1, 2, 3, 4]
    assert_array_equal(table["effect"], result.effects)
    assert_array_equal(table["share_beyond"], result.share_beyond)
    assert display.ax_.get_xlim() == (4.5, -0.5)


# All.


@pytest.fixture(scope="module")
def displays(model, gates, importance):
    memory = MemoryDisplay.from_estimator(model, FRAMES, **FEW)
    return gates, TimestepImportanceDisplay.from_result(importance), memory


def test_they_draw_on_given_axes_and_leave_the_current_ones(displays):
    _, current = plt.subplots()
    for display in displays:
        shape = len(display.axes_) if isinstance(display, GateDisplay) else 1
        figure, ax = plt.subplots(shape)
        plt.sca(current)
        open_before = plt.get_fignums()
        assert display.plot(ax) is display
        drawn_on = getattr(display, "axes_", getattr(display, "ax_", None))
        assert (drawn_on == ax).all() if shape > 1 else drawn_on is ax
        assert display.figure_ is figure
        assert plt.gca() is current
        assert plt.get_fignums() == open_before
        assert not current.has_data()
        display.plot()
        assert display.figure_ is not figure


def test_styles_are_those_given(displays):
    gates, importance, memory = displays
    gates.plot(line_kwargs={"lw": 3}, image_kwargs={"cmap": "magma", "vmax": 2})
    assert gates.artists_["input"][0].get_linewidth() == 3
    (image,) = gates.artists_["input_gate"]
    assert (image.get_cmap().name, image.get_clim()) == ("magma", (0, 2))
    importance.plot(plot_kwargs={"cmap": "magma"})
    assert importance.image_.get_cmap().name == "magma"
    memory.plot(
        bar_kwargs={"alpha": 0.5}, beyond_kwargs={"c": "k"}, memory_kwargs={"ls": ":"}
    )
    assert memory.bars_[0].get_alpha() == 0.5
    assert memory.line_beyond_.get_color() == "k"
    assert memory.line_memory_.get_linestyle() == ":"


def test_what_is_not_installed_is_named(displays, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    monkeypatch.setitem(sys.modules, "pandas", None)
    for display in displays:
        name = type(display).__name__
        with pytest.raises(ImportError, match=rf"{name} needs matplotlib: .*\[plot\]"):
            display.plot()
        with pytest.raises(ImportError, match=r"to_frame needs pandas: .*\[pandas\]"):
            display.to_frame()
