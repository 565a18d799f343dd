"""Image inputs: how pixels become network inputs, fitted on training images.

    x := (x - mu)/sigma        mu = 1/m sum x,  sigma^2 = 1/m sum (x - mu)^2        one mu and one sigma a channel,
                               over all m pixels of the training images

so that whatever moves pixels about may come before or after it. Clipped to +-20 as all inputs are; a channel that is the same everywhere
is left at 0. A pixel has one of 256 values, so moments come from counts, exactly, and inputs from a table of 256 a channel.

Knows nothing of: targets, parts, where images come from.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from osetra.core.errors import DataError
from osetra.data.columns import CLIP
from osetra.data.images import LONGEST, Images, Shape, shape_in_words

_SLAB_PIXELS = 2**18
"""Values at a time: few enough that the indices into the table, 8 bytes each, stay in the cache."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ImageInputs:
    """What was learned of the pixels, JSON-able."""

    shape: Shape
    """Height, width, channels."""
    mean: tuple[float, ...]
    """One a channel, 0 to 255."""
    scale: tuple[float, ...]
    """One a channel; 0 for one that is left at 0."""
    of_any_size: bool = False
    """Whether the training images were of several sizes and brought to this one, as those of new folders then are."""
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        height, width, channels = self.shape
        assert 1 <= height <= LONGEST, f"height {height}"
        assert 1 <= width <= LONGEST, f"width {width}"
        assert len(self.mean) == len(self.scale) == channels >= 1, f"{channels} channels, mean {self.mean}, scale {self.scale}"
        assert min(self.scale) >= 0, f"scale {self.scale}"

    @classmethod
    def fit(cls, images: Images, rows: np.ndarray, *, source: str) -> "ImageInputs":
        """Learn from the images numbered `rows`, int64 [m]; no other is looked at. Raises DataError if no channel varies in them."""
        counts = _counts(images.pixels, rows)
        values, total = np.arange(256.0), counts.sum(axis=1)
        mean = counts @ values / total
        scale = np.sqrt((counts * np.square(values - mean[:, np.newaxis])).sum(axis=1) / total)
        scale[(counts > 0).sum(axis=1) == 1] = 0.0
        constant = np.flatnonzero(scale == 0)
        if len(constant) == len(scale):
            raise DataError(f"the images of {source} must vary, got training images of one colour throughout; give other images")
        notes = tuple(f"channel {channel} has a single value in the training part and is left at 0" for channel in constant)
        return cls(shape=images.shape, mean=tuple(mean.tolist()), scale=tuple(scale.tolist()), of_any_size=images.of_any_size, notes=notes)

    @property
    def num_inputs(self) -> int:
        height, width, channels = self.shape
        return height * width * channels

    @property
    def input_names(self) -> tuple[str, ...]:
        """`pixel 0,27` of row 0 and column 27, with `channel 2` where there are several; in the order of the inputs."""
        height, width, channels = self.shape
        suffixes = [f" channel {channel}" for channel in range(channels)] if channels > 1 else [""]
        return tuple(f"pixel {row},{column}{suffix}" for row in range(height) for column in range(width) for suffix in suffixes)

    @property
    def fill(self) -> tuple[float, ...]:
        """The input of a black pixel, one value a channel: what pads a moved image."""
        return tuple(self._table()[:, 0].tolist())

    def inputs(self, images: Images) -> np.ndarray:
        """Network inputs, float32 [images, height * width * channels], C-contiguous: row by row, the channels of a pixel side by side.

        Raises DataError for images of another size or other channels.
        """
        if images.shape != self.shape:
            raise DataError(
                f"images must be of {shape_in_words(self.shape)}, as the training images were, got {shape_in_words(images.shape)}; "
                "bring them to that size"
            )
        channels = self.shape[2]
        # One table after another, and a pixel's place in them: its value plus 256 times its channel.
        table = self._table().reshape(-1)
        offsets = 256 * np.arange(channels)
        pixels = images.pixels.reshape(-1, channels)
        result = np.empty((len(images), self.num_inputs), np.float32)
        flat = result.reshape(-1, channels)
        slab = max(1, _SLAB_PIXELS // channels)
        for start in range(0, len(pixels), slab):
            np.take(table, pixels[start : start + slab] + offsets, out=flat[start : start + slab], mode="clip")
        return result

    def blank(self) -> Images:
        """One black image."""
        return Images(pixels=np.zeros((1, *self.shape), np.uint8))

    def to_dict(self) -> dict[str, Any]:
        return {
            "image": {"shape": list(self.shape), "mean": list(self.mean), "scale": list(self.scale), "of_any_size": self.of_any_size},
            "notes": list(self.notes),
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> "ImageInputs":
        """The inverse of `to_dict`. Raises KeyError, TypeError, ValueError or AssertionError if `record` is none of its results."""
        image = record["image"]
        height, width, channels = (int(side) for side in image["shape"])
        return cls(
            shape=(height, width, channels),
            mean=tuple(float(value) for value in image["mean"]),
            scale=tuple(float(value) for value in image["scale"]),
            of_any_size=bool(image["of_any_size"]),
            notes=tuple(record["notes"]),
        )

    def _table(self) -> np.ndarray:
        """The input of every value of every channel, float32 [channels, 256]."""
        mean, scale = np.array(self.mean)[:, np.newaxis], np.array(self.scale)[:, np.newaxis]
        varies = scale > 0
        with np.errstate(over="ignore"):
            table = np.where(varies, (np.arange(256.0) - mean) / np.where(varies, scale, 1), 0.0)
        return np.clip(table, -CLIP, CLIP).astype(np.float32)


def _counts(pixels: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """How often each value occurs in each channel of the images numbered `rows`, int64 [channels, 256]."""
    channels = pixels.shape[3]
    counts = np.zeros(256 * channels, np.int64)
    offsets = 256 * np.arange(channels)
    slab = max(1, _SLAB_PIXELS // pixels[0].size)
    for start in range(0, len(rows), slab):
        counts += np.bincount((pixels[rows[start : start + slab]] + offsets).reshape(-1), minlength=256 * channels)
    return counts.reshape(channels, 256)
