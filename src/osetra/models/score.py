"""What a trained network says about rows: scoring mode, in plain NumPy, so that a fresh process predicts without compiling anything.

    z_tilde = gamma (z - mean) / sqrt(variance + eps) + beta = z s + t        s = gamma / sqrt(variance + eps),  t = beta - mean s

so batch norm disappears into W s and t before the first row is scored (a normalised layer has no bias). No dropout.

One row scores to the same bits alone, in any batch and at any place in it, although BLAS gives no such promise: which of its kernels
multiplies a row, and so how that row's sum is rounded, depends on the shape of the product and on the row's place in it. Here rows are
columns, and every product is W [units, units before] by 16 of them, which all fall into one tile of every kernel.
Measured with OpenBLAS 0.3.31 (kernels for SkylakeX, Haswell and Zen, Sandybridge, Nehalem, generic x86; 1 to 8 threads; 1 to 3,000 units
before): 16 rows as columns never differed by place; 32 and more did on three of these kernels, and 16 rows as rows did on Haswell in 198
of 345 sizes. The price: 1.0 to 1.8 times the time per row of one large product. The gain: a single row takes 12 to 270 us, where a block of
256 takes 20 to 2,200.
The bits are those of one machine; another processor or BLAS rounds differently.

Knows nothing of: tables, labels, files.
"""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np

from osetra.core.blas import one_blas_thread
from osetra.core.errors import ModelError
from osetra.network.layout import Layout
from osetra.network.spec import NetworkSpec

_TILE = 16
"""Rows in one product; see above before touching it."""
_PANEL = 31 * _TILE
"""Rows whose activations are held at once. Not a power of two, whose strides crowd into few cache lines.

A row of 784 inputs takes 3.5 us; with 4,096 rows 6.6.
"""
_ONE_THREAD_SIZE = 2**14
"""Weights above which OpenBLAS would share a product of 16 rows among threads, which wait for one another whenever a core is busy.

784-128-128-10 so took 490 us a row with other work on both cores, against 4 with one thread; setting it takes 10 us a call.
"""


