"""A process in which objectives run, one call at a time: the far end of `processes`.

It ends when told to, and when the process that began it is no more, whatever the objective is doing then and with all that it started.
Knows nothing of: searches, the store.
"""

import os
import pickle
import queue
import signal
import sys
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from osetra.executors.objective import Call, run

LOOK_S = 1.0
"""How often it looks whether its parent is still there, should nobody say so."""


class _Told:
    """What the parent says, heard on a thread, so that it is heard while the objective runs."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._parent = os.getppid()
        self.calls: queue.SimpleQueue[Call | None] = queue.SimpleQueue()
        self._stopped: int | None = None
        threading.Thread(target=self._listen, name="osetra-parent", daemon=True).start()

    def to_stop(self, number: int) -> bool:
        return self._stopped == number

    def _listen(self) -> None:
        try:
            while True:
                if self._connection.poll(LOOK_S):
                    match self._connection.recv():
                        case None:
                            self.calls.put(None)
                            return
                        case int(number):
                            self._stopped = number
                        case call:
                            self.calls.put(call)
                elif os.getppid() != self._parent:
                    break
        except (EOFError, OSError):
            pass
        # The parent is gone: so goes this process, and what the objective began; they are a group of their own.
        os.killpg(0, signal.SIGKILL)


def main(descriptor: int) -> None:
    """Load the objective, say so, then carry out calls until there are no more."""
    os.set_inheritable(descriptor, False)
    connection = Connection(descriptor)
    pickled = connection.recv_bytes()
    told = _Told(connection)
    lock = threading.Lock()

    def send(message: Any) -> None:
        # An objective may report from threads of its own.
        with lock:
            connection.send(message)

    try:
        objective: Callable[[Any], Any] = pickle.loads(pickled)  # noqa: S301 -- the user's own function, from the user's own process
    except BaseException as error:  # noqa: BLE001 -- an import may raise anything
        send(f"{type(error).__name__}: {error}")
        return
    send(None)
    while (call := told.calls.get()) is not None:
        number = call.number
        run(objective, call, send, lambda: told.to_stop(number))  # noqa: B023 -- asked within the call only
        sys.stdout.flush()
        sys.stderr.flush()
