"""The space that is searched: the default for the data, by tiers, and edits of it as the command line has them.

Knows nothing of: data, budgets.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from nicegui import ui

from osetra.core.errors import SpaceError
from osetra.space.known import KNOWN_HYPERPARAMETERS
from osetra.ui import shell
from osetra.ui.pages.new.guessed import Entry, Guess, edits_of, entries_of, others, parsed, rounded, space_of
from osetra.ui.table import Cell, Column, Row, Table

if TYPE_CHECKING:
    from osetra.space.space import Space

_TIERS = {1: "tier 1", 2: "tier 2", 3: "tier 3"}
_COLUMNS = [
    Column(name="tier", label=""), Column(name="name", label="hyperparameter"), Column(name="range", label="range", kind="mono long"),
]  # fmt: skip


class SpaceCard:
    """The third card; `edits` are those that stand there now."""

    def __init__(self, changed: Callable[[], Awaitable[None]]) -> None:
        """changed: called when the edits, or whether they can be read, have changed."""
        self._changed = changed
        self._guess: Guess | None = None
        self._space: Space | None = None
        self._images = False
        self.edits: Mapping[str, str] = {}
        self.why = ""
        """Why the edits cannot be used; empty where they can."""
        with shell.tag("section", "card"):
            shell.text("Space", "h2")
            self._told = shell.text("Choose data to see which hyperparameters are searched, and over what.", "p", "quiet")
            self._table = Table("What is searched", _COLUMNS)
            with shell.tag("div", "line-edit"):
                self._pick = ui.select([], with_input=True, on_change=self._picked).props("outlined dense").classes("field")
                self._pick._props["label"] = "Edit or add"
                self._text = ui.textarea(label="Edits, one a line: name = value or name = range", on_change=self._edited)
                self._text.props("outlined dense autogrow debounce=300 input-class=mono spellcheck=false").classes("grow")
                self._text._props["placeholder"] = "learning_rate = log(1e-4, 0.1)\nnum_layers = 2\noptimizer = choice(adam, momentum)"
            self._why = shell.text("", "p", "problem").props("role=alert")
            self._why.set_visibility(False)
            with shell.tag("details") as self._rest:
                shell.text("Held fixed unless edited", "summary")
                self._fixed = Table("What is held fixed", _COLUMNS[1:])
            self._rest.set_visibility(False)

    def follow(self, guessed: Guess | None, *, images: bool) -> None:
        """Of other data."""
        self._guess, self._images = guessed, images
        self._read()

    def _read(self) -> None:
        made: dict[str, Any] = {}
        self.why = ""
        try:
            self.edits = edits_of(self._text.value or "")
            made = parsed(self.edits)
            self._space = None if self._guess is None else space_of(self._guess, made)
        except SpaceError as error:
            self.why = str(error)
        shell.put(self._why, shell.sentence(self.why) if self.why else "")
        self._why.set_visibility(bool(self.why))
        if not self.why:
            self._show(made)

    def _show(self, made: Mapping[str, Any]) -> None:
        space = self._space
        self._rest.set_visibility(space is not None)
        if space is None or self._guess is None:
            self._table.show([])
            return
        entries = entries_of(space, made)
        searched = [one for one in entries if one.name in space.scales]
        shell.put(
            self._told,
            f"Ranges follow the data, here for about {rounded(self._guess.rows):,} training rows. "
            "A budget of fewer than 12 full trainings leaves tier 3 fixed.",
        )
        self._table.show(
            [Row(key=one.name, mark=_mark(one), cells=[_TIERS.get(one.tier or 0, "besides"), *_cells(one)]) for one in searched]
        )
        fixed = [one for one in entries if one.name not in space.scales]
        self._fixed.show([Row(key=one.name, mark=_mark(one), cells=_cells(one)) for one in fixed])
        names = [one.name for one in entries] + others(space, images=self._images)
        self._pick.set_options(names)

    async def _edited(self) -> None:
        self._read()
        await self._changed()

    async def _picked(self) -> None:
        """A line for the hyperparameter, with what it has now."""
        name = self._pick.value
        if name is None:
            return
        self._pick.value = None
        lines = (self._text.value or "").rstrip()
        if name in edits_or_none(lines):
            return
        now = {one.name: one.range for one in entries_of(self._space, {})} if self._space is not None else {}
        assert name in KNOWN_HYPERPARAMETERS, name
        self._text.value = f"{lines}\n{name} = {now.get(name, '')}".lstrip("\n")


def _cells(one: Entry) -> list[str | Cell]:
    return [Cell(text=one.name, note="edited" if one.is_edited else ""), Cell(text=one.range, note=one.meaning)]


def _mark(one: Entry) -> str:
    return "edited" if one.is_edited else ""


def edits_or_none(text: str) -> Mapping[str, str]:
    """The edits, or none while a line is half written."""
    try:
        return edits_of(text)
    except SpaceError:
        return {}
