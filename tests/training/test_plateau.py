"""Reduce on plateau: from a curve written in the test, against PyTorch's, and in training."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from osetra.core.errors import SpaceError
from osetra.core.records import EpochRecord, Task
from osetra.core.seeding import Seed
from osetra.engines.native.engine import NativeEngine
from osetra.engines.port import TrainingData
from osetra.training.life import Life
from osetra.training.plateau import ReduceOnPlateau
from osetra.training.recipe import build_member
from osetra.training.schedules import SCHEDULES


def record(epoch, dev_error, dev_loss=0.0):
    return EpochRecord(epoch=epoch, train_cost=1.0, train_error=0.0, dev_loss=dev_loss, dev_error=dev_error, seconds=0.0)


def plateau(**options):
    return ReduceOnPlateau(lambda _, steps: np.full(steps, 0.8), **options)


def heard(dev_errors, **options):
    """The rate of each epoch of a trial with this curve, and of the one after."""
    rates = plateau(**options)
    seen = [rates(0, 1)[0]]
    for epoch, dev_error in enumerate(dev_errors, 1):
        rates.hear(record(epoch, dev_error))
        seen.append(rates(epoch, 1)[0])
    return seen


def test_the_rate_is_halved_after_three_epochs_without_a_better_one_and_the_count_starts_anew():
    curve = [0.5, 0.4, 0.4, 0.6, 0.4, 0.5, 0.5, 0.5, 0.3]
    assert heard(curve) == [0.8] * 5 + [0.4] * 3 + [0.2] * 2


def test_a_better_epoch_starts_the_count_anew_and_never_raises_the_rate():
    assert heard([0.5, 0.6, 0.4, 0.6, 0.6, 0.3], patience=2, factor=0.1) == pytest.approx([0.8] * 5 + [0.08] * 2)


def test_of_equal_errors_the_lower_loss_is_better():
    rates = plateau(patience=1)
    for epoch, dev_loss in enumerate([0.9, 0.8, 0.7], 1):
        rates.hear(record(epoch, 0.5, dev_loss))
    assert rates(3, 1) == 0.8
    rates.hear(record(4, 0.5, 0.7))
    assert rates(4, 2).tolist() == [0.4, 0.4]


def test_a_dev_error_that_is_nan_is_not_better():
    assert heard([0.5, math.nan], patience=1) == [0.8, 0.8, 0.4]


@given(st.lists(st.integers(0, 5), max_size=20), st.integers(1, 3), st.data())
def test_rates_follow_from_the_curve_alone_however_often_it_is_heard(curve, patience, data):
    straight = heard(curve, patience=patience)
    again_from = data.draw(st.integers(0, len(curve)))
    rates = plateau(patience=patience)
    for epoch, dev_error in [*enumerate(curve, 1), *list(enumerate(curve, 1))[again_from:]]:
        rates.hear(record(epoch, dev_error))
    assert [rates(epoch, 1)[0] for epoch in range(len(curve) + 1)] == straight


def test_an_epoch_heard_anew_replaces_what_came_after():
    rates = plateau(patience=1)
    for epoch, dev_error in [(1, 0.5), (2, 0.6), (3, 0.7), (2, 0.4)]:
        rates.hear(record(epoch, dev_error))
    assert rates(2, 1) == 0.8
    with pytest.raises(AssertionError, match="the rates after 3 epochs need their records, heard 2"):
        rates(3, 1)


def test_a_gap_in_the_curve_is_a_mistake_of_ours():
    with pytest.raises(AssertionError, match="epoch 2 after 0 epochs"):
        plateau().hear(record(2, 0.5))


@pytest.mark.parametrize("patience", [1, 2, 4])
def test_it_is_pytorch_s_with_one_epoch_less_of_patience(patience):
    torch = pytest.importorskip("torch", reason="schedules are held against PyTorch's: pip install 'osetra[torch]'")
    curve = np.random.default_rng(3).integers(0, 30, 60) / 30 + 1 / np.arange(1, 61)
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.8)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.7, patience=patience - 1, threshold=0.0, eps=0.0)
    theirs = [0.8]
    for dev_error in curve:
        scheduler.step(dev_error)
        theirs.append(optimizer.param_groups[0]["lr"])
    assert theirs[-1] < 0.05
    assert heard(curve, patience=patience, factor=0.7) == pytest.approx(theirs, rel=1e-9)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"factor": 0.0}, r"factor of reduce_on_plateau must be in \(0, 1\], got 0.0; 0.5 halves the rate"),
        ({"factor": 1.5}, r"must be in \(0, 1\], got 1.5"),
        ({"patience": 0}, "patience of reduce_on_plateau must be a whole number >= 1, got 0; give epochs, such as 3"),
        ({"patience": 1.5}, "a whole number >= 1, got 1.5"),
    ],
)
def test_nonsense_is_refused(options, words):
    with pytest.raises(SpaceError, match=words):
        plateau(**options)


SETTINGS = {"learning_rate": 0.1, "hidden_units": 6, "num_layers": 1, "batch_size": 16}
EPOCHS = 9


@pytest.fixture(scope="module")
def noise():
    """Targets that have nothing to do with the inputs, so that the dev error soon stops falling."""
    draw = np.random.default_rng(0)
    inputs, targets = draw.normal(size=(80, 4)).astype(np.float32), draw.integers(0, 2, 80)
    return TrainingData(train_inputs=inputs[:50], train_targets=targets[:50], dev_inputs=inputs[50:], dev_targets=targets[50:])


def member(**settings):
    return build_member(
        SETTINGS | settings, num_inputs=4, num_outputs=2, task=Task.MULTICLASS, seed=Seed(study=1, trial=2), total_epochs=EPOCHS
    )


def lived(trial, data, epochs):
    records = []
    Life(trial, NativeEngine(), data, epochs=epochs).go_on(epochs, report=records.append)
    return records


def numbers(records):
    return [(r.epoch, r.train_cost, r.train_error, r.dev_loss, r.dev_error) for r in records]


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_trial_of_any_schedule_is_the_same_twice_and_learns(noise, schedule):
    first, second = member(schedule=schedule), member(schedule=schedule)
    curve = lived(first, noise, EPOCHS)
    assert numbers(curve) == numbers(lived(second, noise, EPOCHS))
    assert first.state.parameters.tobytes() == second.state.parameters.tobytes()
    assert curve[-1].train_cost < curve[0].train_cost


def test_in_training_the_rate_falls_when_the_dev_error_stops_falling(noise):
    trial = member(schedule="reduce_on_plateau", decay_patience=1, decay_factor=0.1, warmup_epochs=0.5)
    curve = lived(trial, noise, EPOCHS)
    better = [(r.dev_error, r.dev_loss) < min([(q.dev_error, q.dev_loss) for q in curve[:i]], default=(9, 9)) for i, r in enumerate(curve)]
    assert better.count(False) > 0
    assert trial.learning_rates(EPOCHS, 4) == pytest.approx(0.1 * 0.1 ** better.count(False))
    assert trial.learning_rates(0, 4) == pytest.approx([0.05, 0.1, 0.1, 0.1])
    unheard = lived(member(schedule="constant", warmup_epochs=0.5), noise, EPOCHS)
    assert [r == u for r, u in zip(numbers(curve), numbers(unheard), strict=True)] == [i <= better.index(False) for i in range(EPOCHS)]
