"""Which search a word stands for.

    waves                the default: waves of trials up a ladder, zooming in on what does well
    SAMPLER              every trial straight to its last epoch: random, sobol, grid, coarse_to_fine, zoom (Bayesian optimisation), tpe
                         (needs Optuna)
    SAMPLER+SCHEDULER    the same sampler on a ladder: asha, successive_halving, hyperband

Knows nothing of: how any of them works.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from osetra.core.errors import StudyError
from osetra.core.ports import Sampler, Search
from osetra.core.records import Configuration

if TYPE_CHECKING:
    from osetra.space.space import Space

SAMPLERS = ("random", "sobol", "grid", "coarse_to_fine", "zoom", "tpe")
SCHEDULERS = ("plain", "asha", "successive_halving", "hyperband")
DEFAULT = "waves"


def parse_strategy(strategy: str) -> tuple[str, str]:
    """Sampler and scheduler of a word; of `waves`, that and nothing. Raises StudyError for one that stands for nothing."""
    if strategy == DEFAULT:
        return DEFAULT, ""
    sampler, plus, scheduler = strategy.partition("+")
    if sampler not in SAMPLERS or (plus and scheduler not in SCHEDULERS):
        ladders = ", +".join(SCHEDULERS[1:])
        raise StudyError(
            f"strategy must be {DEFAULT}, or one of {', '.join(SAMPLERS)}, perhaps with +{ladders} behind it, got {strategy!r}; "
            "for example random+asha"
        )
    return sampler, scheduler or "plain"


def make_sampler(
    name: str, space: "Space", *, seed: int, first: Configuration | None, exact: bool = True, then: Sequence[Configuration] = ()
) -> Sampler:
    """The sampler of that name. exact: whether it hears of a trial once, when it is over. then: of a zoom, what the trials after it get.

    Raises SpaceError if it cannot search the space, MissingExtra if what it needs is not installed.
    """
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
        case "zoom":
            from osetra.search.zoom import ZoomSampler

            return ZoomSampler(space, seed=seed, first=first, then=then, exact=exact)
        case "tpe":
            from osetra.search.optuna_sampler import OptunaSampler

            return OptunaSampler(space, seed=seed, first=first)
        case _:
            from osetra.search.random import RandomSampler

            return RandomSampler(space, seed=seed, first=first)


def make_search(
    strategy: str,
    space: "Space",
    *,
    seed: int,
    first: Configuration | None,
    last: int,
    epochs: int | None,
    trials: int | None,
    elites: Sequence[Configuration] = (),
) -> Search:
    """The search that a word stands for.

    last: the most epochs of a trial; epochs, trials: bounds on all of them, or None; first: what trial 0 gets; elites: what the next ones
    get.
    """
    name, scheduler = parse_strategy(strategy)
    if name == DEFAULT:
        from osetra.search.waves import Waves

        return Waves(space, seed=seed, last=last, budget=epochs, trials=trials, first=first, then=elites)
    from osetra.search import schedulers

    exact = scheduler == "plain"
    # A zoom learns from what came of the elites; no other sampler would hear of it.
    if first is not None and elites and name != "zoom":
        from osetra.search.warm_start import WarmStarted

        sampler: Sampler = WarmStarted(space, make_sampler(name, space, seed=seed, first=None, exact=exact), [first, *elites])
    else:
        sampler = make_sampler(name, space, seed=seed, first=first, exact=exact, then=elites)
    kinds = {
        "plain": schedulers.Plain,
        "asha": schedulers.Asha,
        "successive_halving": schedulers.SuccessiveHalving,
        "hyperband": schedulers.Hyperband,
    }
    return kinds[scheduler](sampler, last=last, budget=epochs, trials=trials)
