"""What the two estimators share: constraints, fit in named steps, prediction."""

from __future__ import annotations

import math
import warnings
from abc import ABCMeta, abstractmethod
from contextlib import contextmanager
from numbers import Real

import numpy as np
from sklearn.base import BaseEstimator, is_classifier
from sklearn.callback import CallbackSupportMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import check_scoring, get_scorer_names
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from ._arrays import reading, refuse_masked
from ._compat import (
    StrOptions,
    _check_sample_weight,
    _fit_context,
    _safe_indexing,
)
from ._constraints import RANDOM_STATE, Interval, at_least
from ._input import (
    all_or_nothing,
    apply_labels,
    check_ids,
    check_labels,
    count_ids,
    find_categorical,
    find_labels,
    find_static,
    has_validation,
    naming_validation,
    read_sequences,
    require_y,
    warn_of_columns,
    warn_of_one_step,
    warn_of_present,
)
from ._net._batches import BatchDataset, BatchLoader, Samples
from ._net._callbacks import (
    SCHEDULERS,
    EpochTasks,
    EstimatorScore,
    ValidationScore,
    make_callbacks,
)
from ._net._line import fit_line
from ._net._losses import make_loss
from ._net._module import POOLINGS, LSTMModule
from ._net._net import CURE, FUSED, OPTIMIZERS, ClassifierNet, LSTMNet, curve
from ._net._plain import check_arrays, check_positions, check_weights
from ._net._ranks import from_first, is_first
from ._net._runtime import (
    DTYPES,
    naming_memory,
    resolve_device,
    restore_device,
    suit_threads,
    warm_up,
)
from ._net._unroll import CarriedDataset, SeriesDataset, overlap
from ._notebook import Captioned, Shown, plural
from ._rows._splits import find_horizon, split_validation
from ._sequences import (
    LARGEST,
    blocks,
    check_finite,
    find_missing,
    name_features,
    on_disk,
)
from ._state import IS_LEAN, PlainState

CONSTRAINTS: dict = {
    "hidden_size": [at_least(1, most=1 << 15)],
    "num_layers": [at_least(1, most=1000)],
    "bidirectional": ["boolean"],
    "dropout": [Interval(Real, 0, 1, closed="left")],
    "pooling": [StrOptions(set(POOLINGS))],
    "frame_size": [at_least(1, most=1 << 15), StrOptions({"auto"})],
    "unroll": [StrOptions({"window", "series"})],
    "optimizer": [StrOptions(set(OPTIMIZERS)), callable, tuple],
    "learning_rate": [Interval(Real, 0, None, closed="neither")],
    "max_grad_norm": [Interval(Real, 0, None, closed="neither"), None],
    "lr_scheduler": [StrOptions(set(SCHEDULERS)), tuple, None],
    "batch_size": [at_least(1)],
    "max_epochs": [at_least(1), StrOptions({"auto"})],
    "early_stopping": ["boolean"],
    "scoring": [StrOptions({"loss", *get_scorer_names()}), callable, None],
    "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
    "n_iter_no_change": [
        at_least(1),
        StrOptions({"auto"}),
        None,
    ],
    "tol": [Interval(Real, 0, None, closed="left")],
    "warm_start": ["boolean"],
    "standardize": ["boolean"],
    "n_timesteps": [
        at_least(1),
        StrOptions({"columns"}),
        None,
    ],
    "categorical_features": ["array-like", StrOptions({"from_dtype"})],
    "embedding_size": [at_least(1, most=1 << 15), None],
    "static_features": ["array-like", None],
    "device": [str],
    "dtype": [StrOptions({"float32", "float64", "bfloat16"})],
    "callbacks": [list, None],
    "random_state": RANDOM_STATE,
    "verbose": ["boolean", at_least(0)],
}
# Those that decide what weights there are; training goes on only if they stay.
ARCHITECTURE = (
    "hidden_size",
    "num_layers",
    "bidirectional",
    "dropout",
    "pooling",
    "frame_size",
    "dtype",
    "categorical_features",
    "embedding_size",
    "static_features",
    "linear_skip",
)
# What is None, and what is gone, where only the weights are kept.
CURVES = ("loss_curve_", "validation_scores_", "validation_loss_curve_")
OF_TRAINING = ("_random_state", "_split_seed", "_n_before", "_class_weights")
# Parameters that take arguments of what they choose: the names, what else, an example.
WITH_ARGUMENTS = {
    "optimizer": (OPTIMIZERS, "a class", "('sgd', {'momentum': 0.9})"),
    "lr_scheduler": (SCHEDULERS, "None", "('reduce_on_plateau', {'factor': 0.5})"),
}
# Steps of the net in the longest sequence, about, if frame_size is "auto".
N_FRAMES = 12
# Part of the loss of a constant by which a loss still falls fast in its last epochs.
FAST = 0.1
# Values that the linear path reads, at most: its regression takes their square.
LINE_VALUES = 512
# Putting a batch in canonical order sorts it: not for more values than this.
MERGED_VALUES = 1 << 20


