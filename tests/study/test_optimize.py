"""Any function is tuned: what it does wrong is data, and timing changes nothing."""

import json
import math
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import osetra
from listener import Listener
from osetra.core.errors import SpaceError, StoreError, StudyError
from osetra.core.records import StudyState, TrialState
from osetra.search.random import RandomSampler
from osetra.search.schedulers import Asha
from osetra.space.space import Space
from osetra.store.memory import MemoryStore
from osetra.store.sql import open_store
from osetra.study import objective_loop

LINE = {"x": osetra.linear(0.0, 1.0)}
SIXTEEN = {"x": osetra.integer(0, 15)}


def asha(space, *, seed, last, budget, trials, first):
    return Asha(RandomSampler(space, seed=seed, first=first), last=last, budget=budget, trials=trials)


def results(study):
    curves = {t.number: [(e.epoch, e.dev_error) for e in study.curve(t.number)] for t in study.trials()}
    return sorted((t.number, t.params["x"], t.state, t.reason, t.epochs, t.value) for t in study.trials()), curves


# What is returned, reported, and called best.


@pytest.mark.parametrize("in_process", [True, False])
def test_a_function_that_returns_its_value_is_minimised(in_process):
    study = osetra.optimize(lambda trial: (trial.params["x"] - 0.3) ** 2, LINE, trials=40, in_process=in_process)
    assert [trial.number for trial in sorted(study.trials(), key=lambda t: t.number)] == list(range(40))
    # By hand: what it calls best is the least, and every value is the function's.
    assert all(trial.value == (trial.params["x"] - 0.3) ** 2 for trial in study.trials())
    assert study.best.value == min(trial.value for trial in study.trials())
    assert abs(study.best.params["x"] - 0.3) < 0.1
    assert (study.record.state, study.record.reason) == (StudyState.FINISHED, "all trials of the budget were trained")
    assert {(t.state, t.reason, t.epochs) for t in study.trials()} == {(TrialState.FINISHED, "returned its value", 1)}


def test_what_is_maximised_is_seen_as_it_was_given(tmp_path):
    up = osetra.optimize(
        lambda t: -abs(t.params["x"] - 7) + 7, SIXTEEN, trials=9, direction="maximize", in_process=True, store=tmp_path / "s.db"
    )
    down = osetra.optimize(lambda t: abs(t.params["x"] - 7) - 7, SIXTEEN, trials=9, in_process=True)
    assert up.best.value == max(t.value for t in up.trials()) == -down.best.value
    assert [t.number for t in up.trials()] == [t.number for t in down.trials()]
    assert up.facts["direction"] == "maximize"
    again = osetra.Study.open(up.name, tmp_path / "s.db")
    assert again.best == up.best
    assert again.curve(up.best.number)[0].dev_error == up.best.value
    assert again.to_frame()["value"].max() == up.best.value


def test_reports_are_the_curve_and_the_best_epoch_counts():
    def objective(trial):
        for epoch, value in enumerate([3.0, 1.0, 2.0], start=1):
            assert trial.report(value, epoch) == (epoch < 3)
        assert trial.should_stop
        return -99.0  # does not count beside reports

    study = osetra.optimize(objective, {}, trials=1, epochs_per_trial=3, strategy="random", in_process=True)
    assert [record.dev_error for record in study.curve(0)] == [3.0, 1.0, 2.0]
    assert (study.best.value, study.best.best_epoch, study.best.epochs) == (1.0, 2, 3)


def test_numbers_of_other_libraries_are_numbers():
    study = osetra.optimize(lambda t: [np.float32(0.5), np.array(2), 3][t.number], SIXTEEN, trials=3, in_process=True)
    assert [study.trial(n).value for n in range(3)] == [0.5, 2.0, 3.0]


def test_a_trial_s_random_numbers_follow_from_its_seed_in_process_or_not():
    def objective(trial):
        return random.random() + np.random.random() + np.random.default_rng(trial.seed).random()  # noqa: NPY002 -- the global one is meant

    before = random.getstate()
    runs = [results(osetra.optimize(objective, SIXTEEN, trials=6, in_process=here)) for here in (True, False)]
    assert runs[0] == runs[1]
    assert len({row[-1] for row in runs[0][0]}) == 6
    assert random.getstate() == before


