"""B1's JAX opponent: jit + scan over the steps, vmap over the models; prints microseconds per model and step.

    python jax_training.py '{"sizes": [16, 32, 32, 2], "batch": 64, "steps": 100, "models": 64}'

Runs in an environment of its own that has jax; needs nothing of osetra. Batch norm, relu, Adam, softmax, float32, as B1 says. The data is
shuffled once for each model, outside the time taken.
"""

import json
import sys
import time
from functools import partial
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np


def start(key, sizes):
    layers = []
    for n_in, units in pairwise(sizes):
        key, draw = jax.random.split(key)
        weights = jax.random.normal(draw, (n_in, units), jnp.float32) * jnp.sqrt(2.0 / n_in)
        layers.append({"W": weights, "gamma": jnp.ones(units), "beta": jnp.zeros(units)})
    return layers


def cost(layers, x, y):
    a = x
    for layer in layers[:-1]:
        z = a @ layer["W"]
        mean, variance = z.mean(0), z.var(0)
        a = jax.nn.relu(layer["gamma"] * (z - mean) * jax.lax.rsqrt(variance + 1e-5) + layer["beta"])
    logits = a @ layers[-1]["W"] + layers[-1]["beta"]
    return -jnp.take_along_axis(jax.nn.log_softmax(logits), y[:, None], axis=1).mean()


def adam(state, batch, rate):
    w, m, v, t = state
    g = jax.grad(cost)(w, *batch)
    t = t + 1
    m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, g)
    v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
    c1, c2 = 1 - 0.9**t, 1 - 0.999**t
    w = jax.tree.map(lambda w, m, v: w - rate * (m / c1) / (jnp.sqrt(v / c2) + 1e-8), w, m, v)
    return (w, m, v, t), None


@jax.jit
@partial(jax.vmap, in_axes=(0, 0, 0, None, None))
def train(state, order, rate, inputs, labels):
    def step(state, rows):
        return adam(state, (inputs[rows], labels[rows]), rate)

    return jax.lax.scan(step, state, order)[0]


def main():
    task = json.loads(sys.argv[1])
    sizes, batch, steps, models = task["sizes"], task["batch"], task["steps"], task["models"]
    generator = np.random.default_rng(0)
    inputs = jnp.asarray(generator.normal(size=(batch * steps, sizes[0])).astype(np.float32))
    labels = jnp.asarray(generator.integers(0, sizes[-1], batch * steps))
    orders = jnp.asarray(np.stack([generator.permutation(batch * steps).reshape(steps, batch) for _ in range(models)]))
    rates = jnp.asarray(1e-4 * 1.1 ** np.arange(models), jnp.float32)
    w = jax.vmap(partial(start, sizes=sizes))(jax.random.split(jax.random.key(0), models))
    zeros = jax.tree.map(jnp.zeros_like, w)
    state = (w, zeros, zeros, jnp.zeros(models))
    jax.block_until_ready(train(state, orders, rates, inputs, labels))
    began = time.perf_counter()
    jax.block_until_ready(train(state, orders, rates, inputs, labels))
    print((time.perf_counter() - began) / (models * steps) * 1e6)


if __name__ == "__main__":
    main()
