"""A stream returns, row by row, what `predict` does for the rows so far."""

import copy
import pickle
import subprocess
import sys
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from sklstm import (
    LSTMClassifier,
    LSTMRegressor,
    SequenceWindower,
    StepTransformer,
    make_histories,
    make_supervised,
)
from sklstm.forecasting import (
    AnchoredRegressor,
    AutoForecaster,
    ConformalRegressor,
    NaiveRegressor,
)
from sklstm.streaming import Stream

RNG = np.random.default_rng(0)
TABLE = np.column_stack([np.cumsum(RNG.normal(size=150)), RNG.normal(size=150)])
X, Y = make_supervised(TABLE[:120], horizon=2, target=0)
RAGGED = [RNG.normal(size=(n, 2)) for n in RNG.integers(1, 60, size=40)]
SUMS = np.array([x[:, 0].sum() for x in RAGGED])
SMALL = {"hidden_size": 6, "max_epochs": 2, "random_state": 0}
pytestmark = pytest.mark.filterwarnings("ignore:.* windows have fewer than")


def regressor(**params):
    return LSTMRegressor(**SMALL | params)


def stream_rows(model, rows, method="predict"):
    stream = Stream(model, method=method)
    return np.array([stream.step(row) for row in rows])


@pytest.mark.parametrize("unroll", ["window", "series"])
@pytest.mark.parametrize(
    "make",
    [
        lambda lstm: make_pipeline(SequenceWindower(12), lstm),
        lambda lstm: make_pipeline(SequenceWindower(1), lstm),
        lambda lstm: make_pipeline(SequenceWindower(40), SequenceWindower(33), lstm),
        lambda lstm: make_pipeline(
            StepTransformer(StandardScaler()),
            "passthrough",
            SequenceWindower(12),
            StepTransformer(StandardScaler()),
            lstm.set_params(num_layers=2, frame_size=1),
        ),
        lambda lstm: make_pipeline(
            SequenceWindower(12), AnchoredRegressor(lstm, period=5)
        ),
        lambda lstm: make_pipeline(
            SequenceWindower(60),
            AnchoredRegressor(make_pipeline(SequenceWindower(12), lstm), period=17),
        ),
    ],
    ids=["12", "1", "twice", "scaled", "anchored", "anchored outside"],
)
def test_windows_of_a_series(make, unroll):
    model = make(regressor(unroll=unroll)).fit(X, Y)
    expected = [model.predict(TABLE[: i + 1])[-1] for i in range(100)]
    answers = stream_rows(model, TABLE[:100])
    assert answers.shape == (100, 2)
    if unroll == "window":  # the same windows, read in the same way
        assert_array_equal(answers, expected)
    else:
        assert_allclose(answers, expected, atol=1e-5)


@pytest.mark.parametrize("frame_size", [1, 3, "auto"])
@pytest.mark.parametrize("pooling", ["last", "mean", "max", "last_mean"])
def test_whole_sequences(pooling, frame_size):
    params = {"pooling": pooling, "frame_size": frame_size}
    model = regressor(num_layers=2, **params).fit(RAGGED, SUMS)
    rows = TABLE[:70]
    expected = [model.predict([rows[: i + 1]])[0] for i in range(70)]
    assert_allclose(stream_rows(model, rows), expected, atol=1e-5)
    model = LSTMClassifier(bidirectional=False, **params, **SMALL).fit(RAGGED, SUMS > 0)
    expected = [model.predict_proba([rows[: i + 1]])[0] for i in range(70)]
    assert_allclose(stream_rows(model, rows, "predict_proba"), expected, atol=1e-5)
    labels = [model.predict([rows[: i + 1]])[0] for i in range(70)]
    assert_array_equal(stream_rows(model, rows), labels)


def test_whole_histories():
    model = regressor(unroll="series", linear_skip=False).fit(X, Y)
    expected = model.predict(make_histories(TABLE))
    assert_allclose(stream_rows(model, TABLE), expected, atol=1e-5)


