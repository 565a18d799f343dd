"""What a study may spend: seconds, trials, epochs; exact and of the whole study.

Knows nothing of: what it is spent on.
"""

import math
import re
from dataclasses import dataclass

from osetra.core.errors import StudyError

DEFAULT_SECONDS = 60.0
BYTES = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}
_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Bounds of a study, each None where there is none; the first that is reached ends it."""

    seconds: float | None = None
    """Wall-clock time from the start of `fit`, reading and preparing the data included, compiling (once a machine) not.

    An epoch that has begun is finished, and the first of a study is trained even when the time is up, so that there is a model.
    """
    trials: int | None = None
    epochs: int | None = None
    """Epochs of all trials together."""

    def __post_init__(self) -> None:
        if self.seconds is not None and not (math.isfinite(self.seconds) and self.seconds > 0):
            raise StudyError(f"budget must be a time > 0, got {self.seconds}; give for example 60s, 10m or 2h")
        for name in ("trials", "epochs"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise StudyError(f"{name} must be a whole number >= 1, got {value}; leave it out for no such bound")
        if self.seconds is None and self.trials is None and self.epochs is None:
            object.__setattr__(self, "seconds", DEFAULT_SECONDS)

    def in_words(self) -> str:
        """Such as `60 s` or `20 trials, 500 epochs`."""
        parts = [f"{self.seconds:g} s"] if self.seconds is not None else []
        parts += [f"{self.trials} trials"] if self.trials is not None else []
        parts += [f"{self.epochs} epochs"] if self.epochs is not None else []
        return ", ".join(parts)


def bytes_of(text: str | int, what: str) -> int:
    """Bytes of a number or a text such as `500MB` or `1GiB`. Raises StudyError for anything else; `what` is named in it."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*", str(text).lower()) if not isinstance(text, bool) else None
    if match is None or match[2].upper() not in BYTES:
        raise StudyError(f"{what} must be a number of bytes, perhaps with kB, MB or GiB behind it, got {text!r}; give for example 500MB")
    return int(float(match[1]) * BYTES[match[2].upper()])


def seconds(text: str | float) -> float:
    """Seconds of a number or a text such as `90`, `60s`, `10m`, `2h`. Raises StudyError for anything else."""
    if isinstance(text, int | float):
        return float(text)
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*", text.lower())
    if match is None or match[2] not in _UNITS:
        raise StudyError(f"a time must be a number with s, m, h or d behind it, got {text!r}; give for example 60s, 10m or 2h")
    return float(match[1]) * _UNITS[match[2]]
