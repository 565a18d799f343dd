"""Expected improvement by its formula, and whether the search for the point of the highest one finds it."""

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import log_ndtr

from osetra.search.improvement import log_improvement, most_promising
from osetra.search.surface import Surface


@pytest.mark.parametrize("z", [-2000.0, -999.0, -40.0, -6.0, -1.0, -1e-9, 0.0, 1e-9, 0.7, 5.0, 40.0])
@pytest.mark.parametrize("deviation", [0.01, 3.0])
def test_the_logarithm_of_the_expected_improvement(z, deviation):
    """Held against the integral of Phi from minus infinity to z, which is the same by parts."""
    mean = np.array([1.5])
    (found,) = log_improvement(mean, np.array([deviation]), 1.5 + z * deviation)
    z = (1.5 + z * deviation - 1.5) / deviation
    reach = 40 / max(1.0, abs(z)) if z < 0 else z + 40
    total, _ = quad(lambda t: math.exp(log_ndtr(z - t) - log_ndtr(z)), 0, reach, epsabs=0, epsrel=1e-11, limit=500)
    assert found == pytest.approx(math.log(deviation) + log_ndtr(z) + math.log(total), rel=1e-9, abs=1e-9)


def unmoved(points):
    return points


def test_the_best_of_a_line_is_found():
    """The surface of five results on a line; the highest improvement is that of a fine grid, or higher."""
    x = np.array([[0.05], [0.3], [0.55], [0.8], [0.97]])
    surface = Surface(1, noise=1e-4)
    surface.know(x, np.array([0.9, -0.4, -1.1, 0.1, 1.3]))

    def promise(points):
        return log_improvement(*surface.moments(points), -1.1)

    grid = promise(np.linspace(0, 1, 100_001)[:, None])
    found = most_promising(promise, unmoved, x[:3], [0], np.random.default_rng(0))
    gains = promise(found)
    assert gains[0] == pytest.approx(grid.max(), abs=1e-3)
    assert (np.diff(gains) <= 0).all()


def test_far_corners_are_reached_from_where_the_best_are():
    """A promise that rises towards one corner of eight axes and a value of a choice: both are found."""

    def promise(points):
        return points[:, :8].sum(axis=1) + (np.floor(points[:, 8] * 4) == 2)

    nearby = np.full((3, 9), 0.1)
    best = most_promising(promise, unmoved, nearby, [0] * 8 + [4], np.random.default_rng(1))[0]
    # Points all over the cube alone come to the best of 200 sums of eight uniform numbers, about 6.2.
    assert promise(best[None])[0] > 7.5
    assert math.floor(best[8] * 4) == 2


def test_what_may_not_be_promised_comes_last_and_points_count_where_they_settle():
    def promise(points):
        assert set(points[:, 0].tolist()) <= {0.25, 0.75}
        return np.where(points[:, 1] > 0.5, -math.inf, points[:, 1])

    def settle(points):
        points[:, 0] = np.where(points[:, 0] < 0.5, 0.25, 0.75)
        return points

    found = most_promising(promise, settle, np.array([[0.25, 0.9]]), [0, 0], np.random.default_rng(2))
    allowed = found[:, 1] <= 0.5
    assert found[0, 1] == pytest.approx(0.5, abs=0.01)
    assert not allowed[np.argmin(allowed) :].any()
