"""Panda: one model for the whole budget, and a babysitter beside it that suggests or acts; steered, killed and repeated like any other."""

import signal
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import osetra
from osetra.core.errors import SpaceError, StudyError
from osetra.core.records import Command, CommandState, TrialState
from osetra.store.memory import MemoryStore
from osetra.study import loop, watching
from osetra.study.replay import replay
from osetra.study.watching import BABYSITTER, command_of, parse_modes
from osetra.training.suggestion import Seen, Suggestion

EXPLODES = {"optimizer": "gd", "batch_norm": False, "activation": "elu", "schedule": "constant", "learning_rate": 30.0}
CREEPS = {**EXPLODES, "learning_rate": 1e-4}
OPTIONS = {"panda": True, "seed": 5, "study": "mine", "workers": 2, "test": False}


def rows(count: int = 400) -> pd.DataFrame:
    generator = np.random.default_rng(3)
    a, b, c = generator.normal(size=(3, count))
    return pd.DataFrame({"a": a, "b": b, "c": c, "label": np.where(a * b + 0.5 * c + 0.3 * generator.normal(size=count) > 0, "yes", "no")})


class Watcher:
    """Keeps what is said; may give commands when trial 0 has so many epochs, each after the one before was answered."""

    def __init__(self, store=None, commands=()):
        self.store, self.waiting, self.said, self.stood = store, list(commands), [], 0

    def notice(self, text):
        self.said.append(text)

    def update(self, facts):
        if self.store is None or self.store.commands("mine", state=CommandState.WAITING):
            return
        trial = self.store.trial("mine", 0)
        self.stood += trial.state is TrialState.PAUSED
        if self.waiting and trial.epochs >= self.waiting[0][0] and self.stood >= self.waiting[0][1]:
            _, _, kind, detail = self.waiting.pop(0)
            self.store.add_command("mine", Command(trial=0, kind=kind, detail=detail, who="ada", why="to see", at=datetime.now(UTC)))


@pytest.fixture(autouse=True)
def prompt(monkeypatch):
    """Commands are looked for all the time."""
    monkeypatch.setattr(loop, "FLUSH_S", 0.001)


def panda(commands=(), **options):
    """The study, what was said, and the commands."""
    store = MemoryStore()
    watcher = Watcher(store, commands)
    study = osetra.fit(rows(), "label", store=store, progress=watcher, **{"epochs": 20, **OPTIONS, **options})
    return study, watcher.said, store.commands("mine")


def bits(study, number=0):
    # As text, in which what is not a number equals itself.
    return [repr((r.train_cost, r.train_error, r.dev_loss, r.dev_error)) for r in study.curve(number)]


def of_babysitter(study):
    return [(event.epoch, event.kind, event.detail["rule"]) for event in study.events(0) if event.who == BABYSITTER]


def test_one_model_trains_for_the_whole_budget_with_the_settings_given():
    study, said, _ = panda(space={"learning_rate": osetra.log(0.01, 0.1), "hidden_units": 16})
    [trial] = study.trials()
    assert (trial.number, trial.epochs, trial.state, trial.reason) == (0, 20, TrialState.FINISHED, "trained its 20 epochs")
    assert trial.configuration["hidden_units"] == 16
    assert trial.configuration["learning_rate"] == 0.01
    assert any(sentence.startswith("One model has no range to search: of those given it takes learning_rate 0.01;") for sentence in said)
    assert any("Panda: one model, trial 0, trained for up to 20 epochs (all of the budget)" in sentence for sentence in said)
    assert study.facts["babysitter"] == dict.fromkeys(study.facts["babysitter"], "suggest")
    assert study.facts["ended"] == "trained its 20 epochs"
    assert replay(study, 0, rows()).differs is None


def test_seconds_alone_buy_the_epochs_that_fit_into_them():
    study, said, _ = panda(epochs=None, budget=2, space={"hidden_units": 16})
    [told] = [sentence for sentence in said if sentence.startswith("Panda")]
    assert f"trained for up to {study.facts['epochs_per_trial']:,} epochs (an epoch takes about 0.0" in told
    assert 1 <= study.trial(0).epochs <= study.facts["epochs_per_trial"] <= 1000


