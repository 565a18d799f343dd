"""Commands and checkpoints as flat rows of plain values, and back, and what is refused of them.

Knows nothing of: where rows are kept.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from hashlib import sha256

from osetra.core.errors import OsetraError, StoreError, StudyError
from osetra.core.records import Checkpoint, Command, CommandState
from osetra.store.fields import MAX_LARGE, as_count, as_datetime, as_json, as_microseconds, as_text
from osetra.store.rows import Fields, Row


def command_row(command: Command) -> Row:
    """Raises `StoreError` for a command that is not new and for a field that cannot be kept."""
    what = f"the command {command.kind!r}"
    if command.id is not None or command.state is not CommandState.WAITING or command.answered is not None:
        raise StoreError(
            f"a command is added once, without an id and waiting, got {what} with id {command.id}, {command.state}; make a new one"
        )
    return {
        "trial": None if command.trial is None else int(command.trial),
        "kind": as_text(command.kind, "kind of a command"),
        "detail": as_json(command.detail, f"detail of {what}"),
        "why": as_text(command.why, f"why of {what}"),
        "who": as_text(command.who, f"who of {what}"),
        "at": as_microseconds(command.at, f"time of {what}"),
        "state": command.state.value,
        "answer": as_text(command.answer, f"answer of {what}"),
        "epoch": None if command.epoch is None else as_count(command.epoch, f"epoch of {what}"),
        "answered": None,
    }


def answer_row(command: int, state: CommandState, answer: str, epoch: int | None, at: datetime) -> Row:
    """The fields that an answer fills. Raises `StoreError` for an answer that is none and for a field that cannot be kept."""
    whose = f"the answer to command {command}"
    if state is CommandState.WAITING:
        raise StoreError(f"{whose} must be done or refused, got waiting; leave it unanswered instead")
    return {
        "state": state.value,
        "answer": as_text(answer, whose),
        "epoch": None if epoch is None else as_count(epoch, f"epoch of {whose}"),
        "answered": as_microseconds(at, f"time of {whose}"),
    }


def command_of(row: Fields) -> Command:
    return Command(
        id=row["id"],
        trial=row["trial"],
        kind=row["kind"],
        detail=json.loads(row["detail"]),
        why=row["why"],
        who=row["who"],
        at=as_datetime(row["at"]),
        state=CommandState(row["state"]),
        answer=row["answer"],
        epoch=row["epoch"],
        answered=None if row["answered"] is None else as_datetime(row["answered"]),
    )


def not_waiting(study: str, command: int, found: Fields | None) -> StoreError:
    """`found` is the command's row; None: there is none."""
    if found is None:
        return StoreError(f"study {study!r} has no command {command} to answer; give the id of one of its commands")
    told = f" ({found['answer']})" if found["answer"] else ""
    return StoreError(
        f"a command is answered once, and command {command} of study {study!r} is {found['state']} already{told}; add a new one"
    )


def checkpoint_row(checkpoint: Checkpoint, data: bytes) -> Row:
    """Raises `StoreError` for a field that cannot be kept, and if the record is not that of the data."""
    whose = f"the checkpoint of trial {checkpoint.trial} after epoch {checkpoint.epoch}"
    if len(data) != checkpoint.bytes:
        raise StoreError(
            f"{whose} must come with its own data, of {checkpoint.bytes} bytes, got {len(data)}; make it with Checkpoint.of(data)"
        )
    return {
        "trial": int(checkpoint.trial),
        "epoch": as_count(checkpoint.epoch, f"epoch of {whose}"),
        "why": as_text(checkpoint.why, f"why of {whose}"),
        "step": as_count(checkpoint.step, f"step of {whose}", MAX_LARGE),
        "bytes": as_count(checkpoint.bytes, f"bytes of {whose}", MAX_LARGE),
        "digest": as_text(checkpoint.digest, f"digest of {whose}"),
        "at": as_microseconds(checkpoint.at, f"time of {whose}"),
    }


def checkpoint_rows(checkpoints: Iterable[tuple[Checkpoint, bytes]]) -> dict[tuple[int, int], tuple[Row, bytes]]:
    """By trial and epoch, each with its data; the last of several of one trial and epoch stands."""
    pairs = [(checkpoint_row(checkpoint, data), bytes(data)) for checkpoint, data in checkpoints]
    return {(row["trial"], row["epoch"]): (row, data) for row, data in pairs}


def checkpoint_of(row: Fields) -> Checkpoint:
    return Checkpoint(
        trial=row["trial"],
        epoch=row["epoch"],
        why=row["why"],
        step=row["step"],
        bytes=row["bytes"],
        digest=row["digest"],
        at=as_datetime(row["at"]),
    )


def rollback_rows(rolled_back: Mapping[int, int] | None) -> dict[int, int]:
    """By trial number the last epoch that stays. Raises `StoreError` for one that is no epoch."""
    return {int(trial): as_count(last, f"the epoch that trial {trial} is rolled back to") for trial, last in (rolled_back or {}).items()}


def check_data(data: bytes, digest: str, *, study: str, trial: int, epoch: int, others: Sequence[int]) -> None:
    """Raises `StoreError` unless the data is what was recorded. `others` are the epochs of the trial's other checkpoints."""
    found = sha256(data).hexdigest()
    if found != digest:
        raise StoreError(
            f"the checkpoint of trial {trial} after epoch {epoch} of study {study!r} is damaged: its digest must be {digest[:12]}..., "
            f"and its {len(data)} bytes have {found[:12]}...; put back a copy of the store, or {_instead(others)}"
        )


def unknown_checkpoint(study: str, trial: int, epoch: int, others: Sequence[int]) -> OsetraError:
    """`others` are the epochs of the checkpoints that the trial has."""
    return StudyError(f"trial {trial} of study {study!r} has no checkpoint after epoch {epoch}; {_instead(others)}")


def _instead(others: Sequence[int]) -> str:
    if not others:
        return "train the trial again from its start, as it has no other checkpoint"
    newest = ", ".join(map(str, others[-10:]))
    return f"use another of its {len(others)} checkpoints, such as after epoch {newest}"
