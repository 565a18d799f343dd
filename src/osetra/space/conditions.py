"""Hyperparameters that exist only where others have certain values.

    when(one_minus_log(0.8, 0.99), optimizer="momentum")
    when(0.9, optimizer=("momentum", "nesterov"), schedule="cosine")     both must hold

A condition may name searched and fixed hyperparameters, conditional ones too: these count only where they exist themselves.
Knows nothing of: what a hyperparameter means, constraints, search.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeAlias

from osetra.core.errors import SpaceError
from osetra.core.records import Configuration, Value
from osetra.space.counted import Counted
from osetra.space.scale import Scale
from osetra.space.values import as_value, did_you_mean, print_value, same

Conditions: TypeAlias = Mapping[str, tuple[Value, ...]]
"""Name of another hyperparameter -> the values of which it must have one; all of them must hold."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class When:
    """A scale or plain value together with its conditions."""

    entry: Scale | Value
    conditions: Conditions

    def __post_init__(self) -> None:
        if isinstance(self.entry, When):
            raise SpaceError(f"when needs a scale or a plain value, got another when, {self.entry}; give all conditions at once")
        if not isinstance(self.entry, Scale):
            object.__setattr__(self, "entry", as_value(self.entry))
        if not self.conditions:
            raise SpaceError(f"when needs at least one condition, got {self.entry} alone; such as optimizer='momentum'")
        kept = {name: _allowed(name, values) for name, values in sorted(self.conditions.items())}
        object.__setattr__(self, "conditions", MappingProxyType(kept))

    def __str__(self) -> str:
        """The text that `parse_scale` turns back into this."""
        entry = str(self.entry) if isinstance(self.entry, Scale) else print_value(self.entry)
        return f"{entry} when {' and '.join(_printed(name, values) for name, values in self.conditions.items())}"

    def __repr__(self) -> str:
        given = {name: values[0] if len(values) == 1 else values for name, values in self.conditions.items()}
        if all(name.isidentifier() for name in given):
            return f"when({self.entry!r}, {', '.join(f'{name}={value!r}' for name, value in given.items())})"
        return f"when({self.entry!r}, {given!r})"

    def __hash__(self) -> int:
        return hash(str(self))


def when(entry: Scale | Value, conditions: Mapping[str, Any] | None = None, /, **named: Any) -> When:
    """An entry of a space that exists only where every named hyperparameter has the value given, or one of a tuple of values.

    `conditions` is for names that are no Python words. Raises `SpaceError` for no condition, no values, and the same value twice.
    """
    return When(entry=entry, conditions={**(conditions or {}), **named})


def in_words(conditions: Conditions) -> str:
    """For people: `when optimizer is momentum or nesterov and schedule is cosine`."""
    parts = [f"{name} is {' or '.join(print_value(value) for value in values)}" for name, values in conditions.items()]
    return f"when {' and '.join(parts)}"


def holds(conditions: Conditions, configuration: Configuration) -> bool:
    """Whether all hold; one on a name that is absent does not."""
    for name, values in conditions.items():
        if name not in configuration or not any(same(configuration[name], value) for value in values):
            return False
    return True


def parents_first(scales: Mapping[str, Scale], fixed: Mapping[str, Value], conditions: Mapping[str, Conditions]) -> tuple[str, ...]:
    """All names, each after those that its conditions name, else sorted.

    Raises `SpaceError` for a condition on an unknown name, on a scale of floats, on a value that is never taken, and for a circle.
    """
    for name, needs in conditions.items():
        for parent, values in needs.items():
            _check(name, parent, values, scales, fixed)
    order: list[str] = []
    waiting = sorted([*scales, *fixed])
    while waiting:
        ready = next((name for name in waiting if all(parent in order for parent in conditions.get(name, ()))), None)
        if ready is None:
            raise SpaceError(f"conditions must not run in a circle, got {_circle(waiting, conditions)}; drop one of them")
        order.append(ready)
        waiting.remove(ready)
    return tuple(order)


def _check(name: str, parent: str, values: Sequence[Value], scales: Mapping[str, Scale], fixed: Mapping[str, Value]) -> None:
    if parent in fixed:
        return
    if parent not in scales:
        known = sorted({*scales, *fixed} - {name})
        raise SpaceError(f"{name} exists only where {parent} has certain values, yet there is no {parent}; {did_you_mean(parent, known)}")
    scale = scales[parent]
    if not isinstance(scale, Counted):
        raise SpaceError(
            f"a condition needs values that can be counted, got one of {name} on {parent}, which is {scale.describe()}; "
            "use a constraint, or a choice for it"
        )
    for value in values:
        try:
            scale.require(value, parent)
        except SpaceError as error:
            raise SpaceError(f"{name} exists only where {parent} is {print_value(value)}, which it never is: {error}") from None


def _circle(waiting: Sequence[str], conditions: Mapping[str, Conditions]) -> str:
    """One circle among names that all wait for one another: `a needs b needs a`."""
    walked = [waiting[0]]
    while walked[-1] not in walked[:-1]:
        walked.append(next(parent for parent in conditions[walked[-1]] if parent in waiting))
    return " needs ".join(walked[walked.index(walked[-1]) :])


def _allowed(name: Any, values: Any) -> tuple[Value, ...]:
    if not isinstance(name, str) or not name.strip():
        raise SpaceError(f"a condition must name a hyperparameter, got {name!r}; such as optimizer='momentum'")
    allowed = tuple(as_value(value) for value in (values if isinstance(values, (list, tuple)) else (values,)))
    if not allowed:
        raise SpaceError(f"a condition on {name} needs at least one value, got none; such as {name}=1")
    for place, value in enumerate(allowed):
        if any(same(value, other) for other in allowed[:place]):
            raise SpaceError(f"a condition on {name} needs distinct values, got {print_value(value)} twice; list it once")
    return allowed


def _printed(name: str, values: Sequence[Value]) -> str:
    if len(values) == 1:
        return f"{name}={print_value(values[0])}"
    return f"{name} in ({', '.join(print_value(value) for value in values)})"
