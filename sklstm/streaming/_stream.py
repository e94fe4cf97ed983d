"""A fitted model that takes a row at a time, for one stream or many."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from .._arrays import reading, refuse_masked
from .._base import BaseLSTM
from .._input import check_ids
from .._net._carry import CellReader, WindowReader, last_steps
from .._net._hash import hash_of
from .._rows._columns import column_names, is_frame, is_missing, refuse_lazy
from .._rows._windows import SequenceWindower
from .._sequences import Sequences, check_finite
from .._steps import StepTransformer
from ..forecasting import AnchoredRegressor, AutoForecaster, ConformalRegressor

METHODS = (
    "predict",
    "predict_proba",
    "decision_function",
    "predict_quantiles",
    "predict_interval",
)
ONE = object()  # the key of a stream that has none


class Stream:
    """Predict row by row, for one series or many.

    Each call of `step` takes the next row of a stream and returns the prediction of the
    model for the sequence that ends at this row. The cost of a step does not grow with
    the number of rows before it.

    Parameters
    ----------
    model : estimator
        A fitted `LSTMRegressor` or `LSTMClassifier`, alone or after a
        `SequenceWindower`, `StepTransformer` and other transformers of rows in a
        `Pipeline`, in an `AnchoredRegressor` or a `ConformalRegressor`, or in a search;
        an `AutoForecaster`; or any other estimator after a `SequenceWindower`.

    method : {"predict", "predict_proba", "decision_function", \
            "predict_quantiles", "predict_interval"}, default="predict"
        The method of the model to call at each step.

    Attributes
    ----------
    keys_ : list
        Keys of the streams seen so far, in order of their first row.

    n_steps_ : ndarray of shape (n_streams,)
        Number of rows of each stream so far.

    Raises
    ------
    ValueError
        If the model cannot be streamed, such as a bidirectional net without a
        `SequenceWindower`, which also reads each sequence from its end.

    See Also
    --------
    SequenceWindower : Keep the last time steps of each history.

    Notes
    -----
    The cost and the result of a step depend on how the model reads its sequences:

    - After a `SequenceWindower`, the last `sequence_length` rows are kept and read
      again at each step, as in training. A step returns the result of `predict` for
      that window, and costs `sequence_length` steps of the net.
    - With ``unroll="series"``, the state of the cells is carried from row to row, and a
      step costs one or two steps of the net. It returns the result of `predict` for the
      last of all rows so far, up to rounding.
    - An `AutoForecaster`, intervals, and estimators without an LSTM read the last rows
      at each step: a step costs a call of `predict` for one window.
    - Without a windower, the sequence is all rows so far. The state of the cells and
      the pooled outputs (last, mean or maximum) are carried from row to row.

    A stream begins without a history: first step through the last rows of the training
    set, as far as `predict` would look back at them. Rows are assumed to be equally
    spaced. If a series has a gap after which a new history begins, call `reset`.
    Transformers must map each row on its own, as scalers and encoders do; a transformer
    that gets sequences in `predict` is an error.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklstm import LSTMRegressor, SequenceWindower
    >>> from sklstm import make_histories, make_supervised
    >>> from sklstm.streaming import Stream
    >>> series = np.sin(np.arange(200.0))
    >>> X, y = make_supervised(series[:150])
    >>> model = make_pipeline(
    ...     SequenceWindower(8), LSTMRegressor(16, max_epochs=10, random_state=0)
    ... ).fit(X, y)
    >>> stream = Stream(model)
    >>> answers = [stream.step([value]) for value in series]
    >>> expected = model.predict(make_histories(series))
    >>> bool(np.allclose(answers, expected))
    True
    """

    def __init__(self, model: Any, *, method: str = "predict") -> None:
        if not isinstance(method, str) or method not in METHODS:
            shown = repr(method) if isinstance(method, str) else type(method).__name__
            raise ValueError(f"method={shown} is not one of {METHODS}.")
        self.model, self.method = model, method
        self._read_model()
        self._slots: dict[Hashable, int] = {}
        self._counts = np.zeros(0, dtype=np.int64)

    def __getstate__(self) -> dict[str, Any]:
        return {"model": self.model, "method": self.method, "state": self.get_state()}

    def __setstate__(self, kept: dict[str, Any]) -> None:
        Stream.__init__(self, kept["model"], method=kept["method"])
        self.set_state(kept["state"])

    @property
    def keys_(self) -> list[Any]:
        """Keys of the streams that have been seen."""
        return [key for key in self._slots if key is not ONE]

    @property
    def n_steps_(self) -> np.ndarray:
        """Rows that each stream has had."""
        return self._counts[: len(self._slots)].copy()

    def step(self, rows: Any, keys: Any = None) -> Any:
        """Take the next row of one stream, or of several at once.

        Parameters
        ----------
        rows : array-like of shape (n_features,) or (n_streams, n_features)
            A row, or a row for each of `keys`, with the features that the model was
            fitted to, without columns for groups and times.

        keys : array-like of shape (n_streams,), default=None
            The stream of each row; each stream at most once. A new key begins a new
            stream. None means that there is only one stream.

        Returns
        -------
        prediction : float, label or ndarray
            The result of `method` of the model for one sequence; with `keys`, for all
            of them, of shape (n_streams, ...).

        Raises
        ------
        ValueError
            If a row has other features, or a value that is not valid input of the
            model. The streams are then not changed.
        """
        rows, n_known = self._check_rows(rows, keys), len(self._slots)
        slots, counts = self._find(keys, len(rows))
        try:
            for stage in self._stages:
                rows = stage.enter(slots, counts, rows)
            for stage in self._stages:
                stage.keep(slots, counts)
            output = self._decode(self._reader.step(slots, counts, rows))
        except BaseException:
            self._slots = dict(list(self._slots.items())[:n_known])
            raise
        for stage in reversed(self._stages):
            output = stage.leave(slots, counts, output)
        self._counts[slots] += 1
        return output[0] if keys is None else output

    def partial_fit(self, rows: Any, y: Any, keys: Any = None) -> Stream:
        """Train the model on the next rows of one stream or several, and take them.

        This is `partial_fit` of the LSTM: one epoch, with the optimizer in the state of
        the last call. The cells start at the state of the stream. Gradients go back to
        the first of these rows and no further, which is truncated back-propagation
        through time [1]_. The streams then take the rows with the new weights, as in
        `step`.

        Parameters
        ----------
        rows : array-like of shape (n_steps, n_features) or \
                (n_steps, n_streams, n_features)
            The next rows, in time order. With `keys`, the second form, in which
            ``rows[t]`` has the form that `step` takes.

        y : array-like of shape (n_steps, ...) or (n_steps, n_streams, ...)
            The target of each row, as in `fit`: a label, a value, or a value for each
            output.

        keys : array-like of shape (n_streams,), default=None
            As in `step`.

        Returns
        -------
        self : Stream
            The stream after these rows.

        Raises
        ------
        ValueError
            As in `step` and in `partial_fit` of the LSTM; the streams are then not
            changed. Also if the model has windows or levels, which read rows before
            these: then train the pipeline on windows, and call `update`.

        See Also
        --------
        update : Use the weights of the model after its own `partial_fit`.

        Notes
        -----
        Batches are batches of series, as with ``unroll="series"``: all rows of one
        stream make one update. Pass fewer rows at a time for more updates with shorter
        gradients.

        References
        ----------
        .. [1] R. J. Williams and J. Peng (1990). "An Efficient Gradient-Based Algorithm
           for On-Line Training of Recurrent Network Trajectories". Neural Computation.

        Examples
        --------
        >>> import numpy as np
        >>> from sklstm import LSTMRegressor, make_supervised
        >>> from sklstm.streaming import Stream
        >>> series = np.sin(np.arange(600) / 3).reshape(-1, 1)
        >>> X, y = make_supervised(series[:300])
        >>> lstm = LSTMRegressor(
        ...     8, unroll="series", linear_skip=False, max_epochs=20, random_state=0
        ... )
        >>> stream = Stream(lstm.fit(X, y))
        >>> before = lstm.n_iter_
        >>> for t in range(0, 590, 10):  # ten rows at a time
        ...     _ = stream.partial_fit(series[t : t + 10], series[t + 1 : t + 11, 0])
        >>> lstm.n_iter_ - before, stream.n_steps_.tolist()
        (59, [590])
        """
        reader = self._find_cells()
        rows = self._read_rows(rows)
        rows = rows[:, np.newaxis] if keys is None and rows.ndim == 2 else rows
        if rows.ndim != 3 or 0 in rows.shape:
            raise ValueError(
                f"rows is of shape {rows.shape}; expected (n_steps, n_features), or"
                " (n_steps, n_streams, n_features) with keys."
            )
        refuse_masked(y, "y")
        with reading("y", "an array"):
            y = np.asarray(y)
        shape, n_axes = rows.shape[:2], 1 if keys is None else 2
        if y.ndim < n_axes or y.shape[:n_axes] != shape[:n_axes]:
            raise ValueError(
                f"y is of shape {y.shape} for rows of shape {rows.shape}: give a target"
                " for each row of each stream."
            )
        y = y if keys is not None else y[:, np.newaxis]
        n_known = len(self._slots)
        slots, counts = self._find(keys, shape[1])
        *transformers, inputs = self._stages
        # One series after the other, (n_streams * n_steps, ...).
        table, y = (
            part.swapaxes(0, 1).reshape(-1, *part.shape[2:]) for part in (rows, y)
        )
        try:
            for stage in transformers:
                table = stage.enter(slots, counts, table)
            X = inputs.histories(table, *shape)
            X._carried = reader.state(slots, counts)
            inputs.model.partial_fit(X, y)
        except BaseException:
            self._slots = dict(list(self._slots.items())[:n_known])
            raise
        self.update()
        steps = inputs.enter(slots, counts, table).reshape(*shape[::-1], -1)
        self._find_cells().take(slots, counts, steps.swapaxes(0, 1))
        self._counts[slots] += shape[0]
        return self

    def _find_cells(self) -> CellReader:
        """Return what carries the cells, if these are all that the model remembers."""
        reader: Any = self._reader
        is_read_once = isinstance(reader, CellReader) and reader.length is None
        if not is_read_once or any(isinstance(s, _Anchor) for s in self._stages):
            what = "levels" if is_read_once else "windows"
            raise ValueError(
                f"Stream.partial_fit goes on from the state of the cells, but {what} of"
                " this model reach back to rows before: train on windows, with"
                " model[-1].partial_fit(model[:-1].transform(X), y), and call update."
            )
        model = self._stages[-1].model
        if model.unroll != "series" or model.linear_skip:
            raise ValueError(
                "Stream.partial_fit trains nets that read series as a whole, and has"
                f" unroll={model.unroll!r} and linear_skip={model.linear_skip}: fit"
                " with unroll='series' and linear_skip=False."
            )
        return reader

    def reset(self, keys: Any = None) -> None:
        """Forget streams, and free what they hold: their next row is a first row.

        Parameters
        ----------
        keys : array-like, default=None
            The streams to reset. None means all.
        """
        if keys is None:
            self._slots, self._counts = {}, self._counts[:0]
            return
        keys = _list_keys(keys)
        if new := [key for key in keys if key not in self._slots]:
            raise ValueError(f"keys has {new[0]!r}, of which no row has been seen.")
        kept = [key for key in self._slots if key not in {*keys}]
        slots, n = [self._slots[key] for key in kept], len(kept)
        self._counts = np.append(self._counts[slots], 0 * self._counts[n:])
        for part in self._parts:
            for array in part.arrays.values():
                array[:n] = array[slots]
        self._slots = {key: i for i, key in enumerate(kept)}

    def update(self) -> None:
        """Use the weights of the model after its `partial_fit`.

        The streams keep their state.

        Raises
        ------
        ValueError
            If the model was fitted again, which changes its scales.
        """
        before = dict(vars(self))
        self._read_model()
        if before["_facts"] != self._facts:
            vars(self).update(before)
            raise ValueError(
                f"{type(self.model).__name__} was fitted anew since this stream was"
                " made: make another Stream, and give it the rows before."
            )
        for old, new in zip(before["_parts"], self._parts, strict=True):
            new.arrays = old.arrays

    def _read_model(self) -> None:
        plan = _Plan(self.method).add(self.model)
        if not hasattr(plan.model, self.method):
            raise ValueError(
                f"{type(plan.model).__name__} has no {self.method}; give another"
                " method."
            )
        self._stages, self._reader = plan.stages, plan.make_reader()
        self._decode = plan.make_decoder()
        self._parts = [self._reader, *self._stages]
        # What of the model what is remembered depends on.
        self._facts = [
            [
                (name, array.shape[1:])
                for part in self._parts
                for name, array in part.arrays.items()
            ],
            *(stage.facts() for stage in self._stages),
        ]

    def get_state(self) -> dict[str, Any]:
        """Return the state of all streams.

        Returns
        -------
        state : dict
            The list of keys, and arrays with a row for each stream. It can be saved in
            any way, and passed to `set_state` of a `Stream` of the same model.
        """
        n = len(self._slots)
        keys = None if ONE in self._slots else list(self._slots)
        state: dict[str, Any] = {"keys": keys, "n_steps": self.n_steps_}
        state["model"] = self._digest()
        for i, part in enumerate(self._parts):
            for name, array in part.arrays.items():
                state[f"{name}_{i}"] = array[:n].copy()
        return state

    def set_state(self, state: dict[str, Any]) -> None:
        """Continue from a state of `get_state`, of this process or another.

        Parameters
        ----------
        state : dict
            As returned by `get_state`.

        Raises
        ------
        ValueError
            If the state is not that of a `Stream` of this model.
        """
        expected = {
            f"{name}_{i}": array
            for i, part in enumerate(self._parts)
            for name, array in part.arrays.items()
        }
        keys = state.get("keys", ())
        keys = [ONE] if keys is None else _list_keys(keys)
        n = len({*keys})
        is_same = state.get("model") == self._digest()
        if not is_same or np.shape(state.get("n_steps", ())) != (n,):
            raise ValueError(
                "state is not of a stream of this model, with its scales, windows and"
                " levels: give one that was taken from such a stream."
            )
        for name, array in expected.items():
            shape, wanted = np.shape(state.get(name, ())), (n, *array.shape[1:])
            if shape != wanted:
                raise ValueError(
                    f"{name} of state is of shape {shape}; expected {wanted}: give one"
                    " of a stream of the same model."
                )
        self._slots = {key: i for i, key in enumerate(keys)}
        self._counts = np.array(state["n_steps"], dtype=np.int64)
        for i, part in enumerate(self._parts):
            for name, array in part.arrays.items():
                part.arrays[name] = np.array(state[f"{name}_{i}"], dtype=array.dtype)

    def _digest(self) -> str:
        """Tell models by what their streams remember; weights may be trained on."""
        facts = [self._facts[0], *(stage.facts()[1:] for stage in self._stages)]
        return hashlib.sha256(repr(facts).encode()).hexdigest()

    def _read_rows(self, rows: Any) -> np.ndarray:
        refuse_masked(rows, "rows")
        refuse_lazy(rows, "rows")
        names = self._stages[0].names
        is_list = isinstance(rows, (list, tuple))  # which may be one of series
        for part in [] if names is None else rows if is_list else [rows]:
            given: Any = (
                column_names(part) if is_frame(part) else getattr(part, "index", None)
            )
            given = [] if given is None or callable(given) else list(given)
            if given and given != list(names):
                raise ValueError(
                    f"rows has the columns {given}, and the model was fitted to"
                    f" {list(names)}: give these, in this order."
                )
        with reading("rows", "an array"):
            table = np.asarray(rows)
            # Which turns numbers among strings into strings.
            as_given = is_list and table.dtype.kind in "US"
            return np.asarray(rows, dtype=object) if as_given else table

    def _check_rows(self, rows: Any, keys: Any) -> np.ndarray:
        rows = self._read_rows(rows)
        if keys is None:
            rows = rows[np.newaxis] if rows.ndim == 1 else rows
        if rows.ndim != 2 or (keys is None and len(rows) != 1):
            raise ValueError(
                f"rows is of shape {rows.shape}; expected (n_features,), or one row for"
                " each of keys: (n_streams, n_features)."
            )
        return rows

    def _find(self, keys: Any, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Find where streams stand in the arrays, and how many rows they had."""
        keys = [ONE] if keys is None else _list_keys(keys)
        n_different = len({*keys})
        if not keys or len(keys) != n or n_different < n:
            raise ValueError(
                f"There are {n} row(s) and {n_different} different key(s); expected"
                " one key for each row."
            )
        if (ONE in self._slots) != (keys[0] is ONE) and self._slots:
            raise ValueError("Give keys at every step, or at none.")
        for key in keys:
            self._slots.setdefault(key, len(self._slots))
        if len(self._slots) > len(self._counts):
            self._grow(max(2 * len(self._counts), len(self._slots)))
        slots = np.array([self._slots[key] for key in keys])
        return slots, self._counts[slots]

    def _grow(self, n: int) -> None:
        """Make room for streams; what is new is zero."""
        self._counts = _with_rows(self._counts, n)
        for part in self._parts:
            for name, array in part.arrays.items():
                part.arrays[name] = _with_rows(array, n)


