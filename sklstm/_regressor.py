"""The LSTM for numeric targets."""

from __future__ import annotations

from numbers import Real

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils import check_array
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.metaestimators import available_if

from ._base import BaseLSTM, make_scaler
from ._net._losses import LOSSES, make_loss
from ._output import to_output


def _has_quantiles(estimator):
    loss = getattr(estimator, "_loss", None)
    return (estimator.loss if loss is None else loss.name) == "quantile"


class LSTMRegressor(RegressorMixin, BaseLSTM):
    """LSTM for regression on sequences.

    A stacked LSTM reads each sequence, the outputs of its steps are pooled into
    one vector, and a linear layer turns that into the targets.

    It takes 2-D arrays (a row per sequence), 3-D arrays, lists of arrays of
    unequal length, 3-D arrays padded with NaN, and the windows of a
    `SequenceWindower`; see :ref:`input_forms`.

    Parameters
    ----------
    hidden_size : int, default=128
        Size of the hidden state of each layer.

    num_layers : int, default=1
        Number of LSTM layers, each reading the one below.

    bidirectional : bool, default=False
        Whether each layer also reads the sequence from its end.

    dropout : float, default=0.0
        Share of the outputs of each layer, the last included, that are zeroed
        in training; at least 0 and below 1.

    pooling : {"last", "mean", "max"}, default="last"
        How the outputs of the steps of a sequence become one vector: that of
        the last step, or the mean or maximum over all steps. Padding has no
        part in it.

    unroll : {"window", "series"}, default="window"
        How windows that overlap are read: each on its own, or as chunks of their
        series with an output at each row, which takes many times less arithmetic.
        A row then has its window behind it, and often more rows. Needs
        ``pooling="last"`` and one direction; see :ref:`unroll`.

    linear_skip : bool, default=False
        Whether a linear layer from all steps of a sequence is added to the output
        of the LSTM; of longer sequences than in fit it reads the end.

    loss : {"squared_error", "absolute_error", "huber", "quantile", "gaussian"}, \
            default="squared_error"
        What training minimises. ``"huber"`` is squared for errors below one
        standard deviation of the target and linear above (in units of the
        target if `standardize` is False). ``"quantile"`` is the pinball loss, and
        ``"gaussian"`` the continuous ranked probability score of a normal
        distribution, whose standard deviation is predicted too.

    quantile : float or list of float, default=0.5
        The quantiles to predict, in increasing order and between 0 and 1. Ignored
        unless `loss` is "quantile".

    optimizer : {"adam", "adamw", "rmsprop", "sgd"} or callable, default="adam"
        Name of the optimizer, or a class in the manner of
        :class:`torch.optim.Optimizer` that takes `lr` and `weight_decay`.

    learning_rate : float, default=0.005
        Step size of the optimizer.

    weight_decay : float, default=0.0
        Strength of the L2 penalty (decoupled for ``"adamw"``).

    max_grad_norm : float or None, default=1.0
        Gradients of a larger norm are scaled down to it; None leaves them.

    lr_scheduler : {"cosine", "reduce_on_plateau"} or None, default=None
        How the learning rate changes: down to 0 along a cosine over `max_epochs`;
        to a tenth after 5 epochs without progress; or not at all, as ever in
        `partial_fit`. Others go in through `callbacks`.

    batch_size : int, default=32
        Number of sequences in a step of the optimizer.
        With ``unroll="series"`` a chunk counts as up to 8 sequences.

    max_epochs : int, default=100
        Largest number of passes over the training data.

    early_stopping : bool, default=False
        Whether to hold out validation data, stop when their loss no longer
        falls, and keep the weights of the best epoch. If False, training stops
        when the training loss no longer falls.

    validation_fraction : float, default=0.1
        Share of the sequences that is held out: a random one of independent
        sequences, the last of each series of overlapping windows, without those
        that reach across the border. Ignored if `early_stopping` is False.

    n_iter_no_change : int or None, default=10
        Number of epochs without progress after which training stops; None for
        all of `max_epochs`. Ignored by `partial_fit`.

    tol : float, default=0.0001
        A loss lower by less than this is no progress. Losses are in units of the
        standardised target.

    warm_start : bool, default=False
        Whether `fit` continues from the weights, the optimizer and the scale of
        the last `fit` instead of starting anew.

    standardize : bool, default=True
        Whether features and targets, but not ids, are scaled to zero mean and unit
        variance over the steps used in training.

    n_timesteps : int or None, default=None
        How 2-D input is read: a row is `n_timesteps` steps, all features of the
        first step coming first; None means one feature and a step per column.
        Ignored for all other input.

    categorical_features : array-like of int, str or bool, default=None
        The features of a step that hold ids, such as tokens or codes: positions,
        names, or a mask of shape (n_features,). None means none, or all if
        `embedding_size` is given. Ids are whole numbers from 0 to the largest of
        the first fit; a larger one is an error, negative ones mean unknown.

    embedding_size : int or None, default=None
        Size of the vector that stands for an id. None means 1.6 * n**0.56, rounded
        and at most 600, for n ids. Ignored if no feature holds ids.

    device : str, default="cpu"
        Where torch computes, such as ``"cuda"`` or ``"cuda:1"``; ``"auto"``
        for CUDA if there is any, and else the CPU.

    dtype : {"float32", "float64"}, default="float32"
        Type of the weights and of the arithmetic.

    autocast : {"bfloat16"} or None, default=None
        Shorter type in which training, but not prediction, multiplies float32
        numbers; faster where the processor has instructions for it.

    callbacks : list or None, default=None
        Callbacks for skorch, such as :class:`skorch.callbacks.Checkpoint`.

    random_state : int, RandomState instance or None, default=None
        Decides the first weights, the batches, dropout and the validation data.
        The same int gives the same bits, given the same data, machine and
        number of threads. Global random states stay as they were.

    verbose : int, default=0
        Whether to print a line per epoch.

    Attributes
    ----------
    n_features_in_ : int
        Number of features of a step, or of columns for 2-D input.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if X came with names that are all strings.

    n_iter_ : int
        Number of epochs so far, over all continued fits.

    loss_curve_ : list of float
        Mean loss of the training sequences in each epoch, measured as the
        weights change. In units of the standardised target.

    validation_loss_curve_ : list of float or None
        Mean loss of the validation sequences after each epoch; None unless
        `early_stopping`.

    validation_scores_ : list of float or None
        Coefficient of determination of the validation sequences after each epoch,
        weighted as in training; None unless `early_stopping`.

    scaler_ : StandardScaler or None
        Scale of the features, 1 for ids; None unless `standardize`.

    target_scaler_ : StandardScaler or None
        Scale of the targets; None unless `standardize`.

    n_outputs_ : int
        Number of targets.

    net_ : skorch.NeuralNet
        The fitted net, with its history and optimizer.

    module_ : torch.nn.Module
        The fitted module, with ``lstm``, ``head`` and ``embeddings``, in which row 0
        is for unknown ids and row i + 1 for id i.

    See Also
    --------
    LSTMClassifier : The same for class labels.
    SequenceWindower : Give each row of a series its history.

    Notes
    -----
    The weights start as torch's do, but for the biases of the forget gates,
    which start at 1, so that gradients reach far back from the first epoch.

    Sample weights act as repetition: a sequence of weight 2 counts like two, in
    scale and loss; bit for bit if the training data fit in one batch of up to a
    million values, else but for the chance of batches.

    References
    ----------
    S. Hochreiter and J. Schmidhuber (1997). "Long Short-Term Memory". Neural
    Computation 9(8), 1735-1780.

    F. A. Gers, J. Schmidhuber and F. Cummins (2000). "Learning to Forget:
    Continual Prediction with LSTM". Neural Computation 12(10), 2451-2471.

    Examples
    --------
    >>> from sklearn.model_selection import train_test_split
    >>> from sklstm import LSTMRegressor
    >>> from sklstm.datasets import make_adding_problem
    >>> X, y = make_adding_problem(2000, n_timesteps=10, random_state=0)
    >>> X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    >>> model = LSTMRegressor(hidden_size=32, max_epochs=10, random_state=0)
    >>> model.fit(X_train, y_train).score(X_test, y_test) > 0.9
    True
    """

    _parameter_constraints: dict = {
        **BaseLSTM._parameter_constraints,
        "linear_skip": ["boolean"],
        "loss": [StrOptions(set(LOSSES))],
        "quantile": [Real, "array-like"],
    }

    def __init__(
        self,
        hidden_size=128,
        *,
        num_layers=1,
        bidirectional=False,
        dropout=0.0,
        pooling="last",
        unroll="window",
        linear_skip=False,
        loss="squared_error",
        quantile=0.5,
        optimizer="adam",
        learning_rate=5e-3,
        weight_decay=0.0,
        max_grad_norm=1.0,
        lr_scheduler=None,
        batch_size=32,
        max_epochs=100,
        early_stopping=False,
        validation_fraction=0.1,
        n_iter_no_change=10,
        tol=1e-4,
        warm_start=False,
        standardize=True,
        n_timesteps=None,
        categorical_features=None,
        embedding_size=None,
        device="cpu",
        dtype="float32",
        autocast=None,
        callbacks=None,
        random_state=None,
        verbose=0,
    ):
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bidirectional = bidirectional
        self.dropout = dropout
        self.pooling = pooling
        self.unroll = unroll
        self.linear_skip = linear_skip
        self.loss = loss
        self.quantile = quantile
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.max_grad_norm = max_grad_norm
        self.lr_scheduler = lr_scheduler
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.warm_start = warm_start
        self.standardize = standardize
        self.n_timesteps = n_timesteps
        self.categorical_features = categorical_features
        self.embedding_size = embedding_size
        self.device = device
        self.dtype = dtype
        self.autocast = autocast
        self.callbacks = callbacks
        self.random_state = random_state
        self.verbose = verbose

    def predict(self, X, return_std=False, *, output=None):
        """Predict the targets of sequences.

        Parameters
        ----------
        X : Sequences, array-like or list of array-like
            As in `fit`; the number of steps of 3-D input may differ.

        return_std : bool, default=False
            Whether to return the standard deviation too. Needs ``loss="gaussian"``.

        output : {"pandas", "polars"} or None, default=None
            If given, return a series, or a dataframe for several targets, with
            the names of y in `fit`, and in pandas with the index of the dataframe
            that `X` is or was made of. A step before that returns arrays loses
            the index; give it ``set_output(transform="pandas")``.

        Returns
        -------
        y : ndarray of float64, shape (n_samples,) or (n_samples, n_outputs)
            Predictions in the units of the targets in `fit`; or a series or
            dataframe of them. For the loss "quantile" the median, between the
            quantiles next to it, or the nearest quantile if all are on one side.

        y_std : ndarray of the shape of y
            If `return_std`: the standard deviation of each prediction.

        Raises
        ------
        ValueError
            If `return_std` is set and the fitted net has no standard deviations; or
            as in `fit`.
        """
        parts = self._predict_parts(X)
        center = self._decode(self._loss.center(parts))
        y = to_output(center, X, output, self._y_names)
        if not return_std:
            return y
        std = self._loss.std(parts)
        if self.target_scaler_ is not None:
            std = std * self.target_scaler_.scale_
        return y, to_output(self._in_shape(std), X, output, self._y_names)

    @available_if(_has_quantiles)
    def predict_quantiles(self, X):
        """Predict the quantiles of `quantile`.

        Only for ``loss="quantile"``.

        Parameters
        ----------
        X : Sequences, array-like or list of array-like
            As in `predict`.

        Returns
        -------
        quantiles : ndarray, shape (n_samples, n_quantiles) or \
                (n_samples, n_outputs, n_quantiles)
            In increasing order.
        """
        parts = self._loss.sort(self._predict_parts(X))
        parts = np.moveaxis(parts, -1, 0)
        return np.stack([self._decode(part) for part in parts], axis=-1)

    def _predict_parts(self, X):
        """Outputs of the net as float64, (n_samples, n_outputs, n_parts)."""
        output = self._predict_outputs(X).astype(np.float64)
        return output.reshape(len(output), self.n_outputs_, -1)

    def _decode(self, values):
        """Turn values of the net, (n_samples, n_outputs), into y."""
        if self.target_scaler_ is not None:
            values = self.target_scaler_.inverse_transform(values)
        return self._in_shape(values)

    def _in_shape(self, values):
        """Return values as y was: of one dimension, or of two."""
        return values.ravel() if self._y_ndim == 1 else values

    @property
    def _n_net_outputs(self):
        return self.n_outputs_ * self._make_loss().n_parts

    def _make_loss(self):
        return make_loss(self.loss, self.quantile)

    def _check_y(self, y):
        return check_array(
            y, ensure_2d=False, dtype=np.float64, input_name="y", estimator=self
        )

    def _encode_y(self, y, weight, sequences, *, reset, classes=None):
        y_2d = y.reshape(len(y), -1)
        if reset:
            self._y_ndim, self.n_outputs_ = y.ndim, y_2d.shape[1]
        elif y_2d.shape[1] != self.n_outputs_:
            raise ValueError(
                f"y has {y_2d.shape[1]} output(s), but LSTMRegressor was fitted to"
                f" {self.n_outputs_}; give as many."
            )
        return y_2d, weight

    def _fit_target_scaler(self, train):
        if not self.standardize:
            return None
        return make_scaler().fit(train.y, sample_weight=train.weight)

    def _validation_score(self, y, output, weight):
        if len(y) < 2:  # undefined, of which r2_score would warn in each epoch
            return np.nan
        center = self._loss.center(output.reshape(*y.shape, -1))
        return r2_score(y, center, sample_weight=weight)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
