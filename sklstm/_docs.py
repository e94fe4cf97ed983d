"""What the docstrings of estimators have in common."""

from inspect import cleandoc
from typing import TypeVar

from sklearn.base import ClassifierMixin

Cls = TypeVar("Cls", bound=type)

SHARED = {
    "seen": """
    n_features_in_ : int
        Number of features of a time step, or of columns of a table, seen during
        `fit`.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features seen during `fit`. Defined only if X has names that
        are all strings.
""",
    "feature": """
    feature : int, str or list of these, default=None
        The feature of X whose later values are y, by position or name; with several
        targets a list, with a feature for each. None means the targets of
        `make_supervised`, or the only feature of X.
""",
    "lag": """
    lag : int, list of int or None, default=None
        How many rows ahead each column of y lies: 1 is the row after the last step of
        a sequence. None means the order of `make_supervised`: all features of the
        first step ahead, then of the second, ...
""",
    "units": """
    scale_, offset_ : ndarray of shape (`n_outputs_`,)
        Scale and offset from a value of the feature in X to the units of y, in which
        it is ``offset_ + scale_ * value``.
""",
    "reads": """
    X may be a 2-D array (a row per sequence), a 3-D array, a list of arrays of
    unequal length, a 3-D array padded with NaN, or the windows of a
    `SequenceWindower`; see :ref:`input_forms`. Missing values (NaN) are allowed;
    see :ref:`missing_values`.
""",
    "network": """
    hidden_size : int, default=64
        Size of the hidden state of each layer.

    num_layers : int, default=1
        Number of LSTM layers, each reading the one below; at most 1,000.

    bidirectional : bool, default={bidirectional}
        Whether each layer also reads the sequence backward, from its last time step
        to its first.

    dropout : float, default={dropout}
        Fraction of the outputs of each layer, including the last layer, that is set
        to zero at random in training; at least 0 and below 1.

    pooling : {"last", "mean", "max", "last_mean"}, default={pooling}
        How the outputs at all time steps of a sequence are combined into one vector:
        the output at the last step, the mean or the maximum over all steps, or the
        last and the mean side by side. Padding is left out.

    frame_size : int or "auto", default="auto"
        Number of consecutive time steps, a frame, that the LSTM reads as one step.
        Frames are aligned to the end of a sequence; a first frame that is not full
        is filled with copies of the first step. ``"auto"`` is a twelfth of the
        length of the longest sequence in `fit`, rounded down, and 1 for shorter
        sequences, for steps that hold ids and for ``unroll="series"``, which allows
        no other value.

    unroll : {"window", "series"}, default="window"
        How overlapping windows are read. ``"window"`` reads each on its own.
        ``"series"`` reads chunks of their series with an output at each row, which
        takes many times less computation; the output of a row then depends on its
        window and often on earlier rows. It needs ``pooling="last"`` and
        ``bidirectional=False``; see :ref:`unroll`.
""",
    "training": """
    optimizer : {"adam", "adamw", "rmsprop", "sgd"}, callable or tuple, default="adam"
        Name of the optimizer; a class like :class:`torch.optim.Optimizer` that takes
        `lr`; or a tuple of either and a dict of further arguments, such as
        ``("sgd", {"momentum": 0.9})`` or ``("adam", {"weight_decay": 1e-4})``.
        Arguments that are not given have torch's defaults, such as a weight decay of
        0.01 for ``"adamw"``.

    learning_rate : float, default={learning_rate}
        Initial learning rate of the optimizer.

    max_grad_norm : float or None, default=1.0
        Largest norm of the gradient: a gradient with a larger norm is scaled down to
        it. None means no limit.

    lr_scheduler : {"cosine", "reduce_on_plateau"}, tuple or None, default="cosine"
        How the learning rate changes. ``"cosine"`` lowers it to 0 along a cosine over
        `max_epochs`; ``"reduce_on_plateau"`` divides it by 10 after 5 epochs without
        progress; None keeps it constant, as `partial_fit` always does. A tuple of a
        name and a dict sets arguments of
        :class:`torch.optim.lr_scheduler.CosineAnnealingLR` or
        :class:`torch.optim.lr_scheduler.ReduceLROnPlateau`, such as
        ``("reduce_on_plateau", {"factor": 0.5, "patience": 10, "min_lr": 1e-5})``.
        For another scheduler, set None and pass it in `callbacks`.

    batch_size : int, default=32
        Number of sequences in a minibatch. With ``unroll="series"`` a chunk of a
        series counts as up to 8 sequences.

    max_epochs : int or "auto", default="auto"
        Largest number of passes over the training set. ``"auto"`` means at least 10
        passes, and as many as make
        {budget}.

    early_stopping : bool, default=False
        Whether to stop training when the validation loss, or the score of `scoring`,
        no longer improves, and to keep the weights of the best epoch. The validation
        set is the one passed to `fit`, or else `validation_fraction` of the training
        set. If a loss becomes infinite or NaN after the first epoch, the best epoch
        is kept with a warning. If False, such a loss is an error, and
        `n_iter_no_change` refers to the training loss.

    scoring : str, callable or None, default="loss"
        What early stopping and ``lr_scheduler="reduce_on_plateau"`` monitor on the
        validation set: ``"loss"``, or a score that is better if higher. A score is the
        name of a scorer, a callable with the signature ``scorer(estimator, X, y)``, or
        None for the `score` method of the estimator. It gets a `sample_weight` if the
        weights differ, including those of classes. Ignored if `early_stopping` is
        False.

    validation_fraction : float, default=0.1
        Fraction of the training set to hold out for validation. Independent sequences
        are drawn at random, stratified by label. Of overlapping windows, the last
        ones of each series are held out, and windows that reach across the border are
        left out. Ignored if `early_stopping` is False or X_val is passed to `fit`.

    n_iter_no_change : int, "auto" or None, default="auto"
        Number of epochs without progress after which training stops; None runs all
        `max_epochs`. With `early_stopping`, ``"auto"`` is a fifth of `max_epochs` and
        at least 10; without, it is None. Ignored by `partial_fit`.

    tol : float, default=0.0001
        Smallest improvement of the loss, or of the score of `scoring`, that counts as
        progress.

    warm_start : bool, default=False
        Whether `fit` continues from the weights, the state of the optimizer and the
        scale of the last `fit` instead of starting from scratch.
""",
    "data": """
    standardize : bool, default=True
        Whether to scale features and targets, but neither ids nor labels, to zero mean
        and unit variance over the time steps of the training set. All time steps of a
        feature share one scale, since a scale for each step would lose the levels of
        a curve. If the columns of 2-D input are quantities in different units, put a
        :class:`~sklearn.preprocessing.StandardScaler` before the LSTM.

    n_timesteps : int, "columns" or None, default=None
        How 2-D input is read. An int reads each row as `n_timesteps` time steps, with
        all features of the first step first. None reads each row as a sequence of one
        feature with a time step per column, the earliest first; `fit` then warns of a
        dataframe with named columns, whose rows may be the time steps. ``"columns"``
        does the same as None without that warning. Ignored for all other input.

    categorical_features : "from_dtype" or array-like of int, str or bool, \
            default="from_dtype"
        Features that hold ids, such as tokens or codes: positions, names, or a mask of
        shape (n_features,). Features with labels hold ids in any case: the tokens of a
        `SequenceEncoder`, and columns of strings or categories of the dataframe that
        the sequences were made from. ``"from_dtype"`` means these alone, or the only
        feature of X if `embedding_size` is given. Labels that are not in the training
        set are read as unknown. Ids without labels are whole numbers from 0 to the
        largest one in the first `fit`; a larger one is an error. Negative ids and
        missing ids are unknown: they share one vector, which is zero unless it is
        trained.

    embedding_size : int or None, default=None
        Size of the embedding of an id. None means ``1.6 * n**0.56`` for n ids, rounded
        and at most 600. Ignored if no feature holds ids.

    static_features : array-like of int, str or bool, default=None
        Features that describe a sequence and not its time steps, such as the age of a
        patient or, beside lags, the day of the week: positions or names of features, or
        of columns of 2-D input, or a mask. The LSTM does not read them; their values at
        the last step are appended to its pooled output.

    device : str, default="cpu"
        Device of torch, such as ``"cuda"`` or ``"cuda:1"``. ``"auto"`` means CUDA if it
        is available, and else the CPU.

    dtype : {"float32", "float64", "bfloat16"}, default="float32"
        Type of the weights and of the computation. With ``"bfloat16"``, weights and
        predictions are float32, and training multiplies in bfloat16, which is faster on
        processors with instructions for it.

    callbacks : list or None, default=None
        Callbacks for skorch, such as :class:`skorch.callbacks.Checkpoint`, or a
        `FitCheckpoint`, which resumes a fit that was killed. Callbacks that monitor
        the validation set need `early_stopping`.

    random_state : int, RandomState instance or None, default=None
        Controls the initial weights, the order of the batches, dropout and the choice
        of the validation set. Pass an int for identical results on the same data,
        machine and number of threads, bit for bit. None draws a new seed. Global
        random states are not changed.

    verbose : int, default=0
        Whether to print a line per epoch.
""",
    "attributes": """
    {seen}

    n_iter_ : int
        Number of epochs so far, over all continued fits.

    loss_curve_ : list of float or None
        Mean training loss in each epoch, computed while the weights change, in units
        of the standardised target, or in nats for class labels. None in a copy made
        by `drop_training_state`.

    validation_loss_curve_ : list of float or None
        Mean validation loss after each epoch. None if `early_stopping` is False.

    validation_scores_ : list of float or None
        Validation score after each epoch: that of `scoring` or, for ``"loss"``, R² for
        numeric targets and the accuracy for class labels. Weighted as in training.
        None if `early_stopping` is False.

    best_epoch_ : int or None
        Epoch whose weights are kept, counted like `n_iter_`: the one with the lowest
        validation loss, or the highest score of `scoring`, in this fit. None if
        `early_stopping` is False.

    best_loss_, best_validation_score_ : float or None
        Validation loss and score after `best_epoch_`. None if `early_stopping` is
        False.

    scaler_ : StandardScaler or None
        Scaler of the features, with a scale of 1 for ids. None if `standardize` is
        False.
""",
    "net": """
    net_ : skorch.NeuralNet
        The fitted net, with its history and optimizer.

    module_ : torch.nn.Module
        The fitted module, with ``lstm`` (a :class:`torch.nn.LSTM`), ``head`` and
        ``embeddings``, in which row 0 is for unknown ids and row i + 1 for id i.
""",
    "notes": """
    Notes
    -----
    The weights are initialised as in torch, except for the biases of the forget
    gates, which start at 1, so that gradients reach far back from the first epoch.

    A missing value (NaN) is read as the mean of its feature, or as 0 if `standardize`
    is False, and a missing id as unknown. Each feature with missing values in the
    training set gets one more input, which is 1 where a value is missing.

    Sample weights act as repetition: a sequence of weight 2 counts like two, in the
    scale and in the loss. This is exact, bit for bit, if the training set fits into
    one batch of up to a million values, and otherwise holds up to the random order
    of the batches.

    A fitted estimator is pickled as arrays and numbers. The net is built again when
    the estimator is loaded, and its optimizer when training continues.

    References
    ----------
    S. Hochreiter and J. Schmidhuber (1997). "Long Short-Term Memory". Neural
    Computation 9(8), 1735-1780.

    F. A. Gers, J. Schmidhuber and F. Cummins (2000). "Learning to Forget:
    Continual Prediction with LSTM". Neural Computation 12(10), 2451-2471.
""",
}


OF_REGRESSOR = {
    "bidirectional": "False",
    "dropout": "0.2",
    "pooling": '"last"',
    "learning_rate": "0.005",
    "budget": "one update of the weights per sequence, from 100 to 300 in all",
}
OF_CLASSIFIER = {
    "bidirectional": "True",
    "dropout": "0.3",
    "pooling": '"last_mean"',
    "learning_rate": "0.01",
    "budget": "5 updates of the weights per sequence, from 1,000 to 1,500 in all",
}


def fill(cls: Cls) -> Cls:
    """Put the common parts in place of their names in braces."""
    doc = cleandoc(cls.__doc__ or "")
    own = OF_CLASSIFIER if issubclass(cls, ClassifierMixin) else OF_REGRESSOR
    for name, text in [*reversed(SHARED.items()), *own.items()]:
        doc = doc.replace(f"{{{name}}}", cleandoc(text))
    cls.__doc__ = f"{doc}\n"
    return cls
