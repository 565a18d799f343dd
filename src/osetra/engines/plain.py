"""The plain engine: one network in the obvious PyTorch loop, the reference that the other engines are held against.

Forward in torch operations, gradients by autograd, updates by torch.optim wherever it means the same as ours; else by hand in torch.
The state's arrays are read and written in place through tensors that share their memory. PyTorch is imported on first use.

Knows nothing of: speed, how another engine computes the same.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from osetra.core.records import EpochRecord
from osetra.engines.keyed_bits import dropout_mask, shuffled
from osetra.engines.plain_augment import augmented
from osetra.engines.plain_update import import_torch, optimizer
from osetra.engines.port import (
    LOSSES,
    Hyperparameters,
    Member,
    ModelState,
    TrainingData,
    WatchedStep,
    mixing_share,
    mixup_shares,
    quiet_member,
    require_trainable,
    targets_for,
)
from osetra.network.layout import Layout
from osetra.network.spec import NetworkSpec

if TYPE_CHECKING:
    from torch import Tensor

Normalise = Callable[[int, "Tensor"], "Tensor"]
"""(layer, z [n, units]) -> z_norm."""
Drop = Callable[[int, "Tensor"], "Tensor"]
"""(layers below, a [n, units]) -> a after dropout."""


class PlainEngine:
    """`osetra.engines.port.Engine` in PyTorch on the CPU. Every method raises `MissingExtra` where PyTorch is not installed."""

    name = "plain"

    def advance(self, members: Sequence[Member], data: TrainingData, *, epochs: int = 1) -> list[list[EpochRecord]]:
        """As in the port; members one after the other."""
        import_torch()
        return [_advance(member, data, epochs) for member in members]

    def score(self, member: Member, inputs: np.ndarray) -> np.ndarray:
        """As in the port."""
        torch = import_torch()
        network = member.network
        z = _scoring_logits(network, member.layout, member.state, inputs, member.hyperparameters.batch_norm_eps)
        if network.output == "softmax":
            z = torch.softmax(z, dim=1)
        elif network.output == "sigmoid":
            z = torch.sigmoid(z)
        return z.numpy()

    def measure(self, member: Member, inputs: np.ndarray, targets: np.ndarray, *, error_scale: float = 1.0) -> tuple[float, float]:
        """As in the port."""
        return _measure(member, inputs, targets, None, error_scale)

    def watch_step(self, member: Member, inputs: np.ndarray, targets: np.ndarray, *, num_rows: int) -> WatchedStep:
        """As in the port."""
        torch = import_torch()
        quiet = quiet_member(member, rows=len(inputs), num_rows=num_rows)
        layout, h, dtype = quiet.layout, quiet.hyperparameters, quiet.state.parameters.dtype
        seen: list[np.ndarray] = []

        def note(layer: int, a: "Tensor") -> "Tensor":
            if layer > 0:
                seen.append(a.detach().numpy())
            return a

        parameters = _learned(layout, quiet.state.parameters)
        update = optimizer(quiet, parameters, decay=h.l2 / len(inputs))
        z = _forward(quiet.network, parameters, _tensor(inputs, dtype), _batch_normaliser(h.batch_norm_eps), note)
        loss, l1 = _losses(h, z, _targets(h, targets, dtype)).mean(), _penalty(replace(h, l2=0.0), parameters, len(inputs))
        loss.backward()
        if h.clip_norm > 0:
            _clip([parameter.grad for parameter in parameters.values()], h.clip_norm)
        if l1.requires_grad:
            l1.backward()
        gradient = np.zeros_like(quiet.state.parameters)
        for name, parameter in parameters.items():
            assert parameter.grad is not None, f"the cost does not depend on {name}"
            layout.view(gradient, name)[...] = parameter.grad.numpy()
            if name.startswith("W") and h.optimizer != "adamw":
                parameter.grad += h.l2 / len(inputs) * parameter.detach()
        quiet.state.step += 1
        with torch.no_grad():
            update(float(quiet.learning_rates(0, 1)[0]))
        return WatchedStep(activations=seen, gradient=gradient, change=quiet.state.parameters - member.state.parameters)

    def cost_and_gradient(
        self, member: Member, inputs: np.ndarray, targets: np.ndarray, *, num_rows: int | None = None
    ) -> tuple[float, np.ndarray]:
        """As in the port."""
        layout, h, dtype = member.layout, member.hyperparameters, member.state.parameters.dtype
        parameters = _learned(layout, member.state.parameters.copy())
        z = _forward(member.network, parameters, _tensor(inputs, dtype), _batch_normaliser(h.batch_norm_eps), _no_dropout)
        cost = _losses(h, z, _targets(h, targets, dtype)).mean() + _penalty(h, parameters, num_rows or len(inputs))
        cost.backward()
        gradient = np.zeros_like(member.state.parameters)
        for name, parameter in parameters.items():
            assert parameter.grad is not None, f"the cost does not depend on {name}"
            layout.view(gradient, name)[...] = parameter.grad.numpy()
        return cost.item(), gradient


def _advance(member: Member, data: TrainingData, epochs: int) -> list[EpochRecord]:
    torch = import_torch()
    network, layout, h, state = member.network, member.layout, member.hyperparameters, member.state
    dtype, rows = state.parameters.dtype, data.num_rows
    require_trainable(member, data)
    targets = _targets(h, data.train_targets, dtype)
    weights = _tensor(np.ones(rows) if data.train_weights is None else data.train_weights, dtype)
    parameters = _learned(layout, state.parameters)
    update = optimizer(member, parameters, decay=h.l2 / rows)
    steps = math.ceil(rows / h.batch_size)
    records = []
    for _ in range(epochs):
        began = time.perf_counter()
        shares = mixup_shares(member, steps)
        order = torch.from_numpy(shuffled(member.seed.key("shuffle", state.epoch), rows))
        rates = member.learning_rates(state.epoch, steps)
        assert rates.shape == (steps,), f"{steps} steps an epoch, {rates.shape} learning rates"
        cost_sum = wrong_sum = weight_sum = 0.0
        for step, start in enumerate(range(0, rows, h.batch_size)):
            batch = order[start : start + h.batch_size]
            normalise = _batch_normaliser(h.batch_norm_eps, _running_update(member))
            x = _tensor(augmented(member, data.image, data.train_inputs, batch.numpy(), start), dtype)
            others = batch.roll(-1)
            own, other = shares[step] * weights[batch], (1 - shares[step]) * weights[others]
            x = shares[step] * x + (1 - shares[step]) * x.roll(-1, dims=0)
            z = _forward(network, parameters, x, normalise, _dropout(member, start))
            if h.loss == "cross_entropy":
                losses = own * _losses(h, z, targets[batch]) + other * _losses(h, z, targets[others])
                wrong = (own + other) * _errors(h, z.detach(), targets[batch])
            else:
                mixed = (own[:, None] * targets[batch] + other[:, None] * targets[others]) / (own + other)[:, None]
                losses = (own + other) * _losses(h, z, mixed)
                decided_by = targets[batch] if h.loss == "binary_cross_entropy" else mixed
                wrong = (own + other) * _errors(h, z.detach(), decided_by)
            loss, penalty = losses.mean(), _penalty(h, parameters, rows)
            cost = loss.item() + penalty.item()
            cost_sum += cost * len(batch)
            wrong_sum += wrong.sum().item()
            weight_sum += (own + other).sum().item()
            if not math.isfinite(cost):
                break
            for parameter in parameters.values():
                parameter.grad = None
            loss.backward()
            if h.clip_norm > 0:
                _clip([parameter.grad for parameter in parameters.values()], h.clip_norm)
            # AdamW takes the decay off the weights itself; for all others it is the gradient of the penalty.
            slopes = _penalty(replace(h, l2=0.0) if h.optimizer == "adamw" else h, parameters, rows)
            if slopes.requires_grad:
                slopes.backward()
            state.step += 1
            update(float(rates[step]))
            if h.weight_averaging > 0:
                now = np.concatenate([state.parameters, state.running])
                state.averaged += mixing_share(h.weight_averaging, state.step) * (now - state.averaged)
        state.epoch += 1
        dev_loss, dev_error = _measure(member, data.dev_inputs, data.dev_targets, data.dev_weights, data.error_scale)
        records.append(
            EpochRecord(
                epoch=state.epoch,
                train_cost=cost_sum / rows,
                train_error=_error(h, wrong_sum / weight_sum, data.error_scale),
                dev_loss=dev_loss,
                dev_error=dev_error,
                seconds=time.perf_counter() - began,
            )
        )
        if not (math.isfinite(cost_sum) and math.isfinite(dev_loss)):
            break
    return records


def _tensor(array: np.ndarray, dtype: np.dtype) -> "Tensor":
    """A copy, so that shared data that may not be written to is no concern."""
    return import_torch().from_numpy(np.array(array, dtype=dtype))


def _targets(h: Hyperparameters, targets: np.ndarray, dtype: np.dtype) -> "Tensor":
    targets = targets_for(h.loss, targets)
    return _tensor(targets, np.dtype(np.int64) if targets.ndim == 1 else dtype)


def _learned(layout: Layout, row: np.ndarray) -> "dict[str, Tensor]":
    """The parameters by name, sharing memory with `row` and asking for gradients."""
    return {name: import_torch().from_numpy(layout.view(row, name)).requires_grad_() for name in layout.parameters}


def _forward(network: NetworkSpec, parameters: "dict[str, Tensor]", x: "Tensor", normalise: Normalise, drop: Drop) -> "Tensor":
    """Give z of the output layer, [n, num_outputs]."""
    a = drop(0, x)
    for layer, activation in enumerate(network.activations, start=1):
        z = a @ parameters[f"W{layer}"]
        if network.batch_norm:
            z = parameters[f"gamma{layer}"] * normalise(layer, z) + parameters[f"beta{layer}"]
        else:
            z = z + parameters[f"b{layer}"]
        a = drop(layer, _activate(activation, z))
    return a @ parameters[f"W{network.num_layers}"] + parameters[f"b{network.num_layers}"]


def _activate(name: str, z: "Tensor") -> "Tensor":
    if name == "linear":
        return z
    torch = import_torch()
    if name in ("tanh", "sigmoid"):
        return getattr(torch, name)(z)
    # The defaults of torch are ours: leak 0.01, elu with alpha 1, gelu by erf.
    return getattr(torch.nn.functional, name)(z)


def _batch_normaliser(eps: float, note: "Callable[[int, Tensor, Tensor], None] | None" = None) -> Normalise:
    """Normalise over the batch; `note` hears of each layer's mean and variance [units]."""

    def normalise(layer: int, z: "Tensor") -> "Tensor":
        mean, variance = z.mean(dim=0), z.var(dim=0, correction=0)
        if note is not None and len(z) > 1:
            note(layer, mean.detach(), variance.detach())
        return (z - mean) / (variance + eps).sqrt()

    return normalise


