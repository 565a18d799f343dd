"""The worlds of `benchmarks/diagnosis.py`, two seeds of each: they are what they say, and the diagnosis says so."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest


def _benchmark(name):
    """A module of the benchmarks, which are in no package, under a name that nothing else has."""
    path = Path(__file__).parents[1] / "benchmarks" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"benchmark_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


diagnosis = _benchmark("diagnosis")
worlds = sys.modules["diagnosis_worlds"]
SEEDS = (1000, 1001)


@pytest.mark.parametrize("world", worlds.WORLDS, ids=lambda world: world.name)
def test_the_diagnosis_of_a_world_with_a_known_answer_is_right(world):
    for seed in SEEDS:
        seen = diagnosis.observe(world.name, seed)
        assert diagnosis.is_right(world, frozenset(seen["said"])), seen


def test_no_network_of_one_hidden_relu_gets_more_than_seven_of_twelve_sectors():
    points, sector = worlds.sectors(np.random.default_rng(0), 20_000)
    truth = sector % 2 == 1
    angle = np.arctan2(points[:, 1], points[:, 0])
    wrong = []
    # Of points on one circle it answers one way on an arc and the other way elsewhere; of all arcs the best.
    for start in np.linspace(-np.pi, np.pi, 25):
        for width in np.linspace(0, 2 * np.pi, 25):
            inside = (angle - start) % (2 * np.pi) < width
            wrong.append(min(np.mean(inside != truth), np.mean(inside == truth)))
    assert min(wrong) == pytest.approx(5 / 12, abs=0.01)


def test_a_tenth_of_the_labels_is_turned_round():
    case = worlds.label_noise(0)
    assert np.mean((worlds.smooth(case.data) > 0) != case.options["y"]) == pytest.approx(case.base_error, abs=0.01)
    assert worlds.label_noise_untold(0).base_error is None


def test_the_relus_that_are_called_dead_are_0_at_every_row():
    case = worlds.dead_relus(SEEDS[0])
    model = diagnosis.fit(case, SEEDS[0]).model
    view = {name: np.asarray(model.layout.view(model.parameters, name), np.float64) for name in ("W1", "b1", "W2", "b2")}
    inputs = model.preparation.inputs(pd.DataFrame(case.data, columns=["x0", "x1", "x2", "x3"]))
    first = np.maximum(inputs @ view["W1"] + view["b1"], 0)
    second = np.maximum(first @ view["W2"] + view["b2"], 0)
    assert max(np.mean(~first.any(axis=0)), np.mean(~second.any(axis=0))) >= 0.5


def test_ten_times_the_best_rate_and_a_tenth_of_it_do_harm():
    def dev_loss(rate):
        return np.mean([_last_losses(worlds._at_rate(seed, rate), seed) for seed in SEEDS])

    best = dev_loss(worlds.BEST_RATE)
    assert dev_loss(10 * worlds.BEST_RATE) > 2 * best
    assert dev_loss(worlds.BEST_RATE / 10) > 2 * best


def test_an_answer_is_right_only_with_the_expected_and_without_its_opposite():
    world = worlds.World(name="made", make=worlds.healthy, expected="a", opposite=frozenset({"b"}))
    assert diagnosis.is_right(world, frozenset({"a", "c"}))
    assert not diagnosis.is_right(world, frozenset({"a", "b"}))
    assert not diagnosis.is_right(world, frozenset({"c"}))


def test_a_summary_counts_what_was_right_and_every_false_alarm(capsys):
    world = worlds.World(name="made", make=worlds.healthy, expected="neither", is_healthy=True, maybe=frozenset({"worse slice"}))
    said = [["neither"], ["neither", "worse slice"], ["neither", "oscillating"], ["high bias"]]
    seen = [{"world": "made", "seed": seed, "said": names, "untold": "neither", "first": None} for seed, names in enumerate(said)]
    told = diagnosis.summary(world, seen)
    assert (told["right"], told["any_alarm"], told["alarms"]) == (3, 2, {"oscillating": 1, "high bias": 1})
    assert [one["seed"] for one in told["wrong"]] == [3]
    assert [one["seed"] for one in told["alarmed"]] == [2, 3]
    diagnosis.show([told])
    printed = capsys.readouterr().out
    assert "| made | neither | 1 |" in printed
    assert "any 2 (missed); oscillating 1, high bias 1" in printed


def _last_losses(case, seed):
    return float(np.median([record.dev_loss for record in diagnosis.fit(case, seed).curve(0)[-8:]]))
