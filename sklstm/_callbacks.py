"""Callbacks for skorch: a validation score, and a bridge to scikit-learn's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from skorch import NeuralNet
from skorch.callbacks import Callback


class ValidationScore(Callback):
    """Record a score of the predictions for the validation data in each epoch.

    Parameters
    ----------
    score : callable
        Takes target, output and weight as arrays and returns a float.
    """

    def __init__(self, score: Callable[..., float]) -> None:
        self.score = score

    def on_epoch_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        """Forget the last epoch."""
        self.parts_: list[tuple[torch.Tensor, ...]] = []

    def on_batch_end(
        self, net: NeuralNet, batch: Any = None, training: bool = False, **step: Any
    ) -> None:
        """Keep what the validation step has computed anyway."""
        if not training:
            self.parts_.append((*batch[1], step["y_pred"]))

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Score all batches together."""
        parts = zip(*self.parts_, strict=True)
        y, weight, output = (torch.cat(part).cpu().numpy() for part in parts)
        net.history.record("valid_score", float(self.score(y, output, weight)))


class EpochTasks(Callback):
    """Tell scikit-learn's callbacks of each epoch, and stop when they say so.

    Parameters
    ----------
    context : sklearn.callback.CallbackContext
        That of the fit; an epoch is one of its subtasks.

    **arguments : dict
        What the hooks are called with: estimator, X, y and metadata.
    """

    def __init__(self, context: Any, **arguments: Any) -> None:
        self.context = context
        self.arguments = arguments

    def on_epoch_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        """Open the task."""
        self.task_ = self.context.subcontext(task_name="epoch")
        self.task_.call_on_fit_task_begin(**self.arguments)

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Close the task; hooks may ask for an estimator as it is by now."""
        stop = self.task_.call_on_fit_task_end(
            **self.arguments, reconstruction_attributes={"net_": net}
        )
        if stop:
            raise KeyboardInterrupt  # skorch's signal to end training

    def on_train_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Let go of the data."""
        self.arguments = {}
