"""scikit-learn's own checks, on default instances."""

import pytest
from sklearn.linear_model import LinearRegression
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklstm import LSTMClassifier, LSTMRegressor, SequenceWindower
from sklstm.forecasting import AnchoredRegressor, AutoForecaster, NaiveRegressor

REASON = "a window holds the rows before it: order and neighbours are its very meaning"
EXPECTED_FAILURES = {
    "SequenceWindower": {
        "check_methods_sample_order_invariance": REASON,
        "check_methods_subset_invariance": REASON,
    }
}


# Some checks mean to provoke a warning, and then look at the outcome only.
@pytest.mark.filterwarnings("default")
@parametrize_with_checks(
    [
        LSTMRegressor(),
        LSTMClassifier(),
        NaiveRegressor(),
        AnchoredRegressor(),
        AnchoredRegressor(LinearRegression()),
        AutoForecaster(),
        SequenceWindower(),
    ],
    expected_failed_checks=lambda e: EXPECTED_FAILURES.get(type(e).__name__, {}),
)
def test_sklearn_checks(estimator, check):
    check(estimator)
