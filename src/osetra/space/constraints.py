"""Constraints: conditions that several hyperparameters must satisfy together, written as expressions.

    hidden_units * num_layers <= 512
    optimizer != 'gd' or learning_rate >= 0.01
    activation in ('relu', 'tanh')

Names, numbers, quoted text, true and false; + - * / // % **; == != < <= > >=, in, not in; and, or, not; brackets. The text is parsed and
checked against that list, and never run as Python; a name that Python would not take for one (`lambda`, `x y`) cannot be spoken of.
A constraint that names a hyperparameter which does not exist under the conditions of a configuration counts as satisfied.
Knows nothing of: scales, sampling.
"""

import ast
import math
import operator
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from osetra.core.errors import SpaceError
from osetra.core.records import Configuration, Value
from osetra.space.values import as_value, did_you_mean, is_number, print_value, same

LONGEST = 1_000
"""Characters of one constraint."""

_Evaluate: TypeAlias = Callable[[Configuration], Any]


class _UnfitError(Exception):
    """What is written cannot be worked out for these values; says why. Never leaves this module."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraint:
    """One expression that is true or false of a configuration. Equal when their texts are."""

    text: str
    names: frozenset[str] = field(init=False, compare=False)
    """The hyperparameters it speaks of."""
    _evaluate: _Evaluate = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Raises `SpaceError` for anything but the forms above."""
        if not isinstance(self.text, str) or not self.text.strip():
            raise SpaceError(f"a constraint must be a text, got {self.text!r}; such as 'hidden_units * num_layers <= 512'")
        object.__setattr__(self, "text", self.text.strip())
        if len(self.text) > LONGEST:
            raise SpaceError(f"a constraint must be at most {LONGEST} characters long, got {len(self.text)}; split it into several")
        reader = _Reader(self.text)
        object.__setattr__(self, "_evaluate", reader.read())
        object.__setattr__(self, "names", frozenset(reader.names))

    def check_names(self, known: Iterable[str]) -> None:
        """Raises `SpaceError` for a name that is not among the known ones."""
        known = sorted(known)
        for name in sorted(self.names):
            if name not in known:
                raise SpaceError(
                    f"a constraint must speak of hyperparameters of its space, got {name} in {self.text!r}; "
                    f"{did_you_mean(name, known)} (a word that is a value is written in quotes: '{name}')"
                )

    def satisfied(self, configuration: Configuration) -> bool:
        """Whether it holds, or speaks of a name that the configuration lacks. Raises `SpaceError` where the values do not fit it."""
        if any(name not in configuration for name in self.names):
            return True
        try:
            return _truth(self._evaluate(configuration))
        except _UnfitError as unfit:
            raise SpaceError(f"the constraint {self.text!r} needs {unfit}, got {self.values(configuration)}; write it anew") from None

    def values(self, configuration: Configuration) -> str:
        """For messages: the values that it speaks of."""
        return ", ".join(f"{name} {print_value(configuration[name])}" for name in sorted(self.names))

    def __reduce__(self) -> tuple[Any, ...]:
        return _read, (self.text,)


def _read(text: str) -> Constraint:
    return Constraint(text=text)


