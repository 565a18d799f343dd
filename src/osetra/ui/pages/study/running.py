"""Stopping a study, whoever trains it, and going on with one that broke off.

Knows nothing of: how a study is run.
"""

from collections.abc import Callable

from nicegui import ui
from nicegui.element import Element

from osetra.core.errors import OsetraError
from osetra.core.records import CommandState, StudyState, Task
from osetra.study.steer import Steer, user
from osetra.ui import shell
from osetra.ui.asking import agreed
from osetra.ui.pages.study.live import Live

_KEPT = "what was trained is kept, the best network so far becomes the model, and it can be resumed"


class Running:
    """The buttons; each is there where it can do something."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._is_ending = False
        """Whether it was stopped here, and is yet to say so."""
        self._stop = shell.button("Stop", self._asked_to_stop, classes="danger", label="Stop the study")
        self._resume = shell.button("Resume", self._asked_to_resume, label="Go on with the study")
        self.show()

    @property
    def _is_own(self) -> bool:
        run = self._live.dashboard.runs.current
        return run is not None and run.is_running and run.study == self._live.name and run.kind != "apply"

    @property
    def _can_be_told(self) -> bool:
        """Whether somebody trains it who looks for commands."""
        heard = self._live.heard
        return heard is not None and heard.is_trained is True and self._live.header.can_be_stopped

    def show(self) -> None:
        """As the study stands now."""
        header, is_own = self._live.header, self._is_own
        is_running = header.state is StudyState.RUNNING
        self._is_ending = self._is_ending and is_running
        self._stop.set_visibility(is_running and (is_own or self._can_be_told) and not self._is_ending)
        broke_off = header.state in (StudyState.STOPPED, StudyState.FAILED) or self._live.has_broken_off
        self._resume.set_visibility(broke_off and not is_own and header.task is not Task.OBJECTIVE)

    async def _asked_to_stop(self) -> None:
        is_objective = self._live.header.task is Task.OBJECTIVE
        kept = "what was reported is kept, and it can be gone on with where it was begun" if is_objective else _KEPT
        told = f"It ends as with Ctrl-C: {kept}."
        if await agreed("Stop this study?", [told], "Stop it"):
            await self._do(self._stop, self._end)

    def _end(self) -> str:
        """As Ctrl-C where the process is this dashboard's; by a command, which whoever trains it looks for, where it is another's."""
        live = self._live
        if self._is_own:
            live.dashboard.runs.stop()
            self._is_ending = True
            return ""
        answered = Steer(live.reading.study(live.name), None, who=f"{user()} (dashboard)").ask("stop", {})
        self._is_ending = answered.state is CommandState.DONE
        return shell.sentence(answered.answer)

    async def _asked_to_resume(self) -> None:
        await self._do(self._resume, lambda: f"{self._live.dashboard.runs.resume(self._live.name).sentence}.")

    async def _do(self, button: Element, work: Callable[[], str]) -> None:
        shell.able(button, False)
        try:
            if told := await self._live.read(work):
                ui.notify(told)
        except OsetraError as error:
            ui.notify(str(error), type="negative", multi_line=True)
        finally:
            shell.able(button, True)
        self.show()
