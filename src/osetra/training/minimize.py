"""`osetra.minimize`: gradient descent, or any other of the optimisers, on any function of numbers.

    J(w) = w^2 - 10 w + 25, rate 0.01, from 0:    w = 0.1 after one step, 4.99999 after 1,000 more

Steps are made by the native engine's compiled update, in float64. Without a gradient, PyTorch differentiates the cost.
Knows nothing of: networks, tables, search.
"""

import reprlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np

from osetra.core.errors import InputError, MissingExtra, SpaceError
from osetra.engines.native.single_step import single_step
from osetra.engines.plain_update import import_torch
from osetra.engines.port import OPTIMIZERS, Hyperparameters
from osetra.space.values import did_you_mean, is_number, is_whole

TAKEN: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "gd": (),
        "momentum": ("momentum", "bias_correction"),
        "momentum_sum": ("momentum",),
        "nesterov": ("momentum",),
        "rmsprop": ("beta2", "eps"),
        "adam": ("beta1", "beta2", "eps", "bias_correction"),
        "adamw": ("beta1", "beta2", "eps", "bias_correction", "decay"),
    }
)
"""Optimiser -> the hyperparameters it takes besides the rate."""
assert tuple(TAKEN) == OPTIMIZERS

Function: TypeAlias = Callable[[np.ndarray], tuple[float, Callable[[], np.ndarray]]]
"""w [size] -> the cost there, and a call for the gradient there [size]."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Minimum:
    """Where a descent ended."""

    w: float | np.ndarray
    """A float if it began at one, else float64 in the shape it began with. If it ended early, the last w whose cost was finite."""
    cost: float
    """At `w`."""
    history: np.ndarray
    """Cost before each step and at the end, float64 [steps + 1]; all finite, the last is `cost`."""
    steps: int
    """Steps from w0 to `w`."""
    reason: str | None
    """Why it ended early; None if it made all the steps asked for."""


def minimize(
    cost: Callable[..., Any],
    w0: Any,
    gradient: Callable[..., Any] | None = None,
    data: Any = None,
    optimizer: str = "gd",
    lr: float | Callable[[int], float] = 0.01,
    steps: int = 1000,
    **hyperparameters: float,
) -> Minimum:
    """Make `steps` steps down `cost` from `w0`.

    cost: w -> one number; with `data` left None it is called as cost(w), else as cost(w, data), and so is the gradient.
    w0: where to start: a number, or a list or array of any shape. The functions get w in that shape, as float64.
    gradient: w -> the derivative of the cost, in the shape of w. Left out, PyTorch differentiates: then cost gets w as a float64 tensor
    and must use operations of PyTorch. NumPy arrays in `data` (itself, or within lists, tuples and dicts) come as tensors too, floats as
    float64, whole numbers as int64.
    optimizer: gd, momentum, momentum_sum, nesterov, rmsprop, adam or adamw, the same ones that train networks.
    lr: the learning rate, or a function of the step, counted from 0, that gives the rate.
    hyperparameters, each where the optimizer has it: momentum, beta1, beta2, eps and bias_correction, by default 0.9, 0.9, 0.999, 1e-8
    and True; decay of adamw, which takes lr * decay * w off w at every step, by default 0.

    A descent ends early where w, its cost or its gradient is no longer finite; `Minimum` says so and holds the last w that was good.

    Raises InputError for a w0, a number of steps or a function that cannot be used, SpaceError (which is one) for an optimizer, rate or
    hyperparameter that makes no sense, MissingExtra where PyTorch would have to differentiate and is not installed.
    """
    start = _real_array(w0)
    if start is None or start.size == 0 or not np.isfinite(start).all():
        raise InputError(f"w0 must be a finite number, or a list or array of them, got {reprlib.repr(w0)}; give the point to start from")
    count = _unpacked(steps)
    if not (is_whole(count) and count >= 0):
        raise InputError(f"steps must be a whole number >= 0, got {reprlib.repr(steps)}; such as 1000")
    for name, function in (("cost", cost), ("gradient", gradient)):
        if not callable(function) and (name == "cost" or function is not None):
            raise InputError(f"{name} must be a function of w, got {reprlib.repr(function)}; such as lambda w: w**2")
    h, decay = _hyperparameters(optimizer, hyperparameters)
    rate_of = _rates(lr)
    inputs = () if data is None else (data,)
    is_scalar = start.ndim == 0 and not isinstance(w0, np.ndarray)
    function = _differentiated(cost, inputs, start.shape) if gradient is None else _given(cost, gradient, inputs, start.shape, is_scalar)

    w = start.reshape(-1)
    m, s = np.zeros_like(w), np.zeros_like(w)
    value, slope = function(w)
    if not np.isfinite(value):
        raise InputError(f"cost must be finite at w0, got {value}; start elsewhere")
    history = [value]
    reason = None
    for step in range(1, count + 1):
        g = slope()
        if not np.isfinite(g).all():
            reason = f"the gradient before step {step} was not finite"
            break
        rate = rate_of(step - 1)
        moved = w.copy()
        single_step(
            OPTIMIZERS.index(h.optimizer), moved, g, m, s, rate, decay, float(h.momentum), float(h.beta1), float(h.beta2), float(h.eps),
            h.bias_correction, step,
        )  # fmt: skip
        if not np.isfinite(moved).all():
            reason = f"step {step} at rate {rate:g} led to a w that is not finite; try a smaller lr"
            break
        value, slope = function(moved)
        if not np.isfinite(value):
            reason = f"step {step} at rate {rate:g} led to a cost of {value}; try a smaller lr"
            break
        w = moved
        history.append(value)
    return Minimum(
        w=float(w[0]) if is_scalar else w.reshape(start.shape),
        cost=history[-1],
        history=np.array(history),
        steps=len(history) - 1,
        reason=reason,
    )


def _given(
    cost: Callable[..., Any], gradient: Callable[..., Any], inputs: tuple[Any, ...], shape: tuple[int, ...], is_scalar: bool
) -> Function:
    """The cost and the gradient as they were given, in NumPy."""

    def call(function: Callable[..., Any], w: np.ndarray, too_large: float | np.ndarray) -> Any:
        # A NumPy float, not Python's, whose powers raise where they should overflow; math.exp raises even so. That it overflows is for
        # `Minimum.reason` to say.
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            try:
                return function(w[0] if is_scalar else w.reshape(shape).copy(), *inputs)
            except OverflowError:
                return too_large

    def at(w: np.ndarray) -> tuple[float, Callable[[], np.ndarray]]:
        got = call(cost, w, np.inf)
        value = _real_array(got)
        if value is None or value.size != 1:
            raise InputError(f"cost must return one number, got {_what(got)}; sum or average it")
        return value.item(), lambda: slope(w)

    def slope(w: np.ndarray) -> np.ndarray:
        got = call(gradient, w, np.full(shape, np.inf))
        g = _real_array(got)
        if g is None or g.shape != shape:
            raise InputError(f"gradient must return real numbers in the shape of w, {shape}, got {_what(got)}; give dJ/dw for each of them")
        return g.reshape(-1)

    return at


def _differentiated(cost: Callable[..., Any], inputs: tuple[Any, ...], shape: tuple[int, ...]) -> Function:
    """The cost with the gradient that PyTorch finds."""
    try:
        torch = import_torch()
    except MissingExtra as error:
        raise MissingExtra(
            'without a gradient, minimize needs PyTorch, which is not installed; give gradient=..., or pip install "osetra[torch]"'
        ) from error
    remedy = "write cost in operations of PyTorch (torch.exp, not np.exp or math.exp), or give gradient=..."
    tensors = _as_tensors(inputs, torch)

    def at(w: np.ndarray) -> tuple[float, Callable[[], np.ndarray]]:
        w = torch.from_numpy(w.reshape(shape).copy()).requires_grad_()
        try:
            with torch.enable_grad():
                value = cost(w, *tensors)
        except (TypeError, ValueError, AttributeError, RuntimeError) as error:
            raise InputError(
                f"without a gradient, cost must be able to take w as a PyTorch tensor, of shape {shape}, "
                f"and it raised {type(error).__name__}: {error}; {remedy}"
            ) from error
        if isinstance(value, torch.Tensor) and value.numel() != 1:
            raise InputError(f"cost must return one number, got {_what(value)}; sum or average it")
        if not (isinstance(value, torch.Tensor) and value.requires_grad and value.is_floating_point()):
            raise InputError(
                f"without a gradient, cost must return a real PyTorch tensor computed from the tensor w, got {_what(value)}; {remedy}"
            )
        return value.item(), lambda: slope(value, w)

    def slope(value: Any, w: Any) -> np.ndarray:
        try:
            (g,) = torch.autograd.grad(value, w, allow_unused=True)
        except RuntimeError as error:
            raise InputError(f"without a gradient, PyTorch must be able to differentiate cost, and says: {error}; {remedy}") from error
        if g is None:
            raise InputError(f"without a gradient, cost must be computed from the tensor w, and PyTorch finds no path to it; {remedy}")
        return np.array(g.numpy(), order="C").reshape(-1)

    return at


def _as_tensors(data: Any, torch: Any) -> Any:
    """The same with NumPy arrays as tensors: PyTorch cannot multiply its own by NumPy's. Floats become float64, as w is."""
    if isinstance(data, np.ndarray) and data.dtype.kind in "biuf":
        kind = {"b": np.bool_, "i": np.int64, "u": np.int64, "f": np.float64}[data.dtype.kind]
        return torch.from_numpy(np.array(data, dtype=kind, order="C"))
    if type(data) is list:
        return [_as_tensors(part, torch) for part in data]
    if type(data) is tuple:
        return tuple(_as_tensors(part, torch) for part in data)
    if type(data) is dict:
        return {name: _as_tensors(part, torch) for name, part in data.items()}
    return _unpacked(data)


