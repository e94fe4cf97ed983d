"""Every form of input, checked and read into `Sequences`."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import wraps
from numbers import Integral
from typing import Any, Self

import narwhals.stable.v2 as nw
import numpy as np
from scipy.sparse import issparse
from sklearn.utils import check_array, check_consistent_length
from sklearn.utils.validation import validate_data

from ._arrays import reading, refuse_masked, shorten
from ._compat import _safe_indexing
from ._rows._columns import (
    check_columns,
    check_words,
    column_names,
    find_position,
    find_texts,
    get_names,
    is_frame,
    is_missing,
    read_steps,
    refuse_dates,
    refuse_lazy,
)
from ._sequences import LARGEST, Sequences, name_step

# The factor, in the median, by which the spreads of neighbouring columns differ only if
# these are unlike: it is at most 1.6 in curves, lags and images of digits, and at least
# 3.1 in tables of measurements in several units. Few samples do not show it.
UNLIKE = 3
MIN_SAMPLES = 20
# Up to here every whole number is a float32 of its own.
MAX_IDS = 1 << 24
_FORMS = (
    "expected a 2-D or 3-D array, a list of (n_timesteps, n_features) arrays,"
    " or Sequences"
)


class KeepsSequences:
    """A transformer that has no other container for what it returns."""

    # Without output keys, scikit-learn does not wrap `transform` to return dataframes.
    def set_output(self, *, transform: str | None = None) -> Self:
        """Do nothing: `Sequences` are always themselves.

        Parameters
        ----------
        transform : {"default", "pandas", "polars"}, default=None
            Ignored.

        Returns
        -------
        self : object
            The transformer.
        """
        return self


def check_sequences(
    X: Any, *, estimator: Any = None, is_new: bool = True
) -> Sequences | np.ndarray:
    """Read input into `Sequences`, or into a numeric 2-D array."""
    refuse_dates(X)
    if issparse(X):
        raise TypeError(
            f"X is a sparse matrix of shape {X.shape}; expected sequences: for texts"
            " put SequenceEncoder in place of what counts words. X.toarray() is read as"
            " a sequence in each row, and a step in each column."
        )
    if is_frame(X) and (texts := find_texts(X, list(range(len(column_names(X)))))):
        raise ValueError(
            f"Column {column_names(X)[texts[0]]!r} of X holds labels, and in a table"
            " each column is a step, of numbers: make histories of rows with"
            " make_supervised or make_histories, which read labels, or encode it."
        )
    if is_ragged(X):
        X = _join(X, is_new)
    if isinstance(X, Sequences):
        if len(X) == 0:
            raise ValueError("Found Sequences with 0 sample(s); expected at least 1.")
        X = X.crop()  # of a part of a large table only that is looked at
        return X.on_table(_check_numeric(X.steps, estimator))
    X = _check_numeric(X, estimator)
    if X.ndim == 3:
        return _from_padded(X)
    if X.ndim != 2:
        raise ValueError(f"Found array with {X.ndim} dimensions; {_FORMS}.")
    return X


def read_sequences(estimator: Any, X: Any, *, reset: bool) -> Sequences:
    """Read any accepted input, and hold its features against those of fit."""
    refuse_lazy(X)
    for part in X if isinstance(X, (list, tuple)) else [X]:
        refuse_masked(part, "X")
    if is_frame(X):
        check_columns(X)
    if _holds_text(X):
        raise ValueError(
            "X holds text; expected numbers: SequenceEncoder makes sequences of ids of"
            " it, which embedding_size then reads."
        )
    X, is_univariate = unpack(X, univariate=not reset and estimator._is_univariate)
    of_sequence, columns = None, []
    static = getattr(estimator, "static_features", None)
    with reading("static_features", "a list of names or positions"):
        has_static = static is not None and _is_table(X) and np.size(static) > 0
    if has_static:
        with reading("X", "a table"):
            X = X if is_frame(X) else np.asarray(X)  # no matrix
            if 0 in X.shape:
                raise ValueError(f"it is of shape {X.shape}")
            names = column_names(X)
        validate_data(estimator, X, reset=reset, skip_check_array=True)
        if not (reset or is_frame(X)):  # which may have had names in fit
            names = list(getattr(estimator, "feature_names_in_", names))
        columns = find_static(static, names, "columns")
        is_same = reset or columns == estimator._static_columns
        if not is_same and estimator._made_with is None:
            raise ValueError(
                f"static_features are the columns {columns} of X, and were"
                f" {estimator._static_columns} when {type(estimator).__name__} was"
                " fitted: set them back, or fit again."
            )
        of_sequence = read_steps(X, columns, None, None if reset else {})
        rest = np.delete(np.arange(np.shape(X)[1]), columns)
        checked = check_sequences(_safe_indexing(X, rest, axis=1), estimator=estimator)
    else:
        checked = check_sequences(X, estimator=estimator, is_new=reset)
    if isinstance(checked, Sequences):
        sequences = check_features(estimator, checked, reset=reset)
    elif not reset and estimator._made_with is not None and len(checked) > 1:
        raise ValueError(
            f"X has the shape {checked.shape}, but {type(estimator).__name__} was"
            f" fitted to sequences, of {estimator._n_step_features} features in each"
            " step: give sequences; one alone as X[np.newaxis], rows through"
            " make_histories."
        )
    else:
        # A series has no features that could be counted, but its cells have values.
        table = X if is_frame(X) or of_sequence else checked
        validate_data(estimator, table, reset=reset, skip_check_array=True)
        sequences = rows_to_sequences(checked, estimator.n_timesteps)
        if of_sequence:
            sequences = _append_static(sequences, *of_sequence)
    n_features = sequences.shape[2]
    if reset:
        is_table = not isinstance(checked, Sequences)
        estimator._made_with = None if is_table else sequences._made_with
        estimator._n_step_features = n_features
        estimator._is_univariate = is_univariate
        estimator._static_columns = columns
    # A StepTransformer that was fitted to a table has seen no steps.
    elif n_features != getattr(estimator, "_n_step_features", n_features):
        raise ValueError(
            f"X has {n_features} features in each step, but {type(estimator).__name__}"
            f" was fitted to {estimator._n_step_features}: pass X in the same form, and"
            " n_timesteps as it was in fit."
        )
    return sequences


def find_static(static_features: Any, names: list[Any], what: str) -> list[int]:
    """Find the features of a step, or the columns of a table, that are static."""
    if static_features is None:
        return []
    with reading("static_features", "a list of names or positions"):
        chosen = np.asarray(static_features, dtype=object)
    if chosen.ndim != 1:
        raise ValueError(
            f"static_features has {chosen.ndim} dimension(s): give a list of positions"
            " or names, or a mask of booleans."
        )
    if chosen.size and all(isinstance(key, (bool, np.bool_)) for key in chosen):
        chosen = _read_mask(chosen, len(names), "static_features", f"X has {{}} {what}")
    positions = {
        find_position(key, names, "static_features", what=what)
        for key in chosen.tolist()
    }
    if len(positions) == len(names):
        raise ValueError(
            f"static_features={chosen.tolist()} are all {what} of X, which leaves none"
            " for the LSTM to read: leave some out."
        )
    return sorted(positions)


def _is_table(X: Any) -> bool:
    return is_frame(X) or (getattr(X, "ndim", 0) == 2 and not issparse(X))


def _append_static(
    sequences: Sequences, values: np.ndarray, categories: Any
) -> Sequences:
    """Append what belongs to whole sequences, (n_sequences, n_static), to each step."""
    n_features = sequences.shape[2]
    steps = np.repeat(values, sequences.lengths, axis=0)
    made = sequences.on_table(np.column_stack([sequences.steps, steps]))
    if categories is not None:
        made.categories = [None] * n_features + categories
    return made


def warn_of_one_step(X: Any, sequences: Sequences, stacklevel: int) -> None:
    """Say so if an array or a list has one step of many features, and what may be."""
    n_samples, n_timesteps, n_features = sequences.shape
    if n_timesteps == 1 < n_features and not isinstance(X, Sequences):
        warnings.warn(
            f"X is {n_samples} sequences of 1 step of {n_features} features, in which"
            " there is no order to learn from: give np.transpose(X, (0, 2, 1)) if X is"
            " (cases, channels, time), as in aeon and sktime.",
            stacklevel=stacklevel + 1,
        )


def warn_of_columns(
    X: Any, sequences: Sequences, n_timesteps: Any, stacklevel: int, *, scales: bool
) -> None:
    """Say so if the columns of a table, read as steps, are likely to be none."""
    n_samples, n_columns, _ = sequences.shape
    if isinstance(n_timesteps, Integral):
        return
    names = column_names(X) if is_frame(X) and n_timesteps is None else []
    if n_columns > 1 and names and all(isinstance(name, str) for name in names):
        warnings.warn(
            "Each row of X is read as a sequence of one feature, and its"
            f" {n_columns} named columns as the steps: if the rows are steps of time,"
            " give histories of make_supervised or put a SequenceWindower before; if"
            " the columns are, say so with n_timesteps='columns'.",
            stacklevel=stacklevel + 1,
        )
        return
    if not scales or n_samples < MIN_SAMPLES or n_columns < 3:
        return
    table = sequences.steps[:, 0].reshape(n_samples, n_columns)
    table = table[:, ~np.isnan(table).all(axis=0)].astype(np.float64)
    # A few values far out may make the one unlike, and many equal ones the other.
    spread = np.nanstd(table, axis=0)
    middle = np.ptp(np.nanquantile(table, [0.1, 0.9], axis=0), axis=0)
    if _median_change(spread) > UNLIKE and _median_change(middle) > UNLIKE:
        spread = spread[spread > 0]
        warnings.warn(
            f"The columns of X have standard deviations from {spread.min():.2g} to"
            f" {spread.max():.2g}, but are read as the steps of one feature, which"
            " share one scale: put a StandardScaler before if they are unlike"
            " quantities, or say in n_timesteps how many steps of several features"
            " they are.",
            stacklevel=stacklevel + 1,
        )


def _median_change(spread: np.ndarray) -> float:
    """The factor, in the median, from one spread above 0 to the next or back."""
    change = np.abs(np.diff(np.log(spread[spread > 0])))
    return float(np.exp(np.median(change))) if len(change) > 1 else 1.0


def warn_of_present(sequences: Sequences, y: np.ndarray, stacklevel: int) -> None:
    """Say so if y is what a sequence ends with, and not what follows it."""
    if len(y) < MIN_SAMPLES or sequences.horizon is not None:
        return
    steps = sequences.steps
    ends = sequences.starts + sequences.lengths - 1
    y = y.astype(steps.dtype) if steps.dtype.kind == "f" else y
    few = steps[ends[:MIN_SAMPLES], :, None] == y[:MIN_SAMPLES, None]
    for feature, target in np.argwhere(few.all(axis=0)):
        values = y[:, target]
        if (values != values[0]).any() and (steps[ends, feature] == values).all():
            names = sequences.feature_names
            warnings.warn(
                f"y is feature {feature if names is None else repr(names[feature])} at"
                " the last step of every sequence, where X shows it already: to"
                " forecast it, take X and y from make_supervised, whose y is what"
                " follows.",
                stacklevel=stacklevel + 1,
            )
            return


def check_features(estimator: Any, sequences: Sequences, *, reset: bool) -> Sequences:
    """Do for `Sequences` what scikit-learn does for tables: count and name features."""
    check_names(estimator, sequences.feature_names, reset=reset)
    if reset:  # sklearn's own check would count the steps
        estimator._made_with = sequences._made_with
        estimator.n_features_in_ = sequences.shape[2]
    elif sequences.shape[2] != estimator.n_features_in_:
        raise ValueError(
            f"X has {sequences.shape[2]} features in each step, but"
            f" {type(estimator).__name__} is expecting {estimator.n_features_in_}"
            " features as input."
        )
    return sequences


def require_y(estimator: Any, y: Any) -> None:
    """Raise, in the words of scikit-learn, if there is no y."""
    if y is None:
        raise ValueError(
            f"This {type(estimator).__name__} estimator requires y to be passed, but"
            " the target y is None."
        )


def check_y(estimator: Any, X: Any, y: Any) -> np.ndarray:
    """Return numeric targets of the samples as float64."""
    require_y(estimator, y)
    refuse_lazy(y, "y")
    names = get_names(y)
    refuse_masked(y, "y")
    with reading("y"):
        whole = np.asarray(y)
        y = check_array(
            y,
            ensure_2d=False,
            dtype=np.float64,
            ensure_all_finite=False,
            ensure_min_samples=0,
            input_name="y",
            estimator=estimator,
        )
    if y.ndim == 0:
        raise ValueError(
            f"y is of type {type(whole.item()).__name__}; expected one target, or one"
            " row of them, for each sequence. Reshape your data to (n_samples,)."
        )
    check_known(y, names)
    if np.abs(y).max(initial=0) > LARGEST:
        raise ValueError(
            f"y has values of up to {np.abs(y).max():.3g}, whose squares float64 does"
            " not hold: divide y by a constant."
        )
    if whole.dtype.kind in "iu" and np.abs(y).max() > 1 << 53:
        raise ValueError(
            f"y contains whole numbers of up to {np.abs(y).max():g}. Above 2**53"
            " float64 does not tell them apart: subtract an offset."
        )
    check_consistent_length(X, y)
    return y


def check_known(y: np.ndarray, names: list[Any] | None = None) -> None:
    """Raise if a target or label is missing or infinite."""
    if y.dtype.kind == "f":
        bad = ~np.isfinite(y)
    elif y.dtype == object:
        bad = np.array([is_missing(label) for label in y.ravel()]).reshape(y.shape)
    else:
        return
    if not bad.any():
        return
    row, *column = at = np.argwhere(bad)[0].tolist()
    what = "infinity" if y.dtype.kind == "f" and np.isinf(y[tuple(at)]) else "NaN"
    named = "".join(f", column {(names or range(i + 1))[i]!r}" for i in column)
    n_bad = bad.reshape(len(y), -1).any(axis=1).sum()
    raise ValueError(
        f"Input y contains {what}: row {row}{named}, the first of {n_bad} such row(s)."
        " Every sample needs a target: leave these samples out, X[known] and y[known]"
        " with a mask of the others, or fill in what is missing."
    )


def has_validation(X_val: Any, y_val: Any, sample_weight_val: Any = None) -> bool:
    """Whether there are data to validate on; raise if a part of them is missing."""
    given = {"X_val": X_val, "y_val": y_val, "sample_weight_val": sample_weight_val}
    names = [name for name, value in given.items() if value is not None]
    missing = [name for name in ("X_val", "y_val") if given[name] is None]
    if names and missing:
        raise ValueError(
            f"{' and '.join(names)} came without {' and '.join(missing)}: give both"
            " X_val and y_val, or neither to hold out validation_fraction of X."
        )
    return bool(names)


@contextmanager
def naming_validation() -> Iterator[None]:
    """Say of errors that it is the data to validate on that they are about."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"Validation data X_val, y_val: {error}") from error


