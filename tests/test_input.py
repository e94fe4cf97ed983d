"""What X may be: its forms, layouts, types and names change no prediction."""

import copy
import pickle

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import _safe_indexing

from sklstm import (
    LSTMClassifier,
    LSTMRegressor,
    Sequences,
    SequenceWindower,
    StepTransformer,
    make_histories,
)
from sklstm.forecasting import AnchoredRegressor
from tests._data import (
    COLUMNS,
    EQUAL,
    FORMS,
    LABELS,
    RAGGED,
    RNG,
    SERIES,
    VALUES,
    N,
    as_objects,
    frame,
    make,
    message_of,
    outputs,
    target,
)

MODES = {
    "last": {},
    "mean": {"pooling": "mean"},
    "max": {"pooling": "max"},
    "two_layers": {"num_layers": 2, "dropout": 0.5},
    "float64": {"dtype": "float64"},
    "raw": {"standardize": False},
    "bidirectional": {"bidirectional": True},
    "bidirectional_mean": {"bidirectional": True, "pooling": "mean"},
    "bidirectional_max": {"bidirectional": True, "pooling": "max"},
}


@pytest.mark.parametrize(
    ("plain", "others"),
    [
        ("array", ["flat", "frame"]),
        (
            "ragged",
            ["tuple", "object", "nan_front", "nan_back", "frames", "sequences"],
        ),
    ],
)
def test_the_same_sequences_in_any_form_give_the_same_bits(Estimator, plain, others):
    y = target(Estimator)
    expected = outputs(make(Estimator).fit(FORMS[plain], y), FORMS[plain])
    for other in others:
        estimator = make(Estimator, other).fit(FORMS[other], y)
        assert_array_equal(outputs(estimator, FORMS[other]), expected)


def test_a_list_of_equal_sequences_is_their_array(Estimator):
    estimator = make(Estimator).fit(EQUAL, target(Estimator))
    expected = outputs(estimator, EQUAL)
    for X in (list(EQUAL), EQUAL.tolist(), as_objects(list(EQUAL))):
        assert_array_equal(outputs(estimator, X), expected)
        assert_array_equal(
            outputs(clone(estimator).fit(X, target(Estimator)), X), expected
        )


def test_a_window_is_its_rows(Estimator):
    windows = FORMS["windows"]
    estimator = make(Estimator).fit(windows, target(Estimator))
    rows = [SERIES[max(t - 3, 0) : t + 1] for t in range(N)]
    assert_array_equal(outputs(estimator, windows), outputs(estimator, rows))


def test_fit_and_predict_leave_their_input_alone(Estimator, form):
    X, y, weight = FORMS[form], target(Estimator), np.arange(N) + 0.5
    before = pickle.dumps((X, y, weight))
    for standardize in (True, False):
        estimator = make(Estimator, form, standardize=standardize)
        outputs(estimator.fit(X, y, sample_weight=weight), X)
    assert pickle.dumps((X, y, weight)) == before


def test_fit_twice_is_fit_once(fitted, Estimator, form):
    X = FORMS[form]
    once = outputs(fitted, X)
    again = copy.deepcopy(fitted).fit(X, target(Estimator))
    assert_array_equal(outputs(again, X), once)
    assert again.n_iter_ == 2
    assert again.loss_curve_ == fitted.loss_curve_


def test_refitting_forgets_other_input(fitted, Estimator, form):
    other = make(Estimator, form).set_params(n_timesteps=None)
    other.fit(pd.DataFrame(RNG.normal(size=(20, 7))), np.arange(20) % 2)
    other.set_params(n_timesteps=fitted.n_timesteps)
    other.fit(FORMS[form], target(Estimator))
    assert_array_equal(outputs(other, FORMS[form]), outputs(fitted, FORMS[form]))
    assert vars(other).keys() == vars(fitted).keys()


def test_fitted_attributes(fitted, form):
    two_d = form in ("flat", "univariate", "frame")
    assert fitted.n_features_in_ == (12 if two_d else 3)
    assert hasattr(fitted, "feature_names_in_") == (form in ("frame", "frames"))
    assert fitted.n_iter_ == len(fitted.loss_curve_) == 2
    assert fitted.validation_scores_ is fitted.validation_loss_curve_ is None
    assert isinstance(fitted.module_, torch.nn.Module)


