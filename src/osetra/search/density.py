"""A density around some points of a space: wide where they lie apart, narrow where they agree.

Knows nothing of: what is good about the points, what is chosen among what is drawn.
"""

import numpy as np

from osetra.space.counted import Counted
from osetra.space.scale import Scale
from osetra.space.space import Space

WIDENED = 5.0
LEAST_WIDTH, LEAST_CHANCE = 0.03, 0.1
"""On an axis on which all points agree: of a normal one, of another value."""


class Density:
    """Around points [n, d]: on an ordered axis normal, its width by Scott's rule; on any other the value of one of the points or, the more
    often the less these agree, any value.
    """

    def __init__(self, space: Space, points: np.ndarray) -> None:
        self._points = points
        n, d = points.shape
        width = WIDENED * 1.06 * n ** (-1 / (4 + d))
        self._choices = [choices_of(scale) for scale in space.scales.values()]
        self._widths = [
            max(LEAST_CHANCE, width * _disagreement(values, choices)) if choices else max(LEAST_WIDTH, width * float(values.std()))
            for values, choices in zip(points.T, self._choices, strict=True)
        ]

    def draw(self, count: int, generator: np.random.Generator) -> np.ndarray:
        """Float64 [count, d] in the unit cube."""
        drawn = self._points[generator.integers(len(self._points), size=count)]
        for axis, (width, choices) in enumerate(zip(self._widths, self._choices, strict=True)):
            if choices:
                drawn[:, axis] = np.where(generator.random(count) < width, generator.random(count), drawn[:, axis])
            else:
                drawn[:, axis] += width * generator.standard_normal(count)
        return np.clip(drawn, 0.0, 1.0)


def choices_of(scale: Scale) -> int:
    """How many values without order; 0 on an ordered axis."""
    return scale.size if isinstance(scale, Counted) and not scale.is_ordered else 0


def cells(values: np.ndarray, choices: int) -> np.ndarray:
    """Which of the choices coordinates stand for."""
    return np.minimum((values * choices).astype(np.int64), choices - 1)


def _disagreement(values: np.ndarray, choices: int) -> float:
    """The chance that two drawn ones differ."""
    shares = np.bincount(cells(values, choices), minlength=choices) / len(values)
    return 1 - float(shares @ shares)
