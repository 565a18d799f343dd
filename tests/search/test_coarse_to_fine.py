"""Coarse-to-fine search zooms into the region of the best, and says so."""

import math

import numpy as np
import pytest

from osetra.core.errors import SpaceError
from osetra.search.coarse_to_fine import CoarseToFineSampler, _region
from osetra.search.random import RandomSampler
from osetra.search.sobol import SobolSampler
from osetra.space import Space, choice, integer, linear, log, when

SPACE = Space({"learning_rate": log(1e-4, 1), "keep_prob": linear(0.5, 1), "activation": choice("relu", "tanh", "sigmoid")})


def bowl(configuration):
    """Best at a learning rate of 0.01 with relu; keep_prob hardly matters."""
    u = math.log10(configuration["learning_rate"]) / 4 + 0.5
    return u * u + {"relu": 0, "tanh": 0.2, "sigmoid": 0.4}[configuration["activation"]] + 0.001 * configuration["keep_prob"]


def search(sampler, count, cost=bowl):
    proposals = []
    for number in range(count):
        proposals.append(sampler.propose(number))
        sampler.observe(number, 1, cost(proposals[-1]))
    return proposals


def test_stages_close_in_on_the_best():
    sampler = CoarseToFineSampler(SPACE, seed=0, coarse=20, fine=10)
    rates = np.log10([proposal["learning_rate"] for proposal in search(sampler, 60)])
    widths = [np.ptp(rates[:20]), *(np.ptp(rates[start : start + 10]) for start in (20, 40))]
    assert widths[0] > 3.5
    assert widths[2] < 0.4 * widths[0]
    assert abs(rates[-10:].mean() + 2) < 0.3


def test_it_finds_more_than_random_search():
    better = 0
    for seed in range(10):
        zoomed = min(map(bowl, search(CoarseToFineSampler(SPACE, seed=seed), 50)))
        better += zoomed < min(map(bowl, search(RandomSampler(SPACE, seed=seed), 50)))
    assert better >= 8


def test_the_first_stage_is_sobol_or_random_search():
    for start, whole in (("sobol", SobolSampler), ("random", RandomSampler)):
        sampler, plain = CoarseToFineSampler(SPACE, seed=4, coarse=12, start=start), whole(SPACE, seed=4)
        assert [sampler.propose(number) for number in range(12)] == [plain.propose(number) for number in range(12)]


def test_it_says_what_it_zooms_into():
    results = [(0.003, "relu", 0.1), (0.01, "relu", 0.2), (0.02, "tanh", 0.3), (0.005, "relu", 0.4)]
    planted = CoarseToFineSampler(SPACE, seed=0, coarse=20, fine=10)
    for number in range(20):
        planted.propose(number)
        if number < 4:
            rate, activation, _ = results[number]
            planted._placed[number] = {"learning_rate": rate, "keep_prob": 0.5 + number / 6, "activation": activation}
        planted.observe(number, 1, results[number][2] if number < 4 else 1.0)
    assert planted.sentences == []
    planted.propose(20)
    # A tenth of the width of 0.003 .. 0.02 in log, on each side.
    margin = (0.02 / 0.003) ** 0.1
    low, high = 0.003 / margin, 0.02 * margin
    assert planted.sentences == [f"stage 2 zooms into activation relu or tanh, learning_rate {low:.2g} .. {high:.2g} (the best 4 of 20)"]


def test_proposals_of_a_stage_lie_in_what_it_said():
    sampler = CoarseToFineSampler(SPACE, seed=3, coarse=20, fine=15)
    proposals = search(sampler, 35)
    best = sorted(proposals[:20], key=bowl)[:4]
    rates, kinds = [proposal["learning_rate"] for proposal in best], {proposal["activation"] for proposal in best}
    margin = (max(rates) / min(rates)) ** 0.1001
    for proposal in proposals[20:]:
        assert min(rates) / margin <= proposal["learning_rate"] <= max(rates) * margin
        assert proposal["activation"] in kinds


