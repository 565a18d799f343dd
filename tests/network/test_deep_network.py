"""A network of 50 layers before training: what the starting variance does to its signal, and what batch norm does about it."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

path = Path(__file__).parents[2] / "examples" / "deep_network.py"
spec = importlib.util.spec_from_file_location("deep_network", path)
assert spec is not None
assert spec.loader is not None
deep_network = importlib.util.module_from_spec(spec)
sys.modules["deep_network"] = deep_network
spec.loader.exec_module(deep_network)

SEEDS = 5


def powers(**case) -> tuple[np.ndarray, np.ndarray]:
    """log10 of the mean squares of activations and of dJ/dW by layer, [50] each, averaged over seeds."""
    made = deep_network.Case(name="", **case)
    squares = [deep_network.measure(made, seed=seed) for seed in range(SEEDS)]
    return tuple(np.log10(np.array(part)).mean(axis=0) for part in zip(*squares, strict=True))


def growth(by_layer: np.ndarray) -> float:
    """Of a layer over the one below, in powers of ten."""
    return float(np.polyfit(np.arange(len(by_layer)), by_layer, 1)[0])


@pytest.mark.parametrize("gain", [0.7, 1.0, 1.4])
@pytest.mark.parametrize(("scheme", "factor"), [("he", 1.0), ("xavier", 0.5)])
def test_each_relu_layer_multiplies_the_mean_square_by_gain_squared_with_he_and_by_half_of_that_with_xavier(scheme, factor, gain):
    activations, _ = powers(activation="relu", scheme=scheme, gain=gain)
    # Of 100 units a layer's mean square strays by a factor of about 1 +- 0.22; over 49 layers and 5 seeds that leaves 0.006 of a power.
    assert growth(activations) == pytest.approx(np.log10(factor * gain**2), abs=0.03)


@pytest.mark.parametrize("gain", [0.7, 1.4])
def test_gradients_vanish_and_explode_with_the_gain_to_the_power_of_twice_the_layers(gain):
    _, usual = powers(activation="relu", scheme="he")
    _, gradients = powers(activation="relu", scheme="he", gain=gain)
    # gain^2 for each layer that a signal passes on its way up and down again; the loss itself adds about one power at most.
    assert (gradients - usual).mean() == pytest.approx(2 * deep_network.LAYERS * np.log10(gain), abs=1.5)


def test_a_linear_network_with_xavier_s_variance_keeps_its_mean_square():
    activations, _ = powers(activation="linear", scheme="xavier")
    assert growth(activations) == pytest.approx(0.0, abs=0.03)
    assert np.abs(activations).max() < 0.5


@pytest.mark.parametrize("gain", [0.7, 1.0, 1.4])
def test_batch_norm_gives_every_layer_the_same_mean_square_whatever_the_gain(gain):
    activations, _ = powers(activation="relu", scheme="he", gain=gain, batch_norm=True)
    # E relu(z)^2 = 1/2 for z ~ N(0, 1).
    np.testing.assert_allclose(10**activations, 0.5, atol=0.02)


def test_the_figure_has_a_line_for_every_case(tmp_path, capsys):
    deep_network.main(tmp_path / "figure.svg")
    drawn = (tmp_path / "figure.svg").read_text()
    told = capsys.readouterr().out
    assert drawn.count("<polyline") == len(deep_network.CASES) == 7
    assert all(case.name in drawn and case.name in told for case in deep_network.CASES)
