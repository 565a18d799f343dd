"""Values as options of the `osetra` command.

Knows nothing of: which options there are.
"""

from typing import Any


def flags(name: str, value: Any) -> list[str]:
    """The option of this name: once for each entry of a list; none for None, False and an empty text.

    Values travel behind =, so that none is taken for an option.
    """
    flag = f"--{name.replace('_', '-')}"
    if value is None or value is False or value == "":
        return []
    if value is True:
        return [flag]
    return [f"{flag}={one}" for one in (value if isinstance(value, list | tuple) else [value])]
