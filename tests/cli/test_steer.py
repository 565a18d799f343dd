"""The verbs that steer a trial of an `osetra fit` that runs in a process of its own; then replay and lineage of what they did."""

import os
import signal
import subprocess
import time
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from osetra.core.records import Study as StudyRecord
from osetra.core.records import StudyState, Task, Trial, TrialState
from osetra.store.sql import open_store
from osetra.study.handle import Study
from osetra.study.steer import Steer
from osetra.study.writing import writing

from .calls import COMMAND, environment, osetra_here, strict_json
from .conftest import people

pytestmark = pytest.mark.skipif(os.name != "posix", reason="Ctrl-C as a signal is POSIX")
PATIENCE_S = 60.0


def rows(count=20_000):
    generator = np.random.default_rng(1)
    a, b, c = generator.normal(size=(3, count))
    label = np.where(a * b + 0.5 * c + 0.3 * generator.normal(size=count) > 0, "yes", "no")
    return pd.DataFrame({"a": a, "b": b, "c": c, "label": label})


class Fit:
    """`osetra fit` of two long trials, in another process."""

    def __init__(self, folder):
        self.folder = folder
        rows().to_csv(folder / "rows.csv", index=False)
        # Two trials, so that the study goes on while one of them stands still.
        bounds = ("--trials", "2", "--epochs-per-trial", "100000", "--patience", "0", "--no-finals", "--workers", "2")
        edits = ("--set", "hidden_units=16", "--set", "batch_size=256", "--set", "learning_rate=0.003")
        self.process = subprocess.Popen(
            [COMMAND, "fit", "rows.csv", "--target", "label", "--study", "mine", *bounds, *edits],
            cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def wait_for_epochs(self, number, epochs):
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            if (self.folder / "osetra.db").exists():
                call = osetra_here(self.folder, "trials", "mine", "--json")
                if call.code == 0 and any(t["trial"] == number and t["epochs"] >= epochs for t in strict_json(call.out)):
                    return
            assert self.process.poll() is None, self.process.communicate()
            time.sleep(0.05)
        raise AssertionError(f"trial {number} has no {epochs} epochs after {PATIENCE_S} s")

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)
        _, err = self.process.communicate(timeout=PATIENCE_S)
        assert self.process.returncode == 0, err
        assert "Traceback" not in err


@pytest.fixture
def fit(tmp_path):
    made = Fit(tmp_path)
    yield made
    if made.process.poll() is None:
        made.process.kill()
        made.process.communicate()


def test_a_trial_of_a_fit_in_another_process_is_steered_and_replayed_to_the_bit(fit):
    fit.wait_for_epochs(0, 3)

    def steer(verb, *arguments):
        return osetra_here(fit.folder, verb, "mine", *arguments)

    told = strict_json(steer("set", 0, "learning_rate=0.02", "batch_size=512", "--why", "too slow", "--json").succeeded().out)
    at, who = told["epoch"], told["who"]
    assert told["state"] == "done"
    assert told["answer"] == f"learning_rate 0.003 -> 0.02, batch_size 256 -> 512, from epoch {at + 1} on"
    assert "hidden_units cannot change while a trial trains" in steer("set", 0, "hidden_units=9").refused()
    assert "why cannot change while a trial trains" in steer("set", 0, "why=9").refused()

    assert steer("pause", 0, "--why", "lunch").succeeded().out.startswith("Trial 0: stands still after epoch ")
    study = Study.open("mine", fit.folder / "osetra.db")
    held = study.trial(0)
    assert held.state is TrialState.PAUSED
    frame = osetra_here(fit.folder, "watch", "mine", 0, "--once").succeeded().out
    assert "1 paused" in frame
    assert f"Trial 0: paused, paused by {who} after epoch {held.epochs}" in frame
    assert f"{who} set learning_rate from 0.003 to 0.02, batch_size from 256 to 512 (too slow)" in frame
    assert "▲" in frame

    assert f"goes on with epoch {held.epochs + 1}" in steer("continue", 0).succeeded().out
    assert "trains up to 100005 epochs" in steer("extend", 0, 5).succeeded().out
    fit.wait_for_epochs(0, at + 2)
    assert f"stands at the end of epoch {at}, and goes on from there" in steer("rollback", 0, at).succeeded().out
    fit.wait_for_epochs(0, at + 1)
    branched = steer("branch", 0, "learning_rate=0.001", "--epoch", at, "--why", "calmer").succeeded().out
    assert branched == f"Trial 0: trial 1000000 goes on from epoch {at} of trial 0.\n"
    assert "stopped after epoch" in steer("stop", 0).succeeded().out
    fit.wait_for_epochs(1_000_000, at + 1)
    assert "stopped after epoch" in steer("stop", 1_000_000, "--why", "seen enough").succeeded().out
    fit.interrupt()

    assert "no process trains study 'mine': osetra resume mine first" in steer("pause", 0).refused()
    for number in (0, 1_000_000):
        found = strict_json(steer("replay", number, "--json").succeeded().out)
        assert found["differs"] is None, number
        assert found["epochs"] == study.trial(number).epochs > at
    story = steer("lineage", 1_000_000).succeeded().out
    assert f"{who} branched trial 1000000 from trial 0 at the end of epoch {at}, with learning_rate 0.001 (calmer)." in story
    assert "(seen enough)." in story
    steps = strict_json(steer("lineage", 0, "--json").succeeded().out)["steps"]
    assert any(step["who"] == who and step["sentence"].endswith(f"{who} had it stand still (lunch).") for step in steps)
    assert f"{who} rolled it back from epoch" in steer("lineage", 0).out


