"""The best of many is partly the luckiest: who may be the truly best, with which chance, and what the best truly is.

    x_j = theta_j + noise of known variance v_j

Who may be: a subset that holds the truly best with 95 % (Gupta 1965, Technometrics 7:225). What the best truly is: theta has any
distribution at all, fitted by maximum likelihood (Kiefer & Wolfowitz 1956, Annals of Mathematical Statistics 27:887) on a grid, by EM;
the posterior mean under it is the shrinkage of Jiang & Zhang 2009, Annals of Statistics 37:1647.
Knows nothing of: trials, where the noise comes from.
"""

import math
from functools import lru_cache

import numpy as np

CONFIDENCE = 0.95
ITERATIONS = 300
"""Of EM, from an even distribution."""
NODES = 64
"""At which an integral over 0 .. 1 is evaluated; enough for 100,000 trials that share a chance."""
UNLIKELY = 1e-6
"""What the best is not with more than this chance is left out."""


@lru_cache(maxsize=256)
def gupta(count: int, freedom: int | None = None) -> float:
    """How many deviations of a difference behind the best of `count` one may be and still be the truly best, with 95 %.

    The h with E[Phi(Z + h sqrt(2) s)^(count - 1)] = 0.95, s^2 distributed as chi2/freedom; freedom None: s is known to be 1.
    """
    from scipy.special import ndtr
    from scipy.stats import chi2

    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    weights = weights / weights.sum()
    scales = np.ones(1) if freedom is None else np.sqrt(chi2.ppf((np.arange(64) + 0.5) / 64, freedom) / freedom)
    low, high = 0.0, 100.0
    for _ in range(50):
        middle = (low + high) / 2
        held = (ndtr(nodes[:, None] + middle * math.sqrt(2) * scales) ** (count - 1)).mean(axis=1) @ weights
        low, high = (middle, high) if held < CONFIDENCE else (low, middle)
    return high


def truth(values: np.ndarray, variances: np.ndarray, place: int) -> tuple[float, float]:
    """The chance that the one at `place` is truly the best, and the mean of what it truly is.

    values, variances: [trials]. The distribution of what they truly are lies on a grid; those within one step of it are as good as one
    another, and share the chance.
    """
    step = float(np.sqrt(variances.min())) / 6
    low = min(float(values.min()), float(values[place]))
    # Of trials further behind none is the best, and what they truly are tells nothing of it.
    near = values <= max(low, float(values[place])) + 10 * float(np.sqrt(variances.max()))
    cells, counts = np.unique(np.stack([np.round((values[near] - low) / step), variances[near]]), axis=1, return_counts=True)
    grid = low + step * np.arange(cells[0].max() + 1)
    distance = low + step * cells[0][:, None] - grid
    likelihood = np.exp(-0.5 * distance**2 / cells[1][:, None])
    weights = np.full(len(grid), 1 / len(grid))
    for _ in range(ITERATIONS):
        weights = weights * (likelihood.T @ (counts / (likelihood @ weights))) / counts.sum()
    posterior = weights * likelihood
    posterior /= posterior.sum(axis=1, keepdims=True)
    mine = weights * np.exp(-0.5 * (values[place] - grid) ** 2 / variances[place])
    mine /= mine.sum()
    others = counts.astype(np.float64)
    others[np.flatnonzero((cells[0] == round((values[place] - low) / step)) & (cells[1] == variances[place]))[0]] -= 1
    above = np.maximum(1 - np.cumsum(posterior, axis=1), 0.0)
    likely = mine > UNLIKELY
    # E[1/(1 + T)], T others on the same point of the grid, is the integral of E[t^T] over t in 0 .. 1; t = 1 - u^4 follows it near 1.
    u = (np.arange(NODES) + 0.5) / NODES
    t, width = 1 - u**4, 4 * u**3 / NODES
    held = np.zeros((int(likely.sum()), NODES))
    for other, is_above, is_same in zip(others, above[:, likely], posterior[:, likely], strict=True):
        if other:
            held += other * np.log(np.maximum(is_above[:, None] + is_same[:, None] * t, 1e-300))
    return float(mine[likely] @ np.exp(held) @ width), float(mine @ grid)
