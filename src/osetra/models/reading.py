"""Data as a model takes it: a table with its columns, or images of its size and colour.

Knows nothing of: networks, files of models.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from osetra.core.errors import ModelError
from osetra.data.image_folders import scan
from osetra.data.image_inputs import ImageInputs
from osetra.data.images import reduced_size, shape_in_words
from osetra.data.prepare import Preparation
from osetra.data.sources import Table, read_table, table_from_arrays, table_from_folder, target_frame


def read_for(preparation: Preparation, data: Any, y: Any = None, *, feature_names: tuple[str, ...] = ()) -> Table:
    """The rows of `data`, with targets `y` [rows] or [rows, targets] if they are given.

    data: as for `osetra.models.model.Model`; the columns of an array are `feature_names`, all of them. Raises DataError if it cannot be
    read, ModelError if it is of another shape or kind.
    """
    kind = preparation.features
    table = _images(kind, data) if isinstance(kind, ImageInputs) else _columns(data, feature_names)
    names = preparation.target_names
    if y is None:
        # All that comes with images is their target, whatever it is called there.
        is_named = table.images is None or table.frame.shape[1] != len(names)
        return table if is_named else replace(table, frame=table.frame.set_axis(list(names), axis=1))
    targets = target_frame(y, len(table.frame))
    if targets.shape[1] != len(names):
        raise ModelError(f"y must hold the targets {named(names)}, got {targets.shape[1]} columns; give one for each of them")
    return replace(table, frame=table.frame.assign(**dict(zip(names, (column for _, column in targets.items()), strict=True))))


def named(names: tuple[str, ...] | list[str]) -> str:
    """The first few, quoted."""
    return ", ".join(map(repr, names[:5])) + (", ..." if len(names) > 5 else "")


def _columns(data: Any, feature_names: tuple[str, ...]) -> Table:
    if isinstance(data, np.ndarray):
        if data.ndim != 2 or data.shape[1] != len(feature_names):
            raise ModelError(
                f"an array must be [rows, {len(feature_names)}], one column for each feature of the training data "
                f"({named(feature_names)}), got shape {list(data.shape)}; give these columns in this order"
            )
        return table_from_arrays(data, names=feature_names)
    table = read_table(data)
    if table.images is not None:
        raise ModelError(
            f"this model takes a table with columns such as {named(feature_names)}, got {table.images.in_words()}; give a table"
        )
    return table


def _images(wanted: ImageInputs, data: Any) -> Table:
    size = shape_in_words(wanted.shape)
    if isinstance(data, str | Path) and Path(data).is_dir():
        return _folder(wanted, Path(data))
    if isinstance(data, np.ndarray) and data.ndim not in (3, 4):
        raise ModelError(
            f"this model takes images of {size}, [images, height, width] or [images, height, width, channels], got an array of shape "
            f"{list(data.shape)}; give whole images, a single one as X[numpy.newaxis]"
        )
    table = read_table(data)
    if table.images is None:
        raise ModelError(f"this model takes images of {size}, got a table; give an array, an .npz file or a folder of images")
    if table.images.shape != wanted.shape:
        raise ModelError(f"this model takes images of {size}, got {table.images.in_words()}; bring them to that size and colour")
    return table


def _folder(wanted: ImageInputs, path: Path) -> Table:
    """Its images in the wanted shape, by the rules of training: they must be of its size, unless that was made from several sizes."""
    folder = scan(path)
    height, width, channels = wanted.shape
    size = shape_in_words(wanted.shape)
    if channels not in (1, 3):
        raise ModelError(f"this model takes images of {size}, got a folder, whose files have 1 or 3; give an array or an .npz file")
    if channels == 1 and folder.colours.any():
        file = folder.files[int(np.argmax(folder.colours))]
        raise ModelError(f"this model takes grey images of {size}, got {file} of {path} in colour; make it grey")
    if not wanted.of_any_size:
        for file, (high, wide) in zip(folder.files, folder.sizes.tolist(), strict=True):
            if reduced_size(high, wide) != (height, width):
                raise ModelError(f"this model takes images of {size}, got {file} of {path} of {high} x {wide}; bring it to that size")
    return table_from_folder(folder, shape=wanted.shape, source=f"{path}/")
