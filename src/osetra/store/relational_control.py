"""Commands, checkpoints and the one writer of a study, in the tables of a relational database.

Each call to write is one transaction. A database gives back no disk space for what is dropped: the pages are filled by what is written
next, so with a budget of bytes for checkpoints the file stops growing, and SQLite's auto_vacuum would only move pages about.

Knows nothing of: where the database is and how it was opened.
"""

import time
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Table, and_, bindparam, delete, func, select, update

from osetra.core.records import Checkpoint, Command, CommandState
from osetra.store import control_rows, writers
from osetra.store.fields import MAX_LARGE
from osetra.store.rows import Row
from osetra.store.schema import checkpoint_data as data_table
from osetra.store.schema import checkpoints as checkpoints_table
from osetra.store.schema import commands as commands_table
from osetra.store.schema import epochs as epochs_table
from osetra.store.schema import writers as writers_table
from osetra.store.transactions import Transactions, as_asked, check_trials, count_change, study_id_of

PART_BYTES = 2**24
"""Of one part of a checkpoint's data: SQLite takes no value above 10^9 bytes, PostgreSQL none above 2^30."""

# Made once: whoever trains and every page of the dashboard ask a few times a second.
_COMMANDS = (
    select(commands_table)
    .where(commands_table.c.study_id == bindparam("study"), commands_table.c.id > bindparam("above"))
    .order_by(commands_table.c.id)
)


