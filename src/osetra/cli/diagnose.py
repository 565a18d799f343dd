"""The verb `diagnose`: the verdict first, then what it rests on, then what to do."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console

from osetra.cli.reading import open_study
from osetra.cli.screen import Column, output, print_json, print_table, say
from osetra.core.records import Task
from osetra.report import words
from osetra.report.references import duplicates_sentences

if TYPE_CHECKING:
    from osetra.diagnosis.bias_variance import BiasVariance
    from osetra.diagnosis.finding import Finding
    from osetra.study.diagnose import Diagnosis

_BASES = {"given": "as given", "references": "at most", "duplicates": "by rows with the same inputs", "0": "taken as 0"}


def run_diagnose(name: str | None, store: str, *, base_error: float | None, trial: int | None, as_json: bool) -> None:
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
    if study.record.task is Task.OBJECTIVE:
        _print_search(console, found)
        _print_actions(console, found, can_fit=False)
        return
    _print_references(console, study.facts.get("references"), study.record.error_name)
    _print_each(console, found.references)
    _print_findings(console, "Rows", found.data, good="Nothing stands out in its rows.")
    _print_findings(console, "Curve", found.curve, good="Nothing is out of order in its curve.")
    _print_findings(console, "Layers", found.layers, good="Nothing is out of order in its layers.")
    _print_search(console, found)
    _print_actions(console, found)


def _print_gaps(console: Console, judged: "BiasVariance") -> None:
    """Errors with their intervals, and under them the gaps."""
    name = judged.error_name
    base = judged.base
    rows = [("base", base.error.value, base.error.low, base.error.high, _BASES[base.source] if base.shows_bias else "at most")]
    rows += [(part, error.value, error.low, error.high, f"{error.rows:,} rows") for part, error in judged.errors.items()]
    rows += [(gap.name, gap.value, gap.low, gap.high, gap.reading(name)) for gap in judged.gaps]
    values = words.errors([number for _, *numbers, _ in rows for number in numbers], name)
    between = [f"{low.removesuffix(' %')} to {high}" for low, high in zip(values[1::3], values[2::3], strict=True)]
    if base.error.low == base.error.high:
        between[0] = ""
    columns = [
        Column(heading="", cells=[row[0] for row in rows], justify="left"),
        Column(heading=name, cells=values[::3]),
        Column(heading="95 % interval", cells=between),
        Column(heading="", cells=[row[4] for row in rows], justify="left"),
    ]
    print_table(console, columns)


def _print_findings(console: Console, title: str, findings: "Sequence[Finding]", *, good: str) -> None:
    console.print(f"\n{title}", style="bold")
    if not findings:
        say(console, good)
    _print_each(console, findings)


def _print_references(console: Console, known: Mapping[str, Any] | None, name: str) -> None:
    """What simple models reach on the dev part, a line each."""
    if not known or not known["references"]:
        return
    listed = known["references"]
    values = words.errors([one["dev"][number] for one in listed for number in ("value", "low", "high")], name)
    between = [f"{low.removesuffix(' %')} to {high}" for low, high in zip(values[1::3], values[2::3], strict=True)]
    columns = [
        Column(heading="", cells=[one["name"] for one in listed], justify="left"),
        Column(heading=f"dev {name}", cells=values[::3]),
        Column(heading="95 % interval", cells=between),
    ]
    console.print("\nReferences", style="bold")
    print_table(console, columns)
    for sentence in duplicates_sentences(known, name):
        say(console, sentence, style="dim")


def _print_each(console: Console, findings: "Sequence[Finding]") -> None:
    for finding in findings:
        say(console, f"{finding.name.capitalize()}: {finding.sentence}. What helps: {finding.remedy}.")


def _print_search(console: Console, found: "Diagnosis") -> None:
    """How sure the ranking is, and what is odd about the search; nothing for a trial that is not the best."""
    if found.ranking is None and not found.search:
        return
    console.print("\nSearch", style="bold")
    if found.ranking is not None:
        if not found.ranking.cannot_tell:
            say(console, f"{found.ranking.sentence}.")
        sure = found.ranking.certainty
        say(console, f"{sure[:1].upper()}{sure[1:]}.", style="dim")
    if not found.search:
        say(console, "Nothing else is out of order in the search.")
    _print_each(console, found.search)


def _print_actions(console: Console, found: "Diagnosis", *, can_fit: bool = True) -> None:
    console.print("\nWhat to do next", style="bold")
    if not found.actions:
        more = ", or a larger dev part to tell smaller gaps," if can_fit else ""
        say(console, f"Nothing stands out: more trials{more} may find more.")
    for number, action in enumerate(found.actions, start=1):
        say(console, f"{number}. {action.name.capitalize()}. {action.sentence}. ({action.evidence}.)")
        expected = [f"{word}: {told}" for word, told in (("Effect", action.effect), ("Cost", action.cost)) if told]
        if expected:
            say(console, f"   {'. '.join(expected)}.")
        options = words.action_options(action.to_dict())
        if options and can_fit:
            console.print(f"   osetra fit ... {options}", style="dim", soft_wrap=True)
    if can_fit and any(action.can_be_typed for action in found.actions):
        say(console, "The dots stand for the command of this study; its other --set edits, if there are any, go along.", style="dim")
