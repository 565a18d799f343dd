"""Points of the unit cube that satisfy a space's constraints: drawn anywhere, near a point, and nearest to one.

All by trying: a point is drawn, decoded and checked. Where (almost) nothing satisfies the constraints that ends in a `SpaceError`.
Knows nothing of: how constraints are written, what is searched for.
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from osetra.core.errors import SpaceError

TRIES = 10_000
"""Draws before the constraints count as impossible; at 20 us a draw 0.2 s."""
RADII = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
"""Standard deviations of the steps away from a point, in unit coordinates."""
TRIES_A_RADIUS = 30
HALVINGS = 20

Fits: TypeAlias = Callable[[np.ndarray], bool]
"""Whether the configuration at a point [d] satisfies every constraint."""


def draw(fits: Fits, axes: int, generator: np.random.Generator) -> np.ndarray:
    """A point [axes] that fits, uniform among all that do. Raises `SpaceError` if none of 10,000 draws does."""
    for _ in range(TRIES):
        point = generator.random(axes)
        if fits(point):
            return point
    raise SpaceError(
        f"the constraints must leave something to search, and none of {TRIES:,} draws satisfied them; loosen them or narrow the scales"
    )


def draw_near(fits: Fits, point: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """The point [d] itself if it fits, else one that does, by steps that grow until one arrives. Raises `SpaceError` as `draw`."""
    if fits(point):
        return point
    for radius in RADII:
        for _ in range(TRIES_A_RADIUS):
            near = reflect(point + radius * generator.standard_normal(len(point)))
            if fits(near):
                return near
    return draw(fits, len(point), generator)


def nearest(fits: Fits, point: np.ndarray) -> np.ndarray:
    """A point [d] that fits, as near as a short search finds one, with as few coordinates moved. Always the same for the same point.

    Raises `SpaceError` as `draw`.
    """
    if fits(point):
        return point
    generator = np.random.default_rng(0)
    found = min((draw_near(fits, point, generator) for _ in range(8)), key=lambda near: float(np.abs(near - point).sum()))
    # Axis by axis what need not have moved returns to where it was; then all the rest goes back along the line for as long as it fits.
    return _towards(fits, _restore(fits, found, point), point)


def reflect(point: np.ndarray) -> np.ndarray:
    """The point folded back into [0, 1] at its ends, as a mirror does."""
    folded = np.abs(point) % 2
    return np.where(folded > 1, 2 - folded, folded)


def _towards(fits: Fits, found: np.ndarray, goal: np.ndarray) -> np.ndarray:
    for _ in range(HALVINGS):
        middle = (found + goal) / 2
        if fits(middle):
            found = middle
        else:
            goal = middle
    return found


def _restore(fits: Fits, found: np.ndarray, goal: np.ndarray) -> np.ndarray:
    for axis in range(len(goal)):
        restored = found.copy()
        restored[axis] = goal[axis]
        if fits(restored):
            found = restored
    return found
