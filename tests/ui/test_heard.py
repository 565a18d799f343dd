"""Whether a study is still trained is asked of its store where nothing new comes, and when it was last heard of is said."""

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Thread

import pytest

from osetra.core.records import Command, Event, StudyState
from osetra.store.memory import MemoryStore
from osetra.store.sql import open_store
from osetra.study.handle import Study
from osetra.study.steer import Steer
from osetra.study.writing import writing
from osetra.ui import heard as module
from osetra.ui.heard import ASK_S, BROKEN_OFF, SILENT_S, Hearing
from osetra.ui.reading import Reading
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


def test_many_pages_that_ask_at_once_do_not_find_one_another(tmp_path):
    """Who asks claims the study for a moment, which another would take for somebody who trains it."""
    store = open_store(tmp_path / "s.db")
    running(store)
    reading = Reading(None, str(tmp_path / "s.db"))
    told = []
    threads = [Thread(target=lambda: told.append(reading.heard(NAME).has_broken_off)) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told == [True] * 12
    reading.store.close()
    store.close()


WRITES = """
import sys, time
from osetra.store.sql import open_store
from osetra.study.writing import writing
with writing(open_store(sys.argv[1]), "made"):
    print("writes", flush=True)
    time.sleep(600)
"""


def test_a_process_that_was_killed_is_known_to_be_gone_at_the_next_question(tmp_path, clock):
    store = open_store(tmp_path / "s.db")
    running(store)
    other = subprocess.Popen([sys.executable, "-c", WRITES, str(tmp_path / "s.db")], stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None
    assert other.stdout.readline() == "writes\n"
    reading = Reading(None, str(tmp_path / "s.db"))
    assert reading.heard(NAME).is_trained
    other.kill()
    other.communicate()
    clock.now += ASK_S
    assert reading.heard(NAME).has_broken_off
    # Nobody would hear a command.
    study = reading.study(NAME)
    with pytest.raises(module.OsetraError, match="no process trains study 'made'"):
        Steer(study, None).ask("stop", {}, timeout_s=0.0)
    reading.store.close()
    store.close()
