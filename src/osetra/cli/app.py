"""The command line: verbs, their options, and how errors leave.

    exit codes: 0 done; 1 our own mistake (with a traceback), the reader of our output went away, or `check` found a gradient suspect or
                wrong; 2 something given cannot be used; 130 interrupted by Ctrl-C (but 0 where `fit` could keep the best so far)
                those that steer a trial (`set`, `pause` ...): 10 the command waits still and is carried out
                `retest`: 0 still best, 10 no longer distinguishable, 11 beaten; `due`: 0 nothing is due, 10 something is

Every verb's work is imported when it runs, so `osetra --help` answers at once.
"""

import errno
import io
import os
import sys
from pathlib import Path
from typing import Annotated, NoReturn, Optional

import typer

from osetra.cli import DEFAULT_STORE
from osetra.core.errors import OsetraError, StudyError

app = typer.Typer(
    name="osetra",
    help="Give it data: it returns a trained, tuned neural network.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

StoreOption = Annotated[str, typer.Option(help="Where studies are kept: a file or a URL.", envvar="OSETRA_STORE")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of words.")]
StudyArgument = Annotated[Optional[str], typer.Argument(help="Name of a study; the newest if left out.")]  # noqa: UP045 -- typer reads it

OneStudyArgument = Annotated[str, typer.Argument(metavar="STUDY", help="Name of a study.")]
TrialArgument = Annotated[int, typer.Argument(metavar="TRIAL", min=0, help="Number of a trial.")]
WhyOption = Annotated[str, typer.Option(help="Why, for those who look at it later.")]


def main() -> None:
    """Run the command; a user's mistake is one message on stderr and exit code 2, never a traceback."""
    # What the terminal cannot show is written out instead of being an error.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        try:
            app(prog_name="osetra")
        finally:
            sys.stdout.flush()
    except OsetraError as error:
        _refuse(str(error))
    except OSError as error:
        # One without a file name is a stream's: our output could not be written.
        if error.filename is not None:
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if error.errno == errno.EPIPE:
            sys.exit(1)
        _refuse(f"the output needs a place that can be written, got: {error.strerror}; free some space or name another")


def _refuse(message: str) -> NoReturn:
    from osetra.cli.screen import printable

    print(f"osetra: {printable(message)}", file=sys.stderr)  # noqa: T201
    sys.exit(2)


def _version(asked: bool) -> None:
    if asked:
        from osetra import __version__

        typer.echo(f"osetra {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")] = False,
) -> None:
    """Give it data: it returns a trained, tuned neural network."""


