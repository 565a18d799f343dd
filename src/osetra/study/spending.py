"""What a study has spent of its budget, for the person who watches, and why it ended.

Knows nothing of: who trains, what is decided.
"""

import time
from typing import Any

from osetra.study.budget import Budget
from osetra.study.ledger import Ledger


class Spending:
    """A budget and the clock; begins to count when it is made."""

    def __init__(self, budget: Budget, deadline: float | None) -> None:
        """`deadline`: `time.monotonic()` at which the budget in seconds ends, None without one."""
        self._budget, self._deadline = budget, deadline
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return time.monotonic() - self._began

    def ended(self, stop: str | None, ledger: Ledger) -> str:
        """Why the study ended, in words; `stop`: why it was stopped before its time, None if it was not."""
        budget = self._budget
        if stop:
            return stop
        if budget.trials is not None and len(ledger.trials) >= budget.trials:
            return "all trials of the budget were trained"
        if budget.epochs is not None and ledger.epochs >= budget.epochs:
            return "all epochs of the budget were spent"
        is_bounded = budget.epochs is not None or budget.seconds is not None
        return "the search came to its end" if is_bounded else "every configuration of the space was trained"

    def facts(self, ledger: Ledger) -> dict[str, Any]:
        """What `Progress.update` hears, the error's name and interval apart."""
        budget, elapsed = self._budget, self.seconds
        shares = [0.0]
        left = None
        if self._deadline is not None and budget.seconds is not None:
            left = max(0.0, self._deadline - time.monotonic())
            shares.append(1.0 - left / budget.seconds)
        if budget.trials is not None:
            shares.append(ledger.ended / budget.trials)
        if budget.epochs is not None:
            shares.append(ledger.epochs / budget.epochs)
        return {
            "trials_done": len(ledger.trials),
            "diverged": ledger.diverged,
            "epochs_done": ledger.epochs,
            "epochs_per_s": ledger.epochs / elapsed if elapsed > 0 else 0.0,
            "best_error": ledger.best_error,
            "seconds_left": left,
            "share_done": min(1.0, max(shares)),
        }
