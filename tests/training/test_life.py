"""A trial's life, held against an engine whose curve is written in the test."""

import math

import numpy as np
import pytest

from osetra.core.errors import StoreError
from osetra.core.records import EpochRecord, Task, TrialState
from osetra.core.seeding import Seed
from osetra.engines.native.engine import NativeEngine
from osetra.engines.port import TrainingData
from osetra.training.life import Life
from osetra.training.recipe import build_member
from osetra.training.shelf import ARRAYS, Shelf


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
    told_to_stop = options.pop("told_to_stop", lambda _: None)
    life = Life(member(), ScriptedEngine(dev_errors, costs), None, epochs=len(dev_errors), **options)
    life.go_on(len(dev_errors), told_to_stop=told_to_stop)
    return life


def test_the_weights_of_the_best_epoch_are_restored_not_the_last():
    life = lived([0.5, 0.2, 0.3, 0.4])
    assert life.state is TrialState.FINISHED
    assert (life.best.epoch, life.epochs, life.seconds) == (2, 4, 8.0)
    assert (life.weights.parameters == 2).all()


def test_it_ends_when_no_epoch_was_better_for_as_long_as_its_patience():
    life = lived([0.5, 0.2, 0.3, 0.2, 0.3, 0.1], patience=3)
    assert (life.epochs, life.best.epoch, life.reason) == (5, 2, "no better for 3 epochs")


def test_a_cost_that_is_not_finite_diverges_and_keeps_the_best_before():
    life = lived([0.5, 0.4, 0.1], [1.0, math.nan, 1.0])
    assert (life.state, life.epochs, life.best.epoch) == (TrialState.DIVERGED, 2, 1)
    assert "not finite in epoch 2" in life.reason


def test_a_cost_that_explodes_diverges():
    life = lived([0.5, 0.4], [1.0, 2e4])
    assert life.state is TrialState.DIVERGED
    assert "reached 2e+04" in life.reason


def test_a_dev_loss_that_is_nan_never_wins():
    life = lived([math.nan])
    assert (life.state, life.best) == (TrialState.DIVERGED, None)


def test_told_to_stop_it_says_why_and_how_far_it_came():
    asked = []

    def told(last):
        asked.append(last)
        return "the time was up" if len(asked) == 3 else None

    life = lived([0.5, 0.4, 0.3], told_to_stop=told)
    assert (life.state, life.reason) == (TrialState.STOPPED, "the time was up after 2 of 3 epochs")
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


# Pauses


def data(rows=60):
    draw = np.random.default_rng(0)
    x = draw.normal(size=(rows, 3)).astype(np.float32)
    y = (x[:, 0] > 0).astype(np.int64)
    return TrainingData(train_inputs=x, train_targets=y, dev_inputs=x[:20], dev_targets=y[:20])


def trial(number, **configuration):
    given = {"batch_size": 16, "hidden_units": 5, "keep_prob": 0.8, "schedule": "reduce_on_plateau", "decay_patience": 1} | configuration
    return build_member(given, num_inputs=3, num_outputs=2, task=Task.BINARY, seed=Seed(study=0, trial=number), total_epochs=12)


def bits(life):
    arrays = [getattr(state, name) for state in (life.member.state, life.weights) for name in ARRAYS]
    return [array.tobytes() for array in arrays], life.best.epoch, life.epochs, life.state, life.reason


def whole_life(number):
    life = Life(trial(number), NativeEngine(), data(), epochs=12, patience=9)
    life.go_on(12)
    return life


def test_a_trial_that_paused_has_the_bits_of_one_that_never_did():
    life = Life(trial(1), NativeEngine(), data(), epochs=12, patience=9)
    states = [life.go_on(epochs) for epochs in (1, 3, 7, 5)]
    assert states == [TrialState.PAUSED] * 3 + [TrialState.FINISHED]
    assert bits(life) == bits(whole_life(1))


def test_a_trial_that_waited_on_disk_has_the_bits_of_one_that_never_did(tmp_path):
    lives = {number: Life(trial(number), NativeEngine(), data(), epochs=12, patience=9) for number in range(6)}
    one = sum(getattr(lives[0].member.state, name).nbytes for name in ARRAYS)
    with Shelf(memory_bytes=4 * one, folder=tmp_path) as shelf:
        for number, life in lives.items():
            life.go_on(4)
            shelf.put(number, life)
        # A life has its present and its best weights, so two fit.
        assert (len(shelf), shelf.on_disk) == (6, 4)
        assert sorted(path.name for path in tmp_path.rglob("*.npz")) == ["0.npz", "1.npz", "2.npz", "3.npz"]
        for number in (5, 0, 3):
            life = shelf.take(number)
            life.go_on(12)
            assert bits(life) == bits(whole_life(number))
        assert (len(shelf), shelf.on_disk) == (3, 2)
        assert 0 not in shelf
        assert 1 in shelf
    assert list(tmp_path.iterdir()) == []


def test_where_there_is_no_room_on_disk_every_trial_that_waits_is_still_there(tmp_path):
    lives = {number: Life(trial(number), NativeEngine(), data(), epochs=12, patience=9) for number in range(3)}
    with Shelf(memory_bytes=0, folder=tmp_path / "gone") as shelf:
        for number, life in lives.items():
            life.go_on(4)
            with pytest.raises(StoreError, match=r"need room on disk, and .* bytes could not be written to .*gone .*TMPDIR, and resume"):
                shelf.put(number, life)
        assert (len(shelf), shelf.on_disk) == (3, 0)
        (tmp_path / "gone").mkdir()
        late = Life(trial(3), NativeEngine(), data(), epochs=12, patience=9)
        late.go_on(4)
        shelf.put(3, late)
        assert (len(shelf), shelf.on_disk) == (4, 4)
        for number in range(4):
            life = shelf.take(number)
            life.go_on(12)
            assert bits(life) == bits(whole_life(number))


@pytest.mark.parametrize("harm", [lambda path: path.unlink(), lambda path: path.write_bytes(path.read_bytes()[:100])])
def test_a_trial_whose_file_was_lost_or_damaged_while_it_waited_says_what_to_do(harm, tmp_path):
    life = Life(trial(0), NativeEngine(), data(), epochs=12, patience=9)
    life.go_on(4)
    with Shelf(memory_bytes=0, folder=tmp_path) as shelf:
        shelf.put(0, life)
        harm(next(tmp_path.rglob("0.npz")))
        with pytest.raises(StoreError, match=r"trial 0 waited in .*0\.npz.* resume the study, which trains the trial again"):
            shelf.take(0)


def test_a_trial_that_is_over_does_not_go_on():
    with pytest.raises(AssertionError, match="finished cannot go on"):
        whole_life(0).go_on(1)
