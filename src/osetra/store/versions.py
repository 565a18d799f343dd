"""Which version a database has, and how it is brought to the one this osetra reads.

Alembic is imported only when there is something to bring up to date: a database of the right version costs one SELECT.

Knows nothing of: records.
"""

import shlex
from pathlib import Path
from threading import Lock

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import DBAPIError

from osetra.core.errors import StoreError
from osetra.store.connect import translated
from osetra.store.schema import VERSION

MIGRATIONS = Path(__file__).parent / "migrations"
_PREFIX = "osetra_"

# Alembic keeps the migration under way in the process, not in the thread.
_one_at_a_time = Lock()


def bring_up_to_date(engine: Engine, where: str, *, create: bool, read_only: bool) -> str | None:
    """Give the database of `engine` the version this osetra reads; `StoreError` if that cannot be done, and then nothing is changed.

    Returns the version that was found; None for an empty database.
    """
    with engine.connect() as connection:
        found = _version(connection, where)
    if found == VERSION:
        return found
    if found is None and not create:
        raise StoreError(f"no store at {where}: the database is there and holds no studies; record one first or give another path")
    if found is not None:
        _check_known(found, where)
        if read_only:
            raise StoreError(
                f"the store {where} is of version {found}, and this osetra reads {VERSION}; "
                f"bring it up to date with osetra upgrade --store {shlex.quote(where)}"
            )
    with _one_at_a_time, engine.execution_options(writes=True).connect() as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(7367204)"))
        # Another process may have done it while this one waited for the lock.
        found = _version(connection, where)
        if found != VERSION:
            _upgrade(connection)
    return found


def _version(connection: Connection, where: str) -> str | None:
    """None for an empty database; `StoreError` for one that belongs to something else."""
    try:
        # A savepoint, because PostgreSQL gives up the whole transaction after an error.
        with connection.begin_nested():
            return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    except DBAPIError as error:
        tables = inspect(connection).get_table_names()
        if "alembic_version" in tables:
            raise translated(error, where) from error
        # A server's database may well hold other programs' tables; a file of ours holds nothing else.
        if tables and connection.dialect.name == "sqlite":
            raise _foreign(where, f"it holds the table {tables[0]!r}") from None
        return None


def _check_known(found: str, where: str) -> None:
    if not found.startswith(_PREFIX):
        raise _foreign(where, f"its version is {found!r}")
    from alembic.script import ScriptDirectory

    known = {script.revision for script in ScriptDirectory(str(MIGRATIONS)).walk_revisions()}
    if found not in known:
        raise StoreError(f"the store {where} was written by a newer osetra (version {found}; this one reads {VERSION}); upgrade osetra")


def _foreign(where: str, evidence: str) -> StoreError:
    return StoreError(f"a store must be osetra's own, and {where} belongs to another program ({evidence}); give another path")


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    # Options go through a parser that gives % a meaning.
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