@app.command()
def fit(
    data: Annotated[Path, typer.Argument(help="A table: .csv, .csv.gz, .parquet, .feather, .npz; or images: a folder for each class.")],
    target: Annotated[Optional[list[str]], typer.Option(help="Column to predict; repeat for several (regression).")] = None,  # noqa: UP045
    budget: Annotated[str | None, typer.Option(help="Time to spend, such as 60s or 10m.  [default: 60s if nothing is bounded]")] = None,
    trials: Annotated[Optional[int], typer.Option(help="Train this many configurations.")] = None,  # noqa: UP045
    epochs: Annotated[Optional[int], typer.Option(help="Spend this many epochs, over all trials.")] = None,  # noqa: UP045
    epochs_per_trial: Annotated[Optional[int], typer.Option(help="Longest training of one trial.  [default: by the data]")] = None,  # noqa: UP045
    patience: Annotated[Optional[int], typer.Option(help="End a trial after so many epochs without a better one; 0: never.")] = None,  # noqa: UP045
    strategy: Annotated[
        str,
        typer.Option(help="waves, or random, sobol, grid, coarse_to_fine, tpe; these with +asha, +successive_halving or +hyperband."),
    ] = "waves",
    panda: Annotated[bool, typer.Option("--panda", help="Train one model for the whole budget, to be watched and steered.")] = False,
    babysitter: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="What looks at a trial after every epoch: off, suggest, act, or RULE=MODE,...  [default: suggest in panda]"),
    ] = None,
    no_finals: Annotated[bool, typer.Option("--no-finals", help="Do not train the best anew with fresh seeds.")] = False,
    ensemble: Annotated[bool, typer.Option("--ensemble", help="Make the model of several networks, chosen on dev.")] = False,
    warm_start: Annotated[Optional[str], typer.Option(help="A study of the store whose best are tried first.")] = None,  # noqa: UP045
    task: Annotated[Optional[str], typer.Option(help="binary, multiclass or regression.  [default: inferred from the target]")] = None,  # noqa: UP045
    study: Annotated[Optional[str], typer.Option(help="Name of the study.  [default: by the file]")] = None,  # noqa: UP045
    store: StoreOption = DEFAULT_STORE,
    models: Annotated[Path, typer.Option(help="Folder under which the model is saved.")] = Path("models"),
    seed: Annotated[int, typer.Option(help="Same seed, same study.")] = 0,
    set_: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option("--set", help="Edit the space: NAME=VALUE or NAME=RANGE, such as learning_rate='log(1e-4, 0.1)'. Repeatable."),
    ] = None,
    drop: Annotated[Optional[list[str]], typer.Option(help="Column to leave out. Repeatable.")] = None,  # noqa: UP045
    sizes: Annotated[str | None, typer.Option(help="Train,dev,test as shares or rows, such as 0.8,0.1,0.1.  [default: by rows]")] = None,
    groups: Annotated[Optional[str], typer.Option(help="Column whose groups never span parts.")] = None,  # noqa: UP045
    time: Annotated[Optional[str], typer.Option(help="Column of times: later rows are dev and test.")] = None,  # noqa: UP045
    dev: Annotated[Optional[Path], typer.Option(help="A table of its own for dev, with the same columns.")] = None,  # noqa: UP045
    test: Annotated[Optional[Path], typer.Option(help="A table of its own for test, measured once at the end.")] = None,  # noqa: UP045
    no_test: Annotated[bool, typer.Option("--no-test", help="Keep no test part: its rows train.")] = False,
    weights: Annotated[Optional[str], typer.Option(help="Column of row weights >= 0, in the cost and in every error.")] = None,  # noqa: UP045
    class_weight: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="What mistakes on classes cost in training: balanced, or such as yes=3,no=1."),
    ] = None,
    workers: Annotated[Optional[int], typer.Option(help="Trials trained side by side.  [default: the cores]")] = None,  # noqa: UP045
    memory: Annotated[Optional[str], typer.Option(help="Where trials wait; beyond it on disk, such as 500MB.  [default: 1GiB]")] = None,  # noqa: UP045
    checkpoints: Annotated[Optional[str], typer.Option(help="What the store keeps of trials in training.  [default: 256MiB]")] = None,  # noqa: UP045
    json: JsonOption = False,
) -> None:
    """Tune networks on a table or images and leave the trained best one."""
    from osetra.cli.fit import run_fit

    run_fit(
        data, target=target or [], budget=budget, trials=trials, epochs=epochs, epochs_per_trial=epochs_per_trial, patience=patience,
        strategy=strategy, panda=panda, babysitter=babysitter, finals=not no_finals, ensemble=ensemble, warm_start=warm_start, task=task,
        study=study, store=store, models=models, seed=seed, edits=set_ or [], drop=drop or [], sizes=sizes, groups=groups,
        time_column=time, dev=dev, test=test, no_test=no_test, weights=weights, class_weight=class_weight, workers=workers,
        memory=memory, checkpoints=checkpoints, as_json=json,
    )  # fmt: skip


@app.command()
def resume(
    study: StudyArgument = None,
    data: Annotated[Optional[Path], typer.Option(help="Where the data are now, if they moved.")] = None,  # noqa: UP045
    workers: Annotated[Optional[int], typer.Option(help="Trials trained side by side.  [default: the cores]")] = None,  # noqa: UP045
    store: StoreOption = DEFAULT_STORE,
    json: JsonOption = False,
) -> None:
    """Go on with a study that was killed or interrupted, to where it would have come."""
    from osetra.cli.fit import run_resume

    run_resume(study, store, data=data, workers=workers, as_json=json)


