"""How fast predictions change with each value of their sequence."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils import Bunch

from .._base import BaseLSTM
from .._compat import HasMethods, validate_params
from .._net._gates import input_gradients, on_cpu
from ._fitted import feature_names, find_lstm, in_batches, padded


@validate_params({"estimator": [HasMethods("fit")]}, prefer_skip_nested_validation=True)
def gradient_attribution(estimator: Any, X: Any) -> Bunch:
    """Compute the gradient of the predictions of a fitted LSTM for each value of X.

    This takes one forward pass and a backward pass for each output, whatever the number
    of time steps.

    Parameters
    ----------
    estimator : estimator
        A fitted `LSTMRegressor` or `LSTMClassifier`, or a model that ends in one, as in
        `gate_activations`. The gradient is that of the LSTM for its own input: in a
        `Pipeline` the output of the steps before it, and in an `AnchoredRegressor` the
        changes.

    X : Sequences, array-like or list of array-like
        As in `predict` of the estimator.

    Returns
    -------
    attribution : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes.

        gradients : ndarray of shape (n_sequences, n_timesteps, n_features) or \
                (n_sequences, n_timesteps, n_features, n_outputs)
            For a regressor the derivatives of `predict`, in units of y per unit of the
            feature. For a classifier the derivatives of `decision_function`, per unit
            of the feature: of the log-odds of the second class if there are two, else
            of the score of each class. They are aligned to the end of the sequences,
            with NaN before shorter ones, and are NaN for ids and for missing values.
        lags : ndarray of shape (n_timesteps,)
            Lag of each time step, counted from the last one.
        feature_names : list of str
            Names of the features.

    See Also
    --------
    timestep_importance : Permutation importance of the lags and features.
    memory_length : Number of last time steps that a net uses.

    Notes
    -----
    A gradient is the effect of a small change of a value of X. It says nothing about
    large changes: where a gate is closed, the gradient is near 0. To compare features,
    multiply it by their standard deviations.

    Static features are read at the last time step only; at others, their gradient is 0.
    Each sequence is read on its own, as in `gate_activations`. The dtype is that of the
    net: fit with ``dtype="float64"`` if rounding matters.

    References
    ----------
    .. [1] K. Simonyan, A. Vedaldi and A. Zisserman, "Deep Inside Convolutional
       Networks: Visualising Image Classification Models and Saliency Maps", ICLR
       workshop, 2014.

    Examples
    --------
    >>> from sklstm import LSTMRegressor, SequenceWindower
    >>> from sklstm.datasets import make_lagged
    >>> from sklstm.inspection import gradient_attribution
    >>> X, y = make_lagged(500, lag=3, random_state=0)
    >>> windows = SequenceWindower(5).fit_transform(X)[8:]
    >>> model = LSTMRegressor(16, random_state=0).fit(windows, y[8:])
    >>> attribution = gradient_attribution(model, windows)
    >>> attribution.gradients.shape
    (492, 5, 1)
    >>> attribution.lags
    array([4, 3, 2, 1, 0])
    >>> slopes = attribution.gradients.mean(axis=0).ravel()
    >>> for lag, slope in zip(attribution.lags, slopes):
    ...     print(f"{lag} {abs(slope):.1f}")
    4 0.0
    3 1.0
    2 0.0
    1 0.0
    0 0.0
    """
    model, sequences = find_lstm(estimator, X)
    n_features, module = sequences.shape[2], on_cpu(model.module_)
    ids = model._architecture["categorical_features"]
    rows = []
    for batch in in_batches(sequences):
        data = model._to_tensors(batch, module.head.weight.device)
        # Behind the features stand the marks of missing values.
        gradients = input_gradients(module, data, _linearizer(model))[:, :n_features]
        if model.scaler_ is not None:
            gradients /= model.scaler_.scale_[:, None]
        gradients[:, ids] = np.nan
        if batch.dtype.kind == "f":
            gradients[np.isnan(batch.steps)] = np.nan
        rows.append(gradients)
    values = padded(rows, sequences.lengths)
    is_one = len(model.classes_) == 2 if is_classifier(model) else model._y_ndim == 1
    return Bunch(
        gradients=values[..., 0] if is_one else values,
        lags=np.arange(values.shape[1])[::-1],
        feature_names=feature_names(sequences),
    )


def _linearizer(model: BaseLSTM) -> Any:
    """Return what differentiates predictions by outputs of the net."""
    n_outputs = model._sizes["n_outputs"]
    if is_classifier(model):
        by_output = np.eye(n_outputs) if n_outputs > 2 else np.array([[-1.0, 1.0]])
        return lambda output: np.broadcast_to(
            by_output[:, None], (len(by_output), *output.shape)
        )
    loss, n_targets = model._loss, model.n_outputs_
    # The forecast is a weighted sum of ordered parts: that of those from each one on
    # is the forecast of zeros and then ones.
    weights = loss.center(np.triu(np.ones((loss.n_parts, loss.n_parts))))
    weights = weights - np.append(weights[1:], 0.0)
    scale = np.ones(n_targets)
    if model.target_scaler_ is not None:
        scale = model.target_scaler_.scale_

    def linearize(output: np.ndarray) -> np.ndarray:
        parts = output.reshape(len(output), n_targets, loss.n_parts)
        places = np.broadcast_to(np.arange(loss.n_parts), parts.shape)
        if hasattr(loss, "sort"):
            places = parts.argsort(axis=-1).argsort(axis=-1)
        by_output = np.zeros((n_targets, *parts.shape))
        for k in range(n_targets):
            by_output[k, :, k] = scale[k] * weights[places[:, k]]
        return by_output.reshape(n_targets, *output.shape)

    return linearize
