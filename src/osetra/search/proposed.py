"""Which configurations of a space were proposed, and which remain.

Knows nothing of: how a sampler chooses, results.
"""

import numpy as np

from osetra.core.errors import SpaceError
from osetra.core.records import Configuration, Value
from osetra.core.seeding import Seed
from osetra.space.space import Space
from osetra.space.values import same

REDRAWS = 20
"""Draws before a finite space is asked which configurations remain; at 16 us a draw about 0.3 ms."""
REDRAWS_OF_FLOATS = 1_000
"""Draws before a space of floats counts as used up, which takes bounds that are almost equal."""


class Proposed:
    """What a sampler has proposed so far. Draws anew where it would repeat that; a finite space is used up exactly."""

    def __init__(self, space: Space) -> None:
        self._space = space
        self._all: list[Configuration] = []
        """Those too that lie outside the space since it was edited: another edit may bring them back."""
        self._keys: set[tuple[Value | None, ...]] = set()
        self._remaining = _remaining(space)

    def edit(self, space: Space) -> None:
        """From now on draw from this space what was not proposed before.

        Raises `SpaceError`, and is as it was, where (almost) nothing satisfies the constraints.
        """
        remaining = _remaining(space)
        if remaining is None:
            space.draw(np.random.default_rng(0))
        self._space, self._remaining, self._keys = space, remaining, set()
        for configuration in self._all:
            if lies_in(space, configuration):
                self._count(configuration)

    @property
    def is_finite(self) -> bool:
        return self._remaining is not None

    @property
    def used_up(self) -> bool:
        """Whether every configuration was proposed; never so of an infinite space."""
        return self._remaining is not None and not self._remaining.count

    def is_new(self, configuration: Configuration) -> bool:
        return self._space.key(configuration) not in self._keys

    def add(self, configuration: Configuration) -> None:
        """Count a new configuration as proposed."""
        self._all.append(configuration)
        self._count(configuration)

    def draw(self, seed: Seed) -> dict[str, Value] | None:
        """A new configuration, uniform over the unit cube within the constraints; None once the space is used up.

        It follows from the seed alone, but where it would repeat what was proposed. Raises `SpaceError` where (almost) nothing satisfies
        the constraints.
        """
        if self.used_up:
            return None
        for attempt in range(REDRAWS if self._remaining is not None else REDRAWS_OF_FLOATS):
            drawn = self._space.decode(self._space.draw(seed.generator("configuration", attempt)))
            if self.is_new(drawn):
                return drawn
        return None if self._remaining is None else self._space.at(self._remaining.draw(seed.generator("configuration", REDRAWS)))

    def _count(self, configuration: Configuration) -> None:
        self._keys.add(self._space.key(configuration))
        if self._remaining is not None:
            self._remaining.take(self._space.index_of(configuration))


def lies_in(space: Space, configuration: Configuration) -> bool:
    """Whether `Space.validate` has nothing to say against it."""
    try:
        space.validate(configuration)
    except SpaceError:
        return False
    return True


def placed(space: Space, configuration: Configuration) -> dict[str, Value] | None:
    """Where in an edited space a trial of an earlier one counts for what is learned; None: nowhere.

    Left out is a trial whose searched values the space does not hold: at the nearest ones its error says little, and many such trials
    would crowd the edge. So is one with another word than is fixed now, such as another optimizer, and one that breaks a constraint. A
    trial with another number than is fixed now still tells of the other axes; how far it was off counts as noise. A name that it lacks
    lies in the middle.
    """
    for name, value in configuration.items():
        if name in space.scales and not space.scales[name].contains(value):
            return None
        if name in space.fixed and isinstance(value, (str, bool)) and not same(value, space.fixed[name]):
            return None
    if not space.fits(configuration):
        return None
    moved = space.nearest(configuration)
    # Where what is fixed now breaks a constraint, a searched value has moved.
    known = [name for name in space.names if name in moved and name in configuration]
    return moved if all(same(moved[name], configuration[name]) for name in known) else None


def _remaining(space: Space) -> "Remaining | None":
    size = space.size
    return None if isinstance(size, float) else Remaining(size)


class Remaining:
    """Which of `count` numbers are not yet taken: a shuffle (Fisher & Yates) that remembers only what it has moved.

    So taking and drawing cost the same however many numbers there are and however few remain.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._number_at: dict[int, int] = {}
        self._place_of: dict[int, int] = {}

    def take(self, number: int) -> None:
        """Swap it with the last of the remaining, and let those be one fewer."""
        self.count -= 1
        place = self._place_of.pop(number, number)
        last = self._number_at.pop(self.count, self.count)
        if place != self.count:
            self._number_at[place], self._place_of[last] = last, place

    def draw(self, generator: np.random.Generator) -> int:
        """One of the remaining, all alike likely."""
        # 256 bits, for a space may hold more than 2^64 configurations; their remainder is uniform for all that matters.
        place = int.from_bytes(generator.bytes(32), "little") % self.count
        return self._number_at.get(place, place)
