"""What this dashboard runs: the fit, resumed study or next search that was started from the browser last.

Knows nothing of: how it is run.
"""

import asyncio
from typing import TYPE_CHECKING

from osetra.core.errors import OsetraError
from osetra.ui import shell

if TYPE_CHECKING:
    from osetra.ui.runs import Run
    from osetra.ui.server import Dashboard


class CurrentRun:
    """A card that is there while something runs, and afterwards says how it ended."""

    def __init__(self, dashboard: "Dashboard", study: str | None = None) -> None:
        """study: that of the page; other runs are not shown then."""
        self._dashboard, self._study = dashboard, study
        with shell.tag("section", "card").props('aria-label="Started from this dashboard"') as self._card:
            with shell.tag("div", "between"):
                with shell.tag("div", "row grow"):
                    self._link = shell.link("", "")
                    self._told = shell.text("", "span").props("role=status")
                self._stop = shell.button("Stop", self._stopped, classes="danger", label="Stop what was started from this dashboard")
            with shell.tag("details"):
                shell.text("Command and output", "summary")
                self._command = shell.text("", "pre")
                self._output = shell.text("", "pre", "output").props("tabindex=0")
        self._card.set_visibility(False)

    async def look(self) -> None:
        """Read how it stands."""
        if not self._dashboard.runs.has_any:
            return
        run, study = await asyncio.to_thread(self._read)
        is_shown = run is not None and (self._study is None or concerns(run, self._study))
        self._card.set_visibility(is_shown)
        if run is None or not is_shown:
            return
        href = shell.address("study", study)
        if self._link._props.get("href") != href:
            self._link._props["href"] = href
            self._link.update()
        shell.put(self._link, study)
        shell.put(self._told, f"{run.sentence}.")
        shell.put(self._command, run.command)
        shell.put(self._output, run.output.rsplit("\r", 1)[-1][-4000:] or "No output yet.")
        self._stop.set_visibility(run.is_running and not run.is_asked_to_stop)

    def _read(self) -> "tuple[Run | None, str]":
        """What runs, and the study that it makes; of a next search the one that it begins from until there is another."""
        run = self._dashboard.runs.current
        if run is None or run.kind != "apply":
            return run, "" if run is None else run.study
        try:
            made = [one.study for one in self._dashboard.reading.studies() if concerns(run, one.study.name)]
        except OsetraError:
            made = []
        return run, next((study.name for study in made if study.created >= run.began), run.study)

    async def _stopped(self) -> None:
        await asyncio.to_thread(self._dashboard.runs.stop)
        await self.look()


def concerns(run: "Run", study: str) -> bool:
    """Whether a run makes or goes on with a study, or begins from it, or makes the one that follows from it."""
    return study == run.study or (run.kind == "apply" and study.startswith(f"{run.study}-next"))
