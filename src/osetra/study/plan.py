"""What a budget will buy, before it is spent: panda or caviar, which tiers, what ladder, how much memory.

    epochs = core seconds left after reading / seconds of the epochs that the search will train

The seconds come from a short probe (`probe_cost`) and a cost model over the space (`epoch_cost`); which configurations the search trains
how far comes from rehearsing it without training (`rehearse`), several times, since which will turn out well is known in part only.
Panda, one model watched: fewer than 3 full trainings, too few to choose among. Mix: up to 12, where the space has its first two tiers
only. Caviar, many side by side: from 12.
Knows nothing of: how it is said, where.
"""

import math
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np

from osetra.core.ports import Progress
from osetra.core.seeding import Seed
from osetra.data.images import Images
from osetra.data.weights import ClassWeight
from osetra.diagnosis.intervals import Z_95, effective_rows, wilson
from osetra.diagnosis.references import effort_for
from osetra.report.plan_words import plan_sentences
from osetra.space.tiers import FEW_TRIALS
from osetra.study.beginning import Silence, compile_engine, require_seed, shift_facts
from osetra.study.budget import Budget
from osetra.study.budget import seconds as parse_seconds
from osetra.study.course import Course, shortened
from osetra.study.epoch_cost import NOMINAL, EpochCost, Work
from osetra.study.guessed_errors import GuessedErrors
from osetra.study.probe_cost import Probe, probe
from osetra.study.references import reference_facts
from osetra.study.rehearse import rehearse
from osetra.study.setting import Setting, decide
from osetra.study.strategy import DEFAULT, parse_strategy
from osetra.study.table import PreparedTable
from osetra.study.terms import Found

PROBE_S = 5.0
PANDA_BELOW = 3
"""Full trainings: the finals, too, train each configuration three times before they call one better."""
CAVIAR_FROM = FEW_TRIALS
DRAWS, DRAWS_IN_FIT = (3, 11), (1, 11)
"""Fewest and most rehearsals; fewer where they are long, since a long search comes to the same more often."""
MOST_EPOCHS = 2_500
"""A longer search is rehearsed shortened, and what it comes to multiplied, the finals apart, which have a largest size."""
ALL_EPOCHS = 7_500
"""Of all rehearsals, after which there is no further one."""
MOST_OF_SLICE = 8
"""These bounds are for slices of one epoch. For longer ones they are as many times as large, up to this: they are rehearsed faster."""
REFERENCES_OF_S = 20.0
"""The reference models that `plan` fits are those of a budget of so many seconds."""
SHARE_IN_FIT = 0.015
MOST_IN_FIT_S = 2.0
EPOCHS_IN_FIT, EPOCHS_A_SECOND = 1_500, 75
"""Most epochs of the rehearsals in a fit, and epochs for each second of the fit: a rehearsed epoch takes some 0.3 ms."""
SPACE_POINTS = 128
FLOAT_BYTES = 4
COPIES = 6
"""Arrays of a trial's size: parameters and two moments, now and at its best epoch."""


class Approach(StrEnum):
    """How to spend a budget."""

    PANDA = "panda"
    MIX = "mix"
    CAVIAR = "caviar"


