"""The verb `fit`: options in, progress while it runs, leaderboard and results at the end."""

import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from osetra.cli.screen import TerminalProgress, output, print_json, trials_table
from osetra.core.errors import DataError, SpaceError
from osetra.report import words

LEADERBOARD = 10


def run_fit(
    data: Path,
    *,
    target: Sequence[str],
    edits: Sequence[str],
    sizes: str | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Tune, then print the leaderboard, the best configuration and its errors."""
    from osetra.study.fit import fit

    space = space_edits(edits)
    parts = _sizes(sizes) if sizes else None
    with TerminalProgress() as progress, _interrupt() as interrupted:
        study = fit(
            data,
            None if not target else target[0] if len(target) == 1 else list(target),
            space=space,
            sizes=parts,
            progress=progress,
            interrupted=interrupted.is_set,
            **options,
        )
    if as_json:
        leaders = [words.trial_facts(trial) for trial in study.trials(limit=LEADERBOARD)]
        print_json(words.study_facts(study.record) | {"leaderboard": leaders})
        return
    from osetra.cli.reading import print_best

    console = output()
    record = study.record
    console.print()
    console.print(trials_table(study.trials(limit=LEADERBOARD), error_name=record.error_name, title="Leaderboard"))
    console.print()
    print_best(console, study, options["store"])


def space_edits(edits: Sequence[str]) -> dict[str, Any]:
    """`NAME=RANGE` texts as edits of a space."""
    from osetra.space.words import parse_scale

    space = {}
    for edit in edits:
        name, equals, text = edit.partition("=")
        if not equals or not name.strip():
            raise SpaceError(f"--set must be NAME=VALUE or NAME=RANGE, got {edit!r}; for example learning_rate='log(1e-4, 0.1)'")
        space[name.strip()] = parse_scale(text)
    return space


def _sizes(text: str) -> tuple[float, float, float]:
    try:
        train, dev, test = (float(part) for part in text.split(","))
    except ValueError:
        raise DataError(f"--sizes must be three numbers, training,dev,test, got {text!r}; for example 0.8,0.1,0.1") from None
    return train, dev, test


@contextmanager
def _interrupt() -> Iterator[threading.Event]:
    """Set on the first Ctrl-C, so that the study ends cleanly; the second stops the process."""
    event = threading.Event()

    def on_signal(_number: int, _frame: Any) -> None:
        if event.is_set():
            raise KeyboardInterrupt
        event.set()

    before = signal.signal(signal.SIGINT, on_signal)
    try:
        yield event
    finally:
        signal.signal(signal.SIGINT, before)
