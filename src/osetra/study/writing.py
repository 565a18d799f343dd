"""One writer a study: claimed while it is worked on, with a sign of life now and then, and no write once the claim is lost.

Knows nothing of: what is written.
"""

import secrets
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, cast

from osetra.core.errors import OsetraError, StudyError
from osetra.core.ports import Store
from osetra.core.records import Study

BEAT_S = 15.0
AGAIN_S = 0.05
"""After which those who only ask whether somebody trains a study, and claim it for that, have let go of it again."""


class Claim:
    """`is_lost`: another process took the study over, since this one had given no sign of life; it must write no more."""

    def __init__(self, store: Store, owner: str) -> None:
        self.is_lost = False
        self.store = cast("Store", _Held(store, owner))
        """The study's store, which refuses with a StudyError to write the study once the claim is lost, or given back."""


class _Held:
    """A store to which the claim is told with every write, so that those who write need not know of it."""

    def __init__(self, store: Store, owner: str) -> None:
        self._store, self._owner = store, owner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def update_study(self, study: Study) -> None:
        self._store.update_study(study, owner=self._owner)

    def record(self, study: str, **what: Any) -> None:
        self._store.record(study, **what, owner=self._owner)

    def drop_checkpoints(self, study: str, which: Sequence[tuple[int, int]]) -> None:
        self._store.drop_checkpoints(study, which, owner=self._owner)

    def answer_command(self, study: str, command: int, **answer: Any) -> None:
        self._store.answer_command(study, command, **answer, owner=self._owner)


@contextmanager
def writing(store: Store, study: str, *, beat_s: float = BEAT_S) -> Iterator[Claim]:
    """Be the one writer of a study meanwhile. Raises StudyError, saying who, if another process is."""
    owner = secrets.token_hex(8)
    try:
        store.claim(study, owner)
    except StudyError:
        time.sleep(AGAIN_S)
        store.claim(study, owner)
    claim, over = Claim(store, owner), threading.Event()

    def beat() -> None:
        while not over.wait(beat_s):
            try:
                store.beat(study, owner)
            except StudyError:
                claim.is_lost = True
                return
            except OsetraError:
                # A store that is busy or full for a moment; who writes to it next will hear of it.
                continue

    thread = threading.Thread(target=beat, name="osetra-beat", daemon=True)
    thread.start()
    try:
        yield claim
    finally:
        over.set()
        thread.join()
        with suppress(OsetraError):
            store.release(study, owner)
