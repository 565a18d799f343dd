"""A study of an objective that is killed goes on to the result of one that was not; what is recorded is not called again."""

import json
import math
import os
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

import osetra
from listener import Listener
from osetra.core.errors import StudyError
from osetra.core.ports import Job
from osetra.core.records import Configuration, EpochRecord, StudyState, Trial, TrialState
from osetra.store.memory import MemoryStore
from osetra.store.sql import open_store
from osetra.study import objective_loop
from osetra.study.past import Past
from osetra.study.stretches import end_of, require_same
from osetra.study.writing import Claim, writing

LINE = {"x": osetra.linear(0.0, 1.0)}
CALLS = Path("calls")


def uneven(trial):
    """Comes down to x; some fail, diverge or end early. Keeps where it is in its folder."""
    with CALLS.open("a") as calls:
        calls.write(f"{trial.number} {trial.start}\n")
    place = trial.folder / "epoch.json"
    assert (json.loads(place.read_text()) if place.exists() else 0) == trial.start
    for epoch in range(trial.start + 1, trial.epochs + 1):
        if epoch > 4 and trial.params["x"] > 0.6:
            return
        if trial.number % 5 == 3 and epoch == 2:
            raise ValueError("not this one")
        place.write_text(json.dumps(epoch))
        value = math.inf if trial.number % 7 == 5 and epoch == 3 else trial.params["x"] + 1.0 / epoch
        if not trial.report(value, epoch):
            return


def one_value(trial):
    with CALLS.open("a") as calls:
        calls.write(f"{trial.number} {trial.start}\n")
    if trial.number == 4:
        raise ValueError("not this one")
    return math.nan if trial.number == 6 else (trial.params["x"] - 0.3) ** 2


CASES = {
    "asha": (uneven, {"epochs": 90, "epochs_per_trial": 16, "strategy": "random+asha", "direction": "maximize"}),
    "zoom": (one_value, {"trials": 25, "seed": 3}),
    "one": (one_value, {"trials": 25, "seed": 3, "strategy": "random"}),
}
KILLED = """
import os, signal, sys
sys.path[:0] = [sys.argv[4], os.path.dirname(sys.argv[4])]
import osetra
from osetra.study import objective_loop
from osetra.study.ledger import Ledger
from test_optimize_resume import CASES, LINE

left, flush = int(sys.argv[2]), Ledger.flush

def killed_at(self):
    global left
    flush(self)
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

Ledger.flush = killed_at
objective_loop.TICK_S = 0.0
objective, options = CASES[sys.argv[1]]
how = {"in_process": True} if sys.argv[3] == "here" else {"workers": 2}
osetra.optimize(objective, LINE, store="s.db", study="mine", resume=True, folders="folders", **options, **how)
"""


def run(folder: Path, case: str, flushes: int, how: str = "here") -> int:
    arguments = [sys.executable, "-c", KILLED, case, str(flushes), how, str(Path(__file__).parent)]
    return subprocess.run(arguments, cwd=folder, capture_output=True, timeout=120).returncode


def told(study: osetra.Study, *, without: tuple[str, ...] = ("run again",)) -> list[tuple[object, ...]]:
    """All that a study is, times apart."""
    return [
        (
            trial.number, dict(trial.configuration), trial.state, trial.reason, trial.epochs, trial.best_epoch, trial.dev_error,
            [(e.epoch, str(e.dev_loss), str(e.dev_error)) for e in study.curve(trial.number)],
            sorted((event.kind, event.epoch or 0) for event in study.events(trial.number) if event.kind not in without),
        )
        for trial in sorted(study.trials(), key=lambda trial: trial.number)
    ]  # fmt: skip


def go_on(case: str, folder: Path, **options) -> osetra.Study:
    objective, asked = CASES[case]
    options = {"folders": folder / "folders"} | asked | options
    return osetra.optimize(
        objective, LINE, store=folder / "s.db", study="mine", resume=True, in_process=True, **options
    )  # fmt: skip


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    before = Path.cwd()
    os.chdir(folder)
    try:
        return {case: told(osetra.optimize(objective, LINE, in_process=True, **asked)) for case, (objective, asked) in CASES.items()}
    finally:
        os.chdir(before)


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("case", "flushes", "how"),
    [("asha", (1,), "here"), ("asha", (25, 9), "here"), ("asha", (12,), "two"), ("zoom", (15,), "here"), ("one", (9, 4), "here")],
)
def test_a_killed_study_goes_on_to_the_result_of_an_undisturbed_one(case, flushes, how, undisturbed, here):
    assert [run(here, case, count, how) for count in flushes] == [-9] * len(flushes)
    assert osetra.Study.open("mine", here / "s.db").record.state is StudyState.RUNNING
    study = go_on(case, here)
    for one, other in zip(told(study), undisturbed[case], strict=True):
        assert one == other
    assert study.record.state is StudyState.FINISHED
    assert [event.kind for event in study.events()].count("resumed") == len(flushes)


