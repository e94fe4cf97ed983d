"""`StepTransformer`: a transformer of tables, applied to the steps of sequences."""

from __future__ import annotations

import warnings
from numbers import Real
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin, TransformerMixin, clone
from sklearn.callback import CallbackSupportMixin
from sklearn.utils import check_array, get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, validate_data

from ._arrays import reading, refuse_masked
from ._compat import HasMethods, _fit_context
from ._input import (
    KeepsSequences,
    all_or_nothing,
    is_ragged,
    read_sequences,
    unpack,
    warn_of_one_step,
)
from ._rows._columns import (
    check_axes,
    column_names,
    count_axes,
    find_texts,
    is_frame,
    read_steps,
    refuse_lazy,
)
from ._sequences import Sequences
from ._state import PlainState
from ._tasks import one_task


def _inner_names(self: Any) -> bool:
    inner = getattr(self, "transformer_", self.transformer)
    return hasattr(inner, "get_feature_names_out")


class StepTransformer(  # type: ignore[call-arg]
    CallbackSupportMixin,
    KeepsSequences,
    PlainState,
    MetaEstimatorMixin,
    TransformerMixin,
    BaseEstimator,
    auto_wrap_output_keys=None,
):
    """Apply a transformer of tables to the time steps of sequences.

    The transformer, such as a scaler, an imputer, a decomposition or a
    `ColumnTransformer`, gets a row for each time step. It is fitted to each time step
    of the training sequences once. Sequences keep their lengths and their attributes.

    Parameters
    ----------
    transformer : estimator
        A transformer that returns a row for each row and needs no y. It is cloned. If
        features have names and pandas is installed, it gets a pandas dataframe, with a
        categorical column for each feature that has labels.

    Attributes
    ----------
    transformer_ : estimator
        The fitted transformer.

    n_features_in_ : int
        Number of features of a time step, or of columns of a table, seen during
        `fit`.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features seen during `fit`. Defined only if X has names that
        are all strings.

    See Also
    --------
    SequenceWindower : Keep the last time steps of each history.
    sklearn.compose.ColumnTransformer : Other transformers for other features.

    Notes
    -----
    The LSTM estimators standardise X and y themselves, and need no scaler before them.

    The transformer gets the time steps of all series as one table, and must map each
    row on its own. If X is a table, it is passed to the transformer as it is.

    Sequences still know which features y continues if these keep their names. For
    that, a `ColumnTransformer` needs ``verbose_feature_names_out=False``.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.impute import SimpleImputer
    >>> from sklstm import StepTransformer, make_histories
    >>> X = make_histories([1.0, np.nan, 3.0])
    >>> StepTransformer(SimpleImputer()).fit_transform(X)[2].ravel()
    array([1., 2., 3.])
    """

    _parameter_constraints: dict[str, list[Any]] = {
        "transformer": [HasMethods(["fit", "transform"])]
    }

    def __init__(self, transformer: Any) -> None:
        self.transformer = transformer

    @_fit_context(prefer_skip_nested_validation=False)
    @all_or_nothing
    def fit(self, X: Any, y: Any = None) -> StepTransformer:
        """Fit the transformer to the steps of sequences.

        Parameters
        ----------
        X : Sequences, array-like or list of array-like
            Sequences, 3-D of shape (n_samples, n_timesteps, n_features), a list of
            arrays of shape (n_timesteps_i, n_features), or a table of steps.

        y : Ignored
            Present for the API.

        Returns
        -------
        self : StepTransformer
            The fitted transformer.
        """
        with one_task(self, X, y):
            sequences = self._read(X, reset=True)
            if sequences is not None:
                used = sequences.coverage() > 0
                steps = sequences.steps if used.all() else sequences.steps[used]
                X = self._table(steps, sequences.labels())
            self.transformer_ = clone(self.transformer).fit(X)
        return self

    def transform(self, X: Any) -> Any:
        """Transform the steps of sequences.

        Parameters
        ----------
        X : Sequences, array-like or list of array-like
            As in `fit`.

        Returns
        -------
        sequences : Sequences
            The same sequences with the new features. For a table, the output of the
            transformer.
        """
        check_is_fitted(self)
        sequences = self._read(X, reset=False)
        if sequences is None:
            return self.transformer_.transform(X)
        sequences = sequences.compact()
        # A copy: a transformer may work in place, and others share the table.
        given = self._table(sequences.steps.copy(), sequences.labels())
        table = self.transformer_.transform(given)
        names = column_names(table) if is_frame(table) else None
        table = table.toarray() if hasattr(table, "toarray") else table
        table, categories = _read(table)
        if table.ndim != 2 or len(table) != len(sequences.steps):
            raise ValueError(
                f"{type(self.transformer).__name__} returns an array of shape"
                f" {table.shape} for {len(sequences.steps)} steps; give one that"
                " returns a table with a row for each."
            )
        if names is None and hasattr(self.transformer_, "get_feature_names_out"):
            names = self.transformer_.get_feature_names_out()
        made = _replace(sequences, table, names)
        made.categories = categories
        _warn_of_magnitudes(sequences, made, names)
        return made

    @available_if(_inner_names)
    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return the names of the new features.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the features; those seen in `fit` if None.

        Returns
        -------
        names : ndarray of str
            The names that the transformer returns.
        """
        check_is_fitted(self)
        return self.transformer_.get_feature_names_out(input_features)

    def _read(self, X: Any, *, reset: bool) -> Sequences | None:
        """Read sequences; None for a table, whose rows are steps."""
        refuse_lazy(X)
        refuse_masked(X, "X")
        seen, _ = unpack(X, univariate=not reset and vars(self)["_is_univariate"])
        if is_ragged(seen) or (not is_frame(seen) and count_axes(seen, "X") == 3):
            sequences = read_sequences(self, X, reset=reset)
            if reset:
                warn_of_one_step(X, sequences, stacklevel=5)
            return sequences
        if not is_frame(X):
            check_axes(X, "X")
        with reading("X", "a table"):
            check_array(X, dtype=None, accept_sparse=True, ensure_all_finite=False)
        validate_data(self, X, reset=reset, skip_check_array=True)
        if reset:
            self._is_univariate = False
        return None

    def _table(self, steps: np.ndarray, labels: dict[int, list[Any]]) -> Any:
        """Return steps with the names of their features, and labels for ids."""
        names = getattr(self, "feature_names_in_", None)
        if not labels and (names is None or len(names) != steps.shape[1]):
            return steps
        try:
            import pandas as pd
        except ImportError:
            if labels:
                raise ImportError(
                    f"The features {list(labels)} hold labels, which transformers are"
                    " given in dataframes: pip install 'sklstm[pandas]'."
                ) from None
            return steps
        table = pd.DataFrame(steps, columns=names, copy=False)
        for i, kinds in labels.items():
            codes = np.nan_to_num(steps[:, i], nan=-1).clip(min=-1).astype(int)
            dtype = pd.CategoricalDtype(kinds)
            table.isetitem(i, pd.Categorical.from_codes(codes, dtype=dtype))
        return table

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        inner = get_tags(self.transformer)
        tags.input_tags.three_d_array = True
        tags.input_tags.allow_nan = inner.input_tags.allow_nan
        return tags


def _read(table: Any) -> tuple[np.ndarray, Any]:
    """Read what a transformer returns: numbers, and labels as ids."""
    if not is_frame(table):
        table = np.asarray(table)
        if table.dtype != object or table.ndim != 2:
            return table, None
        import pandas as pd  # where labels have come from

        table = pd.DataFrame(table).infer_objects()
    if not find_texts(table, columns := list(range(np.shape(table)[1]))):
        return np.asarray(table), None
    return read_steps(table, columns, None, {})


def _warn_of_magnitudes(before: Sequences, after: Sequences, names: Any) -> None:
    """Say so if numbers that were labels have lost that on their way."""
    # A ColumnTransformer may put the name of a step before that of a feature.
    names = [] if names is None else [str(name).rpartition("__")[2] for name in names]
    for i, labels in before.labels().items():
        name = f"x{i}" if before.feature_names is None else before.feature_names[i]
        if name not in names or not all(isinstance(label, Real) for label in labels):
            continue
        ids, values = before.steps[:, i], after.steps[:, names.index(name)]
        known = ids >= 0
        values, ids = values[known], ids[known].astype(int)
        is_label = names.index(name) in after.labels()
        if not is_label and len(ids) and (values == np.array(labels)[ids]).all():
            warnings.warn(
                f"Feature {name!r} held labels, such as {labels[0]!r}, and is returned"
                " as numbers, which are read as magnitudes: give the transformer"
                " .set_output(transform='pandas'), so that it returns categories.",
                stacklevel=3,
            )


def _replace(sequences: Sequences, table: np.ndarray, names: Any) -> Sequences:
    """Put sequences on a table of other features, and find the targets again."""
    named, n_features = sequences.feature_names, sequences.shape[2]
    # As scikit-learn calls features without names.
    old = [f"x{i}" for i in range(n_features)] if named is None else list(named)
    if names is not None:
        new = list(names)
    else:  # a transformer without names may keep the features as they are
        new = old if table.shape[1] == n_features else []
    targets = sequences.targets
    if targets is not None:
        kept = [old[i] for i in targets if old[i] in new]
        targets = [new.index(k) for k in kept] if len(kept) == len(targets) else None
    made = sequences._on_table(table, targets)
    if named is not None and names is not None:
        made.feature_names = np.array(new, dtype=object)
    return made
