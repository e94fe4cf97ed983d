"""Gates against torch and numpy, gradients against differences, importance by hand."""

import copy
import runpy
from pathlib import Path

import joblib
import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.cluster import KMeans
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.inspection import permutation_importance
from sklearn.linear_model import Ridge
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    TimeSeriesSplit,
    TunedThresholdClassifierCV,
)
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from sklstm import (
    LSTMClassifier,
    LSTMRegressor,
    SequenceWindower,
    StepTransformer,
    make_histories,
    make_supervised,
)
from sklstm.datasets import make_lagged
from sklstm.forecasting import AnchoredRegressor, ConformalRegressor
from sklstm.inspection import (
    gate_activations,
    gradient_attribution,
    hidden_states,
    memory_length,
    timestep_importance,
)
from tests._data import FORMS, LABELS, RAGGED, VALUES, make, message_of, outputs, target

PARTS = (
    "input_gate",
    "forget_gate",
    "output_gate",
    "candidate",
    "cell_state",
    "hidden_state",
)
LENGTHS = np.array([len(x) for x in RAGGED])
STEPS = np.arange(5) >= 5 - LENGTHS[:, None]  # (n_sequences, n_timesteps)
SMALL = {"hidden_size": 4, "max_epochs": 2, "random_state": 0}
DOUBLE = SMALL | {"dtype": "float64", "linear_skip": False, "frame_size": 1}


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def unroll(weights, x, suffix="l0"):
    """The equations of the cell for one sequence, with plain numpy."""
    W, U, b_W, b_U = (
        weights[f"lstm.{name}_{suffix}"].astype(float)
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    h = c = np.zeros(U.shape[1])
    rows = []
    for x_t in x:
        i, f, g, o = np.split(W @ x_t + U @ h + b_W + b_U, 4)
        i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
        c = f * c + i * g
        h = o * np.tanh(c)
        rows.append([i, f, o, g, c, h])
    return np.swapaxes(rows, 0, 1)  # (part, time, hidden)


def state_of(model):
    return {name: w.numpy() for name, w in model.module_.state_dict().items()}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gates_are_the_cell_unrolled_by_hand(dtype):
    model = LSTMRegressor(**SMALL | {"dtype": dtype}).fit(RAGGED, VALUES)
    activations = gate_activations(model, RAGGED)
    weights = state_of(model)
    for k, x in enumerate(RAGGED):
        expected = unroll(weights, model.scaler_.transform(x))
        for name, part in zip(PARTS, expected, strict=True):
            assert activations[name].dtype == dtype
            assert_allclose(activations[name][k, 5 - len(x) :], part, atol=1e-5)
    for name in PARTS:
        there = ~np.isnan(activations[name])
        assert_array_equal(there, np.broadcast_to(STEPS[..., None], there.shape))


@pytest.mark.parametrize("direction", ["forward", "backward"])
@pytest.mark.parametrize("layer", [0, 1, 2])
def test_states_of_each_layer_are_those_of_torch(layer, direction):
    model = LSTMClassifier(**SMALL | {"num_layers": 3, "bidirectional": True})
    model.fit(RAGGED, LABELS)
    activations = gate_activations(model, RAGGED, layer=layer, direction=direction)
    again = gate_activations(model, RAGGED, layer=layer - 3, direction=direction)
    assert_array_equal(activations.cell_state, again.cell_state)
    lstm, backward = model.module_.lstm.double(), direction == "backward"
    first = torch.nn.LSTM(3, 4, layer + 1, bidirectional=True, dtype=torch.float64)
    state = {k: v for k, v in lstm.state_dict().items() if k in first.state_dict()}
    first.load_state_dict(state)
    for k, x in enumerate(RAGGED):
        with torch.no_grad():
            hidden, (h, c) = first(torch.tensor(model.scaler_.transform(x)))
        of_direction = hidden[:, 4 * backward : 4 * (backward + 1)]
        here = slice(5 - len(x), None)
        assert_allclose(activations.hidden_state[k, here], of_direction, atol=1e-5)
        end = 5 - len(x) if backward else -1
        assert_allclose(
            activations.cell_state[k, end], c[2 * layer + backward], atol=1e-5
        )


def test_the_states_agree_with_the_gates_between_steps():
    model = LSTMClassifier(**SMALL).fit(RAGGED, LABELS)
    parts = gate_activations(model, RAGGED, direction="backward")
    after = np.concatenate([parts.cell_state[:, 1:], np.zeros((12, 1, 4))], axis=1)
    kept = parts.forget_gate * after + parts.input_gate * parts.candidate
    assert_allclose(parts.cell_state, kept, atol=1e-6)
    shown = parts.output_gate * np.tanh(parts.cell_state)
    assert_allclose(parts.hidden_state, shown, atol=1e-6)


def through_head(model, states):
    weights = state_of(model)
    output = states @ weights["head.weight"].T + weights["head.bias"]
    return output * model.target_scaler_.scale_ + model.target_scaler_.mean_


def test_the_last_hidden_state_through_the_head_is_the_prediction(form):
    X = FORMS[form]
    model = make(LSTMRegressor, form, linear_skip=False).fit(X, VALUES)
    last = gate_activations(model, X).hidden_state[:, -1]
    assert_allclose(through_head(model, last)[:, 0], model.predict(X), rtol=1e-5)
    assert_array_equal(hidden_states(model, X).shape, (12, 4))
    assert_allclose(hidden_states(model, X), last, atol=1e-6)


@pytest.mark.parametrize("pooling", ["last", "mean", "max", "last_mean"])
def test_hidden_states_are_what_the_head_reads(pooling):
    params = {"pooling": pooling, "bidirectional": True, "num_layers": 2}
    model = LSTMRegressor(**SMALL | params | {"linear_skip": False})
    model.fit(RAGGED, VALUES)
    before = state_of(model)["head.weight"].copy()
    states = hidden_states(model, RAGGED)
    assert states.shape == (12, 16 if pooling == "last_mean" else 8)
    assert_allclose(through_head(model, states)[:, 0], model.predict(RAGGED), rtol=1e-5)
    assert_array_equal(state_of(model)["head.weight"], before)


def test_static_features_are_behind_the_hidden_states():
    params = {"static_features": [1], "linear_skip": False}
    model = LSTMRegressor(**SMALL | params).fit(RAGGED, VALUES)
    states = hidden_states(model, RAGGED)
    last = [model.scaler_.transform(x)[-1, 1] for x in RAGGED]
    assert_allclose(states[:, 4], last, rtol=1e-5)
    assert_allclose(through_head(model, states)[:, 0], model.predict(RAGGED), rtol=1e-5)


@pytest.mark.parametrize("unroll", ["window", "series"])
def test_hidden_states_of_windows_are_those_of_predict(unroll):
    X, y = make_supervised(np.cumsum(np.random.RandomState(0).normal(size=90)))
    lstm = LSTMRegressor(**SMALL, unroll=unroll, linear_skip=False)
    model = make_pipeline(SequenceWindower(6), lstm).fit(X, y)
    states = hidden_states(model, X)
    assert_allclose(through_head(model[-1], states)[:, 0], model.predict(X), rtol=1e-4)
    assert KMeans(2, n_init=1, random_state=0).fit_predict(states).shape == (89,)


def test_frames_end_with_their_sequence():
    X = np.random.RandomState(0).normal(size=(12, 7, 2))
    model = LSTMRegressor(**SMALL, frame_size=3, linear_skip=False).fit(X, VALUES)
    activations = gate_activations(model, X)
    assert_array_equal(activations.lags, [6, 3, 0])
    for k, x in enumerate(model.scaler_.transform(X.reshape(-1, 2)).reshape(X.shape)):
        frames = x[[0, 0, 0, 1, 2, 3, 4, 5, 6]].reshape(3, 6)
        expected = unroll(state_of(model), frames)
        assert_allclose(activations.forget_gate[k], expected[1], atol=1e-5)


def test_embeddings_and_missing_values_are_read():
    X = np.random.RandomState(0).normal(size=(12, 4, 3))
    X[..., 2] = np.random.RandomState(1).randint(3, size=(12, 4))
    X[3, 1, 0] = np.nan
    params = {"categorical_features": [2], "embedding_size": 2, "linear_skip": False}
    model = LSTMRegressor(**SMALL | params).fit(X, VALUES)
    last = gate_activations(model, X).hidden_state[:, -1]
    assert_allclose(through_head(model, last)[:, 0], model.predict(X), rtol=1e-5)
    gradients = gradient_attribution(model, X).gradients
    assert np.isnan(gradients[..., 2]).all()
    assert np.isnan(gradients[3, 1, 0])
    assert np.isnan(gradients).sum() == 48 + 1


def test_many_sequences_are_read_in_parts(monkeypatch):
    model = LSTMRegressor(**SMALL, linear_skip=False).fit(RAGGED, VALUES)
    gates, gradients = (
        f(model, RAGGED) for f in (gate_activations, gradient_attribution)
    )
    monkeypatch.setattr("sklstm.inspection._fitted.BATCH_STEPS", 11)
    assert_allclose(
        gate_activations(model, RAGGED).cell_state, gates.cell_state, atol=1e-6
    )
    again = gradient_attribution(model, RAGGED)
    assert_allclose(again.gradients, gradients.gradients, atol=1e-6)


# Gradients.


def differences(answer, X, eps=1e-5):
    """Derivatives of answers by the values of an array, from both sides."""
    shape = X.shape + answer(X).shape[1:]
    found = np.empty(shape)
    for _, t, j in np.ndindex(1, *X.shape[1:]):
        up, down = X.copy(), X.copy()
        up[:, t, j] += eps
        down[:, t, j] -= eps
        found[:, t, j] = (answer(up) - answer(down)) / (2 * eps)
    return found


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"linear_skip": True},
        {"frame_size": 3, "linear_skip": True},
        {"num_layers": 2, "bidirectional": True, "pooling": "mean"},
        {"static_features": [1]},
        {"standardize": False},
        {"loss": "gaussian"},
        {"loss": "quantile", "quantile": [0.1, 0.4, 0.8]},
    ],
    ids=str,
)
@pytest.mark.parametrize("n_outputs", [None, 2])
def test_gradients_are_those_of_predict(params, n_outputs):
    X, y = FORMS["array"], VALUES
    if n_outputs:
        y = np.column_stack([VALUES, 100 * VALUES**2])
    model = LSTMRegressor(**DOUBLE | params).fit(X, y)
    expected = differences(model.predict, X)
    gradients = gradient_attribution(model, X).gradients
    assert np.abs(expected).max() > 1e-3
    assert_allclose(gradients, expected, rtol=1e-5, atol=1e-6 * np.abs(expected).max())


