"""How long a fit takes of its own accord, and what it says of a bad end."""

import pickle
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from skorch.callbacks import Callback

from sklstm import FitCheckpoint, LSTMClassifier, LSTMRegressor
from sklstm._net._losses import make_loss

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 6, 2))
Y = X[:, -1, 0] + 0.5 * X[:, 0, 1]
LABELS = (Y > 0).astype(int)
NOISE = RNG.integers(0, 2, size=120)


@pytest.mark.parametrize(
    ("Estimator", "n_samples", "expected"),
    [
        (LSTMClassifier, 20, 500),  # of one batch
        (LSTMClassifier, 40, 500),  # of two batches: 1,000 updates
        (LSTMClassifier, 1000, 47),  # of 32 batches: 1,500 updates
        (LSTMClassifier, 100_000, 10),
        (LSTMRegressor, 20, 100),
        (LSTMRegressor, 1000, 10),
        (LSTMRegressor, 100_000, 10),
    ],
)
def test_epochs_are_counted_by_updates(Estimator, n_samples, expected):
    assert Estimator()._count_epochs(n_samples) == expected
    assert Estimator(max_epochs=3)._count_epochs(n_samples) == 3
    assert Estimator(max_epochs=np.int64(3))._count_epochs(n_samples) == 3


def test_a_batch_is_an_update():
    counts = [LSTMClassifier(batch_size=n)._count_epochs(300) for n in (1, 10, 300)]
    assert counts == [10, 50, 1500]


def test_fit_counts_the_samples_that_it_trains_on():
    model = LSTMRegressor(2, random_state=0).fit(X[:20], Y[:20])
    assert model.n_iter_ == len(model.loss_curve_) == 100
    weight = np.r_[np.ones(20), np.zeros(100)]
    assert model.fit(X, Y, sample_weight=weight).n_iter_ == 100
    repeated = np.repeat(np.arange(10), 2)
    model.fit(X[repeated], Y[repeated])
    assert model.n_iter_ == model._count_epochs(10) == 50
    model.partial_fit(X, Y)
    assert model.n_iter_ == 51


@pytest.mark.parametrize("early_stopping", [False, True])
def test_only_validation_stops_a_fit_of_its_own_accord(early_stopping):
    model = LSTMClassifier(2, learning_rate=1e-9, max_epochs=30, random_state=0)
    model.set_params(early_stopping=early_stopping).fit(X, LABELS)
    assert model.n_iter_ == (11 if early_stopping else 30)


def told(model, X, y, **params):
    with pytest.warns(ConvergenceWarning) as caught:
        model.fit(X, y, **params)
    (warning,) = caught
    assert warning.filename == __file__
    message = str(warning.message)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("weight", [None, np.arange(1.0, 121)])
def test_y_that_x_does_not_tell_of_is_told(weight):
    model = LSTMClassifier(
        8, max_epochs=3, dropout=0.5, learning_rate=1e-9, random_state=0
    )
    message = told(model, X, NOISE, sample_weight=weight)
    assert "LSTMClassifier learned nothing: after 3 epochs" in message
    share = np.average(NOISE, weights=weight)
    entropy = -share * np.log(share) - (1 - share) * np.log(1 - share)
    assert f"predicting class shares has {entropy:.3g}. Check" in message


def test_a_regressor_that_stays_where_it_begins_is_told():
    model = LSTMRegressor(4, linear_skip=False, learning_rate=1e-9, max_epochs=2)
    message = told(model.set_params(random_state=0), X, Y)
    assert "LSTMRegressor learned nothing: after 2 epochs" in message
    assert "predicting one constant has 1." in message


def test_a_loss_that_still_falls_is_told():
    model = LSTMRegressor(16, linear_skip=False, dropout=0.0, lr_scheduler=None)
    model.set_params(max_epochs=6, learning_rate=0.01, random_state=0)
    message = told(model, X, Y)
    assert "LSTMRegressor stopped learning early: its training loss fell" in message
    assert f"to {model.loss_curve_[-1]:.3g} in the last of 6 epochs" in message


@pytest.mark.parametrize(
    ("model", "y"),
    [
        (LSTMClassifier(8, random_state=0), LABELS),
        (LSTMRegressor(8, random_state=0), Y),
        (LSTMRegressor(8, linear_skip=False, max_epochs=60, random_state=0), Y),
        (LSTMRegressor(8, loss="gaussian", random_state=0), Y),
        (LSTMRegressor(8, loss="quantile", quantile=[0.1, 0.9], random_state=0), Y),
        (LSTMRegressor(8, random_state=0), np.full(120, 3.0)),
    ],
)
def test_a_fit_that_learned_is_quiet(model, y):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(X, y)


