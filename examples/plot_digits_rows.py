"""
Classify images with an LSTM: digits row by row
===============================================

An LSTM can read an image one row of pixels after the other: the row is the time step,
and its pixels are the features. This example compares the LSTM with two models of all
pixels, and classifies images from their first rows only.
"""

# %%
# The images
# ----------
# The digits are part of scikit-learn: 1,797 images of 8 x 8 pixels. An LSTM takes their
# array of shape (n_samples, n_rows, n_columns) as it is.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import SVC

from sklstm import LSTMClassifier, Sequences

digits = load_digits()
X_train, X_test, y_train, y_test = train_test_split(
    digits.images, digits.target, stratify=digits.target, random_state=0
)
print(f"train {X_train.shape}, test {X_test.shape}")

# %%
# Whole images
# ------------
# The baselines get the pixels as a flat table. A support vector machine is hard to beat
# on images as small as these.

flatten = FunctionTransformer(lambda images: images.reshape(len(images), -1))
models = {
    "LogisticRegression": make_pipeline(flatten, LogisticRegression(max_iter=5000)),
    "SVC": make_pipeline(flatten, SVC()),
    "LSTMClassifier": LSTMClassifier(random_state=0),
}
print("accuracy on the test images")
for name, model in models.items():
    print(f"{name:20}{model.fit(X_train, y_train).score(X_test, y_test):.3f}")

# %%
# The first rows only
# -------------------
# An LSTM takes sequences of any length, and so also the first rows of an image. This
# one is trained on the first 1, 2, ..., 8 rows of each image. `Sequences` holds the
# start and the length of each of these on one table, so that no row is copied. The net
# reads forward only.

n_rows = 8
steps = X_train.reshape(-1, 8)  # all rows of all images
starts = np.repeat(np.arange(0, len(steps), n_rows), n_rows)
lengths = np.tile(np.arange(1, n_rows + 1), len(X_train))
first_rows = Sequences(steps, starts, lengths)
print(first_rows)

reader = LSTMClassifier(
    bidirectional=False,
    pooling="last",
    frame_size=1,
    batch_size=128,
    max_epochs=15,
    random_state=0,
)
reader.fit(first_rows, np.repeat(y_train, n_rows))
seen = np.arange(1, n_rows + 1)
p = np.array([reader.predict_proba(X_test[:, :k]) for k in seen])
accuracy = (p.argmax(axis=2) == y_test).mean(axis=1)  # p: (n_rows, n_samples, 10)
print("rows    ", "".join(f"{k:6}" for k in seen))
print("accuracy", "".join(f"{value:6.2f}" for value in accuracy))

# %%
# Predictions for one image
# -------------------------
# Below is the test image whose predicted class changes most often and is right at the
# end. Under each part are the predicted class and its probability.
# (:func:`~sklstm.inspection.gradient_attribution` shows the effect of each pixel, and
# :func:`~sklstm.inspection.hidden_states` returns the hidden states at the end.)

changes = (np.diff(p.argmax(axis=2), axis=0) != 0).sum(axis=0)
chosen = np.argmax(np.where(p[-1].argmax(axis=1) == y_test, changes, 0))
fig = plt.figure(figsize=(7, 4.6), layout="constrained")
axes = fig.subplot_mosaic("aaaa;aaaa;1234;5678", height_ratios=[1, 1, 1.1, 1.1])
axes["a"].plot(seen, accuracy, "o-", color="tab:blue")
axes["a"].axhline(0.1, color="0.5", ls=":")
axes["a"].text(7.2, 0.13, "chance", color="0.4")
axes["a"].set(xlabel="rows read, of 8", ylabel="test accuracy", ylim=(0, 1.05))
for k in seen:
    image = X_test[chosen].copy()
    image[k:] = np.nan
    ax = axes[str(k)]
    ax.imshow(image, cmap=plt.get_cmap("gray_r").with_extremes(bad="#cfe2f3"))
    ax.set(xticks=[], yticks=[])
    guess = p[k - 1, chosen].argmax()
    ax.set_xlabel(f"{guess} ({p[k - 1, chosen, guess]:.0%})")
plt.show()