def _running_update(member: Member) -> "Callable[[int, Tensor, Tensor], None]":
    """Mix a batch's moments into the running ones: v = decay v + (1 - decay) x, kept divided by 1 - decay^t."""
    decay, t = member.hyperparameters.batch_norm_decay, member.state.step + 1

    def update(layer: int, mean: "Tensor", variance: "Tensor") -> None:
        for name, moment in ((f"mean{layer}", mean), (f"variance{layer}", variance)):
            running = member.layout.view(member.state.running, name)
            uncorrected = decay * (1 - decay ** (t - 1)) * running + (1 - decay) * moment.numpy()
            running[:] = uncorrected / (1 - decay**t)

    return update


def _dropout(member: Member, first_row: int) -> Drop:
    """Inverted dropout of the batch whose first row is `first_row` of the epoch."""
    keep_probs = (member.hyperparameters.input_keep_prob, *member.hyperparameters.keep_prob)
    key = member.seed.key("dropout", member.state.epoch)

    def drop(layer: int, a: "Tensor") -> "Tensor":
        if layer >= len(keep_probs) or keep_probs[layer] == 1:
            return a
        mask = dropout_mask(key, layer, first_row, keep_probs[layer], (a.shape[0], a.shape[1]))
        return a * _tensor(mask, member.state.parameters.dtype)

    return drop


