"""When a study was last heard of, and whether anybody still trains it: its record goes on saying so where the process was killed.

As long as something new is recorded somebody trains. After some seconds without, it is asked who writes the study.
Knows nothing of: who wants to know.
"""

import time
from collections.abc import Hashable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING

from osetra.core.errors import OsetraError
from osetra.core.records import StudyState, Trial, TrialState
from osetra.report import words
from osetra.report.words import BROKEN_OFF
from osetra.study.steer import is_worked_on

if TYPE_CHECKING:
    from osetra.study.handle import Study

ASK_S = 5.0
"""Seconds without anything new, after which it is asked, and asked again."""
SILENT_S = 10.0
"""From so long on it is said."""
WAIT_S = 10.0
"""For a store that others are writing, before it is taken not to tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """Of one study, at one moment."""

    is_trained: bool | None
    """Whether somebody trains it; None: its store does not tell, as one that may only be read."""
    silent_s: float
    """Seconds since the last news, as far as they are known; 0.0 where the study is over."""
    state: str
    """As its record says, or `BROKEN_OFF`."""

    @property
    def has_broken_off(self) -> bool:
        """Whether its record says that it is trained, and nobody trains it."""
        return self.state == BROKEN_OFF

    @property
    def sentence(self) -> str:
        """When it was last heard of, where that is long ago; else empty."""
        return f"last heard from {words.duration(self.silent_s)} ago" if self.has_broken_off or self.silent_s >= SILENT_S else ""

    @property
    def broke_off(self) -> datetime | None:
        """When it was last heard of, where it has broken off."""
        return datetime.now(UTC) - timedelta(seconds=self.silent_s) if self.has_broken_off else None

    def state_of(self, trial: Trial) -> str:
        """That of a trial of the study; one whose training broke off with its study does not train."""
        return BROKEN_OFF if self.has_broken_off and trial.state is TrialState.RUNNING else str(trial.state)


def heard(study: "Study") -> Heard:
    """How it stands now, for those who ask once. A study that was made in the last seconds is taken at its word."""
    return Hearing().listen(study, 0)


class Hearing:
    """Listens to the studies of one store, for those who ask again and again. Any thread may ask."""

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}
        self._lock = Lock()

    def listen(self, study: "Study", version: Hashable) -> Heard:
        """How it stands now. version: of what is recorded of the study."""
        record = study.record
        if record.state is not StudyState.RUNNING:
            with self._lock:
                self._known.pop(record.name, None)
            return Heard(is_trained=False, silent_s=0.0, state=str(record.state))
        with self._lock:
            known = self._known.setdefault(record.name, _Known())
        # Two that ask at once would each find the other.
        with known.lock:
            known.listen(study, version)
            silent_s = time.monotonic() - known.since
            state = BROKEN_OFF if known.is_trained is False else str(record.state)
            return Heard(is_trained=known.is_trained, silent_s=silent_s, state=state)


@dataclass(slots=True)
class _Known:
    """Of a study whose record says that it is trained."""

    lock: Lock = field(default_factory=Lock)
    version: Hashable = None
    since: float = 0.0
    """When something was last heard, on the clock that only goes forward."""
    asked: float = 0.0
    is_trained: bool | None = False

    def listen(self, study: "Study", version: Hashable) -> None:
        now, is_new, is_first = time.monotonic(), version != self.version, self.version is None
        self.version = version
        if is_first and _seconds_since(study.record.created) < ASK_S:
            # Whoever asks claims it for a moment; a study that is just being made is claimed by its maker next.
            self.is_trained, self.since = True, now
        elif is_new and self.is_trained is not False:
            self.since = now
        elif is_new or (self.is_trained is not False and now - max(self.since, self.asked) >= ASK_S):
            self.is_trained, self.asked = _is_written(study), now
            if self.is_trained is False and is_first:
                self.since = now - _since_last_event_s(study)
            elif is_new and self.is_trained is not False:
                self.since = now


def _is_written(study: "Study") -> bool | None:
    from osetra.store.sql import open_store

    with suppress(OsetraError):
        if study.place is None:
            return is_worked_on(study.store, study.name)
        store = open_store(study.place, create=False, lock_timeout_s=WAIT_S)
        try:
            return is_worked_on(store, study.name)
        finally:
            store.close()
    return None


def _since_last_event_s(study: "Study") -> float:
    """Epochs have no time of their own, so it may have trained a little longer."""
    events = study.store.last_events(study.name, limit=1)
    return _seconds_since(events[-1].at if events else study.record.created)


def _seconds_since(moment: datetime) -> float:
    return max(0.0, (datetime.now(UTC) - moment).total_seconds())
