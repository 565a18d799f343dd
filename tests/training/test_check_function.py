"""A gradient check of one's own cost passes what is right, finds and names what is wrong, and refuses what it cannot judge."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import osetra
from osetra.core.errors import InputError
from osetra.training.differences import Verdict

ROWS = 30
DRAW = np.random.default_rng(3)
X = DRAW.normal(size=(ROWS, 3))
Y = (X[:, 0] - X[:, 1] > 0).astype(np.float64)
L2 = 0.5


def logistic(theta: dict[str, np.ndarray]) -> tuple[float, dict[str, np.ndarray]]:
    """Logistic regression with L2: cost and gradient."""
    a = 1 / (1 + np.exp(-(X @ theta["W1"] + theta["b1"])))
    cost = -np.mean(Y * np.log(a) + (1 - Y) * np.log(1 - a)) + L2 / (2 * ROWS) * np.sum(theta["W1"] ** 2)
    dz = (a - Y) / ROWS
    return float(cost), {"W1": X.T @ dz + L2 / ROWS * theta["W1"], "b1": dz.sum()}


def logistic_start() -> dict[str, np.ndarray]:
    return {"W1": np.array([0.3, -0.2, 0.1]), "b1": np.array(0.2)}


def network(theta: dict[str, np.ndarray]) -> tuple[float, dict[str, np.ndarray]]:
    """3-4-1, batch norm, tanh, squared loss: cost and gradient."""
    z = X @ theta["W1"]
    centred, deviation = z - z.mean(axis=0), np.sqrt(z.var(axis=0) + 1e-5)
    z_norm = centred / deviation
    a = np.tanh(theta["gamma1"] * z_norm + theta["beta1"])
    out = a @ theta["W2"] + theta["b2"]
    d_out = (out - Y[:, None]) / ROWS
    d_tilde = d_out @ theta["W2"].T * (1 - a**2)
    d_norm = d_tilde * theta["gamma1"]
    dz = (d_norm - d_norm.mean(axis=0) - z_norm * (d_norm * z_norm).mean(axis=0)) / deviation
    gradient = {
        "W1": X.T @ dz,
        "gamma1": (d_tilde * z_norm).sum(axis=0),
        "beta1": d_tilde.sum(axis=0),
        "W2": a.T @ d_out,
        "b2": d_out.sum(axis=0),
    }
    return float(np.sum((out - Y[:, None]) ** 2) / (2 * ROWS)), gradient


def network_start() -> dict[str, np.ndarray]:
    draw = np.random.default_rng(4)
    return {
        "W1": draw.normal(size=(3, 4)),
        "gamma1": np.ones(4),
        "beta1": np.full(4, 0.1),
        "W2": draw.normal(size=(4, 1)),
        "b2": np.ones(1),
    }


def part(function: Callable[[Any], tuple[float, Any]], which: int) -> Callable[[Any], Any]:
    return lambda theta: function(theta)[which]


def square(theta: np.ndarray) -> np.floating:
    return np.sum(theta**2)


def twice(theta: np.ndarray) -> np.ndarray:
    return 2 * theta


def test_logistic_regression_is_good_in_every_parameter_and_left_as_it_was() -> None:
    theta = logistic_start()
    check = osetra.check_gradients(part(logistic, 0), part(logistic, 1), theta)
    assert check.verdict is Verdict.GOOD
    assert [(parameter.name, parameter.kind, parameter.layer, parameter.checked) for parameter in check.parameters] == [
        ("W1", "W", 1, 3), ("b1", "b", 1, 1)
    ]  # fmt: skip
    assert all(parameter.difference < 1e-7 for parameter in check.parameters)
    assert check.cost == logistic(logistic_start())[0]
    assert {name: values.tolist() for name, values in theta.items()} == {"W1": [0.3, -0.2, 0.1], "b1": 0.2}


@pytest.mark.parametrize("name", ["W1", "gamma1", "beta1", "W2", "b2"])
def test_a_planted_error_is_found_and_named(name: str) -> None:
    assert osetra.check_gradients(part(network, 0), part(network, 1), network_start()).verdict is Verdict.GOOD

    def wrong(theta: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        gradient = network(theta)[1]
        gradient[name] = 1.1 * gradient[name]
        return gradient

    check = osetra.check_gradients(part(network, 0), wrong, network_start())
    assert check.verdict is Verdict.WRONG
    assert check.worst.name == name
    assert check.worst.difference == pytest.approx(0.1 / 2.1, rel=1e-4)
    assert all(parameter.verdict is Verdict.GOOD for parameter in check.parameters if parameter.name != name)


def test_the_worst_entry_is_named_by_its_index() -> None:
    def wrong(theta: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        gradient = network(theta)[1]
        gradient["W1"][2, 1] += 0.01
        return gradient

    check = osetra.check_gradients(part(network, 0), wrong, network_start())
    assert (check.worst.name, check.worst.index) == ("W1", (2, 1))
    assert check.worst.gradient - check.worst.approx == pytest.approx(0.01, rel=1e-4)
    lines = str(check).splitlines()
    assert lines[0].startswith("wrong: overall difference ")
    assert [line.split()[0] for line in lines[1:-1]] == ["W1", "gamma1", "beta1", "W2", "b2"]
    assert "furthest off at [2, 1]: gradient " in lines[1]
    assert "12 of 12 entries" in lines[1]
    assert "furthest" not in "".join(lines[2:])
    assert len({line.index("entries") for line in lines[1:-1]}) == 1, "aligned"


def test_a_penalty_left_out_of_the_gradient_is_found_in_the_weights_alone() -> None:
    def wrong(theta: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        gradient = logistic(theta)[1]
        return gradient | {"W1": gradient["W1"] - L2 / ROWS * theta["W1"]}

    check = osetra.check_gradients(part(logistic, 0), wrong, logistic_start())
    assert {parameter.name for parameter in check.parameters if parameter.verdict is Verdict.WRONG} == {"W1"}


@pytest.mark.parametrize(
    ("theta", "names", "expected"),
    [
        (np.arange(6.0).reshape(2, 3), None, ["theta"]),
        (np.arange(6.0).reshape(2, 3), ["w"], ["w"]),
        ([1.0, 2.0], None, ["theta"]),
        (3, None, ["theta"]),
        ([np.ones(2), np.ones((1, 3))], None, ["theta1", "theta2"]),
        ((np.ones(2), np.ones((1, 3))), ["W1", "b1"], ["W1", "b1"]),
        ({"u": np.ones(2), "v": np.ones((2, 2))}, None, ["u", "v"]),
    ],
)
def test_theta_comes_to_the_functions_as_it_was_given(theta: Any, names: list[str] | None, expected: list[str]) -> None:
    def parts(given: Any) -> list[np.ndarray]:
        assert isinstance(given, (type(theta), np.ndarray))
        return list(given.values()) if isinstance(given, dict) else list(given) if isinstance(given, list | tuple) else [given]

    def gradient(given: Any) -> Any:
        if isinstance(given, dict):
            return {f"d{name}": 2 * array for name, array in given.items()} | {"dA": None}  # the course's names, and more than was asked
        return [2 * array for array in given] if isinstance(given, list | tuple) else 2 * given

    check = osetra.check_gradients(lambda given: sum(square(array) for array in parts(given)), gradient, theta, names=names)
    assert [parameter.name for parameter in check.parameters] == expected
    assert check.verdict is Verdict.GOOD


def test_data_is_handed_to_both_functions() -> None:
    coefficients = np.array([1.0, -10.0, 25.0])
    check = osetra.check_gradients(
        lambda w, c: c[0] * w**2 + c[1] * w + c[2], lambda w, c: 2 * c[0] * w + c[1], 0.0, data=coefficients, names=["w"]
    )  # fmt: skip
    assert check.cost == 25
    assert check.parameters[0].gradient == -10
    assert check.verdict is Verdict.GOOD


def test_float32_parameters_are_checked_in_float64() -> None:
    theta = np.ones(3, dtype=np.float32)
    assert osetra.check_gradients(square, twice, theta).verdict is Verdict.GOOD
    assert theta.dtype == np.float32


def test_max_per_parameter_bounds_the_costs_and_draws_by_the_seed() -> None:
    calls = []

    def counted(theta: np.ndarray) -> np.floating:
        calls.append(1)
        return square(theta)

    def check(seed: int) -> Any:
        return osetra.check_gradients(counted, lambda theta: 2.2 * theta, np.arange(1.0, 1001.0), max_per_parameter=1, seed=seed)

    first = check(0)
    assert len(calls) == 2 + 2 + 8, "twice at theta, two for the entry, eight to see whether it is a kink"
    assert first.parameters[0].checked == 1
    assert first.verdict is Verdict.WRONG
    assert check(0) == first
    assert check(1).worst.index != first.worst.index


def relu_cost(theta: np.ndarray) -> np.floating:
    return np.sum(np.maximum(theta, 0) * (1 + np.arange(len(theta)))) + np.sum(theta**2)


def relu_gradient(theta: np.ndarray) -> np.ndarray:
    return (theta > 0) * (1.0 + np.arange(len(theta))) + 2 * theta


# The kink from 0 to beyond the step of 1e-5 from where the gradient is asked for, on both sides of it.
@pytest.mark.parametrize("off", [0.0, 1e-9, -1e-7, 2e-6, 2.5e-6, 10e-6 / 3, -4e-6, 5e-6, 7e-6, -9e-6, 9.99e-6])
def test_an_entry_at_a_kink_is_left_out_and_counted(off: float) -> None:
    theta = np.linspace(-1, 1, 8)
    theta[5] = off
    check = osetra.check_gradients(relu_cost, relu_gradient, theta)
    assert (check.kinks, check.parameters[0].checked, check.verdict) == (1, 7, Verdict.GOOD)
    assert "1 at a kink, left out" in check.report()


def test_a_wrong_gradient_is_not_excused_by_a_kink_elsewhere_or_one_too_small() -> None:
    theta = np.linspace(-1, 1, 8)
    theta[5] = 1e-6

    def wrong(theta: np.ndarray) -> np.ndarray:
        gradient = relu_gradient(theta)
        gradient[2] += 0.1
        return gradient

    check = osetra.check_gradients(relu_cost, wrong, theta)
    assert (check.verdict, check.worst.index, check.kinks) == (Verdict.WRONG, (2,), 1)

    def wrong_at_the_kink(theta: np.ndarray) -> np.ndarray:
        return relu_gradient(theta) + 100 * (np.arange(8) == 5)

    check = osetra.check_gradients(relu_cost, wrong_at_the_kink, theta)
    assert (check.verdict, check.worst.index, check.kinks) == (Verdict.WRONG, (5,), 0)


def test_strong_curvature_is_no_kink() -> None:
    check = osetra.check_gradients(lambda w: np.sum(np.exp(20 * w)), lambda w: 20.1 * np.exp(20 * w), np.array([0.5, 0.1, 0.2]))
    assert (check.verdict, check.kinks) == (Verdict.WRONG, 0)


def test_a_rough_cost_is_not_taken_for_one_with_kinks() -> None:
    """Float32 inside, float64 outside: every entry looks like a kink, and none is left out."""
    check = osetra.check_gradients(lambda w: float(np.float32(square(w))), twice, np.linspace(0.1, 1, 9))
    assert check.kinks == 0
    assert check.verdict is Verdict.WRONG


def refused(match: str, cost: Any = square, gradient: Any = twice, theta: Any = None, **options: Any) -> None:
    with pytest.raises(InputError, match=match):
        osetra.check_gradients(cost, gradient, np.ones(3) if theta is None else theta, **options)


def test_a_cost_that_is_no_finite_float64_number_is_refused() -> None:
    refused(r"cost must return one number, got ndarray of shape \(3,\); return the sum or the mean", cost=lambda w: w**2)
    refused("cost must return one number, got None", cost=lambda w: None)
    refused("cost must be finite at theta and close to it, got nan; check at other parameters", cost=lambda w: np.nan)
    refused("the cost must be computed in float64, got float32, whose rounding", cost=lambda w: np.float32(1))
    refused("cost must be a function of theta, got float; give the function", cost=1.0)


def test_a_cost_that_changes_by_itself_is_refused() -> None:
    draw = np.random.default_rng(0)
    refused(
        "the same each time at the same theta, got .*; switch dropout off",
        cost=lambda w: np.sum(w * draw.integers(0, 2, 3)) + draw.random(),
    )


def test_a_gradient_that_does_not_fit_is_refused() -> None:
    refused(r"the gradient of theta must have its shape \(3,\), got \(1, 3\); sum or reshape", gradient=lambda w: 2 * w[None])
    refused("the gradient of theta must be computed in float64, got float32", gradient=lambda w: (2 * w).astype(np.float32))
    refused(r"the gradient of theta must be finite, got inf at index \[1\]", gradient=lambda w: np.array([1, np.inf, 1]))
    refused(r"the gradient of theta must be an array of real numbers, got None; return one of shape \(3,\)", gradient=lambda w: None)
    refused("W1 is missing among W2; return 'W1' or 'dW1'", part(logistic, 0), lambda _: {"W2": 1}, logistic_start())
    refused("one array for each of W1, b1, got ndarray of shape", part(logistic, 0), lambda _: np.ones(4), logistic_start())
    refused("gradient must be a function of theta, or None for PyTorch's own, got ndarray", gradient=np.ones(3))
    refused("gradient=None needs theta as PyTorch tensors, got NumPy arrays", gradient=None)


def test_a_theta_that_cannot_be_checked_is_refused() -> None:
    refused("theta must be an array of real numbers, got 'x'", theta="x")
    refused("theta must be an array of real numbers, got list", theta=[[1.0], [1.0, 2.0]])
    refused("W1 must be an array of real numbers, got ndarray of shape", theta={"W1": np.ones(2, dtype=complex)})
    refused(r"^theta must be finite, got nan at index \[0\]; check at parameters where it is", theta=np.array([np.nan]))
    refused("theta must hold at least one array, got none", theta={})
    refused(r"b must have at least one entry, got shape \(0,\)", theta={"b": np.ones(0)})
    refused("names must name each array of theta once, 1 in all, got a, b", names=["a", "b"])
    refused(r"names are for one array or a list of arrays, got \['a'\] though a mapping has its own", theta={"a": np.ones(2)}, names=["a"])


@pytest.mark.parametrize(
    ("option", "value", "match"),
    [
        ("epsilon", 0.0, "epsilon must be a finite number > 0, got 0.0; 1e-5 suits float64"),
        ("epsilon", float("nan"), "epsilon must be a finite number > 0, got nan"),
        ("epsilon", "small", "epsilon must be a finite number > 0, got 'small'"),
        ("max_per_parameter", 0, "max_per_parameter must be a whole number >= 1, got 0; leave it out"),
        ("seed", -1, "seed must be a whole number >= 0, got -1"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused(option: str, value: Any, match: str) -> None:
    refused(match, **{option: value})


@pytest.fixture
def torch() -> Any:
    return pytest.importorskip("torch", reason="checks of PyTorch's gradients need PyTorch: pip install 'osetra[torch]'")


def make_module(torch: Any) -> Any:
    torch.manual_seed(0)
    layers = torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Tanh(), torch.nn.Linear(4, 1)
    return torch.nn.Sequential(*layers).double()


def test_a_pytorch_module_is_good_and_left_as_it_was(torch: Any) -> None:
    module = make_module(torch)
    x, y = torch.tensor(X), torch.tensor(Y)[:, None]
    before = {name: tensor.detach().clone() for name, tensor in module.named_parameters()}
    check = osetra.check_gradients(lambda net: torch.nn.functional.mse_loss(net(x), y), None, module)
    # A constant added ahead of batch norm changes nothing: its gradient of 0 is no difference.
    assert check.verdict is Verdict.GOOD
    assert [parameter.name for parameter in check.parameters] == ["0.weight", "0.bias", "1.weight", "1.bias", "3.weight", "3.bias"]
    assert all(tensor.requires_grad and tensor.grad is None for tensor in module.parameters())
    assert all(torch.equal(tensor, before[name]) for name, tensor in module.named_parameters())


def test_a_wrong_backward_is_found(torch: Any) -> None:
    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, w: Any) -> Any:
            ctx.save_for_backward(w)
            return w**2

        @staticmethod
        def backward(ctx: Any, *grads: Any) -> Any:
            return grads[0] * ctx.saved_tensors[0]  # without its factor of 2

    theta = {"u": torch.ones(2, dtype=torch.float64), "v": torch.ones(2, dtype=torch.float64)}
    check = osetra.check_gradients(lambda t: (t["u"] ** 2).sum() + Square.apply(t["v"]).sum(), None, theta)
    assert (check.worst.name, check.worst.gradient) == ("v", 1.0)
    assert check.worst.difference == pytest.approx(1 / 3)
    assert check.verdict is Verdict.WRONG
    assert not theta["v"].requires_grad


def test_a_parameter_that_is_detached_on_the_way_to_the_cost_is_found(torch: Any) -> None:
    theta = [torch.ones(2, dtype=torch.float64), torch.ones((), dtype=torch.float64)]
    check = osetra.check_gradients(lambda t: (t[0] ** 2).sum() * t[1].detach(), None, theta, names=["w", "scale"])
    assert check.worst.name == "scale"
    assert check.verdict is Verdict.WRONG


def test_tensors_with_their_own_gradient_are_checked_too(torch: Any) -> None:
    assert osetra.check_gradients(lambda w: (w**2).sum(), lambda w: 2 * w, torch.ones(2, 2).double()).verdict is Verdict.GOOD


def test_a_sparse_gradient_is_checked_as_any_other(torch: Any) -> None:
    table = torch.nn.Embedding(5, 2, sparse=True).double()
    rows = torch.tensor([0, 3, 3])
    check = osetra.check_gradients(lambda net: (net(rows) ** 2).sum(), None, table)
    assert (check.parameters[0].checked, check.verdict) == (10, Verdict.GOOD)


def test_what_pytorch_cannot_be_checked_on_is_refused(torch: Any) -> None:
    double = torch.ones(3).double()
    refused(r"theta must be a float64 tensor, got float32, .*; call double\(\)", gradient=None, theta=torch.ones(3))
    refused("theta must be an array of real numbers, got type", theta=torch.nn.Linear)
    refused("theta must be a leaf tensor, got the result of an operation", gradient=None, theta=double.requires_grad_() * 2)
    refused("theta must be all tensors or all NumPy arrays, got u as a tensor and v not", theta={"u": double, "v": np.ones(2)})
    refused(r"depends on none of it; leave out detach\(\)", cost=lambda w: (w.detach() ** 2).sum(), gradient=None, theta=double.detach())
    refused("cost must return one number, got Tensor of shape", cost=lambda w: w**2, gradient=None, theta=double.detach())
    refused("the cost must be computed in float64, got float32", cost=lambda w: w.float().sum(), gradient=None, theta=double.detach())
    dropout = torch.nn.Dropout(0.5)
    ones = torch.ones(200).double()
    refused("switch dropout off", cost=lambda w: (dropout(w) ** 2).sum(), gradient=None, theta=ones)
