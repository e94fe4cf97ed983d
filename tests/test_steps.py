"""Transformers of tables on the steps of sequences, against the table by hand."""

import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    PolynomialFeatures,
    StandardScaler,
)
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklstm import (
    LSTMRegressor,
    Sequences,
    SequenceWindower,
    StepTransformer,
    make_histories,
    make_supervised,
)

RNG = np.random.default_rng(0)
KEYS = {"group": "shop", "time": "day"}
TABLE = pd.DataFrame(
    {
        "shop": np.repeat(["a", "b", "c"], 20),
        "day": np.tile(np.arange(20), 3),
        "load": RNG.normal(size=60),
        "temp": RNG.normal(50, 10, size=60),
        "kind": np.arange(60.0) % 3,
    }
).sample(frac=1, random_state=0)
STEPS = TABLE[["load", "temp", "kind"]]
X, Y = make_supervised(TABLE, horizon=2, target="load", **KEYS)

BY_NAME = ColumnTransformer(
    [("scale", StandardScaler(), ["temp"]), ("code", OneHotEncoder(), ["kind"])],
    remainder="passthrough",
)
# The same with sparse rows, and with the names that the columns had.
SPARSE = clone(BY_NAME).set_params(
    sparse_threshold=1.0, verbose_feature_names_out=False
)
TRANSFORMERS = [
    StandardScaler(),
    PCA(2),
    PolynomialFeatures(2),
    SimpleImputer(missing_values=1.0, strategy="median"),
    BY_NAME,
    SPARSE,
    make_pipeline(StandardScaler(), PCA(3)),
    FunctionTransformer(np.abs),
]


def history(label):
    """Labels of the rows that are the history of a row, in order of time."""
    row = TABLE.loc[label]
    is_own = (TABLE["shop"] == row["shop"]) & (TABLE["day"] <= row["day"])
    return TABLE[is_own].sort_values("day").index.tolist()


def fitted_by_hand(transformer, sequences, length=None):
    """Fit to each row of the table that some sequence holds, once."""
    held = {row for label in sequences.index for row in history(label)[-length:]}
    return clone(transformer).fit(STEPS.loc[sorted(held)])


def dense(rows):
    return rows.toarray() if hasattr(rows, "toarray") else np.asarray(rows)


@pytest.mark.parametrize("transformer", TRANSFORMERS, ids=str)
@settings(max_examples=20)
@given(data=st.data())
def test_steps_are_those_of_the_table_by_hand(transformer, data):
    parts = st.lists(st.integers(0, len(X) - 1), min_size=1, max_size=5, unique=True)
    # The longest has each kind.
    train = X[[*data.draw(parts), X.lengths.argmax()]]
    by_hand = fitted_by_hand(transformer, train, length=99)
    ours = StepTransformer(transformer).fit(train)
    test = X[data.draw(parts)]
    for part in (train, test, pickle.loads(pickle.dumps(test))):
        sequences = ours.transform(part)
        assert len(sequences) == len(part)
        for label, sequence in zip(part.index, sequences, strict=True):
            expected = dense(by_hand.transform(STEPS.loc[history(label)]))
            assert_allclose(sequence, expected, atol=1e-12)
    assert_array_equal(ours.feature_names_in_, list(STEPS))
    assert ours.n_features_in_ == 3
    if hasattr(by_hand, "get_feature_names_out"):
        assert_array_equal(sequences.feature_names, by_hand.get_feature_names_out())


@pytest.mark.parametrize("length", [1, 2, 99])
def test_each_step_that_training_sequences_hold_is_seen_once(length):
    train = X[::7].tail(length)
    ours = StepTransformer(StandardScaler()).fit(train)
    by_hand = fitted_by_hand(StandardScaler(), train, length)
    assert ours.transformer_.n_samples_seen_ == by_hand.n_samples_seen_
    assert_allclose(ours.transformer_.mean_, by_hand.mean_)
    assert_allclose(ours.transformer_.scale_, by_hand.scale_)


