"""What every call to a database begins with: a transaction in which the study is found, and errors in our words.

Knows nothing of: what is recorded of a study.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, and_, bindparam, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError

from osetra.core.errors import OsetraError, StoreError
from osetra.store import rows
from osetra.store.connect import bring_log_in, translated
from osetra.store.fields import MAX_NUMBER
from osetra.store.schema import changes, studies, trials

# Made once, which saves 0.1 ms of almost every question.
_STUDY_ID = select(studies.c.id).where(studies.c.name == bindparam("asked"))
_NUMBERS_AT_ONCE = 10_000
"""In one IN (...): SQLite takes 32,766 parameters, PostgreSQL 65,535."""


class Transactions:
    """Gives connections to read and to write; any thread may ask."""

    def __init__(self, engine: Engine, *, where: str, read_only: bool) -> None:
        self.where = where
        self._engine = engine
        self._writer = engine.execution_options(writes=True)
        self._read_only = read_only
        self._has_written = False
        self._closed = False

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        with self._in_our_words(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction: an exception within takes all of it back. `StoreError` if the store is open for reading only."""
        if self._read_only:
            raise StoreError(f"the store {self.where} is open for reading only; open it for writing to record")
        with self._in_our_words(), self._writer.begin() as connection:
            yield connection
            self._has_written = True

    def close(self) -> None:
        if self._has_written and not self._closed:
            bring_log_in(self._engine)
        self._closed = True
        self._engine.dispose()

    @contextmanager
    def _in_our_words(self) -> Iterator[None]:
        if self._closed:
            raise StoreError(f"the store {self.where} is closed; open it again")
        try:
            yield
        except OsetraError:
            raise
        except (DBAPIError, sqlite3.Error) as error:
            raise translated(error, self.where) from error
        except ValueError as error:
            raise StoreError(f"the store {self.where} holds a record that cannot be read ({error}); put back a copy of it") from error


def study_id_of(connection: Connection, name: str, *, lock: bool = False) -> int:
    """`StudyError` if there is no study of that name. lock: others that ask with it wait until this transaction ends."""
    query = _STUDY_ID.with_for_update(key_share=True) if lock else _STUDY_ID
    # Databases take no text that is not Unicode, not even to look for it.
    found = connection.scalar(query, {"asked": name}) if rows.is_study_name(name) else None
    if found is None:
        newest_first = select(studies.c.name).order_by(studies.c.created.desc(), studies.c.id.desc())
        raise rows.unknown_study(name, connection.scalars(newest_first))
    return found


def count_change(connection: Connection, study_id: int) -> None:
    """Something of the study is written in this transaction. Called last, since who comes second waits here until the first has ended."""
    insert = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}[connection.dialect.name](changes)
    one_more = insert.on_conflict_do_update(index_elements=["study_id"], set_={"count": changes.c.count + 1})
    connection.execute(one_more, {"study_id": study_id, "count": 1})


def check_trials(connection: Connection, study: str, study_id: int, numbers: Sequence[int]) -> None:
    """Raises `StudyError` unless the study has all trials of these numbers."""
    for start in range(0, len(numbers), _NUMBERS_AT_ONCE):
        asked = numbers[start : start + _NUMBERS_AT_ONCE]
        mine = and_(trials.c.study_id == study_id, trials.c.number.in_([as_asked(number) for number in asked]))
        known = set(connection.scalars(select(trials.c.number).where(mine)))
        for number in asked:
            if number not in known:
                raise unknown_trial(connection, study, study_id, number)


def unknown_trial(connection: Connection, study: str, study_id: int, number: int) -> OsetraError:
    query = select(func.count(), func.min(trials.c.number), func.max(trials.c.number)).where(trials.c.study_id == study_id)
    count, first, last = connection.execute(query).one()
    return rows.unknown_trial(study, number, count=count, first=first, last=last)


def as_asked(number: int, most: int = MAX_NUMBER) -> int:
    """A number that may be asked for: -1, which nothing has, for one larger than databases take."""
    return int(number) if 0 <= number <= most else -1
