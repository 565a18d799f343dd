"""`Study.steer`: what a person asks of a trial that another process, or another thread, is training.

A command goes into the store, whoever trains the study finds it there within a second and answers it there (see `desk`), and the answer
is waited for. Nothing is asked of a study that nobody works on.
Knows nothing of: how commands are carried out.
"""

import getpass
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from osetra.core.errors import StoreError, StudyError
from osetra.core.ports import Store
from osetra.core.records import Command, CommandState, StudyState, Task, Value
from osetra.core.records import Study as StudyRecord

if TYPE_CHECKING:
    from osetra.study.handle import Study

POLL_S = 0.05
"""Between two looks for the answer; those who carry out look four times a second."""
TIMEOUT_S = 10.0
AGAIN_S = 0.03
"""After which those who only ask whether somebody trains a study have let go of it again."""


class Steer:
    """One trial of a study that is being trained, or the whole study; of an objective only the whole study, which can be stopped.

    Each call waits up to `timeout_s` seconds and returns the `Command` with its `state`, its `answer` in words and the `epoch` after which
    it took effect. Raises StudyError with the answer where it was refused, where there is no such trial, and where nobody works on the
    study, in which case nothing is asked. One that was not answered in time is returned `waiting`: it is carried out once the trial can be
    had, mostly at the end of the epoch that it is in.
    """

    def __init__(self, study: "Study", trial: int | None, *, who: str | None = None) -> None:
        """who: whose commands they are said to be; None: those of the user whose process it is."""
        self._study, self._trial, self._who = study, trial, who

    def set(self, *, why: str = "", timeout_s: float = TIMEOUT_S, **settings: Value) -> Command:
        """From the next epoch on these settings, such as learning_rate=0.001; the network's shape is not among those that can change."""
        return self.ask("set", {"settings": _plain(settings)}, why=why, timeout_s=timeout_s)

    def pause(self, *, why: str = "", timeout_s: float = TIMEOUT_S) -> Command:
        """It stands still at the end of the epoch that it is in.

        In panda the study waits for it until its time is up; a search that has come to its end otherwise does not, and ends it.
        """
        return self.ask("pause", {}, why=why, timeout_s=timeout_s)

    def proceed(self, *, why: str = "", timeout_s: float = TIMEOUT_S) -> Command:
        """It goes on; the command is called continue."""
        return self.ask("continue", {}, why=why, timeout_s=timeout_s)

    def stop(self, *, why: str = "", timeout_s: float = TIMEOUT_S) -> Command:
        """It is over; without a trial, the whole study, which keeps the best so far and can be resumed."""
        return self.ask("stop", {}, why=why, timeout_s=timeout_s)

    def extend(self, epochs: int, *, why: str = "", timeout_s: float = TIMEOUT_S) -> Command:
        """So many epochs more than it could have; one that is over goes on."""
        return self.ask("extend", {"epochs": epochs}, why=why, timeout_s=timeout_s)

    def rollback(
        self, epoch: int | Literal["best"], *, why: str = "", timeout_s: float = TIMEOUT_S, **settings: Value
    ) -> Command:  # fmt: skip
        """Back to the end of an earlier epoch, and on from there, with these settings changed."""
        changed: dict[str, Any] = {"settings": _plain(settings)} if settings else {}
        return self.ask("rollback", {"epoch": epoch, **changed}, why=why, timeout_s=timeout_s)

    def branch(
        self, epoch: int | Literal["best"] | None = None, *, why: str = "", timeout_s: float = TIMEOUT_S, **settings: Value
    ) -> Command:
        """A new trial that begins as this one was at the end of an epoch (None: where it is now), with these settings changed."""
        detail: dict[str, Any] = {} if epoch is None else {"epoch": epoch}
        return self.ask("branch", {**detail, "settings": _plain(settings)}, why=why, timeout_s=timeout_s)

    def ask(self, kind: str, detail: Mapping[str, Any], *, why: str = "", timeout_s: float = TIMEOUT_S) -> Command:
        """Any of the commands, by its kind and detail as the store keeps them: what the others do."""
        with _writable(self._study) as store:
            name = self._study.name
            if self._study.record.task is Task.OBJECTIVE:
                _require_stop(self._study.record, self._trial, kind)
            if not is_worked_on(store, name):
                raise StudyError(_nobody(store, name))
            command = Command(trial=self._trial, kind=kind, detail=detail, why=why, who=self._who or user(), at=datetime.now(UTC))
            answered = self._wait(store, replace(command, id=store.add_command(name, command)), timeout_s)
        if answered.state is CommandState.REFUSED:
            raise StudyError(answered.answer)
        return answered

    def _wait(self, store: Store, command: Command, timeout_s: float) -> Command:
        """The command as it stands when it is answered, or when the time is over."""
        name, deadline = self._study.name, time.monotonic() + timeout_s
        while (found := _found(store, name, command)).state is CommandState.WAITING:
            # One that is about to be resumed is not running yet.
            if store.study(name).state is not StudyState.RUNNING and not is_worked_on(store, name):
                return _withdrawn(store, name, command, f"the study ended first: {store.study(name).reason}")
            if time.monotonic() >= deadline:
                if not is_worked_on(store, name):
                    return _withdrawn(store, name, command, "the process that trained the study is gone")
                whose = "the study" if self._trial is None else f"trial {self._trial}"
                told = f"{command.kind} of {whose} still waits after {timeout_s:g} s, and is carried out once {whose} can be had"
                return replace(found, answer=told)
            time.sleep(min(POLL_S, max(0.0, deadline - time.monotonic())))
        return found


