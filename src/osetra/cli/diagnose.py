"""The verb `diagnose`: the verdict first, then what it rests on, then what to do."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console

from osetra.cli.reading import open_study
from osetra.cli.screen import Column, output, print_json, print_table, say
from osetra.report import words

if TYPE_CHECKING:
    from osetra.diagnosis.bias_variance import BiasVariance
    from osetra.diagnosis.finding import Finding
    from osetra.study.diagnose import Diagnosis


def run_diagnose(name: str | None, store: str, *, base_error: float, trial: int | None, as_json: bool) -> None:
    """Print the diagnosis of a study's best trial, or of another one; of the newest study if none is named."""
    study = open_study(name, store)
    found = study.diagnose(base_error, trial=trial)
    if as_json:
        print_json(found.to_dict())
        return
    console = output()
    say(console, f"{found.sentence}.", style="bold")
    console.print(f"Study {found.study}, trial {found.trial}\n", style="dim")
    if found.gaps is not None:
        _print_gaps(console, found.gaps)
        for note in found.gaps.notes:
            say(console, note, style="dim")
    _print_findings(console, "Curve", found.curve, good="Nothing is out of order in its curve.")
    _print_findings(console, "Layers", found.layers, good="Nothing is out of order in its layers.")
    _print_actions(console, found)


def _print_gaps(console: Console, judged: "BiasVariance") -> None:
    """Errors with their intervals, and under them the gaps."""
    name = judged.error_name
    rows = [(part, error.value, error.low, error.high, f"{error.rows:,} rows") for part, error in judged.errors.items()]
    rows += [(gap.name, gap.value, gap.low, gap.high, gap.reading(name)) for gap in judged.gaps]
    values = words.errors([judged.base_error, *(number for _, *numbers, _ in rows for number in numbers)], name)
    between = [f"{low.removesuffix(' %')} to {high}" for low, high in zip(values[2::3], values[3::3], strict=True)]
    columns = [
        Column(heading="", cells=["base", *(row[0] for row in rows)], justify="left"),
        Column(heading=name, cells=[values[0], *values[1::3]]),
        Column(heading="95 % interval", cells=["", *between]),
        Column(heading="", cells=["", *(row[4] for row in rows)], justify="left"),
    ]
    print_table(console, columns)


def _print_findings(console: Console, title: str, findings: "Sequence[Finding]", *, good: str) -> None:
    console.print(f"\n{title}", style="bold")
    if not findings:
        say(console, good)
    for finding in findings:
        say(console, f"{finding.name.capitalize()}: {finding.sentence}. What helps: {finding.remedy}.")


def _print_actions(console: Console, found: "Diagnosis") -> None:
    console.print("\nWhat to do next", style="bold")
    if not found.actions:
        say(console, "Nothing stands out: more trials, or a larger dev part to tell smaller gaps, may find more.")
    for number, action in enumerate(found.actions, start=1):
        say(console, f"{number}. {action.name.capitalize()}. {action.sentence}. ({action.evidence}.)")
        options = words.action_options(action.to_dict())
        if options:
            console.print(f"   osetra fit ... {options}", style="dim", soft_wrap=True)
    if any(action.can_be_typed for action in found.actions):
        say(console, "The dots stand for the command of this study; its other --set edits, if there are any, go along.", style="dim")
