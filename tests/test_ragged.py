"""Sequences of unequal length, in every form, through scikit-learn's own tools."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_array_equal
from sklearn.model_selection import (
    GridSearchCV,
    StratifiedKFold,
    cross_val_predict,
    train_test_split,
)
from sklearn.preprocessing import OrdinalEncoder

from sklstm import LSTMClassifier, LSTMRegressor, Sequences, SequenceWindower

N, LONGEST = 60, 9
RNG = np.random.default_rng(0)
ARRAYS = [RNG.normal(size=(k, 2)) for k in RNG.integers(1, LONGEST + 1, size=N)]
ENDS_UP = np.array([array[-1, 0] > 0 for array in ARRAYS])


def padded(front):
    table = np.full((N, LONGEST, 2), np.nan)
    for row, array in zip(table, ARRAYS, strict=True):
        row[slice(LONGEST - len(array), None) if front else slice(len(array))] = array
    return table


def objects(items):
    array = np.empty(len(items), dtype=object)
    array[:] = items
    return array


FORMS = {
    "list": ARRAYS,
    "tuple": tuple(ARRAYS),
    "objects": objects(ARRAYS),
    "padded in front": padded(True),
    "padded behind": padded(False),
    "pandas": [pd.DataFrame(array, columns=["a", "b"]) for array in ARRAYS],
    "polars": [pl.DataFrame(array, schema=["a", "b"]) for array in ARRAYS],
}


def search():
    model = LSTMClassifier(hidden_size=4, batch_size=8, max_epochs=2, random_state=0)
    grid = {"pooling": ["last", "max"]}
    return GridSearchCV(model, grid, cv=StratifiedKFold(2), error_score="raise")


@pytest.fixture(scope="module")
def searched():
    return search().fit(ARRAYS, ENDS_UP)


@pytest.mark.parametrize("form", FORMS)
def test_a_search_finds_the_same_in_any_form(searched, form):
    X = FORMS[form]
    found = pickle.loads(pickle.dumps(search().fit(X, ENDS_UP)))
    expected = searched.cv_results_["mean_test_score"]
    assert_array_equal(found.cv_results_["mean_test_score"], expected)
    assert_array_equal(found.predict_proba(X), searched.predict_proba(ARRAYS))


@pytest.mark.parametrize("form", FORMS)
def test_a_stratified_split_keeps_sequences_and_labels_together(form):
    predicted = []
    for X in (FORMS[form], Sequences.from_arrays(ARRAYS)):
        parts = train_test_split(X, ENDS_UP, stratify=ENDS_UP, random_state=0)
        X_train, X_test, y_train, y_test = parts
        assert abs(y_train.mean() - y_test.mean()) < 0.05
        for X_part, y in [(X_train, y_train), (X_test, y_test)]:
            tables = [np.asarray(x) for x in X_part]
            ends = [table[~np.isnan(table[:, 0])][-1, 0] > 0 for table in tables]
            assert_array_equal(ends, y)
        model = search().estimator.fit(X_train, y_train)
        predicted.append(model.predict_proba(X_test))
    assert_array_equal(*predicted)


def test_sequences_of_a_panel_leave_their_history_to_each_fold():
    """Windows made from a panel once go through shuffled folds as they are."""
    table = np.column_stack([np.repeat([0, 1], 60), np.tile(np.arange(60), 2)])
    table = np.column_stack([table, RNG.normal(size=120)])
    y = np.r_[0, table[:-1, 2]]  # the value of the row before
    y[60] = 0
    windows = SequenceWindower(3, group=0, time=1).fit_transform(table)
    model = LSTMRegressor(16, max_epochs=60, random_state=0)
    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    predicted = cross_val_predict(model, windows, y, cv=folds.split(table, table[:, 0]))
    assert np.corrcoef(predicted, y)[0, 1] > 0.9


def test_a_category_of_a_panel_goes_through_the_windower():
    """A column of words beside numbers: encoded, windowed and embedded."""
    n = 120
    state = RNG.choice(["rising", "falling"], size=n)
    value = RNG.normal(size=n)
    X = pd.DataFrame({"shop": list("ab") * (n // 2), "state": state, "value": value})
    y = np.where(state == "rising", value, -value)
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    X["state"] = encoder.fit_transform(X[["state"]])
    windows = SequenceWindower(2, group="shop").fit_transform(X)
    model = LSTMRegressor(
        16, categorical_features=["state"], max_epochs=100, random_state=0
    )
    assert model.fit(windows, y).score(windows, y) > 0.9
    X.loc[0, "state"] = 2
    with pytest.raises(ValueError, match="id 2: sequence 0, step 0, feature 'state'"):
        model.predict(SequenceWindower(2, group="shop").fit_transform(X))
