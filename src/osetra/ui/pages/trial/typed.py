"""What a person types in a terminal to do what the page of a trial does, and what was done already.

Knows nothing of: elements.
"""

import shlex
from collections.abc import Mapping
from typing import Any

from osetra.core.records import CommandState
from osetra.space.values import print_value
from osetra.ui.pages.trial.seen import Seen

DEFAULT_STORE = "osetra.db"


def resume(seen: Seen, where: str) -> str:
    return f"osetra resume {shlex.quote(seen.record.name)}{_suffix(where)}"


def done(seen: Seen, where: str) -> list[str]:
    """The commands that were carried out, as they are typed, in order."""
    return [
        typed(seen, command.kind, command.detail, where, why=command.why) for command in seen.commands if command.state is CommandState.DONE
    ]


def further(seen: Seen, where: str) -> list[str]:
    """What else shows or repeats the trial."""
    return [_line(seen, verb, (), where) for verb in ("watch", "lineage", "replay")]


def typed(seen: Seen, kind: str, detail: Mapping[str, Any], where: str, *, why: str = "") -> str:
    """One command: `osetra set NAME 7 learning_rate=0.02`."""
    settings = [f"{name}={print_value(value)}" for name, value in (detail.get("settings") or {}).items()]
    match kind:
        case "extend":
            rest = [str(detail["epochs"])]
        case "rollback":
            rest = [str(detail["epoch"]), *settings]
        case "branch":
            rest = [*settings, *(["--epoch", str(detail["epoch"])] if "epoch" in detail else [])]
        case _:
            rest = settings
    return _line(seen, kind, [*rest, *(["--why", why] if why else [])], where)


def _line(seen: Seen, verb: str, rest: Any, where: str) -> str:
    words = ["osetra", verb, seen.record.name, str(seen.trial.number), *rest]
    return " ".join(map(shlex.quote, words)) + _suffix(where)


def _suffix(where: str) -> str:
    return "" if where == DEFAULT_STORE else f" --store {shlex.quote(where)}"
