"""Commands sent from the page of a trial.

Knows nothing of: which commands there are, what they do.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from osetra.core.errors import OsetraError
from osetra.study.steer import Steer, user
from osetra.ui import shell

if TYPE_CHECKING:
    from osetra.ui.reading import Reading


class Asking:
    """Sends commands of one trial. `said` hears why one was not even asked, and hears an empty text before the next."""

    def __init__(
        self, reading: "Reading", name: str, number: int, *, said: Callable[[str], None], after: Callable[[], Awaitable[None]]
    ) -> None:
        """after: called when a command was given, so that the page shows it at once."""
        self._reading, self._name, self._number = reading, name, number
        self._said, self._after = said, after

    def say(self, text: str) -> None:
        """Why something was not asked."""
        self._said(shell.sentence(text))

    async def ask(self, kind: str, detail: Mapping[str, Any], *, why: str = "") -> bool:
        """Give a command, and do not wait for what comes of it. False: it was refused, or could not be given."""
        self._said("")
        try:
            await asyncio.to_thread(self._give, kind, detail, why)
        except OsetraError as error:
            self.say(str(error))
            return False
        finally:
            await self._after()
        return True

    def _give(self, kind: str, detail: Mapping[str, Any], why: str) -> None:
        study = self._reading.study(self._name)
        Steer(study, self._number, who=f"{user()} (dashboard)").ask(kind, detail, why=why, timeout_s=0.0)
