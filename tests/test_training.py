"""What fit promises: weights, continuing, stopping, learning."""

import pickle
from functools import partial

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_digits
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
    """A small net alone, with no line that would solve all before it starts."""
    plain = {"linear_skip": False, "dropout": 0.0, "lr_scheduler": None}
    return LSTMRegressor(
        **{"hidden_size": 8, "max_epochs": 3, "random_state": 0} | plain | params
    )


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
    model = small(hidden_size=2, loss=loss, max_epochs=400, n_iter_no_change=10)
    prediction = model.fit(np.ones((64, 1, 1)), y).predict(np.ones((1, 1, 1)))[0]
    if center is None:
        assert np.median(y) + 1 < prediction < np.mean(y)
    else:
        assert_allclose(prediction, center(y), atol=1.0)


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


def test_an_epoch_that_a_callback_stops_does_not_count():
    class Interrupt(Callback):
        def on_batch_end(self, net, **kwargs):
            if len(net.history) == 3:
                raise KeyboardInterrupt

    model = small(callbacks=[Interrupt()], max_epochs=9).fit(X, Y)
    assert model.n_iter_ == len(model.loss_curve_) == 2
    assert np.isfinite(model.predict(X)).all()


@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_fit_that_ends_in_its_first_epoch(early_stopping):
    class Interrupt(Callback):
        def on_batch_begin(self, net, **kwargs):
            raise KeyboardInterrupt

    model = small(callbacks=[Interrupt()], early_stopping=early_stopping).fit(X, Y)
    assert (model.n_iter_, model.loss_curve_, model.best_epoch_) == (0, [], None)
    assert np.isfinite(model.predict(X)).all()


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


def numbers(line):
    """Epoch, epochs in all and what else is printed of an epoch, by name."""
    epoch, rest = line.removeprefix("epoch ").split("  ", maxsplit=1)
    done, total = epoch.split("/")
    words = rest.split()
    assert words.pop() == "s"
    seconds = float(words.pop())
    values = dict(zip(words[::2], map(float, words[1::2]), strict=True))
    return int(done), int(total), values | {"seconds": seconds}


def test_verbose_prints_an_epoch_a_line(capsys):
    model = small(verbose=1, early_stopping=True).fit(X, Y)
    lines = capsys.readouterr().out.splitlines()
    assert all(line.isascii() and line.isprintable() for line in lines)
    assert len({len(line) for line in lines}) == 1
    printed = [numbers(line) for line in lines]
    assert [row[0] for row in printed] == list(range(1, model.n_iter_ + 1))
    for key, curve in {
        "train_loss": model.loss_curve_,
        "valid_loss": model.validation_loss_curve_,
        "valid_score": model.validation_scores_,
    }.items():
        assert_allclose([row[2][key] for row in printed], curve, rtol=1e-3)
    small().fit(X, Y)
    assert capsys.readouterr().out == ""


class StopsAtTwo(Callback):
    """Raise before others have seen the epoch, or within it."""

    def on_epoch_end(self, net, **kwargs):
        if len(net.history) % 3 == 2:
            raise KeyboardInterrupt


class StopsWithin(Callback):
    def on_batch_end(self, net, **kwargs):
        if len(net.history) == 3:
            raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("params", "n_lines"),
    [
        ({"n_iter_no_change": 2, "tol": 9, "max_epochs": 9}, 3),
        ({"callbacks": [StopsAtTwo()], "max_epochs": 9}, 2),
        ({"callbacks": [StopsWithin()], "max_epochs": 9}, 2),
    ],
)
def test_verbose_prints_each_epoch_once_and_the_last(params, n_lines, capsys):
    model = small(verbose=1, **params).fit(X, Y)
    lines = capsys.readouterr().out.splitlines()
    assert model.n_iter_ == len(lines) == n_lines
    assert [numbers(line)[:2] for line in lines] == [(i + 1, 9) for i in range(n_lines)]


def test_verbose_counts_on_where_a_fit_continues(capsys):
    model = small(verbose=1, max_epochs=2, warm_start=True).fit(X, Y).fit(X, Y)
    model.partial_fit(X, Y)
    counts = [numbers(line)[:2] for line in capsys.readouterr().out.splitlines()]
    assert counts == [(1, 2), (2, 2), (3, 4), (4, 4), (5, 5)]


