"""A place on a page to drop files, or to choose them: one label with a file input, which keyboards and screen readers reach.

The server's side is NiceGUI's. Knows nothing of: what the files are for.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from nicegui.elements.upload import Upload

from osetra.ui.files import MOST_BYTES


class Drop(Upload, component=Path("drop.js")):
    """Hands over what was dropped or chosen, all of it at once."""

    def __init__(
        self, label: str, *, endings: Sequence[str], multiple: bool, on_files: Callable[..., Any], on_rejected: Callable[..., Any]
    ) -> None:
        """on_files: called with `MultiUploadEventArguments`. on_rejected: called where they are more than 50 MB, or could not be sent."""
        super().__init__(multiple=multiple, auto_upload=True, on_multi_upload=on_files, on_rejected=on_rejected)
        self._props["label"] = label
        self._props["sending"] = "Sending …"
        self._props["accept"] = ",".join(endings)
        self._props["most"] = MOST_BYTES
