"""The timing probe: a few seconds of the search itself, on the real data and with all cores busy, thrown away afterwards.

It trains what the default search begins with, the default configuration and then a Sobol sequence over the space, through the same loop,
so what is timed is what a fit will do: two busy cores are slower each than one alone. Where an epoch would take a large part of
the probe, it trains on a part of the training rows.
Knows nothing of: what follows from the times.
"""

import math
import threading
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from osetra.core.ports import Search
from osetra.core.records import Configuration, EpochRecord, Trial, TrialState
from osetra.core.records import Study as StudyRecord
from osetra.core.records import StudyState as State
from osetra.core.seeding import Seed
from osetra.engines.port import Engine, Member, TrainingData, WatchedStep
from osetra.study.setting import Setting
from osetra.study.table import PreparedTable

EPOCHS_IN_PROBE = 12
"""At the nominal speed, this many epochs of the default configuration must fit into the probe, or it trains on fewer rows."""
FEWEST_ROWS = 2_000
STUDY = "probe"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbedTrial:
    """One configuration that was timed."""

    number: int
    """Of the trial: a fit with the same seed begins with the same ones."""
    configuration: Configuration
    epoch_s: float
    """Seconds of one epoch of training and scoring: the mean over its epochs, since what other programs take of the cores costs, too."""
    curve: tuple[float, ...]
    """Dev error after every epoch."""
    state: TrialState = TrialState.PAUSED

    @property
    def has_learned(self) -> bool:
        """Whether it did not diverge."""
        return self.state.can_win and all(math.isfinite(error) for error in self.curve)

    @property
    def dev_error(self) -> float:
        """Its lowest; infinite where it diverged."""
        return min(self.curve) if self.has_learned else math.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What was timed."""

    trials: tuple[ProbedTrial, ...]
    share: float
    """Of the training rows, how many were trained on."""
    gap_s: float
    """Seconds between two epochs on one core: handing out, looking at the layers."""
    seconds: float
    """That the probe took, by the wall clock."""


def probe(table: PreparedTable, setting: Setting, *, seconds: float, epoch_s: float, seed: int, engine: Engine | None = None) -> Probe:
    """Train for about `seconds` what a search begins with. `epoch_s`: a guess at the seconds of the default configuration's epoch.

    An epoch that has begun is finished, and the first of a configuration is begun without knowing how long it takes, so it may take
    longer, by the slowest epoch of the space.
    """
    from osetra.core.blas import one_blas_thread
    from osetra.engines.native.engine import NativeEngine
    from osetra.store.memory import MemoryStore
    from osetra.study.budget import Budget
    from osetra.study.loop import SearchLoop
    from osetra.study.strategy import DEFAULT, make_search
    from osetra.study.terms import Plan

    began = time.monotonic()
    data, share = thin(table.training, most=seconds / EPOCHS_IN_PROBE / epoch_s)
    store, timed = MemoryStore(), _Timed(engine or NativeEngine())
    store.create_study(_record(table, seed))

    def begun() -> Search:
        return make_search(
            DEFAULT, setting.space, seed=seed, first=setting.first, last=setting.epochs_per_trial, epochs=None, trials=None
        )  # fmt: skip

    _warm(timed, table, setting, begun())
    search = begun()
    plan = Plan(
        study=STUDY, task=table.dataset.task, num_outputs=table.preparation.num_outputs, seed=seed,
        epochs_per_trial=setting.epochs_per_trial, patience=setting.patience, budget=Budget(seconds=seconds), workers=setting.workers,
        lag=setting.lag, slice_epochs=setting.slice_epochs, deadline=time.monotonic() + seconds,
    )  # fmt: skip
    loop = SearchLoop(plan, search=search, engine=timed, data=data, store=store, progress=_Unheard())
    with closing(loop), one_blas_thread():
        found = loop.run()
    trials = [_probed(trial, store.curve(STUDY, trial.number)) for trial in found.trials if trial.epochs]
    return Probe(trials=tuple(trials), share=share, gap_s=timed.gap_s, seconds=time.monotonic() - began)


def _warm(engine: Engine, table: PreparedTable, setting: Setting, search: Search) -> None:
    """What a process takes longer over but once: an epoch of few rows, whose compiled code is loaded (0.16 s), and the first proposal
    that is no default, for which a library is (0.6 s). None of it counts.
    """
    from osetra.core.blas import one_blas_thread
    from osetra.training.recipe import build_member

    member = build_member(
        setting.first, num_inputs=table.preparation.num_inputs, num_outputs=table.preparation.num_outputs, task=table.dataset.task,
        seed=Seed(study=0, trial=0), total_epochs=1, dtype=table.training.train_inputs.dtype.type,
    )  # fmt: skip
    with one_blas_thread():
        engine.advance([member], thin(table.training, most=0.0)[0])
    search.ask()
    search.ask()


def thin(data: TrainingData, *, most: float) -> tuple[TrainingData, float]:
    """(data of every part's first rows, `most` of them but at least 2,000 training rows; the share of training rows that are left)."""
    rows = data.num_rows
    kept = rows if most >= 1 else min(rows, max(FEWEST_ROWS, int(most * rows)))
    if kept == rows:
        return data, 1.0

    def first(array: np.ndarray | None) -> Any:
        return None if array is None else array[: max(1, round(len(array) * kept / rows))]

    names = ("train_inputs", "train_targets", "train_weights", "dev_inputs", "dev_targets", "dev_weights")
    return replace(data, **{name: first(getattr(data, name)) for name in names}), kept / rows


def _probed(trial: Trial, curve: Sequence[EpochRecord]) -> ProbedTrial:
    return ProbedTrial(
        number=trial.number,
        configuration=trial.configuration,
        epoch_s=float(np.mean([record.seconds for record in curve])),
        curve=tuple(record.dev_error for record in curve),
        # The end of the probe stopped those that would have gone on.
        state=TrialState.PAUSED if trial.state is TrialState.STOPPED else trial.state,
    )


class _Timed:
    """An engine that notes how long each of its threads does something else between two epochs."""

    def __init__(self, engine: Engine) -> None:
        self._engine, self.name = engine, engine.name
        self._ends = threading.local()
        self._gaps: list[float] = []

    def advance(self, members: Sequence[Member], data: TrainingData, *, epochs: int = 1) -> list[list[EpochRecord]]:
        began, ended = time.perf_counter(), getattr(self._ends, "at", None)
        if ended is not None:
            self._gaps.append(began - ended)
        records = self._engine.advance(members, data, epochs=epochs)
        self._ends.at = time.perf_counter()
        return records

    def score(self, member: Member, inputs: np.ndarray) -> np.ndarray:
        return self._engine.score(member, inputs)

    def measure(self, member: Member, inputs: np.ndarray, targets: np.ndarray, *, error_scale: float = 1.0) -> tuple[float, float]:
        return self._engine.measure(member, inputs, targets, error_scale=error_scale)

    def watch_step(self, member: Member, inputs: np.ndarray, targets: np.ndarray, *, num_rows: int) -> WatchedStep:
        return self._engine.watch_step(member, inputs, targets, num_rows=num_rows)

    def cost_and_gradient(
        self, member: Member, inputs: np.ndarray, targets: np.ndarray, *, num_rows: int | None = None
    ) -> tuple[float, np.ndarray]:
        return self._engine.cost_and_gradient(member, inputs, targets, num_rows=num_rows)

    @property
    def gap_s(self) -> float:
        """The median; 0 where no thread trained two epochs."""
        return float(np.median(self._gaps)) if self._gaps else 0.0


class _Unheard:
    def notice(self, text: str) -> None:
        """Nothing."""

    def update(self, facts: Any) -> None:
        """Nothing."""


def _record(table: PreparedTable, seed: int) -> StudyRecord:
    return StudyRecord(
        name=STUDY, state=State.RUNNING, created=datetime.now(UTC), task=table.dataset.task, target="", source=table.dataset.source,
        seed=seed, error_name="error", facts={},
    )  # fmt: skip
