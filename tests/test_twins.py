"""What is saved in any way predicts in a fresh process as it did in this one."""

import pickle
import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pytest
import skops.io
from numpy.testing import assert_allclose, assert_array_equal
from skl2onnx import to_onnx
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sklstm.onnx  # noqa: F401
from sklstm import (
    LSTMClassifier,
    LSTMRegressor,
    SequenceEncoder,
    SequenceWindower,
    StepTransformer,
    make_supervised,
)
from sklstm.forecasting import AnchoredRegressor, AutoForecaster
from tests._data import make

pytestmark = pytest.mark.filterwarnings("ignore:AutoForecaster uses")
ROOT = Path(__file__).parents[1]
WALK = np.random.RandomState(0).normal(size=(80, 1)).cumsum(axis=0).astype(np.float32)
X, Y = make_supervised(WALK, horizon=2)
IDS = np.random.RandomState(1).randint(5, size=(30, 7, 1)).astype(np.float32)
TEXTS = ["to be or not to be", "let it be"] * 6
WINDOWS = X.tail(10).padded()  # with the row before those that a window has
MODELS = {
    "scaled": make_pipeline(
        StepTransformer(StandardScaler()), SequenceWindower(9), make(LSTMRegressor)
    ),
    "anchored": make_pipeline(
        SequenceWindower(9), AnchoredRegressor(make(LSTMRegressor))
    ),
    "ids": make(LSTMClassifier, categorical_features=[0], embedding_size=3),
    "texts": make_pipeline(SequenceEncoder(), make(LSTMClassifier)),
    "recipe": AutoForecaster(lstm=make(LSTMRegressor), max_epochs=2, random_state=0),
}
DATA = dict.fromkeys(MODELS, (X, Y)) | {
    "ids": (IDS, IDS[:, -1, 0] > 2),
    "texts": (TEXTS, ["long", "short"] * 6),
}
# What the graph of a model reads; texts and the recipe have none.
GRAPHS = {"scaled": WINDOWS, "anchored": WINDOWS, "ids": IDS}
FRESH = """
import pathlib, pickle, sys
import joblib, numpy, onnxruntime
folder = pathlib.Path(sys.argv[1])
for path in folder.glob("*.onnx"):
    session = onnxruntime.InferenceSession(path)
    outputs = session.run(None, {"X": numpy.load(folder / f"{path.stem}.X.npy")})
    numpy.save(f"{path}.npy", outputs[-1])
assert "sklstm" not in sys.modules and "torch" not in sys.modules
import skops.io, sklstm
loads = {
    "pickle": lambda path: pickle.loads(path.read_bytes()),
    "joblib": joblib.load,
    "skops": lambda path: skops.io.load(path, trusted=sklstm.TRUSTED_TYPES),
}
for name, load in loads.items():
    for path in folder.glob(f"*.{name}"):
        model = load(path)
        X = pickle.loads((folder / f"{path.stem}.X").read_bytes())
        numpy.save(f"{path}.npy", getattr(model, "predict_proba", model.predict)(X))
"""


def predict(name):
    model = MODELS[name]
    return getattr(model, "predict_proba", model.predict)(DATA[name][0])


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """The folder of all models, and of what they predict in another process."""
    folder = tmp_path_factory.mktemp("saved")
    for name, model in MODELS.items():
        model.fit(*DATA[name])
        (folder / f"{name}.X").write_bytes(pickle.dumps(DATA[name][0]))
        (folder / f"{name}.pickle").write_bytes(pickle.dumps(model))
        joblib.dump(model, folder / f"{name}.joblib")
        skops.io.dump(model, folder / f"{name}.skops")
    for name, read in GRAPHS.items():
        options = {"zipmap": False} if name == "ids" else None
        graph = to_onnx(MODELS[name], read, options=options)
        (folder / f"{name}.onnx").write_bytes(graph.SerializeToString())
        np.save(folder / f"{name}.X.npy", read)
    command = [sys.executable, "-c", FRESH, folder]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.parametrize("how", ["pickle", "joblib", "skops"])
@pytest.mark.parametrize("name", MODELS)
def test_estimators_predict_the_same_bits(saved, name, how):
    assert_array_equal(np.load(saved / f"{name}.{how}.npy"), predict(name))


@pytest.mark.parametrize("name", GRAPHS)
def test_graphs_predict_nearly_the_same(saved, name):
    expected = predict(name)
    assert np.ptp(expected) > 0.01
    assert_allclose(np.load(saved / f"{name}.onnx.npy"), expected, rtol=0, atol=1e-4)
