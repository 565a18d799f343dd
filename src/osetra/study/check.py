"""A check of osetra's own network on one's own data: its gradient at the start and after some training, and that its cost falls.

Knows nothing of: terminals, stores.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from osetra.core.errors import InputError
from osetra.core.records import Configuration
from osetra.core.seeding import Seed
from osetra.study.table import PreparedTable
from osetra.training.differences import GradientCheck, Verdict

if TYPE_CHECKING:
    from osetra.engines.port import Engine, Member, TrainingData

ROWS = 64
"""Rows of the batch: enough for batch norm, few enough that thousands of costs take seconds."""
ENTRIES = 200
"""Compared of each parameter array. An error in backward propagation is hardly ever one in so few of them."""
USUAL_RATE = 0.01
"""Of gradient descent, where the configuration has another optimiser."""
MADE_ROWS, MADE_COLUMNS = 200, 6


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkCheck:
    """What a check of a network found."""

    source: str
    configuration: Configuration
    num_parameters: int
    rows: int
    """Of the batch, from the training part."""
    steps: int
    """Full-batch steps between the two checks."""
    at_start: GradientCheck
    trained: GradientCheck | None
    """None where no steps were asked for."""
    costs: tuple[float, ...]
    """With its penalty, before each of `steps` steps of full-batch gradient descent from the start, dropout and augmentation off."""
    rate: float
    """Of those steps."""

    @property
    def rose_at(self) -> int | None:
        """The first of those steps, from 1, after which the cost was higher than before; None if it fell at every one."""
        return next((step for step, (before, after) in enumerate(pairwise(self.costs), start=1) if not after < before), None)

    @property
    def checks(self) -> tuple[GradientCheck, ...]:
        """The one at the start, and the one after training if there is one."""
        return (self.at_start,) if self.trained is None else (self.at_start, self.trained)

    @property
    def verdict(self) -> Verdict:
        """The worse of the two."""
        return max((check.verdict for check in self.checks), key=list(Verdict).index)


def check_network(
    data: Any = None,
    target: str | Sequence[str] | None = None,
    *,
    task: str | None = None,
    drop: Sequence[str] = (),
    space: Mapping[str, Any] | None = None,
    steps: int = 20,
    entries: int | None = ENTRIES,
    seed: int = 0,
) -> NetworkCheck:
    """Check the native engine's gradient in float64 on at most 64 rows of the training part, dropout off and L2 included.

    data, target, task, drop: as in `osetra.fit`; without data, a small table of two classes is made. space: edits of the default space;
    the one network that is checked has the configuration nearest to the default one. It is checked as initialised, and again after
    `steps` steps on those rows, with dropout if the configuration has some. entries: compared of each parameter array; None: all.
    Its cost is also followed over `steps` steps of full-batch gradient descent without dropout and augmentation, where it must fall each
    time: at the configuration's learning rate if its optimizer is gd, else at 0.01.

    Raises DataError, SpaceError, and ModelError where the network diverges; InputError for steps, entries or a seed that make no sense.
    """
    for name, value, least in (("steps", steps, 0), ("entries", entries, 1), ("seed", seed, 0)):
        if value is not None and value < least:
            raise InputError(f"{name} must be a whole number >= {least}, got {value}; leave it out for its default")
    if data is None:
        if target:
            raise InputError(f"a target needs a table that it is a column of, got {target!r} and no table; name the table too")
        table, source = _made_table(seed), "made data"
    else:
        table = PreparedTable.of(data, target, task=task, drop=drop, seed=seed)
        source = table.dataset.source
    configuration = _configuration(table, space or {})

    from osetra.engines.native.engine import NativeEngine
    from osetra.engines.port import TrainingData
    from osetra.training.gradient_check import check_gradient
    from osetra.training.recipe import build_member

    inputs, targets = _batch(table, seed)
    member = build_member(
        configuration, num_inputs=inputs.shape[1], num_outputs=table.preparation.num_outputs, task=table.dataset.task,
        seed=Seed(study=seed, trial=0), total_epochs=max(steps, 1), dtype=np.float64,
    )  # fmt: skip
    # The whole batch at a time, so that an epoch is a step.
    member.hyperparameters = replace(member.hyperparameters, batch_size=len(inputs))
    engine = NativeEngine()
    part = TrainingData(
        train_inputs=inputs, train_targets=targets, dev_inputs=inputs, dev_targets=targets, image=table.training.image
    )  # fmt: skip
    rate = float(member.learning_rates(0, 1)[0]) if member.hyperparameters.optimizer == "gd" else USUAL_RATE
    costs = _descent(engine, member, part, steps=steps, rate=rate)
    at_start = check_gradient(engine, member, inputs, targets, max_per_parameter=entries)
    trained = None
    if steps:
        engine.advance([member], part, epochs=steps)
        trained = check_gradient(engine, member, inputs, targets, max_per_parameter=entries)
    return NetworkCheck(
        source=source, configuration=configuration, num_parameters=member.layout.size, rows=len(inputs), steps=steps, at_start=at_start,
        trained=trained, costs=costs, rate=rate,
    )  # fmt: skip


def _descent(engine: "Engine", member: "Member", data: "TrainingData", *, steps: int, rate: float) -> tuple[float, ...]:
    """The cost before each step and after the last, of a copy of the member."""
    from osetra.engines.port import quiet_member

    quiet = quiet_member(member, rows=data.num_rows, num_rows=data.num_rows)
    quiet.hyperparameters = replace(quiet.hyperparameters, optimizer="gd", clip_norm=0.0)
    quiet.learning_rates = lambda _epoch, _steps: np.full(1, rate)
    [records] = engine.advance([quiet], data, epochs=steps + 1)
    return tuple(record.train_cost for record in records)


def _made_table(seed: int) -> PreparedTable:
    """Two classes with a curved border between them."""
    draw = Seed(study=seed).generator("made data")
    X = draw.normal(size=(MADE_ROWS, MADE_COLUMNS))
    return PreparedTable.of(X, None, y=(X[:, 0] * X[:, 1] + X[:, 2] > 0).astype(np.int64), seed=seed)


def _configuration(table: PreparedTable, edits: Mapping[str, Any]) -> dict[str, Any]:
    """Of the default space with the edits, the configuration nearest to the default one."""
    from osetra.space.tiers import check_names, check_values, default_configuration, default_space

    shape = {"rows": table.training.num_rows, "inputs": table.preparation.num_inputs, "task": table.dataset.task}
    asked = edits.get("optimizer")
    optimizer = asked if isinstance(asked, str) else "adam"
    space = default_space(**shape, tiers=3, optimizer=optimizer).replace(edits)
    check_names(space)
    check_values(space)
    return space.nearest(default_configuration(**shape, optimizer=optimizer))


def _batch(table: PreparedTable, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """At most 64 rows of the training part, float64."""
    inputs, targets = table.training.train_inputs, table.training.train_targets
    rows = np.arange(len(inputs))
    if len(rows) > ROWS:
        rows = np.sort(Seed(study=seed).generator("checked rows").choice(rows, ROWS, replace=False))
    targets = targets[rows] if targets.ndim == 1 else np.ascontiguousarray(targets[rows], dtype=np.float64)
    return np.ascontiguousarray(inputs[rows], dtype=np.float64), targets