@contextmanager
def _writable(study: "Study") -> Iterator[Store]:
    """The study's store, open for writing, and closed again if it was opened for this."""
    from osetra.study.apply import writable

    store = writable(study)
    try:
        yield store
    finally:
        if store is not study.store:
            store.close()


def is_worked_on(store: Store, study: str) -> bool:
    """Whether somebody trains it; the store is open for writing. Another who asks at this moment is not taken for somebody who trains."""
    owner = f"steer {secrets.token_hex(4)}"
    for wait_s in (AGAIN_S, 0.0):
        try:
            store.claim(study, owner)
        except StudyError:
            time.sleep(wait_s)
        else:
            store.release(study, owner)
            return False
    return True


def can_be_stopped(study: StudyRecord) -> bool:
    """Whether those who train it look for commands. The values of a Tuner are told by a program, which ends by itself."""
    from osetra.study.objective_setting import ASK_AND_TELL

    return study.task is not Task.OBJECTIVE or study.source != ASK_AND_TELL


def _require_stop(study: StudyRecord, trial: int | None, kind: str) -> None:
    """Raises StudyError for what cannot be asked of a study of an objective."""
    from osetra.study.steerable import refusal_of_objective

    if not can_be_stopped(study):
        raise StudyError(
            f"only a study that osetra carries through can be told, got {study.name!r}, which is asked and told; close its Tuner"
        )
    if trial is not None or kind != "stop":
        raise StudyError(refusal_of_objective(study.name))


def _nobody(store: Store, study: str) -> str:
    record = store.study(study)
    if record.state is StudyState.FINISHED:
        return f"a trial is steered while its study is trained, and {study!r} came to its end ({record.reason}); begin another study"
    first = "go on with it where it was begun" if record.task is Task.OBJECTIVE else f"osetra resume {study}"
    return f"no process trains study {study!r}: {first} first"


def _found(store: Store, study: str, command: Command) -> Command:
    assert command.id is not None
    return store.commands(study, after=command.id - 1)[0]


def _withdrawn(store: Store, study: str, command: Command, why: str) -> Command:
    """Refused here, since nobody else is going to answer it: it must not surprise who resumes the study."""
    assert command.id is not None
    try:
        store.answer_command(study, command.id, state=CommandState.REFUSED, answer=why, at=datetime.now(UTC))
    except StoreError:
        # It was answered just now; otherwise it would still wait.
        if _found(store, study, command).state is CommandState.WAITING:
            raise
    return _found(store, study, command)


def _plain(settings: Mapping[str, Any]) -> dict[str, Value]:
    from osetra.space.values import as_value

    return {name: as_value(value) for name, value in settings.items()}


def user() -> str:
    """The user whose process it is."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        # A process without a user's name, as in some containers.
        return "somebody"
