"""What the docstrings of estimators have in common."""

from inspect import cleandoc
from typing import TypeVar

from sklearn.base import ClassifierMixin

Cls = TypeVar("Cls", bound=type)

SHARED = {
    "seen": """
    n_features_in_ : int
        Number of features of a step, or of columns of a table.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if X came with names that are all strings.
""",
    "feature": """
    feature : int, str or list of these, default=None
        The feature that y continues, by position or name; a list has one for each
        target of a step ahead. None means those that `make_supervised` says y
        continues, or the only one.
""",
    "lag": """
    lag : int, list of int or None, default=None
        How many rows after its sequence each column of y lies. None means as
        `make_supervised` orders them: all features of the first step ahead, then of
        the second, ...
""",
    "units": """
    scale_, offset_ : ndarray of shape (`n_outputs_`,)
        The units of y: a level is ``offset_ + scale_ * value``.
""",
    "reads": """
    It takes 2-D arrays (a row per sequence), 3-D arrays, lists of arrays of
    unequal length, 3-D arrays padded with NaN, and the windows of a
    `SequenceWindower`; see :ref:`input_forms`. Values may be missing (NaN); see
    :ref:`missing_values`.
""",
    "network": """
    hidden_size : int, default=64
        Size of the hidden state of each layer.

    num_layers : int, default=1
        Number of LSTM layers, each reading the one below; at most 1,000.

    bidirectional : bool, default={bidirectional}
        Whether each layer also reads the sequence from its end.

    dropout : float, default={dropout}
        Share of the outputs of each layer, the last included, that are zeroed
        in training; at least 0 and below 1.

    pooling : {"last", "mean", "max", "last_mean"}, default={pooling}
        How the outputs of the steps of a sequence become one vector: that of
        the last step, the mean or maximum over all steps, or last and mean side
        by side. Padding has no part in it.

    frame_size : int or "auto", default="auto"
        How many steps of time each step of the net reads at once. Frames are aligned
        to the end of a sequence; the first repeats its first step where it is not
        full. ``"auto"`` is a twelfth of the longest sequence in `fit`, rounded down,
        and 1 for shorter ones, for ids of steps and for ``unroll="series"``, which
        allows no other.

    unroll : {"window", "series"}, default="window"
        How windows that overlap are read: each on its own, or as chunks of their
        series with an output at each row, which takes many times less arithmetic.
        A row then has its window behind it, and often more rows. Needs
        ``pooling="last"`` and one direction; see :ref:`unroll`.
""",
    "training": """
    optimizer : {"adam", "adamw", "rmsprop", "sgd"}, callable or tuple, default="adam"
        Name of the optimizer, or a class in the manner of
        :class:`torch.optim.Optimizer` that takes `lr`; or a tuple of either and a dict
        of other arguments, such as ``("sgd", {"momentum": 0.9})`` or
        ``("adam", {"weight_decay": 1e-4})``. Those not given are torch's: of
        ``"adamw"`` a weight decay of 0.01.

    learning_rate : float, default={learning_rate}
        Step size of the optimizer.

    max_grad_norm : float or None, default=1.0
        Gradients of a larger norm are scaled down to it; None leaves them.

    lr_scheduler : {"cosine", "reduce_on_plateau"}, tuple or None, default="cosine"
        How the learning rate changes: down to 0 along a cosine over `max_epochs`;
        to a tenth after 5 epochs without progress; or not at all, as ever in
        `partial_fit`. A tuple of a name and a dict holds arguments of
        :class:`torch.optim.lr_scheduler.CosineAnnealingLR` or
        :class:`torch.optim.lr_scheduler.ReduceLROnPlateau`, such as
        ``("reduce_on_plateau", {"factor": 0.5, "patience": 10, "min_lr": 1e-5})``.
        Others go in through `callbacks`, with None here.

    batch_size : int, default=32
        Number of sequences in a step of the optimizer.
        With ``unroll="series"`` a chunk counts as up to 8 sequences.

    max_epochs : int or "auto", default="auto"
        Largest number of passes over the training data. ``"auto"`` is what makes
        {budget}, and at least 10 passes.

    early_stopping : bool, default=False
        Whether to hold out validation data or take those given to `fit`, stop when
        their loss no longer falls, or their score no longer rises, and keep the
        weights of the best epoch, with a warning also where a loss becomes infinite or
        NaN after it. If False, that is an error, and `n_iter_no_change` looks at the
        training loss.

    scoring : str, callable or None, default="loss"
        What early stopping watches, and ``"reduce_on_plateau"`` with it: ``"loss"``,
        or a score that is better if higher: the name of a scorer, a callable with the
        signature ``scorer(estimator, X, y)``, or None for the `score` of the
        estimator. A `sample_weight` is passed along if weights differ, those of
        classes included. Ignored if `early_stopping` is False.

    validation_fraction : float, default=0.1
        Share of the sequences that is held out: a random one of independent
        sequences, stratified by label; the last of each series of overlapping
        windows, without those that reach across the border. Ignored if
        `early_stopping` is False, or `fit` is given X_val.

    n_iter_no_change : int, "auto" or None, default="auto"
        Number of epochs without progress after which training stops; None for
        all of `max_epochs`. ``"auto"`` is a fifth of `max_epochs`, and at least 10,
        with `early_stopping`, and else None. Ignored by `partial_fit`.

    tol : float, default=0.0001
        A loss lower, or a score of `scoring` higher, by less than this is no progress.

    warm_start : bool, default=False
        Whether `fit` continues from the weights, the optimizer and the scale of
        the last `fit` instead of starting anew.
""",
    "data": """
    standardize : bool, default=True
        Whether features and targets, but neither ids nor labels, are scaled to zero
        mean and unit variance over the steps used in training. All steps of a feature
        share one scale, since each with its own would lose the levels of a curve: put
        a :class:`~sklearn.preprocessing.StandardScaler` before if the columns of 2-D
        input are quantities in different units.

    n_timesteps : int, "columns" or None, default=None
        How 2-D input is read: a row is `n_timesteps` steps, all features of the
        first step coming first; None means one feature and a step per column, the
        first the earliest. ``"columns"`` means the same and says that it is meant:
        with None `fit` warns of a dataframe of named columns, whose rows may well
        be the steps. Ignored for all other input.

    categorical_features : "from_dtype" or array-like of int, str or bool, \
            default="from_dtype"
        The features of a step that hold ids, such as tokens or codes.
        ``"from_dtype"`` means those that know their labels: the tokens of a
        `SequenceEncoder`, and columns of strings or categories of the dataframe that
        sequences were made of. These hold ids in any case; others are named by
        positions, names, or a mask of shape (n_features,). A single feature is one if
        `embedding_size` is given. Labels that were not in training are
        unknown. Ids without labels are whole numbers from 0 to the largest of
        the first fit; a larger one is an error. Negative ones mean unknown and share a
        vector, which is zero unless trained, and so do missing ones.

    embedding_size : int or None, default=None
        Size of the vector that stands for an id. None means 1.6 * n**0.56, rounded
        and at most 600, for n ids. Ignored if no feature holds ids.

    static_features : array-like of int, str or bool, default=None
        Features that belong to a sequence and not to its steps, such as the age of a
        patient or, beside lags, the day of the week: positions or names of features of
        a step, or of columns of 2-D input, or a mask. The LSTM does not read them; they
        stand beside its pooled output, as the last step has them.

    device : str, default="cpu"
        Where torch computes, such as ``"cuda"`` or ``"cuda:1"``; ``"auto"``
        for CUDA if there is any, and else the CPU.

    dtype : {"float32", "float64", "bfloat16"}, default="float32"
        Type of the weights and of the arithmetic. With ``"bfloat16"`` weights and
        predictions are of float32, and training multiplies in the shorter type,
        which is faster where the processor has instructions for it.

    callbacks : list or None, default=None
        Callbacks for skorch, such as :class:`skorch.callbacks.Checkpoint`, or
        `FitCheckpoint`, with which a fit that was killed goes on. Those that monitor
        validation data need `early_stopping`.

    random_state : int, RandomState instance or None, default=None
        Decides the first weights, the batches, dropout and the validation data.
        The same int gives the same bits, given the same data, machine and
        number of threads. None draws a new seed. Global random states stay as they
        were.

    verbose : int, default=0
        Whether to print a line per epoch.
""",
    "attributes": """
    {seen}

    n_iter_ : int
        Number of epochs so far, over all continued fits.

    loss_curve_ : list of float or None
        Mean loss of the training sequences in each epoch, measured as the
        weights change. In units of the standardised target, or
        in nats for labels. None in a copy of `drop_training_state`.

    validation_loss_curve_ : list of float or None
        Mean loss of the validation sequences after each epoch; None unless
        `early_stopping`.

    validation_scores_ : list of float or None
        What `scoring` says of the validation sequences after each epoch; for
        ``"loss"`` R², or for labels the accuracy. Weighted as in training; None unless
        `early_stopping`.

    best_epoch_ : int or None
        The epoch, counted like `n_iter_`, whose weights are kept: that of the lowest
        validation loss, or highest score of `scoring`, of this fit; None unless
        `early_stopping`.

    best_loss_, best_validation_score_ : float or None
        Validation loss and score after that epoch; None unless `early_stopping`.

    scaler_ : StandardScaler or None
        Scale of the features, 1 for ids; None unless `standardize`.
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
    The weights start as torch's do, but for the biases of the forget gates,
    which start at 1, so that gradients reach far back from the first epoch.

    A missing value (NaN) is read as the mean of its feature, 0 if `standardize` is
    False, and a missing id as an unknown one. Each feature that lacks values in
    training gets an input more, which is 1 where it does.

    Sample weights act as repetition: a sequence of weight 2 counts like two, in
    scale and loss; bit for bit if the training data fit in one batch of up to a
    million values, else but for the chance of batches.

    A fitted estimator is saved as arrays and numbers; the net is built anew when it is
    loaded, and gets an optimizer when its training goes on.

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
    "budget": "one step of the optimizer for each sequence, from 100 to 300 in all",
}
OF_CLASSIFIER = {
    "bidirectional": "True",
    "dropout": "0.3",
    "pooling": '"last_mean"',
    "learning_rate": "0.01",
    "budget": "5 steps of the optimizer for each sequence, from 1,000 to 1,500 in all",
}


def fill(cls: Cls) -> Cls:
    """Put the common parts in place of their names in braces."""
    doc = cleandoc(cls.__doc__ or "")
    own = OF_CLASSIFIER if issubclass(cls, ClassifierMixin) else OF_REGRESSOR
    for name, text in [*reversed(SHARED.items()), *own.items()]:
        doc = doc.replace(f"{{{name}}}", cleandoc(text))
    cls.__doc__ = f"{doc}\n"
    return cls
