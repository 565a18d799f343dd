"""Keyed random bits in NumPy: the same bits as the compiled engine draws, written a second time.

An engine that is to see the same mini-batches and dropout masks as another one draws them here. The bits are splitmix64 (Steele, Lea
& Flood 2014) used as a counter-based generator: bit block i of a key depends on nothing else.

Knows nothing of: where keys come from, networks.
"""

import numpy as np

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def bits(key: np.uint64, counters: np.ndarray) -> np.ndarray:
    """64 random bits of `key` at each of `counters` (whole numbers >= 0, any shape), uint64 of that shape."""
    # One dimension at least: NumPy wraps arrays silently, as is meant here, but warns of scalars that overflow.
    x = np.uint64(key) + (np.atleast_1d(np.asarray(counters)).astype(np.uint64) + np.uint64(1)) * _GOLDEN
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (x ^ (x >> np.uint64(31))).reshape(np.shape(counters))


def uniform(key: np.uint64, counters: np.ndarray) -> np.ndarray:
    """Numbers in [0, 1) at each of `counters`, float64 of their shape."""
    return (bits(key, counters) >> np.uint64(11)).astype(np.float64) / 2.0**53


def normal(key: np.uint64, counters: np.ndarray) -> np.ndarray:
    """Numbers distributed as N(0, 1) at each of `counters`, float64 of their shape: sqrt(-2 ln u) cos(2 pi v), Box & Muller 1958."""
    words = bits(key, counters)
    u = ((words >> np.uint64(40)).astype(np.float64) + 1) / 2.0**24
    v = ((words >> np.uint64(8)) & np.uint64(0xFFFFFF)).astype(np.float64) / 2.0**24
    return np.sqrt(-2 * np.log(u)) * np.cos(2 * np.pi * v)


def shuffled(key: np.uint64, rows: int) -> np.ndarray:
    """0 .. rows-1 in random order (Fisher & Yates), int64 [rows]."""
    order = np.arange(rows)
    places = np.arange(rows, dtype=np.uint64)
    # A whole number below place + 1: the upper 32 bits times place + 1, over 2^32.
    partners = ((bits(key, places) >> np.uint64(32)) * (places + np.uint64(1))) >> np.uint64(32)
    for place in range(rows - 1, 0, -1):
        partner = int(partners[place])
        order[place], order[partner] = order[partner], order[place]
    return order


def dropout_mask(key: np.uint64, layer: int, first_row: int, keep_prob: float, shape: tuple[int, int]) -> np.ndarray:
    """0 or 1/keep_prob for what layer `layer` is given (0: the input), float64 of `shape` [rows, units].

    `first_row` is the place of the batch's first row in the shuffled epoch; the draw of a unit follows from its place alone.
    """
    rows, units = shape
    layer_key = bits(key, np.array([layer]))[0]
    places = (first_row * units + np.arange(rows * units)).reshape(shape)
    kept = (bits(layer_key, places) >> np.uint64(32)) < np.uint64(keep_prob * 2.0**32)
    return np.where(kept, 1.0 / keep_prob, 0.0)