def _list_keys(keys: Any) -> list[Any]:
    if isinstance(keys, str) or is_frame(keys) or getattr(keys, "ndim", 1) != 1:
        raise TypeError(
            f"keys is of type {type(keys).__name__}; expected a list or an array"
            " of one dimension."
        )
    with reading("keys", "a list of labels"):
        keys = list(keys)
        frozenset(keys)  # which of lists there is none
    for key in keys:
        if is_missing(key):
            raise ValueError(
                f"keys has {key!r}, which names no stream: give strings, numbers or"
                " tuples of them."
            )
    return keys


def _with_rows(array: np.ndarray, n: int) -> np.ndarray:
    grown = np.zeros((n, *array.shape[1:]), array.dtype)
    grown[: len(array)] = array[:n]
    return grown


class _Plan:
    """What rows go through on their way to the net, found in a fitted model."""

    def __init__(self, method: str) -> None:
        self.method = method
        self.stages: list[Any] = []
        self.length: int | None = None  # of windows
        self.model: Any = None
        self.unknown: Any = None  # a transformer of rows, or else of sequences

    def add(self, model: Any) -> _Plan:
        """Add what a model does to rows and to predictions."""
        name = type(model).__name__
        if hasattr(model, "best_estimator_"):
            return self.add(model.best_estimator_)
        check_is_fitted(model)
        if isinstance(model, Pipeline):
            for _, step in model.steps[:-1]:
                self._add_transformer(step)
            return self.add(model[-1])
        if isinstance(model, AnchoredRegressor):
            self.stages.append(_Anchor(model, self.length))
            return self.add(model.regressor_)
        if isinstance(model, ConformalRegressor) and self.method != "predict_interval":
            return self.add(model.estimator_)
        if not isinstance(model, BaseLSTM):
            return self._add_whole(model)
        if model._made_with is None:
            raise ValueError(
                f"{name} was fitted to a table, of which each row is a whole sequence:"
                " fit to sequences, or to rows behind a SequenceWindower, to stream."
            )
        if self.unknown is not None:
            _refuse_sequences(self.unknown)
        self.model = model
        self.stages.append(_Inputs(model))
        return self

    def _add_whole(self, model: Any) -> _Plan:
        """Add a model that is given windows."""
        name = type(model).__name__
        if isinstance(model, AutoForecaster):
            if model.group is not None or model.time is not None:
                raise ValueError(
                    f"{name} was fitted to a table with columns for groups or times:"
                    " fit to the histories of make_supervised to stream."
                )
            self._cut(model.sequence_length_)
        elif isinstance(model, ConformalRegressor) and self.length is None:
            self._cut(_Plan("predict").add(model.estimator_).length)
        if self.length is None:
            raise ValueError(
                f"{name} cannot be streamed without a window: put a SequenceWindower"
                " before it in a Pipeline."
            )
        self.model = model
        self.stages.append(_Numbers(model))
        return self

    def _add_transformer(self, step: Any) -> None:
        if step is None or step == "passthrough":
            return
        if isinstance(step, SequenceWindower):
            if step.flatten:
                raise ValueError(
                    "SequenceWindower(flatten=True) makes tables, which cannot be"
                    " streamed: set flatten=False."
                )
            self._cut(int(step.sequence_length))
            self.unknown = None
        elif isinstance(step, StepTransformer):
            if step.transformer_ not in (None, "passthrough"):
                self.stages.append(_Rows(step.transformer_))
        elif hasattr(step, "transform"):
            if self.length is not None:
                _refuse_sequences(step)
            self.unknown = step
            self.stages.append(_Rows(step))

    def _cut(self, length: int | None) -> None:
        """Read no more rows than this."""
        known = [n for n in (length, self.length) if n is not None]
        self.length = min(known, default=None)

    def make_decoder(self) -> Any:
        """Return the method of a model that takes outputs of the net in place of X."""
        if not isinstance(self.model, BaseLSTM):
            return lambda output: output
        view = object.__new__(type(self.model))
        view.__dict__ |= vars(self.model) | {"_predict_outputs": lambda output: output}
        return getattr(view, self.method)

    def make_reader(self) -> Any:
        """Return what runs the model."""
        model, length = self.model, self.length
        if not isinstance(model, BaseLSTM):
            assert length is not None
            return _RowReader(model, self.method, length)
        module = model.module_.eval()
        n_features = model._sizes["n_features"]
        size, dtype = (model._architecture[name] for name in ("frame_size", "dtype"))
        if length == 1 or (length is not None and model.unroll == "window"):
            return WindowReader(module, n_features, dtype, size, length)
        if model._architecture["bidirectional"]:
            raise ValueError(
                f"{type(model).__name__} is bidirectional, and reads each sequence from"
                " its end, too, which comes with the last row: set bidirectional=False,"
                " or put a SequenceWindower before it."
            )
        return CellReader(module, n_features, dtype, size, length)


