"""Ids against a slow plain twin and examples that can be checked by hand."""

import pickle
from collections import Counter

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import estimator_checks, get_tags

from sklstm import SequenceEncoder, Sequences

TEXTS = ["the cat and the dog", "The dog barks", "a bird"]
EVENTS = [[3, 7, 7], [7], [5, 3, 7, 5]]


def ids(sequences):
    return [sequence.ravel().tolist() for sequence in sequences]


def encoded(X, *args, **params):
    return ids(SequenceEncoder(*args, **params).fit_transform(X))


def test_words_by_hand():
    encoder = SequenceEncoder()
    sequences = encoder.fit_transform(TEXTS)
    assert encoder.vocabulary_ == {
        "the": 0, "dog": 1, "and": 2, "barks": 3, "bird": 4, "cat": 5,
    }  # fmt: skip
    assert ids(sequences) == [[0, 5, 2, 0, 1], [0, 1, 3], [4]]
    assert isinstance(sequences, Sequences)
    assert sequences.shape == (3, 5, 1)
    assert sequences.dtype == np.int64
    assert len(sequences.steps) == 9  # no padding


def test_characters_by_hand():
    encoder = SequenceEncoder("char", lowercase=False)
    assert ids(encoder.fit_transform(["Aba", "b a"])) == [[3, 1, 0], [1, 2, 0]]
    assert list(encoder.vocabulary_) == ["a", "b", " ", "A"]


def test_kmers_of_dna_by_hand():
    encoder = SequenceEncoder("char", ngram_size=3, lowercase=False)
    sequences = encoder.fit_transform(["GATTACA", "ATTAC"])
    assert encoder.inverse_transform(sequences) == [
        ["GAT", "ATT", "TTA", "TAC", "ACA"],
        ["ATT", "TTA", "TAC"],
    ]
    assert ids(sequences) == [[4, 0, 2, 1, 3], [0, 2, 1]]


def test_event_codes_by_hand():
    encoder = SequenceEncoder()
    assert ids(encoder.fit_transform(EVENTS)) == [[1, 0, 0], [0], [2, 1, 0, 2]]
    assert encoder.vocabulary_ == {7: 0, 3: 1, 5: 2}
    assert ids(encoder.transform([[5, 4]])) == [[2, -1]]


def test_ngrams_of_lists_are_tuples():
    encoder = SequenceEncoder(ngram_size=2)
    sequences = encoder.fit_transform(EVENTS)
    assert encoder.inverse_transform(sequences) == [
        [(3, 7), (7, 7)],
        [None],
        [(5, 3), (3, 7), (7, 5)],
    ]


@pytest.mark.parametrize("analyzer", ["word", "char", "char_wb"])
@pytest.mark.parametrize("size", [1, 2, 3])
def test_strings_are_cut_as_by_count_vectorizer(analyzer, size):
    ours = SequenceEncoder(analyzer, ngram_size=size)
    theirs = CountVectorizer(analyzer=analyzer, ngram_range=(size, size))
    tokens = ours.inverse_transform(ours.fit_transform(TEXTS))
    counts = theirs.fit_transform(TEXTS).toarray()
    assert set(ours.vocabulary_) == set(theirs.vocabulary_)
    for row, sample in zip(counts, tokens, strict=True):
        counted = Counter(token for token in sample if token is not None)
        names = theirs.get_feature_names_out()
        assert counted == Counter(dict(zip(names, row, strict=True)))


def test_token_pattern_keeps_what_it_matches():
    encoder = SequenceEncoder(token_pattern=r"\w+|[^\w\s]", lowercase=False)
    tokens = encoder.inverse_transform(encoder.fit_transform(["I am, so I think."]))
    assert tokens == [["I", "am", ",", "so", "I", "think", "."]]


def test_analyzer_may_be_a_callable():
    records = [{"path": "a/b"}, {"path": "b/b/a"}]
    encoder = SequenceEncoder(lambda record: record["path"].split("/"))
    assert ids(encoder.fit_transform(records)) == [[1, 0], [0, 0, 1]]
    assert ids(encoder.set_params(ngram_size=2).fit_transform(records)) == [[0], [2, 1]]
    assert list(encoder.vocabulary_) == [("a", "b"), ("b", "a"), ("b", "b")]


def twin(samples, size, min_frequency, max_features, max_length, truncate):
    """The vocabulary and the ids, one token at a time."""
    cut = []
    for sample in samples:
        grams = [tuple(sample[i : i + size]) for i in range(len(sample) - size + 1)]
        grams = [gram[0] for gram in grams] if size == 1 else grams
        if max_length is not None and len(grams) > max_length:
            n_over = len(grams) - max_length
            grams = grams[n_over:] if truncate == "start" else grams[:max_length]
        cut.append(grams)
    counts = Counter(gram for grams in cut for gram in grams)
    holders = Counter(gram for grams in cut for gram in set(grams))
    if isinstance(min_frequency, float):
        holders = {gram: n / len(samples) for gram, n in holders.items()}
    kept = [gram for gram in counts if holders[gram] >= min_frequency]
    kept = sorted(kept, key=lambda gram: (-counts[gram], gram))[:max_features]
    rows = []
    for grams in cut:
        row = [kept.index(gram) if gram in kept else -1 for gram in grams]
        rows.append(row or [-1])
    return kept, rows


