"""What the babysitter suggests for a trial, with a button that does it.

Knows nothing of: rules, how a suggestion is carried out.
"""

from collections.abc import Awaitable, Callable

from osetra.core.records import Event
from osetra.ui import shell
from osetra.ui.pages.trial.happened import suggestion
from osetra.ui.pages.trial.lists import latest_suggestion
from osetra.ui.pages.trial.seen import Seen


class Suggested:
    """A card that is there while something is suggested."""

    def __init__(self, seen: Seen) -> None:
        self._event: Event | None = None
        self._do: Callable[[Event], Awaitable[None]] | None = None
        with shell.tag("section", "card verdict").props('aria-label="Suggestion"') as self._card:
            shell.text("The babysitter suggests", "h2")
            self._seen_so = shell.text("")
            self._what = shell.text("", classes="strong")
            with shell.tag("div", "row"):
                self._button = shell.button("Do it", self._done, classes="main")
        self.show(seen)

    def on_do(self, do: Callable[[Event], Awaitable[None]]) -> None:
        """What the button does."""
        self._do = do

    def show(self, seen: Seen) -> None:
        """From now on this is so."""
        self._event = latest_suggestion(seen)
        self._card.set_visibility(self._event is not None)
        if self._event is not None:
            detail = self._event.detail
            why = str(detail.get("why") or "").rstrip(".")
            what = suggestion(detail)
            shell.put(self._seen_so, f"After epoch {self._event.epoch}: {why}.")
            shell.put(self._what, f"{what[:1].upper()}{what[1:]}.")

    async def _done(self) -> None:
        if self._event is not None and self._do is not None:
            shell.able(self._button, False)
            try:
                await self._do(self._event)
            finally:
                shell.able(self._button, True)
