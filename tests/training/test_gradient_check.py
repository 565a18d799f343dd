"""Gradient checking passes what is right, and finds and names what is wrong."""

from collections.abc import Sequence

import numpy as np
import pytest

from osetra.core.errors import ModelError, SpaceError
from osetra.core.records import EpochRecord
from osetra.core.seeding import Seed
from osetra.engines.native.engine import NativeEngine
from osetra.engines.port import LOSSES, Engine, Hyperparameters, Member, TrainingData, initial_state
from osetra.network.layout import Layout
from osetra.network.spec import ACTIVATIONS, NetworkSpec
from osetra.training.gradient_check import Verdict, check_gradient

NATIVE = NativeEngine()
ROWS = 20


def member_and_data(
    loss: str = "cross_entropy", *, activation: str = "tanh", batch_norm: bool = True, trial: int = 1, **hyperparameters: object
) -> tuple[Member, TrainingData]:
    """A 4-5-3-2 network with L2, L1 and dropout (which the check must leave out), and 20 rows."""
    draw = np.random.default_rng(trial)
    network = NetworkSpec(
        num_inputs=4, hidden_units=(5, 3), num_outputs=2, activations=(activation,) * 2, batch_norm=batch_norm, output=LOSSES[loss]
    )
    layout, seed = Layout(network), Seed(study=1, trial=trial)
    options = {"loss": loss, "batch_size": 8, "l2": 2.0, "l1": 0.5, "keep_prob": (0.8, 0.9), **hyperparameters}
    member = Member(
        network=network,
        layout=layout,
        hyperparameters=Hyperparameters(**options),  # pyright: ignore[reportArgumentType]
        state=initial_state(layout, seed, dtype=np.float64),
        seed=seed,
        learning_rates=lambda _epoch, steps: np.full(steps, 0.01),
    )
    if loss == "cross_entropy":
        targets = draw.integers(0, 2, ROWS)
    elif loss == "binary_cross_entropy":
        targets = draw.integers(0, 2, (ROWS, 2)).astype(np.float64)
    else:
        targets = draw.normal(size=(ROWS, 2))
    inputs = draw.normal(size=(ROWS, 4))
    return member, TrainingData(train_inputs=inputs, train_targets=targets, dev_inputs=inputs, dev_targets=targets)


class WrongEngine:
    """The compiled engine but for an error planted in its gradient."""

    name = "wrong"

    def __init__(self, where: str, *, factor: float = 1.0, add: float = 0.0, only: int | None = None) -> None:
        self.where, self.factor, self.add, self.only = where, factor, add, only

    def advance(self, members: Sequence[Member], data: TrainingData, *, epochs: int = 1) -> list[list[EpochRecord]]:
        return NATIVE.advance(members, data, epochs=epochs)

    def score(self, member: Member, inputs: np.ndarray) -> np.ndarray:
        return NATIVE.score(member, inputs)

    def cost_and_gradient(
        self, member: Member, inputs: np.ndarray, targets: np.ndarray, *, num_rows: int | None = None
    ) -> tuple[float, np.ndarray]:
        cost, gradient = NATIVE.cost_and_gradient(member, inputs, targets, num_rows=num_rows)
        part = member.layout.view(gradient, self.where).reshape(-1)[slice(self.only, None if self.only is None else self.only + 1)]
        part[...] = self.factor * part + self.add
        return cost, gradient


