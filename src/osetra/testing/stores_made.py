"""Records for trying out a store, and what its contract asks with.

Knows nothing of: what a store must do.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from osetra.core.errors import OsetraError
from osetra.core.ports import Store
from osetra.core.records import Checkpoint, Command, EpochRecord, Event, Study, StudyState, Task, Trial, TrialState

NOON = datetime(2024, 2, 29, 12, 0, 0, 123457, tzinfo=UTC)


def make_study(name: str = "mine", **fields: Any) -> Study:
    """A study for trying out a store; `fields` replace what is not given a thought."""
    given: dict[str, Any] = {
        "state": StudyState.RUNNING,
        "created": NOON,
        "task": Task.BINARY,
        "target": "label",
        "source": "table.csv",
        "seed": 7,
        "error_name": "error rate",
    }
    return Study(name=name, **(given | fields))


def make_trial(number: int = 0, dev_error: float | None = None, state: TrialState = TrialState.FINISHED, **fields: Any) -> Trial:
    given: dict[str, Any] = {"configuration": {"learning_rate": 0.1}}
    return Trial(number=number, dev_error=dev_error, state=state, **(given | fields))


def make_epoch(epoch: int = 1, **fields: Any) -> EpochRecord:
    given: dict[str, Any] = {"train_cost": 0.5, "train_error": 0.25, "dev_loss": 0.75, "dev_error": 0.125, "seconds": 0.01}
    return EpochRecord(epoch=epoch, **(given | fields))


def make_event(trial: int | None = None, kind: str = "started", **fields: Any) -> Event:
    given: dict[str, Any] = {"epoch": None, "at": NOON}
    return Event(trial=trial, kind=kind, **(given | fields))


def make_command(trial: int | None = 0, kind: str = "pause", **fields: Any) -> Command:
    """A command for trying out a store; `fields` replace what is not given a thought."""
    given: dict[str, Any] = {"who": "a person", "at": NOON}
    return Command(trial=trial, kind=kind, **(given | fields))


def make_checkpoint(trial: int = 0, epoch: int = 1, data: bytes = b"weights", **fields: Any) -> tuple[Checkpoint, bytes]:
    """A checkpoint and its data, as `Store.record` takes them."""
    given: dict[str, Any] = {"why": "rung", "step": 10 * epoch, "at": NOON}
    return Checkpoint.of(data, trial=trial, epoch=epoch, **(given | fields)), data


@contextmanager
def refusal(error: type[OsetraError], *words: str) -> Iterator[None]:
    """The block must raise `error` itself, with all of `words` in its message."""
    raised: OsetraError | None = None
    try:
        yield
    except OsetraError as caught:
        raised = caught
    assert type(raised) is error, f"{error.__name__} must be raised, got {raised!r}"
    missing = [word for word in words if word not in str(raised)]
    assert not missing, f"the message lacks {missing}: {raised}"


def numbers(trials: Sequence[Trial]) -> list[int]:
    return [trial.number for trial in trials]


def everything(store: Store, study: str) -> tuple[dict[int, tuple[Trial, list[EpochRecord]]], list[Event]]:
    """All that is recorded under a study, for comparing."""
    trials = {trial.number: (trial, list(store.curve(study, trial.number))) for trial in store.trials(study)}
    return trials, list(store.events(study))


def together(calls: list[Callable[[], None]]) -> None:
    """Make the calls in threads that start at the same moment."""
    gate = threading.Barrier(len(calls))
    troubles: list[BaseException] = []

    def run(call: Callable[[], None]) -> None:
        try:
            gate.wait()
            call()
        except BaseException as trouble:  # noqa: BLE001 (shown by the thread that started this one)
            troubles.append(trouble)

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not troubles, troubles