def test_the_first_configuration_is_tried_first_and_must_lie_in_the_space():
    study = osetra.optimize(lambda t: t.params["x"], {**LINE, "y": 3}, trials=3, first={"x": 0.25}, in_process=True)
    assert study.trial(0).params == {"x": 0.25, "y": 3}
    with pytest.raises(SpaceError, match="x must"):
        osetra.optimize(lambda t: 0.0, LINE, trials=1, first={"x": 2.0})


# Who goes on.


def converging(trial):
    """Comes down to x, and keeps where it is in its folder."""
    place = trial.folder / "epoch.json"
    reached = json.loads(place.read_text()) if trial.start else 0
    assert reached == trial.start
    for epoch in range(trial.start + 1, trial.epochs + 1):
        value = trial.params["x"] + 1.0 / epoch
        place.write_text(json.dumps(epoch))
        if not trial.report(value, epoch):
            return


def forgetful(trial):
    """The same from its first epoch on, each time."""
    for epoch in range(1, trial.epochs + 1):
        if not trial.report(trial.params["x"] + 1.0 / epoch, epoch):
            return


@pytest.mark.parametrize("in_process", [True, False])
def test_a_promoted_trial_goes_on_where_it_was(in_process):
    study = osetra.optimize(converging, LINE, epochs=100, epochs_per_trial=16, strategy="random+asha", in_process=in_process)
    assert sum(t.epochs for t in study.trials()) == study.facts["epochs"] == 100
    far = [t for t in study.trials() if t.epochs == 16]
    assert far
    for trial in far:
        assert [record.dev_error for record in study.curve(trial.number)] == [trial.params["x"] + 1.0 / epoch for epoch in range(1, 17)]
        assert [event.kind for event in study.events(trial.number)] == ["started", "promoted", "promoted", "finished"]
    left = [t for t in study.trials() if t.epochs == 1]
    assert {(t.state, t.reason) for t in left} == {(TrialState.STOPPED, "not promoted after 1 of 16 epochs")}


def test_one_that_ignores_where_it_was_repeats_its_epochs_and_they_are_not_counted_twice():
    options = {"epochs": 100, "epochs_per_trial": 16, "strategy": asha, "in_process": True}
    study = osetra.optimize(forgetful, LINE, **options)
    assert results(study) == results(osetra.optimize(converging, LINE, **options))
    assert not any(event.kind == "repeated otherwise" for event in study.events())
    assert study.facts["strategy"] == "asha"


def test_an_epoch_that_comes_to_another_value_the_second_time_is_noted_and_the_first_value_stays():
    def fickle(trial):
        for epoch in range(1, trial.epochs + 1):
            if not trial.report(trial.params["x"] + 1.0 / epoch + 0.1 * (trial.start > 0), epoch):
                return

    study = osetra.optimize(fickle, LINE, epochs=60, epochs_per_trial=4, strategy=asha, in_process=True)
    promoted = next(t for t in study.trials() if t.epochs == 4)
    noted = [event for event in study.events(promoted.number) if event.kind == "repeated otherwise"]
    assert [event.epoch for event in noted] == [1]
    assert noted[0].detail == pytest.approx({"first": promoted.params["x"] + 1.0, "again": promoted.params["x"] + 1.1})
    assert study.curve(promoted.number)[0].dev_error == promoted.params["x"] + 1.0


def test_one_that_reports_on_after_it_was_told_to_stop_is_left_and_cleans_up(tmp_path):
    def deaf(trial):
        try:
            for epoch in range(1, 1000):
                trial.report(1.0 / epoch, epoch)
        except Exception:  # noqa: BLE001 -- as such objectives do
            (tmp_path / "caught").touch()
        finally:
            (tmp_path / f"left-{trial.number}").touch()

    study = osetra.optimize(deaf, SIXTEEN, trials=2, epochs_per_trial=5, in_process=True)
    assert [t.epochs for t in study.trials()] == [5, 5]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["left-0", "left-1"]


def test_a_stop_from_outside_is_heard_at_the_next_report_whose_value_still_counts():
    told = []

    def objective(trial):
        for epoch in range(1, 10):
            if epoch == 3:
                told.append(True)
            if not trial.report(float(epoch), epoch):
                told.append(epoch)
                return

    study = osetra.optimize(
        objective, SIXTEEN, trials=1, epochs_per_trial=9, strategy="random", in_process=True, interrupted=lambda: bool(told)
    )
    assert told == [True, 3]
    assert (study.trial(0).epochs, study.trial(0).reason) == (3, "interrupted after 3 of 9 epochs")


