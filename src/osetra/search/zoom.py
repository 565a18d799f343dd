"""Zoom: Sobol points first, then points where a surface fitted to all results promises more.

Trials are ordered by the best error so far, whatever epoch they have reached, and scored by that order. Errors fall with training, so one
that was left behind stands where it belongs or a little lower, and one that beats a longer trained one is better. Neither the scale of the
errors nor a few absurd ones change anything.
A share `explore` of the proposals stays with the Sobol sequence. Each of the others is the best of a few points in one random draw of the
surface (Thompson 1933), half as far again from its mean. The points come from a density around the good ones, those of the best 15 % among
the trials that came furthest (as in BOHB, Falkner et al. 2018, arXiv:1807.01774, but wider). So the surface, which knows little after few
trials, only chooses among what the good ones have in common. What is drawn beyond a bound is put on it, so bounds are tried often: where
more is better, the best lies there, and Sobol points never do.
Surface and density are made anew when a quarter more has been heard of; their cost is bounded, however many trials there are.
Where what is heard of a trial is exact, its last word and not an early one, it counts by its value, and the zoom closes in: each proposal
is where the surface expects the most improvement (see `improvement`), and what is out counts as having come to what it expects there.
Knows nothing of: training, budgets, rungs.
"""

import math
from collections import deque
from collections.abc import Sequence

import numpy as np

from osetra.core.blas import one_blas_thread
from osetra.core.records import Configuration, Value
from osetra.core.seeding import Seed
from osetra.search.density import Density, cells, choices_of
from osetra.search.improvement import log_improvement, most_promising
from osetra.search.proposed import Proposed, lies_in, placed
from osetra.search.scores import by_order, by_value
from osetra.search.sobol import SobolSampler
from osetra.search.surface import SPREAD_NOISE, START_NOISE, Surface
from osetra.space.counted import Counted
from osetra.space.space import Space
from osetra.space.values import print_short

GROWTH = 1.25
MOST_FITTED = 300
GOOD_SHARE, MOST_GOOD = 0.15, 64
"""Of the trials that came furthest, the density's; never fewer than hyperparameters + 1."""
POINTS = 48
BOLDNESS = 1.5
"""Deviations of the draw, in those of the surface."""
LOOK, REFIT = 1.01, 1.05
"""The growth after which an exact zoom looks at its results again, so that it costs the same of many, and fits its surface anew."""
EXPLORE, EXPLORE_EXACT = 1 / 3, 0.1
MORE_THAN_NAMES = 4
"""Trials before an exact zoom begins. With twenty it was behind on functions and on LCBench, ahead on TaskSet (LOG.md)."""
EXACT_NOISE, SPREAD_EXACT_NOISE = 0.01, 2.0
NEARBY, MOST_OUT = 8, 64
"""Of the best, how many are looked around; of those who are out, how many are counted as done."""
FEWEST_TO_AGREE = 3
DIGITS = 9
"""Coordinates are rounded to these, so that the unit in which an axis is written changes nothing."""


