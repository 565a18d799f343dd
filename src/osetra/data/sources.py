"""Where tables come from: files, frames and arrays.

Knows nothing of: targets, tasks, what becomes of a table. Text files are read by `delimited`.
"""

import difflib
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from osetra.core.errors import DataError
from osetra.data.delimited import read_delimited

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

TARGET = "target"
"""The name of the target column of tables made from arrays."""

_FORMATS = ".csv, .csv.gz, .tsv, .tsv.gz, .parquet, .feather, .arrow or .npz"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Table:
    """Rows and named columns, before anyone has said what is to be predicted."""

    frame: "pd.DataFrame"
    """Column names are text and all different; rows are numbered from 0."""
    source: str
    """Where it came from: a path, or a word for data handed over in memory."""


def read_table(source: Any, *, name: str | None = None) -> Table:
    """Read a table from a file, a frame or an array.

    source: a path to a .csv, .csv.gz, .tsv, .tsv.gz, .parquet, .feather, .arrow or .npz file (arrays X [rows, columns] and y, or X_train
    and y_train); a pandas frame; a frame of another library that converts itself (`to_pandas` or the Arrow C stream, as in polars and
    pyarrow); or an array [rows, columns], whose columns become x0, x1, ...
    name: what to call the source, if not by its path or kind.

    Raises DataError if there is no such file, or it cannot be read as a table with named columns, all different, and at least one row.
    """
    if isinstance(source, str | Path):
        return _table(_read_file(Path(source)), source=name or str(source))
    if isinstance(source, Table):
        return source
    import pandas as pd

    if isinstance(source, pd.DataFrame):
        return _table(source, source=name or "a frame")
    if isinstance(source, np.ndarray):
        return _table(_array_frame(source), source=name or "an array")
    if hasattr(source, "to_pandas"):
        converted = source.to_pandas()
        if isinstance(converted, pd.DataFrame):
            return _table(converted, source=name or "a frame")
    elif hasattr(source, "__arrow_c_stream__"):
        import pyarrow as pa

        return _table(_arrow_frame(pa.table(source), where="the frame"), source=name or "a frame")
    raise DataError(f"a table must be a path, a frame or an array [rows, columns], got {type(source).__name__}; give one of these")


def table_from_arrays(X: Any, y: Any = None, names: Sequence[str] | None = None, *, source: str = "arrays") -> Table:
    """A table of features X [rows, columns] and targets y [rows] or [rows, targets].

    Columns are called `names`, or x0, x1, ...; the target is called `target`, several of them `target0`, `target1`, ...
    Raises DataError if the shapes do not fit one another.
    """
    import pandas as pd

    frame = X if isinstance(X, pd.DataFrame) else _array_frame(_array(X, "X"), names)
    if y is None:
        return _table(frame, source=source)
    targets = y if isinstance(y, pd.Series | pd.DataFrame) else _array(y, "y")
    if targets.ndim not in (1, 2) or len(targets) != len(frame):
        raise DataError(
            f"y must hold one target (or one row of targets) for each of the {len(frame):,} rows of X, got shape {targets.shape}; "
            "give X and y of the same length"
        )
    added = pd.DataFrame(targets).infer_objects().reset_index(drop=True)
    added.columns = [TARGET] if added.shape[1] == 1 else [f"{TARGET}{k}" for k in range(added.shape[1])]
    return _table(pd.concat([frame.reset_index(drop=True), added], axis=1), source=source)


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


def _read_file(path: Path) -> "pd.DataFrame":
    _require_file(path)
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes[-1:] == [".gz"]:
        suffixes.pop()
    suffix = suffixes[-1] if suffixes else ""
    try:
        match suffix:
            case ".csv" | ".tsv":
                return read_delimited(path, delimiter="\t" if suffix == ".tsv" else None)
            case ".parquet":
                return _read_parquet(path)
            case ".feather" | ".arrow":
                return _read_arrow(path)
            case ".npz":
                return _read_npz(path)
    except PermissionError as error:
        raise DataError(f"{path} must be readable, got no permission; change its permissions or copy it") from error
    raise DataError(f"a table file must end in {_FORMATS}, got {path.name!r}; convert it or rename it")


def _require_file(path: Path) -> None:
    if path.is_dir():
        raise DataError(f"a table must be a file, got the folder {path}; name a file in it")
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


def _read_npz(path: Path) -> "pd.DataFrame":
    try:
        # Opened here, as NumPy leaves a file that it opened itself open if the archive is damaged.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise DataError(
                    f"{path} must be an .npz archive of arrays, got a single array; save it with numpy.savez(path, X=..., y=...)"
                )
            names = {name.lower(): name for name in reversed(archive.files)}
            pair = next((pair for pair in (("x", "y"), ("x_train", "y_train")) if pair[0] in names), None)
            if pair is None:
                raise DataError(
                    f"{path} must hold arrays X [rows, columns] and y, or X_train and y_train, got {', '.join(archive.files) or 'none'}; "
                    "save it with numpy.savez(path, X=..., y=...)"
                )
            X = archive[names[pair[0]]]
            y = archive[names[pair[1]]] if pair[1] in names else None
    except DataError:
        raise
    except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile) as error:
        if "pickle" in str(error):
            raise DataError(
                f"{path} must be an .npz archive of plain arrays, got pickled objects or no archive at all, which are never loaded; "
                "save numbers or text with numpy.savez(path, X=..., y=...)"
            ) from error
        raise _unreadable(path, "NumPy .npz", error) from error
    return table_from_arrays(X, y, source=str(path)).frame


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
