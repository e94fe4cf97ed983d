"""A hint at the right name in errors about a keyword, as Python has from 3.13 on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from functools import wraps
from inspect import BoundArguments, Signature, signature
from typing import Any

# What Keras, PyTorch, darts and others call parameters of ours.
ELSEWHERE = {
    "epochs": "max_epochs",
    "hidden_dim": "hidden_size",
    "input_chunk_length": "sequence_length",
    "lookback": "sequence_length",
    "lr": "learning_rate",
    "min_delta": "tol",
    "monitor": "scoring",
    "n_epochs": "max_epochs",
    "n_rnn_layers": "num_layers",
    "output_chunk_length": "horizon",
    "patience": "n_iter_no_change",
    "seed": "random_state",
    "units": "hidden_size",
    "validation_split": "validation_fraction",
    "window_size": "sequence_length",
}


def add_hints(things: Iterable[Any]) -> None:
    """Let classes, and functions whose parameters are validated, give the hint."""
    for thing in things:
        if isinstance(thing, type) and "__init__" in vars(thing):
            thing.__init__ = _with_hints(thing.__init__)  # type: ignore[misc]
        elif hasattr(thing, "__wrapped__"):
            # Validation binds to it: one more frame would displace warnings.
            thing.__wrapped__.__signature__ = _HintingSignature.of(thing)


class _HintingSignature(Signature):
    name: str

    @classmethod
    def of(cls, function: Callable) -> _HintingSignature:
        made = cls.from_callable(function)
        made.name = function.__qualname__
        return made

    def bind(self, /, *args: Any, **kwargs: Any) -> BoundArguments:
        _check(self.name, kwargs, self.parameters)
        return super().bind(*args, **kwargs)


def _with_hints(init: Callable) -> Callable:
    parameters = signature(init).parameters

    @wraps(init)
    def checked(*args: Any, **kwargs: Any) -> None:
        _check(init.__qualname__, kwargs, parameters)
        init(*args, **kwargs)

    return checked


def _check(name: str, given: Iterable[str], known: Mapping[str, Any]) -> None:
    for keyword in given:
        if keyword in known:
            continue
        if keyword == "validation_data":
            raise TypeError(
                f"{name}() got an unexpected keyword argument {keyword!r}. Give X_val"
                " and y_val to fit."
            )
        meant = ELSEWHERE.get(keyword)
        close = [meant] if meant in known else get_close_matches(keyword, known, n=1)
        if close:
            raise TypeError(
                f"{name}() got an unexpected keyword argument {keyword!r}. Did you mean"
                f" {close[0]!r}?"
            )