def test_a_script_started_again_and_again_ends_with_the_study_and_then_calls_nothing(undisturbed, here):
    codes = []
    while not codes or codes[-1] == -9:
        codes.append(run(here, "one", 9))
    assert (codes[-1], len(codes) > 2) == (0, True)
    calls = CALLS.read_text().splitlines()
    # Of calls that ended nothing is lost: every trial is called once, but for those under way when it was killed.
    assert len(calls) <= 25 + len(codes) - 1
    assert run(here, "one", 10**6) == 0
    assert CALLS.read_text().splitlines() == calls
    assert told(osetra.Study.open("mine", here / "s.db")) == undisturbed["one"]


def test_what_ended_is_not_called_again_and_what_waits_goes_on_where_its_folder_is(undisturbed, here):
    asked = iter(range(10**9))
    go_on("asha", here, interrupted=lambda: next(asked) > 60)
    before = osetra.Study.open("mine", here / "s.db")
    assert before.record.state is StudyState.STOPPED
    begun = {trial.number: trial for trial in before.trials()}
    ended = {number for number, trial in begun.items() if trial.state is not TrialState.STOPPED}
    assert any(begun[number].state is TrialState.FAILED for number in ended)
    waited = {(t.number, t.epochs) for t in begun.values() if t.state is TrialState.STOPPED and t.epochs in (1, 4)}
    CALLS.unlink()
    # Of a trial that was killed before it was recorded only the folder is there.
    left = here / "folders" / "mine" / f"trial-{max(begun) + 1}"
    left.mkdir()
    (left / "epoch.json").write_text("3")
    study = go_on("asha", here)
    calls = [tuple(map(int, line.split())) for line in CALLS.read_text().splitlines()]
    assert not {number for number, _ in calls} & ended
    assert waited & set(calls), "no trial that waited went on: the test shows nothing"
    known = {event.trial for event in study.events() if event.kind == "run again"}
    assert all(start > 0 or number in known for number, start in calls if number in begun)
    history = ("run again", "stopped")
    outcome = [one[:-1] for one in undisturbed["asha"]]
    assert [one[:-1] for one in told(study, without=history)] == outcome


@pytest.mark.parametrize("kept", [True, False])
def test_without_the_folder_of_a_trial_it_begins_from_its_start(kept, undisturbed, here):
    asked = iter(range(10**9))
    options = {} if kept else {"folders": None}
    go_on("asha", here, interrupted=lambda: next(asked) > 60, **options)
    if kept:
        for mark in (here / "folders").rglob(".waits-at-epoch"):
            mark.unlink()
    known = len(osetra.Study.open("mine", here / "s.db").trials())
    CALLS.unlink()
    study = go_on("asha", here, **options)
    assert {start for number, start in (map(int, line.split()) for line in CALLS.read_text().splitlines()) if number < known} == {0, 4}
    assert [one[:-1] for one in told(study)] == [one[:-1] for one in undisturbed["asha"]]
    assert any(event.kind == "run again" for event in study.events())
    assert not any(event.kind == "differs" for event in study.events())


def test_an_epoch_that_comes_to_another_value_than_the_recorded_one_keeps_the_first_and_says_so():
    store, shift = MemoryStore(), [0.0]

    def fickle(trial):
        for epoch in range(1, trial.epochs + 1):
            value = trial.params["x"] + 1.0 / epoch + shift[0]
            if not trial.report(value, epoch):
                return

    asked = iter(range(10**9))
    options = {"epochs": 30, "epochs_per_trial": 9, "strategy": "random+asha", "in_process": True, "store": store, "study": "mine"}
    first = osetra.optimize(fickle, LINE, interrupted=lambda: next(asked) > 30, resume=True, **options)
    curves = {trial.number: first.curve(trial.number) for trial in first.trials()}
    shift[0] = 0.5
    study = osetra.optimize(fickle, LINE, resume=True, **options)
    for number, curve in curves.items():
        assert list(study.curve(number))[: len(curve)] == list(curve)
    differing = [event for event in study.events() if event.kind == "differs"]
    assert differing
    for event in differing:
        assert event.trial is not None
        assert event.epoch is not None
        assert event.detail["again"] == pytest.approx(event.detail["first"] + 0.5)
        assert event.detail["first"] == curves[event.trial][event.epoch - 1].dev_error


