"""Small data in every form, and small estimators to fit to it."""

import copy

import numpy as np
import pandas as pd
import pytest

from sklstm import LSTMClassifier, Sequences, SequenceWindower

N = 12
RNG = np.random.RandomState(0)
COLUMNS = ["a", "b", "c"]
EQUAL = RNG.normal(size=(N, 4, 3))
RAGGED = [RNG.normal(size=(n, 3)) for n in (2, 5, 3, 3, 1, 4, 5, 2, 4, 1, 3, 2)]
SERIES = RNG.normal(size=(N, 3))
VALUES = RNG.normal(size=N) + np.arange(N)
LABELS = np.array(["no", "yes", "maybe"])[np.arange(N) % 3]
# A window of a small example may be longer than all of it.
ALL_SHORT = pytest.mark.filterwarnings("ignore:.* steps, the longest history")


def pad(arrays, front):
    padded = np.full((len(arrays), 5, 3), np.nan)
    for row, array in zip(padded, arrays, strict=True):
        row[slice(5 - len(array), 5) if front else slice(len(array))] = array
    return padded


def as_objects(arrays):
    objects = np.empty(len(arrays), dtype=object)
    objects[:] = arrays
    return objects


def frame(array):
    return pd.DataFrame(array, columns=COLUMNS)


FORMS = {
    "flat": EQUAL.reshape(N, 12),
    "univariate": EQUAL.reshape(N, 12),
    "frame": pd.DataFrame(EQUAL.reshape(N, 12)).rename(columns="s{}".format),
    "array": EQUAL,
    "ragged": RAGGED,
    "tuple": tuple(RAGGED),
    "object": as_objects(RAGGED),
    "nan_front": pad(RAGGED, front=True),
    "nan_back": pad(RAGGED, front=False),
    "frames": [frame(array) for array in RAGGED],
    "sequences": Sequences.from_arrays(RAGGED),
    "windows": SequenceWindower(4).fit_transform(SERIES),
}


def make(Estimator, form="array", **params):
    if form in ("flat", "frame"):
        params["n_timesteps"] = 4
    small = {"hidden_size": 4, "max_epochs": 2, "random_state": 0}
    return Estimator(**{**small, **params})


def target(Estimator):
    return LABELS if Estimator is LSTMClassifier else VALUES


def outputs(estimator, X):
    return getattr(estimator, "predict_proba", estimator.predict)(X)


def message_of(call, *args, **kwargs):
    """The message of the error: our own are one line each."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        call(*args, **kwargs)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def spoilt(name, value):
    """The form with `value` in sequence 2 at step 1, feature 1."""
    X = copy.deepcopy(FORMS[name])
    if name in ("flat", "univariate"):
        X[2, 4] = value
    elif name == "frame":
        X.iloc[2, 4] = value
    elif name == "array":
        X[2, 1, 1] = value
    elif name == "frames":
        X[2].iloc[1, 1] = value
    elif name in ("nan_front", "nan_back"):
        X[2, 3 if name == "nan_front" else 1, 1] = value
    elif name in ("sequences", "windows"):
        X.steps[X.starts[2] + 1, 1] = value
    else:
        X[2][1, 1] = value
    return X
