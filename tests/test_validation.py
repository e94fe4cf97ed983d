"""Validation data of one's own, and the score that early stopping goes by."""

import pickle
import signal

import numpy as np
import pandas as pd
import pytest
import sklearn
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.callback import ScoringMonitor
from sklearn.linear_model import Ridge
from sklearn.metrics import (
    accuracy_score,
    get_scorer,
    log_loss,
    make_scorer,
    mean_absolute_error,
    r2_score,
)
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit, cross_validate
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Callback, Checkpoint, EarlyStopping, EpochScoring

from sklstm import (
    LSTMClassifier,
    LSTMRegressor,
    SequenceWindower,
    StepTransformer,
    make_supervised,
)
from sklstm._rows._splits import split_validation
from sklstm.forecasting import AnchoredRegressor, AutoForecaster, ConformalRegressor
from tests._data import EQUAL, FORMS, LABELS, VALUES, make, message_of, outputs, target

RNG = np.random.default_rng(0)
SERIES = np.cumsum(RNG.normal(size=120)) / 4
X, Y = make_supervised(SERIES)
TRAIN, VALID = slice(0, 90), slice(90, None)


def stopping(Estimator, form="array", **params):
    long = {"early_stopping": True, "max_epochs": 12, "learning_rate": 0.05}
    long |= {"n_iter_no_change": None, "lr_scheduler": None}
    return make(Estimator, form, **long | params)


def learning(Estimator, n=60):
    """A problem with noise, so that validation errors rise in the end."""
    rng = np.random.default_rng(1)
    sequences = rng.normal(size=(n, 4, 2))
    y = sequences[:, -1, 0] + rng.normal(size=n)
    return sequences, y if Estimator is LSTMRegressor else np.where(y > 0, "up", "down")


def take(data, rows):
    """Select samples of any form of input."""
    if isinstance(data, (list, tuple)):
        return [data[i] for i in rows]
    return data.iloc[rows] if isinstance(data, pd.DataFrame) else data[rows]


@pytest.mark.parametrize("scoring", ["loss", None])
def test_given_data_are_as_good_as_those_set_aside(Estimator, form, scoring):
    """Bit for bit, weights included."""
    data, y = FORMS[form], target(Estimator)
    weight = 1.0 + np.arange(len(y)) % 2
    params = {"validation_fraction": 0.34, "max_epochs": 3, "scoring": scoring}
    aside = stopping(Estimator, form, **params).fit(data, y, weight)
    read = aside._check_samples(data, y, weight)
    train, valid = split_validation(
        read.sequences,
        0.34,
        stratify=read.y if Estimator is LSTMClassifier else None,
        random_state=aside._split_seed,
    )
    given = stopping(Estimator, form, **params).fit(
        take(data, train),
        y[train],
        weight[train],
        X_val=take(data, valid),
        y_val=y[valid],
        sample_weight_val=weight[valid],
    )
    assert_array_equal(outputs(given, data), outputs(aside, data))
    assert given.loss_curve_ == aside.loss_curve_
    assert given.validation_loss_curve_ == aside.validation_loss_curve_
    assert given.validation_scores_ == aside.validation_scores_
    assert given.best_epoch_ == aside.best_epoch_


def test_given_data_decide_which_epoch_is_kept(Estimator):
    """And nothing but that: all of X trains, for its scale too."""
    data, y = learning(Estimator, 90)
    model = stopping(Estimator, max_epochs=30).fit(
        data[:60], y[:60], X_val=data[60:], y_val=y[60:]
    )
    plain = clone(model).set_params(early_stopping=False, max_epochs=model.best_epoch_)
    plain.fit(data[:60], y[:60])
    assert 1 < model.best_epoch_ < 30
    assert_array_equal(outputs(model, data), outputs(plain, data))
    assert model.loss_curve_[: model.best_epoch_] == plain.loss_curve_
    if Estimator is LSTMClassifier:
        loss = log_loss(y[60:], model.predict_proba(data[60:]))
    else:
        error = (model.predict(data[60:]) - y[60:]) / model.target_scaler_.scale_
        loss = np.mean(error**2)
    assert_allclose(model.best_loss_, loss, rtol=1e-5)
    assert_allclose(model.best_validation_score_, model.score(data[60:], y[60:]))


