"""Where the most improvement is expected of a surface: among random points, points near the best,
and ever nearer to those that promise most.

    EI(x) = s (z Phi(z) + phi(z)),  z = (best - m) / s        m, s: mean and deviation at x, of a score that is to fall

Sources: Jones, Schonlau & Welch 1998, J. Global Optimization 13; by its logarithm, as in Ament et al. 2023 (arXiv:2310.20708).
Knows nothing of: what a point stands for, trials, how the surface is fitted.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np

RANDOM, NEAR = 200, 200
"""Points all over the cube, and around the best."""
WIDTHS = (0.003, 0.5)
"""Of the steps from the best: log-uniform between these."""
CLIMBERS, STEPS = 8, 8
"""So many that promise most send out so many points each,"""
ROUNDS = (0.2, 0.2, 0.1, 0.05, 0.02, 0.01, 0.003)
"""in rounds of these widths."""
JUMPS = 0.3
"""Of the points of a round, those that have one axis drawn anew instead."""

FAR_BEHIND = -1e3


def most_promising(
    promise: Callable[[np.ndarray], np.ndarray],
    settle: Callable[[np.ndarray], np.ndarray],
    nearby: np.ndarray,
    choices: Sequence[int],
    generator: np.random.Generator,
) -> np.ndarray:
    """Points [m, d] of the unit cube, the most promising first.

    promise: of points [m, d], such as their `log_improvement` [m]; -inf where there may be none. settle: moves points [m, d] to where they
    count, such as the middle of the bin of a whole number. nearby: points [k, d] to look around. choices: how many values without order an
    axis has, 0 for one that has an order.
    """
    d = len(choices)
    near = nearby[generator.integers(len(nearby), size=NEAR)]
    widths = np.exp(generator.uniform(*np.log(WIDTHS), size=(NEAR, 1)))
    points = settle(np.concatenate([generator.random((RANDOM, d)), _moved(near, widths, choices, generator)]))
    gains = promise(points)
    for width in ROUNDS:
        best = points[np.argsort(-gains, kind="stable")[:CLIMBERS]]
        start = np.repeat(best, STEPS, axis=0)
        more = settle(_moved(start, np.full((len(start), 1), width), choices, generator, jumps=JUMPS))
        points, gains = np.concatenate([points, more]), np.concatenate([gains, promise(more)])
    return points[np.argsort(-gains, kind="stable")]


def log_improvement(mean: np.ndarray, deviation: np.ndarray, incumbent: float) -> np.ndarray:
    """The logarithm of the expected improvement [m], which is finite where the improvement itself is too small for a float."""
    from scipy.special import erfcx, ndtr

    z = (incumbent - mean) / deviation
    ahead, behind = np.maximum(z, 0.0), np.minimum(z, 0.0)
    # 1 + z Phi(z) / phi(z), by its asymptotic series where the sum would cancel.
    share = np.where(behind < FAR_BEHIND, 1 / (behind * behind + 3), 1 + behind * math.sqrt(math.pi / 2) * erfcx(-behind / math.sqrt(2)))
    density = np.exp(-0.5 * ahead * ahead) / math.sqrt(2 * math.pi)
    return np.log(deviation) + np.where(
        z > 0, np.log(density + ahead * ndtr(ahead)), np.log(share) - 0.5 * behind * behind - 0.5 * math.log(2 * math.pi)
    )


def _moved(
    points: np.ndarray, widths: np.ndarray, choices: Sequence[int], generator: np.random.Generator, *, jumps: float = 0.0
) -> np.ndarray:
    """Points [m, d] with some of their axes changed, at least one: by steps of the widths [m, 1]; of a choice to any value.

    jumps: the share of points of which one axis alone is drawn anew.
    """
    m, d = points.shape
    jumping = generator.random((m, 1)) < jumps
    moves = (generator.random((m, d)) < generator.uniform(1 / d, 1, size=(m, 1))) & ~jumping
    moves[np.arange(m), generator.integers(d, size=m)] = True
    anywhere = jumping | np.array([count > 0 for count in choices])
    steps = np.where(anywhere, generator.random((m, d)) - points, widths * generator.standard_normal((m, d)))
    return np.clip(points + moves * steps, 0.0, 1.0)
