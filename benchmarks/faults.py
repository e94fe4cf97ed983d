"""What is lost when a fit is killed, or when what was saved is damaged.

    python benchmarks/faults.py

takes about twenty minutes, on Linux. A fit with `FitCheckpoint` is ended by SIGKILL and
by SIGINT at random moments, again and again until it comes to its end, and has to end
in the bits of one that never was; its disk is full; and its file, pickles and files of
skops are damaged, mixed and given huge sizes. It prints how often each was tried, and
what came of it.
"""

import argparse
import copy
import hashlib
import io
import multiprocessing
import pickle
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
import warnings
import zipfile
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise
from pathlib import Path

import numpy as np
import skops.io
import torch
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklstm import (
    TRUSTED_TYPES,
    FitCheckpoint,
    LSTMClassifier,
    LSTMRegressor,
    SequenceWindower,
    StepTransformer,
    make_supervised,
)

ROOT = Path(__file__).parents[1]
MEMORY = 6 << 30  # of addresses; torch alone takes some of them


def fit(directory, seed=0):
    """Fit to what a seed draws; return the model, and what it was fitted to."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(300, 20, 2))
    y = X[:, :, 0].sum(axis=1)
    model = LSTMRegressor(
        32,
        max_epochs=60,
        early_stopping=True,
        n_iter_no_change=60,
        random_state=0,
        callbacks=[FitCheckpoint(directory)],
    )
    return model.fit(X, y), X


def fit_alone(directory, limit, seed):
    """Be the process that is killed."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # also in the background
    if limit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    print("ready", flush=True)
    try:
        model, X = fit(directory, seed)
    except (OSError, ValueError) as error:
        sys.exit(f"{type(error).__name__}: {error}")
    print("fitted", flush=True)
    if not limit:
        np.save(f"{directory}.npy", model.predict(X))