def test_suggestions_are_recorded_and_told_and_change_no_bit():
    left, _, _ = panda(space=CREEPS, babysitter="off")
    study, said, _ = panda(space=CREEPS, babysitter="suggest")
    assert of_babysitter(left) == []
    assert ("suggested", "too slow") in [(kind, rule) for _, kind, rule in of_babysitter(study)]
    assert bits(left) == bits(study)
    first = next(event for event in study.events(0) if event.kind == "suggested")
    assert first.epoch == 5
    command = f"osetra set mine 0 learning_rate={first.detail['settings']['learning_rate']}"
    assert [sentence for sentence in said if sentence.endswith(command) and first.detail["why"] in sentence]
    back = Suggestion(name="diverged", epoch=9, sentence="", settings={"learning_rate": 0.5, "keep_prob": "0.5-1"}, rollback_to=4)
    assert command_of("my study", 3, back) == "osetra rollback 'my study' 3 4 learning_rate=0.5 keep_prob=0.5-1"


def test_a_trial_that_diverges_is_rescued_and_repeated_to_the_bit():
    with pytest.raises(StudyError, match=r"trial 0 diverged \(the cost was not finite in epoch \d+\); .* --set learning_rate=3$"):
        panda(space=EXPLODES)
    study, said, _ = panda(space=EXPLODES, babysitter="act")
    assert (1, "rolled back", "diverged") in [(e.detail.get("from"), e.kind, e.detail.get("rule")) for e in study.events(0)]
    assert (study.best.dev_error or 1.0) < 0.4
    assert replay(study, 0, rows()).differs is None
    assert any("The babysitter acts: begin anew and set learning_rate 3." in sentence for sentence in said)
    # What was given up was trained, and counts.
    given_up = sum(event.detail["from"] - event.epoch for event in study.events(0) if event.kind == "rolled back")
    assert study.trial(0).epochs + given_up == study.facts["epochs"] == 20
    story = [step.sentence for step in study.lineage(0).steps]
    assert any(
        sentence.startswith("The babysitter (rule diverged) rolled it back from epoch 1 and set learning_rate") for sentence in story
    )


@dataclass
class At:
    """A rule that asks for these settings after so many epochs, once, if the last change was that of the rule `after`."""

    name: str
    after: str
    epoch: int | None
    settings: dict
    rollback_to: int | None = None
    tries: int = 1

    def look(self, seen: Seen) -> Suggestion | None:
        if (seen.epoch, seen.last) != (self.epoch, self.after):
            return None
        return Suggestion(name=self.name, epoch=seen.epoch, sentence="so", settings=self.settings, rollback_to=self.rollback_to)


def test_what_the_babysitter_does_has_the_bits_of_the_same_done_by_hand(monkeypatch):
    commands = [
        (3, 0, "set", {"settings": {"learning_rate": 0.02}}),
        (6, 0, "rollback", {"epoch": 0, "settings": {"learning_rate": 0.02, "l2": 0.7}}),
        (2, 0, "set", {"settings": {"batch_size": 32}}),
    ]
    by_hand, _, answered = panda(commands, babysitter="off", epochs=200)
    assert [command.state for command in answered] == [CommandState.DONE] * 3, answered
    first, second, third = (event for event in by_hand.events(0) if event.who == "ada")
    rules = [
        At("first", "", first.epoch, {"learning_rate": 0.02}),
        # Going back gives up what was set since, and the babysitter, which found it right, sets it again.
        At("second", "first", second.detail["from"], {"l2": 0.7}, rollback_to=0),
        At("third", "second", third.epoch, {"batch_size": 32}),
    ]
    monkeypatch.setattr(watching, "RULES", rules)
    study, _, _ = panda(epochs=200, babysitter="act")
    assert [rule for _, _, rule in of_babysitter(study)] == ["first", "second", "third"]
    assert bits(study) == bits(by_hand)
    assert replay(study, 0, rows()).differs is None


def test_while_the_only_trial_stands_still_the_study_waits():
    study, _, commands = panda([(2, 0, "pause", {}), (2, 20, "continue", {})])
    assert [command.state for command in commands] == [CommandState.DONE] * 2
    assert study.trial(0).epochs == 20
    plain, _, _ = panda()
    assert bits(study) == bits(plain)
    stopped, _, commands = panda([(2, 0, "pause", {}), (2, 5, "stop", {})])
    assert [command.state for command in commands] == [CommandState.DONE] * 2
    assert stopped.trial(0).reason == f"stopped by ada after epoch {stopped.trial(0).epochs}" == stopped.facts["ended"]


def test_a_trial_that_stands_still_is_waited_for_only_until_the_time_is_up():
    study, _, _ = panda([(2, 0, "pause", {})], epochs=None, budget=2, epochs_per_trial=100_000, space={"hidden_units": 16})
    assert study.facts["ended"] == "the time was up"
    assert study.trial(0).state is TrialState.STOPPED


