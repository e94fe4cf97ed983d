"""What a notebook shows of estimators and of sequences."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._compat import _VisualBlock

# Bars of a histogram of lengths, at most, and its size in pixels.
N_BARS = 24
WIDTH, HEIGHT = 240, 40


class Captioned:
    """An estimator with a line below its name in scikit-learn's diagrams."""

    def _caption(self) -> str | None:
        """Return that line; None if it is not fitted."""

    def _sk_visual_block_(self) -> Any:
        return _VisualBlock(
            "single",
            self,
            names=type(self).__name__,
            name_details=str(self),
            name_caption=self._caption(),
        )


class Shown(str):
    """A text that stands for an attribute, without quotes."""

    def __repr__(self) -> str:
        return str(self)


def plural(n: int, what: str) -> str:
    """Count things."""
    return f"{n:,} {what}{'s' * (n != 1)}"


def draw_lengths(lengths: np.ndarray) -> str:
    """Sketch how many sequences have which length, in the colour of the text."""
    if len(np.unique(lengths)) < 2:
        return ""
    first, last = int(lengths.min()), int(lengths.max())
    step = -(-(last - first + 1) // N_BARS)  # lengths in a bar
    counts = np.bincount((lengths - first) // step)
    width = WIDTH / len(counts)
    heights = np.where(counts, np.maximum(counts / counts.max() * HEIGHT, 1), 0)
    bars = "".join(
        f'<rect x="{i * width:.1f}" y="{HEIGHT - height:.1f}"'
        f' width="{0.9 * width:.1f}" height="{height:.1f}"/>'
        for i, height in enumerate(heights)
        if height
    )
    place = f'y="{HEIGHT + 13}" font-size="11"'
    return (
        f'<svg width="{WIDTH}" height="{HEIGHT + 16}" fill="currentColor" role="img"'
        ' style="display: block">'
        f"<title>Number of sequences by their length, {first:,} to {last:,}</title>"
        f'<g opacity="0.6">{bars}</g><text {place}>{first:,}</text>'
        f'<text x="{WIDTH}" text-anchor="end" {place}>{last:,}</text></svg>'
    )
