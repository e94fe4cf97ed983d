"""One fit by several processes: the weights of one alone, and no hang."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch.distributed as dist
from numpy.testing import assert_allclose, assert_array_equal

from tests._ranks import CASES, QUICK, X, Y, regress

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.skipif(
    not (dist.is_available() and dist.is_gloo_available()), reason="torch has no gloo"
)


@pytest.fixture(scope="module")
def ranks(tmp_path_factory):
    """Return the results of two processes, their folder and what they print."""
    folder = tmp_path_factory.mktemp("ranks")
    launch = "torch.distributed.run --standalone --nproc-per-node 2 -m tests._ranks"
    command = [sys.executable, "-W", "ignore", "-m", *launch.split(), str(folder)]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    first, second = (dict(np.load(folder / f"{rank}.npz")) for rank in (0, 1))
    return first, second, folder, done.stdout


@pytest.mark.parametrize("name", CASES)
def test_they_end_where_one_alone_does(ranks, name):
    first, second, *_ = ranks
    alone = np.asarray(CASES[name]())
    assert_array_equal(first[name], second[name])
    assert_allclose(first[name], alone, rtol=1e-4, atol=1e-4 * np.abs(alone).max())


def test_the_first_alone_writes_and_prints(ranks):
    first, second, folder, printed = ranks
    assert [path.name for path in folder.glob("of *")] == ["of 0"]
    assert len(list(folder.glob("of 0/*.pt"))) == 1
    assert printed.count("train_loss") == QUICK["max_epochs"]
    alone = regress(X, Y)
    for each in (first, second):
        assert_allclose(each["resumed"], alone, atol=1e-4)


def test_if_one_stops_all_do(ranks):
    first, second, *_ = ranks
    assert first["stopped"][0] == 2
    assert_array_equal(first["stopped"], second["stopped"])


def test_without_a_seed_they_agree_on_one(ranks):
    assert_array_equal(ranks[0]["seedless"], ranks[1]["seedless"])


def test_they_are_told_of_what_differs(ranks):
    what = "2 processes of torch.distributed, which fit together, differ in"
    for each in ranks[:2]:
        file, data, scale, seed, *parameters = each["told"]
        assert f"{what} X or y: " in file
        assert f"{what} X or y: give each the same X, y and" in data
        assert f"{what} X or y: " in scale
        assert f"{what} random_state: " in seed
        assert len(parameters) == 2
        assert all(f"{what} parameters: " in told for told in parameters)


DIES = """
import os, sys
import numpy as np
import torch.distributed as dist
from skorch.callbacks import Callback
from sklstm import LSTMRegressor

class Die(Callback):
    def on_batch_end(self, net, **kwargs):
        if dist.get_rank() == 1 and len(net.history) == 3:
            os._exit(3)

file, rank = sys.argv[1:]
dist.init_process_group("gloo", "file://" + file, rank=int(rank), world_size=2)
X = np.random.default_rng(0).normal(size=(64, 5, 1))
model = LSTMRegressor(4, max_epochs=10**6, random_state=0, callbacks=[Die()])
model.fit(X, X[:, -1, 0])
"""


def test_one_that_dies_ends_the_others_with_an_error(tmp_path):
    command = [sys.executable, "-W", "ignore", "-c", DIES, str(tmp_path / "store")]
    with subprocess.Popen([*command, "1"], cwd=ROOT) as second:
        first = subprocess.run(
            [*command, "0"], cwd=ROOT, capture_output=True, text=True, timeout=60
        )
    assert (first.returncode, second.returncode) == (1, 3)
    errors = first.stderr
    (last,) = [line for line in errors.splitlines() if "lost the others" in line]
    assert "RuntimeError: Process 0 of 2 lost the others in a fit: one" in last