def test_order_does_not_matter_to_predict(fitted, form):
    X = FORMS[form]
    order = np.random.RandomState(1).permutation(N)
    permuted = outputs(fitted, _safe_indexing(X, order))
    assert_array_equal(permuted, outputs(fitted, X)[order])


@pytest.mark.parametrize("chosen", [[3], [7, 2], [0, 0, 5], list(range(0, N, 2))])
def test_a_subset_is_predicted_as_in_the_whole(fitted, form, chosen):
    X = FORMS[form]
    part = outputs(fitted, _safe_indexing(X, chosen))
    assert_array_equal(part, outputs(fitted, X)[chosen])


def test_input_may_be_pickled(fitted, form):
    some = _safe_indexing(FORMS[form], [7, 2, 9])
    back = pickle.loads(pickle.dumps(some))
    assert_array_equal(outputs(fitted, back), outputs(fitted, some))


@pytest.mark.parametrize("hidden_size", [3, 8, 33])
@pytest.mark.parametrize("mode", MODES)
def test_neighbours_change_no_bit_of_a_sequence(Estimator, mode, hidden_size):
    estimator = make(Estimator, hidden_size=hidden_size, **MODES[mode])
    estimator.fit(RAGGED, target(Estimator))
    together = outputs(estimator, RAGGED)
    long = RNG.normal(size=(700, 3))
    for i, sequence in enumerate(RAGGED):
        assert_array_equal(outputs(estimator, [sequence]), together[[i]])
    assert_array_equal(outputs(estimator, [long, *RAGGED])[1:], together)
    assert_array_equal(outputs(estimator, [long, RAGGED[4]])[1:], together[[4]])
    many = outputs(estimator, RAGGED * 20)
    assert_array_equal(many, np.concatenate([together] * 20))


def test_predict_does_not_depend_on_the_size_of_its_batches(Estimator, monkeypatch):
    estimator = make(Estimator).fit(RAGGED, target(Estimator))
    X = RAGGED * 20
    at_once = outputs(estimator, X)
    monkeypatch.setattr("sklstm._net._batches.PREDICTION_STEPS", 1)
    assert_array_equal(outputs(estimator, X), at_once)


def test_dropout_is_off_in_predict(Estimator):
    estimator = make(Estimator, dropout=0.9).fit(RAGGED, target(Estimator))
    assert_array_equal(outputs(estimator, RAGGED), outputs(estimator, RAGGED))


def test_lengths_may_differ_between_fit_and_predict(Estimator):
    estimator = make(Estimator).fit(EQUAL, target(Estimator))
    for n_timesteps in (1, 3, 9):
        X = RNG.normal(size=(5, n_timesteps, 3))
        assert_array_equal(outputs(estimator, X), outputs(estimator, list(X)))
        padded = np.concatenate([np.full((5, 2, 3), np.nan), X], axis=1)
        assert_array_equal(outputs(estimator, X), outputs(estimator, padded))


@pytest.mark.filterwarnings("ignore:X is 12 sequences of 1 step")
@pytest.mark.parametrize("shape", [(N, 1, 3), (N, 4, 1), (N, 1, 1), (N, 1)])
def test_one_step_and_one_feature(Estimator, shape):
    X = RNG.normal(size=shape)
    estimator = make(Estimator).fit(X, target(Estimator))
    assert np.isfinite(outputs(estimator, X)).all()
    assert estimator.predict(X).shape == (N,)
    assert len(np.unique(outputs(estimator, X))) > 1


@pytest.mark.parametrize("form", ["array", "list", "float32", "padded"])
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_channels_before_time_are_told_of(Estimator, form, method):
    X = RNG.normal(size=(N, 1, 30))
    given = {"array": X, "list": list(X), "float32": X.astype(np.float32)}
    given["padded"] = np.concatenate([X, np.full_like(X, np.nan)], axis=1)
    y = target(Estimator)
    more = {}
    if Estimator is LSTMClassifier and method == "partial_fit":
        more["classes"] = np.unique(y)
    message = r"12 sequences of 1 step of 30 features, .* give np.transpose"
    with pytest.warns(UserWarning, match=message) as caught:
        fitted = getattr(make(Estimator), method)(given[form], y, **more)
    # Whether so little has learned enough is another question.
    caught = [w for w in caught if w.category is not ConvergenceWarning]
    assert len(caught) == 1
    assert "\n" not in str(caught[0].message)
    fitted.predict(given[form])  # warnings are errors in these tests
    getattr(make(Estimator), method)(np.transpose(X, (0, 2, 1)), y, **more)
    with pytest.warns(UserWarning, match=message):
        StepTransformer(StandardScaler()).fit(given[form])
    StepTransformer(StandardScaler()).fit(np.transpose(X, (0, 2, 1)))


