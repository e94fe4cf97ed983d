"""How much worse the score is if a lag or a feature is permuted."""

from __future__ import annotations

from copy import deepcopy
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.metrics import check_scoring, get_scorer_names
from sklearn.utils import (
    Bunch,
    check_array,
    check_consistent_length,
    check_random_state,
)
from sklearn.utils.parallel import Parallel, delayed

from .._arrays import reading
from .._base import BaseLSTM
from .._compat import HasMethods, StrOptions, _check_sample_weight, validate_params
from .._constraints import RANDOM_STATE, at_least
from .._sequences import Sequences
from ._fitted import feature_names, find_lstm, separate


@validate_params(
    {
        "estimator": [HasMethods("fit")],
        "y": ["array-like"],
        "by": [StrOptions({"both", "lag", "feature"})],
        "scoring": [StrOptions(set(get_scorer_names())), callable, None],
        "n_repeats": [at_least(1)],
        "n_jobs": [Integral, None],
        "random_state": RANDOM_STATE,
        "sample_weight": ["array-like", None],
    },
    prefer_skip_nested_validation=True,
)
def timestep_importance(
    estimator: Any,
    X: Any,
    y: Any,
    *,
    by: str = "both",
    scoring: Any = None,
    n_repeats: int = 5,
    n_jobs: int | None = None,
    random_state: Any = None,
    sample_weight: Any = None,
) -> Bunch:
    """Permutation importance of the lags and features of sequences.

    This is the same as :func:`sklearn.inspection.permutation_importance` for the
    columns of a table. Lags are counted from the end of a sequence: lag 0 is its last
    time step. The values at a lag are permuted among the sequences that have this lag.
    The importance is the decrease of the score.

    Parameters
    ----------
    estimator : estimator
        A fitted `LSTMRegressor` or `LSTMClassifier`, or a model that ends in one, as in
        `gate_activations`.

    X : Sequences, array-like or list of array-like
        As in `predict` of the estimator.

    y : array-like of shape (n_sequences,) or (n_sequences, n_outputs)
        Targets of X.

    by : {"both", "lag", "feature"}, default="both"
        Which values are permuted together. ``"both"`` permutes one feature at one lag,
        ``"lag"`` all features at a lag, and ``"feature"`` all lags of a feature, whose
        values keep their order in time. Each permutation needs a prediction, so that
        ``"both"`` takes the most time.

    scoring : str, callable or None, default=None
        A single scorer, as in scikit-learn. None means the `score` method of the
        estimator.

    n_repeats : int, default=5
        Number of permutations of each lag or feature.

    n_jobs : int or None, default=None
        Number of jobs to run in parallel, as in scikit-learn.

    random_state : int, RandomState instance or None, default=None
        Seed of the permutations.

    sample_weight : array-like of shape (n_sequences,), default=None
        Weight of each sequence in the score.

    Returns
    -------
    result : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes.

        importances_mean : ndarray of shape (n_lags, n_features)
            Mean over the repeats, of shape (n_lags,) if ``by="lag"`` and (n_features,)
            if ``by="feature"``. NaN at lags that only one sequence has.
        importances_std : ndarray of shape (n_lags, n_features)
            Standard deviation over the repeats.
        importances : ndarray of shape (n_lags, n_features, n_repeats)
            Importance in each repeat.
        baseline_score : float
            The score of X as it is, from which the importances are falls.
        lags : ndarray of shape (n_lags,)
            The lags, from 0 on.
        feature_names : list of str
            Names of the features.
        by : str
            As given.

    Raises
    ------
    ValueError
        If the estimator has no LSTM, if there is only one sequence, or as in `predict`
        and in the scorer.

    See Also
    --------
    sklearn.inspection.permutation_importance : The same for the columns of a table.
    TimestepImportanceDisplay : Plot of the result.
    memory_length : Number of last time steps that a net uses, found without y.
    gradient_attribution : Effect of small changes of each value, at less cost.

    Notes
    -----
    The permuted values are those that the LSTM reads. In a `Pipeline` these are
    windows: a row that is in many windows is permuted in each of them separately. In
    an `AnchoredRegressor` these are changes; the levels are not permuted. The score is
    that of the whole estimator.

    A static feature is read at the last time step only, and has its importance there.
    With ``unroll="series"``, each window is read on its own.

    If lags or features are correlated, permuted sequences may be unlike any real
    sequence. One lag can also replace another, and both then seem to be of little
    importance [1]_.

    References
    ----------
    .. [1] C. Strobl, A.-L. Boulesteix, T. Kneib, T. Augustin and A. Zeileis,
       "Conditional Variable Importance for Random Forests", BMC Bioinformatics 9,
       307, 2008.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklstm import LSTMRegressor, SequenceWindower, make_histories
    >>> from sklstm.datasets import make_lagged
    >>> from sklstm.inspection import timestep_importance
    >>> series, y = make_lagged(500, lag=3, random_state=0)
    >>> X = make_histories(series)
    >>> model = make_pipeline(
    ...     SequenceWindower(6), LSTMRegressor(16, random_state=0)
    ... ).fit(X[:400], y[:400])
    >>> result = timestep_importance(model, X[400:], y[400:], random_state=0)
    >>> int(result.importances_mean.argmax())
    3
    >>> fall = result.importances_mean[3, 0]
    >>> print(f"R² falls from {result.baseline_score:.1f} by {fall:.1f}")
    R² falls from 1.0 by 1.9
    """
    lstm, sequences = find_lstm(estimator, X)
    y, sample_weight = _read_targets(lstm, y, sample_weight)
    check_consistent_length(sequences, y)
    sequences = separate(sequences)
    check_several(sequences)
    _, n_lags, n_features = sequences.shape
    shape = {"both": (n_lags, n_features), "lag": (n_lags,), "feature": (n_features,)}
    cells: dict[str, list[tuple[Any, Any]]] = {
        "both": [([lag], i) for lag in range(n_lags) for i in range(n_features)],
        "lag": [([lag], slice(None)) for lag in range(n_lags)],
        "feature": [(range(n_lags), i) for i in range(n_features)],
    }
    scorer = check_scoring(estimator, scoring)
    weight = {} if sample_weight is None else {"sample_weight": sample_weight}
    data = estimator, lstm, X, y, weight, sequences
    (baseline,) = _score(scorer, *data, (), slice(None), 1, 0)
    if not isinstance(baseline, Real):
        raise ValueError(
            f"scoring={scoring!r} returned {type(baseline).__name__}; expected a"
            " number: give a single scorer."
        )
    if not np.isfinite(float(baseline)):
        raise ValueError(
            f"The score of X and y is {baseline}, from which nothing can fall: look for"
            " values or weights that are too large."
        )
    # One seed for all, as in scikit-learn: they differ by what is permuted alone.
    seed = check_random_state(random_state).randint(np.iinfo(np.int32).max + 1)
    scores = Parallel(n_jobs=n_jobs)(
        delayed(_score)(scorer, *data, *cell, n_repeats, seed) for cell in cells[by]
    )
    scores = np.reshape(scores, (*shape[by], n_repeats))
    importances = float(baseline) - scores
    if by != "feature":
        importances[np.sort(sequences.lengths)[-2] :] = np.nan
    with np.errstate(over="ignore"):  # of scores that are nearly too large
        spread = importances.std(axis=-1)
    return Bunch(
        importances_mean=importances.mean(axis=-1),
        importances_std=spread,
        importances=importances,
        baseline_score=float(baseline),
        lags=np.arange(n_lags),
        feature_names=feature_names(sequences),
        by=by,
    )


