"""The density that zoomed points are drawn from."""

import numpy as np
import pytest
from scipy.stats import gaussian_kde

from osetra.search.density import LEAST_CHANCE, LEAST_WIDTH, WIDENED, Density
from osetra.space.scales import choice, linear
from osetra.space.space import Space


def test_the_density_is_scotts_only_wider():
    generator = np.random.default_rng(0)
    points = 0.5 + 0.02 * generator.standard_normal((30, 2))
    density = Density(Space({"x": linear(0, 1), "y": linear(0, 1)}), points)
    drawn = density.draw(40_000, generator)
    # Scott's factor by SciPy; 1.06 is that of a normal reference in one dimension.
    width = WIDENED * 1.06 * gaussian_kde(points.T, bw_method="scott").factor * points.std(axis=0)
    assert (width > LEAST_WIDTH).all()
    assert drawn.mean(axis=0) == pytest.approx(points.mean(axis=0), abs=0.002)
    assert drawn.std(axis=0) == pytest.approx(np.sqrt(points.var(axis=0) + width**2), rel=0.02)


def test_where_all_good_ones_agree_others_are_still_drawn():
    space = Space({"x": linear(0, 1), "kind": choice("a", "b", "c", "d")})
    points = np.tile(space.encode({"x": 0.5, "kind": "b"}), (20, 1))
    drawn = Density(space, points).draw(40_000, np.random.default_rng(1))
    assert drawn[:, space.names.index("x")].std() == pytest.approx(LEAST_WIDTH, rel=0.02)
    kinds = [space.decode(point)["kind"] for point in drawn]
    # Of those that are drawn anew a quarter comes out as it was.
    for other in "acd":
        assert kinds.count(other) / len(kinds) == pytest.approx(LEAST_CHANCE / 4, abs=0.004)


def test_choices_are_drawn_anew_the_more_often_the_less_good_ones_agree():
    space = Space({"kind": choice("a", "b")})
    agreeing, split = (np.array([space.encode({"kind": kind}) for kind in kinds]) for kinds in ("a" * 19 + "b", "a" * 10 + "b" * 10))
    widths = [Density(space, points)._widths[0] for points in (agreeing, split)]
    # 1 - (0.95^2 + 0.05^2) = 0.095 and 0.5, times 5 * 1.06 * 20^(-1/5).
    factor = WIDENED * 1.06 * 20**-0.2
    assert widths == pytest.approx([0.095 * factor, 0.5 * factor])
