"""What a scale is: a bijection between the values of one hyperparameter and [0, 1].

Equal steps in u are equally interesting steps of the value, so a searcher needs no other knowledge of it.
Knows nothing of: which scales there are, names, other hyperparameters, search.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from osetra.core.errors import SpaceError
from osetra.core.records import Value
from osetra.space.values import as_value, is_number, print_value


class Scale(ABC):
    """One axis of a space. Scales are equal when they print alike, for the printed form is exact."""

    __slots__ = ()
    kind: ClassVar[str]
    """Its name in the printed form, such as log."""
    title: ClassVar[str]
    """Its name for people, such as powers of two."""
    is_ordered: ClassVar[bool] = True
    """Whether neighbours in [0, 1] are alike."""

    @property
    @abstractmethod
    def size(self) -> int | float:
        """Distinct values; infinite for floats."""

    @property
    @abstractmethod
    def arguments(self) -> tuple[Value, ...]:
        """What makes it anew: low and high, or all values."""

    @abstractmethod
    def decode(self, u: float) -> Value:
        """The value at `u`; never falls as u rises (for a choice: nor does its place in the list). `SpaceError` unless 0 <= u <= 1."""

    @abstractmethod
    def encode(self, value: Value) -> float:
        """Where the value lies in [0, 1]; `SpaceError` if the scale does not hold it."""

    @abstractmethod
    def contains(self, value: Value) -> bool: ...

    @abstractmethod
    def nearest(self, value: Value) -> Value:
        """The value of this scale that is nearest; for one that cannot be compared, the middle (of a choice the first)."""

    @abstractmethod
    def describe(self) -> str:
        """For people, such as `log 0.0001 .. 0.1`."""

    def require(self, value: Value, name: str = "a value") -> Value:
        """The value as a plain one; `SpaceError` that speaks of `name` if the scale does not hold it."""
        value = as_value(value)
        if not self.contains(value):
            raise SpaceError(f"{name} must be in {self.describe()}, got {print_value(value)}; {self._remedy(value)}")
        return value

    def to_dict(self) -> dict[str, list[Value]]:
        """JSON-able: the kind and its arguments, such as {"log": [0.0001, 0.1]}."""
        return {self.kind: list(self.arguments)}

    def __str__(self) -> str:
        return call(self.kind, self.arguments)

    __repr__ = __str__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Scale) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    def _remedy(self, value: Value) -> str:
        return f"the nearest is {print_value(self.nearest(value))}" if is_number(value) else "give a number"


def unit(u: float) -> float:
    """A plain float; `SpaceError` unless 0 <= u <= 1."""
    if not 0 <= u <= 1:
        raise SpaceError(f"a unit coordinate must lie in [0, 1], got {u}; clip or reflect it into that range")
    return float(u)


def call(kind: str, arguments: Sequence[Any]) -> str:
    """The printed form of a scale, or of what was meant to be one."""
    return f"{kind}({', '.join(print_value(value) if isinstance(value, (bool, str)) else str(value) for value in arguments)})"


def require_range(kind: str, low: Any, high: Any, *, needs: str, above: float | None = None, below: float | None = None) -> None:
    """Check two bounds; `needs` says in words what `above` and `below` say in numbers."""
    got = f"{kind} needs {needs}, got {call(kind, (low, high))}"
    try:
        low, high = as_value(low), as_value(high)
    except SpaceError:
        low = high = ""
    if not (is_number(low) and is_number(high)):
        raise SpaceError(f"{got}; give two finite numbers")
    if above is not None and min(low, high) <= above:
        raise SpaceError(f"{got}; start above {above}")
    if below is not None and max(low, high) >= below:
        raise SpaceError(f"{got}; end below {below}")
    if low == high:
        raise SpaceError(f"{got}; to fix the value give {print_value(low)} itself")
    if low > high:
        raise SpaceError(f"{got}; swap them: {call(kind, (high, low))}")
