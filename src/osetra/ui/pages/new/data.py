"""Which data and what is predicted from them: a file of the working folder, its first rows, the target, the task.

Knows nothing of: budgets, spaces.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from nicegui import ui

from osetra.core.errors import OsetraError
from osetra.report import words
from osetra.ui import shell
from osetra.ui.files import DataFile, Files
from osetra.ui.pages.new.guessed import Guess, guess, likely_targets, rounded
from osetra.ui.preview import Preview, preview
from osetra.ui.table import Column, Row, Table

SHOWN_ROWS = 8
SHOWN_COLUMNS = 30
TASKS = {"": "inferred", "binary": "binary classification", "multiclass": "multi-class classification", "regression": "regression"}


class Data:
    """The first card. What is chosen there is read from `name`, `targets`, `task` and `guess`."""

    def __init__(self, files: Files, listed: tuple[DataFile, ...], *, is_cut: bool, changed: Callable[[], Awaitable[None]]) -> None:
        """changed: called when there is another guess, or none."""
        self._files, self._changed = files, changed
        self._preview: Preview | None = None
        self._turn = 0
        self.name = ""
        self.guess: Guess | None = None
        with shell.tag("section", "card"):
            shell.text("Data", "h2")
            with shell.tag("div", "row fields"):
                shown = {one.name: f"{one.name}  ({_size(one)})" for one in listed}
                self._file = (
                    ui.select(shown, with_input=len(shown) > 12, on_change=self._chosen).props("outlined dense").classes("field wide-field")
                )
                self._file._props["label"] = "File or folder"
                self._target = ui.select([], on_change=self._aimed).props("outlined dense").classes("field")
                self._target._props["label"] = "Predict"
                self._also = ui.select([], multiple=True, on_change=self._aimed).props("outlined dense use-chips").classes("field")
                self._also._props["label"] = "Also predict"
                self._also._props["hint"] = "several numbers"
                self._task = ui.select(TASKS, value="", on_change=self._aimed).props("outlined dense").classes("field")
                self._task._props["label"] = "Task"
            if is_cut:
                shell.text("There are more files than are listed; start osetra ui in a smaller folder to see them.", "p", "quiet small")
            self._told = shell.text("Choose the data to learn from.", "p", "quiet").props("role=status")
            self._notes = shell.tag("ul", "notes")
            self._why = shell.text("", "p", "problem").props("role=alert")
            self._why.set_visibility(False)
            self._table = Table("First rows of the data", [])

    @property
    def targets(self) -> list[str]:
        """What to predict; none of images, whose classes are known."""
        first = self._target.value
        return [first, *(name for name in self._also.value or () if name != first)] if first else []

    @property
    def task(self) -> str | None:
        return self._task.value or None

    @property
    def columns(self) -> list[str]:
        """Of the chosen table; none of images."""
        table = None if self._preview is None else self._preview.table
        return [] if table is None or table.images is not None else list(map(str, table.frame.columns))

    @property
    def is_images(self) -> bool:
        return self._preview is not None and (self._preview.table is None or self._preview.table.images is not None)

    def choose(self, name: str) -> None:
        """Have a file chosen as if a person did."""
        self._file.value = name

    async def _chosen(self) -> None:
        self._turn += 1
        turn, name = self._turn, str(self._file.value or "")
        shell.put(self._told, "Reading its first rows …")
        try:
            found: Preview | None = await asyncio.to_thread(lambda: preview(self._files.path(name), name))
            why = ""
        except OsetraError as error:
            found, why = None, str(error)
        if turn != self._turn:
            return
        self.name, self._preview = (name, found) if found else ("", None)
        self._show(found)
        columns = self.columns
        likely = likely_targets(columns) if columns else []
        # What is to be predicted asks for a new guess by itself where it changes.
        is_same = self.targets == likely
        self._target.set_options(columns, value=likely[0] if likely else None)
        self._also.set_options([name for name in columns if name not in likely[:1]], value=likely[1:])
        for made in (self._target, self._also):
            made.set_enabled(bool(columns))
        if is_same or not columns:
            await self._aimed()
        if why:
            self._refuse(why)

    async def _aimed(self) -> None:
        previewed, turn = self._preview, self._turn
        if previewed is None:
            self.guess = None
            await self._changed()
            return
        rest = [name for name in self.columns if name != self._target.value]
        if self._also.options != rest:
            # The first is not offered twice.
            self._also.set_options(rest, value=[name for name in self._also.value or () if name in rest])
        targets, task = self.targets, self.task
        try:
            found: Guess | None = await asyncio.to_thread(lambda: guess(previewed, targets, task=task))
            why = ""
        except OsetraError as error:
            found, why = None, str(error)
        if turn != self._turn or (targets, task) != (self.targets, self.task):
            return
        self.guess = found
        self._refuse(why) if why else self._why.set_visibility(False)
        self._tell(previewed, found)
        await self._changed()

    def _tell(self, previewed: Preview, found: Guess | None) -> None:
        about = "about " if previewed.is_estimate else ""
        what = "image" if self.is_images else "row"
        columns = "" if self.is_images else f", {words.counted(len(self.columns), 'column')}"
        rows = words.counted(rounded(previewed.rows) if previewed.is_estimate else previewed.rows, what)
        task = f": {found.task.in_words}" + (f" of {', '.join(self.targets)}" if self.targets else "") if found else ""
        shell.put(self._told, f"{about}{rows}{columns}{task}".capitalize() if about else f"{rows}{columns}{task}")
        self._notes.clear()
        with self._notes:
            for note in found.notes if found else ():
                shell.text(note, "li")

    def _show(self, previewed: Preview | None) -> None:
        if previewed is None or previewed.table is None or previewed.table.images is not None:
            classes = previewed.classes if previewed is not None else ()
            columns = [Column(name="class", label="class"), Column(name="images", label="images", kind="number")] if classes else []
            self._table.show([Row(key=name, cells=[name, f"{count:,}"]) for name, count in classes], columns=columns)
            return
        frame = previewed.table.frame.iloc[:SHOWN_ROWS, :SHOWN_COLUMNS]
        columns = [
            Column(name=str(place), label=str(name), kind="number" if frame.dtypes.iloc[place].kind in "iuf" else "")
            for place, name in enumerate(frame.columns)
        ]
        rows = [
            Row(key=place, cells=[_shown(value) for value in row]) for place, row in enumerate(frame.itertuples(index=False, name=None))
        ]
        self._table.show(rows, columns=columns)

    def _refuse(self, why: str) -> None:
        shell.put(self._why, shell.sentence(why))
        self._why.set_visibility(True)
        if not self.name:
            shell.put(self._told, "Choose the data to learn from.")
            self._notes.clear()


def _size(one: DataFile) -> str:
    if one.bytes is None:
        return "images"
    return f"{one.bytes / 1e6:,.1f} MB" if one.bytes >= 100_000 else f"{one.bytes / 1e3:,.1f} kB"


def _shown(value: Any) -> str:
    import pandas as pd

    if pd.api.types.is_scalar(value) and pd.isna(value):
        return "-"
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 40 else f"{text[:39]}…"
