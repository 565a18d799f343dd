"""What was noticed about a trial's training: one record, made from its curve or from probes of its layers.

Knows nothing of: how it was noticed, what will be done about it.
"""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing out of order."""

    name: str
    """Such as `vanishing gradients` or `still falling`."""
    sentence: str
    """What was seen, with its numbers."""
    remedy: str
    """What helps, in words."""
    epoch: int | None = None
    """Since when, or at which probe; None where it is of the whole training."""
    layer: int | None = None
    """From 1; None where it is of no single layer."""
    certainty: str = ""
    """How sure that is, in words; empty where it is plain to see."""
    figure: str = ""
    """The figure that shows it, such as `curves`."""

    def to_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return asdict(self)
