"""Hostile calls: one or two arguments of a valid call are put in an odd form.

`CALLS` holds the valid calls, `spoil` puts an odd value in the place of an argument,
and `judge` says what came of it. All that is random is asked of `pick`, which chooses
one of several, so that a seed or hypothesis can stand behind it.
"""

import linecache
import re
import traceback
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import polars as pl
import sklearn
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils._param_validation import InvalidParameterError

import sklstm
from sklstm import (
    LSTMClassifier,
    LSTMRegressor,
    SequenceEncoder,
    Sequences,
    SequenceWindower,
    StepTransformer,
    datasets,
    drop_training_state,
    make_histories,
    make_supervised,
    make_windows,
)
from sklstm.forecasting import (
    AnchoredRegressor,
    AutoForecaster,
    ConformalRegressor,
    ForecastDisplay,
    HorizonErrorDisplay,
    NaiveRegressor,
    PanelTimeSeriesSplit,
    add_future,
    forecast,
)
from sklstm.inspection import (
    GateDisplay,
    LossCurveDisplay,
    MemoryDisplay,
    TimestepImportanceDisplay,
    gate_activations,
    gradient_attribution,
    hidden_states,
    memory_length,
    timestep_importance,
)
from sklstm.streaming import Stream
from tests._odd import FORMS, ODD

RNG = np.random.default_rng(0)
N = 24
SMALL = {"hidden_size": 3, "max_epochs": 1, "random_state": 0}
WAVE = np.sin(np.arange(80.0) / 3) + 0.1 * RNG.normal(size=80)
TABLE = np.column_stack([WAVE, RNG.normal(size=80)])
DAYS = pd.date_range("2024-01-01", periods=80)
FRAME = pd.DataFrame(
    {"v": WAVE, "w": TABLE[:, 1], "t": DAYS, "s": ["a"] * 40 + ["b"] * 40}
)
TEXTS = ["the cat sat on the mat", "a dog ran", "cats and dogs", "no pets here"] * 6


class Data:
    """Marks an argument as data, of which there are odd forms."""

    def __init__(self, value):
        self.value = value


# The valid calls: what is called, and its arguments.


def split(arguments, *names):
    """Take some arguments out of all; the rest are the parameters."""
    return [arguments.pop(name) for name in names]


def call_regressor(**params):
    X, y, weight, X_new, std = split(
        params, "X", "y", "sample_weight", "X_new", "return_std"
    )
    return LSTMRegressor(**params).fit(X, y, weight).predict(X_new, std)


def call_classifier(**params):
    X, y, weight, X_new = split(params, "X", "y", "sample_weight", "X_new")
    model = LSTMClassifier(**params).fit(X, y, weight)
    model.predict(X_new)
    return model.predict_proba(X_new), model.decision_function(X_new)


def call_validated(**params):
    X, y, X_val, y_val, weight = split(
        params, "X", "y", "X_val", "y_val", "sample_weight_val"
    )
    model = LSTMRegressor(early_stopping=True, **params)
    return model.fit(X, y, X_val=X_val, y_val=y_val, sample_weight_val=weight).predict(
        X
    )


def call_partial_fit(X, y, X_later, y_later, classes, sample_weight, **params):
    model = LSTMClassifier(**params).partial_fit(X, y, classes)
    return model.partial_fit(
        X_later, y_later, sample_weight=sample_weight
    ).predict_proba(X)


def call_quantiles(X, y, quantile, X_new):
    model = LSTMRegressor(loss="quantile", quantile=quantile, **SMALL).fit(X, y)
    return model.predict(X_new), model.predict_quantiles(X_new)


def call_windower(X, X_new, **params):
    SequenceWindower(**params).fit(X).transform(X_new)


def call_pipeline(X, y, X_new, **params):
    model = make_pipeline(SequenceWindower(**params), LSTMRegressor(**SMALL))
    return model.fit(X, y).predict(X_new)


def call_supervised(**arguments):
    X, _ = make_supervised(**arguments)
    SequenceWindower(4).fit_transform(X)


