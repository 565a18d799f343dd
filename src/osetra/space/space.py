"""A space: which hyperparameters are searched, on which scales, and what the others are fixed at.

    Space({"learning_rate": log(1e-4, 0.1), "batch_size": powers_of_two(64, 512), "optimizer": "adam"})
    Space(
        {"optimizer": choice("adam", "momentum"), "momentum": when(one_minus_log(0.8, 0.99), optimizer="momentum")},
        constraints=("optimizer == 'adam' or momentum <= 0.95",),
    )

A configuration gives every name that exists one value; the searched ones make a point of the unit cube [d], coordinates in the order of
`names`. A name whose conditions do not hold is absent from the configuration, and its coordinate means nothing there.
Names are sorted, so the order in which a space was written changes nothing but its printed form.
An explicit list of values for an axis, as a grid has it, is `ordinal(1, 3, 10)` for numbers and `choice("relu", "tanh")` for words.
Knows nothing of: what a hyperparameter means, training, search.
"""

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from osetra.core.errors import SpaceError
from osetra.core.records import Configuration, Value
from osetra.space import edits, feasible
from osetra.space.conditions import Conditions, When, holds, in_words, parents_first
from osetra.space.constraints import Constraint
from osetra.space.counting import Numbering, numbering
from osetra.space.edits import Edit
from osetra.space.scale import Scale
from osetra.space.values import as_value, did_you_mean, print_short, print_value, same
from osetra.space.written import entry_from_dict, entry_to_dict


