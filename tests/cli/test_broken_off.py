"""A study whose process was killed: its record says running, and every verb and the report say that it broke off."""

import os
import signal
import subprocess
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from osetra.core.records import StudyState, Task, TrialState
from osetra.store.sql import open_store
from osetra.study import heard as module
from osetra.study.handle import Study
from report.made_study import record

from .calls import COMMAND, environment, osetra_here, strict_json
from .conftest import people

PATIENCE_S = 60.0
GONE = "the process that trained it is gone, and osetra resume mine goes on with it"


@pytest.fixture
def fit(tmp_path):
    """A folder, and the process of a fit in it that trains until it is ended."""
    people().to_csv(tmp_path / "people.csv", index=False)
    bounds = ("--trials", "1", "--epochs-per-trial", "1000000", "--patience", "0", "--no-finals", "--workers", "1")
    made = subprocess.Popen(
        [COMMAND, "fit", "people.csv", "--target", "label", "--study", "mine", *bounds],
        cwd=tmp_path, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    yield tmp_path, made
    if made.poll() is None:
        made.kill()
    made.communicate()


def wait_for_epochs(folder, process):
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if (folder / "osetra.db").exists():
            call = osetra_here(folder, "trials", "mine", "--json")
            if call.code == 0 and any(trial["epochs"] >= 3 for trial in strict_json(call.out)):
                return
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    raise AssertionError(f"no epochs after {PATIENCE_S} s")


def stands(folder):
    """As `osetra studies` has it: for people, for programs."""
    table = osetra_here(folder, "studies").succeeded().out
    [one] = strict_json(osetra_here(folder, "studies", "--json").succeeded().out)
    return "broken off" if "broken off" in table else "running" if "running" in table else table, one["state"], one["is_trained"]


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX")
def test_a_fit_that_is_killed_is_told_as_broken_off_by_every_verb_and_the_report(fit, monkeypatch):
    folder, process = fit
    wait_for_epochs(folder, process)
    # It is younger than the seconds in which a study is taken at its word.
    monkeypatch.setattr(module, "ASK_S", 0.0)
    assert stands(folder) == ("running", "running", True)
    assert "\nrunning\n" in osetra_here(folder, "show", "mine").succeeded().out
    assert ", running\n" in osetra_here(folder, "watch", "--once").succeeded().out
    # Whoever trains it did not mind that it was asked.
    assert process.poll() is None

    process.send_signal(signal.SIGKILL)
    process.wait()
    store = open_store(folder / "osetra.db", read_only=True)
    assert store.study("mine").state is StudyState.RUNNING
    assert store.trial("mine", 0).state is TrialState.RUNNING
    store.close()
    assert stands(folder) == ("broken off", "running", False)
    shown = osetra_here(folder, "show", "mine").succeeded().out
    [told] = [line for line in shown.splitlines() if line.startswith("broken off")]
    assert told.startswith("broken off: last heard from ")
    assert told.endswith(f" s ago; {GONE}")
    facts = strict_json(osetra_here(folder, "show", "mine", "--json").succeeded().out)
    assert (facts["state"], facts["is_trained"]) == ("running", False)
    assert osetra_here(folder, "show", "mine", 0).succeeded().out.startswith("mine, trial 0: broken off")
    assert osetra_here(folder, "lineage", "mine", 0).succeeded().out.startswith("mine, trial 0: broken off\n")

    # Not only with --once: there is nothing to wait for.
    frame = osetra_here(folder, "watch", "mine", 0).succeeded().out
    assert frame.startswith("mine: binary classification of label, broken off (last heard from ")
    assert GONE in frame
    assert "Trial 0: broken off" in frame

    osetra_here(folder, "report", "mine", "-o", "mine.html").succeeded()
    page = (folder / "mine.html").read_text(encoding="utf-8")
    assert "label, broken off 20" in page
    assert f" UTC; {GONE})." in page
    assert "study is running" not in page


@pytest.fixture
def broken(tmp_path):
    """A folder, and what makes in its store a study that nobody trains, by default last heard of two hours ago."""

    def make(**fields):
        made = {"name": "my study", "state": StudyState.RUNNING, "reason": "", "finished": None}
        made["created"] = datetime.now(UTC) - timedelta(hours=2, seconds=20)
        kept = record()
        store = open_store(tmp_path / "osetra.db")
        store.create_study(replace(kept, **(made | {"facts": {"space": kept.facts["space"]}} | fields)))
        store.close()

    return tmp_path, make


def test_what_is_typed_to_go_on_with_it_names_study_and_store(broken):
    folder, make = broken
    make()
    (folder / "osetra.db").rename(folder / "a store.db")
    shown = osetra_here(folder, "show", "--store", "a store.db").succeeded().out
    assert "broken off: last heard from 2 h 0 min ago; the process that trained it is gone, and " in shown
    assert "osetra resume 'my study' --store 'a store.db' goes on with it" in shown


def test_an_objective_is_gone_on_with_where_it_was_begun(broken):
    folder, make = broken
    make(task=Task.OBJECTIVE, error_name="value")
    assert "is gone, and it can be gone on with where it was begun\n" in osetra_here(folder, "show").succeeded().out
    assert "it can be gone on with where it was begun)." in " ".join(report_of(folder))


def test_a_report_without_a_result_says_that_it_broke_off(broken):
    folder, make = broken
    make()
    assert "No trial had come to a result when the study broke off." in report_of(folder)


def test_one_that_was_just_made_and_one_that_is_over_are_taken_at_their_word(broken):
    folder, make = broken
    make(created=datetime.now(UTC))
    make(name="over", state=StudyState.STOPPED, reason="stopped by Ctrl-C")
    told = {
        one["study"]: (one["state"], one["is_trained"]) for one in strict_json(osetra_here(folder, "studies", "--json").succeeded().out)
    }
    assert told == {"my study": ("running", True), "over": ("stopped", False)}
    assert "broken off" not in osetra_here(folder, "studies").succeeded().out
    assert "\nstopped: stopped by Ctrl-C\n" in osetra_here(folder, "show", "over").succeeded().out


def test_a_store_that_cannot_be_written_does_not_tell(broken, monkeypatch):
    folder, make = broken
    make()

    def refuse(*_, **__):
        raise module.OsetraError("the store cannot be written to")

    monkeypatch.setattr("osetra.study.heard.is_worked_on", refuse)
    assert stands(folder) == ("running", "running", None)


def report_of(folder):
    from osetra.report.told import verdict, what_was_done
    from osetra.study.plot import gather

    store = open_store(folder / "osetra.db", read_only=True)
    try:
        gathered = gather(Study(store.study("my study"), store, place=folder / "osetra.db"))
    finally:
        store.close()
    return [verdict(gathered), *what_was_done(gathered)]
