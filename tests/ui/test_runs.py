"""Fits started from the dashboard: real processes, and what may be asked of them."""

import os
import shlex
import signal
import sys
import time

import pytest

from cli.conftest import people
from osetra.core.errors import DataError, OsetraError, StudyError
from osetra.store.sql import open_store
from osetra.ui import runs as module
from osetra.ui.files import Files
from osetra.ui.runs import Runs

PATIENCE_S = 90.0
SHORT = {"target": "label", "trials": 2, "epochs_per_trial": 2, "no_finals": True, "workers": 1}
LONG = {"target": "label", "trials": 2, "epochs_per_trial": 1_000_000, "patience": 0, "no_finals": True, "workers": 1}


def wait_for(what, is_so):
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if is_so():
            return
        time.sleep(0.05)
    raise AssertionError(f"not so after {PATIENCE_S} s: {what}")


@pytest.fixture
def folder(tmp_path):
    work = tmp_path / "work"
    work.mkdir()
    people().to_csv(work / "people.csv", index=False)
    return work


@pytest.fixture
def runs(folder, tmp_path):
    made = Runs(str(tmp_path / "my.db"), Files(folder))
    yield made
    if made.current is not None and made.current.is_running:
        made.stop()
        wait_for("the fit ends", lambda: not made.current.is_running)
    made.close()


@pytest.fixture
def recorded(monkeypatch, folder, tmp_path):
    """Commands of processes that only say what they were given."""
    monkeypatch.setattr(sys, "executable", str(_echo(tmp_path)))
    made = Runs(str(tmp_path / "my.db"), Files(folder))

    def arguments(start):
        start(made)
        wait_for("it has ended", lambda: not made.current.is_running)
        return made.current.output.splitlines()

    yield arguments
    made.close()


def _echo(folder, body='printf "%s\\n" "$@"'):
    path = folder / "echo.sh"
    path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def test_a_fit_runs_to_its_end_with_a_study_and_a_model(runs, folder, tmp_path):
    began = runs.start_fit("people.csv", edits={"hidden_units": "8"}, **SHORT)
    assert (began.kind, began.study, began.is_running, began.sentence) == ("fit", "people", True, "The fit runs")
    wait_for("the fit ends", lambda: not runs.current.is_running)
    ended = runs.current
    assert (ended.code, ended.sentence) == (0, "The fit has ended"), ended.output
    assert "Leaderboard" in ended.output
    store = open_store(tmp_path / "my.db", read_only=True)
    assert store.study("people").facts["model"] == str(folder / "models" / "people")
    assert store.trial("people", 0).configuration["hidden_units"] == 8
    store.close()
    assert sorted(path.name for path in folder.iterdir()) == ["models", "people.csv"]
    # The next of the same data gets a name of its own; what cannot be done is told in the command's own words.
    with pytest.raises(StudyError, match="'people', which is taken"):
        runs.start_fit("people.csv", study="people", **SHORT)
    assert runs.resume("people").command.startswith("osetra resume")
    wait_for("it is refused", lambda: not runs.current.is_running)
    assert runs.current.code == 2
    assert "came to its end" in runs.current.sentence
    assert not runs.current.sentence.startswith("osetra:")


def test_a_fit_that_is_stopped_keeps_the_best_so_far_and_can_be_resumed(runs, tmp_path):
    runs.start_fit("people.csv", **LONG)
    with pytest.raises(StudyError, match="one fit at a time can be started here, and 'people' still runs"):
        runs.start_fit("people.csv", **SHORT)

    def trains():
        assert runs.current.is_running, runs.current.output
        if not (tmp_path / "my.db").exists():
            return False
        try:
            store = open_store(tmp_path / "my.db", read_only=True)
            return any(trial.epochs > 2 for trial in store.trials("people"))
        except OsetraError:
            return False

    wait_for("it trains", trains)
    runs.stop()
    assert runs.current.is_asked_to_stop
    wait_for("it ends", lambda: not runs.current.is_running)
    assert (runs.current.code, runs.current.sentence) == (0, "The fit was stopped; the best so far is kept"), runs.current.output
    store = open_store(tmp_path / "my.db", read_only=True)
    assert store.study("people").state == "stopped"
    store.close()


def test_a_process_is_in_a_session_of_its_own_and_does_not_hear_the_dashboards_signals(runs):
    runs.start_fit("people.csv", **LONG)
    number = runs._now._process.pid
    assert os.getsid(number) == number != os.getsid(0)
    os.kill(number, signal.SIGKILL)
    wait_for("it has ended", lambda: not runs.current.is_running)
    assert "exit code -9" in runs.current.sentence or runs.current.output


