"""Other libraries' LSTMs for `speed.py`; runs in the environments that it makes.

Each is timed in turn with the hand-written loop, in one process and on one core. All
get the same net where they allow it (darts' and neuralforecast's heads differ), Adam,
the same rate, clipping and batch size. Of ragged sequences Keras masks the padding; the
scan and the forecasters are left out there: they would read it as data.
"""

import argparse
import json
import os
import time
import warnings
from functools import partial
from pathlib import Path

import numpy as np

os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # before thread pools are made

import torch  # noqa: E402
from speed_loops import (  # noqa: E402
    HAND_EPOCHS,
    HAND_RATE,
    HORIZON,
    LEARNING_RATE,
    MAX_GRAD_NORM,
    HandLoop,
    alternate_epochs,
    compare,
    forecasting,
    hand_curve,
    ragged_problems,
    reach,
    training_problems,
)

LIMIT = 30  # seconds after which a library is no longer trained towards an error
TRAINER = {
    "accelerator": "cpu",
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "enable_checkpointing": False,
    "logger": False,
    "gradient_clip_val": MAX_GRAD_NORM,
}


class JaxLoop:
    """The same step as a jitted scan: what a compiler makes of it, for reference."""

    def __init__(self, problem, rate=LEARNING_RATE):
        import jax
        import jax.numpy as jnp
        import optax

        self.rng, size = np.random.default_rng(0), problem.hidden
        self.weights = {
            name: jnp.asarray(self.rng.uniform(-1, 1, shape) / size**0.5, jnp.float32)
            for name, shape in self.shapes(problem).items()
        }
        optimizer = optax.chain(
            optax.clip_by_global_norm(MAX_GRAD_NORM), optax.adam(rate)
        )
        self.state = optimizer.init(self.weights)
        self.n, self.batch = len(problem), problem.batch
        self.time = np.arange(problem.length)[:, None]
        table, y = jnp.asarray(problem.table), jnp.asarray(problem.y)
        starts = jnp.asarray(problem.starts)

        def layer(x, into, back, bias):
            def step(carry, gates):
                hidden, cell = carry
                i, f, g, o = jnp.split(gates + hidden @ back, 4, axis=1)
                cell = jax.nn.sigmoid(f) * cell + jax.nn.sigmoid(i) * jnp.tanh(g)
                hidden = jax.nn.sigmoid(o) * jnp.tanh(cell)
                return (hidden, cell), hidden

            zeros = jnp.zeros((x.shape[1], size))
            gates = x @ into + bias  # of all steps at once
            (last, _), hidden = jax.lax.scan(step, (zeros, zeros), gates)
            return hidden, last

        def predict(weights, x):
            for i in range(problem.layers):
                names = (f"into{i}", f"back{i}", f"bias{i}")
                x, last = layer(x, *(weights[name] for name in names))
            return last @ weights["head"] + weights["head_bias"]

        def loss(weights, chosen):
            x = table[starts[chosen] + self.time]
            return jnp.mean((predict(weights, x) - y[chosen]) ** 2)

        def update(weights, state, chosen):
            value, gradient = jax.value_and_grad(loss)(weights, chosen)
            updates, state = optimizer.update(gradient, state)
            return optax.apply_updates(weights, updates), state, value

        self.update, self.predict = jax.jit(update), jax.jit(predict)

    @staticmethod
    def shapes(problem):
        """Return the shapes of the weights by name."""
        size, n_outputs = problem.hidden, problem.y.shape[1]
        shapes = {"head": (size, n_outputs), "head_bias": (n_outputs,)}
        for i in range(problem.layers):
            shapes[f"into{i}"] = (size if i else problem.table.shape[1], 4 * size)
            shapes[f"back{i}"], shapes[f"bias{i}"] = (size, 4 * size), (4 * size,)
        return shapes

    def epochs(self, n):
        """Pass over all so many times."""
        for _ in range(n):
            self.epoch()

    def epoch(self):
        """Pass over all once."""
        order = self.rng.permutation(self.n)
        total = 0.0
        for begin in range(0, self.n, self.batch):
            chosen = order[begin : begin + self.batch]
            self.weights, self.state, loss = self.update(
                self.weights, self.state, chosen
            )
            total = total + loss * len(chosen)
        return float(total)

    def error(self, problem):
        """Mean squared error on another problem of the same kind."""
        x = problem.table[problem.starts + self.time]
        return float(np.mean((self.predict(self.weights, x) - problem.y) ** 2))


