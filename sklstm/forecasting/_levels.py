"""Levels that forecasts start from: which feature, how long ago, and in which units."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._arrays import reading
from .._input import check_y, read_sequences
from .._rows._columns import find_position, get_names
from .._rows._series import join_ranges
from .._rows._splits import Timeline, overlap_runs
from .._rows._supervised import name_targets
from .._sequences import Sequences, check_finite
from .._state import PlainState

# Share of the spread of y by which a value may miss a straight line, after scaling in
# floats of single precision.
TOLERANCE = 1e-3


@dataclass
class Levels:
    """The last value of a feature for each target, or that of a season ago."""

    positions: np.ndarray  # (n_targets,) the feature of each target
    ages: np.ndarray  # (n_targets,) steps from the end of a sequence back to the level
    period: int  # steps of a season
    longest: int  # steps of the longest sequence of fit
    # (n_targets,) the units of y: a level is ``offset + scale * value``
    scale: np.ndarray
    offset: np.ndarray

    def of(self, sequences: Sequences) -> np.ndarray:
        """Return the levels in units of y, (n_sequences, n_targets)."""
        is_short = sequences.lengths < min(self.period, self.longest)
        if sequences.history_lengths is not None:
            is_short &= sequences.begins_within()  # and so might be longer
        if is_short.all():
            warn_of_period(sequences, self.period)
        return self.offset + self.scale * self.values(sequences)

    def values(self, sequences: Sequences) -> np.ndarray:
        """Return the values; the last one of a sequence that is too short."""
        ends = (sequences.starts + sequences.lengths - 1)[:, None]
        reaches = self.ages < sequences.lengths[:, None]  # (n_sequences, n_targets)
        rows = ends - self.ages * reaches
        return sequences.steps[rows, self.positions].astype(np.float64)


def find_levels(
    sequences: Sequences,
    y: np.ndarray,
    *,
    feature: Any,
    period: int,
    lag: Any,
    names: Any,
) -> tuple[Levels, bool]:
    """Find the level of each target, and hold it against the targets."""
    n_targets = y.shape[1]
    known = None if sequences.horizon is None else sequences.targets
    named = find_features(feature, sequences, names)
    # What is asked for, or known, must hold; what is only usual need not.
    is_known = lag is not None or (known is not None and named == known)
    if lag is None:
        n_expected = len(named) * (sequences.horizon or 1) if is_known else None
        if n_targets % len(named) or n_expected not in (None, n_targets):
            raise ValueError(
                f"y has {n_targets} column(s), but {len(named)} feature(s)"
                + (f" and horizon={sequences.horizon}" if is_known else "")
                + " make another number: give y as make_supervised makes it, or in"
                " lag= how many rows after its sequence each column lies."
            )
        lags = np.arange(n_targets) // len(named) + 1
    else:
        with reading("lag", "whole numbers"):
            lags = np.repeat(lag, n_targets) if np.ndim(lag) == 0 else np.asarray(lag)
        if lags.ndim != 1 or lags.dtype.kind not in "iu" or lags.min(initial=1) < 1:
            raise ValueError(
                f"lag={lags.tolist()} is not one whole number of rows, at least 1, for"
                " each column of y."
            )
        if len(lags) != n_targets or n_targets % len(named):
            raise ValueError(
                f"lag has {len(lags)} value(s) and y {n_targets} column(s) of"
                f" {len(named)} feature(s): give one for each column."
            )
    positions = np.tile(named, n_targets // len(named))
    longest = sequences.shape[1]
    if longest < period:
        warn_of_period(sequences, period)
    # As few whole periods back as lead into the sequence.
    ages = -(-lags // period) * period - lags
    lines = _find_lines(sequences, positions, lags, y, must=is_known)
    if lines is not None:
        return Levels(positions, ages, period, longest, *lines.T), True
    # No sequence holds a target: only the table that both were made of can tell.
    units = np.tile([[1.0], [0.0]], n_targets)
    levels = Levels(positions, ages, period, longest, *units)
    is_same = known is not None and named == known and not sequences.units_changed
    return levels, is_same and not are_apart(levels.values(sequences), y).any()


def warn_of_period(sequences: Sequences, period: int) -> None:
    """Say that no sequence reaches back a period."""
    warnings.warn(
        f"The longest sequence has {sequences.shape[1]} steps, too few for"
        f" period={period}: last values are taken instead; give a sequence_length"
        f" of at least {period}, or a shorter period.",
        stacklevel=4,
    )


def check_order(sequences: Sequences, y_names: list[Any] | None) -> None:
    """Raise if the columns of y have the names of targets in another order."""
    features, targets = sequences.feature_names, sequences.targets
    if y_names is None or features is None or targets is None:
        return
    expected = name_targets([features[i] for i in targets], sequences.horizon or 1)
    if y_names != expected and sorted(map(str, y_names)) == sorted(expected):
        raise ValueError(
            f"y has the columns {y_names}; expected {expected}, the order in which"
            " make_supervised gives them."
        )


def are_apart(values: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Mark the columns of values that cannot be earlier ones of y."""
    # E[(y - x)²] = Var(y - x) + (E y - E x)² <= 4 Var y if x has y's moments.
    errors, variances = ((y - values) ** 2).mean(axis=0), y.var(axis=0)
    return (errors > 4 * variances * (1 + 1e-9)) & (len(y) > 1)


