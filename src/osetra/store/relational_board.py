"""Reading many trials at once from the tables of a relational database: looked for, drawn, counted.

What comes from outside, such as the name of a hyperparameter, is bound, never part of a statement. At 100,000 trials (of 340 bytes of
configuration each, SQLite, two slow cores) a page in the order of a hyperparameter takes 140 ms, filtered by two 200 ms, by dev error 6 ms;
the version less than 1 ms.

Knows nothing of: where the database is and how it was opened.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Connection,
    Double,
    Integer,
    Text,
    and_,
    bindparam,
    case,
    cast,
    func,
    literal,
    or_,
    select,
)  # fmt: skip
from sqlalchemy.dialects import postgresql

from osetra.core import drawing
from osetra.core.ports import Condition, Level, TrialPage, hyperparameter_of
from osetra.core.records import EpochRecord, Event, Trial, TrialState
from osetra.store import board_rows, rows
from osetra.store.fields import MAX_NUMBER
from osetra.store.schema import changes, epochs, events, studies, trials
from osetra.store.transactions import Transactions, as_asked, study_id_of

_AT_ONCE = 10_000
"""Numbers in one statement."""
_OF_EPOCH = tuple(field.name for field in fields(EpochRecord))
_PLAIN_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)
"""A name that a path into JSON holds as it is."""
# Made once: pages ask a few times a second, and to make it takes longer than to answer it.
_VERSION = select(func.coalesce(changes.c.count, 0)).select_from(studies.outerjoin(changes)).where(studies.c.name == bindparam("asked"))
_LEVELS = (
    select(trials.c.epochs, trials.c.state, func.count(), func.count(trials.c.dev_error), func.min(trials.c.dev_error))
    .where(trials.c.study_id == bindparam("asked"))
    .group_by(trials.c.epochs, trials.c.state)
)

Columns = list[ColumnElement[Any]]
"""What a column of trials is to a database: in SQLite one of any type, in PostgreSQL numbers and texts apart."""


class RelationalBoard:
    """The part of a `RelationalStore` by which many trials are read at once."""

    _transactions: Transactions

    def find_trials(
        self,
        study: str,
        *,
        order_by: str = "dev_error",
        descending: bool = False,
        states: Sequence[TrialState] = (),
        where: Sequence[Condition] = (),
        limit: int | None = None,
        offset: int = 0,
    ) -> TrialPage:
        """A page of the trials that fulfil all conditions. `StoreError` for a column, limit or offset that makes no sense."""
        board_rows.check_search(order_by, where, limit, offset)
        with self._transactions.reading() as connection:
            mine = trials.c.study_id == study_id_of(connection, study)
            if states:
                mine = and_(mine, trials.c.state.in_([TrialState(state).value for state in states]))
            asked = dict.fromkeys((order_by, *(condition.column for condition in where)))
            columns = {name: _columns(connection, name, f"c{place}_") for place, name in enumerate(asked)}
            # Asked twice, a CTE is carried out once: each configuration is read once, however many conditions there are.
            found = select(trials.c.number, *(column for several in columns.values() for column in several)).where(mine).cte("found")
            named = {name: [found.c[column.key] for column in several if column.key] for name, several in columns.items()}
            order = [*_order(named[order_by], descending=descending), found.c.number]
            fulfilled = [_fulfils(condition, named[condition.column]) for condition in where]
            limits = None if limit is None else min(limit, MAX_NUMBER), min(offset, MAX_NUMBER)
            if where:
                total = select(func.count()).select_from(found).where(*fulfilled)
                query = (
                    select(found.c.number, total.scalar_subquery()).where(*fulfilled).order_by(*order).limit(limits[0]).offset(limits[1])
                )
                page = connection.execute(query).all()
                numbers, count = [row[0] for row in page], page[0][1] if page else connection.scalar(total)
            else:
                query = select(found.c.number).order_by(*order).limit(limits[0]).offset(limits[1])
                numbers = connection.scalars(query).all()
                count = connection.scalar(select(func.count()).select_from(trials).where(mine))
            known = _by_number(connection, trials.c.study_id == study_id_of(connection, study), numbers)
            return TrialPage(trials=[known[number] for number in numbers], total=count or 0)

    def sample_trials(self, study: str, *, best: int, drawn: int, is_scored: bool = False) -> Sequence[Trial]:
        """Those with the lowest dev errors, and others drawn by their numbers, best first."""
        with self._transactions.reading() as connection:
            of_study = trials.c.study_id == study_id_of(connection, study)
            scored = and_(of_study, trials.c.dev_error.is_not(None))
            number, ahead = trials.c.number, list[int]()
            if best:
                ahead += connection.scalars(select(number).where(scored).order_by(trials.c.dev_error, number).limit(best))
            others = select(number).where(scored if is_scored else of_study).order_by(drawing.key(cast(number, BigInteger)))
            taken = set(ahead)
            rest = [one for one in connection.scalars(others.limit(drawn + len(ahead))) if one not in taken][:drawn]
            found = _by_number(connection, of_study, [*ahead, *rest]).values()
        return sorted(found, key=lambda one: (one.dev_error is None, 0.0 if one.dev_error is None else one.dev_error, one.number))

    def leaders(self, study: str) -> Sequence[Trial]:
        """Trials that were the best when they were begun, by number."""
        able = [state.value for state in TrialState if state.can_win]
        found: list[int] = []
        with self._transactions.reading() as connection:
            of_study = trials.c.study_id == study_id_of(connection, study)
            mine = and_(of_study, trials.c.state.in_(able), trials.c.dev_error.is_not(None))
            # From the last one back: a dozen of short walks along the index by dev error.
            best = select(trials.c.number).where(mine).order_by(trials.c.dev_error, trials.c.number).limit(1)
            while (number := connection.scalar(best.where(trials.c.number < found[-1]) if found else best)) is not None:
                found.append(number)
            known = _by_number(connection, of_study, found)
            return [known[number] for number in reversed(found)]

    def levels(self, study: str) -> Sequence[Level]:
        """How far all trials came, ascending by epochs, then by state."""
        with self._transactions.reading() as connection:
            found = connection.execute(_LEVELS, {"asked": study_id_of(connection, study)}).all()
        return [
            Level(epochs=epochs, state=TrialState(state), trials=count, scored=scored, best=best)
            for epochs, state, count, scored, best in sorted(found, key=lambda row: row[:2])
        ]

    def version(self, study: str) -> int:
        """How often anything of the study was recorded."""
        with self._transactions.reading() as connection:
            found = None
            if rows.is_study_name(study):
                found = connection.scalar(_VERSION, {"asked": study})
            # Where there is no such study, this says so.
            return study_id_of(connection, study) * 0 if found is None else found

    def curves(self, study: str, numbers: Sequence[int], *, most: int | None = None) -> Mapping[int, Sequence[EpochRecord]]:
        """The curves of these trials, by number; of each at most so many epochs, evenly."""
        rows.check_most(most)
        found: dict[int, list[EpochRecord]] = {number: [] for number in numbers}
        asked = [number for number in found if as_asked(number) == number]
        with self._transactions.reading() as connection:
            mine = epochs.c.study_id == study_id_of(connection, study)
            for start in range(0, len(asked), _AT_ONCE):
                query = select(epochs.c.trial, *(epochs.c[name] for name in _OF_EPOCH))
                asked_for = and_(mine, epochs.c.trial.in_(asked[start : start + _AT_ONCE]))
                query = query.where(asked_for).order_by(epochs.c.trial, epochs.c.epoch)
                if most is not None:
                    ends = select(epochs.c.trial, func.max(epochs.c.epoch).label("last")).where(asked_for).group_by(epochs.c.trial).cte()
                    query = query.join(ends, ends.c.trial == epochs.c.trial).where(_is_kept(ends.c.last, most))
                # Plain tuples: a page may ask for thousands of epochs every second, and fields by name take three times as long.
                for trial, *values in connection.execute(query):
                    found[trial].append(EpochRecord(**dict(zip(_OF_EPOCH, values, strict=True))))
        return found

    def last_events(self, study: str, *, but: Sequence[str] = (), limit: int) -> Sequence[Event]:
        """The last so many of all events, those of the kinds in `but` left out."""
        rows.check_limits(limit, 0)
        with self._transactions.reading() as connection:
            query = select(events).where(events.c.study_id == study_id_of(connection, study), events.c.kind.not_in(list(but)))
            query = query.order_by(events.c.id.desc()).limit(min(limit, MAX_NUMBER))
            return [rows.event_of(row) for row in connection.execute(query).mappings()][::-1]

    def event_epochs(self, study: str, kind: str) -> Sequence[int]:
        """The epochs that events of a kind have, each once, ascending."""
        with self._transactions.reading() as connection:
            mine = and_(events.c.study_id == study_id_of(connection, study), events.c.kind == kind, events.c.epoch.is_not(None))
            return sorted(connection.scalars(select(events.c.epoch).where(mine).distinct()))

    def event_times(self, study: str, kinds: Sequence[str]) -> Mapping[str, Sequence[float]]:
        """When events of these kinds were, in seconds since 1970, ascending."""
        found: dict[str, list[float]] = {kind: [] for kind in kinds}
        with self._transactions.reading() as connection:
            mine = and_(events.c.study_id == study_id_of(connection, study), events.c.kind.in_(list(found)))
            for kind, at in connection.execute(select(events.c.kind, events.c.at).where(mine)):
                found[kind].append(at / 1e6)
        return {kind: sorted(times) for kind, times in found.items()}


def _is_kept(last: ColumnElement[int], most: int) -> ColumnElement[bool]:
    """Whether an epoch is among at most so many of a curve that ends with `last`: its first, every so many after it, and its last."""
    step = 1 + case((last > 2, last - 2), else_=0) // (most - 1)
    return or_(epochs.c.epoch == last, (epochs.c.epoch - 1) % step == 0)


def _by_number(connection: Connection, mine: ColumnElement[bool], numbers: Sequence[int]) -> dict[int, Trial]:
    known: dict[int, Trial] = {}
    for start in range(0, len(numbers), _AT_ONCE):
        query = select(trials).where(mine, trials.c.number.in_(numbers[start : start + _AT_ONCE]))
        known |= {row["number"]: rows.trial_of(row) for row in connection.execute(query).mappings()}
    return known


def _columns(connection: Connection, column: str, prefix: str) -> Columns:
    name = hyperparameter_of(column)
    if name is None:
        return [trials.c[column].label(f"{prefix}0")]
    text = trials.c.configuration
    if connection.dialect.name == "postgresql":
        # Else the cast fails, and with it the statement. A text of these words is taken for a number that is not finite, too.
        is_readable = and_(*(func.strpos(text, word) == 0 for word in ("Infinity", "NaN")))
        value = cast(case((is_readable, text)), postgresql.JSON)[name]
        kind, shown = func.json_typeof(value), value.astext
        number = case((kind == "number", cast(shown, Double)), (kind == "boolean", cast(cast(cast(shown, Boolean), Integer), Double)))
        return [number.label(f"{prefix}0"), case((kind == "string", shown)).collate("C").label(f"{prefix}1")]
    is_readable = and_(*(func.instr(text, word) == 0 for word in board_rows.UNREADABLE))
    if _PLAIN_NAME.fullmatch(name):
        value: ColumnElement[Any] = func.json_extract(text, f'$."{name}"')
    else:
        each = func.json_each(text).table_valued("key", "value")
        value = select(each.c.value).where(each.c.key == literal(name, Text)).limit(1).scalar_subquery()
    # It holds no number that is not finite. Both functions share one reading of the text.
    return [case((func.json_valid(text) == 1, value)).label(f"{prefix}0")]


def _order(columns: Columns, *, descending: bool) -> Columns:
    """Those without a value last; numbers before texts going up, after them going down."""
    if len(columns) == 1:
        return [(columns[0].desc() if descending else columns[0].asc()).nulls_last()]
    number, text = columns
    nothing, is_text = and_(number.is_(None), text.is_(None)), text.is_not(None)
    if descending:
        return [nothing.asc(), is_text.desc(), number.desc().nulls_last(), text.desc().nulls_last()]
    return [nothing.asc(), is_text.asc(), number.asc().nulls_last(), text.asc().nulls_last()]


def _fulfils(condition: Condition, columns: Columns) -> ColumnElement[bool]:
    number, text = columns[0], columns[-1]
    if condition.column == "state" and (condition.low is not None or condition.high is not None):
        return literal(False)
    is_number: ColumnElement[bool] = number.is_not(None)
    parts: list[ColumnElement[bool]] = []
    if hyperparameter_of(condition.column) is None:
        # What SQLite holds for NaN is a text, and PostgreSQL's NaN is above all numbers.
        parts += [] if condition.column in (*board_rows.WHOLE, "state") else [number != literal(float("nan"), number.type)]
    elif len(columns) == 1:
        is_number = func.typeof(number).in_(["integer", "real"])
    if condition.low is not None:
        parts += [is_number, number >= literal(_as_float(condition.low), Double)]
    if condition.high is not None:
        parts += [is_number, number <= literal(_as_float(condition.high), Double)]
    if condition.among:
        numbers = [_as_float(value) for value in condition.among if not isinstance(value, str)]
        texts = [value for value in condition.among if isinstance(value, str)]
        same = [and_(is_number, number == literal(value, Double)) for value in numbers if condition.column != "state"]
        if condition.column == "state" or hyperparameter_of(condition.column) is not None:
            same += [text == literal(value, Text) for value in texts]
        parts.append(or_(*same) if same else literal(False))
    return and_(or_(*(column.is_not(None) for column in columns)), *parts)


def _as_float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")
