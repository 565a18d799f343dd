"""The page of a trial put together, and kept true while the trial trains.

Knows nothing of: addresses.
"""

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from osetra.core.errors import OsetraError
from osetra.core.records import Event
from osetra.ui import shell
from osetra.ui.pages.trial import about
from osetra.ui.pages.trial.asking import Asking
from osetra.ui.pages.trial.curve import CurveCard
from osetra.ui.pages.trial.happened import is_told
from osetra.ui.pages.trial.head import Head
from osetra.ui.pages.trial.lists import Listing, commands_list, events_list
from osetra.ui.pages.trial.panel import Panel
from osetra.ui.pages.trial.seen import Seen, look
from osetra.ui.pages.trial.suggested import Suggested

if TYPE_CHECKING:
    from osetra.ui.reading import Reading


class TrialPage:
    """All cards of the page. `look_again` is for a timer; its first call fills in what takes a moment."""

    def __init__(self, reading: "Reading", seen: Seen) -> None:
        self._reading, self._seen = reading, seen
        self._name, self._number = seen.record.name, seen.trial.number
        self._version: object = None
        self._is_trained: bool | None = None
        self._is_looking = False
        asking = Asking(reading, self._name, self._number, said=self._said, after=self._look)
        self._head = Head(seen)
        with shell.tag("div", "beside trial"):
            with shell.tag("div", "stack"):
                self._curve = CurveCard(reading, seen, self._epoch_clicked)
                with shell.tag("section", "card").props('aria-label="Events"'):
                    shell.text("What happened", "h2")
                    self._events = Listing(shell.tag("div"))
                with shell.tag("section", "card").props('aria-label="Layers"'):
                    shell.text("Health of its layers", "h2")
                    self._layers_place = Listing(shell.tag("div"))
                with shell.tag("section", "card").props('aria-label="Lineage"'):
                    shell.text("Its story", "h2")
                    self._story = Listing(shell.tag("div"))
                with shell.tag("div", "grid halved"):
                    with shell.tag("section", "card").props('aria-label="Checkpoints"'):
                        shell.text("Checkpoints kept", "h2")
                        self._checkpoints = Listing(shell.tag("div"))
                    with shell.tag("section", "card").props('aria-label="In a terminal"'):
                        shell.text("In a terminal", "h2")
                        self._typed = Listing(shell.tag("div"))
            with shell.tag("div", "stack"):
                self._suggested = Suggested(seen)
                self._panel = Panel(seen, asking, reading.where)
                with shell.tag("section", "card answers").props('aria-label="Commands"'):
                    shell.text("Asked and answered", "h2")
                    self._refusal = shell.text("", classes="refused").props("role=alert")
                    self._commands = Listing(shell.tag("ul", "commands").props("aria-live=polite"))
                with shell.tag("section", "card").props('aria-label="Configuration"'):
                    shell.text("Configuration", "h2")
                    self._configuration = Listing(shell.tag("div"))
        self._suggested.on_do(self._panel.follow_suggestion)

    async def look_again(self) -> None:
        """See whether anything is new, and show it."""
        if self._is_looking:
            return
        self._is_looking = True
        try:
            with suppress(OsetraError):
                found = await asyncio.to_thread(lambda: (self._reading.version(self._name), self._reading.heard(self._name).is_trained))
                if found != (self._version, self._is_trained):
                    self._version, self._is_trained = found
                    await self._look()
        finally:
            self._is_looking = False

    async def _look(self) -> None:
        try:
            seen = await asyncio.to_thread(self._read)
        except OsetraError:
            # A store that is busy for a moment is asked again a second later.
            self._version = None
        else:
            await self._show(seen)

    def _read(self) -> Seen:
        return look(self._reading, self._name, self._number, heard=self._reading.heard(self._name))

    async def _show(self, seen: Seen) -> None:
        self._seen = seen
        self._head.show(seen)
        self._panel.show(seen)
        self._suggested.show(seen)
        where = self._reading.where
        told = sum(map(is_told, seen.events))
        self._events.show((told, seen.why_not, _standing(seen)), lambda: events_list(seen, self._undo))
        self._commands.show((tuple((one.id, one.state) for one in seen.commands), seen.is_trained), lambda: commands_list(seen))
        self._configuration.show(repr((seen.settings, seen.trial.num_parameters)), lambda: about.configuration(seen))
        self._checkpoints.show(
            (tuple((one.epoch, one.why, one.epoch < seen.trial.epochs) for one in seen.checkpoints), seen.why_not),
            lambda: about.checkpoints(seen, self._epoch_clicked),
        )
        self._typed.show(len(seen.commands) and tuple(one.state for one in seen.commands), lambda: about.typed_commands(seen, where))
        await self._curve.show(seen)
        await self._show_story(seen)
        await self._show_layers(seen)

    async def _show_story(self, seen: Seen) -> None:
        # Its last sentence says how it stands, which need not be true to the epoch.
        key = (len(seen.events), len(seen.commands), len(seen.waiting), str(seen.trial.state), seen.record.state, seen.trial.epochs // 10)
        if self._story.is_new(key):
            story = await asyncio.to_thread(lambda: self._reading.study(self._name).lineage(self._number))
            self._story.show(key, lambda: about.story(story))

    async def _show_layers(self, seen: Seen) -> None:
        probes = sum(event.kind == "probe" for event in seen.events)
        if not self._layers_place.is_new(probes):
            return
        try:
            made = await asyncio.to_thread(self._reading.figure, self._name, "layers", self._number)
        except OsetraError as error:
            sentence = str(error)
            self._layers_place.show(probes, lambda: about.nothing(sentence))
            return
        self._layers_place.show(probes, lambda: about.layers(made))

    def _said(self, text: str) -> None:
        shell.put(self._refusal, text)

    async def _epoch_clicked(self, epoch: int) -> None:
        if not self._seen.why_not and epoch < self._seen.trial.epochs:
            await self._panel.roll_back(epoch)

    async def _undo(self, event: Event) -> None:
        await self._panel.undo(event)


def _standing(seen: Seen) -> tuple[int, bool]:
    """What ways back depend on: which changes are in effect, and whether an epoch came after the last."""
    last = seen.script.changes[-1].epoch if seen.script.changes else 0
    return len(seen.script.changes), seen.trial.epochs > last
