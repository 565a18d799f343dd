"""The search itself: what its trials say of the space, of waste, and of how much of the best error is luck.

    best on a boundary        the best trials lie at an end of a range
    infeasible region         beyond some value trials diverge: the range is narrowed to where they do not
    importance against tier   what is tuned last mattered more than what is tuned first
    duplicates                configurations within 1 % of every range, whose errors differ by no more than luck
    cannot tell               most trials are as good as the best, as far as rows and seeds let one see
    over-tuned on dev         test is above dev, and whether the luck of the best of so many explains that

Knows nothing of: training, studies, how importance is found.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from osetra.core.errors import SpaceError
from osetra.core.records import Trial, TrialState, Value
from osetra.diagnosis.bias_variance import BiasVariance, amount
from osetra.diagnosis.boundaries import Boundary
from osetra.diagnosis.finding import Finding
from osetra.diagnosis.ranking import Ranking
from osetra.space.continuous import Continuous
from osetra.space.counted import Integer, LogInteger, PowersOfTwo
from osetra.space.scale import Scale
from osetra.space.scales import make_scale
from osetra.space.space import Space

MOSTLY = 0.8
"""Share of the trials of a region that came to nothing, from which on it is called infeasible."""
FEWEST_LOST = 3
SHARE_LOST = 0.05
"""Fewer trials than these that came to nothing are no finding."""
CLOSE = 0.01
"""Of a range."""
FEWEST_DUPLICATES = 3
SHARE_DUPLICATES = 0.1
FIRST_TIERS, LAST_TIER = 2, 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """The end of a range at which trials come to nothing."""

    name: str
    end: str
    """lower or upper."""
    lost: int
    """Trials there that diverged or failed."""
    of: int
    """Trials there."""
    old: Scale
    new: Scale
    """The range without it."""

    @property
    def sentence(self) -> str:
        side = ("above", self.new.arguments[-1]) if self.end == "upper" else ("below", self.new.arguments[0])
        share = f"all {self.of}" if self.lost == self.of else f"{self.lost} of the {self.of}"
        return f"{share} trials with {self.name} {side[0]} {_figure(side[1])} came to nothing"


def infeasible(space: Space, trials: Sequence[Trial]) -> Region | None:
    """The end of one range that most of the lost trials share, or None.

    Where at least 3 trials and 5 % were lost, diverged or failed: the longest end of which 80 % were lost and which has half of all lost
    ones in it. Of several, the one with the most lost and the fewest others.
    """
    lost = [trial for trial in trials if _is_lost(trial)]
    if len(lost) < max(FEWEST_LOST, SHARE_LOST * len(trials)) or len(lost) == len(trials):
        return None
    found: list[tuple[float, Region]] = []
    for name, scale in space.scales.items():
        if not isinstance(scale, Continuous | Integer | LogInteger | PowersOfTwo):
            continue
        given = [trial for trial in trials if name in trial.configuration and scale.contains(trial.configuration[name])]
        for end in ("upper", "lower"):
            region = _end(name, scale, given, end, fewest=max(FEWEST_LOST, (len(lost) + 1) // 2))
            if region is not None:
                found.append((region.lost - 4 * (region.of - region.lost), region))
    return max(found, key=lambda pair: pair[0])[1] if found else None


def judge_search(
    space: Space,
    trials: Sequence[Trial],
    *,
    error_name: str,
    ranking: Ranking | None = None,
    boundaries: Sequence[Boundary] = (),
    region: Region | None = None,
    importances: Mapping[str, Mapping[str, Any]] | None = None,
    gaps: BiasVariance | None = None,
) -> tuple[Finding, ...]:
    """What is out of order, the gravest first; empty where nothing is.

    trials: of the search, without the seeds of its finals. importances: of each hyperparameter `share`, `low`, `high`, `above_chance` and
    `tier` (None: in no tier). gaps: of the best network, with its error on test where there is one.
    """
    found = []
    cannot_tell = ranking is not None and ranking.cannot_tell
    if ranking is not None and cannot_tell:
        found.append(_cannot_tell(ranking, has_rows=gaps is not None))
    found += _over_tuned(gaps, ranking)
    found += _infeasible(trials, region)
    # Where nothing is better than anything else, neither is an end of a range.
    found += [] if cannot_tell else [_boundary(boundary) for boundary in boundaries]
    found += _against_tiers(importances or {})
    found += _duplicates(space, trials, ranking, error_name)
    return tuple(found)


def _cannot_tell(ranking: Ranking, *, has_rows: bool) -> Finding:
    told = ranking.sentence
    if ranking.unproven:
        told += f"; {ranking.unproven:,} more were left behind early, when they did no worse than the best did then"
    larger = "a dev part four times as large, or four seeds of each, halves the luck" if has_rows else "four runs of each halve the luck"
    return Finding(
        name="cannot tell", sentence=told,
        remedy=f"choose by what else counts, such as the smallest or quickest of them; to rank them, {larger}; or search what was fixed",
        certainty=ranking.certainty, figure="leaderboard",
    )  # fmt: skip


def _over_tuned(gaps: BiasVariance | None, ranking: Ranking | None) -> list[Finding]:
    gap = None if gaps is None else gaps.gap("over-tuning on dev")
    if gaps is None or gap is None or not gap.is_high or ranking is None or ranking.optimism is None:
        return []
    luck = amount(ranking.optimism, gaps.error_name)
    chosen = f"the luck of the best of {ranking.trials:,} trials"
    # Luck is itself uncertain, by about as much as a trial's.
    if gap.low <= ranking.optimism + (ranking.deviation or 0.0):
        cause, remedy = f"{chosen}, about {luck}, and chance explain that", "expect the test error; use a larger dev part"
    else:
        cause = f"more than {chosen}, about {luck}, explains"
        remedy = "see whether dev and test are rows of one kind; expect the test error"
    return [
        Finding(
            name="over-tuned on dev", sentence=f"{_capital(gap.in_words(gaps.error_name))}; {cause}", remedy=remedy,
            certainty="the 95 % interval of the difference lies above 0", figure="bias_variance",
        )
    ]  # fmt: skip


def _infeasible(trials: Sequence[Trial], region: Region | None) -> list[Finding]:
    lost = [trial for trial in trials if _is_lost(trial)]
    if len(lost) < max(FEWEST_LOST, SHARE_LOST * len(trials)):
        return []
    states = {trial.state for trial in lost}
    told = f"{len(lost)} of {len(trials)} trials {' or '.join(sorted(states))}"
    if region is None:
        told, remedy = f"{told}, at no one end of a range", "see what those trials have in common; a range may be too wide"
        certainty = ""
    else:
        told, remedy = f"{told}: {region.sentence}", f"narrow {region.name} to {region.new}"
        certainty = "seen in trials, not proven for every configuration there"
    return [Finding(name="infeasible region", sentence=told, remedy=remedy, certainty=certainty, figure="parallel")]


def _boundary(boundary: Boundary) -> Finding:
    told = f"the best value of {boundary.name}, {_figure(boundary.value)}, lies at the {boundary.end} end of {boundary.old}"
    return Finding(
        name="best on a boundary",
        sentence=f"{_capital(told)}, as the best trials do",
        remedy=f"search {boundary.name} over {boundary.new}",
        certainty="so many of the best lie there that chance would seldom do it",
        figure="parallel",
    )


def _against_tiers(importances: Mapping[str, Mapping[str, Any]]) -> list[Finding]:
    """Something of a late tier, or of none, that surely mattered more than everything of tiers 1 and 2."""
    early = [one for one in importances.values() if one["tier"] is not None and one["tier"] <= FIRST_TIERS]
    if not early:
        return []
    found = []
    for name, one in importances.items():
        is_late = one["tier"] is None or one["tier"] >= LAST_TIER
        if is_late and one["above_chance"] and one["low"] > max(other["high"] for other in early):
            tier = "is in no tier" if one["tier"] is None else f"is of tier {one['tier']}"
            told = f"{name}, which {tier}, mattered more than everything of tiers 1 and 2: {100 * one['share']:.0f} %"
            told += f" of what single hyperparameters explain ({100 * one['low']:.0f} to {100 * one['high']:.0f} %)"
            remedy = f"search {name} first on data like this, and fix what mattered no more than chance"
            certainty = "its 95 % interval lies above all of theirs"
            found.append(Finding(name="importance against tier", sentence=told, remedy=remedy, certainty=certainty, figure="importance"))
    return found


def _duplicates(space: Space, trials: Sequence[Trial], ranking: Ranking | None, error_name: str) -> list[Finding]:
    """Of trials nearer than 1 % of every range to an earlier one: they taught nothing, unless the errors differ by more than luck."""
    deviation = 0.0 if ranking is None or ranking.deviation is None else ranking.deviation
    first: dict[tuple[Any, ...], Trial] = {}
    again = []
    for trial in sorted(trials, key=lambda trial: trial.number):
        place = tuple(_place(space, name, trial.configuration[name]) for name in sorted(trial.configuration))
        key = (tuple(sorted(trial.configuration)), place)
        earlier = first.setdefault(key, trial)
        if earlier is not trial and _is_alike(earlier, trial, 3 * deviation):
            again.append(trial)
    if len(again) < max(FEWEST_DUPLICATES, SHARE_DUPLICATES * len(trials)):
        return []
    what = "value" if error_name == "value" else "error"
    epochs, everything = sum(trial.epochs for trial in again), sum(trial.epochs for trial in trials)
    told = f"{len(again):,} of {len(trials):,} trials are within {100 * CLOSE:.0f} % of every range of an earlier one"
    told += f" and came to the same {what}, as far as luck lets one see: {100 * epochs / max(everything, 1):.0f} % of all epochs"
    remedy = "search wider ranges or more hyperparameters, or stop sooner"
    return [Finding(name="duplicates", sentence=told, remedy=remedy, figure="parallel")]


def _place(space: Space, name: str, value: Value) -> Any:
    """Of a continuous range the hundredth that the value lies in, else the value."""
    scale = space.scales.get(name)
    if isinstance(scale, Continuous) and scale.contains(value):
        return round(scale.encode(value) / CLOSE)
    return value


def _is_alike(one: Trial, other: Trial, luck: float) -> bool:
    if one.configuration == other.configuration:
        return True
    if one.dev_error is None or other.dev_error is None:
        return one.dev_error is other.dev_error
    # Trained unequally far, they differ by that, too.
    return luck > 0 and (one.epochs != other.epochs or abs(one.dev_error - other.dev_error) <= luck)


def _end(name: str, scale: Scale, trials: Sequence[Trial], end: str, *, fewest: int) -> Region | None:
    """The longest end of the range in which 80 % were lost, at least so many."""
    is_upper = end == "upper"
    ordered = sorted(trials, key=lambda trial: (scale.encode(trial.configuration[name]), trial.number), reverse=is_upper)
    lost, best = 0, 0
    for count, trial in enumerate(ordered, start=1):
        lost += _is_lost(trial)
        is_border = count == len(ordered) or ordered[count].configuration[name] != trial.configuration[name]
        if _is_lost(trial) and is_border and lost >= max(fewest, MOSTLY * count):
            best = count
    if best in (0, len(ordered)):
        return None
    bound = _between(ordered[best].configuration[name], ordered[best - 1].configuration[name])
    low, high = scale.arguments[0], scale.arguments[-1]
    try:
        new = make_scale(scale.kind, (low, bound) if is_upper else (bound, high))
    except SpaceError:
        return None
    there = ordered[:best]
    return Region(name=name, end=end, lost=sum(map(_is_lost, there)), of=best, old=scale, new=new)


def _is_lost(trial: Trial) -> bool:
    return trial.state in (TrialState.DIVERGED, TrialState.FAILED)


def _between(kept: Value, lost: Value) -> Value:
    """The shortest number from `kept` on, short of `lost`: a bound that a person reads."""
    if not isinstance(kept, float) or not isinstance(lost, float):
        return kept
    for digits in range(1, 8):
        for given in (kept, kept + (lost - kept) / 2):
            short = float(f"{given:.{digits}g}")
            if kept <= short < lost or kept >= short > lost:
                return short
    return kept


def _figure(value: Value) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
