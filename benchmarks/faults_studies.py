"""The small studies of `faults.py`, what is kept of one, and in what two of them differ."""

import os
import shutil
import signal
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

NAME, STORE = "mine", "s.db"
FIRST_BRANCH = 1_000_000
FILES = (STORE, f"{STORE}-wal", f"{STORE}-shm")
FACTS = ("best", "dev", "test", "epochs", "trials", "train_error", "ended", "finals_results", "sentences", "divergence", "ensemble")
RESUMED = ("resumed",)
"""Kinds of events that only a study that broke off has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SmallStudy:
    options: Mapping[str, Any]
    target: str = "label"
    rows: int = 800
    faults: Mapping[str, Any] = field(default_factory=dict)
    """What its processes are told, killed or not."""


def _study(target: str = "label", *, faults: Mapping[str, Any] | None = None, **options: Any) -> SmallStudy:
    given = {"target": target, "drop": ["size" if target == "label" else "label"], "seed": 5, "epochs_per_trial": 9, **options}
    return SmallStudy(options=given, target=target, faults={"flush_s": 0.02, **(faults or {})})


STUDIES = {
    "waves": _study(epochs=110),
    "checkpoints": _study(epochs=90, faults={"keep_every_s": 0.0, "flush_s": 0.0}),
    "ensemble": _study(epochs=90, ensemble=True, finals=False, faults={"keep_every_s": 0.0}),
    "finals": _study(epochs=300, epochs_per_trial=8),
    "regression": _study("size", epochs=90),
    "sobol+asha": _study(epochs=90, strategy="sobol+asha", faults={"keep_every_s": 0.005}),
    "trials": _study(trials=10, strategy="sobol"),
    "seconds": _study(budget=5.0),
    "steered": _study(
        epochs=160,
        epochs_per_trial=40,
        patience=0,
        strategy="random",
        finals=False,
        faults={"flush_s": 0.001, "steered": True, "epoch_s": 0.004},
    ),
}
COMMANDS = (
    (3, "set", {"settings": {"learning_rate": 0.05}}),
    (8, "rollback", {"epoch": 4}),
    (6, "branch", {"settings": {"l2": 9.0}}),
)
"""What is asked of trial 0 once it has so many epochs, each when the one before is answered."""
EVENTS = {"set": "set", "rollback": "rolled back", "branch": "branched"}


def make_rows(folder: Path, count: int) -> None:
    """rows.csv: two classes with a curved border, and a number that grows the same way."""
    generator = np.random.default_rng(3)
    a, b, c, noise = generator.normal(size=(4, count))
    level = a * b + 0.5 * c + 0.3 * noise
    frame = pd.DataFrame({"a": a, "b": b, "c": c, "label": np.where(level > 0, "yes", "no"), "size": level})
    frame.to_csv(folder / "rows.csv", index=False)


class Person:
    """Gives the commands; in a study that goes on, those that it had not given yet."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def notice(self, text: str) -> None:
        pass

    def update(self, facts: Mapping[str, Any]) -> None:  # noqa: ARG002 -- it looks into the store
        from osetra.core.records import Command, CommandState

        given = self._store.commands(NAME)
        if len(given) == len(COMMANDS) or any(command.state is CommandState.WAITING for command in given):
            return
        epochs, kind, detail = COMMANDS[len(given)]
        if 0 < epochs <= max((trial.epochs for trial in self._store.trials(NAME) if trial.number == 0), default=0):
            self._store.add_command(NAME, Command(trial=0, kind=kind, detail=detail, who="ada", at=datetime.now(UTC)))


class Parabola:
    """An objective; the process of one of its trials is killed."""

    def __init__(self, dies: int | None) -> None:
        self.dies = dies

    def __call__(self, trial: Any) -> float:
        if trial.number == self.dies:
            os.kill(os.getpid(), signal.SIGKILL)
        return float(trial.params["x"] ** 2)


Kept = dict[str, dict[tuple[Any, ...], tuple[Any, ...]]]
"""By table, by key: the row."""
_KEYS = {"trials": ("number",), "epochs": ("trial", "epoch"), "events": ("id",), "studies": ("id",), "checkpoints": ("trial", "epoch")}