def _refuse_sequences(step: Any) -> None:
    raise ValueError(
        f"{type(step).__name__} is given sequences in predict, and a stream has rows:"
        " put it before a SequenceWindower, or into a StepTransformer."
    )


class _Rows:
    """A transformer of rows."""

    arrays: dict[str, np.ndarray]
    names: Any = None  # of the columns of its rows

    def __init__(self, transformer: Any) -> None:
        self.transformer, self.arrays = transformer, {}
        self.names = getattr(transformer, "feature_names_in_", None)

    def enter(self, slots: np.ndarray, counts: np.ndarray, rows: Any) -> np.ndarray:
        """Return the rows that come out of it."""
        if self.names is not None:
            import pandas as pd  # where the names have come from

            rows = pd.DataFrame(rows, columns=self.names)
        return np.asarray(self.transformer.transform(rows))

    def facts(self) -> list[Any]:
        """What a stream that goes on needs to be the same."""
        # Its place in memory is left out of what is saved, and what it learned is not.
        return [id(self.transformer), hash_of(vars(self.transformer))]

    def keep(self, slots: np.ndarray, counts: np.ndarray) -> None:
        """Nothing is kept."""

    def leave(self, slots: np.ndarray, counts: np.ndarray, output: Any) -> Any:
        """Predictions stay as they are."""
        return output