def test_a_fit_in_another_process_is_told_to_end(fit):
    fit.wait_for_epochs(0, 1)
    told = osetra_here(fit.folder, "stop", "mine", "--why", "home time").succeeded().out
    assert told == "mine: the study ends; the best so far is kept, and it can be resumed.\n"
    _, err = fit.process.communicate(timeout=PATIENCE_S)
    assert fit.process.returncode == 0, err
    study = Study.open("mine", fit.folder / "osetra.db")
    assert (study.record.state, study.record.reason) == (StudyState.STOPPED, "interrupted")
    [event] = [event for event in study.events() if event.kind == "asked to stop"]
    assert event.detail["why"] == "home time"
    assert "no process trains study 'mine'" in osetra_here(fit.folder, "stop", "mine").refused()


def test_where_nobody_trains_the_verbs_say_so(home):
    assert "came to its end" in osetra_here(home, "pause", "people", 0).refused()
    assert "no study is named 'nobody'" in osetra_here(home, "pause", "nobody", 0).refused()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("set", "people", 0, "learning_rate"), "a setting must be NAME=VALUE, got 'learning_rate'"),
        (("branch", "people", 0, "=3"), "a setting must be NAME=VALUE, got '=3'"),
        (("rollback", "people", 0, "first"), "an epoch must be a whole number or best, got 'first'"),
        (("branch", "people", 0, "--epoch", "1.5"), "an epoch must be a whole number or best, got '1.5'"),
    ],
)
def test_what_is_typed_wrongly_is_refused_before_anything_is_asked(arguments, words, home):
    assert words in osetra_here(home, *arguments).refused()


def test_a_command_that_waits_has_an_exit_code_of_its_own(tmp_path, monkeypatch):
    """Somebody holds the study and does not answer."""
    store = open_store(tmp_path / "osetra.db")
    store.create_study(
        StudyRecord(
            name="mine", state=StudyState.RUNNING, created=datetime.now(UTC), task=Task.BINARY, target="label", source="rows.csv", seed=0,
            error_name="error rate",
        )
    )  # fmt: skip
    store.record("mine", trials=[Trial(number=0, configuration={}, state=TrialState.RUNNING)])
    monkeypatch.setattr(Steer.ask, "__kwdefaults__", {"why": "", "timeout_s": 0.1})
    with writing(store, "mine"):
        call = osetra_here(tmp_path, "pause", "mine", 0)
    assert call.code == 10
    assert call.out.startswith("Trial 0: pause of trial 0 still waits after 0.1 s")
    assert "osetra lineage mine 0" in call.out
    assert "asked for pause, which waits to be carried out." in osetra_here(tmp_path, "lineage", "mine", 0).succeeded().out
    store.close()


def test_a_replay_on_other_data_is_told_as_one(home, tmp_path):
    people(300).to_csv(tmp_path / "more.csv", index=False)
    number = strict_json(osetra_here(home, "trials", "people", "--json").out)[0]["trial"]
    same = osetra_here(home, "replay", "people", number).succeeded().out
    assert "the same to the bit." in same
    other = osetra_here(home, "replay", "people", number, "--data", tmp_path / "more.csv").succeeded().out
    assert "on other data." in other
    assert "to the bit" not in other
