"""Lists of a trial's page: what happened to it, what was asked of it, its checkpoints; each put together anew only when it differs.

Knows nothing of: commands, where records come from.
"""

from collections.abc import Callable, Hashable, Sequence
from typing import Any

from nicegui.element import Element

from osetra.core.records import Command, CommandState, Event
from osetra.report.lineage import local
from osetra.ui import shell
from osetra.ui.pages.trial.happened import SUGGESTED, asked, happened, is_told, without_repeats
from osetra.ui.pages.trial.seen import Seen

LATEST = 6
"""Commands that are shown."""
MOST_EVENTS = 50


class Listing:
    """A place whose content is made anew when what it is made from has changed."""

    def __init__(self, place: Element) -> None:
        self._place = place
        self._made_from: Hashable = None

    def is_new(self, made_from: Hashable) -> bool:
        """Whether what it is made from has changed."""
        return made_from != self._made_from

    def show(self, made_from: Hashable, make: Callable[[], None]) -> None:
        """make: puts the content together, within the place."""
        if not self.is_new(made_from):
            return
        self._made_from = made_from
        self._place.clear()
        with self._place:
            make()


def table(label: str, headings: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """A table of plain text; an entry that is no text is a function that makes the cell's content."""
    with shell.tag("div", "scroll").props("tabindex=0 role=region") as around, shell.tag("table"):
        around._props["aria-label"] = label
        with shell.tag("thead"), shell.tag("tr"):
            for heading in headings:
                shell.text(heading, "th").props("scope=col")
        with shell.tag("tbody"):
            for row in rows:
                with shell.tag("tr"):
                    for heading, entry in zip(headings, row, strict=True):
                        is_long = heading in ("what", "why", "")
                        if callable(entry):
                            with shell.tag("td"):
                                entry()
                        else:
                            shell.text(entry, "td", "long" if is_long else "")


def events_list(seen: Seen, undo: Callable[[Event], Any]) -> None:
    """The latest first, with a way back behind each change that is still in effect."""
    told = without_repeats([event for event in seen.events if is_told(event)])[::-1]
    if not told:
        shell.text("Nothing out of the ordinary happened to it so far.", classes="quiet")
        return

    def way_back(event: Event) -> Any:
        return lambda: shell.button("Undo", lambda: undo(event), label=f"Undo: {happened(event, seen.record.error_name)}")

    has_why = any(event.detail.get("why") for event, _ in told)
    rows = [
        [
            "-" if event.epoch is None else f"{event.epoch:,}",
            happened(event, seen.record.error_name) + (f" ({times:,} times, this the last)" if times > 1 else ""),
            event.who,
            *([str(event.detail.get("why") or "")] if has_why else []),
            local(event.at).partition(" ")[2],
            way_back(event) if can_be_undone(seen, event) else "",
        ]
        for event, times in told[:MOST_EVENTS]
    ]
    if len(told) > MOST_EVENTS:
        shell.text(f"The last {MOST_EVENTS} of {len(told):,}.", classes="quiet small")
    table("What happened to this trial", ["epoch", "what", "who", *(["why"] if has_why else []), "time", ""], rows)


def can_be_undone(seen: Seen, event: Event) -> bool:
    """Whether it is a change that is in effect: there is a checkpoint from before it."""
    if seen.why_not or event.epoch is None or event.kind not in ("set", "extended"):
        return False
    in_effect = any(
        change.epoch == event.epoch and dict(change.settings) == dict(event.detail["settings"]) for change in seen.script.changes
    )
    return in_effect and (event.epoch < seen.trial.epochs or event.kind == "set")


def commands_list(seen: Seen) -> None:
    """The last commands, the latest first, each with its answer as far as there is one."""
    if not seen.commands:
        shell.text("Nothing was asked of it so far.", "li", "quiet")
    for command in reversed(seen.commands[-LATEST:]):
        with shell.tag("li"):
            shell.text(asked(command), "strong")
            answer = {
                CommandState.WAITING: "asked; waits for the end of the epoch",
                CommandState.DONE: _done(command),
                CommandState.REFUSED: f"refused: {command.answer}",
            }[command.state]
            if command.state is CommandState.WAITING and not seen.is_trained:
                answer = "asked; nobody trains the study, so it waits until it is resumed"
            shell.text(answer, "div", str(command.state))
            shell.text(f"{command.who}, {local(command.at).partition(' ')[2]}", "div", "quiet")


def _done(command: Command) -> str:
    return f"in effect from epoch {command.epoch + 1:,}" if command.kind == "set" and command.epoch is not None else command.answer


def latest_suggestion(seen: Seen) -> Event | None:
    """What the babysitter said last, unless something was changed since, or nothing can be."""
    if seen.why_not:
        return None
    for event in reversed(seen.events):
        if event.kind in ("set", "extended", "rolled back"):
            return None
        if event.kind == SUGGESTED:
            return event
    return None
