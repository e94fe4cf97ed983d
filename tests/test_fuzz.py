"""Odd arguments work, with finite output, or are refused in one line of ours.

`python -m tests.fuzz` tries many more of the cases drawn here.
"""

import datetime as dt
import fractions
import random
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.preprocessing import StandardScaler

from sklstm import (
    LSTMClassifier,
    LSTMRegressor,
    SequenceEncoder,
    Sequences,
    SequenceWindower,
    StepTransformer,
    make_supervised,
)
from sklstm.forecasting import AnchoredRegressor, add_future
from tests._data import EQUAL, LABELS, VALUES, N, make, target
from tests._fuzz import CALLS, GOOD, Data, judge, judge_error, judge_result, spoil
from tests._odd import FORMS


@pytest.mark.parametrize("name", CALLS)
def test_the_calls_are_valid(name):
    call, arguments = CALLS[name]
    valid = {k: v.value if isinstance(v, Data) else v for k, v in arguments.items()}
    assert judge(call, valid) == ("works", "")


@given(st.data())
@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
def test_odd_arguments(data):
    name, done, call, arguments = spoil(lambda of: data.draw(st.sampled_from(of)))
    kind, line = judge(call, arguments)
    assert kind in GOOD, f"{name} with {done}: {line}"


@pytest.mark.parametrize("block", range(8))
def test_more_odd_arguments(block):
    for seed in range(block * 250, block * 250 + 250):
        name, done, call, arguments = spoil(random.Random(seed).choice)
        kind, line = judge(call, arguments)
        assert kind in GOOD, f"{seed}: {name} with {done}: {line}"


HARMLESS = [
    *("float32", "float16", "longdouble", "objects", "big endian"),
    *("strided", "read-only", "Fortran", "list", "tuple", "list of arrays"),
    *("tensor", "frame", "frame of objects", "index of one", "index of intervals"),
    *("index of categories", "index of objects", "polars"),
]


@pytest.mark.parametrize("form", HARMLESS)
@pytest.mark.parametrize("name", ["Pipeline", "LSTMRegressor of rows"])
def test_harmless_forms_change_nothing(name, form):
    call, arguments = CALLS[name]
    plain = {k: v.value if isinstance(v, Data) else v for k, v in arguments.items()}
    odd = dict(plain)
    for key in ("X", "X_new"):
        # Halves are the same in all types.
        plain[key] = np.round(2 * plain[key]) / 2
        odd[key] = FORMS[form](plain[key])
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The columns of X have|Each row of X is read")
        warnings.filterwarnings("ignore", ".* windows have fewer than|Rows are taken")
        np.testing.assert_array_equal(call(**odd), call(**plain))


def test_the_judge_knows_what_is_bad():
    def raw():
        np.zeros(3).reshape(2, 2)

    def ours():
        LSTMRegressor(hidden_size=0).fit(EQUAL, VALUES)

    def lines():
        raise ValueError("two\nlines")

    assert judge(raw, {})[0] == "raw message"
    assert judge(lines, {})[0] == "raw message"
    assert judge(lambda: 1 / 0, {})[0] == "other exception"
    assert judge(lambda: np.float64(1.0) / 0 and None, {})[0] == "foreign warning"
    assert judge(lambda: np.array([np.nan]), {})[0] == "not finite"
    assert judge(ours, {})[0] == "refused"
    assert judge_result((np.ones(2), pd.DataFrame({"a": [1.0]}))) == ("works", "")
    assert callable(judge_error)


