"""Class labels: checked, and as numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import assert_all_finite, column_or_1d
from sklearn.utils.multiclass import check_classification_targets


def check_labels(y: Any) -> np.ndarray:
    """Return labels as an array of shape (n_samples,), or say what is wrong."""
    y = column_or_1d(y, warn=True)
    assert_all_finite(y, input_name="y")
    check_classification_targets(y)
    return y


def encode_labels(y: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Return the positions of labels in the sorted classes.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Labels.

    classes : ndarray of shape (n_classes,)
        All that may come.

    Returns
    -------
    encoded : ndarray of int, shape (n_samples,)
        Positions.

    Raises
    ------
    ValueError
        If there are fewer than two classes, or a label that is none of them.
    """
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
