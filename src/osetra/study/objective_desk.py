"""What people ask of a study of an objective while it runs: that it ends. Its trials are the objective's own, and are not steered.

Knows nothing of: how commands are typed, how an objective is told to stop.
"""

import time
from contextlib import suppress
from datetime import UTC, datetime

from osetra.core.errors import StoreError
from osetra.core.ports import Store
from osetra.core.records import Command, CommandState
from osetra.study.ledger import Ledger
from osetra.study.past import Past
from osetra.study.steerable import STUDY_ENDS, refusal_of_objective

LOOK_S = 0.25
"""Between two looks at the commands."""


class ObjectiveDesk:
    """The commands of one study, for as long as it is worked on."""

    def __init__(self, study: str, store: Store) -> None:
        """store: to which the study is claimed. What waits now was asked of an earlier run."""
        self._study, self._store = study, store
        self._old = {command.id for command in self._waiting()}
        self._looked = 0.0
        self._is_told_to_end = False

    def is_told_to_end(self) -> bool:
        """Whether somebody asked for the end of the study; asked often, it looks now and then. Any thread may ask."""
        now = time.monotonic()
        if not self._is_told_to_end and now - self._looked >= LOOK_S:
            self._looked = now
            # Asked from within an objective, whose failure it would be; what ails the store is heard by whoever writes next.
            with suppress(StoreError):
                self._is_told_to_end = any(_is_stop(command) for command in self._waiting() if command.id not in self._old)
        return self._is_told_to_end

    def answer(self, ledger: Ledger, past: Past) -> None:
        """Answer what waits. Only whoever writes the study may ask for it."""
        for command in self._waiting():
            if command.id in past.carried_out:
                self._say(command, CommandState.DONE, "carried out before the study broke off")
            elif command.id in self._old:
                # Who goes on with a study does not mean it to end at once.
                self._say(command, CommandState.REFUSED, "the study broke off before it was carried out; ask again")
            elif _is_stop(command):
                ledger.event(None, None, "asked to stop", {"command": command.id, "why": command.why}, who=command.who)
                # What is answered is recorded, whatever happens next.
                ledger.flush()
                self._is_told_to_end = True
                self._say(command, CommandState.DONE, STUDY_ENDS)
            else:
                self._say(command, CommandState.REFUSED, refusal_of_objective(self._study))

    def close(self, why: str) -> None:
        """The study has ended: commands that still wait are refused."""
        for command in self._waiting():
            self._say(command, CommandState.REFUSED, f"the study ended first: {why}")

    def _waiting(self) -> list[Command]:
        return list(self._store.commands(self._study, state=CommandState.WAITING))

    def _say(self, command: Command, state: CommandState, answer: str) -> None:
        assert command.id is not None
        self._store.answer_command(self._study, command.id, state=state, answer=answer, at=datetime.now(UTC))


def _is_stop(command: Command) -> bool:
    return command.trial is None and command.kind == "stop"
