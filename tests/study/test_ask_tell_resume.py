"""Whoever asks and tells may die and come again: the search knows what it was told, and nothing asked is lost."""

import math
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

import osetra
from osetra.core.errors import StudyError
from osetra.core.ports import Store
from osetra.core.records import StudyState, TrialState
from osetra.store.memory import MemoryStore
from osetra.study.ask_tell import AskedTrial
from osetra.study.writing import writing

LINE = {"x": osetra.linear(-5.0, 5.0)}
CLIMB: dict[str, Any] = {"epochs": 80, "epochs_per_trial": 16, "seed": 3}


def values(trial: AskedTrial) -> list[float]:
    return [(float(trial.params["x"]) - 1) ** 2 + 1 / epoch for epoch in range(trial.start + 1, trial.until + 1)]


def play(make: Callable[[], osetra.Tuner], *, breaks: frozenset[int]) -> list[object]:
    """Ask and tell in an order drawn by lot, up to 5 trials out at once; at the steps named the tuner is dropped and another goes on."""
    lot, tuner, log = random.Random(7), make(), []
    out: list[Any] = []
    for step in range(10**6):
        if step in breaks:
            del tuner
            tuner = make()
            # What was asked is handed out again before anything new.
            assert [tuner.ask() for _ in out] == out
        asked = tuner.ask() if len(out) < 5 and (not out or lot.random() < 0.6) else None
        if asked is not None:
            out.append(asked)
            log.append(("asked", asked.number, dict(asked.params), asked.start, asked.until, asked.seed))
        elif not out:
            break
        else:
            trial = out.pop(lot.randrange(len(out)))
            ways: list[dict[str, Any]] = [{"values": values(trial)}] * 4
            ways += [{"values": [0.5, math.nan][: trial.until - trial.start]}, {"state": "failed"}]
            ended = tuner.tell(trial, **ways[lot.randrange(6)])
            log.append(("told", ended.number, ended.state, ended.reason, ended.epochs, ended.value))
    tuner.close()
    return log


@pytest.mark.parametrize("strategy", ["random+asha", "random+successive_halving", "coarse_to_fine+hyperband", "sobol", "zoom"])
def test_one_that_goes_on_asks_what_an_undisturbed_one_asks(strategy):
    kept: list[Store] = []

    def make(store: Store) -> Callable[[], osetra.Tuner]:
        kept.append(store)
        return lambda: osetra.Tuner(LINE, strategy=strategy, store=store, study="mine", resume=True, **CLIMB)

    whole = play(make(MemoryStore()), breaks=frozenset())
    broken = play(make(MemoryStore()), breaks=frozenset({1, 2, 9, 30, 31}))
    assert broken == whole
    one, other = (osetra.Study(store.study("mine"), store) for store in kept)
    for number in range(len(one.trials())):
        assert [(e.epoch, str(e.dev_error)) for e in one.curve(number)] == [(e.epoch, str(e.dev_error)) for e in other.curve(number)]
    assert one.facts["epochs"] == other.facts["epochs"]
    assert one.facts["best"] == other.facts["best"]
    assert one.record.state is other.record.state is StudyState.FINISHED


SCRIPT = """
import os, signal, sys
import osetra

left = int(sys.argv[1])
options = {"trials": 12, "direction": "maximize", "strategy": "random"}
with osetra.Tuner({"x": osetra.linear(-5.0, 5.0)}, store="s.db", study="mine", resume=True, **options) as tuner:
    while (first := tuner.ask()) is not None:
        second = tuner.ask()
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        for trial in (second, first):
            if trial is not None:
                tuner.tell(trial, -((trial.params["x"] - 1) ** 2))
    print(tuner.best.number)
"""


