"""What the cells of a fitted net compute, step by step, and what its head reads."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
from sklearn.utils import Bunch

from .._base import BaseLSTM
from .._compat import HasMethods, StrOptions, validate_params
from .._constraints import Interval
from .._net._gates import PARTS, read_gates, without_head
from .._sequences import Sequences
from ._fitted import find_lstm, in_batches, padded

# Which of the cells of a net.
CELLS = {
    "layer": [Interval(Integral, None, None, closed="neither")],
    "direction": [StrOptions({"forward", "backward"})],
}


@validate_params(
    {"estimator": [HasMethods("fit")]} | CELLS,
    prefer_skip_nested_validation=True,
)
def gate_activations(
    estimator: Any, X: Any, *, layer: int = -1, direction: str = "forward"
) -> Bunch:
    """Compute the gates and states of a fitted LSTM at each step.

    These are the terms of the equations of :class:`torch.nn.LSTM`, for one layer in
    one direction.

    Parameters
    ----------
    estimator : estimator
        A fitted `LSTMRegressor` or `LSTMClassifier`, alone, at the end of a
        `Pipeline`, in an `AnchoredRegressor`, `ConformalRegressor` or
        :class:`~sklearn.compose.TransformedTargetRegressor`, in a search, frozen, or
        with a threshold of :class:`~sklearn.model_selection.FixedThresholdClassifier`
        or `TunedThresholdClassifierCV`.

    X : Sequences, array-like or list of array-like
        As for the `predict` of the estimator.

    layer : int, default=-1
        Which layer: 0 reads the input, and -1 is the last one.

    direction : {"forward", "backward"}, default="forward"
        Whether to look at the cells that read from the first step to the last, or at
        those of a bidirectional net that read the other way. Either way the results
        are in the order of the steps: the backward cells begin at the last one.

    Returns
    -------
    activations : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes. All but `lags` have
        shape (n_sequences, n_timesteps, hidden_size). They are aligned to the end of
        the sequences: ``[:, -1]`` is the last step, and NaN stands before sequences
        that are shorter than the longest.

        input_gate : ndarray
            The share of the candidate that the cell takes in, between 0 and 1; i in
            the equations.
        forget_gate : ndarray
            The share of its state that the cell keeps, between 0 and 1; f.
        output_gate : ndarray
            The share of the cell state that is shown, between 0 and 1; o.
        candidate : ndarray
            What may be added to the cell state, between -1 and 1; g.
        cell_state : ndarray
            The state of the cell after the step; c.
        hidden_state : ndarray
            The output of the cell, between -1 and 1; h.
        lags : ndarray of shape (n_timesteps,)
            How many steps of X before the last one each step stands.

    Raises
    ------
    ValueError
        If the estimator has no LSTM, if there is no such layer or direction, or if X
        is refused by `predict`.

    See Also
    --------
    hidden_states : What the head of the net reads of each sequence.
    GateDisplay : A picture of one sequence.

    Notes
    -----
    With ``frame_size=k`` a step of the net is a frame of k steps of X. Frames end with
    the sequence, and `lags` are those of their last steps.

    Each sequence is read on its own, from its first step. With ``unroll="series"``,
    `predict` may also have read what lies before the windows.

    Examples
    --------
    >>> from sklstm import LSTMRegressor
    >>> from sklstm.datasets import make_adding_problem
    >>> from sklstm.inspection import gate_activations
    >>> X, y = make_adding_problem(100, n_timesteps=10, random_state=0)
    >>> model = LSTMRegressor(8, max_epochs=5, random_state=0).fit(X, y)
    >>> activations = gate_activations(model, X)
    >>> activations.forget_gate.shape
    (100, 10, 8)
    >>> activations.lags
    array([9, 8, 7, 6, 5, 4, 3, 2, 1, 0])
    """
    return compute_gates(*find_lstm(estimator, X), layer, direction)


def compute_gates(
    model: BaseLSTM, sequences: Sequences, layer: int, direction: str
) -> Bunch:
    """Compute the gates and states of an LSTM on the sequences that it reads."""
    module, name = model.module_, type(model).__name__
    n_layers = module.lstm.num_layers
    if not -n_layers <= layer < n_layers:
        raise ValueError(
            f"layer={layer} is out of range: {name} has {n_layers} layer(s); give one"
            f" from 0 to {n_layers - 1}, or -1 for the last."
        )
    backward = direction == "backward"
    if backward and not module.lstm.bidirectional:
        raise ValueError(
            f"direction='backward' needs a bidirectional net, but {name} was fitted"
            " with bidirectional=False: give direction='forward'."
        )
    place = module.head.weight.device
    rows = [
        read_gates(
            module.eval(),
            model._to_tensors(batch, place),
            layer % n_layers,
            backward=backward,
        )
        for batch in in_batches(sequences)
    ]
    frame_size = model._architecture["frame_size"]
    values = padded(rows, -(-sequences.lengths // frame_size))
    parts = np.split(values, len(PARTS), axis=-1)
    lags = frame_size * np.arange(values.shape[1])[::-1]
    return Bunch(**dict(zip(PARTS, parts, strict=True)), lags=lags)


@validate_params({"estimator": [HasMethods("fit")]}, prefer_skip_nested_validation=True)
def hidden_states(estimator: Any, X: Any) -> np.ndarray:
    """Return what the head of a fitted LSTM reads of each sequence.

    A fixed number of features for sequences of any length, to cluster them, to look
    for neighbours or to fit another model to.

    Parameters
    ----------
    estimator : estimator
        A fitted `LSTMRegressor` or `LSTMClassifier`, or a model that ends in one, as
        for `gate_activations`.

    X : Sequences, array-like or list of array-like
        As for the `predict` of the estimator.

    Returns
    -------
    states : ndarray of shape (n_sequences, n_pooled)
        The hidden states of the last layer, pooled over the steps as `pooling` says:
        `hidden_size` values, twice as many if bidirectional, and twice as many for
        ``pooling="last_mean"``. Behind them static features and their embeddings, if
        there are any.

    See Also
    --------
    gate_activations : The hidden states at each step, with the gates.

    Notes
    -----
    What `linear_skip` reads is not in them. Behind a
    :class:`~sklearn.preprocessing.FunctionTransformer` they are a step of a
    `Pipeline`, as below. The net is then not fitted again: it must not have seen the
    targets of rows that the pipeline is scored on.

    Examples
    --------
    >>> from functools import partial
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import FunctionTransformer
    >>> from sklstm import LSTMClassifier
    >>> from sklstm.datasets import make_ragged_sequences
    >>> from sklstm.inspection import hidden_states
    >>> X, y = make_ragged_sequences(120, n_classes=3, random_state=0)
    >>> net = LSTMClassifier(16, random_state=0).fit(X[:40], y[:40] == 0)
    >>> hidden_states(net, X).shape
    (120, 64)
    >>> model = make_pipeline(
    ...     FunctionTransformer(partial(hidden_states, net)),
    ...     LogisticRegression(),
    ... ).fit(X[40:80], y[40:80])
    >>> model.score(X[80:], y[80:]) > 0.9
    True
    """
    model, sequences = find_lstm(estimator, X)
    return model._run(without_head(model.module_), sequences)
