"""How good configurations are after few epochs and how fast they get better: two surfaces drawn at random, in agreement with what was seen.

    y = f(x) + t g(x) + noise      f, g = a line in x, a parabola in the learning rate, a smooth surface

x: the unit cube; y: deviations, lower is better; t: the epochs, a logarithm. What is expected of f and g before anything is seen
(`AT_FIRST`, `LATER`) is what networks on tables have in common: after a few epochs those do well that make many steps, have many
units and hardly any penalty, with a learning rate somewhat above the middle of its range; later that matters less, and rates that were too
low have caught up. Observations correct it.
Source: draws by Matheron's rule, as in Wilson et al. 2020 (arXiv:2002.09309); cosines for the smooth part, Rahimi & Recht 2007.
Knows nothing of: trials, where y comes from.
"""

import math
from collections.abc import Sequence

import numpy as np

RATE = "learning_rate"
AT_FIRST = {"batch_size": 0.65, "hidden_units": -1.1, "l2": 0.5, "keep_prob": -0.8, RATE: -1.6}
LATER = {"batch_size": -0.35, "hidden_units": 0.5, "l2": 0.7, "keep_prob": 0.3, RATE: 0.65}
"""Slopes of f and of g over the whole range of a hyperparameter, in deviations; 0 for others. These and the numbers below are the most
likely ones for the curves of some 1,400 trials on five tables, rounded; four tables foretell the fifth as well as all five do."""
LEVEL, BEND, FALL = 0.3, 3.5, -1.0
"""f at the middle, its parabola in the learning rate, and g at the middle."""
SPREAD_AT_FIRST = (0.15, 0.6)
SPREAD_LATER = (0.2, 0.35)
"""By how much tables differ: deviations of level and slopes, and of the parabola."""
ROUGH_AT_FIRST, ROUGH_LATER, LENGTH = 0.5, 0.3, 0.6
"""Deviations of the smooth surfaces (Matern 5/2), and their length."""
NOISE, FORGETS = 0.55, 0.1
"""Deviation of the noise, and the time t in which it becomes another."""
COSINES = 128
JITTER = 1e-4


class DrawnSurfaces:
    """Two surfaces over the unit cube of the named hyperparameters, drawn with `generator`."""

    def __init__(self, names: Sequence[str], generator: np.random.Generator) -> None:
        self._generator = generator
        self._rate = [place for place, name in enumerate(names) if name == RATE]
        bends = len(self._rate)
        self._spread = np.array([SPREAD_AT_FIRST[0]] * (1 + len(names)) + [SPREAD_AT_FIRST[1]] * bends)
        self._spread_later = np.array([SPREAD_LATER[0]] * (1 + len(names)) + [SPREAD_LATER[1]] * bends)
        mean = np.array([LEVEL, *(AT_FIRST.get(name, 0.0) for name in names), *([BEND] * bends)])
        mean_later = np.array([FALL, *(LATER.get(name, 0.0) for name in names), *([0.0] * bends)])
        self._line = mean + self._spread * generator.standard_normal(len(mean))
        self._line_later = mean_later + self._spread_later * generator.standard_normal(len(mean))
        self._smooth, self._smooth_later = (_Cosines(len(names), generator) for _ in range(2))
        self._seen = np.empty((0, len(names)))
        self._times = self._weights = np.empty(0)

    def agree(self, points: np.ndarray, times: np.ndarray, scores: np.ndarray, noise: np.ndarray) -> None:
        """Move the draw to agree with scores [n] at points [n, d] and times [n], up to noise of that covariance [n, n]. Called once."""
        noise = noise + JITTER * np.eye(len(times))
        expected = self._kernel(points, points) + np.outer(times, times) * self._kernel_later(points, points) + noise
        first, later = self._drawn(points)
        drawn = first + times * later + np.linalg.cholesky(noise) @ self._generator.standard_normal(len(times))
        self._weights = np.linalg.solve(expected, scores - drawn)
        self._seen, self._times = points, times

    def at(self, point: np.ndarray) -> tuple[float, float]:
        """(f, g) at a point [d]."""
        points = point[None, :]
        first, later = self._drawn(points)
        first = first + self._kernel(points, self._seen) @ self._weights
        later = later + self._kernel_later(points, self._seen) @ (self._weights * self._times)
        return float(first[0]), float(later[0])

    def _drawn(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        features = self._features(points)
        first = features @ self._line + ROUGH_AT_FIRST * self._smooth.at(points)
        return first, features @ self._line_later + ROUGH_LATER * self._smooth_later.at(points)

    def _features(self, points: np.ndarray) -> np.ndarray:
        off = points - 0.5
        return np.hstack([np.ones((len(points), 1)), off, off[:, self._rate] ** 2 - 1 / 12])

    def _kernel(self, one: np.ndarray, other: np.ndarray) -> np.ndarray:
        return (self._features(one) * self._spread**2) @ self._features(other).T + ROUGH_AT_FIRST**2 * _matern(one, other)

    def _kernel_later(self, one: np.ndarray, other: np.ndarray) -> np.ndarray:
        return (self._features(one) * self._spread_later**2) @ self._features(other).T + ROUGH_LATER**2 * _matern(one, other)


class _Cosines:
    """A draw of a Gaussian process of deviation 1 with the kernel `_matern`: cosines whose frequencies are Student's t, 5 degrees."""

    def __init__(self, dimension: int, generator: np.random.Generator) -> None:
        degrees = 5
        chi = generator.chisquare(degrees, size=(COSINES, 1)) / degrees
        self._frequencies = generator.standard_normal((COSINES, dimension)) / (LENGTH * np.sqrt(chi))
        self._phases = generator.uniform(0, 2 * math.pi, COSINES)
        self._heights = math.sqrt(2 / COSINES) * generator.standard_normal(COSINES)

    def at(self, points: np.ndarray) -> np.ndarray:
        return np.cos(points @ self._frequencies.T + self._phases) @ self._heights


def _matern(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(1 + r + r^2/3) exp(-r), r = sqrt(5) |x - x'| / LENGTH, float64 [n, m]."""
    squares = (one * one).sum(axis=1)[:, None] + (other * other).sum(axis=1) - 2 * one @ other.T
    r = np.sqrt(5 * np.maximum(squares, 0.0)) / LENGTH
    return (1 + r + r * r / 3) * np.exp(-r)
