"""The LSTM for numeric targets."""

from __future__ import annotations

import numpy as np
from sklearn.base import RegressorMixin, _fit_context
from sklearn.metrics import r2_score
from sklearn.utils import check_array
from sklearn.utils._param_validation import StrOptions
from torch import nn

from ._base import BaseLSTM
from ._output import to_output
from ._scaling import make_scaler

LOSSES = {
    "squared_error": nn.MSELoss,
    "absolute_error": nn.L1Loss,
    "huber": nn.HuberLoss,
}


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
        ``pooling="last"`` and one direction; see :ref:`unroll`. Sequences that
        do not overlap are read on their own.

    loss : {"squared_error", "absolute_error", "huber"}, default="squared_error"
        What training minimises. ``"huber"`` is squared for errors below one
        standard deviation of the target and linear above (in units of the
        target if `standardize` is False).

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
        How the learning rate changes from epoch to epoch: down to 0 along a
        cosine over `max_epochs`; to a tenth after 5 epochs without progress; or
        not at all. Each `fit` runs its own schedule, `partial_fit` none. Others go
        in through `callbacks`, as a :class:`skorch.callbacks.LRScheduler`.

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
        Share of the sequences that is held out. Independent sequences are
        shuffled. Of overlapping windows it is the last share of each
        series; windows that reach across the border are left out. Of series too
        short for that, a random share validates. Ignored if `early_stopping`
        is False.

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
        Whether features and targets are scaled to zero mean and unit variance over
        the steps used in training, but not ids. Predictions come back in the units
        of y.

    n_timesteps : int or None, default=None
        How 2-D input is read: a row is `n_timesteps` steps, all features of the
        first step coming first; None means one feature and a step per column.
        Ignored for all other input.

    categorical_features : array-like of int, str or bool, default=None
        The features of a step that hold ids, such as tokens or codes of events:
        positions, names, or a mask of shape (n_features,). Each has an embedding,
        which the LSTM reads beside the numeric features. None means none, or all if
        `embedding_size` is given; then X must have one feature. Names need an X
        that names the features of a step, as 2-D input does if a row is one step.

        Ids are whole numbers from 0 to the largest of the first `fit` or
        `partial_fit`, validation data included; a larger one is an error. Negative
        ids mean unknown and share a vector, which is zero unless trained.

    embedding_size : int or None, default=None
        Size of the vector that stands for an id. None means that of fastai's rule
        of thumb, 1.6 * n**0.56, rounded and at most 600, for a feature of n ids.
        Ignored if no feature holds ids.

    device : str, default="cpu"
        Where torch computes, such as ``"cuda"`` or ``"cuda:1"``; ``"auto"``
        for CUDA if there is any, and else the CPU.

    dtype : {"float32", "float64"}, default="float32"
        Type of the weights and of the arithmetic.

    autocast : {"bfloat16"} or None, default=None
        Shorter type in which training, but not prediction, multiplies float32
        numbers. Faster where the processor has instructions for it; some three
        digits of each product remain.

    callbacks : list or None, default=None
        Callbacks for skorch, such as :class:`skorch.callbacks.Checkpoint`.

    random_state : int, RandomState instance or None, default=None
        Decides the first weights, the batches, dropout and the validation data.
        The same int gives the same bits, given the same data, machine and
        number of threads. None draws a new seed from the operating system.
        Global random states are afterwards as they were.

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
        Coefficient of determination of the validation sequences after each
        epoch, weighted as in training; None unless `early_stopping`.

    scaler_ : StandardScaler or None
        Scale of the features, with mean 0 and scale 1 for those that hold ids;
        None unless `standardize`.

    target_scaler_ : StandardScaler or None
        Scale of the targets; None unless `standardize`.

    n_outputs_ : int
        Number of targets.

    net_ : skorch.NeuralNet
        The fitted net, with its history and optimizer.

    module_ : torch.nn.Module
        The fitted module; ``module_.lstm`` is a :class:`torch.nn.LSTM`,
        ``module_.head`` a :class:`torch.nn.Linear`, and ``module_.embeddings``
        has a :class:`torch.nn.Embedding` for each feature that holds ids, with
        row 0 for unknown and row i + 1 for id i.

    See Also
    --------
    LSTMClassifier : The same for class labels.
    SequenceWindower : Give each row of a series its history.

    Notes
    -----
    A sequence is gathered from the one table of steps, starts at position 0 of
    its batch and is read by a dense LSTM. An LSTM is causal, so that what stands
    after its last step cannot matter: this is exact and faster than packing.

    The weights start as torch's do, but for the biases of the forget gates,
    which start at 1, so that gradients reach far back from the first epoch.

    Sample weights act as repetition: a sequence of weight 2 counts like two,
    in the scale of the features as in the loss. If the training data fit in one
    batch (of up to a million values) this holds bit for bit; else the batches
    differ by chance.

    A fitted estimator is pickled as arrays and numbers; the net is built anew
    when it is loaded.

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
        "loss": [StrOptions(set(LOSSES))],
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
        loss="squared_error",
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
        self.loss = loss
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

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, sample_weight=None):
        """Train for one epoch more, on these data.

        The first call fixes the ids, and the scale of features and targets.

        Parameters
        ----------
        X : Sequences, array-like or list of array-like
            As in `fit`.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Target values.

        sample_weight : array-like of shape (n_samples,), default=None
            As in `fit`.

        Returns
        -------
        self : LSTMRegressor
            The fitted regressor.

        Raises
        ------
        ValueError
            As in `fit`; or if `early_stopping` is set.
        """
        return self._partial_fit(X, y, sample_weight)

    def predict(self, X, output=None):
        """Predict the targets of sequences.

        Parameters
        ----------
        X : Sequences, array-like or list of array-like
            As in `fit`; the number of steps of 3-D input may differ.

        output : {"pandas", "polars"} or None, default=None
            If given, return a series, or a dataframe for several targets, with
            the names of y in `fit`, and in pandas with the index of the dataframe
            that `X` is or was made of. A step before that returns arrays loses
            the index; give it ``set_output(transform="pandas")``.

        Returns
        -------
        y : ndarray of float64, shape (n_samples,) or (n_samples, n_outputs)
            Predictions in the units of the targets in `fit`; or a series or
            dataframe of them.
        """
        y = self._predict_outputs(X).astype(np.float64)
        if self.target_scaler_ is not None:
            y = self.target_scaler_.inverse_transform(y)
        y = y.ravel() if self._y_ndim == 1 else y
        return to_output(y, X, output, self._y_names)

    @property
    def _n_net_outputs(self):
        return self.n_outputs_

    def _criterion(self):
        return LOSSES[self.loss], {"reduction": "none"}

    def _check_y(self, y):
        return check_array(
            y, ensure_2d=False, dtype=np.float64, input_name="y", estimator=self
        )

    def _encode_y(self, y, weight, *, reset, classes=None):
        y_2d = y.reshape(len(y), -1)
        if reset:
            self._y_ndim, self.n_outputs_ = y.ndim, y_2d.shape[1]
        elif y_2d.shape[1] != self.n_outputs_:
            raise ValueError(
                f"y has {y_2d.shape[1]} output(s), but {type(self).__name__} was"
                f" fitted to {self.n_outputs_}; give as many."
            )
        return y_2d, weight

    def _fit_target_scaler(self, train):
        if not self.standardize:
            return None
        return make_scaler().fit(train.y, sample_weight=train.weight)

    def _validation_score(self, y, output, weight):
        if len(y) < 2:  # undefined, of which r2_score would warn in each epoch
            return np.nan
        return r2_score(y, output, sample_weight=weight)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