@pytest.mark.filterwarnings("ignore:X has labels in the features")
@pytest.mark.parametrize("unroll", ["window", "series"])
def test_missing_values_ids_and_labels(unroll):
    table = pd.DataFrame(TABLE, columns=["x", "y"])
    table["kind"] = np.array(["a", "b", "c"])[np.arange(150) % 3]
    table.loc[::7, "y"] = np.nan
    X, y = make_supervised(table[:120], target="x")
    model = make_pipeline(SequenceWindower(12), regressor(unroll=unroll)).fit(X, y)
    table.loc[130, "kind"] = "never seen"
    rows = table.to_numpy(dtype=object)
    expected = model.predict(make_histories(table))
    assert_allclose(stream_rows(model, rows), expected, atol=1e-5)
    ids = np.column_stack([TABLE[:, 0], np.arange(150) % 4])
    X, y = make_supervised(ids[:120], target=0)
    lstm = regressor(unroll=unroll, categorical_features=[1], embedding_size=2)
    model = make_pipeline(SequenceWindower(12), lstm).fit(X, y)
    assert_allclose(
        stream_rows(model, ids), model.predict(make_histories(ids)), atol=1e-5
    )
    stream = Stream(model)
    with pytest.raises(ValueError, match=r"contains the id 4: sequence 0, step 0"):
        stream.step([0.5, 4])


def test_static_features():
    rows = np.column_stack([TABLE, np.full(150, 2.0)])
    arrays = [np.column_stack([x, np.full(len(x), x[0, 1])]) for x in RAGGED]
    model = regressor(static_features=[2]).fit(arrays, SUMS)
    expected = [model.predict([rows[: i + 1]])[0] for i in range(50)]
    assert_allclose(stream_rows(model, rows[:50]), expected, atol=1e-5)


def test_rows_with_names_behind_a_scaler():
    table = pd.DataFrame(TABLE, columns=["x", "y"])
    model = make_pipeline(
        StandardScaler().set_output(transform="pandas"),
        SequenceWindower(12),
        regressor(),
    )
    model.fit(table[:119], TABLE[1:120, 0])
    expected = model.predict(table)
    assert_array_equal(stream_rows(model, TABLE), expected)
    stream = Stream(model)
    assert stream.step(table.iloc[0]) == expected[0]
    assert stream.step(table.iloc[[1]]) == expected[1]
    for row in table[["y", "x"]].iloc[2], table[["y", "x"]].iloc[[2]]:
        with pytest.raises(ValueError, match=r"rows has the columns \['y', 'x'\]"):
            stream.step(row)


def test_quantiles_intervals_and_searches():
    quantiles = make_pipeline(
        SequenceWindower(12),
        AnchoredRegressor(regressor(loss="quantile", quantile=[0.1, 0.9])),
    ).fit(X, Y)
    histories = make_histories(TABLE)
    assert_array_equal(
        stream_rows(quantiles, TABLE, "predict_quantiles"),
        quantiles[-1].predict_quantiles(quantiles[:-1].transform(histories)),
    )
    search = GridSearchCV(
        ConformalRegressor(make_pipeline(SequenceWindower(12), regressor())),
        {"coverage": [0.6]},
        cv=TimeSeriesSplit(2),
    ).fit(X, Y)
    assert_array_equal(stream_rows(search, TABLE), search.predict(histories))


def conformal(model):
    return ConformalRegressor(model, coverage=0.8)


RECIPE = AutoForecaster(max_epochs=2, period=[7], random_state=0)
NAIVE = make_pipeline(
    StepTransformer(StandardScaler()),
    SequenceWindower(20),
    conformal(NaiveRegressor(3)),
)
ANCHORED = AnchoredRegressor(NaiveRegressor(feature=0))


INTERVALS = conformal(make_pipeline(SequenceWindower(12), regressor()))


