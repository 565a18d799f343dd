"""Which configurations a re-test trains: the winner, its rivals, fresh ones; how many a budget pays for; and what lies between two of them.

A rival differs from the winner, and from the rivals before it, by a tenth of a hyperparameter's range or by a choice: a search that
zooms in leaves many near-copies of its winner, which can never be told from it. Where there are too few such, others fill up.
Knows nothing of: how they are trained.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from osetra.core.records import Configuration, TrialState
from osetra.diagnosis.staleness import FEWEST_SEEDS
from osetra.space.values import same

if TYPE_CHECKING:
    from osetra.space.space import Space
    from osetra.study.handle import Study

APART = 0.1
"""Of a hyperparameter's range, by which rivals differ."""
MOST_DRAWS = 1_000
"""For fresh configurations; a small space may hold few besides those that are candidates already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A configuration that was trained anew."""

    name: str
    """`trial 12` or `fresh 1`."""
    trial: int | None
    """Of the study; None for a fresh configuration."""
    configuration: Configuration


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A hyperparameter in which the candidate that beats the old winner differs from it."""

    name: str
    old: Any
    new: Any
    share: float | None
    """Of its range, 0 .. 1; None for a choice and one that only one of the two has."""


def choose(study: "Study", *, rivals: int, fresh: int, seed: int) -> list[Candidate]:
    """The winner, so many rivals in the study's order and so many fresh configurations; fewer where there are no more."""
    from osetra.search.random import RandomSampler

    space = study.space
    known = ranked(study)
    chosen = known[:1]
    for is_apart in (_is_apart, _differs):
        for one in known[1:]:
            if len(chosen) <= rivals and all(is_apart(space, one.configuration, other.configuration) for other in chosen):
                chosen.append(one)
    chosen = [chosen[0], *sorted(chosen[1:], key=known.index)]
    sampler = RandomSampler(space, seed=seed)
    drawn: list[Candidate] = []
    for number in range(MOST_DRAWS):
        configuration = sampler.propose(number) if len(drawn) < fresh else None
        if configuration is None:
            break
        if all(_differs(space, configuration, other.configuration) for other in chosen):
            drawn.append(Candidate(name=f"fresh {len(drawn) + 1}", trial=None, configuration=configuration))
    return chosen + drawn


def ranked(study: "Study") -> list[Candidate]:
    """The study's configurations, each once, the winner first, then the finalists by their finals, then by dev error."""
    best = study.best
    listed = [(best.number, best.configuration)]
    listed += [(int(one["trial"]), one["configuration"]) for one in study.facts.get("finals_results") or ()]
    states = [state for state in TrialState if state.is_over and state.can_win]
    listed += [
        (trial.number, trial.configuration) for trial in study.store.trials(study.name, states=states) if trial.dev_error is not None
    ]
    seen: dict[tuple[Any, ...], Candidate] = {}
    for number, configuration in listed:
        key = tuple(sorted(configuration.items()))
        seen.setdefault(key, Candidate(name=f"trial {number}", trial=number, configuration=dict(configuration)))
    return list(seen.values())


def moves(space: "Space", old: Configuration, new: Configuration) -> tuple[Move, ...]:
    """In which searched hyperparameters `new` differs from `old`, choices first, then the widest; what moved by under a tenth is left out
    where something else moved further.
    """
    found = []
    for name, scale in space.scales.items():
        before, after = old.get(name), new.get(name)
        if before == after or (before is not None and after is not None and same(before, after)):
            continue
        share = None
        if before is not None and after is not None and scale.is_ordered and scale.contains(before) and scale.contains(after):
            share = abs(scale.encode(after) - scale.encode(before))
        found.append(Move(name=name, old=before, new=after, share=share))
    far = [one for one in found if one.share is None or one.share >= APART]
    return tuple(sorted(far or found, key=lambda one: -math.inf if one.share is None else -one.share))


def _is_apart(space: "Space", one: Configuration, other: Configuration) -> bool:
    return any(move.share is None or move.share >= APART for move in moves(space, other, one))


def _differs(space: "Space", one: Configuration, other: Configuration) -> bool:
    return bool(moves(space, other, one))


def affordable(
    study: "Study", candidates: list[Candidate], seeds: int, *, seconds: float, rows: int
) -> tuple[list[Candidate], int, list[str]]:
    """As many candidates and seeds as the seconds should pay for on so many training rows, and what is to be said of that.

    Fresh ones go first, then rivals, down to one of either, then seeds.
    """
    from osetra.executors.threads import available_cores

    trial, most = study.best, study.facts["epochs_per_trial"]
    # Patience ends most trainings well before their last epoch, where there is any.
    epochs = most if study.facts.get("patience") is None else min(2 * trial.epochs, most)
    each = trial.seconds / max(1, trial.epochs) * epochs * rows / max(1, study.facts["split"]["sizes"][0])
    count = max(2 * FEWEST_SEEDS, int(seconds * available_cores() / max(each, 1e-9)))
    winner = candidates[:1]
    old, new = ([one for one in candidates[1:] if (one.trial is None) is is_fresh] for is_fresh in (False, True))
    kept_seeds = seeds
    while (1 + len(old) + len(new)) * kept_seeds > count:
        if len(new) > 1 and len(new) >= len(old):
            new.pop()
        elif len(old) > 1:
            old.pop()
        elif kept_seeds > FEWEST_SEEDS:
            kept_seeds -= 1
        elif new and old:
            new.pop()
        else:
            break
    kept = winner + old + new
    if len(kept) == len(candidates) and kept_seeds == seeds:
        return candidates, seeds, []
    note = f"The budget pays for about {count} trainings: {len(kept)} of {len(candidates)} candidates, {kept_seeds} of {seeds} seeds each."
    return kept, kept_seeds, [note]