def test_one_that_returns_early_is_finished_and_never_promoted():
    def patient(trial):
        for epoch in range(trial.start + 1, min(trial.epochs, 2) + 1):
            trial.report(float(epoch), epoch)

    study = osetra.optimize(patient, SIXTEEN, trials=3, epochs_per_trial=9, strategy="random", in_process=True)
    assert {(t.state, t.reason, t.epochs) for t in study.trials()} == {(TrialState.FINISHED, "ended by itself after 2 of 9 epochs", 2)}


@pytest.mark.parametrize("keep", [True, False])
def test_folders_stay_where_the_user_named_a_place_for_them(tmp_path, keep):
    seen = tmp_path / "seen"

    def objective(trial):
        (trial.folder / "made").touch()
        with seen.open("a") as lines:
            lines.write(f"{trial.folder}\n")
        return 0.0

    study = osetra.optimize(objective, SIXTEEN, trials=2, in_process=True, folders=tmp_path / "kept" if keep else None)
    made = [Path(line) for line in seen.read_text().splitlines()]
    assert [(folder / "made").exists() for folder in made] == [keep, keep]
    if keep:
        assert made[1] == tmp_path / "kept" / study.name / "trial-1"
        with pytest.raises(StudyError, match=r"need a folder of their own, got .*which is taken"):
            osetra.optimize(objective, SIXTEEN, trials=2, in_process=True, folders=tmp_path / "kept")
    else:
        assert not made[0].parent.exists()


# Timing changes nothing.


@pytest.mark.parametrize("strategy", ["random", "random+asha"])
def test_the_same_values_give_the_same_study_whatever_the_timing_and_however_many_processes(strategy):
    def uneven(trial):
        clock = random.SystemRandom()
        lasts = trial.params["x"] < 0.6
        for epoch in range(trial.start + 1, trial.epochs + 1):
            time.sleep(clock.random() * 0.003)
            if trial.number % 5 == 3 and epoch == 2:
                raise ValueError("not this one")
            value = math.nan if trial.number % 7 == 5 and epoch == 3 else trial.params["x"] + 1.0 / epoch
            if not trial.report(value, epoch) or (epoch == 4 and not lasts):
                return

    runs = [
        results(osetra.optimize(uneven, LINE, epochs=120, epochs_per_trial=16, strategy=strategy, **how))
        for how in ({"in_process": True}, {"workers": 2}, {"workers": 5})
    ]
    states = {row[2] for row in runs[0][0]}
    assert states >= {TrialState.FINISHED, TrialState.FAILED, TrialState.DIVERGED}
    assert json.dumps(runs[0]) == json.dumps(runs[1]) == json.dumps(runs[2])


# What goes wrong.


def test_what_an_objective_does_wrong_is_data_and_the_study_goes_on():
    def objective(trial):
        match trial.number:
            case 0:
                raise ValueError("too wide:\nno room for 3 units")
            case 1:
                sys.exit(3)
            case 2:
                os.kill(os.getpid(), signal.SIGKILL)
            case 3:
                os._exit(7)
        return {4: "high", 5: math.inf, 6: None}.get(trial.number, trial.params["x"])

    no_number = (
        "StudyError: what the objective returns, where it reports nothing, must be a number, got {}; give a float such as the dev error"
    )
    study = osetra.optimize(objective, SIXTEEN, trials=10, workers=2)
    told = {number: (study.trial(number).state, study.trial(number).reason) for number in range(7)}
    assert told == {
        0: (TrialState.FAILED, "ValueError: no room for 3 units"),
        1: (TrialState.FAILED, "SystemExit: 3"),
        2: (TrialState.FAILED, "its process was killed by SIGKILL, as a system that runs out of memory does"),
        3: (TrialState.FAILED, "its process ended with exit code 7"),
        4: (TrialState.FAILED, no_number.format("'high'")),
        5: (TrialState.DIVERGED, "the value was inf"),
        6: (TrialState.FAILED, no_number.format(None)),
    }
    assert [study.trial(number).state for number in (7, 8, 9)] == [TrialState.FINISHED] * 3
    assert study.best.number > 6
    [raised] = [event for event in study.events(0) if event.kind == "raised"]
    assert 'raise ValueError("too wide:\\nno room for 3 units")' in raised.detail["traceback"]
    assert "executors" not in raised.detail["traceback"]