@pytest.mark.parametrize(
    ("model", "method"),
    [
        (RECIPE, "predict"),
        (RECIPE, "predict_interval"),
        (INTERVALS, "predict_interval"),
        (NAIVE, "predict"),
        (NAIVE, "predict_interval"),
        (make_pipeline(SequenceWindower(12), ANCHORED), "predict"),
    ],
    ids=["recipe", "its intervals", "intervals", "naive", "its own", "anchored"],
)
def test_models_that_are_given_windows(model, method):
    model = clone(model).fit(X, Y)
    inputs, final = (
        (model[:-1], model[-1]) if hasattr(model, "steps") else (None, model)
    )

    def ask(X):
        return getattr(final, method)(X if inputs is None else inputs.transform(X))

    close = partial(assert_allclose, rtol=1e-12)
    close(stream_rows(model, TABLE, method), ask(make_histories(TABLE)))
    # Three streams, of which the second begins later and one is begun anew.
    stream, seen = Stream(model, method=method), []
    for t in range(40):
        if t == 25:
            stream.reset(["a"])
        keys = ["a", "b"] if t >= 10 else ["a"]
        seen.append(stream.step([TABLE[t], TABLE[t]][: len(keys)], keys))
    parts = ask(make_histories(TABLE[25:40])), ask(make_histories(TABLE[10:40]))
    close([row[0] for row in seen[25:]], parts[0])
    close([row[1] for row in seen[10:]], parts[1])
    other = Stream(model, method=method)
    other.set_state(stream.get_state())
    rows = [TABLE[40], TABLE[41]]
    assert_array_equal(other.step(rows, ["b", "c"]), stream.step(rows, ["b", "c"]))
    for bad in ([0.0], [0.0, "x"]):
        with pytest.raises(
            (ValueError, TypeError), match=r"has 1 feature|numbers|float"
        ):
            other.step([bad], ["b"])


@pytest.mark.filterwarnings("ignore:AutoForecaster uses")
def test_a_recipe_with_labels():
    frame = pd.DataFrame({"load": TABLE[:, 0], "day": np.resize(list("abc"), 150)})
    X, y = make_supervised(frame[:120], target="load")
    model = clone(RECIPE).fit(X, y)
    stream = Stream(model)
    answers = [stream.step(row) for _, row in frame.iterrows()]
    assert_allclose(answers, model.predict(make_histories(frame)), rtol=1e-12)
    with pytest.raises(ValueError, match="rows has the columns"):
        stream.step(frame.iloc[0][::-1])


def coded_frame():
    frame = pd.DataFrame(TABLE, columns=["x", "y"])
    codes, words = np.resize([1, 2, 3], 150), np.resize(list("abcd"), 150)
    return frame.assign(code=pd.Categorical(codes), word=words)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda model: model,
        lambda model: ConformalRegressor(model),
        lambda model: ConformalRegressor(AnchoredRegressor(model)),
        lambda model: ConformalRegressor(
            GridSearchCV(model, {"lstmregressor__hidden_size": [3]}, cv=2)
        ),
    ],
    ids=["net", "intervals", "of levels", "of a search"],
)
def test_labels_that_are_numbers_beside_words(wrap):
    """A list of both keeps its numbers, which numpy would turn into strings."""
    frame = coded_frame()
    model = wrap(make_pipeline(SequenceWindower(12), regressor()))
    model.fit(*make_supervised(frame[:120], target="x"))
    method = "predict_interval" if hasattr(model, "coverage") else "predict"
    expected = getattr(model, method)(make_histories(frame))
    for rows in (
        frame.itertuples(index=False),
        map(list, frame.to_numpy(dtype=object)),
        (row for _, row in frame.iterrows()),
    ):
        assert_allclose(stream_rows(model, rows, method), expected, rtol=1e-12)


def test_numbers_beside_words_behind_an_encoder():
    frame = coded_frame()
    encoder = make_column_transformer(
        (StandardScaler(), ["x", "y"]), (OneHotEncoder(), ["code", "word"])
    )
    model = make_pipeline(encoder, SequenceWindower(12), regressor())
    model.fit(frame[:119], TABLE[1:120, 0])
    rows = [list(row) for row in frame.itertuples(index=False)]
    assert_array_equal(stream_rows(model, rows), model.predict(frame))


def test_missing_values_of_pandas():
    frame = pd.DataFrame(TABLE, columns=["x", "y"]).convert_dtypes()
    frame.loc[::7, "y"] = pd.NA
    model = make_pipeline(SequenceWindower(12), regressor())
    model.fit(*make_supervised(frame[:120], target="x"))
    rows = [row for _, row in frame.iterrows()]
    expected = model.predict(make_histories(frame))
    assert_array_equal(stream_rows(model, rows), expected)


