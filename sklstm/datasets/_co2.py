"""The weekly CO2 series of Mauna Loa."""

from importlib.resources import files
from typing import Any

import numpy as np
from sklearn.utils import Bunch

from .._compat import StrOptions, check_pandas_support, validate_params


@validate_params(
    {"missing": [StrOptions({"interpolate", "keep"})], "as_frame": ["boolean"]},
    prefer_skip_nested_validation=True,
)
def load_co2(*, missing: str = "interpolate", as_frame: bool = False) -> Bunch:
    """Load the weekly atmospheric CO2 series of Mauna Loa, in ppm.

    2284 consecutive weeks, from 29 March 1958 to 29 December 2001: a rising trend
    with a yearly cycle. 59 of the weeks (2.6 %) were not measured. By default these are
    filled by interpolation.

    Parameters
    ----------
    missing : {"interpolate", "keep"}, default="interpolate"
        Values of the 59 weeks: linear interpolation between the measured neighbours, or
        NaN.

    as_frame : bool, default=False
        If True, `data` is a pandas DataFrame indexed by date.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes.

        data : {ndarray, DataFrame} of shape (2284, 1)
            The concentration in ppm, as float64. With `as_frame=True`, a DataFrame
            with the column `co2` and a weekly DatetimeIndex named `date`.
        dates : ndarray of shape (2284,), dtype=datetime64[D]
            The Saturday of each week.
        missing_mask : ndarray of shape (2284,), dtype=bool
            True for the 59 weeks that were not measured, filled or not.
        feature_names : list of str
            `["co2"]`.
        frame : DataFrame of shape (2284, 1) or None
            The same object as `data` with `as_frame=True`, otherwise None.
        DESCR : str
            The description of the data set, with its source.

    Notes
    -----
    The value of a filled week depends on the first measurement after its gap, which is
    in the future of that week. The longest gap is 18 weeks in 1964, and there is none
    after 3 August 1985. The longest period without a gap has 856 weeks.

    References
    ----------
    .. [1] C.D. Keeling and T.P. Whorf, "Atmospheric CO2 concentrations derived from
       flask air samples at sites in the SIO network", Trends: A Compendium of Data on
       Global Change, Carbon Dioxide Information Analysis Center, 2004.

    Examples
    --------
    >>> from sklstm.datasets import load_co2
    >>> co2 = load_co2()
    >>> co2.data.shape
    (2284, 1)
    >>> print(co2.dates[0], co2.data[0, 0])
    1958-03-29 316.1
    """
    lines = _read_text("co2.csv").splitlines()
    table = np.genfromtxt(lines, delimiter=",", skip_header=1, dtype="M8[D],f8")
    dates, values = table["f0"].copy(), table["f1"].copy()
    missing_mask = np.isnan(values)
    if missing == "interpolate":
        # The step is constant, so linear in the row number is linear in time.
        rows = np.arange(len(values))
        measured = ~missing_mask
        values = np.interp(rows, rows[measured], values[measured])
    data: Any = values[:, None]
    if as_frame:
        try:
            pd = check_pandas_support("load_co2(as_frame=True)")
        except ImportError as error:
            raise ImportError(
                "load_co2(as_frame=True) requires pandas, which is not installed: "
                'run pip install "sklstm[pandas]", or pass as_frame=False.'
            ) from error
        index = pd.DatetimeIndex(dates, freq="W-SAT", name="date")
        data = pd.DataFrame(data, index=index, columns=["co2"])
    return Bunch(
        data=data,
        dates=dates,
        missing_mask=missing_mask,
        feature_names=["co2"],
        frame=data if as_frame else None,
        DESCR=_read_text("co2.rst"),
    )


def _read_text(name: str) -> str:
    return (files(__package__) / "data" / name).read_text(encoding="utf-8")