def test_one_that_hangs_is_ended_at_its_time_limit_with_all_that_it_began(tmp_path):
    def objective(trial):
        if trial.number == 0:
            child = subprocess.Popen(["sleep", "600"])
            (tmp_path / "pids").write_text(f"{os.getpid()} {child.pid}")
            while True:
                pass
        return 1.0

    study = osetra.optimize(objective, SIXTEEN, trials=3, workers=1, time_limit=0.7)
    assert (study.trial(0).state, study.trial(0).reason) == (TrialState.FAILED, "it did not end within the time limit of 0.7 s")
    assert study.trial(0).seconds >= 0.7
    assert [study.trial(n).state for n in (1, 2)] == [TrialState.FINISHED] * 2
    assert_gone(tmp_path / "pids")


def test_where_every_trial_fails_the_study_says_so_with_the_first_reason_and_its_traceback():
    def objective(trial):
        raise KeyError("rate")

    with pytest.raises(StudyError, match=r"study 'objective' has no value: 3 of 3 trials failed, the first with: KeyError: 'rate'") as told:
        osetra.optimize(objective, SIXTEEN, trials=3, in_process=True)
    assert 'raise KeyError("rate")' in told.value.__notes__[0]


@pytest.mark.parametrize(
    ("reports", "message"),
    [
        ([(1.0, 1), (1.0, 1)], "one after another, epoch 2 next, got epoch 1, which comes twice"),
        ([(1.0, 1), (1.0, 2), (1.0, 1)], "epoch 3 next, got epoch 1, which comes after a later one"),
        ([(1.0, 1), (1.0, 3)], "epoch 2 next, got epoch 3, which comes too early"),
        ([(1.0, 0)], "the first report of this call must be of epoch 1, got epoch 0; count epochs from 1"),
        ([(1.0, 1.5)], "the epoch of a report must be a whole number, got 1.5"),
        ([("low", 1)], "the value reported after epoch 1 must be a number, got 'low'"),
        ([(None, 1)], "must be a number, got None"),
    ],
)
def test_a_report_that_makes_no_sense_is_refused_and_fails_the_trial(reports, message):
    def objective(trial):
        for value, epoch in reports:
            trial.report(value, epoch)

    with pytest.raises(StudyError) as told:
        osetra.optimize(objective, SIXTEEN, trials=1, epochs_per_trial=9, in_process=True)
    assert message in str(told.value)


@pytest.mark.parametrize("in_process", [True, False])
def test_reports_where_trials_have_no_epochs_are_refused_at_once(in_process):
    with pytest.raises(StudyError, match=r"report needs a study whose trials have epochs, got 1.0 after epoch 1; give epochs_per_trial"):
        osetra.optimize(lambda trial: trial.report(1.0, 1), SIXTEEN, trials=16, in_process=in_process)


def test_an_objective_that_cannot_go_to_a_process_is_refused_before_anything_is_kept(tmp_path):
    lock = threading.Lock()
    with pytest.raises(StudyError, match=r"that pickle can carry to a process of its own, got TypeError.*or give in_process=True"):
        osetra.optimize(lambda trial: lock.locked(), LINE, trials=1, store=tmp_path / "s.db")
    assert not (tmp_path / "s.db").exists()