def _no_dropout(_layer: int, a: "Tensor") -> "Tensor":
    return a


def _losses(h: Hyperparameters, z: "Tensor", y: "Tensor", *, smoothed: bool = True) -> "Tensor":
    """The loss of each row, [n]."""
    functional = import_torch().nn.functional
    smoothing = h.label_smoothing if smoothed else 0.0
    if h.loss == "cross_entropy":
        return functional.cross_entropy(z, y, reduction="none", label_smoothing=smoothing)
    if h.loss == "binary_cross_entropy":
        y = (1 - smoothing) * y + smoothing / 2
        losses = functional.binary_cross_entropy_with_logits(z, y, reduction="none")
    elif h.loss == "squared":
        losses = functional.mse_loss(z, y, reduction="none") / 2
    elif h.loss == "absolute":
        losses = functional.l1_loss(z, y, reduction="none")
    else:
        losses = functional.huber_loss(z, y, reduction="none", delta=h.huber_delta)
    return losses.sum(dim=1)


def _errors(h: Hyperparameters, z: "Tensor", y: "Tensor") -> "Tensor":
    """Of each row [n]: whether the decision is wrong (the share of outputs that are), or the mean squared error of its outputs."""
    if h.loss == "cross_entropy":
        return (z.argmax(dim=1) != y).to(z.dtype)
    if h.loss == "binary_cross_entropy":
        return ((z > 0) != (y > 0.5)).to(z.dtype).mean(dim=1)
    return ((z - y) ** 2).mean(dim=1)