def call_encoder(X, X_new, **params):
    encoder = SequenceEncoder(**params).fit(X)
    encoder.inverse_transform(encoder.transform(X_new))
    encoder.get_feature_names_out()


def call_sequences(tail, **arguments):
    made = Sequences(**arguments)
    made[[0]]
    made.tail(tail).padded()
    return LSTMRegressor(**SMALL).fit(made, np.arange(len(made))).predict(made)


def call_static(X, y, X_new, **params):
    return LSTMRegressor(**params, **SMALL).fit(X, y).predict(X_new)


def call_step_transformer(X, X_new):
    StepTransformer(FunctionTransformer()).fit(X).transform(X_new)


def call_naive(X, y, X_new, **params):
    return NaiveRegressor(**params).fit(X, y).predict(X_new)


def call_anchored(X, y, X_new, **params):
    inner = make_pipeline(SequenceWindower(4), LSTMRegressor(**SMALL))
    return AnchoredRegressor(inner, **params).fit(X, y).predict(X_new)


def call_conformal(X, y, X_new, y_new, **params):
    inner = make_pipeline(SequenceWindower(4), LSTMRegressor(**SMALL))
    model = ConformalRegressor(inner, **params).fit(X, y)
    model.update(X_new, y_new)
    return model.predict_interval(X_new)


def call_recipe(X, y, X_new, coverage, **params):
    model = AutoForecaster(**params).fit(X, y)
    return model.predict(X_new), model.predict_interval(X_new, coverage)


def fitted(_models={}):  # noqa: B006
    """A model of the frame, fitted once."""
    if not _models:
        X, y = make_supervised(FRAME, 3, "v", group="s", time="t")
        inner = make_pipeline(SequenceWindower(4), LSTMRegressor(**SMALL))
        _models["model"] = inner.fit(X, y)
    return _models["model"]


def call_forecast(**arguments):
    made = forecast(fitted(), **arguments)
    return made.drop(columns=["s", "t"], errors="ignore")


def call_display(**arguments):
    try:
        ForecastDisplay.from_estimator(fitted(), **arguments)
    finally:
        plt.close("all")


def of_windows(_models={}):  # noqa: B006
    """A model of windows with three targets, fitted once, and what it may be given."""
    if not _models:
        X, y = make_supervised(TABLE, 3, target=0)
        inner = make_pipeline(SequenceWindower(4), LSTMRegressor(**SMALL))
        _models["model"] = inner.fit(X[:40], y[:40])
    return _models["model"]


def call_inside(X, layer, direction):
    model = of_windows()
    gate_activations(model, X, layer=layer, direction=direction)
    gradient_attribution(model, X)
    return hidden_states(model, X)


def call_importance(**arguments):
    timestep_importance(of_windows(), **arguments)


def call_memory(**arguments):
    return memory_length(of_windows(), **arguments).effects


def call_drawn(X, y, metric, index, kind, naive, target, error, level, by):
    model = of_windows()
    try:
        LossCurveDisplay.from_estimator(model, metric=metric)
        GateDisplay.from_estimator(model, X, index=index, kind=kind)
        MemoryDisplay.from_estimator(model, X, n_repeats=1, level=level)
        TimestepImportanceDisplay.from_estimator(model, X, y, n_repeats=1, by=by)
        HorizonErrorDisplay.from_estimator(
            model, X, y, naive=naive, target=target, metric=error
        )
    finally:
        plt.close("all")


def call_stream(rows, keys, method):
    stream = Stream(of_windows(), method=method)
    stream.step(rows, keys)
    stream.set_state(stream.get_state())
    return stream.step(rows, keys)


def call_stream_fit(rows, y, keys):
    X, y_first = make_supervised(WAVE)
    model = LSTMRegressor(**SMALL | {"unroll": "series", "linear_skip": False})
    Stream(model.fit(X, y_first)).partial_fit(rows, y, keys)


def call_add_future(**arguments):
    add_future(**arguments)


def call_windows(**arguments):
    make_windows(**arguments)


