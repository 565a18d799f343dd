"""Is the best value on a boundary of the space? Then better ones may lie beyond.

A searched range is called too narrow at an end where the best trial lies in its outer 5 % (of a counted scale: at its last value), and
the median of the best trials, a tenth and at least 3, in the outer quarter: one trial may lie there by chance. Names whose ends mean
something (no dropout, no l2) are widened in the other direction only.
Knows nothing of: training, studies.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from osetra.core.errors import SpaceError
from osetra.core.records import Trial, Value
from osetra.space.conditions import When
from osetra.space.continuous import Continuous, Linear, Log, OneMinusLog
from osetra.space.counted import Integer, LogInteger, PowersOfTwo
from osetra.space.known import check_values
from osetra.space.scale import Scale
from osetra.space.scales import make_scale
from osetra.space.space import Space

OUTER = 0.05
OUTER_OF_BEST = 0.25
FEWEST = 3
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
    leaders = able[: max(FEWEST, len(able) // 10)]
    found = []
    for name, scale in space.scales.items():
        places = [scale.encode(trial.configuration[name]) for trial in leaders if _holds(scale, trial.configuration.get(name))]
        value = best.configuration.get(name)
        if value is None or not _holds(scale, value) or len(places) < FEWEST:
            continue
        at, middle = scale.encode(value), median(places)
        upper = middle >= 1 - OUTER_OF_BEST and (at >= 1 - OUTER or _is_end(scale, value, "upper"))
        lower = middle <= OUTER_OF_BEST and (at <= OUTER or _is_end(scale, value, "lower"))
        if not ((upper and name not in _ONLY_DOWN) or (lower and name not in _ONLY_UP)):
            continue
        end = "upper" if upper else "lower"
        new = widened(scale, end)
        if new is not None and is_allowed(name, new):
            found.append(Boundary(name=name, value=value, end=end, old=scale, new=new))
    return tuple(found)


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


def _holds(scale: Scale, value: Value | None) -> bool:
    return value is not None and scale.contains(value)


def _is_end(scale: Scale, value: Value, end: str) -> bool:
    """Whether it is the last value of a counted range of 3 or more."""
    if isinstance(scale, Continuous) or not isinstance(scale, Integer | LogInteger | PowersOfTwo) or scale.size < FEWEST:
        return False
    return value == (scale.high if end == "upper" else scale.low)


def _short(value: float) -> float:
    """To 4 digits: a bound that a person reads."""
    return float(f"{value:.4g}")