def test_one_step_that_is_meant_is_not_told_of(Estimator):
    y = target(Estimator)
    make(Estimator).fit(SequenceWindower(1).fit_transform(SERIES), y)
    make(Estimator, n_timesteps=1).fit(SERIES, y)
    make(Estimator).fit(SERIES[:, np.newaxis, :1], y)


def test_one_sample():
    regressor = make(LSTMRegressor).fit(EQUAL[:1], [5.0])
    assert_allclose(regressor.predict(EQUAL[:1]), [5.0], atol=0.5)
    classifier = make(LSTMClassifier).fit(EQUAL, LABELS)
    assert classifier.predict(EQUAL[:1]).shape == (1,)


def test_a_constant_feature_and_a_constant_target(Estimator):
    X = EQUAL.copy()
    X[..., 1] = 7.0
    estimator = make(Estimator).fit(X, target(Estimator))
    assert np.isfinite(outputs(estimator, X)).all()
    constant = make(LSTMRegressor).fit(X, np.full(N, 3.0)).predict(X)
    assert_allclose(constant, 3.0, atol=0.5)


# Memory and types


def memory_mapped(X, tmp_path):
    joblib.dump(X, tmp_path / "X.joblib")
    return joblib.load(tmp_path / "X.joblib", mmap_mode="r")


def raw_memory_map(X, tmp_path):
    X.tofile(tmp_path / "X.raw")
    return np.memmap(tmp_path / "X.raw", dtype=X.dtype, mode="r", shape=X.shape)


def read_only(X, _):
    X = X.copy()
    X.setflags(write=False)
    return X


def strided(X, _):
    return np.repeat(X, 2, axis=0)[::2]


def reversed_twice(X, _):
    return X[..., ::-1].copy()[..., ::-1]


def fortran(X, _):
    return np.asfortranarray(X)


LAYOUTS = [memory_mapped, raw_memory_map, read_only, strided, reversed_twice, fortran]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", ["flat", "univariate", "array", "nan_front"])
@pytest.mark.parametrize("params", [{}, {"standardize": False, "dtype": "float64"}])
def test_memory_layout_does_not_matter(Estimator, layout, name, params, tmp_path):
    X, y = FORMS[name], target(Estimator)
    expected = outputs(make(Estimator, name, **params).fit(X, y), X)
    laid_out = layout(X, tmp_path)
    assert_array_equal(laid_out, X)
    estimator = make(Estimator, name, **params).fit(laid_out, y)
    assert_array_equal(outputs(estimator, laid_out), expected)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("standardize", [True, False])
def test_memory_layout_of_the_table_does_not_matter(layout, standardize, tmp_path):
    windows = FORMS["windows"]
    table = layout(windows.steps, tmp_path)
    same = Sequences(table, windows.starts, windows.lengths)
    estimator = make(LSTMRegressor, standardize=standardize)
    expected = estimator.fit(windows, VALUES).predict(windows)
    assert_allclose(estimator.fit(same, VALUES).predict(same), expected, rtol=1e-4)
    assert_allclose(LSTMRegressor.predict(estimator, same[:5]), expected[:5], rtol=1e-4)


@pytest.mark.parametrize("kind", ["f4", "f2", "i8", "i4", "u1", "?", ">f8"])
@pytest.mark.parametrize("name", ["flat", "array", "list", "sequences"])
@pytest.mark.parametrize("standardize", [True, False])
def test_type_of_the_input_does_not_matter(kind, name, standardize):
    X = np.random.RandomState(0).randint(0, 2 if kind == "?" else 9, size=(N, 4, 3))
    typed = X.astype(kind)
    typed = {
        "flat": typed.reshape(N, 12),
        "array": typed,
        "list": list(typed),
        "sequences": Sequences.from_arrays(typed),
    }[name]
    estimator = make(LSTMRegressor, name, standardize=standardize)
    expected = clone(estimator).set_params(n_timesteps=None)
    expected = expected.fit(X.astype(float), VALUES).predict(X.astype(float))
    predicted = estimator.fit(typed, VALUES).predict(typed)
    assert_allclose(predicted, expected, rtol=1e-3, atol=1e-3)
    assert predicted.dtype == np.float64