def start(directory, limit=0, seed=0):
    return subprocess.Popen(
        [sys.executable, __file__, "--alone", directory, str(limit), str(seed)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(directory, **params):
    """Return what a fit predicts, or what it says instead."""
    with start(directory, **params) as process:
        said = process.communicate()[1].strip()
    return np.load(f"{directory}.npy") if process.returncode == 0 else said


def kill(directory, wait, how=signal.SIGKILL, writes=False, seed=0):
    """Stop a fit after some time, or then as it writes; whether it had not ended."""
    with start(directory, seed=seed) as process:
        process.stdout.readline()
        time.sleep(wait)
        while writes and process.poll() is None:
            if any(Path(directory).glob("*.tmp")):
                break
        process.send_signal(how)
        has_ended = "fitted" in process.communicate()[0]
    return not has_ended


def checkpoint_of(directory, taken, **params):
    """Return the file of a fit that was killed."""
    while not list(Path(directory).glob("*.pt")):
        kill(directory, 0.3 * taken, **params)
    (path,) = Path(directory).glob("*.pt")
    return path


def end_fits(folder, whole, taken, how, n, rng):
    """End fits at random moments, and look at what they come to."""
    n_ends = n_fits = n_same = n_torn = n_lost = 0
    while n_ends < n:
        directory, n_here, n_files = f"{folder}/{how.name}{n_fits}", 0, 0
        while n_here < 5 and kill(
            directory, rng.uniform(0, 0.3 * taken), how, writes=n_here % 2
        ):
            n_here += 1
            n_lost += len(list(Path(directory).glob("*.pt"))) < n_files
            n_files = len(list(Path(directory).glob("*.pt")))
            torn = list(Path(directory).glob("*.tmp"))
            n_torn += len(torn)
            for file in torn:
                file.unlink()
        n_ends, n_fits = n_ends + n_here, n_fits + 1
        n_same += np.array_equal(finish(directory), whole)
    print(f"{how.name}: {n_ends} of {n_fits} fits, {n_torn} files left half written")
    print(f"    checkpoints lost: {n_lost}; same bits at the end: {n_same} of {n_fits}")


def fill_disk(folder, whole, taken):
    """Let a fit go on where there is room for half a file more."""
    disk = Path(folder, "disk")
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk]
    is_real = subprocess.run(mount, capture_output=True).returncode == 0
    try:
        directory = str(disk / "fit")
        path = checkpoint_of(directory, taken)
        content, limit = path.read_bytes(), 0
        if is_real:
            used = sum(file.stat().st_size for file in disk.rglob("*"))
            with (disk / "filler").open("wb") as file:
                file.write(bytes((1 << 20) - used - len(content) // 2))
        else:
            limit = len(content) // 2
        said = finish(directory, limit=limit)
        is_there = path.read_bytes() == content
        (disk / "filler").unlink(missing_ok=True)
        Path(directory + ".npy").unlink(missing_ok=True)
        is_same = np.array_equal(finish(directory), whole)
    finally:
        if is_real:
            subprocess.run(["umount", disk], check=True)
    print("full disk,", "a tmpfs of 1 MB:" if is_real else "by RLIMIT_FSIZE:", said)
    print("    the file before is", "there" if is_there else "LOST")
    print("    after that the fit", "ends in the same bits" if is_same else "DIFFERS")


def flip(content, rng):
    """Change one to three bytes."""
    damaged = bytearray(content)
    for place in rng.integers(len(content), size=rng.integers(1, 4)):
        damaged[place] ^= int(rng.integers(1, 256))
    return damaged


def damage_checkpoint(path, other, n, rng):
    """Change and cut a checkpoint, and put others under its name."""
    content, counts = path.read_bytes(), Counter()

    def read(what, damaged):
        path.write_bytes(damaged)
        try:
            fit(path.parent)
        except ValueError as error:
            said = str(error)
            is_told = "delete it to begin anew" in said and "\n" not in said
            counts[f"{what}: {'refused in one line' if is_told else said}"] += 1
        else:
            counts[f"{what}: TAKEN"] += 1

    for _ in range(n):
        cut = content[: rng.integers(len(content))]
        read("damaged", flip(content, rng) if rng.random() < 0.8 else cut)
    read("of other data", other.read_bytes())
    # As only somebody can write it who makes the sum over the bytes anew.
    state = torch.load(io.BytesIO(content[32:]), weights_only=True)
    huge = torch.zeros((), dtype=torch.float64).expand(10**12)
    for arrays in state["module"], state["optimizer"]["state"][0]:
        name = list(arrays)[-1]
        whole, saved = arrays[name], io.BytesIO()
        arrays[name] = huge
        torch.save(state, saved)
        digest = hashlib.sha256(saved.getvalue()).digest()
        read("of a huge size", digest + saved.getvalue())
        arrays[name] = whole
    return counts


def fit_models():
    """A pipeline and a classifier of ids, and data for each."""
    X, y = make_supervised(np.sin(np.arange(80.0)))
    small = {"hidden_size": 6, "max_epochs": 3, "random_state": 0}
    windows = make_pipeline(
        StepTransformer(StandardScaler()), SequenceWindower(8), LSTMRegressor(**small)
    )
    ids = np.random.default_rng(0).integers(5, size=(40, 6, 1))
    classifier = LSTMClassifier(embedding_size=3, **small)
    return [(windows.fit(X, y), X), (classifier.fit(ids, ids[:, -1, 0] > 2), ids)]


def look(model, X, load, *args, **kwargs):
    """Return what comes of loading a model, and predicting with it."""

    def predict(model):
        return getattr(model, "predict_proba", model.predict)(X)

    try:
        y_pred = predict(load(*args, **kwargs))
    except Exception as error:
        kind = type(error)
        name = f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")
        return name + " IN SEVERAL LINES" * ("\n" in str(error))
    if not np.isfinite(y_pred).all():
        return "predictions that are NOT FINITE"
    is_same = np.array_equal(y_pred, predict(model))
    return "the same predictions" if is_same else "other finite predictions"


def revive(kind, state):
    estimator = object.__new__(kind)
    estimator.__setstate__(state)
    return estimator


def load_skops(content):
    return skops.io.loads(bytes(content), trusted=TRUSTED_TYPES)


def damage_arrays(n, rng):
    """Change bytes inside the arrays of pickles."""
    models, counts = fit_models(), Counter()
    for i in range(n):
        model, X = models[i % 2]
        buffers = []
        content = pickle.dumps(model, protocol=5, buffer_callback=buffers.append)
        arrays = [buffer.raw() for buffer in buffers]
        chosen = rng.choice([j for j, array in enumerate(arrays) if len(array)])
        arrays[chosen] = flip(arrays[chosen], rng)
        counts[look(model, X, pickle.loads, content, buffers=arrays)] += 1
    return counts


def damage_states(n, rng):
    """Change shapes, sizes, lists and values of the states that pickles hold."""
    sys.path.append(str(ROOT))
    from tests._mutations import mutate

    (pipeline, X), classifier = fit_models()
    models = [(pipeline[-1], pipeline[:-1].transform(X)), classifier]
    counts = Counter()
    for i in range(n):
        model, X = models[i % 2]
        state = copy.deepcopy(model.__getstate__())
        mutate(state, rng)
        counts[look(model, X, revive, type(model), state)] += 1
    return counts


def damage_skops(n, rng):
    """Change bytes of files of skops."""
    models = [(model, X, skops.io.dumps(model)) for model, X in fit_models()]
    counts = Counter()
    for i in range(n):
        model, X, content = models[i % 2]
        counts[look(model, X, load_skops, flip(content, rng))] += 1
    return counts


def rewrite(content, parts):
    """Return a file of skops with other content in some of its parts."""
    saved = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as old,
        zipfile.ZipFile(saved, "w") as new,
    ):
        for name in old.namelist():
            new.writestr(name, parts.get(name) or old.read(name))
    return saved.getvalue()


def mix_files():
    """Cut files of models, mix them, and let them be of another format."""
    models, counts = fit_models(), Counter()
    for model, X in models:
        content, zipped = pickle.dumps(model), skops.io.dumps(model)
        for part in np.linspace(0, 1, 20, endpoint=False):
            half = content[: int(part * len(content))]
            counts["a cut pickle: " + look(model, X, pickle.loads, half)] += 1
            half = zipped[: int(part * len(zipped))]
            counts["a cut file of skops: " + look(model, X, load_skops, half)] += 1
        with zipfile.ZipFile(io.BytesIO(zipped)) as file:
            arrays = {name: file.read(name) for name in file.namelist()}
        names = [name for name in arrays if name.endswith(".npy")]
        for one, other in pairwise(names):
            mixed = rewrite(zipped, {one: arrays[other], other: arrays[one]})
            counts["arrays swapped: " + look(model, X, load_skops, mixed)] += 1
    (pipeline, X), (classifier, _) = models
    lstm, windows = pipeline[-1], pipeline[:-1].transform(X)
    for name in ("net_", "_sizes", "_architecture", "_written_by"):
        state = copy.deepcopy(lstm.__getstate__())
        state[name] = copy.deepcopy(classifier.__getstate__()[name])
        if name == "_written_by":
            state[name]["format"] += 1
        found = look(lstm, windows, revive, LSTMRegressor, state)
        counts[f"{name} of another: {found}"] += 1
    return counts


def enlarge_sizes():
    """Put huge numbers for each that a file of skops has."""
    counts = Counter()
    for model, X in fit_models():
        content = skops.io.dumps(model)
        with zipfile.ZipFile(io.BytesIO(content)) as file:
            schema = file.read("schema.json").decode()
        for match in re.finditer(r'(?<="content": ")\d+(?=")', schema):
            for size in (10**6, 10**9, 10**18):
                new = f"{schema[: match.start()]}{size}{schema[match.end() :]}"
                forged = rewrite(content, {"schema.json": new})
                counts[look(model, X, load_skops, forged)] += 1
    return counts


def fit_too_much():
    """Fit to data, and make nets, that are far larger than the memory."""
    X, y, many = np.ones((50, 10, 2)), np.arange(50.0), np.zeros(10**6)
    ids = 1000 * np.arange(500).reshape(50, 10, 1)
    cases = {
        "80 GB of rows": ({}, np.broadcast_to(1.0, (10**6, 10**4)), many),
        "64 GB of sequences": ({}, np.broadcast_to(1.0, (10**6, 1000, 8)), many),
        "a net of 17 GB": ({"hidden_size": 1 << 15}, X, y),
        "an embedding of 65 GB": ({"embedding_size": 1 << 15}, ids, y),
    }
    counts = Counter()
    for what, (params, data, target) in cases.items():
        model = LSTMRegressor(max_epochs=1).set_params(**params)
        counts[f"{what}: {look(model, data, model.fit, data, target)}"] += 1
    return counts


def limit_memory():
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def measure(function, *args):
    """Return counts, and by how many KB of memory that needed more than a fit."""
    fit_models()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    counts = function(*args)
    return counts, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before


def in_a_child(function, *args):
    """Call something where neither a crash nor its memory does harm."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context, limit_memory) as pool:
        counts, more = pool.submit(measure, function, *args).result()
    report(f"{function.__name__}, in {more >> 10} MB more", counts)


def report(what, counts):
    print(f"{what}: {counts.total()}")
    for found, n in counts.most_common():
        print(f"{n:8d} {found}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--interrupts", type=int, default=20)
    parser.add_argument("--damages", type=int, default=200)
    parser.add_argument("--mutations", type=int, default=1000)
    parser.add_argument("--alone", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.alone:
        directory, *numbers = options.alone
        return fit_alone(directory, *map(int, numbers))
    rng = np.random.default_rng(0)
    for damage in (damage_arrays, damage_states, damage_skops):
        in_a_child(damage, options.mutations, rng)
    for function in (mix_files, enlarge_sizes, fit_too_much):
        in_a_child(function)
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        whole = finish(f"{folder}/whole")
        taken = time.perf_counter() - began
        fill_disk(folder, whole, taken)
        end_fits(folder, whole, taken, signal.SIGINT, options.interrupts, rng)
        end_fits(folder, whole, taken, signal.SIGKILL, options.kills, rng)
        path = checkpoint_of(f"{folder}/damaged", taken)
        other = checkpoint_of(f"{folder}/other", taken, seed=1)
        in_a_child(damage_checkpoint, path, other, options.damages, rng)


if __name__ == "__main__":
    main()
