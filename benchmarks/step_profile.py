"""Where a training step of the native engine goes, one thread: microseconds of each part, by leaving off the later ones.

    python benchmarks/step_profile.py [--out FILE.json]

Each figure is the best of several repeats less that of the parts before it, so small parts are noisy.
"""

import argparse
import json
import time
from pathlib import Path

import numba
import numpy as np
from training_speed import SHAPES, flops_per_step, make_data

from osetra.core.blas import one_blas_thread
from osetra.core.seeding import Seed
from osetra.engines.native.backward import backward
from osetra.engines.native.denormals import flush_denormals, restore_denormals
from osetra.engines.native.engine import _options, _rows
from osetra.engines.native.epoch import gather
from osetra.engines.native.forward import forward, matrix
from osetra.engines.native.kernel import OPTIONS
from osetra.engines.native.loss import loss_and_dz
from osetra.engines.native.table import N_IN, make_room, network_table
from osetra.engines.native.update import update
from osetra.engines.port import Hyperparameters, initial_state
from osetra.network.layout import Layout
from osetra.network.spec import NetworkSpec

PARTS = ("gather", "forward", "loss", "backward", "update")


@numba.njit(**OPTIONS)
def steps(last, table, options, weights_size, keep_probs, part, w, m, s, running, room, order, count):
    """`count` training steps as in `epoch.train_epoch`, each cut off after part `last`."""
    before = flush_denormals()
    real = w.dtype.type
    n = options.batch_size
    for step in range(count):
        start = step * n
        gather(part.inputs, order, start, matrix(room.a, 0, n, table[0, N_IN]))
        if last >= 1:
            z = forward(table, w, running, room, n, keep_probs, np.uint64(1), start, real(1e-5), 0.9, step + 1)
            if last >= 2:
                loss_and_dz(options.loss, z, part.labels, part.targets, part.weights, order, start, real(0.0), real(1.0), True)
                if last >= 3:
                    backward(table, w, room, n, keep_probs)
                    if last >= 4:
                        for lower, upper in ((0, weights_size), (weights_size, len(w))):
                            update(
                                options.optimizer, w[lower:upper], room.gradient[lower:upper], m[lower:upper], s[lower:upper],
                                1e-4, 0.0, 0.9, 0.9, 0.999, 1e-8, True, step + 1,
                            )  # fmt: skip
    restore_denormals(before)


def profile(sizes: tuple[int, ...], batch: int) -> dict[str, float]:
    """Microseconds of each part of a step."""
    count = int(np.clip(1e9 / flops_per_step(sizes, batch), 20, 1000))
    inputs, labels = make_data(sizes, batch, count)
    network = NetworkSpec(num_inputs=sizes[0], hidden_units=sizes[1:-1], num_outputs=sizes[-1], batch_norm=True)
    layout = Layout(network)
    state = initial_state(layout, Seed(study=0, trial=0))
    room = make_room(layout, batch, dropout=False, dtype=np.dtype(np.float32))
    room.a[:] = 0
    arguments = (
        network_table(layout), _options(Hyperparameters(batch_size=batch), len(inputs)), layout.weights_size,
        np.ones(network.num_layers), _rows(inputs, labels, None), state.parameters, state.first_moment, state.second_moment,
        state.running, room, np.random.default_rng(0).permutation(len(inputs)), count,
    )  # fmt: skip
    figures, total = {}, 0.0
    for last, name in enumerate(PARTS):
        best = np.inf
        for _ in range(7):
            began = time.perf_counter()
            steps(last, *arguments)
            best = min(best, (time.perf_counter() - began) / count * 1e6)
        figures[name] = best - total
        total = best
    return figures | {"all": total}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    results = {}
    with one_blas_thread():
        for name, (sizes, batch) in SHAPES.items():
            results[name] = profile(sizes, batch)
            print(f"{name:>20}  " + "  ".join(f"{part} {value:.1f}" for part, value in results[name].items()), flush=True)
    if options.out:
        options.out.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
