"""A study that is killed goes on to the result of one that was not; nothing is trained twice that need not be."""

import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import osetra
from osetra.core.errors import StudyError
from osetra.core.records import StudyState
from osetra.store.memory import MemoryStore
from osetra.store.sql import open_store
from osetra.study.past import Past
from osetra.study.resume import spent_s
from osetra.study.writing import writing

OPTIONS = {"epochs": 60, "epochs_per_trial": 9, "seed": 5, "store": "s.db", "study": "mine"}
KILLED = """
import os, signal, sys
import osetra
from osetra.study.ledger import Ledger

enough, flush = int(sys.argv[1]), Ledger.flush

def killed_at(self):
    flush(self)
    if self._study == "mine" and self.epochs >= enough:
        os.kill(os.getpid(), signal.SIGKILL)

Ledger.flush = killed_at
import osetra.study.loop
osetra.study.loop.FLUSH_S = 0.0
if sys.argv[2] == "fit":
    osetra.fit("rows.csv", "label", epochs=60, epochs_per_trial=9, seed=5, store="s.db", study="mine", models="models")
else:
    osetra.resume("mine", "s.db")
"""


def rows(count: int = 400) -> pd.DataFrame:
    generator = np.random.default_rng(3)
    a, b, c = generator.normal(size=(3, count))
    return pd.DataFrame({"a": a, "b": b, "c": c, "label": np.where(a * b + 0.5 * c + 0.3 * generator.normal(size=count) > 0, "yes", "no")})


def told(study: osetra.Study) -> list[tuple[object, ...]]:
    """All that a study is, times apart."""
    return [
        (
            trial.number, dict(trial.configuration), trial.state, trial.reason, trial.epochs, trial.best_epoch, trial.dev_error,
            trial.dev_loss, trial.train_error,
            [(e.epoch, e.train_cost, e.train_error, e.dev_loss, e.dev_error) for e in study.curve(trial.number)],
            sorted((event.kind, event.epoch or 0) for event in study.events(trial.number)),
        )
        for trial in sorted(study.trials(), key=lambda trial: trial.number)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[osetra.Study, bytes]:
    folder = tmp_path_factory.mktemp("undisturbed")
    rows().to_csv(folder / "rows.csv", index=False)
    study = osetra.fit(
        folder / "rows.csv", "label", epochs=60, epochs_per_trial=9, seed=5, store=folder / "s.db", study="mine", models=folder / "models"
    )
    return study, (folder / "models" / "mine" / "weights.safetensors").read_bytes()


def run(folder: Path, epochs: int, verb: str) -> int:
    """Killed as soon as so many epochs are recorded."""
    return subprocess.run([sys.executable, "-c", KILLED, str(epochs), verb], cwd=folder, capture_output=True, timeout=120).returncode


@pytest.mark.parametrize("epochs", [(1,), (15, 35), (50,)])
def test_a_killed_study_goes_on_to_the_bits_of_an_undisturbed_one(epochs, undisturbed, tmp_path):
    rows().to_csv(tmp_path / "rows.csv", index=False)
    killed = [run(tmp_path, count, "fit" if not number else "resume") for number, count in enumerate(epochs)]
    assert killed == [-9] * len(epochs)
    assert osetra.Study.open("mine", tmp_path / "s.db").record.state is StudyState.RUNNING
    study = osetra.resume("mine", tmp_path / "s.db")
    whole, weights = undisturbed
    for one, other in zip(told(study), told(whole), strict=True):
        assert one == other
    assert study.record.state is StudyState.FINISHED
    assert (tmp_path / "models" / "mine" / "weights.safetensors").read_bytes() == weights
    assert study.test_error == whole.test_error


def test_an_interrupted_study_goes_on_too_and_what_is_known_is_not_trained_again(undisturbed, tmp_path, monkeypatch):
    from osetra.engines.native.engine import NativeEngine

    rows().to_csv(tmp_path / "rows.csv", index=False)
    asked = iter(range(10**9))
    osetra.fit(tmp_path / "rows.csv", "label", interrupted=lambda: next(asked) > 12, **{**OPTIONS, "store": tmp_path / "s.db"})
    recorded = sum(trial.epochs for trial in osetra.Study.open("mine", tmp_path / "s.db").trials())
    assert 0 < recorded < 60
    trained = []
    advance = NativeEngine.advance

    def counted(self, *given):
        trained.append(given)
        return advance(self, *given)

    monkeypatch.setattr(NativeEngine, "advance", counted)
    study = osetra.resume("mine", tmp_path / "s.db", workers=1)
    # Trials that go on have their weights brought back; no other epoch is trained twice.
    assert len(trained) < 60
    kept = [one[:3] + one[4:-1] for one in told(study)]
    assert kept == [one[:3] + one[4:-1] for one in told(undisturbed[0])]


def test_a_study_in_seconds_has_what_it_had_not_used(tmp_path):
    rows().to_csv(tmp_path / "rows.csv", index=False)
    began = time.monotonic()
    options = {**OPTIONS, "store": tmp_path / "s.db", "epochs": None, "budget": 4.0}
    osetra.fit(tmp_path / "rows.csv", "label", interrupted=lambda: time.monotonic() > began + 2.0, **options)
    with closing(open_store(tmp_path / "s.db", create=False)) as store:
        before = Past.of(store, "mine")
        study = store.study("mine")
        spent = spent_s(store, study.created, "mine")
    assert 0 < spent < 4
    again = osetra.resume("mine", tmp_path / "s.db")
    assert again.record.state is StudyState.FINISHED
    for number, curve in before.curves.items():
        assert list(again.curve(number))[: len(curve)] == list(curve)
    assert [event.kind for event in again.events()].count("resumed") == 1


def test_a_finished_study_is_not_resumed(undisturbed):
    study, _ = undisturbed
    with pytest.raises(StudyError, match=r"study 'mine' came to its end .*; begin another from it: warm_start='mine'"):
        osetra.resume("mine", study.store)


def test_a_study_that_another_works_on_is_refused(tmp_path):
    store = MemoryStore()
    asked = iter(range(10**9))
    osetra.fit(rows(), "label", interrupted=lambda: next(asked) > 12, **{**OPTIONS, "store": store})
    with writing(store, "mine"), pytest.raises(StudyError, match="mine"):
        osetra.resume("mine", store, data=rows())
    assert osetra.resume("mine", store, data=rows()).record.state is StudyState.FINISHED
