"""The surface held against scikit-learn's Gaussian process, and against what it was shown."""

import numpy as np
import pytest
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern

from osetra.search.surface import JITTER, START_LENGTH, START_LEVEL, Surface


@pytest.mark.parametrize("noise", [1e-4, 0.3])
def test_mean_and_deviation_are_those_of_another_gaussian_process(noise):
    generator = np.random.default_rng(3)
    points, fresh = generator.random((25, 3)), generator.random((40, 3))
    scores = np.sin(5 * points[:, 0]) + points[:, 1] - 0.5
    surface = Surface(3, noise=noise)
    surface.know(points, scores)
    kernel = ConstantKernel(1.0) * Matern(START_LENGTH, nu=2.5) + ConstantKernel(START_LEVEL)
    other = GaussianProcessRegressor(kernel, alpha=noise + JITTER, optimizer=None).fit(points, scores)
    mean, covariance = other.predict(fresh, return_cov=True)
    found, deviation = surface.moments(fresh)
    assert found == pytest.approx(mean, rel=1e-7, abs=1e-9)
    assert deviation == pytest.approx(np.sqrt(np.diag(covariance)), rel=1e-5)
    drawn_mean, root = surface.at(fresh)
    assert drawn_mean == pytest.approx(mean, rel=1e-7, abs=1e-9)
    assert root @ root.T == pytest.approx(covariance + JITTER * np.eye(40), abs=1e-8)


def test_fitting_finds_which_axis_matters():
    """A score of one axis of three: its length becomes the shortest, and what it was shown more likely than before."""
    generator = np.random.default_rng(4)
    points = generator.random((50, 3))
    scores = np.sin(7 * points[:, 1])
    scores -= scores.mean()
    surface = Surface(3)
    before = surface._log_posterior(surface._theta, points, scores)
    for _ in range(5):
        surface.fit(points, scores, generator)
    assert surface._log_posterior(surface._theta, points, scores) > before
    assert np.argmin(surface._theta[:3]) == 1


def test_the_surface_goes_through_what_it_was_shown():
    generator = np.random.default_rng(1)
    points = generator.random((60, 2))
    scores = np.sin(4 * points[:, 0])
    surface = Surface(2)
    surface.fit(points, scores - scores.mean(), generator)
    fresh = generator.random((30, 2))
    mean, root = surface.at(fresh)
    assert np.corrcoef(mean, np.sin(4 * fresh[:, 0]))[0, 1] > 0.97
    # The draws' covariance is that of the surface: small near what is known.
    assert np.abs((root @ root.T).diagonal()).max() < 0.5


def test_the_surface_can_be_drawn_at_points_that_coincide():
    """Also with those that it was shown, where nothing is left to draw."""
    generator = np.random.default_rng(2)
    points = np.repeat(generator.random((10, 3)), 6, axis=0)
    surface = Surface(3)
    surface.fit(points, points[:, 0] - points[:, 0].mean(), generator)
    mean, root = surface.at(np.tile(points[:6], (8, 1)))
    assert np.ptp(mean) < 1e-9
    assert np.isfinite(root).all()
