"""What `diagnose` does beyond reading: the next search from the verdict (`--apply`), rounds of it (`--until`), a learning curve."""

import shlex
import sys
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from rich.console import Console

from osetra.cli import DEFAULT_STORE
from osetra.cli.fit import Interrupt
from osetra.cli.reading import open_study
from osetra.cli.screen import Column, TerminalProgress, error_output, output, print_json, print_table, say
from osetra.core.errors import OsetraError, StudyError
from osetra.report import words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from osetra.study.apply import Applied
    from osetra.study.handle import Study

Result = TypeVar("Result")


def run_apply(
    name: str | None, store: str, *, until: str | None, base_error: float | None, data: Path | None, budget: str | None,
    models: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Run the next search, or with `until` one after the other; print what became of gap and dev error."""
    study = open_study(name, store)
    options = {"base_error": base_error, "data": data, "budget": budget, "models": models}
    if until is None:
        applied = _watched(lambda **watch: study.apply(**options, **watch))
        if as_json:
            print_json(applied.to_dict())
            return
        console = output()
        say(console, f"{applied.sentence}.", style="bold")
        console.print()
        _print_sides(console, applied)
        _print_next(console, applied.better, store)
        return
    series = _watched(lambda **watch: study.apply_until(until, **options, **watch))
    if as_json:
        print_json(series.to_dict())
        return
    console = output()
    rounds = words.counted(len(series.rounds), "round")
    dev = words.interval(series.best.dev_error, study.record.error_name)
    say(console, f"After {rounds} {series.best.name} is the best, dev {study.record.error_name} {dev}.", style="bold")
    say(console, f"No more: {series.ended}.")
    if series.rounds:
        console.print()
        _print_rounds(console, series.rounds)
    _print_next(console, series.best, store)


def run_learning_curve(name: str | None, store: str, *, data: Path | None, as_json: bool) -> None:
    """Train on parts of the training part and print the curve with what more rows would bring."""
    study = open_study(name, store)
    found = _watched(lambda **watch: study.learning_curve(data, **watch))
    if as_json:
        print_json(found.to_dict())
        return
    console, error_name = output(), study.record.error_name
    say(console, f"{found.sentence}.", style="bold")
    console.print()
    points = [*found.points, *found.forecast]
    values = words.errors([number for point in points for number in (point.error, point.low, point.high)], error_name)
    columns = [
        Column(heading="training rows", cells=[f"{point.rows:,}" for point in points]),
        Column(heading=words.part("dev", error_name), cells=values[::3]),
        Column(heading="95 % interval", cells=[_between(*ends) for ends in zip(values[1::3], values[2::3], strict=True)]),
        Column(heading="", cells=[""] * len(found.points) + ["forecast"] * len(found.forecast), justify="left"),
    ]
    print_table(console, columns)
    console.print()
    spent = f"{words.counted(found.trainings, 'training')} in {words.duration(found.seconds)}"
    say(console, f"Fitted: error = {found.a:.3g} + {found.b:.3g} x rows^-{found.c:.2f}, after {spent}.")
    for note in found.notes:
        say(console, note, style="dim")


def refuse_together(*, apply: bool, learning_curve: bool, trial: int | None) -> None:
    """Raises StudyError for options of `diagnose` that do not go together."""
    if apply and learning_curve:
        raise StudyError("--learning-curve trains by itself, got --apply or --until too; give one after the other")
    if trial is not None:
        raise StudyError(f"--apply, --until and --learning-curve go on from the best trial, got --trial {trial}; leave one out")


def _watched(work: Callable[..., Result]) -> Result:
    """Do it with a progress line; Ctrl-C ends it cleanly, with exit code 130 where it left nothing to say."""
    with _interruptible() as interrupt, TerminalProgress() as progress:
        return work(progress=progress, interrupted=interrupt)


@contextmanager
def _interruptible() -> "Iterator[Interrupt]":
    with Interrupt() as interrupt:
        try:
            yield interrupt
        except (Exception, KeyboardInterrupt) as error:
            if not interrupt.came:
                raise
            why = str(error) if isinstance(error, OsetraError) else "what was recorded is kept"
            print(f"osetra: interrupted: {why}", file=sys.stderr)  # noqa: T201
            raise SystemExit(130) from error
        if interrupt.came:
            say(error_output(), "Interrupted: the last study has stopped early, and was compared as it is.", style="yellow")


def _print_sides(console: Console, applied: "Applied") -> None:
    """Errors and gap of the old study and the new one, side by side."""
    error_name = applied.before.record.error_name
    change = applied.change
    rows: list[tuple[str, Any, Any]] = [("training", _trained(applied.before), _trained(applied.after))]
    rows += [(part, applied.before.facts.get(part), applied.after.facts.get(part)) for part in ("dev", "test")]
    gaps = [None if gap is None else {"value": gap.value, "low": gap.low, "high": gap.high} for gap in (change.before, change.after)]
    if change.gap:
        rows.append((change.gap, gaps[0], gaps[1]))
    kept = [row for row in rows if row[1] or row[2]]
    columns = [Column(heading="", cells=[row[0] for row in kept], justify="left")]
    for place, study in ((1, applied.before), (2, applied.after)):
        columns.append(Column(heading=study.name, cells=[_measured(row[place], error_name) for row in kept]))
    print_table(console, columns)


def _print_rounds(console: Console, rounds: "tuple[Applied, ...]") -> None:
    error_name = rounds[0].before.record.error_name
    gaps = [(one.change.before, one.change.after) for one in rounds]
    values = words.errors([None if gap is None else gap.value for pair in gaps for gap in pair], error_name)
    columns = [
        Column(heading="study", cells=[one.after.name for one in rounds], justify="left"),
        Column(heading="what was done", cells=[", ".join(action.name for action in one.actions) for one in rounds], justify="left", rank=2),
        Column(heading="gap", cells=[one.change.gap or "-" for one in rounds], justify="left", rank=1),
        Column(heading="before", cells=values[::2]),
        Column(heading="after", cells=values[1::2]),
        Column(heading=words.part("dev", error_name), cells=words.errors([one.change.dev_after.value for one in rounds], error_name)),
        Column(heading="", cells=["gain" if one.change.is_gain else "no gain" for one in rounds], justify="left"),
    ]
    print_table(console, columns)


def _print_next(console: Console, study: "Study", store: str) -> None:
    suffix = "" if store == DEFAULT_STORE else f" --store {shlex.quote(store)}"
    console.print()
    if study.facts.get("model"):
        console.print(f"Model  {study.facts['model']}", soft_wrap=True)
    console.print(f"Study  {study.name} in {store}", soft_wrap=True)
    console.print(f"       osetra diagnose {shlex.quote(study.name)}{suffix}", style="dim", soft_wrap=True)


def _trained(study: "Study") -> dict[str, float] | None:
    try:
        error = study.best.train_error
    except StudyError:
        return None
    # Of an ensemble the training error is not known, its best network's is another's.
    return None if error is None or study.facts.get("single") else {"value": error}


def _measured(known: Any, error_name: str) -> str:
    if not known:
        return "-"
    if "low" not in known:
        return words.error(known["value"], error_name)
    value, low, high = words.errors([known[end] for end in ("value", "low", "high")], error_name)
    return f"{value} ({_between(low, high)})"


def _between(low: str, high: str) -> str:
    return f"{low.removesuffix(' %')} to {high}"