def find_features(feature: Any, sequences: Sequences, names: Any) -> list[int]:
    """Positions of the features that are forecast at each step."""
    n_features = sequences.shape[2]
    if feature is None:
        known = sequences.targets if sequences.horizon is not None else None
        if known is not None:
            return known
        if n_features == 1:
            return [0]
        raise ValueError(
            f"X does not say which of its {n_features} features y continues: name it"
            " with feature=, or give the histories of make_supervised."
        )
    several = isinstance(feature, (list, tuple, np.ndarray))
    items = list(feature) if several else [feature]
    if not items:
        raise ValueError("feature is empty; name at least one.")
    has_names = names is not None and len(names) == n_features
    names = list(names if has_names else range(n_features))
    found = [find_position(item, names, "feature", what="features") for item in items]
    for i in found:
        if i in sequences.labels():
            raise ValueError(
                f"Feature {names[i]!r}, from whose level y is to be forecast, holds"
                " labels, which have none: name another feature."
            )
    return found


def _find_lines(
    sequences: Sequences,
    positions: np.ndarray,
    lags: np.ndarray,
    y: np.ndarray,
    *,
    must: bool,
) -> np.ndarray | None:
    """Scale and offset of each target, (n_targets, 2), where they can be seen."""
    rows_at = _later_rows(sequences)
    places: dict[int, tuple[np.ndarray, np.ndarray]] = {}
    seen: dict[int, np.ndarray] = {}
    lines = np.full((len(lags), 2), np.nan)
    for j, (position, lag) in enumerate(
        zip(positions.tolist(), lags.tolist(), strict=True)
    ):
        if lag not in places:
            places[lag] = rows_at(lag)
        held, rows = places[lag]
        x = sequences.steps[rows, position].astype(np.float64)
        line = _find_line(x, y[held, j], sequences.steps.dtype)
        if line is None and len(x) > 2:
            if not must:
                return None
            raise ValueError(
                f"Column {j} of y is not what feature {_name(sequences, position)} of X"
                f" holds {lag} row(s) later, nor a straight line of it: give y as"
                " make_supervised makes it and no scaler before (the LSTM estimators"
                " standardise by themselves), or name another feature or lag."
            )
        if line is not None:
            seen[position] = line
        if position in seen:  # a step that is too far ahead has the line of others
            lines[j] = seen[position]
    if not seen:
        return None
    for j in np.flatnonzero(np.isnan(lines[:, 0])).tolist():
        lines[j] = seen.get(int(positions[j]), np.array([1.0, 0.0]))
    return lines


def _later_rows(sequences: Sequences) -> Any:
    """Return a function from a lag to what stands that much after which sequences."""
    time = Timeline.of(sequences)
    order = np.argsort(time.rows, kind="stable")
    ends = sequences.starts + sequences.lengths - 1
    ordered = time.rows[order]

    def rows_at(lag: int) -> tuple[np.ndarray, np.ndarray]:
        later = time.rows + lag
        # The first sequence that ends there or after it, if it reaches back to it.
        place = np.searchsorted(ordered, later)
        other = order[np.minimum(place, len(order) - 1)]
        behind = time.rows[other] - later
        held = (place < len(order)) & (time.runs[other] == time.runs)
        held &= behind < sequences.lengths[other]
        return held, (ends[other] - behind)[held]

    return rows_at


def _find_line(x: np.ndarray, y: np.ndarray, dtype: np.dtype) -> np.ndarray | None:
    """Scale and offset of the line that y is of x, (1, 0) if they are the same."""
    if len(x) == 0:
        return None
    eps = float(np.finfo(dtype if dtype.kind == "f" else np.float64).eps)
    limit = TOLERANCE * float(y.std()) + 8 * eps * float(np.abs(y).max())
    if np.abs(x - y).max() <= limit:
        return np.array([1.0, 0.0])
    middle, spread = x.mean(), x.std()
    if len(x) < 3:  # through two points there is always a line
        return None
    scale = 1.0
    if spread > 0:
        scale = float(((x - middle) * (y - y.mean())).mean() / spread**2)
    offset = float(y.mean() - scale * middle)
    if np.abs(offset + scale * x - y).max() > limit:
        return None
    return np.array([scale, offset])


