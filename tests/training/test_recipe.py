"""From a configuration to a network and its training."""

import numpy as np
import pytest

from osetra.core.errors import SpaceError
from osetra.core.records import Task
from osetra.core.seeding import Seed
from osetra.training.recipe import LOSSES_OF, build_member


def built(configuration, *, task=Task.BINARY, num_outputs=2):
    return build_member(configuration, num_inputs=4, num_outputs=num_outputs, task=task, seed=Seed(study=0, trial=0), total_epochs=5)


def test_one_value_goes_to_every_hidden_layer():
    member = built({"activation": "tanh", "keep_prob": 0.5, "hidden_units": 8, "num_layers": 3})
    assert member.network.hidden_units == (8, 8, 8)
    assert member.network.activations == ("tanh",) * 3
    assert member.hyperparameters.keep_prob == (0.5,) * 3


def test_a_text_gives_each_hidden_layer_its_own():
    member = built({"activation": "relu-tanh-elu", "keep_prob": "1-0.5-0.9", "hidden_units": "8-4-6"})
    assert member.network.hidden_units == (8, 4, 6)
    assert member.network.activations == ("relu", "tanh", "elu")
    assert member.hyperparameters.keep_prob == (1.0, 0.5, 0.9)


@pytest.mark.parametrize(
    ("configuration", "message"),
    [
        ({"activation": "relu-tanh", "hidden_units": "8-4-6"}, "activation must be one value, or one for each of the 3 hidden layers"),
        ({"keep_prob": "0.5-0.6-0.7", "hidden_units": 8}, "keep_prob must be one value, or one for each of the 2 hidden layers"),
        ({"keep_prob": "0.5-x"}, "keep_prob must be a number, or numbers such as 0.9-0.5"),
        ({"activation": "relu-tan"}, "activation must be one of relu"),
        ({"keep_prob": 0.0}, r"keep_prob must be in \(0, 1\], got 0.0"),
        ({"noise": -1.0}, "noise must be >= 0, got -1.0"),
        ({"l1": float("inf")}, "l1 must be >= 0, got inf"),
    ],
)
def test_what_makes_no_sense_is_refused(configuration, message):
    with pytest.raises(SpaceError, match=message):
        built(configuration)


def test_a_loss_that_does_not_suit_the_task_is_refused_with_those_that_do():
    with pytest.raises(SpaceError, match="loss must be one of squared, absolute, huber for regression, got 'cross_entropy'"):
        built({"loss": "cross_entropy"}, task=Task.REGRESSION, num_outputs=1)
    with pytest.raises(SpaceError, match="loss must be one of cross_entropy for multi-class classification, got 'binary_cross_entropy'"):
        built({"loss": "binary_cross_entropy"}, task=Task.MULTICLASS, num_outputs=3)


@pytest.mark.parametrize("task", LOSSES_OF)
def test_the_default_loss_suits_the_task(task):
    assert built({}, task=task).hyperparameters.loss == LOSSES_OF[task][0]


def test_binary_cross_entropy_is_softmax_with_half_the_logit_apart():
    # sigmoid(z) = softmax([-z/2, z/2]): the same start gives the same cost, and the same scores.
    from osetra.engines.native.engine import NativeEngine

    draw = np.random.default_rng(0)
    x, y = draw.normal(size=(30, 4)), draw.integers(0, 2, 30)
    one, two = (
        build_member(
            {"loss": loss, "hidden_units": 5, "num_layers": 1}, num_inputs=4, num_outputs=2, task=Task.BINARY, seed=Seed(study=0, trial=0),
            total_epochs=1, dtype=np.float64,
        )
        for loss in ("binary_cross_entropy", "cross_entropy")
    )  # fmt: skip
    for name in ("W1", "gamma1", "beta1"):
        two.layout.view(two.state.parameters, name)[...] = one.layout.view(one.state.parameters, name)
    w, b = (one.layout.view(one.state.parameters, name) for name in ("W2", "b2"))
    b[:] = 0.3
    two.layout.view(two.state.parameters, "W2")[...] = np.hstack([-w / 2, w / 2])
    two.layout.view(two.state.parameters, "b2")[...] = [-b[0] / 2, b[0] / 2]
    engine = NativeEngine()
    assert engine.cost_and_gradient(one, x, y)[0] == pytest.approx(engine.cost_and_gradient(two, x, y)[0], rel=1e-12)
    np.testing.assert_allclose(engine.score(one, x)[:, 0], engine.score(two, x)[:, 1], rtol=1e-12)
    assert engine.measure(one, x, y) == pytest.approx(engine.measure(two, x, y), rel=1e-12)
