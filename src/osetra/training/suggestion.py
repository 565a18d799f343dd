"""What a babysitter's rule is given, and what it gives: a trial as seen after an epoch, a suggestion, a change that was made before.

Knows nothing of: which rules there are.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from osetra.core.records import Configuration, EpochRecord, Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """What a rule would change, and why."""

    name: str
    """Of the rule."""
    epoch: int
    """Epochs completed."""
    sentence: str
    """What was seen, with its numbers."""
    settings: Mapping[str, Value] = field(default_factory=dict)
    """To hold from the next epoch on; a learning rate alone stands still."""
    rollback_to: int | None = None
    """The epoch to whose end to go back first, 0 the untrained start; None: stay."""

    def past(self, *, acted: bool) -> "Past":
        """As it counts from the next look on."""
        return Past(name=self.name, epoch=self.epoch, rollback_to=self.rollback_to, acted=acted)


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """A change that was made, or only suggested, before."""

    name: str
    """Of the rule; any other word for a change of a person's."""
    epoch: int
    """Epochs completed then."""
    rollback_to: int | None = None
    acted: bool = True
    """Whether the change was made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a rule judges by."""

    curve: Sequence[EpochRecord]
    """All epochs of the way that led here."""
    since: int
    """Epochs completed at the last change; 0 where there was none."""
    settings: Configuration
    rate: float
    """Mean learning rate of the last epoch."""
    last: str
    """The name of the last change; empty where there was none."""
    own: Sequence[Past]
    """Changes that the rule itself has made."""

    @property
    def fresh(self) -> Sequence[EpochRecord]:
        """What came after the last change."""
        return self.curve[self.since :]

    @property
    def epoch(self) -> int:
        return len(self.curve)

    @property
    def best(self) -> int:
        """The epoch of the lowest dev error."""
        return best_epoch(self.curve)

    @property
    def own_rate(self) -> float:
        """The learning rate set, from which a schedule starts."""
        return float(self.settings.get("learning_rate", self.rate))


class Rule(Protocol):
    """One thing that may go wrong in a training, and its remedy. `tries`: the most changes that it makes to a trial."""

    @property
    def name(self) -> str: ...

    @property
    def tries(self) -> int: ...

    def look(self, seen: Seen) -> Suggestion | None: ...


def best_epoch(curve: Sequence[EpochRecord]) -> int:
    """The epoch of the lowest dev error, ties to the lower dev loss; 0 where none ended well."""
    well = [record for record in curve if is_finite(record)]
    return min(well, key=lambda record: (record.dev_error, record.dev_loss)).epoch if well else 0


def is_finite(record: EpochRecord) -> bool:
    """Whether an epoch ended well."""
    return math.isfinite(record.train_cost) and math.isfinite(record.dev_loss)
