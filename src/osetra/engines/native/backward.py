"""Backward propagation, layer by layer from the output.

    dW = a_before^T dz      db = sum dz      da_before = dz W^T      dz_before = da_before * g'(z_before)

with dropout's mask applied to da_before and batch norm's gradient between z_tilde and z.
Knows nothing of: losses (dz of the output is given), regularisation (added by the update), updates.
"""

from osetra.engines.native.activations import keeps_slope, multiply_by_slope
from osetra.engines.native.batch_norm import gradient
from osetra.engines.native.dropout import multiply
from osetra.engines.native.forward import matrix
from osetra.engines.native.kernel import inner
from osetra.engines.native.products import a_times_b_transposed, a_transposed_times_b
from osetra.engines.native.table import ABSENT, ACTIVATION, BETA, GAMMA, N_IN, N_OUT, B, W


@inner
def sum_rows(d, out):
    """out := sum over rows of d, [n, units] -> [units]."""
    n, units = d.shape
    for j in range(units):
        out[j] = 0.0
    fours = n - n % 4
    for i in range(0, fours, 4):
        for j in range(units):
            out[j] += (d[i, j] + d[i + 1, j]) + (d[i + 2, j] + d[i + 3, j])
    for i in range(fours, n):
        for j in range(units):
            out[j] += d[i, j]


@inner
def backward(table, parameters, room, n, keep_probs):
    """Write room.gradient from dz of the output in the last part of room.a and from what `forward` left."""
    num_layers = len(table)
    batch = len(room.a) // (table[0, N_IN] + table[:, N_OUT].sum())
    half = len(room.d) // 2
    a_at = batch * (table[0, N_IN] + table[:-1, N_OUT].sum())
    hidden_at = batch * table[:-1, N_OUT].sum()
    unit_at = table[:-1, N_OUT].sum()
    d = matrix(room.a, a_at, n, table[num_layers - 1, N_OUT])
    for layer in range(num_layers - 1, -1, -1):
        n_in = table[layer, N_IN]
        units = table[layer, N_OUT]
        if layer < num_layers - 1:
            # Here d is da of this layer.
            code = table[layer, ACTIVATION]
            a = matrix(room.a, a_at, n, units)
            slope = matrix(room.slope, hidden_at, n, units) if keeps_slope(code) else a
            multiply_by_slope(code, a, slope, d)
        if table[layer, GAMMA] == ABSENT:
            sum_rows(d, room.gradient[table[layer, B] : table[layer, B] + units])
        else:
            gradient(
                matrix(room.normal, hidden_at, n, units),
                parameters[table[layer, GAMMA] : table[layer, GAMMA] + units],
                room.moments[2, unit_at : unit_at + units],
                d,
                room.gradient[table[layer, GAMMA] : table[layer, GAMMA] + units],
                room.gradient[table[layer, BETA] : table[layer, BETA] + units],
            )
        a_at -= batch * n_in
        dropped = keep_probs[layer] < 1.0
        fed = matrix(room.fed, a_at, n, n_in) if dropped else matrix(room.a, a_at, n, n_in)
        a_transposed_times_b(fed, d, matrix(room.gradient, table[layer, W], n_in, units))
        if layer > 0:
            below = matrix(room.d, half * (layer % 2), n, n_in)
            a_times_b_transposed(d, matrix(parameters, table[layer, W], n_in, units), below, room.transposed)
            if dropped:
                multiply(below, matrix(room.mask, a_at, n, n_in), below)
            d = below
            hidden_at -= batch * n_in
            unit_at -= n_in