def test_rows_that_are_no_numbers_are_refused():
    stream = Stream(make_pipeline(SequenceWindower(12), regressor()).fit(X, Y))
    for row in (
        ["1", 2.0],
        np.array(["1", "2"]),
        np.array(["2020-01-01"] * 2, dtype="datetime64[ns]"),
        np.array([1, 2], dtype="timedelta64[s]"),
        np.array([np.timedelta64(1, "s"), 2.0], dtype=object),
        np.array([1j, 2.0]),
    ):
        with pytest.raises(TypeError, match="rows cannot be read as an array of num"):
            stream.step(row)
    with pytest.raises(ValueError, match=r"no whole numbers above 2..53 apart"):
        stream.step([2**53 + 1, 0])
    assert stream.n_steps_.size == 0


def test_each_row_of_a_list_has_the_columns_in_order():
    frame = pd.DataFrame(TABLE, columns=["x", "y"])
    model = make_pipeline(SequenceWindower(12), regressor())
    stream = Stream(model.fit(*make_supervised(frame, target="x")))
    rows = [frame.iloc[0], frame.iloc[1][["y", "x"]]]
    with pytest.raises(ValueError, match=r"rows has the columns \['y', 'x'\]"):
        stream.step(rows, keys=["a", "b"])


def test_names_that_a_scaler_has_made_are_not_those_of_rows():
    scaler = StandardScaler().set_output(transform="pandas")
    model = make_pipeline(scaler, SequenceWindower(12), regressor())
    expected = model.fit(TABLE, TABLE[:, 0]).predict(TABLE)
    rows = [row for _, row in pd.DataFrame(TABLE, columns=["x", "y"]).iterrows()]
    assert_array_equal(stream_rows(model, rows), expected)


def test_keys_that_name_no_stream():
    stream = Stream(make_pipeline(SequenceWindower(12), regressor()).fit(X, Y))
    for keys, text in [
        ("ab", "keys is of type str"),
        (pd.DataFrame({0: ["a"], 1: ["b"]}), "keys is of type DataFrame"),
        (np.array([[1], [2]]), "keys is of type ndarray; expected a list"),
        (np.array([1.0, np.nan]), r"keys has np.float64\(nan\), which names no stream"),
        ([None, 1], "keys has None"),
        ([["a"], ["b"]], "keys cannot be read as a list of labels"),
        ([], "2 row.s. and 0 different key"),
    ]:
        with pytest.raises((TypeError, ValueError), match=text):
            stream.step(TABLE[:2], keys=keys)
    with pytest.raises(ValueError, match=r"0 row\(s\) and 0 different key"):
        stream.step(TABLE[:0], keys=[])
    stream.step(TABLE[:2], keys=["a", ("b", 1)])
    with pytest.raises(ValueError, match="keys has 'c', of which no row"):
        stream.reset(["a", "c"])
    assert stream.n_steps_.tolist() == [1, 1]


def test_a_model_that_fails_moves_nothing():
    model = make_pipeline(SequenceWindower(12), conformal(NaiveRegressor())).fit(X, Y)
    stream = Stream(model)
    with pytest.raises(ValueError, match="infinity"):
        stream.step([[np.inf, 0.0]], keys=["a"])
    assert stream.keys_ == []


@pytest.mark.parametrize("keys", [None, ["a"]])
@pytest.mark.parametrize(
    "go_on", [copy.deepcopy, lambda s: pickle.loads(pickle.dumps(s))]
)
def test_copies_go_on_by_themselves(go_on, keys):
    model = make_pipeline(StandardScaler(), SequenceWindower(12), regressor())
    expected = model.fit(TABLE, TABLE[:, 0]).predict(TABLE[:40])
    stream = Stream(model)
    for row in TABLE[:20]:
        stream.step([row], keys)
    other = go_on(stream)
    assert other.keys_ == stream.keys_
    for each in other, stream:
        each.update()
        answers = [each.step([row], keys) for row in TABLE[20:40]]
        assert_array_equal(np.ravel(answers), expected[20:])


