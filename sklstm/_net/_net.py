"""skorch's training loop, with weights in the loss and one read of it an epoch."""

from __future__ import annotations

import dis
import math
import signal
from copy import deepcopy
from typing import Any, NoReturn

import numpy as np
import torch
from sklearn.base import ClassifierMixin
from skorch import NeuralNet
from skorch.callbacks import Callback
from skorch.history import History

from . import _ranks
from ._callbacks import BestEpoch
from ._checkpoint import FitCheckpoint
from ._hash import hash_of
from ._plain import check_optimizer, pack, swap, unpack
from ._runtime import COMPUTING

OPTIMIZERS = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "rmsprop": torch.optim.RMSprop,
    "sgd": torch.optim.SGD,
}
CURE = "lower learning_rate, set max_grad_norm, or scale the data"
# What processes that fit together are told if they do not begin, or end, with the same.
DIFFER = (
    "give each the same X, y and parameters, with an int as random_state, or call fit"
    " before init_process_group"
)
DRIFTED = (
    "leave out callbacks that change weights, and take machines of one kind, with the"
    " same number of threads"
)
# Optimizers with an implementation that updates all parameters in one call.
FUSED = {"adam", "adamw", "sgd"}


class LSTMNet(NeuralNet):
    """A skorch net over a `BatchDataset`, whose targets come with weights."""

    optimizer_: Any

    def __init__(self, *args: Any, autocast: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.autocast = autocast

    def get_default_callbacks(self) -> list[tuple[str, Callback]]:
        """Leave out skorch's: its scores average losses by batch."""
        return []

    def initialize_optimizer(self, *args: Any) -> LSTMNet:
        """Make none for a net that is loaded: that of its training may be gone."""
        if self.optimizer is not None:
            return super().initialize_optimizer(*args)
        self.optimizer_ = None
        return self

    def infer(self, x: dict[str, torch.Tensor], **fit_params: Any) -> torch.Tensor:
        """Keep the weights, which travel with the inputs, from the module."""
        others = (x.get(name) for name in ("lengths", "at", "share", "state"))
        arguments = x["x"], *others
        if not (self.autocast and self.module_.training):
            return self.module_(*arguments)
        with torch.autocast(torch.device(self.device).type, torch.bfloat16):
            return self.module_(*arguments).float()  # so that losses are exact

    def get_loss(
        self, y_pred: Any, y_true: Any, X: Any = None, training: bool = False
    ) -> torch.Tensor:
        """Average the weighted losses; the weights have a mean of 1 over the data."""
        losses = self.criterion_(y_pred, y_true)
        if "weight" in X:
            losses = losses.view(len(losses), -1).mean(dim=1) * X["weight"]
        loss = losses.mean()
        return loss * X["share"].factor if "share" in X else loss

    def train_step(self, batch: Any, **fit_params: Any) -> dict[str, Any]:
        """Spare optimizers that never call it the closure that skorch makes."""
        if type(self.optimizer_) not in OPTIMIZERS.values():
            return super().train_step(batch, **fit_params)
        for _, parameter in self._parameters:
            parameter.grad = None
        with torch.enable_grad():  # as an optimizer does around a closure
            step = self.train_step_single(batch, **fit_params)
        self.notify(
            "on_grad_computed",
            named_parameters=self._parameters,
            batch=batch,
            training=True,
        )
        self.optimizer_.step()
        return step

    def train_step_single(self, batch: Any, **fit_params: Any) -> dict[str, Any]:
        """Compute where no fork interrupts it."""
        with COMPUTING:
            step = super().train_step_single(batch, **fit_params)
        if "share" in batch[0]:
            every = (parameter.grad for _, parameter in self._parameters)
            gradients = [each for each in every if each is not None]
            step["loss"] = _ranks.add_up(gradients, step["loss"].detach())
        return step

    def validation_step(self, batch: Any, **fit_params: Any) -> dict[str, Any]:
        """Compute where no fork interrupts it."""
        with COMPUTING:
            return super().validation_step(batch, **fit_params)

    def run_single_epoch(
        self, iterator: Any, training: bool, prefix: str, step_fn: Any, **params: Any
    ) -> None:
        """Sum the losses where they are, for reading one waits for the device."""
        if iterator is None:
            return
        if training and not _ranks.all_want(True):
            self._is_told = True
            raise KeyboardInterrupt  # since another process has stopped
        self._parameters = list(self.get_all_learnable_params())
        total, n_batches = 0.0, 0
        for batch in iterator:
            self.notify("on_batch_begin", batch=batch, training=training)
            step = step_fn(batch, **params)
            share = batch[0].get("share")
            n = len(batch[1]) if share is None else share.targets.n
            total = total + step["loss"].detach() * n
            self.notify("on_batch_end", batch=batch, training=training, **step)
            n_batches += 1
        loss = float(total) / len(iterator.dataset)
        if not np.isfinite(loss):
            self._diverge(f"The {prefix} loss became {loss}")
        self.history.record(prefix + "_loss", loss)
        best = min(curve(self.history, prefix + "_loss"))
        self.history.record(prefix + "_loss_best", loss == best)  # for Checkpoint
        self.history.record(prefix + "_batch_count", n_batches)

    def _diverge(self, what: str) -> NoReturn:
        """End training with the best epoch, if one is kept, and else by an error."""
        what = f"{what} in epoch {len(self.history)}"
        (best,) = (c for _, c in self.callbacks_ if isinstance(c, BestEpoch))
        if best.weights_ is None:
            more = " early_stopping=True would keep the best epoch before."
            has_more = best.loss_ < math.inf
            raise ValueError(f"{what}: {CURE}.{more * has_more}")
        self.history.pop()
        self.history.record("divergence", what)
        # It may hold NaN, too: a fit that goes on begins without it.
        self.optimizer_.state.clear()
        raise KeyboardInterrupt  # skorch's signal to end training

    def seed(self, seed: int) -> None:
        """Draw the weights, with generators that are nobody else's."""
        self._make_generators()
        for generator in self.generators:
            generator.manual_seed(seed)
        self.module_.draw(self.generators[0])

    def _make_generators(self) -> None:
        """Make one for weights and order of batches, and one on the device."""
        device = torch.device(self.device)
        self.generators = [torch.Generator()]
        if device.type != "cpu":
            self.generators += [torch.Generator(device)]

    def train_on(self, data: Any, n_epochs: int, beside: list[Any]) -> bool:
        """Train for some epochs, and say whether Ctrl-C has ended that.

        Beside the data there are scales and labels, which the net is not given.
        """
        data.generator, self.module_.generator = self.generators[0], self.generators[-1]
        if _ranks.count() > 1:
            parts = self.describe(data, n_epochs)
            parts["X or y"] += beside
            keys = {name: hash_of(part) for name, part in parts.items()}
            _ranks.check_same(keys, DIFFER)
            _ranks.copy_first(self.module_.parameters())
        self._is_told = False
        self.notify("on_train_begin", X=data, y=None)
        interrupted = False
        checkpoints = [c for _, c in self.callbacks_ if isinstance(c, FitCheckpoint)]
        for checkpoint in checkpoints:
            n_epochs = checkpoint._resume(self, data, n_epochs)
        try:
            self.fit_loop(data, epochs=n_epochs)
        except KeyboardInterrupt as error:
            interrupted = not was_raised(error)
            # The last thing that is recorded of an epoch is how long it took.
            if self.history and "dur" not in self.history[-1]:
                self.history.pop()
        self.notify("on_train_end", X=data, y=None)
        # No loss has seen what the last update left.
        finite = [bool(each.isfinite().all()) for each in self.module_.parameters()]
        if not (interrupted or all(finite)):
            raise ValueError(
                f"The weights became NaN or infinite in the last of {len(self.history)}"
                f" epoch(s): {CURE}."
            )
        if _ranks.count() > 1 and not interrupted:
            if not self._is_told:
                _ranks.all_want(False)
            key = hash_of(self.module_.state_dict())
            _ranks.check_same({"weights": key}, DRIFTED)
        for checkpoint in checkpoints:
            checkpoint._finish(self, interrupted=interrupted)
        # It shall keep neither the data nor what draws numbers.
        self.module_.generator = self.train_split = None
        return interrupted

    def describe(self, data: Any, n_epochs: int) -> dict[str, list[Any]]:
        """Return what, beside weights and callbacks, decides what becomes of a fit."""
        sets = [data] if self.train_split is None else self.train_split(data)
        return {
            "X or y": [vars(part) for part in sets],
            "random_state": [generator.get_state() for generator in self.generators],
            "parameters": [
                *(n_epochs, self.batch_size, self.autocast, len(self.history)),
                self.get_params_for("module"),
                *(str(self.criterion_), self.criterion_.state_dict()),
                type(self.optimizer_).__qualname__,
                self.optimizer_.state_dict(),
            ],
        }

    def save(self, *, is_lean: bool) -> dict[str, Any]:
        """Return what is saved of it; if lean, the weights alone."""
        if is_lean:
            return {"module": swap(self.module_.state_dict())}
        state = self.get_plain_state()
        if "history" in state:
            state["history"] = pack(state["history"])
        return state

    def get_plain_state(self) -> dict[str, Any]:
        """Return what training has made, as plain arrays, numbers and strings."""
        state = {"module": swap(self.module_.state_dict())}
        if self.optimizer_ is None:  # of a net that is loaded
            kept = self._training_state
            return state | (kept | {"history": list(self.history)} if kept else {})
        return state | {
            "optimizer": swap(self.optimizer_.state_dict()["state"]),
            "optimizer_name": name_of(type(self.optimizer_)),
            "history": list(self.history),
            "random": [generator.get_state().numpy() for generator in self.generators],
        }

    def load(self, state: dict[str, Any]) -> None:
        """Take over the weights, and keep for later what training needs."""
        self.module_.load_state_dict(swap(state["module"]))
        known = ("module", "history")
        # A shallow copy of an estimator in training must not go on with it.
        self._training_state = deepcopy({k: state[k] for k in state if k not in known})
        if not self._training_state:
            return
        self.history_ = unpack(state["history"])
        torch.Generator().set_state(torch.tensor(state["random"][0]))  # or raises
        if state["optimizer_name"] in map(name_of, OPTIMIZERS.values()):
            weights = [each.numpy(force=True) for each in self.module_.parameters()]
            check_optimizer(state["optimizer"], weights)

    def check_optimizer(self, state: dict[int, Any]) -> None:
        """Raise unless the state of an optimizer is of the sizes of the weights."""
        if type(self.optimizer_) in OPTIMIZERS.values():
            weights = [each.numpy(force=True) for each in self.module_.parameters()]
            check_optimizer(swap(state), weights)

    def set_plain_state(self, state: dict[str, Any]) -> None:
        """Take over weights, optimizer state and history of another net."""
        self.module_.load_state_dict(swap(state["module"]))
        self.history_ = History(state["history"])
        self._make_generators()
        for generator, numbers in zip(self.generators, state["random"], strict=False):
            generator.set_state(torch.tensor(numbers))
        own = self.optimizer_.state_dict()
        if state["optimizer_name"] == name_of(type(self.optimizer_)):
            own["state"] = swap(state["optimizer"])
        for group in own["param_groups"]:
            group.setdefault("initial_lr", group["lr"])  # schedulers that go on ask
        self.optimizer_.load_state_dict(own)


class ClassifierNet(ClassifierMixin, LSTMNet):
    """A net whose scores are of classes, as skorch's callbacks for scoring ask."""

    @property
    def classes_(self) -> np.ndarray:
        """Numbers of the classes, as the targets have them."""
        return np.arange(self.module_.head.out_features)

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable class of each sequence."""
        return self.predict_proba(X).argmax(axis=1)


def name_of(kind: type) -> str:
    """Return the full name of a class."""
    return f"{kind.__module__}.{kind.__qualname__}"


def was_raised(error: KeyboardInterrupt) -> bool:
    """Whether a callback raised it to stop training, as in skorch, and not a signal."""
    handler = signal.getsignal(signal.SIGINT)
    handler = getattr(handler, "func", handler)  # of a partial, as asyncio's
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
        if place.tb_frame.f_code is getattr(handler, "__code__", None):
            return False  # somebody's own handler, which has to use `raise`
    assert place is not None
    # Else a signal is raised by what is called or jumped to, and not by `raise`.
    code = place.tb_frame.f_code.co_code
    return dis.opname[code[place.tb_lasti]] == "RAISE_VARARGS"


def curve(history: History, key: str) -> list[float]:
    """Return a figure of each epoch that has it; not all may have been validated."""
    return [row[key] for row in history if key in row]
