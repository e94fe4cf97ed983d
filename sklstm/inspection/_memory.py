"""How far back a fitted net looks."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
from scipy.special import softmax
from sklearn.base import is_classifier
from sklearn.utils import Bunch, check_random_state

from .._base import BaseLSTM
from .._compat import HasMethods, validate_params
from .._constraints import RANDOM_STATE, Interval, at_least
from .._sequences import Sequences
from ._fitted import find_lstm, separate
from ._importance import check_several, permute


@validate_params(
    {
        "estimator": [HasMethods("fit")],
        "level": [Interval(Real, 0, 1, closed="left")],
        "n_repeats": [at_least(1)],
        "random_state": RANDOM_STATE,
    },
    prefer_skip_nested_validation=True,
)
def memory_length(
    estimator: Any,
    X: Any,
    *,
    level: float = 0.05,
    n_repeats: int = 5,
    random_state: Any = None,
) -> Bunch:
    """Find the number of last time steps that a fitted LSTM uses.

    All steps from a lag on, counted from the end of a sequence, are exchanged together
    with those of another sequence, and the predictions change. The memory ends where
    they hardly change any more. No y is needed.

    Parameters
    ----------
    estimator : estimator
        A fitted `LSTMRegressor` or `LSTMClassifier`, or a model that ends in one, as in
        `gate_activations`.

    X : Sequences, array-like or list of array-like
        As in `predict` of the estimator.

    level : float, default=0.05
        The share of the effect of all steps that those beyond the memory may have
        together, from 0 to below 1.

    n_repeats : int, default=5
        How often steps are exchanged. For each lag two predictions of X are made:
        with the step at this lag exchanged, and with all from this lag on.

    random_state : int, RandomState instance or None, default=None
        Seed of the exchanges.

    Returns
    -------
    result : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes.

        memory_length : int
            The smallest number of last steps beyond which `share_beyond` is nowhere
            above `level`; 0 if no step has any effect. Never more than the longest
            sequence has.
        effects : ndarray of shape (n_lags,)
            The effect of each lag alone: half the mean squared change of the
            predictions, over their variance. Of a classifier those of the
            probabilities, summed over the classes.
        share_beyond : ndarray of shape (n_lags,)
            The effect of all larger lags together, over that of all steps.
        lags : ndarray of shape (n_lags,)
            The lags from 0 on that at least two sequences have.

    Raises
    ------
    ValueError
        If the estimator has no LSTM, if there is only one sequence, or if X is not
        valid input of `predict`.

    See Also
    --------
    MemoryDisplay : Plot of the result.
    timestep_importance : Permutation importance of the lags and features.

    Notes
    -----
    If the time steps are independent of each other, the effect of a lag is the total
    effect index of global sensitivity analysis [1]_, by the estimator of [2]_: the
    share of the variance of the predictions that would be lost if the step at that lag
    were not known. Where they are correlated, as in most series, a step that is
    exchanged alone does not fit to those beside it. Then `effects` need not be shares
    of anything: many lags can matter together, such as by their mean, while each alone
    has nearly no effect. The memory is therefore that of lags exchanged together, which
    tears a sequence at one place only; their effect may be larger than that of all.

    Static features are never exchanged: they are no steps.

    The result describes the net and not the data: a memory shorter than the window
    means that this net does not use the rest, not that the rest holds no information.
    In an `AnchoredRegressor`, the steps are changes, and so are the predictions. The
    effects on several targets are added in the units of the net: with `standardize`, in
    standard deviations of y.

    References
    ----------
    .. [1] T. Homma and A. Saltelli, "Importance Measures in Global Sensitivity
       Analysis of Nonlinear Models", Reliability Engineering and System Safety
       52(1), 1-17, 1996.

    .. [2] M. J. W. Jansen, "Analysis of Variance Designs for Model Output", Computer
       Physics Communications 117(1-2), 35-43, 1999.

    Examples
    --------
    Start with a long window, and shorten it to the memory of the net:

    >>> from sklearn.pipeline import make_pipeline
    >>> from sklstm import LSTMRegressor, SequenceWindower, make_histories
    >>> from sklstm.datasets import make_lagged
    >>> from sklstm.inspection import memory_length
    >>> series, y = make_lagged(600, lag=7, random_state=0)
    >>> X = make_histories(series)
    >>> def fit(sequence_length):
    ...     lstm = LSTMRegressor(16, random_state=0)
    ...     model = make_pipeline(SequenceWindower(sequence_length), lstm)
    ...     return model.fit(X[7:500], y[7:500])
    >>> result = memory_length(fit(16), X[15:500], random_state=0)
    >>> result.memory_length
    8
    >>> fit(8).score(X[500:], y[500:]) > 0.98
    True
    """
    lstm, sequences = find_lstm(estimator, X)
    sequences = separate(sequences)
    check_several(sequences)
    n, lengths, own = len(sequences), sequences.lengths, sequences.steps
    n_lags = int(np.sort(lengths)[-2])
    lag_of = np.repeat(np.cumsum(lengths), lengths)[:, None] - 1
    lag_of = lag_of - np.arange(len(own))[:, None]  # (n_steps_total, 1)
    static = [i for i in lstm._architecture["static_features"] if i < own.shape[1]]
    rng = check_random_state(random_state)
    before = _predict(lstm, sequences)
    alone, together = effects = np.zeros((2, n_lags))
    for _ in range(n_repeats):
        circle = rng.permutation(n)
        order = np.empty_like(circle)
        order[circle] = np.roll(circle, 1)  # nobody's step is exchanged with itself
        other = permute(sequences, order, range(n_lags)).steps
        other[:, static] = own[:, static]
        for lag in range(n_lags):
            for effect, exchanged in (alone, lag_of == lag), (together, lag_of >= lag):
                mixed = sequences.on_table(np.where(exchanged, other, own))
                change = _predict(lstm, mixed) - before
                effect[lag] += (change[lengths > lag] ** 2).sum(axis=1).mean() / 2
    effects /= n_repeats * (before.var(axis=0).sum() or 1.0)
    shares = together / (together[0] or 1.0)  # of all lags from each one on
    return Bunch(
        memory_length=int((shares > level).nonzero()[0].max(initial=-1)) + 1,
        effects=alone,
        share_beyond=np.append(shares[1:], 0.0),
        lags=np.arange(n_lags),
    )


def _predict(lstm: BaseLSTM, sequences: Sequences) -> np.ndarray:
    """Return forecasts in the units of the net, or probabilities, (n, n_outputs)."""
    output = lstm._run(lstm.module_, sequences).astype(np.float64)
    if is_classifier(lstm):
        return softmax(output, axis=1)
    return lstm._loss.center(output.reshape(len(output), lstm.n_outputs_, -1))
