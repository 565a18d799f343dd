"""The verbs `retest`, is the old winner still the best, and `due`, which studies should be asked that; exit codes for cron."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from osetra.cli import DEFAULT_STORE
from osetra.cli.fit import Interrupt
from osetra.cli.reading import open_study
from osetra.cli.screen import Column, TerminalProgress, output, print_json, print_table, say
from osetra.core.errors import OsetraError, StudyError
from osetra.diagnosis.staleness import Verdict
from osetra.report import words

if TYPE_CHECKING:
    from osetra.study.due import Due
    from osetra.study.handle import Study
    from osetra.study.retest import Retest

DUE = 10
"""Exit code of `due` where something is due."""
CODES = {Verdict.STILL_BEST: 0, Verdict.INDISTINGUISHABLE: 10, Verdict.BEATEN: 11}
"""Exit codes of `retest`."""


def run_retest(name: str | None, store: str, *, data: Path | None, budget: str | None, as_json: bool, **options: Any) -> None:
    """Train anew, print the verdict and how each candidate did; the exit code says the verdict."""
    study = open_study(name, store)
    with Interrupt() as interrupt:
        try:
            with TerminalProgress() as progress:
                found = study.retest(data, budget=budget, progress=progress, interrupted=interrupt, **options)
        except (Exception, KeyboardInterrupt) as error:
            if not interrupt.came:
                raise
            why = str(error) if isinstance(error, OsetraError) else "nothing of the re-test is kept"
            print(f"osetra: interrupted: {why}", file=sys.stderr)  # noqa: T201
            raise SystemExit(130) from error
    if as_json:
        print_json(found.to_dict())
    else:
        _print_retest(output(), study, found, store)
    sys.stdout.flush()
    raise SystemExit(CODES[found.verdict])


def _print_retest(console: Console, study: "Study", found: "Retest", store: str) -> None:
    error_name = study.record.error_name
    say(console, f"{found.sentence}.", style="bold")
    rows = f"{words.counted(found.rows[1], 'dev row')} of {found.data}"
    console.print(f"Study {found.study}, {rows}; {words.duration(found.seconds)}\n", style="dim", soft_wrap=True)
    standings = found.found.standings
    errors = words.errors([end for one in standings for end in (one.error, one.low, one.high)], error_name)
    differences = [_difference(one, error_name) for one in standings]
    columns = [
        Column(heading="", cells=[one.name for one in standings], justify="left"),
        Column(heading="seeds", cells=[str(len(one.errors)) for one in standings], rank=3),
        Column(heading=words.part("dev", error_name), cells=errors[::3]),
        Column(heading="95 % interval", cells=[_between(*ends) for ends in zip(errors[1::3], errors[2::3], strict=True)], rank=2),
        Column(heading="worse than the winner by", cells=differences),
        Column(heading="", cells=["old winner", *(_standing(one, found) for one in standings[1:])], justify="left", rank=1),
    ]
    print_table(console, columns)
    console.print("Differences are of the same rows, and their 95 % intervals hold all together.", style="dim")
    for sentence in (found.found.order, found.moved):
        if sentence:
            say(console, f"{sentence}.")
    for note in found.notes:
        say(console, note, style="dim")
    if found.verdict is Verdict.BEATEN:
        _print_remedy(console, study, found, store)


def _print_remedy(console: Console, study: "Study", found: "Retest", store: str) -> None:
    """A new study that begins with the best of the old one."""
    data = found.data if Path(found.data).is_absolute() else "DATA"
    parts = [shlex.quote(data), *(f"--target {shlex.quote(one)}" for one in study.record.target.split(", "))]
    suffix = "" if store == DEFAULT_STORE else f" --store {shlex.quote(store)}"
    say(console, "What to do next: fit a new study on these data, beginning with the best of the old one.")
    console.print(f"   osetra fit {' '.join(parts)} --warm-start {shlex.quote(study.name)}{suffix}", style="dim", soft_wrap=True)


def _standing(one: Any, found: "Retest") -> str:
    if one.error is None:
        return "diverged"
    if one.name in found.found.tied:
        return "cannot be told from it"
    return "better" if one.difference is None or one.difference < 0 else "worse"


def _difference(one: Any, error_name: str) -> str:
    if one.difference is None:
        return ""
    numbers = one.difference, one.difference_low, one.difference_high
    if error_name == "error rate":
        value, low, high = (f"{100 * number:+.2f}" for number in numbers)
        return f"{value} points ({low} to {high})"
    value, low, high = (f"{number:+.4g}" for number in numbers)
    return f"{value} ({low} to {high})"


def _between(low: str, high: str) -> str:
    return "" if low == "-" else f"{low.removesuffix(' %')} to {high}"


def run_due(
    name: str | None, store: str, *, days: float | None, drift: float | None, versions: bool | None, no_data: bool, data: Path | None,
    keep: bool, as_json: bool,
) -> None:  # fmt: skip
    """Print which studies are due and why; exit code 10 where one is."""
    from osetra.study.due import due, keep_policy, policy_of

    if name is None and (data is not None or keep):
        raise StudyError("--data and --keep are of one study, got none; name it: osetra due STUDY")
    if no_data and (data is not None or drift is not None):
        raise StudyError("--no-data looks at no data, got --data or --drift too; leave one out")
    given = {"days": days, "drift": 0.0 if no_data else drift, "versions": versions}
    studies = _studies(name, store)
    if keep:
        keep_policy(studies[0], policy_of(studies[0], **given))
    found = [due(study, policy_of(study, **given), data=data) for study in studies]
    if as_json:
        print_json([one.to_dict() for one in found])
    else:
        _print_due(output(), found, "" if data is None else f" --data {shlex.quote(str(data))}", store)
    sys.stdout.flush()
    raise SystemExit(DUE if any(one.reasons for one in found) else 0)


def _studies(name: str | None, store: str) -> "list[Study]":
    """The one of that name, or all that can be re-tested, newest first."""
    from osetra.store.sql import open_store
    from osetra.study.due import can_be_retested
    from osetra.study.handle import Study

    if name is not None:
        return [open_study(name, store)]
    opened = open_store(store, create=False, read_only=True)
    studies = [Study(summary.study, opened, place=store) for summary in opened.studies()]
    return [study for study in studies if can_be_retested(study)]


def _print_due(console: Console, found: "list[Due]", options: str, store: str) -> None:
    """`options` go with the command that is told."""
    waiting = [one for one in found if one.reasons]
    if not found:
        console.print(f"The store {store} holds no study that can be re-tested.", soft_wrap=True)
        return
    suffix = "" if store == DEFAULT_STORE else f" --store {shlex.quote(store)}"
    for one in waiting:
        say(console, f"{one.study} is due: {'; '.join(reason.sentence for reason in one.reasons)}.")
        console.print(f"   osetra retest {shlex.quote(one.study)}{options}{suffix}", style="dim", soft_wrap=True)
    for one in found:
        for note in one.notes:
            say(console, f"{one.study}: {note}.", style="dim")
    rest = len(found) - len(waiting)
    if not waiting:
        say(console, "Nothing is due." if rest > 1 else f"{found[0].study} is not due: {_tested(found[0])}.")
    elif rest:
        console.print(f"{rest:,} other {'study is' if rest == 1 else 'studies are'} not due.", style="dim")


def _tested(one: "Due") -> str:
    return f"last tested {one.tested:%Y-%m-%d}" + (f", and then {one.verdict}" if one.verdict else "")
