"""A trial's life, held against an engine whose curve is written in the test."""

import math

import numpy as np

from osetra.core.records import EpochRecord, Task, TrialState
from osetra.core.seeding import Seed
from osetra.training.life import live
from osetra.training.recipe import build_member


class ScriptedEngine:
    """Gives the dev errors and costs it was told, and marks the weights with the epoch."""

    def __init__(self, dev_errors, costs=None):
        self.dev_errors = dev_errors
        self.costs = costs or [1.0] * len(dev_errors)

    def advance(self, members, data, *, epochs=1):
        state = members[0].state
        state.epoch += 1
        state.parameters[:] = state.epoch
        dev, cost = self.dev_errors[state.epoch - 1], self.costs[state.epoch - 1]
        return [[EpochRecord(epoch=state.epoch, train_cost=cost, train_error=0.0, dev_loss=dev, dev_error=dev, seconds=2.0)]]


def member():
    return build_member({}, num_inputs=3, num_outputs=2, task=Task.BINARY, seed=Seed(study=0, trial=0), total_epochs=9)


def lived(dev_errors, costs=None, **options):
    return live(member(), ScriptedEngine(dev_errors, costs), None, **{"epochs": len(dev_errors)} | options)


def test_the_weights_of_the_best_epoch_are_restored_not_the_last():
    outcome = lived([0.5, 0.2, 0.3, 0.4])
    assert outcome.state is TrialState.FINISHED
    assert (outcome.best.epoch, outcome.epochs, outcome.seconds) == (2, 4, 8.0)
    assert (outcome.weights.parameters == 2).all()


def test_it_ends_when_no_epoch_was_better_for_as_long_as_its_patience():
    outcome = lived([0.5, 0.2, 0.3, 0.2, 0.3, 0.1], patience=3)
    assert (outcome.epochs, outcome.best.epoch, outcome.reason) == (5, 2, "no better for 3 epochs")


def test_a_cost_that_is_not_finite_diverges_and_keeps_the_best_before():
    outcome = lived([0.5, 0.4, 0.1], [1.0, math.nan, 1.0])
    assert (outcome.state, outcome.epochs, outcome.best.epoch) == (TrialState.DIVERGED, 2, 1)
    assert "not finite in epoch 2" in outcome.reason


def test_a_cost_that_explodes_diverges():
    outcome = lived([0.5, 0.4], [1.0, 2e4])
    assert outcome.state is TrialState.DIVERGED
    assert "reached 2e+04" in outcome.reason


def test_a_dev_loss_that_is_nan_never_wins():
    outcome = lived([math.nan])
    assert (outcome.state, outcome.best) == (TrialState.DIVERGED, None)


def test_told_to_stop_it_says_why_and_how_far_it_came():
    asked = []

    def told(last):
        asked.append(last)
        return "the time was up" if len(asked) == 3 else None

    outcome = lived([0.5, 0.4, 0.3], told_to_stop=told)
    assert (outcome.state, outcome.reason) == (TrialState.STOPPED, "the time was up after 2 of 3 epochs")
    assert asked == [0.0, 2.0, 2.0]


def test_a_configuration_becomes_the_network_it_names():
    built = build_member(
        {"hidden_units": "8-4", "activation": "tanh", "batch_norm": False, "keep_prob": 0.5, "learning_rate": 0.2, "schedule": "inverse"},
        num_inputs=3, num_outputs=1, task=Task.REGRESSION, seed=Seed(study=0, trial=0), total_epochs=9,
    )  # fmt: skip
    assert built.network.layer_sizes == (3, 8, 4, 1)
    assert built.network.activations == ("tanh", "tanh")
    assert (built.network.output, built.hyperparameters.loss) == ("linear", "squared")
    assert built.hyperparameters.keep_prob == (0.5, 0.5)
    assert (built.learning_rates(1, 2) == np.array([0.1, 0.1])).all()