def peek(folder: Path) -> Kept | None:
    """What the store holds now, read from a copy, so that whoever comes next finds it as it was left; None where there is none yet.

    Raises sqlite3.DatabaseError for a store that is damaged.
    """
    with tempfile.TemporaryDirectory() as copy:
        for name in FILES[:2]:
            if (folder / name).exists():
                shutil.copy(folder / name, copy)
        place = Path(copy) / STORE
        if not place.exists():
            return None
        with closing(sqlite3.connect(place)) as connection:
            [answer] = connection.execute("PRAGMA integrity_check").fetchone()
            if answer != "ok" or connection.execute("PRAGMA foreign_key_check").fetchone():
                raise sqlite3.DatabaseError(f"integrity_check: {answer}")
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if not set(_KEYS) <= tables:
                return None
            kept: Kept = {}
            for table, key in _KEYS.items():
                found = connection.execute(f"SELECT * FROM {table}")
                names = [column[0] for column in found.description]
                rows = [dict(zip(names, row, strict=True)) for row in found]
                kept[table] = {tuple(row[name] for name in key): tuple(row.items()) for row in rows}
            return kept


def lost(before: Kept | None, now: Kept | None) -> list[str]:
    """What was recorded once and is not there any more, or is another: epochs and events stay as they are, trials and studies stay."""
    if before is None:
        return []
    if now is None:
        return ["the whole store"]
    # As text, in which NaN is NaN.
    kept = [(table, key, row) for table in ("epochs", "events") for key, row in before[table].items()]
    gone = [f"{table} {key}" for table, key, row in kept if repr(now[table].get(key)) != repr(row)]
    return gone + [f"{table} {key}" for table in ("trials", "studies") for key in before[table] if key not in now[table]]


def told(folder: Path, *, name: str = NAME) -> dict[str, str]:
    """All that a study came to, times and seconds apart, as text by name."""
    import osetra

    study = osetra.Study.open(name, folder / STORE)
    found: dict[str, Any] = {"state": str(study.record.state), "reason": study.record.reason}
    for fact in FACTS:
        found[fact] = study.facts.get(fact)
    if found["ensemble"]:
        # The sentence tells the microseconds, too.
        found["ensemble"] = {part: value for part, value in found["ensemble"].items() if part not in ("microseconds_per_row", "sentence")}
    for trial in study.trials():
        number = trial.number
        parts = ("configuration", "state", "reason", "epochs", "best_epoch", "dev_error", "dev_loss", "train_error", "num_parameters")
        found |= {f"trial {number}: {part}": getattr(trial, part) for part in parts}
        for e in study.curve(number):
            found[f"trial {number}: epoch {e.epoch}"] = (e.train_cost, e.train_error, e.dev_loss, e.dev_error)
    counts: dict[str, int] = {}
    events = [event for event in study.events() if event.kind not in RESUMED]
    for event in events:
        what = f"event {event.kind} of trial {event.trial}, epoch {event.epoch}"
        counts[what] = counts.get(what, 0) + 1
        found[f"{what}, the {counts[what]}th"] = sorted(event.detail.items())
    study.store.close()
    weights = folder / "models" / name / "weights.safetensors"
    found["weights"] = weights.read_bytes().hex() if weights.exists() else None
    return {what: repr(value) for what, value in found.items()}


def differences(one: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    """In words; the undisturbed one first."""
    names = sorted(one.keys() | other.keys())
    return [f"{name}: {one.get(name, '-')[:80]} / {other.get(name, '-')[:80]}" for name in names if one.get(name) != other.get(name)]


def wrongly_steered(folder: Path) -> list[str]:
    """Of a study that was steered: commands not carried out just once, and trials whose replay comes to other bits."""
    import osetra
    from osetra.core.records import CommandState

    study = osetra.Study.open(NAME, folder / STORE)
    events, commands = Counter(event.kind for event in study.events()), study.store.commands(NAME)
    done = Counter(EVENTS[command.kind] for command in commands if command.state is CommandState.DONE)
    wrong = [f"{events[kind]} events {kind!r} of {done[kind]} commands" for kind in EVENTS.values() if events[kind] != done[kind]]
    wrong += [f"a command is {command.state}: {command.answer}" for command in commands if command.state is not CommandState.DONE]
    for trial in study.trials():
        if trial.number == 0 or trial.number >= FIRST_BRANCH:
            differs = study.replay(trial.number).differs
            wrong += [] if differs is None else [f"the replay of trial {trial.number} differs from epoch {differs} on"]
            wrong += [] if trial.epochs == 40 else [f"trial {trial.number} has {trial.epochs} epochs: {trial.reason}"]
    study.store.close()
    return wrong


def litter(folder: Path) -> list[str]:
    """What half-saved models left beside their place."""
    return [path.name for path in (folder / "models").glob(".*")] if (folder / "models").exists() else []
