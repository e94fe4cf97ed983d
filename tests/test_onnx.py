"""A graph of ONNX gives what `predict` gives, for any batch and any length."""

import importlib
import sys

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
import torch
from onnxruntime.capi.onnxruntime_pybind11_state import InvalidArgument
from skl2onnx import convert_sklearn, to_onnx
from skl2onnx.common.data_types import (
    DoubleTensorType,
    FloatTensorType,
    StringTensorType,
)
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import StackingRegressor, VotingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

import sklstm.onnx  # noqa: F401
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
from tests._data import message_of

BATCHES = 1, 7, 1000
SMALL = {"hidden_size": 6, "max_epochs": 1, "random_state": 0}


def make_ragged(n, n_timesteps, seed=0):
    """Padded at both ends, with missing values and, in feature 3, ids."""
    rng = np.random.default_rng(seed)
    X = rng.normal(100, 3, size=(n, n_timesteps, 4))
    X[..., 3] = rng.integers(-1, 5, size=(n, n_timesteps))
    X[rng.random(X.shape) < 0.1] = np.nan
    for i, sequence in enumerate(X):
        sequence[: i % 4] = sequence[n_timesteps - i % 3 :] = np.nan
    return X.astype(np.float32)


RAGGED = make_ragged(40, 9)
SERIES = np.random.default_rng(0).normal(size=(150, 3)).cumsum(axis=0)
SERIES = SERIES.astype(np.float32)
ROWS = np.random.default_rng(1).normal(size=(40, 12)).astype(np.float32)
Y = np.random.default_rng(2).normal(50, 10, size=40)


def small(**params):
    return LSTMRegressor(**SMALL | params)


def loud(model):
    """Give the net large weights, so that each part of it is heard."""
    last = model
    while not hasattr(last, "module_"):
        last = last.regressor_ if hasattr(last, "regressor_") else last[-1]
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in last.module_.parameters():
            weight.normal_(0, 0.5, generator=generator)
    return model


def run(graph, X, column=None):
    onnx.checker.check_model(graph, full_check=True)
    session = onnxruntime.InferenceSession(graph.SerializeToString())
    inputs = session.get_inputs()
    if column is None:
        feed = {inputs[0].name: X}
    else:
        feed = {put.name: X[[put.name]].to_numpy() for put in inputs}
    return session.run(None, feed)


def assert_near(actual, expected):
    assert np.ptp(expected) > 1e-3 or len(expected) == 1  # something is told apart
    atol = 1e-5 * max(np.abs(expected).max(), 1)
    np.testing.assert_allclose(
        actual.reshape(expected.shape), expected, rtol=0, atol=atol
    )


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"num_layers": 3},
        {"bidirectional": True},
        {"bidirectional": True, "num_layers": 2, "pooling": "mean"},
        {"pooling": "mean"},
        {"pooling": "max"},
        {"bidirectional": True, "pooling": "max"},
        {"bidirectional": True, "pooling": "last_mean", "num_layers": 2},
        {"frame_size": 2},
        {"frame_size": 4, "bidirectional": True, "pooling": "last_mean"},
        {"frame_size": 20},
        {"standardize": False},
        {"linear_skip": False},
        {"dtype": "float64"},
        {"categorical_features": [3]},
        {"categorical_features": [3], "embedding_size": 2, "frame_size": 3},
        {"static_features": [1]},
        {"static_features": [0, 3], "categorical_features": [3]},
        {"static_features": [3], "categorical_features": [3], "frame_size": 2},
        {"static_features": [3], "categorical_features": [3, 0], "pooling": "max"},
    ],
    ids=str,
)
def test_every_architecture(params):
    X = RAGGED.copy()
    if 0 in params.get("categorical_features", []):
        X[..., 0] = np.round(X[..., 0] / 10)
    model = loud(small(**params).fit(X, Y))
    graph = to_onnx(model, X)
    for n, length in zip(BATCHES, (9, 5, 14), strict=True):
        new = make_ragged(n, length, seed=n)
        if 0 in params.get("categorical_features", []):
            new[..., 0] = np.round(new[..., 0] / 10)
        (y,) = run(graph, new)
        assert y.shape == (n, 1)
        assert_near(y, model.predict(new))


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"n_timesteps": 4},
        {"n_timesteps": "columns", "frame_size": 5},
        {"static_features": [2, 11]},
        {"static_features": [0, 5], "n_timesteps": 5, "pooling": "max"},
    ],
    ids=str,
)
@pytest.mark.parametrize("lacks", [False, True])
def test_rows(params, lacks):
    X = np.tile(ROWS, (25, 1))
    X[::7, 3] = np.nan if lacks else 0.0
    model = loud(small(**params).fit(X[:40], Y))
    graph = to_onnx(model, X)
    for n in BATCHES:
        assert_near(*run(graph, X[:n]), model.predict(X[:n]))


