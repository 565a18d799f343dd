"""Parts that come with the data: a dev or a test table of its own, joined to the training table, and rows that are in two parts.

Knows nothing of: tasks, how parts that were not given are drawn.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from osetra.core.errors import DataError
from osetra.data.image_folders import scan
from osetra.data.images import Images, shape_in_words
from osetra.data.sources import Table, read_table, table_from_arrays, table_from_folder
from osetra.data.split import DEV, TEST, Split
from osetra.data.values import column_of

if TYPE_CHECKING:
    import pandas as pd

PARTS = ("training", "dev", "test")


def read_part(source: Any, *, training: Table, targets: Sequence[str]) -> Table:
    """A dev or test part: whatever `read_table` reads, or a pair (X, y), whose y gets the names in `targets`.

    A folder of images is brought to the size of the training images. Raises DataError.
    """
    if isinstance(source, tuple):
        if len(source) != 2 or any(piece is None for piece in source):
            raise DataError(f"a part of arrays must be a pair (X, y), got {len(source)} pieces; give features and targets")
        table = table_from_arrays(*source)
        names = list(table.frame.columns)
        if len(targets) <= len(names):
            names[len(names) - len(targets) :] = targets
        return replace(table, frame=table.frame.set_axis(names, axis=1))
    if training.images is not None and isinstance(source, str | Path) and Path(source).is_dir():
        return table_from_folder(scan(Path(source)), shape=training.images.shape, source=f"{Path(source)}/")
    return read_table(source)


def join_parts(training: Table, *, dev: Table | None = None, test: Table | None = None, ignore: Iterable[str] = ()) -> Table:
    """One table whose `given` says which rows came as dev and as test; columns are matched by name.

    ignore: columns that a part may lack or have besides, as nothing is made of them. Raises DataError if other columns differ, or a part
    comes twice.
    """
    parts = {number: part for number, part in ((DEV, dev), (TEST, test)) if part is not None}
    if not parts:
        return training
    came = np.zeros(len(training.frame), dtype=np.int8) if training.given is None else training.given
    for number, part in parts.items():
        if (came == number).any():
            raise DataError(f"there must be one {PARTS[number]} part, got another one in {training.source}; leave one of them out")
        _require_same_columns(training, part, PARTS[number], frozenset(ignore))
    given = np.concatenate([came, *(np.full(len(part.frame), number, dtype=np.int8) for number, part in parts.items())])
    frames = [training.frame, *(part.frame.reindex(columns=training.frame.columns) for part in parts.values())]
    images = training.images
    if images is not None:
        others = [part.images for part in parts.values() if part.images is not None]
        files = [images.files, *(other.files for other in others)]
        images = replace(
            images, pixels=np.concatenate([images.pixels, *(other.pixels for other in others)]),
            files=tuple(name for names in files for name in names) if all(files) else (),
        )  # fmt: skip
    notes = [f"{PARTS[number]} part: {note}" for number, part in parts.items() for note in part.notes]
    return replace(training, frame=_stacked_frames(frames), given=given, images=images, notes=(*training.notes, *notes))


def repeats(features: Any, target: "pd.DataFrame", split: Split) -> list[str]:
    """Notes on rows that two parts share, target and all, where one of the parts was given: they flatter the model.

    features: a frame or images, with a row for each row of the target.
    """
    if "given" not in split.ways:
        return []
    digests = _digests(features, target)
    parts = (split.train, split.dev, split.test)
    is_given = (False, *(way == "given" for way in split.ways))
    notes = []
    for first, second in ((0, DEV), (0, TEST), (DEV, TEST)):
        rows = len(parts[second])
        count = int(np.isin(digests[parts[second]], digests[parts[first]]).sum()) if is_given[first] or is_given[second] else 0
        if count:
            which = f"all {rows:,}" if count == rows else f"{count:,} of {rows:,}"
            later = PARTS[second]
            notes.append(f"{which} {later} rows are in the {PARTS[first]} part too, target and all: the {later} error flatters the model")
    return notes


def _digests(features: Any, target: "pd.DataFrame") -> np.ndarray:
    """A number for each row, [rows], the same for rows that hold the same."""
    import pandas as pd

    hash_rows: Any = pd.util.hash_pandas_object  # pyright: ignore[reportAttributeAccessIssue]
    if not isinstance(features, Images):
        return hash_rows(pd.concat([features, target], axis=1), index=False).to_numpy()
    pixels = pd.Series([hash(image.tobytes()) for image in features.pixels])
    return hash_rows(pd.concat([pixels, target], axis=1), index=False).to_numpy()


def _require_same_columns(training: Table, part: Table, name: str, ignored: frozenset[str]) -> None:
    shapes = [None if table.images is None else table.images.shape for table in (training, part)]
    if shapes[0] != shapes[1]:
        wanted, found = (shape_in_words(shape) if shape else "a table" for shape in shapes)
        raise DataError(
            f"the {name} part, {part.source}, must be like the training part, {training.source}, got {found} instead of {wanted}; "
            "give images of that size, or tables for both"
        )
    wanted, found = training.frame.columns, part.frame.columns
    lacking = [column for column in wanted if column not in found and column not in ignored]
    extra = [column for column in found if column not in wanted and column not in ignored]
    if lacking or extra:
        said = [f"none called {_listed(lacking)}"] * bool(lacking) + [f"{_listed(extra)} besides"] * bool(extra)
        raise DataError(
            f"the {name} part, {part.source}, must have the columns of the training table, {training.source}, got {' and '.join(said)}; "
            "rename, add or drop columns so that both have the same"
        )


def _stacked_frames(frames: Sequence["pd.DataFrame"]) -> "pd.DataFrame":
    import pandas as pd

    return pd.DataFrame({name: _stacked([column_of(frame, name) for frame in frames]) for name in frames[0].columns})


def _stacked(pieces: Sequence["pd.Series"]) -> "pd.Series":
    """The values of all pieces, one after another, as a type that holds them without change; categories if the first has them."""
    import pandas as pd

    kinds = [piece.dtype for piece in pieces]
    is_plain = all(kind == kinds[0] for kind in kinds) or all(kind.kind in "iuf" for kind in kinds)
    joined = pd.concat(pieces if is_plain else [piece.astype(object) for piece in pieces], ignore_index=True)
    return joined.astype("category") if isinstance(kinds[0], pd.CategoricalDtype) and not is_plain else joined


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names[:10])) + (f" and {len(names) - 10} more" if len(names) > 10 else "")
