"""Zoom: Sobol points first, then points where a surface fitted to all results promises more.

Trials are ordered by the best error so far, whatever epoch they have reached, and scored by normal quantiles of that order. Errors fall
with training, so one that was left behind stands where it belongs or a little lower, and one that beats a longer trained one is better.
Neither the scale of the errors nor a few absurd ones change anything.
A share `explore` of the proposals stays with the Sobol sequence; each of the others is the best point of a pool, spread
points and points near the elites, in one random draw of the surface (Thompson 1933).
The surface is fitted anew when a quarter more has been heard of; its cost is bounded, however many trials there are.
Knows nothing of: training, budgets, rungs.
"""

import math
from collections import deque
from collections.abc import Sequence

import numpy as np

from osetra.core.records import Configuration, Value
from osetra.core.seeding import Seed
from osetra.search.proposed import Proposed, lies_in, placed
from osetra.search.sobol import SobolSampler
from osetra.search.surface import Surface
from osetra.space.counted import Counted
from osetra.space.space import Space
from osetra.space.values import print_short

GROWTH = 1.25
MOST_FITTED = 300
SPREAD_POINTS, NEAR_POINTS = 200, 100
DIGITS = 9
"""Coordinates are rounded to these, so that the unit in which an axis is written changes nothing."""


