"""Studies made from records alone, with every fact that a report can show; nothing is trained."""

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import osetra
from osetra.core.records import EpochRecord, Event, Study, StudyState, Task, Trial, TrialState
from osetra.space import Space, choice, integer, linear, log, powers_of_two
from osetra.store.memory import MemoryStore

SPACE = Space(
    {
        "learning_rate": log(1e-4, 1e-1), "hidden_units": powers_of_two(16, 128), "num_layers": integer(1, 3),
        "keep_prob": linear(0.5, 1.0), "schedule": choice("constant", "cosine"), "optimizer": "adam",
    }
)  # fmt: skip
BEGAN = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
LAYER = {
    "gradient_norm": 0.1, "weight_norm": 5.0, "update_ratio": 3e-3, "dead_units": 0.25, "saturated": 0.0, "activation_mean": 0.0,
    "activation_deviation": 1.0,
}  # fmt: skip
HOSTILE = '<script>window.hacked=1</script></script><img src=x onerror="window.hacked=1"><b>&amp;%{x}'
"""What a name, a label or a column may hold."""


def measured(value: float, rows: int = 400, half: float = 0.02) -> dict[str, Any]:
    return {"value": value, "low": value - half, "high": value + half, "rows": rows}


def configuration(number: int) -> dict[str, Any]:
    return {
        "learning_rate": 10 ** (-4 + 3 * (number * 0.618 % 1)), "hidden_units": 16 * 2 ** (number % 4), "num_layers": 1 + number % 3,
        "keep_prob": 0.5 + 0.5 * (number * 0.377 % 1), "schedule": ("constant", "cosine")[number % 2], "optimizer": "adam",
    }  # fmt: skip


def error_of(number: int) -> float:
    """Of a trial after its last epoch: the best is trial 7, and the learning rate decides."""
    return 0.05 + 0.02 * abs(math.log10(configuration(number)["learning_rate"]) + 3) + (0.001 * number if number != 7 else -0.04)


def trials(count: int = 24, *, scale: float = 1.0) -> list[Trial]:
    """By number; of every four three stopped after 4 or 8 epochs, trial 3 diverged."""
    made = []
    for number in range(count):
        epochs, state = ((16, TrialState.FINISHED), (4, TrialState.STOPPED), (8, TrialState.STOPPED), (4, TrialState.STOPPED))[number % 4]
        if number == 7:
            epochs, state = 16, TrialState.FINISHED
        if number == 3:
            epochs, state = 2, TrialState.DIVERGED
        made.append(
            Trial(
                number=number, configuration=configuration(number), state=state, reason="", epochs=epochs, best_epoch=epochs, seconds=0.5,
                dev_error=scale * error_of(number), dev_loss=0.3, train_error=scale * 0.03 if state is TrialState.FINISHED else None,
            )
        )  # fmt: skip
    return made


def curve(trial: Trial, epochs: int | None = None) -> list[EpochRecord]:
    """Falls to the trial's dev error."""
    assert trial.dev_error is not None
    last = epochs or trial.epochs
    return [
        EpochRecord(
            epoch=at, train_cost=1 / at, train_error=trial.dev_error * (0.9 + (last - at) / last), dev_loss=0.3,
            dev_error=trial.dev_error * (1 + (last - at) / last), seconds=0.03,
        )
        for at in range(1, last + 1)
    ]  # fmt: skip


def events(listed: list[Trial]) -> list[Event]:
    made = []

    def add(trial: int, epoch: int, kind: str, seconds: float, **detail: Any) -> None:
        made.append(Event(trial=trial, epoch=epoch, kind=kind, detail=detail, at=BEGAN + timedelta(seconds=seconds)))

    for trial in listed:
        add(trial.number, 0, "started", trial.number)
        if trial.epochs > 4:
            add(trial.number, 4, "promoted", trial.number + 30, until=16)
        if trial.number == 7:
            for epoch in (0, 1, 2, 4, 8, 16):
                add(
                    7, epoch, "probe", 20 + epoch, layers=[{**LAYER, "layer": 1}, {**LAYER, "layer": 2, "update_ratio": 1e-3 * (1 + epoch)}]
                )
        add(trial.number, trial.epochs, str(trial.state), trial.number + 60, reason="it was time")
    return made


