"""Time of training, prediction and short fits beside a hand-written loop and others.

    python benchmarks/speed.py --data ETTh1.csv --output speed.json --plot speed.png

runs on one thread, in about half an hour; `--only` picks parts. ETTh1.csv is the hourly
file of the ETDataset; without it a made-up series of its shape stands in. The peers are
installed from PyPI, with the versions in `PINS`, into environments of their own under
``~/.cache/sklstm-benchmarks`` (1.6 to 2.4 GB each with torch for the CPU), and need
Linux. sktime's and aeon's LSTM nets are convolutions beside an LSTM: they are left out.

All that is compared is called in turn, in one process, from another one on in each
round: a ratio is the median over the rounds of that within a round, and its range.
Fits are timed whole, checks and the building of the net included, since that is what
a user waits for, and over as many epochs as take 0.3 seconds, beside which that is
little. Seconds are those of the processor, so that whatever else the machine does
counts little.

* *epochs*, *ragged*: training, by epoch. *hand-written loop*: `speed_loops.HandLoop`.
  *skorch*: its defaults, but for Adam, clipping, and all rows to train on.
  *torch.compile*: of the net of that loop, on one workload; the time to compile is
  left out, and so is the row where compiling fails.
* *error*: seconds to the best validation error that the hand-written loop reaches in 4
  epochs, to that after the fourth, to that and a test error as low as its, and to the
  best of one's own; all at a rate of 5e-3, with a seed for each round.
* *predict*: windows over a long series.
* *fits*: 10 samples, 1 epoch; a grid search of 24. *rows*: memory and time by rows.
* *shares*: where the time of the small workload goes. *peers*: other libraries,
  in half as many rounds.

GFLOP/s count the products of the steps that are read; the share is that of the highest
rate of a product of matrices in float32, measured before and after.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import speed_fits
import torch
from skorch import NeuralNetRegressor
from skorch.callbacks import GradientNormClipping
from speed_loops import (
    LEARNING_RATE,
    MAX_GRAD_NORM,
    HandLoop,
    Net,
    alternate_epochs,
    compare,
    ragged_problems,
    seconds,
    training_problems,
)
from speed_report import draw, report
from torch.utils.mkldnn import to_mkldnn

FOLDER = Path.home() / ".cache/sklstm-benchmarks"
PINS = {
    "jax": "jax==0.10.2 optax==0.2.8 keras==3.15.1",
    "keras": "keras==3.15.1 tensorflow-cpu==2.21.0",
    "darts": "darts==0.48.1 pytorch-lightning==2.6.6",
    "neuralforecast": "neuralforecast==3.3.0 pytorch-lightning==2.6.6",
}
COMMON_PINS = "torch==2.13.0 numpy==2.4.6"
PEER_ENVIRON = {
    "KERAS_BACKEND": "tensorflow",
    "OMP_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false",
}


def matmul_rates():
    """Return GFLOP/s of products of square matrices in float32, by library and size."""
    rates = {}
    for size in (512, 2048):
        a, b = torch.rand(2, size, size)
        layer = to_mkldnn(torch.nn.Linear(size, size, bias=False).eval())
        x, array_a, array_b = a.to_mkldnn(), a.numpy(), b.numpy()
        products = {
            "torch": lambda a=a, b=b: a @ b,
            "numpy": lambda a=array_a, b=array_b: a @ b,
            "oneDNN": lambda layer=layer, x=x: layer(x),  # as in the LSTM's kernel
        }
        for name, product in products.items():
            taken = min(seconds(product) for _ in range(9))
            rates[f"{name}, {size}"] = 2 * size**3 / taken / 1e9
    return rates


def skorch_fit(problem, X, n_epochs):
    net = NeuralNetRegressor(
        Net,
        module__n_features=X.shape[2],
        module__hidden=problem.hidden,
        module__layers=problem.layers,
        module__n_outputs=problem.y.shape[1],
        module__batch_first=True,
        optimizer=torch.optim.Adam,
        lr=LEARNING_RATE,
        batch_size=problem.batch,
        max_epochs=n_epochs,
        train_split=None,
        callbacks=[GradientNormClipping(MAX_GRAD_NORM)],
        verbose=0,
    )
    net.fit(X, problem.y)


def hand_fit(problem, n_epochs):
    HandLoop(problem).epochs(n_epochs)


def compiled_epochs(problem):
    """Return training of a compiled net, without the time to compile, or None."""
    loop = HandLoop(problem)
    loop.net = torch.compile(loop.net)
    try:
        loop.epoch()
    except RuntimeError as error:
        print(f"without torch.compile: {str(error).partition(chr(10))[0]}")
        return None
    return loop.epochs


def steps_read(problem, unroll):
    """Return the steps of an epoch, without padding."""
    n, length = len(problem), problem.length
    if unroll == "series":  # chunks of as many targets as a window has steps
        return n * (2 * length - 1) / length
    return int(problem.lengths.sum())


def sklstm_fit(problem, unroll, n_epochs, dtype="float32"):
    params = {"max_epochs": n_epochs, "random_state": 0, "dtype": dtype}
    model = speed_fits.estimator(problem, unroll, LEARNING_RATE, **params)
    model.fit(speed_fits.sequences_of(problem), problem.y)


def rows_of(problem, functions, repeats, reference, unrolls=None):
    """Return lines of seconds an epoch, ratios and rates."""
    rows = compare(alternate_epochs(functions, repeats), reference)
    for row in rows:
        n_steps = steps_read(problem, (unrolls or {}).get(row["row"]))
        row["gflops"] = problem.flops(n_steps) / row["seconds"] / 1e9
    return [{"problem": problem.name, **row} for row in rows]


def measure_epochs(data, repeats):
    rows = []
    for problem in training_problems(data):
        window, bf16 = partial(sklstm_fit, problem, "window"), {"dtype": "bfloat16"}
        functions = {
            "hand-written loop": partial(hand_fit, problem),
            'sklstm "window"': window,
            'sklstm "window", bfloat16': partial(window, **bf16),
            "skorch": partial(skorch_fit, problem, problem.padded()),
        }
        if problem.lengths.sum() > len(problem.table):
            functions['sklstm "series"'] = partial(sklstm_fit, problem, "series")
        if problem.name == "L48 H32 B32" and (compiled := compiled_epochs(problem)):
            functions["hand-written, torch.compile"] = compiled
        unrolls = {'sklstm "series"': "series"}
        rows += rows_of(problem, functions, repeats, "hand-written loop", unrolls)
    return rows


def measure_ragged(repeats):
    """Ragged sequences beside as many steps in sequences of equal length."""
    rows = []
    problems = (ragged_problems(equal=equal) for equal in (True, False))
    for equal, ragged in zip(*problems, strict=True):
        functions = {
            "sklstm, equal lengths": partial(sklstm_fit, equal, "window"),
            "sklstm, ragged": partial(sklstm_fit, ragged, "window"),
            "hand-written, equal lengths": partial(hand_fit, equal),
            "hand-written, padded": partial(hand_fit, ragged),
        }
        rows += rows_of(ragged, functions, repeats, "sklstm, equal lengths")
    return rows


def call_peer(name, data, repeats):
    """Make a peer's environment, if it is not there, and run `speed_peers.py` in it."""
    env = FOLDER / f"speed-{name}"
    python = env / "bin/python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", env], check=True)
    pins = COMMON_PINS.split() + PINS[name].split()
    subprocess.run([python, "-m", "pip", "install", "--quiet", *pins], check=True)
    script = Path(__file__).with_name("speed_peers.py")
    environ = {**os.environ, **PEER_ENVIRON}
    if name == "jax":
        environ["KERAS_BACKEND"] = "jax"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.json"
        command = [python, "-Es", script, name, path, "--repeats", str(repeats)]
        if data is not None:
            command += ["--data", data]
        done = subprocess.run(
            command, env=environ, check=False, capture_output=True, text=True
        )
        if done.returncode:
            sys.exit(f"{name} failed:\n{done.stderr[-4000:]}")
        return json.loads(path.read_text())