class ZoomSampler:
    """A `Sampler`. Asked for trials in rising order; the same results in the same order give the same proposals.

    start: trials before the first zoom, 20 or twice the hyperparameters by default. explore: share of Sobol points later on.
    first: what trial 0 gets; then: what the trials after it get, such as the elites of another study. All must lie in the space; raises
    `SpaceError` if one does not.
    """

    def __init__(
        self,
        space: Space,
        *,
        seed: int,
        first: Configuration | None = None,
        then: Sequence[Configuration] = (),
        start: int | None = None,
        explore: float = 0.5,
    ) -> None:
        for configuration in then:
            space.validate(configuration)
        self._then = deque(then)
        self._space, self._seed = space, seed
        self._start = max(20, 2 * len(space.names)) if start is None else start
        self._sobol = SobolSampler(space, seed=seed, first=first)
        self._sobol_taken = 0
        self._proposed = Proposed(space)
        self._configurations: dict[int, dict[str, Value]] = {}
        self._points: dict[int, np.ndarray] = {}
        """By trial, where in the space it counts; none for one that has no place in it since an edit."""
        self._heard: dict[int, float] = {}
        self._aside: dict[int, float] = {}
        """What was heard of trials that have no place."""
        self._fits = 0
        self._begin_surface()
        self.explore = explore
        """Share of Sobol points; whoever uses the sampler may raise it where zooming does not pay."""
        self.zoomed: set[int] = set()
        """Trials proposed from the surface."""
        self.sentences: list[str] = []
        """One for each fit, such as `after 40 trials: learning_rate 0.0003 .. 0.002, keep_prob 0.8 .. 1`."""

    @property
    def importance(self) -> dict[str, float]:
        """How much the best of the Sobol points agree on each name: I = 1 - 12 s^2, s their deviation in unit coordinates.

        0: spread evenly; 1: one value. What zoom proposed has no say, for it gathers on every axis, whether that matters or not.
        """
        return _agreement(self._space, self._spread_elites)

    def propose(self, number: int) -> dict[str, Value] | None:
        """The configuration of trial `number`; None once every configuration of the space has been proposed."""
        seed = Seed(study=self._seed, trial=number)
        generator = seed.generator("zoom")
        configuration = self._from_given() if number > 0 else None
        if configuration is None and self._space.names and len(self._heard) >= self._start and generator.random() >= self.explore:
            configuration = self._from_surface(generator)
            if configuration is not None:
                self.zoomed.add(number)
        if configuration is None:
            configuration = self._from_sobol(seed)
        if configuration is not None:
            self._proposed.add(configuration)
            self._configurations[number] = configuration
            self._points[number] = np.round(self._space.encode(configuration), DIGITS)
        return configuration

    def observe(self, number: int, epoch: int, value: float) -> None:  # noqa: ARG002 -- the order is by error alone
        """Keep the latest result of a trial."""
        (self._heard if number in self._points else self._aside)[number] = value

    def edit(self, space: Space) -> None:
        """Go on in this space, with a surface that is fitted anew to all trials that have a place in it (see `placed`); while these are
        fewer than at the start, with the Sobol sequence. Raises `SpaceError` as for a new sampler.
        """
        self._sobol.edit(space)
        self._proposed.edit(space)
        self._space = space
        moved = {number: placed(space, configuration) for number, configuration in self._configurations.items()}
        self._points = {
            number: np.round(space.encode(configuration), DIGITS) for number, configuration in moved.items() if configuration is not None
        }
        heard = {**self._heard, **self._aside}
        self._heard = {number: value for number, value in heard.items() if number in self._points}
        self._aside = {number: value for number, value in heard.items() if number not in self._points}
        self._begin_surface()

    def _begin_surface(self) -> None:
        """Of the space as it is now, not yet fitted."""
        self._fitted = 0
        self._columns = _Columns(self._space)
        self._surface = Surface(self._columns.count)
        self._pool = np.empty((0, len(self._space.names)))
        self._mean, self._root = np.empty(0), np.empty((0, 0))
        self._taken = np.empty(0, dtype=bool)
        self._elites = self._spread_elites = np.empty((0, len(self._space.names)))

    def _from_given(self) -> dict[str, Value] | None:
        while self._then:
            configuration = self._then.popleft()
            # The nearest to it in an edited space would be nobody's best.
            if lies_in(self._space, configuration) and self._proposed.is_new(configuration):
                return self._space.nearest(configuration)
        return None

    def _from_sobol(self, seed: Seed) -> dict[str, Value] | None:
        while not self._proposed.used_up:
            configuration = self._sobol.propose(self._sobol_taken)
            if configuration is None:
                break
            self._sobol_taken += 1
            if self._proposed.is_new(configuration):
                return configuration
        return self._proposed.draw(seed)

    def _from_surface(self, generator: np.random.Generator) -> dict[str, Value] | None:
        if len(self._heard) >= GROWTH * self._fitted:
            self._fit()
            self._fill(generator)
        elif self._taken.mean() > 0.5:
            self._fill(generator)
        drawn = self._mean + (self._root @ generator.standard_normal(len(self._mean)))
        drawn[self._taken] = math.inf
        for place in np.argsort(drawn)[:20]:
            self._taken[place] = True
            configuration = self._space.decode(self._pool[place])
            if drawn[place] < math.inf and self._space.fits(configuration) and self._proposed.is_new(configuration):
                return configuration
        return None

    def _fit(self) -> None:
        from scipy.special import ndtri

        self._fitted = count = len(self._heard)
        self._fits += 1
        numbers = np.fromiter(self._heard, dtype=np.int64, count=count)
        values = np.fromiter(self._heard.values(), dtype=np.float64, count=count)
        # NaN, those that diverged, comes behind all numbers.
        order = np.lexsort((numbers, values))
        places = np.arange(count)
        if count > MOST_FITTED:
            half = MOST_FITTED // 2
            places = np.unique(np.concatenate([places[:half], np.linspace(half, count - 1, half).astype(np.int64)]))
        points = np.array([self._points[number] for number in numbers[order[places]]])
        scores = ndtri((places + 0.5) / count)
        self._surface.fit(self._columns.of(points), scores, Seed(study=self._seed).generator("surface", self._fits))
        able = max(count - int(np.isnan(values).sum()), 1)
        self._elites = points[: min(max(5, count // 10), able)]
        spread = [number for number in numbers[order[:able]].tolist() if number not in self.zoomed]
        self._spread_elites = np.array([self._points[number] for number in spread[: max(5, len(spread) // 10)]])
        self._near = points[: max(3, min(8, count // 8))]
        self.sentences.append(f"after {count} trials: {self._in_words()}")

    def _fill(self, generator: np.random.Generator) -> None:
        """A fresh pool: spread points, and elites with some of their coordinates moved by 3 to 50 % of the axis."""
        d = len(self._space.names)
        near = self._near[generator.integers(len(self._near), size=NEAR_POINTS)]
        width = 10 ** generator.uniform(-1.5, -0.3, (NEAR_POINTS, 1))
        moved = generator.random((NEAR_POINTS, d)) < max(0.4, 1.5 / d)
        near = np.clip(near + moved * width * generator.standard_normal((NEAR_POINTS, d)), 0.0, 1.0)
        self._pool = np.concatenate([generator.random((SPREAD_POINTS, d)), near])
        self._mean, self._root = self._surface.at(self._columns.of(self._pool))
        self._taken = np.zeros(len(self._pool), dtype=bool)

    def _in_words(self) -> str:
        """Where the middle four fifths of the elites lie, of the names on which they agree most."""
        agreement = _agreement(self._space, self._elites)
        names = sorted(agreement, key=lambda name: -agreement[name])
        parts = []
        for name in names:
            if agreement[name] < 0.3 or not self._space.scales[name].is_ordered:
                continue
            low, high = np.quantile(self._elites[:, self._space.names.index(name)], (0.1, 0.9))
            low, high = (_rounded(self._space.scales[name].decode(float(u))) for u in (low, high))
            parts.append(f"{name} {low} .. {high}" if low != high else f"{name} {low}")
        return ", ".join(parts) or "the best lie all over the space"


class _Columns:
    """Unit coordinates as the surface sees them: an ordered axis is one column, a choice one column for each of its values."""

    def __init__(self, space: Space) -> None:
        self._sizes = [scale.size if isinstance(scale, Counted) and not scale.is_ordered else 0 for scale in space.scales.values()]
        self.count = sum(size or 1 for size in self._sizes)

    def of(self, points: np.ndarray) -> np.ndarray:
        columns = []
        for axis, size in enumerate(self._sizes):
            if size:
                place = np.minimum((points[:, axis] * size).astype(np.int64), size - 1)
                columns.append(0.5 * np.eye(size)[place])
            else:
                columns.append(points[:, axis : axis + 1])
        return np.concatenate(columns, axis=1)


def _agreement(space: Space, points: np.ndarray) -> dict[str, float]:
    if not len(points):
        return dict.fromkeys(space.names, 0.0)
    return {name: max(0.0, 1 - 12 * float(s) ** 2) for name, s in zip(space.names, points.std(axis=0), strict=True)}


def _rounded(value: Value) -> str:
    return f"{value:.2g}" if isinstance(value, float) else print_short(value)
