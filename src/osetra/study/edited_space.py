"""The space of a study in search, edited by people while it runs.

One hyperparameter, one edit at a time: a range is widened or narrowed, a choice gets a value more, a value is fixed, or a fixed one is
searched. The record keeps every version, with how often the search had been asked by then, so that a study that goes on after a break
makes the same edits at the same moments.
Knows nothing of: how the search takes an edit, who trains.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from osetra.core.errors import SpaceError
from osetra.core.ports import Store
from osetra.core.records import Command, Value
from osetra.space.history import SpaceHistory
from osetra.space.known import check_names, check_values
from osetra.space.scale import Scale
from osetra.space.space import Space
from osetra.space.words import parse_scale

if TYPE_CHECKING:
    from osetra.study.phases import Phases


class EditedSpace:
    """The versions so far, those of an earlier run included."""

    def __init__(self, space: Space, facts: Mapping[str, Any]) -> None:
        """space: what the study began with; facts: of its record."""
        written = facts.get("space_history")
        self.history = SpaceHistory.begin(space) if written is None else SpaceHistory.from_dict(written)
        self._earlier = self.history
        self.search: Phases | None = None

    def recall(self, asks: int) -> None:
        """Make the edits that an earlier run made when the search had been asked so often."""
        assert self.search is not None
        made = self._earlier.made_at(asks)
        if made:
            # Those of one command came into force together.
            self.search.edit(made[-1].space)

    def carry_out(self, command: Command, store: Store, study: str) -> str:
        """Edit, and keep the history in the study's record; what was done, in words. Raises SpaceError for what is no edit."""
        assert self.search is not None
        history, said = self.history, []
        for name, text in command.detail.get("edits", {}).items():
            for space in steps(history.space, str(name), parse_scale(str(text)), command.why):
                history = history.after(self.search.begun, space, asks=self.search.asks)
                said.append(space.edit.describe() if space.edit else "")
        if not said:
            raise SpaceError("an edit of the space needs a hyperparameter and its range, got none; such as learning_rate='log(1e-4, 0.1)'")
        check_names(history.space)
        check_values(history.space)
        self.search.edit(history.space)
        self.history = history
        record = store.study(study)
        store.update_study(replace(record, facts={**record.facts, **self.facts()}))
        return "; ".join(said)

    def facts(self) -> dict[str, Any]:
        """For the study's record: the space in force now and how it came about; nothing where it was not edited."""
        if len(self.history.versions) == 1:
            return {}
        return {"space": self.history.space.to_dict(), "space_history": self.history.to_dict()}


def first_space(facts: Mapping[str, Any]) -> Space:
    """The space that the study of these facts began with."""
    written = facts.get("space_history")
    return Space.from_dict(facts["space"]) if written is None else SpaceHistory.from_dict(written).at_first


def steps(space: Space, name: str, entry: "Scale | Value | Any", why: str) -> list[Space]:
    """The space after each edit that brings `name` to `entry`. Raises SpaceError where no edits do."""
    if name not in (*space.names, *space.fixed):
        raise SpaceError(f"an edit must be of a hyperparameter of the space, got {name}; it has {', '.join((*space.names, *space.fixed))}")
    old = space.scales.get(name)
    if not isinstance(entry, Scale):
        return [space.fix(name, entry, why)]
    if old is None:
        return [space.release(name, entry, why)]
    if old.kind == entry.kind and not entry.is_ordered:
        made = []
        for value in entry.arguments:
            if value not in old.arguments:
                space = space.add_choice(name, value, why)
                made.append(space)
        return made
    low, high = min(entry.arguments), max(entry.arguments)  # pyright: ignore[reportArgumentType]
    inside = min(old.arguments) <= low and high <= max(old.arguments)  # pyright: ignore[reportArgumentType, reportOperatorIssue]
    return [space.narrow(name, low, high, why) if inside else space.widen(name, low, high, why)]  # pyright: ignore[reportArgumentType]
