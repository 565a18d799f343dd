"""Which hyperparameters are searched, on which scales, and what is left fixed: no training.

Names are looked up when first used, so importing this package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from osetra.space.conditions import When, when
    from osetra.space.constraints import Constraint
    from osetra.space.edits import Edit
    from osetra.space.history import SpaceHistory
    from osetra.space.known import KNOWN_HYPERPARAMETERS, check_names, check_values
    from osetra.space.scale import Scale
    from osetra.space.scales import choice, integer, linear, log, log_integer, one_minus_log, ordinal, powers_of_two
    from osetra.space.space import Space
    from osetra.space.tiers import default_configuration, default_space, tiers_for
    from osetra.space.words import parse_scale, print_scale

__all__ = [
    "KNOWN_HYPERPARAMETERS",
    "Constraint",
    "Edit",
    "Scale",
    "Space",
    "SpaceHistory",
    "When",
    "check_names",
    "check_values",
    "choice",
    "default_configuration",
    "default_space",
    "integer",
    "linear",
    "log",
    "log_integer",
    "one_minus_log",
    "ordinal",
    "parse_scale",
    "powers_of_two",
    "print_scale",
    "tiers_for",
    "when",
]

_HOMES = {
    "conditions": ("When", "when"),
    "constraints": ("Constraint",),
    "edits": ("Edit",),
    "history": ("SpaceHistory",),
    "known": ("KNOWN_HYPERPARAMETERS", "check_names", "check_values"),
    "scale": ("Scale",),
    "scales": ("choice", "integer", "linear", "log", "log_integer", "one_minus_log", "ordinal", "powers_of_two"),
    "space": ("Space",),
    "tiers": ("default_configuration", "default_space", "tiers_for"),
    "words": ("parse_scale", "print_scale"),
}


def __getattr__(name: str) -> Any:
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"osetra.space.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
