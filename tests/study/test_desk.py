"""The desk: people steer trials while a study runs; what they did can be repeated, and a kill loses none of it."""

import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import osetra
from osetra.core.records import Command, CommandState, Study, StudyState, Task, Trial, TrialState
from osetra.store.memory import MemoryStore
from osetra.study import loop
from osetra.study.desk import FIRST_BRANCH
from osetra.study.replay import replay

OPTIONS = {
    "epochs": 160,
    "epochs_per_trial": 40,
    "patience": 0,
    "seed": 5,
    "study": "mine",
    "strategy": "random",
    "finals": False,
    "workers": 2,
}


EARLIER = Study(
    name="earlier", state=StudyState.FINISHED, created=datetime.now(UTC), task=Task.BINARY, target="label", source="in memory", seed=0,
    error_name="error rate",
)  # fmt: skip


def rows(count: int = 4000) -> pd.DataFrame:
    generator = np.random.default_rng(3)
    a, b, c = generator.normal(size=(3, count))
    return pd.DataFrame({"a": a, "b": b, "c": c, "label": np.where(a * b + 0.5 * c + 0.3 * generator.normal(size=count) > 0, "yes", "no")})


class Person:
    """Watches a study and gives a command when trial 0 has so many epochs, each after the one before was answered."""

    def __init__(self, store, commands, *, whole=False):
        self.store, self.waiting, self.given, self.whole = store, list(commands), None, whole

    def notice(self, text):
        pass

    def update(self, facts):
        if "mine" not in [summary.study.name for summary in self.store.studies()]:
            return
        if self.given is not None and self.store.commands("mine", state=CommandState.WAITING):
            return
        trials = {trial.number: trial for trial in self.store.trials("mine")}
        if self.waiting and self.waiting[0][0] in trials and trials[self.waiting[0][0]].epochs >= self.waiting[0][1]:
            number, _, kind, detail = self.waiting.pop(0)
            command = Command(trial=None if self.whole else number, kind=kind, detail=detail, who="ada", why="to see", at=datetime.now(UTC))
            self.given = self.store.add_command("mine", command)


@pytest.fixture(autouse=True)
def prompt(monkeypatch):
    """Commands are looked for all the time."""
    monkeypatch.setattr(loop, "FLUSH_S", 0.001)


def steered(commands, store=None, *, whole=False, **more):
    store = store or MemoryStore()
    data = more.pop("data", rows())
    study = osetra.fit(data, "label", store=store, progress=Person(store, commands, whole=whole), **{**OPTIONS, **more})
    return study, store.commands("mine")


def kinds(study, number):
    return [event.kind for event in study.events(number) if event.kind not in ("probe", "started", "promoted")]


def test_a_rate_is_set_while_the_trial_trains_and_its_replay_has_the_same_bits():
    study, [command] = steered([(0, 2, "set", {"settings": {"learning_rate": 0.001, "l2": 5.0}})])
    assert command.state is CommandState.DONE
    assert command.answer.startswith("learning_rate 0.003 -> 0.001, l2")
    assert command.answer.endswith(f"from epoch {command.epoch + 1} on")
    assert study.trial(0).epochs == 40
    [event] = [event for event in study.events(0) if event.kind == "set"]
    assert (event.who, event.epoch, event.detail["why"], event.detail["old"]["learning_rate"]) == ("ada", command.epoch, "to see", 0.003)
    again = replay(study, 0, rows())
    assert again.differs is None
    assert again.sentence.endswith("the same to the bit.")
    plain = osetra.fit(rows(), "label", **OPTIONS)
    before, after = [[record.train_cost for record in one.curve(0)] for one in (plain, study)]
    assert before[: command.epoch] == after[: command.epoch]
    assert before[command.epoch] != after[command.epoch]


def test_the_other_trials_are_what_they_would_have_been_as_long_as_the_search_does_not_learn():
    study, _ = steered([(0, 2, "set", {"settings": {"learning_rate": 0.001}})])
    plain = osetra.fit(rows(), "label", **OPTIONS)
    for number in (1, 2, 3):
        assert [r.dev_error for r in study.curve(number)] == [r.dev_error for r in plain.curve(number)]


