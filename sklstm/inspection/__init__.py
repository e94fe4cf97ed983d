"""Looking into a fitted net: gates, hidden states, importance of steps, memory."""

from ._gates import gate_activations, hidden_states
from ._gradients import gradient_attribution
from ._importance import timestep_importance
from ._memory import memory_length

__all__ = [
    "gate_activations",
    "gradient_attribution",
    "hidden_states",
    "memory_length",
    "timestep_importance",
]
