"""Which checkpoints a study keeps, so that going on after a break costs little.

    when     a trial that pauses or stands between two slices, once it has trained 5 s or more since its last checkpoint
    which    a trial's last one, which takes the place of the one before; it holds the weights of the best epoch, too
    until    the trial is over and not among the best, or the bytes of all exceed the budget: the oldest go first

A trial without one is trained again from its start, to the same bits, which takes less than those 5 s for most. So writing costs at
most one checkpoint in 5 s of training.
Knows nothing of: stores, what a checkpoint looks like.
"""

from collections import OrderedDict
from collections.abc import Sequence

KEEP_EVERY_S = 5.0
KEPT_BYTES = 2**28
"""Of all checkpoints of a study: 256 MiB."""


class Keeping:
    """Decides; whoever asks it writes and drops."""

    def __init__(
        self, budget_bytes: int = KEPT_BYTES, every_s: float | None = None, *, known: Sequence[tuple[int, int, int, float]] = ()
    ) -> None:
        """every_s: seconds of training between two checkpoints of a trial; None: KEEP_EVERY_S.

        known: trial, epoch, bytes and seconds trained by then of those there are from before a break, by trial and epoch. Of a trial there
        are two where the process was killed before it dropped the older one.
        """
        self._budget_bytes, self._every_s = budget_bytes, KEEP_EVERY_S if every_s is None else every_s
        self._kept: OrderedDict[int, tuple[int, int, float]] = OrderedDict()
        """Epoch, bytes and seconds trained by then, by trial; the oldest first."""
        self.strays: list[tuple[int, int]] = []
        """(trial, epoch) of those that should have been dropped before the break."""
        for trial, epoch, size, trained_s in known:
            if trial in self._kept:
                self.strays.append((trial, self._kept[trial][0]))
            self._kept[trial] = (epoch, size, trained_s)

    def is_due(self, trial: int, seconds: float) -> bool:
        """Whether a trial that has trained so many seconds is worth a checkpoint now."""
        _, _, before = self._kept.get(trial, (0, 0, 0.0))
        return self._budget_bytes > 0 and seconds - before >= self._every_s

    def keep(self, trial: int, epoch: int, size: int, seconds: float) -> list[tuple[int, int]]:
        """Note a checkpoint; (trial, epoch) of those that are to be dropped for it."""
        dropped = self.forget(trial)
        dropped = [one for one in dropped if one != (trial, epoch)]
        self._kept[trial] = (epoch, size, seconds)
        while sum(size for _, size, _ in self._kept.values()) > self._budget_bytes:
            oldest = next(iter(self._kept))
            dropped += self.forget(oldest)
        return dropped

    def forget(self, trial: int) -> list[tuple[int, int]]:
        """The trial needs none any more; (trial, epoch) of what is to be dropped."""
        kept = self._kept.pop(trial, None)
        return [] if kept is None else [(trial, kept[0])]
