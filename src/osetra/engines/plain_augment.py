"""The plain engine's augmentation: moves of images by SciPy's interpolation, noise and mixup in NumPy.

The draws are those of the compiled engine, written a second time; see there for what each augmentation is.
Knows nothing of: networks, losses.
"""

import numpy as np

from osetra.engines.keyed_bits import normal, uniform
from osetra.engines.port import ImageShape, Member

LATTICE = 5
DRAWS = 64


def augmented(member: Member, image: ImageShape | None, inputs: np.ndarray, rows: np.ndarray, start: int) -> np.ndarray:
    """The rows numbered `rows` of `inputs`, [n, num_inputs], the first of them row `start` of the epoch, as the network sees them.

    Mixup is left out, as it needs the share that the loss needs too.
    """
    h, epoch = member.hyperparameters, member.state.epoch
    x = inputs[rows]
    if h.moves_images:
        assert image is not None, "only images can be moved"
        key = member.seed.key("image", epoch)
        x = np.stack([_moved(member, image, row, number, key) for row, number in zip(x, rows, strict=True)])
    if h.noise > 0:
        places = (start * x.shape[1] + np.arange(x.size)).reshape(x.shape)
        x = x + h.noise * normal(member.seed.key("noise", epoch), places)
    return x


def _moved(member: Member, image: ImageShape, row: np.ndarray, number: int, key: np.uint64) -> np.ndarray:
    from scipy.ndimage import map_coordinates

    h = member.hyperparameters
    draw = uniform(key, number * DRAWS + np.arange(4))
    mirrored = h.flip and draw[0] < 0.5
    down, right = (np.floor(draw[1:3] * (2 * h.crop_padding + 1)) - h.crop_padding).astype(int)
    angle = np.radians(h.rotation) * (2 * draw[3] - 1)
    rows, columns = np.meshgrid(np.arange(image.height), np.arange(image.width), indexing="ij")
    middle = np.array([(image.height - 1) / 2, (image.width - 1) / 2])
    from_middle = np.stack([rows - middle[0], (columns - middle[1]) * (-1 if mirrored else 1)])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    places = np.tensordot(turn, from_middle, axes=1) + np.array([middle[0] + down, middle[1] + right])[:, None, None]
    if h.distortion > 0:
        lattice = h.distortion * normal(key, number * DRAWS + 4 + np.arange(2 * LATTICE**2)).reshape(2, LATTICE, LATTICE)
        on_lattice = np.stack([rows * (LATTICE - 1) / max(image.height - 1, 1), columns * (LATTICE - 1) / max(image.width - 1, 1)])
        places += np.stack([map_coordinates(points, on_lattice, order=1) for points in lattice])
    pixels = row.reshape(image.height, image.width, image.channels)
    channels = [
        map_coordinates(pixels[..., k].astype(np.float64), places, order=1, mode="grid-constant", cval=image.fill[k])
        for k in range(image.channels)
    ]
    return np.stack(channels, axis=-1).ravel()
