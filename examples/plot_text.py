"""
Guess a type from its description
=================================

The documentation of NumPy, SciPy, scikit-learn and NetworkX gives each parameter a
name, a type and a description. Here a classifier reads the description and guesses the
type: "Whether to copy the input" is a bool, "Number of trees" an int. An LSTM, which
reads the words in their order, stands beside linear models on counts of words, which
are hard to beat on short texts.
"""

# %%
# A corpus that is already there
# ------------------------------
# The four packages are installed wherever sklstm is. A regular expression finds the
# entries in their source, and the first sentence of each is kept, without the default,
# which would give the type away.

import re
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd

ENTRY = re.compile(r"^( *)(\w+) : \W*(\w+).*\n((?:\1 +\S.*\n)+)", re.MULTILINE)
KINDS = {"array": "array", "array_like": "array", "ndarray": "array", "bool": "bool"}
KINDS |= {"callable": "callable", "function": "callable", "float": "float"}
KINDS |= {"int": "int", "integer": "int", "str": "str", "string": "str"}

rows = []
for package in ["networkx", "numpy", "scipy", "sklearn"]:
    for path in sorted(Path(find_spec(package).origin).parent.rglob("*.py")):
        for _, name, kind, text in ENTRY.findall(path.read_text(encoding="utf-8")):
            words = re.split(r"[.;:](?: |$)|,? ?\(?[Dd]efault", " ".join(text.split()))
            if kind in KINDS and len(words[0].split()) >= 4:
                rows.append((name, KINDS[kind], words[0]))
entries = pd.DataFrame(rows, columns=["name", "kind", "text"])

# Each text once, and none that is found with two types.
key = entries["text"].str.lower()
one_kind = entries.groupby(key)["kind"].transform("nunique") == 1
entries = entries[one_kind & ~key.duplicated()]
print(entries["kind"].value_counts().to_string())
for entry in entries.sample(6, random_state=0).itertuples():
    print(f"{entry.name}: {entry.kind}, {entry.text[:60]}")

# %%
# What is called `tol` or `n_jobs` is described in nearly the same words many times. So
# all entries of one name go to the same side of the split.

from sklearn.model_selection import GroupShuffleSplit

X, y = entries["text"].to_numpy(), entries["kind"].to_numpy()
split = GroupShuffleSplit(n_splits=1, test_size=0.25, random_state=0)
train, test = next(split.split(X, y, groups=entries["name"]))
print(f"{len(train)} texts to train on, {len(test)} to test on")

# %%
# Words in their order
# --------------------
# `SequenceEncoder` gives each word an id, and `LSTMClassifier` learns a vector for each
# id. A word that occurs in one text only becomes unknown, so that the model learns what
# to make of unknown words. The settings were chosen on parts of the training data.

from time import perf_counter

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from sklstm import LSTMClassifier, SequenceEncoder

PATTERN = r"\w+|[^\w\s]"  # words of one letter and punctuation, too
encoder = SequenceEncoder(token_pattern=PATTERN, min_frequency=2, max_length=20)
ids = encoder.fit_transform(X[train])
print(ids, list(encoder.vocabulary_)[:10])
print(encoder.inverse_transform(ids[:1]), ids[0].ravel())

lstm = make_pipeline(
    encoder,
    LSTMClassifier(
        embedding_size=128,
        bidirectional=False,
        pooling="max",
        optimizer=("adam", {"weight_decay": 1e-4}),
        learning_rate=5e-3,
        dropout=0.5,
        lr_scheduler="cosine",
        batch_size=64,
        max_epochs=8,
        n_iter_no_change=None,
        random_state=0,
    ),
)


def bag(**params):
    """Return a linear model on weighted counts of words or characters."""
    counts = TfidfVectorizer(sublinear_tf=True, **params)
    return make_pipeline(counts, LogisticRegression(C=10, max_iter=500))


models = {
    "LSTM": lstm,
    "words": bag(token_pattern=PATTERN),
    "words and pairs": bag(token_pattern=PATTERN, ngram_range=(1, 2)),
    "2 to 5 characters": bag(analyzer="char_wb", ngram_range=(2, 5)),
}
probabilities, seconds = {}, {}
for name, model in models.items():
    start = perf_counter()
    probabilities[name] = model.fit(X[train], y[train]).predict_proba(X[test])
    seconds[name] = perf_counter() - start
both = [probabilities[name] for name in ("LSTM", "words and pairs")]
probabilities["mean of both"] = np.mean(both, axis=0)

# %%
# The LSTM is clearly better than counts of single words, which know no order. Counts of
# pairs of neighbours know enough of it to come close, and are learned in less time:
# with two thousand test texts, a difference of a percent or two may be chance. The two
# do not err on the same texts, so the mean of their probabilities is better still.

classes = lstm.classes_
usual = pd.Series(y[train]).mode()[0]
print(f"{'always ' + usual:18} {np.mean(y[test] == usual):.3f}")
for name, p in probabilities.items():
    took = f"   {seconds[name]:.0f} s" if name in seconds else ""
    print(f"{name:18} {np.mean(classes[p.argmax(axis=1)] == y[test]):.3f}{took}")

# %%
# Word by word
# ------------
# The first words of a text are a text, so the model can be asked after each word what
# it thinks so far. Most is known after a few words. On the right is, among texts of 7
# to 12 words, the one about which the LSTM changes its mind most and ends up right.

import matplotlib.pyplot as plt

n_words = range(1, 16)
starts = [[" ".join(text.split()[:k]) for text in X[test]] for k in n_words]
truth = np.searchsorted(classes, y[test])
so_far = {  # (n_words, n_texts, n_classes)
    name: np.array([models[name].predict_proba(texts) for texts in starts])
    for name in ["LSTM", "words and pairs"]
}
p_truth = so_far["LSTM"][:, np.arange(len(truth)), truth]  # (n_words, n_texts)
lengths = np.array([len(text.split()) for text in X[test]])
doubt = p_truth[1:].min(axis=0)
change = np.where((lengths > 6) & (lengths < 13), p_truth[-1] - doubt, 0)
chosen = change.argmax()
words = X[test][chosen].split()
print(f"{' '.join(words)!r} is of type {y[test][chosen]}")

fig, (left, right) = plt.subplots(1, 2, figsize=(9, 4.2), layout="constrained")
for name, p in so_far.items():
    left.plot(n_words, (p.argmax(axis=2) == truth).mean(axis=1), ".-", label=name)
left.set(title="accuracy", xlabel="words read")
left.legend(frameon=False)
places = np.arange(len(words))
for k, kind in enumerate(classes):
    right.plot(places, so_far["LSTM"][: len(words), chosen, k], ".-", label=kind)
right.set(title="what the LSTM thinks so far", ylim=(0, 1))
right.set_xticks(places, words, rotation=60, ha="right", rotation_mode="anchor")
right.legend(frameon=False)
plt.show()
