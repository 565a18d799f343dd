"""Minimising any function: numbers worked by hand, torch.optim, and what is refused."""

import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from osetra import minimize
from osetra.core.errors import InputError, MissingExtra, SpaceError
from osetra.engines.port import OPTIMIZERS

START = [-1.2, 1.0]


@pytest.fixture
def torch():
    return pytest.importorskip("torch", reason="without a gradient PyTorch differentiates: pip install 'osetra[torch]'")


def course_cost(w):
    return w**2 - 10 * w + 25


def course_gradient(w):
    return 2 * w - 10


def fed_cost(w, c):
    return c[0] * w**2 + c[1] * w + c[2]


def fed_gradient(w, c):
    return 2 * c[0] * w + c[1]


def quadratic(w):
    return 3 * w[0] ** 2 + w[0] * w[1] + 2 * w[1] ** 2 - w[0]


def quadratic_gradient(w):
    return np.array([6 * w[0] + w[1] - 1, w[0] + 4 * w[1]])


def rosenbrock(w):
    return 100 * (w[1] - w[0] ** 2) ** 2 + (1 - w[0]) ** 2


def rosenbrock_gradient(w):
    bend = w[1] - w[0] ** 2
    return np.array([-400 * w[0] * bend - 2 * (1 - w[0]), 200 * bend])


FUNCTIONS = {"quadratic": (quadratic, quadratic_gradient), "rosenbrock": (rosenbrock, rosenbrock_gradient)}

BY_TORCH = {
    "gd": ({"lr": 1e-4}, lambda torch, w: torch.optim.SGD(w, lr=1e-4)),
    "momentum_sum": ({"lr": 1e-4, "momentum": 0.8}, lambda torch, w: torch.optim.SGD(w, lr=1e-4, momentum=0.8)),
    "nesterov": ({"lr": 1e-4}, lambda torch, w: torch.optim.SGD(w, lr=1e-4, momentum=0.9, nesterov=True)),
    "rmsprop": ({"lr": 0.01, "beta2": 0.99, "eps": 1e-6}, lambda torch, w: torch.optim.RMSprop(w, lr=0.01, alpha=0.99, eps=1e-6)),
    "adam": ({"lr": 0.05, "beta1": 0.8, "beta2": 0.99}, lambda torch, w: torch.optim.Adam(w, lr=0.05, betas=(0.8, 0.99))),
    "adamw": ({"lr": 0.05, "decay": 0.3}, lambda torch, w: torch.optim.AdamW(w, lr=0.05, weight_decay=0.3)),
}
"""Optimiser -> our hyperparameters, and torch's optimiser of the same meaning."""


def hand_momentum(g, m, s, t, *, correction):
    m[:] = 0.8 * m + 0.2 * g
    return 5e-4 * m / (1 - 0.8**t if correction else 1)


def hand_adam(g, m, s, t):
    m[:] = 0.9 * m + 0.1 * g
    s[:] = 0.999 * s + 0.001 * g**2
    return 0.01 * m / (np.sqrt(s) + 1e-8)


BY_HAND = {
    "momentum": ({"lr": 5e-4, "momentum": 0.8}, lambda *state: hand_momentum(*state, correction=True)),
    "momentum uncorrected": (
        {"lr": 5e-4, "momentum": 0.8, "bias_correction": False},
        lambda *state: hand_momentum(*state, correction=False),
    ),
    "adam uncorrected": ({"lr": 0.01, "bias_correction": False}, hand_adam),
    "adamw uncorrected": ({"lr": 0.01, "bias_correction": False, "decay": 0.0}, hand_adam),
}
"""Optimiser, where torch means something else or has none -> our hyperparameters, and what a step takes off w."""


def assert_the_same_descent(found, costs, w):
    assert found.history == pytest.approx(np.array(costs), rel=1e-10, abs=1e-10)
    assert found.w == pytest.approx(w, rel=1e-10, abs=1e-10)
    assert found.steps == 50
    assert found.reason is None
    assert np.linalg.norm(found.w - START) > 0.01


