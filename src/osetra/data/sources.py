"""Where tables come from: files, frames, arrays and folders of images.

Knows nothing of: targets, tasks, what becomes of a table. Text files are read by `delimited`, .npz files by `archives`, folders by
`image_folders`.
"""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from osetra.core.errors import DataError
from osetra.data.archives import read_archive
from osetra.data.delimited import read_delimited
from osetra.data.image_folders import ENDINGS, ImageFolder, scan
from osetra.data.images import Images, Shape, images_from_array
from osetra.data.values import MISSING_WORDS

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

TARGET = "target"
"""The name of the target column of tables made from arrays."""
CLASS = "class"
"""The name of the target column of tables made from folders of images."""

_FORMATS = ".csv, .csv.gz, .tsv, .tsv.gz, .parquet, .feather, .arrow or .npz"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Table:
    """Rows and named columns, or images and what is known of each, before anyone has said what is to be predicted."""

    frame: "pd.DataFrame"
    """Column names are text and all different; rows are numbered from 0. Of images: what is to be predicted, if it is known."""
    source: str
    """Where it came from: a path, or a word for data handed over in memory."""
    given: np.ndarray | None = None
    """int8 [rows] where the data came with parts: 0 training, 1 dev, 2 test."""
    images: Images | None = None
    """Of the rows of `frame`, where the data is images."""
    notes: tuple[str, ...] = ()
    """What was done or left out in reading, in sentences for a person."""

    def __post_init__(self) -> None:
        assert self.given is None or self.given.shape == (len(self.frame),), "a part for every row"
        assert self.images is None or len(self.images) == len(self.frame), "an image for every row"

    @property
    def features(self) -> "pd.DataFrame | Images":
        """What predictions are made from: the images, or the frame with all its columns."""
        return self.frame if self.images is None else self.images

    def take(self, rows: np.ndarray) -> "Table":
        """The rows numbered `rows`, int64, in that order."""
        return replace(
            self,
            frame=self.frame.take(rows).reset_index(drop=True),
            given=None if self.given is None else self.given[rows],
            images=None if self.images is None else self.images.take(rows),
        )


def read_table(source: Any, *, name: str | None = None) -> Table:
    """Read a table from a file, a frame, an array or a folder of images.

    source: a path to a .csv, .csv.gz, .tsv, .tsv.gz, .parquet, .feather, .arrow or .npz file (arrays X and y, or X_train and y_train and
    other parts); a pandas frame; a frame of another library that converts itself (`to_pandas` or the Arrow C stream, as in polars and
    pyarrow); an array [rows, columns], whose columns become x0, x1, ...; an array of images [images, height, width] or
    [images, height, width, channels] of whole numbers 0 to 255; or a folder of images, as `image_folders` has it.
    name: what to call the source, if not by its path or kind.

    Raises DataError if there is no such file, or it cannot be read as a table with named columns, all different, and at least one row,
    or as images; MissingExtra for a folder of images without Pillow.
    """
    if isinstance(source, str | Path):
        path = Path(source)
        if path.is_dir():
            return table_from_folder(scan(path), source=name or f"{path}/")
        return _read_file(path, source=name or str(source))
    if isinstance(source, Table):
        return source
    import pandas as pd

    if isinstance(source, pd.DataFrame):
        return _table(source, source=name or "a frame")
    if isinstance(source, np.ndarray):
        return table_from_arrays(source, source=name or "an array")
    if hasattr(source, "to_pandas"):
        converted = source.to_pandas()
        if isinstance(converted, pd.DataFrame):
            return _table(converted, source=name or "a frame")
    elif hasattr(source, "__arrow_c_stream__"):
        import pyarrow as pa

        return _table(_arrow_frame(pa.table(source), where="the frame"), source=name or "a frame")
    raise DataError(f"a table must be a path, a frame or an array [rows, columns], got {type(source).__name__}; give one of these")


def table_from_arrays(X: Any, y: Any = None, names: Sequence[str] | None = None, *, source: str = "arrays") -> Table:
    """A table of features X [rows, columns], or of images X [rows, height, width] or more, and targets y [rows] or [rows, targets].

    Columns are called `names`, or x0, x1, ...; the target is called `target`, several of them `target0`, `target1`, ...
    Raises DataError if the shapes do not fit one another.
    """
    import pandas as pd

    features = X if isinstance(X, pd.DataFrame) else _array(X, "X")
    if isinstance(features, np.ndarray) and features.ndim > 2:
        images, notes = images_from_array(features)
        known = pd.DataFrame(index=range(len(images))) if y is None else target_frame(y, len(images))
        return Table(frame=known, images=images, source=source, notes=tuple(notes))
    frame = features if isinstance(features, pd.DataFrame) else _array_frame(features, names)
    if y is None:
        return _table(frame, source=source)
    return _table(pd.concat([frame.reset_index(drop=True), target_frame(y, len(frame))], axis=1), source=source)


def table_from_folder(folder: ImageFolder, *, shape: Shape | None = None, source: str) -> Table:
    """The images of a folder in `shape`, by default their natural one; their classes, if they are in folders, as the column `class`.

    Raises DataError for a file that cannot be read, or a class whose name is a word for a missing value.
    """
    import pandas as pd

    nameless = [name for name in dict.fromkeys(folder.classes) if name.strip() in MISSING_WORDS]
    if nameless:
        raise DataError(f"a class must not be called as a missing value is, got the folder {nameless[0]!r} in {source}; rename it")
    notes = folder.notes if shape is not None else (*folder.notes, *folder.notes_on(folder.natural_shape()))
    frame = pd.DataFrame(index=range(len(folder.files)))
    if folder.classes:
        # A category, as names such as 1 and 2 are classes too, however few the images are.
        frame[CLASS] = pd.Categorical(folder.classes)
    return Table(frame=frame, images=folder.read(shape or folder.natural_shape()), source=source, given=folder.given, notes=notes)