@app.command()
def plan(
    data: Annotated[Path, typer.Argument(help="A table or images, as for fit.")],
    target: Annotated[Optional[list[str]], typer.Option(help="Column to predict; repeat for several (regression).")] = None,  # noqa: UP045
    budget: Annotated[str | None, typer.Option(help="Time to spend, such as 60s or 10m.  [default: 60s if nothing is bounded]")] = None,
    trials: Annotated[Optional[int], typer.Option(help="Train this many configurations.")] = None,  # noqa: UP045
    epochs: Annotated[Optional[int], typer.Option(help="Spend this many epochs, over all trials.")] = None,  # noqa: UP045
    epochs_per_trial: Annotated[Optional[int], typer.Option(help="Longest training of one trial.  [default: by the data]")] = None,  # noqa: UP045
    patience: Annotated[Optional[int], typer.Option(help="End a trial after so many epochs without a better one; 0: never.")] = None,  # noqa: UP045
    strategy: Annotated[str, typer.Option(help="How configurations are chosen, as for fit.")] = "waves",
    no_finals: Annotated[bool, typer.Option("--no-finals", help="Do not train the best anew with fresh seeds.")] = False,
    task: Annotated[Optional[str], typer.Option(help="binary, multiclass or regression.  [default: inferred from the target]")] = None,  # noqa: UP045
    seed: Annotated[int, typer.Option(help="Of the fit that is planned.")] = 0,
    set_: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option("--set", help="Edit the space: NAME=VALUE or NAME=RANGE, such as learning_rate='log(1e-4, 0.1)'. Repeatable."),
    ] = None,
    drop: Annotated[Optional[list[str]], typer.Option(help="Column to leave out. Repeatable.")] = None,  # noqa: UP045
    sizes: Annotated[str | None, typer.Option(help="Train,dev,test as shares or rows, such as 0.8,0.1,0.1.  [default: by rows]")] = None,
    groups: Annotated[Optional[str], typer.Option(help="Column whose groups never span parts.")] = None,  # noqa: UP045
    time: Annotated[Optional[str], typer.Option(help="Column of times: later rows are dev and test.")] = None,  # noqa: UP045
    dev: Annotated[Optional[Path], typer.Option(help="A table of its own for dev, with the same columns.")] = None,  # noqa: UP045
    test: Annotated[Optional[Path], typer.Option(help="A table of its own for test.")] = None,  # noqa: UP045
    no_test: Annotated[bool, typer.Option("--no-test", help="Keep no test part: its rows train.")] = False,
    weights: Annotated[Optional[str], typer.Option(help="Column of row weights >= 0, in the cost and in every error.")] = None,  # noqa: UP045
    class_weight: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="What mistakes on classes cost in training: balanced, or such as yes=3,no=1."),
    ] = None,
    workers: Annotated[Optional[int], typer.Option(help="Trials trained side by side.  [default: the cores]")] = None,  # noqa: UP045
    probe: Annotated[str, typer.Option(help="How long to measure, such as 5s.")] = "5s",
    json: JsonOption = False,
) -> None:
    """Say what a budget will buy on these data and this machine, before it is spent: panda, caviar or a mix.

    Trains for some seconds to measure, and keeps nothing. All options are those of fit.
    """
    from osetra.cli.plan import run_plan

    run_plan(
        data, target=target or [], budget=budget, trials=trials, epochs=epochs, epochs_per_trial=epochs_per_trial, patience=patience,
        strategy=strategy, finals=not no_finals, task=task, seed=seed, edits=set_ or [], drop=drop or [], sizes=sizes, groups=groups,
        time_column=time, dev=dev, test=test, no_test=no_test, weights=weights, class_weight=class_weight, workers=workers,
        probe_seconds=probe, as_json=json,
    )  # fmt: skip


