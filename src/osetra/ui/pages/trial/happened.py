"""Events and commands of a trial in few words: what happened, what was asked, what it was before.

Knows nothing of: elements.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from osetra.core.records import Command, Event
from osetra.report import words
from osetra.report.lineage import told

ROUTINE = frozenset({"probe", "started", "warm start", "promoted"})
"""Kinds of events that every trial goes through."""
SUGGESTED = "suggested"


def is_told(event: Event) -> bool:
    """Whether it stands in the list of what happened to a trial."""
    return event.kind not in ROUTINE


def without_repeats(events: Sequence[Event]) -> list[tuple[Event, int]]:
    """Each event with how often it came: what the babysitter suggests again and again, while nothing is changed, is one, the last of them.

    events: in the order in which they happened, as is what is returned.
    """
    found: list[tuple[Event, int]] = []
    since = 0
    """Where in `found` what came after the last change begins."""
    for event in events:
        times = 1
        if event.kind == SUGGESTED:
            same = next((place for place in range(since, len(found)) if _is_same(found[place][0], event)), None)
            times += 0 if same is None else found.pop(same)[1]
        else:
            since = len(found) + 1
        found.append((event, times))
    return found


def _is_same(one: Event, other: Event) -> bool:
    return all(one.detail.get(part) == other.detail.get(part) for part in ("rule", "settings", "rollback_to"))


def happened(event: Event, error_name: str) -> str:
    """What, without who and why: `learning_rate 0.003 → 0.02`."""
    detail = event.detail
    if event.kind == "set":
        return changes(detail["settings"], detail.get("old") or {})
    if event.kind == "extended":
        return f"up to {detail['total']:,} epochs, {detail['old']:,} before"
    if event.kind == "rolled back":
        also = f", with {changes(detail['settings'])}" if detail.get("settings") else ""
        return f"rolled back from epoch {detail['from']:,} to {event.epoch:,}{also}"
    if event.kind == "branched":
        also = f", with {changes(detail['settings'])}" if detail.get("settings") else ""
        return f"branched from trial {detail['from']:,} at epoch {detail['epoch']:,}{also}"
    if event.kind == SUGGESTED:
        return f"suggested: {suggestion(detail)}"
    if event.kind in ("paused", "continued", "taken in hand"):
        return event.kind
    return told(replace(event, detail={name: value for name, value in detail.items() if name != "why"}), error_name) or event.kind


def changes(settings: Mapping[str, Any], old: Mapping[str, Any] | None = None) -> str:
    """`learning_rate 0.003 → 0.02, momentum 0.9`."""
    before = old or {}
    return ", ".join(
        f"{name} {words.value(before[name])} → {words.value(value)}" if before.get(name) is not None else f"{name} {words.value(value)}"
        for name, value in settings.items()
    )


def suggestion(detail: Mapping[str, Any]) -> str:
    """What the babysitter would do."""
    to = detail.get("rollback_to")
    back = [] if to is None else [f"go back to the end of epoch {to:,}" if to else "begin anew"]
    return " and ".join([*back, f"set {changes(detail['settings'])}"] if detail.get("settings") else back)


def asked(command: Command) -> str:
    """What a command asks for."""
    detail = command.detail
    settings = changes(detail.get("settings") or {})
    match command.kind:
        case "set":
            return f"set {settings}"
        case "extend":
            return f"extend by {words.counted(detail['epochs'], 'epoch')}"
        case "rollback":
            return f"roll back to {_place(detail['epoch'])}" + (f" with {settings}" if settings else "")
        case "branch":
            return f"branch from {_place(detail['epoch']) if 'epoch' in detail else 'here'}" + (f" with {settings}" if settings else "")
    return command.kind


def _place(epoch: int | str) -> str:
    return "its best epoch" if epoch == "best" else f"epoch {epoch:,}"
