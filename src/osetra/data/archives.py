"""Arrays in .npz files: features and targets, in one piece or in parts.

    X and y                                       one piece
    X_train and y_train, X_test and y_test,       parts; dev may also be called val or valid
        X_dev and y_dev

Names count in any case. Pickled objects are never loaded.

Knows nothing of: what the arrays mean.
"""

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from osetra.core.errors import DataError

_PARTS = {"dev": 1, "val": 1, "valid": 1, "test": 2}
_SAVE = "save it with numpy.savez(path, X=..., y=...)"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Archive:
    """What an .npz file holds."""

    X: np.ndarray
    """[rows, columns], or the shape of images."""
    y: np.ndarray | None
    """[rows] or [rows, targets]."""
    given: np.ndarray | None = None
    """int8 [rows] where the file has parts: 0 training, 1 dev, 2 test."""
    notes: tuple[str, ...] = ()


def read_archive(path: Path) -> Archive:
    """Read an .npz file. Raises DataError if it is none, holds no features, or parts that differ in shape or kind."""
    try:
        # Opened here, as NumPy leaves a file that it opened itself open if the archive is damaged.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise DataError(f"{path} must be an .npz archive of arrays, got a single array; {_SAVE}")
            return _read(path, archive)
    except (DataError, PermissionError):
        raise
    except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile) as error:
        if "pickle" in str(error):
            raise DataError(
                f"{path} must be an .npz archive of plain arrays, got pickled objects or no archive at all, which are never loaded; "
                "save numbers or text with numpy.savez(path, X=..., y=...)"
            ) from error
        why = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise DataError(f"{path} must be in NumPy .npz format, got something that cannot be read as such ({why}); write it anew") from error


def _read(path: Path, archive: "np.lib.npyio.NpzFile") -> Archive:
    names = {name.lower(): name for name in reversed(archive.files)}
    ending = next((ending for ending in ("", "_train") if f"x{ending}" in names), None)
    if ending is None:
        raise DataError(
            f"{path} must hold arrays X [rows, columns] and y, or X_train and y_train, got {', '.join(archive.files) or 'none'}; {_SAVE}"
        )
    X = archive[names[f"x{ending}"]]
    y = archive[names[f"y{ending}"]] if f"y{ending}" in names else None
    if not ending or y is None:
        return Archive(X=X, y=y)
    pieces, notes = [("train", X, y)], []
    for part in _PARTS:
        if f"x_{part}" not in names:
            continue
        if f"y_{part}" not in names:
            notes.append(f"{names[f'x_{part}']} was left out, as there is no y_{part}")
            continue
        pieces.append((part, archive[names[f"x_{part}"]], archive[names[f"y_{part}"]]))
        _require_alike(path, pieces[0], pieces[-1])
    if len(pieces) == 1:
        return Archive(X=X, y=y, notes=tuple(notes))
    counts = ", ".join(f"{len(piece):,} rows in X_{part}" for part, piece, _ in pieces)
    return Archive(
        X=np.concatenate([piece for _, piece, _ in pieces]),
        y=np.concatenate([answers for _, _, answers in pieces]),
        given=np.concatenate([np.full(len(piece), _PARTS.get(part, 0), np.int8) for part, piece, _ in pieces]),
        notes=(f"the file comes in parts: {counts}", *notes),
    )


def _require_alike(path: Path, first: tuple[str, np.ndarray, np.ndarray], other: tuple[str, np.ndarray, np.ndarray]) -> None:
    for letter, one, two in (("X", first[1], other[1]), ("y", first[2], other[2])):
        names = f"{letter}_{first[0]} and {letter}_{other[0]}"
        if one.shape[1:] != two.shape[1:] or 0 in (one.ndim, two.ndim):
            raise DataError(
                f"{names} of {path} must differ in their rows only, got shapes {list(one.shape)} and {list(two.shape)}; save them alike"
            )
        if (one.dtype.kind in "biuf") != (two.dtype.kind in "biuf"):
            raise DataError(f"{names} of {path} must be of one kind, got {one.dtype} and {two.dtype}; save both as numbers or both as text")
    if len(other[1]) != len(other[2]) or len(first[1]) != len(first[2]):
        shapes = ", ".join(f"X_{part} {list(X.shape)} and y_{part} {list(y.shape)}" for part, X, y in (first, other))
        raise DataError(f"every X of {path} must have as many rows as its y, got {shapes}; save each pair together")
