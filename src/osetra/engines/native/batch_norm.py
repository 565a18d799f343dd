"""Batch norm of z over the mini-batch, and its gradient.

    mu = 1/n sum z      sigma^2 = 1/n sum (z - mu)^2      z_norm = (z - mu)/sqrt(sigma^2 + eps)      z_tilde = gamma z_norm + beta

    dgamma = sum dz_tilde z_norm      dbeta = sum dz_tilde
    dz = gamma/sqrt(sigma^2 + eps) * (dz_tilde - dbeta/n - z_norm dgamma/n)

Running moments are exponentially weighted with bias correction: step t mixes in the batch's with weight (1-beta)/(1-beta^t), so the
first step takes them whole. A batch of one row has no variance to speak of and leaves them as they were.
Source: Ioffe & Szegedy 2015, arXiv:1502.03167, Algorithm 1. Knows nothing of: activations, layers.
"""

import numpy as np

from osetra.engines.native.kernel import inner


@inner
def normalise(z, gamma, beta, eps, out, mean, variance, inverse):
    """z [n, units] becomes z_norm in place; z_tilde goes to `out` [n, units]; mean, variance and 1/sqrt(variance + eps) to [units]."""
    n, units = z.shape
    share = z.dtype.type(1.0) / z.dtype.type(n)
    # One pass for both moments, of the distance to the first row: as exact as two passes while rows are of like size
    # (Chan, Golub & LeVeque 1983).
    for j in range(units):
        mean[j] = 0.0
        variance[j] = 0.0
    first = inverse
    for j in range(units):
        first[j] = z[0, j]
    # Four rows at a time: a sum in memory is read and written once for the four.
    fours = n - n % 4
    for i in range(0, fours, 4):
        for j in range(units):
            d0 = z[i, j] - first[j]
            d1 = z[i + 1, j] - first[j]
            d2 = z[i + 2, j] - first[j]
            d3 = z[i + 3, j] - first[j]
            mean[j] += (d0 + d1) + (d2 + d3)
            variance[j] += (d0 * d0 + d1 * d1) + (d2 * d2 + d3 * d3)
    for i in range(fours, n):
        for j in range(units):
            away = z[i, j] - first[j]
            mean[j] += away
            variance[j] += away * away
    zero = z.dtype.type(0.0)
    for j in range(units):
        away = mean[j] * share
        spread = variance[j] * share - away * away
        variance[j] = zero if spread < zero else spread
        mean[j] = first[j] + away
    one = z.dtype.type(1.0)
    for j in range(units):
        inverse[j] = one / np.sqrt(variance[j] + eps)
    for i in range(n):
        for j in range(units):
            normal = (z[i, j] - mean[j]) * inverse[j]
            z[i, j] = normal
            out[i, j] = gamma[j] * normal + beta[j]


@inner
def gradient(z_norm, gamma, inverse, d, dgamma, dbeta):
    """d = dz_tilde becomes dz in place, [n, units]; dgamma and dbeta [units] are written."""
    n, units = z_norm.shape
    for j in range(units):
        dgamma[j] = 0.0
        dbeta[j] = 0.0
    fours = n - n % 4
    for i in range(0, fours, 4):
        for j in range(units):
            dbeta[j] += (d[i, j] + d[i + 1, j]) + (d[i + 2, j] + d[i + 3, j])
            dgamma[j] += (d[i, j] * z_norm[i, j] + d[i + 1, j] * z_norm[i + 1, j]) + (
                d[i + 2, j] * z_norm[i + 2, j] + d[i + 3, j] * z_norm[i + 3, j]
            )
    for i in range(fours, n):
        for j in range(units):
            dbeta[j] += d[i, j]
            dgamma[j] += d[i, j] * z_norm[i, j]
    share = z_norm.dtype.type(1.0) / z_norm.dtype.type(n)
    for i in range(n):
        for j in range(units):
            d[i, j] = gamma[j] * inverse[j] * (d[i, j] - (dbeta[j] + z_norm[i, j] * dgamma[j]) * share)


@inner
def update_running(running_mean, running_variance, mean, variance, decay, step):
    """Mix the moments of the batch of step `step` (from 1) into the running ones."""
    weight = mean.dtype.type((1.0 - decay) / (1.0 - decay**step))
    for j in range(mean.size):
        running_mean[j] += weight * (mean[j] - running_mean[j])
        running_variance[j] += weight * (variance[j] - running_variance[j])