def _hyperparameters(optimizer: str, given: Mapping[str, Any]) -> tuple[Hyperparameters, float]:
    """Checked, and filled up with defaults; and the decay, which networks do not have under this name."""
    if not isinstance(optimizer, str) or optimizer not in OPTIMIZERS:
        raise SpaceError(
            f"optimizer must be one of {', '.join(OPTIMIZERS)}, got {reprlib.repr(optimizer)}; {did_you_mean(str(optimizer), OPTIMIZERS)}"
        )
    known = dict.fromkeys(name for names in TAKEN.values() for name in names)
    values = {}
    for name, value in given.items():
        if name not in known:
            raise SpaceError(f"minimize takes no hyperparameter {name}; {did_you_mean(name, ('lr', 'steps', *known))}")
        if name not in TAKEN[optimizer]:
            those = ", ".join(other for other, names in TAKEN.items() if name in names)
            raise SpaceError(f"{name} must go with an optimizer that has it ({those}), got {optimizer}; leave it out or choose one")
        values[name] = _unpacked(value)
        if name == "bias_correction":
            if not isinstance(values[name], bool):
                raise SpaceError(f"bias_correction must be True or False, got {reprlib.repr(value)}; choose one")
        elif not is_number(values[name]):
            raise SpaceError(f"{name} must be a finite number, got {reprlib.repr(value)}; leave it at its default")
    decay = float(values.pop("decay", 0.0))
    if decay < 0:
        raise SpaceError(f"decay must be >= 0, got {decay:g}; 0 switches it off")
    return Hyperparameters(optimizer=optimizer, **values), decay


