"""A gradient held against two-sided differences of its cost, and what the distance between them means.

    approx_i = (J(theta + h e_i) - J(theta - h e_i)) / 2h        h = epsilon max(1, |theta_i|)
    difference = ||gradient - approx|| / (||gradient|| + ||approx||)

    good < 1e-7 <= fair <= 1e-5 < suspect <= 1e-3 < wrong

Where the cost has a kink within h (relu at 0, the absolute loss at its target) no difference is the derivative and a right gradient looks
wrong. Such an entry is left out and counted, and the limits above stay as they are. The cost alone says where a kink is: of a smooth cost
the gap between the two one-sided differences halves with h; a kink is what the gaps at h, h/2, h/4 and h/8 miss of that. It is believed
if it is more than rounding and at least half as large as what it has to explain, so that a wrong gradient beside a small kink stays in.
Where more than half of a parameter's entries would go, nothing of it is left out: that is a cost that is rough, not one with kinks.

Knows nothing of: engines, whose cost it is.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

GOOD, SUSPECT, WRONG = 1e-7, 1e-5, 1e-3
NOISE = 4 * float(np.finfo(np.float64).eps)
"""Rounding error of a cost, relative to it, that is still no sign of anything: two roundings in each of two costs."""
HALVINGS = 3
"""At one of four steps a kink shows at least 2/3 of what it spoils, wherever within h it lies."""
UNEXPLAINED = 20
"""Once so many entries of a parameter are off without a kink, its other entries do not change what is wrong."""
_LAYERED = re.compile(r"(W|b|gamma|beta)(\d+)")


class Verdict(StrEnum):
    """What a difference means."""

    GOOD = "good"
    FAIR = "fair"
    SUSPECT = "suspect"
    WRONG = "wrong"


def judge(difference: float) -> Verdict:
    """The verdict on a difference; NaN is wrong."""
    if difference < GOOD:
        return Verdict.GOOD
    if difference <= SUSPECT:
        return Verdict.FAIR
    return Verdict.SUSPECT if difference <= WRONG else Verdict.WRONG


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterCheck:
    """The gradient of one parameter array."""

    name: str
    """Such as W1, b1, gamma1, beta1."""
    shape: tuple[int, ...]
    layer: int | None
    """From 1, read from a name such as W1; the output layer of a network is the last. None for other names."""
    kind: str
    """W, b, gamma or beta; the name itself for other names."""
    checked: int
    """Entries compared."""
    kinks: int
    """Entries left out, as the cost has a kink there."""
    difference: float
    """By the formula; 0 where it would not be good and yet the rounding of the costs explains it, as where the true gradient is 0."""
    index: tuple[int, ...]
    """The entry whose gradient is furthest off."""
    gradient: float
    """The gradient's value there."""
    approx: float
    """The two-sided difference there."""

    @property
    def verdict(self) -> Verdict:
        """On this parameter alone."""
        return judge(self.difference)


@dataclass(frozen=True, slots=True, kw_only=True)
class GradientCheck:
    """What a gradient check found."""

    cost: float
    epsilon: float
    difference: float
    """Over all entries compared."""
    parameters: tuple[ParameterCheck, ...]

    @property
    def worst(self) -> ParameterCheck:
        """The parameter array with the largest difference."""
        return max(self.parameters, key=lambda check: check.difference)

    @property
    def kinks(self) -> int:
        """Entries left out."""
        return sum(check.kinks for check in self.parameters)

    @property
    def verdict(self) -> Verdict:
        """Judged on the larger of the overall difference and the worst parameter's, so a small array cannot hide behind large ones."""
        return judge(max(self.difference, self.worst.difference))

    def report(self) -> str:
        """For people: the verdict, then one aligned line a parameter."""
        worst = self.worst
        lines = [f"{self.verdict}: overall difference {self.difference:.1e}, largest {worst.difference:.1e} in {worst.name}"]
        names = max(len(check.name) for check in self.parameters)
        counts = [f"{check.checked:,} of {math.prod(check.shape):,}" for check in self.parameters]
        wide = max(map(len, counts))
        for check, count in zip(self.parameters, counts, strict=True):
            line = f"  {check.name:<{names}}  {count:>{wide}} entries  {check.difference:.1e}  {check.verdict:<7}"
            if check.verdict is not Verdict.GOOD:
                place = ", ".join(map(str, check.index))
                line += f"  furthest off at [{place}]: gradient {check.gradient:.6g}, two-sided difference {check.approx:.6g}"
            if check.kinks:
                line += f"  {check.kinks:,} at a kink, left out"
            lines.append(line.rstrip())
        lines.append(f"(float64, steps of {self.epsilon:g}; good < {GOOD:.0e}, suspect > {SUSPECT:.0e}, wrong > {WRONG:.0e})")
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.report()


@dataclass(frozen=True, slots=True, kw_only=True)
class Slopes:
    """One parameter array and the gradient claimed for it."""

    name: str
    shape: tuple[int, ...]
    values: np.ndarray
    """Flat, float64."""
    gradient: np.ndarray
    """Flat, float64."""


