"""The plan of what is asked for, and the button that starts it.

Knows nothing of: how it is asked for.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nicegui import ui

from osetra.core.errors import OsetraError
from osetra.report import words
from osetra.report.plan_words import plan_sentences
from osetra.ui import shell
from osetra.ui.pages.current_run import CurrentRun
from osetra.ui.pages.new.planning import Planning

if TYPE_CHECKING:
    from osetra.ui.server import Dashboard

EVERY_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """All that a page asks of a fit."""

    data: str
    """Within the working folder."""
    study: str | None
    edits: Mapping[str, str]
    options: Mapping[str, Any] = field(default_factory=dict)


class PlanCard:
    """Buttons, the plan below them, and how the fit that was started here stands."""

    def __init__(self, dashboard: "Dashboard", ask: Callable[[], Asked]) -> None:
        """ask: what is asked for now; raises an OsetraError that says what is missing."""
        self._dashboard, self._ask = dashboard, ask
        self._planning = Planning(dashboard.folder)
        self._started: str | None = None
        self._turn = 0
        with shell.tag("aside", "stack aside").props('aria-label="Plan and start"'):
            self._run = CurrentRun(dashboard)
            with shell.tag("section", "card"):
                shell.text("Go", "h2")
                self._missing = shell.text("", "p", "quiet").props("role=status")
                with shell.tag("div", "row"):
                    self._start = shell.button("Start", self.start, classes="main")
                    self._show = shell.button("Show the plan", self.plan)
                self._why = shell.text("", "p", "problem").props("role=alert")
                self._why.set_visibility(False)
                self._plan = shell.tag("div", "plan").props("aria-live=polite")
                with shell.tag("details"):
                    shell.text("On the command line", "summary")
                    self._command = shell.text("", "pre")

    def follow(self) -> None:
        """Something else is asked for: the plan that stands there is no more its own."""
        self._turn += 1
        self._planning.stop()
        self._plan.clear()
        self._why.set_visibility(False)
        try:
            asked = self._ask()
        except OsetraError as error:
            shell.put(self._missing, shell.sentence(str(error)))
            shell.put(self._command, "")
            self._enable(False)
            return
        shell.put(self._missing, "The plan trains for some seconds to measure; the fit goes on when this page is closed.")
        shell.put(self._command, command_of(asked, self._dashboard.reading.where))
        self._enable(True)

    async def look(self) -> None:
        """Once a second: how the run stands; to its study's page once that is there."""
        await self._run.look()
        run = self._dashboard.runs.current
        is_busy = run is not None and run.is_running
        shell.able(self._start, self._can and not is_busy)
        if self._started is None or run is None or run.study != self._started:
            return
        if await asyncio.to_thread(_exists, self._dashboard, self._started):
            ui.navigate.to(shell.address("study", self._started))
            self._started = None
        elif not run.is_running:
            self._started = None
            self._refuse(run.sentence)

    async def plan(self) -> None:
        """Have it made and show it."""
        self._turn += 1
        turn = self._turn
        try:
            asked = self._ask()
            place = await asyncio.to_thread(self._dashboard.files.path, asked.data)
            self._say_planning()
            found = await self._planning.plan(place, asked.edits, asked.options)
        except OsetraError as error:
            if turn == self._turn:
                self._plan.clear()
                self._refuse(str(error))
                shell.able(self._show, True)
            return
        if turn == self._turn:
            self._told(found)

    async def start(self) -> None:
        """Start the fit."""
        shell.able(self._start, False)
        try:
            asked = self._ask()
            run = await asyncio.to_thread(
                lambda: self._dashboard.runs.start_fit(asked.data, study=asked.study, edits=asked.edits, **asked.options)
            )
        except OsetraError as error:
            self._refuse(str(error))
            shell.able(self._start, True)
            return
        self._why.set_visibility(False)
        self._started = run.study
        shell.put(self._missing, f"Reading the data for study {run.study}; its page opens once the search begins …")
        await self._run.look()

    def end(self) -> None:
        """The page was left: a plan that is being made is nobody's."""
        self._planning.stop()

    @property
    def _can(self) -> bool:
        return not self._show._props.get("disabled", False) or self._is_planning

    @property
    def _is_planning(self) -> bool:
        return self._planning.is_running

    def _enable(self, can: bool) -> None:
        shell.able(self._start, can)
        shell.able(self._show, can)

    def _say_planning(self) -> None:
        shell.able(self._show, False)
        self._why.set_visibility(False)
        self._plan.clear()
        with self._plan:
            shell.text("Reading the data, then training for some seconds …", "p", "quiet")
            run = self._dashboard.runs.current
            if run is not None and run.is_running:
                shell.text("A fit is running, so epochs take longer now than they will alone.", "p", "quiet small")

    def _told(self, found: Mapping[str, Any]) -> None:
        shell.able(self._show, True)
        self._plan.clear()
        with self._plan:
            low, high = found["epochs_low"], found["epochs_high"]
            shell.numbers(
                [
                    ("approach", str(found["approach"]), ""),
                    ("full trainings", f"{found['full_trainings']:,.3g}", f"of {words.counted(found['epochs_per_trial'], 'epoch')}"),
                    ("epochs", f"{found['epochs']:,}", f"{low:,} to {high:,}" if high > low else ""),
                    ("trials", f"{found['trials']:,}", f"{found['finals']:,} of them finals" if found["finals"] else ""),
                ]
            )
            with shell.tag("ul", "notes"):
                for sentence in plan_sentences(found):
                    shell.text(sentence, "li")

    def _refuse(self, why: str) -> None:
        shell.put(self._why, shell.sentence(why))
        self._why.set_visibility(True)
        shell.put(self._missing, "")


def command_of(asked: Asked, store: str) -> str:
    """What would be typed in the working folder for the same."""
    import shlex

    parts = ["osetra", "fit", asked.data if not asked.data.startswith("-") else f"./{asked.data}"]
    for name, value in {**asked.options, "study": asked.study}.items():
        flag = f"--{name.replace('_', '-')}"
        if value is True:
            parts.append(flag)
        elif value is not None and value is not False and value != "":
            parts += [f"{flag}={one}" for one in (value if isinstance(value, list | tuple) else [value])]
    parts += [part for name, text in asked.edits.items() for part in ("--set", f"{name}={text}")]
    return shlex.join([*parts, *([] if store == "osetra.db" else [f"--store={Path(store).name if '://' not in store else store}"])])


def _exists(dashboard: "Dashboard", name: str) -> bool:
    try:
        dashboard.reading.study(name)
    except OsetraError:
        return False
    return True
