"""`osetra watch`: what a frame shows, and when the watching ends."""

import io
import math
import os
import signal
import subprocess
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from rich.console import Console

from osetra.cli.watch import HEIGHT, MARK, POINT, chart, frame
from osetra.core.records import EpochRecord, Event, StudyState, Task, Trial, TrialState
from osetra.core.records import Study as StudyRecord
from osetra.store.sql import open_store
from osetra.study.handle import Study
from osetra.study.heard import heard

from .calls import COMMAND, environment, osetra_here

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def point(epoch, error):
    return EpochRecord(epoch=epoch, train_cost=1.0, train_error=0.1, dev_loss=1.0, dev_error=error, seconds=0.1)


@pytest.fixture
def running(tmp_path):
    """A folder with a store, in it a study that runs, whose trial 3 was steered."""
    store = open_store(tmp_path / "osetra.db")
    study = StudyRecord(
        name="mine", state=StudyState.RUNNING, created=datetime.now(UTC), task=Task.BINARY, target="label[red]", source="rows.csv", seed=0,
        error_name="error rate", facts={"budget": {"seconds": 90.0, "trials": 20, "epochs": 400}},
    )  # fmt: skip
    store.create_study(study)
    paused, error = TrialState.PAUSED, {"configuration": {}, "dev_error": 0.5}
    trials = [Trial(number=number, state=paused, reason="waits at epoch 1", epochs=1, **error) for number in (0, 1)]
    trials.append(Trial(number=2, configuration={}, state=TrialState.DIVERGED, epochs=1))
    trials.append(Trial(number=3, state=TrialState.RUNNING, reason="in hand", epochs=4, **{**error, "dev_error": 0.125}))
    trials.append(Trial(number=4, state=paused, reason="paused by ada after epoch 2", epochs=2, **error))
    change = {"epoch": 2, "settings": {"l2": 3.0}, "old": {"l2": 1.0}, "total": None, "why": "overfits"}
    store.record(
        "mine", trials=trials, epochs={3: [point(n + 1, error) for n, error in enumerate((0.5, 0.25, 0.125, math.nan))]},
        events=[Event(trial=3, epoch=2, kind="set", detail=change, who="ada", at=NOW)],
    )  # fmt: skip
    yield tmp_path, store, study
    store.close()


def test_one_frame_shows_progress_the_best_and_what_trains(running):
    out = osetra_here(running[0], "watch", "mine", "--once").succeeded().out
    assert out.startswith("mine: binary classification of label[red], running\n")
    assert "5 trials (1 running, 3 paused, 1 diverged) · 1 of 20 over · 9 epochs of 400 · " in out
    assert " of 1 min 30 s\n" in out
    assert "best dev error rate 12.50 %, trial 3" in out
    rows = [line.split() for line in out.splitlines() if line.lstrip().startswith(("3 ", "4 ", "0 "))]
    # People's own first, then what trains; what waits for the search is not shown.
    assert [row[:2] for row in rows] == [["4", "2"], ["3", "4"]]
    assert rows[1][2:] == ["█▃▁", "12.50", "%", "in", "hand"]
    assert POINT not in out


def test_a_chosen_trial_is_shown_with_its_curve_and_what_was_done_to_it(running):
    out = osetra_here(running[0], "watch", "mine", 3, "--once").succeeded().out
    assert "Trial 3: running, in hand, 4 epochs" in out
    assert out.count(POINT) == 3
    assert "└─▲──" in out
    assert "ada set l2 from 1 to 3 (overfits)" in out
    assert "has no trial 9" in osetra_here(running[0], "watch", "mine", 9, "--once").refused()


@pytest.mark.parametrize("number", [None, 3])
def test_a_frame_fits_a_terminal(number, running):
    folder, store, _ = running
    more = [Trial(number=n, configuration={}, state=TrialState.RUNNING, epochs=1) for n in range(10, 40)]
    events = [Event(trial=3, epoch=3, kind="paused", detail={"why": ""}, who="ada", at=NOW) for _ in range(20)]
    store.record("mine", trials=more, events=events)
    study, console = Study.open("mine", folder / "osetra.db"), Console(file=io.StringIO(), width=80, height=24)
    lines = console.render_lines(frame(study, number, console, how=heard(study), height=24))
    assert 16 <= len(lines) <= 24
    if number is not None:
        assert any("ada had it stand still" in "".join(segment.text for segment in line) for line in lines)
        assert len(console.render_lines(frame(study, number, console, how=heard(study)))) > 24


def test_a_chart_lies_within_its_width_and_marks_epochs_where_they_are():
    curve = [point(epoch, 1 / epoch) for epoch in range(1, 201)]
    event = Event(trial=0, epoch=100, kind="paused", at=NOW)
    lines = chart(curve, [event], "error rate", 40)
    assert len(lines) == HEIGHT + 2
    left = lines[0].index("│") + 1
    assert max(map(len, lines)) <= left + 40
    assert lines[0][left] == POINT
    assert lines[HEIGHT - 1][-1] == POINT
    assert lines[HEIGHT].index(MARK) - left == 99 * 40 // 200
    assert chart([point(1, math.nan)], [], "error rate", 40) == []


def test_a_study_that_has_ended_is_shown_once_and_the_watching_ends(home):
    out = osetra_here(home, "watch", "people").succeeded().out
    assert "people: binary classification of label, finished" in out
    assert "5 of 5 over" in out


@pytest.mark.skipif(os.name != "posix", reason="Ctrl-C as a signal is POSIX")
@pytest.mark.parametrize("how", ["the study ends", "Ctrl-C"])
def test_the_watching_ends_with_the_study_or_with_ctrl_c_and_the_last_frame_stays(how, running):
    folder, store, study = running
    process = subprocess.Popen(
        [COMMAND, "watch", "mine"], cwd=folder, env=environment(FORCE_COLOR="1"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    first = next(line for line in process.stdout if "running" in line)
    assert "mine" in first
    if how == "Ctrl-C":
        # It draws between two signs of life; a signal at any moment after the first frame ends it.
        process.send_signal(signal.SIGINT)
    else:
        store.update_study(replace(study, state=StudyState.STOPPED))
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert err == ""
    assert ("stopped" in out) == (how != "Ctrl-C")
