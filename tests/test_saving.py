"""What is saved of an estimator: its versions, its size, and damage that is refused."""

import copy
import pickle
import subprocess
import sys
import warnings
from importlib.metadata import version

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import InconsistentVersionWarning
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklstm import (
    LSTMClassifier,
    LSTMRegressor,
    SequenceEncoder,
    SequenceWindower,
    StepTransformer,
    __version__,
    drop_training_state,
    make_supervised,
)
from sklstm.forecasting import AnchoredRegressor, AutoForecaster, NaiveRegressor
from tests._data import EQUAL, SERIES, VALUES, make, message_of, outputs, target
from tests._mutations import mutate

X, Y = make_supervised(np.random.RandomState(0).normal(size=(60, 1)).cumsum(axis=0))


def of_all_kinds():
    """Sequences of a number, one that may be missing, an id, and a static number."""
    steps = np.random.RandomState(1).normal(size=(20, 4, 4))
    steps[::3, 2, 1] = np.nan
    steps[:, :, 2] = np.arange(20)[:, None] % 3
    steps[:, :, 3] = steps[:, :1, 3]
    return steps


KINDS = of_all_kinds()
WINDOWS = SequenceWindower(4).fit_transform(SERIES)
READ = {"categorical_features": [2], "embedding_size": 2, "static_features": [3]}
LETTERS = np.array(["a", "b", "c"])[np.arange(20) % 3]


def fit_all():
    return {
        "regressor": make(LSTMRegressor, **READ).fit(KINDS, KINDS[:, 0, 0]),
        "quantiles": make(LSTMRegressor, loss="quantile", quantile=[0.1, 0.9]).fit(
            KINDS, KINDS[:, 0, :2]
        ),
        "classifier": make(LSTMClassifier, **READ, num_layers=2).fit(KINDS, LETTERS),
        "series": make(LSTMRegressor, unroll="series", optimizer="sgd").fit(
            WINDOWS, VALUES
        ),
    }


@pytest.fixture(scope="module")
def models():
    return fit_all()


INPUTS = dict.fromkeys(["regressor", "quantiles", "classifier"], KINDS) | {
    "series": WINDOWS
}


def load(kind, state):
    estimator = object.__new__(kind)
    estimator.__setstate__(state)
    return estimator


def state_of(estimator):
    return copy.deepcopy(estimator.__getstate__())


def is_plain(value):
    if isinstance(value, dict):
        return all(is_plain(key) and is_plain(inside) for key, inside in value.items())
    if isinstance(value, (list, tuple)):
        return type(value) in (list, tuple) and all(map(is_plain, value))
    if isinstance(value, (StandardScaler, np.random.RandomState)):
        return True
    return value is None or type(value) in (str, int, float, bool, np.ndarray)


@pytest.mark.parametrize("kind", INPUTS)
def test_a_state_is_plain_and_says_who_wrote_it(models, kind):
    state = models[kind].__getstate__()
    assert {name for name in state if not is_plain(state[name])} == set()
    assert state["_written_by"] == {
        "format": 1,
        "sklstm": __version__,
        "torch": version("torch"),
        "numpy": np.__version__,
    }


def test_other_optimizers_are_plain_too():
    lbfgs = make(LSTMRegressor, optimizer=torch.optim.LBFGS).fit(EQUAL, VALUES)
    assert is_plain(lbfgs.__getstate__()["net_"])
    back = pickle.loads(pickle.dumps(lbfgs))
    expected = lbfgs.partial_fit(EQUAL, VALUES).predict(EQUAL)
    assert_array_equal(back.partial_fit(EQUAL, VALUES).predict(EQUAL), expected)


class Adam(torch.optim.Adagrad):
    """An optimizer of another state than that of torch by this name."""


def test_a_name_is_not_taken_for_an_optimizer_of_torch():
    model = make(LSTMRegressor, optimizer=Adam).fit(EQUAL, VALUES)
    back = pickle.loads(pickle.dumps(model)).partial_fit(EQUAL, VALUES)
    expected = model.partial_fit(EQUAL, VALUES).predict(EQUAL)
    assert_array_equal(back.predict(EQUAL), expected)


def test_an_optimizer_may_count_in_double_precision():
    torch.set_default_dtype(torch.float64)
    try:
        model = make(LSTMRegressor, optimizer="rmsprop").fit(EQUAL, VALUES)
    finally:
        torch.set_default_dtype(torch.float32)
    back = pickle.loads(pickle.dumps(model)).partial_fit(EQUAL, VALUES)
    expected = model.partial_fit(EQUAL, VALUES).predict(EQUAL)
    assert_array_equal(back.predict(EQUAL), expected)


VERSIONED = {
    "LSTMRegressor": lambda: make(LSTMRegressor).fit(EQUAL, VALUES),
    "SequenceWindower": lambda: SequenceWindower(4).fit(SERIES),
    "StepTransformer": lambda: StepTransformer(StandardScaler()).fit(X),
    "SequenceEncoder": lambda: SequenceEncoder().fit(["to be", "or not"]),
    "NaiveRegressor": lambda: NaiveRegressor().fit(X, Y),
}