def test_verbose_shows_what_callbacks_record(capsys):
    score = EpochScoring(lambda net, X, y: 0.5, name="theirs", lower_is_better=False)
    rate = LRScheduler("StepLR", step_size=1, gamma=0.5)
    small(
        verbose=1, early_stopping=True, lr_scheduler=None, callbacks=[score, rate]
    ).fit(X, Y)
    *_, (_, _, values) = map(numbers, capsys.readouterr().out.splitlines())
    assert values["theirs"] == 0.5
    assert 0 < values["lr"] < 0.005


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
    X, y = make_adding_problem(3000, n_timesteps=30, random_state=0)
    model = LSTMRegressor(32, max_epochs=8, learning_rate=0.02, random_state=0)
    model.fit(X[:2000], y[:2000])
    assert np.mean((model.predict(X[2000:]) - y[2000:]) ** 2) < 0.01


def test_an_optimizer_may_have_arguments_of_its_own():
    plain, heavy = (
        small(optimizer=optimizer, max_epochs=3).fit(X, Y)
        for optimizer in ("sgd", ("sgd", {"momentum": 0.9, "nesterov": True}))
    )
    (group,) = heavy.net_.optimizer_.param_groups
    assert (group["momentum"], group["nesterov"]) == (0.9, True)
    assert heavy.loss_curve_ != plain.loss_curve_
    by_class = small(optimizer=(torch.optim.Adam, {"betas": (0.5, 0.9)}), max_epochs=3)
    assert by_class.fit(X, Y).net_.optimizer_.param_groups[0]["betas"] == (0.5, 0.9)
    again = pickle.loads(pickle.dumps(by_class))
    assert_array_equal(again.predict(X), by_class.predict(X))
    assert clone(by_class).get_params()["optimizer"] == by_class.optimizer


def test_weight_decay_is_an_argument_of_the_optimizer():
    """In the first step of plain descent it adds its share of the weights."""
    free, held = (
        small(
            optimizer=("sgd", {"weight_decay": decay}),
            learning_rate=0.1,
            max_epochs=1,
            batch_size=100,
            max_grad_norm=None,
        ).fit(X, Y)
        for decay in (0.0, 0.5)
    )
    start = small(optimizer="sgd", learning_rate=1e-30, max_epochs=1).fit(X, Y)
    before, left, decayed = (
        model.module_.state_dict() for model in (start, free, held)
    )
    for name, values in before.items():
        assert_allclose(decayed[name], left[name] - 0.1 * 0.5 * values, atol=1e-6)


def test_a_schedule_may_have_arguments_of_its_own():
    arguments = {"factor": 0.5, "patience": 1, "min_lr": 2e-6}
    arguments |= {"threshold": 1e9, "threshold_mode": "abs"}  # nothing is progress
    model = small(lr_scheduler=("reduce_on_plateau", arguments), learning_rate=1e-5)
    rates = model.set_params(max_epochs=9).fit(X, Y).net_.history[:, "event_lr"]
    assert_allclose(rates, 1e-6 * np.array([10, 10, 10, 5, 5, 2.5, 2.5, 2, 2]))
    model = small(lr_scheduler=("cosine", {"eta_min": 1e-3}), learning_rate=1e-2)
    rates = model.set_params(max_epochs=4).fit(X, Y).net_.history[:, "event_lr"]
    angle = np.arange(4) * np.pi / 4
    assert_allclose(rates, 1e-3 + 9e-3 * (1 + np.cos(angle)) / 2)
    assert clone(model).get_params()["lr_scheduler"] == model.lr_scheduler


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("optimizer", v) for v in [("sgd",), ("sgd", 0.9), ("none", {}), ([], {})]),
        *(("lr_scheduler", v) for v in [("cosine",), (None, {}), ("step", {})]),
        ("optimizer", ({}, "sgd")),
        ("lr_scheduler", ("cosine", 0.1)),
        ("lr_scheduler", (torch.optim.lr_scheduler.StepLR, {})),
    ],
)
def test_what_is_no_choice_with_arguments_is_named(name, value):
    with pytest.raises(ValueError, match=rf"^{name}=\(.* is not understood:") as caught:
        small(**{name: value}).fit(X, Y)
    assert "\n" not in str(caught.value)


def test_one_learning_rate_is_given():
    """A search over `learning_rate` would otherwise change nothing."""
    for optimizer in ("adam", torch.optim.SGD):
        with pytest.raises(ValueError, match=r"own beside learning_rate=0\.01: give"):
            small(optimizer=(optimizer, {"lr": 0.1}), learning_rate=0.01).fit(X, Y)
