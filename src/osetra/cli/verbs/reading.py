"""The verbs that show what a store holds: studies, trials, show, best, watch, space, lineage, report."""

from pathlib import Path
from typing import Annotated

import typer

from osetra.cli import DEFAULT_STORE
from osetra.cli.options import JsonOption, OneStudyArgument, StoreOption, StudyArgument, TrialArgument


def studies(store: StoreOption = DEFAULT_STORE, json: JsonOption = False) -> None:
    """List the studies of a store, newest first."""
    from osetra.cli.reading import list_studies

    list_studies(store, as_json=json)


def trials(
    study: StudyArgument = None,
    limit: Annotated[int, typer.Option(min=1, help="Rows to show.")] = 20,
    offset: Annotated[int, typer.Option(min=0, help="Rows to pass over.")] = 0,
    state: Annotated[str | None, typer.Option(help="Only trials in this state, such as diverged.")] = None,
    store: StoreOption = DEFAULT_STORE,
    json: JsonOption = False,
) -> None:
    """List the trials of a study, best first."""
    from osetra.cli.reading import list_trials

    list_trials(study, store, state=state, limit=limit, offset=offset, as_json=json)


def show(
    study: StudyArgument = None,
    trial: Annotated[int | None, typer.Argument(help="Number of a trial; the study as a whole if left out.")] = None,
    smooth: Annotated[float, typer.Option(help="Smooth the curve: 0.9 averages about the last 10 epochs, 0 none.")] = 0.0,
    store: StoreOption = DEFAULT_STORE,
    json: JsonOption = False,
) -> None:
    """Show a study, or one of its trials with its curve."""
    from osetra.cli.reading import show_study, show_trial

    if trial is None:
        show_study(study, store, as_json=json)
    else:
        show_trial(study, trial, store, smoothing=smooth, as_json=json)


def best(study: StudyArgument = None, store: StoreOption = DEFAULT_STORE, json: JsonOption = False) -> None:
    """Show the best trial of a study, its configuration, its errors and its model."""
    from osetra.cli.reading import show_best

    show_best(study, store, as_json=json)


def watch(
    study: StudyArgument = None,
    trial: Annotated[int | None, typer.Argument(min=0, help="Number of a trial to show closely.")] = None,
    once: Annotated[bool, typer.Option("--once", help="Print how it stands now and stop.")] = False,
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Watch a study while it is trained: what runs, curves, the best so far. Ctrl-C ends the watching, not the study."""
    from osetra.cli.watch import run_watch

    run_watch(study, trial, store, once=once)


def space(
    study: StudyArgument = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="Edit it while the study runs: NAME=VALUE or NAME=RANGE, for the trials to come. Repeatable."),
    ] = None,
    why: Annotated[str, typer.Option(help="Why, for the record.")] = "",
    store: StoreOption = DEFAULT_STORE,
    json: JsonOption = False,
) -> None:
    """Show what a study searches and how that came about; edit it while it runs."""
    from osetra.cli.space import run_space

    run_space(study, store, edits=set_ or [], why=why, as_json=json)


def lineage(study: OneStudyArgument, trial: TrialArgument, store: StoreOption = DEFAULT_STORE, json: JsonOption = False) -> None:
    """Tell the story of a trial, from its initialisation to the model's file."""
    from osetra.cli.steer import show_lineage

    show_lineage(study, trial, store, as_json=json)


def report(
    study: StudyArgument = None,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="HTML file to write.  [default: by the study]")] = None,
    base_error: Annotated[
        float | None,
        typer.Option(help="The lowest error that can be hoped for, as for diagnose; 0.1 is 10 %.  [default: estimated]"),
    ] = None,
    store: StoreOption = DEFAULT_STORE,
    json: JsonOption = False,
) -> None:
    """Write a study as one HTML file: verdict, figures, tables, how to repeat it; opens offline."""
    from osetra.cli.report import run_report

    run_report(study, store, out=out, base_error=base_error, as_json=json)
