"""Among which points the surface chooses: those around the good ones of the trials that came furthest."""

import numpy as np
import pytest
from scipy.stats import gaussian_kde

from osetra.search import zoom
from osetra.search.zoom import ZoomSampler
from osetra.space.scales import choice, linear
from osetra.space.space import Space

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


def test_the_density_is_scotts_only_wider():
    generator = np.random.default_rng(0)
    points = 0.5 + 0.02 * generator.standard_normal((30, 2))
    density = zoom._Density(Space({"x": linear(0, 1), "y": linear(0, 1)}), points)
    drawn = density.draw(40_000, generator)
    # Scott's factor by SciPy; 1.06 is that of a normal reference in one dimension.
    width = zoom.WIDENED * 1.06 * gaussian_kde(points.T, bw_method="scott").factor * points.std(axis=0)
    assert (width > zoom.LEAST_WIDTH).all()
    assert drawn.mean(axis=0) == pytest.approx(points.mean(axis=0), abs=0.002)
    assert drawn.std(axis=0) == pytest.approx(np.sqrt(points.var(axis=0) + width**2), rel=0.02)


def test_where_all_good_ones_agree_others_are_still_drawn():
    space = Space({"x": linear(0, 1), "kind": choice("a", "b", "c", "d")})
    points = np.tile(space.encode({"x": 0.5, "kind": "b"}), (20, 1))
    drawn = zoom._Density(space, points).draw(40_000, np.random.default_rng(1))
    assert drawn[:, space.names.index("x")].std() == pytest.approx(zoom.LEAST_WIDTH, rel=0.02)
    kinds = [space.decode(point)["kind"] for point in drawn]
    # Of those that are drawn anew a quarter comes out as it was.
    for other in "acd":
        assert kinds.count(other) / len(kinds) == pytest.approx(zoom.LEAST_CHANCE / 4, abs=0.004)


def test_choices_are_drawn_anew_the_more_often_the_less_good_ones_agree():
    space = Space({"kind": choice("a", "b")})
    agreeing, split = (np.array([space.encode({"kind": kind}) for kind in kinds]) for kinds in ("a" * 19 + "b", "a" * 10 + "b" * 10))
    widths = [zoom._Density(space, points)._widths[0] for points in (agreeing, split)]
    # 1 - (0.95^2 + 0.05^2) = 0.095 and 0.5, times 5 * 1.06 * 20^(-1/5).
    factor = zoom.WIDENED * 1.06 * 20**-0.2
    assert widths == pytest.approx([0.095 * factor, 0.5 * factor])