def _read_targets(lstm: BaseLSTM, y: Any, sample_weight: Any) -> tuple[Any, Any]:
    """Return arrays, of numbers but for labels; scorers do not say what is wrong."""
    expected = "an array of labels" if is_classifier(lstm) else "an array of numbers"
    with reading("y", expected):
        y = np.asarray(y)
        if not is_classifier(lstm):
            y = check_array(y, ensure_2d=False, dtype=np.float64, input_name="y")
    if sample_weight is not None:
        with reading("sample_weight"):
            sample_weight = _check_sample_weight(
                np.asarray(sample_weight), y, dtype=np.float64, ensure_non_negative=True
            )
    return y, sample_weight


def _score(
    scorer: Any,
    estimator: Any,
    lstm: BaseLSTM,
    X: Any,
    y: Any,
    weight: dict[str, Any],
    sequences: Sequences,
    lags: Any,
    features: Any,
    n_repeats: int,
    seed: int,
) -> list[Any]:
    """Score an estimator whose LSTM is given permuted sequences in place of X."""
    # Nobody else has the copies; that of the LSTM shares its net.
    twin = object.__new__(type(lstm))
    twin.__dict__.update(lstm.__dict__)
    estimator = deepcopy(estimator, {id(lstm): twin})
    rng, scores = np.random.RandomState(seed), []
    order, shuffled = (np.arange(len(sequences)) for _ in range(2))
    for _ in range(n_repeats):
        rng.shuffle(shuffled)
        order = order[shuffled]  # as scikit-learn does, each of what is permuted
        permuted = permute(sequences, order, lags, features)
        twin.__dict__["_read_X"] = lambda X, permuted=permuted: permuted
        with np.errstate(over="ignore", invalid="ignore"):
            scores.append(scorer(estimator, X, y, **weight))
    return scores


def check_several(sequences: Sequences) -> None:
    """Raise if there is nothing to permute."""
    if len(sequences) < 2:
        raise ValueError(
            "X is 1 sequence, among which nothing can be permuted: give at least 2."
        )


def permute(
    sequences: Sequences, order: np.ndarray, lags: Any, features: Any = slice(None)
) -> Sequences:
    """Put values of sequence order[i] into sequence i, at some lags.

    If that lacks a lag, it is order[order[i]] that gives the value, and so on, until
    one has it: a random order of all sequences is then one of those that have the lag.
    """
    steps = sequences.steps.copy()
    lengths = sequences.lengths
    ends = sequences.starts + lengths - 1
    for lag in lags:
        here = np.flatnonzero(lengths > lag)
        source = order[here]
        while (lacks := lengths[source] <= lag).any():
            source[lacks] = order[source[lacks]]
        steps[ends[here] - lag, features] = sequences.steps[
            ends[source] - lag, features
        ]
    return sequences.on_table(steps)
