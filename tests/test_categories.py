"""Ids as features: what is learnt from them, how they are named, what is refused."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder, StandardScaler

from sklstm import LSTMClassifier, LSTMRegressor, Sequences, SequenceWindower
from sklstm._input import MAX_IDS, check_ids, count_ids, find_categorical
from tests._data import LABELS, VALUES, N, message_of, outputs, target

RNG = np.random.RandomState(0)
COLUMNS = ["load", "state", "heat"]
LENGTHS = [2, 5, 3, 3, 1, 4, 5, 2, 4, 1, 3, 2]


def mixed(n_steps):
    """Steps of two numbers with an id from 0 to 5 between them."""
    return np.insert(RNG.normal(3, 2, (n_steps, 2)), 1, np.arange(n_steps) % 6, axis=1)


TABLE = mixed(sum(LENGTHS))
STARTS = np.cumsum(LENGTHS) - LENGTHS
X = Sequences(TABLE, STARTS, LENGTHS, feature_names=COLUMNS)
IDS = Sequences(TABLE[:, [1]].astype(int), STARTS, LENGTHS)
EQUAL = mixed(4 * N).reshape(N, 4, 3)


def make(Estimator, **params):
    small = {"hidden_size": 4, "max_epochs": 2, "random_state": 0}
    if "embedding_size" not in params:
        small["categorical_features"] = ["state"]
    return Estimator(**{**small, **params})


def replaced(value, row=10, column=1):
    """X with another value, by default in sequence 3, step 0."""
    steps = X.steps.copy()
    steps[row, column] = value
    return X.on_table(steps)


# What is learnt


def half(n):
    return slice(n // 2), slice(n // 2, None)


def test_codes_without_an_order_are_learnt():
    rng = np.random.RandomState(0)
    ids = rng.randint(30, size=(600, 5))
    y = rng.permutation(30)[ids[:, -1]] % 2  # which codes count as 1 is a lottery
    train, test = half(len(y))
    params = {"hidden_size": 16, "max_epochs": 15, "learning_rate": 0.02}
    classifier = LSTMClassifier(**params, embedding_size=8, random_state=0)
    as_ids = classifier.fit(ids[train], y[train]).score(ids[test], y[test])
    classifier.set_params(embedding_size=None)
    as_numbers = classifier.fit(ids[train], y[train]).score(ids[test], y[test])
    assert as_ids > 0.97
    assert as_numbers < 0.8


def test_a_motif_in_dna_is_found():
    rng = np.random.RandomState(0)
    motif = np.array(["ACGT".index(base) for base in "TATAG"])
    strands = [rng.randint(4, size=n) for n in rng.randint(12, 25, size=600)]
    for i, strand in enumerate(strands):  # the same bases, in order or at random
        at = rng.randint(len(strand) - 4)
        strand[at : at + 5] = motif if i % 2 else rng.permutation(motif)
    windows = np.lib.stride_tricks.sliding_window_view
    y = [(windows(strand, 5) == motif).all(axis=1).any() for strand in strands]
    sequences, y = Sequences.from_arrays([s[:, None] for s in strands]), np.array(y)
    train, test = half(len(y))
    params = {"embedding_size": 4, "pooling": "max", "learning_rate": 0.02}
    classifier = LSTMClassifier(16, **params, max_epochs=25, random_state=0)
    classifier.fit(sequences[train], y[train])
    assert classifier.score(sequences[test], y[test]) > 0.9


def test_an_id_may_say_which_number_counts():
    rng = np.random.RandomState(0)
    steps = rng.normal(size=(800, 3, 6))
    steps[..., 2] = ids = rng.randint(5, size=(800, 3))
    columns = np.array([4, 0, 3, 5, 1])
    y = steps[np.arange(800), -1, columns[ids[:, -1]]]
    train, test = half(len(y))
    params = {"hidden_size": 32, "max_epochs": 20, "learning_rate": 0.03}
    regressor = LSTMRegressor(**params, categorical_features=[2], random_state=0)
    as_ids = regressor.fit(steps[train], y[train]).score(steps[test], y[test])
    regressor.set_params(categorical_features="from_dtype")
    as_numbers = regressor.fit(steps[train], y[train]).score(steps[test], y[test])
    assert as_ids > 0.6
    assert as_ids > as_numbers + 0.3


def test_the_net_reads_the_vector_of_each_id(Estimator):
    params = {"dtype": "float64", "bidirectional": False, "pooling": "last"}
    params |= {"linear_skip": False} if Estimator is not LSTMClassifier else {}
    estimator = make(Estimator, **params).fit(X, target(Estimator))
    module = estimator.module_
    (embedding,) = module.embeddings
    scaled = estimator.scaler_.transform(X.steps)
    vectors = embedding.weight.detach().numpy()[X.steps[:, 1].astype(int) + 1]
    table = np.column_stack([scaled[:, [0, 2]], vectors])
    fed = X.on_table(table)
    with torch.no_grad():
        last = [module.lstm(torch.tensor(fed[i]))[0][-1] for i in range(N)]
        raw = module.head(torch.stack(last)).numpy()
    if Estimator is LSTMClassifier:
        expected = np.exp(raw) / np.exp(raw).sum(axis=1, keepdims=True)
    else:
        expected = estimator.target_scaler_.inverse_transform(raw).ravel()
    assert_allclose(outputs(estimator, X), expected, rtol=1e-9)


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("pooling", ["last", "mean", "max"])
def test_training_moves_only_the_vectors_of_ids_that_it_sees(pooling, bidirectional):
    steps = X.steps.copy()
    steps[:, 1] = np.arange(len(steps)) % 3 + 2  # neither 0, which pads, nor 1
    params = {"pooling": pooling, "bidirectional": bidirectional, "batch_size": 5}
    vectors = []
    for max_epochs in (1, 5):
        regressor = make(LSTMRegressor, max_epochs=max_epochs, **params)
        regressor.fit(X.on_table(steps), VALUES)
        (embedding,) = regressor.module_.embeddings
        vectors.append(embedding.weight.detach().numpy())
    moved = (vectors[0] != vectors[1]).any(axis=1)
    assert moved.tolist() == [False, False, False, True, True, True]
    assert not vectors[1][0].any()


def test_the_scale_leaves_ids_alone(Estimator):
    estimator = make(Estimator, max_epochs=1).fit(X, target(Estimator))
    plain = clone(estimator).set_params(categorical_features="from_dtype")
    scaler, by_number = estimator.scaler_, plain.fit(X, target(Estimator)).scaler_
    assert (scaler.mean_[1], scaler.var_[1], scaler.scale_[1]) == (0, 1, 1)
    for name in ("mean_", "var_", "scale_"):
        numbers = getattr(scaler, name)[[0, 2]]
        assert_array_equal(numbers, getattr(by_number, name)[[0, 2]])
    assert_array_equal(scaler.transform(X.steps)[:, 1], X.steps[:, 1])


# Which features


@pytest.mark.parametrize(
    "same",
    [
        [1],
        (1,),
        np.array([1], dtype=np.uint8),
        [False, True, False],
        np.array(["state"]),
        np.array(["state"], dtype=object),
        pd.Index(["state"]),
        [1, 1],
    ],
)
def test_names_positions_and_masks_are_the_same(Estimator, same):
    expected = outputs(make(Estimator).fit(X, target(Estimator)), X)
    estimator = make(Estimator, categorical_features=same)
    assert_array_equal(outputs(estimator.fit(X, target(Estimator)), X), expected)


def test_their_order_does_not_matter():
    steps = np.column_stack([X.steps, np.arange(len(X.steps)) % 4])
    there = make(LSTMRegressor, categorical_features=[1, 3])
    back = clone(there).set_params(categorical_features=[3, 1])
    two = X.on_table(steps[:, :3])  # names for three features only
    two = Sequences(steps, two.starts, two.lengths)
    predicted = there.fit(two, VALUES).predict(two)
    assert_array_equal(back.fit(two, VALUES).predict(two), predicted)
    sizes = [tuple(e.weight.shape) for e in there.module_.embeddings]
    assert sizes == [(7, 4), (5, 3)]


@pytest.mark.parametrize("none", ["from_dtype", [], [False] * 3])
def test_none_of_the_features(none):
    plain = LSTMRegressor(4, max_epochs=2, random_state=0).fit(X, VALUES)
    regressor = clone(plain).set_params(categorical_features=none)
    assert_array_equal(regressor.fit(X, VALUES).predict(X), plain.predict(X))
    assert len(regressor.module_.embeddings) == 0


def test_the_only_feature_needs_no_name(Estimator):
    estimator = make(Estimator, embedding_size=3).fit(IDS, target(Estimator))
    named = make(Estimator, embedding_size=3, categorical_features=[0])
    named.fit(IDS, target(Estimator))
    assert_array_equal(outputs(named, IDS), outputs(estimator, IDS))
    assert estimator.module_.embeddings[0].weight.shape == (7, 3)
    assert estimator.module_.lstm.input_size == 3


FORMS = {
    "list": lambda: [EQUAL[i] for i in range(N)],
    "flat": lambda: EQUAL.reshape(N, 12),
    "frame": lambda: pd.DataFrame(EQUAL.reshape(N, 12)).rename(columns="s{}".format),
    "float32": lambda: EQUAL.astype(np.float32).astype(float),
    "frames": lambda: [pd.DataFrame(x, columns=COLUMNS) for x in EQUAL],
}


@pytest.mark.parametrize("form", FORMS)
def test_a_position_is_that_of_a_step(Estimator, form):
    y, other = target(Estimator), FORMS[form]()
    estimator = make(Estimator, categorical_features=[1]).fit(EQUAL, y)
    again = clone(estimator).set_params(n_timesteps=4).fit(other, y)
    rtol = 1e-3 if form == "float32" else 0
    assert_allclose(outputs(again, other), outputs(estimator, EQUAL), rtol=rtol)


@pytest.mark.parametrize("dtype", ["int64", "int8", "uint8", "float32", "float16"])
def test_ids_of_any_type_are_the_same_bits(dtype):
    expected = make(LSTMRegressor, embedding_size=3).fit(IDS, VALUES).predict(IDS)
    typed = IDS.on_table(IDS.steps.astype(dtype))
    regressor = make(LSTMRegressor, embedding_size=3).fit(typed, VALUES)
    assert_array_equal(regressor.predict(typed), expected)


def test_names_of_a_frame_whose_rows_are_single_steps():
    frame = pd.DataFrame(X.steps[:N], columns=COLUMNS)
    regressor = make(LSTMRegressor, n_timesteps=1).fit(frame, VALUES)
    assert regressor.module_.of_step.tolist() == [0, 2]


@pytest.mark.parametrize(
    ("features", "text"),
    [
        (
            [3],
            "categorical_features=3 is not in X, which has features [0, 1, 2]: name",
        ),
        ([-1], "features=-1 is not in X, which has features"),
        ([True], "a mask of 1 values, but a step has 3 features"),
        (["load", "cold"], "='cold' is not in X, which has features ['load'"),
        ([1.0], "of shape (1,) and float64; expected a list of positions"),
        ([[1]], "of shape (1, 1) and int64"),
        ([1, None], "of shape (2,) and object"),
        ({"state"}, "of shape () and object"),
    ],
)
def test_features_that_are_not_there(features, text):
    regressor = make(LSTMRegressor, categorical_features=features)
    assert text in message_of(regressor.fit, X, VALUES)


def test_names_where_there_are_none():
    unnamed = Sequences(X.steps, X.starts, X.lengths)
    message = message_of(make(LSTMRegressor).fit, unnamed, VALUES)
    assert "['state'] are names, but the features of X had none in fit" in message
    frame = pd.DataFrame(EQUAL.reshape(N, 12)).rename(columns="s{}".format)
    for n_timesteps, n_features in [("columns", 1), (4, 3)]:
        regressor = make(LSTMRegressor, n_timesteps=n_timesteps)
        message = message_of(regressor.fit, frame, VALUES)
        assert f"the 12 columns of X are steps of {n_features} feature(s)" in message


def test_a_size_alone_is_for_a_single_feature():
    message = message_of(make(LSTMRegressor, embedding_size=3).fit, X, VALUES)
    assert "embedding_size=3 makes ids of the only feature" in message
    assert "X has 3 features; name those" in message


# What can be an id


def test_unknown_is_any_negative_number(Estimator):
    estimator = make(Estimator).fit(X, target(Estimator))
    expected = outputs(estimator, replaced(-1))
    assert_array_equal(outputs(estimator, replaced(-1e30)), expected)
    assert not np.array_equal(expected, outputs(estimator, X))


def test_unknown_may_come_first_in_predict():
    regressor = make(LSTMRegressor, embedding_size=3).fit(IDS, VALUES)
    unknown = np.full((1, 4, 1), -1)
    with torch.no_grad():
        nothing = torch.zeros(4, regressor.module_.lstm.input_size)
        output = regressor.module_.head(regressor.module_.lstm(nothing)[0][-1])
    expected = regressor.target_scaler_.inverse_transform([output.numpy()]).ravel()
    assert_allclose(regressor.predict(unknown), expected, rtol=1e-6)


def test_unknown_is_trained_where_it_occurs():
    regressor = make(LSTMRegressor).fit(replaced(-1), VALUES)
    assert regressor.module_.embeddings[0].weight[0].all()


def test_nothing_but_unknown_in_fit(Estimator):
    unknown = IDS.on_table(np.full_like(IDS.steps, -1))
    estimator = make(Estimator, embedding_size=3).fit(unknown, target(Estimator))
    assert estimator.module_.embeddings[0].weight.shape == (2, 3)
    assert np.isfinite(outputs(estimator, unknown)).all()


def test_an_id_beyond_those_of_fit(Estimator):
    y = target(Estimator)
    estimator = make(Estimator).fit(X, y)
    going_on = clone(estimator).set_params(warm_start=True).fit(X, y)
    before = outputs(going_on, X)
    for call, args in [
        (estimator.predict, ()),
        (estimator.partial_fit, (y,)),
        (going_on.fit, (y,)),
    ]:
        message = message_of(call, replaced(6), *args)
        assert "the id 6: sequence 3, step 0, feature 'state'" in message
        assert "The largest in fit was 5: encode unknown ones as -1" in message
        assert "SequenceEncoder does" in message
        assert "OrdinalEncoder(handle_unknown='use_encoded_value'" in message
    assert_array_equal(outputs(going_on, X), before)


@pytest.mark.parametrize("value", [0.5, -0.5, 2.25])
def test_ids_are_whole_numbers(Estimator, value):
    estimator = make(Estimator).fit(X, target(Estimator))
    for call, args in [
        (estimator.predict, ()),
        (clone(estimator).fit, (target(Estimator),)),
    ]:
        message = message_of(call, replaced(value), *args)
        assert f"the id {value}: sequence 3, step 0, feature 'state'" in message
        assert "Ids are whole numbers" in message
    assert np.isfinite(outputs(estimator, replaced(value, column=0))).all()


@pytest.mark.parametrize("value", [np.inf, 1e300])
def test_ids_are_finite(value):
    regressor = make(LSTMRegressor).fit(X, VALUES)
    for call, args in [(regressor.predict, ()), (clone(regressor).fit, (VALUES,))]:
        message = message_of(call, replaced(value), *args)
        assert "sequence 3, step 0, feature 'state'" in message


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_ids_have_a_limit(dtype):
    regressor = make(LSTMRegressor, embedding_size=1, dtype=dtype)
    steps = IDS.steps.copy()
    steps[-1] = MAX_IDS
    message = message_of(regressor.fit, IDS.on_table(steps), VALUES)
    assert "the id 16777216: sequence 11, step 1, feature 0" in message
    assert "Ids must be below 16777216" in message
    assert np.float32(MAX_IDS - 1) != np.float32(MAX_IDS)


def test_rows_that_no_sequence_holds_are_no_ids():
    table = np.vstack([np.full((2, 3), 1e9), X.steps, [[np.nan] * 3], [[0.5] * 3]])
    held = Sequences(table, X.starts + 2, X.lengths, feature_names=COLUMNS)
    expected = make(LSTMRegressor).fit(X, VALUES).predict(X)
    regressor = make(LSTMRegressor).fit(held, VALUES)
    assert_array_equal(regressor.predict(held), expected)


@given(data=st.data())
def test_the_first_value_that_is_no_id_is_named(data):
    whole = st.integers(-3, 9).map(float)
    table = data.draw(arrays(float, (8, 2), elements=whole | st.floats(-3, 9)))
    starts = np.array(data.draw(st.lists(st.integers(0, 6), min_size=1, max_size=4)))
    sequences = Sequences(table, starts, np.full(len(starts), 2))
    n_ids = data.draw(st.none() | st.integers(1, 10))
    rows = sorted({row for start in starts for row in (start, start + 1)})
    bad = [r for r in rows if table[r, 1] % 1 or table[r, 1] >= (n_ids or np.inf)]
    if not bad:
        check_ids(sequences, [1], n_ids and [n_ids])
        largest = max(table[rows, 1].max(), 0)
        assert count_ids(sequences, [1]) == [largest + 1]
        return
    message = message_of(check_ids, sequences, [1], n_ids and [n_ids])
    i = next(i for i, start in enumerate(starts) if start <= bad[0] < start + 2)
    assert f"sequence {i}, step {bad[0] - starts[i]}, feature 1." in message


@given(mask=st.lists(st.booleans(), min_size=1, max_size=6))
def test_a_mask_is_its_positions_and_its_names(mask):
    n, names = len(mask), [f"f{i}" for i in range(len(mask))]
    positions = np.flatnonzero(mask).tolist()
    assert find_categorical(mask, None, n, names) == positions
    assert find_categorical(positions[::-1], 3, n) == positions
    named = [names[i] for i in positions]
    assert find_categorical(named, None, n, np.array(names, dtype=object)) == positions


# Together with the rest


def test_windows_of_a_frame_with_a_column_of_ids():
    rows = pd.DataFrame(X.steps, columns=COLUMNS).astype({"state": int})
    y = 2 * rows["load"].to_numpy()
    pipeline = make_pipeline(SequenceWindower(3), make(LSTMRegressor)).fit(rows, y)
    windows = [X.steps[max(t - 2, 0) : t + 1] for t in range(len(rows))]
    plain = make(LSTMRegressor, categorical_features=[1]).fit(windows, y)
    assert_array_equal(pipeline.predict(rows), plain.predict(windows))
    rows.loc[7, "state"] = 9
    message = message_of(pipeline.predict, rows)
    assert "the id 9: sequence 7, step 2, feature 'state'" in message


def test_text_in_a_column_goes_through_an_encoder():
    rows = pd.DataFrame(X.steps, columns=COLUMNS)
    rows["state"] = np.array(["off", "on", "idle"])[np.arange(len(rows)) % 3]
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    columns = make_column_transformer(
        (encoder, ["state"]),
        remainder=StandardScaler(),
        verbose_feature_names_out=False,
    ).set_output(transform="pandas")
    y = (rows["state"] == "on") * 1.0
    regressor = make(LSTMRegressor, max_epochs=60, learning_rate=0.03)
    pipeline = make_pipeline(columns, SequenceWindower(2), regressor).fit(rows, y)
    assert pipeline.score(rows, y) > 0.9
    rows.loc[3, "state"] = "broken"
    assert np.isfinite(pipeline.predict(rows)).all()


def test_a_search_over_the_size():
    grid = {"embedding_size": [None, 1, 5]}
    search = GridSearchCV(make(LSTMClassifier), grid, cv=2, error_score="raise")
    search.fit(X, LABELS)
    assert search.best_estimator_.predict(X).shape == (N,)
    assert search.cv_results_["param_embedding_size"].tolist() == [None, 1, 5]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_pickles_and_copies_go_on_alike(Estimator, dtype):
    y = target(Estimator)
    first = make(Estimator, dtype=dtype, embedding_size=3, batch_size=5)
    first.set_params(categorical_features=np.array([False, True, False]))
    first.fit(X, y)
    dumped = pickle.dumps(first)
    assert b"torch._" not in dumped
    backs = [pickle.loads(dumped), copy.deepcopy(first)]
    for back in backs:
        assert_array_equal(outputs(back, X), outputs(first, X))
    expected = outputs(first.partial_fit(X, y), X)
    for back in backs:
        assert_array_equal(outputs(back.partial_fit(X, y), X), expected)
    again = outputs(clone(first).fit(X, y), X)
    assert_array_equal(outputs(backs[0].fit(X, y), X), again)
    assert first.module_.embeddings[0].weight.dtype == getattr(torch, dtype)


def test_partial_fit_knows_its_ids_from_the_start():
    regressor = make(LSTMRegressor, linear_skip=False).partial_fit(X, VALUES)
    one = make(LSTMRegressor, linear_skip=False, max_epochs=1).fit(X, VALUES)
    assert_array_equal(regressor.predict(X), one.predict(X))
    few = replaced(0)[[3]]
    assert regressor.partial_fit(few, VALUES[:1]).n_iter_ == 2
    assert regressor.module_.embeddings[0].weight.shape[0] == 7


def test_ids_of_the_validation_data_are_known(Estimator):
    ids = np.arange(40)[:, None, None]  # half of which training does not see
    y = np.arange(40) % 2
    params = {"early_stopping": True, "validation_fraction": 0.5}
    for seed in range(4):
        estimator = make(Estimator, embedding_size=2, **params, random_state=seed)
        estimator.fit(ids, y)
        assert estimator.module_.embeddings[0].weight.shape == (41, 2)
        assert np.isfinite(outputs(estimator, ids)).all()


def test_weights_are_repetition_and_removal(Estimator):
    y, weight = target(Estimator), np.array([1, 2, 3, 0, 2, 1, 1, 1, 2, 1, 1, 2])
    rows = np.repeat(np.arange(N), weight)
    large = replaced(99)  # in sequence 3, which is removed
    weighted = make(Estimator).fit(large, y, sample_weight=weight)
    repeated = make(Estimator).fit(X[rows], y[rows])
    assert_array_equal(outputs(weighted, X), outputs(repeated, X))
    assert "largest in fit was 5" in message_of(weighted.predict, large)


@pytest.mark.parametrize("how", ["warm_start", "partial_fit"])
@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"embedding_size": 3}, "embedding_size was None"),
        ({"categorical_features": ["state", "heat"]}, "is now [1, 2]"),
        ({"categorical_features": []}, "categorical_features was [1]"),
        ({"categorical_features": "from_dtype"}, "is now []"),
        ({"categorical_features": ["cold"]}, "='cold' is not in X"),
    ],
)
def test_another_architecture_cannot_go_on(Estimator, params, text, how):
    y = target(Estimator)
    estimator = make(Estimator, warm_start=True).fit(X, y)
    before = outputs(estimator, X)
    estimator.set_params(**params)
    call = estimator.fit if how == "warm_start" else estimator.partial_fit
    assert text in message_of(call, X, y)
    assert_array_equal(outputs(estimator, X), before)
    back = pickle.loads(pickle.dumps(estimator))
    assert_array_equal(outputs(back, X), before)


def test_the_same_features_by_another_name_go_on(Estimator):
    y = target(Estimator)
    estimator = make(Estimator, warm_start=True).fit(X, y)
    plain = [X[i] for i in range(N)]  # without names
    by_mask = copy.deepcopy(estimator)
    by_mask.set_params(categorical_features=[False, True, False])
    with pytest.warns(UserWarning, match="X has no feature names"):
        estimator.fit(plain, y)
    with pytest.warns(UserWarning, match="X has no feature names"):
        by_mask.fit(plain, y)
    assert_array_equal(outputs(by_mask, X), outputs(estimator, X))


@pytest.mark.parametrize("chosen", [[3], [7, 2], [0, 0, 5]])
def test_a_subset_is_predicted_as_in_the_whole(Estimator, chosen):
    estimator = make(Estimator).fit(X, target(Estimator))
    assert_array_equal(outputs(estimator, X[chosen]), outputs(estimator, X)[chosen])


def test_dropout_and_layers(Estimator):
    params = {"num_layers": 2, "dropout": 0.5, "standardize": False}
    estimator = make(Estimator, **params).fit(X, target(Estimator))
    assert estimator.scaler_ is None
    assert_array_equal(outputs(estimator, X), outputs(estimator, X))
