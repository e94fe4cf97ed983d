"""From `Sequences` to batches of tensors, gathered by index from one table."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from .._sequences import Sequences

# A product of at least so many rows, and of a multiple of them, takes the same path
# through BLAS whatever the number: a sequence gets the same bits alone or in company.
ROW_MULTIPLE = 16
# Steps of a prediction batch. Larger ones are no faster and need more memory.
PREDICTION_STEPS = 1 << 16
# Largest share of padding in training batches, if sorting can bring it there.
MAX_PADDING = 0.15


@dataclass
class Samples:
    """Sequences with their targets and weights, as arrays."""

    sequences: Sequences  # the sequences
    y: np.ndarray  # (n_sequences,) class indices or target values
    weight: np.ndarray  # (n_sequences,) what each counts for

    def __len__(self) -> int:
        return len(self.sequences)

    @property
    def size(self) -> int:
        """Number of values of the padded sequences."""
        return math.prod(self.sequences.shape)

    def __getitem__(self, key: Any) -> Samples:
        return Samples(self.sequences[key], self.y[key], self.weight[key])

    def merged(self) -> Samples:
        """Put the samples in a canonical order and add up repeated ones."""
        padded = np.nan_to_num(self.sequences.padded(np.float64))
        table = np.column_stack(
            [
                self.sequences.lengths,
                padded.reshape(len(self), -1),
                self.y.reshape(len(self), -1),
            ]
        )
        _, first, inverse = np.unique(
            table, axis=0, return_index=True, return_inverse=True
        )
        merged = self[first]
        merged.weight = np.bincount(inverse.ravel(), self.weight)
        return merged


class BatchDataset(Dataset):
    """Samples as tensors on a device, from which a batch is one gather."""

    def __init__(
        self,
        sequences: Sequences,
        y: np.ndarray | None = None,
        weight: np.ndarray | None = None,
        *,
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        # torch warns of read-only memory, though nothing is ever written here.
        steps = np.require(sequences.steps, requirements=["C", "W"])
        self.steps = torch.as_tensor(steps, dtype=dtype, device=device)
        self.starts = torch.as_tensor(sequences.starts, device=device)
        self.lengths = torch.as_tensor(sequences.lengths, device=device)
        self.max_length = sequences.shape[1]
        self.time = torch.arange(self.max_length, device=device)[:, None]
        self.equal_lengths = bool((sequences.lengths == self.max_length).all())
        if y is not None and weight is not None:
            kind = dtype if y.dtype.kind == "f" else torch.int64
            self.y = torch.as_tensor(y, dtype=kind, device=device)
            self.is_weighted = bool((weight != weight[0]).any())
            if self.is_weighted:
                weight = weight / weight.mean()
                self.weight = torch.as_tensor(weight, dtype=dtype, device=device)

    def __len__(self) -> int:
        return len(self.starts)

    def rows_of_batch(self, batch_size: int) -> int:
        """Count the sequences of a batch."""
        return min(batch_size, len(self))

    def weights(self, chosen: Tensor) -> dict[str, Tensor]:
        """Gather the weights, unless all are 1."""
        return {"weight": self.weight[chosen]} if self.is_weighted else {}

    def inputs(self, chosen: Tensor) -> dict[str, Tensor]:
        """Gather sequences, left-aligned, with zeros after the last step."""
        starts = self.starts[chosen]
        if self.equal_lengths:
            return {"x": self._gather(starts + self.time)}
        lengths = self.lengths[chosen]
        time = self.time[: int(lengths.max())]
        # Positions after the end read the last step, to stay inside the table.
        x = self._gather(starts + torch.minimum(time, lengths - 1))
        x.masked_fill_((time >= lengths)[..., None], 0.0)
        return {"x": x, "lengths": lengths}

    def _gather(self, rows: Tensor) -> Tensor:
        x = self.steps.index_select(0, rows.reshape(-1))
        return x.view(*rows.shape, -1)  # (n_timesteps, batch, n_features)


class BatchLoader:
    """Iterate over whole batches, in the manner of torch's `DataLoader`."""

    def __init__(
        self, dataset: BatchDataset, batch_size: int, shuffle: bool = False
    ) -> None:
        self.dataset = dataset
        self.batch_size = batch_size
        self.shuffle = shuffle

    def __len__(self) -> int:
        return -(-len(self.dataset) // self.batch_size)

    def __iter__(self) -> Iterator[tuple[dict[str, Tensor], Tensor]]:
        data, n = self.dataset, len(self.dataset)
        # The order within a single batch means nothing, but would change the bits.
        if self.shuffle and len(self) > 1:
            batches = self._shuffled(torch.randperm(n))
        else:
            batches = list(torch.arange(n).split(self.batch_size))
        for chosen in batches:
            chosen = chosen.to(data.steps.device)
            yield data.inputs(chosen) | data.weights(chosen), data.y[chosen]

    def _shuffled(self, order: Tensor) -> list[Tensor]:
        """Make batches, with samples of like length together where that pays."""
        lengths = self.dataset.lengths.cpu()[order]
        size, n_batches = self.batch_size, len(order) // self.batch_size
        n_pool = 1  # batches of a pool
        while _padding(lengths, size) > MAX_PADDING and n_pool < n_batches:
            n_pool = min(2 * n_pool, n_batches)
            # What does not fill a batch stays as chance left it: were it the longest,
            # a smaller batch would always lend these more weight.
            full = n_batches * size
            pool = torch.arange(full) // (n_pool * size)
            by_length = pool * (int(lengths.max()) + 1) + lengths[:full]
            moved = torch.argsort(by_length, stable=True)
            order[:full], lengths[:full] = order[moved], lengths[moved]
        batches = list(order.split(size))
        if n_pool == 1:
            return batches
        return [batches[i] for i in torch.randperm(len(batches))]


def _padding(lengths: Tensor, batch_size: int) -> float:
    """Share of padding in batches of sequences of these lengths."""
    full = len(lengths) // batch_size * batch_size
    longest = lengths[:full].view(-1, batch_size).amax(dim=1)
    n_padded = int(longest.sum()) * batch_size
    if full < len(lengths):
        n_padded += int(lengths[full:].max()) * (len(lengths) - full)
    return 1 - int(lengths.sum()) / n_padded


def predict_in_batches(module: torch.nn.Module, dataset: BatchDataset) -> np.ndarray:
    """Run the module over all sequences, in memory bounded by a batch."""
    # Alike beside alike, the longest first: a batch is as long as its first sequence.
    order = torch.argsort(dataset.lengths, stable=True, descending=True)
    longest = dataset.lengths[order].tolist()
    outputs, n_done = [], 0
    with torch.inference_mode():
        while n_done < len(order):
            size = max(PREDICTION_STEPS // longest[n_done], 1)
            chosen = order[n_done : n_done + size + -size % ROW_MULTIPLE]
            n_done += len(chosen)
            n_fill = -len(chosen) % ROW_MULTIPLE
            filled = torch.cat([chosen, chosen[:1].expand(n_fill)])
            outputs.append(module(**dataset.inputs(filled))[: len(chosen)])
        output = torch.cat(outputs)
        return torch.empty_like(output).index_copy_(0, order, output).cpu().numpy()