def test_each_optimizer_has_a_reference_here():
    assert {name.split()[0] for name in (*BY_TORCH, *BY_HAND)} == set(OPTIMIZERS)


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("optimizer", BY_TORCH)
def test_fifty_steps_are_those_of_torch_optim(torch, optimizer, function):
    cost, gradient = FUNCTIONS[function]
    hyperparameters, make = BY_TORCH[optimizer]
    w = torch.tensor(START, dtype=torch.float64, requires_grad=True)
    theirs = make(torch, [w])
    costs = []
    for _ in range(50):
        theirs.zero_grad()
        value = cost(w)
        costs.append(value.item())
        value.backward()
        theirs.step()
    costs.append(cost(w).item())
    found = minimize(cost, START, gradient, optimizer=optimizer, steps=50, **hyperparameters)
    assert_the_same_descent(found, costs, w.detach().numpy())


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("optimizer", BY_HAND)
def test_fifty_steps_are_those_by_hand(optimizer, function):
    cost, gradient = FUNCTIONS[function]
    hyperparameters, change = BY_HAND[optimizer]
    w, m, s = np.array(START), np.zeros(2), np.zeros(2)
    costs = [cost(w)]
    for t in range(1, 51):
        w = w - change(gradient(w), m, s, t)
        costs.append(cost(w))
    found = minimize(cost, START, gradient, optimizer=optimizer.split()[0], steps=50, **hyperparameters)
    assert_the_same_descent(found, costs, w)


def test_gradient_descent_gives_the_course_s_numbers():
    first = minimize(course_cost, 0.0, course_gradient, lr=0.01, steps=1)
    assert first.w == pytest.approx(0.1, abs=1e-15)
    assert first.history == pytest.approx(np.array([25.0, 4.9**2]))
    then = minimize(course_cost, first.w, course_gradient, lr=0.01, steps=1000)
    assert then.w == pytest.approx(5 * (1 - 0.98**1001), abs=1e-12)
    assert then.w == pytest.approx(4.99999, abs=1e-5)


def test_pytorch_differentiates_the_course_s_cost(torch):
    first = minimize(course_cost, 0.0, lr=0.01, steps=1)
    assert first.w == pytest.approx(0.1, abs=1e-15)
    assert minimize(course_cost, first.w).w == pytest.approx(5 * (1 - 0.98**1001), abs=1e-12)


@pytest.mark.parametrize(
    "coefficients", [[1, -10, 25], np.array([1, -10, 25]), np.array([1.0, -10.0, 25.0]), (*np.array([1.0, -10.0, 25.0]),)]
)
def test_coefficients_are_fed_as_data(torch, coefficients):
    plain = minimize(course_cost, 0.0, course_gradient, steps=20)
    assert minimize(fed_cost, 0.0, fed_gradient, data=coefficients, steps=20).w == pytest.approx(plain.w, abs=1e-15)
    assert minimize(fed_cost, 0.0, data=coefficients, steps=20).w == pytest.approx(plain.w, abs=1e-14)


def test_arrays_in_data_meet_the_tensor_w_as_tensors(torch):
    draw = np.random.default_rng(0)
    X, truth = draw.normal(size=(30, 3)), np.array([1.0, -2.0, 0.5])
    read_only = X.astype(np.float32)
    read_only.flags.writeable = False
    for data in ((read_only, X @ truth), {0: X, 1: X @ truth}):
        found = minimize(lambda w, d: ((d[0] @ w - d[1]) ** 2).mean(), np.zeros(3), data=data, lr=0.1, steps=500)
        assert found.w == pytest.approx(truth, abs=1e-6)


