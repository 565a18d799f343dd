"""Small data and members that the engine tests train."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from osetra.core.records import EpochRecord
from osetra.core.seeding import Seed
from osetra.engines.port import LOSSES, Hyperparameters, Member, ModelState, TrainingData, initial_state
from osetra.network.layout import Layout
from osetra.network.spec import NetworkSpec

STUDY = 20


def falling_rates(first: float) -> Callable[[int, int], np.ndarray]:
    """A rate of its own for every step, so that a step given another's rate shows."""
    return lambda epoch, steps: first * np.linspace(1.0, 0.5, steps) / (1 + 0.2 * epoch)


def constant_rate(rate: float) -> Callable[[int, int], np.ndarray]:
    return lambda _epoch, steps: np.full(steps, rate)


def tiny_data(
    loss: str = "cross_entropy",
    dtype: Any = np.float64,
    *,
    rows: int = 33,
    num_inputs: int = 5,
    num_outputs: int = 3,
    weighted: bool = False,
    seed: int = 0,
) -> TrainingData:
    """Random rows, 20 of dev. Drawn as float32, so that both float types hold the same numbers."""
    draw = np.random.default_rng(seed)
    everything = rows + 20
    inputs = draw.normal(size=(everything, num_inputs)).astype(np.float32).astype(dtype)
    if loss == "cross_entropy":
        targets = draw.integers(0, num_outputs, everything)
    elif loss == "binary_cross_entropy":
        targets = draw.integers(0, 2, (everything, num_outputs)).astype(dtype)
    else:
        targets = draw.normal(size=(everything, num_outputs)).astype(np.float32).astype(dtype)
    weights = draw.uniform(0.5, 1.5, everything).astype(np.float32).astype(dtype)
    return TrainingData(
        train_inputs=inputs[:rows],
        train_targets=targets[:rows],
        dev_inputs=inputs[rows:],
        dev_targets=targets[rows:],
        train_weights=weights[:rows] if weighted else None,
        dev_weights=weights[rows:] if weighted else None,
        error_scale=1.0 if LOSSES[loss] != "linear" else 2.5,
    )


def tiny_member(
    data: TrainingData,
    hyperparameters: Hyperparameters,
    *,
    hidden_units: tuple[int, ...] = (4, 3),
    activation: str = "tanh",
    batch_norm: bool = False,
    trial: int = 0,
    learning_rates: Callable[[int, int], np.ndarray] | None = None,
) -> Member:
    """A network that fits `data`, before its first step, in the data's float type; its start is the same numbers in both types."""
    targets = np.concatenate([data.train_targets, data.dev_targets])
    network = NetworkSpec(
        num_inputs=data.train_inputs.shape[1],
        hidden_units=hidden_units,
        num_outputs=int(targets.max()) + 1 if targets.ndim == 1 else targets.shape[1],
        output=LOSSES[hyperparameters.loss],
        activations=(activation,) * len(hidden_units),
        batch_norm=batch_norm,
    )
    layout = Layout(network)
    seed = Seed(study=STUDY, trial=trial)
    return Member(
        network=network,
        layout=layout,
        hyperparameters=hyperparameters,
        state=as_type(
            initial_state(layout, seed, averages=hyperparameters.weight_averaging > 0, dtype=np.float32), data.train_inputs.dtype
        ),
        seed=seed,
        learning_rates=learning_rates or falling_rates(0.02),
    )


def as_type(state: ModelState, dtype: Any) -> ModelState:
    return ModelState(
        parameters=state.parameters.astype(dtype),
        first_moment=state.first_moment.astype(dtype),
        second_moment=state.second_moment.astype(dtype),
        running=state.running.astype(dtype),
        averaged=state.averaged.astype(dtype),
        step=state.step,
        epoch=state.epoch,
    )


def curve(records: list[EpochRecord]) -> np.ndarray:
    """What of the records follows from the numbers alone, float64 [epochs, 4]; the seconds are left out."""
    return np.array([(r.train_cost, r.train_error, r.dev_loss, r.dev_error) for r in records])


def bits_of(member: Member, records: list[EpochRecord]) -> tuple[bytes, ...]:
    """All that training made, to the last bit."""
    s = member.state
    return (s.parameters.tobytes(), s.first_moment.tobytes(), s.second_moment.tobytes(), s.running.tobytes(), curve(records).tobytes())


def steps_an_epoch(data: TrainingData, hyperparameters: Hyperparameters) -> int:
    return math.ceil(data.num_rows / hyperparameters.batch_size)
