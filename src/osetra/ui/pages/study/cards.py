"""Pieces that the tabs of a study's page are made of: a card under its heading, a figure that follows the study, or why there is none.

Knows nothing of: which there are.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from nicegui import ui
from nicegui.element import Element

from osetra.core.errors import OsetraError
from osetra.ui import shell
from osetra.ui.figure import Figure
from osetra.ui.pages.study.live import Live


@contextmanager
def card(title: str, *, is_wide: bool = False, classes: str = "") -> Iterator[Element]:
    """A section with a heading."""
    with shell.tag("section", f"card {'wide' if is_wide else ''} {classes}") as made:
        shell.text(title, "h2")
        yield made


class FigureCard:
    """A figure of `study.plot`, kept up to date; while it cannot be drawn, why."""

    def __init__(self, live: Live, tab: str, kind: str, *arguments: Any, within: Element | None = None, **options: Any) -> None:
        """kind, arguments and options: as `Reading.figure` takes them. within: an element that is not shown while there is no figure."""
        self._live, self._kind, self._within = live, kind, within
        self._arguments, self._options = arguments, options
        self._figure: Figure | None = None
        with shell.tag("div", "figure-place") as self._place:
            self._why = shell.text("Drawing …", "p", "quiet")
        self._part = live.follow(self._refresh, tab=tab)

    async def draw(self, *arguments: Any, **options: Any) -> None:
        """With other arguments and options from now on."""
        self._arguments, self._options = arguments, options
        self._part.ask()
        await self._live.look()

    async def _refresh(self) -> None:
        reading, name = self._live.reading, self._live.name
        arguments, options = self._arguments, self._options
        try:
            made = await self._live.read(lambda: reading.figure(name, self._kind, *arguments, **options))
        except OsetraError as error:
            if self._within is not None:
                self._within.set_visibility(False)
            if self._figure is not None:
                self._figure.delete()
                self._figure = None
            shell.put(self._why, shell.sentence(str(error)))
            self._why.set_visibility(True)
            return
        self._why.set_visibility(False)
        if self._within is not None:
            self._within.set_visibility(True)
        if self._figure is None:
            with self._place:
                self._figure = Figure(made).on_point(self._clicked)
        else:
            self._figure.show(made)

    def _clicked(self, point: dict[str, Any]) -> None:
        number = trial_of(point.get("custom"))
        if number is not None:
            ui.navigate.to(shell.address("study", self._live.name, "trial", number))


def trial_of(custom: Any) -> int | None:
    """The trial that a point of a figure is of, where it says so: its custom data, or the first of them."""
    first = custom[0] if isinstance(custom, list) and custom else custom
    return first if isinstance(first, int) and not isinstance(first, bool) else None
