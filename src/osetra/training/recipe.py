"""From a configuration, which search speaks, to a network and its training, which engines speak.

Knows nothing of: where configurations come from.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeVar

import numpy as np

from osetra.core.errors import SpaceError
from osetra.core.records import Configuration, Task, Value
from osetra.core.seeding import Seed
from osetra.engines.port import LOSSES, Hyperparameters, Member, initial_state
from osetra.network.layout import Layout
from osetra.network.spec import NetworkSpec
from osetra.training.schedules import learning_rates

SCHEDULE_SETTINGS = ("decay", "decay_base", "decay_factor", "decay_every", "decay_patience", "warmup_epochs")
"""Hyperparameters that only the schedule hears of."""

LOSSES_OF: Mapping[Task, tuple[str, ...]] = MappingProxyType(
    {
        Task.BINARY: ("cross_entropy", "binary_cross_entropy"),
        Task.MULTICLASS: ("cross_entropy",),
        Task.REGRESSION: ("squared", "absolute", "huber"),
    }
)
"""The losses that suit a task, its default first. binary_cross_entropy has one sigmoid output instead of two of softmax."""

T = TypeVar("T")


def build_member(
    configuration: Configuration,
    *,
    num_inputs: int,
    num_outputs: int,
    task: Task,
    seed: Seed,
    total_epochs: int,
    dtype: type[np.floating] = np.float32,
) -> Member:
    """The untrained trial of a configuration. Raises SpaceError for a value that makes no sense."""
    given = dict(configuration)
    loss = str(given.pop("loss", LOSSES_OF[task][0]))
    if loss not in LOSSES_OF[task]:
        raise SpaceError(f"loss must be one of {', '.join(LOSSES_OF[task])} for {task.in_words}, got {loss!r}; choose one")
    units = _hidden_units(given.pop("hidden_units", 64), given.pop("num_layers", 2))
    network = NetworkSpec(
        num_inputs=num_inputs,
        hidden_units=units,
        num_outputs=1 if loss == "binary_cross_entropy" else num_outputs,
        output=LOSSES[loss],
        activations=_each_layer("activation", given.pop("activation", "relu"), str, len(units)),
        batch_norm=bool(given.pop("batch_norm", True)),
    )
    rates = learning_rates(
        str(given.pop("schedule", "constant")),
        float(given.pop("learning_rate", 1e-3)),
        total_epochs=total_epochs,
        **{name: given.pop(name) for name in SCHEDULE_SETTINGS if name in given},  # pyright: ignore[reportArgumentType]
    )
    start = {
        "scheme": str(given.pop("initialisation", "auto")),
        "gain": float(given.pop("gain", 1.0)),
        "distribution": str(given.pop("distribution", "normal")),
    }
    keep_prob = _each_layer("keep_prob", given.pop("keep_prob", 1.0), float, len(units))
    try:
        hyperparameters = Hyperparameters(loss=loss, keep_prob=keep_prob, **given)  # pyright: ignore[reportArgumentType]
    except TypeError as error:
        raise SpaceError(f"configuration names a hyperparameter that osetra's networks do not have: {error}") from error
    layout = Layout(network)
    return Member(
        network=network,
        layout=layout,
        hyperparameters=hyperparameters,
        state=initial_state(layout, seed, averages=hyperparameters.weight_averaging > 0, dtype=dtype, **start),  # pyright: ignore[reportArgumentType]
        seed=seed,
        learning_rates=rates,
    )


def _each_layer(name: str, value: Value, read: Callable[[str], T], num_hidden: int) -> tuple[T, ...]:
    """One value a hidden layer: the same for all, or those of a text such as "relu-tanh" or "0.9-0.5"."""
    parts = [str(value)] if not isinstance(value, str) else value.split("-")
    if len(parts) == 1:
        parts *= num_hidden
    if len(parts) != num_hidden:
        raise SpaceError(f"{name} must be one value, or one for each of the {num_hidden} hidden layers, got {value!r}; write them as a-b-c")
    try:
        return tuple(read(part) for part in parts)
    except ValueError:
        raise SpaceError(f"{name} must be a number, or numbers such as 0.9-0.5, one a hidden layer, got {value!r}") from None


def _hidden_units(units: Value, num_layers: Value) -> tuple[int, ...]:
    """`num_layers` hidden layers of `units` each; or a text such as "128-64", which gives every layer its own."""
    try:
        if isinstance(units, str) and "-" in units:
            return tuple(int(part) for part in units.split("-"))
        return (int(units),) * int(num_layers)
    except ValueError:
        raise SpaceError(f"hidden_units must be a whole number or a text such as 128-64, got {units!r}") from None
