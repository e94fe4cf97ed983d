"""The LSTM for class labels."""

from __future__ import annotations

from scipy.special import log_softmax, softmax
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.metrics import accuracy_score
from sklearn.preprocessing import LabelEncoder
from sklearn.utils import assert_all_finite, column_or_1d
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from torch import nn

from ._base import BaseLSTM


class LSTMClassifier(ClassifierMixin, BaseLSTM):
    """LSTM classifier."""

    _parameter_constraints: dict = {
        **BaseLSTM._parameter_constraints,
        "class_weight": [dict, StrOptions({"balanced"}), None],
    }

    def __init__(
        self,
        hidden_size=64,
        *,
        num_layers=1,
        bidirectional=False,
        dropout=0.0,
        pooling="last",
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
        self.device = device
        self.dtype = dtype
        self.callbacks = callbacks
        self.random_state = random_state
        self.verbose = verbose

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Train for one epoch more, on these data.

        The first call fixes the classes and the scale of the features.

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
            As in `fit`; if `early_stopping` is set, or if `classes` is missing
            from the first call or lacks a label.
        """
        if classes is None and not hasattr(self, "net_"):
            raise ValueError(
                "classes is missing: the first call of partial_fit needs all labels"
                " that may come, such as classes=np.unique(y)."
            )
        return self._partial_fit(X, y, sample_weight, classes=classes)

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
            In the order of `classes_`; each row sums to 1.
        """
        return softmax(self._predict_outputs(X), axis=1)

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
        return log_softmax(self._predict_outputs(X), axis=1)

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

    def _criterion(self):
        return nn.CrossEntropyLoss, {"reduction": "none"}

    def _check_y(self, y):
        y = column_or_1d(y, warn=True)
        assert_all_finite(y, input_name="y")
        check_classification_targets(y)
        return y

    def _encode_y(self, y, weight, *, reset, classes):
        if reset:
            self._encoder = LabelEncoder().fit(y if classes is None else classes)
            self.classes_ = self._encoder.classes_
        if len(self.classes_) < 2:
            raise ValueError(
                f"y has 1 class, {self.classes_[0]!r}; {type(self).__name__} needs at"
                " least 2 classes with a weight above 0."
            )
        by_class = compute_class_weight(
            self.class_weight, classes=self.classes_, y=y, sample_weight=weight
        )
        y = self._encoder.transform(y)
        return y, weight * by_class[y]

    def _fit_target_scaler(self, train):
        return None

    def _validation_score(self, y, output, weight):
        return accuracy_score(y, output.argmax(axis=1), sample_weight=weight)