@pytest.mark.parametrize("batch_norm", [False, True], ids=["plain_z", "batch_norm"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("loss", LOSSES)
def test_native_is_good_in_every_parameter_at_the_start_and_after_training(loss: str, activation: str, batch_norm: bool) -> None:
    member, data = member_and_data(loss, activation=activation, batch_norm=batch_norm)
    for epochs in (0, 5):
        NATIVE.advance([member], data, epochs=epochs)
        check = check_gradient(NATIVE, member, data.train_inputs, data.train_targets)
        assert check.difference < 1e-7
        assert check.worst.difference < 1e-7, check.worst
        assert check.verdict is Verdict.GOOD
        expected = {"W1", "W2", "W3", "b3", *(("gamma1", "beta1", "gamma2", "beta2") if batch_norm else ("b1", "b2"))}
        assert {parameter.name for parameter in check.parameters} == expected
        assert sum(parameter.checked for parameter in check.parameters) == member.layout.size


@pytest.mark.parametrize("smoothing", [0.1, 0.5])
@pytest.mark.parametrize("loss", ["cross_entropy", "binary_cross_entropy"])
def test_label_smoothing_is_in_the_gradient_as_in_the_cost(loss: str, smoothing: float) -> None:
    member, data = member_and_data(loss, label_smoothing=smoothing)
    assert check_gradient(NATIVE, member, data.train_inputs, data.train_targets).worst.difference < 1e-7


def test_the_plain_engine_is_good_too() -> None:
    pytest.importorskip("torch", reason="the plain engine needs PyTorch: pip install 'osetra[torch]'")
    from osetra.engines.plain import PlainEngine

    engine: Engine = PlainEngine()
    member, data = member_and_data(activation="gelu")
    assert check_gradient(engine, member, data.train_inputs, data.train_targets).worst.difference < 1e-7


PLANTED = [(name, batch_norm) for batch_norm in (False, True) for name in ("W1", "W2", "W3", "b3")]
PLANTED += [(name, False) for name in ("b1", "b2")] + [(name, True) for name in ("gamma1", "beta1", "gamma2", "beta2")]


@pytest.mark.parametrize("trained_epochs", [0, 5])
@pytest.mark.parametrize(("name", "batch_norm"), PLANTED)
def test_a_planted_error_is_found_and_named(name: str, batch_norm: bool, trained_epochs: int) -> None:
    member, data = member_and_data(batch_norm=batch_norm)
    NATIVE.advance([member], data, epochs=trained_epochs)
    check = check_gradient(WrongEngine(name, factor=1.1), member, data.train_inputs, data.train_targets)
    assert check.verdict is Verdict.WRONG
    assert (check.worst.name, check.worst.kind, check.worst.layer) == (name, name[:-1], int(name[-1]))
    # ||0.1 d|| / (||1.1 d|| + ||d||)
    assert check.worst.difference == pytest.approx(0.1 / 2.1, rel=1e-4)
    assert check.worst.gradient == pytest.approx(1.1 * check.worst.approx, rel=1e-4)
    others = [parameter for parameter in check.parameters if parameter.name != name]
    assert max(parameter.difference for parameter in others) < 1e-7


def test_one_wrong_entry_is_named_by_its_place() -> None:
    member, data = member_and_data()
    check = check_gradient(WrongEngine("W1", add=0.01, only=7), member, data.train_inputs, data.train_targets)
    assert check.worst.name == "W1"
    assert check.worst.index == (1, 2), "entry 7 of [4, 5]"


@pytest.mark.parametrize(
    ("factor", "verdict"),
    # A relative error r gives a difference of about r/2.
    [(1 + 2e-8, Verdict.GOOD), (1 + 2e-6, Verdict.FAIR), (1 + 2e-4, Verdict.SUSPECT), (1 + 2e-2, Verdict.WRONG), (-1, Verdict.WRONG)],
)
def test_verdicts_follow_the_size_of_the_error(factor: float, verdict: Verdict) -> None:
    member, data = member_and_data()
    check = check_gradient(WrongEngine("W2", factor=factor), member, data.train_inputs, data.train_targets)
    assert check.verdict is verdict


def test_a_small_parameter_cannot_hide_behind_large_ones() -> None:
    member, data = member_and_data(l2=0.0)
    member.layout.view(member.state.parameters, "gamma1")[...] = 1e-4  # makes dW1 and dbeta1 small beside the rest
    check = check_gradient(WrongEngine("W1", factor=1.01), member, data.train_inputs, data.train_targets)
    assert check.difference < 1e-3 < check.worst.difference
    assert check.worst.name == "W1"
    assert check.verdict is Verdict.WRONG


def test_a_penalty_left_out_of_the_gradient_is_found() -> None:
    member, data = member_and_data()

    class NoPenalty(WrongEngine):
        def cost_and_gradient(
            self, member: Member, inputs: np.ndarray, targets: np.ndarray, *, num_rows: int | None = None
        ) -> tuple[float, np.ndarray]:
            cost, gradient = NATIVE.cost_and_gradient(member, inputs, targets, num_rows=num_rows)
            size = member.layout.weights_size
            gradient[:size] -= member.hyperparameters.l2 / len(inputs) * member.state.parameters[:size]
            return cost, gradient

    check = check_gradient(NoPenalty("W1"), member, data.train_inputs, data.train_targets)
    assert check.verdict is Verdict.WRONG
    wrong = {parameter.name for parameter in check.parameters if parameter.difference > 1e-3}
    assert wrong == {"W1", "W2", "W3"}


def test_a_gradient_that_is_zero_differs_by_zero() -> None:
    """Inputs of 0 and no penalty give W1 no gradient at all; beta ahead of a second batch norm, linear between, only rounding."""
    member, data = member_and_data(activation="linear", l2=0.0, l1=0.0)
    check = check_gradient(NATIVE, member, np.zeros((ROWS, 4)), data.train_targets)
    by_name = {parameter.name: parameter for parameter in check.parameters}
    assert by_name["W1"].difference == 0
    assert by_name["W1"].gradient == by_name["W1"].approx == 0
    check = check_gradient(NATIVE, member, data.train_inputs, data.train_targets)
    by_name = {parameter.name: parameter for parameter in check.parameters}
    assert by_name["beta1"].difference == 0
    assert check.verdict is Verdict.GOOD


def test_a_gradient_where_there_is_none_is_found() -> None:
    member, data = member_and_data(activation="linear")
    check = check_gradient(WrongEngine("beta1", add=1e-8), member, data.train_inputs, data.train_targets)
    assert check.worst.name == "beta1"
    assert check.verdict is Verdict.WRONG


def test_a_gradient_that_is_not_finite_is_wrong() -> None:
    member, data = member_and_data()
    check = check_gradient(WrongEngine("beta2", factor=float("nan")), member, data.train_inputs, data.train_targets)
    assert check.verdict is Verdict.WRONG
    assert check.worst.name == "beta2"


def test_the_member_is_left_as_it_was_and_float32_is_checked_in_float64() -> None:
    member, data = member_and_data()
    member.state.parameters = member.state.parameters.astype(np.float32)
    member.state.running = member.state.running.astype(np.float32)
    before = member.state.copy()
    check = check_gradient(NATIVE, member, data.train_inputs.astype(np.float32), data.train_targets)
    assert check.verdict is Verdict.GOOD
    assert member.state.parameters.dtype == np.float32
    assert member.state.parameters.tobytes() == before.parameters.tobytes()
    assert member.state.running.tobytes() == before.running.tobytes()


def test_max_per_parameter_bounds_the_work_and_draws_by_the_seed() -> None:
    member, data = member_and_data()
    calls = []

    class Counting(WrongEngine):
        def cost_and_gradient(
            self, member: Member, inputs: np.ndarray, targets: np.ndarray, *, num_rows: int | None = None
        ) -> tuple[float, np.ndarray]:
            calls.append(1)
            return NATIVE.cost_and_gradient(member, inputs, targets, num_rows=num_rows)

    check = check_gradient(Counting("W1"), member, data.train_inputs, data.train_targets, max_per_parameter=2)
    assert all(parameter.checked == 2 for parameter in check.parameters)
    assert len(calls) == 1 + 2 * 2 * len(check.parameters)
    assert check == check_gradient(NATIVE, member, data.train_inputs, data.train_targets, max_per_parameter=2)
    assert check.verdict is Verdict.GOOD


@pytest.mark.parametrize("epsilon", [0.0, -1e-5, float("nan"), float("inf")])
def test_an_epsilon_that_makes_no_sense_is_refused(epsilon: float) -> None:
    member, data = member_and_data()
    with pytest.raises(SpaceError, match=r"epsilon must be a finite number > 0, got .*; 1e-5 suits float64"):
        check_gradient(NATIVE, member, data.train_inputs, data.train_targets, epsilon=epsilon)


def test_a_max_per_parameter_below_one_is_refused() -> None:
    member, data = member_and_data()
    with pytest.raises(SpaceError, match="max_per_parameter must be a whole number >= 1, got 0; leave it out"):
        check_gradient(NATIVE, member, data.train_inputs, data.train_targets, max_per_parameter=0)


def test_a_diverged_network_is_refused() -> None:
    member, data = member_and_data()
    member.state.parameters[0] = np.nan
    with pytest.raises(ModelError, match="needs finite costs, got nan; check at parameters of a network that has not diverged"):
        check_gradient(NATIVE, member, data.train_inputs, data.train_targets)
