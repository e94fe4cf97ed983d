"""Settings and fixtures that tests share."""

import os

# Without this scikit-learn leaves out its check of array API input. SciPy reads it
# when it is imported.
os.environ["SCIPY_ARRAY_API"] = "1"

import joblib
import pytest
import torch
from hypothesis import settings

from sklstm import LSTMClassifier, LSTMRegressor
from tests._data import FORMS, make, target

# Two threads that have to wait for a core make a small LSTM many times slower, and
# alone they gain nothing at the sizes of these tests.
torch.set_num_threads(1)

# Fitting a network has no fixed cost per example. In CI the examples are the same
# each time, so a red run can be repeated.
settings.register_profile("sklstm", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("sklstm")


@pytest.fixture(scope="module", params=[LSTMRegressor, LSTMClassifier])
def Estimator(request):
    return request.param


@pytest.fixture(scope="module", params=FORMS)
def form(request):
    return request.param


@pytest.fixture(scope="module")
def fitted(Estimator, form):
    return make(Estimator, form).fit(FORMS[form], target(Estimator))


@pytest.fixture
def two_processes():
    """Let tests share their workers, each of which takes one thread."""
    with joblib.parallel_config("loky", n_jobs=2, inner_max_num_threads=1):
        yield
