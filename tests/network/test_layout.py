"""Where parameters lie, and how they start."""

import numpy as np
import pytest

from osetra.core.errors import SpaceError
from osetra.core.seeding import Seed
from osetra.network.initialise import initial_parameters, initial_running
from osetra.network.layout import Layout
from osetra.network.spec import NetworkSpec


def layout(**changes):
    return Layout(NetworkSpec(**{"num_inputs": 5, "hidden_units": (4, 3), "num_outputs": 2, "batch_norm": True} | changes))


def test_every_position_of_the_row_belongs_to_exactly_one_parameter():
    for batch_norm in (False, True):
        made = layout(batch_norm=batch_norm)
        row = np.zeros(made.size)
        for name in made.parameters:
            made.view(row, name)[...] += 1
        assert (row == 1).all()


def test_weights_come_first_and_a_normalised_layer_has_no_bias():
    made = layout()
    assert made.weights_size == 5 * 4 + 4 * 3 + 3 * 2
    assert all(offset < made.weights_size for name, (offset, _) in made.parameters.items() if name.startswith("W"))
    assert set(made.parameters) == {"W1", "W2", "W3", "gamma1", "beta1", "gamma2", "beta2", "b3"}
    assert set(made.running) == {"mean1", "variance1", "mean2", "variance2"}
    assert set(layout(batch_norm=False).parameters) == {"W1", "W2", "W3", "b1", "b2", "b3"}


@pytest.mark.parametrize(("scheme", "variance"), [("he", 2 / 400), ("xavier", 1 / 400), ("lecun", 1 / 400), ("auto", 2 / 400)])
@pytest.mark.parametrize("distribution", ["normal", "uniform"])
def test_starting_weights_have_the_scheme_s_variance(scheme, variance, distribution):
    made = layout(num_inputs=400, hidden_units=(500,))
    row = initial_parameters(made, Seed(study=1).generator("initialise"), scheme=scheme, gain=1.5, distribution=distribution)
    weights = made.view(row, "W1").astype(float)
    # 200,000 draws: the sample variance is within 2 % (six standard errors of a normal's) of the true one.
    assert weights.var() == pytest.approx(1.5**2 * variance, rel=0.02)
    assert abs(weights.mean()) < 6 * np.sqrt(1.5**2 * variance / weights.size)
    assert (made.view(row, "gamma1") == 1).all()
    assert (made.view(row, "beta1") == 0).all()


def test_float32_and_float64_starts_are_the_same_numbers_rounded():
    made = layout()
    single, double = (initial_parameters(made, Seed(study=1, trial=2).generator("initialise"), dtype=d) for d in (np.float32, np.float64))
    assert (single == double.astype(np.float32)).all()


def test_running_moments_start_at_mean_zero_and_variance_one():
    made = layout()
    row = initial_running(made)
    assert (made.view(row, "mean2") == 0).all()
    assert (made.view(row, "variance2") == 1).all()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"hidden_units": (4, 0)}, "at least 1 unit"),
        ({"activations": ("relu",)}, "one for each of the 2"),
        ({"activations": ("relu", "rellu")}, "'rellu'"),
        ({"output": "hardmax"}, "'hardmax'"),
        ({"num_outputs": 1}, "sigmoid"),
    ],
)
def test_a_network_that_cannot_be_is_refused_with_the_reason(changes, words):
    with pytest.raises(SpaceError, match=words):
        layout(**changes)


def test_an_unknown_initialisation_is_refused():
    with pytest.raises(SpaceError, match="one of auto, he, xavier, lecun, got 'glorot'"):
        initial_parameters(layout(), np.random.default_rng(0), scheme="glorot")
    with pytest.raises(SpaceError, match="gain must be > 0"):
        initial_parameters(layout(), np.random.default_rng(0), gain=0.0)
