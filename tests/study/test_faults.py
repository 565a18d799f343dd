"""What fails under a study is said, and what it leaves behind is cleared by the one that goes on with it."""

import os
import resource
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

import osetra
from osetra.core.errors import StoreError, StudyError
from osetra.core.records import Study, StudyState, Task
from osetra.models.files import remove_leftovers
from osetra.store.memory import MemoryStore
from osetra.store.sql import open_store
from osetra.study import keeping, loop
from osetra.study.keeping import Keeping

OPTIONS = {"epochs": 60, "epochs_per_trial": 9, "seed": 5, "study": "mine"}


def rows(count: int = 300) -> pd.DataFrame:
    generator = np.random.default_rng(3)
    a, b, c = generator.normal(size=(3, count))
    return pd.DataFrame({"a": a, "b": b, "c": c, "label": np.where(a * b + 0.5 * c > 0, "yes", "no")})


def a_study(name: str) -> Study:
    return Study(
        name=name, state=StudyState.RUNNING, created=datetime.now(UTC), task=Task.BINARY, target="y", source="x", seed=1, error_name="e"
    )  # fmt: skip


@pytest.mark.parametrize("is_deleted", [True, False])
def test_a_store_that_is_not_where_it_was_is_not_written(is_deleted, tmp_path):
    place = tmp_path / "s.db"
    with closing(open_store(place)) as store:
        store.create_study(a_study("one"))
        for path in list(tmp_path.iterdir()):
            path.unlink() if is_deleted else path.rename(tmp_path / f"away-{path.name}")
        with pytest.raises(StoreError, match=r"must stay where it was opened, and .*s\.db was moved or deleted meanwhile; put it back"):
            store.create_study(a_study("two"))
        assert not place.exists()
        if not is_deleted:
            for path in list(tmp_path.iterdir()):
                path.rename(tmp_path / path.name.removeprefix("away-"))
            store.create_study(a_study("two"))
            assert {summary.study.name for summary in store.studies()} == {"one", "two"}


def test_a_store_with_another_in_its_place_is_not_written(tmp_path):
    place = tmp_path / "s.db"
    with closing(open_store(place)) as store:
        store.create_study(a_study("one"))
        shutil.copy(place, tmp_path / "copy")
        (tmp_path / "copy").replace(place)
        with pytest.raises(StoreError, match="moved or deleted meanwhile"):
            store.create_study(a_study("two"))


def test_checkpoints_that_were_not_dropped_before_a_break_are_dropped_after_it():
    kept = Keeping(1000, 5.0, known=[(1, 2, 100, 3.0), (1, 4, 100, 7.0), (2, 1, 100, 6.0)])
    assert not kept.is_due(1, 11.9)
    assert kept.is_due(1, 12.0)
    assert kept.strays == [(1, 2)]
    assert kept.keep(1, 6, 100, 12.0) == [(1, 4)]
    assert kept.forget(1) == [(1, 6)]
    # Those from before count in the budget of bytes.
    assert kept.keep(3, 1, 950, 5.0) == [(2, 1)]


def broken_off(folder, monkeypatch) -> None:
    """A study that was interrupted, with a checkpoint of every trial that waits."""
    monkeypatch.setattr(keeping, "KEEP_EVERY_S", 0.0)
    rows().to_csv(folder / "rows.csv", index=False)
    asked = iter(range(10**9))
    osetra.fit(
        folder / "rows.csv", "label", store=folder / "s.db", models=folder / "models", interrupted=lambda: next(asked) > 6, **OPTIONS
    ).store.close()


def test_a_trial_whose_checkpoint_is_damaged_is_trained_from_its_start(tmp_path, monkeypatch):
    rows().to_csv(tmp_path / "rows.csv", index=False)
    whole = osetra.fit(tmp_path / "rows.csv", "label", **OPTIONS)
    broken_off(tmp_path, monkeypatch)
    with closing(sqlite3.connect(tmp_path / "s.db")) as connection:
        assert connection.execute("UPDATE checkpoint_data SET data = zeroblob(100)").rowcount > 0
        connection.commit()
    study = osetra.resume("mine", tmp_path / "s.db")
    assert {(t.number, t.state, t.epochs, t.dev_loss) for t in study.trials()} == {
        (t.number, t.state, t.epochs, t.dev_loss) for t in whole.trials()
    }


def test_a_study_that_is_stopped_before_it_is_where_it_was_loses_nothing(tmp_path, monkeypatch):
    broken_off(tmp_path, monkeypatch)
    before = osetra.Study.open("mine", tmp_path / "s.db")
    study = osetra.resume("mine", tmp_path / "s.db", interrupted=lambda: True)
    assert study.facts["epochs"] >= before.facts["epochs"] > 0
    assert len(study.trials()) >= len(before.trials())
    assert study.best.dev_error <= before.best.dev_error


