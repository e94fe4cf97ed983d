"""What fit promises: weights, continuing, stopping, learning."""

import pickle
from functools import partial

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from skorch.callbacks import Callback, Checkpoint, EpochScoring, LRScheduler

from sklstm import LSTMClassifier, LSTMRegressor, SequenceWindower, make_supervised
from sklstm.datasets import make_adding_problem

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 5, 2))
Y = X[:, -1, 0] + 0.5 * X[:, 0, 1]
LABELS = np.where(Y > 0, "up", "down")


def small(**params):
    return LSTMRegressor(
        **{"hidden_size": 8, "max_epochs": 3, "random_state": 0} | params
    )


def test_two_fits_of_two_epochs_are_one_of_four():
    # The shuffles differ, so the batch holds everything and there is no shuffle.
    whole = small(max_epochs=4, batch_size=60, n_iter_no_change=None).fit(X, Y)
    twice = small(max_epochs=2, batch_size=60, warm_start=True).fit(X, Y).fit(X, Y)
    assert_array_equal(whole.predict(X), twice.predict(X))
    assert_array_equal(whole.loss_curve_, twice.loss_curve_)
    assert twice.n_iter_ == 4


def test_partial_fit_is_an_epoch():
    whole = small(batch_size=60).fit(X, Y)
    parts = small(batch_size=60)
    for _ in range(3):
        parts.partial_fit(X, Y)
    assert_array_equal(whole.predict(X), parts.predict(X))
    assert parts.n_iter_ == 3


def test_warm_start_takes_the_new_learning_rate():
    model = small(warm_start=True).fit(X, Y)
    before = model.predict(X)
    model.set_params(learning_rate=1e-12).fit(X, Y)
    assert_allclose(model.predict(X), before, atol=1e-5)
    model.set_params(learning_rate=1e-2).fit(X, Y)
    assert abs(model.predict(X) - before).max() > 1e-3


def test_loss_curve_is_the_mean_loss():
    model = small(max_epochs=1, learning_rate=1e-12, dropout=0.0).fit(X, Y)
    scaler = model.target_scaler_
    residual = (model.predict(X) - Y) / scaler.scale_
    assert_allclose(model.loss_curve_, [np.mean(residual**2)], rtol=1e-5)


def test_loss_curve_is_weighted():
    weight = RNG.integers(1, 5, size=60)
    model = small(max_epochs=1, learning_rate=1e-12, batch_size=7, standardize=False)
    model.fit(X, Y, sample_weight=weight)
    residual = model.predict(X) - Y
    expected = np.average(residual**2, weights=weight)
    assert_allclose(model.loss_curve_, [expected], rtol=1e-5)


@pytest.mark.parametrize(
    ("loss", "center"),
    [("squared_error", np.mean), ("absolute_error", np.median), ("huber", None)],
)
def test_each_loss_finds_its_own_center(loss, center):
    # With nothing to tell the sequences apart the best output is a constant.
    y = np.r_[np.zeros(40), np.linspace(5, 100, 24)]
    model = LSTMRegressor(2, loss=loss, max_epochs=400, random_state=0)
    prediction = model.fit(np.ones((64, 1, 1)), y).predict(np.ones((1, 1, 1)))[0]
    if center is None:
        assert np.median(y) + 1 < prediction < np.mean(y)
    else:
        assert_allclose(prediction, center(y), atol=1.0)


def test_predictions_are_in_the_units_of_y():
    raw = small().fit(X, Y)
    moved = small().fit(X * 1000 - 77, Y * 1e6 + 1e8)
    assert_allclose(
        (moved.predict(X * 1000 - 77) - 1e8) / 1e6, raw.predict(X), atol=1e-3
    )


def test_constant_feature_and_target_are_no_division_by_zero():
    model = small().fit(np.ones((40, 3, 1)), np.full(40, 5.0))
    assert_allclose(model.predict(np.ones((2, 3, 1))), 5.0, atol=0.5)


def test_early_stopping_keeps_the_best_epoch():
    y = RNG.normal(size=60)  # noise: validation gets worse as training goes on
    model = small(
        max_epochs=100,
        learning_rate=0.05,
        early_stopping=True,
        validation_fraction=0.3,
        n_iter_no_change=3,
    ).fit(X, y)
    assert model.n_iter_ < 100
    best = np.argmin(model.validation_loss_curve_)
    assert model.n_iter_ == best + 4
    train, valid = train_test_split(
        np.arange(60), test_size=0.3, random_state=model._split_seed
    )
    scaler = model.target_scaler_
    assert_allclose(scaler.mean_, y[train].mean())
    assert_allclose(
        np.mean((model.predict(X[valid]) - y[valid]) ** 2) / scaler.var_,
        model.validation_loss_curve_[best],
        rtol=1e-5,
    )
    assert_allclose(
        r2_score(y[valid], model.predict(X[valid])),
        model.validation_scores_[best],
        rtol=1e-5,
    )