CostAt = Callable[[str, int, float], float]
"""(parameter, flat entry, value) -> the cost, finite, with that entry at that value and all else as it was; leaves nothing changed."""


def compare(
    parameters: Sequence[Slopes],
    *,
    cost: float,
    cost_at: CostAt,
    epsilon: float,
    max_per_parameter: int | None,
    draw: np.random.Generator,
) -> GradientCheck:
    """Compare every entry, or `max_per_parameter` of each parameter drawn by `draw`: two costs an entry, ten for one that may be a kink."""
    noise = NOISE * abs(cost) / (2 * epsilon)
    checks, gradients, approximations = [], [], []
    for parameter in parameters:
        entries = np.arange(math.prod(parameter.shape))
        if max_per_parameter is not None and max_per_parameter < len(entries):
            entries = np.sort(draw.choice(entries, max_per_parameter, replace=False))
        gradient = parameter.gradient[entries]
        approx = np.array([_two_sided(parameter, int(entry), cost_at, epsilon) for entry in entries])
        kept = _smooth(parameter, entries, gradient, approx, cost, cost_at, epsilon)
        entries, gradient, approx, kinks = entries[kept], gradient[kept], approx[kept], int((~kept).sum())
        furthest = int(np.argmax(np.abs(gradient - approx)))
        layered = _LAYERED.fullmatch(parameter.name)
        checks.append(
            ParameterCheck(
                name=parameter.name,
                shape=parameter.shape,
                layer=int(layered[2]) if layered else None,
                kind=layered[1] if layered else parameter.name,
                checked=len(entries),
                kinks=kinks,
                difference=_difference(gradient, approx, noise),
                index=tuple(int(i) for i in np.unravel_index(entries[furthest], parameter.shape)),
                gradient=float(gradient[furthest]),
                approx=float(approx[furthest]),
            )
        )
        gradients.append(gradient)
        approximations.append(approx)
    return GradientCheck(
        cost=cost,
        epsilon=epsilon,
        difference=_difference(np.concatenate(gradients), np.concatenate(approximations), noise),
        parameters=tuple(checks),
    )


def _two_sided(parameter: Slopes, entry: int, cost_at: CostAt, epsilon: float) -> float:
    here = float(parameter.values[entry])
    h = epsilon * max(1.0, abs(here))
    above, below = cost_at(parameter.name, entry, here + h), cost_at(parameter.name, entry, here - h)
    # Over the step really made, not the one meant: here + h is rounded.
    return (above - below) / ((here + h) - (here - h))


def _smooth(
    parameter: Slopes, entries: np.ndarray, gradient: np.ndarray, approx: np.ndarray, cost: float, cost_at: CostAt, epsilon: float
) -> np.ndarray:
    """Which entries are compared, bool [entries]: all but those whose distance a kink explains, looked for only where it matters."""
    everything = np.ones(len(entries), dtype=bool)
    if not np.isfinite(gradient).all():
        return everything
    kept, off, unexplained = everything.copy(), np.abs(gradient - approx), 0
    noise = NOISE * abs(cost) / (2 * epsilon)
    for at in np.argsort(-off, kind="stable"):
        if _difference(gradient[kept], approx[kept], noise) < GOOD or unexplained == UNEXPLAINED:
            break
        if _kink(parameter, int(entries[at]), cost, cost_at, epsilon) >= off[at] / 2 > 0:
            kept[at] = False
        else:
            unexplained += 1
        if 2 * kept.sum() < len(kept):
            return everything
    return kept


def _kink(parameter: Slopes, entry: int, cost: float, cost_at: CostAt, epsilon: float) -> float:
    """How far the gap between the one-sided differences is from halving with the step; 0 where rounding explains it."""
    here = float(parameter.values[entry])
    steps = [epsilon * max(1.0, abs(here)) / 2**halving for halving in range(HALVINGS + 1)]
    gaps = []
    for h in steps:
        ahead = (cost_at(parameter.name, entry, here + h) - cost) / ((here + h) - here)
        behind = (cost - cost_at(parameter.name, entry, here - h)) / (here - (here - h))
        gaps.append(ahead - behind)
    found = 0.0
    for h, gap, halved in zip(steps, gaps, gaps[1:], strict=False):
        # A gap holds four costs; twice the gap at half the step four times their rounding.
        if abs(gap - 2 * halved) > 10 * NOISE * abs(cost) / h:
            found = max(found, abs(gap - 2 * halved))
    return found


def _difference(gradient: np.ndarray, approx: np.ndarray, noise: float) -> float:
    """Relative distance of two vectors; infinite for a gradient that is not finite. `noise`: rounding error of an entry of `approx`."""
    if not np.isfinite(gradient).all():
        return math.inf
    away = float(np.linalg.norm(gradient - approx))
    size = float(np.linalg.norm(gradient) + np.linalg.norm(approx))
    if away >= GOOD * size and away <= noise * math.sqrt(len(gradient)):
        return 0.0
    return away / size
