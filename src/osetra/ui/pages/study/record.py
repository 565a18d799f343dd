"""The tab of a study's record: what was done, plan beside actual, events, the space and its edits, where it ran, how to repeat it.

Knows nothing of: how any of it came about.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from osetra.core.records import Event, Study, Task
from osetra.report import repeating, told, words
from osetra.report.gathered import Gathered
from osetra.report.lineage import told as told_event
from osetra.ui import shell
from osetra.ui.pages.study.cards import FigureCard, card
from osetra.ui.pages.study.live import Live
from osetra.ui.table import Cell, Column, Row, Table

if TYPE_CHECKING:
    from osetra.space.space import Space

TAB = "record"
MOST_EVENTS = 60
_PLANNED = {"train_s": "seconds of training", "epoch_s": "seconds of an epoch", "full_trainings": "trainings to the end, in epochs spent"}


def build(live: Live) -> None:
    """Into the panel."""
    with shell.tag("div", "pairs"):
        Record(live)
        with card("Events", is_wide=True):
            FigureCard(live, TAB, "events")
            Events(live)


class Events:
    """The last of those that not every trial has."""

    def __init__(self, live: Live) -> None:
        self._live = live
        columns = [
            Column(name="at", label="time"), Column(name="trial", label="trial"), Column(name="epoch", label="epoch", kind="number"),
            Column(name="what", label="what happened", kind="long"), Column(name="who", label="who"),
        ]  # fmt: skip
        self._table = Table("Events beside starts, promotions and ends, the last first", columns, is_named=True)
        live.follow(self._refresh, tab=TAB)

    async def _refresh(self) -> None:
        live = self._live
        events = await live.read(lambda: live.reading.notable(live.name, limit=MOST_EVENTS))
        self._table.show([self._row(event) for event in reversed(events)])

    def _row(self, event: Event) -> Row:
        number = event.trial
        trial = "-" if number is None else Cell(text=str(number), href=shell.address("study", self._live.name, "trial", number))
        return Row(
            key=f"{event.at.isoformat()} {number} {event.kind}",
            cells=[
                f"{event.at.astimezone():%Y-%m-%d %H:%M:%S}", trial, "-" if event.epoch is None else f"{event.epoch:,}",
                told_event(event, self._live.header.error_name) or event.kind, event.who,
            ],
        )  # fmt: skip


class Record:
    """What is written once, or when the study is over; made anew only then."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._shown: object = None
        self._place = shell.tag("div", "pairs wide")
        live.follow(self._refresh, tab=TAB)

    async def _refresh(self) -> None:
        study = self._live.study
        if study.record == self._shown:
            return
        self._shown = study.record
        space = study.space if "space" in study.facts else None
        of = Gathered(study=study.record, best=self._live.header.best, space=space)
        self._place.clear()
        with self._place:
            with shell.tag("div", "stack"):
                with card("What was done"):
                    for line in told.what_was_done(of):
                        shell.text(line)
                    _folded("How the search narrowed", told.how_it_narrowed(of))
                    notes = study.facts.get("notes") or ()
                    _folded(words.counted(len(notes), "note") + " on the data", notes)
                _plan(study.facts.get("plan") or {})
            with shell.tag("div", "stack"):
                with card("Where and with what"):
                    shell.facts({name: value for name, value in _environment(study.record).items() if value})
                if space is not None:
                    _space(space, study.facts.get("space_history"))
            with card("To repeat it", is_wide=True):
                command = repeating.command(study.record)
                shell.text(command or repeating.call(study.record, space), "pre")
                if command:
                    with shell.tag("details"):
                        shell.text("The same in Python", "summary")
                        shell.text(repeating.call(study.record, space), "pre")


def _space(space: "Space", history: Mapping[str, Any] | None) -> None:
    """The space, and how it came about where it was edited."""
    with card("The space that was searched"):
        shell.text(space.describe(), "pre")
        if history is not None:
            from osetra.space.history import SpaceHistory

            shell.text("How it came about", "h3")
            shell.text(SpaceHistory.from_dict(history).describe(), "pre")


def _folded(title: str, lines: Any) -> None:
    if lines:
        with shell.tag("details"):
            shell.text(title, "summary")
            with shell.tag("ul"):
                for line in lines:
                    shell.text(line, "li")


def _plan(plan: Mapping[str, Any]) -> None:
    predicted, actual = plan.get("predicted") or {}, plan.get("actual") or {}
    if not predicted:
        return
    from osetra.report.plan_words import plan_sentences

    rows = [
        Row(key=name, cells=[_PLANNED.get(name) or name.replace("_", " "), _plain(predicted[name]), _plain(actual[name])])
        for name in actual
        if isinstance(predicted.get(name), int | float) and isinstance(actual[name], int | float)
    ]
    columns = [
        Column(name="what", label=""), Column(name="plan", label="predicted", kind="number"),
        Column(name="came", label="actual", kind="number"),
    ]  # fmt: skip
    with card("Planned and actual"):
        if rows:
            Table("What a probe of a few seconds predicted, and what came", columns, rows)
        # A plan of another version may lack what these sentences speak of.
        with suppress(KeyError):
            _folded("The whole plan", plan_sentences(predicted))


def _plain(value: Any) -> str:
    return f"{value:,.3g}" if isinstance(value, float) and value < 1000 else f"{value:,.0f}"


def _environment(study: Study) -> dict[str, Any]:
    facts = study.facts
    place, known = facts.get("environment") or {}, facts.get("fingerprint") or {}
    return {
        "Objective" if study.task is Task.OBJECTIVE else "Data": study.source,
        "Rows": f"{known['rows']:,}" if "rows" in known else None,
        "Fingerprint": f"sha256 {known['sha256']}" if "sha256" in known else None,
        "Split": (facts.get("split") or {}).get("rule"),
        "Seed": str(study.seed),
        "Python": place.get("python"),
        "Versions": ", ".join(f"{name} {version}" for name, version in (place.get("versions") or {}).items()),
        "Machine": f"{place['processor']}, {place['platform']}, {words.counted(place['workers'], 'trial')} at a time" if place else None,
        "Model": facts.get("model"),
        "Ended": f"{study.finished.astimezone():%Y-%m-%d %H:%M:%S}" if study.finished else None,
    }
