"""Is the best value on a boundary of the space? Then better ones may lie beyond.

A searched range is called too narrow at an end where the best trial lies at it, and with it so many of the next best that chance would
seldom do that. Of n trials, at the end means in the outer 5 % of the scale, or 1/n where that is more; of a scale of few values, the last
of them. The next best are 2, 3 from 16 trials on, a tenth of all from 40 on; those in the outer quarter count. If a hyperparameter did
not matter, their places would be drawn from the whole scale, and so

    P(best at the end) * P(Binomial(next best, share of the scale in the outer quarter) >= those there)

is how likely chance is; it must be at most 0.6 %, at which 11 trials can tell of a range, and 16 of 4 counted values. Of random trials
with 7 ranges that do not matter, an end is then named in 1 to 4 studies of 100.
Names whose ends mean something (no dropout, no l2) are widened in the other direction only.
Knows nothing of: training, studies.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from osetra.core.errors import SpaceError
from osetra.core.records import Trial, Value
from osetra.space.conditions import When
from osetra.space.continuous import Linear, Log, OneMinusLog
from osetra.space.counted import Counted, Integer, LogInteger, PowersOfTwo
from osetra.space.known import check_values
from osetra.space.scale import Scale
from osetra.space.scales import make_scale
from osetra.space.space import Space

OUTER = 0.05
OUTER_OF_BEST = 0.25
FEWEST = 3
CHANCE = 0.006
"""At most, of one end of one range."""
_ONLY_UP = ("l2", "l1", "num_layers", "clip_norm", "noise", "mixup", "decay")
_ONLY_DOWN = ("keep_prob", "input_keep_prob", "label_smoothing", "decay_base")


@dataclass(frozen=True, slots=True, kw_only=True)
class Boundary:
    """A range whose end the best trials lie at."""

    name: str
    value: Value
    """The best trial's."""
    end: str
    """lower or upper."""
    old: Scale
    new: Scale
    """The same kind of range, reaching further at that end."""


def boundaries(space: Space, trials: Sequence[Trial], *, best: Trial) -> tuple[Boundary, ...]:
    """Of each searched range. trials: best first; none is found with fewer than 3 that have a dev error. Names sorted."""
    able = [trial for trial in trials if trial.dev_error is not None and trial.state.can_win]
    others = [trial for trial in able if trial.number != best.number]
    outer = max(OUTER, 1 / max(len(able), 1))
    found = []
    for name, scale in space.scales.items():
        held = [trial.configuration.get(name) for trial in others]
        places = [scale.encode(value) for value in held if value is not None and scale.contains(value)][: _next_best(len(able))]
        value = best.configuration.get(name)
        if value is None or not scale.contains(value) or len(places) < FEWEST - 1:
            continue
        for end, one_sided in (("upper", _ONLY_DOWN), ("lower", _ONLY_UP)):
            new = widened(scale, end)
            if new is None or name in one_sided or not is_allowed(name, new):
                continue
            if _chance(scale, value, places, end, outer) <= CHANCE:
                found.append(Boundary(name=name, value=value, end=end, old=scale, new=new))
    return tuple(found)


def _next_best(trials: int) -> int:
    """How many beside the best are looked at."""
    return max(FEWEST - 1, 3 if trials >= 16 else 0, trials // 10)


def _chance(scale: Scale, value: Value, places: Sequence[float], end: str, outer: float) -> float:
    """How likely the best and the next best, at `places` of the scale, lie at an end as they do if they lie anywhere; 1: they do not."""

    def depth(place: float) -> float:
        """From the end."""
        return 1.0 - place if end == "upper" else place

    at_end, quarter = outer, OUTER_OF_BEST
    if isinstance(scale, Counted) and scale.size * outer <= 1:
        depths = sorted(depth(scale.encode(scale.at(number))) for number in range(scale.size))
        inside = sum(one <= OUTER_OF_BEST for one in depths)
        # A value encodes to the middle of its stretch of the scale; stretches meet half-way.
        at_end, quarter = 2 * depths[0], sum(depths[inside - 1 : inside + 1]) / 2 if 0 < inside < scale.size else 0.0
        is_at_end = depth(scale.encode(value)) == depths[0]
    else:
        is_at_end = depth(scale.encode(value)) <= outer
    if not is_at_end:
        return 1.0
    there, of = sum(depth(place) <= OUTER_OF_BEST for place in places), len(places)
    return at_end * sum(math.comb(of, k) * quarter**k * (1 - quarter) ** (of - k) for k in range(there, of + 1))


def widened(scale: Scale, end: str) -> Scale | None:
    """The range, reaching further at its `lower` or `upper` end: a factor of 10 (of a count 4), half the width; None if it cannot."""
    up = end == "upper"
    match scale:
        case PowersOfTwo():
            low, high = (scale.low, scale.high * 4) if up else (max(1, scale.low // 4), scale.high)
        case LogInteger():
            low, high = (scale.low, scale.high * 4) if up else (max(1, scale.low // 4), scale.high)
        case Integer():
            low, high = (scale.low, scale.high + 2) if up else (scale.low - 2, scale.high)
        case Log():
            low, high = (scale.low, _short(scale.high * 10)) if up else (_short(scale.low / 10), scale.high)
        case OneMinusLog():
            low, high = (scale.low, _short(1 - (1 - scale.high) / 10)) if up else (max(_short(1 - (1 - scale.low) * 5), 0.1), scale.high)
        case Linear():
            half = (scale.high - scale.low) / 2
            low, high = (scale.low, _short(scale.high + half)) if up else (_short(scale.low - half), scale.high)
        case _:
            return None
    made = make_scale(scale.kind, (min(low, scale.low), max(high, scale.high)))
    return None if made == scale else made


def entry_like(space: Space, name: str, new: Scale | Value) -> Scale | Value | When:
    """`new` as an entry of the space, under the conditions that the name has there."""
    return When(entry=new, conditions=space.conditions[name]) if name in space.conditions else new


def is_allowed(name: str, entry: Scale | Value) -> bool:
    """Whether the hyperparameter can take every value of the entry."""
    try:
        check_values(Space({name: entry}))
    except SpaceError:
        return False
    return True


def _short(value: float) -> float:
    """To 4 digits: a bound that a person reads."""
    return float(f"{value:.4g}")
