"""The torch module: embeddings, stacked LSTM, pooling over the real steps, head."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from .._notebook import plural
from ._ranks import Part, Share

# BLAS multiplies rows of a width that is no multiple of this by another path, on which
# the bits of a row depend on where in memory it stands.
WIDTH = 16
# What stands side by side in the vector of a sequence.
POOLINGS = {
    "last": ["last"],
    "mean": ["mean"],
    "max": ["max"],
    "last_mean": ["last", "mean"],
}
# Values of sequences that are copied at a time to be read linearly, over WIDTH.
SKIPPED_VALUES = 1 << 18


class LSTMModule(nn.Module):
    """Embeddings, stacked LSTM, pooling over the real steps, dropout, linear head."""

    of_step: Tensor
    of_sequence: Tensor

    def __init__(
        self,
        n_features: int,
        n_outputs: int,
        hidden_size: int,
        num_layers: int,
        bidirectional: bool,
        dropout: float,
        pooling: str,
        dtype: torch.dtype,
        categorical_features: Sequence[int] = (),
        n_ids: Sequence[int] = (),
        embedding_size: int | None = None,
        n_skipped: int = 0,
        frame_size: int = 1,
        static_features: Sequence[int] = (),
        place: str = "cpu",
    ) -> None:
        super().__init__()
        self.pooling = pooling
        self.n_skipped = n_skipped
        self.categorical_features = list(categorical_features)
        self.is_static = [i in static_features for i in categorical_features]
        numeric = sorted(set(range(n_features)) - set(categorical_features))
        of_step = [i for i in numeric if i not in static_features]
        of_sequence = [i for i in numeric if i in static_features]
        # A buffer goes to the device with the weights, but is not one of them.
        for name, positions in ("of_step", of_step), ("of_sequence", of_sequence):
            values = torch.tensor(positions, dtype=torch.int64)
            self.register_buffer(name, values, persistent=False)
        sizes = [embedding_size or suggest_size(n) for n in n_ids]
        self.dropout = dropout
        self.generator: torch.Generator | None = None  # of dropout masks, in training
        # On the meta device nothing is drawn; `draw` does that, or weights are loaded.
        kind: Any = {"dtype": dtype, "device": "meta"}
        # Row 0 is for all that is unknown, row i + 1 for id i.
        self.embeddings = nn.ModuleList(
            nn.Embedding(n + 1, size, **kind)
            for n, size in zip(n_ids, sizes, strict=True)
        )
        n_static = sum(n for n, here in zip(sizes, self.is_static, strict=True) if here)
        n_inputs = frame_size * (len(of_step) + sum(sizes) - n_static)
        self.lstm = nn.LSTM(
            n_inputs,
            hidden_size,
            num_layers,
            # torch warns of dropout between layers where there is one layer only.
            dropout=dropout if num_layers > 1 else 0.0,
            bidirectional=bidirectional,
            **kind,
        )
        n_pooled = hidden_size * (1 + bidirectional) * len(POOLINGS[pooling])
        n_static += len(of_sequence)
        self.head = nn.Linear(n_pooled + n_static, n_outputs, **kind)
        n_lagged = n_skipped * frame_size * len(of_step)
        self.n_linear = n_lagged + len(of_sequence) if n_skipped else 0
        if self.n_linear:  # ids alone have no line
            self.skip = nn.Linear(self.n_linear, n_outputs, bias=False, **kind)
        for part in self.children():
            part.to_empty(device=place)

    def describe(self) -> str:
        """Say in one line what it is made of."""
        lstm = self.lstm
        kind = "bidirectional LSTM" if lstm.bidirectional else "LSTM"
        layers = f"{lstm.num_layers} × " if lstm.num_layers > 1 else ""
        parts = [
            plural(lstm.input_size, "input"),
            f"{layers}{kind}({lstm.hidden_size})",
            plural(self.head.out_features, "output"),
        ]
        return f"{' → '.join(parts)}, {plural(self.count(), 'parameter')}"

    def count(self) -> int:
        """Count the weights."""
        return sum(weight.numel() for weight in self.parameters())

    @torch.no_grad()
    def draw(self, generator: torch.Generator) -> None:
        """Start all weights as torch does, but for the forget gates."""

        def uniform(layer: nn.Module, n: int) -> None:
            for parameter in layer.parameters():
                values = torch.empty_like(parameter, device="cpu")
                values.uniform_(-(n**-0.5), n**-0.5, generator=generator)
                parameter.copy_(values)

        for embedding in self.embeddings:
            weight = embedding.get_parameter("weight")
            values = torch.empty_like(weight, device="cpu")
            weight.copy_(values.normal_(generator=generator))
            weight[0] = 0.0
        size = self.lstm.hidden_size
        uniform(self.lstm, size)
        # They start at sigmoid(1), so that at first much is kept.
        for _, _, bias_ih, bias_hh in self.lstm.all_weights:
            bias_ih[size : 2 * size] = 1.0  # of input, forget, cell, output
            bias_hh[size : 2 * size] = 0.0
        uniform(self.head, self.head.in_features)
        if self.n_linear:
            self.skip.weight.zero_()

    def forward(
        self,
        x: Tensor,
        lengths: Tensor | None = None,
        at: tuple[Tensor, Tensor, Tensor] | None = None,
        share: Share | None = None,
        state: tuple[Tensor, Tensor] | None = None,
    ) -> Tensor:
        """Map sequences to outputs, (batch, n_outputs).

        The cells start at zero, or at a state, hidden and cell, which is read only in
        one direction; both are of shape (num_layers, batch, hidden_size).
        """
        steps = self.embed(x)
        # An LSTM is causal: what lies after a sequence cannot change its outputs.
        turns = self.lstm.bidirectional and lengths is not None
        drops = self.training and self.dropout > 0 and self.lstm.num_layers > 1
        if turns or drops:
            part = share and share.columns
            hidden = self._read_by_layer(steps, lengths, part, state=state)
        else:
            hidden, _ = self.lstm(steps, state)  # (time, batch, directions * hidden)
        pooled = self._pool(hidden, lengths) if at is None else hidden[at[:2]]
        pooled = self._drop(pooled, share and share.targets)
        return self.answer(pooled, x, self.ends(x, lengths) if at is None else at)

    def answer(
        self, pooled: Tensor, x: Tensor, at: tuple[Tensor, Tensor, Tensor]
    ) -> Tensor:
        """Map what is pooled of sequences, and their last steps, to outputs."""
        if self.head.in_features > pooled.shape[1]:
            pooled = torch.cat([pooled, self.embed_static(self.last(x, at))], dim=1)
        output = self._project(self.head, pooled)
        return output + self._skip(x, *at) if self.n_linear else output

    def ends(self, x: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """Return the last step, the column and the length of each sequence."""
        columns = torch.arange(x.shape[1], device=x.device)
        if lengths is None:
            lengths = torch.full_like(columns, len(x))
        return lengths - 1, columns, lengths

    def last(self, x: Tensor, at: Sequence[Tensor]) -> Tensor:
        """Return the last step of each sequence, (n_targets, n_features)."""
        steps = x[at[0], at[1]]
        return steps if steps.ndim == 2 else steps[:, -1]  # of the last frame

    def numbers(self, x: Tensor) -> Tensor:
        """Return the numeric features of a step, those of a frame side by side."""
        if x.shape[-1] > len(self.of_step):
            x = x.index_select(-1, self.of_step)
        return x.flatten(start_dim=2)

    def _skip(self, x: Tensor, *at: Tensor) -> Tensor:
        """Read linearly the steps of sequences with such ends, columns and lengths."""
        # Each sequence is copied here, so that not too many may be at a time.
        size = max(SKIPPED_VALUES // self.n_linear, 1) * WIDTH
        numbers = self.numbers(x)
        parts = (part.split(size) for part in (self.last(x, at), *at))
        outputs = (
            self._project(self.skip, self.linear_inputs(numbers, *part))
            for part in zip(*parts, strict=True)
        )
        return torch.cat(list(outputs))

    def linear_inputs(
        self, numbers: Tensor, last: Tensor, end: Tensor, column: Tensor, length: Tensor
    ) -> Tensor:
        """Return the last steps side by side, and after them what is static."""
        lags = torch.arange(self.n_skipped, device=numbers.device)
        steps = end[:, None] - lags  # (n_targets, n_skipped)
        lagged = numbers[steps.clamp(min=0), column[:, None]]
        lagged = lagged.masked_fill((lags >= length[:, None])[..., None], 0.0)
        static = last.index_select(1, self.of_sequence)
        return torch.cat([lagged.flatten(start_dim=1), static], dim=1)

    def _project(self, layer: nn.Linear, x: Tensor) -> Tensor:
        """Apply a layer; in prediction so that company does not change bits."""
        padding = 0 if self.training else -x.shape[-1] % WIDTH
        if not padding:
            return layer(x)
        x, weight = (nn.functional.pad(a, (0, padding)) for a in (x, layer.weight))
        return nn.functional.linear(x, weight, layer.bias)

    def _drop(self, x: Tensor, part: Part | None) -> Tensor:
        """Zero some in training, by a generator that is nobody else's."""
        if not self.training or self.dropout == 0:
            return x
        # What is drawn for a part of a batch is a part of what is drawn for it.
        every = x if part is None else x.new_empty(*x.shape[:-2], part.n, x.shape[-1])
        kept = torch.empty_like(every).bernoulli_(
            1 - self.dropout, generator=self.generator
        )
        if part is not None:
            kept = kept[..., part.place, :]
        return x * kept / (1 - self.dropout)

    def _read_by_layer(
        self,
        x: Tensor,
        lengths: Tensor | None,
        part: Part | None = None,
        n_layers: int | None = None,
        state: tuple[Tensor, Tensor] | None = None,
    ) -> Tensor:
        """Read each sequence from its start and, turned round, from its own end."""
        back = turned_round(x, lengths)
        directions = 1 + self.lstm.bidirectional
        for layer in range(self.lstm.num_layers if n_layers is None else n_layers):
            x = self._drop(x, part) if layer else x
            weights = self.lstm.all_weights[directions * layer :]
            before = state and tuple(each[layer : layer + 1] for each in state)
            hidden = self._read(x, weights[0], before)  # (time, batch, hidden)
            if self.lstm.bidirectional:
                behind = self._read(x[back], weights[1])
                hidden = torch.cat([hidden, behind[back]], dim=-1)
            x = hidden
        return x

    def _read(
        self,
        x: Tensor,
        weights: list[nn.Parameter],
        state: tuple[Tensor, ...] | None = None,
    ) -> Tensor:
        """Run one layer in one direction, on sequences that need no packing."""
        state = state or (x.new_zeros(1, x.shape[1], self.lstm.hidden_size),) * 2
        # has biases, layers, dropout, trains, both ways, batch first
        options = True, 1, 0.0, self.training, False, False
        if not x.is_cuda:
            return torch.lstm(x, state, tuple(weights), *options)[0]
        with warnings.catch_warnings():
            # Weights of one layer of several are put together at each call.
            warnings.filterwarnings("ignore", "RNN module weights are not part")
            return torch.lstm(x, state, tuple(weights), *options)[0]

    def embed(self, x: Tensor) -> Tensor:
        """Put vectors of ids behind numeric features, and steps of a frame together."""
        if not (self.embeddings or len(self.of_sequence)):
            return x.flatten(start_dim=2)  # (time, batch, frame_size * n_features)
        parts = [x.index_select(-1, self.of_step), *self._vectors(x, of_static=False)]
        # (time, batch, frame_size * (n_of_step + sizes))
        return torch.cat(parts, dim=-1).flatten(start_dim=2)

    def embed_static(self, last: Tensor) -> Tensor:
        """Return what belongs to a sequence, (n_targets, n_of_sequence + sizes)."""
        numbers = last.index_select(-1, self.of_sequence)
        return torch.cat([numbers, *self._vectors(last, of_static=True)], dim=-1)

    def _vectors(self, x: Tensor, *, of_static: bool) -> list[Tensor]:
        """Look up the vectors of ids, those of static features or the others."""
        every = zip(
            self.categorical_features, self.embeddings, self.is_static, strict=True
        )
        return [
            embedding(x[..., i].clamp(min=-1).long() + 1)
            for i, embedding, is_static in every
            if is_static == of_static
        ]

    def _pool(self, hidden: Tensor, lengths: Tensor | None) -> Tensor:
        """Reduce (time, batch, features) to (batch, features) over real steps."""
        parts = [self._pool_by(how, hidden, lengths) for how in POOLINGS[self.pooling]]
        return torch.cat(parts, dim=1) if len(parts) > 1 else parts[0]

    def _pool_by(self, how: str, hidden: Tensor, lengths: Tensor | None) -> Tensor:
        if how == "mean":
            # Unlike those of sum, its bits do not depend on what follows a sequence.
            n_steps = len(hidden) if lengths is None else lengths[:, None]
            return _at_ends(hidden.cumsum(dim=0), lengths) / n_steps
        if how == "max":
            if lengths is not None:
                time = torch.arange(len(hidden), device=hidden.device)
                padding = (time[:, None] >= lengths)[..., None]  # (time, batch, 1)
                hidden = hidden.masked_fill(padding, -torch.inf)
            return hidden.amax(dim=0)
        last = _at_ends(hidden, lengths)
        if not self.lstm.bidirectional:
            return last
        size = self.lstm.hidden_size  # what reads back has read all at step 0
        return torch.cat([last[:, :size], hidden[0, :, size:]], dim=1)


def turned_round(x: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor]:
    """Index (time, batch, ...) so that each sequence is read from its own end."""
    time = torch.arange(len(x), device=x.device)[:, None]
    columns = torch.arange(x.shape[1], device=x.device)
    ends = torch.full_like(columns, len(x)) if lengths is None else lengths
    return torch.where(time < ends, ends - 1 - time, time), columns


def _at_ends(values: Tensor, lengths: Tensor | None) -> Tensor:
    """Take from (time, batch, features) the last step of each sequence."""
    if lengths is None:
        return values[-1]
    return values[lengths - 1, torch.arange(len(lengths), device=values.device)]


def suggest_size(n_ids: int) -> int:
    """Return fastai's rule of thumb for the size of an embedding."""
    return min(600, round(1.6 * n_ids**0.56))