@settings(max_examples=20)
@given(
    w0=arrays(np.float64, array_shapes(min_dims=0, max_dims=3, max_side=3), elements=st.floats(-2, 2)),
    optimizer=st.sampled_from(OPTIMIZERS),
)
def test_a_gradient_given_and_one_found_by_pytorch_lead_the_same_way(w0, optimizer):
    pytest.importorskip("torch", reason="without a gradient PyTorch differentiates: pip install 'osetra[torch]'")
    before = w0.copy()
    given_one = minimize(lambda w: (w**4 - w).sum(), w0, lambda w: 4 * w**3 - 1, optimizer=optimizer, steps=5)
    found_one = minimize(lambda w: (w**4 - w).sum(), w0, optimizer=optimizer, steps=5)
    assert np.shape(given_one.w) == w0.shape
    assert found_one.w == pytest.approx(given_one.w, rel=1e-8, abs=1e-8)
    assert (w0 == before).all()


@pytest.mark.parametrize("with_gradient", [True, False])
def test_history_is_the_cost_before_each_step_and_at_the_end(torch, with_gradient):
    found = minimize(rosenbrock, START, rosenbrock_gradient if with_gradient else None, optimizer="adam", steps=7)
    assert found.history.dtype == np.float64
    assert found.history.shape == (8,)
    assert found.history[0] == pytest.approx(rosenbrock(START))
    assert found.history[-1] == found.cost == pytest.approx(rosenbrock(found.w))
    half = minimize(rosenbrock, START, rosenbrock_gradient if with_gradient else None, optimizer="adam", steps=3)
    assert (found.history[:4] == half.history).all()


@pytest.mark.parametrize("with_gradient", [True, False])
@pytest.mark.parametrize("w0", [2, 2.0, np.float32(2), np.array(2.0), [2.0], ((1, 2), (3, 4)), np.ones((2, 1, 3), order="F")])
def test_w_keeps_the_shape_that_it_began_with(torch, w0, with_gradient):
    shapes = []

    def cost(w):
        shapes.append(tuple(w.shape))
        return (w * w).sum()

    found = minimize(cost, w0, (lambda w: 2 * w) if with_gradient else None, lr=0.25, steps=1)
    assert isinstance(found.w, np.ndarray if isinstance(w0, np.ndarray | list | tuple) else float)
    assert np.shape(found.w) == np.shape(w0)
    assert set(shapes) == {np.shape(w0)}
    assert found.w == pytest.approx(np.asarray(w0) / 2)


def test_no_steps_are_the_cost_where_it_began():
    found = minimize(course_cost, 1, course_gradient, steps=0)
    assert (found.w, found.cost, found.steps, found.reason) == (1.0, 16.0, 0, None)
    assert found.history.tolist() == [16.0]


def test_a_function_that_changes_its_w_changes_no_step():
    def cost(w):
        w *= 2
        return (w**2).sum() / 4

    def gradient(w):
        w *= 2
        return w

    assert minimize(cost, [1.0, 2.0], gradient, lr=0.25, steps=1).w == pytest.approx(np.array([0.5, 1.0]))


def test_a_schedule_is_asked_for_the_rate_of_each_step_from_zero():
    asked = []

    def falling(step):
        asked.append(step)
        return [0.1, np.float32(0.05), 0][step]

    # 0 + 0.1*10 = 1, and 1 + 0.05*8 = 1.4, and a rate of 0 stays.
    assert minimize(course_cost, 0.0, course_gradient, lr=falling, steps=3).w == pytest.approx(1.4)
    assert asked == [0, 1, 2]


@pytest.mark.parametrize("with_gradient", [True, False])
def test_a_rate_too_large_ends_early_at_the_last_finite_cost(torch, with_gradient):
    found = minimize(course_cost, 0.0, course_gradient if with_gradient else None, lr=1.1, steps=5000)
    assert 100 < found.steps < 5000
    assert found.reason == f"step {found.steps + 1} at rate 1.1 led to a cost of inf; try a smaller lr"
    assert found.history.shape == (found.steps + 1,)
    assert np.isfinite(found.history).all()
    assert found.history[-1] == found.cost == course_cost(found.w)
    # w - 5 grows by -1.2 a step.
    assert found.w == pytest.approx(5 - 5 * (-1.2) ** found.steps, rel=1e-9)


