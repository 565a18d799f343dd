"""Coarse-to-fine search: sample all of the space, then zoom into the region of the best, stage by stage.

    stage 1     `coarse` points spread over the whole space (Sobol, or random)
    stage 2 ..  `fine` points each, within the box that holds the best fifth (at least 3) of all seen, and a margin around it

Trials are compared at the highest epoch that enough of them have reached, by what they had come to at their last. A stage that begins
before that many results are in goes on in the region of the stage before. `sentences` says what each stage zooms into.
Knows nothing of: training, budgets.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from osetra.core.errors import SpaceError
from osetra.core.records import Configuration, Value
from osetra.core.seeding import Seed
from osetra.search.proposed import Proposed, placed
from osetra.search.random import RandomSampler
from osetra.search.sobol import SobolSampler
from osetra.space.counted import Counted
from osetra.space.scale import Scale
from osetra.space.space import Space
from osetra.space.values import print_short

ELITE_SHARE = 0.2
FEWEST_ELITES = 3
MARGIN = 0.1
"""Of the width of the elites' box, added on each side, so that a region can move."""
NARROWEST = 0.02
"""Width of a box in unit coordinates below which it is widened about its middle."""
REDRAWS = 100
"""Draws within a region before the whole space is asked, which happens where the region is used up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """What a region holds of an ordered axis, in unit coordinates."""

    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """What a region holds of a choice: the places of its values among the `size` that there are."""

    places: tuple[int, ...]
    size: int


Region: TypeAlias = tuple[Box | Places, ...]
"""One entry for each searched name."""


class CoarseToFineSampler:
    """A `Sampler`. Asked for trials in rising order; the same results in the same order give the same proposals.

    coarse, fine: trials of the first stage and of each later one. start: how the first stage is drawn. first: what trial 0 gets; it must
    lie in the space. Raises `SpaceError` if it does not, for stages of less than `FEWEST_ELITES` trials, and where (almost) nothing
    satisfies the constraints.
    """

    def __init__(
        self,
        space: Space,
        *,
        seed: int,
        coarse: int = 20,
        fine: int = 10,
        start: Literal["sobol", "random"] = "sobol",
        first: Configuration | None = None,
    ) -> None:
        if min(coarse, fine) < FEWEST_ELITES:
            raise SpaceError(f"a stage needs at least {FEWEST_ELITES} trials, got coarse={coarse} and fine={fine}; give it more")
        if start not in ("sobol", "random"):
            raise SpaceError(f"start must be sobol or random, got {start!r}; give one of these")
        self._space = space
        self._seed = seed
        self._coarse, self._fine = coarse, fine
        self._whole = (SobolSampler if start == "sobol" else RandomSampler)(space, seed=seed, first=first)
        self._proposed = Proposed(space)
        self._configurations: dict[int, dict[str, Value]] = {}
        """By trial, as they were proposed."""
        self._placed: dict[int, dict[str, Value]] = {}
        """Those that have a place in the space as it is now."""
        self._latest: dict[int, tuple[int, float]] = {}
        self._stage = 1
        self._until = coarse
        """The first trial of the next stage."""
        self._region: Region | None = None
        self.sentences: list[str] = []
        """One for each stage behind the first, such as `stage 2 zooms into learning_rate 0.0003 .. 0.002 (the best 4 of 20)`."""

    def propose(self, number: int) -> dict[str, Value] | None:
        """The configuration of trial `number`; None once every configuration of the space has been proposed."""
        if number >= self._until:
            stages = 1 + (number - self._until) // self._fine
            self._stage += stages
            self._until += stages * self._fine
            self._zoom()
        configuration = self._whole.propose(number) if self._region is None else self._propose_within(self._region, number)
        if configuration is not None:
            self._proposed.add(configuration)
            self._configurations[number] = self._placed[number] = configuration
        return configuration

    def observe(self, number: int, epoch: int, value: float) -> None:
        """Keep the latest result of a trial; one that diverged (NaN) is never among the best."""
        if number in self._configurations and epoch >= self._latest.get(number, (0, 0.0))[0]:
            self._latest[number] = (epoch, value)

    def edit(self, space: Space) -> None:
        """Go on in this space, with at least `fine` more trials in this stage, for which an axis that the edit changed is searched whole.

        The next stage zooms in by the results of all trials that have a place in the space (see `placed`). Raises `SpaceError` as for a
        new sampler.
        """
        self._whole.edit(space)
        self._proposed.edit(space)
        if self._region is not None:
            kept = {
                name: axis
                for (name, scale), axis in zip(self._space.scales.items(), self._region, strict=True)
                if space.scales.get(name) == scale
            }
            self._region = tuple(kept.get(name, _whole_axis(scale)) for name, scale in space.scales.items())
        moved = {number: placed(space, configuration) for number, configuration in self._configurations.items()}
        self._placed = {number: configuration for number, configuration in moved.items() if configuration is not None}
        self._until = max(self._until, max(self._configurations, default=-1) + 1 + self._fine)
        self._space = space

    def _zoom(self) -> None:
        elites, heard = self._elites(), len(self._results())
        if not elites:
            where = "the whole space" if self._region is None else "the same region"
            self.sentences.append(f"stage {self._stage} stays in {where}: too few results are in ({heard})")
            return
        self._region = _region(self._space, elites)
        words = _in_words(self._space, self._region)
        best = f"the best {len(elites)} of {heard}"
        self.sentences.append(
            f"stage {self._stage} zooms into {words} ({best})"
            if words
            else f"stage {self._stage} stays in the whole space, as {best} lie all over it"
        )

    def _results(self) -> dict[int, tuple[int, float]]:
        return {number: latest for number, latest in self._latest.items() if number in self._placed}

    def _elites(self) -> list[dict[str, Value]]:
        """The best configurations seen; none where too few have a result."""
        heard = self._results()
        results = [(epoch, value, number) for number, (epoch, value) in heard.items() if not math.isnan(value)]
        count = max(FEWEST_ELITES, math.ceil(ELITE_SHARE * len(heard)))
        if len(results) < count:
            return []
        reached = sorted((epoch for epoch, _, _ in results), reverse=True)[count - 1]
        best = sorted((value, number) for epoch, value, number in results if epoch >= reached)[:count]
        return [self._placed[number] for _, number in best]

    def _propose_within(self, region: Region, number: int) -> dict[str, Value] | None:
        seed = Seed(study=self._seed, trial=number)
        generator = seed.generator("fine")
        for _ in range(REDRAWS):
            point = [_place(axis, u) for axis, u in zip(region, generator.random(len(region)).tolist(), strict=True)]
            configuration = self._space.decode(point)
            if self._space.fits(configuration) and self._proposed.is_new(configuration):
                return configuration
        return self._proposed.draw(seed)


def _region(space: Space, elites: Sequence[Configuration]) -> Region:
    """The box around the elites; all of an axis on which none of them exists."""
    points = np.array([space.encode(elite) for elite in elites])
    region: list[Box | Places] = []
    for axis, (name, scale) in enumerate(space.scales.items()):
        held = [place for place, elite in enumerate(elites) if name in elite]
        if not scale.is_ordered:
            assert isinstance(scale, Counted), "what has no order is counted"
            places = tuple(sorted({scale.index_of(elites[place][name]) for place in held}))
            region.append(Places(places=places, size=scale.size) if places else _whole_axis(scale))
        else:
            region.append(_box(points[held, axis], scale) if held else _whole_axis(scale))
    return tuple(region)


def _whole_axis(scale: Scale) -> "Box | Places":
    if isinstance(scale, Counted) and not scale.is_ordered:
        return Places(places=tuple(range(scale.size)), size=scale.size)
    return Box(low=0.0, high=1.0)


def _box(points: np.ndarray, scale: Scale) -> "Box":
    low, high = float(points.min()), float(points.max())
    # Values that are counted keep at least their neighbours in reach.
    margin = max(MARGIN * (high - low), (NARROWEST - (high - low)) / 2, 1 / scale.size)
    return Box(low=max(low - margin, 0.0), high=min(high + margin, 1.0))


def _place(axis: "Box | Places", u: float) -> float:
    """Where a uniform number falls on one axis of a region, in unit coordinates of the whole axis."""
    if isinstance(axis, Box):
        return min(axis.low + u * (axis.high - axis.low), 1.0)
    return (axis.places[min(int(u * len(axis.places)), len(axis.places) - 1)] + 0.5) / axis.size


def _in_words(space: Space, region: Region) -> str:
    """Only the axes that became smaller."""
    parts: list[str] = []
    for (name, scale), axis in zip(space.scales.items(), region, strict=True):
        if isinstance(axis, Box):
            low, high = scale.decode(axis.low), scale.decode(axis.high)
            whole = (low, high) == (scale.decode(0.0), scale.decode(1.0))
            said = _rounded(low) if low == high else f"{_rounded(low)} .. {_rounded(high)}"
        else:
            whole = len(axis.places) == axis.size
            said = " or ".join(_rounded(scale.decode((place + 0.5) / axis.size)) for place in axis.places)
        if not whole:
            parts.append(f"{name} {said}")
    return ", ".join(parts)


def _rounded(value: Value) -> str:
    return f"{value:.2g}" if isinstance(value, float) else print_short(value)
