"""exp, erf, keyed bits and normal numbers, written so that the compiler can turn loops over them into vector code.

In float32, exp is 2^n * 2^f with a polynomial for 2^f (relative error below 2e-7) and erf is Abramowitz & Stegun 7.1.26 (absolute
error below 6e-7); float64 calls the C library. Normal numbers are Box & Muller's (1958), in float32 with the logarithm of the Cephes
library and a Taylor series of the sine. Keyed bits are splitmix64 (Steele, Lea & Flood 2014) used as a counter-based
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


def normal(word: Any, like: Any) -> Any:
    """A number distributed as N(0, 1) that follows from 64 random bits, in the float type of `like`: sqrt(-2 ln u) cos(2 pi v)."""
    u = (float(int(word) >> 40) + 1.0) / 16777216.0
    v = float((int(word) >> 8) & 0xFFFFFF) / 16777216.0
    return math.sqrt(-2.0 * math.log(u)) * math.cos(2.0 * math.pi * v)


@overload(normal, **AS_INLINED)
def _normal_overload(word, like):
    if like != numba.float32:

        def normal64(word, like):
            u = (np.float64(np.int64(word >> np.uint64(40))) + 1.0) / 16777216.0
            v = np.float64(np.int64((word >> np.uint64(8)) & np.uint64(0xFFFFFF))) / 16777216.0
            return math.sqrt(-2.0 * math.log(u)) * math.cos(2.0 * math.pi * v)

        return normal64

    def normal32(word, like):
        step = np.float32(1.0 / 16777216.0)
        u = np.float32(np.int32(word >> np.uint64(40)) + np.int32(1)) * step
        v = np.float32(np.int32((word >> np.uint64(8)) & np.uint64(0xFFFFFF))) * step
        # ln u = e ln 2 + ln(1 + x), x within sqrt(2) of 1, as in logf of Cephes.
        pattern = np.float32(u).view(np.int32)
        e = np.float32((pattern >> np.int32(23)) - np.int32(126))
        x = np.int32((pattern & np.int32(0x007FFFFF)) | np.int32(0x3F000000)).view(np.float32)
        is_small = x < np.float32(0.70710678)
        e = e - np.float32(1.0) if is_small else e
        x = x + x - np.float32(1.0) if is_small else x - np.float32(1.0)
        z = x * x
        p = np.float32(7.0376836292e-2)
        p = p * x - np.float32(1.1514610310e-1)
        p = p * x + np.float32(1.1676998740e-1)
        p = p * x - np.float32(1.2420140846e-1)
        p = p * x + np.float32(1.4249322787e-1)
        p = p * x - np.float32(1.6668057665e-1)
        p = p * x + np.float32(2.0000714765e-1)
        p = p * x - np.float32(2.4999993993e-1)
        p = p * x + np.float32(3.3333331174e-1)
        p = p * x * z - np.float32(2.12194440e-4) * e - np.float32(0.5) * z
        log_u = x + p + np.float32(0.693359375) * e
        # cos(2 pi v) = -cos(2 pi (v - 1/2)) = -sin(y) with y = 2 pi (1/4 - |v - 1/2|), at most a quarter turn either way.
        y = np.float32(2.0 * math.pi) * (np.float32(0.25) - abs(v - np.float32(0.5)))
        q = y * y
        sine = np.float32(-2.5052108e-8)
        sine = sine * q + np.float32(2.7557319e-6)
        sine = sine * q - np.float32(1.9841270e-4)
        sine = sine * q + np.float32(8.3333333e-3)
        sine = sine * q - np.float32(1.6666667e-1)
        sine = sine * q * y + y
        return -np.sqrt(max(np.float32(-2.0) * log_u, np.float32(0.0))) * sine

    return normal32


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
