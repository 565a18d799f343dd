"""How each layer of a network does: size of gradient, weights and updates, and what the units give.

Seen on one batch of training rows, the same at every probe of a trial, with dropout and augmentation off. Nothing of the trial is changed,
so a probed trial has the bits of one that is not.

Knows nothing of: what is healthy, where probes are kept.
"""

import numpy as np

from osetra.core.records import LayerProbe
from osetra.engines.port import Engine, Member, TrainingData

ROWS = 256
"""Rows of the batch: enough to tell a dead unit from a rare one."""
FLAT = 0.01
"""A slope below this share of its largest counts as saturated."""


def is_due(epoch: int) -> bool:
    """Whether a trial is probed after so many epochs: at 0, 1, 2, 4, 8, ..., as most happens early."""
    return epoch & (epoch - 1) == 0


def probe(engine: Engine, member: Member, data: TrainingData) -> list[LayerProbe]:
    """One record a layer, from the first to the output layer."""
    rows = np.arange(data.num_rows)
    if len(rows) > ROWS:
        rows = np.sort(member.seed.generator("probe").choice(rows, ROWS, replace=False))
    inputs, targets = np.ascontiguousarray(data.train_inputs[rows]), data.train_targets[rows]
    layout, network, parameters = member.layout, member.network, member.state.parameters
    step = engine.watch_step(member, inputs, targets, num_rows=data.num_rows)
    hidden = step.activations
    activations = [*hidden, _logits(member, hidden[-1] if hidden else inputs)]
    probes = []
    for layer, (a, name) in enumerate(zip(activations, (*network.activations, "linear"), strict=True), start=1):
        weights, slopes = layout.view(parameters, f"W{layer}"), _slopes(name, a)
        flat = slopes < FLAT
        weight_norm = _norm(weights)
        probes.append(
            LayerProbe(
                layer=layer,
                gradient_norm=_norm(layout.view(step.gradient, f"W{layer}")),
                weight_norm=weight_norm,
                update_ratio=_norm(layout.view(step.change, f"W{layer}")) / weight_norm if weight_norm > 0 else 0.0,
                activation_mean=float(a.mean(dtype=np.float64)),
                activation_deviation=float(a.std(dtype=np.float64)),
                dead_units=float((slopes == 0).all(axis=0).mean()),
                saturated=float(flat.mean()),
            )
        )
    return probes


def _norm(array: np.ndarray) -> float:
    return float(np.linalg.norm(array.astype(np.float64)))


def _logits(member: Member, fed: np.ndarray) -> np.ndarray:
    layer, parameters = member.network.num_layers, member.state.parameters
    return fed @ member.layout.view(parameters, f"W{layer}") + member.layout.view(parameters, f"b{layer}")


def _slopes(activation: str, a: np.ndarray) -> np.ndarray:
    """g'(z) as a share of its largest, [rows, units], from a = g(z).

    Of gelu and silu, whose slope does not follow from a: 1 where a is not 0.
    """
    match activation:
        case "relu":
            return (a > 0).astype(np.float64)
        case "elu":
            return np.where(a > 0, 1.0, a.astype(np.float64) + 1.0)
        case "tanh":
            return 1.0 - a.astype(np.float64) ** 2
        case "sigmoid":
            return 4.0 * a.astype(np.float64) * (1.0 - a.astype(np.float64))
        case "gelu" | "silu":
            return (a != 0).astype(np.float64)
        case _:
            return np.ones(a.shape)