class _Anchor(_Rows):
    """Changes in place of the features that are forecast, and their levels at last."""

    def __init__(self, model: AnchoredRegressor, length: int | None) -> None:
        self.model, self.names = model, getattr(model, "feature_names_in_", None)
        self.levels, self.is_flat = model._levels, model._y_ndim == 1
        self.features = np.unique(self.levels.positions)
        self.columns = np.searchsorted(self.features, self.levels.positions)
        self.length = np.iinfo(np.int64).max if length is None else length
        n_kept = min(int(self.levels.ages.max()) + 1, self.length)
        self.arrays = {"levels": np.zeros((0, n_kept, len(self.features)))}

    def enter(self, slots: np.ndarray, counts: np.ndarray, rows: Any) -> np.ndarray:
        """Return rows with changes."""
        _check_width(rows, self.model, self.model.n_features_in_)
        levels = self.arrays["levels"]
        values = _read_numbers(rows[:, self.features], {})
        if not np.isfinite(values).all():
            raise ValueError(
                f"Features {self.features.tolist()} of rows, which are forecast, hold"
                " NaN or infinity: give a value, or reset the stream after a gap."
            )
        before = levels[slots, (counts - 1) % levels.shape[1]]
        rows = rows.astype(np.result_type(rows, np.float32))
        rows[:, self.features] = np.where(counts[:, None] > 0, values - before, 0.0)
        self.values = values
        return rows

    def facts(self) -> list[Any]:
        """Where levels are, and in which units."""
        levels = [self.levels.scale.tolist(), self.levels.offset.tolist()]
        return [None, self.features.tolist(), self.levels.ages.tolist(), levels]

    def keep(self, slots: np.ndarray, counts: np.ndarray) -> None:
        """Remember the level of this row."""
        levels = self.arrays["levels"]
        levels[slots, counts % levels.shape[1]] = self.values

    def leave(self, slots: np.ndarray, counts: np.ndarray, output: Any) -> Any:
        """Add the level at which each prediction begins."""
        levels, ages = self.arrays["levels"], self.levels.ages
        reaches = ages < np.minimum(counts + 1, self.length)[:, None]
        at = (counts[:, None] - ages * reaches) % levels.shape[1]
        values = levels[slots[:, None], at, self.columns]  # (n_streams, n_targets)
        values = self.levels.offset + self.levels.scale * values
        values = values.ravel() if self.is_flat else values
        return output + values.reshape(
            *values.shape, *[1] * (output.ndim - values.ndim)
        )


