"""What scikit-learn's callbacks are told of a fit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def one_task(estimator: Any, X: Any, y: Any = None) -> Iterator[None]:
    """Tell of a fit that has no parts."""
    context = estimator._init_callback_context()
    context.call_on_fit_task_begin(estimator=estimator, X=X, y=y)
    yield
    context.call_on_fit_task_end(estimator=estimator, X=X, y=y)


@contextmanager
def hand_down(estimator: Any, inner: Any, X: Any, y: Any) -> Iterator[None]:
    """Tell of a fit whose only part is that of another estimator."""
    context = estimator._init_callback_context(max_subtasks=1)
    context.call_on_fit_task_begin(estimator=estimator, X=X, y=y)
    task = context.subcontext(task_name="fit-estimator")
    with task.propagate_callback_context(inner):
        task.call_on_fit_task_begin(estimator=estimator, X=X, y=y)
        yield
        task.call_on_fit_task_end(estimator=estimator, X=X, y=y)
    context.call_on_fit_task_end(estimator=estimator, X=X, y=y)