MASKED = np.ma.masked_array(EQUAL, np.isin(EQUAL, EQUAL[2, 1]))


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda E: make(E).fit(MASKED, target(E)), "X has 3 masked value(s): give"),
        (lambda E: make(E).fit(list(MASKED), target(E)), "X has 3 masked value(s)"),
        (
            lambda E: make(E).fit(EQUAL, np.ma.masked_equal(np.arange(N), 2)),
            "y has 1 masked value(s)",
        ),
        (
            lambda E: make(E).fit(EQUAL, target(E), np.full(N, 1e300)),
            "sample_weight has values of up to 1e+300, whose squares float64",
        ),
        (
            lambda E: make(E).fit(torch.ones(N, 3, requires_grad=True), target(E)),
            "X cannot be read as an array of numbers: Can't call numpy() on Tensor",
        ),
        (
            lambda E: make(E, hidden_size=2**31).fit(EQUAL, target(E)),
            "must be an int in the range [1, 32768]",
        ),
        (lambda E: make(E, max_epochs=True).fit(EQUAL, target(E)), "Got True instead"),
        (
            lambda E: make(E, tol=fractions.Fraction(1, 3)).fit(EQUAL, target(E)),
            "Got Fraction(1, 3) instead",
        ),
        (
            lambda E: make(E, batch_size=np.timedelta64(5, "s")).fit(EQUAL, target(E)),
            "Got np.timedelta64(5,'s') instead",
        ),
    ],
)
def test_what_both_estimators_refuse(Estimator, call, text):
    with pytest.raises((ValueError, TypeError)) as caught:
        call(Estimator)
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            lambda: make(LSTMRegressor).fit(EQUAL, VALUES * 1e300),
            "whose squares float64 does not hold: divide y",
        ),
        (
            lambda: make(LSTMClassifier, class_weight={"no": None}).fit(EQUAL, LABELS),
            "class_weight has the weights {'no': None}; expected numbers",
        ),
        (
            lambda: LSTMClassifier().partial_fit(EQUAL, LABELS, [[1, 2]]),
            "classes has 2 dimension(s); expected a list",
        ),
        (
            lambda: LSTMClassifier().partial_fit(EQUAL, LABELS, [0, 1, np.nan]),
            "classes cannot be read as labels that can be sorted: Input contains NaN",
        ),
        (  # of which numpy makes ["1", "a"]
            lambda: LSTMClassifier().partial_fit(EQUAL, LABELS, [1, "a"]),
            "classes cannot be read as labels that can be sorted: Mix of label input",
        ),
        (
            lambda: Sequences(EQUAL[0], np.int32([2**31 - 1]), np.int32([2**31 - 1])),
            "must lie inside it",
        ),
        (lambda: Sequences(EQUAL[0], None, [1]), "must be whole numbers; got None"),
        (
            lambda: Sequences(EQUAL[0], np.array([], "U1"), []),
            "starts must be whole numbers; got dtype('<U1')",
        ),
        (lambda: Sequences(EQUAL[0], [0], [1.5]), "lengths must be whole numbers; got"),
        (lambda: Sequences(EQUAL[0], [0], [1], horizon=0.5), "horizon must be None or"),
        (
            lambda: Sequences(EQUAL[0], [0], [1], targets=[0.5]),
            "targets must be whole numbers; got 0.5",
        ),
        (lambda: Sequences(EQUAL[0], [0], [1]).tail(0.5), "got float"),
        (
            lambda: SequenceWindower(np.timedelta64(3, "h")).fit(EQUAL[0]),
            "Got np.timedelta64(3,'h') instead",
        ),
        (
            lambda: SequenceWindower(time=1, max_gap=np.timedelta64(1, "M")).fit(
                pd.DataFrame({"x": [1.0], "t": [dt.datetime(2024, 1, 1)]})
            ),
            "max_gap cannot be read as a duration of days or shorter units",
        ),
        (
            lambda: SequenceWindower().fit(pd.DataFrame([[1, 2]], columns=["a", "a"])),
            "X has several columns named 'a'",
        ),
        (
            lambda: SequenceWindower().fit(pd.DataFrame({"a": np.ones(3, ">f8")})),
            "X has columns in the byte order of another machine",
        ),
        (
            lambda: SequenceWindower(group="g").fit(
                pd.DataFrame({"g": ["a"], "x": np.array([1j], np.clongdouble)})
            ),
            "Column 'x' is of type complex",
        ),
        (
            lambda: StepTransformer(StandardScaler()).fit(5),
            "X is of type int; expected a table",
        ),
        (
            lambda: SequenceEncoder(token_pattern="(").fit(["a"]),
            "token_pattern",
        ),
        (
            lambda: AnchoredRegressor(feature=0, lag=[[1]]).fit(EQUAL, VALUES),
            "lag=[[1]] is not one whole number",
        ),
        (
            lambda: add_future([[1, 2]], [[3]], known=[1], horizon=2**31),
            "future has 1 row(s); expected horizon=2147483648 of each series",
        ),
    ],
)
def test_what_is_refused(call, text):
    with pytest.raises((ValueError, TypeError)) as caught:
        call()
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)


def test_long_ngrams_are_no_tokens():
    encoder = SequenceEncoder(ngram_size=2**31)
    with pytest.raises(ValueError, match="Found no token in 2 sample"):
        encoder.fit([["a", "b"], ["b"]])


def test_a_mask_of_nothing_is_none():
    X = np.ma.masked_array(EQUAL, np.zeros(EQUAL.shape, dtype=bool))
    model = make(LSTMRegressor).fit(X, VALUES)
    np.testing.assert_array_equal(model.predict(X), model.predict(EQUAL))


@pytest.mark.parametrize(
    "column",
    [
        pd.Categorical(["a", "b"] * 3),
        pd.date_range("2024", periods=6, tz="Europe/Vienna"),
        pd.period_range("2024", periods=6, freq="M"),
    ],
    ids=["categories", "zone", "periods"],
)
def test_types_of_pandas_are_in_no_foreign_byte_order(column):
    """Although pandas says of them, `dtype.isnative`, that they are not native."""
    table = pd.DataFrame({"x": np.arange(6.0), "key": column})
    key = "group" if column.dtype == "category" else "time"
    X, y = make_supervised(table, horizon=1, target="x", **{key: "key"})
    assert len(X) == len(y) == (4 if key == "group" else 5)
