"""Inverted dropout: a := a d / keep_prob with d = 1 at probability keep_prob, so the expectation of a stays.

The bits of a unit follow from (key, position), never from how many networks train beside this one.
Knows nothing of: layers, activations.
"""

import numpy as np

from osetra.engines.native.kernel import inner
from osetra.engines.native.mathematics import bits


@inner
def draw_mask(key, first, keep_prob, mask):
    """Fill `mask` (any shape, read flat) with 0 or 1/keep_prob from positions first, first + 1, ... of `key`."""
    flat = mask.reshape(mask.size)
    threshold = np.uint64(keep_prob * 4294967296.0)
    zero = flat.dtype.type(0.0)
    kept = flat.dtype.type(1.0 / keep_prob)
    for i in range(flat.size):
        high = bits(key, np.uint64(first + i)) >> np.uint64(32)
        flat[i] = kept if high < threshold else zero


@inner
def multiply(a, mask, out):
    """out := a * mask, element by element, [n, units]; `out` may be `a`."""
    flat_a = a.reshape(a.size)
    flat_mask = mask.reshape(mask.size)
    flat_out = out.reshape(out.size)
    for i in range(flat_a.size):
        flat_out[i] = flat_a[i] * flat_mask[i]
