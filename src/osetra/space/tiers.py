"""The default space of osetra's own networks, by tiers of what matters most.

    tier 1   learning rate
    tier 2   mini-batch size, hidden units, momentum (of optimisers that have one), regularisation: l2 and keep_prob
    tier 3   hidden layers
    never unless asked: the learning-rate schedule, weight averaging, beta1, beta2, eps

Fewer than 12 trials tune tiers 1 and 2, more tune all three. Ranges follow the data: m below is the rows of the training part.
Knows nothing of: budgets in time, training, search.
"""

from osetra.core.errors import SpaceError
from osetra.core.records import Task, Value
from osetra.space.counted import PowersOfTwo
from osetra.space.known import (
    ADAPTIVE_OPTIMIZERS,
    KNOWN_HYPERPARAMETERS,
    MOMENTUM_OPTIMIZERS,
    VALID_WORDS,
    check_names,
    check_values,
)
from osetra.space.scale import Scale
from osetra.space.scales import integer, linear, log, one_minus_log, ordinal, powers_of_two
from osetra.space.space import Space
from osetra.space.values import did_you_mean

__all__ = ["KNOWN_HYPERPARAMETERS", "check_names", "check_values", "default_configuration", "default_space", "tiers_for"]

FEW_TRIALS = 12
"""Below this, tier 3 would only thin out the tries at what matters more."""
SMALL_ROWS = 2_000
"""Below this many rows the whole batch is offered."""


def tiers_for(expected_trials: float) -> int:
    """How many tiers to tune: 2 below 12 trials, 3 from there on."""
    return 2 if expected_trials < FEW_TRIALS else 3


def default_space(*, rows: int, inputs: int, task: Task, tiers: int, optimizer: str = "adam") -> Space:
    """The space to search when the user says nothing: tiers 1 .. `tiers`, the rest fixed.

    `rows` of the training part and `inputs` after preparation, both at least 1. Raises `SpaceError` for nonsense.
    """
    _check(rows, inputs, tiers, optimizer)
    by_tier: list[dict[str, Scale | Value]] = [
        {"learning_rate": _learning_rates(optimizer)[0]},
        {"batch_size": _batch_sizes(rows), "hidden_units": _hidden_units(rows, inputs), **_momentums(optimizer), **_penalties(rows)},
        {"num_layers": integer(1, 4)},
    ]
    searched = {name: entry for tier in by_tier[:tiers] for name, entry in tier.items()}
    return Space({**searched, **{name: value for name, value in _defaults(rows, inputs, task, optimizer).items() if name not in searched}})


def default_configuration(*, rows: int, inputs: int, task: Task, optimizer: str = "adam") -> dict[str, Value]:
    """A sensible configuration inside the default space of any number of tiers; for an edited space see `Space.nearest`.

    Raises `SpaceError` as `default_space` does.
    """
    _check(rows, inputs, 1, optimizer)
    return _defaults(rows, inputs, task, optimizer)


def _defaults(rows: int, inputs: int, task: Task, optimizer: str) -> dict[str, Value]:
    batches, units = _batch_sizes(rows), _hidden_units(rows, inputs)
    wanted_batch = 256 if rows >= 20_000 else 128 if rows >= SMALL_ROWS else 64 if rows >= 500 else 32
    values: dict[str, Value] = {
        "learning_rate": _learning_rates(optimizer)[1],
        "batch_size": batches.nearest(wanted_batch) if isinstance(batches, Scale) else batches,
        "hidden_units": units.at(units.size - 2),
        "l2": _rounded(1e-5 * rows),
        "keep_prob": 1.0,
        "num_layers": 2,
        # Averaged weights are at every rung as good as a rate that had fallen by then would make them, and nothing has to be known of how
        # far a trial will go. A schedule laid out over all epochs is judged on a ladder before its rate falls: see LOG.md.
        "schedule": "constant",
        "weight_averaging": 0.03,
        "optimizer": optimizer,
        "activation": "relu",
        "batch_norm": True,
        "initialisation": "auto",
        "gain": 1.0,
        "input_keep_prob": 1.0,
    }
    if optimizer in MOMENTUM_OPTIMIZERS:
        values["momentum"] = 0.9
    if task.is_classification:
        values["label_smoothing"] = 0.0
    return {**values, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8}


def _learning_rates(optimizer: str) -> tuple[Scale, float]:
    """Range and default. A step of an adaptive optimiser is about the rate itself; that of the sum forms is 10 times their rate at 0.9."""
    if optimizer in ADAPTIVE_OPTIMIZERS:
        return log(1e-4, 3e-2), 3e-3
    if optimizer in ("momentum_sum", "nesterov"):
        return log(1e-4, 0.1), 1e-2
    return log(1e-3, 1.0), 0.1


def _batch_sizes(rows: int) -> Scale | int:
    """Powers of two, 64 .. 512; under 2,000 rows 16, 32 .. and the whole batch."""
    if rows >= SMALL_ROWS:
        return powers_of_two(64, 512)
    sizes = [size for size in (16, 32, 64, 128, 256, 512) if size < rows]
    return ordinal(*sizes, rows) if sizes else rows


def _hidden_units(rows: int, inputs: int) -> PowersOfTwo:
    """Four powers of two. The largest is at most m/8 units and 20 weights a row in the first layer, and between 64 and 256."""
    most = min(rows / 8, 20 * rows / inputs)
    largest = max(size for size in (64, 128, 256) if size <= max(most, 64))
    return powers_of_two(largest // 8, largest)


def _momentums(optimizer: str) -> dict[str, Scale]:
    return {"momentum": one_minus_log(0.8, 0.99)} if optimizer in MOMENTUM_OPTIMIZERS else {}


def _penalties(rows: int) -> dict[str, Scale]:
    """lambda/m, by which each step shrinks W (times the learning rate), from 1e-7 to 1e-2."""
    return {"l2": log(_rounded(1e-7 * rows), _rounded(1e-2 * rows)), "keep_prob": linear(0.6, 1.0)}


def _rounded(value: float) -> float:
    """To two digits: a bound that a person reads."""
    return float(f"{value:.2g}")


def _check(rows: int, inputs: int, tiers: int, optimizer: str) -> None:
    if rows < 1 or inputs < 1:
        raise SpaceError(f"a default space needs at least 1 row and 1 input, got {rows} and {inputs}; give it data")
    if tiers not in (1, 2, 3):
        raise SpaceError(
            f"tiers must be 1, 2 or 3, got {tiers}; 1 tunes the learning rate alone, 3 tunes everything but beta1, beta2 and eps"
        )
    if optimizer not in VALID_WORDS["optimizer"]:
        names = [str(name) for name in VALID_WORDS["optimizer"]]
        raise SpaceError(f"optimizer must be one of {', '.join(names)}, got {optimizer!r}; {did_you_mean(str(optimizer), names)}")
