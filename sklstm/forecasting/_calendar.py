"""Time stamps that continue those of a series."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from .._rows._columns import find_zone, holds_periods, on_wall, read_times
from .._rows._series import DAY, find_working, regular_steps

# A clock that is not exact may be off by such a share of the regular step.
JITTER = 0.05
MONTH = np.timedelta64(1, "M")


def continue_column(column: Any, series: np.ndarray, n_steps: int) -> Any:
    """Continue a column of time stamps, each series by its own regular step."""
    if holds_periods(column):
        ends = np.flatnonzero(np.diff(series, append=-1))
        steps = np.tile(np.arange(1, n_steps + 1), len(ends))
        return column.iloc[np.repeat(ends, n_steps)] + steps
    native = nw.from_native(column, series_only=True, pass_through=True)
    zone = find_zone(native) if isinstance(native, nw.Series) else None
    times, is_date = read_times(column)
    from_zone = "UTC"
    if zone and regular_steps(series, times).min() > 0.9 * DAY:
        times, _ = read_times(on_wall(native).to_native())
        from_zone = zone
    new = continue_times(series, times, n_steps, is_date=is_date).ravel()
    if not isinstance(native, nw.Series):
        return _like_values(new, is_date, np.asarray(column))
    backend = native.implementation
    if is_date and not zone and not native.dtype.is_temporal():
        values = _like_values(new, is_date, native.to_numpy())
        return nw.new_series(native.name, values, backend=backend).to_native()
    if is_date:
        new = new.astype("m8[ns]" if native.dtype == nw.Duration else "M8[ns]")
    made = nw.new_series(native.name, new, backend=backend)
    if zone:
        try:
            if backend.is_pandas():
                local = made.to_native().dt.tz_localize(from_zone)
                return local.dt.tz_convert(zone).astype(column.dtype)
            made = made.dt.replace_time_zone(from_zone).dt.convert_time_zone(zone)
        except Exception as error:  # each library has its own
            raise ValueError(
                "The time stamps of history go on into an hour that a change of clocks"
                f" in {zone} skips or repeats: give those of the new rows in future, or"
                " convert them to UTC."
            ) from error
    return made.cast(native.dtype).to_native()


def _like_values(new: np.ndarray, is_date: bool, values: np.ndarray) -> np.ndarray:
    """Turn times as they are read into what they were read from."""
    if not is_date:
        return new
    if values.dtype.kind in "Mm":
        return new.astype(f"{values.dtype.kind}8[ns]").astype(values.dtype)
    if isinstance(values[0], datetime):
        return new.astype("M8[ns]").astype("M8[us]").astype(object)
    if isinstance(values[0], date):
        return new.astype("M8[ns]").astype("M8[D]").astype(object)
    raise ValueError(
        f"Time stamps of type {type(values[0]).__name__}, such as {values[0]!r}, cannot"
        " be continued: convert them to dates, as with pandas.to_datetime, or give"
        " those of the new rows in future."
    )


def continue_times(
    series: np.ndarray, times: np.ndarray, n_steps: int, *, is_date: bool
) -> np.ndarray:
    """Continue the times of each series by its regular step, (n_series, n_steps)."""
    steps = regular_steps(series, times)
    within = series[1:] == series[:-1]
    if not within.any():
        raise ValueError(
            "No series of history has two rows, so that its step of time is not known:"
            " give more rows, or the time stamps of the new rows in future."
        )
    ends = np.flatnonzero(np.r_[~within, True])  # (n_series,) the last rows
    last, ahead = times[ends], np.arange(1, n_steps + 1)
    kind: Any = times.dtype if times.dtype.kind == "f" else np.int64
    new = last[:, None] + steps[:, None].astype(kind) * ahead
    by_calendar = np.zeros(len(ends), dtype=bool)
    if is_date:
        by_calendar, months = _by_month(series, times, ends, ahead)
        new[by_calendar] = months[by_calendar]
        over = (np.diff(times) == 3 * DAY) & within  # from Friday to Monday
        working = np.bincount(series[1:][over], minlength=len(ends)) > 0
        working &= find_working(series, times) & (steps == DAY) & ~by_calendar
        day, clock = np.divmod(last[working, None], DAY)
        days = np.busday_offset(day.astype("M8[D]"), ahead).astype(np.int64)
        new[working] = days * DAY + clock
        by_calendar |= working
    regular = within & ~by_calendar[series[1:]]
    taken = np.diff(times)[regular] / steps[series[1:][regular]]
    odd = np.abs(taken - np.rint(taken)) > JITTER
    if odd.any():
        raise ValueError(
            "The time stamps of history have no regular step (one is"
            f" {taken[odd][0]:.3g} times the usual one): give those of the new rows in"
            " future."
        )
    return new


def _by_month(
    series: np.ndarray, times: np.ndarray, ends: np.ndarray, ahead: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Which series go on by whole months, and how, (n_series, n_steps).

    Their rows are all of one day of the month, or of its last day where it is shorter.
    """
    months = times.astype("M8[ns]").astype("M8[M]")
    day, clock = np.divmod(times - _nanoseconds(months), DAY)
    length = (_nanoseconds(months + MONTH) - _nanoseconds(months)) // DAY
    number = months.astype(np.int64)
    anchor = np.zeros(len(ends), dtype=np.int64)
    np.maximum.at(anchor, series, day)
    is_last = np.bincount(series, weights=day + 1 < length) == 0
    anchor[is_last] = 30  # days after the first
    odd = (day != np.minimum(anchor[series], length - 1)) | (
        clock != clock[ends][series]
    )
    odd[1:] |= (np.diff(number) < 1) & (np.diff(series) == 0)
    by_month = np.bincount(series, weights=odd) == 0
    steps = regular_steps(series, number)[:, None].astype(np.int64)
    new = (number[ends, None] + steps * ahead).astype("M8[M]")
    days = (_nanoseconds(new + MONTH) - _nanoseconds(new)) // DAY
    day = np.minimum(anchor[:, None], days - 1)
    # A single row says nothing of months, unless all other series are monthly.
    by_month &= (np.bincount(series) > 1) | by_month.all()
    return by_month, _nanoseconds(new) + day * DAY + clock[ends, None]


def _nanoseconds(stamps: np.ndarray) -> np.ndarray:
    return stamps.astype("M8[ns]").astype(np.int64)


def continue_index(index: Any, n_steps: int, *, one_series: bool = True) -> Any:
    """Continue the index of a pandas object, if its kind allows."""
    import pandas as pd

    ahead = np.arange(1, n_steps + 1)
    if isinstance(index, pd.RangeIndex):
        start = index.stop
        stop = start + n_steps * index.step
        return pd.RangeIndex(start, stop, index.step, name=index.name)
    if one_series and isinstance(index, pd.PeriodIndex):
        return pd.PeriodIndex(index[-1] + ahead, name=index.name)
    if one_series and isinstance(index, pd.DatetimeIndex):
        try:
            if index.freq is not None:
                return pd.date_range(
                    index[-1], periods=n_steps + 1, freq=index.freq, name=index.name
                )[1:]
            column = index.to_series()
            new = continue_column(column, np.zeros(len(index), int), n_steps)
            return pd.DatetimeIndex(new, name=index.name)
        except Exception:  # no regular step, or an hour that the clocks skip, for
            pass  # which pandas 2 has errors of pytz: only names of rows are lost
    return pd.RangeIndex(n_steps)