@app.command()
def studies(store: StoreOption = DEFAULT_STORE, json: JsonOption = False) -> None:
    """List the studies of a store, newest first."""
    from osetra.cli.reading import list_studies

    list_studies(store, as_json=json)


@app.command()
def trials(
    study: StudyArgument = None,
    limit: Annotated[int, typer.Option(min=1, help="Rows to show.")] = 20,
    offset: Annotated[int, typer.Option(min=0, help="Rows to pass over.")] = 0,
    state: Annotated[Optional[str], typer.Option(help="Only trials in this state, such as diverged.")] = None,  # noqa: UP045
    store: StoreOption = DEFAULT_STORE,
    json: JsonOption = False,
) -> None:
    """List the trials of a study, best first."""
    from osetra.cli.reading import list_trials

    list_trials(study, store, state=state, limit=limit, offset=offset, as_json=json)


@app.command()
def show(
    study: StudyArgument = None,
    trial: Annotated[Optional[int], typer.Argument(help="Number of a trial; the study as a whole if left out.")] = None,  # noqa: UP045
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


@app.command()
def best(study: StudyArgument = None, store: StoreOption = DEFAULT_STORE, json: JsonOption = False) -> None:
    """Show the best trial of a study, its configuration, its errors and its model."""
    from osetra.cli.reading import show_best

    show_best(study, store, as_json=json)


@app.command()
def diagnose(
    study: StudyArgument = None,
    base_error: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(help="The lowest error that can be hoped for, such as people's; 0.1 is 10 %.  [default: estimated]"),
    ] = None,
    trial: Annotated[Optional[int], typer.Option(help="Number of a trial.  [default: the best]")] = None,  # noqa: UP045
    apply: Annotated[bool, typer.Option("--apply", help="Run the next search from the verdict, as a new study, and compare.")] = False,
    until: Annotated[Optional[str], typer.Option(help="Apply until done, or for a time such as 10m.")] = None,  # noqa: UP045
    budget: Annotated[Optional[str], typer.Option(help="Of each new search.  [default: the study's]")] = None,  # noqa: UP045
    learning_curve: Annotated[
        bool, typer.Option("--learning-curve", help="Train the best on parts of the rows: what would more rows bring?")
    ] = False,
    data: Annotated[Optional[Path], typer.Option(help="Where the study's data lie now.  [default: where they were]")] = None,  # noqa: UP045
    models: Annotated[Optional[Path], typer.Option(help="Folder for new models.  [default: that of the study's]")] = None,  # noqa: UP045
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


@app.command()
def retest(
    study: StudyArgument = None,
    data: Annotated[Optional[Path], typer.Option(help="New data, with the same columns.  [default: the study's, as they are now]")] = None,  # noqa: UP045
    budget: Annotated[Optional[str], typer.Option(help="Time to spend, such as 60s.  [default: what it takes]")] = None,  # noqa: UP045
    rivals: Annotated[int, typer.Option(help="Of the study's best besides the winner.")] = 3,
    fresh: Annotated[int, typer.Option(help="Random configurations that the study may not know.")] = 3,
    seeds: Annotated[int, typer.Option(help="Trainings of each.")] = 3,
    seed: Annotated[Optional[int], typer.Option(help="Same seed, same re-test.  [default: the number of those before]")] = None,  # noqa: UP045
    store: StoreOption = DEFAULT_STORE,
    json: JsonOption = False,
) -> None:
    """Train the old winner, its rivals and fresh configurations anew: is it still the best?

    Exit code 0: still best; 10: no longer distinguishable; 11: beaten.
    """
    from osetra.cli.retest import run_retest

    run_retest(study, store, data=data, budget=budget, rivals=rivals, fresh=fresh, seeds=seeds, seed=seed, as_json=json)


@app.command()
def due(
    study: Annotated[Optional[str], typer.Argument(help="Name of a study; all of the store if left out.")] = None,  # noqa: UP045
    days: Annotated[Optional[float], typer.Option(help="Days since the last test; 0: never by age.  [default: 90]")] = None,  # noqa: UP045
    drift: Annotated[Optional[float], typer.Option(help="PSI by which a column may have moved; 0: never by data.  [default: 0.2]")] = None,  # noqa: UP045
    versions: Annotated[Optional[bool], typer.Option(help="Whether versions and hardware count.  [default: they do]")] = None,  # noqa: UP045
    no_data: Annotated[bool, typer.Option("--no-data", help="Do not read the data.")] = False,
    data: Annotated[Optional[Path], typer.Option(help="Where the study's data lie now.  [default: where they were]")] = None,  # noqa: UP045
    keep: Annotated[bool, typer.Option("--keep", help="Have the study keep these numbers as its own policy.")] = False,
    store: StoreOption = DEFAULT_STORE,
    json: JsonOption = False,
) -> None:
    """List the studies that should be tested again, and why: age, drifted data, other versions or hardware.

    Exit code 0: nothing is due; 10: something is.
    """
    from osetra.cli.retest import run_due

    run_due(study, store, days=days, drift=drift, versions=versions, no_data=no_data, data=data, keep=keep, as_json=json)


@app.command()
def watch(
    study: StudyArgument = None,
    trial: Annotated[Optional[int], typer.Argument(min=0, help="Number of a trial to show closely.")] = None,  # noqa: UP045
    once: Annotated[bool, typer.Option("--once", help="Print how it stands now and stop.")] = False,
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Watch a study while it is trained: what runs, curves, the best so far. Ctrl-C ends the watching, not the study."""
    from osetra.cli.watch import run_watch

    run_watch(study, trial, store, once=once)


@app.command()
def space(
    study: StudyArgument = None,
    set_: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option("--set", help="Edit it while the study runs: NAME=VALUE or NAME=RANGE, for the trials to come. Repeatable."),
    ] = None,
    why: Annotated[str, typer.Option(help="Why, for the record.")] = "",
    store: StoreOption = DEFAULT_STORE,
    json: JsonOption = False,
) -> None:
    """Show what a study searches and how that came about; edit it while it runs."""
    from osetra.cli.space import run_space

    run_space(study, store, edits=set_ or [], why=why, as_json=json)


@app.command(name="set")
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


@app.command()
def pause(
    study: OneStudyArgument, trial: TrialArgument, why: WhyOption = "", store: StoreOption = DEFAULT_STORE, json: JsonOption = False
) -> None:
    """Have a trial that trains stand still at the end of its epoch."""
    from osetra.cli.steer import run_steer

    run_steer(study, trial, store, "pause", {}, why=why, as_json=json)


@app.command(name="continue")
def proceed(
    study: OneStudyArgument, trial: TrialArgument, why: WhyOption = "", store: StoreOption = DEFAULT_STORE, json: JsonOption = False
) -> None:
    """Have a trial that stands still go on."""
    from osetra.cli.steer import run_steer

    run_steer(study, trial, store, "continue", {}, why=why, as_json=json)


@app.command()
def stop(
    study: OneStudyArgument, trial: TrialArgument, why: WhyOption = "", store: StoreOption = DEFAULT_STORE, json: JsonOption = False
) -> None:
    """End a trial that trains; the study goes on."""
    from osetra.cli.steer import run_steer

    run_steer(study, trial, store, "stop", {}, why=why, as_json=json)


@app.command()
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


@app.command()
def rollback(
    study: OneStudyArgument,
    trial: TrialArgument,
    epoch: Annotated[str, typer.Argument(metavar="EPOCH", help="An earlier epoch, or best.")],
    settings: Annotated[Optional[list[str]], typer.Argument(metavar="[NAME=VALUE...]", help="What is other from there on.")] = None,  # noqa: UP045
    why: WhyOption = "",
    store: StoreOption = DEFAULT_STORE,
    json: JsonOption = False,
) -> None:
    """Put a trial back to the end of an earlier epoch, from where it goes on."""
    from osetra.cli.steer import place_of, run_steer, settings_of

    changed = {"settings": settings_of(settings)} if settings else {}
    run_steer(study, trial, store, "rollback", {"epoch": place_of(epoch), **changed}, why=why, as_json=json)


@app.command()
def branch(
    study: OneStudyArgument,
    trial: TrialArgument,
    settings: Annotated[Optional[list[str]], typer.Argument(metavar="[NAME=VALUE...]", help="What is other in the new trial.")] = None,  # noqa: UP045
    epoch: Annotated[Optional[str], typer.Option(help="An epoch of the trial's, or best.  [default: the last]")] = None,  # noqa: UP045
    why: WhyOption = "",
    store: StoreOption = DEFAULT_STORE,
    json: JsonOption = False,
) -> None:
    """Begin a new trial with the weights that a trial had at the end of an epoch."""
    from osetra.cli.steer import place_of, run_steer, settings_of

    place = {} if epoch is None else {"epoch": place_of(epoch)}
    run_steer(study, trial, store, "branch", {**place, "settings": settings_of(settings or [])}, why=why, as_json=json)


@app.command()
def replay(
    study: OneStudyArgument,
    trial: TrialArgument,
    data: Annotated[Optional[Path], typer.Option(help="Other data.  [default: the study's, where they were]")] = None,  # noqa: UP045
    store: StoreOption = DEFAULT_STORE,
    json: JsonOption = False,
) -> None:
    """Train a trial once more from its first epoch, by all that was done to it: is it the same to the bit?"""
    from osetra.cli.steer import run_replay

    run_replay(study, trial, store, data=data, as_json=json)


@app.command()
def lineage(study: OneStudyArgument, trial: TrialArgument, store: StoreOption = DEFAULT_STORE, json: JsonOption = False) -> None:
    """Tell the story of a trial, from its initialisation to the model's file."""
    from osetra.cli.steer import show_lineage

    show_lineage(study, trial, store, as_json=json)


@app.command()
def report(
    study: StudyArgument = None,
    out: Annotated[Optional[Path], typer.Option("-o", "--out", help="HTML file to write.  [default: by the study]")] = None,  # noqa: UP045
    base_error: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(help="The lowest error that can be hoped for, as for diagnose; 0.1 is 10 %.  [default: estimated]"),
    ] = None,
    store: StoreOption = DEFAULT_STORE,
    json: JsonOption = False,
) -> None:
    """Write a study as one HTML file: verdict, figures, tables, how to repeat it; opens offline."""
    from osetra.cli.report import run_report

    run_report(study, store, out=out, base_error=base_error, as_json=json)


@app.command()
def predict(
    model: Annotated[Path, typer.Argument(help="The folder that fit left and named.")],
    data: Annotated[Path, typer.Argument(help="A table with the columns that the model was trained on; or images, a folder or .npz.")],
    output: Annotated[Optional[Path], typer.Option("-o", "--output", help="CSV file to write.  [default: standard output]")] = None,  # noqa: UP045
    json: JsonOption = False,
) -> None:
    """Predict every row of a table, or every image."""
    from osetra.cli.scoring import run_predict

    run_predict(model, data, output=output, as_json=json)


@app.command()
def score(
    model: Annotated[Path, typer.Argument(help="The folder that fit left and named.")],
    data: Annotated[Path, typer.Argument(help="A table with the target in it; or images, a folder for each class, or .npz.")],
    json: JsonOption = False,
) -> None:
    """Measure a model's error on a table or images whose target is known."""
    from osetra.cli.scoring import run_score

    run_score(model, data, as_json=json)


@app.command()
def export(
    model: Annotated[str, typer.Argument(metavar="STUDY_OR_MODEL", help="The folder that fit left and named, or the name of a study.")],
    to: Annotated[str, typer.Option(help="onnx, torch (a module's source and its weights) or numpy (the same in NumPy alone).")],
    out: Annotated[Optional[Path], typer.Option("-o", "--out", help="File to write, .onnx or .py.  [default: by the model]")] = None,  # noqa: UP045
    store: StoreOption = DEFAULT_STORE,
    json: JsonOption = False,
) -> None:
    """Write a model for use without osetra: ONNX, a PyTorch module, plain NumPy."""
    from osetra.cli.export import run_export

    run_export(model, store, to=to, out=out, as_json=json)


@app.command()
def check(
    data: Annotated[Optional[Path], typer.Argument(help="A table, as for fit; a small one is made if left out.")] = None,  # noqa: UP045
    target: Annotated[Optional[list[str]], typer.Option(help="Column to predict; repeat for several (regression).")] = None,  # noqa: UP045
    task: Annotated[Optional[str], typer.Option(help="binary, multiclass or regression.  [default: inferred from the target]")] = None,  # noqa: UP045
    drop: Annotated[Optional[list[str]], typer.Option(help="Column to leave out. Repeatable.")] = None,  # noqa: UP045
    set_: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option("--set", help="Edit the network: NAME=VALUE, such as activation=tanh or batch_norm=false. Repeatable."),
    ] = None,
    steps: Annotated[int, typer.Option(min=0, help="Steps of training before the second check.")] = 20,
    entries: Annotated[int, typer.Option(min=0, help="Entries compared of each parameter array; 0: all.")] = 200,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same check.")] = 0,
    json: JsonOption = False,
) -> None:
    """Check the gradient of the default network by differences; exit code 1 if it is suspect or wrong.

    In float64, on at most 64 rows, L2 included and dropout off: at initialisation, and again after some training. The first check on a
    machine compiles the engine in float64, which takes some 20 to 40 seconds.
    """
    from osetra.cli.check import run_check

    run_check(
        data, target=target or [], task=task, drop=drop or [], edits=set_ or [], steps=steps, entries=entries, seed=seed, as_json=json
    )


