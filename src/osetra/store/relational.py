"""Records in the tables of a relational database.

Each call to write is one transaction; each call to read is one statement after the study is found.

Knows nothing of: where the database is and how it was opened.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any

from sqlalchemy import Connection, Engine, RowMapping, and_, bindparam, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from osetra.core.errors import StoreError
from osetra.core.records import Checkpoint, EpochRecord, Event, Study, StudySummary, Trial, TrialState
from osetra.store import control_rows, rows
from osetra.store.fields import MAX_NUMBER
from osetra.store.relational_board import RelationalBoard
from osetra.store.relational_control import RelationalControl, put_checkpoint, require_writer, roll_back
from osetra.store.rows import Row
from osetra.store.schema import epochs as epochs_table
from osetra.store.schema import events as events_table
from osetra.store.schema import studies as studies_table
from osetra.store.schema import trials as trials_table
from osetra.store.transactions import Transactions, as_asked, check_trials, count_change, study_id_of, unknown_trial

# Made once: pages of the dashboard ask every second, and to make a statement takes longer than to have it answered.
_STUDY = select(studies_table).where(studies_table.c.id == bindparam("study"))
_STATES = select(trials_table.c.state, func.count()).where(trials_table.c.study_id == bindparam("study")).group_by(trials_table.c.state)
_CURVE = (
    select(epochs_table)
    .where(epochs_table.c.study_id == bindparam("study"), epochs_table.c.trial == bindparam("number"))
    .order_by(epochs_table.c.epoch)
)
_EVENTS = select(events_table).where(events_table.c.study_id == bindparam("study")).order_by(events_table.c.id)
_EVENTS_OF_TRIAL = _EVENTS.where(events_table.c.trial == bindparam("number"))


class RelationalStore(RelationalControl, RelationalBoard):
    """Keeps studies in a database, as `osetra.core.ports.Store` says. Made by `osetra.store.sql.open_store`; any thread may use it."""

    def __init__(self, engine: Engine, *, where: str, read_only: bool) -> None:
        super().__init__(Transactions(engine, where=where, read_only=read_only))
        insert = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}[engine.dialect.name](trials_table)
        replaced = {column.name: insert.excluded[column.name] for column in trials_table.c if not column.primary_key}
        self._upsert_trials = insert.on_conflict_do_update(index_elements=["study_id", "number"], set_=replaced)

    def __reduce__(self) -> tuple[Any, ...]:
        # Connections belong to their process; another one opens the store anew, to read.
        from osetra.store.sql import open_store

        return partial(open_store, create=False, read_only=True), (self._transactions.where,)

    def create_study(self, study: Study) -> None:
        """Record a new study; `StudyError` if the name is taken or no study may have it."""
        row = rows.study_row(study)
        with self._transactions.writing() as connection:
            try:
                connection.execute(studies_table.insert(), row)
            except IntegrityError as error:
                raise rows.taken_name(study.name) from error

    def update_study(self, study: Study, *, owner: str | None = None) -> None:
        """Replace the record of a study that exists; `StudyError` if it does not, or is not held by `owner`."""
        row = rows.study_row(study)
        with self._transactions.writing() as connection:
            # Locked as `claim` locks it, and before it looks at the writer, so that neither waits for the other.
            study_id = study_id_of(connection, study.name, lock=True)
            require_writer(connection, study.name, study_id, owner)
            connection.execute(update(studies_table).where(studies_table.c.id == study_id), row)
            count_change(connection, study_id)

    def study(self, name: str) -> Study:
        """`StudyError` if there is none of that name."""
        with self._transactions.reading() as connection:
            study_id = study_id_of(connection, name)
            return rows.study_of(connection.execute(_STUDY, {"study": study_id}).mappings().one())

    def studies(self) -> Sequence[StudySummary]:
        """All studies, newest first."""
        other = trials_table.alias()
        count = select(func.count()).where(other.c.study_id == studies_table.c.id).scalar_subquery()
        best_number = (
            select(other.c.number)
            .where(other.c.study_id == studies_table.c.id, other.c.state.in_(rows.BEST_STATES), other.c.dev_error.is_not(None))
            .order_by(other.c.dev_error, other.c.number)
            .limit(1)
            .scalar_subquery()
        )
        best = and_(trials_table.c.study_id == studies_table.c.id, trials_table.c.number == best_number)
        query = (
            select(studies_table, count.label("trials"), *(column.label(f"best_{column.name}") for column in trials_table.c))
            .select_from(studies_table.outerjoin(trials_table, best))
            .order_by(studies_table.c.created.desc(), studies_table.c.id.desc())
        )
        with self._transactions.reading() as connection:
            return [
                StudySummary(study=rows.study_of(row), trials=row["trials"], best=_best_of(row))
                for row in connection.execute(query).mappings()
            ]

    def record(
        self,
        study: str,
        *,
        trials: Sequence[Trial] = (),
        epochs: Mapping[int, Sequence[EpochRecord]] | None = None,
        events: Sequence[Event] = (),
        rolled_back: Mapping[int, int] | None = None,
        checkpoints: Sequence[tuple[Checkpoint, bytes]] = (),
        owner: str | None = None,
    ) -> None:
        """Keep all of it or nothing, in one transaction: a rollback first, then what is new.

        Raises `StudyError` for an unknown study or trial and if `owner` does not hold the study, `StoreError` for an epoch recorded before
        and if the database cannot be written.
        """
        new_trials = {trial.number: rows.trial_row(trial) for trial in trials}
        new_curves = {int(number): rows.epoch_rows(int(number), curve) for number, curve in (epochs or {}).items() if curve}
        new_epochs = [row for curve in new_curves.values() for row in curve]
        new_events = [rows.event_row(event) for event in events]
        new_checkpoints = control_rows.checkpoint_rows(checkpoints)
        last_epochs = control_rows.rollback_rows(rolled_back)
        with self._transactions.writing() as connection:
            study_id = study_id_of(connection, study)
            require_writer(connection, study, study_id, owner)
            for row in (*new_trials.values(), *new_epochs, *new_events):
                row["study_id"] = study_id
            others = (*last_epochs, *(trial for trial, _ in new_checkpoints))
            named = rows.trials_named(new_curves, new_events, others)
            check_trials(connection, study, study_id, [number for number in named if number not in new_trials])
            if new_trials:
                connection.execute(self._upsert_trials, list(new_trials.values()))
            for number, last in last_epochs.items():
                roll_back(connection, study_id, number, last)
            if new_epochs:
                try:
                    connection.execute(epochs_table.insert(), new_epochs)
                except IntegrityError as error:
                    # PostgreSQL answers nothing more in a transaction that failed, so another one asks which epoch was refused.
                    with self._transactions.reading() as reading:
                        raise _taken_epoch(reading, study_id, new_curves, last_epochs) from error
            if new_events:
                connection.execute(events_table.insert(), new_events)
            for row, data in new_checkpoints.values():
                put_checkpoint(connection, study_id, row, data)
            count_change(connection, study_id)

    def trial(self, study: str, number: int) -> Trial:
        """One trial; `StudyError` if there is none of that number."""
        with self._transactions.reading() as connection:
            study_id = study_id_of(connection, study)
            query = select(trials_table).where(trials_table.c.study_id == study_id, trials_table.c.number == as_asked(number))
            row = connection.execute(query).mappings().one_or_none()
            if row is None:
                raise unknown_trial(connection, study, study_id, number)
            return rows.trial_of(row)

    def trials(
        self,
        study: str,
        *,
        states: Sequence[TrialState] = (),
        order_by: str = "dev_error",
        limit: int | None = None,
        offset: int = 0,
    ) -> Sequence[Trial]:
        """A page of trials, best first or by number. `StoreError` for an order, limit or offset that makes no sense."""
        rows.check_page(order_by, limit, offset)
        number = trials_table.c.number
        order = [trials_table.c.dev_error.asc().nulls_last(), number] if order_by == "dev_error" else [number]
        with self._transactions.reading() as connection:
            # The numbers of the page come from an index alone and only its own rows are read: at 100,000 trials the running ones are
            # found in 5 ms instead of 140.
            mine = trials_table.c.study_id == study_id_of(connection, study)
            page = select(number).where(mine)
            if states:
                page = page.where(trials_table.c.state.in_([TrialState(state).value for state in states]))
            # "+ 0" keeps SQLite from walking the table in order of number in search of a rare state: 0.02 ms instead of 15.
            page = page.order_by(number + 0) if states and order_by == "number" else page.order_by(*order)
            page = page.limit(None if limit is None else min(limit, MAX_NUMBER)).offset(min(offset, MAX_NUMBER))
            wanted = page.subquery()
            query = select(trials_table).join(wanted, number == wanted.c.number).where(mine).order_by(*order)
            return [rows.trial_of(row) for row in connection.execute(query).mappings()]

    def count_trials(self, study: str) -> Counter[TrialState]:
        """Trials by state; a state that no trial is in counts 0."""
        with self._transactions.reading() as connection:
            found = connection.execute(_STATES, {"study": study_id_of(connection, study)})
            return Counter({TrialState(state): count for state, count in found})

    def curve(self, study: str, number: int) -> Sequence[EpochRecord]:
        """The epochs of one trial in order; empty if none is recorded."""
        with self._transactions.reading() as connection:
            asked = {"study": study_id_of(connection, study), "number": as_asked(number)}
            return [rows.epoch_of(row) for row in connection.execute(_CURVE, asked).mappings()]

    def events(self, study: str, *, trial: int | None = None) -> Sequence[Event]:
        """In the order they were recorded; of one trial if `trial` is given, of the study and all its trials otherwise."""
        with self._transactions.reading() as connection:
            asked = {"study": study_id_of(connection, study)}
            query = _EVENTS
            if trial is not None:
                asked, query = {**asked, "number": as_asked(trial)}, _EVENTS_OF_TRIAL
            return [rows.event_of(row) for row in connection.execute(query, asked).mappings()]

    def close(self) -> None:
        """Give back files and connections; later calls raise `StoreError`."""
        self._transactions.close()


def _taken_epoch(
    connection: Connection, study_id: int, curves: Mapping[int, Collection[Row]], last_epochs: Mapping[int, int]
) -> StoreError:
    for number, curve in curves.items():
        mine = and_(epochs_table.c.study_id == study_id, epochs_table.c.trial == number)
        known = set(connection.scalars(select(epochs_table.c.epoch).where(mine)))
        for row in curve:
            if row["epoch"] in known and row["epoch"] <= last_epochs.get(number, MAX_NUMBER):
                return rows.taken_epoch(number, row["epoch"])
    raise AssertionError("an epoch was refused that is not there")


def _best_of(row: RowMapping) -> Trial | None:
    if row["best_number"] is None:
        return None
    return rows.trial_of({column.name: row[f"best_{column.name}"] for column in trials_table.c})