def test_a_cost_that_raises_for_being_too_large_ends_early_too():
    found = minimize(lambda w: math.exp(w * w), 1.0, lambda w: 2 * w * math.exp(w * w), lr=1.0)
    assert "led to a cost of inf" in str(found.reason)
    assert found.cost == math.exp(found.w**2)


@pytest.mark.parametrize(
    ("cost", "gradient", "words"),
    [
        (lambda w: w**0.5, lambda w: 0.5 * w**-0.5, "the gradient before step 1 was not finite"),
        (lambda w: w, lambda w: math.exp(1000), "the gradient before step 1 was not finite"),
        (lambda w: 1 / (1 + w**2), lambda w: 1e308, "step 1 at rate 10 led to a w that is not finite; try a smaller lr"),
    ],
)
def test_a_step_to_nowhere_is_not_made(cost, gradient, words):
    found = minimize(cost, 0.0, gradient, lr=10)
    assert (found.w, found.steps, found.reason) == (0.0, 0, words)


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"w0": math.nan}, InputError, "w0 must be a finite number, .* got nan; give the point to start from"),
        ({"w0": [1.0, math.inf]}, InputError, r"w0 must be .* got \[1.0, inf\]"),
        ({"w0": "3"}, InputError, "w0 must be .* got '3'"),
        ({"w0": None}, InputError, "w0 must be .* got None"),
        ({"w0": []}, InputError, r"w0 must be .* got \[\]"),
        ({"w0": [[1], [2, 3]]}, InputError, "w0 must be a finite number, or a list or array of them"),
        ({"w0": 1j}, InputError, "w0 must be .* got 1j"),
        ({"steps": -1}, InputError, "steps must be a whole number >= 0, got -1; such as 1000"),
        ({"steps": 2.5}, InputError, "steps must be a whole number >= 0, got 2.5"),
        ({"steps": True}, InputError, "steps must be a whole number >= 0, got True"),
        ({"cost": 3}, InputError, "cost must be a function of w, got 3; such as"),
        ({"gradient": [1, 2]}, InputError, r"gradient must be a function of w, got \[1, 2\]"),
        ({"cost": lambda w: [w, w]}, InputError, "cost must return one number, got .*; sum or average it"),
        ({"w0": [1.0, 2.0], "cost": lambda w: w**2}, InputError, r"got ndarray of shape \(2,\); sum or average it"),
        ({"cost": lambda w: None}, InputError, "cost must return one number, got None"),
        ({"cost": lambda w: 1j * w}, InputError, "cost must return one number"),
        ({"cost": lambda w: math.nan}, InputError, "cost must be finite at w0, got nan; start elsewhere"),
        ({"gradient": lambda w: [w]}, InputError, r"in the shape of w, \(\), got .*; give dJ/dw for each of them"),
        ({"w0": [1.0, 2.0], "cost": sum, "gradient": lambda w: 1.0}, InputError, r"in the shape of w, \(2,\), got 1.0"),
        ({"w0": [1.0, 2.0], "cost": sum, "gradient": lambda w: np.ones((2, 1))}, InputError, r"got ndarray of shape \(2, 1\)"),
        ({"gradient": lambda w: "down"}, InputError, "gradient must return real numbers .* got 'down'"),
        ({"lr": 0}, SpaceError, "lr must be a number > 0, or a function of the step that gives one, got 0; such as 0.01"),
        ({"lr": -0.1}, SpaceError, "lr must be .* got -0.1"),
        ({"lr": math.inf}, SpaceError, "lr must be .* got inf"),
        ({"lr": "fast"}, SpaceError, "lr must be .* got 'fast'"),
        (
            {"lr": lambda step: math.nan if step == 1 else 0.1},
            SpaceError,
            r"lr\(1\) must be a finite number >= 0, got nan; mend the",
        ),
        ({"optimizer": "sgd"}, SpaceError, "optimizer must be one of gd, momentum, .* got 'sgd'; did you mean gd"),
        ({"optimizer": 3}, SpaceError, "optimizer must be one of gd, momentum, .* got 3; there are"),
        ({"momentun": 0.9}, SpaceError, r"minimize takes no hyperparameter momentun; did you mean momentum\?"),
        ({"learning_rate": 0.1}, SpaceError, "minimize takes no hyperparameter learning_rate; there are: lr, steps, momentum"),
        ({"beta1": 0.9}, SpaceError, r"beta1 must go with an optimizer that has it \(adam, adamw\), got gd; leave it out or choose one"),
        ({"optimizer": "adam", "decay": 0.1}, SpaceError, r"decay must go with an optimizer that has it \(adamw\), got adam"),
        ({"optimizer": "adamw", "decay": -1}, SpaceError, "decay must be >= 0, got -1; 0 switches it off"),
        ({"optimizer": "momentum", "momentum": 1}, SpaceError, r"momentum must be in \[0, 1\), got 1"),
        ({"optimizer": "adam", "beta2": "high"}, SpaceError, "beta2 must be a finite number, got 'high'"),
        ({"optimizer": "adam", "eps": math.inf}, SpaceError, "eps must be a finite number, got inf"),
        ({"optimizer": "adam", "bias_correction": "yes"}, SpaceError, "bias_correction must be True or False, got 'yes'"),
    ],
)
def test_nonsense_is_refused(changes, error, words):
    with pytest.raises(error, match=words):
        minimize(**{"cost": course_cost, "w0": 0.0, "gradient": course_gradient, **changes})