class RelationalControl:
    """The part of a `RelationalStore` by which running trials are steered, kept and guarded."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def checkpoints(self, study: str, *, trial: int | None = None) -> Sequence[Checkpoint]:
        """By trial and epoch, without their data."""
        key = checkpoints_table.c.trial, checkpoints_table.c.epoch
        with self._transactions.reading() as connection:
            query = select(checkpoints_table).where(checkpoints_table.c.study_id == study_id_of(connection, study)).order_by(*key)
            if trial is not None:
                query = query.where(checkpoints_table.c.trial == as_asked(trial))
            return [control_rows.checkpoint_of(row) for row in connection.execute(query).mappings()]

    def checkpoint(self, study: str, trial: int, epoch: int) -> bytes:
        """The data. `StudyError` if there is no such checkpoint, `StoreError` if its data is not what was recorded."""
        with self._transactions.reading() as connection:
            study_id = study_id_of(connection, study)
            # In one statement, which sees one moment: another process may just replace the checkpoint.
            parts = checkpoints_table.outerjoin(data_table)
            query = (
                select(checkpoints_table.c.digest, data_table.c.data)
                .select_from(parts)
                .where(_is(checkpoints_table, study_id, trial, epoch))
                .order_by(data_table.c.part)
            )
            found = connection.execute(query).all()
            mine = and_(checkpoints_table.c.study_id == study_id, checkpoints_table.c.trial == as_asked(trial))
            epochs = connection.scalars(select(checkpoints_table.c.epoch).where(mine).order_by(checkpoints_table.c.epoch)).all()
        others = [other for other in epochs if other != epoch]
        if not found:
            raise control_rows.unknown_checkpoint(study, trial, epoch, others)
        data = b"".join(part for _, part in found if part is not None)
        control_rows.check_data(data, found[0].digest, study=study, trial=trial, epoch=epoch, others=others)
        return data

    def drop_checkpoints(self, study: str, which: Sequence[tuple[int, int]], *, owner: str | None = None) -> None:
        """Remove those of these (trial, epoch); one that is not there is passed over."""
        with self._transactions.writing() as connection:
            study_id = study_id_of(connection, study)
            require_writer(connection, study, study_id, owner)
            for trial, epoch in which:
                for table in (data_table, checkpoints_table):
                    connection.execute(delete(table).where(_is(table, study_id, trial, epoch)))
            count_change(connection, study_id)

    def checkpoint_bytes(self, study: str) -> int:
        """Of the data of all checkpoints of a study together."""
        with self._transactions.reading() as connection:
            total = select(func.sum(checkpoints_table.c.bytes)).where(checkpoints_table.c.study_id == study_id_of(connection, study))
            return int(connection.scalar(total) or 0)

    def add_command(self, study: str, command: Command) -> int:
        """Keep a new command; returns its id. `StudyError` for an unknown study or trial, `StoreError` for a command that is not new."""
        row = control_rows.command_row(command)
        with self._transactions.writing() as connection:
            study_id = row["study_id"] = study_id_of(connection, study)
            if row["trial"] is not None:
                check_trials(connection, study, study_id, [row["trial"]])
            key = connection.execute(commands_table.insert(), row).inserted_primary_key
            assert key is not None
            count_change(connection, study_id)
            return key[0]

    def commands(self, study: str, *, state: CommandState | None = None, after: int = 0) -> Sequence[Command]:
        """In order of id: those in `state` (None: in any) with an id above `after`."""
        with self._transactions.reading() as connection:
            asked = {"study": study_id_of(connection, study), "above": max(-1, min(after, MAX_LARGE))}
            query = _COMMANDS
            if state is not None:
                query = query.where(commands_table.c.state == CommandState(state).value)
            return [control_rows.command_of(row) for row in connection.execute(query, asked).mappings()]

    def answer_command(
        self, study: str, command: int, *, state: CommandState, answer: str, epoch: int | None = None, at: datetime,
        owner: str | None = None,
    ) -> None:  # fmt: skip
        """Say what came of a command that waits. `StoreError` if it does not, so of two processes that answer one is refused."""
        row = control_rows.answer_row(command, CommandState(state), answer, epoch, at)
        with self._transactions.writing() as connection:
            study_id = study_id_of(connection, study)
            require_writer(connection, study, study_id, owner)
            mine = and_(commands_table.c.study_id == study_id, commands_table.c.id == as_asked(command, MAX_LARGE))
            waits = commands_table.c.state == CommandState.WAITING.value
            if not connection.execute(update(commands_table).where(mine, waits), row).rowcount:
                found = connection.execute(select(commands_table).where(mine)).mappings().one_or_none()
                raise control_rows.not_waiting(study, command, found)
            count_change(connection, study_id)

    def claim(self, study: str, owner: str) -> None:
        """Become the one writer of a study, or go on as such. `StudyError` if another process or owner holds it and is not gone."""
        with self._transactions.writing() as connection:
            study_id = study_id_of(connection, study, lock=True)
            now = _now(connection)
            mine = writers_table.c.study_id == study_id
            held = connection.execute(select(writers_table).where(mine)).mappings().one_or_none()
            row = writers.claimed(study, held, writers.writer_row(owner, now))
            connection.execute(delete(writers_table).where(mine))
            connection.execute(writers_table.insert(), {**row, "study_id": study_id})

    def beat(self, study: str, owner: str) -> None:
        """Give a sign of life. `StudyError` if the study is not held by this owner in this process."""
        with self._transactions.writing() as connection:
            study_id = study_id_of(connection, study)
            now = _now(connection)
            mine = _is_writer(study_id, writers.writer_row(owner, now))
            if not connection.execute(update(writers_table).where(mine), {"beat": now}).rowcount:
                held = connection.execute(select(writers_table).where(writers_table.c.study_id == study_id)).mappings().one_or_none()
                raise writers.lost(study, owner, held)

    def release(self, study: str, owner: str) -> None:
        """Let others write; nothing happens if the study is not held by this owner in this process."""
        with self._transactions.writing() as connection:
            mine = _is_writer(study_id_of(connection, study), writers.writer_row(owner, 0))
            connection.execute(delete(writers_table).where(mine))


def require_writer(connection: Connection, study: str, study_id: int, owner: str | None) -> None:
    """Raises `StudyError` unless the study is held by this owner in this process, until the transaction ends; None: nobody is asked."""
    if owner is None:
        return
    # Whoever would take the study over waits for what is being written, as SQLite has all writers wait; a beat does not.
    query = select(writers_table).where(writers_table.c.study_id == study_id).with_for_update(read=True, key_share=True)
    found = connection.execute(query).mappings().one_or_none()
    writers.require(study, owner, None if found is None else dict(found))


def put_checkpoint(connection: Connection, study_id: int, row: Row, data: bytes) -> None:
    """Keep a checkpoint in place of the one of the same trial and epoch."""
    key = {"study_id": study_id, "trial": row["trial"], "epoch": row["epoch"]}
    for table in (data_table, checkpoints_table):
        connection.execute(delete(table).where(_is(table, *key.values())))
    connection.execute(checkpoints_table.insert(), {"study_id": study_id, **row})
    for part, start in enumerate(range(0, len(data), PART_BYTES)):
        connection.execute(data_table.insert(), {**key, "part": part, "data": data[start : start + PART_BYTES]})


def roll_back(connection: Connection, study_id: int, trial: int, last: int) -> None:
    """Remove what a trial came to after its epoch `last`."""
    for table in (data_table, checkpoints_table, epochs_table):
        connection.execute(delete(table).where(table.c.study_id == study_id, table.c.trial == trial, table.c.epoch > last))


def _is(table: Table, study_id: int, trial: int, epoch: int) -> ColumnElement[bool]:
    return and_(table.c.study_id == study_id, table.c.trial == as_asked(trial), table.c.epoch == as_asked(epoch))


def _is_writer(study_id: int, row: Row) -> ColumnElement[bool]:
    return and_(writers_table.c.study_id == study_id, *(writers_table.c[name] == row[name] for name in writers.IDENTITY))


def _now(connection: Connection) -> int:
    """Microseconds since 1970, by the one clock that all who use the database share: a server's own, this machine's for a file."""
    if connection.dialect.name == "postgresql":
        return int(connection.execute(select(func.extract("epoch", func.clock_timestamp()))).scalar_one() * 1_000_000)
    return time.time_ns() // 1000
