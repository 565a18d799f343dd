"""Whether a study is still trained is asked of its store where nothing new comes, and when it was last heard of is said."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from osetra.core.errors import StudyError
from osetra.core.records import Command, Event, StudyState, Trial, TrialState
from osetra.store.memory import MemoryStore
from osetra.store.sql import open_store
from osetra.study import heard as module
from osetra.study import steer
from osetra.study import writing as writing_module
from osetra.study.handle import Study
from osetra.study.heard import ASK_S, BROKEN_OFF, SILENT_S, Hearing, heard
from osetra.study.writing import writing
from report.made_study import record

NAME = "made"


class Clock:
    """Time that passes when it is told to."""

    def __init__(self):
        self.now = 1_000.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr(module, "time", made)
    return made


@pytest.fixture
def asked(monkeypatch):
    """How often it was asked who writes the study."""
    times = []
    monkeypatch.setattr(module, "is_worked_on", lambda *what, known=module.is_worked_on: times.append(what) or known(*what))
    return times


def running(store, began=None):
    began = began or datetime.now(UTC) - timedelta(hours=1)
    kept = replace(record(name=NAME), state=StudyState.RUNNING, reason="", finished=None, created=began)
    store.create_study(kept)
    return Study(kept, store)


def test_one_that_trains_is_asked_about_only_when_nothing_new_comes(clock, asked):
    store = MemoryStore()
    study, hearing = running(store), Hearing()
    with writing(store, NAME):
        found = hearing.listen(study, 1)
        assert (found.is_trained, found.state, found.has_broken_off, found.sentence, len(asked)) == (True, "running", False, "", 1)
        for version in range(2, 30):
            clock.now += ASK_S - 1
            assert hearing.listen(study, version).is_trained
        assert len(asked) == 1
        clock.now += SILENT_S
        assert hearing.listen(study, 29).sentence == "last heard from 10 s ago"
        assert len(asked) == 2
        assert hearing.listen(study, 29).is_trained
        assert len(asked) == 2
        clock.now += ASK_S
        assert hearing.listen(study, 29).sentence == "last heard from 15 s ago"
        assert len(asked) == 3
        assert hearing.listen(study, 30).sentence == ""
    # Its process is gone.
    clock.now += ASK_S
    found = hearing.listen(study, 30)
    assert (found.is_trained, found.state, found.has_broken_off, found.sentence) == (False, BROKEN_OFF, True, "last heard from 5.0 s ago")
    # It is not asked about again, until something is recorded by whoever takes it up.
    clock.now += 100.0
    assert hearing.listen(study, 30).has_broken_off
    assert len(asked) == 4
    with writing(store, NAME):
        assert hearing.listen(study, 30).has_broken_off
        assert (hearing.listen(study, 31).state, hearing.listen(study, 31).sentence) == ("running", "")
    finished = Study(replace(study.record, state=StudyState.FINISHED), store)
    assert (hearing.listen(finished, 32).state, hearing.listen(finished, 32).sentence) == ("finished", "")


def test_one_that_was_just_made_is_left_to_its_maker_for_a_moment(clock, asked):
    """Who asks claims it, and its maker claims it next."""
    store = MemoryStore()
    study, hearing = running(store, datetime.now(UTC)), Hearing()
    assert hearing.listen(study, 1).is_trained
    assert hearing.listen(study, 2).is_trained
    assert asked == []
    clock.now += ASK_S
    assert hearing.listen(study, 2).has_broken_off


def test_one_that_broke_off_before_anybody_looked_was_heard_of_at_its_last_event():
    store = MemoryStore()
    now = datetime.now(UTC)
    study = running(store, now - timedelta(hours=3))
    assert Hearing().listen(study, 1).sentence == "last heard from 3 h 0 min ago"
    store.record(NAME, events=[Event(trial=None, epoch=None, kind="resumed", at=now - timedelta(minutes=2, seconds=5))])
    hearing = Hearing()
    assert hearing.listen(study, 2).sentence == "last heard from 2 min 5 s ago"
    # What people ask of it is no sign of life.
    store.add_command(NAME, Command(trial=None, kind="stop", who="ann", at=now))
    assert hearing.listen(study, 3).sentence == "last heard from 2 min 5 s ago"


def test_a_store_that_may_only_be_read_does_not_tell_and_nothing_is_said_to_have_broken_off(tmp_path, clock):
    store = open_store(tmp_path / "s.db")
    running(store)
    store.close()
    read = open_store(tmp_path / "s.db", read_only=True)
    found = Hearing().listen(Study(read.study(NAME), read), 1)
    assert (found.is_trained, found.state, found.has_broken_off) == (None, "running", False)
    read.close()


def test_those_who_ask_once_hear_the_same(clock):
    store = MemoryStore()
    study = running(store)
    with writing(store, NAME):
        assert (heard(study).is_trained, heard(study).state) == (True, "running")
    found = heard(study)
    assert (found.is_trained, found.state, found.sentence) == (False, BROKEN_OFF, "last heard from 1 h 0 min ago")
    assert [found.state_of(Trial(number=0, configuration={}, state=state)) for state in (TrialState.RUNNING, TrialState.PAUSED)] == [
        BROKEN_OFF,
        "paused",
    ]


class Sleep:
    """In place of the module `time`: while somebody waits, another does something."""

    def __init__(self, meanwhile):
        self.sleep = lambda _: meanwhile()


def test_one_who_asks_at_the_same_moment_is_not_taken_for_somebody_who_trains(monkeypatch):
    store = MemoryStore()
    running(store)
    store.claim(NAME, "steer 1")
    monkeypatch.setattr(steer, "time", Sleep(lambda: store.release(NAME, "steer 1")))
    assert not steer.is_worked_on(store, NAME)
    store.claim(NAME, "somebody")
    assert steer.is_worked_on(store, NAME)


def test_one_who_asks_keeps_nobody_from_training(monkeypatch):
    store = MemoryStore()
    running(store)
    store.claim(NAME, "steer 1")
    monkeypatch.setattr(writing_module, "time", Sleep(lambda: store.release(NAME, "steer 1")))
    with writing(store, NAME), pytest.raises(StudyError, match="has one writer"), writing(store, NAME):
        raise AssertionError("two write it")
