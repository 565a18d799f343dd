"""The recipe in its order, each edit one that the space and its networks can take; boundaries where the best trials lie."""

import numpy as np
import pytest

from osetra.core.errors import SpaceError
from osetra.core.records import Task, Trial, TrialState
from osetra.diagnosis.actions import Action, Circumstances, next_space, recipe
from osetra.diagnosis.bias_variance import judge, rate_of
from osetra.diagnosis.boundaries import boundaries, widened
from osetra.diagnosis.finding import Finding
from osetra.space import Space, choice, integer, linear, log, one_minus_log, powers_of_two, when
from osetra.space.tiers import default_configuration, default_space
from osetra.space.words import parse_scale

SHAPE = {"rows": 4_000, "inputs": 20, "task": Task.BINARY}


def circumstances(**changes):
    space = default_space(**SHAPE, tiers=3)
    best = space.nearest({**default_configuration(**SHAPE), "hidden_units": 128, "learning_rate": 3e-3})
    return Circumstances(**{"space": space, "best": best, "rows": 4_000, "epochs_per_trial": 30, "patience": 10, **changes})


def judged(train, dev, **options):
    return judge(rate_of(train, 20_000), rate_of(dev, 20_000), error_name="error rate", **options)


def names(actions):
    return [action.name for action in actions]


def test_bias_comes_first_then_variance_in_the_recipe_s_order():
    bias = ["bigger network", "longer training", "better optimiser", "another architecture"]
    variance = ["more data", "more l2 or dropout", "augmentation", "smaller network"]
    assert names(recipe(judged(0.2, 0.2), circumstances=circumstances())) == bias
    assert names(recipe(judged(0.0, 0.2), circumstances=circumstances())) == variance
    assert names(recipe(judged(0.2, 0.4), circumstances=circumstances())) == [*bias, *variance]
    assert names(recipe(judged(0.0, 0.0), circumstances=circumstances())) == []
    assert "early stopping" in names(recipe(judged(0.0, 0.2), circumstances=circumstances(patience=None)))


def test_a_bigger_network_has_from_the_best_s_units_to_four_times_as_many():
    action = recipe(judged(0.2, 0.2), circumstances=circumstances())[0]
    assert action.to_dict()["edits"] == {"hidden_units": "powers_of_two(128, 512)"}
    assert action.evidence.startswith("Training error is 20.0 points above the base error 0")
    layered = circumstances(best={**circumstances().best, "hidden_units": "100-50"})
    assert recipe(judged(0.2, 0.2), circumstances=layered)[0].edits == {"hidden_units": "200-100"}


@pytest.mark.parametrize("optimizer", ["adam", "momentum", "gd"])
@pytest.mark.parametrize("tiers", [1, 2, 3])
def test_every_edit_makes_a_space_that_differs_and_reads_back_from_its_text(optimizer, tiers):
    space = default_space(**SHAPE, tiers=tiers, optimizer=optimizer).with_(batch_norm=False)
    best = default_configuration(**SHAPE, optimizer=optimizer)
    every = (
        "diverging", "learning rate too low", "still falling", "exploding gradients", "vanishing gradients", "dead units", "plateau",
    )  # fmt: skip
    findings = [Finding(name=name, sentence="Seen", remedy="this") for name in every]
    given = circumstances(space=space, best={**best, "batch_norm": False}, has_images=tiers == 3)
    actions = recipe(judged(0.2, 0.4), circumstances=given, curve=findings)
    assert len(actions) > 12
    for action in actions:
        if action.edits:
            edited = next_space(space, action)
            assert edited != space
            for name, text in action.to_dict()["edits"].items():
                assert edited.entries()[name] == parse_scale(text)


def test_the_next_space_says_what_was_done_to_the_last():
    space = Space({"learning_rate": log(1e-3, 1e-2), "noise": 0.0, "activation": "relu", "l2": log(1e-3, 10.0)})

    def edited(**edits):
        return next_space(space, Action(name="try it", sentence="Try", evidence="", edits=edits))

    widen, release = edited(learning_rate=log(1e-3, 0.1)).edit, edited(noise=linear(0, 0.3)).edit
    assert (widen.verb, widen.why) == ("widen", "try it")
    assert release.verb == "release"
    assert edited(l2=log(1.0, 10.0)).edit.verb == "narrow"
    assert edited(l2=log(1.0, 100.0)).scales["l2"] == log(1.0, 100.0)
    assert edited(activation=choice("elu", "tanh")).scales["activation"] == choice("elu", "tanh")
    with pytest.raises(SpaceError, match="got 'more data'; carry it out by hand: Get more"):
        next_space(space, Action(name="more data", sentence="Get more", evidence=""))
    with pytest.raises(SpaceError, match="keep_prob must be in"):
        edited(keep_prob=linear(0.5, 2.0))


def test_what_the_curve_shows_comes_before_the_recipe():
    falling = Finding(name="still falling", sentence="It fell", remedy="longer training")
    actions = recipe(judged(0.2, 0.2), circumstances=circumstances(), curve=[falling])
    assert names(actions)[:2] == ["longer training", "bigger network"]
    assert (actions[0].evidence, dict(actions[0].options)) == ("It fell", {"epochs_per_trial": 60})
    high = Finding(name="oscillating", sentence="Up and down", remedy="lower")
    (lower,) = recipe(None, circumstances=circumstances(), curve=[high])
    assert lower.to_dict()["edits"] == {"learning_rate": "log(0.0001, 0.0015)"}


