"""Scales whose values can be counted: n values, n bins of [0, 1].

    integer, powers_of_two, ordinal, choice     bins of one width
    log_integer                                 value v owns the stretch v - 1/2 .. v + 1/2 of a log axis

A value encodes to the centre of its bin, so it always comes back exactly.
Knows nothing of: names, other hyperparameters, search.
"""

import math
from abc import abstractmethod
from dataclasses import dataclass

from osetra.core.errors import SpaceError
from osetra.core.records import Value
from osetra.space.scale import Scale, call, require_range, unit
from osetra.space.values import as_value, did_you_mean, is_number, is_whole, print_short, print_value, same

LARGEST_BOUND = 2**40
"""Of whole numbers: a float u still tells neighbours apart, on a log axis too."""


class Counted(Scale):
    """Values that can be counted: number 0 .. size - 1, each with its own bin of [0, 1]."""

    __slots__ = ()

    @property
    @abstractmethod
    def size(self) -> int: ...

    @abstractmethod
    def at(self, index: int) -> Value:
        """Value number `index`, from 0."""

    @abstractmethod
    def index_of(self, value: Value) -> int:
        """The number of a value that the scale holds."""

    def decode(self, u: float) -> Value:
        u = unit(u)
        return self.at(min(int(u * self.size), self.size - 1))

    def encode(self, value: Value) -> float:
        return (self.index_of(self.require(value)) + 0.5) / self.size


class _WholeRange(Counted):
    """Whole numbers from low to high."""

    __slots__ = ()
    low: int
    high: int

    @property
    def arguments(self) -> tuple[int, int]:
        return (self.low, self.high)

    @property
    def size(self) -> int:
        return self.high - self.low + 1

    def at(self, index: int) -> int:
        return self.low + index

    def index_of(self, value: Value) -> int:
        return int(value) - self.low

    def contains(self, value: Value) -> bool:
        return is_whole(value) and self.low <= value <= self.high

    def nearest(self, value: Value) -> Value:
        return round(min(max(value, self.low), self.high)) if is_number(value) else self.decode(0.5)

    def describe(self) -> str:
        return f"{self.title} {self.low} .. {self.high}"

    def _keep_bounds(self) -> None:
        for name in ("low", "high"):
            bound = as_value(getattr(self, name))
            assert is_number(bound), "checked with the range"
            if int(bound) != bound or abs(bound) > LARGEST_BOUND:
                raise SpaceError(
                    f"{self.kind} needs whole numbers of at most 2^40, got {call(self.kind, self.arguments)}; round its bounds"
                )
            object.__setattr__(self, name, int(bound))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Integer(_WholeRange):
    """Whole numbers from low to high, both included, all alike likely."""

    low: int
    high: int
    kind = "integer"
    title = "integer"

    def __post_init__(self) -> None:
        require_range("integer", self.low, self.high, needs="low < high")
        self._keep_bounds()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class LogInteger(_WholeRange):
    """Whole numbers from low to high, both included, every factor alike likely: v owns v - 1/2 .. v + 1/2 of a log axis."""

    low: int
    high: int
    kind = "log_integer"
    title = "log integer"

    def __post_init__(self) -> None:
        require_range("log_integer", self.low, self.high, needs="1 <= low < high", above=0)
        self._keep_bounds()

    def decode(self, u: float) -> int:
        u = unit(u)
        start = self.low - 0.5
        value = math.floor(start * ((self.high + 0.5) / start) ** u + 0.5)
        return min(max(value, self.low), self.high)

    def encode(self, value: Value) -> float:
        value, start = int(self.require(value)), self.low - 0.5
        middle = (math.log((value - 0.5) / start) + math.log((value + 0.5) / start)) / 2
        return middle / math.log((self.high + 0.5) / start)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class PowersOfTwo(_WholeRange):
    """low, 2 low, 4 low .. high, all alike likely."""

    low: int
    high: int
    kind = "powers_of_two"
    title = "powers of two"

    def __post_init__(self) -> None:
        require_range("powers_of_two", self.low, self.high, needs="1 <= low < high", above=0)
        self._keep_bounds()
        if self.low & (self.low - 1) or self.high & (self.high - 1):
            low, high = (2 ** round(math.log2(bound)) for bound in self.arguments)
            instead = f"{call(self.kind, (low, high))} is near, or " if low < high else ""
            raise SpaceError(f"powers_of_two needs bounds that are powers of two, got {self}; {instead}use log_integer{self.arguments}")

    @property
    def size(self) -> int:
        return self.high.bit_length() - self.low.bit_length() + 1

    def at(self, index: int) -> int:
        return self.low << index

    def index_of(self, value: Value) -> int:
        return int(value).bit_length() - self.low.bit_length()

    def contains(self, value: Value) -> bool:
        return is_whole(value) and self.low <= value <= self.high and value & (value - 1) == 0

    def nearest(self, value: Value) -> Value:
        """Nearest by factor."""
        return 2 ** round(math.log2(min(max(value, self.low), self.high))) if is_number(value) else self.decode(0.5)


class _Listed(Counted):
    """The values themselves."""

    __slots__ = ()
    values: tuple[Value, ...]

    @property
    def arguments(self) -> tuple[Value, ...]:
        return self.values

    @property
    def size(self) -> int:
        return len(self.values)

    def at(self, index: int) -> Value:
        return self.values[index]

    def index_of(self, value: Value) -> int:
        return next(index for index, held in enumerate(self.values) if same(held, value))

    def contains(self, value: Value) -> bool:
        return any(same(held, value) for held in self.values)

    def describe(self) -> str:
        return f"{self.title} {', '.join(print_short(value) for value in self.values)}"

    def _keep_values(self) -> None:
        values = tuple(as_value(value) for value in self.values)
        object.__setattr__(self, "values", values)
        if len(values) < 2:
            remedy = f"to fix the value give {print_value(values[0])} itself" if values else f"list them: {self.kind}(1, 2)"
            raise SpaceError(f"{self.kind} needs at least two values, got {self}; {remedy}")
        for place, value in enumerate(values):
            # 1 and true, equal to Python, would make two configurations that nothing tells apart.
            if value in values[:place]:
                raise SpaceError(f"{self.kind} needs distinct values, got {self}; list {print_value(value)} once")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Ordinal(_Listed):
    """Some numbers in rising order, all alike likely."""

    values: tuple[Value, ...]
    kind = "ordinal"
    title = "ordinal"

    def __post_init__(self) -> None:
        self._keep_values()
        if not all(is_number(value) for value in self.values):
            raise SpaceError(f"ordinal needs numbers, got {self}; words without an order are {call('choice', self.values)}")
        if list(self.values) != sorted(self.values, key=float):
            raise SpaceError(f"ordinal needs rising numbers, got {self}; sort them: {call('ordinal', sorted(self.values, key=float))}")

    def nearest(self, value: Value) -> Value:
        """The smaller one of two that are equally near."""
        return min(self.values, key=lambda held: abs(float(held) - value)) if is_number(value) else self.decode(0.5)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Choice(_Listed):
    """Some values without an order, all alike likely."""

    values: tuple[Value, ...]
    kind = "choice"
    title = "choice of"
    is_ordered = False

    def __post_init__(self) -> None:
        self._keep_values()

    def nearest(self, value: Value) -> Value:
        """The value itself if it is held; else the first."""
        return next((held for held in self.values if same(held, value)), self.values[0])

    def _remedy(self, value: Value) -> str:
        return did_you_mean(print_value(value), [print_value(held) for held in self.values])
