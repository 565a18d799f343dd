"""The verbs about one trial: set, pause, continue, stop, extend, rollback and branch while it trains; replay and lineage at any time.

exit codes of those that steer: 0 done; 2 refused; 10 not answered yet: the command waits and is carried out
"""

import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from osetra.cli import DEFAULT_STORE
from osetra.cli.reading import open_study, print_named
from osetra.cli.screen import output, print_json, say
from osetra.core.errors import SpaceError, StudyError
from osetra.core.records import Command, CommandState, Value
from osetra.report import words

WAITS = 10
"""Exit code of a command that was not answered in time."""


def run_steer(name: str, number: int | None, store: str, kind: str, detail: Mapping[str, Any], *, why: str, as_json: bool) -> None:
    """Ask and print the answer; a refusal leaves as any mistake does."""
    study = open_study(name, store)
    answered = study.steer(number).ask(kind, detail, why=why)
    if as_json:
        print_json(_facts(name, answered))
    else:
        say(output(), f"{name if number is None else f'Trial {number}'}: {answered.answer}.")
        if answered.state is CommandState.WAITING and number is not None:
            suffix = "" if store == DEFAULT_STORE else f" --store {shlex.quote(store)}"
            output().print(f"       osetra lineage {shlex.quote(name)} {number}{suffix}", style="dim", soft_wrap=True)
    if answered.state is CommandState.WAITING:
        sys.stdout.flush()
        raise SystemExit(WAITS)


def _facts(study: str, command: Command) -> dict[str, Any]:
    return {
        "study": study, "trial": command.trial, "command": command.kind, "id": command.id, "detail": dict(command.detail),
        "who": command.who, "why": command.why, "state": str(command.state), "answer": command.answer, "epoch": command.epoch,
        "asked": command.at.isoformat(), "answered": command.answered and command.answered.isoformat(),
    }  # fmt: skip


def settings_of(texts: Sequence[str]) -> dict[str, Value]:
    """`NAME=VALUE` texts as settings. Raises SpaceError for what is none."""
    from osetra.space.values import read_value

    settings = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise SpaceError(f"a setting must be NAME=VALUE, got {text!r}; for example learning_rate=0.001")
        settings[name.strip()] = read_value(value)
    return settings


def place_of(text: str) -> int | Literal["best"]:
    """An epoch's number, or `best`. Raises StudyError for anything else."""
    if text == "best":
        return "best"
    try:
        return int(text)
    except ValueError:
        raise StudyError(f"an epoch must be a whole number or best, got {text!r}; `osetra show STUDY TRIAL` shows the curve") from None


def run_replay(name: str, number: int, store: str, *, data: Path | None, as_json: bool) -> None:
    """Train a trial once more and print whether it came to the same."""
    study = open_study(name, store)
    found = study.replay(number, data)
    if as_json:
        print_json({"study": study.name} | found.to_dict() | {"curve": [words.epoch_facts(record) for record in found.curve]})
        return
    error_name = study.record.error_name
    recorded = "then" if found.on_other_data else "recorded"
    for label, curve in ((recorded, found.recorded), ("now", found.curve)):
        errors = [record.dev_error for record in curve]
        best = words.error(min(errors, default=None), error_name)
        output().print(f"{label:<9} {words.sparkline(errors)}  best {words.part('dev', error_name)} {best}")
    say(output(), found.sentence)


def show_lineage(name: str, number: int, store: str, *, as_json: bool) -> None:
    """Print the story of a trial, a sentence a line."""
    from osetra.report.lineage import local
    from osetra.study.heard import heard

    study = open_study(name, store)
    story = study.lineage(number)
    if as_json:
        print_json(story.to_dict())
        return
    console = output()
    print_named(console, f"{study.name}, trial {number}", f": {heard(study).state_of(study.trial(number))}")
    for step in story.steps:
        moment = "" if step.at is None else f"{local(step.at)}  "
        say(console, f"{moment}{step.sentence}")
