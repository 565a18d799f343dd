"""Grid search: every combination of some values of each hyperparameter, in an order drawn by the seed.

The order is random because a grid that is cut short by its budget should not have tried a corner alone. Worth having when at most two or
three hyperparameters matter: `tries_in_words` says what a grid of as many trials as random search gives away.
Source of the comparison: Bergstra & Bengio 2012, Random Search for Hyper-Parameter Optimization, figure 1.
Knows nothing of: training, results.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from osetra.core.errors import SpaceError
from osetra.core.records import Value
from osetra.search.random import RandomSampler
from osetra.space.conditions import When
from osetra.space.counted import Counted
from osetra.space.scale import Scale
from osetra.space.scales import make_scale
from osetra.space.space import Space
from osetra.space.values import did_you_mean

FEW = 3
"""Hyperparameters up to which a grid is offered."""


class GridSampler:
    """A `Sampler` that goes through a grid once and then ends.

    points: values for each scale of floats, spread evenly over the scale with both bounds among them (1: the middle); or a mapping of names
    to such numbers, which may thin out scales that are counted too. Raises `SpaceError` where a scale of floats has no number of points,
    and for a grid under constraints that is too large to look through.
    """

    def __init__(self, space: Space, *, seed: int, points: int | Mapping[str, int] | None = None) -> None:
        self._points = points
        self.space = _gridded(space, points)
        """The grid itself, as a space of lists."""
        self._random = RandomSampler(self.space, seed=seed)

    @property
    def size(self) -> int:
        """Points of the grid: those that satisfy the constraints, each counted once where a hyperparameter does not exist."""
        return int(self.space.size)

    def propose(self, number: int) -> dict[str, Value] | None:
        """The configuration of trial `number`, asked for in rising order; None once the whole grid has been proposed."""
        return self._random.propose(number)

    def observe(self, number: int, epoch: int, value: float) -> None:
        """Does nothing: a grid learns nothing from results."""

    def edit(self, space: Space) -> None:
        """Lay the grid anew over this space, as many points an axis as before, and go through what of it was not proposed.

        Raises `SpaceError` as for a new grid: a name that is released onto a scale of floats needs a number of points.
        """
        points = self._points
        if isinstance(points, Mapping):
            points = {name: count for name, count in points.items() if name in space.scales}
        grid = _gridded(space, points)
        self._random.edit(grid)
        self.space = grid

    def describe(self) -> str:
        """For people: `a grid of 12 points: learning_rate 4, num_layers 3`."""
        return _described(self.space)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tries:
    """How many distinct values of one hyperparameter are tried in some number of trials."""

    grid: int
    random: int
    """Expected, rounded; for a scale of floats every trial's own."""


def tries(space: Space, trials: int) -> dict[str, Tries]:
    """By searched name: distinct values that the largest grid of at most `trials` points tries, and random search of as many trials.

    Raises `SpaceError` for fewer than one trial.
    """
    if trials < 1:
        raise SpaceError(f"a search needs at least 1 trial, got {trials}; give it a budget")
    sides = _sides([scale.size for scale in space.scales.values()], trials)
    return {
        name: Tries(grid=side, random=_expected_distinct(scale.size, trials))
        for (name, scale), side in zip(space.scales.items(), sides, strict=True)
    }


def tries_in_words(space: Space, trials: int) -> str:
    """What a grid and random search try of each hyperparameter in as many trials, and whether a grid is worth it; for people."""
    counts = tries(space, trials)
    if not counts:
        return "Nothing is searched: there is one configuration."
    lines = [
        f"{name}: a grid tries {_values(count.grid)}, random search {'about ' if count.random < trials else ''}{_values(count.random)}"
        for name, count in counts.items()
    ]
    if all(count.grid >= count.random for count in counts.values()):
        verdict = "A grid gives nothing away here."
    elif len(counts) <= FEW:
        verdict = "A grid is an option where these all matter; random search finds more where one of them matters most."
    else:
        verdict = f"With {len(counts)} hyperparameters a grid is too coarse; use random or Sobol search, or fix all but two or three."
    return "\n".join([f"Distinct values in {trials:,} trials:", *lines, verdict])


def _values(count: int) -> str:
    return f"{count:,} value{'' if count == 1 else 's'}"


def _gridded(space: Space, points: int | Mapping[str, int] | None) -> Space:
    if isinstance(points, Mapping):
        for name in points:
            if name not in space.scales:
                raise SpaceError(f"points must be of searched hyperparameters, got {name!r}; {did_you_mean(str(name), space.names)}")
    entries: dict[str, Scale | Value | When] = {}
    for name, scale in space.scales.items():
        count = points.get(name) if isinstance(points, Mapping) else None if isinstance(scale, Counted) else points
        if count is None and not isinstance(scale, Counted):
            raise SpaceError(
                f"a grid needs a number of points for {name}, which is {scale.describe()}, got none; "
                f"such as points={{{name!r}: 5}}, or list its values with ordinal"
            )
        if count is not None:
            entry = _spread(name, scale, count)
            entries[name] = When(entry=entry, conditions=space.conditions[name]) if name in space.conditions else entry
    grid = space.replace(entries)
    if isinstance(grid.size, float):
        raise SpaceError(
            f"a grid must be small enough to look through, got one of more than 50,000 points under constraints\n{_described(grid)}\n"
            "give fewer points"
        )
    return grid


def _described(grid: Space) -> str:
    axes = ", ".join(f"{name} {scale.size:,}" for name, scale in grid.scales.items())
    count = "many" if isinstance(grid.size, float) else f"{grid.size:,}"
    return f"a grid of {count} points: {axes or 'nothing is searched'}"


def _spread(name: str, scale: Scale, count: int) -> Scale | Value:
    """`count` values spread evenly over the scale, fewer where it does not hold so many."""
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise SpaceError(f"points of {name} must be a whole number >= 1, got {count!r}; such as 5")
    if count >= scale.size:
        return scale
    values: list[Value] = []
    for place in range(count):
        value = scale.decode(place / (count - 1) if count > 1 else 0.5)
        if not values or value != values[-1]:
            values.append(value)
    return values[0] if len(values) == 1 else make_scale("ordinal" if scale.is_ordered else "choice", values)


def _sides(sizes: list[int | float], trials: int) -> list[int]:
    """Values an axis, as equal as the sizes allow, of the largest grid of at most `trials` points that grows axis by axis."""
    sides = [1] * len(sizes)
    while True:
        # The shortest axis that can still grow without the grid becoming too large.
        growing = [axis for axis, side in enumerate(sides) if side < sizes[axis] and math.prod(sides) // side * (side + 1) <= trials]
        if not growing:
            return sides
        shortest = min(growing, key=lambda axis: sides[axis])
        sides[shortest] += 1


def _expected_distinct(size: int | float, trials: int) -> int:
    """Of `trials` draws among `size` values that are alike likely: size (1 - (1 - 1/size)^trials)."""
    return trials if math.isinf(size) else max(1, round(-size * math.expm1(trials * math.log1p(-1 / size)))) if size > 1 else 1
