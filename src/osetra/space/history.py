"""A space that is edited while a study runs: every version, what made it, and from which trial on it holds.

    history = SpaceHistory.begin(space)
    history = history.after(40, space.widen("learning_rate", 1e-5, 1, why="best on the boundary"), asks=55)

What a search does follows from the order of what it is asked and told. To carry a study through once more its edits are made anew when
the search has been asked as often as it had been then: `made_at`.
Knows nothing of: trials beyond their numbers, who edits and when by the clock.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from osetra.core.errors import SpaceError
from osetra.space.edits import Edit, printed
from osetra.space.space import Space


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A space, from one trial on."""

    trials: int
    """Trials begun before it came into force; it holds for the trial of that number and those that follow."""
    asks: int
    """How often the search had been asked by then, as whoever carries the study through counts it: for new trials and for promotions."""
    edit: Edit | None
    """None for the space that a study began with."""
    space: Space


@dataclass(frozen=True, slots=True, kw_only=True)
class SpaceHistory:
    """Immutable: `after` gives a new one."""

    versions: tuple[Version, ...]
    """In order; the first one is what the study began with."""

    def __post_init__(self) -> None:
        assert self.versions, "a history begins with a space"
        assert self.versions[0].trials == 0, "a history begins before the first trial"
        for counts in ([version.trials for version in self.versions], [version.asks for version in self.versions]):
            assert counts == sorted(counts), "versions out of order"

    @classmethod
    def begin(cls, space: Space) -> "SpaceHistory":
        """The history of a space that was not edited yet."""
        return cls(versions=(Version(trials=0, asks=0, edit=None, space=space),))

    @property
    def space(self) -> Space:
        """The one in force now."""
        return self.versions[-1].space

    @property
    def at_first(self) -> Space:
        """The one that the study began with."""
        return self.versions[0].space

    def at(self, trial: int) -> Space:
        """The space from which the trial of that number was drawn."""
        return next(version.space for version in reversed(self.versions) if version.trials <= trial or version is self.versions[0])

    def made_at(self, asks: int) -> tuple[Version, ...]:
        """The edits, in order, that were made when the search had been asked so often."""
        return tuple(version for version in self.versions if version.edit is not None and version.asks == asks)

    def after(self, trials: int, edited: Space, *, asks: int | None = None) -> "SpaceHistory":
        """The history with one edit more, made when `trials` trials had begun.

        edited: the space in force now after `widen`, `narrow`, `fix`, `add_choice` or `release`. asks: how often the search had been asked;
        None: once for each trial. Raises `SpaceError` for any other space, and for fewer trials or asks than at the edit before.
        """
        last = self.versions[-1]
        asked = max(trials, last.asks) if asks is None else asks
        for counted, count, before in (("trials", trials, last.trials), ("asks", asked, last.asks)):
            if count < before:
                raise SpaceError(f"edits must be kept in order, got {count} {counted} behind {before}; give the count now")
        edit = edited.edit
        if edit is None or edited != self._expected(edit, edited):
            raise SpaceError(
                "a history takes one edit of the space in force at a time, got another space; "
                "make it from history.space with widen, narrow, fix, add_choice or release"
            )
        return SpaceHistory(versions=(*self.versions, Version(trials=trials, asks=asked, edit=edit, space=edited)))

    def describe(self) -> str:
        """For people: one edit a line."""
        edits = [f"after {version.trials} trials {version.edit.describe()}" for version in self.versions if version.edit is not None]
        return "\n".join(edits) or "the space was not edited"

    def to_dict(self) -> dict[str, Any]:
        """JSON-able and exact."""
        return {
            "versions": [
                {
                    "trials": version.trials,
                    "asks": version.asks,
                    "edit": version.edit and version.edit.to_dict(),
                    "space": version.space.to_dict(),
                }
                for version in self.versions
            ]
        }

    @classmethod
    def from_dict(cls, written: Mapping[str, Any]) -> "SpaceHistory":
        """The history that `to_dict` wrote. Raises `SpaceError` for anything else."""
        versions = written.get("versions") if isinstance(written, Mapping) else None
        if not isinstance(versions, list) or not versions:
            raise SpaceError(f"a history must be written as a list of versions, got {written!r}; write it with to_dict")
        read: list[Version] = []
        for version in versions:
            trials, asks = (version.get("trials"), version.get("asks")) if isinstance(version, Mapping) else (None, None)
            before = read[-1] if read else None
            for count, least in ((trials, before.trials if before else 0), (asks, before.asks if before else 0)):
                if not isinstance(count, int) or count < least or (count and not before):
                    raise SpaceError(
                        f"versions must have rising numbers of trials and asks from 0, got {version!r}; write them with to_dict"
                    )
            assert isinstance(trials, int), "checked above"
            assert isinstance(asks, int), "checked above"
            edit = None if version.get("edit") is None else Edit.from_dict(version["edit"])
            read.append(Version(trials=trials, asks=asks, edit=edit, space=Space.from_dict(version.get("space", ()))))
        return cls(versions=tuple(read))

    def _expected(self, edit: Edit, edited: Space) -> Space | None:
        """What the edit makes of the space in force; None where it does not apply to it."""
        before = self.space.entries()
        if edit.name not in before or edit.name not in edited.entries() or edit.old != printed(before[edit.name]):
            return None
        return self.space.replace({edit.name: edited.entries()[edit.name]})