@dataclass(frozen=True, slots=True, eq=False)
class FoldedNetwork:
    """A network ready to score: batch norm folded in, one weight matrix and one bias a layer. Never written to, so threads may share it."""

    network: NetworkSpec
    weights: tuple[np.ndarray, ...]
    """[units, units before] of each layer."""
    biases: tuple[np.ndarray, ...]
    """[units, 1] of each layer."""

    def outputs(self, inputs: np.ndarray) -> np.ndarray:
        """Outputs [rows, num_outputs] for inputs [rows, num_inputs]: probabilities for softmax and sigmoid, values for linear.

        Computed in the type of the weights. Raises ModelError for inputs of another width.
        """
        if inputs.ndim != 2 or inputs.shape[1] != self.network.num_inputs:
            raise ModelError(
                f"inputs must be [rows, {self.network.num_inputs}], got {list(inputs.shape)}; give the prepared inputs of this model"
            )
        dtype = self.weights[0].dtype
        result = np.empty((len(inputs), self.network.num_outputs), dtype)
        calm = one_blas_thread() if any(weights.size > _ONE_THREAD_SIZE for weights in self.weights) else nullcontext()
        with calm, np.errstate(over="ignore", invalid="ignore"):  # what overflows is not finite, which the caller sees
            for start in range(0, len(inputs), _PANEL):
                rows = inputs[start : start + _PANEL]
                panel = np.zeros((self.network.num_inputs, -(-len(rows) // _TILE) * _TILE), dtype)
                panel[:, : len(rows)] = rows.T
                result[start : start + _PANEL] = self._forward(panel)[:, : len(rows)].T
        return result

    def _forward(self, a: np.ndarray) -> np.ndarray:
        """[num_inputs, columns] to [num_outputs, columns]; columns are rows of data, a multiple of the tile."""
        functions = (*(ACTIVATE[name] for name in self.network.activations), OUTPUT[self.network.output])
        for weights, bias, function in zip(self.weights, self.biases, functions, strict=True):
            z = np.empty((len(weights), a.shape[1]), a.dtype)
            np.matmul(weights, _tiles(a), out=_tiles(z))
            z += bias
            a = function(z)
        return a


def fold(
    network: NetworkSpec, layout: Layout, parameters: np.ndarray, running: np.ndarray, *, batch_norm_eps: float = 1e-5
) -> FoldedNetwork:
    """Fold batch norm into weights and biases, in float64, rounded once to the type of `parameters`.

    `parameters` [layout.size], `running` [layout.running_size]; neither is kept. Raises ModelError for rows of another size.
    """
    if parameters.shape != (layout.size,) or running.shape != (layout.running_size,):
        raise ModelError(
            f"a network of layers {network.layer_sizes} has {layout.size} parameters and {layout.running_size} running moments, "
            f"got {list(parameters.shape)} and {list(running.shape)}; give the rows that belong to it"
        )
    weights, biases = [], []
    for layer in range(1, network.num_layers + 1):
        w = layout.view(parameters, f"W{layer}").astype(np.float64)
        if f"gamma{layer}" in layout.parameters:
            gamma, beta = layout.view(parameters, f"gamma{layer}"), layout.view(parameters, f"beta{layer}")
            mean, variance = layout.view(running, f"mean{layer}"), layout.view(running, f"variance{layer}")
            s = gamma / np.sqrt(variance.astype(np.float64) + batch_norm_eps)
            w, b = w * s, beta - mean * s
        else:
            b = layout.view(parameters, f"b{layer}")
        with np.errstate(over="ignore"):  # as in scoring
            weights.append(np.ascontiguousarray(w.T, parameters.dtype))
            biases.append(b.astype(parameters.dtype)[:, np.newaxis])
    return FoldedNetwork(network, tuple(weights), tuple(biases))


def outputs(
    network: NetworkSpec,
    layout: Layout,
    parameters: np.ndarray,
    running: np.ndarray,
    inputs: np.ndarray,
    *,
    batch_norm_eps: float = 1e-5,
) -> np.ndarray:
    """Outputs of a network in scoring mode, [rows, num_outputs]; to score more than once, `fold` once and call its `outputs`."""
    return fold(network, layout, parameters, running, batch_norm_eps=batch_norm_eps).outputs(inputs)


def _tiles(a: np.ndarray) -> np.ndarray:
    """A view [tiles, units, 16] of [units, columns]."""
    return a.reshape(len(a), -1, _TILE).transpose(1, 0, 2)


def _sigmoid(z: np.ndarray) -> np.ndarray:
    # e^z / (1 + e^z) below 0 and 1 / (1 + e^-z) above: no exponent is ever positive
    return np.exp(np.minimum(z, 0)) / (1 + np.exp(-np.abs(z)))


def _softmax(z: np.ndarray) -> np.ndarray:
    e = np.exp(z - z.max(axis=0))
    return e / e.sum(axis=0)


def _gelu(z: np.ndarray) -> np.ndarray:
    from scipy.special import erf

    return 0.5 * z * (1 + erf(z * 0.5**0.5))


def _linear(z: np.ndarray) -> np.ndarray:
    return z


ACTIVATE: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "relu": lambda z: np.maximum(z, 0),
    "leaky_relu": lambda z: np.maximum(z, 0.01 * z),
    "elu": lambda z: np.maximum(z, 0) + np.expm1(np.minimum(z, 0)),
    "gelu": _gelu,
    "silu": lambda z: z * _sigmoid(z),
    "tanh": np.tanh,
    "sigmoid": _sigmoid,
    "linear": _linear,
}
"""Each activation, elementwise on z [units, columns]."""
OUTPUT: dict[str, Callable[[np.ndarray], np.ndarray]] = {"softmax": _softmax, "sigmoid": _sigmoid, "linear": _linear}
