"""The verbs to run before anything is tuned: is the gradient right (check), which learning rates (range), can this machine (doctor)."""

from pathlib import Path
from typing import Annotated

import typer

from osetra.cli import DEFAULT_STORE
from osetra.cli.options import DataArgument, DropOption, JsonOption, StoreOption, TargetOption, TaskOption


def check(
    data: Annotated[Path | None, typer.Argument(help="A table, as for fit; a small one is made if left out.")] = None,
    target: TargetOption = None,
    task: TaskOption = None,
    drop: DropOption = None,
    set_: Annotated[
        list[str] | None,
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


def learning_rate_range(
    data: DataArgument,
    target: TargetOption = None,
    task: TaskOption = None,
    drop: DropOption = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="Edit the network: NAME=VALUE, such as optimizer=momentum or batch_size=64. Repeatable."),
    ] = None,
    low: Annotated[float | None, typer.Option(help="Learning rate to begin at.  [default: 1e-6]")] = None,
    high: Annotated[float | None, typer.Option(help="Learning rate to end at.  [default: 10]")] = None,
    steps: Annotated[int | None, typer.Option(help="Mini-batches from one to the other.  [default: 200]")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same test.")] = 0,
    json: JsonOption = False,
) -> None:
    """Find the learning rates worth a search: raise the rate with every mini-batch until the cost explodes."""
    from osetra.cli.range import run_range

    run_range(
        data, target=target or [], task=task, drop=drop or [], edits=set_ or [], low=low, high=high, steps=steps, seed=seed, as_json=json
    )


def doctor(store: StoreOption = DEFAULT_STORE, json: JsonOption = False) -> None:
    """Check that this machine can train, and say how fast."""
    from osetra.cli.doctor import examine

    examine(store, as_json=json)
