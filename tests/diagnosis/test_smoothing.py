"""Smoothed curves: by hand, unbiased at the start, unharmed by gaps."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import osetra
from osetra.core.errors import InputError
from osetra.diagnosis.smoothing import smooth

betas = st.floats(0, 0.999)
numbers = st.floats(-1e6, 1e6)


def test_the_first_three_are_those_worked_out_by_hand():
    # v_1 = 0.1 * 10 = 1, over 0.1: 10. v_2 = 0.9 * 1 + 0.1 * 20 = 2.9, over 0.19. v_3 = 0.9 * 2.9 + 0.1 * 60 = 8.61, over 0.271.
    np.testing.assert_allclose(smooth([10, 20, 60], beta=0.9), [10, 2.9 / 0.19, 8.61 / 0.271], rtol=1e-14)


@given(st.lists(numbers, max_size=60), betas)
def test_it_is_the_recursion_of_the_notes_with_bias_correction(values, beta):
    v, expected = 0.0, []
    for t, value in enumerate(values, start=1):
        v = beta * v + (1 - beta) * value
        expected.append(v / (1 - beta**t))
    np.testing.assert_allclose(smooth(values, beta), expected, rtol=1e-9, atol=1e-7)


@given(numbers, st.integers(1, 50), betas)
def test_a_constant_row_stays_as_it_is_from_the_start(value, length, beta):
    assert smooth([value] * length, beta).tolist() == [value] * length


def test_beta_0_leaves_everything_and_the_default_is_about_the_last_ten():
    assert smooth([3.0, 1.0, 2.0], 0).tolist() == [3.0, 1.0, 2.0]
    # A step from 0 to 1: after 1/(1 - beta) = 10 values about 1 - 1/e of it is seen.
    assert smooth([0.0] * 500 + [1.0] * 10)[-1] == pytest.approx(1 - 1 / math.e, abs=0.02)


@pytest.mark.parametrize("gap", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_stays_and_the_rest_is_averaged_without_it(gap):
    smoothed = smooth([gap, 1.0, gap, 5.0, 3.0], 0.5)
    np.testing.assert_array_equal(smoothed[[0, 2]], [gap, gap])
    np.testing.assert_array_equal(smoothed[[1, 3, 4]], smooth([1.0, 5.0, 3.0], 0.5))


def test_nothing_smoothed_is_nothing():
    assert smooth([]).shape == (0,)


@pytest.mark.parametrize("beta", [1, 1.5, -0.1, math.nan, "0.9", None, True])
def test_a_beta_outside_0_to_1_is_refused(beta):
    with pytest.raises(InputError, match=r"must be in \[0, 1\), got .*0.9 averages about the last 10"):
        smooth([1.0], beta)


@pytest.mark.parametrize("values", [["a"], [[1.0], [2.0]]])
def test_what_is_no_row_of_numbers_is_refused(values):
    with pytest.raises(InputError, match="row of numbers"):
        smooth(values)


def test_it_is_a_public_name():
    assert osetra.smooth is smooth
