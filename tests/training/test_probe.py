"""Probes of the layers, against PyTorch and hand arithmetic; and that being probed changes nothing."""

import math
from dataclasses import asdict

import numpy as np
import pytest

from osetra.core.records import Task
from osetra.core.seeding import Seed
from osetra.engines.native.engine import NativeEngine
from osetra.engines.port import OPTIMIZERS, Member, TrainingData
from osetra.training.life import Life
from osetra.training.probe import is_due, probe
from osetra.training.recipe import build_member

ENGINE = NativeEngine()


def data(rows: int = 40, dtype: type[np.floating] = np.float64) -> TrainingData:
    draw = np.random.default_rng(0)
    x = draw.normal(size=(rows, 5)).astype(dtype)
    y = (x[:, 0] + x[:, 1] > 0).astype(np.int64)
    return TrainingData(train_inputs=x, train_targets=y, dev_inputs=x, dev_targets=y)


def member(**configuration: object) -> Member:
    given = {"hidden_units": "6-4", "batch_size": 64} | configuration
    return build_member(
        given, num_inputs=5, num_outputs=2, task=Task.BINARY, seed=Seed(study=3, trial=1), total_epochs=9, dtype=np.float64
    )  # fmt: skip


@pytest.mark.parametrize(
    "options", [{}, {"l2": 2.0, "l1": 0.5}, {"clip_norm": 0.05, "batch_norm": False}, {"keep_prob": 0.5, "noise": 1.0}], ids=str
)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_what_a_probe_says_is_what_pytorch_would_do(optimizer: str, options: dict) -> None:
    pytest.importorskip("torch", reason="the reference needs PyTorch: pip install 'osetra[torch]'")
    from osetra.engines.plain import PlainEngine

    part = data()
    trained = member(optimizer=optimizer, activation="tanh", eps=1e-3, **options)
    ENGINE.advance([trained], part, epochs=3)
    ours, theirs = (probe(engine, trained, part) for engine in (ENGINE, PlainEngine()))
    assert [layer.layer for layer in ours] == [1, 2, 3]
    for layer, expected in zip(ours, theirs, strict=True):
        assert asdict(layer) == pytest.approx(asdict(expected), rel=1e-9, abs=1e-12)


def test_under_full_batch_gradient_descent_the_update_is_the_rate_times_the_gradient() -> None:
    trained = member(optimizer="gd", learning_rate=0.25, schedule="constant", batch_norm=False)
    before = trained.state.parameters.copy()
    for layer in probe(ENGINE, trained, data()):
        assert layer.update_ratio == pytest.approx(0.25 * layer.gradient_norm / layer.weight_norm)
        assert layer.weight_norm == pytest.approx(np.linalg.norm(trained.layout.view(before, f"W{layer.layer}")))
    np.testing.assert_array_equal(trained.state.parameters, before)


def test_units_that_never_fire_are_dead_and_units_at_an_end_saturated() -> None:
    trained = member(activation="relu-tanh", batch_norm=False)
    b1, b2 = (trained.layout.view(trained.state.parameters, name) for name in ("b1", "b2"))
    b1[:3], b2[0] = -100.0, 100.0
    first, second, last = probe(ENGINE, trained, data())
    assert first.dead_units == 0.5
    assert first.saturated >= 0.5
    assert second.dead_units == 0.25
    assert second.saturated >= 0.25
    assert (last.dead_units, last.saturated) == (0.0, 0.0)


def test_probes_are_due_at_the_start_and_at_powers_of_two() -> None:
    assert [epoch for epoch in range(70) if is_due(epoch)] == [0, 1, 2, 4, 8, 16, 32, 64]


def lived(trained: Member, part: TrainingData, epochs: int, notice) -> Life:
    life = Life(trained, ENGINE, part, epochs=epochs, notice=notice)
    life.go_on(epochs)
    return life


def test_a_probed_trial_has_the_bits_of_one_that_is_not() -> None:
    heard = []
    lives = []
    for notice in (None, lambda *what: heard.append(what)):
        trained = member(keep_prob=0.7)
        lives.append(lived(trained, data(300), 5, notice).weights.parameters.tobytes())
    assert lives[0] == lives[1]
    assert [(kind, epoch) for kind, epoch, _ in heard] == [("probe", epoch) for epoch in (0, 1, 2, 4)]
    assert all(math.isfinite(value) for _, _, detail in heard for layer in detail["layers"] for value in layer.values())


def test_a_cost_that_rises_under_full_batch_gradient_descent_is_noticed_once() -> None:
    for rate, rises in ((0.05, 0), (30.0, 1)):
        heard = []
        trained = member(optimizer="gd", learning_rate=rate, schedule="constant")
        lived(trained, data(), 30, lambda *what, heard=heard: heard.append(what))
        rose = [(epoch, detail) for kind, epoch, detail in heard if kind == "cost rose"]
        assert len(rose) == rises
        assert all(detail["to"] > detail["from"] for _, detail in rose)


@pytest.mark.parametrize(
    "excuse", [{"optimizer": "adam"}, {"batch_size": 16}, {"keep_prob": 0.9}, {"noise": 0.1}, {"clip_norm": 1.0}], ids=str
)
def test_a_cost_that_may_rise_is_not_noticed(excuse: dict) -> None:
    heard = []
    trained = member(**{"optimizer": "gd", "learning_rate": 30.0} | excuse)
    lived(trained, data(), 30, lambda *what: heard.append(what))
    assert {kind for kind, _, _ in heard} == {"probe"}
