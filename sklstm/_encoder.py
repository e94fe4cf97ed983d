"""From texts and lists of tokens to sequences of integer ids: a transformer."""

from __future__ import annotations

import re
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Set
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.callback import CallbackSupportMixin
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.utils.validation import check_is_fitted

from ._arrays import reading
from ._compat import RealNotInt, StrOptions, _fit_context
from ._constraints import Interval, at_least
from ._input import KeepsSequences
from ._rows._columns import get_index, is_missing
from ._sequences import Sequences
from ._state import PlainState
from ._tasks import one_task

_EXPECTED = "expected strings, or lists or 1-D arrays of tokens"


class SequenceEncoder(  # type: ignore[call-arg]
    CallbackSupportMixin,
    KeepsSequences,
    PlainState,
    TransformerMixin,
    BaseEstimator,
    auto_wrap_output_keys=None,
):
    r"""Turn texts or lists of tokens into sequences of integer ids.

    `fit` gives each token an id: 0 to the most frequent token, 1 to the next and so
    on. `transform` returns the ids of the tokens of each sample in order, without
    padding. Tokens without an id become -1.

    A sample is a string, which is split into tokens as in scikit-learn's text
    vectorizers, or a list or 1-D array of tokens, which are used as they are: words,
    event codes or any other hashable values.

    Parameters
    ----------
    analyzer : {"word", "char", "char_wb"} or callable, default="word"
        How a string is split into tokens, as in
        :class:`sklearn.feature_extraction.text.CountVectorizer`: words,
        characters, or characters with a space around each word. A callable gets
        each sample, of whatever type, and returns its tokens.

    ngram_size : int, default=1
        Number of words or characters in a token. Tokens overlap: those of size 2
        in ``"ACGT"`` are AC, CG and GT. Words are joined by a space; tokens
        from lists or from a callable become tuples.

    lowercase : bool, default=True
        Whether to convert strings to lower case. Ignored for lists of tokens.

    token_pattern : str, default=``r"(?u)\b\w\w+\b"``
        Regular expression for a word. As in scikit-learn, the default matches words of
        two or more letters or digits, and leaves out punctuation;
        ``r"\w+|[^\w\s]"`` matches shorter words and punctuation as well. Ignored unless
        ``analyzer="word"``.

    min_frequency : int or float, default=1
        Number (int) or fraction (float) of training samples that must contain a token
        for it to get an id.

    max_features : int or None, default=None
        Largest number of ids, which go to the most frequent tokens. None means all
        tokens.

    max_length : int or None, default=None
        Largest number of tokens in a sample. Longer samples are cut, also for the
        vocabulary. None keeps all tokens.

    truncate : {"start", "end"}, default="end"
        Side of longer samples that is cut off: ``"end"`` keeps the beginning of a
        text, ``"start"`` the latest events of a history. Ignored if `max_length` is
        None.

    Attributes
    ----------
    vocabulary_ : dict
        The id of each token, from 0 on by decreasing frequency. Tokens of the same
        frequency are sorted or, if their types cannot be compared, in order of first
        appearance.

    See Also
    --------
    Sequences : What `transform` returns.
    LSTMClassifier : LSTM that learns an embedding of each id.

    Notes
    -----
    A sample without tokens becomes one unknown token, since a sequence has at least
    one time step.

    A model learns the meaning of unknown tokens only if the training set has some. With
    the defaults it has none; with ``min_frequency=2`` tokens that occur in a single
    sample are unknown.

    Examples
    --------
    >>> from sklstm import SequenceEncoder
    >>> encoder = SequenceEncoder()
    >>> sequences = encoder.fit_transform(["to be or not to be", "let it be"])
    >>> encoder.vocabulary_
    {'be': 0, 'to': 1, 'it': 2, 'let': 3, 'not': 4, 'or': 5}
    >>> sequences.lengths
    array([6, 3])
    >>> sequences[0].ravel()
    array([1, 0, 5, 4, 1, 0])
    >>> encoder.transform(["let me be"])[0].ravel()
    array([ 3, -1,  0])
    """

    _parameter_constraints: dict[str, list[Any]] = {
        "analyzer": [StrOptions({"word", "char", "char_wb"}), callable],
        "ngram_size": [at_least(1)],
        "lowercase": ["boolean"],
        "token_pattern": [str],
        "min_frequency": [
            at_least(1),
            Interval(RealNotInt, 0, 1, closed="both"),
        ],
        "max_features": [at_least(1), None],
        "max_length": [at_least(1), None],
        "truncate": [StrOptions({"start", "end"})],
    }

    def __init__(
        self,
        analyzer: str | Callable = "word",
        *,
        ngram_size: int = 1,
        lowercase: bool = True,
        token_pattern: str = r"(?u)\b\w\w+\b",
        min_frequency: float = 1,
        max_features: int | None = None,
        max_length: int | None = None,
        truncate: str = "end",
    ) -> None:
        self.analyzer = analyzer
        self.ngram_size = ngram_size
        self.lowercase = lowercase
        self.token_pattern = token_pattern
        self.min_frequency = min_frequency
        self.max_features = max_features
        self.max_length = max_length
        self.truncate = truncate

    def fit(self, X: Any, y: Any = None) -> SequenceEncoder:
        """Learn the vocabulary.

        Parameters
        ----------
        X : array-like of shape (n_samples,), or ndarray of shape (n_samples, length)
            Strings, or lists or 1-D arrays of tokens, in a list, an array or a column
            of a dataframe. In a 2-D array, each row is a sample.

        y : Ignored
            Present for the API.

        Returns
        -------
        self : SequenceEncoder
            The fitted encoder.
        """
        self.fit_transform(X)
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def fit_transform(self, X: Any, y: Any = None) -> Sequences:
        """Learn the vocabulary and return the ids, reading the texts once.

        Parameters
        ----------
        X : array-like of shape (n_samples,), or ndarray of shape (n_samples, length)
            As in `fit`.

        y : Ignored
            Present for the API.

        Returns
        -------
        sequences : Sequences of shape (n_samples, max_length, 1)
            As from `transform`.
        """
        with one_task(self, X, y):
            tokens, numbers, lengths = self._read(X)
            self.vocabulary_ = self._learn(tokens, numbers, lengths)
        return self._encode(tokens, numbers, lengths, get_index(X))

    def transform(self, X: Any) -> Sequences:
        """Return the ids of the tokens.

        Parameters
        ----------
        X : array-like of shape (n_samples,), or ndarray of shape (n_samples, length)
            As in `fit`.

        Returns
        -------
        sequences : Sequences of shape (n_samples, max_length, 1)
            The ids as int64, with -1 for unknown tokens. Each sequence has its own
            length.
        """
        check_is_fitted(self)
        return self._encode(*self._read(X), get_index(X))

    def inverse_transform(self, X: Sequences) -> list[list[Any]]:
        """Return the tokens of ids.

        Parameters
        ----------
        X : Sequences of shape (n_samples, max_length, 1)
            Integer ids, as `transform` returns them.

        Returns
        -------
        samples : list of list
            The tokens of each sample, with None for unknown tokens.
        """
        check_is_fitted(self)
        got: Any = X if isinstance(X, Sequences) else type(X).__name__
        if got is not X or X.steps.shape[1] != 1 or X.dtype.kind not in "iu":
            raise ValueError(
                f"Got {got}; expected Sequences of integers with one feature, as"
                " transform returns them."
            )
        n_ids = len(self.vocabulary_)
        if X.steps.max(initial=-1) >= n_ids:
            raise ValueError(
                f"Got the id {X.steps.max()}; the vocabulary has the ids 0 to"
                f" {n_ids - 1}: pass what this encoder has returned."
            )
        names = [*self.vocabulary_, None]  # the last is at -1
        tokens = [names[i] for i in np.maximum(X.steps[:, 0], -1).tolist()]
        starts, ends = X.starts.tolist(), (X.starts + X.lengths).tolist()
        return [tokens[i:k] for i, k in zip(starts, ends, strict=True)]

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Name the single feature of a step.

        Parameters
        ----------
        input_features : Ignored
            Present for the API.

        Returns
        -------
        names : ndarray of shape (1,)
            The array ``["token"]``.
        """
        check_is_fitted(self)
        return np.array(["token"], dtype=object)

    def _make_plain(self, state: dict[str, Any]) -> None:
        if "vocabulary_" in state:  # ids are in order, and tokens may be anything
            state["vocabulary_"] = list(state["vocabulary_"])

    def _restore(self) -> None:
        if "vocabulary_" in vars(self):
            tokens: Any = self.vocabulary_
            self.vocabulary_ = {token: i for i, token in enumerate(tokens)}
            if len(self.vocabulary_) < len(tokens):
                raise ValueError("vocabulary_ has a token twice")

    def _read(self, X: Any) -> tuple[list[Any], np.ndarray, np.ndarray]:
        """Read all samples, once."""
        tokenize = self._build_tokenizer()
        places: defaultdict[Any, int] = defaultdict()
        places.default_factory = places.__len__  # a new token takes the next place
        numbers, lengths = array("q"), []
        for i, sample in enumerate(_check_samples(X)):
            tokens = tokenize(i, sample)
            try:
                numbers.extend(map(places.__getitem__, tokens))
            except TypeError:
                raise ValueError(
                    f"Sample {i} holds a token that is not hashable; expected tokens"
                    " such as strings or integers: turn lists into tuples."
                ) from None
            lengths.append(len(tokens))
        tokens = list(places)
        self._check_missing(tokens, numbers, lengths)
        return tokens, np.array(numbers), np.array(lengths)

    def _build_tokenizer(self) -> Callable[[int, Any], list[Any]]:
        """Return what turns sample i into its tokens."""
        n, analyze = self.ngram_size, self.analyzer
        cut = slice(self.max_length)
        if self.max_length and self.truncate == "start":
            cut = slice(-self.max_length, None)
        if callable(analyze):
            return lambda i, sample: _join(list(analyze(sample)), n)[cut]
        try:
            analyze_text = CountVectorizer(
                analyzer=analyze,
                ngram_range=(n, n),
                lowercase=self.lowercase,
                token_pattern=self.token_pattern,
            ).build_analyzer()
        except re.error as error:
            raise ValueError(
                f"token_pattern={self.token_pattern!r} is no regular expression:"
                f" {error}."
            ) from error
        kinds = set()

        def tokenize(i: int, sample: Any) -> list[Any]:
            is_text = isinstance(sample, str)
            tokens = analyze_text(sample) if is_text else _join(_listed(i, sample), n)
            kinds.add(is_text)
            if len(kinds) > 1:
                raise ValueError(
                    f"Sample {i} is of type {type(sample).__name__}, unlike those"
                    f" before it; {_EXPECTED}: one of the two for all samples."
                )
            return tokens[cut]

        return tokenize

    def _check_missing(
        self, tokens: list[Any], numbers: array, lengths: list[int]
    ) -> None:
        is_tuple = self.ngram_size > 1
        for number, token in enumerate(tokens):
            parts = token if is_tuple and isinstance(token, tuple) else (token,)
            if not any(map(is_missing, parts)):
                continue
            sample = np.searchsorted(
                np.cumsum(lengths), numbers.index(number), side="right"
            )
            raise ValueError(
                f"Sample {sample} holds a token that is missing (None or NaN); remove"
                " it, or put a token of your own in its place."
            )

    def _learn(
        self, tokens: list[Any], numbers: np.ndarray, lengths: np.ndarray
    ) -> dict[Any, int]:
        n_samples, n_tokens = len(lengths), len(tokens)
        if n_tokens == 0:
            raise ValueError(
                f"Found no token in {n_samples} sample(s); expected some: see the"
                " parameters analyzer, token_pattern and ngram_size."
            )
        counts = np.bincount(numbers, minlength=n_tokens)
        # Each pair of a sample and a token that it holds, once.
        pairs = np.unique(np.repeat(np.arange(n_samples), lengths) * n_tokens + numbers)
        n_holders = np.bincount(pairs % n_tokens, minlength=n_tokens)
        is_count = isinstance(self.min_frequency, Integral)
        held = n_holders if is_count else n_holders / n_samples
        kept = np.flatnonzero(held >= self.min_frequency)
        if len(kept) == 0:
            raise ValueError(
                f"min_frequency={self.min_frequency} leaves no token: the most common"
                f" one is in {n_holders.max()} of {n_samples} sample(s); lower it."
            )
        frequencies = {tokens[i]: int(counts[i]) for i in kept}
        try:
            names = sorted(frequencies)
        except TypeError:  # types without a common order, such as int and str
            names = list(frequencies)
        names.sort(key=frequencies.__getitem__, reverse=True)  # ties stay in order
        return {name: i for i, name in enumerate(names[: self.max_features])}

    def _encode(
        self, tokens: list[Any], numbers: np.ndarray, lengths: np.ndarray, index: Any
    ) -> Sequences:
        ids = np.array([self.vocabulary_.get(t, -1) for t in tokens], dtype=np.int64)
        steps = np.insert(ids[numbers], np.cumsum(lengths)[lengths == 0], -1)
        lengths = np.maximum(lengths, 1)
        starts = np.cumsum(lengths) - lengths
        categories = [list(self.vocabulary_)]
        return Sequences(
            steps[:, None], starts, lengths, index=index, categories=categories
        )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        return tags


def _check_samples(X: Any) -> list[Any]:
    if isinstance(X, (str, bytes)):
        raise ValueError(f"X is a single text; {_EXPECTED}: pass [X] for one sample.")
    if hasattr(X, "columns"):
        raise ValueError(
            f"X is a dataframe with the columns {list(X.columns)}; {_EXPECTED}: pass"
            " one column, or X.to_numpy() if each row is a sample."
        )
    if getattr(X, "ndim", 1) == 2 and X.shape[1] == 1 and X.dtype.kind in "OUT":
        raise ValueError(
            f"X is an array of shape {X.shape}, whose rows would be samples of a single"
            " token; pass X[:, 0] if they are texts."
        )
    unordered = isinstance(X, (Mapping, Set)) or not isinstance(X, Iterable)
    if unordered or getattr(X, "ndim", 1) == 0 or 0 in getattr(X, "shape", ())[1:]:
        raise ValueError(f"X is of type {type(X).__name__}; {_EXPECTED}.")
    with reading("X", "samples"):
        samples = list(X)
    if not samples:
        raise ValueError(f"Found 0 sample(s); {_EXPECTED}, at least one.")
    return samples


def _listed(i: int, sample: Any) -> list[Any]:
    """The tokens of sample i, as Python objects."""
    if isinstance(sample, (list, tuple)):
        return list(sample)
    n_axes = np.ndim(sample)
    if hasattr(sample, "__array__") and n_axes == 1:
        return np.asarray(sample).tolist()
    what = f"of type {type(sample).__name__}"
    if n_axes > 1:
        what = f"an array of shape {sample.shape}"
    elif n_axes == 0 and is_missing(sample):
        what = "missing (None or NaN)"
    raise ValueError(
        f"Sample {i} is {what}; {_EXPECTED}: an empty string or list stands for none."
    )


def _join(tokens: list[Any], n: int) -> list[Any]:
    """Each n tokens that follow each other, as a tuple."""
    if n == 1:
        return tokens
    if n > len(tokens):
        return []
    return list(zip(*(tokens[k:] for k in range(n)), strict=False))
