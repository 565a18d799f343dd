"""A study of an objective is told to end, from another thread or process, and goes on to where it would have come."""

import math
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

import osetra
from osetra.core.errors import StoreError
from osetra.core.records import Command, CommandState, StudyState, Trial, TrialState
from osetra.store.memory import MemoryStore
from osetra.store.sql import open_store
from osetra.study import objective_desk, objective_loop
from osetra.study.handle import Study
from osetra.study.ledger import Ledger
from osetra.study.objective_desk import ObjectiveDesk
from osetra.study.past import Past
from osetra.study.steerable import STUDY_ENDS
from report.made_study import record

LINE = {"x": osetra.linear(0.0, 1.0)}
PATIENCE_S = 20.0
HELD = 5
"""The trial in which the study is stopped."""


class Objective:
    """Reports x + 1 / epoch. Where there is a file `hold`, trial 5 waits before its second epoch until it is told to stop."""

    def __init__(self, folder: Path, *, listens: bool = True) -> None:
        self.folder, self.listens = str(folder), listens

    def __call__(self, trial):
        folder = Path(self.folder)
        for epoch in range(1, trial.epochs + 1):
            if trial.number == HELD and epoch == 2 and (folder / "hold").exists():
                (folder / "waits").touch()
                deadline = time.monotonic() + PATIENCE_S
                while not (self.listens and trial.should_stop) and time.monotonic() < deadline:
                    time.sleep(0.01)
                return
            if not trial.report(trial.params["x"] + 1 / epoch, epoch):
                return


def tuned(folder, store, *, objective=None, **options):
    given = {"trials": 9, "epochs_per_trial": 6, "strategy": "random", "study": "mine", "resume": True}
    return osetra.optimize(objective or Objective(folder), LINE, **(given | options), store=store)


def stopped(folder, store, **options):
    """A run of it that is told to end once trial 5 waits: the study, and what was answered."""
    (folder / "hold").touch()
    told = []

    def ask():
        deadline = time.monotonic() + PATIENCE_S
        while not (folder / "waits").exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        told.append(Study.open("mine", store).steer().stop(why="enough"))

    thread = threading.Thread(target=ask)
    thread.start()
    study = tuned(folder, store, **options)
    thread.join()
    (folder / "hold").unlink()
    [answered] = told
    return study, answered


@pytest.mark.parametrize("way", [{"in_process": True}, {"workers": 1}, {"workers": 2, "trials": 60}])
def test_one_that_is_told_to_stop_begins_no_more_trials_and_goes_on_to_where_it_would_have_come(way, tmp_path):
    place = tmp_path / "s.db"
    study, answered = stopped(tmp_path, place, **way)
    assert (answered.state, answered.answer) == (CommandState.DONE, STUDY_ENDS)
    # As Ctrl-C ends it.
    assert (study.record.state, study.record.reason, study.facts["ended"]) == (StudyState.STOPPED, "interrupted", "interrupted")
    held = study.trial(HELD)
    assert (held.state, held.reason, held.epochs) == (TrialState.STOPPED, "interrupted after 1 of 6 epochs", 1)
    assert all(trial.state.is_over for trial in study.trials())
    # With two at a time the other may go on until the answer, as far as the search can decide without trial 5.
    assert len(study.trials()) == HELD + 1 if way.get("workers", 1) == 1 else HELD + 1 <= len(study.trials()) < way["trials"]
    assert study.best.number != HELD
    [event] = [event for event in study.events() if event.kind == "asked to stop"]
    assert (event.trial, event.who, event.detail) == (None, answered.who, {"command": answered.id, "why": "enough"})

    again = tuned(tmp_path, place, **way)
    assert again.record.state is StudyState.FINISHED
    plain = tuned(tmp_path, MemoryStore(), **way)
    assert [(one.number, one.state, one.epochs, one.value) for one in again.trials()] == [
        (one.number, one.state, one.epochs, one.value) for one in plain.trials()
    ]
    for number in range(len(plain.trials())):
        assert [point.dev_error for point in again.curve(number)] == [point.dev_error for point in plain.curve(number)]