def target_frame(y: Any, rows: int) -> "pd.DataFrame":
    """Targets y [rows] or [rows, targets] as columns `target`, or `target0`, `target1`, ... Raises DataError for another shape."""
    import pandas as pd

    targets = y if isinstance(y, pd.Series | pd.DataFrame) else _array(y, "y")
    if targets.ndim not in (1, 2) or len(targets) != rows:
        raise DataError(
            f"y must hold one target (or one row of targets) for each of the {rows:,} rows of X, got shape {targets.shape}; "
            "give X and y of the same length"
        )
    frame = pd.DataFrame(targets).infer_objects().reset_index(drop=True)
    frame.columns = [TARGET] if frame.shape[1] == 1 else [f"{TARGET}{k}" for k in range(frame.shape[1])]
    return frame


def _table(frame: "pd.DataFrame", *, source: str) -> Table:
    names = [str(name) for name in frame.columns]
    if not names:
        raise DataError(f"{source} must have named columns, got none; give a table with a header")
    repeated = list(dict.fromkeys(name for name in names if names.count(name) > 1)) if len(set(names)) < len(names) else []
    if repeated:
        raise DataError(
            f"{source} must have columns of different names, got {', '.join(map(repr, repeated))} more than once; "
            "rename them (the first line of a file must hold the column names)"
        )
    if len(frame) == 0:
        raise DataError(f"{source} must have at least one row, got a header only ({len(names)} columns); give it some data")
    frame = frame.reset_index(drop=True)
    frame.columns = names
    return Table(frame=frame, source=source)


def _read_file(path: Path, *, source: str) -> Table:
    _require_file(path)
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes[-1:] == [".gz"]:
        suffixes.pop()
    suffix = suffixes[-1] if suffixes else ""
    try:
        match suffix:
            case ".csv" | ".tsv":
                return _table(read_delimited(path, delimiter="\t" if suffix == ".tsv" else None), source=source)
            case ".parquet":
                return _table(_read_parquet(path), source=source)
            case ".feather" | ".arrow":
                return _table(_read_arrow(path), source=source)
            case ".npz":
                archive = read_archive(path)
                table = table_from_arrays(archive.X, archive.y, source=source)
                return replace(table, given=archive.given, notes=(*archive.notes, *table.notes))
    except PermissionError as error:
        raise DataError(f"{path} must be readable, got no permission; change its permissions or copy it") from error
    if suffix in ENDINGS:
        raise DataError(f"images must be a folder of them, in folders one a class, got the file {path}; name the folder")
    raise DataError(f"a table file must end in {_FORMATS}, got {path.name!r}; convert it or rename it")


def _require_file(path: Path) -> None:
    if path.is_file():
        return
    if not path.parent.is_dir():
        raise DataError(f"{path} does not exist, nor does the folder {path.parent}; check the path")
    near = difflib.get_close_matches(path.name, [other.name for other in path.parent.iterdir()], n=1)
    raise DataError(f"{path} does not exist; " + (f"did you mean {path.parent / near[0]}?" if near else "check the path"))


def _read_parquet(path: Path) -> "pd.DataFrame":
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(path, "Parquet", error) from error
    return _arrow_frame(table, where=str(path))


def _read_arrow(path: Path) -> "pd.DataFrame":
    import pyarrow as pa
    import pyarrow.feather

    try:
        table = pyarrow.feather.read_table(path)
    except (pa.ArrowException, OSError) as file_error:
        # .arrow is written both as a file with an index and as a bare stream.
        try:
            with pa.OSFile(str(path)) as stream:
                table = pa.ipc.open_stream(stream).read_all()
        except (pa.ArrowException, OSError):
            raise _unreadable(path, "Arrow/Feather", file_error) from file_error
    return _arrow_frame(table, where=str(path))


def _unreadable(path: Path, form: str, error: Exception) -> DataError:
    if isinstance(error, PermissionError):
        raise error
    return DataError(f"{path} must be in {form} format, got something that cannot be read as such ({_first_line(error)}); write it anew")


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def _arrow_frame(table: "pa.Table", *, where: str) -> "pd.DataFrame":
    import pyarrow as pa

    nested = [field.name for field in table.schema if pa.types.is_nested(field.type)]
    if nested:
        raise DataError(
            f"the columns of {where} must hold single values, got lists or records in {', '.join(map(repr, nested))}; "
            "drop them or spread each over several columns"
        )
    return table.to_pandas(date_as_object=False, split_blocks=True)


def _array(values: Any, what: str) -> np.ndarray:
    try:
        return np.asarray(values)
    except ValueError as error:
        raise DataError(
            f"{what} must be an array or rows of equal length, got rows that differ in length; give each as many values"
        ) from error


def _array_frame(array: np.ndarray, names: Sequence[str] | None = None) -> "pd.DataFrame":
    import pandas as pd

    if array.ndim != 2 or array.dtype.names is not None:
        raise DataError(f"an array must be [rows, columns], got shape {array.shape}; reshape it, such as array.reshape(len(array), -1)")
    labels = [f"x{k}" for k in range(array.shape[1])] if names is None else [str(name) for name in names]
    if len(labels) != array.shape[1]:
        raise DataError(f"names must name each of the {array.shape[1]} columns, got {len(labels)} names; give one a column")
    frame = pd.DataFrame(array, columns=pd.Index(labels))
    return frame.infer_objects() if array.dtype == object else frame