class _Reader:
    """Turns one expression into a function of a configuration."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.names: set[str] = set()

    def read(self) -> _Evaluate:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tree = ast.parse(self.text, mode="eval").body
        except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
            why = error.msg if isinstance(error, SyntaxError) else "it is nested too deeply or holds odd characters"
            raise SpaceError(f"a constraint must be an expression, got {self.text!r} ({why}); such as 'num_layers <= 4'") from None
        read = self._node(tree)
        if not isinstance(tree, (ast.Compare, ast.BoolOp, ast.UnaryOp, ast.Name)) or not self.names:
            raise self._refused("it must compare a hyperparameter with something")
        return read

    def _node(self, node: ast.expr) -> _Evaluate:
        match node:
            case ast.Constant(value=bool() | int() | float() | str() as value):
                return self._literal(value)
            case ast.Name(id=("true" | "false") as word):
                return self._literal(word == "true")
            case ast.Name(id=name):
                self.names.add(name)
                return lambda configuration: configuration[name]
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                inner = self._node(operand)
                return lambda configuration: not _truth(inner(configuration))
            case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=operand):
                return self._signed(-1 if isinstance(sign, ast.USub) else 1, self._node(operand))
            case ast.BinOp(left=left, op=operation, right=right) if type(operation) in _ARITHMETIC:
                return _arithmetic(_ARITHMETIC[type(operation)], self._node(left), self._node(right))
            case ast.BoolOp(op=operation, values=operands):
                every = isinstance(operation, ast.And)
                return _joined(every, [self._node(operand) for operand in operands])
            case ast.Compare(left=left, ops=operations, comparators=others):
                return self._comparison(left, operations, others)
            case ast.Tuple() | ast.List() | ast.Set():
                raise self._refused("a list of values stands only behind in")
            case ast.Call():
                raise self._refused("it must not call anything")
            case _:
                raise self._refused(f"{type(node).__name__} has no place in it")

    def _literal(self, value: Value) -> _Evaluate:
        try:
            kept = as_value(value)
        except SpaceError as error:
            raise self._refused(str(error)) from None
        return lambda _: kept

    def _signed(self, sign: int, inner: _Evaluate) -> _Evaluate:
        return lambda configuration: sign * _number(inner(configuration))

    def _comparison(self, left: ast.expr, operations: list[ast.cmpop], others: list[ast.expr]) -> _Evaluate:
        sides = [self._node(left)]
        tests: list[Callable[[Any, Any], bool]] = []
        for operation, other in zip(operations, others, strict=True):
            if isinstance(operation, (ast.In, ast.NotIn)):
                if len(operations) > 1 or not isinstance(other, (ast.Tuple, ast.List, ast.Set)):
                    raise self._refused("in needs a list of values, such as activation in ('relu', 'tanh')")
                return _membership(isinstance(operation, ast.In), sides[0], [self._node(item) for item in other.elts])
            if type(operation) not in _COMPARISONS:
                raise self._refused("is has no place in it; write ==")
            tests.append(_COMPARISONS[type(operation)])
            sides.append(self._node(other))

        def compare(configuration: Configuration) -> bool:
            values = [side(configuration) for side in sides]
            return all(test(one, other) for test, one, other in zip(tests, values[:-1], values[1:], strict=True))

        return compare

    def _refused(self, why: str) -> SpaceError:
        return SpaceError(f"a constraint must be made of names, values, arithmetic and comparisons, got {self.text!r}: {why}")


def _joined(every: bool, operands: list[_Evaluate]) -> _Evaluate:
    join = all if every else any
    return lambda configuration: join(_truth(operand(configuration)) for operand in operands)


def _membership(wanted: bool, left: _Evaluate, items: list[_Evaluate]) -> _Evaluate:
    def member(configuration: Configuration) -> bool:
        value = left(configuration)
        return any(same(value, item(configuration)) for item in items) == wanted

    return member


def _arithmetic(operation: Callable[[Any, Any], Any], left: _Evaluate, right: _Evaluate) -> _Evaluate:
    def work_out(configuration: Configuration) -> Any:
        one, other = _number(left(configuration)), _number(right(configuration))
        try:
            result = operation(one, other)
        except ZeroDivisionError:
            raise _UnfitError("a divisor other than 0") from None
        except (OverflowError, ValueError):
            result = math.nan
        if not is_number(result):
            raise _UnfitError("a finite real number throughout")
        return result

    return work_out


def _power(base: float, exponent: float) -> float:
    # Through floats, for whole numbers could grow without end.
    return math.pow(base, exponent)


def _ordered(test: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    return lambda one, other: test(_number(one), _number(other))


def _number(value: Any) -> float:
    if not is_number(value):
        raise _UnfitError("numbers where it calculates or compares sizes")
    return value


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _UnfitError("something that is true or false")
    return value


_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: _power,
}
_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: same,
    ast.NotEq: lambda one, other: not same(one, other),
    ast.Lt: _ordered(operator.lt),
    ast.LtE: _ordered(operator.le),
    ast.Gt: _ordered(operator.gt),
    ast.GtE: _ordered(operator.ge),
}
