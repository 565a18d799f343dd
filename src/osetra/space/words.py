"""Scales and values read from text, as typed after `--set learning_rate=`.

    log(1e-4, 1)   integer(1, 4)   choice(relu, tanh)   ordinal(1, 3, 10)      scales
    0.01   64   adam   true   'two words'                                     values, which fix a hyperparameter
    linear(0, 1) when optimizer=momentum                                      either of them, where others have certain values
    0.9 when optimizer in (momentum, nesterov) and schedule=cosine

Nothing is evaluated: text that is none of these is refused. What a scale or value prints reads back as itself.
Knows nothing of: names of hyperparameters, spaces.
"""

import re

from osetra.core.errors import SpaceError
from osetra.core.records import Value
from osetra.space.conditions import When
from osetra.space.scale import Scale
from osetra.space.scales import make_scale
from osetra.space.values import print_value, read_value

ACCEPTED = (
    "log(1e-4, 1), linear(0, 1), one_minus_log(0.9, 0.999), integer(1, 4), log_integer(1, 1000), powers_of_two(16, 512), "
    "ordinal(1, 3, 10), choice(relu, tanh), or a plain value such as 0.01, adam, true; "
    "behind any of them, when optimizer=momentum, when optimizer in (momentum, nesterov)"
)
_QUOTED = r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\""""
_CALL = re.compile(r"\s*(\w+)\s*\((.*)\)\s*", re.DOTALL)
_ARGUMENT = re.compile(rf"""\s*((?:{_QUOTED}|[^\s,'"()]+))\s*(,|$)""", re.DOTALL)
_CONDITIONAL = re.compile(rf"""((?:{_QUOTED}|[^'"])*?)\swhen\s+(.*)""", re.DOTALL)
_CONDITION = re.compile(
    rf"""\s*([^\s=()'",]+)\s*(?:=\s*({_QUOTED}|[^\s,'"()=]+)|\sin\s*\(((?:{_QUOTED}|[^'"()])*)\))\s*(\Z|\sand\s|(?<=\s)and\s)""",
    re.DOTALL,
)


def parse_scale(text: str) -> Scale | Value | When:
    """The scale or plain value that `text` stands for, with its conditions if there are any.

    Raises `SpaceError`, naming the accepted forms, for anything else.
    """
    conditional = _CONDITIONAL.fullmatch(text)
    try:
        if conditional is None:
            return _entry(text)
        return When(entry=_entry(conditional[1]), conditions=_conditions(conditional[2]))
    except SpaceError as error:
        raise SpaceError(f"{error} (accepted: {ACCEPTED})") from None


def print_scale(entry: Scale | Value | When) -> str:
    """The text that `parse_scale` turns back into this very entry."""
    return str(entry) if isinstance(entry, (Scale, When)) else print_value(entry)


def _entry(text: str) -> Scale | Value:
    form = _CALL.fullmatch(text)
    return make_scale(form[1], _arguments(form[2])) if form else read_value(text)


def _conditions(text: str) -> dict[str, tuple[Value, ...]]:
    conditions: dict[str, tuple[Value, ...]] = {}
    at = 0
    while at < len(text) or not conditions:
        found = _CONDITION.match(text, at)
        if found is None or (found[4] and found.end() == len(text)):
            raise SpaceError(
                f"conditions must read name=value or name in (value, value), with and between, got {text.strip()!r}; mend them"
            )
        name, value, listed = found[1], found[2], found[3]
        if name in conditions:
            raise SpaceError(f"a condition must name each hyperparameter once, got {name} twice; write {name} in (one, other)")
        conditions[name] = (read_value(value),) if value is not None else tuple(_arguments(listed))
        at = found.end()
    return conditions


def _arguments(text: str) -> list[Value]:
    values: list[Value] = []
    at = 0
    while text[at:].strip():
        found = _ARGUMENT.match(text, at)
        if found is None:
            raise SpaceError(f"arguments must be numbers or words with commas between, got {text.strip()!r}; put odd words in quotes")
        values.append(read_value(found[1]))
        at = found.end()
        if found[2] and not text[at:].strip():
            raise SpaceError(
                f"arguments must be numbers or words with commas between, got {text.strip()!r}; nothing follows the last comma"
            )
    return values
