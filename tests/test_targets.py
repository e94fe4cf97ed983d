"""Targets: their shape, type and units."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.metrics import r2_score

from sklstm import LSTMClassifier, LSTMRegressor, make_supervised
from tests._data import EQUAL, FORMS, LABELS, VALUES, N, make, message_of


@pytest.mark.parametrize(
    "y", [VALUES[:-1], np.r_[VALUES, 1], None, np.zeros((N, 2, 2)), []]
)
def test_y_of_the_wrong_shape(Estimator, form, y):
    y = y if y is None or Estimator is LSTMRegressor else np.round(y)
    with pytest.raises(ValueError, match=r"inconsistent|requires y|dim 3|0 sample"):
        make(Estimator, form).fit(FORMS[form], y)


@pytest.mark.parametrize(
    ("value", "text"), [(np.nan, "NaN"), (np.inf, "infinity"), (-np.inf, "infinity")]
)
def test_the_first_target_that_is_not_known_is_named(Estimator, value, text):
    y = np.arange(N) % 2.0
    y[[3, 5]] = value
    expected = f"Input y contains {text}: row 3, the first of 2 such row(s). Every"
    model = make(Estimator)
    assert message_of(model.fit, EQUAL, y).startswith(expected)
    assert message_of(model.fit, EQUAL, pd.Series(y, index=y)).startswith(expected)
    known = np.isfinite(y)  # as it says
    model.fit(EQUAL[known], y[known])


def test_the_column_of_a_target_that_is_not_known_is_named():
    y = np.ones((N, 2))
    y[3, 1] = y[7, 0] = np.nan
    message = message_of(make(LSTMRegressor).fit, EQUAL, y)
    assert message.startswith("Input y contains NaN: row 3, column 1, the first of 2")
    series = [*range(20), np.nan]
    X, y = make_supervised(pd.DataFrame({"load": series}), horizon=2)
    windows = X.tail(3)
    message = message_of(make(LSTMRegressor).fit, windows, y)
    assert message.startswith("Input y contains NaN: row 18, column 'load+2', the")
    make(LSTMRegressor).fit(windows[:-1], y[:-1])


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
def test_the_first_label_that_is_not_known_is_named(missing):
    y = np.array([*LABELS], dtype=object)
    y[4] = missing
    expected = "Input y contains NaN: row 4, the first of 1 such row(s)."
    for labels in (y, pd.Series(y), pd.Series(y, dtype="category")):
        message = message_of(make(LSTMClassifier).fit, EQUAL, labels)
        assert message.startswith(expected)
    numbers = pd.Series([1, 2] * 6, dtype="Int64").where(np.arange(N) != 4)
    for Estimator in (LSTMClassifier, LSTMRegressor):
        assert message_of(make(Estimator).fit, EQUAL, numbers).startswith(expected)
    known = ~pd.isna(y)
    make(LSTMClassifier).fit(EQUAL[known], y[known])


def test_y_of_the_wrong_kind():
    with pytest.raises(ValueError, match="could not convert string to float"):
        make(LSTMRegressor).fit(EQUAL, LABELS)
    with pytest.raises(ValueError, match="Unknown label type"):
        make(LSTMClassifier).fit(EQUAL, VALUES)
    with pytest.raises(ValueError, match="y should be a 1d array"):
        make(LSTMClassifier).fit(EQUAL, np.column_stack([LABELS, LABELS]))


@pytest.mark.parametrize("standardize", [True, False])
def test_predictions_have_the_shape_of_y(standardize):
    regressor = make(LSTMRegressor, standardize=standardize)
    flat = clone(regressor).fit(EQUAL, VALUES).predict(EQUAL)
    column = clone(regressor).fit(EQUAL, VALUES[:, None]).predict(EQUAL)
    two = clone(regressor).fit(EQUAL, np.column_stack([VALUES, -VALUES]))
    assert flat.shape == (N,)
    assert_array_equal(column, flat[:, None])
    assert two.predict(EQUAL).shape == (N, 2)
    assert two.n_outputs_ == 2
    assert np.isscalar(two.score(EQUAL, np.column_stack([VALUES, -VALUES])))


@pytest.mark.parametrize(
    "y",
    [VALUES.tolist(), pd.Series(VALUES, index=range(N)[::-1]), VALUES.astype(">f8")],
)
def test_values_of_any_kind(y):
    expected = make(LSTMRegressor).fit(EQUAL, VALUES).predict(EQUAL)
    assert_array_equal(make(LSTMRegressor).fit(EQUAL, y).predict(EQUAL), expected)


def test_integers_are_values():
    y = np.arange(N)
    expected = make(LSTMRegressor).fit(EQUAL, y.astype(float)).predict(EQUAL)
    assert_array_equal(make(LSTMRegressor).fit(EQUAL, y).predict(EQUAL), expected)


def test_predictions_are_in_the_units_of_y():
    raw = make(LSTMRegressor).fit(EQUAL, VALUES)
    moved = make(LSTMRegressor).fit(EQUAL * 1000 - 77, VALUES * 1e6 + 1e8)
    assert_allclose(
        (moved.predict(EQUAL * 1000 - 77) - 1e8) / 1e6, raw.predict(EQUAL), atol=1e-3
    )


def test_each_output_is_learnt():
    Y = np.column_stack([EQUAL[:, -1, 0], 1000 + 50 * EQUAL[:, 0, 1]])
    regressor = make(LSTMRegressor, hidden_size=8, max_epochs=150, learning_rate=0.03)
    predicted = regressor.fit(EQUAL, Y).predict(EQUAL)
    assert (r2_score(Y, predicted, multioutput="raw_values") > 0.9).all()


@pytest.mark.parametrize("how", ["warm_start", "partial_fit"])
def test_another_number_of_outputs(how):
    regressor = make(LSTMRegressor, warm_start=True).fit(EQUAL, VALUES)
    call = regressor.fit if how == "warm_start" else regressor.partial_fit
    message = message_of(call, EQUAL, np.column_stack([VALUES, VALUES]))
    assert "y has 2 output(s)" in message
    assert "fitted to 1" in message


@pytest.mark.parametrize("standardize", [True, False])
def test_targets_that_may_not_be_written_to(standardize):
    X, y = np.random.default_rng(0).normal(size=(20, 4)), np.arange(20.0)
    y.setflags(write=False)
    LSTMRegressor(2, max_epochs=1, standardize=standardize).fit(X, y)


def test_a_small_spread_beside_a_large_level_is_kept():
    phase = np.arange(20_000) / 5
    X = np.sin(phase[:, np.newaxis] + np.arange(8))
    y = np.sin(phase + 8)
    plain = LSTMRegressor(hidden_size=2, max_epochs=1, random_state=0).fit(X, y)
    offset = clone(plain).fit(1e6 + 2e-3 * X, 1e9 + 2e-3 * y)
    assert_allclose(offset.scaler_.scale_, 2e-3 * plain.scaler_.scale_, rtol=1e-5)
    assert_allclose(
        offset.target_scaler_.scale_, 2e-3 * plain.target_scaler_.scale_, rtol=1e-3
    )


@pytest.mark.parametrize("value", [0.1, 1e6 / 3, -7.0, 0.0])
def test_a_constant_is_not_divided_by_its_rounding(value):
    X = np.full((30, 4), value)
    X[::2] = np.nextafter(X[::2], np.inf)
    model = LSTMRegressor(hidden_size=2, max_epochs=1).fit(X, np.full(30, value))
    assert model.scaler_.scale_ == 1
    assert model.target_scaler_.scale_ == 1


@pytest.mark.parametrize(
    ("dtype", "offset"), [(np.float16, 6e4), (np.float32, 3.3e38), (np.float32, -3e38)]
)
def test_values_near_the_limit_of_their_type(dtype, offset):
    X = (offset * (1 + 0.02 * np.sin(np.arange(240) / 3))).reshape(30, 8)
    model = LSTMRegressor(hidden_size=2, max_epochs=2, random_state=0)
    X, y = X.astype(dtype), np.arange(30)
    expected = clone(model).fit(X.astype(np.float64), y).predict(X.astype(np.float64))
    assert_array_equal(model.fit(X, y).predict(X), expected)


@pytest.mark.parametrize("kind", [np.int64, np.uint64])
def test_whole_numbers_that_are_no_floats_are_refused(kind):
    y = np.arange(10).astype(kind) + kind(2**62)
    with pytest.raises(ValueError, match=r"^y contains whole numbers of up to 4\.6"):
        LSTMRegressor(2, max_epochs=1).fit(np.zeros((10, 3)), y)
