"""Optional packages: what is said where one is not installed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def naming_extra(what: str, package: str, extra: str) -> Iterator[None]:
    """Import a package inside; if that fails, the error says what to install."""
    try:
        yield
    except ImportError as error:
        raise ImportError(
            f"{what} needs {package}: pip install 'sklstm[{extra}]'."
        ) from error
