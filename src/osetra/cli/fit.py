"""The verbs `fit` and `resume`: options in, progress while it runs, leaderboard and results at the end."""

import shlex
import signal
import sys
from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path
from types import FrameType
from typing import Any

from osetra.cli import DEFAULT_STORE
from osetra.cli.screen import TerminalProgress, error_output, output, print_json, print_trials, say
from osetra.core.errors import DataError, OsetraError, SpaceError, StudyError
from osetra.core.records import Trial, TrialState
from osetra.report import words

LEADERBOARD = 10
MOST_STEPS = 20
WINNERS = tuple(state for state in TrialState if state.is_over and state.can_win)


def run_fit(
    data: Path,
    *,
    target: Sequence[str],
    edits: Sequence[str],
    sizes: str | None,
    test: Path | None,
    no_test: bool,
    class_weight: str | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Tune, then print the leaderboard, the best configuration and its errors. Exit code 130 if Ctrl-C came before there was a model."""
    if test is not None and no_test:
        raise DataError(f"a test part is either given or not wanted, got --test {test} and --no-test; leave one out")
    options |= {"test": not no_test if test is None else test, "class_weight": class_weights(class_weight)}
    carry_out(lambda **watched: _fit(data, target, edits, sizes, **watched, **options), options["store"], as_json=as_json)


def run_resume(name: str | None, store: str, *, data: Path | None, workers: int | None, as_json: bool) -> None:
    """Go on with a study that broke off, the newest if none is named; then as `run_fit`."""
    from osetra.cli.reading import open_study
    from osetra.study.resume import resume

    wanted = open_study(name, store).name
    carry_out(lambda **watched: resume(wanted, store, data=data, workers=workers, **watched), store, as_json=as_json)


def carry_out(run: Callable[..., Any], store: str, *, as_json: bool) -> None:
    """Have `run` (which takes `progress` and `interrupted`) come to a study and print it, progress meanwhile; Ctrl-C ends it cleanly."""
    with Interrupt() as interrupt:
        try:
            with TerminalProgress() as progress:
                study = run(progress=progress, interrupted=interrupt)
        except (Exception, KeyboardInterrupt) as error:
            # Ctrl-C may also turn into something else on its way out of a library.
            if not interrupt.came:
                raise
            why = f": {error}" if isinstance(error, OsetraError) else "; what was recorded is kept" if interrupt.searching else ""
            print(f"osetra: interrupted before there was a model{why}", file=sys.stderr)  # noqa: T201
            raise SystemExit(130) from error
        leaders = study.trials(states=WINNERS, limit=LEADERBOARD)
        if as_json:
            print_json(words.study_facts(study.record) | {"leaderboard": [words.trial_facts(trial) for trial in leaders]})
        else:
            _print_study(study, leaders, store)
    if interrupt.came:
        trials = words.counted(study.facts["trials"], "trial")
        suffix = "" if store == DEFAULT_STORE else f" --store {shlex.quote(store)}"
        say(
            error_output(),
            f"Interrupted: the best of {trials} so far was kept, and study {study.name} is marked as stopped. Use the model as it is, "
            f"or go on: osetra resume {shlex.quote(study.name)}{suffix}",
            style="yellow",
        )


def _fit(data: Path, target: Sequence[str], edits: Sequence[str], sizes: str | None, **options: Any) -> Any:
    space = space_edits(edits)
    parts = split_sizes(sizes) if sizes else None
    from osetra.study.fit import fit

    return fit(data, None if not target else target[0] if len(target) == 1 else list(target), space=space, sizes=parts, **options)


def _print_study(study: Any, leaders: Sequence[Trial], store: str) -> None:
    from osetra.cli.reading import print_best

    console = output()
    console.print()
    print_trials(console, leaders, error_name=study.record.error_name, title="Leaderboard")
    console.print()
    print_best(console, study, store)
    if study.facts.get("strategy") == "panda":
        _print_story(console, study)
    _print_verdict(console, study, store)


def _print_story(console: Any, study: Any) -> None:
    """How one model was steered, and what the babysitter would have done; the last of it where it is long."""
    from osetra.report.lineage import STEERED, told

    number = study.best.number
    steered = [event for event in study.events(number) if event.kind in STEERED]
    if not steered:
        say(console, "Nobody steered it, and the babysitter had nothing to say.", style="dim")
        return
    # What nobody follows is suggested again and again.
    runs = [list(same) for _, same in groupby(steered, key=lambda event: event.detail["rule"] if event.kind == "suggested" else event.at)]
    left = f", the last {MOST_STEPS} of {len(runs)} steps" if len(runs) > MOST_STEPS else ""
    console.print(f"Trial {number}, as it was steered{left}", style="bold")
    for same in runs[-MOST_STEPS:]:
        again = f"; {words.counted(len(same) - 1, 'time')} more, up to epoch {same[-1].epoch}" if len(same) > 1 else ""
        sentence = told(same[0], study.record.error_name) or same[0].kind
        say(console, f"after epoch {same[0].epoch or 0:>4}  {sentence}{again}")


def _print_verdict(console: Any, study: Any, store: str) -> None:
    """The verdict of the diagnosis and the first thing to do, where there are errors to compare."""
    try:
        found = study.diagnose()
    except StudyError:
        return
    suffix = "" if store == DEFAULT_STORE else f" --store {shlex.quote(store)}"
    action = f"; next: {found.first_action.name}" if found.first_action else ""
    say(console, f"{found.sentence}{action} (osetra diagnose {shlex.quote(study.name)}{suffix})")


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


def class_weights(text: str | None) -> str | dict[str, float] | None:
    """`balanced`, or `LABEL=WEIGHT` texts, comma between, as a weight for each label."""
    if text is None or "=" not in text:
        return text
    weights = {}
    for part in text.split(","):
        label, _, weight = part.rpartition("=")
        try:
            weights[label.strip()] = float(weight)
        except ValueError:
            raise DataError(f"--class-weight must be balanced or LABEL=WEIGHT, got {part!r}; for example yes=3,no=1") from None
    return weights


def split_sizes(text: str) -> tuple[float, float, float]:
    """`TRAIN,DEV,TEST` as three numbers."""
    try:
        train, dev, test = (float(part) for part in text.split(","))
    except ValueError:
        raise DataError(f"--sizes must be three numbers, training,dev,test, got {text!r}; for example 0.8,0.1,0.1") from None
    return train, dev, test


class Interrupt:
    """Ctrl-C: before the search begins it stops the process, then it ends the search cleanly; the second one stops the process again.

    It is asked, as `fit` asks its `interrupted`, only while the search goes on; that is how it knows.
    """

    def __init__(self) -> None:
        self.came = False
        self.searching = False

    def __call__(self) -> bool:
        """Whether Ctrl-C came."""
        self.searching = True
        return self.came

    def __enter__(self) -> "Interrupt":
        self._before = signal.signal(signal.SIGINT, self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self._before)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        again, self.came = self.came, True
        if again or not self.searching:
            raise KeyboardInterrupt
