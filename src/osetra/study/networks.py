"""The networks that are at hand: of trials that train, of those that wait, and of the best of those that are over.

Those that wait lie on a shelf, in memory or on disk. Of those that are over, only the best and the finalists may be needed again; the
others are dropped, with their checkpoints. A trial that stands still between two slices may leave a checkpoint (see `keeping`).
Knows nothing of: when a trial is trained, who steers it.
"""

import bisect
from collections.abc import Callable
from datetime import UTC, datetime

from osetra.core.errors import StoreError
from osetra.core.records import Checkpoint, Trial
from osetra.study.keeping import Keeping
from osetra.study.ledger import Ledger
from osetra.study.past import LAST
from osetra.study.workers import Workers
from osetra.training.checkpoint import pack
from osetra.training.life import Life
from osetra.training.remembered import Remembered
from osetra.training.shelf import Shelf, Waiting


class Networks:
    """Lives of the search's trials by number."""

    def __init__(
        self, ledger: Ledger, workers: Workers, keeping: Keeping, *, keeps: Callable[[int], bool], keep_best: int, memory_bytes: int
    ) -> None:
        """keep_best: how many of the best trials that are over keep their networks. keeps: others that do. memory_bytes: of the shelf."""
        self._ledger, self._workers, self._keeping = ledger, workers, keeping
        self._keeps, self._keep_best = keeps, keep_best
        self._lives: dict[int, Waiting] = {}
        self._shelf = Shelf(memory_bytes)
        self._best: list[tuple[float, int]] = []
        """Dev error and number of the best that are over."""
        self._ledger.drop(keeping.strays)

    def __contains__(self, number: int) -> bool:
        """Whether the trial's life is here, and not on the shelf."""
        return number in self._lives

    def get(self, number: int) -> Waiting | None:
        return self._lives.get(number)

    def put(self, number: int, life: Waiting) -> None:
        """The life that a trial has from now on: one that has begun, or has been woken."""
        self._lives[number] = life

    def put_away(self, number: int) -> None:
        """The trial waits. Raises StoreError where the shelf is on a disk that is full."""
        try:
            self._shelf.put(number, self._lives.pop(number))
        except StoreError:
            # It is not the store that failed, so what is known is recorded, and the trial goes on from there when the study is resumed.
            self._ledger.flush()
            raise

    def take_up(self, number: int) -> None:
        """The trial waits no more."""
        self._lives[number] = self._shelf.take(number)

    def stand(self, number: int) -> None:
        """The trial stands between two slices: time for a checkpoint, perhaps."""
        life = self._lives.get(number)
        if not isinstance(life, Life) or not self._keeping.is_due(number, life.seconds):
            return
        data = pack(life)
        state = life.member.state
        kept = Checkpoint.of(data, trial=number, epoch=state.epoch, why=LAST, step=state.step, at=datetime.now(UTC))
        self._ledger.keep(kept, data)
        self._ledger.drop(self._keeping.keep(number, state.epoch, len(data), life.seconds))

    def end(self, trial: Trial) -> None:
        """The trial is over: it is among the best, and the last of them goes for it, or it goes itself."""
        dropped = trial.number
        if trial.state.can_win and trial.dev_error is not None:
            bisect.insort(self._best, (trial.dev_error, trial.number))
            dropped = self._best.pop()[1] if len(self._best) > self._keep_best else None
        if dropped is not None and not self._keeps(dropped):
            self._lives.pop(dropped, None)
            self._ledger.drop(self._keeping.forget(dropped))

    def leave(self, number: int) -> Life | None:
        """The trial leaves the search: its life, where that can go on."""
        life = self._shelf.take(number) if number in self._shelf else self._lives.get(number)
        self._ledger.drop(self._keeping.forget(number))
        return life if isinstance(life, Life) and not life.state.is_over else None

    def kept(self) -> set[int]:
        """Trials whose networks were kept for what comes after the search."""
        return {number for _, number in self._best} | {number for number in self._lives if self._keeps(number)}

    def awake(self, number: int) -> Life:
        """The life of a trial, its weights brought back if need be."""
        life = self._lives[number]
        if isinstance(life, Remembered):
            life = self._lives[number] = self._workers.wake(number, self._ledger[number].configuration, life)
        return life

    def close(self) -> None:
        """Let go of the trials that wait."""
        self._shelf.close()