@pytest.mark.parametrize("name", ["flat", "array", "ragged"])
def test_objects_that_are_numbers_are_read(Estimator, name):
    X, y = FORMS[name], target(Estimator)
    expected = outputs(make(Estimator, name).fit(X, y), X)
    objects = [x.astype(object) for x in X]
    objects = objects if name == "ragged" else np.array(objects)
    estimator = make(Estimator, name).fit(objects, y)
    assert_array_equal(outputs(estimator, objects), expected)


@pytest.mark.parametrize("value", [1e9, np.nan, np.inf])
def test_rows_that_no_sequence_holds_may_be_anything(Estimator, value):
    windows, y = FORMS["windows"], target(Estimator)
    table = np.vstack([np.full((3, 3), value), windows.steps, [[value] * 3]])
    X = Sequences(table, windows.starts + 3, windows.lengths)
    expected = outputs(make(Estimator).fit(windows, y), windows)
    assert_array_equal(outputs(make(Estimator).fit(X, y), X), expected)


# Names


def test_names_come_along_through_the_windower(Estimator):
    X = make_histories(frame(SERIES))
    windows = SequenceWindower(3).fit_transform(X)
    assert windows.feature_names.tolist() == COLUMNS
    assert windows[2:5].feature_names.tolist() == COLUMNS
    assert pickle.loads(pickle.dumps(windows)).feature_names.tolist() == COLUMNS
    pipeline = make_pipeline(SequenceWindower(3), make(Estimator))
    pipeline.fit(X, target(Estimator))
    assert pipeline.feature_names_in_.tolist() == COLUMNS
    assert pipeline[-1].feature_names_in_.tolist() == COLUMNS
    plain = make(Estimator).fit(windows, target(Estimator))
    assert_array_equal(outputs(pipeline, X), outputs(plain, windows))


def test_names_of_a_frame(Estimator):
    estimator = make(Estimator, "frame").fit(FORMS["frame"], target(Estimator))
    assert estimator.feature_names_in_.tolist() == [f"s{i}" for i in range(12)]
    estimator.fit(FORMS["flat"], target(Estimator))
    assert not hasattr(estimator, "feature_names_in_")


def test_names_that_are_numbers_are_none(Estimator):
    frames = [pd.DataFrame(array) for array in RAGGED]
    estimator = make(Estimator).fit(frames, target(Estimator))
    assert not hasattr(estimator, "feature_names_in_")


@pytest.mark.parametrize("library", [pd, pl], ids=["pandas", "polars"])
def test_a_series_of_sequences_is_a_list_of_them(Estimator, library):
    rows = [x.ravel().tolist() for x in EQUAL]
    y = target(Estimator)
    expected = outputs(make(Estimator).fit(np.array(rows), y), np.array(rows))
    series = library.Series(rows)
    assert_array_equal(outputs(make(Estimator).fit(series, y), series), expected)
    arrays = np.empty(N, dtype=object)
    arrays[:] = list(EQUAL)
    if library is pd:
        named = pd.Series(arrays, index=list("abcdefghijklmnopqrst"[:N]))
        expected = outputs(make(Estimator).fit(list(EQUAL), y), list(EQUAL))
        assert_array_equal(outputs(make(Estimator).fit(named, y), named), expected)


VALUES_OF_EACH = [x[:, 0] for x in RAGGED]
UNIVARIATE = {
    "lists": [x.tolist() for x in VALUES_OF_EACH],
    "arrays": VALUES_OF_EACH,
    "tuple": tuple(VALUES_OF_EACH),
    "objects": as_objects(VALUES_OF_EACH),
    "series": [pd.Series(x, index=range(len(x))[::-1]) for x in VALUES_OF_EACH],
    "a series of arrays": pd.Series(VALUES_OF_EACH, index=range(N)[::-1]),
    "a series of lists": pl.Series([x.tolist() for x in VALUES_OF_EACH]),
    "a nested dataframe": pd.DataFrame({0: [pd.Series(x) for x in VALUES_OF_EACH]}),
}