def test_the_space_of_one_model_is_not_edited():
    store = MemoryStore()

    class Editor(Watcher):
        def update(self, facts):
            if not store.commands("mine"):
                edit = {"edits": {"learning_rate": "log(0.001, 0.01)"}}
                store.add_command("mine", Command(trial=None, kind="edit", detail=edit, who="ada", at=datetime.now(UTC)))

    osetra.fit(rows(), "label", store=store, progress=Editor(), epochs=400, **OPTIONS)
    assert "panda searches no space" in store.commands("mine")[0].answer


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"trials": 5}, StudyError, "panda trains one model for the whole budget.*got trials 5; leave it out"),
        ({"strategy": "random", "ensemble": True}, StudyError, "got strategy random, ensemble True"),
        ({"patience": 3}, StudyError, "got patience 3"),
        ({"babysitter": "acts"}, SpaceError, "the babysitter must be off, suggest or act, or RULE=MODE,..., got 'acts'"),
        ({"babysitter": "platau=act"}, SpaceError, "did you mean plateau"),
        ({"babysitter": {"plateau": "yes"}}, SpaceError, "must be off, suggest or act, got 'yes' for plateau"),
        ({"panda": False, "babysitter": "too_slow=act"}, StudyError, "acts on the one model of panda only, got act for too slow"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_before_anything_is_trained(options, error, words):
    store = MemoryStore()
    with pytest.raises(error, match=words):
        osetra.fit(rows(), "label", store=store, epochs=20, **{**OPTIONS, **options})
    assert store.studies() == []


def test_modes_are_read_from_a_text():
    assert parse_modes("act") == "act"
    assert parse_modes("diverged=act, too_slow=suggest") == {"diverged": "act", "too slow": "suggest"}


def test_in_a_search_the_babysitter_suggests_the_same_for_any_number_of_workers_and_changes_nothing():
    options = {"panda": False, "epochs": 60, "epochs_per_trial": 12, "strategy": "random", "finals": False, "patience": 0}
    options["space"] = {**EXPLODES, "learning_rate": osetra.log(0.01, 50.0)}
    studies = [panda(**options, babysitter=mode, workers=workers)[0] for mode, workers in (("off", 2), ("suggest", 1), ("suggest", 3))]
    told = [sorted((e.trial, e.epoch, e.detail["rule"]) for e in study.events() if e.kind == "suggested") for study in studies]
    assert told[0] == []
    assert told[1] == told[2] != []
    numbers = sorted(trial.number for trial in studies[0].trials())
    assert [[bits(study, number) for number in numbers] for study in studies[1:]] == [[bits(studies[0], n) for n in numbers]] * 2


KILLED = """
import sys
sys.path.insert(0, sys.argv[1])
from test_panda import EXPLODES, OPTIONS
import osetra, os, signal
from osetra.study import loop
from osetra.study.in_hand import Tending
from osetra.study.ledger import Ledger
loop.FLUSH_S = 0.001
kill_in, left = sys.argv[2], int(sys.argv[3])
def then_die(function, flushes):
    def dying(self, *given, **named):
        global left
        function(self, *given, **named)
        left -= 1
        if left == 0:
            if flushes:
                self._ledger.flush()
            os.kill(os.getpid(), signal.SIGKILL)
    return dying
if kill_in == "trained":
    Tending._trained = then_die(Tending._trained, True)
elif kill_in == "rolled back":
    Ledger.roll_back = then_die(Ledger.roll_back, False)
else:
    # The epoch is recorded, and what follows from it is not.
    Tending.store_curve = then_die(Tending.store_curve, False)
osetra.fit("rows.csv", "label", store="s.db", epochs=40, babysitter="act", space=EXPLODES, **OPTIONS)
"""


@pytest.fixture(scope="module")
def undisturbed():
    return osetra.fit(rows(), "label", epochs=40, babysitter="act", space=EXPLODES, **OPTIONS)


@pytest.mark.parametrize(("where", "count"), [("trained", 12), ("rolled back", 1), ("before", 1)])
def test_a_killed_panda_goes_on_to_the_same_bits_and_hears_the_same(where, count, undisturbed, tmp_path):
    rows().to_csv(tmp_path / "rows.csv", index=False)
    told = subprocess.run(
        [sys.executable, "-c", KILLED, str(Path(__file__).parent), where, str(count)], cwd=tmp_path, capture_output=True, timeout=120
    )
    assert told.returncode == -signal.SIGKILL, told.stderr.decode()
    study = osetra.resume("mine", tmp_path / "s.db")
    assert bits(study) == bits(undisturbed)
    assert of_babysitter(study) == of_babysitter(undisturbed) != []
    assert study.facts["epochs"] == undisturbed.facts["epochs"] == 40
    assert study.best.dev_error == undisturbed.best.dev_error
    assert replay(study, 0).differs is None
    assert study.facts["strategy"] == "panda"
