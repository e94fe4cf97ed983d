"""Looking into a fitted net: learning curves, gates, importance of steps, memory."""

from ._gates import gate_activations, hidden_states
from ._gradients import gradient_attribution
from ._importance import timestep_importance
from ._loss_curve import LossCurveDisplay
from ._memory import memory_length

__all__ = [
    "LossCurveDisplay",
    "gate_activations",
    "gradient_attribution",
    "hidden_states",
    "memory_length",
    "timestep_importance",
]
