"""How the layers of a network do, from probes of one trial: gradients, units, sizes of steps.

    gradients    g_l = ||dJ/dW_l|| / rms(a_(l-1)) goes with ||dJ/dz_l||, since dJ/dW_l = a_(l-1)^T dJ/dz_l; the inputs' rms is taken as 1.
                 (||dJ/dW|| itself is the same in every layer of a relu network however its starting weights explode.) It is fitted by
                 c q^l (least squares of its logarithm); from the last layer down, each multiplies by 1/q.
                 Vanishing: the first layer's fitted gradient is under 1 % of the last's; exploding: over 100 times; at 4 layers or
                 more, and where the line explains half of the variance. A layer whose gradient is 0 below one that has some has
                 vanished, a gradient that is not finite has exploded.
    dead units   a hidden layer of which half the units or more have no slope at any row of the probe
    saturated    half the activations or more of a tanh, sigmoid or elu layer where the slope is under 1 % of its largest. (Of relu half
                 the activations are 0 in the best of health.)
    steps        ||change of W|| / ||W|| of a layer under 1e-4 or over 1e-2, the range usually called healthy. Small: its median over the
                 probes of the first half of training, since schedules end in small steps. Large: only over 1e-1, its median after the
                 first epoch; with Adam and layers of 16 to 128 units, the best trials of three data sets had medians of 0.01 to 0.03.

A gradient is judged where the last probe shows it, or most do: what training itself has cured is no finding.
Knows nothing of: how probes are made, stores.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

import numpy as np

from osetra.diagnosis.finding import Finding

FEWEST_LAYERS = 4
RATIO = 100.0
EXPLAINED = 0.5
DEAD = 0.5
SATURATED = 0.5
HEALTHY_STEPS = (1e-4, 1e-2)
LARGE_STEPS = 1e-1
_SATURATING = ("tanh", "sigmoid", "elu")


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """The layers after so many epochs. `layers` are mappings with the fields of `LayerProbe`; None is a number that was not finite."""

    epoch: int
    layers: Sequence[Mapping[str, Any]]


def growth(layers: Sequence[Mapping[str, Any]]) -> tuple[float, float] | None:
    """q, by which the fitted g_l grows from a layer to the next one up, and the share of variance that the line explains.

    None with fewer than 2 layers, or where a gradient or the activations of a layer are 0 or not finite.
    """
    sizes = [1.0, *(_size(layer) for layer in layers[:-1])]
    norms = [layer["gradient_norm"] for layer in layers]
    if len(norms) < 2 or any(value is None or value <= 0 or not math.isfinite(value) for value in (*norms, *sizes)):
        return None
    norms = [norm / size for norm, size in zip(norms, sizes, strict=True)]
    place, logs = np.arange(len(norms), dtype=np.float64), np.log(norms)
    slope, start = np.polyfit(place, logs, 1)
    spread = float(np.square(logs - logs.mean()).sum())
    explained = 1.0 - float(np.square(logs - start - slope * place).sum()) / spread if spread > 0 else 1.0
    return math.exp(slope), explained


def judge_layers(probes: Sequence[Probe], *, activations: Sequence[str]) -> tuple[Finding, ...]:
    """What is out of order. activations: of each hidden layer. Without probes nothing is."""
    if not probes:
        return ()
    seen = sorted(probes, key=lambda probe: probe.epoch)
    found = (*_gradients(seen), *_units(seen[-1], activations), *_steps(seen))
    return tuple(replace(one, figure="layers") for one in found)


def _size(layer: Mapping[str, Any]) -> float:
    """Root mean square of a layer's activations; NaN where it was not finite."""
    mean, deviation = layer["activation_mean"], layer["activation_deviation"]
    return math.nan if mean is None or deviation is None else math.hypot(mean, deviation)


