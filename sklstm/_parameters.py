"""What the parameters that both estimators have may be."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import torch
from sklearn.utils._param_validation import Interval, StrOptions

from ._runtime import DTYPES

OPTIMIZERS = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "rmsprop": torch.optim.RMSprop,
    "sgd": torch.optim.SGD,
}
# Optimizers with an implementation that updates all parameters in one call.
FUSED = {"adam", "adamw", "sgd"}

CONSTRAINTS: dict = {
    "hidden_size": [Interval(Integral, 1, None, closed="left")],
    "num_layers": [Interval(Integral, 1, None, closed="left")],
    "bidirectional": ["boolean"],
    "dropout": [Interval(Real, 0, 1, closed="left")],
    "pooling": [StrOptions({"last", "mean", "max"})],
    "unroll": [StrOptions({"window", "series"})],
    "optimizer": [StrOptions(set(OPTIMIZERS)), callable],
    "learning_rate": [Interval(Real, 0, None, closed="neither")],
    "weight_decay": [Interval(Real, 0, None, closed="left")],
    "max_grad_norm": [Interval(Real, 0, None, closed="neither"), None],
    "lr_scheduler": [StrOptions({"cosine", "reduce_on_plateau"}), None],
    "batch_size": [Interval(Integral, 1, None, closed="left")],
    "max_epochs": [Interval(Integral, 1, None, closed="left")],
    "early_stopping": ["boolean"],
    "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
    "n_iter_no_change": [Interval(Integral, 1, None, closed="left"), None],
    "tol": [Interval(Real, 0, None, closed="left")],
    "warm_start": ["boolean"],
    "standardize": ["boolean"],
    "n_timesteps": [Interval(Integral, 1, None, closed="left"), None],
    "categorical_features": ["array-like", None],
    "embedding_size": [Interval(Integral, 1, None, closed="left"), None],
    "device": [str],
    "dtype": [StrOptions(set(DTYPES))],
    "autocast": [StrOptions({"bfloat16"}), None],
    "callbacks": [list, None],
    "random_state": ["random_state"],
    "verbose": ["verbose"],
}
# Those that decide what weights there are; training goes on only if they stay.
ARCHITECTURE = (
    "hidden_size",
    "num_layers",
    "bidirectional",
    "dropout",
    "pooling",
    "dtype",
    "categorical_features",
    "embedding_size",
    "linear_skip",
)


def check_together(estimator: Any) -> None:
    """Refuse parameters that are valid, but not with each other.

    Parameters
    ----------
    estimator : BaseLSTM
        Whose parameters to check.

    Raises
    ------
    ValueError
        If there is no net, or no arithmetic, of this kind.
    """
    one_way = not estimator.bidirectional and estimator.pooling == "last"
    if estimator.unroll == "series" and not one_way:
        raise ValueError(
            "unroll='series' reads a series once, from its start; with"
            f" bidirectional={estimator.bidirectional} and"
            f" pooling={estimator.pooling!r} each window needs a reading of its own:"
            " set unroll='window'."
        )
    if estimator.autocast is not None and estimator.dtype != "float32":
        raise ValueError(
            f"autocast={estimator.autocast!r} shortens float32, but dtype is"
            f" {estimator.dtype!r}: set autocast=None or dtype='float32'."
        )