class _Numbers(_Rows):
    """Rows for a model that reads them as they are."""

    def __init__(self, model: Any) -> None:
        self.model, self.arrays = model, {}
        self.names = getattr(model, "feature_names_in_", None)
        self.numbers = _number_labels(model)

    def facts(self) -> list[Any]:
        """Ids of labels."""
        return [None, self.numbers]

    def enter(self, slots: np.ndarray, counts: np.ndarray, rows: Any) -> np.ndarray:
        """Return rows as numbers."""
        _check_width(rows, self.model, self.model.n_features_in_)
        return _read_numbers(rows, self.numbers)


class _RowReader:
    """Keeps the last rows of each stream, and gives a model their window."""

    def __init__(self, model: Any, method: str, length: int) -> None:
        self.call: Any = getattr(model, method, None)
        self.length = length
        names = getattr(model, "feature_names_in_", None)
        self.names = None if names is None else list(names)
        labels = _find_labels(model)
        each = range(model.n_features_in_)
        self.categories = [labels.get(i) for i in each]
        # One more: the first change in a window is from the row before it.
        shape = (0, length + 1, model.n_features_in_)
        self.arrays = {"rows": np.zeros(shape)}

    def step(self, slots: np.ndarray, counts: np.ndarray, rows: np.ndarray) -> Any:
        """Take one row of some streams, and return what the model answers."""
        kept = self.arrays["rows"]
        kept[slots, counts % kept.shape[1]] = rows
        windows = last_steps(
            kept,
            slots,
            counts,
            self.length,
            history_lengths=counts + 1,
            feature_names=self.names,
            categories=self.categories,
        )
        return self.call(windows)