def _gradients(probes: Sequence[Probe]) -> list[Finding]:
    kinds = [_kind(probe.layers) for probe in probes]
    found = []
    for kind in ("vanishing", "exploding"):
        at = [probe for probe, one in zip(probes, kinds, strict=True) if one == kind]
        if not at or not (kinds[-1] == kind or len(at) > len(probes) / 2):
            continue
        last, fitted = at[-1], growth(at[-1].layers)
        if fitted is None:
            norms = [layer["gradient_norm"] for layer in last.layers]
            bad = next(number for number, norm in enumerate(norms, start=1) if not norm or not math.isfinite(norm))
            told = f"the gradient of layer {bad} is {'0' if kind == 'vanishing' else 'not finite'}"
        else:
            total = fitted[0] ** (len(last.layers) - 1)
            told = f"from the last layer down, each layer's gradient is {1 / fitted[0]:.2g} times the one above it, "
            told += f"the first layer's {1 / total:.1g} times the last's"
        remedy = "batch norm, He's initialisation for relu (Xavier's for tanh) with gain 1, relu in place of sigmoid"
        remedy += ", clipping of the gradient" if kind == "exploding" else ", fewer layers"
        told += f" (after {_epochs(last.epoch)}; {len(at)} of {len(probes)} probes)"
        sure = f"seen in {len(at)} of {len(probes)} probes, each of one batch"
        found.append(Finding(name=f"{kind} gradients", sentence=_capital(told), remedy=remedy, epoch=at[0].epoch, certainty=sure))
    return found


def _kind(layers: Sequence[Mapping[str, Any]]) -> str | None:
    norms = [layer["gradient_norm"] for layer in layers]
    if any(norm is None or not math.isfinite(norm) for norm in norms):
        return "exploding"
    if norms[-1] > 0 and 0 in norms[:-1]:
        return "vanishing"
    fitted = growth(layers)
    if fitted is None or len(layers) < FEWEST_LAYERS or fitted[1] < EXPLAINED:
        return None
    up = fitted[0] ** (len(layers) - 1)
    return "vanishing" if up > RATIO else "exploding" if up < 1 / RATIO else None


def _units(last: Probe, activations: Sequence[str]) -> list[Finding]:
    found = []
    for layer, activation in zip(last.layers[:-1], activations, strict=False):
        number, after = layer["layer"], f"after {_epochs(last.epoch)}"
        if (layer["dead_units"] or 0) >= DEAD:
            told = f"{100 * layer['dead_units']:.0f} % of the units of layer {number} have no slope at any row {after}"
            remedy = "a lower learning rate, batch norm, leaky_relu or elu in place of relu"
            found.append(Finding(name="dead units", sentence=told, remedy=remedy, epoch=last.epoch, layer=number))
        elif activation in _SATURATING and (layer["saturated"] or 0) >= SATURATED:
            told = f"{100 * layer['saturated']:.0f} % of the activations of layer {number} ({activation}) lie at an end {after}"
            remedy = "batch norm, smaller starting weights (Xavier's initialisation, gain 1), relu"
            found.append(Finding(name="saturated units", sentence=told, remedy=remedy, epoch=last.epoch, layer=number))
    return found


def _steps(probes: Sequence[Probe]) -> list[Finding]:
    half = probes[-1].epoch / 2
    low, high = HEALTHY_STEPS
    found: dict[str, list[tuple[int, float]]] = {"small": [], "large": []}
    for place, layer in enumerate(probes[-1].layers):
        ratios = {probe.epoch: probe.layers[place]["update_ratio"] for probe in probes if place < len(probe.layers)}
        early = [ratio for epoch, ratio in ratios.items() if ratio is not None and (epoch <= half or len(probes) == 1)]
        later = [ratio for epoch, ratio in ratios.items() if ratio is not None and epoch >= 1]
        if early and 0 < median(early) < low:
            found["small"].append((layer["layer"], median(early)))
        if later and median(later) > LARGE_STEPS:
            found["large"].append((layer["layer"], median(later)))
    remedies = {"small": "a higher learning rate", "large": "a lower learning rate, warm-up, clipping of the gradient"}
    findings = []
    for size, layers in found.items():
        if layers:
            listed = ", ".join(f"{ratio:.2g} in layer {number}" for number, ratio in layers[:4])
            more = f" and {len(layers) - 4} more" if len(layers) > 4 else ""
            told = f"A step changes the weights by {listed}{more} of their size; {low:g} to {high:g} is healthy"
            findings.append(Finding(name=f"{size} steps", sentence=told, remedy=remedies[size]))
    return findings


def _epochs(epoch: int) -> str:
    return "1 epoch" if epoch == 1 else f"{epoch} epochs"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
