"""What is lost when a fit is killed, or what it wrote is damaged.

    python benchmarks/faults.py

takes some minutes. A fit with `FitCheckpoint` is killed at random moments, again and
again until it comes to its end, and has to end in the bits of one that never was; its
file is damaged in random places; and the disk is full. It prints how often each was
tried, and what was lost.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

SCRIPT = """
import resource, sys
import numpy as np
from sklstm import FitCheckpoint, LSTMRegressor
directory, result, limit = sys.argv[1:]
if int(limit):
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
rng = np.random.default_rng(0)
X = rng.normal(size=(300, 20, 2))
y = X[:, :, 0].sum(axis=1)
model = LSTMRegressor(
    32, max_epochs=60, early_stopping=True, n_iter_no_change=60, random_state=0,
    callbacks=[FitCheckpoint(directory)],
)
print("ready", flush=True)
try:
    model.fit(X, y)
except (OSError, ValueError) as error:
    sys.exit(f"{type(error).__name__}: {error}")
if int(limit) == 0:
    np.save(result, model.predict(X))
"""


def start(directory, limit=0):
    command = [sys.executable, "-c", SCRIPT, directory, f"{directory}.npy", str(limit)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finish(directory, limit=0):
    """Return what a fit predicts, or what it says instead."""
    with start(directory, limit) as process:
        said = process.communicate()[1].strip()
    return np.load(f"{directory}.npy") if process.returncode == 0 else said


def kill(directory, wait, writes=False):
    """Kill a fit after some time, or then as it writes; whether it had not ended."""
    with start(directory) as process:
        process.stdout.readline()
        time.sleep(wait)
        while writes and process.poll() is None:
            if any(Path(directory).glob("*.tmp")):
                break
        process.kill()
    return process.returncode < 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--damages", type=int, default=50)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        whole = finish(f"{folder}/whole")
        taken = time.perf_counter() - began
        n_kills = n_fits = n_same = n_torn = 0
        while n_kills < options.kills:
            directory, n_here = f"{folder}/killed{n_fits}", 0
            while n_here < 5 and kill(
                directory, rng.uniform(0, 0.3 * taken), writes=n_here % 2
            ):
                n_here += 1
                torn = list(Path(directory).glob("*.tmp"))
                n_torn += len(torn)
                for file in torn:
                    file.unlink()
            n_kills, n_fits = n_kills + n_here, n_fits + 1
            n_same += np.array_equal(finish(directory), whole)
        print(f"{n_kills} kills of {n_fits} fits, in the middle of a write: {n_torn}")
        print(f"    {n_same} of {n_fits} fits ended in the same bits")
        directory = f"{folder}/damaged"
        while not list(Path(directory).glob("*.pt")):
            kill(directory, 0.3 * taken)
        (path,) = Path(directory).glob("*.pt")
        content, n_refused = path.read_bytes(), 0
        for _ in range(options.damages):
            damaged = bytearray(content)
            for place in rng.integers(len(content), size=rng.integers(1, 4)):
                damaged[place] ^= int(rng.integers(1, 256))
            path.write_bytes(damaged if rng.random() < 0.8 else damaged[: place + 1])
            n_refused += "was damaged: delete it" in str(finish(directory))
        print(f"{options.damages} damaged files: {n_refused} refused")
        path.write_bytes(content)
        said = finish(directory, limit=len(content) // 2)
        is_there = path.read_bytes() == content
        print(
            f"full disk: the file before is {'there' if is_there else 'LOST'}; {said}"
        )
        same = np.array_equal(finish(directory), whole)
        print(f"    and the fit {'ended in the same bits' if same else 'DIFFERS'}")


if __name__ == "__main__":
    main()
