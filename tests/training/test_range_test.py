"""The learning-rate range test: against gradient descent written in the test, on rates known by hand; and that it leaves no trace."""

from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest

from osetra.core.errors import SpaceError, StudyError
from osetra.core.records import Task
from osetra.core.seeding import Seed
from osetra.engines.native.engine import NativeEngine
from osetra.engines.port import Hyperparameters, Member, ModelState, TrainingData, initial_state
from osetra.network.layout import Layout
from osetra.network.spec import NetworkSpec
from osetra.report.figures.range_test import range_test as figure_of
from osetra.report.figures.theme import text_of
from osetra.training.range_test import EXPLODED, RangeTest, range_test
from osetra.training.recipe import build_member

ENGINE = NativeEngine()
ARRAYS = ("parameters", "first_moment", "second_moment", "running")


def linear_data(rows: int = 60) -> TrainingData:
    draw = np.random.default_rng(0)
    # One column is much longer than the others, so the largest eigenvalue stands alone.
    x = draw.normal(size=(rows, 3)) * [4.0, 1.0, 0.5]
    y = x @ np.array([[1.0], [2.0], [-1.0]]) + 0.3 * draw.normal(size=(rows, 1))
    return TrainingData(train_inputs=x, train_targets=y, dev_inputs=x, dev_targets=y)


def linear_member(data: TrainingData, **hyperparameters) -> Member:
    network = NetworkSpec(num_inputs=3, hidden_units=(), num_outputs=1, output="linear")
    layout, seed = Layout(network), Seed(study=1, trial=0)
    given = {"loss": "squared", "optimizer": "gd", "batch_size": data.num_rows} | hyperparameters
    return Member(
        network=network, layout=layout, hyperparameters=Hyperparameters(**given), seed=seed, learning_rates=lambda _, n: np.full(n, 1e9),
        state=initial_state(layout, seed, dtype=np.float64),
    )  # fmt: skip


def with_ones(x: np.ndarray) -> np.ndarray:
    return np.hstack([x, np.ones((len(x), 1))])


def largest_stable_rate(data: TrainingData) -> float:
    """2 over the largest eigenvalue of the Hessian of the mean of (y - t)^2 / 2."""
    x = with_ones(data.train_inputs)
    return 2.0 / float(np.linalg.eigvalsh(x.T @ x / len(x)).max())


def test_each_cost_is_that_of_gradient_descent_by_hand():
    data = linear_data()
    member = linear_member(data)
    view = member.layout.view
    w = np.vstack([view(member.state.parameters, "W1"), view(member.state.parameters, "b1")[None, :]])
    found = range_test(member, ENGINE, data, low=1e-4, high=0.1, steps=40)
    x, t = with_ones(data.train_inputs), data.train_targets
    expected = []
    for rate in 1e-4 * 1000.0 ** (np.arange(40) / 39):
        expected.append(0.5 * np.square(x @ w - t).mean())
        w = w - rate * x.T @ (x @ w - t) / len(x)
    assert found.costs == pytest.approx(expected, rel=1e-9)
    assert found.rates == pytest.approx(1e-4 * 1000.0 ** (np.arange(40) / 39))


def test_it_explodes_above_two_over_the_largest_eigenvalue_and_suggests_a_rate_below():
    data = linear_data()
    limit = largest_stable_rate(data)
    found = range_test(linear_member(data), ENGINE, data, low=limit / 1e4, high=limit * 1e4, steps=200)
    assert found.exploded is not None
    assert limit < found.exploded < 30 * limit
    assert found.rates[-1] == found.exploded
    assert len(found.rates) == len(found.costs) < 200
    assert found.suggested is not None
    assert limit / 10 < found.suggested < limit
    assert f"exploded at {found.exploded:.2g}: try learning_rate log(" in found.sentence


def test_below_that_rate_the_cost_falls_at_every_step_and_nothing_explodes():
    data = linear_data()
    limit = largest_stable_rate(data)
    found = range_test(linear_member(data), ENGINE, data, low=limit / 1e4, high=0.99 * limit, steps=100)
    assert found.exploded is None
    assert len(found.costs) == 100
    assert all(after < before for before, after in zip(found.costs, found.costs[1:], strict=False))


