"""`osetra.check_gradients`: a gradient check of anybody's cost function, in NumPy or PyTorch.

What is compared, and how kinks are dealt with, is said in `differences`. PyTorch is never imported here: who hands over a tensor has.

Knows nothing of: engines, networks.
"""

import math
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from osetra.core.errors import InputError
from osetra.core.seeding import Seed
from osetra.training.differences import GradientCheck, Slopes, compare

REPEATS = 1e-12
"""How much two costs at the same theta may differ, relative to them: sums on several cores come in another order."""


def check_gradients(
    cost: Callable[..., Any],
    gradient: Callable[..., Any] | None,
    theta: Any,
    *,
    data: Any = None,
    names: Sequence[str] | None = None,
    epsilon: float = 1e-5,
    max_per_parameter: int | None = None,
    seed: int = 0,
) -> GradientCheck:
    """Hold the gradient of your own cost function against two-sided differences, in float64.

    cost: called as cost(theta), or cost(theta, data) where data is given; returns one number, the same one for the same theta, penalty
    included and dropout off. gradient: called alike; returns what theta is made of, in the same shapes (in a mapping dW1 will do for
    W1). None: PyTorch differentiates the cost, and what is checked is its gradient through your own operations.

    theta, which is left as it is: one array of any shape, a mapping name -> array such as {"W1": ..., "b1": ...}, or a list of arrays;
    of NumPy arrays (of which the functions get copies, in float64) or of PyTorch tensors (leaves in float64, changed in place, so that
    the cost may hold them already); or a torch.nn.Module in float64, of which every parameter is checked. names: of one array or a list.

    epsilon: the step h = epsilon max(1, |theta_i|). max_per_parameter: compare so many entries of each array, drawn by `seed`, instead
    of all; each takes two costs. Entries at which the cost has a kink within h, as with relu, are left out and counted.

    The check has a verdict (good < 1e-7, suspect > 1e-5, wrong > 1e-3), the difference overall and of each parameter, the worst parameter
    and in it the entry furthest off; printed, it is a report. Raises InputError where one of this is not so or a number is not finite;
    what the functions themselves raise comes through as it is.
    """
    if not callable(cost):
        raise InputError(f"cost must be a function of theta, got {type(cost).__name__}; give the function, not its value")
    if gradient is not None and not callable(gradient):
        raise InputError(f"gradient must be a function of theta, or None for PyTorch's own, got {type(gradient).__name__}")
    if isinstance(epsilon, bool) or not isinstance(epsilon, int | float) or not (math.isfinite(epsilon) and epsilon > 0):
        raise InputError(f"epsilon must be a finite number > 0, got {epsilon!r}; 1e-5 suits float64")
    _require_whole("max_per_parameter", max_per_parameter, least=1, remedy="leave it out to check every entry")
    _require_whole("seed", seed, least=0, remedy="the same seed draws the same entries")
    given = (data,) if data is not None else ()
    asked = _parameters(theta, names, lambda point: cost(point, *given))
    at_theta = asked.cost()
    again = asked.cost()
    if abs(at_theta - again) > REPEATS * max(abs(at_theta), abs(again)):
        raise InputError(
            f"cost must be the same each time at the same theta, got {at_theta!r}, then {again!r}; switch dropout off "
            "(module.eval()), or draw the same random numbers in every call"
        )
    claimed = asked.derivatives() if gradient is None else asked.read_gradient(gradient(asked.point(), *given))
    slopes = [
        Slopes(name=name, shape=values.shape, values=values.reshape(-1), gradient=claimed[name].reshape(-1))
        for name, values in asked.values.items()
    ]
    return compare(
        slopes, cost=at_theta, cost_at=asked.cost_at, epsilon=float(epsilon), max_per_parameter=max_per_parameter,
        draw=Seed(study=int(seed)).generator("gradient check"),
    )  # fmt: skip


