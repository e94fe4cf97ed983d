"""Damage to the state of an estimator, of one array, size or list at a time."""

import numpy as np
from sklearn.preprocessing import StandardScaler

# Of these what is said of sizes stands in several places; most of them are arrays.
ROOTS = (
    *["net_"] * 5,
    "_sizes",
    "_architecture",
    "scaler_",
    "target_scaler_",
    "_missing",
    "_labels",
    "_n_step_features",
    "n_outputs_",
    "classes_",
    "_loss",
)
HUGE = (10**9, 10**18)


def items_of(value):
    value = vars(value) if isinstance(value, StandardScaler) else value
    return value if isinstance(value, dict) else dict(enumerate(value))


def walk(value, path=()):
    """Yield the path of each value inside, and the value."""
    if isinstance(value, (dict, list, StandardScaler)):
        for key, inside in items_of(value).items():
            if key != "_sklearn_output_config":
                yield (*path, key), inside
                yield from walk(inside, (*path, key))


def put(state, path, value):
    for key in path[:-1]:
        state = vars(state) if isinstance(state, StandardScaler) else state
        state = state[key]
    state = vars(state) if isinstance(state, StandardScaler) else state
    state[path[-1]] = value


def of_array(array, rng):
    """Return the name of a damage, and the damaged array."""
    whole = np.atleast_1d(array)
    found = [
        ("none", None),
        ("shorter", whole[:-1]),
        ("longer", np.concatenate([whole, whole])),
        ("deeper", array[None]),
        ("flat", np.r_[array.ravel(), array.ravel()]),
        ("cast", array.astype(object)),
        ("turned", array.T.copy() if array.ndim > 1 else array[None]),
    ]
    if array.dtype.kind == "f" and array.size:
        place = rng.integers(array.size)
        for how, value in ("nan", np.nan), ("inf", np.inf), ("value", rng.normal()):
            changed = array.copy()
            changed.flat[place] = value
            found += [(how, changed)] * (4 if how == "value" else 1)
    return found[rng.integers(len(found))]


def mutate(state, rng):
    """Damage a state in place; return where and how."""
    known = [name for name in ROOTS if state.get(name) is not None]
    name = known[rng.integers(len(known))]
    if name == "net_":
        part = ("module", "module", "optimizer", "history", "random")[rng.integers(5)]
        chosen = list(walk(state[name][part], (name, part)))
    else:
        chosen = [((name,), state[name]), *walk(state[name], (name,))]
    chosen = chosen or [((name,), state[name])]
    path, value = chosen[rng.integers(len(chosen))]
    if isinstance(value, np.ndarray):
        how, new = of_array(value, rng)
    elif type(value) is int:
        how, several = "size", [value + 1, value - 1, -value, *HUGE, str(value), 0.5]
        new = several[rng.integers(len(several))]
    elif isinstance(value, list):
        how, several = "list", [value[:-1], value + value, {}, [*value, HUGE[0]]]
        new = several[rng.integers(len(several))]
    elif isinstance(value, dict) and value:
        how, keys = "truncated", list(value)
        lost = keys[rng.integers(len(keys))]
        new = {key: value[key] for key in keys if key != lost}
    else:
        how, new = "none", None
    put(state, path, new)
    return path, how, new
