"""Panda: one model, watched. The default configuration trains for the whole budget, in hand from its first epoch.

There is no search and there are no finals. Whoever watches sets, pauses, rolls back and branches the trial while it trains (see `desk`),
and so does the babysitter, as far as it may (see `watching`). A trial that stands still is waited for until the time is up; one that is
over ends the study. Of a budget in epochs, those count, too, that the trial was rolled back from.
Knows nothing of: how changes are made, how the study ends.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from osetra.core.errors import SpaceError, StudyError
from osetra.core.ports import Job
from osetra.core.records import TrialState
from osetra.core.seeding import Seed
from osetra.report.words import FIRST, counted, duration, in_order, value
from osetra.study.budget import Budget
from osetra.study.setting import PANDA, Setting
from osetra.study.strategy import DEFAULT
from osetra.study.table import PreparedTable
from osetra.study.watching import modes_in_words, modes_of
from osetra.training.babysitter import Mode

if TYPE_CHECKING:
    from osetra.space.space import Space

MOST_EPOCHS = 1000
"""What a budget in seconds alone buys, where nobody says how many epochs: a schedule over more would hardly move."""
SHARE = 0.95
"""Of the time that is left: what lies between two epochs takes some, too."""
PROBE_SHARE, MOST_PROBE_S = 0.03, 2.0


def require_panda(*, budget: Budget, strategy: str, ensemble: bool | int, patience: int | None, warm_start: str | None) -> None:
    """Raises StudyError for what makes no sense with one model."""
    given = {
        "trials": budget.trials if budget.trials != 1 else None, "strategy": None if strategy == DEFAULT else strategy,
        "ensemble": ensemble or None, "patience": patience or None, "warm_start": warm_start,
    }  # fmt: skip
    named = [f"{name} {told}" for name, told in given.items() if told is not None]
    if named:
        raise StudyError(
            f"panda trains one model for the whole budget, without a search, so it needs none of trials, strategy, ensemble, patience and "
            f"warm_start; got {', '.join(named)}; leave it out, or leave out panda"
        )


def modes_for(given: str | Mapping[str, Mode] | None, *, panda: bool) -> dict[str, Mode]:
    """The babysitter's mode by rule: suggest in panda and off elsewhere, if nothing is said.

    Raises SpaceError for an unknown rule or mode, StudyError where it is to act in a search.
    """
    modes = modes_of(given, default="suggest" if panda else "off")
    acts = [name for name, mode in modes.items() if mode == "act"]
    if acts and not panda:
        raise StudyError(
            f"the babysitter acts on the one model of panda only, got act for {', '.join(acts)} in a search, which drops what trains badly "
            "and learns from it; let it suggest, or fit with panda"
        )
    return modes


def as_panda(setting: Setting, budget: Budget, *, epochs_per_trial: int | None, epoch_s: float | None, left_s: float | None) -> Setting:
    """The setting of one model: its epochs are those asked for, those of the budget, or what the time that is left pays for.

    epoch_s: measured seconds of an epoch; needed where only the seconds bound it.
    """
    epochs = setting.epochs_per_trial
    if budget.epochs is not None:
        epochs = min(epochs_per_trial or budget.epochs, budget.epochs)
    elif epochs_per_trial is None and left_s is not None and epoch_s is not None:
        epochs = max(1, min(MOST_EPOCHS, int(SHARE * left_s / epoch_s)))
    return replace(
        setting, strategy=PANDA, epochs_per_trial=epochs, patience=None, finals=False, final_epochs=0, ensemble=0, expected_epochs=epochs
    )


def needs_epoch_s(budget: Budget, epochs_per_trial: int | None) -> bool:
    """Whether the number of epochs follows from their speed."""
    return epochs_per_trial is None and budget.epochs is None and budget.seconds is not None


def measured_epoch_s(table: PreparedTable, setting: Setting, *, budget_s: float) -> float:
    """Seconds of an epoch of the first configuration, measured on as many rows as a small part of the budget allows."""
    from osetra.core.blas import one_blas_thread
    from osetra.engines.native.engine import NativeEngine
    from osetra.study.epoch_cost import NOMINAL, Work
    from osetra.study.probe_cost import EPOCHS_IN_PROBE, thin
    from osetra.training.recipe import build_member

    seconds = min(MOST_PROBE_S, PROBE_SHARE * budget_s)
    data, share = thin(table.training, most=seconds / EPOCHS_IN_PROBE / float(Work(table).of(setting.first) @ NOMINAL))
    member = build_member(
        setting.first, num_inputs=table.preparation.num_inputs, num_outputs=table.preparation.num_outputs, task=table.dataset.task,
        seed=Seed(study=0, trial=0), total_epochs=EPOCHS_IN_PROBE,
    )  # fmt: skip
    engine, spent = NativeEngine(), [math.inf]
    with one_blas_thread():
        while len(spent) <= 2 or (sum(spent[1:]) < seconds and len(spent) <= EPOCHS_IN_PROBE):
            spent.append(engine.advance([member], data)[0][0].seconds)
    # The first epoch also warms caches.
    return sum(spent[2:]) / len(spent[2:]) / share


def panda_sentences(setting: Setting, edits: Mapping[str, Any], budget: Budget, epoch_s: float | None) -> list[str]:
    """What is said before it begins, a line each. epoch_s: where the epochs follow from it."""
    ranges = [name for name in edits if name in setting.space.scales and name in setting.first]
    lines = []
    if ranges:
        told = ", ".join(f"{name} {value(setting.first[name])}" for name in ranges)
        lines.append(f"One model has no range to search: of those given it takes {told}; --set NAME=VALUE for another.")
    how = "all of the budget" if budget.epochs == setting.epochs_per_trial else "as many as asked for, or usual for so many rows"
    if epoch_s is not None:
        how = f"an epoch takes about {duration(epoch_s)}, and more than {MOST_EPOCHS:,} are for you to ask for"
    lines.append(
        f"Panda: one model, trial 0, trained for up to {counted(setting.epochs_per_trial, 'epoch')} ({how}), budget {budget.in_words()}; "
        "no patience ends it, and the weights of its best epoch are kept."
    )
    told = [f"{name} {value(setting.first[name])}" for name in in_order(setting.first) if name in FIRST]
    lines.append(f"Its settings: {', '.join(told)} and {len(setting.first) - len(told)} more (osetra show lists them).")
    lines.append(
        f"The babysitter ({modes_in_words(setting.babysitter)}) looks after every epoch; set, pause, rollback and the others are for you."
    )
    return lines


class OneModel:
    """Stands where a search would: it hands out nothing."""

    def ask(self) -> Job | None:
        return None

    def tell(self, job: Job, values: Sequence[float], state: TrialState) -> None:
        raise AssertionError(f"trial {job.trial} was not handed out, and told of: {state} after {len(values)} epochs")

    def edit(self, space: "Space") -> None:  # noqa: ARG002 -- whatever the space
        """Raises SpaceError."""
        raise SpaceError("panda searches no space: there is one model; change its settings with osetra set")