def _penalty(h: Hyperparameters, parameters: "dict[str, Tensor]", rows: int) -> "Tensor":
    """(lambda/2m) sum ||W||^2 and (lambda/m) sum |W|, whichever are on."""
    weights = [parameter for name, parameter in parameters.items() if name.startswith("W")]
    total = import_torch().zeros(())
    if h.l2 > 0:
        total = total + h.l2 / (2 * rows) * sum((w**2).sum() for w in weights)
    if h.l1 > 0:
        total = total + h.l1 / rows * sum(w.abs().sum() for w in weights)
    return total


def _clip(gradients: "list[Tensor | None]", longest: float) -> None:
    """Shorten them, taken together as one vector, to at most `longest`."""
    present = [gradient for gradient in gradients if gradient is not None]
    norm = import_torch().nn.utils.get_total_norm(present)
    if norm > longest:
        for gradient in present:
            gradient *= longest / norm


def _scoring_logits(network: NetworkSpec, layout: Layout, state: ModelState, inputs: np.ndarray, eps: float) -> "Tensor":
    """Give z of the output layer in scoring mode: running moments, no dropout."""
    torch = import_torch()
    weights, moments = state.scored
    parameters = {name: torch.from_numpy(layout.view(weights, name)) for name in layout.parameters}
    running = {name: torch.from_numpy(layout.view(moments, name)) for name in layout.running}

    def normalise(layer: int, z: "Tensor") -> "Tensor":
        return (z - running[f"mean{layer}"]) / (running[f"variance{layer}"] + eps).sqrt()

    return _forward(network, parameters, _tensor(inputs, state.parameters.dtype), normalise, _no_dropout)


def _measure(
    member: Member, inputs: np.ndarray, targets: np.ndarray, weights: np.ndarray | None, error_scale: float
) -> tuple[float, float]:
    h, dtype = member.hyperparameters, member.state.parameters.dtype
    z = _scoring_logits(member.network, member.layout, member.state, inputs, h.batch_norm_eps)
    y = _targets(h, targets, dtype)
    w = _tensor(np.ones(len(inputs)) if weights is None else weights, dtype)
    loss = (w * _losses(h, z, y, smoothed=False)).sum() / w.sum()
    return loss.item(), _error(h, ((w * _errors(h, z, y)).sum() / w.sum()).item(), error_scale)


def _error(h: Hyperparameters, mean: float, scale: float) -> float:
    """An error rate as it is, a mean squared error as its root in target units."""
    if LOSSES[h.loss] == "linear":
        return math.sqrt(mean) * scale if mean >= 0 else mean
    return mean
