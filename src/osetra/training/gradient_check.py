"""Gradient checking: is backward propagation the derivative of the cost?

    approx_i = (J(theta + h e_i) - J(theta - h e_i)) / 2h        h = epsilon max(1, |theta_i|)
    difference = ||gradient - approx|| / (||gradient|| + ||approx||)

in float64, over the whole cost with its penalty, dropout off, batch norm over the rows given.

    good < 1e-7 <= fair <= 1e-5 < suspect <= 1e-3 < wrong

Knows nothing of: engines' insides, training.
"""

import dataclasses
import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from osetra.core.errors import ModelError, SpaceError
from osetra.engines.port import Engine, Member, ModelState

GOOD, SUSPECT, WRONG = 1e-7, 1e-5, 1e-3
NOISE = 4 * float(np.finfo(np.float64).eps)
"""Rounding error of a cost, relative to it, that is still no sign of anything: two roundings in each of two costs."""


class Verdict(StrEnum):
    """What a difference means."""

    GOOD = "good"
    FAIR = "fair"
    SUSPECT = "suspect"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterCheck:
    """The gradient of one parameter array of one layer."""

    name: str
    """As in the layout: W1, b1, gamma1, beta1 ..."""
    layer: int
    """From 1; the output layer is the last."""
    kind: str
    """W, b, gamma or beta."""
    checked: int
    """Entries compared."""
    difference: float
    """By the formula; 0 where it would not be good and yet the rounding of the costs explains it, as where the true gradient is 0."""
    index: tuple[int, ...]
    """The entry whose gradient is furthest off."""
    gradient: float
    """The engine's value there."""
    approx: float
    """The two-sided difference there."""


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
    def verdict(self) -> Verdict:
        """Judged on the larger of the overall difference and the worst parameter's, so a small array cannot hide behind large ones."""
        difference = max(self.difference, self.worst.difference)
        if difference > WRONG:
            return Verdict.WRONG
        if difference > SUSPECT:
            return Verdict.SUSPECT
        return Verdict.GOOD if difference < GOOD else Verdict.FAIR


def check_gradient(
    engine: Engine,
    member: Member,
    inputs: np.ndarray,
    targets: np.ndarray,
    *,
    epsilon: float = 1e-5,
    max_per_parameter: int | None = None,
) -> GradientCheck:
    """Hold the gradient of `engine` at the member's parameters against two-sided differences of its cost.

    inputs [rows, num_inputs] and targets as in `TrainingData`, of any float type; the member is left as it is. Costs two evaluations
    an entry: `max_per_parameter` bounds the entries of each parameter array, drawn by the member's seed. A kink (relu at 0, the
    absolute loss at its target) nearer than h to a row's value makes a right gradient look wrong; other rows settle it.

    Raises SpaceError for an epsilon that is not > 0 or a max_per_parameter below 1, ModelError where a cost is not finite.
    """
    if not (math.isfinite(epsilon) and epsilon > 0):
        raise SpaceError(f"epsilon must be a finite number > 0, got {epsilon}; 1e-5 suits float64")
    if max_per_parameter is not None and max_per_parameter < 1:
        raise SpaceError(f"max_per_parameter must be a whole number >= 1, got {max_per_parameter}; leave it out to check every entry")
    member = _in_float64(member)
    inputs = np.ascontiguousarray(inputs, dtype=np.float64)
    targets = targets if targets.ndim == 1 else np.ascontiguousarray(targets, dtype=np.float64)
    cost, whole_gradient = engine.cost_and_gradient(member, inputs, targets)
    _require_finite(cost)

    def approximate(entry: int) -> float:
        theta = member.state.parameters
        here = theta[entry]
        h = epsilon * max(1.0, abs(here))
        costs = []
        for there in (here + h, here - h):
            theta[entry] = there
            costs.append(engine.cost_and_gradient(member, inputs, targets)[0])
            _require_finite(costs[-1])
        theta[entry] = here
        # Over the step really made, not the one meant: here + h is rounded.
        return (costs[0] - costs[1]) / ((here + h) - (here - h))

    draw = member.seed.generator("gradient check")
    noise = NOISE * abs(cost) / (2 * epsilon)
    checks, gradients, approximations = [], [], []
    for name, (offset, shape) in member.layout.parameters.items():
        entries = np.arange(math.prod(shape))
        if max_per_parameter is not None and max_per_parameter < len(entries):
            entries = np.sort(draw.choice(entries, max_per_parameter, replace=False))
        gradient = np.array(whole_gradient[offset + entries], dtype=np.float64)
        approx = np.array([approximate(int(offset + entry)) for entry in entries])
        furthest = int(np.argmax(np.abs(gradient - approx)))
        kind = name.rstrip("0123456789")
        checks.append(
            ParameterCheck(
                name=name,
                layer=int(name.removeprefix(kind)),
                kind=kind,
                checked=len(entries),
                difference=_difference(gradient, approx, noise),
                index=tuple(int(i) for i in np.unravel_index(entries[furthest], shape)),
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


def _difference(gradient: np.ndarray, approx: np.ndarray, noise: float) -> float:
    """Relative distance of two vectors; infinite for a gradient that is not finite. `noise`: rounding error of an entry of `approx`."""
    if not np.isfinite(gradient).all():
        return math.inf
    away = float(np.linalg.norm(gradient - approx))
    size = float(np.linalg.norm(gradient) + np.linalg.norm(approx))
    if away >= GOOD * size and away <= noise * math.sqrt(len(gradient)):
        return 0.0
    return away / size


def _in_float64(member: Member) -> Member:
    """A copy whose state is float64 and may be changed."""
    state = member.state
    return dataclasses.replace(
        member,
        state=ModelState(
            parameters=state.parameters.astype(np.float64),
            first_moment=state.first_moment.astype(np.float64),
            second_moment=state.second_moment.astype(np.float64),
            running=state.running.astype(np.float64),
            step=state.step,
            epoch=state.epoch,
        ),
    )


def _require_finite(cost: float) -> None:
    if not math.isfinite(cost):
        raise ModelError(
            f"a gradient check needs finite costs, got {cost}; check at parameters of a network that has not diverged, on finite data"
        )