def measure_peers(data, repeats):
    parts = {name: call_peer(name, data, repeats) for name in PINS}
    return {
        key: [
            {"peer": name, **row} for name, part in parts.items() for row in part[key]
        ]
        for key in ("epochs", "error")
    }


def main():
    data, repeats = None, 5
    parts = {
        "epochs": lambda: measure_epochs(data, repeats),
        "ragged": lambda: measure_ragged(repeats),
        "error": lambda: speed_fits.measure_error(data, repeats),
        "predict": lambda: speed_fits.measure_predict(repeats),
        "fits": lambda: {
            "latency": speed_fits.measure_latency(repeats),
            "search": speed_fits.measure_search(repeats),
        },
        "rows": speed_fits.measure_rows,
        "shares": lambda: speed_fits.measure_shares(repeats),
        "peers": lambda: measure_peers(data, -(-repeats // 2)),
    }
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", nargs="+", choices=parts, default=list(parts))
    parser.add_argument("--data", type=Path, help="ETTh1.csv")
    parser.add_argument("--repeats", type=int, default=repeats, help="rounds")
    parser.add_argument("--output", type=Path, help="JSON file for the tables")
    parser.add_argument("--plot", type=Path, help="PNG file for a figure")
    options = parser.parse_args()
    data, repeats = options.data, options.repeats
    torch.set_num_threads(1)
    result = {"versions": {"torch": torch.__version__, "numpy": np.__version__}}
    result["matmul"] = [matmul_rates()]
    for name in options.only:
        result[name] = parts[name]()
        if options.output:  # as far as it is
            options.output.write_text(json.dumps(result, indent=1))
        report(name, result)
    result["matmul"].append(matmul_rates())
    report("matmul", result)
    if options.output:
        options.output.write_text(json.dumps(result, indent=1))
    if options.plot:
        draw(result, options.plot)


if __name__ == "__main__":
    main()
