"""Among which points the surface chooses: those around the good ones of the trials that came furthest."""

import numpy as np
import pytest

from osetra.search.zoom import ZoomSampler
from osetra.space import Space, choice, linear, when

LINE = Space({"x": linear(0, 1)})


def heard(told, space=LINE):
    """A sampler after these (epoch, error), one of each trial, and its configurations."""
    sampler = ZoomSampler(space, seed=0, start=len(told), explore=0.0)
    configurations = [sampler.propose(number) for number in range(len(told))]
    for number, (epoch, error) in enumerate(told):
        sampler.observe(number, epoch, error)
    sampler.propose(len(told))
    return sampler, configurations


@pytest.mark.parametrize(
    ("told", "good"),
    [
        # One axis: four trials are enough, two of them are good. The lowest errors stand on the first rung.
        ([(1, 0.1), (1, 0.2), (4, 0.7), (4, 0.5), (4, 0.6), (4, 0.4), (1, 0.3)], {3, 5}),
        # Three on the last rung are too few: the four that came furthest are all on the second or above.
        ([(1, 0.1), (9, 0.5), (9, 0.4), (9, 0.8), (4, 0.45), (1, 0.2), (1, 0.3)], {2, 4}),
        ([(1, 0.5), (1, float("nan")), (1, 0.2), (1, 0.3), (1, float("nan"))], {2, 3}),
    ],
)
def test_good_ones_are_of_those_that_came_furthest(told, good):
    sampler, configurations = heard(told)
    expected = sorted(configurations[number]["x"] for number in good)
    assert sorted(sampler._density._points[:, 0]) == pytest.approx(expected, abs=1e-8)


SQUARE = Space({"x": linear(0, 1), "y": linear(0, 1)})


def valley(x, y):
    """Lowest, 0, at (0.3, 0.72)."""
    return (x - 0.3) ** 2 + 3 * (y - 0.72) ** 2 + 0.5 * (x - 0.3) * (y - 0.72)


def closing_in(value, trials, *, seed=0):
    """An exact zoom that has heard of its trials, and these."""
    sampler = ZoomSampler(SQUARE, seed=seed, start=6, explore=0.0, exact=True)
    proposed = []
    for number in range(trials):
        proposed.append(sampler.propose(number))
        sampler.observe(number, 1, value(**proposed[-1]))
    return sampler, proposed


@pytest.mark.parametrize("seed", range(5))
def test_an_exact_zoom_closes_in(seed):
    """Of 25 points of a Sobol sequence the nearest is about a tenth off, and about 0.01 above the lowest."""
    assert min(valley(**one) for one in closing_in(valley, 25, seed=seed)[1]) < 1e-3


def apart(proposed):
    """The median distance of two of them."""
    points = np.array([[one["x"], one["y"]] for one in proposed])
    return np.median(np.sqrt(((points[:, None] - points) ** 2).sum(axis=2))[np.triu_indices(len(points), 1)])


def test_who_is_out_is_not_looked_for_again():
    """Six at once lie further apart than six that do not know of one another, which are about the same."""
    alone = [closing_in(valley, 7)[0].propose(number) for number in range(7, 13)]
    sampler, _ = closing_in(valley, 7)
    together = [sampler.propose(number) for number in range(7, 13)]
    assert together[0] == alone[0]
    assert apart(together) > 5 * apart(alone)


def test_where_the_best_lie_is_told_of_those_that_have_the_name():
    """Trials of kind b, which have no rate, are the best of all; those of kind a are the better the lower their rate."""
    space = Space({"kind": choice("a", "b"), "rate": when(linear(0, 1), kind="a"), "width": linear(0, 1)})
    sampler = ZoomSampler(space, seed=0, start=60, explore=0.0, exact=True)
    for number in range(60):
        one = sampler.propose(number)
        sampler.observe(number, 1, one["rate"] if one["kind"] == "a" else 0.1 * number)
    sampler.propose(60)
    told = [sampler._space.decode(point) for point in sampler._elites]
    rates = [one["rate"] for one in told if "rate" in one]
    assert 3 <= len(rates) < len(told)
    low, high = np.quantile(rates, (0.1, 0.9))
    assert f"rate {low:.2g} .. {high:.2g}" in sampler.sentences[-1]
    assert sampler._elites[:, space.names.index("rate")].max() == 0.5
