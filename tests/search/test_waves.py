"""The default search: what it zooms into, what it says, and what its guards catch."""

import numpy as np
import pytest

from osetra.search.waves import Waves, says_nothing
from osetra.search.zoom import ZoomSampler
from osetra.space.scales import choice, linear, log
from osetra.space.space import Space
from osetra.testing.samplers import SAMPLER_CONTRACT
from osetra.testing.searches import LAST, follow

RATES = Space({"learning_rate": log(1e-4, 1.0), "keep_prob": linear(0.0, 1.0), "activation": choice("relu", "tanh")})


@pytest.mark.parametrize("claim", SAMPLER_CONTRACT, ids=lambda claim: claim.__name__)
def test_zoom_keeps_the_samplers_contract(claim):
    claim(lambda space, seed: ZoomSampler(space, seed=seed, start=8))


class Landscape:
    """Remembers which configuration each trial has, so that its errors may depend on it."""

    def __init__(self, search, curve):
        self.search, self.curve, self.configurations = search, curve, {}

    def ask(self):
        job = self.search.ask()
        if job is not None:
            self.configurations[job.trial] = job.configuration
        return job

    def tell(self, *told):
        self.search.tell(*told)

    def errors(self, trial):
        return self.curve(self.configurations[trial])


def explore(curve, *, budget=400, seed=0, space=RATES, **options):
    land = Landscape(Waves(space, seed=seed, last=LAST, budget=budget, **options), curve)
    course = follow(land, errors=land.errors, trouble=False)
    return land, course


def valley(configuration):
    """Only the learning rate matters, best at 0.01."""
    level = abs(np.log10(configuration["learning_rate"]) + 2) / 4
    return level + 0.5 * np.exp(-np.arange(1, LAST + 1) / 5)


def test_later_waves_zoom_into_what_is_good():
    land, _ = explore(valley)
    offsets = [abs(np.log10(configuration["learning_rate"]) + 2) for configuration in land.configurations.values()]
    zoomed = [offsets[number] for number in land.search._sampler.zoomed]
    assert len(zoomed) > 10
    assert np.median(zoomed) < 0.4 < np.median(offsets[:10])


def test_it_says_in_words_what_it_has_come_to():
    land, _ = explore(valley)
    assert any(sentence.startswith("after wave") and "learning_rate" in sentence for sentence in land.search.sentences)
    importance = land.search.importance
    assert importance["learning_rate"] > 0.8 > importance["keep_prob"]


def test_the_default_configuration_comes_first():
    first = {"learning_rate": 0.003, "keep_prob": 0.5, "activation": "tanh"}
    land, _ = explore(valley, first=first)
    assert land.configurations[0] == first


def test_a_small_budget_trains_the_default_to_the_end_first():
    _, course = explore(valley, budget=3 * LAST)
    assert (course.jobs[0].start, course.jobs[0].until) == (0, LAST)


def test_early_errors_that_mislead_do_not_trap_it():
    """What is best after one epoch is worst in the end. Against a search that always promotes the best at the first epoch."""

    def planted(configuration):
        level = configuration["keep_prob"]
        return np.where(np.arange(1, LAST + 1) <= 1, 2 - level, level)

    found = [explore(planted, budget=600, seed=seed)[1].best for seed in range(3)]
    assert max(found) < 0.1


def test_an_order_that_carries_over_is_told_from_one_that_does_not():
    generator = np.random.default_rng(0)
    one = generator.random(40)
    assert says_nothing(list(zip(one, -one, strict=True)))
    assert not says_nothing(list(zip(one, one + 0.1 * generator.random(40), strict=True)))
    assert not says_nothing(list(zip(one[:5], -one[:5], strict=True))), "five pairs are no evidence"


def test_without_a_budget_waves_follow_one_another():
    search = Waves(RATES, seed=0, last=LAST)
    course = follow(search, trouble=False, most=400)
    assert len(course.jobs) == 400
    assert search.wave > 2