def call_histories(**arguments):
    SequenceWindower(4).fit_transform(make_histories(**arguments))


def call_folds(X, y, groups, **params):
    for train, test in PanelTimeSeriesSplit(**params).split(X, y, groups):
        assert len(train) > 0 < len(test)


def call_set_after_fit(X_new, **params):
    X = RNG.normal(size=(N, 5, 2))
    model = LSTMRegressor(**SMALL).fit(X, X.sum(axis=(1, 2)))
    return model.set_params(**params).predict(X_new)


def params_of(Estimator, **others):
    return Estimator().get_params(deep=False) | others


def supervised(**params):
    X, y = make_supervised(WAVE, **params)
    return {"X": Data(X), "y": Data(y), "X_new": Data(X[-9:])}


EQUAL = RNG.normal(size=(N, 5, 2))
TARGET = EQUAL.sum(axis=(1, 2))
LABELS = np.array(["no", "yes", "maybe"])[np.arange(N) % 3]
XY = {"X": Data(EQUAL), "y": Data(TARGET)}
FRAME_ARGUMENTS = {"group": "s", "time": "t", "max_gap": None}

LATER = {
    "X": Data(make_supervised(TABLE, 3, target=0)[0].tail(4)[-9:]),
    "y": Data(make_supervised(TABLE, 3, target=0)[1][-9:]),
}

