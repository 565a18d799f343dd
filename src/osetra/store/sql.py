"""Opening a store that outlives its process: one SQLite file, or a PostgreSQL database.

Knows nothing of: tables and queries. SQLAlchemy is imported when a store is opened.
"""

import importlib.util
import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from osetra.core.errors import MissingExtra, StoreError
from osetra.core.ports import Store
from osetra.store.in_use import is_in_use

if TYPE_CHECKING:
    from sqlalchemy import Engine

_SUFFIXES = (".db", ".sqlite", ".sqlite3")
_FORMS = "a path ending in .db, .sqlite or .sqlite3, sqlite:///path, or postgresql://user:password@host/database"
_MAGIC = b"SQLite format 3\0"


def open_store(url_or_path: str | Path, *, create: bool = True, read_only: bool = False, lock_timeout_s: float = 30.0) -> Store:
    """Open the store at a path ending in .db, .sqlite or .sqlite3, at `sqlite:///path`, or at `postgresql://user:password@host/database`.

    create: make the store if there is none. With False, or with `read_only`, a missing store is a `StoreError` and no file is made.
    read_only: never write; a file that may only be read is good enough.
    lock_timeout_s: how long a write to SQLite waits for another process that is writing, in seconds.

    Any thread may use the store. Raises `StoreError` if it cannot be opened, is no store or was written by a newer osetra, and
    `MissingExtra` without the driver of PostgreSQL.
    """
    create = create and not read_only
    engine, where = _engine(url_or_path, create=create, read_only=read_only, lock_timeout_s=lock_timeout_s)
    _bring_up_to_date(engine, where, create=create, read_only=read_only)

    from osetra.store.relational import RelationalStore

    return RelationalStore(engine, where=where, read_only=read_only)


@dataclass(frozen=True, slots=True, kw_only=True)
class Upgrade:
    """How a store was brought up to date."""

    where: str
    """The store, without a password."""
    found: str
    """The version that it had."""
    version: str
    """The version that it has now."""


def upgrade_store(url_or_path: str | Path) -> Upgrade:
    """Bring a store that is there to the version this osetra reads, in one transaction, and close it.

    Raises what `open_store` does, and `StoreError` if none is there or it cannot be written to.
    """
    from osetra.store.schema import VERSION

    engine, where = _engine(url_or_path, create=False, read_only=False, lock_timeout_s=30.0)
    found = _bring_up_to_date(engine, where, create=False, read_only=False)
    engine.dispose()
    assert found is not None
    return Upgrade(where=where, found=found, version=VERSION)


def _engine(url_or_path: str | Path, *, create: bool, read_only: bool, lock_timeout_s: float) -> "tuple[Engine, str]":
    """What connects to the place, and its name without a password."""
    text = os.fspath(url_or_path)
    scheme = text.partition("://")[0] if "://" in text else "sqlite"
    if scheme == "sqlite":
        path = _path(text)
        _check_file(path, create=create, read_only=read_only)

        from osetra.store.connect import sqlite_engine

        return sqlite_engine(path, create=create, read_only=read_only, lock_timeout_s=lock_timeout_s), str(path)
    if scheme in ("postgresql", "postgres", "postgresql+psycopg"):
        if importlib.util.find_spec("psycopg") is None:
            raise MissingExtra('a store in PostgreSQL needs psycopg, which is not installed; run: pip install "psycopg[binary]"')
        return _postgresql(text, read_only=read_only)
    raise StoreError(f"a store must be {_FORMS}, got one that begins with {scheme}://; give one of these")


def store_exists(url_or_path: str | Path) -> bool:
    """Whether a store is there; nothing is made. A database on a server always counts as there.

    Raises `StoreError` for a place that `open_store` would refuse.
    """
    text = os.fspath(url_or_path)
    if "://" in text and not text.startswith("sqlite://"):
        return True
    path = _path(text)
    _check_file(path, create=True, read_only=False)
    return path.exists()


def _postgresql(text: str, *, read_only: bool) -> "tuple[Engine, str]":
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    from osetra.store.connect import postgresql_engine

    try:
        url = make_url(text).set(drivername="postgresql+psycopg")
    except (ArgumentError, ValueError) as error:
        # The address is not repeated: it may hold a password.
        raise StoreError(f"a store must be {_FORMS}, and the address given cannot be read; check its port and its form") from error
    return postgresql_engine(url, read_only=read_only), url.render_as_string()


def _bring_up_to_date(engine: "Engine", where: str, *, create: bool, read_only: bool) -> str | None:
    """The version that was found; None for an empty database. What goes wrong is raised in our words, and the engine disposed of."""
    from sqlalchemy.exc import DBAPIError

    from osetra.store.connect import keep_write_ahead_log, translated
    from osetra.store.versions import bring_up_to_date

    try:
        found = bring_up_to_date(engine, where, create=create, read_only=read_only)
        if engine.dialect.name == "sqlite" and not read_only:
            keep_write_ahead_log(engine)
    except (DBAPIError, sqlite3.Error) as error:
        engine.dispose()
        raise translated(error, where) from error
    except BaseException:
        engine.dispose()
        raise
    return found


def _path(text: str) -> Path:
    if "\0" in text:
        raise StoreError(f"a store must be {_FORMS}, and {text!r} holds a NUL character; leave it out")
    if "://" in text:
        name = text.removeprefix("sqlite:///")
        if name in (text, "", ":memory:"):
            raise StoreError(f"a store must be {_FORMS}, got {text!r}; give it a path, or use MemoryStore to keep nothing")
        return Path(name).expanduser()
    path = Path(text).expanduser()
    if path.suffix.lower() not in _SUFFIXES:
        raise StoreError(f"a store must be {_FORMS}, got {text!r}; name the file for example {path.name or 'osetra'}.db")
    return path


def _check_file(path: Path, *, create: bool, read_only: bool) -> None:
    """Say what is wrong with the place before SQLite meets it: its own words are few, and it would write into what is not ours."""
    try:
        _check_folder(path, read_only=read_only)
        if path.is_dir():
            raise StoreError(f"a store must be a file, and {path} is a folder; give a file in it such as {path / 'osetra.db'}")
        if not path.exists():
            if not create:
                raise StoreError(f"no store at {path}; give the path of one, or record a study there first")
            return
        if not read_only and not os.access(path, os.W_OK):
            raise StoreError(f"the store {path} cannot be written to; make it writable, or open it for reading only")
        if is_in_use(path):
            return
        with path.open("rb") as file:
            head = file.read(len(_MAGIC))
    except (OSError, ValueError) as error:
        if isinstance(error, StoreError):
            raise
        raise StoreError(f"the store {path} cannot be opened ({error}); make it readable or give another path") from error
    if head and head != _MAGIC:
        raise StoreError(f"a store must be an SQLite database, and {path} is a file of another kind (left as it is); give another path")


def _check_folder(path: Path, *, read_only: bool) -> None:
    folder = path.parent
    if not folder.exists():
        raise StoreError(f"no store at {path}: the folder {folder} does not exist; make it (mkdir -p) or give another path")
    if not folder.is_dir():
        raise StoreError(f"no store at {path}: {folder} is a file, not a folder; give another path")
    if not read_only and not os.access(folder, os.W_OK):
        raise StoreError(f"the folder of the store {path} cannot be written to; make it writable, or open the store for reading only")
