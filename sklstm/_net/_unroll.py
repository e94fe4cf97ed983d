"""Overlapping windows as chunks of the series that they are cut from.

Windows of length L over n rows hold n * L steps, most of them many times over. A series
that is read once gives an output at every row. It is cut into chunks of up to S rows
with targets; each begins L - 1 rows before the first of them, so that every target has
its window behind it, and often more. That is (L - 1 + S) / S steps for a row.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .._rows._splits import overlap_runs, sorting
from .._sequences import Sequences
from ._batches import (
    PREDICTION_STEPS,
    ROW_MULTIPLE,
    BatchDataset,
    BatchLoader,
    predict_in_batches,
)

# The targets of a chunk are alike: it counts as so many windows, if it has as many.
WINDOWS_PER_CHUNK = 8
# Rows with targets of a chunk, at least: many short chunks cost more than they read.
MIN_SIZE = 32


@dataclass
class Chunks:
    """Stretches of the table, each read once for all the targets in it."""

    starts: Tensor  # (n_chunks,) where each lies on the table
    lengths: Tensor  # (n_chunks,) where each lies on the table
    # (n_chunks + 1,) the targets of chunk c are those from first[c] to first[c + 1] -
    # 1
    first: Tensor
    step: Tensor  # (n_targets,) step of its chunk at which each target stands


def cut(
    ends: Tensor, begins: Tensor, length: int, size: int, offset: Tensor | int
) -> Chunks:
    """Cut series into chunks."""
    number = torch.div(ends - begins + offset, size, rounding_mode="floor")
    is_first = torch.ones_like(ends, dtype=torch.bool)
    is_first[1:] = (number[1:] != number[:-1]) | (begins[1:] != begins[:-1])
    heads = is_first.nonzero().ravel()
    starts = torch.maximum(ends[heads] - (length - 1), begins[heads])
    first = torch.cat([heads, heads.new_tensor([len(ends)])])
    lengths = ends[first[1:] - 1] + 1 - starts
    step = ends - starts[torch.cumsum(is_first, dim=0, dtype=ends.dtype) - 1]
    return Chunks(starts, lengths, first, step)


class SeriesDataset(BatchDataset):
    """Samples on a device, whose windows are read as chunks of their series."""

    def __init__(
        self,
        sequences: Sequences,
        y: np.ndarray | None = None,
        weight: np.ndarray | None = None,
        *,
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        # Each row of a long series has one of each of these: no longer than needed.
        kind: Any = np.int32 if len(sequences.steps) < 1 << 31 else np.int64
        ends = (sequences.starts + sequences.lengths - 1).astype(kind)
        order = sorting(ends)
        series = overlap_runs(sequences)[order].astype(kind)
        starts, lengths = sequences.starts[order], sequences.lengths[order]
        begins = np.full(series.max() + 1, len(sequences.steps), dtype=kind)
        np.minimum.at(begins, series, starts)
        y, weight = (None if a is None else a[order] for a in (y, weight))
        ordered = Sequences(sequences.steps, starts, lengths)
        super().__init__(ordered, y, weight, dtype=dtype, device=device)
        del self.starts  # of windows, which are not read
        self.lengths = torch.from_numpy(lengths.astype(kind))
        self.ends = torch.from_numpy(ends[order])
        if y is None:  # predictions go back to where they came from
            self.order = np.arange(len(ends))[order]
        self.series = torch.from_numpy(series)
        self.begins = torch.from_numpy(begins[series])
        # A chunk is then about half burn-in; longer ones are fewer, but no faster.
        self.size = max(self.max_length, MIN_SIZE)

    def __len__(self) -> int:
        return len(self.ends)

    def cut(self, offsets: Tensor | None = None) -> Chunks:
        """Cut the series into chunks."""
        offset = 0 if offsets is None else offsets[self.series]
        return cut(self.ends, self.begins, self.max_length, self.size, offset)

    def rows_of_batch(self, batch_size: int) -> int:
        """Count the chunks that stand for a batch of so many windows."""
        n_chunks = len(self.cut().starts)
        in_chunk = max(min(WINDOWS_PER_CHUNK, len(self) // n_chunks), 1)
        return min(-(-batch_size // in_chunk), n_chunks)

    def read(self, chunks: Chunks, chosen: Tensor) -> tuple[dict[str, Any], Tensor]:
        """Gather chunks."""
        starts, lengths = chunks.starts[chosen], chunks.lengths[chosen]
        time = torch.arange(int(lengths.max()))[:, None]
        # What follows a chunk is never looked at, but must be inside the table.
        rows = starts + torch.minimum(time, lengths - 1)
        first = chunks.first[chosen]
        counts = chunks.first[chosen + 1] - first
        column = torch.repeat_interleave(torch.arange(len(chosen)), counts)
        before = torch.cumsum(counts, dim=0) - counts
        targets = first[column] + torch.arange(len(column)) - before[column]
        device = self.steps.device
        at = chunks.step[targets], column, self.lengths[targets]
        inputs = {
            "x": self._gather(rows.to(device)),
            "at": tuple(part.to(device) for part in at),
        }
        return inputs, targets.to(device)


class ChunkLoader:
    """Iterate over batches of chunks, in the manner of `BatchLoader`."""

    def __init__(
        self, dataset: SeriesDataset, batch_size: int, shuffle: bool = False
    ) -> None:
        self.dataset = dataset
        self.n_chunks = dataset.rows_of_batch(batch_size)
        self.shuffle = shuffle

    def __len__(self) -> int:
        return -(-len(self.dataset.cut().starts) // self.n_chunks)

    def __iter__(self) -> Iterator[tuple[dict[str, Any], Tensor]]:
        data = self.dataset
        n_series = int(data.series[-1]) + 1
        kind = data.ends.dtype
        offsets = None
        if self.shuffle:
            offsets = torch.randint(data.size, (n_series,), dtype=kind)
        chunks = data.cut(offsets)
        n = len(chunks.starts)
        order = torch.randperm(n) if self.shuffle else torch.arange(n)
        for chosen in order.split(self.n_chunks):
            inputs, targets = data.read(chunks, chosen)
            yield inputs | data.weights(targets), data.y[targets]


def overlap(sequences: Sequences) -> bool:
    """Whether some sequences share steps; one that is there twice is the same."""
    series = overlap_runs(sequences)
    order = np.lexsort((sequences.lengths, sequences.starts))
    starts, lengths = sequences.starts[order], sequences.lengths[order]
    linked = np.diff(series[order]) == 0
    return bool((linked & ((np.diff(starts) > 0) | (np.diff(lengths) > 0))).any())


def make_dataset(sequences: Sequences, *args: Any, unroll: str, **kwargs: Any) -> Any:
    """Return a dataset of chunks, if asked for and windows overlap, or of windows."""
    shares = unroll == "series" and overlap(sequences)
    return (SeriesDataset if shares else BatchDataset)(sequences, *args, **kwargs)


def make_loader(dataset: BatchDataset, batch_size: int, shuffle: bool = False) -> Any:
    """Return the loader for a dataset; arguments are those of `BatchLoader`."""
    kind: Any = ChunkLoader if isinstance(dataset, SeriesDataset) else BatchLoader
    return kind(dataset, batch_size, shuffle)


def rows_of_prediction(dataset: BatchDataset) -> int:
    """Count the sequences, or chunks, that are read together in prediction."""
    if isinstance(dataset, SeriesDataset):
        return max(PREDICTION_STEPS // (dataset.max_length + dataset.size), 1)
    return min(max(PREDICTION_STEPS // dataset.max_length, ROW_MULTIPLE), len(dataset))


def predict(module: torch.nn.Module, dataset: BatchDataset) -> np.ndarray:
    """Run the module over all sequences, in memory bounded by a batch."""
    if not isinstance(dataset, SeriesDataset):
        return predict_in_batches(module, dataset)
    chunks = dataset.cut()
    order = torch.argsort(chunks.lengths, stable=True)
    n_chunks = rows_of_prediction(dataset)
    outputs, targets = [], []
    with torch.inference_mode():
        for chosen in order.split(n_chunks):
            inputs, positions = dataset.read(chunks, chosen)
            outputs.append(module(**inputs))
            targets.append(positions)
        output = torch.cat(outputs).cpu().numpy()
    ordered = np.empty_like(output)
    ordered[dataset.order[torch.cat(targets).cpu().numpy()]] = output
    return ordered