def _name(sequences: Sequences, position: int) -> str:
    names = sequences.feature_names
    return str(position) if names is None else repr(names[position])


def fit_lines(values: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Scale and offset, (n_targets,), of the least squares lines of y on values."""
    centered = values - values.mean(axis=0)
    spread = (centered**2).sum(axis=0)
    slope = (centered * (y - y.mean(axis=0))).sum(axis=0)
    scale = np.divide(slope, spread, out=np.zeros_like(slope), where=spread > 0)
    return scale, y.mean(axis=0) - scale * values.mean(axis=0)


def take_changes(sequences: Sequences, features: list[int]) -> Sequences:
    """Replace features by their changes from step to step."""
    sequences = sequences.compact()
    n_runs = int(overlap_runs(sequences).max()) + 1
    if sequences.history_lengths is None and n_runs < len(sequences):
        # A step may be the first of one sequence and not of another: each its own.
        rows = join_ranges(sequences.starts, sequences.lengths)
        starts = np.cumsum(sequences.lengths) - sequences.lengths
        sequences = Sequences(
            sequences.steps[rows],
            starts,
            sequences.lengths,
            feature_names=sequences.feature_names,
            series=overlap_runs(sequences),
            index=sequences.index,
            rows=sequences.starts + sequences.lengths - 1,
            horizon=sequences.horizon,
            categories=sequences.categories,
        )
    values = sequences.steps[:, features].astype(np.float64)
    changes = np.diff(values, axis=0, prepend=values[:1])
    changes[sequences.starts[~sequences.begins_within()]] = 0.0
    changes[~np.isfinite(changes)] = 0.0  # before a sequence may be anything
    table = sequences.steps.astype(np.result_type(sequences.steps, np.float32))
    table[:, features] = changes
    changed = sequences.on_table(table)
    changed.targets = None
    return changed


class OnLevels(PlainState):
    """What regressors that forecast from levels share: input, levels and units."""

    feature: Any
    period: int
    lag: Any
    n_outputs_: int
    _records = {"_levels": Levels}

    @property
    def scale_(self) -> np.ndarray:
        """Units of y in a unit of each target's feature."""
        return self._levels.scale

    @property
    def offset_(self) -> np.ndarray:
        """What y is where each target's feature is 0."""
        return self._levels.offset

    def _read(self, X: Any, *, reset: bool) -> Sequences:
        sequences = read_sequences(self, X, reset=reset)
        check_finite(sequences, present=self._find_features(sequences, reset=reset))
        return sequences

    def _find_features(self, sequences: Sequences, *, reset: bool) -> list[int]:
        """Positions of the features that levels are taken from."""
        if not reset:
            return self._levels.positions.tolist()
        names = getattr(self, "feature_names_in_", None)
        return find_features(self.feature, sequences, names)

    def _find_levels(
        self, X: Any, y: Any, *, resume: bool = False
    ) -> tuple[Sequences, np.ndarray, bool]:
        """Read samples and targets; whether the units of y are known."""
        sequences = self._read(X, reset=not resume)
        given, y = y, check_y(self, sequences, y)
        check_order(sequences, get_names(given))
        y_2d = y.reshape(len(y), -1)
        if resume:
            if y_2d.shape[1] != self.n_outputs_:
                raise ValueError(
                    f"y has {y_2d.shape[1]} output(s), but {type(self).__name__} was"
                    f" fitted to {self.n_outputs_}; give as many."
                )
            return sequences, y, True
        self._y_ndim, self.n_outputs_ = y.ndim, y_2d.shape[1]
        self._levels, is_known = find_levels(
            sequences,
            y_2d,
            feature=self.feature,
            period=self.period,
            lag=self.lag,
            names=getattr(self, "feature_names_in_", None),
        )
        return sequences, y, is_known

    def _fit_units(self, sequences: Sequences, y: np.ndarray, is_known: bool) -> None:
        """Take the least squares line for the units of y where nothing tells them."""
        if not is_known:
            values, levels = self._levels.values(sequences), self._levels
            levels.scale, levels.offset = fit_lines(values, y.reshape(len(y), -1))

    def _levels_of(self, sequences: Sequences) -> np.ndarray:
        """Levels in the units and shape of y."""
        levels = self._levels.of(sequences)
        return levels.ravel() if self._y_ndim == 1 else levels
