"""The first tab of a study: what is to be said of it in a sentence, its curves, and what is trained now.

Knows nothing of: how figures are drawn.
"""

from nicegui import ui

from osetra.core.errors import OsetraError
from osetra.core.records import Task, Trial, TrialState
from osetra.report import told, words
from osetra.report.gathered import Gathered, searched
from osetra.ui import shell
from osetra.ui.pages.study.actions import Actions, applied_by
from osetra.ui.pages.study.cards import FigureCard, card
from osetra.ui.pages.study.live import Live, has_epochs
from osetra.ui.table import Cell, Column, Row, Table

TAB = "overview"
MOST_ROWS = 12
COLOURS = {"trial": "the best", "wave": "when they began", "rung": "how far they came"}
"""How curves are told apart, as the figure names it and as a person reads it."""


def build(live: Live) -> None:
    """Into the panel."""
    Verdict(live)
    with shell.tag("div", "beside"):
        with shell.tag("div", "stack"):
            if has_epochs(live.header):
                Curves(live)
            if live.header.task is Task.OBJECTIVE:
                with card("What each trial came to"):
                    FigureCard(live, TAB, "leaderboard")
            Training(live)
        Best(live)


class Verdict:
    """The study in one sentence, and the first thing to do."""

    def __init__(self, live: Live) -> None:
        self._live = live
        with shell.tag("section", "card verdict").props('aria-label="Verdict"'):
            self._sentence = shell.text("", "p", "lead")
            self._actions = Actions(live, most=1)
        live.follow(self._refresh, tab=TAB)

    async def _refresh(self) -> None:
        live = self._live
        study = live.study
        try:
            found = await live.read(live.reading.diagnosis, live.name)
        except OsetraError:
            found = None
        gathered = Gathered(
            study=study.record, best=live.header.best, trials=range(live.header.trials),  # pyright: ignore[reportArgumentType]
            diagnosis=None if found is None else found.to_dict(), broke_off=None if live.heard is None else live.heard.broke_off,
        )  # fmt: skip
        shell.put(self._sentence, told.verdict(gathered))
        self._actions.show(gathered, applied_by(found))


class Curves:
    """Dev error by epoch, as trials train."""

    def __init__(self, live: Live) -> None:
        self._live = live
        with card("Curves"):
            with shell.tag("div", "row fields"):
                self._by = (
                    ui.select(COLOURS, value="trial", label="Coloured by", on_change=self._draw).props("outlined dense").classes("field")
                )
                self._log = ui.checkbox("Log axis", on_change=self._draw).props("dense")
                shell.text("Drag to zoom, double-click for all; click a point to open its trial.", "p", "quiet small")
            self._figure = FigureCard(live, TAB, "curves", by="trial", log=False)

    async def _draw(self) -> None:
        await self._figure.draw(by=self._by.value, log=bool(self._log.value))


class Training:
    """Trials in training now, and those that people took in hand; gone once there are none."""

    def __init__(self, live: Live) -> None:
        self._live = live
        columns = [
            Column(name="trial", label="trial"), Column(name="state", label="state"), Column(name="epochs", label="epochs", kind="number"),
            Column(name="error", label=words.part("dev", live.header.error_name), kind="number"),
            Column(name="reason", label="why", kind="long"),
        ]  # fmt: skip
        with card("In training now") as self._card:
            self._table = Table("Trials in training now", columns)
            self._more = shell.text("", "p", "quiet small")
        self._card.set_visibility(False)
        live.follow(self._refresh, tab=TAB)

    async def _refresh(self) -> None:
        live = self._live
        header = live.header
        trials, left = await live.read(self._read)
        errors = words.errors([trial.dev_error for trial in trials], header.error_name)
        self._table.show(
            Row(
                key=trial.number,
                cells=[
                    Cell(text=str(trial.number), href=shell.address("study", live.name, "trial", trial.number)),
                    Cell(text=str(trial.state), state=str(trial.state)), f"{trial.epochs:,}", error,
                    "in your hands" if trial.number in header.in_hand and not trial.reason else trial.reason,
                ],
            )
            for trial, error in zip(trials, errors, strict=True)
        )  # fmt: skip
        shell.put(self._more, f"{left:,} more." if left > 0 else "")
        self._card.set_visibility(bool(trials))

    def _read(self) -> tuple[list[Trial], int]:
        """Those to show, and how many more there are."""
        live, header = self._live, self._live.header
        if not header.is_live or live.has_broken_off:
            return [], 0
        held = [live.reading.trial(live.name, number) for number in header.in_hand[:MOST_ROWS]]
        page = live.reading.page(live.name, order_by="number", states=[TrialState.RUNNING], limit=MOST_ROWS)
        others = [trial for trial in page.trials if trial.number not in header.in_hand]
        shown = [trial for trial in held if not trial.state.is_over] + others
        return shown[:MOST_ROWS], max(0, page.total - len(page.trials)) + len(shown[MOST_ROWS:])


class Best:
    """The best trial and its configuration."""

    def __init__(self, live: Live) -> None:
        self._live = live
        with card("The best trial") as self._card:
            with shell.tag("p"):
                self._link = shell.link("", "")
                self._told = shell.text("", "span")
            self._settings = shell.tag("dl", "facts")
        self._card.set_visibility(False)
        self._shown: object = None
        live.follow(self._refresh, tab=TAB)

    async def _refresh(self) -> None:
        live, best = self._live, self._live.header.best
        self._card.set_visibility(best is not None)
        if best is None:
            return
        error_name = live.header.error_name
        self._link._props["href"] = shell.address("study", live.name, "trial", best.number)
        self._link.update()
        shell.put(self._link, f"Trial {best.number}")
        ran = f" after {words.counted(best.best_epoch or best.epochs, 'epoch')}" if best.epochs > 1 else ""
        shell.put(self._told, f": {words.part('dev', error_name)} {words.error(best.dev_error, error_name)}{ran}")
        study = live.study
        settings = searched(best.configuration, study.space if "space" in study.facts else None)
        shown = {name: words.value(settings[name]) for name in words.in_order(settings)}
        if shown != self._shown:
            self._shown = shown
            self._settings.clear()
            with self._settings:
                for name, value in shown.items():
                    shell.text(name, "dt")
                    shell.text(value, "dd")