@pytest.mark.parametrize("kind", UNIVARIATE)
def test_values_alone_are_sequences_of_one_feature(Estimator, kind):
    X, y = UNIVARIATE[kind], target(Estimator)
    columns = [x[:, :1] for x in RAGGED]
    expected = make(Estimator).fit(columns, y)
    model = pickle.loads(pickle.dumps(make(Estimator).fit(X, y)))
    assert model.n_features_in_ == 1
    assert_array_equal(outputs(model, X), outputs(expected, columns))
    scaler = StepTransformer(StandardScaler())
    scaled = scaler.fit_transform(X)
    assert_array_equal(scaled.steps, scaler.fit_transform(columns).steps)


@pytest.mark.parametrize("length", [1, 3])
def test_values_alone_are_read_as_in_fit_if_they_are_equally_many(Estimator, length):
    y = target(Estimator)
    equal = [x[:length] for x in VALUES_OF_EACH if len(x) >= length][:2]
    columns = [x.reshape(-1, 1) for x in equal]
    model = make(Estimator).fit(UNIVARIATE["lists"], y)
    scaler = StepTransformer(StandardScaler()).fit(UNIVARIATE["lists"])
    anchored = AnchoredRegressor(make(LSTMRegressor)).fit(UNIVARIATE["lists"], VALUES)
    for X in ([x.tolist() for x in equal], pd.Series(equal), as_objects(equal)):
        assert_array_equal(outputs(model, X), outputs(model, columns))
        assert_array_equal(scaler.transform(X).steps, scaler.transform(columns).steps)
        assert_array_equal(anchored.predict(X), anchored.predict(columns))
    rows = np.array(equal)
    scaler.fit(rows)  # a table again, though it held sequences before
    assert_array_equal(scaler.transform(equal), scaler.transform(rows))
    model = make(Estimator).fit(equal * 3, y[:6])
    assert_array_equal(outputs(model, equal), outputs(model, rows))
    assert model.n_features_in_ == length


def test_a_dataframe_of_series_is_read_by_its_columns(Estimator):
    """As those of sktime: a row for each sequence, a column for each feature."""
    y = target(Estimator)
    columns = {c: [x[:, i] for x in RAGGED] for i, c in enumerate(COLUMNS)}
    expected = make(Estimator).fit(FORMS["frames"], y)
    in_pandas = pd.DataFrame({c: [*map(pd.Series, x)] for c, x in columns.items()})
    in_polars = pl.DataFrame(columns)
    for nested in (in_pandas, in_polars):
        model = make(Estimator).fit(nested, y)
        assert model.feature_names_in_.tolist() == COLUMNS
        assert_array_equal(outputs(model, nested), outputs(expected, FORMS["frames"]))
    scaler = StepTransformer(StandardScaler())
    steps = scaler.fit_transform(in_pandas).steps
    assert_allclose(steps, scaler.fit_transform(FORMS["frames"]).steps)
    for cell in (pd.Series([1.0]), 1.0, np.ones((2, 1))):
        in_pandas.at[1, "b"] = cell
        message = message_of(model.fit, in_pandas, y)
        shapes = f"[(5,), {np.shape(cell)}, (5,)]"
        assert message.startswith(f"Row 1 of X has cells of the shapes {shapes}; ")


@pytest.mark.parametrize("name", ["one window", "a column", "a table"])
def test_one_sequence_without_its_axis_is_not_many(Estimator, name):
    """A window of one feature looks like many sequences of one step."""
    windows = SequenceWindower(6).fit_transform(np.arange(20.0)[:, None])
    X = windows if name == "a table" else np.asarray(windows)[6:]
    model = make(Estimator).fit(X, np.arange(len(X)) % 2)
    wrong = X[0] if name == "one window" else np.ones((9, 1))
    message = message_of(model.predict, wrong)
    assert "was fitted to sequences, of 1 features in each step" in message
    if name == "one window":
        assert len(model.predict(X[0][np.newaxis])) == 1


def test_sequences_are_iterated_one_by_one():
    windows = SequenceWindower(3).fit_transform(np.arange(5.0)[:, None])
    assert [x.ravel().tolist() for x in windows][3] == [1.0, 2.0, 3.0]
    assert len(pd.Series(list(windows))) == 5


@pytest.mark.parametrize("library", [pd, pl])
def test_a_series_of_lists_has_as_many_features_as_a_table(library):
    table, y = np.arange(30.0).reshape(10, 3), np.arange(10.0)
    model = LSTMRegressor(2, max_epochs=1).fit(np.zeros((10, 5, 2)), y)
    model.fit(library.Series(table.tolist()), y)
    assert model.n_features_in_ == 3
    assert model.predict(table).shape == (10,)