CALLS = {
    "LSTMRegressor": (
        call_regressor,
        params_of(LSTMRegressor, **SMALL)
        | XY
        | {
            "sample_weight": Data(np.ones(N)),
            "X_new": Data(EQUAL[:7]),
            "return_std": False,
        },
    ),
    "LSTMRegressor of rows": (
        call_regressor,
        params_of(LSTMRegressor, **SMALL, n_timesteps=5)
        | {
            "X": Data(EQUAL.reshape(N, 10)),
            "y": Data(np.column_stack([TARGET, -TARGET])),
        }
        | {
            "sample_weight": None,
            "X_new": Data(EQUAL.reshape(N, 10)),
            "return_std": False,
        },
    ),
    "LSTMClassifier": (
        call_classifier,
        params_of(LSTMClassifier, **SMALL)
        | {"X": Data(EQUAL), "y": Data(LABELS), "sample_weight": Data(np.ones(N))}
        | {"X_new": Data(EQUAL[:7])},
    ),
    "validation": (
        call_validated,
        SMALL
        | XY
        | {"X_val": Data(EQUAL[:9]), "y_val": Data(TARGET[:9])}
        | {"sample_weight_val": Data(np.ones(9)), "scoring": "loss", "tol": 1e-4},
    ),
    "partial_fit": (
        call_partial_fit,
        SMALL
        | {"X": Data(EQUAL), "y": Data(np.arange(N) % 3), "classes": Data([0, 1, 2])}
        | {"X_later": Data(EQUAL[:5]), "y_later": Data(np.arange(5) % 2)}
        | {"sample_weight": Data(np.ones(5))},
    ),
    "quantiles": (
        call_quantiles,
        XY | {"quantile": Data([0.1, 0.5, 0.9]), "X_new": Data(EQUAL)},
    ),
    "static features": (
        call_static,
        {"X": Data(pd.DataFrame(EQUAL.reshape(N, 10)).rename(columns="c{}".format))}
        | {
            "y": Data(TARGET),
            "X_new": Data(
                pd.DataFrame(EQUAL.reshape(N, 10)).rename(columns="c{}".format)
            ),
        }
        | {
            "static_features": ["c0", "c9"],
            "n_timesteps": "columns",
            "categorical_features": "from_dtype",
            "embedding_size": None,
        },
    ),
    "ids": (
        call_static,
        {"X": Data(np.arange(N * 5).reshape(N, 5, 1) % 4), "y": Data(TARGET)}
        | {"X_new": Data(np.arange(20).reshape(4, 5, 1) % 4), "embedding_size": 2}
        | {"categorical_features": [0], "static_features": None},
    ),
    "parameters after fit": (
        call_set_after_fit,
        params_of(LSTMRegressor, **SMALL) | {"X_new": Data(EQUAL)},
    ),
    "SequenceWindower": (
        call_windower,
        params_of(SequenceWindower, sequence_length=4)
        | {"X": Data(TABLE), "X_new": Data(TABLE[:9])},
    ),
    "SequenceWindower of a panel": (
        call_windower,
        params_of(SequenceWindower, sequence_length=4)
        | FRAME_ARGUMENTS
        | {"X": Data(FRAME), "X_new": Data(FRAME)},
    ),
    "Pipeline": (
        call_pipeline,
        {"sequence_length": 4, "flatten": False, "fill_value": "edge"}
        | {"X": Data(TABLE[:-1]), "y": Data(WAVE[1:]), "X_new": Data(TABLE[40:60])},
    ),
    "make_supervised": (
        call_supervised,
        {
            "data": Data(TABLE),
            "horizon": 2,
            "target": 0,
            "known": None,
            "as_rows": False,
        },
    ),
    "make_supervised of a panel": (
        call_supervised,
        FRAME_ARGUMENTS
        | {
            "data": Data(FRAME),
            "horizon": 2,
            "target": "v",
            "known": ["w"],
            "as_rows": False,
        },
    ),
    "make_histories": (
        call_histories,
        {"data": Data(TABLE), "group": None, "time": None, "max_gap": None},
    ),
    "make_windows": (
        call_windows,
        {
            "data": Data(TABLE),
            "sequence_length": 5,
            "horizon": 2,
            "stride": 1,
            "target": [0],
        },
    ),
    "SequenceEncoder": (
        call_encoder,
        params_of(SequenceEncoder) | {"X": Data(TEXTS), "X_new": Data(TEXTS[:3])},
    ),
    "SequenceEncoder of tokens": (
        call_encoder,
        params_of(SequenceEncoder, analyzer="word")
        | {"X": Data([[1, 2, 3], [2, 2], [4]] * 4), "X_new": Data([[1, 9], [3]])},
    ),
    "Sequences": (
        call_sequences,
        {
            "steps": Data(TABLE),
            "starts": Data(np.arange(0, 60, 6)),
            "lengths": Data(np.arange(10) % 6 + 1),
            "feature_names": None,
            "series": Data(np.arange(10)),
            "series_names": None,
            "times": None,
            "index": None,
            "rows": None,
            "history_lengths": None,
            "horizon": None,
            "targets": None,
            "categories": None,
            "tail": 2,
        },
    ),
    "Sequences.from_arrays": (
        lambda **arguments: (
            LSTMRegressor(**SMALL)
            .fit(X := Sequences.from_arrays(**arguments), np.arange(len(X)))
            .predict(X)
        ),
        {"arrays": Data([x[: 1 + i % 4] for i, x in enumerate(EQUAL)])},
    ),
    "StepTransformer": (
        call_step_transformer,
        {"X": Data(EQUAL), "X_new": Data(EQUAL)},
    ),
    "NaiveRegressor": (
        call_naive,
        params_of(NaiveRegressor, period=3) | supervised(horizon=2),
    ),
    "AnchoredRegressor": (
        call_anchored,
        {"feature": None, "period": 2, "lag": None, "random_state": 0}
        | supervised(horizon=2),
    ),
    "ConformalRegressor": (
        call_conformal,
        {"coverage": 0.8, "calibration_fraction": 0.3, "gap": None, "method": "auto"}
        | {"adaptation_rate": 0.005}
        | supervised(horizon=2)
        | {"y_new": Data(np.ones((9, 2)))},
    ),
    "AutoForecaster": (
        call_recipe,
        params_of(AutoForecaster, max_epochs=2, random_state=0)
        | supervised(horizon=2)
        | {"coverage": 0.9},
    ),
    "forecast": (
        call_forecast,
        {
            "history": Data(FRAME),
            "n_steps": 3,
            "future": None,
            "target": None,
            "interval": None,
        },
    ),
    "ForecastDisplay": (
        call_display,
        {"history": Data(FRAME[:60]), "series": "a", "n_steps": 3, "actual": None}
        | {"interval": None, "n_history": 20},
    ),
    "add_future": (
        call_add_future,
        FRAME_ARGUMENTS
        | {
            "group": None,
            "data": Data(FRAME[:40]),
            "future": Data(FRAME[40:43][["t", "w"]]),
        }
        | {"known": ["w"], "horizon": 3, "as_rows": False},
    ),
    "PanelTimeSeriesSplit": (
        call_folds,
        {
            "n_splits": 3,
            "time": None,
            "max_train_size": None,
            "test_size": None,
            "gap": 0,
        }
        | {
            "X": Data(make_supervised(FRAME, group="s", time="t")[0]),
            "y": None,
            "groups": None,
        },
    ),
    "inside": (call_inside, {"X": LATER["X"], "layer": 0, "direction": "forward"}),
    "timestep_importance": (
        call_importance,
        LATER
        | {"by": "lag", "scoring": None, "n_repeats": 2, "n_jobs": None}
        | {"random_state": 0, "sample_weight": Data(np.ones(9))},
    ),
    "memory_length": (
        call_memory,
        {"X": LATER["X"], "level": 0.05, "n_repeats": 2, "random_state": 0},
    ),
    "displays": (
        call_drawn,
        LATER
        | {"metric": "loss", "index": 0, "kind": "heatmap", "naive": 1, "target": None}
        | {"error": "mean_absolute_error", "level": 0.05, "by": "lag"},
    ),
    "Stream": (
        call_stream,
        {"rows": Data(TABLE[:2]), "keys": Data(["a", "b"]), "method": "predict"},
    ),
    "Stream.partial_fit": (
        call_stream_fit,
        {"rows": Data(WAVE[:8].reshape(4, 2, 1)), "y": Data(WAVE[1:9].reshape(4, 2))}
        | {"keys": Data(["a", "b"])},
    ),
    "drop_training_state": (drop_training_state, {"model": LSTMRegressor()}),
    "load_co2": (datasets.load_co2, {"missing": "interpolate", "as_frame": False}),
    "make_adding_problem": (
        datasets.make_adding_problem,
        {"n_samples": 9, "n_timesteps": 5, "random_state": 0},
    ),
    "make_lagged": (
        datasets.make_lagged,
        {"n_samples": 9, "lag": 2, "noise": 0.1, "random_state": 0},
    ),
    "make_ragged_sequences": (
        datasets.make_ragged_sequences,
        {
            "n_samples": 9,
            "n_classes": 2,
            "min_length": 2,
            "max_length": 5,
            "n_features": 2,
        }
        | {"noise": 0.1, "random_state": 0},
    ),
    "make_regime_sines": (
        datasets.make_regime_sines,
        {"n_samples": 90, "n_regimes": 2, "min_period": 8, "max_period": 32}
        | {"min_duration": 6, "max_duration": 12, "noise": 0.1, "random_state": 0},
    ),
}
# What takes as long, or as much memory, as it says, because it was asked for.
ASKED_FOR = {
    (key, name)
    for key in (
        *(
            "max_epochs",
            "n_repeats",
            "n_samples",
            "n_timesteps",
            "n_features",
            "n_classes",
            "n_jobs",
        ),
        *("n_regimes", "lag", "min_length", "max_length", "min_duration"),
        "max_duration",
    )
    for name in ("a million", "2**31", "2**63", "uint64")
} | {
    # Functions that do not what is asked of them.
    (key, name)
    for key in ("scoring", "optimizer", "analyzer")
    for name in ("class", "function", "estimator class")
}
ASKED_FOR.add(("n_jobs", "zero"))


