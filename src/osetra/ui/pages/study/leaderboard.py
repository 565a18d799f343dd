"""The tab of a study's trials: a leaderboard that is sorted, filtered and cut into pages where the trials are kept.

Knows nothing of: what one trial's page shows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

from nicegui import ui
from nicegui.element import Element

from osetra.core.errors import OsetraError
from osetra.core.ports import Condition, hyperparameter
from osetra.core.records import Task, Trial, TrialState
from osetra.report import words
from osetra.ui import shell
from osetra.ui.pages.study.cards import card
from osetra.ui.pages.study.live import Live, has_epochs
from osetra.ui.pages.study.search import searched_in_order
from osetra.ui.table import Cell, Row, Table
from osetra.ui.table import Column as Heading

if TYPE_CHECKING:
    from osetra.ui.reading import Column, TrialPage

Field = TypeVar("Field", bound=Element)

TAB = "trials"
SIZES = (25, 50, 100)
MOST_SETTINGS = 10
"""Hyperparameters that have a column of their own."""
_LABELS = {
    "number": "trial",
    "state": "state",
    "epochs": "epochs",
    "seconds": "time",
    "train_error": "training",
    "num_parameters": "weights",
}


def build(live: Live) -> None:
    """Into the panel."""
    Leaderboard(live, Place.of(live.asked))


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where in the trials one is; it stands in the address, so that who looks at a trial comes back to it."""

    order: str = "dev_error"
    descending: bool = False
    offset: int = 0

    @classmethod
    def of(cls, asked: Mapping[str, str]) -> "Place":
        """What an address asks for; what makes no sense is left out."""
        offset = asked.get("from", "")
        return cls(
            order=asked.get("sort", cls().order), descending=asked.get("down") == "1",
            offset=int(offset) if offset.isascii() and offset.isdigit() and len(offset) < 10 else 0,
        )  # fmt: skip

    @property
    def query(self) -> str:
        given = (
            {"tab": TAB, "sort": self.order} | ({"down": "1"} if self.descending else {}) | ({"from": self.offset} if self.offset else {})
        )
        return urlencode(given)