def test_an_objective_that_cannot_be_loaded_there_ends_the_study_with_what_the_process_said(tmp_path, monkeypatch):
    (tmp_path / "only_here.py").write_text(
        "import os\nassert os.getpid() == int(os.environ['ONLY']), 'elsewhere'\ndef f(trial): return 1.0\n"
    )
    monkeypatch.setenv("ONLY", str(os.getpid()))
    monkeypatch.syspath_prepend(tmp_path)
    import only_here

    store = open_store(tmp_path / "s.db")
    with pytest.raises(StudyError, match="must load in a process of its own, got AssertionError: elsewhere"):
        osetra.optimize(only_here.f, LINE, trials=3, store=store)
    assert store.study("f").state is StudyState.FAILED
    store.close()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"direction": "up"}, "direction must be minimize or maximize, got 'up'"),
        ({"trials": 0}, "trials must be a whole number >= 1, got 0"),
        ({"epochs_per_trial": 2.5}, "epochs_per_trial must be a whole number >= 1, got 2.5"),
        ({"workers": 0}, "workers must be a whole number >= 1, got 0"),
        ({"workers": 2, "in_process": True}, "got workers=2 with in_process"),
        ({"time_limit": 5, "in_process": True}, "got time_limit=5 with in_process"),
        ({"time_limit": -1}, "time_limit must be a time > 0, got -1"),
        ({"seed": -1}, "seed must be a whole number >= 0, got -1"),
        ({"strategy": "cleverly"}, "strategy must be .*random, sobol.*, got 'cleverly'"),
        ({"strategy": 3}, "strategy must be a word such as .*, got 3"),
        ({"strategy": lambda space, **_: space}, "strategy must make a search, which has ask and tell, got Space"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, message):
    with pytest.raises(StudyError, match=message):
        osetra.optimize(lambda trial: 0.0, LINE, **{"trials": 1, **options})
    with pytest.raises(StudyError, match="an objective must be a function of a trial, got 3"):
        osetra.optimize(3, LINE, trials=1)


# How it ends.


def test_a_budget_in_seconds_ends_it_with_what_there_is(monkeypatch):
    monkeypatch.setattr(objective_loop, "GRACE_S", 0.1)

    def objective(trial):
        if trial.number == 3:
            time.sleep(600)
        return trial.params["x"]

    study = osetra.optimize(objective, LINE, budget=1.5, workers=1)
    assert study.facts["ended"] == "the time was up"
    assert (study.trial(3).state, study.trial(3).reason, study.trial(3).value) == (TrialState.STOPPED, "the time was up", None)
    assert study.best.number < 3
    assert len(study.trials()) == 4


@pytest.mark.parametrize("in_process", [True, False])
def test_ctrl_c_ends_it_with_what_there_is(in_process, tmp_path):
    main = os.getpid()

    def objective(trial):
        if trial.number == 4:
            os.kill(main, signal.SIGINT)
            for epoch in range(1, 1000):
                time.sleep(0.01)
                if not trial.report(trial.params["x"], epoch):
                    return
        trial.report(trial.params["x"], 1)

    study = osetra.optimize(objective, LINE, epochs_per_trial=1000, trials=2000, workers=1, in_process=in_process, store=tmp_path / "s.db")
    assert (study.record.state, study.record.reason) == (StudyState.STOPPED, "interrupted")
    assert study.trial(4).state is TrialState.STOPPED
    assert study.trial(4).reason.startswith("interrupted after ")
    assert len(study.trials()) == 5
    assert study.best.number < 5
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_before_there_is_any_value_is_said_to_be_that(monkeypatch):
    monkeypatch.setattr(objective_loop, "GRACE_S", 0.0)
    main = os.getpid()

    def objective(trial):
        os.kill(main, signal.SIGINT)
        while True:
            pass

    with pytest.raises(StudyError, match="has no value: interrupted before a trial came to a value"):
        osetra.optimize(objective, LINE, trials=5, workers=1)


def test_a_store_that_cannot_be_written_ends_the_study_with_its_own_error_and_leaves_no_process(tmp_path):
    class FullStore(MemoryStore):
        def record(self, study, **what):
            raise StoreError("the disk is full")

    def objective(trial):
        (tmp_path / "pids").write_text(str(os.getpid()))
        return 1.0

    store = FullStore()
    with pytest.raises(StoreError, match="the disk is full"):
        osetra.optimize(objective, LINE, trials=5, store=store, workers=1)
    assert (store.study("objective").state, store.study("objective").reason) == (StudyState.FAILED, "the disk is full")
    assert_gone(tmp_path / "pids")