def test_a_trial_is_rolled_back_and_goes_on_as_one_that_never_went_there():
    study, commands = steered([
        (0, 5, "set", {"settings": {"learning_rate": 0.3}}), (0, 7, "rollback", {"epoch": 3}), (0, 4, "set", {"settings": {"l2": 1.0}}),
    ])  # fmt: skip
    assert [command.state for command in commands] == [CommandState.DONE] * 3
    assert kinds(study, 0)[:4] == ["taken in hand", "set", "rolled back", "set"]
    rolled = next(event for event in study.events(0) if event.kind == "rolled back")
    assert rolled.epoch == 3
    assert len(rolled.detail["dropped"]) >= 4
    assert [record.epoch for record in study.curve(0)] == list(range(1, 41))
    assert study.trial(0).state is TrialState.FINISHED
    assert replay(study, 0, rows()).differs is None
    assert "learning_rate" not in [name for change in rolled.detail["forgotten"] if change["epoch"] < 3 for name in change["settings"]]


def test_a_branch_shares_the_beginning_and_goes_its_own_way():
    study, [command] = steered([(0, 4, "branch", {"epoch": 3, "settings": {"learning_rate": 0.05}})])
    assert command.state is CommandState.DONE
    assert f"trial {FIRST_BRANCH} goes on from epoch 3 of trial 0" in command.answer
    parent, branch = study.curve(0), study.curve(FIRST_BRANCH)
    assert [r.train_cost for r in parent[:3]] == [r.train_cost for r in branch[:3]]
    assert parent[3].train_cost != branch[3].train_cost
    assert len(branch) == 40
    assert replay(study, FIRST_BRANCH, rows()).differs is None
    assert replay(study, 0, rows()).differs is None


def test_pause_continue_extend_and_stop_do_what_they_say():
    study, commands = steered([
        (0, 2, "pause", {}), (0, 2, "continue", {}), (0, 3, "extend", {"epochs": 6}), (0, 14, "stop", {}),
    ])  # fmt: skip
    assert [command.state for command in commands] == [CommandState.DONE] * 4
    assert commands[0].answer == f"stands still after epoch {commands[0].epoch}"
    assert commands[2].answer == "trains up to 46 epochs"
    trial = study.trial(0)
    assert trial.state is TrialState.STOPPED
    assert 14 <= trial.epochs <= 46
    assert trial.reason == f"stopped by ada after epoch {trial.epochs}"


@pytest.mark.parametrize(
    ("kind", "detail", "words"),
    [
        ("set", {"settings": {"hidden_units": 9}}, "hidden_units cannot change while a trial trains"),
        ("set", {"settings": {"learning_rate": -1.0}}, "learning_rate must be > 0"),
        ("set", {}, "set needs at least one setting"),
        ("rollback", {"epoch": 99}, "needs an earlier one's number, or best, got 99"),
        ("branch", {"epoch": 0}, "needs one's number, or best, got 0"),
        ("extend", {"epochs": 0}, "extend needs a whole number of epochs >= 1, got 0"),
        ("dance", {}, "a command must be one of set, pause"),
    ],
)
def test_what_cannot_be_done_is_refused_in_words_and_the_trial_goes_on(kind, detail, words):
    study, [command] = steered([(0, 2, kind, detail)])
    assert command.state is CommandState.REFUSED
    assert words in command.answer
    assert study.trial(0).epochs == 40


KILLED = """
import sys
sys.path.insert(0, sys.argv[1])
from test_desk import OPTIONS, Person, rows
import osetra, os, signal
from osetra.study import loop
from osetra.study.in_hand import Tending
from osetra.store.sql import open_store
loop.FLUSH_S = 0.001
store = open_store("s.db")
trained = Tending._trained
left = int(sys.argv[2])
def killed(self, one, told, error):
    global left
    trained(self, one, told, error)
    self._ledger.flush()
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
Tending._trained = killed
commands = [(0, 3, "set", {"settings": {"learning_rate": 0.05}}), (0, 6, "rollback", {"epoch": 4})]
commands.append((0, 5, "branch", {"settings": {"l2": 9.0}}))
osetra.fit("rows.csv", "label", store=store, progress=Person(store, commands), **OPTIONS)
"""


@pytest.mark.parametrize("epochs", [2, 6, 9])
def test_a_killed_study_goes_on_with_the_trials_that_were_in_hand(epochs, tmp_path):
    rows().to_csv(tmp_path / "rows.csv", index=False)
    told = subprocess.run(
        [sys.executable, "-c", KILLED, str(Path(__file__).parent), str(epochs)], cwd=tmp_path, capture_output=True, timeout=120
    )
    assert told.returncode == -signal.SIGKILL, told.stderr.decode()
    before = osetra.Study.open("mine", tmp_path / "s.db")
    in_hand = [number for number in (0, FIRST_BRANCH) if number in [trial.number for trial in before.trials()]]
    kept = {number: list(before.curve(number)) for number in in_hand}
    study = osetra.resume("mine", tmp_path / "s.db")
    for number in in_hand:
        assert list(study.curve(number))[: len(kept[number])] == kept[number]
        assert study.trial(number).epochs == 40
        assert replay(study, number).differs is None
    plain = osetra.fit(rows(), "label", **OPTIONS)
    for number in (1, 2, 3):
        assert [r.dev_error for r in study.curve(number)] == [r.dev_error for r in plain.curve(number)]


