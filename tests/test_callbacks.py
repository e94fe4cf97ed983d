"""scikit-learn's own callbacks: set on the estimator, or handed down to it."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.callback import ScoringMonitor
from sklearn.metrics import r2_score
from sklearn.pipeline import make_pipeline
from skorch.callbacks import (
    Callback,
    Checkpoint,
    EarlyStopping,
    EpochScoring,
    LRScheduler,
)

from sklstm import LSTMClassifier, LSTMRegressor, SequenceWindower

RNG = np.random.default_rng(0)
X = RNG.normal(size=(50, 3))
Y = X.sum(axis=1)


class Recorder:
    """Write down the hooks as they are called; stop after so many epochs."""

    def __init__(self, max_epochs=np.inf):
        self.calls = []
        self.max_epochs = max_epochs

    def setup(self, estimator, context):
        self.calls.append("setup")

    def teardown(self, estimator, context):
        self.calls.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.calls.append(f"begin {context.task_name} {context.task_id}")

    def on_fit_task_end(self, estimator, context):
        self.calls.append(f"end {context.task_name} {context.task_id}")
        return context.task_name == "epoch" and context.task_id + 1 >= self.max_epochs


def test_each_epoch_is_a_task():
    recorder = Recorder()
    LSTMRegressor(4, max_epochs=2).set_callbacks(recorder).fit(X, Y)
    assert recorder.calls == [
        "setup",
        "begin fit 0",
        *("begin epoch 0", "end epoch 0"),
        *("begin epoch 1", "end epoch 1"),
        "end fit 0",
        "teardown",
    ]


def test_a_callback_may_stop_the_fit():
    model = LSTMRegressor(4, max_epochs=9).set_callbacks(Recorder(max_epochs=3))
    assert model.fit(X, Y).n_iter_ == 3


class Epochs(Callback):
    """Count the epochs that skorch shows, and stop after so many."""

    def __init__(self, max_epochs=np.inf):
        self.seen, self.max_epochs = 0, max_epochs

    def on_epoch_end(self, net, **kwargs):
        self.seen += 1
        if self.seen >= self.max_epochs:
            raise KeyboardInterrupt  # as skorch's own callbacks do


@pytest.mark.parametrize("early_stopping", [False, True])
def test_all_callbacks_see_the_epoch_that_stops_early(early_stopping):
    recorder, epochs = Recorder(), Epochs()
    model = LSTMRegressor(
        4, early_stopping=early_stopping, n_iter_no_change=2, tol=9, callbacks=[epochs]
    )
    model.set_callbacks(recorder).fit(X, Y)
    assert model.n_iter_ == epochs.seen == 3
    assert sum(call.startswith("end epoch") for call in recorder.calls) == 3


def test_a_callback_of_skorch_stops_without_an_interruption():
    recorder = Recorder()
    model = LSTMRegressor(4, callbacks=[Epochs(2)]).set_callbacks(recorder)
    assert model.fit(X, Y).n_iter_ == 2
    assert "end fit 0" in recorder.calls


@pytest.mark.parametrize("scoring", ["accuracy", "roc_auc", "f1_macro"])
def test_scoring_callbacks_of_skorch_see_classes(scoring):
    score = EpochScoring(scoring, name="theirs", lower_is_better=False)
    model = LSTMClassifier(
        4, max_epochs=3, early_stopping=True, callbacks=[score], random_state=0
    ).fit(X, Y > 0)
    theirs = [row["theirs"] for row in model.net_.history]
    assert len(theirs) == 3
    if scoring == "accuracy":
        assert_allclose(theirs, model.validation_scores_)


@pytest.mark.parametrize("callback", [1, "checkpoint", print, ("name", 1), ()])
def test_what_is_no_callback_is_named(callback):
    with pytest.raises(ValueError, match=r"^callbacks has .*; expected callbacks"):
        LSTMRegressor(4, callbacks=[callback]).fit(X, Y)


def plateau(monitor):
    return LRScheduler("ReduceLROnPlateau", monitor=monitor)


@pytest.mark.parametrize(
    ("callback", "name"),
    [
        (EarlyStopping(sink=print), "EarlyStopping"),
        (EarlyStopping, "EarlyStopping"),
        (("best", Checkpoint(monitor="valid_loss_best")), "Checkpoint"),
        (plateau("valid_loss"), "LRScheduler"),
        (plateau("valid_score"), "LRScheduler"),
    ],
)
def test_what_monitors_validation_needs_some(callback, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where checkpoints go
    model = LSTMRegressor(4, max_epochs=3, lr_scheduler=None, callbacks=[callback])
    message = f"callbacks has {name}, which monitors 'valid_.* set early_stopping=True"
    for call in (model.fit, model.partial_fit):
        with pytest.raises(ValueError, match=message) as caught:
            call(X, Y)
        assert "\n" not in str(caught.value)
    assert not hasattr(model, "net_")
    assert model.set_params(early_stopping=True).fit(X, Y).n_iter_ == 3


class Recorded(Callback):
    """Record what no net records by itself."""

    def on_epoch_end(self, net, **kwargs):
        net.history.record("valid_loss_of_mine", 1.0)


def test_what_monitors_something_else_needs_no_validation(tmp_path):
    callbacks = [
        Recorded(),
        EarlyStopping(monitor="valid_loss_of_mine", patience=2, sink=lambda _: None),
        Checkpoint(monitor="train_loss_best", dirname=tmp_path),
        plateau("train_loss"),
    ]
    model = LSTMRegressor(4, max_epochs=9, lr_scheduler=None, callbacks=callbacks)
    assert model.fit(X, Y).n_iter_ < 9


def test_what_to_monitor_instead_can_be_monitored(tmp_path):
    checkpoint = Checkpoint(dirname=tmp_path)
    model = LSTMRegressor(4, max_epochs=2, callbacks=[checkpoint])
    with pytest.raises(ValueError, match=r"training, '(.*)'") as caught:
        model.fit(X, Y)
    checkpoint.monitor = str(caught.value).split("'")[-2]
    model.fit(X, Y)
    saved = [row["event_cp"] for row in model.net_.history]
    assert saved == [row["train_loss_best"] for row in model.net_.history]


@pytest.mark.parametrize("callback", [LRScheduler, ("rate", plateau("train_loss"))])
@pytest.mark.parametrize("schedule", ["cosine", ("reduce_on_plateau", {"factor": 0.5})])
def test_one_schedule_sets_the_learning_rate(callback, schedule):
    model = LSTMRegressor(4, lr_scheduler=schedule, callbacks=[callback])
    with pytest.raises(ValueError, match="set lr_scheduler=None"):
        model.fit(X, Y)
    model.partial_fit(X, Y)  # which has no schedule of its own


def test_teardown_follows_an_error():
    recorder = Recorder()
    model = LSTMRegressor(optimizer="sgd", learning_rate=1e30, max_grad_norm=None)
    with pytest.raises(ValueError, match="loss became"):
        model.set_callbacks(recorder).fit(X, Y)
    assert recorder.calls[-1] == "teardown"


def test_scores_are_monitored_epoch_by_epoch():
    monitor = ScoringMonitor(scoring="r2")
    model = LSTMRegressor(4, max_epochs=3, random_state=0).set_callbacks(monitor)
    model.fit(X, Y)
    scores = [row["r2"] for row in monitor.get_logs().data if "epoch" in row.values()]
    one = LSTMRegressor(4, max_epochs=1, random_state=0).fit(X, Y)
    assert len(scores) == 3
    assert_allclose(scores[0], r2_score(Y, one.predict(X)))
    assert_allclose(scores[-1], model.score(X, Y))


def test_monitoring_does_not_change_the_fit():
    watched = LSTMRegressor(4, max_epochs=3, dropout=0.5, random_state=0)
    watched.set_callbacks(ScoringMonitor(scoring="r2")).fit(X, Y)
    plain = LSTMRegressor(4, max_epochs=3, dropout=0.5, random_state=0).fit(X, Y)
    np.testing.assert_array_equal(watched.predict(X), plain.predict(X))


def test_a_pipeline_hands_its_callbacks_down():
    recorder = Recorder()
    recorder.max_propagation_depth = None
    pipeline = make_pipeline(SequenceWindower(3), LSTMRegressor(4, max_epochs=2))
    pipeline.set_callbacks(recorder).fit(X, Y)
    assert sum(call.startswith("begin epoch") for call in recorder.calls) == 2
