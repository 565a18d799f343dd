"""A budget in seconds that is over before anything was trained: the first trial trains one epoch all the same, and this is said."""

import time
from contextlib import closing
from datetime import UTC, datetime

import numpy as np
import pytest

import osetra
from listener import Listener
from osetra.core.records import Study, StudyState, Task, TrialState
from osetra.engines.native.engine import NativeEngine
from osetra.engines.port import TrainingData
from osetra.search.random import RandomSampler
from osetra.search.schedulers import Asha
from osetra.space.scales import choice, log
from osetra.space.space import Space
from osetra.store.memory import MemoryStore
from osetra.study.budget import Budget
from osetra.study.loop import LATE, MORE_TIME, SearchLoop
from osetra.study.past import Past
from osetra.study.phases import Phases
from osetra.study.terms import Plan

SPACE = Space({"learning_rate": log(1e-3, 1e-1), "hidden_units": choice(2, 3, 5), "batch_size": 8, "num_layers": 1})
LAST = 16


class FailingEngine(NativeEngine):
    def advance(self, members, data, *, epochs=1):
        raise MemoryError("no room")


def table(rows=60):
    draw = np.random.default_rng(0)
    inputs = draw.normal(size=(rows, 4)).astype(np.float32)
    labels = (inputs[:, 0] + inputs[:, 1] > 0).astype(np.int64)
    return TrainingData(train_inputs=inputs[:40], train_targets=labels[:40], dev_inputs=inputs[40:], dev_targets=labels[40:])


def searched(*, spent=1.0, left_s=-0.01, engine=None, store=None, interrupted=lambda: False):
    """As `fit` searches, of a second of which `spent` is gone when the first trial could begin, and `left_s` is left."""
    known = store is not None
    store, progress = store or MemoryStore(), Listener()
    if not known:
        store.create_study(
            Study(
                name="s", state=StudyState.RUNNING, created=datetime.now(UTC), task=Task.BINARY, target="y", source="toy", seed=7,
                error_name="error rate",
            )
        )  # fmt: skip
    past = Past.of(store, "s") if known else Past()
    deadline = time.monotonic() + left_s
    search = Phases(Asha(RandomSampler(SPACE, seed=7), last=LAST), last=LAST, share_spent=lambda: spent, searched=past.searched)
    plan = Plan(
        study="s", task=Task.BINARY, num_outputs=2, seed=7, epochs_per_trial=LAST, patience=None, budget=Budget(seconds=1.0), workers=2,
        deadline=deadline,
    )  # fmt: skip
    loop = SearchLoop(
        plan, search=search, engine=engine or NativeEngine(), data=table(), store=store, progress=progress, past=past,
        interrupted=interrupted,
    )  # fmt: skip
    with closing(loop):
        return loop.run(), store, progress.said


def test_the_first_trial_trains_one_epoch_and_no_other_begins():
    found, store, said = searched()
    assert [(trial.number, trial.epochs, trial.state) for trial in found.trials] == [(0, 1, TrialState.STOPPED)]
    assert found.trials[0].reason == f"{LATE} after 1 of {LAST} epochs"
    assert (found.ended, said) == (LATE, [MORE_TIME])
    assert found.member is not None
    assert len(store.curve("s", 0)) == 1


def test_what_is_left_after_the_share_of_the_search_goes_to_the_first_trial():
    found, _, said = searched(spent=0.9, left_s=60.0)
    assert [(trial.number, trial.epochs, trial.state) for trial in found.trials] == [(0, LAST, TrialState.FINISHED)]
    assert said == []


def test_a_first_trial_that_fails_is_not_followed_by_others():
    found, _, _ = searched(engine=FailingEngine())
    assert [(trial.state, trial.epochs) for trial in found.trials] == [(TrialState.FAILED, 0)]
    assert (found.best, found.ended) == (None, "the time was up")


def test_who_interrupts_waits_for_no_epoch():
    found, _, _ = searched(interrupted=lambda: True)
    assert (found.trials, found.interrupted) == ([], True)


def test_a_study_that_goes_on_when_its_time_is_up_trains_nothing_more():
    first, store, _ = searched()
    again, _, said = searched(store=store)
    assert [(trial.epochs, trial.dev_error) for trial in again.trials] == [(trial.epochs, trial.dev_error) for trial in first.trials]
    assert (again.ended, said) == ("the time was up", [])


@pytest.mark.parametrize("options", [{}, {"panda": True}])
def test_a_fit_whose_time_is_over_before_it_begins_leaves_a_model_and_says_why_it_is_poor(options, tmp_path):
    draw = np.random.default_rng(0)
    X = draw.normal(size=(300, 3)).astype(np.float32)
    progress = Listener()
    study = osetra.fit(X, y=(X[:, 0] > 0).astype(int), budget=0.001, progress=progress, **options)
    assert [(trial.number, trial.epochs) for trial in study.trials()] == [(0, 1)]
    assert study.record.state is StudyState.FINISHED
    assert study.facts["ended"] == LATE
    assert MORE_TIME in progress.said
    assert any("no time for simple models" in said for said in progress.said)
    assert any("no time to compare the parts" in said for said in progress.said)
    assert (study.facts["shift"], study.facts["references"], "plan" in study.facts) == (None, None, False)
    assert len(study.model.predict(X)) == 300
    assert study.diagnose().trial == 0
    assert study.report(tmp_path / "report.html").exists()
