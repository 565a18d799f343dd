"""Connections to SQLite and PostgreSQL, and their errors in our words.

Knows nothing of: tables.
"""

import os
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, QueuePool, create_engine, event
from sqlalchemy.exc import DBAPIError

from osetra.core.errors import StoreError
from osetra.store import in_use
from osetra.store.kept import KeptPool

_REMEDIES = {
    "SQLITE_FULL": "the disk is full; free some space and go on",
    "SQLITE_BUSY": "another process is writing to it; wait for that one or stop it",
    "SQLITE_LOCKED": "another thread is writing to it; wait for that one",
    "SQLITE_READONLY": "it cannot be written to; make the file and its folder writable, or open it for reading only",
    "SQLITE_CANTOPEN": "it cannot be opened; see that the file and its folder may be read and written",
    "SQLITE_PERM": "it may not be opened; see that the file and its folder may be read and written",
    "SQLITE_CORRUPT": "it is damaged or cut short; put back a copy, or save what is readable with `sqlite3 FILE .recover`",
    "SQLITE_NOTADB": "it is not an SQLite database; give another path",
    "SQLITE_IOERR": "the disk refused; see that it has space left and is sound",
}


def sqlite_engine(path: Path, *, create: bool, read_only: bool, lock_timeout_s: float) -> Engine:
    """An engine over one file. Connections made with the execution option `writes=True` take the write lock when they begin."""
    place = _Place(path)

    def connect() -> sqlite3.Connection:
        place.require_same()
        mode = "rwc" if create else "rw"
        if read_only and not _is_writable(path):
            # SQLite needs to write beside the file, unless no one has it open: then it lies still while it is read.
            mode = "ro" if path.with_name(path.name + "-wal").exists() else "ro&immutable=1"
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=lock_timeout_s, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute("PRAGMA foreign_keys=ON")
            connection.execute("PRAGMA synchronous=NORMAL")
            connection.execute("PRAGMA cache_size=-16000")
            # Some builds overwrite what is deleted with zeros; without that, dropping a checkpoint of 4 MB writes 20 kB instead of 4 MB.
            connection.execute("PRAGMA secure_delete=FAST")
            if read_only:
                connection.execute("PRAGMA query_only=ON")
            place.note()
        except BaseException:
            connection.close()
            raise
        return connection

    if read_only:
        engine = create_engine("sqlite://", pool=KeptPool(connect, place.kept_by))
    else:
        engine = create_engine("sqlite://", creator=connect, poolclass=QueuePool, max_overflow=-1)

    # Taking the lock at once rather than on the first write: a transaction that reads first and then finds another writer cannot go on.
    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes")
        if writes:
            place.require_same()
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            # It takes no lock yet, so nothing can go wrong that would have to be told in SQLAlchemy's way, which takes 50 us.
            driver: Any = connection.connection.driver_connection
            driver.execute("BEGIN")

    return engine


def postgresql_engine(url: URL, *, read_only: bool) -> Engine:
    """An engine over a server."""
    return create_engine(url, pool_pre_ping=True, max_overflow=-1, execution_options={"postgresql_readonly": True} if read_only else {})


def keep_write_ahead_log(engine: Engine) -> None:
    """Have the file keep a write-ahead log from now on, which lets readers and the writer go on side by side."""
    with engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        if driver.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            driver.execute("PRAGMA journal_mode=WAL")


def bring_log_in(engine: Engine) -> None:
    """Have all that was recorded in the file itself, as far as nobody else is writing or reading just now.

    The last connection that closes does so anyway; this is for where a reader's is kept beyond it.
    """
    if engine.dialect.name != "sqlite":
        return
    with suppress(DBAPIError, sqlite3.Error, StoreError), engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        driver.execute("PRAGMA busy_timeout=0")
        driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()


def translated(error: DBAPIError | sqlite3.Error, where: str) -> StoreError:
    """The same in our words: what happened, where and what to do."""
    original = error.orig if isinstance(error, DBAPIError) else error
    name = getattr(original, "sqlite_errorname", "") or ""
    remedy = next((text for code, text in _REMEDIES.items() if name.startswith(code)), "see that it is there and may be used")
    return StoreError(f"the store {where} could not be used ({str(original).strip()}): {remedy}; what was recorded before is safe")


class _Place:
    """Which file lies at a path. SQLite goes on writing to one that was moved or deleted, and whoever looks for it there finds nothing."""

    def __init__(self, path: Path) -> None:
        self._path = path.absolute()
        self._file: tuple[int, int] | None = None

    def note(self) -> None:
        """Remember the one that lies there now."""
        if self._file is None:
            self._file = self._found()
            if self._file is not None:
                in_use.note(self._file)

    def require_same(self) -> None:
        """Raises StoreError if another lies there now, or none."""
        if self._file is not None and self._found() != self._file:
            raise StoreError(
                f"a store must stay where it was opened, and {self._path} was moved or deleted meanwhile; put it back, and resume the study"
            )

    def kept_by(self) -> tuple[int, ...] | None:
        """What stays the same as long as a connection to the file may be kept; None: while it may only be read, none may.

        A log leaves the file alone until it is brought in. Raises StoreError as `require_same`.
        """
        self.require_same()
        found = _stat(self._path)
        if found is None or not _is_writable(self._path):
            return None
        return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns

    def _found(self) -> tuple[int, int] | None:
        found = _stat(self._path)
        return None if found is None else (found.st_dev, found.st_ino)


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None


def _is_writable(path: Path) -> bool:
    return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