@dataclass(frozen=True, slots=True, kw_only=True)
class CostPlan:
    """What a study of a budget will cost and come to; `print` says it in words."""

    source: str
    error_name: str
    rows: tuple[int, int, int]
    """Train, dev, test."""
    dev_error: float | None
    """The lowest of the probe: what an error on these data is like; None if none came to a number."""
    dev_reach: float
    """Half the 95 % interval that the dev part gives an error rate near `dev_error`; of an RMSE as a share of it, if errors are normal."""
    budget: Budget
    workers: int
    batch_sizes: tuple[int, ...]
    """Smallest and largest of the space, or the one that is fixed."""
    epochs_per_trial: int
    patience: int | None
    strategy: str
    tuned: tuple[str, ...]
    fixed: Mapping[str, Any]
    probe_s: float
    probe_trials: int
    probe_share: float
    """Of the training rows, how many the probe trained on."""
    setup_s: float
    """Seconds before the first epoch: reading, preparing, comparing the parts."""
    default_epoch_s: float
    """Seconds of an epoch of the default configuration, on one of `workers` busy cores."""
    space_epoch_s: tuple[float, float, float]
    """The same over the space: lowest, mean, highest of a Sobol sample."""
    epoch_s: float
    """The same over the epochs that the search will train, with what lies between two epochs."""
    rehearsals: int
    """By which configurations turn out well they differ; what is foreseen is the middle one, from low to high all of them."""
    train_s: float
    train_s_low: float
    train_s_high: float
    """Seconds of training, by the wall clock."""
    epochs: int
    epochs_low: int
    epochs_high: int
    trials: int
    trials_low: int
    trials_high: int
    finals: int
    """Of those, trials of the finals."""
    reached: tuple[tuple[int, int], ...]
    """(epoch, trials that reach it), rung by rung."""
    data_bytes: int
    """The table as it was read and as it is trained on."""
    trials_bytes: int
    """Trials at work and those that wait, in memory."""
    cost: EpochCost = field(compare=False, repr=False)
    """Seconds of an epoch of any configuration."""

    @property
    def full_trainings(self) -> float:
        """Models that the epochs would train to the end."""
        return self.epochs / self.epochs_per_trial

    @property
    def approach(self) -> Approach:
        """Panda, mix or caviar."""
        if self.full_trainings < PANDA_BELOW:
            return Approach.PANDA
        return Approach.MIX if self.full_trainings < CAVIAR_FROM else Approach.CAVIAR

    def seconds_for(self, full_trainings: float) -> float:
        """A budget in seconds that trains about so many models to the end."""
        return self.setup_s + full_trainings * self.epochs_per_trial * self.epoch_s / self.workers

    @property
    def sentences(self) -> list[str]:
        """All of it in words."""
        return plan_sentences(self.to_dict())

    def __str__(self) -> str:
        return "\n".join(self.sentences)

    def to_dict(self) -> dict[str, Any]:
        """JSON-able."""
        names = (
            "source", "error_name", "dev_error", "dev_reach", "workers", "epochs_per_trial", "patience", "strategy", "probe_s",
            "probe_trials", "probe_share", "setup_s", "default_epoch_s", "epoch_s", "rehearsals", "train_s", "train_s_low", "train_s_high",
            "epochs", "epochs_low", "epochs_high", "trials", "trials_low", "trials_high", "finals", "full_trainings", "data_bytes",
            "trials_bytes",
        )  # fmt: skip
        return {
            **{name: getattr(self, name) for name in names},
            "approach": str(self.approach),
            "rows": list(self.rows),
            "budget": {"seconds": self.budget.seconds, "trials": self.budget.trials, "epochs": self.budget.epochs},
            "batch_sizes": list(self.batch_sizes),
            "tuned": list(self.tuned),
            "fixed": dict(self.fixed),
            "space_epoch_s": list(self.space_epoch_s),
            "reached": [list(pair) for pair in self.reached],
            "seconds_for": {"mix": self.seconds_for(PANDA_BELOW), "caviar": self.seconds_for(CAVIAR_FROM)},
        }


def plan(
    data: Any,
    target: str | Sequence[str] | None = None,
    *,
    y: Any = None,
    task: str | None = None,
    budget: float | str | None = None,
    trials: int | None = None,
    epochs: int | None = None,
    epochs_per_trial: int | None = None,
    patience: int | None = None,
    strategy: str = DEFAULT,
    finals: bool = True,
    space: Mapping[str, Any] | None = None,
    seed: int = 0,
    workers: int | None = None,
    drop: Sequence[str] = (),
    sizes: tuple[float, float, float] | None = None,
    groups: str | None = None,
    time_column: str | None = None,
    dev: Any = None,
    test: Any = True,
    weights: str | None = None,
    class_weight: ClassWeight | None = None,
    probe_seconds: float | str = PROBE_S,
    progress: Progress | None = None,
) -> CostPlan:
    """What `osetra.fit` with the same arguments would do and cost, from a probe of a few seconds; nothing is kept.

    All arguments are those of `osetra.fit`; probe_seconds: how long to probe, such as "5s", on as many cores as
    `fit` takes.
    Raises what `fit` raises for data, space and budget that cannot be used.
    """
    progress = progress or Silence()
    spend = Budget(seconds=None if budget is None else parse_seconds(budget), trials=trials, epochs=epochs)
    probe_s = Budget(seconds=parse_seconds(probe_seconds)).seconds or PROBE_S
    seed = require_seed(seed)
    parse_strategy(strategy)
    began = time.monotonic()
    table = PreparedTable.of(
        data, target, y=y, task=task, drop=drop, sizes=sizes, groups=groups, time_column=time_column, dev=dev, test=test,
        weights=weights, class_weight=class_weight, seed=seed,
    )  # fmt: skip
    shift_facts(table, time_column, seed=seed)
    setting = decide(
        table, spend, edits=space or {}, strategy=strategy, finals=finals, ensemble=False, epochs_per_trial=epochs_per_trial,
        patience=patience, workers=workers,
    )  # fmt: skip
    setup_s = time.monotonic() - began + _references_s(table, spend, seed)
    compile_engine(progress)
    work = Work(table)
    probed = probe(table, setting, seconds=probe_s, epoch_s=_nominal(work, setting), seed=seed)
    return make_plan(table, setting, spend, probed, work=work, setup_s=setup_s, seed=seed)


