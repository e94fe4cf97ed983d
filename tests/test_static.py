"""Static features: read once, at the head, and by the line."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import RidgeCV

from sklstm import LSTMClassifier, LSTMRegressor, Sequences, make_supervised
from sklstm._net._line import PENALTIES
from sklstm.forecasting import AnchoredRegressor
from tests._data import message_of, outputs

RNG = np.random.RandomState(0)
N = 30
STEPS = RNG.normal(size=(N, 6, 3))
STEPS[..., 1] = RNG.normal(size=N)[:, None] * 3 + 5
Y = STEPS[:, -1, 0] + STEPS[:, 0, 1]
LABELS = np.where(np.median(Y) < Y, "high", "low")


@pytest.fixture(params=[LSTMRegressor, LSTMClassifier])
def make(request):
    def made(**params):
        small = {"hidden_size": 4, "max_epochs": 3, "random_state": 0}
        return request.param(**small | {"static_features": [1]} | params)

    made.y = Y if request.param is LSTMRegressor else LABELS
    return made


@pytest.mark.parametrize("frame_size", [1, 2, 4])
def test_the_head_reads_them_beside_what_the_lstm_has_read(frame_size):
    params = {"linear_skip": False, "dropout": 0.0, "standardize": False}
    model = LSTMRegressor(4, static_features=[1], frame_size=frame_size, **params)
    model.set_params(max_epochs=3, dtype="float64", random_state=0).fit(STEPS, Y)
    module = model.module_
    n_before = -6 % frame_size
    read = STEPS[:, [0] * n_before + list(range(6))][..., [0, 2]]
    frames = torch.tensor(read.reshape(N, -1, 2 * frame_size))
    with torch.no_grad():
        hidden = module.lstm(frames.transpose(0, 1))[0][-1]
        fed = torch.cat([hidden, torch.tensor(STEPS[:, -1, [1]])], dim=1)
        expected = module.head(fed).ravel()
    assert_allclose(model.predict(STEPS), expected, rtol=1e-9)


def test_only_the_last_step_of_them_is_read(make):
    model = make().fit(STEPS, make.y)
    other = STEPS.copy()
    other[:, :-1, 1] = 7.0
    assert_array_equal(outputs(model, other), outputs(model, STEPS))
    other[:, -1, 1] += 1.0
    assert not np.allclose(outputs(model, other), outputs(model, STEPS))


def test_the_line_reads_them_once():
    still = {"max_epochs": 1, "learning_rate": 1e-12, "dtype": "float64"}
    model = LSTMRegressor(4, static_features=[1], frame_size=1, **still).fit(STEPS, Y)
    scaled = model.scaler_.transform(STEPS.reshape(-1, 3)).reshape(STEPS.shape)
    columns = np.column_stack([scaled[..., [0, 2]].reshape(N, -1), scaled[:, -1, 1]])
    y = (Y - Y.mean()) / Y.std()
    line = RidgeCV(N * PENALTIES).fit(columns, y)
    expected = line.predict(columns) * Y.std() + Y.mean()
    assert_allclose(model.predict(STEPS), expected, rtol=1e-6)
    assert model.module_.skip.in_features == 13


@pytest.mark.parametrize("container", [np.asarray, pd.DataFrame])
def test_columns_of_a_table_are_a_feature_of_each_step(make, container):
    table = np.insert(STEPS[..., 0], 2, STEPS[:, 0, 1], axis=1)  # (n, 7), column 2
    if container is pd.DataFrame:
        table = pd.DataFrame(table).rename(columns="c{}".format)
    static = ["c2"] if container is pd.DataFrame else [2]
    model = make(static_features=static, n_timesteps=6).fit(table, make.y)
    same = make(static_features=[1]).fit(STEPS[..., :2], make.y)
    assert_array_equal(outputs(model, table), outputs(same, STEPS[..., :2]))
    assert model.n_features_in_ == 7
    again = pickle.loads(pickle.dumps(model))
    assert_array_equal(outputs(again, table[:3]), outputs(model, table)[:3])
    if container is np.asarray:
        assert "X has 6 features, but" in message_of(model.predict, table[:, :6])


def test_a_table_with_several_features_in_a_step(make):
    table = np.column_stack([STEPS[..., [0, 2]].reshape(N, 12), STEPS[:, 0, 1]])
    model = make(static_features=[12], n_timesteps=6).fit(table, make.y)
    X = STEPS[..., [0, 2, 1]]
    same = make(static_features=[2]).fit(X, make.y)
    assert_array_equal(outputs(model, table), outputs(same, X))


def test_labels_are_looked_up_at_the_head(make):
    kinds = np.array(["x", "y", "z"])[np.arange(N) % 3]
    table = pd.DataFrame(STEPS[..., 0]).rename(columns="c{}".format).assign(kind=kinds)
    params = {"static_features": ["kind"], "n_timesteps": 6}
    model = make(**params).fit(table, make.y)
    (embedding,) = model.module_.embeddings
    assert model.module_.lstm.input_size == 1
    assert embedding.weight.shape[0] == 4
    changed = table.assign(kind="x")
    is_same = outputs(model, changed) == outputs(model, table)
    assert_array_equal(is_same.reshape(N, -1).all(axis=1), kinds == "x")
    ids = np.dstack([STEPS[..., 0], np.repeat(np.arange(N)[:, None] % 3, 6, axis=1)])
    by_hand = make(static_features=[1], categorical_features=[1]).fit(ids, make.y)
    assert_array_equal(outputs(by_hand, ids), outputs(model, table))


@pytest.mark.parametrize(
    "static", [["age", 6], ["age", "age"], [*[False] * 6, True], np.arange(7) == 6]
)
def test_the_same_columns_in_other_words(make, static):
    table = pd.DataFrame(STEPS[..., 0]).rename(columns="c{}".format)
    table["age"] = STEPS[:, 0, 1]
    by_name = make(static_features=["age"], n_timesteps=6).fit(table, make.y)
    model = make(static_features=static, n_timesteps=6).fit(table, make.y)
    assert_array_equal(outputs(model, table), outputs(by_name, table))


def test_rows_as_lists_are_a_table(make):
    table = np.column_stack([STEPS[..., 0], STEPS[:, 0, 1]])
    params = {"static_features": [6], "n_timesteps": 6}
    model = make(**params).fit(table.tolist(), make.y)
    same = make(**params).fit(table, make.y)
    assert_array_equal(outputs(model, table.tolist()), outputs(same, table))


def test_a_mask_of_features(make):
    by_position = make(static_features=[1]).fit(STEPS, make.y)
    model = make(static_features=[False, True, False]).fit(STEPS, make.y)
    assert_array_equal(outputs(model, STEPS), outputs(by_position, STEPS))


@pytest.mark.parametrize("X", [STEPS, STEPS[..., 0]])
def test_no_feature_need_be_static(make, X):
    none = make(static_features=None).fit(X, make.y)
    model = make(static_features=[]).fit(X, make.y)
    assert_array_equal(outputs(model, X), outputs(none, X))


def test_static_ids_leave_frames_and_warps(make):
    kinds = np.array(["x", "y", "z"])[np.arange(N) % 3]
    table = pd.DataFrame(np.tile(STEPS[..., 0], 8)).rename(columns="c{}".format)
    table["kind"] = kinds
    params = {"static_features": ["kind"], "n_timesteps": "columns"}
    model = make(**params).fit(table, make.y)
    assert model.module_.lstm.input_size == 4
    if make.y is LABELS:
        still = make(**params, time_warp=0.0).fit(table, make.y)
        assert not np.array_equal(outputs(model, table), outputs(still, table))


def test_missing_ones_have_a_mark_at_the_head(make):
    X = STEPS.copy()
    X[::3, :, 1] = np.nan
    X[1, 2, 0] = np.nan
    model = make().fit(X, make.y)
    assert model.module_.lstm.input_size == 3  # two numbers and a mark
    assert model.module_.of_sequence.tolist() == [1, 4]
    assert np.isfinite(outputs(model, X)).all()


@pytest.mark.parametrize("unroll", ["window", "series"])
def test_windows_of_a_panel(unroll):
    table = pd.DataFrame({"id": np.repeat([0, 1], 40), "load": RNG.normal(size=80)})
    table["age"] = table["id"] * 10.0 + 3
    X, y = make_supervised(table, target="load", group="id")
    X = X.tail(5)
    model = LSTMRegressor(4, static_features=["age"], unroll=unroll, max_epochs=2)
    model.fit(X, y)
    before = model.predict(X)
    assert_allclose(model.predict(X[::-1])[::-1], before, rtol=1e-5)
    assert model.module_.lstm.input_size == 1
    message = message_of(model.set_params(static_features=["ages"]).fit, X, y)
    assert "static_features='ages' is not in X, which has features" in message


@pytest.mark.parametrize(
    ("static", "text"),
    [
        ([0, 1, 2], "which leaves none for the LSTM to read"),
        ([3], "static_features=3 is not in X"),
        ([[1]], "give a list of positions or names"),
        ([True, False], "a mask of 2 values, but X has 3 features"),
        (["age"], "static_features='age' is not in X"),
    ],
)
def test_what_cannot_be_is_told(make, static, text):
    assert text in message_of(make(static_features=static).fit, STEPS, make.y)


def test_another_set_cannot_go_on(make):
    model = make(warm_start=True).fit(STEPS, make.y)
    message = message_of(model.set_params(static_features=[2]).fit, STEPS, make.y)
    assert "static_features was [1] when the net was built and is now [2]" in message


def test_other_columns_cannot_be_read(make):
    table = np.column_stack([STEPS[..., 0], STEPS[:, 0, 1]])
    params = {"static_features": [6], "n_timesteps": 6}
    model = make(**params, warm_start=True).fit(table, make.y)
    model.set_params(static_features=[0])
    assert "columns [0] of X, and were [6]" in message_of(model.predict, table)
    assert "columns [0] of X, and were [6]" in message_of(model.fit, table, make.y)


def test_anchors_read_sequences_only():
    table = np.column_stack([STEPS[..., 0], STEPS[:, 0, 1]])
    inner = LSTMRegressor(4, static_features=[6], max_epochs=2)
    AnchoredRegressor(LSTMRegressor(4, static_features=[], max_epochs=2)).fit(table, Y)
    message = message_of(AnchoredRegressor(inner).fit, table, Y)
    assert "static_features of the regressor: give sequences" in message
    inner.set_params(static_features=[1])
    X = Sequences(STEPS.reshape(-1, 3), np.arange(N) * 6, np.full(N, 6))
    model = AnchoredRegressor(inner, feature=0).fit(X, Y)
    assert np.isfinite(model.predict(X)).all()
