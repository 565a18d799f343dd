"""The verbs that steer a trial (set, pause, continue, stop, extend, rollback, branch), and the one that trains it once more (replay)."""

from pathlib import Path
from typing import Annotated

import typer

from osetra.cli import DEFAULT_STORE
from osetra.cli.options import JsonOption, OneStudyArgument, StoreOption, TrialArgument, WhyOption


def set_trial(
    study: OneStudyArgument,
    trial: TrialArgument,
    settings: Annotated[list[str], typer.Argument(metavar="NAME=VALUE...", help="Such as learning_rate=0.001.")],
    why: WhyOption = "",
    store: StoreOption = DEFAULT_STORE,
    json: JsonOption = False,
) -> None:
    """Change settings of a trial that trains, from its next epoch on: learning rate, l2, batch size, schedule ..."""
    from osetra.cli.steer import run_steer, settings_of

    run_steer(study, trial, store, "set", {"settings": settings_of(settings)}, why=why, as_json=json)


def pause(
    study: OneStudyArgument, trial: TrialArgument, why: WhyOption = "", store: StoreOption = DEFAULT_STORE, json: JsonOption = False
) -> None:
    """Have a trial that trains stand still at the end of its epoch."""
    from osetra.cli.steer import run_steer

    run_steer(study, trial, store, "pause", {}, why=why, as_json=json)


def proceed(
    study: OneStudyArgument, trial: TrialArgument, why: WhyOption = "", store: StoreOption = DEFAULT_STORE, json: JsonOption = False
) -> None:
    """Have a trial that stands still go on."""
    from osetra.cli.steer import run_steer

    run_steer(study, trial, store, "continue", {}, why=why, as_json=json)


def stop(
    study: OneStudyArgument,
    trial: Annotated[int | None, typer.Argument(metavar="[TRIAL]", min=0, help="Number of a trial; without it, the study.")] = None,
    why: WhyOption = "",
    store: StoreOption = DEFAULT_STORE,
    json: JsonOption = False,
) -> None:
    """End a trial that trains, and the study goes on; or the study, from anywhere, as Ctrl-C does where it runs."""
    from osetra.cli.steer import run_steer

    run_steer(study, trial, store, "stop", {}, why=why, as_json=json)


def extend(
    study: OneStudyArgument,
    trial: TrialArgument,
    epochs: Annotated[int, typer.Argument(metavar="EPOCHS", help="How many more.")],
    why: WhyOption = "",
    store: StoreOption = DEFAULT_STORE,
    json: JsonOption = False,
) -> None:
    """Give a trial more epochs."""
    from osetra.cli.steer import run_steer

    run_steer(study, trial, store, "extend", {"epochs": epochs}, why=why, as_json=json)


def rollback(
    study: OneStudyArgument,
    trial: TrialArgument,
    epoch: Annotated[str, typer.Argument(metavar="EPOCH", help="An earlier epoch, or best.")],
    settings: Annotated[list[str] | None, typer.Argument(metavar="[NAME=VALUE...]", help="What is other from there on.")] = None,
    why: WhyOption = "",
    store: StoreOption = DEFAULT_STORE,
    json: JsonOption = False,
) -> None:
    """Put a trial back to the end of an earlier epoch, from where it goes on."""
    from osetra.cli.steer import place_of, run_steer, settings_of

    changed = {"settings": settings_of(settings)} if settings else {}
    run_steer(study, trial, store, "rollback", {"epoch": place_of(epoch), **changed}, why=why, as_json=json)


def branch(
    study: OneStudyArgument,
    trial: TrialArgument,
    settings: Annotated[list[str] | None, typer.Argument(metavar="[NAME=VALUE...]", help="What is other in the new trial.")] = None,
    epoch: Annotated[str | None, typer.Option(help="An epoch of the trial's, or best.  [default: the last]")] = None,
    why: WhyOption = "",
    store: StoreOption = DEFAULT_STORE,
    json: JsonOption = False,
) -> None:
    """Begin a new trial with the weights that a trial had at the end of an epoch."""
    from osetra.cli.steer import place_of, run_steer, settings_of

    place = {} if epoch is None else {"epoch": place_of(epoch)}
    run_steer(study, trial, store, "branch", {**place, "settings": settings_of(settings or [])}, why=why, as_json=json)


def replay(
    study: OneStudyArgument,
    trial: TrialArgument,
    data: Annotated[Path | None, typer.Option(help="Other data.  [default: the study's, where they were]")] = None,
    store: StoreOption = DEFAULT_STORE,
    json: JsonOption = False,
) -> None:
    """Train a trial once more from its first epoch, by all that was done to it: is it the same to the bit?"""
    from osetra.cli.steer import run_replay

    run_replay(study, trial, store, data=data, as_json=json)