def evaluation(task: Task, labels: list[Any], names: tuple[str, str]) -> dict[str, Any]:
    """The dev part's, of two features. `labels` of a classification."""
    is_classes = task.is_classification
    along = [place / 59 for place in range(60)]
    rows = 40
    points = {"x": [row / rows for row in range(rows)], "y": [(row * 7 % rows) / rows for row in range(rows)]}
    grid = [[(1 if x > y else 0) if is_classes else 10 * x + y for x in along] for y in along]
    actual = [(1 if x > y else 0) if is_classes else 10 * x for x, y in zip(points["x"], points["y"], strict=True)]
    worst = {
        "row": 17, "target": "y", "actual": labels[0] if is_classes else 9.5, "predicted": labels[1] if is_classes else 2.25,
        "confidence": 0.987 if is_classes else None, "residual": None if is_classes else 7.25,
        "features": {names[0]: 0.5, names[1]: HOSTILE},
    }  # fmt: skip
    bins = [
        {"low": k / 10, "high": (k + 1) / 10, "confidence": k / 10 + 0.05, "accuracy": k / 10, "accuracy_low": max(0, k / 10 - 0.1),
         "accuracy_high": min(1, k / 10 + 0.1), "rows": 10 + k}
        for k in range(10)
    ]  # fmt: skip
    slices = [
        {"column": names[0], "slice": f"{names[0]} 0.1 .. 0.4", "rows": 90, "error": 0.3, "low": 0.2, "high": 0.4, "rest_error": 0.1,
         "difference": 0.2, "difference_low": 0.1, "difference_high": 0.3, "is_worse": True},
        {"column": names[1], "slice": f"{names[1]} = {HOSTILE}", "rows": 50, "error": 0.12, "low": 0.05, "high": 0.2, "rest_error": 0.11,
         "difference": 0.01, "difference_low": -0.05, "difference_high": 0.07, "is_worse": False},
    ]  # fmt: skip
    return {
        "part": "dev",
        "confusion": {"labels": labels, "counts": [[180, 20], [5, 195]]} if is_classes else None,
        "calibration": {"bins": bins, "error": 0.05} if is_classes else None,
        "residuals": [] if is_classes else [{"target": "y", "actual": [1.0, 2.0, 3.0], "predicted": [1.5, 2.0, 2.0]}],
        "worst": [worst],
        "boundary": {
            "x": names[0], "y": names[1], "x_values": along, "y_values": along, "predicted": grid, "points": {**points, "actual": actual},
        },
        "slices": slices, "slices_compared": 6,
    }  # fmt: skip


REFERENCES = {
    "rows_used": 1200, "seconds": 0.3, "leaks": [],
    "references": [
        {"name": "majority class", "dev": measured(0.5), "seconds": 0.0},
        {"name": "histogram gradient boosting", "dev": measured(0.08), "seconds": 0.2},
    ],
    "duplicates": {"rows": 12, "groups": 6, "disagreement": 0.02},
}  # fmt: skip
LEARNING_CURVE = {
    "points": [{"rows": rows, "error": 0.05 + 2 / rows, "low": 0.04 + 2 / rows, "high": 0.06 + 2 / rows} for rows in (100, 200, 400)],
    "a": 0.05, "b": 2.0, "c": 1.0, "forecast": [{"rows": 800, "error": 0.0525, "low": 0.04, "high": 0.065}],
    "sentence": "Twice the rows would bring the error from 5.5 % to 5.3 %",
}  # fmt: skip


def record(
    task: Task = Task.BINARY, *, name: str = "made", labels: tuple[Any, Any] = ("no", "yes"), names=("east", "north"), **facts: Any
) -> Study:
    """The study's own record with all facts; those given replace or, with None, remove them."""
    is_rate = task.is_classification
    scale = 1.0 if is_rate else 100.0
    known: dict[str, Any] = {
        "space": SPACE.to_dict(), "epochs_per_trial": 16, "patience": 10, "strategy": "waves",
        "budget": {"seconds": None, "trials": 24, "epochs": None}, "ended": "all trials of the budget were trained", "seconds": 90.0,
        "environment": {
            "python": "3.11.7", "platform": "Linux x86_64", "processor": "A processor", "workers": 2,
            "versions": {"osetra": "0.1.0", "numpy": "2.0.0"},
        },
        "trials": 24, "epochs": 200, "best": 7, "notes": ["a note on the data"],
    }  # fmt: skip
    if task is Task.OBJECTIVE:
        known |= {"direction": "minimize", "strategy": "coarse_to_fine"}
    else:
        known |= {
            "split": {"rule": "at random: 1,200 rows train, 400 dev, 400 test; more", "sizes": [1200, 400, 400]},
            "dev": measured(scale * error_of(7), half=scale * 0.005), "test": measured(scale * 0.09, half=scale * 0.005),
            "train_error": scale * 0.03,
            "asked": {"data": "/data/made.csv", "target": "y", "strategy": "waves", "finals": True, "ensemble": False, "test": True},
            "fingerprint": {"rows": 2000, "columns": {names[0]: "float64", names[1]: "float64", "y": "str"}, "sha256": "ab" * 32},
            "evaluation": evaluation(task, list(labels), names), "references": REFERENCES, "learning_curve": LEARNING_CURVE,
            "plan": {
                "predicted": {"trials": 20, "train_s": 80.0, "source": "x"}, "actual": {"trials": 24, "train_s": 88.5, "lengths": [[1, 2]]},
            },
        }  # fmt: skip
    return Study(
        name=name, state=StudyState.FINISHED, reason="the budget was spent", created=BEGAN, finished=BEGAN + timedelta(seconds=90),
        task=task, target="y" if task is not Task.OBJECTIVE else "cost", source="made.csv", seed=3,
        error_name="error rate" if is_rate else "value" if task is Task.OBJECTIVE else "RMSE",
        facts={key: fact for key, fact in {**known, **facts}.items() if fact is not None},
    )  # fmt: skip


def made(task: Task = Task.BINARY, *, store: Any = None, count: int = 24, **options: Any) -> osetra.Study:
    """A study in a store, by default in memory."""
    store = store or MemoryStore()
    of = record(task, **options)
    store.create_study(of)
    listed = trials(count, scale=100.0 if task is Task.REGRESSION else 1.0)
    store.record(of.name, trials=listed, epochs={trial.number: curve(trial) for trial in listed}, events=events(listed))
    return osetra.Study(store.study(of.name), store)
