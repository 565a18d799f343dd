"""How sure a measured error is, from the size of the part that it was measured on.

    error rate    Wilson's score interval (Wilson 1927, JASA 22:209)
    RMSE          percentile bootstrap over rows (Efron 1979)

Where rows have weights w, errors are weighted means, sum w e / sum w. They are as sure as those of fewer equal rows: an error rate's
interval is Wilson's with the effective number (sum w)^2 / sum w^2 (Kish 1965, Survey Sampling); the bootstrap draws rows with their
weights, which widens it alike.

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
    effective_rows: float | None = None
    """So many equal rows would be as informative; None where rows have no weights."""

    def to_dict(self) -> dict[str, float | int]:
        """JSON-able; `effective_rows` is there only where rows have weights."""
        effective = {} if self.effective_rows is None else {"effective_rows": self.effective_rows}
        return {"value": self.value, "low": self.low, "high": self.high, "rows": self.rows, **effective}


def error_rate(wrong: int, rows: int) -> Measured:
    """The rate wrong/rows with Wilson's interval."""
    assert 0 <= wrong <= rows, f"{wrong} wrong of {rows} rows"
    assert rows > 0, "an error rate needs rows"
    low, high = wilson(wrong / rows, rows)
    return Measured(value=wrong / rows, low=low, high=high, rows=rows)


def weighted_error_rate(wrong: np.ndarray, weights: np.ndarray) -> Measured:
    """The weighted mean of `wrong` [rows], 0 or 1, with Wilson's interval for the effective number of rows; weights > 0 [rows]."""
    p = min(1.0, float(np.average(wrong, weights=weights)))
    effective = effective_rows(weights)
    low, high = wilson(p, effective)
    return Measured(value=p, low=low, high=high, rows=len(wrong), effective_rows=effective)


def wilson(p: float, rows: float) -> tuple[float, float]:
    """The 95 % interval of a rate p seen in so many rows."""
    scale = 1.0 + Z_95**2 / rows
    centre = (p + Z_95**2 / (2 * rows)) / scale
    half = Z_95 / scale * math.sqrt(p * (1 - p) / rows + Z_95**2 / (4 * rows**2))
    return max(0.0, min(p, centre - half)), min(1.0, max(p, centre + half))


def root_mean_squared_error(squared_errors: np.ndarray, weights: np.ndarray | None = None, *, resamples: int = 1000) -> Measured:
    """The root of the mean of `squared_errors` [rows], with a bootstrap interval that is the same for the same errors.

    weights: > 0, [rows]; the mean is then a weighted one, in every resample too.
    """
    rows = len(squared_errors)
    assert rows > 0, "an RMSE needs rows"
    generator = np.random.default_rng(rows)

    def mean_of(drawn: np.ndarray) -> float:
        return float(squared_errors[drawn].mean() if weights is None else np.average(squared_errors[drawn], weights=weights[drawn]))

    means = np.array([mean_of(generator.integers(0, rows, rows)) for _ in range(resamples)])
    value = math.sqrt(mean_of(np.arange(rows)))
    low, high = np.sqrt(np.quantile(means, [0.025, 0.975]))
    effective = None if weights is None else effective_rows(weights)
    return Measured(value=value, low=min(value, float(low)), high=max(value, float(high)), rows=rows, effective_rows=effective)


def difference(of: Measured, under: Measured) -> tuple[float, float, float]:
    """of - under with its 95 % interval, by square-and-add of the two intervals (Newcombe 1998; Zou & Donner 2008): value, low, high."""
    value = of.value - under.value
    low = value - math.hypot(of.value - of.low, under.high - under.value)
    high = value + math.hypot(of.high - of.value, under.value - under.low)
    return value, low, high


def effective_rows(weights: np.ndarray) -> float:
    """(sum w)^2 / sum w^2 of weights > 0 [rows], at most their number."""
    relative = weights / weights.max()
    return float(relative.sum() ** 2 / np.square(relative).sum())
