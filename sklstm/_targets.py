"""What the y of a regressor is: its shape, and the level that it starts from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.preprocessing import StandardScaler

from ._anchor import (
    Anchor,
    ages_of_season,
    find_anchor,
    find_units,
    warn_of_short,
)
from ._sequences import Sequences


@dataclass
class Targets:
    """The form of y in the first fit.

    Attributes
    ----------
    ndim : int
        Dimensions of y.

    n_outputs : int
        Number of columns.

    anchor : Anchor or None
        The level of each column; None if levels are predicted as they are.

    asked : dict
        The parameters that the level follows from.
    """

    ndim: int
    n_outputs: int
    anchor: Anchor | None
    asked: dict[str, Any]

    @classmethod
    def find(
        cls, y: np.ndarray, sequences: Sequences, anchor: Any, period: int, names: Any
    ) -> Targets:
        """Take the form of y, and find the levels of its columns.

        Parameters
        ----------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Targets.

        sequences : Sequences
            What they follow.

        anchor, period
            As in `LSTMRegressor`.

        names : array-like of str or None
            Names of the features.

        Returns
        -------
        targets : Targets
            The form.
        """
        y_2d = y.reshape(len(y), -1)
        found, n_outputs = None, y_2d.shape[1]
        if anchor is not None:
            positions, n_named = find_anchor(
                anchor, sequences.shape[2], n_outputs, names
            )
            scale, _, _ = find_units(sequences, positions, y_2d)
            warn_of_short(sequences, period)
            ages = ages_of_season(n_outputs, n_named, period)
            found = Anchor(positions, scale, ages)
        asked = {"anchor": anchor, "period": period}
        return cls(y.ndim, n_outputs, found, asked)

    def check_asked(self, **asked: Any) -> None:
        """Raise if the parameters are not those of the first fit."""
        for name, value in asked.items():
            if not np.array_equal(value, self.asked[name]):
                raise ValueError(
                    f"{name} was {self.asked[name]!r} in the first fit and is now"
                    f" {value!r}: set it back, or fit with warm_start=False."
                )

    def encode(self, y: np.ndarray, sequences: Sequences) -> np.ndarray:
        """Return what is to be learnt, (n_samples, n_outputs), from y."""
        y = y.reshape(len(y), -1)
        if y.shape[1] != self.n_outputs:
            raise ValueError(
                f"y has {y.shape[1]} output(s), but LSTMRegressor was fitted to"
                f" {self.n_outputs}; give as many."
            )
        return y if self.anchor is None else y - self.anchor.levels(sequences)

    def decode(
        self, values: np.ndarray, sequences: Sequences, scaler: StandardScaler | None
    ) -> np.ndarray:
        """Turn values of the net, (n_samples, n_outputs), into y."""
        if scaler is not None:
            values = scaler.inverse_transform(values)
        if self.anchor is not None:
            values = values + self.anchor.levels(sequences)
        return self.in_shape(values)

    def in_shape(self, values: np.ndarray) -> np.ndarray:
        """Return values as y was: of one dimension, or of two."""
        return values.ravel() if self.ndim == 1 else values
