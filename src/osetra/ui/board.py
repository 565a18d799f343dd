"""The leaderboard: which columns trials have, and a page of trials in the order of any of them, in the study's own sign.

Knows nothing of: pages.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from osetra.core.direction import as_given, maximizes
from osetra.core.ports import Condition, TrialPage, hyperparameter
from osetra.core.records import Task, TrialState
from osetra.report import words
from osetra.study.handle import Study

_TURNED = ("dev_error", "dev_loss")
"""Kept with their sign changed where the greatest wins."""
_FIELDS = ("number", "state", "dev_error", "train_error", "epochs", "best_epoch", "seconds", "num_parameters")
_TITLES = {"number": "trial", "best_epoch": "best at", "num_parameters": "parameters"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of the leaderboard."""

    key: str
    """By which `page` sorts and filters."""
    title: str
    """Of a hyperparameter its name."""
    kind: str
    """number, text or state."""
    is_searched: bool = False
    """Whether it is a hyperparameter that was searched."""

    @property
    def searched(self) -> bool:
        return self.is_searched


def columns(study: Study) -> tuple[Column, ...]:
    """Fields first, then what was searched, then what was fixed."""
    named = {"dev_error": words.part("dev", study.record.error_name), "train_error": words.part("training", study.record.error_name)}
    given = [name for name in _FIELDS if study.record.task is not Task.OBJECTIVE or name not in ("train_error", "num_parameters")]
    made = [
        Column(key=name, title=named.get(name) or _TITLES.get(name, name), kind="state" if name == "state" else "number") for name in given
    ]
    if "space" not in study.facts:
        first = study.store.trials(study.name, limit=1)
        values = dict(first[0].configuration) if first else {}
        return (*made, *(_of(name, value, is_searched=False) for name, value in values.items()))
    space = study.space
    made += [_of(name, space.scales[name].decode(0.5), is_searched=True) for name in words.in_order(space.names)]
    return (*made, *(_of(name, space.fixed[name], is_searched=False) for name in words.in_order(space.fixed)))


def page(
    study: Study,
    *,
    order_by: str = "dev_error",
    descending: bool = False,
    limit: int = 50,
    offset: int = 0,
    states: Sequence[TrialState] = (),
    where: Sequence[Condition] = (),
) -> TrialPage:
    """Trials as `Store.find_trials` finds them. Of a study that maximises, errors in orders and conditions are the values as given.

    Raises StoreError for a column that there is not, and for a page that makes no sense.
    """
    is_turned = maximizes(study.record)
    if is_turned:
        where = [_turned(condition) for condition in where]
        descending = descending ^ (order_by in _TURNED)
    found = study.store.find_trials(
        study.name, order_by=order_by, descending=descending, states=states, where=where, limit=limit, offset=offset
    )
    return replace(found, trials=[as_given(study.record, trial) for trial in found.trials])


def _of(name: str, value: object, *, is_searched: bool) -> Column:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return Column(key=hyperparameter(name), title=name, kind="number" if is_number else "text", is_searched=is_searched)


def _turned(condition: Condition) -> Condition:
    if condition.column not in _TURNED:
        return condition
    low, high = (None if end is None else 0.0 - end for end in (condition.high, condition.low))
    among = tuple(value if isinstance(value, str) else 0.0 - value for value in condition.among)
    return replace(condition, low=low, high=high, among=among)
