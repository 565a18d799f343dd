"""The verbs that search and train, or say what that will bring: fit, resume, plan."""

from pathlib import Path
from typing import Annotated

import typer

from osetra.cli import DEFAULT_STORE
from osetra.cli.options import (
    BudgetOption,
    ClassWeightOption,
    DataArgument,
    DevOption,
    DropOption,
    EpochsOption,
    EpochsPerTrialOption,
    GroupsOption,
    JsonOption,
    NoFinalsOption,
    NoTestOption,
    PatienceOption,
    SizesOption,
    SpaceOption,
    StoreOption,
    StudyArgument,
    TargetOption,
    TaskOption,
    TimeOption,
    TrialsOption,
    WeightsOption,
    WorkersOption,
)


def fit(
    data: Annotated[Path, typer.Argument(help="A table: .csv, .csv.gz, .parquet, .feather, .npz; or images: a folder for each class.")],
    target: TargetOption = None,
    budget: BudgetOption = None,
    trials: TrialsOption = None,
    epochs: EpochsOption = None,
    epochs_per_trial: EpochsPerTrialOption = None,
    patience: PatienceOption = None,
    strategy: Annotated[
        str,
        typer.Option(help="waves, or random, sobol, grid, coarse_to_fine, zoom, tpe; these with +asha, +successive_halving or +hyperband."),
    ] = "waves",
    panda: Annotated[bool, typer.Option("--panda", help="Train one model for the whole budget, to be watched and steered.")] = False,
    babysitter: Annotated[
        str | None,
        typer.Option(help="What looks at a trial after every epoch: off, suggest, act, or RULE=MODE,...  [default: suggest in panda]"),
    ] = None,
    no_finals: NoFinalsOption = False,
    ensemble: Annotated[bool, typer.Option("--ensemble", help="Make the model of several networks, chosen on dev.")] = False,
    warm_start: Annotated[str | None, typer.Option(help="A study of the store whose best are tried first.")] = None,
    task: TaskOption = None,
    study: Annotated[str | None, typer.Option(help="Name of the study.  [default: by the file]")] = None,
    store: StoreOption = DEFAULT_STORE,
    models: Annotated[Path, typer.Option(help="Folder under which the model is saved.")] = Path("models"),
    seed: Annotated[int, typer.Option(help="Same seed, same study.")] = 0,
    set_: SpaceOption = None,
    drop: DropOption = None,
    sizes: SizesOption = None,
    groups: GroupsOption = None,
    time: TimeOption = None,
    dev: DevOption = None,
    test: Annotated[Path | None, typer.Option(help="A table of its own for test, measured once at the end.")] = None,
    no_test: NoTestOption = False,
    weights: WeightsOption = None,
    class_weight: ClassWeightOption = None,
    workers: WorkersOption = None,
    memory: Annotated[str | None, typer.Option(help="Where trials wait; beyond it on disk, such as 500MB.  [default: 1GiB]")] = None,
    checkpoints: Annotated[str | None, typer.Option(help="What the store keeps of trials in training.  [default: 256MiB]")] = None,
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


def resume(
    study: StudyArgument = None,
    data: Annotated[Path | None, typer.Option(help="Where the data are now, if they moved.")] = None,
    workers: WorkersOption = None,
    store: StoreOption = DEFAULT_STORE,
    json: JsonOption = False,
) -> None:
    """Go on with a study that was killed or interrupted, to where it would have come."""
    from osetra.cli.fit import run_resume

    run_resume(study, store, data=data, workers=workers, as_json=json)


def plan(
    data: DataArgument,
    target: TargetOption = None,
    budget: BudgetOption = None,
    trials: TrialsOption = None,
    epochs: EpochsOption = None,
    epochs_per_trial: EpochsPerTrialOption = None,
    patience: PatienceOption = None,
    strategy: Annotated[str, typer.Option(help="How configurations are chosen, as for fit.")] = "waves",
    no_finals: NoFinalsOption = False,
    task: TaskOption = None,
    seed: Annotated[int, typer.Option(help="Of the fit that is planned.")] = 0,
    set_: SpaceOption = None,
    drop: DropOption = None,
    sizes: SizesOption = None,
    groups: GroupsOption = None,
    time: TimeOption = None,
    dev: DevOption = None,
    test: Annotated[Path | None, typer.Option(help="A table of its own for test.")] = None,
    no_test: NoTestOption = False,
    weights: WeightsOption = None,
    class_weight: ClassWeightOption = None,
    workers: WorkersOption = None,
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
