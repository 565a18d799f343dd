"""What is made once for all who look: kept by the version of what it was made of, and not made anew too often.

While things change, what takes long is shown a little late rather than made for every change: at most once in `EVERY_S`, and so that it
takes no more than one part in `PATIENCE` of a core, which those who train would miss. Who was handed something late hears of it by
`Shared.turn`, which goes up once it may be made anew.

Knows nothing of: studies, figures.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, TypeVar

from osetra.core.errors import OsetraError

EVERY_S = 0.9
"""A little less than the second in which pages ask, so that each time they ask there is something new."""
PATIENCE = 20
LONGEST_S = 60.0
"""Whatever it took to make, it is made anew after so long."""
MOST_KEPT = 100

T = TypeVar("T")


@dataclass(slots=True, kw_only=True)
class _Made:
    group: str
    lock: Lock = field(default_factory=Lock)
    version: Hashable = None
    value: Any = None
    trouble: OsetraError | None = None
    """Raised instead of a value: that there is none is known as well as what there is."""
    is_made: bool = False
    at: float = 0.0
    took: tuple[float, float] = (0.0, 0.0)
    """Seconds of a core, the last two times: on a busy machine the clock would say more, and any one time may have swept up garbage."""

    @property
    def due(self) -> float:
        return self.at + min(LONGEST_S, max(EVERY_S, PATIENCE * min(self.took)))


class Shared:
    """Keeps the last so many things that were made. Any thread may ask; one makes a thing, and others wait for it."""

    def __init__(
        self, most: int = MOST_KEPT, clock: Callable[[], float] = time.monotonic, worked: Callable[[], float] = time.thread_time
    ) -> None:
        """worked: seconds that the thread has had a core so far."""
        self._most, self._clock, self._worked = most, clock, worked
        self._made: OrderedDict[Hashable, _Made] = OrderedDict()
        self._lock = Lock()
        self._due: dict[str, float] = {}
        self._turns: dict[str, int] = {}

    def get(self, group: str, key: Hashable, version: Hashable, make: Callable[[], T], *, is_changing: bool) -> T:
        """What `make` makes, or made for the same version. Raises what `make` raised.

        is_changing: something made for an earlier version will do if that is not long ago, or is just being made anew.
        """
        with self._lock:
            made = self._made.get((group, key))
            if made is None:
                made = self._made[group, key] = _Made(group=group)
            self._made.move_to_end((group, key))
            while len(self._made) > self._most:
                self._made.popitem(last=False)
        if self._will_do(made, version, is_changing=is_changing):
            return _given(made)
        can_wait = made.is_made and is_changing
        if not made.lock.acquire(blocking=not can_wait):
            self._note(made)
            return _given(made)
        try:
            # Another thread may have made it while this one waited.
            if not self._will_do(made, version, is_changing=is_changing):
                self._make(made, version, make)
            return _given(made)
        finally:
            made.lock.release()

    def turn(self, group: str) -> int:
        """Goes up when something of this group that was handed out late may be made anew."""
        with self._lock:
            if group in self._due and self._clock() >= self._due[group]:
                del self._due[group]
                self._turns[group] = self._turns.get(group, 0) + 1
            return self._turns.get(group, 0)

    def wake(self, group: str) -> None:
        """Something of this group is new that no version tells of."""
        with self._lock:
            self._turns[group] = self._turns.get(group, 0) + 1

    def clear(self) -> None:
        with self._lock:
            self._made.clear()

    def _will_do(self, made: _Made, version: Hashable, *, is_changing: bool) -> bool:
        if not made.is_made:
            return False
        if made.version == version:
            return True
        if is_changing and self._clock() < made.due:
            self._note(made)
            return True
        return False

    def _make(self, made: _Made, version: Hashable, make: Callable[[], Any]) -> None:
        before = self._worked()
        value, trouble = None, None
        try:
            value = make()
        except OsetraError as error:
            trouble = error
        made.value, made.trouble, made.version, made.is_made = value, trouble, version, True
        took = self._worked() - before
        made.at, made.took = self._clock(), (made.took[1] or took, took)

    def _note(self, made: _Made) -> None:
        with self._lock:
            self._due[made.group] = min(self._due.get(made.group, made.due), made.due)


def _given(made: _Made) -> Any:
    trouble = made.trouble
    if trouble is not None:
        # Anew, since each raising adds its own stack to what is raised.
        raise type(trouble)(*trouble.args)
    return made.value
