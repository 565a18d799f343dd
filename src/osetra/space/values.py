"""Plain values: what a hyperparameter may be, and how one is printed and read back.

    true, false     bool            64     int            0.001, 1e-08     float
    adam, 'two words', '64'         text, in quotes where it would read as something else

Reading what was printed gives the same value of the same type.
Knows nothing of: scales, spaces, which hyperparameters there are.
"""

import ast
import difflib
import math
import re
from collections.abc import Iterable
from typing import Any, TypeGuard

import numpy as np

from osetra.core.errors import SpaceError
from osetra.core.records import Value

LARGEST_WHOLE = 2**63 - 1
"""What a store keeps as a whole number."""

_BARE = re.compile(r"""[^\s,()\[\]{}'"=]+""")


def as_value(value: Any) -> Value:
    """A plain bool, int, float or str (NumPy scalars are unpacked, -0.0 becomes 0.0); `SpaceError` for anything else."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int) and abs(value) <= LARGEST_WHOLE:
        return int(value)
    if isinstance(value, float) and math.isfinite(value):
        return float(value) + 0.0
    if isinstance(value, (list, tuple, set, frozenset)):
        few = ", ".join(repr(item) for item in list(value)[:3]) or "1, 2"
        raise SpaceError(
            f"a value must be a number, text or true/false, got {_shorten(value)}; several values are choice({few}) or ordinal({few})"
        )
    raise SpaceError(f"a value must be a finite number (64 bits), text or true/false, got {_shorten(value)}; give one of these")


def is_number(value: object) -> TypeGuard[float]:
    """Whether it is a finite int or float; true and false are no numbers."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and -math.inf < value < math.inf


def is_whole(value: object) -> TypeGuard[int]:
    """Whether it is an int; 3.0, true and false are not."""
    return isinstance(value, int) and not isinstance(value, bool)


def same(one: Value, other: Value) -> bool:
    """Whether they are one value: 1 and 1.0 are, 1 and true are not."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def print_value(value: Value) -> str:
    """The text that `read_value` turns back into this very value."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        return repr(value)
    return value if _reads_as_itself(value) else repr(value)


def print_short(value: Value) -> str:
    """For people: numbers to 6 digits."""
    return f"{value:.6g}" if isinstance(value, float) else print_value(value)


def read_value(text: str) -> Value:
    """The value that `text` stands for. Raises `SpaceError` for empty text, brackets, lists and unbalanced quotes."""
    text = text.strip()
    if text[:1] in ("'", '"'):
        return _read_quoted(text)
    if not _BARE.fullmatch(text):
        raise SpaceError(f"a plain value must be one number or word, got {text!r}; put text that holds spaces or signs in quotes")
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for kind in (int, float):
        try:
            return as_value(kind(text))
        except SpaceError:
            raise SpaceError(f"a number must be finite and fit 64 bits, got {text}; if a word is meant, put it in quotes") from None
        except ValueError:
            continue
    return text


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The remedy for a word that is not known: the nearest ones, or all there are."""
    known = list(known)
    near = difflib.get_close_matches(word, known, n=3)
    if near:
        return f"did you mean {' or '.join(near)}?"
    return f"there are: {', '.join(known)}" if known else "there are none"


def _reads_as_itself(text: str) -> bool:
    try:
        return read_value(text) == text
    except SpaceError:
        return False


def _read_quoted(text: str) -> str:
    try:
        value = ast.literal_eval(text)
    except (SyntaxError, ValueError):
        value = None
    if not isinstance(value, str):
        raise SpaceError(f"quoted text must begin and end with the same quote, got {text}; mend the quotes")
    return value


def _shorten(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
