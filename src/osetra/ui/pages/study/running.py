"""Stopping a study that this dashboard runs, and going on with one that broke off.

Knows nothing of: how a study is run.
"""

from collections.abc import Callable
from typing import Any

from nicegui import ui
from nicegui.element import Element

from osetra.core.errors import OsetraError
from osetra.core.records import StudyState, Task
from osetra.ui import shell
from osetra.ui.asking import agreed
from osetra.ui.pages.study.live import Live

QUIET_S = 60.0
"""After so long without anything recorded whoever trained a study may be gone."""


class Running:
    """The buttons; each is there where it can do something."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._stop = shell.button("Stop", self._asked_to_stop, classes="danger", label="Stop the study")
        self._resume = shell.button("Resume", self._asked_to_resume, label="Go on with the study")
        self.show()

    @property
    def is_quiet(self) -> bool:
        """Whether the study goes on by its record, and nothing has been recorded for long."""
        return self._live.header.state is StudyState.RUNNING and not self._is_own and self._live.quiet_s > QUIET_S

    @property
    def _is_own(self) -> bool:
        run = self._live.dashboard.runs.current
        return run is not None and run.is_running and run.study == self._live.name and run.kind != "apply"

    def show(self) -> None:
        """As the study stands now."""
        header, is_own = self._live.header, self._is_own
        self._stop.set_visibility(is_own and header.state is StudyState.RUNNING)
        broke_off = header.state in (StudyState.STOPPED, StudyState.FAILED) or self.is_quiet
        self._resume.set_visibility(broke_off and not is_own and header.task is not Task.OBJECTIVE)

    async def _asked_to_stop(self) -> None:
        told = "It ends as with Ctrl-C: what was trained is kept, the best network so far becomes the model, and it can be resumed."
        if await agreed("Stop this study?", [told], "Stop it"):
            await self._do(self._stop, self._live.dashboard.runs.stop)

    async def _asked_to_resume(self) -> None:
        await self._do(self._resume, lambda: self._live.dashboard.runs.resume(self._live.name))

    async def _do(self, button: Element, work: Callable[[], Any]) -> None:
        shell.able(button, False)
        try:
            await self._live.read(work)
        except OsetraError as error:
            ui.notify(str(error), type="negative", multi_line=True)
        finally:
            shell.able(button, True)
        self.show()