@pytest.mark.parametrize("unroll", ["window", "series"])
def test_many_streams_are_those_of_one(unroll):
    model = make_pipeline(
        SequenceWindower(12), AnchoredRegressor(regressor(unroll=unroll), period=3)
    ).fit(X, Y)
    tables = RNG.normal(size=(5, 60, 2))
    expected = [stream_rows(model, table) for table in tables]
    stream, counts, answers = Stream(model), [0] * 5, [[] for _ in range(5)]
    while min(counts) < 60:  # some of them, in any order
        chosen = RNG.permutation([k for k in range(5) if counts[k] < 60])
        chosen = chosen[: RNG.integers(1, len(chosen) + 1)]
        rows = [tables[k, counts[k]] for k in chosen]
        made = stream.step(rows, keys=[f"s{k}" for k in chosen])
        for k, answer in zip(chosen, made, strict=True):
            answers[k].append(answer)
            counts[k] += 1
    assert_allclose(answers, expected, atol=1e-5)
    assert {*stream.keys_} == {f"s{k}" for k in range(5)}
    assert stream.n_steps_.tolist() == [60] * 5
    stream.reset(["s1", "s3"])
    assert {*stream.keys_} == {"s0", "s2", "s4"}
    with pytest.raises(ValueError, match="of which no row has been seen"):
        stream.reset(["s3"])
    again = [stream.step([row], keys=["s3"])[0] for row in tables[3]]
    assert_allclose(again, expected[3], atol=1e-5)
    # Those that stay go on, and what others have left is taken by new ones.
    size = len(stream.get_state()["n_steps"])
    for i in range(20):
        fresh = stream.step([tables[2, 0]], keys=[f"new{i}"])
        assert_allclose(fresh, expected[2][:1], atol=1e-5)
        stream.reset([f"new{i}"])
    assert len(stream.get_state()["n_steps"]) == size
    assert len(stream._counts) <= 2 * size
    other = Stream(model)
    for row in tables[0]:
        other.step(row)
    went_on = stream.step([TABLE[100]], keys=["s0"])
    assert_allclose(went_on, [other.step(TABLE[100])], atol=1e-5)
    stream.reset()
    assert_allclose(stream.step(tables[2, 0]), expected[2][0], atol=1e-5)


GO_ON = """
import pickle, sys
import numpy as np
model, state, rows = pickle.load(open(sys.argv[1], "rb"))
from sklstm.streaming import Stream
stream = Stream(model)
stream.set_state(state)
np.save(sys.argv[2], [stream.step(row) for row in rows])
"""


@pytest.mark.parametrize("unroll", ["window", "series"])
def test_a_state_goes_on_in_another_process(unroll, tmp_path):
    model = make_pipeline(
        StepTransformer(StandardScaler()),
        SequenceWindower(12),
        AnchoredRegressor(regressor(unroll=unroll, pooling="last")),
    ).fit(X, Y)
    expected = stream_rows(model, TABLE)
    stream = Stream(model)
    for row in TABLE[:47]:
        stream.step(row)
    state = stream.get_state()
    arrays = {*state} - {"keys", "model"}
    assert all(isinstance(state[name], np.ndarray) for name in arrays)
    stream.step(TABLE[0])  # changes nothing of what was returned
    path, result = tmp_path / "all.pkl", tmp_path / "answers.npy"
    path.write_bytes(pickle.dumps((model, state, TABLE[47:])))
    command = [sys.executable, "-W", "ignore", "-c", GO_ON, path, result]
    subprocess.run(command, check=True, timeout=60)
    assert_array_equal(np.load(result), expected[47:])
    keyed = Stream(model)
    keyed.step(TABLE[:2], keys=["a", "b"])
    other = Stream(model)
    other.set_state(keyed.get_state())
    assert other.keys_ == ["a", "b"]
    assert_array_equal(
        other.step(TABLE[2:4], keys=["b", "c"]), keyed.step(TABLE[2:4], ["b", "c"])
    )


def test_states_of_other_models_are_refused():
    one, two = (
        make_pipeline(SequenceWindower(n), regressor(unroll="series")).fit(X, Y)
        for n in (12, 40)
    )
    stream = Stream(one)
    stream.step(TABLE[0])
    state = stream.get_state()
    for model, wrong in [
        (two, state),
        (clone(one).fit(*make_supervised(2 * TABLE, 2, 0)), state),
        (one, {"keys": None}),
        (one, state | {"n_steps": np.array([1, 1])}),
        (one, state | {"keys": ["a", "a"], "n_steps": np.array([1, 1])}),
    ]:
        with pytest.raises(ValueError, match="state is not of a stream of this model"):
            Stream(model).set_state(wrong)
    with pytest.raises(ValueError, match="steps_0 of state is of shape"):
        Stream(one).set_state(state | {"steps_0": np.zeros((1, 2, 2))})
    scaled = make_pipeline(
        StandardScaler(), SequenceWindower(12), regressor(standardize=False)
    )
    stream = Stream(scaled.fit(TABLE, TABLE[:, 0]))
    other = Stream(clone(scaled).fit(TABLE[:90], TABLE[:90, 0]))
    with pytest.raises(ValueError, match="state is not of a stream of this model"):
        other.set_state(stream.get_state())


