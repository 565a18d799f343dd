"""How sure a measured error is, from the size of the part that it was measured on.

    error rate    Wilson's score interval (Wilson 1927, JASA 22:209)
    RMSE          percentile bootstrap over rows (Efron 1979)

Knows nothing of: trials, studies.
"""

import math
from dataclasses import dataclass

import numpy as np

Z_95 = 1.959963984540054
"""The 97.5 % quantile of the standard normal distribution."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """An error with its 95 % interval, all in the error's own units."""

    value: float
    low: float
    high: float
    rows: int
    """Rows that it was measured on."""

    def to_dict(self) -> dict[str, float | int]:
        return {"value": self.value, "low": self.low, "high": self.high, "rows": self.rows}


def error_rate(wrong: int, rows: int) -> Measured:
    """The rate wrong/rows with Wilson's interval."""
    assert 0 <= wrong <= rows, f"{wrong} wrong of {rows} rows"
    assert rows > 0, "an error rate needs rows"
    p = wrong / rows
    scale = 1.0 + Z_95**2 / rows
    centre = (p + Z_95**2 / (2 * rows)) / scale
    half = Z_95 / scale * math.sqrt(p * (1 - p) / rows + Z_95**2 / (4 * rows**2))
    return Measured(value=p, low=max(0.0, min(p, centre - half)), high=min(1.0, max(p, centre + half)), rows=rows)


def root_mean_squared_error(squared_errors: np.ndarray, *, resamples: int = 1000) -> Measured:
    """The root of the mean of `squared_errors` [rows], with a bootstrap interval that is the same for the same errors."""
    rows = len(squared_errors)
    assert rows > 0, "an RMSE needs rows"
    generator = np.random.default_rng(rows)
    means = np.array([squared_errors[generator.integers(0, rows, rows)].mean() for _ in range(resamples)])
    value = math.sqrt(float(squared_errors.mean()))
    low, high = np.sqrt(np.quantile(means, [0.025, 0.975]))
    return Measured(value=value, low=min(value, float(low)), high=max(value, float(high)), rows=rows)
