"""What every searcher keeps to, as plain functions that fail by assert.

    @pytest.mark.parametrize("claim", SEARCHER_CONTRACT)
    def test_my_searcher(claim):
        claim(lambda space, seed: MySearcher(space, seed=seed))

Each takes a factory of fresh searchers. Needs no test framework.
Knows nothing of: how any searcher chooses.
"""

import random
from collections import deque
from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np

from osetra.core.ports import Searcher
from osetra.core.records import Configuration, Trial, TrialState
from osetra.space.scales import choice, integer, linear, log, log_integer, one_minus_log, ordinal, powers_of_two
from osetra.space.space import Space

SearcherFactory: TypeAlias = Callable[[Space, int], Searcher]
"""(space, study seed) -> a searcher that has not been asked yet."""

FLOATS = Space(
    {
        "learning_rate": log(1e-4, 1.0),
        "momentum": one_minus_log(0.9, 0.999),
        "keep_prob": linear(0.5, 1.0),
        "batch_size": powers_of_two(16, 512),
        "steps": log_integer(1, 1000),
        "activation": choice("relu", "tanh"),
        "optimizer": "adam",
    }
)
FINITE = Space({"num_layers": integer(1, 4), "width": ordinal(1, 3, 10), "batch_norm": choice(True, False), "optimizer": "adam"})
LAG = 3
"""Trials handed out before the result of the first is told, as when several run side by side."""


def run(searcher: Searcher, count: int, *, seed: int = 0) -> list[Configuration | None]:
    """Ask for trials 0 .. count - 1 and tell results `LAG` trials late, in order, one in seven of them diverged without an error."""
    errors = np.random.default_rng(seed).random(count)
    running: deque[Trial] = deque()
    proposals: list[Configuration | None] = []
    for number in range(count):
        if len(running) == LAG:
            searcher.tell(running.popleft())
        configuration = searcher.ask(number)
        proposals.append(configuration)
        if configuration is None:
            continue
        if number % 7 == 3:
            running.append(Trial(number=number, configuration=configuration, state=TrialState.DIVERGED, reason="cost is not finite"))
        else:
            error = float(errors[number])
            running.append(
                Trial(number=number, configuration=configuration, state=TrialState.FINISHED, epochs=1, best_epoch=1, dev_error=error)
            )
    return proposals


def proposals_lie_in_the_space(make: SearcherFactory) -> None:
    for space in (FLOATS, FINITE):
        for configuration in run(make(space, 0), 20):
            assert configuration is not None, "None before the space was used up"
            space.validate(configuration)


def no_configuration_is_proposed_twice(make: SearcherFactory) -> None:
    for space in (FLOATS, FINITE):
        proposals = [configuration for configuration in run(make(space, 1), 40) if configuration is not None]
        assert len(_distinct(proposals)) == len(proposals), "a configuration came twice"


def a_finite_space_is_used_up_exactly(make: SearcherFactory) -> None:
    size = int(FINITE.size)
    proposals = run(make(FINITE, 2), size + 3)
    assert all(configuration is not None for configuration in proposals[:size]), f"None before all {size} configurations were proposed"
    assert len(_distinct([configuration for configuration in proposals[:size] if configuration is not None])) == size
    assert proposals[size:] == [None] * 3, "a proposal after the last configuration"


def the_same_seed_and_results_give_the_same_proposals(make: SearcherFactory) -> None:
    assert run(make(FLOATS, 3), 40) == run(make(FLOATS, 3), 40), "two searchers with one seed differ"


def another_seed_gives_other_proposals(make: SearcherFactory) -> None:
    assert run(make(FLOATS, 4), 40) != run(make(FLOATS, 5), 40), "the seed changes nothing"


def the_order_of_a_space_changes_nothing(make: SearcherFactory) -> None:
    turned = Space(dict(reversed([*FLOATS.scales.items(), *FLOATS.fixed.items()])))
    assert run(make(FLOATS, 6), 40) == run(make(turned, 6), 40), "the order in which a space is written changes the proposals"


def shared_randomness_is_neither_used_nor_changed(make: SearcherFactory) -> None:
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002  the global state is what this claim is about
    one = run(make(FLOATS, 7), 20)
    drawn = (random.random(), np.random.random())  # noqa: NPY002, S311
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    assert drawn == (random.random(), np.random.random()), "the searcher drew from the shared generators"  # noqa: NPY002, S311
    assert one == run(make(FLOATS, 7), 20), "the searcher depends on the shared generators"


SEARCHER_CONTRACT: Sequence[Callable[[SearcherFactory], None]] = (
    proposals_lie_in_the_space,
    no_configuration_is_proposed_twice,
    a_finite_space_is_used_up_exactly,
    the_same_seed_and_results_give_the_same_proposals,
    another_seed_gives_other_proposals,
    the_order_of_a_space_changes_nothing,
    shared_randomness_is_neither_used_nor_changed,
)


def _distinct(proposals: Sequence[Configuration]) -> set[tuple[tuple[str, object], ...]]:
    return {tuple(sorted(configuration.items())) for configuration in proposals}
