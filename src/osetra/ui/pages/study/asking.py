"""Asking once before something is done that cannot be undone, or that takes its time.

Knows nothing of: what is asked.
"""

from nicegui import ui

from osetra.ui import shell


async def confirmed(title: str, told: str, yes: str, *, is_danger: bool = False) -> bool:
    """Whether a person says yes."""
    with ui.dialog() as dialog, shell.tag("div", "card asking"):
        dialog._props["aria-label"] = title
        shell.text(title, "h2")
        shell.text(told)
        with shell.tag("div", "row end"):
            shell.button("Cancel", lambda: dialog.submit(False))
            shell.button(yes, lambda: dialog.submit(True), classes="danger" if is_danger else "main").props("autofocus")
    answer = await dialog
    dialog.delete()
    return answer is True
