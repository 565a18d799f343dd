"""What pages read: alike whoever asks, in the study's own sign, new once something has changed, and never more than is shown."""

import json
import threading
import time
from dataclasses import replace
from datetime import timedelta

import pytest

from osetra.core.errors import StoreError, StudyError
from osetra.core.ports import Condition, hyperparameter
from osetra.core.records import CommandState, StudyState, Task, TrialState
from osetra.report.figures.theme import text_of
from osetra.store.memory import MemoryStore
from osetra.store.sql import open_store
from osetra.testing.stores import NOON, make_epoch, make_event, make_study, make_trial
from osetra.testing.stores_control import make_command
from osetra.ui import reading as module
from osetra.ui.drawn import drawn
from osetra.ui.dues import Dues
from osetra.ui.header import header
from osetra.ui.reading import Reading
from report import made_study

FACTS = {"space": made_study.SPACE.to_dict(), "budget": {"seconds": None, "trials": 100, "epochs": None}}


@pytest.fixture
def store():
    return MemoryStore()


@pytest.fixture
def reading(store, monkeypatch):
    monkeypatch.setattr(module, "AT_MOST_OLD_S", 0.0)
    return Reading(store, "mine.db")


def fill(store, name="mine", count=24, **fields):
    store.create_study(make_study(name, facts={**FACTS, **fields.pop("facts", {})}, **fields))
    trials = made_study.trials(count)
    curves = {trial.number: made_study.curve(trial) for trial in trials}
    store.record(name, trials=trials, epochs=curves, events=made_study.events(trials))
    return trials


def test_a_study_is_read_again_once_it_has_changed_and_no_sooner(reading, store):
    fill(store, state=StudyState.FINISHED)
    version, study, figure = reading.version("mine"), reading.study("mine"), reading.figure("mine", "curves")
    assert reading.study("mine") is study
    assert reading.figure("mine", "curves") is figure
    assert reading.version("mine") == version
    store.record("mine", trials=[make_trial(99, 0.01, epochs=1)], epochs={99: [make_epoch(1, dev_error=0.01)]})
    assert reading.version("mine") != version
    assert reading.study("mine") is not study
    assert "25 trials" in text_of(reading.figure("mine", "curves"))


