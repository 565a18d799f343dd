"""Predicting a file that is dropped on the page: the first rows with what is predicted, and all of it as CSV.

Knows nothing of: single rows.
"""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nicegui import ui
from nicegui.events import MultiUploadEventArguments

from osetra.core.errors import OsetraError
from osetra.data.image_folders import ENDINGS as IMAGES
from osetra.report import words
from osetra.report.spreadsheet import GUARDED, guarded
from osetra.ui import shell
from osetra.ui.drop import Drop
from osetra.ui.files import ARRAYS, MOST_BYTES, TABLES, require_size
from osetra.ui.received import received
from osetra.ui.table import Column, Row, Table

if TYPE_CHECKING:
    import pandas as pd

    from osetra.models.predictor import Predictor

SHOWN_ROWS = 20
SHOWN_GIVEN = 6
"""Columns of the file beside the predictions."""
SHOWN_CHANCES = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Predicted:
    """What came of a file."""

    rows: int
    columns: tuple[str, ...]
    first: tuple[tuple[str, ...], ...]
    """Of the first rows, as they are shown."""
    num_given: int
    """Columns of the file among those shown; they come first."""
    csv: bytes
    """All of it, as a spreadsheet may open it."""
    told: tuple[str, ...]
    """What is to be said: what was left out, how well the answers fit a target that the file holds."""


def predicted(model: "Predictor", files: list[tuple[str, bytes]]) -> Predicted:
    """Raises what reading and `predict` raise."""
    from osetra.models.predictor import predictions_frame
    from osetra.study.measure import measure

    with received(files, images=model.preparation.image_shape is not None) as place:
        table = model.read(place)
    answers = predictions_frame(model, table)
    told = [shell.sentence(note) for note in table.notes]
    targets = model.preparation.target_names
    if all(name in table.frame.columns for name in targets):
        try:
            name = str(model.facts.get("error_name", "error"))
            told.append(f"The file holds {', '.join(targets)}: {name} {words.interval(measure(model, table).to_dict(), name)}.")
        except OsetraError as error:
            told.append(f"The file holds {', '.join(targets)}, which cannot be compared: {error}.")
    given = (
        table.frame.iloc[:, :0] if table.images is not None else table.frame[[name for name in table.frame.columns if name not in targets]]
    )
    if "file" in answers.columns and len(files) == len(answers):
        answers["file"] = [name for name, _ in files]
    harmless, marked = guarded(answers)
    if marked:
        told.append(f"{GUARDED} That is so of {words.counted(marked, 'cell')}.")
    shown = answers.iloc[:SHOWN_ROWS, : len(targets) + SHOWN_CHANCES + ("file" in answers.columns)]
    first = given.iloc[:SHOWN_ROWS, :SHOWN_GIVEN]
    rows = [tuple(map(_shown, (*left, *right))) for left, right in zip(_rows(first), _rows(shown), strict=True)]
    return Predicted(
        rows=len(answers), columns=(*map(str, first.columns), *map(str, shown.columns)), first=tuple(rows), num_given=first.shape[1],
        csv=harmless.to_csv(index=False).encode(), told=tuple(told),
    )  # fmt: skip


class Upload:
    """A place to drop a file, and below it what came of it."""

    def __init__(self, model: "Predictor", name: str) -> None:
        """name: of the study, for the name of the CSV file."""
        self._model, self._name = model, name
        self._made: Predicted | None = None
        is_images = model.preparation.image_shape is not None
        endings = (*IMAGES, *ARRAYS) if is_images else (*TABLES, *ARRAYS)
        shell.text(self._told(is_images), "p", "quiet")
        Drop(
            "Drop images here, or choose them" if is_images else "Drop a table here, or choose one",
            endings=(*endings, ".gz"), multiple=is_images, on_files=self._given, on_rejected=self._rejected,
        )  # fmt: skip
        self._why = shell.text("", "p", "problem").props("role=alert")
        self._why.set_visibility(False)
        with shell.tag("div", "stack") as self._result:
            with shell.tag("div", "between"):
                self._sum = shell.text("", "p").props("role=status")
                shell.button("Download all as CSV", self._download)
            self._notes = shell.tag("div", "quiet small")
            self._table = Table("First rows with their predictions", [])
        self._result.set_visibility(False)

    def _told(self, is_images: bool) -> str:
        most = f"At most {MOST_BYTES // 1_000_000} MB; the file is not kept."
        if is_images:
            from osetra.data.images import shape_in_words

            assert self._model.preparation.image_shape is not None
            return f"Images of {shape_in_words(self._model.preparation.image_shape)}, PNG, JPEG or BMP, or an .npz file of X. {most}"
        return f"A table with the columns of the training data, in any order. {most}"

    async def _given(self, event: MultiUploadEventArguments) -> None:
        self._say("Predicting …")
        try:
            # Before anything of them is held in memory.
            require_size(sum(one.size() for one in event.files), event.files[0].name if len(event.files) == 1 else "files")
            files = [(one.name, await one.read()) for one in event.files]
            self._made = await asyncio.to_thread(predicted, self._model, files)
        except OsetraError as error:
            self._refuse(str(error))
        else:
            self._show(files[0][0] if len(files) == 1 else words.counted(len(files), "file"))

    def _rejected(self) -> None:
        self._refuse(
            f"a file given in the browser must be a table or images as above and have at most {MOST_BYTES // 1_000_000} MB; choose another"
        )

    def _refuse(self, why: str) -> None:
        self._result.set_visibility(False)
        shell.put(self._why, shell.sentence(why))
        self._why.set_visibility(True)

    def _say(self, told: str) -> None:
        self._why.set_visibility(False)
        shell.put(self._sum, told)

    def _show(self, file: str) -> None:
        made = self._made
        assert made is not None
        shown = f"the first {len(made.first)} of them below" if made.rows > len(made.first) else "all of them below"
        self._say(f"{words.counted(made.rows, 'prediction')} for {file}, {shown}.")
        self._notes.clear()
        with self._notes:
            for line in made.told:
                shell.text(line)
        columns = [Column(name=f"{place}", label=name) for place, name in enumerate(made.columns)]
        self._table.show([Row(key=place, cells=list(row)) for place, row in enumerate(made.first)], columns=columns)
        self._result.set_visibility(True)

    def _download(self) -> None:
        if self._made is not None:
            kept = "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "_" for c in self._name)[:80]
            ui.download.content(self._made.csv, f"{kept or 'model'}-predictions.csv", "text/csv")


def _rows(frame: "pd.DataFrame") -> list[tuple[Any, ...]]:
    return list(frame.itertuples(index=False, name=None))


def _shown(value: Any) -> str:
    import pandas as pd

    if pd.isna(value):
        return "-"
    text = f"{value:,.5g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 40 else f"{text[:39]}…"
