"""
Predict a table in partitions
=============================

A fitted model predicts the next value of each of many series in a Dask dataframe, which
may be larger than the memory of one machine. It is read and predicted partition by
partition, by processes on this machine or by the workers of a scheduler at a given
address::

    python examples/predict_on_dask.py
    python examples/predict_on_dask.py tcp://scheduler:8786

A partition has to hold *all* rows of its series. If a series is split over two
partitions, the rows in the second are predicted as if their series began there, without
an error. ``table.set_index("series")`` moves all rows of a series into one partition,
and `check_whole` below checks this. This script is not run when the documentation is
built: it needs ``pip install "dask[distributed]" pyarrow``.
"""

import sys

import dask.dataframe as dd
import numpy as np
import pandas as pd
from dask.distributed import Client
from sklearn.pipeline import make_pipeline

from sklstm import LSTMRegressor, SequenceWindower, make_histories, make_supervised

KEYS = {"group": "series", "time": "day"}


def check_whole(table):
    """Raise if a series has rows in several partitions; it is the index."""
    counts = table.map_partitions(lambda part: pd.Series(part.index.nunique()))
    n_parts, n_series = int(counts.sum().compute()), table.index.nunique().compute()
    if n_parts > n_series:
        raise ValueError(
            f"{n_series} series lie in {n_parts} pieces over the partitions: put each"
            " in one, with table.reset_index().set_index('series')."
        )


def predict(part, model):
    """Predict what follows each row of a partition."""
    if not len(part):
        return part.assign(next_value=0.0)
    histories = make_histories(part, **KEYS)
    return part.assign(next_value=model.predict(histories))


def predict_partitions(model, table):
    """Return the Dask dataframe with a column more, which is computed when needed."""
    check_whole(table)
    meta = table._meta.assign(next_value=0.0)
    return table.map_partitions(predict, model, meta=meta)


# %%
# The model is fitted to a part of the series, which is in memory. For your own table,
# use ``dd.read_parquet`` and ``to_parquet``.

if __name__ == "__main__":
    rng = np.random.default_rng(0)
    n_series, n_days = 200, 60
    frame = pd.DataFrame(
        {
            "series": np.repeat(np.arange(n_series), n_days),
            "day": np.tile(np.arange(n_days), n_series),
            "value": rng.normal(size=(n_series, n_days)).cumsum(axis=1).ravel(),
        }
    )
    X, y = make_supervised(frame[frame["series"] < 50], target="value", **KEYS)
    lstm = LSTMRegressor(8, max_epochs=5, random_state=0)
    model = make_pipeline(SequenceWindower(12), lstm).fit(X, y)

    of_cluster = {} if sys.argv[1:] else {"n_workers": 2, "threads_per_worker": 1}
    with Client(*sys.argv[1:], **of_cluster):
        table = dd.from_pandas(frame.sample(frac=1, random_state=0), npartitions=5)
        predicted = predict_partitions(model, table.set_index("series"))
        last = predicted[predicted["day"] == n_days - 1]["next_value"].compute()
    print(last.sort_index().round(2).head())
