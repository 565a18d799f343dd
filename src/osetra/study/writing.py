"""One writer a study: claimed while it is worked on, with a sign of life now and then.

Knows nothing of: what is written.
"""

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from osetra.core.errors import OsetraError, StudyError
from osetra.core.ports import Store

BEAT_S = 15.0


class Claim:
    """`is_lost`: another process took the study over, since this one had given no sign of life; it must write no more."""

    def __init__(self) -> None:
        self.is_lost = False


@contextmanager
def writing(store: Store, study: str, *, beat_s: float = BEAT_S) -> Iterator[Claim]:
    """Be the one writer of a study meanwhile. Raises StudyError, saying who, if another process is."""
    owner = secrets.token_hex(8)
    store.claim(study, owner)
    claim, over = Claim(), threading.Event()

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
