"""How much each hyperparameter mattered for coming out among the best: PED-ANOVA.

    v_j = (g'/g)^2 sum over x_j of q (p/q - 1)^2        p: density of x_j among the best share g' of all trials
                                                        q: its density among the best share g, the region asked about

v_j is the variance, over x_j as it was tried in the region, of the chance that a trial of the region is among the best. Densities are those
of unit coordinates: of 50 bins, or of the values themselves where there are fewer, smoothed by a Gaussian of Scott's bandwidth where they
have an order, with one trial's weight spread over all. Where x_j exists only beside certain values of others, a and b being the shares of
the best and of the region in which it does, its variance within these is a^2/b times the above.
Sources: Watanabe, Bansal & Hutter 2023, arXiv:2304.10255, theorem 1 and section 4; for conditional ones arXiv:2601.20800, theorem 4.2.

Ours: trials at unequal epochs are put in the order of `merit`. p and q have one bandwidth, that of p, so that sampling alone makes no
difference between them. A finite sample of trials shows variance by chance; the mean of what random trials in place of the best would show
(exactly: multivariate hypergeometric draws) is taken off before shares are made, and decides what is no more than chance.
Only what one hyperparameter explains by itself is seen, not what two do together.
Knows nothing of: training, curves, stores.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from osetra.core.errors import StudyError
from osetra.core.records import Configuration, Trial
from osetra.core.seeding import Seed
from osetra.search.merit import in_order
from osetra.space.counted import Counted
from osetra.space.space import Space

LEAST_TRIALS = 20
LEAST_BEST = 5
"""Trials that count as the best, however small their share."""
BINS = 50
RESAMPLES = 200
CHANCE_DRAWS = 1000
SURE = 0.975
"""Share of the resamples in which one must be ahead of another to be called so."""
_BANDWIDTH_STEP = 1.1
"""Bandwidths are rounded to powers of it, so that few kernels serve all resamples."""
_NARROWEST = 0.5 / 1.64
"""Bins; a Gaussian so narrow has 90 % of its mass in its own bin."""

TIERS = {
    "learning_rate": 1,
    **dict.fromkeys(("momentum", "batch_size", "hidden_units", "l2", "keep_prob"), 2),
    **dict.fromkeys(("num_layers", "schedule", "decay"), 3),
    **dict.fromkeys(("beta1", "beta2", "eps"), 4),
}
"""What is expected to matter most is 1; 4 is what nobody tunes unless asked. As `space.tiers` has them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Importance:
    """One hyperparameter's."""

    name: str
    tier: int | None
    """None for one that is in no tier."""
    share: float
    """Of all that single hyperparameters explain beyond chance, 0 .. 1."""
    low: float
    high: float
    """Of the share: 95 % interval, by bootstrap over trials (Efron 1979)."""
    variance: float
    """v_j, chance not taken off."""
    by_chance: float
    """The mean of v_j if the best were any trials of the region."""
    above_chance: bool
    """Whether v_j is more than chance shows in one of 20 such studies, all hyperparameters taken together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Importances:
    """All searched hyperparameters, the weightiest first."""

    hyperparameters: tuple[Importance, ...]
    best: int
    """Trials that count as the best."""
    trials: int
    """Trials of the region."""
    levels: tuple[int, ...]
    """Epochs at which trials were left behind; empty where all were trained to their end."""
    sentences: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "hyperparameters": [{name: getattr(one, name) for name in Importance.__slots__} for one in self.hyperparameters],
            "best": self.best,
            "trials": self.trials,
            "levels": list(self.levels),
            "sentences": list(self.sentences),
        }


def importance(space: Space, trials: Sequence[Trial], *, share: float = 0.1, region: float = 1.0, seed: int = 0) -> Importances:
    """Which hyperparameters decided whether a trial of the region came out among the best.

    share: of all trials, which are the best; at least 5 are, and all that tie with the last of them. region: the best share of all trials
    that is asked about: 1 is all of them (global importance), 0.5 the better half (local: what still matters once the worst are avoided).
    Raises `StudyError` unless 0 < share < region <= 1, for fewer than 20 trials, a region less than twice as large as its best, and a
    space in which nothing is searched.
    """
    if not 0 < share < region <= 1:
        raise StudyError(f"importance needs 0 < share < region <= 1, got share {share} and region {region}; such as 0.1 and 1")
    if not space.names:
        raise StudyError("importance needs hyperparameters that were searched, got a space in which all are fixed; search some")
    order = in_order(trials)
    count = len(order.trials)
    if count < LEAST_TRIALS:
        raise StudyError(f"importance needs at least {LEAST_TRIALS} trials that ended, got {count}; train more")
    within = _through(order.places, math.ceil(region * count))
    best = _through(order.places, max(LEAST_BEST, math.ceil(share * count)))
    if 2 * best > within:
        raise StudyError(
            f"importance needs a region of at least twice its best trials, got {best} best, ties included, of {within}; "
            "train more, or give a larger region"
        )
    axes = [_Axis.of(space, name, [trial.configuration for trial in order.trials[:within]]) for name in space.names]
    variances = np.array([axis.variances(axis.counts(best)[None], axis.counts(within)[None], best, within)[0] for axis in axes])
    chance = [axis.by_chance(best, within, Seed(study=seed).generator(f"importance of {axis.name}")) for axis in axes]
    means = np.array([draws.mean() for draws in chance])
    resampled = _resampled(axes, order.places[:within], best, Seed(study=seed).generator("importance"))
    # A resample has the noise of the sample and as much of its own.
    shares, spread = _shares(variances - means), _shares(resampled - 2 * means)
    low, high = np.quantile(spread, [0.025, 0.975], axis=0)
    found = [
        Importance(
            name=axis.name, tier=TIERS.get(axis.name), share=float(shares[j]), low=float(min(low[j], shares[j])),
            high=float(max(high[j], shares[j])), variance=float(variances[j]), by_chance=float(means[j]),
            above_chance=bool(variances[j] > np.quantile(chance[j], 1 - 0.05 / len(axes))),
        )
        for j, axis in enumerate(axes)
    ]  # fmt: skip
    by_weight = sorted(range(len(axes)), key=lambda j: (-found[j].share, -found[j].variance, found[j].name))
    listed = tuple(found[j] for j in by_weight)
    return Importances(
        hyperparameters=listed, best=best, trials=within, levels=order.levels,
        sentences=tuple(_sentences(listed, spread[:, by_weight], best, within, is_global=within == count)),
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class _Axis:
    """Where the trials of the region lie on one axis, best trial first."""

    name: str
    bins: np.ndarray
    """int64 [trials]; `size` for a trial in which the name does not exist."""
    size: int
    is_ordered: bool

    @classmethod
    def of(cls, space: Space, name: str, configurations: Sequence[Configuration]) -> "_Axis":
        scale = space.scales[name]
        size = min(scale.size, BINS)
        assert isinstance(size, int), "a number of bins is whole"
        given = [configuration.get(name) for configuration in configurations]
        present = np.array([value is not None for value in given])
        values = [value for value in given if value is not None]
        bins = np.full(len(given), size, np.int64)
        if isinstance(scale, Counted):
            # Few distinct values: each is looked up once. One of an earlier, larger space counts as the nearest.
            bin_of = {value: min(int(scale.encode(scale.nearest(value)) * size), size - 1) for value in set(values)}
            bins[present] = [bin_of[value] for value in values]
        else:
            numbers = np.array([value if type(value) is float else scale.nearest(value) for value in values], np.float64)
            edges = np.array([scale.decode(edge / size) for edge in range(1, size)], np.float64)
            bins[present] = np.searchsorted(edges, numbers, side="right")
        return cls(name=name, bins=bins, size=size, is_ordered=scale.is_ordered)

    def counts(self, first: int, times: np.ndarray | None = None) -> np.ndarray:
        """Of the first so many trials, each counted so many `times`; float64 [size + 1], the last for those without the name."""
        weights = None if times is None else times[:first]
        return np.bincount(self.bins[:first], weights=weights, minlength=self.size + 1).astype(np.float64)

    def variances(self, best: np.ndarray, all_: np.ndarray, num_best: float | np.ndarray, num_all: float) -> np.ndarray:
        """v_j for each row of counts [rows, size + 1] of the best and of all."""
        best, all_ = best[:, : self.size], all_[:, : self.size]
        within_best, within_all = best.sum(axis=1), all_.sum(axis=1)
        spans = _bandwidths(best) if self.is_ordered else np.full(len(best), -1)
        result = np.zeros(len(best))
        for span in set(spans.tolist()):
            rows = np.flatnonzero(spans == span)
            p, q = (_density(counts[rows], _kernel(self.size, span)) for counts in (best, all_))
            result[rows] = (q * (p / q - 1) ** 2).sum(axis=1)
        a, b = within_best / num_best, within_all / num_all
        return np.where(within_best > 0, (num_best / num_all) ** 2 * a**2 / np.maximum(b, 1e-12) * result, 0.0)

    def by_chance(self, best: int, within: int, generator: np.random.Generator) -> np.ndarray:
        """v_j in so many draws of `best` trials of the region instead of the best."""
        counts = self.counts(within)
        drawn = generator.multivariate_hypergeometric(counts.astype(np.int64), best, size=CHANCE_DRAWS)
        return self.variances(drawn.astype(np.float64), np.repeat(counts[None], CHANCE_DRAWS, axis=0), best, within)


def _resampled(axes: Sequence[_Axis], places: np.ndarray, best: int, generator: np.random.Generator) -> np.ndarray:
    """v_j of trials drawn anew with replacement, [RESAMPLES, axes]."""
    within = len(places)
    tops = [np.empty((RESAMPLES, axis.size + 1)) for axis in axes]
    alls = [np.empty((RESAMPLES, axis.size + 1)) for axis in axes]
    num_best = np.empty(RESAMPLES)
    for row in range(RESAMPLES):
        times = np.bincount(generator.integers(0, within, within), minlength=within).astype(np.float64)
        reached = int(np.searchsorted(np.cumsum(times), best))
        first = int(np.searchsorted(places, places[reached], side="right"))
        num_best[row] = times[:first].sum()
        for axis, top, all_ in zip(axes, tops, alls, strict=True):
            top[row], all_[row] = axis.counts(first, times), axis.counts(within, times)
    return np.stack([axis.variances(top, all_, num_best, within) for axis, top, all_ in zip(axes, tops, alls, strict=True)], axis=1)


def _shares(excess: np.ndarray) -> np.ndarray:
    """[..., axes] of sum 1, or all 0 where nothing is left."""
    kept = np.maximum(excess, 0.0)
    total = kept.sum(axis=-1, keepdims=True)
    return np.divide(kept, total, out=np.zeros_like(kept), where=total > 0)


def _through(places: np.ndarray, count: int) -> int:
    """The first so many trials and all that tie with the last of them."""
    return int(np.searchsorted(places, places[min(count, len(places)) - 1], side="right"))


def _bandwidths(counts: np.ndarray) -> np.ndarray:
    """Scott's, 1.059 min(deviation, interquartile range / 1.34) n^(-1/5), in bins and as the nearest power of `_BANDWIDTH_STEP`: [rows]."""
    at, n = np.arange(counts.shape[1]), np.maximum(counts.sum(axis=1), 1)
    mean = counts @ at / n
    deviation = np.sqrt(np.maximum(counts @ at**2 - n * mean**2, 0) / np.maximum(n - 1, 1))
    cumulative = np.cumsum(counts, axis=1)
    quarters = [(cumulative < share * n[:, None]).sum(axis=1) for share in (0.25, 0.75)]
    width = 1.059 * np.minimum(deviation, (quarters[1] - quarters[0]) / 1.34) * n**-0.2
    return np.round(np.log(np.maximum(width, _NARROWEST)) / math.log(_BANDWIDTH_STEP)).astype(np.int64)