def test_no_step_of_a_test_fold_is_seen():
    """With it, each fold would have seen the value that is far from all others."""
    series = np.zeros(40)
    series[30] = 1e6
    histories, _ = make_supervised(series)
    for train, _ in KFold(4).split(histories[:30]):
        scaler = StepTransformer(StandardScaler()).fit(histories[train]).transformer_
        assert scaler.mean_ == 0


@pytest.mark.parametrize("transformer", TRANSFORMERS, ids=str)
def test_it_does_not_matter_which_is_first_the_windower_or_the_steps(transformer):
    """If both see all rows; the step before a window is transformed, too."""
    steps, windower = StepTransformer(transformer), SequenceWindower(4)
    first = windower.fit_transform(steps.fit_transform(X))
    second = steps.fit_transform(windower.fit_transform(X))
    for one, other in zip(first, second, strict=True):
        assert_array_equal(one, other)
    within = first.begins_within()
    assert within.sum() == len(X) - 12
    assert_array_equal(second.begins_within(), within)
    assert_array_equal(
        second.steps[second.starts[within] - 1], first.steps[first.starts[within] - 1]
    )


@pytest.mark.parametrize("transformer", TRANSFORMERS, ids=str)
@pytest.mark.parametrize("windower", [None, SequenceWindower(3)])
def test_what_sequences_know_is_kept(transformer, windower):
    before = X[::-2] if windower is None else windower.fit_transform(X)[::-2]
    after = StepTransformer(transformer).fit_transform(before)
    for name in ("series", "series_names", "times", "index", "history_lengths"):
        assert_array_equal(getattr(after, name), getattr(before, name))
    assert_array_equal(after.lengths, before.lengths)
    rows = before.starts + before.lengths - 1 if after.rows is None else after.rows
    assert_array_equal(np.diff(rows), np.diff(before.starts + before.lengths - 1))
    assert (after.horizon, after.whole) == (2, windower is None)


@pytest.mark.parametrize(
    ("transformer", "names", "targets"),
    [
        (StandardScaler(), ["load", "temp", "kind"], [0]),
        (SPARSE, ["temp", "kind_0.0", "kind_1.0", "kind_2.0", "load"], [4]),
        (FunctionTransformer(np.abs), ["load", "temp", "kind"], [0]),
        (FunctionTransformer(lambda X: X[["kind", "load"]]), ["kind", "load"], [1]),
        (FunctionTransformer(lambda X: X[["temp"]]), ["temp"], None),
        (FunctionTransformer(lambda X: np.asarray(X)[:, :2]), None, None),
        (PCA(2), ["pca0", "pca1"], None),
    ],
    ids=range(7),
)
def test_targets_are_found_again_by_their_names(transformer, names, targets):
    made = StepTransformer(transformer).fit_transform(X)
    assert (None if names is None else made.feature_names.tolist()) == names
    assert made.targets == targets


def test_targets_are_found_again_among_features_without_names():
    histories, _ = make_supervised(STEPS.to_numpy(), target=[1, 2])
    made = StepTransformer(StandardScaler()).fit_transform(histories)
    assert (made.feature_names, made.targets) == (None, [1, 2])
    swap = ColumnTransformer([("a", "passthrough", [2, 1])])
    swap.set_params(verbose_feature_names_out=False)
    made = StepTransformer(swap).fit_transform(histories)
    assert (made.feature_names, made.targets) == (None, [1, 0])
    assert StepTransformer(PCA(2)).fit_transform(histories).targets is None


