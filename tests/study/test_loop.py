"""The loop: budgets exact, timing changes nothing, one trial's end disturbs no other."""

import random
import time
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from listener import Listener
from osetra.core.errors import StoreError
from osetra.core.records import Study, StudyState, Task, TrialState
from osetra.core.seeding import Seed
from osetra.engines.native.engine import NativeEngine
from osetra.engines.port import TrainingData
from osetra.search.random import RandomSampler
from osetra.search.schedulers import Asha, Plain
from osetra.space.scales import choice, log
from osetra.space.space import Space
from osetra.store.memory import MemoryStore
from osetra.study.budget import Budget
from osetra.study.loop import SearchLoop
from osetra.study.rounds import LEAST_LAG
from osetra.study.terms import Plan
from osetra.training.recipe import build_member

SPACE = Space({"learning_rate": log(1e-3, 1e-1), "hidden_units": choice(2, 3, 5), "batch_size": 8, "num_layers": 1})


def toy():
    generator = np.random.default_rng(0)
    inputs = generator.normal(size=(60, 4)).astype(np.float32)
    labels = (inputs[:, 0] + inputs[:, 1] > 0).astype(np.int64)
    return TrainingData(train_inputs=inputs[:40], train_targets=labels[:40], dev_inputs=inputs[40:], dev_targets=labels[40:])


def searched(
    space=SPACE, *, engine=None, workers=2, store=None, patience=None, epochs_per_trial=3, slice_epochs=1, seconds=None, progress=None,
    search=None, **options,
):  # fmt: skip
    store = store or MemoryStore()
    study = Study(
        name="s",
        state=StudyState.RUNNING,
        created=datetime.now(UTC),
        task=Task.BINARY,
        target="y",
        source="toy",
        seed=7,
        error_name="error rate",
    )
    store.create_study(study)
    bounds = {name: options.pop(name) for name in ("trials", "epochs") if name in options}
    plan = Plan(
        study="s", task=Task.BINARY, num_outputs=2, seed=7, epochs_per_trial=epochs_per_trial, patience=patience,
        budget=Budget(seconds=seconds, **bounds), workers=workers, slice_epochs=slice_epochs,
        deadline=time.monotonic() + seconds if seconds else None,
    )  # fmt: skip
    search = (search or Plain)(
        RandomSampler(space, seed=7), last=epochs_per_trial, budget=bounds.get("epochs"), trials=bounds.get("trials")
    )
    loop = SearchLoop(
        plan, search=search, engine=engine or NativeEngine(), data=toy(), store=store, progress=progress or Listener(), **options
    )  # fmt: skip
    with closing(loop):
        return loop.run(), store


class UnevenEngine(NativeEngine):
    """Takes a random time over each epoch, so trials end in another order each run."""

    def advance(self, members, data, *, epochs=1):
        time.sleep(random.random() * 0.004)
        return super().advance(members, data, epochs=epochs)


def told(found, store):
    curves = {t.number: [(r.train_cost, r.dev_loss, r.dev_error) for r in store.curve("s", t.number)] for t in found.trials}
    return [(t.number, dict(t.configuration), t.state, t.dev_error, t.epochs) for t in found.trials], curves


def test_a_trial_budget_is_exact_and_everything_is_recorded():
    found, store = searched(trials=9)
    assert [trial.number for trial in found.trials] == list(range(9))
    assert found.epochs == 27
    assert store.count_trials("s")[TrialState.FINISHED] == 9
    assert all(len(store.curve("s", number)) == 3 for number in range(9))
    kinds = [event.kind for event in store.events("s", trial=4) if event.kind != "probe"]
    assert kinds == ["started", "finished"]
    assert found.ended == "all trials of the budget were trained"


@pytest.mark.parametrize(("epochs", "patience"), [(1, None), (7, None), (100, None), (83, 1)])
def test_an_epoch_budget_is_spent_to_the_last_epoch_and_never_exceeded(epochs, patience):
    found, store = searched(epochs=epochs, patience=patience, epochs_per_trial=5)
    assert found.epochs == epochs
    assert sum(len(store.curve("s", trial.number)) for trial in found.trials) == epochs


@pytest.mark.parametrize("search", [Plain, Asha])
def test_timing_and_workers_change_nothing_under_an_epoch_budget_even_when_trials_end_early(search):
    """With patience the epochs that a trial gives back depend on its outcome; with promotion, so does who goes on."""
    results = [
        told(*searched(epochs=150, patience=1, epochs_per_trial=16, workers=workers, engine=UnevenEngine(), search=search))
        for workers in (1, 2, 3)
    ]
    assert results[0] == results[1] == results[2]
    assert len(results[0][0]) > LEAST_LAG
    assert {TrialState.FINISHED} <= {state for _, _, state, _, _ in results[0][0]}


def test_slices_and_where_a_paused_trial_waits_change_nothing_of_a_trial():
    whole, _ = searched(epochs=200, epochs_per_trial=16, search=Asha)
    on_disk, store = searched(epochs=200, epochs_per_trial=16, search=Asha, memory_bytes=0)
    assert [replace(t, seconds=0.0) for t in on_disk.trials] == [replace(t, seconds=0.0) for t in whole.trials]
    # A trial that was promoted twice has the curve of one trained straight through.
    far = max(on_disk.trials, key=lambda trial: trial.epochs)
    assert [event.kind for event in store.events("s", trial=far.number) if event.kind != "probe"] == [
        "started", "promoted", "promoted", "finished",
    ]  # fmt: skip
    straight = build_member(
        far.configuration, num_inputs=4, num_outputs=2, task=Task.BINARY, seed=Seed(study=7, trial=far.number), total_epochs=16
    )
    [records] = NativeEngine().advance([straight], toy(), epochs=16)
    assert [r.dev_loss for r in records] == [r.dev_loss for r in store.curve("s", far.number)]


