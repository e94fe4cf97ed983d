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
    """Compute the gates and states of a fitted LSTM at each time step.

    They are the terms of the equations of :class:`torch.nn.LSTM`, for one layer and one
    direction.

    Parameters
    ----------
    estimator : estimator
        A fitted `LSTMRegressor` or `LSTMClassifier`, alone, at the end of a
        `Pipeline`, in an `AnchoredRegressor`, `ConformalRegressor` or
        :class:`~sklearn.compose.TransformedTargetRegressor`, in a search, frozen, or
        with a threshold of :class:`~sklearn.model_selection.FixedThresholdClassifier`
        or `TunedThresholdClassifierCV`.

    X : Sequences, array-like or list of array-like
        As in `predict` of the estimator.

    layer : int, default=-1
        The layer: 0 is the first one, and -1 the last.

    direction : {"forward", "backward"}, default="forward"
        Direction in which the cells read. ``"backward"`` needs a bidirectional net. The
        result is in time order for both; backward cells begin at the last step.

    Returns
    -------
    activations : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes. All but `lags` have
        shape (n_sequences, n_timesteps, hidden_size). They are aligned to the end of
        the sequences: ``[:, -1]`` is the last step. Shorter sequences have NaN before
        their first step.

        input_gate : ndarray
            Fraction of the candidate that is added to the cell state, between 0 and 1;
            i in the equations.
        forget_gate : ndarray
            Fraction of the cell state that is kept, between 0 and 1; f.
        output_gate : ndarray
            Fraction of the cell state that is output, between 0 and 1; o.
        candidate : ndarray
            Candidate for the cell state, between -1 and 1; g.
        cell_state : ndarray
            The cell state after the step; c.
        hidden_state : ndarray
            The output of the cell, between -1 and 1; h.
        lags : ndarray of shape (n_timesteps,)
            Lag of each step, counted in time steps of X from the last one.

    Raises
    ------
    ValueError
        If the estimator has no LSTM, if there is no such layer or direction, or if X
        is not valid input of `predict`.

    See Also
    --------
    hidden_states : The pooled hidden states of each sequence.
    GateDisplay : Plot of the gates of one sequence.

    Notes
    -----
    With ``frame_size=k``, a step of the net is a frame of k time steps of X. Frames are
    aligned to the end of the sequence, and `lags` are those of their last time steps.

    Each sequence is read on its own, from its first step. With ``unroll="series"``,
    `predict` may also read rows before the windows.

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
    """Compute the pooled hidden states of a fitted LSTM for each sequence.

    This is the input of the last layer of the net: a fixed number of features for
    sequences of any length, for clustering, neighbour search or another model.

    Parameters
    ----------
    estimator : estimator
        A fitted `LSTMRegressor` or `LSTMClassifier`, or a model that ends in one, as in
        `gate_activations`.

    X : Sequences, array-like or list of array-like
        As in `predict` of the estimator.

    Returns
    -------
    states : ndarray of shape (n_sequences, n_pooled)
        The hidden states of the last layer, pooled over the time steps as set by
        `pooling`: `hidden_size` values, twice as many if bidirectional, and twice as
        many for ``pooling="last_mean"``. They are followed by the static features and
        their embeddings, if there are any.

    See Also
    --------
    gate_activations : The hidden states at each time step, with the gates.

    Notes
    -----
    The input of `linear_skip` is not included. With a
    :class:`~sklearn.preprocessing.FunctionTransformer`, this function is a step of a
    `Pipeline`, as in the example. The net is then not fitted again: it must not have
    seen the targets of the samples that the pipeline is scored on.

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