@pytest.mark.parametrize("output", ["pandas", "polars"])
def test_a_transformer_may_return_dataframes(output):
    expected = StepTransformer(StandardScaler()).fit_transform(X)
    scaler = StandardScaler().set_output(transform=output)
    made = StepTransformer(scaler).fit_transform(X)
    assert isinstance(made, Sequences)
    assert_array_equal(made.steps, expected.steps)
    assert_array_equal(made.feature_names, expected.feature_names)
    with config_context(transform_output=output):
        made = StepTransformer(StandardScaler()).fit_transform(X)
    assert isinstance(made, Sequences)
    assert_array_equal(made.steps, expected.steps)


def test_a_pipeline_of_steps_and_lags_may_return_dataframes():
    lags = SequenceWindower(2, flatten=True)
    model = make_pipeline(StepTransformer(StandardScaler()), lags)
    expected = model.fit_transform(X)
    frame = model.set_output(transform="pandas").fit_transform(X)
    assert list(frame)[:3] == ["load_lag1", "temp_lag1", "kind_lag1"]
    assert_array_equal(frame, expected)


@pytest.mark.filterwarnings("ignore:Rows are taken in the order")
@pytest.mark.parametrize("copy", [False, True])
def test_the_table_stays_as_it_was(copy):
    """Other folds share it, so that a scaler in place would scale it again."""
    for table in (STEPS.copy(), STEPS.to_numpy(copy=True)):
        histories = make_histories(table)
        before = histories.steps.copy()
        scaler = StepTransformer(StandardScaler(copy=copy))
        first = scaler.fit_transform(histories)
        assert_array_equal(histories.steps, before)
        assert_array_equal(scaler.fit_transform(histories).steps, first.steps)


def test_lists_and_padded_arrays_are_read_as_by_an_lstm():
    arrays = [RNG.normal(size=(n, 3)) for n in (4, 2, 5)]
    scaler = StandardScaler().fit(np.concatenate(arrays))
    padded = Sequences.from_arrays(arrays).padded()
    frames = [pd.DataFrame(array, columns=list("abc")) for array in arrays]
    for forms in (arrays, padded, frames):
        made = StepTransformer(StandardScaler()).fit_transform(forms)
        for sequence, array in zip(made, arrays, strict=True):
            assert_allclose(sequence, scaler.transform(array))


def test_the_rows_of_a_table_are_steps():
    rows = pd.DataFrame(RNG.normal(size=(6, 2)), columns=["a", "b"])
    steps = StepTransformer(StandardScaler())
    expected = StandardScaler().fit_transform(rows)
    assert_array_equal(steps.fit_transform(rows), expected)
    model = make_pipeline(steps, SequenceWindower(2, flatten=True))
    assert_allclose(model.fit_transform(rows)[1:], np.c_[expected[:-1], expected[1:]])


@pytest.mark.filterwarnings("ignore:Rows are taken in the order")
def test_missing_values_may_be_filled_in_before_an_lstm():
    table = STEPS.copy()
    table.iloc[::5, 1] = np.nan
    histories, y = make_supervised(table, target="load")
    windows = SequenceWindower(3).fit_transform(histories)
    filled = StepTransformer(SimpleImputer()).fit_transform(windows)
    assert np.isfinite(filled.steps).all()
    by_hand = SimpleImputer().fit_transform(table.iloc[:-1])
    lstm = LSTMRegressor(4, max_epochs=2, random_state=0)
    model = make_pipeline(StepTransformer(SimpleImputer()), SequenceWindower(3), lstm)
    expected = clone(lstm).fit(windows.on_table(by_hand), y)
    predictions = expected.predict(windows.on_table(by_hand))
    assert_allclose(model.fit(histories, y).predict(histories), predictions)


def lags_by_hand(transformer, train, part):
    """Flat windows of three steps, of a table that is transformed by hand."""
    by_hand = fitted_by_hand(transformer, train, length=99)
    rows = []
    for label in part.index:
        window = history(label)[-3:]
        window = window[:1] * (3 - len(window)) + window
        rows.append(dense(by_hand.transform(STEPS.loc[window])).ravel())
    return np.array(rows)