def test_trials_that_took_too_long_are_recalled_as_failed(here):
    def slow(trial):
        with CALLS.open("a") as calls:
            calls.write(f"{trial.number}\n")
        if trial.number == 1:
            time.sleep(600)
        return trial.params["x"]

    store = MemoryStore()
    options = {"trials": 8, "workers": 1, "time_limit": 0.3, "store": store, "study": "slow", "resume": True}
    osetra.optimize(slow, LINE, interrupted=lambda: CALLS.exists() and len(CALLS.read_text().split()) > 3, **options)
    CALLS.unlink()
    study = osetra.optimize(slow, LINE, **options)
    assert (study.trial(1).state, study.trial(1).reason) == (TrialState.FAILED, "it did not end within the time limit of 0.3 s")
    called = CALLS.read_text().split()
    assert "1" not in called
    assert "7" in called
    assert len(study.trials()) == 8


def test_where_all_that_is_recorded_failed_nothing_is_called_and_the_first_traceback_is_told_again():
    def fails(trial):
        raise KeyError("rate")

    store = MemoryStore()
    options = {"trials": 4, "in_process": True, "store": store, "study": "mine", "resume": True}
    with pytest.raises(StudyError):
        osetra.optimize(fails, LINE, **options)
    with pytest.raises(StudyError, match="4 of 4 trials failed, the first with: KeyError: 'rate'") as again:
        osetra.optimize(lambda trial: 1.0, LINE, **options)
    assert 'raise KeyError("rate")' in again.value.__notes__[0]


def test_a_study_in_seconds_has_what_it_had_not_used():
    store = MemoryStore()

    def objective(trial):
        time.sleep(0.02)
        return trial.params["x"]

    began = time.monotonic()
    options = {"budget": 1.2, "in_process": True, "store": store, "study": "mine", "resume": True}
    before = osetra.optimize(objective, LINE, interrupted=lambda: time.monotonic() > began + 0.7, **options)
    known = {trial.number: trial for trial in before.trials() if trial.state is TrialState.FINISHED}
    again = time.monotonic()
    study = osetra.optimize(objective, LINE, **options)
    assert study.facts["ended"] == "the time was up"
    # Half a second was left; the whole budget would have taken longer.
    assert time.monotonic() - again < 1.1
    assert study.facts["seconds"] >= 1.0
    assert {number: study.trial(number) for number in known} == known
    assert len(study.trials()) > len(known)


def test_seconds_spent_in_a_long_silent_call_count_and_without_any_left_nothing_is_called(here, monkeypatch):
    monkeypatch.setattr(objective_loop, "GRACE_S", 0.0)
    script = """
import time, osetra
from osetra.study import objective_loop
objective_loop.SIGN_S = 0.1
def objective(trial):
    if trial.number > 1:
        time.sleep(600)
    return trial.params["x"]
osetra.optimize(objective, {"x": osetra.linear(0, 1)}, budget=600, workers=1, store="s.db", study="mine")
"""
    parent = subprocess.Popen([sys.executable, "-c", script])
    until = time.monotonic() + 60
    with closing(open_store(here / "s.db")) as store:
        while not (store.studies() and len(store.trials("mine")) == 3 and float(store.study("mine").facts.get("seconds", 0)) > 1.0):
            assert parent.poll() is None
            assert time.monotonic() < until
            time.sleep(0.1)
        parent.kill()
        parent.wait()
        spent = float(store.study("mine").facts["seconds"])
        # As if the budget had been as short as what was spent of it.
        known = store.study("mine")
        store.update_study(replace(known, facts={**known.facts, "budget": {**known.facts["budget"], "seconds": 1.0}}))
        assert spent > 1.0
        called = []
        study = osetra.optimize(called.append, LINE, budget=1.0, in_process=True, store=store, study="mine", resume=True)
        assert not called
        assert study.facts["ended"] == "the time was up"
        assert study.facts["seconds"] >= spent
        assert [study.trial(number).state for number in range(3)] == [TrialState.FINISHED] * 2 + [TrialState.STOPPED]


