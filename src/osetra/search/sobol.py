"""Sobol search: scrambled quasi-random points, which cover the unit cube more evenly than random ones.

Trial n gets the n-th configuration of the sequence, counting only those that are new and fit the constraints; so it follows from
(study seed, n) alone. Results change nothing. A finite space is used up exactly.
Source: Sobol 1967; Joe & Kuo 2008 (direction numbers); Matousek 1998 (the scramble), all as SciPy has them.
Knows nothing of: training, results.
"""

from typing import TYPE_CHECKING

import numpy as np

from osetra.core.errors import SpaceError
from osetra.core.records import Configuration, Value
from osetra.core.seeding import Seed
from osetra.search.proposed import Proposed
from osetra.space.space import Space

if TYPE_CHECKING:
    from scipy.stats.qmc import Sobol

BLOCK = 64
"""Points made at a time; a power of two keeps the sequence balanced."""
MOST_NAMES = 21_201
"""Axes for which direction numbers are known."""
PASSED_OVER = 200
"""Points in a row without a new configuration that fits after which a finite space gives one at random."""
PASSED_OVER_OF_FLOATS = 10_000
"""The same for a space of floats."""


class SobolSampler:
    """A `Sampler`. Asked for trials in rising order; a number that is passed over passes its point over too.

    `first`, such as the default configuration, is what trial 0 gets; it must lie in the space (see `Space.nearest`).
    Raises `SpaceError` if it does not, for more than 21,201 searched hyperparameters, and where (almost) nothing satisfies the constraints.
    """

    def __init__(self, space: Space, *, seed: int, first: Configuration | None = None) -> None:
        if first is not None:
            space.validate(first)
        _require_axes(space)
        self._space = space
        self._seed = seed
        self._first = first
        self._proposed = Proposed(space)
        self._count = 0
        self._points: list[list[float]] = []
        self._sequence: Sobol | None = None
        self._sequences = 0
        """How many were given up before this one."""
        self._axes = space.names
        """What each coordinate of the sequence stands for."""
        self._columns = list(range(len(self._axes)))
        """Those of the names that are searched now."""

    def propose(self, number: int) -> dict[str, Value] | None:
        """The configuration of trial `number`; None once every configuration of the space has been proposed."""
        configuration = None
        while self._count <= number:
            configuration = self._next()
            if configuration is None:
                return None
            self._proposed.add(configuration)
            self._count += 1
        assert configuration is not None, f"trial {number} was proposed before, or passed over"
        return configuration

    def observe(self, number: int, epoch: int, value: float) -> None:
        """Does nothing: the sequence learns nothing from results."""

    def edit(self, space: Space) -> None:
        """Go on in this space: with the same sequence, which fills the gaps that it left on what is still searched; with a new one, in
        another scramble, where names are searched that were not. Raises `SpaceError` as for a new sampler.
        """
        _require_axes(space)
        self._proposed.edit(space)
        self._space = space
        if not set(space.names) <= set(self._axes):
            self._axes, self._sequence, self._points = space.names, None, []
            self._sequences += 1
        self._columns = [self._axes.index(name) for name in space.names]

    def _next(self) -> dict[str, Value] | None:
        """The next configuration that is new."""
        if self._first is not None and not self._count:
            return self._space.nearest(self._first)
        if self._proposed.used_up:
            return None
        for _ in range(PASSED_OVER if self._proposed.is_finite else PASSED_OVER_OF_FLOATS):
            configuration = self._space.decode(self._point())
            if self._space.fits(configuration) and self._proposed.is_new(configuration):
                return configuration
        return self._proposed.draw(Seed(study=self._seed, trial=self._count))

    def _point(self) -> list[float]:
        if not self._points:
            block: np.ndarray = self._engine().random(BLOCK)
            self._points = block[::-1].tolist()
        point = self._points.pop()
        return [point[column] for column in self._columns]

    def _engine(self) -> "Sobol":
        if self._sequence is None:
            from scipy.stats.qmc import Sobol

            # SciPy spawns children of the generator, for which it must have been made from a seed rather than a key.
            scramble = np.random.default_rng(int(Seed(study=self._seed).key("sobol", self._sequences)))
            self._sequence = Sobol(max(len(self._axes), 1), scramble=True, rng=scramble)
        return self._sequence


def _require_axes(space: Space) -> None:
    if len(space.names) > MOST_NAMES:
        raise SpaceError(f"Sobol search needs at most {MOST_NAMES} searched hyperparameters, got {len(space.names)}; fix some of them")