def test_integers_and_double_precision():
    ids = np.random.default_rng(0).integers(0, 9, size=(40, 7, 1))
    model = loud(small(embedding_size=3).fit(ids, Y))
    for X, dtype in (ids, np.float32), (ids.astype(np.int32), np.float32):
        (y,) = run(to_onnx(model, X), X)
        assert y.dtype == dtype
        assert_near(y, model.predict(X))
    with pytest.raises(InvalidArgument, match="out of data bounds"):
        run(to_onnx(model, ids), ids + 100)
    far = RAGGED[..., :3].astype(np.float64) + 1e9  # of which float32 keeps little
    model = loud(small().fit(far, Y))
    (y,) = run(to_onnx(model, far), far)
    assert y.dtype == np.float64
    assert_near(y, model.predict(far))


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize(
    "loss", ["squared_error", "absolute_error", "huber", "quantile", "gaussian"]
)
def test_every_loss(loss, several):
    y = np.column_stack([Y, 100 * Y]) if several else Y
    for quantile in ([0.5], [0.1, 0.4, 0.7]) if loss == "quantile" else [0.5]:
        model = loud(small(loss=loss, quantile=quantile).fit(RAGGED, y))
        for n in BATCHES:
            X = make_ragged(n, 6, seed=n)
            forecast, *others = run(to_onnx(model, RAGGED), X)
            assert_near(forecast, model.predict(X))
            if loss == "quantile":
                assert others[0].shape == model.predict_quantiles(X).shape
                assert_near(*others, model.predict_quantiles(X))
            elif loss == "gaussian":
                assert_near(*others, model.predict(X, return_std=True)[1])
            else:
                assert others == []


@pytest.mark.parametrize(
    "classes", [["no", "yes"], ["ä", "b", "c"], [3, 7, -1], [False, True], [1.0, 2.0]]
)
def test_classifier(classes):
    y = np.resize(classes, 40)
    model = loud(LSTMClassifier(**SMALL).fit(RAGGED, y))
    plain = to_onnx(model, RAGGED, options={"zipmap": False})
    zipped = to_onnx(make_pipeline(model), RAGGED)
    for n in BATCHES:
        X = make_ragged(n, 6, seed=n)
        labels, probabilities = run(plain, X)
        assert labels.tolist() == model.predict(X).tolist()
        assert_near(probabilities, model.predict_proba(X))
        labels, named = run(zipped, X)
        assert labels.tolist() == model.predict(X).tolist()
        assert list(named[0]) == model.classes_.tolist()
        values = np.array([list(each.values()) for each in named])
        assert_near(values, probabilities)


def histories(**params):
    return make_supervised(SERIES, horizon=2, **params)


WINDOWS = SequenceWindower(12)
LAGS = SequenceWindower(8, flatten=True)
BY_COLUMN = ColumnTransformer(
    [("a", StandardScaler(), [2]), ("b", MinMaxScaler(), [0, 1])]
)
PIPELINES = {
    "windows": [WINDOWS, small()],
    "frames": [WINDOWS, small(frame_size=5)],
    "scaled": [StepTransformer(StandardScaler()), WINDOWS, small()],
    "twice": [WINDOWS, StepTransformer(MinMaxScaler()), WINDOWS, small()],
    "by column": [StepTransformer(BY_COLUMN), WINDOWS, small()],
    "lags": [LAGS, Ridge()],
    "anchored": [WINDOWS, AnchoredRegressor(small())],
    "season": [WINDOWS, AnchoredRegressor(small(), period=4)],
    "too short": [WINDOWS, AnchoredRegressor(small(), period=30)],
    "anchored lags": [WINDOWS, AnchoredRegressor(make_pipeline(LAGS, Ridge()))],
    "windows inside": [
        StepTransformer(StandardScaler()),
        AnchoredRegressor(make_pipeline(WINDOWS, small())),
    ],
    "naive": [WINDOWS, NaiveRegressor(period=5)],
}


@pytest.mark.parametrize("name", PIPELINES)
@pytest.mark.filterwarnings("ignore:.*too few for.*period=30")
def test_windows(name):
    X, y = histories()
    model = clone(make_pipeline(*PIPELINES[name])).fit(X, y)
    if name not in ("lags", "anchored lags", "naive"):
        loud(model)
    ends = np.resize(np.arange(len(X)), 1000)
    graph = to_onnx(model, np.zeros((1, 13, 3), np.float32))
    if name != "windows inside":  # of which the anchor takes no rows
        (all_rows,) = run(to_onnx(model, SERIES), SERIES)
    for n in BATCHES:
        expected = model.predict(X[ends[:n]])
        # The whole histories, and those of a window and the row before it.
        for length in (len(SERIES), 13):
            (y_pred,) = run(graph, X[ends[:n]].tail(length).padded())
            assert_near(y_pred, expected)
        if name != "windows inside":
            assert_near(all_rows[ends[:n]], expected)


