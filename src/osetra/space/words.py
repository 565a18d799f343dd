"""Scales and values read from text, as typed after `--set learning_rate=`.

    log(1e-4, 1)   integer(1, 4)   choice(relu, tanh)   ordinal(1, 3, 10)      scales
    0.01   64   adam   true   'two words'                                     values, which fix a hyperparameter

Nothing is evaluated: text that is neither is refused. What a scale or value prints reads back as itself.
Knows nothing of: names of hyperparameters, spaces.
"""

import re

from osetra.core.errors import SpaceError
from osetra.core.records import Value
from osetra.space.scale import Scale
from osetra.space.scales import make_scale
from osetra.space.values import print_value, read_value

ACCEPTED = (
    "log(1e-4, 1), linear(0, 1), one_minus_log(0.9, 0.999), integer(1, 4), log_integer(1, 1000), powers_of_two(16, 512), "
    "ordinal(1, 3, 10), choice(relu, tanh), or a plain value such as 0.01, adam, true"
)
_CALL = re.compile(r"\s*(\w+)\s*\((.*)\)\s*", re.DOTALL)
_ARGUMENT = re.compile(r"""\s*((?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^\s,'"()]+))\s*(,|$)""", re.DOTALL)


def parse_scale(text: str) -> Scale | Value:
    """The scale or plain value that `text` stands for. Raises `SpaceError`, naming the accepted forms, for anything else."""
    form = _CALL.fullmatch(text)
    try:
        return make_scale(form[1], _arguments(form[2])) if form else read_value(text)
    except SpaceError as error:
        raise SpaceError(f"{error} (accepted: {ACCEPTED})") from None


def print_scale(entry: Scale | Value) -> str:
    """The text that `parse_scale` turns back into this very scale or value."""
    return str(entry) if isinstance(entry, Scale) else print_value(entry)


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