def test_too_few_results_leave_the_region_as_it_is():
    sampler = CoarseToFineSampler(SPACE, seed=1, coarse=6, fine=3)
    plain = SobolSampler(SPACE, seed=1)
    for number in range(9):
        assert sampler.propose(number) == plain.propose(number)
        sampler.observe(number, 1, math.nan if number > 1 else 0.5)
    assert sampler.sentences == ["stage 2 stays in the whole space: too few results are in (6)"]


def test_trials_that_diverged_are_never_among_the_best():
    sampler = CoarseToFineSampler(SPACE, seed=2, coarse=20, fine=10)
    search(sampler, 20, lambda proposal: math.nan if proposal["activation"] == "relu" else bowl(proposal))
    assert all(proposal["activation"] != "relu" for proposal in [sampler.propose(number) for number in range(20, 30)])


def test_the_best_are_chosen_among_those_trained_longest():
    sampler = CoarseToFineSampler(SPACE, seed=2, coarse=20, fine=10)
    long_trained = []
    for number in range(20):
        proposal = sampler.propose(number)
        sampler.observe(number, 1, 0.1)
        if number % 4 == 0:
            long_trained.append(proposal["learning_rate"])
            sampler.observe(number, 10, 0.9 - number / 100)
    sampler.observe(16, 5, 0.95)  # heard late: the result at epoch 10 stays
    sampler.propose(20)
    region = sampler._region[SPACE.names.index("learning_rate")]
    best = sorted(SPACE.scales["learning_rate"].encode(rate) for rate in long_trained[1:])
    margin = 0.1 * (best[-1] - best[0])
    assert (region.low, region.high) == pytest.approx((max(best[0] - margin, 0), min(best[-1] + margin, 1)))


def test_a_region_keeps_the_neighbours_of_counted_values_and_all_of_an_axis_that_the_best_lack():
    space = Space({"optimizer": choice("adam", "momentum"), "momentum": when(linear(0, 1), optimizer="momentum"), "layers": integer(1, 5)})
    layers, momentum, optimizer = _region(space, [{"optimizer": "adam", "layers": 3}] * 2)
    assert (layers.low, layers.high) == pytest.approx((0.3, 0.7))
    assert (momentum.low, momentum.high) == (0, 1)
    assert optimizer.places == (0,)
    some = [{"optimizer": "adam", "layers": 1}, {"optimizer": "momentum", "layers": 1, "momentum": 0.4}]
    layers, momentum, optimizer = _region(space, some)
    assert (layers.low, layers.high) == pytest.approx((0, 0.3))
    assert (momentum.low, momentum.high) == pytest.approx((0.39, 0.41))
    assert optimizer.places == (0, 1)


def test_a_stage_without_a_narrower_region_says_so():
    space = Space({"layers": integer(1, 3), "rate": linear(0, 1)})
    sampler = CoarseToFineSampler(space, seed=0, coarse=20, fine=10)
    for number in range(20):
        sampler.propose(number)
        sampler._placed[number] = {"layers": number % 3 + 1, "rate": (number % 4) / 3}
        sampler.observe(number, 1, float(number))
    sampler.propose(20)
    assert sampler.sentences == ["stage 2 stays in the whole space, as the best 4 of 20 lie all over it"]


def test_a_region_that_is_used_up_gives_way_to_the_rest_of_the_space():
    space = Space({"a": integer(1, 6), "b": choice("x", "y", "z")})
    sampler = CoarseToFineSampler(space, seed=0, coarse=6, fine=3)
    proposals = search(sampler, 18, lambda proposal: proposal["a"])
    assert len({space.key(proposal) for proposal in proposals}) == 18
    assert sampler.propose(18) is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"coarse": 2}, "a stage needs at least 3 trials, got coarse=2 and fine=10; give it more"),
        ({"fine": 0}, "a stage needs at least 3 trials, got coarse=20 and fine=0"),
        ({"start": "grid"}, "start must be sobol or random, got 'grid'"),
    ],
)
def test_stages_that_make_no_sense_are_refused(options, message):
    with pytest.raises(SpaceError) as caught:
        CoarseToFineSampler(SPACE, seed=0, **options)
    assert message in str(caught.value)