@pytest.mark.parametrize("n_classes", [2, 3])
def test_gradients_are_those_of_decision_function(n_classes):
    X, y = FORMS["array"], np.arange(12) % n_classes
    model = LSTMClassifier(**SMALL | {"dtype": "float64"}).fit(X, y)
    expected = differences(model.decision_function, X)
    assert_allclose(gradient_attribution(model, X).gradients, expected, atol=1e-7)


def test_gradients_leave_the_net_alone_and_stand_at_the_end():
    model = LSTMRegressor(**DOUBLE).fit(RAGGED, VALUES)
    model.module_.zero_grad()
    attribution = gradient_attribution(model, RAGGED)
    assert all(p.grad is None for p in model.module_.parameters())
    there = ~np.isnan(attribution.gradients)
    assert_array_equal(there, np.broadcast_to(STEPS[..., None], there.shape))
    alone = gradient_attribution(model, [RAGGED[3]]).gradients[0]
    assert_allclose(attribution.gradients[3, 5 - len(alone) :], alone)
    assert_array_equal(attribution.lags, [4, 3, 2, 1, 0])
    assert attribution.feature_names == ["x0", "x1", "x2"]
    names = gradient_attribution(model.fit(FORMS["frames"], VALUES), FORMS["frames"])
    assert names.feature_names == ["a", "b", "c"]


