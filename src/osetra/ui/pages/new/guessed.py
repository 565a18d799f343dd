"""What a fit of previewed data would decide, from their first rows: the task, the space to search; and edits of that space.

The fit decides anew from all rows; here is what it will most likely be.
Knows nothing of: elements, budgets.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from osetra.core.errors import SpaceError
from osetra.core.records import Task
from osetra.data.prepare import Preparation
from osetra.data.sources import TARGET
from osetra.data.tables import Dataset, dataset
from osetra.space.known import IMAGE_HYPERPARAMETERS, KNOWN_HYPERPARAMETERS, check_names, check_values
from osetra.space.tiers import default_space
from osetra.space.words import parse_scale, print_scale
from osetra.ui.preview import Preview

if TYPE_CHECKING:
    from osetra.space.space import Space

TRAIN_SHARE = 0.7
"""Of the rows, about: ranges follow the training part."""
LIKELY_TARGETS = ("target", "label", "class", "outcome")
ALL_TIERS = 3
TIERS = {
    1: ("learning_rate",),
    2: ("batch_size", "hidden_units", "momentum", "l2", "keep_prob"),
    3: ("num_layers",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """From the first rows."""

    task: Task
    notes: tuple[str, ...]
    """What was inferred and what becomes of columns, in sentences."""
    rows: int
    """Of the training part, about."""
    inputs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One hyperparameter of a space, to be shown."""

    tier: int | None
    """None: not searched unless asked."""
    name: str
    range: str
    meaning: str
    is_edited: bool


def likely_targets(columns: Sequence[str]) -> list[str]:
    """A column that is called as targets are, or all targets of arrays that have several, else the last column."""
    by_name = {column.lower(): column for column in columns}
    called = next(([by_name[name]] for name in LIKELY_TARGETS if name in by_name), [])
    of_arrays = [name for place in range(len(columns)) if (name := f"{TARGET}{place}") in columns]
    return called or (of_arrays if len(of_arrays) > 1 else [columns[-1]])


def guess(previewed: Preview, target: str | Sequence[str] | None, *, task: str | None = None, drop: Sequence[str] = ()) -> Guess:
    """target: one or several; None: all that is known of images. Raises DataError where a fit of the first rows would."""
    training = max(1, int(TRAIN_SHARE * previewed.rows))
    if previewed.table is None:
        count = len(previewed.classes)
        side = 28 * 28
        kind = Task.BINARY if count == 2 else Task.MULTICLASS
        return Guess(task=kind, notes=(f"{count:,} classes: {kind.in_words}",), rows=training, inputs=side)
    rows: Dataset = dataset(previewed.table, target=target or list(previewed.table.frame.columns), task=task, drop=drop)
    preparation = Preparation.fit(rows, np.arange(rows.num_rows))
    return Guess(task=rows.task, notes=(*rows.notes, *preparation.notes), rows=training, inputs=preparation.num_inputs)


def space_of(guessed: Guess, edits: Mapping[str, Any]) -> "Space":
    """The default space with the edits in it. Raises SpaceError, with what to do, for an edit that makes no sense."""
    asked = edits.get("optimizer")
    optimizer = asked if isinstance(asked, str) else "adam"
    space = default_space(rows=guessed.rows, inputs=guessed.inputs, task=guessed.task, tiers=ALL_TIERS, optimizer=optimizer).replace(edits)
    check_names(space)
    check_values(space)
    return space


def entries_of(space: "Space", edits: Mapping[str, Any]) -> list[Entry]:
    """What is searched, by tier, then what is edited, then what is fixed."""
    tier_of = {name: tier for tier, names in TIERS.items() for name in names}
    listed = [*space.scales.items(), *space.fixed.items()]
    found = [
        Entry(
            tier=tier_of.get(name) if name in space.scales else None, name=name, range=print_scale(entry),
            meaning=KNOWN_HYPERPARAMETERS.get(name, ""), is_edited=name in edits,
        )
        for name, entry in listed
    ]  # fmt: skip
    return sorted(found, key=lambda one: (one.tier or (ALL_TIERS + 1 if one.name in space.scales else ALL_TIERS + 2), not one.is_edited))


def edits_of(text: str) -> dict[str, str]:
    """Lines `name = range` as texts by name. Raises SpaceError for a line of another form and for a name that comes twice."""
    edits: dict[str, str] = {}
    for line in text.splitlines():
        if not line.strip() or line.strip().startswith("#"):
            continue
        name, equals, entry = line.partition("=")
        name, entry = name.strip(), entry.strip()
        if not equals or not name or not entry:
            raise SpaceError(
                f"an edit must read name = value or name = range, got {line.strip()!r}; such as learning_rate = log(1e-4, 0.1)"
            )
        if name in edits:
            raise SpaceError(f"an edit must name each hyperparameter once, got {name} twice; keep one of the lines")
        edits[name] = entry
    return edits


def parsed(edits: Mapping[str, str]) -> dict[str, Any]:
    """As `Space.replace` takes them. Raises SpaceError for what is no value or range."""
    made = {}
    for name, text in edits.items():
        try:
            made[name] = parse_scale(text)
        except SpaceError as error:
            raise SpaceError(f"the edit of {name} makes no sense: {error}") from error
    return made


def others(space: "Space", *, images: bool) -> list[str]:
    """Hyperparameters that an edit may name and the space does not have."""
    held = {*space.names, *space.fixed}
    return [name for name in KNOWN_HYPERPARAMETERS if name not in held and (images or name not in IMAGE_HYPERPARAMETERS)]


def rounded(rows: int) -> int:
    """To two figures: an estimate."""
    step = 10 ** max(0, len(str(rows)) - 2)
    return round(rows / step) * step