def test_validation_score_of_a_classifier_is_its_accuracy():
    model = LSTMClassifier(
        8, max_epochs=1, early_stopping=True, random_state=0, validation_fraction=0.25
    ).fit(X, LABELS)
    _, valid = train_test_split(
        np.arange(60),
        test_size=0.25,
        stratify=LABELS,
        random_state=model._split_seed,
    )
    accuracy = accuracy_score(LABELS[valid], model.predict(X[valid]))
    assert_allclose(model.validation_scores_, [accuracy])


def test_training_stops_when_the_loss_stands_still():
    model = small(max_epochs=50, learning_rate=1e-9, n_iter_no_change=4).fit(X, Y)
    assert model.n_iter_ == 5


def test_no_validation_without_early_stopping():
    model = small().fit(X, Y)
    assert model.validation_scores_ is None
    assert model.validation_loss_curve_ is None


def test_class_weight_is_a_sample_weight():
    by_class = {"up": 3, "down": 1}
    weight = np.where(LABELS == "up", 3, 1)
    make = {"hidden_size": 8, "max_epochs": 3, "random_state": 0, "standardize": False}
    a = LSTMClassifier(**make, class_weight=by_class).fit(X, LABELS)
    b = LSTMClassifier(**make).fit(X, LABELS, sample_weight=weight)
    assert_array_equal(a.predict_proba(X), b.predict_proba(X))


def test_divergence_is_an_error_that_says_what_to_do():
    model = small(learning_rate=1e30, optimizer="sgd", max_grad_norm=None)
    with pytest.raises(ValueError, match=r"loss became .* lower learning_rate"):
        model.fit(X, Y)


def test_skorch_callbacks_are_run(tmp_path):
    schedule = LRScheduler("StepLR", step_size=1, gamma=0.1)
    score = EpochScoring("r2", lower_is_better=False)
    model = small(callbacks=[schedule, score, Checkpoint(dirname=tmp_path)])
    model.set_params(early_stopping=True, validation_fraction=0.3).fit(X, Y)
    assert rates(model) == pytest.approx([5e-3, 5e-4, 5e-5])
    assert_allclose(model.net_.history[:, "r2"], model.validation_scores_, rtol=1e-5)
    assert (tmp_path / "params.pt").exists()


def rates(model):
    return np.array(model.net_.history[:, "event_lr"])


def test_cosine_schedule_starts_anew_with_each_fit():
    model = small(lr_scheduler="cosine", max_epochs=4, warm_start=True)
    once = 5e-3 * (1 + np.cos(np.pi * np.arange(4) / 4)) / 2
    assert_allclose(rates(model.fit(X, Y)), once)
    assert_allclose(rates(model.fit(X, Y)), np.r_[once, once])


def test_learning_rate_falls_where_the_loss_does_not():
    model = small(lr_scheduler="reduce_on_plateau", learning_rate=1e-6, max_epochs=9)
    expected = [1e-6] * 7 + [1e-7] * 2  # 5 epochs without progress after the first
    assert_allclose(rates(model.fit(X, Y)), expected)


def test_the_net_lets_go_of_the_data():
    model = small(early_stopping=True).fit(X, Y)
    assert model.net_.train_split is None
    assert len(pickle.dumps(model)) < 30_000


def test_validation_sequences_stay_the_same_in_a_warm_start():
    model = small(early_stopping=True, warm_start=True, random_state=None)
    seen = []
    model._validation_score = lambda y, output, weight: seen.append(y) or 0.0
    model.fit(X, Y).fit(X, Y)
    for y in seen:
        assert_array_equal(y, seen[0])
    assert len(seen) == model.n_iter_ == 6


def test_a_single_validation_sequence_has_a_loss_but_no_score():
    model = small(early_stopping=True).fit(X[:5], Y[:5])
    assert np.isnan(model.validation_scores_).all()
    assert np.isfinite(model.validation_loss_curve_).all()


def test_early_stopping_can_be_turned_on_and_off_in_a_warm_start():
    model = small(warm_start=True).fit(X, Y)
    model.set_params(early_stopping=True).fit(X, Y)
    assert (model.n_iter_, len(model.validation_scores_)) == (6, 3)
    model.set_params(early_stopping=False).fit(X, Y)
    assert (model.n_iter_, model.validation_scores_) == (9, None)


def test_best_epoch_is_kept_even_if_training_never_stops():
    model = small(learning_rate=0.05, max_epochs=15, early_stopping=True)
    model.set_params(n_iter_no_change=None, validation_fraction=0.3)
    y = RNG.normal(size=60)
    model.fit(X, y)
    curve = model.validation_loss_curve_
    assert model.n_iter_ == 15
    assert np.argmin(curve) < 14
    _, valid = train_test_split(
        np.arange(60), test_size=0.3, random_state=model._split_seed
    )
    error = np.mean((model.predict(X[valid]) - y[valid]) ** 2)
    assert_allclose(error / model.target_scaler_.var_, min(curve), rtol=1e-5)