class Breaks(Callback):
    """Spoil the weights where an epoch begins, or by its last update."""

    def __init__(self, epoch, at):
        self.epoch, self.at = epoch, at

    def spoil(self, net, at):
        if (self.epoch, self.at) == (len(net.history), at):
            net.module_.head.bias.data.fill_(np.nan)

    def on_epoch_begin(self, net, **kwargs):
        self.spoil(net, "begin")

    def on_batch_end(self, net, training, **kwargs):
        if training:
            self.spoil(net, "end")


def make_breaking(at, **params):
    plain = {"linear_skip": False, "lr_scheduler": None, "n_iter_no_change": None}
    plain |= {"max_epochs": 9, "batch_size": 120, "learning_rate": 0.05}
    params = {"random_state": 0} | plain | params
    return LSTMRegressor(8, callbacks=[Breaks(6, at)], **params)


@pytest.mark.parametrize(("at", "which"), [("begin", "train"), ("end", "valid")])
@pytest.mark.parametrize("scoring", ["loss", "r2"])
def test_early_stopping_keeps_the_best_epoch_before_a_divergence(at, which, scoring):
    """Also without data that are held back."""
    own = {"X_val": X, "y_val": Y}
    model = make_breaking(at, early_stopping=True, scoring=scoring)
    message = told(model, X, Y, **own)
    assert f"The {which} loss became nan in epoch 6: training has ended" in message
    shorter = clone(model).set_params(callbacks=None, max_epochs=5).fit(X, Y, **own)
    assert_array_equal(model.predict(X), shorter.predict(X))
    assert model.n_iter_ == len(model.validation_loss_curve_) == 5
    assert model.best_loss_ == shorter.best_loss_ == min(model.validation_loss_curve_)


def test_a_fit_goes_on_after_a_divergence():
    model = make_breaking("begin", early_stopping=True, warm_start=True)
    told(model, X, Y)
    again = pickle.loads(pickle.dumps(model))
    assert_array_equal(again.predict(X), model.predict(X))
    for each in (model, again):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            each.set_params(callbacks=None, max_epochs=30).fit(X, Y)
        assert each.n_iter_ == 35
        assert each.best_loss_ < 0.5 * each.validation_loss_curve_[4]
    assert_array_equal(again.predict(X), model.predict(X))


def test_a_checkpoint_remembers_a_divergence(tmp_path):
    model = make_breaking("begin", early_stopping=True)
    model.callbacks += [FitCheckpoint(tmp_path, keep=True)]
    first = told(model, X, Y)
    expected = model.predict(X)
    assert told(model, X, Y) == first
    assert_array_equal(model.predict(X), expected)


@pytest.mark.parametrize("early_stopping", [False, True])
def test_without_a_good_epoch_a_divergence_is_an_error(early_stopping):
    """Which says how there could be one."""
    model = make_breaking("begin", early_stopping=early_stopping)
    if early_stopping:
        model.callbacks = [Breaks(1, "begin")]
    with pytest.raises(ValueError, match="train loss became nan in epoch") as caught:
        model.fit(X, Y)
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith("keep the best epoch before.") is not early_stopping
    assert not hasattr(model, "net_")


def test_a_bad_epoch_that_is_kept_is_told():
    model = make_breaking("begin", optimizer="sgd", learning_rate=1e3)
    model.set_params(early_stopping=True, max_grad_norm=None, callbacks=None)
    with pytest.warns(ConvergenceWarning) as caught:
        model.fit(X, Y)
    first, second = (str(each.message) for each in caught)
    assert "loss became" in first
    assert "LSTMRegressor learned nothing" in second


def test_what_has_not_ended_is_not_judged():
    class Stop(Callback):
        def on_batch_begin(self, net, **kwargs):
            raise KeyboardInterrupt

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = LSTMClassifier(8, learning_rate=1e-9, random_state=0)
        model.partial_fit(X, NOISE, classes=[0, 1]).partial_fit(X, NOISE)
        assert LSTMClassifier(callbacks=[Stop()]).fit(X, NOISE).n_iter_ == 0


@pytest.mark.parametrize(
    ("name", "quantile"),
    [("squared_error", 0.5), ("absolute_error", 0.5), ("quantile", [0.2, 0.5, 0.9])],
)
def test_the_best_constant_is_the_best(name, quantile):
    loss = make_loss(name, quantile)
    y, weight = RNG.exponential(size=(50, 2)), RNG.uniform(size=50)
    levels = [0.2, 0.5, 0.9] if name == "quantile" else [0.5]

    def error(constants):
        residual = y[..., None] - constants.reshape(2, -1)
        if name == "squared_error":
            each = residual**2
        else:
            each = np.maximum(np.multiply(levels, residual), residual * (levels - 1.0))
            each = each * 2 if name == "absolute_error" else each
        return np.average(each.mean(axis=(1, 2)), weights=weight)

    levels = np.array(levels)
    start = np.ones(2 * len(levels))
    best = minimize(error, start, method="Powell", options={"xtol": 1e-9}).fun
    assert_allclose(loss.of_constant(y, weight), best, rtol=1e-3)
