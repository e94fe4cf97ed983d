"""The torch module: embeddings, stacked LSTM, pooling over the real steps, head."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

# BLAS multiplies rows of a width that is no multiple of this by another path, on which
# the bits of a row depend on where in memory it stands.
WIDTH = 16
# Values of sequences that are copied at a time to be read linearly, over WIDTH.
SKIPPED_VALUES = 1 << 18


class LSTMModule(nn.Module):
    """Embeddings, stacked LSTM, pooling over the real steps, dropout, linear head."""

    numeric_features: Tensor

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
    ) -> None:
        super().__init__()
        self.pooling = pooling
        self.n_skipped = n_skipped
        self.categorical_features = list(categorical_features)
        numeric = sorted(set(range(n_features)) - set(categorical_features))
        # A buffer goes to the device with the weights, but is not one of them.
        positions = torch.tensor(numeric, dtype=torch.int64)
        self.register_buffer("numeric_features", positions, persistent=False)
        sizes = [embedding_size or suggest_size(n) for n in n_ids]
        # Row 0 is for all that is unknown, row i + 1 for id i.
        self.embeddings = nn.ModuleList(
            nn.Embedding(n + 1, size, dtype=dtype)
            for n, size in zip(n_ids, sizes, strict=True)
        )
        for embedding in self.embeddings:
            nn.init.zeros_(embedding.get_parameter("weight")[0])
        self.lstm = nn.LSTM(
            len(numeric) + sum(sizes),
            hidden_size,
            num_layers,
            # torch warns of dropout between layers where there is one layer only.
            dropout=dropout if num_layers > 1 else 0.0,
            bidirectional=bidirectional,
            dtype=dtype,
        )
        # Forget gates start at sigmoid(1), so that at first much is kept.
        forget = slice(hidden_size, 2 * hidden_size)  # of input, forget, cell, output
        for _, _, bias_ih, bias_hh in self.lstm.all_weights:
            nn.init.ones_(bias_ih[forget])
            nn.init.zeros_(bias_hh[forget])
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(hidden_size * (1 + bidirectional), n_outputs, dtype=dtype)
        if n_skipped:
            n_inputs = n_skipped * self.lstm.input_size
            self.skip = nn.Linear(n_inputs, n_outputs, bias=False, dtype=dtype)
            nn.init.zeros_(self.skip.weight)

    def forward(
        self,
        x: Tensor,
        lengths: Tensor | None = None,
        at: tuple[Tensor, Tensor, Tensor] | None = None,
    ) -> Tensor:
        """Map sequences to outputs, (batch, n_outputs)."""
        x = self._embed(x)
        # An LSTM is causal: what lies after a sequence cannot change its outputs.
        if lengths is None or not self.lstm.bidirectional:
            hidden, _ = self.lstm(x)  # (time, batch, directions * hidden)
        else:
            hidden = self._read_both_ways(x, lengths)
        pooled = self._pool(hidden, lengths) if at is None else hidden[at[:2]]
        output = self._project(self.head, self.dropout(pooled))
        if not self.n_skipped:
            return output
        if at is None:
            columns = torch.arange(x.shape[1], device=x.device)
            if lengths is None:
                lengths = torch.full_like(columns, len(x))
            at = lengths - 1, columns, lengths
        return output + self._skip(x, *at)

    def _skip(self, x: Tensor, *at: Tensor) -> Tensor:
        """Read linearly the steps of sequences with such ends, columns and lengths."""
        lags = torch.arange(self.n_skipped, device=x.device)
        # Each sequence is copied here, so that not too many may be at a time.
        size = max(SKIPPED_VALUES // self.skip.in_features, 1) * WIDTH
        parts = (part.split(size) for part in at)
        outputs = []
        for end, column, length in zip(*parts, strict=True):
            steps = end[:, None] - lags  # (n_targets, n_skipped)
            last = x[steps.clamp(min=0), column[:, None]]
            last = last.masked_fill((lags >= length[:, None])[..., None], 0.0)
            outputs.append(self._project(self.skip, last.flatten(start_dim=1)))
        return torch.cat(outputs)

    def _project(self, layer: nn.Linear, x: Tensor) -> Tensor:
        """Apply a layer; in prediction so that company does not change bits."""
        padding = 0 if self.training else -x.shape[-1] % WIDTH
        if not padding:
            return layer(x)
        x, weight = (nn.functional.pad(a, (0, padding)) for a in (x, layer.weight))
        return nn.functional.linear(x, weight, layer.bias)

    def _read_both_ways(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Read each sequence from its start and, turned round, from its own end."""
        time = torch.arange(x.shape[0], device=x.device)[:, None]
        back = torch.where(time < lengths, lengths - 1 - time, time)  # (time, batch)
        columns = torch.arange(x.shape[1], device=x.device)
        for layer in range(self.lstm.num_layers):
            if layer:
                x = nn.functional.dropout(x, self.lstm.dropout, self.training)
            weights = self.lstm.all_weights[2 * layer : 2 * layer + 2]
            ahead = self._read(x, weights[0])  # (time, batch, hidden)
            behind = self._read(x[back, columns], weights[1])
            x = torch.cat([ahead, behind[back, columns]], dim=-1)
        return x

    def _read(self, x: Tensor, weights: list[nn.Parameter]) -> Tensor:
        """Run one layer in one direction, on sequences that need no packing."""
        state = x.new_zeros(1, x.shape[1], self.lstm.hidden_size)
        # has biases, layers, dropout, trains, both ways, batch first
        options = True, 1, 0.0, self.training, False, False
        return torch.lstm(x, (state, state), tuple(weights), *options)[0]

    def _embed(self, x: Tensor) -> Tensor:
        """Put the vectors of the ids behind the numeric features."""
        if not self.embeddings:
            return x
        parts = [x.index_select(-1, self.numeric_features)]
        for i, embedding in zip(
            self.categorical_features, self.embeddings, strict=True
        ):
            parts.append(embedding(x[..., i].clamp(min=-1).long() + 1))
        return torch.cat(parts, dim=-1)  # (time, batch, n_numeric + sizes)

    def _pool(self, hidden: Tensor, lengths: Tensor | None) -> Tensor:
        """Reduce (time, batch, features) to (batch, features) over real steps."""
        if self.pooling == "mean":
            # Unlike those of sum, its bits do not depend on what follows a sequence.
            n_steps = len(hidden) if lengths is None else lengths[:, None]
            return _at_ends(hidden.cumsum(dim=0), lengths) / n_steps
        if self.pooling == "max":
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


def _at_ends(values: Tensor, lengths: Tensor | None) -> Tensor:
    """Take from (time, batch, features) the last step of each sequence."""
    if lengths is None:
        return values[-1]
    return values[lengths - 1, torch.arange(len(lengths), device=values.device)]


def suggest_size(n_ids: int) -> int:
    """Return fastai's rule of thumb for the size of an embedding."""
    return min(600, round(1.6 * n_ids**0.56))
