"""`osetra ui`: the dashboard as a web server.

Knows nothing of: what pages show.
"""

from dataclasses import dataclass
from pathlib import Path

from osetra.store.sql import open_store
from osetra.ui.reading import Reading


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard:
    """What all pages share."""

    reading: Reading
    folder: Path
    """The working folder: nothing outside it is read."""


def serve(store: str, *, folder: str | Path = ".", host: str = "127.0.0.1", port: int = 8888) -> None:
    """Serve until interrupted."""
    from nicegui import ui

    from osetra.ui.pages import studies

    dashboard = Dashboard(reading=Reading(open_store(store, create=False, read_only=True), store), folder=Path(folder).resolve())
    studies.install(dashboard)
    ui.run(host=host, port=port, title="osetra", reload=False, show=False, dark=None, tailwind=False, show_welcome_message=False)
