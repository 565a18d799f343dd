"""Which studies are due for a re-test, looked at beside everything else: a data file is read for it, which may take long.

Knows nothing of: what makes a study due.
"""

import time
from collections.abc import Callable
from queue import SimpleQueue
from threading import Lock, Thread

from osetra.core.errors import OsetraError
from osetra.study.due import Due, can_be_retested, due, policy_of
from osetra.study.handle import Study

AGAIN_S = 600.0
"""After which a study is looked at again."""


class Dues:
    """One thread looks at one study after the other; whoever asks is told what is known."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        """tell: called with a study's name once more is known of it."""
        self._tell = tell
        self._known: dict[str, Due | None] = {}
        self._asked: dict[str, float] = {}
        self._queue: SimpleQueue[tuple[str, Callable[[], Study]]] = SimpleQueue()
        self._lock = Lock()
        self._thread: Thread | None = None

    def get(self, name: str, find: Callable[[], Study]) -> Due | None:
        """How the study stood when it was last looked at; None: not looked at yet, or it cannot be re-tested. find: the study."""
        with self._lock:
            if time.monotonic() - self._asked.get(name, -AGAIN_S) >= AGAIN_S:
                self._asked[name] = time.monotonic()
                self._queue.put((name, find))
                if self._thread is None:
                    # It ends with the process, whatever it is reading.
                    self._thread = Thread(target=self._look, name="osetra-due", daemon=True)
                    self._thread.start()
            return self._known.get(name)

    def _look(self) -> None:
        while True:
            name, find = self._queue.get()
            found = None
            try:
                study = find()
                if can_be_retested(study):
                    found = due(study, policy_of(study))
            except OsetraError:
                # What cannot be looked at is not called due.
                found = None
            except Exception:  # noqa: BLE001 -- a thread that died would leave all others unlooked at
                found = None
            with self._lock:
                is_new = name not in self._known or self._known[name] != found
                self._known[name] = found
            if is_new:
                self._tell(name)