def _rates(lr: float | Callable[[int], float]) -> Callable[[int], float]:
    """A function of the step, from 0, whose rates are checked as they come."""
    if callable(lr):

        def scheduled(step: int) -> float:
            rate = _unpacked(lr(step))
            if not (is_number(rate) and rate >= 0):
                raise SpaceError(f"lr({step}) must be a finite number >= 0, got {reprlib.repr(rate)}; mend the schedule")
            return float(rate)

        return scheduled
    rate = _unpacked(lr)
    if not (is_number(rate) and rate > 0):
        raise SpaceError(f"lr must be a number > 0, or a function of the step that gives one, got {reprlib.repr(lr)}; such as 0.01")
    return lambda _: float(rate)


def _real_array(value: Any) -> np.ndarray | None:
    """A copy as float64, C-contiguous; None for what is not real numbers."""
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, RuntimeError):
        return None
    return np.array(array, dtype=np.float64, order="C") if array.dtype.kind in "iuf" else None


def _unpacked(value: Any) -> Any:
    """A NumPy scalar as Python's, anything else as it is."""
    return value.item() if isinstance(value, np.generic) else value


def _what(value: Any) -> str:
    """What came, in few words."""
    shape = getattr(value, "shape", ())
    return f"{type(value).__name__} of shape {tuple(shape)}" if shape else reprlib.repr(value)
