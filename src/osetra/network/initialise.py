"""Starting weights whose variance keeps the signal's size from layer to layer.

    he      variance gain^2 * 2/n_in    for relu-like units     (He et al. 2015, arXiv:1502.01852)
    xavier  variance gain^2 * 1/n_in    for tanh and sigmoid    (the course's form of Glorot & Bengio 2010)
    lecun   variance gain^2 * 1/n_in    the same variance, for linear and self-normalising units (LeCun et al. 1998)
    auto    he after a relu-like activation, xavier after any other; the output layer counts as linear

Biases and beta start at 0, gamma at 1. Knows nothing of: data, training.
"""

import math

import numpy as np

from osetra.core.errors import SpaceError
from osetra.network.layout import Layout

INITIALISATIONS = ("auto", "he", "xavier", "lecun")
DISTRIBUTIONS = ("normal", "uniform")
RELU_LIKE = frozenset({"relu", "leaky_relu", "elu", "gelu", "silu"})


def variance(scheme: str, n_in: int, activation: str) -> float:
    """Variance of the weights of a layer with `n_in` inputs."""
    if scheme == "auto":
        scheme = "he" if activation in RELU_LIKE else "xavier"
    return (2.0 if scheme == "he" else 1.0) / n_in


def initial_parameters(
    layout: Layout,
    generator: np.random.Generator,
    *,
    scheme: str = "auto",
    gain: float = 1.0,
    distribution: str = "normal",
    dtype: type[np.floating] = np.float32,
) -> np.ndarray:
    """A fresh parameter row [layout.size]; the draws are made in float64, so float32 and float64 starts are the same numbers rounded."""
    if scheme not in INITIALISATIONS:
        raise SpaceError(f"initialisation must be one of {', '.join(INITIALISATIONS)}, got {scheme!r}")
    if distribution not in DISTRIBUTIONS:
        raise SpaceError(f"distribution must be one of {', '.join(DISTRIBUTIONS)}, got {distribution!r}")
    if not (math.isfinite(gain) and gain > 0):
        raise SpaceError(f"gain must be > 0, got {gain}; 1 keeps the scheme's own variance")
    row = np.zeros(layout.size)
    activations = (*layout.network.activations, "linear")
    for layer, activation in enumerate(activations, start=1):
        weights = layout.view(row, f"W{layer}")
        sigma = gain * math.sqrt(variance(scheme, weights.shape[0], activation))
        if distribution == "normal":
            weights[:] = generator.normal(0.0, sigma, weights.shape)
        else:
            bound = sigma * math.sqrt(3.0)
            weights[:] = generator.uniform(-bound, bound, weights.shape)
        if f"gamma{layer}" in layout.parameters:
            layout.view(row, f"gamma{layer}")[:] = 1.0
    return row.astype(dtype)


def initial_running(layout: Layout, *, dtype: type[np.floating] = np.float32) -> np.ndarray:
    """Running moments before the first step: mean 0, variance 1, [layout.running_size]."""
    row = np.zeros(layout.running_size, dtype=dtype)
    for name in layout.running:
        if name.startswith("variance"):
            layout.view(row, name)[:] = 1.0
    return row
