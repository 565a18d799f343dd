"""What a model says of one row: the answer large, and how likely each class is.

Knows nothing of: where the row came from.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from osetra.report import words
from osetra.ui import shell
from osetra.ui.table import Cell, Column, Row, Table

if TYPE_CHECKING:
    import pandas as pd

    from osetra.models.predictor import Predictor

MOST_CLASSES = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """In words."""

    values: tuple[tuple[str, str], ...]
    """Target and answer."""
    chances: tuple[tuple[str, float], ...] = ()
    """Label and probability, the likeliest first, at most 6."""
    others: float = 0.0
    """Of the classes beyond those."""


def said_of(model: "Predictor", row: "pd.DataFrame") -> Said:
    """Of the first row. Raises what `predict` raises."""
    outputs = model.outputs(row)[:1]
    answers = np.asarray(model.preparation.decode(outputs)).reshape(-1)
    shown = [str(answer) if model.classes else f"{answer:,.6g}" for answer in answers.tolist()]
    chances: list[tuple[str, float]] = []
    if model.classes:
        likely = np.argsort(-outputs[0], kind="stable")[:MOST_CLASSES]
        chances = [(str(model.classes[place]), float(outputs[0, place])) for place in likely]
    left = 1.0 - sum(chance for _, chance in chances) if len(model.classes) > MOST_CLASSES else 0.0
    return Said(values=tuple(zip(model.preparation.target_names, shown, strict=True)), chances=tuple(chances), others=left)


class Answer:
    """On the page, changed in place."""

    def __init__(self, model: "Predictor") -> None:
        self._model = model
        with shell.tag("div", "answer").props("role=status aria-live=polite"):
            self._what = shell.text("", "p", "quiet")
            self._value = shell.text("", "p", "answer-value")
            self._more = shell.text("", "p", "quiet small")
        columns = [Column(name="class", label="class", kind="long"), Column(name="chance", label="probability")]
        self._chances = Table("Probability of each class", columns) if model.classes else None
        self._why = shell.text("", "p", "problem").props("role=alert")
        self._why.set_visibility(False)

    def show(self, said: Said) -> None:
        """An answer."""
        self._why.set_visibility(False)
        shell.put(self._what, f"Predicted {', '.join(target for target, _ in said.values)}")
        shell.put(self._value, ", ".join(answer for _, answer in said.values))
        shell.put(self._more, self._usual(said))
        if self._chances is not None:
            rows = [
                Row(key=f"{place} {label}", cells=[label, Cell(text=f"{100 * chance:.1f} %", share=chance)])
                for place, (label, chance) in enumerate(said.chances)
            ]
            if said.others > 0:
                rows.append(Row(key="others", cells=["all others", Cell(text=f"{100 * said.others:.1f} %", share=said.others)]))
            self._chances.show(rows)

    def refuse(self, why: str) -> None:
        """Why there is none."""
        shell.put(self._value, "")
        shell.put(self._more, "")
        shell.put(self._what, "No prediction")
        if self._chances is not None:
            self._chances.show([])
        shell.put(self._why, why)
        self._why.set_visibility(True)

    def _usual(self, said: Said) -> str:
        """How far it may be off."""
        name = self._model.facts.get("error_name", "")
        measured = self._model.facts.get("test") or self._model.facts.get("dev")
        if not measured or not name:
            return ""
        part = "test" if self._model.facts.get("test") else "dev"
        error = words.error(measured["value"], name)
        if name == "error rate":
            return f"Of {part} rows {error} are predicted wrong."
        return f"On {part} rows it is off by {error} (RMSE{', in standard deviations' if len(said.values) > 1 else ''})."
