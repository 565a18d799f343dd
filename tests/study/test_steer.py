"""`study.steer`: a command is given from another thread or process, and its answer comes back."""

import re
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

import osetra
from osetra.core.errors import OsetraError, SpaceError, StudyError
from osetra.core.records import CommandState, StudyState, Task, Trial, TrialState
from osetra.core.records import Study as StudyRecord
from osetra.store.memory import MemoryStore
from osetra.store.sql import open_store
from osetra.study.handle import Study
from osetra.study.writing import writing

RECORD = StudyRecord(
    name="mine", state=StudyState.RUNNING, created=datetime.now(UTC), task=Task.BINARY, target="label", source="in memory", seed=0,
    error_name="error rate",
)  # fmt: skip


@pytest.fixture(params=["memory", "file"])
def store(request, tmp_path):
    made = MemoryStore() if request.param == "memory" else open_store(tmp_path / "s.db")
    made.create_study(RECORD)
    made.record("mine", trials=[Trial(number=7, configuration={"l2": 0.1}, state=TrialState.RUNNING)])
    yield made
    made.close()


class Trainer(threading.Thread):
    """Stands for who trains: answers the first command that comes, as told."""

    def __init__(self, store, state, answer):
        super().__init__()
        self.store, self.state, self.answer = store, state, answer
        self.found = None

    def run(self):
        end = time.monotonic() + 20
        while time.monotonic() < end and self.found is None:
            for command in self.store.commands("mine", state=CommandState.WAITING):
                self.found = command
                self.store.answer_command("mine", command.id, state=self.state, answer=self.answer, epoch=4, at=datetime.now(UTC))
            time.sleep(0.01)


def answered(store, call, state=CommandState.DONE, answer="from epoch 5 on"):
    """What the trainer found, and what the call came to."""
    trainer = Trainer(store, state, answer)
    with writing(store, "mine"):
        trainer.start()
        try:
            came = call(Study.open("mine", store).steer(7))
        finally:
            trainer.join()
    assert trainer.found is not None
    return trainer.found, came


@pytest.mark.parametrize(
    ("call", "kind", "detail"),
    [
        (lambda s: s.set(learning_rate=np.float64(0.1), schedule="cosine", why="so"), "set",
         {"settings": {"learning_rate": 0.1, "schedule": "cosine"}}),
        (lambda s: s.pause(why="so"), "pause", {}),
        (lambda s: s.proceed(why="so"), "continue", {}),
        (lambda s: s.stop(why="so"), "stop", {}),
        (lambda s: s.extend(5, why="so"), "extend", {"epochs": 5}),
        (lambda s: s.rollback("best", why="so"), "rollback", {"epoch": "best"}),
        (lambda s: s.branch(3, l2=2.0, why="so"), "branch", {"epoch": 3, "settings": {"l2": 2.0}}),
        (lambda s: s.branch(why="so"), "branch", {"settings": {}}),
    ],
)  # fmt: skip
def test_each_call_puts_its_command_and_returns_the_answer(call, kind, detail, store):
    found, came = answered(store, call)
    assert (found.kind, found.detail, found.why, found.trial) == (kind, detail, "so", 7)
    assert found.who
    assert (came.state, came.answer, came.epoch, came.id) == (CommandState.DONE, "from epoch 5 on", 4, found.id)


def test_a_refusal_is_an_error_with_the_answer(store):
    with pytest.raises(StudyError, match=r"^it cannot be$"):
        answered(store, lambda s: s.pause(), CommandState.REFUSED, "it cannot be")


def test_where_nobody_trains_nothing_is_asked(store):
    steer = Study.open("mine", store).steer(7)
    with pytest.raises(StudyError, match=r"^no process trains study 'mine': osetra resume mine first$"):
        steer.pause()
    assert store.commands("mine") == []
    # Looking left nobody in the writer's place.
    with writing(store, "mine"):
        assert store.commands("mine") == []


def test_a_study_that_came_to_its_end_says_so(store):
    store.update_study(replace(RECORD, state=StudyState.FINISHED, reason="done"))
    with pytest.raises(StudyError, match=re.escape("'mine' came to its end (done); begin another study")):
        Study.open("mine", store).steer(7).pause()
    assert store.commands("mine") == []


def test_an_unknown_trial_and_a_value_that_is_none_are_refused_at_once(store):
    study = Study.open("mine", store)
    with writing(store, "mine"):
        with pytest.raises(StudyError, match="has no trial 8"):
            study.steer(8).pause()
        with pytest.raises(SpaceError, match="a value must be a finite number"):
            study.steer(7).set(l2=None)  # pyright: ignore[reportArgumentType]
    assert store.commands("mine") == []