@pytest.mark.parametrize(
    ("cost", "words"),
    [
        (lambda w: np.exp(w).sum(), r"able to take w as a PyTorch tensor, of shape \(2,\), and it raised RuntimeError"),
        (lambda w: w.astype(float).sum(), "it raised AttributeError"),
        (lambda w: math.exp(w[0].item()), "must return a real PyTorch tensor computed from the tensor w, got 2.7"),
        (lambda w: w.detach().sum(), "must return a real PyTorch tensor computed from the tensor w"),
    ],
)
def test_a_cost_that_pytorch_cannot_differentiate_is_refused_with_two_ways_out(torch, cost, words):
    with pytest.raises(InputError, match=words) as caught:
        minimize(cost, [1.0, 2.0])
    assert "operations of PyTorch (torch.exp, not np.exp or math.exp), or give gradient=..." in str(caught.value)


def test_a_cost_that_pytorch_computes_from_something_else_is_refused(torch):
    other = torch.ones(2, requires_grad=True)
    with pytest.raises(InputError, match="cost must be computed from the tensor w, and PyTorch finds no path to it; write cost in"):
        minimize(lambda w: other.sum(), [1.0, 2.0])
    with pytest.raises(InputError, match=r"cost must return one number, got Tensor of shape \(2,\); sum or average it"):
        minimize(lambda w: w**2, [1.0, 2.0])


def test_a_derivative_that_pytorch_lacks_is_refused_with_its_words(torch):
    class Stubborn(torch.autograd.Function):
        @staticmethod
        def forward(ctx, w):
            return w.sum()

        @staticmethod
        def backward(ctx, g):
            raise RuntimeError("no derivative here")

    with pytest.raises(InputError, match=r"able to differentiate cost, and says: no derivative here; .*give gradient="):
        minimize(Stubborn.apply, [1.0, 2.0])


def test_without_pytorch_and_without_a_gradient_it_says_how_to_get_either(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtra, match=r'minimize needs PyTorch, .* give gradient=\.\.\., or pip install "osetra\[torch\]"'):
        minimize(course_cost, 0.0)
    assert minimize(course_cost, 0.0, course_gradient, steps=1).w == pytest.approx(0.1)


def test_pytorch_is_imported_only_to_differentiate():
    code = "import sys, osetra; osetra.minimize(lambda w: w * w, 1.0, lambda w: 2 * w, steps=2); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
