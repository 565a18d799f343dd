"""The tab of a study's diagnosis: the verdict with its gaps, what to do, what was noticed, and what the network is compared with.

Knows nothing of: how a study is judged.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from osetra.core.errors import OsetraError
from osetra.core.records import Task
from osetra.report import told, words
from osetra.report.gathered import Gathered
from osetra.ui import shell
from osetra.ui.pages.study.actions import Actions, applied_by
from osetra.ui.pages.study.cards import FigureCard, card
from osetra.ui.pages.study.live import Live
from osetra.ui.table import Cell, Column, Row, Table

TAB = "diagnosis"
_FIGURES = (
    {"Beside simple references": "references", "What more rows would bring": "learning_curve"},
    {"Layers of the best network": "layers"},
)
"""Of the two columns."""


def build(live: Live) -> None:
    """Into the panel."""
    is_network = live.header.task is not Task.OBJECTIVE
    with shell.tag("div", "stack"):
        Judged(live, is_network=is_network)
        if is_network:
            with shell.tag("div", "pairs"):
                for of_column in _FIGURES:
                    with shell.tag("div", "stack"):
                        for title, kind in of_column.items():
                            with card(title) as made:
                                FigureCard(live, TAB, kind, within=made)
                with card("Slices: where it is worst", is_wide=True) as made:
                    FigureCard(live, TAB, "slices", within=made)


class Judged:
    """Verdict, gaps, actions and findings."""

    def __init__(self, live: Live, *, is_network: bool) -> None:
        self._live = live
        with shell.tag("section", "card verdict").props('aria-label="Verdict"'):
            self._sentence = shell.text("", "p", "lead")
        if is_network:
            with card("Bias and variance") as self._gaps_card, shell.tag("div", "halves"):
                with shell.tag("div"):
                    FigureCard(live, TAB, "bias_variance")
                with shell.tag("div"):
                    self._gaps = Table("Errors, and the gaps between them", ())
                    self._notes = shell.tag("div", "stack small quiet")
        with card("What to do next") as self._actions_card:
            self._actions = Actions(live)
            self._nothing = shell.text("", "p", "quiet")
        with card("What was noticed") as self._noticed_card:
            self._noticed = shell.tag("ul", "findings")
        self._is_network = is_network
        self._seen: object = None
        live.follow(self._refresh, tab=TAB)

    async def _refresh(self) -> None:
        live = self._live
        record = live.study.record
        why, found, applied = "", None, ()
        try:
            diagnosis = await live.read(live.reading.diagnosis, live.name)
            found, applied = diagnosis.to_dict(), applied_by(diagnosis)
        except OsetraError as error:
            why = str(error)
        of = Gathered(study=record, best=live.header.best, diagnosis=found, no_diagnosis=why)
        judged = found or {}
        shell.put(self._sentence, shell.sentence(str(judged["sentence"])) if found else shell.sentence(why))
        for part in (self._actions_card, self._noticed_card, *([self._gaps_card] if self._is_network else [])):
            part.set_visibility(found is not None)
        if found is None:
            return
        self._actions.show(of, applied)
        shell.put(self._nothing, "" if judged["actions"] else "Nothing stands out: more trials may find more.")
        if self._is_network:
            self._gaps_card.set_visibility(bool(judged.get("errors")))
            if judged.get("errors"):
                show_gaps(self._gaps, judged)
        noticed = told.findings(of)
        self._noticed_card.set_visibility(bool(noticed))
        if (noticed, judged.get("notes")) != self._seen:
            self._seen = noticed, judged.get("notes")
            self._list(noticed)
            if self._is_network:
                self._notes.clear()
                with self._notes:
                    for note in judged.get("notes", ()):
                        shell.text(note)

    def _list(self, noticed: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
        self._noticed.clear()
        with self._noticed:
            for where, one in noticed:
                with shell.tag("li"):
                    with shell.tag("p"):
                        shell.text(f"{one['name'][:1].upper()}{one['name'][1:]} ", "strong")
                        shell.text(f"({where}). ", "span", "quiet")
                        shell.text(shell.sentence(one["sentence"]), "span")
                    with shell.tag("dl", "facts"):
                        for label, name in (("How sure", "certainty"), ("What helps", "remedy")):
                            if one.get(name):
                                shell.text(label, "dt")
                                shell.text(shell.sentence(str(one[name]).removeprefix("sure: ")), "dd")


def show_gaps(into: Table, judged: Mapping[str, Any]) -> None:
    """Errors of the parts, and the gaps between them with intervals and what each is called."""
    name = judged["error_name"]
    rows = [(part, one["value"], one["low"], one["high"], words.counted(one["rows"], "row")) for part, one in judged["errors"].items()]
    rows += [(gap["name"], gap["value"], gap["low"], gap["high"], gap["reading"]) for gap in judged["gaps"]]
    values = words.errors([number for _, *numbers, _ in rows for number in numbers], name)
    columns = [
        Column(name="what", label=""), Column(name="value", label=name, kind="number"),
        Column(name="interval", label="95 % interval", kind="number"),
    ]  # fmt: skip
    shown = []
    for place, (what, *_, reading) in enumerate(rows):
        value, low, high = values[3 * place : 3 * place + 3]
        shown.append(Row(key=what, cells=[Cell(text=what, note=reading), value, f"{low.removesuffix(' %')} to {high}"]))
    into.show(shown, columns=columns)
