"""Whole epochs in compiled code: shuffle, mini-batches with their augmentation, update, and the scoring of the dev part.

Nothing here touches Python: the entry points run with the GIL released, one model to a core.
Knows nothing of: trials, stopping, where the numbers go.
"""

import math
from typing import NamedTuple

import numpy as np

from osetra.engines.native.augment import add_noise, gather_moved, mix_rows
from osetra.engines.native.backward import backward
from osetra.engines.native.denormals import flush_denormals, restore_denormals
from osetra.engines.native.forward import forward, forward_scoring, matrix
from osetra.engines.native.kernel import entry, inner
from osetra.engines.native.loss import loss_and_dz
from osetra.engines.native.mathematics import shuffle
from osetra.engines.native.table import N_IN, N_OUT
from osetra.engines.native.update import add_signs, clip, move_towards, sum_of_sizes, sum_of_squares, update
from osetra.engines.port import mixing_share as _mixing_share

mixing_share = inner(_mixing_share)


class Rows(NamedTuple):
    """One part of the data; what a loss does not read is empty."""

    inputs: np.ndarray
    """[rows, num_inputs]"""
    labels: np.ndarray
    """int64 [rows]"""
    targets: np.ndarray
    """[rows, num_outputs]"""
    weights: np.ndarray
    """[rows]"""


class Options(NamedTuple):
    """Hyperparameters as compiled code reads them; names as in `osetra.engines.port.Hyperparameters`."""

    loss: int
    optimizer: int
    batch_size: int
    momentum: float
    beta1: float
    beta2: float
    eps: float
    bias_correction: bool
    l2: float
    l1: float
    clip_norm: float
    label_smoothing: float
    huber_delta: float
    batch_norm_decay: float
    batch_norm_eps: float
    weight_averaging: float


@inner
def gather(inputs, order, start, out):
    """out[i] := inputs[order[start + i]], [n, num_inputs]."""
    n, width = out.shape
    for i in range(n):
        row = order[start + i]
        for j in range(width):
            out[i, j] = inputs[row, j]


@inner
def penalty(parameters, weights_size, options, num_rows):
    """(lambda/2m) sum ||W||^2 and (lambda/m) sum |W|, whichever are on."""
    total = 0.0
    if options.l2 != 0.0:
        total += 0.5 * options.l2 / num_rows * sum_of_squares(parameters[:weights_size])
    if options.l1 != 0.0:
        total += options.l1 / num_rows * sum_of_sizes(parameters[:weights_size])
    return total


@inner
def gather_batch(part, order, start, x, augmentation, keys, own_share, spare):
    """The rows order[start ..] of `part` to x [n, num_inputs], augmented; `spare` is room for a row."""
    width = x.shape[1]
    if augmentation.flip or augmentation.padding > 0 or augmentation.rotation > 0.0 or augmentation.distortion > 0.0:
        gather_moved(part.inputs, order, start, x, augmentation, keys[2])
    else:
        gather(part.inputs, order, start, x)
    if augmentation.noise > 0.0:
        add_noise(x, augmentation.noise, keys[3], start * width)
    if own_share < 1.0:
        mix_rows(x, own_share, spare[:width])


