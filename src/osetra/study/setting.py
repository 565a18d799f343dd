"""What a study decides before it begins: from the data, the budget, and what the person asked for.

Knows nothing of: how it is said, how the search goes on.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from osetra.core.errors import SpaceError, StudyError
from osetra.core.records import Configuration, Value
from osetra.core.seeding import Seed
from osetra.search.finals import reserved
from osetra.study.budget import Budget
from osetra.study.keeping import KEPT_BYTES
from osetra.study.table import PreparedTable

if TYPE_CHECKING:
    from osetra.space.space import Space
    from osetra.training.babysitter import Mode

NOMINAL_FLOPS = 6e10
"""Multiply-adds count two; what one core does in a second, roughly. Fixed, so that a study's space does not depend on the machine."""
ENSEMBLE_SIZE = 25
"""Choices, with replacement, of which an ensemble is made."""
TRAINING_ROWS = 1_000_000
FEWEST_EPOCHS, MOST_EPOCHS = 10, 200
"""A full training has a million rows' worth of epochs, within these bounds,"""
FULL_TRAININGS, LONGEST = 20, 4
"""and up to four times as many where a budget of time or epochs has room for more than twenty of such."""
NOMINAL_TO_REAL = 5
"""A search with a budget of seconds comes to about a fifth of its nominal epochs: it goes far with large networks."""
PAUSED_BYTES = 2**30
PANDA = "panda"
"""Stands in a study's facts for a strategy: one model, and no search."""
BYTES = ("memory_bytes", "checkpoint_bytes")
SLICE_S = 0.02
"""A stretch of training shorter than this (at the nominal speed) is not worth handing out by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """The decisions."""

    space: "Space"
    first: Configuration
    """The default configuration, tried first."""
    epochs_per_trial: int
    """The most that a trial may train."""
    patience: int | None
    """Epochs without a better one after which a trial ends; None: it never does."""
    strategy: str
    finals: bool
    """Whether the best train anew with fresh seeds, where the budget pays for it."""
    final_epochs: int
    """Of a budget in epochs, what is set aside for that."""
    ensemble: int
    """Choices of an ensemble; 0: none is made."""
    workers: int
    lag: int
    slice_epochs: int
    expected_epochs: int
    """The budget in epochs; a rough one from nominal speed where it is in seconds."""
    memory_bytes: int = PAUSED_BYTES
    """In which trials that wait are kept; the others wait on disk."""
    checkpoint_bytes: int = KEPT_BYTES
    """Of the checkpoints in the store."""
    babysitter: "Mapping[str, Mode]" = field(default_factory=dict)
    """Its mode by rule; without any it is off."""

    def facts(self) -> dict[str, Any]:
        """For the study's record."""
        return {
            "space": self.space.to_dict(),
            "first": dict(self.first),
            "epochs_per_trial": self.epochs_per_trial,
            "patience": self.patience,
            "strategy": self.strategy,
            "finals": self.finals,
            "final_epochs": self.final_epochs,
            "ensemble_size": self.ensemble,
            "lag": self.lag,
            "slice_epochs": self.slice_epochs,
            "expected_epochs": self.expected_epochs,
            "memory_bytes": self.memory_bytes,
            "checkpoint_bytes": self.checkpoint_bytes,
            "babysitter": dict(self.babysitter),
        }

    @staticmethod
    def from_facts(facts: Mapping[str, Any], *, workers: int) -> "Setting":
        """The setting of a study that has begun; how many work on it may be another number than before."""
        from osetra.study.edited_space import first_space

        names = ("epochs_per_trial", "patience", "strategy", "finals", "final_epochs", "lag", "slice_epochs", "expected_epochs", *BYTES)
        return Setting(
            space=first_space(facts), first=facts["first"], ensemble=facts["ensemble_size"], workers=workers,
            babysitter=facts.get("babysitter", {}),
            **{name: facts[name] for name in names},
        )  # fmt: skip


