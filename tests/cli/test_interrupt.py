"""Ctrl-C, as a terminal sends it: to the whole process group."""

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from osetra.cli.fit import run_fit
from osetra.core.errors import OsetraError, StudyError
from osetra.core.records import StudyState, TrialState
from osetra.models.files import load
from osetra.store.sql import open_store

from .calls import COMMAND, contents, environment

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals to process groups are POSIX")
PATIENCE_S = 60.0


def begin(folder, *arguments, **variables):
    command = [COMMAND, "fit", "people.csv", "--target", "label", *map(str, arguments)]
    return subprocess.Popen(
        command, cwd=folder, env=environment(**variables), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def interrupt(process):
    os.killpg(process.pid, signal.SIGINT)


def wait_until(true, process):
    """Returns the first answer that is true; fails if the process ends before."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if answer := true():
            return answer
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    process.kill()
    raise AssertionError(f"nothing in {PATIENCE_S:.0f} s: {process.communicate()}")


def recorded(folder) -> Any:
    """The study and its trials, None while there is none."""
    if not (folder / "osetra.db").exists():
        return None
    try:
        store = open_store(folder / "osetra.db", create=False, read_only=True)
        try:
            return [(summary.study, store.trials(summary.study.name)) for summary in store.studies()]
        finally:
            store.close()
    except OsetraError:  # it is being made
        return None


@pytest.fixture
def folder(home, tmp_path):
    (tmp_path / "people.csv").write_bytes((home / "people.csv").read_bytes())
    return tmp_path


def test_ctrl_c_during_the_search_keeps_the_best_so_far(folder):
    process = begin(folder, "--budget", "10m", "--epochs-per-trial", 20)

    def trained():
        studies = recorded(folder)
        return studies and any(trial.state is TrialState.FINISHED for trial in studies[0][1])

    wait_until(trained, process)
    interrupt(process)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, err
    assert "Traceback" not in err
    assert "Interrupted: the best of" in err
    assert "was kept, and study people is marked as stopped" in err
    assert "osetra resume people" in err
    assert "Leaderboard" in out
    ((study, trials),) = recorded(folder)
    assert study.state is StudyState.STOPPED
    assert study.reason == "interrupted"
    assert all(trial.state.is_over for trial in trials)
    assert set(load(folder / "models/people").classes) == {"yes", "no"}


def test_ctrl_c_during_compilation_leaves_nothing_behind(folder, tmp_path_factory):
    before = contents(folder)
    process = begin(folder, "--trials", 1, OSETRA_CACHE_DIR=str(tmp_path_factory.mktemp("cache")))
    assert process.stderr is not None
    lines = iter(process.stderr.readline, "")
    assert any(line.startswith("Compiling the training engine") for line in lines)
    interrupt(process)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert "osetra: interrupted before there was a model" in err
    assert out == ""
    assert contents(folder) == before


def test_ctrl_c_during_the_first_trial_keeps_its_best_epoch(folder):
    process = begin(folder, "--trials", 1, "--epochs-per-trial", 100_000, "--set", "batch_size=1", "--set", "hidden_units=256")
    wait_until(lambda: (studies := recorded(folder)) and any(trial.epochs for trial in studies[0][1]), process)
    interrupt(process)
    _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, err
    assert "the best of 1 trial so far was kept" in err
    ((_, (trial,)),) = recorded(folder)
    assert trial.state is TrialState.STOPPED


OPTIONS = {
    "target": ["label"], "edits": [], "sizes": None, "test": None, "no_test": False, "class_weight": None, "as_json": False,
    "store": "osetra.db",
}  # fmt: skip


def interrupted_fit(monkeypatch, capsys, fit):
    """What `run_fit` says if `fit` goes as given."""
    monkeypatch.setattr("osetra.study.fit.fit", fit)
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(SystemExit) as left:
        run_fit(Path("people.csv"), **OPTIONS)
    assert left.value.code == 130
    assert signal.getsignal(signal.SIGINT) is before
    return capsys.readouterr().err


def test_ctrl_c_before_any_epoch_is_done_says_why_there_is_no_model(monkeypatch, capsys):
    def fit(*_, interrupted, **__):
        assert not interrupted()
        signal.raise_signal(signal.SIGINT)
        assert interrupted()
        raise StudyError("study 'people' has no model: no trial completed an epoch")

    assert "interrupted before there was a model: study 'people' has no model" in interrupted_fit(monkeypatch, capsys, fit)


def test_a_second_ctrl_c_stops_at_once(monkeypatch, capsys):
    def fit(*_, interrupted, **__):
        interrupted()
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        raise AssertionError("it went on")

    assert "interrupted before there was a model; what was recorded is kept" in interrupted_fit(monkeypatch, capsys, fit)


def test_a_mistake_is_not_taken_for_ctrl_c(monkeypatch):
    def fit(*_, **__):
        raise StudyError("a mistake")

    monkeypatch.setattr("osetra.study.fit.fit", fit)
    with pytest.raises(StudyError, match="a mistake"):
        run_fit(Path("people.csv"), **OPTIONS)