def spoil(pick):
    """Choose a call, and one or two of its arguments, and give them odd values.

    Returns the name of the call, what was done, the function and its arguments.
    """
    name = pick(list(CALLS))
    call, valid = CALLS[name]
    arguments = {key: v.value if isinstance(v, Data) else v for key, v in valid.items()}
    done = {}
    data = [key for key, value in valid.items() if isinstance(value, Data)]
    for _ in range(pick([1, 1, 1, 2])):
        # There are far more parameters than data.
        key = pick(data if data and pick([True, False]) else list(arguments))
        is_data = key in data and pick([True, True, True, False])
        kinds = FORMS if is_data else ODD
        kind = pick([k for k in kinds if (key, k) not in ASKED_FOR])
        if key in done:
            continue
        if is_data:
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    arguments[key] = in_form(FORMS[kind], arguments[key], pick)
            except Exception:  # there is no such form of these data
                continue
        else:
            arguments[key] = ODD[kind]()
        done[key] = kind
    return name, done, call, arguments


def in_form(form, value, pick):
    """Return data in another form, or only the table of sequences, or one column."""
    if isinstance(value, Sequences):
        steps = form(value.steps)
        return value.on_table(steps) if pick([True, False]) else steps
    if isinstance(value, pd.DataFrame) and pick([True, False]):
        changed = value.copy()
        changed.isetitem(0, pd.Series(form(value.iloc[:, 0].to_numpy())))
        return changed
    return form(value)


