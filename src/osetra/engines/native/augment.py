"""Augmentation of a mini-batch while it is gathered: noise and mixup for any inputs, moves for images.

    noise        x := x + s N(0, 1)
    mixup        x_i := share x_i + (1 - share) x_{i+1}, round the batch (Zhang et al. 2018, arXiv:1710.09412; the loss mixes targets alike)
    flip         half of the images are mirrored
    shift        by up to `padding` pixels either way, which is padding and then cropping at random
    rotation     about the centre by an angle uniform in +-`rotation`
    distortion   displacements N(0, distortion^2) at the points of a lattice, linear in between (after Simard et al. 2003)

A moved pixel is taken from where it came from by bilinear interpolation; outside the image lies `fill`. What is drawn for a row follows
from (key, row of the data), and noise from (key, place in the epoch), never from what trains beside it.
Knows nothing of: networks, targets, which part of the data it is given.
"""

import math
from typing import NamedTuple

import numpy as np

from osetra.engines.native.kernel import inner
from osetra.engines.native.mathematics import bits, normal

LATTICE = 5
"""Points a side of the lattice of displacements."""
DRAWS = 64
"""Numbers set aside for a row: flip, two shifts, angle, and two displacements for each point of the lattice."""
FLIP, DOWN, RIGHT, ANGLE, LATTICE_DRAWS = range(5)


class Augmentation(NamedTuple):
    """What is done to the rows of a batch; 0 and False are off."""

    noise: float
    flip: bool
    padding: int
    rotation: float
    """Radians."""
    distortion: float
    height: int
    width: int
    channels: int
    fill: np.ndarray
    """[channels]"""