def test_windows_of_one_series_train_and_validate():
    windows = X.tail(6)
    model = stopping(LSTMRegressor, unroll="series", linear_skip=False)
    model.fit(windows[TRAIN], Y[TRAIN], X_val=windows[VALID], y_val=Y[VALID])
    assert_allclose(
        model.best_validation_score_, model.score(windows[VALID], Y[VALID]), rtol=0.05
    )


def test_weights_of_given_data_count_as_samples_do(Estimator):
    data, y = learning(Estimator)
    weight = np.arange(20) % 3
    chosen = np.repeat(np.arange(20), weight)
    X_val, y_val = data[40:], y[40:]
    for scoring in ("loss", None):
        weighted = stopping(Estimator, scoring=scoring).fit(
            data[:40], y[:40], X_val=X_val, y_val=y_val, sample_weight_val=weight
        )
        repeated = clone(weighted).fit(
            data[:40], y[:40], X_val=X_val[chosen], y_val=y_val[chosen]
        )
        for name in ("validation_loss_curve_", "validation_scores_"):
            ours, theirs = getattr(weighted, name), getattr(repeated, name)
            assert_allclose(ours, theirs, rtol=1e-5)


@pytest.mark.parametrize("class_weight", ["balanced", {"up": 3.0, "down": 1.0}])
def test_classes_weigh_in_given_data_as_in_y(class_weight):
    data, y = learning(LSTMClassifier)
    y[:10] = "up"
    model = stopping(LSTMClassifier, class_weight=class_weight, max_epochs=2)
    model.fit(data[:40], y[:40], X_val=data[40:], y_val=y[40:])
    if class_weight == "balanced":
        class_weight = {c: 20 / np.sum(y[:40] == c) for c in ("up", "down")}
    by_hand = np.array([class_weight[c] for c in y[40:]])
    best = model.best_epoch_ - 1
    loss = log_loss(y[40:], model.predict_proba(data[40:]), sample_weight=by_hand)
    assert_allclose(model.validation_loss_curve_[best], loss, rtol=1e-5)
    score = model.score(data[40:], y[40:], sample_weight=by_hand)
    assert_allclose(model.validation_scores_[best], score)


def test_one_class_of_y_may_be_missing_from_given_data():
    model = stopping(LSTMClassifier, class_weight="balanced")
    two = LABELS != "maybe"
    model.fit(EQUAL, LABELS, X_val=EQUAL[two], y_val=LABELS[two])
    model.set_params(warm_start=True)
    model.fit(EQUAL, LABELS, X_val=EQUAL[two], y_val=LABELS[two])
    assert model.n_iter_ == 24


MISTAKES = [
    ({"y_val": None}, "X_val came without y_val"),
    ({"X_val": None}, "y_val came without X_val"),
    (
        {"X_val": None, "y_val": None, "sample_weight_val": np.ones(N := len(EQUAL))},
        "sample_weight_val came without X_val and y_val",
    ),
    ({"X_val": EQUAL[..., :2]}, "X has 2 features"),
    ({"X_val": EQUAL[:, 0]}, "give sequences"),
    ({"X_val": EQUAL[:5]}, "inconsistent numbers of samples"),
    ({"X_val": EQUAL[:0], "y_val": []}, "Found array"),
    ({"y_val": []}, "0"),
    ({"sample_weight_val": np.ones(3)}, "sample_weight.shape"),
    ({"sample_weight_val": -np.ones(N)}, "Negative"),
    ({"sample_weight_val": np.zeros(N)}, "zero"),
    ({"X_val": np.full_like(EQUAL, np.inf)}, "infinity"),
]


@pytest.mark.parametrize(("change", "expected"), MISTAKES)
def test_mistakes_in_given_data_are_told_in_a_line(Estimator, change, expected):
    y = target(Estimator)
    model = stopping(Estimator, max_epochs=1).fit(EQUAL, y, X_val=EQUAL, y_val=y)
    before = dict(vars(model))
    message = message_of(model.fit, EQUAL, y, **{"X_val": EQUAL, "y_val": y} | change)
    assert expected in message
    assert "X_val" in message
    assert vars(model) == before