class Space:
    """Immutable. Spaces are equal when scales, fixed values, conditions and constraints are."""

    __slots__ = ("_numbers", "_order", "_parents_first", "conditions", "constraints", "edit", "fixed", "names", "scales")

    names: tuple[str, ...]
    """The searched hyperparameters, sorted; d of them."""
    scales: Mapping[str, Scale]
    fixed: Mapping[str, Value]
    conditions: Mapping[str, Conditions]
    """Of the names, searched and fixed, that exist only where others have certain values."""
    constraints: tuple[Constraint, ...]
    edit: Edit | None
    """What made this space from an earlier one, if `widen`, `narrow`, `fix`, `add_choice` or `release` did; counts for nothing else."""

    def __init__(self, entries: Mapping[str, "Scale | Value | When"], constraints: Sequence[str | Constraint] = ()) -> None:
        """Raises `SpaceError` for an entry that is neither a scale nor a plain value, a name that is not a word, conditions on names
        that there are not or in a circle, and constraints that are not made of names, values, arithmetic and comparisons.
        """
        if not isinstance(entries, Mapping):
            raise SpaceError(
                f"a space must be a mapping of names to scales or values, got {entries!r}; write {{'learning_rate': log(1e-4, 1)}}"
            )
        scales: dict[str, Scale] = {}
        fixed: dict[str, Value] = {}
        conditions: dict[str, Conditions] = {}
        for name, entry in entries.items():
            _check_name(name)
            if isinstance(entry, When):
                conditions[name], entry = entry.conditions, entry.entry
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
        self.conditions = MappingProxyType({name: conditions[name] for name in sorted(conditions)})
        self._parents_first = parents_first(self.scales, self.fixed, self.conditions)
        self.constraints = _constraints(constraints, entries)
        self.edit = None
        self._numbers: tuple[Numbering | None] | None = None

    @property
    def size(self) -> int | float:
        """Distinct configurations that satisfy the constraints.

        Infinite as soon as one scale holds floats, and taken for infinite where constraints leave more than 50,000 configurations to
        look through. Raises `SpaceError` if no configuration satisfies them.
        """
        numbers = self._numbered()
        return math.inf if numbers is None else numbers.size

    def decode(self, unit: ArrayLike) -> dict[str, Value]:
        """The configuration at a point of the unit cube [d], fixed values included; coordinates of names that do not exist are ignored.

        It may break a constraint: see `fits`. Raises `SpaceError` for a point not in the cube.
        """
        point = np.asarray(unit, dtype=np.float64)
        if point.shape != (len(self.names),):
            raise SpaceError(f"a point must have shape ({len(self.names)},), one coordinate a searched name, got {point.shape}")
        searched = {name: scale.decode(u) for (name, scale), u in zip(self.scales.items(), point.tolist(), strict=True)}
        return self._existing({**self.fixed, **searched})

    def build(self, value_of: Callable[[str], Value]) -> dict[str, Value]:
        """A configuration whose searched values are asked for one by one, of those names only that exist, needed ones first.

        It may break a constraint: see `fits`. Raises `SpaceError` for a value that its scale does not hold.
        """
        values: dict[str, Value] = {}
        for name in self._parents_first:
            if holds(self.conditions.get(name, {}), values):
                values[name] = self.fixed[name] if name in self.fixed else self.scales[name].require(value_of(name), name)
        return {name: values[name] for name in (*self.fixed, *self.names) if name in values}

    def encode(self, configuration: Configuration) -> np.ndarray:
        """Where a configuration lies in the unit cube, float64 [d]; 0.5 for a name that does not exist. `SpaceError` as `validate`."""
        self.validate(configuration)
        return self._encode(configuration)

    def validate(self, configuration: Configuration) -> None:
        """Raises `SpaceError` for an unknown name, a missing name, one that does not exist beside the other values, a value out of its
        range, one that differs from what is fixed, and a constraint that is broken.
        """
        for name in configuration:
            if name not in self.scales and name not in self.fixed:
                raise SpaceError(
                    f"a configuration must name hyperparameters of its space, got {name!r}; "
                    f"{did_you_mean(str(name), sorted({*self.names, *self.fixed}))}"
                )
        for name in self._parents_first:
            if not holds(self.conditions.get(name, {}), configuration):
                if name in configuration:
                    raise SpaceError(f"{name} exists only {in_words(self.conditions[name])}, got it all the same; leave it out")
                continue
            if name not in configuration:
                raise SpaceError(f"a configuration must give every hyperparameter a value, {name} is missing; add it")
            value = configuration[name]
            if name in self.scales:
                self.scales[name].require(value, name)
            elif not same(as_value(value), self.fixed[name]):
                raise SpaceError(
                    f"{name} must be {print_value(self.fixed[name])}, at which it is fixed, got {value!r}; change the value or the space"
                )
        for constraint in self.constraints:
            if not constraint.satisfied(configuration):
                raise SpaceError(
                    f"a configuration must satisfy {constraint.text!r}, got {constraint.values(configuration)}; "
                    "change a value, or take the nearest configuration"
                )

    def absent_from(self, configuration: Configuration) -> tuple[str, ...]:
        """The fixed names that a configuration leaves out although they exist beside its other values, those first that others need."""
        whole = {**configuration}
        absent = []
        for name in self._parents_first:
            if name in self.fixed and name not in whole and holds(self.conditions.get(name, {}), whole):
                whole[name] = self.fixed[name]
                absent.append(name)
        return tuple(absent)

    def key(self, configuration: Configuration) -> tuple[Value | None, ...]:
        """What tells a configuration of this space from every other: its searched values by sorted name, None for an absent one."""
        return tuple(configuration.get(name) for name in self.names)

    def fits(self, configuration: Configuration) -> bool:
        """Whether a configuration that `decode` made satisfies every constraint."""
        return all(constraint.satisfied(configuration) for constraint in self.constraints)

    def draw(self, generator: np.random.Generator) -> np.ndarray:
        """A point of the unit cube, float64 [d], uniform among those whose configuration satisfies the constraints.

        Raises `SpaceError` if (almost) nothing does.
        """
        return feasible.draw(self._fits_at, len(self.names), generator)

    def draw_near(self, unit: ArrayLike, generator: np.random.Generator) -> np.ndarray:
        """The point [d] itself if its configuration satisfies the constraints, else one near it that does; `SpaceError` as `draw`."""
        return feasible.draw_near(self._fits_at, np.asarray(unit, dtype=np.float64), generator)

    def nearest(self, configuration: Configuration) -> dict[str, Value]:
        """The configuration of this space nearest to any other.

        Values outside a range are clipped, what is fixed stays, missing values lie in the middle, names that are unknown or do not exist
        beside the other values are dropped. Where that breaks a constraint, a short search moves what it must; `SpaceError` as `draw`.
        """
        searched = {
            name: scale.nearest(as_value(configuration[name])) if name in configuration else scale.decode(0.5)
            for name, scale in self.scales.items()
        }
        clipped = self._existing({**self.fixed, **searched})
        if self.fits(clipped):
            return clipped
        start = np.array([scale.encode(searched[name]) for name, scale in self.scales.items()], dtype=np.float64)
        point = feasible.nearest(self._fits_at, start)
        moved = self.decode(point)
        # What did not move keeps its value to the last digit.
        still = {name: searched[name] for name, one, other in zip(self.names, point, start, strict=True) if one == other and name in moved}
        kept = {**moved, **still}
        return kept if self.fits(kept) else moved

    def at(self, index: int) -> dict[str, Value]:
        """Configuration number `index` of a finite space, from 0 to size - 1; without conditions the last name counts fastest."""
        numbers = self._numbered()
        assert numbers is not None, "an infinite space has no numbers"
        return self._existing({**self.fixed, **dict(sorted(numbers.at(index).items()))})

    def index_of(self, configuration: Configuration) -> int:
        """The number of a configuration of a finite space, so that `at` gives it back."""
        numbers = self._numbered()
        assert numbers is not None, "an infinite space has no numbers"
        return numbers.number_of(configuration)

    def replace(self, entries: Mapping[str, "Scale | Value | When"], *, constraints: Sequence[str | Constraint] | None = None) -> "Space":
        """A new space in which these names have these entries, and no conditions but those given with them; new names are added.

        constraints: in place of the present ones, which stay if None. Raises `SpaceError` as `Space` does.
        """
        return Space({**self.entries(), **entries}, self.constraints if constraints is None else constraints)

    def with_(self, **entries: "Scale | Value | When") -> "Space":
        """As `replace`, with names as keywords: `space.with_(batch_size=128)`."""
        return self.replace(entries)

    def widen(self, name: str, low: float, high: float, why: str = "") -> "Space":
        """A new space in which a range reaches further. Raises `SpaceError` unless it holds all that it held, and more."""
        return self._edited(edits.widen(name, self._entry(name), low, high), "widen", name, why)

    def narrow(self, name: str, low: float, high: float, why: str = "") -> "Space":
        """A new space in which a range, or an ordinal, holds less. Raises `SpaceError` unless it lies within what it was."""
        return self._edited(edits.narrow(name, self._entry(name), low, high), "narrow", name, why)

    def fix(self, name: str, value: Value, why: str = "") -> "Space":
        """A new space in which a name has one value. Raises `SpaceError` for a value that its scale does not hold."""
        return self._edited(edits.fix(name, self._entry(name), value), "fix", name, why)

    def add_choice(self, name: str, value: Value, why: str = "") -> "Space":
        """A new space in which a choice or an ordinal holds one value more. Raises `SpaceError` if it holds it already."""
        return self._edited(edits.add_choice(name, self._entry(name), value), "add_choice", name, why)

    def release(self, name: str, scale: Scale, why: str = "") -> "Space":
        """A new space in which a fixed name is searched. Raises `SpaceError` unless it is fixed, at a value that the scale holds."""
        return self._edited(edits.release(name, self._entry(name), scale), "release", name, why)

    def describe(self) -> str:
        """For people: one hyperparameter a line, the searched ones first, each in the order in which it was written; then constraints."""
        labels = (*self._order, *(["constraint"] if self.constraints else []))
        width = max((len(name) for name in labels), default=0)

        def line(name: str, said: str) -> str:
            return f"{name:<{width}}  {said}{', ' + in_words(self.conditions[name]) if name in self.conditions else ''}"

        searched = [line(name, self.scales[name].describe()) for name in self._order if name in self.scales]
        fixed = [line(name, f"fixed {print_short(self.fixed[name])}") for name in self._order if name in self.fixed]
        return "\n".join([*searched, *fixed, *(f"{'constraint':<{width}}  {constraint.text}" for constraint in self.constraints)])

    def to_dict(self) -> dict[str, Any]:
        """JSON-able and exact: {"learning_rate": {"log": [0.0001, 0.1]}, "optimizer": "adam", "constraints": ["learning_rate < 0.05"]}.

        A conditional entry has a second key: {"momentum": {"linear": [0, 1], "when": {"optimizer": ["momentum"]}}}; a value {"value": 0.9}.
        """
        written = {name: entry_to_dict(entry) for name, entry in self.entries().items()}
        return {**written, "constraints": [constraint.text for constraint in self.constraints]} if self.constraints else written

    @classmethod
    def from_dict(cls, entries: Mapping[str, Any]) -> "Space":
        """The space that `to_dict` wrote. Raises `SpaceError` for anything else."""
        if not isinstance(entries, Mapping):
            raise SpaceError(f"a space must be written as a mapping of names, got {entries!r}; write it with to_dict")
        constraints = entries.get("constraints", [])
        if not isinstance(constraints, (list, tuple)):
            raise SpaceError(f'constraints must be a list of texts, got {constraints!r}; such as ["num_layers <= 4"]')
        return cls({name: entry_from_dict(name, entry) for name, entry in entries.items() if name != "constraints"}, constraints)

    def to_toml(self) -> str:
        """TOML that a person reads and `from_toml` turns back into this very space."""
        from osetra.space.toml_form import write

        return write(self.entries(), [constraint.text for constraint in self.constraints])

    @classmethod
    def from_toml(cls, text_or_path: str | Path) -> "Space":
        """The space written in TOML: the text itself, or a path (a text without `=` and line breaks is one).

            learning_rate = "log(1e-4, 0.1)"
            optimizer = "choice(adam, momentum)"
            momentum = "one_minus_log(0.8, 0.99)"
            constraints = ["optimizer == 'adam' or momentum <= 0.95"]

            [when.momentum]
            optimizer = ["momentum"]

        Raises `SpaceError` for anything else.
        """
        from osetra.space.toml_form import read

        return cls(*read(text_or_path))

    def entries(self) -> dict[str, "Scale | Value | When"]:
        """What makes this space anew, beside its constraints: name -> scale or value, with its conditions, in the order written."""
        return {name: self._entry(name) for name in self._order}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Space) and self._text() == other._text()

    def __hash__(self) -> int:
        return hash(self._text())

    def __repr__(self) -> str:
        constraints = f", constraints={tuple(constraint.text for constraint in self.constraints)!r}" if self.constraints else ""
        return f"Space({{{', '.join(f'{name!r}: {entry!r}' for name, entry in self.entries().items())}}}{constraints})"

    def __reduce__(self) -> tuple[Any, ...]:
        return Space.from_dict, (self.to_dict(),)

    def _entry(self, name: str) -> "Scale | Value | When":
        if name not in self.scales and name not in self.fixed:
            raise SpaceError(f"an edit must name a hyperparameter of the space, got {name!r}; {did_you_mean(str(name), self._order)}")
        entry = self.scales[name] if name in self.scales else self.fixed[name]
        return When(entry=entry, conditions=self.conditions[name]) if name in self.conditions else entry

    def _edited(self, entry: "Scale | Value | When", verb: str, name: str, why: str) -> "Space":
        edited = self.replace({name: entry})
        edited.edit = Edit(verb=verb, name=name, old=edits.printed(self._entry(name)), new=edits.printed(entry), why=why)
        return edited

    def _existing(self, values: dict[str, Value]) -> dict[str, Value]:
        """The values without those of names whose conditions do not hold."""
        if self.conditions:
            for name in self._parents_first:
                if name in self.conditions and not holds(self.conditions[name], values):
                    values.pop(name, None)
        return values

    def _encode(self, configuration: Configuration) -> np.ndarray:
        return np.array(
            [scale.encode(configuration[name]) if name in configuration else 0.5 for name, scale in self.scales.items()], dtype=np.float64
        )

    def _fits_at(self, point: np.ndarray) -> bool:
        return not self.constraints or self.fits(self.decode(point))

    def _numbered(self) -> Numbering | None:
        """The numbering; None for a space that is not numbered. `SpaceError` if no configuration satisfies the constraints."""
        if self._numbers is None:
            fits = (lambda values: self.fits(self._existing({**self.fixed, **values}))) if self.constraints else None
            self._numbers = (numbering(self._parents_first, self.scales, self.fixed, self.conditions, fits),)
        numbers = self._numbers[0]
        if numbers is not None and not numbers.size:
            broken = " and ".join(repr(constraint.text) for constraint in self.constraints)
            raise SpaceError(
                f"the constraints must leave something to search, and no configuration satisfies {broken}; loosen them or widen the scales"
            )
        return numbers

    def _text(self) -> str:
        # JSON tells 1, 1.0 and true apart where Python's equality does not.
        return json.dumps(self.to_dict(), sort_keys=True)


def _check_name(name: Any) -> None:
    if not isinstance(name, str) or not name.strip():
        raise SpaceError(f"the name of a hyperparameter must be a word, got {name!r}; give it one")
    if name in ("constraints", "when"):
        raise SpaceError(f"{name} is a word of the written form of a space and cannot name a hyperparameter; give it another name")


def _constraints(constraints: Any, names: Iterable[str]) -> tuple[Constraint, ...]:
    listed = [constraints] if isinstance(constraints, (str, Constraint)) else list(constraints)
    made = tuple(one if isinstance(one, Constraint) else Constraint(text=one) for one in listed)
    for constraint in made:
        constraint.check_names(names)
    return made
