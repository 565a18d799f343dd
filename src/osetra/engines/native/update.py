"""One step of an optimiser on one parameter row, each optimiser as its source writes it.

    gd             w -= lr g
    momentum       v = b v + (1-b) g        w -= lr v / (1 - b^t)              (the division can be off)
    momentum_sum   v = b v + g              w -= lr v
    nesterov       v = b v + g              w -= lr (g + b v)                  Sutskever et al. 2013
    rmsprop        s = b2 s + (1-b2) g^2    w -= lr g / (sqrt(s) + eps)        Tieleman & Hinton 2012
    adam           m, s as above            w -= lr mhat / (sqrt(shat) + eps)  Kingma & Ba 2015, arXiv:1412.6980, Algorithm 1
    adamw          as adam, and             w -= lr decay w                    Loshchilov & Hutter 2019, arXiv:1711.05101

L1: g = g + (lambda/m) sign(w) on weights. Clipping comes first: g := g c/||g|| where the norm over all parameters exceeds c.
L2: g = g + decay w with decay = lambda/m on weights, so gd shrinks W by (1 - lr lambda/m); adamw decays them directly instead.
Knows nothing of: where gradients come from.
"""

import numpy as np

from osetra.engines.native.kernel import inner
from osetra.engines.port import OPTIMIZERS

GD, MOMENTUM, MOMENTUM_SUM, NESTEROV, RMSPROP, ADAM, ADAMW = range(len(OPTIMIZERS))


@inner
def update(code, w, g, m, s, lr, decay, momentum, beta1, beta2, eps, bias_correction, step):
    """Change w, m and s [size] in place by step `step` (from 1) along the gradient g [size]."""
    real = w.dtype.type
    one = real(1.0)
    rate = real(lr)
    shrink = real(decay)
    if code == GD:
        for i in range(w.size):
            w[i] -= rate * (g[i] + shrink * w[i])
    elif code == MOMENTUM:
        b = real(momentum)
        c = real(1.0 - momentum)
        scaled = real(lr / (1.0 - momentum**step)) if bias_correction else rate
        for i in range(w.size):
            m[i] = b * m[i] + c * (g[i] + shrink * w[i])
            w[i] -= scaled * m[i]
    elif code == MOMENTUM_SUM:
        b = real(momentum)
        for i in range(w.size):
            m[i] = b * m[i] + (g[i] + shrink * w[i])
            w[i] -= rate * m[i]
    elif code == NESTEROV:
        b = real(momentum)
        for i in range(w.size):
            slope = g[i] + shrink * w[i]
            m[i] = b * m[i] + slope
            w[i] -= rate * (slope + b * m[i])
    elif code == RMSPROP:
        b = real(beta2)
        c = real(1.0 - beta2)
        tiny = real(eps)
        for i in range(w.size):
            slope = g[i] + shrink * w[i]
            s[i] = b * s[i] + c * slope * slope
            w[i] -= rate * slope / (np.sqrt(s[i]) + tiny)
    else:
        b1 = real(beta1)
        c1 = real(1.0 - beta1)
        b2 = real(beta2)
        c2 = real(1.0 - beta2)
        tiny = real(eps)
        # mhat/(sqrt(shat) + eps) with both corrections taken out of the loop.
        scaled = real(lr / (1.0 - beta1**step)) if bias_correction else rate
        root = real(1.0 / np.sqrt(1.0 - beta2**step)) if bias_correction else one
        in_gradient = shrink if code == ADAM else real(0.0)
        off_weights = one - rate * shrink if code == ADAMW else one
        for i in range(w.size):
            slope = g[i] + in_gradient * w[i]
            m[i] = b1 * m[i] + c1 * slope
            s[i] = b2 * s[i] + c2 * slope * slope
            w[i] = off_weights * w[i] - scaled * m[i] / (np.sqrt(s[i]) * root + tiny)


@inner
def move_towards(average, w, share):
    """average := average + share (w - average), both [size]."""
    for i in range(w.size):
        average[i] += share * (w[i] - average[i])


@inner
def sum_of_squares(w):
    """||w||^2 of a row [size]."""
    total = w.dtype.type(0.0)
    for i in range(w.size):
        total += w[i] * w[i]
    return total


@inner
def sum_of_sizes(w):
    """Sum of |w| over a row [size]."""
    total = w.dtype.type(0.0)
    for i in range(w.size):
        total += abs(w[i])
    return total


@inner
def add_signs(g, w, slope):
    """g := g + slope sign(w), [size], with sign(0) = 0."""
    zero = w.dtype.type(0.0)
    for i in range(w.size):
        g[i] += slope if w[i] > zero else (-slope if w[i] < zero else zero)


@inner
def clip(g, longest):
    """g := g longest/||g|| if it is longer than that, [size]. Source: Pascanu, Mikolov & Bengio 2013, arXiv:1211.5063."""
    norm = np.sqrt(sum_of_squares(g))
    if norm > longest:
        scale = longest / norm
        for i in range(g.size):
            g[i] *= scale