# Permutations.

LAG, LENGTH = 3, 6


@pytest.fixture(scope="module")
def lagged():
    series, y = make_lagged(400, lag=LAG, random_state=0)
    noise = np.random.RandomState(1).normal(size=(400, 1))
    X = make_histories(np.hstack([noise, series]))
    lstm = LSTMRegressor(16, max_epochs=20, random_state=0)
    model = make_pipeline(SequenceWindower(LENGTH), lstm).fit(X[LAG:], y[LAG:])
    return model, X[LENGTH:], y[LENGTH:]


def test_the_lag_that_matters_is_found(lagged):
    result = timestep_importance(*lagged, n_repeats=2, random_state=0)
    assert result.importances.shape == (LENGTH, 2, 2)
    assert_allclose(result.importances_mean, result.importances.mean(axis=-1))
    assert_allclose(result.importances_std, result.importances.std(axis=-1))
    assert_array_equal(result.lags, np.arange(LENGTH))
    # The values of the target are independent: another one is as far as two means.
    assert_allclose(result.importances_mean[LAG, 1], 2, atol=0.3)
    others = np.delete(result.importances_mean.ravel(), 2 * LAG + 1)
    assert np.abs(others).max() < 0.05
    by_lag = timestep_importance(*lagged, by="lag", n_repeats=2, random_state=0)
    assert by_lag.importances_mean.shape == (LENGTH,)
    assert by_lag.importances_mean.argmax() == LAG
    feature = timestep_importance(*lagged, by="feature", n_repeats=2, random_state=0)
    assert feature.importances.shape == (2, 2)
    assert feature.importances_mean.argmax() == 1