def test_trials_that_were_not_promoted_say_how_far_they_came():
    found, store = searched(epochs=100, epochs_per_trial=16, search=Asha)
    waiting = [trial for trial in found.trials if trial.epochs == 1]
    assert waiting
    assert {(trial.state, trial.reason) for trial in waiting} == {(TrialState.STOPPED, "not promoted after 1 of 16 epochs")}
    assert store.count_trials("s")[TrialState.PAUSED] == 0


def test_the_best_is_the_lowest_dev_error_and_its_weights_are_kept():
    found, _ = searched(trials=12)
    best = min(found.trials, key=lambda trial: (trial.dev_error, trial.number))
    assert found.best == best
    _, error = NativeEngine().measure(found.member, toy().dev_inputs, toy().dev_targets)
    assert error == best.dev_error


def test_a_space_that_is_exhausted_ends_the_study():
    found, _ = searched(Space({"hidden_units": choice(2, 3, 5), "learning_rate": 0.01, "num_layers": 1}), trials=50)
    assert len(found.trials) == 3
    assert found.ended == "every configuration of the space was trained"


def test_a_diverging_trial_is_data_and_disturbs_no_other():
    space = Space(
        {"learning_rate": choice(1e-2, 1e30), "hidden_units": choice(2, 3, 5), "optimizer": "gd", "batch_norm": False, "num_layers": 1}
    )
    found, store = searched(space, trials=6)
    states = {trial.configuration["learning_rate"]: trial.state for trial in found.trials}
    assert states == {1e-2: TrialState.FINISHED, 1e30: TrialState.DIVERGED}
    assert found.best.configuration["learning_rate"] == 1e-2
    tame = {(t.configuration["hidden_units"], t.number): t for t in found.trials if t.state is TrialState.FINISHED}
    alone, _ = searched(space, trials=6, workers=1)
    for trial in alone.trials:
        if trial.state is TrialState.FINISHED:
            assert tame[trial.configuration["hidden_units"], trial.number].dev_loss == trial.dev_loss
    assert all("not finite" in t.reason or "reached" in t.reason for t in found.trials if t.state is TrialState.DIVERGED)
    assert store.events("s", trial=next(t.number for t in found.trials if t.state is TrialState.DIVERGED))[-1].kind == "diverged"


def test_a_trial_that_fails_is_recorded_with_its_reason_and_the_study_goes_on():
    class FailingEngine(NativeEngine):
        def advance(self, members, data, *, epochs=1):
            if members[0].seed.trial == 2:
                raise MemoryError("no room for so many units")
            return super().advance(members, data, epochs=epochs)

    found, _ = searched(trials=5, engine=FailingEngine())
    assert found.trials[2].state is TrialState.FAILED
    assert "no room for so many units" in found.trials[2].reason
    assert sum(trial.state is TrialState.FINISHED for trial in found.trials) == 4


def test_an_interrupt_stops_the_running_trials_at_the_end_of_their_epoch_and_keeps_the_best():
    progress = Listener()
    found, _ = searched(
        trials=100_000, epochs_per_trial=100_000, progress=progress, engine=UnevenEngine(), interrupted=lambda: len(progress.facts) >= 2
    )
    assert found.interrupted
    assert found.best is not None
    assert {trial.state for trial in found.trials} <= {TrialState.FINISHED, TrialState.STOPPED}
    assert any(trial.state is TrialState.STOPPED and trial.reason.startswith("interrupted after") for trial in found.trials)


def test_a_time_budget_ends_the_study_with_what_was_trained():
    found, _ = searched(seconds=1.0, epochs_per_trial=1000)
    assert found.ended == "the time was up"
    assert found.best is not None
    assert not any(trial.state is TrialState.RUNNING for trial in found.trials)


def test_a_store_that_cannot_be_written_ends_the_study_with_its_own_error():
    class FullStore(MemoryStore):
        def record(self, study, **what):
            raise StoreError("the disk is full")

    with pytest.raises(StoreError, match="the disk is full"):
        searched(trials=5, store=FullStore())


def test_progress_tells_trials_speed_best_error_and_share():
    progress = Listener()
    searched(trials=8, progress=progress)
    last = progress.facts[-1]
    assert (last["trials_done"], last["epochs_done"], last["share_done"], last["seconds_left"]) == (8, 24, 1.0, None)
    assert last["epochs_per_s"] > 0
    assert 0 <= last["best_error"] <= 1


class Recorder(Plain):
    """Notes what it had been told when it was asked."""

    def __init__(self, *given, **options):
        super().__init__(*given, **options)
        self.told, self.asked = [], []

    def ask(self):
        job = super().ask()
        if job:
            self.asked.append(list(self.told))
        return job

    def tell(self, job, values, state):
        self.told.append(job.trial)
        super().tell(job, values, state)


@pytest.mark.parametrize("slice_epochs", [1, 2, 5])
def test_a_decision_knows_what_ended_a_lag_before_in_order_and_nothing_else(slice_epochs):
    made = []

    def recorder(*given, **options):
        made.append(Recorder(*given, **options))
        return made[-1]

    searched(trials=30, epochs_per_trial=2, search=recorder, engine=UnevenEngine(), slice_epochs=slice_epochs)
    [search] = made
    # All trials take the same number of slices, so trial k begins when trial k - lag has ended, whatever ended meanwhile.
    assert search.asked == [list(range(max(0, number - LEAST_LAG + 1))) for number in range(30)]