def test_a_script_that_is_killed_is_simply_started_again(tmp_path):
    codes = []
    while not codes or codes[-1] == -signal.SIGKILL:
        codes.append(subprocess.run([sys.executable, "-c", SCRIPT, "3"], cwd=tmp_path, capture_output=True, timeout=60).returncode)
    assert codes == [-9, -9, 0]
    study = osetra.Study.open("mine", tmp_path / "s.db")
    whole = osetra.Tuner(LINE, trials=12, direction="maximize", strategy="random")
    while first := whole.ask():
        second = whole.ask()
        for trial in (second, first):
            if trial is not None:
                whole.tell(trial, -((float(trial.params["x"]) - 1) ** 2))
    for number in range(12):
        one, other = study.trial(number), whole.study.trial(number)
        assert (one.params, one.value, one.state) == (other.params, other.value, other.state)
    # Started once more it comes to the same end, with nothing to do.
    again = subprocess.run([sys.executable, "-c", SCRIPT, "3"], cwd=tmp_path, capture_output=True, timeout=60, text=True)
    assert (again.returncode, again.stdout.strip()) == (0, str(study.best.number))


def test_what_is_still_out_may_be_told_before_it_is_asked_again():
    store = MemoryStore()
    tuner = osetra.Tuner(LINE, trials=3, store=store, study="mine")
    first, second = tuner.ask(), tuner.ask()
    assert first is not None
    assert second is not None
    del tuner
    with osetra.Tuner(LINE, trials=3, store=store, study="mine", resume=True) as tuner:
        assert tuner.tell(second.number, 2.0).value == 2.0
        assert tuner.ask() == first
        third = tuner.ask()
        assert third is not None
        assert third.number == 2
        assert tuner.ask() is None
        tuner.tell(third, 1.0)
        tuner.tell(first, 3.0)
        assert tuner.best.number == 2
        assert [event.kind for event in tuner.study.events(0)] == ["started", "asked again", "finished"]
        assert [event.kind for event in tuner.study.events(1)] == ["started", "finished"]


def test_one_that_an_exception_ended_goes_on_and_one_that_was_closed_has_no_more():
    store = MemoryStore()
    options: dict[str, Any] = {"trials": 4, "store": store, "study": "mine", "resume": True}
    asked: list[Any] = []

    def breaks(tuner: osetra.Tuner) -> None:
        with tuner:
            asked.append(tuner.ask())
            raise RuntimeError("the cluster is gone")

    tuner = osetra.Tuner(LINE, **options)
    with pytest.raises(RuntimeError, match="the cluster is gone"):
        breaks(tuner)
    assert (store.study("mine").state, store.study("mine").reason) == (StudyState.FAILED, "the cluster is gone")
    assert store.trial("mine", 0).state is TrialState.RUNNING
    with pytest.raises(StudyError, match="takes no more"):
        tuner.ask()
    with osetra.Tuner(LINE, **options) as tuner:
        assert store.study("mine").state is StudyState.RUNNING
        again = tuner.ask()
        assert again == asked[0]
        while again:
            tuner.tell(again, float(again.params["x"]))
            again = tuner.ask()
    closed = osetra.Tuner(LINE, **options)
    assert closed.ask() is None
    assert closed.best == tuner.best
    assert closed.study.facts["trials"] == 4
    with pytest.raises(StudyError, match="takes no more"):
        closed.tell(0, 1.0)
    closed.close()


def test_one_tuner_at_a_time_writes_a_study(tmp_path):
    options: dict[str, Any] = {"trials": 4, "store": tmp_path / "s.db", "study": "mine"}
    tuner = osetra.Tuner(LINE, **options)
    with pytest.raises(StudyError, match="mine"):
        osetra.Tuner(LINE, **options, resume=True)
    tuner.tell(tuner.ask() or 0, 1.0)
    tuner.close()
    store = MemoryStore()
    begun = osetra.Tuner(LINE, trials=4, store=store, study="mine")
    begun.ask()
    del begun
    with writing(store, "mine"), pytest.raises(StudyError, match="mine"):
        osetra.Tuner(LINE, trials=4, store=store, study="mine", resume=True)
    assert osetra.Tuner(LINE, trials=4, store=store, study="mine", resume=True).ask() is not None


