"""Which search a word stands for.

    SAMPLER              every trial straight to its last epoch: random, sobol, grid, coarse_to_fine, tpe (needs Optuna)
    SAMPLER+SCHEDULER    the same sampler on a ladder: asha, successive_halving, hyperband

Knows nothing of: how any of them works.
"""

from typing import TYPE_CHECKING

from osetra.core.errors import StudyError
from osetra.core.ports import Sampler, Search
from osetra.core.records import Configuration

if TYPE_CHECKING:
    from osetra.space.space import Space

SAMPLERS = ("random", "sobol", "grid", "coarse_to_fine", "tpe")
SCHEDULERS = ("plain", "asha", "successive_halving", "hyperband")
DEFAULT = "random"


def parse_strategy(strategy: str) -> tuple[str, str]:
    """Sampler and scheduler of a word. Raises StudyError for one that stands for nothing."""
    sampler, plus, scheduler = strategy.partition("+")
    if sampler not in SAMPLERS or (plus and scheduler not in SCHEDULERS):
        raise StudyError(
            f"strategy must be one of {', '.join(SAMPLERS)}, with +{', +'.join(SCHEDULERS[1:])} behind it for a ladder, got {strategy!r}; "
            "for example random+asha"
        )
    return sampler, scheduler or "plain"


def make_sampler(name: str, space: "Space", *, seed: int, first: Configuration | None) -> Sampler:
    """The sampler of that name. Raises SpaceError if it cannot search the space, MissingExtra if what it needs is not installed."""
    match name:
        case "sobol":
            from osetra.search.sobol import SobolSampler

            return SobolSampler(space, seed=seed, first=first)
        case "grid":
            from osetra.search.grid import GridSampler

            return GridSampler(space, seed=seed)
        case "coarse_to_fine":
            from osetra.search.coarse_to_fine import CoarseToFineSampler

            return CoarseToFineSampler(space, seed=seed, first=first)
        case "tpe":
            from osetra.search.optuna_sampler import OptunaSampler

            return OptunaSampler(space, seed=seed, first=first)
        case _:
            from osetra.search.random import RandomSampler

            return RandomSampler(space, seed=seed, first=first)


def make_search(
    strategy: str, space: "Space", *, seed: int, first: Configuration | None, last: int, epochs: int | None, trials: int | None
) -> Search:
    """The search that a word stands for. `last`: the most epochs of a trial; `epochs`, `trials`: bounds on all, or None."""
    from osetra.search import schedulers

    name, scheduler = parse_strategy(strategy)
    sampler = make_sampler(name, space, seed=seed, first=first)
    kinds = {
        "plain": schedulers.Plain,
        "asha": schedulers.Asha,
        "successive_halving": schedulers.SuccessiveHalving,
        "hyperband": schedulers.Hyperband,
    }
    return kinds[scheduler](sampler, last=last, budget=epochs, trials=trials)