def test_table():
    y = SERIES.sum(axis=1)
    model = make_pipeline(StandardScaler(), SequenceWindower(6), small())
    loud(model.fit(SERIES, y))
    for kind, dtype in (FloatTensorType, np.float32), (DoubleTensorType, np.float64):
        graph = convert_sklearn(model, initial_types=[("rows", kind([None, None]))])
        for n in (50, 150):
            (y_pred,) = run(graph, SERIES[:n].astype(dtype))
            assert_near(y_pred, model.predict(SERIES[:n]))


def test_rows_that_are_missing_are_no_padding():
    rows = SERIES.copy()
    rows[40:46] = np.nan
    model = loud(
        make_pipeline(SequenceWindower(6), small()).fit(rows, SERIES.sum(axis=1))
    )
    assert_near(*run(to_onnx(model, rows), rows), model.predict(rows))


def test_columns_of_a_dataframe():
    table = pd.DataFrame(SERIES, columns=list("abc"))
    model = make_pipeline(SequenceWindower(6), small()).fit(table, SERIES.sum(axis=1))
    (y,) = run(to_onnx(loud(model), table), table, column=True)
    assert_near(y, model.predict(table))
    X, y = make_supervised(table, target="b")
    steps = ColumnTransformer(
        [("one", StandardScaler(), ["c"]), ("two", MinMaxScaler(), ["a", "b"])]
    )
    model = make_pipeline(StepTransformer(steps), SequenceWindower(6), small())
    loud(model.fit(X, y))
    (y,) = run(to_onnx(model, X.tail(6).padded()), X.tail(6).padded())
    assert_near(y, model.predict(X))
    (y,) = run(to_onnx(model, table), table, column=True)
    assert_near(y[: len(X)], model.predict(X))


@pytest.mark.parametrize("fill", ["edge", 0.5, np.nan])
def test_lag_columns(fill):
    windower = SequenceWindower(6, flatten=True, fill_value=fill).fit(SERIES)
    (flat,) = run(to_onnx(windower, SERIES), SERIES)
    np.testing.assert_array_equal(flat, windower.transform(SERIES))


@pytest.mark.parametrize("y", [Y, np.column_stack([Y, Y**2])])
def test_steps_of_arrays(y):
    steps = make_pipeline(SimpleImputer(), StandardScaler())
    model = loud(make_pipeline(StepTransformer(steps), small()).fit(RAGGED, y))
    for n in BATCHES:
        X = make_ragged(n, 6, seed=n)
        assert_near(*run(to_onnx(model, RAGGED), X), model.predict(X))
    model = make_pipeline(StepTransformer(StandardScaler()), small()).fit(ROWS, y)
    assert_near(*run(to_onnx(loud(model), ROWS), ROWS), model.predict(ROWS))


@pytest.mark.parametrize("loss", ["quantile", "gaussian"])
@pytest.mark.parametrize("horizon", [None, 3])
def test_anchored_distributions(loss, horizon):
    X, y = make_supervised(SERIES[:, 0], horizon=horizon or 1)
    inner = small(loss=loss, quantile=[0.1, 0.5, 0.8])
    anchored = AnchoredRegressor(inner, period=2)
    model = make_pipeline(SequenceWindower(9), anchored)
    loud(model.fit(X, y if horizon else y.ravel()))
    windows = X.tail(10).padded()
    forecast, spread = run(to_onnx(model, windows), windows)
    assert_near(forecast, model.predict(X))
    if loss == "quantile":
        assert_near(spread, anchored.predict_quantiles(X.tail(9)))
    else:
        assert_near(spread, model.predict(X, return_std=True)[1])


@pytest.mark.parametrize("inner", [small(n_timesteps=6), Ridge(), small()])
def test_anchored_arrays(inner):
    level = 0 if getattr(inner, "n_timesteps", None) is None else 1
    model = AnchoredRegressor(inner, feature=level).fit(ROWS, Y)
    assert_near(*run(to_onnx(model, ROWS), ROWS), model.predict(ROWS))
    X = RAGGED[..., :3].copy()
    X[..., 1] = np.where(np.isnan(X).all(axis=2), np.nan, np.nan_to_num(X[..., 1]))
    if not isinstance(inner, Ridge):
        model = loud(AnchoredRegressor(inner, feature=1).fit(X, Y))
        assert_near(*run(to_onnx(model, X), X), model.predict(X))
        X[0, 4, 1] = X[1, 7, 1] = np.nan  # in the last step of sequence 1
        (y,) = run(to_onnx(model, X), X)
        assert np.isnan(y).ravel().nonzero()[0].tolist() == [1]


