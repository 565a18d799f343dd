"""The verbs of a store as a whole: serve it to a browser (ui), bring it up to date (upgrade)."""

from typing import Annotated

import typer

from osetra.cli import DEFAULT_STORE
from osetra.cli.options import StoreOption


def ui(
    store: StoreOption = DEFAULT_STORE,
    folder: Annotated[str, typer.Option(help="Working folder: data are picked from it, models go into it.")] = ".",
    host: Annotated[str, typer.Option(help="Address to listen at; another than 127.0.0.1 asks for a token.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0: a free one.")] = 8888,
    open_: Annotated[bool, typer.Option("--open", help="Open a browser too.")] = False,
) -> None:
    """Serve the dashboard: see every study, steer trials, start fits, in a browser. Ctrl-C ends it."""
    from osetra.cli.ui import run_ui

    run_ui(store, folder=folder, host=host, port=port, show=open_)


def upgrade(store: StoreOption = DEFAULT_STORE) -> None:
    """Bring a store that an older osetra wrote to the version that this one reads; nothing in it is lost."""
    from osetra.cli.upgrade import run_upgrade

    run_upgrade(store)
