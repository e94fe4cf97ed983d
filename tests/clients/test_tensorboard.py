"""TensorBoard gets the losses of each epoch from skorch's callback."""

import numpy as np
from numpy.testing import assert_allclose
from skorch.callbacks import TensorBoard
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.utils.tensorboard import SummaryWriter

from sklstm import LSTMRegressor

X = np.random.default_rng(0).normal(size=(60, 5))
Y = X.sum(axis=1)
QUICK = {"hidden_size": 4, "max_epochs": 3, "early_stopping": True, "random_state": 0}


def read(folder):
    """Steps and values of each tag."""
    events = EventAccumulator(str(folder)).Reload()
    rows = {tag: events.Scalars(tag) for tag in events.Tags()["scalars"]}
    return {tag: np.array([[e.step, e.value] for e in r]).T for tag, r in rows.items()}


def test_losses_and_scores_are_logged(tmp_path):
    callback = TensorBoard(SummaryWriter(tmp_path))
    model = LSTMRegressor(**QUICK, callbacks=[callback]).fit(X, Y)
    logged = read(tmp_path)
    for tag, curve in {
        "Loss/train_loss": model.loss_curve_,
        "Loss/valid_loss": model.validation_loss_curve_,
        "Loss/valid_score": model.validation_scores_,
    }.items():
        steps, values = logged[tag]
        assert steps.tolist() == [1, 2, 3]
        assert_allclose(values, curve, rtol=1e-6)
    expected = LSTMRegressor(**QUICK).fit(X, Y).predict(X)
    np.testing.assert_array_equal(model.predict(X), expected)