def test_a_figure_is_drawn_once_for_all_tabs_and_kinds_and_options_are_apart(reading, store, monkeypatch):
    fill(store)
    from osetra.study.plot import Plots

    drawings = []
    draw = Plots.curves
    monkeypatch.setattr(Plots, "curves", lambda *given, **options: drawings.append(options) or draw(*given, **options))
    threads = [threading.Thread(target=reading.figure, args=("mine", "curves")) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert drawings == [{}]
    by_rung = reading.figure("mine", "curves", by="rung", log=True)
    assert drawings[1:] == [{"by": "rung", "log": True}]
    assert drawn(by_rung) is drawn(by_rung)
    layout = json.loads(drawn(by_rung))["layout"]
    assert layout["yaxis"]["type"] == "log"
    assert "template" not in layout


def test_a_figure_that_there_is_not_is_refused_in_words(reading, store):
    fill(store)
    for kind in ("_trials", "of_kind", "__class__", "pie"):
        with pytest.raises(StudyError, match="a figure must be one of curves, trial, leaderboard"):
            reading.figure("mine", kind)
    with pytest.raises(StudyError, match="no trial 77"):
        reading.figure("mine", "trial", 77)


def test_a_page_is_in_the_order_asked_for_and_knows_how_many_there_are(reading, store):
    trials = fill(store)
    rate = hyperparameter("learning_rate")
    page = reading.page("mine", order_by=rate, descending=True, limit=5, offset=5)
    ranked = sorted(trials, key=lambda trial: -trial.configuration["learning_rate"])
    assert [trial.number for trial in page.trials] == [trial.number for trial in ranked[5:10]]
    assert page.total == 24
    found = reading.page("mine", where=[Condition(column=rate, low=1e-3)], states=[TrialState.STOPPED])
    wanted = {t.number for t in trials if t.configuration["learning_rate"] >= 1e-3 and t.state is TrialState.STOPPED}
    assert {trial.number for trial in found.trials} == wanted
    assert found.total == len(wanted)
    with pytest.raises(StoreError, match="must be one of number"):
        reading.page("mine", order_by="reason")


def test_where_the_greatest_wins_orders_conditions_and_errors_are_the_users(reading, store):
    store.create_study(make_study(task=Task.OBJECTIVE, error_name="value", facts={**FACTS, "direction": "maximize"}))
    store.record("mine", trials=[make_trial(number, -float(value)) for number, value in enumerate([5, 1, 9, 3])])
    assert [trial.value for trial in reading.page("mine").trials] == [1, 3, 5, 9]
    assert [trial.value for trial in reading.page("mine", descending=True).trials] == [9, 5, 3, 1]
    found = reading.page("mine", where=[Condition(column="dev_error", low=3, high=5)])
    assert [trial.value for trial in found.trials] == [3, 5]
    assert [trial.value for trial in reading.page("mine", where=[Condition(column="dev_error", among=(9,))]).trials] == [9]
    assert [one.best.value for one in reading.studies()] == [9]
    assert reading.header("mine").best.value == 9


def test_columns_are_fields_then_what_was_searched_then_what_was_fixed(reading, store):
    fill(store)
    found = reading.columns("mine")
    assert [column.key for column in found][:4] == ["number", "state", "dev_error", "train_error"]
    names = [column.title for column in found if column.is_searched]
    assert set(names) == set(made_study.SPACE.names)
    assert names[0] == "learning_rate"
    assert [column.title for column in found if column.key.startswith("configuration.") and not column.is_searched] == ["optimizer"]
    assert {column.title: column.kind for column in found}["schedule"] == "text"
    for column in found:
        assert reading.page("mine", order_by=column.key).total == 24


def test_the_header_says_how_far_a_study_is(store):
    from osetra.study.handle import Study

    fill(store, created=NOON)
    running = [make_trial(100 + n, 0.5, TrialState.RUNNING, epochs=3) for n in range(2)]
    store.record("mine", trials=running)
    done = store.add_command("mine", make_command(trial=100))
    store.answer_command("mine", done, state=CommandState.DONE, answer="so it is", at=NOON)
    store.add_command("mine", make_command(trial=101))

    def at(seconds):
        return header(Study(store.study("mine"), store), now=NOON + timedelta(seconds=seconds))

    seen = at(60)
    over = 24
    assert seen.is_live
    assert (seen.trials, seen.counts[TrialState.RUNNING], seen.in_hand, seen.waiting) == (26, 2, (100,), 1)
    assert seen.epochs == sum(trial.epochs for trial in store.trials("mine"))
    assert seen.share_done == pytest.approx(over / 100)
    assert seen.seconds_left == pytest.approx(60 * (100 - over) / over)
    assert seen.best.number == 7
    timed = replace(store.study("mine"), facts={**FACTS, "budget": {"seconds": 90.0, "trials": None, "epochs": None}})
    store.update_study(timed)
    assert (at(60).share_done, at(60).seconds_left) == (pytest.approx(2 / 3), 30)
    assert (at(600).share_done, at(600).seconds_left) == (1.0, 0.0)
    store.update_study(replace(timed, state=StudyState.FINISHED, finished=NOON + timedelta(seconds=80)))
    assert (at(600).seconds, at(600).seconds_left, at(600).is_live) == (80, None, False)


def test_of_many_trials_two_thousand_are_drawn_the_best_among_them_and_the_figure_says_so(reading, store):
    count = 3_000
    trials = made_study.trials(count)
    store.create_study(make_study(state=StudyState.FINISHED, facts=FACTS))
    few = {trial.number: made_study.curve(trial, epochs=1) for trial in trials}
    store.record("mine", trials=trials, epochs=few, events=[make_event(8, kind="promoted", epoch=4)])
    best = min(trials, key=lambda trial: trial.dev_error).number
    board = reading.figure("mine", "leaderboard")
    assert "2,000 of 3,000 trials drawn" in text_of(board)
    assert f"The best of 3,000 trials, trial {best}," in text_of(board)
    line = next(trace for trace in board.data if trace.name == "best so far")
    lowest = [min(t.dev_error for t in trials[: number + 1] if t.state.can_win) for number in line.x]
    assert list(line.y) == pytest.approx(lowest)
    median = sorted(trial.dev_error for trial in trials)[count // 2]
    about = float(text_of(board).split("about ")[1].split(" %")[0]) / 100
    assert sum(trial.dev_error < about for trial in trials) == pytest.approx(count / 2, rel=0.05), (about, median)
    ladder = reading.figure("mine", "ladder")
    counts = [int(text.split("<br>")[1].replace(",", "")) for text in ladder.layout.xaxis.ticktext]
    assert sum(counts) == count
    assert "2,000 of 3,000 trials drawn" in text_of(ladder)
    scatter = reading.figure("mine", "scatter", "learning_rate")
    assert "2,000 of 3,000 trials drawn" in text_of(scatter)
    assert sum(len(trace.x) for trace in scatter.data) <= 2_001
    assert "300 of 3,000 trials drawn" in text_of(reading.figure("mine", "parallel"))
    curves = reading.figure("mine", "curves")
    assert "60 of 3,000 trials drawn" in text_of(curves)
    ahead = sorted(trials, key=lambda trial: (trial.dev_error, trial.number))[:12]
    shown = {said[0] for trace in curves.data if trace.customdata is not None for said in trace.customdata if said[0] is not None}
    assert {trial.number for trial in ahead} <= shown
    assert len(shown) == 60
    assert "1 promoted" in text_of(reading.figure("mine", "events"))


def test_what_is_judged_of_very_many_trials_is_told_from_a_sample_and_says_so(reading, store, monkeypatch):
    from osetra.study import judged

    fill(store, count=60)
    assert "drawn at random" not in reading.importance("mine").sentences[-1]
    monkeypatch.setattr(judged, "MOST_JUDGED", 40)
    store.record("mine", events=[make_event()])
    study = reading.study("mine")
    assert study.importance().sentences[-1] == "Told from 40 of 60 trials, drawn at random."
    trials, told = judged.judged_trials(study)
    assert (len(trials), trials[0].number, told) == (40, 7, "Told from 40 of 60 trials, drawn at random.")


def test_notable_events_are_the_last_that_not_every_trial_has(reading, store):
    fill(store)
    store.record("mine", events=[make_event(0, kind="set", epoch=1), make_event(1, kind="started"), make_event(kind="search ended")])
    assert [event.kind for event in reading.notable("mine")][-2:] == ["set", "search ended"]
    assert [event.kind for event in reading.notable("mine", limit=1)] == ["search ended"]


def test_another_file_in_the_place_of_the_store_is_read_instead(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "AT_MOST_OLD_S", 0.0)
    path = tmp_path / "osetra.db"
    for reason in ("first", "second"):
        store = open_store(path)
        store.create_study(make_study(reason=reason))
        store.close()
        if reason == "first":
            reading = Reading(None, str(path))
        assert reading.study("mine").record.reason == reason
        path.rename(tmp_path / f"{reason}.db")
    with pytest.raises(StoreError, match="no store at"):
        reading.study("mine")


def test_due_never_waits_and_is_told_once_it_is_known(reading, store, monkeypatch):
    from osetra.ui import dues

    fill(store, state=StudyState.FINISHED, facts={"best": 7})
    go, told = threading.Event(), threading.Event()

    def look(study, policy):
        assert go.wait(10)
        return (study.name, policy.days)

    monkeypatch.setattr(dues, "due", look)
    mine = Dues(lambda _: told.set())
    assert mine.get("mine", lambda: reading.study("mine")) is None
    go.set()
    assert told.wait(10)
    assert mine.get("mine", lambda: reading.study("mine")) == ("mine", 90.0)

    def lost():
        raise StudyError("no study is named that")

    told.clear()
    assert mine.get("other", lost) is None
    assert told.wait(10)
    assert mine.get("other", lost) is None


def test_the_version_is_asked_of_the_store_a_few_times_a_second_only(store, monkeypatch):
    fill(store)
    asked = []
    ask = store.version
    monkeypatch.setattr(store, "version", lambda name: asked.append(name) or ask(name))
    monkeypatch.setattr(module, "AT_MOST_OLD_S", 0.2)
    reading = Reading(store, "mine.db")
    until = time.monotonic() + 0.1
    while time.monotonic() < until:
        reading.version("mine")
    assert 1 <= len(asked) <= 2


def test_what_a_browser_is_handed_goes_with_its_figure_and_has_no_digits_that_cannot_be_seen(reading, store):
    import gc

    from osetra.ui import drawn as module

    fill(store)
    made = reading.study("mine").plot.curves()
    handed = json.loads(drawn(made))
    best = next(trace for trace in handed["data"] if trace["name"].startswith("best, trial"))
    errors = [record.dev_error for record in store.curve("mine", 7)]
    assert best["y"] == [float(f"{error:.6g}") for error in errors] != errors
    assert handed["layout"]["height"] == made.layout.height - module.TITLE
    assert "title" not in handed["layout"]
    key = id(made)
    assert key in module._DRAWN
    del made
    gc.collect()
    assert key not in module._DRAWN
