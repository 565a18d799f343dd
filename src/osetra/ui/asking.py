"""Asking once before something is done that takes something away.

Knows nothing of: what is asked.
"""

from collections.abc import Sequence
from contextlib import nullcontext

from nicegui import ui
from nicegui.element import Element

from osetra.ui import shell


async def agreed(title: str, lines: Sequence[str], action: str, *, place: Element | None = None) -> bool:
    """Whether a person says yes. place: what the question goes with; by default what holds the button, which may go any moment."""
    with nullcontext() if place is None else place, ui.dialog() as dialog, shell.tag("div", "card asking"):
        dialog.props["aria-label"] = title
        shell.text(title, "h2")
        for line in lines:
            shell.text(line)
        with shell.tag("div", "row end"):
            shell.button("Cancel", lambda: dialog.submit(False)).props("autofocus")
            shell.button(action, lambda: dialog.submit(True), classes="danger")
    answer = await dialog
    dialog.delete()
    return answer is True
