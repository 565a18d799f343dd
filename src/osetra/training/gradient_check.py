"""Gradient checking of an engine: is its backward propagation the derivative of its cost?

In float64, over the whole cost with its penalty, dropout off, batch norm over the rows given. What is compared, and how kinks are dealt
with, is said in `differences`.

Knows nothing of: engines' insides, training.
"""

import dataclasses
import math

import numpy as np

from osetra.core.errors import ModelError, SpaceError
from osetra.engines.port import Engine, Member, ModelState
from osetra.training.differences import GradientCheck, ParameterCheck, Slopes, Verdict, compare

__all__ = ["GradientCheck", "ParameterCheck", "Verdict", "check_gradient"]


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
    an entry: `max_per_parameter` bounds the entries of each parameter array, drawn by the member's seed. Entries where the cost has a
    kink (relu at 0, the absolute loss at its target) within the step are left out and counted.

    Raises SpaceError for an epsilon that is not > 0 or a max_per_parameter below 1, ModelError where a cost is not finite.
    """
    if not (math.isfinite(epsilon) and epsilon > 0):
        raise SpaceError(f"epsilon must be a finite number > 0, got {epsilon}; 1e-5 suits float64")
    if max_per_parameter is not None and max_per_parameter < 1:
        raise SpaceError(f"max_per_parameter must be a whole number >= 1, got {max_per_parameter}; leave it out to check every entry")
    member = _in_float64(member)
    inputs = np.ascontiguousarray(inputs, dtype=np.float64)
    targets = targets if targets.ndim == 1 else np.ascontiguousarray(targets, dtype=np.float64)
    cost, gradient = engine.cost_and_gradient(member, inputs, targets)
    gradient = np.array(gradient, dtype=np.float64)
    _require_finite(cost)
    theta = member.state.parameters
    parameters = []
    for name, (offset, shape) in member.layout.parameters.items():
        part = slice(offset, offset + math.prod(shape))
        parameters.append(Slopes(name=name, shape=shape, values=theta[part].copy(), gradient=gradient[part]))

    def cost_at(name: str, entry: int, value: float) -> float:
        place = member.layout.parameters[name][0] + entry
        here, theta[place] = theta[place], value
        there = engine.cost_and_gradient(member, inputs, targets)[0]
        theta[place] = here
        _require_finite(there)
        return there

    return compare(
        parameters, cost=cost, cost_at=cost_at, epsilon=epsilon, max_per_parameter=max_per_parameter,
        draw=member.seed.generator("gradient check"),
    )  # fmt: skip


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
