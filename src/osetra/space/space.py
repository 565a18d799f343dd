"""A space: which hyperparameters are searched, on which scales, and what the others are fixed at.

    Space({"learning_rate": log(1e-4, 0.1), "batch_size": powers_of_two(64, 512), "optimizer": "adam"})

A configuration gives every name one value; the searched ones make a point of the unit cube [d], coordinates in the order of `names`.
Names are sorted, so the order in which a space was written changes nothing but its printed form.
Knows nothing of: what a hyperparameter means, training, search.
"""

import json
import math
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from osetra.core.errors import SpaceError
from osetra.core.records import Configuration, Value
from osetra.space.counted import Counted
from osetra.space.scale import Scale
from osetra.space.scales import make_scale
from osetra.space.values import as_value, did_you_mean, print_short, print_value, same


class Space:
    """Immutable. `scales` and `fixed` map names to scales and to plain values; spaces are equal when both are."""

    __slots__ = ("_order", "fixed", "names", "scales")

    names: tuple[str, ...]
    """The searched hyperparameters, sorted; d of them."""
    scales: Mapping[str, Scale]
    fixed: Mapping[str, Value]

    def __init__(self, entries: Mapping[str, Scale | Value]) -> None:
        """Raises `SpaceError` for an entry that is neither a scale nor a plain value, and for a name that is not a word."""
        if not isinstance(entries, Mapping):
            raise SpaceError(
                f"a space must be a mapping of names to scales or values, got {entries!r}; write {{'learning_rate': log(1e-4, 1)}}"
            )
        scales: dict[str, Scale] = {}
        fixed: dict[str, Value] = {}
        for name, entry in entries.items():
            if not isinstance(name, str) or not name.strip():
                raise SpaceError(f"the name of a hyperparameter must be a word, got {name!r}; give it one")
            if isinstance(entry, Scale):
                scales[name] = entry
            else:
                try:
                    fixed[name] = as_value(entry)
                except SpaceError as error:
                    raise SpaceError(f"{name} must be a scale or a plain value: {error}") from None
        self._order = tuple(entries)
        self.names = tuple(sorted(scales))
        self.scales = MappingProxyType({name: scales[name] for name in self.names})
        self.fixed = MappingProxyType({name: fixed[name] for name in sorted(fixed)})

    @property
    def size(self) -> int | float:
        """Distinct configurations; infinite as soon as one scale holds floats."""
        sizes = [scale.size for scale in self.scales.values()]
        return math.inf if math.inf in sizes else math.prod(sizes)

    def decode(self, unit: ArrayLike) -> dict[str, Value]:
        """The configuration at a point of the unit cube [d], fixed values included. Raises `SpaceError` for a point not in it."""
        point = np.asarray(unit, dtype=np.float64)
        if point.shape != (len(self.names),):
            raise SpaceError(f"a point must have shape ({len(self.names)},), one coordinate a searched name, got {point.shape}")
        return {**self.fixed, **{name: scale.decode(u) for (name, scale), u in zip(self.scales.items(), point.tolist(), strict=True)}}

    def encode(self, configuration: Configuration) -> np.ndarray:
        """Where a configuration lies in the unit cube, float64 [d]. Raises `SpaceError` as `validate` does."""
        self.validate(configuration)
        return np.array([scale.encode(configuration[name]) for name, scale in self.scales.items()], dtype=np.float64)

    def validate(self, configuration: Configuration) -> None:
        """Raises `SpaceError` for an unknown name, a missing name, a value out of its range and one that differs from what is fixed."""
        known = {*self.names, *self.fixed}
        for name in configuration:
            if name not in known:
                raise SpaceError(
                    f"a configuration must name hyperparameters of its space, got {name!r}; {did_you_mean(str(name), sorted(known))}"
                )
        for name in sorted(known):
            if name not in configuration:
                raise SpaceError(f"a configuration must give every hyperparameter a value, {name} is missing; add it")
            value = configuration[name]
            if name in self.scales:
                self.scales[name].require(value, name)
            elif not same(as_value(value), self.fixed[name]):
                raise SpaceError(
                    f"{name} must be {print_value(self.fixed[name])}, at which it is fixed, got {value!r}; change the value or the space"
                )

    def nearest(self, configuration: Configuration) -> dict[str, Value]:
        """The configuration of this space nearest to any other.

        Values outside a range are clipped, what is fixed stays, missing values lie in the middle, unknown names are dropped.
        """
        searched = {
            name: scale.nearest(as_value(configuration[name])) if name in configuration else scale.decode(0.5)
            for name, scale in self.scales.items()
        }
        return {**self.fixed, **searched}

    def at(self, index: int) -> dict[str, Value]:
        """Configuration number `index` of a finite space, from 0 to size - 1; the last name counts fastest."""
        values: dict[str, Value] = {}
        for name, scale in self._digits():
            index, digit = divmod(index, scale.size)
            values[name] = scale.at(digit)
        return {**self.fixed, **{name: values[name] for name in self.names}}

    def index_of(self, configuration: Configuration) -> int:
        """The number of a configuration of a finite space, so that `at` gives it back."""
        index, step = 0, 1
        for name, scale in self._digits():
            index += step * scale.index_of(configuration[name])
            step *= scale.size
        return index

    def replace(self, entries: Mapping[str, Scale | Value]) -> "Space":
        """A new space in which these names have these scales or values; names not yet in the space are added."""
        return Space({**self._entries(), **entries})

    def with_(self, **entries: Scale | Value) -> "Space":
        """As `replace`, with names as keywords: `space.with_(batch_size=128)`."""
        return self.replace(entries)

    def describe(self) -> str:
        """For people: one hyperparameter a line, the searched ones first, each in the order in which it was written."""
        width = max((len(name) for name in self._order), default=0)
        searched = [f"{name:<{width}}  {self.scales[name].describe()}" for name in self._order if name in self.scales]
        fixed = [f"{name:<{width}}  fixed {print_short(self.fixed[name])}" for name in self._order if name in self.fixed]
        return "\n".join(searched + fixed)

    def to_dict(self) -> dict[str, Any]:
        """JSON-able and exact: {"learning_rate": {"log": [0.0001, 0.1]}, "optimizer": "adam"}."""
        return {name: entry.to_dict() if isinstance(entry, Scale) else entry for name, entry in self._entries().items()}

    @classmethod
    def from_dict(cls, entries: Mapping[str, Any]) -> "Space":
        """The space that `to_dict` wrote. Raises `SpaceError` for anything else."""
        if not isinstance(entries, Mapping):
            raise SpaceError(f"a space must be written as a mapping of names, got {entries!r}; write it with to_dict")
        return cls({name: _entry(name, entry) for name, entry in entries.items()})

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Space) and self._text() == other._text()

    def __hash__(self) -> int:
        return hash(self._text())

    def __repr__(self) -> str:
        return f"Space({{{', '.join(f'{name!r}: {entry!r}' for name, entry in self._entries().items())}}})"

    def _entries(self) -> dict[str, Scale | Value]:
        return {name: self.scales[name] if name in self.scales else self.fixed[name] for name in self._order}

    def _text(self) -> str:
        # JSON tells 1, 1.0 and true apart where Python's equality does not.
        return json.dumps(self.to_dict(), sort_keys=True)

    def _digits(self) -> Iterable[tuple[str, Counted]]:
        for name in reversed(self.names):
            scale = self.scales[name]
            assert isinstance(scale, Counted), f"{name} holds floats: an infinite space has no numbers"
            yield name, scale


def _entry(name: str, entry: Any) -> Scale | Value:
    if not isinstance(entry, Mapping):
        return entry
    if len(entry) != 1 or not isinstance(next(iter(entry.values())), (list, tuple)):
        raise SpaceError(f'{name} must be written as a value or as {{"kind": [arguments]}}, got {dict(entry)}; write it with to_dict')
    ((kind, arguments),) = entry.items()
    return make_scale(str(kind), arguments)
