"""The LSTM for class labels."""

from __future__ import annotations

from numbers import Real
from types import SimpleNamespace

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils import check_consistent_length, column_or_1d
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets

from ._arrays import reading, refuse_masked
from ._base import BaseLSTM
from ._compat import StrOptions, _check_partial_fit_first_call, _fit_context
from ._constraints import Interval
from ._docs import fill
from ._input import check_known
from ._net._losses import Loss
from ._rows._columns import refuse_lazy
from ._sequences import LARGEST


@fill
class LSTMClassifier(ClassifierMixin, BaseLSTM):
    """LSTM for classification of sequences.

    A stacked LSTM reads each sequence. Its outputs at all time steps are pooled into
    one vector, from which a linear layer computes the logits of the classes.

    {reads}

    Parameters
    ----------
    {network}

    time_warp : float, default=0.02
        Strength of random time warping in training: each time a sequence is read, its
        steps are displaced along a smooth random curve by about this fraction of its
        length. At most 0.1, so that steps keep their order. Set it to 0, for no
        warping, if a label depends on the value at an exact step. Ignored for
        sequences of ids and for overlapping windows.

    class_weight : dict, "balanced" or None, default=None
        Weights of the classes in the loss, which multiply `sample_weight`: a dict with
        a weight for each label, or ``"balanced"`` for the same total weight of all
        classes. If None, all classes have weight 1.

    {training}

    {data}

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The class labels.

    {attributes}

    {net}

    See Also
    --------
    LSTMRegressor : LSTM for regression on sequences.
    SequenceWindower : Windows over the history of each row of a series.

    {notes}

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
        "time_warp": [Interval(Real, 0, 0.1, closed="both")],
        "class_weight": [dict, StrOptions({"balanced"}), None],
    }

    def __init__(
        self,
        hidden_size=64,
        *,
        num_layers=1,
        bidirectional=True,
        dropout=0.3,
        pooling="last_mean",
        frame_size="auto",
        unroll="window",
        time_warp=0.02,
        class_weight=None,
        optimizer="adam",
        learning_rate=1e-2,
        max_grad_norm=1.0,
        lr_scheduler="cosine",
        batch_size=32,
        max_epochs="auto",
        early_stopping=False,
        scoring="loss",
        validation_fraction=0.1,
        n_iter_no_change="auto",
        tol=1e-4,
        warm_start=False,
        standardize=True,
        n_timesteps=None,
        categorical_features="from_dtype",
        embedding_size=None,
        static_features=None,
        device="cpu",
        dtype="float32",
        callbacks=None,
        random_state=None,
        verbose=0,
    ):
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bidirectional = bidirectional
        self.dropout = dropout
        self.pooling = pooling
        self.frame_size = frame_size
        self.unroll = unroll
        self.time_warp = time_warp
        self.class_weight = class_weight
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.max_grad_norm = max_grad_norm
        self.lr_scheduler = lr_scheduler
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.early_stopping = early_stopping
        self.scoring = scoring
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.warm_start = warm_start
        self.standardize = standardize
        self.n_timesteps = n_timesteps
        self.categorical_features = categorical_features
        self.embedding_size = embedding_size
        self.static_features = static_features
        self.device = device
        self.dtype = dtype
        self.callbacks = callbacks
        self.random_state = random_state
        self.verbose = verbose

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Train for one more epoch on these data.

        The first call fixes the classes, the ids and the scale of the features.

        Parameters
        ----------
        X : Sequences, array-like or list of array-like
            As in `fit`.

        y : array-like of shape (n_samples,)
            Class labels.

        classes : array-like of shape (n_classes,), default=None
            All classes that can occur. Required in the first call, and ignored
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
            As in `fit`; if `early_stopping` is True or `class_weight` is
            ``"balanced"``; or if `classes` is missing from the first call or lacks a
            label of y.
        """
        if classes is not None:
            with reading("classes", "a list of labels"):
                n_axes = np.ndim(classes)
            if n_axes != 1:
                raise ValueError(
                    f"classes has {n_axes} dimension(s); expected a list of labels."
                )
        # Not on the classifier, which must not keep the classes of a failed call.
        known = SimpleNamespace(classes_=getattr(self, "classes_", None))
        with reading("classes", "labels that can be sorted"):
            _check_partial_fit_first_call(known, classes)
        if self.class_weight == "balanced":
            raise ValueError(
                "class_weight='balanced' is not supported by partial_fit, which sees"
                " a part of the labels only; give the weights as a dict."
            )
        return self._partial_fit(X, y, sample_weight, classes=known.classes_)

    def predict(self, X):
        """Predict the class of sequences.

        Parameters
        ----------
        X : Sequences, array-like or list of array-like
            As in `fit`; the number of steps of 3-D input may differ.

        Returns
        -------
        y : ndarray of shape (n_samples,)
            Class labels.
        """
        best = self._predict_outputs(X).argmax(axis=1)
        return self.classes_[best]

    def predict_proba(self, X):
        """Predict the probability of each class.

        Parameters
        ----------
        X : Sequences, array-like or list of array-like
            As in `predict`.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            Probabilities of the classes, in the order of `classes_`. Each row sums
            to 1.
        """
        return np.exp(self.predict_log_proba(X))

    def predict_log_proba(self, X):
        """Predict the logarithm of the probability of each class.

        Parameters
        ----------
        X : Sequences, array-like or list of array-like
            As in `predict`.

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes)
            Logarithms of the probabilities, in the order of `classes_`.
        """
        scores = self._predict_outputs(X)
        return scores - np.logaddexp.reduce(scores, axis=1, keepdims=True)

    def decision_function(self, X):
        """Compute the logits, from which the probabilities are computed.

        Parameters
        ----------
        X : Sequences, array-like or list of array-like
            As in `predict`.

        Returns
        -------
        scores : ndarray of shape (n_samples,) or (n_samples, n_classes)
            The log-odds of the second class if there are two, else a logit for each
            class.
        """
        scores = self._predict_outputs(X)
        return scores[:, 1] - scores[:, 0] if len(self.classes_) == 2 else scores

    @property
    def _n_net_outputs(self):
        return len(self.classes_)

    def _make_loss(self):
        return Loss("cross_entropy")

    def _check_y(self, X, y):
        refuse_lazy(y, "y")
        refuse_masked(y, "y")
        with reading("y", "labels"):
            y = column_or_1d(y, warn=True)
        check_known(y)
        with reading("y", "labels"):
            check_classification_targets(y)
        check_consistent_length(X, y)
        return y

    def _encode_y(self, y, weight, *, reset, trains, classes):
        if reset:
            with reading("y", "labels that can be sorted"):
                self.classes_ = np.unique(y if classes is None else classes)
            if len(self.classes_) < 2:
                raise ValueError(
                    f"y has {len(self.classes_)} class(es), {self.classes_.tolist()};"
                    " LSTMClassifier needs at least 2 classes with a weight above 0."
                )
        # LabelEncoder casts labels first, so that "yesterday" among "yes" is a "yes".
        with reading("y", "labels of the type of classes_"):
            unknown = np.setdiff1d(y, self.classes_)
        if len(unknown):
            raise ValueError(
                f"y has labels that are not in classes_: {unknown.tolist()}; expected"
                f" some of {self.classes_.tolist()}, those of the first call or fit."
            )
        if trains:
            self._weigh_classes(y, weight, may_lack=reset or classes is not None)
        encoded = np.searchsorted(self.classes_, y)
        return encoded, weight * self._class_weights[encoded]

    def _weigh_classes(self, y, weight, *, may_lack):
        """Find what the samples of each class count for."""
        if not may_lack and len(lost := np.setdiff1d(self.classes_, y)):
            raise ValueError(
                f"y lacks {lost.tolist()}, which the last fit has seen: with warm_start"
                " y must have the same classes; partial_fit takes any of them."
            )
        if isinstance(self.class_weight, dict):
            bad = {
                label: weight
                for label, weight in self.class_weight.items()
                if not (isinstance(weight, Real) and 0 <= weight <= LARGEST)
            }
            if bad:
                raise ValueError(
                    f"class_weight has the weights {bad}; expected numbers: 0 to leave"
                    " a class out, and more to count it."
                )
        self._class_weights = compute_class_weight(
            self.class_weight, classes=self.classes_, y=y, sample_weight=weight
        )

    def _fit_target_scaler(self, train):
        return None

    def _validation_score(self, y, output, weight):
        return accuracy_score(y, output.argmax(axis=1), sample_weight=weight)
