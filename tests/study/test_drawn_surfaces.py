"""Drawn surfaces against the Gaussian process that they are draws of, computed the direct way."""

import numpy as np
import pytest

from osetra.study.drawn_surfaces import (
    AT_FIRST,
    BEND,
    FALL,
    LATER,
    LENGTH,
    LEVEL,
    RATE,
    ROUGH_AT_FIRST,
    ROUGH_LATER,
    SPREAD_LATER,
    DrawnSurfaces,
)
from osetra.study.drawn_surfaces import SPREAD_AT_FIRST as SPREAD

NAMES = ["hidden_units", RATE]
DRAWS = 800


def matern(one, other):
    r = np.sqrt(5) * np.linalg.norm(one[:, None, :] - other[None, :, :], axis=2) / LENGTH
    return (1 + r + r**2 / 3) * np.exp(-r)


def features(points):
    off = points - 0.5
    return np.column_stack([np.ones(len(points)), off, off[:, 1] ** 2 - 1 / 12])


def expected(points, times):
    """Mean and covariance of f + t g, before anything is seen."""
    A = features(points)
    mean = A @ [LEVEL, AT_FIRST["hidden_units"], AT_FIRST[RATE], BEND] + times * (A @ [FALL, LATER["hidden_units"], LATER[RATE], 0.0])
    first = A @ np.diag(np.array([SPREAD[0], SPREAD[0], SPREAD[0], SPREAD[1]]) ** 2) @ A.T + ROUGH_AT_FIRST**2 * matern(points, points)
    spread = np.array([SPREAD_LATER[0], SPREAD_LATER[0], SPREAD_LATER[0], SPREAD_LATER[1]])
    later = A @ np.diag(spread**2) @ A.T + ROUGH_LATER**2 * matern(points, points)
    return mean, first + np.outer(times, times) * later


def drawn(points, times, seen=None):
    """`DRAWS` draws of f + t g."""
    values = np.empty((DRAWS, len(points)))
    for number in range(DRAWS):
        surfaces = DrawnSurfaces(NAMES, np.random.default_rng(number))
        if seen is not None:
            surfaces.agree(*seen)
        pairs = np.array([surfaces.at(point) for point in points])
        values[number] = pairs[:, 0] + times * pairs[:, 1]
    return values


POINTS = np.array([[0.1, 0.2], [0.3, 0.9], [0.9, 0.6]])
TIMES = np.array([0.0, 1.0, 2.0])


def close(values, mean, covariance):
    """Within four standard errors of what many draws come to."""
    assert values.mean(axis=0) == pytest.approx(mean, abs=4 * np.sqrt(np.diag(covariance).max() / DRAWS))
    assert np.cov(values.T) == pytest.approx(covariance, abs=4 * np.sqrt(2 / DRAWS) * np.diag(covariance).max())


def test_draws_have_the_mean_and_covariance_that_is_expected_before_anything_is_seen():
    close(drawn(POINTS, TIMES), *expected(POINTS, TIMES))


def test_draws_that_agree_with_what_was_seen_are_draws_of_the_posterior():
    """Rasmussen & Williams 2006, equations 2.25 and 2.26."""
    seen, times = np.array([[0.15, 0.3], [0.8, 0.5], [0.8, 0.5], [0.5, 0.95]]), np.array([0.0, 0.0, 1.0, 0.5])
    scores, noise = np.array([1.5, -1.0, -1.5, 0.7]), np.diag([0.3, 0.2, 0.2, 0.4])
    mean, covariance = expected(np.vstack([POINTS, seen]), np.concatenate([TIMES, times]))
    new, old = slice(0, 3), slice(3, None)
    gain = covariance[new, old] @ np.linalg.inv(covariance[old, old] + noise)
    posterior = mean[new] + gain @ (scores - mean[old]), covariance[new, new] - gain @ covariance[old, new]
    close(drawn(POINTS, TIMES, (seen, times, scores, noise)), *posterior)


def test_without_anything_to_tune_there_is_one_point():
    surfaces = DrawnSurfaces([], np.random.default_rng(0))
    surfaces.agree(np.empty((5, 0)), np.zeros(5), np.full(5, 2.0), 1e-3 * np.eye(5))
    assert surfaces.at(np.empty(0))[0] == pytest.approx(2.0, abs=0.1)
