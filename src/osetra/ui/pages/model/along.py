"""What moves the answer: partial dependence along the most influential columns, or along one that is chosen.

Knows nothing of: how it is computed.
"""

import asyncio
from typing import TYPE_CHECKING, Any

from nicegui import ui

from osetra.core.errors import OsetraError
from osetra.report.figures.dependence import partial_dependence
from osetra.study.dependence import dependence, described
from osetra.ui import shell
from osetra.ui.figure import Figure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from osetra.models.predictor import Predictor
    from osetra.study.handle import Study
    from osetra.ui.pages.model.saved import SavedModels


class Along:
    """A figure for each column, and a field to choose another."""

    def __init__(self, models: "SavedModels", study: "Study", model: "Predictor") -> None:
        self._models, self._study, self._model = models, study, model
        self._frame: Any = None
        with shell.tag("section", "card"):
            with shell.tag("div", "between"):
                with shell.tag("div", "grow"):
                    shell.text("What moves the answer", "h2")
                    self._told = shell.text("Reading the data …", "p", "quiet")
                names = [column.column for column in model.preparation.columns]
                self._choice = ui.select(names, with_input=len(names) > 12, on_change=self._chosen).props("outlined dense").classes("field")
                self._choice._props["label"] = "Another column"
            self._place = shell.tag("div", "grid")

    async def show(self) -> None:
        """The most influential columns."""
        why = ""
        try:
            self._frame = await asyncio.to_thread(self._models.rows, self._study, self._model)
        except OsetraError as error:
            why = str(error)
        try:
            found = await asyncio.to_thread(dependence, self._model, self._frame)
        except OsetraError as error:
            why, self._frame = str(error), None
            found = await asyncio.to_thread(dependence, self._model)
        shell.put(self._told, described(found) + (f" {shell.sentence(why)}" if why else ""))
        self._draw(found)

    async def _chosen(self) -> None:
        name = self._choice.value
        if name is None:
            return
        found = await asyncio.to_thread(dependence, self._model, self._frame, columns=[name])
        if not found["columns"]:
            ui.notify(f"{name} has a single value in the data")
        self._draw(found, is_first=True)

    def _draw(self, found: "dict[str, Any]", *, is_first: bool = False) -> None:
        shown: Sequence[dict[str, Any]] = found["columns"]
        with self._place:
            for column in shown:
                with shell.tag("div", "along") as made:
                    Figure(partial_dependence(found, column))
                if is_first:
                    made.move(target_index=0)
