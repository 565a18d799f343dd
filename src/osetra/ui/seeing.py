"""Looking again and again while a page is open: as often as asked while a person can see it, seldom while nobody can.

The browser tells (theme.js) when a page goes out of view, behind another tab or window or on a telephone that is put away, and when it
comes into view again. What nobody sees then takes nothing from those who train.

Knows nothing of: what is looked at.
"""

import time
from collections.abc import Awaitable, Callable

from nicegui import ui
from nicegui.events import GenericEventArguments

UNSEEN_S = 10.0
"""Between two looks at a page that nobody sees."""
EVENT = "osetra-seen"


def every(seconds: float, look: Callable[[], Awaitable[None]], *, immediate: bool = True) -> None:
    """Have the page of this request looked at so often, and at once when it comes into view. immediate: the first time now."""
    client, is_seen, looked = ui.context.client, True, time.monotonic()

    async def look_if_seen() -> None:
        nonlocal looked
        # A page that was closed is kept for a while, as it may come back.
        if client.has_socket_connection and (is_seen or time.monotonic() - looked >= UNSEEN_S):
            looked = time.monotonic()
            await look()

    async def heard(event: GenericEventArguments) -> None:
        nonlocal is_seen
        was_seen, is_seen = is_seen, event.args is not False
        if is_seen and not was_seen:
            await look()

    ui.on(EVENT, heard)
    ui.timer(seconds, look_if_seen, immediate=immediate)