# What came of it.

# Of what comes of a case, what is fine: it works, or is told in one line.
GOOD = ("works", "refused")

HOUSES = (Path(sklstm.__file__).parent, Path(sklearn.__file__).parent)
OURS = (UserWarning, ConvergenceWarning, DataConversionWarning)
ESTIMATORS = re.compile(r"/sklearn/preprocessing/")
OTHERS = re.compile(r"/(numpy|torch|pandas|polars|scipy|skorch|narwhals|pyarrow)/")


def judge(call, arguments):
    """Return the class of what a call came to, and a line about it."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = call(**arguments)
        except (ValueError, TypeError) as error:
            kind, line = judge_error(error)
        except Exception as error:
            kind, line = "other exception", describe(error)
        else:
            kind, line = judge_result(result)
    for warning in caught:
        is_ours = issubclass(warning.category, OURS)
        if kind in GOOD and (not is_ours or OTHERS.search(warning.filename)):
            kind = "foreign warning"
            line = f"{warning.category.__name__}: {warning.message}"
            line += f" [{Path(warning.filename).name}:{warning.lineno}]"
    return kind, line


def describe(error):
    frames = traceback.extract_tb(error.__traceback__)
    where = frames[-1]
    ours = [f for f in frames if str(HOUSES[0]) in f.filename]
    ours = f" from {Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else ""
    text = " ".join(str(error).split())[:200]
    place = f"{Path(where.filename).name}:{where.lineno}{ours}"
    return f"{type(error).__name__}: {text} [{place}]"


def judge_error(error):
    *_, (frame, line) = traceback.walk_tb(error.__traceback__)
    file = Path(frame.f_code.co_filename)
    if ESTIMATORS.search(
        str([f.filename for f in traceback.extract_tb(error.__traceback__)])
    ):
        return "refused", describe(error)  # by an estimator inside
    source = linecache.getline(str(file), line).strip()
    is_raised = source.startswith("raise")
    if not (is_raised and any(house in file.parents for house in HOUSES)):
        return "raw message", describe(error)
    if isinstance(error, InvalidParameterError):  # shows what was given as it is
        return "refused", describe(error)
    if HOUSES[0] in file.parents and ("\n" in str(error) or len(str(error)) > 600):
        return "long message", describe(error)
    return "refused", describe(error)


def judge_result(result):
    for part in result if isinstance(result, tuple) else (result,):
        values = part.steps if isinstance(part, Sequences) else part
        is_table = isinstance(values, (np.ndarray, pd.DataFrame, pl.DataFrame))
        if is_table and not is_finite(values):
            return "not finite", str(type(part))
    return "works", ""


def is_finite(values):
    values = np.asarray(values)
    if values.dtype.kind == "O":
        values = values.astype(float)
    return values.dtype.kind not in "fc" or np.isfinite(values).all()
