"""Looking into a fitted net: learning curves, gates, importance of steps, memory."""

from ._gate_display import GateDisplay
from ._gates import gate_activations, hidden_states
from ._gradients import gradient_attribution
from ._importance import timestep_importance
from ._lag_display import MemoryDisplay, TimestepImportanceDisplay
from ._loss_curve import LossCurveDisplay
from ._memory import memory_length

__all__ = [
    "GateDisplay",
    "LossCurveDisplay",
    "MemoryDisplay",
    "TimestepImportanceDisplay",
    "gate_activations",
    "gradient_attribution",
    "hidden_states",
    "memory_length",
    "timestep_importance",
]
