"""Results as scores of mean 0 and deviation 1 or so, which a surface can be fitted to.

    by_order    normal quantiles of the order: whatever the scale of the results, and however absurd a few of them are
    by_value    the results themselves, made as normal as a power can make them, so that how much better counts too

Source: Yeo & Johnson 2000, Biometrika 87(4); before Bayesian optimisation as in Cowen-Rivers et al. 2022 (HEBO, JAIR 74).
Knows nothing of: trials, surfaces.
"""

from typing import Any

import numpy as np

CUT = 5.0
"""Distances between the quartiles above the median, beyond which all is alike bad; so is what is no number."""
FURTHEST = -1e30
POWERS = (-3.0, 3.0)
"""What the power may be; at 2 those far below the median count by their logarithm, at 0 those far above."""


def by_order(count: int, places: np.ndarray) -> np.ndarray:
    """Scores of the places, 0 the best, among so many results."""
    from scipy.special import ndtri

    return ndtri((places + 0.5) / count)


def by_value(values: np.ndarray) -> np.ndarray:
    """Scores [n] of values [n]. All 0 where the values that are numbers are all alike."""
    from scipy.optimize import minimize_scalar
    from scipy.stats import yeojohnson, yeojohnson_llf

    finite = values[np.isfinite(values)]
    if not len(finite) or finite.min() == finite.max():
        return np.zeros(len(values))
    low, middle, high = np.quantile(finite, (0.25, 0.5, 0.75))
    width = high - low or finite.max() - finite.min()
    with np.errstate(over="ignore"):
        cut = np.clip((np.where(np.isfinite(values), values, finite.max()) - middle) / width, FURTHEST, CUT)
    found: Any = minimize_scalar(lambda power: -yeojohnson_llf(power, cut), bounds=POWERS, method="bounded", options={"xatol": 1e-3})
    scores = np.asarray(yeojohnson(cut, found.x))
    return (scores - scores.mean()) / scores.std()
