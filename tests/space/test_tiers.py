"""The default space follows the data and the budget."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from osetra.core.errors import SpaceError
from osetra.core.records import Task
from osetra.engines.port import LOSSES, OPTIMIZERS, Hyperparameters
from osetra.network.initialise import DISTRIBUTIONS, INITIALISATIONS
from osetra.network.spec import ACTIVATIONS
from osetra.space import (
    KNOWN_HYPERPARAMETERS,
    Space,
    check_names,
    check_values,
    choice,
    default_configuration,
    default_space,
    integer,
    linear,
    log,
    one_minus_log,
    ordinal,
    parse_scale,
    powers_of_two,
    tiers_for,
)
from osetra.space.known import _EXAMPLES, VALID_WORDS
from osetra.training.schedules import SCHEDULES

data_sizes = {"rows": st.integers(1, 2_000_000), "inputs": st.integers(1, 5_000), "task": st.sampled_from(Task)}
optimizers = st.sampled_from(OPTIMIZERS)


@given(**data_sizes, tiers=st.integers(1, 3), optimizer=optimizers)
def test_the_default_configuration_lies_in_every_default_space(rows, inputs, task, tiers, optimizer):
    space = default_space(rows=rows, inputs=inputs, task=task, tiers=tiers, optimizer=optimizer)
    space.validate(default_configuration(rows=rows, inputs=inputs, task=task, optimizer=optimizer))
    check_names(space)
    check_values(space)


@given(**data_sizes, tiers=st.integers(1, 2))
def test_a_higher_tier_searches_more_and_fixes_the_rest_at_the_default(rows, inputs, task, tiers):
    lower = default_space(rows=rows, inputs=inputs, task=task, tiers=tiers)
    upper = default_space(rows=rows, inputs=inputs, task=task, tiers=tiers + 1)
    default = default_configuration(rows=rows, inputs=inputs, task=task)
    assert set(lower.names) < set(upper.names)
    assert all(lower.scales[name] == upper.scales[name] for name in lower.names)
    assert all(value == default[name] for name, value in lower.fixed.items())


@given(**data_sizes, tiers=st.integers(1, 3), optimizer=optimizers, point=st.floats(0, 1))
def test_an_engine_takes_every_configuration(rows, inputs, task, tiers, optimizer, point):
    space = default_space(rows=rows, inputs=inputs, task=task, tiers=tiers, optimizer=optimizer)
    values = space.decode([point] * len(space.names))
    passed = {name: values[name] for name in ("optimizer", "batch_size", "momentum", "beta1", "beta2", "eps", "l2") if name in values}
    Hyperparameters(**passed, keep_prob=(values["keep_prob"],), input_keep_prob=values["input_keep_prob"])
    assert values["batch_size"] <= max(rows, 512)


def test_tier_by_tier():
    def names(tiers, **more):
        return set(default_space(rows=10_000, inputs=20, task=Task.BINARY, tiers=tiers, **more).names)

    assert names(1) == {"learning_rate"}
    assert names(2) == {"learning_rate", "batch_size", "hidden_units", "l2", "keep_prob"}
    assert names(3) == names(2) | {"num_layers"}
    assert names(2, optimizer="nesterov") == names(2) | {"momentum"}
    assert names(2, optimizer="gd") == names(2)


def test_ranges_of_a_middling_table():
    scales = default_space(rows=10_000, inputs=20, task=Task.BINARY, tiers=3).scales
    assert scales["learning_rate"] == log(1e-4, 3e-2)
    assert scales["batch_size"] == powers_of_two(64, 512)
    assert scales["hidden_units"] == powers_of_two(32, 256)
    assert scales["l2"] == log(1e-3, 100)
    assert scales["keep_prob"] == linear(0.6, 1)
    assert scales["num_layers"] == integer(1, 4)
    momentum = default_space(rows=10_000, inputs=20, task=Task.BINARY, tiers=2, optimizer="momentum").scales["momentum"]
    assert momentum == one_minus_log(0.8, 0.99)


@pytest.mark.parametrize(
    ("rows", "batch_size"), [(1999, ordinal(16, 32, 64, 128, 256, 512, 1999)), (100, ordinal(16, 32, 64, 100)), (17, ordinal(16, 17))]
)
def test_few_rows_are_offered_the_whole_batch(rows, batch_size):
    assert default_space(rows=rows, inputs=4, task=Task.BINARY, tiers=2).scales["batch_size"] == batch_size


def test_fewer_rows_than_the_smallest_batch_are_one_batch():
    assert default_space(rows=12, inputs=4, task=Task.BINARY, tiers=2).fixed["batch_size"] == 12


def test_small_data_gets_smaller_nets():
    def largest(rows, inputs):
        return default_space(rows=rows, inputs=inputs, task=Task.BINARY, tiers=2).scales["hidden_units"].arguments

    assert largest(100, 4) == (8, 64)
    assert largest(1_500, 10) == (16, 128)
    assert largest(60_000, 784) == (32, 256)
    assert largest(5_000, 1_000) == (8, 64)


def test_beta1_beta2_and_eps_are_never_searched():
    space = default_space(rows=500, inputs=4, task=Task.REGRESSION, tiers=3)
    assert {name: space.fixed[name] for name in ("beta1", "beta2", "eps")} == {"beta1": 0.9, "beta2": 0.999, "eps": 1e-8}
    assert "label_smoothing" not in space.fixed


def test_few_trials_tune_two_tiers():
    assert [tiers_for(trials) for trials in (0.5, 11.9, 12, 1000)] == [2, 2, 3, 3]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rows": 0}, "at least 1 row and 1 input, got 0 and 3"),
        ({"inputs": 0}, "at least 1 row and 1 input, got 10 and 0"),
        ({"tiers": 4}, "tiers must be 1, 2 or 3, got 4"),
        ({"optimizer": "adamm"}, "got 'adamm'; did you mean adam"),
    ],
)
def test_nonsense_about_the_data_is_refused(changes, message):
    with pytest.raises(SpaceError) as caught:
        default_space(**{"rows": 10, "inputs": 3, "task": Task.BINARY, "tiers": 2, **changes})
    assert message in str(caught.value)


def test_valid_words_are_those_of_networks_and_engines():
    assert VALID_WORDS["optimizer"] == OPTIMIZERS
    assert VALID_WORDS["activation"] == ACTIVATIONS
    assert VALID_WORDS["initialisation"] == INITIALISATIONS
    assert VALID_WORDS["distribution"] == DISTRIBUTIONS
    assert VALID_WORDS["loss"] == tuple(LOSSES)
    assert set(VALID_WORDS["schedule"]) == set(SCHEDULES)
    assert set(VALID_WORDS) < set(KNOWN_HYPERPARAMETERS)


def test_every_hyperparameter_of_the_engines_is_known():
    assert {field.name for field in dataclasses.fields(Hyperparameters)} <= set(KNOWN_HYPERPARAMETERS)


def test_every_hyperparameter_has_its_values_checked():
    for name in KNOWN_HYPERPARAMETERS:
        with pytest.raises(SpaceError, match=f"{name} must be"):
            check_values(Space({name: "nonsense"}))


def test_examples_in_messages_are_themselves_good():
    for name, example in _EXAMPLES.items():
        for text in example.split(" or "):
            check_values(Space({name: parse_scale(text)}))


def test_hidden_units_may_be_listed_layer_by_layer():
    check_values(Space({"hidden_units": choice("128-64", "64-32-16")}))
    with pytest.raises(SpaceError, match="hidden_units must be a whole number >= 1 or a text such as 128-64, got 128-0"):
        check_values(Space({"hidden_units": "128-0"}))


def test_every_schedule_and_its_settings_may_be_searched():
    check_values(Space({"schedule": choice(*SCHEDULES), "decay_every": integer(1, 9), "warmup_epochs": linear(0, 2.5), "decay_factor": 1}))


def test_the_default_space_leaves_the_schedule_alone_and_averages_weights():
    space = default_space(rows=10_000, inputs=20, task=Task.BINARY, tiers=3)
    assert (space.fixed["schedule"], space.fixed["weight_averaging"]) == ("constant", 0.03)
    assert not {name for name in KNOWN_HYPERPARAMETERS if name.startswith(("decay", "warmup"))} & {*space.names}


def test_an_unknown_hyperparameter_is_refused_with_the_nearest():
    for entry in (0.1, log(1e-4, 1)):
        with pytest.raises(SpaceError, match=r"osetra's networks take no hyperparameter learningrate; did you mean learning_rate\?"):
            check_names(Space({"learningrate": entry}))


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"activation": "rellu"}, "activation must be one of relu, leaky_relu,"),
        ({"activation": choice("relu", "tahn")}, "got choice(relu, tahn); did you mean tanh?"),
        ({"batch_norm": 1}, "batch_norm must be one of true, false, got 1"),
        ({"learning_rate": -0.1}, "learning_rate must be > 0, got -0.1; such as 0.01 or log(1e-4, 1)"),
        ({"learning_rate": "fast"}, "learning_rate must be > 0, got fast"),
        ({"momentum": linear(0, 1)}, "momentum must be in [0, 1), got linear(0, 1); such as 0.9 or one_minus_log(0.8, 0.99)"),
        ({"keep_prob": linear(0, 1)}, "keep_prob must be in (0, 1] or a text such as 0.9-0.5, got linear(0, 1)"),
        (
            {"batch_size": linear(16, 64)},
            "batch_size must be a whole number >= 1, got linear(16, 64); such as 128 or powers_of_two(64, 512)",
        ),
        ({"num_layers": integer(-1, 2)}, "num_layers must be a whole number >= 0, got integer(-1, 2)"),
        ({"l2": True}, "l2 must be >= 0, got true"),
        ({"schedule": choice("cosine", "stair_case")}, "got choice(cosine, stair_case); did you mean staircase?"),
        ({"schedule": "manual"}, "one of constant, cosine, inverse, exponential, sqrt_epoch, sqrt_step, staircase, one_cycle, reduce_on"),
        ({"decay_base": linear(0, 1)}, "decay_base must be in (0, 1], got linear(0, 1); such as 0.95 or one_minus_log(0.9, 0.999)"),
        ({"decay_factor": 2}, "decay_factor must be in (0, 1], got 2; such as 0.5 or linear(0.1, 0.9)"),
        ({"decay_every": linear(1, 5)}, "decay_every must be a whole number >= 1, got linear(1, 5); such as 10 or integer(5, 20)"),
        ({"decay_patience": 0}, "decay_patience must be a whole number >= 1, got 0; such as 3 or integer(2, 10)"),
        ({"warmup_epochs": -0.5}, "warmup_epochs must be >= 0, got -0.5; such as 0 or linear(0, 5)"),
    ],
)
def test_a_range_that_reaches_nonsense_is_refused(entries, message):
    with pytest.raises(SpaceError) as caught:
        check_values(Space(entries))
    assert message in str(caught.value)
