"""A study's page as it follows its study: parts are read anew once the study has changed, those in view alone, and none too often.

Knows nothing of: what parts show.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from nicegui import background_tasks, ui

from osetra.core.errors import OsetraError
from osetra.core.records import Task

if TYPE_CHECKING:
    from osetra.study.handle import Study
    from osetra.study.heard import Heard
    from osetra.ui.reading import Header, Reading
    from osetra.ui.server import Dashboard

Result = TypeVar("Result")
REST = 4.0
"""Times as long as a part took to be read, until it is read again: figures of a large study must not take its trials' cores."""


def has_epochs(header: "Header") -> bool:
    """Whether its trials have curves: an objective may have one value a trial."""
    return header.task is not Task.OBJECTIVE or header.epochs > header.trials


class GoneError(Exception):
    """Nobody looks at the page any more."""


@dataclass(slots=True)
class Part:
    """One thing that follows the study."""

    refresh: Callable[[], Awaitable[None]]
    is_stale: bool = True
    is_urgent: bool = False
    """Whether a person waits for it, having asked for something else."""
    is_busy: bool = False
    due: float = 0.0

    def ask(self) -> None:
        """Have it read at the next look, however short ago it was read."""
        self.is_stale = self.is_urgent = True

    @property
    def is_due(self) -> bool:
        return self.is_stale and not self.is_busy and (self.is_urgent or time.monotonic() >= self.due)

    async def read(self) -> None:
        """Once, or again as long as it is asked for meanwhile."""
        self.is_busy = self.is_urgent = True
        try:
            while self.is_urgent:
                self.is_stale = self.is_urgent = False
                began = time.monotonic()
                await self.refresh()
                ended = time.monotonic()
                self.due = ended + REST * (ended - began)
        finally:
            self.is_busy = False


class Live:
    """One open page of one study."""

    def __init__(self, dashboard: "Dashboard", study: "Study", header: "Header") -> None:
        self.dashboard, self.name = dashboard, study.name
        self.study, self.header = study, header
        """As they were read last."""
        self.heard: Heard | None = None
        """None: not listened yet."""
        self.tab = ""
        """The one in view."""
        self.on_lost: Callable[[str], None] = lambda _: None
        """Called with why the study cannot be read, and with an empty text once it can."""
        self._client = ui.context.client
        request = self._client.request
        self.asked: Mapping[str, str] = {} if request is None else dict(request.query_params)
        """What stands behind the ? of its address."""
        self._parts: dict[str, list[Part]] = {}
        self._version: object = None
        self._turn = asyncio.Lock()

    @property
    def reading(self) -> "Reading":
        return self.dashboard.reading

    @property
    def has_broken_off(self) -> bool:
        """Whether nobody trains it, though its record says so."""
        return self.heard is not None and self.heard.has_broken_off

    async def read(self, work: Callable[..., Result], *arguments: object) -> Result:
        """What takes its time, off the event loop. Raises `GoneError` where nobody looks any more."""
        found = await asyncio.to_thread(work, *arguments)
        if self._client.is_deleted:
            raise GoneError
        return found

    def follow(self, refresh: Callable[[], Awaitable[None]], *, tab: str = "") -> Part:
        """Have this read soon, and again whenever the study has changed; of a tab only while that is in view."""
        part = Part(refresh)
        self._parts.setdefault(tab, []).append(part)
        return part

    async def look(self) -> None:
        """Once a second: see what has changed, and have parts read; one that takes long holds up no other."""
        async with self._turn:
            is_other = False
            try:
                version, seen = await self.read(self._see)
                if seen is not None:
                    self.study, self.header, heard = seen
                    is_other = self.heard is None or heard.state != self.heard.state
                    self.heard = heard
            except OsetraError as error:
                self.on_lost(str(error))
                return
            except GoneError:
                return
            self.on_lost("")
            if version != self._version or is_other:
                self._version = version
                for part in (part for parts in self._parts.values() for part in parts):
                    part.is_stale = True
            for part in self._in_view():
                if part.is_due:
                    background_tasks.create(self._read(part), name=f"a part of {self.name}", context=self._client)

    def _see(self) -> "tuple[Hashable, tuple[Study, Header, Heard] | None]":
        """The version, and what every page of a study shows of it, in one go; None: as it was seen before."""
        reading, name = self.reading, self.name
        version = reading.version(name)
        if version == self._version and not self.header.is_live:
            return version, None
        return version, (reading.study(name), reading.header(name), reading.heard(name))

    async def _read(self, part: Part) -> None:
        try:
            await part.read()
        except OsetraError as error:
            self.on_lost(str(error))
        except GoneError:
            return

    async def show(self, tab: str) -> None:
        """Another tab is in view from now on."""
        self.tab = tab
        await self.look()

    def _in_view(self) -> list[Part]:
        return [*self._parts.get("", ()), *(self._parts.get(self.tab, ()) if self.tab else ())]