def test_a_study_goes_on_only_with_the_options_that_it_was_begun_with():
    store = MemoryStore()
    options = {"trials": 6, "in_process": True, "store": store, "study": "mine", "resume": True, "strategy": "random"}
    osetra.optimize(lambda t: t.params["x"], LINE, **options)
    for changed, message in (
        ({"seed": 4}, "seed was 0 and is 4"),
        ({"direction": "maximize"}, "direction was 'minimize' and is 'maximize'"),
        ({"strategy": "sobol"}, "strategy was 'random' and is 'sobol'"),
        ({"trials": 9}, "trials was 6 and is 9"),
        ({"budget": 9}, r"budget was absent and is 9\.0"),
        ({"epochs_per_trial": 9}, "epochs_per_trial was 1 and is 9"),
        ({"first": {"x": 0.5}}, "first was absent and is {'x': 0.5}"),
        ({"space": {"x": osetra.linear(0, 2), "y": 1}}, r"x was linear\(0, 1\) and is linear\(0, 2\); y was absent and is 1"),
    ):
        with pytest.raises(StudyError, match=rf"study 'mine' goes on only as it was begun, got other options: {message}; give those"):
            osetra.optimize(lambda t: t.params["x"], **{"space": LINE, **options, **changed})
    for missing, word in (("study", "its name"), ("store", "where it is kept")):
        with pytest.raises(StudyError, match=f"resume=True needs to know which study goes on, got no {missing}, .*{word}"):
            osetra.optimize(lambda t: t.params["x"], LINE, **{**options, missing: None})
    with pytest.raises(StudyError, match="which is taken"):
        osetra.optimize(lambda t: t.params["x"], LINE, **{**options, "resume": False})


def test_resume_of_fit_sends_to_where_an_objective_goes_on_and_back():
    store = MemoryStore()
    osetra.optimize(lambda t: t.params["x"], LINE, trials=2, in_process=True, store=store, study="mine")
    with pytest.raises(StudyError, match=r"got 'mine', .*; go on with osetra.optimize\(objective, .*study='mine', .*resume=True\)"):
        osetra.resume("mine", store)
    with pytest.raises(StudyError, match=r"must be one of osetra\.Tuner to go on here, got one of osetra\.optimize"):
        osetra.Tuner(LINE, trials=2, store=store, study="mine", resume=True)


def test_a_study_that_another_works_on_is_refused_and_stays_as_it_is():
    store = MemoryStore()
    asked = iter(range(10**9))
    options = {"trials": 30, "in_process": True, "store": store, "study": "mine", "resume": True}
    osetra.optimize(lambda t: t.params["x"], LINE, interrupted=lambda: next(asked) > 5, **options)
    before = store.study("mine")
    with writing(store, "mine"), pytest.raises(StudyError, match="mine"):
        osetra.optimize(lambda t: t.params["x"], LINE, **options)
    assert store.study("mine") == before
    assert osetra.optimize(lambda t: t.params["x"], LINE, **options).record.state is StudyState.FINISHED


def test_nobody_else_may_write_a_study_while_it_is_worked_on(tmp_path):
    seen = []

    def objective(trial):
        with closing(open_store(tmp_path / "s.db")) as other, pytest.raises(StudyError, match="mine") as refused:
            other.claim("mine", "another")
        seen.append(str(refused.value))
        return 1.0

    osetra.optimize(objective, LINE, trials=1, in_process=True, store=tmp_path / "s.db", study="mine")
    assert len(seen) == 1


def test_one_that_lost_its_study_to_another_says_so_and_leaves_the_record_to_it(monkeypatch):
    store = MemoryStore()
    claim = Claim(store, "one")

    @contextmanager
    def lost_later(*_):
        yield claim

    def objective(trial):
        claim.is_lost = trial.number == 2
        return 1.0

    # As `writing` finds out when another process has taken over.
    monkeypatch.setattr("osetra.study.optimize.writing", lost_later)
    with pytest.raises(StudyError, match="study 'mine' must have one writer, got another that took it over"):
        osetra.optimize(objective, LINE, trials=9, in_process=True, store=store, study="mine")
    assert store.study("mine").state is StudyState.RUNNING


