"""The scales there are, each made by a word: log(0.0001, 0.1), choice("relu", "tanh").

Knows nothing of: names, other hyperparameters, search.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from osetra.core.errors import SpaceError
from osetra.core.records import Value
from osetra.space.continuous import Linear, Log, OneMinusLog
from osetra.space.counted import Choice, Integer, LogInteger, Ordinal, PowersOfTwo
from osetra.space.scale import Scale, call
from osetra.space.values import did_you_mean


def linear(low: float, high: float) -> Linear:
    """Floats, every interval of one width alike likely. Raises `SpaceError` unless low < high, both finite."""
    return Linear(low=low, high=high)


def log(low: float, high: float) -> Log:
    """Floats, every factor alike likely, such as a learning rate. Raises `SpaceError` unless 0 < low < high, both finite."""
    return Log(low=low, high=high)


def one_minus_log(low: float, high: float) -> OneMinusLog:
    """Floats whose 1 - value is log-scaled, such as a momentum from 0.9 to 0.999. Raises `SpaceError` unless 0 < low < high < 1."""
    return OneMinusLog(low=low, high=high)


def integer(low: int, high: int) -> Integer:
    """Whole numbers, both bounds included. Raises `SpaceError` unless low < high, both whole and at most 2^40 in size."""
    return Integer(low=low, high=high)


def log_integer(low: int, high: int) -> LogInteger:
    """Whole numbers, every factor alike likely. Raises `SpaceError` unless 1 <= low < high <= 2^40, both whole."""
    return LogInteger(low=low, high=high)


def powers_of_two(low: int, high: int) -> PowersOfTwo:
    """16, 32, 64 .. for (16, ..). Raises `SpaceError` unless low < high and both are powers of two."""
    return PowersOfTwo(low=low, high=high)


def ordinal(*values: float) -> Ordinal:
    """Numbers in rising order. Raises `SpaceError` for fewer than two, duplicates, or another order."""
    return Ordinal(values=values)


def choice(*values: Value) -> Choice:
    """Values without an order. Raises `SpaceError` for fewer than two or duplicates."""
    return Choice(values=values)


_RANGES: Mapping[str, Callable[[Any, Any], Scale]] = {
    "log": log,
    "linear": linear,
    "one_minus_log": one_minus_log,
    "integer": integer,
    "log_integer": log_integer,
    "powers_of_two": powers_of_two,
}
_LISTS: Mapping[str, Callable[..., Scale]] = {"ordinal": ordinal, "choice": choice}
KINDS: tuple[str, ...] = (*_RANGES, *_LISTS)


def make_scale(kind: str, arguments: Sequence[Any]) -> Scale:
    """The scale of that kind, as in its printed form. Raises `SpaceError` for an unknown kind and arguments that do not fit it."""
    if kind in _LISTS:
        return _LISTS[kind](*arguments)
    if kind not in _RANGES:
        raise SpaceError(f"a scale must be of a kind there is, got {kind}; {did_you_mean(kind, KINDS)}")
    if len(arguments) != 2:
        raise SpaceError(f"{kind} needs two numbers, low and high, got {call(kind, arguments)}; give both")
    return _RANGES[kind](*arguments)
