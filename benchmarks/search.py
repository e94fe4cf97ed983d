"""Time of a search by one and more of Dask's workers, and bytes that it sends.

    python benchmarks/search.py [--rows 20000] [--epochs 20] [--workers 1 2]

needs ``pip install "dask[distributed]"``. Twelve fits of windows of a table of 20
columns: in this process, and by processes of a cluster with one thread each, with and
without `scatter`, and at last with Dask's own setting of how memory is given back,
"trim". Bytes are what passes through the loopback interface, where Linux counts that.
With one worker joblib runs the fits here. Run it on a machine that does nothing else.
"""

import argparse
import time

import dask
import joblib
import numpy as np
from dask.distributed import Client
from ranks import bytes_sent
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline

from sklstm import LSTMRegressor, SequenceWindower, make_supervised

TRIM = "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_"


def run(search, X, y, **params):
    """Return scores, seconds and bytes of a search."""
    before, begin = bytes_sent() or 0, time.perf_counter()
    with joblib.parallel_config(**params):
        scores = search.fit(X, y).cv_results_["mean_test_score"]
    return scores, time.perf_counter() - begin, (bytes_sent() or 0) - before


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 2])
    args = parser.parse_args()
    series = np.random.default_rng(0).normal(size=(args.rows, 20)).cumsum(axis=0)
    X, y = make_supervised(series)
    lstm = LSTMRegressor(16, max_epochs=args.epochs, batch_size=256, random_state=0)
    model = make_pipeline(SequenceWindower(12), lstm.set_params(linear_skip=False))
    grid = {"lstmregressor__learning_rate": np.geomspace(0.001, 0.03, 6)}
    search = GridSearchCV(model, grid, cv=TimeSeriesSplit(2), refit=False)
    run(
        search, X.tail(12)[:500], y[:500], backend="sequential"
    )  # what is imported late
    serial, alone, _ = run(search, X, y, backend="sequential")
    print(f"table {X.steps.nbytes / 1e6:.1f} MB; one process {alone:.1f} s")
    print(f"{'workers':>7} {'with':8}{'s':>6}{'speed-up':>9}{'MB sent':>9}  same")
    for n_workers in args.workers:
        for setting in ("", "scatter", "trim"):
            data = [] if setting == "" else [X, y]
            threshold = dask.config.get(TRIM) if setting == "trim" else None
            with (
                dask.config.set({TRIM: threshold}),
                Client(n_workers=n_workers, threads_per_worker=1) as client,
            ):
                client.run(run, search, X[:500], y[:500], backend="sequential")
                scores, seconds, sent = run(search, X, y, backend="dask", scatter=data)
            print(
                f"{n_workers:7} {setting:8}{seconds:6.1f}{alone / seconds:9.2f}"
                f"{sent / 1e6:9.1f}  {np.array_equal(scores, serial)}",
                flush=True,
            )


if __name__ == "__main__":
    main()