def decide(
    table: PreparedTable,
    budget: Budget,
    *,
    edits: Mapping[str, Any],
    strategy: str,
    finals: bool,
    ensemble: bool | int,
    epochs_per_trial: int | None,
    patience: int | None,
    workers: int | None,
) -> Setting:
    """Decide. `edits` change the default space; what is None is chosen here. Raises SpaceError or StudyError for what makes no sense."""
    from osetra.executors.threads import available_cores
    from osetra.study.rounds import lag_for

    counts = (("workers", workers, 1), ("epochs_per_trial", epochs_per_trial, 1), ("patience", patience, 0), ("ensemble", ensemble, 0))
    for name, value, least in counts:
        if value is not None and value < least:
            raise StudyError(f"{name} must be >= {least}, got {value}; leave it out to have it chosen")
    asked = edits.get("optimizer")
    default, epoch_seconds = _default(table, asked if isinstance(asked, str) else "adam")
    epochs_each = epochs_per_trial or _full_training(table.training.num_rows, budget, epoch_seconds)
    if budget.epochs is not None:
        epochs_each = min(epochs_each, budget.epochs)
    patient = max(10, epochs_each // 3) if patience is None else patience or None
    space = _space(table, budget, epochs_each, edits, epoch_seconds, optimizer=str(default["optimizer"]))
    first = space.nearest(default)
    _require_buildable(table, space, first, epochs_each)
    cores = workers or available_cores()
    bounds = [
        budget.epochs if budget.epochs is not None else np.inf,
        budget.trials * epochs_each if budget.trials is not None else np.inf,
        2.0 * budget.seconds / epoch_seconds if budget.seconds is not None else np.inf,
    ]
    # A budget in trials is exact, so finals, which are trials too, have no place in it.
    has_finals = finals and budget.trials is None
    return Setting(
        space=space, first=first, epochs_per_trial=epochs_each, patience=patient, strategy=strategy, finals=has_finals,
        final_epochs=reserved(budget.epochs, last=epochs_each) if has_finals and budget.epochs is not None else 0,
        ensemble=(ENSEMBLE_SIZE if ensemble else 0) if isinstance(ensemble, bool) else ensemble, workers=cores, lag=lag_for(cores),
        slice_epochs=int(np.clip(SLICE_S / epoch_seconds, 1, epochs_each)), expected_epochs=max(1, int(min(bounds))),
    )  # fmt: skip


def _default(table: PreparedTable, optimizer: str) -> tuple[dict[str, Value], float]:
    """The default configuration for the data, and nominal seconds of its epoch."""
    from osetra.space.tiers import default_configuration

    default = default_configuration(**_shape(table), optimizer=optimizer)
    units, layers = int(default["hidden_units"]), int(default["num_layers"])
    parameters = table.preparation.num_inputs * units + (layers - 1) * units**2 + units * table.preparation.num_outputs
    return default, 6.0 * parameters * table.training.num_rows / NOMINAL_FLOPS


def _shape(table: PreparedTable) -> dict[str, Any]:
    return {"rows": table.training.num_rows, "inputs": table.preparation.num_inputs, "task": table.dataset.task}


def _full_training(rows: int, budget: Budget, epoch_seconds: float) -> int:
    """How many epochs a trial may have: by the rows, and more where a budget of time or epochs has room for many such trials."""
    least = int(np.clip(round(TRAINING_ROWS / rows), FEWEST_EPOCHS, MOST_EPOCHS))
    rooms = [budget.epochs] if budget.epochs is not None else []
    if budget.seconds is not None:
        rooms.append(int(2.0 * budget.seconds / epoch_seconds / NOMINAL_TO_REAL))
    if budget.trials is not None or not rooms:
        return least
    return int(np.clip(min(rooms) / FULL_TRAININGS, least, LONGEST * least))


def _space(
    table: PreparedTable, budget: Budget, epochs_each: int, edits: Mapping[str, Any], epoch_seconds: float, *, optimizer: str
) -> "Space":
    """The default space for the data and the budget, with the edits."""
    from osetra.space.known import IMAGE_HYPERPARAMETERS
    from osetra.space.tiers import check_names, check_values, default_space, tiers_for

    expected = min(
        budget.trials if budget.trials is not None else np.inf,
        budget.epochs / epochs_each if budget.epochs is not None else np.inf,
        2.0 * budget.seconds / (epoch_seconds * epochs_each) if budget.seconds is not None else np.inf,
    )
    space = default_space(**_shape(table), tiers=tiers_for(expected), optimizer=optimizer).replace(edits)
    check_names(space)
    check_values(space)
    moved = [name for name in IMAGE_HYPERPARAMETERS if name in edits]
    if moved and table.training.image is None:
        raise SpaceError(f"{moved[0]} moves the pixels of images, got a table; noise and mixup augment tables")
    return space


def _require_buildable(table: PreparedTable, space: "Space", first: Configuration, epochs: int) -> None:
    """Raises SpaceError for what is wrong with every trial, such as a loss for another task, before any is begun."""
    from osetra.space.counted import Counted
    from osetra.training.recipe import build_member

    losses = space.scales.get("loss")
    variants = [losses.at(place) for place in range(losses.size)] if isinstance(losses, Counted) else []
    for configuration in [first, *({**first, "loss": loss} for loss in variants)]:
        build_member(
            configuration, num_inputs=table.preparation.num_inputs, num_outputs=table.preparation.num_outputs, task=table.dataset.task,
            seed=Seed(study=0, trial=0), total_epochs=epochs,
        )  # fmt: skip
