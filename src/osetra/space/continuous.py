"""Scales of floats.

    linear(low, high)          low + u (high - low)
    log(low, high)             low (high/low)^u                     so alpha = 10^r, r uniform
    one_minus_log(low, high)   1 - (1-low) ((1-high)/(1-low))^u     so beta = 1 - 10^r, r uniform

Bounds map to 0 and 1 and back exactly, all else within rounding.
Knows nothing of: names, other hyperparameters, search.
"""

import math
from abc import abstractmethod
from dataclasses import dataclass

from osetra.core.errors import SpaceError
from osetra.core.records import Value
from osetra.space.scale import Scale, call, require_range, unit
from osetra.space.values import as_value, is_number, print_short


class Continuous(Scale):
    """Floats from low to high."""

    __slots__ = ()
    low: float
    high: float

    @property
    def size(self) -> float:
        return math.inf

    @property
    def arguments(self) -> tuple[float, float]:
        return (self.low, self.high)

    def decode(self, u: float) -> float:
        u = unit(u)
        # The formula rounds, so its ends are set by hand and its inside kept between them.
        if u in (0, 1):
            return self.high if u else self.low
        return min(max(self._value(u), self.low), self.high)

    def encode(self, value: Value) -> float:
        value = self.require(value)
        assert is_number(value)
        return min(max(self._coordinate(float(value)), 0.0), 1.0)

    def contains(self, value: Value) -> bool:
        return is_number(value) and self.low <= value <= self.high

    def nearest(self, value: Value) -> float:
        return float(min(max(value, self.low), self.high)) if is_number(value) else self.decode(0.5)

    def describe(self) -> str:
        return f"{self.title} {print_short(self.low)} .. {print_short(self.high)}"

    def __str__(self) -> str:
        return call(self.kind, [int(bound) if bound.is_integer() and abs(bound) < 1e6 else bound for bound in self.arguments])

    __repr__ = __str__

    @abstractmethod
    def _value(self, u: float) -> float: ...

    @abstractmethod
    def _coordinate(self, value: float) -> float: ...

    def _keep_bounds(self) -> None:
        object.__setattr__(self, "low", float(as_value(self.low)))
        object.__setattr__(self, "high", float(as_value(self.high)))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Linear(Continuous):
    """Every interval of one width is as likely as any other."""

    low: float
    high: float
    kind = "linear"
    title = "linear"

    def __post_init__(self) -> None:
        require_range("linear", self.low, self.high, needs="low < high")
        self._keep_bounds()
        if math.isinf(self.high - self.low):
            raise SpaceError(f"linear needs high - low to be finite, got {self}; narrow it")

    def _value(self, u: float) -> float:
        return self.low + u * (self.high - self.low)

    def _coordinate(self, value: float) -> float:
        return (value - self.low) / (self.high - self.low)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Log(Continuous):
    """Every factor is as likely as any other: as many values between 0.001 and 0.01 as between 0.01 and 0.1."""

    low: float
    high: float
    kind = "log"
    title = "log"

    def __post_init__(self) -> None:
        require_range("log", self.low, self.high, needs="0 < low < high", above=0)
        self._keep_bounds()
        if math.isinf(self.high / self.low):
            raise SpaceError(f"log needs high / low to be finite, got {self}; narrow it")

    def _value(self, u: float) -> float:
        return self.low * (self.high / self.low) ** u

    def _coordinate(self, value: float) -> float:
        return math.log(value / self.low) / math.log(self.high / self.low)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class OneMinusLog(Continuous):
    """Log in 1 - value, for decays: 0.9 averages about 10 steps, 0.99 about 100, 0.999 about 1,000, and each step up is as likely."""

    low: float
    high: float
    kind = "one_minus_log"
    title = "one-minus log"

    def __post_init__(self) -> None:
        require_range("one_minus_log", self.low, self.high, needs="0 < low < high < 1", above=0, below=1)
        self._keep_bounds()
        if 1 - self.high == 1 - self.low:
            raise SpaceError(f"one_minus_log needs bounds that 1 - x tells apart, got {self}; widen it or use log")

    def _value(self, u: float) -> float:
        return 1 - (1 - self.low) * ((1 - self.high) / (1 - self.low)) ** u

    def _coordinate(self, value: float) -> float:
        return math.log((1 - value) / (1 - self.low)) / math.log((1 - self.high) / (1 - self.low))