class KerasLoop:
    """A compiled Keras model, whose padding is masked if lengths differ."""

    def __init__(self, problem, rate=LEARNING_RATE):
        import keras

        self.X, self.y, self.batch = problem.padded(), problem.y, problem.batch
        layers = [keras.layers.Input(self.X.shape[1:])]
        if problem.is_ragged:
            self.X[np.arange(problem.length) >= problem.lengths[:, None]] = 0
            layers.append(keras.layers.Masking())
        for i in range(problem.layers):
            is_last = i == problem.layers - 1
            lstm = keras.layers.LSTM(problem.hidden, return_sequences=not is_last)
            layers.append(lstm)
        layers.append(keras.layers.Dense(self.y.shape[1]))
        self.model = keras.Sequential(layers)
        adam = keras.optimizers.Adam(rate, global_clipnorm=MAX_GRAD_NORM)
        self.model.compile(adam, "mse")

    def epoch(self):
        """Pass over all once."""
        self.epochs(1)

    def epochs(self, n):
        """Pass over all so many times, in one fit."""
        self.model.fit(self.X, self.y, batch_size=self.batch, epochs=n, verbose=0)

    def error(self, problem):
        """Mean squared error on another problem of the same kind."""
        output = self.model.predict(problem.padded(), batch_size=1024, verbose=0)
        return float(np.mean((output - problem.y) ** 2))