def _find_labels(model: Any) -> dict[int, list[Any]]:
    """Labels of each feature that has some, of the first part that knows them."""
    if hasattr(model, "_labels"):
        labels: dict[int, list[Any]] = model._labels
        return labels
    if isinstance(model, Pipeline):
        return _find_labels(model[0])
    for inner in ("best_estimator_", "estimator_", "regressor_"):
        if hasattr(model, inner):
            return _find_labels(getattr(model, inner))
    return {}


def _number_labels(model: Any) -> dict[int, dict[Any, int]]:
    """Ids of the labels of each feature that has some."""
    every = _find_labels(model)
    return {i: {label: k for k, label in enumerate(each)} for i, each in every.items()}


def _read_numbers(rows: np.ndarray, numbers: dict[int, dict[Any, int]]) -> np.ndarray:
    """Return rows as floats, with ids in place of labels, and -1 where one is new."""
    with reading("rows", "an array of numbers"):
        if rows.dtype.kind not in "biufUO":
            raise TypeError(f"its values are of type {rows.dtype}")
        if numbers or rows.dtype.kind in "UO":
            rows = rows.astype(object)
            for i, column in enumerate(rows.T):
                if i in numbers:
                    column[:] = [numbers[i].get(label, -1) for label in column]
                else:
                    column[:] = [_check_number(value) for value in column]
        table = rows.astype(np.float64)
        if rows.dtype.kind in "iu" and (np.abs(table) >= 1 << 53).any():
            raise ValueError("float64 tells no whole numbers above 2**53 apart")
        return table


