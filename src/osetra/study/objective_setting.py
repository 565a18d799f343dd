"""What a study of the user's own objective decides before it begins: the same for `optimize` and for ask and tell.

Knows nothing of: how objectives are called, how the search goes on.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Protocol, TypeAlias

import numpy as np

from osetra.core.direction import DIRECTIONS, MAXIMIZE
from osetra.core.errors import StudyError
from osetra.core.ports import Search, Store
from osetra.core.records import Configuration, Task
from osetra.core.records import Study as StudyRecord
from osetra.core.records import StudyState as State
from osetra.space.conditions import When
from osetra.space.scale import Scale
from osetra.space.space import Space
from osetra.space.written import entry_to_dict
from osetra.study.budget import Budget
from osetra.study.strategy import DEFAULT, make_search, parse_strategy

DEFAULT_OF_ONE_VALUE = "zoom"
"""Where trials have one epoch. benchmarks/RESULTS.md holds it against others, on functions and on the final errors of networks."""
ASK_AND_TELL = "ask and tell"
"""The source of a study whose values come from somebody who asks."""
VALUE = "value"
"""What the dev error of a study of an objective is called."""


class MakeSearch(Protocol):
    """Makes a search. last: the most epochs of a trial; budget: epochs of all trials together; trials: how many; first: tried first."""

    def __call__(
        self, space: Space, /, *, seed: int, last: int, budget: int | None, trials: int | None, first: Configuration | None
    ) -> Search: ...


Strategy: TypeAlias = str | MakeSearch


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectiveSetting:
    """The decisions."""

    space: Space
    search: Search
    strategy: str
    first: Configuration | None
    epochs_per_trial: int | None
    direction: str
    seed: int

    @property
    def maximize(self) -> bool:
        return self.direction == MAXIMIZE

    def record(self, name: str, *, target: str, source: str, workers: int, budget: Budget | None, more: Mapping[str, Any]) -> StudyRecord:
        """The study as it begins. target: the objective's name; source: where it comes from."""
        from osetra.study.environment import environment

        return StudyRecord(
            name=name, state=State.RUNNING, created=datetime.now(UTC), task=Task.OBJECTIVE, target=target, source=source, seed=self.seed,
            error_name=VALUE,
            facts={
                "direction": self.direction,
                "budget": None if budget is None else asdict(budget),
                "epochs_per_trial": self.epochs_per_trial or 1,
                "space": self.space.to_dict(),
                "first": self.first,
                "strategy": self.strategy,
                **more,
                "environment": environment(workers),
            },
        )  # fmt: skip

    def require_same(self, record: StudyRecord, budget: Budget | None, *, is_asked: bool) -> None:
        """Raises StudyError, saying what differs, unless a study that goes on was begun with these decisions.

        Its search is carried through again from its beginning, and with other decisions it would come to other trials.
        is_asked: it is asked and told, by `osetra.Tuner`, and not one of `osetra.optimize`.
        """
        if record.task is not Task.OBJECTIVE:
            raise StudyError(
                f"study {record.name!r} must be one of an objective to go on here, got one of {record.task.in_words}; "
                f"go on with osetra.resume({record.name!r}, store), or choose another name"
            )
        if (record.source == ASK_AND_TELL) != is_asked:
            way, other = ("osetra.Tuner", "osetra.optimize") if is_asked else ("osetra.optimize", "osetra.Tuner")
            raise StudyError(f"study {record.name!r} must be one of {way} to go on here, got one of {other}; go on there")
        known, mine = record.facts, {} if budget is None else asdict(budget)
        bounds = known["budget"] or {}
        pairs = {
            "seed": (record.seed, self.seed),
            "direction": (known["direction"], self.direction),
            "strategy": (known["strategy"], self.strategy),
            "epochs_per_trial": (known["epochs_per_trial"], self.epochs_per_trial or 1),
            "first": (known["first"], None if self.first is None else dict(self.first)),
            **{
                {"seconds": "budget"}.get(name, name): (bounds.get(name), mine.get(name))
                for name in ("seconds", "trials", "epochs")
            },
        }  # fmt: skip
        differing = [f"{name} was {_said(before)} and is {_said(now)}" for name, (before, now) in pairs.items() if before != now]
        differing += _differences(Space.from_dict(known["space"]), self.space)
        if differing:
            raise StudyError(
                f"study {record.name!r} goes on only as it was begun, got other options: {'; '.join(differing)}; "
                "give those that it was begun with, or choose another name"
            )


