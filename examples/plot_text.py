"""
Classify short texts: an LSTM beside TF-IDF
===========================================

The type of a parameter can be told from its documentation: "Whether to copy the input"
is a bool, and "Number of trees" an int. Classifiers predict the type from the
description. An LSTM, which reads words in order, is compared with linear models on word
counts.
"""

# %%
# Make a corpus from docstrings
# -----------------------------
# NumPy, SciPy, scikit-learn and networkx are installed together with PyTorch and
# sklstm. A regular expression finds the descriptions of parameters in their source. The
# first sentence of each is kept once, without the default value, which would show the
# type.

import re
from importlib.util import find_spec
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupShuffleSplit
from sklearn.pipeline import make_pipeline

from sklstm import LSTMClassifier, SequenceEncoder

ENTRY = re.compile(r"^( *)(\w+) : \W*(\w+).*\n((?:\1 +\S.*\n)+)", re.MULTILINE)
KINDS = {kind: kind for kind in ("array", "bool", "callable", "float", "int", "str")}
KINDS |= {"array_like": "array", "ndarray": "array", "function": "callable"}
KINDS |= {"integer": "int", "string": "str"}

rows = []
for package in ["networkx", "numpy", "scipy", "sklearn"]:
    for path in sorted(Path(find_spec(package).origin).parent.rglob("*.py")):
        for _, name, kind, text in ENTRY.findall(path.read_text(encoding="utf-8")):
            words = re.split(r"[.;:](?: |$)|,? ?\(?[Dd]efault", " ".join(text.split()))
            if kind in KINDS and len(words[0].split()) >= 4:
                rows.append((name, KINDS[kind], words[0]))
entries = pd.DataFrame(rows, columns=["name", "kind", "text"])
key = entries["text"].str.lower()
one_kind = entries.groupby(key)["kind"].transform("nunique") == 1
entries = entries[one_kind & ~key.duplicated()]
print(entries["kind"].value_counts().to_string())

# %%
# Parameters of the same name, such as `tol`, have nearly the same description many
# times. So all entries of one name are in the same part of the split.

X, y = entries["text"].to_numpy(), entries["kind"].to_numpy()
split = GroupShuffleSplit(n_splits=1, test_size=0.25, random_state=0)
train, test = next(split.split(X, y, groups=entries["name"]))
print(f"{len(train)} texts to train on, {len(test)} to test on")

# %%
# Fit the classifiers
# -------------------
# `SequenceEncoder` gives each word an id, and `LSTMClassifier` learns an embedding of
# each id. With ``min_frequency=2``, a word that occurs in one text only is unknown, so
# that the model learns the meaning of unknown words. The settings of the LSTM were
# chosen on parts of the training set; the linear models have common settings.

PATTERN = r"\w+|[^\w\s]"  # words of one letter and punctuation, too
encoder = SequenceEncoder(token_pattern=PATTERN, min_frequency=2, max_length=20)
ids = encoder.fit_transform(X[train])
print(encoder.inverse_transform(ids[:1])[0], ids[0].ravel())

net = LSTMClassifier(
    embedding_size=128,
    bidirectional=False,
    pooling="max",
    optimizer=("adam", {"weight_decay": 1e-4}),
    learning_rate=5e-3,
    dropout=0.5,
    batch_size=64,
    max_epochs=8,
    random_state=0,
)


def count(n_words):
    """Return a linear model on weighted counts of up to so many words in a row."""
    how = {"sublinear_tf": True, "token_pattern": PATTERN, "ngram_range": (1, n_words)}
    return make_pipeline(TfidfVectorizer(**how), LogisticRegression(C=10, max_iter=500))


models = {"TF-IDF, words": count(1), "TF-IDF, words and pairs": count(2)}
models["LSTM"] = make_pipeline(encoder, net)
usual = pd.Series(y[train]).mode()[0]
print(f"accuracy of {'always ' + usual:24}{np.mean(y[test] == usual):.3f}")
for name, model in models.items():
    accuracy = model.fit(X[train], y[train]).score(X[test], y[test])
    print(f"accuracy of {name:24}{accuracy:.3f}")

# %%
# The LSTM is better than counts of single words, which ignore the order. Counts of
# pairs come close: with about two thousand test texts, a difference of one or two
# percent may be chance.
#
# The same words in another order
# -------------------------------
# The two descriptions of each pair have the same words. Word counts cannot distinguish
# them; the LSTM can.

texts = ["Name of the array to use", "Array of the name to use"]
texts += ["Number of the function to use", "Function of the number to use"]
fig, axes = plt.subplots(1, 2, figsize=(6.4, 4.4), sharey=True, layout="constrained")
for ax, name in zip(axes, ["TF-IDF, words", "LSTM"], strict=True):
    p = models[name].predict_proba(texts)  # (n_texts, n_kinds)
    ax.imshow(p, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for row, kind in enumerate(p.argmax(axis=1)):
        ax.text(kind, row, f"{p[row, kind]:.0%}", ha="center", va="center", color="w")
    ax.set_xticks(range(len(models[name].classes_)), models[name].classes_, rotation=60)
    ax.set(title=name, xlabel="type")
axes[0].set_yticks(range(4), [text.replace(" the ", " the\n") for text in texts])
fig.suptitle("probability of each type")
plt.show()
