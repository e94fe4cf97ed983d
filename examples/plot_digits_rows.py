"""
Read a digit row by row
=======================

An image can be read like a text, one row of pixels after the other. The row is the time
step and its pixels are the features, so images of shape (n_samples, n_rows, n_columns)
are what an LSTM classifier takes, just as they are.

By itself this script reads the 8 x 8 digits of scikit-learn. With `--mnist DIR` it
reads the 28 x 28 images of MNIST from the IDX files in a folder, in a few minutes.
"""

# %%
# The images
# ----------
# An IDX file has the number of axes in byte 3, then the shape, then the pixels.

import argparse
import gzip
from pathlib import Path
from time import perf_counter

import matplotlib.pyplot as plt
import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from sklstm import LSTMClassifier


def read_idx(folder, kind):
    """Read the file of "images" or "labels", of the training set if there are two."""
    paths = Path(folder).glob(f"*{kind}*")
    data = min(paths, key=lambda path: "t10k" in path.name).read_bytes()
    if data[:2] == b"\x1f\x8b":  # gzip, whatever the name says
        data = gzip.decompress(data)
    shape = np.frombuffer(data, ">i4", count=data[3], offset=4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * data[3]).reshape(shape)


parser = argparse.ArgumentParser(description="Recognise digits row by row.")
parser.add_argument("--mnist", metavar="DIR", help="folder with MNIST's IDX files")
folder = parser.parse_known_args()[0].mnist
if folder:
    X, y = read_idx(folder, "images"), read_idx(folder, "labels")
    how = {"train_size": 0.8, "shuffle": False}
else:
    X, y = load_digits().images, load_digits().target
    how = {"stratify": y, "random_state": 0}
X = X / X.max()
X_train, X_test, y_train, y_test = train_test_split(X, y, **how)
print(f"train {X_train.shape}, test {X_test.shape}")

# %%
# Three layers, five epochs
# -------------------------
# A network as it is often shown for MNIST. With `early_stopping=True` a tenth of the
# images is held back and scored after each epoch; `n_iter_no_change=None` runs all the
# epochs, and the weights of the best are kept.

three_layers = LSTMClassifier(
    hidden_size=128,
    num_layers=3,
    bidirectional=False,
    pooling="last",
    frame_size=1,
    lr_scheduler=None,
    dropout=0.2,
    learning_rate=1e-3,
    batch_size=32,
    max_epochs=5,
    early_stopping=True,
    validation_fraction=0.1,
    n_iter_no_change=None,
    random_state=0,
)
models = {"three layers, 5 epochs": three_layers}

# %%
# What counts is steps, not epochs: five epochs are many steps over the thousands of
# images of MNIST and few over the small digits. There three layers need about forty,
# with larger steps that shrink to nothing, and pixels left on the one scale they share:
# standardised column by column, the margins would count as much as the middle.
#
# One layer is enough: for the small digits the default. For MNIST, by cross-validation
# on its training images, it reads the rows from both ends and passes on its largest
# outputs over all rows.

if folder:
    changes = {"num_layers": 1, "dropout": 0.0, "bidirectional": True, "pooling": "max"}
    changes |= {"learning_rate": 5e-3, "lr_scheduler": "cosine", "max_epochs": 10}
    models["one layer, 10 epochs"] = clone(three_layers).set_params(**changes)
else:
    changes = {"learning_rate": 5e-3, "lr_scheduler": "cosine", "max_epochs": 40}
    changes |= {"standardize": False}
    models["three layers, 40 epochs"] = clone(three_layers).set_params(**changes)
    models["LSTMClassifier()"] = LSTMClassifier(random_state=0)

for name, model in models.items():
    start = perf_counter()
    model.fit(X_train, y_train)
    seconds = perf_counter() - start
    predicted = model.predict(X_test)
    accuracy = np.mean(predicted == y_test)
    print(f"{name:24} test accuracy {accuracy:.3f}, trained in {seconds:.0f} s")
    if model.early_stopping:
        reached = np.array(model.validation_scores_) >= 0.97
        first = reached.argmax() + 1 if reached.any() else "none"
        print(f"{'':24} first epoch with 0.97 on validation data: {first}")

# %%
# The default holds nothing back: it has a loss curve but no validation accuracy. Below
# is what the last model makes of the first test images.

mosaic = "llllaaaa;llllaaaa;01234567"
fig, axes = plt.subplot_mosaic(mosaic, figsize=(9, 5.5), layout="constrained")
for name, model in reversed(models.items()):
    epochs = range(1, model.n_iter_ + 1)
    (line,) = axes["l"].plot(epochs, model.loss_curve_, marker=".", label=name)
    if model.early_stopping:
        axes["a"].plot(epochs, model.validation_scores_, ".-", color=line.get_color())
axes["a"].axhline(0.97, color="0.6", ls=":")
axes["l"].set(title="training loss", xlabel="epoch", yscale="log")
axes["a"].set(title="validation accuracy, dotted: 0.97", xlabel="epoch")
axes["l"].legend(frameon=False)
for i, label in enumerate(predicted[:8]):
    axes[str(i)].imshow(X_test[i], cmap="gray_r")
    axes[str(i)].set(title=f"read as {label}", xticks=[], yticks=[])
plt.show()