tokens = st.integers(0, 5) | st.integers(0, 1)


@given(
    samples=st.lists(st.lists(tokens, max_size=7), min_size=1, max_size=6),
    size=st.integers(1, 3),
    min_frequency=st.integers(1, 3) | st.sampled_from([0.0, 0.2, 0.5, 2 / 3, 1.0]),
    max_features=st.none() | st.integers(1, 4),
    max_length=st.none() | st.integers(1, 4),
    truncate=st.sampled_from(["start", "end"]),
)
def test_ids_are_those_of_a_plain_twin(samples, **params):
    kept, rows = twin(samples, *params.values())
    size = params.pop("size")
    encoder = SequenceEncoder(ngram_size=size, **params)
    if not kept:
        with pytest.raises(ValueError, match=r"Found no token|leaves no token"):
            encoder.fit(samples)
        return
    sequences = encoder.fit_transform(samples)
    assert ids(sequences) == rows
    assert list(encoder.vocabulary_) == kept
    assert list(encoder.vocabulary_.values()) == list(range(len(kept)))
    assert ids(encoder.transform(samples)) == rows
    back = encoder.inverse_transform(sequences)
    assert back == [[kept[i] if i >= 0 else None for i in row] for row in rows]


@given(samples=st.lists(st.lists(tokens, min_size=1), min_size=1), data=st.data())
def test_order_of_the_samples_does_not_matter(samples, data):
    shuffled = data.draw(st.permutations(samples))
    assert list(SequenceEncoder().fit(samples).vocabulary_.items()) == list(
        SequenceEncoder().fit(shuffled).vocabulary_.items()
    )


def test_tokens_without_an_order_stand_as_they_appear():
    encoder = SequenceEncoder().fit([["b", 2, "a"], [None.__class__, "a"]])
    assert list(encoder.vocabulary_) == ["a", "b", 2, type(None)]


def test_rare_tokens_are_unknown():
    texts = ["go go go now", "stop now", "stop"]
    assert encoded(texts, min_frequency=2) == [[-1, -1, -1, 0], [1, 0], [1]]
    assert encoded(texts, min_frequency=0.5) == [[-1, -1, -1, 0], [1, 0], [1]]
    assert encoded(texts, max_features=1) == [[0, 0, 0, -1], [-1, -1], [-1]]
    # a share of the samples is exact: 0.07 * 100 is above 7 in floating point
    assert encoded([["a"]] * 7 + [["b"]] * 93, min_frequency=0.07)[0] == [1]


def test_either_side_can_be_cut():
    texts = ["one two three four", "one two"]
    end = SequenceEncoder(max_length=3)
    assert end.inverse_transform(end.fit_transform(texts))[0] == ["one", "two", "three"]
    start = SequenceEncoder(max_length=3, truncate="start")
    cut = start.inverse_transform(start.fit_transform(texts))
    assert cut == [["two", "three", "four"], ["one", "two"]]
    # what is cut off does not count
    assert "four" not in end.vocabulary_
    assert start.vocabulary_["one"] != 0


def test_a_sample_without_tokens_is_one_unknown():
    encoder = SequenceEncoder().fit(TEXTS)
    assert ids(encoder.transform(["", "dog", "?!", ""])) == [[-1], [1], [-1], [-1]]
    assert encoder.inverse_transform(encoder.transform([""])) == [[None]]


def test_selected_sequences_have_their_own_tokens():
    encoder = SequenceEncoder()
    sequences = encoder.fit_transform(TEXTS)
    assert encoder.inverse_transform(sequences[[2, 1]]) == [
        ["bird"],
        ["the", "dog", "barks"],
    ]


def object_array(samples):
    array = np.empty(len(samples), dtype=object)
    array[:] = samples
    return array


OF_STRINGS = {
    "tuple": tuple,
    "iterator": iter,
    "array": np.array,
    "object array": object_array,
    "pandas": pd.Series,
    "pandas objects": lambda X: pd.Series(X, dtype=object, index=[7, 7, 0]),
    "polars": pl.Series,
}
OF_TOKENS = {
    "object array": object_array,
    "pandas": pd.Series,
    "polars": pl.Series,
    "tuples": lambda X: [tuple(sample) for sample in X],
    "arrays": lambda X: [np.array(sample) for sample in X],
    "small integers": lambda X: [np.array(sample, dtype=np.int8) for sample in X],
    "array of arrays": lambda X: object_array([np.array(sample) for sample in X]),
    "list of pandas": lambda X: [pd.Series(sample) for sample in X],
    "numpy scalars": lambda X: [[np.int64(token) for token in s] for s in X],
}


