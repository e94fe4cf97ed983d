r"""
Plot the gates of an LSTM cell
==============================

Six equations describe an LSTM at each time step. From the input :math:`x_t` and its
last output :math:`h_{t-1}`, it computes an input gate, a forget gate and an output
gate, all between 0 and 1, and a candidate for the cell state:

.. math::

    i_t &= \sigma(W_i x_t + U_i h_{t-1} + b_i) \\
    f_t &= \sigma(W_f x_t + U_f h_{t-1} + b_f) \\
    o_t &= \sigma(W_o x_t + U_o h_{t-1} + b_o) \\
    g_t &= \tanh(W_g x_t + U_g h_{t-1} + b_g)

The cell keeps a fraction :math:`f_t` of its state and adds a fraction :math:`i_t` of
the candidate. A fraction :math:`o_t` of the new state becomes the output, all
elementwise:

.. math::

    c_t &= f_t \odot c_{t-1} + i_t \odot g_t \\
    h_t &= o_t \odot \tanh(c_t)

The cell state is a sum. While the forget gate is near 1, neither a value in the state
nor its gradient vanishes over time. The first LSTM had no forget gate [1]_: its
:math:`f_t` was 1. The gate was added so that a cell can reset its state [2]_.

.. [1] S. Hochreiter and J. Schmidhuber, "Long Short-Term Memory", Neural Computation
   9(8), 1735-1780, 1997.
.. [2] F. A. Gers, J. Schmidhuber and F. Cummins, "Learning to Forget: Continual
   Prediction with LSTM", Neural Computation 12(10), 2451-2471, 2000.
"""

# %%
# Remember a marked value
# -----------------------
# Each sequence has 60 steps of noise. One step is marked, and the target is the value
# at this step. The training set has waits of all lengths from the mark to the end;
# short ones are learned first. The test set has waits of 50 steps and more.

import numpy as np

from sklstm import LSTMRegressor
from sklstm.inspection import GateDisplay, gate_activations

rng = np.random.default_rng(0)


def make_cues(n_sequences, n_marked):
    """Make sequences with a mark at one of the first steps, and the value there."""
    values = rng.uniform(-1, 1, size=(n_sequences, 60))
    at = rng.integers(n_marked, size=n_sequences)
    marks = np.arange(60) == at[:, None]
    return np.stack([values, marks], axis=2), values[marks], at


X_train, y_train, _ = make_cues(2000, n_marked=60)
X_test, y_test, at = make_cues(500, n_marked=10)

model = LSTMRegressor(
    hidden_size=8,
    frame_size=1,
    dropout=0.0,
    linear_skip=False,
    learning_rate=1e-2,
    max_epochs=20,
    random_state=0,
).fit(X_train, y_train)
print(f"R² after a wait of 50 to 59 steps: {model.score(X_test, y_test):.2f}")

# %%
# Compute the gates
# -----------------
# `gate_activations` returns each term of the equations, of shape (n_sequences,
# n_timesteps, hidden_size). The unit that carries the value is the one whose cell state
# at the last step has the highest correlation with the target.

activations = gate_activations(model, X_test)
cells = activations.cell_state[:, -1]
correlations = [np.corrcoef(cell, y_test)[0, 1] for cell in cells.T]
unit = np.argmax(np.abs(correlations))
print(f"correlation of the cell of unit {unit} with y: {correlations[unit]:.2f}")

steps = np.arange(60)
is_mark = steps == at[:, None]
is_wait = steps > at[:, None]  # (n_sequences, n_timesteps)
input_gate = activations.input_gate[..., unit]
forget_gate = activations.forget_gate[..., unit]
print(f"input gate at the mark  {input_gate[is_mark].mean():.3f}")
print(f"while it waits          {input_gate[is_wait].mean():.3f}")
print(f"forget gate at the mark {forget_gate[is_mark].mean():.3f}")
print(f"while it waits          {forget_gate[is_wait].mean():.3f}")

# %%
# During the wait, the forget gate is open and the input gate is closed: the cell keeps
# the value from the mark. `GateDisplay` draws the unit together with the sequence, here
# the one with the largest target; x0 is the value, and x1 is the mark.

import matplotlib.pyplot as plt

GateDisplay.from_estimator(
    model, X_test, index=y_test.argmax(), kind="line", units=[unit]
)
plt.show()
