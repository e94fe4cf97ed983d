r"""
Inside the cell
===============

What an LSTM does at a step fits in six lines. From the input :math:`x_t` and its last
output :math:`h_{t-1}` it computes an input gate, a forget gate and an output gate, all
between 0 and 1, and a candidate for the cell:

.. math::

    i_t &= \sigma(W_i x_t + U_i h_{t-1} + b_i) \\
    f_t &= \sigma(W_f x_t + U_f h_{t-1} + b_f) \\
    o_t &= \sigma(W_o x_t + U_o h_{t-1} + b_o) \\
    g_t &= \tanh(W_g x_t + U_g h_{t-1} + b_g)

The cell keeps a share :math:`f_t` of what it held and takes in a share :math:`i_t` of
the candidate; a share :math:`o_t` of it becomes the output, all element by element:

.. math::

    c_t &= f_t \odot c_{t-1} + i_t \odot g_t \\
    h_t &= o_t \odot \tanh(c_t)

The cell is carried along by a sum, so neither a value nor its gradient has to fade on
the way while the forget gate is near 1. The first LSTM had no such gate [1]_: its
:math:`f_t` was 1. It was added so that a cell can empty itself [2]_.

.. [1] S. Hochreiter and J. Schmidhuber, "Long Short-Term Memory", Neural Computation
   9(8), 1735-1780, 1997.
.. [2] F. A. Gers, J. Schmidhuber and F. Cummins, "Learning to Forget: Continual
   Prediction with LSTM", Neural Computation 12(10), 2451-2471, 2000.
"""

# %%
# A task that needs memory
# ------------------------
# In the adding problem each step has a random value, two steps are marked, and their
# values' sum is the target. To beat the mean, a model must remember the first of them.

import numpy as np
from scipy.special import expit  # the logistic function, sigma in the formulas

from sklstm import LSTMRegressor
from sklstm.datasets import make_adding_problem

X, y = make_adding_problem(6000, n_timesteps=20, random_state=0)
X_train, X_test, y_train, y_test = X[:5000], X[5000:], y[:5000], y[5000:]

model = LSTMRegressor(
    hidden_size=4,
    frame_size=1,
    dropout=0.0,
    linear_skip=False,
    learning_rate=1e-2,
    max_epochs=12,
    random_state=0,
)
model.fit(X_train, y_train)
print(f"squared error of the mean {np.mean((y_train.mean() - y_test) ** 2):.4f}")
print(f"squared error of the LSTM {np.mean((model.predict(X_test) - y_test) ** 2):.4f}")

# %%
# The same prediction by hand
# ---------------------------
# PyTorch stacks the four matrices in the order i, f, g, o, and has two biases where the
# formulas have one.

weights = {name: w.numpy() for name, w in model.module_.state_dict().items()}
W, U = weights["lstm.weight_ih_l0"], weights["lstm.weight_hh_l0"]
b = weights["lstm.bias_ih_l0"] + weights["lstm.bias_hh_l0"]


def unroll(steps):
    """Return what the gates and the cell were at each step, and the last output."""
    h = c = np.zeros(model.hidden_size)
    trace = []
    for x in steps:
        i, f, g, o = np.split(W @ x + U @ h + b, 4)
        i, f, g, o = expit(i), expit(f), np.tanh(g), expit(o)
        c = f * c + i * g
        h = o * np.tanh(c)
        trace.append((i, f, o, c))
    return np.array(trace), h  # (n_timesteps, 4, hidden_size), (hidden_size,)


# %%
# The estimator standardises features and target, so that is done here too. A linear
# layer, the head, reads the last output.

sequence = X_test[0]
trace, h = unroll(model.scaler_.transform(sequence))
output = weights["head.weight"] @ h + weights["head.bias"]
by_hand = model.target_scaler_.inverse_transform([output])[0, 0]

print(f"by hand       {by_hand:.6f}")
print(f"LSTMRegressor {model.predict(X_test[:1])[0]:.6f}")
print(f"truth         {y_test[0]:.6f}")

# %%
# The gates at work
# -----------------
# One line per unit, in colour the one whose input gate opens most for marks. Between
# the marks its forget gate stays high, and the cell holds what it has taken in.

import matplotlib.pyplot as plt

time = np.arange(len(sequence))
marked = sequence[:, 1] == 1
input_gate = trace[:, 0]  # (n_timesteps, hidden_size)
unit = np.argmax(input_gate[marked].mean(axis=0) - input_gate[~marked].mean(axis=0))
print(f"input gate of unit {unit} at the marks", input_gate[marked, unit].round(2))
print(f"and elsewhere, on average       {input_gate[~marked, unit].mean():.2f}")

fig, axes = plt.subplots(5, figsize=(7, 8.5), sharex=True, layout="constrained")
axes[0].bar(time, sequence[:, 0], color=np.where(marked, "tab:red", "0.8"))
axes[0].set_title("values, the two marked ones in red")
names = ["input gate", "forget gate", "output gate", "cell"]
for k, (ax, name) in enumerate(zip(axes[1:], names, strict=True)):
    for step in time[marked]:
        ax.axvspan(step - 0.4, step + 0.4, color="tab:red", alpha=0.15, lw=0)
    ax.plot(time, trace[:, k], color="0.8")
    ax.plot(time, trace[:, k, unit], color="tab:blue", marker="o")
    ax.set_title(name)
for ax in axes[:4]:
    ax.set_ylim(-0.05, 1.05)
axes[-1].set(xlabel="time step", xticks=time)
plt.show()
