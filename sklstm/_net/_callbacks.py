"""Callbacks for skorch: those of the parameters, and a bridge to scikit-learn's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from skorch import NeuralNet
from skorch.callbacks import Callback, EarlyStopping, GradientNormClipping, LRScheduler


def make_callbacks(
    *,
    max_grad_norm: float | None,
    lr_scheduler: str | None,
    n_epochs: int,
    patience: int | None,
    tol: float,
    score: Callable[..., float] | None,
) -> list[Callback]:
    """Make skorch's callbacks for the parameters of an estimator."""
    monitor = "train_loss" if score is None else "valid_loss"
    callbacks: list[Callback] = []
    if max_grad_norm is not None:
        callbacks += [GradientNormClipping(max_grad_norm)]
    if score is not None:
        callbacks += [ValidationScore(score)]
    if lr_scheduler == "cosine":
        # Each fit has its own schedule: it starts anew, whatever the history says.
        callbacks += [LRScheduler("CosineAnnealingLR", T_max=n_epochs, last_epoch=-1)]
    elif lr_scheduler == "reduce_on_plateau":
        callbacks += [LRScheduler("ReduceLROnPlateau", monitor, patience=5)]
    if patience is not None or score is not None:
        early_stopping = EarlyStopping(
            monitor=monitor,
            patience=patience or n_epochs + 1,
            threshold=tol if patience else 0.0,
            threshold_mode="abs",
            load_best=score is not None,
        )
        callbacks += [early_stopping]
    return callbacks


class ValidationScore(Callback):
    """Record a score of the predictions for the validation data in each epoch."""

    def __init__(self, score: Callable[..., float]) -> None:
        self.score = score

    def on_epoch_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        self.parts_: list[tuple[torch.Tensor, ...]] = []

    def on_batch_end(
        self, net: NeuralNet, batch: Any = None, training: bool = False, **step: Any
    ) -> None:
        """Keep what the validation step has computed anyway."""
        if not training:
            (inputs, y), output = batch, step["y_pred"]
            weight = inputs.get("weight", output.new_ones(len(y)))
            self.parts_.append((y, output, weight))

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Score all batches together."""
        parts = map(torch.cat, zip(*self.parts_, strict=True))
        arrays = [part.numpy(force=True) for part in parts]
        net.history.record("valid_score", float(self.score(*arrays)))


class EpochTasks(Callback):
    """Tell scikit-learn's callbacks of each epoch, and stop when they say so."""

    def __init__(self, context: Any, **arguments: Any) -> None:
        self.context = context
        self.arguments = arguments

    def on_epoch_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        self.task_ = self.context.subcontext(task_name="epoch")
        self.task_.call_on_fit_task_begin(**self.arguments)

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        state = {"net_": net}  # hooks may ask for an estimator as it is by now
        end = self.task_.call_on_fit_task_end
        if end(**self.arguments, reconstruction_attributes=state):
            raise KeyboardInterrupt  # skorch's signal to end training

    def on_train_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Let go of the data."""
        self.arguments = {}