def test_inside_other_estimators():
    parts = [
        ("lstm", small()),
        ("quantile", small(loss="quantile", quantile=[0.2, 0.6])),
        ("anchored", AnchoredRegressor(small(), feature=0)),
        ("scaled", make_pipeline(StandardScaler(), small(n_timesteps=3))),
    ]
    for model in (
        VotingRegressor(parts),
        StackingRegressor(parts, cv=2),
        GridSearchCV(small(), {"hidden_size": [3, 5]}, cv=2),
    ):
        model.fit(ROWS, Y)
        assert_near(*run(to_onnx(model, ROWS), ROWS), model.predict(ROWS))
    X, y = histories()
    model = make_pipeline(SequenceWindower(6), small())
    search = GridSearchCV(model, {"sequencewindower__sequence_length": [4, 6]}, cv=2)
    search.fit(X, y)
    windows = X.tail(6).padded()
    assert_near(*run(to_onnx(search, windows), windows), search.predict(X))


def test_series_are_read_by_windows():
    X, y = histories()
    model = make_pipeline(WINDOWS, small(unroll="series", linear_skip=False)).fit(X, y)
    loud(model)
    windows = X.tail(12).padded()
    message = message_of(to_onnx, model, windows)
    assert "unroll='series'" in message
    # Arrays do not overlap, and are read one by one.
    lstm = model[-1]
    assert_near(*run(to_onnx(lstm, windows), windows), lstm.predict(windows))
    model.set_params(lstmregressor__unroll="window")
    assert_near(*run(to_onnx(model, windows), windows), model.predict(X))


def with_labels():
    table = pd.DataFrame({"a": SERIES[:, 0], "kind": np.resize(["x", "y"], 150)})
    X, y = make_supervised(table, target="a")
    return make_pipeline(WINDOWS, small()).fit(X, y)


def with_keys(from_table):
    table = pd.DataFrame(SERIES, columns=list("abc"))
    table["series"], table["time"] = np.arange(150) % 2, np.arange(150) // 2
    keys = {"group": "series", "time": "time"}
    if from_table:
        model = make_pipeline(SequenceWindower(5, **keys), small())
        return model.fit(table, SERIES.sum(axis=1))
    X, y = make_supervised(table, target="a", **keys)
    return make_pipeline(SequenceWindower(5), small()).fit(X, y)


def encoded():
    texts = ["ab ba", "b", "a b c"] * 10
    model = make_pipeline(SequenceEncoder(), LSTMClassifier(**SMALL))
    return model.fit(texts, [0, 1, 0] * 10)


def conformal():
    X, y = histories()
    return ConformalRegressor(make_pipeline(WINDOWS, small())).fit(X, y)


STEPS, PAIRS, TABLE = map(
    FloatTensorType, ([None, None, 4], [None, None, 2], [None, None])
)


@pytest.mark.parametrize(
    ("make", "kind", "message"),
    [
        (encoded, StringTensorType([None]), "SequenceEncoder .* texts"),
        (with_labels, PAIRS, "SequenceWindower .* labels, in the features .1."),
        (lambda: with_labels()[-1], PAIRS, "LSTMRegressor .* labels, in the features"),
        (lambda: with_keys(True), TABLE, "the columns of group and time"),
        (lambda: with_keys(False), TABLE, "series and times it has to know: .* 3-D"),
        (conformal, STEPS, "ConformalRegressor .* export its estimator_"),
        (AutoForecaster, STEPS, "AutoForecaster cannot"),
        (small, STEPS, "not fitted"),
        (lambda: small().fit(ROWS, Y), STEPS, "4 features, but .* to 12"),
        (lambda: small().fit(RAGGED, Y), TABLE, "to sequences: .* for 3-D input"),
        (lambda: small().fit(RAGGED, Y), FloatTensorType([None]), r"shape \[None\]"),
        (lambda: small().fit(RAGGED, Y), StringTensorType([None, 4]), "for strings"),
    ],
)
def test_what_has_no_graph_says_why(make, kind, message):
    types = [("X", kind)]
    with pytest.raises(ValueError, match=message) as caught:
        convert_sklearn(make(), initial_types=types)
    assert "\n" not in str(caught.value)


def test_old_opsets_are_refused():
    model = small(pooling="max").fit(RAGGED, Y)
    assert "give 18 or more" in message_of(to_onnx, model, RAGGED, target_opset=17)
    assert_near(
        *run(to_onnx(model, RAGGED, target_opset=18), RAGGED), model.predict(RAGGED)
    )


def test_without_skl2onnx_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "skl2onnx", None)
    monkeypatch.delitem(sys.modules, "sklstm.onnx")
    with pytest.raises(ImportError, match=r"pip install 'sklstm\[onnx\]'"):
        importlib.import_module("sklstm.onnx")
