"""One entry of a space as JSON can carry it.

    "adam"    {"log": [0.0001, 0.1]}    {"log": [0.0001, 0.1], "when": {"optimizer": ["gd"]}}    {"value": 0.9, "when": {...}}

Knows nothing of: other entries, files.
"""

from collections.abc import Mapping
from typing import Any

from osetra.core.errors import SpaceError
from osetra.core.records import Value
from osetra.space.conditions import When
from osetra.space.scale import Scale
from osetra.space.scales import make_scale


def entry_to_dict(entry: Scale | Value | When) -> Any:
    """JSON-able and exact."""
    if isinstance(entry, When):
        inner = entry.entry.to_dict() if isinstance(entry.entry, Scale) else {"value": entry.entry}
        return {**inner, "when": {name: list(values) for name, values in entry.conditions.items()}}
    return entry.to_dict() if isinstance(entry, Scale) else entry


def entry_from_dict(name: str, written: Any) -> Scale | Value | When:
    """What `entry_to_dict` wrote for a hyperparameter of that name. Raises `SpaceError` for anything else."""
    if not isinstance(written, Mapping):
        return written
    if "when" in written:
        needs = written["when"]
        if not isinstance(needs, Mapping):
            raise SpaceError(f'the conditions of {name} must be written as {{"other": [values]}}, got {needs!r}; write it with to_dict')
        rest = {key: value for key, value in written.items() if key != "when"}
        entry = rest["value"] if list(rest) == ["value"] else _scale(name, rest)
        return When(entry=entry, conditions=needs)
    return _scale(name, written)


def _scale(name: str, written: Mapping[str, Any]) -> Scale:
    if len(written) != 1 or not isinstance(next(iter(written.values())), (list, tuple)):
        raise SpaceError(f'{name} must be written as a value or as {{"kind": [arguments]}}, got {dict(written)}; write it with to_dict')
    ((kind, arguments),) = written.items()
    return make_scale(str(kind), arguments)
