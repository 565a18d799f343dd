"""Averaged weights: what they are by the closed form of their source, that they are what is scored, and that training does not see them."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from osetra.core.errors import SpaceError
from osetra.engines.native.engine import NativeEngine
from osetra.engines.port import Hyperparameters, Member, TrainingData, mixing_share

from .members import bits_of, tiny_data, tiny_member

STEPS = 12


def closed_form(averaging: float, steps: int) -> np.ndarray:
    """The weight of each step, [steps], from the recursion multiplied out: of step i it is in proportion to Gamma(i + p) / Gamma(i)."""
    power = 1 / averaging - 2
    logs = np.array([math.lgamma(i + power) - math.lgamma(i) for i in range(1, steps + 1)])
    weights = np.exp(logs - logs.max())
    return weights / weights.sum()


@given(averaging=st.floats(0.01, 0.5), steps=st.integers(1, 300))
def test_the_recursion_gives_late_steps_the_weights_of_the_closed_form(averaging: float, steps: int) -> None:
    found = np.zeros(steps)
    for step in range(1, steps + 1):
        share = mixing_share(averaging, step)
        assert 0 < share <= 1
        found *= 1 - share
        found[step - 1] += share
    np.testing.assert_allclose(found, closed_form(averaging, steps), rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("averaging", [0.03, 0.1, 0.3, 0.5])
def test_the_mean_age_is_that_share_of_the_steps_so_far_however_many(averaging: float) -> None:
    for steps in (5_000, 50_000):
        ages = np.arange(steps - 1, -1, -1)
        assert closed_form(averaging, steps) @ ages / steps == pytest.approx(averaging, rel=2e-3)


def test_half_is_the_mean_of_all_steps() -> None:
    assert [mixing_share(0.5, step) for step in (1, 2, 7)] == [1, 1 / 2, 1 / 7]


def averaging(data: TrainingData, share: float = 0.2, **options: object) -> Member:
    h = Hyperparameters(loss="cross_entropy", batch_size=data.num_rows, weight_averaging=share, **options)  # pyright: ignore[reportArgumentType]
    return tiny_member(data, h, batch_norm=True)


def test_the_average_is_the_weighted_mean_of_the_weights_and_moments_after_every_step() -> None:
    data = tiny_data()
    member = averaging(data)
    seen = []
    for _ in range(STEPS):
        NativeEngine().advance([member], data)
        seen.append(np.concatenate([member.state.parameters, member.state.running]))
    assert member.state.step == STEPS
    np.testing.assert_allclose(member.state.averaged, closed_form(0.2, STEPS) @ np.array(seen), rtol=0, atol=1e-12)


def test_what_is_scored_is_the_network_of_averaged_weights() -> None:
    data, engine = tiny_data(), NativeEngine()
    member = averaging(data)
    [records] = engine.advance([member], data, epochs=STEPS)
    state, size = member.state, member.layout.size
    plain = replace(state, parameters=state.averaged[:size].copy(), running=state.averaged[size:].copy(), averaged=np.empty(0))
    of_averages = replace(member, hyperparameters=replace(member.hyperparameters, weight_averaging=0.0), state=plain)
    assert (engine.score(member, data.dev_inputs) == engine.score(of_averages, data.dev_inputs)).all()
    measured = engine.measure(of_averages, data.dev_inputs, data.dev_targets)
    assert (records[-1].dev_loss, records[-1].dev_error) == engine.measure(member, data.dev_inputs, data.dev_targets) == measured
    unlike = replace(of_averages, state=replace(plain, parameters=state.parameters, running=state.running))
    assert engine.measure(unlike, data.dev_inputs, data.dev_targets) != measured


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_training_itself_does_not_see_the_averages(dtype: type[np.floating]) -> None:
    data = tiny_data(dtype=dtype)
    with_averages, without = averaging(data, keep_prob=(0.8, 0.9)), averaging(data, 0.0, keep_prob=(0.8, 0.9))
    assert without.state.averaged.size == 0
    for member in (with_averages, without):
        NativeEngine().advance([member], data, epochs=STEPS)
    assert bits_of(with_averages, [])[:4] == bits_of(without, [])[:4]
    assert with_averages.state.averaged.dtype == dtype


def test_a_step_that_is_watched_leaves_the_averages_alone() -> None:
    data = tiny_data()
    member = averaging(data)
    NativeEngine().advance([member], data, epochs=3)
    before = member.state.averaged.copy()
    NativeEngine().watch_step(member, data.train_inputs, data.train_targets, num_rows=data.num_rows)
    assert (member.state.averaged == before).all()


@pytest.mark.parametrize("share", [-0.1, 0.51, math.nan])
def test_a_share_beyond_a_half_is_refused(share: float) -> None:
    with pytest.raises(SpaceError, match=r"weight_averaging must be in \[0, 0\.5\], got"):
        Hyperparameters(weight_averaging=share)
