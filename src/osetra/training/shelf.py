"""Where paused trials wait: in memory up to a bound, beyond it on disk.

What is put on disk comes back to the bit, so where a trial waited changes nothing.
Knows nothing of: who is paused and why.
"""

import tempfile
from collections import OrderedDict
from pathlib import Path
from typing import TypeAlias

import numpy as np

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
        """Keep a life. Raises OSError if there is neither memory left by the bound nor room on disk."""
        self._lives[number] = life
        self._used += _size(life)
        while self._used > self._memory_bytes and self._lives:
            oldest, away = next(iter(self._lives.items()))
            self._used -= _size(away)
            self._write(oldest, away)
            del self._lives[oldest]

    def take(self, number: int) -> Waiting:
        """Give a life back. Raises KeyError for one that is not here."""
        if number in self._lives:
            life = self._lives.pop(number)
            self._used -= _size(life)
            return life
        life = self._on_disk.pop(number)
        path = self._path(number)
        with np.load(path, allow_pickle=False) as kept:
            for prefix, state in life.states():
                for name in ARRAYS:
                    setattr(state, name, kept[f"{prefix}_{name}"])
        path.unlink()
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
        np.savez(self._path(number), **arrays)
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
