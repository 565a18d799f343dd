"""Images of one size as rows: what an array of them must be, and how they are brought to a size.

    size             the longer side 64 pixels at most, the other in proportion: a fully connected network takes every pixel as an input
    area averaging   a new pixel is the mean of the old ones that it covers, each weighed by the share of it that is covered

Averages are of whole numbers and rounded once, halves up, so that they are the same on every machine.

Knows nothing of: files, targets, parts, networks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from osetra.core.errors import DataError

LONGEST = 64
"""Pixels of the longer side, at most."""

_SLAB_VALUES = 2**20
_SHOW = "give uint8, [images, height, width] or [images, height, width, channels]"

Shape = tuple[int, int, int]
"""Height, width, channels."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Images:
    """Images of one size. `len` counts them and `take` picks some, as of a frame's rows."""

    pixels: np.ndarray
    """uint8 [images, height, width, channels], C-contiguous."""
    files: tuple[str, ...] = ()
    """Where each came from, in their folder; empty for those of an array."""
    of_any_size: bool = False
    """Whether they were of several sizes before, so that others of any size may join them."""

    def __post_init__(self) -> None:
        assert self.pixels.ndim == 4, f"pixels {self.pixels.shape}"
        assert self.pixels.dtype == np.uint8, f"pixels of {self.pixels.dtype}"
        assert self.pixels.flags.c_contiguous, "pixels must be C-contiguous"
        assert len(self.files) in (0, len(self.pixels)), f"{len(self.files)} files, {len(self.pixels)} images"

    def __len__(self) -> int:
        return len(self.pixels)

    @property
    def shape(self) -> Shape:
        """Height, width, channels."""
        height, width, channels = self.pixels.shape[1:]
        return height, width, channels

    def take(self, rows: Sequence[int] | np.ndarray) -> "Images":
        """The images numbered `rows`, in that order, with pixels of their own."""
        rows = np.asarray(rows, dtype=np.int64)
        files = tuple(self.files[row] for row in rows) if self.files else ()
        return Images(pixels=self.pixels[rows], files=files, of_any_size=self.of_any_size)

    def in_words(self) -> str:
        """`70,000 images of 28 x 28 pixels`."""
        return f"{len(self):,} image{'' if len(self) == 1 else 's'} of {shape_in_words(self.shape)}"


def images_from_array(values: Any, *, what: str = "X") -> tuple[Images, list[str]]:
    """Images of an array [images, height, width] or [images, height, width, channels] of whole numbers 0 to 255, and notes for a person.

    Larger ones are reduced to `reduced_size`. Raises DataError for any other array. `what` names it in messages.
    """
    array = np.asarray(values)
    if array.ndim not in (3, 4) or 0 in array.shape:
        raise DataError(
            f"{what} must be [images, height, width] or [images, height, width, channels], got shape {list(array.shape)}; {_SHOW}"
        )
    pixels = _bytes(array, what)
    pixels = pixels if pixels.ndim == 4 else pixels[..., np.newaxis]
    if pixels.shape[1] <= 4 < pixels.shape[3]:
        raise DataError(
            f"the channels of {what} must come last, got shape {list(array.shape)}, where they seem to come before height and width; "
            "move them with numpy.moveaxis(X, 1, -1)"
        )
    height, width, channels = pixels.shape[1:]
    size = reduced_size(height, width)
    if size == (height, width):
        return Images(pixels=np.ascontiguousarray(pixels)), []
    smaller = resized(pixels, *size)
    note = f"images of {height} x {width} pixels were reduced to {shape_in_words((*size, channels))} by area averaging"
    return Images(pixels=smaller), [f"{note}, as every pixel is an input of the network"]


def reduced_size(height: int, width: int) -> tuple[int, int]:
    """Height and width in proportion, the longer side at most 64 pixels, the shorter at least 1; a size that fits stays."""
    longer = max(height, width)
    if longer <= LONGEST:
        return height, width

    def side(length: int) -> int:
        return max(1, (2 * length * LONGEST + longer) // (2 * longer))

    return side(height), side(width)


def resized(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """uint8 [images, height, width, channels] from uint8 pixels of another size, by area averaging; stretched if the proportions differ."""
    count, old_height, old_width, channels = pixels.shape
    result = np.empty((count, height, width, channels), np.uint8)
    area = old_height * old_width
    slab = max(1, _SLAB_VALUES // (area * channels))
    for start in range(0, count, slab):
        block = pixels[start : start + slab]
        sums = _covered(block.reshape(len(block), old_height, -1), height)
        sums = _covered(sums.reshape(-1, old_width, channels), width).astype(np.int64)
        result[start : start + slab] = ((2 * sums + area) // (2 * area)).reshape(-1, height, width, channels)
    return result


def shape_in_words(shape: Shape) -> str:
    """`28 x 28 pixels`, `48 x 64 pixels in colour`: height, then width."""
    height, width, channels = shape
    colour = {1: "", 3: " in colour"}.get(channels, f" of {channels} channels")
    return f"{height} x {width} pixels{colour}"


def _bytes(array: np.ndarray, what: str) -> np.ndarray:
    if array.dtype == np.uint8:
        return array
    if array.dtype.kind not in "bui":
        scaled = "for brightness from 0 to 1 (X * 255).round().astype(numpy.uint8), for a table X.reshape(len(X), -1)"
        remedy = f"; give {scaled}" if array.dtype.kind == "f" else f"; {_SHOW}"
        # Floats might be 0 to 1 or 0 to 255, and a few black images could not tell which.
        raise DataError(f"the pixels of {what} must be whole numbers from 0 to 255, got {array.dtype}{remedy}")
    low, high = int(array.min()), int(array.max())
    if low < 0 or high > 255:
        raise DataError(f"the pixels of {what} must be whole numbers from 0 to 255, got {low} to {high}; scale them to that range")
    return array.astype(np.uint8)


def _covered(values: np.ndarray, length: int) -> np.ndarray:
    """Sums of `values` [blocks, old length, rest] over each of `length` equal stretches, float64 [blocks, length, rest].

    Each is weighed by what the stretch covers of it, in units of 1/length, so all sums are whole numbers, far below 2^53: exact.
    """
    old = values.shape[1]
    sums = np.empty((len(values), length, values.shape[2]))
    for place in range(length):
        low, high = place * old, (place + 1) * old
        first, last = low // length, -(-high // length)
        edges = np.arange(first, last + 1) * length
        weights = (np.minimum(edges[1:], high) - np.maximum(edges[:-1], low)).astype(np.float64)
        sums[:, place] = weights @ values[:, first:last].astype(np.float64)
    return sums