CV = KFold(3, shuffle=True, random_state=0)
MODEL = make_pipeline(
    StepTransformer(StandardScaler()), SequenceWindower(3, flatten=True), Ridge(10)
)


def test_a_search_scores_each_transformer_as_by_hand():
    transformers = [StandardScaler(), PCA(2), BY_NAME]
    grid = {"steptransformer__transformer": transformers}
    search = GridSearchCV(MODEL, grid, cv=CV, error_score="raise")
    search.fit(X, Y)
    for i, transformer in enumerate(transformers):
        scores = []
        for train, test in CV.split(X):
            lags = lags_by_hand(transformer, X[train], X[train])
            ridge = Ridge(10).fit(lags, Y.iloc[train])
            lags = lags_by_hand(transformer, X[train], X[test])
            scores.append(ridge.score(lags, Y.iloc[test]))
        assert_allclose(search.cv_results_["mean_test_score"][i], np.mean(scores))
    best = search.best_estimator_.predict(X)
    assert_array_equal(pickle.loads(pickle.dumps(search)).predict(X), best)


def test_a_search_over_what_is_within():
    grid = {"steptransformer__transformer__n_components": [1, 2, 3]}
    model = clone(MODEL).set_params(steptransformer__transformer=PCA())
    search = GridSearchCV(model, grid, cv=CV).fit(X, Y)
    for n, score in zip([1, 2, 3], search.cv_results_["mean_test_score"], strict=True):
        model.set_params(steptransformer__transformer=PCA(n))
        assert cross_val_score(model, X, Y, cv=CV).mean() == score


def test_the_transformer_is_cloned_and_its_copy_is_pickled():
    scaler = StandardScaler()
    steps = StepTransformer(scaler)
    with pytest.raises(NotFittedError):
        steps.transform(X)
    steps.fit(X)
    assert not hasattr(scaler, "mean_")
    again = pickle.loads(pickle.dumps(steps))
    assert_array_equal(again.transform(X).steps, steps.transform(X).steps)
    assert clone(steps).transformer is not scaler


class DropRows(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return X[::2]


@pytest.mark.parametrize("X", [X, [np.ones((4, 2)), np.ones((2, 2))]])
def test_a_transformer_that_drops_rows_is_named(X):
    n_steps = 54 if isinstance(X, Sequences) else 6
    message = (
        f"DropRows returns an array of shape ({n_steps // 2}, {X[0].shape[1]}) for"
        f" {n_steps} steps; give one that returns a table with a row for each."
    )
    with pytest.raises(ValueError, match="DropRows") as error:
        StepTransformer(DropRows()).fit_transform(X)
    assert str(error.value) == message


def test_a_transformer_that_returns_one_column_as_a_series_is_named():
    steps = StepTransformer(FunctionTransformer(lambda table: table["load"]))
    with pytest.raises(ValueError, match="FunctionTransformer returns") as error:
        steps.fit_transform(X)
    assert "\n" not in str(error.value)


@pytest.mark.filterwarnings("ignore:Rows are taken in the order")
def test_other_features_are_refused():
    steps = StepTransformer(StandardScaler()).fit(X)
    other, _ = make_supervised(STEPS[["temp", "load", "kind"]])
    with pytest.raises(ValueError, match=r"features \['temp', 'load', 'kind'\], but"):
        steps.transform(other)
    with pytest.raises(ValueError, match="must be an object implementing 'fit' and"):
        StepTransformer("passthrough").fit(X)


def test_tags_are_those_of_the_transformer():
    for transformer in (PCA(), StandardScaler()):
        tags = get_tags(StepTransformer(transformer)).input_tags
        assert tags.allow_nan == get_tags(transformer).input_tags.allow_nan
        assert tags.three_d_array


@pytest.mark.filterwarnings("default")  # some checks mean to provoke one
@parametrize_with_checks([StepTransformer(StandardScaler())])
def test_sklearn_checks(estimator, check):
    check(estimator)