@lru_cache(maxsize=512)
def _kernel(size: int, span: int) -> np.ndarray | None:
    """[size, size]: how a trial in a bin (row) is spread over all (columns); None where nothing is smoothed."""
    if span == -1:
        return None
    width = _BANDWIDTH_STEP**span * math.sqrt(2)
    edges = np.array([math.erf((k - 0.5) / width) for k in range(-size + 1, size + 1)])
    mass = np.diff(edges)
    kernel = np.stack([mass[size - 1 - row : 2 * size - 1 - row] for row in range(size)])
    return kernel / kernel.sum(axis=1, keepdims=True)


def _density(counts: np.ndarray, kernel: np.ndarray | None) -> np.ndarray:
    smoothed = counts if kernel is None else counts @ kernel
    return (smoothed + 1 / counts.shape[1]) / (counts.sum(axis=1, keepdims=True) + 1)


def _sentences(listed: Sequence[Importance], spread: np.ndarray, best: int, within: int, *, is_global: bool) -> list[str]:
    """For a person, held against the tiers; `spread` are resampled shares in the order of `listed`."""
    trials = f"{within:,} trials" if is_global else f"the best {within:,} trials"
    said = [one for one in listed if one.above_chance]
    if not said:
        return [f"No hyperparameter stands out from chance in {trials}; more would tell."]
    first = said[0]
    sentences = [
        (
            f"{first.name} mattered most for coming out among the best {best:,} of {trials}: {100 * first.share:.0f} % of what single "
            f"hyperparameters explain (95 % interval {100 * first.low:.0f} to {100 * first.high:.0f} %){_verdict(listed, spread)}."
        )
    ]
    for i, one in enumerate(listed):
        # The first has had its verdict on those of the first tier.
        behind = [j for j in _surely_behind(spread, i) if _tier(listed[j]) < _tier(one) and (i or _tier(listed[j]) > _first_tier(listed))]
        if one.above_chance and one.tier and behind:
            tiers = sorted({_tier(listed[j]) for j in behind})
            others = [f"{_listed([listed[j].name for j in behind if _tier(listed[j]) == tier])} of tier {tier}" for tier in tiers]
            sentences.append(f"{one.name}, of tier {one.tier}, mattered more than {' and '.join(others)}.")
    rest = [one.name for one in listed if not one.above_chance]
    if rest:
        sentences.append(f"No more than chance would show: {', '.join(rest)}.")
    return sentences