@pytest.mark.parametrize("name", VERSIONED)
def test_the_version_that_wrote_a_state_is_looked_at(name):
    estimator = VERSIONED[name]()
    state = state_of(estimator)
    state["_written_by"]["sklstm"] = "0.0.1"
    with pytest.warns(InconsistentVersionWarning, match=f"{name} of sklstm.*0.0.1"):
        load(type(estimator), state)
    state["_written_by"]["format"] = 2
    assert "reads format 1" in message_of(load, type(estimator), state)
    for unknown in ({}, {"sklstm": __version__}, "0.1"):
        state["_written_by"] = unknown
        message = message_of(load, type(estimator), state)
        assert message.startswith(f"The state of {name} does not say")
    del state["_written_by"]
    assert "does not say which version" in message_of(load, type(estimator), state)


@pytest.mark.parametrize("hidden_size", [64, 200])
def test_a_pickle_is_little_more_than_the_weights(hidden_size):
    model = LSTMRegressor(hidden_size, max_epochs=300, random_state=0)
    model.fit(EQUAL, VALUES)
    n_bytes = sum(weight.nbytes for weight in model.module_.state_dict().values())
    lean = drop_training_state(model)
    # Parameters and scalers; then generators of random numbers, and figures of epochs.
    assert len(pickle.dumps(lean)) < n_bytes + 3_000
    n_epochs = len(model.loss_curve_)
    assert len(pickle.dumps(model)) < 3 * n_bytes + 16_000 + 55 * n_epochs


def test_a_history_comes_back_as_it_was():
    model = make(LSTMRegressor, early_stopping=True, validation_fraction=0.25)
    model.fit(EQUAL, VALUES)
    model.set_params(early_stopping=False, warm_start=True).fit(EQUAL, VALUES)
    model.net_.history.record("note", ["any", "thing"])
    model.net_.history.new_batch()
    model.net_.history.record_batch("loss", 0.5)
    back = pickle.loads(pickle.dumps(model))
    assert back.net_.history[-1, "batches", -1] == {"loss": 0.5}
    for row in [*model.net_.history, *back.net_.history]:
        assert len(row.pop("batches")) >= 0
    assert back.net_.history == model.net_.history
    types = [[type(value) for value in row.values()] for row in back.net_.history]
    assert {*types[0]} == {float, int, bool}


NESTED = {
    "Pipeline": lambda lstm: make_pipeline(SequenceWindower(4), lstm),
    "GridSearchCV": lambda lstm: GridSearchCV(
        make_pipeline(SequenceWindower(4), lstm),
        {"lstmregressor__hidden_size": [3]},
        cv=KFold(2),
    ),
    "AnchoredRegressor": lambda lstm: AnchoredRegressor(
        make_pipeline(SequenceWindower(4), lstm)
    ),
    "AutoForecaster": lambda lstm: AutoForecaster(lstm=lstm, max_epochs=2),
}


@pytest.mark.parametrize("name", NESTED)
@pytest.mark.filterwarnings("ignore:AutoForecaster uses")
def test_training_state_is_dropped_wherever_it_stands(name):
    model = NESTED[name](make(LSTMRegressor)).fit(X, Y)
    before = pickle.dumps(model)
    lean = drop_training_state(model)
    assert b"exp_avg" in before
    assert pickle.dumps(model) == before
    saved = pickle.dumps(lean)
    assert b"exp_avg" not in saved
    for each in (lean, pickle.loads(saved), clone(model).fit(X, Y)):
        assert_array_equal(each.predict(X), model.predict(X))


def test_without_its_training_state_an_estimator_can_only_be_fitted_anew(Estimator):
    y = target(Estimator)
    model = make(Estimator, early_stopping=True, validation_fraction=0.3)
    model.fit(EQUAL, y).set_params(early_stopping=False)
    expected = clone(model).fit(EQUAL, y)
    lean = pickle.loads(pickle.dumps(drop_training_state(model)))
    assert lean.n_iter_ == model.n_iter_
    assert lean.best_loss_ == model.best_loss_
    for name in ("loss_curve_", "validation_scores_", "validation_loss_curve_"):
        assert getattr(lean, name) is None
        assert getattr(model, name) is not None
    assert "drop_training_state" in message_of(lean.partial_fit, EQUAL, y)
    lean.set_params(warm_start=True)
    assert "warm_start=False" in message_of(lean.fit, EQUAL, y)
    assert_array_equal(outputs(lean, EQUAL), outputs(model, EQUAL))
    lean.set_params(warm_start=False).fit(EQUAL, y)
    assert_array_equal(outputs(lean, EQUAL), outputs(expected, EQUAL))


def test_a_frozen_estimator_can_be_dropped_to_its_weights():
    model = FrozenEstimator(make(LSTMRegressor).fit(EQUAL, VALUES))
    lean = drop_training_state(model)
    assert lean.estimator.loss_curve_ is None
    assert_array_equal(lean.predict(EQUAL), model.predict(EQUAL))


