"""A life of which only the curve is known: it was trained before the study broke off, and its weights are not at hand.

Where the curve is all that is asked for, nothing is trained again. Where weights are, `wake` brings them back: from a checkpoint, if
there is one, else by training from the start, which comes to the same bits.
Knows nothing of: stores, searches.
"""

from collections.abc import Sequence

from osetra.core.records import EpochRecord
from osetra.engines.port import ModelState
from osetra.training.checkpoint import restore
from osetra.training.life import Life
from osetra.training.standing import Lived, Standing


class Remembered(Lived):
    """Stands in for a `Life`. `curve`: all its epochs that are known; those not yet recalled are to come."""

    def __init__(self, curve: Sequence[EpochRecord], *, epochs: int, patience: int | None) -> None:
        """epochs, patience: as of the life."""
        self.known = curve
        self.standing = Standing(epochs, patience)

    def states(self) -> list[tuple[str, ModelState]]:
        """None."""
        return []

    def recall(self, epochs: int) -> list[EpochRecord] | None:
        """The next epochs, fewer than asked for where the trial ended by them; None, and nothing is recalled, where not all are known."""
        before = self.epochs
        for record in self.known[before : before + min(epochs, self.standing.total - before)]:
            self.standing.hear(record)
            if self.state.is_over:
                break
        self.standing.pause()
        if not self.state.is_over and self.epochs < before + epochs:
            self.standing.back_to(before)
            return None
        return self.standing.curve[before:]


def wake(remembered: Remembered, life: Life, checkpoint: bytes | None = None) -> int | None:
    """Bring a life that has not begun to where the remembered one is; the first epoch that came out otherwise than recorded, or None.

    checkpoint: of an epoch not after. Its notices are kept back meanwhile: what there was to notice was recorded. Raises StoreError for
    a checkpoint that does not fit.
    """
    curve = remembered.standing.curve
    if checkpoint is not None:
        restore(life, checkpoint, curve)
    notice, life.notice = life.notice, None
    differs = None
    while life.epochs < len(curve) and not life.state.is_over:
        life.go_on(1)
        now, then = life.standing.curve[-1], curve[life.epochs - 1]
        if differs is None and (now.train_cost, now.dev_error) != (then.train_cost, then.dev_error):
            differs = life.epochs
    life.notice = notice
    return differs
