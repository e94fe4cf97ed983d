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
        numeric = [i for i in range(n_features) if i not in set(categorical_features)]
        # A buffer goes to the device with the weights, but is not one of them.
        positions = torch.tensor(numeric, dtype=torch.int64)
        self.register_buffer("numeric_features", positions, persistent=False)
        sizes = [embedding_size or suggest_size(n) for n in n_ids]
        self.embeddings = nn.ModuleList(
            _make_embedding(n, size, dtype)
            for n, size in zip(n_ids, sizes, strict=True)
        )
        self.lstm = nn.LSTM(
            len(numeric) + sum(sizes),
            hidden_size,
            num_layers,
            # torch warns of dropout between layers where there is one layer only.
            dropout=dropout if num_layers > 1 else 0.0,
            bidirectional=bidirectional,
            dtype=dtype,
        )
        self._open_forget_gates()
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(hidden_size * (1 + bidirectional), n_outputs, dtype=dtype)
        if n_skipped:
            n_inputs = n_skipped * self.lstm.input_size
            self.skip = nn.Linear(n_inputs, n_outputs, bias=False, dtype=dtype)
            nn.init.zeros_(self.skip.weight)

    def _open_forget_gates(self) -> None:
        """Start the forget gates at sigmoid(1), so that at first much is kept."""
        size = self.lstm.hidden_size
        for name, bias in self.lstm.named_parameters():
            if name.startswith("bias_ih"):  # torch's order: input, forget, cell, output
                nn.init.constant_(bias[size : 2 * size], 1.0)
            elif name.startswith("bias_hh"):
                nn.init.constant_(bias[size : 2 * size], 0.0)

    def forward(
        self,
        x: Tensor,
        lengths: Tensor | None = None,
        at: tuple[Tensor, Tensor, Tensor] | None = None,
    ) -> Tensor:
        """Map sequences to outputs, (batch, n_outputs)."""
        x = self._embed(x)
        if at is not None:
            hidden, _ = self.lstm(x)  # (time, batch, hidden)
            steps, columns, lengths = at
            output = self._project(self.head, self.dropout(hidden[steps, columns]))
            if not self.n_skipped:
                return output
            return output + self._skip(x, steps, columns, lengths)
        if lengths is None or not self.lstm.bidirectional:
            # An LSTM is causal: what lies after a sequence cannot change its outputs.
            hidden, _ = self.lstm(x)  # (time, batch, directions * hidden)
        else:
            hidden = self._read_both_ways(x, lengths)
        output = self._project(self.head, self.dropout(self._pool(hidden, lengths)))
        if not self.n_skipped:
            return output
        columns = torch.arange(x.shape[1], device=x.device)
        if lengths is None:
            lengths = torch.full_like(columns, len(x))
        return output + self._skip(x, lengths - 1, columns, lengths)

    def _skip(
        self, x: Tensor, ends: Tensor, columns: Tensor, lengths: Tensor
    ) -> Tensor:
        """Read the last steps of sequences linearly, from the ends back."""
        lags = torch.arange(self.n_skipped, device=x.device)
        # Each sequence is copied here, so that not too many may be at a time.
        size = max(SKIPPED_VALUES // self.skip.in_features, 1) * WIDTH
        outputs = []
        for end, column, length in zip(
            ends.split(size), columns.split(size), lengths.split(size), strict=True
        ):
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
        weight = nn.functional.pad(layer.weight, (0, padding))
        return nn.functional.linear(
            nn.functional.pad(x, (0, padding)), weight, layer.bias
        )

    def _read_both_ways(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Read each sequence from its start and, turned round, from its own end."""
        time = torch.arange(x.shape[0], device=x.device)[:, None]
        back = torch.where(time < lengths, lengths - 1 - time, time)  # (time, batch)
        columns = torch.arange(x.shape[1], device=x.device)
        for layer in range(self.lstm.num_layers):
            if layer:
                x = nn.functional.dropout(x, self.lstm.dropout, self.training)
            ahead = self._read(x, f"l{layer}")  # (time, batch, hidden)
            behind = self._read(x[back, columns], f"l{layer}_reverse")
            x = torch.cat([ahead, behind[back, columns]], dim=-1)
        return x

    def _read(self, x: Tensor, name: str) -> Tensor:
        """Run one layer in one direction, with the weights of that name."""
        kinds = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        weights = [getattr(self.lstm, f"{kind}_{name}") for kind in kinds]
        state = x.new_zeros(1, x.shape[1], self.lstm.hidden_size)
        # ... weights, has biases, layers, dropout, trains, both ways, batch first
        return torch.lstm(
            x, (state, state), weights, True, 1, 0.0, self.training, False, False
        )[0]

    def _embed(self, x: Tensor) -> Tensor:
        """Put the vectors of the ids behind the numeric features."""
        if not self.embeddings:
            return x
        # (time, batch, n_numeric)
        parts = [x.index_select(-1, self.numeric_features)]
        for feature, embedding in zip(
            self.categorical_features, self.embeddings, strict=True
        ):
            rows = x[..., feature].clamp(min=-1).long() + 1  # (time, batch)
            parts.append(embedding(rows))  # (time, batch, size)
        return torch.cat(parts, dim=-1)  # (time, batch, n_numeric + sizes)

    def _pool(self, hidden: Tensor, lengths: Tensor | None) -> Tensor:
        """Reduce (time, batch, features) to (batch, features) over real steps."""
        if self.pooling == "last":
            return self._last(hidden, lengths)
        n_steps, batch, _ = hidden.shape
        if self.pooling == "mean":
            # Unlike those of sum, its bits do not depend on what follows a sequence.
            sums = hidden.cumsum(dim=0)
            if lengths is None:
                return sums[-1] / n_steps
            places = torch.arange(batch, device=hidden.device)
            return sums[lengths - 1, places] / lengths[:, None]
        if lengths is not None:
            time = torch.arange(n_steps, device=hidden.device)
            padding = (time[:, None] >= lengths)[..., None]  # (time, batch, 1)
            hidden = hidden.masked_fill(padding, -torch.inf)
        return hidden.amax(dim=0)

    def _last(self, hidden: Tensor, lengths: Tensor | None) -> Tensor:
        """The output after all has been read: at the end, or going back at 0."""
        if lengths is None:
            last = hidden[-1]
        else:
            last = hidden[lengths - 1, torch.arange(len(lengths), device=hidden.device)]
        if not self.lstm.bidirectional:
            return last
        size = self.lstm.hidden_size
        return torch.cat([last[:, :size], hidden[0, :, size:]], dim=1)


def suggest_size(n_ids: int) -> int:
    """Return fastai's rule of thumb for the size of an embedding."""
    return min(600, round(1.6 * n_ids**0.56))


def _make_embedding(n_ids: int, size: int, dtype: torch.dtype) -> nn.Embedding:
    """Row 0 is for all that is unknown, row i + 1 for id i."""
    embedding = nn.Embedding(n_ids + 1, size, dtype=dtype)
    nn.init.zeros_(embedding.weight[0])
    return embedding
