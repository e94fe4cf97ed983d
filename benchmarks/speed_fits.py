"""What `speed.py` measures beside epochs: latency, memory, time to an error, shares."""

import json
import subprocess
import sys
import time
import warnings
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPRegressor
from skorch import NeuralNet
from skorch.callbacks import GradientNormClipping
from speed_loops import (
    HAND_EPOCHS,
    HAND_RATE,
    HandLoop,
    alternate,
    compare,
    forecasting,
    hand_curve,
    reach,
    seconds,
    windows_of,
)

from sklstm import LSTMRegressor, Sequences, SequenceWindower
from sklstm._net._batches import BatchDataset

warnings.simplefilter("ignore", ConvergenceWarning)  # one epoch is what is asked for
SETTINGS = {  # unroll, batch_size (8 is one chunk) and epochs
    'sklstm "window"': ("window", 32, HAND_EPOCHS),
    'sklstm "series"': ("series", 32, 40),
    'sklstm "series", batch 8': ("series", 8, 40),
}
# What a plain loop has: an LSTM and a head that read one step at a time.
PLAIN = {
    "frame_size": 1,
    "dropout": 0.0,
    "linear_skip": False,
    "lr_scheduler": None,
    "n_iter_no_change": None,
}
ROWS = {"series": [10_000, 100_000, 1_000_000], "window": [10_000, 30_000, 100_000]}
COLD = {
    "LSTMRegressor": "from sklstm import LSTMRegressor as M; m = M(max_epochs=1)",
    "MLPRegressor": "from sklearn.neural_network import MLPRegressor as M;"
    "m = M(max_iter=1)",
}


def sequences_of(problem):
    return Sequences(problem.table, problem.starts, problem.lengths)


def estimator(problem, unroll="window", rate=1e-3, **params):
    return LSTMRegressor(
        problem.hidden,
        num_layers=problem.layers,
        batch_size=problem.batch,
        unroll=unroll,
        learning_rate=rate,
        standardize=False,
        **PLAIN,
        **params,
    )


# Time to a validation error.


def sklstm_curve(parts, seed, unroll, batch, n_epochs):
    """Train an epoch at a time; return seconds so far, validation and test error."""
    problem = replace(parts[0], batch=batch)
    fixed = {"max_epochs": 1, "warm_start": True, "random_state": seed}
    model = estimator(problem, unroll, HAND_RATE, **fixed)
    X, *rest = [sequences_of(part) for part in parts]
    rows, taken = [], 0.0
    for _ in range(n_epochs):
        taken += seconds(lambda: model.fit(X, problem.y))
        errors = [
            float(np.mean((model.predict(r) - part.y) ** 2))
            for r, part in zip(rest, parts[1:], strict=True)
        ]
        rows.append([taken, *errors])
    return rows


def measure_error(data, seeds):
    """Seconds to validation errors of the hand-written loop, and to one's own best."""
    parts, result = forecasting("ETTh1 L96 H64", data, hidden=64, batch=32), []
    for seed in range(seeds):
        hand = hand_curve(parts, seed)
        lines = {"hand-written loop": hand}
        for name, setting in SETTINGS.items():
            lines[name] = sklstm_curve(parts, seed, *setting)
        best, end = min(row[1] for row in hand), hand[-1][1]
        for row, curve in lines.items():
            first = HAND_EPOCHS - 1 if curve is hand else 0
            reached = {
                "best of the hand-written loop's 4 epochs": reach(curve, best),
                "hand-written loop after 4 epochs": reach(curve, end, first),
                "that, and its test error": reach(curve, end, first, hand[-1][2]),
                "best of its own epochs": reach(curve, min(r[1] for r in curve)),
            }
            result += [
                {"seed": seed, "row": row, "aim": aim}
                | dict(zip(("seconds", "epochs", "valid", "test"), line, strict=True))
                for aim, line in reached.items()
            ]
    return result


# Prediction.


def measure_predict(repeats):
    problem = windows_of("30,000 rows, L96 H64", 30_000, 96, 7, hidden=64, batch=32)
    X, loop = sequences_of(problem), HandLoop(problem)
    models = {
        unroll: estimator(problem, unroll, max_epochs=1).fit(X[:2000], problem.y[:2000])
        for unroll in ("window", "series")
    }
    functions = {"hand-written loop": lambda: loop.error(problem)} | {
        f'sklstm "{unroll}"': lambda m=model: m.predict(X)
        for unroll, model in models.items()
    }
    rows = compare(alternate(functions, repeats), "hand-written loop")
    return [{"problem": problem.name, **row} for row in rows]


# Short fits.


def small_data(n, n_steps):
    X = np.random.default_rng(0).normal(size=(n, n_steps, 2))
    return X, X[:, -1, 0]


def measure_latency(repeats):
    """Milliseconds of a fit to 10 samples in one epoch, and of predicting one."""
    X, y = small_data(10, 8)
    flat = X.reshape(10, -1)
    lstm, mlp = LSTMRegressor(max_epochs=1), MLPRegressor(max_iter=1)
    lstm.fit(X, y)
    mlp.fit(flat, y)
    times = alternate(
        {
            "LSTMRegressor fit": lambda: lstm.fit(X, y),
            "LSTMRegressor predict": lambda: lstm.predict(X[:1]),
            "MLPRegressor fit": lambda: mlp.fit(flat, y),
            "MLPRegressor predict": lambda: mlp.predict(flat[:1]),
        },
        10 * repeats,
    )
    rows = [{"row": k, "ms": 1e3 * float(np.median(v))} for k, v in times.items()]
    return rows + [measure_cold(name, repeats) for name in COLD]