def _verdict(listed: Sequence[Importance], spread: np.ndarray) -> str:
    """Of the tiers on the weightiest, and who may be as weighty."""
    first, behind = listed[0], _surely_behind(spread, 0)
    expected = [j for j, one in enumerate(listed) if one.tier == _first_tier(listed)]
    close = [one.name for j, one in enumerate(listed) if j and one.above_chance and j not in behind]
    as_much = f"; {_listed(close)} may have mattered as much" if close else ""
    if first.tier is None:
        return as_much
    if 0 in expected:
        return f", as the tiers say{as_much}"
    names = _listed([listed[j].name for j in expected])
    if set(expected) <= set(behind):
        return f", though it is of tier {first.tier} and {names} of tier {_first_tier(listed)}{as_much}"
    return f", though {names}, which the tiers put first, may have mattered as much"


def _surely_behind(spread: np.ndarray, ahead: int) -> list[int]:
    """Who has a smaller share in all but one of 40 resamples."""
    return [j for j in range(spread.shape[1]) if (spread[:, ahead] > spread[:, j]).mean() >= SURE]


def _first_tier(listed: Sequence[Importance]) -> float:
    return min(map(_tier, listed))


def _tier(one: Importance) -> float:
    return math.inf if one.tier is None else one.tier


def _listed(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else "".join(words)
