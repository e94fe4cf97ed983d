"""
Learning curves and early stopping for an LSTM
==============================================

During training, the training loss keeps falling, while the validation loss first falls
and then rises. Early stopping holds out the last part of the series as validation set,
monitors the loss there, and keeps the weights of the best epoch.
"""

# %%
# A small, noisy problem
# ----------------------
# The series is a sine that changes between two frequencies, with noise. (A problem
# without noise is :func:`~sklstm.datasets.make_adding_problem`.) A sample is the window
# of the last 24 rows, and the target is the next row. The first 600 rows are the
# training set, and the last 1,400 the test set.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import RidgeCV
from sklearn.metrics import r2_score
from sklearn.model_selection import LearningCurveDisplay, TimeSeriesSplit
from sklearn.pipeline import make_pipeline

from sklstm import LSTMRegressor, SequenceWindower, make_supervised
from sklstm.datasets import make_regime_sines
from sklstm.inspection import LossCurveDisplay

series, _ = make_regime_sines(2000, noise=0.5, random_state=0)
X, y = make_supervised(series)
windows = SequenceWindower(sequence_length=24).fit_transform(X)
train, test = slice(None, 600), slice(600, None)

# %%
# Overfitting
# -----------
# This net has many units for few data, no dropout, a constant learning rate and many
# epochs. With ``n_iter_no_change=None`` it runs all epochs, and `X_val` only measures
# the validation loss. The linear model of `linear_skip` is left out here.

inner, outer = slice(None, 480), slice(504, 600)  # no window is of both parts
settings = {"hidden_size": 64, "linear_skip": False, "dropout": 0.0, "frame_size": 1}
settings |= {"learning_rate": 3e-3, "lr_scheduler": None, "random_state": 0}
watched = LSTMRegressor(
    **settings, max_epochs=60, early_stopping=True, n_iter_no_change=None
)
watched.fit(windows[inner], y[inner], X_val=windows[outer], y_val=y[outer])
print(f"best epoch: {watched.best_epoch_} of {watched.n_iter_}")

# %%
# :class:`~sklstm.inspection.LossCurveDisplay` draws both losses. They are the squared
# error of the standardised target; predicting the mean has an error of 1.

fig, ax = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
LossCurveDisplay.from_estimator(watched, ax=ax)
ax.set_ylim(bottom=0)

# %%
# Early stopping
# --------------
# With ``early_stopping=True`` and no `X_val`, `fit` holds out the last tenth of the
# series, and leaves out the windows that reach across the border. Training ends when
# the validation loss has not improved for `n_iter_no_change` epochs.
#
# On the test set, this is compared with all 60 epochs, with a linear model on the same
# windows, and with the defaults of `LSTMRegressor`, which has a linear path, dropout
# and a learning rate that falls to zero. (With :class:`~sklstm.FitCheckpoint`, a fit
# that was killed resumes from its last epoch.)

ridge = RidgeCV(np.logspace(-2, 4, 7))
models = {
    "all 60 epochs": LSTMRegressor(**settings, max_epochs=60),
    "early stopping": LSTMRegressor(
        **settings, max_epochs=60, early_stopping=True, n_iter_no_change=10
    ),
    "Ridge": make_pipeline(SequenceWindower(24, flatten=True), ridge),
    "LSTMRegressor()": LSTMRegressor(random_state=0),
}
print("R² in the test part (1 is perfect, 0 is the mean)")
for name, model in models.items():
    model.fit(windows[train], y[train])
    n_epochs = getattr(model, "n_iter_", "-")
    score = r2_score(y[test], model.predict(windows[test]))
    print(f"{name:16}{score:5.2f}   epochs: {n_epochs}")

# %%
# More data
# ---------
# The learning curve of scikit-learn shows the score by the number of training samples,
# here with `TimeSeriesSplit`. With more data, the gap between training and validation
# score gets smaller, and early stopping gains less.

fig, ax = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
LearningCurveDisplay.from_estimator(
    LSTMRegressor(**settings, max_epochs=10),
    windows,
    y,
    train_sizes=[100, 200, 400, 700],
    cv=TimeSeriesSplit(2, test_size=500, gap=24),
    ax=ax,
)
ax.set(xlabel="training samples", ylabel="R²")
ax.legend(ax.get_lines(), ["training", "validation"], frameon=False, loc="lower right")
plt.show()