def _check_number(value: Any) -> Any:
    """Return a number, NaN if it is missing."""
    if is_missing(value):
        return np.nan
    if isinstance(value, (str, bytes, np.datetime64, np.timedelta64)):
        raise TypeError(f"{value!r} is of type {type(value).__name__}")
    return value


def _check_width(rows: np.ndarray, model: Any, n_features: int) -> None:
    if rows.shape[1] != n_features:
        raise ValueError(
            f"A row has {rows.shape[1]} feature(s), but {type(model).__name__} was"
            f" fitted to steps of {n_features}: give as many."
        )


class _Inputs(_Rows):
    """What the estimator does to steps: ids of labels, scales, marks of what lacks."""

    def __init__(self, model: BaseLSTM) -> None:
        self.model, self.arrays = model, {}
        self.names = getattr(model, "feature_names_in_", None)
        self.numbers = _number_labels(model)

    def facts(self) -> list[Any]:
        """Scales and ids."""
        scaler = self.model.scaler_
        scales = (
            [] if scaler is None else [scaler.mean_.tolist(), scaler.scale_.tolist()]
        )
        return [None, scales, self.numbers, self.model._missing]

    def enter(self, slots: np.ndarray, counts: np.ndarray, rows: Any) -> np.ndarray:
        """Return rows as the net takes them."""
        model = self.model
        _check_width(rows, model, model._n_step_features)
        rows = _read_numbers(rows, self.numbers)
        ids = model._architecture["categorical_features"]
        steps = Sequences(rows, np.arange(len(rows)), np.ones(len(rows), dtype=int))
        check_finite(steps, model._dtype, name="rows")
        if ids or np.isnan(rows).any():
            check_ids(steps, ids, model._sizes["n_ids"])
            if np.isnan(rows).any():
                model._warn_of_missing(steps, stacklevel=4)
        scaled = model._scale(rows)
        check_finite(steps.on_table(scaled), name="rows, divided by scaler_.scale_,")
        return model._fill_missing(scaled)

    def histories(self, rows: np.ndarray, n_steps: int, n_streams: int) -> Sequences:
        """Return the histories of the rows of streams, one stream after the other."""
        model = self.model
        _check_width(rows, model, model._n_step_features)
        table = _read_numbers(rows, self.numbers)
        return Sequences(
            table,
            np.repeat(np.arange(n_streams) * n_steps, n_steps),
            np.tile(np.arange(n_steps) + 1, n_streams),
            feature_names=self.names,
            categories=[model._labels.get(i) for i in range(table.shape[1])],
            whole=True,
        )
