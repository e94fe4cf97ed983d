"""
Classify sequences of unequal length
====================================

An LSTM classifies recordings of 10 to 80 time steps without padding or cutting them. It
is compared with a model that ignores the order of the steps, which is no better than
chance, and with features that are designed for this problem.
"""

# %%
# Ragged data
# -----------
# A sample is an array of shape (n_steps, n_features), and `X` is a list of samples. The
# data are generated: each recording is a wave with the period of its class and much
# noise. All classes have the same values, in a different order.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklstm import LSTMClassifier, Sequences
from sklstm.datasets import make_ragged_sequences

X, y = make_ragged_sequences(
    800, n_classes=4, min_length=10, max_length=80, noise=1.0, random_state=0
)
print("the first three:", [x.shape for x in X[:3]])

# %%
# `fit` takes a list. `Sequences` holds the same samples on one table, with the start
# and the length of each, and is split by `train_test_split` below.

sequences = Sequences.from_arrays(X)
print(sequences)
X_train, X_test, y_train, y_test = train_test_split(
    sequences, y, test_size=0.5, stratify=y, random_state=0
)

# %%
# Baselines
# ---------
# Other classifiers need a table with a row for each sample. Means, standard deviations
# and lengths do not depend on the order of the steps. The autocorrelations of a signal
# at lags 1 to 8 do: they are suitable features if it is known that the classes are
# periods.


def summarise(sequences):
    """Return mean, standard deviation and length: (n_samples, 5)."""
    return np.array([[*x.mean(axis=0), *x.std(axis=0), len(x)] for x in sequences])


def autocorrelate(sequences, n_lags=8):
    """Correlate the sum of the features with itself: (n_samples, n_lags)."""
    signals = [x.sum(axis=1) - x.sum(axis=1).mean() for x in sequences]
    return np.array(
        [[s[k:] @ s[:-k] / (s @ s) for k in range(1, n_lags + 1)] for s in signals]
    )


boosting = HistGradientBoostingClassifier(random_state=0)
logistic = make_pipeline(StandardScaler(), LogisticRegression())
models = {
    "mean, spread, length": (boosting, summarise),
    "autocorrelations": (logistic, autocorrelate),
    "LSTM": (LSTMClassifier(random_state=0), lambda x: x),
}
predicted, accuracy = {}, {"chance": 1 / 4}
for name, (model, features) in models.items():
    model.fit(features(X_train), y_train)
    predicted[name] = model.predict(features(X_test))
    accuracy[name] = np.mean(predicted[name] == y_test)
print("accuracy on 400 test recordings")
for name, value in accuracy.items():
    print(f"{name:22}{value:.2f}")

# %%
# Compare the accuracy
# --------------------
# The LSTM has its default settings and no features for periods: it has to learn these
# from the training set. The plot shows four recordings and the accuracy of all models.

fig, (left, right) = plt.subplots(1, 2, figsize=(6.4, 4.4), layout="constrained")
names = ["16 steps", "10 steps", "6 steps", "4 steps"]
for kind, (name, color) in enumerate(
    zip(names, ["tab:blue", "tab:orange", "0.4", "k"], strict=True)
):
    x = X_test[np.flatnonzero(y_test == kind)[0]]
    left.plot(x.mean(axis=1) - 6 * kind, color=color, marker=".", ms=4)
    left.text(0, 2.9 - 6 * kind, f"period of {name}", color=color)
left.set(title="one recording of each class", xlabel="step", yticks=[])
left.set_ylabel("mean of both features, displaced")
names = [name.replace(" ", "\n") for name in accuracy]
bars = right.barh(names, list(accuracy.values()), color="tab:gray")
bars[-1].set_color("tab:blue")
right.bar_label(bars, fmt="%.2f", padding=3)
right.set(title="test accuracy", xlim=(0, 1.3), xticks=[0, 0.5, 1])

# %%
# Longer recordings are easier to classify. The score of the LSTM by length:

lengths, right_or_wrong = X_test.lengths, predicted["LSTM"] == y_test
for low, high in [(10, 24), (25, 49), (50, 80)]:
    chosen = (lengths >= low) & (lengths <= high)
    share = right_or_wrong[chosen].mean()
    print(f"{low} to {high} steps: accuracy {share:.2f} on {chosen.sum()} recordings")
plt.show()
