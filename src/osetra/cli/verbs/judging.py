"""The verbs that judge a study: what holds its errors up (diagnose), whether it still wins (retest), whether to ask (due)."""

from pathlib import Path
from typing import Annotated

import typer

from osetra.cli import DEFAULT_STORE
from osetra.cli.options import DataOption, JsonOption, StoreOption, StudyArgument
from osetra.core.errors import StudyError


def diagnose(
    study: StudyArgument = None,
    base_error: Annotated[
        float | None,
        typer.Option(help="The lowest error that can be hoped for, such as people's; 0.1 is 10 %.  [default: estimated]"),
    ] = None,
    trial: Annotated[int | None, typer.Option(help="Number of a trial.  [default: the best]")] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Run the next search from the verdict, as a new study, and compare.")] = False,
    until: Annotated[str | None, typer.Option(help="Apply until done, or for a time such as 10m.")] = None,
    budget: Annotated[str | None, typer.Option(help="Of each new search.  [default: the study's]")] = None,
    learning_curve: Annotated[
        bool, typer.Option("--learning-curve", help="Train the best on parts of the rows: what would more rows bring?")
    ] = False,
    data: DataOption = None,
    models: Annotated[Path | None, typer.Option(help="Folder for new models.  [default: that of the study's]")] = None,
    store: StoreOption = DEFAULT_STORE,
    json: JsonOption = False,
) -> None:
    """Say whether bias or variance is high, what curve and layers show, and what to do next."""
    if apply or until is not None or learning_curve:
        from osetra.cli.apply import refuse_together, run_apply, run_learning_curve

        refuse_together(apply=apply or until is not None, learning_curve=learning_curve, trial=trial)
        if learning_curve:
            run_learning_curve(study, store, data=data, as_json=json)
        else:
            run_apply(study, store, until=until, base_error=base_error, data=data, budget=budget, models=models, as_json=json)
        return
    if budget is not None or data is not None or models is not None:
        raise StudyError(
            "--budget, --data and --models are of a new search, and plain diagnose trains nothing; add --apply or leave them out"
        )
    from osetra.cli.diagnose import run_diagnose

    run_diagnose(study, store, base_error=base_error, trial=trial, as_json=json)


def retest(
    study: StudyArgument = None,
    data: Annotated[Path | None, typer.Option(help="New data, with the same columns.  [default: the study's, as they are now]")] = None,
    budget: Annotated[str | None, typer.Option(help="Time to spend, such as 60s.  [default: what it takes]")] = None,
    rivals: Annotated[int, typer.Option(help="Of the study's best besides the winner.")] = 3,
    fresh: Annotated[int, typer.Option(help="Random configurations that the study may not know.")] = 3,
    seeds: Annotated[int, typer.Option(help="Trainings of each.")] = 3,
    seed: Annotated[int | None, typer.Option(help="Same seed, same re-test.  [default: the number of those before]")] = None,
    store: StoreOption = DEFAULT_STORE,
    json: JsonOption = False,
) -> None:
    """Train the old winner, its rivals and fresh configurations anew: is it still the best?

    Exit code 0: still best; 10: no longer distinguishable; 11: beaten.
    """
    from osetra.cli.retest import run_retest

    run_retest(study, store, data=data, budget=budget, rivals=rivals, fresh=fresh, seeds=seeds, seed=seed, as_json=json)


def due(
    study: Annotated[str | None, typer.Argument(help="Name of a study; all of the store if left out.")] = None,
    days: Annotated[float | None, typer.Option(help="Days since the last test; 0: never by age.  [default: 90]")] = None,
    drift: Annotated[float | None, typer.Option(help="PSI by which a column may have moved; 0: never by data.  [default: 0.2]")] = None,
    versions: Annotated[bool | None, typer.Option(help="Whether versions and hardware count.  [default: they do]")] = None,
    no_data: Annotated[bool, typer.Option("--no-data", help="Do not read the data.")] = False,
    data: DataOption = None,
    keep: Annotated[bool, typer.Option("--keep", help="Have the study keep these numbers as its own policy.")] = False,
    store: StoreOption = DEFAULT_STORE,
    json: JsonOption = False,
) -> None:
    """List the studies that should be tested again, and why: age, drifted data, other versions or hardware.

    Exit code 0: nothing is due; 10: something is.
    """
    from osetra.cli.retest import run_due

    run_due(study, store, days=days, drift=drift, versions=versions, no_data=no_data, data=data, keep=keep, as_json=json)