@pytest.mark.parametrize("evil", ["--json", "--help", "-h", "--store=other.db", "; touch gone", "$(touch gone)", "a b", "'\""])
def test_no_name_or_value_is_taken_for_an_option_or_for_a_command(recorded, evil, folder):
    said = recorded(lambda runs: runs.start_fit("people.csv", study=evil, target=evil, drop=[evil, "b"], edits={"l2": evil}, seed=3))
    options, _, positional = said[: said.index("--")], said[said.index("--")], said[said.index("--") + 1 :]
    assert positional == [str(folder / "people.csv")]
    assert options[:4] == ["-P", "-m", "osetra", "fit"]
    assert f"--study={evil}" in options
    assert f"--target={evil}" in options
    assert options.count(f"--drop={evil}") == 1
    assert f"--set=l2={evil}" in options
    assert evil not in options
    assert not (folder / "gone").exists()


def test_a_data_file_named_like_an_option_is_a_file(recorded, folder):
    (folder / "--json.csv").write_bytes((folder / "people.csv").read_bytes())
    said = recorded(lambda runs: runs.start_fit("--json.csv", dev="people.csv"))
    assert said[-2:] == ["--", str(folder / "--json.csv")]
    assert f"--dev={folder / 'people.csv'}" in said


def test_resuming_and_applying_name_the_study_behind_the_options(recorded, demo_home, monkeypatch, folder):
    for start, begins in (
        (lambda runs: runs.resume("people"), ["resume"]),
        (lambda runs: runs.apply("people"), ["diagnose", "--apply"]),
        (lambda runs: runs.apply("people", budget="10s", until="10m"), ["diagnose", "--budget=10s", "--until=10m"]),
    ):
        made = Runs(str(demo_home / "osetra.db"), Files(folder))
        start(made)
        wait_for("it has ended", lambda made=made: not made.current.is_running)
        store = f"--store={demo_home / 'osetra.db'}"
        assert made.current.output.splitlines()[3:] == [*begins, store, "--", "people"]
        assert shlex.split(made.current.command) == ["osetra", *begins, store, "--", "people"]
        made.close()


@pytest.mark.parametrize("name", ["../people.csv", "/etc/passwd", "gone.csv", ""])
def test_only_data_of_the_working_folder_are_fitted(recorded, name, tmp_path, folder):
    (tmp_path / "people.csv").write_bytes((folder / "people.csv").read_bytes())
    for options in ({"data": name}, {"data": "people.csv", "dev": name or "x"}, {"data": "people.csv", "test": name or "x"}):
        with pytest.raises(DataError, match="choose"):
            recorded(lambda runs, options=options: runs.start_fit(**options))


def test_options_that_fit_has_not_or_that_are_not_for_pages_are_refused(recorded):
    for name in ("store", "models", "apply", "json"):
        with pytest.raises(StudyError, match=f"an option must be one of .*, got '{name}'"):
            recorded(lambda runs, name=name: runs.start_fit("people.csv", **{name: "x"}))


def test_an_unknown_study_is_not_resumed(demo_home, folder):
    runs = Runs(str(demo_home / "osetra.db"), Files(folder))
    with pytest.raises(StudyError, match="no study is named 'gone'"):
        runs.resume("gone")
    with pytest.raises(OsetraError, match="no store at"):
        Runs(str(folder / "none.db"), Files(folder)).apply("people")
    assert runs.current is None
    runs.stop()


def test_the_token_is_not_handed_on_and_nothing_of_the_folder_takes_the_place_of_python_s(monkeypatch, recorded, folder, tmp_path):
    monkeypatch.setenv("OSETRA_TOKEN", "a-token-that-is-long-enough")
    _echo(tmp_path, "env; pwd")
    said = recorded(lambda runs: runs.start_fit("people.csv"))
    assert not any("a-token-that-is-long-enough" in line for line in said)
    assert said[-1] == str(folder)


def test_a_module_of_the_working_folder_is_not_run(runs, folder):
    for name in ("random.py", "osetra.py", "numpy.py"):
        (folder / name).write_text("raise SystemExit('run from the working folder')", encoding="utf-8")
    runs.start_fit("people.csv", target="no such column")
    wait_for("it has ended", lambda: not runs.current.is_running)
    assert "no such column" in runs.current.sentence


def test_the_log_is_bounded_and_its_end_is_kept(monkeypatch, folder, tmp_path):
    monkeypatch.setattr(module, "MOST_LOG", 10_000)
    monkeypatch.setattr(module, "TAIL", 500)
    monkeypatch.setattr(
        sys,
        "executable",
        str(_echo(tmp_path, 'for i in $(seq 1 20000); do echo "line $i of many"; done; cat; echo "osetra: the last words"')),
    )
    runs = Runs(str(tmp_path / "my.db"), Files(folder))
    runs.start_fit("people.csv")
    sizes = []
    while runs.current.is_running:
        sizes.append(os.fstat(runs._now._log.fileno()).st_size)
        time.sleep(0.01)
    assert runs.current.output.endswith("line 20000 of many\nosetra: the last words\n")
    assert len(runs.current.output) <= 500
    assert os.fstat(runs._now._log.fileno()).st_size <= 10_000
    runs.close()
