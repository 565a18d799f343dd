"""Random search: every trial's configuration is drawn uniformly from the unit cube, on its own.

Trial n's draw follows from (study seed, n) alone; only where it would repeat an earlier proposal is it drawn again. Results change
nothing, so proposals may be made as far ahead as one likes. A finite space is used up exactly: after `size` proposals there is None.
Source: Bergstra & Bengio 2012, Random Search for Hyper-Parameter Optimization.
Knows nothing of: training, results.
"""

import numpy as np

from osetra.core.records import Configuration, Trial, Value
from osetra.core.seeding import Seed
from osetra.space.space import Space

REDRAWS = 20
"""Draws before a finite space is asked which configurations remain; at 16 us a draw about 0.3 ms."""
REDRAWS_OF_FLOATS = 1_000
"""Draws before a space of floats counts as used up, which takes bounds that are almost equal."""


class RandomSearch:
    """A `Searcher`. Asked for trials in rising order; asked anew for the same trials with the same seed it proposes the same.

    `first`, such as the default configuration, is what trial 0 gets; it must lie in the space (see `Space.nearest`).
    Raises `SpaceError` if it does not.
    """

    def __init__(self, space: Space, *, seed: int, first: Configuration | None = None) -> None:
        if first is not None:
            space.validate(first)
        self._space = space
        self._seed = seed
        self._first = first
        self._proposed: set[tuple[Value, ...]] = set()
        self._remaining = None if isinstance(space.size, float) else _Remaining(space.size)

    def ask(self, number: int) -> dict[str, Value] | None:
        """The configuration of trial `number`; None once every configuration of the space has been proposed."""
        configuration = self._choose(Seed(study=self._seed, trial=number))
        if configuration is not None:
            self._proposed.add(self._key(configuration))
            if self._remaining is not None:
                self._remaining.take(self._space.index_of(configuration))
        return configuration

    def tell(self, trial: Trial) -> None:
        """Does nothing: random search learns nothing from results."""

    def _choose(self, seed: Seed) -> dict[str, Value] | None:
        if self._first is not None and seed.trial == 0 and not self._proposed:
            return self._space.nearest(self._first)
        if self._remaining is not None and not self._remaining.count:
            return None
        for attempt in range(REDRAWS if self._remaining is not None else REDRAWS_OF_FLOATS):
            drawn = self._space.decode(seed.generator("configuration", attempt).random(len(self._space.names)))
            if self._key(drawn) not in self._proposed:
                return drawn
        return None if self._remaining is None else self._space.at(self._remaining.draw(seed.generator("configuration", REDRAWS)))

    def _key(self, configuration: Configuration) -> tuple[Value, ...]:
        return tuple(configuration[name] for name in self._space.names)


class _Remaining:
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