@pytest.mark.parametrize("unroll", ["window", "series"])
def test_a_model_that_learns_on(unroll):
    model = make_pipeline(SequenceWindower(12), regressor(unroll=unroll)).fit(X, Y)
    stream = Stream(model)
    for row in TABLE[:60]:
        stream.step(row)
    before = stream.get_state()["steps_0"]
    windows = model[:-1].transform(X)
    model[-1].partial_fit(windows, -Y)
    stream.update()
    assert_array_equal(stream.get_state()["steps_0"], before)
    answers = np.array([stream.step(row) for row in TABLE[60:]])
    expected = [model.predict(TABLE[: i + 1])[-1] for i in range(60, 150)]
    # The cells remember what they read with the weights before, for two chunks.
    n_old = 0 if unroll == "window" else 64
    assert_allclose(answers[n_old:], expected[n_old:], atol=1e-5)
    model.fit(*make_supervised(2 * TABLE[:90], horizon=2, target=0))
    n_before = stream.n_steps_
    with pytest.raises(ValueError, match="was fitted anew since this stream"):
        stream.update()
    assert_array_equal(stream.n_steps_, n_before)
    assert_array_equal(stream.step(TABLE[0]).shape, (2,))  # goes on as it was


def whole(Estimator=LSTMRegressor, **params):
    """A net that reads series as a whole, in double precision."""
    plain = {"linear_skip": False} if Estimator is LSTMRegressor else {}
    plain |= {"bidirectional": False, "pooling": "last", "dropout": 0.0}
    kept = {"unroll": "series", "dtype": "float64", "batch_size": 10_000}
    return Estimator(**SMALL | plain | kept | params)


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"optimizer": "sgd", "learning_rate": 0.1},
        # So little that nothing is dropped: layers are then read one by one.
        {"num_layers": 2, "dropout": 1e-15, "standardize": False},
    ],
    ids=["adam", "sgd", "by layer"],
)
@pytest.mark.parametrize("n_streams", [None, 3])
def test_learning_from_the_carried_state(n_streams, params):
    """Beside truncated back-propagation through time by hand."""
    model = whole(max_grad_norm=0.02, **params).fit(X, Y[:, 0])
    stream = Stream(model)
    shape = (40,) if n_streams is None else (40, n_streams)
    rows, y = RNG.normal(size=(*shape, 2)), RNG.normal(size=shape)
    keys = None if n_streams is None else ["a", "b", "c"]
    twin = copy.deepcopy(model.module_).train()
    kinds = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}
    optimizer = kinds[model.optimizer](twin.parameters(), lr=model.learning_rate)
    state = optimizer.state_dict()
    state["state"] = copy.deepcopy(model.net_.optimizer_.state_dict()["state"])
    optimizer.load_state_dict(state)
    scale, target = model.scaler_, model.target_scaler_
    # The streams have unequal pasts: "c" begins with what is learned from.
    carried = torch.zeros(2, model.num_layers, n_streams or 1, model.hidden_size)
    carried = carried.double()
    if keys:
        for row in TABLE[:7]:
            stream.step([row, row + 1], keys[:2])
        past = np.stack([TABLE[:7], TABLE[:7] + 1], axis=1)
        past = past if scale is None else (past - scale.mean_) / scale.scale_
        with torch.no_grad():
            _, (hidden, cell) = twin.lstm(torch.tensor(past))
        carried[0, :, :2], carried[1, :, :2] = hidden, cell
    for part in np.split(np.arange(40), [1, 15, 25]):
        x, z = rows[part].reshape(len(part), -1, 2), y[part].reshape(len(part), -1, 1)
        if scale is not None:
            x = (x - scale.mean_) / scale.scale_
            z = (z - target.mean_) / target.scale_
        x, z = torch.tensor(x), torch.tensor(z)
        for _ in range(2):
            before = stream.get_state()
            stream.partial_fit(rows[part], y[part], keys)
            optimizer.zero_grad()
            loss = (twin.head(twin.lstm(x, tuple(carried))[0]) - z).square().mean()
            loss.backward()
            norm = torch.nn.utils.clip_grad_norm_(twin.parameters(), 0.02)
            assert norm > 0.02
            optimizer.step()
            assert model.loss_curve_[-1] == pytest.approx(loss.item())
            stream.set_state(before)  # once more from the same state
        for name, weight in model.module_.state_dict().items():
            assert_allclose(weight, twin.state_dict()[name], atol=1e-12)
        for each in rows[part]:
            last = stream.step(each, keys)
        with torch.no_grad():
            hidden, carried = twin.lstm(x, tuple(carried))
            expected = twin.head(hidden[-1])[:, 0].numpy()
        if target is not None:
            expected = expected * target.scale_ + target.mean_
        assert_allclose(last, expected if keys else expected[0], atol=1e-10)


