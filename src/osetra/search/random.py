"""Random search: every trial's configuration is drawn uniformly from the unit cube, on its own.

Trial n's draw follows from (study seed, n) alone; only where it would repeat an earlier proposal is it drawn again. Results change
nothing, so proposals may be made as far ahead as one likes. A finite space is used up exactly: after `size` proposals there is None.
Draws that break a constraint are made again, so what is left is as uniform within the constraints.
Source: Bergstra & Bengio 2012, Random Search for Hyper-Parameter Optimization.
Knows nothing of: training, results.
"""

from osetra.core.records import Configuration, Value
from osetra.core.seeding import Seed
from osetra.search.proposed import Proposed
from osetra.space.space import Space


class RandomSampler:
    """A `Sampler`. Asked for trials in rising order; asked anew for the same trials with the same seed it proposes the same.

    `first`, such as the default configuration, is what trial 0 gets; it must lie in the space (see `Space.nearest`).
    Raises `SpaceError` if it does not, and where (almost) nothing satisfies the constraints.
    """

    def __init__(self, space: Space, *, seed: int, first: Configuration | None = None) -> None:
        if first is not None:
            space.validate(first)
        self._space = space
        self._seed = seed
        self._first = first
        self._begun = False
        self._proposed = Proposed(space)

    def propose(self, number: int) -> dict[str, Value] | None:
        """The configuration of trial `number`; None once every configuration of the space has been proposed."""
        if self._first is not None and number == 0 and not self._begun:
            configuration = self._space.nearest(self._first)
        else:
            configuration = self._proposed.draw(Seed(study=self._seed, trial=number))
        self._begun = True
        if configuration is not None:
            self._proposed.add(configuration)
        return configuration

    def observe(self, number: int, epoch: int, value: float) -> None:
        """Does nothing: random search learns nothing from results."""

    def edit(self, space: Space) -> None:
        """Draw from this space from now on. Raises `SpaceError` where (almost) nothing satisfies its constraints."""
        self._proposed.edit(space)
        self._space = space
