"""MLflow saves our models by skops, and logs their fits."""

import mlflow
import numpy as np
import pytest
from mlflow.exceptions import MlflowException
from numpy.testing import assert_allclose, assert_array_equal
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
    make_supervised,
)
from sklstm.forecasting import AutoForecaster

X, Y = make_supervised(np.sin(np.arange(120.0)))
TEXTS, KINDS = ["to be or not to be", "let it be"] * 6, ["long", "short"] * 6
QUICK = {"hidden_size": 4, "max_epochs": 3, "random_state": 0}
WINDOWED = make_pipeline(
    StepTransformer(StandardScaler()), SequenceWindower(6), LSTMRegressor(**QUICK)
)
LENGTHS = {"sequencewindower__sequence_length": [3, 6]}
SEARCH = GridSearchCV(WINDOWED, LENGTHS, cv=TimeSeriesSplit(2))
MODELS = {
    "pipeline": (WINDOWED, X, Y),
    "texts": (
        make_pipeline(SequenceEncoder(), LSTMClassifier(**QUICK)),
        TEXTS,
        KINDS,
    ),
    "recipe": (AutoForecaster(lstm=LSTMRegressor(**QUICK), max_epochs=2), X, Y),
    "search": (SEARCH, X, Y),
}


@pytest.fixture(autouse=True, scope="module")
def store(tmp_path_factory):
    """A data base and files that are these tests' alone."""
    folder = tmp_path_factory.mktemp("store")
    mlflow.set_tracking_uri(f"sqlite:///{folder}/runs.db")
    mlflow.create_experiment("lstms", (folder / "files").as_uri())
    mlflow.set_experiment("lstms")


def trusted_by(model):
    """All names of ours; and for a search, two of scikit-learn that it holds."""
    theirs = (
        "sklearn.metrics._scorer._PassthroughScorer",
        "sklearn.model_selection._split.TimeSeriesSplit",
    )
    is_search = isinstance(model, GridSearchCV)
    return [*TRUSTED_TYPES, *(theirs if is_search else ())]


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.filterwarnings("ignore:AutoForecaster uses")
def test_model_is_saved_and_logged(name, tmp_path):
    model, X, y = MODELS[name]
    model.fit(X, y)
    how = {
        "serialization_format": "skops",
        "skops_trusted_types": trusted_by(model),
        "pip_requirements": ["sklstm"],  # else MLflow runs pip to find them
    }
    mlflow.sklearn.save_model(model, tmp_path / "saved", **how)
    with mlflow.start_run():
        logged = mlflow.sklearn.log_model(model, name="model", **how)
    for place in (str(tmp_path / "saved"), logged.model_uri):
        back = mlflow.sklearn.load_model(place)
        assert_array_equal(back.predict(X), model.predict(X))
        assert type(back) is type(model)


def test_model_is_not_saved_unless_its_types_are_trusted(tmp_path):
    model = WINDOWED.fit(X, Y)
    with pytest.raises(MlflowException, match=r"sklstm\._regressor\.LSTMRegressor"):
        mlflow.sklearn.save_model(
            model, tmp_path / "saved", serialization_format="skops"
        )


@pytest.fixture
def autolog():
    yield mlflow.sklearn.autolog
    mlflow.sklearn.autolog(disable=True)


def fit_and_find(model, X, y):
    with mlflow.start_run() as run:
        model.fit(X, y)
    return mlflow.get_run(run.info.run_id)


@pytest.mark.filterwarnings("ignore:`y_pred` was renamed:FutureWarning")
@pytest.mark.parametrize("name", ["pipeline", "texts"])
def test_fit_is_logged(name, autolog):
    model, X, y = MODELS[name]
    autolog(serialization_format="pickle")
    run = fit_and_find(model, X, y)
    last = type(model[-1]).__name__.lower()
    assert run.data.params[f"{last}__hidden_size"] == "4"
    assert_allclose(run.data.metrics["training_score"], model.score(X, y))
    (logged,) = run.outputs.model_outputs
    back = mlflow.sklearn.load_model(f"models:/{logged.model_id}")
    assert_array_equal(back.predict(X), model.predict(X))


def test_search_is_logged(autolog):
    """Of histories MLflow logs the best candidate alone, of arrays all of them."""
    autolog(log_models=False)
    run = fit_and_find(SEARCH, X, Y)
    assert_allclose(run.data.metrics["best_cv_score"], SEARCH.best_score_)
    windows = SequenceWindower(6).fit_transform(X).padded()
    search = GridSearchCV(LSTMRegressor(**QUICK), {"hidden_size": [3, 4]}, cv=2)
    run = fit_and_find(search, windows, Y)
    candidates = mlflow.search_runs(
        filter_string=f"tags.mlflow.parentRunId = '{run.info.run_id}'",
        output_format="list",
    )
    scores = [each.data.metrics["mean_test_score"] for each in candidates]
    assert_allclose(sorted(scores), sorted(search.cv_results_["mean_test_score"]))


def test_losses_are_metrics_by_epoch():
    model = WINDOWED.fit(X, Y)
    with mlflow.start_run() as run:
        for epoch, loss in enumerate(model[-1].loss_curve_, start=1):
            mlflow.log_metric("loss", loss, step=epoch)
    rows = mlflow.MlflowClient().get_metric_history(run.info.run_id, "loss")
    assert [row.step for row in rows] == [1, 2, 3]
    assert_allclose([row.value for row in rows], model[-1].loss_curve_)
