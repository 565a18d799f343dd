"""The card with the curve of a trial: error or loss, on an even or a log axis, smoothed or not; a click on it offers to go back there.

Knows nothing of: commands.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from nicegui import ui

from osetra.core.errors import OsetraError
from osetra.ui import shell
from osetra.ui.figure import Figure
from osetra.ui.pages.trial.seen import Seen

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from osetra.ui.reading import Reading


class CurveCard:
    """`show` draws the curve as it is now; what a person chose and zoomed to stays."""

    def __init__(self, reading: "Reading", seen: Seen, on_epoch: Callable[[int], Awaitable[None]]) -> None:
        self._reading, self._seen, self._on_epoch = reading, seen, on_epoch
        self._is_loss, self._is_log, self._smoothing = False, False, 0.0
        self._made: go.Figure | None = None
        self._figure: Figure | None = None
        with shell.tag("section", "card curve").props('aria-label="Curve"'):
            with shell.tag("div", "between"):
                shell.text("Curve", "h2")
                with shell.tag("div", "row"):
                    self._choices = {
                        "error": shell.button("Error", lambda: self._choose(is_loss=False)),
                        "loss": shell.button("Loss", lambda: self._choose(is_loss=True)),
                        "log": shell.button("Log axis", self._toggle_log),
                    }
                    with shell.tag("div", "smoothing"):
                        self._label = shell.text("smoothing off", "span", "small quiet")
                        slider = ui.slider(min=0, max=0.98, step=0.02, value=0, on_change=lambda change: self._smooth(change.value))
                        slider.props["aria-label"] = "smoothing: the weight of the past"
            self._body = shell.tag("div")
            with self._body:
                self._nothing = shell.text("No epoch is completed yet; the first point comes with the first epoch.", classes="quiet")
            self._hint = shell.text("Click a point to roll the trial back to the end of its epoch.", classes="quiet small")
        self._press()

    async def show(self, seen: Seen) -> None:
        """From now on this is so."""
        self._seen = seen
        self._hint.set_visibility(not seen.why_not and bool(seen.curve))
        if not seen.curve:
            return
        # Drawn once for all who look; it is another figure whenever it differs.
        options = {"log": self._is_log, "loss": self._is_loss, "smoothing": self._smoothing}
        try:
            made = await asyncio.to_thread(self._reading.figure, seen.record.name, "trial", seen.trial.number, **options)
        except OsetraError:
            # It was rolled back to its start meanwhile.
            return
        if made is self._made:
            return
        self._made = made
        if self._figure is None:
            self._nothing.set_visibility(False)
            with self._body:
                self._figure = Figure(made).on_point(self._clicked)
        else:
            self._figure.show(made)

    async def _clicked(self, point: dict[str, Any]) -> None:
        epoch = (point.get("custom") or [None])[0]
        if isinstance(epoch, int):
            await self._on_epoch(epoch)

    async def _choose(self, *, is_loss: bool) -> None:
        self._is_loss = is_loss
        await self._again()

    async def _toggle_log(self) -> None:
        self._is_log = not self._is_log
        await self._again()

    async def _smooth(self, weight: float | None) -> None:
        self._smoothing = float(weight or 0)
        shell.put(self._label, f"smoothing {self._smoothing:.2f}" if self._smoothing else "smoothing off")
        await self._again()

    async def _again(self) -> None:
        self._press()
        await self.show(self._seen)

    def _press(self) -> None:
        pressed = {"error": not self._is_loss, "loss": self._is_loss, "log": self._is_log}
        for name, is_pressed in pressed.items():
            self._choices[name]._props["aria-pressed"] = str(is_pressed).lower()
            self._choices[name].update()
