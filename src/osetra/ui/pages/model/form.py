"""Predicting one row that is typed in: a field for each column, the answer beside it, anew as fields change.

Knows nothing of: files.
"""

import asyncio
from typing import TYPE_CHECKING, Any

from nicegui import ui

from osetra.core.errors import OsetraError
from osetra.report import words
from osetra.ui import shell
from osetra.ui.pages.model.answer import Answer, Said, said_of
from osetra.ui.pages.model.fields import MISSING_WORD, MOST_FIELDS, Field, fields_of, row_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from osetra.models.predictor import Predictor


FEW = 4
"""Fields that need no more than half the width."""


class Form:
    """Fields on the left, answer on the right; the answer follows what is typed."""

    def __init__(self, model: "Predictor", sketch: "Mapping[str, Any]") -> None:
        self._model = model
        self._fields = fields_of(model.preparation, sketch)
        self._inputs: dict[str, Any] = {}
        self._turn = 0
        with shell.tag("div", "predict" if len(self._fields) > FEW else "predict few"):
            with shell.tag("form", "predict-fields").props("autocomplete=off aria-label='One row'").on("submit.prevent", self._predict):
                for field in self._fields:
                    self._inputs[field.name] = self._made(field)
            with shell.tag("div", "predict-answer"):
                self._answer = Answer(model)
                with shell.tag("div", "row"):
                    shell.button("Predict", self._predict, classes="main")
                    shell.button("Usual values", self._reset)
        left = len(model.preparation.columns) - len(self._fields)
        if left > 0:
            shell.text(
                f"{words.counted(left, 'more column')} of the model's {len(model.preparation.columns):,} are left blank here: "
                f"the form has the first {MOST_FIELDS}. A file can give them all.", "p", "quiet small",
            )  # fmt: skip

    async def predict(self) -> None:
        """Ask the model and show what it says."""
        self._turn += 1
        turn = self._turn
        typed = {name: None if made.value is None else str(made.value) for name, made in self._inputs.items()}
        try:
            said = await asyncio.to_thread(self._said, typed)
        except OsetraError as error:
            if turn == self._turn:
                self._answer.refuse(shell.sentence(str(error)))
            return
        if turn == self._turn:
            self._answer.show(said)

    def _said(self, typed: "Mapping[str, str | None]") -> Said:
        return said_of(self._model, row_of(self._model.preparation, self._fields, typed))

    async def _predict(self, *_: object) -> None:
        await self.predict()

    async def _reset(self) -> None:
        for field in self._fields:
            self._inputs[field.name].value = field.value
        await self.predict()

    def _made(self, field: Field) -> Any:
        if field.kind == "choice":
            made = ui.select(field.options, value=field.value, with_input=len(field.levels) > 12)
        else:
            made = ui.input(value=field.value).props("debounce=300")
            if field.kind == "number":
                made.props("inputmode=decimal")
            made._props["placeholder"] = MISSING_WORD
        made._props["label"] = field.name
        made._props["hint"] = field.hint
        return made.props("outlined dense").classes("predict-field").on_value_change(self._predict)
