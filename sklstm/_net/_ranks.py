"""One fit by several processes, those of `torch.distributed`, where it is initialised.

All have the same data, the same weights and the same random numbers. Of each batch
every process computes its share, and the gradients are summed: the weights stay the
same, and are those of one process that computes whole batches, to rounding.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
import torch.distributed as dist
from torch import Tensor


class Part(NamedTuple):
    """Some of the sequences of a batch, next to each other."""

    place: slice
    n: int  # of all


class Share(NamedTuple):
    """What of a batch this process computes."""

    columns: Part  # of what is read: sequences, or chunks of series
    targets: Part
    factor: float  # of its mean loss in that of the batch


def count() -> int:
    """Return how many processes fit together."""
    is_there = dist.is_available() and dist.is_initialized()
    return dist.get_world_size() if is_there else 1


def is_first() -> bool:
    """Whether this process is the one that writes and prints."""
    return count() == 1 or dist.get_rank() == 0


def share_batch(n: int, n_targets: Tensor | None = None) -> Share | None:
    """Return the share in a batch of so many columns, each with as many targets."""
    n_ranks = count()
    if n_ranks == 1:
        return None
    begin, end = (
        n * rank // n_ranks for rank in (dist.get_rank(), dist.get_rank() + 1)
    )
    is_empty = begin == end
    if is_empty:  # it has to draw what the others draw: one without a weight is read
        begin, end = 0, 1
    columns = targets = Part(slice(begin, end), n)
    if n_targets is not None:
        ends = torch.cat([n_targets.new_zeros(1), n_targets.cumsum(0)])
        targets = Part(slice(int(ends[begin]), int(ends[end])), int(ends[-1]))
    n_here = targets.place.stop - targets.place.start
    return Share(columns, targets, 0.0 if is_empty else n_here / targets.n)


@contextmanager
def _naming_loss() -> Iterator[None]:
    """Say in one line what has happened where another process does not answer."""
    try:
        yield
    except RuntimeError as error:
        raise RuntimeError(
            f"Process {dist.get_rank()} of {count()} lost the others in a fit: one of"
            " them has ended or runs other code. Check its error, stop all processes"
            " and start again; with FitCheckpoint the fit resumes where it was."
        ) from error


def add_up(gradients: list[Tensor], loss: Tensor) -> Tensor:
    """Sum the gradients, in place, and the losses of all processes."""
    flat = torch.cat([each.ravel() for each in [*gradients, loss.to(gradients[0])]])
    with _naming_loss():
        dist.all_reduce(flat)
    *parts, total = flat.split([each.numel() for each in [*gradients, loss]])
    for gradient, part in zip(gradients, parts, strict=True):
        gradient.copy_(part.view_as(gradient))
    return total.squeeze()


def from_first(value: Any) -> Any:
    """Return what the first process has, which is sent to the others."""
    if count() == 1:
        return value
    values = [value]
    with _naming_loss():
        dist.broadcast_object_list(values)
    return values[0]


def all_want(wants: bool) -> bool:
    """Whether every process says yes."""
    return count() == 1 or all(_gather(wants))


def copy_first(weights: Iterable[Tensor]) -> None:
    """Take over the weights of the first process."""
    with _naming_loss():
        for each in weights:
            dist.broadcast(each.detach(), 0)


def check_same(keys: dict[str, str], cure: str) -> None:
    """Raise, in every process, unless all have the same."""
    every = _gather(keys)
    if differ := [name for name in keys if len({key[name] for key in every}) > 1]:
        raise ValueError(
            f"The {count()} processes of torch.distributed, which fit together, differ"
            f" in {' and '.join(differ)}: {cure}."
        )


def _gather(value: Any) -> list[Any]:
    values = [None] * count()
    with _naming_loss():
        dist.all_gather_object(values, value)
    return values
