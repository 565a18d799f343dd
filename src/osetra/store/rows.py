"""What is recorded of a study, as flat rows of plain values, and back.

Every store keeps rows, so that all of them keep, refuse and give back the same; the seed is kept as text (it may exceed 64 bits).

Knows nothing of: where rows are kept.
"""

import json
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeAlias

from osetra.core.errors import StoreError, StudyError
from osetra.core.records import EpochRecord, Event, Study, StudyState, Task, Trial, TrialState
from osetra.store.fields import MAX_LARGE, as_count, as_datetime, as_json, as_microseconds, as_text, shown

Row: TypeAlias = dict[str, Any]


class Fields(Protocol):
    """Fields of a row, by name."""

    def __getitem__(self, name: str, /) -> Any: ...


MAX_NAME = 200
BEST_STATES = tuple(state for state in TrialState if state.is_over and state.can_win)
"""Finished and stopped: the best trial of a study is one of these."""
ORDERS = ("dev_error", "number")


def is_study_name(name: str) -> bool:
    """Whether a study may have this name: 1 to 200 characters, none of them a control character or half of a pair."""
    return 0 < len(name) <= MAX_NAME and not any(unicodedata.category(character) in ("Cc", "Cs") for character in name)


def require_study_name(name: str) -> None:
    """Raises `StudyError` for a name that no study may have."""
    if not is_study_name(name):
        raise StudyError(
            f"the name of a study must have 1 to {MAX_NAME} characters without control characters, "
            f"got {shown(name)} ({len(name)} characters); choose another name"
        )


def study_row(study: Study) -> Row:
    """Raises `StudyError` for a name that no study may have, `StoreError` for a field that cannot be kept."""
    require_study_name(study.name)
    whose = f"study {study.name!r}"
    return {
        "name": study.name,
        "state": study.state.value,
        "reason": as_text(study.reason, f"reason of {whose}"),
        "created": as_microseconds(study.created, f"created of {whose}"),
        "finished": None if study.finished is None else as_microseconds(study.finished, f"finished of {whose}"),
        "task": study.task.value,
        "target": as_text(study.target, f"target of {whose}"),
        "source": as_text(study.source, f"source of {whose}"),
        "seed": str(int(study.seed)),
        "error_name": as_text(study.error_name, f"error_name of {whose}"),
        "facts": as_json(study.facts, f"facts of {whose}"),
    }


def study_of(row: Fields) -> Study:
    return Study(
        name=row["name"],
        state=StudyState(row["state"]),
        reason=row["reason"],
        created=as_datetime(row["created"]),
        finished=None if row["finished"] is None else as_datetime(row["finished"]),
        task=Task(row["task"]),
        target=row["target"],
        source=row["source"],
        seed=int(row["seed"]),
        error_name=row["error_name"],
        facts=json.loads(row["facts"]),
    )


def trial_row(trial: Trial) -> Row:
    """Raises `StoreError` for a field that cannot be kept."""
    whose = f"trial {trial.number}"
    return {
        "number": as_count(trial.number, f"number of {whose}"),
        "configuration": as_json(trial.configuration, f"configuration of {whose}"),
        "state": trial.state.value,
        "reason": as_text(trial.reason, f"reason of {whose}"),
        "epochs": as_count(trial.epochs, f"epochs of {whose}"),
        "best_epoch": None if trial.best_epoch is None else as_count(trial.best_epoch, f"best_epoch of {whose}"),
        "dev_error": None if trial.dev_error is None else float(trial.dev_error),
        "dev_loss": None if trial.dev_loss is None else float(trial.dev_loss),
        "train_error": None if trial.train_error is None else float(trial.train_error),
        "seconds": float(trial.seconds),
        "num_parameters": None if trial.num_parameters is None else as_count(trial.num_parameters, f"num_parameters of {whose}", MAX_LARGE),
    }


def trial_of(row: Fields) -> Trial:
    return Trial(
        number=row["number"],
        configuration=json.loads(row["configuration"]),
        state=TrialState(row["state"]),
        reason=row["reason"],
        epochs=row["epochs"],
        best_epoch=row["best_epoch"],
        dev_error=row["dev_error"],
        dev_loss=row["dev_loss"],
        train_error=row["train_error"],
        seconds=row["seconds"],
        num_parameters=row["num_parameters"],
    )