def test_the_space_of_a_running_study_is_edited_with_history_and_new_trials_lie_in_it():
    begun = {"strategy": "sobol", "epochs": 120, "epochs_per_trial": 10}
    store = MemoryStore()
    study, commands = steered(
        [
            (0, 2, "edit", {"edits": {"learning_rate": "log(0.001, 0.002)", "keep_prob": "1.0"}}),
            (0, 3, "edit", {"edits": {"gain": "wide"}}),
        ],
        store, whole=True, **begun,
    )  # fmt: skip
    assert [command.state for command in commands] == [CommandState.DONE, CommandState.REFUSED], [c.answer for c in commands]
    assert "learning_rate was narrowed, from log(0.0001, 0.03) to log(0.001, 0.002): to see" in commands[0].answer
    versions = study.facts["space_history"]["versions"]
    assert [version["edit"]["verb"] for version in versions[1:]] == ["narrow", "fix"]
    assert study.space.fixed["keep_prob"] == 1.0
    later = [trial for trial in study.trials() if trial.number >= versions[-1]["trials"] and trial.number < FIRST_BRANCH]
    assert later
    assert all(0.001 <= trial.configuration["learning_rate"] <= 0.002 and trial.configuration["keep_prob"] == 1.0 for trial in later)
    assert "space edited" in [event.kind for event in study.events()]


def test_edits_of_the_space_are_made_anew_where_they_were_made_when_a_study_goes_on():
    begun = {"strategy": "sobol", "epochs": 120, "epochs_per_trial": 10}
    store = MemoryStore()
    asked = iter(range(10**9))
    first, _ = steered(
        [(0, 2, "edit", {"edits": {"learning_rate": "log(0.001, 0.002)"}})],
        store,
        whole=True,
        interrupted=lambda: next(asked) > 40,
        **begun,
    )
    assert first.record.state == "stopped"
    known = {trial.number: dict(trial.configuration) for trial in first.trials()}
    again = osetra.resume("mine", store, data=rows())
    assert {number: dict(again.trial(number).configuration) for number in known} == known
    assert len(again.trials()) > len(known)


def when(store, epochs, *, answered=0):
    """For `interrupted`: whether trial 0 has so many epochs, and so many commands were answered."""

    def came():
        trials = {trial.number: trial for trial in store.trials("mine")} if store.studies() else {}
        done = [command for command in store.commands("mine") if command.state is not CommandState.WAITING] if trials else ()
        return 0 in trials and trials[0].epochs >= epochs and len(done) >= answered

    return came


def test_a_trial_in_hand_that_ctrl_c_cuts_short_goes_on_when_the_study_is_resumed():
    store = MemoryStore()
    first, _ = steered([(0, 3, "set", {"settings": {"learning_rate": 0.05}})], store, interrupted=when(store, 8, answered=1))
    cut = first.trial(0)
    assert cut.state is TrialState.STOPPED
    assert cut.reason == f"interrupted after {cut.epochs} of 40 epochs"
    assert 8 <= cut.epochs < 40
    kept = list(first.curve(0))
    study = osetra.resume("mine", store, data=rows())
    assert (study.trial(0).state, study.trial(0).epochs) == (TrialState.FINISHED, 40)
    assert study.trial(0).train_error is not None
    assert list(study.curve(0))[: len(kept)] == kept
    # What the script makes of the trial, undisturbed.
    assert replay(study, 0, rows()).differs is None
    plain = osetra.fit(rows(), "label", **OPTIONS)
    for number in (1, 2, 3):
        assert [r.dev_error for r in study.curve(number)] == [r.dev_error for r in plain.curve(number)]


def test_a_trial_in_hand_that_stood_still_at_ctrl_c_stands_still_when_the_study_is_resumed():
    store = MemoryStore()
    first, _ = steered([(0, 3, "pause", {})], store, interrupted=when(store, 3, answered=1))
    at = first.trial(0).epochs
    assert first.trial(0).reason == f"stood still after {at} of 40 epochs when the study ended (interrupted)"
    again = osetra.resume("mine", store, data=rows(), progress=Person(store, []))
    assert (again.trial(0).state, again.trial(0).epochs) == (TrialState.STOPPED, at)
    ended = [event.detail["stood"] for event in again.events(0) if event.kind == "stopped"]
    assert ended == [{"state": "paused", "reason": f"paused by ada after epoch {at}"}] * 2


