"""What is saved of an estimator: plain values, and which versions wrote them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from copy import deepcopy
from dataclasses import fields
from importlib.metadata import PackageNotFoundError, metadata, version
from typing import Any

from sklearn.exceptions import InconsistentVersionWarning

from ._compat import HasMethods, validate_params
from ._version import __version__

# Raised when what is saved changes so that older versions could not read it.
FORMAT = 1
WRITTEN_BY = {
    "format": FORMAT,
    "sklstm": __version__,
    "torch": version("torch"),
    "numpy": version("numpy"),
}
# Whether what only further training needs is left out of what is saved.
IS_LEAN = ContextVar("is_lean", default=False)
# What reading values of a wrong type or size raises somewhere.
FAULTS = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
)


def _find_pages() -> str:
    """Where the pages of the API are, if pyproject.toml says so."""
    try:
        lines = metadata("sklstm").get_all("Project-URL") or []
    except PackageNotFoundError:
        return ""
    urls = dict(line.split(", ", 1) for line in lines)
    return f"{urls['Documentation']}/generated/" if "Documentation" in urls else ""


PAGES = _find_pages()


class PlainState:
    """An estimator that is saved as plain values, with the versions that wrote them."""

    # Where scikit-learn's diagrams, in notebooks, find the page of an estimator.
    _doc_link_module = "sklstm"
    _doc_link_template = PAGES and PAGES + "{estimator_module}.{estimator_name}.html"
    # Attributes that are records of arrays and numbers, and of which class each is.
    _records: dict[str, type] = {}

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())  # type: ignore[call-overload]
        self._make_plain(state)
        return state | {"_written_by": dict(WRITTEN_BY)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        name = type(self).__name__
        with _naming_damage(name):
            state = dict(state)
        check_versions(name, state.pop("_written_by", None))
        super().__setstate__(state)  # type: ignore[misc]
        with _naming_damage(name):
            self._restore()

    def _make_plain(self, state: dict[str, Any]) -> None:
        """Put plain values for all else in a state."""
        for name in self._records:
            if state.get(name) is not None:
                state[name] = dict(state[name].__getstate__())

    def _restore(self) -> None:
        """Undo that, once the attributes are there."""
        for name, kind in self._records.items():
            values = vars(self).get(name)
            if values is not None:
                record: Any = object.__new__(kind)
                if missing := {field.name for field in fields(record)} - {*values}:
                    raise ValueError(f"{name} lacks {sorted(missing)}")
                getattr(record, "__setstate__", vars(record).update)(values)
                setattr(self, name, record)


def check_versions(name: str, written_by: Any) -> None:
    """Refuse a state that cannot be read, and warn of that of another version."""
    if not isinstance(written_by, dict) or {*WRITTEN_BY} - {*written_by}:
        raise ValueError(
            f"The state of {name} does not say which version of sklstm wrote it, so"
            f" that sklstm {__version__} cannot read it: fit and save it again."
        )
    if written_by["format"] != FORMAT:
        raise ValueError(
            f"The state of {name} was written by sklstm {written_by['sklstm']} in"
            f" format {written_by['format']}, and sklstm {__version__} reads format"
            f" {FORMAT}: load it with the version that wrote it, or fit again."
        )
    if written_by["sklstm"] != __version__:
        warnings.warn(
            InconsistentVersionWarning(
                estimator_name=f"{name} of sklstm",
                current_sklearn_version=__version__,
                original_sklearn_version=written_by["sklstm"],
            ),
            stacklevel=3,
        )


@contextmanager
def _naming_damage(name: str) -> Iterator[None]:
    """Say in one line whose state cannot be read."""
    try:
        yield
    except FAULTS as error:
        why = str(error).partition("\n")[0]
        if not isinstance(error, ValueError):
            why = f"{type(error).__name__}: {why}"
        raise ValueError(
            f"The state of {name} is incomplete or damaged, {why}; save it again."
        ) from error


@validate_params({"model": [HasMethods("fit")]}, prefer_skip_nested_validation=True)
def drop_training_state(model: Any) -> Any:
    """Return a copy of a fitted model that predicts, but cannot continue training.

    The copy has no optimizer state, no state of random number generators and no losses
    of epochs, in any LSTM of the model. It takes about a third of the memory and of the
    file size.

    Parameters
    ----------
    model : estimator
        Any fitted estimator, such as a `Pipeline` or `GridSearchCV` with LSTMs. It is
        not changed.

    Returns
    -------
    copy : estimator
        The same model, with the same predictions bit for bit. `loss_curve_`,
        `validation_scores_` and `validation_loss_curve_` are None. It can be fitted
        again, but `partial_fit`, and `fit` with ``warm_start=True``, raise an error.

    See Also
    --------
    sklearn.base.clone : Copy the parameters only.

    Examples
    --------
    >>> import pickle
    >>> from sklstm import LSTMRegressor, drop_training_state
    >>> from sklstm.datasets import make_adding_problem
    >>> X, y = make_adding_problem(100, n_timesteps=10, random_state=0)
    >>> model = LSTMRegressor(max_epochs=10, random_state=0).fit(X, y)
    >>> small = drop_training_state(model)
    >>> len(pickle.dumps(small)) < 0.4 * len(pickle.dumps(model))
    True
    >>> bool((small.predict(X) == model.predict(X)).all())
    True
    """
    before = IS_LEAN.set(True)
    try:
        return deepcopy(model)
    finally:
        IS_LEAN.reset(before)