@pytest.mark.parametrize("value", [-1, "nonsense", None, (1, 2)])
def test_parameters_of_no_sense_change_neither_loading_nor_predicting(Estimator, value):
    fitted = make(Estimator).fit(EQUAL, target(Estimator))
    expected = outputs(fitted, EQUAL)
    for name in fitted.get_params():
        model = copy.deepcopy(fitted).set_params(**{name: value})
        assert_array_equal(outputs(model, EQUAL), expected)
        with warnings.catch_warnings():
            if name == "device":
                warnings.filterwarnings("ignore", "The net is put on the CPU")
            back = pickle.loads(pickle.dumps(model))
        assert_array_equal(outputs(back, EQUAL), expected)


@pytest.mark.parametrize("kind", INPUTS)
@pytest.mark.parametrize("block", range(4))
def test_damage_is_refused_or_is_of_weights(models, kind, block):
    model, X = models[kind], INPUTS[kind]
    expected = outputs(model, X)
    n_refused = n_weights = 0
    for seed in range(100 * block, 100 * block + 100):
        state = state_of(model)
        path, how, new = mutate(state, np.random.default_rng(seed))
        case = f"{path} {how}"
        try:
            back = load(type(model), state)
        except ValueError as error:
            message = str(error)
            assert message.startswith(f"The state of {type(model).__name__} is"), case
            assert "\n" not in message
            n_refused += 1
            continue
        if {*path} & {"categorical_features", "static_features", "_missing"}:
            continue  # other places of the same number of features
        got = outputs(back, X)
        assert np.isfinite(got).all(), case
        if path[:2] == ("net_", "module"):
            other = copy.deepcopy(model)
            with torch.no_grad():
                other.module_.state_dict()[path[2]].copy_(torch.tensor(new))
            expected_now = outputs(other, X)
            n_weights += 1
        elif path[0] in ("scaler_", "target_scaler_") and how == "value":
            other = copy.deepcopy(model)
            setattr(vars(other)[path[0]], path[1], new)
            expected_now = outputs(other, X)
        elif path[0] in ("net_", "classes_", "_loss"):
            expected_now = expected
        else:
            continue
        assert_array_equal(got, expected_now, err_msg=case)
    assert n_refused > 20
    assert n_weights > 0


@pytest.mark.parametrize("kind", INPUTS)
@pytest.mark.parametrize("name", ["net_", "_sizes", "_architecture", "scaler_"])
def test_two_states_do_not_mix(models, kind, name):
    other = make(LSTMRegressor, hidden_size=5, pooling="last_mean", num_layers=3)
    other.fit(EQUAL[:, :, :2], VALUES)
    state = state_of(models[kind])
    state[name] = state_of(other)[name]
    message = message_of(load, type(models[kind]), state)
    assert message.startswith("The state of")


def test_half_a_training_state_is_refused(models):
    state = state_of(models["series"])
    del state["_random_state"]
    assert "a part of what" in message_of(load, LSTMRegressor, state)
    state = state_of(models["series"])
    state["net_"] = {"module": state["net_"]["module"]}
    assert "a part of what" in message_of(load, LSTMRegressor, state)


@pytest.mark.parametrize("state", [None, [], "net_", {}, {"hidden_size": 4}])
def test_what_is_no_state_is_told(state):
    assert message_of(load, LSTMRegressor, state).startswith("The state of")


def test_optimizer_state_is_of_the_sizes_of_weights(models):
    # The fused kernels of torch would write behind the end of a short array.
    for damage in (lambda a: a[:1], lambda a: a.astype(np.float64), lambda a: None):
        state = state_of(models["classifier"])
        moments = state["net_"]["optimizer"][0]
        moments["exp_avg"] = damage(moments["exp_avg"])
        assert "exp_avg" in message_of(load, LSTMClassifier, state)


TAMPER = """
import pickle, resource, sys
resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))
with open(sys.argv[1], "rb") as file:
    kind, states = pickle.load(file)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for state in states:
    try:
        object.__new__(kind).__setstate__(state)
    except ValueError as error:
        assert str(error).startswith("The state of"), error
    else:
        raise AssertionError(state["_sizes"], state["_architecture"])
assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 << 10
print(len(states))
"""


def test_sizes_are_checked_before_memory_is_taken(models, tmp_path):
    states = []
    for size in (10**6, 10**9, 10**12, 10**30):
        for name in ("_sizes", "_architecture"):
            for key, value in vars(models["regressor"])[name].items():
                if type(value) is int:
                    state = state_of(models["regressor"])
                    state[name][key] = size
                    states.append(state)
        own, ids, epochs = (state_of(models["regressor"]) for _ in range(3))
        ids["_sizes"]["n_ids"][0] = epochs["net_"]["history"]["n_epochs"] = size
        states += [own | {"n_outputs_": size}, own | {"_n_step_features": size}]
        states += [ids, epochs]
    path = tmp_path / "states.pickle"
    path.write_bytes(pickle.dumps((LSTMRegressor, states)))
    done = subprocess.run(
        [sys.executable, "-c", TAMPER, path], capture_output=True, text=True
    )
    assert done.stdout.strip() == str(len(states)), done.stderr