def test_the_event_of_a_stop_says_who_asked_and_why():
    study, [command] = steered([(0, 3, "stop", {})])
    [event] = [event for event in study.events(0) if event.kind == "stopped"]
    assert (event.who, event.epoch, event.detail["why"], event.detail["command"]) == ("ada", command.epoch, "to see", command.id)
    assert event.detail["reason"] == f"stopped by ada after epoch {command.epoch}"


def test_a_trial_is_rolled_back_behind_the_epochs_that_an_earlier_run_recorded():
    store = MemoryStore()
    first, _ = steered([], store, interrupted=when(store, 20))
    known = len(first.curve(0))
    person = Person(store, [(0, known, "rollback", {"epoch": 4})])
    study = osetra.resume("mine", store, data=rows(), progress=person)
    assert [command.state for command in store.commands("mine")] == [CommandState.DONE]
    assert [record.epoch for record in study.curve(0)] == list(range(1, 41))
    assert replay(study, 0, rows()).differs is None


def test_a_trial_that_is_over_is_extended_and_trains_on_after_a_break():
    store = MemoryStore()
    first, _ = steered([(0, 40, "extend", {"epochs": 4000})], store, interrupted=when(store, 45, answered=1), epochs=4000)
    at = first.trial(0).epochs
    assert first.trial(0).reason == f"interrupted after {at} of 4040 epochs"
    again = osetra.resume("mine", store, data=rows(), interrupted=when(store, at + 5), progress=Person(store, []))
    assert again.trial(0).epochs >= at + 5
    assert replay(again, 0, rows()).differs is None


def test_a_warm_started_trial_says_whose_configuration_it_has_after_the_space_was_edited_before_it_began():
    rates = np.geomspace(1e-3, 2e-2, 30)
    elites = [{"learning_rate": float(rate), "hidden_units": 8} for rate in rates]
    store = MemoryStore()
    store.create_study(replace(EARLIER, name="earlier"))
    trials = [Trial(number=n, configuration=elites[n % 30], state=TrialState.FINISHED, epochs=5, dev_error=n / 1000) for n in range(300)]
    # Of each configuration the best trial; the others are in its way only.
    store.record("earlier", trials=[replace(t, configuration={**t.configuration, "l2": 0.1 + t.number}) for t in trials])
    study, [command] = steered(
        [(0, 2, "edit", {"edits": {"learning_rate": "log(0.004, 0.02)"}})], store, whole=True, warm_start="earlier", strategy="random",
        epochs=None, trials=34, epochs_per_trial=12,
    )  # fmt: skip
    assert command.state is CommandState.DONE
    begun = {event.trial: event.detail["trial"] for event in study.events() if event.kind == "warm start"}
    assert len(begun) < 30
    for number, source in begun.items():
        assert study.trial(number).configuration["learning_rate"] == store.trial("earlier", source).configuration["learning_rate"]
    edited_at = study.facts["space_history"]["versions"][-1]["trials"]
    assert any(number >= edited_at for number in begun)


def test_a_study_that_is_told_to_stop_keeps_the_best_so_far_and_goes_on_to_where_it_would_have_come():
    store = MemoryStore()
    study, [command] = steered([(0, 5, "stop", {})], store, whole=True)
    assert (command.state, command.answer) == (CommandState.DONE, "the study ends; the best so far is kept, and it can be resumed")
    assert (study.record.state, study.record.reason) == (StudyState.STOPPED, "interrupted")
    assert 5 <= study.trial(0).epochs < 40
    assert len(study.model.predict(rows())) == 4000
    [event] = [event for event in store.events("mine") if event.kind == "asked to stop"]
    assert (event.trial, event.who, event.detail["why"], event.detail["command"]) == (None, "ada", "to see", command.id)
    again = osetra.resume("mine", store, data=rows())
    assert again.record.state is StudyState.FINISHED
    plain = osetra.fit(rows(), "label", **OPTIONS)
    for number in range(4):
        assert [one.dev_error for one in again.curve(number)] == [one.dev_error for one in plain.curve(number)]


def test_what_is_asked_of_the_whole_study_is_an_edit_or_its_end():
    _, [command] = steered([(0, 2, "pause", {})], whole=True)
    assert command.state is CommandState.REFUSED
    assert command.answer == "a command for the whole study must be edit or stop, got 'pause'; name a trial for others"