def test_where_the_cost_still_falls_at_the_end_higher_rates_are_spoken_of():
    data = linear_data()
    found = range_test(linear_member(data), ENGINE, data, low=1e-5, high=1e-3, steps=50)
    assert found.lowest == found.rates[-1]
    assert "the highest of them, so that higher ones may be better still" in found.sentence


def test_a_penalty_counts_as_in_training_whatever_the_batch():
    """l2's share of the cost is lambda/2m with m all rows, so at a rate of nearly 0 batches of any size see the same penalty."""
    data = linear_data()
    costs = {}
    for l2 in (0.0, 30.0):
        member = linear_member(data, batch_size=20, l2=l2)
        w = member.layout.view(member.state.parameters, "W1")
        costs[l2] = np.array(range_test(member, ENGINE, data, low=1e-12, high=1e-11, steps=20).costs)
    assert costs[30.0] - costs[0.0] == pytest.approx(np.full(20, 30.0 / 2 / data.num_rows * np.square(w).sum()))


def test_every_pass_over_the_data_takes_each_row_at_most_once_and_each_pass_is_shuffled_anew():
    """Eight of 20 rows a batch: two batches in a row are 16 different rows. Half the square of row i's target has bit i, so costs tell."""
    base = 2.0**20
    t = np.sqrt(base + 2.0 ** np.arange(20))[:, None]
    data = TrainingData(train_inputs=np.zeros((20, 3)), train_targets=t, dev_inputs=np.zeros((20, 3)), dev_targets=t)
    member = linear_member(data, batch_size=8)
    member.state.parameters[:] = 0.0
    found = range_test(member, ENGINE, data, low=1e-30, high=1e-29, steps=20)
    rows = [round(cost * 2 * 8 - 8 * base) for cost in found.costs]
    assert len(rows) == 20
    for first, second in zip(rows[::2], rows[1::2], strict=True):
        assert first.bit_count() == second.bit_count() == 8
        assert first & second == 0
    assert len(set(rows)) == 20


def table(rows: int = 300) -> TrainingData:
    draw = np.random.default_rng(1)
    x = draw.normal(size=(rows, 6)).astype(np.float32)
    y = (x[:, 0] * x[:, 1] + x[:, 2] > 0).astype(np.int64)
    weights = draw.uniform(0.5, 1.5, rows)
    return TrainingData(
        train_inputs=x, train_targets=y, dev_inputs=x[:50], dev_targets=y[:50], train_weights=(weights / weights.mean()).astype(np.float32)
    )  # fmt: skip


def network(**settings) -> Member:
    given = {"hidden_units": 16, "num_layers": 2, "batch_size": 32, "learning_rate": 0.01} | settings
    return build_member(given, num_inputs=6, num_outputs=2, task=Task.BINARY, seed=Seed(study=3, trial=4), total_epochs=10)


def as_bytes(state: ModelState) -> list[object]:
    return [*(getattr(state, name).tobytes() for name in ARRAYS), state.step, state.epoch]


RICH = {"keep_prob": 0.8, "l2": 0.1, "l1": 0.01, "noise": 0.1, "mixup": 0.2, "clip_norm": 5.0}


@pytest.mark.parametrize("high", [10.0, 1e30], ids=["explodes", "not finite"])
@pytest.mark.parametrize("settings", [{}, {"optimizer": "momentum"}, {"optimizer": "adamw"} | RICH, {"batch_norm": False}], ids=str)
def test_weights_moments_and_counters_stay_to_the_last_bit_and_training_goes_on_as_if_nothing_had_been(settings, high):
    data = table()
    tested, other = network(**settings), network(**settings)
    for one in (tested, other):
        ENGINE.advance([one], data, epochs=3)
    arrays = [getattr(tested.state, name) for name in ARRAYS]
    before, schedule, hyperparameters = as_bytes(tested.state), tested.learning_rates, tested.hyperparameters
    range_test(tested, ENGINE, data, high=high, steps=60)
    assert as_bytes(tested.state) == before
    assert all(getattr(tested.state, name) is array for name, array in zip(ARRAYS, arrays, strict=True))
    assert tested.learning_rates is schedule
    assert tested.hyperparameters is hyperparameters
    for one in (tested, other):
        ENGINE.advance([one], data, epochs=2)
    assert as_bytes(tested.state) == as_bytes(other.state)