def test_one_that_lost_its_study_to_another_says_so_and_writes_no_more():
    store = MemoryStore()
    tuner = osetra.Tuner(LINE, trials=4, store=store, study="mine")
    trial = tuner.ask()
    assert trial is not None
    # As `writing` finds out when another process has taken over.
    tuner._claim.is_lost = True
    for late in (tuner.ask, lambda: tuner.tell(trial, 1.0), tuner.close):
        with pytest.raises(StudyError, match="study 'mine' must have one writer, got another"):
            late()
    assert store.trial("mine", 0).state is TrialState.RUNNING


def test_a_close_that_broke_off_half_way_is_taken_back(monkeypatch):
    store = MemoryStore()
    options: dict[str, Any] = {"epochs": 20, "epochs_per_trial": 4, "strategy": "random+asha", "store": store, "study": "mine"}
    tuner = osetra.Tuner(LINE, **options)
    paused, out = tuner.ask(), tuner.ask()
    assert paused is not None
    assert tuner.tell(paused, values(paused)).state is TrialState.PAUSED
    with monkeypatch.context() as patch:
        patch.setattr(store, "update_study", lambda record: os.abort() if record is None else None)
        tuner.close()
    del tuner
    assert {trial.state for trial in store.trials("mine")} == {TrialState.STOPPED}
    tuner = osetra.Tuner(LINE, **options, resume=True)
    assert tuner.ask() == out
    tuner.tell(out or 0, 0.1)
    tuner.close()
    assert [t.state for t in store.trials("mine", order_by="number")] == [TrialState.STOPPED] * 2
    assert store.study("mine").state is StudyState.FINISHED


def test_it_goes_on_only_as_it_was_begun_and_only_with_its_own_kind():
    store = MemoryStore()
    osetra.Tuner(LINE, trials=4, store=store, study="mine")
    options: dict[str, Any] = {"space": LINE, "trials": 4, "store": store, "study": "mine", "resume": True}
    changes: tuple[tuple[dict[str, Any], str], ...] = (
        ({"seed": 1}, "seed was 0 and is 1"),
        ({"trials": None}, "trials was 4 and is absent"),
        ({"space": {"x": osetra.linear(-5, 6)}}, r"x was linear\(-5, 5\) and is linear\(-5, 6\)"),
    )
    for changed, message in changes:
        with pytest.raises(StudyError, match=f"study 'mine' goes on only as it was begun, got other options: {message}"):
            osetra.Tuner(**(options | changed))
    with pytest.raises(StudyError, match=r"must be one of osetra\.optimize to go on here, got one of osetra\.Tuner"):
        osetra.optimize(lambda t: 1.0, LINE, trials=4, store=store, study="mine", resume=True)
    with pytest.raises(StudyError, match=r"go on with osetra.Tuner\(space, .*resume=True\)"):
        osetra.resume("mine", store)
    with pytest.raises(StudyError, match="resume=True needs to know which study goes on, got no store"):
        osetra.Tuner(LINE, study="mine", resume=True)


def test_a_search_that_asks_otherwise_than_is_recorded_is_refused_and_the_study_is_given_back():
    from osetra.search.random import RandomSampler
    from osetra.search.schedulers import Plain

    store, shift = MemoryStore(), [0]

    def mine(space, *, seed, last, budget, trials, first):
        return Plain(RandomSampler(space, seed=seed + shift[0]), last=last, budget=budget, trials=trials)

    options: dict[str, Any] = {"trials": 4, "strategy": mine, "store": store, "study": "mine", "resume": True}
    osetra.Tuner(LINE, **options).ask()
    shift[0] = 1
    with pytest.raises(StudyError, match=r"must come to the same trials, got trial 0 from epoch 0 with .* is recorded"):
        osetra.Tuner(LINE, **options)
    shift[0] = 0
    assert osetra.Tuner(LINE, **options).ask() is not None