def test_an_edit_keeps_the_conditions_of_its_name():
    space = Space({"optimizer": choice("adam", "gd"), "l2": when(log(1e-3, 1.0), optimizer="gd"), "keep_prob": 1.0})
    given = circumstances(space=space, best={"optimizer": "gd", "l2": 0.5, "keep_prob": 1.0})
    action = next(one for one in recipe(judged(0.0, 0.2), circumstances=given) if one.name == "more l2 or dropout")
    assert dict(next_space(space, action).conditions["l2"]) == {"optimizer": ("gd",)}


def trials(space, near, count=40):
    """Trials drawn over a space, best first: the nearer to `near` (unit coordinates by name), the better."""
    points = np.random.default_rng(0).random((count, len(space.names)))
    far = sum(np.abs(points[:, space.names.index(name)] - at) for name, at in near.items())
    order = np.argsort(far)
    return [
        Trial(number=number, configuration=space.decode(points[place]), state=TrialState.FINISHED, dev_error=float(far[place]))
        for number, place in enumerate(order)
    ]


def test_a_best_value_on_a_boundary_is_found_and_the_range_widened_there():
    space = Space({"learning_rate": log(1e-4, 1e-2), "batch_size": powers_of_two(32, 256), "optimizer": "adam"})
    made = trials(space, {"learning_rate": 1.0}, count=400)
    (found,) = (one for one in boundaries(space, made, best=made[0]) if one.name == "learning_rate")
    assert (found.end, str(found.new)) == ("upper", "log(0.0001, 0.1)")
    action = recipe(None, circumstances=circumstances(space=space), boundaries=[found])[0]
    assert action.name == "wider range of learning_rate"
    assert next_space(space, action).edit.verb == "widen"
    inside = trials(space, {"learning_rate": 0.5, "batch_size": 0.5}, count=400)
    assert boundaries(space, inside, best=inside[0]) == ()


def test_one_trial_at_the_end_among_others_elsewhere_is_chance():
    space = Space({"learning_rate": log(1e-4, 1e-2)})
    made = trials(space, {"learning_rate": 0.4})
    lucky = Trial(number=99, configuration={"learning_rate": 1e-2}, state=TrialState.FINISHED, dev_error=0.0)
    assert boundaries(space, [lucky, *made], best=lucky) == ()
    assert boundaries(space, [lucky], best=lucky) == ()


@pytest.mark.parametrize("count", [6, 12, 16, 40, 400])
def test_ranges_that_do_not_matter_are_seldom_called_too_narrow(count):
    scales = {"learning_rate": log(1e-4, 1e-2), "gain": log(0.5, 2.0), "hidden_units": powers_of_two(8, 64), "num_layers": integer(1, 4)}
    space, generator = Space(scales), np.random.default_rng(0)
    named = 0
    for _ in range(200):
        points = generator.random((count, len(scales)))
        made = [
            Trial(number=number, configuration=space.decode(point), state=TrialState.FINISHED, dev_error=float(number))
            for number, point in enumerate(points)
        ]
        named += bool(boundaries(space, made, best=made[0]))
    assert named <= 10


def test_of_few_counted_values_a_boundary_takes_more_trials():
    space = Space({"hidden_units": powers_of_two(8, 64)})

    def at_the_end(count):
        units = [64] * 5 + [8] * (count - 5)
        made = [
            Trial(number=number, configuration={"hidden_units": one}, state=TrialState.FINISHED, dev_error=float(number))
            for number, one in enumerate(units)
        ]
        return [(one.name, one.end) for one in boundaries(space, made, best=made[0])]

    assert at_the_end(12) == []
    assert at_the_end(16) == [("hidden_units", "upper")]


def test_ends_that_mean_something_are_not_widened():
    space = Space({"keep_prob": linear(0.6, 1.0), "l2": log(1e-3, 1.0)})
    made = trials(space, {"keep_prob": 1.0, "l2": 0.0}, count=4000)
    assert boundaries(space, made, best=made[0]) == ()
    down = trials(space, {"keep_prob": 0.0, "l2": 0.9}, count=4000)
    assert [(one.name, str(one.new)) for one in boundaries(space, down, best=down[0])] == [("keep_prob", "linear(0.4, 1)")]


@pytest.mark.parametrize(
    ("scale", "up", "down"),
    [
        (log(1e-3, 1.0), "log(0.001, 10)", "log(0.0001, 1)"),
        (linear(1.0, 3.0), "linear(1, 4)", "linear(0, 3)"),
        (one_minus_log(0.9, 0.99), "one_minus_log(0.9, 0.999)", "one_minus_log(0.5, 0.99)"),
        (integer(1, 4), "integer(1, 6)", "integer(-1, 4)"),
        (powers_of_two(16, 64), "powers_of_two(16, 256)", "powers_of_two(4, 64)"),
    ],
)
def test_a_wider_range_reaches_further_at_the_one_end(scale, up, down):
    assert (str(widened(scale, "upper")), str(widened(scale, "lower"))) == (up, down)


def test_a_choice_has_no_ends():
    assert widened(choice("a", "b"), "upper") is None
