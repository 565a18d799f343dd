"""Where paused trials wait: in memory up to a bound, beyond it on disk.

What is put on disk comes back to the bit, so where a trial waited changes nothing.
Knows nothing of: who is paused and why.
"""

import tempfile
from collections import OrderedDict
from pathlib import Path
from typing import TypeAlias
from zipfile import BadZipFile

import numpy as np

from osetra.core.errors import StoreError
from osetra.training.checkpoint import ARRAYS
from osetra.training.life import Life
from osetra.training.remembered import Remembered

Waiting: TypeAlias = Life | Remembered


class Shelf:
    """Lives by trial number. Those put away longest ago go to disk first. Close it, or use it in a `with`, to remove what lies there."""

    def __init__(self, memory_bytes: int, folder: Path | None = None) -> None:
        """folder: where to make the temporary folder; the system's choice if left out."""
        self._memory_bytes = memory_bytes
        self._folder = folder
        self._lives: OrderedDict[int, Waiting] = OrderedDict()
        self._on_disk: dict[int, Waiting] = {}
        self._used = 0
        self._place: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> "Shelf":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __len__(self) -> int:
        return len(self._lives) + len(self._on_disk)

    def __contains__(self, number: int) -> bool:
        return number in self._lives or number in self._on_disk

    @property
    def on_disk(self) -> int:
        """How many of them wait on disk."""
        return len(self._on_disk)

    def put(self, number: int, life: Waiting) -> None:
        """Keep a life. Raises StoreError if there is neither memory left by the bound nor room on disk; all lives are then here still."""
        self._lives[number] = life
        self._used += _size(life)
        while self._used > self._memory_bytes and self._lives:
            oldest, away = next(iter(self._lives.items()))
            size = _size(away)
            self._write(oldest, away)
            self._used -= size
            del self._lives[oldest]

    def take(self, number: int) -> Waiting:
        """Give a life back. Raises KeyError for one that is not here, StoreError if its file was lost or damaged meanwhile."""
        if number in self._lives:
            life = self._lives.pop(number)
            self._used -= _size(life)
            return life
        life = self._on_disk.pop(number)
        path = self._path(number)
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as kept:
                arrays = dict(kept)
            path.unlink()
        except (OSError, ValueError, EOFError, BadZipFile) as error:
            raise StoreError(
                f"trial {number} waited in {path}, which must stay as it is while the study runs and cannot be read ({error}); resume the "
                "study, which trains the trial again to where it was"
            ) from error
        for prefix, state in life.states():
            for name in ARRAYS:
                setattr(state, name, arrays[f"{prefix}_{name}"])
        return life

    def close(self) -> None:
        """Forget all lives and remove the folder."""
        self._lives.clear()
        self._on_disk.clear()
        self._used = 0
        if self._place is not None:
            self._place.cleanup()
            self._place = None

    def _write(self, number: int, life: Waiting) -> None:
        arrays = {f"{prefix}_{name}": getattr(state, name) for prefix, state in life.states() for name in ARRAYS}
        try:
            path = self._path(number)
            try:
                np.savez(path, **arrays)
            except OSError:
                # Half of it is of no use, and its room is needed.
                path.unlink(missing_ok=True)
                raise
        except OSError as error:
            place = self._place.name if self._place else self._folder or "the folder for temporary files"
            raise StoreError(
                f"trials that wait beyond the memory given need room on disk, and {_size(life):,} bytes could not be written to {place} "
                f"({error}); free some space there or name another folder in the environment variable TMPDIR, and resume the study"
            ) from error
        for _, state in life.states():
            for name in ARRAYS:
                setattr(state, name, np.empty(0))
        self._on_disk[number] = life

    def _path(self, number: int) -> Path:
        if self._place is None:
            self._place = tempfile.TemporaryDirectory(prefix="osetra-paused-", dir=self._folder, ignore_cleanup_errors=True)
        return Path(self._place.name) / f"{number}.npz"


def _size(life: Waiting) -> int:
    return sum(getattr(state, name).nbytes for _, state in life.states() for name in ARRAYS)
