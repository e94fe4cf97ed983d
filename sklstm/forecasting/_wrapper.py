"""What regressors around a regressor share: routing of metadata, and tags."""

from __future__ import annotations

from typing import Any

from sklearn.base import BaseEstimator, MetaEstimatorMixin, RegressorMixin
from sklearn.callback import CallbackSupportMixin
from sklearn.utils import get_tags
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    process_routing,
)

from .._compat import _routing_enabled, _VisualBlock
from .._state import PlainState


class RegressorWrapper(
    CallbackSupportMixin, PlainState, MetaEstimatorMixin, RegressorMixin, BaseEstimator
):
    """Base of regressors around one that is named by a parameter."""

    _wrapped = "estimator"  # the name of that parameter
    _routed = {"fit": "fit"}  # methods, and which of the regressor they call

    def _inner(self) -> Any:
        """Return the regressor of the parameter, or the one that it stands for."""
        return getattr(self, self._wrapped)

    def _route(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """Return what of the parameters of a method is for the regressor."""
        if not _routing_enabled():
            return params
        routed = process_routing(self, method, **params)[self._wrapped]
        return routed[self._routed[method]]

    def get_metadata_routing(self) -> MetadataRouter:
        """Say which metadata the regressor takes.

        Returns
        -------
        routing : MetadataRouter
            For scikit-learn's routing of metadata.
        """
        mapping = MethodMapping()
        for caller, callee in self._routed.items():
            mapping = mapping.add(caller=caller, callee=callee)
        router = MetadataRouter(owner=self).add_self_request(self)
        return router.add(method_mapping=mapping, **{self._wrapped: self._inner()})

    def _sk_visual_block_(self) -> Any:
        """Show the regressor as it is fitted, as searches do."""
        name = self._wrapped
        name += "_" * (f"{name}_" in vars(self))
        inner = getattr(self, name)
        if inner is None:
            kind, parts, names, details = "single", self, type(self).__name__, str(self)
            return _VisualBlock(kind, parts, names=names, name_details=details)
        named = f"{name}: {type(inner).__name__}"
        return _VisualBlock(
            "parallel", [inner], names=[named], name_details=[str(inner)]
        )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        inner = get_tags(self._inner())
        tags.input_tags = inner.input_tags
        tags.non_deterministic = inner.non_deterministic
        tags.target_tags.multi_output = inner.target_tags.multi_output
        tags.regressor_tags.poor_score = inner.regressor_tags.poor_score
        return tags