def decide(
    space: Space | Mapping[str, Any],
    *,
    strategy: Strategy | None,
    first: Mapping[str, Any] | None,
    direction: str,
    epochs_per_trial: int | None,
    epochs: int | None,
    trials: int | None,
    seed: int,
) -> ObjectiveSetting:
    """Decide. Raises SpaceError for the space or `first`, StudyError for the rest."""
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise StudyError(f"seed must be a whole number >= 0, got {seed!r}; the same seed gives the same configurations")
    if direction not in DIRECTIONS:
        raise StudyError(f"direction must be {' or '.join(DIRECTIONS)}, got {direction!r}; choose one")
    if epochs_per_trial is not None:
        require_count(epochs_per_trial, "epochs_per_trial", "leave it out for an objective that returns its one value")
    searched = space if isinstance(space, Space) else Space(space)
    tried_first = None
    if first is not None:
        whole = {**first, **{name: searched.fixed[name] for name in searched.absent_from(first)}}
        searched.validate(whole)
        tried_first = searched.nearest(whole)
    last = int(epochs_per_trial or 1)
    if epochs is not None:
        last = min(last, epochs)
    chosen = strategy or (DEFAULT if last > 1 else DEFAULT_OF_ONE_VALUE)
    search, name = _search(chosen, searched, seed=int(seed), first=tried_first, last=last, epochs=epochs, trials=trials)
    return ObjectiveSetting(
        space=searched, search=search, strategy=name, first=tried_first, direction=direction, seed=int(seed),
        epochs_per_trial=None if epochs_per_trial is None else last,
    )  # fmt: skip


def require_count(value: Any, name: str, otherwise: str) -> None:
    """Raises StudyError unless it is a whole number from 1 on."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise StudyError(f"{name} must be a whole number >= 1, got {value!r}; {otherwise}")


def require_place(study: str | None, store: Any) -> None:
    """Raises StudyError unless a study that is to go on can be found again."""
    if study is None or store is None:
        missing = "study, its name" if study is None else "store, the place where it is kept"
        raise StudyError(f"resume=True needs to know which study goes on, got no {missing}; name it, the same in every run")


def find_study(name: str | None, store: Store | None) -> StudyRecord | None:
    """The study of that name; None if there is none, or no store yet."""
    return None if store is None else next((known.study for known in store.studies() if known.study.name == name), None)


def _differences(before: Space, now: Space) -> list[str]:
    """Between two spaces, in words."""
    old, new = before.entries(), now.entries()
    said = [
        f"{name} was {_said(old.get(name))} and is {_said(new.get(name))}"
        for name in sorted({*old, *new})
        if entry_to_dict(old.get(name, "")) != entry_to_dict(new.get(name, ""))
    ]  # fmt: skip
    texts = [[constraint.text for constraint in space.constraints] for space in (before, now)]
    return said if texts[0] == texts[1] else [*said, f"constraints were {texts[0]} and are {texts[1]}"]


def _said(value: Any) -> str:
    return "absent" if value is None else str(value) if isinstance(value, Scale | When) else repr(value)


def _search(
    strategy: Strategy,
    space: Space,
    *,
    seed: int,
    first: Configuration | None,
    last: int,
    epochs: int | None,
    trials: int | None,
) -> tuple[Search, str]:
    """The search, and the name under which the study remembers it."""
    if isinstance(strategy, str):
        parse_strategy(strategy)
        return make_search(strategy, space, seed=seed, first=first, last=last, epochs=epochs, trials=trials), strategy
    if not callable(strategy):
        raise StudyError(f"strategy must be a word such as random or random+asha, or a function that makes a search, got {strategy!r:.60}")
    search = strategy(space, seed=seed, last=last, budget=epochs, trials=trials, first=first)
    if not all(callable(getattr(search, name, None)) for name in ("ask", "tell")):
        raise StudyError(f"strategy must make a search, which has ask and tell, got {search!r:.60}; such as osetra.search.waves.Waves")
    return search, getattr(strategy, "__name__", type(strategy).__name__)
