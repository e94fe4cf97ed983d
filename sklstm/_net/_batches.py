"""From `Sequences` to batches of tensors, gathered by index from one table."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from .._sequences import Sequences
from ._ranks import Share, share_batch
from ._runtime import COMPUTING

# A product of at least so many rows, and of a multiple of them, takes the same path
# through BLAS whatever the number: a sequence gets the same bits alone or in company.
ROW_MULTIPLE = 16
# Steps of a prediction batch. Larger ones are no faster and need more memory.
PREDICTION_STEPS = 1 << 16
# Wide steps are fewer: so many bytes, which the net copies a few times.
PREDICTION_BYTES = 1 << 24
# Largest share of padding in training batches, if sorting can bring it there.
MAX_PADDING = 0.15
# A pass over a large table shuffles about so many bytes of it at a time.
POOL_BYTES = 1 << 27
# They are blocks from all over the table, so many for each sequence of a batch.
N_BLOCKS = 4
# Time is displaced by a shift, and by half a wave over the sequence, a whole one, and
# one and a half. Shorter ones are lower: each is as steep as the others.
HEIGHTS = (1, 1, 1 / 2, 1 / 3)
# Arguments of the module, and the numbers of the samples that it gives outputs for.
Batch = tuple[dict[str, Any], Tensor]


@dataclass
class Samples:
    """Sequences with their targets and weights, as arrays."""

    sequences: Sequences
    y: np.ndarray  # (n_sequences, ...) class indices or target values
    weight: np.ndarray  # (n_sequences,)
    rows: np.ndarray  # (n_sequences,) where they stand in the X that was given

    def __len__(self) -> int:
        return len(self.sequences)

    def __getitem__(self, key: Any) -> Samples:
        parts = self.sequences, self.y, self.weight, self.rows
        return Samples(*(part[key] for part in parts))

    def merged(self) -> Samples:
        """Put the samples in a canonical order and add up repeated ones."""
        # NaN, padding or missing, is not even equal to itself.
        padded = np.nan_to_num(self.sequences.padded(np.float64), nan=np.inf)
        columns = self.sequences.lengths, padded, self.y
        table = np.column_stack([part.reshape(len(self), -1) for part in columns])
        _, first, inverse = np.unique(
            table, axis=0, return_index=True, return_inverse=True
        )
        merged = self[first]
        merged.weight = np.bincount(inverse.ravel(), self.weight)
        return merged


class BatchDataset(Dataset):
    """Samples as tensors on a device, from which a batch is one gather.

    A table with a function to `prepare` its rows stays where it is, as on disk: only
    the rows of a batch are read, prepared and put on the device.
    """

    def __init__(
        self,
        sequences: Sequences,
        y: np.ndarray | None = None,
        weight: np.ndarray | None = None,
        *,
        dtype: torch.dtype,
        device: torch.device,
        frame_size: int = 1,
        time_warp: float = 0.0,
        prepare: Callable[[np.ndarray], np.ndarray] | None = None,
        n_columns: int | None = None,
    ) -> None:
        self.dtype, self.device, self.prepare = dtype, device, prepare
        self.steps: Any = sequences.steps
        if prepare is None:
            self.steps = self._to_tensor(self.steps)
        # Before marks of what is missing are put beside them, if that is done.
        self.step_bytes = dtype.itemsize * (n_columns or sequences.steps.shape[1])
        n_steps = PREDICTION_BYTES // self.step_bytes
        self.steps_of_prediction = min(PREDICTION_STEPS, n_steps)
        # Nor does it know the strides of sequences in reverse.
        starts, lengths = map(
            np.ascontiguousarray, (sequences.starts, sequences.lengths)
        )
        self.starts = torch.as_tensor(starts, device=device)
        self.n_steps = torch.as_tensor(lengths, device=device)
        self.lengths = self.n_steps  # in frames
        if frame_size > 1:
            self.lengths = -(-self.n_steps // frame_size)
        self.lengths_here = self.lengths.cpu()
        # Where the largest displacement is less than half a step there is none.
        farthest = time_warp * sum(HEIGHTS) * sequences.shape[1]
        self.time_warp = time_warp if farthest >= 0.5 else 0.0
        # of the order of batches, and of how time is displaced
        self.generator: torch.Generator | None = None
        self.max_length = -(-sequences.shape[1] // frame_size)
        self.time = torch.arange(self.max_length, device=device)[:, None]
        self.within = torch.arange(frame_size, device=device)
        self.equal_lengths = bool((sequences.lengths == sequences.shape[1]).all())
        self.weight: Tensor | None = None  # if they do not differ
        if y is not None and weight is not None:
            kind = dtype if y.dtype.kind == "f" else torch.int64
            y = np.require(y, requirements=["C", "W"])
            self.y = torch.as_tensor(y, dtype=kind, device=device)
            if (weight != weight[0]).any():
                weight = weight / weight.mean()
                self.weight = torch.as_tensor(weight, dtype=dtype, device=device)

    def __len__(self) -> int:
        return len(self.lengths)

    def rows_of_batch(self, batch_size: int) -> int:
        """Count what is read together in training."""
        return min(batch_size, len(self))

    def rows_of_prediction(self) -> int:
        """Count what is read together in prediction."""
        n_steps = self.max_length * len(self.within)
        return min(max(self.steps_of_prediction // n_steps, ROW_MULTIPLE), len(self))

    def batches(self, batch_size: int, shuffle: bool) -> Iterator[Batch]:
        """Yield the batches of an epoch; of those that are shuffled, our share."""
        # The order within a single batch means nothing, but would change the bits.
        if shuffle and len(self) > batch_size:
            batches = self._shuffled(batch_size)
        else:
            batches = list(torch.arange(len(self)).split(batch_size))
        # Moved to the device once, so that no batch waits for it.
        order = torch.cat(batches).to(self.device)
        parts = order.split([*map(len, batches)])
        for here, chosen in zip(batches, parts, strict=True):
            longest = int(self.lengths_here[here].max())
            share = share_batch(len(chosen)) if shuffle else None
            inputs = self.inputs(chosen, shuffle, longest, share)
            yield inputs, chosen if share is None else chosen[share.columns.place]

    def thinned(self, batch_size: int, every: int) -> Iterator[Batch]:
        """Yield batches of one in so many samples, each with all that it reads."""
        for chosen in torch.arange(0, len(self), every).split(batch_size):
            chosen = chosen.to(self.device)
            yield self.inputs(chosen), chosen

    def prediction_batches(self) -> Iterator[Batch]:
        """Yield batches to predict, filled up with sequences that are not asked for."""
        # The longest first: a batch is then as long as its first sequence.
        order = torch.argsort(self.lengths_here, stable=True, descending=True)
        while len(order):
            n_steps = int(self.lengths_here[order[0]]) * len(self.within)
            size = max(self.steps_of_prediction // n_steps, 1)
            size += -size % ROW_MULTIPLE
            chosen, order = order[:size], order[size:]
            longest = int(self.lengths_here[chosen[0]])
            chosen = chosen.to(self.device)
            filling = chosen[:1].expand(-len(chosen) % ROW_MULTIPLE)
            inputs = self.inputs(torch.cat([chosen, filling]), longest=longest)
            yield inputs, chosen

    def predict(self, module: torch.nn.Module) -> np.ndarray:
        """Run the module over all sequences, in memory bounded by a batch."""
        outputs = torch.empty(0)
        with torch.inference_mode():
            for inputs, chosen in self.prediction_batches():
                with COMPUTING:
                    output = module(**inputs)[: len(chosen)]
                if not len(outputs):
                    outputs = output.new_empty(len(self), *output.shape[1:])
                outputs[chosen] = output
        return outputs.cpu().numpy()

    def inputs(
        self,
        chosen: Tensor,
        warps: bool = False,
        longest: int | None = None,
        share: Share | None = None,
    ) -> dict[str, Any]:
        """Gather sequences, left-aligned, with zeros after the last frame."""
        heights = None
        if warps and self.time_warp:
            # What is random is drawn for the whole batch, as by one process alone.
            heights = torch.rand(len(chosen), len(HEIGHTS), generator=self.generator)
        # A share is as long as its batch, so that masks of dropout are of one shape.
        time = self.time
        if not self.equal_lengths:
            longest = int(self.lengths[chosen].max()) if longest is None else longest
            time = time[:longest]
        inputs: dict[str, Any] = {}
        if share is not None:
            chosen = chosen[share.columns.place]
            heights = heights if heights is None else heights[share.columns.place]
            inputs["share"] = share
        if self.equal_lengths:
            return inputs | {"x": self._gather(chosen, time, heights)}
        lengths = self.lengths[chosen]
        # Positions after the end read the last frame, to stay inside the table.
        x = self._gather(chosen, torch.minimum(time, lengths - 1), heights)
        padding = (time >= lengths).view(*x.shape[:2], *[1] * (x.ndim - 2))
        return inputs | {"x": x.masked_fill_(padding, 0.0), "lengths": lengths}

    def _gather(self, chosen: Tensor, time: Tensor, heights: Tensor | None) -> Tensor:
        """Take (n_timesteps, batch, n_features), or frames between the last two."""
        starts = self.starts[chosen]
        if len(self.within) == 1 and heights is None:
            return self._take(starts + time)
        # Frames end with their sequence: the first may begin before it.
        before = self.lengths[chosen] * len(self.within) - self.n_steps[chosen]
        first = (time * len(self.within) - before)[..., None]
        step = first + self.within  # (n_timesteps, batch, frame_size)
        if heights is not None:
            step = self._warp(step, self.n_steps[chosen, None], heights)
        # What would come before the first step repeats it.
        x = self._take(starts[:, None] + step.clamp(min=0))
        return x if len(self.within) > 1 else x.squeeze(2)

    def _warp(self, step: Tensor, n_steps: Tensor, heights: Tensor) -> Tensor:
        """Displace the steps of each sequence along a smooth random curve."""
        heights = (2 * heights - 1) * torch.tensor(HEIGHTS)
        heights = heights.to(self.device, non_blocking=True)
        heights = heights * (self.time_warp * n_steps)
        angle = step * (math.pi / (n_steps - 1).clamp(min=1))
        displaced = step + heights[:, :1]
        for k in range(1, len(HEIGHTS)):
            displaced = displaced + heights[:, k : k + 1] * torch.cos(k * angle)
        return torch.minimum(displaced.round().long(), n_steps - 1)

    def _to_tensor(self, table: np.ndarray) -> Tensor:
        # torch warns of read-only memory, though nothing is ever written here.
        table = np.require(table, requirements=["C", "W"])
        return torch.as_tensor(table, dtype=self.dtype, device=self.device)

    def _take(self, rows: Tensor) -> Tensor:
        table, at = self.steps, rows.reshape(-1)
        if self.prepare is not None:
            at = at.cpu()
            first, end = int(at.min()), int(at.max()) + 1
            if end - first > len(at):
                x = self._to_tensor(self.prepare(table[at.numpy()]))
                return x.view(*rows.shape, -1)
            # Neighbours, which share rows.
            table = self._to_tensor(self.prepare(table[first:end]))
            at = (at - first).to(self.device)
        x = table.index_select(0, at)
        return x.view(*rows.shape, -1)

    def _draw_order(self, starts: Tensor, lengths: Tensor, batch_size: int) -> Tensor:
        """Draw an order of sequences, or of chunks, by where they lie.

        Of a large table a pool of random blocks of neighbours is shuffled, then the
        next: the disk is read in stretches. Each is there once; the mean of a pool
        strays from that of all at most half as far, in standard deviations, as the mean
        of a batch of independent ones. In memory the order is the same, since a worker
        may see as a file what its parent has there.
        """
        n, draw = len(starts), self.generator
        if len(self.steps) * self.step_bytes <= POOL_BYTES:
            return torch.randperm(n, generator=draw)
        starts, lengths = starts.cpu(), lengths.cpu()
        order = torch.argsort(starts, stable=True)
        # Rows that none reads do not count, as they may be left out.
        n_bytes = self.step_bytes * _count_rows(starts[order], lengths[order])
        n_pools = -(-n_bytes // POOL_BYTES)
        if n_pools == 1:
            return torch.randperm(n, generator=draw)
        n_blocks = N_BLOCKS * batch_size  # of a pool
        size = -(-n // (n_pools * n_blocks))
        # Whose neighbour is in another block differs from pass to pass.
        order = order.roll(int(torch.randint(size, (1,), generator=draw)))
        blocks = order.split(size)
        pools = []
        for chosen in torch.randperm(len(blocks), generator=draw).split(n_blocks):
            pool = torch.cat([blocks[i] for i in chosen])
            pools.append(pool[torch.randperm(len(pool), generator=draw)])
        return torch.cat(pools)

    def _shuffled(self, size: int) -> list[Tensor]:
        """Make batches, with samples of like length together where that pays."""
        order = self._draw_order(self.starts, self.n_steps, size)
        lengths = self.lengths_here[order]
        n_batches = len(self) // size
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
        order = torch.randperm(len(batches), generator=self.generator)
        return [batches[i] for i in order]


@dataclass
class BatchLoader:
    """Iterate over a dataset in the manner of torch's `DataLoader`."""

    dataset: BatchDataset
    batch_size: int
    shuffle: bool = False

    def __iter__(self) -> Iterator[tuple[dict[str, Any], Tensor]]:
        data = self.dataset
        for inputs, chosen in data.batches(self.batch_size, self.shuffle):
            if data.weight is not None:
                inputs["weight"] = data.weight[chosen]
            yield inputs, data.y[chosen]


def _count_rows(starts: Tensor, lengths: Tensor) -> int:
    """Count the rows that sequences cover, in order of their starts."""
    ends = starts + lengths
    before = ends.cummax(dim=0).values[:-1]
    begins = torch.cat([starts[:1], torch.maximum(starts[1:], before)])
    return int((ends - begins).clamp(min=0).sum())


def _padding(lengths: Tensor, batch_size: int) -> float:
    """Share of padding in batches of sequences of these lengths."""
    n_missing = -len(lengths) % batch_size
    filled = torch.nn.functional.pad(lengths, (0, n_missing))
    longest = filled.view(-1, batch_size).amax(dim=1)
    n_padded = longest.sum() * batch_size - longest[-1] * n_missing
    return 1 - int(lengths.sum()) / int(n_padded)
