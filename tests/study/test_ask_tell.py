"""Ask and tell: any order, any number at once, everything in the store."""

import math
import threading

import numpy as np
import pytest

import osetra
from osetra.core.errors import SpaceError, StudyError
from osetra.core.records import StudyState, TrialState
from osetra.space import SpaceHistory

LINE = {"x": osetra.linear(-5.0, 5.0)}


def test_asking_and_telling_finds_what_optimize_finds():
    tuner = osetra.Tuner(LINE, trials=20, seed=3, strategy="random")
    while trial := tuner.ask():
        record = tuner.tell(trial, (trial.params["x"] - 1) ** 2)
        assert record.value == (trial.params["x"] - 1) ** 2
    study = osetra.optimize(lambda t: (t.params["x"] - 1) ** 2, LINE, trials=20, seed=3, strategy="random", in_process=True)
    assert tuner.best.params == study.best.params
    assert tuner.best.value == study.best.value
    assert len(tuner.study.trials()) == 20


def test_many_may_be_out_at_once_and_be_told_in_any_order(tmp_path):
    with osetra.Tuner(LINE, trials=12, store=tmp_path / "s.db", study="many", direction="maximize") as tuner:
        out = [tuner.ask() for _ in range(12)]
        assert tuner.ask() is None
        for trial in reversed(out):
            tuner.tell(trial.number, trial.params["x"])
    study = osetra.Study.open("many", tmp_path / "s.db")
    assert {trial.number: trial.value for trial in study.trials()} == {trial.number: trial.params["x"] for trial in out}
    assert study.best.value == max(trial.params["x"] for trial in out)
    assert (study.record.state, study.record.reason) == (StudyState.FINISHED, "closed")


def test_every_step_is_in_the_store_at_once(tmp_path):
    tuner = osetra.Tuner(LINE, store=tmp_path / "s.db", study="live")
    first, second = tuner.ask(), tuner.ask()
    tuner.tell(first, 2.5)
    seen = osetra.Study.open("live", tmp_path / "s.db")
    assert [(t.number, t.state, t.value) for t in seen.trials()] == [
        (0, TrialState.FINISHED, 2.5),
        (1, TrialState.RUNNING, None),
    ]
    assert seen.best.number == 0
    tuner.close()
    assert seen.trial(second.number).reason == "the study was closed after 0 of 1 epochs"


def test_rungs_are_climbed_epoch_by_epoch():
    tuner = osetra.Tuner(LINE, epochs=60, epochs_per_trial=16, strategy="random+asha")
    asked = []
    while trial := tuner.ask():
        asked.append(trial)
        tuner.tell(trial, [abs(trial.params["x"]) + 1 / epoch for epoch in range(trial.start + 1, trial.until + 1)])
    assert sum(trial.until - trial.start for trial in asked) == 60
    far = max(tuner.study.trials(), key=lambda trial: trial.epochs)
    assert [(t.start, t.until) for t in asked if t.number == far.number] == [(0, 1), (1, 4), (4, 16)]
    assert [record.epoch for record in tuner.study.curve(far.number)] == list(range(1, 17))
    assert len({trial.seed for trial in asked if trial.number == far.number}) == 1


def test_trials_that_went_wrong_are_data():
    tuner = osetra.Tuner(LINE, epochs_per_trial=4, strategy="random")
    told = [
        tuner.tell(tuner.ask(), state="failed", reason="the power went"),
        tuner.tell(tuner.ask(), [1.0, math.nan, 3.0]),
        tuner.tell(tuner.ask(), [1.0, 0.5]),
        tuner.tell(tuner.ask(), np.array([4.0, 3.0, 2.0, 1.0])),
    ]
    assert [(t.state, t.reason, t.epochs) for t in told] == [
        (TrialState.FAILED, "the power went", 0),
        (TrialState.DIVERGED, "the value was nan", 2),
        (TrialState.FINISHED, "ended by itself after 2 of 4 epochs", 2),
        (TrialState.FINISHED, "told its last value", 4),
    ]
    assert tuner.best.number == 2


def test_what_cannot_be_told_is_refused_and_changes_nothing():
    tuner = osetra.Tuner(LINE, trials=2)
    trial = tuner.ask()
    for values, options, message in (
        ([1.0, 2.0], {}, "trial 0 wants 1 values, of epochs 1 to 1, got 2"),
        ("low", {}, "what a trial is told must be a number, got 'low'"),
        ([], {}, "trial 0 needs a value, got none"),
        (1.0, {"state": "paused"}, "state must be one of finished, stopped, diverged, failed, got 'paused'"),
    ):
        with pytest.raises(StudyError, match=message):
            tuner.tell(trial, values, **options)
    tuner.tell(trial, 1.0)
    with pytest.raises(StudyError, match="told once after it was asked, got trial 0; those asked and not told: none"):
        tuner.tell(trial, 2.0)
    assert tuner.study.trial(0).value == 1.0
    tuner.close()
    with pytest.raises(StudyError, match="was closed and takes no more"):
        tuner.ask()


