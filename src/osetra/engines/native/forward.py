"""Forward propagation, layer by layer.

    z = a_before W + b        or, normalised,  z = a_before W,  z_tilde = gamma z_norm + beta
    a = g(z)                  then, in training, dropout

Rows are examples: a is [n, units], W is [units before, units]. The products are those of `products`, all else are loops.
Knows nothing of: losses, updates, epochs.
"""

import numpy as np

from osetra.engines.native.activations import activate, keeps_slope
from osetra.engines.native.batch_norm import normalise, update_running
from osetra.engines.native.dropout import draw_mask, multiply
from osetra.engines.native.kernel import inner
from osetra.engines.native.mathematics import bits
from osetra.engines.native.products import a_times_b
from osetra.engines.native.table import ABSENT, ACTIVATION, BETA, GAMMA, MEAN, N_IN, N_OUT, VARIANCE, B, W


@inner
def matrix(row, offset, n, units):
    """The [n, units] part of a flat row from `offset` on."""
    return row[offset : offset + n * units].reshape(n, units)


@inner
def add_bias(z, b):
    """z := z + b, [n, units] + [units]."""
    n, units = z.shape
    for i in range(n):
        for j in range(units):
            z[i, j] += b[j]


@inner
def forward(table, parameters, running, room, n, keep_probs, dropout_key, first_row, eps, decay, step):
    """From the batch in the first part of room.a [n, num_inputs] to z of the output layer in its last part.

    All that backward needs is left in room.

    keep_probs [num_layers] starts with the input's. `step` (from 1) mixes the batch's moments into `running`; 0 leaves that alone.
    """
    num_layers = len(table)
    batch = len(room.a) // (table[0, N_IN] + table[:, N_OUT].sum())
    below_at = 0
    hidden_at = 0
    unit_at = 0
    for layer in range(num_layers):
        n_in = table[layer, N_IN]
        units = table[layer, N_OUT]
        fed = matrix(room.a, below_at, n, n_in)
        if keep_probs[layer] < 1.0:
            mask = matrix(room.mask, below_at, n, n_in)
            key = bits(dropout_key, np.uint64(layer))
            draw_mask(key, first_row * n_in, keep_probs[layer], mask)
            kept = matrix(room.fed, below_at, n, n_in)
            multiply(fed, mask, kept)
            fed = kept
        w = matrix(parameters, table[layer, W], n_in, units)
        a_at = below_at + batch * n_in
        a = matrix(room.a, a_at, n, units)
        if table[layer, GAMMA] == ABSENT:
            a_times_b(fed, w, a)
            add_bias(a, parameters[table[layer, B] : table[layer, B] + units])
        else:
            z = matrix(room.normal, hidden_at, n, units)
            a_times_b(fed, w, z)
            mean = room.moments[0, unit_at : unit_at + units]
            variance = room.moments[1, unit_at : unit_at + units]
            inverse = room.moments[2, unit_at : unit_at + units]
            gamma = parameters[table[layer, GAMMA] : table[layer, GAMMA] + units]
            beta = parameters[table[layer, BETA] : table[layer, BETA] + units]
            normalise(z, gamma, beta, eps, a, mean, variance, inverse)
            if step > 0 and n > 1:
                update_running(
                    running[table[layer, MEAN] : table[layer, MEAN] + units],
                    running[table[layer, VARIANCE] : table[layer, VARIANCE] + units],
                    mean,
                    variance,
                    decay,
                    step,
                )
        if layer < num_layers - 1:
            code = table[layer, ACTIVATION]
            slope = matrix(room.slope, hidden_at, n, units) if keeps_slope(code) else a
            activate(code, a, slope)
        below_at = a_at
        hidden_at += batch * units
        unit_at += units
    return matrix(room.a, below_at, n, table[num_layers - 1, N_OUT])


@inner
def scale_and_shift(z, scale, shift):
    """z := z scale + shift, [n, units], with scale and shift [units]."""
    n, units = z.shape
    for i in range(n):
        for j in range(units):
            z[i, j] = z[i, j] * scale[j] + shift[j]


@inner
def forward_scoring(table, parameters, running, room, x, eps):
    """z of the output layer for the rows x [n, num_inputs], in scoring mode: running moments, no dropout. n is at most the batch size."""
    num_layers = len(table)
    n = len(x)
    batch = len(room.a) // (table[0, N_IN] + table[:, N_OUT].sum())
    fed = x
    a_at = batch * table[0, N_IN]
    hidden_at = 0
    for layer in range(num_layers):
        n_in = table[layer, N_IN]
        units = table[layer, N_OUT]
        a = matrix(room.a, a_at, n, units)
        a_times_b(fed, matrix(parameters, table[layer, W], n_in, units), a)
        if table[layer, GAMMA] == ABSENT:
            add_bias(a, parameters[table[layer, B] : table[layer, B] + units])
        else:
            # gamma (z - mean)/sqrt(variance + eps) + beta = z scale + shift
            scale = room.moments[0, :units]
            shift = room.moments[1, :units]
            for j in range(units):
                scale[j] = parameters[table[layer, GAMMA] + j] / np.sqrt(running[table[layer, VARIANCE] + j] + eps)
                shift[j] = parameters[table[layer, BETA] + j] - running[table[layer, MEAN] + j] * scale[j]
            scale_and_shift(a, scale, shift)
        if layer < num_layers - 1:
            code = table[layer, ACTIVATION]
            slope = matrix(room.slope, hidden_at, n, units) if keeps_slope(code) else a
            activate(code, a, slope)
        fed = a
        a_at += batch * units
        hidden_at += batch * units
    return fed
