"""The torch module: stacked LSTM, pooling over the real steps, linear head."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


class LSTMModule(nn.Module):
    """Stacked LSTM, pooling over the real steps, dropout and a linear head.

    Parameters
    ----------
    n_features : int
        Features of a step.

    n_outputs : int
        Outputs of a sequence.

    hidden_size, num_layers, dropout, bidirectional
        As in :class:`torch.nn.LSTM`; `dropout` also stands before the head.

    pooling : {"last", "mean", "max"}
        How the outputs of the real steps become one vector.

    dtype : torch.dtype
        Type of the parameters.
    """

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
    ) -> None:
        super().__init__()
        self.pooling = pooling
        self.lstm = nn.LSTM(
            n_features,
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

    def _open_forget_gates(self) -> None:
        """Start the forget gates at sigmoid(1), so that at first much is kept."""
        size = self.lstm.hidden_size
        for name, bias in self.lstm.named_parameters():
            if name.startswith("bias_ih"):  # torch's order: input, forget, cell, output
                nn.init.constant_(bias[size : 2 * size], 1.0)
            elif name.startswith("bias_hh"):
                nn.init.constant_(bias[size : 2 * size], 0.0)

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Map sequences to outputs.

        Parameters
        ----------
        x : Tensor of shape (n_timesteps, batch, n_features)
            Sequences that start at step 0; what follows a sequence is arbitrary.

        lengths : Tensor of shape (batch,), default=None
            Number of real steps of each; None means `n_timesteps` for all.

        Returns
        -------
        output : Tensor of shape (batch, n_outputs)
            Output of the head.
        """
        if lengths is None or not self.lstm.bidirectional:
            # An LSTM is causal: what lies after a sequence cannot change its outputs.
            hidden, _ = self.lstm(x)  # (time, batch, directions * hidden)
        else:  # the backward direction must start at each sequence's own end
            packed = pack_padded_sequence(x, lengths.cpu(), enforce_sorted=False)
            hidden, _ = pad_packed_sequence(
                self.lstm(packed)[0], total_length=x.shape[0]
            )
        return self.head(self.dropout(self._pool(hidden, lengths)))

    def _pool(self, hidden: Tensor, lengths: Tensor | None) -> Tensor:
        """Reduce (time, batch, features) to (batch, features) over real steps."""
        if self.pooling == "last":
            return self._last(hidden, lengths)
        if lengths is not None:
            time = torch.arange(hidden.shape[0], device=hidden.device)
            padding = (time[:, None] >= lengths)[..., None]  # (time, batch, 1)
            fill = 0.0 if self.pooling == "mean" else -torch.inf
            hidden = hidden.masked_fill(padding, fill)
        if self.pooling == "max":
            return hidden.amax(dim=0)
        n_steps = hidden.shape[0] if lengths is None else lengths[:, None]
        return hidden.sum(dim=0) / n_steps

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
