"""What every sampler keeps to, as plain functions that fail by assert.

    @pytest.mark.parametrize("claim", SAMPLER_CONTRACT)
    def test_my_sampler(claim):
        claim(lambda space, seed: MySampler(space, seed=seed))

Each takes a factory of fresh samplers. Needs no test framework.
Knows nothing of: how any sampler chooses.
"""

import math
import random
from collections import deque
from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np

from osetra.core.ports import Sampler
from osetra.core.records import Configuration
from osetra.space.conditions import when
from osetra.space.scales import choice, integer, linear, log, log_integer, one_minus_log, ordinal, powers_of_two
from osetra.space.space import Space

SamplerFactory: TypeAlias = Callable[[Space, int], Sampler]
"""(space, study seed) -> a sampler that has not been asked yet."""

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
CONDITIONAL = Space(
    {
        "optimizer": choice("gd", "momentum", "adam"),
        "learning_rate": log(1e-4, 1.0),
        "momentum": when(one_minus_log(0.8, 0.99), optimizer="momentum"),
        "beta1": when(0.9, optimizer="adam"),
        "schedule": choice("constant", "inverse"),
        "decay": when(log(0.01, 1.0), schedule="inverse", optimizer=("gd", "momentum")),
    }
)
CONSTRAINED = Space(
    {"learning_rate": log(1e-4, 1.0), "hidden_units": powers_of_two(16, 512), "num_layers": integer(1, 8), "optimizer": "adam"},
    constraints=("hidden_units * num_layers <= 512", "learning_rate < 0.1 or num_layers < 3"),
)
FINITE_CONDITIONAL = Space(
    {
        "kind": choice("plain", "deep"),
        "num_layers": when(integer(2, 5), kind="deep"),
        "batch_norm": when(choice(True, False), num_layers=(3, 4)),
        "hidden_units": powers_of_two(16, 64),
        "gain": when(1.0, batch_norm=True),
    },
    constraints=("hidden_units * num_layers <= 200",),
)
SPACES = (FLOATS, FINITE, CONDITIONAL, CONSTRAINED, FINITE_CONDITIONAL)
LAG = 3
"""Trials proposed before the first is heard of, as when several run side by side."""
COUNT = 24
"""Trials of most claims: beyond what samplers spend on a start."""


def run(sampler: Sampler, count: int, *, seed: int = 0) -> list[Configuration | None]:
    """Propose trials 0 .. count - 1, heard of `LAG` later: all after epoch 1, every third after epoch 4 as well, one in seven diverged."""
    errors = np.random.default_rng(seed).random((count, 2))
    running: deque[int] = deque()
    proposals: list[Configuration | None] = []
    for number in range(count):
        if len(running) == LAG:
            _hear(sampler, running.popleft(), errors)
        configuration = sampler.propose(number)
        proposals.append(configuration)
        if configuration is not None:
            running.append(number)
    return proposals


def proposals_lie_in_the_space(make: SamplerFactory) -> None:
    for space in SPACES:
        for configuration in run(make(space, 0), 16):
            assert configuration is not None, "None before the space was used up"
            space.validate(configuration)


def no_configuration_is_proposed_twice(make: SamplerFactory) -> None:
    for space in SPACES:
        proposals = [configuration for configuration in run(make(space, 1), COUNT) if configuration is not None]
        assert len(_distinct(proposals)) == len(proposals), "a configuration came twice"


def a_finite_space_is_used_up_exactly(make: SamplerFactory) -> None:
    for space in (FINITE, FINITE_CONDITIONAL, Space({"optimizer": "adam"})):
        size = int(space.size)
        proposals = run(make(space, 2), size + 3)
        assert all(configuration is not None for configuration in proposals[:size]), f"None before all {size} configurations were proposed"
        assert len(_distinct([configuration for configuration in proposals[:size] if configuration is not None])) == size
        assert proposals[size:] == [None] * 3, "a proposal after the last configuration"


def the_same_seed_and_results_give_the_same_proposals(make: SamplerFactory) -> None:
    assert run(make(FLOATS, 3), COUNT) == run(make(FLOATS, 3), COUNT), "two samplers with one seed differ"


def another_seed_gives_other_proposals(make: SamplerFactory) -> None:
    assert run(make(FLOATS, 4), COUNT) != run(make(FLOATS, 5), COUNT), "the seed changes nothing"


def the_order_of_a_space_changes_nothing(make: SamplerFactory) -> None:
    for space in (FLOATS, CONDITIONAL):
        turned = Space(dict(reversed(space.entries().items())))
        assert run(make(space, 6), COUNT) == run(make(turned, 6), COUNT), "the order in which a space is written changes the proposals"


def rescaling_a_log_axis_changes_nothing_else(make: SamplerFactory) -> None:
    """alpha in units of 0.001 and lambda in units of 8 give the same proposals in those units."""
    rates = Space({"learning_rate": log(1e-4, 1.0), "l2": log(0.01, 10.0), "num_layers": integer(1, 4), "keep_prob": linear(0.5, 1.0)})
    units = {"learning_rate": 1e-3, "l2": 8.0}
    other = rates.with_(learning_rate=log(1e-4 / 1e-3, 1.0 / 1e-3), l2=log(0.01 / 8, 10.0 / 8))
    for one, two in zip(run(make(rates, 8), COUNT), run(make(other, 8), COUNT), strict=True):
        assert one is not None, "None before the space was used up"
        assert two is not None, "None before the space was used up"
        for name, value in one.items():
            assert math.isclose(float(value), float(two[name]) * units.get(name, 1.0), rel_tol=1e-9), f"the unit of a log axis moves {name}"


def shared_randomness_is_neither_used_nor_changed(make: SamplerFactory) -> None:
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002  the global state is what this claim is about
    one = run(make(FLOATS, 7), COUNT)
    drawn = (random.random(), np.random.random())  # noqa: NPY002, S311
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    assert drawn == (random.random(), np.random.random()), "the sampler drew from the shared generators"  # noqa: NPY002, S311
    assert one == run(make(FLOATS, 7), COUNT), "the sampler depends on the shared generators"


SAMPLER_CONTRACT: Sequence[Callable[[SamplerFactory], None]] = (
    proposals_lie_in_the_space,
    no_configuration_is_proposed_twice,
    a_finite_space_is_used_up_exactly,
    the_same_seed_and_results_give_the_same_proposals,
    another_seed_gives_other_proposals,
    the_order_of_a_space_changes_nothing,
    rescaling_a_log_axis_changes_nothing_else,
    shared_randomness_is_neither_used_nor_changed,
)


def _hear(sampler: Sampler, number: int, errors: np.ndarray) -> None:
    if number % 7 == 3:
        sampler.observe(number, 1, math.nan)
        return
    sampler.observe(number, 1, float(errors[number, 0]))
    if number % 3 == 0:
        sampler.observe(number, 4, float(errors[number].min()))


def _distinct(proposals: Sequence[Configuration]) -> set[tuple[tuple[str, object], ...]]:
    return {tuple(sorted(configuration.items())) for configuration in proposals}
