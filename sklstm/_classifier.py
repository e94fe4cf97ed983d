"""The LSTM for class labels."""

from __future__ import annotations

import numpy as np
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.metrics import accuracy_score
from sklearn.utils import assert_all_finite, column_or_1d
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import (
    _check_partial_fit_first_call,
    check_classification_targets,
)

from ._base import BaseLSTM
from ._net._losses import Loss
from ._output import to_output


class LSTMClassifier(ClassifierMixin, BaseLSTM):
    """LSTM for classification of sequences.

    A stacked LSTM reads each sequence, the outputs of its steps are pooled into
    one vector, and a linear layer turns that into the logits of the classes.

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
        shuffled and stratified. Of overlapping windows it is the last share of each
        series; windows that reach across the border are left out. Of series too
        short for that, a random share validates. Ignored if `early_stopping`
        is False.

    n_iter_no_change : int or None, default=10
        Number of epochs without progress after which training stops; None for
        all of `max_epochs`. Ignored by `partial_fit`.

    tol : float, default=0.0001
        A loss lower by less than this is no progress. Losses are in nats.

    warm_start : bool, default=False
        Whether `fit` continues from the weights, the optimizer and the scale of
        the last `fit` instead of starting anew.

    class_weight : dict, "balanced" or None, default=None
        What the sequences of each class count for in the loss, besides their
        `sample_weight`: by label, or ``"balanced"`` for equal shares of the
        classes. All count the same if None.

    standardize : bool, default=True
        Whether the features are scaled to zero mean and unit variance over
        the steps used in training, but not ids. Turn it off for features that are
        on one scale.

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
    classes_ : ndarray of shape (n_classes,)
        The class labels.

    n_features_in_ : int
        Number of features of a step, or of columns for 2-D input.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if X came with names that are all strings.

    n_iter_ : int
        Number of epochs so far, over all continued fits.

    loss_curve_ : list of float
        Mean loss of the training sequences in each epoch, measured as the
        weights change. In nats.

    validation_loss_curve_ : list of float or None
        Mean loss of the validation sequences after each epoch; None unless
        `early_stopping`.

    validation_scores_ : list of float or None
        Accuracy of the validation sequences after each epoch, weighted as in
        training; None unless `early_stopping`.

    scaler_ : StandardScaler or None
        Scale of the features, with mean 0 and scale 1 for those that hold ids;
        None unless `standardize`.

    net_ : skorch.NeuralNet
        The fitted net, with its history and optimizer.

    module_ : torch.nn.Module
        The fitted module; ``module_.lstm`` is a :class:`torch.nn.LSTM`,
        ``module_.head`` a :class:`torch.nn.Linear`, and ``module_.embeddings``
        has a :class:`torch.nn.Embedding` for each feature that holds ids, with
        row 0 for unknown and row i + 1 for id i.

    See Also
    --------
    LSTMRegressor : The same for numeric targets.
    SequenceWindower : Give each row of a series its history.

    Notes
    -----
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
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import train_test_split
    >>> from sklstm import LSTMClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    >>> model = LSTMClassifier(n_timesteps=8, max_epochs=10, random_state=0)
    >>> model.fit(X_train, y_train).score(X_test, y_test) > 0.9
    True
    """

    _parameter_constraints: dict = {
        **BaseLSTM._parameter_constraints,
        "class_weight": [dict, StrOptions({"balanced"}), None],
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
        class_weight=None,
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
        self.class_weight = class_weight
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
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Train for one epoch more, on these data.

        The first call fixes the classes, the ids and the scale of the features.

        Parameters
        ----------
        X : Sequences, array-like or list of array-like
            As in `fit`.

        y : array-like of shape (n_samples,)
            Class labels.

        classes : array-like of shape (n_classes,), default=None
            All the classes that may come; needed in the first call, ignored
            after it.

        sample_weight : array-like of shape (n_samples,), default=None
            As in `fit`.

        Returns
        -------
        self : LSTMClassifier
            The fitted classifier.

        Raises
        ------
        ValueError
            As in `fit`; if `early_stopping` is set or `class_weight` balanced; or
            if `classes` is missing from the first call or lacks a label.
        """
        _check_partial_fit_first_call(self, classes)
        if self.class_weight == "balanced":
            raise ValueError(
                "class_weight='balanced' is not supported by partial_fit, which sees"
                " a part of the labels only; give the weights as a dict."
            )
        return self._partial_fit(X, y, sample_weight, classes=self.classes_)

    def predict(self, X, output=None):
        """Predict the class of sequences.

        Parameters
        ----------
        X : Sequences, array-like or list of array-like
            As in `fit`; the number of steps of 3-D input may differ.

        output : {"pandas", "polars"} or None, default=None
            If given, return a series with the name of y in `fit`, and in pandas
            with the index of the dataframe that `X` is or was made of. A step
            before that returns arrays loses the index; give it
            ``set_output(transform="pandas")``.

        Returns
        -------
        y : ndarray of shape (n_samples,)
            Class labels; or a series of them.
        """
        best = self._predict_outputs(X).argmax(axis=1)
        return to_output(self.classes_[best], X, output, self._y_names)

    def predict_proba(self, X, output=None):
        """Predict the probability of each class.

        Parameters
        ----------
        X : Sequences, array-like or list of array-like
            As in `predict`.

        output : {"pandas", "polars"} or None, default=None
            As in `predict`, but a dataframe with a column for each class.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`; each row sums to 1. Or a dataframe.
        """
        probabilities = np.exp(self.predict_log_proba(X))
        return to_output(probabilities, X, output, list(self.classes_))

    def predict_log_proba(self, X):
        """Predict the logarithm of the probability of each class.

        Parameters
        ----------
        X : Sequences, array-like or list of array-like
            As in `predict`.

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`.
        """
        scores = self._predict_outputs(X)
        return scores - np.logaddexp.reduce(scores, axis=1, keepdims=True)

    def decision_function(self, X):
        """Return the scores that the probabilities are made from.

        Parameters
        ----------
        X : Sequences, array-like or list of array-like
            As in `predict`.

        Returns
        -------
        scores : ndarray of shape (n_samples,) or (n_samples, n_classes)
            The log-odds of the second of two classes, or a logit per class.
        """
        scores = self._predict_outputs(X)
        return scores[:, 1] - scores[:, 0] if len(self.classes_) == 2 else scores

    @property
    def _n_net_outputs(self):
        return len(self.classes_)

    def _make_loss(self):
        return Loss("cross_entropy")

    def _check_y(self, y):
        return check_labels(y)

    def _encode_y(self, y, weight, sequences, *, reset, classes):
        if reset:
            self.classes_ = np.unique(y if classes is None else classes)
        encoded = encode_labels(y, self.classes_)
        by_class = compute_class_weight(
            self.class_weight, classes=self.classes_, y=y, sample_weight=weight
        )
        return encoded, weight * by_class[encoded]

    def _fit_target_scaler(self, train):
        return None

    def _validation_score(self, y, output, weight):
        return accuracy_score(y, output.argmax(axis=1), sample_weight=weight)


def check_labels(y):
    """Return labels as an array of shape (n_samples,), or say what is wrong."""
    y = column_or_1d(y, warn=True)
    assert_all_finite(y, input_name="y")
    check_classification_targets(y)
    return y


def encode_labels(y, classes):
    """Return the positions of labels in the sorted classes, (n_samples,)."""
    if len(classes) < 2:
        raise ValueError(
            f"y has 1 class, {classes[0]}; LSTMClassifier needs at least 2 classes with"
            " a weight above 0."
        )
    unknown = np.setdiff1d(y, classes)
    if len(unknown):
        raise ValueError(
            f"y has labels that are not in classes_: {unknown.tolist()}; expected"
            f" {classes.tolist()}, as given in the first call."
        )
    return np.searchsorted(classes, y)
