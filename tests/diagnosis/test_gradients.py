"""Planted layers: what vanishes, explodes, is dead or saturated, and that healthy ones give no finding."""

import numpy as np
import pytest

from osetra.diagnosis.gradients import Probe, growth, judge_layers


def probes(norms, *, epochs=(0, 1, 2, 4, 8), dead=0.1, saturated=0.0, ratio=3e-3, noise=0.1, signal=1.0, seed=0):
    """A probe at each epoch; `norms` of the gradient by layer, with noise on their logarithms."""
    generator = np.random.default_rng(seed)
    made = []
    for epoch in epochs:
        layers = [
            {
                "layer": number, "gradient_norm": float(norm * np.exp(noise * generator.normal())), "update_ratio": ratio,
                "activation_mean": 0.6, "activation_deviation": 0.8 * signal**number,
                "dead_units": dead, "saturated": saturated,
            }
            for number, norm in enumerate(norms, start=1)
        ]  # fmt: skip
        made.append(Probe(epoch=epoch, layers=layers))
    return made


def names(found):
    return [finding.name for finding in found]


def test_growth_is_the_factor_from_a_layer_to_the_next():
    layers = probes(3.0 * 2.0 ** np.arange(6), noise=0.0)[0].layers
    assert growth(layers) == pytest.approx((2.0, 1.0))
    assert growth(probes([0.0, 1.0])[0].layers) is None


def test_a_signal_that_grows_up_the_layers_is_a_gradient_that_explodes_down_them():
    # dJ/dW is alike in all layers of such a network: what explodes on the way down is made up for by the activations.
    found = judge_layers(probes(np.ones(10), signal=3.0), activations=["relu"] * 9)
    assert names(found) == ["exploding gradients"]


def test_healthy_layers_give_no_finding():
    for seed in range(50):
        shape = np.exp(0.7 * np.random.default_rng(seed).normal(size=6))
        assert judge_layers(probes(shape, seed=seed), activations=["relu"] * 5) == ()
    assert judge_layers([], activations=[]) == ()


@pytest.mark.parametrize(("factor", "name"), [(4.0, "vanishing gradients"), (1 / 3, "exploding gradients")])
def test_gradients_that_shrink_or_grow_down_the_layers_are_named_with_their_factor(factor, name):
    norms = factor ** np.arange(10)
    (found,) = judge_layers(probes(norms / norms.max(), noise=1e-3), activations=["relu"] * 9)
    assert found.name == name
    assert f"each layer's gradient is {1 / factor:.2g} times the one above it" in found.sentence
    assert "5 of 5 probes" in found.sentence
    assert ("clipping" in found.remedy) == (name == "exploding gradients")


def test_two_layers_of_unlike_size_are_no_slope():
    assert judge_layers(probes([1e-4, 1.0]), activations=["relu"]) == ()


def test_what_training_cured_is_no_finding():
    early, late = probes(4.0 ** np.arange(8), epochs=(0, 1)), probes(np.ones(8), epochs=(2, 4, 8))
    assert judge_layers([*early, *late], activations=["relu"] * 7) == ()


def test_a_gradient_of_zero_has_vanished_and_one_that_is_not_finite_has_exploded():
    zero, broken = probes([1.0, 1.0, 1.0], epochs=(4,)), probes([1.0, 1.0, 1.0], epochs=(4,))
    zero[0].layers[0]["gradient_norm"], broken[0].layers[1]["gradient_norm"] = 0.0, None
    assert "gradient of layer 1 is 0" in judge_layers(zero, activations=["relu"] * 2)[0].sentence
    (found,) = judge_layers(broken, activations=["relu"] * 2)
    assert (found.name, "layer 2 is not finite" in found.sentence) == ("exploding gradients", True)


def test_dead_and_saturated_units_are_found_in_the_layer_where_they_are():
    made = probes([1.0, 1.0, 1.0])
    made[-1].layers[1]["dead_units"] = 0.7
    made[-1].layers[0]["saturated"] = 0.8
    found = judge_layers(made, activations=["tanh", "relu"])
    assert [(one.name, one.layer) for one in found] == [("saturated units", 1), ("dead units", 2)]
    assert "70 % of the units of layer 2" in found[1].sentence
    # Half of relu's activations are 0 in the best of health.
    assert names(judge_layers(made, activations=["relu", "relu"])) == ["dead units"]


def test_steps_too_small_and_too_large_are_found_and_those_at_the_end_of_a_schedule_are_not():
    assert names(judge_layers(probes([1.0, 1.0], ratio=1e-6), activations=["relu"])) == ["small steps"]
    assert names(judge_layers(probes([1.0, 1.0], ratio=0.5), activations=["relu"])) == ["large steps"]
    cooled = [*probes([1.0, 1.0]), *probes([1.0, 1.0], epochs=(16, 32), ratio=1e-7)]
    assert judge_layers(cooled, activations=["relu"]) == ()


def test_a_network_without_hidden_layers_is_judged_too():
    assert judge_layers(probes([1.0]), activations=[]) == ()