class _Parameters(ABC):
    """Named arrays, the shape in which the person's functions take them, and the cost at them."""

    def __init__(self, arrays: Mapping[str, Any], assemble: Callable[[Mapping[str, Any]], Any], cost: Callable[[Any], Any]) -> None:
        self.arrays, self._assemble, self._cost = arrays, assemble, cost
        self.values = {name: _theta_values(name, array) for name, array in arrays.items()}

    @abstractmethod
    def point(self) -> Any:
        """Theta as the functions take it."""

    @abstractmethod
    def cost_at(self, name: str, entry: int, value: float) -> float:
        """As `differences.CostAt`."""

    @abstractmethod
    def derivatives(self) -> dict[str, np.ndarray]:
        """PyTorch's gradient."""

    def cost(self) -> float:
        """Here."""
        return _number(self._cost(self.point()))

    def read_gradient(self, got: Any) -> dict[str, np.ndarray]:
        """What the person's gradient returned, by name, float64 in the parameters' shapes."""
        if isinstance(got, Mapping):
            found = {name: got[name] if name in got else got.get(f"d{name}") for name in self.arrays}
            missing = [name for name, part in found.items() if part is None]
            if missing:
                raise InputError(
                    f"gradient must give one array for each parameter, {missing[0]} is missing among {', '.join(map(str, got))}; "
                    f"return {missing[0]!r} or {'d' + missing[0]!r}"
                )
        elif len(self.arrays) == 1 and not isinstance(got, list | tuple):
            found = dict.fromkeys(self.arrays, got)
        elif isinstance(got, list | tuple) and len(got) == len(self.arrays):
            found = dict(zip(self.arrays, got, strict=True))
        else:
            raise InputError(
                f"gradient must give one array for each of {', '.join(self.arrays)}, got {_kind(got)}; return what theta is made of"
            )
        return {name: _gradient_values(name, part, self.values[name].shape) for name, part in found.items()}


class _Arrays(_Parameters):
    """NumPy arrays, of which the functions get copies."""

    def point(self) -> Any:
        return self._assemble({name: values.copy() for name, values in self.values.items()})

    def cost_at(self, name: str, entry: int, value: float) -> float:
        moved = {each: values.copy() for each, values in self.values.items()}
        moved[name].reshape(-1)[entry] = value
        return _number(self._cost(self._assemble(moved)))

    def derivatives(self) -> dict[str, np.ndarray]:
        raise InputError("gradient=None needs theta as PyTorch tensors, got NumPy arrays; give your gradient's function, or tensors")


class _Tensors(_Parameters):
    """PyTorch leaves, changed in place and put back, for the cost may be that of a module that holds them."""

    def point(self) -> Any:
        return self._assemble(self.arrays)

    def cost_at(self, name: str, entry: int, value: float) -> float:
        place = np.unravel_index(entry, self.values[name].shape)
        tensor = self.arrays[name].detach()
        tensor[place] = value
        try:
            return self.cost()
        finally:
            tensor[place] = float(self.values[name].reshape(-1)[entry])

    def derivatives(self) -> dict[str, np.ndarray]:
        torch: Any = sys.modules["torch"]
        tensors = list(self.arrays.values())
        required = [tensor.requires_grad for tensor in tensors]
        try:
            for tensor in tensors:
                tensor.requires_grad_(True)
            cost = self._cost(self.point())
            if not _is_tensor(cost) or not cost.requires_grad:
                raise InputError(
                    "with gradient=None the cost must be a tensor that PyTorch computed from theta, got one that depends on none of it; "
                    "leave out detach(), item(), numpy() and no_grad()"
                )
            found = torch.autograd.grad(cost.sum(), tensors, allow_unused=True)
        finally:
            for tensor, was in zip(tensors, required, strict=True):
                tensor.requires_grad_(was)
        return {
            # To PyTorch, a parameter that the cost does not reach has no gradient: a claim of 0, which is checked like any other.
            name: np.zeros(values.shape) if part is None else _gradient_values(name, part, values.shape)
            for (name, values), part in zip(self.values.items(), found, strict=True)
        }


def _parameters(theta: Any, names: Sequence[str] | None, cost: Callable[[Any], Any]) -> _Parameters:
    """Theta's arrays by name, and how to put them together again."""
    if hasattr(theta, "named_parameters") and not isinstance(theta, type):
        _refuse_names(names, "a module has its own")
        arrays, assemble = dict(theta.named_parameters()), lambda _: theta
    elif isinstance(theta, Mapping):
        _refuse_names(names, "a mapping has its own")
        arrays, assemble = {str(name): array for name, array in theta.items()}, _as_mapping(list(theta))
    elif isinstance(theta, list | tuple) and any(isinstance(part, np.ndarray) or _is_tensor(part) for part in theta):
        named = _names(names, [f"theta{place}" for place in range(1, len(theta) + 1)])
        kind = list if isinstance(theta, list) else tuple
        arrays, assemble = dict(zip(named, theta, strict=True)), lambda parts: kind(parts.values())
    else:
        named = _names(names, ["theta"])
        arrays, assemble = {named[0]: theta}, lambda parts: next(iter(parts.values()))
    if not arrays:
        raise InputError("theta must hold at least one array, got none; give the parameters to check")
    tensors = [name for name, array in arrays.items() if _is_tensor(array)]
    if tensors and len(tensors) < len(arrays):
        other = next(name for name in arrays if name not in tensors)
        raise InputError(f"theta must be all tensors or all NumPy arrays, got {tensors[0]} as a tensor and {other} not; make them alike")
    return (_Tensors if tensors else _Arrays)(arrays, assemble, cost)


