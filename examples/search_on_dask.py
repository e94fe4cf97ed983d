"""
Search on a cluster
===================

This script runs the fits of a grid search on the workers of a Dask cluster: on two
processes of this machine, or on the workers of a scheduler at a given address::

    python examples/search_on_dask.py
    python examples/search_on_dask.py tcp://scheduler:8786

scikit-learn runs its fits with joblib, which passes them to Dask. `scatter` sends the
series once to each worker; without it, the series is sent with every fit. This script
is not run when the documentation is built: it needs ``pip install
"dask[distributed]"``.
"""

import sys

import dask
import joblib
from dask.distributed import Client
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline

from sklstm import LSTMRegressor, SequenceWindower, make_supervised
from sklstm.datasets import load_co2
from sklstm.forecasting import AnchoredRegressor

X, y = make_supervised(load_co2().data[-800:], horizon=4)
lstm = LSTMRegressor(hidden_size=8, max_epochs=5, random_state=0)
model = make_pipeline(SequenceWindower(), AnchoredRegressor(lstm))
grid = {
    "sequencewindower__sequence_length": [8, 26, 52],
    "anchoredregressor__regressor__learning_rate": [0.003, 0.01],
}
search = GridSearchCV(model, grid, cv=TimeSeriesSplit(3, gap=4), n_jobs=-1)

# %%
# Dask starts processes that import this file, so the code that starts them must be
# under ``if __name__ == "__main__"``. Without an address, a cluster is started on this
# machine. The number of completed fits is printed here; ``client.dashboard_link`` shows
# the work of each worker. By default, Dask's workers return memory after each batch,
# which makes fits 1.5 times as long: this setting is removed.

if __name__ == "__main__":
    eager = "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_"
    dask.config.set({eager: None})
    of_cluster = {} if sys.argv[1:] else {"n_workers": 2, "threads_per_worker": 1}
    with Client(*sys.argv[1:], **of_cluster) as client:
        print(client.dashboard_link)
        with joblib.parallel_config("dask", scatter=[X, y], verbose=5):
            search.fit(X, y)
    print(search.best_params_)
