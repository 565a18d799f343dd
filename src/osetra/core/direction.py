"""Whether the lowest or the greatest value wins, and records as a person gave them.

Records hold every value so that the lowest is best: those of a study that maximises are kept with their sign changed. Knows nothing of:
who compares, where records are kept.
"""

from dataclasses import replace
from typing import TypeVar

from osetra.core.records import EpochRecord, Study, Trial

MINIMIZE, MAXIMIZE = "minimize", "maximize"
DIRECTIONS = (MINIMIZE, MAXIMIZE)

Kept = TypeVar("Kept", Trial, EpochRecord)


def maximizes(study: Study) -> bool:
    """Whether the greatest value wins."""
    return study.facts.get("direction") == MAXIMIZE


def turned(value: float, *, maximize: bool) -> float:
    """A value from the user to the records, or back: its sign changed if the greatest wins; never -0.0."""
    return 0.0 - value if maximize else value


def as_given(study: Study, record: Kept) -> Kept:
    """A record of a study with its dev error and loss as they were given."""
    if not maximizes(study):
        return record
    given = {name: getattr(record, name) for name in ("dev_error", "dev_loss")}
    return replace(record, **{name: None if value is None else turned(value, maximize=True) for name, value in given.items()})
