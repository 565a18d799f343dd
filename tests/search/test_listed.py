"""A manual list is tried as it was written, after it was checked."""

import pytest

from osetra.core.errors import SpaceError
from osetra.search.listed import ListSampler
from osetra.space import Space, choice, integer, log, when

SPACE = Space(
    {
        "optimizer": choice("adam", "momentum"),
        "momentum": when(0.9, optimizer="momentum"),
        "rate": log(1e-4, 1),
        "layers": integer(1, 3),
        "eps": 1e-8,
    }
)
ONE = {"optimizer": "adam", "rate": 0.01, "layers": 1}
TWO = {"optimizer": "momentum", "rate": 0.01, "layers": 1}


def test_it_is_tried_in_order_and_then_ends():
    sampler = ListSampler(SPACE, [ONE, TWO])
    assert [sampler.propose(number) for number in range(4)] == [{**ONE, "eps": 1e-8}, {**TWO, "eps": 1e-8, "momentum": 0.9}, None, None]
    assert ListSampler(SPACE, [ONE, TWO]).propose(1) == sampler.propose(1)


def test_results_change_nothing():
    sampler = ListSampler(SPACE, [ONE, TWO])
    sampler.observe(0, 1, float("nan"))
    assert sampler.propose(1) == {**TWO, "eps": 1e-8, "momentum": 0.9}


@pytest.mark.parametrize(
    ("configurations", "message"),
    [
        ([], "a list of configurations needs at least one, got none"),
        ([ONE, {**ONE, "rate": 3}], "configuration 2 of the list: rate must be in log 0.0001 .. 1, got 3; the nearest is 1"),
        (
            [{"optimizer": "adam", "rate": 0.01}],
            "configuration 1 of the list: a configuration must give every hyperparameter a value, layers",
        ),
        ([ONE, TWO, {**ONE, "eps": 1e-8}], "a list must hold each configuration once, got the same as number 1 and 3; drop one"),
        ([ONE, {**ONE, "eps": 1e-7}], "configuration 2 of the list: eps must be 1e-08, at which it is fixed"),
        ([{**ONE, "momentum": 0.9}], "configuration 1 of the list: momentum exists only when optimizer is momentum"),
        ([3], "configuration 1 of the list must map names to values, got 3"),
    ],
)
def test_a_list_that_does_not_fit_the_space_is_refused(configurations, message):
    with pytest.raises(SpaceError) as caught:
        ListSampler(SPACE, configurations)
    assert message in str(caught.value)
