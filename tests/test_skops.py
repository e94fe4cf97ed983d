"""Models saved by skops are loaded without trust in anything but this package."""

import copy
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skops.io
from numpy.testing import assert_array_equal
from sklearn.dummy import DummyRegressor
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklstm import (
    TRUSTED_TYPES,
    LSTMClassifier,
    LSTMRegressor,
    SequenceEncoder,
    SequenceWindower,
    StepTransformer,
    drop_training_state,
    make_supervised,
)
from sklstm.forecasting import (
    AnchoredRegressor,
    AutoForecaster,
    ConformalRegressor,
    NaiveRegressor,
    PanelTimeSeriesSplit,
)
from tests._data import make

ROOT = Path(__file__).parents[1]
WALK = np.random.RandomState(0).normal(size=(80, 2)).cumsum(axis=0)
TABLE = pd.DataFrame(WALK, columns=["load", "heat"]).assign(
    sky=["clear", "rain", "cloud", "rain"] * 20,
    site=np.repeat(["north", "south"], 40),
    day=[*pd.date_range("2024-01-01", periods=40)] * 2,
)
X, Y = make_supervised(WALK[:, :1], horizon=2)
DATED, NEXT = make_supervised(TABLE, target="load", group="site", time="day")
TEXTS = ["to be or not to be", "let it be"] * 6
EVENTS = [["in", 3, "out"], [3, "in", 3, "out"]] * 6


def windowed(**params):
    return make_pipeline(SequenceWindower(5), make(LSTMRegressor, **params))


def search(cv, estimator, **grid):
    return GridSearchCV(estimator, grid, cv=cv)


LENGTHS = {"sequencewindower__sequence_length": [3, 5]}
BY_DAY = PanelTimeSeriesSplit(2)
MODELS = {
    "scaled": make_pipeline(StepTransformer(StandardScaler()), *windowed()),
    "labels": windowed(),
    "rows": make_pipeline(
        SequenceWindower(5, group="site", time="day"), make(LSTMRegressor)
    ),
    "texts": make_pipeline(SequenceEncoder(), make(LSTMClassifier)),
    "events": make_pipeline(SequenceEncoder(ngram_size=2), make(LSTMClassifier)),
    "search": search(TimeSeriesSplit(2), windowed(), **LENGTHS),
    "panel": search(BY_DAY, windowed(), **LENGTHS),
    "anchored": AnchoredRegressor(windowed()),
    "naive": NaiveRegressor(),
    "conformal": ConformalRegressor(windowed(loss="gaussian")),
    "recipe": AutoForecaster(lstm=make(LSTMRegressor), max_epochs=2, random_state=0),
}
DATA = dict.fromkeys(MODELS, (X, Y)) | {
    "labels": (DATED, NEXT),
    "rows": (TABLE, WALK.sum(axis=1)),
    "texts": (TEXTS, ["long", "short"] * 6),
    "events": (EVENTS, [0, 1] * 6),
    "panel": (DATED, NEXT),
}
# skops trusts neither the scorers of scikit-learn's searches nor its splitters.
SCORER = "sklearn.metrics._scorer._PassthroughScorer"
OF_SEARCHES = {"sklearn.model_selection._split.TimeSeriesSplit", SCORER}
FRESH = """
import sys, pathlib, numpy, skops.io, sklstm
from tests.test_skops import DATA, OF_SEARCHES, predict
folder = pathlib.Path(sys.argv[1])
for name, (X, _) in DATA.items():
    trusted = [*sklstm.TRUSTED_TYPES, *(OF_SEARCHES if name in sys.argv else ())]
    model = skops.io.load(folder / name, trusted=trusted)
    numpy.save(folder / f"{name}.npy", predict(model, X))
"""


def predict(model, X):
    how = "predict_interval" if hasattr(model, "predict_interval") else "predict"
    how = "predict_proba" if hasattr(model, "predict_proba") else how
    return getattr(model, how)(X)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """The folder where all models are, and how they predict in another process."""
    folder = tmp_path_factory.mktemp("saved")
    for name, model in MODELS.items():
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "AutoForecaster uses")
            model.fit(*DATA[name])
        skops.io.dump(model, folder / name)
    command = [sys.executable, "-c", FRESH, folder, "search", "panel"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.parametrize("name", MODELS)
def test_a_fresh_process_predicts_the_same_bits(saved, name):
    assert_array_equal(
        np.load(saved / f"{name}.npy"), predict(MODELS[name], DATA[name][0])
    )


@pytest.mark.parametrize("name", MODELS)
def test_all_that_is_to_be_trusted_is_ours(saved, name):
    untrusted = {*skops.io.get_untrusted_types(file=saved / name)}
    if name in ("search", "panel"):
        plain = search(MODELS[name].cv, DummyRegressor(), strategy=["mean"])
        plain.fit(*DATA[name])
        of_search = {*skops.io.get_untrusted_types(data=skops.io.dumps(plain))}
        untrusted -= of_search - {*TRUSTED_TYPES}
    assert untrusted <= {*TRUSTED_TYPES}


def test_nothing_is_trusted_that_no_model_needs(saved):
    needed = {
        kind
        for name in MODELS
        for kind in skops.io.get_untrusted_types(file=saved / name)
    }
    assert {*TRUSTED_TYPES} <= needed


@pytest.mark.parametrize("name", ["scaled", "recipe"])
def test_training_goes_on_after_skops_unless_its_state_is_dropped(saved, name):
    back = skops.io.load(saved / name, trusted=TRUSTED_TYPES)
    lean = skops.io.dumps(drop_training_state(back))
    assert len(lean) < (saved / name).stat().st_size
    there = skops.io.loads(lean, trusted=TRUSTED_TYPES)
    assert_array_equal(there.predict(X), MODELS[name].predict(X))
    if name == "scaled":
        both = [back[-1], copy.deepcopy(MODELS[name])[-1]]
        windows = MODELS[name][:-1].transform(X)
        first, second = (each.partial_fit(windows, Y).predict(windows) for each in both)
        assert_array_equal(first, second)
