"""Curves in groups, each with its colour: by when their trials began, or by how far they came.

    trial    one group
    wave     by number, which counts trials as they begin: five parts of the study, from the first trials to the last
    rung     by epochs completed: at most five groups, from the shortest curves to the longest

Colours go from pale to strong, so that the order is seen by those who do not tell colours apart.
Knows nothing of: Plotly, stores.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from osetra.core.errors import StudyError
from osetra.report.figures.theme import GREY, shade

BY = ("trial", "wave", "rung")
MOST_GROUPS = 5
_PALE, _STRONG = (148, 184, 214), (94, 42, 120)
"""Red, green and blue of the first and the last group."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Curves drawn alike."""

    name: str
    colour: str
    numbers: tuple[int, ...]


def groups_of(epochs: Mapping[int, int], *, by: str, trials: int) -> list[Group]:
    """Groups of these trials. epochs: completed, by number; trials: how many the study has. Raises StudyError for another `by`."""
    if by not in BY:
        raise StudyError(f"curves can be told apart by {', '.join(BY)}, got {by!r}; choose one of these")
    if by == "trial":
        return [Group(name="other trials", colour=shade(GREY, 0.45), numbers=tuple(epochs))]
    count = max(trials, *epochs, 0) + 1 if epochs else 1
    if by == "wave":
        ends = [round(place * count / MOST_GROUPS) for place in range(1, MOST_GROUPS + 1)]
        parts = {number: number for number in epochs}
        first, label = 0, "trials"
    else:
        reached = sorted(set(epochs.values()))
        # The upper ends of at most so many ranges of lengths, none of them empty.
        few = (
            reached
            if len(reached) <= MOST_GROUPS
            else [reached[(place * len(reached)) // MOST_GROUPS - 1] for place in range(1, MOST_GROUPS + 1)]
        )
        ends, parts = [end + 1 for end in few], dict(epochs)
        first, label = reached[0] if reached else 0, "epochs"
    made = []
    for place, end in enumerate(ends):
        numbers = tuple(sorted(number for number, at in parts.items() if first <= at < end))
        if numbers:
            span = f"{first:,}" if end - 1 == first else f"{first:,}–{end - 1:,}"
            made.append(Group(name=f"{label} {span}", colour=_colour(place, len(ends)), numbers=numbers))
        first = end
    return made


def _colour(place: int, of: int) -> str:
    share = place / max(1, of - 1)
    mixed = [round(pale + share * (strong - pale)) for pale, strong in zip(_PALE, _STRONG, strict=True)]
    return f"rgba({mixed[0]},{mixed[1]},{mixed[2]},0.75)"
