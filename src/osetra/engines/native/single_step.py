"""One step of an optimiser from outside compiled code, for functions that are no networks.

Knows nothing of: where gradients come from.
"""

from osetra.engines.native.kernel import entry
from osetra.engines.native.update import update


@entry
def single_step(code, w, g, m, s, lr, decay, momentum, beta1, beta2, eps, bias_correction, step):
    """`update` as an entry point: change w, m and s [size] in place by step `step` (from 1) along the gradient g [size]."""
    update(code, w, g, m, s, lr, decay, momentum, beta1, beta2, eps, bias_correction, step)
