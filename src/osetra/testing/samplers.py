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
from collections.abc import Callable, Mapping, Sequence
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
EDITS: Sequence[tuple[Space, Callable[[Space], Space]]] = (
    (FLOATS, lambda space: space.widen("learning_rate", 1e-6, 10.0)),
    (FLOATS, lambda space: space.narrow("learning_rate", 1e-3, 1e-2)),
    (FLOATS, lambda space: space.fix("keep_prob", 0.75)),
    (FLOATS, lambda space: space.fix("activation", "tanh")),
    (FLOATS, lambda space: space.add_choice("activation", "sigmoid")),
    (FLOATS, lambda space: space.release("optimizer", choice("adam", "momentum"))),
    (FINITE, lambda space: space.narrow("num_layers", 2, 3)),
    (FINITE, lambda space: space.fix("width", 3)),
    (FINITE, lambda space: space.add_choice("width", 30)),
    (CONDITIONAL, lambda space: space.fix("optimizer", "momentum")),
    (CONDITIONAL, lambda space: space.narrow("momentum", 0.9, 0.95)),
    (CONDITIONAL, lambda space: space.add_choice("optimizer", "nesterov")),
    (CONDITIONAL, lambda space: space.release("beta1", ordinal(0.5, 0.9))),
    (CONSTRAINED, lambda space: space.narrow("num_layers", 2, 4)),
    (CONSTRAINED, lambda space: space.fix("hidden_units", 128)),
    (FINITE_CONDITIONAL, lambda space: space.fix("kind", "deep")),
    (FINITE_CONDITIONAL, lambda space: space.add_choice("batch_norm", "both")),
)
"""Spaces, and what a person may do to them while a study runs."""
SHRINKING = ((FINITE, EDITS[6][1]), (FINITE, EDITS[7][1]), (FINITE_CONDITIONAL, EDITS[15][1]))
"""Edits that leave less of a finite space."""
LAG = 3
"""Trials proposed before the first is heard of, as when several run side by side."""
COUNT = 24
"""Trials of most claims: beyond what samplers spend on a start."""


def run(
    sampler: Sampler, count: int, *, seed: int = 0, edits: Mapping[int, Space] | None = None, is_heard_first: bool = True
) -> list[Configuration | None]:
    """Propose trials 0 .. count - 1, heard of `LAG` later: all after epoch 1, every third after epoch 4 as well, one in seven diverged.

    edits: by the number of the trial before which they are made; after what is heard then, or before that.
    """
    errors = np.random.default_rng(seed).random((count, 2))
    running: deque[int] = deque()
    proposals: list[Configuration | None] = []
    for number in range(count):
        edited = (edits or {}).get(number)
        if edited is not None and not is_heard_first:
            sampler.edit(edited)
        if len(running) == LAG:
            _hear(sampler, running.popleft(), errors)
        if edited is not None and is_heard_first:
            sampler.edit(edited)
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


def proposals_follow_an_edit_and_never_repeat(make: SamplerFactory) -> None:
    """What lies outside the new space comes no more; and after the edit is undone nothing comes that came before it."""
    for space, edit in EDITS:
        edited = edit(space)
        proposals = run(make(space, 9), 36, edits={12: edited, 24: space})
        found = [configuration for configuration in proposals if configuration is not None]
        assert len(_distinct(found)) == len(found), "a configuration came twice"
        for place, configuration in enumerate(proposals):
            if configuration is not None:
                (edited if 12 <= place < 24 else space).validate(configuration)


def a_finite_space_made_smaller_is_used_up_exactly(make: SamplerFactory) -> None:
    for space, edit in SHRINKING:
        edited = edit(space)
        size = int(space.size)
        proposals = run(make(space, 10), size + 2, edits={5: edited})
        all_ = {_key(edited.at(place)) for place in range(int(edited.size))}
        before = _distinct([configuration for configuration in proposals[:5] if configuration is not None])
        after = _distinct([configuration for configuration in proposals[5:] if configuration is not None])
        assert after == all_ - before, "what remains of a smaller space was not proposed exactly"
        assert proposals[-1] is None, "a proposal after the last configuration"


def an_edit_is_as_good_before_as_after_what_is_heard(make: SamplerFactory) -> None:
    """The same edit before the same proposal gives the same proposals from then on, as often as one likes."""
    for space, edit in EDITS[::3]:
        edits = {16: edit(space)}
        one, two, three = (
            run(make(space, 11), COUNT + 8, edits=edits, is_heard_first=is_heard_first) for is_heard_first in (True, True, False)
        )
        assert one == two, "two samplers that were edited alike differ"
        assert one == three, "it matters whether an edit comes before or after what is heard"


SAMPLER_CONTRACT: Sequence[Callable[[SamplerFactory], None]] = (
    proposals_lie_in_the_space,
    no_configuration_is_proposed_twice,
    a_finite_space_is_used_up_exactly,
    the_same_seed_and_results_give_the_same_proposals,
    another_seed_gives_other_proposals,
    the_order_of_a_space_changes_nothing,
    rescaling_a_log_axis_changes_nothing_else,
    shared_randomness_is_neither_used_nor_changed,
    proposals_follow_an_edit_and_never_repeat,
    a_finite_space_made_smaller_is_used_up_exactly,
    an_edit_is_as_good_before_as_after_what_is_heard,
)


def _hear(sampler: Sampler, number: int, errors: np.ndarray) -> None:
    if number % 7 == 3:
        sampler.observe(number, 1, math.nan)
        return
    sampler.observe(number, 1, float(errors[number, 0]))
    if number % 3 == 0:
        sampler.observe(number, 4, float(errors[number].min()))


def _distinct(proposals: Sequence[Configuration]) -> set[tuple[tuple[str, object], ...]]:
    return {_key(configuration) for configuration in proposals}


def _key(configuration: Configuration) -> tuple[tuple[str, object], ...]:
    return tuple(sorted(configuration.items()))
