"""A Plotly figure on a page: drawn in the browser in the page's theme, described in words, its points clickable.

Knows nothing of: studies, which figures there are.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nicegui import ui
from nicegui.element import Element

from osetra.report.figures.theme import template, text_of, title_of
from osetra.ui.drawn import drawn

if TYPE_CHECKING:
    import plotly.graph_objects as go

assert ui.plotly, "its import registers the Plotly bundle that figure.js imports"
_TEMPLATES = {"light": template(), "dark": template(dark=True)}


class Figure(Element, component=Path("figure.js")):
    """What `report.figures` made, as an element. `show` puts another in its place; a person's zoom stays."""

    def __init__(self, made: "go.Figure", *, caption: bool = True) -> None:
        """caption: whether its words stand below it; they are its text for those who do not see it in any case."""
        super().__init__()
        self._caption = caption
        self._props["templates"] = _TEMPLATES
        self.show(made)

    def show(self, made: "go.Figure") -> None:
        """Draw this figure from now on."""
        text = drawn(made)
        if self._props.get("drawn") is text:
            return
        self._props["drawn"] = text
        self._props["label"] = f"{title_of(made)}. {text_of(made)}"
        self._props["caption"] = text_of(made) if self._caption else ""
        self.update()

    def on_point(self, heard: Callable[[dict[str, Any]], Any]) -> "Figure":
        """Call with x, y, curve (its place), name and custom data of a point that is clicked."""
        self.on("point", lambda event: heard(event.args))
        return self