def test_labels_and_names_of_rows_to_learn_from():
    table = pd.DataFrame({"x": TABLE[:, 0], "kind": np.tile(["a", "b", "c"], 50)})
    X, y = make_supervised(table[:100], target="x")
    up = np.where(y > table["x"].to_numpy()[:-1][:99], "up", "down")
    model = make_pipeline(whole(LSTMClassifier, max_epochs=5)).fit(X, up)
    stream, table = Stream(model), table[:60].copy()
    table.loc[50, "kind"] = "never seen"
    model[-1].set_params(learning_rate=0.1)
    for _ in range(20):
        stream.reset()
        stream.partial_fit(table, np.where(table["kind"] == "a", "up", "down"))
    stream.reset()
    answers = [stream.step(row) for row in table.to_numpy(dtype=object)]
    assert np.mean((table["kind"] == "a") == (np.array(answers) == "up")) > 0.95
    assert_array_equal(answers, model.predict(make_histories(table)))
    with pytest.raises(ValueError, match=r"rows has the columns \['kind', 'x'\]"):
        stream.partial_fit(table[["kind", "x"]], answers)
    with pytest.raises(ValueError, match="y has labels that are not in classes_"):
        stream.partial_fit(table, ["sideways"] * 60)
    assert stream.n_steps_.tolist() == [60]


def test_what_cannot_be_learned_from_moves_nothing():
    model = whole().fit(X, Y)
    stream = Stream(model)
    stream.step(TABLE[:2], keys=["a", "b"])
    before = stream.get_state()
    weights = copy.deepcopy(model.module_.state_dict())
    rows, y = np.zeros((4, 2, 2)), np.zeros((4, 2, 2))
    for args, text in [
        ((rows, y), "2 row.s. and 1 different key"),
        ((rows[:, 0], y[:, 0]), "Give keys at every step"),
        ((rows, y[:3], ["a", "new"]), "y is of shape"),
        ((rows, y[:, 0], ["a", "new"]), "y has 1 output"),
        ((rows, y, ["a"]), "2 row.s. and 1 different key"),
        ((rows[:0], y[:0], ["a", "new"]), "rows is of shape"),
        ((rows[..., :1], y, ["a", "new"]), "A row has 1 feature"),
        ((rows + np.inf, y, ["a", "new"]), "infinity"),
        ((rows, y + np.nan, ["a", "new"]), "NaN"),
    ]:
        with pytest.raises(ValueError, match=text):
            stream.partial_fit(*args)
    with pytest.raises(TypeError, match=r"y has 1 masked value"):
        stream.partial_fit(rows, np.ma.array(y, mask=np.arange(16) == 3), ["a", "b"])
    assert stream.keys_ == ["a", "b"]
    for name, array in stream.get_state().items():
        assert_array_equal(array, before[name])
    for name, weight in model.module_.state_dict().items():
        assert_array_equal(weight, weights[name])


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (
            lambda: make_pipeline(SequenceWindower(12), regressor()).fit(X, Y),
            "but windows of this model reach back .*: train on windows",
        ),
        (
            lambda: make_pipeline(SequenceWindower(12), whole()).fit(X, Y),
            "but windows of this model reach back",
        ),
        (
            lambda: AnchoredRegressor(whole()).fit(X, Y),
            "but levels of this model reach back",
        ),
        (
            lambda: regressor(unroll="series").fit(RAGGED, SUMS),
            "has unroll='series' and linear_skip=True: fit with unroll='series' and",
        ),
        (
            lambda: whole(unroll="window").fit(RAGGED, SUMS),
            "has unroll='window' and linear_skip=False",
        ),
    ],
    ids=["windows", "read as series", "levels", "line", "one by one"],
)
def test_models_that_do_not_carry_all(make, text):
    with pytest.raises(ValueError, match=text):
        Stream(make()).partial_fit(TABLE, TABLE[:, 0])


