"""The verb `ui`: the dashboard, in a browser."""

import importlib.util

from osetra.core.errors import MissingExtra


def run_ui(store: str, *, folder: str, host: str, port: int, show: bool) -> None:
    """Serve until Ctrl-C. Raises MissingExtra without NiceGUI."""
    if importlib.util.find_spec("nicegui") is None:
        raise MissingExtra('the dashboard needs NiceGUI, which is not installed; run: pip install "osetra[ui]"')
    from osetra.ui.server import serve

    serve(store, folder=folder, host=host, port=port, show=show)
