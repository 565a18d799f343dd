"""Who writes a study, and whether that process is still there.

On the same machine the system knows: a process has a number and the moment it started, and both together belong to one process only, so
a writer that was killed gives up its study at once. Of a process elsewhere (another machine, another container) only the beat is known:
after 60 seconds without one it counts as gone. Where the system does not say which process has a number (there is no /proc), the beat
decides too.

Knows nothing of: where rows are kept.
"""

import os
import platform
from datetime import UTC
from functools import cache
from pathlib import Path
from secrets import token_hex

from osetra.core.errors import StudyError
from osetra.store.fields import as_datetime, as_text
from osetra.store.rows import Fields, Row

SILENCE_S = 60
"""Without a beat for this long, a writer elsewhere is gone."""
IDENTITY = ("owner", "machine", "pid", "started")
"""The fields that tell writers apart. A machine may change its name while they run."""

_PROC = Path("/proc")
_MICROSECONDS = 1_000_000


def writer_row(owner: str, now: int) -> Row:
    """The process that asks, as the writer of a study from `now` on, in microseconds since 1970."""
    pid = os.getpid()
    process = _process(pid)
    return {
        "owner": as_text(owner, "the owner of a study"),
        "host": platform.node(),
        "machine": _machine(),
        "pid": pid,
        "started": process[1] if process else _token(),
        "since": now,
        "beat": now,
    }


def is_same(held: Fields, row: Fields) -> bool:
    """Whether both are the same owner in the same process."""
    return all(held[name] == row[name] for name in IDENTITY)


def claimed(study: str, held: Fields | None, row: Row) -> Row:
    """The writer of a study once `row` has claimed it from `held`, if anyone holds it. `StudyError` if that one is still there."""
    now = row["beat"]
    if held is None or _is_gone(held, now):
        return row
    if is_same(held, row):
        return row | {"since": held["since"]}
    raise _held_by(study, held, now)


def require(study: str, owner: str, held: Row | None) -> Row:
    """`held`, which must be a claim of this owner in this process; `StudyError` if it is not."""
    if held is None or not is_same(held, writer_row(owner, 0)):
        raise lost(study, owner, held)
    return held


def lost(study: str, owner: str, held: Fields | None) -> StudyError:
    """What a writer hears whose claim is gone. `held` is the one that holds the study now; None: no one."""
    now = "no one holds it" if held is None else f"it is written by {_who(held)}"
    return StudyError(f"{owner!r} must hold study {study!r} to write it, and does not (any more): {now}; stop, and resume the study later")


def _is_gone(held: Fields, now: int) -> bool:
    """Whether the process that holds a study has ended."""
    if held["machine"] and held["machine"] == _machine():
        lives = _lives(held["pid"], held["started"])
        if lives is not None:
            return not lives
    # A beat from the future is of a clock that was put back since; the next one of a writer that lives is seconds away.
    return abs(now - held["beat"]) > SILENCE_S * _MICROSECONDS


def _held_by(study: str, held: Fields, now: int) -> StudyError:
    silence = max(0, (now - held["beat"]) // _MICROSECONDS)
    end = f"; a writer elsewhere counts as gone {SILENCE_S} s after its last" if held["machine"] != _machine() else ""
    return StudyError(
        f"a study has one writer, and {study!r} is being written by {_who(held)}, last sign of life {silence} s ago; "
        f"wait for it, stop it, or open the store for reading only{end}"
    )


def _who(held: Fields) -> str:
    since = as_datetime(held["since"]).astimezone(UTC)
    return f"{held['owner']!r} (process {held['pid']} on {held['host']}, since {since:%Y-%m-%d %H:%M:%S} UTC)"


def _machine() -> str:
    """The running system and its numbering of processes; empty where neither is told."""
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {(_PROC / 'self/ns/pid').readlink()}"
    except OSError:
        return ""


@cache
def _token() -> str:
    """Tells processes of one number apart where their start is not told."""
    return token_hex(8)


def _lives(pid: int, started: str) -> bool | None:
    """Whether the process of this number that started at this moment runs here; None: the system does not say."""
    process = _process(pid)
    if process is not None:
        state, start = process
        # One that was killed and that its parent has not yet asked after is in state Z.
        return state not in "ZX" and start == started
    try:
        # Signal 0 only asks. A process of another user, which /proc may hide, is told of here.
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return None


def _process(pid: int) -> tuple[str, str] | None:
    """The state of a process, and when it started in ticks since the system did; None if there is none to be seen."""
    try:
        text = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    # The name of the program, in parentheses, may hold anything; after it come the fields from the third on.
    fields = text.rpartition(")")[2].split()
    return fields[0], fields[19]