def stopwatch(parts, target, predict):
    """Return a callback of lightning that looks at the errors and stops the clock."""
    from pytorch_lightning import Callback

    class Stopwatch(Callback):
        rows, taken = [], 0.0

        def on_train_start(self, trainer, net):
            self.start = time.process_time()

        def on_train_batch_end(self, trainer, net, output, batch, index):
            # neuralforecast's epochs are batches of series: of one, one step.
            if (trainer.global_step % self.n_batches) == 0:
                self.look(trainer, net)

        def look(self, trainer, net):
            self.taken += time.process_time() - self.start
            net.eval()
            errors = []
            with torch.inference_mode():
                for part in parts[1:]:
                    X = torch.as_tensor(part.padded()).split(1024)
                    output = torch.cat([predict(net, x) for x in X])
                    errors.append(float(np.mean((output.numpy() - part.y) ** 2)))
            net.train()
            self.rows.append([self.taken, *errors])
            trainer.should_stop = errors[0] <= target or self.taken > LIMIT
            self.start = time.process_time()

    callback = Stopwatch()
    callback.n_batches = -(-len(parts[0]) // parts[0].batch)
    return callback


def fit_darts(problem, n_epochs=1, rate=LEARNING_RATE, callbacks=()):
    from darts import TimeSeries
    from darts.models import BlockRNNModel

    model = BlockRNNModel(
        problem.length,
        HORIZON,
        model="LSTM",
        hidden_dim=problem.hidden,
        n_rnn_layers=problem.layers,
        batch_size=problem.batch,
        n_epochs=n_epochs,
        optimizer_kwargs={"lr": rate},
        pl_trainer_kwargs={**TRAINER, "callbacks": list(callbacks)},
        random_state=0,
    )
    target = TimeSeries.from_values(problem.table[:, -1:])
    past = TimeSeries.from_values(problem.table[:, :-1])
    model.fit(target, past_covariates=past)


def fit_neuralforecast(problem, n_epochs=1, rate=LEARNING_RATE, callbacks=()):
    import pandas as pd
    from neuralforecast import NeuralForecast
    from neuralforecast.losses.pytorch import MSE
    from neuralforecast.models import LSTM

    n_batches = -(-len(problem) // problem.batch)
    past = [f"x{i}" for i in range(problem.table.shape[1] - 1)]
    model = LSTM(
        h=HORIZON,
        input_size=problem.length,
        encoder_n_layers=problem.layers,
        encoder_hidden_size=problem.hidden,
        decoder_layers=1,
        decoder_hidden_size=problem.hidden,
        hist_exog_list=past,
        loss=MSE(),
        learning_rate=rate,
        max_steps=n_epochs * n_batches,
        batch_size=1,
        windows_batch_size=problem.batch,
        scaler_type="identity",
        recurrent=False,
        callbacks=list(callbacks),
        **TRAINER,
    )
    frame = pd.DataFrame(problem.table, columns=[*past, "y"])
    frame = frame.assign(unique_id="ETTh1", ds=np.arange(len(frame)))
    NeuralForecast([model], freq=1).fit(frame)


def predict_darts(net, x):
    from darts.utils.data.torch_datasets.utils import PLModuleInput

    output = net(PLModuleInput(past_target=x[..., -1:], past_covariates=x[..., :-1]))
    return output.prediction[:, :, 0, 0]


def predict_neuralforecast(net, x):
    windows = {"insample_y": x[..., -1:], "hist_exog": x[..., :-1]}
    windows |= {"futr_exog": None, "stat_exog": None}
    return net(windows)[:, :, 0]


LOOPS = {
    "jax": {"JAX scan": JaxLoop, "Keras (JAX)": KerasLoop},
    "keras": {"Keras (TensorFlow)": KerasLoop},
}
FITS = {
    "darts": (fit_darts, predict_darts),
    "neuralforecast": (fit_neuralforecast, predict_neuralforecast),
}


def measure_epochs(kind, data, repeats):
    rows = []
    for problem in training_problems(data) + ragged_problems():
        functions = {"hand-written loop": HandLoop(problem).epochs}
        for name, make in LOOPS.get(kind, {}).items():
            if make is KerasLoop or not problem.is_ragged:
                functions[name] = make(problem).epochs
        if kind in FITS and problem.y.shape[1] == HORIZON:  # makes windows itself
            functions[kind] = partial(FITS[kind][0], problem)
        if len(functions) == 1:
            continue
        times = alternate_epochs(functions, repeats)
        lines = compare(times, "hand-written loop")
        rows += [{"problem": problem.name, **line} for line in lines]
    return rows


def loop_curve(make, parts, target):
    """Train until the target or the limit; the time to compile counts."""
    loop, rows, taken = make(parts[0], rate=HAND_RATE), [], 0.0
    while taken < LIMIT and not (rows and rows[-1][1] <= target):
        start = time.process_time()
        loop.epoch()
        taken += time.process_time() - start
        rows.append([taken, *(loop.error(part) for part in parts[1:])])
    return rows


def measure_error(kind, data):
    """Seconds to the error that the hand-written loop reaches in the same process."""
    parts = forecasting("ETTh1 L96 H64", data, hidden=64, batch=32)
    hand = hand_curve(parts, seed=0)
    best, end = min(row[1] for row in hand), hand[-1][1]
    curves = {"hand-written loop": hand}
    for name, make in LOOPS.get(kind, {}).items():
        curves[name] = loop_curve(make, parts, best)
    if kind in FITS:
        fit, predict = FITS[kind]
        watch = stopwatch(parts, best, predict)
        fit(parts[0], 20 * HAND_EPOCHS, HAND_RATE, [watch])
        curves[kind] = watch.rows
    keys = ("seconds", "epochs", "valid", "test")
    return [
        {"row": name, "aim": aim, "target": target}
        | dict(zip(keys, reach(rows, target, first), strict=True))
        for name, rows in curves.items()
        for aim, target, first in [
            ("best", best, 0),
            ("after 4 epochs", end, HAND_EPOCHS - 1 if rows is hand else 0),
        ]
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("kind", choices=[*LOOPS, *FITS])
    parser.add_argument("output", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    epochs = measure_epochs(options.kind, options.data, options.repeats)
    error = measure_error(options.kind, options.data)
    options.output.write_text(json.dumps({"epochs": epochs, "error": error}))


if __name__ == "__main__":
    main()