def test_targets_of_given_data_are_those_of_y():
    given = {"X_val": EQUAL, "y_val": np.where(LABELS == "no", "never", "yes")}
    message = message_of(stopping(LSTMClassifier).fit, EQUAL, LABELS, **given)
    assert message.startswith("Validation data X_val, y_val: y has labels that are not")
    assert "['never']" in message
    given["y_val"] = np.c_[VALUES, VALUES]
    message = message_of(stopping(LSTMRegressor).fit, EQUAL, VALUES, **given)
    assert "Validation data X_val, y_val: y has 2 output(s)" in message
    only = {"class_weight": {"no": 0, "yes": 1, "maybe": 1}}
    given["y_val"] = np.full(len(EQUAL), "no")
    message = message_of(stopping(LSTMClassifier, **only).fit, EQUAL, LABELS, **given)
    assert "Every class in y has class_weight zero" in message


def test_given_data_hold_the_ids_and_names_of_x():
    ids = np.arange(48).reshape(12, 4) % 7
    model = stopping(LSTMRegressor, embedding_size=2)
    message = message_of(model.fit, ids, VALUES, X_val=ids + 1, y_val=VALUES)
    assert "The largest in fit was 6" in message
    table = FORMS["frame"]
    given = {"X_val": table[table.columns[::-1]], "y_val": VALUES}
    with pytest.raises(
        ValueError, match="Validation data X_val, y_val: The feature na"
    ):
        stopping(LSTMRegressor, "frame").fit(table, VALUES, **given)


def test_labels_of_given_data_are_those_of_x():
    """Whatever else they hold, and however these are numbered there."""
    rows = pd.DataFrame({"v": SERIES, "kind": np.array(["a", "b"])[np.arange(120) % 2]})
    later = rows[90:].assign(kind=rows["kind"][90:].replace({"b": "c"}))
    known = pd.CategoricalDtype(["c", "b", "a"])
    windows, y = make_supervised(rows[:90], target="v")
    losses = []
    for column in (later["kind"], later["kind"].astype(known)):
        X_val, y_val = make_supervised(later.assign(kind=column), target="v")
        model = stopping(LSTMRegressor)
        model.fit(windows.tail(4), y, X_val=X_val.tail(4), y_val=y_val)
        losses.append(model.validation_loss_curve_)
    assert losses[0] == losses[1]
    X_val, y_val = make_supervised(later[["v"]].assign(kind=1.0), target="v")
    message = message_of(
        model.fit, windows.tail(4), y, X_val=X_val.tail(4), y_val=y_val
    )
    assert "Validation data X_val, y_val: Feature 'kind' of X holds numbers" in message


def test_given_data_need_early_stopping(Estimator):
    y = target(Estimator)
    message = message_of(make(Estimator).fit, EQUAL, y, X_val=EQUAL, y_val=y)
    assert "set early_stopping=True" in message
    with pytest.raises(TypeError, match="X_val"):
        make(Estimator).partial_fit(EQUAL, y, X_val=EQUAL, y_val=y)


def test_given_data_in_a_warm_start_and_a_pickle(Estimator):
    data, y = learning(Estimator)
    given = {"X_val": data[40:], "y_val": y[40:]}
    model = stopping(Estimator, warm_start=True, max_epochs=3)
    model.fit(data[:40], y[:40], **given)
    model.fit(data[:40], y[:40], **given)
    assert model.n_iter_ == len(model.validation_scores_) == 6
    again = pickle.loads(pickle.dumps(model))
    assert_array_equal(outputs(again, data), outputs(model, data))
    model.fit(data[:40], y[:40], **given)
    again.fit(data[:40], y[:40], **given)
    assert again.validation_loss_curve_ == model.validation_loss_curve_
    again.fit(data, y)  # the data set aside, as before
    assert again.n_iter_ == 12


def test_callbacks_of_skorch_see_given_data(Estimator, tmp_path):
    data, y = learning(Estimator)
    best = Checkpoint(monitor="valid_loss_best", dirname=tmp_path)
    stop = EarlyStopping("valid_score", patience=2, lower_is_better=False)
    model = stopping(Estimator, callbacks=[best, stop], max_epochs=40)
    model.fit(data[:40], y[:40], X_val=data[40:], y_val=y[40:])
    scores = model.validation_scores_
    assert max(scores[:-2]) >= max(scores[-2:])
    assert len(scores) < 40
    saved = torch.load(tmp_path / "params.pt")
    for name, values in model.module_.state_dict().items():
        assert_array_equal(saved[name], values)


