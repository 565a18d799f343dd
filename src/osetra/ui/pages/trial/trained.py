"""Whether somebody trains a study: its record says so, and goes on saying so where the process was killed.

Knows nothing of: pages.
"""

import time
from contextlib import suppress
from typing import TYPE_CHECKING

from osetra.core.errors import OsetraError
from osetra.core.records import StudyState
from osetra.study.apply import writable
from osetra.study.steer import is_worked_on

if TYPE_CHECKING:
    from osetra.study.handle import Study

STILL_S = 10.0
"""As long as something new comes somebody trains; after so long without, it is asked who writes the study."""


class Trained:
    """Looks at one study, again and again."""

    def __init__(self) -> None:
        self._version: object = None
        self._since = 0.0
        self._is = False

    @property
    def is_due(self) -> bool:
        """Whether nothing new came for so long that it is to be asked again."""
        return self._is and time.monotonic() - self._since >= STILL_S

    def look(self, study: "Study", version: object) -> bool:
        """Whether somebody trains it. version: of what is recorded of the study; once nobody does, it is asked again when that changes."""
        if study.record.state is not StudyState.RUNNING:
            self._version, self._is = version, False
        elif (version != self._version and not self._is) or self.is_due:
            self._is = _is_written(study)
            self._version, self._since = version, time.monotonic()
        elif version != self._version:
            self._version, self._since = version, time.monotonic()
        return self._is


def _is_written(study: "Study") -> bool:
    # A store that may only be read tells nothing of it, and steers nothing.
    with suppress(OsetraError):
        store = writable(study)
        try:
            return is_worked_on(store, study.name)
        finally:
            if store is not study.store:
                store.close()
    return False
