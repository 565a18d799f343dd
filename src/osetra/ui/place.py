"""Where the store lies, and the store once it is there: a dashboard may be started before the first fit.

Knows nothing of: what a store holds.
"""

import os
from pathlib import Path
from threading import Lock

from osetra.core.errors import StoreError
from osetra.core.ports import Store
from osetra.store.sql import open_store, store_exists


class Place:
    """A store's place. Any thread may ask."""

    def __init__(self, where: str, store: Store | None = None) -> None:
        """store: one that is open already, which is used as it is."""
        self.where = where
        self._given = store
        self._opened: tuple[Store, tuple[int, int] | None] | None = None
        self._lock = Lock()

    def exists(self) -> bool:
        """Whether there is a store with something in it. Raises StoreError for a place that can be none."""
        if self._given is not None:
            return True
        path = _file(self.where)
        # A file without a byte is one that is being made: its tables come all at once.
        return store_exists(self.where) and (path is None or path.stat().st_size > 0)

    def store(self) -> Store:
        """The store, open for reading. Raises StoreError where there is none, or it cannot be read."""
        if self._given is not None:
            return self._given
        with self._lock:
            lies = _identity(self.where)
            if self._opened is None or self._opened[1] != lies:
                if self._opened is not None:
                    # Another file lies there now: whoever deleted a store and began anew means the new one.
                    self._opened[0].close()
                    self._opened = None
                if not self.exists():
                    raise StoreError(f"no store at {self.where} yet; the first fit makes it: osetra fit DATA --target COLUMN")
                self._opened = open_store(self.where, create=False, read_only=True), lies
            return self._opened[0]


def _file(where: str) -> Path | None:
    """None: a database on a server."""
    if "://" in where and not where.startswith("sqlite://"):
        return None
    return Path(where.removeprefix("sqlite:///")).expanduser()


def _identity(where: str) -> tuple[int, int] | None:
    path = _file(where)
    if path is None:
        return None
    try:
        found = os.stat(path)  # noqa: PTH116 -- one call says that it is there, and which it is
    except OSError:
        return None
    return found.st_dev, found.st_ino
