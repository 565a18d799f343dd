"""Losses, their value and dz, the gradient with respect to the last layer's z.

    cross_entropy          L = -sum y log softmax(z)                     dz = yhat - y      (y smoothed: (1-s) y + s/C)
    binary_cross_entropy   L = -y log yhat - (1-y) log(1-yhat)           dz = yhat - y
    squared                L = 1/2 sum (z - y)^2                         dz = z - y
    absolute               L = sum |z - y|                               dz = sign(z - y)
    huber                  squared within delta, else delta(|z-y| - delta/2)

Where mixup mixed row i with row i + 1 of the batch (the last with the first), the loss is share L(z, y_i) + (1 - share) L(z, y_{i+1}),
each with its row's weight; for the last three losses the targets are mixed.

Softmax and the log of the sigmoid are computed from z minus its maximum, so any finite z is safe.
Knows nothing of: layers, parameters.
"""

import math

from osetra.engines.native.kernel import inner
from osetra.engines.native.mathematics import exp
from osetra.engines.port import LOSSES

CROSS_ENTROPY, BINARY_CROSS_ENTROPY, SQUARED, ABSOLUTE, HUBER = range(len(LOSSES))


@inner
def loss_and_dz(code, z, labels, targets, weights, order, start, smoothing, delta, train, own_share):
    """Sums over rows of (weighted) loss, of wrong decisions or squared errors, and of weights.

    z [n, outputs]; row i's target is entry order[start + i] of `labels` or `targets`. With `train`, z becomes dz of the mean loss.
    `weights` empty: all 1. own_share: 1 where rows are not mixed; where they are at least 1/2, so that a row's own target decides what is
    wrong.
    """
    n, outputs = z.shape
    if code == CROSS_ENTROPY:
        return _cross_entropy(z, labels, weights, order, start, smoothing, train, own_share)
    total = 0.0
    wrong = 0.0
    weight_sum = 0.0
    one = z.dtype.type(1.0)
    zero = z.dtype.type(0.0)
    share = one / z.dtype.type(n)
    is_mixed = own_share < one
    for i in range(n):
        row = order[start + i]
        w = weights[row] if weights.size else one
        other = row
        other_part = zero
        if is_mixed:
            other = order[start + (i + 1) % n]
            other_w = (weights[other] if weights.size else one) * (one - own_share)
            w = w * own_share + other_w
            other_part = other_w / w
        weight_sum += w
        for j in range(outputs):
            y = targets[row, j]
            if is_mixed:
                y += other_part * (targets[other, j] - y)
            away = z[i, j] - y
            if code == BINARY_CROSS_ENTROPY:
                y = y * (one - smoothing) + smoothing / z.dtype.type(2.0)
                e = exp(-abs(z[i, j]))
                total += w * (max(z[i, j], zero) - z[i, j] * y + math.log(one + e))
                if (z[i, j] > zero) != (targets[row, j] > z.dtype.type(0.5)):
                    wrong += w / outputs
                yhat = one / (one + e) if z[i, j] > zero else e / (one + e)
                dz = yhat - y
            else:
                wrong += w * away * away / outputs
                if code == SQUARED:
                    total += w * 0.5 * away * away
                    dz = away
                elif code == ABSOLUTE or abs(away) > delta:
                    limit = one if code == ABSOLUTE else delta
                    total += w * (abs(away) if code == ABSOLUTE else limit * (abs(away) - 0.5 * limit))
                    dz = zero if away == zero else (limit if away > zero else -limit)
                else:
                    total += w * 0.5 * away * away
                    dz = away
            if train:
                z[i, j] = w * share * dz
    return total, wrong, weight_sum


@inner
def _cross_entropy(z, labels, weights, order, start, smoothing, train, own_share):
    """As `loss_and_dz`; the exponentials of the whole batch are taken in one loop, which becomes vector code."""
    n, outputs = z.shape
    total = 0.0
    wrong = 0.0
    weight_sum = 0.0
    one = z.dtype.type(1.0)
    zero = z.dtype.type(0.0)
    share = one / z.dtype.type(n)
    uniform = smoothing / z.dtype.type(outputs)
    is_mixed = own_share < one
    for i in range(n):
        row = order[start + i]
        label = labels[row]
        w = weights[row] if weights.size else one
        other = row
        other_w = zero
        if is_mixed:
            other = order[start + (i + 1) % n]
            other_w = (weights[other] if weights.size else one) * (one - own_share)
            w = w * own_share + other_w
        weight_sum += w
        largest = z[i, 0]
        at = 0
        for j in range(1, outputs):
            if z[i, j] > largest:
                largest = z[i, j]
                at = j
        if at != label:
            wrong += w
        sum_z = zero
        for j in range(outputs):
            z[i, j] -= largest
            sum_z += z[i, j]
        # -sum_j y_j (z_j - log sum exp z) with y = (1-s) onehot + s/C; the logarithm follows.
        total -= w * ((one - smoothing) * z[i, label] + uniform * sum_z)
        if is_mixed:
            total -= other_w * (one - smoothing) * (z[i, labels[other]] - z[i, label])
    flat = z.reshape(z.size)
    for i in range(flat.size):
        flat[i] = exp(flat[i])
    for i in range(n):
        row = order[start + i]
        w = weights[row] if weights.size else one
        other = row
        other_w = zero
        if is_mixed:
            other = order[start + (i + 1) % n]
            other_w = (weights[other] if weights.size else one) * (one - own_share)
            w = w * own_share + other_w
        sum_exp = zero
        for j in range(outputs):
            sum_exp += z[i, j]
        total += w * math.log(sum_exp)
        if train:
            scale = one / sum_exp
            for j in range(outputs):
                z[i, j] = w * share * (z[i, j] * scale - uniform)
            z[i, labels[row]] -= (w - other_w) * share * (one - smoothing)
            if is_mixed:
                z[i, labels[other]] -= other_w * share * (one - smoothing)
    return total, wrong, weight_sum
