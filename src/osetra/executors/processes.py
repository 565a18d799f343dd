"""Objectives in processes of their own: one a running trial, used again for the next trial unless something went wrong in it.

A process is begun anew (no fork), so it inherits no thread, lock or GPU context, and runs nothing of the script that began it: no
`if __name__ == "__main__"` is needed. The objective goes there pickled, by name if it is in a module that can be imported, else by its
code, so that lambdas and functions of a notebook work. A process that raised, died or was ended is replaced.
Knows nothing of: what is tuned, searches, the store.
"""

import contextlib
import os
import pickle
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from typing import Any

from osetra.core.errors import StudyError
from osetra.executors.objective import Call, Ended, Message
from osetra.executors.threads import available_cores

LEAVE_S = 2.0
"""Seconds that idle processes are given to leave by themselves at the end."""
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


@dataclass(slots=True, eq=False)
class _Worker:
    process: subprocess.Popen[bytes]
    connection: Connection
    is_ready: bool = False
    """Whether the objective is loaded."""
    call: Call | None = None
    """What it is busy with."""


class Processes:
    """Up to `workers` processes; a call is begun with `start`, and what becomes of it comes out of `poll`."""

    def __init__(self, objective: Callable[[Any], Any], *, workers: int) -> None:
        """Raises StudyError for an objective that cannot be pickled, and where processes of this kind cannot be made."""
        if os.name != "posix":
            raise StudyError("objectives run in processes of their own on Linux and macOS only; give in_process=True")
        self._pickled = pickled(objective)
        self._most = workers
        self._workers: list[_Worker] = []

    @property
    def has_room(self) -> bool:
        """Whether one more call can begin."""
        return sum(worker.call is not None for worker in self._workers) < self._most

    def start(self, call: Call) -> None:
        """Have a call carried out, in a process that is idle or a new one."""
        assert self.has_room, "more calls than workers"
        worker = next((worker for worker in self._workers if worker.call is None), None) or self._begin()
        worker.call = call
        with contextlib.suppress(OSError):
            worker.connection.send(call)

    def poll(self, timeout_s: float, _told_to_stop: Callable[[], bool] = lambda: False) -> Sequence[Message]:
        """What the processes said, waiting for it up to so long. Raises StudyError if they cannot load the objective."""
        if not self._workers:
            return []
        said: list[Message] = []
        dead = []
        heard = wait([worker.connection for worker in self._workers], timeout_s)
        for worker in self._workers:
            # One that has died may have said something before, and a process that it began may keep its connection open.
            has_exited = worker.process.poll() is not None
            is_open = self._listen(worker, said) if has_exited or worker.connection in heard else True
            if has_exited or not is_open:
                dead.append(worker)
        for worker in dead:
            self._bury(worker, said)
        return said

    def ask_to_stop(self) -> None:
        """Tell every running objective to return."""
        for worker in self._workers:
            if worker.call is not None:
                with contextlib.suppress(OSError):
                    worker.connection.send(worker.call.number)

    def end(self, number: int) -> None:
        """End a call and its process at once; nothing more is heard of it."""
        for worker in [worker for worker in self._workers if worker.call is not None and worker.call.number == number]:
            self._drop(worker)

    def close(self) -> None:
        """End every process: those that are idle as a Python program ends, those that are busy at once."""
        for worker in [worker for worker in self._workers if worker.call is not None or not worker.is_ready]:
            self._drop(worker)
        for worker in self._workers:
            with contextlib.suppress(OSError):
                worker.connection.send(None)
        until = time.monotonic() + LEAVE_S
        for worker in [*self._workers]:
            with contextlib.suppress(subprocess.TimeoutExpired):
                worker.process.wait(max(0.0, until - time.monotonic()))
            self._drop(worker)

    def _begin(self) -> _Worker:
        ours, theirs = socket.socketpair()
        with theirs:
            code = f"import sys; sys.path[:] = {sys.path!r}; from osetra.executors.worker import main; main({theirs.fileno()})"
            threads = str(max(1, available_cores() // self._most))
            try:
                process = subprocess.Popen(  # noqa: S603 -- our own module
                    [sys.executable, "-c", code],
                    stdin=subprocess.DEVNULL,
                    pass_fds=[theirs.fileno()],
                    # A group of its own: Ctrl-C reaches this process only, which then tells; and it can be ended with all that it began.
                    start_new_session=True,
                    env={**dict.fromkeys(THREADS, threads), **os.environ},
                )
            except OSError as error:
                ours.close()
                raise StudyError(f"a process for the objective could not begin: {error}; use fewer workers, or in_process=True") from error
        worker = _Worker(process, Connection(ours.detach()))
        self._workers.append(worker)
        with contextlib.suppress(OSError):
            worker.connection.send_bytes(self._pickled)
        return worker

    def _listen(self, worker: _Worker, said: list[Message]) -> bool:
        """Note all that it has said; False if its connection is at its end."""
        try:
            while worker.connection.poll():
                self._hear(worker, worker.connection.recv(), said)
        except (EOFError, OSError, pickle.UnpicklingError):
            return False
        return True

    def _hear(self, worker: _Worker, message: Any, said: list[Message]) -> None:
        if message is None:
            worker.is_ready = True
        elif isinstance(message, str):
            raise StudyError(
                f"the objective must load in a process of its own, got {message}; "
                "define it in a module that can be imported, or give in_process=True"
            )
        else:
            # Ctrl-C is for the process that tunes; a signal that someone sent to this one is a failure like others.
            said.append(replace(message, is_interrupt=False) if isinstance(message, Ended) else message)
            if isinstance(message, Ended):
                worker.call = None
                if message.failure:
                    # Whatever it left behind harms no other trial.
                    self._drop(worker)

    def _bury(self, worker: _Worker, said: list[Message]) -> None:
        """A process is gone, by itself or by the hand of another."""
        if worker not in self._workers:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            worker.process.wait(LEAVE_S)
        why = _how_it_ended(worker.process.poll())
        self._drop(worker)
        if not worker.is_ready:
            raise StudyError(f"the objective must load in a process of its own, which {why}; see what it wrote, or give in_process=True")
        if worker.call is not None:
            said.append(Ended(number=worker.call.number, failure=f"its process {why}"))

    def _drop(self, worker: _Worker) -> None:
        """End a process with all that it began, and forget it."""
        self._workers.remove(worker)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(worker.process.pid, signal.SIGKILL)
        worker.process.wait()
        worker.connection.close()


def pickled(objective: Callable[[Any], Any]) -> bytes:
    """The objective for another process. Raises StudyError if it cannot go there."""
    try:
        import cloudpickle
    except ImportError:
        # Which joblib brings, since version 1.6 as a package of its own.
        from joblib.externals import cloudpickle  # pyright: ignore[reportAttributeAccessIssue]
    try:
        return cloudpickle.dumps(objective)
    except Exception as error:
        raise StudyError(
            f"an objective must be one that pickle can carry to a process of its own, got {type(error).__name__}: {error}; "
            "make what it cannot carry (open files, locks, connections) inside the function, or give in_process=True"
        ) from error


def _how_it_ended(code: int | None) -> str:
    if code is None:
        return "closed its connection"
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return f"was killed by {name}" + (", as a system that runs out of memory does" if name == "SIGKILL" else "")
