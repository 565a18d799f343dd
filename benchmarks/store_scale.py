"""How a store file behaves as it grows: what recording costs, and what reading costs once it is full.

    python benchmarks/store_scale.py --trials 100000 --out store_scale.json

Trials carry curves of 20 epochs and are recorded in batches of 64, each batch one call, as a study does. A reading is the best of five.
"""

import argparse
import json
import platform
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from osetra.core.records import EpochRecord, Event, Study, StudyState, Task, Trial, TrialState
from osetra.store.sql import open_store

BATCH = 64
EPOCHS = 20
STATES = (TrialState.STOPPED, TrialState.FINISHED, TrialState.DIVERGED)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--out", type=Path, help="write the figures to this file, as JSON")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = {"machine": machine(), "trials": arguments.trials, **measure(Path(folder) / "osetra.db", arguments.trials)}
    for name, value in result.items():
        print(f"{name:34} {value:,.3f}" if isinstance(value, float) else f"{name:34} {value}")
    if arguments.out:
        arguments.out.write_text(json.dumps(result, indent=2) + "\n")


def measure(path: Path, count: int) -> dict[str, float]:
    random.seed(0)
    store = open_store(path)
    store.create_study(make_study("benchmark"))
    batches = [make_batch(first, min(first + BATCH, count)) for first in range(0, count, BATCH)]
    seconds = []
    for batch in batches:
        start = time.perf_counter()
        store.record("benchmark", **batch)
        seconds.append(time.perf_counter() - start)
    store.close()

    window = min(max(1, round(1000 / BATCH)), len(seconds))
    figures = {
        "record, trials per second": count / sum(seconds),
        "record, median ms per call": 1e3 * statistics.median(seconds),
        "record, worst ms per call": 1e3 * max(seconds),
        "first 1,000 trials, ms per trial": 1e3 * sum(seconds[:window]) / (window * BATCH),
        "last 1,000 trials, ms per trial": 1e3 * sum(seconds[-window:]) / (window * BATCH),
        "bytes per trial": path.stat().st_size / count,
    }

    def reopen() -> None:
        open_store(path, create=False).close()

    figures["open, ms"] = best_ms(reopen)
    store = open_store(path, create=False)
    readings: dict[str, Callable[[], Any]] = {
        "first page of 50, ms": lambda: store.trials("benchmark", limit=50),
        "page of 50 in the middle, ms": lambda: store.trials("benchmark", limit=50, offset=count // 2),
        "page of 50 by number, middle, ms": lambda: store.trials("benchmark", order_by="number", limit=50, offset=count // 2),
        "page of 50 finished, ms": lambda: store.trials("benchmark", states=[TrialState.FINISHED], limit=50),
        "all that run (none), ms": lambda: store.trials("benchmark", states=[TrialState.RUNNING, TrialState.PAUSED], order_by="number"),
        "best of the study, ms": lambda: store.trials("benchmark", states=[TrialState.FINISHED, TrialState.STOPPED], limit=1),
        "count by state, ms": lambda: store.count_trials("benchmark"),
        "list of studies, ms": store.studies,
        "one trial, ms": lambda: store.trial("benchmark", count // 2),
        "one curve, ms": lambda: store.curve("benchmark", count // 2),
        "events of one trial, ms": lambda: store.events("benchmark", trial=count // 2),
    }
    figures |= {name: best_ms(reading) for name, reading in readings.items()}
    store.close()
    return figures


def best_ms(call: Callable[[], Any], repeats: int = 5) -> float:
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return 1e3 * min(seconds)


def make_study(name: str) -> Study:
    return Study(
        name=name,
        state=StudyState.RUNNING,
        created=datetime.now(UTC),
        task=Task.BINARY,
        target="label",
        source="table.csv",
        seed=0,
        error_name="error rate",
    )


def make_batch(first: int, end: int) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {
        "trials": [
            Trial(
                number=number,
                configuration={
                    "learning_rate": 10 ** random.uniform(-4, 0),
                    "momentum": random.random(),
                    "batch_size": 64,
                    "hidden_units": 128,
                },
                state=random.choice(STATES),
                reason="left at the second rung",
                epochs=EPOCHS,
                best_epoch=EPOCHS,
                dev_error=random.random(),
                dev_loss=random.random(),
                train_error=random.random(),
                seconds=random.random(),
                num_parameters=5000,
            )
            for number in range(first, end)
        ],
        "epochs": {
            number: [
                EpochRecord(
                    epoch=epoch,
                    train_cost=random.random(),
                    train_error=random.random(),
                    dev_loss=random.random(),
                    dev_error=random.random(),
                    seconds=random.random(),
                )
                for epoch in range(1, EPOCHS + 1)
            ]
            for number in range(first, end)
        },
        "events": [Event(trial=number, epoch=EPOCHS, kind="finished", at=now) for number in range(first, end)],
    }


def machine() -> str:
    return (
        f"{platform.system()} {platform.machine()}, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, "
        f"SQLAlchemy {version('sqlalchemy')}"
    )


if __name__ == "__main__":
    main()
