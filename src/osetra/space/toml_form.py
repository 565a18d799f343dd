"""A space in TOML, in the words of the command line.

    learning_rate = "log(1e-4, 0.1)"
    batch_size = 64
    optimizer = "choice(adam, momentum)"
    momentum = "one_minus_log(0.8, 0.99)"
    constraints = ["optimizer == 'adam' or learning_rate > 1e-3"]

    [when.momentum]
    optimizer = ["momentum"]

Knows nothing of: which hyperparameters there are.
"""

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from osetra.core.errors import SpaceError
from osetra.core.records import Value
from osetra.space.conditions import When
from osetra.space.scale import Scale
from osetra.space.words import parse_scale, print_scale

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def write(entries: Mapping[str, Scale | Value | When], constraints: Sequence[str]) -> str:
    """The text of a space; `read` turns it back into the same entries and constraints."""
    lines: list[str] = []
    tables: list[str] = []
    for name, entry in entries.items():
        if isinstance(entry, When):
            tables += ["", f"[when.{_key(name)}]"]
            tables += [f"{_key(other)} = [{', '.join(_toml(value) for value in values)}]" for other, values in entry.conditions.items()]
            entry = entry.entry
        # Text goes through the words of the command line, so that 'log(1, 2)' can be told from log(1, 2).
        lines.append(f"{_key(name)} = {_toml(print_scale(entry) if isinstance(entry, (Scale, str)) else entry)}")
    if constraints:
        lines += ["constraints = [", *(f"    {_toml(text)}," for text in constraints), "]"]
    return "\n".join([*lines, *tables, ""])


def read(text_or_path: str | Path) -> tuple[dict[str, Scale | Value | When], list[str]]:
    """Entries and constraints of a space written in TOML. Raises `SpaceError` for a file that cannot be read and for anything else."""
    text = _text(text_or_path)
    try:
        written = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SpaceError(f'a space must be written in TOML, got {_short(text)} ({error}); such as learning_rate = "log(1e-4, 1)"') from None
    conditions, constraints = written.pop("when", {}), written.pop("constraints", [])
    if not isinstance(conditions, dict) or not all(isinstance(needs, dict) for needs in conditions.values()):
        raise SpaceError(
            f"conditions must be tables such as [when.momentum], got when = {conditions!r}; write optimizer = ['momentum'] in it"
        )
    if not isinstance(constraints, list):
        raise SpaceError(f'constraints must be a list of texts, got {constraints!r}; such as ["num_layers <= 4"]')
    entries = {name: _entry(name, entry) for name, entry in written.items()}
    for name, needs in conditions.items():
        if name not in entries:
            raise SpaceError(f"conditions must be of a hyperparameter of the space, got [when.{name}]; give {name} a scale or a value")
        entry = entries[name]
        if isinstance(entry, When):
            raise SpaceError(f"{name} must have its conditions in one place, got {entry} and [when.{name}]; drop one")
        entries[name] = When(entry=entry, conditions=needs)
    return entries, constraints


def _entry(name: str, written: Any) -> Scale | Value | When:
    if isinstance(written, str):
        try:
            return parse_scale(written)
        except SpaceError as error:
            raise SpaceError(f"{name} = {written!r}: {error}") from None
    return written


def _text(text_or_path: str | Path) -> str:
    if isinstance(text_or_path, str) and (not text_or_path.strip() or "=" in text_or_path or "\n" in text_or_path):
        return text_or_path
    try:
        return Path(text_or_path).read_text(encoding="utf-8")
    except (OSError, ValueError, TypeError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else "it is no text in UTF-8"
        raise SpaceError(f"a space must be TOML text or a file of it, got {str(text_or_path)!r} ({why}); check the path") from None


def _key(name: str) -> str:
    return name if _BARE_KEY.fullmatch(name) else _toml(name)


def _toml(value: Value) -> str:
    if isinstance(value, str):
        # TOML wants DEL escaped, JSON does not; all else is alike.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value)


def _short(text: str) -> str:
    first = text.strip().splitlines()[0] if text.strip() else ""
    return repr(first if len(first) <= 60 else first[:57] + "...")