def test_a_row_that_is_refused_moves_nothing():
    model = make_pipeline(SequenceWindower(12), AnchoredRegressor(regressor()))
    model.fit(X, Y)
    expected, stream = stream_rows(model, TABLE[:20]), Stream(model)
    second = make_pipeline(SequenceWindower(12), AnchoredRegressor(regressor()))
    second.fit(*make_supervised(TABLE[:120], target=1))
    with pytest.raises(ValueError, match="A row has 1 feature"):
        Stream(second).step([0.0])
    for i, row in enumerate(TABLE[:20]):
        for bad, text in [
            ([np.nan, 0.0], "which are forecast, hold NaN or infinity"),
            ([0.0, np.inf], "rows contains infinity"),
            ([0.0, 1e39], r"rows contains 1e\+39, too large for float32"),
            ([0.0], "A row has 1 feature"),
            ([0.0, "x"], "rows cannot be read as an array of numbers"),
            ([[0.0, 1.0], [0.0, 1.0]], "rows is of shape"),
            (np.ma.masked_equal([0.0, 1.0], 1.0), "masked"),
        ]:
            with pytest.raises((ValueError, TypeError), match=text):
                stream.step(bad)
        if i:
            with pytest.raises(ValueError, match="Give keys at every step, or at none"):
                stream.step([row], keys=["new"])
        assert_array_equal(stream.step(row), expected[i])
    with pytest.raises(ValueError, match=r"2 row\(s\) and 1 different key"):
        Stream(model).step(TABLE[:2], keys=["a", "a"])
    with pytest.raises(ValueError, match="of which no row has been seen"):
        stream.reset(["never"])


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (
            lambda: LSTMClassifier(**SMALL).fit(RAGGED, SUMS > 0),
            "is bidirectional, and reads each sequence from its end",
        ),
        (
            lambda: make_pipeline(
                SequenceWindower(12, flatten=True), regressor(n_timesteps=12)
            ).fit(X, Y),
            "flatten=True",
        ),
        (
            lambda: regressor().fit(RNG.normal(size=(30, 8)), np.arange(30.0)),
            "was fitted to a table, of which each row is a whole sequence",
        ),
        (
            lambda: NaiveRegressor().fit(X, Y),
            "NaiveRegressor cannot be streamed without a window",
        ),
        (
            lambda: (
                clone(RECIPE)
                .set_params(period=[7], group="g")
                .fit(
                    pd.DataFrame({"x": TABLE[:148, 0], "g": "a"}),
                    TABLE[2:, 0] + TABLE[2:, 1],
                )
            ),
            "with columns for groups or times",
        ),
        (
            lambda: make_pipeline(
                SequenceWindower(12), FunctionTransformer(np.asarray), regressor()
            ).fit(X, Y),
            "FunctionTransformer is given sequences in predict",
        ),
        (
            lambda: make_pipeline(FunctionTransformer(), whole()).fit(X, Y),
            "FunctionTransformer is given sequences in predict",
        ),
        (lambda: regressor(), "not fitted"),
    ],
    ids=[
        "both ways",
        "flat",
        "table",
        "naive",
        "recipe",
        "of windows",
        "of histories",
        "unfitted",
    ],
)
def test_models_that_cannot_be_streamed(make, text):
    with pytest.raises(Exception, match=text):
        Stream(make())


def test_methods():
    model = make_pipeline(SequenceWindower(12), regressor()).fit(X, Y)
    with pytest.raises(ValueError, match="LSTMRegressor has no predict_proba"):
        Stream(model, method="predict_proba")
    with pytest.raises(ValueError, match="method='forecast' is not one of"):
        Stream(model, method="forecast")