def _as_mapping(keys: list[Any]) -> Callable[[Mapping[str, Any]], dict[Any, Any]]:
    return lambda parts: {key: parts[str(key)] for key in keys}


def _names(names: Sequence[str] | None, default: list[str]) -> list[str]:
    if names is None:
        return default
    named = [names] if isinstance(names, str) else [str(name) for name in names]
    if len(named) != len(default) or len(set(named)) != len(named):
        raise InputError(f"names must name each array of theta once, {len(default)} in all, got {', '.join(named) or 'none'}; change them")
    return named


def _refuse_names(names: Sequence[str] | None, why: str) -> None:
    if names is not None:
        raise InputError(f"names are for one array or a list of arrays, got {names!r} though {why}; leave names out")


def _theta_values(name: str, array: Any) -> np.ndarray:
    """A parameter's own numbers, float64; NumPy's are converted, a tensor in another type is refused."""
    if _is_tensor(array):
        if str(array.dtype) != "torch.float64":
            raise InputError(
                f"{name} must be a float64 tensor, got {str(array.dtype).removeprefix('torch.')}, in which differences drown in rounding; "
                "call double() on the module or the tensors, and on the data"
            )
        if not array.is_leaf:
            raise InputError(f"{name} must be a leaf tensor, got the result of an operation; give detach().clone() of it")
        values = array.detach().cpu().numpy().copy()
    else:
        try:
            values = np.asarray(array)
        except ValueError:
            values = np.array(None)
        if values.dtype.kind not in "fiu":
            raise InputError(f"{name} must be an array of real numbers, got {_kind(array)}; give floats, by name where there are several")
        values = values.astype(np.float64)
    if not values.size:
        raise InputError(f"{name} must have at least one entry, got shape {values.shape}; leave it out of theta")
    _require_finite(name, values)
    return values


def _gradient_values(name: str, got: Any, shape: tuple[int, ...]) -> np.ndarray:
    values = _numbers(got)
    if values is None:
        raise InputError(f"the gradient of {name} must be an array of real numbers, got {_kind(got)}; return one of shape {shape}")
    if values.shape != shape:
        raise InputError(f"the gradient of {name} must have its shape {shape}, got {values.shape}; sum or reshape it to that")
    _require_float64(f"the gradient of {name}", values)
    _require_finite(f"the gradient of {name}", values)
    return values.astype(np.float64)


def _number(got: Any) -> float:
    """What the cost returned."""
    values = _numbers(got)
    if values is None or values.size != 1:
        raise InputError(f"cost must return one number, got {_kind(got)}; return the sum or the mean over the rows")
    _require_float64("the cost", values)
    number = float(values.reshape(()))
    if not math.isfinite(number):
        raise InputError(f"cost must be finite at theta and close to it, got {number}; check at other parameters, away from log(0) and 1/0")
    return number


def _numbers(got: Any) -> np.ndarray | None:
    """An array of what is a tensor, an array or a number; None for anything else."""
    if _is_tensor(got):
        got = got.detach().cpu()
        got = got.to_dense() if got.is_sparse else got
        # NumPy has no bfloat16.
        got = got.float().numpy() if str(got.dtype) == "torch.bfloat16" else got.numpy()
    try:
        values = np.asarray(got)
    except ValueError:
        return None
    return values if values.dtype.kind in "fiu" else None


def _require_float64(what: str, values: np.ndarray) -> None:
    if values.dtype.kind == "f" and values.dtype.itemsize < np.dtype(np.float64).itemsize:
        raise InputError(
            f"{what} must be computed in float64, got {values.dtype}, whose rounding is larger than what is looked for; "
            "convert the data and whatever else enters it (astype(np.float64), double())"
        )


def _require_finite(what: str, values: np.ndarray) -> None:
    if not np.isfinite(values).all():
        place = tuple(int(i) for i in np.argwhere(~np.isfinite(values))[0])
        raise InputError(f"{what} must be finite, got {values[place]} at index {list(place)}; check at parameters where it is")


def _require_whole(name: str, value: Any, *, least: int, remedy: str) -> None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least):
        raise InputError(f"{name} must be a whole number >= {least}, got {value!r}; {remedy}")


def _is_tensor(given: Any) -> bool:
    torch: Any = sys.modules.get("torch")
    return torch is not None and isinstance(given, torch.Tensor)


def _kind(given: Any) -> str:
    """A value in words: its type, and its shape where it has one."""
    shape = getattr(given, "shape", None)
    if shape is not None:
        return f"{type(given).__name__} of shape {tuple(shape)}"
    return repr(given) if given is None or isinstance(given, str | bool) else type(given).__name__
