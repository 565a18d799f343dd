"""Schedules against values worked by hand."""

import math

import numpy as np
import pytest

from osetra.core.errors import SpaceError
from osetra.training.schedules import learning_rates


def test_inverse_decay_gives_the_course_s_numbers():
    rates = learning_rates("inverse", 0.2, total_epochs=10, decay=1.0)
    assert [rates(epoch, 3)[0] for epoch in range(4)] == pytest.approx([0.2, 0.1, 0.2 / 3, 0.05])
    assert (rates(2, 3) == rates(2, 3)[0]).all()


def test_exponential_decay_takes_five_per_cent_an_epoch():
    rates = learning_rates("exponential", 1.0, total_epochs=10)
    assert [rates(epoch, 1)[0] for epoch in (0, 1, 2)] == pytest.approx([1.0, 0.95, 0.9025])


def test_cosine_falls_from_the_full_rate_through_half_to_nearly_nothing():
    rates = learning_rates("cosine", 1.0, total_epochs=4)
    steps = np.concatenate([rates(epoch, 5) for epoch in range(4)])
    assert steps[0] == 1.0
    assert steps[10] == pytest.approx(0.5)
    assert steps[-1] == pytest.approx(0.5 * (1 + math.cos(math.pi * 19 / 20)))
    assert (np.diff(steps) < 0).all()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(("steps", 0.1), "one of constant"), (("constant", -0.1), "learning_rate must be > 0, got -0.1; give a value or a range")],
)
def test_nonsense_is_refused(arguments, words):
    with pytest.raises(SpaceError, match=words):
        learning_rates(*arguments, total_epochs=1)
