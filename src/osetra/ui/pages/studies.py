"""The first page: all studies of the store, what each came to, and what this dashboard runs."""

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from nicegui import ui

from osetra.core.errors import OsetraError
from osetra.core.records import StudyState, StudySummary
from osetra.report import words
from osetra.study.heard import BROKEN_OFF, Heard
from osetra.ui import shell
from osetra.ui.pages.current_run import CurrentRun
from osetra.ui.seeing import every
from osetra.ui.table import Cell, Column, Row, Table

if TYPE_CHECKING:
    from osetra.ui.server import Dashboard

EVERY_S = 1.0
MANY = 8
"""Studies from which on they can be filtered."""
DUE = "due"
_BEGIN = "osetra fit DATA --target COLUMN"
_COLUMNS = (
    Column(name="study", label="study"), Column(name="best", label="best"), Column(name="state", label="state"),
    Column(name="trials", label="trials", kind="number"), Column(name="created", label="begun"),
)  # fmt: skip
_DUE = Column(name="due", label="re-test")
"""There where a study is due."""


def install(dashboard: "Dashboard") -> None:
    """At /."""

    @ui.page("/")
    async def studies_page() -> None:
        with shell.page("Studies"):
            with shell.tag("div", "between"):
                shell.text("Studies", "h1")
            run = CurrentRun(dashboard)
            listed = Studies(dashboard)

            async def look() -> None:
                await run.look()
                await listed.look()

            await look()
            every(EVERY_S, look, immediate=False)


class Studies:
    """The list, kept up to date in place."""

    def __init__(self, dashboard: "Dashboard") -> None:
        self._dashboard = dashboard
        with shell.tag("div", "row fields") as self._filters:
            self._name = ui.input("Filter by name", on_change=self.look).props("outlined dense clearable debounce=200").classes("field")
            states = {"": "any state", **{state: state for state in (*map(str, StudyState), BROKEN_OFF)}, DUE: "due for re-test"}
            self._state = ui.select(states, value="", label="State", on_change=self.look).props("outlined dense").classes("field")
        self._filters.set_visibility(False)
        with shell.tag("section", "card") as self._card:
            self._table = Table("Studies", _COLUMNS)
            self._told = shell.text("", "p", "quiet small").props("role=status")
        self._card.set_visibility(False)
        with shell.tag("div") as self._empty:
            shell.empty("This store holds no study yet. Begin one here with New fit, or in a terminal:", _BEGIN)
        self._empty.set_visibility(False)
        self._why = shell.text("", "p", "card empty").props("role=alert")
        self._why.set_visibility(False)

    async def look(self) -> None:
        """Read all studies and show those that are asked for."""
        try:
            rows, total = await asyncio.to_thread(self._read)
        except OsetraError as error:
            shell.put(self._why, str(error))
            self._why.set_visibility(True)
            return
        self._why.set_visibility(False)
        self._empty.set_visibility(not total)
        self._card.set_visibility(bool(total))
        self._filters.set_visibility(total >= MANY)
        self._table.show(rows, columns=(*_COLUMNS, _DUE) if any(row.mark == DUE for row in rows) else _COLUMNS)
        shell.put(self._told, f"{len(rows):,} of {words.counted(total, 'study').replace('studys', 'studies')}" if len(rows) < total else "")

    def _read(self) -> tuple[list[Row], int]:
        reading = self._dashboard.reading
        summaries = reading.studies()
        running = [one.study.name for one in summaries if one.study.state is StudyState.RUNNING]
        heard = {name: reading.heard(name) for name in running}
        states = [heard[one.study.name].state if one.study.name in heard else str(one.study.state) for one in summaries]
        rows = [self._row(one, state, heard.get(one.study.name)) for one, state in zip(summaries, states, strict=True)]
        asked, text = self._state.value or "", (self._name.value or "").strip().lower()
        kept = [
            row for one, state, row in zip(summaries, states, rows, strict=True)
            if text in one.study.name.lower() and (not asked or asked in (state, row.mark))
        ]  # fmt: skip
        return kept, len(summaries)

    def _row(self, one: StudySummary, state: str, heard: Heard | None) -> Row:
        study, reading = one.study, self._dashboard.reading
        due = reading.due(study.name) if study.state in (StudyState.FINISHED, StudyState.STOPPED) else None
        reasons = [reason.sentence for reason in due.reasons] if due is not None else []
        share = None
        state_note = study.reason if study.state is not StudyState.FINISHED else ""
        if heard is not None:
            header = reading.header(study.name)
            one = replace(one, best=header.best)
            left = f"{words.duration(header.seconds_left)} left" if header.seconds_left is not None else ""
            share, left = (None, "") if heard.has_broken_off else (header.share_done, left)
            state_note = ", ".join(filter(None, (left, heard.sentence)))
        best, note = best_in_words(one)
        return Row(
            key=study.name, mark=DUE if reasons else "",
            cells=[
                Cell(text=study.name, href=shell.address("study", study.name), note=f"{study.task.in_words} of {study.target}"),
                Cell(text=best, note=note), Cell(text=state, state=state, note=state_note, share=share),
                f"{one.trials:,}", f"{study.created.astimezone():%Y-%m-%d %H:%M}",
                Cell(text="due", state=DUE, note="; ".join(reasons)) if reasons else "",
            ],
        )  # fmt: skip


def best_in_words(one: StudySummary) -> tuple[str, str]:
    """The error on test, else on dev, of the model, else of the best trial; and its interval."""
    study = one.study
    for part in ("test", "dev"):
        measured = study.facts.get(part)
        if measured:
            value, low, high = words.errors([measured[name] for name in ("value", "low", "high")], study.error_name)
            return value, f"{words.part(part, study.error_name)}, {low.removesuffix(' %')} to {high}"
    if one.best is None:
        return "-", ""
    return words.error(one.best.dev_error, study.error_name), words.part("dev", study.error_name)