def measure_cold(name, repeats):
    """The same fit as the first thing that a new process does."""
    code = (
        "import time; t = time.perf_counter(); import numpy as np;"
        f"{COLD[name]}; i = time.perf_counter();"
        "X = np.random.default_rng(0).normal(size=(10, 16)); m.fit(X, X[:, 0]);"
        "print(i - t, time.perf_counter() - i)"
    )
    command = [sys.executable, "-W", "ignore", "-c", code]
    out = [subprocess.check_output(command, text=True).split() for _ in range(repeats)]
    imports, fit = 1e3 * np.median(np.array(out, dtype=float), axis=0)
    return {"row": f"{name}, cold", "ms": float(fit), "import_ms": float(imports)}


def measure_search(repeats):
    """Seconds of a grid search of 24 fits to 200 sequences of 20 steps."""
    X, y = small_data(200, 20)
    grid = {"hidden_size": [8, 16], "learning_rate": [1e-3, 3e-3, 1e-2, 3e-2]}
    functions = {}
    for n_jobs in (1, 2):
        model = LSTMRegressor(max_epochs=10, random_state=0, **PLAIN)
        search = GridSearchCV(model, grid, cv=3, refit=False, n_jobs=n_jobs)
        functions[f"n_jobs={n_jobs}"] = lambda s=search: s.fit(X, y)
    clock = time.perf_counter  # what the workers do is not this process's time
    start = seconds(functions["n_jobs=2"], clock)  # starts the workers
    rows = compare(alternate(functions, repeats, clock), "n_jobs=1")
    return [*rows, {"row": "n_jobs=2, first", "seconds": start}]


# Memory and rows.


def measure_rows():
    """Peak memory of a first fit of one epoch, and seconds of later ones, by rows."""
    result = []
    for unroll, sizes in ROWS.items():
        for n in sizes:
            line = {"unroll": unroll, "rows": n, "table_mb": n * 8 * 4 / 2**20}
            base, full = (call_self(str(n), kind) for kind in ("table", unroll))
            line |= {"base_mb": base["peak_mb"], "peak_mb": full["peak_mb"]}
            result.append(line | {"seconds": full["seconds"]})
    return result


def call_self(*arguments):
    command = [sys.executable, __file__, *arguments]
    return json.loads(subprocess.check_output(command))


def fit_rows(n, kind):
    """Make the table and fit to it, as asked; is a process of its own."""
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    table = rng.standard_normal((n, 8), dtype=np.float32)
    y = np.roll(table[:, 0], 1)
    taken = 0.0
    if kind != "table":
        X = SequenceWindower(128).fit_transform(table)
        model = LSTMRegressor(16, max_epochs=1, unroll=kind, random_state=0, **PLAIN)
        model.fit(X, y)
    # Not getrusage: over exec, that keeps the peak of the process that called.
    status = Path("/proc/self/status").read_text()
    peak = int(status.partition("VmHWM:")[2].split()[0]) / 1024
    if kind != "table":  # without what a process loads once
        taken = np.median([seconds(lambda: model.fit(X, y)) for _ in range(3)])
    print(json.dumps({"peak_mb": peak, "seconds": float(taken)}))


# Where the time goes.


class Shares:
    """Time spent in functions themselves, without what they call that is also timed."""

    def __init__(self):
        self.own, self.stack = {}, []

    def timed(self, function, label):
        """Return the function with a clock around it."""

        def wrapper(*args, **kwargs):
            start = time.process_time()
            self.stack.append(0.0)
            result = function(*args, **kwargs)
            taken = time.process_time() - start
            self.own[label] = self.own.get(label, 0.0) + taken - self.stack.pop()
            if self.stack:
                self.stack[-1] += taken
            return result

        return wrapper

    def run(self, function, places):
        """Return shares by label of what runs in a call, and in these places."""
        with ExitStack() as stack:
            for owner, name, label in places:
                timed = self.timed(getattr(owner, name), label)
                stack.enter_context(mock.patch.object(owner, name, timed))
            self.timed(function, "Python and the rest")()
        total = sum(self.own.values())
        return {label: own / total for label, own in self.own.items()}


def measure_shares(repeats):
    """Where an epoch of the small workload goes, by hand and by sklstm."""
    problem = windows_of("L48 H32 B32", 4000, 48, 1, hidden=32, batch=32)
    X, loop = sequences_of(problem), HandLoop(problem)
    model = estimator(problem, max_epochs=3)
    common = [
        (torch.nn.LSTM, "forward", "LSTM forward"),
        (torch.Tensor, "backward", "backward"),
        (torch.optim.Adam, "step", "optimizer"),
        (torch.optim.Adam, "zero_grad", "optimizer"),
    ]
    places = {
        "hand-written loop": [
            (torch.nn.utils, "clip_grad_norm_", "clipping"),
            (HandLoop, "inputs", "gather"),
        ],
        "sklstm": [
            (GradientNormClipping, "on_grad_computed", "clipping"),
            (BatchDataset, "inputs", "gather"),
            (NeuralNet, "train_step_single", "Python and the rest"),
        ],
    }
    functions = {
        "hand-written loop": lambda: loop.epochs(3),
        "sklstm": lambda: model.fit(X, problem.y),
    }
    times = alternate(functions, repeats)
    result = []
    for name, function in functions.items():
        clocks = Shares()
        for _ in range(repeats):
            shares = clocks.run(function, common + places[name])
        taken = float(np.median(times[name])) / 3
        result.append({"row": name, "seconds": taken, **shares})
    return result


if __name__ == "__main__":
    fit_rows(int(sys.argv[1]), sys.argv[2])