def test_one_whose_objective_does_not_listen_is_ended_all_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(objective_loop, "GRACE_S", 0.1)
    study, answered = stopped(tmp_path, tmp_path / "s.db", objective=Objective(tmp_path, listens=False), workers=1)
    assert answered.state is CommandState.DONE
    assert study.trial(HELD).reason == "interrupted after 1 of 6 epochs"


def test_one_that_is_kept_in_memory_is_stopped_by_a_thread(tmp_path):
    study, answered = stopped(tmp_path, MemoryStore(), in_process=True)
    assert (study.record.state, answered.state) == (StudyState.STOPPED, CommandState.DONE)


def test_what_is_asked_last_is_refused_once_the_study_has_ended(tmp_path, monkeypatch):
    """Its only trial is over before anybody looks; who asked waits no longer than that."""
    monkeypatch.setattr(objective_desk, "LOOK_S", math.inf)
    monkeypatch.setattr(objective_loop, "TICK_S", math.inf)
    store = open_store(tmp_path / "s.db")

    def objective(_trial):
        store.add_command("mine", command("stop"))
        return 1.0

    study = osetra.optimize(objective, LINE, trials=1, in_process=True, store=store, study="mine")
    assert study.record.state is StudyState.FINISHED
    [one] = store.commands("mine")
    assert (one.state, one.answer) == (CommandState.REFUSED, "the study ended first: all trials of the budget were trained")
    store.close()


# The desk by itself.


def command(kind, *, trial=None):
    return Command(trial=trial, kind=kind, who="ada", at=datetime.now(UTC))


@pytest.fixture
def store():
    made = MemoryStore()
    made.create_study(record(name="mine"))
    return made


def answers(store):
    return [(one.state, one.answer) for one in store.commands("mine")]


def test_what_was_asked_of_an_earlier_run_does_not_end_the_one_that_goes_on(store):
    carried_out, old = (store.add_command("mine", command("stop")) for _ in range(2))
    desk, ledger = ObjectiveDesk("mine", store), Ledger("mine", store)
    past = Past(carried_out={carried_out: None})
    assert not desk.is_told_to_end()
    desk.answer(ledger, past)
    assert not desk.is_told_to_end()
    assert answers(store) == [
        (CommandState.DONE, "carried out before the study broke off"),
        (CommandState.REFUSED, "the study broke off before it was carried out; ask again"),
    ]
    assert old == 2
    store.add_command("mine", command("stop"))
    desk.answer(ledger, past)
    assert desk.is_told_to_end()
    assert answers(store)[-1] == (CommandState.DONE, STUDY_ENDS)


def test_nothing_else_can_be_asked_of_it(store):
    desk = ObjectiveDesk("mine", store)
    store.record("mine", trials=[Trial(number=3, configuration={}, state=TrialState.RUNNING)])
    store.add_command("mine", command("stop", trial=3))
    store.add_command("mine", command("edit"))
    assert not desk.is_told_to_end()
    desk.answer(Ledger("mine", store), Past())
    assert not desk.is_told_to_end()
    for state, answer in answers(store):
        assert state is CommandState.REFUSED
        assert answer.endswith("it can be stopped as a whole: osetra stop mine")


def test_it_looks_now_and_then_and_what_ails_the_store_is_not_the_objectives_failure(store, monkeypatch):
    desk, asked = ObjectiveDesk("mine", store), []

    def refuse(*what, **_):
        asked.append(what)
        raise StoreError("the disk is full")

    monkeypatch.setattr(store, "commands", refuse)
    assert not any(desk.is_told_to_end() for _ in range(100))
    assert len(asked) == 1
    with pytest.raises(StoreError, match="the disk is full"):
        desk.answer(Ledger("mine", store), Past())