@pytest.mark.parametrize("Kind", [LSTMRegressor, LSTMClassifier])
@pytest.mark.parametrize("weighted", [False, True])
def test_importance_is_that_of_scikit_learn_on_tables(Kind, weighted):
    X, y = FORMS["flat"], target(Kind)
    weight = np.arange(12.0) if weighted else None
    kwargs = {"n_repeats": 3, "random_state": 0, "sample_weight": weight}
    model = make(Kind, "univariate").fit(X, y)
    expected = permutation_importance(model, X, y, **kwargs).importances
    ours = timestep_importance(model, X, y, **kwargs)
    assert np.abs(expected).max() > 0
    assert_array_equal(ours.importances[::-1, 0], expected)
    several = make(Kind, "flat").fit(X, y)
    expected = permutation_importance(several, X, y, **kwargs).importances
    ours = timestep_importance(several, X, y, **kwargs)
    assert_array_equal(ours.importances[::-1].reshape(12, 3), expected)


def test_importance_is_the_same_in_two_threads():
    X, y = make_supervised(TABLE, target=0)
    model = MODELS["anchored"]().fit(X, y)
    kwargs = {"by": "lag", "n_repeats": 2, "random_state": 0}
    alone = timestep_importance(model, X, y, n_jobs=1, **kwargs)
    with joblib.parallel_config("threading"):
        both = timestep_importance(model, X, y, n_jobs=2, **kwargs)
    assert_array_equal(both.importances, alone.importances)


def permuted_plainly(X, lag, feature, order):
    """Sequences with the value of the next one in the order that has this lag."""
    X, result = [x.copy() for x in X], [x.copy() for x in X]
    for i, x in enumerate(result):
        if len(x) > lag:
            j = order[i]
            while len(X[j]) <= lag:
                j = order[j]
            x[-1 - lag, feature] = X[j][-1 - lag, feature]
    return result


def test_importance_of_ragged_sequences_is_that_of_a_plain_loop():
    y = np.array([x.sum() for x in RAGGED])
    model = LSTMRegressor(**SMALL).fit(RAGGED, y)
    result = timestep_importance(
        model, RAGGED, y, scoring="neg_mean_absolute_error", n_repeats=2, random_state=3
    )
    rng = np.random.RandomState(np.random.RandomState(3).randint(2**31))
    order, shuffled = np.arange(12), np.arange(12)
    baseline = -np.abs(model.predict(RAGGED) - y).mean()
    for repeat in range(2):
        rng.shuffle(shuffled)
        order = order[shuffled]
        for lag, feature in np.ndindex(5, 3):
            X = permuted_plainly(RAGGED, lag, feature, order)
            expected = baseline + np.abs(model.predict(X) - y).mean()
            found = result.importances[lag, feature, repeat]
            assert_allclose(found, expected, atol=1e-6)


def test_a_lag_of_one_sequence_alone_has_no_importance():
    X = [*RAGGED, np.ones((7, 3))]
    y = np.arange(13.0)
    model = LSTMRegressor(**SMALL).fit(X, y)
    result = timestep_importance(model, X, y, n_repeats=1)
    assert np.isnan(result.importances[5:]).all()
    assert not np.isnan(result.importances[:5]).any()