def test_an_answer_that_does_not_come_in_time_leaves_the_command_waiting_and_says_so(store):
    with writing(store, "mine"):
        came = Study.open("mine", store).steer(7).pause(timeout_s=0.1)
    assert came.state is CommandState.WAITING
    assert came.answer == "pause of trial 7 still waits after 0.1 s, and is carried out once trial 7 can be had"
    assert [command.state for command in store.commands("mine")] == [CommandState.WAITING]


def test_a_command_that_nobody_is_left_to_answer_does_not_wait_for_who_resumes(store):
    """The study ends, or its process goes, after the command was given."""
    steer = Study.open("mine", store).steer(7)
    given = threading.Event()
    add = store.add_command

    def add_and_tell(*told):
        number = add(*told)
        given.set()
        return number

    store.add_command = add_and_tell
    said = []

    def ask():
        try:
            steer.pause(timeout_s=0.3)
        except StudyError as error:
            said.append(str(error))

    thread = threading.Thread(target=ask)
    with writing(store, "mine"):
        thread.start()
        assert given.wait(20)
    thread.join()
    assert said == ["the process that trained the study is gone"]
    assert [command.state for command in store.commands("mine")] == [CommandState.REFUSED]


def test_a_study_of_an_objective_is_not_steered(store):
    store.update_study(replace(RECORD, task=Task.OBJECTIVE))
    study = Study.open("mine", store)
    asks = [
        study.steer(7).pause, study.steer(7).stop, study.steer(7).proceed,
        lambda: study.steer().ask("edit", {"edits": {"learning_rate": "0.1"}}),
    ]  # fmt: skip
    for ask in asks:
        with writing(store, "mine"), pytest.raises(StudyError, match=r"only networks .* can be steered, got 'mine', .*: osetra stop mine"):
            ask()
    assert store.commands("mine") == []
    with pytest.raises(StudyError, match="no process trains study 'mine': go on with it where it was begun first"):
        study.steer().stop()


def test_a_study_that_is_asked_and_told_cannot_be_stopped_from_elsewhere(store):
    with osetra.Tuner({"x": osetra.linear(0, 1)}, store=store, study="asked") as tuner:
        tuner.ask()
        with pytest.raises(StudyError, match="got 'asked', which is asked and told; close its Tuner"):
            Study.open("asked", store).steer().stop()
    assert store.commands("asked") == []


def test_a_trial_that_trains_in_another_thread_is_steered_and_its_replay_is_the_same(tmp_path):
    generator = np.random.default_rng(0)
    a, b = generator.normal(size=(2, 3000))
    pd.DataFrame({"a": a, "b": b, "label": a * b > 0}).to_csv(tmp_path / "rows.csv", index=False)
    place = tmp_path / "s.db"

    def fit():
        osetra.fit(
            tmp_path / "rows.csv", "label", store=place, study="mine", trials=2, epochs_per_trial=100_000, patience=0, finals=False,
            interrupted=over.is_set, workers=2, space={"hidden_units": 16},
        )  # fmt: skip

    over, thread = threading.Event(), threading.Thread(target=fit)
    thread.start()
    try:
        study = wait_for(lambda: trained(place), thread)
        done = study.steer(0).set(learning_rate=0.02, why="to see")
        assert done.epoch is not None
        assert done.answer.endswith(f"-> 0.02, from epoch {done.epoch + 1} on")
        with pytest.raises(StudyError, match="hidden_units cannot change while a trial trains"):
            study.steer(0).set(hidden_units=9)
        back = study.steer(0).rollback(done.epoch, timeout_s=30)
        assert back.state is CommandState.DONE
        assert back.epoch == done.epoch
        branch = study.steer(0).branch(done.epoch, l2=3.0)
        assert "trial 1000000 goes on from epoch" in branch.answer
        assert study.steer(1_000_000).stop(timeout_s=30).state is CommandState.DONE
        assert study.steer(0).stop(timeout_s=30).state is CommandState.DONE
    finally:
        over.set()
        thread.join()
    found = study.replay(0)
    assert found.differs is None
    assert len(found.curve) >= done.epoch
    story = study.lineage(1_000_000)
    assert [step.trial for step in story.steps][-2:] == [1_000_000, 1_000_000]
    assert any("branched trial 1000000 from trial 0" in step.sentence for step in story.steps)
    assert any("learning_rate from" in step.sentence and step.sentence.endswith("0.02 (to see).") for step in study.lineage(0).steps)


def trained(place):
    """The study, once its first trial has trained some epochs."""
    try:
        study = Study.open("mine", place)
        return study if study.trials() and study.trial(0).epochs >= 3 else None
    except OsetraError:  # it is being made
        return None


def wait_for(true, thread):
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if found := true():
            return found
        assert thread.is_alive()
        time.sleep(0.05)
    raise AssertionError("nothing in 60 s")