def test_an_interrupted_epoch_does_not_count():
    class Interrupt(Callback):
        def on_batch_end(self, net, **kwargs):
            if len(net.history) == 3:
                raise KeyboardInterrupt

    with pytest.warns(UserWarning, match="interrupted"):
        model = small(callbacks=[Interrupt()], max_epochs=9).fit(X, Y)
    assert model.n_iter_ == len(model.loss_curve_) == 2
    assert np.isfinite(model.predict(X)).all()


def test_a_failed_refit_leaves_the_estimator_as_it_was():
    model = small().fit(X, Y)
    expected = model.predict(X)
    model.set_params(learning_rate=1e30, optimizer="sgd", max_grad_norm=None)
    with pytest.raises(ValueError, match="loss became"):
        model.fit(X * 100, Y)
    assert_array_equal(model.predict(X), expected)


def test_a_class_of_weight_zero_is_left_out():
    weights = {"up": 1, "down": 1, "flat": 0}
    y = np.r_[LABELS[:50], ["flat"] * 10]
    a = LSTMClassifier(4, max_epochs=2, random_state=0, class_weight=weights)
    a.fit(X, y)
    assert a.scaler_.n_samples_seen_ == 50 * 5


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "rmsprop", "sgd"])
def test_every_optimizer_lowers_the_loss(optimizer):
    curve = small(optimizer=optimizer, max_epochs=10).fit(X, Y).loss_curve_
    assert curve[-1] < curve[0]


def test_a_plain_step_is_that_of_a_closure():
    class ClosureAdam(torch.optim.Adam):
        """Of a type that is not known to need no closure."""

    plain, closure = (
        small(optimizer=optimizer).fit(X, Y)
        for optimizer in (partial(torch.optim.Adam, fused=True), ClosureAdam)
    )
    assert type(closure.net_.optimizer_) is ClosureAdam
    assert_allclose(plain.predict(X), closure.predict(X), rtol=1e-4)


@pytest.mark.parametrize(
    ("params", "data"),
    [
        ({}, X),
        ({"num_layers": 2, "dropout": 0.1}, X),
        (
            {"bidirectional": True, "pooling": "mean"},
            [x[: 2 + i % 4] for i, x in enumerate(X)],
        ),
        ({"unroll": "series"}, SequenceWindower(5).fit_transform(X[:, 0])),
    ],
)
def test_short_products_train_nearly_alike(params, data):
    exact, short = (
        small(dtype=a, **params).fit(data, Y) for a in ("float32", "bfloat16")
    )
    assert short.loss_curve_ != exact.loss_curve_
    assert_allclose(short.loss_curve_, exact.loss_curve_, rtol=0.02)


def test_short_products_are_for_training_only():
    model = small(dtype="bfloat16").fit(X, Y)
    expected = model.predict(X)
    assert_array_equal(model.set_params(dtype="float32").predict(X), expected)
    assert next(model.module_.parameters()).dtype == torch.float32


def test_verbose_prints_an_epoch_a_line(capsys):
    small(verbose=1, early_stopping=True).fit(X, Y)
    lines = capsys.readouterr().out.splitlines()
    assert "valid_loss" in lines[0]
    assert len(lines) >= 2 + 3
    small().fit(X, Y)
    assert capsys.readouterr().out == ""


def test_default_classifier_reads_digits_by_rows():
    digits = load_digits()
    X_train, X_test, y_train, y_test = train_test_split(
        digits.images, digits.target, stratify=digits.target, random_state=0
    )
    model = LSTMClassifier(random_state=0).fit(X_train, y_train)
    assert model.score(X_test, y_test) >= 0.97


def test_default_regressor_predicts_a_noisy_sine():
    t = np.arange(600)
    series = np.sin(2 * np.pi * t / 25) + RNG.normal(0, 0.1, size=600)
    rows, y = make_supervised(series)
    model = make_pipeline(SequenceWindower(24), LSTMRegressor(random_state=0))
    model.fit(rows[:450], y[:450])
    # Noise of variance 0.01 on a sine of variance 0.5 leaves 0.98 at the most.
    assert model.score(rows[450:], y[450:]) > 0.95


def test_adding_problem_is_solved():
    X, y = make_adding_problem(6000, n_timesteps=50, random_state=0)
    model = LSTMRegressor(max_epochs=8, random_state=0).fit(X[:5000], y[:5000])
    assert np.mean((model.predict(X[5000:]) - y[5000:]) ** 2) < 0.01