def test_a_test_error_is_recorded_once_however_often_a_study_breaks_off_behind_it(tmp_path, monkeypatch):
    rows().to_csv(tmp_path / "rows.csv", index=False)
    study = osetra.fit(tmp_path / "rows.csv", "label", store=tmp_path / "s.db", models=tmp_path / "models", **OPTIONS)
    # As if killed just before its end was recorded, and in the middle of saving the model once more.
    study.store.update_study(replace(study.record, state=StudyState.RUNNING, finished=None))
    (tmp_path / "models" / ".mine.0123abcd.new").mkdir()
    study.store.close()
    again = osetra.resume("mine", tmp_path / "s.db")
    assert again.record.state is StudyState.FINISHED
    assert [event.kind for event in again.events()].count("tested") == 1
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["mine"]


def test_only_what_saves_leave_is_removed_beside_a_model(tmp_path):
    for name in (".mine.0123abcd.new", ".mine.0123abcd.old", ".mine.0123abcd.txt", ".mine.new", ".other.0123abcd.new", "mine"):
        (tmp_path / name).mkdir()
    remove_leftovers(tmp_path / "mine")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".mine.0123abcd.txt", ".mine.new", ".other.0123abcd.new", "mine"]


FILLED = """
import osetra
try:
    osetra.fit("rows.csv", "label", store="s.db", models="models", memory=1, space={"hidden_units": 300}, **%r)
except osetra.core.errors.StoreError as error:
    print(error)
"""


def test_a_disk_that_fills_up_with_trials_that_wait_costs_nothing_that_was_recorded(tmp_path):
    """A process that may write no large file stands in for the disk; the store's own file stays small."""
    rows().to_csv(tmp_path / "rows.csv", index=False)
    limit = (600_000, resource.getrlimit(resource.RLIMIT_FSIZE)[1])
    done = subprocess.run(
        [sys.executable, "-c", FILLED % OPTIONS], cwd=tmp_path, capture_output=True, text=True, timeout=120,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit), env={**os.environ, "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "trials that wait beyond the memory given need room on disk" in done.stdout
    assert f"could not be written to {tmp_path}" in done.stdout
    assert "and resume the study" in done.stdout
    assert not list(tmp_path.glob("osetra-paused-*"))
    before = osetra.Study.open("mine", tmp_path / "s.db")
    assert before.record.state is StudyState.FAILED
    assert before.record.reason in done.stdout
    kept = {trial.number: list(before.curve(trial.number)) for trial in before.trials()}
    assert sum(len(curve) for curve in kept.values()) > 0
    study = osetra.resume("mine", tmp_path / "s.db")
    assert study.record.state is StudyState.FINISHED
    assert all(list(study.curve(number))[: len(curve)] == curve for number, curve in kept.items())
    whole = osetra.fit(tmp_path / "rows.csv", "label", space={"hidden_units": 300}, **OPTIONS)
    assert {(t.number, t.state, t.epochs, t.dev_loss) for t in study.trials()} == {
        (t.number, t.state, t.epochs, t.dev_loss) for t in whole.trials()
    }


class TakenOver(MemoryStore):
    """Once trial 0 has some epochs, somebody else holds the study, as after a stall of the one that trains it."""

    before = None

    def claim(self, study, owner):
        super().claim(study, owner)
        self.owner = owner

    def update(self, facts):
        if self.before is None and self.studies() and any(trial.epochs > 2 for trial in self.trials("mine")):
            self.release("mine", self.owner)
            super().claim("mine", "another")
            self.before = self.all()

    def notice(self, text):
        pass

    def all(self):
        return self.study("mine"), list(self.trials("mine")), list(self.events("mine")), list(self.commands("mine"))


def test_a_study_that_another_took_over_is_not_written_by_who_had_it(monkeypatch):
    monkeypatch.setattr(loop, "FLUSH_S", 0.0)
    store = TakenOver()
    told = r"must hold study 'mine' to write it, and does not \(any more\): it is written by 'another'.*resume the study later"
    with pytest.raises(StudyError, match=told):
        osetra.fit(rows(), "label", store=store, progress=store, **OPTIONS)
    assert store.all() == store.before
    assert store.study("mine").state is StudyState.RUNNING
    store.beat("mine", "another")


def test_the_store_of_a_study_that_came_to_its_end_is_free_again():
    store = MemoryStore()
    study = osetra.fit(rows(), "label", store=store, **{**OPTIONS, "epochs": 9})
    assert study.store is store
    store.claim("mine", "another")
    study.store.update_study(study.record)
