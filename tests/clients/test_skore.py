"""skore's reports say of our estimators what scikit-learn says of them."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.metrics import accuracy_score, log_loss, r2_score, root_mean_squared_error
from sklearn.model_selection import TimeSeriesSplit, cross_val_score
from sklearn.pipeline import make_pipeline
from skore import ComparisonReport, CrossValidationReport, EstimatorReport

from sklstm import LSTMClassifier, LSTMRegressor, SequenceWindower, make_supervised

RNG = np.random.default_rng(0)
SERIES = np.sin(np.arange(201) / 2) + RNG.normal(0, 0.1, 201)
HISTORIES, AHEAD = make_supervised(SERIES)
WINDOWS = SequenceWindower(6).fit_transform(HISTORIES)
UP = np.where(AHEAD > 0, "up", "down")
QUICK = {"max_epochs": 5, "learning_rate": 0.03, "random_state": 0}
LSTM = LSTMRegressor(4, **QUICK)
IN_TIME = TimeSeriesSplit(3)
FORMS = {  # the same windows, but for the first ones in the array
    "histories": (make_pipeline(SequenceWindower(6), LSTM), HISTORIES),
    "sequences": (LSTM, WINDOWS),
    "list": (LSTM, list(WINDOWS)),
    "array": (LSTM, WINDOWS.padded()),
}
every_form = pytest.mark.parametrize("form", FORMS)
TRAIN, TEST = slice(0, 150), slice(150, None)


@every_form
def test_estimator_report(form):
    model, X = FORMS[form]
    report = EstimatorReport(
        clone(model),
        X_train=X[TRAIN],
        y_train=AHEAD[TRAIN],
        X_test=X[TEST],
        y_test=AHEAD[TEST],
    )
    model = clone(model).fit(X[TRAIN], AHEAD[TRAIN])
    y_pred = model.predict(X[TEST])
    assert r2_score(AHEAD[TEST], y_pred) > 0.5
    assert_allclose(report.metrics.r2(), r2_score(AHEAD[TEST], y_pred))
    rmse = root_mean_squared_error(AHEAD[TEST], y_pred)
    assert_allclose(report.metrics.rmse(), rmse)
    y_pred = model.predict(X[TRAIN])
    r2 = r2_score(AHEAD[TRAIN], y_pred)
    assert_allclose(report.metrics.r2(data_source="train"), r2)


def test_report_of_a_classifier():
    model = LSTMClassifier(4, **QUICK).fit(WINDOWS[TRAIN], UP[TRAIN])
    report = EstimatorReport(model, X_test=WINDOWS[TEST], y_test=UP[TEST])
    proba = model.predict_proba(WINDOWS[TEST])
    accuracy = accuracy_score(UP[TEST], model.predict(WINDOWS[TEST]))
    assert_allclose(report.metrics.accuracy(), accuracy)
    assert_allclose(report.metrics.log_loss(), log_loss(UP[TEST], proba))


@every_form
def test_cross_validation_report(form):
    model, X = FORMS[form]
    report = CrossValidationReport(model, X, AHEAD, splitter=IN_TIME)
    expected = cross_val_score(model, X, AHEAD, cv=IN_TIME)
    found = report.metrics.r2(aggregate=None)
    assert_allclose(np.ravel(found), expected)


def test_comparison_report():
    reports = {}
    for n in (2, 5):
        model = LSTMRegressor(4, **{**QUICK, "max_epochs": n})
        model.fit(WINDOWS[TRAIN], AHEAD[TRAIN])
        reports[str(n)] = EstimatorReport(
            model, X_test=WINDOWS[TEST], y_test=AHEAD[TEST]
        )
    found = ComparisonReport(reports).metrics.r2()
    expected = [
        r.estimator_.score(WINDOWS[TEST], AHEAD[TEST]) for r in reports.values()
    ]
    assert expected[0] < expected[1]
    assert_allclose(np.ravel(found), expected)
