"""Read sequences step by step: the state of the cells is kept from one to the next."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from .._sequences import Sequences
from ._batches import BatchDataset
from ._module import POOLINGS, LSTMModule
from ._runtime import COMPUTING, DTYPES
from ._unroll import MIN_SIZE


class WindowReader:
    """Keeps the last steps of each stream, and reads all of them at each step."""

    def __init__(
        self,
        module: LSTMModule,
        n_features: int,
        dtype: str,
        frame_size: int,
        length: int,
    ) -> None:
        self.module, self.length = module, length
        self.place: dict[str, Any] = {
            "dtype": DTYPES[dtype],
            "device": module.head.weight.device,
            "frame_size": frame_size,
        }
        self.arrays = {"steps": np.zeros((0, length, n_features), dtype)}

    def step(
        self, slots: np.ndarray, counts: np.ndarray, rows: np.ndarray
    ) -> np.ndarray:
        """Take one step of some streams, and return their outputs."""
        steps = self.arrays["steps"]
        steps[slots, counts % self.length] = rows
        sequences = last_steps(steps, slots, counts, self.length)
        return BatchDataset(sequences, **self.place).predict(self.module)


def last_steps(
    kept: np.ndarray, slots: np.ndarray, counts: np.ndarray, length: int, **known: Any
) -> Sequences:
    """Return the last steps of some streams, which had so many before this one.

    Kept are (n_all_streams, n_kept, n_features), step t at t modulo n_kept.
    """
    n = kept.shape[1]
    n_there = np.minimum(counts + 1, n)
    at = (counts + 1 - n_there)[:, None] + np.arange(n)  # (n_streams, n_kept)
    table = kept[slots[:, None], at % n].reshape(-1, kept.shape[2])
    lengths = np.minimum(counts + 1, length)
    starts = np.arange(len(slots)) * n + n_there - lengths
    return Sequences(table, starts, lengths, **known)


class CellReader:
    """Keeps the state of the cells, which makes a step cost the same at any length.

    Each stream has several lanes, states of their own. With frames of f steps there
    are f, of which each reads every f-th frame: frames end with their sequence, and so
    stand elsewhere at each step. Where a series is read in chunks there are two, of
    which one reads the start of the next chunk.
    """

    def __init__(
        self,
        module: LSTMModule,
        n_features: int,
        dtype: str,
        frame_size: int,
        length: int | None,
    ) -> None:
        self.module, self.frame_size, self.length = module, frame_size, length
        self.device = module.head.weight.device
        self.n_lanes = frame_size if length is None else 2
        n_kept = max(module.n_skipped, 1) * self.frame_size
        lstm = module.lstm
        lanes = (0, self.n_lanes, lstm.hidden_size)
        state = (0, self.n_lanes, lstm.num_layers, lstm.hidden_size)
        self.poolings = POOLINGS[module.pooling]
        shapes = {"steps": (0, n_kept, n_features), "hidden": state, "cell": state}
        shapes |= {name: lanes for name in ("mean", "max") if name in self.poolings}
        self.arrays = {name: np.zeros(shape, dtype) for name, shape in shapes.items()}

    def state(self, slots: np.ndarray, counts: np.ndarray) -> list[np.ndarray]:
        """Return hidden and cell, each (n_streams, num_layers, hidden_size)."""
        kept = (counts > 0)[:, None, None]
        return [self.arrays[name][slots, 0] * kept for name in ("hidden", "cell")]

    def take(self, slots: np.ndarray, counts: np.ndarray, rows: np.ndarray) -> None:
        """Take rows, (n_steps, n_streams, n_features), and return nothing."""
        self.arrays["steps"][slots, 0] = rows[-1]
        # (num_layers, n_streams, hidden_size)
        state = [
            self._tensor(part).transpose(0, 1).contiguous()
            for part in self.state(slots, counts)
        ]
        with torch.inference_mode(), COMPUTING:
            steps = self.module.embed(self._tensor(rows))
            _, state = self.module.lstm(steps, tuple(state))
        for name, part in zip(("hidden", "cell"), state, strict=True):
            self.arrays[name][slots, 0] = part.transpose(0, 1).cpu().numpy()

    def step(
        self, slots: np.ndarray, counts: np.ndarray, rows: np.ndarray
    ) -> np.ndarray:
        """Take one step of some streams, and return their outputs."""
        n_kept = self.arrays["steps"].shape[1]
        self.arrays["steps"][slots, counts % n_kept] = rows
        # (n_kept_frames, n_streams, frame_size): what would come before the first
        # step repeats it.
        back = np.arange(n_kept)[::-1].reshape(-1, 1, self.frame_size)
        at = np.maximum(counts[:, None] - back, 0) % n_kept
        frames = self._tensor(self.arrays["steps"][slots[:, None], at])
        frames = frames.squeeze(2) if self.frame_size == 1 else frames
        n_frames = -(-(counts + 1) // self.frame_size)
        with torch.inference_mode(), COMPUTING:
            steps = self.module.embed(frames[-1:])  # (1, n_streams, n_inputs)
            if self.length is None:
                lane, is_first = counts % self.frame_size, n_frames == 1
                pooled = self._advance(slots, lane, is_first, n_frames, steps)
                lengths = n_frames
            else:
                pooled = self._advance_chunks(self.length, slots, counts, steps)
                lengths = np.minimum(counts + 1, self.length)
            end = torch.full((len(slots),), len(frames) - 1, device=self.device)
            column = torch.arange(len(slots), device=self.device)
            length = torch.from_numpy(lengths).to(self.device)
            output = self.module.answer(pooled, frames, (end, column, length))
        return output.cpu().numpy()

    def _advance_chunks(
        self, length: int, slots: np.ndarray, counts: np.ndarray, steps: Tensor
    ) -> Tensor:
        """Advance the lane of this chunk and, at its end, that of the next one."""
        size = max(length, MIN_SIZE)
        number = counts // size
        begin = np.maximum(number * size - (length - 1), 0)
        pooled = self._advance(slots, number % 2, counts == begin, counts + 1, steps)
        begin = (number + 1) * size - (length - 1)
        if (ahead := counts >= begin).any():
            steps = steps[:, torch.from_numpy(ahead).to(steps.device)]
            lanes, is_first = (number + 1) % 2, counts == begin
            slots, lanes, is_first, counts = (
                part[ahead] for part in (slots, lanes, is_first, counts)
            )
            self._advance(slots, lanes, is_first, counts, steps)
        return pooled

    def _advance(
        self,
        slots: np.ndarray,
        lanes: np.ndarray,
        is_first: np.ndarray,
        n_frames: np.ndarray,
        steps: Tensor,
    ) -> Tensor:
        """Move lanes one step on, and return what is pooled, (n_streams, n_pooled)."""
        at, kept = (slots, lanes), ~is_first[:, None]
        state = [
            self._tensor(self.arrays[name][at] * kept[:, None]).transpose(0, 1)
            for name in ("hidden", "cell")
        ]
        hidden, state = self.module.lstm(
            steps, tuple(part.contiguous() for part in state)
        )
        for name, part in zip(("hidden", "cell"), state, strict=True):
            self.arrays[name][at] = part.transpose(0, 1).cpu().numpy()
        here, parts = hidden[0].cpu().numpy(), []  # (n_streams, hidden_size)
        for how in self.poolings:
            if how == "mean":
                total = self.arrays["mean"][at] * kept + here
                self.arrays["mean"][at] = total
                parts.append(total / n_frames[:, None].astype(total.dtype))
            elif how == "max":
                before = np.where(kept, self.arrays["max"][at], -np.inf)
                self.arrays["max"][at] = np.maximum(before, here)
                parts.append(self.arrays["max"][at])
            else:
                parts.append(here)
        return self._tensor(np.concatenate(parts, axis=1))

    def _tensor(self, array: np.ndarray) -> Tensor:
        return torch.from_numpy(array).to(self.device)