def test_scoring_callbacks_of_skorch_see_given_data():
    data, y = learning(LSTMClassifier)
    theirs = EpochScoring("accuracy", name="theirs", lower_is_better=False)
    model = stopping(LSTMClassifier, callbacks=[theirs])
    model.fit(data[:40], y[:40], X_val=data[40:], y_val=y[40:])
    assert model.net_.history[:, "theirs"] == model.validation_scores_


def test_callbacks_of_scikit_learn_do_not_change_the_scores():
    data, y = learning(LSTMRegressor)
    given = {"X_val": data[40:], "y_val": y[40:]}
    watched, plain = (stopping(LSTMRegressor, scoring=None) for _ in range(2))
    monitor = ScoringMonitor(scoring="r2")
    watched.set_callbacks(monitor).fit(data[:40], y[:40], **given)
    plain.fit(data[:40], y[:40], **given)
    assert watched.validation_scores_ == plain.validation_scores_
    epochs = [row for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert len(epochs) == 12


def test_values_that_given_data_alone_lack_are_told_of(Estimator):
    y = target(Estimator)
    lacking = EQUAL.copy()
    lacking[2, 1, 0] = np.nan
    model = stopping(Estimator, max_epochs=1)
    with pytest.warns(UserWarning, match="had no missing values in training") as caught:
        model.fit(EQUAL, y, X_val=lacking, y_val=y)
    missing = [w.filename for w in caught if "had no missing" in str(w.message)]
    assert missing == [__file__]
    model.fit(lacking, y, X_val=lacking, y_val=y)


# Pipelines


def pipe(*steps, **params):
    """A pipeline whose last step is an LSTM that asks for validation data."""
    last = stopping(LSTMRegressor, **params)
    last.set_fit_request(X_val=True, y_val=True)
    return make_pipeline(*steps, last, transform_input=["X_val"])


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


# Rows do not say what came before the first of them.
@pytest.mark.filterwarnings("ignore:.* windows have fewer than:UserWarning")
@pytest.mark.parametrize("whole", [False, True])
def test_pipelines_transform_given_data(routing, whole):
    scaler = StandardScaler()
    steps = [StepTransformer(scaler) if whole else scaler, SequenceWindower(5)]
    data = X if whole else SERIES[: len(Y), None]
    windows, given = data[TRAIN], data[VALID]
    for step in map(clone, steps):
        windows = step.fit_transform(windows)
        given = step.transform(given)
    model = pipe(*steps)
    model.fit(data[TRAIN], Y[TRAIN], X_val=data[VALID], y_val=Y[VALID])
    by_hand = stopping(LSTMRegressor)
    by_hand.fit(windows, Y[TRAIN], X_val=given, y_val=Y[VALID])
    assert model[-1].validation_loss_curve_ == by_hand.validation_loss_curve_
    assert_array_equal(model[-1].predict(windows), by_hand.predict(windows))


def test_searches_hand_given_data_on(routing):
    cv = TimeSeriesSplit(2)
    given = {"X_val": X[VALID], "y_val": Y[VALID]}
    model = pipe(SequenceWindower(5))
    found = cross_validate(
        model, X[TRAIN], Y[TRAIN], cv=cv, params=given, return_estimator=True
    )
    for (train, _), fitted in zip(cv.split(Y[TRAIN]), found["estimator"], strict=True):
        by_hand = stopping(LSTMRegressor).fit(
            X[train].tail(5), Y[train], X_val=X[VALID].tail(5), y_val=Y[VALID]
        )
        assert fitted[-1].validation_scores_ == by_hand.validation_scores_
    grid = {"sequencewindower__sequence_length": [2, 5]}
    search = GridSearchCV(model, grid, cv=cv).fit(X[TRAIN], Y[TRAIN], **given)
    assert len(search.best_estimator_[-1].validation_scores_) == 12


def test_without_routing_given_data_come_as_they_are():
    model = make_pipeline(SequenceWindower(5), stopping(LSTMRegressor))
    names = ("lstmregressor__X_val", "lstmregressor__y_val")
    windows = dict(zip(names, (X[VALID].tail(5), Y[VALID]), strict=True))
    model.fit(X[TRAIN], Y[TRAIN], **windows)
    by_hand = stopping(LSTMRegressor).fit(
        X[TRAIN].tail(5), Y[TRAIN], X_val=X[VALID].tail(5), y_val=Y[VALID]
    )
    assert model[-1].validation_scores_ == by_hand.validation_scores_
    histories = dict(zip(names, (X[VALID], Y[VALID]), strict=True))
    message = message_of(model.fit, X[TRAIN], Y[TRAIN], **histories)
    assert "Validation data X_val, y_val: X is 29 whole histories" in message


# Regressors around one


def test_an_anchored_regressor_anchors_given_data():
    windows = X.tail(5)
    lstm = stopping(LSTMRegressor)
    given = {"X_val": windows[VALID], "y_val": Y[VALID]}
    model = AnchoredRegressor(lstm).fit(windows[TRAIN], Y[TRAIN], **given)
    inner = model.regressor_
    best = inner.best_epoch_ - 1
    unit = inner.target_scaler_.scale_[0]
    error = (model.predict(windows[VALID]) - Y[VALID]) / unit
    assert_allclose(inner.validation_loss_curve_[best], np.mean(error**2), rtol=1e-5)
    # y that is a column in one place and not in the other is the same.
    again = clone(model).fit(
        windows[TRAIN],
        Y[TRAIN],
        X_val=windows[VALID],
        y_val=np.reshape(Y[VALID], (-1, 1)),
    )
    assert again.regressor_.validation_scores_ == inner.validation_scores_
    for wrong, expected in [
        ({"X_val": windows[VALID]}, "X_val came without y_val"),
        ({"y_val": Y[VALID]}, "y_val came without X_val"),
        (given | {"y_val": np.ones((29, 2))}, "y_val: y has 2 output(s)"),
    ]:
        message = message_of(model.fit, windows[TRAIN], Y[TRAIN], **wrong)
        assert expected in message


def test_an_anchored_pipeline_anchors_given_data(routing):
    given = {"X_val": X[VALID], "y_val": Y[VALID]}
    inside = AnchoredRegressor(pipe(SequenceWindower(5)))
    inside.fit(X[TRAIN], Y[TRAIN], **given)
    lstm = stopping(LSTMRegressor).set_fit_request(X_val=True, y_val=True)
    around = Pipeline(
        [("w", SequenceWindower(5)), ("a", AnchoredRegressor(lstm))],
        transform_input=["X_val"],
    )
    around.fit(X[TRAIN], Y[TRAIN], **given)
    with sklearn.config_context(enable_metadata_routing=False):
        named = AnchoredRegressor(make_pipeline(SequenceWindower(5), lstm))
        windows = {"lstmregressor__X_val": X[VALID].tail(5)}
        named.fit(X[TRAIN], Y[TRAIN], **windows, lstmregressor__y_val=Y[VALID])
    losses = [
        model.validation_loss_curve_
        for model in (
            inside.regressor_[-1],
            around[-1].regressor_,
            named.regressor_[-1],
        )
    ]
    assert losses[0] == losses[1] == losses[2]


def test_a_conformal_regressor_hands_given_data_on_whole():
    """Even if there are as many of them as of others."""
    windows = X.tail(5)
    lstm = stopping(LSTMRegressor)
    given = {"X_val": windows[60:], "y_val": Y[60:]}
    model = ConformalRegressor(lstm, gap=0).fit(windows[:59], Y[:59], **given)
    assert len(Y[60:]) == 59
    train = 59 - len(model.scores_)
    by_hand = clone(lstm).fit(windows[:train], Y[:train], **given)
    assert model.estimator_.validation_scores_ == by_hand.validation_scores_


def test_an_automatic_forecaster_takes_no_given_data():
    given = {"X_val": X[VALID], "y_val": Y[VALID]}
    message = message_of(AutoForecaster().fit, X[TRAIN], Y[TRAIN], **given)
    assert message.startswith("AutoForecaster got X_val, y_val, but")


# Scoring


class Watch(Callback):
    """Keep what the net predicts after each epoch."""

    def __init__(self):
        self.states = []

    def on_epoch_end(self, net, **kwargs):
        state = net.module_.state_dict()
        self.states.append({key: value.clone() for key, value in state.items()})


@pytest.mark.parametrize(
    ("Estimator", "scoring"),
    [
        (LSTMRegressor, None),
        (LSTMRegressor, "neg_mean_absolute_error"),
        (LSTMRegressor, make_scorer(mean_absolute_error, greater_is_better=False)),
        (LSTMClassifier, None),
        (LSTMClassifier, "neg_log_loss"),
        (LSTMClassifier, "roc_auc"),
        (LSTMClassifier, "f1_macro"),
    ],
)
@pytest.mark.parametrize("own", [False, True])
def test_scores_are_those_of_a_loop_over_epochs(Estimator, scoring, own):
    data, y = learning(Estimator, 80)
    watch = Watch()
    model = stopping(Estimator, scoring=scoring, callbacks=[watch], dropout=0.2)
    valid = np.arange(50, 80)
    if own:
        model.fit(data[:50], y[:50], X_val=data[valid], y_val=y[valid])
    else:
        model.fit(data, y)
        labels = y if Estimator is LSTMClassifier else None
        valid = split_validation(
            model._check_samples(data, y, None).sequences,
            0.1,
            stratify=labels,
            random_state=model._split_seed,
        )[1]
    scorer = get_scorer(scoring) if isinstance(scoring, str) else scoring
    scorer = scorer or Estimator.score
    expected = []
    later = pickle.loads(pickle.dumps(model))
    for state in watch.states:
        later.module_.load_state_dict(state)
        expected.append(scorer(later, data[valid], y[valid]))
    assert model.validation_scores_ == expected
    best = int(np.argmax(expected))
    assert model.best_epoch_ == best + 1
    assert model.best_validation_score_ == expected[best]
    assert model.best_loss_ == model.validation_loss_curve_[best]
    assert scorer(model, data[valid], y[valid]) == expected[best]


def test_a_score_does_not_change_the_training(Estimator):
    data, y = learning(Estimator)

    def first_epochs(estimator, X, y):
        """Rises for 12 epochs, and draws numbers of its own meanwhile."""
        np.random.default_rng().normal()
        estimator.predict(X)
        first_epochs.n += 1
        return first_epochs.n

    first_epochs.n = 0
    params = {"dropout": 0.3, "batch_size": 7, "num_layers": 2}
    scored = stopping(Estimator, **params, scoring=first_epochs).fit(data, y)
    plain = stopping(Estimator, **params).fit(data, y)
    assert scored.loss_curve_ == plain.loss_curve_
    assert scored.validation_loss_curve_ == plain.validation_loss_curve_
    assert scored.best_epoch_ == 12
    for key, values in scored.net_.optimizer_.state_dict()["state"].items():
        theirs = plain.net_.optimizer_.state_dict()["state"][key]
        assert_array_equal(values["exp_avg"], theirs["exp_avg"])


def scores_of(*values):
    """A scorer that returns these values, one an epoch."""
    left = list(values)
    return lambda estimator, X, y: left.pop(0)


def test_patience_and_tol_are_in_units_of_the_score(Estimator):
    values = [1.0, 1.4, 1.45, 1.49, 5.0, 5.0]
    params = {"scoring": scores_of(*values), "tol": 0.1, "n_iter_no_change": 2}
    model = stopping(Estimator, **params).fit(*learning(Estimator))
    assert model.validation_scores_ == values[:4]
    assert (model.best_epoch_, model.best_validation_score_) == (4, 1.49)


@pytest.mark.parametrize("values", [[-5.0] * 6, [-5, -4.9, -4.9, -4.9, -4.9, -4.9]])
def test_a_plateau_is_one_of_the_score(values):
    params = {"scoring": scores_of(*values), "max_epochs": 6}
    schedule = ("reduce_on_plateau", {"patience": 1, "factor": 0.5, "threshold": 0.01})
    model = stopping(LSTMRegressor, **params, lr_scheduler=schedule)
    rates = model.fit(*learning(LSTMRegressor)).net_.history[:, "event_lr"]
    n_first = 3 if values[0] == values[1] else 4
    assert_allclose(rates[:n_first], 0.05)
    assert_allclose(rates[n_first], 0.025)


def test_a_scorer_gets_what_was_passed_in():
    seen = []

    def watch(estimator, X, y, sample_weight=None):
        seen.append((X, y, sample_weight))
        return 0.0

    table = pd.DataFrame(EQUAL.reshape(12, 12)).rename(columns="s{}".format)
    y = pd.Series(VALUES, index=list("abcdefghijkl"))
    model = stopping(LSTMRegressor, "frame", scoring=watch, max_epochs=1)
    model.fit(table, y, X_val=table, y_val=y)
    assert seen[-1][0] is table
    assert seen[-1][1] is y
    assert seen[-1][2] is None
    weight = np.arange(12.0)
    model.fit(table, y, X_val=table, y_val=y, sample_weight_val=weight)
    pd.testing.assert_frame_equal(seen[-1][0], table[1:])
    pd.testing.assert_series_equal(seen[-1][1], y[1:])
    assert_array_equal(seen[-1][2], weight[1:])
    model.fit(table, y, sample_weight=1.0 * (weight > 2))
    assert set(seen[-1][1].index) < set("defghijkl")
    assert seen[-1][2] is None


def test_weights_of_classes_go_to_the_scorer():
    data, y = learning(LSTMClassifier)
    by_class = {"class_weight": {"up": 3.0, "down": 1.0}}
    model = stopping(LSTMClassifier, scoring="accuracy", **by_class).fit(data, y)
    loss = stopping(LSTMClassifier, **by_class).fit(data, y)
    assert_allclose(model.validation_scores_, loss.validation_scores_)


def test_a_score_without_weights_is_told():
    data, y = learning(LSTMClassifier)
    model = stopping(LSTMClassifier, scoring=lambda model, X, y: model.score(X, y))
    model.fit(data, y)
    model.set_params(class_weight={"up": 3.0, "down": 1.0})
    assert "takes no sample_weight, but the weights" in message_of(model.fit, data, y)


@pytest.mark.parametrize(
    "value", [np.nan, np.inf, {"r2": 0.5, "mae": 0.1}, None, "good"]
)
def test_a_score_that_is_no_number_is_named(value):
    def odd(estimator, X, y):
        return value

    model = make(LSTMRegressor).fit(EQUAL, VALUES)
    before = dict(vars(model))
    model.set_params(early_stopping=True, scoring=odd)
    message = message_of(model.fit, EQUAL, VALUES)
    assert message.startswith("scoring=<function test_a_score_that_is_no_number")
    assert f"returned {value!r} for 2 validation sequence(s)" in message
    assert vars(model) == before | {"early_stopping": True, "scoring": odd}


def test_an_interruption_while_an_epoch_is_scored_leaves_those_before_it(request):
    data, y = learning(LSTMRegressor)
    values = scores_of(1.0, 2.0)

    def interrupt(estimator, X, y):
        try:
            return values(estimator, X, y)
        except IndexError:
            signal.raise_signal(signal.SIGINT)

    model = stopping(LSTMRegressor, scoring=interrupt)
    # A process in the background may have been told to ignore it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))
    with (
        pytest.warns(UserWarning, match=r"keeps the 2 epoch\(s\) before it"),
        pytest.raises(KeyboardInterrupt),
    ):
        model.fit(data, y)
    assert model.validation_scores_ == [1.0, 2.0]
    assert model.best_epoch_ == len(model.loss_curve_) == 2
    two = stopping(LSTMRegressor, scoring=scores_of(1.0, 2.0), max_epochs=2)
    assert_array_equal(model.predict(data), two.fit(data, y).predict(data))


@pytest.mark.parametrize("scoring", ["lost", ["r2"], {"r2": "r2"}, 1.0, r2_score])
def test_what_is_no_scoring(scoring):
    model = stopping(LSTMRegressor, scoring=scoring)
    with pytest.raises(ValueError, match="scoring"):
        model.fit(EQUAL, VALUES)


def test_scoring_is_ignored_without_early_stopping(Estimator):
    data, y = learning(Estimator)
    scored, plain = (
        make(Estimator, scoring=scoring).fit(data, y)
        for scoring in (scores_of(), "loss")
    )
    assert scored.validation_scores_ is scored.best_epoch_ is None
    assert_array_equal(outputs(scored, data), outputs(plain, data))


def test_a_better_score_is_found_than_by_the_loss():
    """It is not the epoch of the least loss that has the most labels right."""
    data, y = learning(LSTMClassifier, 200)
    found = {}
    for scoring in ("loss", "accuracy"):
        model = stopping(LSTMClassifier, scoring=scoring, max_epochs=40)
        model.fit(data[:50], y[:50], X_val=data[50:], y_val=y[50:])
        found[scoring] = accuracy_score(y[50:], model.predict(data[50:]))
        assert found[scoring] == model.best_validation_score_
    assert found["accuracy"] > found["loss"]


def test_other_regressors_that_are_anchored_take_what_they_take():
    windows = np.asarray(X.tail(5)[5:])[..., 0]
    given = {"X_val": windows, "y_val": Y[5:]}
    with pytest.raises(TypeError, match="X_val"):
        AnchoredRegressor(Ridge()).fit(windows, Y[5:], **given)