class Leaderboard:
    """One page of trials at a time."""

    def __init__(self, live: Live, place: Place) -> None:
        self._live = live
        self._at = place
        self._columns: Sequence[Column] = ()
        self._where: tuple[Condition, ...] = ()
        with card("Trials", is_wide=True):
            with shell.tag("div", "row fields"):
                states = {"": "any state"} | {str(state): str(state) for state in TrialState}
                self._state = _field(ui.select(states, value="", label="State", on_change=self._filter))
                self._number = _field(ui.input("Trial number", on_change=self._filter), "clearable debounce=300 inputmode=numeric")
                self._name = _field(ui.select([], label="Where", on_change=self._filter), "clearable")
                self._low = _field(ui.input("at least", on_change=self._filter), "debounce=400", classes="short")
                self._high = _field(ui.input("at most", on_change=self._filter), "debounce=400", classes="short")
                self._size = _field(ui.select(list(SIZES), value=SIZES[0], label="Rows", on_change=self._filter), classes="short")
            self._told = shell.text("", "p", "quiet small").props("role=status")
            self._table = Table("Trials", ()).on_sort(self._sorted)
            with shell.tag("nav", "row pages").props('aria-label="Pages of trials"'):
                self._back = shell.button("Back", lambda: self._turn(-1), label="Previous page")
                self._on = shell.button("Next", lambda: self._turn(1), label="Next page")
                self._where_told = shell.text("", "span", "quiet small")
        self._part = live.follow(self._refresh, tab=TAB)

    async def _refresh(self) -> None:
        live = self._live
        if not self._columns:
            self._columns = await self._chosen()
            if self._at.order not in {one.key for one in self._columns}:
                self._at = Place()
            numeric = {one.key: one.title for one in self._columns if one.kind == "number" and one.key != "number"}
            self._name.set_options(numeric, value=None)
        try:
            page = await live.read(self._page)
        except OsetraError as error:
            shell.put(self._told, str(error))
            return
        self._show(page)

    def _page(self) -> "TrialPage":
        states = [TrialState(self._state.value)] if self._state.value else []
        at, limit = self._at, self._size.value or SIZES[0]
        return self._live.reading.page(
            self._live.name, order_by=at.order, descending=at.descending, limit=limit, offset=at.offset, states=states, where=self._where
        )

    def _show(self, page: "TrialPage") -> None:
        live, trials = self._live, page.trials
        error_name = live.header.error_name
        written = {key: words.errors([getattr(trial, key) for trial in trials], error_name) for key in ("dev_error", "train_error")}
        best = live.header.best
        rows = [
            Row(
                key=trial.number, mark="best" if best is not None and trial.number == best.number else "",
                cells=[self._cell(column, trial, place, written) for column in self._columns],
            )
            for place, trial in enumerate(trials)
        ]  # fmt: skip
        headings = [
            Heading(
                name=column.key, label=self._label(column), kind="number" if column.kind == "number" and column.key != "number" else "",
                is_sortable=True, title=column.title,
            )
            for column in self._columns
        ]  # fmt: skip
        self._table.show(rows, columns=headings, sort=self._at.order, descending=self._at.descending)
        shell.put(self._told, self._in_words(page))
        last = self._at.offset + len(trials)
        shell.put(self._where_told, f"{self._at.offset + 1:,} to {last:,} of {page.total:,}" if trials else "")
        for button, can in ((self._back, self._at.offset > 0), (self._on, last < page.total)):
            shell.able(button, can)

    def _label(self, column: "Column") -> str:
        if column.key == "dev_error":
            return words.part("dev", self._live.header.error_name)
        return _LABELS.get(column.key, column.title)

    def _cell(self, column: "Column", trial: Trial, place: int, written: dict[str, list[str]]) -> str | Cell:
        if column.key == "number":
            best = self._live.header.best
            note = "best" if best is not None and best.number == trial.number else ""
            return Cell(text=str(trial.number), href=shell.address("study", self._live.name, "trial", trial.number), note=note)
        if column.key == "state":
            return Cell(text=str(trial.state), state=str(trial.state))
        if column.key in written:
            return written[column.key][place]
        if column.key == "seconds":
            return words.duration(trial.seconds)
        value: Any = trial.configuration.get(column.title) if column.searched else getattr(trial, column.key)
        if value is None:
            return "-"
        return words.value(value, 3) if column.searched else f"{value:,}"

    async def _chosen(self) -> "Sequence[Column]":
        """Number, state, error, epochs, time, then what was searched, the weightiest first."""
        live = self._live
        known = {column.key: column for column in await live.read(live.reading.columns, live.name)}
        training = [] if live.header.task is Task.OBJECTIVE else ["train_error"]
        epochs = ["epochs"] if has_epochs(live.header) else []
        keys = ["number", "state", "dev_error", *training, *epochs, "seconds"]
        keys += [hyperparameter(name) for name in (await searched_in_order(live))[:MOST_SETTINGS]]
        return [known[key] for key in keys if key in known]

    def _in_words(self, page: "TrialPage") -> str:
        total = self._live.header.trials
        if not total:
            return "No trial has begun yet."
        if not page.total:
            return f"None of {words.counted(total, 'trial')} is like that; choose another state or range."
        return f"{page.total:,} of {words.counted(total, 'trial')}" if page.total < total else words.counted(total, "trial")

    async def _sorted(self, key: str) -> None:
        await self._go(Place(order=key, descending=key == self._at.order and not self._at.descending))

    async def _filter(self) -> None:
        number = _number(self._number.value)
        low, high = _number(self._low.value), _number(self._high.value)
        where = [] if number is None else [Condition(column="number", among=(int(number),))]
        if self._name.value and (low is not None or high is not None):
            where.append(Condition(column=self._name.value, low=low, high=high))
        self._where = tuple(where)
        await self._go(replace(self._at, offset=0))

    async def _turn(self, pages: int) -> None:
        await self._go(replace(self._at, offset=max(0, self._at.offset + pages * (self._size.value or SIZES[0]))))

    async def _go(self, place: Place) -> None:
        self._at = place
        ui.navigate.history.replace(f"{shell.address('study', self._live.name)}?{place.query}")
        self._part.ask()
        await self._live.look()


def _field(made: Field, more: str = "", *, classes: str = "") -> Field:
    made.props(f"outlined dense {more}").classes(f"field {classes}")
    return made


def _number(text: str | None) -> float | None:
    """Of a text such as 0.05 or 5 %; None for what is none, such as what is being typed."""
    plain = (text or "").strip()
    try:
        return float(plain.removesuffix("%")) / (100 if plain.endswith("%") else 1) if plain else None
    except ValueError:
        return None
