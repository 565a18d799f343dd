"""Objectives in processes of their own: used again, replaced when something went wrong, gone when ended."""

import os
import threading
import time
from contextlib import closing

import pytest

from osetra.core.errors import StudyError
from osetra.executors.objective import Began, Call, Ended, Reported
from osetra.executors.processes import Processes
from osetra.executors.threads import available_cores


def call(number, **options):
    return Call(
        **{"number": number, "configuration": {}, "start": 0, "until": 1, "epochs": None, "seed": 7, "folder": "/nowhere"} | options
    )


def heard(processes, ends=1):
    """All messages until so many calls have ended."""
    said = []
    while sum(isinstance(message, Ended) for message in said) < ends:
        said += processes.poll(1.0)
    return said


def value_of(processes, number):
    processes.start(call(number))
    return heard(processes)[-1].value


def test_a_call_begins_reports_and_ends_and_its_seconds_are_measured_there():
    def objective(trial):
        for epoch in (1, 2):
            time.sleep(0.05)
            trial.report(epoch / 2, epoch)

    with closing(Processes(objective, workers=1)) as processes:
        processes.start(call(5, until=2, epochs=2))
        assert not processes.has_room
        began, first, second, ended = heard(processes)
        assert processes.has_room
    assert began == Began(number=5)
    assert [(r.number, r.epoch, r.value) for r in (first, second)] == [(5, 1, 0.5), (5, 2, 1.0)]
    assert all(isinstance(r, Reported) and r.seconds >= 0.05 for r in (first, second))
    assert (ended.value, ended.failure) == (None, "")
    assert ended.seconds >= 0.1


def test_a_process_serves_call_after_call_until_something_goes_wrong_in_it():
    def objective(trial):
        if trial.number == 2:
            raise RuntimeError("the device is lost")
        return os.getpid()

    with closing(Processes(objective, workers=1)) as processes:
        first, second = value_of(processes, 0), value_of(processes, 1)
        assert first == second
        processes.start(call(2))
        assert heard(processes)[-1].failure == "RuntimeError: the device is lost"
        assert value_of(processes, 3) != first


def test_calls_run_side_by_side_and_one_is_ended_without_the_other():
    def objective(trial):
        while trial.number == 0:
            time.sleep(0.01)
        return 1.0

    with closing(Processes(objective, workers=2)) as processes:
        processes.start(call(0))
        processes.start(call(1))
        assert heard(processes)[-1].number == 1
        processes.end(0)
        assert processes.has_room
        assert value_of(processes, 2) == 1.0


def test_an_objective_is_told_to_stop_while_it_computes():
    def objective(trial):
        while not trial.should_stop:
            time.sleep(0.005)
        return 3.0

    with closing(Processes(objective, workers=1)) as processes:
        processes.start(call(0))
        while Began(number=0) not in processes.poll(1.0):
            pass
        processes.ask_to_stop()
        assert heard(processes)[-1].value == 3.0


def test_each_process_computes_on_its_share_of_the_cores_unless_the_user_said_how_many(monkeypatch):
    def objective(trial):
        return int(os.environ["OMP_NUM_THREADS"])

    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    with closing(Processes(objective, workers=1)) as processes:
        assert value_of(processes, 0) == available_cores()
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    with closing(Processes(objective, workers=2)) as processes:
        assert value_of(processes, 0) == 3


def test_nothing_of_the_script_that_begins_a_process_runs_in_it(tmp_path):
    """Nor does it need a guard for its main part."""
    import subprocess
    import sys

    script = tmp_path / "script.py"
    script.write_text(
        "import osetra\n"
        "print('here')\n"
        "factor = 2\n"
        "def objective(trial):\n"
        "    return factor * trial.params['x']\n"
        "print(osetra.optimize(objective, {'x': osetra.choice(1.0, 4.0)}, trials=2, workers=2).best.value)\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["here", "2.0"]
    assert done.stderr == ""


def test_what_pickle_cannot_carry_is_refused_with_what_to_do():
    lock = threading.Lock()
    with pytest.raises(StudyError, match=r"make what it cannot carry \(open files, locks, connections\) inside the function"):
        Processes(lambda trial: lock.locked(), workers=1)