def test_the_rate_it_suggests_trains_well_and_the_rate_of_the_explosion_does_not():
    data = table(2_000)
    found = range_test(network(batch_norm=False), ENGINE, data)
    assert found.suggested is not None
    assert found.exploded is not None
    errors = []
    for rate in (found.suggested, found.exploded):
        member = network(batch_norm=False, learning_rate=rate)
        [records] = ENGINE.advance([member], data, epochs=15)
        errors.append(records[-1].train_error)
    assert errors[0] < 0.05 < 0.3 < errors[1]


def test_a_cost_that_is_not_finite_ends_the_test_and_nothing_is_suggested():
    data = table()
    found = range_test(network(batch_norm=False), ENGINE, data, low=1e15, high=1e20, steps=30)
    assert len(found.costs) < 30
    assert found.exploded == found.rates[-1]
    assert (found.suggested, found.search, found.steepest) == (None, None, None)
    assert found.sentence.startswith("The cost hardly fell at rates from 1e+15 to ")
    assert found.sentence.endswith("try lower rates")


def test_rates_too_low_to_move_the_cost_give_no_suggestion():
    found = range_test(network(), ENGINE, table(), low=1e-12, high=1e-10)
    assert (found.suggested, found.exploded) == (None, None)
    assert found.sentence == "The cost hardly fell at rates from 1e-12 to 1e-10; try higher ones"


def test_the_same_member_gives_the_same_test_and_another_seed_another():
    data = table()
    first, again = (range_test(network(), ENGINE, data, steps=40) for _ in range(2))
    assert first == again
    other = network()
    other.seed = Seed(study=3, trial=5)
    assert range_test(other, ENGINE, data, steps=40).costs != first.costs


def test_the_test_ends_where_the_average_is_over_four_times_its_lowest():
    """An engine that answers from a list: a single leap is passed over, a rise that stays is not."""

    class Told:
        def __init__(self, costs):
            self.costs = iter(costs)

        def advance(self, members, data, **_):
            [[record]] = ENGINE.advance(members, data)
            return [[replace(record, train_cost=next(self.costs))]]

    leap = [1.0] * 20 + [20.0] + [1.0] * 9
    assert range_test(network(), Told(leap), table(), steps=30).exploded is None  # pyright: ignore[reportArgumentType]
    rise = [1.0] * 20 + [20.0] * 10
    found = range_test(network(), Told(rise), table(), steps=30)  # pyright: ignore[reportArgumentType]
    averages = []
    for count in range(20, 31):
        weights = 0.9 ** np.arange(count)[::-1]
        averages.append(float((weights * rise[:count]).sum() / weights.sum()))
    assert len(found.costs) == 20 + next(at for at, average in enumerate(averages) if average > EXPLODED)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"low": 0.0}, "must go from a rate > 0 to a higher one, got 0.0 to 10.0; 1e-6 to 10 suits most networks"),
        ({"low": 1.0, "high": 0.1}, "got 1.0 to 0.1"),
        ({"high": float("inf")}, "got 1e-06 to inf"),
        ({"high": float("nan")}, "to nan"),
        ({"steps": 19}, "needs a whole number of steps >= 20, got 19; 200 draw a smooth curve"),
        ({"steps": 50.0}, "got 50.0"),
    ],
)
def test_nonsense_is_refused(options, words):
    with pytest.raises(SpaceError, match=words):
        range_test(network(), ENGINE, table(), **options)


def test_the_figure_shows_the_costs_and_says_what_the_test_says():
    found = range_test(network(batch_norm=False), ENGINE, table())
    made = figure_of(found)
    drawn: dict[str, Any] = {trace.name: trace for trace in cast("Any", made).data}
    assert list(drawn["smoothed"].y) == list(found.smoothed)
    assert list(drawn["a mini-batch"].x) == list(found.rates)
    assert list(drawn["lowest"].x) == [found.lowest]
    assert text_of(made) == f"{found.sentence}. The band is the range to search."
    nothing = RangeTest(rates=(1.0,), costs=(float("nan"),), smoothed=(), exploded=1.0, steepest=None, lowest=None)
    with pytest.raises(StudyError, match="needs a finite cost to be drawn, got none; begin it at a lower rate"):
        figure_of(nothing)
