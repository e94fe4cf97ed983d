"""Time stamps that continue those of a series."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from .._rows._columns import find_zone, on_wall, read_times
from .._rows._series import DAY, find_working, regular_steps

# A clock that is not exact may be off by such a share of the regular step.
JITTER = 0.05


def continue_column(column: Any, series: np.ndarray, n_steps: int) -> Any:
    """Continue a column of time stamps, each series by its own regular step."""
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
    if is_date and not native.dtype.is_temporal():
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
        " be continued: convert them to dates, or give those of the new rows in future."
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
    last = times[np.r_[~within, True]]  # (n_series,)
    ahead = np.arange(1, n_steps + 1)
    if is_date:
        for shift in (0, DAY):  # the end of a month is the day before the next
            if (months := _month_steps(series, times + shift)) is not None:
                return _add_months(last + shift, months[:, None] * ahead) - shift
        if _skips_weekends(series, times, steps):
            day, clock = np.divmod(last[:, None], DAY)
            return (
                np.busday_offset(day.astype("M8[D]"), ahead).astype(int) * DAY + clock
            )
    taken = np.diff(times)[within] / steps[series[1:][within]]
    odd = np.abs(taken - np.rint(taken)) > JITTER
    if odd.any():
        raise ValueError(
            "The time stamps of history have no regular step (one is"
            f" {taken[odd][0]:.3g} times the usual one): give those of the new rows in"
            " future."
        )
    steps = steps if times.dtype.kind == "f" else steps.astype(np.int64)
    return last[:, None] + steps[:, None] * ahead


def _month_steps(series: np.ndarray, times: np.ndarray) -> np.ndarray | None:
    """Whole months from row to row of each series; None if they are not whole."""
    stamps = times.astype("M8[ns]")
    months = stamps.astype("M8[M]")
    offset = stamps - months  # from the first of the month
    within = series[1:] == series[:-1]
    if (offset[1:] != offset[:-1])[within].any():
        return None
    number = months.astype(np.int64)
    if (np.diff(number)[within] < 1).any():
        return None
    return regular_steps(series, number).astype(np.int64)


def _add_months(times: np.ndarray, months: np.ndarray) -> np.ndarray:
    """Add months, shape (n_series, n_steps), to a time of each series."""
    stamps = times.astype("M8[ns]")[:, None]
    first = stamps.astype("M8[M]")
    return (first + months + (stamps - first)).astype("M8[ns]").astype(np.int64)


def _skips_weekends(series: np.ndarray, times: np.ndarray, steps: np.ndarray) -> bool:
    """Whether rows come once a day, at the same hour and on no weekend."""
    over = (np.diff(times) == 3 * DAY) & (series[1:] == series[:-1])
    is_daily = bool((steps == DAY).all() and over.any())
    return is_daily and bool(find_working(series, times).all())


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
        except ValueError:  # no regular step, or an hour that the clocks skip:
            pass  # nothing but names of rows is lost
    return pd.RangeIndex(n_steps)
