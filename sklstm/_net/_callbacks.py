"""Callbacks for skorch: those of the parameters, and a bridge to scikit-learn's."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from numbers import Real
from typing import Any

import torch
from skorch import NeuralNet
from skorch.callbacks import Callback, EpochTimer, GradientNormClipping, LRScheduler

SCHEDULERS = {"cosine": "CosineAnnealingLR", "reduce_on_plateau": "ReduceLROnPlateau"}

# What the history has of validation data; "_best" says whether an epoch is.
VALIDATED = ("valid_loss", "valid_loss_best", "valid_score")


def make_callbacks(
    *,
    max_grad_norm: float | None,
    lr_scheduler: tuple[str | None, dict[str, Any]],
    n_epochs: int,
    patience: int | None,
    tol: float,
    monitor: tuple[str, int],
    score: Callback | None,
    others: list[Callback],
    prints: bool,
) -> list[Callback]:
    """Make skorch's callbacks for the parameters of an estimator, around others."""
    callbacks: list[Callback] = []
    if max_grad_norm is not None:
        callbacks += [GradientNormClipping(max_grad_norm)]
    if score is not None:
        callbacks += [score]
    scheduler, arguments = lr_scheduler
    if scheduler == "cosine":
        # Each fit has its own schedule: it starts anew, whatever the history says.
        arguments = {"T_max": n_epochs, "last_epoch": -1} | arguments
    elif scheduler == "reduce_on_plateau":
        # A share of a score below 0, by which it may fall, is no progress.
        rises = {"mode": "max", "threshold_mode": "abs"} if monitor[1] < 0 else {}
        arguments = {"monitor": monitor[0], "patience": 5} | rises | arguments
    if scheduler is not None:
        callbacks += [LRScheduler(SCHEDULERS[scheduler], **arguments)]
    for other in others:
        check_callback(other, scheduler, validates=score is not None)
    callbacks += [BestEpoch(*monitor, restores=score is not None)]
    callbacks += [("epoch_timer", EpochTimer()), *others]
    if prints:
        callbacks += [EpochLog(n_epochs)]
    if patience is not None:
        callbacks += [Stopping(*monitor, patience, tol)]
    return callbacks


def check_callback(given: Any, scheduler: str | None, *, validates: bool) -> None:
    """Raise if it is no callback of skorch, or cannot do what it is for."""
    callback = given[-1] if isinstance(given, tuple) and given else given
    if isinstance(callback, type) and issubclass(callback, Callback):
        callback = callback()  # as skorch does
    if not isinstance(callback, Callback):
        raise ValueError(
            f"callbacks has {given!r}; expected callbacks of skorch, such as"
            " skorch.callbacks.Checkpoint(), each alone or as (name, callback)."
        )
    if scheduler is not None and isinstance(callback, LRScheduler):
        raise ValueError(
            f"callbacks has LRScheduler, and lr_scheduler={scheduler!r} sets the"
            " learning rate, too: set lr_scheduler=None."
        )
    monitored = getattr(callback, "monitor", None)
    if not validates and monitored in VALIDATED:
        best = "_best" * monitored.endswith("_best")
        raise ValueError(
            f"callbacks has {type(callback).__name__}, which monitors {monitored!r},"
            " but nothing is validated with early_stopping=False: set"
            " early_stopping=True, whose n_iter_no_change says when to stop, or monitor"
            f" the loss in training, 'train_loss{best}'."
        )


class BestEpoch(Callback):
    """Keep the weights of the lowest loss, and put them back in the end."""

    def __init__(self, monitor: str, sign: int, restores: bool) -> None:
        self.monitor, self.sign, self.restores = monitor, sign, restores

    def on_train_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        self.loss_, self.weights_ = math.inf, None

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Compare losses as they are, whatever counts as progress."""
        loss = self.sign * net.history[-1, self.monitor]
        if loss < self.loss_:
            self.loss_ = loss
            if self.restores:
                self.weights_ = copy.deepcopy(net.module_.state_dict())

    def on_train_end(self, net: NeuralNet, **kwargs: Any) -> None:
        if self.weights_ is not None:
            net.module_.load_state_dict(self.weights_)
        self.weights_ = None


class Stopping(Callback):
    """Stop after so many epochs without progress: the last to see an epoch."""

    def __init__(self, monitor: str, sign: int, patience: int, tol: float) -> None:
        self.monitor, self.sign, self.patience, self.tol = monitor, sign, patience, tol

    def on_train_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        self.least_, self.waited_ = math.inf, 0

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        loss = self.sign * net.history[-1, self.monitor]
        self.waited_ += 1
        if loss < self.least_ - self.tol:
            self.least_, self.waited_ = loss, 0
        if self.waited_ >= self.patience:
            raise KeyboardInterrupt  # skorch's signal to end training


class EpochLog(Callback):
    """Print a line per epoch, the one that ends training included."""

    def __init__(self, n_epochs: int) -> None:
        self.n_epochs = n_epochs

    def on_train_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        self.n_before_ = self.n_printed_ = len(net.history)

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Print the numbers that have been recorded of an epoch."""
        row, self.n_printed_ = net.history[-1], len(net.history)
        total = str(self.n_before_ + self.n_epochs)
        parts = [f"epoch {row['epoch']:{len(total)}}/{total}"]
        for key, value in row.items():
            is_number = isinstance(value, Real) and not isinstance(value, bool)
            if is_number and key not in ("epoch", "dur") and "_batch_count" not in key:
                name = key.removeprefix("event_")
                parts.append(f"{name} {value:<9.4g}")
        print(*parts, f"{row['dur']:.2f} s", sep="  ", flush=True)  # noqa: T201

    def on_train_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Print an epoch in which another callback has ended training."""
        if len(net.history) > self.n_printed_:
            self.on_epoch_end(net)


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


class EstimatorScore(Callback):
    """Record a score of the estimator with the net as it is after each epoch."""

    def __init__(self, score: Any) -> None:
        self.score = score

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        net.history.record("valid_score", self.score(net))

    def on_train_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Let go of the data."""
        self.score = None


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
            raise KeyboardInterrupt

    def on_train_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Let go of the data."""
        self.arguments = {}
