"""Connections that are kept for a moment after use, for whoever reads the same file again at once.

To open a connection and to close it takes 0.7 ms, which is more than most questions take. One that was kept is used again only while its
file lies there untouched, so that a file that was moved, deleted, replaced or written over is met as by a connection that is new. None is
kept for long: where no one writes any more, the last connection that closes brings all that was recorded into the one file, which
people copy and move.

Knows nothing of: SQLite, what is read.
"""

import atexit
import os
import time
from collections.abc import Callable, Hashable
from threading import Lock, Thread
from typing import Any
from weakref import WeakSet

from sqlalchemy import Pool
from sqlalchemy.pool import ConnectionPoolEntry

IDLE_S = 3.0
"""Longer than the second in which pages ask again."""
LONGEST_S = 10.0
"""From when it was opened: the log that a killed writer left is brought in also where somebody looks without a pause."""
MOST = 4
"""Connections that are kept at once; each may hold 16 MB of pages."""


class KeptPool(Pool):
    """Hands out connections without limit, and keeps the last few that came back."""

    def __init__(self, creator: Callable[..., Any], lies: Callable[[], Hashable | None], **options: Any) -> None:
        """lies: what lies there now, differing when that was touched; None: none is to be kept. What it raises, whoever asks is told."""
        super().__init__(creator, **options)
        self._lies = lies
        self._idle: list[tuple[ConnectionPoolEntry, float]] = []
        """Each with when it came back; the last to come back is the first to go out."""
        self._is_watched = self._is_over = False
        self._lock, self._process = Lock(), os.getpid()
        _pools.add(self)

    def _do_get(self) -> ConnectionPoolEntry:
        self._be_of_this_process()
        try:
            lies = self._lies()
        except BaseException:
            self._close_idle()
            raise
        record = self._take(lies)
        if record is None:
            record = self._create_connection()
            record.info["opened"] = time.monotonic()
            record.info["lies"] = lies
        return record

    def _do_return_conn(self, record: ConnectionPoolEntry) -> None:
        now = time.monotonic()
        # One that was given up has lost what was known of it.
        is_known = record.info.get("lies") is not None
        if not is_known or self._is_over or now - record.info["opened"] >= LONGEST_S or self._process != os.getpid():
            record.close()
            return
        with self._lock:
            self._idle.append((record, now))
            over = self._idle.pop(0)[0] if len(self._idle) > MOST else None
            is_watched, self._is_watched = self._is_watched, True
        if over is not None:
            over.close()
        if not is_watched:
            try:
                Thread(target=self._watch, name="osetra-idle", daemon=True).start()
            except RuntimeError:
                # No thread begins any more in a process that ends.
                self._is_watched = False
                self._close_idle()

    def dispose(self) -> None:
        """Close those that are kept, and the others as they come back."""
        self._is_over = True
        self._close_idle()

    def recreate(self) -> "KeptPool":
        """Another of the same kind, with none."""
        return KeptPool(
            self._creator, self._lies, recycle=self._recycle, echo=self.echo, logging_name=self._orig_logging_name,
            reset_on_return=self._reset_on_return, pre_ping=self._pre_ping, _dispatch=self.dispatch, dialect=self._dialect,
        )  # fmt: skip

    def status(self) -> str:
        """For people."""
        return f"KeptPool: {len(self._idle)} kept"

    def _take(self, lies: Hashable | None) -> ConnectionPoolEntry | None:
        with self._lock:
            found = self._idle.pop()[0] if self._idle and self._idle[-1][0].info["lies"] == lies else None
            # The others are of the same file as the last that came back, or older.
            stale = [record for record, _ in self._idle if record.info["lies"] != lies]
            self._idle = [kept for kept in self._idle if kept[0].info["lies"] == lies]
        for record in stale:
            record.close()
        return found

    def _watch(self) -> None:
        """Close what nobody uses, until there is none."""
        while True:
            now = time.monotonic()
            with self._lock:
                over = [record for record, since in self._idle if now - since >= IDLE_S]
                self._idle = self._idle[len(over) :]
                self._is_watched = is_needed = bool(self._idle)
                due = self._idle[0][1] + IDLE_S if is_needed else now
            for record in over:
                record.close()
            if not is_needed:
                return
            time.sleep(max(0.01, due - now))

    def _close_idle(self) -> None:
        self._be_of_this_process()
        with self._lock:
            idle, self._idle = self._idle, []
        for record, _ in idle:
            record.close()

    def _be_of_this_process(self) -> None:
        """A process that was forked must leave alone the connections of the one that it comes from, and not even close them."""
        if self._process != os.getpid():
            _of_others.extend(self._idle)
            self._idle, self._is_watched, self._lock, self._process = [], False, Lock(), os.getpid()


_pools: WeakSet[KeptPool] = WeakSet()
_of_others: list[object] = []


@atexit.register
def _close_all() -> None:
    """A process that ends closes what it kept, so that it leaves no log behind."""
    for pool in list(_pools):
        if pool._process == os.getpid():
            pool._close_idle()
