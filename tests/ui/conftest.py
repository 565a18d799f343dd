"""Dashboards to look at, each `osetra ui` in a process of its own.

For every test of the dashboard: `dashboard_url(store, folder)` starts one and returns its address, such as http://127.0.0.1:43127; the same
store and folder get the same one again. All end with the session. `demo_home` is a folder with a small finished study to look at.
"""

import contextlib
import math
import re
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cli.calls import COMMAND, environment, osetra_here
from cli.conftest import people
from osetra.core.records import (
    Checkpoint,
    Command,
    CommandState,
    EpochRecord,
    Event,
    Study,
    StudyState,
    Task,
    Trial,
    TrialState,
)
from osetra.store.sql import open_store

START_S = 60.0


class Served:
    """An `osetra ui` that runs."""

    def __init__(self, store: Path, folder: Path, *options: str, **variables: str) -> None:
        # What it prints goes to a file, so that nothing waits for it to be read.
        self.log = Path(f"{store}.{time.monotonic_ns()}.log")
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [COMMAND, "ui", "--store", str(store), "--folder", str(folder), "--port", "0", *options],
                cwd=folder, env=environment(**variables), stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            )  # fmt: skip
        end = time.monotonic() + START_S
        while (found := re.search(r" is at (http://\S+)\n", self.said)) is None:
            assert self.process.poll() is None, self.said
            assert time.monotonic() < end, f"no address after {START_S} s: {self.said}"
            time.sleep(0.05)
        self.entrance = found[1]
        """As printed, with the token where there is one."""
        self.url = self.entrance.partition("/login")[0]

    @property
    def said(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@pytest.fixture(scope="session")
def serving() -> Iterator[Callable[..., Served]]:
    """`serving(store, folder, *options, **variables)` starts an `osetra ui` with these options and environment variables."""
    served: list[Served] = []

    def start(store: Path, folder: Path, *options: str, **variables: str) -> Served:
        served.append(Served(Path(store), Path(folder), *options, **variables))
        return served[-1]

    yield start
    for one in served:
        one.end()


@pytest.fixture(scope="session")
def dashboard_url(serving: Callable[..., Served]) -> Callable[[Path, Path], str]:
    """`dashboard_url(store, folder)`: the address of a dashboard of this store and working folder."""
    known: dict[tuple[Path, Path], Served] = {}

    def url(store: Path, folder: Path) -> str:
        key = (Path(store), Path(folder))
        if key not in known:
            known[key] = serving(*key)
        return known[key].url

    return url


ODD = 'a/b "<script>alert(1)</script>" 50% ü'
"""The name of a study that leaves nothing to chance."""


@pytest.fixture(scope="session")
def demo_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `people.csv` and `osetra.db`, which holds the finished study `people` of 24 trials with its model, and one of an odd
    name, made by hand, with numbers that are not finite, a command and a checkpoint. Not to be changed."""
    folder = tmp_path_factory.mktemp("demo")
    people().to_csv(folder / "people.csv", index=False)
    bounds = ("--trials", 24, "--epochs-per-trial", 4, "--no-finals", "--workers", 1)
    osetra_here(folder, "fit", "people.csv", "--target", "label", "--models", folder / "models", *bounds).succeeded()
    _add_odd(folder / "osetra.db")
    return folder


def copy_store(of: Path, to: Path) -> Path:
    """The whole store at another place, also where part of it is in a log beside it still."""
    with contextlib.closing(sqlite3.connect(of)) as source, contextlib.closing(sqlite3.connect(to)) as made:
        source.backup(made)
    return to


def _add_odd(path: Path) -> None:
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    study = Study(
        name=ODD, state=StudyState.STOPPED, reason="by hand", created=at, task=Task.REGRESSION, target="<b>y</b>", source="in memory",
        seed=2**70, error_name="RMSE", facts={"space": {"learning_rate": {"log": [1e-4, 0.1]}, "optimizer": "adam"}, "loss": math.nan},
    )  # fmt: skip
    values = {"learning_rate": 0.01, "optimizer": "adam"}
    trials = [
        Trial(number=0, configuration=values, state=TrialState.FINISHED, epochs=2, best_epoch=2, dev_error=1.5),
        Trial(number=1, configuration={**values, "learning_rate": 0.1}, state=TrialState.DIVERGED, reason="<img src=x>", seconds=1.0),
    ]  # fmt: skip
    curve = [
        EpochRecord(epoch=1, train_cost=math.inf, train_error=math.nan, dev_loss=-math.inf, dev_error=2.0, seconds=0.1),
        EpochRecord(epoch=2, train_cost=1.0, train_error=1.0, dev_loss=1.0, dev_error=1.5, seconds=0.1),
    ]
    kept = Checkpoint.of(b"weights", trial=0, epoch=2, why="asked", step=8, at=at)
    events = [Event(trial=0, epoch=1, kind="probe", detail={"layers": [{"gradient_norm": math.nan}]}, at=at)]
    store = open_store(path)
    try:
        store.create_study(study)
        store.record(ODD, trials=trials, epochs={0: curve}, events=events, checkpoints=[(kept, b"weights")])
        asked = Command(trial=0, kind="set", detail={"settings": {"learning_rate": 0.02}}, why="<script>", who="ann", at=at)
        store.add_command(ODD, asked)
        answered = store.add_command(ODD, replace(asked, kind="pause", detail={}))
        store.answer_command(ODD, answered, state=CommandState.REFUSED, answer="it is over", at=at)
    finally:
        store.close()
