"""Whether a study is still trained, as the pages of a dashboard ask."""

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Thread

import pytest

from osetra.core.errors import StudyError
from osetra.core.records import StudyState
from osetra.store.sql import open_store
from osetra.study import heard as module
from osetra.study.heard import ASK_S
from osetra.study.steer import Steer
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


def running(store):
    began = datetime.now(UTC) - timedelta(hours=1)
    store.create_study(replace(record(name=NAME), state=StudyState.RUNNING, reason="", finished=None, created=began))


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
    with pytest.raises(StudyError, match="no process trains study 'made'"):
        Steer(study, None).ask("stop", {}, timeout_s=0.0)
    reading.store.close()
    store.close()
