"""Settings that every test shares."""

import os

import torch
from hypothesis import settings

# Two threads that have to wait for a core make a small LSTM many times slower, and
# alone they gain nothing at the sizes of these tests.
torch.set_num_threads(1)

# Without this scikit-learn leaves out its check of array API input.
os.environ["SCIPY_ARRAY_API"] = "1"

# Fitting a network has no fixed cost per example. In CI the examples are the same
# each time, so a red run can be repeated.
settings.register_profile("sklstm", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("sklstm")
