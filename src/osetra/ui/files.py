"""The working folder: which data files lie in it, and that nothing outside it is named.

A name is a path within the folder with / between its parts. Refused are absolute names, `..`, hidden files, drive letters and
backslashes, and links that lead out of the folder.
Knows nothing of: what is in a file, who asks.
"""

import os
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from osetra.core.errors import DataError
from osetra.data.image_folders import ENDINGS as IMAGE_ENDINGS
from osetra.data.image_folders import PARTS

TABLES = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".parquet", ".feather", ".arrow")
ARRAYS = (".npz",)
MOST_BYTES = 50_000_000
"""Of a file that is handed over in the browser."""
DEPTH = 4
"""Folders below the working folder that are looked into."""
MOST_FILES = 500
MOST_ENTRIES = 20_000
"""Looked at in all, so that a working folder as large as a home does not hold up the page."""
_LOOKED_AT = 50
"""Entries of a folder that say whether it holds images."""
_DRIVE = re.compile(r"[A-Za-z]:")


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFile:
    """What `fit` may be pointed at."""

    name: str
    """Within the working folder, / between its parts."""
    kind: Literal["table", "arrays", "images"]
    bytes: int | None
    """None: a folder of images."""
    changed: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What was found, by name."""

    files: tuple[DataFile, ...]
    is_cut: bool
    """Whether there may be more: too many entries, or folders too deep."""


class Files:
    """A working folder."""

    def __init__(self, folder: str | Path) -> None:
        """Raises DataError unless `folder` is one."""
        path = Path(folder).expanduser()
        try:
            self.root = path.resolve(strict=True)
        except (OSError, ValueError, RuntimeError) as error:
            raise DataError(f"the working folder must be there, got {str(folder)!r} ({error}); make it or name another") from error
        if not self.root.is_dir():
            raise DataError(f"the working folder must be a folder, got {str(folder)!r}, which is a file; name the folder that it is in")

    def path(self, name: str) -> Path:
        """Where the data of this name lie. Raises DataError for what is not within the folder, not there or no data."""
        parts = self._parts(name)
        asked = self.root.joinpath(*parts)
        try:
            found = asked.resolve(strict=True)
        except (OSError, ValueError, RuntimeError) as error:
            raise DataError(f"data must lie in the working folder, and {name!r} is not there; choose one of its files") from error
        self._require_within(found, name)
        if _kind(asked, found, self.root) is None:
            listed = ", ".join((*TABLES, *ARRAYS))
            raise DataError(f"data must be a file ending in {listed}, or a folder of images, got {name!r}; choose another")
        return found

    def listing(self) -> Listing:
        """Data files and folders of images, breadth first and bounded, then by name; what may not be read is passed over."""
        found: list[DataFile] = []
        waiting, seen, is_cut = deque([(self.root, 0)]), 0, False
        while waiting:
            folder, depth = waiting.popleft()
            for entry in _entries(folder):
                seen += 1
                if seen > MOST_ENTRIES or len(found) >= MOST_FILES:
                    return Listing(files=_by_name(found), is_cut=True)
                try:
                    self._parts(entry.relative_to(self.root).as_posix())
                    target = entry.resolve(strict=True)
                    self._require_within(target, entry.name)
                    kind = _kind(entry, target, self.root)
                    status = target.stat()
                except (OSError, RuntimeError, DataError):
                    continue
                if kind is not None:
                    size = None if kind == "images" else status.st_size
                    changed = datetime.fromtimestamp(status.st_mtime, UTC)
                    found.append(DataFile(name=entry.relative_to(self.root).as_posix(), kind=kind, bytes=size, changed=changed))
                elif target.is_dir() and not entry.is_symlink():
                    if depth < DEPTH:
                        waiting.append((entry, depth + 1))
                    else:
                        is_cut = True
        return Listing(files=_by_name(found), is_cut=is_cut)

    def _parts(self, name: str) -> list[str]:
        parts = name.split("/")
        is_plain = all(part not in ("", "..") and not part.startswith(".") for part in parts)
        if not is_plain or "\0" in name or "\\" in name or _DRIVE.match(name):
            raise DataError(
                f"data must be named by a path within the working folder, such as data/rows.csv, got {name!r}; choose a file of it"
            )
        return parts

    def _require_within(self, found: Path, name: str) -> None:
        if not found.is_relative_to(self.root):
            raise DataError(f"data must lie in the working folder, and {name!r} leads out of it; copy it into the folder")


def require_size(size: int, name: str = "the file") -> None:
    """Raises DataError for a file that is too large to be handed over in the browser."""
    if size > MOST_BYTES:
        most = MOST_BYTES // 1_000_000
        raise DataError(
            f"a file given in the browser must have at most {most} MB, got {name} of {size / 1e6:,.1f} MB; use osetra predict MODEL FILE"
        )


def _by_name(found: list[DataFile]) -> tuple[DataFile, ...]:
    return tuple(sorted(found, key=lambda one: (one.name.count("/"), one.name.lower())))


def _entries(folder: Path) -> Iterator[Path]:
    """Sorted; of a folder that is far too large so many that the listing knows it."""
    try:
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry, _ in zip(entries, range(MOST_ENTRIES + 1), strict=False))
    except OSError:
        return
    yield from (folder / name for name in names)


def _kind(named: Path, found: Path, root: Path) -> Literal["table", "arrays", "images"] | None:
    """By the ending of its name, which is what `fit` goes by; a folder by what is in it."""
    if found.is_dir():
        return "images" if _is_of_images(found, root) else None
    if not found.is_file():
        return None
    # A link is read under the name of the file that it leads to.
    names = named.name.lower(), found.name.lower()
    if all(name.endswith(TABLES) for name in names):
        return "table"
    return "arrays" if all(name.endswith(ARRAYS) for name in names) else None


def _is_of_images(folder: Path, root: Path) -> bool:
    """Whether two or more of its folders hold images, or one of them is named for a part and does so itself; nothing in it leads out."""
    inner = [entry for entry in _first(folder) if entry.is_dir()]
    if not all(entry.resolve().is_relative_to(root) for entry in inner):
        return False
    if any(entry.name.lower() in PARTS and _is_of_images(entry, root) for entry in inner):
        return True
    return sum(any(one.name.lower().endswith(IMAGE_ENDINGS) and one.is_file() for one in _first(entry)) for entry in inner) > 1


def _first(folder: Path) -> list[Path]:
    return [entry for entry, _ in zip((e for e in _entries(folder) if not e.name.startswith(".")), range(_LOOKED_AT), strict=False)]
