"""Stores as each version of osetra wrote them: what the files in `golden/` hold, and how they are made.

A file is made by the code of its own version, never by a later one. To make that of version 1 anew, take this file to a checkout of a
commit whose `osetra.store.schema.VERSION` is osetra_0001 and run it there:

    python golden.py golden/osetra_0001.sqlite

The file of version 3 differs from that of version 2 in what counts the changes of a study.

Names that a version does not have are imported only where they are used.
"""

import math
import sqlite3
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from osetra.core.records import EpochRecord, Event, Study, StudyState, Task, Trial, TrialState
from osetra.store import schema
from osetra.store.sql import open_store

FOLDER = Path(__file__).parent / "golden"
NOON = datetime(2024, 2, 29, 12, 0, 0, 123457, tzinfo=UTC)

STUDIES = {
    "first": Study(
        name="first",
        state=StudyState.FINISHED,
        reason="the budget was spent",
        created=NOON,
        finished=NOON + timedelta(hours=2, microseconds=1),
        task=Task.BINARY,
        target="label",
        source="table.csv",
        seed=2**80 + 1,
        error_name="error rate",
        facts={"budget": {"trials": 4}, "split": [0.98, 0.01, 0.01], "note": "grüße 模型", "worst": math.inf},
    ),
    "second, 'quoted'": Study(
        name="second, 'quoted'",
        state=StudyState.RUNNING,
        created=NOON + timedelta(days=1),
        task=Task.REGRESSION,
        target="price, in €",
        source="houses.parquet",
        seed=7,
        error_name="RMSE",
    ),
}
TRIALS = {
    "first": [
        Trial(
            number=0,
            configuration={"learning_rate": 1 / 3, "layers": 2, "nesterov": True, "activation": "relu ✓"},
            state=TrialState.FINISHED,
            epochs=3,
            best_epoch=2,
            dev_error=0.1 + 0.2,
            dev_loss=0.5,
            train_error=0.25,
            seconds=1.5,
            num_parameters=2**40,
        ),
        Trial(number=1, configuration={"learning_rate": 9.0}, state=TrialState.DIVERGED, reason="NaN", epochs=1, dev_loss=math.nan),
        Trial(number=2, configuration={}, state=TrialState.WAITING),
    ],
    "second, 'quoted'": [
        Trial(number=number, configuration={"layers": number}, state=state, epochs=5, best_epoch=5, dev_error=number / 8, dev_loss=0.0)
        for number, state in enumerate(TrialState)
    ],
}
CURVES = {
    ("first", 0): [
        EpochRecord(epoch=epoch, train_cost=0.5**epoch, train_error=1 / epoch, dev_loss=1 / 3, dev_error=0.1 * epoch, seconds=0.5)
        for epoch in (1, 2, 3)
    ],
    ("first", 1): [EpochRecord(epoch=1, train_cost=math.nan, train_error=math.inf, dev_loss=math.nan, dev_error=math.nan, seconds=5e-324)],
    **{
        ("second, 'quoted'", number): [
            EpochRecord(epoch=epoch, train_cost=-number / epoch, train_error=0.5, dev_loss=0.0, dev_error=number / 8, seconds=0.01)
            for epoch in range(1, 6)
        ]
        for number in range(len(TrialState))
    },
}
EVENTS = {
    "first": [
        Event(trial=0, epoch=0, kind="started", at=NOON),
        Event(trial=1, epoch=1, kind="diverged", detail={"reason": "NaN", "old": [1, 2.5], "new": None}, who="ümit", at=NOON),
        Event(trial=None, epoch=None, kind="interrupted", at=NOON + timedelta(hours=1)),
        Event(trial=0, epoch=3, kind="finished", detail={"reason": ""}, at=NOON + timedelta(minutes=90)),
    ],
    "second, 'quoted'": [Event(trial=7, epoch=5, kind="changed", detail={"learning_rate": [0.1, 0.05]}, who="panda", at=NOON)],
}


def commands():
    """Of the study `first`, since version 2."""
    from osetra.core.records import Command, CommandState

    detail = {"learning_rate": [0.1, 0.05], "note": "half"}
    done: dict[str, Any] = {"state": CommandState.DONE, "answer": "from epoch 3 on", "epoch": 2, "answered": NOON + timedelta(seconds=2)}
    return [
        Command(id=1, trial=0, kind="set", detail=detail, why="flat", who="ümit", at=NOON, **done),
        Command(id=2, trial=None, kind="stop", who="panda", at=NOON + timedelta(seconds=1)),
    ]


def checkpoints():
    """Of the study `first`, with their data, since version 2."""
    from osetra.core.records import Checkpoint

    given = [(0, 0, "before change", b""), (0, 3, "last", bytes(range(256)) * 4), (1, 1, "rung", b"\0\xff")]
    return [(Checkpoint.of(data, trial=of, epoch=at, why=why, step=10 * at, at=NOON), data) for of, at, why, data in given]


def make(path: Path) -> None:
    """Record all of it in a new store at `path`, and leave one closed file."""
    store = open_store(path)
    for name, study in STUDIES.items():
        store.create_study(study)
        curves = {number: curve for (of, number), curve in CURVES.items() if of == name}
        store.record(name, trials=TRIALS[name], epochs=curves, events=EVENTS[name])
    if schema.VERSION >= "osetra_0002":
        store.record("first", checkpoints=checkpoints())
        for kept in commands():
            new = replace(kept, id=None, state=type(kept.state).WAITING, answer="", epoch=None, answered=None)
            given = store.add_command("first", new)
            if kept.answered is not None:
                store.answer_command("first", given, state=kept.state, answer=kept.answer, epoch=kept.epoch, at=kept.answered)
    store.close()
    connection = sqlite3.connect(path)
    connection.execute("VACUUM")
    connection.close()


if __name__ == "__main__":
    place = Path(sys.argv[1])
    assert place.stem == schema.VERSION, f"this code writes {schema.VERSION}, and {place.name} is asked for"
    make(place)