@app.command(name="range")
def learning_rate_range(
    data: Annotated[Path, typer.Argument(help="A table or images, as for fit.")],
    target: Annotated[Optional[list[str]], typer.Option(help="Column to predict; repeat for several (regression).")] = None,  # noqa: UP045
    task: Annotated[Optional[str], typer.Option(help="binary, multiclass or regression.  [default: inferred from the target]")] = None,  # noqa: UP045
    drop: Annotated[Optional[list[str]], typer.Option(help="Column to leave out. Repeatable.")] = None,  # noqa: UP045
    set_: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option("--set", help="Edit the network: NAME=VALUE, such as optimizer=momentum or batch_size=64. Repeatable."),
    ] = None,
    low: Annotated[Optional[float], typer.Option(help="Learning rate to begin at.  [default: 1e-6]")] = None,  # noqa: UP045
    high: Annotated[Optional[float], typer.Option(help="Learning rate to end at.  [default: 10]")] = None,  # noqa: UP045
    steps: Annotated[Optional[int], typer.Option(help="Mini-batches from one to the other.  [default: 200]")] = None,  # noqa: UP045
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same test.")] = 0,
    json: JsonOption = False,
) -> None:
    """Find the learning rates worth a search: raise the rate with every mini-batch until the cost explodes."""
    from osetra.cli.range import run_range

    run_range(
        data, target=target or [], task=task, drop=drop or [], edits=set_ or [], low=low, high=high, steps=steps, seed=seed, as_json=json
    )


@app.command()
def ui(
    store: StoreOption = DEFAULT_STORE,
    folder: Annotated[str, typer.Option(help="Working folder: data are picked from it, models go into it.")] = ".",
    host: Annotated[str, typer.Option(help="Address to listen at; another than 127.0.0.1 asks for a token.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0: a free one.")] = 8888,
    open_: Annotated[bool, typer.Option("--open", help="Open a browser too.")] = False,
) -> None:
    """Serve the dashboard: see every study, steer trials, start fits, in a browser. Ctrl-C ends it."""
    from osetra.cli.ui import run_ui

    run_ui(store, folder=folder, host=host, port=port, show=open_)


@app.command()
def doctor(store: StoreOption = DEFAULT_STORE, json: JsonOption = False) -> None:
    """Check that this machine can train, and say how fast."""
    from osetra.cli.doctor import examine

    examine(store, as_json=json)