def plan_in_fit(table: PreparedTable, setting: Setting, budget: Budget, *, setup_s: float, seed: int) -> CostPlan:
    """The plan of a fit that is about to begin, from a probe of about 1.5 % of what the fit may take, and 2 s at most.

    `setup_s`: gone so far. The probe's own time counts as setup.
    """
    work = Work(table)
    epoch_s = _nominal(work, setting)
    expected_s = setting.expected_epochs * epoch_s / setting.workers if budget.seconds is None else budget.seconds
    probed = probe(table, setting, seconds=min(MOST_IN_FIT_S, SHARE_IN_FIT * expected_s), epoch_s=epoch_s, seed=seed)
    return make_plan(
        table, setting, budget, probed, work=work, setup_s=setup_s + probed.seconds, seed=seed, draws=DRAWS_IN_FIT,
        all_epochs=min(EPOCHS_IN_FIT, 10 + int(EPOCHS_A_SECOND * expected_s)),
    )  # fmt: skip


def make_plan(
    table: PreparedTable,
    setting: Setting,
    budget: Budget,
    probed: Probe,
    *,
    work: Work,
    setup_s: float,
    seed: int,
    draws: tuple[int, int] = DRAWS,
    all_epochs: int = ALL_EPOCHS,
    most_epochs: int | None = None,
) -> CostPlan:
    """The plan that follows from a probe: arithmetic, and rehearsals, the middle one of which is what it foresees.

    draws: fewest and most rehearsals; beyond the fewest there is none once they have come to `all_epochs`, if slices are of one epoch. A
    rehearsal is of at most `most_epochs` epochs or so; None: 2,500, or as many as are 12 full trainings, but no more than `all_epochs`.
    """
    slice_epochs = min(MOST_OF_SLICE, setting.slice_epochs)
    all_epochs *= slice_epochs
    most_epochs = most_epochs or min(all_epochs, max(slice_epochs * MOST_EPOCHS, CAVIAR_FROM * setting.epochs_per_trial))
    timed = [trial for trial in probed.trials if trial.epoch_s > 0]
    cost = EpochCost.fit(work, [trial.configuration for trial in timed], [trial.epoch_s for trial in timed], share=probed.share)
    points = [point for point in _points(setting, seed) if math.isfinite(cost.of(point))]
    seconds = [cost.of(point) for point in points]
    mean_s = float(np.mean(seconds))
    short, short_setting, factor = shortened(budget, setting, setup_s=setup_s, epoch_s=mean_s + probed.gap_s, most_epochs=most_epochs)
    played: list[Course] = []
    rehearsed = 0
    while len(played) < draws[0] or (len(played) < draws[1] and rehearsed < all_epochs):
        errors = GuessedErrors(
            setting.space, probed.trials, seed=Seed(study=seed, trial=len(played)), last=setting.epochs_per_trial,
            patience=setting.patience,
        )  # fmt: skip
        rehearsal = rehearse(short_setting, short, setup_s=setup_s, cost=cost, gap_s=probed.gap_s, errors=errors, seed=seed)
        played.append(Course.of(rehearsal, setting, budget, setup_s=setup_s, factor=factor))
        rehearsed += max(1, rehearsal.epochs)
    # By epochs where seconds bound the search, else by seconds.
    middle = sorted(played, key=lambda course: (course.epochs, -course.seconds))[len(played) // 2]
    dev_error, dev_reach = _dev_reach(table, probed)
    batches = sorted({int(point["batch_size"]) for point in points if "batch_size" in point})
    largest = max(cost.parameters(point) for point in points)
    return CostPlan(
        source=table.dataset.source, error_name="error rate" if table.dataset.task.is_classification else "RMSE",
        rows=(len(table.split.train), len(table.split.dev), len(table.split.test)), dev_error=dev_error, dev_reach=dev_reach,
        budget=budget, workers=setting.workers, batch_sizes=tuple(sorted({batches[0], batches[-1]})) if batches else (),
        epochs_per_trial=setting.epochs_per_trial, patience=setting.patience, strategy=setting.strategy,
        tuned=tuple(setting.space.names), fixed=dict(setting.space.fixed),
        probe_s=probed.seconds, probe_trials=len(timed), probe_share=probed.share, setup_s=setup_s,
        default_epoch_s=cost.of(setting.first), space_epoch_s=(min(seconds), mean_s, max(seconds)),
        epoch_s=middle.seconds * setting.workers / middle.epochs if middle.epochs else mean_s + probed.gap_s,
        rehearsals=len(played), train_s=middle.seconds, train_s_low=min(course.seconds for course in played),
        train_s_high=max(course.seconds for course in played), epochs=middle.epochs, epochs_low=min(course.epochs for course in played),
        epochs_high=max(course.epochs for course in played), trials=middle.trials, trials_low=min(course.trials for course in played),
        trials_high=max(course.trials for course in played), finals=middle.finals, reached=middle.reached,
        data_bytes=_data_bytes(table),
        trials_bytes=int(min(setting.memory_bytes, middle.waiting_bytes) + setting.lag * COPIES * FLOAT_BYTES * largest), cost=cost,
    )  # fmt: skip


def actual_cost(found: Found, setting: Setting) -> dict[str, Any]:
    """What a search came to, by the names of `CostPlan.to_dict`; busy_s: seconds of epochs, over all cores."""
    lengths = Counter(trial.epochs for trial in found.trials)
    busy_s = sum(trial.seconds for trial in found.trials)
    return {
        "epochs": found.epochs,
        "trials": len(found.trials),
        "train_s": found.seconds,
        "epoch_s": found.seconds * setting.workers / found.epochs if found.epochs else None,
        "busy_s": busy_s,
        "full_trainings": found.epochs / setting.epochs_per_trial,
        "lengths": [[length, lengths[length]] for length in sorted(lengths)],
    }


def _references_s(table: PreparedTable, budget: Budget, seed: int) -> float:
    """Seconds that the reference models of a fit of that budget will take: measured with those of a short one."""
    short_s = min(REFERENCES_OF_S, math.inf if budget.seconds is None else budget.seconds)
    seconds = reference_facts(table, seed=seed, budget_s=short_s)["seconds"]
    return float(seconds * effort_for(budget.seconds) / effort_for(short_s))


def _nominal(work: Work, setting: Setting) -> float:
    """Seconds of an epoch of the default configuration, before anything was measured."""
    return float(work.of(setting.first) @ NOMINAL)


def _points(setting: Setting, seed: int) -> list[Mapping[str, Any]]:
    """A sample of the space, the default configuration first."""
    from osetra.search.sobol import SobolSampler

    sampler = SobolSampler(setting.space, seed=seed, first=setting.first)
    points = (sampler.propose(number) for number in range(SPACE_POINTS))
    return [point for point in points if point is not None]


def _dev_reach(table: PreparedTable, probed: Probe) -> tuple[float | None, float]:
    """The lowest dev error of the probe, and half the interval: of an RMSE 1.96 / sqrt(2 rows) of it, that of normal errors."""
    errors = [trial.dev_error for trial in probed.trials if math.isfinite(trial.dev_error)]
    lowest = min(errors, default=None)
    rows = float(len(table.split.dev)) if table.training.dev_weights is None else effective_rows(table.training.dev_weights)
    if not table.dataset.task.is_classification:
        return lowest, Z_95 / math.sqrt(2 * rows)
    low, high = wilson(0.5 if lowest is None else min(max(lowest, 0.0), 1.0), rows)
    return lowest, (high - low) / 2


def _data_bytes(table: PreparedTable) -> int:
    features, training = table.dataset.features, table.training
    read = features.pixels.nbytes if isinstance(features, Images) else int(features.memory_usage(deep=True).sum())
    arrays = (training.train_inputs, training.dev_inputs, training.train_targets, training.dev_targets)
    return read + sum(array.nbytes for array in arrays)
