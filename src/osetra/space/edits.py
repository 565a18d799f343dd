"""Edits of one entry of a space, each checked to do what its name says, and the record of an edit.

Conditions of the entry stay as they are.
Knows nothing of: other entries, trials.
"""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from osetra.core.errors import SpaceError
from osetra.core.records import Value
from osetra.space.conditions import When
from osetra.space.continuous import Continuous
from osetra.space.counted import Choice, Integer, LogInteger, Ordinal, PowersOfTwo
from osetra.space.scale import Scale, call
from osetra.space.scales import choice, make_scale, ordinal
from osetra.space.values import as_value, is_number, print_value, same

_VERBS = {"widen": "widened", "narrow": "narrowed", "fix": "fixed", "add_choice": "given another value", "release": "released"}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """What was done to one hyperparameter. `old` and `new` are texts that `parse_scale` reads."""

    verb: str
    """widen, narrow, fix, add_choice or release."""
    name: str
    old: str
    new: str
    why: str = ""

    def __post_init__(self) -> None:
        if self.verb not in _VERBS:
            raise SpaceError(f"an edit must be one of {', '.join(_VERBS)}, got {self.verb!r}; give one of these")

    def describe(self) -> str:
        """For people: `learning_rate was widened from log(0.0001, 0.1) to log(1e-05, 1): best on the boundary`."""
        return f"{self.name} was {_VERBS[self.verb]}, from {self.old} to {self.new}{': ' + self.why if self.why else ''}"

    def to_dict(self) -> dict[str, str]:
        """JSON-able."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, written: Mapping[str, Any]) -> "Edit":
        """The edit that `to_dict` wrote. Raises `SpaceError` for anything else."""
        names = [field.name for field in dataclasses.fields(cls)]
        if not isinstance(written, Mapping) or set(written) != set(names) or not all(isinstance(text, str) for text in written.values()):
            raise SpaceError(f"an edit must be written as texts for {', '.join(names)}, got {written!r}; write it with to_dict")
        return cls(**written)


def printed(entry: Scale | Value | When) -> str:
    """The text of an entry that `parse_scale` turns back into it."""
    return str(entry) if isinstance(entry, (Scale, When)) else print_value(entry)


def widen(name: str, entry: Scale | Value | When, low: float, high: float) -> Scale | When:
    """The range from low to high, on the same scale. Raises `SpaceError` unless it holds the old one, and more."""
    old = _range(name, entry, "widened", "to a choice or ordinal add a value with add_choice")
    new = _anew(name, old, low, high)
    if not (new.low <= old.low and old.high <= new.high) or new == old:
        raise SpaceError(
            f"{name} must hold all of {old} and more to be widened, got {new}; give a lower low or a higher high"
            f"{', or use narrow' if old.low <= new.low and new.high <= old.high and new != old else ''}"
        )
    return _as_before(entry, new)


def narrow(name: str, entry: Scale | Value | When, low: float, high: float) -> Scale | When:
    """The range from low to high, on the same scale; of an ordinal the values between. `SpaceError` unless that is within, and less."""
    inner = _inner(entry)
    if isinstance(inner, Ordinal):
        kept = [value for value in inner.values if is_number(value) and low <= value <= high]
        if len(kept) < 2 or len(kept) == inner.size:
            raise SpaceError(
                f"{name} must keep at least two of its values and lose one to be narrowed, got {low} .. {high}, which keeps {len(kept)} "
                f"of {inner}; give other bounds, or fix it"
            )
        return _as_before(entry, ordinal(*kept))
    old = _range(name, entry, "narrowed", "fix a choice, or replace it by a shorter one")
    new = _anew(name, old, low, high)
    if not (old.low <= new.low and new.high <= old.high) or new == old:
        raise SpaceError(
            f"{name} must lie within {old} and hold less to be narrowed, got {new}; give a higher low or a lower high"
            f"{', or use widen' if new.low <= old.low and old.high <= new.high and new != old else ''}"
        )
    return _as_before(entry, new)


def fix(name: str, entry: Scale | Value | When, value: Value) -> Value | When:
    """The one value. Raises `SpaceError` if it is fixed there already, or its scale does not hold the value."""
    inner = _inner(entry)
    if isinstance(inner, Scale):
        return _as_before(entry, inner.require(value, name))
    if same(inner, as_value(value)):
        raise SpaceError(f"{name} must not be fixed at {print_value(inner)} already, got that value again; give another or leave it")
    return _as_before(entry, as_value(value))


def add_choice(name: str, entry: Scale | Value | When, value: Value) -> Scale | When:
    """A choice with the value behind the others, an ordinal with it in its place. Raises `SpaceError` if it is held already."""
    inner = _inner(entry)
    if not isinstance(inner, (Choice, Ordinal)):
        raise SpaceError(f"{name} must be a choice or an ordinal to take another value, got {printed(inner)}; {_other_edit(inner)}")
    if inner.contains(as_value(value)):
        raise SpaceError(f"{name} must not hold {print_value(value)} yet to take it, got {inner}; give another value")
    values = (*inner.values, as_value(value))
    if isinstance(inner, Choice):
        return _as_before(entry, choice(*values))
    return _as_before(entry, make_scale("ordinal", sorted(values, key=lambda held: held if is_number(held) else math.inf)))


def release(name: str, entry: Scale | Value | When, scale: Scale) -> Scale | When:
    """The scale. Raises `SpaceError` unless the entry is a plain value that the scale holds."""
    inner = _inner(entry)
    if isinstance(inner, Scale):
        raise SpaceError(f"{name} must be fixed to be released, got {inner}; use widen or narrow")
    if not isinstance(scale, Scale):
        raise SpaceError(f"{name} must be released onto a scale, got {scale!r}; such as log(1e-4, 0.1)")
    # Trials that were trained with the fixed value stay within the space.
    scale.require(inner, f"{name}, until now fixed,")
    return _as_before(entry, scale)


def _inner(entry: Scale | Value | When) -> Scale | Value:
    return entry.entry if isinstance(entry, When) else entry


def _as_before(entry: Scale | Value | When, new: Any) -> Any:
    return When(entry=new, conditions=entry.conditions) if isinstance(entry, When) else new


def _range(name: str, entry: Scale | Value | When, done: str, instead: str) -> Continuous | Integer | LogInteger | PowersOfTwo:
    inner = _inner(entry)
    if isinstance(inner, (Continuous, Integer, LogInteger, PowersOfTwo)):
        return inner
    raise SpaceError(
        f"{name} must be a range to be {done}, got {printed(inner)}; {instead if isinstance(inner, Scale) else _other_edit(inner)}"
    )


def _anew(name: str, old: Scale, low: float, high: float) -> Any:
    try:
        return make_scale(old.kind, (low, high))
    except SpaceError as error:
        raise SpaceError(f"{name} cannot have the range {call(old.kind, (low, high))}: {error}") from None


def _other_edit(entry: Scale | Value) -> str:
    return "use widen" if isinstance(entry, Scale) else "release it onto a scale first"