def all_or_nothing(method: Callable) -> Callable:
    """Leave the estimator of a method as it was if that fails."""

    @wraps(method)
    def fit(estimator: Any, *args: Any, **kwargs: Any) -> Any:
        before = dict(vars(estimator))
        try:
            return method(estimator, *args, **kwargs)
        except BaseException:
            now = vars(estimator)
            # scikit-learn has yet to tear down the callbacks of this fit.
            before |= {name: now[name] for name in now if "callback" in name}
            now.clear()
            now.update(before)
            raise

    return fit


def check_names(estimator: Any, names: np.ndarray | None, *, reset: bool) -> None:
    """Do for `Sequences` with names what scikit-learn does for dataframes."""
    fitted = getattr(estimator, "feature_names_in_", None)
    if reset:
        vars(estimator).pop("feature_names_in_", None)
        if names is not None:
            estimator.feature_names_in_ = names
    elif names is not None and fitted is not None:
        if list(names) != list(fitted):
            raise ValueError(
                f"X has the features {list(names)}, but {type(estimator).__name__} was"
                f" fitted to {list(fitted)}: give the same in the same order."
            )
    elif names is not fitted:  # one of them is None
        has, had = ("no ", "with") if names is None else ("", "without")
        warnings.warn(
            f"X has {has}feature names, but {type(estimator).__name__} was fitted {had}"
            " them: the order of the features cannot be checked.",
            stacklevel=4,
        )


