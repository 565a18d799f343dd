"""exp, erf and keyed bits, written so that the compiler can turn loops over them into vector code.

In float32, exp is 2^n * 2^f with a polynomial for 2^f (relative error below 2e-7) and erf is Abramowitz & Stegun 7.1.26 (absolute
error below 6e-7); float64 calls the C library. Keyed bits are splitmix64 (Steele, Lea & Flood 2014) used as a counter-based
generator: bits(key, i) depends on nothing else.

Knows nothing of: networks.
"""

import math
from typing import Any

import numba
import numpy as np
from numba.extending import overload

from osetra.engines.native.kernel import AS_INLINED, inner

GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def exp(x: Any) -> Any:
    """e^x; inf above the largest float, NaN for NaN."""
    return math.exp(x)


@overload(exp, **AS_INLINED)
def _exp_overload(x):
    if x != numba.float32:
        return lambda x: math.exp(x)

    def exp32(x):
        # The ends: from 88.376 on 2^n would need n = 128, so inf, below -87.3 it is 0 but for subnormals.
        clipped = min(max(x, np.float32(-87.3)), np.float32(88.376))
        scaled = clipped * np.float32(1.4426950408889634)
        whole = np.floor(scaled + np.float32(0.5))
        # f = x - n ln 2 in two parts, so that no bits are lost.
        f = (clipped - whole * np.float32(0.693359375)) + whole * np.float32(2.12194440e-4)
        p = np.float32(1.9875691500e-4)
        p = p * f + np.float32(1.3981999507e-3)
        p = p * f + np.float32(8.3334519073e-3)
        p = p * f + np.float32(4.1665795894e-2)
        p = p * f + np.float32(1.6666665459e-1)
        p = p * f + np.float32(5.0000001201e-1)
        p = p * f * f + f + np.float32(1.0)
        power = np.int32((np.int32(whole) + np.int32(127)) << np.int32(23)).view(np.float32)
        result = p * power
        if x > np.float32(88.376):
            result = np.float32(np.inf)
        if x < np.float32(-87.3):
            result = np.float32(0.0)
        if x != x:
            result = x
        return result

    return exp32


def erf(x: Any) -> Any:
    """The error function."""
    return math.erf(x)


@overload(erf, **AS_INLINED)
def _erf_overload(x):
    if x != numba.float32:
        return lambda x: math.erf(x)

    def erf32(x):
        size = abs(x)
        t = np.float32(1.0) / (np.float32(1.0) + np.float32(0.3275911) * size)
        p = np.float32(1.061405429)
        p = p * t - np.float32(1.453152027)
        p = p * t + np.float32(1.421413741)
        p = p * t - np.float32(0.284496736)
        p = p * t + np.float32(0.254829592)
        value = np.float32(1.0) - p * t * exp(-size * size)
        return -value if x < np.float32(0.0) else value

    return erf32


@inner
def bits(key, counter):
    """64 random bits of `key` at position `counter`, both uint64."""
    x = key + (counter + np.uint64(1)) * GOLDEN
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@inner
def shuffle(key, order):
    """Put 0 .. len-1 into `order` [rows] in random order (Fisher & Yates), a function of `key` alone."""
    n = len(order)
    for i in range(n):
        order[i] = i
    for i in range(n - 1, 0, -1):
        high = bits(key, np.uint64(i)) >> np.uint64(32)
        j = np.int64((high * np.uint64(i + 1)) >> np.uint64(32))
        order[i], order[j] = order[j], order[i]
