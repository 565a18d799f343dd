"""A smooth surface over the unit cube that says how good a configuration is likely to be: a Gaussian process.

    k(x, x') = a (1 + r + r^2/3) exp(-r),  r = sqrt(5) |(x - x') / l|        Matern 5/2, a length l for every axis

Lengths and noise are found by a few steps of random ascent of the log posterior, from where the last fit ended: a dozen steps did as
well as sixty on measured tables. Source: Rasmussen & Williams 2006, Gaussian Processes for Machine Learning, Algorithm 2.1.
Knows nothing of: configurations, trials, what a score means.
"""

import math
from typing import Any

import numpy as np

STEPS = 12
START_LENGTH, START_NOISE, START_LEVEL = 0.6, 0.17, 0.5
SPREAD_LENGTH, SPREAD_NOISE = 0.8, 0.8
"""Standard deviations of the logarithms a priori."""
JITTER = 1e-6


class Surface:
    """Fitted to points [n, d] and scores [n] of mean 0 and deviation 1; says what to expect elsewhere.

    noise, spread_noise: the variance of the scores' noise a priori, and the deviation of its logarithm.
    """

    def __init__(self, dimension: int, *, noise: float = START_NOISE, spread_noise: float = SPREAD_NOISE) -> None:
        self._prior = np.log(np.array([START_LENGTH] * dimension + [1.0, noise]))
        self._spread = np.array([SPREAD_LENGTH] * dimension + [0.5, spread_noise])
        self._theta = self._prior
        self._points = np.empty((0, dimension))
        self._factor = np.empty((0, 0))
        self._weights = np.empty(0)

    def fit(self, points: np.ndarray, scores: np.ndarray, generator: np.random.Generator) -> None:
        """Find lengths and noise, and know the scores. points: float64 [n, d]; scores: float64 [n]."""
        best = self._log_posterior(self._theta, points, scores)
        for step in range(STEPS):
            if step % 4 == 3:
                theta = self._prior + self._spread * generator.standard_normal(len(self._prior))
            else:
                moved = generator.random(len(self._prior)) < max(0.3, 2 / len(self._prior))
                theta = self._theta + 0.5 * self._spread * moved * generator.standard_normal(len(self._prior))
            value = self._log_posterior(theta, points, scores)
            if value > best:
                best, self._theta = value, theta
        self.know(points, scores)

    def know(self, points: np.ndarray, scores: np.ndarray) -> None:
        """From now on agree with these scores, with lengths and noise as they are."""
        self._points = points
        self._factor = np.linalg.cholesky(self._covariance(self._theta, points))
        self._weights = _solve(self._factor.T, _solve(self._factor, scores), lower=False)

    def at(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean [m] and a root [m, m] of the covariance at m points: mean + root @ (m normal numbers) is one draw of the surface."""
        across = self._kernel(self._theta, points, self._points) + START_LEVEL
        known = _solve(self._factor, across.T)
        covariance = self._kernel(self._theta, points, points) + START_LEVEL - known.T @ known
        return across @ self._weights, np.linalg.cholesky(covariance + JITTER * np.eye(len(points)))

    def moments(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean [m] and standard deviation [m] at m points, each by itself."""
        across = self._kernel(self._theta, points, self._points) + START_LEVEL
        known = _solve(self._factor, across.T)
        variance = math.exp(self._theta[-2]) + START_LEVEL - (known * known).sum(axis=0)
        return across @ self._weights, np.sqrt(np.maximum(variance, JITTER))

    def _kernel(self, theta: np.ndarray, one: np.ndarray, other: np.ndarray) -> np.ndarray:
        one, other = one / np.exp(theta[:-2]), other / np.exp(theta[:-2])
        squares = (one * one).sum(axis=1)[:, None] + (other * other).sum(axis=1) - 2 * one @ other.T
        r = np.sqrt(5 * np.maximum(squares, 0.0))
        return math.exp(theta[-2]) * (1 + r + r * r / 3) * np.exp(-r)

    def _covariance(self, theta: np.ndarray, points: np.ndarray) -> np.ndarray:
        return self._kernel(theta, points, points) + START_LEVEL + (math.exp(theta[-1]) + JITTER) * np.eye(len(points))

    def _log_posterior(self, theta: np.ndarray, points: np.ndarray, scores: np.ndarray) -> float:
        try:
            factor = np.linalg.cholesky(self._covariance(theta, points))
        except np.linalg.LinAlgError:
            return -math.inf
        whitened = _solve(factor, scores)
        prior = (((theta - self._prior) / self._spread) ** 2).sum()
        return float(-0.5 * whitened @ whitened - np.log(np.diag(factor)).sum() - 0.5 * prior)


def _solve(factor: np.ndarray, right: np.ndarray, *, lower: bool = True) -> Any:
    from scipy.linalg import solve_triangular

    return solve_triangular(factor, right, lower=lower, check_finite=False)
