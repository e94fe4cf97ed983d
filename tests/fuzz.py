"""Judge many hostile calls, and count what came of them.

    python -m tests.fuzz --cases 25000

takes some minutes. It fails if a case does anything but work or be refused in one line.
"""

import argparse
import collections
import multiprocessing
import os
import random
import resource
import signal
import sys
import tempfile
from pathlib import Path

import torch

from tests._fuzz import GOOD, judge, spoil

# A case that takes longer, or more, is one that hangs, or fails.
SECONDS = 120
MEMORY = 16 << 30


def run(seed):
    """Judge the case of a seed."""
    name, done, call, arguments = spoil(random.Random(seed).choice)
    if not done:
        return name, done, "works", ""
    return name, done, *judge(call, arguments)


class Hang(BaseException):
    """Raised in a case that takes too long."""


def work(seeds, path):
    """Judge some cases, and write down what came of each."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    torch.set_num_threads(1)
    signal.signal(signal.SIGALRM, lambda *_: (_ for _ in ()).throw(Hang))
    with Path(path).open("a", encoding="utf-8", errors="replace") as file:
        for seed in seeds:
            file.write(f"{seed}\tstarts\n")
            file.flush()
            signal.alarm(SECONDS)
            try:
                name, done, kind, line = run(seed)
            except Hang:
                name, done, kind, line = "", "", "hang", ""
            signal.alarm(0)
            file.write(f"{seed}\t{kind}\t{name} {done} {line}\n".replace("\r", " "))


def main():
    """Judge many cases in processes of their own, and count what came of them."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cases", type=int, default=25_000)
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--show", type=int, default=3, help="of each class")
    options = parser.parse_args()
    seeds = range(options.first, options.first + options.cases)
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        todo = [list(seeds[k :: options.jobs]) for k in range(options.jobs)]
        while any(todo):  # again after a crash, without the case that crashed
            paths = [f"{folder}/{k}" for k in range(options.jobs)]
            processes = [
                multiprocessing.get_context("spawn").Process(target=work, args=each)
                for each in zip(todo, paths, strict=True)
            ]
            for process in processes:
                process.start()
            for process in processes:
                process.join()
            for k, path in enumerate(paths):
                for line in Path(path).read_text(encoding="utf-8").splitlines():
                    seed, kind, *rest = line.split("\t", 2)
                    found[int(seed)] = (kind, *rest)
                todo[k] = [seed for seed in todo[k] if seed not in found]
    counts = collections.Counter(kind for kind, *_ in found.values())
    for kind, n in counts.most_common():
        print(f"{n:7} {'crash' if kind == 'starts' else kind}")
        if kind not in GOOD:
            shown = [(seed, *of) for seed, of in found.items() if of[0] == kind]
            for seed, _, *rest in shown[: options.show]:
                print(f"        {seed}: {' '.join(rest)}")
    return int(any(kind not in GOOD for kind in counts))


if __name__ == "__main__":
    sys.exit(main())
