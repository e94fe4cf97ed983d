"""A misspelt keyword is answered with the right one, and all else stays as it was."""

import inspect
import pickle

import pytest
from sklearn.base import BaseEstimator, clone

import sklstm
from sklstm import (
    LSTMClassifier,
    LSTMRegressor,
    Sequences,
    SequenceWindower,
    datasets,
    forecasting,
    make_histories,
    make_supervised,
)
from sklstm.forecasting import AutoForecaster, PanelTimeSeriesSplit, forecast

PUBLIC = [
    getattr(room, name)
    for room in (sklstm, forecasting, datasets)
    for name in room.__all__
    if callable(getattr(room, name))
]


@pytest.mark.parametrize("thing", PUBLIC)
def test_every_keyword_is_hinted_at(thing):
    for name, parameter in inspect.signature(thing).parameters.items():
        if parameter.kind is not parameter.VAR_KEYWORD:
            wrong = f"{name}_"
            message = rf"argument '{wrong}'\. Did you mean '\w+'\?$"
            with pytest.raises(TypeError, match=message):
                thing(**{wrong: 1})


@pytest.mark.parametrize(
    ("thing", "wrong", "right"),
    [
        (LSTMRegressor, "hiden_size", "hidden_size"),
        (LSTMClassifier, "n_timestep", "n_timesteps"),
        (LSTMClassifier, "units", "hidden_size"),
        (LSTMRegressor, "lr", "learning_rate"),
        (LSTMRegressor, "epochs", "max_epochs"),
        (LSTMRegressor, "min_delta", "tol"),
        (LSTMRegressor, "monitor", "scoring"),
        (SequenceWindower, "lookback", "sequence_length"),
        (SequenceWindower, "sequence_lenght", "sequence_length"),
        (AutoForecaster, "perod", "period"),
        (PanelTimeSeriesSplit, "n_split", "n_splits"),
        (Sequences, "feature_name", "feature_names"),
        (make_supervised, "horizn", "horizon"),
        (make_histories, "groups", "group"),
        (forecast, "steps", "n_steps"),
        (datasets.load_co2, "as_fram", "as_frame"),
    ],
)
def test_the_keyword_that_was_meant(thing, wrong, right):
    is_class = inspect.isclass(thing)
    name = f"{thing.__name__}.__init__" if is_class else thing.__name__
    with pytest.raises(TypeError) as caught:
        thing(**{wrong: 1})
    got = f"{name}() got an unexpected keyword argument {wrong!r}."
    assert str(caught.value) == f"{got} Did you mean {right!r}?"


def test_other_errors_are_those_of_python():
    with pytest.raises(TypeError, match=r"'validation_data'\. Give X_val and y_val to"):
        LSTMRegressor(validation_data=1)
    with pytest.raises(TypeError, match=r"unexpected keyword argument 'qqqq'"):
        LSTMRegressor(qqqq=1)
    with pytest.raises(TypeError, match=r"unexpected keyword argument 'qqqq'"):
        make_supervised([1, 2], qqqq=1)
    with pytest.raises(TypeError, match="positional argument"):
        LSTMRegressor(1, 2)
    with pytest.raises(TypeError, match="missing a required argument: 'data'"):
        make_supervised()


class Wider(LSTMRegressor):
    def __init__(self, hidden_size=128):
        super().__init__(hidden_size)


def test_classes_and_functions_are_as_they_were():
    for thing in PUBLIC:
        assert pickle.loads(pickle.dumps(thing)) is thing
        if inspect.isclass(thing) and issubclass(thing, BaseEstimator):
            assert thing._get_param_names() == sorted(
                inspect.signature(thing).parameters
            )
    model = clone(LSTMRegressor(7, tol=0.5))
    assert (model.hidden_size, model.tol) == (7, 0.5)
    assert repr(model) == "LSTMRegressor(hidden_size=7, tol=0.5)"
    assert clone(Wider()).hidden_size == 128
    assert list(Wider().get_params()) == ["hidden_size"]
