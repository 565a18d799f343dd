"""A network as numbers that compiled code can read, and the room that a training step needs.

Knows nothing of: values, data.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from osetra.engines.native.activations import GELU, SILU
from osetra.network.layout import Layout
from osetra.network.spec import ACTIVATIONS

ABSENT = -1
N_IN, N_OUT, ACTIVATION, W, B, GAMMA, BETA, MEAN, VARIANCE = range(9)
"""Columns of the table: sizes, activation code, and offsets in the parameter and running rows."""


def network_table(layout: Layout) -> np.ndarray:
    """One row a layer, int64 [num_layers, 9]; ABSENT where a layer has no such parameter."""
    network = layout.network
    rows = []
    for layer in range(1, network.num_layers + 1):
        is_output = layer == network.num_layers
        activation = "linear" if is_output else network.activations[layer - 1]
        offsets = [
            (layout.parameters | layout.running).get(f"{name}{layer}", (ABSENT, ()))[0]
            for name in ("W", "b", "gamma", "beta", "mean", "variance")
        ]
        rows.append([*network.layer_sizes[layer - 1 : layer + 1], ACTIVATIONS.index(activation), *offsets])
    return np.array(rows, dtype=np.int64)


class Room(NamedTuple):
    """Working memory of one training step; every array is flat and holds the layers one after the other, each [batch, units]."""

    a: np.ndarray
    """Inputs of the batch, then the activations of each layer; the last holds z, then dz, of the output."""
    fed: np.ndarray
    """What the next layer is fed where dropout is on: a * mask."""
    mask: np.ndarray
    """0 or 1/keep_prob."""
    normal: np.ndarray
    """z_norm of normalised layers."""
    slope: np.ndarray
    """g'(z) of gelu and silu."""
    d: np.ndarray
    """dz or da of the layer being worked on, and of the one below: two parts."""
    moments: np.ndarray
    """mean, variance and 1/sqrt(variance + eps) of each normalised layer, [3, all units]."""
    transposed: np.ndarray
    """W^T of the layer being worked on."""
    gradient: np.ndarray
    """[layout.size]"""


def make_room(layout: Layout, batch_size: int, *, dropout: bool, dtype: np.dtype) -> Room:
    """Room for batches of up to `batch_size` rows; parts that these options never touch are empty."""
    network = layout.network
    units = sum(network.layer_sizes)
    hidden = batch_size * sum(network.hidden_units)
    keeps_slope = any(ACTIVATIONS.index(name) in (GELU, SILU) for name in network.activations)

    def empty(size: int) -> np.ndarray:
        return np.empty(size, dtype=dtype)

    return Room(
        a=empty(batch_size * units),
        fed=empty(batch_size * units if dropout else 0),
        mask=empty(batch_size * units if dropout else 0),
        normal=empty(hidden if network.batch_norm else 0),
        slope=empty(hidden if keeps_slope else 0),
        d=empty(2 * batch_size * max(network.layer_sizes[1:])),
        moments=np.empty((3, sum(network.hidden_units)), dtype=dtype),
        transposed=empty(max(before * after for before, after in pairwise(network.layer_sizes))),
        gradient=empty(layout.size),
    )
