"""`StepTransformer`: a transformer of tables, applied to the steps of sequences."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import (
    BaseEstimator,
    MetaEstimatorMixin,
    TransformerMixin,
    _fit_context,
    clone,
)
from sklearn.utils import get_tags
from sklearn.utils._param_validation import HasMethods
from sklearn.utils.validation import check_is_fitted

from ._input import read_sequences
from ._sequences import Sequences


class StepTransformer(MetaEstimatorMixin, TransformerMixin, BaseEstimator):
    """Apply a transformer of tables to the steps of sequences.

    A scaler, an imputer, a decomposition or a `ColumnTransformer` sees one row per
    step. It is fitted to each step that the training sequences hold, once. Sequences
    keep their lengths and all that they know.

    Parameters
    ----------
    transformer : estimator
        A transformer that returns a row for each row; it is cloned. If features have
        names, it gets a dataframe of pandas, where that is installed.

    Attributes
    ----------
    transformer_ : estimator
        The fitted transformer.

    n_features_in_ : int
        Number of features of a step, or of columns for 2-D input.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if X came with names that are all strings.

    See Also
    --------
    SequenceWindower : Keep the last steps of each sequence.
    sklearn.compose.ColumnTransformer : Other transformers for other features.

    Notes
    -----
    The LSTM estimators standardise by themselves: no scaler is needed before them.

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
        "transformer": [HasMethods(["fit", "transform"])],
    }

    n_timesteps: int | None = None  # a row of a 2-D array is one sequence

    def __init__(self, transformer: Any) -> None:
        self.transformer = transformer

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any = None) -> StepTransformer:
        """Fit the transformer to the steps of sequences.

        Parameters
        ----------
        X : Sequences, array-like or list of array-like
            As for `LSTMRegressor`.

        y : Ignored
            Present for the API.

        Returns
        -------
        self : StepTransformer
            The fitted transformer.
        """
        sequences = read_sequences(self, X, reset=True)
        used = sequences.coverage() > 0
        steps = sequences.steps if used.all() else sequences.steps[used]
        self.transformer_ = clone(self.transformer).fit(self._table(steps))
        return self

    def transform(self, X: Any) -> Sequences:
        """Transform the steps of sequences.

        Parameters
        ----------
        X : Sequences, array-like or list of array-like
            As in `fit`.

        Returns
        -------
        sequences : Sequences
            The same sequences of the new features.

        Raises
        ------
        ValueError
            If the transformer returns another number of rows.
        """
        check_is_fitted(self)
        sequences = read_sequences(self, X, reset=False).compact()
        table = self.transformer_.transform(self._table(sequences.steps))
        names = getattr(table, "columns", None)
        table = table.toarray() if hasattr(table, "toarray") else np.asarray(table)
        if len(table) != len(sequences.steps):
            raise ValueError(
                f"{type(self.transformer).__name__} returns {len(table)} rows for"
                f" {len(sequences.steps)} steps; give one that keeps the rows."
            )
        if names is None and hasattr(self.transformer_, "get_feature_names_out"):
            names = self.transformer_.get_feature_names_out()
        old = sequences.feature_names
        if names is None and table.shape[1] == sequences.shape[2]:
            return sequences.on_table(table)
        return sequences.on_table(
            table,
            feature_names=None
            if names is None or old is None
            else np.array(names, dtype=object),
            targets=_find_again(sequences, names),
        )

    def _table(self, steps: np.ndarray) -> Any:
        names = getattr(self, "feature_names_in_", None)
        if names is None or len(names) != steps.shape[1]:
            return steps
        try:
            import pandas as pd
        except ImportError:
            return steps
        return pd.DataFrame(steps, columns=names, copy=False)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        inner = get_tags(self.transformer)
        tags.input_tags.three_d_array = True
        tags.input_tags.allow_nan = inner.input_tags.allow_nan
        return tags


def _find_again(sequences: Sequences, names: Any) -> list[int] | None:
    """Positions of the targets among new features, if all kept their names."""
    named = sequences.feature_names
    old = [f"x{i}" for i in range(sequences.shape[2])] if named is None else named
    new = [] if names is None else list(names)
    if sequences.targets is None or any(old[i] not in new for i in sequences.targets):
        return None
    return [new.index(old[i]) for i in sequences.targets]
