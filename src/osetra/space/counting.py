"""The configurations of a finite space, numbered from 0.

Without conditions the number is written in mixed radix, the last name counting fastest. With them, the searched names that conditions speak
of split the space into branches, in each of which the same names exist; branches are numbered one after another. Constraints strike
out numbers, and the rest close ranks.
Knows nothing of: fixed values that no condition names, sampling.
"""

import math
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from osetra.core.records import Configuration, Value
from osetra.space.conditions import Conditions, holds
from osetra.space.counted import Counted
from osetra.space.scale import Scale

MOST_BRANCHES = 10_000
"""Beyond them a space counts as too large to be numbered."""
MOST_LOOKED_THROUGH = 50_000
"""Configurations that are held against constraints one by one, about 10 us each; beyond them too the space counts as too large."""

Fits: TypeAlias = Callable[[dict[str, Value]], bool]
"""Whether the searched values satisfy every constraint."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Digits:
    """The indices that one name runs through in a branch: the one that is `only`, or all but `without` (rising)."""

    scale: Counted
    only: int | None = None
    without: tuple[int, ...] = ()

    @property
    def size(self) -> int:
        return 1 if self.only is not None else self.scale.size - len(self.without)

    def index(self, digit: int) -> int:
        """The scale's index of digit 0 .. size - 1."""
        if self.only is not None:
            return self.only
        for left_out in self.without:
            digit += digit >= left_out
        return digit

    def digit(self, index: int) -> int | None:
        """The digit of a scale's index; None where it is not run through."""
        if self.only is not None:
            return 0 if index == self.only else None
        place = bisect_left(self.without, index)
        return None if self.without[place : place + 1] == (index,) else index - place


class Numbering:
    """Numbers from 0 for all configurations of the searched names, of which `keep` leaves out some."""

    def __init__(self, branches: Sequence[Mapping[str, Digits]]) -> None:
        self._branches = [dict(sorted(branch.items(), reverse=True)) for branch in branches]
        self._sizes = [math.prod(digits.size for digits in branch.values()) for branch in self._branches]
        self._kept: list[int] | None = None

    @property
    def size(self) -> int:
        return sum(self._sizes) if self._kept is None else len(self._kept)

    def keep(self, fits: Fits) -> None:
        """Leave out the configurations that do not fit, and number the others anew."""
        self._kept = [number for number in range(self.size) if fits(self.at(number))]

    def at(self, number: int) -> dict[str, Value]:
        """The searched names that exist, and their values."""
        if self._kept is not None:
            number = self._kept[number]
        for branch, size in zip(self._branches, self._sizes, strict=True):
            if number < size:
                values: dict[str, Value] = {}
                for name, digits in branch.items():
                    number, digit = divmod(number, digits.size)
                    values[name] = digits.scale.at(digits.index(digit))
                return values
            number -= size
        raise AssertionError("a number beyond the size")

    def number_of(self, configuration: Configuration) -> int:
        before = 0
        for branch, size in zip(self._branches, self._sizes, strict=True):
            number = _number_in(branch, configuration)
            if number is not None:
                return before + number if self._kept is None else bisect_left(self._kept, before + number)
            before += size
        raise AssertionError("a configuration of another space")


def numbering(
    order: Sequence[str],
    scales: Mapping[str, Scale],
    fixed: Mapping[str, Value],
    conditions: Mapping[str, Conditions],
    fits: Fits | None = None,
) -> Numbering | None:
    """The numbering of a space; None for one that holds floats or is too large. order: all names, parents first; fits: None for all."""
    if any(not isinstance(scale, Counted) and name not in conditions for name, scale in scales.items()):
        return None
    branches: list[Mapping[str, Digits]] = []
    for branch in _branches(order, scales, fixed, conditions):
        if branch is None or len(branches) == MOST_BRANCHES:
            return None
        branches.append(branch)
    numbers = Numbering(branches)
    if fits is not None:
        if numbers.size > MOST_LOOKED_THROUGH:
            return None
        numbers.keep(fits)
    return numbers


def _branches(
    order: Sequence[str], scales: Mapping[str, Scale], fixed: Mapping[str, Value], conditions: Mapping[str, Conditions]
) -> Iterator[Mapping[str, Digits] | None]:
    """Every branch; None for one in which a name of floats exists."""
    spoken_of = {parent for needs in conditions.values() for parent in needs}

    def grow(place: int, values: dict[str, Value], branch: dict[str, Digits]) -> Iterator[Mapping[str, Digits] | None]:
        for at in range(place, len(order)):
            name = order[at]
            if not holds(conditions.get(name, {}), values):
                continue
            if name in fixed:
                values = {**values, name: fixed[name]}
                continue
            scale = scales[name]
            if not isinstance(scale, Counted):
                yield None
                return
            if name not in spoken_of:
                branch = {**branch, name: Digits(scale=scale)}
                continue
            listed = _listed(name, scale, conditions)
            for index in listed:
                yield from grow(at + 1, {**values, name: scale.at(index)}, {**branch, name: Digits(scale=scale, only=index)})
            if len(listed) < scale.size:
                # The name stays out of `values`: no condition speaks of what it is here.
                yield from grow(at + 1, values, {**branch, name: Digits(scale=scale, without=listed)})
            return
        yield branch

    yield from grow(0, {}, {})


def _listed(name: str, scale: Counted, conditions: Mapping[str, Conditions]) -> tuple[int, ...]:
    """The indices of all values that conditions on the name list."""
    return tuple(sorted({scale.index_of(value) for needs in conditions.values() for value in needs.get(name, ())}))


def _number_in(branch: Mapping[str, Digits], configuration: Configuration) -> int | None:
    number, step = 0, 1
    for name, digits in branch.items():
        digit = digits.digit(digits.scale.index_of(configuration[name])) if name in configuration else None
        if digit is None:
            return None
        number += step * digit
        step *= digits.size
    return number
