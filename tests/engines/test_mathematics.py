"""The compiled exp and erf against SciPy in float64, over all that float32 holds; and normal numbers against the same in NumPy."""

import numba
import numpy as np
import pytest
from scipy import special, stats

from osetra.engines import keyed_bits
from osetra.engines.native.kernel import OPTIONS
from osetra.engines.native.mathematics import bits, erf, exp, normal

LARGEST = float(np.log(np.finfo(np.float32).max))
"""Above this, e^x is more than float32 holds."""


@numba.njit(**OPTIONS)
def exp_of_each(x, out):
    for i in range(x.size):
        out[i] = exp(x[i])


@numba.njit(**OPTIONS)
def erf_of_each(x, out):
    for i in range(x.size):
        out[i] = erf(x[i])


def computed(function, x: np.ndarray) -> np.ndarray:
    """In a loop, as the engine does: the compiler makes vector code of it."""
    out = np.empty_like(x)
    function(x, out)
    return out.astype(np.float64)


@pytest.mark.parametrize(("lower", "upper"), [(-87.3, 88.37), (-1.0, 1.0), (-1e-3, 1e-3)])
def test_exp_in_float32_is_right_to_two_roundings(lower: float, upper: float) -> None:
    x = np.linspace(lower, upper, 1_000_001).astype(np.float32)[1:-1]
    expected = np.exp(x.astype(np.float64))
    assert (np.abs(computed(exp_of_each, x) - expected) / expected).max() < 2e-7


def test_exp_in_float32_at_the_ends() -> None:
    # Between 88.376 = 127.5 ln 2 and the largest exponent e^x may be inf already; 1/(1 + inf) and 1 - 2/(inf + 1) are right all the same.
    high = np.linspace(88.376, LARGEST, 1001).astype(np.float32)
    got = computed(exp_of_each, high)
    with np.errstate(over="ignore"):
        expected = np.exp(high.astype(np.float64))
    assert (np.isinf(got) | (np.abs(got - expected) < 2e-7 * expected)).all()
    assert np.isinf(computed(exp_of_each, np.array([88.73, 89.0, 1e3, 3e38, np.inf], dtype=np.float32))).all()
    # Below -87.3 the true value is less than the smallest normal float32, 1.2e-38.
    low = computed(exp_of_each, np.array([-87.4, -104.0, -1e3, -3e38, -np.inf], dtype=np.float32))
    assert (low >= 0).all()
    assert (low < 1.2e-38).all()
    assert low[-1] == 0
    assert computed(exp_of_each, np.array([0.0, -0.0], dtype=np.float32)).tolist() == [1.0, 1.0]
    assert np.isnan(computed(exp_of_each, np.array([np.nan], dtype=np.float32))).all()


@pytest.mark.parametrize(("lower", "upper"), [(-12.0, 12.0), (-0.5, 0.5), (-1e-3, 1e-3)])
def test_erf_in_float32_is_right_to_five_roundings_of_one(lower: float, upper: float) -> None:
    x = np.linspace(lower, upper, 1_000_001).astype(np.float32)
    assert np.abs(computed(erf_of_each, x) - special.erf(x.astype(np.float64))).max() < 5 * np.finfo(np.float32).eps


def test_erf_in_float32_at_the_ends() -> None:
    x = np.array([np.inf, -np.inf, 3e38, -3e38, 0.0, -0.0], dtype=np.float32)
    np.testing.assert_allclose(computed(erf_of_each, x), [1, -1, 1, -1, 0, 0], atol=1e-7)
    assert np.isnan(computed(erf_of_each, np.array([np.nan], dtype=np.float32))).all()


@pytest.mark.parametrize(("function", "reference"), [(exp_of_each, np.exp), (erf_of_each, special.erf)], ids=["exp", "erf"])
def test_float64_is_the_c_library_s(function, reference) -> None:
    x = np.linspace(-30, 30, 100_001)
    np.testing.assert_allclose(computed(function, x), reference(x), rtol=1e-15 * 4)
    ends = np.array([np.inf, -np.inf, np.nan])
    np.testing.assert_array_equal(computed(function, ends), reference(ends))


@numba.njit(**OPTIONS)
def normal_of_each(key, out):
    for i in range(out.size):
        out[i] = normal(bits(key, np.uint64(i)), out[i])


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-14), (np.float32, 2e-6)])
def test_normal_numbers_are_box_and_muller_s(dtype: type[np.floating], tolerance: float) -> None:
    out = np.empty(1_000_000, dtype=dtype)
    normal_of_each(np.uint64(5), out)
    expected = keyed_bits.normal(np.uint64(5), np.arange(len(out)))
    np.testing.assert_allclose(out, expected, rtol=0, atol=tolerance)
    assert stats.kstest(expected, "norm").pvalue > 0.01


def test_a_word_without_a_bit_or_with_all_of_them_is_a_finite_normal_number() -> None:
    for word in (0, 2**64 - 1):
        for like in (np.float32(0), np.float64(0)):
            assert abs(one_normal(np.uint64(word), like)) <= np.sqrt(2 * 24 * np.log(2)) + 1e-5


@numba.njit(**OPTIONS)
def one_normal(word, like):
    return normal(word, like)