def test_threads_may_ask_and_tell_at_once():
    tuner = osetra.Tuner(LINE, trials=60)

    def work():
        while trial := tuner.ask():
            tuner.tell(trial, trial.params["x"] ** 2)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(t.number for t in tuner.study.trials()) == list(range(60))
    assert all(t.value == t.params["x"] ** 2 for t in tuner.study.trials())


def test_a_tuner_goes_on_in_an_edited_space(tmp_path):
    tuner = osetra.Tuner({**LINE, "kind": osetra.choice("a", "b")}, store=tmp_path / "s.db", study="edited", strategy="random")
    waits = tuner.ask()
    for _ in range(9):
        tuner.tell(trial := tuner.ask(), trial.params["x"])
    tuner.edit(tuner.space.widen("x", -20, 5, why="the best lie at -5"))
    tuner.edit(tuner.space.fix("kind", "b"))
    assert tuner.tell(waits, waits.params["x"]).configuration == waits.params
    later = [tuner.ask().params for _ in range(30)]
    assert {params["kind"] for params in later} == {"b"}
    assert min(params["x"] for params in later) < -5
    tuner.close()
    study = osetra.Study.open("edited", tmp_path / "s.db")
    assert study.space == tuner.space == osetra.Space({"x": osetra.linear(-20, 5), "kind": "b"})
    history = SpaceHistory.from_dict(study.facts["space_history"])
    assert history.at(9) == osetra.Space({**LINE, "kind": osetra.choice("a", "b")})
    assert history.at(10) == study.space
    assert history.describe().splitlines() == [
        "after 10 trials x was widened, from linear(-5, 5) to linear(-20, 5): the best lie at -5",
        "after 10 trials kind was fixed, from choice(a, b) to b",
    ]
    edits = [event.detail for event in study.events() if event.kind == "space edited"]
    assert edits == study.facts["space_history"]["versions"][1:]
    with pytest.raises(StudyError, match="was closed and takes no more"):
        tuner.edit(tuner.space.fix("x", 0.0))


def test_a_tuner_whose_space_was_used_up_goes_on_when_it_grows():
    tuner = osetra.Tuner({"n": osetra.integer(1, 3)}, strategy="random")
    while trial := tuner.ask():
        tuner.tell(trial, trial.params["n"])
    tuner.edit(tuner.space.widen("n", 1, 5))
    assert {tuner.ask().params["n"], tuner.ask().params["n"]} == {4, 5}
    assert tuner.ask() is None


def test_a_tuner_is_edited_one_step_at_a_time_and_by_what_its_search_can_do():
    tuner = osetra.Tuner(LINE)
    for other in (osetra.Space({"x": osetra.linear(0, 1)}), tuner.space, tuner.space.widen("x", -6, 5).widen("x", -6, 6)):
        with pytest.raises(SpaceError, match="takes one edit of the space in force at a time"):
            tuner.edit(other)

    class Own:
        def ask(self):
            return None

        def tell(self, job, values, state):
            pass

    tuner = osetra.Tuner(LINE, strategy=lambda space, **options: Own())
    with pytest.raises(StudyError, match="strategy must make a search with edit for the space to be edited, got <"):
        tuner.edit(tuner.space.fix("x", 1.0))


@pytest.mark.parametrize("strategy", ["waves", "coarse_to_fine+asha"])
def test_an_edited_study_that_goes_on_proposes_what_it_would_have(tmp_path, strategy):
    def begin(name, *, resume=False):
        return osetra.Tuner(
            LINE, epochs=400, epochs_per_trial=16, strategy=strategy, seed=5, store=tmp_path / "s.db", study=name, resume=resume
        )

    def work(tuner, count):
        jobs = []
        for _ in range(count):
            trial = tuner.ask()
            jobs.append((trial.number, trial.start, trial.params))
            tuner.tell(trial, [abs(trial.params["x"] - 7) + 1 / epoch for epoch in range(trial.start + 1, trial.until + 1)])
        return jobs

    whole, broken = begin("whole"), begin("broken")
    for tuner in (whole, broken):
        work(tuner, 20)
        tuner.edit(tuner.space.widen("x", -5, 10))
        work(tuner, 10)
        tuner.edit(tuner.space.narrow("x", 0, 10))
    del broken, tuner
    again = begin("broken", resume=True)
    assert again.space == whole.space
    assert work(again, 25) == work(whole, 25)
    again.edit(again.space.fix("x", 7.0))
    assert [version["trials"] for version in again.study.facts["space_history"]["versions"]][:1] == [0]
    assert len(again.study.facts["space_history"]["versions"]) == 4