def test_no_process_outlives_the_one_that_tunes(tmp_path):
    """Nor what an objective began, even where the one that tunes has no time for goodbyes."""
    script = f"""
import os, subprocess, time, osetra
def objective(trial):
    child = subprocess.Popen(["sleep", "600"])
    with open({str(tmp_path / "pids")!r}, "w") as pids:
        pids.write(f"{{os.getpid()}} {{child.pid}}")
    while True:
        pass
osetra.optimize(objective, {{"x": osetra.linear(0, 1)}}, trials=1, workers=1)
"""
    parent = subprocess.Popen([sys.executable, "-c", script], env={**os.environ, "TMPDIR": str(tmp_path)})
    pids = tmp_path / "pids"
    while not (pids.exists() and len(pids.read_text().split()) == 2):
        assert parent.poll() is None
        time.sleep(0.02)
    assert all(is_alive(int(pid)) for pid in pids.read_text().split())
    parent.kill()
    parent.wait()
    assert_gone(pids)


def test_processes_are_used_again_and_none_is_left():
    study = osetra.optimize(lambda trial: os.getpid(), LINE, trials=30, workers=2)
    pids = {int(trial.value) for trial in study.trials()}
    assert 1 <= len(pids) <= 2
    assert os.getpid() not in pids
    assert not any(is_alive(pid) for pid in pids)


# What people tune.


def test_a_network_of_scikit_learn_is_tuned():
    from sklearn.datasets import load_iris
    from sklearn.model_selection import train_test_split

    X, y = load_iris(return_X_y=True)
    parts = train_test_split(X, y, test_size=0.4, random_state=0, stratify=y)

    def objective(trial):
        from sklearn.neural_network import MLPClassifier

        X, X_dev, y, y_dev = parts
        network = MLPClassifier((int(trial.params["units"]),), learning_rate_init=trial.params["rate"], random_state=trial.seed)
        for epoch in range(1, trial.epochs + 1):
            network.partial_fit(X, y, classes=[0, 1, 2])
            if not trial.report(network.score(X_dev, y_dev), epoch):
                return

    space = {"rate": osetra.log(1e-4, 1.0), "units": osetra.powers_of_two(4, 32)}
    study = osetra.optimize(
        objective, space, epochs=120, epochs_per_trial=40, direction="maximize", strategy="random+asha", in_process=True
    )
    assert study.best.value >= 0.9
    assert study.best.params["rate"] > 1e-3
    assert sum(t.epochs for t in study.trials()) == 120


def test_progress_hears_values_as_they_were_given():
    listener = Listener()
    options = {"strategy": "random", "direction": "maximize", "in_process": True}
    osetra.optimize(lambda t: t.params["x"], SIXTEEN, trials=16, progress=listener, **options)
    assert listener.said == ["Searching x (random): 1 trial at a time, budget 16 trials."]
    last = listener.facts[-1]
    assert (last["best_error"], last["error_name"], last["trials_done"], last["share_done"]) == (15.0, "value", 16, 1.0)


@pytest.mark.parametrize(("strategy", "words"), [("zoom", r"After \d+ trials: x 0\.2"), ("coarse_to_fine", "Stage 2 zooms into x ")])
def test_what_the_search_says_is_handed_on_and_kept(strategy, words):
    listener = Listener()
    study = osetra.optimize(lambda t: (t.params["x"] - 0.2) ** 2, LINE, trials=40, strategy=strategy, progress=listener, in_process=True)
    assert any(re.match(words, said) for said in listener.said)
    assert [f"{sentence[:1].upper()}{sentence[1:]}." for sentence in study.facts["sentences"]] == listener.said[1:]


def test_without_a_strategy_one_value_is_searched_by_zoom_and_epochs_in_waves():
    one = osetra.optimize(lambda t: t.params["x"], LINE, trials=2, in_process=True)
    many = osetra.optimize(converging, LINE, trials=2, epochs_per_trial=9, in_process=True)
    assert [study.facts["strategy"] for study in (one, many)] == ["zoom", "waves"]


def test_a_space_may_be_one_made_before():
    space = Space({"x": osetra.choice("a", "b"), "y": 3}, constraints=("x == 'a'",))
    study = osetra.optimize(lambda t: t.params["y"], space, trials=9, in_process=True)
    assert [dict(t.params) for t in study.trials()] == [{"x": "a", "y": 3}]
    assert study.space == space


def is_alive(pid):
    """Whether a process runs; one that is dead and not yet collected does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def assert_gone(pids):
    until = time.monotonic() + 10
    while any(is_alive(int(pid)) for pid in pids.read_text().split()):
        assert time.monotonic() < until, "a process was left behind"
        time.sleep(0.02)