class BaseLSTM(
    CallbackSupportMixin, Captioned, PlainState, BaseEstimator, metaclass=ABCMeta
):
    """Base of the LSTM estimators; its parameters are declared by the final classes."""

    _parameter_constraints: dict = CONSTRAINTS

    # What the two kinds of target differ in.

    linear_skip = False  # of a classifier
    time_warp = 0.0  # of a regressor
    _fewest_updates = 1000  # of a classifier that has 40 samples or more
    _effort = 1.0  # share of the updates that a classifier gets

    @property
    @abstractmethod
    def _n_net_outputs(self):
        """Outputs of the net for one sequence."""

    @abstractmethod
    def _make_loss(self):
        """Return the `Loss` of the parameters."""

    @abstractmethod
    def _check_y(self, X, y):
        """Return y as an array, checked."""

    @abstractmethod
    def _encode_y(self, y, weight, *, reset, trains, classes):
        """Return y as the net takes it, and the weights of its samples."""

    @abstractmethod
    def _fit_target_scaler(self, train):
        """Return a scaler fitted to the training targets, or None."""

    @abstractmethod
    def _validation_score(self, y, output, weight):
        """Return the score of outputs of the net, higher is better."""

    def _fit_feature_scaler(self, train, ids):
        """Return a scaler fitted to the steps in training, or None; ids stay."""
        if not self.standardize:
            return None
        sequences = train.sequences._lean()
        scaler = fit_scaler(sequences.steps, sequences.coverage(train.weight))
        scaler.mean_[ids] = 0.0
        scaler.var_[ids] = scaler.scale_[ids] = 1.0
        return scaler

    # Training.

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X,
        y,
        sample_weight=None,
        *,
        X_val=None,
        y_val=None,
        sample_weight_val=None,
    ):
        """Fit the net to sequences and their targets.

        Parameters
        ----------
        X : Sequences, array-like or list of array-like
            2-D of shape (n_samples, n_columns), a row being a sequence; 3-D of
            shape (n_samples, n_timesteps, n_features); a list of arrays of
            shape (n_timesteps_i, n_features); or the windows of a
            `SequenceWindower`.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Target values, or class labels of shape (n_samples,).

        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each sequence in the loss; 1 if None. Sequences of weight 0 are
            left out.

        X_val : Sequences, array-like or list of array-like, default=None
            Validation set for `early_stopping`, in the form of X. If None,
            `validation_fraction` of X is held out. A `Pipeline` transforms it like X
            if made with ``Pipeline(..., transform_input=["X_val"])``.

        y_val : array-like, default=None
            Targets of the validation set, in the form of y.

        sample_weight_val : array-like of shape (n_val,), default=None
            Weights of the validation sequences, like `sample_weight`.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If a value is infinite or not a valid id; if y holds NaN; if X, y and
            sample_weight differ in length; if the loss, a weight or a score of
            `scoring` becomes infinite or NaN (with `early_stopping`, a loss in the
            first epoch only); if only one of X_val and y_val is given; or if they do
            not match X and y, or `early_stopping` is False.

        MemoryError
            If the memory of the machine or of the device is not sufficient. The
            message gives the sizes that were tried.
        """
        resume = self.warm_start and hasattr(self, "net_")
        validation = X_val, y_val, sample_weight_val
        self._fit(X, y, sample_weight, resume=resume, validation=validation)
        return self._finish()

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, sample_weight=None):
        """Train for one more epoch on these data.

        The first call fixes the ids and the scale of features and targets.

        Parameters
        ----------
        X : Sequences, array-like or list of array-like
            As in `fit`.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            As in `fit`.

        sample_weight : array-like of shape (n_samples,), default=None
            As in `fit`.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            As in `fit`; or if `early_stopping` is True.
        """
        return self._partial_fit(X, y, sample_weight)

    def _partial_fit(self, X, y, sample_weight, classes=None):
        if self.early_stopping:
            raise ValueError(
                "partial_fit has no data to validate on; set early_stopping=False."
            )
        resume = hasattr(self, "net_")
        self._fit(X, y, sample_weight, resume=resume, is_partial=True, classes=classes)
        return self._finish()

    def _finish(self):
        """Hand on an interruption, now that the estimator is what has been trained."""
        if not self.__dict__.pop("_interrupted"):
            return self
        kept = f"the estimator keeps the {self.n_iter_} epoch(s) before it"
        try:
            warnings.warn(f"Training was interrupted: {kept}.", stacklevel=4)
        finally:  # a warning that is an error would pass for a failed candidate
            raise KeyboardInterrupt(f"fit was interrupted; {kept}")

    @all_or_nothing
    def _fit(
        self,
        X,
        y,
        sample_weight,
        *,
        resume,
        is_partial=False,
        classes=None,
        validation=(None, None, None),
    ):
        check_together(self)
        if resume and not hasattr(self, "_random_state"):
            raise ValueError(
                "Training cannot go on: this is a copy of drop_training_state, which"
                " has the weights alone. Train the original, or fit anew with"
                " warm_start=False."
            )
        has_own = has_validation(*validation)
        if has_own and not self.early_stopping:
            raise ValueError(
                "X_val and y_val are given, but nothing is validated with"
                " early_stopping=False: set early_stopping=True, or leave them out."
            )
        samples = self._check_samples(
            X, y, sample_weight, reset=not resume, classes=classes
        )
        train, valid = self._split(samples, resume=resume, has_own=has_own)
        self._prepare(samples, train, resume=resume)
        if has_own:
            with naming_validation():
                valid = self._check_samples(*validation, trains=False)
            self._warn_of_missing(valid.sequences, stacklevel=5)
        score = self._make_score(valid, *(validation[:2] if has_own else (X, y)))
        n_epochs = 1 if is_partial else self._count_epochs(len(train))
        with self._observed(X, y, sample_weight, n_epochs) as observers:
            callbacks = self._make_callbacks(n_epochs, observers, score, is_partial)
            tried = f"training with batch_size={self.batch_size},"
            cure = "lower batch_size, hidden_size or the sequence_length of windows"
            with self._naming_memory(tried, train.sequences, cure):
                self._train(
                    *(train, valid, n_epochs, callbacks),
                    resume=resume,
                    is_partial=is_partial,
                )
        self._record()

    def _count_epochs(self, n_samples):
        """Return how often to go through the training data."""
        if self.max_epochs != "auto":
            return self._plain("max_epochs")
        fewest = min(25 * n_samples, self._fewest_updates)
        n_updates = max(fewest, min(5 * n_samples, 1500))
        n_batches = math.ceil(n_samples / self._plain("batch_size"))
        return max(math.ceil(self._effort * n_updates / n_batches), 10)

    @contextmanager
    def _observed(self, X, y, sample_weight, n_epochs):
        """Yield what tells scikit-learn's callbacks of each epoch, if there are any."""
        context = self._init_callback_context(max_subtasks=n_epochs)
        weight = {} if sample_weight is None else {"sample_weight": sample_weight}
        arguments = {"estimator": self, "X": X, "y": y, "metadata": weight}
        context.call_on_fit_task_begin(**arguments)
        observed = hasattr(self, "_skl_callbacks")
        yield [EpochTasks(context, **arguments)] if observed else []
        context.call_on_fit_task_end(**arguments, reconstruction_attributes={})

    def _check_samples(
        self, X, y, sample_weight, *, reset=False, trains=True, classes=None
    ):
        """Check all input, and leave out what has no weight."""
        require_y(self, y)
        sequences = self._check_X(X, reset=reset)
        y = self._check_y(sequences, y)
        n = len(sequences)
        weight = np.broadcast_to(1.0, n)  # which takes no memory
        if sample_weight is not None:
            refuse_masked(sample_weight, "sample_weight")
            with reading("sample_weight", "weights of the samples"):
                weight = _check_sample_weight(
                    sample_weight, sequences, dtype=np.float64, ensure_non_negative=True
                )
        if weight.max() > LARGEST:
            raise ValueError(
                f"sample_weight has values of up to {weight.max():.3g}, whose squares"
                " float64 does not hold: divide it by a constant."
            )
        rows = np.arange(n, dtype=np.int32 if n < 1 << 31 else np.int64)
        if not weight.all():
            used = weight > 0
            sequences, y, weight, rows = (
                part[used] for part in (sequences, y, weight, rows)
            )
        if reset and not is_classifier(self):
            warn_of_present(sequences, y.reshape(len(y), -1), stacklevel=6)
        y, weight = self._encode_y(
            y, weight, reset=reset, trains=trains, classes=classes
        )
        if not weight.any():
            raise ValueError(
                "Every class in y has class_weight zero; give one of them at least"
                " more."
            )
        samples = Samples(sequences, y, weight, rows)
        return samples if weight.all() else samples[weight > 0]

    def _make_score(self, valid, X, y):
        """Return what scores each epoch by the validation data, taken from X and y."""
        if valid is None:
            return None
        if self.scoring == "loss":
            return ValidationScore(self._validation_score)
        scorer = check_scoring(self, self.scoring)
        if len(valid) < len(y):
            X, y = (_safe_indexing(part, valid.rows) for part in (X, y))
        is_weighted = (valid.weight != valid.weight[0]).any()
        weight = {"sample_weight": valid.weight} if is_weighted else {}

        def score(net):
            now = object.__new__(type(self))  # without a copy of the net
            vars(now).update(vars(self), net_=net)
            try:
                value = scorer(now, X, y, **weight)
            except TypeError as error:
                if not (weight and "sample_weight" in str(error)):
                    raise
                raise ValueError(
                    f"scoring={self.scoring!r} takes no sample_weight, but the weights"
                    " of the validation sequences, or of their classes, differ: give"
                    " one that does, such as scorer(estimator, X, y,"
                    " sample_weight=None)."
                ) from error
            if not isinstance(value, Real) or not np.isfinite(value):
                raise ValueError(
                    f"scoring={self.scoring!r} returned {value!r} for"
                    f" {len(valid)} validation sequence(s); expected a finite number:"
                    " give another scoring, or other or more validation data."
                )
            return float(value)

        return EstimatorScore(score)

    def _check_X(self, X, *, reset):
        """Read X as `Sequences` of the features that fit has seen."""
        sequences = read_sequences(self, X, reset=reset)
        if reset and self._made_with is not None:  # as it is of a 2-D array
            warn_of_one_step(X, sequences, stacklevel=7)
        check_finite(sequences, self._dtype)
        if sequences.whole and (self.unroll != "series" or self.linear_skip):
            raise ValueError(
                f"X is {len(sequences)} whole histories of up to {sequences.shape[1]}"
                f" steps, {int(sequences.lengths.sum())} steps in all: shorten them"
                " with SequenceWindower before this estimator, or set unroll='series',"
                " which reads each series once, and linear_skip=False."
            )
        labels = sequences.labels()
        check_ids(sequences, list(labels), [len(names) for names in labels.values()])
        if reset:
            ids = self._find_categorical(sequences)
            check_ids(sequences, ids)
            if self._made_with is None:
                scales = self.standardize and not ids
                warn_of_columns(X, sequences, self.n_timesteps, 7, scales=scales)
            return sequences
        check_labels(self, sequences, self._labels)
        positions = self._architecture["categorical_features"]
        n_ids = dict(zip(positions, self._sizes["n_ids"], strict=True))
        plain = [i for i in positions if i not in self._labels]
        check_ids(sequences, plain, [n_ids[i] for i in plain])
        return sequences

    def _find_categorical(self, sequences):
        """Return the positions of the features of a step that hold ids."""
        names = getattr(self, "feature_names_in_", None)
        return find_categorical(
            self.categorical_features,
            self.embedding_size,
            sequences.shape[2],
            names,
            list(sequences.labels()),
        )

    def _find_static(self, n_features):
        """Return the positions of the features that the LSTM does not read."""
        if self._made_with is None:  # of a table, they have been put last
            return list(range(n_features - len(self._static_columns), n_features))
        names = getattr(self, "feature_names_in_", range(n_features))
        return find_static(self.static_features, list(names), "features")

    def _count_skipped(self, samples, frame_size, n_read):
        """Return how many steps of the net, from the last one back, a line reads."""
        if not self.linear_skip:
            return 0
        n_frames = math.ceil(samples.sequences.shape[1] / frame_size)
        n_values = max(n_read * frame_size, 1)
        return min(n_frames, max(LINE_VALUES // n_values, 1))

    def _find_frame_size(self, sequences, ids):
        """Return how many steps of time a step of the net reads."""
        if self.frame_size != "auto":
            return self._plain("frame_size")
        if self.unroll == "series" or ids:
            return 1
        return max(sequences.shape[1] // N_FRAMES, 1)

    def _split(self, samples, *, resume, has_own):
        """Set validation data aside; put a single batch in canonical order."""
        if not resume:
            # None must not draw from numpy's global generator, which is the user's.
            seed = self.random_state
            self._random_state = (
                from_first(np.random.RandomState())
                if seed is None
                else check_random_state(seed)
            )
            # Fits that continue must not validate on what has been trained on.
            self._split_seed = self._random_state.randint(2**31)
        train, valid = samples, None
        if self.early_stopping and not has_own:
            chosen, held_out = split_validation(
                samples.sequences,
                self.validation_fraction,
                horizon=find_horizon(samples.sequences, samples.y),
                stratify=samples.y if is_classifier(self) else None,
                random_state=self._split_seed,
            )
            train, valid = samples[chosen], samples[held_out]
        n_values = math.prod(train.sequences.shape)
        is_one_batch = len(train) <= self.batch_size and n_values <= MERGED_VALUES
        if is_one_batch and not self._reads_series(train.sequences):
            train = train.merged()  # in a series, equal windows need not be the same
        return train, valid

    def _prepare(self, samples, train, *, resume):
        """Fit the scalers and fix the architecture, or check that it still holds."""
        n_features = samples.sequences.shape[2]
        architecture = {name: self._plain(name) for name in ARCHITECTURE}
        architecture["dtype"] = self._dtype
        positions = self._find_categorical(samples.sequences)
        architecture["categorical_features"] = positions
        static = architecture["static_features"] = self._find_static(n_features)
        ids = {*positions} - {*static}
        architecture["frame_size"] = self._find_frame_size(train.sequences, ids)
        if not resume:
            self.__dict__.pop("net_", None)  # would not fit what is set from here on
            self.scaler_ = self._fit_feature_scaler(train, positions)
            self.target_scaler_ = self._fit_target_scaler(train)
            # Each feature that may be missing says by one more whether it is.
            missing = find_missing(train.sequences)
            self._missing = [i for i in missing if i not in positions]
            if missing:
                self._check_values(train.sequences._lean(), stacklevel=6)
            of_sequence = find_marked(static, self._missing, n_features)
            self._labels = find_labels(train.sequences)
            n_ids = zip(positions, count_ids(samples.sequences, positions), strict=True)
            n_all = n_features + len(self._missing)
            n_read = n_all - len({*positions, *of_sequence})
            frame_size = architecture["frame_size"]
            self._sizes = {
                "n_features": n_all,
                "n_outputs": self._n_net_outputs,
                "n_ids": [len(self._labels.get(i, range(n))) for i, n in n_ids],
                "n_skipped": self._count_skipped(samples, frame_size, n_read),
                "static_features": of_sequence,
            }
            self._architecture = architecture
        else:
            self._warn_of_missing(train.sequences, stacklevel=6)
            if self.frame_size == "auto":
                architecture["frame_size"] = self._architecture["frame_size"]
        for name, value in architecture.items():
            if value != self._architecture[name]:
                raise ValueError(
                    f"{name} was {self._architecture[name]!r} when the net was built"
                    f" and is now {value!r}; training cannot go on with another"
                    " architecture: set it back, or fit with warm_start=False."
                )
        loss = self._make_loss()
        if resume and loss.meaning != self._loss.meaning:
            raise ValueError(
                f"The net returns {self._loss.meaning} and the loss now needs"
                f" {loss.meaning}: set loss and quantile back, or fit with"
                " warm_start=False."
            )
        self._loss = loss

    def _train(self, train, valid, n_epochs, callbacks, *, resume, is_partial):
        state = self.net_.get_plain_state() if resume else None
        self._n_before = len(self.net_.history) if resume else 0
        device = resolve_device(self.device)
        net = self._make_net(device, self._training_params(callbacks))
        data = self._to_dataset(train, device)
        work = self._work(data.rows_of_batch(self._plain("batch_size")))
        warm_up()
        with suit_threads(work):
            net.initialize()
            if state is None:
                net.seed(self._random_state.randint(2**31))
            else:
                net.set_plain_state(state)
            if net.module_.n_linear:
                # A part of the data makes no regression: then the line is trained.
                net.module_.skip.weight.requires_grad_(is_partial)
                if not is_partial and state is None:
                    fit_line(
                        net.module_, data, self._loss.n_parts, self._loss.n_located
                    )
            if valid is not None:
                held_out = self._to_dataset(valid, device)
                net.train_split = lambda data: (data, held_out)
            self._interrupted = net.train_on(data, n_epochs, self._beside_net())
        self.net_ = net
        if is_first() and not (is_partial or self._interrupted):
            self._check_converged(data, net.history[self._n_before :])

    def _beside_net(self):
        """Return what there is of X and y that the net is not given."""
        scalers = [each for each in (self.scaler_, self.target_scaler_) if each]
        scales = [[each.mean_.tolist(), each.scale_.tolist()] for each in scalers]
        return [scales, self.classes_.tolist() if is_classifier(self) else []]

    def _check_converged(self, data, history):
        """Warn if training broke down, nothing was learned, or more would have been."""
        recent = curve(history, "train_loss")
        if not recent:
            return  # a callback has ended the first epoch
        if divergence := history[-1].get("divergence"):
            warnings.warn(
                f"{divergence}: training has ended there, and the weights of the best"
                f" epoch before, best_epoch_, are kept. To train longer, {CURE}.",
                ConvergenceWarning,
                stacklevel=7,
            )
        y, weight = data.y.numpy(force=True), data.weight
        y = y if y.dtype.kind == "i" else y.astype(np.float64)
        weight = np.ones(len(y)) if weight is None else weight.numpy(force=True)
        constant = self._loss.of_constant(y, weight.astype(np.float64))
        best, before = min(recent), recent[-max(len(recent) // 10, 2) :][0]
        what = "class shares" if is_classifier(self) else "one constant"
        if constant > 0 and best >= constant:
            warnings.warn(
                f"{type(self).__name__} learned nothing: after {len(recent)} epochs its"
                f" training loss is {best:.3g}, and predicting {what} has"
                f" {constant:.3g}. Check that X has information about y; else try more"
                " max_epochs, another learning_rate, less dropout or another"
                " frame_size.",
                ConvergenceWarning,
                stacklevel=7,
            )
        elif not divergence and before - recent[-1] > FAST * constant:
            warnings.warn(
                f"{type(self).__name__} stopped learning early: its training loss fell"
                f" from {before:.3g} to {recent[-1]:.3g} in the last of {len(recent)}"
                " epochs. Give more max_epochs.",
                ConvergenceWarning,
                stacklevel=7,
            )

    def _record(self):
        history = self.net_.history
        self.n_iter_ = len(history)
        self.best_epoch_ = self.best_loss_ = self.best_validation_score_ = None
        self.loss_curve_ = curve(history, "train_loss")
        self.validation_scores_ = None
        self.validation_loss_curve_ = None
        if self.early_stopping:
            self.validation_scores_ = curve(history, "valid_score")
            self.validation_loss_curve_ = curve(history, "valid_loss")
        if self.early_stopping and len(history) > self._n_before:
            key, sign = self._monitor
            losses = [sign * row[key] for row in history[self._n_before :]]
            best = self._n_before + int(np.argmin(losses))
            self.best_epoch_ = best + 1
            self.best_loss_ = history[best, "valid_loss"]
            self.best_validation_score_ = history[best, "valid_score"]

    # The net.

    @property
    def _dtype(self):
        """Type of the weights; a shorter one is for products in training."""
        return "float64" if self.dtype == "float64" else "float32"

    def _plain(self, name):
        """Return a parameter as a Python number, where numpy has made it another."""
        return to_plain(getattr(self, name))

    @property
    def module_(self):
        """The fitted torch module."""
        return self.net_.module_

    def _module_params(self):
        params = self._architecture | self._sizes
        params["dtype"] = DTYPES[params["dtype"]]
        del params["linear_skip"]
        return params

    def _make_net(self, device, training=None):
        """Make a net, which cannot be trained without the parameters of training."""
        kind = ClassifierNet if is_classifier(self) else LSTMNet
        params = self._module_params()
        return kind(
            LSTMModule,
            self._loss.criterion(),
            iterator_train=BatchLoader,
            iterator_valid=BatchLoader,
            iterator_train__shuffle=True,
            train_split=None,
            device=device,
            **{f"module__{name}": value for name, value in params.items()},
            **(training or {"optimizer": None, "callbacks": [], "verbose": 0}),
        )

    def _training_params(self, callbacks):
        optimizer, params = split_arguments(self, "optimizer")
        if optimizer in FUSED:
            params = {"fused": True} | params
        return {
            "optimizer": OPTIMIZERS.get(optimizer, optimizer),
            "lr": self._plain("learning_rate"),
            "batch_size": self._plain("batch_size"),
            "callbacks": callbacks,
            "verbose": int(self.verbose),
            "autocast": self.dtype == "bfloat16",
        } | {f"optimizer__{name}": value for name, value in params.items()}

    def _make_callbacks(self, n_epochs, observers, score, is_partial):
        schedule = (None, {}) if is_partial else split_arguments(self, "lr_scheduler")
        return make_callbacks(
            max_grad_norm=self._plain("max_grad_norm"),
            lr_scheduler=schedule,
            n_epochs=n_epochs,
            patience=None if is_partial else self._find_patience(n_epochs),
            tol=self.tol,
            monitor=self._monitor,
            score=score,
            others=(self.callbacks or []) + observers,
            prints=bool(self.verbose) and is_first(),
        )

    @property
    def _monitor(self):
        """What has to fall: its name in the history, and the sign that makes it."""
        if not self.early_stopping:
            return "train_loss", 1
        return ("valid_loss", 1) if self.scoring == "loss" else ("valid_score", -1)

    def _find_patience(self, n_epochs):
        """Return after how many epochs without progress training stops, or None."""
        if self.n_iter_no_change != "auto":
            return self._plain("n_iter_no_change")
        return max(n_epochs // 5, 10) if self.early_stopping else None

    def _check_values(self, sequences, stacklevel):
        """Raise if all values are missing, and say so if all of a feature are."""
        largest = np.fmax.reduce(sequences.steps, axis=0)
        if np.isnan(largest).all():
            raise ValueError(
                "X has no values: each is missing (NaN). Give sequences in which"
                " some are there."
            )
        empty = [i for i in self._missing if np.isnan(largest[i])]
        if empty:
            warnings.warn(
                f"X has no values at all (NaN) in the features"
                f" {name_features(sequences, empty)}, for which no weights can be"
                " trained: leave them out.",
                stacklevel=stacklevel + 1,
            )

    def _warn_of_missing(self, sequences, stacklevel):
        """Say so if features lack values that they never lacked in training."""
        known = [*self._missing, *self._architecture["categorical_features"]]
        new = [i for i in find_missing(sequences) if i not in known]
        if new:
            what = "0" if self.scaler_ is None else "the mean of the feature"
            warnings.warn(
                "X has missing values (NaN) in the features"
                f" {name_features(sequences, new)}, which had no missing values in"
                f" training: they are read as {what}. Impute them, or fit to data with"
                " missing values.",
                stacklevel=stacklevel + 1,
            )

    def _warn_of_labels(self, sequences, stacklevel):
        """Say so if a column holds labels of which the net has learned nothing."""
        # Texts, whose features have no names, often hold tokens that are new.
        if sequences.feature_names is None or sequences.labels() == self._labels:
            return
        ids = list(self._architecture["categorical_features"])
        new = {}
        for i, labels in find_labels(sequences).items():
            unseen = set(labels).difference(self._labels[i])
            if unseen and not self.module_.embeddings[ids.index(i)].weight[0].any():
                new[i] = next(label for label in labels if label in unseen)
        if new:
            warnings.warn(
                f"X has labels in the features {name_features(sequences, [*new])}, such"
                f" as {next(iter(new.values()))!r}, that {type(self).__name__} has not"
                " seen in training: the net has learned nothing of them. Correct them,"
                " or fit to data that hold them.",
                stacklevel=stacklevel + 1,
            )

    def _to_dataset(self, samples, device):
        y = samples.y
        if self.target_scaler_ is not None:
            y = self.target_scaler_.transform(y)
        return self._to_tensors(samples.sequences, device, y, samples.weight)

    def _to_tensors(self, sequences, device, y=None, weight=None):
        """Scale and cast: the table once, or of one on disk each batch."""
        sequences = apply_labels(sequences._lean(), self._labels)
        name = "X, divided by scaler_.scale_,"
        place = {"dtype": DTYPES[self._architecture["dtype"]], "device": device}
        place["n_columns"] = sequences.steps.shape[1]
        if on_disk(sequences.steps):
            check_finite(sequences, name=name, change=self._scale)
            place["prepare"] = lambda steps: self._fill_missing(self._scale(steps))
        else:
            sequences = sequences.on_table(self._scale(sequences.steps))
            check_finite(sequences, name=name)
            sequences = sequences.on_table(self._fill_missing(sequences.steps))
        if self._reads_series(sequences):
            carries = sequences._carried is not None
            kind = CarriedDataset if carries else SeriesDataset
            return kind(sequences, y, weight, **place)
        place["frame_size"] = self._architecture["frame_size"]
        read = self._architecture
        ids = {*read["categorical_features"]} - {*read["static_features"]}
        if y is not None and self.time_warp and not (ids or overlap(sequences)):
            place["time_warp"] = self._plain("time_warp")
        return BatchDataset(sequences, y, weight, **place)

    def _scale(self, steps):
        dtype = self._architecture["dtype"]
        with np.errstate(over="ignore"):  # is found by check_finite
            if self.scaler_ is not None:
                steps = apply_scaler(self.scaler_, steps, dtype)
            return steps.astype(dtype, copy=False)

    def _fill_missing(self, steps):
        """Put the mean, or an unknown id, for NaN, and mark it behind the features."""
        if not (self._missing or np.isnan(steps.min(axis=0)).any()):
            return steps
        missing = np.isnan(steps)  # (n_steps_total, n_features)
        steps = np.where(missing, steps.dtype.type(0), steps)
        ids = self._architecture["categorical_features"]
        steps[:, ids] -= missing[:, ids]
        return np.column_stack([steps, missing[:, self._missing].astype(steps.dtype)])

    def _reads_series(self, sequences):
        """Whether chunks of series are read, and not each sequence on its own."""
        if sequences._carried is not None:
            return True
        return str(self.unroll) == "series" and overlap(sequences)

    def _naming_memory(self, tried, sequences, cure):
        """Say of a lack of memory what decides how much is needed."""
        size = self._architecture["hidden_size"]
        return naming_memory(
            f"{type(self).__name__} ran out of memory in {tried}"
            f" n_timesteps={sequences.shape[1]} and hidden_size={size}: {cure}."
        )

    def _work(self, n_rows):
        """Multiplications in the largest product of matrices of a step of time."""
        size = self._architecture["hidden_size"]
        n_inputs = self._sizes["n_features"] * self._architecture["frame_size"]
        return n_rows * 4 * size * (size + n_inputs)

    # Prediction.

    def _predict_outputs(self, X):
        """Outputs of the net, (n_samples, n_outputs), in the net's dtype."""
        sequences = self._read_X(X)
        return self._run(self.module_, sequences)

    def _read_X(self, X):
        """Read X as the sequences to predict."""
        check_is_fitted(self, "net_")
        check_unroll(self.unroll, **self._architecture)
        sequences = self._check_X(X, reset=False)
        self._warn_of_missing(sequences, stacklevel=5)
        self._warn_of_labels(sequences, stacklevel=5)
        return sequences

    def _run(self, module, sequences):
        """Run a module on sequences, and return what comes out of each."""
        tried = f"predicting {len(sequences)} sequence(s) with"
        cure = "predict fewer, or fit with a lower hidden_size or sequence_length"
        with self._naming_memory(tried, sequences, cure):
            dataset = self._to_tensors(sequences, resolve_device(self.net_.device))
            with suit_threads(self._work(dataset.rows_of_prediction())):
                return dataset.predict(module.eval())

    # Plain state: what is saved holds arrays and numbers; the net is built anew.

    def _make_plain(self, state):
        if "_loss" in state:
            loss = self._loss
            state["_loss"] = [loss.name, getattr(loss, "quantiles", None)]
        if "net_" in state:
            is_lean = IS_LEAN.get()
            state["net_"] = self.net_.save(is_lean=is_lean)
            if is_lean:
                state |= dict.fromkeys(CURVES)
                for name in OF_TRAINING:
                    state.pop(name, None)

    def _restore(self):
        own = vars(self)
        if "_loss" in own:
            self._loss = make_loss(*self._loss)
        if "net_" in own:
            state = own.pop("net_")
            if ("_random_state" in own) != ("optimizer" in state):
                raise ValueError("it has only a part of what training needs")
            self._check_sizes()
            check_weights(self._module_params(), state["module"])
            # Not what the parameters are by now: these may be set to anything.
            net = self._make_net(restore_device(self.device))
            warm_up()
            net.initialize()
            net.load(state)
            self.net_ = net

    def _check_sizes(self):
        """Raise unless what stands around the weights is of the sizes of the net."""
        read, sizes = self._architecture, self._sizes
        n_targets = len(self.classes_) if is_classifier(self) else self.n_outputs_
        n_features = self._n_step_features
        check_positions("_missing", self._missing, n_features)
        check_positions("static_features", read["static_features"], n_features)
        expected = {
            "static_features": find_marked(
                read["static_features"], self._missing, n_features
            ),
            "n_features": n_features + len(self._missing),
            "n_outputs": n_targets * self._loss.n_parts,
        }
        if differ := [name for name in expected if sizes[name] != expected[name]]:
            name = differ[0]
            raise ValueError(f"{name} is {sizes[name]}, expected {expected[name]}")
        for scaler, n in (self.scaler_, n_features), (self.target_scaler_, n_targets):
            if scaler is not None:
                scales = {name: getattr(scaler, name) for name in ("mean_", "scale_")}
                check_arrays(scales, dict.fromkeys(scales, (n,)), "float64")
                if scaler.n_features_in_ != n or not (scaler.scale_ > 0).all():
                    raise ValueError(f"a scaler is not of {n} positive scales")
        ids = read["categorical_features"]
        check_positions("categorical_features", ids, n_features)
        if self.scaler_ is not None and (
            self.scaler_.mean_[ids].any() or (self.scaler_.scale_[ids] != 1).any()
        ):
            raise ValueError(f"scaler_ scales the ids of the features {ids}")
        n_ids = dict(zip(ids, sizes["n_ids"], strict=True))
        if any(len(labels) != n_ids[i] for i, labels in self._labels.items()):
            raise ValueError(f"the labels are not as many as the ids, {n_ids}")

    # What a notebook shows.

    def _caption(self):
        return self.module_.describe() if hasattr(self, "net_") else None

    def _get_fitted_attr_html(self, doc_link=""):
        attributes = super()._get_fitted_attr_html(doc_link)
        if "net_" in attributes:  # whose own text would be cut after its type
            n_parameters = Shown(plural(self.module_.count(), "parameter"))
            attributes["module_"]["value"] = n_parameters
            attributes["net_"]["value"] = Shown(plural(self.n_iter_, "epoch"))
        return attributes

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.allow_nan = True
        return tags


def split_arguments(estimator, name):
    """Return what a parameter chooses, and the arguments that come with that."""
    value = getattr(estimator, name)
    if not isinstance(value, tuple):
        return value, {}
    names, other, example = WITH_ARGUMENTS[name]
    if len(value) == 2 and isinstance(value[1], dict):
        chosen, arguments = value
        is_named = isinstance(chosen, str) and chosen in names
        if is_named or (other == "a class" and callable(chosen)):
            if name == "optimizer" and "lr" in arguments:
                raise ValueError(
                    f"optimizer={value!r} has a learning rate of its own beside"
                    f" learning_rate={estimator.learning_rate!r}: give that alone."
                )
            return chosen, {key: to_plain(each) for key, each in arguments.items()}
    raise ValueError(
        f"{name}={value!r} is not understood: give one of {list(names)} or {other},"
        f" or a tuple with a dict of arguments: {example}."
    )


def to_plain(value):
    """Return a number of numpy as one of Python, and all else as it is."""
    return value.item() if isinstance(value, np.generic) else value


def find_marked(positions, missing, n_features):
    """Return positions of features, and of what marks them as missing."""
    marks = [n_features + k for k, i in enumerate(missing) if i in positions]
    return positions + marks


def check_together(estimator):
    """Refuse parameters that are valid, but not with each other."""
    for name in WITH_ARGUMENTS:
        split_arguments(estimator, name)
    check_unroll(**estimator.get_params(deep=False))


def check_unroll(unroll, bidirectional, pooling, frame_size, **_):
    """Refuse to read series with a net that needs each window on its own."""
    is_series = str(unroll) == "series"  # after `fit` it may have become anything
    if is_series and (bidirectional or pooling != "last"):
        raise ValueError(
            "unroll='series' reads a series once, from its start; with"
            f" bidirectional={bidirectional} and pooling={pooling!r} each window needs"
            " a reading of its own: set bidirectional=False and pooling='last', or"
            " unroll='window'."
        )
    if is_series and frame_size not in (1, "auto"):
        raise ValueError(
            "unroll='series' has an output at each row, but a step of frame_size="
            f"{frame_size} rows has one for all: set frame_size=1, or unroll='window'."
        )


def make_scaler() -> StandardScaler:
    """Return a scaler of arrays, whatever container is configured globally."""
    return StandardScaler().set_output(transform="default")


def fit_scaler(table: np.ndarray, weights: np.ndarray) -> StandardScaler:
    """Fit to the rows of a table that have a weight, in double precision."""
    scaler = make_scaler()
    # Around one of the values, a spread that is small beside them is not lost.
    origin = np.nan_to_num(table[(weights > 0).argmax()].astype(np.float64))
    for block in blocks(table):
        used = weights[block] > 0
        rows, weight = table[block], weights[block]
        if not used.all():
            rows, weight = rows[used], weight[used]
        if len(rows):
            scaler.partial_fit(np.nan_to_num(rows - origin), sample_weight=weight)
    scaler.mean_ += origin
    scaler.scale_[scaler.scale_ < 4 * np.spacing(np.abs(origin))] = 1.0  # is rounding
    # StandardScaler takes NaN, too, but not blocks in which a feature has no value.
    for i in np.flatnonzero(np.isnan(table.min(axis=0))):
        there = ~np.isnan(table[:, i]) & (weights > 0)
        scaler.mean_[i], scaler.var_[i], scaler.scale_[i] = 0.0, 1.0, 1.0
        if there.any():
            one = fit_scaler(table[there, i : i + 1], weights[there])
            for name in ("mean_", "var_", "scale_"):
                getattr(scaler, name)[i] = getattr(one, name)[0]
    return scaler


def apply_scaler(scaler: StandardScaler, table: np.ndarray, dtype: str) -> np.ndarray:
    """Scale in double precision, and cast what comes out."""
    scaled = np.empty(table.shape, dtype)
    for block in blocks(table):
        # What `scaler.transform` does, which for a few rows takes far longer to check.
        part = table[block] - scaler.mean_
        part /= scaler.scale_
        scaled[block] = part
    return scaled
