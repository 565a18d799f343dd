"""Every pair of training options together, the compiled engine against the plain PyTorch loop.

The table is a covering array: each value of each option meets each value of every other option in at least one row. Tolerances and eps
are those of `test_native_against_plain`.
"""

import itertools
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from osetra.engines.native.engine import NativeEngine
from osetra.engines.port import LOSSES, OPTIMIZERS, Hyperparameters, ImageShape, TrainingData
from osetra.network.spec import ACTIVATIONS

from .members import curve, steps_an_epoch, tiny_data, tiny_member

pytest.importorskip("torch", reason="the reference needs PyTorch: pip install 'osetra[torch]'")

from osetra.engines.plain import PlainEngine

from .test_native_against_plain import EXACT, assert_close, float32_tolerance

IMAGE = ImageShape(height=4, width=5, channels=2, fill=(-1.5, 0.5))
OPTIONS: Mapping[str, tuple] = {
    "optimizer": OPTIMIZERS,
    "activation": ACTIVATIONS,
    "loss": tuple(LOSSES),
    "hidden_units": ((4, 3), (3, 5, 4), ()),
    "moves": ({}, {"flip": True, "crop_padding": 2}, {"rotation": 40.0}, {"distortion": 0.8, "flip": True}, {"rotation": 9.0}),
    "batch_size": (8, 1, 40),
    "batch_norm": (False, True),
    "l2": (0.0, 3.0),
    "l1": (0.0, 0.7),
    "clip_norm": (0.0, 0.3),
    "keep_prob": (1.0, 0.8),
    "input_keep_prob": (1.0, 0.9),
    "noise": (0.0, 0.3),
    "mixup": (0.0, 0.4),
    "label_smoothing": (0.0, 0.2),
    "bias_correction": (True, False),
    "weight_averaging": (0.0, 0.1),
    "weighted": (False, True),
}  # fmt: skip


def covering_rows() -> list[dict[str, object]]:
    """Rows in which every pair of values of two options occurs; greedy, each row takes the pair longest missing and what covers most."""
    names = list(OPTIONS)
    missing = {
        (a, i, b, j)
        for a, b in itertools.combinations(range(len(names)), 2)
        for i, j in itertools.product(range(len(OPTIONS[names[a]])), range(len(OPTIONS[names[b]])))
    }
    rows = []
    while missing:
        a, i, b, j = min(missing)
        row = {a: i, b: j}
        for place in (place for place in range(len(names)) if place not in row):
            gains = [
                sum((*min((place, value), (p, v)), *max((place, value), (p, v))) in missing for p, v in row.items())
                for value in range(len(OPTIONS[names[place]]))
            ]
            # Ties go round the values, so that no option rests at its first.
            row[place] = max(range(len(gains)), key=lambda value: (gains[value], (value + len(rows)) % len(gains)))
        missing -= {(p, row[p], q, row[q]) for p, q in itertools.combinations(range(len(names)), 2)}
        rows.append({name: OPTIONS[name][row[place]] for place, name in enumerate(names)})
    return rows


ROWS = covering_rows()


def test_every_pair_of_values_is_in_the_table() -> None:
    for a, b in itertools.combinations(OPTIONS, 2):
        for pair in itertools.product(OPTIONS[a], OPTIONS[b]):
            assert any((row[a], row[b]) == pair for row in ROWS), (a, b, pair)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("number", range(len(ROWS)))
def test_every_pair_of_options_agrees(number: int, dtype: type[np.floating]) -> None:
    row = dict(ROWS[number])
    moves, weighted, hidden_units = row.pop("moves"), row.pop("weighted"), row.pop("hidden_units")
    network = {"hidden_units": hidden_units, "activation": row.pop("activation"), "batch_norm": row.pop("batch_norm")}
    keep_prob = row.pop("keep_prob")
    # A share of its own for each layer, so that one given to another layer shows.
    kept = tuple(keep_prob + (1 - keep_prob) * place / 4 for place in range(len(hidden_units)))
    h = Hyperparameters(keep_prob=kept, eps=1e-3, beta2=0.99, **moves, **row)  # pyright: ignore[reportCallIssue]
    steps = 20 // steps_an_epoch(made(h.loss, weighted, dtype), h) or 1
    epochs = max(1, steps)
    ours, theirs = made(h.loss, weighted, dtype), made(h.loss, weighted, np.float64)
    native, plain = tiny_member(ours, h, **network), tiny_member(theirs, h, **network)
    [records] = NativeEngine().advance([native], ours, epochs=epochs)
    [expected] = PlainEngine().advance([plain], theirs, epochs=epochs)
    tolerance = EXACT if dtype is np.float64 else 4 * float32_tolerance(max(20, plain.state.step))
    assert_close((native, curve(records)), (plain, curve(expected)), tolerance)


def made(loss: str, weighted: bool, dtype: type[np.floating]) -> TrainingData:
    """33 small images with two channels."""
    return replace(tiny_data(loss, dtype, rows=33, num_inputs=IMAGE.size, weighted=weighted), image=IMAGE)