def test_the_person_who_watches_hears_what_is_there_and_what_is_left():
    store, asked = MemoryStore(), iter(range(10**9))
    options = {"trials": 9, "budget": 500, "in_process": True, "store": store, "study": "mine", "resume": True}
    osetra.optimize(lambda t: 1.0, LINE, interrupted=lambda: next(asked) > 6, **options)
    count = len(store.trials("mine"))
    assert 0 < count < 9
    heard = Listener()
    osetra.optimize(lambda t: 1.0, LINE, progress=heard, **options)
    said = heard.said[1]
    assert said.startswith(f"Going on with {count} trials and {count} epochs that are recorded, ")
    assert said.endswith(" s of 500 s are left.")


# How a stretch ended.


def past(state: TrialState, values: list[float], *, reason: str = "why", promoted: tuple[int, ...] = ()) -> Past:
    configuration: Configuration = {"x": 0.5}
    trial = Trial(number=0, configuration=configuration, state=state, reason=reason, epochs=len(values))
    curve = [
        EpochRecord(epoch=epoch, train_cost=math.nan, train_error=math.nan, dev_loss=value, dev_error=value, seconds=1.0)
        for epoch, value in enumerate(values, start=1)
    ]
    return Past(trials={0: trial}, curves={0: curve}, promoted={0: frozenset(promoted)})


@pytest.mark.parametrize(
    ("known", "stretch", "expected"),
    [
        (past(TrialState.RUNNING, [1.0, 1.0]), (0, 4), None),
        (past(TrialState.STOPPED, [1.0, 1.0]), (0, 4), None),
        (past(TrialState.PAUSED, [1.0] * 4), (4, 9), None),
        (past(TrialState.PAUSED, [1.0] * 4), (0, 4), (TrialState.PAUSED, "waits at epoch 4", True)),
        # Whether the call had ended is not known, but nothing that counts was to come.
        (past(TrialState.RUNNING, [1.0] * 4), (0, 4), (TrialState.PAUSED, "waits at epoch 4", False)),
        (past(TrialState.STOPPED, [1.0] * 9), (4, 9), (TrialState.FINISHED, "reported its last epoch after 9 of 9 epochs", False)),
        # It was sent on, so what became of it belongs to a later stretch.
        (past(TrialState.FAILED, [1.0] * 4, promoted=(4,)), (0, 4), (TrialState.PAUSED, "waits at epoch 4", True)),
        (past(TrialState.FAILED, [1.0] * 4, promoted=(4,)), (4, 9), (TrialState.FAILED, "why", True)),
        (past(TrialState.FAILED, [1.0] * 4), (0, 4), (TrialState.FAILED, "why", True)),
        (past(TrialState.FINISHED, [1.0] * 2), (0, 4), (TrialState.FINISHED, "why", True)),
        (past(TrialState.DIVERGED, [1.0] * 4 + [math.nan]), (0, 4), (TrialState.PAUSED, "waits at epoch 4", True)),
        (past(TrialState.DIVERGED, [1.0] * 4 + [math.nan]), (4, 9), (TrialState.DIVERGED, "why", True)),
        (past(TrialState.RUNNING, [math.nan], reason="the value was inf after epoch 1"), (0, 4),
         (TrialState.DIVERGED, "the value was inf after epoch 1", False)),
        (past(TrialState.STOPPED, [1.0, math.nan]), (0, 4), (TrialState.DIVERGED, "the value was nan after epoch 2", False)),
    ],
)  # fmt: skip
def test_how_a_stretch_ended_follows_from_what_is_recorded(known, stretch, expected):
    job = Job(trial=0, configuration={"x": 0.5}, start=stretch[0], until=stretch[1])
    end = end_of(known, job, last=9, has_epochs=True)
    assert (None if end is None else (end.state, end.reason, end.is_recorded)) == expected


def test_a_search_that_comes_to_other_configurations_is_refused():
    known = past(TrialState.FINISHED, [1.0])
    with pytest.raises(StudyError, match=r"must come to the same trials, got {'x': 0.25} for trial 0, recorded with {'x': 0.5}"):
        require_same(known, Job(trial=0, configuration={"x": 0.25}, start=0, until=1))
    require_same(known, Job(trial=1, configuration={"x": 0.25}, start=0, until=1))
