"""Generated problems whose answer is known, for trials and tests."""

from numbers import Real

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_random_state

from .._compat import validate_params
from .._constraints import RANDOM_STATE, Interval, at_least

_POSITIVE_INT = [at_least(1)]
_NOISE = [Interval(Real, 0, None, closed="left")]


@validate_params(
    {
        "n_samples": _POSITIVE_INT,
        "n_timesteps": [at_least(2)],
        "random_state": RANDOM_STATE,
    },
    prefer_skip_nested_validation=True,
)
def make_adding_problem(
    n_samples: int = 1000,
    *,
    n_timesteps: int = 50,
    random_state: int | np.random.RandomState | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Generate the adding problem: remember two marked values and add them.

    The first feature is uniform on (0, 1). The second is a marker, 1 at one step of
    the first half (`n_timesteps // 2` steps) and one of the second, and 0 elsewhere.
    The target is the sum of the two marked values. Predicting its mean, 1, has an
    expected squared error of 1/6 = 0.167. A lower error needs memory.

    Parameters
    ----------
    n_samples : int, default=1000
        The number of sequences.

    n_timesteps : int, default=50
        The number of steps in each sequence, at least 2. Longer sequences are harder.

    random_state : int, RandomState instance or None, default=None
        Seed of the random numbers: the same int gives the same output.

    Returns
    -------
    X : ndarray of shape (n_samples, n_timesteps, 2)
        The sequences: values and markers.

    y : ndarray of shape (n_samples,)
        The sum of the two marked values, between 0 and 2.

    References
    ----------
    The task is due to [1]_, its details to [2]_.

    .. [1] S. Hochreiter and J. Schmidhuber, "Long Short-Term Memory", Neural
       Computation 9(8), 1735-1780, 1997.

    .. [2] M. Arjovsky, A. Shah and Y. Bengio, "Unitary Evolution Recurrent Neural
       Networks", ICML, 2016.

    Examples
    --------
    >>> from sklstm.datasets import make_adding_problem
    >>> X, y = make_adding_problem(n_samples=5000, random_state=0)
    >>> X.shape
    (5000, 50, 2)
    >>> print(f"{((y - 1) ** 2).mean():.2f}")
    0.17
    """
    rng = check_random_state(random_state)
    half = n_timesteps // 2
    values = rng.uniform(size=(n_samples, n_timesteps))
    first = rng.randint(half, size=n_samples)
    second = rng.randint(half, n_timesteps, size=n_samples)

    rows = np.arange(n_samples)
    markers = np.zeros_like(values)
    markers[rows, first] = markers[rows, second] = 1
    return np.stack([values, markers], axis=2), (
        values[rows, first] + values[rows, second]
    )


@validate_params(
    {
        "n_samples": _POSITIVE_INT,
        "lag": [at_least(0)],
        "noise": _NOISE,
        "random_state": RANDOM_STATE,
    },
    prefer_skip_nested_validation=True,
)
def make_lagged(
    n_samples: int = 1000,
    *,
    lag: int = 7,
    noise: float = 0.1,
    random_state: int | np.random.RandomState | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Generate a series whose target is the value of the feature `lag` rows before.

    The feature x is standard normal white noise, and `y[t] = x[t - lag] + noise`. A
    window of the last `lag + 1` rows has the value of the target, without its noise, in
    its first row; a window of `lag` rows says nothing about the target.

    Parameters
    ----------
    n_samples : int, default=1000
        The number of rows.

    lag : int, default=7
        Number of rows from a value of the feature to its target.

    noise : float, default=0.1
        The standard deviation of the normal noise in the target. The best possible
        R² is `1 / (1 + noise**2)`.

    random_state : int, RandomState instance or None, default=None
        Seed of the random numbers: the same int gives the same output.

    Returns
    -------
    X : ndarray of shape (n_samples, 1)
        The feature, one row per step.

    y : ndarray of shape (n_samples,)
        The target. Its first `lag` values belong to rows before the table.

    Examples
    --------
    >>> import numpy as np
    >>> from sklstm.datasets import make_lagged
    >>> X, y = make_lagged(lag=3, random_state=0)
    >>> X.shape, y.shape
    ((1000, 1), (1000,))

    The target is correlated with the feature three rows before, and at no other lag:

    >>> for k in (2, 3, 4):
    ...     print(f"{np.corrcoef(X[:-k, 0], y[k:])[0, 1]:.2f}")
    -0.03
    1.00
    -0.03
    """
    rng = check_random_state(random_state)
    x = rng.normal(size=n_samples + lag)  # x[t + lag] is the feature of row t
    y = x[:n_samples] + noise * rng.normal(size=n_samples)
    return x[lag:, None], y


@validate_params(
    {
        "n_samples": _POSITIVE_INT,
        "n_regimes": [at_least(2)],
        "min_period": [Interval(Real, 2, None, closed="neither")],
        "max_period": [Interval(Real, 2, None, closed="neither")],
        "min_duration": _POSITIVE_INT,
        "max_duration": _POSITIVE_INT,
        "noise": _NOISE,
        "random_state": RANDOM_STATE,
    },
    prefer_skip_nested_validation=True,
)
def make_regime_sines(
    n_samples: int = 1000,
    *,
    n_regimes: int = 2,
    min_period: float = 8,
    max_period: float = 32,
    min_duration: int = 64,
    max_duration: int = 128,
    noise: float = 0.1,
    random_state: int | np.random.RandomState | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Generate a noisy sine whose frequency changes from regime to regime.

    The amplitude is 1 in all regimes and the phase is continuous, so that neither a
    jump nor the level shows the regime.

    Parameters
    ----------
    n_samples : int, default=1000
        The number of steps.

    n_regimes : int, default=2
        The number of regimes, at least 2. Regime 0 is the slowest; the periods are
        spaced geometrically from `max_period` down to `min_period`.

    min_period : float, default=8
        The period of the fastest regime in steps, more than 2.

    max_period : float, default=32
        The period of the slowest regime in steps, more than `min_period`.

    min_duration : int, default=64
        The least number of steps between two changes.

    max_duration : int, default=128
        The greatest number of steps between two changes, drawn uniformly.

    noise : float, default=0.1
        The standard deviation of the normal noise, in units of the amplitude.

    random_state : int, RandomState instance or None, default=None
        Seed of the random numbers: the same int gives the same output.

    Returns
    -------
    series : ndarray of shape (n_samples,)
        The noisy sine.

    regimes : ndarray of shape (n_samples,)
        The regime of each step, from 0 to `n_regimes - 1`; after each change it is
        any of the others.

    Examples
    --------
    >>> from sklstm.datasets import make_regime_sines
    >>> series, regimes = make_regime_sines(n_samples=2000, random_state=0)
    >>> series.shape, regimes.shape
    ((2000,), (2000,))
    """
    _check_order("period", min_period, max_period, strict=True)
    _check_order("duration", min_duration, max_duration)
    rng = check_random_state(random_state)

    n_pieces = -(-n_samples // min_duration)
    durations = rng.randint(min_duration, max_duration + 1, size=n_pieces)
    jumps = rng.randint(1, n_regimes, size=n_pieces)  # modulo n_regimes, never 0
    jumps[0] = rng.randint(n_regimes)
    pieces = np.cumsum(jumps) % n_regimes
    regimes = np.repeat(pieces, durations)[:n_samples].astype(np.int64)

    periods = np.geomspace(max_period, min_period, n_regimes)
    phase = rng.uniform(0, 2 * np.pi) + np.cumsum(2 * np.pi / periods[regimes])
    return np.sin(phase) + noise * rng.normal(size=n_samples), regimes


@validate_params(
    {
        "n_samples": _POSITIVE_INT,
        "n_classes": [at_least(2)],
        "min_length": _POSITIVE_INT,
        "max_length": _POSITIVE_INT,
        "n_features": _POSITIVE_INT,
        "noise": _NOISE,
        "random_state": RANDOM_STATE,
    },
    prefer_skip_nested_validation=True,
)
def make_ragged_sequences(
    n_samples: int = 200,
    *,
    n_classes: int = 2,
    min_length: int = 20,
    max_length: int = 60,
    n_features: int = 2,
    noise: float = 0.1,
    random_state: int | np.random.RandomState | None = None,
) -> tuple[list[NDArray[np.float64]], NDArray[np.int64]]:
    """Generate sequences of unequal length whose class is the order of their steps.

    Each sequence is a wave with the period of its class, between 16 steps (class 0) and
    4 (the last class), and a random phase. The length and the set of steps are
    independent of the class, which only determines their order. So a model that ignores
    the order (and uses their mean, spread or number) cannot be better than chance.

    Parameters
    ----------
    n_samples : int, default=200
        The number of sequences.

    n_classes : int, default=2
        The number of classes, at least 2, whose periods are spaced geometrically.

    min_length : int, default=20
        The least number of steps in a sequence. With fewer than 16, some sequences do
        not complete a cycle and are harder to classify.

    max_length : int, default=60
        The greatest number of steps in a sequence, drawn uniformly.

    n_features : int, default=2
        The number of features. Each is a noisy reading of the same wave.

    noise : float, default=0.1
        The standard deviation of the normal noise; the wave is uniform on (-1, 1).

    random_state : int, RandomState instance or None, default=None
        Seed of the random numbers: the same int gives the same output.

    Returns
    -------
    X : list of n_samples ndarrays of shape (length_i, n_features)
        The sequences.

    y : ndarray of shape (n_samples,)
        The class of each sequence, from 0 to `n_classes - 1`, in equal numbers.

    Examples
    --------
    >>> from sklstm.datasets import make_ragged_sequences
    >>> X, y = make_ragged_sequences(n_samples=1000, random_state=0)
    >>> X[0].shape, X[1].shape
    ((20, 2), (23, 2))
    """
    _check_order("length", min_length, max_length)
    rng = check_random_state(random_state)
    lengths = rng.randint(min_length, max_length + 1, size=n_samples)
    y = rng.permutation(np.arange(n_samples, dtype=np.int64)) % n_classes
    periods = np.geomspace(16, 4, n_classes)
    X = [
        _arranged_steps(length, period, n_features, noise, rng)
        for length, period in zip(lengths, periods[y], strict=True)
    ]
    return X, y


def _arranged_steps(
    length: int,
    period: float,
    n_features: int,
    noise: float,
    rng: np.random.RandomState,
) -> NDArray[np.float64]:
    """Arrange independent random steps so that they rise and fall like a sine."""
    level = np.sort(rng.uniform(-1, 1, size=length))
    steps = level[:, None] + noise * rng.normal(size=(length, n_features))
    phase = 2 * np.pi * (np.arange(length) / period + rng.uniform())
    # A period of whole steps repeats its values exactly: jitter breaks the ties.
    wave = np.sin(phase) + 0.1 * rng.normal(size=length)
    ranks = wave.argsort().argsort()
    arranged: NDArray[np.float64] = steps[ranks]  # (length, n_features)
    return arranged


def _check_order(name: str, low: float, high: float, *, strict: bool = False) -> None:
    if high < low or (strict and high == low):
        bound = "greater than" if strict else "at least"
        raise ValueError(
            f"Got min_{name}={low} and max_{name}={high}; max_{name} must be {bound} "
            f"min_{name}: raise max_{name} or lower min_{name}."
        )