@inner
def uniform(key, counter):
    """A number in [0, 1) of `key` at position `counter`."""
    return (bits(key, np.uint64(counter)) >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@inner
def add_noise(x, deviation, key, first):
    """x := x + deviation N(0, 1), [n, width], from positions first, first + 1, ... of `key`."""
    flat = x.reshape(x.size)
    s = flat.dtype.type(deviation)
    for i in range(flat.size):
        flat[i] += s * normal(bits(key, np.uint64(first + i)), s)


@inner
def mix_rows(x, share, first):
    """x_i := share x_i + (1 - share) x_{i+1}, the last row with what was the first, [n, width]; `first` is room for a row."""
    n, width = x.shape
    own = x.dtype.type(share)
    other = x.dtype.type(1.0 - share)
    for j in range(width):
        first[j] = x[0, j]
    for i in range(n - 1):
        for j in range(width):
            x[i, j] = own * x[i, j] + other * x[i + 1, j]
    for j in range(width):
        x[n - 1, j] = own * x[n - 1, j] + other * first[j]


@inner
def gather_moved(inputs, order, start, out, augmentation, key):
    """out[i] := the image inputs[order[start + i]], moved, [n, height * width * channels]."""
    h = augmentation.height
    w = augmentation.width
    channels = augmentation.channels
    is_bent = augmentation.rotation > 0.0 or augmentation.distortion > 0.0
    lattice = np.zeros((2, LATTICE, LATTICE))
    for i in range(len(out)):
        row = order[start + i]
        first = row * DRAWS
        mirrored = augmentation.flip and uniform(key, first + FLIP) < 0.5
        reach = 2 * augmentation.padding + 1
        down = np.int64(uniform(key, first + DOWN) * reach) - augmentation.padding
        right = np.int64(uniform(key, first + RIGHT) * reach) - augmentation.padding
        image = inputs[row].reshape(h, w, channels)
        moved = out[i].reshape(h, w, channels)
        if is_bent:
            if augmentation.distortion > 0.0:
                draw_lattice(lattice, augmentation.distortion, key, first + LATTICE_DRAWS)
            angle = (2.0 * uniform(key, first + ANGLE) - 1.0) * augmentation.rotation
            bend(image, moved, augmentation.fill, angle, lattice, augmentation.distortion > 0.0, mirrored, down, right)
        else:
            shift(image, moved, augmentation.fill, mirrored, down, right)


@inner
def shift(image, moved, fill, mirrored, down, right):
    """Write `image` [h, w, channels], perhaps mirrored, to `moved`, so many pixels up and to the left."""
    h, w, channels = image.shape
    # Columns whose source lies inside: c + right, or w - 1 - c + right where mirrored.
    begin = min(max(right if mirrored else -right, 0), w)
    end = max(min(w + right if mirrored else w - right, w), begin)
    for r in range(h):
        y = r + down
        if y < 0 or y >= h:
            fill_pixels(moved[r], fill, 0, w)
            continue
        fill_pixels(moved[r], fill, 0, begin)
        fill_pixels(moved[r], fill, end, w)
        to = moved[r].reshape(w * channels)
        source = image[y].reshape(w * channels)
        last = w - 1 + right
        if not mirrored:
            offset = right * channels
            for place in range(begin * channels, end * channels):
                to[place] = source[place + offset]
        elif channels == 1:
            for c in range(begin, end):
                to[c] = source[last - c]
        else:
            for c in range(begin, end):
                for k in range(channels):
                    to[c * channels + k] = source[(last - c) * channels + k]


@inner
def fill_pixels(row, fill, begin, end):
    """row[begin:end] := fill, [w, channels]."""
    for c in range(begin, end):
        for k in range(len(fill)):
            row[c, k] = fill[k]


@inner
def draw_lattice(lattice, deviation, key, first):
    """Displacements down and right at the points of the lattice, [2, LATTICE, LATTICE], in pixels."""
    flat = lattice.reshape(lattice.size)
    for i in range(flat.size):
        flat[i] = deviation * normal(bits(key, np.uint64(first + i)), 1.0)


@inner
def bend(image, moved, fill, angle, lattice, is_displaced, mirrored, down, right):
    """Write to `moved` what lies at each pixel of `image` [h, w, channels], turned, displaced, shifted and mirrored."""
    h, w, channels = image.shape
    real = image.dtype.type
    cosine = math.cos(angle)
    sine = math.sin(angle)
    middle_y = 0.5 * (h - 1)
    middle_x = 0.5 * (w - 1)
    across = (LATTICE - 1.0) / max(w - 1, 1)
    for r in range(h):
        at_y = r * (LATTICE - 1.0) / max(h - 1, 1)
        row = min(np.int64(at_y), LATTICE - 2)
        lower_part = at_y - row
        for c in range(w):
            at_x = c * across
            column = min(np.int64(at_x), LATTICE - 2)
            right_part = at_x - column
            from_y = r - middle_y
            from_x = (middle_x - c) if mirrored else (c - middle_x)
            y = middle_y + cosine * from_y - sine * from_x + down
            x = middle_x + sine * from_y + cosine * from_x + right
            if is_displaced:
                y += between(lattice[0], row, column, lower_part, right_part)
                x += between(lattice[1], row, column, lower_part, right_part)
            top = np.int64(math.floor(y))
            left = np.int64(math.floor(x))
            below = real(y - top)
            beside = real(x - left)
            # Nearly all pixels come from the inside, where one question is enough.
            if 0 <= top < h - 1 and 0 <= left < w - 1:
                for k in range(channels):
                    a = image[top, left, k]
                    d = image[top + 1, left, k]
                    upper = a + beside * (image[top, left + 1, k] - a)
                    lower = d + beside * (image[top + 1, left + 1, k] - d)
                    moved[r, c, k] = upper + below * (lower - upper)
                continue
            for k in range(channels):
                a = image[top, left, k] if 0 <= top < h and 0 <= left < w else fill[k]
                b = image[top, left + 1, k] if 0 <= top < h and -1 <= left < w - 1 else fill[k]
                d = image[top + 1, left, k] if -1 <= top < h - 1 and 0 <= left < w else fill[k]
                e = image[top + 1, left + 1, k] if -1 <= top < h - 1 and -1 <= left < w - 1 else fill[k]
                upper = a + beside * (b - a)
                lower = d + beside * (e - d)
                moved[r, c, k] = upper + below * (lower - upper)


@inner
def between(points, row, column, lower_part, right_part):
    """The value of a lattice [LATTICE, LATTICE] between points (row, column) and (row + 1, column + 1), linear both ways."""
    upper = points[row, column] + right_part * (points[row, column + 1] - points[row, column])
    lower = points[row + 1, column] + right_part * (points[row + 1, column + 1] - points[row + 1, column])
    return upper + lower_part * (lower - upper)
