"""Checkpoints: a life put away as bytes and taken up again is the same life."""

import numpy as np
import pytest

from osetra.core.errors import StoreError
from osetra.core.records import EpochRecord, Task
from osetra.core.seeding import Seed
from osetra.engines.native.engine import NativeEngine
from osetra.engines.port import TrainingData
from osetra.training.checkpoint import pack, restore
from osetra.training.life import Life
from osetra.training.recipe import build_member

EPOCHS = 9


@pytest.fixture(scope="module")
def data() -> TrainingData:
    draw = np.random.default_rng(0)
    inputs, targets = draw.normal(size=(80, 4)).astype(np.float32), draw.integers(0, 2, 80)
    return TrainingData(train_inputs=inputs[:50], train_targets=targets[:50], dev_inputs=inputs[50:], dev_targets=targets[50:])


def life(data: TrainingData, **settings: object) -> Life:
    configuration = {"learning_rate": 0.05, "hidden_units": 6, "num_layers": 1, "batch_size": 16, **settings}
    member = build_member(
        configuration, num_inputs=4, num_outputs=2, task=Task.MULTICLASS, seed=Seed(study=1, trial=2), total_epochs=EPOCHS
    )
    return Life(member, NativeEngine(), data, epochs=EPOCHS, patience=EPOCHS)


def numbers(curve: list[EpochRecord]) -> list[tuple[float, ...]]:
    return [(r.epoch, r.train_cost, r.train_error, r.dev_loss, r.dev_error) for r in curve]


@pytest.mark.parametrize(
    "settings",
    [{"schedule": "cosine"}, {"schedule": "reduce_on_plateau", "decay_patience": 1}, {"optimizer": "momentum"}, {"weight_averaging": 0.1}],
)
@pytest.mark.parametrize("at", [1, 5, EPOCHS])
def test_a_life_from_a_checkpoint_goes_on_to_the_bits_of_one_never_put_away(data, settings, at):
    whole, begun, again = (life(data, **settings) for _ in range(3))
    whole.go_on(EPOCHS)
    begun.go_on(at)
    restore(again, pack(begun), begun.standing.curve)
    if at < EPOCHS:
        again.go_on(EPOCHS - at)
    assert numbers(again.standing.curve) == numbers(whole.standing.curve)
    assert again.best == whole.best or numbers([again.best]) == numbers([whole.best])
    for state, other in ((again.member.state, whole.member.state), (again.weights, whole.weights)):
        assert (state.step, state.epoch) == (other.step, other.epoch)
        for name in ("parameters", "first_moment", "second_moment", "running", "averaged"):
            assert getattr(state, name).tobytes() == getattr(other, name).tobytes(), name


def test_a_longer_curve_than_the_checkpoint_s_is_cut_to_it(data):
    whole, again = life(data), life(data)
    whole.go_on(4)
    kept = pack(whole)
    whole.go_on(3)
    restore(again, kept, whole.standing.curve)
    assert again.epochs == 4


def test_what_was_packed_before_there_were_averages_fits_a_life_without_any_and_no_other(data):
    from safetensors.numpy import load, save

    old, averaging = life(data), life(data, weight_averaging=0.1)
    for one in (old, averaging):
        one.go_on(2)
    packed = save({name: array for name, array in load(pack(old)).items() if "averaged" not in name})
    again = life(data)
    restore(again, packed, old.standing.curve)
    assert again.epochs == 2
    cut = save({name: array for name, array in load(pack(averaging)).items() if "averaged" not in name})
    with pytest.raises(StoreError, match="must hold the arrays of its trial's network"):
        restore(life(data, weight_averaging=0.1), cut, averaging.standing.curve)


def test_bytes_of_another_network_or_of_nothing_are_refused(data):
    other = life(data, hidden_units=7)
    other.go_on(1)
    with pytest.raises(StoreError, match=r"must hold the arrays of its trial's network, got other bytes \(parameters"):
        restore(life(data), pack(other), other.standing.curve)
    with pytest.raises(StoreError, match="must hold the arrays"):
        restore(life(data), b"what is this", other.standing.curve)
    with pytest.raises(StoreError, match="needs the trial's epochs up to it, got 0"):
        restore(life(data, hidden_units=7), pack(other), [])
