"""Planted curves of each kind, with noise, over many seeds; and good ones, which give no finding."""

import numpy as np
import pytest

from osetra.core.records import EpochRecord, TrialState
from osetra.diagnosis.curves import noise, read_curve

AT = np.arange(60)


def curve(cost, dev, *, seed=0, level=0.02):
    """Records of a cost and a dev loss [epochs], each with noise of `level` times itself."""
    generator = np.random.default_rng(seed)
    cost, dev = (values * (1 + level * generator.normal(size=len(values))) for values in (np.asarray(cost), np.asarray(dev)))
    return [
        EpochRecord(epoch=at + 1, train_cost=float(c), train_error=0.1, dev_loss=float(d), dev_error=0.1, seconds=0.1)
        for at, (c, d) in enumerate(zip(cost, dev, strict=True))
    ]


def share(name, cost, dev, *, seeds=40, **options):
    """In how many of the seeds it is found."""
    level = options.pop("level", 0.02)
    return (
        sum(name in [one.name for one in read_curve(curve(cost, dev, seed=seed, level=level), **options)] for seed in range(seeds)) / seeds
    )


GOOD = (0.2 + np.exp(-AT / 8), 0.3 + np.exp(-AT / 8))


def test_noise_is_estimated_whatever_the_trend():
    generator = np.random.default_rng(0)
    assert noise(np.exp(-np.arange(400) / 50) + generator.normal(0, 0.01, 400)) == pytest.approx(0.01, rel=0.15)


@pytest.mark.parametrize("epochs", [8, 12, 20, 60])
@pytest.mark.parametrize("level", [0.0, 0.02, 0.05])
def test_a_good_curve_gives_no_finding(epochs, level):
    at = np.arange(epochs) * 60 / epochs
    found = [read_curve(curve(0.2 + np.exp(-at / 8), 0.3 + np.exp(-at / 8), seed=seed, level=level)) for seed in range(100)]
    assert sum(map(bool, found)) <= 5


def test_a_curve_of_few_epochs_says_nothing():
    assert read_curve(curve(np.linspace(1, 0.1, 7), np.linspace(1, 3, 7))) == ()
    assert read_curve([]) == ()


def test_a_cost_that_ends_above_its_start_is_diverging_and_the_rate_too_high():
    cost = 1 + 0.05 * AT
    assert share("diverging", cost, cost) == 1
    assert share("learning rate too high", cost, cost) == 1
    assert share("diverging", *GOOD) == 0


def test_a_trial_that_diverged_says_why_however_short():
    (first, second) = read_curve(curve([1.0, np.nan], [1.0, 1.0]), state=TrialState.DIVERGED, reason="the cost was not finite in epoch 2")
    assert "not finite in epoch 2" in first.sentence
    assert second.name == "learning rate too high"


def test_a_cost_that_jumps_about_is_oscillating():
    jumping = 0.6 + 0.3 * (-1.0) ** AT
    assert share("oscillating", jumping, jumping) == 1
    assert share("oscillating", 0.5 + 0.1 * np.exp(-AT / 8), GOOD[1], level=0.3) >= 0.95


def test_averaged_weights_show_less_of_a_rate_that_is_too_high_and_are_judged_by_less():
    cost, dev = (2 * np.exp(-AT / 8) + 0.6 + size * (-1.0) ** AT for size in (0.1, 0.025))
    assert share("oscillating", cost, dev, level=0.005) == 0
    assert share("oscillating", cost, dev, level=0.005, is_averaged=True) == 1
    # A cost that is restless by itself, as with small mini-batches, is no sign.
    assert share("oscillating", cost, GOOD[1], level=0.005, is_averaged=True) == 0


def test_a_cost_that_never_moves_and_one_that_stands_still_midway_are_plateaus():
    assert share("plateau", np.full(60, 2.3), np.full(60, 2.3)) >= 0.95
    midway = np.where(AT < 4, 2.0 - 0.1 * AT, np.where(AT < 35, 1.6, 0.2 + 1.4 * np.exp(-(AT - 35) / 5)))
    assert share("plateau", midway, midway, level=0.002) >= 0.95
    (found,) = (one for one in read_curve(curve(midway, midway, level=0.001)) if one.name == "plateau")
    assert 3 <= found.epoch <= 16


def test_a_loss_that_still_falls_is_told_to_train_longer():
    falling = 0.2 + np.exp(-AT / 80)
    assert share("still falling", falling, falling) >= 0.95
    assert share("learning rate too low", falling, falling) >= 0.95
    assert share("learning rate too low", falling, falling, state=TrialState.STOPPED) == 0
    quick = 0.02 + np.exp(-AT / 18)
    assert share("still falling", quick, quick) >= 0.95
    assert share("learning rate too low", quick, quick) == 0


def test_overfitting_is_found_since_about_its_epoch():
    dev = GOOD[1] + np.where(AT > 20, 0.01 * (AT - 20), 0)
    assert share("overfitting", 0.05 + np.exp(-AT / 20), dev) >= 0.95
    (found,) = (one for one in read_curve(curve(0.05 + np.exp(-AT / 20), dev)) if one.name == "overfitting")
    assert 14 <= found.epoch <= 32
    assert "Overfitting since about epoch" in found.sentence


def test_a_cost_that_rose_where_it_must_not_is_said():
    found = read_curve(curve(*GOOD), cost_rose=5)
    assert [one.name for one in found] == ["cost rose", "learning rate too high"]
    assert found[0].epoch == 5


def test_a_cost_that_is_noisy_by_dropout_alone_is_no_oscillation():
    noisy = np.array([0.2, 0.26]).repeat(30).reshape(2, 30).T.ravel()
    assert noise(noisy) / np.median(noisy) > 0.06
    assert "oscillating" not in [one.name for one in read_curve(curve(noisy, GOOD[1], level=0.0))]


def test_ups_and_downs_are_the_rate_s_only_where_it_is_not_next_to_nothing_and_they_cost_something():
    restless = GOOD[1] * (1 + 0.2 * (-1.0) ** AT)
    names = [one.name for one in read_curve(curve(GOOD[0] * (1 + 0.1 * (-1.0) ** AT), restless))]
    assert names == ["oscillating", "learning rate too high"]
    assert read_curve(curve(GOOD[0] * (1 + 0.1 * (-1.0) ** AT), restless), is_annealed=True) == ()
    # The dev error of these records is the same in every epoch.
    assert read_curve(curve(GOOD[0] * (1 + 0.1 * (-1.0) ** AT), restless), practical=0.01) == ()


def test_a_cost_that_creeps_down_without_noise_is_a_rate_too_low():
    creeping = 0.2 + np.exp(-AT / 4) + 0.3 * np.exp(-AT / 60)
    assert share("learning rate too low", creeping, creeping, level=0.002) >= 0.95
    # Noise as large as the fall over so many epochs says that the rate is not what limits it.
    assert share("learning rate too low", creeping, creeping, level=0.05) <= 0.05


def test_a_finding_says_which_figure_shows_it_and_how_sure_it_is():
    found = read_curve(curve(0.2 + np.exp(-AT / 80), 0.2 + np.exp(-AT / 80)))
    assert {one.figure for one in found} == {"curves"}
    assert all(one.certainty for one in found)