@entry
def train_epoch(
    table,
    options,
    augmentation,
    weights_size,
    keep_probs,
    rates,
    shares,
    keys,
    first_step,
    part,
    parameters,
    m,
    s,
    running,
    averaged,
    room,
    order,
):
    """One epoch over `part`; mean cost, mean error (rate, or mean squared) and steps made.

    rates [steps]; shares [steps]: of a row in what mixup makes of it, 1 without; keys: uint64 of shuffle, dropout, image and noise;
    first_step: updates made before; order: int64 [rows], overwritten. Stops at the first step whose cost is not finite.
    """
    rows = len(part.inputs)
    real = parameters.dtype.type
    before = flush_denormals()
    shuffle(keys[0], order)
    decay = options.l2 / rows
    cost_sum = 0.0
    wrong_sum = 0.0
    weight_sum = 0.0
    step = 0
    for start in range(0, rows, options.batch_size):
        n = min(options.batch_size, rows - start)
        own_share = shares[step]
        gather_batch(part, order, start, matrix(room.a, 0, n, table[0, N_IN]), augmentation, keys, own_share, room.transposed)
        z = forward(
            table, parameters, running, room, n, keep_probs, keys[1], start,
            real(options.batch_norm_eps), options.batch_norm_decay, first_step + step + 1,
        )  # fmt: skip
        total, wrong, weight = loss_and_dz(
            options.loss, z, part.labels, part.targets, part.weights, order, start,
            real(options.label_smoothing), real(options.huber_delta), True, real(own_share),
        )  # fmt: skip
        cost = total / n + penalty(parameters, weights_size, options, rows)
        cost_sum += cost * n
        wrong_sum += wrong
        weight_sum += weight
        if not math.isfinite(cost):
            break
        backward(table, parameters, room, n, keep_probs)
        if options.clip_norm > 0.0:
            clip(room.gradient, real(options.clip_norm))
        if options.l1 > 0.0:
            add_signs(room.gradient[:weights_size], parameters[:weights_size], real(options.l1 / rows))
        step += 1
        for lower, upper, shrink in ((0, weights_size, decay), (weights_size, len(parameters), 0.0)):
            update(
                options.optimizer, parameters[lower:upper], room.gradient[lower:upper], m[lower:upper], s[lower:upper],
                rates[step - 1], shrink, options.momentum, options.beta1, options.beta2, options.eps,
                options.bias_correction, first_step + step,
            )  # fmt: skip
        if options.weight_averaging > 0.0:
            share = real(mixing_share(options.weight_averaging, first_step + step))
            move_towards(averaged[: len(parameters)], parameters, share)
            move_towards(averaged[len(parameters) :], running, share)
    restore_denormals(before)
    return cost_sum / rows, wrong_sum / weight_sum, step


@entry
def score_part(table, options, part, parameters, running, room, order):
    """Mean loss and mean error (rate, or mean squared) over a part in scoring mode; order: int64 [rows], overwritten."""
    rows = len(part.inputs)
    real = parameters.dtype.type
    before = flush_denormals()
    for i in range(rows):
        order[i] = i
    batch = len(room.a) // (table[0, N_IN] + table[:, N_OUT].sum())
    loss_sum = 0.0
    wrong_sum = 0.0
    weight_sum = 0.0
    for start in range(0, rows, batch):
        stop = min(start + batch, rows)
        z = forward_scoring(table, parameters, running, room, part.inputs[start:stop], real(options.batch_norm_eps))
        total, wrong, weight = loss_and_dz(
            options.loss, z, part.labels, part.targets, part.weights, order, start, real(0.0), real(options.huber_delta), False, real(1.0)
        )
        loss_sum += total
        wrong_sum += wrong
        weight_sum += weight
    restore_denormals(before)
    return loss_sum / weight_sum, wrong_sum / weight_sum


@entry
def score_rows(table, eps, inputs, parameters, running, room, out):
    """z of the output layer for every row, to `out` [rows, num_outputs], in scoring mode."""
    batch = len(room.a) // (table[0, N_IN] + table[:, N_OUT].sum())
    for start in range(0, len(inputs), batch):
        stop = min(start + batch, len(inputs))
        out[start:stop] = forward_scoring(table, parameters, running, room, inputs[start:stop], parameters.dtype.type(eps))


@entry
def cost_and_gradient(table, options, weights_size, num_rows, part, parameters, running, room, order):
    """Cost of the rows of `part` as one batch, penalty included and dropout off, and its gradient in room.gradient."""
    rows = len(part.inputs)
    real = parameters.dtype.type
    for i in range(rows):
        order[i] = i
    gather(part.inputs, order, 0, matrix(room.a, 0, rows, table[0, N_IN]))
    keep_probs = np.ones(len(table))
    z = forward(
        table, parameters, running, room, rows, keep_probs, np.uint64(0), 0,
        real(options.batch_norm_eps), options.batch_norm_decay, 0,
    )  # fmt: skip
    total, _, _ = loss_and_dz(
        options.loss, z, part.labels, part.targets, part.weights, order, 0,
        real(options.label_smoothing), real(options.huber_delta), True, real(1.0),
    )  # fmt: skip
    backward(table, parameters, room, rows, keep_probs)
    for i in range(weights_size):
        room.gradient[i] += real(options.l2 / num_rows) * parameters[i]
    if options.l1 > 0.0:
        add_signs(room.gradient[:weights_size], parameters[:weights_size], real(options.l1 / num_rows))
    return total / rows + penalty(parameters, weights_size, options, num_rows)