def epoch_rows(trial: int, epochs: Sequence[EpochRecord]) -> list[Row]:
    """Raises `StoreError` if an epoch comes twice or cannot be kept."""
    rows = [
        {
            "trial": trial,
            "epoch": as_count(record.epoch, f"epoch of trial {trial}"),
            "train_cost": float(record.train_cost),
            "train_error": float(record.train_error),
            "dev_loss": float(record.dev_loss),
            "dev_error": float(record.dev_error),
            "seconds": float(record.seconds),
        }
        for record in epochs
    ]
    seen: set[int] = set()
    for row in rows:
        if row["epoch"] in seen:
            raise taken_epoch(trial, row["epoch"])
        seen.add(row["epoch"])
    return rows


def epoch_of(row: Fields) -> EpochRecord:
    return EpochRecord(
        epoch=row["epoch"],
        train_cost=row["train_cost"],
        train_error=row["train_error"],
        dev_loss=row["dev_loss"],
        dev_error=row["dev_error"],
        seconds=row["seconds"],
    )


def event_row(event: Event) -> Row:
    """Raises `StoreError` for a field that cannot be kept."""
    return {
        "trial": None if event.trial is None else int(event.trial),
        "epoch": None if event.epoch is None else as_count(event.epoch, "epoch of an event"),
        "kind": as_text(event.kind, "kind of an event"),
        "detail": as_json(event.detail, f"detail of the event {event.kind!r}"),
        "who": as_text(event.who, f"who of the event {event.kind!r}"),
        "at": as_microseconds(event.at, f"time of the event {event.kind!r}"),
    }


def event_of(row: Fields) -> Event:
    return Event(
        trial=row["trial"],
        epoch=row["epoch"],
        kind=row["kind"],
        detail=json.loads(row["detail"]),
        who=row["who"],
        at=as_datetime(row["at"]),
    )


def trials_named(epochs: Mapping[int, Sequence[Row]], events: Iterable[Row], others: Iterable[int] = ()) -> list[int]:
    """Numbers of the trials that rows of epochs and events belong to, and the others, in order."""
    return sorted({*epochs, *(row["trial"] for row in events if row["trial"] is not None), *others})


def check_page(order_by: str, limit: int | None, offset: int) -> None:
    """Raises `StoreError` unless the arguments name a page of trials."""
    if order_by not in ORDERS:
        raise StoreError(f"order_by must be one of {', '.join(ORDERS)}, got {order_by!r}")
    check_limits(limit, offset)


def check_limits(limit: int | None, offset: int) -> None:
    """Raises `StoreError` for a page that cannot be."""
    if (limit is not None and limit < 0) or offset < 0:
        raise StoreError(f"limit and offset must be >= 0, got limit={limit} and offset={offset}")


def check_most(most: int | None) -> None:
    """Raises `StoreError` for a curve that would not have both its ends."""
    if most is not None and most < 2:
        raise StoreError(f"a curve must have 2 epochs at least, its first and its last, got most={most}")


def taken_name(name: str) -> StudyError:
    return StudyError(f"the name of a study must be new, and {name!r} is recorded already; choose another or resume that study")


def unknown_study(name: str, names: Iterable[str]) -> StudyError:
    """`names` are those that exist, in the order to show them."""
    names = list(names)
    first = ", ".join(repr(known) for known in names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")
    return StudyError(f"no study is named {shown(name)}; " + (f"the store holds {first}" if names else "the store holds no study yet"))


def unknown_trial(study: str, number: int, *, count: int, first: int | None, last: int | None) -> StudyError:
    """`count` trials exist, numbered from `first` to `last`."""
    held = f"it holds {count}, numbered {first} to {last}" if count else "it holds no trial yet"
    return StudyError(f"study {study!r} has no trial {number}; {held}")


def taken_epoch(trial: int, epoch: int) -> StoreError:
    return StoreError(f"an epoch is recorded once, and epoch {epoch} of trial {trial} came again; record only epochs that its curve lacks")