@pytest.mark.parametrize("container", OF_STRINGS.values(), ids=OF_STRINGS)
def test_containers_of_strings(container):
    assert encoded(container(TEXTS)) == encoded(TEXTS)


@pytest.mark.parametrize("container", OF_TOKENS.values(), ids=OF_TOKENS)
def test_containers_of_tokens(container):
    assert encoded(container(EVENTS)) == encoded(EVENTS)


def test_rows_of_a_2d_array_are_samples():
    rows = np.array([[4, 9, 9], [9, 4, 2]])
    assert encoded(rows) == encoded(rows.tolist()) == [[1, 0, 0], [0, 1, 2]]
    encoder = SequenceEncoder().fit(rows)
    assert all(type(token) is int for token in encoder.vocabulary_)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ("one text", r"single text; .* pass \[X\]"),
        (7, "X is of type int; expected strings"),
        (np.array(7), "X is of type ndarray; expected strings"),
        ({"text": TEXTS}, "X is of type dict; expected strings"),
        ([], r"Found 0 sample\(s\)"),
        (pd.DataFrame({"text": TEXTS}), r"columns \['text'\]; .* pass one column"),
        (pl.DataFrame({"text": TEXTS}), r"columns \['text'\]; .* pass one column"),
        (["aa", ["aa"]], "Sample 1 is of type list, unlike those before it"),
        ([["aa"], ["bb"], "aa"], "Sample 2 is of type str, unlike those before it"),
        (["aa", None], "Sample 1 is missing"),
        (pd.Series(["aa", None]), "Sample 1 is missing"),
        (pd.Series([pd.NA, "aa"]), "Sample 0 is missing"),
        (pl.Series(["aa", None]), "Sample 1 is missing"),
        (["aa", np.nan], "Sample 1 is missing"),
        ([1, 2], "Sample 0 is of type int; expected strings"),
        (np.arange(3), "Sample 0 is of type int64; expected strings"),
        ([b"aa"], "Sample 0 is of type bytes; expected strings"),
        ([["a"], {"a", "b"}], "Sample 1 is of type set; expected strings"),
        (np.zeros((2, 3, 1)), r"Sample 0 is an array of shape \(3, 1\); expected"),
        ([["a"], ["b", None]], "Sample 1 holds a token that is missing"),
        ([["a"], [pd.NA]], "Sample 1 holds a token that is missing"),
        ([[1.0, 2.0], [], [np.nan]], "Sample 2 holds a token that is missing"),
        (np.array([[1, np.nan]]), "Sample 0 holds a token that is missing"),
        ([[], ["a", ["b"]]], "Sample 1 holds a token that is not hashable"),
        ([[{"a": 1}]], "Sample 0 holds a token that is not hashable"),
        (["", "? !"], r"Found no token in 2 sample\(s\)"),
        ([[], []], r"Found no token in 2 sample\(s\)"),
    ],
)
def test_errors_are_one_line(X, message):
    with pytest.raises(ValueError, match=message) as raised:
        SequenceEncoder().fit(X)
    assert "\n" not in str(raised.value)


def test_transform_refuses_what_fit_refuses():
    encoder = SequenceEncoder(ngram_size=2).fit([["a", "b", "c"]])
    with pytest.raises(ValueError, match="Sample 1 holds a token that is missing"):
        encoder.transform([["a", "b"], ["a", None]])
    with pytest.raises(ValueError, match="Sample 0 holds a token that is not hash"):
        encoder.transform([["a", []]])
    with pytest.raises(ValueError, match="single text"):
        encoder.transform("ab")


def test_an_empty_vocabulary_is_explained():
    with pytest.raises(ValueError, match=r"=3 leaves no token: .* in 2 of 3 sample"):
        SequenceEncoder(min_frequency=3).fit(TEXTS)
    with pytest.raises(ValueError, match=r"min_frequency=0\.9 leaves no token"):
        SequenceEncoder(min_frequency=0.9).fit(TEXTS)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ([[0]], "Got list; expected Sequences"),
        (Sequences([[0.0]], [0], [1]), "dtype=float64"),
        (Sequences([[0, 0]], [0], [1]), "n_features=2"),
        (Sequences([[6]], [0], [1]), "Got the id 6; the vocabulary has the ids 0 to 5"),
    ],
)
def test_inverse_transform_refuses_what_are_no_ids(X, message):
    encoder = SequenceEncoder().fit(TEXTS)
    with pytest.raises(ValueError, match=message):
        encoder.inverse_transform(X)


