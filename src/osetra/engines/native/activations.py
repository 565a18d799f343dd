"""Activations a = g(z) and their slopes g'(z).

    relu max(0, z) | leaky_relu max(0.01 z, z) | elu z or e^z - 1 | gelu z Phi(z) (exact, by erf) | silu z/(1 + e^-z)
    tanh | sigmoid 1/(1 + e^-z) | linear z

The slope of relu, leaky_relu, elu, tanh, sigmoid and linear follows from a; gelu and silu keep theirs from the forward pass.
Knows nothing of: layers, batch norm, dropout.
"""

import math

import numpy as np

from osetra.engines.native.kernel import inner
from osetra.engines.native.mathematics import erf, exp
from osetra.network.spec import ACTIVATIONS

RELU, LEAKY_RELU, ELU, GELU, SILU, TANH, SIGMOID, LINEAR = range(len(ACTIVATIONS))
LEAK = 0.01


@inner
def activate(code, a, slope):
    """z -> g(z) in place in `a` [n, units]; gelu and silu also write g'(z) to `slope` [n, units]."""
    one = a.dtype.type(1.0)
    zero = a.dtype.type(0.0)
    flat = a.reshape(a.size)
    if code == RELU:
        for i in range(flat.size):
            # Written so that NaN stays NaN: a diverged network must look diverged.
            flat[i] = zero if flat[i] < zero else flat[i]
    elif code == LEAKY_RELU:
        leak = a.dtype.type(LEAK)
        for i in range(flat.size):
            flat[i] = leak * flat[i] if flat[i] < zero else flat[i]
    elif code == ELU:
        for i in range(flat.size):
            flat[i] = exp(flat[i]) - one if flat[i] < zero else flat[i]
    elif code == GELU:
        flat_slope = slope.reshape(slope.size)
        half = a.dtype.type(0.5)
        root_half = a.dtype.type(math.sqrt(0.5))
        density = a.dtype.type(1.0 / math.sqrt(2.0 * math.pi))
        for i in range(flat.size):
            z = flat[i]
            phi = half * (one + erf(z * root_half))
            flat[i] = z * phi
            flat_slope[i] = phi + z * density * exp(-half * z * z)
    elif code == SILU:
        flat_slope = slope.reshape(slope.size)
        for i in range(flat.size):
            z = flat[i]
            gate = one / (one + exp(-z))
            flat[i] = z * gate
            flat_slope[i] = gate * (one + z * (one - gate))
    elif code == TANH:
        two = a.dtype.type(2.0)
        for i in range(flat.size):
            flat[i] = one - two / (exp(two * flat[i]) + one)
    elif code == SIGMOID:
        for i in range(flat.size):
            flat[i] = one / (one + exp(-flat[i]))


@inner
def multiply_by_slope(code, a, slope, d):
    """d := d * g'(z) in place, [n, units], from what `activate` left."""
    one = a.dtype.type(1.0)
    zero = a.dtype.type(0.0)
    flat = a.reshape(a.size)
    flat_d = d.reshape(d.size)
    if code == RELU:
        for i in range(flat.size):
            flat_d[i] = flat_d[i] if flat[i] > zero else zero
    elif code == LEAKY_RELU:
        leak = a.dtype.type(LEAK)
        for i in range(flat.size):
            flat_d[i] = flat_d[i] if flat[i] > zero else leak * flat_d[i]
    elif code == ELU:
        for i in range(flat.size):
            flat_d[i] *= one if flat[i] > zero else flat[i] + one
    elif code in (GELU, SILU):
        flat_slope = slope.reshape(slope.size)
        for i in range(flat.size):
            flat_d[i] *= flat_slope[i]
    elif code == TANH:
        for i in range(flat.size):
            flat_d[i] *= one - flat[i] * flat[i]
    elif code == SIGMOID:
        for i in range(flat.size):
            flat_d[i] *= flat[i] * (one - flat[i])


@inner
def keeps_slope(code):
    """Whether `activate` needs room for the slope."""
    return np.bool_(code in (GELU, SILU))