def test_what_the_net_cannot_see_has_no_importance_at_all():
    X = np.random.RandomState(0).normal(size=(12, 4, 3))
    model = LSTMRegressor(**SMALL | {"static_features": [1]}).fit(X, VALUES)
    importances = timestep_importance(model, X, VALUES, n_repeats=2).importances
    assert not importances[1:, 1].any()
    assert np.abs(importances[0]).min() > 0
    gradients = gradient_attribution(model, X).gradients
    assert not gradients[:, :-1, 1].any()
    with torch.no_grad():  # no weight for feature 2
        model.module_.lstm.weight_ih_l0[:, 1] = 0
        model.module_.skip.weight[:, 1:8:2] = 0
    importances = timestep_importance(model, X, VALUES, n_repeats=2).importances
    assert not importances[:, 2].any()
    assert importances[:, 0].all()


TABLE = np.cumsum(np.random.RandomState(0).normal(size=(90, 2)), axis=0)
MODELS = {
    "pipeline": lambda: make_pipeline(
        StepTransformer(StandardScaler()), SequenceWindower(5), LSTMRegressor(**SMALL)
    ),
    "series": lambda: make_pipeline(
        SequenceWindower(5), LSTMRegressor(**SMALL, unroll="series", linear_skip=False)
    ),
    "anchored": lambda: make_pipeline(
        SequenceWindower(5), AnchoredRegressor(LSTMRegressor(**SMALL))
    ),
    "window inside": lambda: AnchoredRegressor(
        make_pipeline(SequenceWindower(5), LSTMRegressor(**SMALL))
    ),
    "search": lambda: GridSearchCV(
        make_pipeline(SequenceWindower(5), LSTMRegressor(**SMALL)),
        {"lstmregressor__hidden_size": [3]},
        cv=TimeSeriesSplit(2),
        scoring="neg_mean_absolute_error",
    ),
    "conformal": lambda: ConformalRegressor(
        make_pipeline(SequenceWindower(5), LSTMRegressor(**SMALL))
    ),
    "target": lambda: TransformedTargetRegressor(
        make_pipeline(SequenceWindower(5), LSTMRegressor(**SMALL)),
        func=lambda y: y / 2,
        inverse_func=lambda y: 2 * y,
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_models_around_an_lstm(name):
    X, y = make_supervised(TABLE, target=0)
    model = MODELS[name]().fit(X, y)
    before = model.predict(X)
    assert gate_activations(model, X).cell_state.shape[:2] == (89, 5)
    gradients = gradient_attribution(model, X).gradients
    assert gradients.shape == (89, 5, 2)
    assert hidden_states(model, X).shape[0] == 89
    assert memory_length(model, X, n_repeats=1).memory_length in range(1, 6)
    result = timestep_importance(model, X, y, n_repeats=2, random_state=0)
    assert result.importances.shape == (5, 2, 2)
    assert result.importances.all()
    assert_array_equal(model.predict(X), before)
    if name in ("pipeline", "search"):
        # What is permuted has the score of the model, with its own scorer.
        score = model.score(X, y) - result.importances[0, 0, 0]
        windows = np.asarray(getattr(model, "best_estimator_", model)[:-1].transform(X))
        order = np.arange(89)
        seed = np.random.RandomState(0).randint(2**31)
        np.random.RandomState(seed).shuffle(order)
        windows[:, -1, 0] = windows[order, -1, 0]
        lstm = getattr(model, "best_estimator_", model)[-1]
        if name == "search":
            expected = -np.abs(lstm.predict(windows) - y).mean()
        else:
            expected = lstm.score(windows, y)
        assert_allclose(score, expected, rtol=1e-5)


# How far back.


def test_memory_of_a_known_length(lagged):
    model, X, _ = lagged
    result = memory_length(model, X, random_state=0)
    assert result.memory_length == LAG + 1
    assert result.effects.argmax() == LAG
    assert_allclose(result.effects[LAG], 1, atol=0.15)  # the whole variance
    assert_allclose(result.share_beyond, np.arange(LENGTH) < LAG, atol=0.05)
    assert_array_equal(result.lags, np.arange(LENGTH))
    everything = memory_length(model, X, level=0, n_repeats=1)
    assert everything.memory_length == LENGTH


@pytest.mark.parametrize("length", [1, 2, 5])
def test_the_memory_is_never_longer_than_the_window(length):
    X, y = make_supervised(TABLE, target=0)
    lstm = LSTMRegressor(**SMALL)
    model = make_pipeline(SequenceWindower(length), lstm).fit(X, y)
    result = memory_length(model, X, level=0, n_repeats=1)
    assert result.memory_length == length
    assert result.effects.shape == (length,)


def test_effects_are_shares_of_the_variance_of_an_additive_model():
    X = np.random.RandomState(0).normal(size=(3000, 4, 1))
    y = X[:, :, 0] @ [0.0, 1.0, 2.0, 0.0]
    model = LSTMRegressor(**SMALL).fit(X, y)
    with torch.no_grad():  # a line is all there is
        model.module_.head.weight[:] = 0
    weights = model.module_.skip.weight.detach().numpy()[0]  # from lag 0 on
    result = memory_length(model, X, n_repeats=3, random_state=0)
    assert_allclose(result.effects, weights**2 / (weights**2).sum(), atol=0.05)
    assert result.memory_length == 3
    with torch.no_grad():
        model.module_.skip.weight[:] = 0
    assert memory_length(model, X[:10], n_repeats=1).memory_length == 0


def test_steps_that_matter_together_belong_to_the_memory():
    """A net subtracts the mean of 29 steps, each of which has nearly no effect."""
    rng = np.random.RandomState(0)
    X = rng.normal(size=(2000, 1)) + 0.3 * rng.normal(size=(2000, 30))
    model = LSTMRegressor(**SMALL, frame_size=1).fit(X, X[:, 0] + X[:, -1])
    with torch.no_grad():
        model.module_.head.weight[:] = 0
        model.module_.skip.weight[:] = -1 / 29
        model.module_.skip.weight[:, 0] = 1  # from lag 0 on
    result = memory_length(model, X, n_repeats=1, random_state=0)
    assert result.effects[1:].sum() < 0.05 * result.effects.sum()
    assert result.memory_length == 29
    # Two independent sums of the first k steps, in a variance of 0.09 * (1 + 1/29).
    k = 29 - np.arange(30)
    expected = (k**2 + 0.09 * k) / 29**2 / 0.09 / (1 + 1 / 29)
    assert_allclose(result.share_beyond, expected, rtol=0.1)


def test_static_features_are_no_part_of_the_memory():
    rng = np.random.RandomState(0)
    X = rng.normal(size=(400, 6, 2))
    X[:, :, 1] = 9 * X[:, -1:, 1]
    y = X[:, -4, 0] + X[:, 0, 1]
    model = LSTMRegressor(8, static_features=[1], random_state=0).fit(X, y)
    assert model.score(X, y) > 0.999
    assert memory_length(model, X, random_state=0).memory_length == 4


def test_memory_of_classifiers_and_ragged_sequences():
    model = LSTMClassifier(**SMALL).fit(RAGGED, LABELS)
    result = memory_length(model, RAGGED, random_state=0)
    again = memory_length(model, RAGGED, random_state=0)
    assert_array_equal(result.effects, again.effects)
    assert (result.effects > 0).all()
    assert 1 <= result.memory_length <= 5
    longer = memory_length(model, [*RAGGED, np.ones((9, 3))], random_state=0)
    assert_array_equal(longer.lags, np.arange(5))


def test_a_frozen_model_is_looked_into():
    model = LSTMRegressor(**SMALL).fit(RAGGED, VALUES)
    frozen = FrozenEstimator(make_pipeline(model))
    assert_array_equal(hidden_states(frozen, RAGGED), hidden_states(model, RAGGED))
    results = [
        timestep_importance(each, RAGGED, VALUES, n_repeats=2, random_state=0)
        for each in (frozen, model)
    ]
    assert_array_equal(results[0].importances, results[1].importances)
    assert results[0].baseline_score == model.score(RAGGED, VALUES)


@pytest.mark.parametrize("tuned", [True, False])
def test_a_threshold_is_passed(tuned):
    y = LABELS[0] == LABELS
    model = LSTMClassifier(**SMALL).fit(RAGGED, y)
    frozen, scoring = FrozenEstimator(model), "balanced_accuracy"
    if tuned:
        around = TunedThresholdClassifierCV(frozen, cv="prefit", refit=False)
    else:
        around = FixedThresholdClassifier(frozen, threshold=0.3)
    around.fit(RAGGED, y)
    assert_array_equal(hidden_states(around, RAGGED), hidden_states(model, RAGGED))
    result = timestep_importance(around, RAGGED, y, by="lag", scoring=scoring)
    score = balanced_accuracy_score(y, around.predict(RAGGED))
    assert result.baseline_score == score


# Mistakes.

FUNCTIONS = {
    "gates": gate_activations,
    "states": hidden_states,
    "gradients": gradient_attribution,
    "importance": lambda model, X: timestep_importance(model, X, VALUES),
    "memory": memory_length,
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_mistakes(name):
    inspect = FUNCTIONS[name]
    with pytest.raises(NotFittedError):
        inspect(LSTMRegressor(), RAGGED)
    with pytest.raises(NotFittedError):
        inspect(Pipeline([("lstm", LSTMRegressor())]), RAGGED)
    model = LSTMRegressor(**SMALL).fit(RAGGED, VALUES)
    assert "2 features in each step" in message_of(
        inspect, model, [x[:, :2] for x in RAGGED]
    )
    ridge = Ridge().fit(FORMS["flat"], VALUES)
    assert "Ridge does not end in an LSTM" in message_of(inspect, ridge, FORMS["flat"])
    X = make_histories(TABLE[:12])
    params = {"unroll": "series", "linear_skip": False}
    model = LSTMRegressor(**SMALL | params).fit(X, VALUES)
    if name == "states":
        assert inspect(model, X).shape == (12, 4)
    else:
        message = message_of(inspect, model, X)
        assert "whole histories of up to 12 steps" in message
        assert "X.tail(n_steps)" in message
    inspect(model, X.tail(3))


def test_mistakes_of_single_functions():
    model = LSTMRegressor(**SMALL).fit(RAGGED, VALUES)
    text = "layer=1 is out of range: LSTMRegressor has 1 layer(s); give one from 0 to 0"
    assert text in message_of(gate_activations, model, RAGGED, layer=1)
    assert "-2 is out of" in message_of(gate_activations, model, RAGGED, layer=-2)
    text = "LSTMRegressor was fitted with bidirectional=False"
    assert text in message_of(gate_activations, model, RAGGED, direction="backward")
    assert "inconsistent numbers" in message_of(
        timestep_importance, model, RAGGED, VALUES[1:]
    )
    one = [RAGGED[0]]
    text = "X is 1 sequence, among which nothing can be permuted"
    assert text in message_of(timestep_importance, model, one, VALUES[:1])
    assert text in message_of(memory_length, model, one)
    assert "expected a number: give a single scorer" in message_of(
        timestep_importance,
        *(model, RAGGED, VALUES),
        scoring=lambda estimator, X, y: {"a": 1.0},
    )


def test_nothing_is_left_behind():
    model = LSTMRegressor(**SMALL).fit(RAGGED, VALUES)
    before, kept = outputs(model, RAGGED), copy.copy(vars(model))
    for inspect in FUNCTIONS.values():
        inspect(model, RAGGED)
    assert vars(model) == kept
    assert_array_equal(outputs(model, RAGGED), before)


def test_the_example_shows_a_cell_that_keeps_a_cue(monkeypatch):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    monkeypatch.setattr(pyplot, "show", lambda: None)
    path = Path(__file__).parents[1] / "examples" / "plot_cell.py"
    example = runpy.run_path(str(path))
    pyplot.close("all")
    assert example["model"].score(example["X_test"], example["y_test"]) > 0.95
    unit, at = example["unit"], example["at"]
    gates = example["activations"]
    mark = np.arange(60) == at[:, None]
    wait = np.arange(60) > at[:, None]
    assert wait.sum(axis=1).min() >= 50
    # Open over the whole wait: what is kept of a cell is the product of its gates.
    forget = gates.forget_gate[..., unit]
    assert forget[wait].mean() > 0.95
    assert forget[mark].mean() < 0.2
    assert gates.input_gate[..., unit][mark].mean() > 0.8
    assert gates.input_gate[..., unit][wait].mean() < 0.1
    kept = [
        np.corrcoef(cell, example["y_test"])[0, 1]
        for cell in gates.cell_state[:, 10:, unit].T
    ]
    assert np.abs(kept).min() > 0.9
