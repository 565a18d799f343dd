"""The tab of a study's search: which hyperparameters mattered, where the best values lie, how far trials were trained.

Knows nothing of: how figures are drawn.
"""

from nicegui import ui

from osetra.core.errors import OsetraError
from osetra.core.records import Task
from osetra.report import words
from osetra.ui import shell
from osetra.ui.pages.study.cards import FigureCard, card
from osetra.ui.pages.study.live import Live, has_epochs

TAB = "search"


def build(live: Live) -> None:
    """Into the panel."""
    is_objective = live.header.task is Task.OBJECTIVE
    with shell.tag("div", "pairs"):
        if not is_objective:
            with card("What each trial came to", is_wide=True):
                FigureCard(live, TAB, "leaderboard")
        with shell.tag("div", "stack"):
            Scatter(live)
            with card("Importance of each hyperparameter"):
                FigureCard(live, TAB, "importance")
        with shell.tag("div", "stack"):
            with card("Parallel coordinates"):
                FigureCard(live, TAB, "parallel")
            if has_epochs(live.header):
                with card("The ladder: how far trials were trained"):
                    FigureCard(live, TAB, "ladder")


class Scatter:
    """What trials came to against one hyperparameter, which a person chooses."""

    def __init__(self, live: Live) -> None:
        self._live = live
        with card("One hyperparameter"):
            self._select = ui.select([], label="Hyperparameter", on_change=self._draw).props("outlined dense").classes("field")
            self._place = shell.tag("div")
        self._figure: FigureCard | None = None
        live.follow(self._refresh, tab=TAB)

    async def _refresh(self) -> None:
        """The choices, which an edit of the space may change; the weightiest first."""
        live = self._live
        names = await searched_in_order(live)
        if names and names != self._select.options:
            kept = self._select.value if self._select.value in names else names[0]
            self._select.set_options(names, value=kept)
            if self._figure is None:
                with self._place:
                    self._figure = FigureCard(live, TAB, "scatter", kept)
                await live.look()

    async def _draw(self) -> None:
        if self._figure is not None and self._select.value is not None:
            await self._figure.draw(self._select.value)


async def searched_in_order(live: Live) -> list[str]:
    """Hyperparameters that are searched, the weightiest first as the study found them, or else as they are expected to be."""
    study = live.study
    if "space" not in study.facts:
        return []
    names = words.in_order(study.space.names)
    try:
        found = await live.read(live.reading.importance, live.name)
    except OsetraError:
        return names
    order = [one.name for one in found.hyperparameters]
    return sorted(names, key=lambda name: order.index(name) if name in order else len(order))