@pytest.mark.parametrize(
    "params",
    [
        {"analyzer": "words"},
        {"ngram_size": 0},
        {"min_frequency": 1.5},
        {"min_frequency": 0},
        {"max_features": 0},
        {"max_length": 0},
        {"truncate": "left"},
    ],
)
def test_bad_parameters_are_named(params):
    (name,) = params
    for fit in ("fit", "fit_transform"):
        with pytest.raises(ValueError, match=f"'{name}' parameter"):
            getattr(SequenceEncoder(**params), fit)(TEXTS)


@pytest.mark.parametrize(
    "check",
    [
        estimator_checks.check_estimator_cloneable,
        estimator_checks.check_estimator_repr,
        estimator_checks.check_estimator_tags_renamed,
        estimator_checks.check_valid_tag_types,
        estimator_checks.check_do_not_raise_errors_in_init_or_set_params,
        estimator_checks.check_no_attributes_set_in_init,
        estimator_checks.check_parameters_default_constructible,
        estimator_checks.check_get_params_invariance,
        estimator_checks.check_set_params,
        estimator_checks.check_mixin_order,
    ],
)
def test_sklearn_checks_that_need_no_table(check):
    check("SequenceEncoder", SequenceEncoder())


def test_it_says_that_it_takes_strings_and_no_tables():
    tags = get_tags(SequenceEncoder())
    assert tags.input_tags.string
    assert not tags.input_tags.two_d_array
    assert not tags.target_tags.required
    assert not hasattr(SequenceEncoder().fit(TEXTS), "n_features_in_")


def test_fit_changes_neither_parameters_nor_data():
    texts = list(TEXTS)
    encoder = SequenceEncoder(max_length=2)
    params = encoder.get_params()
    assert encoder.fit(texts, y=[0, 1, 2]) is encoder
    assert encoder.get_params() == params
    assert texts == TEXTS


def test_fit_forgets_the_last_fit():
    encoder = SequenceEncoder().fit(EVENTS).fit(TEXTS)
    assert encoder.vocabulary_ == SequenceEncoder().fit(TEXTS).vocabulary_


def test_unfitted_is_said():
    with pytest.raises(NotFittedError):
        SequenceEncoder().transform(TEXTS)
    with pytest.raises(NotFittedError):
        SequenceEncoder().inverse_transform(Sequences([[0]], [0], [1]))


def test_clone_and_pickle():
    encoder = SequenceEncoder("char", ngram_size=2, max_length=4).fit(TEXTS)
    assert clone(encoder).get_params() == encoder.get_params()
    assert not hasattr(clone(encoder), "vocabulary_")
    copy = pickle.loads(pickle.dumps(encoder))
    assert ids(copy.transform(["a cat"])) == ids(encoder.transform(["a cat"]))


def test_set_output_leaves_sequences_alone():
    encoder = SequenceEncoder().set_output(transform="pandas")
    assert isinstance(encoder.fit_transform(TEXTS), Sequences)
    assert encoder.get_feature_names_out().tolist() == ["token"]
    make_pipeline(encoder, FunctionTransformer()).set_output(transform="default")
    with sklearn.config_context(transform_output="pandas"):
        assert isinstance(SequenceEncoder().fit(TEXTS).transform(TEXTS), Sequences)


def count_ids(sequences):
    return np.stack([np.bincount(s.ravel() + 1, minlength=50)[:50] for s in sequences])


def test_grid_search_finds_the_ngram_size_that_matters():
    # Both classes have the same letters; only their pairs tell them apart.
    rng = np.random.default_rng(0)
    pairs = {"same": ["AA", "CC"], "mixed": ["AC", "CA"]}
    y = rng.choice(list(pairs), 80)
    X = ["G".join(rng.choice(pairs[label], 6)) for label in y]
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    pipe = make_pipeline(
        SequenceEncoder("char"), FunctionTransformer(count_ids), MultinomialNB()
    )
    search = GridSearchCV(pipe, {"sequenceencoder__ngram_size": [1, 2]}, cv=3)
    search.fit(X_train, y_train)
    assert search.best_params_ == {"sequenceencoder__ngram_size": 2}
    assert search.score(X_test, y_test) == 1
    assert search.cv_results_["mean_test_score"][0] < 0.8


def test_the_padded_array_marks_padding_apart_from_unknown():
    encoder = SequenceEncoder().fit([["a", "b"]])
    padded = np.asarray(encoder.transform([["b", "z"], ["a"]]))
    assert_array_equal(padded[:, :, 0], [[1, -1], [np.nan, 0]])


def test_a_column_of_texts_is_no_list_of_tokens():
    with pytest.raises(ValueError, match=r"shape \(2, 1\).* pass X\[:, 0\]"):
        SequenceEncoder().fit(np.array([["a text"], ["another"]]))
