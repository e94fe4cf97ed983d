"""Overlapping windows as chunks of the series that they are cut from.

Windows of length L over n rows hold n * L steps, most of them many times over. A series
that is read once gives an output at every row. It is cut into chunks of up to S rows
with targets; each begins L - 1 rows before the first of them, so that every target has
its window behind it, and often more. That is (L - 1 + S) / S steps for a row.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .._rows._splits import overlap_runs, sorting
from .._sequences import Sequences
from ._batches import Batch, BatchDataset
from ._ranks import share_batch

# The targets of a chunk are alike: it counts as so many windows, if it has as many.
WINDOWS_PER_CHUNK = 8
# Rows with targets of a chunk, at least: many short chunks cost more than they read.
MIN_SIZE = 32


@dataclass
class Chunks:
    """Stretches of the table, each read once for all the targets in it."""

    starts: Tensor  # (n_chunks,) first row
    lengths: Tensor  # (n_chunks,)
    first: Tensor  # (n_chunks + 1,) chunk c has targets first[c] to first[c + 1] - 1
    step: Tensor  # (n_targets,) where in its chunk each target stands

    def to(self, device: torch.device) -> Chunks:
        """Return them on a device."""
        return Chunks(*(getattr(self, part.name).to(device) for part in fields(self)))


class SeriesDataset(BatchDataset):
    """Samples on a device, whose windows are read as chunks of their series."""

    def __init__(
        self,
        sequences: Sequences,
        y: np.ndarray | None = None,
        weight: np.ndarray | None = None,
        **place: Any,
    ) -> None:
        # Each row of a long series has one of each of these: no longer than needed.
        kind: Any = np.int32 if len(sequences.steps) < 1 << 31 else np.int64
        ends = (sequences.starts + sequences.lengths - 1).astype(kind)
        order = sorting(ends)
        series = overlap_runs(sequences)[order].astype(kind, copy=False)
        starts, lengths = sequences.starts[order], sequences.lengths[order]
        begins = np.full(series.max() + 1, len(sequences.steps), dtype=kind)
        np.minimum.at(begins, series, starts)
        y, weight = (None if a is None else a[order] for a in (y, weight))
        ordered = Sequences(sequences.steps, starts, lengths)
        super().__init__(ordered, y, weight, **place)
        del self.starts, self.n_steps, self.lengths_here  # of windows, never read
        self.lengths = torch.from_numpy(lengths.astype(kind))
        self.ends = torch.from_numpy(ends[order])
        if y is None:  # predictions go back to where they came from
            self.order = torch.arange(len(ends))[order].to(self.device)
        self.series = torch.from_numpy(series)
        self.begins = torch.from_numpy(begins[series])
        # A chunk is then about half burn-in; longer ones are fewer, but no faster.
        self.size = max(self.max_length, MIN_SIZE)

    def cut(self, offset: Tensor | int = 0) -> Chunks:
        """Cut the series into chunks; an offset makes the first of each shorter."""
        ends, begins = self.ends, self.begins
        number = torch.div(ends - begins + offset, self.size, rounding_mode="floor")
        is_first = torch.ones_like(ends, dtype=torch.bool)
        is_first[1:] = (number[1:] != number[:-1]) | (begins[1:] != begins[:-1])
        heads = is_first.nonzero().ravel()
        starts = torch.maximum(ends[heads] - (self.max_length - 1), begins[heads])
        first = torch.cat([heads, heads.new_tensor([len(ends)])])
        lengths = ends[first[1:] - 1] + 1 - starts
        step = ends - starts.repeat_interleave(first.diff())
        return Chunks(starts, lengths, first, step)

    @cached_property
    def n_chunks(self) -> int:
        """Number of chunks, which changes little with where they are cut."""
        return len(self.cut().starts)

    def rows_of_batch(self, batch_size: int) -> int:
        """Count the chunks that stand for a batch of so many windows."""
        in_chunk = max(min(WINDOWS_PER_CHUNK, len(self) // self.n_chunks), 1)
        return min(-(-batch_size // in_chunk), self.n_chunks)

    def rows_of_prediction(self) -> int:
        """Count the chunks that are read together in prediction."""
        return max(self.steps_of_prediction // (self.max_length + self.size), 1)

    def batches(self, batch_size: int, shuffle: bool) -> Iterator[Batch]:
        """Yield the batches of an epoch; each epoch cuts elsewhere."""
        offset: Tensor | int = 0
        if shuffle:
            shape, kind = (int(self.series[-1]) + 1,), self.ends.dtype
            draw = self.generator
            offsets = torch.randint(self.size, shape, generator=draw, dtype=kind)
            offset = offsets[self.series]
        chunks = self.cut(offset)
        size = self.rows_of_batch(batch_size)
        order = torch.arange(len(chunks.starts))
        if shuffle:
            order = self._draw_order(chunks.starts, chunks.lengths, size)
        yield from self.read(chunks, order, size, shuffle)

    def thinned(self, batch_size: int, every: int) -> Iterator[Batch]:
        """Yield batches of one in so many samples, each with all that it reads."""
        for chosen in torch.arange(0, len(self), every).split(batch_size):
            lengths = self.lengths[chosen]
            starts = self.ends[chosen] + 1 - lengths
            columns, longest = torch.arange(len(chosen)), int(lengths.max())
            starts, lengths, columns, chosen = (
                part.to(self.device) for part in (starts, lengths, columns, chosen)
            )
            x = self._read_stretches(starts, lengths, longest)
            yield {"x": x, "at": (lengths - 1, columns, lengths)}, chosen

    def prediction_batches(self) -> Iterator[Batch]:
        """Yield batches to predict."""
        chunks = self.cut()
        order = torch.argsort(chunks.lengths, stable=True)
        for inputs, targets in self.read(chunks, order, self.rows_of_prediction()):
            yield inputs, self.order[targets]

    def read(
        self, here: Chunks, order: Tensor, size: int, shares: bool = False
    ) -> Iterator[Batch]:
        """Gather chunks, so many at a time, without waiting for the device."""
        device = self.device
        chunks, windows = here.to(device), self.lengths.to(device)
        on_device = order.to(device).split(size)
        for part, chosen in zip(order.split(size), on_device, strict=True):
            # A share is as long as its batch: masks of dropout are of one shape.
            longest = int(here.lengths[part].max())
            n_targets = here.first[part + 1] - here.first[part]
            share = share_batch(len(part), n_targets) if shares else None
            inputs: dict[str, Any] = {}
            if share is not None:
                inputs, place = {"share": share}, share.columns.place
                chosen, n_targets = chosen[place], n_targets[place]
            starts, lengths = chunks.starts[chosen], chunks.lengths[chosen]
            first = chunks.first[chosen]
            counts = chunks.first[chosen + 1] - first
            n = int(n_targets.sum())
            columns = torch.arange(len(chosen), device=device)
            column = torch.repeat_interleave(columns, counts, output_size=n)
            before = torch.cumsum(counts, dim=0) - counts
            targets = (first - before)[column] + torch.arange(n, device=device)
            at = chunks.step[targets], column, windows[targets]
            x = self._read_stretches(starts, lengths, longest)
            yield inputs | {"x": x, "at": at}, targets

    def _read_stretches(self, starts: Tensor, lengths: Tensor, longest: int) -> Tensor:
        """Gather stretches of the table, (longest, n_stretches, n_features)."""
        time = torch.arange(longest, device=starts.device)[:, None]
        # What follows one is never looked at, but must be inside the table.
        return self._take(starts + torch.minimum(time, lengths - 1))


class CarriedDataset(SeriesDataset):
    """Whole series on a device, each read once from a state of the cells."""

    def __init__(self, sequences: Sequences, *args: Any, **place: Any) -> None:
        super().__init__(sequences, *args, **place)
        # hidden and cell, each (n_series, num_layers, hidden_size)
        self.state = [self._to_tensor(part) for part in sequences._carried]

    def cut(self, offset: Tensor | int = 0) -> Chunks:
        """Leave the series whole: a state is that before their first step."""
        return super().cut()

    def read(
        self, here: Chunks, order: Tensor, size: int, shares: bool = False
    ) -> Iterator[Batch]:
        """Gather series, and the states before them, which have no gradient."""
        batches = super().read(here, order, size, shares)
        for chosen, (inputs, targets) in zip(order.split(size), batches, strict=True):
            if "share" in inputs:
                chosen = chosen[inputs["share"].columns.place]
            chosen = chosen.to(self.device)
            state = (part[chosen].transpose(0, 1).contiguous() for part in self.state)
            yield inputs | {"state": tuple(state)}, targets


def overlap(sequences: Sequences) -> bool:
    """Whether some sequences share steps; one that is there twice is the same."""
    places = sequences.starts.astype(np.int64)
    places *= int(sequences.lengths.max()) + 1
    places += sequences.lengths
    places.sort()
    n_places = 1 + np.count_nonzero(places[1:] != places[:-1])
    del places  # of each sequence one, as are the runs
    return bool(n_places > 1 + overlap_runs(sequences).max())  # than there are series