def rows_to_sequences(X: np.ndarray, n_timesteps: int | str | None = None) -> Sequences:
    """Read each row of a 2-D array as one sequence, without copying."""
    n_samples, n_columns = X.shape
    n_timesteps = n_timesteps if isinstance(n_timesteps, Integral) else n_columns
    if n_columns % n_timesteps:
        raise ValueError(
            f"X has {n_columns} columns, which n_timesteps={n_timesteps} does not"
            " divide; each row must hold n_timesteps * n_features values."
        )
    return Sequences(
        X.reshape(n_samples * n_timesteps, n_columns // n_timesteps),
        starts=np.arange(n_samples) * n_timesteps,
        lengths=np.full(n_samples, n_timesteps),
    )


def _holds_text(X: Any) -> bool:
    """Whether X is a collection of strings, or of lists of strings."""
    if getattr(X, "ndim", 1) != 1 or isinstance(X, str) or not isinstance(X, Iterable):
        return False
    first = next(iter(X), None)
    if isinstance(first, (list, tuple)) and first:
        first = first[0]
    return isinstance(first, str)


def _join(X: Any, is_new: bool) -> Sequences:
    """Join arrays or dataframes, whose strings and categories become ids."""
    joined = Sequences.from_arrays(X)
    columns = list(range(joined.shape[2]))
    labels: dict[int, list[Any]] = {i: [] for x in X for i in find_texts(x, columns)}
    if not labels:
        return joined
    tables: list[np.ndarray] = []
    for i, table in enumerate(X):
        if odd := {*labels} - {*find_texts(table, columns, labels)}:
            k = min(odd)
            raise ValueError(
                f"Column {column_names(table)[k]!r} holds labels in some sequences and"
                f" numbers in others, {i} among these: convert it to one type."
            )
        steps, categories = read_steps(table, columns, None, labels)
        labels = {
            k: here for k, here in enumerate(categories or []) if here is not None
        }
        tables.append(steps)
    if is_new:
        check_words(X, labels)
    joined = joined.on_table(np.concatenate(tables))
    joined.categories = categories
    return joined


def unpack(X: Any, *, univariate: bool) -> tuple[Any, bool]:
    """Read what holds separate sequences as a list of 2-D ones; all else stays.

    1-D ones have one feature; whether X holds such comes second. Equally long ones are
    the rows of a 2-D array, unless those of fit were `univariate` sequences.
    """
    if is_frame(X):
        return _unnest(X), False
    native = nw.from_native(X, series_only=True, pass_through=True)
    if isinstance(native, nw.Series) and np.ndim((native.head(1).to_list() or [0])[0]):
        X = native.to_list()
    with reading("X"):
        if not _holds_many(X) or {np.ndim(x) for x in X} != {1}:
            return X, False
        X = [np.asarray(x) for x in X]
        if not univariate and len({len(x) for x in X}) == 1:
            return np.asarray(X), False
        return [x.reshape(-1, 1) for x in X], True


def _unnest(X: Any) -> Any:
    """Read a dataframe of series, a row of them for each sequence, as `Sequences`."""
    with reading("X", "a table"):
        first = np.ravel(np.asarray(_safe_indexing(X, [0]), dtype=object))
    if not any(np.ndim(cell) for cell in first):
        return X
    names = column_names(X)
    columns = [
        nw.from_native(_safe_indexing(X, i, axis=1), series_only=True).to_list()
        for i in range(len(names))
    ]
    rows = list(zip(*columns, strict=True))
    for i, row in enumerate(rows):
        if len({np.shape(cell) for cell in row}) > 1 or np.ndim(row[0]) != 1:
            raise ValueError(
                f"Row {i} of X has cells of the shapes"
                f" {[np.shape(cell) for cell in row]}; expected 1-D series of the same"
                " length, one for each feature: cut or fill them in."
            )
    sequences = Sequences.from_arrays([np.column_stack(row) for row in rows])
    if all(isinstance(name, str) for name in names):
        sequences.feature_names = np.array(names, dtype=object)
    return sequences


def is_ragged(X: Any) -> bool:
    """Whether X is a collection of separate 2-D sequences."""
    with reading("X"):
        return _holds_many(X) and any(np.ndim(x) == 2 for x in X)


def _holds_many(X: Any) -> bool:
    is_many = isinstance(X, (list, tuple))
    is_many |= isinstance(X, np.ndarray) and X.dtype == object and X.ndim == 1
    return is_many and len(X) > 0


def _check_numeric(X: Any, estimator: Any) -> np.ndarray:
    with reading("X"):
        X = check_array(
            X,
            dtype="numeric",
            allow_nd=True,
            ensure_2d=False,  # says so in several lines
            ensure_min_samples=0,
            ensure_all_finite=False,
            input_name="X",
            estimator=estimator,
        )
    if X.dtype.kind not in "biuf":
        raise ValueError(
            f"X has dtype {X.dtype}; expected numbers: encode it first, text and other"
            " tokens with SequenceEncoder."
        )
    if X.ndim < 2:
        raise ValueError(
            f"X has {X.ndim} dimension(s) and {X.size} value(s); {_FORMS}. Reshape your"
            " data with X.reshape(1, -1) if they are one univariate sequence; of a"
            " series make histories, with make_supervised to fit and with"
            " make_histories to predict."
        )
    with reading("X"):
        X = shorten(X)
    X = X.astype(X.dtype.newbyteorder("="), copy=False)  # torch knows no other order
    if 0 in X.shape:
        raise ValueError(
            f"Found array of shape {X.shape}; {_FORMS}, none of them empty."
        )
    return X


def _from_padded(X: np.ndarray) -> Sequences:
    """A 3-D array as its own table; steps of NaN at either end are padding."""
    n_samples, n_timesteps, n_features = X.shape
    starts = np.arange(n_samples) * n_timesteps
    lengths = np.full(n_samples, n_timesteps)
    if X.dtype.kind == "f" and np.isnan(X[:, [0, -1]]).any():
        real = ~np.isnan(X).all(axis=2)  # (n_samples, n_timesteps)
        if not real.any(axis=1).all():
            raise ValueError(
                f"Input X contains NaN: sequence {(~real.any(axis=1)).argmax()} has no"
                " step with a value; remove such sequences."
            )
        first = real.argmax(axis=1)
        lengths = n_timesteps - real[:, ::-1].argmax(axis=1) - first
        starts = starts + first
    return Sequences(X.reshape(-1, n_features), starts, lengths)


def find_categorical(
    categorical_features: Any,
    embedding_size: int | None,
    n_features: int,
    names: Any = None,
    labelled: list[int] | None = None,
) -> list[int]:
    """Find the features of a step that hold ids; those of labels do in any case."""
    labelled = labelled or []
    if isinstance(categorical_features, str):  # from_dtype
        if labelled:
            return labelled
        if embedding_size is not None and n_features > 1:
            raise ValueError(
                f"embedding_size={embedding_size} makes ids of the only feature of a"
                f" step, but X has {n_features} features; name those that hold ids in"
                " categorical_features."
            )
        return [] if embedding_size is None else [0]
    with reading("categorical_features", "a list of names or positions"):
        chosen = np.asarray(categorical_features)
    is_named = chosen.ndim == 1 and all(isinstance(item, str) for item in chosen)
    if chosen.ndim != 1 or not (is_named or chosen.dtype.kind in "iub"):
        raise ValueError(
            f"categorical_features is of shape {chosen.shape} and {chosen.dtype};"
            " expected a list of positions, a list of names, or a mask of booleans."
        )
    known = list(range(n_features))
    if is_named and chosen.size:
        known = [] if names is None else list(names)
        if len(known) != n_features:
            why = f"the {len(known)} columns of X are steps of {n_features} feature(s)"
            why = why if known else "the features of X had none in fit"
            raise ValueError(
                f"categorical_features={chosen.tolist()} are names, but {why}; give"
                " positions within a step, or a mask."
            )
    elif chosen.dtype.kind == "b":
        what = "a step has {} features"
        chosen = _read_mask(chosen, n_features, "categorical_features", what)
    positions = [
        find_position(key, known, "categorical_features", what="features")
        for key in chosen.tolist()
    ]
    return sorted({*positions, *labelled})


def _read_mask(mask: np.ndarray, n: int, parameter: str, what: str) -> np.ndarray:
    """Positions of what a mask of booleans chooses."""
    if len(mask) != n:
        raise ValueError(
            f"{parameter} is a mask of {len(mask)} values, but {what.format(n)}; give"
            " one value for each."
        )
    return np.flatnonzero(mask)


def check_labels(
    estimator: Any, sequences: Sequences, labels: dict[int, list[Any]]
) -> None:
    """Raise if features do not hold what they held in fit: numbers, words or codes."""
    here, fitted = sequences.labels(), type(estimator).__name__
    names = sequences.feature_names
    named = {i: i if names is None else repr(names[i]) for i in {*here, *labels}}
    odd = set(here) ^ set(labels)
    # Labels of which none is there have no type of their own.
    if odd := {i for i in odd if i in here or not _is_empty(sequences.steps[:, i])}:
        i = min(odd)
        kinds = ["numbers", "labels"][:: 1 if i in labels else -1]
        raise ValueError(
            f"Feature {named[i]} of X holds {kinds[0]}, and held {kinds[1]} when"
            f" {fitted} was fitted: give columns of the same type, or ids of the same"
            " encoder."
        )
    for i, old in labels.items():
        if i not in here:
            continue
        known = set(old)
        new = [label for label in here[i] if label not in known]
        is_word, was_word = ({isinstance(k, str) for k in kind} for kind in (new, old))
        # 1 and "1" are two labels: each would be unknown to the other.
        if new and old and not is_word & was_word:
            raise ValueError(
                f"Feature {named[i]} of X holds labels of type {type(new[0]).__name__},"
                f" such as {new[0]!r}, and held those of type {type(old[0]).__name__},"
                f" such as {old[0]!r}, when {fitted} was fitted: give columns of the"
                " same type."
            )


def _is_empty(column: np.ndarray) -> bool:
    return column.dtype.kind == "f" and bool(np.isnan(column).all())


def find_labels(sequences: Sequences) -> dict[int, list[Any]]:
    """Find the labels that occur, by feature."""
    found: dict[int, list[Any]] = {}
    if not sequences.labels():
        return found
    used = sequences.coverage() > 0
    for i, labels in sequences.labels().items():
        ids = np.unique(sequences.steps[used, i])
        found[i] = [labels[int(k)] for k in ids[ids >= 0]]
    return found


def apply_labels(sequences: Sequences, known: dict[int, list[Any]]) -> Sequences:
    """Number the labels as they were in fit, -1 for those that it has not seen."""
    new = {i: labels for i, labels in sequences.labels().items() if labels != known[i]}
    if not new:
        return sequences
    steps = sequences.steps
    # Short integers may have no place for -1, or for as many labels.
    steps = steps.astype(steps.dtype if steps.dtype.kind == "f" else np.int64)
    for i, labels in new.items():
        numbers = {label: k for k, label in enumerate(known[i])}
        ids = [numbers.get(label, -1) for label in labels]
        old = np.nan_to_num(steps[:, i], nan=-1).clip(min=-1).astype(np.int64)
        steps[:, i] = np.array([*ids, -1])[old]  # the last is at -1
    return sequences.on_table(steps)


def check_ids(
    sequences: Sequences, positions: list[int], n_ids: list[int] | None = None
) -> None:
    """Raise if a feature that should hold ids has a step that does not."""
    if not positions:
        return
    values = sequences.steps[:, positions]  # (n_steps_total, n_positions)
    # An array, for the limit as a number would have to fit into a float16.
    bad = values >= np.array([MAX_IDS] if n_ids is None else n_ids)
    if values.dtype.kind == "f":
        bad |= (values != np.floor(values)) & ~np.isnan(values)
    bad[sequences.coverage() == 0] = False
    if not bad.any():
        return
    row, k = np.argwhere(bad)[0]
    value = float(values[row, k])
    if value % 1:
        advice = "Ids are whole numbers, negative ones for unknown: encode categories"
    elif n_ids is None:
        advice = f"Ids must be below {MAX_IDS}: number the categories from 0 on"
    else:
        advice = "The largest in fit was"
        if positions[k] in sequences.labels():
            advice = "The last with a label is"
        advice += f" {n_ids[k] - 1}: encode unknown ones as -1"
    raise ValueError(
        f"Input X contains the id {value:.15g}:"
        f" {name_step(sequences, row, positions[k])}. {advice}, as SequenceEncoder"
        " does, or"
        " OrdinalEncoder(handle_unknown='use_encoded_value', unknown_value=-1)."
    )


def count_ids(sequences: Sequences, positions: list[int]) -> list[int]:
    """Count the ids from 0 to the largest."""
    if not positions:
        return []
    largest = np.fmax.reduce(sequences._lean().steps[:, positions], axis=0)
    return [int(np.fmax(value, 0)) + 1 for value in largest]