class ZoomSampler:
    """A `Sampler`. Asked for trials in rising order; the same results in the same order give the same proposals.

    exact: whether a trial is heard of once, when it is over. start: trials before the first zoom, by default 20 or twice the
    hyperparameters; if exact, four more than hyperparameters. explore: share of Sobol points later on, a third; if exact, a tenth.
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
        explore: float | None = None,
        exact: bool = False,
    ) -> None:
        for configuration in then:
            space.validate(configuration)
        self._then = deque(then)
        self._space, self._seed = space, seed
        enough = len(space.names) + MORE_THAN_NAMES if exact else max(20, 2 * len(space.names))
        self._start = enough if start is None else start
        self._sobol = SobolSampler(space, seed=seed, first=first)
        self._sobol_taken = 0
        self._proposed = Proposed(space)
        self._configurations: dict[int, dict[str, Value]] = {}
        self._points: dict[int, np.ndarray] = {}
        """By trial, where in the space it counts; none for one that has no place in it since an edit."""
        self._epochs: dict[int, int] = {}
        self._heard: dict[int, float] = {}
        self._aside: dict[int, float] = {}
        """What was heard of trials that have no place."""
        self._fits = 0
        self._is_exact = exact
        self._out: dict[int, None] = {}
        """Trials proposed and not heard of, in order."""
        self._begin_surface()
        self.explore = (EXPLORE_EXACT if exact else EXPLORE) if explore is None else explore
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
            self._out[number] = None
        return configuration

    def observe(self, number: int, epoch: int, value: float) -> None:
        """Keep the latest result of a trial."""
        self._epochs[number] = epoch
        self._out.pop(number, None)
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
        noise = (EXACT_NOISE, SPREAD_EXACT_NOISE) if self._is_exact else (START_NOISE, SPREAD_NOISE)
        self._surface = Surface(self._columns.count, noise=noise[0], spread_noise=noise[1])
        self._looked = self._refitted = 0
        """After how many results an exact zoom looked at them, and fitted its surface."""
        self._known = (np.empty((0, len(self._space.names))), np.empty(0))
        """Points and scores as of then."""
        self._density: Density | None = None
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
        # The bits must not depend on the threads of BLAS, which are none the quicker with matrices of this size.
        with one_blas_thread():
            if len(self._heard) >= GROWTH * self._fitted:
                self._look_back()
            points = self._closer(generator) if self._is_exact else self._drawn(generator)
        for point in points:
            configuration = self._space.decode(point)
            if self._space.fits(configuration) and self._proposed.is_new(configuration):
                return configuration
        return None

    def _drawn(self, generator: np.random.Generator) -> np.ndarray:
        """Points of the density [n, d], the lowest in a draw of the surface first."""
        assert self._density is not None
        points = self._density.draw(POINTS, generator)
        mean, root = self._surface.at(self._columns.of(points))
        return points[np.argsort(mean + BOLDNESS * (root @ generator.standard_normal(len(mean))), kind="stable")]

    def _closer(self, generator: np.random.Generator) -> np.ndarray:
        """Points [n, d], where the most improvement is expected first."""
        count = len(self._heard)
        if count >= LOOK * self._looked:
            self._looked, self._known = count, self._scored(self._order())
        points, scores = self._known
        columns = self._columns.of(points)
        if count >= REFIT * self._refitted:
            self._refitted = count
            self._fits += 1
            self._surface.fit(columns, scores, Seed(study=self._seed).generator("surface", self._fits))
        else:
            self._surface.know(columns, scores)
        out = [self._points[number] for number in list(self._out)[-MOST_OUT:] if number in self._points]
        if out:
            ahead = self._columns.of(np.array(out))
            columns, scores = np.concatenate([columns, ahead]), np.concatenate([scores, self._surface.moments(ahead)[0]])
            self._surface.know(columns, scores)
        # Of those who are out, too: what is expected of them is no improvement any more.
        incumbent = float(self._surface.moments(columns)[0].min())

        def promise(tried: np.ndarray) -> np.ndarray:
            gains = log_improvement(*self._surface.moments(self._columns.of(tried)), incumbent)
            if self._space.constraints:
                gains[[not self._space.fits(self._space.decode(point)) for point in tried]] = -math.inf
            return gains

        choices = [choices_of(scale) for scale in self._space.scales.values()]
        return most_promising(promise, self._settled, points[:NEARBY], choices, generator)

    def _settled(self, points: np.ndarray) -> np.ndarray:
        """Where points [n, d] count: the middle of the bin of a value that can be counted, 0.5 for a name that does not exist."""
        for axis, scale in enumerate(self._space.scales.values()):
            if isinstance(scale, Counted):
                points[:, axis] = [scale.encode(scale.decode(u)) for u in points[:, axis].tolist()]
        if self._space.conditions:
            for point in points:
                configuration = self._space.decode(point)
                point[[name not in configuration for name in self._space.names]] = 0.5
        return points

    def _order(self) -> np.ndarray:
        """Trials that were heard of, from the best on. NaN, those that diverged, comes behind all numbers."""
        count = len(self._heard)
        numbers = np.fromiter(self._heard, dtype=np.int64, count=count)
        return numbers[np.lexsort((numbers, np.fromiter(self._heard.values(), dtype=np.float64, count=count)))]

    def _scored(self, order: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Points [n, d] and scores [n] of trials given from the best on; of many the best and some of all others."""
        count = len(order)
        places = np.arange(count)
        if count > MOST_FITTED:
            half = MOST_FITTED // 2
            places = np.unique(np.concatenate([places[:half], np.linspace(half, count - 1, half).astype(np.int64)]))
        points = np.array([self._points[number] for number in order[places].tolist()])
        if self._is_exact:
            return points, by_value(np.array([self._heard[number] for number in order.tolist()]))[places]
        return points, by_order(count, places)

    def _look_back(self) -> None:
        """At all results: a sentence, the elites, and surface and density where these are looked at."""
        order = self._order()
        count = self._fitted = len(order)
        points, scores = self._scored(order)
        able = max(1, sum(not math.isnan(value) for value in self._heard.values()))
        self._elites = points[: min(max(5, count // 10), able)]
        spread = [number for number in order[:able].tolist() if number not in self.zoomed]
        self._spread_elites = np.array([self._points[number] for number in spread[: max(5, len(spread) // 10)]])
        if not self._is_exact:
            self._fits += 1
            self._surface.fit(self._columns.of(points), scores, Seed(study=self._seed).generator("surface", self._fits))
            self._density = Density(self._space, self._good_among(order))
        self.sentences.append(f"after {count} trials: {self._in_words()}")

    def _good_among(self, ordered: np.ndarray) -> np.ndarray:
        """Points [n, d] of the good ones of trials, given from the best to the worst: of those that came at least as far as d + 3 did."""
        d = len(self._space.names)
        epochs = np.array([self._epochs[number] for number in ordered.tolist()])
        enough = min(d + 3, len(epochs))
        furthest = ordered[epochs >= np.partition(epochs, -enough)[-enough]]
        count = max(d + 1, min(round(GOOD_SHARE * len(furthest)), MOST_GOOD))
        return np.array([self._points[number] for number in furthest[:count].tolist()])

    def _in_words(self) -> str:
        """Where the middle four fifths of the elites lie, of the names on which they agree most."""
        agreement, held = _agreement(self._space, self._elites), _held(self._space, self._elites)
        names = sorted(agreement, key=lambda name: -agreement[name])
        parts = []
        for name in names:
            if agreement[name] < 0.3 or not self._space.scales[name].is_ordered:
                continue
            low, high = np.quantile(held[name], (0.1, 0.9))
            low, high = (_rounded(self._space.scales[name].decode(float(u))) for u in (low, high))
            parts.append(f"{name} {low} .. {high}" if low != high else f"{name} {low}")
        return ", ".join(parts) or "the best lie all over the space"


class _Columns:
    """Unit coordinates as the surface sees them: an ordered axis is one column, a choice one column for each of its values."""

    def __init__(self, space: Space) -> None:
        self._sizes = [choices_of(scale) for scale in space.scales.values()]
        self.count = sum(size or 1 for size in self._sizes)

    def of(self, points: np.ndarray) -> np.ndarray:
        columns = []
        for axis, size in enumerate(self._sizes):
            if size:
                columns.append(0.5 * np.eye(size)[cells(points[:, axis], size)])
            else:
                columns.append(points[:, axis : axis + 1])
        return np.concatenate(columns, axis=1)


def _agreement(space: Space, points: np.ndarray) -> dict[str, float]:
    """By name, of those points [n, d] for which it exists; 0 where these are too few to tell."""
    enough = max(1, min(FEWEST_TO_AGREE, len(points)))
    return {
        name: max(0.0, 1 - 12 * float(values.std()) ** 2) if len(values) >= enough else 0.0 for name, values in _held(space, points).items()
    }


def _held(space: Space, points: np.ndarray) -> dict[str, np.ndarray]:
    """By name, the coordinates of those points [n, d] for which it exists."""
    columns = dict(zip(space.names, points.T, strict=True))
    if not space.conditions:
        return columns
    configurations = [space.decode(point) for point in points]
    return {name: values[[name in one for one in configurations]] for name, values in columns.items()}


def _rounded(value: Value) -> str:
    return f"{value:.2g}" if isinstance(value, float) else print_short(value)
